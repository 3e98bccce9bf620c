"""What lies ahead of every state of a chain within a time: mean time spent, mean number and probability of events.

One pass backwards over the instants of a Poisson process as fast as the fastest state (A. Jensen 1953) serves all
states at once, and all times up to the longest; positive terms only, and what is left out of the sums is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.transient import check_steps, poisson_weights
from k2rel.memory import check_each

__all__ = ["Ahead", "ahead", "time_until"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_AT_ONCE, _THREADS = 9, 2  # columns
_SMALL = 50_000
_MOST_S, _LEAST_WORK = 200.0, 50_000  # by the estimate of steps, which is a few times too long; of one step


@dataclass(frozen=True, eq=False)
class Ahead:
    """What lies ahead: of every state at some times, of a few states at any time up to the longest of them."""

    times_h: tuple[float, ...]
    gained: tuple[FloatArray, ...]  # by time: (states, gains), mean of each gain from each state
    happened: tuple[FloatArray, ...]  # by time: (states, events), probability of each
    error: float  # bound of the probabilities, rounding apart; of the means times the time and the largest gain
    clock_per_h: float
    rows: IntArray  # the few states
    steps: FloatArray  # (steps, few states, gains + events)

    def at(self, time_h: float) -> tuple[FloatArray, FloatArray]:
        """Give the means and the probabilities of events at a time, of the few states: (few states, columns) each."""
        gains = self.gained[0].shape[1]
        low, weight = poisson_weights(self.clock_per_h * time_h, max(self.error, 1e-15))
        steps, tails = self.steps[: low + len(weight)], _tails(low, weight)
        weight = weight[: max(len(steps) - low, 0)]
        mean = np.tensordot(tails[: len(steps)], steps[:, :, :gains], 1)
        return np.asarray(mean), np.asarray(np.tensordot(weight, steps[low:, :, gains:], 1))


def _tails(low: int, weight: FloatArray) -> FloatArray:
    """Probability of more events than so many, from none on, as far as the weights tell."""
    return np.concatenate([np.ones(low), np.append(np.cumsum(weight[::-1])[::-1][1:], 0.0)])


def ahead(
    chain: Chain,
    times_h: Sequence[float],
    gain: FloatArray,
    hazard_per_h: FloatArray,
    inside: BoolArray,
    passes: FloatArray | None = None,
    rows: Sequence[int] = (),
    tolerance: float = 1e-12,
) -> Ahead:
    """Look ahead from every state.

    Parameters
    ----------
    chain : Chain
    times_h : sequence of float
        Times [h], above 0.
    gain : array, shape (states, gains)
        What is gained an hour in each state; the mean of it until each time is asked for.
    hazard_per_h : array, shape (states, events)
        Rate at which an event happens in each state, the state going on [1/h].
    inside : array of bool, shape (states, events)
        States to enter which from outside is an event, too.
    passes : array, shape (states, events), optional
        Probability that an entry into a state inside is no event; by default each is one.
    rows : sequence of int
        States of which `Ahead.at` tells.
    tolerance : float
        Bound of what is left out of each Poisson sum.

    Returns
    -------
    Ahead
        What lies ahead.

    Raises
    ------
    ModelTooLargeError
        If the fastest rate times the longest time asks for too many steps.

    Examples
    --------
    A unit that fails once in 1,000 h and is repaired in 10 h, in a day: mean downtime, and a failure.

    >>> chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 0.1])
    >>> found = ahead(chain, [24.0], np.array([[0.0], [1.0]]), np.zeros((2, 1)), np.array([[False], [True]]))
    >>> float(found.gained[0][0, 0].round(6)), float(found.happened[0][0, 0].round(6))
    (0.148276, 0.023714)
    """
    leave = chain.exit_rates_per_h
    fastest = float((leave + hazard_per_h.max(axis=1, initial=0.0)).max(initial=0.0)) or 1.0
    last = max(times_h)
    passes = (np.zeros(inside.shape) if passes is None else passes) * inside + ~inside
    width = gain.shape[1] + hazard_per_h.shape[1]
    check_steps(chain, fastest * last, max(chain.transitions * width, _LEAST_WORK), "or simulate", _MOST_S)
    weights = [poisson_weights(fastest * time, tolerance) for time in times_h]
    most = max(low + len(weight) for low, weight in weights)
    columns, gains = gain.shape[1] + hazard_per_h.shape[1], gain.shape[1]
    check_each(most, 8.0 * max(1, len(rows)) * max(1, columns), f"steps, of {len(rows)} states each,")
    at = np.asarray(rows, dtype=np.int64)
    found = [np.empty((chain.states, columns)) for _ in times_h]
    kept = np.empty((most, len(rows), columns))
    clock = _Clock(chain, fastest, weights, most)

    def run(first: int) -> None:
        block, own = slice(first, first + wide), slice(max(first - gains, 0), max(first + wide - gains, 0))
        into = [one[:, block] for one in found]
        events = _Events(hazard_per_h[:, own], inside[:, own], passes[:, own])
        clock.run(gain[:, block], events, at, into, kept[:, :, block])

    # blocks of columns that the processor keeps near, two at the same time: the loops are compiled and hold no lock
    wide = max(1, columns if chain.states * columns < _SMALL else min(_AT_ONCE, -(-columns // _THREADS)))
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(run, range(0, columns, wide)))
    gained, happened = [each[:, :gains] for each in found], [each[:, gains:] for each in found]
    return Ahead(tuple(times_h), tuple(gained), tuple(happened), tolerance, fastest, at, kept)


@dataclass(frozen=True, eq=False)
class _Events:
    """Events of some columns."""

    hazard_per_h: FloatArray
    inside: BoolArray
    passes: FloatArray  # 1 outside


@dataclass(frozen=True, eq=False)
class _Clock:
    """The instants of a Poisson process, from the last one backwards."""

    chain: Chain
    fastest: float
    weights: list[tuple[int, FloatArray]]  # of each time
    most: int

    def run(self, gain: FloatArray, events: _Events, rows: IntArray, found: list[FloatArray], kept: FloatArray) -> None:
        """Write what lies ahead of every state into `found`, by time, and each step of a few states into `kept`."""
        from k2rel.ctmc.kernels import add_columns, steps_before

        rates, gains = self.chain.rates, gain.shape[1]
        value = np.ascontiguousarray(np.column_stack([gain / self.fastest, np.zeros(events.inside.shape)]))
        entered = np.ascontiguousarray(np.column_stack([gain / self.fastest, 1.0 - events.passes]))
        keep, jump = 1.0 - self.chain.exit_rates_per_h / self.fastest, rates.data / self.fastest
        hazard = np.ascontiguousarray(events.hazard_per_h / self.fastest)
        passes = np.ascontiguousarray(events.passes)
        inside = np.ascontiguousarray(np.column_stack([np.zeros(gain.shape), events.inside]))
        some_inside = np.asarray(events.inside.any(axis=1))
        totals = [np.zeros(value.shape) for _ in self.weights]
        so_far, after, after_entered = np.zeros(value.shape), np.empty_like(value), np.empty_like(value)
        for step in range(self.most):
            kept[step] = value[rows]
            for total, (low, weight) in zip(totals, self.weights, strict=True):
                if low <= step < low + len(weight):
                    if step == low:
                        total[:, :gains] = so_far[:, :gains]
                    later = float(weight[step - low + 1 :].sum())
                    add_columns(total, value, gains, later, float(weight[step - low]))
            if gains:
                add_columns(so_far, value, gains, 1.0, 0.0)
            if step + 1 < self.most:
                steps_before(
                    rates.indptr, rates.indices, jump, keep, hazard, inside, some_inside, passes, value, entered,
                    after, after_entered,
                )  # fmt: skip
                value, after, entered, after_entered = after, value, after_entered, entered
        for total, into in zip(totals, found, strict=True):
            into[:] = total


def time_until(chain: Chain, there: BoolArray, accuracy: float = 1e-9) -> FloatArray:
    """Mean time from each state until one of some states is entered [h]; infinite where it may never be.

    Notes
    -----
    Gauss-Seidel sweeps over (exit rate) h = 1 + rates . h, from below.

    Examples
    --------
    >>> chain = Chain.of(3, [0, 1, 1, 2], [1, 2, 0, 1], [1 / 500, 1 / 1000, 1 / 4, 1 / 4])
    >>> time_until(chain, np.array([True, False, False])).round(6).tolist()
    [0.0, 4.016, 8.016]
    """
    from scipy.sparse.csgraph import breadth_first_order

    from k2rel.ctmc.kernels import value_sweep

    rates = chain.rates
    found = np.full(chain.states, np.inf)
    found[there] = 0.0
    if not there.any():
        return found
    leave = np.where(there, np.inf, chain.exit_rates_per_h)
    stuck = leave == 0.0
    leave[stuck] = 1.0
    gain = np.where(there, 0.0, 1.0)[:, None]
    value = np.zeros((chain.states, 1))
    for _ in range(20_000):
        if value_sweep(rates.indptr, rates.indices, rates.data, leave, gain, value) < accuracy:
            break
    sure = np.ones(chain.states, dtype=np.bool_)
    if stuck.any():  # whoever can come to a state that is never left
        sure[stuck] = False
        back = rates.T.tocsr()
        for state in np.flatnonzero(stuck & ~there).tolist():
            sure[breadth_first_order(back, state, return_predecessors=False)] = False
    return np.where(there, 0.0, np.where(sure, value[:, 0], np.inf))
