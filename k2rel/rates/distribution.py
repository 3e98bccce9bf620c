"""Laws of lives and repairs of any shape, with SciPy's distributions as the vocabulary.

A law is known by its cumulative hazard H: a new part fails when H reaches a number drawn from the unit exponential
law, one of age a when H grows by that much from H(a). Weibull and exponential laws have H in closed form; the others
are tabulated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_number
from k2rel.errors import InputError
from k2rel.units import parse_duration

__all__ = ["Distribution", "parse_distribution"]

FloatArray = NDArray[np.float64]

_LONGEST_H = 1e12
_POINTS = 3000
_NAMES = {
    "exponential": (("mean",), ()),
    "weibull": (("shape", "scale", "location", "mean"), ("shape",)),
    "lognormal": (("sigma", "median", "mean", "cv"), ()),
    "gamma": (("shape", "scale", "mean", "cv"), ()),
    "fixed": (("value", "mean"), ()),
    "empirical": (("values",), ("values",)),
}
_TIMES = {"mean", "scale", "location", "median", "value"}


@dataclass(frozen=True, eq=False)
class Distribution:
    """The law of a time [h].

    Parameters
    ----------
    words : str
        The law in words, for provenance.
    kind : {"exponential", "weibull", "fixed", "table", "empirical"}
        How it is drawn.
    parameters : tuple of float
        Mean; shape, scale and location; value; none; the values.
    scipy : scipy.stats frozen distribution or None
        What a table is made from.

    Examples
    --------
    >>> from scipy import stats
    >>> Distribution.of(stats.weibull_min(1.12, scale=461_386)).words
    'weibull(shape=1.12, scale=461386 h)'
    >>> round(Distribution.of(stats.lognorm(0.8, scale=4)).mean_h, 3)
    5.509
    """

    words: str
    kind: str
    parameters: tuple[float, ...]
    scipy: Any = None

    def __post_init__(self) -> None:
        values = self.parameters
        if any(math.isnan(x) or math.isinf(x) for x in values):
            raise InputError(f"{self.words}: every parameter must be a finite number")
        if self.kind == "weibull":
            shape, scale, location = values
            if shape <= 0 or scale <= 0:
                raise InputError(f"{self.words}: shape and scale must be above 0")
            if location < 0:
                raise InputError(f"{self.words}: a time cannot be negative; the location must be 0 or more")
        elif any(x < 0 for x in values):
            raise InputError(f"{self.words}: a time cannot be negative")
        if self.kind == "exponential" and values[0] <= 0:
            raise InputError(f"{self.words}: the mean must be above 0")
        if self.kind == "table":
            with np.errstate(all="ignore"):
                low, never = float(self.scipy.support()[0]), float(self.scipy.sf(np.inf))
            if math.isnan(low) or math.isnan(never):
                raise InputError(f"{self.words}: every parameter must be a finite number within SciPy's range")
            if not low >= 0:
                raise InputError(f"{self.words}: it gives negative times (from {low:g} h); use a law that starts at 0")
            if never != 0.0:
                raise InputError(f"{self.words}: its times never end with some probability")
        if not self.mean_h <= _LONGEST_H:
            raise InputError(
                f"{self.words}: its mean is infinite or above {_LONGEST_H:g} h, so that no average over time exists; "
                "use a law with a finite mean"
            )

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
        return cls(f"exponential(mean={mean_h:.10g} h)", "exponential", (float(mean_h),))

    @classmethod
    def weibull(cls, shape: float, scale_h: float, location_h: float = 0.0) -> Distribution:
        """Weibull with two or three parameters (IEC 61649).

        Examples
        --------
        >>> round(Distribution.weibull(2.0, 12.0, 6.0).mean_h, 3)
        16.635
        """
        place = f", location={location_h:.10g} h" if location_h else ""
        return cls(
            f"weibull(shape={shape:.10g}, scale={scale_h:.10g} h{place})",
            "weibull",
            (float(shape), float(scale_h), float(location_h)),
        )

    @classmethod
    def fixed(cls, value_h: float) -> Distribution:
        """Always the same time.

        Examples
        --------
        >>> Distribution.fixed(2.0).mean_h
        2.0
        """
        return cls(f"fixed(value={value_h:.10g} h)", "fixed", (float(value_h),))

    @classmethod
    def empirical(cls, values_h: Sequence[float]) -> Distribution:
        """One of the observed times, each as probable.

        Examples
        --------
        >>> Distribution.empirical([1.0, 2.0, 6.0]).mean_h
        3.0
        """
        values = tuple(sorted(float(x) for x in values_h))
        if not values:
            raise InputError("empirical law: no values; give at least one observed time")
        return cls(f"empirical({len(values)} values, mean={float(np.mean(values)):.6g} h)", "empirical", values)

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
            Closed form for exponential and Weibull laws, a table for the others.

        Raises
        ------
        InputError
            If it is no continuous law of a positive time with a finite mean.

        Examples
        --------
        >>> from scipy import stats
        >>> Distribution.of(stats.expon(scale=5.0))
        exponential(mean=5 h)
        """
        if not all(hasattr(frozen, name) for name in ("ppf", "isf", "sf", "cdf", "mean", "support", "args")):
            raise InputError(f"law: a frozen distribution of scipy.stats is needed, got {type(frozen).__name__}")
        if not hasattr(frozen, "pdf") or hasattr(frozen, "pmf"):
            raise InputError("law: a continuous distribution is needed; for observed times use an empirical law")
        name = getattr(getattr(frozen, "dist", None), "name", "law")
        shapes, location, scale = frozen.dist._parse_args(*frozen.args, **frozen.kwds)
        if name == "expon" and location == 0:
            return cls.exponential(float(scale))
        if name == "weibull_min":
            return cls.weibull(float(shapes[0]), float(scale), float(location))
        given = [*(f"{float(s):.10g}" for s in shapes), *([f"loc={float(location):.10g}"] if location else [])]
        return cls(f"{name}({', '.join([*given, f'scale={float(scale):.10g}'])})", "table", (), frozen)

    @cached_property
    def mean_h(self) -> float:
        """Mean [h]."""
        if self.kind == "weibull":
            shape, scale, location = self.parameters
            try:
                return location + scale * math.gamma(1.0 + 1.0 / shape)
            except OverflowError:
                return math.inf
        if self.kind == "table":
            with np.errstate(all="ignore"):
                value = float(self.scipy.mean())
            return value if not math.isnan(value) else math.inf
        return float(np.mean(self.parameters))

    @cached_property
    def grid(self) -> FloatArray:
        """What a compiled kernel draws from.

        For a table the start of the times, then the logarithms of the time after it at cumulative hazards whose
        logarithms are evenly spaced from -21 to 3.8 (a probability of 1e-9 below, 1e-20 above); for an empirical law
        the sorted values; else empty.
        """
        if self.kind == "empirical":
            return np.array(self.parameters)
        if self.kind != "table":
            return np.zeros(0)
        low = float(self.scipy.support()[0])
        hazard = np.exp(np.linspace(LOG_HAZARD[0], LOG_HAZARD[1], _POINTS))
        with np.errstate(all="ignore"):
            times = np.where(hazard < 0.7, self.scipy.ppf(-np.expm1(-hazard)), self.scipy.isf(np.exp(-hazard)))
        if not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0):
            raise InputError(f"{self.words}: SciPy cannot invert this law over its whole range")
        with np.errstate(divide="ignore"):
            return np.concatenate([[low], np.maximum(np.log(times - low), -700.0)])


