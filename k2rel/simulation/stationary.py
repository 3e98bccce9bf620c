"""Ages in the long run, where nobody knows them: of what works, of what fails, and of the time between events.

Of something that is renewed the age at any time has the density R(a)/m, R the reliability and m the mean: the
equilibrium distribution of the renewal process, which is that of the time to the next renewal too (D. R. Cox, Renewal
Theory, 1962). Where a repair leaves a share of the age there is no closed form: lives are drawn after each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.distributions import Distribution
from k2rel.distributions.times import LOG_HAZARD
from k2rel.simulation.kernel.draws import packed
from k2rel.simulation.kernel.lives import lives

__all__ = ["Tabulated", "ages_with_memory", "equilibrium", "longest_h", "survival"]

FloatArray = NDArray[np.float64]

_POINTS = 3000
_LIVES, _MOST_BURN_IN = 50_000, 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Tabulated:
    """A law as the kernel draws it from a table, see `Distribution.grid`."""

    grid: FloatArray
    family: str = "table"
    parameters: tuple[float, ...] = ()


def _hazards() -> FloatArray:
    return np.exp(np.linspace(*LOG_HAZARD, _POINTS))


def times_at(law: Distribution, hazard: FloatArray) -> FloatArray:
    """Times at which the cumulative hazard of a law reaches some values, from `_hazards` [h].

    Examples
    --------
    >>> times_at(Distribution.weibull(2.0, 10.0), np.array([1.0, 4.0])).tolist()
    [10.0, 20.0]
    """
    if law.family == "exponential":
        return np.asarray(law.parameters[0] * hazard)
    if law.family == "weibull":
        shape, scale, location = law.parameters
        return np.asarray(location + scale * hazard ** (1.0 / shape))
    if law.family == "fixed":
        return np.full(len(hazard), law.parameters[0])
    if law.family == "empirical":
        values = np.array(law.parameters)
        return np.asarray(values[np.minimum((-np.expm1(-hazard) * len(values)).astype(int), len(values) - 1)])
    grid = law.grid
    known = np.linspace(*LOG_HAZARD, len(grid) - 1)
    return np.asarray(grid[0] + np.exp(np.interp(np.log(hazard), known, grid[1:])))


def survival(law: Distribution, times_h: FloatArray) -> FloatArray:
    """Probability that a time of a law is longer.

    Examples
    --------
    >>> survival(Distribution.fixed(4.0), np.array([3.0, 4.0])).tolist()
    [1.0, 0.0]
    """
    times = np.maximum(times_h, 0.0)
    if law.family == "exponential":
        return np.asarray(np.exp(-times / law.parameters[0]))
    if law.family == "weibull":
        shape, scale, location = law.parameters
        return np.asarray(np.exp(-((np.maximum(times - location, 0.0) / scale) ** shape)))
    if law.family == "fixed":
        return np.asarray(times < law.parameters[0], dtype=np.float64)
    if law.family == "empirical":
        values = np.array(law.parameters)
        return np.asarray(1.0 - np.searchsorted(values, times, side="right") / len(values))
    return np.asarray(law.frozen().sf(times), dtype=np.float64)


def longest_h(law: Distribution) -> float:
    """Time that no time of a law is longer than [h].

    Examples
    --------
    >>> longest_h(Distribution.empirical([2.0, 6.0])), longest_h(Distribution.exponential(1.0))
    (6.0, inf)
    """
    if law.family in ("fixed", "empirical"):
        return max(law.parameters)
    return float(law.frozen().support()[1]) if law.tabulated else math.inf


def equilibrium(law: Distribution) -> Tabulated:
    """Tabulate the age at any time, and the time until the next renewal, where every end of a time is a renewal.

    Examples
    --------
    >>> from k2rel.simulation.kernel.draws import draw, packed
    >>> laws = packed([equilibrium(Distribution.fixed(8.0))])
    >>> times = [draw(*laws, 0, 0.0, rng) for rng in [np.arange(1, 5, dtype=np.uint64)] for _ in range(2000)]
    >>> bool(abs(np.mean(times) - 4.0) < 0.2 and max(times) < 8.0)
    True
    """
    hazard = _hazards()
    if law.family in ("fixed", "empirical"):
        # R is a staircase, its integral made of straight lines
        ends, count = np.unique(law.parameters, return_counts=True)
        alive = 1.0 - np.concatenate([[0.0], np.cumsum(count)[:-1]]) / count.sum()
        times = np.concatenate([[0.0], ends])
        before = np.concatenate([[0.0], np.cumsum(alive * np.diff(times))])
        ages = np.interp(-np.expm1(-hazard) * before[-1], before, times)
    else:
        known = np.maximum(times_at(law, hazard), 1e-300)
        first = known[0]
        times = np.unique(
            np.concatenate([first * np.geomspace(1e-12, 1.0, 300), first * np.linspace(0.0, 1.0, 500)[1:], known])
        )
        alive = np.exp(-np.interp(times, known, hazard, left=0.0))
        last = alive[-1] * (known[-1] - known[-2]) / (hazard[-1] - hazard[-2])  # as if the rate stayed as it is
        pieces = 0.5 * (alive[1:] + alive[:-1]) * np.diff(times)
        later = np.append(np.cumsum(pieces[::-1])[::-1], 0.0) + last
        earlier = times[0] + np.concatenate([[0.0], np.cumsum(pieces)])
        mean = later[0] + times[0]
        with np.errstate(divide="ignore"):
            # small hazards from the integral below, large ones from that above
            reached = np.where(earlier < 0.5 * mean, -np.log1p(-np.minimum(earlier / mean, 0.5)), -np.log(later / mean))
        ages = np.exp(np.interp(np.log(hazard), np.log(reached), np.log(times)))
    with np.errstate(divide="ignore"):
        return Tabulated(np.concatenate([[0.0], np.maximum(np.log(ages), -700.0)]))


def ages_with_memory(law: Distribution, kept: float, *, failed: bool) -> Distribution:
    """Ages of a part whose repairs leave a share of its age, at any time or when it fails: from 50,000 of its lives.

    Examples
    --------
    >>> ages_with_memory(Distribution.exponential(100.0), 0.5, failed=False).mean_h.__round__(-1)
    200.0
    """
    laws = packed([law])
    begins, ends = np.zeros(_LIVES), np.zeros(_LIVES)
    burn_in = int(min(50.0 / (1.0 - kept), _MOST_BURN_IN))
    lives(*laws, np.zeros(4, dtype=np.uint64), kept, burn_in, begins, ends)
    if failed:
        return Distribution.empirical(ends.tolist())
    # evenly over the time that all these lives take
    until = np.cumsum(ends - begins)
    at = (np.arange(_LIVES) + 0.5) / _LIVES * until[-1]
    which = np.minimum(np.searchsorted(until, at), _LIVES - 1)
    return Distribution.empirical((ends[which] - (until[which] - at)).tolist())
