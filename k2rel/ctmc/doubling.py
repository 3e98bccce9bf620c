"""A small chain over any time, by doubling: work and memory grow with the logarithm of rate times time.

Over a first short step, in which the fastest state is left once at most, transition probabilities are a series of
positive terms (A. Jensen 1953). Squaring the matrix doubles the step. Each probability of leaving a state is a sum of
positive terms and keeps its digits; each probability of staying is what the others leave, so that rounding cannot pile
up from squaring to squaring, as it does where exp(Qt) is taken as a plain power (about eps |Q| t).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain

__all__: list[str] = []

FloatArray = NDArray[np.float64]

_SETTLED = 1e-14
_MOST_ORDERS = 180


def squarings(chain: Chain, time_h: float) -> int:
    """How often the first step is doubled to reach a time."""
    fastest = float(chain.exit_rates_per_h.max(initial=0.0))
    if fastest == 0.0 or time_h == 0.0:
        return 0
    return max(0, math.ceil(math.log2(fastest) + math.log2(time_h)))


def followed(
    chain: Chain, start: FloatArray, times_h: FloatArray, *, accumulate: bool
) -> tuple[FloatArray, FloatArray, int]:
    """Distribution at some times, mean times spent until then [h], and squarings made."""
    last = float(times_h.max(initial=0.0))
    count = squarings(chain, last)
    state = np.tile(start, (len(times_h), 1))
    spent = np.zeros_like(state)
    if last == 0.0 or not chain.transitions:
        return state, times_h[:, None] * state if accumulate else spent, 0
    step = math.ldexp(last, -count)
    # each time is a whole number of first steps and a rest
    parts = [_whole_and_rest(float(t) / last, count) for t in times_h]
    whole = [many for many, _ in parts]
    rest = np.array([over for _, over in parts]) * step
    if rest.any():
        state, spent = _short(chain, start[None, :], rest, accumulate=accumulate)
    matrix, integral = _short(chain, np.eye(chain.states), np.array([step]), accumulate=accumulate)
    _stochastic(matrix)
    made = 0
    while True:
        rows = [row for row, many in enumerate(whole) if many >> made & 1]
        if rows:
            if accumulate:
                spent[rows] += state[rows] @ integral
            state[rows] = state[rows] @ matrix
        if made == count:
            break
        twice = matrix @ matrix
        _stochastic(twice)
        if np.all(np.abs(twice - matrix) <= _SETTLED * twice):
            # nothing changes any more, in any row: what is left of each time is spent in this distribution
            for row, many in enumerate(whole):
                left = many >> (made + 1)
                if left:
                    after = state[row] @ matrix
                    if accumulate:
                        spent[row] += state[row] @ integral + last * _shifted(2 * left - 1, made - count) * after
                    state[row] = after
            break
        if accumulate:
            integral = integral + matrix @ integral
        matrix = twice
        made += 1
    return state, spent, made


def _whole_and_rest(share: float, count: int) -> tuple[int, float]:
    """Whole part of share * 2^count, which may be beyond any float, and the rest."""
    mantissa, exponent = math.frexp(share)
    digits, shift = int(math.ldexp(mantissa, 53)), exponent + count - 53
    if shift >= 0:
        return digits << shift, 0.0
    whole = digits >> -shift
    return whole, _shifted(digits - (whole << -shift), shift)


def _shifted(number: int, exponent: int) -> float:
    """Give number * 2^exponent, where the number alone may be beyond any float."""
    surplus = max(0, number.bit_length() - 64)
    return math.ldexp(float(number >> surplus), surplus + exponent)


def _short(chain: Chain, start: FloatArray, times_h: FloatArray, *, accumulate: bool) -> tuple[FloatArray, FloatArray]:
    """Rows after times in which the fastest state is left once at most, and times spent until then.

    One start and many times, or many starts and one time.
    """
    from scipy.special import gammainc

    fastest = float(chain.exit_rates_per_h.max())
    events = np.minimum(1.0, fastest * times_h)[:, None]
    stay = 1.0 - chain.exit_rates_per_h / fastest
    jump = chain.rates / fastest
    power = start
    chance = np.exp(-events)
    over = chance * power
    during = gammainc(1, events) / fastest * power
    for order in range(1, _MOST_ORDERS):
        power = power @ jump + power * stay
        chance = chance * events / order
        term = chance * power
        over += term
        if accumulate:
            during += gammainc(order + 1, events) / fastest * power
        if np.all(term <= 1e-18 * over):
            break
    return over, during


def _stochastic(matrix: FloatArray) -> None:
    """Let the probability of staying be what the others leave where it is large; elsewhere scale the row."""
    stays = np.diag(matrix).copy()
    np.fill_diagonal(matrix, 0.0)
    leaves = matrix.sum(axis=1)
    often = leaves > 0.5
    np.fill_diagonal(matrix, np.where(often, stays, 1.0 - leaves))
    matrix[often] /= (leaves + stays)[often, None]
