"""What a graph says of its nodes and edges, as entries of a site file, with every check that needs no other part.

All mistakes are gathered, each as one sentence that names the node or the edge.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from k2rel.arguments import shown
from k2rel.columns import counted
from k2rel.drawn.said import RESOLVED, Attributes, in_python, is_no_number, is_said, notes_of, truth
from k2rel.errors import InputError, Problem
from k2rel.site.as_graph import RELATIONS
from k2rel.site.given import LAW_KEYS
from k2rel.site.names import is_kept_for_clients, wrong_with_name
from k2rel.site.other_names import MOST_COST

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Drawing", "Link", "Part", "drawing_of"]

_MOST_NODES = 20_000  # 10,000 clients and 10,000 shared parts
_MOST_EDGES = 130_000  # links of clients too
_KEYS = ("type", "title", "capacity", "carries", "external", *LAW_KEYS, "evidence", "source")
_RAID_KEYS = ("level", "drives", "hot_spares", "rebuild", "restore")
_OF_NODES = (*_KEYS, *_RAID_KEYS, "role", "in", "needs", "transit", "member", "target")
_OF_EDGES = (*_KEYS, "name", "cost", "relation", "part", "needs")
_MOST = 10**300
_TRUTHS = ("transit", "target")
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A node: its name, its entry in a site file, and what it says of itself."""

    name: str
    entry: Mapping[str, Any]
    side: str | None
    role: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """An edge that joins: a cable, or without a name the seat of one thing in another."""

    name: str
    ends: tuple[str, str]
    entry: Mapping[str, Any]
    side: str | None
    cost: Fraction
    is_part: bool

    def other(self, end: str) -> str:
        """The end that is not this one."""
        return self.ends[1] if self.ends[0] == end else self.ends[0]


@dataclass
class Drawing:
    """A graph, read."""

    parts: dict[str, Part]
    links: list[Link]
    within: dict[str, str]
    needs: dict[str, list[Any]]
    names: Mapping[Any, str]  # of nodes, by what the graph calls them
    about: Mapping[str, Any]  # what the graph says of itself
    notes: list[str]  # what became of attributes that are no keys


def drawing_of(graph: nx.Graph[Any], node_type: str | None, link_type: str | None, side_key: str | None) -> Drawing:
    """Read a graph; `side_key` is the attribute that holds the side."""
    _check_graph(graph)
    return _Reader(graph, node_type, link_type, side_key).read()


def _check_graph(graph: Any) -> None:
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise InputError(f"graph: a networkx Graph or MultiGraph is needed, got {type(graph).__name__}")
    if graph.is_directed():
        raise InputError(
            "graph: is directed, but traffic crosses a link in both directions; give graph.to_undirected()"
        )
    for what, count, most in (
        ("nodes", graph.number_of_nodes(), _MOST_NODES), ("edges", graph.number_of_edges(), _MOST_EDGES)
    ):  # fmt: skip
        if count > most:
            raise InputError(
                f"graph: has {count:,} {what}, and at most {most:,} can be modelled; leave out those without traffic"
            )
    if not graph.number_of_nodes():
        raise InputError("graph: has no nodes")


def named(names: Iterable[str]) -> str:
    """Some names for a message, the first of many.

    Examples
    --------
    >>> named(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c' and 2 more"
    """
    listed = list(names)
    more = f" and {len(listed) - _MOST_NAMED:,} more" if len(listed) > _MOST_NAMED else ""
    return ", ".join(f"'{shown_name(name)}'" for name in listed[:_MOST_NAMED]) + more


def is_endless(value: Any) -> bool:
    """Whether a value is a number of so many digits that it is none of anything, and at last cannot be written."""
    return isinstance(value, int) and abs(value) > _MOST


def shown_name(name: str) -> str:
    """A name that fits into a message."""
    return name if len(name) <= 63 else f"{name[:60]}..."


