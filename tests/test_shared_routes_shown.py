"""What drawings, tables and texts say where a flow uses several paths, roles have named holders, and traffic yields."""

import re

import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.plots import draw_site, looks
from k2rel.plots.drawing import caption


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
    """15 clients of 25 MB/s over two links of 200 MB/s: 175 on the second, and 40 of the archive, which waits."""
    study = k2rel.study("L3R", clients=15)
    outcome = k2rel.failover(study)
    load = next(item for item in outcome.loads if item.element == "fc_link_2A")
    look = looks(study.site, outcome)["fc_link_2A"]
    assert (load.load_mb_s, load.counted_mb_s, load.capacity_mb_s) == (215, 175, 200)
    assert (outcome.services["full_service"], look.over, look.waits) == (True, False, True)
    svg = draw_site(study.site, outcome).svg
    assert "above it, background waits" in svg
    assert re.search(r"data-part='fc_link_2A'[^>]* data-waits=''", svg)


@pytest.mark.parametrize("side", ["first", "second"])
def test_where_both_sides_carry_a_link_has_a_strand_of_each(side) -> None:
    svg = draw_site(k2rel.study(data_dir() / "examples" / "reference_san.yaml").site).svg
    assert svg.count("class='way two'") >= 5, "the drives are reached by both"
