"""Answers on the terminal: JSON for programs, aligned tables for people."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__: list[str] = []


def print_json(data: object) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def finite(row: dict[Any, Any]) -> dict[str, Any]:
    """A row as JSON knows it: what is not finite becomes null."""
    return {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


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


def written(path: str, text: str, force: bool) -> None:
    """Write a file that is whole or not there."""
    from k2rel.report.files import write_whole

    target = Path(path)
    if target.exists() and not force:
        raise InputError(f"{path}: is there already; say --force to replace it")
    try:
        write_whole(target, text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
