"""Laws fitted to lives or to counts of failures, with limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_names
from k2rel.distributions.closed_forms import normal_deviations
from k2rel.errors import InputError, closest
from k2rel.field.likelihood import FARTHEST, LAWS, Shape, differences, log_likelihood, maximum
from k2rel.field.limits import limit_of_likelihood
from k2rel.field.lives import Exposure, Lives
from k2rel.field.result import Fit, FittedParameter, family_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAMES", "fit_law", "fit_laws", "fits_and_reasons", "rate_of_counts", "table_of"]

FloatArray = NDArray[np.float64]

NAMES = (*LAWS, "weibull3")
"""Laws that can be fitted."""
_PROFILE_MOST = 5_000
_VAGUE = 100.0**2
_STEEPEST = 1e8


def _checked(confidence: float) -> float:
    if not 0.5 <= confidence < 1:
        raise InputError(f"confidence: from 0.5 to below 1, such as 0.9; got {confidence:g}")
    return confidence


def rate_of_counts(exposure: Exposure, confidence: float = 0.9) -> Fit:
    r"""Estimate a constant failure rate from failures and hours.

    Parameters
    ----------
    exposure : Exposure
        Failures and hours.
    confidence : float
        Level of the limits.

    Returns
    -------
    Fit
        An exponential distribution. Rate :math:`r/T`, limits :math:`\chi^2_{2r}/2T` and :math:`\chi^2_{2r+2}/2T` for a
        time that was given (IEC 60605-4; NIST/SEMATECH e-Handbook 8.4.5.1). Without a failure only the upper limit is
        known; the value is then that limit at 50 %, and a note says so.

    Examples
    --------
    >>> rate = rate_of_counts(Exposure("NIST 8.4.1.3", 10, 7771.0)).rate_per_h
    >>> [float(f"{x:.5g}") for x in (rate.value, rate.low, rate.high)]
    [0.0012868, 0.00069816, 0.0021828]
    """
    from scipy.special import chdtri

    _checked(confidence)
    failures, hours = exposure.failures, exposure.hours
    tail = (1 - confidence) / 2
    notes: tuple[str, ...] = ()
    if failures > 0:
        value = failures / hours
        low = float(chdtri(2 * failures, 1 - tail)) / (2 * hours)
        high = float(chdtri(2 * failures + 2, tail)) / (2 * hours)
        error = value / math.sqrt(failures)
    else:
        high = -math.log1p(-confidence) / hours
        value, low, error = math.log(2.0) / hours, 0.0, math.nan
        notes = (
            f"no failure was observed: the rate is below {high:.3g} /h with {100 * confidence:g} % confidence; the "
            "value "
            "given is that limit at 50 %",
        )
    rate = FittedParameter(value, error, low, high)
    mean = FittedParameter(1 / value, error / value**2, 1 / high, math.inf if low == 0 else 1 / low)
    covariance = np.array([[1 / failures]]) if failures else np.zeros((0, 0))
    how = "chi-square" if failures else "upper limit only"
    likelihood = failures * math.log(value) - value * hours if failures else 0.0
    return Fit(
        exposure.name, "exponential", {"mean_h": mean}, rate, round(failures), 0, hours, likelihood, confidence, how,
        covariance, notes,
    )  # fmt: skip


def fit_law(name: str, lives: Lives, confidence: float = 0.9) -> Fit:
    """Fit one distribution to lives.

    Parameters
    ----------
    name : {"exponential", "weibull", "weibull3", "lognormal", "gamma"}
        The distribution; ``weibull3`` has a location, a time before which nothing fails.
    lives : Lives
        The lives.
    confidence : float
        Level of the limits.

    Returns
    -------
    Fit
        By maximum likelihood. Limits of the parameters by the likelihood ratio where there are at most 5,000 different
        lives, else normal on their logarithms; of an exponential distribution without intervals by chi-square.

    Raises
    ------
    InputError
        If the distribution is unknown, or the lives cannot tell its parameters: no failure, all at one time, or a
        location without a largest likelihood.

    Examples
    --------
    >>> lives = Lives.of([54, 187, 216, 240, 244, 335, 361, 373, 375, 386], [500] * 10)
    >>> one = fit_law("weibull", lives)
    >>> [round(e.value, 4) for e in one.parameters.values()], round(one.aic, 2)
    ([1.7208, 606.5276], 154.27)
    """
    _checked(confidence)
    if name not in NAMES:
        raise InputError(f"distribution '{str(name)[:40]}': one of {', '.join(NAMES)}{closest(str(name), NAMES)}")
    if name == "exponential" and (not lives.has_intervals or lives.failures == 0):
        found = rate_of_counts(Exposure(lives.name, lives.failures, lives.hours), confidence)
        return replace(found, units=lives.units, notes=(*lives.notes, *found.notes))
    if lives.failures == 0:
        raise InputError(f"{lives.name}: no failure was observed, so only an upper limit of the rate can be given")
    if name == "exponential" and not np.any(lives.lower_h > lives.entry_h):
        raise InputError(
            f"{lives.name}: no part is known to have been in operation for any time, so the rate has no upper limit"
        )
    if name != "exponential":
        _distinguishable(name, lives)
    if name != "exponential" and math.isinf(limit_of_likelihood(lives)) and limit_of_likelihood(lives) > 0:
        raise InputError(_no_maximum(name, lives))
    if name == "weibull3":
        located = _with_location(lives, confidence)
        _determined(name, lives, 1.0, located.log_likelihood)
        return located
    law = LAWS[name]
    values, best = maximum(law, lives)
    if len(values) > 1:
        _determined(name, lives, law.steepness(values), best)
    covariance = _covariance(law, values, lives)
    # a median far out can be vague by many orders of magnitude where few failed; a shape cannot
    vague = np.array([_VAGUE if not key.endswith("_h") else FARTHEST**2 for key in law.parameters])
    far = np.any(np.abs(np.log(values)) > 0.99 * FARTHEST)
    if len(values) > 1 and (far or not (np.all(np.isfinite(covariance)) and np.all(np.diag(covariance) < vague))):
        raise InputError(_no_maximum(name, lives))
    errors = values * np.sqrt(np.diag(covariance))
    small = len(lives.count) <= _PROFILE_MOST
    limits = [
        _profile(law, lives, values, best, i, errors[i], confidence) if small
        else tuple(values[i] * np.exp(np.array([-1.0, 1.0]) * normal_deviations(confidence) * errors[i] / values[i]))
        for i in range(len(values))
    ]  # fmt: skip
    parameters = {
        key: FittedParameter(float(values[i]), float(errors[i]), float(limits[i][0]), float(limits[i][1]))
        for i, key in enumerate(law.parameters)
    }
    return _finished(
        lives, name, parameters, values, covariance, best, confidence, "likelihood ratio" if small else "normal"
    )


def fit_laws(lives: Lives, names: Sequence[str] | str = tuple(LAWS), confidence: float = 0.9) -> tuple[Fit, ...]:
    """Fit several distributions to lives, the best first.

    Parameters
    ----------
    lives : Lives
        The lives.
    names : sequence of str
        The distributions.
    confidence : float
        Level of the limits.

    Returns
    -------
    tuple of Fit
        By Akaike's criterion. A distribution that the lives cannot tell is left out; without a failure the exponential
        one alone is there.

    Raises
    ------
    InputError
        If a distribution is unknown, or none can be fitted.

    Examples
    --------
    >>> lives = Lives.of([54, 187, 216, 240, 244, 335, 361, 373, 375, 386], [500] * 10)
    >>> sorted(one.law for one in fit_laws(lives))
    ['exponential', 'gamma', 'lognormal', 'weibull']
    """
    found, reasons = fits_and_reasons(lives, names, confidence)
    if not found:
        raise InputError(next(iter(reasons.values()), "laws: name at least one distribution"))
    return found


def fits_and_reasons(
    lives: Lives, names: Sequence[str] = tuple(LAWS), confidence: float = 0.9
) -> tuple[tuple[Fit, ...], dict[str, str]]:
    """Fit several distributions to lives, and say why others could not be fitted.

    Parameters
    ----------
    lives, names, confidence
        As for `fit_laws`.

    Returns
    -------
    tuple of tuple of Fit and dict of str to str
        Fits, the best first; and by distribution the reason why it is missing.

    Raises
    ------
    InputError
        If a distribution is unknown.

    Examples
    --------
    >>> fits, missing = fits_and_reasons(Lives.of([5.0, 5.0]), ["exponential", "weibull"])
    >>> [one.law for one in fits], missing["weibull"]
    (['exponential'], 'parts: a weibull distribution needs at least two different times to failure')
    """
    found: list[Fit] = []
    reasons: dict[str, str] = {}
    names = as_names("names", names)
    for name in names if lives.failures else ("exponential", *(name for name in names if name != "exponential")):
        try:
            found.append(fit_law(name, lives, confidence))
        except InputError as error:
            if name not in NAMES:
                raise
            reasons[name] = str(error)
    return tuple(sorted(found, key=lambda one: one.aic)), reasons


def table_of(fits: Sequence[Fit]) -> pd.DataFrame:
    """Give fits as a table.

    Parameters
    ----------
    fits : sequence of Fit
        The fits.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``law``, ``words``, ``failures``, ``units``, ``hours``, ``failure_rate_per_h``, ``low_per_h``,
        ``high_per_h`` [1/h], ``mean_h``, ``b10_h`` [h], ``log_likelihood``, ``aic``.

    Examples
    --------
    >>> table_of([fit_law("exponential", Lives.of([100.0]))])["failure_rate_per_h"].tolist()
    [0.01]
    """
    import pandas as pd

    rows = [
        (f.name, f.law, f.words, f.failures, f.units, f.hours, f.rate_per_h.value, f.rate_per_h.low, f.rate_per_h.high,
         f.mean_h, f.quantile_h(0.1), f.log_likelihood, f.aic)
        for f in fits
    ]  # fmt: skip
    columns = ["name", "law", "words", "failures", "units", "hours", "failure_rate_per_h", "low_per_h", "high_per_h",
               "mean_h", "b10_h", "log_likelihood", "aic"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _distinguishable(name: str, lives: Lives) -> None:
    """Two parameters need two different times."""
    failed = ~lives.right
    times = {*lives.lower_h[failed].tolist(), *lives.upper_h[failed].tolist()}
    later = bool(np.any(lives.lower_h[lives.right] > max(times))) if lives.right.any() else False
    if len(times) < 2 or (lives.failures < 2 and not later):
        raise InputError(f"{lives.name}: a {name} distribution needs at least two different times to failure")


def _no_maximum(name: str, lives: Lives) -> str:
    return (
        f"{lives.name}: the likelihood of a {name} distribution has no maximum (it grows without bound, or is flat); "
        "it "
        "cannot be fitted to these data"
    )


def _determined(name: str, lives: Lives, steepness: float, best: float) -> None:
    """Refuse where a distribution without any spread, or with all of it, fits as well, or digits are too few."""
    if best <= limit_of_likelihood(lives) + 1e-6:
        raise InputError(_no_maximum(name, lives))
    if not steepness < _STEEPEST:
        raise InputError(
            f"{lives.name}: the times to failure are so close to each other (less than {1 / _STEEPEST:g} of their "
            "time apart) "
            f"that a {name} distribution cannot be fitted with 16 digits"
        )


def _covariance(law: Shape, values: FloatArray, lives: Lives) -> FloatArray:
    """Inverse of the observed information of the parameters' logarithms."""
    along = law.directions(values)
    step = max(1e-3, (1e-16 * law.steepness(values)) ** 0.25)
    _, curve = differences(
        lambda y: -log_likelihood(law, values * np.exp(along @ y), lives), np.zeros(len(values)), step
    )
    try:
        covariance = np.asarray(along @ np.linalg.inv(curve) @ along.T, dtype=np.float64)
    except np.linalg.LinAlgError:
        covariance = np.full_like(curve, math.nan)
    return covariance if np.all(np.diag(covariance) > 0) else np.full_like(curve, math.nan)


