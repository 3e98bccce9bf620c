"""Field logs as CSV files, read in a stream: any order of columns, units in the header or in the cells, dates.

Five layouts are told apart by their columns, whatever their order:

lives      unit, start, end, failed       one row a life; start may be left out; an age at the start, or ages at both
times      time, failed                   one row a life, or as many as a column ``count`` says
intervals  lower, upper                   failed between the two; an empty or infinite upper one: still worked
counts     failures, exposure             failures in hours of operation, such as drive statistics (drive_days)
days       date, serial_number, failure   a row a drive and day, as drive statistics are published (`DriveDays`)

Equal lives are put together as they are read, so that memory does not grow with the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError, Problem
from k2rel.field.blocks import Log
from k2rel.field.cells import OpenSeparatorError, events, numbers
from k2rel.field.columns import TIMES, Plan, plan_of
from k2rel.field.days import DriveDays
from k2rel.field.lives import Exposure, Lives, RepairHistory
from k2rel.field.opened import opened_log
from k2rel.field.rows import Observed, Window, looks_like_dates, notes_of
from k2rel.numerals import Mark
from k2rel.tables import Shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FieldData", "read_field"]

FloatArray = NDArray[np.float64]

_BLOCK = 1 << 23
_MOST_LIVES = 1_000_000
_MOST_HISTORY = 1_000_000
_MOST_GROUPS = 10_000
_SHOWN = 20
_DIGITS = 5
_NAMED = 12


@dataclass(frozen=True, eq=False, repr=False)
class FieldData(Shown):
    """What a field log holds.

    Parameters
    ----------
    file : str
        Where it was read.
    layout : {"lives", "times", "intervals", "counts", "days"}
        How it is laid out.
    rows : int
        Number of rows.
    lives : tuple of Lives
        Lives by group; empty for counts, and for days without ages.
    exposures : tuple of Exposure
        Counts by group and site, or by group where rows are of drives and days without ages; empty for lives.
    history : RepairHistory or None
        Failures of units that appear more than once.
    unused : tuple of str
        Columns that were not used.
    notes : tuple of str
        What was changed in the data while reading.
    hours : float
        Hours of operation that were read, all together [h].
    units : mapping of str to str
        Of each column of times the unit in which it was read.
    ages : str
        Where ages at the start of the observation come from; empty where every part is taken as new.
    """

    file: str
    layout: str
    rows: int
    lives: tuple[Lives, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    history: RepairHistory | None = None
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hours: float = math.nan
    units: Mapping[str, str] = field(default_factory=dict)
    ages: str = ""

    def words(self) -> str:
        """Say what was read: rows, layout, total hours, and the unit of each column.

        Returns
        -------
        str
            One line.

        Examples
        --------
        >>> FieldData("log.csv", "times", 2, hours=30.0, units={"time": "hours"}).words()
        'log.csv: 2 rows, read as times: 30 h of operation in all (time: hours)'
        """
        units = "; ".join(f"{title}: {unit}" for title, unit in self.units.items())
        total = f"{self.hours:,.10g} h of operation in all ({units})"
        return f"{self.file}: {self.rows:,} rows, read as {self.layout}: {total}"

    def _line(self) -> str:
        return self.words()


def read_field(
    path: str | Path,
    *,
    by: str | None = None,
    columns: Mapping[str, str] | None = None,
    decimal: Mark | None = None,
    begin: object = None,
    until: object = None,
    block_bytes: int = _BLOCK,
) -> FieldData:
    r"""Read a field log.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV file, its cells parted by commas, semicolons, tabs or bars, or a workbook (.xlsx); or a folder of such
        files, all of them drive statistics with a row a drive and day.
    by : str, optional
        Column whose values group the data; by default a column of model, type or component, if there is one.
    columns : mapping of str to str, optional
        For a part of a layout, such as ``"end"``, the name of its column, where it is not found by itself.
    decimal : {"point", "comma"}, optional
        Decimal separator; by default each column decides.
    begin, until : str, optional
        Date or time at which the observation of all rows began and ended. Rows without a start began there as new
        parts; parts that started earlier were seen from their age then on. Rows without an end still ran at ``until``.
    block_bytes : int
        How much is read at once.

    Returns
    -------
    FieldData
        The data.

    Raises
    ------
    InputError
        For what cannot be used: each cell with file, row and column, up to twenty of them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("failed,end [d],unit\n1,10,a\n0,20,b\n")
    ...     file.flush()
    ...     read_field(file.name).lives[0].hours
    720.0
    """
    name, file = str(path), Path(path)
    if decimal not in (None, "point", "comma"):
        raise InputError(f"decimal: 'point' or 'comma', got '{str(decimal)[:40]}'")
    window = Window.of(begin, until)
    if file.is_dir():
        return _read_days(_files_in(file), name, by, columns or {}, window, decimal, block_bytes)
    with opened_log(file, block_bytes) as log:
        if _plan(log, by, columns, window).layout == "days":
            return _read_days([file], name, by, columns or {}, window, decimal, block_bytes)

        def fresh() -> _Reader:
            plan = _plan(log, by, columns, window)
            return _Reader(name, plan, Observed(plan.columns, plan.layout, plan.named, window), log)

        reader = fresh()
        if decimal is not None:
            reader.settle(dict.fromkeys(log.titles, decimal))
        elif log.head.mark != ",":
            reader.settle(log.decimals(reader.plan))
        try:
            return reader.all(log.blocks(reader.plan))
        except OpenSeparatorError:
            reader = fresh()
            reader.settle(log.decimals(reader.plan))
            return reader.all(log.blocks(reader.plan))


def _plan(log: Log, by: str | None, columns: Mapping[str, str] | None, window: Window) -> Plan:
    """Which column is what."""
    return plan_of(log.titles, by, columns or {}, log.name, open_ends=window.until_h is not None)


def _files_in(folder: Path) -> list[Path]:
    """Tables in a folder, in the order of their names."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".csv", ".txt", ".tsv", ".xlsx"))
    if not found:
        raise InputError(Problem("is a folder without tables (.csv, .txt, .tsv, .xlsx)", str(folder)))
    return found


