"""The service "full service": every client has its principal traffic, and nothing on its route is overloaded.

Only the traffic that counts in it loads anything here: what the site file does not name under `full_service` yields.

Whether an element is overloaded depends on how many clients take which route, so clients are followed together,
in one mode or in two at once; what is overloaded is dropped as soon as it is, since loads only grow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.diagram import Diagram
from k2rel.policy.failover import FORGIVEN
from k2rel.services.clients import LOST, OwnParts, own_states
from k2rel.services.counts import Counts, some_leave
from k2rel.services.loading import Loading
from k2rel.services.modes import Mode

__all__ = ["FullService"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FullService:
    """Every client has its principal traffic, and nothing on its route is overloaded."""

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
        width = len(rows) + 1  # the last column counts clients cut off in the second mode
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
        down_after = (total.vectors[:, -1] > 0) | _over(loads, room[1])
        return float(total.probability.sum()), float(total.probability[down_after].sum())

    def _joint(
        self, own: OwnParts, group: int, before: Mode, after: Mode
    ) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
        count = len(self.loading.client_classes)
        table = own.joint(group, [*self.loading.asks(before, group), *self.loading.asks(after, group)])
        return {(key[:count], key[count:]): p for key, p in table.items()}

    @cached_property
    def _patterns(self) -> tuple[list[_LoadPattern], IntArray]:
        """Load patterns, and which one each mode has; modes that are mirror images share one."""
        states = own_states(self.loading.policy)
        found: dict[_LoadPattern, int] = {}
        index = []
        for mode in self._modes:
            elements = self.loading.endangered(mode)
            base = self.loading.base_load(mode)
            room = np.array([self.loading.capacity(e) - base.get(e, 0.0) for e in elements])
            groups = []
            for group, size in enumerate(self._sizes):
                taken = np.array([states.outcomes(name, group, r) for name, r in self.loading.asks(mode, group)])
                kinds, which = np.unique(taken, axis=1, return_inverse=True)
                loads = np.array(
                    [
                        [self.loading.client_load(kind, group, mode).get(e, 0.0) for e in elements]
                        for kind in kinds.T.tolist()
                    ]
                ).reshape(kinds.shape[1], len(elements))
                which = which.reshape(-1)
                groups.append((size, taken[0] == LOST, loads[which]))
            index.append(found.setdefault(_load_pattern(groups, room), len(found)))
        return list(found), np.array(index)

    def unavailability(self, p: FloatArray) -> FloatArray:
        """Probability that a client is cut off or its route overloaded, given each mode."""
        patterns, index = self._patterns
        columns = p if p.ndim == 2 else p[:, None]
        result = np.array([pattern.unavailability(columns) for pattern in patterns])
        return np.asarray((result if p.ndim == 2 else result[:, 0])[index])

    def steady_unavailability(self, own: OwnParts) -> tuple[FloatArray, FloatArray]:
        """Also its derivatives, by a step in the imaginary direction, which loses no digits."""
        step = 1e-40
        q = own.unavailability[:, None] + 1j * step * np.eye(len(own.names))
        patterns, index = self._patterns
        p = own.states.probability(q)
        result = np.array([pattern.unavailability(p) for pattern in patterns])
        return np.asarray(result[index, 0].real), np.asarray(result[index].imag / step)

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
_FULL = 1e9  # share of the room that a load takes where there is none


@dataclass(frozen=True)
class _LoadPattern:
    """What clients load in a mode, as far as it matters.

    For each set of alike clients its size and, for each state of a client's own parts, the row of `loads` that
    it puts on the elements (-1: cut off). A row has for each element the load as a share of the room that is left.
    """

    groups: tuple[tuple[int, tuple[int, ...]], ...]
    loads: tuple[tuple[float, ...], ...]

    @property
    def clients(self) -> int:
        """Number of clients."""
        return sum(size for size, _ in self.groups)

    def unavailability(self, p: FloatArray) -> FloatArray:
        """Probability that a client is cut off or an element overloaded, for each column of state probabilities."""
        from k2rel.services.kernels import joint_counts

        log = np.zeros(p.shape[1], dtype=p.dtype)
        gone = np.zeros(p.shape[1], dtype=np.bool_)
        prepared = []
        for size, rows in self.groups:
            row = np.array(rows)
            cut_off = p[row < 0].sum(axis=0)
            sure = cut_off.real >= 1.0
            gone |= sure
            with np.errstate(divide="ignore", invalid="ignore"):
                log += size * np.where(sure, 0.0, _log1p(-np.where(sure, 0.0, cut_off)))
            prepared.append((size, np.array([p[row == i].sum(axis=0) for i in range(len(self.loads))])))
        result = np.where(gone, 1.0, -_expm1(log))
        if not self.loads or not any(map(any, self.loads)) or gone.all():
            return np.asarray(result)
        matrix = np.array(self.loads)
        matrix = matrix[matrix.any(axis=1)]  # rows that put no load on anything need no counting
        some = [i for i, row in enumerate(self.loads) if any(row)]
        base = [_most(sum(size * float(q[i].real.max()) for size, q in prepared), self.clients) + 1 for i in some]
        if math.prod(base) >= 2**62:
            raise ModelTooLargeError(
                f"{self.clients} clients load the ways in {len(some)} different manners, too many to count together; "
                "use fewer clients or groups"
            )
        unit = np.array([math.prod(base[:i]) for i in range(len(base))], dtype=np.int64)
        code = np.zeros(len(self.loads), dtype=np.int64)
        code[some] = unit
        sizes = np.array([size for size, _ in prepared], dtype=np.int64)
        starts = np.arange(len(prepared) + 1) * len(self.loads)
        weights = np.concatenate([probability for _, probability in prepared])
        codes, total = joint_counts(sizes, starts, np.tile(code, len(prepared)), weights, _BELOW)
        counts = codes[:, None] // unit % np.array(base)
        over = ((counts @ matrix) > FORGIVEN).any(axis=1)
        result = result + np.where(gone, 0.0, total[over].sum(axis=0))
        return np.asarray(np.where(result.real > 1.0, 1.0, result))


def _most(mean: float, clients: int) -> int:
    """How many clients at most do what so many do on average: more have a probability below 1e-33.

    The bound is that of H. Chernoff (1952) for sums of independent events.
    """
    if mean <= 0:
        return 1

    def too_many(count: int) -> bool:
        return count > mean and count - mean + count * math.log(mean / count) < -76.0

    low, high = 0, clients
    if not too_many(high):
        return clients
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if too_many(middle) else (middle, high)
    return high


def _log1p(z: FloatArray) -> FloatArray:
    """Logarithm of 1 + z; of a complex z with a tiny imaginary part, which NumPy's own would lose digits of."""
    if not np.iscomplexobj(z):
        return np.log1p(z)
    return np.asarray(np.log1p(z.real) + 1j * z.imag / (1.0 + z.real))


