"""A site described in Python, as a mapping, or read before goes wherever a level or a file goes."""

# mypy: disable-error-code="arg-type, dict-item, list-item, call-arg, assignment, attr-defined, import-untyped"
# what is refused, and what other libraries give, is given on purpose

import inspect
import re
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import yaml
from pydantic import Field, TypeAdapter, ValidationError

import k2rel
import k2rel.site.document as doc
from k2rel.bundled import site_path
from k2rel.errors import InputError
from k2rel.explore.live import explorer
from k2rel.report import about, render_reports
from k2rel.report.files import Output
from k2rel.report.jobs import as_files
from k2rel.site import entry_keys, read_site
from k2rel.site.takeover_entries import HolderEntry, RoleEntry, SuspensionEntry, UnitEntry
from k2rel.site.values import Record
from tests.test_names import PLAIN

OFFICE = re.search(
    r"```yaml\n(format.*?)```",
    (Path(__file__).parents[1] / "docs" / "reference" / "site-files.md").read_text(),
    re.DOTALL,
)[1]


def office(**more):
    """The first site of docs/reference/site-files.md in Python."""
    return (
        k2rel.describe(
            "office", "Office file service on two machines", sides={"A": "rack A", "B": {"title": "rack B"}}, **more
        )
        .assumption("takeover_time", "30 s", reason="Measured once during the last maintenance.")
        .type("machine", mttf="60000 h", mttr="8 h", source="service log 2019 to 2025")
        .type("card", failure_rate="500 FIT", mttr="1 d")
        .type("box", failure_rate=0, mttr="1 h")
        .component("switch_A", type="gige_switch", side="A")
        .component("switch_B", type="gige_switch", side="B")
        .component("machine_A", type="machine", side="A", capacity="110 MB/s")
        .component("machine_B", type="machine", side="B", capacity="110 MB/s")
        .link("uplink_A", "switch_A", "machine_A", type="control_link", side="A")
        .link("uplink_B", "switch_B", "machine_B", type="control_link", side="B")
        .link("cross", type="isl", between=["switch_A", "switch_B"])
        .link("pulse", "machine_A", "machine_B", type="heartbeat", test_interval="30 d")
        .unit("unit_A", server="machine_A", heartbeat="pulse", triggers=["machine_A", "uplink_A", "switch_A"])
        .unit("unit_B", server="machine_B", heartbeat="pulse", triggers=("machine_B", "uplink_B", "switch_B"))
        .role("file_service", switchover="=takeover_time", coverage={"default": 0.98, "machine": 0.95})
        .holder("A", on="machine_A", units="unit_A", needs="machine_A")
        .holder("B", on="machine_B", units=["unit_B"], needs=["machine_B"])
        .clients(2, parts={"client": {"type": "box"}})
        .client_part("card_A", type="card", side="A", between=["client", "switch_A"])
        .client_part("card_B", type="card", side="B", between=["client", "switch_B"])
        .traffic("files", demand="40 MB/s", requires="file_service", prefer="home")
        .path("A", ["client", "card_A", "switch_A", "uplink_A", "machine_A"], when={"file_service": "A"})
        .path(
            "B",
            ["client", "card_B", "switch_B", "cross", "switch_A", "uplink_A", "machine_A"],
            when={"file_service": "A"},
        )
        .path(
            "A",
            ["client", "card_A", "switch_A", "cross", "switch_B", "uplink_B", "machine_B"],
            when={"file_service": "B"},
        )
        .path("B", ["client", "card_B", "switch_B", "uplink_B", "machine_B"], when={"file_service": "B"})
    )


def whole():
    """A description with an entry in every section of a file."""
    return (
        office(description="d", revision="1", author="a", date=date(2026, 11, 26), sources="s", rates="pins.csv")
        .raid_set("store", level=5, drives=4, rebuild="10 h", restore="1 d", within="machine_A")
        .suspend("cross", lost="switch_A", works=["switch_B"], auto_recovery="4 min")
        .subscription("likes", ["A", "B"])
        .kind("cameras", 2, likes="A")
        .common_cause("twins", members=["switch_A", "switch_B"], factors={2: 0.05})
        .variant("worse", "Slower", reason="who knows", changes={"types": {"machine": {"mttr": "9 h"}}})
        .full_service("files")
    )


def test_a_description_reads_like_the_file_and_is_the_same_site():
    built = office().build()
    assert built == read_site(yaml.safe_load(OFFICE))
    assert built.file == ""
    assert k2rel.study(built).provenance.file == ""
    assert about(built)["site"] == "Office file service on two machines (described in Python)"


