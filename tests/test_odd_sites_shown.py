"""What readers see of sites that are drawn or said otherwise than most: without sides or links, forks, shared load."""

import re

import numpy as np
import pytest
from matplotlib.patches import StepPatch

import k2rel
from k2rel.bundled import data_dir
from k2rel.explore import LiveSite
from k2rel.plots import draw_site, timeline_picture

DESIGNS = data_dir() / "examples" / "designs"

ALONE = """
format: 2
name: alone
title: nodes that no link joins
sides: {A: {title: room A}, B: {title: room B}}
types:
  node: {mttf: 10000 h, mttr: 10 h}
components:
  net: {type: node}
  n1: {type: node, side: A, in: net}
  n2: {type: node, side: B, in: net}
clients:
  count: 2
  parts:
    client: {type: node, in: net}
traffic:
  svc:
    demand: 20 MB/s
    paths:
      - {side: A, via: [client, net, n1]}
      - {side: B, via: [client, net, n2]}
"""


@pytest.fixture
def site_of(tmp_path):
    """A study of a text, of which some words are replaced."""

    def make(text, **changes):
        for old, new in changes.items():
            text = text.replace(old, new)
        file = tmp_path / "site.yaml"
        file.write_text(text, encoding="utf-8")
        return k2rel.study(file)

    return make


@pytest.mark.parametrize(
    "text",
    [
        ALONE,
        ALONE.replace(", B: {title: room B}", "").replace("  n2: {type: node, side: B, in: net}\n", "")
        .replace("      - {side: B, via: [client, net, n2]}\n", ""),
        ALONE.split("  n1:")[0].replace(", B: {title: room B}", "")
        + "clients: {count: 1, parts: {client: {type: node, in: net}}}\n"
        + "traffic: {svc: {paths: [{side: A, via: [client, net]}]}}\n",
    ],
    ids=["no link", "one side", "one part"],
)  # fmt: skip
def test_a_site_is_drawn_though_no_box_of_it_has_a_side(site_of, text) -> None:
    study = site_of(text)
    svg = draw_site(study.site, k2rel.failover(study)).svg
    assert "data-part='net'" in svg
    assert "nan" not in svg


def test_what_a_copy_spares_is_overloaded_all_the_same_and_only_a_background_is_slowed(k2) -> None:
    """Half of 1,000 MB/s on each trunk of 600; with one lost all of it on the other, and the other copy whole."""
    study = k2rel.study(DESIGNS / "st2022_7.yaml")
    outcome = k2rel.failover(study, ["trunk_A11"])
    (load,) = [item for item in outcome.loads if item.element == "trunk_A12"]
    assert (load.state, outcome.services["full_service"], study.site.background) == ("overloaded", True, ())
    said = k2("failover", DESIGNS / "st2022_7.yaml", "--fail", "trunk_A11").out
    assert "OVERLOADED" in said
    assert "background" not in said
    said = k2("failover", "L3R", "--clients", 15, "--fail", "client_1").out
    assert "background slowed" in said
    assert "waits" not in said


def test_a_table_of_loads_keeps_all_traffic_beside_the_foreground(k2) -> None:
    """175 MB/s of media and 40 of the archive on a link of 200: `overloaded` is of both, as it was."""
    (load,) = [
        i
        for i in k2("failover", "L3R", "--clients", 15, "--format", "json").json["loads"]
        if i["element"] == "fc_link_2A"
    ]
    assert (load["load_mb_s"], load["foreground_mb_s"], load["overloaded"]) == (215, 175, True)


def test_a_fork_is_written_as_a_fork_and_its_load_beside_it(k2) -> None:
    """Of two trunks both carry where both work: half of the copy each."""
    said = k2("failover", DESIGNS / "st2022_7.yaml", "--fail", "trunk_A11").out
    assert "client_1_nic_A > leaf_A1 > trunk_A12 > spine_A2 > trunk_A22 > leaf_A2" in said, "one branch is no fork"
    fork = "(trunk_B11 > spine_B1 > trunk_B21 | trunk_B12 > spine_B2 > trunk_B22)"
    assert f"client_1_nic_B > leaf_B1 > {fork} > leaf_B2" in said
    found = k2("failover", DESIGNS / "st2022_7.yaml", "--fail", "trunk_A11", "--format", "json").json
    _, route = found["clients"][0]["routes"]["video"]
    assert route["path"] == ["client_1", "client_1_nic_B", "leaf_B1", "trunk_B11", "spine_B1", "trunk_B21", "leaf_B2"]
    assert route["stages"][3] == [["trunk_B11", "spine_B1", "trunk_B21"], ["trunk_B12", "spine_B2", "trunk_B22"]]
    assert (route["carries"]["trunk_B12"], route["carries"]["leaf_B2"]) == (0.5, 1)


