"""Services as functions of the operating mode.

A service says, for every mode, its unavailability given the mode (the clients' own parts decide), how probable it is
that one change of mode ends it, and how often the clients' own parts end it. An engine adds the probabilities of the
modes and the rates between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.diagram import Diagram, Transitions, compile_diagram
from k2rel.policy.rules import Policy
from k2rel.services.by_group import many_groups
from k2rel.services.catalogue import SiteService, site_services
from k2rel.services.clients import LOST, OwnParts, Situation, own_states
from k2rel.services.counts import Counts, all_of, any_happens, count_sum, some_leave
from k2rel.services.full_service import FullService
from k2rel.services.loading import Loading
from k2rel.services.modes import ModeDiagram, traffic_diagram

__all__ = ["Service", "services_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Service(Protocol):
    """What an engine needs of a service; two are the same if they are one object."""

    def __hash__(self) -> int:
        """Hash by identity."""

    @property
    def name(self) -> str:
        """Name in tables."""

    @property
    def title(self) -> str:
        """Name for people."""

    @property
    def scope(self) -> str:
        """Whether it is a service of the whole site or of one client."""

    @property
    def diagram(self) -> Diagram:
        """Diagram of the shared parts."""

    def unavailability(self, p: FloatArray) -> FloatArray:
        """Unavailability given each mode, from the probabilities of a client's states (states, or states x samples)."""

    def steady_unavailability(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """Unavailability given each mode, and its derivative with respect to each client part (modes x parts)."""

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that the service is up in one mode and down in the other."""

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate [1/h] at which the clients' own parts end it within a mode."""


@dataclass(frozen=True, eq=False)
class Condition:
    """A service that the shared parts alone decide: a role, or a site-wide flow."""

    name: str
    title: str
    diagram: Diagram
    scope: str = "site"

    def unavailability(self, p: FloatArray) -> FloatArray:
        """Unavailability given each mode: 0 or 1."""
        down = np.array([0.0 if _any(outcome) else 1.0 for outcome in self.diagram.outcomes])
        return down if p.ndim == 1 else np.repeat(down[:, None], p.shape[1], axis=1)

    def steady_unavailability(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """Clients' own parts have no say."""
        return self.unavailability(own.probability), np.zeros((self.diagram.modes, len(own.names)))

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Whether the change of mode ends the service."""
        outcomes = self.diagram.outcomes
        return float(_any(outcomes[before]) and not _any(outcomes[after]))

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Clients' own parts have no say."""
        return 0.0


def _any(outcome: object) -> bool:
    return isinstance(outcome, tuple) and any(outcome)


@dataclass(frozen=True, eq=False)
class _ClientService:
    """What services of clients share: a diagram of one traffic class."""

    name: str
    title: str
    policy: Policy
    traffic: str

    @cached_property
    def table(self) -> ModeDiagram:
        """Modes of the class."""
        return traffic_diagram(self.policy, [self.traffic])

    @property
    def scope(self) -> str:
        """The whole site."""
        return "site"

    @property
    def diagram(self) -> Diagram:
        """Diagram of the shared parts."""
        return self.table.diagram

    @property
    def _sizes(self) -> tuple[int, ...]:
        return self.policy.site.group_sizes

    @property
    def _listed(self) -> Sequence[int]:
        """Groups that modes tell of."""
        return range(len(self._sizes))

    @cached_property
    def _cut_off_states(self) -> tuple[FloatArray, IntArray]:
        """In which of its own states a client is cut off: different answers, and which one each group has by mode."""
        states = own_states(self.policy)
        found: dict[bytes, int] = {}
        rows: list[FloatArray] = []
        known: dict[tuple[int, Situation], int] = {}
        index = np.empty((len(self._listed), len(self.table.modes)), dtype=np.int64)
        for mode, condition in enumerate(self.table.modes):
            for place, (group, situation) in enumerate(zip(self._listed, condition.situations[0], strict=True)):
                if (group, situation) not in known:
                    cut_off = states.outcomes(self.traffic, group, situation) == LOST
                    known[group, situation] = found.setdefault(cut_off.tobytes(), len(found))
                    if len(found) > len(rows):
                        rows.append(cut_off.astype(np.float64))
                index[place, mode] = known[group, situation]
        return np.array(rows).reshape(len(rows), -1), index

    def _cut_off(self, p: FloatArray) -> FloatArray:
        """Probability of each such answer."""
        return np.minimum(self._cut_off_states[0] @ p, 1.0)

    @cached_property
    def _alike(self) -> tuple[IntArray, IntArray]:
        """Modes that differ only in which clients are cut off, not in how many.

        Returns how many clients give each answer (kinds x answers), and the kind by mode.
        """
        rows, index = self._cut_off_states
        clients = np.zeros((index.shape[1], len(rows)), dtype=np.int64)
        for group, size in enumerate(self._sizes):
            np.add.at(clients, (np.arange(index.shape[1]), index[group]), size)
        kinds, kind = np.unique(clients, axis=0, return_inverse=True)
        return kinds, kind.reshape(-1)

    def _slopes(self, own: OwnParts) -> FloatArray:
        """Derivatives of the probability of each such answer (answers x parts)."""
        return self._cut_off_states[0] @ own.states.slopes(own.unavailability)

    def _both(self, own: OwnParts, group: int, before: int, after: int) -> tuple[float, float]:
        """One client: probability of being served in the first mode, and of being so and cut off in the second."""
        place = self._listed.index(group)
        situations = [self.table.modes[mode].situations[0][place] for mode in (before, after)]
        served = gone = 0.0
        for (one, other), p in own.joint(group, [(self.traffic, one) for one in situations]).items():
            if one != LOST:
                served += p
                gone += p if other == LOST else 0.0
        return served, gone

    def _own_cut_off(self, own: OwnParts, group: int, mode: int) -> float:
        """One client: rate [1/h] from served to cut off by its own parts."""
        asks = [(self.traffic, self.table.modes[mode].situations[0][self._listed.index(group)])]
        moves = own.moves(group, asks).items()
        return sum(rate for ((one,), (other,)), rate in moves if one != LOST and other == LOST)


@dataclass(frozen=True, eq=False)
class OneClient(_ClientService):
    """A traffic class as one client of a group sees it."""

    group: int = 0

    @property
    def scope(self) -> str:
        """One client, not the site."""
        return "client"

    @property
    def _listed(self) -> Sequence[int]:
        """All groups, or where they are many its own alone."""
        return (self.group,) if many_groups(self.policy) else range(len(self._sizes))

    @cached_property
    def table(self) -> ModeDiagram:
        """Modes of the class."""
        return traffic_diagram(
            self.policy, [self.traffic], groups=tuple(self._listed) if many_groups(self.policy) else None
        )

    def unavailability(self, p: FloatArray) -> FloatArray:
        """Probability that the client is cut off, given each mode."""
        return np.asarray(self._cut_off(p)[self._cut_off_states[1][self._listed.index(self.group)]])

    def steady_unavailability(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """The unavailability and its derivatives."""
        return self.unavailability(own.probability), np.asarray(
            self._slopes(own)[self._cut_off_states[1][self._listed.index(self.group)]]
        )

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that the change of mode cuts the client off."""
        return self._both(own, self.group, before, after)[1]

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which its own parts cut the client off."""
        return self._own_cut_off(own, self.group, mode)


@dataclass(frozen=True, eq=False)
class AllClients(_ClientService):
    """A traffic class for the whole site: down when any client is cut off."""

    def unavailability(self, p: FloatArray) -> FloatArray:
        """Probability that some client is cut off, given each mode."""
        kinds, kind = self._alike
        return np.asarray(any_happens(self._cut_off(p), kinds)[kind])

    def steady_unavailability(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """The unavailability and its derivatives."""
        kinds, kind = self._alike
        cut_off = self._cut_off(own.probability)
        # all clients but one of those that give an answer are served, and that one moves
        weight = np.zeros(kinds.shape)
        for answer in range(kinds.shape[1]):
            others = kinds.copy()
            others[:, answer] -= 1
            served = np.prod(np.where(others > 0, (1.0 - cut_off) ** np.maximum(others, 0), 1.0), axis=1)
            weight[:, answer] = kinds[:, answer] * served
        return self.unavailability(own.probability), np.asarray((weight @ self._slopes(own))[kind])

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that all clients are served in one mode and not all in the other."""
        return some_leave([self._both(own, group, before, after) for group in range(len(self._sizes))], self._sizes)

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which the first client is cut off by its own parts."""
        total = 0.0
        served = [self._both(own, group, mode, mode)[0] for group in range(len(self._sizes))]
        for group, size in enumerate(self._sizes):
            rate = self._own_cut_off(own, group, mode)
            if rate > 0:
                others = [n - (index == group) for index, n in enumerate(self._sizes)]
                total += size * rate * all_of(served, others)
        return total


@dataclass(frozen=True, eq=False)
class LostClients(_ClientService):
    """Fewer than k clients cut off at the same time; down when k or more are."""

    k: int = 1

    def unavailability(self, p: FloatArray) -> FloatArray:
        """Probability that k or more clients are cut off, given each mode."""
        from k2rel.services.kernels import between

        kinds, kind = self._alike
        cut_off = self._cut_off(p)
        columns = np.ascontiguousarray(cut_off[:, None] if cut_off.ndim == 1 else cut_off)
        result = between(kinds, columns, self.k, self.policy.site.client_count)
        return np.asarray((result[:, 0] if cut_off.ndim == 1 else result)[kind])

    def steady_unavailability(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """Also its derivatives: one client of an answer moves while exactly k - 1 of the others are cut off."""
        from k2rel.services.kernels import between

        kinds, kind = self._alike
        cut_off = self._cut_off(own.probability)
        weight = np.zeros(kinds.shape)
        for answer in range(kinds.shape[1]):
            others = kinds.copy()
            others[:, answer] = np.maximum(others[:, answer] - 1, 0)
            weight[:, answer] = kinds[:, answer] * between(others, cut_off[:, None], self.k - 1, self.k - 1)[:, 0]
        return self.unavailability(own.probability), np.asarray((weight @ self._slopes(own))[kind])

    def _pairs(self, own: OwnParts, before: int, after: int, leave_out: int | None = None) -> Counts:
        """Distribution of (cut off in the first mode, cut off in the second) over all clients but one."""
        return count_sum(
            [
                (size - (group == leave_out), self._client(own, group, before, after))
                for group, size in enumerate(self._sizes)
            ]
        )

    def _client(self, own: OwnParts, group: int, before: int, after: int) -> dict[tuple[int, ...], float]:
        """One client: probability of (cut off in the first mode, cut off in the second)."""
        outcomes: dict[tuple[int, ...], float] = {}
        asks = [(self.traffic, self.table.modes[mode].situations[0][group]) for mode in (before, after)]
        for (one, other), p in own.joint(group, asks).items():
            key = (int(one == LOST), int(other == LOST))
            outcomes[key] = outcomes.get(key, 0.0) + p
        return outcomes

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that fewer than k are cut off in one mode and k or more in the other."""
        key = (self.k, tuple(sorted(self._behaviour(own, before, after))))
        if key not in own.memo:
            counts = self._pairs(own, before, after)
            crossed = (counts.vectors[:, 0] < self.k) & (counts.vectors[:, 1] >= self.k)
            own.memo[key] = float(counts.probability[crossed].sum())
        return own.memo[key]

    def _behaviour(self, own: OwnParts, before: int, after: int) -> list[float]:
        """A number for how each group's clients behave: symmetric modes share one answer."""
        modes = self.table.modes
        result = []
        for group, size in enumerate(self._sizes):
            key = (self.traffic, group, modes[before].situations[0][group], modes[after].situations[0][group])
            if key not in own.memo:
                alike = (size, tuple(sorted(self._client(own, group, before, after).items())))
                own.memo[key] = own.memo.setdefault(alike, float(len(own.memo)))
            result.append(own.memo[key])
        return result

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which the k-th client is cut off by its own parts."""
        total = 0.0
        behaviour = self._behaviour(own, mode, mode)
        for group, size in enumerate(self._sizes):
            rate = self._own_cut_off(own, group, mode)
            if rate > 0:
                key = ("others", self.k, behaviour[group], tuple(sorted(behaviour)))
                if key not in own.memo:
                    counts = self._pairs(own, mode, mode, leave_out=group)
                    own.memo[key] = float(counts.probability[counts.vectors[:, 0] == self.k - 1].sum())
                total += size * rate * own.memo[key]
        return total


def services_of(policy: Policy, lost_clients: Sequence[int] | None = None) -> list[Service]:
    """Give the services of a site with their diagrams, as `site_services` lists them."""
    return list(_services(policy, tuple(lost_clients) if lost_clients is not None else None))


@lru_cache(maxsize=8)
def _services(policy: Policy, lost_clients: tuple[int, ...] | None) -> tuple[Service, ...]:
    """Compile once for each policy; those of clients first, since the order decides that of sums."""
    found = site_services(policy.site, lost_clients)
    return tuple(_compiled(policy, service) for service in found)


def _compiled(policy: Policy, service: SiteService) -> Service:
    name, title, of = service.name, service.title, service.of
    match service.rule:
        case "role":
            return Condition(name, title, compile_diagram(policy.structure, [policy.role_up(of)]))
        case "flow":
            routes = [policy.spelled(route.usable, 0) for route in policy.choice(of).routes]
            diagram = compile_diagram(policy.structure, routes)
            return Condition(name, title, diagram.merged([(_any(outcome),) for outcome in diagram.outcomes]))
        case "every client":
            return AllClients(name, title, policy, of)
        case "one client":
            return OneClient(name, title, policy, of, service.group)
        case "lost clients":
            return LostClients(name, title, policy, of, service.cut_off)
        case "full service":
            return FullService(name, title, Loading(policy, foreground=True))


def failures_per_h(
    service: Service, own: OwnParts, unavailability: FloatArray, probability: FloatArray, moves: Transitions
) -> float:
    """Add up how often changes of mode, and the clients' own parts within a mode, end a service [1/h].

    `unavailability` of the service given each mode, `probability` of the mode; `moves` has each direction by itself.
    """
    # a mode in which the service is down for certain, but for rounding, cannot be left by a failure of it
    there = unavailability < 1.0 - 1e-12
    total = 0.0
    for before, after, rate in zip(moves.before.tolist(), moves.after.tolist(), moves.rate_per_h.tolist(), strict=True):
        if there[before]:
            total += rate * service.crossing(own, before, after)
    for mode, p in enumerate(probability.tolist()):
        if p > 0 and there[mode]:
            total += p * service.own_rate(own, mode)
    return total
