"""Chains that jump on fixed days: the periodic steady state.

Between the days the chain moves at constant rates; on a day every state moves at once to another, or to several with
probabilities. Small chains are followed by dense matrices, with positive terms only; larger ones by sparse solves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.small import steady_state
from k2rel.ctmc.steady import steady
from k2rel.errors import NoConvergenceError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["periodic_mean", "periodic_mean_of_many", "periodic_over_time"]

FloatArray = NDArray[np.float64]

_STEP = 4.0  # events at the fastest rate in the first step
_KEPT_BYTES = 400_000_000
_CONTOUR = 24  # points; the error of the exponential is about 1e-14
_SEEN = 1e-12  # probability below which a contour tells nothing
_TOLERANCE, _ENOUGH, _STEADY = 1e-13, 1e-9, 1e-13
_MOST_ROUNDS = 200
_MEMORY = 20
_REPEATS, _MOST_CYCLES = 1e-14, 5000


class _Gap:
    """A time without jumps: transition probabilities over it, and mean times spent meanwhile.

    The first step is a series of uniformisation, then it is doubled; rows are brought back to sum 1 at each doubling,
    so that rounding adds up and does not double (A. Jensen 1953; N. J. Higham, "Functions of Matrices", 2008,
    chapter 10).
    """

    def __init__(self, rates: csr_array, length_h: float) -> None:
        from scipy.special import gammainc

        out = np.asarray(rates.sum(axis=1)).reshape(-1)
        fastest = max(float(out.max(initial=0.0)) * 1.05, 1e-300)
        events = fastest * length_h
        self.doublings = max(0, math.ceil(math.log2(events / _STEP))) if events > _STEP else 0
        step = events / 2.0**self.doublings
        stay = 1.0 - out / fastest
        term = np.eye(rates.shape[0])
        first, spent = np.zeros_like(term), np.zeros_like(term)
        share, order = math.exp(-step), 0
        while order < step or share > 1e-25:
            first += share * term
            spent += float(gammainc(order + 1, step)) / fastest * term
            order += 1
            share *= step / order
            term = np.asarray(rates.T @ term.T).T / fastest + term * stay
        self._first, self._spent = first / first.sum(axis=1, keepdims=True), spent
        self._kept: list[FloatArray] = []
        self.end = self._first
        for matrix in self._powers():
            self.end = matrix
            if matrix.nbytes * (self.doublings + 1) <= _KEPT_BYTES:
                self._kept.append(matrix)

    def _powers(self) -> list[FloatArray] | _Doubling:
        """Transition probabilities over 1, 2, 4, ... steps."""
        return self._kept or _Doubling(self._first, self.doublings)

    def spent_h(self, start: FloatArray) -> FloatArray:
        """Mean time spent in each state over the gap, from a distribution at its start [h]."""
        times = start
        for number, matrix in enumerate(self._powers()):
            if number < self.doublings:
                times = times + times @ matrix
        return np.asarray(times @ self._spent)


class _Doubling:
    """Powers of a transition matrix by repeated squaring."""

    def __init__(self, first: FloatArray, doublings: int) -> None:
        self.first, self.doublings = first, doublings

    def __iter__(self):  # type: ignore[no-untyped-def]
        matrix = self.first
        yield matrix
        for _ in range(self.doublings):
            matrix = matrix @ matrix
            matrix /= matrix.sum(axis=1, keepdims=True)
            yield matrix


def periodic_mean(rates: csr_array, gaps_h: Sequence[float], jumps: Sequence[csr_array]) -> FloatArray:
    """Give the mean state probabilities over a cycle of jumps, once they have become periodic.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> rates = csr_array(np.array([[0.0, 1e-3], [0.0, 0.0]]))
    >>> found = csr_array(np.array([[1.0, 0.0], [1.0, 0.0]]))  # repaired at once by a test
    >>> periodic_mean(rates, [1000.0], [found]).round(6).tolist()
    [0.632121, 0.367879]
    """
    known: dict[float, _Gap] = {}
    for gap in gaps_h:
        if gap not in known:
            known[gap] = _Gap(rates, gap)
    cycle = None
    for gap, jump in zip(gaps_h, jumps, strict=True):
        step = np.asarray(jump.T @ known[gap].end.T).T
        cycle = step if cycle is None else cycle @ step
    assert cycle is not None
    # only states that can be there after the last jump
    after = np.unique(jumps[-1].indices[jumps[-1].data > 0])
    start = np.zeros(len(cycle))
    start[after] = _recurrent(cycle[np.ix_(after, after)])
    total = np.zeros(len(cycle))
    for gap, jump in zip(gaps_h, jumps, strict=True):
        total += known[gap].spent_h(start)
        start = np.asarray(jump.T @ (start @ known[gap].end))
        start /= start.sum()
    return np.asarray(total / total.sum())


def _recurrent(matrix: FloatArray) -> FloatArray:
    """Steady state of a matrix of transition probabilities; states that are never returned to have none."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count, label = connected_components(csr_array(np.asarray(matrix > 0, dtype=np.float64)), connection="strong")
    leaves = np.zeros(count, dtype=np.bool_)
    before, after = np.nonzero(matrix)
    leaves[label[before[label[before] != label[after]]]] = True
    closed = np.flatnonzero(~leaves)
    here = np.flatnonzero(label == closed[np.argmax(np.bincount(label, minlength=count)[closed])])
    # likely states first, so that elimination ends at them
    inflow = matrix[np.ix_(here, here)].sum(axis=0)
    here = here[np.argsort(-inflow, kind="stable")]
    result = np.zeros(len(matrix))
    result[here] = steady_state(matrix[np.ix_(here, here)]) if len(here) > 1 else 1.0
    return result


