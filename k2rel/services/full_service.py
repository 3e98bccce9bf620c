"""The service "full service": every flow that it asks for is there and whole, none of what it loads overloaded.

Only the foreground loads anything here: the background yields to it.

Whether an element is overloaded depends on how many clients do what, so clients are followed together, in one mode or
in two at once; what cannot be full service any more is dropped at once, since loads only grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.diagram import Diagram
from k2rel.policy.used import FORGIVEN
from k2rel.services.clients import OwnParts
from k2rel.services.counts import expm1, log1p, some_leave
from k2rel.services.loading import Danger, Kind, Loading, Way
from k2rel.services.modes import Mode
from k2rel.services.sums import sums_of

__all__ = ["FullService", "Judge"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Pair = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class FullService:
    """Every flow of the traffic that counts is there, and whole."""

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
        self, before: Mode, after: Mode, parts: Sequence[tuple[int, int, Mapping[Pair, float]]]
    ) -> tuple[float, float]:
        """Follow all clients through two modes at once.

        `parts` has for each set of alike clients its group, its size, and the probability of each pair of
        outcomes. Returns the probability that the service is full in the first mode, and the probability that
        it is full in the first and not in the second.
        """
        dangers = [self.loading.danger(before), self.loading.danger(after)]
        if dangers[0].fixed.lost:
            return 0.0, 0.0
        rows: dict[tuple[Kind, Kind], int] = {}
        prepared = []
        for group, size, outcomes in parts:
            kept: dict[int, float] = {}
            for (one, other), p in outcomes.items():
                first, second = self.loading.kind(one, group, dangers[0]), self.loading.kind(other, group, dangers[1])
                if not first.lost:
                    row = rows.setdefault((first, second), len(rows))
                    kept[row] = kept.get(row, 0.0) + p
            if size and not kept:
                return 0.0, 0.0
            prepared.append((size, kept))
        now = Judge([first for first, _ in rows], dangers[0])
        then = Judge([second for _, second in rows], dangers[1])
        lost = np.array([[float(second.lost)] for _, second in rows])
        weights = [(size, np.array([[kept.get(row, 0.0)] for row in range(len(rows))])) for size, kept in prepared]
        met, total = sums_of(np.hstack([now.rows, then.rows, lost]), weights, _BELOW)
        width = now.rows.shape[1]
        full = ~now.down(met[:, :width])
        gone = full & ((met[:, -1] > 0) | then.down(met[:, width:-1]) | dangers[1].fixed.lost)
        return float(total[full, 0].sum()), float(total[gone, 0].sum())

    def _joint(self, own: OwnParts, group: int, before: Mode, after: Mode) -> dict[Pair, float]:
        count = len(self.loading.client_classes)
        table = own.joint(group, [*self.loading.asks(before, group), *self.loading.asks(after, group)])
        return {(key[:count], key[count:]): p for key, p in table.items()}

    @cached_property
    def _patterns(self) -> tuple[list[_LoadPattern], IntArray]:
        """Load patterns, and which one each mode has; modes that are mirror images share one."""
        found: dict[_LoadPattern, int] = {}
        index = []
        for mode in self._modes:
            danger = self.loading.danger(mode)
            groups = []
            for group, size in enumerate(self._sizes):
                groups.append((size, *self.loading.kinds(mode, group)))
            index.append(found.setdefault(_load_pattern(groups, danger), len(found)))
        return list(found), np.array(index)

    def unavailability(self, p: FloatArray) -> FloatArray:
        """Probability that a flow is cut off or not whole, given each mode."""
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

    @cached_property
    def _never(self) -> BoolArray:
        """Modes in which full service cannot be, whatever clients' own parts do."""
        return np.array([pattern.never for pattern in self._patterns[0]])[self._patterns[1]]

    def crossing(self, own: OwnParts, before: int, after: int) -> float:
        """Probability that the service is full in one mode and not in the other."""
        one, other = self._modes[before], self._modes[after]
        if self._never[before]:
            return 0.0
        sizes = self._sizes
        parts = [(group, size, self._joint(own, group, one, other)) for group, size in enumerate(sizes)]
        dangers = self.loading.danger(one), self.loading.danger(other)
        if self._never[after]:
            return self._walk(one, one, [(g, n, self._joint(own, g, one, one)) for g, n, _ in parts])[0]
        if not dangers[0].elements and not dangers[1].elements:
            pairs = []
            for group, _, joint in parts:
                served = gone = 0.0
                for (first, then), p in joint.items():
                    if not self.loading.kind(first, group, dangers[0]).lost:
                        served += p
                        gone += p if self.loading.kind(then, group, dangers[1]).lost else 0.0
                pairs.append((served, gone))
            return some_leave(pairs, sizes)
        return self._walk(one, other, parts)[1]

    def own_rate(self, own: OwnParts, mode: int) -> float:
        """Rate at which the clients' own parts end full service."""
        here = self._modes[mode]
        if self._never[mode]:
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


