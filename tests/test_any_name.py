"""Any printable name goes through everything, and a file of another YAML library or of JSON is read as it was meant."""

import json
import random
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

import k2rel
from k2rel.bundled import data_dir, site_path
from k2rel.distributions import from_limits
from k2rel.errors import InputError
from k2rel.faulttrees import read_fault_trees
from k2rel.faulttrees.solve import solve
from k2rel.inputs import Input
from k2rel.measures.exchange import labelled_chain_of, prism_of
from k2rel.measures.site_entries import site_entries
from k2rel.organisation import Organisation
from k2rel.plots import draw_site
from k2rel.policy.failover import failover
from k2rel.policy.rules import Policy
from k2rel.report.explorer import LISTED, explorer_data, explorer_script
from k2rel.site.names import file_stem, spoken, wrong_with_name
from k2rel.site.read import read_site, site_of
from k2rel.site.source import yaml_source
from k2rel.textio import as_words, identifiers, words_in
from tests.renamed import names_of, renamed
from tests.test_explorer import near, spelled
from tests.visiting import CHROMIUM

yaml = pytest.importorskip("yaml")

FOREIGN = Path(__file__).with_name("foreign_site.yaml")
FILES = [site_path("L2R"), site_path("L3R"), FOREIGN, *sorted((data_dir() / "examples" / "designs").glob("*.yaml"))]
WILD = [
    "a.b", "a_b", "a b", "x & y", "x", "y", "p and q", "l, m", "it's", 'say "hi"', "<b>bold</b>", "1e5", "0o17",
    "</script><script>alert(1)</script>", "$x^2$", "US$", "_", "__", "__proto__", "constructor", "at_", "at_x", "1",
    "1.10", "true", "null", "[x]", "50 %", "back\\slash", "a/b", "..", "k: v", "CON", "# hash", "p|q", "s → t", "p=q",
    "-rf", "é", "漢字", "😀", "A", "a", "default.x", "none", "role x", "home", "%s {0}", "~", "*", "&amp;", "x.mttf",
    "coverage[x]", "client_x", "each client's", "x_drive_1", "NaN", "2026-01-01", "no", "on", "toString", "x_client",
    "x suspended", "x placed in service", "-1", "lost", "(1)", "a\u0301",
]  # fmt: skip


def data_of(path):
    return YAML(typ="safe", pure=True).load(Path(path).read_text())


def written(path, data, **how):
    path.write_text(yaml.dump(data, sort_keys=False, **how))
    return path


def other_names(path, names):
    """What a file says by other names, each old name's new one, and the site of old."""
    data, study = data_of(path), k2rel.study(str(path))
    new = dict(zip(names_of(data), names, strict=False))
    rows = {study.site.described[name].type: law.rates_id for name, law in study.laws.used()}
    return renamed(data, new, lambda kind: rows.get(kind, "")), new, study


def wild_names(shift=0):
    return [*WILD[shift:], *WILD[:shift], *(f"{n}. $ & <i> '{n}" for n in range(300))]


def as_before(text, new):
    """A JSON answer with the old names for the new, which must stand there as they are in the file."""
    old = {name: key for key, name in new.items()}

    def back(value):
        if isinstance(value, dict):
            return {known(key): back(item) for key, item in value.items()}
        if isinstance(value, list):
            return [back(item) for item in value]
        return known(value) if isinstance(value, str) else value

    def known(name):
        own = re.fullmatch(r"(client_\d+_)(.*)", name)
        if own and own[2] in old:
            return own[1] + old[own[2]]
        of_class = re.fullmatch(r"(.*)(_client(_\d+)?)", name)
        return old[of_class[1]] + of_class[2] if of_class and of_class[1] in old else old.get(name, name)

    return back(json.loads(json.dumps(text)))


def figures(study, new, some=8):
    """Availability, load and some failover outcomes, by the names of old."""
    site = study.site
    new = {key: name for key, name in new.items() if name not in ("title", "client")}
    old = {name: key for key, name in new.items()}
    services = {row["service"]: row["unavailability"] for row in as_before(study_json(study), new)}
    loads = {old[item.element]: item.mean_mb_s for item in k2rel.load(study).elements}
    after = {}
    for part in sorted(site.components.keys() & old.keys(), key=lambda name: old[name])[:some]:
        outcome = as_before(k2rel.failover(study, part).to_json(), new)
        after[old[part]] = [outcome["roles"], outcome["services"], outcome["out_of_service"]]
    return services, loads, after


