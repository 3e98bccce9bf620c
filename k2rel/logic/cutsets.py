"""Minimal cut sets by order: the smallest sets of failures that take a function from true to false.

Every set up to the asked order is tried, many at a time, so the list is complete for non-coherent behaviour
too: a set is a cut when the function is false with exactly these parts failed and all others working.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, islice

import numpy as np

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import BoolArray, Node, Structure

__all__ = ["minimal_cut_sets"]

_BATCH = 100_000
_MOST_SETS = 20_000_000


def minimal_cut_sets(
    structure: Structure, root: Node, order: int, weights: Mapping[str, int] | None = None
) -> list[tuple[str, ...]]:
    """List the minimal cut sets of a function up to an order.

    Parameters
    ----------
    structure : Structure
        Where the function stands.
    root : int
        The function; true is "works".
    order : int
        The largest order to look at.
    weights : mapping of str to int, optional
        How many parts a variable stands for (a RAID set fails when several drives do); 0 keeps a variable
        out. Variables that are not named count as 1.

    Returns
    -------
    list of tuple of str
        Minimal cut sets, smaller ones first, names in the order of the structure.

    Raises
    ------
    ModelTooLargeError
        If more than 20 million sets would have to be tried.

    Examples
    --------
    >>> s = Structure()
    >>> a, b, c = (s.variable(name) for name in "abc")
    >>> minimal_cut_sets(s, s.conjunction([a, s.disjunction([b, c])]), 2)
    [('a',), ('b', 'c')]
    """
    weight = {name: (weights or {}).get(name, 1) for name in structure.variables([root])}
    candidates = [name for name, value in weight.items() if 0 < value <= order]
    found: list[tuple[str, ...]] = []
    known: set[frozenset[str]] = set()
    tried = 0
    for size in range(1, order + 1):
        # a part that alone is a cut stands in no other minimal cut
        single = {name for cut in known if len(cut) == 1 for name in cut}
        names = [name for name in candidates if name not in single]
        sets = (s for s in combinations(names, size) if sum(weight[name] for name in s) <= order)
        while batch := list(islice(sets, _BATCH)):
            tried += len(batch)
            if tried > _MOST_SETS:
                raise ModelTooLargeError(
                    f"cut sets up to order {order} of {len(names)} parts are too many to try; ask for a lower order"
                )
            for cut in _cuts(structure, root, weight, batch):
                part = frozenset(cut)
                smaller = (frozenset(s) for k in range(1, size) for s in combinations(cut, k))
                if not any(s in known for s in smaller):
                    found.append(cut)
                    known.add(part)
    return sorted(found, key=lambda cut: sum(weight[name] for name in cut))


def _cuts(
    structure: Structure, root: Node, names: Mapping[str, int], batch: Sequence[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """Those sets of a batch whose failure makes the function false."""
    states: dict[str, BoolArray] = {name: np.ones(len(batch), dtype=np.bool_) for name in names}
    for position in range(len(batch[0])):
        for row, cut in enumerate(batch):
            states[cut[position]][row] = False
    (works,) = structure.values([root], states)
    return [batch[row] for row in np.flatnonzero(~works).tolist()]
