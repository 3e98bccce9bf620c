"""Where flows go in one state of the shared parts: clients of one group that lack the same do the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from k2rel.logic.structure import Node
from k2rel.policy.flows import Choice, Pattern
from k2rel.policy.rules import Policy
from k2rel.policy.used import UsedRoute
from k2rel.site.names import client_id
from k2rel.site.stages import AtLeast, names_in
from k2rel.tables import Shown

__all__ = ["AlikeClients", "ClientRoutes", "ClientState"]

_MOST_KEPT = 20_000

Loads = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, repr=False)
class ClientState(Shown):
    """Where one client's flows go: for each traffic class the routes in use, none when it is cut off."""

    client: str
    routes: Mapping[str, tuple[UsedRoute, ...]]

    @property
    def sides(self) -> dict[str, str | None]:
        """The side of the first route of each traffic class; None when it is cut off."""
        return {name: used[0].side if used else None for name, used in self.routes.items()}

    @property
    def paths(self) -> dict[str, tuple[str, ...]]:
        """Parts of the first route of each traffic class, in order."""
        return {name: used[0].path if used else () for name, used in self.routes.items()}


@dataclass(frozen=True, eq=False)
class AlikeClients:
    """Clients of one group whose flows go the same way, and what they put on the parts.

    Parameters
    ----------
    kind : str
        The kind of the clients, empty where the file has no kinds.
    group : int
        Their group.
    numbers : tuple of int
        Their numbers.
    states : tuple of ClientState
        Where the flows of each go.
    shared, own : mapping of str to mapping of str to float
        Their load on shared parts and on their own, by unit.
    foreground : mapping of str to mapping of str to float
        Load of each traffic class that yields to no other on every part.
    asks : tuple of tuple of frozenset of str
        For each flow that is up and that full service asks for, its ways.
    whole : bool
        Whether every flow that full service asks for is up.
    essence : object
        What tells two outcomes apart for a client of the group: its routes, and the load on its own parts.
    """

    kind: str
    group: int
    numbers: tuple[int, ...]
    states: tuple[ClientState, ...]
    shared: Loads = field(repr=False)
    own: Loads = field(repr=False)
    foreground: Loads = field(repr=False)
    asks: tuple[tuple[frozenset[str], ...], ...] = field(repr=False)
    whole: bool
    essence: object = field(repr=False)