def study_json(study):
    return k2rel.availability(study).to_json()["services"]


def same(one, other):
    (u, loads, after), (v, others, then) = one, other
    assert u.keys() == v.keys() and loads.keys() == others.keys() and after == then
    np.testing.assert_allclose([*u.values(), *loads.values()], [v[key] for key in u] + [others[key] for key in loads],
                               rtol=1e-9, atol=1e-15)  # fmt: skip


@pytest.mark.parametrize("path", [FOREIGN, site_path("L2R"), FILES[-1]], ids=lambda path: path.stem)
def test_a_site_by_other_names_has_the_same_figures(path, tmp_path) -> None:
    data, new, study = other_names(path, wild_names())
    there = k2rel.study(str(written(tmp_path / "wild.yaml", data)))
    assert set(there.site.components) >= {name for key, name in new.items() if key in study.site.components}
    same(figures(there, new), figures(study, {name: name for name in new}))


# letters of any script, signs, spaces within; drawn sites may not have what the rules of names leave out
SIGNS = st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" .&$'\"<>[]{}|/\\_@=#:,%1eA")
NAMES = (
    st.text(SIGNS, min_size=1, max_size=12).map(str.strip).filter(lambda name: name and wrong_with_name(name) is None)
)


ANY = settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def of_any_names(data, folder):
    """A site with the names that are drawn: figures, drawing and export."""
    count = len(names_of(data_of(FOREIGN)))
    names = data.draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    entries, new, study = other_names(FOREIGN, names)
    there = k2rel.study(str(written(folder / "any.yaml", entries, allow_unicode=data.draw(st.booleans()))))
    same(figures(there, new, 2), _figures_of_old(str(FOREIGN), tuple(new)))
    svg = draw_site(there.site, k2rel.failover(there)).svg
    parts = {group.get("data-part") for group in ET.fromstring(svg).iter() if group.get("data-part")}
    assert {name for key, name in new.items() if key in study.site.components and key != "cupboard"} <= parts
    read = solve(read_fault_trees(_kept(folder / "any.xml", k2rel.open_psa_of(there))))
    services = {item.service: item.unavailability for item in k2rel.availability(there, method="exact").services}
    tops = {top.top: top.probability for top in read.tops if top.top in services}
    assert tops == pytest.approx({name: services[name] for name in tops}, rel=1e-9)


@cache
def _figures_of_old(path, names):
    return figures(k2rel.study(path), {name: name for name in names}, 2)


@ANY
@given(data=st.data())
def test_any_printable_names_give_the_same_figures(data, tmp_path) -> None:
    of_any_names(data, tmp_path)


@pytest.mark.slow
@settings(ANY, max_examples=60)
@given(data=st.data())
def test_many_printable_names_give_the_same_figures(data, tmp_path) -> None:
    of_any_names(data, tmp_path)


def _kept(path, text):
    path.write_text(text)
    return path


@pytest.mark.slow
def test_a_report_of_wild_names_renders_and_runs_nothing_of_them(tmp_path) -> None:
    data, _, _ = other_names(FOREIGN, wild_names())
    data["name"] = "../a/b: $x$ <i>"
    rendered = k2rel.render_reports(str(written(tmp_path / "wild.yaml", data)), tmp_path / "out")
    assert rendered.failures == ()
    for page in rendered.reports:
        assert page.parent == tmp_path / "out"
        text = page.read_text()
        assert "<b>bold" not in text and "<script>alert" not in text and "<i>" not in text
    assert len(k2rel.history(k2rel.study(str(tmp_path / "wild.yaml")), tmp_path / "out")) == 2


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize("path", [FOREIGN, site_path("L2R"), FILES[-1]], ids=lambda path: path.stem)
def test_the_page_and_the_library_agree_on_wild_names(browser, path, tmp_path) -> None:
    data, _, _ = other_names(path, wild_names(17))
    site = k2rel.study(str(written(tmp_path / "wild.yaml", data))).site
    shown = explorer_data(site)
    page, chance = browser.new_page(), random.Random(7)
    page.add_script_tag(content=explorer_script() + "\nwindow.k2rel = {evaluate: k2relEvaluate, state: k2relState};")
    parts = [*site.components, *(site.client_part_id(1, key) for key in site.client_parts)]
    for home, rules in shown["policies"].items():
        states = [chance.sample(parts, min(len(parts), chance.choice([0, 1, 2, 4]))) for _ in range(12)]
        script = "text => { const [d, s] = JSON.parse(text); return JSON.stringify(s.map(f => k2rel.evaluate(d, f))); }"
        for failed, found in zip(states, json.loads(page.evaluate(script, json.dumps([rules, states]))), strict=True):
            assert near(spelled(failover(Policy(site, None if home == LISTED else home), failed)), found), failed
    # an address and a file hold every name
    script = """text => { const failed = JSON.parse(text), s = k2rel.state, from = (given) => s.take(given, {}).state.failed;
        return JSON.stringify([from(s.read(s.write({ failed }))), from(s.readFile(s.writeFile({ failed })))]); }"""
    assert json.loads(page.evaluate(script, json.dumps(parts))) == [parts, parts]
    page.close()