class _Reader:
    """One graph under reading."""

    def __init__(
        self, graph: nx.Graph[Any], node_type: str | None, link_type: str | None, side_key: str | None
    ) -> None:
        self.graph, self.node_type, self.link_type, self.side_key = graph, node_type, link_type, side_key
        self.problems: list[Problem] = []
        side = () if side_key is None else (side_key,)
        self.of_nodes, self.of_edges = Attributes("node", (*_OF_NODES, *side)), Attributes("edge", (*_OF_EDGES, *side))

    def read(self) -> Drawing:
        names = self._names()
        read = Drawing({}, [], {}, {}, names, dict(self.graph.graph), [])
        untyped = []
        for node, attributes in self.graph.nodes(data=True):
            part = self._part(names[node], attributes)
            read.parts[part.name] = part
            if "type" not in part.entry:
                untyped.append(part.name)
        if untyped:
            self._report(
                f"{counted(len(untyped), 'node')} without a type: {named(untyped)}; give each the attribute 'type', or "
                "node_type= for all that have none"
            )
        self._edges(read, names)
        self._relations(read)
        if self.problems:
            raise InputError(self.problems)
        read.notes = notes_of(self.of_nodes, self.of_edges)
        return read

    def _report(self, message: str) -> None:
        self.problems.append(Problem(message, key="graph"))

    def _names(self) -> dict[Any, str]:
        """Names of all nodes, as text; two that differ in nothing, or in case only, would be taken for each other."""
        names = {node: "" if is_endless(node) else str(node) for node in self.graph}
        folded: dict[str, Any] = {}
        for node, name in names.items():
            wrong = None if is_kept_for_clients(name) else wrong_with_name(name)  # clients keep theirs for themselves
            if wrong is not None:
                self._report(f"node {shown(node)}: {wrong}")
            other = folded.setdefault(name.casefold(), node)
            if other is not node and names[other] == name:
                self._report(f"two nodes have the name '{shown_name(name)}': {shown(other)} and {shown(node)}")
            elif other is not node:
                self._report(
                    f"the nodes '{shown_name(names[other])}' and '{shown_name(name)}' differ in case only and would be "
                    "confused; give them names that differ otherwise"
                )
        if self.problems:
            raise InputError(self.problems)
        return names

    def _entry(self, where: str, attributes: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
        """The attributes that a site file knows, as plain values; what is None or not a number is not said."""
        entry: dict[str, Any] = {}
        for key in keys:
            value = self._plain(where, key, attributes.get(key))
            if value is not None:
                entry[key] = value
        if "failure_rate_per_h" in attributes and "mttf" in keys:
            for key in ("mttf", "unavailability", "rates"):
                entry.pop(key, None)
            for key, of in RESOLVED.items():
                value = self._plain(where, key, attributes.get(key))
                if value is not None:
                    entry[of] = value
        return entry

    def _plain(self, where: str, key: str, value: Any) -> Any:
        if not is_said(value):
            return None
        if key in ("evidence", "title", "source", "type", "rates") and isinstance(value, int | float):
            value = str(value)
        if not isinstance(value, str | int | float | bool):
            self._report(f"{where}: '{key}' must be text or a number, got {shown(value)}")
            return None
        return value

    def _said(self, where: str, of: Attributes, attributes: Mapping[Any, Any]) -> dict[str, Any]:
        given = {key: in_python(value) for key, value in attributes.items()}
        for key in [key for key, value in given.items() if is_endless(value)]:
            self._report(f"{where}: '{shown_name(str(key))}' is out of range, {shown(given.pop(key))}")
        found, wrong = of.read(given)
        for message in wrong:
            self._report(f"{where}: {message}")
        for key in [key for key, value in found.items() if key != "cost" and is_no_number(value)]:
            self._report(f"{where}: '{key}' is nan, not a number; leave out what is not known")
            del found[key]
        for key in _TRUTHS:
            if is_said(value := found.pop(key, None)):
                found[key] = truth(value)
                if found[key] is None:
                    self._report(f"{where}: '{key}' must be true or false, yes or no, got {shown(value)}")
        return found

    def _part(self, name: str, given: Mapping[Any, Any]) -> Part:
        where = f"node '{shown_name(name)}'"
        attributes = self._said(where, self.of_nodes, given)
        if "member" in attributes and not is_kept_for_clients(name):  # the node is called by its own name
            self.of_nodes.skipped("member")
        said = self._plain(where, "role", attributes.get("role"))
        role = "part" if said is None else str(said)
        raid = role == "raid_set"
        entry = self._entry(where, attributes, (*_RAID_KEYS, "type", "title") if raid else _KEYS)
        if "type" not in entry and self.node_type is not None:
            entry["type"] = self.node_type
        return Part(name, entry, self._side(where, attributes), role, attributes)

    def _side(self, where: str, attributes: Mapping[str, Any]) -> str | None:
        value = self._plain(where, self.side_key, attributes.get(self.side_key)) if self.side_key else None
        return None if value is None else str(value)

    def _edges(self, read: Drawing, names: Mapping[Any, str]) -> None:
        taken = {name.casefold() for name in names.values()}
        untyped: list[str] = []
        loops: list[str] = []
        for a, b, given in self.graph.edges(data=True):
            ends = (names[a], names[b])
            if a == b:
                loops.append(names[a])
                continue
            where = f"edge '{shown_name(ends[0])}' – '{shown_name(ends[1])}'"
            attributes = self._said(where, self.of_edges, given)
            relation = attributes.get("relation", "link")
            if relation == "link":
                half = "link" in (read.parts[end].role for end in ends) and "name" not in attributes
                self._link(read, where, ends, attributes, taken, untyped, is_part=not half)
            elif relation in RELATIONS:
                self._seat(read, where, str(relation), ends, attributes)
            else:
                self._report(f"{where}: the relation {shown(relation)} is not known; it is link, in or needs")
        if loops:
            self._report(f"edges from a node to itself, which carry no traffic: {named(loops)}; leave them out")
        if untyped:
            self._report(
                f"{counted(len(untyped), 'edge')} without a type: {named(untyped)}; give each the attribute 'type', or "
                "link_type= for all that have none"
            )

    def _link(
        self, read: Drawing, where: str, ends: tuple[str, str], attributes: Mapping[str, Any], taken: set[str],
        untyped: list[str], *, is_part: bool,
    ) -> None:  # fmt: skip
        cost = self._cost(where, attributes.get("cost", 1))
        if not is_part:
            read.links.append(Link("", ends, {}, None, cost, is_part=False))
            return
        entry = self._entry(where, attributes, _KEYS)
        if "type" not in entry and self.link_type is not None:
            entry["type"] = self.link_type
        given = self._plain(where, "name", attributes.get("name"))
        name = str(given) if given is not None else _made(ends, taken)
        if given is not None and name.casefold() in taken:
            self._report(f"{where}: the name '{shown_name(name)}' is already used by another node or edge")
        taken.add(name.casefold())
        if "type" not in entry:
            untyped.append(name)
        if (needs := self._needs(where, attributes)) is not None:
            entry["needs"] = needs
        read.links.append(Link(name, ends, entry, self._side(where, attributes), cost, is_part=True))

    def _cost(self, where: str, value: Any) -> Fraction:
        try:
            cost = Fraction(str(value)) if not isinstance(value, bool) else Fraction(-1)
        except (ValueError, ZeroDivisionError):
            cost = Fraction(-1)
        if not 0 <= cost <= MOST_COST:
            self._report(f"{where}: the cost must be a number from 0 to 1e12, got {shown(value)}")
            return Fraction(1)
        return cost

    def _seat(
        self, read: Drawing, where: str, relation: str, ends: tuple[str, str], attributes: Mapping[str, Any]
    ) -> None:
        part = str(attributes.get("part", ""))
        if part not in ends:
            which = "sits in the other" if relation == "in" else "needs the other"
            self._report(f"{where}: the relation '{relation}' does not state which of them {which}; give it as 'part'")
            return
        other = ends[1] if part == ends[0] else ends[0]
        if relation == "in":
            self._sits(read, part, other)
        elif "needs" not in read.parts[part].attributes:
            read.needs.setdefault(part, []).append(other)

    def _sits(self, read: Drawing, part: str, other: str) -> None:
        if read.within.setdefault(part, other) != other:
            self._report(
                f"node '{shown_name(part)}' sits in '{read.within[part]}' and in '{other}'; only one is allowed"
            )

    def _relations(self, read: Drawing) -> None:
        """What nodes say of what they sit in and need, as attributes; a seat joins as a link does, without a part."""
        for part in read.parts.values():
            where = f"node '{shown_name(part.name)}'"
            if (within := part.attributes.get("in")) is not None:
                if str(within) in read.parts:
                    self._sits(read, part.name, str(within))
                else:
                    self._report(f"{where}: sits in {shown(within)}, which is not a node")
            if (needs := self._needs(where, part.attributes)) is not None:
                read.needs[part.name] = needs
        read.links += [
            Link("", (part, other), {}, None, Fraction(0), is_part=False) for part, other in read.within.items()
        ]

    def _needs(self, where: str, attributes: Mapping[str, Any]) -> list[Any] | None:
        """Needs as in a site file; in a file of a graph they are text."""
        needs = attributes.get("needs")
        if isinstance(needs, str) and needs.lstrip().startswith("["):
            try:
                needs = json.loads(needs)
            except (ValueError, RecursionError):
                self._report(f"{where}: 'needs' must be a list, got {shown(needs)}")
                return None
        if needs is None:
            return None
        if isinstance(needs, int) and not isinstance(needs, bool):
            needs = str(needs)  # names can be numbers
        if isinstance(needs, bool | float | bytes) or not isinstance(needs, Iterable):
            self._report(f"{where}: 'needs' must be a name or a list of names, got {shown(needs)}")
            return None
        return [needs] if isinstance(needs, str | Mapping) else list(needs)


def _made(ends: tuple[str, str], taken: set[str]) -> str:
    """A name for a link that has none, of its ends; numbered where another has it."""
    base = f"{ends[0]}-{ends[1]}"
    if len(base) > 56:
        base = f"{ends[0][:27]}-{ends[1][:27]}".strip()
    return free_name(base, taken)


def free_name(base: str, taken: set[str]) -> str:
    """A name, numbered where another has it but for its case, that from now on is taken.

    Examples
    --------
    >>> free_name("Leaf", {"leaf", "leaf_2"})
    'Leaf_3'
    """
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name.casefold())
    return name