def test_the_explorer_counts_clients_on_both_sides_and_says_what_full_service_loses() -> None:
    """Four hosts whose disks are reached over both fabrics."""
    said = LiveSite(str(DESIGNS / "fc_round_robin.yaml")).figures().as_html()
    table = re.search(r"<h2>Clients on each side</h2><table>(.*?)</table>", said, re.DOTALL)[1]
    rows = [re.findall(r"<t[hd](?: [^>]*)?>([^<]*)<", row) for row in table.split("</tr>")]
    assert rows[0] == ["on A", "on B", "on both", "cut off", "share of time"]
    assert rows[1][:4] == ["0", "0", "4", "0"]
    assert "<td>full service: disk in full for every client</td>" in said


def test_a_history_shows_clients_on_both_sides() -> None:
    """All four of them but while a fabric is down."""
    history = k2rel.timeline(k2rel.study(DESIGNS / "fc_round_robin.yaml"), years=2, seed=3)
    whole, steps, _ = timeline_picture(history).axes
    (both,) = [patch for patch in whole.patches if patch.get_label() == "clients on both"]
    assert isinstance(both, StepPatch)
    values, _, baseline = both.get_data()
    assert (values[0], np.ravel(baseline)[0]) == (4, 0)
    assert whole.get_ylim()[1] == 5
    assert "clients on both" in [label.get_text() for label in steps.get_yticklabels()]
    assert "4" in [text.get_text() for text in steps.texts]


def effects(name):
    return dict(k2rel.case_table(k2rel.study(DESIGNS / f"{name}.yaml"))[["failed", "effect"]].itertuples(index=False))


def test_a_row_of_the_failures_says_what_became_of_other_paths_classes_and_flows() -> None:
    """What the first path and class of a client do not show: each effect is another than that of nothing."""
    assert effects("fc_round_robin")["ctrl_1"] == "disk of all clients by A and B; disk: 2 of 4 paths up"
    arrays = effects("fc_alua")
    assert arrays["ctrl_1"] == "lun_1 of all clients by A and B; lun_1: on other paths"
    assert arrays["port_B2"] == "lun_1 of all clients by A and B; lun_2: all on A"
    assert effects("rack_power")["ups_B"].startswith("net of all clients by A; power: all on A; down: full service")
    fork = effects("st2022_7")
    assert fork["spine_B1"].startswith("video of all clients by A and B; video: 1 of 2 branches up on B")
    for found in (arrays, fork):
        assert list(found.values()).count(found["nothing has failed"]) == 1


def test_a_role_that_moves_alone_is_said_and_parts_have_one_spelling() -> None:
    table = k2rel.case_table(k2rel.study("L2R")).set_index("failed")
    assert "file_system at B" in table.loc["switch_A", "effect"]
    assert "client_1_control_A" in table.index, "as --fail takes it"


def test_a_client_part_by_its_name_in_the_file_and_a_site_without_roles(k2) -> None:
    file = DESIGNS / "fc_round_robin.yaml"
    assert "no part 'hba_A'; did you mean 'client_1_hba_A'?" in k2("failover", file, "--fail", "hba_A").err
    said = k2("failover", file, "--fail", "ctrl_1").out
    assert not re.search("role|backup|primary", said)
    assert "standby ready: NO" in k2("failover", "L2R", "--fail", "switch_A").out


@pytest.mark.parametrize("verb", [("availability", "--method", "exact"), ("failover", "--fail", "node_1")])
def test_below_the_services_stands_what_full_service_asks_for(k2, verb) -> None:
    asks = "full service: first half and second half in full for every client"
    assert asks in k2(verb[0], DESIGNS / "ha_pair.yaml", *verb[1:]).out


def test_full_service_where_nothing_in_the_foreground_has_a_demand_is_that_of_the_principal_class() -> None:
    """A background copy is all there is to carry: it is what full service asks for, by every engine."""
    fixed, way = {"type": "fixed"}, ["seat", "cord", "a"]
    site = {
        "format": 2, "name": "copies", "title": "copies", "sides": {"A": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "part": {"mttf": "96 h", "mttr": "4 h"}},
        "components": {"a": {"type": "part", "side": "A"}},
        "clients": {"count": 1, "parts": {"seat": fixed, "cord": fixed | {"side": "A", "between": ["seat", "a"]}}},
        "traffic": {"copy": {"demand": "5 MB/s", "priority": "background", "paths": [{"side": "A", "via": way}]},
                    "look": {"demand": 0, "paths": [{"side": "A", "via": way}]}},
    }  # fmt: skip
    for method in ("exact", "markov"):
        assert k2rel.study(site).solve(method)["full_service"].unavailability == pytest.approx(0.04, rel=1e-9)
