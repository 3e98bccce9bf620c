"""Nonparametric curves of failures over age, and how well a distribution fits them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.distributions.closed_forms import normal_deviations
from k2rel.errors import InputError
from k2rel.field.fit import fit_law
from k2rel.field.likelihood import LAWS, maximum
from k2rel.field.lives import LONGEST_H, SHORTEST_H, Lives
from k2rel.field.result import Fit, FittedParameter
from k2rel.tables import Shown

__all__ = ["Curve", "GoodnessOfFit", "curve_of", "goodness_of_fit"]

FloatArray = NDArray[np.float64]

_MOST_CELLS = 20_000_000
_MOST_STEPS = 50_000
_MOST_LIVES = 5_000


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Shown):
    """Probability to have failed by an age, as a step function.

    Parameters
    ----------
    time_h : array of float
        Ages at which it steps up [h].
    failed : array of float
        Probability to have failed, from each age on.
    low, high : array of float
        Pointwise limits; not a number where there are none.
    method : str
        Which estimator.
    from_h : float
        Age from which it counts [h]: of parts that worked at that age. Above 0 where no part was watched when new.

    Examples
    --------
    >>> curve_of(Lives.of([1.0, 2.0], [3.0, 3.0])).failed.round(9).tolist()
    [0.25, 0.5]
    """

    time_h: FloatArray
    failed: FloatArray
    low: FloatArray
    high: FloatArray
    method: str
    from_h: float = 0.0

    @property
    def plotting_positions(self) -> FloatArray:
        """Middle of each step: where its point stands on a probability plot (Meeker and Escobar 1998, 6.4)."""
        before = np.concatenate([[0.0], self.failed[:-1]])
        return (before + self.failed) / 2

    def seen(self, failed: FloatArray, fit: Fit) -> FloatArray:
        """Probability of a distribution to have failed, of parts that worked at the age from which the curve counts."""
        if self.from_h <= 0:
            return failed
        first = float(fit.failed_by([self.from_h])[0])
        return np.asarray((failed - first) / (1.0 - first)) if first < 1 else failed

    def _line(self) -> str:
        return f"{self.method}: {len(self.time_h):,} points"


def curve_of(lives: Lives, confidence: float = 0.9) -> Curve:
    r"""Estimate the probability to have failed by an age, without a distribution.

    Parameters
    ----------
    lives : Lives
        The lives.
    confidence : float
        Level of the limits.

    Returns
    -------
    Curve
        Of Kaplan and Meier (J. Amer. Statist. Assoc. 53 (1958) 457) with limits by Greenwood's formula on
        :math:`\ln(-\ln S)` where every life is exact or right-censored; else of Turnbull (J. R. Statist. Soc. B 38
        (1976) 290), a step at the end of each interval that carries mass, without limits. A part that was not new when
        its observation began is at risk from its age then on (delayed entry).

    Raises
    ------
    InputError
        If nothing failed, or there are too many different intervals.

    Examples
    --------
    >>> curve = curve_of(Lives.of([54, 187, 216, 240, 244, 335, 361, 373, 375, 386], [500] * 10))
    >>> curve.failed[-1].round(6).item()
    0.5
    """
    if lives.failures == 0:
        raise InputError(f"{lives.name}: no failure was observed, so there is no curve")
    if lives.has_intervals:
        return _turnbull(lives)
    order = np.argsort(lives.lower_h, kind="stable")
    times, exact, count = lives.lower_h[order], lives.exact[order], lives.count[order]
    steps, first = np.unique(times, return_index=True)
    at_risk = count[::-1].cumsum()[::-1][first]
    method, since = "Kaplan-Meier", 0.0
    if lives.truncated:
        by_entry = np.argsort(lives.entry_h, kind="stable")
        entered = np.concatenate([[0.0], np.cumsum(lives.count[by_entry])])
        # at risk at t: those that entered before t, less those that left before it
        at_risk = entered[np.searchsorted(lives.entry_h[by_entry], steps, side="left")] - (count.sum() - at_risk)
        method, since = "Kaplan-Meier, delayed entry", float(lives.entry_h.min())
    failed = np.add.reduceat(np.where(exact, count, 0.0), first)
    keep = failed > 0
    steps, at_risk, failed = steps[keep], at_risk[keep], failed[keep]
    left = at_risk - failed
    with np.errstate(divide="ignore", invalid="ignore"):
        log_alive = np.cumsum(np.log1p(-failed / at_risk))
        error = np.sqrt(np.cumsum(failed / (at_risk * left))) / np.abs(log_alive)
        z = normal_deviations(confidence)
        low, high = (-np.expm1(log_alive * np.exp(s * z * error)) for s in (-1, 1))
    good = np.isfinite(low) & np.isfinite(high)
    return Curve(
        steps, -np.expm1(log_alive), np.where(good, low, math.nan), np.where(good, high, math.nan), method, since
    )


def _turnbull(lives: Lives) -> Curve:
    """Masses on the innermost intervals that make the likelihood largest, by expectation and maximisation."""
    # Bounds in their order: an interval (a, b] begins after a and holds b; an exact life begins just before its time.
    values = np.unique(np.concatenate([lives.lower_h, lives.upper_h, lives.entry_h]))
    low = 2.0 * np.searchsorted(values, lives.lower_h) + np.where(lives.exact, -0.5, 1.0)
    high = 2.0 * np.searchsorted(values, lives.upper_h)
    entry = 2.0 * np.searchsorted(values, lives.entry_h)
    # an age at entry ends intervals as an upper bound does: mass below it is out of sight of that part (Frydman,
    # J. R. Statist. Soc. B 56 (1994) 71)
    left, right = np.unique(low), np.unique(np.concatenate([high, entry[lives.entry_h > 0]]))
    # an innermost interval runs from a lower bound to the next upper one, with no other lower bound between
    upper = right[np.minimum(np.searchsorted(right, left), len(right) - 1)]
    inner = (upper >= left) & (upper < np.append(left[1:], math.inf))
    begins, ends = left[inner], upper[inner]
    if len(begins) * len(lives.count) > _MOST_CELLS:
        raise InputError(
            f"{lives.name}: {len(lives.count):,} different intervals are too many for a nonparametric curve; round "
            "the times, or use the fitted distributions only"
        )
    inside = (low[:, None] <= begins) & (ends <= high[:, None])
    mass = np.full(len(begins), 1.0 / len(begins))
    total = lives.count.sum()
    visible = entry[:, None] < begins if lives.truncated else None
    for _ in range(_MOST_STEPS):
        share = inside @ mass
        expected = (lives.count / share) @ inside
        if visible is not None:  # each part stands for those that failed before their age at entry, and were never seen
            weight = lives.count / (visible @ mass)
            expected = expected + weight.sum() - weight @ visible
            total = weight.sum()
        new = mass * expected / total
        if np.max(np.abs(new - mass)) < 1e-12:
            mass = new
            break
        mass = new
    times = values[(ends / 2).astype(np.int64)]
    keep = (mass > 1e-10) & np.isfinite(times)
    failed = np.cumsum(mass)[keep]
    nothing = np.full(len(failed), math.nan)
    since = float(lives.entry_h.min())
    method = "Turnbull, delayed entry" if lives.truncated else "Turnbull"
    return Curve(times[keep], np.minimum(failed, 1.0), nothing, nothing, method, since)


@dataclass(frozen=True, slots=True)
class GoodnessOfFit:
    """How well a distribution fits.

    Parameters
    ----------
    law : str
        The distribution.
    distance : float
        Largest distance between the distribution and the curve without a distribution, in probability to have failed.
    p_value : float
        How often data of this size, drawn from the distribution, lie as far off; not a number where it was not
        computed. Below 0.05 the distribution is doubtful.
    method : str
        How.
    """

    law: str
    distance: float
    p_value: float
    method: str


def goodness_of_fit(fit: Fit, lives: Lives, *, samples: int = 100, seed: int = 1) -> GoodnessOfFit:
    """Say how well a distribution fits.

    Parameters
    ----------
    fit : Fit
        The fitted distribution.
    lives : Lives
        What it was fitted to.
    samples : int
        Samples for the p-value.
    seed : int
        Their seed.

    Returns
    -------
    GoodnessOfFit
        For exact and right-censored lives by a parametric bootstrap: lives are drawn from the distribution, of parts
        that were not new from what it leaves at their age, and times of watching from the curve of those seen; the
        distribution is fitted anew each time. For parts that were all inspected at the same times by Pearson's
        chi-square over the intervals. Otherwise, and above 5,000 different lives, the distance alone.

    Raises
    ------
    InputError
        If nothing failed.

    Examples
    --------
    >>> lives = Lives.of([54, 187, 216, 240, 244, 335, 361, 373, 375, 386], [500] * 10)
    >>> round(goodness_of_fit(fit_law("weibull", lives), lives, samples=20).p_value, 2)
    0.14
    """
    curve = curve_of(lives)
    distance = _distance(fit, curve)
    if lives.has_intervals and lives.truncated:
        return GoodnessOfFit(fit.law, distance, math.nan, "distance only: intervals with ages at the start")
    if lives.has_intervals:
        p_value, method = _chi_square(fit, lives)
        return GoodnessOfFit(fit.law, distance, p_value, method)
    if len(lives.count) > _MOST_LIVES or lives.units > _MOST_LIVES:
        return GoodnessOfFit(fit.law, distance, math.nan, "distance only: too many lives for a bootstrap")
    rng = np.random.Generator(np.random.Philox(seed))
    number = lives.units
    ends = _ends_of_watch(lives)
    entry = np.repeat(lives.entry_h, lives.count.astype(np.int64)) if lives.truncated else np.zeros(number)
    survived = 1.0 - fit.failed_by(entry)
    farther = drawn = 0
    for _ in range(4 * samples):  # a sample with too few failures is drawn again
        if drawn == samples:
            break
        u = rng.random(number)
        life = np.clip(fit.quantiles_h(u if not lives.truncated else 1.0 - survived * (1.0 - u)), SHORTEST_H, LONGEST_H)
        watched = rng.choice(ends[0], size=number, p=ends[1]) if ends is not None else np.full(number, math.inf)
        watched = watched + entry
        seen = (life <= watched) & (life > entry)
        if seen.sum() < 2:
            continue
        sample = Lives.of(life[seen], watched[~seen], "sample", np.concatenate([entry[seen], entry[~seen]]))
        try:
            again = _fit_quickly(fit.law, sample)
        except InputError:
            continue
        drawn += 1
        farther += _distance(again, curve_of(sample)) >= distance
    if drawn < samples / 2:
        return GoodnessOfFit(fit.law, distance, math.nan, "distance only: too few failures for a bootstrap")
    return GoodnessOfFit(fit.law, distance, (farther + 1) / (drawn + 1), f"bootstrap of {drawn} samples, seed {seed}")


def _fit_quickly(law: str, lives: Lives) -> Fit:
    """Fit without limits, for the many fits of a bootstrap."""
    if law == "weibull3" or (law == "exponential" and not lives.has_intervals):
        return fit_law(law, lives)
    values, best = maximum(LAWS[law], lives)
    nan = math.nan
    parameters = {
        key: FittedParameter(float(value), nan, nan, nan)
        for key, value in zip(LAWS[law].parameters, values, strict=True)
    }
    rate = FittedParameter(nan, nan, nan, nan)
    return Fit(lives.name, law, parameters, rate, lives.failures, lives.units, lives.hours, best, 0.9, "none")


def _distance(fit: Fit, curve: Curve) -> float:
    """Kolmogorov's distance, from above and below each step."""
    law = curve.seen(fit.failed_by(curve.time_h), fit)
    before = np.concatenate([[0.0], curve.failed[:-1]])
    if curve.method.startswith("Turnbull"):
        return float(np.max(np.abs(law - curve.failed)))
    return float(np.max(np.maximum(np.abs(law - curve.failed), np.abs(law - before))))


