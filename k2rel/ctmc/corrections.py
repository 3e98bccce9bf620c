"""A distribution by corrections over coarser chains, where sweeps are slow, and mean times that prove a bound on it.

Whoever calls believes neither before it is proved: the error from what flows still lack and the mean times, the mean
times from an inequality in every state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.bounds import gains
from k2rel.ctmc.course import Course
from k2rel.ctmc.level_kernels import raised, short_of
from k2rel.ctmc.multigrid import Hierarchy

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

__all__: list[str] = []

FloatArray = NDArray[np.float64]

_ROUNDS, _NEAR = 8, 0.25
_WINDOW, _MOST = 5, 80
_RENEWED_AFTER, _MOVED = 3, 0.01
_STALLED = 8
_MOST_TIMES, _SURE, _RARE = 40, 0.2, 1e-4


class Corrections:
    """A large irreducible chain, and a distribution that is corrected; coarser chains are made from it."""

    def __init__(self, out: csr_array, into: csc_array, leave: FloatArray, x: FloatArray) -> None:
        """Find groups and make the coarser chains."""
        self.out, self.into, self.leave = out, into, leave
        self.x = x
        self.cycles = 0
        self.hierarchy = Hierarchy(out, into, leave, x)
        self.course = Course(len(x), _WINDOW)

    def begin(self) -> None:
        """Solve and refine each coarser chain, from the coarsest on, until that moves little."""
        for _ in range(_ROUNDS):
            before, self.x = self.x, self.hierarchy.nested()
            self.hierarchy.renew(self.x)
            if float(np.abs(self.x - before).sum()) < _NEAR:
                break

    def refine(self, enough: Callable[[FloatArray, float], bool]) -> bool:
        """Correct until it is enough, judged by what is found and how far it moved; False once there is no more to get.

        The course of the corrections is extrapolated, and coarser chains are made anew while they move much.
        """
        x, made_from, since = self.x, self.x, 0
        least, at_least = np.inf, 0
        self.course.begin()
        for count in range(_MOST):
            better = self.hierarchy.improved(x)
            self.cycles += 1
            e = better - x
            size = float(np.abs(e).sum())
            if not np.isfinite(size):
                return False
            if size < least:
                least, at_least, self.x = size, count, better
            if enough(better, size):
                self.x = better
                return True
            if count - at_least > _STALLED:
                return False
            x = self.course.next(x, e)
            wild = (x <= 0.1 * better) | (x >= 10.0 * better)
            x[wild] = better[wild]
            x /= x.sum()
            since += 1
            if since >= _RENEWED_AFTER and float(np.abs(x - made_from).sum()) > _MOVED:
                self.hierarchy.renew(x)
                made_from, since = x, 0
                self.course.begin()
        return False

    def times(self) -> tuple[int, FloatArray] | None:
        """The likeliest state, and values about the mean times to it from every state; None where they are not found.

        Corrections go on until the inequality holds in all but a few unlikely states, where values are raised.
        """
        x = self.x
        anchor = int(np.argmax(x))
        gain = gains(x, anchor)
        balanced = gain.copy()
        balanced[anchor] -= float(gain @ x) / x[anchor]
        out = (self.out.indptr, self.out.indices, self.out.data)
        into = (self.into.indptr, self.into.indices)
        value = np.zeros(len(x))
        self.course.begin(x)
        for _ in range(_MOST_TIMES):
            value = self.course.next(value, self.hierarchy.times(value, balanced))
            found = value - value[anchor]
            if not np.isfinite(float(x @ found)):
                return None
            if short_of(*out, self.leave, found, anchor, x, _SURE) > _RARE:
                continue
            if raised(*out, *into, self.leave, found, anchor, gain, _SURE, len(x)):
                return anchor, found
        return None
