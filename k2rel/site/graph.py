"""A site as a networkx graph: its parts are the nodes, its links the edges, and what sits in or needs what is marked.

Nodes and edges carry what `Site.from_graph` reads, under the keys of a site file: hours, per hour, the unit of the
capacity. What the site does not say is left out, never None, so that a graph can be written as GraphML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from k2rel.arguments import as_names
from k2rel.errors import InputError, closest
from k2rel.site.as_graph import RELATIONS
from k2rel.site.given import LAW_KEYS, GivenLaw
from k2rel.site.model import Component, RaidSet, Site
from k2rel.site.stages import AtLeast, Need, Stage, names_in, subscription_in

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["graph_of"]

Told = Callable[[str, Component | RaidSet], Mapping[str, Any]]
"""Failure data of a part by the name of its law and its record, as attributes."""


def graph_of(
    site: Site, *, clients: bool = True, relations: Iterable[str] | str = RELATIONS, told: Told | None = None
) -> nx.MultiGraph[str]:
    """Give a site as a graph; see `Site.graph`.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> graph = graph_of(read_site("L2R"), clients=False)
    >>> graph.nodes["switch_A"]["type"], graph.edges["switch_A", "toe_A1", "media_link_A1"]["capacity"]
    ('gige_switch', 125.0)
    """
    asked = as_names("relations", relations)
    for word in asked:
        if word not in RELATIONS:
            raise InputError(f"relations: there is no relation '{word[:40]}'{closest(word, RELATIONS)}")
    return _Drawn(site, clients, frozenset(asked), told or (lambda name, part: _given(site, part))).graph()


def _given(site: Site, part: Component | RaidSet) -> dict[str, Any]:
    """Failure data that the site states, of the part or of its type, under the keys of a site file."""
    if isinstance(part, RaidSet):
        return {}
    law = part.by_hand.over(part.law).over(site.types.get(part.type, GivenLaw()))
    return {key: value for key, name in LAW_KEYS.items() if (value := getattr(law, name)) is not None}


def as_entries(needs: Iterable[Need]) -> list[Any]:
    """Write needs, or stages, as in a file."""
    return [_entry(need) for need in needs]


def _entry(stage: Stage) -> Any:
    if not isinstance(stage, AtLeast):
        return stage
    return {"at_least": stage.k, "of": [each[0] if len(each) == 1 else list(each) for each in stage.of]}


class _Drawn:
    """One graph in the making."""

    def __init__(self, site: Site, clients: bool, relations: frozenset[str], told: Told) -> None:
        import networkx as nx

        self.site, self.clients, self.relations, self.told = site, clients, relations, told
        self.made: nx.MultiGraph[str] = nx.MultiGraph(name=site.name, title=site.title, sides=list(site.sides))

    def graph(self) -> nx.MultiGraph[str]:
        site = self.site
        shared = {name: part for name, part in site.components.items() if name not in site.drives}
        self.points = self._points([*shared.values(), *site.client_parts.values()])
        for name, part in shared.items():
            self._part(name, part, name, lambda end: end)
        for name, entry in site.raid_sets.items():
            said = {"type": entry.drive_type, "level": entry.level, "drives": len(entry.drives)}
            said |= {"hot_spares": len(entry.spares), "rebuild": entry.rebuild_h, "restore": entry.restore_h}
            self.made.add_node(name, role="raid_set", title=entry.title, **said, **self.told(name, entry))
            self._relate("in", name, [entry.within] if entry.within else [])
        for name in _targets(site):
            node = self.made.nodes[name]
            node.update({"role": "target"} if node["role"] == "part" else {"target": True})
        for client in site.clients() if self.clients else ():
            for key in site.parts_of(client.group):
                self._own(client.number, client.group, key, site.client_parts[key])
        return self.made

    def _points(self, parts: Iterable[Component]) -> frozenset[str]:
        """Links that others end on, sit in or need: these are nodes, for an edge cannot end on an edge."""
        found: set[str] = set()
        for part in parts:
            found.update(part.between or ())
            found.update(name for need in part.needs for name in names_in(need))
            found.add(part.within or "")
        return frozenset(found)

    def _own(self, number: int, group: int, key: str, part: Component) -> None:
        """Draw a part of one client with the names of that client's parts, and what it subscribes to."""
        site = self.site

        def named(end: str) -> str:
            subscription = subscription_in(end)
            if subscription is not None:
                return site.subscribed(subscription, group)
            return site.client_part_id(number, end) if end in site.client_parts else end

        if key == "client":
            self.made.add_node(site.client_part_id(number, key), role="client")
        name = site.client_part_id(number, key)
        self._part(name, part, key, named)
        if key == "client":
            member = site.members.get(name)
            self.made.nodes[name].update(
                {"title": f"{site.client_title} {number}"} if member is None else {"title": member, "member": member}
            )

    def _part(self, name: str, part: Component, key: str, named: Callable[[str], str]) -> None:
        said: dict[str, Any] = {"type": part.type, "title": part.title}
        if part.side is not None:
            said["side"] = part.side
        if part.capacity_mb_s is not None:
            said["capacity"] = part.capacity_mb_s
        said |= {word: True for word, holds in (("carries", part.carries), ("external", part.external)) if holds}
        needs = [_renamed(need, named) for need in part.needs]
        if needs:
            said["needs"] = as_entries(needs)
        said |= self.told(key, part)
        if part.between is not None and key not in self.points:
            if "link" in self.relations:
                a, b = map(named, part.between)
                self.made.add_edge(a, b, key=name, relation="link", name=name, cost=1, **said)
            return
        role = "link" if part.between is not None else "part"
        self.made.add_node(name, **{"role": role, **self.made.nodes.get(name, {}), **said})
        if part.between is not None and "link" in self.relations:
            for end in map(named, part.between):
                self.made.add_edge(name, end, key=f"{name} to {end}", relation="link", cost=0.5)
        self._relate("in", name, [named(part.within)] if part.within else [])
        for need in needs:
            of = {"at_least": need.k, "of": len(need.of)} if isinstance(need, AtLeast) else {}
            self._relate("needs", name, names_in(need), **of)

    def _relate(self, relation: str, name: str, others: Iterable[str], **more: Any) -> None:
        if relation in self.relations:
            for other in others:
                self.made.add_edge(
                    name, other, key=f"{name} {relation} {other}", relation=relation, part=name, cost=0, **more
                )


def _targets(site: Site) -> Iterator[str]:
    """Where the paths of clients end: parts and RAID sets, no link."""
    for flow in site.traffic.values():
        for path in flow.paths if flow.scope == "client" else ():
            last = path.via[-1]
            ends = [branch[-1] for branch in last.of] if isinstance(last, AtLeast) else [last]
            for end in ends:
                meant = site.subscriptions.get(subscription_in(end) or "", (end,))
                for name in meant:
                    part = site.components.get(name)
                    if name in site.raid_sets or (part is not None and part.between is None):
                        yield name


def _renamed(need: Need, named: Callable[[str], str]) -> Need:
    if isinstance(need, AtLeast):
        return AtLeast(need.k, tuple(tuple(map(named, branch)) for branch in need.of))
    return named(need)
