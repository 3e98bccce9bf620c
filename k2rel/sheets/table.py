"""Small tables, read whole: rates, prices, logs kept by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from k2rel.errors import InputError, Problem
from k2rel.numerals import Evidence, Mark, decided, numeral, plain_number
from k2rel.sheets.files import NOT_UTF8, opened_table
from k2rel.sheets.head import MARKS, Head, head_of

__all__ = ["Record", "Table", "read_table"]

_LONGEST_CELL_LINES = 20
_OPEN = "a quotation mark is opened here and not closed"
_ADVICE = "write numbers without a thousands separator"


@dataclass(frozen=True, slots=True)
class Record:
    """A row: the line where it begins, its cells by title, and what is wrong with its shape."""

    line: int
    cells: Mapping[str, str]
    wrong: str = ""
    count: int = 0  # of its cells

    def __getitem__(self, title: str) -> str:
        return self.cells.get(title, "")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; rows in which nothing stands are left out."""

    name: str
    head: Head
    records: tuple[Record, ...]

    def numbers(self, titles: Iterable[str]) -> Numbers:
        """Decide how the numbers of some columns are written, each column from all of its cells.

        Where commas part the cells and no cell says more, decimals have a point; an ``1,234`` in quotes is then
        refused, since how it was read could not be reported.
        """
        found = {title: Evidence() for title in titles if title in self.head.titles}
        for title, evidence in found.items():
            evidence.see((one.line, one[title]) for one in self.records if not one.wrong)
        sure = self.head.mark != "," or any(one.point or one.comma for one in found.values())
        return Numbers(decided(found, self.head.mark, self.name, _ADVICE), sure)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Reads the cells of a table that are numbers."""

    marks: Mapping[str, Mark]
    sure: bool  # whether the table itself says what its decimal separator is

    def of(self, title: str, text: str) -> float:
        """Read a cell; a number with a unit and what is none are refused with a sentence."""
        value, unit = self.with_unit(title, text)
        if unit:
            raise ValueError(f"'{text.strip()[:40]}' is not a number")
        return value

    def with_unit(self, title: str, text: str) -> tuple[float, str]:
        """Read a cell that may name its unit."""
        found = numeral(text)
        mark = self.marks.get(title, "point")
        if found is None:
            raise ValueError(f"'{text.strip()[:40]}' is not a number")
        value = found.value(mark)
        if value is None:
            words = f"is not a number with a decimal {mark}; use one form for all numbers of the column"
            raise ValueError(f"'{text.strip()[:40]}' {words}")
        if not self.sure and found.open:
            value = plain_number(text.strip().removesuffix(found.unit) if found.unit else text)
        return value, found.unit


def read_table(path: Path, most_bytes: int, too_large: str) -> Table:
    r"""Read a table of any of the forms that `MARKS`, ``sep=``, encodings and workbooks allow.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("what;cost\n*;2,5\n")
    ...     file.flush()
    ...     table = read_table(Path(file.name), 1000, "this is not a list of prices")
    >>> table.records[0].cells, table.numbers(["cost"]).of("cost", "2,5")
    ({'what': '*', 'cost': '2,5'}, 2.5)
    """
    with opened_table(path) as stream:
        return table_in(stream, str(path), most_bytes, too_large)


def table_in(stream: BinaryIO, name: str, most_bytes: int, too_large: str) -> Table:
    """Read a table from a stream of UTF-8 text that can be read again from its beginning."""
    raw = stream.read(most_bytes + 1)
    if len(raw) > most_bytes:
        raise InputError(Problem(f"is larger than {most_bytes // 1_000_000} MB; {too_large}", name))
    head = head_of(stream, name)
    try:
        text = raw[head.begins :].decode("utf-8")
    except UnicodeDecodeError as error:
        line = len((raw[: head.begins + error.start] + b"|").splitlines())
        raise InputError(Problem(NOT_UTF8, name, line)) from None
    if "\0" in text:
        line = len((raw[: raw.index(b"\0", head.begins)] + b"|").splitlines())
        raise InputError(Problem("is not text: it contains zero bytes; save it as 'CSV UTF-8'", name, line))
    return Table(name, head, tuple(_records(text, head, name)))


def _records(text: str, head: Head, name: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=head.mark, strict=True)
    ended = begun = 0
    try:
        for row in reader:
            begun, ended = ended + 1, reader.line_num
            if ended - begun > _LONGEST_CELL_LINES:
                raise InputError(Problem(_OPEN, name, head.line + begun))
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            wrong = ""
            named = len(head.titles) - next((n for n, title in enumerate(reversed(head.titles)) if title), 0)
            if any(cells[named:]):
                wrong = (
                    f"has more cells than there are columns; write numbers without {MARKS[head.mark]}, and texts with "
                    "them in quotes"
                )
            elif untitled := next((n for n, pair in enumerate(zip(cells, head.titles, strict=False), 1)
                                   if pair[0] and not pair[1]), 0):  # fmt: skip
                wrong = f"has '{cells[untitled - 1][:30]}' in column {untitled}, which has no title"
            pairs = zip(head.titles, cells + [""] * (len(head.titles) - len(cells)), strict=False)
            yield Record(head.line + begun, {title: cell for title, cell in pairs if title}, wrong, len(cells))
    except csv.Error as error:
        words = str(error)
        line = head.line + ended + 1
        if "unexpected end of data" in words or reader.line_num - ended > _LONGEST_CELL_LINES:
            raise InputError(Problem(_OPEN, name, line)) from None
        raise InputError(Problem(f"is not a valid table: {words}", name, line)) from None
