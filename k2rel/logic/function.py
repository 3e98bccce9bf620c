"""One Boolean function compiled once, module by module, and evaluated many times.

The function is simplified, cut into modules, and each module becomes a reduced ordered decision diagram
whose variables are basic events or modules within. All lie in one set of flat arrays, so one pass up gives
the probability for a whole matrix of inputs, and one pass down the derivative with respect to every event.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.errors import InputError, ModelTooLargeError
from k2rel.logic.graph import Graph, Literal, signed_graph
from k2rel.logic.rounding import at_most_one
from k2rel.logic.simplify import simplified
from k2rel.logic.structure import Node, Structure
from k2rel.memory import bound_in_words, bounded

__all__ = ["MOST_NODES", "FunctionDiagram", "compile_function"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_NODES = 16_000_000
"""Bound on the nodes of one module in work, 3.2 GB with the arrays that are made of them; less where memory is less."""

_TILE_BYTES = 16 * 1024 * 1024
_NEARLY = 0.5  # what is likelier has fewer digits left in its opposite
_MOST_PAIRS = 30_000_000
_PAIR_BYTES = 200.0  # while equal pairs are added up: eight arrays, and those of their sorting


@dataclass(frozen=True, eq=False)
class FunctionDiagram:
    """A compiled Boolean function.

    Nodes 0 and 1 are false and true; every other node follows its successors, and modules follow those that
    they use. The last module is the function; modules within are false while no variable is true.
    """

    variables: tuple[str, ...]
    leaf: IntArray  # (nodes,): variable that a node tests; len(variables) + m is module m
    level: IntArray  # (nodes,): place of that variable in the order of its module
    high: IntArray  # (nodes,): successor where the variable is true
    low: IntArray
    bounds: IntArray  # (modules + 1,): where the nodes of each module begin
    roots: IntArray  # (modules,)

    @property
    def nodes(self) -> int:
        """Number of nodes, the two terminals included."""
        return len(self.leaf)

    @property
    def modules(self) -> int:
        """Number of modules, the function itself included."""
        return len(self.roots)

    def _inputs(self, p: ArrayLike) -> FloatArray:
        """Check probabilities and give them the shape (variables, samples)."""
        matrix = np.asarray(p, dtype=np.float64)
        if matrix.ndim not in (1, 2) or matrix.shape[0] != len(self.variables):
            raise InputError(f"probabilities: expected {len(self.variables)} rows, got shape {matrix.shape}")
        if not np.all((matrix >= 0) & (matrix <= 1)):
            bad = self.variables[int(np.argwhere(~((matrix >= 0) & (matrix <= 1)))[0][0])]
            raise InputError(f"{bad}: a probability must lie between 0 and 1")
        return matrix if matrix.ndim == 2 else matrix[:, None]

    def _tiles(self, samples: int) -> Iterator[slice]:
        """Cut samples into tiles whose values stay in the cache."""
        width = max(1, min(256, _TILE_BYTES // (8 * self.nodes)))
        return (slice(start, min(samples, start + width)) for start in range(0, samples, width))

    def _up(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values of nodes, and probabilities with those of modules below them."""
        from k2rel.logic.passes import values_of_both, values_up

        full = np.concatenate([p, np.empty((self.modules, p.shape[1]))])
        value = np.empty((self.nodes, p.shape[1]))
        arrays = (self.leaf, self.high, self.low, self.bounds, self.roots, full)
        values_up.run(value.size, *arrays, value, 1.0)
        if (full[len(p) : -1] > _NEARLY).any():  # a module that is asked for its opposite may have no digits of it
            values_of_both.run(value.size, *arrays, 1.0 - full, value, np.empty_like(value))
        return full, value

    def probability(self, p: ArrayLike) -> FloatArray:
        """Give the probability that the function is true, for p of shape (variables,) or (variables, samples).

        Examples
        --------
        >>> s = Structure()
        >>> d = compile_function(s, s.conjunction([s.variable("a"), s.variable("b")]))
        >>> d.probability([[1e-9, 0.5], [1e-7, 0.5]]).tolist()
        [1e-16, 0.25]
        """
        matrix = self._inputs(p)
        result = np.empty(matrix.shape[1])

        def tile(part: slice) -> None:
            result[part] = self._up(np.ascontiguousarray(matrix[:, part]))[0][-1]

        tiles = list(self._tiles(matrix.shape[1]))
        if len(tiles) > 1:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(tile, tiles))
        elif tiles:
            tile(tiles[0])
        return at_most_one(result).reshape(np.shape(p)[1:])

    def derivatives(self, p: ArrayLike) -> tuple[FloatArray, FloatArray]:
        r"""Give the probability P and :math:`\partial P / \partial p_i` of every variable, in the shape of p.

        The derivative is the Birnbaum importance (IEC 61078), below 0 where an event lowers P.

        Examples
        --------
        >>> s = Structure()
        >>> d = compile_function(s, s.conjunction([s.variable("a"), s.variable("b")]))
        >>> d.derivatives([0.25, 0.5])[1].tolist()
        [0.5, 0.25]
        """
        from k2rel.logic.passes import derivatives_down

        matrix = self._inputs(p)
        total = np.empty(matrix.shape[1])
        slopes = np.empty_like(matrix)

        def tile(part: slice) -> None:
            full, value = self._up(np.ascontiguousarray(matrix[:, part]))
            total[part] = full[-1]
            slope = np.zeros_like(full)
            mass = np.zeros_like(value)
            arrays = (self.leaf, self.high, self.low, self.bounds, self.roots, full, value, mass, slope)
            derivatives_down.run(value.size, *arrays, 1.0)
            slopes[:, part] = slope[: len(self.variables)]

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(tile, self._tiles(matrix.shape[1])))
        return total.reshape(np.shape(p)[1:]), slopes.reshape(np.shape(p))

    def moments(self, mean: ArrayLike, variance: ArrayLike) -> tuple[float, float]:
        r"""Give mean and variance of the probability when its inputs are uncertain, without sampling.

        Notes
        -----
        P is linear in each input, so its mean is P at the means; :math:`E[P^2]` follows two copies of the
        diagram at once (K. Nakamura, M. Nishino, N. Yasuda, "Variance computation for weighted model counting",
        AAAI 2026). Modules share no input, so each is followed alone.

        Examples
        --------
        >>> s = Structure()
        >>> d = compile_function(s, s.conjunction([s.variable("a"), s.variable("b")]))
        >>> mean, variance = d.moments([0.5, 0.5], [0.05, 0.05])
        >>> mean, round(variance, 12)
        (0.25, 0.0275)
        """
        first = self._inputs(mean)[:, 0]
        spread = np.asarray(variance, dtype=np.float64)
        if spread.shape != first.shape or not np.all((spread >= 0) & (spread <= first * (1 - first) * (1 + 1e-9))):
            raise InputError("variances: one for each variable, at least 0 and at most mean x (1 - mean)")
        first = np.concatenate([first, np.zeros(self.modules)])
        second = np.concatenate([first[: len(spread)] ** 2 + spread, np.zeros(self.modules)])
        count = len(self.variables)
        for module in range(self.modules):
            both, square = self._module_moments(module, first, second)
            first[count + module], second[count + module] = both, square
        return float(first[-1]), float(second[-1] - first[-1] ** 2)

    def _module_moments(self, module: int, first: FloatArray, second: FloatArray) -> tuple[float, float]:
        """Mean and mean square of one module's probability, by a pass over pairs of its nodes."""
        inner = slice(int(self.bounds[module]), int(self.bounds[module + 1]))
        levels = int(self.level[inner].max()) + 1 if inner.stop > inner.start else 0
        root = int(self.roots[module])
        one, two = np.array([root]), np.array([root])
        weight = np.ones(1)
        mean = np.ones(1)
        alone = np.array([root])
        for at in range(levels):
            tests = self.level[alone] == at
            if tests.any():
                x = self.leaf[alone[tests]]
                alone = np.concatenate([alone[~tests], self.high[alone[tests]], self.low[alone[tests]]])
                mean = np.concatenate([mean[~tests], mean[tests] * first[x], mean[tests] * (1.0 - first[x])])
                alone, where = np.unique(alone, return_inverse=True)
                mean = np.bincount(where.reshape(-1), weights=mean).astype(np.float64)
            one_tests, two_tests = self.level[one] == at, self.level[two] == at
            tests = one_tests | two_tests
            if not tests.any():
                continue
            a, b, w = one[tests], two[tests], weight[tests]
            own_a, own_b = one_tests[tests], two_tests[tests]
            both = own_a & own_b
            x = self.leaf[np.where(own_a, a, b)]
            m, s = first[x], second[x]
            rest = np.maximum(1.0 - 2.0 * m + s, 0.0)
            ah, al = np.where(own_a, self.high[a], a), np.where(own_a, self.low[a], a)
            bh, bl = np.where(own_b, self.high[b], b), np.where(own_b, self.low[b], b)
            one = np.concatenate([one[~tests], ah, al, ah[both], al[both]])
            two = np.concatenate([two[~tests], bh, bl, bl[both], bh[both]])
            straight = [w * np.where(both, s, m), w * np.where(both, rest, 1.0 - m)]
            crossed = (w * np.maximum(m - s, 0.0))[both]
            weight = np.concatenate([weight[~tests], *straight, crossed, crossed])
            one, two, weight = _merged(one, two, weight, self.nodes)
        return float(mean[alone == 1].sum()), float(weight[(one == 1) & (two == 1)].sum())