def test_the_example_of_the_page_runs(tmp_path, monkeypatch):
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "importing.md").read_text()
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec(re.search(r"## In Python.*?```python\n(.*?)```", page, re.DOTALL)[1], found)
    assert read_site("office.yaml") == found["site"]


def test_every_section_of_a_file_can_be_described():
    data = whole().to_dict()
    assert set(data) == set(doc.SiteDocument.model_fields)
    assert data["sides"] == {"A": {"title": "rack A"}, "B": {"title": "rack B"}}
    assert data["date"] == "2026-11-26"
    assert data["raid_sets"]["store"]["in"] == "machine_A"
    assert data["clients"].keys() >= set(doc.ClientsEntry.model_fields) - {"title"}


@pytest.mark.parametrize(
    ("method", "entry", "keys"),
    [
        ("type", doc.LawFields, entry_keys.LawKeys),
        ("component", doc.ComponentEntry, entry_keys.PartKeys),
        ("link", doc.LinkEntry, entry_keys.LinkedKeys),
        ("client_part", doc.ClientPartEntry, entry_keys.OwnPartKeys),
        ("raid_set", doc.RaidSetEntry, entry_keys.RaidKeys),
        ("unit", UnitEntry, entry_keys.UnitKeys),
        ("role", RoleEntry, entry_keys.RoleKeys),
        ("holder", HolderEntry, entry_keys.HolderKeys),
        ("suspend", SuspensionEntry, entry_keys.SuspensionKeys),
        ("traffic", doc.TrafficEntry, entry_keys.TrafficKeys),
        ("path", doc.PathEntry, entry_keys.PathKeys),
        ("assumption", doc.AssumptionEntry, entry_keys.AssumptionKeys),
        ("common_cause", doc.CommonCauseEntry, entry_keys.CauseKeys),
        ("clients", doc.ClientsEntry, None),
        ("variant", doc.VariantEntry, None),
    ],
)
def test_every_key_of_an_entry_is_known_to_editors(method, entry, keys):
    named = {
        name for name, item in inspect.signature(getattr(k2rel.SiteDescription, method)).parameters.items()
        if item.kind not in (item.VAR_KEYWORD, item.VAR_POSITIONAL)
    }  # fmt: skip
    known = named | (set(keys.__annotations__) if keys else set())
    assert set(entry.model_fields) <= known
    assert known - set(entry.model_fields) <= {"self", "name", "part"}


def test_clients_by_kinds_are_described_one_by_one():
    site = (
        k2rel.describe("studio", sides=["A", "B"])
        .type("box", mttf="1000 h", mttr="8 h")
        .component("leaf_A", type="box", side="A").component("leaf_B", type="box", side="B")
        .clients(title="host")
        .client_part("client", type="box")
        .client_part("nic_1", type="box", side="A", between=["client", "@leaf_1"])
        .client_part("nic_2", type="box", side="B", between=["client", "@leaf_2"])
        .kind("cameras", 3, leaf_1="leaf_A", leaf_2="leaf_B")
        .kind("receivers", members=["mon-1", "mon-2"], leaf_1="leaf_A")
        .traffic("video", demand="1 MB/s", share="all")
        .path("A", ["client", "nic_1", "@leaf_1"]).path("B", ["client", "nic_2", "@leaf_2"], kinds="cameras")
        .build()
    )  # fmt: skip
    assert (site.client_count, site.group_sizes) == (5, (3, 2))
    assert read_site(site.to_dict()) == site
    with pytest.raises(InputError, match="by kinds; change the counts"):
        k2rel.study(site, clients=9)


def test_what_is_wrong_is_said_by_the_name_of_its_entry():
    with pytest.raises(InputError) as caught:
        (
            k2rel.describe("shop", "Shop", sides="A")
            .component("server", type="box", mtff="1000 h", side="B")
            .link("cable", "server", type="box")
            .role("boss", holders=[{"side": "A", "needs": ["servr"]}])
            .clients(0).client_part("till", type="box", between=["till", 5])
            .traffic("sales", demand="fast")
            .build()
        )  # fmt: skip
    told = str(caught.value).splitlines()
    assert "components.server.mtff: is not a known entry here; did you mean 'mttf'?" in told
    assert "links.cable.between.1: is missing" in told or any(line.startswith("links.cable.between") for line in told)
    assert "clients.count: must be at least 1, got 0" in told
    assert any(line.startswith("traffic.sales.demand: ") for line in told)
    assert not [line for line in told if "None" in line]
    shown = caught.value._render_traceback_()
    assert shown[0].startswith("line ")
    assert "k2rel/site" not in "".join(shown)


