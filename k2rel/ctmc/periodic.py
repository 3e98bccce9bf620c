"""Chains that jump on fixed days: the periodic steady state, with positive terms only.

Between the days the chain moves at constant rates; on a day every state moves at once to another, or to several with
probabilities. Matrices are dense, for chains of up to a few thousand states.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.small import steady_state

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["periodic_mean"]

FloatArray = NDArray[np.float64]

_STEP = 4.0  # events at the fastest rate in the first step
_KEPT_BYTES = 400_000_000


class _Gap:
    """A time without jumps: transition probabilities over it, and mean times spent meanwhile.

    The first step is a series of uniformisation, then it is doubled; rows are brought back to sum 1 at each doubling, so
    that rounding adds up and does not double (A. Jensen 1953; N. J. Higham, "Functions of Matrices", 2008, chapter 10).
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

    Parameters
    ----------
    rates : csr_array, shape (states, states)
        Transition rates between the jumps [1/h], without diagonal.
    gaps_h : sequence of float
        Time before each jump of the cycle [h].
    jumps : sequence of csr_array, shape (states, states)
        Probability of each state after the jump, given that before.

    Returns
    -------
    array of float, shape (states,)
        Mean probability of each state.

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

    count, label = connected_components(csr_array(matrix > 0), connection="strong")
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
