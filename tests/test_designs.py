"""Designs of today, as a person writes them down: what each really does, against values worked out without k2rel.

Of seven shipped ones the values come from an enumeration that was written apart from k2rel and from these tests; those
of `mlag`, `vrrp` and `pacemaker` stand as closed forms in `test_takeover_designs`; of the four others, too, closed forms
are here. `tests.enumerated` must give them all, and is what engines are compared with elsewhere.

`ha_pair` and `stretched` say since what a takeover needs, waits for and costs. Their values are of ideal takeovers, which
know no times and coverages; a takeover to a node that does not reach the volumes, which there is no longer, served nobody;
and that a site belongs to a majority was written as pairs of sites that see each other. So no value has moved.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ruamel.yaml import YAML

import k2rel
from k2rel.bundled import data_dir
from tests.enumerated import Enumerated, Followed, enumerate_states, state

FOLDER = data_dir() / "examples" / "designs"

# unavailability of services; "overload": P(any overload); "mean X": mean load; "over X + Y": sum of P(X above capacity)
VALUES: dict[str, dict[str, float]] = {
    "fc_round_robin": {
        "disk": 5.226128334024e-06,
        "overload": 1.3935899096985913e-05,
        "full_service": 1.916202743101e-05,
        "mean port_A1": 99.99954991772202,
        "mean port_B2": 99.99954991772202,
    },
    "fc_alua": {"lun_1": 5.226128334024e-06, "overload": 1.393589909699e-05, "full_service": 1.916202743101e-05},
    "iscsi_mpio": {
        "disk": 2.219649143075e-05,
        "overload": 3.006373411021e-03,
        "full_service": 3.016627836328e-03,
    },
    "st2022_7": {
        "video": 1.910100304106e-05,
        "full_service": 1.610786486946e-04,
        "overload": 1.577404536853e-02,
        # of one network: by the one way or by the other, never both
        "over trunk_A11 + trunk_A12": 7.918372998749e-03,
        "over spine_B1 + spine_B2": 0.0,
    },
    "ha_pair": {
        "overload": 5.995778032654e-04,
        "half1": 7.409553716222e-05,
        "half2": 7.409553716222e-05,
        "full_service": 7.436320785327e-04,
    },
    "rack_power": {
        "net": 6.461898186974e-05,
        "legacy_up": 4.005952078948e-03,
        "overload": 5.978023992000e-03,
        "over ups_A + ups_B": 5.978023992000e-03,
        "mean ups_A": 5.999946071976,
    },
    "stretched": {"cluster": 5.983166553472e-05, "vm": 1.548108027920e-04},
    "mlag": {"orphan": 4.266492631409635e-05, "bond": 4.401413778398699e-09, "mean up_B": 449.99626610234236},
    "vrrp": {"group_data": 5.817886120618889e-06, "group_voice": 5.817886120618889e-06, "data": 4.582757671300231e-05},
    "pacemaker": {"files": 4.035076859053128e-05, "nfs": 7.501504805286223e-05},
}

# load of elements when parts have failed
LOADS: list[tuple[str, list[str], dict[str, float]]] = [
    ("fc_round_robin", [], {"port_A1": 100, "port_A2": 100, "port_B1": 100, "port_B2": 100}),
    ("fc_round_robin", ["port_A1"], {"port_A1": 0, "port_A2": 400 / 3, "port_B1": 400 / 3, "port_B2": 400 / 3}),
    ("fc_alua", ["client_1_hba_A"], {"port_A1": 75, "port_A2": 75, "port_B1": 125, "port_B2": 125}),
    ("fc_alua", ["port_A1", "port_B1"], {"port_A1": 0, "port_A2": 200, "port_B1": 0, "port_B2": 200}),
    ("iscsi_mpio", ["ctrl_1"], {"port_1A": 0, "port_1B": 0, "port_2A": 200, "port_2B": 200}),
    ("st2022_7", ["spine_A2"], {"trunk_A11": 3000, "trunk_A12": 0, "trunk_B11": 1500, "trunk_B12": 1500}),
    ("ha_pair", [], {"node_1": 400, "node_2": 400}),
    ("ha_pair", ["node_1"], {"node_1": 0, "node_2": 800}),
    ("ha_pair", ["node_1", "interconnect"], {"node_1": 0, "node_2": 400}),
    ("mlag", [], {"up_A": 400, "up_B": 450}),
    ("mlag", ["peer_link"], {"up_A": 800, "up_B": 0}),
    ("mlag", ["peer_link", "keepalive"], {"up_A": 400, "up_B": 450}),
    ("vrrp", [], {"up_1": 50, "up_2": 1}),
    ("vrrp", ["gw_1"], {"up_1": 0, "up_2": 51}),
    ("rack_power", ["pdu_B"], {"ups_A": 12, "pdu_A": 12, "ups_B": 0, "pdu_B": 0}),
]


def design(name: str) -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load((FOLDER / f"{name}.yaml").read_text())
    return document


def enumerated_value(found: Enumerated, quantity: str) -> float:
    what, _, names = quantity.partition(" ")
    if what == "overload":
        return found.p_any_overload
    if what == "mean":
        return found.mean[names]
    if what == "over":
        return sum(found.p_overload[name] for name in names.split(" + "))
    return found.unavailability[quantity]


@pytest.mark.parametrize("name", VALUES)
def test_the_enumeration_gives_the_values_of_each_design(name) -> None:
    found = enumerate_states(design(name))
    for quantity, value in VALUES[name].items():
        assert enumerated_value(found, quantity) == pytest.approx(value, rel=1e-9, abs=1e-300), quantity


@pytest.mark.parametrize(("name", "failed", "loads"), LOADS)
def test_load_goes_where_it_goes(name, failed, loads) -> None:
    carried = state(design(name), failed)["load"]
    assert {element: carried[element] for element in loads} == pytest.approx(loads)


def solved_value(study: k2rel.Study, method: str, quantity: str) -> float:
    # the values are of takeovers that are instant and certain, with roles where they are at home
    ideal = k2rel.Organisation(roles="ideal", tolerance=1e-12) if method == "markov" else None
    what, _, names = quantity.partition(" ")
    if what not in ("overload", "mean", "over"):
        return k2rel.availability(study, organisation=ideal, method=method)[quantity].unavailability
    load = k2rel.load(study, ideal, method=method)
    elements = {item.element: item for item in load.elements}
    if what == "overload":
        return load.p_any_overload
    if what == "mean":
        return elements[names].mean_mb_s
    return sum(elements[name].p_overload for name in names.split(" + "))


@pytest.mark.parametrize("name", VALUES)
def test_the_exact_engine_gives_the_values_of_each_design(name) -> None:
    study = k2rel.study(FOLDER / f"{name}.yaml")
    for quantity, value in VALUES[name].items():
        assert solved_value(study, "exact", quantity) == pytest.approx(value, rel=1e-9, abs=1e-300), quantity


@pytest.mark.parametrize("name", VALUES)
def test_the_chain_with_ideal_takeovers_gives_the_values_of_each_design(name) -> None:
    study = k2rel.study(FOLDER / f"{name}.yaml")
    for quantity, value in VALUES[name].items():
        assert solved_value(study, "markov", quantity) == pytest.approx(value, rel=1e-8, abs=1e-11), quantity


@pytest.mark.parametrize(("name", "failed", "loads"), LOADS)
def test_failover_puts_the_load_where_it_goes(name, failed, loads) -> None:
    found = k2rel.failover(k2rel.study(FOLDER / f"{name}.yaml"), failed)
    assert {element: found.carried.get(element, 0.0) for element in loads} == pytest.approx(loads)


def test_every_shipped_design_has_its_values_here() -> None:
    # those with templates are elsewhere: `test_spine_leaf` has the values of a small fabric, `test_ready_made_designs` the rest
    templates = {"spine_leaf", "dual_tor", "l2r_two_feeds", "mirrored_systems", "st2022_7_receivers"}
    assert {path.stem for path in FOLDER.glob("*.yaml")} - templates == set(VALUES)
    assert all(design(name)["description"] and "Not modelled" in design(name)["description"] for name in VALUES)


# --- four more ---------------------------------------------------------------------------------------------------


def base(
    components: dict[str, Any], links: dict[str, Any], parts: dict[str, Any], traffic: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """A site in format 2; `more` may give roles, units, subscriptions."""
    return {
        "format": 2, "name": "design", "title": "a design", "sides": {"A": {}, "B": {}},
        "types": {"ideal": {"failure_rate": 0, "mttr": "1 h"}},
        "components": components, "links": links,
        "clients": {"count": 4, "parts": parts, "subscriptions": more.pop("subscriptions", {})},
        "traffic": traffic, **more,
    }  # fmt: skip


def part(unavailability: float = 0.0, **more: Any) -> dict[str, Any]:
    law = {"unavailability": unavailability, "mttr": "4 h"} if unavailability else {}
    return {"type": "ideal", **law, **more}


def four_spines() -> dict[str, Any]:
    """Two leaves a side, each with a trunk to all of four spines that every flow is spread over."""
    leaves = {f"leaf_{side}{n}": part(1e-3, side=side) for side in "AB" for n in (1, 2)}
    spines = {f"spine_{n}": part(2e-3, capacity="150 MB/s") for n in range(1, 5)}
    trunks = {
        f"trunk_{leaf}_{n}": part(between=[f"leaf_{leaf}", f"spine_{n}"])
        for leaf in ("A1", "A2", "B1", "B2")
        for n in range(1, 5)
    }
    cards = {f"nic_{side}": part(side=side, between=["client", f"leaf_{side}1"]) for side in "AB"}

    def path(side: str) -> dict[str, Any]:
        ways = [[f"trunk_{side}1_{n}", f"spine_{n}", f"trunk_{side}2_{n}"] for n in range(1, 5)]
        return {
            "side": side,
            "via": ["client", f"nic_{side}", f"leaf_{side}1", {"at_least": 1, "of": ways}, f"leaf_{side}2"],
        }

    traffic = {"data": {"demand": "100 MB/s", "share": "equal", "paths": [path("A"), path("B")]}}
    return base(leaves | spines, trunks, {"client": part()} | cards, traffic)


def test_four_spines_share_the_load_and_two_are_too_few() -> None:
    found = enumerate_states(four_spines())
    assert found.mean["spine_1"] == pytest.approx(100, rel=1e-3)
    q, leaves_of_a_side = 2e-3, 1 - (1 - 1e-3) ** 2
    some_side = 1 - leaves_of_a_side**2
    three_lost, two_lost = 4 * q**3 * (1 - q), 6 * q**2 * (1 - q) ** 2
    assert found.p_any_overload == pytest.approx((two_lost + three_lost) * some_side, rel=1e-12)
    assert found.unavailability["data"] == pytest.approx(q**4 + (1 - q**4) * leaves_of_a_side**2, rel=1e-9)


def gateways() -> dict[str, Any]:
    """Two VRRP groups: each gateway is active for half of the clients and stands by for the others."""
    boxes = {f"gateway_{side}": part(3e-3, side=side, capacity="60 MB/s") for side in "AB"}
    parts = {"client": part(), "lead": part(1e-3, between=["client", "lan"])}
    ports = {f"port_{side}": part(side=side, between=["lan", f"gateway_{side}"]) for side in "AB"}
    paths = [{"side": side, "via": ["client", "lead", "lan", f"port_{side}", f"gateway_{side}"]} for side in "AB"]
    traffic = {"wan": {"demand": "20 MB/s", "prefer": "@group", "paths": paths}}
    return base(boxes | {"lan": part()}, ports, parts, traffic, subscriptions={"group": ["A", "B"]})


def test_two_gateway_groups_halve_the_load_and_one_gateway_is_not_enough_for_both() -> None:
    found = enumerate_states(gateways())
    u, there = 3e-3, 1 - 1e-3
    assert found.mean["gateway_A"] == pytest.approx(there * ((1 - u) * 40 + u * (1 - u) * 40), rel=1e-12)
    # one gateway is lost and all four clients are connected; with three 60 MB/s are asked for, which it carries
    assert found.p_any_overload == pytest.approx(2 * u * (1 - u) * there**4, rel=1e-12)
    assert found.sides[2, 2, 0, 0] == pytest.approx((1 - u) ** 2 * there**4, rel=1e-12)
    assert state(gateways(), ["gateway_A"])["routes"]["wan", 1] == [(1, 1.0)]


def mlag() -> dict[str, Any]:
    """Hosts bonded to two leaves, equally; a leaf whose peer link is lost while its peer is seen to live goes down.

    The second leaf watches the peer link; the keepalive, which needs the first leaf, tells it that the first is alive.
    It then gives its place away to a holder that is nowhere, and is out of service.
    """
    leaves = {"leaf_1": part(1e-3, side="A"), "leaf_2": part(1e-3, side="B"), "nowhere": part(), "core": part()}
    links = {
        "peer": part(2e-3, between=["leaf_1", "leaf_2"]),
        "keepalive": part(3e-3, between=["leaf_1", "leaf_2"], needs=["leaf_1"]),
        "uplink_1": part(1e-3, between=["leaf_1", "core"], side="A", capacity="250 MB/s"),
        "uplink_2": part(1e-3, between=["leaf_2", "core"], side="B", capacity="250 MB/s"),
    }
    cards = {f"nic_{n}": part(4e-3, side=side, between=["client", f"leaf_{n}"]) for n, side in ((1, "A"), (2, "B"))}
    paths = [
        {"side": side, "via": ["client", f"nic_{n}", f"leaf_{n}", f"uplink_{n}", "core"]}
        for n, side in ((1, "A"), (2, "B"))
    ]
    return base(
        leaves, links, {"client": part()} | cards,
        {"data": {"demand": "100 MB/s", "share": "equal", "paths": paths}},
        units={"second": {"server": "leaf_2", "triggers": ["peer"], "heartbeat": "keepalive"}},
        roles={"secondary": {"failback": "automatic", "holders": [
            {"side": "B", "name": "in_service", "on": "leaf_2", "units": ["second"]},
            {"side": "A", "name": "shut", "on": "nowhere"}]}},
    )  # fmt: skip


def test_a_bond_to_two_leaves_loses_the_second_one_with_the_peer_link() -> None:
    found = enumerate_states(mlag())
    leaf, peer, keepalive, uplink, card = 1e-3, 2e-3, 3e-3, 1e-3, 4e-3
    first = (1 - leaf) * (1 - uplink)
    second_if_first_leaf = (1 - leaf) * (1 - uplink) * (1 - peer * (1 - keepalive))
    second_else = (1 - leaf) * (1 - uplink)

    def all_four(second: float, first_up: float) -> float:
        """P(every client has a way), given how likely each leaf and uplink is to be there."""
        both, one = first_up * second, first_up * (1 - second) + (1 - first_up) * second
        return both * (1 - card**2) ** 4 + one * (1 - card) ** 4

    there = (1 - leaf) * all_four(second_if_first_leaf, 1 - uplink) + leaf * all_four(second_else, 0.0)
    assert found.unavailability["data"] == pytest.approx(1 - there, rel=1e-9)
    one_client = first * second_if_first_leaf * (1 - card**2) + (1 - card) * (
        first * (1 - second_if_first_leaf) + (1 - leaf) * uplink * second_if_first_leaf + leaf * second_else
    )
    assert found.unavailability["data_client"] == pytest.approx(1 - one_client, rel=1e-9)
    shut = state(mlag(), ["peer"])
    assert shut["out_of_service"] >= {"leaf_2"}
    assert shut["load"]["uplink_1"] == 400
    assert shut["overloaded"] == {"uplink_1"}
    assert state(mlag(), ["peer", "keepalive"])["load"]["uplink_1"] == 200
    assert state(mlag(), ["peer", "leaf_1"])["load"]["uplink_2"] == 400, "nobody tells the second leaf to go"


def cluster() -> dict[str, Any]:
    """Two nodes; the other one takes over only after it has fenced the first, by a device that can be broken."""
    nodes = {f"node_{n}": part(5e-3, side=side, capacity="100 MB/s") for n, side in ((1, "A"), (2, "B"))}
    links = {f"port_{n}": part(side=side, between=["lan", f"node_{n}"]) for n, side in ((1, "A"), (2, "B"))}
    units = {f"unit_{n}": {"server": f"node_{n}", "triggers": [f"node_{n}"], "heartbeat": "fence"} for n in (1, 2)}
    holders = [
        {"side": side, "name": f"on_{n}", "on": f"node_{n}", "units": [f"unit_{n}"], "needs": [f"node_{n}"]}
        for n, side in ((1, "A"), (2, "B"))
    ]
    paths = [
        {"side": side, "when": {"service": f"on_{n}"}, "via": ["client", "lead", "lan", f"port_{n}", f"node_{n}"]}
        for n, side in ((1, "A"), (2, "B"))
    ]
    return base(
        nodes | {"lan": part(), "fence": part(2e-2)}, links, {"client": part(), "lead": part(between=["client", "lan"])},
        {"files": {"demand": "20 MB/s", "requires": ["service"], "paths": paths}},
        units=units, roles={"service": {"holders": holders}},
    )  # fmt: skip


def test_a_cluster_that_cannot_fence_does_not_take_over() -> None:
    found = enumerate_states(cluster())
    node, fence = 5e-3, 2e-2
    assert found.unavailability["service"] == pytest.approx(node * (1 - (1 - node) * (1 - fence)), rel=1e-12)
    assert found.unavailability["files"] == pytest.approx(found.unavailability["service"], rel=1e-12)
    assert found.sides[0, 4, 0, 0] == pytest.approx(node * (1 - node) * (1 - fence), rel=1e-12)
    other_way = copy.deepcopy(cluster())
    other_way["roles"]["service"]["holders"].reverse()
    assert state(other_way)["holders"] == {"service": "on_2"}, "asked in the order of the file"
    assert state(other_way, primary="A")["holders"] == {"service": "on_1"}, "unless a side is asked for"


def test_delivered_load_of_a_short_element_is_shared_and_the_background_yields() -> None:
    """Two clients ask 40 MB/s each of 60, beside a copy of 30 for the site: nothing is left for that."""
    document = cluster()
    document["clients"]["count"] = 2
    document["traffic"]["files"]["demand"] = "40 MB/s"
    document["components"]["node_1"]["capacity"] = "60 MB/s"
    copied = {"scope": "site", "demand": "30 MB/s", "priority": "background"}
    document["traffic"]["copy"] = copied | {"paths": [{"side": "A", "via": ["node_1"]}]}
    short = state(document)
    assert short["delivered"] == pytest.approx({"files": 60, "copy": 0})
    assert short["overloaded"] == {"node_1"}
    assert not short["services"]["full_service"]
    document["components"]["node_1"]["capacity"] = "95 MB/s"
    enough = state(document)
    assert enough["delivered"] == pytest.approx({"files": 80, "copy": 15})
    assert enough["services"]["full_service"], "what yields does not count"
    assert enough["load"]["node_1"] == 110


def test_watching_a_whole_network_of_the_two() -> None:
    """P(a given side overloaded) of the table is that of some element of it."""
    document = design("st2022_7")
    for name in ("leaf_A1", "leaf_A2", "leaf_B1", "leaf_B2"):
        document["components"][name]["unavailability"] = 0.0

    def red(followed: Followed) -> Any:
        return sum(followed.overloaded[n].astype(int) for n in ("spine_A1", "trunk_A11", "trunk_A12")) > 0

    found = enumerate_states(document, watch={"red": red})
    assert found.watched["red"] == pytest.approx(
        found.p_overload["trunk_A11"] + found.p_overload["trunk_A12"], rel=1e-12
    )
