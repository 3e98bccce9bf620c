"""Texts and tables within a width, as pure functions: columns wrap at words, wide tables go on below.

Rich would do a third of this (its tables shorten what does not fit and never go on below) and takes 70 ms to load, a
seventh of a short answer.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from k2rel.tables import aligned

__all__: list[str] = []

_GAP = 2
_INDENT = "  "  # of the second line of a label, so that rows stay apart
_COMFORT = 20  # a text in a narrower column is hard to read


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """Lines of a text within a width, broken at spaces only; those after the first begin with the indent."""
    if width is None or (len(text) <= width and text.isprintable()):
        return [text]
    lines = textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines or [""]


def _longest(text: str) -> int:
    return max(map(len, text.split()), default=0)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column, and how wide it is at its least, in comfort, with its heading wrapped, and as it is."""

    title: str
    cells: Sequence[str]
    right: bool
    indent: str
    least: int
    comfort: int
    whole: int
    full: int


def _column(title: str, cells: Sequence[str], first: bool) -> _Column:
    """Numbers are never wrapped; in a column of labels there is room for the indent of second lines."""
    cells = [cell if cell.isprintable() else " ".join(cell.split()) for cell in cells]
    numbers = None if first else aligned(cells)
    right = numbers is not None or all(cell[:1].isdigit() or cell in ("–", "never") for cell in cells)
    cells, indent = numbers or cells, _INDENT if first else ""
    natural, head = max(map(len, cells)), _longest(title)
    whole = max(natural, head)
    word = natural if numbers else max(_longest(cell) for cell in cells)
    least = max(min(word + len(indent), natural), head + len(indent) if " " in title else head)
    comfort = whole if numbers else max(least, min(whole, _COMFORT))
    return _Column(title, cells, right, indent, least, comfort, max(whole, least), max(natural, len(title)))


def _needed(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _shared(low: Sequence[int], high: Sequence[int], room: int) -> list[int]:
    """Widths between two bounds that fill the room: the narrowest that may still grow grows first."""
    widths = list(low)
    while _needed(widths) < room and (open_ := [n for n, width in enumerate(widths) if width < high[n]]):
        widths[min(open_, key=widths.__getitem__)] += 1
    return widths


def _widths(columns: Sequence[_Column], width: int) -> list[int]:
    """Headings wrap before cells do, and long texts before short ones."""
    steps = [[getattr(c, name) for c in columns] for name in ("full", "whole", "comfort", "least")]
    for high, low in zip(steps[:1] + steps[:-1], steps, strict=True):
        if _needed(low) <= width:
            return _shared(low, high, width)
    return steps[-1]


def _blocks(columns: Sequence[_Column], width: int) -> list[list[_Column]]:
    """Columns that stand beside each other in comfort, about as many in each block, which begins with the labels."""
    first, *rest = columns

    def within(limit: int) -> list[list[_Column]]:
        blocks = [[first]]
        for column in rest:
            if len(blocks[-1]) > 1 and _needed([c.comfort for c in (*blocks[-1], column)]) > limit:
                blocks.append([first])
            blocks[-1].append(column)
        return blocks

    fewest = len(within(width))
    return next(found for limit in range(width + 1) if len(found := within(limit)) == fewest)


def _drawn(columns: Sequence[_Column], widths: Sequence[int], paint: Callable[[str], str]) -> list[str]:
    def row(texts: Sequence[str], *, bottom: bool = False, plain: bool = False) -> list[str]:
        parts = [
            [text] if len(text) <= width else wrapped(text, width, column.indent)
            for text, width, column in zip(texts, widths, columns, strict=True)
        ]
        high = max(map(len, parts))
        lines = []
        for n in range(high):
            line = ""
            for part, width, column in zip(parts, widths, columns, strict=True):
                place = n - (high - len(part)) if bottom else n
                text = part[place] if 0 <= place < len(part) else ""
                blank = " " * max(width - len(text), 0)
                seen = text if plain or len(part) > 1 else paint(text)
                line += (blank + seen if column.right else seen + blank) + " " * _GAP
            lines.append(line.rstrip())
        return lines

    lines = row([column.title for column in columns], bottom=True, plain=True)
    lines.append((" " * _GAP).join("-" * width for width in widths))
    for cells in zip(*(column.cells for column in columns), strict=True):
        lines += row(cells)
    return lines


def fitted(
    table: Mapping[str, Sequence[str]], width: int | None, paint: Callable[[str], str] = str
) -> list[str]:  # fmt: skip
    """Lines of a table of texts, at least one row, by its titles; none is wider unless a word is.

    What is too wide wraps; where that is not enough, further columns go on below, beside the labels again; where not
    even a label and a column have room beside each other, each value gets a line. `paint` colours whole cells.
    """
    columns = [_column(title, cells, n == 0) for n, (title, cells) in enumerate(table.items())]
    if width is None or _needed([c.full for c in columns]) <= width:
        return _drawn(columns, [c.full for c in columns], paint)
    if any(_needed([columns[0].least, column.least]) > width for column in columns[1:]):
        lines = []
        for label, *values in zip(*table.values(), strict=True):
            lines += wrapped(label, width, _INDENT)
            for column, value in zip(columns[1:], values, strict=True):
                lines += wrapped(f"{_INDENT}{column.title}: {value}", width, 2 * _INDENT)
        return lines
    lines = []
    for block in _blocks(columns, width):
        lines += ["", *_drawn(block, _widths(block, width), paint)]
    return lines[1:]