LOG_HAZARD = (-21.0, 3.8)
_CALL = re.compile(r"\s*([a-z]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


def parse_distribution(text: str, mean_h: float | None = None) -> Distribution:
    """Read a law as a person writes it.

    Parameters
    ----------
    text : str
        ``exponential(mean=4 h)``, ``weibull(shape=1.3, scale=50000 h, location=6 h)``, ``lognormal(median=4 h,
        sigma=0.8)`` or with ``mean`` and ``cv``, ``gamma(shape=2, scale=3 h)`` or with ``mean`` and ``cv``,
        ``fixed(value=4 h)``, ``empirical(1 h, 2 h, 6 h)``.
    mean_h : float, optional
        Mean that the law gets where the text gives no scale [h], as in ``weibull(shape=1.3)``.

    Returns
    -------
    Distribution
        The law.

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
    short = str(text)[:80]
    match = _CALL.fullmatch(str(text))
    if match is None or match[1] not in _NAMES:
        raise InputError(f"law '{short}': one of {', '.join(_NAMES)}, such as weibull(shape=1.3, scale=50000 h)")
    kind, inside = match[1], (match[2] or "").strip()
    words = [word.strip() for word in inside.split(",")] if inside else []
    if kind == "empirical":
        return Distribution.empirical([_time(word, short) for word in words])
    given: dict[str, float] = {}
    allowed, required = _NAMES[kind]
    for word in words:
        name, equals, value = (piece.strip() for piece in word.partition("="))
        if not equals:
            name, value = ("value" if kind == "fixed" else "mean"), word
        if name not in allowed:
            raise InputError(f"law '{short}': {kind} knows {', '.join(allowed)}, not '{name[:40]}'")
        if name in given:
            raise InputError(f"law '{short}': '{name}' is given twice")
        given[name] = _time(value, short) if name in _TIMES else _number(name, value, short)
    for name in required:
        if name not in given:
            raise InputError(f"law '{short}': '{name}' is missing")
    known = ("scale", "median", "mean", "value")
    if not any(name in given for name in known):
        if mean_h is None:
            raise InputError(f"law '{short}': say how long, with {' or '.join(n for n in known if n in allowed)}")
        given["mean"] = mean_h
    _only_one(given, [name for name in known if name in allowed], short)
    for name in ("mean", "scale", "median"):
        if name in given and given[name] <= 0:
            raise InputError(f"law '{short}': '{name}' must be above 0")
    if kind == "exponential":
        return Distribution.exponential(given["mean"])
    if kind == "fixed":
        return Distribution.fixed(given.get("value", given.get("mean", 0.0)))
    if kind == "weibull":
        return _weibull(given, short)
    from scipy import stats  # half a second, only where a law has no form of our own

    if kind == "lognormal":
        _only_one(given, ["sigma", "cv"], short)
        sigma = given["sigma"] if "sigma" in given else math.sqrt(math.log1p(given.get("cv", 1.0) ** 2))
        if not sigma > 0:
            raise InputError(f"law '{short}': sigma or cv must be above 0")
        median = given["median"] if "median" in given else given["mean"] * math.exp(-(sigma**2) / 2)
        return _named(Distribution.of(stats.lognorm(sigma, scale=median)), f"lognormal(median={median:.10g} h, "
                      f"sigma={sigma:.10g})")  # fmt: skip
    _only_one(given, ["shape", "cv"], short)
    shape = given["shape"] if "shape" in given else 1.0 / given.get("cv", 1.0) ** 2 if given.get("cv", 1.0) > 0 else 0.0
    if not shape > 0:
        raise InputError(f"law '{short}': shape or cv must be above 0")
    scale = given["scale"] if "scale" in given else given["mean"] / shape
    return _named(Distribution.of(stats.gamma(shape, scale=scale)), f"gamma(shape={shape:.10g}, scale={scale:.10g} h)")


def _weibull(given: Mapping[str, float], short: str) -> Distribution:
    """From its scale, or from its mean."""
    shape, location = given["shape"], given.get("location", 0.0)
    if not shape > 0:
        raise InputError(f"law '{short}': 'shape' must be above 0")
    if "scale" in given:
        return Distribution.weibull(shape, given["scale"], location)
    if not given["mean"] > location:
        raise InputError(f"law '{short}': the mean must be above the location")
    try:
        return Distribution.weibull(shape, (given["mean"] - location) / math.gamma(1.0 + 1.0 / shape), location)
    except OverflowError:
        raise InputError(f"law '{short}': the shape is too small for a mean to be kept") from None


def _named(law: Distribution, words: str) -> Distribution:
    return Distribution(words, law.kind, law.parameters, law.scipy)


def _only_one(given: Mapping[str, float], names: Sequence[str], short: str) -> None:
    both = [name for name in names if name in given]
    if len(both) > 1:
        raise InputError(f"law '{short}': '{both[0]}' and '{both[1]}' say the same; give one of them")


def _time(value: str, short: str) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise InputError(f"law '{short}': {error}") from None


def _number(name: str, value: str, short: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise InputError(f"law '{short}': '{name}' is a number, got '{value[:40]}'") from None
    if not math.isfinite(number):
        raise InputError(f"law '{short}': '{name}' must be a finite number")
    return number
