"""What is known before, and what was seen on site: the rate that follows from both, for one site and for several.

The number of failures in given hours is a Poisson number. A gamma distribution of the rate before gives a gamma
distribution after it; a lognormal one, and the rates of several sites that are alike but not the same, are integrated
on a fine grid. Nothing is drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.columns import counted
from k2rel.distributions import Distribution, Uncertain, from_limits
from k2rel.errors import InputError
from k2rel.field.lives import Exposure
from k2rel.rates.entry import RateRow
from k2rel.tables import Shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEVELS", "Pooled", "Posterior", "pool", "prior_of", "update", "weights_after"]

FloatArray = NDArray[np.float64]
LogPrior = Callable[[FloatArray, FloatArray], FloatArray]

LEVELS = (0.05, 0.5, 0.95)
_POINTS = 4001


@dataclass(frozen=True, eq=False, repr=False)
class Posterior(Shown):
    """A failure rate before and after what was seen.

    Parameters
    ----------
    evidence : Exposure
        Failures and hours.
    prior : Uncertain or None
        The distribution before; None where several sites made it.
    mean, low, median, high : float
        Mean and quantiles at 5, 50 and 95 % after [1/h].
    surprise : float
        How probable, before, a number of failures was that lies as far out as the one seen, on both sides together;
        below 0.05 prior and site contradict each other. Not a number where several sites made the prior.
    """

    evidence: Exposure
    prior: Uncertain | None
    mean: float
    low: float
    median: float
    high: float
    surprise: float = math.nan

    def entry(self, row: RateRow, name: str, types: Sequence[str] = ()) -> RateRow:
        """Give the posterior as an entry of the registry.

        Parameters
        ----------
        row : RateRow
            The entry that the prior came from; restore times and conditions stay.
        name : str
            Id of the new entry.
        types : sequence of str
            Component types that take it by default.

        Returns
        -------
        RateRow
            With the mean as its rate, and the quantiles at 5 and 95 % as its limits.

        Examples
        --------
        >>> from k2rel.rates import read_rates
        >>> row = read_rates().row("psu")
        >>> update(prior_of(row), Exposure("psu", 2, 500_000)).entry(row, "psu_here").id
        'psu_here'
        """
        seen = self.evidence
        where = f" at {seen.site}" if seen.site else ""
        words = f"{row.id}, updated with {counted(seen.failures, 'failure')} in {seen.hours:,.6g} h{where}"
        return replace(
            row, id=name, rate_per_h=self.mean, low_per_h=min(self.low, self.mean),
            high_per_h=max(self.high, self.mean),
            life=Distribution.exponential(1 / self.mean), component_types=tuple(types), also_for=(),
            default_reason="prior and own log together" if types else "", evidence="posterior", source=words,
            url="", notes=f"prior: {row.origin}",
        )  # fmt: skip

    def _line(self) -> str:
        return f"{self.evidence.name}: {self.mean:.3g} /h, {self.low:.3g} to {self.high:.3g}"


def prior_of(row: RateRow, law: str = "lognormal") -> Uncertain:
    """Read an entry of the registry as the distribution of a rate that is not known exactly.

    Parameters
    ----------
    row : RateRow
        The entry, with 90 % limits.
    law : {"lognormal", "gamma"}
        The distribution.

    Returns
    -------
    Uncertain
        Its 5 and 95 % quantiles are the entry's limits, as in every study of uncertainty.

    Raises
    ------
    InputError
        If the entry has no limits, or the distribution is unknown.

    Examples
    --------
    >>> from k2rel.rates import read_rates
    >>> prior = prior_of(read_rates().row("psu"), "gamma")
    >>> [float(f"{prior.quantile(level):.6g}") for level in (0.05, 0.95)]
    [1e-06, 1.2e-05]
    """
    low, high = row.low_per_h, row.high_per_h
    if not low or not high or not low < high:
        raise InputError(
            f"entry '{row.id}' has no limits, so the uncertainty of its rate is not known; use other entries"
        )
    if law not in ("lognormal", "gamma"):
        raise InputError(f"prior: 'lognormal' or 'gamma', got '{str(law)[:40]}'")
    try:
        return from_limits(law, low, high)
    except InputError as error:
        raise InputError(f"entry '{row.id}': {error}") from None


def update(prior: Uncertain, evidence: Exposure) -> Posterior:
    r"""Put prior and evidence together.

    Parameters
    ----------
    prior : Uncertain
        Lognormal or gamma distribution of the rate [1/h].
    evidence : Exposure
        Failures and hours of the site.

    Returns
    -------
    Posterior
        For a gamma distribution :math:`\Gamma(a, s)` that is :math:`\Gamma(a + r, (1/s + T)^{-1})`; for a lognormal
        one Bayes' rule on 4,001 points (NUREG/CR-6823, 6.2.2).

    Raises
    ------
    InputError
        If the prior has another distribution.

    Examples
    --------
    >>> after = update(Uncertain("gamma", (2.0, 1e-6)), Exposure("x", 3, 1e6))
    >>> round(after.mean * 1e6, 9)
    2.5
    """
    from scipy.special import chdtri

    failures, hours = evidence.failures, evidence.hours
    if prior.family not in ("gamma", "lognormal"):
        raise InputError(f"prior: a gamma or a lognormal distribution, not {prior.family}")
    rates, weight = _grid(prior)
    surprise = _surprise(rates, weight, evidence)
    if prior.family == "gamma":
        shape, scale = prior.parameters[0] + failures, 1.0 / (1.0 / prior.parameters[1] + hours)
        low, median, high = (float(chdtri(2 * shape, 1 - level)) * scale / 2 for level in LEVELS)
        return Posterior(evidence, prior, shape * scale, low, median, high, surprise)
    rates, log_weight = weights_after(prior, evidence)
    after = np.exp(log_weight - log_weight.max())
    after /= after.sum()
    low, median, high = _quantiles(rates, after)
    return Posterior(evidence, prior, float(after @ rates), low, median, high, surprise)


def weights_after(prior: Uncertain, evidence: Exposure) -> tuple[FloatArray, FloatArray]:
    """Rates that matter after, and the logarithm of their weight, for a lognormal prior.

    In the logarithm x of the rate the weight is that of -(x - m)^2 / 2 s^2 + r x - T exp(x), which has one peak and
    falls to the left at least as fast as the prior alone, to the right faster than at the peak.
    """
    sigma, median = prior.of_family
    centre = math.log(median)
    failures, hours = evidence.failures, evidence.hours
    peak = centre
    for _ in range(200):  # Newton on a concave function, held to steps of one
        slope = -(peak - centre) / sigma**2 + failures - hours * math.exp(peak)
        step = slope / (1 / sigma**2 + hours * math.exp(peak))
        peak += max(-1.0, min(1.0, step))
        if abs(step) < 1e-12:
            break
    width = 1 / math.sqrt(1 / sigma**2 + hours * math.exp(peak))
    x = np.linspace(peak - min(12 * sigma, 40 * width), peak + 12 * width, _POINTS)
    return np.exp(x), -((x - centre) ** 2) / (2 * sigma**2) + failures * x - hours * np.exp(x)


def _grid(prior: Uncertain) -> tuple[FloatArray, FloatArray]:
    """Rates that matter before, evenly spaced in their logarithm, and their weight."""
    high = float(prior.quantile(1 - 1e-7))
    rates = np.geomspace(max(float(prior.quantile(1e-7)), high * 1e-30), high, _POINTS)
    weight = prior.density(rates) * rates
    return rates, weight / weight.sum()


def _quantiles(rates: FloatArray, weight: FloatArray) -> tuple[float, float, float]:
    """Quantiles of weights on an even grid of logarithms; half of a point's weight lies below it."""
    cumulative = np.cumsum(weight) - weight / 2
    keep = np.concatenate([[True], np.diff(cumulative) > 0])
    low, median, high = np.exp(np.interp(LEVELS, cumulative[keep], np.log(rates[keep]))).tolist()
    return float(low), float(median), float(high)


