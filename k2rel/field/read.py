"""Field logs as CSV files, read in a stream: any order of columns, units in the header or in the cells, dates.

Four layouts are told apart by their columns, whatever their order:

lives      unit, start, end, failed       one row a life; start may be left out
times      time, failed                   one row a life, or as many as a column ``count`` says
intervals  lower, upper                   failed between the two; an empty or infinite upper one: still worked
counts     failures, exposure             failures in hours of operation, such as drive statistics (drive_days)

Equal lives are put together as they are read, so that memory does not grow with the number of rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError, Problem, closest
from k2rel.field.cells import Column, events, numbers
from k2rel.field.lives import Exposure, Lives, RepairHistory
from k2rel.units import parse_duration

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FieldData", "read_field"]

FloatArray = NDArray[np.float64]

_ROLES = {
    "unit": ("unit", "id", "serial", "serial_number", "asset", "unit_id"),
    "group": ("model", "type", "component", "group", "component_type", "product"),
    "site": ("site", "location", "plant"),
    "start": ("start", "begin", "installed", "from", "start_time", "start_date", "in_service"),
    "end": ("end", "stop", "to", "removed", "end_time", "end_date", "until"),
    "time": ("time", "hours", "age", "life", "lifetime", "duration", "time_to_failure", "ttf", "days"),
    "failed": ("failed", "event", "failure", "observed", "status", "failures", "fails", "number_failed"),
    "lower": ("lower", "left", "after", "last_good"),
    "upper": ("upper", "right", "before", "first_bad", "found"),
    "exposure": ("exposure", "drive_days", "drive_hours", "device_days", "device_hours", "unit_hours", "unit_days",
                 "operating_hours", "operating_days", "component_hours", "total_hours", "total_days", "unit_years",
                 "device_years", "drive_years", "hours_in_service"),
    "count": ("count", "n", "number", "quantity", "units", "how_many"),
}  # fmt: skip
_UNITS = {
    name: parse_duration(f"1 {name}")
    for name in ("h", "hour", "hours", "hr", "d", "day", "days", "min", "minutes", "s", "seconds", "y", "yr", "years",
                 "weeks", "months")
} | {"hrs": 1.0}  # fmt: skip
"""What may stand in a header. No singular year or month: such a column holds a date, not a time."""
_COUNTED = ("failures", "fails", "number_failed")
_TIMES = ("start", "end", "time", "lower", "upper", "exposure")
_NAME = re.compile(r"^\s*([^\[\(]+?)\s*(?:[\[\(]\s*([^\]\)]+?)\s*[\]\)])?\s*$")
_BLOCK = 1 << 23
_MOST_LIVES = 1_000_000
_MOST_HISTORY = 1_000_000
_MOST_GROUPS = 10_000
_SHOWN = 20
_DIGITS = 5


@dataclass(frozen=True, eq=False)
class FieldData:
    """What a field log holds.

    Parameters
    ----------
    file : str
        Where it was read.
    layout : {"lives", "times", "intervals", "counts"}
        How it is laid out.
    rows : int
        Number of rows.
    lives : tuple of Lives
        Lives by group; empty for counts.
    exposures : tuple of Exposure
        Counts by group and site; empty for lives.
    history : RepairHistory or None
        Failures of units that appear more than once.
    unused : tuple of str
        Columns that were not used.
    notes : tuple of str
        What was done to the data on the way.
    """

    file: str
    layout: str
    rows: int
    lives: tuple[Lives, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    history: RepairHistory | None = None
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_field(
    path: str | Path, *, by: str | None = None, columns: Mapping[str, str] | None = None, block_bytes: int = _BLOCK
) -> FieldData:
    r"""Read a field log.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV file, parted by commas, semicolons or tabs.
    by : str, optional
        Column whose values part the data into groups; by default a column of model, type or component, if there is one.
    columns : mapping of str to str, optional
        For a part of a layout, such as ``"end"``, the name of its column, where it is not found by itself.
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
    name = str(path)
    reader = _Reader(name, by, dict(columns or {}))
    for block in _blocks(Path(path), block_bytes):
        reader.take(block)
    return reader.result()


