"""Text files that a person gives, and cells that a spreadsheet opens."""

from __future__ import annotations

import re
from pathlib import Path

from k2rel.errors import InputError, Problem

__all__ = ["harmless", "read_text"]

_FORMULA = re.compile(r"^[=+\-@\t\r\n]")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$", re.IGNORECASE)


def read_text(path: Path, most_bytes: int, too_large: str) -> str:
    """Read a small UTF-8 file, with or without a byte order mark.

    Examples
    --------
    >>> read_text(Path("nowhere.csv"), 10, "this is no table")
    Traceback (most recent call last):
    ...
    k2rel.errors.InputError: nowhere.csv: cannot be read: No such file or directory
    """
    name = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", name)) from None
    if len(raw) > most_bytes:
        raise InputError(Problem(f"is larger than {most_bytes // 1_000_000} MB; {too_large}", name))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(Problem("is not UTF-8 text", name, line)) from None


def harmless(value: object) -> object:
    """Make a text that a spreadsheet would take for a formula a plain text.

    Examples
    --------
    >>> harmless("=HYPERLINK(1)"), harmless("-0.5"), harmless("server_A"), harmless(-1)
    ("'=HYPERLINK(1)", '-0.5', 'server_A', -1)
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.match(value):
        return "'" + value
    return value