def test_settings_name_what_has_dots_signs_of_equality_and_brackets(k2, tmp_path) -> None:
    data = data_of(FOREIGN)
    names = {"brain": "brain v1.2", "hub_east": "hub=1.mttr", "recorder": "re.corder", "cameras": "cam [x].y"}
    names |= {"move_time": "move = time", "wire": "wi.re"}
    data["roles"]["recorder"]["coverage"] = {"default": 0.95, "wire": 0.9}
    kept = written(tmp_path / "old.yaml", data)
    new = {name: names.get(name, name) for name in names_of(data)}
    study = k2rel.study(str(kept))
    rows = {study.site.described[name].type: law.rates_id for name, law in study.laws.used()}
    path = written(tmp_path / "site.yaml", renamed(data, new, lambda kind: rows.get(kind, "")))
    given = ["brain v1.2.mttr=4 h", "hub=1.mttr.mttf=1000 h", "re.corder.coverage[wi.re]=0.8", "cam [x].y.demand=3 MB/s",
             "assumption.move = time=5 s"]  # fmt: skip
    old = ["brain.mttr=4 h", "hub_east.mttf=1000 h", "recorder.coverage[wire]=0.8", "cameras.demand=3 MB/s",
           "assumption.move_time=5 s"]  # fmt: skip
    words = [["availability", file, "--format", "json", *(w for one in texts for w in ("--set", one))]
             for file, texts in ((path, given), (kept, old))]  # fmt: skip
    one, other = (k2(*each).json for each in words)
    assert [row["unavailability"] for row in one["services"]] == [row["unavailability"] for row in other["services"]]
    assert one["settings"] == given
    site = read_site(
        path, settings={"re.corder.coverage[wi.re]": "0.8 (0.7 to 0.9)", "brain v1.2.mttr": "4 h (1 h to 9 h)"}
    )
    assert set(site.inputs) == {'roles."re.corder".coverage."wi.re"', '"brain v1.2".mttr'}
    run = k2("availability", path, "--set", "brain v1.3.mttr=4 h")
    assert run.code == 2 and "did you mean 'brain v1.2' (type)" in run.err
    assert k2("failover", path, "--fail", "hub=1.mttr", "--format", "json").json["failed"] == ["hub=1.mttr"]
    assert k2("availability", path, "--method", "markov", "--crews", "1", "--priority", "wi.re,brain v1.2").code == 0


REFUSED = {
    "": "it is empty", " x": "begin or end with a space", "x\u00a0": "U+00A0", "a\nb": "U+000A", "a\u202eb": "U+202E",
    "@x": "'@name' may stand", "=x": "an assumption's value", "x" * 64: "64 characters", "client_3": "of a client",
    "a\u200bb": "U+200B", "client_3_x": "reserved for the clients' parts", "clients": "stands for the clients",
    "footage_drive_2": "a drive of RAID set 'footage'",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name[:12]))
def test_a_name_that_cannot_be_is_refused_in_one_sentence_with_its_line(name, tmp_path) -> None:
    data = data_of(FOREIGN)
    data["components"][name] = data["components"].pop("hub_east")
    path = written(tmp_path / "site.yaml", data)
    with pytest.raises(InputError) as caught:
        read_site(path)
    told = [str(one) for one in caught.value.problems if REFUSED[name] in str(one)]
    assert len(told) == 1 and re.match(rf"{re.escape(str(path))}:\d+: components", told[0])


