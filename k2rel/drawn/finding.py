"""From a graph to a site: the paths of each kind of clients are found, and what was found is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.arguments import as_name, as_number, as_truth, as_whole, shown
from k2rel.drawn.attributes import Drawing, drawing_of, named
from k2rel.drawn.bound import Judge, Judged
from k2rel.drawn.choice import Choosing
from k2rel.drawn.ends import nodes_of, sides_of, targets_of
from k2rel.drawn.kinds import kinds_of
from k2rel.drawn.known import check_known
from k2rel.drawn.ways import Hop, Network
from k2rel.drawn.writing import check_alike, check_types, class_entry, clients_section, shared_sections
from k2rel.errors import InputError
from k2rel.site.found import Found, FoundPaths
from k2rel.site.mapping import plain
from k2rel.site.model import Site
from k2rel.site.read import site_of
from k2rel.site.source import YamlSource

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["from_graph"]

_MOST_PATHS = 32
_MOST_PREFERENCES = 50  # looked at for one kind, many of which have no way
_SHARES = ("equal", "first", "all")


def from_graph(
    graph: nx.Graph[Any], clients: Any, targets: Any, *, sides: Any, name: str | None, title: str | None,
    client_title: str, types: Any, node_type: str | None, link_type: str | None, traffic: str, demand: Any, share: Any,
    paths: int, stages: bool, negligible: float, rates: str | Path | None, data: str | None = None,
) -> Site:  # fmt: skip
    """Make a site of a graph: what `Site.from_graph`, which says what is usual, leaves to this room.

    Examples
    --------
    >>> import networkx as nx
    >>> graph = nx.Graph([("host", "switch_1"), ("host", "switch_2"), ("switch_1", "disk"), ("switch_2", "disk")])
    >>> types = {"box": {"mttf": "1e5 h", "mttr": "4 h"}, "cable": {"mttf": "1e6 h", "mttr": "4 h"}}
    >>> site = Site.from_graph(graph, ["host"], ["disk"], types=types, node_type="box", link_type="cable")
    >>> site.found
    <Found graph of 4 nodes and 4 edges: 1 client of 1 kind, 2 paths, no path left out>
    """
    said = {"name": name, "title": title}
    said = {argument: None if value is None else as_name(argument, value) for argument, value in said.items()}
    said["client_title"] = as_name("client_title", client_title)
    return _Finder(
        drawing_of(graph, node_type, link_type, sides if isinstance(sides, str) else "side"),
        as_whole("paths", paths, 1, _MOST_PATHS),
        as_truth("stages", stages),
        _share("negligible", negligible),
        data,
    ).site(
        clients, targets, sides,
        names=said, types=check_types(types),
        traffic=as_name("traffic", traffic), demand=demand, share=share, edges=graph.number_of_edges(), rates=rates,
    )  # fmt: skip


@dataclass
class _Finder:
    """One graph on its way to a site."""

    drawing: Drawing
    most: int
    stages: bool
    negligible: float
    version: str | None  # of the bundled data
    sideless: dict[str, None] = field(default_factory=dict)  # switches whose clients enter no side

    def site(
        self, clients: Any, targets: Any, sides: Any, *, names: Mapping[str, str | None], types: dict[str, Any],
        traffic: str, demand: Any, share: Any, edges: int, rates: str | Path | None,
    ) -> Site:  # fmt: skip
        drawing = self.drawing
        check_known(drawing, types, rates, self.version)
        self.sides, self.side_of = sides_of(drawing, sides)
        chosen = nodes_of(drawing, "clients", clients)
        self.clients = frozenset(chosen)
        classes = targets_of(drawing, targets, traffic)
        for of in classes.values():
            if both := [node for node in of if node in self.clients]:
                raise InputError(f"targets: {named(both)} cannot be both client and target")
        shared = shared_sections(drawing, self.clients, self.side_of)
        self.kinds = kinds_of(drawing, chosen, self.sides, self.side_of)
        choosing = self._choosing(classes)
        about = self._about(names, types)
        traffics = {key: (_of_class("share", share, key), _of_class("demand", demand, key)) for key in classes}
        for word, _ in traffics.values():
            if not isinstance(word, str) or word not in _SHARES:
                raise InputError(f"share: must be one of {', '.join(_SHARES)}, got {shown(word)}")

        def document() -> dict[str, Any]:
            client = clients_section(self.kinds, str(names["client_title"]))
            entries = {
                key: class_entry(
                    {k: each.routes for k, each in choosing[key].items()}, self.kinds, share=word, demand=of
                )
                for key, (word, of) in traffics.items()
            }
            return {**about, **shared, "clients": client, "traffic": entries}

        judge = Judge(self._read(document()), rates)
        for of_class in choosing.values():
            for each in of_class.values():
                self._fill(each, judge)
        found = self._found(choosing, judge, edges)
        data = document()
        data["description"] = f"Found in a {found._line()}."[:2000]
        return replace(self._read(data), found=found)

    def _read(self, document: dict[str, Any]) -> Site:
        try:
            said = plain(document)
        except InputError as error:
            raise InputError([replace(problem, file="graph") for problem in error.problems]) from None
        return site_of(YamlSource("graph", said, {}), data=self.version)

    def _about(self, names: Mapping[str, str | None], types: Mapping[str, Any]) -> dict[str, Any]:
        called = names["name"] or str(self.drawing.about.get("name") or "drawing")
        title = names["title"] or str(self.drawing.about.get("title") or called)
        sides: dict[str, Any] = {side: {} for side in self.sides}
        return {
            "format": 2, "name": called, "title": title, "description": "", "sides": sides, "types": dict(types)
        }  # fmt: skip

    def _choosing(self, classes: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Choosing]]:
        """The shortest ways of every kind in every class."""
        scale = lcm(*(link.cost.denominator for link in self.drawing.links))
        hops = self._hops(scale)
        ends = {node for of in classes.values() for node in of}
        for name, part in self.drawing.parts.items():
            if (passes := part.attributes.get("transit")) is not None:
                (ends.discard if passes else ends.add)(name)
        result: dict[str, dict[str, Choosing]] = {}
        unreached: list[str] = []
        for key, targets in classes.items():
            network = Network(hops, frozenset(targets), frozenset(ends | set(targets)))
            result[key] = {}
            for kind in self.kinds.kinds:
                costs = {port.part: int(port.cost * scale) for port in kind.ports}
                each = Choosing(network, kind, costs, self._entered, self.stages, self.most)
                if not each.reaches:
                    unreached += kind.members
                    continue
                each.first()
                result[key][kind.name] = each
            if unreached:
                of = f" of '{key}'" if len(classes) > 1 else ""
                raise InputError(f"graph: no path leads from {named(unreached)} to a target{of}")
        return result

    def _hops(self, scale: int) -> dict[str, list[Hop]]:
        hops: dict[str, list[Hop]] = {name: [] for name in self.drawing.parts if name not in self.clients}
        for link in self.drawing.links:
            if self.clients.isdisjoint(link.ends):
                cost = int(link.cost * scale)
                for end in link.ends:
                    hops[end].append(Hop(link.name if link.is_part else None, link.other(end), cost))
        self.link_sides = {link.name: link.side for link in self.drawing.links if link.side is not None}
        return hops

    def _entered(self, crosses: Sequence[str]) -> str:
        """The side of a way: that of the first node with a side, else of the first link with one, else the first."""
        own = self.kinds.links[crosses[0]].get("side")
        on_nodes = (self.side_of.get(name) for name in crosses)
        on_links = (self.link_sides.get(name) for name in crosses)
        found = next((side for side in (*on_nodes, own, *on_links) if side is not None), None)
        if found is None and len(self.sides) > 1:
            self.sideless.setdefault(crosses[1])
        return found or self.sides[0]

    def _fill(self, each: Choosing, judge: Judge) -> None:
        """Keep all ways where they are few, else further ones while they matter and there is room."""
        count, counted = each.total
        few = counted and count <= self.most
        for _ in range(_MOST_PREFERENCES):
            if each.complete or (not few and self._does_not_matter(judge.judged(each))):
                return
            room = 1 if each.common and not few else 0  # for a way that is apart
            if not each.further(room):
                break
        while not each.complete and each.apart():
            pass

    def _does_not_matter(self, judged: Judged | None) -> bool:
        return judged is not None and judged.needed <= self.negligible * judged.down

    def _found(self, choosing: Mapping[str, Mapping[str, Choosing]], judge: Judge, edges: int) -> Found:
        rows = []
        for key, of_class in choosing.items():
            for name, each in of_class.items():
                count, counted = each.total
                judged = judge.judged(each)
                rows.append(
                    FoundPaths(
                        key, name, each.kind.members, len(each.routes), each.kept, max(0, count - each.kept), counted,
                        None if judged is None else judged.needed if not each.complete else 0.0,
                        None if judged is None else judged.down, all(route.exact_division for route in each.routes),
                    )
                )  # fmt: skip
        own = [link for link in self.drawing.links if not self.clients.isdisjoint(link.ends)]
        notes = [*self.drawing.notes, *check_alike(self.kinds, own)]
        if self.sideless:
            notes.append(
                f"paths by {named(self.sideless)} cross no part that has a side, and count for side {self.sides[0]}"
            )
        return Found(len(self.drawing.parts), edges, tuple(rows), tuple(notes))


def _share(argument: str, value: Any) -> float:
    """A share of something, from 0 to 1."""
    found = as_number(argument, value)
    if not 0 <= found <= 1:
        raise InputError(f"{argument}: a share from 0 to 1 is needed, such as 1e-4; got {found:g}")
    return found


def _of_class(argument: str, value: Any, key: str) -> Any:
    """What is said for a traffic class, or for all."""
    if not isinstance(value, Mapping):
        return value
    if key not in value:
        raise InputError(f"{argument}: has no entry for the traffic class '{key}'")
    return value[key]
