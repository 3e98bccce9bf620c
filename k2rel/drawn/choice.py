"""Which ways of a kind of clients are kept, in which order of preference, and what is left out.

Ways of one length are one preference, and the shortest come first, as in networks that route by the shortest path.
Preferences are added whole while there is room and what is left out matters. Where that is not all, a way is added that
shares with those kept as little as can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from k2rel.drawn.kinds import Kind
from k2rel.drawn.stages import MOST_BRANCHES, alike_by_hop, collapsed
from k2rel.drawn.ways import Length, Network, Way

__all__ = ["Choosing", "Route", "Steps"]

_LARGEST_CUT = 16  # that is looked at

Steps = Sequence[tuple[str, ...]]
"""A cut: alternatives, of each of which all parts must work."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the file: its preference, its side, what it crosses, and the ways that it stands for."""

    length: Length
    side: str
    via: tuple[Any, ...]
    ways: tuple[tuple[str, ...], ...]
    exact_division: bool


@dataclass
class Choosing:
    """The ways of one kind of clients in a network, taken preference by preference."""

    network: Network
    kind: Kind
    costs: Mapping[str, int]  # of own links
    side_of: Callable[[Sequence[str]], str]
    stages: bool
    most: int
    routes: list[Route] = field(default_factory=list)
    full: bool = False
    _next: Length | None = None

    def __post_init__(self) -> None:
        lengths = [
            (self.costs[port.part] + left[0], left[1] + 1)
            for port in self.kind.ports
            if (left := self.network.left(port.switch)) is not None
        ]
        self._next = min(lengths, default=None)

    @property
    def reaches(self) -> bool:
        """Whether there is any way."""
        return self._next is not None or bool(self.routes)

    @property
    def kept(self) -> int:
        """Number of ways that are kept."""
        return sum(len(route.ways) for route in self.routes)

    @property
    def complete(self) -> bool:
        """Whether every way is kept."""
        count, counted = self.total
        return counted and count == self.kept

    @cached_property
    def total(self) -> tuple[int, bool]:
        """How many ways there are, and whether they were all counted."""
        found = [self.network.ways(port.switch) for port in self.kind.ports]
        counts = [len(each.ways) for each in found]
        cut = any(each.cut for each in found)
        if cut and self._next is not None:  # of all ways few were seen; those of the next length are more
            cost, hops = self._next
            lengths = [(cost - self.costs[port.part], hops - 1) for port in self.kind.ports]
            ahead = [self.network.ways(port.switch, n) for port, n in zip(self.kind.ports, lengths, strict=True)]
            counts = [max(n, len(each.ways)) for n, each in zip(counts, ahead, strict=True)]
        return sum(counts), not cut

    @cached_property
    def cuts(self) -> list[Steps]:
        """Cuts of the network before the targets, but for large ones: of each one step works whenever any way does."""
        ports = self.kind.ports
        switches = [port.switch for port in ports]
        layers = (*self.network.layers(switches), *self.network.layers_before(switches))
        small = (cut for cut in layers if len(cut) <= _LARGEST_CUT)
        return [
            [(port.part, port.switch) for port in ports],
            *([tuple(name for name in step if name is not None) for step in cut] for cut in small),
        ]

    def first(self) -> None:
        """Keep the shortest ways, whatever it takes."""
        length = self._next
        assert length is not None
        ways, cut = self._level(length)
        routes = self._routes(length, ways)
        if len(routes) > self.most:
            routes = self._routes(length, ways, by_target=False)
        self.full = len(routes) > self.most or cut
        self.routes = routes[: self.most]

    def further(self, room: int = 0) -> bool:
        """Keep the next preference, if it goes whole and leaves room; say whether it did."""
        length = self._next
        if self.full or length is None:
            return False
        ways, cut = self._level(length)
        routes = self._routes(length, ways)
        self.full = (
            cut
            or len(self.routes) + len(routes) > self.most - room
            or sum(len(route.ways) for route in routes) < len(ways)
        )
        if not self.full:
            self.routes += routes
        return not self.full

    def apart(self) -> bool:
        """Keep a way that shares as little as can be with all that are kept; say whether there was one."""
        common = self.common
        if len(self.routes) >= self.most or not common:
            return False
        starts = [(port.part, port.switch, self.costs[port.part]) for port in self.kind.ports]
        found = self.network.around(starts, common)
        if found is None:
            return False
        own, way = found
        crossed = (own, *way.crosses)
        if common <= set(crossed):
            return False
        new = self._route(way.length, [(own, way)])
        if new is None:
            return False
        self.routes = sorted([*self.routes, new], key=lambda route: route.length)
        return True

    @property
    def common(self) -> frozenset[str]:
        """Parts that every way that is kept crosses, but for the client itself."""
        return frozenset.intersection(*(frozenset(way[1:]) for route in self.routes for way in route.ways))

    def _level(self, length: Length) -> tuple[list[tuple[str, Way]], bool]:
        """The ways of a length by own link; and note the next length."""
        found, cut, above = [], False, []
        for port in self.kind.ports:
            cost = self.costs[port.part]
            searched = self.network.ways(port.switch, (length[0] - cost, length[1] - 1))
            cut |= searched.cut
            for way in searched.ways:
                whole = (way.length[0] + cost, way.length[1] + 1)
                if whole == length:
                    found.append((port.part, replace(way, length=whole)))
            if searched.above is not None:
                above.append((searched.above[0] + cost, searched.above[1] + 1))
        self._next = min(above, default=None)
        return found, cut

    def _routes(self, length: Length, ways: Sequence[tuple[str, Way]], *, by_target: bool = True) -> list[Route]:
        """Ways as paths: one for each own link, side and target, or one each."""
        alike: dict[tuple[Any, ...], list[tuple[str, Way]]] = {}
        for own, way in ways:
            key = (own, self.side_of((own, *way.crosses)), way.target if by_target else "")
            alike.setdefault(key if self.stages else (own, way), []).append((own, way))
        routes = []
        for group in alike.values():
            route = self._route(length, group)
            if route is None:  # too many branches for one stage
                self.full = True
                some = spread([way.crosses for _, way in group], MOST_BRANCHES)
                route = self._route(length, [group[n] for n in some]) or self._route(length, group[:1])
            if route is not None:
                routes.append(route)
        return routes

    def _route(self, length: Length, ways: Sequence[tuple[str, Way]]) -> Route | None:
        crossed = [(self.kind.device, own, *way.crosses) for own, way in ways]
        via = collapsed(crossed)
        if via is None:
            return None
        return Route(length, self.side_of(crossed[0][1:]), tuple(via), tuple(crossed), alike_by_hop(crossed))


def spread(ways: Sequence[Sequence[str]], most: int) -> list[int]:
    """Of many ways the places of some that use all parts about equally."""
    used: Counter[str] = Counter()
    left = dict(enumerate(ways))
    chosen: list[int] = []
    while left and len(chosen) < most:
        place = min(left, key=lambda n: (sum(used[name] for name in left[n]), n))
        used.update(left.pop(place))
        chosen.append(place)
    return sorted(chosen)