def _ends_of_watch(lives: Lives) -> tuple[FloatArray, FloatArray] | None:
    """When watching ended, as a distribution: Kaplan and Meier's curve with failures and ends of watch changed over."""
    if not lives.right.any():
        return None
    watched = lives.lower_h - lives.entry_h
    turned = Lives(lives.name, watched, np.where(lives.right, watched, math.inf), lives.count)
    curve = curve_of(turned)
    mass = np.diff(np.concatenate([[0.0], curve.failed]))
    rest = 1.0 - curve.failed[-1]
    times, mass = np.append(curve.time_h, np.max(watched)), np.append(mass, rest)
    return times, mass / mass.sum()


def _chi_square(fit: Fit, lives: Lives) -> tuple[float, str]:
    """Pearson's test where the intervals are one partition; cells that expect fewer than five are put together."""
    from scipy.special import chdtrc

    order = np.argsort(lives.lower_h, kind="stable")
    low, high, count = lives.lower_h[order], lives.upper_h[order], lives.count[order]
    if lives.exact.any() or np.any(high[:-1] > low[1:] + 1e-9) or np.isinf(high[:-1]).any():
        return math.nan, "distance only: parts were inspected at different times"
    bounds = np.concatenate([[0.0], high[:-1], [math.inf]])
    law = np.append(fit.failed_by(bounds[:-1]), 1.0)
    expected = np.diff(law) * count.sum()
    cells: list[list[float]] = []
    for seen, wanted in zip(count, expected, strict=True):
        if cells and cells[-1][1] < 5:
            cells[-1][0] += seen
            cells[-1][1] += wanted
        else:
            cells.append([float(seen), float(wanted)])
    if len(cells) > 1 and cells[-1][1] < 5:
        last = cells.pop()
        cells[-1] = [cells[-1][0] + last[0], cells[-1][1] + last[1]]
    freedom = len(cells) - 1 - fit.free
    if freedom < 1:
        return math.nan, "distance only: too few intervals for a chi-square test"
    statistic = sum((seen - wanted) ** 2 / wanted for seen, wanted in cells)
    return float(chdtrc(freedom, statistic)), f"chi-square {statistic:.3g} with {freedom} degrees of freedom"
