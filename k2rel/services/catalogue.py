"""What users of a site ask for, as functions of the operating mode.

A service says, for every mode, how probable its loss is given the mode (the clients' own parts decide), how
probable it is that one change of mode takes it away, and how often the clients' own parts take it away.
The exact engine puts the modes' probabilities and rates to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.diagram import Diagram, compile_diagram
from k2rel.policy.failover import principal_traffic
from k2rel.policy.rules import Policy
from k2rel.services.clients import LOST, OwnParts, RouteList, own_states
from k2rel.services.counts import Counts, all_of, any_happens, count_sum, some_leave
from k2rel.services.full_service import FullService
from k2rel.services.loading import Loading
from k2rel.services.modes import ModeDiagram, traffic_diagram
from k2rel.site.service_names import of_all_clients, of_client, of_full_service, of_lost_clients, usual_lost_clients

__all__ = ["AllClients", "Condition", "LostClients", "OneClient", "Service", "services_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Service(Protocol):
    """What the exact engine asks of a service; it is one by identity."""

    def __hash__(self) -> int:
        """By identity."""

    @property
    def name(self) -> str:
        """Its name in tables."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def scope(self) -> str:
        """Whether it is one for the whole site or one for a client."""

    @property
    def diagram(self) -> Diagram:
        """Diagram of the shared parts."""

    def loss(self, p: FloatArray) -> FloatArray:
        """Probability of the loss given each mode, from those of a client's states; columns go through."""

    def steady_loss(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """Loss given each mode, and its derivative with respect to each client part (modes x parts)."""

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that the service is there in one mode and lost in the other."""

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate [1/h] at which the clients' own parts take it away within a mode."""


@dataclass(frozen=True, eq=False)
class Condition:
    """A service that the shared parts alone decide: a role, or a site-wide flow."""

    name: str
    title: str
    diagram: Diagram
    scope: str = "site"

    def loss(self, p: FloatArray) -> FloatArray:
        """Probability of the loss given each mode: 0 or 1."""
        lost = np.array([0.0 if _any(outcome) else 1.0 for outcome in self.diagram.outcomes])
        return lost if p.ndim == 1 else np.repeat(lost[:, None], p.shape[1], axis=1)

    def steady_loss(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """Clients' own parts have no say."""
        return self.loss(own.probability), np.zeros((self.diagram.modes, len(own.names)))

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Whether the change of mode takes the service away."""
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
    table: ModeDiagram

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

    @cached_property
    def _cut_off_states(self) -> tuple[FloatArray, IntArray]:
        """In which of its own states a client is cut off: different answers, and which one each group has by mode."""
        states = own_states(self.policy)
        found: dict[bytes, int] = {}
        rows: list[FloatArray] = []
        known: dict[tuple[int, RouteList], int] = {}
        index = np.empty((len(self._sizes), len(self.table.modes)), dtype=np.int64)
        for mode, condition in enumerate(self.table.modes):
            for group, routes in enumerate(condition.routes[0]):
                if (group, routes) not in known:
                    lost = states.outcomes(self.traffic, group, routes) == LOST
                    known[group, routes] = found.setdefault(lost.tobytes(), len(found))
                    if len(found) > len(rows):
                        rows.append(lost.astype(np.float64))
                index[group, mode] = known[group, routes]
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

    def _both(self, own: OwnParts, group: int, before: int, after: int) -> tuple[float, float, float]:
        """One client: served in the first mode, lost in the first, served in the first and lost in the second."""
        routes = (self.table.modes[before].routes[0][group], self.table.modes[after].routes[0][group])
        served = lost = gone = 0.0
        for (one, other), p in own.joint(group, [(self.traffic, route) for route in routes]).items():
            if one == LOST:
                lost += p
            else:
                served += p
                gone += p if other == LOST else 0.0
        return served, lost, gone

    def _own_loss(self, own: OwnParts, group: int, mode: int) -> float:
        """One client: rate [1/h] from served to lost by its own parts."""
        asks = [(self.traffic, self.table.modes[mode].routes[0][group])]
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

    def loss(self, p: FloatArray) -> FloatArray:
        """Probability that the client is cut off, given each mode."""
        return np.asarray(self._cut_off(p)[self._cut_off_states[1][self.group]])

    def steady_loss(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """The loss and its derivatives."""
        return self.loss(own.probability), np.asarray(self._slopes(own)[self._cut_off_states[1][self.group]])

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that the change of mode cuts the client off."""
        return self._both(own, self.group, before, after)[2]

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which its own parts cut the client off."""
        return self._own_loss(own, self.group, mode)


@dataclass(frozen=True, eq=False)
class AllClients(_ClientService):
    """A traffic class for the whole site: it is lost when any client is cut off."""

    def loss(self, p: FloatArray) -> FloatArray:
        """Probability that some client is cut off, given each mode."""
        kinds, kind = self._alike
        return np.asarray(any_happens(self._cut_off(p), kinds)[kind])

    def steady_loss(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """The loss and its derivatives."""
        kinds, kind = self._alike
        lost = self._cut_off(own.probability)
        # all clients but one of those that give an answer are served, and that one moves
        weight = np.zeros(kinds.shape)
        for answer in range(kinds.shape[1]):
            others = kinds.copy()
            others[:, answer] -= 1
            served = np.prod(np.where(others > 0, (1.0 - lost) ** np.maximum(others, 0), 1.0), axis=1)
            weight[:, answer] = kinds[:, answer] * served
        return self.loss(own.probability), np.asarray((weight @ self._slopes(own))[kind])

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that all clients are served in one mode and not all in the other."""
        return some_leave(
            [self._both(own, group, before, after)[::2] for group in range(len(self._sizes))], self._sizes
        )

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which the first client is cut off by its own parts."""
        total = 0.0
        served = [self._both(own, group, mode, mode)[0] for group in range(len(self._sizes))]
        for group, size in enumerate(self._sizes):
            rate = self._own_loss(own, group, mode)
            if rate > 0:
                others = [n - (index == group) for index, n in enumerate(self._sizes)]
                total += size * rate * all_of(served, others)
        return total


@dataclass(frozen=True, eq=False)
class LostClients(_ClientService):
    """Fewer than k clients cut off at the same time; lost when k or more are."""

    k: int = 1

    def loss(self, p: FloatArray) -> FloatArray:
        """Probability that k or more clients are cut off, given each mode."""
        from k2rel.services.kernels import between

        kinds, kind = self._alike
        lost = self._cut_off(p)
        columns = np.ascontiguousarray(lost[:, None] if lost.ndim == 1 else lost)
        result = between(kinds, columns, self.k, self.policy.site.client_count)
        return np.asarray((result[:, 0] if lost.ndim == 1 else result)[kind])

    def steady_loss(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """The loss and its derivatives: one client of an answer moves while exactly k - 1 of the others are cut off."""
        from k2rel.services.kernels import between

        kinds, kind = self._alike
        lost = self._cut_off(own.probability)
        weight = np.zeros(kinds.shape)
        for answer in range(kinds.shape[1]):
            others = kinds.copy()
            others[:, answer] = np.maximum(others[:, answer] - 1, 0)
            weight[:, answer] = kinds[:, answer] * between(others, lost[:, None], self.k - 1, self.k - 1)[:, 0]
        return self.loss(own.probability), np.asarray((weight @ self._slopes(own))[kind])

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
        asks = [(self.traffic, self.table.modes[mode].routes[0][group]) for mode in (before, after)]
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
            routes = (group, modes[before].routes[0][group], modes[after].routes[0][group])
            if routes not in own.memo:
                alike = (size, tuple(sorted(self._client(own, group, before, after).items())))
                own.memo[routes] = own.memo.setdefault(alike, float(len(own.memo)))
            result.append(own.memo[routes])
        return result

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which the k-th client is cut off by its own parts."""
        total = 0.0
        behaviour = self._behaviour(own, mode, mode)
        for group, size in enumerate(self._sizes):
            rate = self._own_loss(own, group, mode)
            if rate > 0:
                key = ("others", self.k, behaviour[group], tuple(sorted(behaviour)))
                if key not in own.memo:
                    counts = self._pairs(own, mode, mode, leave_out=group)
                    own.memo[key] = float(counts.probability[counts.vectors[:, 0] == self.k - 1].sum())
                total += size * rate * own.memo[key]
        return total


def services_of(policy: Policy, lost_clients: Sequence[int] | None = None) -> list[Service]:
    """List the services of a site.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> [s.name for s in services_of(Policy(read_site("L2R"))) if s.scope == "site"][:4]
    ['media', 'control', 'ftp', 'ftp_retry']
    """
    return list(_services(policy, tuple(lost_clients) if lost_clients is not None else None))


@lru_cache(maxsize=8)
def _services(policy: Policy, lost_clients: tuple[int, ...] | None) -> tuple[Service, ...]:
    """Compile once for each policy."""
    site = policy.site
    principal = principal_traffic(site)
    result: list[Service] = []
    tables = {n: traffic_diagram(policy, [n]) for n, t in site.traffic.items() if t.scope == "client"}
    for name, traffic in site.traffic.items():
        if traffic.scope == "site":
            choice = policy.choice(name)
            diagram = compile_diagram(policy.structure, [route.usable for route in choice.routes])
            usable = diagram.merged([(_any(outcome),) for outcome in diagram.outcomes])
            result.append(Condition(name, traffic.title, usable))
            continue
        table = tables[name]
        result.append(AllClients(*of_all_clients(site, name), policy, name, table))
        result += [OneClient(*of_client(site, name, n), policy, name, table, n) for n in range(site.group_count)]
    for name, role in site.roles.items():
        if role.is_service:
            result.append(Condition(name, role.title, compile_diagram(policy.structure, [policy.role_up(name)])))
    if site.traffic[principal].scope == "client":
        chosen = usual_lost_clients(site) if lost_clients is None else sorted(set(lost_clients))
        table = tables[principal]
        result += [LostClients(*of_lost_clients(site, k), policy, principal, table, k=k) for k in chosen]
        result.append(FullService(*of_full_service(site, principal), Loading(policy, counted=True)))
    return tuple(result)
