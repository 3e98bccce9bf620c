"""What is saved is read again as an equal site, with its comments; and what was chosen stands in it."""

# mypy: disable-error-code="import-untyped"

import difflib
import json
import os
import random
import stat
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import k2rel
from k2rel.bundled import data_dir, site_path
from k2rel.cli.printing import written
from k2rel.errors import InputError
from k2rel.measures.inputs import inputs_of
from k2rel.measures.solution import solution_of
from k2rel.report.execute import executed
from k2rel.site import read_site
from k2rel.site.editing import edited
from k2rel.site.plain import has_name
from k2rel.site.source import yaml_source
from k2rel.site.templates import expanded
from k2rel.site.yaml_text import scalar, yaml_text_of
from k2rel.textio import write_whole
from tests import random_sites, random_takeovers, random_traffic

ROOT = Path(__file__).parents[1]
EXAMPLES = [*sorted((ROOT / "data" / "examples" / "designs").glob("*.yaml")), ROOT / "tests" / "foreign_site.yaml",
            *sorted((ROOT / "data" / "examples").glob("*.yaml"))]  # fmt: skip
FILES = [*(site_path(level) for level in k2rel.level_names()), *EXAMPLES]
OLD = [site_path(level, "0.1") for level in k2rel.level_names("0.1")]
FEW = {"L2R.yaml", "mlag.yaml", "vrrp.yaml", "foreign_site.yaml"}
RANDOM = (random_sites, random_takeovers, random_traffic)


def each(files):
    """A few of the files, and all of them with the slow proofs."""
    return [pytest.param(file, marks=() if file.name in FEW else pytest.mark.slow, id=f"{file.parents[1].name}-{file.stem}")
            for file in files]  # fmt: skip


def read_back(site, folder, **chosen):
    return read_site(site.save(folder / "saved.yaml", force=True), **chosen)


@pytest.mark.parametrize("file", each([*FILES, *OLD]))
def test_a_file_that_is_saved_is_the_same_file(file, tmp_path):
    site = read_site(file)
    saved = site.save(tmp_path / "saved.yaml")
    assert saved.read_bytes() == file.read_bytes()
    assert read_site(saved) == site
    assert site.to_dict() == expanded(yaml_source(file.read_text(), str(file))).data


@pytest.mark.parametrize("file", each(FILES))
def test_what_a_site_is_in_python_is_the_same_site_as_a_file(file, tmp_path):
    site = read_site(file)
    in_python = read_site(site.to_dict())
    assert in_python == site
    again = read_back(in_python, tmp_path)
    assert again == site
    assert again.to_dict() == site.to_dict()


@pytest.mark.parametrize(
    ("file", "variant"),
    [(file, variant) for file in FILES for variant in yaml.safe_load(file.read_text()).get("variants", ())],
)
@pytest.mark.usual("file0-degraded_backup", "file4-alone")
def test_a_variant_is_saved_as_the_site_that_it_is(file, variant, tmp_path):
    site = read_site(file, variant=variant)
    again = read_back(site, tmp_path)
    assert again == site
    assert replace(again, variant=variant, variants=site.variants) == site
    assert [line for line in file.read_text().splitlines() if line.startswith("#")] == [
        line for line in (tmp_path / "saved.yaml").read_text().splitlines() if line.startswith("#")
    ]
    assert read_back(read_site(file), tmp_path, variant=variant) == site


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 60))])
@pytest.mark.parametrize("drawn", RANDOM, ids=lambda module: module.__name__.partition(".")[2])
def test_sites_drawn_at_random_come_back(drawn, seed, tmp_path):
    document = drawn.random_document(seed)
    site = read_site(document)
    assert site.to_dict() == document
    assert read_back(site, tmp_path) == site
    (tmp_path / "dense.yaml").write_text(json.dumps(document))
    assert read_site(tmp_path / "dense.yaml") == site