@pytest.mark.parametrize("sign", ["\u202e", "\x07", "\x1b", "\u2066"], ids=ascii)
def test_no_text_of_a_site_commands_the_terminal(sign, tmp_path, k2) -> None:
    for place in ("title", "description", "components"):
        data = data_of(FOREIGN)
        entry = data["components"]["hub_east"] if place == "components" else data
        entry["title" if place == "components" else place] = f"x{sign}[31m"
        run = k2("check", written(tmp_path / "site.yaml", data))
        assert run.code == 2 and f"has U+{ord(sign):04X}, which is not a printable" in run.err and sign not in run.err
    data = data_of(FOREIGN)
    data["title"], data["description"] = "10\u00a0km", "two\nlines"
    assert k2("check", written(tmp_path / "site.yaml", data)).code == 0
    data["components"]["hub_east"]["needs"] = ["hub_west", "hub_west"]
    assert "names 'hub_west' twice" in k2("check", written(tmp_path / "site.yaml", data)).err


def test_services_that_are_derived_keep_their_names_and_no_others() -> None:
    data = data_of(FOREIGN)
    for name, free in (("cameras_client", False), ("cameras_client_2", False), ("x_client", True),
                       ("lost_2_or_more_clients", False), ("lost_x", True), ("full_service", False)):  # fmt: skip
        renaming = {key: key for key in names_of(data)} | {"tides": name}
        text = yaml.dump(renamed(data, renaming, lambda kind: ""))
        if free:
            assert name in _read(text).traffic
        else:
            with pytest.raises(InputError, match="reserved for a service"):
                _read(text)


def _read(text):
    return replace(site_of(yaml_source(text, "x.yaml")), file="")


LIBRARIES = {
    "PyYAML": lambda data: yaml.dump(data, sort_keys=False),
    "PyYAML, sorted": yaml.dump,
    "PyYAML, YAML 1.1": lambda data: yaml.dump(data, sort_keys=False, version=(1, 1), explicit_start=True),
    "PyYAML, flow": lambda data: yaml.safe_dump(data, default_flow_style=True, allow_unicode=True, width=60),
    "PyYAML, all quoted": lambda data: yaml.dump(data, default_style='"', sort_keys=False),
    "PyYAML, read and written": lambda data: yaml.safe_dump(yaml.safe_load(_by_hand(data)), sort_keys=False),
    "PyYAML, tuples": lambda data: yaml.dump(_with_tuples(data), sort_keys=False),
    "JSON": json.dumps,
    "JSON, tabs": lambda data: json.dumps(data, indent="\t"),
    "JSON, tight, as it is": lambda data: json.dumps(data, separators=(",", ":"), ensure_ascii=False),
    "JSON of what PyYAML read": lambda data: json.dumps(yaml.safe_load(_by_hand(data)), default=str),
}


def _by_hand(data):
    """As a person writes it: `on:` bare, which YAML 1.1 takes for true."""
    return yaml.dump(data, sort_keys=False).replace("'on':", "on:")


def _sorted(role):
    uses = tuple(sorted(role.uses, key=str))
    return replace(role, coverage_of=tuple(sorted(role.coverage_of)), uses=uses)


def _with_tuples(value):
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(site_path("L3R"), marks=pytest.mark.slow, id="L3R"),
        FOREIGN,
        data_dir() / "examples" / "designs" / "ha_pair.yaml",
    ],
    ids=lambda path: path.stem,
)
def test_a_file_written_by_another_library_is_the_same_site(library, path) -> None:
    data = data_of(path)
    data["title"] = "Büro … 😀 \\ 'x'"
    text = LIBRARIES[library](data)
    if "read" in library:
        assert "true:" in text or '"true":' in text, "what this test is about"
    expected, found = _read(yaml.dump(data, sort_keys=False, allow_unicode=True)), _read(text)
    if "sorted" in library or "flow" in library:
        assert found.components == expected.components and found.traffic == expected.traffic
        assert [_sorted(role) for role in found.roles.values()] == [
            _sorted(expected.roles[name]) for name in found.roles
        ]
    else:
        assert found == expected and list(found.components) == list(expected.components)


def test_what_stands_in_a_file_twice_is_written_once_by_other_libraries() -> None:
    data = data_of(FOREIGN)
    law, needs = {"mttf": "60000 h", "mttr": "8 h"}, ["brain_east", "shelf_east"]
    for name in ("wire", "disk", "cupboard"):
        data["types"][name] = law
    data["roles"]["recorder"]["holders"][0]["needs"] = needs
    data["units"]["pair_east"]["triggers"] = needs
    text = yaml.dump(data, sort_keys=False)
    assert text.count("*id0") == 3
    assert _read(text) == _read(json.dumps(data))
    merged = _read("types:\n  a: &a {mttf: 5 h, mttr: 1 h}\n  wire:\n    <<: *a\n    mttf: 60000 h\n" + yaml.dump(
        {key: value for key, value in data.items() if key != "types"} ) .replace("type: brain", "type: a"))  # fmt: skip
    assert (merged.types["wire"].mttf_h, merged.types["wire"].mttr_h) == (60000.0, 1.0)


