"""Families of distributions: how their parameters are called, what these may be, the mean, and SciPy's distribution.

The one vocabulary for times to failure and repair, fitted lives, and quantities that are not known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError

__all__ = ["FAMILIES", "IN_UNITS", "Family"]

FloatArray = NDArray[np.float64]

IN_UNITS = frozenset({"mean", "scale", "location", "median", "value"})
"""Parameters that have the unit of the quantity; the others are pure numbers."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family of distributions."""

    name: str
    parameters: tuple[str, ...]  # in the order in which every function takes them; none for a list of values
    mean: Callable[[Sequence[float]], float]
    scipy: Callable[[Sequence[float]], Any] = lambda p: None  # SciPy's frozen distribution; none where it has none
    positive: frozenset[str] = frozenset()
    fault: Callable[[Sequence[float]], str] = lambda p: ""  # what else is wrong with the parameters
    # other names: which parameter each stands for, and its value from the one that is given and those before it
    aliases: Mapping[str, tuple[str, Callable[[float, Mapping[str, float]], float]]] = field(default_factory=dict)
    defaults: Mapping[str, float] = field(default_factory=dict)
    written: tuple[str, ...] = ()  # order in words, where it is another one

    @property
    def required(self) -> tuple[str, ...]:
        """Parameters that have no default."""
        return tuple(name for name in self.parameters if name not in self.defaults)

    def check(self, values: Mapping[str, float], where: str) -> None:
        """Refuse parameters, also under another of their names, that no distribution has."""
        if not all(math.isfinite(value) for value in values.values()):
            raise InputError(f"{where}: every parameter must be a finite number")
        for name, value in values.items():
            if name in self.positive and not value > 0:
                raise InputError(f"{where}: {name} must be above 0, got {value:g}")

    def check_all(self, parameters: Sequence[float], where: str) -> None:
        """Refuse a set of parameters that no distribution has."""
        names = self.parameters or tuple(map(str, range(len(parameters))))
        if len(parameters) != len(names):
            raise InputError(f"{where}: needs {', '.join(names)}; got {len(parameters)} values")
        self.check(dict(zip(names, parameters, strict=True)), where)
        if fault := self.fault(parameters):
            raise InputError(f"{where}: {fault}")

    def resolved(self, given: Mapping[str, float], where: str) -> tuple[float, ...]:
        """Parameters from what is given, some under another name: a mean for a scale, a variation for a shape."""
        chosen: dict[str, str] = {}
        for parameter in self.parameters:
            names = [parameter, *(name for name, (target, _) in self.aliases.items() if target == parameter)]
            used = [name for name in names if name in given] or [name for name in names if name in self.defaults]
            if len(used) > 1:
                raise InputError(f"{where}: '{used[0]}' and '{used[1]}' have the same meaning; give one of them")
            if not used:
                raise InputError(f"{where}: '{parameter}' is missing")
            chosen[parameter] = used[0]
        values = {name: given.get(name, self.defaults.get(name, math.nan)) for name in chosen.values()}
        self.check(values, where)
        found = {parameter: values[name] for parameter, name in chosen.items() if name == parameter}
        for parameter, name in chosen.items():
            if name != parameter:
                try:
                    found[parameter] = self.aliases[name][1](values[name], found)
                except ArithmeticError:
                    found[parameter] = 0.0
                except ValueError as error:
                    raise InputError(f"{where}: {error}") from None
                if parameter in self.positive and not found[parameter] > 0:
                    raise InputError(f"{where}: the {parameter} of this {name} is beyond the range of a number")
        self.check(found, where)
        return tuple(found[parameter] for parameter in self.parameters)

    def mean_of(self, parameters: Sequence[float]) -> float:
        """Mean; infinite where no number can hold it."""
        try:
            return self.mean(parameters)
        except OverflowError:
            return math.inf

    def in_words(self, parameters: Sequence[float], unit: str) -> str:
        """The distribution as the parser reads it; what is at its default is left out."""
        values = dict(zip(self.parameters, parameters, strict=True))
        parts = [
            f"{name}={values[name]:.10g}{f' {unit}' if name in IN_UNITS else ''}"
            for name in self.written or self.parameters
            if values[name] != self.defaults.get(name)
        ]
        return f"{self.name}({', '.join(parts)})"


