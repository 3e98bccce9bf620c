"""Any printable name goes through what is saved, described in Python, made of graphs and of lists of cables."""

import json
from typing import Any

import networkx as nx
import pytest

import k2rel
from k2rel import InputError, Site
from k2rel.bundled import site_path
from k2rel.cables import read_cables
from k2rel.site import read_site
from k2rel.site.editing import edited
from k2rel.site.source import yaml_source
from k2rel.site.templates import expanded
from tests.test_any_name import FOREIGN, WILD, other_names, wild_names, written
from tests.test_from_graph import TYPES, fabric, study_of

yaml = pytest.importorskip("yaml")

EMPTY_CELLS = {"nan", "null", "none", "~", "-"}


def unlike_in_more_than_case(shift):
    names = {}
    for name in [*WILD[shift:], *WILD[:shift]]:
        names.setdefault(name.casefold(), name)
    return list(names.values())


@pytest.mark.parametrize("shift", [0, 23])
@pytest.mark.parametrize("path", [FOREIGN, site_path("L2R")], ids=lambda path: path.stem)
def test_a_site_of_wild_names_is_saved_as_it_is(path, shift, tmp_path) -> None:
    data, _, _ = other_names(path, wild_names(shift))
    file = written(tmp_path / "wild.yaml", data)
    site = read_site(file)
    assert read_site(site.to_dict()) == site
    assert read_site(read_site(site.to_dict()).save(tmp_path / "saved.yaml")) == site
    part = next(part for part in site.components.values() if part.id not in site.drives)
    changed = read_site(file, settings={f"{part.id}.mttr": "6 h", f"{part.type}.mttf": "9e4 h (8e4 h to 1e5 h)"})
    again = read_site(changed.save(tmp_path / "saved.yaml", force=True)).components[part.id]
    assert again.law.mttr_h == 6.0
    set_by_hand = [row.name for row in changed.assumptions if row.name.startswith((f"{part.id}.", f"{part.type}."))]
    kept = yaml_source((tmp_path / "saved.yaml").read_text(), "saved.yaml").data["assumptions"]
    assert set_by_hand and set(set_by_hand) <= kept.keys()


@pytest.mark.parametrize("shift", [0, 31])
def test_a_graph_with_wild_names_gives_the_same_figures(shift, tmp_path) -> None:
    names = iter(unlike_in_more_than_case(shift))
    plain = fabric(2, 1, 2)
    graph = nx.relabel_nodes(plain, {node: next(names) for node in plain})
    types, sides = {kind: next(names) for kind in TYPES}, {"A": next(names), "B": next(names)}
    entries = [*(entry for _, entry in graph.nodes(data=True)), *(entry for *_, entry in graph.edges(data=True))]
    for entry in entries:
        entry["type"] = types[entry["type"]]
        if "name" in entry:
            entry["name"] = next(names)
        if "side" in entry:
            entry["side"] = sides[entry["side"]]
    site = Site.from_graph(graph, types={types[kind]: law for kind, law in TYPES.items()}, traffic=next(names))
    assert read_site(site.save(tmp_path / "saved.yaml")) == site
    one, other = (k2rel.availability(study_of(each)).table()["unavailability"] for each in
                  (site, Site.from_graph(plain, types=TYPES)))  # fmt: skip
    assert one.tolist() == pytest.approx(other.tolist(), rel=1e-12)


def test_numbers_as_nodes_and_names_that_no_node_can_have() -> None:
    graph = nx.Graph([(1, 10), (1, 11), (10, "Core: 1.2"), (11, "Core: 1.2")])
    said: dict[str, Any] = {"targets": ["Core: 1.2"], "types": TYPES, "node_type": "leaf", "link_type": "trunk"}
    site = Site.from_graph(graph, clients=[1], **said)
    assert set(site.components) == {"10", "11", "Core: 1.2", "10-Core: 1.2", "11-Core: 1.2"}
    assert site.kinds[0].members == ("1",)
    graph.add_edge(10, "a\u202eb")
    with pytest.raises(InputError, match=r"graph: node .*U\+202E in it is not a printable character"):
        Site.from_graph(graph, clients=[1], **said)


@pytest.mark.parametrize("shift", range(0, 60, 6))
def test_cables_between_devices_of_wild_names(shift, tmp_path) -> None:
    client, switch, server, other = [
        name for name in unlike_in_more_than_case(shift) if name.casefold() not in EMPTY_CELLS and "," not in name
    ][:4]
    rows = [{"from": client, "to": switch}, {"from": switch, "to": server}, {"from": other, "to": switch}]
    of = {client: "client", other: "client", switch: "gige_switch", server: "media_server"}
    cables = read_cables(rows, types=[{"device": name, "component": kind} for name, kind in of.items()])
    site = cables.site(clients=[client, other], targets=[server])
    assert {switch, server} <= site.components.keys()
    assert read_site(site.save(tmp_path / "saved.yaml")) == site


TEMPLATES = """
sides: {A: {}}
components:
  "sw {v}": {repeat: {v: [1.10, 1.20]}, type: 10, mttr: "{v}"}
  "{n}": {repeat: {n: 7..8}, type: box}
links:
  "{a}~{b}": {mesh: [[7, "sw 1.10"], ["8"]], type: box}
  "{n}{{x}}": {repeat: {n: [1]}, pairs: [[7, 8]], type: box}
"""


def test_numbers_in_templates_stay_as_they_are_written() -> None:
    data = expanded(yaml_source(TEMPLATES, "x.yaml")).data
    assert list(data["components"]) == ["sw 1.10", "sw 1.20", "7", "8"]
    assert data["components"]["sw 1.20"] == {"type": "10", "mttr": "1.20"}
    ends = {name: entry["between"] for name, entry in data["links"].items() if "between" in entry}
    assert ends == {"7~8": ["7", "8"], "sw 1.10~8": ["sw 1.10", "8"], "1{x}": ["7", "8"]}


def test_what_an_alias_stands_for_is_changed_in_one_place_alone(tmp_path) -> None:
    data = yaml_source(FOREIGN.read_text(), "x").data
    assert edited("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}, {"a": {"b": 2}, "c": {"b": 1}}) is None
    shared = {"mttf": "9000 h", "mttr": "4 h"}
    (tmp_path / "x.yaml").write_text(yaml.dump({**data, "types": {**data["types"], "one": shared, "two": shared}}))
    assert "*id" in (tmp_path / "x.yaml").read_text()
    part = next(iter(read_site(tmp_path / "x.yaml").components.values())).id
    site = read_site(tmp_path / "x.yaml", settings={f"{part}.mttr": "7 h"})
    types = yaml_source(site.save(tmp_path / "y.yaml").read_text(), "y").data["types"]
    assert types["one"] == types["two"] == shared


def test_what_json_makes_of_yaml_1_1_is_the_same_in_python() -> None:
    """PyYAML takes the key `on` for true, which JSON writes as a text."""
    of_yaml = yaml.safe_load(FOREIGN.read_text())
    of_json = json.loads(json.dumps(of_yaml))
    assert read_site(of_yaml) == read_site(of_json) == read_site(read_site(FOREIGN).to_dict())
