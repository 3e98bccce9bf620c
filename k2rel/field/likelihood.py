"""Laws of lives by maximum likelihood, whatever mixture of exact, right-, left- and interval-censored lives is given.

The densities are closed forms on SciPy's special functions and the maximum is found by SciPy's optimiser. SciPy's own
fit of censored data agrees to seven digits, but takes no counts and gives no limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.field.lives import Lives

__all__ = ["LAWS", "Shape", "log_likelihood", "maximum"]

FloatArray = NDArray[np.float64]

FARTHEST = 600.0
"""Largest logarithm of a parameter that is looked at; what tends further has no maximum that a number can hold."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A law of two positive parameters, or one.

    Parameters
    ----------
    name : str
        Its name.
    parameters : tuple of str
        Names of its parameters; those in hours end in ``_h``.
    log_density, log_survival : callable
        Of times and parameters.
    cumulative : callable
        Probability to have failed, of times and parameters.
    """

    name: str
    parameters: tuple[str, ...]
    log_density: Callable[[FloatArray, FloatArray], FloatArray]
    log_survival: Callable[[FloatArray, FloatArray], FloatArray]
    cumulative: Callable[[FloatArray, FloatArray], FloatArray]


def _weibull_density(t: FloatArray, p: FloatArray) -> FloatArray:
    z = np.log(t / p[1])
    return np.asarray(np.log(p[0] / p[1]) + (p[0] - 1.0) * z - np.exp(p[0] * z))


def _weibull_survival(t: FloatArray, p: FloatArray) -> FloatArray:
    return np.asarray(-((t / p[1]) ** p[0]))


def _lognormal_density(t: FloatArray, p: FloatArray) -> FloatArray:
    z = np.log(t / p[1]) / p[0]
    return np.asarray(-0.5 * z * z - np.log(p[0] * t) - 0.5 * math.log(2 * math.pi))


def _lognormal_survival(t: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import log_ndtr

    with np.errstate(divide="ignore"):
        return np.asarray(log_ndtr(-np.log(t / p[1]) / p[0]))


def _lognormal_cumulative(t: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    with np.errstate(divide="ignore"):
        return np.asarray(ndtr(np.log(t / p[1]) / p[0]))


def _gamma_density(t: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import gammaln

    z = t / p[1]
    return np.asarray((p[0] - 1.0) * np.log(z) - z - gammaln(p[0]) - np.log(p[1]))


def _gamma_survival(t: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import gammaincc, gammaln

    z = t / p[1]
    value = gammaincc(p[0], z)
    with np.errstate(divide="ignore"):
        # far out where it underflows, by the first terms of its expansion (NIST DLMF 8.11.2)
        far = (p[0] - 1.0) * np.log(np.maximum(z, 1e-300)) - z - gammaln(p[0])
        return np.asarray(np.where(value > 1e-290, np.log(np.maximum(value, 1e-300)), far))


def _gamma_cumulative(t: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import gammainc

    return np.asarray(gammainc(p[0], t / p[1]))


def _exponential(p: FloatArray) -> FloatArray:
    return np.array([1.0, p[0]])


LAWS = {
    "exponential": Shape(
        "exponential", ("mean_h",),
        lambda t, p: _weibull_density(t, _exponential(p)),
        lambda t, p: _weibull_survival(t, _exponential(p)),
        lambda t, p: np.asarray(-np.expm1(-t / p[0])),
    ),
    "weibull": Shape(
        "weibull", ("shape", "scale_h"), _weibull_density, _weibull_survival,
        lambda t, p: np.asarray(-np.expm1(_weibull_survival(t, p))),
    ),
    "lognormal": Shape(
        "lognormal", ("sigma", "median_h"), _lognormal_density, _lognormal_survival, _lognormal_cumulative
    ),
    "gamma": Shape("gamma", ("shape", "scale_h"), _gamma_density, _gamma_survival, _gamma_cumulative),
}  # fmt: skip
"""Laws of one or two positive parameters, the last one a time. A Weibull law with a location is one of these, moved."""


def log_likelihood(law: Shape, parameters: FloatArray, lives: Lives, location_h: float = 0.0) -> float:
    r"""Give the logarithm of the likelihood of lives.

    Parameters
    ----------
    law : Shape
        The law.
    parameters : array of float
        Its parameters.
    lives : Lives
        The lives.
    location_h : float
        A time that no life is shorter than [h].

    Returns
    -------
    float
        :math:`\sum n_i \ln f(t_i)` over exact lives, :math:`\ln S` over right-censored and
        :math:`\ln (F(b) - F(a))` over interval-censored ones (Meeker and Escobar, Statistical Methods for Reliability
        Data, 1998, 7.2), each less :math:`\ln S` of the age at which its observation began (left truncation, 11.6.1);
        minus infinity where a life is impossible.

    Examples
    --------
    >>> lives = Lives.of([54, 187, 216, 240, 244, 335, 361, 373, 375, 386], [500] * 10)
    >>> round(log_likelihood(LAWS["weibull"], np.array([1.720797, 606.5276]), lives), 5)
    -75.13462
    """
    total = 0.0
    exact, right = lives.exact, lives.right
    between = ~exact & ~right
    with np.errstate(over="ignore", divide="ignore", invalid="ignore", under="ignore"):
        if exact.any():
            times = lives.lower_h[exact] - location_h
            if np.any(times <= 0):
                return -math.inf
            total += float(lives.count[exact] @ law.log_density(times, parameters))
        if right.any():
            times = np.maximum(lives.lower_h[right] - location_h, 0.0)
            total += float(lives.count[right] @ law.log_survival(times, parameters))
        if between.any():
            low = np.maximum(lives.lower_h[between] - location_h, 0.0)
            high = np.maximum(lives.upper_h[between] - location_h, 0.0)
            total += float(lives.count[between] @ _between(law, parameters, low, high))
        old = lives.entry_h > location_h
        if old.any():
            total -= float(lives.count[old] @ law.log_survival(lives.entry_h[old] - location_h, parameters))
    return total if not math.isnan(total) else -math.inf


def _between(law: Shape, p: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Logarithm of the probability of a life between two times, from whichever tail loses no digits."""
    failed = law.cumulative(high, p)
    below = failed - law.cumulative(low, p)
    upper = law.log_survival(low, p)
    ratio = np.minimum(law.log_survival(high, p) - upper, -1e-300)
    above = upper + np.log(-np.expm1(ratio))
    return np.asarray(np.where(failed < 0.5, np.log(np.maximum(below, 1e-300)), above))


