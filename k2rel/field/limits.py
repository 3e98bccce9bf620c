"""The limit of the likelihood of lives where a two-parameter distribution loses all of its spread, or has all."""

from __future__ import annotations

import math

import numpy as np

from k2rel.field.lives import Lives

__all__ = ["limit_of_likelihood"]


def limit_of_likelihood(lives: Lives) -> float:
    """Give the largest logarithm of the likelihood on the border of a family; where none within reaches it, no maximum.

    Without any spread a distribution is a step at some time: intervals that hold it are certain, those that end there
    have a share p of the probability, those that begin there 1 - p. With all of the spread a share fails at once and
    the rest never. Infinite where all failures that were seen happened at one time and nothing contradicts a step
    there.

    Examples
    --------
    >>> lives = Lives("parts", np.array([4.0, 8.0]), np.array([8.0, np.inf]), np.array([3.0, 1.0]))
    >>> round(limit_of_likelihood(lives), 6), round(3 * math.log(3 / 4) + math.log(1 / 4), 6)
    (-2.249341, -2.249341)
    """
    low, high, count, entry = lives.lower_h, lives.upper_h, lives.count, lives.entry_h
    exact = np.unique(low[lives.exact])
    if len(exact) > 1:
        return -math.inf
    if len(exact) == 1:
        holds = (low <= exact[0]) & (high >= exact[0])
        return math.inf if bool(np.all(holds)) else -math.inf
    first, last = float(low.max()), float(high.min())  # a step between these contradicts no life
    best = -math.inf
    if first < last:
        return 0.0
    if first == last:
        before = float(count[high == first].sum())
        best = _share(before, float(count[low == first].sum()) - float(count[entry == first].sum()))
    failed = ~lives.right
    if np.all(low[failed] == 0) and not lives.truncated:
        best = max(best, _share(float(count[failed].sum()), float(count[~failed].sum())))
    return best


def _share(one: float, other: float) -> float:
    """Logarithm of the likelihood of two numbers with their own shares."""
    total = one + max(other, 0.0)
    return sum(n * math.log(n / total) for n in (one, other) if n > 0)
