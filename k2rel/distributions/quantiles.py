"""Quantiles of quantities that are not known exactly, fast for many probabilities at once.

Most families have them in closed form. Those of gamma and beta distributions cost microseconds each, so they are
computed at 1,025 standard normal scores and interpolated by a cubic spline, in the logarithm of the quantity (gamma)
or of its odds (beta), where they are nearly straight: to nine digits in the middle and in the tails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Quantile", "quantile_function"]

FloatArray = NDArray[np.float64]
Quantile = Callable[[FloatArray], FloatArray]

_FARTHEST = 8.5  # standard normal score; beyond it each value is computed for itself
_SCORES = np.linspace(-_FARTHEST, _FARTHEST, 1025)
_NEARLY_NORMAL = 1e7  # both parameters of a beta distribution; SciPy's inverse loses digits from about 1e9


def quantile_function(family: str, p: Sequence[float]) -> Quantile | None:
    """Quantiles of a family with its parameters, in its own order; None where only SciPy knows them."""
    from scipy.special import ndtri

    if family == "lognormal":
        return lambda u: np.asarray(p[1] * np.exp(p[0] * ndtri(u)))
    if family == "normal":
        return lambda u: np.asarray(p[0] + p[1] * ndtri(u))
    if family == "uniform":
        return lambda u: np.asarray(p[0] + (p[1] - p[0]) * u)
    if family == "triangular":
        return lambda u: _triangular(p[0], p[1], p[2], u)
    if family == "gamma":
        return _splined(lambda z: _log_gamma(p[0], z), lambda w: p[1] * np.exp(w))
    if family == "beta":
        from scipy.special import expit

        return _splined(lambda z: _log_odds_of_beta(p[0], p[1], z), expit)
    return None


def _triangular(low: float, mode: float, high: float, u: FloatArray) -> FloatArray:
    width = high - low
    rising = low + np.sqrt(u * width * (mode - low))
    return np.asarray(np.where(u * width < mode - low, rising, high - np.sqrt((1 - u) * width * (high - mode))))


def _splined(exact: Quantile, back: Quantile) -> Quantile:
    """Interpolate a smooth function of the normal score; `back` leads to the quantity."""
    from scipy.interpolate import CubicSpline
    from scipy.special import ndtri

    spline = CubicSpline(_SCORES, exact(_SCORES))

    def quantile(u: FloatArray) -> FloatArray:
        z = np.asarray(ndtri(u))
        found = np.asarray(spline(z))
        far = np.abs(z) > _FARTHEST
        if np.any(far):
            found[far] = exact(z[far])
        return np.asarray(back(found))

    return quantile


def _log_gamma(shape: float, z: FloatArray) -> FloatArray:
    """Logarithm of the quantile for scale 1; far below, where x^a / Gamma(a + 1) = u, of this."""
    from scipy.special import gammainccinv, gammaincinv, gammaln, log_ndtr, ndtr

    with np.errstate(divide="ignore"):
        x = np.where(z < 0, gammaincinv(shape, ndtr(z)), gammainccinv(shape, ndtr(-z)))
        tail = (log_ndtr(z) + gammaln(shape + 1)) / shape
        return np.asarray(np.where(x > 1e-290, np.log(np.maximum(x, 1e-300)), tail))


def _log_odds_of_beta(a: float, b: float, z: FloatArray) -> FloatArray:
    """Logarithm of x / (1 - x) at the quantile, from the nearer end so that no digit is lost there."""
    if min(a, b) > _NEARLY_NORMAL:
        x = _by_moments(a, b, z)
        return np.asarray(np.log(x) - np.log1p(-x))
    return np.asarray(np.where(z < 0, _log_odds_below(a, b, z), -_log_odds_below(b, a, -z)))


def _log_odds_below(a: float, b: float, z: FloatArray) -> FloatArray:
    """The same for z < 0; far below, where x^a / a B(a, b) = u, of this."""
    from scipy.special import betaincinv, betaln, log_ndtr, ndtr

    with np.errstate(divide="ignore"):
        x = betaincinv(a, b, np.minimum(ndtr(z), 0.5))
        tail = (log_ndtr(z) + np.log(a) + betaln(a, b)) / a
        # x is exactly 1 where the distribution has nearly all of its weight at the ends
        return np.asarray(
            np.where(x > 1e-290, np.log(np.maximum(x, 1e-300)) - np.log1p(-np.minimum(x, 1 - 1e-16)), tail)
        )


def _by_moments(a: float, b: float, z: FloatArray) -> FloatArray:
    """Quantile of a nearly normal beta distribution by its skewness and kurtosis (Cornish and Fisher)."""
    n = a + b
    deviation = np.sqrt(a / n * (b / n) / (n + 1))
    skewness = 2 * (b - a) / (n + 2) * np.sqrt((n + 1) / (a * b))
    kurtosis = 6 * ((a - b) ** 2 * (n + 1) / (a * b) / (n + 2) - 1) / (n + 3)
    bent = z + skewness * (z**2 - 1) / 6 + kurtosis * (z**3 - 3 * z) / 24 - skewness**2 * (2 * z**3 - 5 * z) / 36
    return np.asarray(a / n + deviation * bent)
