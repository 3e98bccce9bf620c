"""Where a chain is at a time, and how long it was where until then.

Small chains by doubling (`k2rel.ctmc.doubling`), whatever their rates; larger ones are watched at the instants of a
Poisson process as fast as their fastest state (A. Jensen 1953): positive terms only; what is left out of the Poisson
sum, and what the stop at a steady state leaves out, is bounded and reported. What takes too long is refused beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_tolerance
from k2rel.ctmc import doubling
from k2rel.ctmc.chain import Chain
from k2rel.errors import InputError, ModelTooLargeError
from k2rel.memory import check_each

__all__ = ["OverTime", "feasible_time", "over_time", "poisson_weights", "time_spent"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_WORK = 2e11
_WORK_PER_S = 5e8
_ALWAYS_DOUBLED, _MOST_DOUBLED = 150, 2000
_DOUBLED_PER_S = 1e10


@dataclass(frozen=True, eq=False)
class OverTime:
    """State probabilities at some times."""

    times_h: FloatArray
    probability: FloatArray  # (times, states)
    spent_h: FloatArray  # (times, states): mean time spent in each until then
    error: float  # bound on the sum over states, rounding apart; times the time for `spent_h`
    steps: int  # of the uniformised chain, or doublings of the first step
    method: str


def over_time(
    chain: Chain,
    times_h: Sequence[float],
    start: FloatArray | None = None,
    tolerance: float = 1e-13,
    *,
    accumulate: bool = True,
) -> OverTime:
    """Follow a chain over time.

    Parameters
    ----------
    chain : Chain
    times_h : sequence of float
        Times [h].
    start : array of float, shape (states,), optional
        Distribution at time 0; by default the initial state. May sum to less than 1.
    tolerance : float
        Bound on the error.
    accumulate : bool
        Whether times spent are asked for too; without them `OverTime.spent_h` is 0.

    Returns
    -------
    OverTime
        Probabilities and mean times spent.

    Raises
    ------
    InputError
        If a time is negative or not finite.
    ModelTooLargeError
        If the fastest rate times the longest time asks for too many steps, or so many times take too much memory.

    Notes
    -----
    Weights of the Poisson sum are built from the mode outwards (B. L. Fox, P. W. Glynn, Comm. ACM 31 (1988) 440).
    The steps shrink in the sum norm, so once the rest of them times the size of the last is below the tolerance
    nothing more can change: a stop at steady state that is proven, not guessed.

    Examples
    --------
    >>> chain = Chain.of(2, [0, 1], [1, 0], [0.1, 0.2])
    >>> over_time(chain, [10.0]).probability[0].round(6).tolist()
    [0.683262, 0.316738]
    """
    tolerance = as_tolerance(tolerance)
    times = np.asarray(times_h, dtype=np.float64)
    if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(times < 0):
        raise InputError("times: a list of finite numbers that are not negative is needed")
    check_each(len(times), 8.0 * chain.states * (2 if accumulate else 1), f"times, of {chain.states:,} states each,")
    p = np.zeros(chain.states)
    p[chain.initial] = 1.0
    p = p if start is None else np.array(start, dtype=np.float64)
    if not chain.transitions or not times.any():
        spent = times[:, None] * p
        return OverTime(times, np.tile(p, (len(times), 1)), spent, 0.0, 0, "no transitions")
    last = float(times.max())
    if _doubled(chain, last, accumulate):
        probability, spent, made = doubling.followed(chain, p, times, accumulate=accumulate)
        error = 8 * float(np.finfo(np.float64).eps) * (made + 2) * float(p.sum())
        return OverTime(times, probability, spent, error, made, "doubling of a short step")
    check_steps(chain, _fastest(chain) * last, chain.transitions + chain.states, "or the steady state")
    return _uniformised(chain, times, p, tolerance, accumulate)


def check_steps(
    chain: Chain, mean: float, work: float, otherwise: str = "", most_s: float = _MOST_WORK / _WORK_PER_S
) -> None:
    """Refuse more steps of a uniformised chain than can be made: about `mean` of them, with so much work each."""
    seconds = _steps(mean) * work / _WORK_PER_S
    if not seconds <= most_s:
        raise ModelTooLargeError(
            f"a chain of {chain.states:,} states with a largest exit rate of {_fastest(chain):.3g}: time "
            f"{mean / (_fastest(chain) or 1.0):g} needs {_steps(mean):.2g} steps, about {_words(seconds)} of "
            f"computing time; use a shorter time {otherwise}".rstrip()
        )


def feasible_time(chain: Chain, time_h: float) -> bool:
    """Say whether `over_time` would follow a chain so long.

    Examples
    --------
    >>> [feasible_time(Chain.of(n, range(n), [*range(1, n), 0], [1e6] * n), 8760.0) for n in (100, 3000)]
    [True, False]
    """
    return _doubled(chain, time_h, False) or _uniformised_s(chain, time_h) <= _MOST_WORK / _WORK_PER_S


def _fastest(chain: Chain) -> float:
    return float(chain.exit_rates_per_h.max(initial=0.0))


def _steps(mean: float) -> float:
    """Most events of a Poisson process that matter."""
    return mean + 9.0 * math.sqrt(mean + 1.0) + 50.0


def _uniformised_s(chain: Chain, time_h: float) -> float:
    """Estimate of the time that uniformisation takes at most [s]."""
    return _steps(_fastest(chain) * time_h) * float(chain.transitions + chain.states) / _WORK_PER_S


def _doubled(chain: Chain, time_h: float, accumulate: bool) -> bool:
    """Whether doubling is the way: always for small chains, up to 2,000 states where it is faster."""
    size = chain.states
    if size <= _ALWAYS_DOUBLED:
        return True
    products = min(80, doubling.squarings(chain, time_h)) * (2 if accumulate else 1)
    return size <= _MOST_DOUBLED and 2.0 * size**3 * products / _DOUBLED_PER_S < _uniformised_s(chain, time_h)


def _words(seconds: float) -> str:
    """A long time in words."""
    for unit, length in (("years", 3.156e7), ("days", 86400.0), ("hours", 3600.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds / 60:.2g} minutes"


def _uniformised(chain: Chain, times: FloatArray, p: FloatArray, tolerance: float, accumulate: bool) -> OverTime:
    """Follow a chain step by step of the uniformised chain."""
    from k2rel.ctmc.kernels import flow_into

    fastest = _fastest(chain)
    weights = [poisson_weights(fastest * float(t), tolerance / 4) for t in times]
    most = max(low + len(weight) - 1 for low, weight in weights)
    incoming = chain.incoming
    begin, source, rate = incoming.indptr, incoming.indices, incoming.data
    keep = 1.0 - chain.exit_rates_per_h / fastest
    # probability of more events than so many, from the first that matters on; before that it is all
    tails = [np.append(np.cumsum(weight[::-1])[::-1][1:], 0.0) for _, weight in weights]
    result = np.zeros((len(times), chain.states))
    spent = np.zeros_like(result)
    flow = np.empty(chain.states)
    step, cut = 0, 0.0
    mass = float(p.sum())
    while True:
        for row, (low, weight) in enumerate(weights):
            if low <= step < low + len(weight):
                result[row] += weight[step - low] * p
            if accumulate and step < low + len(weight):
                spent[row] += (tails[row][step - low] if step >= low else 1.0) * p
        if step == most:
            break
        flow_into(begin, source, rate, p, flow)
        after = keep * p + flow / fastest
        moved = float(np.abs(after - p).sum())
        p = after
        step += 1
        if moved * (most - step) <= tolerance / 4:
            cut = moved * (most - step)
            for row, (low, weight) in enumerate(weights):
                result[row] += weight[max(0, step - low) :].sum() * p
                if accumulate:
                    spent[row] += (max(0, low - step) + tails[row][max(0, step - low) :].sum()) * p
            break
    spent /= fastest
    method = "uniformisation" + (", stopped at steady state" if cut or step < most else "")
    return OverTime(times, result, spent, mass * tolerance / 2 + cut, step, method)


def poisson_weights(mean: float, tolerance: float) -> tuple[int, FloatArray]:
    """First index and weights of the Poisson distribution but for tails below the tolerance; they sum to 1.

    Examples
    --------
    >>> low, weight = poisson_weights(2.0, 1e-9)
    >>> low, float(weight[2].round(6))
    (0, 0.270671)
    """
    if mean == 0.0:
        return 0, np.ones(1)
    mode = int(mean)
    reach = int(8 + 9.0 * math.sqrt(mean + 1.0) + 40)
    up = np.cumprod(mean / np.arange(mode + 1, mode + reach + 1))
    down = np.cumprod(np.arange(mode, max(0, mode - reach), -1) / mean)
    weight = np.concatenate([down[::-1], [1.0], up])
    low = mode - len(down)
    weight /= weight.sum()
    left = int(np.searchsorted(np.cumsum(weight), tolerance / 2))
    right = int(np.searchsorted(np.cumsum(weight[::-1]), tolerance / 2))
    return low + left, weight[left : len(weight) - right]


def time_spent(
    chain: Chain, inside: NDArray[np.bool_], horizon_h: float, at_most_h: Sequence[float], tolerance: float = 1e-10
) -> FloatArray:
    """Distribution of the time spent in some states until a horizon: P(at most each time), for example the downtime.

    Notes
    -----
    E. de Souza e Silva, H. R. Gail, IEEE Trans. Computers 35 (1986) 322: of n + 1 visits of the uniformised chain
    k are inside, and the time inside is then a Beta variable.

    Examples
    --------
    >>> chain = Chain.of(2, [0, 1], [1, 0], [0.1, 0.2])
    >>> time_spent(chain, np.array([False, True]), 10.0, [0.0, 10.0]).round(6).tolist()
    [0.367879, 1.0]
    """
    from scipy.special import betainc

    tolerance = as_tolerance(tolerance)
    if not 0 < horizon_h < math.inf:
        raise InputError(f"horizon_h: a time above 0 is needed, got {horizon_h:g}")
    if not chain.transitions:
        always = horizon_h if inside[chain.initial] else 0.0
        return np.asarray(np.asarray(at_most_h, dtype=np.float64) >= always, dtype=np.float64)
    fastest = _fastest(chain)
    work = _steps(fastest * horizon_h) ** 2 * float(chain.transitions + chain.states)
    if work > _MOST_WORK / 10:
        raise ModelTooLargeError(
            f"distribution of a time spent: {_steps(fastest * horizon_h):.2g} steps over {chain.transitions:,} "
            f"transitions, about {_words(work / _WORK_PER_S)} of computing time; use a shorter horizon or a smaller "
            "chain"
        )
    low, weight = poisson_weights(fastest * horizon_h, tolerance)
    most = low + len(weight) - 1
    shares = np.asarray(at_most_h, dtype=np.float64) / horizon_h
    result = np.zeros(len(shares))
    jump = chain.rates.T.tocsr() / fastest
    keep = (1.0 - chain.exit_rates_per_h / fastest)[:, None]
    visits = np.zeros((chain.states, 2))
    visits[chain.initial, int(inside[chain.initial])] = 1.0
    for step in range(most + 1):
        if step >= low:
            k = np.arange(step + 2)
            n = step + 1
            below = np.zeros((len(shares), step + 2))
            below[:, 0] = shares >= 0
            below[:, n] = shares >= 1
            middle = k[1:n]
            clipped = np.clip(shares, 0.0, 1.0)[:, None]
            if len(middle):
                below[:, 1:n] = betainc(middle, n - middle, clipped)
            result += weight[step - low] * (below @ visits.sum(axis=0))
        after = keep * visits + jump @ visits
        visits = np.zeros((chain.states, step + 3))
        visits[~inside, :-1] = after[~inside]
        visits[inside, 1:] = after[inside]
    return result
