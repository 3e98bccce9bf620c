"""Orders of the variables of a decision diagram: several heuristics, from the structure alone.

Walking the graph depth first keeps variables of one gate together; how the arguments of a gate are sorted
makes the difference. FORCE (F. A. Aloul, I. L. Markov, K. A. Sakallah, GLSVLSI 2003) then moves every node to
the middle of its neighbours until the edges are short. Which order gives the smallest diagram is not known
beforehand: `k2rel.logic.bdd` tries them under a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from k2rel.logic.graph import Graph

__all__ = ["variable_orders"]

_FORCE_ROUNDS = 40


def variable_orders(graph: Graph, root: int, leaves: Collection[int]) -> Iterator[list[int]]:
    """Propose orders for the leaves of a module, the most promising first.

    Examples
    --------
    >>> g = Graph()
    >>> a, b = g.variable("a"), g.variable("b")
    >>> top = g.conjunction([a, b])
    >>> next(variable_orders(g, top >> 1, [a >> 1, b >> 1]))
    [1, 2]
    """
    leaves = dict.fromkeys(leaves)
    inner = graph.gates_above(2 * root, leaves)
    weight = dict.fromkeys((*inner, *leaves), 0.0)
    weight[root] = 1.0
    support = {leaf: 1 << place for place, leaf in enumerate(leaves)}
    depth = dict.fromkeys(leaves, 0)
    for node in inner:
        support[node] = 0
        for literal in graph.arguments[node]:
            support[node] |= support[literal >> 1]
        depth[node] = 1 + max((depth[literal >> 1] for literal in graph.arguments[node]), default=0)
    for node in reversed(inner):
        for literal in graph.arguments[node]:
            weight[literal >> 1] += weight[node] / len(graph.arguments[node])
    wide = {node: bits.bit_count() for node, bits in support.items()}

    def walk(key: Callable[[int], Any]) -> list[int]:
        """Leaves as a depth-first walk meets them."""
        found: dict[int, None] = {}
        seen: set[int] = set()
        stack = [root]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node in leaves:
                found[node] = None
                continue
            parts = [literal >> 1 for literal in graph.arguments[node]]
            parts.sort(key=key)
            stack.extend(reversed(parts))
        return list(found)

    edges = [[node, *(literal >> 1 for literal in graph.arguments[node])] for node in inner]
    widest_first = walk(lambda node: -wide[node])
    yield _pulled(edges, widest_first)
    yield _pulled(edges, walk(lambda node: wide[node]))
    yield walk(lambda node: -weight[node])
    yield walk(lambda node: -depth[node])


def _pulled(edges: list[list[int]], order: list[int]) -> list[int]:
    """FORCE: nodes move to the mean of their edges' middles, edges join a gate with its arguments."""
    nodes = sorted({node for edge in edges for node in edge} | set(order))
    index = {node: place for place, node in enumerate(nodes)}
    position = np.zeros(len(nodes))
    for place, leaf in enumerate(order):
        position[index[leaf]] = place
    for edge in edges:  # a gate starts in the middle of its arguments, which stand before it in the list
        position[index[edge[0]]] = np.mean([position[index[node]] for node in edge[1:]])
    member = np.array([index[node] for edge in edges for node in edge], dtype=np.int64)
    size = np.array([len(edge) for edge in edges], dtype=np.int64)
    owner = np.repeat(np.arange(len(edges)), size)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    degree = np.maximum(np.bincount(member, minlength=len(nodes)), 1)
    best, shortest = position, np.inf
    for _ in range(_FORCE_ROUNDS):
        middle = np.add.reduceat(position[member], first) / size
        position = np.bincount(member, weights=middle[owner], minlength=len(nodes)) / degree
        position = np.argsort(np.argsort(position, kind="stable"), kind="stable").astype(np.float64)
        placed = position[member]
        length = float((np.maximum.reduceat(placed, first) - np.minimum.reduceat(placed, first)).sum())
        if length < shortest:
            best, shortest = position, length
    return sorted(order, key=lambda leaf: float(best[index[leaf]]))
