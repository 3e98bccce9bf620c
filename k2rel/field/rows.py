"""What a row of a log says of a life: when its observation began and ended, and how old the part was then.

A row is read on the clock of the file (dates, or times since something) or as ages. What it does not say, the window
of the observation can: its start for rows without one, its end for parts that still run. A part that was installed
before the window began is seen from a later age on only (left truncation).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError, Problem
from k2rel.field.cells import Column, date_hours
from k2rel.field.columns import CLOCK
from k2rel.units import is_bare, parse_duration

__all__ = ["EARLIEST_H", "Observed", "Seen", "Window", "latest_h", "looks_like_dates", "notes_of"]

FloatArray = NDArray[np.float64]
Wrong = Callable[[NDArray[np.bool_], str, str], None]

_ENOUGH = 20
EARLIEST_H = date_hours("1950-01-01")
_AGES = ("ttf", "age", "life", "lifetime", "duration")


@dataclass(frozen=True)
class Window:
    """When the observation began and ended, for all rows."""

    begin_h: float | None = None  # on the clock of the log: since its zero, of dates since the start of 1970 [h]
    until_h: float | None = None
    dates: bool | None = None
    words: tuple[str, str] = ("", "")  # as given

    @classmethod
    def of(cls, begin: object, until: object) -> Window:
        """Read both as dates or as times.

        Examples
        --------
        >>> Window.of("2024-01-01", None).dates, Window.of(None, "8760 h").until_h
        (True, 8760.0)
        """
        values: list[float | None] = []
        kinds = set()
        for name, given in (("from", begin), ("until", until)):
            if given is None:
                values.append(None)
                continue
            text = str(given).strip()
            try:
                dated = text[4:5] == "-"
                values.append(
                    date_hours(text) if dated else parse_duration(given if isinstance(given, float) else text)
                )
            except ValueError:
                raise InputError(f"--{name} {text[:40]}: write a date (2024-05-31) or a time ('8760 h')") from None
            kinds.add(dated)
        if len(kinds) > 1:
            raise InputError("--from and --until: give both as dates, or both as times")
        first, last = values
        if last is not None and True in kinds and last > latest_h():
            raise InputError(f"--until {until}: is in the future, where nothing has been observed yet")
        if first is not None and last is not None and not first < last:
            raise InputError(f"--until {until}: is not after --from {begin}")
        return cls(first, last, kinds.pop() if kinds else None, (_words(begin), _words(until)))


def _words(given: object) -> str:
    """A date or time as it was given, a bare number with its unit."""
    return "" if given is None else f"{given} h" if is_bare(given) else str(given)


@dataclass
class Seen:
    """What was noticed over all rows, for notes and warnings."""

    begins: tuple[float, float] = (math.inf, 0.0)
    ends: tuple[float, float] = (-math.inf, 0.0)
    units: float = 0.0
    older: float = 0.0
    oldest: float = 0.0
    youngest: float = math.inf
    cut: float = 0.0
    ran_on: int = 0
    unstarted: int = 0
    shorter: bool = False

    def take(
        self, start: FloatArray, end: FloatArray, failed: FloatArray, entry: FloatArray, count: FloatArray
    ) -> None:
        """Add rows."""
        alive = failed != 1
        if len(start):
            first = float(start.min())
            so_far = self.begins[1] if self.begins[0] == first else 0.0
            if first <= self.begins[0]:
                self.begins = first, so_far + float(count[start == first].sum())
            else:
                self.begins = self.begins[0], self.begins[1] + float(count[start == self.begins[0]].sum())
        if alive.any():
            last = float(end[alive].max())
            so_far = self.ends[1] if self.ends[0] == last else 0.0
            if last >= self.ends[0]:
                self.ends = last, so_far + float(count[alive & (end == last)].sum())
        self.units += float(count.sum())
        if len(entry):
            self.older += float(count[entry > 0].sum())
            self.oldest = max(self.oldest, float(entry.max()))
            self.youngest = min(self.youngest, float(entry.min()))

    @property
    def looks_used(self) -> bool:
        """Whether most rows show one window: a common start, and a common end that they survived."""
        half = self.units / 2
        return self.units >= _ENOUGH and self.begins[1] > half and self.ends[1] > half


@dataclass
class Observed:
    """Reads rows of a log as lives: from which age on each was seen, and between which ages it ended."""

    columns: Mapping[str, Column]
    layout: str
    named: frozenset[str]
    window: Window
    seen: Seen = field(default_factory=Seen)

    @property
    def has_ages(self) -> bool:
        """Whether some column or date says how old a part was when its observation began."""
        return "entry" in self.columns or "birth" in self.columns or self.seen.cut > 0

    @property
    def open_ages(self) -> bool:
        """Whether nothing says if the ends are ages, or count from the start of the observation."""
        since = {"start", "birth", "exit"} & set(self.columns) or self.window.begin_h is not None
        if "entry" not in self.columns or since:
            return False
        if self.layout == "intervals":
            return self.seen.oldest > 0 and not {"lower", "upper", "exit"} & self.named
        role = "time" if self.layout == "times" else "end"
        return self.layout in ("lives", "times") and role not in self.named and not self.seen.shorter

    def lives(self, cells: dict[str, FloatArray], wrong: Wrong) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Age at which the observation began, and ages between which the life ended [h], row by row."""
        if self._mixed(cells, wrong):
            nothing = np.zeros(len(next(iter(cells.values()))))
            return nothing, nothing, nothing
        if self.layout == "intervals":
            return self._intervals(cells, wrong)
        role = next(role for role in ("exit", "end", "time") if role in self.columns)
        if role == "exit" and self.window.begin_h is not None:
            raise InputError(
                f"--from {self.window.words[0]}: the log has ages at the end, '{self.columns[role].title}'"
            )
        end = cells[role].copy()
        size = len(end)
        failed = cells["failed"] if "failed" in cells else np.where(np.isnan(end), 0.0, 1.0)
        running = np.isnan(end) & ~(failed == 1)
        if self.window.until_h is None:
            wrong(
                running, role, "needs a time; for parts still in operation give the end of the observation with --until"
            )
        elif role == "exit":
            wrong(running, role, "needs an age; --until is a date or time of the log")
        else:
            end[running] = self.window.until_h
            self.seen.ran_on += int(running.sum())
            wrong(end > self.window.until_h, role, f"ends after --until {self.window.words[1]}")
        wrong(np.isnan(end) & (failed == 1), role, "needs a time: it failed")
        wrong(np.isinf(end), role, "needs a time")
        failed = np.where(running, 0.0, failed)
        wrong(np.isnan(failed), "failed", "write 1 or 'failed', 0 or 'working'")
        start, age = self._starts(cells, size, wrong)
        start = np.zeros(size) if role == "exit" else start
        wrong(end < start, role, "ends before it starts")
        if role == "exit":
            entry, lower = age, end
            wrong(end < entry, role, "is below the age at which the observation began")
        else:
            since, entry = self._from(start, age, end, wrong, role)
            lower = age + (end - start)
            start = since
            if "entry" in self.columns and "start" not in self.columns and bool(np.any(end < age)):
                self.seen.shorter = True
        zero = "failed at the moment it started" if self.layout == "lives" else "failed at 0"
        wrong((lower <= entry) & (end >= start) & (failed == 1), role,
              f"{zero}; leave such rows out, or give the interval in which it was found")  # fmt: skip
        cells["start"], cells["failed"] = start, failed
        ages = entry if self.has_ages else np.zeros(0)
        self.seen.take(start, end, failed, ages, cells.get("count", np.ones(size)))
        return entry, lower, np.where(failed == 1, lower, math.inf)

    def _intervals(self, cells: dict[str, FloatArray], wrong: Wrong) -> tuple[FloatArray, FloatArray, FloatArray]:
        lower, upper = cells["lower"], np.where(np.isnan(cells["upper"]), math.inf, cells["upper"])
        size = len(lower)
        wrong(np.isnan(lower) & np.isinf(upper), "lower",
              "needs a time, here or at the other end: until when it was up, or by when it had failed")  # fmt: skip
        wrong(np.isinf(lower), "lower", "must be finite")
        wrong(upper < lower, "upper", "is before the lower time")
        start, age = self._starts(cells, size, wrong)
        entry = age
        if "start" in self.columns or self.window.begin_h is not None:
            wrong(lower < start, "lower", "is before the start")
            wrong(upper <= start, "upper", "is not after the start")
            _, entry = self._from(start, age, upper, wrong, "upper")
            lower, upper = age + (lower - start), age + (upper - start)
            lower = np.where(np.isnan(lower), entry, np.maximum(lower, entry))
        elif "exit" in self.named or "birth" in self.columns:
            lower = np.where(np.isnan(lower), entry, lower)
            wrong(lower < entry, "lower", "is below the age at which the observation began")
        else:
            lower, upper = age + np.where(np.isnan(lower), 0.0, lower), age + upper
        wrong((upper == 0) & (lower == 0), "upper", "must be above 0")
        self.seen.take(start, start, np.ones(size), entry if self.has_ages else np.zeros(0),
                       cells.get("count", np.ones(size)))  # fmt: skip
        return entry, lower, upper

    def _starts(self, cells: dict[str, FloatArray], size: int, wrong: Wrong) -> tuple[FloatArray, FloatArray]:
        """Start of the observation of each row on the clock, and the age then."""
        begin = self.window.begin_h
        start = cells["start"].copy() if "start" in self.columns else np.full(size, math.nan)
        if "start" in self.columns and begin is None:
            wrong(np.isnan(start), "start", "needs a time; leave the column out if all are new, or give --from")
        self.seen.unstarted += int(np.isnan(start).sum()) if "start" in self.columns else 0
        start = np.where(np.isnan(start), 0.0 if begin is None else begin, start)
        if "start" in self.columns:
            wrong(np.isinf(start), "start", "must be finite")
            start = np.where(np.isinf(start), 0.0, start)  # refused; nothing is computed from it
        age = np.zeros(size)
        if "birth" in self.columns:
            age = start - cells["birth"]
            wrong(~(age >= 0), "birth", "needs a date that is not after the start of the observation")
        if "entry" in self.columns:
            age = age + cells["entry"]
            wrong(~np.isfinite(cells["entry"]), "entry", "needs an age; 0 if the part was new")
        return start, age

    def _from(
        self, start: FloatArray, age: FloatArray, end: FloatArray, wrong: Wrong, role: str
    ) -> tuple[FloatArray, FloatArray]:
        """Where the observation began later than the part: from when it was seen, and its age then."""
        begin = self.window.begin_h
        if begin is None or "start" not in self.columns:
            return start, age
        earlier = start < begin
        wrong(earlier & (end <= begin), role, f"ended before the observation began, --from {self.window.words[0]}")
        self.seen.cut += float(earlier.sum())
        since = np.maximum(start, begin)
        return since, age + (since - start)

    def _mixed(self, cells: Mapping[str, FloatArray], wrong: Wrong) -> bool:
        """Refuse dates beside times, and dates without a start."""
        clocks = {role: self.columns[role].kind for role in CLOCK if role in self.columns and self.columns[role].kind}
        dated = [role for role, kind in clocks.items() if kind == "date"]
        for role in dated:
            wrong(cells[role] < EARLIEST_H, role,
                  "is before 1950 and looks like a placeholder; is it the true date? If it is not known, leave the row "
                  "out")  # fmt: skip
            wrong(np.isfinite(cells[role]) & (cells[role] > latest_h()), role,
                  "is in the future; is it a placeholder? For parts still in operation leave the cell empty, and "
                  "give the "
                  "end of the observation with --until")  # fmt: skip
        for role in ("entry", "exit"):
            if role in self.columns and self.columns[role].kind == "date":
                wrong(_first(cells[role]), role, "is an age; write a time such as '3 y', not a date")
        others = [role for role in clocks if role not in dated]
        if dated and others:
            words = f"holds no dates, but '{self.columns[dated[0]].title}' does; write both as dates, or both as times"
            serial = looks_like_dates({others[0]: self.columns[others[0]]})
            words = f"{words}; its {serial[1]}" if serial else words
            wrong(_first(cells[others[0]]), others[0], words)
        elif dated and "start" not in self.columns and self.window.begin_h is None:
            words = (
                "dates need a start: add a column 'start' with the date from which each was in use, or give --from "
                "with the date from which all were"
            )
            wrong(_first(cells[dated[0]]), dated[0], words)
        elif clocks and self.window.dates is not None and self.window.dates != bool(dated):
            name = "--from" if self.window.words[0] else "--until"
            kind, example = ("dates", "2024-05-31") if dated else ("times", "8760 h")
            serial = None if dated else looks_like_dates(self.columns)
            hint = f", or correct the log: {self.columns[serial[0]].title}: {serial[1]}" if serial else ""
            given = " ".join(self.window.words).strip()[:40]
            raise InputError(f"{name} {given}: the log has {kind}; write {example}{hint}")
        return bool((dated and others) or (dated and "start" not in self.columns and self.window.begin_h is None))


