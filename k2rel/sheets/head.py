"""The head of a table: what parts its cells, where its titles stand and what they are."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from k2rel.errors import InputError, Problem
from k2rel.sheets.files import NOT_UTF8

__all__ = ["MARKS", "Head", "head_of", "hinted"]

MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""What can part cells, and how it is called."""

_LONGEST = 1 << 20
_WITHIN = 20
_QUOTED = re.compile(r'"[^"]*"')
_HINT = re.compile(r'\s*"?sep=(\\t|[^"])"?[\s,;|]*$', re.IGNORECASE)
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")


@dataclass(frozen=True, slots=True)
class Head:
    """Where the rows of a table begin, and how they are to be read."""

    mark: str
    titles: tuple[str, ...]  # empty where a column has none
    line: int  # of the titles
    begins: int  # where the byte after the titles stands

    @property
    def names(self) -> list[str]:
        """Titles, with a name for those columns that have none."""
        return [title or f"(column {place})" for place, title in enumerate(self.titles, 1)]


def hinted(line: str) -> str:
    """What Excel's own first line says that parts the cells; empty where it is no such line.

    Examples
    --------
    >>> hinted("sep=;"), hinted("kind;what;cost")
    (';', '')
    """
    match = _HINT.match(line)
    return (match[1] if match[1] != "\\t" else "\t") if match else ""


def head_of(stream: BinaryIO, name: str) -> Head:
    r"""Read the head of a table; blank lines may stand above it.

    Examples
    --------
    >>> import io
    >>> head_of(io.BytesIO(b"sep=;\nkind;what;cost\n"), "costs.csv").titles
    ('kind', 'what', 'cost')
    """
    stream.seek(0)
    raw = stream.read(_LONGEST)
    skipped = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    hint = ""
    for line, (begins, ends) in enumerate(_lines(raw, skipped), 1):
        try:
            text = raw[begins:ends].decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise InputError(Problem(NOT_UTF8, name, line)) from None
        if "\0" in text:
            raise InputError(Problem("is not text: it contains zero bytes; save it as 'CSV UTF-8'", name, line))
        if line == 1 and (found := hinted(text)):
            if found not in MARKS:
                raise InputError(Problem(f"sep={found}: cells are separated by , ; | or a tab", name, 1))
            hint = found
            continue
        if not text.strip(' \t"' + "".join(MARKS)):
            if line > _WITHIN:
                break
            continue
        if ends == _LONGEST:
            raise InputError(Problem(f"the row of titles is longer than {_LONGEST:,} bytes", name, line))
        plain = _QUOTED.sub("", text)
        mark = hint or max(MARKS, key=plain.count)
        return Head(mark, _titles(text, mark, name, line), line, ends)
    raise InputError(Problem("is empty; the first row names the columns", name))


def _lines(raw: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Where lines begin and end, whatever ends them."""
    while start < len(raw):
        match = _LINE.match(raw, start)
        assert match is not None
        yield start, match.end()
        start = match.end()


def _is_seen(sign: str) -> bool:
    """Whether a sign of a title is more than a mark of order or direction, which nobody sees and no name has."""
    return sign.isspace() or unicodedata.category(sign) not in ("Cc", "Cf")


def _titles(text: str, mark: str, name: str, line: int) -> tuple[str, ...]:
    try:
        (cells,) = csv.reader([text], delimiter=mark, strict=True)
    except (csv.Error, ValueError):
        raise InputError(Problem("a quotation mark in the row of titles is not closed", name, line)) from None
    titles = [" ".join("".join(sign for sign in cell if _is_seen(sign)).split()) for cell in cells]
    double = next((title for title, count in Counter(titles).items() if title and count > 1), None)
    if double is not None:
        raise InputError(Problem(f"there are two columns '{double[:40]}'", name, line))
    return tuple(titles)
