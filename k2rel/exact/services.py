"""What users of a site ask for, as functions of the operating mode.

A service says, for every mode, how probable its loss is given the mode (the clients' own parts decide), how
probable it is that one change of mode takes it away, and how often the clients' own parts take it away.
The exact engine puts the modes' probabilities and rates to that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from k2rel.exact.clients import LOST, Counts, OwnParts, binomial_power, count_sum
from k2rel.exact.loading import Loading
from k2rel.exact.modes import Mode, ModeDiagram, condition_diagram, traffic_diagram
from k2rel.logic.diagram import Diagram
from k2rel.policy.failover import principal_traffic
from k2rel.policy.rules import Policy

__all__ = ["AllClients", "Condition", "FullService", "LostClients", "OneClient", "Service", "services_of"]

FloatArray = NDArray[np.float64]


class Service(Protocol):
    """What the exact engine asks of a service."""

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

    def loss(self, own: OwnParts) -> FloatArray:
        """Probability of the loss given each mode."""

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that the service is there in one mode and lost in the other."""

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate [1/h] at which the clients' own parts take it away within a mode."""


@dataclass(frozen=True)
class Condition:
    """A service that the shared parts alone decide: a role, or a site-wide flow."""

    name: str
    title: str
    diagram: Diagram
    scope: str = "site"

    def loss(self, own: OwnParts) -> FloatArray:
        """Probability of the loss given each mode: 0 or 1."""
        return np.array([0.0 if _any(outcome) else 1.0 for outcome in self.diagram.outcomes])

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Whether the change of mode takes the service away."""
        outcomes = self.diagram.outcomes
        return float(_any(outcomes[before]) and not _any(outcomes[after]))

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Clients' own parts have no say."""
        return 0.0


def _any(outcome: object) -> bool:
    return isinstance(outcome, tuple) and any(outcome)


@dataclass(frozen=True)
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

    def _lost(self, own: OwnParts, group: int, mode: int) -> float:
        return self._both(own, group, mode, mode)[1]

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

    def _own_moves(self, own: OwnParts, group: int, mode: int) -> tuple[float, float]:
        """One client: rate from served to lost by its own parts, and the rate back."""
        routes = self.table.modes[mode].routes[0][group]
        down = back = 0.0
        for ((one,), (other,)), rate in own.moves(group, [(self.traffic, routes)]).items():
            if one != LOST and other == LOST:
                down += rate
            elif one == LOST and other != LOST:
                back += rate
        return down, back


@dataclass(frozen=True)
class OneClient(_ClientService):
    """A traffic class as one client of a group sees it."""

    group: int = 0

    @property
    def scope(self) -> str:
        """One client, not the site."""
        return "client"

    def loss(self, own: OwnParts) -> FloatArray:
        """Probability that the client is cut off, given each mode."""
        return np.array([self._lost(own, self.group, mode) for mode in range(len(self.table.modes))])

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that the change of mode cuts the client off."""
        return self._both(own, self.group, before, after)[2]

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which its own parts cut the client off."""
        return self._own_moves(own, self.group, mode)[0]


@dataclass(frozen=True)
class AllClients(_ClientService):
    """A traffic class for the whole site: it is lost when any client is cut off."""

    def loss(self, own: OwnParts) -> FloatArray:
        """Probability that some client is cut off, given each mode."""
        result = []
        for mode in range(len(self.table.modes)):
            lost = [self._lost(own, group, mode) for group in range(len(self._sizes))]
            result.append(_any_of(lost, self._sizes))
        return np.array(result)

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that all clients are served in one mode and not all in the other."""
        return _some_leave(
            [self._both(own, group, before, after)[::2] for group in range(len(self._sizes))], self._sizes
        )

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which the first client is cut off by its own parts."""
        total = 0.0
        served = [self._both(own, group, mode, mode)[0] for group in range(len(self._sizes))]
        for group, size in enumerate(self._sizes):
            rate = self._own_moves(own, group, mode)[0]
            if rate > 0:
                others = [n - (index == group) for index, n in enumerate(self._sizes)]
                total += size * rate * _all_of(served, others)
        return total


