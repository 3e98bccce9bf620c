"""Test intervals that repeat together: their common period, and when it is too long to be followed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

__all__ = ["MOST_TESTS", "common_period", "exact_interval", "number_in_common"]

MOST_TESTS = 10_000
"""Most tests in a common period; intervals that have none so short drift through all phases of each other."""

_FINEST = 100_000  # intervals are known to this part of an hour


def exact_interval(interval_h: float) -> Fraction:
    """Give an interval as the fraction of an hour that was meant.

    Examples
    --------
    >>> exact_interval(0.1)
    Fraction(1, 10)
    """
    return Fraction(interval_h).limit_denominator(_FINEST)


def common_period(intervals_h: Iterable[float]) -> Fraction:
    """Give the time after which tests at several intervals fall as they did before.

    Examples
    --------
    >>> common_period([720.0, 168.0])
    Fraction(5040, 1)
    """
    intervals = {exact_interval(interval) for interval in intervals_h}
    unit = Fraction(1, math.lcm(*(interval.denominator for interval in intervals)))
    return unit * math.lcm(*(int(interval / unit) for interval in intervals))


def number_in_common(intervals_h: Iterable[float]) -> int:
    """Count the tests in the common period of different intervals.

    Examples
    --------
    >>> number_in_common([720.0, 168.0])
    37
    """
    intervals = set(intervals_h)
    period = common_period(intervals)
    return sum(int(period / one) for one in {exact_interval(interval) for interval in intervals})