class Judge:
    """Whether what clients do leaves every flow of a mode whole, from sums over the clients of the rows of their kinds.

    A row has the load on each element and, for kinds whose flows ask for more than that what they load is not
    overloaded, whether it is there.
    """

    def __init__(self, kinds: Sequence[Kind], danger: Danger) -> None:
        columns = len(danger.elements)
        loads = np.array([kind.load or (0.0,) * columns for kind in kinds]).reshape(len(kinds), columns)
        self._room = np.array(danger.capacity) - np.array(danger.base)
        self._fixed = danger.fixed.asks
        self._asks, seen = _asking([kind.asks for kind in kinds], loads)
        self.rows = np.hstack([loads, seen])
        self._columns = columns

    def down(self, sums: FloatArray) -> BoolArray:
        """Whether some flow is not whole, for each sum of rows."""
        return _down(self.over(sums), sums[:, self._columns :], self._asks, self._fixed)

    def over(self, sums: FloatArray) -> BoolArray:
        """Which elements are overloaded, forgiving the rounding of sums."""
        loads = sums[:, : self._columns]
        return np.asarray((loads > 0) & (loads > self._room + 1e-9 * np.abs(self._room) + 1e-12))


Asks = Sequence[Sequence[Way]]


def _asking(asks: Sequence[Asks], loads: FloatArray) -> tuple[list[Asks] | None, FloatArray]:
    """What must be known beside the loads: which kinds are there; None where every kind asks for all that it loads."""
    if all(set(row.nonzero()[0].tolist()) <= {e for ways in each if len(ways) == 1 for e in ways[0]}
           for each, row in zip(asks, loads, strict=True)):  # fmt: skip
        return None, np.zeros((len(asks), 0))
    return [each for each in asks if each], np.eye(len(asks))[:, [n for n, each in enumerate(asks) if each]]


def _down(over: BoolArray, seen: FloatArray, asks: list[Asks] | None, fixed: Asks) -> BoolArray:
    """Whether some flow is not whole: by overloaded elements and the kinds that are there."""
    result = over.any(axis=1) if asks is None else _unmet(fixed, over)
    for place, each in enumerate(asks or ()):
        result |= (seen[:, place] > 0) & _unmet(each, over)
    return np.asarray(result)


def _unmet(asks: Iterable[Sequence[Way]], over: BoolArray) -> BoolArray:
    """Whether of some flow every way has an overloaded element."""
    result = np.zeros(len(over), dtype=np.bool_)
    for ways in asks:
        hit = np.ones(len(over), dtype=np.bool_)
        for way in ways:
            hit &= over[:, list(way)].any(axis=1)
        result |= hit
    return result


_BELOW = 1e-30
_FULL = 1e9  # share of the room that a load takes where there is none


@dataclass(frozen=True)
class _LoadPattern:
    """What clients load in a mode, as far as it matters.

    For each set of alike clients its size and, for each state of a client's own parts, the row of `loads` that
    it puts on the elements (-1: cut off). A row has for each element the load as a share of the room that is left;
    `asks` has the ways of its flows.
    """

    groups: tuple[tuple[int, tuple[int, ...]], ...] = ()
    loads: tuple[tuple[float, ...], ...] = ()
    asks: tuple[tuple[tuple[Way, ...], ...], ...] = ()
    fixed: tuple[tuple[Way, ...], ...] = ()
    never: bool = False

    @property
    def clients(self) -> int:
        """Number of clients."""
        return sum(size for size, _ in self.groups)

    def unavailability(self, p: FloatArray) -> FloatArray:
        """Probability that a client is cut off or a flow not whole, for each column of state probabilities."""
        if self.never:
            return np.ones(p.shape[1], dtype=p.dtype)
        log = np.zeros(p.shape[1], dtype=p.dtype)
        gone = np.zeros(p.shape[1], dtype=np.bool_)
        prepared = []
        for size, rows in self.groups:
            row = np.array(rows)
            cut_off = p[row < 0].sum(axis=0)
            sure = cut_off.real >= 1.0
            gone |= sure
            with np.errstate(divide="ignore", invalid="ignore"):
                log += size * np.where(sure, 0.0, log1p(-np.where(sure, 0.0, cut_off)))
            prepared.append((size, np.array([p[row == i].sum(axis=0) for i in range(len(self.loads))])))
        result = np.where(gone, 1.0, -expm1(log))
        if not self.loads or not any(map(any, self.loads)) or gone.all():
            return np.asarray(result)
        loads = np.array(self.loads)
        asks, seen = _asking(self.asks, loads)
        met, total = sums_of(np.hstack([loads, seen]), prepared, _BELOW)
        over = met[:, : loads.shape[1]] > FORGIVEN
        down = _down(over, met[:, loads.shape[1] :], asks, self.fixed)
        result = result + np.where(gone, 0.0, total[down].sum(axis=0))
        return np.asarray(np.where(result.real > 1.0, 1.0, result))


