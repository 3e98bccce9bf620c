"""Stochastic expressions of the Open-PSA model exchange format: numbers, parameters, built-in distributions, deviates.

An expression is checked and built once, then evaluated at the means, or at many points at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.distributions import Z95, Uncertain
from k2rel.errors import InputError
from k2rel.faulttrees.periodic import FORM_WORDS, FORMS, periodic_test, wrong_argument
from k2rel.faulttrees.source import Element

__all__ = ["Evaluation", "number_of"]

FloatArray = NDArray[np.float64]


def _glm(gamma: FloatArray, failure: FloatArray, repair: FloatArray, time: FloatArray) -> FloatArray:
    """Failure on demand with gamma, then constant failure and repair rates (IEC 61703)."""
    both = failure + repair
    with np.errstate(divide="ignore", invalid="ignore"):
        steady = np.where(both > 0, failure / both, gamma)
    return np.asarray(steady - (steady - gamma) * np.exp(-both * time))


def _weibull(scale: FloatArray, shape: FloatArray, start: FloatArray, time: FloatArray) -> FloatArray:
    past = np.maximum(time - start, 0.0)
    return np.asarray(-np.expm1(-((past / scale) ** shape)))


_FUNCTIONS: dict[str, tuple[tuple[int, ...] | None, Callable[..., Any]]] = {
    # None: any number of arguments from one
    "neg": ((1,), np.negative),
    "add": (None, lambda *a: reduce(np.add, a)),
    "sub": (None, lambda *a: reduce(np.subtract, a)),
    "mul": (None, lambda *a: reduce(np.multiply, a)),
    "div": (None, lambda *a: reduce(np.divide, a)),
    "min": (None, lambda *a: reduce(np.minimum, a)),
    "max": (None, lambda *a: reduce(np.maximum, a)),
    "mean": (None, lambda *a: np.asarray(reduce(np.add, a) / len(a))),
    "pow": ((2,), np.power),
    "mod": ((2,), np.mod),
    "ite": ((3,), lambda c, a, b: np.where(c != 0, a, b)),
    "and": (None, lambda *a: np.asarray(reduce(np.logical_and, a), dtype=np.float64)),
    "or": (None, lambda *a: np.asarray(reduce(np.logical_or, a), dtype=np.float64)),
    "not": ((1,), lambda a: np.asarray(a == 0, dtype=np.float64)),
    "eq": ((2,), lambda a, b: np.asarray(a == b, dtype=np.float64)),
    "df": ((2,), lambda a, b: np.asarray(a != b, dtype=np.float64)),
    "lt": ((2,), lambda a, b: np.asarray(a < b, dtype=np.float64)),
    "gt": ((2,), lambda a, b: np.asarray(a > b, dtype=np.float64)),
    "leq": ((2,), lambda a, b: np.asarray(a <= b, dtype=np.float64)),
    "geq": ((2,), lambda a, b: np.asarray(a >= b, dtype=np.float64)),
    "exponential": ((2,), lambda rate, time: np.asarray(-np.expm1(-rate * time))),
    "GLM": ((4,), _glm),
    "Weibull": ((4,), _weibull),
    "periodic-test": (FORMS, periodic_test),
}
_PLAIN: dict[str, Callable[..., Any]] = {
        "abs": np.abs, "acos": np.arccos, "asin": np.arcsin, "atan": np.arctan, "ceil": np.ceil, "cos": np.cos,
        "cosh": np.cosh, "exp": np.exp, "floor": np.floor, "log": np.log, "log10": np.log10, "sin": np.sin,
        "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh,
}  # fmt: skip
_FUNCTIONS |= {name: ((1,), function) for name, function in _PLAIN.items()}

_DEVIATES = {
    "uniform-deviate": "uniform", "normal-deviate": "normal", "gamma-deviate": "gamma", "beta-deviate": "beta",
    "lognormal-deviate": "lognormal", "histogram": "histogram",
}  # fmt: skip


def number_of(element: Element) -> float:
    """Read the value of a ``float`` or ``int`` element.

    Examples
    --------
    >>> number_of(Element("float", {"value": "1e-3"}, 1, "m.xml"))
    0.001
    """
    text = element.attributes.get("value", "").strip()
    try:
        value = float(text if "_" not in text else "")  # Python reads 1_000, nobody else does
    except ValueError:
        raise element.error(f"needs a number as its value, got '{text[:40]}'") from None
    if not math.isfinite(value):
        raise element.error(f"needs a finite number, got '{text[:40]}'")
    return value


class Evaluation:
    """Values of expressions, at the means of all deviates or at given points.

    `resolve` finds the name and the definition that a ``parameter`` element refers to; `columns` holds points in the
    unit interval for each of the `deviates`, in the order in which a first evaluation met them.

    Examples
    --------
    >>> half = Element("float", {"value": "0.5"}, 1, "m.xml")
    >>> float(Evaluation(lambda e: ("", e), 8760.0).value(Element("neg", {}, 1, "m.xml", [half])))
    -0.5
    """

    def __init__(
        self,
        resolve: Callable[[Element], tuple[str, Element]],
        mission_time_h: float,
        columns: Mapping[int, FloatArray] | None = None,
    ) -> None:
        self._resolve = resolve
        self._time = np.asarray(mission_time_h)
        self._columns = columns
        self._parameters: dict[str, FloatArray] = {}
        self._open: list[str] = []
        self._drawn: dict[int, FloatArray] = {}
        self.deviates = 0

    def value(self, element: Element) -> FloatArray:
        """Evaluate an expression, to one value or to one for each point.

        Examples
        --------
        >>> one = Element("int", {"value": "1"}, 1, "m.xml")
        >>> float(Evaluation(lambda e: ("", e), 8760.0).value(one))
        1.0
        """
        with np.errstate(all="ignore"):
            result = np.asarray(self._value(element), dtype=np.float64)
        if not np.all(np.isfinite(result)):
            raise element.error("has no finite value")
        return result

    def _value(self, element: Element) -> FloatArray:
        tag = element.tag
        if tag in {"float", "int"}:
            return np.asarray(number_of(element))
        if tag == "bool":
            return np.asarray(float(element.truth()))
        if tag == "pi":
            return np.asarray(math.pi)
        if tag == "system-mission-time":
            return self._time
        if tag == "parameter":
            return self._parameter(element)
        parts = list(element.parts())
        if tag in _DEVIATES:
            return self._deviate(element, parts)
        if tag == "switch":
            return self._switch(element, parts)
        if tag not in _FUNCTIONS:
            raise element.error(f"is not a known expression; known: {', '.join(sorted(_FUNCTIONS))} and deviates")
        wanted, function = _FUNCTIONS[tag]
        if (wanted is None and not parts) or (wanted is not None and len(parts) not in wanted):
            text = "at least one" if wanted is None else " or ".join(map(str, wanted))
            forms = f"; {FORM_WORDS}" if tag == "periodic-test" else ""
            raise element.error(f"takes {text} argument(s), got {len(parts)}{forms}")
        values = [self._value(part) for part in parts]
        if tag == "periodic-test" and (wrong := wrong_argument(values)) is not None:
            place, words = wrong
            raise parts[place].error(f"argument {place + 1} of {tag}: {words}")
        if tag in {"exponential", "GLM", "Weibull"}:
            positive = (0, 1) if tag == "Weibull" else ()
            for place, value in enumerate(values):
                if np.any(value < 0) or (place in positive and np.any(value <= 0)):
                    raise parts[place].error(f"argument {place + 1} of {tag} must not be negative or empty")
        return np.asarray(function(*values))

    def _switch(self, element: Element, parts: list[Element]) -> FloatArray:
        """First case that holds; the last part is the default."""
        if not parts or any(part.tag != "case" or len(list(part.parts())) != 2 for part in parts[:-1]):
            raise element.error("needs cases of a condition and a value each, then a default value")
        result = self._value(parts[-1])
        for part in reversed(parts[:-1]):
            when, then = (self._value(inner) for inner in part.parts())
            result = np.where(when != 0, then, result)
        return result

    def _parameter(self, element: Element) -> FloatArray:
        name, definition = self._resolve(element)
        if name not in self._parameters:
            if name in self._open:
                raise definition.error(
                    f"parameter '{name}' is defined in terms of itself: {' > '.join([*self._open, name])}"
                )
            if len(self._open) > 150:
                raise definition.error("definitions of parameters are nested more than 150 deep")
            expressions = list(definition.parts())
            if len(expressions) != 1:
                raise definition.error(f"parameter '{name}' needs one expression, got {len(expressions)}")
            self._open.append(name)
            self._parameters[name] = self._value(expressions[0])
            self._open.pop()
        return self._parameters[name]

    def _deviate(self, element: Element, parts: list[Element]) -> FloatArray:
        if id(element) in self._drawn:
            return self._drawn[id(element)]
        if element.tag == "histogram":
            bins = [part for part in parts if part.tag == "bin"]
            bounds = (
                [self._point(part) for part in [parts[0], *(next(iter(b.parts()), b) for b in bins)]] if bins else []
            )
            weights = [self._point(list(b.parts())[1]) for b in bins if len(list(b.parts())) == 2]
            arguments = [*bounds, *weights]
            if not bins or len(weights) != len(bins):
                raise element.error("needs a lower bound, then bins of an upper bound and a weight each")
        else:
            arguments = [self._point(part) for part in parts]
            if element.tag == "lognormal-deviate" and len(arguments) == 2:
                mu, sigma = arguments  # of the logarithm
                if sigma <= 0:
                    raise element.error("the standard deviation of the logarithm must be above 0")
                try:
                    arguments = [math.exp(mu + sigma * sigma / 2), math.exp(Z95 * sigma), 0.95]
                except OverflowError:
                    raise element.error("mean or error factor are beyond the range of a number") from None
        try:
            distribution = Uncertain(_DEVIATES[element.tag], tuple(arguments))
        except InputError as error:
            raise element.error(str(error)) from None
        points = None if self._columns is None else self._columns[self.deviates]
        self.deviates += 1
        value = np.asarray(distribution.mean) if points is None else distribution.quantile(points)
        self._drawn[id(element)] = value
        return value

    def _point(self, element: Element) -> float:
        """Evaluate a parameter of a distribution, which must be certain itself."""
        before = self.deviates
        value = self.value(element)
        if self.deviates > before or value.ndim:
            raise element.error("a parameter of a distribution cannot be uncertain itself")
        return float(value)
