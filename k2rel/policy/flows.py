"""What one flow does: which of its paths it uses, how much of the demand each carries, and where that load falls.

What a flow does depends on shared parts and on the client's own. A *condition* keeps them apart: it is built of
functions of the shared parts, which a mode decides, and of the client's own parts, whose states are written out.
What follows for the flow is its *pattern*: the paths in use, and which branches of their stages carry.

Groups
    The paths of a class stand in groups, in order. The first group with a usable path is used; every usable path of
    it carries its part of the demand, or all of it where each path carries a copy (ST 2022-7). With the first usable
    path alone in use, each path is a group of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import BoolArray, Node
from k2rel.site.stages import Stage

__all__ = [
    "Carry", "Choice", "Condition", "Count", "Fork", "Own", "Passed", "Pattern", "Route", "Shared", "all_hold",
    "can_fall_on",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shared:
    """A structure function of the shared parts."""

    node: Node


@dataclass(frozen=True, slots=True)
class Own:
    """A part of the client's own has not failed."""

    part: str


@dataclass(frozen=True, slots=True)
class Count:
    """At least k of some conditions hold."""

    k: int
    of: tuple[Condition, ...]


Condition = Shared | Own | Count
IntArray = NDArray[np.int64]
_BITS = 62


def all_hold(conditions: Iterable[Condition]) -> Condition:
    """Every one of some conditions holds."""
    found = tuple(conditions)
    return found[0] if len(found) == 1 else Count(len(found), found)


def leaves(condition: Condition) -> Iterator[Shared | Own]:
    """What a condition is built of."""
    if isinstance(condition, Count):
        for part in condition.of:
            yield from leaves(part)
    else:
        yield condition


def holds(condition: Condition, truth: Mapping[Node, bool], works: Mapping[str, BoolArray]) -> BoolArray | bool:
    """Say in which states of the client's own parts a condition holds."""
    if isinstance(condition, Shared):
        return truth[condition.node]
    if isinstance(condition, Own):
        return works[condition.part]
    values = [holds(part, truth, works) for part in condition.of]
    if condition.k == len(values):
        result: BoolArray | bool = True
        for value in values:
            result = result & value
        return result
    return np.asarray(sum(np.asarray(value, dtype=np.int64) for value in values) >= condition.k)