def _merged(one: IntArray, two: IntArray, weight: FloatArray, nodes: int) -> tuple[IntArray, IntArray, FloatArray]:
    """Add up equal pairs, whichever way round; a pair with false counts nothing."""
    keep = (one != 0) & (two != 0) & (weight > 0)
    small, large = np.minimum(one, two)[keep], np.maximum(one, two)[keep]
    codes, where = np.unique(small * nodes + large, return_inverse=True)
    if len(codes) > bounded(_MOST_PAIRS, _PAIR_BYTES):
        pairs = bound_in_words(_MOST_PAIRS, _PAIR_BYTES, "pairs of nodes")
        raise ModelTooLargeError(f"the exact variance needs more than {pairs}; use sampling")
    total = np.bincount(where.reshape(-1), weights=weight[keep], minlength=len(codes)).astype(np.float64)
    return codes // nodes, codes % nodes, total


def compile_function(
    structure: Structure, root: Node, *, failures: bool = False, most_nodes: int = MOST_NODES
) -> FunctionDiagram:
    """Compile one expression; with `failures`, its failure as a function of failed parts.

    Examples
    --------
    >>> s = Structure()
    >>> d = compile_function(s, s.disjunction([s.variable("a"), s.variable("b")]), failures=True)
    >>> d.probability([1e-3, 1e-5]).item()
    1e-08
    """
    graph, top = signed_graph(structure, root, failures=failures)
    return _assembled(*simplified(graph, top), structure.variables([root]), most_nodes)


