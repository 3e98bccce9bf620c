"""Texts of others where people see them: what commands a terminal, hides, or turns the direction shows as its number.

A text itself stays as it is, in answers for programs too. Whoever shows one asks here: messages (`k2rel.errors`),
tables, pages, plots, and the command for a terminal.
"""

from __future__ import annotations

import json

__all__ = ["SPACES", "hidden_in", "in_html", "in_json", "is_text", "plain_signs"]

SPACES = "".join(map(chr, (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)))
"""All that part words in some script; letters of any script are printable, those from right to left too."""
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def hidden_in(text: str, besides: str = "") -> str | None:
    r"""The first sign that is not printed, as it is, by all that print: control characters, signs of direction.

    Examples
    --------
    >>> hidden_in("Köln 1.2"), hidden_in("a\x1b[2J"), hidden_in("two\nlines", besides="\n")
    (None, '\x1b', None)
    """
    if text.isprintable():
        return None
    return next((sign for sign in text if not sign.isprintable() and sign not in besides), None)


def is_text(name: str) -> bool:
    r"""Whether the bytes of a file's name are text, which files that name it need; Python keeps others as half signs.

    Examples
    --------
    >>> is_text("Köln.yaml"), is_text("\udcff.yaml")
    (True, False)
    """
    return name.isprintable() or not any("\ud800" <= sign <= "\udfff" for sign in name)


def plain_signs(text: str, besides: str = "\n\t") -> str:
    r"""A text in which signs that would command the terminal, hide, or turn its direction stand as their numbers.

    Examples
    --------
    >>> plain_signs("x\u202e\x1b[2J at 5 °C"), plain_signs("שרת א")
    ('x<U+202E><U+001B>[2J at 5 °C', 'שרת א')
    """
    if text.isprintable():
        return text
    kept = SPACES + besides
    return "".join(sign if sign.isprintable() or sign in kept else f"<U+{ord(sign):04X}>" for sign in text)


def in_html(text: str) -> str:
    r"""A text as a page shows it, as an element's or an attribute's.

    Examples
    --------
    >>> in_html("R&D\u2028<b>")
    'R&amp;D&lt;U+2028&gt;&lt;b&gt;'
    """
    return plain_signs(text).translate(_ESCAPED)


def in_json(value: object, *, indent: int | None = None) -> str:
    r"""A value as JSON that is read as it is: letters as they are, hidden signs as JSON escapes them.

    Examples
    --------
    >>> in_json({"Köln": "a\u202eb"})
    '{"Köln": "a\\u202eb"}'
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    if text.isprintable():
        return text
    kept = SPACES + "\n"
    return "".join(sign if sign.isprintable() or sign in kept else json.dumps(sign)[1:-1] for sign in text)
