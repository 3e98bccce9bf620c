"""Answers: JSON for programs, headings and aligned tables for people, files that are whole or not there."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from k2rel.studies import Provenance, Study

__all__: list[str] = []

PICTURES = (".svg", ".png", ".pdf")


def print_json(data: object) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def finite(row: dict[Any, Any]) -> dict[str, Any]:
    """A row as JSON knows it: what is not finite becomes null."""
    return {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as JSON knows them, a named index among them."""
    rows = frame.reset_index() if frame.index.name else frame
    return [finite(row) for row in rows.to_dict("records")]


def heading(study: Study, provenance: Provenance | None = None) -> None:
    p = provenance or study.provenance
    extra = f", variant {p.variant}" if p.variant else ""
    changed = f", set {', '.join(p.settings)}" if p.settings else ""
    print(f"{study.site.title}: {p.clients} clients, repair contract {p.contract}{extra}{changed}")
    why = f": {p.reason}" if p.reason else ""
    reading = f"; takeovers {p.takeovers}{why}" if p.takeovers else ""
    print(f"{p.engine}{reading}; inputs {p.input_hash}")
    print(f"failure data: rows {', '.join(p.rows) or 'none'} of the table of rates, data {p.data}\n")


def print_table(frame: pd.DataFrame, *, index: bool = True) -> None:
    from k2rel.tables import for_people

    texts = for_people(frame)
    if index and frame.index.name:
        texts = texts.reset_index()
    _print_texts({str(name): [str(value) for value in texts[name]] for name in texts.columns}, len(frame))


def print_rows(rows: Sequence[Mapping[str, Any]], leave_out: Collection[str] = ()) -> None:
    """Rows that are no frame: what is printed of them needs no pandas. The first column has the labels."""
    from k2rel.tables import as_labels, as_texts

    first, *rest = [name for name in rows[0] if name not in leave_out]
    texts = as_texts({name: [row[name] for row in rows] for name in rest})
    _print_texts({first: as_labels(first, (row[first] for row in rows)), **texts}, len(rows))


def _print_texts(columns: Mapping[str, Sequence[str]], count: int) -> None:
    if count == 0:
        print("(none)")
        return
    widths = {name: max(len(name), *(len(value) for value in values)) for name, values in columns.items()}
    right = {name for name, values in columns.items() if all(v[:1].isdigit() or v in "–never" for v in values)}

    def line(cells: Sequence[tuple[str, str]]) -> str:
        return "  ".join(c.rjust(widths[n]) if n in right else c.ljust(widths[n]) for n, c in cells).rstrip()

    print(line([(name, name) for name in columns]))
    print("  ".join("-" * width for width in widths.values()))
    for row in range(count):
        print(line([(name, values[row]) for name, values in columns.items()]))


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Say of a file that cannot be written which one it is."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def written(path: str, text: str, force: bool) -> None:
    """Write a file that is whole or not there."""
    from k2rel.report.files import write_whole

    target = Path(path)
    if target.exists() and not force:
        raise InputError(f"{path}: is there already; say --force to replace it")
    with writing(path):
        write_whole(target, text)
