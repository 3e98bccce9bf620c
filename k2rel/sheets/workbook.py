"""The sheet of an Excel workbook as CSV text, a line a row: what cells show by their value, not by their format."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, zip_longest
from typing import Any, BinaryIO

from k2rel.errors import InputError, Problem
from k2rel.extras import extra

__all__ = ["write_sheet"]

_MOST_BYTES = 2_000_000_000  # unpacked; a sheet of a million rows and ten columns has a quarter of it
_MOST_TEXTS, _MOST_OTHER = 200_000_000, 20_000_000  # of texts that cells share, and of styles and the like: held whole
_MOST_ROWS = 1_048_576  # of Excel; more are of no workbook, and a row can say that it is the thousand millionth
_MOST_COLUMNS = 1_000
_BLOCK = 1 << 20  # no cell of Excel is half as long
_LONGEST_ROW = 32  # blocks


def write_sheet(stream: BinaryIO, text: BinaryIO, name: str) -> None:
    """Write the one sheet of a workbook that holds something as UTF-8 text, cells parted by commas.

    Examples
    --------
    >>> write_sheet(io.BytesIO(b"PK"), io.BytesIO(), "a.xlsx")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: a.xlsx: begins like a workbook but is not; is the file complete? Else save its sheet as CSV
    """
    has_formulas = _checked(stream, name)
    openpyxl = extra("excel", str(Problem("is an Excel workbook; to read it", name)), "or save the sheet as CSV")

    def book(values: bool) -> Any:
        return openpyxl.load_workbook(stream, read_only=True, data_only=values)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what openpyxl does not keep: pictures, rules of input, styles
        try:
            values = book(True)
            title = _sheet_of(values, name)
            formulas = book(False) if has_formulas else None
            _write(values[title], None if formulas is None else formulas[title], text, name)
        except InputError:
            raise
        except Exception as error:  # openpyxl raises whatever a damaged file leads to
            words = f"is a damaged workbook ({type(error).__name__}); open it and save it again, or save it as CSV"
            raise InputError(Problem(words, name)) from None


def _checked(stream: BinaryIO, name: str) -> bool:
    """Refuse archives that are no workbook, or too large unpacked; say whether it has formulas."""
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = {part.filename: part.file_size for part in archive.infolist()}
            if "content.xml" in parts and "mimetype" in parts:
                words = "is an OpenDocument spreadsheet (.ods); save its sheet as .xlsx or as CSV"
                raise InputError(Problem(words, name))
            if "xl/workbook.bin" in parts:
                raise InputError(Problem("is a binary workbook (.xlsb); save its sheet as .xlsx or as CSV", name))
            if not any(part.startswith("xl/") for part in parts):
                raise InputError(Problem("is a zip archive, not a table; unpack it first", name))
            sheets = [part for part in parts if part.startswith("xl/worksheets/") and part[-4:] == ".xml"]
            for part, size in parts.items():
                most = _MOST_TEXTS if part == "xl/sharedStrings.xml" else _MOST_OTHER
                if part.startswith("xl/") and part[-4:] == ".xml" and part not in sheets and size > most:
                    raise InputError(Problem(f"{part} is larger than {most / 1e6:g} MB; save the sheet as CSV", name))
            if sum(parts.values()) > _MOST_BYTES:
                words = f"is larger than {_MOST_BYTES / 1e9:g} GB when unpacked; save the sheet as CSV"
                raise InputError(Problem(words, name))
            texts = [part for part in parts if part == "xl/sharedStrings.xml"]
            found = [_has_formula(archive, part, name) for part in (*texts, *sheets)]  # all are looked at
            return any(found)
    except InputError:
        raise
    except Exception:  # whatever a damaged archive leads to
        words = "begins like a workbook but is not; is the file complete? Else save its sheet as CSV"
        raise InputError(Problem(words, name)) from None


def _has_formula(archive: zipfile.ZipFile, part: str, name: str) -> bool:
    """Whether a part has formulas; cells and rows longer than any of Excel, which fill the memory, are refused."""
    found, rest, since = False, b"", 0
    with archive.open(part) as sheet:
        while block := sheet.read(_BLOCK):
            since = 0 if b"row" in block else since + 1
            if (len(block) == _BLOCK and b"<" not in block) or (since > _LONGEST_ROW and "worksheets" in part):
                raise InputError(Problem(f"{part} has cells or rows longer than Excel allows; save it as CSV", name))
            block = rest + block
            found = found or b"<f>" in block or b"<f " in block or b":f>" in block
            rest = block[-2:]
    return found


def _sheet_of(book: Any, name: str) -> str:
    """Title of the one sheet that is not hidden and holds something."""
    found = []
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # what a file says of its extent can be wrong, and rows would be lost
        rows = islice(sheet.iter_rows(values_only=True), _MOST_ROWS)
        if sheet.sheet_state == "visible" and any(_filled(row) for row in rows):
            found.append(str(sheet.title))
    if not found:
        raise InputError(Problem("has no sheet with content; the first row names the columns", name))
    if len(found) > 1:
        some = ", ".join(f"'{title[:30]}'" for title in found[:5])
        words = f"has {len(found)} sheets with content ({some}); keep one, or save that one as CSV"
        raise InputError(Problem(words, name))
    return found[0]


def _filled(row: Sequence[Any]) -> bool:
    return any(value is not None and str(value).strip() for value in row)


def _write(values: Any, formulas: Any, text: BinaryIO, name: str) -> None:
    """Write rows, each as wide as the first one that holds something, or wider where cells stand beyond."""
    lines = io.TextIOWrapper(text, encoding="utf-8", newline="")
    writer = csv.writer(lines, lineterminator="\n")
    rows = values.iter_rows(values_only=True)
    width = 0
    for number, (row, written) in enumerate(_beside(rows, formulas), 1):
        if number > _MOST_ROWS:
            raise InputError(Problem(f"has more than {_MOST_ROWS:,} rows", name))
        for place, (value, formula) in enumerate(zip(row, written, strict=False), 1):
            if value is None and isinstance(formula, str) and formula.startswith("="):
                words = f"the formula in column {place} has no value yet; open the workbook in Excel and save it"
                raise InputError(Problem(words, name, number))
        cells = [_text(value) for value in row]
        while cells and not cells[-1] and len(cells) > width:
            cells.pop()
        width = width or len(cells)
        if len(cells) > _MOST_COLUMNS:
            raise InputError(Problem(f"has more than {_MOST_COLUMNS:,} columns", name, number))
        cells += [""] * (width - len(cells))
        if any(cells):
            writer.writerow(cells)
        else:
            lines.write("\n")
    lines.flush()
    lines.detach()


def _beside(rows: Iterator[Any], formulas: Any) -> Iterator[tuple[Any, Any]]:
    """Rows with their formulas, where there are any."""
    if formulas is None:
        for row in rows:
            yield row, ()
        return
    formulas.reset_dimensions()
    yield from zip_longest(rows, formulas.iter_rows(values_only=True), fillvalue=())


def _text(value: object) -> str:
    r"""The value of a cell as a person would write it into a text file.

    Examples
    --------
    >>> _text(datetime(2024, 5, 31)), _text(3.0), _text(timedelta(hours=36)), _text("two\nlines"), _text(None)
    ('2024-05-31', '3', '36 h', 'two lines', '')
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        stamp = value.isoformat(sep=" ", timespec="seconds")
        return stamp.removesuffix(" 00:00:00")
    if isinstance(value, timedelta):
        return f"{value.total_seconds() / 3600:.12g} h"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return " ".join(str(value).split())
