"""A field log as blocks of rows, every cell a text, read in a stream as often as it has to be looked at.

Here by the standard library; by Arrow, which is faster, in ``arrow``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from k2rel.errors import InputError, Problem
from k2rel.field.columns import TIMES, Plan
from k2rel.numerals import Evidence, Mark, decided
from k2rel.sheets import MARKS, Head, Rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SAMPLE", "Log"]

SAMPLE = 1000
_ODD = re.compile(r"\d[.,]|[.,]\d")
"""A cell that says something of its decimal separator."""


@dataclass
class Log:
    """A log that is open, with its titles read."""

    name: str
    stream: BinaryIO
    head: Head
    block_bytes: int
    rows: Rows | None = None  # of the pass that is under way

    @property
    def titles(self) -> list[str]:
        """Names of the columns."""
        return self.head.names

    def blocks(self, plan: Plan) -> Iterator[pd.DataFrame]:
        """Blocks of rows, of the columns that are used."""
        for batch in self._checked(dict.fromkeys(column.title for column in plan.columns.values())):
            yield self._frame(batch)

    def decimals(self, plan: Plan) -> dict[str, Mark]:
        """Decide the decimal separator of every column of numbers, from all of its cells."""
        found = {one.title: Evidence() for role, one in plan.columns.items() if role in TIMES or one.counts}
        row = 2
        for batch in self._checked(found):
            for title, evidence in found.items():
                places, more = self._odd(batch, title)
                evidence.see((row + place, cell) for cell, place in places.items())
                evidence.see((row, cell) for cell in more)
            row += self._count(batch)
        try:
            return decided(found, self.head.mark, self.name)
        except InputError as error:
            raise InputError(self.placed(error.problems)) from None

    def line_of(self, row: int) -> int:
        """Line of a row that was counted from 2, as if one line of titles stood above and no line were empty."""
        return row if self.rows is None else self.rows.line_of(row - 2)

    def placed(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems with the lines where they stand, instead of their rows."""
        return [one if one.line is None else replace(one, line=self.line_of(one.line)) for one in problems]

    def _checked(self, wanted: Iterable[str]) -> Iterator[Any]:
        """Blocks of the columns that are wanted; a cell without a title is most likely a number cut at its comma."""
        untitled = [title for title, given in zip(self.titles, self.head.titles, strict=True) if not given]
        self.rows = Rows(self.stream, self.head, self.name)
        row, batch = 2, None
        for batch in self._batches(self.rows, [*dict.fromkeys(wanted), *untitled]):
            for title in untitled:
                if (filled := self._filled(batch, title)) is not None:
                    words = f"has '{filled[1][:30]}' in a column without a title"
                    raise InputError(Problem(words, self.name, self.line_of(row + filled[0]), title))
            row += self._count(batch)
            yield batch
        if batch is None:
            raise InputError(Problem("has no rows, only the names of the columns", self.name))

    def _misshapen(self, row: int, count: int) -> InputError:
        """A row, counted from 2, that has not as many cells as there are titles."""
        shape = f"{count} cells for {len(self.titles)} columns"
        words = f"is not a valid table: {shape}; a text that contains {MARKS[self.head.mark]} has to be in quotes"
        return InputError(Problem(words, self.name, self.line_of(row)))

    def _batches(self, rows: Rows, taken: Sequence[str]) -> Iterator[Any]:
        """Blocks of the columns that are taken: here the cells of each by its title."""
        places = {title: self.titles.index(title) for title in taken}
        wide, row = len(self.titles), 2
        for text in _texts(rows, self.block_bytes):
            lines = text.removesuffix("\n").split("\n")
            try:
                records = _records(lines, self.head.mark)
            except csv.Error as error:
                raise InputError(Problem(f"is not a valid table: {error}", self.name, self.line_of(row))) from None
            for place, cells in enumerate(records):
                if len(cells) != wide:
                    raise self._misshapen(row + place, len(cells))
            row += len(lines)
            yield {title: [cells[place] for cells in records] for title, place in places.items()}

    def _count(self, batch: Any) -> int:
        return len(next(iter(batch.values()), ()))

    def _frame(self, batch: Any) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(batch)

    def _odd(self, batch: Any, title: str) -> tuple[dict[str, int], list[str]]:
        """Cells that tell of decimals, each once: the first by where they stand, and what else there is."""
        seen: dict[str, int] = {}
        for place, cell in enumerate(batch[title]):
            if cell not in seen and _ODD.search(cell):
                seen[cell] = place
        cells = list(seen)
        return {cell: seen[cell] for cell in cells[:SAMPLE]}, cells[SAMPLE:]

    def _filled(self, batch: Any, title: str) -> tuple[int, str] | None:
        """The first cell of a column in which something stands."""
        return next(((place, cell) for place, cell in enumerate(batch[title]) if cell), None)


def _texts(rows: Rows, size: int) -> Iterator[str]:
    """Whole lines, some `size` bytes at a time."""
    rest = b""
    while block := rows.read(size):
        whole = rest + block
        cut = whole.rfind(b"\n") + 1
        rest = whole[cut:]
        if cut:
            yield whole[:cut].decode("utf-8")
    if rest:
        yield rest.decode("utf-8")


def _records(lines: list[str], mark: str) -> list[list[str]]:
    """Cells of lines; a quotation mark that would reach beyond its line opens nothing there."""
    records = list(csv.reader(lines, delimiter=mark))
    if len(records) != len(lines):
        records = [next(csv.reader([line], delimiter=mark)) for line in lines]
    return records
