"""How numbers are written for people, and the columns of tables: titles with units, digits worth reading.

What each column is stands in the nomenclature (`k2rel.quantities`); it serves the command line, the notebooks and the
reports.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from k2rel.quantities import quantities, quantity
from k2rel.units import format_duration

__all__ = ["COLUMNS", "counted", "percentage", "probability_text", "quantity_text"]

_ONE = 1 - 1e-13
"""From here on a probability is one but for the rounding of sums."""


def probability_text(value: float) -> str:
    """Write a probability with three significant digits, as a power of ten where it is small.

    Examples
    --------
    >>> probability_text(7.634e-6), probability_text(0.25), probability_text(1 - 7.63e-6)
    ('7.63e-06', '0.25', '99.99924 %')
    """
    if value == 0 or value >= _ONE:
        return str(round(value))
    if value < 1e-3:
        return f"{value:.2e}"
    return _availability(value) if 0.999 < value < 1 else f"{value:.3g}"


def percentage(probability: float) -> str:
    """Write a probability as a percentage that is 0 or 100 only where it is.

    Examples
    --------
    >>> percentage(0.494), percentage(0.9999)
    ('49.4 %', 'above 99.9 %')
    """
    if 0.0 < probability < 0.001 or 0.999 < probability < 1.0:
        return "below 0.1 %" if probability < 0.5 else "above 99.9 %"
    return f"{100.0 * probability:.3g} %"


def counted(number: float, what: str) -> str:
    """Write a number of things, with a regular plural.

    Examples
    --------
    >>> counted(1, "side"), counted(12_000, "part"), counted(2.5, "year"), counted(1234.6, "failure")
    ('1 side', '12,000 parts', '2.5 years', '1,235 failures')
    """
    shown = f"{number:,.0f}" if number >= 1000 or float(number).is_integer() else f"{number:.3g}"
    return f"{shown} {what}{'' if number == 1 else 's'}"


def quantity_text(value: float, unit: str) -> str:
    """Write a number with its unit; a time in the unit that fits, a share without a unit as a percentage.

    A figure of dimension ``1`` is written as it is.

    Examples
    --------
    >>> quantity_text(0.95, ""), quantity_text(0.25, "h"), quantity_text(9.4e-7, "1/h"), quantity_text(0.8, "1")
    ('95 %', '15 min', '9.4e-07 /h', '0.8')
    """
    if unit == "h":
        return format_duration(value)
    return f"{value:.3g} {unit.removeprefix('1')}".rstrip() if unit else f"{100.0 * value:.3g} %"


def _nines(value: float) -> int:
    """Decimals of a probability near one: what is missing to one has two digits."""
    return max(4, math.ceil(-math.log10(1 - value)) + 1)


def _availability(value: float) -> str:
    """As a percentage, which is 100 only where it is."""
    if value >= _ONE or value <= 0:
        return f"{100 * value:.0f} %"
    return f"{100 * value:.{_nines(value) - 2}f} %"


def probabilities(values: Sequence[Any]) -> list[str]:
    """A column of probabilities: those near one as the others, not as percentages, where there are others."""
    shares = [value for value in values if not missing(value) and 0 < value <= 0.999]
    return [
        "–" if missing(value)
        else f"{value:.{_nines(value)}f}" if shares and 0.999 < value < _ONE
        else probability_text(value)
        for value in values
    ]  # fmt: skip


def _amount(value: float) -> str:
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "never"
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        return f"{value:.2e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def missing(value: object) -> bool:
    return value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and math.isnan(value))


_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "always": lambda v: "yes" if v else "only now",
    "amount": _amount,
    "availability": _availability,
    "cost": lambda v: "–" if math.isnan(v) else f"{v:,.6g}",
    "count": lambda v: f"{v:,.0f}",
    "dash if empty": lambda v: str(v) or "–",
    "duration": lambda v: "–" if math.isnan(v) else format_duration(v),
    "figure": lambda v: _amount(v) if isinstance(v, int | float) else str(v),
    "integer": lambda v: (
        f"{v:,.0f}" if isinstance(v, float) and v.is_integer() else plain(v) if isinstance(v, str) else f"{v:,}"
    ),
    "load": lambda v: f"{v:,.1f}".rstrip("0").rstrip("."),
    "names": lambda v: v.replace("_", " ") or "–",
    "never pays": lambda v: "never pays" if v > 1 else percentage(max(v, 0.0)),
    "none if infinite": lambda v: _amount(v) if math.isfinite(v) else "none",
    "percent": lambda v: "below 0.1 %" if 0 < v < 1e-3 else f"{100 * v:.1f} %",
    "percentage": lambda v: "–" if math.isnan(v) else percentage(v),
    "probability": probability_text,
    "service": plain,
    "six digits": lambda v: f"{v:.6g}",
    "start": lambda v: "now" if v == 0 else f"after {format_duration(v)}",
    "text": plain,
    "three decimals": lambda v: f"{v:.3f}",
    "three digits": lambda v: f"{v:.3g}",
    "two decimals": lambda v: f"{v:.2f}",
    "verdict": lambda v: str(v).upper() or "–",
    "years": lambda v: f"{v:,.0f}",
    "yes": lambda v: "yes" if v else "NO",
}
"""How the nomenclature says that values are written for people."""


class _Columns(Mapping[str, tuple[str, Callable[[Any], str]]]):
    """Title and digits of a column by its key, as the nomenclature has them."""

    def __getitem__(self, key: str) -> tuple[str, Callable[[Any], str]]:
        if (found := quantity(key)) is None:
            raise KeyError(key)
        return found.title, _WRITTEN[found.written]

    def __iter__(self) -> Iterator[str]:
        return iter(quantities())

    def __len__(self) -> int:
        return len(quantities())


COLUMNS: Mapping[str, tuple[str, Callable[[Any], str]]] = _Columns()
"""Titles with units, and how values are written, by the key of a column."""

_UNITS = {"_min_per_year": "min/year", "_per_h": "1/h", "_mb_s": "MB/s", "_per_year": "1/year", "_min": "min"}


def title_of(key: str) -> str:
    """The title of a column; of one that is named after a service, its name with the unit in the key.

    Examples
    --------
    >>> title_of("failures_per_year"), title_of("ftp_retry_min_per_year")
    ('failures per year', 'ftp retry [min/year]')
    """
    if (found := quantity(key)) is not None:
        return found.title
    end = next((end for end in _UNITS if key.endswith(end)), "")
    return key.removesuffix(end).replace("_", " ") + (f" [{_UNITS[end]}]" if end else "")
