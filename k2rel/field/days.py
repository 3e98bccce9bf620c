"""Drive statistics: a row a drive and day, from the day on which a drive was first seen to its last, or its failure.

Of every drive one bit a day is kept: memory grows with drives and days and not with the length of the file, rows may
stand in any order, and a row that is there twice is counted once. A day without a row is no day of operation: a
drive that had failed in such a gap would not have come back, so that to count gaps would make rates too low.

A drive was seldom new when it was first seen (left truncation). Without its age the rate is the mean over the ages that
these drives had; with a column of hours powered on, each stretch of days is a life from its age on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.columns import counted
from k2rel.errors import InputError, Problem
from k2rel.field.cells import date_hours, events, numbers
from k2rel.field.columns import Plan
from k2rel.field.lives import Exposure, Lives
from k2rel.field.rows import EARLIEST_H, latest_h
from k2rel.memory import check_each

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DriveDays"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NEVER = np.iinfo(np.int64).max
_EPOCH = date(1970, 1, 1)
_AT_ONCE = 1 << 24  # bits that are spread out at the same time
_FASTER, _SLOWER, _SLACK_H = 1.1, 0.5, 48.0  # hours powered on to hours of the calendar


@dataclass
class DriveDays:
    """Takes rows of drives and days block by block, of one file or of several."""

    problems: list[Problem] = field(default_factory=list)
    rows: int = 0
    repeated: int = 0
    headers: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)  # of the group of each drive
    bits: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    origin: int = 0  # day of the first bit, from 1970
    failed: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    first_age: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))  # day and hours powered on
    last_age: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))
    has_ages: bool = False

    def take(self, block: pd.DataFrame, plan: Plan, file: str, first: int) -> None:
        """Take a block; a row of titles within, where files were put one after the other, is passed over."""
        column = plan.columns["day"]
        titles = np.flatnonzero((block[column.title].str.strip() == column.title.strip()).to_numpy(dtype=bool))
        self.headers += len(titles)
        begins = 0
        for end in [*titles.tolist(), len(block)]:
            if end > begins:
                self._take(block.iloc[begins:end], plan, file, first + begins)
            begins = end + 1

    def _take(self, block: pd.DataFrame, plan: Plan, file: str, first: int) -> None:
        import pandas as pd

        columns = plan.columns
        day = self._days(block, plan, file, first)
        failed = events(block, columns["failed"], file, first, self.problems)
        ages = numbers(block, columns["entry"], file, first, self.problems) if "entry" in columns else None
        if ages is not None and columns["entry"].kind == "date":
            words = "is an age; write hours powered on, not a date"
            self.problems.append(Problem(words, file, first, columns["entry"].title))
        units = block[columns["unit"].title].str.strip()
        for place in np.flatnonzero((units == "").to_numpy(dtype=bool))[:20]:
            title = columns["unit"].title
            self.problems.append(
                Problem("is empty; the serial number of the drive is needed", file, first + int(place), title)
            )
        if self.problems:
            return
        groups = block[columns["group"].title].str.strip() if "group" in columns else pd.Series("", block.index)
        (of_group, group_names), (of_unit, unit_names) = pd.factorize(groups), pd.factorize(units)
        local, pairs = pd.factorize(of_group * len(unit_names) + of_unit)
        known = []
        for pair in pairs.tolist():
            name = str(group_names[pair // len(unit_names)])
            code = self.codes.setdefault(f"{name}\0{unit_names[pair % len(unit_names)]}", len(self.codes))
            if code == len(self.names):
                self.names.append(name)
            known.append(code)
        codes = np.array(known, dtype=np.int64)[local]
        self.rows += len(codes)
        self._grow(int(day.min()), int(day.max()))
        np.minimum.at(self.failed, codes[failed == 1], day[failed == 1])
        self._set(codes, day)
        if ages is not None:
            self.has_ages = True
            there = np.isfinite(ages)
            self._age(codes[there], day[there], ages[there])

    def _days(self, block: pd.DataFrame, plan: Plan, file: str, first: int) -> IntArray:
        """Days since 1970; each text is read once."""
        import pandas as pd

        title = plan.columns["day"].title
        local, cells = pd.factorize(block[title].str.strip())
        found = np.zeros(len(cells), dtype=np.int64)
        for number, cell in enumerate(cells):
            try:
                hours = date_hours(cell)
                sound = EARLIEST_H <= hours <= latest_h()
            except ValueError:
                hours, sound = 0.0, False
            if not sound:
                words = f"'{cell[:30]}' is not a day between 1950 and today; write dates such as 2024-05-31"
                self.problems.append(Problem(words, file, first + int(np.argmax(local == number)), title))
            found[number] = math.floor(hours / 24)
        return np.asarray(found[local])

    def _grow(self, low: int, high: int) -> None:
        """Make room for drives and days, doubling it, after asking whether there is as much."""
        units, width = self.bits.shape
        origin = self.origin if width else low // 8 * 8
        before = max(0, (origin - low + 7) // 8)
        after = max(0, (high - origin) // 8 + 1 - width)
        more = len(self.codes) - units
        if not (more > 0 or before or after):
            return
        more = max(more, units) if more > 0 else 0
        check_each(units + more, before + width + after + 40, "drives, a bit for each day of each")
        wide = np.zeros((units + more, before + width + after), np.uint8)
        wide[:units, before : before + width] = self.bits
        self.bits, self.origin = wide, origin - 8 * before
        self.failed = np.concatenate([self.failed, np.full(more, _NEVER)])
        nothing = np.full((more, 2), math.nan)
        self.first_age, self.last_age = (np.concatenate([kept, nothing]) for kept in (self.first_age, self.last_age))

    def _set(self, code: IntArray, day: IntArray) -> None:
        """Mark drives and days, and count those that were marked before."""
        place = day - self.origin
        flat = np.unique(code * (8 * self.bits.shape[1]) + place)
        cell, mask = flat >> 3, (1 << (flat & 7)).astype(np.uint8)
        every = self.bits.reshape(-1)
        new = (every[cell] & mask) == 0
        self.repeated += len(code) - int(new.sum())
        np.bitwise_or.at(every, cell, mask)

    def _age(self, code: IntArray, day: IntArray, ages: FloatArray) -> None:
        """Keep the first and the last age that is given for each drive."""
        order = np.lexsort((day, code))
        code, day, ages = code[order], day[order], ages[order]
        for kept, at, earlier in ((self.first_age, np.diff(code, prepend=-1) != 0, True),
                                  (self.last_age, np.diff(code, append=-1) != 0, False)):  # fmt: skip
            unit, when = code[at], day[at]
            new = np.isnan(kept[unit, 0]) | ((when < kept[unit, 0]) if earlier else (when > kept[unit, 0]))
            kept[unit[new]] = np.column_stack([when[new], ages[at][new]])

    def _spread(self) -> Iterator[tuple[slice, NDArray[np.bool_], NDArray[np.bool_]]]:
        """Some drives at a time: the days with a row up to the failure, and those after it."""
        units, width = len(self.codes), self.bits.shape[1]
        step = max(1, _AT_ONCE // (8 * width))
        days = self.origin + np.arange(8 * width)
        for begin in range(0, units, step):
            some = slice(begin, min(units, begin + step))
            seen = np.unpackbits(self.bits[some], axis=1, bitorder="little").astype(np.bool_)
            late = days > self.failed[some, None]
            yield some, seen & ~late, seen & late

    def result(self, title: str, file: str) -> tuple[tuple[Lives, ...], tuple[Exposure, ...], tuple[str, ...], str]:
        """Lives where ages are known, else failures and drive days; notes; and where ages come from."""
        if not self.codes:
            raise InputError(Problem("has no rows, only the names of the columns", file))
        units = len(self.codes)
        days, first, last, after = (np.zeros(units, dtype=np.int64) for _ in range(4))
        for some, seen, late in self._spread():
            days[some], after[some] = seen.sum(axis=1), late.sum(axis=1)
            first[some] = seen.argmax(axis=1)
            last[some] = seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
        gaps = int((last - first + 1 - days).sum())
        self._check(days, first, gaps, file)
        failed = self.failed[:units] != _NEVER
        notes = self._notes(days, first, last, after, failed, gaps)
        if self.has_ages:
            lives, more = self._lives(title, days, failed, file)
            return lives, (), (*notes, *more), "hours powered on at the first row"
        there = int((first == first.min()).sum())
        notes.append(
            f"how old a drive was at its first row is not known ({there:,} of {units:,} were there on the first day): "
            "a rate is the mean over the ages that these drives had, and no failure law can be fitted. A column of "
            "hours powered on, such as smart_9_raw, gives ages: --column entry=NAME"
        )
        exposures = []
        names = np.array(self.names, dtype=object)
        for name in dict.fromkeys(self.names):
            mine = names == name
            exposures.append(Exposure(name or title, float(failed[mine].sum()), 24.0 * float(days[mine].sum())))
        return (), tuple(exposures), tuple(notes), ""

    def _check(self, days: IntArray, first: IntArray, gaps: int, file: str) -> None:
        """Refuse what is no table of drives and days."""
        if len(days) > 1 and days.max() == 1 and len(np.unique(first)) > 1:
            words = (
                "has one row for each unit, on several days: is it a list of ends? Then give --column end=NAME, and "
                "from when they ran; drive statistics have a row for each drive and day"
            )
            raise InputError(Problem(words, file))
        if gaps > days.sum():
            words = (
                f"{gaps:,} days between first and last rows of the drives have no row, and {days.sum():,} have one; "
                "drive days are counted from a row for each drive and day"
            )
            raise InputError(Problem(words, file))

    def _notes(
        self, days: IntArray, first: IntArray, last: IntArray, after: IntArray, failed: NDArray[np.bool_], gaps: int
    ) -> list[str]:
        begin, end = (_EPOCH + timedelta(days=self.origin + int(day)) for day in (first.min(), last.max()))
        gone = int((~failed & (last < last.max())).sum())
        notes = [
            f"{counted(len(days), 'drive')}, {counted(int(failed.sum()), 'failure')}, "
            f"{counted(int(days.sum()), 'drive day')} from {begin} to {end}; "
            f"{gone:,} drives that end earlier without a failure were up until their last row"
        ]
        if self.headers:
            notes.append(f"{self.headers:,} rows that repeat the titles are left out")
        if gaps:
            notes.append(f"{gaps:,} days between first and last rows of drives have no row and are not counted")
        if self.repeated:
            notes.append(f"WARNING: {self.repeated:,} rows repeat a drive and a day; each is counted once")
        if after.any():
            notes.append(
                f"WARNING: {int((after > 0).sum()):,} drives have rows after their failure; these {int(after.sum()):,} "
                "drive days are left out"
            )
        return notes

    def _lives(
        self, title: str, days: IntArray, failed: NDArray[np.bool_], file: str
    ) -> tuple[tuple[Lives, ...], list[str]]:
        """A life for each stretch of days without a gap, from its age on."""
        units = len(self.codes)
        first, last = self.first_age[:units], self.last_age[:units]
        passed, counted = 24.0 * (last[:, 0] - first[:, 0]), last[:, 1] - first[:, 1]
        unknown = np.isnan(first[:, 0])
        fast = ~unknown & ((counted > _FASTER * passed + _SLACK_H) | (counted < -_SLACK_H))
        slow = ~unknown & (counted < _SLOWER * passed - _SLACK_H) & ~fast
        used = ~(unknown | fast)
        notes = []
        odd = "their hours powered on decrease, or increase faster than the calendar; are they hours?"
        for left, words in ((unknown, "no hours powered on are given"), (fast, odd)):
            if left.any():
                lost = int((left & failed).sum())
                notes.append(f"WARNING: {int(left.sum()):,} drives, {lost:,} failures, are left out: {words}")
        if slow.any():
            notes.append(
                f"WARNING: {int(slow.sum()):,} drives were powered on for less than half of the days observed; "
                "are the ages in hours?"
            )
        if not used.any():
            raise InputError(Problem(notes[0].removeprefix("WARNING: "), file))
        pieces: list[tuple[IntArray, FloatArray, FloatArray, NDArray[np.bool_]]] = []
        for some, seen, _ in self._spread():
            edges = np.diff(np.pad(seen & used[some, None], ((0, 0), (1, 1))).astype(np.int8), axis=1)
            unit, begins = np.nonzero(edges == 1)
            ends = np.nonzero(edges == -1)[1]
            unit = unit + some.start
            age = np.asarray(np.maximum(first[unit, 1] + 24.0 * (self.origin + begins - first[unit, 0]), 0.0))
            seen_h = np.asarray(24.0 * (ends - begins))
            pieces.append((unit, age, seen_h, self.failed[unit] == self.origin + ends - 1))
        unit, age, seen_h, fails = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        names = np.array(self.names, dtype=object)[unit]
        lives = []
        for name in dict.fromkeys(names.tolist()):
            mine = names == name
            end = age[mine] + seen_h[mine]
            upper = np.where(fails[mine], end, math.inf)
            lives.append(Lives(name or title, end, upper, np.ones(len(end)), (), age[mine]))
        oldest, youngest = float(age.max()), float(age.min())
        notes.append(
            f"ages at the first row: {youngest:,.6g} to {oldest:,.6g} h; the likelihood is left-truncated there, and a "
            "drive is a life for each stretch of days without a gap"
        )
        return tuple(lives), notes