def _any_of(probability: Sequence[float], sizes: Sequence[int]) -> float:
    """Probability that at least one of many independent things happens, with all its digits."""
    if any(p >= 1.0 and n for p, n in zip(probability, sizes, strict=True)):
        return 1.0
    return -math.expm1(sum(n * math.log1p(-p) for p, n in zip(probability, sizes, strict=True)))


def _all_of(probability: Sequence[float], sizes: Sequence[int]) -> float:
    return math.prod(p**n for p, n in zip(probability, sizes, strict=True))


def _some_leave(pairs: Sequence[Sequence[float]], sizes: Sequence[int]) -> float:
    """Probability that all are served and then not all, from (served, served and then lost) of each group."""
    if any(served <= 0 for served, _ in pairs):
        return 0.0
    leave = _any_of([min(gone / served, 1.0) for served, gone in pairs], sizes)
    return _all_of([served for served, _ in pairs], sizes) * leave


@dataclass(frozen=True)
class LostClients(_ClientService):
    """Fewer than k clients cut off at the same time; lost when k or more are."""

    k: int = 1

    def loss(self, own: OwnParts) -> FloatArray:
        """Probability that k or more clients are cut off, given each mode."""
        result = []
        for mode in range(len(self.table.modes)):
            total = np.ones(1)
            for group, size in enumerate(self._sizes):
                total = np.convolve(total, binomial_power(size, min(self._lost(own, group, mode), 1.0)))
            result.append(float(total[self.k :].sum()))
        return np.array(result)

    def _pairs(self, own: OwnParts, before: int, after: int, leave_out: int | None = None) -> Counts:
        """Distribution of (cut off in the first mode, cut off in the second) over all clients but one."""
        return count_sum(
            [
                (size - (group == leave_out), self._cut_off(own, group, before, after))
                for group, size in enumerate(self._sizes)
            ]
        )

    def _cut_off(self, own: OwnParts, group: int, before: int, after: int) -> dict[tuple[int, ...], float]:
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
                alike = (size, tuple(sorted(self._cut_off(own, group, before, after).items())))
                own.memo[routes] = own.memo.setdefault(alike, float(len(own.memo)))
            result.append(own.memo[routes])
        return result

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which the k-th client is cut off by its own parts."""
        total = 0.0
        behaviour = self._behaviour(own, mode, mode)
        for group, size in enumerate(self._sizes):
            rate = self._own_moves(own, group, mode)[0]
            if rate > 0:
                key = ("others", self.k, behaviour[group], tuple(sorted(behaviour)))
                if key not in own.memo:
                    counts = self._pairs(own, mode, mode, leave_out=group)
                    own.memo[key] = float(counts.probability[counts.vectors[:, 0] == self.k - 1].sum())
                total += size * rate * own.memo[key]
        return total


@dataclass(frozen=True)
class FullService:
    """Every client has its principal traffic, and nothing on its way is overloaded."""

    name: str
    title: str
    loading: Loading
    scope: str = "site"

    @property
    def diagram(self) -> Diagram:
        """Diagram of the shared parts."""
        return self.loading.table.diagram

    @property
    def _modes(self) -> tuple[Mode, ...]:
        return self.loading.table.modes

    @property
    def _sizes(self) -> tuple[int, ...]:
        return self.loading.policy.site.group_sizes

    def _walk(
        self,
        before: Mode,
        after: Mode,
        parts: Sequence[tuple[int, int, dict[tuple[tuple[int, ...], tuple[int, ...]], float]]],
    ) -> tuple[float, float]:
        """Follow all clients through two modes at once.

        `parts` has for each set of alike clients its group, its size, and the probability of each pair of
        outcomes. Returns the probability that the service is full in the first mode, and the probability that
        it is full in the first and not in the second.
        """
        elements = [self.loading.endangered(before), self.loading.endangered(after)]
        base = [self.loading.base_load(before), self.loading.base_load(after)]
        room = [np.array([self.loading.capacity(e) - base[i].get(e, 0.0) for e in elements[i]]) for i in (0, 1)]
        # Load rows become integer counts of distinct rows, so that sums stay exact.
        rows: dict[tuple[float, ...], int] = {}

        def row(outcome: tuple[int, ...], group: int) -> tuple[float, ...]:
            first = self.loading.client_load(outcome[: len(outcome) // 2], group, before)
            second = self.loading.client_load(outcome[len(outcome) // 2 :], group, after)
            return (*(first.get(e, 0.0) for e in elements[0]), *(second.get(e, 0.0) for e in elements[1]))

        prepared = []
        for group, size, outcomes in parts:
            kept = {pair: p for pair, p in outcomes.items() if pair[0][0] != LOST}
            for one, other in kept:
                load = row((*one, *other), group)
                if any(load):
                    rows.setdefault(load, len(rows))
            prepared.append((group, size, kept))
        width = len(rows) + 1  # the last column counts clients lost in the second mode
        matrix = np.array(list(rows), dtype=np.float64).reshape(len(rows), len(elements[0]) + len(elements[1]))
        total: Counts | None = None
        cut = len(elements[0])
        for group, size, kept in prepared:
            outcomes_by_vector: dict[tuple[int, ...], float] = {}
            for (one, other), p in kept.items():
                vector = [0] * width
                load = row((*one, *other), group)
                if any(load):
                    vector[rows[load]] = 1
                vector[-1] = int(other[0] == LOST)
                key = tuple(vector)
                outcomes_by_vector[key] = outcomes_by_vector.get(key, 0.0) + p
            if not outcomes_by_vector:
                return 0.0, 0.0
            counts = _bounded_power(Counts.one(outcomes_by_vector), size, matrix[:, :cut], room[0])
            total = counts if total is None else total.plus(counts, _BELOW)
            total = _within(total, matrix[:, :cut], room[0])
        if total is None or not len(total.probability):
            return 0.0, 0.0
        loads = total.vectors[:, :-1] @ matrix[:, cut:]
        lost_after = (total.vectors[:, -1] > 0) | _over(loads, room[1])
        return float(total.probability.sum()), float(total.probability[lost_after].sum())

    def _joint(
        self, own: OwnParts, group: int, before: Mode, after: Mode
    ) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
        count = len(self.loading.client_classes)
        table = own.joint(group, [*self.loading.asks(before, group), *self.loading.asks(after, group)])
        return {(key[:count], key[count:]): p for key, p in table.items()}

    def loss(self, own: OwnParts) -> FloatArray:
        """Probability that a client is cut off or its way overloaded, given each mode."""
        result = []
        sizes = self._sizes
        cache: dict[object, float] = {}
        for mode in self._modes:
            lost = []
            key = (mode.routes, mode.alive)
            if key not in cache:
                for group in range(len(sizes)):
                    joint = own.joint(group, self.loading.asks(mode, group))
                    lost.append(sum(p for outcome, p in joint.items() if outcome[0] == LOST))
                gone = _any_of([min(p, 1.0) for p in lost], sizes)
                if gone < 1.0 and self.loading.endangered(mode):
                    gone += self._overloaded(own, mode)
                cache[key] = min(gone, 1.0)
            result.append(cache[key])
        return np.array(result)

    def _overloaded(self, own: OwnParts, mode: Mode) -> float:
        """Probability that all clients are served and some way is overloaded.

        The second mode of the walk is the mode itself, and nothing is asked of the first.
        """
        free = Mode(tuple(tuple(() for _ in groups) for groups in mode.routes), frozenset())
        parts = []
        for group, size in enumerate(self._sizes):
            joint = own.joint(group, self.loading.asks(mode, group))
            served = {outcome: p for outcome, p in joint.items() if outcome[0] != LOST}
            none = (LOST,) * len(self.loading.client_classes)
            parts.append((group, size, {((_SERVED, *none[1:]), outcome): p for outcome, p in served.items()}))
        return self._walk(free, mode, parts)[1]

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that the service is full in one mode and not in the other."""
        one, other = self._modes[before], self._modes[after]
        if any(not routes for routes in one.routes[0]):
            return 0.0
        sizes = self._sizes
        parts = [(group, size, self._joint(own, group, one, other)) for group, size in enumerate(sizes)]
        if not self.loading.endangered(one) and not self.loading.endangered(other):
            pairs = []
            for _, _, joint in parts:
                served = sum(p for (first, _), p in joint.items() if first[0] != LOST)
                gone = sum(p for (first, then), p in joint.items() if first[0] != LOST and then[0] == LOST)
                pairs.append((served, gone))
            return _some_leave(pairs, sizes)
        if any(not routes for routes in other.routes[0]):
            return self._walk(one, one, [(g, n, self._joint(own, g, one, one)) for g, n, _ in parts])[0]
        return self._walk(one, other, parts)[1]

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which the clients' own parts end full service."""
        here = self._modes[mode]
        if any(not routes for routes in here.routes[0]):
            return 0.0
        sizes = self._sizes
        total = 0.0
        for group, size in enumerate(sizes):
            moves = own.moves(group, self.loading.asks(here, group))
            if not moves:
                continue
            parts = [
                (index, n - (index == group), self._joint(own, index, here, here)) for index, n in enumerate(sizes)
            ]
            total += size * self._walk(here, here, [*parts, (group, 1, moves)])[1]
        return total


