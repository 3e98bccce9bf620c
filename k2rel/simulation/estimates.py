"""Estimates with confidence intervals, for means over independent histories."""

from __future__ import annotations

import math
from dataclasses import dataclass

from k2rel.distributions.closed_forms import normal_deviations

__all__ = ["Estimate", "mean_of", "share_of"]

_FEW = 30


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its confidence interval.

    Parameters
    ----------
    value, low, high : float
        The estimate, and the limits of its interval.
    standard_error : float
        Its standard error.

    Examples
    --------
    >>> Estimate(2.0, 1.0, 3.0, 0.5).times(60).high
    180.0
    """

    value: float
    low: float
    high: float
    standard_error: float

    def times(self, factor: float) -> Estimate:
        """Give the estimate in another unit.

        Parameters
        ----------
        factor : float
            What to multiply with, above 0.

        Returns
        -------
        Estimate
            The product.

        Examples
        --------
        >>> Estimate(1.0, 0.5, 2.0, 0.3).times(2.0).value
        2.0
        """
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.standard_error * factor)

    def no_more_than(self, limit: float) -> Estimate:
        """Cut the estimate and its interval at what the quantity cannot pass.

        Parameters
        ----------
        limit : float
            The largest value that there is.

        Returns
        -------
        Estimate
            The estimate.

        Examples
        --------
        >>> Estimate(0.999, 0.99, 1.008, 0.004).no_more_than(1.0).high
        1.0
        """
        return Estimate(min(self.value, limit), min(self.low, limit), min(self.high, limit), self.standard_error)

    def to_json(self) -> dict[str, float | None]:
        """Give it for JSON, which has no infinity and nothing that is no number: such values are None.

        Returns
        -------
        dict
            Value, low, high, standard_error.

        Examples
        --------
        >>> Estimate(0.0, 0.0, math.inf, 0.0).to_json()
        {'value': 0.0, 'low': 0.0, 'high': None, 'standard_error': 0.0}
        """
        row = {"value": self.value, "low": self.low, "high": self.high, "standard_error": self.standard_error}
        return {name: value if math.isfinite(value) else None for name, value in row.items()}


def mean_of(total: float, squares: float, count: int, hits: int, confidence: float) -> Estimate:
    """Estimate a mean over histories.

    Examples
    --------
    >>> round(mean_of(100.0, 150.0, 100, 80, 0.95).low, 4)
    0.8607
    >>> mean_of(0.0, 0.0, 100, 0, 0.95).high
    inf
    """
    from scipy.special import betaincinv

    mean = float(total) / count
    spread = math.sqrt(max(float(squares) / count - mean * mean, 0.0) / max(count - 1, 1))
    if hits == 0:
        return Estimate(0.0, 0.0, math.inf, 0.0)
    if hits >= _FEW or hits == count:
        half = normal_deviations(confidence) * spread
        return Estimate(mean, max(mean - half, 0.0), mean + half, spread)
    tail = (1.0 - confidence) / 2
    low = float(betaincinv(hits, count - hits + 1, tail))
    high = float(betaincinv(hits + 1, count - hits, 1.0 - tail))
    return Estimate(mean, mean * low * count / hits, mean * high * count / hits, spread)


def share_of(hits: int, count: int, confidence: float) -> Estimate:
    """Estimate a probability.

    Examples
    --------
    >>> round(share_of(0, 100, 0.95).high, 4)
    0.0362
    """
    from scipy.special import betaincinv

    tail = (1.0 - confidence) / 2
    low = float(betaincinv(hits, count - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, count - hits, 1.0 - tail)) if hits < count else 1.0
    p = hits / count
    return Estimate(p, low, high, math.sqrt(p * (1.0 - p) / count))
