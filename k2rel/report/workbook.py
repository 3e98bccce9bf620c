"""Tables as CSV files and as one XLSX workbook, in which no text can become a formula."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.quantities import with_former_columns
from k2rel.report.files import whole, write_whole
from k2rel.textio import harmless

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_tables"]

_NO_SHEET = re.compile(r"[\[\]:*?/\\\\]")


def write_tables(folder: Path, name: str, tables: Mapping[str, pd.DataFrame], about: Mapping[str, Any]) -> list[Path]:
    r"""Write tables as ``NAME_TABLE.csv``, one each, and together as ``NAME.xlsx``.

    Examples
    --------
    >>> import pandas as pd, tempfile
    >>> with tempfile.TemporaryDirectory() as here:
    ...     files = write_tables(Path(here), "x", {"t": pd.DataFrame({"a": ["=1"]})}, {"site": "x"})
    ...     (Path(here) / "x_t.csv").read_text()
    ",a\n0,'=1\n"
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for key, frame in tables.items():
        safe = with_former_columns(frame, key).map(harmless)
        safe.index = safe.index.map(harmless).set_names(frame.index.names)
        safe.columns = safe.columns.map(harmless)
        path = folder / f"{name}_{_NO_SHEET.sub('_', key)[:100]}.csv"
        write_whole(path, safe.to_csv(lineterminator="\n"))
        files.append(path)
    path = folder / f"{name}.xlsx"
    with whole(path) as temporary:
        _workbook(temporary, tables, about)
    return [*files, path]


def _workbook(path: Path, tables: Mapping[str, pd.DataFrame], about: Mapping[str, Any]) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    book.set_properties({"created": datetime(2000, 1, 1), "title": str(about.get("site", ""))})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})

    def put(sheet: Any, row: int, column: int, value: object, style: Any = None) -> None:
        plain = value.item() if hasattr(value, "item") else value
        if isinstance(plain, bool) or plain is None:
            sheet.write_string(row, column, "" if plain is None else str(plain).lower(), style)
        elif isinstance(plain, int | float):
            if math.isfinite(plain):
                sheet.write_number(row, column, plain, style)
            else:
                sheet.write_string(row, column, "" if math.isnan(plain) else str(plain), style)
        else:
            sheet.write_string(row, column, str(plain)[:32_000], style)

    sheet = book.add_worksheet("about")
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 90)
    for row, (key, value) in enumerate(about.items()):
        put(sheet, row, 0, key, bold)
        put(sheet, row, 1, value)
    taken = {"about"}
    for key, frame in tables.items():
        title = _NO_SHEET.sub("_", key)[:31]
        while title.lower() in taken:
            title = title[:28] + f"_{len(taken)}"
        taken.add(title.lower())
        sheet = book.add_worksheet(title)
        plain = frame.reset_index() if frame.index.name else frame
        sheet.freeze_panes(1, 1)
        for column, heading in enumerate(plain.columns):
            put(sheet, 0, column, str(heading), bold)
            cells = plain.iloc[:, column].tolist()
            sheet.set_column(
                column, column, min(60, max(10, len(str(heading)), *(len(str(x)) for x in cells[:200]), 0))
            )
            for row, value in enumerate(cells):
                put(sheet, row + 1, column, value)
    book.close()
