"""A site as a graph: what a user of networkx, Gephi and Graphviz finds in it, and that nothing is lost on the way back."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import networkx as nx
import pytest

import k2rel
from k2rel import InputError, Site
from k2rel.bundled import data_dir
from k2rel.cli import main
from k2rel.site import read_site

LEVELS = k2rel.level_names()
DESIGNS = sorted(path for path in (data_dir() / "examples" / "designs").glob("*.yaml"))
LARGE = {"spine_leaf": [pytest.mark.slow]}  # 768 clients: the same rules, seconds each
ALL = pytest.mark.parametrize(
    "file", [*LEVELS, *(pytest.param(path, id=path.stem, marks=LARGE.get(path.stem, [])) for path in DESIGNS)]
)
KINDS = """
format: 2
name: kinds
title: Two kinds
sides: {A: {}, B: {}}
types: {box: {mttf: 1e5 h, mttr: 4 h}}
components: {leaf_A: {type: box, side: A}, leaf_B: {type: box, side: B}, store: {type: box, title: 'a "store" \\ it'}}
links:
  up_A: {type: box, side: A, between: [leaf_A, store], needs: [leaf_A], capacity: 10 MB/s}
  up_B: {type: box, side: B, between: [leaf_B, store]}
clients:
  parts:
    client: {type: box}
    nic_A: {type: box, side: A, between: [client, "@leaf_1"]}
    nic_B: {type: box, side: B, between: [client, "@leaf_2"]}
    lamp: {type: box, in: client, kinds: [monitors]}
  kinds: {cameras: {count: 2, leaf_1: leaf_A, leaf_2: leaf_B}, monitors: {members: [desk], leaf_1: leaf_A}}
traffic:
  video:
    paths:
      - {side: A, via: [client, nic_A, leaf_A, up_A, store]}
      - {side: B, via: [client, nic_B, leaf_B, up_B, store]}
