"""What is known of a rate or a probability: a family with its parameters, which 90 % limits can give.

A quantity is written as its data are: a lognormal one by mean and error factor, every other one by the parameters of
its family.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.distributions.families import FAMILIES
from k2rel.errors import InputError

__all__ = ["Z95", "Uncertain", "from_limits"]

FloatArray = NDArray[np.float64]

Z95 = 1.6448536269514722
"""95 % quantile of the standard normal distribution: two-sided 90 % limits lie so many deviations away."""

_OF_QUANTITIES = ("lognormal", "normal", "gamma", "beta", "uniform", "weibull", "histogram")
_BY_ERROR_FACTOR = ("mean", "error_factor", "level")


@dataclass(frozen=True)
class Uncertain:
    """What is known about a quantity, as a distribution.

    Parameters
    ----------
    family : {"lognormal", "normal", "gamma", "beta", "uniform", "weibull", "histogram"}
        Its family.
    parameters : tuple of float
        Mean, error factor and its level (lognormal); mean and deviation; shape and scale; a and b; low and high; shape
        and scale; bounds, then weights.

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
            raise InputError(f"unknown law '{self.family}'; known: {', '.join(_OF_QUANTITIES)}")
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
        return np.asarray(self.frozen().ppf(u), dtype=np.float64)


def from_limits(family: str, low: float, high: float, mean: float | None = None) -> Uncertain:
    """Give the distribution of a family that has given 5 and 95 % quantiles.

    Parameters
    ----------
    family : {"lognormal", "gamma"}
        The family.
    low, high : float
        Its 90 % limits.
    mean : float, optional
        Its mean; then only the ratio of the limits is kept.

    Returns
    -------
    Uncertain
        The distribution.

    Raises
    ------
    InputError
        If the limits are out of order, or no distribution of the family has them.

    Examples
    --------
    >>> u = from_limits("lognormal", 1e-6, 9e-6)
    >>> [float(f"{u.quantile(p):.6g}") for p in (0.05, 0.5, 0.95)]
    [1e-06, 3e-06, 9e-06]
    >>> g = from_limits("gamma", 1e-6, 9e-6)
    >>> [float(f"{g.quantile(p):.6g}") for p in (0.05, 0.95)]
    [1e-06, 9e-06]
    """
    if family not in _FROM_LIMITS:
        raise InputError(f"limits: of a distribution of the family {' or '.join(_FROM_LIMITS)}, not '{family[:40]}'")
    if not 0 < low <= high < math.inf:
        raise InputError(f"limits of a {family} law: must be above 0 and in order, got {low:g} and {high:g}")
    return _FROM_LIMITS[family](low, high, mean)


def _lognormal(low: float, high: float, mean: float | None) -> Uncertain:
    factor = math.sqrt(high / low)
    sigma = math.log(factor) / Z95
    centre = math.sqrt(low * high) * math.exp(sigma * sigma / 2) if mean is None else mean
    return Uncertain("lognormal", (centre, factor, 0.95))


def _gamma(low: float, high: float, mean: float | None) -> Uncertain:
    from scipy.optimize import brentq
    from scipy.special import gammaincinv

    wanted = math.log(high / low)

    def missing(log_shape: float) -> float:
        shape = math.exp(log_shape)
        return math.log(gammaincinv(shape, 0.95) / gammaincinv(shape, 0.05)) - wanted

    ends = math.log(0.02), math.log(1e8)
    if not missing(ends[1]) < 0 < missing(ends[0]):
        raise InputError(f"limits of a gamma law: {low:g} and {high:g} are too near or too far apart")
    shape = math.exp(brentq(missing, *ends, xtol=1e-13))
    return Uncertain("gamma", (shape, low / float(gammaincinv(shape, 0.05)) if mean is None else mean / shape))


_FROM_LIMITS: dict[str, Callable[[float, float, float | None], Uncertain]] = {"lognormal": _lognormal, "gamma": _gamma}
