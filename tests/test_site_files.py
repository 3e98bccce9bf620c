"""The shipped levels hold the counts and wiring of the facts; everything else is a named assumption."""

import json
import re
from functools import cache

import pytest

import k2rel
from k2rel import InputError
from k2rel.bundled import data_dir, level_names
from k2rel.site import read_site

# level: servers, TOEs, switches, controllers (compact table of the fact sheet)
COUNTS = {
    "L1": (1, 1, 1, 1),
    "L2": (1, 2, 1, 1),
    "L2R": (2, 4, 2, 2),
    "L3": (2, 4, 1, 1),
    "L3R": (4, 8, 2, 2),
    "nearline": (2, 0, 1, 1),
}


@pytest.mark.parametrize("level", COUNTS)
def test_counts_are_those_of_the_fact_sheet(level) -> None:
    site = read_site(level)
    kinds = [part.type for part in site.components.values()]
    found = tuple(kinds.count(kind) for kind in ("media_server", "toe", "gige_switch", "raid_controller"))
    assert found == COUNTS[level]
    assert kinds.count("raid_chassis") == 1


@pytest.mark.parametrize("level", ["L2R", "L3R"])
def test_every_gige_link_of_a_server_goes_to_the_switch_of_its_side(level) -> None:
    site = read_site(level)
    for part in site.components.values():
        if part.type in {"media_link", "control_link", "ftp_link"}:
            assert part.between[0] == f"switch_{part.side}"
        if part.type == "fc_link":
            assert part.between[1] == f"raid_controller_{part.side}"


def test_level_3r_has_its_ftp_ports_on_the_second_pair() -> None:
    site = read_site("L3R")
    assert {name for name, part in site.components.items() if part.type == "ftp_link"} == {"ftp_link_2A", "ftp_link_2B"}


@pytest.mark.parametrize("level", level_names())
def test_every_assumption_has_a_reason_and_a_kind(level) -> None:
    site = read_site(level)
    assert len(site.assumptions) > 10
    for assumption in site.assumptions:
        assert assumption.evidence in {"INFERRED", "UNKNOWN", "CHOSEN"}
        assert len(assumption.reason) > 20


def test_the_register_lists_assumed_failure_data_and_what_the_engine_assumes() -> None:
    register = k2rel.assumptions(k2rel.study("L2R")).set_index("assumption")
    assert register.loc["toe_capacity", "evidence"] == "UNKNOWN"
    assert register.loc["failure data of toe", "evidence"] == "P"
    assert register.loc["failure data of server_software", "evidence"] == "P from V"
    assert register.loc["preferred side", "evidence"] == "ENGINE"
    assert "failure data of gige_switch" not in register.index, "a value with a source is no assumption"


def test_an_assumption_can_be_set_by_hand() -> None:
    study = k2rel.study("L2R", settings={"assumption.media_drives": "5", "assumption.toe_capacity": "60 MB/s"})
    assert len(study.site.raid_sets["media_raid"].drives) == 5
    assert study.site.components["toe_B2"].capacity_mb_s == 60
    assert {a.name: a.evidence for a in study.site.assumptions}["media_drives"] == "CHOSEN"


def test_changes_are_on_record() -> None:
    plain, changed = k2rel.study("L2R"), k2rel.study("L2R", settings={"toe.mttf": "1e5 h"})
    assert changed.provenance.settings == ("toe.mttf=1e5 h",)
    assert changed.provenance.input_hash != plain.provenance.input_hash
    assert plain.provenance.input_hash == k2rel.study("L2R").provenance.input_hash
    assert "eth_switch_hw_pred" in plain.provenance.rows


def test_clients_are_dealt_to_toes_in_turn() -> None:
    assert read_site("L2R", clients=5).group_sizes == (3, 2)
    assert read_site("L3R", clients=2).group_sizes == (1, 1)


def test_every_mistake_of_a_file_is_reported_at_once(spoiled) -> None:
    path, _ = spoiled("toe_A1: {type: toe, side: A, in: server_A,", "toe_A1: {type: toe, side: Z, in: server_Z,")
    with pytest.raises(InputError) as caught:
        read_site(path)
    keys = {problem.key for problem in caught.value.problems}
    assert {"components.toe_A1.side", "components.toe_A1.in"} <= keys


