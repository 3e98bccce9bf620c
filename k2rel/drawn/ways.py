"""Ways through a network: from a switch to any target, by cost and then by hops.

Clients with the same switches share what is found: a search begins at a switch, never at a client. It is guided by the
distance that is left, so that it looks at few ways that lead nowhere, and its work is bounded.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

__all__ = ["Hop", "Network", "Way"]

Length = tuple[int, int]
"""Cost, in units in which every cost is whole, and hops."""

_MOST_STEPS = 5_000  # of one search
_MOST_WAYS = 1_000  # that one search lists


@dataclass(frozen=True, slots=True)
class Hop:
    """One step: the link that is crossed, which is no part where one thing sits in another, and what it leads to."""

    link: str | None
    to: str
    cost: int


@dataclass(frozen=True, slots=True)
class Way:
    """A simple way: what it crosses, from the switch to the target, links and nodes in turn."""

    length: Length
    crosses: tuple[str, ...]

    @property
    def target(self) -> str:
        """Where it ends."""
        return self.crosses[-1]


@dataclass(frozen=True, slots=True)
class Searched:
    """Ways up to a length, the next length above it, and whether the bound on the work cut the search short."""

    ways: tuple[Way, ...]
    above: Length | None
    cut: bool


@dataclass
class Network:
    """Switches and targets; what passes nothing on ends a way, or is no part of one."""

    hops: Mapping[str, list[Hop]]
    targets: frozenset[str]
    ends: frozenset[str]  # pass nothing on
    _left: dict[str, Length] = field(default_factory=dict)
    _known: dict[tuple[str, Length | None], Searched] = field(default_factory=dict)
    _without: dict[str, dict[str, Length]] = field(default_factory=dict)
    _sorted: dict[str, list[tuple[Length, Hop]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._left = self.lengths(self.targets)

    def left(self, node: str) -> Length | None:
        """Length of the shortest way from a node to a target; None where there is none."""
        return self._left.get(node)

    def lengths(self, starts: Iterable[str], without: Collection[str] = ()) -> dict[str, Length]:
        """Shortest lengths from some nodes to all others, none of them through what passes nothing on."""
        found: dict[str, Length] = {}
        queue: list[tuple[Length, str]] = [((0, 0), start) for start in sorted(starts) if start not in without]
        while queue:
            length, node = heapq.heappop(queue)
            if node in found:
                continue
            found[node] = length
            if node in self.ends and length != (0, 0):
                continue
            for hop in self.hops[node]:
                if hop.to not in found and hop.to not in without and hop.link not in without:
                    heapq.heappush(queue, ((length[0] + hop.cost, length[1] + 1), hop.to))
        return found

    def ways(self, start: str, most: Length | None = None) -> Searched:
        """Simple ways from a node up to a length, or all; shortest first."""
        key = (start, most)
        if key not in self._known:
            self._known[key] = self._search(start, most)
        return self._known[key]

    def _ahead(self, node: str) -> list[tuple[Length, Hop]]:
        """Hops of a node with the length of the shortest way that each begins, shortest first."""
        if node not in self._sorted:
            hops = [] if node in self.ends else self.hops[node]
            reach = [(left, hop) for hop in hops if (left := self._left.get(hop.to)) is not None]
            whole = [((left[0] + hop.cost, left[1] + 1), hop) for left, hop in reach]
            self._sorted[node] = sorted(whole, key=lambda each: each[0])
        return self._sorted[node]

    def _search(self, start: str, most: Length | None) -> Searched:
        found: list[Way] = []
        above: list[Length] = []
        limit: tuple[float, float] = (inf, inf) if most is None else most
        steps = 0
        cut = False
        if start not in self._left:
            return Searched((), None, False)
        on_way = {start}
        crosses = [start]
        stack: list[tuple[Iterator[tuple[Length, Hop]], int]] = []

        def ahead(node: str, length: Length) -> Iterator[tuple[Length, Hop]]:
            """Hops that lead on, those to the shortest way first."""
            for left, hop in self._ahead(node):
                if (length[0] + left[0], length[1] + left[1]) > limit:
                    above.append((length[0] + left[0], length[1] + left[1]))
                    return
                if hop.to not in on_way:
                    yield (length[0] + hop.cost, length[1] + 1), hop

        if start in self.targets:
            here_already = most is None or most >= (0, 0)
            return Searched((Way((0, 0), (start,)),), None, False) if here_already else Searched((), (0, 0), False)
        stack.append((ahead(start, (0, 0)), 1))
        while stack:
            step = next(stack[-1][0], None)
            steps += 1
            if steps > _MOST_STEPS or len(found) >= _MOST_WAYS:
                cut = True
                break
            if step is None:
                stack.pop()
                if stack:
                    on_way.discard(crosses[-1])
                    del crosses[stack[-1][1] :]
                continue
            here, hop = step
            crossed = (hop.to,) if hop.link is None else (hop.link, hop.to)
            if hop.to in self.targets:
                found.append(Way(here, (*crosses, *crossed)))
                continue
            on_way.add(hop.to)
            crosses.extend(crossed)
            stack.append((ahead(hop.to, here), len(crosses)))
        return Searched(tuple(sorted(found, key=lambda way: way.length)), min(above, default=None), cut)

    def around(self, starts: Iterable[tuple[str, str, int]], shared: Collection[str]) -> tuple[str, Way] | None:
        """The way that crosses as few of some parts as can be, and of these the shortest.

        `starts` are own links with the switch that each leads to and its cost; the link that is taken is given too.
        """
        found: set[str] = set()
        queue: list[tuple[tuple[int, int, int], int, str, str, tuple[str, ...]]] = []
        count = 0
        for own, switch, cost in starts:
            heapq.heappush(queue, (((own in shared) + (switch in shared), cost, 1), count, own, switch, (switch,)))
            count += 1
        while queue:
            (common, cost, hops), _, own, node, crosses = heapq.heappop(queue)
            if node in found:
                continue
            found.add(node)
            if node in self.targets:
                return own, Way((cost, hops), crosses)
            if node in self.ends:
                continue
            for hop in self.hops[node]:
                if hop.to not in found:
                    crossed = (hop.to,) if hop.link is None else (hop.link, hop.to)
                    length = (common + sum(name in shared for name in crossed), cost + hop.cost, hops + 1)
                    heapq.heappush(queue, (length, count, own, hop.to, (*crosses, *crossed)))
                    count += 1
        return None

    def layers(self, starts: Iterable[str]) -> list[list[tuple[str, str | None, str]]]:
        """Cuts of the network: the hops that lead from the nodes n hops away to those n + 1 away, before any target."""
        here = dict.fromkeys(starts)
        seen = set(here)
        cuts = []
        while here and not self.targets & here.keys():
            hops = [(node, hop.link, hop.to) for node in here if node not in self.ends for hop in self.hops[node]]
            ahead = [(a, link, b) for a, link, b in hops if b not in seen]
            cuts.append(ahead)
            here = dict.fromkeys(b for _, _, b in ahead)
            seen |= here.keys()
        return cuts

    def layers_before(self, starts: Collection[str]) -> list[list[tuple[str, str | None, str]]]:
        """The same from the targets: the hops that lead from n + 1 to n hops before any target."""
        here = dict.fromkeys(sorted(self.targets))
        seen = set(here)
        cuts = []
        while here and not any(start in here for start in starts):
            back = [
                (hop.to, hop.link, node)
                for node in here
                if node in self.targets or node not in self.ends
                for hop in self.hops[node]
                if hop.to not in seen and hop.to not in self.ends
            ]
            cuts.append(back)
            here = dict.fromkeys(a for a, _, _ in back)
            seen |= here.keys()
        return cuts

    def left_without(self, name: str) -> Mapping[str, Length]:
        """Shortest lengths to a target without one part, a link or a node."""
        if name not in self._without:
            self._without[name] = self.lengths(self.targets - {name}, {name})
        return self._without[name]
