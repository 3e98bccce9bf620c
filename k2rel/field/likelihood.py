"""Laws of lives by maximum likelihood, whatever mixture of exact, right-, left- and interval-censored lives is given.

The maximum is found by SciPy's optimiser. SciPy's own fit of censored data agrees to seven digits, but takes no counts
and gives no limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.distributions import FAMILIES, Family, closed_forms
from k2rel.distributions.closed_forms import ClosedForms
from k2rel.distributions.families import IN_UNITS
from k2rel.field.lives import Lives

__all__ = ["LAWS", "Shape", "log_likelihood", "maximum"]

FloatArray = NDArray[np.float64]

FARTHEST = 600.0
"""Largest logarithm of a parameter that is looked at; what tends further has no maximum that a number can hold."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A family of one or two positive parameters as it is fitted; a location is no parameter here but moves it."""

    family: Family
    forms: ClosedForms
    steepness: Callable[[FloatArray], float] = lambda p: 1.0  # about the middle over the spread
    by_mean: bool = False  # lies at the product of its parameters, not at the last one

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters in a result; those in hours end in ``_h``."""
        return tuple(f"{name}_h" if name in IN_UNITS else name for name in self.family.required)

    def directions(self, parameters: FloatArray) -> FloatArray:
        """Directions of the parameters' logarithms, as columns, along which a likelihood is about equally curved."""
        if len(self.parameters) == 1:
            return np.eye(1)
        return np.array([[1.0, 0.0], [-1.0 if self.by_mean else 0.0, 1.0 / max(1.0, self.steepness(parameters))]])


LAWS = {
    shape.family.name: shape
    for shape in (
        Shape(FAMILIES["exponential"], closed_forms.EXPONENTIAL),
        Shape(FAMILIES["weibull"], closed_forms.WEIBULL, lambda p: float(p[0])),
        Shape(FAMILIES["lognormal"], closed_forms.LOGNORMAL, lambda p: 1.0 / float(p[0])),
        Shape(FAMILIES["gamma"], closed_forms.GAMMA, lambda p: math.sqrt(float(p[0])), by_mean=True),
    )
}
"""Families that are fitted. A Weibull distribution with a location is one of these, moved."""


def log_likelihood(law: Shape, parameters: FloatArray, lives: Lives, location_h: float = 0.0) -> float:
    r"""Give the logarithm of the likelihood of lives; minus infinity where a life is impossible.

    :math:`\sum n_i \ln f(t_i)` over exact lives, :math:`\ln S` over right-censored and :math:`\ln (F(b) - F(a))` over
    interval-censored ones (Meeker and Escobar, Statistical Methods for Reliability Data, 1998, 7.2), each less
    :math:`\ln S` of the age at which its observation began (left truncation, 11.6.1).

    Examples
    --------
    >>> lives = Lives.of([54, 187, 216, 240, 244, 335, 361, 373, 375, 386], [500] * 10)
    >>> round(log_likelihood(LAWS["weibull"], np.array([1.720797, 606.5276]), lives), 5)
    -75.13462
    """
    total = 0.0
    exact, right = lives.exact, lives.right
    between = ~exact & ~right
    with np.errstate(over="ignore", divide="ignore", invalid="ignore", under="ignore"):
        if exact.any():
            times = lives.lower_h[exact] - location_h
            if np.any(times <= 0):
                return -math.inf
            total += float(lives.count[exact] @ law.forms.log_density(times, parameters))
        if right.any():
            times = np.maximum(lives.lower_h[right] - location_h, 0.0)
            total += float(lives.count[right] @ law.forms.log_survival(times, parameters))
        if between.any():
            low = np.maximum(lives.lower_h[between] - location_h, 0.0)
            high = np.maximum(lives.upper_h[between] - location_h, 0.0)
            total += float(lives.count[between] @ _between(law, parameters, low, high))
        old = lives.entry_h > location_h
        if old.any():
            total -= float(lives.count[old] @ law.forms.log_survival(lives.entry_h[old] - location_h, parameters))
    return total if not math.isnan(total) else -math.inf