"""


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    path = tmp_path / "kinds.yaml"
    path.write_text(KINDS)
    return path


@ALL
def test_every_part_is_a_node_or_an_edge_once(file: str) -> None:
    site = read_site(file)
    graph = site.graph()
    on_edges = [attributes["name"] for *_, attributes in graph.edges(data=True) if "name" in attributes]
    parts = [part.id for part in site.parts() if part.id not in site.drives]
    assert sorted([*graph.nodes, *on_edges]) == sorted([*parts, *site.raid_sets])
    for a, b, attributes in graph.edges(data=True):
        assert attributes["relation"] in ("link", "in", "needs")
        assert attributes["relation"] == "link" or attributes["part"] in (a, b)
    alone = site.graph(clients=False)
    assert not [name for name in alone if name.startswith("client_")]


@ALL
def test_paths_of_a_site_are_paths_in_its_graph(file: str) -> None:
    """What a path crosses one after the other is joined in the graph of links and seats."""
    site = read_site(file)
    graph = site.graph(relations=("link", "in"))
    ends = {e["name"]: {a, b} for a, b, e in graph.edges(data=True) if "name" in e}
    steps = 0

    def called(name: str) -> str:
        name = site.subscribed(name[1:], 0) if name.startswith("@") else name
        return site.client_part_id(1, name) if name in site.client_parts else name

    for path in (path for flow in site.traffic.values() for path in flow.paths):
        for first, second in itertools.pairwise(path.via):
            if isinstance(first, str) and isinstance(second, str):
                one, other = called(first), called(second)
                assert other in ends.get(one, ()) or one in ends.get(other, ()) or graph.has_edge(one, other)
                steps += 1
    assert steps


def test_a_study_gives_the_failure_data_in_use() -> None:
    study = k2rel.study("L2R", repair="nbd", settings={"psu.mttr": "5 h"})
    graph = study.graph()
    for name, attributes in graph.nodes(data=True):
        part = "client" if attributes["role"] == "client" else name
        law = study.laws.client[part] if part in study.laws.client else study.law(name)
        assert attributes["unavailability"] == law.unavailability
        assert "mttf" not in attributes
    assert graph.nodes["psu_A_1"]["mttr_h"] == 5.0
    assert "mttr_h" not in study.site.graph().nodes["psu_A_1"]


def test_clients_of_kinds_have_their_own_parts_and_names(kinds: Path) -> None:
    graph = read_site(kinds).graph()
    assert graph.nodes["client_3"]["title"] == "desk"
    assert set(graph["client_3"]) == {"leaf_A", "client_3_lamp"}
    assert set(graph["client_1"]) == {"leaf_A", "leaf_B"}
    assert graph.edges["leaf_A", "store", "up_A"]["needs"] == ["leaf_A"]
    with pytest.raises(InputError, match="relations: there is no relation 'cables'; known: in, link, needs"):
        read_site(kinds).graph(relations="cables")


@ALL
def test_graphml_is_read_by_networkx_as_it_was(file: str, tmp_path: Path) -> None:
    study = k2rel.study(file)
    path = tmp_path / "site.graphml"
    assert main(["export", str(file), "--format", "graphml", "--output", str(path)]) == 0
    read, graph = nx.read_graphml(path, force_multigraph=True), study.graph()
    assert set(read) == set(graph)
    assert isinstance(read, nx.MultiGraph)
    assert {key for *_, key in read.edges} == {key for *_, key in graph.edges}
    for name, attributes in graph.nodes(data=True):
        for key, value in attributes.items():
            found = read.nodes[name][key]
            assert (json.loads(found) if isinstance(value, list) else found) == value
        assert read.nodes[name]["label"] == attributes["title"]


def test_a_graph_in_a_file_makes_the_same_site(tmp_path: Path) -> None:
    """From networkx, and by way of GraphML: needs are lists there and text here, rates are given and resolved."""
    file = data_dir() / "examples" / "designs" / "rack_power.yaml"
    main(["export", str(file), "--format", "graphml", "--output", str(tmp_path / "rack.graphml")])
    read = nx.read_graphml(tmp_path / "rack.graphml", force_multigraph=True)
    found = [Site.from_graph(graph, "client", ["server"]) for graph in (read, read_site(file).graph())]
    assert found[0].components.keys() == found[1].components.keys()
    assert [found[0].components[name].needs for name in found[0].components] == [
        found[1].components[name].needs for name in found[0].components
    ]
    bounds = [site.found.paths[0].down for site in found if site.found is not None]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-9)


STRING = r'"(?:[^"\\]|\\.)*"'
NAME = rf"(?:[A-Za-z_][A-Za-z_0-9]*|{STRING})"
LIST = rf"\[(?:{NAME}={NAME}(?:, )?)*\]"
LINES = [
    rf"graph {NAME} {{", rf"  (?:graph|node|edge) {LIST};", rf"  subgraph {NAME} {{", rf"    graph {LIST};",
    rf"\s*{NAME} {LIST};", rf"  {NAME} -- {NAME} {LIST};", r"\s*}",
]  # fmt: skip


@ALL
def test_dot_is_the_language_of_graphviz(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By its grammar, and by Graphviz itself where that is installed."""
    assert main(["export", str(file), "--format", "dot"]) == 0
    text = capsys.readouterr().out
    for line in text.splitlines():
        assert any(re.fullmatch(form, line) for form in LINES), line
    site = read_site(file)
    graph = site.graph()
    assert text.count(" -- ") == graph.number_of_edges()
    for side in site.sides:
        assert f'label="side {side}"' in text
    if dot := shutil.which("dot"):
        done = subprocess.run([dot, "-Tsvg"], input=text, capture_output=True, text=True, check=True, timeout=60)
        assert done.stderr == ""
        assert done.stdout.count('class="edge"') == graph.number_of_edges()


def test_dot_quotes_what_means_something_else(kinds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(kinds), "--format", "dot", "--no-clients"]) == 0
    text = capsys.readouterr().out
    assert r'label="a \"store\" \\ it"' in text
    assert "client" not in text
    assert main(["export", str(kinds), "--no-clients"]) == 2
    assert "--no-clients goes with --format graphml and dot" in capsys.readouterr().err