def shifted(nodes: IntArray, by: int) -> IntArray:
    """Numbers of nodes behind others; 0 and 1, false and true, are the same everywhere."""
    return np.where(nodes > 1, nodes + by, nodes)


def _assembled(graph: Graph, top: Literal, variables: tuple[str, ...], most_nodes: int) -> FunctionDiagram:
    """Reduce the modules of a graph and lay them out one after another."""
    from k2rel.logic.bdd import reduced

    index = {name: place for place, name in enumerate(variables)}
    place = {node: index[graph.name[node]] for node in graph.needed(top) if graph.kind[node] == "variable"}
    modules = [node for node in graph.modules(top) if node != top >> 1]
    at_rest = graph.at_rest(top)
    # a module is used as the function that is false while nothing has failed
    flipped = {node: int(at_rest[node]) for node in modules}
    parts: list[list[IntArray]] = []
    bounds, roots = [2], []
    known = set(place)
    for node in [*modules, top >> 1]:
        leaves = graph.leaves_below(node, known)
        literal = top if node == top >> 1 else 2 * node + flipped[node]
        diagram = reduced(graph, literal, leaves, most_nodes, {n for n in leaves if flipped.get(n)})
        tested = np.array([place[n] for n in diagram.order] + [0], dtype=np.int64)
        shift = bounds[-1] - 2
        moved = [shifted(a[2:], shift) for a in (diagram.high, diagram.low)]
        parts.append([tested[diagram.level[2:]], diagram.level[2:], *moved])
        bounds.append(bounds[-1] + len(diagram.level) - 2)
        roots.append(diagram.root + shift if diagram.root > 1 else diagram.root)
        place[node] = len(variables) + len(roots) - 1
        known.add(node)
    heads = [np.zeros(2, dtype=np.int64), np.full(2, len(variables) + len(roots)), np.arange(2), np.arange(2)]
    leaf, level, high, low = (
        np.concatenate([head, *column]) for head, column in zip(heads, zip(*parts, strict=True), strict=True)
    )
    return FunctionDiagram(variables, leaf, level, high, low, np.array(bounds), np.array(roots))
