"""A field log as blocks of rows, every cell a text, read in a stream as often as it has to be looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from k2rel.errors import InputError, Problem
from k2rel.field.columns import TIMES, Plan
from k2rel.numerals import Evidence, Mark, decided
from k2rel.sheets import MARKS, Head, Rows, head_of, opened_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Log", "opened_log"]

_SAMPLE = 1000
_SHAPE = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")


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
        for batch in self._batches(dict.fromkeys(column.title for column in plan.columns.values())):
            yield batch.to_pandas()

    def decimals(self, plan: Plan) -> dict[str, Mark]:
        """Decide the decimal separator of every column of numbers, from all of its cells."""
        import pyarrow as pa
        from pyarrow import compute

        found = {one.title: Evidence() for role, one in plan.columns.items() if role in TIMES or one.counts}
        row = 2
        for batch in self._batches(found):
            for title, evidence in found.items():
                cells = batch.column(batch.schema.get_field_index(title))
                odd = compute.match_substring_regex(cells, r"\d[.,]|[.,]\d")
                distinct = pa.array(compute.unique(compute.filter(cells, odd)))
                seen = {cell: row + compute.index(cells, cell).as_py() for cell in distinct[:_SAMPLE].to_pylist()}
                evidence.see((place, cell) for cell, place in seen.items())
                if len(distinct) > _SAMPLE:
                    evidence.see((row, cell) for cell in distinct[_SAMPLE:].to_pylist())
            row += batch.num_rows
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

    def _batches(self, wanted: Iterable[str]) -> Iterator[Any]:
        """Blocks of the columns that are wanted, as Arrow has them."""
        import pyarrow as pa
        from pyarrow import csv

        titles = self.titles
        untitled = [title for title, given in zip(titles, self.head.titles, strict=True) if not given]
        taken = [*dict.fromkeys(wanted), *untitled]
        self.rows = Rows(self.stream, self.head, self.name)
        try:
            with csv.open_csv(
                pa.PythonFile(self.rows, mode="r"),
                read_options=csv.ReadOptions(block_size=self.block_bytes, use_threads=False, column_names=titles),
                parse_options=csv.ParseOptions(delimiter=self.head.mark, newlines_in_values=False),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(taken, pa.string()),
                    include_columns=taken,
                    strings_can_be_null=False,
                    quoted_strings_can_be_null=False,
                ),
            ) as stream:
                row = 2
                while True:
                    try:
                        batch = stream.read_next_batch()
                    except StopIteration:
                        return
                    self._check_untitled(batch, untitled, row)
                    row += batch.num_rows
                    yield batch
        except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
            raise InputError(self._problem(" ".join(str(error).split()))) from None

    def _problem(self, text: str) -> Problem:
        """What Arrow found wrong, in words."""
        if "Empty CSV" in text or "empty" in text.lower():
            return Problem("holds no rows, only the names of the columns", self.name)
        if match := _SHAPE.search(text):
            shape = f"{match[3]} cells for {match[2]} columns"
            words = f"is no valid table: {shape}; a text that holds {MARKS[self.head.mark]} stands in quotes"
            return Problem(words, self.name, self.line_of(int(match[1]) + 1))
        return Problem(f"is no valid table: {text[:200]}", self.name)

    def _check_untitled(self, batch: Any, untitled: Sequence[str], row: int) -> None:
        """A cell without a title is most likely a number that was cut at its comma."""
        from pyarrow import compute

        for title in untitled:
            filled = compute.not_equal(batch.column(batch.schema.get_field_index(title)), "")
            place = compute.index(filled, True).as_py()
            if place >= 0:
                cell = batch.column(batch.schema.get_field_index(title))[place].as_py()
                words = f"has '{cell[:30]}' in a column without a title"
                raise InputError(Problem(words, self.name, self.line_of(row + place), title))


@contextmanager
def opened_log(path: Path, block_bytes: int) -> Iterator[Log]:
    r"""Open a log and read its titles.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("sep=;\ntime;failed\n")
    ...     file.flush()
    ...     with opened_log(Path(file.name), 1000) as log:
    ...         log.titles
    ['time', 'failed']
    """
    with opened_table(path) as stream:
        yield Log(str(path), stream, head_of(stream, str(path)), block_bytes)