CHOSEN = {
    "clients": ("L2R", {"clients": 9}),
    "law of a type": ("L2R", {"settings": {"psu.mttr": "5 h"}}),
    "law of a type that parts have": ("L2R", {"settings": {"switch_A.mttf": "3e6 h", "gige_switch.mttf": "2e6 h"}}),
    "another form of a rate": ("L2R", {"settings": {"drive.unavailability": "1e-5", "psu.rates": "server_board"}}),
    "a client's part": ("L3R", {"settings": {"media_A.mttr": "8 h", "client.external": "false"}}),
    "capacities": ("L2R", {"settings": {"toe.capacity": "80", "toe_A1.capacity": "60 MB/s"}}),
    "a demand beside a share of the clients": ("L1", {"clients": 9, "settings": {"media.demand": "50 Mb/s"}}),
    "a path failover": ("L2R", {"settings": {"media.path_failover_coverage": "0.9", "media.path_failover_time": "9 s"}}),
    "takeovers": (
        "L2R",
        {"settings": {"file_system.coverage[psu]": "0.9", "file_system.switchover": "5 s", "file_system.drift": "0.1 /h",
                      "file_system.drill": "90 d", "file_system.failback": "automatic after 10 min",
                      "file_system.detection[psu]": "7 s"}},
    ),
    "an assumption": ("L3R", {"settings": {"assumption.toe_capacity": "70 MB/s", "assumption.coverage": "0.8"}}),
    "limits": ("L2R", {"settings": {"psu.mttf": "250000 h (80000 h to 900000 h)", "media.demand": "9 (8 to 10, uniform)",
                                    "assumption.coverage": "0.9 (0.8 to 0.95)"}}),
    "limits of several parts": ("L2R", {"settings": {"toe.capacity": "80 (70 to 90)", "toe_A1.mttr": "3 h (1 h to 9 h)"}}),
    "a variant and more": ("L3R", {"variant": "degraded_backup", "clients": 12, "settings": {"toe.mttr": "2 h"}}),
}  # fmt: skip


@pytest.mark.parametrize(("level", "asked"), CHOSEN.values(), ids=CHOSEN)
@pytest.mark.usual(
    "a variant and more",
    "limits of several parts",
    "another form of a rate",
    "takeovers",
    "law of a type that parts have",
    "a demand beside a share of the clients",
)
def test_what_was_chosen_stands_in_the_file(level, asked, tmp_path):
    one = k2rel.study(level, **asked)
    other = k2rel.study(one.site.save(tmp_path / "saved.yaml"))
    assert other.site.changed == ()
    assert other.site == one.site
    assert one.site != read_site(level)
    assert said(other) == said(one)
    table = k2rel.takeovers(one)
    assert table.equals(k2rel.takeovers(other))
    if level == "L1":
        found = [k2rel.availability(study, method="exact").table() for study in (one, other)]
        assert found[0].equals(found[1])


def said(study):
    """All numbers that figures rest on, whoever said them; limits are of an entry of the file, or of a setting."""
    site = study.site
    roles = [[(each.name, getattr(role, each.name)) for each in fields(role) if each.name != "uses"]
             for role in site.roles.values()]  # fmt: skip
    flows = [replace(flow, uses=()) for flow in site.traffic.values()]
    parts = [(part.id, part.capacity_mb_s, part.external) for part in site.parts()]
    known = inputs_of(solution_of(study, "exact")).values()
    limits = sorted((one.point, one.low, one.high) for one in known)
    laws = {name: replace(law, uses=()) for name, law in study.laws.used()}
    return laws, roles, flows, parts, limits, site.group_sizes


def changed_lines(level, saved):
    before, after = site_path(level).read_text().splitlines(), saved.read_text().splitlines()
    return [line for line in difflib.ndiff(before, after) if line[0] in "+-"]