def _between(law: Shape, p: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Logarithm of the probability of a life between two times, from whichever tail loses no digits."""
    failed = law.forms.cumulative(high, p)
    below = failed - law.forms.cumulative(low, p)
    upper = law.forms.log_survival(low, p)
    ratio = np.minimum(law.forms.log_survival(high, p) - upper, -1e-300)
    above = upper + np.log(-np.expm1(ratio))
    return np.asarray(np.where(failed < 0.5, np.log(np.maximum(below, 1e-300)), above))


def maximum(
    law: Shape, lives: Lives, start: FloatArray | None = None, location_h: float = 0.0
) -> tuple[FloatArray, float]:
    """Find the parameters of the largest likelihood, and its logarithm.

    Examples
    --------
    >>> lives = Lives.of([54, 187, 216, 240, 244, 335, 361, 373, 375, 386], [500] * 10)
    >>> maximum(LAWS["weibull"], lives)[0].round(4).tolist()
    [1.7208, 606.5276]
    """
    from scipy.optimize import minimize

    size = len(law.parameters)
    starts = [start] if start is not None else _starts(law, lives, location_h)
    scale = max(1.0, float(lives.count.sum()))

    def cost(values: FloatArray) -> float:
        if not np.all(values > 0) or np.any(np.abs(np.log(values)) > FARTHEST):
            return 1e300
        value = log_likelihood(law, values, lives, location_h)
        return -value / scale if math.isfinite(value) else 1e300

    values = min(starts, key=cost)
    for _ in range(5):
        steep = law.steepness(values)
        around = _around(cost, values, law.directions(values))
        found = minimize(
            around, np.zeros(size), method="Nelder-Mead",
            options={"xatol": 1e-5, "fatol": 1e-12, "initial_simplex": np.vstack([np.zeros(size), 0.3 * np.eye(size)])},
        )  # fmt: skip
        values = _moved(values, law.directions(values) @ found.x)
        if max(law.steepness(values), 1.0) < 5 * max(steep, 1.0):
            break
    return _newton(law, cost, values, scale)


def _moved(values: FloatArray, by: FloatArray) -> FloatArray:
    """Parameters, their logarithms moved; those that move too far are no parameters any more."""
    return np.asarray(values * np.exp(np.clip(by, -2 * FARTHEST, 700.0)))


def _around(cost: Callable[[FloatArray], float], values: FloatArray, along: FloatArray) -> Callable[..., float]:
    """The cost of parameters near others, by steps along directions of their logarithms."""
    return lambda y: cost(_moved(values, along @ y))


def _starts(law: Shape, lives: Lives, location_h: float) -> list[FloatArray]:
    """Where to begin: no wear, and, where the failures lie close to each other, their moments."""
    size = len(law.parameters)
    mean = max(lives.hours - location_h * lives.units, 1e-9 * lives.hours) / max(lives.failures, 1)
    starts = [np.array([1.0, mean])[-size:]]
    failed = ~lives.right
    if size == 2 and failed.any():
        times = (lives.lower_h[failed] + lives.upper_h[failed]) / 2 - location_h
        middle = float(np.average(times, weights=lives.count[failed]))
        spread = math.sqrt(float(np.average((times / middle - 1) ** 2, weights=lives.count[failed]))) if middle else 1.0
        if 0 < spread < 0.2:
            shape = {"weibull": 1.2 / spread, "lognormal": spread}.get(law.family.name, spread**-2)
            starts.append(np.array([shape, middle / shape if law.by_mean else middle]))
    return starts


def _newton(
    law: Shape, cost: Callable[[FloatArray], float], values: FloatArray, scale: float
) -> tuple[FloatArray, float]:
    """Polish a minimum by Newton steps, as long as they help."""
    for _ in range(4):
        along = law.directions(values)
        noise = 1e-16 * max(1.0, law.steepness(values))
        around = _around(cost, values, along)
        slope, curve = differences(around, np.zeros(len(values)), max(1e-4, noise ** (1 / 3)))
        try:
            step = np.linalg.solve(curve, slope)
        except np.linalg.LinAlgError:
            break
        here = cost(values)
        if not np.all(np.isfinite(step)) or np.max(np.abs(step)) > 0.1 or around(-step) > here + 1e-13 + 10 * noise:
            break
        values = _moved(values, -along @ step)
        if np.max(np.abs(step)) < 1e-9:
            break
    return values, -cost(values) * scale


def differences(function: Callable[[FloatArray], float], x: FloatArray, h: float) -> tuple[FloatArray, FloatArray]:
    """Give slope and curvature by central differences."""
    size = len(x)
    middle = function(x)
    slope, curve = np.zeros(size), np.zeros((size, size))
    steps = h * np.eye(size)
    for i in range(size):
        plus, minus = function(x + steps[i]), function(x - steps[i])
        slope[i] = (plus - minus) / (2 * h)
        curve[i, i] = (plus - 2 * middle + minus) / h**2
        for j in range(i):
            crossed = [function(x + a * steps[i] + b * steps[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            curve[i, j] = curve[j, i] = (crossed[0] - crossed[1] - crossed[2] + crossed[3]) / (4 * h**2)
    return slope, curve
