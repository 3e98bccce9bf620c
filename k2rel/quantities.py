"""The nomenclature: every quantity in a table or an answer by one name, with title, unit, definition and former names.

The rows are those of ``data/nomenclature.csv``. A former name stands with the answers that had it, called by
their verb, or in a report by the name of the table: ``interruptions/modes:old`` is of the objects below ``modes`` in
the answer of ``k2rel interruptions``, ``simulate.csv:old`` of its CSV alone, and ``old*60`` had 60 times the value.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from k2rel.bundled import data_dir

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["REMOVED_IN", "nomenclature"]

REMOVED_IN = "0.3"
"""The release without the former names."""
_PLACE = re.compile(r"(?P<answer>\w+)(?:\.(?P<form>csv|json))?(?:/(?P<below>\w+))?")


class Place(NamedTuple):
    """Which answers had a former name."""

    answer: str
    form: str
    below: str

    def has(self, answer: str, form: str, path: Sequence[str]) -> bool:
        """Whether a row of an answer is meant; a CSV file has one table, whose rows stand below nothing."""
        below = form == "csv" or not self.below or self.below in path
        return self.answer == answer and self.form in ("", form) and below


class Former(NamedTuple):
    """A former name of a quantity, the factor by which its value was larger, and the answers that had it."""

    name: str
    factor: float
    places: tuple[Place, ...]


class Quantity(NamedTuple):
    """A quantity; `written` says how its values are written for people, `term` what the glossary has of it."""

    key: str
    title: str
    unit: str
    written: str
    definition: str
    term: str | None
    former: tuple[Former, ...]


def _former(text: str) -> Former:
    found = re.fullmatch(r"([^:]+):(.+?)(?:\*(\d+))?", text)
    assert found, text
    places = []
    for place in found[1].split(","):
        parts = _PLACE.fullmatch(place)
        assert parts, text
        places.append(Place(parts["answer"], parts["form"] or "", parts["below"] or ""))
    return Former(found[2], float(found[3] or 1), tuple(places))


@cache
def quantities() -> Mapping[str, Quantity]:
    """All quantities by their keys; a ``*`` in a key is a length of time such as ``10_s``."""
    with (data_dir() / "nomenclature.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Quantity(
                row["key"], row["title"], row["unit"], row["written"], row["definition"], row["term"] or None,
                tuple(map(_former, row["former"].split())),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip
    return {row.key: row for row in rows}


@cache
def quantity(key: str) -> Quantity | None:
    """The quantity of a key, with the length of time that the key names.

    Examples
    --------
    >>> quantity("failures_per_year").title, quantity("p_longer_than_30_s").title
    ('failures per year', 'P(longer than 30 s)')
    """
    if (found := quantities().get(key)) is not None:
        return found
    for general in _general():
        head, _, tail = general.key.partition("*")
        length = key.removeprefix(head).removesuffix(tail)
        if key == f"{head}{length}{tail}" and length[:1].isdigit():
            former = tuple(each._replace(name=each.name.replace("*", length)) for each in general.former)
            return general._replace(key=key, title=general.title.replace("*", length.replace("_", " ")), former=former)
    return None


@cache
def _general() -> tuple[Quantity, ...]:
    """Quantities with a length of time in their key, the longest keys first."""
    return tuple(sorted((q for q in quantities().values() if "*" in q.key), key=lambda q: -len(q.key)))


def nomenclature() -> pd.DataFrame:
    """List the quantities in tables and answers: what each is called, its unit, and what it means.

    Returns
    -------
    pandas.DataFrame
        Index ``key``, the name in DataFrames, CSV and JSON; ``title`` as tables have it, ``unit``, ``definition``,
        ``term`` of the glossary that says more (may be empty), and ``former_names``, which the answers of the command
        line and the tables of reports have beside the new ones until release 0.3.

    Examples
    --------
    >>> print(nomenclature().loc["mttff_h", "definition"])
    Mean time until the service first fails, from the all-up state.
    """
    import pandas as pd

    rows = [
        (q.key, q.title, q.unit, q.definition, q.term or "", ", ".join(dict.fromkeys(old.name for old in q.former)))
        for q in quantities().values()
    ]
    columns = ["key", "title", "unit", "definition", "term", "former_names"]
    return pd.DataFrame(rows, columns=columns).set_index("key")


def _old(key: str, answer: str, form: str, path: Sequence[str]) -> Iterator[Former]:
    """Former names of a key in a row of an answer."""
    known = quantity(key)
    for former in () if known is None else known.former:
        if any(place.has(answer, form, path) for place in former.places):
            yield former


def _times(value: Any, factor: float) -> Any:
    """A value in the unit of the former name; an estimate has its limits in it, too."""
    if factor == 1.0 or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return value * factor


def with_former(row: Mapping[str, Any], answer: str, form: str = "csv", path: Sequence[str] = ()) -> dict[str, Any]:
    """A row with the former names of its keys behind them.

    Examples
    --------
    >>> with_former({"mean_downtime_h": 0.5}, "interruptions")
    {'mean_downtime_h': 0.5, 'mean_min': 30.0}
    """
    result = dict(row)
    for key, value in row.items():
        for former in _old(key, answer, form, path):
            result.setdefault(former.name, _times(value, former.factor))
    return result


def with_former_columns(frame: pd.DataFrame, answer: str) -> pd.DataFrame:
    """A table with the former names of its columns behind them."""
    result = frame.copy()
    for key in map(str, frame.columns):
        for former in _old(key, answer, "csv", ()):
            if former.name not in result.columns:
                result[former.name] = frame[key] if former.factor == 1.0 else frame[key] * former.factor
    return result


def with_former_names(data: Any, answer: str) -> Any:
    """Plain data of an answer with former names beside the new ones, and a list of them where the answer is an object.

    Examples
    --------
    >>> found = with_former_names({"plan": [{"works_per_year": 2.0}]}, "maintenance")
    >>> found["plan"], found["former_names"]["names"][0]["former"]
    ([{'works_per_year': 2.0, 'per_year': 2.0}], 'per_year')
    """
    names: dict[tuple[str, str], tuple[str, float]] = {}

    def walk(item: Any, path: tuple[str, ...]) -> Any:
        if isinstance(item, list | tuple):
            return [walk(each, path) for each in item]
        if not isinstance(item, dict):
            return item
        row = with_former(item, answer, "json", path)
        for key in row.keys() - item.keys():
            names["/".join(path), key] = next(
                (new, old.factor) for new in item for old in _old(new, answer, "json", path) if old.name == key
            )
        return {key: walk(value, (*path, str(key))) for key, value in row.items()}

    result = walk(data, ())
    if names and isinstance(result, dict):
        listed = [
            {"at": at, "former": former, "name": name, "times": factor}
            for (at, former), (name, factor) in sorted(names.items())
        ]
        result["former_names"] = {"removed_in": REMOVED_IN, "names": listed}
    return result
