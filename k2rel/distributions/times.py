"""Distributions of lives and repair times of any shape, with SciPy's distributions as the vocabulary.

A distribution is known by its cumulative hazard H: a new part fails when H reaches a number drawn from the unit
exponential distribution, one of age a when H grows by that much from H(a). Weibull and exponential distributions have
H in closed form; the others are tabulated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_number
from k2rel.distributions.families import FAMILIES, IN_UNITS
from k2rel.errors import InputError
from k2rel.units import parse_duration

__all__ = ["LOG_HAZARD", "Distribution", "parse_distribution"]

FloatArray = NDArray[np.float64]

LOG_HAZARD = (-21.0, 3.8)
"""Logarithms of the cumulative hazard between which a table runs."""

_LONGEST_H = 1e12
_POINTS = 3000
_OF_TIMES = ("exponential", "weibull", "lognormal", "gamma", "fixed", "empirical")
_TABULATED = ("lognormal", "gamma", "scipy")
_SIZES = ("scale", "median", "mean", "value")  # one of them says how long
_CALL = re.compile(r"\s*([a-z]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Distribution:
    """The distribution of a time [h].

    Parameters
    ----------
    family : {"exponential", "weibull", "lognormal", "gamma", "fixed", "empirical", "scipy"}
        Its family; "scipy" for any other continuous one of SciPy.
    parameters : tuple of float
        Mean; shape, scale and location; sigma and median; shape and scale; value; the values; none.
    scipy : scipy.stats frozen distribution or None
        The distribution itself where the family is "scipy".

    Examples
    --------
    >>> from scipy import stats
    >>> Distribution.of(stats.weibull_min(1.12, scale=461_386)).words
    'weibull(shape=1.12, scale=461386 h)'
    >>> round(Distribution.of(stats.lognorm(0.8, scale=4)).mean_h, 3)
    5.509
    """

    family: str
    parameters: tuple[float, ...]
    scipy: Any = None

    def __post_init__(self) -> None:
        if self.family == "scipy":
            self._check_scipy()
        elif self.family not in _OF_TIMES:
            raise InputError(f"distribution '{self.family[:40]}': one of {', '.join(_OF_TIMES)}")
        else:
            FAMILIES[self.family].check_all(self.parameters, self.words if self.parameters else self.family)
            if any(x < 0 for x in self.parameters):
                raise InputError(f"{self.words}: a time cannot be negative")
        if not self.mean_h <= _LONGEST_H:
            raise InputError(
                f"{self.words}: its mean is infinite or above {_LONGEST_H:g} h, so that no average over time exists; "
                "use a distribution with a finite mean"
            )

    def _check_scipy(self) -> None:
        with np.errstate(all="ignore"):
            low, never = float(self.scipy.support()[0]), float(self.scipy.sf(np.inf))
        if math.isnan(low) or math.isnan(never):
            raise InputError(f"{self.words}: every parameter must be a finite number within SciPy's range")
        if not low >= 0:
            raise InputError(
                f"{self.words}: it gives negative times (from {low:g} h); use a distribution that starts at 0"
            )
        if never != 0.0:
            raise InputError(f"{self.words}: its times are infinite with some probability")

    def __repr__(self) -> str:
        return self.words

    @classmethod
    def exponential(cls, mean_h: float) -> Distribution:
        """Constant rate.

        Examples
        --------
        >>> Distribution.exponential(4.0)
        exponential(mean=4 h)
        """
        return cls("exponential", (float(mean_h),))

    @classmethod
    def weibull(cls, shape: float, scale_h: float, location_h: float = 0.0) -> Distribution:
        """Weibull with two or three parameters (IEC 61649).

        Examples
        --------
        >>> round(Distribution.weibull(2.0, 12.0, 6.0).mean_h, 3)
        16.635
        """
        return cls("weibull", (float(shape), float(scale_h), float(location_h)))

    @classmethod
    def fixed(cls, value_h: float) -> Distribution:
        """Always the same time.

        Examples
        --------
        >>> Distribution.fixed(2.0).mean_h
        2.0
        """
        return cls("fixed", (float(value_h),))

    @classmethod
    def empirical(cls, values_h: Sequence[float]) -> Distribution:
        """One of the observed times, each as probable.

        Examples
        --------
        >>> Distribution.empirical([1.0, 2.0, 6.0]).mean_h
        3.0
        """
        return cls("empirical", tuple(sorted(float(x) for x in values_h)))

    @classmethod
    def of(cls, frozen: Any) -> Distribution:
        """Take over a frozen continuous distribution of `scipy.stats`.

        Parameters
        ----------
        frozen : scipy.stats frozen distribution
            With its parameters, times in hours.

        Returns
        -------
        Distribution
            Closed form for exponential and Weibull distributions, a table for the others.

        Raises
        ------
        InputError
            If it is no continuous distribution of a positive time with a finite mean.

        Examples
        --------
        >>> from scipy import stats
        >>> Distribution.of(stats.expon(scale=5.0))
        exponential(mean=5 h)
        """
        if not all(hasattr(frozen, name) for name in ("ppf", "isf", "sf", "cdf", "mean", "support", "args")):
            raise InputError(
                f"distribution: a frozen distribution of scipy.stats is needed, got {type(frozen).__name__}"
            )
        if not hasattr(frozen, "pdf") or hasattr(frozen, "pmf"):
            raise InputError(
                "distribution: a continuous distribution is needed; for observed times use an empirical distribution"
            )
        name, shapes, location, scale = _as_given(frozen)
        if name == "expon" and location == 0:
            return cls.exponential(scale)
        if name == "weibull_min":
            return cls.weibull(shapes[0], scale, location)
        return cls("scipy", (), frozen)

    @cached_property
    def words(self) -> str:
        """The distribution as `parse_distribution` reads it."""
        if self.family == "empirical":
            return f"empirical({len(self.parameters)} values, mean={self.mean_h:.6g} h)"
        if self.family != "scipy":
            return FAMILIES[self.family].in_words(self.parameters, "h")
        name, shapes, location, scale = _as_given(self.scipy)
        given = [*(f"{s:.10g}" for s in shapes), *([f"loc={location:.10g}"] if location else [])]
        return f"{name}({', '.join([*given, f'scale={scale:.10g}'])})"

    @property
    def kind(self) -> str:
        """The family, under its former name."""
        return self.family

    @property
    def tabulated(self) -> bool:
        """Whether it is drawn from a table of `frozen`; else in closed form, or from its values."""
        return self.family in _TABULATED

    def frozen(self) -> Any:
        """Give SciPy's frozen distribution of one that is tabulated.

        Examples
        --------
        >>> float(parse_distribution("gamma(shape=2, scale=3 h)").frozen().mean())
        6.0
        """
        return self.scipy if self.family == "scipy" else FAMILIES[self.family].scipy(self.parameters)

    @cached_property
    def mean_h(self) -> float:
        """Mean [h]."""
        if not self.tabulated:
            return FAMILIES[self.family].mean_of(self.parameters)
        with np.errstate(all="ignore"):  # SciPy's own, to the last digit that of what is drawn
            value = float(self.frozen().mean())
        return value if not math.isnan(value) else math.inf

    @cached_property
    def grid(self) -> FloatArray:
        """What a compiled kernel draws from.

        For a table the start of the times, then the logarithms of the time after it at cumulative hazards whose
        logarithms are evenly spaced over `LOG_HAZARD` (a probability of 1e-9 below, 1e-20 above); for an empirical
        distribution the sorted values; else empty.
        """
        if self.family == "empirical":
            return np.array(self.parameters)
        if not self.tabulated:
            return np.zeros(0)
        frozen = self.frozen()
        low = float(frozen.support()[0])
        hazard = np.exp(np.linspace(LOG_HAZARD[0], LOG_HAZARD[1], _POINTS))
        with np.errstate(all="ignore"):
            times = np.where(hazard < 0.7, frozen.ppf(-np.expm1(-hazard)), frozen.isf(np.exp(-hazard)))
        if not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0):
            raise InputError(f"{self.words}: SciPy cannot invert this distribution over its whole range")
        with np.errstate(divide="ignore"):
            return np.concatenate([[low], np.maximum(np.log(times - low), -700.0)])


def _as_given(frozen: Any) -> tuple[str, list[float], float, float]:
    """Name, shapes, location and scale of a frozen distribution, whether they were given by place or by name."""
    shapes = (frozen.dist.shapes or "").replace(",", " ").split()
    values = {"loc": 0.0, "scale": 1.0} | dict(zip([*shapes, "loc", "scale"], frozen.args, strict=False)) | frozen.kwds
    name = getattr(frozen.dist, "name", "law")
    return name, [float(values[shape]) for shape in shapes], float(values["loc"]), float(values["scale"])


def parse_distribution(text: str, mean_h: float | None = None) -> Distribution:
    """Read a distribution from its text.

    Parameters
    ----------
    text : str
        ``exponential(mean=4 h)``, ``weibull(shape=1.3, scale=50000 h, location=6 h)``, ``lognormal(median=4 h,
        sigma=0.8)`` or with ``mean`` and ``cv``, ``gamma(shape=2, scale=3 h)`` or with ``mean`` and ``cv``,
        ``fixed(value=4 h)``, ``empirical(1 h, 2 h, 6 h)``.
    mean_h : float, optional
        Mean that the distribution gets where the text gives no scale [h], as in ``weibull(shape=1.3)``.

    Returns
    -------
    Distribution
        The distribution.

    Raises
    ------
    InputError
        Says what is wrong and what would be right.

    Examples
    --------
    >>> parse_distribution("weibull(shape=2)", mean_h=10.0)
    weibull(shape=2, scale=11.28379167 h)
    >>> parse_distribution("lognormal(mean=4 h, cv=1)").mean_h.__round__(9)
    4.0
    """
    mean_h = None if mean_h is None else as_number("mean_h", mean_h)
    where = f"distribution '{str(text)[:80]}'"
    match = _CALL.fullmatch(str(text))
    if match is None or match[1] not in _OF_TIMES:
        raise InputError(f"{where}: one of {', '.join(_OF_TIMES)}, such as weibull(shape=1.3, scale=50000 h)")
    inside = (match[2] or "").strip()
    words = [word.strip() for word in inside.split(",")] if inside else []
    family = FAMILIES[match[1]]
    if family.name == "empirical":
        return Distribution.empirical([_value("mean", word, where) for word in words])
    allowed = (*family.parameters, *family.aliases)
    given: dict[str, float] = {}
    for word in words:
        name, equals, value = (piece.strip() for piece in word.partition("="))
        if not equals:
            name, value = ("value" if family.name == "fixed" else "mean"), word
        if name not in allowed:
            raise InputError(f"{where}: {family.name} has the parameters {', '.join(allowed)}, not '{name[:40]}'")
        if name in given:
            raise InputError(f"{where}: '{name}' is given twice")
        given[name] = _value(name, value, where)
    others = {parameter for parameter, _ in family.aliases.values()}
    if missing := [name for name in family.required if name not in {*given, *others, *_SIZES}]:
        raise InputError(f"{where}: '{missing[0]}' is missing")
    sizes = [name for name in _SIZES if name in allowed]
    if not any(name in given for name in sizes):
        if mean_h is None:
            raise InputError(f"{where}: give its scale, with {' or '.join(sizes)}")
        given["mean"] = mean_h
    return Distribution(family.name, family.resolved(given, where))


def _value(name: str, text: str, where: str) -> float:
    """A time [h], or a number where the parameter has no unit."""
    try:
        value = parse_duration(text) if name in IN_UNITS else float(text)
    except ValueError as error:
        reason = error if name in IN_UNITS else f"'{name}' is a number, got '{text[:40]}'"
        raise InputError(f"{where}: {reason}") from None
    if not math.isfinite(value):
        raise InputError(f"{where}: '{name}' must be a finite number")
    return value
