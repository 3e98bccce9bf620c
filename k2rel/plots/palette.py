"""Colours of sides: by their place, or that which a side is called after; colour-blind eyes tell them apart.

From the sets of Okabe and Ito (2008) and of P. Tol; what means something else in a figure (lost, overloaded, control)
is not among them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

__all__ = ["HATCHES", "STYLES", "SYMBOLS", "Colour", "side_colours"]


class Colour(NamedTuple):
    """A colour as a code and in words."""

    code: str
    words: str
    dark: bool = False  # light text goes on it


_BLUE = Colour("#0072B2", "blue", dark=True)
_ORANGE = Colour("#E69F00", "orange")
_PINK = Colour("#CC79A7", "pink")
_SKY = Colour("#56B4E9", "light blue")
_WINE = Colour("#882255", "dark red", dark=True)
_OLIVE = Colour("#999933", "olive")
_INDIGO = Colour("#332288", "dark blue", dark=True)
_TEAL = Colour("#44AA99", "teal")
_BROWN = Colour("#661100", "brown", dark=True)
_GREEN = Colour("#117733", "dark green", dark=True)
_PURPLE = Colour("#AA4499", "purple", dark=True)
_SAND = Colour("#DDCC77", "sand")

_BY_PLACE = (_BLUE, _ORANGE, _PINK, _SKY, _WINE, _OLIVE, _INDIGO, _TEAL, _PURPLE, _GREEN, _BROWN, _SAND)
_CALLED = {
    "red": _WINE, "rot": _WINE, "crimson": _WINE, "green": _GREEN, "blue": _BLUE, "navy": _INDIGO, "indigo": _INDIGO,
    "orange": _ORANGE, "amber": _ORANGE, "pink": _PINK, "magenta": _PURPLE, "purple": _PURPLE, "violet": _PURPLE,
    "cyan": _SKY, "teal": _TEAL, "turquoise": _TEAL, "olive": _OLIVE, "brown": _BROWN, "sand": _SAND,
}  # fmt: skip

HATCHES = ("", "//", "\\\\", "--", "||", "++", "oo", "..", "**", "OO", "\\\\--", "//||")
"""Of bars, for grey print; crosses are of what is on no side."""
SYMBOLS = "os^vP*pHDX8h"
STYLES = ("-", "--", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (8, 3)), (0, (2, 4)),
          (0, (6, 1, 1, 1, 1, 1)), (0, (10, 2)), (0, (4, 4)), (0, (1, 3)))  # fmt: skip


@cache
def side_colours(sides: Sequence[str]) -> tuple[Colour, ...]:
    """Give each side its colour: the one it is called after, where all are called after different ones.

    Examples
    --------
    >>> [colour.words for colour in side_colours(("A", "B", "C"))]
    ['blue', 'orange', 'pink']
    >>> [colour.words for colour in side_colours(("red", "green", "blue"))]
    ['dark red', 'dark green', 'blue']
    """
    called = [_called(side) for side in sides]
    found = [one for one in called if one is not None]
    return tuple(found) if len(set(found)) == len(sides) else _BY_PLACE[: len(sides)]


def _called(side: str) -> Colour | None:
    """The one colour that is a word of a name."""
    found = {_CALLED[word] for word in re.split(r"[^a-z]+", side.lower()) if word in _CALLED}
    return found.pop() if len(found) == 1 else None
