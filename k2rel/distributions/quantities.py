"""What is known of a rate or a probability: a family with its parameters, which 90 % limits can give.

A quantity is written as its data are: a lognormal one by mean and error factor, every other one by the parameters of
its family.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from k2rel.distributions.families import FAMILIES
from k2rel.distributions.quantiles import Quantile, quantile_function
from k2rel.errors import InputError

__all__ = ["Z95", "Uncertain", "from_limits", "point_is"]

FloatArray = NDArray[np.float64]

Z95 = 1.6448536269514722
"""95 % quantile of the standard normal distribution: two-sided 90 % limits lie so many deviations away."""

_WIDEST = 1e12
_OF_QUANTITIES = ("lognormal", "normal", "gamma", "beta", "uniform", "triangular", "weibull", "histogram")
_BY_ERROR_FACTOR = ("mean", "error_factor", "level")


@dataclass(frozen=True)
class Uncertain:
    """What is known about a quantity, as a distribution.

    Parameters
    ----------
    family : {"lognormal", "normal", "gamma", "beta", "uniform", "triangular", "weibull", "histogram"}
        Its family.
    parameters : tuple of float
        Mean, error factor and its level (lognormal); mean and deviation; shape and scale; a and b; low and high; low,
        mode and high; shape and scale; bounds, then weights.

    Examples
    --------
    >>> u = Uncertain("lognormal", (1e-6, 3.0, 0.95))
    >>> round(float(u.quantile(0.95) / u.quantile(0.5)), 9)
    3.0
    """

    family: str
    parameters: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.family not in _OF_QUANTITIES:
            raise InputError(f"unknown distribution '{self.family}'; known: {', '.join(_OF_QUANTITIES)}")
        family = FAMILIES[self.family]
        names = _BY_ERROR_FACTOR if self.family == "lognormal" else family.required
        if names and len(self.parameters) != len(names):
            raise InputError(f"{self.family}: needs {', '.join(names)}; got {len(self.parameters)} values")
        if self.family != "lognormal":
            return family.check_all(self.of_family, self.family)
        family.check(dict(zip(names, self.parameters, strict=True)), self.family)
        if self.parameters[1] < 1 or not 0.5 < self.parameters[2] < 1:
            raise InputError("lognormal: the error factor must be 1 or more and its level between 0.5 and 1")
        return None

    @cached_property
    def of_family(self) -> tuple[float, ...]:
        """Parameters as the family has them: of a lognormal quantity sigma and median."""
        if self.family != "lognormal":
            family = FAMILIES[self.family]
            return (*self.parameters, *(value for name, value in family.defaults.items() if name in family.parameters))
        from scipy.special import ndtri

        mean, factor, level = self.parameters
        sigma = math.log(factor) / float(ndtri(level))
        return max(sigma, 1e-12), mean * math.exp(-sigma * sigma / 2)

    def frozen(self) -> Any:
        """Give SciPy's frozen distribution.

        Examples
        --------
        >>> float(Uncertain("uniform", (0.0, 1.0)).frozen().mean())
        0.5
        """
        return FAMILIES[self.family].scipy(self.of_family)

    @property
    def mean(self) -> float:
        """Mean."""
        return self.parameters[0] if self.family == "lognormal" else FAMILIES[self.family].mean_of(self.of_family)

    @property
    def variance(self) -> float:
        """Variance."""
        return float(self.frozen().var())

    def density(self, values: FloatArray) -> FloatArray:
        """Density at values.

        Examples
        --------
        >>> Uncertain("uniform", (2.0, 4.0)).density(np.array([3.0, 5.0]))
        array([0.5, 0. ])
        """
        return np.asarray(self.frozen().pdf(values), dtype=np.float64)

    def quantile(self, u: FloatArray | float) -> FloatArray:
        """Give the value that is not passed with a probability.

        Examples
        --------
        >>> Uncertain("uniform", (2.0, 4.0)).quantile(0.5)
        array(3.)
        """
        if self._quantile is None:
            return np.asarray(self.frozen().ppf(u), dtype=np.float64)
        return np.asarray(self._quantile(np.asarray(u, dtype=np.float64)), dtype=np.float64)

    @cached_property
    def _quantile(self) -> Quantile | None:
        return quantile_function(self.family, self.of_family)


def from_limits(family: str, low: float, high: float, point: float | None = None) -> Uncertain:
    """Give the distribution of a family that has given limits.

    Parameters
    ----------
    family : {"lognormal", "gamma", "beta", "uniform", "triangular"}
        The family.
    low, high : float
        Its 5 and 95 % quantiles; of a uniform or a triangular distribution its ends.
    point : float, optional
        The value that the limits are of, between them: the mode of a triangular distribution. The others are given
        by their limits alone; what the point is to them says `point_is`.

    Returns
    -------
    Uncertain
        The distribution.

    Raises
    ------
    InputError
        If the limits are out of order or do not hold the point, or no distribution of the family has them.

    Examples
    --------
    >>> u = from_limits("lognormal", 1e-6, 9e-6)
    >>> [float(f"{u.quantile(p):.6g}") for p in (0.05, 0.5, 0.95)]
    [1e-06, 3e-06, 9e-06]
    >>> b = from_limits("beta", 0.85, 0.99, 0.95)
    >>> [float(f"{b.quantile(p):.6g}") for p in (0.05, 0.95)], round(b.mean, 4)
    ([0.85, 0.99], 0.9372)
    """
    if family not in _FROM_LIMITS:
        known = ", ".join(_FROM_LIMITS)
        raise InputError(f"limits: a distribution of the families {known}, not '{family[:40]}'")
    where = f"limits of a {family} distribution"
    if not (math.isfinite(low) and math.isfinite(high)) or low > high:
        raise InputError(f"{where}: must be finite and in order, got {low:g} and {high:g}")
    if family in ("lognormal", "gamma", "beta") and not low > 0:
        raise InputError(f"{where}: must be above 0, got {low:g} and {high:g}")
    if family in ("lognormal", "gamma", "beta") and not math.log(high) - math.log(low) <= math.log(_WIDEST):
        raise InputError(f"{where}: at most a factor of {_WIDEST:g} apart, got {low:g} and {high:g}")
    if family == "beta" and not high < 1:
        raise InputError(f"{where}: must be below 1, got {low:g} and {high:g}")
    if family != "lognormal" and low == high:
        raise InputError(f"{where}: must be apart, got {low:g} twice")
    if point is not None and not low <= point <= high:
        raise InputError(f"{where}: {low:g} to {high:g} must contain the value itself, {point:g}")
    return _FROM_LIMITS[family](low, high, point)


def _lognormal(low: float, high: float, point: float | None) -> Uncertain:
    factor = math.sqrt(high / low)
    sigma = math.log(factor) / Z95
    return Uncertain("lognormal", (math.sqrt(low) * math.sqrt(high) * math.exp(sigma * sigma / 2), factor, 0.95))


def _root(missing: Callable[[float], float], low: float, high: float) -> float:
    """Ridders' method (1979), to 1e-13; SciPy's takes longer to load than a site with limits to read."""
    at_low, at_high, before = missing(low), missing(high), math.inf
    while high - low > 1e-13 * max(1.0, abs(low)):
        middle = (low + high) / 2
        at_middle = missing(middle)
        if at_middle == 0:
            return middle
        step = (middle - low) * at_middle / math.sqrt(at_middle * at_middle - at_low * at_high)
        found = middle + math.copysign(1.0, at_low - at_high) * step
        at_found = missing(found)
        if at_found == 0 or abs(found - before) <= 1e-13:
            return found
        before = found
        for place, at in sorted(((middle, at_middle), (found, at_found))):
            if (at < 0) == (at_low < 0):
                low, at_low = place, at
            else:
                high, at_high = place, at
                break
    return (low + high) / 2


def _gamma(low: float, high: float, point: float | None) -> Uncertain:
    from scipy.special import gammaincinv

    wanted = math.log(high / low)

    def missing(log_shape: float) -> float:
        shape = math.exp(log_shape)
        return math.log(gammaincinv(shape, 0.95) / gammaincinv(shape, 0.05)) - wanted

    ends = math.log(0.02), math.log(1e8)
    if not missing(ends[1]) < 0 < missing(ends[0]):
        raise InputError(f"limits of a gamma distribution: {low:.10g} and {high:.10g} are too near or too far apart")
    shape = math.exp(_root(missing, *ends))
    return Uncertain("gamma", (shape, low / float(gammaincinv(shape, 0.05))))


def _beta(low: float, high: float, point: float | None) -> Uncertain:
    """One a and b exist for any two limits (N. Shih, J. Stat. Comput. Simul. 85 (2015)): a root within a root.

    For each a one b puts 5 % below the lower limit; the larger a, the more then lies below the upper one.
    """
    from scipy.special import betainc

    ends = math.log(1e-3), math.log(1e13)
    ends_b = math.log(1e-8), math.log(1e14) - math.log(low)

    def log_b(log_a: float) -> float:
        a = math.exp(log_a)

        def missing(x: float) -> float:
            return float(betainc(a, math.exp(x), low)) - 0.05

        if missing(ends_b[0]) >= 0:
            return ends_b[0]
        return ends_b[1] if missing(ends_b[1]) <= 0 else _root(missing, *ends_b)

    def beyond(log_a: float) -> float:
        return float(betainc(math.exp(log_a), math.exp(log_b(log_a)), high)) - 0.95

    if not beyond(ends[0]) < 0 < beyond(ends[1]):
        raise InputError(f"limits of a beta distribution: {low:.10g} and {high:.10g} are too near or too far apart")
    log_a = _root(beyond, *ends)
    a, b = math.exp(log_a), math.exp(log_b(log_a))
    if max(abs(float(betainc(a, b, low)) - 0.05), abs(float(betainc(a, b, high)) - 0.95)) > 1e-5:
        raise InputError(f"limits of a beta distribution: {low:.10g} and {high:.10g} are too near or too far apart")
    return Uncertain("beta", (a, b))


def _triangular(low: float, high: float, point: float | None) -> Uncertain:
    if point is None:
        raise InputError("limits of a triangular distribution: give the value itself too; it is the mode")
    return Uncertain("triangular", (low, point, high))


_FROM_LIMITS: dict[str, Callable[[float, float, float | None], Uncertain]] = {
    "lognormal": _lognormal,
    "gamma": _gamma,
    "beta": _beta,
    "uniform": lambda low, high, point: Uncertain("uniform", (low, high)),
    "triangular": _triangular,
}


def point_is(distribution: Uncertain, point: float) -> Literal["median", "mean", "estimate"]:
    """Say what a published value is to the distribution that its limits give.

    Parameters
    ----------
    distribution : Uncertain
        The distribution.
    point : float
        The value.

    Returns
    -------
    {"median", "mean", "estimate"}
        The nearer of median and mean where the value lies within 5 % of it; of a probability near 1 within 5 % of
        what is missing to 1. Else an estimate of its own.

    Examples
    --------
    >>> rate = from_limits("lognormal", 1e-6, 9e-6)
    >>> [point_is(rate, value) for value in (3e-6, 3.75e-6, 5e-6)]
    ['median', 'mean', 'estimate']
    """
    beta = distribution.family == "beta"

    def apart(value: float) -> float:
        size = min(value, 1 - value) if beta else abs(value)
        return abs(point - value) / size if size else math.inf

    median, mean = apart(float(distribution.quantile(0.5))), apart(distribution.mean)
    if min(median, mean) > 0.05:
        return "estimate"
    return "median" if median <= mean else "mean"