def test_names_that_do_not_fit_are_found_as_in_a_file():
    wrong = office().component("cross", type="isl").variant("x", "X", reason="r", changes={})
    with pytest.raises(InputError, match=r"^links.cross: the name 'cross' is already used by components.cross; give"):
        wrong.build()
    data = office().to_dict()
    data["roles"]["file_service"]["switchover"] = "=takeover"
    with pytest.raises(InputError, match=r"there is no assumption 'takeover'; did you mean 'takeover_time'\?"):
        k2rel.study(data)
    data["assumptions"]["takeover"] = {"value": "soon", "evidence": "CHOSEN", "reason": "x"}
    with pytest.raises(InputError, match=r"switchover: .*\(the value of assumption 'takeover'\)$"):
        k2rel.study(data)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: k2rel.describe("x").component("a", type="t").component("a"), r"components\.a: is described already"),
        (lambda: k2rel.describe("x").component(5), "components: one name is needed, got 5"),
        (lambda: k2rel.describe("x").path("A", ["a"]), "path: .* describe the class first"),
        (lambda: k2rel.describe("x").holder("A"), "holder: .* describe the role first"),
        (lambda: k2rel.describe("x").role("r", holders=5), "holders: a list of entries is needed, got 5"),
        (lambda: k2rel.describe("x").clients(1).clients(2), "clients: are described already"),
        (lambda: k2rel.describe("x").clients(1, parts=[]), r"clients\.parts: entries by name are needed, got \[\]"),
        (lambda: k2rel.describe("x").component("a", within="q", **{"in": "b"}),
         "within: gives 'in' twice, as 'q' and 'b'; give one"),
        (lambda: k2rel.describe("x", sides=["A", "A"]), "sides: each has a name of its own"),
        (lambda: k2rel.describe("x", sides=5), "sides: one name is needed, got 5"),
        (lambda: k2rel.describe(1.5).build(), "name: write it in quotes, so that it stays as it is written, got 1.5"),
        (lambda: k2rel.study({}), "level_or_file: .* got dict"),
        (lambda: k2rel.study(5), "level_or_file: .* got int '5'"),
        (lambda: k2rel.study({"format": 2, "sides": {"A", "B"}}), "sides: a set has no order; give a list"),
        (lambda: k2rel.study({"format": 2, 1.5: 1}), "the site: a key must be a text, got float 1.5"),
        (lambda: k2rel.study({"sides": {False: {}}}), "sides: a key must be a text, got bool False; YAML 1.1 reads no"),
        *((lambda section=section: k2rel.study({section: {True: {}}}),
           f"{section}: a key must be a text, got bool True; YAML 1.1 reads yes and on as this; write the name in quotes")
          for section in ("components", "types", "sides", "traffic", "units")),
        (lambda: k2rel.study({"roles": {True: {}}}), "roles: a key must be a text, got bool True"),
        (lambda: k2rel.study({"sides": {1: {}, "1": {}}}), r"sides\.1: is given twice"),
        (lambda: k2rel.study({"format": 2, "title": object}), "title: a text, a number, a list or a mapping is needed, got type"),
        (lambda: k2rel.study({"clients": (n for n in "ab")}), "clients: .* got generator"),
        (lambda: k2rel.compare([read_site("L1"), k2rel.study("L1")]), "levels: names, site files and sites, or studies"),
        (lambda: k2rel.availability(5), "study: .* or a site is needed, got int '5'"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_a_sentence(wrong, told):
    with pytest.raises(InputError, match=told):
        wrong()


@pytest.mark.parametrize("true", [True, np.bool_(True)])
@pytest.mark.parametrize(("section", "key"), [("clients", "count"), ("", "format"), ("types", "unavailability")])
def test_true_is_no_number(section, key, true):
    data = office().to_dict()
    place = {"": data, "types": data["types"]["box"]}.get(section, data.get(section))
    place.pop("failure_rate", None)
    place[key] = true
    with pytest.raises(InputError, match=rf"{key}: must be a number, got 'true'"):
        k2rel.study(data)


def test_no_number_of_a_file_is_read_of_true():
    """Every field of every record that takes a number, by itself."""

    def records(of):
        return {one for each in of.__subclasses__() for one in (each, *records(each))}

    asked = 0
    for record in records(Record) | {doc.KindEntry}:
        for field in record.model_fields.values():
            numbers = re.findall(r"\b(?:int|float)\b|Literal\[\d", str(field.annotation))
            if not numbers or "bool" in str(field.annotation):
                continue
            asked += 1
            with pytest.raises(ValidationError):
                TypeAdapter(Annotated[(field.annotation, Field(), *field.metadata)]).validate_python(True)
    assert asked > 20


@pytest.mark.parametrize("path", [
    ("clients", "count"), ("components", "switch_A"), ("components", "switch_A", "type"), ("sides",),
    ("traffic", "files", "demand"), ("traffic", "files", "paths", 0, "via"), ("types", "box", "mttr"), ("name",),
    ("format",), ("title",),
])  # fmt: skip
def test_numbers_of_thousands_of_digits_are_refused_at_their_place(path):
    data = office().to_dict()
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = -(10**5000)
    with pytest.raises(InputError, match=rf"^{re.escape('.'.join(map(str, path)))}: a number has more than 300 digits"):
        k2rel.study(data)
    with pytest.raises(InputError, match="a key must be a text, got int a number with very many digits"):
        k2rel.study({"sides": {10**5000: {}}})
    with pytest.raises(InputError, match=r"clients: a whole number .* got a number with very many digits"):
        k2rel.study("L1", clients=10**5000)


def test_a_mapping_that_holds_itself_is_refused():
    data = {"format": 2}
    data["sides"] = data
    with pytest.raises(InputError, match="entries are nested more than 24 deep"):
        k2rel.study(data)


@pytest.mark.parametrize("level", k2rel.level_names())
def test_what_another_yaml_library_reads_is_the_same_site(level):
    """PyYAML reads by YAML 1.1, where the key `on` is true."""
    assert read_site(yaml.safe_load(site_path(level).read_text())) == read_site(level)


def test_numbers_of_other_libraries_are_numbers():
    data = office().to_dict()
    data["clients"]["count"] = np.int64(3)
    data["roles"]["file_service"]["coverage"] = {"default": np.float64(0.98), "machine": Fraction(19, 20)}
    data["full_service"] = np.array(["files"])
    assert k2rel.study(data, clients=2).site.roles == office().build().roles


def forms(level):
    """One site in each form in which it can be given."""
    site = read_site(level)
    return {"name": level, "path": site_path(level), "site": site, "mapping": site.to_dict()}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"clients": 7, "repair": "nbd", "primary": "B"},
        {"settings": {"psu.mttr": "9 h", "assumption.toe_capacity": "80 MB/s", "media.demand": "20 MB/s"}},
        {"variant": "restarts_2A", "settings": {"file_system.detection": "7 s"}, "common_cause": "twins"},
    ],
)
def test_options_work_alike_for_a_level_a_file_a_site_and_a_mapping(asked):
    studies = {form: k2rel.study(level, **asked) for form, level in forms("L3R").items()}
    hashes = {form: one.provenance.input_hash for form, one in studies.items()}
    assert len(set(hashes.values())) == 1, hashes
    assert all(one.site == studies["name"].site for one in studies.values())


