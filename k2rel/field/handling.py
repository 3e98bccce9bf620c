"""What people do after a failure, as a site logs it: takeovers tried, repair times, times of operators.

Three small tables, each kept by hand, a line for what happened:

takeovers  role, tried, succeeded     and ``trigger``, what failed (a component type or a part), where it is known
repairs    type, time                 from failure to restoration, a line a repair
operators  action, time               ``manual takeover`` (a role is placed by hand) or ``return to service``
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from k2rel.columns import counted
from k2rel.errors import InputError, Problem, closest
from k2rel.numerals import numeral, plain_number
from k2rel.sheets import Numbers, read_table
from k2rel.tables import Shown
from k2rel.units import parse_duration

__all__ = ["ACTIONS", "Takeovers", "Times", "read_takeovers", "read_times"]

ACTIONS = {"manual takeover": "manual_takeover_h", "return to service": "return_to_service_h"}
"""Times of `Organisation` by what operators did, as a log calls it."""

_MOST_BYTES = 20_000_000
_LONGEST_H = 1e6
_UNITS = ("h", "min", "s", "d")
_NUMBERS = ("tried", "succeeded", "time")
_SHOWN = 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Takeovers(Shown):
    """How many takeovers of a role were tried, and how many succeeded.

    Parameters
    ----------
    role : str
        The role.
    tried, succeeded : int
        Numbers.
    trigger : str
        Component type or part whose failure began them; empty where nothing is said.

    Raises
    ------
    InputError
        If these are not whole numbers from 0, or more succeeded than were attempted.

    Examples
    --------
    >>> Takeovers("file_system", 10, 9).tried
    10
    """

    role: str
    tried: int
    succeeded: int
    trigger: str = ""

    def __post_init__(self) -> None:
        for name, value in (("tried", self.tried), ("succeeded", self.succeeded)):
            if not 0 <= value <= 1e9 or value != int(value):
                raise InputError(f"takeovers of '{self.role}': {name} must be a whole number from 0, got {value:g}")
        if self.succeeded > self.tried:
            raise InputError(
                f"takeovers of '{self.role}': {self.succeeded:g} succeeded, more than the {self.tried:g} attempted"
            )

    def _line(self) -> str:
        return f"{self.role}: {self.succeeded:g} of {counted(self.tried, 'takeover')} succeeded"


@dataclass(frozen=True, slots=True, repr=False)
class Times(Shown):
    """How often something was done, and how long it took all together.

    Parameters
    ----------
    name : str
        Component type that was repaired, or what an operator did (`ACTIONS`).
    count : int
        How often.
    total_h : float
        All times together [h].

    Raises
    ------
    InputError
        If the count is not a whole number from 0, or the times are not above 0.

    Examples
    --------
    >>> Times("psu", 4, 12.0).mean_h
    3.0
    """

    name: str
    count: int
    total_h: float

    def __post_init__(self) -> None:
        if not 0 <= self.count <= 1e9 or self.count != int(self.count):
            raise InputError(f"times of '{self.name}': their count must be a whole number from 0, got {self.count:g}")
        if not 0 <= self.total_h <= self.count * _LONGEST_H or (self.count > 0) != (self.total_h > 0):
            raise InputError(
                f"times of '{self.name}': {self.count:g} times of {self.total_h:g} h in total are impossible"
            )

    @property
    def mean_h(self) -> float:
        """Mean of what was logged [h]; not a number where nothing was."""
        return self.total_h / self.count if self.count else math.nan

    def _line(self) -> str:
        return f"{self.name}: {self.count:g} times, mean {self.mean_h:.3g} h"


def read_takeovers(path: str | Path) -> list[Takeovers]:
    """Read a log of takeovers.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV file with the columns ``role``, ``tried``, ``succeeded``, and ``trigger`` where it is known what failed.

    Returns
    -------
    list of Takeovers
        A record a row.

    Raises
    ------
    InputError
        For each row that cannot be used, with its line.

    Examples
    --------
    >>> from k2rel.bundled import data_dir
    >>> read_takeovers(data_dir() / "examples" / "field" / "takeovers.csv")[0].succeeded
    5
    """

    def one(cells: dict[str, str]) -> Takeovers:
        return Takeovers(cells["role"], _count(cells["tried"]), _count(cells["succeeded"]), cells.get("trigger", ""))

    return list(_rows(Path(path), ("role", "tried", "succeeded"), ("trigger",), one))


def read_times(path: str | Path, what: str) -> list[Times]:
    """Read a log of repair times or of times of operators.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV file with the columns `what` and ``time``; the time with a unit (``90 min``), or the unit in the header
        (``time [min]``), else in hours.
    what : {"type", "action"}
        Whether it is of repairs by component type, or of what operators did.

    Returns
    -------
    list of Times
        Number and sum by type or action.

    Raises
    ------
    InputError
        For each row that cannot be used, with its line.

    Examples
    --------
    >>> from k2rel.bundled import data_dir
    >>> [round(found.mean_h, 2) for found in read_times(data_dir() / "examples" / "field" / "repairs.csv", "type")]
    [3.75, 2.0]
    """

    def one(cells: dict[str, str]) -> Times:
        name = cells[what]
        if what == "action" and name not in ACTIONS:
            raise InputError(f"there is no action '{name[:40]}'{closest(name, ACTIONS)}; known: {', '.join(ACTIONS)}")
        return Times(name, 1, _hours(cells["time"]))

    sums: dict[str, Times] = {}
    for row in _rows(Path(path), (what, "time"), (), one):
        before = sums.get(row.name, Times(row.name, 0, 0.0))
        sums[row.name] = Times(row.name, before.count + 1, before.total_h + row.total_h)
    return list(sums.values())


def _rows(
    path: Path, needed: tuple[str, ...], known: tuple[str, ...], make: Callable[[dict[str, str]], T]
) -> Iterator[T]:
    """Records of the rows of a table; all rows that cannot be used are said together."""
    name = str(path)
    table = read_table(path, _MOST_BYTES, "this is not a log kept by hand")
    line = table.head.line
    titles = {title: title.partition("[")[0].strip().lower() for title in table.head.titles if title}
    units = {column: _unit(title, name, line) for title, column in titles.items() if "[" in title}
    for column in needed:
        if list(titles.values()).count(column) != 1:
            raise InputError(
                Problem(f"needs one column '{column}'; the columns are {', '.join(needed + known)}", name, line)
            )
    numbers = table.numbers(title for title, column in titles.items() if column in _NUMBERS)
    problems: list[Problem] = []
    found: list[T] = []
    for row in table.records:
        cells = {column: row[title] for title, column in titles.items()}
        try:
            if row.wrong or row.count < len(table.head.titles):
                raise InputError(f"has {row.count} cells, and there are {len(table.head.titles)} columns")
            for column in needed:
                if not cells[column]:
                    raise InputError(f"'{column}' is empty")
            for title, column in titles.items():
                if title in numbers.marks:
                    cells[column] = _number(numbers, title, cells[column], units.get(column, ""))
            found.append(make(cells))
        except InputError as error:
            problems.append(Problem(str(error), name, row.line))
    if problems:
        raise InputError(problems[:_SHOWN])
    if not found:
        raise InputError(Problem("has no rows, only the names of the columns", name))
    yield from found


def _number(numbers: Numbers, title: str, text: str, unit: str) -> str:
    """A number with a decimal point, and the unit of its cell or column behind it; what is none stays as it is."""
    if numeral(text) is None:
        return text
    try:
        value, own = numbers.with_unit(title, text)
    except ValueError as error:
        raise InputError(str(error)) from None
    return f"{repr(value).removesuffix('.0')} {own or unit}".strip()


def _unit(title: str, file: str, line: int) -> str:
    unit = title.partition("[")[2].rstrip("] ").strip()
    if unit not in _UNITS:
        raise InputError(
            Problem(
                f"'{unit[:20]}' in '{title[:40]}' is not a unit of time; use one of {', '.join(_UNITS)}", file, line
            )
        )
    return unit


def _count(text: str) -> int:
    try:
        value = plain_number(text)
    except ValueError as error:
        raise InputError(str(error)) from None
    if not math.isfinite(value) or value != int(value):
        raise InputError(f"a whole number is needed, got {text[:20]}")
    return int(value)


def _hours(text: str) -> float:
    try:
        hours = parse_duration(text)
    except ValueError as error:
        raise InputError(str(error)) from None
    if not 0 < hours <= _LONGEST_H:
        raise InputError(f"a time above 0 and up to {_LONGEST_H:,.0f} h is needed, got {text[:20]}")
    return hours
