"""What a caller gives to a public function: numbers are numbers, one name is a list of one, and the message names it.

A value that cannot be meant is refused where it comes in, so that none is cut down to something else on the way
(``seed=1.5`` to seed 1, ``failed="switch_A"`` to eight letters).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from k2rel.errors import InputError

__all__ = [
    "MOST_SEED",
    "as_confidence",
    "as_name",
    "as_names",
    "as_number",
    "as_numbers",
    "as_paths",
    "as_power_of_two",
    "as_seed",
    "as_times",
    "as_tolerance",
    "as_truth",
    "as_whole",
    "as_wholes",
    "keep",
    "shown",
]

MOST_SEED = 2**63 - 1
"""Largest seed that every generator takes."""


def as_number(argument: str, value: Any) -> float:
    """Take a number.

    Examples
    --------
    >>> as_number("years", 2), as_number("years", "2")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: years: a number is needed, got '2'
    """
    found = _float(value)
    if found is None or math.isnan(found):
        raise InputError(f"{argument}: a number is needed, got {shown(value)}")
    return found


def as_whole(argument: str, value: Any, least: int = 0, most: int | None = None) -> int:
    """Take a whole number, also one that is written as 1e4 or comes from NumPy.

    Examples
    --------
    >>> as_whole("histories", 1e4)
    10000
    >>> as_whole("seed", 1.5)
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: seed: a whole number of 0 or more is needed, got 1.5
    """
    found = _float(value)
    if (
        found is None
        or not math.isfinite(found)
        or int(value) != value
        or value < least
        or (most is not None and value > most)
    ):
        wanted = f"from {least:,} to {most:,}" if most is not None else f"of {least:,} or more"
        raise InputError(f"{argument}: a whole number {wanted} is needed, got {shown(value)}")
    return int(value)


def as_seed(value: Any) -> int:
    """Take a seed.

    Examples
    --------
    >>> as_seed(7)
    7
    """
    return as_whole("seed", value, 0, MOST_SEED)


def as_confidence(value: Any) -> float:
    """Take the confidence of an interval.

    Examples
    --------
    >>> as_confidence(95)
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: confidence: from 0.5 to below 1, such as 0.9; got 95
    """
    found = as_number("confidence", value)
    if not 0.5 <= found < 1:
        raise InputError(f"confidence: from 0.5 to below 1, such as 0.9; got {found:g}")
    return found


def as_tolerance(value: Any) -> float:
    """Take a bound on the error of a probability.

    Examples
    --------
    >>> as_tolerance(float("inf"))
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: tolerance: from 1e-15 to 0.1, got inf
    """
    found = _float(value)
    if found is None or not 1e-15 <= found <= 0.1:
        raise InputError(f"tolerance: from 1e-15 to 0.1, got {shown(value)}")
    return found


def as_truth(argument: str, value: Any) -> bool:
    """Take true or false, also of NumPy.

    Examples
    --------
    >>> as_truth("stages", "no")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: stages: True or False is needed, got 'no'
    """
    if type(value).__name__ not in ("bool", "bool_"):
        raise InputError(f"{argument}: True or False is needed, got {shown(value)}")
    return bool(value)


def keep(record: Any, **values: Any) -> None:
    """Keep checked values in a frozen record while it is made.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Count:
    ...     many: int
    ...     def __post_init__(self):
    ...         keep(self, many=as_whole("many", self.many))
    >>> Count(1e3)
    Count(many=1000)
    """
    for field, value in values.items():
        object.__setattr__(record, field, value)


def as_numbers(argument: str, value: Any) -> tuple[float, ...]:
    """Take numbers; one alone is a list of one.

    Examples
    --------
    >>> as_numbers("times_h", [1, 2.5]), as_numbers("times_h", 8760)
    ((1.0, 2.5), (8760.0,))
    """
    return tuple(as_number(argument, item) for item in _listed(argument, value, "numbers"))


def as_times(argument: str, value: Any) -> tuple[float, ...]:
    """Take times; one alone is a list of one.

    Examples
    --------
    >>> as_times("times_h", [0, 8760])
    (0.0, 8760.0)
    """
    found = as_numbers(argument, value)
    for time in found:
        if not 0 <= time < math.inf:
            raise InputError(f"{argument}: times must be a list of hours, finite and not negative; got {time:g}")
    return found


def as_wholes(argument: str, value: Any, least: int = 0, most: int | None = None) -> tuple[int, ...]:
    """Take whole numbers; one alone is a list of one.

    Examples
    --------
    >>> as_wholes("units", range(1, 4))
    (1, 2, 3)
    """
    return tuple(as_whole(argument, item, least, most) for item in _listed(argument, value, "whole numbers"))


def as_power_of_two(argument: str, value: Any) -> int:
    """Take a power of 2, from 2 on.

    Examples
    --------
    >>> as_power_of_two("samples", 1024)
    1024
    """
    found = as_whole(argument, value, 2)
    if found & (found - 1):
        raise InputError(f"{argument}: must be a power of 2, such as {1 << found.bit_length()}, got {shown(value)}")
    return found


def as_names(argument: str, value: Any) -> tuple[str, ...]:
    """Take names; one alone is a list of one, not a list of its letters.

    Examples
    --------
    >>> as_names("failed", "switch_A"), as_names("failed", ["switch_A", "toe_A1"])
    (('switch_A',), ('switch_A', 'toe_A1'))
    """
    return tuple(as_name(argument, item) for item in _listed(argument, value, "names"))


def as_name(argument: str, value: Any) -> str:
    """Take one name.

    Examples
    --------
    >>> as_name("service", ["media"])
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: service: one name is needed, got ['media']
    """
    if not isinstance(value, str):
        raise InputError(f"{argument}: one name is needed, got {shown(value)}")
    return value


def as_paths(argument: str, value: Any) -> tuple[str | Path, ...]:
    """Take levels by name or files; one alone is a list of one.

    Examples
    --------
    >>> as_paths("levels", "L2R"), as_paths("levels", ["L1", "L2"])
    (('L2R',), ('L1', 'L2'))
    """
    return tuple(
        Path(item) if isinstance(item, os.PathLike) else as_name(argument, item)
        for item in _listed(argument, value, "names")
    )


def _listed(argument: str, value: Any, what: str) -> tuple[Any, ...]:
    """The items of a list; what is no list stands for itself."""
    if isinstance(value, str | Real | os.PathLike):
        return (value,)
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes | bytearray):
        raise InputError(f"{argument}: a list of {what} is needed, got {shown(value)}")
    return tuple(value)


def _float(value: Any) -> float | None:
    """A number of any kind; None for what is none, among it True and what no float can hold."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def shown(value: Any) -> str:
    """A value as a message shows it, cut where it is long.

    Examples
    --------
    >>> shown("s1"), shown(10**50), shown(10**5000)
    ("'s1'", '1000000000000000000000000000000000000...', 'a number with very many digits')
    """
    try:
        text = repr(value) if isinstance(value, str | bytes) else str(value)
    except ValueError:  # Python writes no number of so many digits
        return "a number with very many digits"
    return text if len(text) <= 40 else f"{text[:37]}..."