def _read_days(
    files: Sequence[Path], name: str, by: str | None, columns: Mapping[str, str], window: Window, decimal: Mark | None,
    block_bytes: int,
) -> FieldData:  # fmt: skip
    """Drive statistics, of one file or of one a day."""
    if window.dates is not None:
        raise InputError("--from, --until: rows of drives and days contain the days on which each drive was observed")
    days = DriveDays()
    unused: tuple[str, ...] = ()
    title = ""
    for file in files:
        with opened_log(file, block_bytes) as log:
            plan = _plan(log, by, columns, window)
            if plan.layout != "days":
                words = "has no rows of drives and days, and several files are read together only if all have these"
                raise InputError(Problem(words, log.name, log.head.line))
            title, unused = plan.columns["day"].title, plan.unused
            ages = plan.columns.get("entry")
            if ages is not None:  # decided before: what was taken in cannot be taken again
                open_one = decimal is None and log.head.mark != ","
                ages.decimal, ages.settled = log.decimals(plan)[ages.title] if open_one else decimal or "point", True
            row = 2
            for block in log.blocks(plan):
                days.take(block, plan, log.name, row)
                row += len(block)
                if days.problems:
                    shown = days.problems[:_SHOWN]
                    raise InputError(log.placed(sorted(shown, key=lambda one: one.line or 0)))
    lives, exposures, notes, source = days.result(Path(name).name, name)
    hours = math.fsum([*(one.hours for one in lives), *(one.hours for one in exposures)])
    shown_unused = (*unused[:_NAMED], f"and {len(unused) - _NAMED} more") if len(unused) > _NAMED else unused
    units = {title: "one row per drive and day"}
    return FieldData(name, "days", days.rows, lives, exposures, None, shown_unused, notes, hours, units, source)


