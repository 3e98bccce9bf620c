"""How long until some states are first entered, how often they are, and how long a visit lasts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.steady import steady
from k2rel.ctmc.transient import feasible_time, over_time

__all__ = ["Interruptions", "interruptions", "mean_time_to"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_LEFT_OUT = 1e-9
_MOST_FOLLOWED = 6_000


def mean_time_to(chain: Chain, target: BoolArray) -> float:
    """Mean time [h] from the initial state until any of some states is first entered; infinite where it may never be.

    Notes
    -----
    Whenever the target is entered the chain is put back to its initial state; the mean time is one over the
    flow into the target in the steady state of that chain, a sum of positive terms.

    Examples
    --------
    >>> chain = Chain.of(3, [0, 1, 1, 2], [1, 2, 0, 1], [1 / 500, 1 / 1000, 1 / 4, 1 / 4])
    >>> round(mean_time_to(chain, np.array([False, False, True])), 6)
    126500.0
    """
    from scipy.sparse.csgraph import breadth_first_order

    if target[chain.initial]:
        return 0.0
    matrix = chain.rates.tocoo()
    outside = ~target[matrix.row]
    entering = outside & target[matrix.col]
    staying = outside & ~target[matrix.col]
    row = np.concatenate([matrix.row[staying], matrix.row[entering]])
    col = np.concatenate([matrix.col[staying], np.full(int(entering.sum()), chain.initial)])
    rates = np.concatenate([matrix.data[staying], matrix.data[entering]])
    again = Chain.of(chain.states, row, col, rates, chain.initial)
    found = breadth_first_order(again.rates, chain.initial, return_predecessors=False)
    reached = np.sort(found).astype(np.int64)
    flow = np.bincount(matrix.row[entering], weights=matrix.data[entering], minlength=chain.states)
    if len(reached) == 1:
        rate = float(flow[chain.initial])
        return 1.0 / rate if rate > 0 else math.inf
    inner = again.within(reached, chain.initial)
    classes = inner.recurrent_classes
    if len(classes) > 1 or inner.initial not in classes[0]:
        return math.inf
    return 1.0 / float(steady(inner).probability @ flow[reached]) if flow[reached].any() else math.inf


@dataclass(frozen=True, eq=False)
class Interruptions:
    """How often some states are entered in steady state, and how long a visit lasts."""

    chain: Chain
    time: FloatArray  # (states,): steady-state probability of each state inside, 0 outside
    enters_per_h: FloatArray  # (states,): how often a visit starts in each

    @cached_property
    def frequency_per_h(self) -> float:
        """Visits per hour [1/h]."""
        return float(self.enters_per_h.sum())

    @property
    def mean_h(self) -> float:
        """Mean length of a visit [h]; not a number where there are none."""
        return float(self.time.sum()) / self.frequency_per_h if self.frequency_per_h > 0 else math.nan

    @cached_property
    def _visit(self) -> tuple[FloatArray, Chain] | None:
        """The states of a visit that matter, the last one standing for the end, and where it starts."""
        if not self.frequency_per_h > 0:
            return None
        weight = self.enters_per_h / self.frequency_per_h + self.time / self.time.sum()
        order = np.flatnonzero(weight)
        order = order[np.argsort(-weight[order])]
        rest = np.cumsum(weight[order][::-1])[::-1]
        kept = order[: min(_MOST_FOLLOWED, max(1, int((rest > _LEFT_OUT).sum())))]
        rows = self.chain.rates[kept]
        inner = rows[:, kept].tocoo()
        others = np.ones(self.chain.states)
        others[kept] = 0.0
        ends = rows @ others
        out = np.flatnonzero(ends)
        size = len(kept)
        visit = Chain.of(
            size + 1,
            np.concatenate([inner.row, out]),
            np.concatenate([inner.col, np.full(len(out), size)]),
            np.concatenate([inner.data, ends[out]]),
        )
        return np.append(self.enters_per_h[kept] / self.frequency_per_h, 0.0), visit

    @property
    def left_out(self) -> float:
        """Share of visits that start in states too improbable to be followed."""
        return 0.0 if self._visit is None else float(max(0.0, 1.0 - self._visit[0].sum()))

    def longer_than(self, times_h: Sequence[float]) -> FloatArray:
        """Give the probability that a visit lasts longer than some times.

        Examples
        --------
        >>> chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 0.5])
        >>> visits = interruptions(chain, steady(chain).probability, np.array([False, True]))
        >>> visits.longer_than([2.0]).round(6).tolist()
        [0.367879]
        """
        if self._visit is None:
            return np.zeros(len(times_h))
        entry, visit = self._visit
        return np.asarray(over_time(visit, times_h, entry, 1e-12, accumulate=False).probability[:, :-1].sum(axis=1))

    def quantile_h(self, share: float) -> float:
        """Give the time [h] that a share of the visits does not exceed, to about five digits; nan where unknown.

        Examples
        --------
        >>> chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 0.5])
        >>> visits = interruptions(chain, steady(chain).probability, np.array([False, True]))
        >>> round(visits.quantile_h(0.5), 4)
        1.3863
        """
        if self._visit is None:
            return math.nan
        visit = self._visit[1]
        low, high = self.mean_h * 1e-7, self.mean_h
        for _ in range(40):
            if not feasible_time(visit, high):
                return math.nan
            times = np.geomspace(low, high, 64)
            over = self.longer_than(times.tolist()) > 1.0 - share
            if over[-1]:
                low, high = high, 4 * high
                continue
            first = int(np.argmin(over))
            if first == 0:
                return 0.0
            if high / low < 1.05:
                return float(math.sqrt(times[first - 1] * times[first]))
            low, high = float(times[first - 1]), float(times[first])
        return math.nan


def interruptions(chain: Chain, probability: FloatArray, inside: BoolArray) -> Interruptions:
    """Follow visits to the states inside, from the steady state of a chain.

    Examples
    --------
    >>> chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 0.5])
    >>> interruptions(chain, steady(chain).probability, np.array([False, True])).mean_h
    2.0
    """
    from k2rel.ctmc.kernels import entering

    rates = chain.rates
    enters = entering(rates.indptr, rates.indices, rates.data, probability, inside)
    return Interruptions(chain, np.where(inside, probability, 0.0), enters)
