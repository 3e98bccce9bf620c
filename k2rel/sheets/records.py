"""Records that a person or a program gives: a table of any form, or JSON lines, from a file or from a stream.

JSON lines are told from a table by their first sign, which is a brace. Every value becomes a text, numbers as they are
written, so that whoever reads records need not know which of the two they came from.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from k2rel.errors import InputError, Problem
from k2rel.sheets.files import NOT_UTF8, as_text, opened_table
from k2rel.sheets.head import Head
from k2rel.sheets.table import Record, Table, table_in

__all__ = ["read_records"]

_BOM = b"\xef\xbb\xbf"


def read_records(source: Path | BinaryIO, name: str, most_bytes: int, too_large: str) -> Table:
    r"""Read records; of a stream at most so many bytes are taken, since it may have no end.

    Examples
    --------
    >>> stream = io.BytesIO(b'{"component": "isl_1", "since": 1764266400}\n\n{"component": "psu_A_1"}\n')
    >>> [(record.line, dict(record.cells)) for record in read_records(stream, "-", 1000, "too large").records]
    [(1, {'component': 'isl_1', 'since': '1764266400'}), (3, {'component': 'psu_A_1'})]
    """
    with _opened(source, name, most_bytes, too_large) as stream:
        begins = stream.read(4096)
        stream.seek(0)
        first = begins.removeprefix(_BOM).lstrip()[:1]
        if first == b"[":
            words = "is a JSON array; JSON lines are read: one object a line, as jq -c '.[]' writes an array"
            raise InputError(Problem(words, name))
        if first != b"{":
            return table_in(stream, name, most_bytes, too_large)
        raw = stream.read(most_bytes + 1)
    if len(raw) > most_bytes:
        raise InputError(Problem(f"is larger than {most_bytes // 1_000_000} MB; {too_large}", name))
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise InputError(Problem("is not text: it contains zero bytes; save it as UTF-8", name, line))
    records = tuple(_records(raw.removeprefix(_BOM), name))
    titles = tuple(dict.fromkeys(title for record in records for title in record.cells))
    return Table(name, Head("", titles, 1, 0), records)


@contextmanager
def _opened(source: Path | BinaryIO, name: str, most_bytes: int, too_large: str) -> Iterator[BinaryIO]:
    """The text of a file or of a stream, from its beginning."""
    if isinstance(source, Path):
        with opened_table(source) as stream:
            yield stream
        return
    try:
        raw = source.read(most_bytes + 1)
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror or error}", name)) from None
    if not isinstance(raw, bytes):
        raise InputError(Problem("a stream of bytes is needed, such as sys.stdin.buffer", name))
    if len(raw) > most_bytes:
        raise InputError(Problem(f"is larger than {most_bytes // 1_000_000} MB; {too_large}", name))
    with as_text(io.BytesIO(raw), name) as stream:
        yield stream


def _records(raw: bytes, name: str) -> Iterator[Record]:
    for number, line in enumerate(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(Problem(NOT_UTF8.replace("CSV UTF-8", "UTF-8"), name, number)) from None
        wrong, found = "", {}
        try:
            found = json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            what = getattr(error, "msg", "") or "it is nested too deeply"
            wrong = f"is not a complete JSON object ({what[:80].lower()}); write one object a line"
        if not wrong and not isinstance(found, _Pairs):
            wrong = "is not a JSON object; write one object a line, in braces"
        pairs = [] if wrong else [(" ".join(key.split()), _text(value)) for key, value in found]
        keys = [key for key, _ in pairs]
        twice = (
            next((key for n, key in enumerate(keys) if key in keys[:n]), None) if len(set(keys)) < len(keys) else None
        )
        yield Record(number, dict(pairs), f"has '{twice[:40]}' twice" if twice is not None else wrong, len(pairs))


class _Pairs(list[tuple[str, Any]]):
    """An object as it is written; a key that is there twice is not lost."""


def _text(value: Any) -> str:
    """A value as a table would have it; what is no plain value in JSON again."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return " ".join(value.split())
    return "{...}" if isinstance(value, _Pairs) else "[...]"