@dataclass
class _Reader:
    """Takes blocks one by one and keeps sums."""

    file: str
    plan: Plan
    observed: Observed
    log: Log
    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    kept: Any = None
    rounded: bool = False
    units: dict[str, int] = field(default_factory=dict)
    kept_rows: list[tuple[Any, Any, Any, Any]] | None = field(default_factory=list)

    def settle(self, decimals: Mapping[str, Mark]) -> None:
        """Fix the decimal separators of columns."""
        for column in self.plan.columns.values():
            if column.title in decimals:
                column.decimal, column.settled = decimals[column.title], True

    def all(self, blocks: Iterator[pd.DataFrame]) -> FieldData:
        """Read all blocks."""
        for block in blocks:
            self.take(block)
        return self.result()

    def take(self, block: pd.DataFrame) -> None:
        """Read one block of rows."""
        columns, first = self.plan.columns, self.rows + 2
        cells: dict[str, Any] = {}
        for role, column in columns.items():
            if role in TIMES or column.counts:
                cells[role] = numbers(block, column, self.file, first, self.problems)
            elif role == "failed":
                open_ends = self.observed.window.until_h is not None
                cells[role] = events(block, column, self.file, first, self.problems, blanks=open_ends)
        self.rows += len(block)
        if len(self.problems) > _SHOWN:
            self._stop()
        if self.problems or not len(block):
            return

        def wrong(bad: NDArray[np.bool_], role: str, words: str) -> None:
            for place in np.flatnonzero(bad)[: _SHOWN + 1]:
                self.problems.append(Problem(words, self.file, first + int(place), columns[role].title))

        if "count" in cells:
            count = cells["count"]
            wrong(~(count <= 1e12) | (count < 0) | (count != np.rint(count)), "count",
                  "a whole number of units, from 0 to 1e12")  # fmt: skip
        if self.plan.layout == "counts":
            failed = cells["failed"]
            if columns["exposure"].kind == "date":
                wrong(
                    np.isfinite(cells["exposure"]), "exposure", "holds dates; write hours of operation, or 'unit_years'"
                )
            hours = cells["exposure"]
            wrong(~np.isfinite(hours), "exposure", "needs a finite number of hours of operation")
            wrong((hours < 0) | ((hours == 0) & (failed != 0)), "exposure", "must be above 0 if something failed")
            wrong(~np.isfinite(failed), "failed", "needs a number of failures")
            wrong(np.isfinite(failed) & (failed != np.rint(failed)), "failed", "a whole number of failures, 0 or more")
            frame: dict[str, FloatArray] = {"failed": failed, "hours": hours}
        else:
            entry, lower, upper = self.observed.lives(cells, wrong)
            frame = {"entry": entry, "lower": lower, "upper": upper, "count": cells.get("count", np.ones(len(block)))}
        if not self.problems:
            self._keep(frame, block)
            if self.plan.layout == "lives" and "unit" in columns:
                self._remember(block, cells)

    def _stop(self) -> None:
        shown = self.problems[:_SHOWN]
        if len(self.problems) > _SHOWN:
            shown.append(Problem("and more like these further down", self.file))
        raise InputError(self.log.placed(shown))

    def _keep(self, values: Mapping[str, FloatArray], block: pd.DataFrame) -> None:
        """Add the rows to the sums."""
        import pandas as pd

        keys = ["group", "site"] if self.plan.layout == "counts" else ["group", "entry", "lower", "upper"]
        texts: dict[str, Any] = {
            role: block[self.plan.columns[role].title].str.strip().to_numpy() if role in self.plan.columns
            else np.full(len(block), "", dtype=object)
            for role in ("group", "site") if role in keys
        }  # fmt: skip
        frame = pd.DataFrame({**texts, **values})
        self._merge(frame[frame["count"] > 0] if "count" in frame else frame, keys)

    def _merge(self, frame: pd.DataFrame, keys: list[str]) -> None:
        import pandas as pd

        both = frame if self.kept is None else pd.concat([self.kept, frame], ignore_index=True)
        if self.rounded:
            entry = _round(both["entry"].to_numpy())
            for name in ("lower", "upper"):  # the time that was seen keeps its digits, however old the part
                both[name] = entry + _round((both[name] - both["entry"]).to_numpy())
            both["entry"] = entry
        self.kept = both.groupby(keys, sort=False, as_index=False, dropna=False).sum()
        if "lower" in keys and len(self.kept) > _MOST_LIVES and not self.rounded:
            self.rounded = True
            self._merge(self.kept.iloc[:0], keys)
        if self.kept["group"].nunique() > _MOST_GROUPS:
            raise InputError(
                Problem(f"more than {_MOST_GROUPS:,} groups; name the column that groups the data with --by", self.file)
            )

    def _remember(self, block: pd.DataFrame, cells: Mapping[str, FloatArray]) -> None:
        """Keep what tells how units that were repaired went on, as long as that is not too much."""
        if self.kept_rows is None:
            return
        if self.rows > _MOST_HISTORY:
            self.kept_rows = None
            self.units.clear()
            return
        names = block[self.plan.columns["unit"].title].str.strip()
        codes = np.array([self.units.setdefault(name, len(self.units)) for name in names], dtype=np.int64)
        end = cells["end"] if "end" in cells else cells["exit"]
        until = self.observed.window.until_h
        end = end if until is None else np.where(np.isnan(end), until, end)
        self.kept_rows.append((codes, cells["start"], end, cells["failed"]))

    def result(self) -> FieldData:
        """Put together what was read."""
        if self.problems:
            self._stop()
        if self.kept is None or self.rows == 0:
            raise InputError(Problem("has no rows, only the names of the columns", self.file))
        columns, layout = self.plan.columns, self.plan.layout
        dates = looks_like_dates(columns) if layout != "counts" else None
        if dates is not None:
            raise InputError(Problem(dates[1], self.file, None, columns[dates[0]].title))
        units = {column.title: column.unit_words for role, column in columns.items() if role in TIMES}
        title = Path(self.file).name
        marks = tuple(
            f"{one.title}: a decimal {one.decimal}, so that '{one.separated[:30]}' has a thousands separator"
            for one in columns.values() if one.separated
        ) + tuple(
            f"{one.title}: the comma of '{one.comma[:30]}' is read as the decimal comma"
            for one in columns.values() if one.comma and not one.separated and self.log.head.mark == ","
        )  # fmt: skip
        if layout == "counts":
            exposures = tuple(
                Exposure(str(row.group) or title, float(row.failed), float(row.hours), str(row.site))
                for row in self.kept.itertuples() if row.hours > 0
            )  # fmt: skip
            idle = [str(name) for name in self.kept["group"][self.kept["hours"] == 0]]
            if not exposures:
                raise InputError(Problem("no row has hours of operation", self.file))
            if idle:
                marks = (*marks, f"left out, without hours of operation: {', '.join(idle[:5])[:200]}"
                         + (f" and {len(idle) - 5} more" if len(idle) > 5 else ""))  # fmt: skip
            return FieldData(self.file, layout, self.rows, (), exposures, None, self.plan.unused, marks,
                             math.fsum(one.hours for one in exposures), units)  # fmt: skip
        if not len(self.kept):
            raise InputError(Problem("no row has a unit", self.file))
        rounded = (f"more than {_MOST_LIVES:,} different times: rounded to {_DIGITS} digits",) if self.rounded else ()
        lives, left_out = self._lives(title, rounded)
        history, notes = self._history()
        ages, more = notes_of(self.observed, self.file)
        return FieldData(
            self.file, layout, self.rows, lives, (), history, self.plan.unused,
            (*rounded, *marks, *more, *notes, *left_out), math.fsum(one.hours for one in lives), units, ages,
        )  # fmt: skip

    def _lives(self, title: str, notes: tuple[str, ...]) -> tuple[tuple[Lives, ...], list[str]]:
        """Lives by group; a group that cannot be used does not stop the others."""
        lives: list[Lives] = []
        reasons: list[str] = []
        for name, part in self.kept.groupby("group", sort=False):
            try:
                lives.append(
                    Lives(str(name) or title, part["lower"].to_numpy(), part["upper"].to_numpy(),
                          part["count"].to_numpy(dtype=np.float64), notes, part["entry"].to_numpy())
                )  # fmt: skip
            except InputError as error:
                reasons.append(f"left out: {error}")
        if not lives:
            raise InputError(reasons[0].removeprefix("left out: "))
        return tuple(lives), reasons

    def _history(self) -> tuple[RepairHistory | None, list[str]]:
        """Failures of units that appear more than once, in time since the unit's first start."""
        if self.kept_rows is None:
            return None, [f"more than {_MOST_HISTORY:,} rows: no test of a trend"]
        if not self.kept_rows or not self.units:
            return None, []
        unit, start, end, failed = (np.concatenate(parts) for parts in zip(*self.kept_rows, strict=True))
        if len(unit) == len(self.units):
            return None, []
        overlap = self._overlap(unit, start, end)
        if self.observed.has_ages:
            return None, [
                *([overlap] if overlap else []),
                "no test of a trend: it counts from the start of a unit and does not use ages",
            ]
        size = len(self.units)
        first = np.full(size, math.inf)
        last = np.full(size, -math.inf)
        np.minimum.at(first, unit, start)
        np.maximum.at(last, unit, end)
        seen = (failed == 1) & (end > first[unit])
        followed = last > first
        number = np.cumsum(followed) - 1
        notes = [overlap] if overlap else []
        went_on = int(np.sum((failed != 1) & (end < last[unit])))
        if went_on:
            notes.append(
                f"WARNING: {went_on:,} rows end without a failure although their unit has later rows; each of these is "
                "read as a new part. If it is the same part, give its age at the start of each row in a column "
                "'age_at_start'"
            )
        return RepairHistory(number[unit[seen]], (end - first[unit])[seen], (last - first)[followed]), notes

    def _overlap(self, unit: NDArray[np.int64], start: FloatArray, end: FloatArray) -> str:
        """Say which rows are of one unit at the same time, if any."""
        if "start" not in self.plan.columns or "exit" in self.plan.columns:
            return ""
        order = np.lexsort((end, start, unit))
        base = unit[order] * (float(end.max()) - float(start.min()) + 1.0)
        latest = np.maximum.accumulate(base + end[order])
        begins, tolerance = base + start[order], 1e-3 + 1e-15 * float(base.max())
        twice = np.flatnonzero((np.diff(unit[order]) == 0) & (begins[1:] < latest[:-1] - tolerance))
        if not len(twice):
            return ""
        later = order[twice[0] + 1]
        mine = np.flatnonzero((unit == unit[later]) & (start <= start[later]) & (end > start[later]))
        rows = sorted({int(next(i for i in mine if i != later)) + 2, int(later) + 2})
        name = next(name for name, code in self.units.items() if code == unit[later])
        return (
            f"WARNING: {len(twice):,} rows begin before an earlier row of the same unit ends, first rows "
            f"{self.log.line_of(rows[0])} and {self.log.line_of(rows[1])} of unit "
            f"'{name[:30]}'; each is counted as a separate part. Are they duplicates?"
        )


def _round(values: FloatArray) -> FloatArray:
    """Round to some significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(values)))
        return np.where(np.isfinite(values) & (values > 0), np.rint(values * scale) / scale, values)
