"""What a file is that should be a table: text as it is, a workbook and UTF-16 as UTF-8 text, else a sentence."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from k2rel.errors import InputError, Problem
from k2rel.sheets.workbook import write_sheet
from k2rel.textio import opened

__all__ = ["NOT_UTF8", "as_text", "opened_table"]

NOT_UTF8 = "is not UTF-8 text; save it as 'CSV UTF-8'"
"""What is wrong with a line in Latin-1 or the like."""

_ZIP = b"PK\x03\x04"
_OTHERS = (
    (rb"\xd0\xcf\x11\xe0", "is an Excel workbook in the old format (.xls), or has a password; save its sheet as .xlsx "
     "without one, or as CSV"),
    (rb"\x1f\x8b|BZh\d1AY|\xfd7zXZ|\x28\xb5\x2f\xfd", "is compressed; unpack it first"),
    (rb"PAR1\x15", "is a Parquet file, not a table of text; write it as CSV"),
    (rb"%PDF-", "is a PDF, not a table; save the table as CSV or .xlsx"),
    (rb"(?i)\s*<(\?xml|html|!doc)", "is a page (HTML or XML), not a table of text; save the table as CSV or .xlsx"),
)  # fmt: skip
_BLOCK = 1 << 20


@contextmanager
def opened_table(path: Path) -> Iterator[BinaryIO]:
    """Open a table as a stream of UTF-8 text, which can be read again from its beginning.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     _ = file.write("a,b".encode("utf-16"))
    ...     file.flush()
    ...     with opened_table(Path(file.name)) as stream:
    ...         stream.read()
    b'a,b'
    """
    with opened(path) as stream, as_text(stream, str(path)) as text:
        yield text


@contextmanager
def as_text(stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Give what a stream holds that can be read twice as UTF-8 text; what is no table is refused.

    Examples
    --------
    >>> import io
    >>> with as_text(io.BytesIO("a,b".encode("utf-16")), "standard input") as text:
    ...     text.read()
    b'a,b'
    """
    begins = stream.read(64)
    stream.seek(0)
    for sign, words in _OTHERS:
        if re.match(sign, begins):
            raise InputError(Problem(words, name))
    if begins.startswith(_ZIP):
        with TemporaryFile() as plain:
            write_sheet(stream, plain, name)
            plain.seek(0)
            yield plain
    elif begins.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with TemporaryFile() as plain:
            _write_utf8(stream, plain, name)
            plain.seek(0)
            yield plain
    else:
        yield stream


def _write_utf8(stream: BinaryIO, plain: BinaryIO, name: str) -> None:
    decode = codecs.getincrementaldecoder("utf-16")().decode
    try:
        while block := stream.read(_BLOCK):
            plain.write(decode(block).encode("utf-8"))
        decode(b"", True)
    except UnicodeError:
        raise InputError(Problem("begins like UTF-16 text but is not; save it as 'CSV UTF-8'", name)) from None