def _surprise(rates: FloatArray, weight: FloatArray, evidence: Exposure) -> float:
    """Two-sided probability, before, of a number of failures as far out as the one seen."""
    from scipy.special import pdtr, pdtrc

    mean, count = rates * evidence.hours, math.floor(evidence.failures)
    most = float(weight @ pdtr(count, mean))
    least = float(weight @ pdtrc(count - 1, mean)) if count > 0 else 1.0
    return min(1.0, 2 * min(most, least))


@dataclass(frozen=True, eq=False, repr=False)
class Pooled(Shown):
    """Rates of several sites that are alike but not the same.

    Parameters
    ----------
    sites : tuple of Posterior
        Each site's own rate, drawn towards the others as far as it knows little itself.
    mean : Posterior
        The mean rate of all such sites.
    new_site : Posterior
        The rate of a site of which nothing is known but that it is one of them.
    variation, variation_low, variation_high : float
        Coefficient of variation between sites: median, and quantiles at 5 and 95 %.
    """

    sites: tuple[Posterior, ...]
    mean: Posterior
    new_site: Posterior
    variation: float
    variation_low: float
    variation_high: float

    def table(self) -> pd.DataFrame:
        """Give the sites as a table.

        Returns
        -------
        pandas.DataFrame
            Index ``site``; ``failures``, ``hours``, ``alone_per_h`` (failures by hours), ``failure_rate_per_h``,
            ``low_per_h`` and ``high_per_h`` [1/h]; last a new site.

        Examples
        --------
        >>> pool([Exposure("psu", 1, 1e5, "X"), Exposure("psu", 9, 1e5, "Y")]).table().index.tolist()
        ['X', 'Y', 'a new site']
        """
        import pandas as pd

        rows = [
            (one.evidence.site or one.evidence.name, one.evidence.failures, one.evidence.hours,
             one.evidence.failures / one.evidence.hours, one.mean, one.low, one.high)
            for one in self.sites
        ]  # fmt: skip
        new = self.new_site
        rows.append(("a new site", math.nan, math.nan, math.nan, new.mean, new.low, new.high))
        columns = ["site", "failures", "hours", "alone_per_h", "failure_rate_per_h", "low_per_h", "high_per_h"]
        return pd.DataFrame(rows, columns=columns).set_index("site")

    def _line(self) -> str:
        return f"{counted(len(self.sites), 'site')}, a new one: {self.new_site.mean:.3g} /h"


