"""Quantities that are not known exactly: their laws, and points to evaluate a model at.

SciPy has the laws and the point sets; here stands which law a name and its parameters mean, and how a seed
gives the same points every time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_power_of_two, as_seed, as_whole
from k2rel.errors import InputError

if TYPE_CHECKING:
    from scipy.stats.distributions import rv_frozen

__all__ = [
    "LAWS",
    "MOST_POINTS",
    "POINTS",
    "Z95",
    "GroupIndices",
    "Uncertain",
    "lognormal_from_limits",
    "mean_interval",
    "points",
    "sobol_indices_of_groups",
]

FloatArray = NDArray[np.float64]

LAWS = {
    "lognormal": ("mean", "error_factor", "level"),
    "normal": ("mean", "deviation"),
    "gamma": ("shape", "scale"),
    "beta": ("a", "b"),
    "uniform": ("low", "high"),
    "weibull": ("shape", "scale"),
    "histogram": (),
}
"""Parameters of each law."""

POINTS = ("random", "lhs", "sobol")
"""Plain random points, a Latin hypercube, Sobol' points with random scrambling."""
MOST_POINTS = 10_000_000
"""Most points that are chosen at once."""

Z95 = 1.6448536269514722
"""95 % quantile of the standard normal law: two-sided 90 % limits lie so many deviations away."""

_RESAMPLES = 200


@dataclass(frozen=True)
class Uncertain:
    """A law of what is known about a quantity.

    Examples
    --------
    >>> u = Uncertain("lognormal", (1e-6, 3.0, 0.95))
    >>> round(float(u.quantile(0.95) / u.quantile(0.5)), 9)
    3.0
    """

    law: str
    parameters: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.law not in LAWS:
            raise InputError(f"unknown law '{self.law}'; known: {', '.join(LAWS)}")
        names = LAWS[self.law]
        if names and len(self.parameters) != len(names):
            raise InputError(f"{self.law}: needs {', '.join(names)}; got {len(self.parameters)} values")
        if not all(math.isfinite(value) for value in self.parameters):
            raise InputError(f"{self.law}: parameters must be finite numbers")
        positive = {"lognormal": (0,), "normal": (1,), "gamma": (0, 1), "beta": (0, 1), "weibull": (0, 1)}
        for place in positive.get(self.law, ()):
            if not self.parameters[place] > 0:
                raise InputError(f"{self.law}: {names[place]} must be above 0, got {self.parameters[place]:g}")
        if self.law == "lognormal" and (self.parameters[1] < 1 or not 0.5 < self.parameters[2] < 1):
            raise InputError("lognormal: the error factor must be 1 or more and its level between 0.5 and 1")
        if self.law == "uniform" and not self.parameters[0] < self.parameters[1]:
            raise InputError("uniform: the lower limit must be below the upper one")
        if self.law == "histogram":
            bounds, weights = self._bins()
            if len(weights) < 1 or np.any(np.diff(bounds) <= 0) or np.any(weights < 0) or not weights.sum() > 0:
                raise InputError("histogram: needs rising bounds and weights of 0 or more, one less than bounds")

    def _bins(self) -> tuple[FloatArray, FloatArray]:
        half = (len(self.parameters) + 1) // 2
        return np.array(self.parameters[:half]), np.array(self.parameters[half:])

    def frozen(self) -> rv_frozen[Any, Any]:
        """Give the law as SciPy has it.

        Examples
        --------
        >>> float(Uncertain("uniform", (0.0, 1.0)).frozen().mean())
        0.5
        """
        from scipy import stats

        p = self.parameters
        if self.law == "lognormal":
            sigma = math.log(p[1]) / _normal_quantile(p[2])
            return stats.lognorm(s=max(sigma, 1e-12), scale=p[0] * math.exp(-sigma * sigma / 2))
        if self.law == "normal":
            return stats.norm(p[0], p[1])
        if self.law == "gamma":
            return stats.gamma(p[0], scale=p[1])
        if self.law == "beta":
            return stats.beta(p[0], p[1])
        if self.law == "weibull":
            return stats.weibull_min(p[0], scale=p[1])
        if self.law == "histogram":
            bounds, weights = self._bins()
            return stats.rv_histogram((weights, bounds), density=False).freeze()
        return stats.uniform(p[0], p[1] - p[0])

    @property
    def mean(self) -> float:
        """Mean."""
        return self.parameters[0] if self.law in {"lognormal", "normal"} else float(self.frozen().mean())

    @property
    def variance(self) -> float:
        """Variance."""
        return float(self.frozen().var())

    def quantile(self, u: FloatArray | float) -> FloatArray:
        """Give the value that is not passed with a probability.

        Examples
        --------
        >>> Uncertain("uniform", (2.0, 4.0)).quantile(0.5)
        array(3.)
        """
        return np.asarray(self.frozen().ppf(u), dtype=np.float64)


