"""Minimal cut sets and path sets of a compiled function.

A cut set is a set of events that makes the function true while nothing else happens, minimal when no part of
it does; so the list is right for non-coherent functions too (A. Rauzy, "Mathematical foundations of minimal
cutsets", IEEE Trans. Reliability 50 (2001) 389).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError, ModelTooLargeError
from k2rel.logic.function import FunctionDiagram, shifted
from k2rel.logic.zdd import MinimalSets
from k2rel.memory import bound_in_words, bounded, check_each

__all__ = ["minimal_cut_sets", "minimal_path_sets"]

IntArray = NDArray[np.int64]

_MOST_NODES = 30_000_000
_NODE_BYTES = 152.0  # of a node that there is room for: 24 of its own, and 2 to 4 places of 32 in the tables


def minimal_cut_sets(
    diagram: FunctionDiagram, *, order: int | None = None, weights: Mapping[str, int] | None = None
) -> MinimalSets:
    """Find the minimal cut sets of a function, all or those up to an order, to which variables add their weights.

    Examples
    --------
    >>> from k2rel.logic.function import compile_function
    >>> from k2rel.logic.structure import Structure
    >>> s = Structure()
    >>> d = compile_function(s, s.at_least(2, [s.variable(name) for name in "abcd"]))
    >>> minimal_cut_sets(d).count_by_order
    {2: 6}
    """
    from k2rel.logic.kernels import minimal_solutions

    if order is not None and order < 0:
        raise InputError(f"order of cut sets: must be 0 or more, got {order}")
    weight = np.array([(weights or {}).get(name, 1) for name in diagram.variables], dtype=np.int64)
    least = weight.tolist()
    most = bounded(_MOST_NODES, _NODE_BYTES)
    parts: list[list[IntArray]] = []
    bounds, roots = [2], []
    for m, root in enumerate(diagram.roots.tolist()):
        inner = slice(int(diagram.bounds[m]), int(diagram.bounds[m + 1]))
        shift = inner.start - 2
        if order is not None:
            nodes = inner.stop - inner.start
            check_each(order + 1, 8.0 * nodes, f"orders of cut sets (0 to {order}), of {nodes:,} nodes each,")
        depth = int(diagram.level[inner].max()) + 1 if inner.stop > inner.start else 0
        level = np.concatenate([[depth, depth], diagram.level[inner]])
        high, low = (np.concatenate([[0, 1], shifted(a[inner], -shift)]) for a in (diagram.high, diagram.low))
        tested = np.zeros(depth + 1, dtype=np.int64)
        tested[diagram.level[inner]] = diagram.leaf[inner]
        local = np.array([least[x] for x in tested.tolist()] if depth else [0], dtype=np.int64)[:depth]
        start, size = (root - shift if root > 1 else root), min(max(4 * len(level), 1024), most)
        while True:
            z, top = minimal_solutions(level, high, low, start, local, -1 if order is None else order, size)
            if top >= 0:
                break
            if size == most:
                room = bound_in_words(_MOST_NODES, _NODE_BYTES, "nodes")
                raise ModelTooLargeError(f"the minimal sets do not fit in {room}; use a lower order")
            size = min(8 * size, most)
        moved = bounds[-1] - 2
        parts.append([tested[z[2:, 0]], *(shifted(z[2:, c], moved) for c in (1, 2))])
        bounds.append(bounds[-1] + len(z) - 2)
        roots.append(int(top + moved if top > 1 else top))
        least.append(1 if order is None else _least_order(z, top, local))  # used only with a budget
    heads = [np.zeros(2, dtype=np.int64), np.arange(2), np.arange(2)]
    leaf, high, low = (
        np.concatenate([head, *column]) for head, column in zip(heads, zip(*parts, strict=True), strict=True)
    )
    return MinimalSets(diagram.variables, leaf, high, low, np.array(bounds), np.array(roots), weight, order)


def _least_order(z: IntArray, top: int, weight: IntArray) -> int:
    """Lowest order of a set of one module; beyond any bound where there is none."""
    best = [10**6, 0] + [0] * (len(z) - 2)
    for n, (level, high, low) in enumerate(z[2:].tolist(), start=2):
        best[n] = min(best[low], best[high] + int(weight[level]))
    return best[top]


def minimal_path_sets(
    diagram: FunctionDiagram, *, order: int | None = None, weights: Mapping[str, int] | None = None
) -> MinimalSets:
    """Find the minimal path sets: sets of parts that keep the function false whatever else happens.

    They are the cut sets of the dual function, so their probabilities are those of parts that work.

    Examples
    --------
    >>> from k2rel.logic.function import compile_function
    >>> from k2rel.logic.structure import Structure
    >>> s = Structure()
    >>> d = compile_function(s, s.conjunction([s.variable("a"), s.variable("b")]))
    >>> minimal_path_sets(d).count_by_order
    {1: 2}
    """
    successor = diagram.high.tolist()
    for root in diagram.roots.tolist():
        node = root
        while node > 1:
            node = successor[node]
        if node == 0 and root != 0:
            raise InputError("path sets: the function is not coherent (it is false although every event is true)")
    high, low, roots = (np.where(a > 1, a, 1 - a) for a in (diagram.low, diagram.high, diagram.roots))
    flipped = replace(diagram, high=high, low=low, roots=roots)
    for end in (0, 1):
        flipped.high[end] = flipped.low[end] = end
    return minimal_cut_sets(flipped, order=order, weights=weights)
