"""How results name the sides: columns ``on_a``, ``on_b``, ... in the order of the file, and each side by its own name.

With one or two sides tables have the columns ``on_a`` and ``on_b``, and ``on_both`` where clients can be on both; with
more sides there is a letter for each and ``on_several``. Plain data say the same under ``sides``, by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["MOST_OWN", "MOST_SIDES", "ORDINALS", "by_side", "load_columns", "on_columns", "several"]

MOST_SIDES = 12
MOST_OWN = 12
"""Parts that a client has, itself among them; engines go through all their states, two to this power."""
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
)  # fmt: skip


def on_columns(sides: Sequence[str]) -> list[str]:
    """Columns for the clients on each side alone; two at least.

    Examples
    --------
    >>> on_columns(("red", "green", "blue"))
    ['on_a', 'on_b', 'on_c']
    """
    return [f"on_{letter}" for letter in "abcdefghijkl"[: max(len(sides), 2)]]


def load_columns(sides: Sequence[str]) -> list[str]:
    """Columns for the load on each side.

    Examples
    --------
    >>> load_columns(("A",))
    ['on_a_mb_s', 'on_b_mb_s']
    """
    return [f"{name}_mb_s" for name in on_columns(sides)]


def several(sides: Sequence[str]) -> str:
    """Column for the clients on more than one side.

    Examples
    --------
    >>> several(("A", "B")), several(("red", "green", "blue"))
    ('on_both', 'on_several')
    """
    return "on_several" if len(sides) > 2 else "on_both"


def by_side(sides: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Values of the sides by their names; of what is there for a second side of one, nothing.

    Examples
    --------
    >>> by_side(("A",), (3, 0))
    {'A': 3}
    """
    return dict(zip(sides, values, strict=False))