def _expm1(z: FloatArray) -> FloatArray:
    """Exponential of z less 1, as `_log1p`."""
    if not np.iscomplexobj(z):
        return np.expm1(z)
    return np.asarray(np.expm1(z.real) + 1j * z.imag * np.exp(z.real))


def _load_pattern(groups: Sequence[tuple[int, NDArray[np.bool_], FloatArray]], room: FloatArray) -> _LoadPattern:
    """Bring what clients do into a form that mirror images share.

    Loads become shares of the room; elements that another one outdoes in every state fall away; groups and
    elements are sorted.
    """
    if any(cut_off.all() and size for size, cut_off, _ in groups):
        return _LoadPattern(((1, (-1,) * len(groups[0][1])),), ())
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [
            (size, cut_off, np.where(loads > 0, np.where(room > 0, loads / room, _FULL), 0.0))
            for size, cut_off, loads in groups
        ]
    shares = [(size, cut_off, np.round(np.where(cut_off[:, None], 0.0, share), 12)) for size, cut_off, share in shares]
    order = sorted(
        range(len(shares)),
        key=lambda i: (shares[i][0], shares[i][1].tobytes(), sorted(map(tuple, shares[i][2].T.tolist()))),
    )
    stacked = np.concatenate([shares[i][2] for i in order])
    columns = sorted({tuple(column) for column in stacked.T.tolist()}, reverse=True)
    kept = [
        c
        for i, c in enumerate(columns)
        if not any(j != i and all(a >= b for a, b in zip(d, c, strict=True)) for j, d in enumerate(columns))
    ]
    table = np.array(kept).reshape(len(kept), len(stacked)).T
    rows: dict[tuple[float, ...], int] = {}
    result = []
    start = 0
    for i in order:
        size, cut_off, _share = shares[i]
        part = table[start : start + len(cut_off)].tolist()
        start += len(cut_off)
        numbers = tuple(
            -1 if gone else rows.setdefault(tuple(row), len(rows))
            for gone, row in zip(cut_off.tolist(), part, strict=True)
        )
        result.append((size, numbers))
    return _LoadPattern(tuple(result), tuple(rows))


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
    """`Counts.power`, dropping early what is already overloaded in the first mode."""
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