def test_only_the_lines_that_must_change_do(tmp_path):
    site = read_site("L2R", clients=9, settings={"psu.mttr": "5 h", "toe_A1.capacity": "60 MB/s"})
    found = changed_lines("L2R", site.save(tmp_path / "saved.yaml"))
    assert "+   count: 9" in found
    assert "+   psu: {mttr: 5 h}" in found
    assert "-   toe_A1: {type: toe, side: A, in: server_A, capacity: =toe_capacity}" in found
    assert "+   toe_A1: {type: toe, side: A, in: server_A, capacity: 60 MB/s}" in found
    assert len([line for line in found if line[2:].strip()]) <= 16
    comments = [line.partition("#")[2] for line in site_path("L2R").read_text().splitlines() if "#" in line]
    assert comments == [
        line.partition("#")[2] for line in (tmp_path / "saved.yaml").read_text().splitlines() if "#" in line
    ]


def test_the_register_of_assumptions_says_what_was_chosen(tmp_path):
    site = read_site("L2R", clients=9, settings={"file_system.switchover": "5 s"})
    rows = {row.name: row for row in read_back(site, tmp_path).assumptions}
    assert rows["switchover_time"].value == "5 s"
    assert rows["switchover_time"].reason == "set by the user (file_system.switchover); the file has 45 s"
    assert rows["clients"].value == "9"