def _profile(
    law: Shape, lives: Lives, values: FloatArray, best: float, which: int, error: float, confidence: float
) -> tuple[float, float]:
    """Limits of one parameter where the likelihood, the other one at its best, has fallen by half a chi-square."""
    from scipy.optimize import brentq, minimize_scalar
    from scipy.special import chdtri

    drop = float(chdtri(1, 1 - confidence)) / 2
    x0 = np.log(values)
    steep = max(1.0, law.steepness(values))
    near = 0.05 / (steep if which == 0 or law.by_mean else 1.0)

    def fallen(x: float) -> float:
        """At a change of the logarithm."""
        if len(values) == 1:
            return best - log_likelihood(law, values * np.exp(np.array([x])), lives) - drop

        middle = -x if law.by_mean else 0.0  # the other parameter follows, so that the law stays where it is

        def cost(y: float) -> float:
            change = np.array([x, middle + y] if which == 0 else [middle + y, x])
            if np.any(np.abs(x0 + change) > FARTHEST):
                return 1e300
            return min(-log_likelihood(law, values * np.exp(change), lives), 1e300)

        found = minimize_scalar(cost, bracket=(-near, near), options={"xtol": 1e-9})
        return float(found.fun) + best - drop

    limits = []
    width = error / values[which] if math.isfinite(error) else 0.5
    for sign in (-1, 1):
        inner, outer = 0.0, sign * 1.5 * width
        for _ in range(40):
            if abs(x0[which] + outer) > FARTHEST:
                limits.append(0.0 if sign < 0 else math.inf)
                break
            if fallen(outer) > 0 > fallen(inner):
                limits.append(
                    float(values[which]) * math.exp(brentq(fallen, inner, outer, xtol=1e-7 * min(1.0, width)))
                )
                break
            inner, outer = outer, outer + sign * 1.5 * width
        else:
            limits.append(0.0 if sign < 0 else math.inf)
    return limits[0], limits[1]


