"""Densities, tails and quantiles of lives in closed form, for whole arrays at once and without loss of digits.

SciPy's distributions lose digits far out in a tail, where a likelihood looks; these are written on its special
functions. A time counts from the location; parameters are those of the family, without the location.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXPONENTIAL", "GAMMA", "LOGNORMAL", "WEIBULL", "ClosedForms", "normal_deviations"]

FloatArray = NDArray[np.float64]
Function = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class ClosedForms:
    """Functions of times [h] and parameters; `quantile` is one of probabilities and parameters."""

    log_density: Function
    log_survival: Function
    cumulative: Function
    quantile: Function


def _exponential_density(t: FloatArray, p: FloatArray) -> FloatArray:
    return _weibull_density(t, np.array([1.0, p[0]]))


def _exponential_survival(t: FloatArray, p: FloatArray) -> FloatArray:
    return _weibull_survival(t, np.array([1.0, p[0]]))


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


def _lognormal_quantile(u: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import ndtri

    return np.asarray(p[1] * np.exp(p[0] * ndtri(u)))


def _gamma_density(t: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import gammaln

    shape, ratio = p[0], t / (p[0] * p[1])
    off = ratio - 1.0
    # ln r - (r - 1), and a ln a - a - ln Gamma(a), each from its series where the plain form loses digits
    series = off**2 * np.polyval([-1 / 8, 1 / 7, -1 / 6, 1 / 5, -1 / 4, 1 / 3, -1 / 2], off)
    bent = np.where(np.abs(off) < 0.01, series, np.log(ratio) - off)
    if shape > 100:
        stirling = 0.5 * np.log(shape / (2 * math.pi)) - 1 / (12 * shape) + 1 / (360 * shape**3)
    else:
        stirling = shape * np.log(shape) - shape - gammaln(shape)
    return np.asarray(shape * bent + stirling - np.log(t))


def _gamma_survival(t: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import gammaincc

    z = t / p[1]
    value = gammaincc(p[0], z)
    with np.errstate(divide="ignore", invalid="ignore"):
        # far out where it underflows, by the first term of its continued fraction (NIST DLMF 8.9.2)
        times = np.maximum(t, 1e-300)
        far = _gamma_density(times, p) + np.log(times / np.maximum(z + 1 - p[0], 1e-300))
        return np.asarray(np.where(value > 1e-290, np.log(np.maximum(value, 1e-300)), far))


def _gamma_cumulative(t: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import gammainc

    return np.asarray(gammainc(p[0], t / p[1]))


def _gamma_quantile(u: FloatArray, p: FloatArray) -> FloatArray:
    from scipy.special import gammaincinv

    return np.asarray(p[1] * gammaincinv(p[0], u))


EXPONENTIAL = ClosedForms(
    _exponential_density,
    _exponential_survival,
    lambda t, p: np.asarray(-np.expm1(-t / p[0])),
    lambda u, p: np.asarray(-p[0] * np.log1p(-u)),
)
WEIBULL = ClosedForms(
    _weibull_density,
    _weibull_survival,
    lambda t, p: np.asarray(-np.expm1(_weibull_survival(t, p))),
    lambda u, p: np.asarray(p[1] * (-np.log1p(-u)) ** (1 / p[0])),
)
LOGNORMAL = ClosedForms(_lognormal_density, _lognormal_survival, _lognormal_cumulative, _lognormal_quantile)
GAMMA = ClosedForms(_gamma_density, _gamma_survival, _gamma_cumulative, _gamma_quantile)


def normal_deviations(confidence: float) -> float:
    """Give how many deviations from the middle a two-sided limit lies.

    Examples
    --------
    >>> round(normal_deviations(0.9), 4)
    1.6449
    """
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))
