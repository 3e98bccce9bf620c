"""Cells of a field log as numbers: units, dates, separators of decimals and thousands, and what a failure is called."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import Problem
from k2rel.numerals import Mark, numeral
from k2rel.units import parse_duration

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "OpenSeparatorError", "date_hours", "events", "numbers"]

FloatArray = NDArray[np.float64]

_YES = ("1", "1.0", "yes", "y", "true", "t", "failed", "failure", "f", "fail", "dead", "defect")
_NO = ("0", "0.0", "no", "n", "false", "censored", "c", "suspended", "s", "working", "ok", "alive", "running",
       "removed")  # fmt: skip
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$")
_SHOWN = 21


class OpenSeparatorError(Exception):
    """A cell needs another decimal separator than was taken; the column has to be looked at as a whole."""


@dataclass
class Column:
    """A column of a log."""

    title: str
    scale_h: float | None  # hours of the unit that the header names
    unit: str = ""
    counts: bool = False  # plain numbers, not times
    kind: str = ""  # what its cells were so far, "number", "unit" or "date"; it must not change
    decimal: Mark = "point"
    settled: bool = False  # whether the whole column, or the reader, decided the separator
    units: set[str] = field(default_factory=set)  # that its cells name
    separated: str = ""  # first cell whose thousands are separated
    comma: str = ""  # first cell whose comma was read as the decimal one
    least: float = math.inf  # of its bare numbers but 0
    most: float = -math.inf

    @property
    def unit_words(self) -> str:
        """Unit in which it was read."""
        if self.kind == "date":
            return "dates"
        cells = ", ".join(sorted(self.units))
        if self.kind == "unit":
            return f"as named in each cell: {cells}"
        if self.scale_h is None:
            return "hours, since no unit is given"
        return f"{self.unit or 'hours'}, except for cells that name another: {cells}" if cells else self.unit or "hours"


def numbers(block: pd.DataFrame, column: Column, file: str, first: int, problems: list[Problem]) -> FloatArray:
    """Read cells as times [h], or as plain numbers where the column has no unit.

    Examples
    --------
    >>> import pandas as pd
    >>> numbers(pd.DataFrame({"end": ["2 d", "3 h"]}), Column("end", None), "log.csv", 2, []).tolist()
    [48.0, 3.0]
    """
    import pandas as pd

    text = block[column.title]
    plain = pd.to_numeric(text, errors="coerce")
    values = np.array(plain, dtype=np.float64)
    if column.decimal == "comma":
        values[text.str.contains(".", regex=False).to_numpy(dtype=bool)] = math.nan
    scale = 1.0 if column.scale_h is None else column.scale_h
    blank = np.zeros(len(values), dtype=bool)
    odd = np.flatnonzero(np.isnan(values))
    if len(odd):
        stripped = text.iloc[odd].str.strip()
        blank[odd] = stripped.str.lower().isin(["", "na", "nan", "none", "null"]).to_numpy()
    kinds = np.where(np.isnan(values), 0, 1)
    bare = np.abs(values[np.isfinite(values) & (values != 0)])
    with np.errstate(over="ignore"):
        values = values * scale
    places = odd[~blank[odd]]
    codes, cells = pd.factorize(text.iloc[places].str.strip())  # each cell that differs is read once
    read = [_special(str(cell), scale, column) for cell in cells]
    sound = np.array([not isinstance(value, str) for _, value in read], dtype=bool)[codes]
    kinds[places[sound]] = np.array([kind for kind, _ in read], dtype=np.int64)[codes[sound]]
    values[places[sound]] = np.array([math.nan if isinstance(x, str) else x for _, x in read])[codes[sound]]
    for place, code in list(zip(places[~sound], codes[~sound], strict=True))[: max(0, _SHOWN - len(problems))]:
        problems.append(Problem(str(read[code][1]), file, first + int(place), column.title))
    separated = [float(x) / scale for kind, x in read if kind == 1 and not isinstance(x, str) and math.isfinite(x)]
    for extreme in (bare, np.array([x for x in separated if x])):
        if len(extreme):
            column.least = min(column.least, float(extreme.min()))
            column.most = max(column.most, float(extreme.max()))
    known = [(code, name) for code, name in ((1, "number"), (2, "unit"), (3, "date")) if np.any(kinds == code)]
    for code, name in sorted(known, key=lambda one: int(np.argmax(kinds == one[0]))):  # as they first appear
        places = np.flatnonzero((kinds == code) & ~np.isinf(values))
        if not len(places):
            continue
        if name == "unit" and column.scale_h is not None:
            continue  # a cell that names its unit says more than the header, and both are clear
        column.kind = column.kind or name
        if column.kind != name and not (column.scale_h is not None and {column.kind, name} <= {"number", "unit"}):
            words = {"number": "numbers without a unit", "unit": "times with a unit", "date": "dates"}
            problems.append(
                Problem(
                    f"mixed: {words[column.kind]} above, {words[name]} here ('{str(text.iloc[places[0]])[:30]}'); "
                    "use one form throughout, or name the unit in the header, such as 'end [h]'",
                    file,
                    first + int(places[0]),
                    column.title,
                )
            )
    negative = np.flatnonzero((values < 0) & (kinds != 3))
    problems.extend(
        Problem(f"cannot be negative, got {str(text.iloc[place])[:30]}", file, first + int(place), column.title)
        for place in negative[:_SHOWN]
    )
    return values


def _special(cell: str, scale: float, column: Column) -> tuple[int, float | str]:
    """Read a cell that is no plain number: its kind and value, or what is wrong with it."""
    if cell[:1] == "=":
        return 0, f"'{cell[:30]}' is a formula, not a number; export the values of the sheet"
    if cell.lower() in ("inf", "infinity", "+inf", "∞"):
        return 1, float("inf")
    if _DATE.match(cell):
        if column.counts:
            return 0, f"'{cell[:30]}' is a date; write a number"
        try:
            return 3, date_hours(cell)
        except ValueError:
            return 0, f"'{cell[:30]}' is not a date of the calendar"
    found = numeral(cell)
    if found is None:
        what = "number" if column.counts else "time; write a number, one with a unit ('4 h'), or a date (2024-05-31)"
        return 0, f"'{cell[:30]}' is not a valid {what}"
    value = found.value(column.decimal)
    if value is None:
        if not column.settled:
            raise OpenSeparatorError(column.title)
        return (
            0,
            f"'{cell[:30]}' is not a number with a decimal {column.decimal}; use one form for all numbers of the "
            "column",
        )
    if value < 0:
        return 0, f"cannot be negative, got {cell[:30]}"
    if not column.separated and re.search(r"\d\D\d{3}(?!\d)", cell) and value >= 1000:
        column.separated = cell
    if column.decimal == "comma" and "," in cell:
        column.comma = column.comma or cell
    if not found.unit:
        return 1, value * scale
    if column.counts:
        return 0, f"'{cell[:30]}' has a unit; write a number alone"
    try:
        hours = parse_duration(f"{value!r} {found.unit}")
    except ValueError:
        return 0, (
            f"'{cell[:30]}' is not a valid duration; write a number, one with a unit ('4 h'), or a date (2024-05-31)"
        )
    column.units.add(found.unit)
    return 2, hours


def date_hours(cell: str) -> float:
    """Hours from the start of 1970 to a date, in UTC where it names no zone.

    Examples
    --------
    >>> date_hours("1970-01-02")
    24.0
    """
    from datetime import UTC, datetime

    when = datetime.fromisoformat(cell)
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when.timestamp() / 3600


def events(
    block: pd.DataFrame, column: Column, file: str, first: int, problems: list[Problem], *, blanks: bool = False
) -> FloatArray:
    """Read cells that say whether a part failed.

    Examples
    --------
    >>> import pandas as pd
    >>> events(pd.DataFrame({"failed": ["yes", "0"]}), Column("failed", None), "log.csv", 2, []).tolist()
    [1.0, 0.0]
    """
    words = block[column.title].str.strip().str.lower()
    values: Any = np.where(words.isin(_YES), 1.0, np.where(words.isin(_NO), 0.0, np.nan))
    empty = (words == "").to_numpy(dtype=bool) if blanks else np.zeros(len(values), dtype=bool)
    for place in np.flatnonzero(np.isnan(values) & ~empty)[:_SHOWN]:
        cell = str(block[column.title].iloc[place])[:30]
        hint = "; if rows count several failures, call the column of hours 'exposure'" if cell.strip().isdigit() else ""
        problems.append(
            Problem(f"'{cell}': write 1 or 'failed', 0 or 'working'{hint}", file, first + int(place), column.title)
        )
    return np.asarray(values, dtype=np.float64)
