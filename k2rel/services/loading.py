"""What load each flow puts on each element in each operating mode.

The one place where demand, routes and sharing become MB/s on an element; the load distribution, of all traffic,
and the service "full service", of the traffic that counts in it, both read it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from k2rel.policy.failover import exceeds, principal_traffic
from k2rel.policy.rules import Policy
from k2rel.services.clients import LOST, RouteList
from k2rel.services.modes import Mode, ModeDiagram, traffic_diagram
from k2rel.site.model import AtLeast, Site

__all__ = ["Loading"]


class Loading:
    """Loads of a site, mode by mode."""

    def __init__(self, policy: Policy, *, counted: bool = False) -> None:
        self.policy = policy
        self._site = policy.site
        self._classes = policy.site.counted_traffic if counted else tuple(policy.site.traffic)
        self.principal = principal_traffic(policy.site)
        self._routes_load: dict[tuple[str, int, int, frozenset[str]], dict[str, float]] = {}
        self._endangered: dict[Mode, tuple[str, ...]] = {}

    def at(self, site: Site) -> Loading:
        """The same modes with other capacities and demands."""
        other = Loading(self.policy)
        other._classes, other._site = self._classes, site
        other.table = self.table
        return other

    @cached_property
    def table(self) -> ModeDiagram:
        """Modes of the principal traffic and of every other class that puts a load on something."""
        traffic = self.policy.site.traffic
        loaded = [n for n in self._classes if n != self.principal and traffic[n].demand_mb_s > 0]
        return traffic_diagram(self.policy, [self.principal, *loaded], with_shares=True)

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

    def route_load(self, traffic: str, group: int, route: int, mode: Mode) -> dict[str, float]:
        """Load that one flow on a route puts on each element with a capacity."""
        if route == LOST:
            return {}
        key = (traffic, group, route, mode.alive)
        if key not in self._routes_load:
            components = self._site.components
            demand = self._site.traffic[traffic].demand_mb_s
            result: dict[str, float] = {}
            for stage in self.policy.choice(traffic, group).routes[route].stages:
                members = stage.of if isinstance(stage, AtLeast) else (stage,)
                live = [m for m in members if not isinstance(stage, AtLeast) or m in mode.alive]
                for member in live:
                    if member in components and components[member].capacity_mb_s is not None and demand > 0:
                        result[member] = result.get(member, 0.0) + demand / len(live)
            self._routes_load[key] = result
        return self._routes_load[key]

    def base_load(self, mode: Mode) -> dict[str, float]:
        """Load of the site-wide flows in a mode."""
        total: dict[str, float] = {}
        for index, name in enumerate(self.table.classes):
            routes = mode.routes[index][0]
            if self._site.traffic[name].scope == "site" and routes:
                for element, load in self.route_load(name, 0, routes[0], mode).items():
                    total[element] = total.get(element, 0.0) + load
        return total

    def asks(self, mode: Mode, group: int) -> list[tuple[str, RouteList]]:
        """List what a client of a group asks of its own parts in a mode, class by class."""
        return [
            (name, mode.routes[index][group])
            for index, name in enumerate(self.table.classes)
            if name in self.client_classes
        ]

    def client_load(self, outcome: Sequence[int], group: int, mode: Mode) -> dict[str, float]:
        """Load of one client on every element with a capacity."""
        total: dict[str, float] = {}
        for name, route in zip(self.client_classes, outcome, strict=True):
            for element, load in self.route_load(name, group, route, mode).items():
                total[element] = total.get(element, 0.0) + load
        return total

    def endangered(self, mode: Mode) -> tuple[str, ...]:
        """List the elements on routes of clients that can be overloaded in a mode."""
        if mode in self._endangered:
            return self._endangered[mode]
        most = dict(self.base_load(mode))
        crossed: set[str] = set()
        for group, size in enumerate(self._site.group_sizes):
            for name, routes in self.asks(mode, group):
                highest: dict[str, float] = {}
                for route in routes:
                    for element, load in self.route_load(name, group, route, mode).items():
                        highest[element] = max(highest.get(element, 0.0), load)
                        crossed.add(element)
                for element, load in highest.items():
                    most[element] = most.get(element, 0.0) + load * size
        self._endangered[mode] = tuple(sorted(e for e in crossed if exceeds(most[e], self.capacity(e))))
        return self._endangered[mode]
