"""Points to evaluate a model of uncertain inputs at, the same ones for the same seed, and shares of its variance."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_power_of_two, as_seed, as_whole
from k2rel.distributions import Z95, Uncertain
from k2rel.errors import InputError
from k2rel.memory import check_each

__all__ = ["MOST_POINTS", "POINTS", "GroupIndices", "mean_interval", "points", "sobol_indices_of_groups"]

FloatArray = NDArray[np.float64]

POINTS = ("random", "lhs", "sobol")
"""Plain random points, a Latin hypercube, Sobol' points with random scrambling."""
MOST_POINTS = 10_000_000
"""Most points that are chosen at once."""

_RESAMPLES = 200
_NUMBER = 8.0  # bytes
_AT_ONCE = 3.5  # arrays of the size of a design while a Latin hypercube is made, the largest of the kinds


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
    check_each(count, _NUMBER * _AT_ONCE * max(dimensions, 1), f"points in {dimensions} dimensions")
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
            raise InputError(f"Sobol' points have at most {qmc.Sobol.MAXDIM} dimensions, got {dimensions}; use lhs")
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
    inputs: Mapping[str, Uncertain],
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
    >>> inputs = {"x": Uncertain("uniform", (0.0, 1.0)), "y": Uncertain("uniform", (0.0, 2.0))}
    >>> found, _ = sobol_indices_of_groups(lambda of: of["x"] + of["y"], inputs, {"x": ["x"], "y": ["y"]}, 1024, 1)
    >>> [round(found[name].first, 1) for name in ("x", "y")]
    [0.2, 0.8]
    """
    samples, seed = as_power_of_two("samples", samples), as_seed(seed)
    # two designs, what is drawn with them, and which samples each resample takes with their terms
    each = _NUMBER * (_AT_ONCE * 2 * len(inputs) + 2 * len(inputs) + 2 * _RESAMPLES)
    check_each(samples, each, f"base samples of {len(inputs)} inputs")
    u = points("sobol", samples, 2 * len(inputs), seed)
    drawn = [
        {
            name: distribution.quantile(u[:, i + half * len(inputs)])
            for i, (name, distribution) in enumerate(inputs.items())
        }
        for half in (0, 1)
    ]
    base, other = model(drawn[0]), model(drawn[1])
    scale = float(np.abs(base).max()) or 1.0  # of figures so small that their squares are nothing
    base, other = base / scale, other / scale
    picks = np.random.Generator(np.random.Philox(seed)).integers(0, samples, (_RESAMPLES, samples))
    everything = np.concatenate([base, other])
    variance, centre = float(everything.var()), float(everything.mean())
    if not variance > 0.0:
        raise InputError("no input has an effect: all draws give the same figure")
    found = {}
    for name, members in groups.items():
        mixed = model({key: drawn[1 if key in members else 0][key] for key in inputs}) / scale
        terms = (other - centre) * (mixed - base), (base - mixed) ** 2 / 2
        values = []
        for term in terms:
            low, high = np.quantile(term[picks].mean(axis=1) / variance, [0.05, 0.95])
            values += [float(term.mean()) / variance, float(low), float(high)]
        found[name] = GroupIndices(*values)
    return found, variance * scale * scale
