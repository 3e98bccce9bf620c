"""Sites that are made of a graph: the paths found are those of a file written by hand, and what is left out is bounded.

Expected values are files written by hand, and enumeration of every state of small random graphs, where a client has
service while networkx-free reachability says so: written here, apart from the search, the stages and the bound.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import k2rel
from k2rel import InputError, Site, studies
from k2rel.bundled import data_dir
from k2rel.logic.diagram import compile_diagram
from k2rel.services.catalogue import site_services, structure_function

DESIGNS = data_dir() / "examples" / "designs"
TYPES: dict[str, dict[str, Any]] = {
    "host": {"failure_rate": 0, "mttr": "1 h"},
    "nic": {"mttf": "500000 h", "mttr": "4 h"},
    "leaf": {"mttf": "150000 h", "mttr": "4 h"},
    "spine": {"mttf": "150000 h", "mttr": "4 h"},
    "trunk": {"mttf": "1000000 h", "mttr": "4 h"},
}


def study_of(site: Site) -> studies.Study:
    """The study of a site that stands in no file."""
    from k2rel.policy import Policy
    from k2rel.rates import site_laws
    from k2rel.studies import Study

    return Study(site, Policy(site, None), site_laws(site))


def square(kind: type[nx.Graph[Any]] = nx.Graph) -> nx.Graph[Any]:
    """A host on two switches, each with a cable to a disk."""
    return kind([("host", "s1"), ("host", "s2"), ("s1", "disk"), ("s2", "disk")])


PLAIN: dict[str, Any] = {
    "clients": ["host"], "targets": ["disk"], "types": TYPES, "node_type": "leaf", "link_type": "trunk"
}  # fmt: skip


def vias(site: Site, traffic: str = "traffic", group: int = 0) -> list[tuple[int, str, str]]:
    return [(path.group, path.side, " ".join(map(str, path.via))) for path in site.paths_of(traffic, group)]


# designs ----------------------------------------------------------------------------------------------------------------


DRAWN: list[tuple[str, dict[str, Any]]] = [
    ("fc_round_robin", {"targets": ["ctrl_1", "ctrl_2"], "traffic": "disk", "demand": "100 MB/s"}),
    ("st2022_7", {"targets": ["leaf_A2", "leaf_B2"], "traffic": "video", "demand": "1000 MB/s", "share": "all"}),
]


@pytest.mark.parametrize(("name", "said"), DRAWN, ids=[name for name, _ in DRAWN])
def test_a_design_from_its_graph_is_the_design(name: str, said: dict[str, Any]) -> None:
    by_hand = k2rel.study(DESIGNS / f"{name}.yaml")
    found = study_of(Site.from_graph(by_hand.site.graph(), "client", **said))
    services = k2rel.availability(by_hand).table()["unavailability"]
    assert k2rel.availability(found).table()["unavailability"].to_dict() == pytest.approx(services.to_dict(), rel=1e-12)
    one, other = k2rel.load(by_hand), k2rel.load(found)
    assert [e.element for e in one.elements] == [e.element for e in other.elements]
    for a, b in zip(one.elements, other.elements, strict=True):
        assert np.array(b.distribution) == pytest.approx(np.array(a.distribution), rel=1e-12)
    assert other.side_distribution == one.side_distribution


def test_classes_with_targets_of_their_own() -> None:
    """Of `fc_alua` what a graph can say: the paths to the owner of each volume; which ones are optimised it cannot."""
    by_hand = k2rel.study(DESIGNS / "fc_alua.yaml")
    site = Site.from_graph(by_hand.site.graph(), "client", {"lun_1": ["ctrl_1"], "lun_2": ["ctrl_2"]}, demand="50 MB/s")
    for volume in ("lun_1", "lun_2"):
        mine = {(path.side, path.via[2:]) for path in by_hand.site.traffic[volume].paths if path.group == 1}
        assert {(path.side, path.via[2:]) for path in site.traffic[volume].paths} == mine


def test_power_and_seats_come_along() -> None:
    """`net` of `rack_power`: supplies and feeds are needs of what is crossed, and the client sits in the core."""
    by_hand = k2rel.study(DESIGNS / "rack_power.yaml")
    found = study_of(Site.from_graph(by_hand.site.graph(), "client", ["server"], traffic="net"))
    expected = k2rel.availability(by_hand).table()["unavailability"]["net"]
    assert k2rel.availability(found).table()["unavailability"]["net"] == pytest.approx(expected, rel=1e-12)


def test_a_peer_link_is_one_more_way() -> None:
    """`mlag` sends nobody over its peer link; without it the graph says the same."""
    by_hand = k2rel.study(DESIGNS / "mlag.yaml", settings=None)
    graph = by_hand.site.graph()
    graph.remove_edges_from([(a, b, key) for a, b, key in graph.edges(keys=True) if key in ("peer_link", "keepalive")])
    site = Site.from_graph(graph, "client", ["core"], traffic="bond", demand="200 MB/s")
    assert [(side, via.split()[2:]) for _, side, via in vias(site, "bond")] == [
        ("A", ["ports_A", "leaf_A", "up_A", "core"]), ("B", ["ports_B", "leaf_B", "up_B", "core"])
    ]  # fmt: skip


# a fabric ---------------------------------------------------------------------------------------------------------------


def fabric(pairs: int, spines: int, clients: int) -> nx.Graph[Any]:
    graph = nx.Graph(name="fabric")
    for s in range(1, spines + 1):
        graph.add_node(f"spine_{s}", type="spine")
    for p in range(1, pairs + 1):
        for x in "AB":
            graph.add_node(f"leaf_{p}{x}", type="leaf", side=x)
            for s in range(1, spines + 1):
                graph.add_edge(
                    f"leaf_{p}{x}", f"spine_{s}", name=f"trunk_{p}{x}_{s}", type="trunk", capacity="1000 MB/s"
                )
    graph.add_node("server", type="host", role="target")
    for x in "AB":
        graph.add_edge(f"leaf_{pairs}{x}", "server", name=f"up_{x}", type="trunk", capacity=5000)
    for c in range(clients):
        graph.add_node(f"host-{c + 1}", type="host", role="client")
        for x in "AB":
            graph.add_edge(f"host-{c + 1}", f"leaf_{c % (pairs - 1) + 1}{x}", type="nic")
    return graph


def fabric_by_hand(pairs: int, spines: int, clients: int) -> dict[str, Any]:
    """The file that a person writes for it: a path a side, through any spine to either leaf of the server."""
    of_pairs = range(1, pairs + 1)
    trunks = [(p, x, s) for p in of_pairs for x in "AB" for s in range(1, spines + 1)]
    components = {f"spine_{s}": {"type": "spine"} for s in range(1, spines + 1)}
    components |= {f"leaf_{p}{x}": {"type": "leaf", "side": x} for p in of_pairs for x in "AB"}
    links: dict[str, Any] = {
        f"trunk_{p}{x}_{s}": {"type": "trunk", "between": [f"leaf_{p}{x}", f"spine_{s}"], "capacity": 1000}
        for p, x, s in trunks
    }
    links |= {f"up_{x}": {"type": "trunk", "between": [f"leaf_{pairs}{x}", "server"], "capacity": 5000} for x in "AB"}

    def branch(p: int, x: str, s: int, y: str) -> list[str]:
        return [f"trunk_{p}{x}_{s}", f"spine_{s}", f"trunk_{pairs}{y}_{s}", f"leaf_{pairs}{y}", f"up_{y}"]

    paths = [
        {
            "side": x, "kinds": [f"pair_{p}"],
            "via": ["client", f"nic_{x}", f"leaf_{p}{x}",
                    {"at_least": 1, "of": [branch(p, x, s, y) for s in range(1, spines + 1) for y in "AB"]}, "server"],
        }
        for p in of_pairs[:-1] for x in "AB"
    ]  # fmt: skip
    parts: dict[str, Any] = {"client": {"type": "host"}}
    parts |= {f"nic_{x}": {"type": "nic", "side": x, "between": ["client", f"@leaf_{x}"]} for x in "AB"}
    kinds = {
        f"pair_{p}": {"count": len(range(p - 1, clients, pairs - 1)), "leaf_A": f"leaf_{p}A", "leaf_B": f"leaf_{p}B"}
        for p in of_pairs[:-1]
    }
    return {
        "format": 2, "name": "by_hand", "title": "by hand", "sides": {"A": {}, "B": {}}, "types": TYPES,
        "components": {**components, "server": {"type": "host"}}, "links": links,
        "clients": {"parts": parts, "kinds": kinds},
        "traffic": {"traffic": {"demand": "10 MB/s", "share": "equal", "paths": paths}},
    }  # fmt: skip


def site_of(document: dict[str, Any]) -> Site:
    from k2rel.site.read import site_of as read
    from k2rel.site.source import YamlSource

    return read(YamlSource("by hand", document, {}))


def of_one_client(study: studies.Study) -> dict[str, float]:
    """Unavailability of the services of one client, each by itself."""
    policy, found = study.policy, {}
    for service in site_services(study.site):
        if service.rule == "one client":
            diagram = compile_diagram(policy.structure, [structure_function(policy, service)])
            q = [study.law(name).unavailability for name in diagram.variables]
            chances = diagram.mode_probabilities(q)
            found[service.name] = float(chances[[outcome == (False,) for outcome in diagram.outcomes]].sum())
    return found


@pytest.mark.parametrize(
    ("pairs", "spines", "clients", "negligible"),
    [(4, 2, 6, 1e-2), pytest.param(18, 4, 500, 1e-4, marks=pytest.mark.slow)],
)
def test_a_fabric_from_its_graph_is_the_file_written_by_hand(
    pairs: int, spines: int, clients: int, negligible: float
) -> None:
    """40 switches and 500 clients: a path a side, all services of one client, and the load of every trunk."""
    graph = fabric(pairs, spines, clients)
    found = study_of(Site.from_graph(graph, types=TYPES, demand="10 MB/s", negligible=negligible))
    by_hand = study_of(site_of(fabric_by_hand(pairs, spines, clients)))
    assert found.site.found is not None
    assert found.site.found.dropped > 0
    assert found.site.found.bound is not None
    assert found.site.found.bound < 1e-10
    assert found.site.group_sizes == by_hand.site.group_sizes
    assert of_one_client(found) == pytest.approx(of_one_client(by_hand), rel=1e-12)
    trunks = [f"trunk_1A_{s}" for s in range(1, spines + 1)]
    for failed in (
        [],
        ["spine_1"],
        ["leaf_1A"],
        [f"leaf_{pairs}B"],
        ["up_A"],
        trunks,
        [trunks[0], "spine_2", "leaf_2B"],
    ):
        one, other = k2rel.failover(by_hand, failed), k2rel.failover(found, failed)
        expected = {load.element: load.load_mb_s for load in one.loads}
        assert {load.element: load.load_mb_s for load in other.loads} == pytest.approx(expected, abs=1e-9)
        assert sum(expected.values()) > 0


@pytest.mark.slow
def test_a_small_fabric_is_the_file_written_by_hand_in_every_figure() -> None:
    found = study_of(Site.from_graph(fabric(2, 2, 2), types=TYPES, demand="600 MB/s", negligible=1e-2))
    by_hand = study_of(site_of(fabric_by_hand(2, 2, 2)))
    site = replace(by_hand.site, traffic={"traffic": replace(by_hand.site.traffic["traffic"], demand_mb_s=600.0)})
    by_hand = study_of(site)
    services = k2rel.availability(by_hand).table()["unavailability"]
    assert k2rel.availability(found).table()["unavailability"].to_dict() == pytest.approx(services.to_dict(), rel=1e-12)
    loads = {load.element: load for load in k2rel.load(by_hand).elements}
    for load in k2rel.load(found).elements:
        assert np.array(load.distribution) == pytest.approx(np.array(loads[load.element].distribution), rel=1e-12)
    assert 0 < max(load.p_overload for load in loads.values()) < 1


# every way -------------------------------------------------------------------------------------------------------------


@st.composite
def drawings(draw: st.DrawFn) -> nx.MultiGraph[str]:
    """Small graphs whose parts fail often; parallel cables and switches that lead nowhere are among them."""
    switches = [f"s{n}" for n in range(draw(st.integers(1, 4)))]
    targets = [f"t{n}" for n in range(draw(st.integers(1, 2)))]
    graph: nx.MultiGraph[str] = nx.MultiGraph()
    chance = st.sampled_from([0.0, 0.01, 0.1, 0.3])
    for name in ("c", *switches, *targets):
        graph.add_node(name, type="box", unavailability=draw(chance), mttr=1.0)
    ends = [("c", s) for s in switches] + list(itertools.combinations(switches, 2))
    ends += [(s, t) for s in switches for t in targets]
    for n, (a, b) in enumerate(draw(st.lists(st.sampled_from(ends), min_size=2, max_size=7))):
        cost = draw(st.sampled_from([0, 1, 2.5]))
        graph.add_edge(a, b, name=f"l{n}", type="box", cost=cost, unavailability=draw(chance), mttr=1.0)
    return graph


def reached(graph: nx.MultiGraph[str], up: dict[str, bool]) -> bool:
    """Whether the client reaches a target over what is up; clients and targets pass nothing on."""
    seen, todo = {"c"}, ["c"] if up["c"] else []
    while todo:
        here = todo.pop()
        if here.startswith("t"):
            return True
        for _, there, attributes in graph.edges(here, data=True):
            if there not in seen and there != "c" and up[there] and up[attributes["name"]]:
                seen.add(there)
                todo.append(there)
    return False


def down(graph: nx.MultiGraph[str]) -> float:
    """Probability that the client reaches no target, over every state of every part."""
    q = {name: attributes["unavailability"] for name, attributes in graph.nodes(data=True)}
    q |= {attributes["name"]: attributes["unavailability"] for *_, attributes in graph.edges(data=True)}
    unsure = [name for name, value in q.items() if value]
    total = 0.0
    for state in itertools.product((True, False), repeat=len(unsure)):
        up = dict.fromkeys(q, True) | dict(zip(unsure, state, strict=True))
        if not reached(graph, up):
            total += math.prod(1 - q[name] if up[name] else q[name] for name in unsure)
    return total


def every_way(graph: nx.MultiGraph[str]) -> list[tuple[tuple[float, int], list[str]]]:
    """Simple ways from the client to a target, by networkx, with cost and hops and what they cross."""
    inside: nx.MultiGraph[str] = nx.MultiGraph(graph)
    inside.add_edges_from((name, "sink") for name in graph if name.startswith("t"))
    found = {tuple(edges) for edges in nx.all_simple_edge_paths(inside, "c", "sink")} if "c" in inside else set()
    ways = []
    for edges in sorted(found):
        crosses, cost = ["c"], 0.0
        for edge in edges[:-1]:
            attributes = graph.edges[edge]
            crosses += [attributes["name"], edge[1]]
            cost += attributes["cost"]
        if sum(name.startswith("t") for name in crosses) == 1:  # a target passes nothing on
            ways.append(((cost, len(edges) - 1), crosses))
    return ways


def divided(graph: nx.MultiGraph[str], failed: set[str], demand: float) -> dict[str, float]:
    """Load of every part: of the shortest ways that work, by own link and target first, then by way."""
    works = [(length, crosses) for length, crosses in every_way(graph) if failed.isdisjoint(crosses)]
    shortest = min((length for length, _ in works), default=None)
    paths: dict[tuple[str, str], list[list[str]]] = {}
    for length, crosses in works:
        if length == shortest:
            paths.setdefault((crosses[1], crosses[-1]), []).append(crosses)
    loads: dict[str, float] = defaultdict(float)
    for ways in paths.values():
        for crosses in ways:
            for name in crosses:
                loads[name] += demand / len(paths) / len(ways)
    return loads


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawings(), st.data())
def test_the_load_is_divided_by_path_and_by_way(graph: nx.MultiGraph[str], data: st.DataObject) -> None:
    for name in graph:
        graph.nodes[name]["capacity"] = 100
    for *_, attributes in graph.edges(data=True):
        attributes["capacity"] = 100
    try:
        site = Site.from_graph(graph, ["c"], [n for n in graph if n[0] == "t"], paths=32, negligible=0, demand=60)
    except InputError:
        return
    assert site.found is not None
    if site.found.dropped:
        return
    shared = [name for name in (*graph, *(e["name"] for *_, e in graph.edges(data=True))) if name in site.components]
    failed = data.draw(st.sets(st.sampled_from(shared), max_size=3))
    outcome = k2rel.failover(study_of(site), sorted(failed))
    expected = divided(graph, failed, 60.0)
    for load in outcome.loads:
        assert load.load_mb_s == pytest.approx(expected.get(load.element, 0.0), abs=1e-9)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawings(), st.integers(1, 6), st.booleans(), st.sampled_from([0.0, 1e-4, 0.1]))
def test_what_is_left_out_is_counted_and_bounded(
    graph: nx.MultiGraph[str], paths: int, stages: bool, negligible: float
) -> None:
    targets = [name for name in graph if name.startswith("t")]
    try:
        site = Site.from_graph(graph, ["c"], targets, paths=paths, stages=stages, negligible=negligible)
    except InputError as error:
        assert "no path leads from 'c'" in str(error) or "without any link: 'c'" in str(error)
        assert not reached(graph, dict.fromkeys([*graph, *(e["name"] for *_, e in graph.edges(data=True))], True))
        return
    assert site.found is not None
    (row,) = site.found.paths
    ways = every_way(graph)
    assert row.all_counted
    assert row.ways + row.dropped == len(ways)
    assert row.paths <= paths
    exactly = down(graph)
    assert row.bound is not None
    assert row.down is not None
    kept = of_one_client(study_of(site))["traffic_client"]
    assert kept == pytest.approx(row.down, rel=1e-9, abs=1e-15)
    assert exactly - 1e-12 <= kept <= exactly + row.bound + 1e-12
    if not row.dropped:
        assert row.bound == 0
        assert kept == pytest.approx(exactly, rel=1e-9, abs=1e-15)


# what is preferred -----------------------------------------------------------------------------------------------------


def test_equal_ways_share_and_longer_ones_wait() -> None:
    graph = square()
    graph.add_edge("s1", "s2")
    assert vias(Site.from_graph(graph, **PLAIN, negligible=0)) == [
        (1, "A", "client link_1 s1 s1-disk disk"),
        (1, "A", "client link_2 s2 s2-disk disk"),
        (2, "A", "client link_1 s1 s1-s2 s2 s2-disk disk"),
        (2, "A", "client link_2 s2 s1-s2 s1 s1-disk disk"),
    ]
    graph.edges["host", "s2"]["cost"] = 5
    assert [group for group, *_ in vias(Site.from_graph(graph, **PLAIN, negligible=0))] == [1, 2, 3, 4]


def test_where_not_all_fits_the_second_shares_as_little_as_can_be() -> None:
    """Two ways by the near switch, and a far one that is apart from both; two paths are asked for."""
    graph = nx.Graph([("host", "near"), ("near", "x"), ("near", "y"), ("x", "disk"), ("y", "disk")])
    graph.add_edge("host", "far", cost=10)
    graph.add_edge("far", "z")
    graph.add_edges_from([("z", "disk"), ("z", "x")])
    site = Site.from_graph(graph, **PLAIN, paths=2)
    assert [via.split()[1:3] for *_, via in vias(site)] == [["link_1", "near"], ["link_2", "far"]]
    assert site.found is not None
    assert site.found.dropped > 0


def test_parallel_cables_are_links_of_their_own() -> None:
    graph = square(nx.MultiGraph)
    graph.add_edge("s1", "disk", capacity="10 MB/s")
    site = Site.from_graph(graph, **PLAIN)
    assert {"s1-disk", "s1-disk_2"} <= site.components.keys()
    assert vias(site)[0][2].startswith("client link_1 s1 AtLeast(k=1, of=('s1-disk', 's1-disk_2')) disk")
    each = Site.from_graph(graph, **PLAIN, stages=False)
    assert [via.split()[3] for *_, via in vias(each)] == ["s1-disk", "s1-disk_2", "s2-disk"]


def test_sides_are_given_by_node_by_side_or_by_an_attribute() -> None:
    graph = square()
    for said in ({"s1": "red", "s2": "blue"}, {"red": ["s1"], "blue": ["s2"]}):
        site = Site.from_graph(graph, **PLAIN, sides=said)
        assert site.sides == ("red", "blue")
        assert [side for _, side, _ in vias(site)] == ["red", "blue"]
    graph.add_edge("host", "s3")
    graph.add_edge("s3", "disk")
    found = Site.from_graph(graph, **PLAIN, sides={"s1": "red", "s2": "blue"}).found
    assert found is not None
    assert found.notes == ("paths by 's3' cross no part that has a side, and count for side red",)
    graph.remove_node("s3")
    nx.set_node_attributes(graph, {"s1": "up", "s2": "down"}, "plane")
    assert Site.from_graph(graph, **PLAIN, sides="plane").sides == ("down", "up")
    assert Site.from_graph(graph, **PLAIN).sides == ("A",)


def test_clients_are_of_one_kind_where_they_are_attached_alike() -> None:
    graph = square()
    graph.add_edges_from([("h2", "s1"), ("h2", "s2"), ("h3", "s1")])
    site = Site.from_graph(graph, **{**PLAIN, "clients": ["host", "h2", "h3"]})
    assert [(kind.id, kind.members) for kind in site.kinds] == [("at_s1_s2", ("host", "h2")), ("at_s1", ("h3",))]
    assert [site.parts_of(group) for group in range(2)] == [("client", "link_1", "link_2"), ("client", "link_1")]


def test_clients_of_several_types_are_parts_of_their_own() -> None:
    graph = square()
    graph.add_edges_from([("camera", "s1"), ("camera", "s2")])
    graph.nodes["host"]["type"] = "spine"
    graph.nodes["camera"].update(type="camera", unavailability=0.25, mttr="1 h")
    site = Site.from_graph(graph, **{**PLAIN, "clients": ["host", "camera"]})
    assert [site.parts_of(group) for group in range(2)] == [
        ("client", "spine", "link_1", "link_2"), ("client", "camera_2", "link_1", "link_2")
    ]  # fmt: skip
    chance = of_one_client(study_of(site))
    assert chance["traffic_client_2"] == pytest.approx(0.25, rel=1e-3)
    assert chance["traffic_client"] < 1e-3


def test_servers_pass_nothing_on_unless_they_say_so() -> None:
    graph = nx.Graph([("host", "s1"), ("s1", "web"), ("web", "s2"), ("s2", "disk")])
    with pytest.raises(InputError, match="no path leads from 'host' to a target of 'disk'"):
        Site.from_graph(graph, **{**PLAIN, "targets": {"web": ["web"], "disk": ["disk"]}})
    graph.nodes["web"]["transit"] = True
    assert Site.from_graph(graph, **{**PLAIN, "targets": {"web": ["web"], "disk": ["disk"]}}).traffic.keys() == {
        "web",
        "disk",
    }


@pytest.mark.parametrize(("words", "passes"), [
    ((True, np.True_, 1, 1.0, np.int64(1), "true", "True", "yes", " YES ", "on", "1", "y"), True),
    ((False, np.False_, 0, "false", "No", "off", "0", "n", None, ""), False),
])  # fmt: skip
def test_words_for_transit_are_read_both_ways(words: tuple[Any, ...], passes: bool) -> None:
    """Of two switches the second is behind a target, which passes nothing on unless it says so."""
    for word in words:
        graph = square()
        graph.add_edge("disk", "vault")
        graph.nodes["disk"]["transit"] = word
        asked = {**PLAIN, "targets": {"disk": ["disk"], "vault": ["vault"]}}
        if passes:
            assert {"disk", "vault"} == Site.from_graph(graph, **asked).traffic.keys()
        else:
            with pytest.raises(InputError, match="no path leads from 'host' to a target of 'vault'"):
                Site.from_graph(graph, **asked)
        single = noted(transit=word)
        if word not in (None, ""):
            assert len(vias(Site.from_graph(single, **PLAIN))) == 1 + passes


def test_a_type_without_failure_data_is_refused_with_its_nodes(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        Site.from_graph(square(), **{**PLAIN, "types": None, "node_type": "gige_swich"})
    assert [problem.message for problem in told.value.problems] == [
        "there is no failure data for type 'gige_swich' of 4 nodes: 'host', 's1', 's2' and 1 more; give "
        'types={"gige_swich": {"mttf": "60000 h", "mttr": "8 h"}} with your numbers, or mttf and mttr in the graph; '
        "did you mean 'gige_switch'?",
        "there is no failure data for type 'trunk' of 4 edges: 'host-s1', 'host-s2', 's1-disk' and 1 more; give "
        'types={"trunk": {"mttf": "60000 h", "mttr": "8 h"}} with your numbers, or mttf and mttr in the graph',
    ]
    table = tmp_path / "own.csv"
    rows = [
        replace(row, component_types=("gige_swich", "trunk")) for row in k2rel.registry().of_type("gige_switch")[:1]
    ]
    table.write_text(k2rel.rates.write_rates(rows))
    asked: dict[str, Any] = {**PLAIN, "types": None, "node_type": "gige_swich", "rates": table}
    assert k2rel.study(Site.from_graph(square(), **asked), rates=table).solve()["traffic"].unavailability > 0


def test_attributes_by_other_names_are_read_as_what_they_are() -> None:
    graph, plainly = square(), square()
    for name, value in {"MTBF": "10 h", "Title": "the first", "repair-time": 4}.items():
        graph.nodes["s1"][name] = value
    plainly.nodes["s1"].update(mttf="10 h", title="the first", mttr=4)
    graph.nodes["s2"].update({"mttf_y": 3, "MTTR [min]": np.float64(30), "lambda": None})
    plainly.nodes["s2"].update(mttf="3 y", mttr="30 min")
    for at, speed in (("s1", {"speed": "1G"}), ("s2", {"Bandwidth (MB/s)": 3})):
        graph.edges[at, "disk"].update(speed)
    plainly.edges["s1", "disk"]["capacity"], plainly.edges["s2", "disk"]["capacity"] = 125, 3
    one, other = Site.from_graph(graph, **PLAIN), Site.from_graph(plainly, **PLAIN)
    assert one == other
    assert one.found is not None and one.found.notes == (
        "read under another name: 'MTBF' of 1 node as mttf, 'Title' of 1 node as title, 'repair-time' of 1 node as "
        "mttr, 'mttf_y' of 1 node as mttf, 'MTTR [min]' of 1 node as mttr, 'speed' of 1 edge as capacity, 'Bandwidth "
        "(MB/s)' of 1 edge as capacity",
    )
    assert other.found is not None and other.found.notes == ()


def test_attributes_that_were_not_looked_at_are_named_with_their_count() -> None:
    graph = square()
    graph.add_edge("s1", "disk", weight=2, capactiy="1 MB/s", id="e0")
    graph.add_edge("s2", "disk", weight=2)
    for node in graph:
        graph.nodes[node].update(rack=3, member="x", label=node)
    site = Site.from_graph(graph, **PLAIN)
    assert site.found is not None and site.found.notes == (
        "attributes not used: 'rack' of 4 nodes, 'member' of 4 nodes, 'weight' of 2 edges, 'capactiy' of "
        "1 edge (did you mean capacity?)",
    )


def fabrics() -> Site:
    """Two fabrics of two switches, six hosts and two arrays by name."""
    graph = nx.Graph(name="san", title="A SAN")
    for f, (a, b) in itertools.product("AB", [(1, 2)]):
        for n in (a, b):
            graph.add_node(f"sw_{f}{n}", type="leaf", side=f)
            graph.add_node(f"array{n}", type="spine", role="array", title=f"Array no. {n}")
            graph.add_edge(f"sw_{f}{n}", f"array{n}", type="trunk", capacity="3200 MB/s")
        graph.add_edge(f"sw_{f}{a}", f"sw_{f}{b}", type="trunk", capacity="3200 MB/s", mttf="9e5 h")
        for h in range(1, 7):
            graph.add_node(f"host{h}", type="host")
            graph.add_edge(f"host{h}", f"sw_{f}{a if h <= 3 else b}", type="nic")
    return Site.from_graph(graph, "host", "array", types=TYPES, demand="400 MB/s")


@pytest.mark.parametrize("way", ["file", "site", "study"])
def test_a_graph_that_goes_out_comes_back_with_its_names_and_figures(way: str, tmp_path: Path) -> None:
    site = fabrics()
    one = k2rel.study(site)
    if way == "file":
        (tmp_path / "san.graphml").write_text(k2rel.graphml_of(one))
        graph = nx.read_graphml(tmp_path / "san.graphml")
    else:
        graph = site.graph() if way == "site" else one.graph()
    back = Site.from_graph(graph, clients="client", targets="target", demand="400 MB/s")
    assert back.members == site.members == {f"client_{h}": f"host{h}" for h in range(1, 7)}
    assert back.found is not None and back.found.notes == ()
    assert (back.name, back.title, back.sides, back.kinds) == (site.name, site.title, site.sides, site.kinds)
    assert {part.id: (part.type, part.title, part.side, part.capacity_mb_s) for part in back.components.values()} == {
        part.id: (part.type, part.title, part.side, part.capacity_mb_s) for part in site.components.values()
    }
    assert back.traffic == site.traffic
    other = k2rel.study(back)
    assert k2rel.availability(other).table().equals(k2rel.availability(one).table())
    assert k2rel.load(other).table().equals(k2rel.load(one).table())


def test_raid_sets_come_back_and_are_targets() -> None:
    """Of L2R, whose paths end at a RAID set: by name or as target the same, from a site or a study."""
    site = k2rel.study("L2R").site
    graphs = [site.graph(), k2rel.study(site).graph()]
    assert graphs[0].nodes["media_raid"]["target"] and graphs[0].nodes["media_raid"]["role"] == "raid_set"
    expected = [replace(each, uses=()) for each in site.raid_sets.values()]
    for graph in graphs:
        assert [*Site.from_graph(graph, "client", ["media_raid"]).raid_sets.values()] == expected
    assert Site.from_graph(graphs[0], "client", "target").traffic["traffic"].paths


# what cannot be used ---------------------------------------------------------------------------------------------------


def changed(**of: Any) -> nx.Graph[Any]:
    graph = square()
    for name, value in of.items():
        graph.edges["s1", "disk"][name] = value
    return graph


def noted(**of: Any) -> nx.Graph[Any]:
    graph = square()
    graph.nodes["s1"].update(of)
    return graph


CYCLE: dict[str, Any] = {}
CYCLE["of"] = CYCLE


def lone() -> Any:
    graph = square()
    graph.add_node("h3")
    return graph


WRONG: list[tuple[Any, dict[str, Any], str]] = [
    ("a.graphml", {}, "graph: a networkx Graph or MultiGraph is needed, got str"),
    (nx.Graph(), {}, "graph: has no nodes"),
    (nx.DiGraph(square()), {}, r"graph: is directed, .* graph.to_undirected\(\)"),
    (square(), {"targets": ["host"]}, "targets: 'host' cannot be both client and target"),
    (square(), {"node_type": None}, "4 nodes without a type: 'host', 's1', 's2' and 1 more; .* node_type="),
    (square(), {"link_type": None}, "4 edges without a type: .* link_type="),
    (nx.Graph([*square().edges, ("s1", "s1")]), {}, "from a node to itself, which carry no traffic: 's1'"),
    (nx.Graph([*square().edges, ("S1", "disk")]), {}, "the nodes 's1' and 'S1' differ in case only"),
    (nx.Graph([*square().edges, (1, "1")]), {}, "two nodes have the name '1'"),
    (nx.Graph([*square().edges, ("far", "away")]), {"clients": ["host", "far"]}, "no path leads from 'far' to a target"),
    (nx.Graph([*square().edges, ("host", "h2")]), {"clients": ["host", "h2"]}, r"other clients only: 'h2' \('h2' to 'host'\)"),
    (lone(), {"clients": ["host", "h3"]}, "without any link: 'h3'"),
    (square(), {"clients": []}, "clients: name at least one node"),
    (square(), {"clients": ["hosts"]}, "clients: the graph has no node 'hosts'; did you mean 'host'"),
    (square(), {"clients": "host_s"}, "clients: no node has the role or type 'host_s'"),
    (square(), {"sides": {"A": ["s9"]}}, "sides: the graph has no node 's9'; known: disk, host, s1, s2"),
    (square(), {"sides": {"A": ["s1"], "B": ["s1"]}}, "'s1' is on side A and on side B"),
    (square(), {"sides": "plane"}, "sides: no node has an attribute 'plane'"),
    (changed(side="C"), {"sides": {"A": ["s1"]}}, "the side 'C' of 's1-disk' is none of A"),
    *((changed(cost=cost), {}, "edge 's1' – 'disk': the cost must be a number from 0 to 1e12, got")
      for cost in (math.inf, math.nan, -1, "abc", True, np.float64("nan"))),
    (changed(relation="uses"), {}, "the relation 'uses' is not known; it is link, in or needs"),
    (changed(relation="needs"), {}, "does not state which of them needs the other; give it as 'part'"),
    (changed(capacity="much"), {}, r"links.s1-disk.capacity: 'much' is not a valid bandwidth"),
    (changed(mttf=1000, unavailability=0.1), {}, "gives the failure rate a second time"),
    (changed(name="S2"), {}, "the name 'S2' is already used by another node or edge"),
    (nx.Graph([*square().edges, ("=x", "disk"), ("disk", "")]), {}, "node '=x': is not a valid name: what begins with '=' is an assumption"),
    (changed(speed=1000), {}, "edge 's1' – 'disk': 'speed' has no unit; write '1 Gb/s', or put the unit in the name"),
    (changed(capacity=1, Speed=3), {}, "edge 's1' – 'disk': gives 'capacity' twice, as 'capacity' and as 'Speed'; leave one out"),
    (nx.relabel_nodes(fabrics().graph(), {"array1": "host1"}), {"clients": "client", "targets": ["array2"]},
     "node 'client_1': the member 'host1' is there already"),
    (square(), {"share": "some"}, "share: must be one of equal, first, all, got 'some'"),
    (square(), {"paths": 0}, "paths: a whole number from 1 to 32 is needed, got 0"),
    *((noted(transit=word), {}, "node 's1': 'transit' must be true or false, yes or no, got")
      for word in (2, "maybe", 0.5, [True])),
    *((noted(**{key: value}), {}, f"node 's1': '{key}' is nan, not a number; leave out what is not known")
      for key in ("transit", "unavailability", "capacity", "role", "side", "needs") for value in (math.nan, np.float32("nan"))),
    (noted(MTBF=math.nan), {}, "node 's1': 'mttf' is nan, not a number"),
    (changed(capacity=math.nan), {}, "edge 's1' – 'disk': 'capacity' is nan, not a number"),
    (changed(capacity="nan"), {}, "links.s1-disk.capacity: 'nan' is not a valid bandwidth"),
    (noted(unavailability="nan"), {}, "components.s1.unavailability: must be a finite number, got 'nan'"),
    (square(), {"sides": {"s1": "A", "s2": math.nan}}, "sides: of 's2' is nan"),
    (square(), {"types": {**TYPES, "leaf": {"unavailability": math.nan}}}, "types.leaf.unavailability: must be a finite"),
    *((square(), {"negligible": share}, "negligible: a share from 0 to 1 is needed, such as 1e-4; got") for share in (-1, 2)),
    *((square(), {"stages": word}, "stages: True or False is needed, got") for word in ("no", 0, None)),
    (noted(role=["client"]), {}, r"node 's1': 'role' must be text or a number, got \['client'\]"),
    *((square(), {"sides": sides}, "sides: a side for each node, the nodes of each side, or the attribute that has it; got")
      for sides in (5, ["A", "B"])),
    (square(), {"types": {**TYPES, "leaf": {"mttf": CYCLE}}}, r"graph: types\.leaf\.mttf\.of: entries are nested more than 24 deep"),
    (noted(needs=[CYCLE]), {}, r"graph: components\.s1\.needs\.0: entries are nested more than 24 deep"),
    (noted(needs="[" * 10_000), {}, "node 's1': 'needs' must be a list"),
    *((noted(needs=needs), {}, "node 's1': 'needs' must be a name or a list of names, got") for needs in (1.5, True)),
    *((noted(**{key: 10**5000}), {}, f"node 's1': '{key}' is out of range, a number with very many digits")
      for key in ("title", "in", "side", "mttf", "MTBF")),
    *((noted(**{key: np.array([1, 2])}), {}, rf"node 's1': '{key}' must be text or a number, got \[1, 2\]")
      for key in ("title", "role", "side", "mttf")),
    (changed(cost=np.array([1, 2])), {}, r"edge 's1' – 'disk': the cost must be a number from 0 to 1e12, got \[1, 2\]"),
    *((square(), {key: 5}, f"{key}: one name is needed, got 5") for key in ("name", "title", "client_title")),
    (square(), {"rates": 5}, "rates: the path of a CSV table is needed, got int"),
    (square(), {"share": 10**5000}, "share: must be one of equal, first, all, got a number with very many digits"),
    (nx.Graph([*square().edges, (10**5000, "disk")]), {}, "node a number with very many digits: is not a valid name"),
    (square(), {"clients": 10**5000}, "clients: no node has the role or type a number with very many digits"),
    (square(), {"demand": 10**5000}, r"graph: traffic\.traffic\.demand: a number has more than 300 digits"),
    (square(), {"types": 3}, "types: give failure data by type"),
    (square(), {"demand": {"web": 3}}, "demand: has no entry for the traffic class 'traffic'"),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "said", "message"), WRONG)
def test_what_cannot_be_used_is_said_in_a_sentence(graph: Any, said: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Site.from_graph(graph, **{**PLAIN, **said})


def test_a_graph_of_a_million_edges_is_refused_at_once() -> None:
    class Huge(nx.Graph):  # type: ignore[type-arg]
        def number_of_edges(self, *_: Any) -> int:
            return 1_000_000

    with pytest.raises(InputError, match="has 1,000,000 edges, and at most 130,000 can be modelled"):
        Site.from_graph(Huge(square()), **PLAIN)


def test_a_tangle_does_not_take_for_ever() -> None:
    """Every switch joined with every other: more ways than can be listed."""
    graph = nx.complete_graph([f"s{n}" for n in range(30)])
    graph.add_edges_from([("host", "s0"), ("host", "s1"), ("s28", "disk"), ("s29", "disk")])
    site = Site.from_graph(graph, **PLAIN)
    assert site.found is not None
    (row,) = site.found.paths
    assert not row.all_counted
    assert row.bound is not None
    assert row.bound < 1e-8


def test_the_page_does_as_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "importing.md").read_text()
    section = page.partition("## From a drawing")[2].partition("\n## ")[0]
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", section, flags=re.S):
        exec(compile(block, "docs/how-to/importing.md", "exec"), found)
        for line in re.findall(r"print\(.*\)  # (.*)", block):
            assert line in capsys.readouterr().out
