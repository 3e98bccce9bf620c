"""Cells of a field log as numbers: units, dates, decimal commas, and what a failure is called."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import Problem
from k2rel.units import parse_duration

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "events", "numbers"]

FloatArray = NDArray[np.float64]

_YES = ("1", "1.0", "yes", "y", "true", "t", "failed", "failure", "f", "fail", "dead", "defect")
_NO = ("0", "0.0", "no", "n", "false", "censored", "c", "suspended", "s", "working", "ok", "alive", "running",
       "removed")  # fmt: skip
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$")
_COMMA = re.compile(r"^[+-]?\d+,\d+$")
_SHOWN = 21


@dataclass
class Column:
    """A column of a log.

    Parameters
    ----------
    title : str
        Its name in the file.
    scale_h : float or None
        Hours of its unit; None where the header names none.
    kind : str
        What its cells were so far: ``"number"``, ``"unit"``, ``"date"`` or nothing yet. It must not change.
    """

    title: str
    scale_h: float | None
    kind: str = ""
    units: set[str] = field(default_factory=set)

    @property
    def has_unit(self) -> bool:
        """Whether header or cells say in what unit."""
        return self.scale_h is not None or self.kind in ("unit", "date")


def numbers(block: pd.DataFrame, column: Column, file: str, first: int, problems: list[Problem]) -> FloatArray:
    """Read cells as times [h], or as plain numbers where the column has no unit.

    Parameters
    ----------
    block : pandas.DataFrame
        Rows, every cell a text.
    column : Column
        Which column.
    file : str
        Name of the file, for messages.
    first : int
        Line of the first row.
    problems : list of Problem
        Where mistakes are added.

    Returns
    -------
    array of float
        Hours, or numbers; not a number for an empty cell, infinite for ``inf``.

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
    scale = 1.0 if column.scale_h is None else column.scale_h
    blank = np.zeros(len(values), dtype=bool)
    odd = np.flatnonzero(np.isnan(values))
    if len(odd):
        stripped = text.iloc[odd].str.strip()
        blank[odd] = stripped.str.lower().isin(["", "na", "nan", "none", "null"]).to_numpy()
    kinds = np.where(np.isnan(values), 0, 1)
    with np.errstate(over="ignore"):
        values = values * scale
    known: dict[str, tuple[int, float | str]] = {}
    for place in odd[~blank[odd]]:
        cell = str(text.iloc[place]).strip()
        if cell not in known:
            known[cell] = _special(cell, scale)
        kind, value = known[cell]
        if isinstance(value, str):
            if len(problems) < _SHOWN:
                problems.append(Problem(value, file, first + int(place), column.title))
        else:
            kinds[place], values[place] = kind, value
    for code, name in ((1, "number"), (2, "unit"), (3, "date")):
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
                    "write all in one way, or name the unit in the header, such as 'end [h]'",
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


def _special(cell: str, scale: float) -> tuple[int, float | str]:
    """Read a cell that is no plain number: its kind and value, or what is wrong with it."""
    if cell[:1] == "=":
        return 0, f"'{cell[:30]}' is a formula, not a number; export the values of the sheet"
    if cell.lower() in ("inf", "infinity", "+inf", "∞"):
        return 1, float("inf")
    if _DATE.match(cell):
        try:
            return 3, _hours_of_date(cell)
        except ValueError:
            return 0, f"'{cell[:30]}' is no date that exists"
    if _COMMA.match(cell):
        return 1, float(cell.replace(",", ".")) * scale
    try:
        return 2, parse_duration(cell)
    except ValueError as error:
        if "negative" in str(error):
            return 0, f"cannot be negative, got {cell[:30]}"
        return 0, f"'{cell[:30]}' is no time; write a number, one with a unit ('4 h'), or a date (2024-05-31)"


def _hours_of_date(cell: str) -> float:
    from datetime import UTC, datetime

    when = datetime.fromisoformat(cell)
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when.timestamp() / 3600


def events(block: pd.DataFrame, column: Column, file: str, first: int, problems: list[Problem]) -> FloatArray:
    """Read cells that say whether a part failed.

    Parameters
    ----------
    block, column, file, first, problems
        As for `numbers`.

    Returns
    -------
    array of float
        1 for failed, 0 for still working.

    Examples
    --------
    >>> import pandas as pd
    >>> events(pd.DataFrame({"failed": ["yes", "0"]}), Column("failed", None), "log.csv", 2, []).tolist()
    [1.0, 0.0]
    """
    words = block[column.title].str.strip().str.lower()
    values: Any = np.where(words.isin(_YES), 1.0, np.where(words.isin(_NO), 0.0, np.nan))
    for place in np.flatnonzero(np.isnan(values))[:_SHOWN]:
        cell = str(block[column.title].iloc[place])[:30]
        hint = "; if rows count several failures, call the column of hours 'exposure'" if cell.strip().isdigit() else ""
        problems.append(
            Problem(f"'{cell}': write 1 or 'failed', 0 or 'working'{hint}", file, first + int(place), column.title)
        )
    return np.asarray(values, dtype=np.float64)