def _finished(
    lives: Lives, name: str, parameters: dict[str, FittedParameter], values: FloatArray, covariance: FloatArray,
    best: float, confidence: float, limits: str,
) -> Fit:  # fmt: skip
    """Put a fit together; the rate's limits come from the slope of the mean's logarithm."""
    location = parameters["location_h"].value if "location_h" in parameters else 0.0

    def log_mean(x: FloatArray) -> float:
        names = LAWS[name.removesuffix("3")].parameters
        family, found = family_of(name, dict(zip(names, np.exp(x), strict=True)) | {"location_h": location})
        return math.log(family.mean_of(found))

    x = np.log(values)
    rate = math.exp(-log_mean(x))
    notes = list(lives.notes)
    if rate == 0:
        estimate = FittedParameter(0.0, math.nan, math.nan, math.nan)
        notes.append("the distribution has no mean life, so it gives no failure rate")
    elif np.all(np.isfinite(covariance)):
        slope, _ = differences(log_mean, x, 1e-5)
        error = math.sqrt(float(slope @ covariance @ slope))
        z = normal_deviations(confidence)
        estimate = FittedParameter(rate, rate * error, rate * math.exp(-z * error), rate * math.exp(z * error))
    else:
        estimate = FittedParameter(rate, math.nan, math.nan, math.nan)
        notes.append("the likelihood is flat: these data give no limits")
    return Fit(
        lives.name, name, parameters, estimate, lives.failures, lives.units, lives.hours, best, confidence, limits,
        covariance, tuple(notes),
    )  # fmt: skip