def maximum(
    law: Shape, lives: Lives, start: FloatArray | None = None, location_h: float = 0.0
) -> tuple[FloatArray, float]:
    """Find the parameters of the largest likelihood.

    Parameters
    ----------
    law : Shape
        The law.
    lives : Lives
        Lives with at least one failure.
    start : array of float, optional
        Where to begin.
    location_h : float
        A time that no life is shorter than [h].

    Returns
    -------
    tuple of array and float
        The parameters, and the logarithm of the likelihood there.

    Examples
    --------
    >>> lives = Lives.of([54, 187, 216, 240, 244, 335, 361, 373, 375, 386], [500] * 10)
    >>> maximum(LAWS["weibull"], lives)[0].round(4).tolist()
    [1.7208, 606.5276]
    """
    from scipy.optimize import minimize

    size = len(law.parameters)
    if start is None:
        mean = max(lives.hours - location_h * lives.units, 1e-9 * lives.hours) / max(lives.failures, 1)
        start = np.array([1.0, mean])[-size:]
    scale = max(1.0, float(lives.count.sum()))

    def cost(x: FloatArray) -> float:
        if np.any(np.abs(x) > FARTHEST):
            return 1e300
        value = log_likelihood(law, np.exp(x), lives, location_h)
        return -value / scale if math.isfinite(value) else 1e300

    first = np.log(start)
    simplex = np.vstack([first, *(first + 0.3 * row for row in np.eye(size))])
    found = minimize(
        cost, first, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-12, "initial_simplex": simplex}
    )
    x = _newton(cost, np.asarray(found.x, dtype=np.float64))
    return np.exp(x), -cost(x) * scale


def _newton(cost: Callable[[FloatArray], float], x: FloatArray) -> FloatArray:
    """Polish a minimum by Newton steps, as long as they help."""
    for _ in range(4):
        slope, curve = differences(cost, x, 1e-4)
        try:
            step = np.linalg.solve(curve, slope)
        except np.linalg.LinAlgError:
            break
        if not np.all(np.isfinite(step)) or np.max(np.abs(step)) > 0.1 or cost(x - step) > cost(x) + 1e-13:
            break
        x = x - step
        if np.max(np.abs(step)) < 1e-9:
            break
    return x


def differences(function: Callable[[FloatArray], float], x: FloatArray, h: float) -> tuple[FloatArray, FloatArray]:
    """Give slope and curvature by central differences."""
    size = len(x)
    middle = function(x)
    slope, curve = np.zeros(size), np.zeros((size, size))
    steps = h * np.eye(size)
    for i in range(size):
        plus, minus = function(x + steps[i]), function(x - steps[i])
        slope[i] = (plus - minus) / (2 * h)
        curve[i, i] = (plus - 2 * middle + minus) / h**2
        for j in range(i):
            crossed = [function(x + a * steps[i] + b * steps[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            curve[i, j] = curve[j, i] = (crossed[0] - crossed[1] - crossed[2] + crossed[3]) / (4 * h**2)
    return slope, curve