class ClientRoutes:
    """Flows of a site followed for any number of states, what clients alike do found once.

    Parameters
    ----------
    policy : Policy
        The rules.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy, self.site = policy, policy.site
        self.of_clients = tuple(n for n, entry in self.site.traffic.items() if entry.scope == "client")
        self.of_site = tuple(n for n, entry in self.site.traffic.items() if entry.scope == "site")
        groups = range(self.site.group_count)
        self.choices: dict[tuple[str, int], Choice] = {
            (name, group): policy.choice(name, group)
            for name in self.site.traffic
            for group in (groups if name in self.of_clients else (0,))
        }
        self._nodes = {key: (*choice.deciding, *choice.carrying) for key, choice in self.choices.items()}
        self._patterns: dict[object, Pattern] = {}
        self._alike: dict[object, AlikeClients] = {}

    def nodes(self) -> Iterator[Node]:
        """What decides the routes."""
        for nodes in self._nodes.values():
            yield from nodes

    def clients(self, truth: Mapping[Node, bool], gone: Iterable[str]) -> list[AlikeClients]:
        """Clients that do the same together, by their first numbers."""
        lacks: dict[int, set[str]] = {}
        for part in gone:
            if part in self.site.own_parts:
                name, number = self.site.own_parts[part]
                lacks.setdefault(number, set()).add(name)
        found = []
        for number, group in enumerate(self.site.groups):
            by_lost: dict[frozenset[str], list[int]] = {}
            if lacks.keys().isdisjoint(group.clients):
                by_lost[frozenset()] = list(group.clients)
            else:
                for client in group.clients:
                    by_lost.setdefault(frozenset(lacks.get(client, ())), []).append(client)
            for lost, numbers in by_lost.items():
                patterns = tuple(self._pattern(name, number, lost, truth) for name in self.of_clients)
                found.append(self._followed(self.of_clients, number, tuple(numbers), patterns, group.kind))
        return sorted(found, key=lambda alike: alike.numbers[0])

    def site_flows(self, truth: Mapping[Node, bool]) -> AlikeClients:
        """The flows of the site, as of one client without parts of its own."""
        patterns = tuple(self._pattern(name, 0, frozenset(), truth) for name in self.of_site)
        return self._followed(self.of_site, 0, (0,), patterns, "")

    def _pattern(self, name: str, group: int, lost: frozenset[str], truth: Mapping[Node, bool]) -> Pattern:
        values = tuple(truth[node] for node in self._nodes[name, group])
        key = (name, group, lost, values)
        if key not in self._patterns:
            if len(self._patterns) >= _MOST_KEPT:
                self._patterns.clear()
            choice = self.choices[name, group]
            works = {part: np.array([part not in lost]) for part in choice.own}
            self._patterns[key] = choice.patterns(truth, works, 1, range(len(choice.branches)))[0]
        return self._patterns[key]

    def _followed(
        self, names: Sequence[str], group: int, numbers: tuple[int, ...], patterns: tuple[Pattern, ...], kind: str
    ) -> AlikeClients:
        key = (names, group, numbers, patterns)
        if key not in self._alike:
            if len(self._alike) >= _MOST_KEPT:
                self._alike.clear()
            self._alike[key] = self._made(names, group, numbers, patterns, kind)
        return self._alike[key]

    def _made(
        self, names: Sequence[str], group: int, numbers: tuple[int, ...], patterns: tuple[Pattern, ...], kind: str
    ) -> AlikeClients:
        flows = list(zip(names, patterns, strict=True))
        states = tuple(
            ClientState(client_id(n), {name: self._used(name, group, n, pattern) for name, pattern in flows})
            for n in numbers
        )
        shared: dict[str, dict[str, float]] = {}
        own: dict[str, dict[str, float]] = {}
        foreground: dict[str, dict[str, float]] = {}
        for state in states:
            for name, used in state.routes.items():
                traffic = self.site.traffic[name]
                for route in used:
                    for part, portion in route.crosses.items():
                        load = portion * traffic.demand_mb_s
                        by_unit = (own if part in self.site.own_parts else shared).setdefault(part, {})
                        if traffic.demand_mb_s > 0:
                            by_unit[traffic.unit] = by_unit.get(traffic.unit, 0.0) + load
                        if traffic.priority == "foreground":
                            here = foreground.setdefault(name, {})
                            here[part] = here.get(part, 0.0) + load
        asked = [(name, pattern) for name, pattern in flows if name in self.site.full_service_of]
        asks = [tuple(self.choices[name, group].ways(pattern)) for name, pattern in asked if not pattern.lost]
        whole = not any(pattern.lost for _, pattern in asked)
        essence = tuple(self._essence(name, group, pattern) for name, pattern in flows)
        return AlikeClients(kind, group, numbers, states, shared, own, foreground, tuple(asks), whole, essence)

    def _essence(self, name: str, group: int, pattern: Pattern) -> object:
        used = self._used(name, group, 0, pattern)
        demand = self.site.traffic[name].demand_mb_s
        own = [(p, round(on * demand, 6)) for r in used for p, on in r.crosses.items() if p not in self.site.components]
        return tuple((route.side, route.share, route.stages) for route in used), frozenset(own if demand > 0 else ())

    def _used(self, name: str, group: int, number: int, pattern: Pattern) -> tuple[UsedRoute, ...]:
        """The routes that the flow of one client uses."""
        choice = self.choices[name, group]
        used = []
        for index, share in pattern.uses:
            route = choice.routes[index]
            crosses = {self._spelled(p, number): on for p, on in choice.falls_on(pattern, index, share).items()}
            path: list[str] = []
            stages: list[str | tuple[tuple[str, ...], ...]] = []
            for stage, fork in zip(route.stages, route.forks, strict=True):
                if fork is None or not isinstance(stage, AtLeast):
                    plain = [self._spelled(part, number) for part in names_in(stage)]
                    path += plain
                    stages += plain
                    continue
                live = [each for n, each in enumerate(stage.of, fork.first) if n in pattern.live]
                branches = tuple(tuple(self._spelled(part, number) for part in each) for each in live)
                path += [part for branch in branches[: stage.k] for part in branch]
                stages.append(branches)
            used.append(UsedRoute(route.carried_by, route.group, share, tuple(path), tuple(stages), crosses))
        return tuple(used)

    def _spelled(self, part: str, number: int) -> str:
        return self.site.client_part_id(number, part) if part in self.site.client_parts else part
