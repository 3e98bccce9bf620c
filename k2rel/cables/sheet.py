"""Tables as people keep them: a CSV file of any of three delimiters and of most encodings, or a pandas frame.

The row that names the columns need not be the first: a title may stand above it. Every row keeps the line where it
begins, so that a message can say where to look.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from k2rel.errors import InputError, Problem
from k2rel.sheets import MARKS, hinted, opened_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Row", "Sheet", "Source", "read_sheet"]

Source: TypeAlias = "str | Path | pd.DataFrame | Iterable[Mapping[Any, Any]]"
"""A table: a file, a frame, or records."""

MOST_ROWS = 50_000
_MOST_COLUMNS = 1_000
_MOST_BYTES = 50_000_000
_MOST_COUNTED = 8_000_000_000
_MOST_COUNTED_RECORDS = 10_000_000  # of what may have no end
_BLOCK = 1 << 22
_HEADER_WITHIN = 20
_LONGEST_CELL_LINES = 20
_TOO_WIDE = f"has more than {_MOST_COLUMNS:,} columns, which is the limit"
_EMPTY = frozenset(("", "-", "--", "—", "–", "n/a", "na", "nat", "<na>", "none", "null", "#n/a"))
_EXCEL = re.compile(r'="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line where it begins, its cells, and what is wrong with its shape."""

    line: int
    cells: Sequence[str]
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as texts; empty cells are empty texts, however they were written, but for the word nan."""

    name: str
    titles: tuple[str, ...]
    rows: Sequence[Row]
    line: int = 1  # of the titles
    mark: str = ","  # what separates cells
    notes: tuple[str, ...] = ()

    def problem(self, row: Row | int, message: str, column: str = "") -> Problem:
        """Say what is wrong in a row."""
        return Problem(message, self.name, row.line if isinstance(row, Row) else row, column or None)


def read_sheet(source: Source, name: str, is_header: Callable[[Sequence[str]], bool]) -> Sheet:
    """Read a table; `is_header` knows the row that names the columns.

    Where no row does, the first that is not blank is taken, so that the caller can say what is missing.

    Examples
    --------
    >>> sheet = read_sheet([{"from": "a", "to": None}], "cables", lambda cells: "from" in cells)
    >>> sheet.titles, sheet.rows
    (('from', 'to'), [Row(line=1, cells=['a', ''], wrong='')])
    """
    if isinstance(source, str | Path):
        return _from_text(*_text_of(Path(source)), str(source), is_header)
    return _from_records(source, name)


def _from_records(source: Any, name: str) -> Sheet:
    """A frame or records: rows are counted from 1, as there is no line of titles."""
    import pandas as pd

    if not isinstance(source, pd.DataFrame):
        if isinstance(source, Mapping) or not isinstance(source, Iterable):
            raise InputError(f"{name}: a path, a pandas DataFrame or a list of records, got {type(source).__name__}")
        records = list(islice(source, _MOST_COUNTED_RECORDS))
        if not all(isinstance(record, Mapping) for record in records):
            raise InputError(f"{name}: records are mappings from column to value")
        source = pd.DataFrame.from_records(records)
    if len(source) > MOST_ROWS:
        raise InputError(_too_many(len(source), name))
    if source.shape[1] > _MOST_COLUMNS:
        raise InputError(Problem(_TOO_WIDE, name))
    if source.columns.nlevels > 1:
        raise InputError(f"{name}: the columns have {source.columns.nlevels} levels; one is needed")
    columns = [[_cell(value) for value in source.iloc[:, place].tolist()] for place in range(source.shape[1])]
    rows = [Row(number, list(cells)) for number, cells in enumerate(zip(*columns, strict=True), 1) if any(cells)]
    return Sheet(name, tuple(str(title).strip() for title in source.columns), rows)


def _cell(value: object) -> str:
    """A cell as text; 3.0 was a 3 before pandas saw an empty cell beside it, which is not a number."""
    if isinstance(value, Real) and math.isnan(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _clean("" if value is None else str(value))


def _clean(text: str) -> str:
    text = " ".join(text.split())  # also no-break spaces, and the line ends that templates leave
    text = unicodedata.normalize("NFC", text)  # ü is one letter, also where a Mac wrote it as u and two dots
    if quoted := _EXCEL.fullmatch(text):
        text = quoted[1].strip()  # so that a spreadsheet does not take it for a number
    return "" if text.casefold() in _EMPTY else text


def _text_of(path: Path) -> tuple[str, tuple[str, ...]]:
    """The text of a file and what was assumed to read it; a file that is too long is counted, not read."""
    name = str(path)
    with opened_table(path) as stream:
        raw = stream.read(_MOST_BYTES + 1)
        lines, size = raw.count(b"\n"), len(raw)
        while size > _MOST_BYTES and size < _MOST_COUNTED and (block := stream.read(_BLOCK)):
            lines, size = lines + block.count(b"\n"), size + len(block)
    if lines > MOST_ROWS + _HEADER_WITHIN or size > _MOST_BYTES:
        raise InputError(_too_many(lines - 1, name))  # without the titles
    if b"\x00" in raw:
        raise InputError(Problem("is not text", name, raw[: raw.index(b"\x00")].count(b"\n") + 1))
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        note = f"is not UTF-8 (line {line}); read as Windows-1252, as spreadsheets write it"
        return raw.decode("cp1252", errors="replace"), (note,)


def _too_many(count: int, name: str) -> Problem:
    return Problem(
        f"has {count:,} rows; at most {MOST_ROWS:,} are read, and a model has at most 10,000 clients and 10,000 "
        "other devices and cables: export the part of the network that is to be studied",
        name,
    )


def _from_text(text: str, notes: tuple[str, ...], name: str, is_header: Callable[[Sequence[str]], bool]) -> Sheet:
    if not any(line.strip() and not hinted(line) for line in text.splitlines()):
        raise InputError(
            Problem("is empty; a row names the columns, and each further one is a cable or a device", name)
        )
    hint = hinted(text.partition("\n")[0].rstrip("\r"))
    best: tuple[int, str, int] | None = None  # columns, delimiter, line of the titles
    head = text[:200_000]
    for mark in (hint, *MARKS) if hint else MARKS:
        for row in _first_rows(head, mark):
            if is_header(row.cells):
                found = (sum(map(bool, row.cells)), mark, row.line)
                best = found if best is None or found[0] > best[0] else best
                break
    if best is None:
        line = next(line for line in text.splitlines() if line.strip() and not hinted(line))
        mark = hint or max(MARKS, key=line.count)
        start = next((row.line for row in _first_rows(head, mark) if len(row.cells) > 1), 1)
        if line.count(mark) == 0:
            start = next(number for number, other in enumerate(text.splitlines(), 1) if other == line)
        best = (0, mark, start)
    _, mark, start = best
    titles: tuple[str, ...] = ()
    rows: list[Row] = []
    for row in _rows(text, mark, name):
        if row.line < start or not any(row.cells):
            continue
        if not titles:
            titles = tuple(row.cells)
            while titles and not titles[-1]:
                titles = titles[:-1]
            continue
        cells = [*row.cells]
        wrong = ""
        if any(cells[len(titles) :]):
            wrong = (
                f"has {len(cells)} cells for {len(titles)} columns; a text that contains one of "
                f"the {MARKS.get(mark, mark)} has to be in quotes"
            )
        cells += [""] * (len(titles) - len(cells))
        rows.append(Row(row.line, cells[: len(titles)], wrong))
    if len(rows) > MOST_ROWS:
        raise InputError(_too_many(len(rows), name))
    if len(titles) > _MOST_COLUMNS:
        raise InputError(Problem(_TOO_WIDE, name, start))
    return Sheet(name, titles, rows, start, mark, notes)


def _first_rows(text: str, mark: str) -> list[Row]:
    found = []
    try:
        for row in _rows(text, mark, ""):
            if any(row.cells):
                found.append(row)
            if len(found) == _HEADER_WITHIN:
                break
    except InputError:
        pass  # said when the whole is read
    return found


def _rows(text: str, mark: str, name: str) -> Iterator[Row]:
    """Rows with the line where each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    before = 0
    try:
        for cells in reader:
            begun, before = before + 1, reader.line_num
            if before - begun > _LONGEST_CELL_LINES:
                raise InputError(Problem("a quotation mark is opened here and not closed", name, begun))
            if begun == 1 and cells and hinted(cells[0] + mark * (len(cells) > 1)):
                continue
            yield Row(begun, [_clean(cell) if cell else "" for cell in cells[: _MOST_COLUMNS + 1]])
    except csv.Error as error:
        raise InputError(Problem(f"is not a valid table: {error}", name, reader.line_num)) from None