def _with_location(lives: Lives, confidence: float) -> Fit:
    """A Weibull distribution with a location, over which its likelihood must have a maximum."""
    from scipy.optimize import minimize_scalar

    law = LAWS["weibull"]
    first = float(np.min(np.where(lives.right, math.inf, np.where(lives.exact, lives.lower_h, lives.upper_h))))
    start: list[FloatArray] = [maximum(law, lives)[0]]

    def cost(location: float) -> float:
        values, best = maximum(law, lives, start[-1], location)
        start.append(values)
        return -best

    grid = np.concatenate([np.linspace(0, 0.95, 20), [0.98, 0.99, 0.995, 0.998, 0.999]]) * first
    costs = np.array([cost(g) for g in grid])
    inner = [i for i in range(1, len(grid) - 1) if costs[i] <= costs[i - 1] and costs[i] <= costs[i + 1]]
    if not inner and costs[0] <= costs.min():
        raise InputError(
            f"{lives.name}: the likelihood is largest with a location of 0; a Weibull distribution with two "
            "parameters is sufficient"
        )
    if not inner:
        raise InputError(
            f"{lives.name}: the likelihood of a Weibull distribution with a location grows without bound towards the "
            "first "
            "failure; the location cannot be estimated from these data"
        )
    best_at = min(inner, key=lambda i: costs[i])
    found = minimize_scalar(cost, bounds=(grid[best_at - 1], grid[best_at + 1]), method="bounded",
                            options={"xatol": 1e-6 * first})  # fmt: skip
    location = float(found.x)
    values, best = maximum(law, lives, start[best_at], location)

    def all_three(x: FloatArray) -> float:
        value = log_likelihood(law, np.exp(x[:2]), lives, float(x[2]) * first)
        return -value if math.isfinite(value) else 1e300

    point = np.array([*np.log(values), location / first])
    _, curve = differences(all_three, point, min(1e-3, (1 - point[2]) / 4))
    try:
        covariance = np.asarray(np.linalg.inv(curve), dtype=np.float64)
    except np.linalg.LinAlgError:
        covariance = np.full((3, 3), math.nan)
    variance = np.where(np.diag(covariance) > 0, np.diag(covariance), math.nan)
    errors = np.sqrt(variance)
    z = normal_deviations(confidence)
    parameters = {
        key: FittedParameter(
            float(values[i]), float(values[i] * errors[i]),
            *(float(values[i] * math.exp(sign * z * errors[i])) for sign in (-1, 1)),
        )
        for i, key in enumerate(law.parameters)
    }  # fmt: skip
    parameters["location_h"] = FittedParameter(
        location, first * float(errors[2]), max(0.0, location - z * first * float(errors[2])),
        min(first, location + z * first * float(errors[2])),
    )  # fmt: skip
    kept = covariance[:2, :2] if np.all(np.isfinite(variance)) else np.full((2, 2), math.nan)
    made = _finished(lives, "weibull3", parameters, values, kept, best, confidence, "normal")
    return replace(made, notes=(*made.notes, "limits of rate and curve are for the location as estimated"))
