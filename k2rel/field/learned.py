"""What logs of takeovers, repairs and operators say of a coverage or a mean time, with what was known before.

A number of takeovers that succeeded is binomial: a beta distribution of the coverage before gives a beta distribution
after. Times are exponential about their mean, as the chains have them, so that n times of T hours together say of the
reciprocal of the mean what n failures in T hours say of a rate: the same update.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from k2rel.columns import counted
from k2rel.distributions import Uncertain, from_limits, point_is
from k2rel.errors import InputError
from k2rel.field.bayes import LEVELS, update, weights_after
from k2rel.field.handling import Takeovers, Times
from k2rel.field.lives import Exposure
from k2rel.inputs import Input
from k2rel.tables import Shown

__all__ = ["Learned", "updated_coverage", "updated_time", "wide_coverage", "wide_time"]

_POINTS = 4001
_WEIGHT = 10.0  # takeovers that a coverage without limits counts for
_FACTOR = 3.0  # within which a time without limits is known


@dataclass(frozen=True, eq=False, repr=False)
class Learned(Shown):
    """A coverage or a time before and after what was seen.

    Parameters
    ----------
    before : Input
        What was known: by its limits, else by stated ones that are wide.
    after : Input
        What is known now; its point is the mean.
    count : int
        Takeovers tried, or times logged.
    seen : float
        Share that succeeded, or mean time [h]; not a number where nothing was logged.
    surprise : float
        How probable, before, a log was that lies as far out, on both sides together.
    """

    before: Input
    after: Input
    count: int
    seen: float
    surprise: float

    @property
    def point(self) -> str:
        """What the point before is to what was known: median, mean or estimate."""
        return point_is(self.before.distribution, self.before.point)

    def _line(self) -> str:
        return f"{self.after.name}: {self.after.point:.4g} {self.after.unit}".rstrip()


def wide_coverage(value: float) -> Uncertain:
    """What a coverage without limits is taken to be known by: as much as ten takeovers say.

    Examples
    --------
    >>> wide_coverage(0.75).parameters, wide_coverage(1.0).parameters
    ((7.5, 2.5), (9.5, 0.5))
    """
    good = min(_WEIGHT * value, _WEIGHT - 0.5)
    return Uncertain("beta", (good, _WEIGHT - good))


def wide_time(value_h: float) -> Uncertain:
    """What a time without limits is taken to be known by: limits a factor of three to each side.

    Examples
    --------
    >>> [round(float(wide_time(6.0).quantile(level)), 9) for level in (0.05, 0.95)]
    [2.0, 18.0]
    """
    return from_limits("lognormal", value_h / _FACTOR, value_h * _FACTOR)


def updated_coverage(before: Input, seen: Takeovers) -> Learned:
    """Put what is known of a coverage and takeovers together.

    Examples
    --------
    >>> known = Input("coverage", "coverage", 0.9, 0.7, 0.99, Uncertain("beta", (9.0, 1.3)))
    >>> updated_coverage(known, Takeovers("file_system", 10, 9)).after.distribution.parameters
    (18.0, 2.3)
    """
    good, bad = seen.succeeded, seen.tried - seen.succeeded
    prior = before.distribution
    if prior.family == "beta":
        after = Uncertain("beta", (prior.parameters[0] + good, prior.parameters[1] + bad))
        mean = after.mean
    elif seen.tried:
        # any other distribution on points of equal probability
        x = np.clip(prior.quantile((np.arange(_POINTS) + 0.5) / _POINTS), 1e-12, 1 - 1e-12)
        log_weight = good * np.log(x) + bad * np.log1p(-x)
        cumulative = np.cumsum(weight := np.exp(log_weight - log_weight.max()))
        mean = float(weight @ x / cumulative[-1])
        cumulative = (cumulative - weight / 2) / cumulative[-1]
        after = from_limits("beta", *np.interp([LEVELS[0], LEVELS[-1]], cumulative, x).tolist())
    else:
        after, mean = prior, prior.mean
    share = seen.succeeded / seen.tried if seen.tried else math.nan
    return _learned(before, after, mean, seen.tried, share, _surprise(prior, seen), counted(seen.tried, "takeover"))


def _surprise(prior: Uncertain, seen: Takeovers) -> float:
    """Two-sided probability, before, of a number of successes as far out as the one seen."""
    from scipy.special import bdtr

    x = np.clip(prior.quantile((np.arange(_POINTS) + 0.5) / _POINTS), 0.0, 1.0)
    most = float(np.mean(bdtr(seen.succeeded, seen.tried, x)))
    least = 1.0 - float(np.mean(bdtr(seen.succeeded - 1, seen.tried, x))) if seen.succeeded else 1.0
    return min(1.0, 2 * min(most, least))


def updated_time(before: Input, seen: Times, law: str = "lognormal") -> Learned:
    """Put what is known of a mean time and logged times together; `law` is that of the reciprocal before.

    Examples
    --------
    >>> known = Input("psu.mttr", "repair time", 6.0, 2.0, 18.0, wide_time(6.0), "h")
    >>> updated_time(known, Times("psu", 4, 8.0)).after
    <Input psu.mttr: 3.695 h (1.612 to 7.248)>
    """
    if law not in ("lognormal", "gamma"):
        raise InputError(f"prior: 'lognormal' or 'gamma', got '{str(law)[:40]}'")
    if not seen.count:
        known = before.distribution
        return _learned(before, known, known.mean, 0, math.nan, 1.0, "no times")
    low, _, high = (float(before.distribution.quantile(level)) for level in LEVELS)
    prior = from_limits(law, 1 / high, 1 / low)
    found = update(prior, evidence := Exposure(seen.name, seen.count, seen.total_h))
    if law == "gamma":
        shape, scale = prior.parameters[0] + seen.count, 1 / (1 / prior.parameters[1] + seen.total_h)
        mean = 1 / (scale * (shape - 1))
    else:
        rates, log_weight = weights_after(prior, evidence)
        weight = np.exp(log_weight - log_weight.max())
        mean = float(weight @ (1 / rates) / weight.sum())
    after = from_limits("lognormal", 1 / found.high, 1 / found.low)
    return _learned(before, after, mean, seen.count, seen.mean_h, found.surprise, f"{seen.count:g} times")


def _learned(
    before: Input, after: Uncertain, mean: float, count: int, seen: float, surprise: float, words: str
) -> Learned:
    """The input after: its limits are quantiles at 5 and 95 %, its point the mean, as far as these hold it."""
    low, _, high = (float(after.quantile(level)) for level in LEVELS)
    source = f"{before.name}, updated with {words}"
    kept = after.family in ("uniform", "triangular")
    if kept:
        low, high = before.low, before.high
    point = min(max(mean, low), high)
    new = replace(before, point=point, low=low, high=high, distribution=after, evidence="posterior", source=source)
    return Learned(before, new, count, seen, surprise)