@dataclass(frozen=True, slots=True)
class Fork:
    """Load that is shared out over the branches that work; `first` is the place of its first branch in the choice."""

    first: int
    branches: tuple[tuple[Condition, tuple[Carry, ...]], ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """Load that a part passes on to what it needs; it falls once on each, however many parts of a path need it."""

    on: tuple[Carry, ...]


Carry = str | Fork | Passed
"""What load falls on: a part by its name in the file, the branches of a fork, or what such parts need."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path for one group of clients, its subscriptions looked up.

    Parameters
    ----------
    side, carried_by : str
        The side it enters by, and the side whose load it is.
    group : int
        Its group in the file.
    weight : float
        Its weight within the group.
    stages : tuple of str or AtLeast
        Parts in order, client parts by their name in the file.
    usable : Condition
        When it can be used.
    carries : tuple of Carry
        What its load falls on, stage by stage and in what they need.
    forks : tuple of (Fork or None)
        The fork of each stage; None where it is one part.
    dead_end : bool
        No route at all: a client whose port is alive stays with it though it leads nowhere.
    """

    side: str
    carried_by: str
    group: int
    weight: float
    stages: tuple[Stage, ...]
    usable: Condition
    carries: tuple[Carry, ...]
    forks: tuple[Fork | None, ...]
    dead_end: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a flow does: its routes in use, each with its part of the demand, and the branches that carry."""

    uses: tuple[tuple[int, float], ...]
    live: frozenset[int] = field(default=frozenset())

    @property
    def lost(self) -> bool:
        """Whether there is no route."""
        return not self.uses


NOTHING = Pattern(())


@dataclass(frozen=True, eq=False)
class Choice:
    """The routes of one group of clients for one traffic class, and in which order they are tried.

    Parameters
    ----------
    share : str
        What becomes of the demand within a group: ``first``, ``equal``, ``weighted``, ``all``.
    routes : tuple of Route
        The routes.
    orders : tuple of (int, tuple of tuple of int)
        Structure function of a condition, and the groups of routes in order under it; exactly one condition holds.
    branches : tuple of Condition
        When each branch of each fork works.
    counted : frozenset of int
        Branches of forks that decide the load of something with a capacity.
    """

    share: str
    routes: tuple[Route, ...]
    orders: tuple[tuple[Node, tuple[tuple[int, ...], ...]], ...]
    branches: tuple[Condition, ...] = ()
    counted: frozenset[int] = frozenset()

    @cached_property
    def deciding(self) -> tuple[Node, ...]:
        """What of the shared parts decides the routes in use."""
        found = dict.fromkeys(node for route in self.routes for node in _nodes(route.usable))
        return tuple(dict.fromkeys((*found, *(when for when, _ in self.orders))))

    @cached_property
    def sharing(self) -> tuple[Node, ...]:
        """What else decides the load of elements with a capacity."""
        found = dict.fromkeys(node for branch in sorted(self.counted) for node in _nodes(self.branches[branch]))
        return tuple(node for node in found if node not in self.deciding)

    @cached_property
    def carrying(self) -> tuple[Node, ...]:
        """What else decides the load of any part."""
        found = dict.fromkeys(node for branch in self.branches for node in _nodes(branch))
        return tuple(node for node in found if node not in self.deciding)

    def towards(self, elements: Collection[str]) -> tuple[int, ...]:
        """Branches that decide how much of the load falls on some elements."""
        found: set[int] = set()

        def within(carries: Iterable[Carry]) -> bool:
            there = False
            for item in carries:
                if isinstance(item, str):
                    there |= item in elements
                elif isinstance(item, Passed):
                    there |= within(item.on)
                elif sum(within(inner) for _, inner in item.branches):  # each is looked into
                    found.update(range(item.first, item.first + len(item.branches)))
                    there = True
            return there

        for route in self.routes:
            within(route.carries)
        return tuple(sorted(found))

    @cached_property
    def reaches(self) -> tuple[frozenset[str], ...]:
        """Parts that the load of each route can fall on."""
        return tuple(frozenset(can_fall_on(route.carries)) for route in self.routes)

    def deciding_with(self, branches: Iterable[int]) -> tuple[Node, ...]:
        """What of the shared parts decides the routes in use and some branches."""
        found = (node for branch in branches for node in _nodes(self.branches[branch]))
        return tuple(dict.fromkeys((*self.deciding, *found)))

    @cached_property
    def own(self) -> tuple[str, ...]:
        """Client parts that have a say."""
        conditions = [*(route.usable for route in self.routes), *self.branches]
        return tuple(dict.fromkeys(leaf.part for one in conditions for leaf in leaves(one) if isinstance(leaf, Own)))

    def patterns(
        self,
        truth: Mapping[Node, bool],
        works: Mapping[str, BoolArray],
        states: int,
        branches: Iterable[int] = (),
    ) -> list[Pattern]:
        """Say what the flow does in each state of the client's own parts.

        Parameters
        ----------
        truth : mapping of int to bool
            Values of `deciding`, and of what decides the branches that are told apart.
        works : mapping of str to array of bool
            Client parts that have not failed (states).
        states : int
            How many states there are.
        branches : iterable of int
            Branches to tell apart.
        """
        order = next((groups for when, groups in self.orders if truth[when]), ())
        free = np.ones(states, dtype=np.bool_)
        used = np.zeros((len(self.routes), states), dtype=np.bool_)
        for group in order:
            here = np.zeros(states, dtype=np.bool_)
            for index in group:
                route = self.routes[index]
                taken = free & holds(route.usable, truth, works)
                here |= taken
                if not route.dead_end:
                    used[index] = taken
            free &= ~here
            if not free.any():
                break
        told = list(branches)
        live = np.zeros((len(told), states), dtype=np.bool_)
        for row, branch in zip(live, told, strict=True):
            row[:] = holds(self.branches[branch], truth, works)
        if states == 1:
            return [self._pattern(used[:, 0], live[:, 0], told)]
        kinds, which = _different(np.concatenate([used, live]))
        count = len(self.routes)
        found = [self._pattern(column[:count], column[count:], told) for column in kinds.T]
        return [found[kind] for kind in which.tolist()]

    def _pattern(self, used: BoolArray, live: BoolArray, told: Sequence[int]) -> Pattern:
        routes = np.flatnonzero(used).tolist()
        if not routes:
            return NOTHING
        if self.share == "all" or len(routes) == 1:
            shares = [1.0] * len(routes)
        else:
            weights = [self.routes[route].weight if self.share == "weighted" else 1.0 for route in routes]
            if not any(weights):  # a path of weight 0 carries while no other is there
                weights = [1.0] * len(routes)
            total = sum(weights)
            shares = [weight / total for weight in weights]
        uses = tuple((route, share) for route, share in zip(routes, shares, strict=True) if share > 0)
        crossed = {branch for route, _ in uses for branch in self._branches_of[route]}
        return Pattern(
            uses, frozenset(branch for branch, on in zip(told, live, strict=True) if on and branch in crossed)
        )

    @cached_property
    def _branches_of(self) -> list[frozenset[int]]:
        """Branches of the forks of each route."""

        def within(carries: Iterable[Carry]) -> Iterator[int]:
            for item in carries:
                if isinstance(item, Passed):
                    yield from within(item.on)
                elif isinstance(item, Fork):
                    for place, (_, inner) in enumerate(item.branches):
                        yield item.first + place
                        yield from within(inner)

        return [frozenset(within(route.carries)) for route in self.routes]

    def fails_over(self, before: Pattern, after: Pattern, order: int = 0, usable: frozenset[int] | None = None) -> bool:
        """Say whether a flow loses a path in use and goes on over others, while no role that it asks for moves.

        `order` is the place in `orders` of the order in force, `usable` what can be used afterwards. Left out, it
        follows from the patterns: paths that are left for a better group are still there. Where each path carries a
        copy nothing is lost while one goes on.
        """
        if before.lost or after.lost:
            return False
        used, still = ({route for route, _ in pattern.uses} for pattern in (before, after))
        if usable is not None:
            still = set(usable)
        elif self._rank(after, order) < self._rank(before, order):
            return False
        return not used & still if self.share == "all" else bool(used - still)

    def usable(
        self, truth: Mapping[Node, bool], works: Mapping[str, BoolArray], states: int
    ) -> tuple[frozenset[int], ...]:
        """Say which routes can be used in each state of the client's own parts."""
        there = [np.broadcast_to(holds(route.usable, truth, works), states) for route in self.routes]
        return tuple(frozenset(np.flatnonzero(column).tolist()) for column in np.array(there).T)

    def _rank(self, pattern: Pattern, order: int) -> tuple[int, bool]:
        """How far down the paths in use stand: their group, and in it those of weight 0 after the others."""
        route = pattern.uses[0][0]
        group = next(place for place, members in enumerate(self.orders[order][1]) if route in members)
        return group, self.share == "weighted" and self.routes[route].weight == 0

    def falls_on(self, pattern: Pattern, route: int, amount: float = 1.0) -> dict[str, float]:
        """Load that an amount on a route puts on each part, by its name in the file."""
        return _larger(*_falls(self.routes[route].carries, pattern.live, amount))

    def ways(self, pattern: Pattern) -> list[frozenset[str]]:
        """Parts that each path of a flow crosses that alone carries all of it: each route where all carry a copy."""
        crossed = [frozenset(self.falls_on(pattern, route)) for route, _ in pattern.uses]
        return crossed if self.share == "all" else [frozenset().union(*crossed)]


def _different(columns: BoolArray) -> tuple[BoolArray, IntArray]:
    """Different columns, and which one each is."""
    if len(columns) > _BITS:
        kinds, which = np.unique(columns, axis=1, return_inverse=True)
        return kinds, which.reshape(-1)
    codes = (1 << np.arange(len(columns), dtype=np.int64)) @ columns
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    return columns[:, first], which.reshape(-1)


def can_fall_on(carries: Iterable[Carry]) -> Iterator[str]:
    """Parts that load can fall on, whatever branches work."""
    for item in carries:
        if isinstance(item, str):
            yield item
        elif isinstance(item, Passed):
            yield from can_fall_on(item.on)
        else:
            for _, inner in item.branches:
                yield from can_fall_on(inner)


def _falls(carries: Iterable[Carry], live: frozenset[int], amount: float) -> tuple[dict[str, float], dict[str, float]]:
    """Load on what is crossed, and on what that needs."""
    crossed: dict[str, float] = {}
    needed: dict[str, float] = {}
    for item in carries:
        if isinstance(item, str):
            crossed[item] = crossed.get(item, 0.0) + amount
            continue
        if isinstance(item, Passed):
            further = _larger(*_falls(item.on, live, amount))
        else:
            # what different branches bring to one part adds up, crossed by one and needed by another
            further, through = {}, set[str]()
            on = [inner for place, (_, inner) in enumerate(item.branches) if item.first + place in live]
            for inner in on:
                here, behind = _falls(inner, live, amount / len(on))
                through |= here.keys()
                for name, load in _larger(here, behind).items():
                    further[name] = further.get(name, 0.0) + load
            for name in through:
                crossed[name] = crossed.get(name, 0.0) + further.pop(name)
        needed = _larger(needed, further)
    return crossed, needed


def _larger(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """Of two loads on each part the larger."""
    return one | {name: max(one.get(name, 0.0), load) for name, load in other.items()}


def _nodes(condition: Condition) -> Iterator[Node]:
    return (leaf.node for leaf in leaves(condition) if isinstance(leaf, Shared))
