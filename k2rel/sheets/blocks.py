"""The rows of a long table as a stream of bytes for Arrow: checked, and without lines in which nothing stands.

Arrow passes over empty lines, which moves the numbers of lines, takes zero bytes as text, and lets a quotation mark
that is not closed swallow the rows that follow; so all that is seen to here, block by block.
"""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

import numpy as np

from k2rel.errors import InputError, Problem
from k2rel.sheets.files import NOT_UTF8
from k2rel.sheets.head import Head

__all__ = ["Rows"]

_MOST_BLANK = 1_000_000


class Rows(io.RawIOBase):
    r"""The bytes of the rows of a table.

    Examples
    --------
    >>> from k2rel.sheets.head import head_of
    >>> stream = io.BytesIO(b"a,b\n1,2\n\n,\n3,4\n")
    >>> rows = Rows(stream, head_of(stream, "log.csv"), "log.csv")
    >>> rows.read(100), [rows.line_of(row) for row in range(2)]
    (b'1,2\n3,4\n', [2, 5])
    """

    def __init__(self, stream: BinaryIO, head: Head, name: str) -> None:
        super().__init__()
        self._stream, self._head, self._name = stream, head, name
        self._mark = head.mark.encode()
        self._rest, self._ready = b"", b""
        self._line = head.line + 1  # of what comes next
        self._blank: list[int] = []
        stream.seek(head.begins)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes; nothing at the end."""
        most = size if size > 0 else 1 << 20
        while not self._ready:
            block = self._stream.read(most)
            whole = self._rest + block
            if not whole:
                return b""
            cut = whole.rfind(b"\r", 0, -1) if b"\n" not in whole else whole.rfind(b"\n")
            if block and cut < 0:
                if len(whole) > most:
                    raise self._wrong(0, f"is longer than {most:,} bytes; is this a table?")
                self._rest = whole
                continue
            end = cut + 1 if block else len(whole)
            self._rest = whole[end:]
            self._ready = self._checked(whole[:end])
        given, self._ready = self._ready[:most], self._ready[most:]
        return given

    def line_of(self, row: int) -> int:
        """Give the line of a row, both counted from where they begin."""
        line = self._head.line + 1 + row
        for blank in self._blank:
            if blank > line:
                break
            line += 1
        return line

    def _wrong(self, place: int, words: str) -> InputError:
        return InputError(Problem(words, self._name, self._line + place))

    def _checked(self, block: bytes) -> bytes:
        """Whole lines, without those in which nothing stands."""
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\0" in block:
            place = block.count(b"\n", 0, block.index(b"\0"))
            raise self._wrong(place, "is not text: it contains zero bytes; save it as 'CSV UTF-8'")
        try:
            if not block.isascii():
                block.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._wrong(block.count(b"\n", 0, error.start), NOT_UTF8) from None
        lines = block.count(b"\n")
        if self._has_open_quotes(block):
            self._refuse_open_quotes(block)
        if block.startswith((b"\n", b" ", self._mark)) or any(
            b"\n" + sign in block for sign in (b"\n", b" ", self._mark)
        ):
            block = self._without_blank(block)
        self._line += lines
        return block

    def _without_blank(self, block: bytes) -> bytes:
        kept = []
        for number, line in enumerate(block.splitlines(keepends=True), self._line):
            if not line.strip(b' \t"\n' + self._mark):
                self._blank.append(number)
            else:
                kept.append(line)
        if len(self._blank) > _MOST_BLANK:
            raise self._wrong(0, f"more than {_MOST_BLANK:,} empty lines at the start; is this a table?")
        return b"".join(kept)

    @staticmethod
    def _has_open_quotes(block: bytes) -> bool:
        """Whether some line ends after an odd number of quotation marks."""
        if b'"' not in block:
            return False
        signs = np.frombuffer(block, dtype=np.uint8)
        quotes, ends = np.flatnonzero(signs == 34), np.append(np.flatnonzero(signs == 10), len(signs))
        return bool(np.any(np.searchsorted(quotes, ends) & 1))

    def _refuse_open_quotes(self, block: bytes) -> None:
        """Refuse a cell that is not closed in its line; a mark within a cell, as in 3.5" disk, opens none."""
        for place, line in enumerate(block.split(b"\n")):
            if line.count(b'"') % 2:
                try:
                    list(csv.reader([line.decode()], delimiter=self._head.mark, strict=True))
                except csv.Error:
                    words = (
                        "a quotation mark is opened here and not closed in this line; write texts of field logs "
                        "without line breaks"
                    )
                    raise self._wrong(place, words) from None
