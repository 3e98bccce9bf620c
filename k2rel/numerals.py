"""Numbers as people and spreadsheets write them: which sign separates thousands and which decimals.

``250,000`` is 250000 in one country and 250 in another. A cell alone often cannot decide, a column mostly can: one
``1,234,567`` or ``17.5`` in it says how the others are meant. What stays open is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from k2rel.errors import InputError, Problem

__all__ = ["Evidence", "Mark", "Numeral", "decided", "numeral", "plain_number"]

Mark = Literal["point", "comma"]
"""The decimal separator."""

_SPACES = " \u00a0\u2007\u2009\u202f"
_APOSTROPHES = "'\u2019"
_SPLIT = re.compile(rf"([+-]?[\d.,{_SPACES}{_APOSTROPHES}]*\d[.,]?(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)", re.ASCII)


def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    groups = rf"[1-9]\d{{0,2}}(?:(?P<sign>[{thousands}{_SPACES}{_APOSTROPHES}])\d{{3}})(?:(?P=sign)\d{{3}})*"
    whole = rf"(?:{groups}(?:{decimal}\d*)?|(?:\d+(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?)"
    return re.compile(rf"[+-]?{whole}", re.ASCII)


_POINT, _COMMA = _pattern(r"\.", ","), _pattern(",", r"\.")
_THOUSANDS = str.maketrans("", "", _SPACES + _APOSTROPHES)


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as it is written, with its value under either decimal separator."""

    point: float | None
    comma: float | None
    unit: str = ""

    @property
    def open(self) -> bool:
        """Whether both readings exist and differ."""
        return self.point is not None and self.comma is not None and self.point != self.comma

    def value(self, mark: Mark) -> float | None:
        """Value under a decimal separator."""
        return self.point if mark == "point" else self.comma


def numeral(text: str) -> Numeral | None:
    """Read a number in every way in which it can be meant.

    Examples
    --------
    >>> numeral("250,000"), numeral("1.234,5 h")
    (Numeral(point=250000.0, comma=250.0, unit=''), Numeral(point=None, comma=1234.5, unit='h'))
    """
    match = _SPLIT.fullmatch(text.strip())
    if match is None:
        return None
    digits, unit = match[1].rstrip(), match[2]
    point = comma = None
    if _POINT.fullmatch(digits):
        point = float(digits.translate(_THOUSANDS).replace(",", ""))
    if _COMMA.fullmatch(digits):
        comma = float(digits.translate(_THOUSANDS).replace(".", "").replace(",", "."))
    return None if point is None and comma is None else Numeral(point, comma, unit)


def plain_number(text: str) -> float:
    """Read a number of a table that has decimal points and no separators of thousands.

    Examples
    --------
    >>> plain_number("4e-6")
    4e-06
    >>> plain_number("250,000")
    Traceback (most recent call last):
    ...
    ValueError: '250,000' can be 250000 or 250; write it without a thousands separator, with a decimal point
    """
    short = text.strip()[:40]
    if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text.strip(), re.ASCII):
        return float(text)
    found = numeral(text)
    if found is None or found.unit:
        raise ValueError(f"'{short}' is not a number")
    values = [f"{x:.12g}" for x in (found.point, found.comma) if x is not None]
    ways = " or ".join(dict.fromkeys(values))
    if found.open:
        raise ValueError(f"'{short}' can be {ways}; write it without a thousands separator, with a decimal point")
    raise ValueError(f"'{short}': write {ways}, without a thousands separator and with a decimal point")


@dataclass(slots=True)
class Evidence:
    """What the cells of a column say of its decimal separator: the first cell of each kind, with its row."""

    point: tuple[int, str] | None = None
    comma: tuple[int, str] | None = None
    either: tuple[int, str] | None = None

    def see(self, cells: Iterable[tuple[int, str]]) -> None:
        """Take up cells, each with its row."""
        for row, text in cells:
            found = numeral(text)
            if found is None:
                continue
            if found.open:
                self.either = self.either or (row, text.strip())
            elif found.comma is None:
                self.point = self.point or (row, text.strip())
            elif found.point is None:
                self.comma = self.comma or (row, text.strip())


_OPTION = "write numbers without a thousands separator, or give --decimal point or --decimal comma"


def decided(columns: Mapping[str, Evidence], separator: str, file: str, advice: str = _OPTION) -> dict[str, Mark]:
    """Decide the decimal separator of each column; `advice` says what to do where nothing decides.

    Examples
    --------
    >>> cells = Evidence(either=(2, "250.000"), comma=(3, "1.234,5"))
    >>> decided({"hours": cells}, ";", "log.csv")
    {'hours': 'comma'}
    """
    problems: list[Problem] = []
    found: dict[str, Mark] = {}
    for name, cells in columns.items():
        if cells.point and cells.comma:
            (first, one), (second, other) = sorted((cells.point, cells.comma))
            problems.append(
                Problem(
                    f"'{other[:30]}' has another decimal separator than '{one[:30]}' in row {first}; write all numbers "
                    "of the column in one way",
                    file,
                    second,
                    name,
                )
            )
        elif cells.point or cells.comma:
            found[name] = "point" if cells.point else "comma"
    elsewhere = set(found.values())
    for name, cells in columns.items():
        if name in found or (cells.point and cells.comma):
            continue
        if cells.either is None:
            found[name] = "point"
        elif len(elsewhere) == 1:
            found[name] = next(iter(elsewhere))
        elif separator == ",":
            found[name] = "point"
        else:
            row, text = cells.either
            open_one = numeral(text)
            assert open_one is not None
            problems.append(
                Problem(
                    f"'{text[:30]}' can be {open_one.point:.12g} (decimal point) or {open_one.comma:.12g} (decimal "
                    f"comma), and no other cell settles which; {advice}",
                    file,
                    row,
                    name,
                )
            )
    if problems:
        raise InputError(problems)
    return found