_BELOW = 1e-30
_SERVED = 0


def _over(loads: FloatArray, room: FloatArray) -> NDArray[np.bool_]:
    """Whether any element is loaded above the room that is left, forgiving the rounding of sums."""
    if loads.shape[1] == 0:
        return np.zeros(len(loads), dtype=np.bool_)
    return np.asarray((loads > room + 1e-9 * np.abs(room) + 1e-12).any(axis=1))


def _within(counts: Counts, matrix: FloatArray, room: FloatArray) -> Counts:
    """Keep what is not overloaded yet; loads only grow as clients are added."""
    keep = ~_over(counts.vectors[:, :-1] @ matrix, room)
    return Counts(counts.vectors[keep], counts.probability[keep])


def _bounded_power(one: Counts, n: int, matrix: FloatArray, room: FloatArray) -> Counts:
    """`Counts.power`, dropping on the way what is already overloaded in the first mode."""
    result = Counts(np.zeros((1, one.vectors.shape[1]), dtype=np.int64), np.ones(1))
    square = one
    while n:
        if n & 1:
            result = _within(result.plus(square, _BELOW), matrix, room)
        n >>= 1
        if n:
            square = _within(square.plus(square, _BELOW), matrix, room)
        if not len(result.probability) or (n and not len(square.probability)):
            return Counts(result.vectors[:0], result.probability[:0])
    return result