def _load_pattern(groups: Sequence[tuple[int, list[Kind], IntArray]], danger: Danger) -> _LoadPattern:
    """Bring what clients do into a form that mirror images share.

    Each group has its size, the kinds of what its clients do, and the kind by state of a client's own parts. Loads
    become shares of the room; elements that another one on the same ways outdoes in every state fall away; groups and
    elements are sorted.
    """
    if danger.fixed.lost or any(size and all(kind.lost for kind in kinds) for size, kinds, _ in groups):
        return _LoadPattern(never=True)
    room = np.array(danger.capacity) - np.array(danger.base)
    columns = len(danger.elements)
    shares = []
    for size, kinds, which in groups:
        loads = np.array([kind.load or (0.0,) * columns for kind in kinds]).reshape(len(kinds), columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(loads > 0, np.where(room > 0, loads / room, _FULL), 0.0)
        shares.append((size, kinds, which, np.round(share, 12)))
    if len(shares) > 1:
        shares.sort(key=lambda s: (s[0], np.array([kind.lost for kind in s[1]])[s[2]].tobytes(),
                                   sorted(map(tuple, s[3][s[2]].T.tolist()))))  # fmt: skip
    stacked = [row for *_, share in shares for row in share.tolist()]
    told_apart = [kind for _, kinds, *_ in shares for kind in kinds]
    ways_of = {kind: [_on_ways(kind.asks, place) for place in range(columns)] for kind in (*told_apart, danger.fixed)}
    # an element is what it is loaded with in each state, and the ways that it stands on
    told = [
        (tuple(row[place] for row in stacked), tuple(ways_of[kind][place] for kind in (*told_apart, danger.fixed)))
        for place in range(columns)
    ]
    distinct = sorted({one for one in told if any(map(any, one[1]))}, reverse=True)
    kept = [one for one in distinct if not any(other is not one and _outdoes(other, one) for other in distinct)]
    number = {one: n for n, one in enumerate(kept)}
    asked = {kind: _asks_of(kind.asks, [number.get(one) for one in told]) for kind in ways_of}
    rows: dict[tuple[tuple[float, ...], tuple[tuple[Way, ...], ...]], int] = {}
    result = []
    at = 0
    for size, kinds, which, _ in shares:
        numbers = []
        for kind in kinds:
            row = tuple(loads[at] for loads, _ in kept), asked[kind]
            numbers.append(-1 if kind.lost else rows.setdefault(row, len(rows)))
            at += 1
        result.append((size, tuple(np.array(numbers)[which].tolist())))
    return _LoadPattern(
        tuple(result), tuple(loads for loads, _ in rows), tuple(asks for _, asks in rows), asked[danger.fixed]
    )


Told = tuple[tuple[float, ...], tuple[tuple[tuple[int, int], ...], ...]]


def _on_ways(asks: Sequence[Sequence[Way]], place: int) -> tuple[tuple[int, int], ...]:
    """Flows and ways that cross an element."""
    return tuple((n, m) for n, ways in enumerate(asks) for m, way in enumerate(ways) if place in way)


def _outdoes(one: Told, other: Told) -> bool:
    """Whether an element is overloaded whenever another one is, and on every way of it."""
    more = all(a >= b for a, b in zip(one[0], other[0], strict=True))
    return more and all(set(a) >= set(b) for a, b in zip(one[1], other[1], strict=True))


def _asks_of(asks: Sequence[Sequence[Way]], number: Sequence[int | None]) -> tuple[tuple[Way, ...], ...]:
    """The ways by the elements that are left."""
    told = (
        tuple(sorted(tuple(sorted({n for e in way if (n := number[e]) is not None})) for way in ways)) for ways in asks
    )
    return tuple(sorted(set(told)))
