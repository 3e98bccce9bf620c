"""What load each flow puts on each element in each operating mode, and what it needs to be whole.

The one place where demand, routes and sharing become MB/s on an element; the load distribution, of all traffic,
and the service "full service", of the foreground, both read it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.policy.failover import principal_traffic
from k2rel.policy.rules import Policy
from k2rel.policy.used import exceeds
from k2rel.services.clients import LOST, Situation, own_states
from k2rel.services.modes import Mode, ModeDiagram, traffic_diagram
from k2rel.site.model import Site

__all__ = ["Effect", "Kind", "Loading", "Way"]

IntArray = NDArray[np.int64]

Way = tuple[int, ...]
"""Elements, by their place among the endangered ones, that are crossed together: whole while none is overloaded."""


@dataclass(frozen=True)
class Effect:
    """What one flow does to elements with a capacity.

    `ways` has for each route its part of the demand and the elements it crosses; with copies each route carries all.
    """

    up: bool
    copies: bool
    load: dict[str, float]
    ways: tuple[tuple[float, frozenset[str]], ...]

    @cached_property
    def whole_by(self) -> tuple[frozenset[str], ...]:
        """Elements of which none may be overloaded for the flow to be whole; one such set is enough."""
        crossed = tuple(elements for _, elements in self.ways)
        return crossed if self.copies else (frozenset().union(*crossed),)


@dataclass(frozen=True, slots=True)
class Kind:
    """What one client does in a mode as far as full service sees it.

    Its load on each endangered element, and for each flow that can be not whole the ways of which one must be.
    """

    lost: bool
    load: tuple[float, ...] = ()
    asks: tuple[tuple[Way, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Danger:
    """Elements that can be overloaded in a mode, what site-wide flows put on them, and what those ask for."""

    elements: tuple[str, ...]
    base: tuple[float, ...]
    capacity: tuple[float, ...]
    sure: frozenset[str]  # overloaded by site-wide flows alone
    fixed: Kind  # of the site-wide flows; lost where full service cannot be


class Loading:
    """Loads of a site, mode by mode: of all traffic, or of the foreground alone."""

    def __init__(self, policy: Policy, *, foreground: bool = False) -> None:
        self.policy = policy
        self._site = policy.site
        self._foreground = foreground
        self.principal = principal_traffic(policy.site)
        self._effects: dict[tuple[str, int, int], Effect] = {}
        self._dangers: dict[Mode, Danger] = {}
        self._kinds: dict[tuple[object, ...], Kind] = {}
        self._told_apart: dict[tuple[object, ...], tuple[list[Kind], IntArray]] = {}

    def at(self, site: Site) -> Loading:
        """The same modes with other capacities and demands."""
        other = Loading(self.policy, foreground=self._foreground)
        other._site = site
        other.table = self.table
        return other

    @cached_property
    def table(self) -> ModeDiagram:
        """Modes of every class that puts a load on something, and of those that full service asks for."""
        site = self.policy.site
        classes = site.foreground if self._foreground else tuple(site.traffic)
        asked = site.full_service_of if self._foreground else (self.principal,)
        loaded = {name for name in classes if site.traffic[name].demand_mb_s > 0}
        wanted = [name for name in site.traffic if name in asked or name in loaded]
        wanted.sort(key=lambda name: name != self.principal)
        return traffic_diagram(self.policy, wanted, with_shares=True)

    @cached_property
    def client_classes(self) -> tuple[str, ...]:
        """Classes with a flow for each client, the principal one first."""
        return tuple(name for name in self.table.classes if self._site.traffic[name].scope == "client")

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Elements that have a capacity."""
        return tuple(name for name, part in self._site.components.items() if part.capacity_mb_s is not None)

    def capacity(self, element: str) -> float:
        """Look up a capacity."""
        return self._site.components[element].capacity_mb_s or 0.0

    def demand(self, traffic: str) -> float:
        """Look up the demand of one flow."""
        return self._site.traffic[traffic].demand_mb_s

    def effect(self, traffic: str, group: int, outcome: int) -> Effect:
        """What one flow with an outcome does to elements with a capacity."""
        key = (traffic, group, outcome)
        if key not in self._effects:
            choice = self.policy.choice(traffic, group)
            pattern = own_states(self.policy).pattern(*key)
            demand, limited = self.demand(traffic), set(self.elements)
            total: dict[str, float] = {}
            ways = []
            for route, share in pattern.uses:
                load = choice.falls_on(pattern, route, share * demand)
                ways.append((share, frozenset(limited.intersection(load))))
                if demand > 0:
                    for element in load.keys() & limited:
                        total[element] = total.get(element, 0.0) + load[element]
            load = {element: total[element] for element in self.elements if element in total}
            self._effects[key] = Effect(not pattern.lost, choice.share == "all", load, tuple(ways))
        return self._effects[key]

    def site_flows(self, mode: Mode) -> list[tuple[str, Effect]]:
        """What each site-wide flow does in a mode."""
        states = own_states(self.policy)
        return [
            (name, self.effect(name, 0, int(states.outcomes(name, 0, situations[0])[0])))
            for name, situations in zip(self.table.classes, mode.situations, strict=True)
            if self._site.traffic[name].scope == "site"
        ]

    def base_load(self, mode: Mode) -> dict[str, float]:
        """Load of the site-wide flows in a mode."""
        return added(effect.load for _, effect in self.site_flows(mode))

    def asks(self, mode: Mode, group: int) -> list[tuple[str, Situation]]:
        """List what a client of a group asks of its own parts in a mode, class by class."""
        return [
            (name, mode.situations[index][group])
            for index, name in enumerate(self.table.classes)
            if name in self.client_classes
        ]

    def client_effects(self, outcome: Sequence[int], group: int) -> list[tuple[str, Effect]]:
        """What each flow of one client does."""
        return [(name, self.effect(name, group, code)) for name, code in zip(self.client_classes, outcome, strict=True)]

    def client_load(self, outcome: Sequence[int], group: int) -> dict[str, float]:
        """Load of one client on every element with a capacity."""
        return added(effect.load for _, effect in self.client_effects(outcome, group))

    def danger(self, mode: Mode) -> Danger:
        """Find the elements that can be overloaded in a mode."""
        if mode in self._dangers:
            return self._dangers[mode]
        base = self.base_load(mode)
        most = dict(base)
        states = own_states(self.policy)
        for group, size in enumerate(self._site.group_sizes):
            for name, situation in self.asks(mode, group):
                highest: dict[str, float] = {}
                for outcome in sorted(set(states.outcomes(name, group, situation).tolist()) - {LOST}):
                    for element, load in self.effect(name, group, outcome).load.items():
                        highest[element] = max(highest.get(element, 0.0), load)
                for element, load in highest.items():
                    most[element] = most.get(element, 0.0) + load * size
        found = tuple(sorted(e for e in most if exceeds(most[e], self.capacity(e))))
        sure = frozenset(e for e in found if exceeds(base.get(e, 0.0), self.capacity(e)))
        fixed = self._kind(self.site_flows(mode), found, sure)
        self._dangers[mode] = Danger(
            found, tuple(base.get(e, 0.0) for e in found), tuple(self.capacity(e) for e in found), sure, fixed
        )
        return self._dangers[mode]

    def kind(self, outcome: Sequence[int], group: int, danger: Danger) -> Kind:
        """What one client does as far as full service sees it; lost where it cannot have it."""
        key = (tuple(outcome), group, danger.elements, danger.sure)
        if key not in self._kinds:
            self._kinds[key] = self._kind(self.client_effects(outcome, group), danger.elements, danger.sure)
        return self._kinds[key]

    def kinds(self, mode: Mode, group: int) -> tuple[list[Kind], IntArray]:
        """The kinds of what a client of a group does in a mode, and which it is by the state of its own parts."""
        states, danger = own_states(self.policy), self.danger(mode)
        asks = self.asks(mode, group)
        taken = np.array([states.outcomes(name, group, situation) for name, situation in asks])
        taken = taken.reshape(len(asks), len(states.works))
        key = (group, taken.tobytes(), danger.elements, danger.sure)
        if key not in self._told_apart:  # many modes differ in what a client of this group does not meet
            self._told_apart[key] = self._kinds_of(taken, group, danger)
        return self._told_apart[key]

    def _kinds_of(self, taken: IntArray, group: int, danger: Danger) -> tuple[list[Kind], IntArray]:
        outcomes, first, which = np.unique(taken, axis=1, return_index=True, return_inverse=True)
        # numbered as the states first have them: numbers of patterns depend on who asked first
        order = np.argsort(first)
        kinds = [self.kind(outcome, group, danger) for outcome in outcomes.T[order].tolist()]
        apart = list(dict.fromkeys(kinds))
        number = np.array([apart.index(kind) for kind in kinds])
        return apart, number[np.argsort(order)][which.reshape(-1)]

    def _kind(self, flows: Sequence[tuple[str, Effect]], elements: Sequence[str], sure: frozenset[str]) -> Kind:
        place = {element: n for n, element in enumerate(elements)}
        asks = []
        for name, effect in flows:
            if name not in self._site.full_service_of:
                continue
            # one with an element that is overloaded anyway is none
            ways = [crossed for crossed in effect.whole_by if not crossed & sure] if effect.up else []
            if not ways:
                return Kind(lost=True)
            told = sorted({tuple(sorted(place[e] for e in way if e in place)) for way in ways})
            if told[0]:  # else one way crosses nothing that can be overloaded
                asks.append(tuple(told))
        load = added(effect.load for _, effect in flows)
        return Kind(False, tuple(load.get(element, 0.0) for element in elements), tuple(sorted(set(asks))))


def added(loads: Iterable[dict[str, float]]) -> dict[str, float]:
    """Sum of loads, element by element."""
    total: dict[str, float] = {}
    for load in loads:
        for element, amount in load.items():
            total[element] = total.get(element, 0.0) + amount
    return total