def test_what_is_chosen_of_a_site_comes_over_what_was_chosen_before():
    site = read_site("L3R", clients=9, settings={"psu.mttr": "9 h", "toe.mttr": "2 h"}, variant="restarts_2A")
    again = read_site(site, settings={"psu.mttr": "5 h"})
    expected = read_site("L3R", clients=9, settings={"psu.mttr": "5 h", "toe.mttr": "2 h"}, variant="restarts_2A")
    assert again == expected
    assert read_site(site) is site
    assert read_site(site, clients=4, variant="degraded_backup").variant == "degraded_backup"
    twins = k2rel.study("L2R", common_cause="twins").site
    assert k2rel.study(twins, clients=9).site.common_cause == twins.common_cause
    with pytest.raises(InputError, match=r"assumption\.nothing: the site has no assumption"):
        read_site(site, settings={"assumption.nothing": "1"})


def test_a_site_that_was_changed_otherwise_is_not_quietly_read_again():
    site = read_site("L2R")
    changed = replace(site, roles={name: replace(role, switchover_h=1.0) for name, role in site.roles.items()})
    assert k2rel.study(changed).site is changed
    with pytest.raises(InputError, match=r"L2R was changed in Python \(roles\), beside what its description says"):
        k2rel.study(changed, clients=9)
    with pytest.raises(InputError, match="cannot be written as a file as it is: roles would differ from now"):
        changed.to_dict()


@pytest.fixture(scope="module")
def shop():
    return (
        k2rel.describe("shop", sides=["A", "B"])
        .type("box", mttf="1000 h", mttr="8 h")
        .component("server_A", type="box", side="A", capacity="3 MB/s")
        .component("server_B", type="box", side="B", capacity="3 MB/s")
        .role("boss", coverage=0.9, switchover="1 min")
        .holder("A", on="server_A", needs="server_A")
        .holder("B", on="server_B", needs="server_B")
        .clients(2).client_part("till", type="box")
        .client_part("cord_A", type="box", between=["till", "server_A"])
        .client_part("cord_B", type="box", between=["till", "server_B"])
        .traffic("sales", demand="1 MB/s", requires="boss")
        .path("A", ["till", "cord_A", "server_A"], when={"boss": "A"})
        .path("B", ["till", "cord_B", "server_B"], when={"boss": "B"})
    )  # fmt: skip


