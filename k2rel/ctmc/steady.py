"""Where a chain is in the long run: by elimination where it is small, by sweeps where it is large.

Both add and multiply positive numbers only, so a probability of 1e-20 has as many right digits as one of 0.5.
Sweeps start from the initial state and follow the order in which states are first reached, so one sweep carries
probability from good states to states with many failures; every few sweeps the course of the last ones is
extrapolated. Groups of states that hardly communicate are balanced against each other by elimination once sweeps
turn out to be slow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.errors import InputError, NoConvergenceError

__all__ = ["SteadyState", "steady"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ELIMINATED = 1200
_HISTORY, _PERIOD = 5, 15
_RARE = 1e-5
_MOST_BLOCKS = 400


@dataclass(frozen=True, eq=False)
class SteadyState:
    r"""Steady-state probabilities and how they were got.

    Parameters
    ----------
    probability : array of float, shape (states,)
        Probability of each state.
    method : str
        In words.
    residual : float
        What is left of the balance equations, as a share of all probability flow: sum of \|inflow - outflow\|
        over sum of outflow.
    sweeps : int
        How many were made; 0 by elimination.
    """

    probability: FloatArray
    method: str
    residual: float
    sweeps: int = 0


def steady(chain: Chain, tolerance: float = 1e-13, most_sweeps: int = 20_000) -> SteadyState:
    """Find the steady-state probabilities of a chain.

    Parameters
    ----------
    chain : Chain
        The chain; states that are left for good have probability 0.
    tolerance : float
        Bound on the estimated error, the sum over all states.
    most_sweeps : int
        Where to give up.

    Returns
    -------
    SteadyState
        Probabilities with their residual.

    Raises
    ------
    InputError
        If a state is absorbing or there are several recurrent classes; names the states.
    NoConvergenceError
        If the tolerance was not reached.

    Notes
    -----
    Elimination: W. K. Grassmann, M. I. Taksar, D. P. Heyman, Operations Research 33 (1985) 1107. Sweeps:
    Gauss-Seidel with periodic Anderson extrapolation (P. P. Pratapa, P. Suryanarayana, J. E. Pask, J. Comput.
    Phys. 306 (2016) 43) and aggregation of nearly uncoupled blocks (W. J. Stewart, "Introduction to the numerical
    solution of Markov chains", 1994, chapter 6).

    Examples
    --------
    Two units, one repair crew (an exact value is 31500/31501 for one or more up):

    >>> chain = Chain.of(3, [0, 1, 1, 2], [1, 2, 0, 1], [1 / 500, 1 / 1000, 1 / 4, 1 / 4])
    >>> round(float(steady(chain).probability[2]) * 31501, 12)
    1.0
    """
    classes = chain.recurrent_classes
    if len(classes) > 1:
        named = " and ".join(str(one[0]) for one in classes[:2])
        kind = "absorbing" if min(map(len, classes)) == 1 else "in recurrent classes of their own"
        raise InputError(
            f"no steady state: {len(classes)} recurrent classes, for example states {named} are {kind}; where the "
            "chain ends depends on chance"
        )
    (recurrent,) = classes
    if len(recurrent) == 1 and chain.states > 1:
        raise InputError(f"no steady state to speak of: state {recurrent[0]} is absorbing, all else is left for good")
    if chain.states == 1:
        return SteadyState(np.ones(1), "one state", 0.0)
    whole = len(recurrent) == chain.states
    initial = chain.initial if whole or chain.initial in recurrent else int(recurrent[0])
    inner = chain if whole else chain.within(recurrent, initial)
    if inner.states <= _ELIMINATED:
        found, method, sweeps = _eliminated(inner), "elimination", 0
    else:
        found, method, sweeps = _swept(inner, tolerance, most_sweeps)
    residual = _residual(inner, found)
    if not residual <= max(1e-9, 100 * tolerance):
        raise NoConvergenceError(f"{method} of {inner.states:,} states left a residual of {residual:.2g}")
    probability = np.zeros(chain.states)
    probability[recurrent] = found
    return SteadyState(probability, method, residual, sweeps)


def _residual(chain: Chain, p: FloatArray) -> float:
    out = p * chain.exit_rates_per_h
    return float(np.abs(chain.rates.T @ p - out).sum() / out.sum())


def _eliminated(chain: Chain) -> FloatArray:
    """Grassmann, Taksar and Heyman; states with many failures, which come last, are eliminated first."""
    order = _reached(chain)
    found = _stationary(chain.rates[order][:, order].toarray())
    if isinstance(found, int):
        raise InputError(f"state {order[found]} is never left")
    result = np.empty(len(order))
    result[order] = found
    return result


def _stationary(a: FloatArray) -> FloatArray | int:
    """Probabilities from a dense matrix of rates, which is used up; or a state that is never left."""
    from k2rel.ctmc.kernels import eliminate

    never_left = eliminate(a)
    if never_left >= 0:
        return never_left
    p = np.ones(len(a))
    for k in range(1, len(a)):
        p[k] = p[:k] @ a[:k, k]
        if p[k] > 1e200:
            p[: k + 1] /= p[k]
    return np.asarray(p / p.sum())


def _reached(chain: Chain) -> IntArray:
    """States in the order in which they are first reached, breadth first."""
    from scipy.sparse.csgraph import breadth_first_order

    return np.asarray(breadth_first_order(chain.rates, chain.initial, return_predecessors=False), dtype=np.int64)


def _swept(chain: Chain, tolerance: float, most_sweeps: int) -> tuple[FloatArray, str, int]:
    """Gauss-Seidel sweeps in the order of first reach."""
    from k2rel.ctmc.kernels import products, sweep

    # states that are numbered from the initial one on stay as they are
    same = chain.initial == 0
    order = np.arange(chain.states) if same else _reached(chain)
    incoming = chain.incoming if same else chain.rates[order][:, order].tocsc()
    leave = chain.exit_rates_per_h[order]
    start, source, rate = incoming.indptr, incoming.indices, incoming.data
    blocks: _Blocks | None = None
    slow = False
    x = np.zeros(len(order))
    x[0] = 1.0
    sweep(start, source, rate, leave, x, 1)
    x /= x.sum()
    steps = np.zeros((_HISTORY, len(x)))
    changes = np.zeros((_HISTORY, len(x)))
    past: tuple[FloatArray, FloatArray] | None = None
    safe: tuple[float, FloatArray] | None = None
    extrapolating, history = True, []
    for count in range(1, most_sweeps + 1):
        y = x.copy()
        sweep(start, source, rate, leave, y, 0)
        y /= y.sum()
        change = y - x
        size = float(np.abs(change).sum())
        history.append(size)
        if not np.isfinite(size):
            raise NoConvergenceError(f"sweeps over {len(x):,} states overflowed; rates lie too far apart")
        place = count % _PERIOD
        if safe is not None and place == _PERIOD - 2 and size > safe[0]:
            y, extrapolating, history = safe[1], False, []  # the last extrapolation did harm: go on without
        elif len(history) > 4 and _error(history) <= tolerance:
            break
        if not slow and count > 4 * _PERIOD and (size > 1e-9 or _error(history) > 1e3 * size):
            slow = True
            blocks = _Blocks.of(chain if same else Chain(incoming.tocsr(), 0), leave)
            if blocks is not None:
                extrapolating, safe = False, None
        if blocks is not None and place % 3 == 2:
            y = blocks.balanced(y)
        if extrapolating and count > _PERIOD:
            slot = place - (_PERIOD - _HISTORY)
            if past is not None and 0 <= slot < _HISTORY:
                steps[slot], changes[slot] = x - past[0], change - past[1]
            past = (x, change)
            if place == _PERIOD - 1:
                safe = (size, y)
                gram, right = products(changes, change)
                norm = np.sqrt(np.maximum(np.diag(gram), 1e-300))
                weight = np.linalg.lstsq(gram / np.outer(norm, norm), right / norm, rcond=1e-13)[0] / norm
                z = y - weight @ (steps + changes)
                y = np.where(z <= 0, y, z)
                y /= y.sum()
                history = []
        x = y
    else:
        raise NoConvergenceError(
            f"steady state of {len(x):,} states: after {most_sweeps} sweeps the estimated error is "
            f"{_error(history):.2g}, not {tolerance:g}"
        )
    result = np.empty(len(x))
    result[order] = y
    how = "Gauss-Seidel sweeps with extrapolation" + (f", {blocks.count} blocks balanced" if blocks else "")
    return result, how, count


def _error(history: list[float]) -> float:
    """Error still there, from how fast the last changes shrank; infinite where they did not."""
    if len(history) < 4:
        return np.inf
    last = history[-4:]
    if last[-1] <= 5e-16:
        return last[-1]
    ratio = (last[-1] / last[0]) ** (1 / 3)
    return last[-1] * ratio / (1.0 - ratio) if ratio < 1.0 else np.inf


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Groups of states that hardly communicate, and the transitions between them."""

    label: IntArray
    count: int
    before: IntArray
    after: IntArray
    rate: FloatArray
    state: IntArray

    @classmethod
    def of(cls, chain: Chain, leave: FloatArray) -> _Blocks | None:
        """Find them by dropping transitions that are rarely taken; None where there is but one."""
        from scipy.sparse import csr_array

        matrix = chain.rates.tocoo()
        often = matrix.data > _RARE * leave[matrix.row]
        kept = csr_array((matrix.data[often], (matrix.row[often], matrix.col[often])), shape=matrix.shape)
        classes = Chain(kept).recurrent_classes
        if not 1 < len(classes) <= _MOST_BLOCKS:
            return None
        label = np.full(chain.states, -1, dtype=np.int64)
        for number, members in enumerate(classes):
            label[members] = number
        back = kept.T.tocsr()
        frontier = np.flatnonzero(label >= 0)
        while len(frontier):
            found = back[frontier].tocoo()
            new = label[found.col] < 0
            label[found.col[new]] = label[frontier][found.row[new]]
            frontier = np.unique(found.col[new])
        crossing = label[matrix.row] != label[matrix.col]
        row, col = matrix.row[crossing], matrix.col[crossing]
        return cls(label, len(classes), label[row], label[col], matrix.data[crossing], row)

    def balanced(self, p: FloatArray) -> FloatArray:
        """Give each block the probability that the flows between blocks ask for."""
        size = np.bincount(self.label, weights=p, minlength=self.count)
        flow = np.bincount(
            self.before * self.count + self.after, weights=p[self.state] * self.rate, minlength=self.count**2
        )
        if not (size > 0).all():
            return p
        block = _stationary(flow.reshape(self.count, self.count) / size[:, None])
        return p if isinstance(block, int) else np.asarray(p * (block / size)[self.label])
