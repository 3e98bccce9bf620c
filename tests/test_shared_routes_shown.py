"""What drawings, tables and texts say where a flow uses several paths, roles have named holders, and traffic yields."""

import re

import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.plots import draw_site, looks
from k2rel.plots.drawing import caption
from k2rel.plots.load import plot_load_distribution
from k2rel.report.explorer import LISTED, explorer_data


def design(name):
    return k2rel.study(data_dir() / "examples" / "designs" / f"{name}.yaml")


def seen(study, failed=()):
    return looks(study.site, k2rel.failover(study, failed))


def test_every_route_of_a_flow_is_drawn_with_its_load_and_its_share() -> None:
    """Four hosts of 100 MB/s over four paths; with a controller lost over two."""
    study = design("fc_round_robin")
    found = seen(study)
    ports = {name: found[name] for name in ("port_A1", "port_A2", "port_B1", "port_B2")}
    assert {name: (look.way, look.load, look.share) for name, look in ports.items()} == {
        "port_A1": ("0", "100", "25 %"),
        "port_A2": ("0", "100", "25 %"),
        "port_B1": ("1", "100", "25 %"),
        "port_B2": ("1", "100", "25 %"),
    }
    assert [found[f"client_1_hba_{side}"].share for side in "AB"] == ["50 %", "50 %"]
    assert found["ctrl_1"].way == "both"
    found = seen(study, ["ctrl_1"])
    assert [found[name].share for name in ports] == ["", "50 %", "", "50 %"]
    assert found["ctrl_2"].load == "400"
    svg = draw_site(study.site, k2rel.failover(study)).svg
    assert svg.count(">25 %</text>") == 4
    assert "%: of client 1's disk" in svg.replace("&#x27;", "'")
    assert caption(study.site).startswith("All paths of disk in use, with their shares of client 1's demand,")


def test_a_copy_is_told_apart_from_a_share() -> None:
    """Each network has the whole stream; its two trunks half of it each, or one all of it."""
    study = design("st2022_7")
    found = seen(study, ["trunk_A11"])
    assert found["client_1_nic_A"].share == found["client_1_nic_B"].share == "copy"
    assert (found["trunk_A12"].share, found["trunk_B12"].share) == ("copy", "50 %")
    assert found["trunk_A12"].over
    assert "each with a whole copy of it" in caption(study.site)


def test_one_route_alone_has_no_share_to_say() -> None:
    assert {look.share for look in seen(k2rel.study("L2"), ["switch_A"]).values()} <= {""}


def test_a_named_holder_is_named_where_the_role_is() -> None:
    study = design("ha_pair")
    assert [seen(study)[node].held for node in ("node_1", "node_2")] == ["vol1 at node 1", "vol2 at node 2"]
    found = seen(study, ["node_1"])
    assert [found[node].held for node in ("node_1", "node_2")] == ["", "vol1 at node 2, vol2 at node 2"]
    assert (found["node_2"].load, found["node_2"].over) == ("800", True)


def test_an_element_that_only_the_background_fills_is_not_overloaded() -> None:
    """15 clients of 25 MB/s over two links of 200 MB/s: 175 on the second, and 40 of the archive, which is slowed."""
    study = k2rel.study("L3R", clients=15)
    outcome = k2rel.failover(study)
    load = next(item for item in outcome.loads if item.element == "fc_link_2A")
    look = looks(study.site, outcome)["fc_link_2A"]
    assert (load.load_mb_s, load.counted_mb_s, load.capacity_mb_s) == (215, 175, 200)
    assert (outcome.services["full_service"], look.over, look.slowed) == (True, False, True)
    svg = draw_site(study.site, outcome).svg
    assert "above it, background slowed" in svg
    assert re.search(r"data-part='fc_link_2A'[^>]* data-slowed=''", svg)


def test_where_both_sides_carry_a_link_has_a_strand_of_each() -> None:
    svg = draw_site(k2rel.study(data_dir() / "examples" / "reference_san.yaml").site).svg
    assert svg.count("class='way two'") >= 5, "the drives are reached by both"


def test_texts_say_every_route_with_its_share_and_every_role_by_its_holder(k2) -> None:
    folder = data_dir() / "examples" / "designs"
    said = k2("failover", folder / "fc_round_robin.yaml", "--fail", "port_A1").out
    assert len(re.findall(r"client_1 +disk +[AB] +33.3 %", said)) == 3
    said = k2("failover", folder / "st2022_7.yaml", "--fail", "trunk_A11").out
    assert re.search(r"client_1 +video +A +copy +client_1_nic_A > leaf_A1 > trunk_A12", said)
    said = k2("failover", folder / "ha_pair.yaml", "--fail", "node_1").out
    assert "vol1 at node 2, vol2 at node 2" in said
    assert re.search(r"node_2 +800 +600 +OVERLOADED", said)
    said = k2("failover", folder / "rack_power.yaml", "--fail", "ups_A").out
    assert re.search(r"power +pdu_B", said), "flows of the site have ways as well"


def test_failures_that_only_move_shares_are_cases_of_their_own() -> None:
    cases = {case.title: case for case in k2rel.failover_cases(design("fc_round_robin"))}
    assert cases["nothing has failed"].effect() == "disk of all clients by A and B"
    assert cases["port A1"].effect() == "disk of all clients by A and B; disk: 3 of 4 paths up"
    assert cases["switch A"].effect() == "disk of all clients by B"
    halves = {case.title: case for case in k2rel.failover_cases(design("ha_pair"))}
    assert halves["node 1"].effect() == (
        "half1 of all clients by B; vol1 at node 2; vol2 at node 2; down: full service; "
        "out of service until restored: node_1; overloaded: node_2"
    )


def test_the_load_says_what_arrives_of_each_class_and_what_is_left_for_what_yields(k2) -> None:
    """375 of 400 MB/s of the controller leave 25 for the archive, which asks for 40; a link leaves 25 of 200 as well."""
    said = k2("load", "L3R", "--clients", "15", "--method", "exact").out
    assert re.search(r"media +375 +375 +99\.999\d % +equal share of the capacity", said)
    assert re.search(r"ftp +40 +25 +62\.\d+ % +what the foreground leaves", said)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("fc_round_robin", "full service: disk in full for every client"),
        ("ha_pair", "full service: first half and second half in full for every client"),
        ("rack_power", "full service: 12 kW of dual-corded gear in full"),
    ],
)
def test_full_service_is_named_with_all_that_it_asks_for(name, title) -> None:
    services = {item.service: item.title for item in k2rel.availability(design(name), method="exact").services}
    assert services["full_service"] == title


def test_a_verdict_says_what_full_service_is_short_of_and_that_a_copy_spares_it() -> None:
    said = k2rel.verdict(design("st2022_7"))
    assert "Full service (video in full for every client) is down for" in said
    assert "where another copy is delivered whole, this has no effect" in said


def test_the_explorer_starts_with_each_role_at_its_first_holder() -> None:
    data = explorer_data(design("ha_pair").site)
    assert (data["home"], list(data["policies"])) == (LISTED, [LISTED, "A", "B"])
    assert list(explorer_data(k2rel.study("L2R").site)["policies"]) == ["A", "B"]


def test_the_distribution_tells_clients_on_both_sides_apart_by_word_and_line() -> None:
    study = design("fc_round_robin")
    ax = plot_load_distribution(k2rel.load(study), study.site)
    lines = {line.get_label(): (line.get_linestyle(), line.get_marker()) for line in ax.lines}
    assert lines["on both, A and B"] == (":", "D")
    assert {"on A alone", "on B alone", "cut off"} < set(lines)