def test_what_yaml_takes_for_another_value_stays_a_name(tmp_path) -> None:
    data, _, _ = other_names(FOREIGN, ["1e5", "0o17", "1.10", "no", "on", "true", *wild_names(9)])
    site = _read(yaml.dump(data, sort_keys=False))
    assert site.sides == ("1e5", "0o17")
    text = yaml.dump(data, sort_keys=False).replace("'true'", "true")
    with pytest.raises(InputError, match="write it in quotes"):
        _read(text)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=90), max_size=6, unique=True))
@settings(deadline=None)
def test_names_of_files_are_safe_and_differ(names) -> None:
    stems: list[str] = []
    for name in names:
        stems.append(file_stem(name, stems))
    assert len({stem.casefold() for stem in stems}) == len(names)
    for stem in stems:
        assert 0 < len(stem.encode()) < 200 and stem[0] not in ".-_ " and stem[-1] != "."
        assert not set(stem) & set("/\\:*?\"<>|\0\n $&;`'")
    plain = [name for name in names if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*[a-z]", name)]
    assert all(file_stem(name).startswith(name) for name in plain)


@given(st.lists(st.text(max_size=20), max_size=8, unique=True))
def test_identifiers_and_cells_of_names_are_one_to_one(names) -> None:
    found = identifiers(names)
    assert len(set(found.values())) == len(names)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) for name in found.values())
    printable = [name for name in names if wrong_with_name(name) is None]
    assert words_in(as_words(printable)) == tuple(printable)
    assert all(spoken(name).strip() for name in printable)


def test_exports_name_events_as_their_formats_ask_and_keep_the_names(tmp_path) -> None:
    data, _, _ = other_names(site_path("L2R"), wild_names())
    study = k2rel.study(str(written(tmp_path / "wild.yaml", data)))
    tree = ET.fromstring(k2rel.open_psa_of(study))
    told = [
        (item.attrib["name"], item.findtext("label", item.attrib["name"])) for item in tree.iter("define-basic-event")
    ]
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) for name, _ in told)
    assert len({name for name, _ in told}) == len({label for _, label in told}) == len(told)
    assert {label for _, label in told} <= {*study.site.part_ids, *study.site.raid_sets, *study.site.cause_events}
    model = labelled_chain_of(study, Organisation(tolerance=1e-3))
    assert all(
        re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) for name in (*model.labels, *model.rewards, *model.variables)
    )
    assert len(set(model.variables)) == len(model.variables)
    head = prism_of(study, model).split("ctmc")[0]
    assert all(f"// {plain}: {name}" in head for plain, name in model.called.items()) and model.called


def test_one_cause_of_parts_whose_names_join_to_another_name(tmp_path) -> None:
    data = data_of(site_path("L2R"))
    data["components"] |= {name: {"type": "gige_switch"} for name in ("p", "q", "p & q")}
    data["common_cause"] = {
        "one": {"members": ["p", "q", "p & q"], "model": "MGL", "factors": {"2": 0.1, "3": 0.5}, "evidence": "P"}
    }
    events = read_site(written(tmp_path / "site.yaml", data)).cause_events
    assert sorted(parts for parts, _ in events.values()) == sorted(
        [("p",), ("q",), ("p & q",), ("p", "q"), ("p", "p & q"), ("q", "p & q"), ("p", "q", "p & q")]
    )
    assert events["p & q"][0] == ("p & q",) and events["'p' & 'q'"][0] == ("p", "q")


def test_what_was_learned_is_written_as_yaml_that_can_be_read(tmp_path) -> None:
    site = k2rel.study("L2R").site
    item = Input("x", "repair time", 4.0, 1.0, 9.0, from_limits("lognormal", 1.0, 9.0, 4.0), "h", "P")
    text = site_entries(site, {("mttr", "disk: 1.10, # big", ""): item, ("input", "n", ""): replace(
        item, place=("components", "no", "mttr"))})  # fmt: skip
    read = YAML(typ="safe", pure=True).load(text)
    assert list(read) == ["components", "types"]
    assert list(read["types"]) == ["disk: 1.10, # big"] and list(read["components"]) == ["no"]