def same(one, other):
    return repr(one) == repr(other) if not hasattr(one, "equals") else one.equals(other)


def test_every_question_takes_a_site_and_a_mapping(shop):
    site, study = shop.build(), k2rel.study(shop)
    for name in set(PLAIN.split()) - {"advise", "best_changes", "window"}:
        ask = getattr(k2rel, name)
        expected = ask(study)
        assert same(ask(site), expected), name
        if name in ("availability", "components", "load"):
            assert same(ask(shop.to_dict()), expected), name
            assert same(ask(shop), expected), name
    assert k2rel.availability(site).rows() == k2rel.study(site).solve().services.rows()


def test_sites_stand_beside_levels_and_files(shop, tmp_path):
    site = shop.build()
    file = site.save(tmp_path / "shop.yaml")
    table = k2rel.compare([site, shop, file, shop.to_dict()], clients=3, settings={"box.mttr": "4 h"})
    assert table.index.tolist() == ["shop", "shop-2", "shop-3", "shop-4"]
    assert table["downtime_min_per_year"].nunique() == 1
    assert list(k2rel.studies_of(site)) == ["shop"]
    assert k2rel.compare({"mine": site, "one": "L1"}).index.tolist() == ["mine", "one"]
    assert k2rel.compare(shop.to_dict()).index.tolist() == ["shop"]
    assert k2rel.most_clients([site], ["1 MB/s"], most=5)["nothing_failed"].tolist() == [3]
    assert k2rel.overload_by_counts({"mine": site}, [2, 4]).loc["mine"].tolist() == pytest.approx([0, 1], abs=0.2)
    assert len(k2rel.spare_parts(shop.to_dict())) == len(k2rel.spare_parts(site)) > 0
    assert k2rel.differences(site, file).empty
    varied = read_site(shop.to_dict() | {"variants": {"v": {"title": "V", "reason": "r", "changes": {}}}})
    assert k2rel.variants(varied).columns.tolist() == ["as described", "v"]


def test_a_site_asked_twice_is_solved_once(shop):
    site = shop.build()
    assert k2rel.measures.solution.solution_of(site) is k2rel.measures.solution.solution_of(site)


def test_a_site_in_python_is_explored_like_a_level(shop):
    live = explorer(shop.build())
    assert live.levels[0] == "shop"
    live.choose(clients=3)
    assert live.message.startswith("shop: 3 clients")
    assert explorer(read_site("L1", clients=5)).levels[:2] == ["L1 (in Python)", "L1"]


def test_a_report_of_a_site_in_python_is_of_a_file_among_the_pages(shop, tmp_path):
    site = shop.build(settings={"box.mttr": "4 h"})
    files = as_files("levels", [site, shop, "L1"], Output(tmp_path), None, taken := [])
    assert files == [str(tmp_path / "sites" / f"{name}.yaml") for name in ("shop", "shop-2")] + ["L1"]
    assert as_files("compare", site, Output(tmp_path), None, taken) == [str(tmp_path / "sites" / "shop-3.yaml")]
    assert read_site(files[0]).types["box"].mttr_h == 4.0
    assert read_site(files[1]) == shop.build()
    with pytest.raises(InputError, match=r"levels: L1 is of version 0.1 of the data; say data='0.1'"):
        as_files("levels", read_site("L1", data="0.1"), Output(tmp_path), None, [])


@pytest.mark.notebook
@pytest.mark.slow
def test_a_report_of_a_site_in_python_is_made_and_kept(shop, tmp_path, short_notebooks):
    short_notebooks()
    sites = [shop.build(settings={"box.mttr": "4 h"}), shop, "L1"]
    done = render_reports(sites, tmp_path / "pages", comparison=False)
    assert not done.failures
    assert {page.stem for page in done.reports} == {"shop", "shop-2", "L1"}
    assert len(render_reports(sites, tmp_path / "pages", comparison=False).kept) == 3


def test_what_check_warns_of_is_placed_without_a_file(shop):
    from k2rel.policy.warned import overload_warnings

    found = overload_warnings(k2rel.study(shop, clients=5).policy)
    assert [str(one)[:40] for one in found] == ["components.server_A.capacity: with nothi"]
