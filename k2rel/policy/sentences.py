"""Sentences that depend on a state: whether they are said, and what they name, by structure functions.

They are plain data (`spelled`), which the script of a page follows as `said` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union

from k2rel.logic.structure import FALSE, Node

__all__ = ["Listing", "Sentence", "Text", "nodes_in", "said", "spelled"]

MOST = 4
"""So many names are listed; of more, one less, and how many are left."""

Text = tuple[Union[str, "Listing"], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Those of some texts whose nodes hold, each once and joined by "and"; nothing at all where none does."""

    items: tuple[tuple[Node, Text], ...]
    before: str = ""
    one: str = ""  # what follows one
    many: str = ""  # and several


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text and when it is said."""

    when: Node
    text: Text


def listing(items: Iterable[tuple[Node, Text]], before: str = "", one: str = "", many: str = "") -> Listing:
    """List texts but those that are never said."""
    return Listing(tuple(item for item in items if item[0] != FALSE), before, one, many)


def nodes_in(text: Text) -> Iterator[Node]:
    """Structure functions that a text depends on."""
    for piece in text:
        if isinstance(piece, Listing):
            for node, inner in piece.items:
                yield node
                yield from nodes_in(inner)


def said(text: Text, truth: Mapping[Node, bool]) -> str:
    """Write a text for one state.

    Examples
    --------
    >>> text = ("without ", Listing(((2, ("a",)), (3, ("b",)), (4, ("c",))), many=" together"))
    >>> said(text, {2: True, 3: False, 4: True})
    'without a and c together'
    """
    return "".join(piece if isinstance(piece, str) else _listed(piece, truth) for piece in text)


def _listed(piece: Listing, truth: Mapping[Node, bool]) -> str:
    found = list(dict.fromkeys(said(text, truth) for node, text in piece.items if truth[node]))
    if not found:
        return ""
    if len(found) > MOST:
        found = [*found[: MOST - 1], f"{len(found) - MOST + 1} more"]
    words = " and ".join([*([", ".join(found[:-1])] if found[1:] else []), found[-1]])
    return piece.before + words + (piece.many if found[1:] else piece.one)


def spelled(text: Text, place: Mapping[Node, int]) -> list[Any]:
    """Write a text as plain data: pieces that are texts, or what stands before, after one, after several, and items."""
    return [
        piece
        if isinstance(piece, str)
        else [
            piece.before,
            piece.one,
            piece.many,
            [[place[node], spelled(inner, place)] for node, inner in piece.items],
        ]
        for piece in text
    ]