def pool(
    exposures: Sequence[Exposure],
    population: Uncertain | None = None,
    *,
    spread: float = 1.0,
    log_prior: LogPrior | None = None,
) -> Pooled:
    r"""Pool the rates of sites of one kind.

    Parameters
    ----------
    exposures : sequence of Exposure
        Failures and hours of each site; at least two.
    population : Uncertain, optional
        Law, before, of the mean rate of all such sites [1/h]; by default every order of magnitude is as probable.
    spread : float
        Scale of the half-normal distribution, before, of the coefficient of variation between sites.
    log_prior : callable, optional
        Instead of both: logarithm of the prior density over the logarithms of mean rate and shape, of these two.

    Returns
    -------
    Pooled
        Of the model :math:`r_i \sim \mathrm{Poisson}(\lambda_i T_i)`, :math:`\lambda_i \sim \Gamma(\alpha, \mu/\alpha)`
        (NUREG/CR-6823, chapter 8; George, Makov and Smith, Scand. J. Statist. 20 (1993) 147), integrated over
        :math:`\mu` and :math:`\alpha` on a grid that is refined once.

    Raises
    ------
    InputError
        If there are fewer than two sites, or none of them saw a failure and no prior is given.

    Examples
    --------
    >>> both = pool([Exposure("psu", 1, 1e5, "X"), Exposure("psu", 9, 1e5, "Y")])
    >>> [float(f"{site.mean:.2g}") for site in both.sites]
    [2e-05, 8e-05]
    """
    if len(exposures) < 2:
        raise InputError("pooling: at least two sites are needed; for one, update a prior")
    if not 0.01 <= spread <= 10:
        raise InputError(f"spread between sites: from 0.01 to 10, got {spread:g}")
    failures = np.array([one.failures for one in exposures])
    hours = np.array([one.hours for one in exposures])
    if failures.sum() == 0 and population is None and log_prior is None:
        raise InputError("pooling: no failure was observed at any site; give a prior for the mean rate")
    prior = log_prior or _log_prior(population, spread)
    middle = (failures.sum() + 0.5) / hours.sum()
    if population is not None:
        middle = math.sqrt(middle * float(population.quantile(0.5)))
    log_mean = np.linspace(math.log(middle) - 9, math.log(middle) + 9, 241)
    log_shape = np.linspace(-5.0, 9.2, 121)
    for size in ((81, 61), None):
        means, shapes = np.exp(log_mean)[:, None], np.exp(log_shape)[None, :]
        log_weight = prior(means, shapes) + _log_evidence(failures, hours, means, shapes)
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        if size is not None:
            log_mean = _narrowed(log_mean, weight.sum(axis=1), size[0])
            log_shape = _narrowed(log_shape, weight.sum(axis=0), size[1])
    keep = weight > 1e-7 * weight.max()
    mu, alpha = (np.broadcast_to(x, weight.shape)[keep] for x in (means, shapes))
    w = weight[keep] / weight[keep].sum()
    total = Exposure(exposures[0].name, float(failures.sum()), float(hours.sum()))
    sites = tuple(_mixture(w, alpha + one.failures, alpha / mu + one.hours, one) for one in exposures)
    by_mean = weight.sum(axis=1)
    limits = _quantiles(np.exp(log_mean), by_mean)
    mean = Posterior(total, population, float(by_mean @ np.exp(log_mean)), *limits)
    variation = np.exp(-log_shape[::-1] / 2)
    low, median, high = _quantiles(variation, weight.sum(axis=0)[::-1])
    return Pooled(sites, mean, _mixture(w, alpha, alpha / mu, total), median, low, high)


