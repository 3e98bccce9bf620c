"""Corrections of a distribution, and of mean times, by a hierarchy of coarser chains that is made once.

Adaptive aggregation: groups of states that communicate most become one state of a coarser chain, whose rates are those
that the present distribution gives it. Where the cycles of `levels` make every coarser chain anew, here the hierarchy
stays as long as the distribution within groups does: what remains is a linear correction, at little more than the cost
of the sweeps on the finest level, and the course of the corrections is extrapolated (H. De Sterck, K. Miller, G.
Sanders, M. Winlaw, "Recursively accelerated multilevel aggregation for Markov chains", SIAM J. Sci. Comput. 32 (2010)
1652; H. De Sterck, K. Miller, T. Manteuffel, G. Sanders, "Top-level acceleration of adaptive algebraic multilevel
methods for steady-state solution to Markov chains", Adv. Comput. Math. 35 (2011) 375). The transposed corrections find
the mean times that prove a bound on the error. Nothing here is believed: who calls proves it or tests it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.level_kernels import (
    balance,
    between,
    grouped,
    left_over,
    relax,
    restrict_flows,
    restrict_times,
    scale,
    shared,
    spread_flows,
    spread_times,
)
from k2rel.errors import NoConvergenceError

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

__all__: list[str] = []

FloatArray = NDArray[np.float64]
Index = NDArray[np.int32]

_COARSEST, _MOST_COARSEST = 200, 2_000
_GROUPINGS = 2
_STRONG = 0.25
_TWICE_BELOW = 200_000
_OVER = 1.4


@dataclass(eq=False)
class _Level:
    """A chain between groups: its transitions by the state that they lead to, and by the one that they leave."""

    into: csc_array
    out: csr_array
    leave: FloatArray
    x: FloatArray  # probability of each state, as it was when the hierarchy was made
    label: Index = field(default_factory=lambda: np.empty(0, np.int32))  # group of each state
    groups: int = 0
    share: FloatArray = field(default_factory=lambda: np.empty(0))  # of each state in its group
    inverse: FloatArray = field(default_factory=lambda: np.empty((0, 0)))  # on the coarsest level


class Hierarchy:
    """Ever coarser chains over one that is irreducible."""

    def __init__(self, out: csr_array, into: csc_array, leave: FloatArray, x: FloatArray) -> None:
        """Find groups, first of all those of the finest level, which stay."""
        self.finest = (into, out, leave)
        self.label, self.groups = _groups(into, out, leave, x, _GROUPINGS)
        self.levels: list[_Level] = []
        self.renew(x)

    def renew(self, x: FloatArray) -> None:
        """Make the coarser chains anew from a distribution; refused where they do not come down to few groups."""
        into, out, leave = self.finest
        label, groups = self.label, self.groups
        self.levels = []
        while True:
            level = _Level(into, out, leave, x)
            self.levels.append(level)
            if len(leave) <= _COARSEST:
                break
            if len(self.levels) > 1:
                label, groups = _groups(into, out, leave, x, _GROUPINGS)
            if groups > 0.8 * len(leave):
                break
            level.label, level.groups = label, groups
            level.share, into, out, leave, x = _coarser(into, label, groups, x)
        last = self.levels[-1]
        if len(self.levels) == 1 or len(last.leave) > _MOST_COARSEST:
            raise NoConvergenceError(f"{len(last.leave):,} groups that are nearly separate")
        full = np.diag(last.leave) - last.out.toarray().T
        scale = float(last.leave.mean())
        try:
            last.inverse = np.linalg.inv(full + scale * np.outer(last.x / last.x.sum(), np.ones(len(full))))
        except np.linalg.LinAlgError:
            last.inverse = np.full_like(full, np.nan)
        if not np.isfinite(last.inverse).all():
            raise NoConvergenceError(f"{len(full):,} groups whose rates are too far apart")

    def nested(self) -> FloatArray:
        """A distribution from the coarsest chain, eliminated, up to the finest by sweeps and corrections."""
        from k2rel.ctmc.chain import Chain
        from k2rel.ctmc.elimination import dense

        last = self.levels[-1]
        x = dense(Chain(last.out), np.arange(len(last.leave)))
        for depth in range(len(self.levels) - 2, -1, -1):
            level = self.levels[depth]
            x = level.share * x[level.label]
            into = (level.into.indptr, level.into.indices, level.into.data, level.leave)
            for step in (-1, 1, -1, 1):
                balance(*into, x, step)
            x /= x.sum()
            for _ in range(6 if depth else 0):
                before, x = x, self.improved(x, depth)
                if float(np.abs(x - before).sum()) < 1e-3:
                    break
        return x

    def improved(self, x: FloatArray, depth: int = 0) -> FloatArray:
        """A distribution whose flows balance better; positive where it was, and no group by more than tenfold."""
        level = self.levels[depth]
        into = (level.into.indptr, level.into.indices, level.into.data, level.leave)
        x = x.copy()
        balance(*into, x, -1)
        balance(*into, x, 1)
        left, weight = left_over(*into, x, level.label, level.groups)
        coarse = _OVER * self._flows(depth + 1, left)
        scale(x, level.label, coarse, weight)
        balance(*into, x, -1)
        balance(*into, x, 1)
        x /= x.sum()
        return x

    def _flows(self, depth: int, r: FloatArray) -> FloatArray:
        level = self.levels[depth]
        if len(level.inverse):
            return np.asarray(level.inverse @ r)
        into = (level.into.indptr, level.into.indices, level.into.data, level.leave)
        e = np.zeros(len(r))
        relax(*into, e, r, -1)
        relax(*into, e, r, 1)
        for _ in range(2 if level.groups < _TWICE_BELOW else 1):
            coarse = _OVER * self._flows(depth + 1, restrict_flows(*into, e, r, level.label, level.groups))
            spread_flows(e, level.share, level.label, coarse)
            relax(*into, e, r, -1)
            relax(*into, e, r, 1)
        return e

    def times(self, v: FloatArray, gain: FloatArray) -> FloatArray:
        """What to add to values so that leave . v = gain + rates . v in every state, up to a constant."""
        level = self.levels[0]
        return self._times(0, gain + level.out @ v - level.leave * v)

    def _times(self, depth: int, r: FloatArray) -> FloatArray:
        level = self.levels[depth]
        if len(level.inverse):
            return np.asarray(level.inverse.T @ r)
        out = (level.out.indptr, level.out.indices, level.out.data, level.leave)
        e = np.zeros(len(r))
        relax(*out, e, r, -1)
        relax(*out, e, r, 1)
        for _ in range(2 if level.groups < _TWICE_BELOW else 1):
            coarse = _OVER * self._times(depth + 1, restrict_times(*out, e, r, level.share, level.label, level.groups))
            spread_times(e, level.label, coarse)
            relax(*out, e, r, 1)
            relax(*out, e, r, -1)
        return e


def _groups(into: csc_array, out: csr_array, leave: FloatArray, x: FloatArray, passes: int) -> tuple[Index, int]:
    """Group of each state, by pairing states that communicate most several times over."""
    label: Index | None = None
    groups = len(leave)
    for _ in range(passes):
        one, groups = grouped(out.indptr, out.indices, out.data, into.indptr, into.indices, into.data, leave, _STRONG)
        label = one if label is None else one[label]
        if groups <= _COARSEST:
            break
        if _ + 1 < passes:
            _share, into, out, leave, x = _coarser(into, one, groups, x)
    assert label is not None
    return label, groups


def _coarser(
    into: csc_array, label: Index, groups: int, x: FloatArray
) -> tuple[FloatArray, csc_array, csr_array, FloatArray, FloatArray]:
    """Shares of states in their groups, and the chain between groups."""
    from scipy.sparse import csc_array

    share, weight = shared(x, label, groups)
    begin, source, rate, leave = between(
        into.indptr, into.indices, into.data, label, np.argsort(label, kind="stable"), groups, share
    )
    coarse = csc_array((rate, source, begin), shape=(groups, groups))
    return share, coarse, coarse.tocsr(), leave, weight