def latest_h() -> float:
    """Hours from 1970 to the end of tomorrow, whatever the zone of a date: nothing was observed later.

    Examples
    --------
    >>> latest_h() > EARLIEST_H
    True
    """
    return date_hours(datetime.now(UTC).date().isoformat()) + 48.0


def _first(values: FloatArray) -> NDArray[np.bool_]:
    """The first cell that says something."""
    mark = np.zeros(len(values), dtype=np.bool_)
    mark[int(np.argmax(np.isfinite(values)))] = True
    return mark


def looks_like_dates(columns: Mapping[str, Column]) -> tuple[str, str] | None:
    """Find a column of bare numbers that are dates of a spreadsheet, of a computer's clock, or written as 20240531.

    Examples
    --------
    >>> end = Column("end", None, kind="number", least=44256.0, most=44300.0)
    >>> looks_like_dates({"end": end})[1][:58]
    'numbers from 44256 to 44300 look like dates of a spreadshe'
    """
    bands = (
        (32874.0, 54789.0, "dates of a spreadsheet (44256 is 2021-03-01)"),
        (631152000.0, 2524608000.0, "seconds since 1970"),
        (631152000e3, 2524608000e3, "milliseconds since 1970"),
        (19900101.0, 20501231.0, "dates such as 20210301"),
    )
    years = [columns[role] for role in ("start", "end") if role in columns]
    if len(years) == 2 and all(1990 <= one.least <= one.most <= 2050 and one.scale_h is None for one in years):
        return (
            "start",
            "numbers look like years; write dates (2021-03-01), or name the unit in the header, such as 'start [h]'",
        )
    for role in CLOCK:
        column = columns.get(role)
        if column is None or column.kind != "number" or column.title.strip().lower() in _AGES:
            continue
        if column.scale_h is not None and (column.scale_h < 24 or "start" in columns):
            continue  # a clock of days is as good as any, but no part is 90 to 150 years old
        for low, high, words in bands:
            if low <= column.least <= column.most <= high and (column.scale_h is None or low == bands[0][0]):
                return role, (
                    f"numbers from {column.least:.15g} to {column.most:.15g} look like {words}; write dates "
                    f"(2021-03-01), or name the unit in the header, such as '{column.title[:30]} [h]'"
                )
    return None