def _normal_quantile(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(level))


def lognormal_from_limits(low: float, high: float, mean: float | None = None) -> Uncertain:
    """Read 90 % limits as those of a lognormal law.

    Examples
    --------
    >>> u = lognormal_from_limits(1e-6, 9e-6)
    >>> [float(f"{u.quantile(p):.6g}") for p in (0.05, 0.5, 0.95)]
    [1e-06, 3e-06, 9e-06]
    """
    if not 0 < low <= high < math.inf:
        raise InputError(f"limits of a lognormal law: must be above 0 and in order, got {low:g} and {high:g}")
    factor = math.sqrt(high / low)
    sigma = math.log(factor) / Z95
    centre = math.sqrt(low * high) * math.exp(sigma * sigma / 2) if mean is None else mean
    return Uncertain("lognormal", (centre, factor, 0.95))


def mean_interval(values: FloatArray) -> tuple[float, float, float, float]:
    """Give the mean of a sample with its 90 % confidence interval.

    Examples
    --------
    >>> [round(value, 3) for value in mean_interval(np.array([1.0, 3.0]))]
    [2.0, 0.355, 3.645, 1.414]
    """
    mean = float(values.mean())
    deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    half = Z95 * deviation / math.sqrt(len(values))
    return mean, mean - half, mean + half, deviation


def points(method: str, count: int, dimensions: int, seed: int) -> FloatArray:
    """Choose points in the unit cube.

    Examples
    --------
    >>> points("lhs", 4, 2, seed=1).shape
    (4, 2)
    """
    if method not in POINTS:
        raise InputError(f"unknown kind of points '{method}'; known: {', '.join(POINTS)}")
    count, seed = as_whole("samples", count, 1, MOST_POINTS), as_seed(seed)
    generator = np.random.Generator(np.random.Philox(seed))
    if dimensions == 0:
        return np.empty((count, 0))
    if method == "random":
        return np.clip(generator.random((count, dimensions)), 1e-16, 1 - 1e-16)
    from scipy.stats import qmc

    if method == "lhs":
        design = qmc.LatinHypercube(dimensions, rng=generator).random(count)
    else:
        if dimensions > qmc.Sobol.MAXDIM:
            raise InputError(f"Sobol' points have at most {qmc.Sobol.MAXDIM} dimensions, asked {dimensions}; use lhs")
        design = qmc.Sobol(dimensions, rng=generator).random_base2(max(0, (count - 1).bit_length()))[:count]
    return np.clip(np.asarray(design, dtype=np.float64), 1e-16, 1 - 1e-16)


@dataclass(frozen=True, slots=True)
class GroupIndices:
    """Sobol' indices of one group of inputs, each with its 90 % bootstrap limits."""

    first: float
    first_low: float
    first_high: float
    total: float
    total_low: float
    total_high: float


def sobol_indices_of_groups(
    model: Callable[[Mapping[str, FloatArray]], FloatArray],
    laws: Mapping[str, Uncertain],
    groups: Mapping[str, Collection[str]],
    samples: int,
    seed: int,
) -> tuple[dict[str, GroupIndices], float]:
    """Split the variance of a model of independent inputs into the shares of groups of them.

    Notes
    -----
    Indices of groups: I. M. Sobol', Math. Comput. Simul. 55 (2001) 271; first order by Saltelli's estimator, total by
    Jansen's (Comput. Phys. Commun. 181 (2010) 259).

    Examples
    --------
    >>> laws = {"x": Uncertain("uniform", (0.0, 1.0)), "y": Uncertain("uniform", (0.0, 2.0))}
    >>> found, _ = sobol_indices_of_groups(lambda of: of["x"] + of["y"], laws, {"x": ["x"], "y": ["y"]}, 1024, 1)
    >>> [round(found[name].first, 1) for name in ("x", "y")]
    [0.2, 0.8]
    """
    samples, seed = as_power_of_two("samples", samples), as_seed(seed)
    u = points("sobol", samples, 2 * len(laws), seed)
    drawn = [
        {name: law.quantile(u[:, i + half * len(laws)]) for i, (name, law) in enumerate(laws.items())}
        for half in (0, 1)
    ]
    base, other = model(drawn[0]), model(drawn[1])
    picks = np.random.Generator(np.random.Philox(seed)).integers(0, samples, (_RESAMPLES, samples))
    everything = np.concatenate([base, other])
    variance, centre = float(everything.var()), float(everything.mean())
    found = {}
    for name, members in groups.items():
        mixed = model({key: drawn[1 if key in members else 0][key] for key in laws})
        terms = (other - centre) * (mixed - base), (base - mixed) ** 2 / 2
        values = []
        for term in terms:
            low, high = np.quantile(term[picks].mean(axis=1) / variance, [0.05, 0.95])
            values += [float(term.mean()) / variance, float(low), float(high)]
        found[name] = GroupIndices(*values)
    return found, variance
