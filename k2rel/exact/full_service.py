"""The service "full service": every client has its principal traffic, and nothing on the way of clients is overloaded.

Whether an element is overloaded depends on how many clients take which route, so clients are followed together,
in one mode or in two at once; what is overloaded is dropped as soon as it is, since loads only grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.exact.clients import LOST, OwnParts
from k2rel.exact.counts import Counts, any_of, some_leave
from k2rel.exact.loading import Loading
from k2rel.exact.modes import Mode
from k2rel.logic.diagram import Diagram

__all__ = ["FullService"]

FloatArray = NDArray[np.float64]


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
        for mode in self._modes:
            lost = []
            for group in range(len(self._sizes)):
                joint = own.joint(group, self.loading.asks(mode, group))
                lost.append(min(1.0, sum(p for outcome, p in joint.items() if outcome[0] == LOST)))
            gone = any_of(lost, self._sizes)
            if gone < 1.0 and self.loading.endangered(mode):
                gone += self._overloaded(own, mode)
            result.append(min(gone, 1.0))
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
            return some_leave(pairs, sizes)
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
    """Whether any element that a client uses is loaded above the room left, forgiving the rounding of sums."""
    if loads.shape[1] == 0:
        return np.zeros(len(loads), dtype=np.bool_)
    return np.asarray(((loads > 0) & (loads > room + 1e-9 * np.abs(room) + 1e-12)).any(axis=1))


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
