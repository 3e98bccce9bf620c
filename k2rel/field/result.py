"""A distribution fitted to data: parameters with limits, curves, and an entry for the registry ready to use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.columns import counted
from k2rel.distributions import FAMILIES, Distribution, Family, parse_distribution
from k2rel.distributions.closed_forms import normal_deviations
from k2rel.errors import InputError
from k2rel.field.likelihood import LAWS, Shape
from k2rel.rates.entry import RateRow
from k2rel.tables import Shown

__all__ = ["Fit", "FittedParameter", "family_of"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FittedParameter:
    """A parameter or a rate from data, with its limits.

    Parameters
    ----------
    value : float
        Its best value.
    error : float
        Standard error; not a number where there is none.
    low, high : float
        Limits of the confidence interval.
    """

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Shown):
    """A distribution fitted to data.

    Parameters
    ----------
    name : str
        What was fitted.
    law : str
        ``exponential``, ``weibull``, ``weibull3``, ``lognormal`` or ``gamma``.
    parameters : mapping of str to FittedParameter
        Its parameters; those in hours end in ``_h``.
    rate_per_h : FittedParameter
        Reciprocal of the mean life [1/h].
    failures, units : int
        What it rests on; units is 0 where only hours are known.
    hours : float
        Hours of operation [h].
    log_likelihood : float
        Logarithm of the likelihood; 0 where nothing failed.
    confidence : float
        Level of the limits.
    limits : str
        How the limits of the parameters were got.
    covariance : array of float
        Of the logarithms of the parameters.
    notes : tuple of str
        What a reader must know.
    """

    name: str
    law: str
    parameters: Mapping[str, FittedParameter]
    rate_per_h: FittedParameter
    failures: int
    units: int
    hours: float
    log_likelihood: float
    confidence: float
    limits: str
    covariance: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The distribution as `parse_distribution` reads it."""
        family, parameters = self._family
        return family.in_words(parameters, "h")

    @property
    def distribution(self) -> Distribution:
        """The distribution, for the simulation."""
        return parse_distribution(self.words)

    @property
    def free(self) -> int:
        """Number of parameters."""
        return len(self.parameters)

    @property
    def aic(self) -> float:
        """Akaike's criterion: the smaller, the better the distribution for its number of parameters."""
        return 2 * self.free - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Bayesian (Schwarz') criterion, by the number of lives; of failures where only hours are known."""
        return self.free * math.log(max(self.units or self.failures, 1)) - 2 * self.log_likelihood

    @property
    def _family(self) -> tuple[Family, tuple[float, ...]]:
        return family_of(self.law, {name: one.value for name, one in self.parameters.items()})

    def _shape(self) -> tuple[Shape, FloatArray, float]:
        values = {name: one.value for name, one in self.parameters.items()}
        location = values.pop("location_h", 0.0)
        return LAWS[self.law.removesuffix("3")], np.array(list(values.values())), location

    def failed_by(self, times_h: ArrayLike) -> FloatArray:
        """Give the probability to have failed by some times.

        Parameters
        ----------
        times_h : array of float
            Times [h].

        Returns
        -------
        array of float
            Probabilities.

        Examples
        --------
        >>> from k2rel.field import Lives, fit_law
        >>> one = fit_law("exponential", Lives.of([100.0], [100.0]))
        >>> one.failed_by([0.0, 200.0]).round(4).tolist()
        [0.0, 0.6321]
        """
        law, values, location = self._shape()
        times = np.maximum(np.asarray(times_h, dtype=np.float64) - location, 0.0)
        with np.errstate(divide="ignore", over="ignore", under="ignore"):
            return np.where(times > 0, law.forms.cumulative(np.maximum(times, 1e-300), values), 0.0)

    def band(self, times_h: ArrayLike) -> tuple[FloatArray, FloatArray]:
        r"""Give limits of the probability to have failed by some times.

        Parameters
        ----------
        times_h : array of float
            Times [h].

        Returns
        -------
        tuple of array of float
            Lower and upper limits: normal on :math:`\ln(-\ln S)`, the error carried over by its slope in the
            parameters' logarithms (Meeker and Escobar 1998, 8.4.3); not a number where a fit has no covariance.

        Examples
        --------
        >>> from k2rel.field import Lives, fit_law
        >>> low, high = fit_law("weibull", Lives.of([50.0, 100.0, 150.0])).band([100.0])
        >>> low.round(3).item(), high.round(3).item()
        (0.21, 0.887)
        """
        law, values, location = self._shape()
        times = np.maximum(np.asarray(times_h, dtype=np.float64) - location, 1e-300)
        size = len(values)
        if self.covariance.shape[0] < size:
            return np.full(len(times), math.nan), np.full(len(times), math.nan)

        def transformed(x: FloatArray) -> FloatArray:
            with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
                return np.asarray(np.log(-law.forms.log_survival(times, np.exp(x))))

        x = np.log(values)
        h = 1e-5
        with np.errstate(invalid="ignore", over="ignore"):  # far out, where nothing or everything has failed
            slopes = np.array([(transformed(x + h * row) - transformed(x - h * row)) / (2 * h) for row in np.eye(size)])
            error = np.sqrt(np.maximum(np.einsum("it,ij,jt->t", slopes, self.covariance[:size, :size], slopes), 0.0))
        middle, z = transformed(x), normal_deviations(self.confidence)
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            return -np.expm1(-np.exp(middle - z * error)), -np.expm1(-np.exp(middle + z * error))

    @property
    def mean_h(self) -> float:
        """Mean life [h]; infinite where the distribution has none that a number can hold."""
        family, parameters = self._family
        return family.mean_of(parameters)

    def quantile_h(self, share: float) -> float:
        """Give the time by which a share of the parts has failed.

        Parameters
        ----------
        share : float
            The share, such as 0.1 for the B10 life.

        Returns
        -------
        float
            The time [h].

        Examples
        --------
        >>> from k2rel.field import Lives, fit_law
        >>> round(fit_law("exponential", Lives.of([100.0])).quantile_h(0.1), 3)
        10.536
        """
        return float(self.quantiles_h(np.array([share]))[0])

    def quantiles_h(self, shares: FloatArray) -> FloatArray:
        """Give the times by which shares of the parts have failed, whether the distribution has a mean or not.

        Parameters
        ----------
        shares : array of float
            The shares.

        Returns
        -------
        array of float
            Times [h].

        Examples
        --------
        >>> from k2rel.field import Lives, fit_law
        >>> fit_law("exponential", Lives.of([100.0])).quantiles_h(np.array([0.1, 0.5])).round(3).tolist()
        [10.536, 69.315]
        """
        law, values, location = self._shape()
        with np.errstate(over="ignore"):
            return location + law.forms.quantile(shares, values)

    def entry(self, name: str, types: Sequence[str] = (), source: str = "") -> RateRow:
        """Give the fit as an entry of the registry.

        Parameters
        ----------
        name : str
            Id of the entry.
        types : sequence of str
            Component types that take it by default.
        source : str
            Where the data come from.

        Returns
        -------
        RateRow
            Rate, limits and distribution; without restore times, which data of failures do not tell.

        Raises
        ------
        InputError
            If the distribution has no mean life, or one beyond what an entry can have, or the rate's upper limit is
            above 1 /h.

        Examples
        --------
        >>> from k2rel.field import Lives, fit_law
        >>> fit_law("exponential", Lives.of([100.0, 300.0])).entry("mine").rate_per_h
        0.005
        """
        rate = self.rate_per_h
        finite = math.isfinite(rate.low) and math.isfinite(rate.high) and rate.low > 0
        if finite and rate.high > 1:
            raise InputError(
                f"the data do not determine the rate, {rate.low:.3g} to {rate.high:.3g} /h; the limits of an entry "
                "are at "
                "most 1 /h"
            )
        return RateRow(
            name,
            rate.value,
            self.distribution,
            min(rate.low, rate.value) if finite else None,
            max(rate.high, rate.value) if finite else None,
            component_types=tuple(types),
            default_reason="fitted to own data" if types else "",
            component=self.name,
            failure_mode="as logged",
            evidence="field",
            source=source,
            notes=f"{counted(self.failures, 'failure')} in {self.hours:,.4g} h, {self.units:,} lives"
            + "".join(f"; {note}" for note in self.notes),
        )

    def to_json(self) -> dict[str, Any]:
        """Give the fit as JSON knows it.

        Returns
        -------
        dict
            Everything but the covariance.

        Examples
        --------
        >>> from k2rel.field import Lives, fit_law
        >>> fit_law("exponential", Lives.of([100.0])).to_json()["law"]
        'exponential'
        """
        shown = {name: {"value": e.value, "error": e.error, "low": e.low, "high": e.high}
                 for name, e in {**self.parameters, "rate_per_h": self.rate_per_h}.items()}  # fmt: skip
        return {
            "name": self.name, "law": self.law, "words": self.words, "estimates": shown, "failures": self.failures,
            "units": self.units, "hours": self.hours, "log_likelihood": self.log_likelihood, "aic": self.aic,
            "bic": self.bic, "mean_h": self.mean_h, "b10_h": self.quantile_h(0.1),
            "confidence": self.confidence, "limits": self.limits, "notes": list(self.notes),
        }  # fmt: skip

    def _line(self) -> str:
        return f"{self.name}: {self.words}; {self.failures:,.6g} failures of {self.units:,.6g} units"


def family_of(law: str, parameters: Mapping[str, float]) -> tuple[Family, tuple[float, ...]]:
    """Give the family of a fitted distribution, and its parameters in their order.

    Examples
    --------
    >>> family, parameters = family_of("weibull3", {"shape": 2.0, "scale_h": 5.0, "location_h": 1.0})
    >>> family.in_words(parameters, "h")
    'weibull(shape=2, scale=5 h, location=1 h)'
    """
    family = FAMILIES[law.removesuffix("3")]
    given = {name.removesuffix("_h"): value for name, value in parameters.items()}
    return family, tuple(given[name] if name in given else family.defaults[name] for name in family.parameters)