def periodic_mean_of_many(
    rates: csr_array, gaps_h: Sequence[float], jumps: Sequence[csr_array], guess: FloatArray
) -> tuple[FloatArray, float]:
    """Give the mean state probabilities over a cycle of jumps, of a chain too large for dense matrices.

    Notes
    -----
    The mean is the steady state of a chain in which each state jumps at a rate of its own: how often it is met by a
    jump, by its mean probability. Those rates, smooth quantities, come from following cycles until they repeat, with
    the matrix exponential by J. A. C. Weideman's contour (SIAM J. Numer. Anal. 44 (2006) 2342) and Anderson's
    extrapolation; the mean then comes from the positive terms of the steady state.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> rates = csr_array(np.array([[0.0, 1e-3], [0.0, 0.0]]))
    >>> found = csr_array(np.array([[1.0, 0.0], [1.0, 0.0]]))
    >>> periodic_mean_of_many(rates, [1000.0], [found], np.array([0.5, 0.5]))[0].round(6).tolist()
    [0.632121, 0.367879]
    """
    follow = {gap: _contour(rates, gap) for gap in dict.fromkeys(gaps_h)}
    start = guess
    for jump in jumps:
        start = jump.T @ start
    tried: list[FloatArray] = []
    became: list[FloatArray] = []
    best, best_moved = start, math.inf
    for _ in range(_MOST_ROUNDS):
        start = np.maximum(start, 0.0)
        start /= start.sum()
        end = start
        for gap, jump in zip(gaps_h, jumps, strict=True):
            end = jump.T @ np.maximum(follow[gap](end)[0], 0.0)
        end /= end.sum()
        moved = float(np.abs(end - start).sum())
        if moved < best_moved:
            best, best_moved = end, moved
        elif len(tried) > 3 and best_moved < 1e-11:
            break
        if best_moved < _TOLERANCE:
            break
        tried, became = [*tried, start][-_MEMORY:], [*became, end][-_MEMORY:]
        start = _extrapolated(tried, became)
    if best_moved > _ENOUGH:
        raise NoConvergenceError(
            f"tests on known days: after {_MOST_ROUNDS} rounds a cycle still moves {best_moved:.1e}"
        )
    return _mean_of_rates(rates, gaps_h, jumps, follow, best), best_moved


