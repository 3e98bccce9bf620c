"""The registry of failure and repair data: every entry with its law, limits, conditions, evidence and source.

A component type may have several entries; one of them is its default, with the reason for it. A person's own table,
in the same columns, replaces entries of the same id and adds others, and its defaults win.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from k2rel.bundled import rates_path
from k2rel.distributions import Distribution, parse_distribution
from k2rel.errors import InputError, Problem, closest
from k2rel.rates.conditions import arrhenius_factor
from k2rel.rates.entry import Contract, RateRow
from k2rel.sheets import Numbers, Record, read_table
from k2rel.tables import Shown
from k2rel.textio import as_words, harmless, words_in
from k2rel.units import doubtful_rate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "RateTable", "read_rates", "registry", "write_rates"]

_MTTR_COLUMNS: dict[Contract, str] = {
    "onsite": "mttr_24x7_spare_h",
    "4h": "mttr_4h_contract_h",
    "nbd": "mttr_nbd_h",
}
COLUMNS = (
    "id", "component_types", "also_for", "default_reason", "component", "failure_mode", "lambda_per_h", "lambda_lo90",
    "lambda_hi90", "error_factor", "law", "conditions", "temperature_c", "activation_energy_ev", "duty",
    *_MTTR_COLUMNS.values(), "mttr_error_factor", "evidence", "confidence", "source", "year", "url", "notes",
)  # fmt: skip
"""Columns of a table of rates, in the order in which they are written."""
_TEXTS = ("default_reason", "component", "failure_mode", "conditions", "evidence", "confidence", "source", "year",
          "url", "notes")  # fmt: skip
_NUMBERS = ("lambda_per_h", "lambda_lo90", "lambda_hi90", "temperature_c", "activation_energy_ev", "duty",
            *_MTTR_COLUMNS.values(), "mttr_error_factor")  # fmt: skip
_MOST_BYTES = 5_000_000
_NOT_FINITE = ("nan", "inf", "+inf", "-inf", "infinity")
_SAME_MEAN = 0.1


@dataclass(frozen=True, repr=False)
class RateTable(Shown):
    """Rows by id, and which row a component type takes by default."""

    rows: Mapping[str, RateRow]
    defaults: Mapping[str, str]

    def row(self, name: str) -> RateRow:
        """Look up a row.

        Parameters
        ----------
        name : str
            Its id.

        Returns
        -------
        RateRow
            The row.

        Raises
        ------
        InputError
            If there is none of that id.

        Examples
        --------
        >>> read_rates().row("toe_hba").rate_per_h
        1e-06
        """
        if name not in self.rows:
            raise InputError(f"the table of rates has no row '{name[:60]}'{closest(name, self.rows)}")
        return self.rows[name]

    def over(self, other: RateTable) -> RateTable:
        """Put this table above another: its rows and defaults win.

        Parameters
        ----------
        other : RateTable
            What stands below.

        Returns
        -------
        RateTable
            Both together.

        Examples
        --------
        >>> own = RateTable({"x": RateRow("x", 1e-6)}, {"psu": "x"})
        >>> own.over(read_rates()).defaults["psu"]
        'x'
        """
        return RateTable({**other.rows, **self.rows}, {**other.defaults, **self.defaults})

    def of_type(self, kind: str) -> list[RateRow]:
        """List the entries of a component type, its default first.

        Parameters
        ----------
        kind : str
            The type.

        Returns
        -------
        list of RateRow
            The entries.

        Raises
        ------
        InputError
            If no entry is for that type.

        Examples
        --------
        >>> [row.id for row in read_rates().of_type("fc_link")]
        ['sfp_use', 'isl_cable', 'sfp_pred']
        """
        first = self.defaults.get(kind)
        found = [
            row for row in self.rows.values() if row.id == first or kind in row.also_for or kind in row.component_types
        ]
        if not found:
            known = {name for row in self.rows.values() for name in (*row.component_types, *row.also_for)}
            raise InputError(f"no entry is for the type '{kind[:60]}'{closest(kind, known)}")
        return sorted(found, key=lambda row: row.id != first)

    def table(self, rows: Iterable[RateRow] | None = None) -> pd.DataFrame:
        """Give entries as a table.

        Parameters
        ----------
        rows : iterable of RateRow, optional
            The entries; by default all.

        Returns
        -------
        pandas.DataFrame
            Index ``id``; ``default_for``, ``also_for``, ``component``, ``failure_mode``, ``failure_rate_per_h``,
            ``low_per_h``, ``high_per_h``, ``mean_per_h`` [1/h] of the limits, ``point`` (what the rate is to them:
            median, mean, estimate), ``law``, ``evidence``, ``year``, ``source``.

        Examples
        --------
        >>> read_rates().table().loc["sfp_use", "default_for"]
        'fc_link'
        """
        import pandas as pd

        records = []
        for row in self.rows.values() if rows is None else rows:
            mine = sorted(kind for kind, name in self.defaults.items() if name == row.id)
            others = sorted({*row.also_for, *row.component_types} - set(mine))
            records.append(
                (row.id, " ".join(mine), " ".join(others), row.component, row.failure_mode, row.rate_per_h,
                 row.low_per_h, row.high_per_h, row.mean_per_h, row.point, str(row.life or ""), row.evidence,
                 row.year, row.source)
            )  # fmt: skip
        columns = ["id", "default_for", "also_for", "component", "failure_mode", "failure_rate_per_h", "low_per_h",
                   "high_per_h", "mean_per_h", "point", "law", "evidence", "year", "source"]  # fmt: skip
        frame = pd.DataFrame(records, columns=columns).set_index("id")
        frame[["low_per_h", "high_per_h"]] = frame[["low_per_h", "high_per_h"]].astype(float)
        return frame

    def _line(self) -> str:
        return f"{len(self.rows)} entries"


def registry(*tables: str | Path | None, data: str | None = None) -> RateTable:
    """Read the shipped registry with the user's own tables over it.

    Parameters
    ----------
    *tables : str, pathlib.Path or None
        CSV files, the strongest last; None is passed over.
    data : str, optional
        Version of the bundled data; by default the current one.

    Returns
    -------
    RateTable
        All of them together.

    Raises
    ------
    InputError
        For every cell that cannot be used.

    Examples
    --------
    >>> registry().row("psu").rate_per_h
    4e-06
    """
    result = read_rates(data=data)
    for path in tables:
        if path is not None:
            result = read_rates(path).over(result)
    return result


def read_rates(path: str | Path | None = None, *, data: str | None = None) -> RateTable:
    """Read a table of rates.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        A CSV file or a workbook (.xlsx); by default the shipped table. Columns ``id``, ``lambda_per_h`` and at least
        one restore time (``mttr_24x7_spare_h``, ``mttr_4h_contract_h``, ``mttr_nbd_h``) are needed, and
        ``component_types``
        (names parted by blanks) says which types take the row. The others are those of `COLUMNS`.
    data : str, optional
        Version of the shipped table; by default the current one.

    Returns
    -------
    RateTable
        The checked table.

    Raises
    ------
    InputError
        For every cell that cannot be used, with file, line and column.

    Examples
    --------
    >>> read_rates().defaults["gige_switch"]
    'eth_switch_hw_pred'
    """
    if path is not None and not isinstance(path, str | os.PathLike):
        raise InputError(f"rates: the path of a CSV table is needed, got {type(path).__name__}")
    shipped = rates_path(data)  # an unknown version is refused also where a table is given
    return _shipped(shipped) if path is None else _read(Path(path))


def _shipped(path: Path) -> RateTable:
    stat = path.stat()
    return _as_it_is(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4)
def _as_it_is(path: Path, size: int, changed: int) -> RateTable:
    """The bundled table, read again when the file has changed."""
    return _read(path)


def write_rates(rows: Iterable[RateRow]) -> str:
    """Write entries as a table of rates.

    Parameters
    ----------
    rows : iterable of RateRow
        The entries.

    Returns
    -------
    str
        CSV text that `read_rates` reads back. Texts that a spreadsheet would take for a formula get an apostrophe.

    Examples
    --------
    >>> write_rates([RateRow("x", 1e-6, mttr_h={"4h": 6.0})]).splitlines()[1]
    'x,,,,,,1e-06,,,,exponential,,,,,,6.0,,,,,,,,'
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        record: dict[str, object] = {name: harmless(getattr(row, name)) for name in _TEXTS}
        record |= {"id": row.id, "component_types": as_words(row.component_types), "also_for": as_words(row.also_for)}
        record |= {"lambda_per_h": repr(row.rate_per_h), "law": _law_text(row)}
        optional = {
            "lambda_lo90": row.low_per_h, "lambda_hi90": row.high_per_h, "temperature_c": row.temperature_c,
            "activation_energy_ev": row.activation_energy_ev, "duty": row.duty, "mttr_error_factor": row.mttr_factor,
        }  # fmt: skip
        if row.low_per_h and row.high_per_h:
            optional["error_factor"] = float(f"{math.sqrt(row.high_per_h / row.low_per_h):.4g}")
        optional |= {column: row.mttr_h.get(contract) for contract, column in _MTTR_COLUMNS.items()}
        record |= {name: repr(value) for name, value in optional.items() if value is not None}
        writer.writerow(record)
    return text.getvalue()


