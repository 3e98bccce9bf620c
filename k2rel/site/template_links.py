"""Patterns of links: from ``mesh``, ``one_to_one`` or ``pairs`` to the two ends of every link."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from k2rel.errors import InputError, closest

__all__ = ["ENDS", "PATTERNS", "Ends", "ends_of"]

PATTERNS = ("mesh", "one_to_one", "pairs")
ENDS = ("a", "b", "i", "j")
"""What a link of a pattern knows: the names of its two ends, and their places in their lists, from 1."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of all links of a pattern, and how many links there are."""

    count: int
    each: Iterable[tuple[str, str, int, int]]

    def __iter__(self) -> Iterator[dict[str, str | int]]:
        return (dict(zip(ENDS, one, strict=True)) for one in self.each)


def ends_of(pattern: str, given: Any, components: Collection[str]) -> Ends:
    """Find the ends of a pattern's links; ``*`` and ``?`` in a name stand for any of the components.

    Examples
    --------
    >>> [(one["a"], one["b"]) for one in ends_of("mesh", [["leaf_*"], ["core"]], ["leaf_1", "leaf_2"])]
    [('leaf_1', 'core'), ('leaf_2', 'core')]
    """
    if pattern == "pairs":
        return _pairs(given)
    if not isinstance(given, list) or len(given) not in ((1, 2) if pattern == "mesh" else (2,)):
        got = f"{len(given)} entries" if isinstance(given, list) else f"'{str(given)[:40]}'"
        raise InputError(f"takes two lists of names, [[a, b], [c, d]], got {got}")
    lists = [_names(one, components) for one in given]
    if len(lists) == 1:
        own = list(enumerate(lists[0], 1))
        both = ((a, b, i, j) for (i, a), (j, b) in itertools.combinations(own, 2))
        return Ends(len(own) * (len(own) - 1) // 2, both)
    first, second = lists
    if pattern == "mesh":
        all_pairs = itertools.product(enumerate(first, 1), enumerate(second, 1))
        return Ends(len(first) * len(second), ((a, b, i, j) for (i, a), (j, b) in all_pairs))
    if len(first) != len(second):
        raise InputError(f"needs two lists of equal length, got {len(first)} and {len(second)} names")
    return Ends(len(first), ((a, b, n, n) for n, (a, b) in enumerate(zip(first, second, strict=True), 1)))


def _pairs(given: Any) -> Ends:
    if not isinstance(given, list) or not given:
        raise InputError("takes a list of pairs of names, [[a, b], [a, c]]")
    for one in given:
        if not (isinstance(one, list) and len(one) == 2 and all(_is_name(name) for name in one)):
            raise InputError(f"takes pairs of names, [[a, b], [a, c]], got '{str(one)[:60]}'")
    return Ends(len(given), [(str(a), str(b), n, n) for n, (a, b) in enumerate(given, 1)])


def _is_name(value: object) -> bool:
    """Whether a value names something; a number does, as a variable gives it."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def _names(given: Any, components: Collection[str]) -> Sequence[str]:
    """Names of a list, patterns of names written out in the order of the file."""
    result: list[str] = []
    for item in given if isinstance(given, list) else [given]:
        if not _is_name(item):
            raise InputError(f"takes names of components, got '{str(item)[:60]}'")
        item = str(item)
        if item in components or not set("*?") & set(item):
            result.append(item)
            continue
        form = re.compile("".join({"*": ".*", "?": "."}.get(sign) or re.escape(sign) for sign in item))
        found = [name for name in components if form.fullmatch(name)]
        if not found:
            raise InputError(f"no component is called '{item[:60]}'{closest(item, components)}")
        result += found
    if not result:
        raise InputError("has a list without names")
    return result
