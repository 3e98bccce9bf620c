"""Where a chain is in the long run: by elimination where it is small, by sweeps where it is large.

Both add and multiply positive numbers only, so a probability of 1e-20 has as many right digits as one of 0.5. What
sweeps found is believed where a bound on its error is proved; elsewhere the chain is eliminated after all. Only where
that would take too long is an estimate taken, from cycles over coarser chains, or there is no answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_tolerance, as_whole
from k2rel.ctmc.chain import Chain
from k2rel.ctmc.room import check_room
from k2rel.errors import NoConvergenceError

__all__ = ["RecurrentClass", "SteadyState", "steady"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ELIMINATED = 1200


@dataclass(frozen=True, eq=False)
class RecurrentClass:
    """States that are never left once entered."""

    states: IntArray  # one alone is absorbing
    probability: float  # that the chain ends here, from its initial state


@dataclass(frozen=True, eq=False)
class SteadyState:
    """Probabilities in the long run and how they were computed."""

    probability: FloatArray  # (states,)
    method: str
    residual: float  # sum of |inflow - outflow| over sum of outflow; blind to groups that are nearly separate
    sweeps: int = 0  # 0 by elimination
    error: float = 0.0  # sum over states: proved by sweeps, estimated by cycles, 0 by elimination (relative rounding)
    classes: tuple[RecurrentClass, ...] = ()


def steady(chain: Chain, tolerance: float = 1e-13, most_sweeps: int = 20_000) -> SteadyState:
    """Find the probabilities of a chain's states in the long run, from its initial state.

    The tolerance bounds the estimated error, the sum over all states. A proved bound may be up to 1,000 times larger
    where rounding stops sweeps, but not above 1e-6.

    Notes
    -----
    Elimination: W. K. Grassmann, M. I. Taksar, D. P. Heyman, Operations Research 33 (1985) 1107. Sweeps:
    Gauss-Seidel with periodic Anderson extrapolation (P. P. Pratapa, P. Suryanarayana, J. E. Pask, J. Comput.
    Phys. 306 (2016) 43). Cycles: G. Horton, S. T. Leutenegger, SIGMETRICS 1994, and for large
    chains H. De Sterck and others, SIAM J. Sci. Comput. 32 (2010) 1652. Where the chain ends: whenever a
    recurrent class is entered the chain is put back to its initial state; flows into the classes have the ratio of
    the probabilities.

    Examples
    --------
    Two units, one repair crew (an exact value is 31500/31501 for one or more up):

    >>> chain = Chain.of(3, [0, 1, 1, 2], [1, 2, 0, 1], [1 / 500, 1 / 1000, 1 / 4, 1 / 4])
    >>> round(float(steady(chain).probability[2]) * 31501, 12)
    1.0

    A unit that is scrapped after one failure in four, and else replaced by one that lasts:

    >>> found = steady(Chain.of(3, [0, 0], [1, 2], [1e-3, 3e-3]))
    >>> found.probability.tolist()
    [0.0, 0.25, 0.75]
    """
    tolerance, most_sweeps = as_tolerance(tolerance), as_whole("sweeps", most_sweeps, 1)
    classes = chain.recurrent_classes
    found = _ends(chain, classes, tolerance, most_sweeps) if len(classes) > 1 else [RecurrentClass(classes[0], 1.0)]
    probability = np.zeros(chain.states)
    parts = []
    for one in found:
        if one.probability > 0.0:
            part = _stationary(chain, one.states, tolerance, most_sweeps)
            probability[one.states] = one.probability * part.probability
            parts.append((one.probability, part))
    worst = max((part for _, part in parts), key=lambda part: part.sweeps)
    return SteadyState(
        probability,
        worst.method,
        max(part.residual for _, part in parts),
        sum(part.sweeps for _, part in parts),
        float(sum(share * part.error for share, part in parts)),
        tuple(found),
    )


def _stationary(chain: Chain, states: IntArray, tolerance: float, most_sweeps: int) -> SteadyState:
    """Stationary distribution over the states of one recurrent class."""
    if len(states) == 1:
        return SteadyState(np.ones(1), "one state" if chain.states == 1 else "elimination", 0.0)
    whole = len(states) == chain.states
    initial = chain.initial if whole or chain.initial in states else int(states[0])
    inner = chain if whole else chain.within(states, initial)
    found, method, sweeps, error = _solved(inner, tolerance, most_sweeps)
    out = found * inner.exit_rates_per_h
    residual = float(np.abs(inner.rates.T @ found - out).sum() / out.sum())
    if sweeps and not residual <= max(1e-9, 100 * tolerance):
        raise NoConvergenceError(f"{method} of {inner.states:,} states left a residual of {residual:.2g}")
    return SteadyState(found, method, residual, sweeps, error)


def _solved(chain: Chain, tolerance: float, most_sweeps: int) -> tuple[FloatArray, str, int, float]:
    """Stationary distribution of an irreducible chain, how it was got, sweeps, and an estimate of the error."""
    from k2rel.ctmc import elimination
    from k2rel.ctmc.sweeps import Sweeps, reached

    if chain.states <= _ELIMINATED:
        # states with many failures, which come last, are eliminated first
        return elimination.dense(chain, reached(chain)), "elimination", 0, 0.0
    check_room(chain.states, chain.transitions)
    ordered = "elimination in an order of minimum degree"
    exact = elimination.sparse(chain, soon=True)
    if exact is not None:
        return exact, ordered, 0, 0.0
    sweeps = Sweeps(chain, tolerance, most_sweeps)
    found = sweeps.begin()
    if not found.confirmed:
        exact = elimination.sparse(chain)
        if exact is not None:
            return exact, ordered, 0, 0.0
        found = sweeps.confirm(found)
    if not found.confirmed:
        found = sweeps.go_on(found)
    if not found.confirmed:
        raise NoConvergenceError(
            f"steady state of {chain.states:,} states: after {found.sweeps} sweeps and {found.cycles} cycles over "
            f"coarser chains the estimated error is {found.error:.2g}, not {tolerance:g}"
        )
    how = "Gauss-Seidel sweeps with extrapolation"
    if found.cycles > 2:
        how += f", {found.cycles} cycles over coarser chains"
    return found.probability, how, found.sweeps, found.error


def _ends(chain: Chain, classes: list[IntArray], tolerance: float, most_sweeps: int) -> list[RecurrentClass]:
    """Probability that the chain ends in each of several recurrent classes."""
    label = np.full(chain.states, -1, dtype=np.int64)
    for number, states in enumerate(classes):
        label[states] = number
    if label[chain.initial] >= 0:
        own = int(label[chain.initial])
        return [RecurrentClass(states, float(number == own)) for number, states in enumerate(classes)]
    # transient states keep their places behind one state for each class, which leads back to the initial state
    count = len(classes)
    passing = np.flatnonzero(label < 0)
    place = label.copy()
    place[passing] = np.arange(count, count + len(passing))
    matrix = chain.rates.tocoo()
    moves = label[matrix.row] < 0
    start = int(place[chain.initial])
    # rates of a return do not matter; near those of the chain they keep numbers in range, far below them they make
    # classes that are hardly ever reached likely enough to be weighed
    usual = float(np.exp(np.log(matrix.data[moves]).mean()))
    for back in (usual, 1e-150, 1e-300):
        again = Chain.of(
            count + len(passing),
            np.concatenate([place[matrix.row[moves]], np.arange(count)]),
            np.concatenate([place[matrix.col[moves]], np.full(count, start)]),
            np.concatenate([matrix.data[moves], np.full(count, back)]),
            start,
        )
        (reached,) = again.recurrent_classes
        weight = np.zeros(again.states)
        weight[reached] = _stationary(again, reached, tolerance, most_sweeps).probability
        total = float(weight[:count].sum())
        if total > 1e-280:
            return [RecurrentClass(states, float(weight[n] / total)) for n, states in enumerate(classes)]
    raise NoConvergenceError(
        f"{count} recurrent classes: none is reached within a time that a number can represent, so the recurrent "
        "class in which the chain ends is not determined"
    )