def _log_prior(population: Uncertain | None, spread: float) -> LogPrior:
    """Prior over the logarithms of mean and shape: a distribution of the mean, a half-normal one of the variation."""

    def density(means: FloatArray, shapes: FloatArray) -> FloatArray:
        variation = 1 / np.sqrt(shapes)
        result = np.log(variation) - 0.5 * (variation / spread) ** 2
        if population is not None:
            with np.errstate(divide="ignore"):
                result = result + np.log(population.density(means)) + np.log(means)
        return np.asarray(result + 0.0 * means)

    return density


def _log_evidence(failures: FloatArray, hours: FloatArray, means: FloatArray, shapes: FloatArray) -> FloatArray:
    """Logarithm of the probability of what all sites saw, their own rates integrated out: negative binomial."""
    from scipy.special import gammaln

    total = np.zeros(np.broadcast_shapes(means.shape, shapes.shape))
    beta = shapes / means
    for count, time in zip(failures, hours, strict=True):
        total += gammaln(shapes + count) - gammaln(shapes)
        total += -shapes * np.log1p(time / beta) - count * np.log(beta + time)
    return total


def _narrowed(values: FloatArray, weight: FloatArray, size: int) -> FloatArray:
    """A finer grid over where the weight is."""
    inside = np.flatnonzero(weight > 1e-6 * weight.max())
    first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, len(values) - 1)
    return np.linspace(values[first], values[last], size)


def _mixture(weight: FloatArray, shape: FloatArray, rate: FloatArray, evidence: Exposure) -> Posterior:
    """Mean and quantiles of a mixture of gamma laws."""
    from scipy.optimize import brentq
    from scipy.special import gammainc

    mean = float(weight @ (shape / rate))
    around = np.geomspace(mean * 1e-6, mean * 1e3, 120)
    cumulative = gammainc(shape[:, None], rate[:, None] * around).T @ weight

    def quantile(level: float) -> float:
        place = int(np.clip(np.searchsorted(cumulative, level), 1, len(around) - 1))
        if cumulative[place - 1] > level:
            return float(around[0])
        first, last = (math.log(x) for x in around[place - 1 : place + 1])

        def missing(x: float) -> float:
            return float(weight @ gammainc(shape, rate * math.exp(x))) - level

        return math.exp(brentq(missing, first, last, xtol=1e-6))

    low, median, high = (quantile(level) for level in LEVELS)
    return Posterior(evidence, None, mean, low, median, high)