def _bins_of(parameters: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Bounds and weights of a histogram, which has one bound more."""
    half = (len(parameters) + 1) // 2
    return np.array(parameters[:half]), np.array(parameters[half:])


def _histogram_fault(p: Sequence[float]) -> str:
    bounds, weights = _bins_of(p)
    if len(weights) < 1 or np.any(np.diff(bounds) <= 0) or np.any(weights < 0) or not weights.sum() > 0:
        return "needs increasing bounds and weights of 0 or more, one weight fewer than bounds"
    return ""


def _histogram(p: Sequence[float]) -> Any:
    from scipy import stats

    bounds, weights = _bins_of(p)
    return stats.rv_histogram((weights, bounds), density=False).freeze()


def _from_scipy(make: Callable[[Any, Sequence[float]], Any]) -> Callable[[Sequence[float]], Any]:
    """A builder of SciPy's distribution, which imports `scipy.stats` when it is called."""

    def build(parameters: Sequence[float]) -> Any:
        from scipy import stats

        return make(stats, parameters)

    return build


def _weibull_scale(mean: float, of: Mapping[str, float]) -> float:
    if not mean > of["location"]:
        raise ValueError("the mean must be above the location")
    return (mean - of["location"]) / math.gamma(1.0 + 1.0 / of["shape"])


FAMILIES = {
    family.name: family
    for family in (
        Family("exponential", ("mean",), lambda p: p[0], positive=frozenset({"mean"})),
        Family(
            "weibull", ("shape", "scale", "location"), lambda p: p[2] + p[1] * math.gamma(1.0 + 1.0 / p[0]),
            _from_scipy(lambda stats, p: stats.weibull_min(p[0], loc=p[2], scale=p[1])),
            frozenset({"shape", "scale", "mean"}),
            aliases={"mean": ("scale", _weibull_scale)}, defaults={"location": 0.0},
        ),
        Family(
            "lognormal", ("sigma", "median"), lambda p: p[1] * math.exp(p[0] ** 2 / 2),
            _from_scipy(lambda stats, p: stats.lognorm(p[0], scale=p[1])),
            frozenset({"sigma", "median", "mean", "cv"}),
            aliases={
                "mean": ("median", lambda mean, of: mean * math.exp(-(of["sigma"] ** 2) / 2)),
                "cv": ("sigma", lambda cv, of: math.sqrt(math.log1p(cv**2))),
            },
            defaults={"cv": 1.0}, written=("median", "sigma"),
        ),
        Family(
            "gamma", ("shape", "scale"), lambda p: p[0] * p[1],
            _from_scipy(lambda stats, p: stats.gamma(p[0], scale=p[1])),
            frozenset({"shape", "scale", "mean", "cv"}),
            aliases={
                "mean": ("scale", lambda mean, of: mean / of["shape"]),
                "cv": ("shape", lambda cv, of: 1.0 / cv**2),
            },
            defaults={"cv": 1.0},
        ),
        Family(
            "fixed", ("value",), lambda p: p[0], positive=frozenset({"mean"}),
            aliases={"mean": ("value", lambda mean, of: mean)},
        ),
        Family(
            "empirical", (), lambda p: float(np.mean(p)),
            fault=lambda p: "" if len(p) else "no values; give at least one observed time",
        ),
        Family(
            "normal", ("mean", "deviation"), lambda p: p[0],
            _from_scipy(lambda stats, p: stats.norm(p[0], p[1])), frozenset({"deviation"}),
        ),
        Family(
            "beta", ("a", "b"), lambda p: p[0] / (p[0] + p[1]),
            _from_scipy(lambda stats, p: stats.beta(p[0], p[1])), frozenset({"a", "b"}),
        ),
        Family(
            "uniform", ("low", "high"), lambda p: 0.5 * (p[1] - p[0]) + p[0],
            _from_scipy(lambda stats, p: stats.uniform(p[0], p[1] - p[0])),
            fault=lambda p: "" if p[0] < p[1] else "the lower limit must be below the upper one",
        ),
        Family(
            "triangular", ("low", "mode", "high"), lambda p: sum(p) / 3,
            _from_scipy(lambda stats, p: stats.triang((p[1] - p[0]) / (p[2] - p[0]), p[0], p[2] - p[0])),
            fault=lambda p: "" if p[0] <= p[1] <= p[2] and p[0] < p[2] else "needs low, mode and high in order",
        ),
        Family("histogram", (), lambda p: float(_histogram(p).mean()), _histogram, fault=_histogram_fault),
    )
}  # fmt: skip
"""By name."""