def notes_of(observed: Observed, file: str) -> tuple[str, list[str]]:
    """Say where ages come from, and what else a reader must know of how rows were read.

    Examples
    --------
    >>> notes_of(Observed({"time": Column("time", 1.0)}, "times", frozenset(), Window.of(None, "9 h")), "log.csv")
    ('', ['the observation ended at --until 9 h: 0 rows without an end were still in operation'])
    """
    seen, columns, window = observed.seen, observed.columns, observed.window
    if observed.open_ages and observed.layout == "intervals":
        low, high, age = (columns[role].title for role in ("lower", "upper", "entry"))
        words = (
            f"'{low}' and '{high}' can be ages or times since the observation began at the age '{age}'; give --column "
            f"exit={high} for ages, --column upper={high} for times"
        )
        raise InputError(Problem(words, file, 1, high))
    if observed.open_ages:
        role = "time" if observed.layout == "times" else "end"
        words = (
            f"'{columns[role].title}' can be the age at the end, or the time since the observation began at the age "
            f"'{columns['entry'].title}'; give --column exit=NAME for an age, --column {role}=NAME for a time"
        )
        raise InputError(Problem(words, file, 1, columns[role].title))
    notes: list[str] = []
    sources = [f"column '{columns[role].title}'" for role in ("entry", "birth") if role in columns]
    if seen.cut:
        sources.append(f"starts before --from {window.words[0]}")
    ages = " and ".join(sources)
    if ages:
        notes.append(
            f"ages at the start of the observation ({ages}): {seen.youngest:,.6g} to {seen.oldest:,.6g} h, above 0 in "
            f"{seen.older:,.0f} of {seen.units:,.0f}; the likelihood is left-truncated there"
        )
    elif window.begin_h is not None and "start" not in columns:
        notes.append(f"every part is taken as new at --from {window.words[0]}")
    if seen.unstarted and window.begin_h is not None:
        notes.append(f"{seen.unstarted:,} rows without a start are taken as new at --from {window.words[0]}")
    if window.until_h is not None:
        ran = f"{seen.ran_on:,} rows without an end were still in operation"
        notes.append(f"the observation ended at --until {window.words[1]}: {ran}")
        if "failed" not in columns and observed.layout == "lives":
            notes.append("WARNING: no column states which rows failed; every row with an end is taken as a failure")
    if not ages and seen.looks_used:
        notes.append(
            "WARNING: most rows were observed for the same time and survived it. If the parts were in use "
            "before, they are not new: give their ages in a column 'age_at_start', or their dates of installation and "
            "--from"
        )
    return ages, notes