def test_common_causes_that_were_chosen_are_saved(tmp_path):
    for groups in ("twins", "none"):
        site = k2rel.study("L2R", common_cause=groups).site
        again = read_back(site, tmp_path)
        assert again.common_cause == site.common_cause
        assert again == site


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"settings": {"media_raid_drive_1.mttf": "1e5 h"}}, r"media_raid_drive_1\.mttf: a drive of a RAID set has no"),
    ],
)
def test_what_has_no_place_in_a_file_is_refused_by_its_name(asked, told, tmp_path):
    with pytest.raises(InputError, match=told):
        read_site("L2R", **asked).save(tmp_path / "saved.yaml")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("L2R", "L2R: this is the name of a level, which would be read in its place; write L2R.yaml"),
        (site_path("L2R"), "what came with k2rel stays as it is"),
        (data_dir() / "levels" / "mine.yaml", "what came with k2rel stays as it is"),
        ("folder", "folder: is a folder"),
        ("there.yaml", "there.yaml: already exists; use force=True to replace it"),
        ("none/site.yaml", "none/site.yaml: cannot be written: No such file or directory"),
        ("", "path: the path of a file is needed, got str"),
        (5, "path: the path of a file is needed, got int"),
        ("a\0b", "invalid file name"),
    ],
)
def test_files_that_must_stay_stay(path, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("there.yaml").write_text("mine")
    with pytest.raises(InputError, match=told):
        read_site("L1").save(path, force=path != "there.yaml")
    assert Path("there.yaml").read_text() == "mine"
    read_site("L1").save("there.yaml", force=True)
    assert read_site("there.yaml") == read_site("L1")


@pytest.mark.parametrize("kind", ["pipe", "device", "link"])
def test_what_is_no_file_is_not_replaced_by_one(kind, tmp_path):
    there = tmp_path / "there.yaml"
    if kind == "device":
        try:
            os.mknod(there, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # of its own, as /dev/null is one
        except OSError:
            pytest.skip("making a device is for root")
    else:
        os.mkfifo(there if kind == "pipe" else tmp_path / "far")
        if kind == "link":
            there.symlink_to(tmp_path / "far")
    before = there.lstat()
    told = f"is a {'device' if kind == 'device' else 'pipe'}, not a file, and is not replaced"
    for write in (
        lambda: read_site("L1").save(there, force=True),
        lambda: write_whole(there, "text"),
        lambda: written(str(there), "text", True),
        lambda: executed(Path("none.ipynb"), there, {}),
    ):
        with pytest.raises(InputError, match=told):
            write()
    assert there.lstat() == before
    assert len(list(tmp_path.iterdir())) == 1 + (kind == "link")


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    def stopped(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(InputError, match=r"saved\.yaml: cannot be written: No space left on device"):
        read_site("L1").save(tmp_path / "saved.yaml")
    assert not list(tmp_path.iterdir())


def test_a_pinned_table_goes_with_its_site(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    file = tmp_path / "here" / "site.yaml"
    file.write_text(site_path("L1").read_text().replace("\ncomponents:", "\nrates: pins.csv\ncomponents:"))
    table = "id,component_types,failure_rate_per_h,mttr_onsite_h,mttr_4h_h,mttr_nbd_h,evidence,source\n"
    (tmp_path / "here" / "pins.csv").write_text(table)
    site = read_site(file)
    saved = site.save(tmp_path / "there" / "copy.yaml")
    assert (tmp_path / "there" / "pins.csv").read_text() == table
    assert read_site(saved) == site
    assert read_site(saved).rates_file == str(tmp_path / "there" / "pins.csv")
    site.save(tmp_path / "here" / "other.yaml")
    (tmp_path / "there" / "pins.csv").write_text(table + "\n")
    with pytest.raises(
        InputError, match=r"another table of rates, .*there/pins.csv, is in the place of that of this site"
    ):
        site.save(tmp_path / "there" / "again.yaml")


def test_line_ends_and_a_mark_at_the_head_are_kept(tmp_path):
    text = site_path("L1").read_text().replace("\n", "\r\n")
    file = tmp_path / "site.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    saved = read_site(file, clients=7).save(tmp_path / "saved.yaml")
    assert saved.read_bytes().count(b"\r\n") == saved.read_bytes().count(b"\n")
    assert read_site(saved).client_count == 7


# any plain data as YAML

ODD = ["4 h", "yes", "on", "1e5", "0x1f", "1_000", "12:30", "=x", "@x", "2026-01-01", "1.5", "- a", "a: b", "a #b", "~",
       "null", "", " a", "a ", "55 °C", "40 % of clients", "=", "<<", "!x", "&a", "*a", "%a", "`a", "|", ">", "[a", "{a",
       "a,b", "?", "? a", "-", "---", "...", "a\nb", "é", "日本", "y", "N", "0o7", ".5", "1.0e3", ".inf", "\u202ea", "\x85"]  # fmt: skip
scalars = st.one_of(st.text(max_size=20), st.integers(-(10**20), 10**20), st.floats(allow_nan=False), st.booleans(),
                    st.none(), st.sampled_from(ODD))  # fmt: skip
names = st.one_of(st.text(max_size=10), st.sampled_from(["on", "no", "a", "b", "c", "1", *ODD]))
values = st.recursive(
    scalars, lambda one: st.one_of(st.lists(one, max_size=4), st.dictionaries(names, one, max_size=4)), max_leaves=20
)
documents = st.dictionaries(names, values, min_size=1, max_size=5)
few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def alike(one, other):
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@few
@given(documents)
def test_any_plain_data_is_read_as_it_was_written_by_others_too(data):
    text = yaml_text_of(data)
    assert alike(yaml_source(text, "x").data, with_names(data))
    assert alike(yaml.safe_load(text), data)


def with_names(value, path=()):
    """Data in which numbers that stand for a name are texts, as written."""
    if isinstance(value, dict):
        return {key: with_names(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [with_names(item, (*path, n)) for n, item in enumerate(value)]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return scalar(value) if number and has_name(path) else value


@few
@given(
    documents, documents, st.randoms(use_true_random=False), st.sampled_from(["ours", "commented", "PyYAML", "JSON"])
)
def test_a_text_that_is_changed_says_what_it_must_and_keeps_the_rest(before, other, chance, style):
    after = mixed(before, other, chance)
    assume(after)
    text = {"ours": yaml_text_of, "commented": lambda data: commented(yaml_text_of(data), chance), "JSON": json.dumps,
            "PyYAML": lambda data: yaml.safe_dump(data, allow_unicode=True, sort_keys=False)}[style](before)  # fmt: skip
    try:
        assume(alike(yaml_source(text, "x").data, before))
    except InputError:
        assume(False)
    new = edited(text, before, after)
    if new is not None:
        assert alike(yaml_source(new, "x").data, with_names(after))
    if alike(before, after):
        assert new == text


def mixed(one, other, chance):
    """One value with parts of another in it."""
    if isinstance(one, dict) and isinstance(other, dict):
        result = {}
        for key, value in one.items():
            if chance.random() > 0.2:
                result[key] = mixed(value, chance.choice(list(other.values())), chance) if other else value
        return result | {key: value for key, value in other.items() if chance.random() < 0.3}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other) > 0:
        return [mixed(a, b, chance) for a, b in zip(one, other, strict=True)]
    return other if chance.random() < 0.4 else one


def commented(text, chance):
    lines = []
    for line in text.split("\n"):
        lines += ["# above"] if chance.random() < 0.3 else []
        lines.append(line + ("  # behind" if line and '"' not in line and chance.random() < 0.5 else ""))
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(2))
def test_titles_and_reasons_of_any_text_come_back(seed, tmp_path):
    data = read_site("L1").to_dict()
    chance = random.Random(seed)
    for entry in [data, *data["components"].values(), *data["assumptions"].values()]:
        for key in {"title", "description", "reason"} & set(entry):
            text = chance.choice(ODD) + "".join(chr(chance.randrange(32, 0x2FF)) for _ in range(chance.randrange(40)))
            kept = " " if key == "title" else " \n"  # no sign is hidden in a text, and a title is one line
            entry[key] = "".join(sign for sign in text if sign.isprintable() or sign in kept)
    site = read_site(data)
    assert read_back(site, tmp_path) == site


def test_every_field_of_a_site_but_its_place_is_compared():
    assert {each.name for each in fields(k2rel.Site) if not each.compare} == {"file", "found", "origin", "warnings"}


NUMBERS = [("mttf", "500 h"), ("mttf", "900 h (500 h to 2000 h)"), ("mttr", "3 h"), ("failure_rate", "0.001"),
           ("unavailability", "1e-3"), ("test_interval", "30 h"), ("capacity", "20 MB/s"), ("external", "true")]  # fmt: skip
OF_ROLES = [("coverage", "0.7"), ("coverage[part]", "0.5"), ("detection[part]", "9 s"), ("switchover", "1 min"),
            ("failback", "automatic after 3 min"), ("spurious", "0.1 per year"), ("giveback", "4 s"),
            ("coverage", "0.8 (0.7 to 0.9)"), ("restoration", "8 h")]  # fmt: skip


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 150))])
def test_any_settings_of_any_site_stand_in_its_file(seed, tmp_path):
    chance = random.Random(seed)
    site = read_site(chance.choice(RANDOM).random_document(seed))
    named = [*site.described, *{part.type for part in site.described.values()}]
    asked = {}
    for _ in range(chance.randint(1, 4)):
        for names, keys in ((named, NUMBERS), (list(site.roles), OF_ROLES), (list(site.traffic), [("demand", "7")])):
            if names and chance.random() < 0.6:
                key, value = chance.choice(keys)
                asked[f"{chance.choice(names)}.{key}"] = value
    origin = site if chance.random() < 0.5 else site.save(tmp_path / "origin.yaml")
    try:
        one = k2rel.study(origin, settings=asked, clients=chance.choice([None, 3]))
    except InputError:
        pytest.skip("these settings do not go together")
    saved = k2rel.study(one.site.save(tmp_path / "saved.yaml"))
    assert said(saved) == said(one)
    assert saved.site == one.site


def test_sites_are_equal_where_a_file_would_say_the_same():
    one = read_site("L2R", settings={"psu.mttr": "5 h"})
    assert one == read_site("L2R", settings={"psu.mttr": "5 h"}) == read_site(one.to_dict())
    both = {"psu.mttr": "5 h", "toe.mttr": "3 h"}
    assert read_site("L2R", settings=both) == read_site(read_site("L2R", settings=both).to_dict()) != one
    assert one != read_site("L2R", settings={"psu.mttr": "6 h"})
    of_a_drive = {"media_raid_drive_1.mttf": "1e5 h"}  # which no file can say
    assert read_site("L2R", settings=of_a_drive) == read_site("L2R", settings=of_a_drive)
    assert read_site("L2R", settings=of_a_drive) != one
    assert one != "L2R"
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
