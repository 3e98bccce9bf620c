"""Whether units that are repaired fail more often, or less often, as they get older."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from k2rel.columns import counted
from k2rel.errors import InputError
from k2rel.field.lives import RepairHistory
from k2rel.tables import Shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Trend", "mean_cumulative_failures", "trend_of"]


@dataclass(frozen=True, slots=True, repr=False)
class Trend(Shown):
    """Tests of a trend, and the power law through it.

    Parameters
    ----------
    failures, units : int
        What it rests on.
    laplace, laplace_p : float
        Laplace's statistic, positive where failures come more often, and its two-sided p-value.
    military, military_p : float
        Chi-square statistic of MIL-HDBK-189 and its two-sided p-value.
    shape, shape_low, shape_high : float
        Exponent of the power law, corrected for bias, with its limits: above 1 failures come more often with age.
    scale : float
        Factor of the power law, so that a unit has :math:`a t^b` failures until the age :math:`t` in hours.
    confidence : float
        Level of the limits.
    shape_mle : float
        The exponent of the largest likelihood, without the correction.
    """

    failures: int
    units: int
    laplace: float
    laplace_p: float
    military: float
    military_p: float
    shape: float
    shape_low: float
    shape_high: float
    scale: float
    confidence: float
    shape_mle: float = math.nan

    def exponents(self) -> str:
        """Say the exponent of the power law, corrected and not.

        Returns
        -------
        str
            Both, with the limits.

        Examples
        --------
        >>> trend_of(RepairHistory(np.zeros(3, int), np.array([1.0, 2.0, 3.0]), np.array([100.0]))).exponents()
        'exponent of the power law 0.166 bias-corrected, 0.25 by maximum likelihood (90 % limits 0.068 to 0.524)'
        """
        return (
            f"exponent of the power law {self.shape:.3g} bias-corrected, {self.shape_mle:.3g} by maximum likelihood "
            f"({100 * self.confidence:g} % limits {self.shape_low:.3g} to {self.shape_high:.3g})"
        )

    def words(self) -> str:
        """Say it in a sentence.

        Returns
        -------
        str
            The verdict of both tests at 5 %.

        Examples
        --------
        >>> trend_of(RepairHistory(np.zeros(3, int), np.array([1.0, 2.0, 3.0]), np.array([100.0]))).words()[:37]
        'failures become less frequent with ti'
        """
        agree = self.laplace_p < 0.05 and self.military_p < 0.05
        either = self.laplace_p < 0.05 or self.military_p < 0.05
        way = "more" if self.shape > 1 else "less"
        p = f"Laplace p = {self.laplace_p:.2g}, MIL-HDBK-189 p = {self.military_p:.2g}"
        if agree:
            return f"failures become {way} frequent with time (both tests, {p}); a constant rate does not describe this"
        if either:
            return f"failures may become {way} frequent with time (one test of two, {p})"
        return f"no trend is detected ({p}); a constant rate is adequate"

    def _line(self) -> str:
        return f"{counted(self.failures, 'failure')} of {counted(self.units, 'unit')}; shape {self.shape:.3g}"


def trend_of(history: RepairHistory, confidence: float = 0.9) -> Trend:
    r"""Test failures of repaired units for a trend.

    Parameters
    ----------
    history : RepairHistory
        The failures.
    confidence : float
        Level of the limits of the power law.

    Returns
    -------
    Trend
        Laplace's test :math:`\left(\sum t_{ij} - \tfrac12 \sum n_i T_i\right) / \sqrt{\tfrac1{12} \sum n_i T_i^2}` and
        that of MIL-HDBK-189 (Crow-AMSAA), :math:`2 \sum\ln(T_i / t_{ij}) \sim \chi^2_{2N}`, for units followed until a
        time (IEC 60605-6); where a unit was followed until its last failure, that failure counts as the end. Power
        distribution: NIST/SEMATECH e-Handbook 8.4.5.2 for one unit.

    Raises
    ------
    InputError
        If there are fewer than three failures before the ends.

    Examples
    --------
    >>> times = np.array([5.0, 40, 43, 175, 389, 712, 747, 795, 1299, 1478])
    >>> one = trend_of(RepairHistory(np.zeros(10, int), times, np.array([1500.0])))
    >>> round(one.shape, 4), round(one.scale, 4), round(one.laplace, 3)
    (0.4835, 0.2913, -1.327)
    """
    from scipy.special import chdtr, chdtrc, chdtri, ndtr

    if not 0.5 <= confidence < 1:
        raise InputError(f"confidence: from 0.5 to below 1, got {confidence:g}")
    end = history.end_h[history.unit]
    inside = history.time_h < end
    times, ends = history.time_h[inside], end[inside]
    number = len(times)
    if number < 3:
        raise InputError(f"trend: at least three failures before the end of the observation are needed, got {number}")
    laplace = float((times.sum() - ends.sum() / 2) / math.sqrt(float((ends**2).sum()) / 12))
    logs = float(np.log(ends / times).sum())
    military = 2 * logs
    tail = (1 - confidence) / 2
    shape = (number - 1) / logs
    low, high = (float(chdtri(2 * number, t)) / (2 * number) * number / logs for t in (1 - tail, tail))
    total = float(np.sum(history.end_h**shape))
    return Trend(
        history.failures,
        len(history.end_h),
        laplace,
        float(2 * ndtr(-abs(laplace))),
        military,
        float(min(1.0, 2 * min(chdtr(2 * number, military), chdtrc(2 * number, military)))),
        shape,
        low,
        high,
        history.failures / total,
        confidence,
        history.failures / logs,
    )


def mean_cumulative_failures(history: RepairHistory) -> pd.DataFrame:
    """Give the mean number of failures of a unit until an age.

    Parameters
    ----------
    history : RepairHistory
        The failures.

    Returns
    -------
    pandas.DataFrame
        ``time_h`` [h] and ``failures``, over the units still followed at that age (Nelson, Recurrent Events Data
        Analysis, 2003).

    Examples
    --------
    >>> history = RepairHistory(np.array([0, 1]), np.array([10.0, 20.0]), np.array([15.0, 30.0]))
    >>> mean_cumulative_failures(history)["failures"].tolist()
    [0.5, 1.5]
    """
    import pandas as pd

    times = np.sort(history.time_h)
    ends = np.sort(history.end_h)
    followed = len(ends) - np.searchsorted(ends, times, side="left")
    return pd.DataFrame({"time_h": times, "failures": np.cumsum(1.0 / followed)})