def services_of(policy: Policy, lost_clients: Sequence[int] | None = None) -> list[Service]:
    """List the services of a site.

    Parameters
    ----------
    policy : Policy
        The rules.
    lost_clients : sequence of int, optional
        For which k to ask for the loss of k or more clients; by default 2, half and all of them.

    Returns
    -------
    list of Service
        For each traffic class the whole site and one client of each group; roles; site-wide flows; loss of
        k or more clients; full service.

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
            diagram = condition_diagram(policy, [route.usable for route in choice.routes])
            usable = diagram.merged([(_any(outcome),) for outcome in diagram.outcomes])
            result.append(Condition(name, traffic.title, usable))
            continue
        table = tables[name]
        result.append(AllClients(name, f"{traffic.title}, every client", policy, name, table))
        for group in range(site.group_count):
            number = "" if group == 0 else f"_{group + 1}"
            who = f"client {group + 1}"
            result.append(OneClient(f"{name}_client{number}", f"{traffic.title}, {who}", policy, name, table, group))
    for name, role in site.roles.items():
        if role.is_service:
            result.append(Condition(name, role.title, condition_diagram(policy, [policy.role_up(name)])))
    if site.traffic[principal].scope == "client":
        count = site.client_count
        asked = lost_clients if lost_clients is not None else (2, math.ceil(count / 2), count)
        table = tables[principal]
        for k in sorted(
            {k for k in asked if 1 < k <= count} | ({k for k in asked if k == 1} if lost_clients else set())
        ):
            title = f"loss of {k} or more of {count} clients"
            result.append(LostClients(f"lost_{k}_or_more_clients", title, policy, principal, table, k=k))
        title = f"full service: {site.traffic[principal].title} at the subscribed bandwidth for every client"
        result.append(FullService("full_service", title, Loading(policy)))
    return tuple(result)