def _blocks(path: Path, block_bytes: int) -> Iterator[pd.DataFrame]:
    """Blocks of rows, every cell a text."""
    import pyarrow as pa
    from pyarrow import csv

    name = str(path)
    try:
        with path.open("rb") as file:
            first = file.readline(100_000)
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", name)) from None
    if not first.strip():
        raise InputError(Problem("is empty; the first row names the columns", name))
    try:
        head = first.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise InputError(Problem("is not UTF-8 text", name)) from None
    separator = max(",;\t", key=head.count)
    titles = [word.strip().strip('"') for word in head.split(separator)]
    double = sorted({word for word in titles if titles.count(word) > 1})
    if double:
        raise InputError(Problem(f"the column '{double[0][:40]}' is there twice", name, 1))
    try:
        with csv.open_csv(
            path,
            read_options=csv.ReadOptions(block_size=block_bytes, use_threads=False, column_names=titles, skip_rows=1),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(titles, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        ) as stream:
            while True:
                try:
                    batch = stream.read_next_batch()
                except StopIteration:
                    return
                yield batch.to_pandas()
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        text = " ".join(str(error).split())
        if "Empty CSV" in text or "empty" in text.lower():
            raise InputError(Problem("holds no rows, only the names of the columns", name)) from None
        raise InputError(Problem(f"is no valid table: {text[:200]}", name)) from None


@dataclass
class _Reader:
    """Takes blocks one by one and keeps sums."""

    file: str
    by: str | None
    wanted: dict[str, str]
    columns: dict[str, Column] = field(default_factory=dict)
    layout: str = ""
    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    unused: tuple[str, ...] = ()
    kept: Any = None
    rounded: bool = False
    units: dict[str, int] = field(default_factory=dict)
    log: list[tuple[Any, Any, Any, Any]] | None = field(default_factory=list)

    def take(self, block: pd.DataFrame) -> None:
        """Read one block of rows."""
        if not self.columns:
            self._understand([str(name) for name in block.columns])
        first = self.rows + 2
        cells: dict[str, Any] = {}
        for role in _TIMES:
            if role in self.columns:
                cells[role] = numbers(block, self.columns[role], self.file, first, self.problems)
        for role in ("failed", "count"):
            if role in self.columns:
                plain = role == "count" or self.layout == "counts"
                read = numbers if plain else events
                cells[role] = read(block, self.columns[role], self.file, first, self.problems)
        self.rows += len(block)
        if len(self.problems) > _SHOWN:
            self._stop()
        if not self.problems:
            groups = self._texts(block, "group"), self._texts(block, "site")
            self._check(cells, first)
            if not self.problems:
                self._keep(cells, groups, block)

    def _understand(self, names: list[str]) -> None:
        """Find out which column is what."""
        found: dict[str, Column] = {}
        for role, title in self.wanted.items():
            if role not in _ROLES:
                raise InputError(f"columns: '{role[:40]}' is no part of a log{closest(role, _ROLES)}")
            if title not in names:
                raise InputError(Problem(f"there is no column '{title[:40]}'{closest(title, names)}", self.file, 1))
            found[role] = Column(title, _plain(title)[1])
        if self.by is not None:
            if self.by not in names:
                raise InputError(Problem(f"there is no column '{self.by[:40]}'{closest(self.by, names)}", self.file, 1))
            found["group"] = Column(self.by, None)
        taken = {column.title for column in found.values()}
        unclear: dict[str, str] = {}
        counted = any(_plain(title)[0] in _COUNTED for title in names)
        for title in names:
            word, scale = _plain(title)
            role = next((key for key, words in _ROLES.items() if word in words), "")
            if not role or title in taken:
                continue
            if counted and role == "time" and word in ("hours", "days"):
                role = "exposure"
            if role in found:
                if role not in self.wanted and not (role == "group" and self.by):
                    unclear[role] = title
                continue
            found[role] = Column(title, scale)
        self.layout = self._layout(found, names)
        needed = {"lives": ("unit", "start", "end", "failed"), "times": ("unit", "time", "failed", "count"),
                  "intervals": ("lower", "upper", "count"), "counts": ("failed", "exposure", "site")}  # fmt: skip
        use = (*needed[self.layout], "group")
        for role, title in unclear.items():
            if role in use:
                words = f"both '{found[role].title}' and '{title}' could be '{role}'; say which: --column {role}=NAME"
                raise InputError(Problem(words, self.file, 1))
        self.columns = {role: column for role, column in found.items() if role in use}
        taken = {column.title for column in self.columns.values()}
        self.unused = tuple(title for title in names if title not in taken)

    def _layout(self, found: Mapping[str, Column], names: list[str]) -> str:
        for layout, needs in (("counts", ("failed", "exposure")), ("intervals", ("lower", "upper")),
                              ("lives", ("end", "failed")), ("times", ("time", "failed"))):  # fmt: skip
            if all(role in found for role in needs):
                return layout
        raise InputError(
            Problem(
                f"the columns {', '.join(names)[:200]} are none of: unit, start, end, failed; or time, failed; or "
                "lower, upper; or failures, exposure (hours) or drive_days. Rename them, or say which is which with "
                "--column end=NAME",
                self.file,
                1,
            )
        )

    def _texts(self, block: pd.DataFrame, role: str) -> Any:
        return block[self.columns[role].title].str.strip() if role in self.columns else None

    def _stop(self) -> None:
        shown = self.problems[:_SHOWN]
        if len(self.problems) > _SHOWN:
            shown.append(Problem("and more like these further down", self.file))
        raise InputError(shown)

    def _wrong(self, bad: NDArray[np.bool_], first: int, role: str, words: str) -> None:
        for place in np.flatnonzero(bad)[: _SHOWN + 1]:
            self.problems.append(Problem(words, self.file, first + int(place), self.columns[role].title))

    def _check(self, cells: dict[str, FloatArray], first: int) -> None:
        """Check what a row says as a whole."""
        if self.layout == "lives":
            start = cells.get("start", np.zeros(len(cells["end"])))
            self._wrong(np.isinf(cells["end"]) | np.isnan(cells["end"]), first, "end", "needs a time")
            if "start" in self.columns:
                self._wrong(np.isnan(start), first, "start", "needs a time; leave the column out where all are new")
            self._wrong(cells["end"] < start, first, "end", "ends before it starts")
            self._wrong((cells["end"] == start) & (cells["failed"] == 1), first, "end",
                        "failed the moment it started; leave such rows out, or give the time it was found")  # fmt: skip
        elif self.layout == "times":
            self._wrong(~np.isfinite(cells["time"]), first, "time", "needs a time")
            self._wrong((cells["time"] == 0) & (cells["failed"] == 1), first, "time",
                        "failed at 0; leave such rows out, or give an interval")  # fmt: skip
        elif self.layout == "intervals":
            lower, upper = np.nan_to_num(cells["lower"], nan=0.0), cells["upper"]
            self._wrong(np.isinf(lower), first, "lower", "must be finite")
            self._wrong(upper < lower, first, "upper", "lies before the lower time")
            self._wrong((upper == 0) & (lower == 0), first, "upper", "must be above 0")
        else:
            self._wrong(~(cells["exposure"] > 0) | np.isinf(cells["exposure"]), first, "exposure", "must be above 0")
            self._wrong(~np.isfinite(cells["failed"]), first, "failed", "needs a number of failures")
        if "count" in cells:
            count = cells["count"]
            self._wrong(~(count <= 1e12) | (count < 0) | (count != np.rint(count)), first, "count",
                        "a whole number of units, 0 or more")  # fmt: skip

    def _keep(self, cells: dict[str, FloatArray], groups: tuple[Any, Any], block: pd.DataFrame) -> None:
        """Add the rows to the sums."""
        import pandas as pd

        size = len(block)
        group = groups[0] if groups[0] is not None else pd.Series([""] * size)
        if self.layout == "counts":
            site = groups[1] if groups[1] is not None else pd.Series([""] * size)
            frame = pd.DataFrame({"group": group.to_numpy(), "site": site.to_numpy(), "failed": cells["failed"],
                                  "hours": cells["exposure"]})  # fmt: skip
            self._merge(frame, ["group", "site"])
            return
        count = cells.get("count", np.ones(size))
        if self.layout == "intervals":
            lower = np.nan_to_num(cells["lower"], nan=0.0)
            upper = np.where(np.isnan(cells["upper"]), math.inf, cells["upper"])
        elif self.layout == "times":
            lower = cells["time"]
            upper = np.where(cells["failed"] == 1, lower, math.inf)
        else:
            start = cells.get("start", np.zeros(size))
            lower = cells["end"] - start
            upper = np.where(cells["failed"] == 1, lower, math.inf)
            if "unit" in self.columns:
                self._remember(block, start, cells["end"], cells["failed"])
        frame = pd.DataFrame({"group": group.to_numpy(), "lower": lower, "upper": upper, "count": count})
        self._merge(frame[frame["count"] > 0], ["group", "lower", "upper"])

    def _merge(self, frame: pd.DataFrame, keys: list[str]) -> None:
        import pandas as pd

        both = frame if self.kept is None else pd.concat([self.kept, frame], ignore_index=True)
        if self.rounded:
            both[["lower", "upper"]] = _round(both[["lower", "upper"]].to_numpy())
        self.kept = both.groupby(keys, sort=False, as_index=False, dropna=False).sum()
        if "lower" in keys and len(self.kept) > _MOST_LIVES and not self.rounded:
            self.rounded = True
            self._merge(self.kept.iloc[:0], keys)
        if self.kept["group"].nunique() > _MOST_GROUPS:
            raise InputError(
                Problem(f"more than {_MOST_GROUPS:,} groups; say which column parts the data with --by", self.file)
            )

    def _remember(self, block: pd.DataFrame, start: FloatArray, end: FloatArray, failed: FloatArray) -> None:
        """Keep what tells how units that were repaired went on, as long as that is not too much."""
        if self.log is None:
            return
        if self.rows > _MOST_HISTORY:
            self.log = None
            self.units.clear()
            return
        names = block[self.columns["unit"].title].str.strip()
        codes = np.array([self.units.setdefault(name, len(self.units)) for name in names], dtype=np.int64)
        self.log.append((codes, start, end, failed))

    def result(self) -> FieldData:
        """Put together what was read."""
        if self.problems:
            self._stop()
        if self.kept is None or self.rows == 0:
            raise InputError(Problem("holds no rows, only the names of the columns", self.file))
        notes = []
        if self.rounded:
            notes.append(f"more than {_MOST_LIVES:,} different times: rounded to {_DIGITS} digits")
        if self.layout != "counts" and not any(self.columns[role].has_unit for role in _TIMES if role in self.columns):
            notes.append("times without a unit are taken as hours")
        title = Path(self.file).name
        if self.layout == "counts":
            exposures = tuple(
                Exposure(str(row.group) or title, float(row.failed), float(row.hours), str(row.site))
                for row in self.kept.itertuples()
            )
            return FieldData(self.file, "counts", self.rows, (), exposures, None, self.unused, tuple(notes))
        if not len(self.kept):
            raise InputError(Problem("no row counts any unit", self.file))
        rounded = tuple(notes[:1]) if self.rounded else ()
        lives = tuple(
            Lives(str(name) or title, part["lower"].to_numpy(), part["upper"].to_numpy(),
                  part["count"].to_numpy(dtype=np.float64), rounded)
            for name, part in self.kept.groupby("group", sort=False)
        )  # fmt: skip
        history = self._history()
        if self.log is None:
            notes.append(f"more than {_MOST_HISTORY:,} rows: no test of a trend")
        return FieldData(self.file, self.layout, self.rows, lives, (), history, self.unused, tuple(notes))

    def _history(self) -> RepairHistory | None:
        """Failures of units that appear more than once, in time since the unit's first start."""
        if not self.log or not self.units:
            return None
        unit, start, end, failed = (np.concatenate(parts) for parts in zip(*self.log, strict=True))
        if len(unit) == len(self.units):
            return None
        size = len(self.units)
        first = np.full(size, math.inf)
        last = np.full(size, -math.inf)
        np.minimum.at(first, unit, start)
        np.maximum.at(last, unit, end)
        seen = (failed == 1) & (end > first[unit])
        followed = last > first
        number = np.cumsum(followed) - 1
        return RepairHistory(number[unit[seen]], (end - first[unit])[seen], (last - first)[followed])


def _plain(title: str) -> tuple[str, float | None]:
    """Name of a column without its unit, and the unit in hours."""
    match = _NAME.match(title)
    word, unit = (match[1], match[2]) if match else (title, None)
    word = re.sub(r"[\s\-]+", "_", word.strip().lower())
    if unit is not None and unit.lower() in _UNITS:
        return word, _UNITS[unit.lower()]
    known = any(word in words for words in _ROLES.values())
    stem, _, tail = word.rpartition("_")
    if not known and tail in _UNITS and any(stem in words for words in _ROLES.values()):
        return stem, _UNITS[tail]
    if known and tail in _UNITS and stem:  # drive_days and the like carry it in their name
        return word, _UNITS[tail]
    return word, _UNITS.get(word) if word in ("hours", "days") else None


def _round(values: FloatArray) -> FloatArray:
    """Round to some significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(values)))
        return np.where(np.isfinite(values) & (values > 0), np.rint(values * scale) / scale, values)