def periodic_over_time(
    rates: csr_array, gaps_h: Sequence[float], jumps: Sequence[csr_array], times_h: FloatArray, start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Follow a chain with jumps from time 0.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> rates = csr_array(np.array([[0.0, 1e-3], [0.0, 0.0]]))
    >>> found = csr_array(np.array([[1.0, 0.0], [1.0, 0.0]]))
    >>> p, spent = periodic_over_time(rates, [1000.0], [found], np.array([500.0, 5500.0]), np.array([1.0, 0.0]))
    >>> p[:, 1].round(6).tolist(), spent[:, 1].round(3).tolist()
    ([0.393469, 0.393469], [106.531, 1945.928])
    """
    period = sum(gaps_h)
    follow = {gap: _contour(rates, gap) for gap in dict.fromkeys(gaps_h)}
    probability = np.empty((len(times_h), len(start)))
    spent_h = np.empty_like(probability)
    order = np.argsort(times_h, kind="stable").tolist()
    now, spent, number, before, spent_before = 0.0, np.zeros_like(start), 0, start, np.zeros_like(start)
    partial: dict[float, Callable[[FloatArray], tuple[FloatArray, FloatArray]]] = {}
    for index in order:
        time = float(times_h[index])
        while time - now >= gaps_h[number] * (1.0 - 1e-12):
            end, more = follow[gaps_h[number]](start)
            start = jumps[number].T @ np.maximum(end, 0.0)
            start /= start.sum()
            now, spent, number = now + gaps_h[number], spent + more, (number + 1) % len(gaps_h)
            if number == 0:
                still = float(np.abs(start - before).sum()) < _REPEATS or now > _MOST_CYCLES * period
                if still and (whole := max(0, math.floor((time - now) / period) - 1)):
                    now, spent = now + whole * period, spent + whole * (spent - spent_before)
                before, spent_before = start, spent
        rest = round(time - now, 9)
        if rest > 0 and rest not in partial:
            partial = {rest: _contour(rates, rest)}
        end, more = partial[rest](start) if rest > 0 else (start, np.zeros_like(start))
        probability[index], spent_h[index] = np.maximum(end, 0.0), spent + more
    return probability, spent_h


def _extrapolated(tried: Sequence[FloatArray], became: Sequence[FloatArray]) -> FloatArray:
    """Where a linear iteration comes to rest, as far as its last rounds tell (D. G. Anderson, J. ACM 12 (1965) 547)."""
    if len(tried) == 1:
        return became[-1]
    moved = [after - before for before, after in zip(tried, became, strict=True)]
    steps = np.array([moved[-1] - one for one in moved[:-1]]).T
    scale = np.linalg.norm(steps, axis=0)
    share, *_ = np.linalg.lstsq(steps / np.where(scale > 0, scale, 1.0), moved[-1], rcond=1e-10)
    share = share / np.where(scale > 0, scale, 1.0)
    return np.asarray(became[-1] - sum(c * (became[-1] - one) for c, one in zip(share, became[:-1], strict=True)))


def _mean_of_rates(
    rates: csr_array,
    gaps_h: Sequence[float],
    jumps: Sequence[csr_array],
    follow: Mapping[float, Callable[[FloatArray], tuple[FloatArray, FloatArray]]],
    start: FloatArray,
) -> FloatArray:
    """Mean over a cycle as the steady state with jumps at the rates at which the cycle has them."""
    from scipy.sparse import csr_array, diags_array

    period, spent, met = sum(gaps_h), np.zeros_like(start), []
    for gap, jump in zip(gaps_h, jumps, strict=True):
        end, more = follow[gap](start)
        spent += np.maximum(more, 0.0) / period
        met.append(np.maximum(end, 0.0))
        start = jump.T @ met[-1]
    seen, whole = spent > _SEEN, rates
    for gap, jump, end in zip(gaps_h, jumps, met, strict=True):
        rate = np.where(seen, end / np.where(seen, spent, 1.0), 2.0 * gap / period) / period
        off = csr_array(jump - diags_array(jump.diagonal()))
        whole = whole + csr_array(off.multiply(rate[:, None]))
    return steady(Chain(csr_array(whole), 0), _STEADY).probability


def _contour(rates: csr_array, length_h: float) -> Callable[[FloatArray], tuple[FloatArray, FloatArray]]:
    """How a distribution moves over a time: at its end, and the mean time spent meanwhile [h]."""
    from scipy.sparse import csc_array, diags_array, eye_array
    from scipy.sparse.linalg import splu

    size = rates.shape[0]
    move = csc_array((rates - diags_array(np.asarray(rates.sum(axis=1)).reshape(-1))).T * length_h)
    angle = (2.0 * np.arange(_CONTOUR // 2) + 1.0) * math.pi / _CONTOUR  # the other half is the mirror image
    z = _CONTOUR * (0.5017 * angle / np.tan(0.6407 * angle) - 0.6122 + 0.2645j * angle)
    turn = 0.5017 / np.tan(0.6407 * angle) - 0.5017 * 0.6407 * angle / np.sin(0.6407 * angle) ** 2 + 0.2645j
    factor = -1j * np.exp(z) * turn  # of N / (2 pi i) times the width of a panel, 2 pi / N
    solvers = [
        # rows are as full as columns, and the diagonal is large
        splu(csc_array(eye_array(size) * one - move), "MMD_AT_PLUS_A", 1e-3, options={"SymmetricMode": True})
        for one in z
    ]

    def follow(start: FloatArray) -> tuple[FloatArray, FloatArray]:
        end, spent = np.zeros(size), np.zeros(size)
        for one, scale, solver in zip(z, factor, solvers, strict=True):
            solved = scale * solver.solve(start.astype(np.complex128))
            end += 2.0 * solved.real
            spent += 2.0 * (solved / one).real
        return end, spent * length_h

    return follow