def test_a_need_that_leads_back_to_itself_is_found(spoiled) -> None:
    path, _ = spoiled("  software_A: {", "  software_A: {needs: [server_A], ")
    with pytest.raises(InputError, match="leads back to itself"):
        read_site(path)


def test_capacity_as_a_share_of_the_clients_is_in_whole_clients() -> None:
    path = data_dir() / "examples" / "reference_san.yaml"
    for clients, whole in ((4, 1), (5, 2), (10, 4), (35, 14)):
        assert read_site(path, clients=clients).components["toe_A1"].capacity_mb_s == whole * 25


def test_the_site_of_the_documentation_is_good(tmp_path) -> None:
    text = (data_dir().parent / "docs" / "reference" / "site-files.md").read_text()
    path = tmp_path / "office.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0])
    study = k2rel.study(path)
    assert k2rel.single_points_of_failure(study, "files") == []
    assert k2rel.failover(study, ["machine_A"]).services["files"]


def test_every_key_stands_in_the_reference() -> None:
    text = (data_dir().parent / "docs" / "reference" / "site-files.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S)))))
    schema = json.loads((data_dir() / "schema.json").read_text(encoding="utf-8"))
    keys = {key for entry in (schema, *schema["$defs"].values()) for key in entry.get("properties", {})}
    assert len(keys) > 100
    assert keys <= shown, keys - shown


def test_what_the_documentation_quotes_stands_in_the_examples() -> None:
    """Each block of the section on paths, line by line."""
    text = (data_dir().parent / "docs" / "reference" / "site-files.md").read_text()
    section = text[text.index("## How a flow uses its paths") : text.index("## Takeover entries")]
    designs = [set(path.read_text().splitlines()) for path in (data_dir() / "examples" / "designs").glob("*.yaml")]
    blocks = [block.split("```")[0].splitlines() for block in section.split("```yaml\n")[1:]]
    assert len(blocks) == 6
    for block in blocks:
        assert any(set(block) <= lines for lines in designs), block


SHIPPED = [
    *data_dir().glob("levels/*.yaml"),
    *data_dir().glob("examples/*.yaml"),
    *data_dir().glob("examples/designs/*"),
]


@cache
def editor():
    """The schema as an editor applies it, looked through once."""
    validators = pytest.importorskip("jsonschema.validators")
    schema = json.loads((data_dir() / "schema.json").read_text())
    found = validators.validator_for(schema)
    found.check_schema(schema)
    return found(schema)


@pytest.mark.parametrize("path", sorted(SHIPPED), ids=lambda path: path.stem)
def test_an_editor_finds_no_fault_with_the_shipped_files_and_finds_one_with_a_spoiled_one(path) -> None:
    from ruamel.yaml import YAML

    data = YAML(typ="safe", pure=True).load(path)
    assert editor().is_valid(data), [fault.message for fault in editor().iter_errors(data)]
    data["clients"]["count"] = 0
    assert not editor().is_valid(data)


def test_the_schema_knows_no_k2() -> None:
    text = (data_dir() / "schema.json").read_text().lower()
    assert "k2" not in text.replace("k2rel", "")


def test_a_table_given_by_hand_wins_over_what_a_site_file_says_of_a_type(tmp_path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("id,component_types,lambda_per_h,mttr_4h_contract_h\nmine,toe switch,3e-6,5\n")
    study = k2rel.study(data_dir() / "examples" / "reference_san.yaml", rates=table)
    assert study.law("toe_A1").failure_rate_per_h == 3e-6
    assert study.law("switch_B").mttr_h == 5
    assert study.law("server_A").mttr_h == 12, "a type that the table does not name stays as it was"
    set_by_hand = k2rel.study(study.site.file, rates=table, settings={"toe.mttr": "7 h"})
    assert set_by_hand.law("toe_A1").mttr_h == 7
    assert set_by_hand.law("toe_A1").failure_rate_per_h == 3e-6