def _law_text(row: RateRow) -> str:
    return "exponential" if row.life is None or row.life.family == "exponential" else str(row.life)


def _read(path: Path) -> RateTable:
    name = str(path)
    table = read_table(path, _MOST_BYTES, "this is not a table of rates")
    missing = [column for column in ("id", "lambda_per_h") if column not in table.head.titles]
    if not any(column in table.head.titles for column in _MTTR_COLUMNS.values()):
        missing.append(" or ".join(_MTTR_COLUMNS.values()))
    if missing:
        raise InputError(Problem(f"the column {', '.join(missing)} is missing", name, table.head.line))
    numbers = table.numbers(_NUMBERS)
    rows: dict[str, RateRow] = {}
    defaults: dict[str, str] = {}
    problems: list[Problem] = []
    for record in table.records:
        if record.wrong:
            problems.append(Problem(record.wrong, name, record.line))
        else:
            _read_row(_Row(record, numbers, name, problems), rows, defaults)
    if problems:
        raise InputError(problems)
    return RateTable(rows, defaults)


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a table, and where to put its mistakes."""

    record: Record
    numbers: Numbers
    file: str
    problems: list[Problem]

    def wrong(self, message: str, column: str) -> None:
        self.problems.append(Problem(message, self.file, self.record.line, column))

    def text(self, column: str) -> str:
        return self.record[column]

    def number(self, column: str, *, positive: bool = False, negative: bool = False) -> float | None:
        text = self.text(column)
        if not text:
            return None
        try:
            value = self.numbers.of(column, text) if text.lower() not in _NOT_FINITE else math.nan
        except ValueError as error:
            self.wrong(str(error), column)
            return None
        if not math.isfinite(value) or (value < 0 and not negative) or (positive and value == 0):
            rule = "above 0" if positive else "0 or more"
            self.wrong(f"must be finite and {rule}, got {text[:40]}", column)
            return None
        return value


def _read_row(record: _Row, rows: dict[str, RateRow], defaults: dict[str, str]) -> None:
    """Check one record and add it."""
    key = record.text("id")
    if not key:
        return record.wrong("is empty; each row needs an id", "id")
    if key in rows:
        return record.wrong(f"'{key}' is already defined in an earlier row", "id")
    before = len(record.problems)
    number = record.number
    rate, low, high = number("lambda_per_h"), number("lambda_lo90"), number("lambda_hi90")
    times: dict[str, float] = {
        str(c): t for c, column in _MTTR_COLUMNS.items() if (t := number(column, positive=True)) is not None
    }
    temperature, energy = number("temperature_c", negative=True), number("activation_energy_ev")
    duty, factor = number("duty", positive=True), number("mttr_error_factor", positive=True)
    types, others = words_in(record.text("component_types")), words_in(record.text("also_for"))
    if len(record.problems) > before:
        return None
    if rate is None:
        return record.wrong("is empty; give the failure rate per hour", "lambda_per_h")
    for column, value in (("lambda_per_h", rate), ("lambda_lo90", low), ("lambda_hi90", high)):
        # a law says that the rate is one in time; without it an entry can be a probability, and 1 is the most
        doubt = doubtful_rate(value or 0.0)
        said = record.text("law") or "probability" in record.text("failure_mode").lower()
        if doubt and ((value or 0.0) > 1 or (column == "lambda_per_h" and not said)):
            end = "" if (value or 0.0) > 1 else "; if it is intended, write 'exponential' in the column law"
            return record.wrong(doubt + end, column)
    if low is not None and high is not None and not low <= rate <= high:
        return record.wrong(f"the rate {rate} is outside its limits {low} to {high}", "lambda_per_h")
    if duty is not None and duty > 1:
        return record.wrong(f"a share from above 0 to 1, got {duty:g}", "duty")
    if factor is not None and factor < 1:
        message = (
            f"at least 1: repair times are between their value divided by it and their value times it, got {factor:g}"
        )
        return record.wrong(message, "mttr_error_factor")
    try:
        life = _life(record.text("law"), rate)
        if temperature is not None:
            arrhenius_factor(energy or 0.0, temperature, temperature)
    except InputError as error:
        return record.wrong(str(error), "law" if "temperature" not in str(error) else "temperature_c")
    for kind in types:
        if kind in defaults:
            record.wrong(f"'{kind}' already uses row '{defaults[kind]}'", "component_types")
        defaults[kind] = key
    texts = {name: record.text(name) for name in _TEXTS}
    row = RateRow(key, rate, life, low, high, times, types, others, temperature, energy, duty, factor, **texts)
    rows[key] = row if row.component else replace(row, component=key)
    return None


def _life(text: str, rate_per_h: float) -> Distribution | None:
    """Read the law of a life; its mean is the reciprocal of the rate."""
    if not text or rate_per_h == 0:
        return None
    mean_h = 1.0 / rate_per_h
    life = parse_distribution(text, mean_h)
    if abs(life.mean_h / mean_h - 1.0) > _SAME_MEAN:
        raise InputError(
            f"{text[:60]}: its mean of {life.mean_h:.4g} h does not fit the rate of {rate_per_h:.4g} /h, a mean of "
            f"{mean_h:.4g} h; leave the scale out, and it follows from the rate"
        )
    return life
