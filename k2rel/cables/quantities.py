"""Numbers in a table with their units: those of a column are read in one way, whoever wrote the sheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from k2rel.cables.headings import Columns, plain, unit_of
from k2rel.cables.sheet import Row, Sheet
from k2rel.errors import Problem
from k2rel.numerals import Evidence, Mark, decided, numeral
from k2rel.site.other_names import MOST_COST, unit_of_speed
from k2rel.units import parse_bandwidth, parse_duration, parse_mttf, parse_rate

__all__ = ["Quantities", "with_words"]

_SPLIT = re.compile(r"([+-]?[\d.,' ]*\d[.,]?(?:[eE][+-]?\d+)?)\s*(.*)", re.ASCII)


def _bare(text: object) -> float:
    """A number without a unit."""
    try:
        return float(str(text))
    except ValueError:
        raise ValueError(f"'{str(text)[:40]}': write a plain number, without a unit") from None


_READ: Mapping[str, Callable[[object], float]] = {
    "mttf": parse_mttf,
    "mttr": parse_duration,
    "failure_rate": parse_rate,
    "capacity": parse_bandwidth,
    "unavailability": _bare,
    "cost": _bare,
}


def with_words(sheet: Sheet, columns: Columns) -> Sheet:
    """Take the word nan for an empty cell where words stand; in a column of numbers it stays, and is refused.

    Examples
    --------
    >>> sheet = Sheet("c.csv", ("label", "cost"), [Row(1, ["nan", "nan"])])
    >>> with_words(sheet, {"label": 0, "cost": 1}).rows[0].cells
    ['', 'nan']
    """
    numbers = {place for what, place in columns.items() if what in _READ}

    def read(row: Row) -> Row:
        if not any(cell.casefold() == "nan" for cell in row.cells):
            return row
        cells = ["" if n not in numbers and cell.casefold() == "nan" else cell for n, cell in enumerate(row.cells)]
        return replace(row, cells=cells)

    return replace(sheet, rows=[read(row) for row in sheet.rows])


class Quantities:
    """The columns of numbers of a sheet; what cannot be read becomes a problem of its row."""

    def __init__(self, sheet: Sheet, columns: Columns, problems: list[Problem]) -> None:
        self.sheet, self.problems = sheet, problems
        self.places = {what: place for what, place in columns.items() if what in _READ}
        self.units = {what: unit_of(sheet.titles[place]) for what, place in self.places.items()}
        self.marks = self._marks(sheet.rows)

    def _marks(self, rows: Sequence[Row]) -> dict[str, Mark]:
        """Decide the decimal separator of every column, from all of its cells."""
        found: dict[str, Evidence] = {}
        for what, place in self.places.items():
            found[what] = Evidence()
            parts = ((row.line, _SPLIT.fullmatch(row.cells[place])) for row in rows if row.cells[place])
            found[what].see((line, match[1]) for line, match in parts if match)
        named = {self.sheet.titles[self.places[what]]: evidence for what, evidence in found.items()}
        marks = decided(named, self.sheet.mark, self.sheet.name)
        return {what: marks[self.sheet.titles[place]] for what, place in self.places.items()}

    def of(self, row: Row, what: str) -> str:
        """A quantity as a site file has it, or an empty text."""
        place = self.places.get(what)
        cell = row.cells[place] if place is not None else ""
        if not cell:
            return ""
        match = _SPLIT.fullmatch(cell)
        number = numeral(match[1]) if match else None
        value = number.value(self.marks[what]) if number else None
        if match is None or value is None:
            self._wrong(row, what, f"'{cell[:40]}' is not a number with a unit")
            return ""
        unit = match[2].strip() or self.units[what]
        if what == "capacity":
            unit = unit_of_speed(unit)
        title = self.sheet.titles[self.places[what]]
        if what == "capacity" and not unit and plain(title) != "capacity" and value:
            self._wrong(
                row, what, f"'{cell[:40]}' has no unit; write '1 Gb/s', or put the unit in the title ('speed [Mbit/s]')"
            )
            return ""
        text = f"{value:.15g} {unit}".strip()
        try:
            read = _READ[what](text)
            if what in ("mttf", "mttr") and read == 0:
                raise ValueError(f"a time above 0 is needed, got '{cell[:40]}'")
            if what == "capacity" and read == 0:
                raise ValueError(f"a capacity above 0 is needed, got '{cell[:40]}'")
            if what == "cost" and not 0 <= read <= MOST_COST:
                raise ValueError(f"a cost from 0 to 1e12 is needed, got '{cell[:40]}'")
            if what == "unavailability" and not 0 <= read < 1:
                raise ValueError(f"an unavailability from 0 to below 1 is needed, got '{cell[:40]}'")
        except ValueError as error:
            self._wrong(row, what, str(error))
            return ""
        return text

    def _wrong(self, row: Row, what: str, message: str) -> None:
        self.problems.append(self.sheet.problem(row, message, self.sheet.titles[self.places[what]]))
