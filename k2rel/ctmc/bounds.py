"""A proved bound on the error of a distribution, from what its flows lack and from mean times to its likeliest state.

The error is the residual times the deviation matrix, whose rows differ from that of one state by at most twice the
mean time until this state is reached. Values that satisfy an inequality in every state are never below these times.
It need not be tight in unlikely states: values that would be gained there at a higher rate satisfy it after far fewer
sweeps, and hardly widen the bound (a Lyapunov function, as in T. Dayar, H. Hermanns, D. Spieler, V. Wolf, Numer. Linear
Algebra Appl. 18 (2011) 931).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.kernels import hitting_sweep, unbalanced

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

__all__: list[str] = []

FloatArray = NDArray[np.float64]

_MORE, _POWER = 1e-2, 0.25
_CARRIED = 6  # sweeps: by then what is left shrinks at the rate of its slowest part
_HARDLY, _SURE = 0.95, 0.5
_ROUNDED = 1.2e-16


def breadth_first(rates: csr_array, first: int) -> NDArray[np.int32]:
    """States in the order in which one leads to them, breadth first."""
    from scipy.sparse.csgraph import breadth_first_order

    return np.asarray(breadth_first_order(rates, first, return_predecessors=False), dtype=np.int32)


def gains(x: FloatArray, anchor: int) -> FloatArray:
    """Rate of gain in each state of which values are sought: 1 where the chain mostly is, more in unlikely states."""
    gain: FloatArray = x[anchor] / np.maximum(x, 1e-300)
    np.power(gain, _POWER, out=gain)
    gain *= _MORE
    gain += 1.0
    return gain


class Bounds:
    """What is proved of an irreducible chain."""

    def __init__(self, rates: csr_array, incoming: csc_array, leave: FloatArray) -> None:
        """Its transitions by the state that they leave and by the one that they lead to."""
        self.rates, self.incoming, self.leave = rates, incoming, leave

    def error(self, x: FloatArray, longest: FloatArray) -> float:
        """Bound on the error of a distribution, the sum over all states, from bounds of mean times to one of them."""
        into = self.incoming
        left = unbalanced(into.indptr, into.indices, into.data, self.leave, self.rates.indptr, x, longest, _ROUNDED)
        total = abs(float(x.sum()) - 1.0) + _ROUNDED * (20 + float(np.log2(len(x))))  # sums of pairs
        return 2.0 * left + total

    def certain(self, anchor: int, value: FloatArray) -> FloatArray | None:
        """Upper bounds of the mean times to a state from values about them; None where they are not proved to be."""
        missing = self._missing(anchor, value)
        return value / (1.0 - missing) if missing <= _HARDLY else None

    def times(self, x: FloatArray, tolerance: float, most: int) -> FloatArray | None:
        """Upper bounds of the mean times from every state to the likeliest; None where these are not soon found.

        Gauss-Seidel iterates rise towards a solution, and are carried on every few sweeps by as much as the slowest
        of what still changes lacks: what hardly communicates is never certified. They are taken as soon as they prove
        the tolerance, and else once they are at most twice too long. Sweeps follow the order in which states reach the
        likeliest, so that one carries times through all of them; states are numbered so, for sweeps that follow
        another order than memory take several times as long.
        """
        anchor = int(np.argmax(x))
        order = breadth_first(self.incoming.T, anchor)
        place = np.empty_like(order)
        place[order] = np.arange(len(order), dtype=order.dtype)
        rows = self.rates[order]
        start, rate, target = rows.indptr, rows.data, place[rows.indices]
        del rows  # what it has beside these
        leave = self.leave[order]
        weight, gain = x[order], gains(x, anchor)[order]
        value, last, before = np.zeros(len(x)), np.empty(len(x)), np.empty(len(x))
        for count in range(1, most + 1):
            before, last = last, before
            np.copyto(last, value)
            hitting_sweep(start, target, rate, leave, gain, value)
            if count % _CARRIED == 0:
                change, earlier = value - last, last - before
                kept, whole = float((weight * change) @ earlier), float((weight * earlier) @ earlier)
                if 0.0 < kept < whole:
                    value += change * (kept / (whole - kept))
            elif count & (count - 1) == 0 or count % _CARRIED == _CARRIED - 1:
                if not np.isfinite(float(value.max())):
                    return None
                there = value[place]
                missing = self._missing(anchor, there)
                if missing <= _HARDLY:
                    longest = there / (1.0 - missing)
                    if missing <= _SURE or self.error(x, longest) <= tolerance:
                        return longest
        return None

    def _missing(self, anchor: int, value: FloatArray) -> float:
        """How far values, 0 at the anchor, are from bounding the mean times until it is reached.

        Where 1 + rates . v <= leave v + m holds in every other state, m < 1, no v below 0 and rounding counted in,
        v / (1 - m) is never below them.
        """
        leaving = self.leave * value
        missing = self.rates @ value
        missing -= leaving
        leaving *= np.maximum(1e-14, _ROUNDED * (2 * np.diff(self.rates.indptr) + 4))
        missing += leaving
        missing[anchor] = -1.0
        worst = 1.0 + float(missing.max())
        return max(worst, 0.0) if float(value.min()) >= 0.0 and np.isfinite(float(leaving.max())) else np.inf
