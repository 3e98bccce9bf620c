"""Proven bounds of a probability whose diagram does not fit: hardly reached branches are decided one way.

Gates are joined one after another, level by level from the top, so how probable a branch is is known before it
is followed. Where a level grows too wide, the least weighty branches become false, for a function that is
never above the true one, or true, for one that is never below it. A negation turns the one into the other, so
this holds for coherent functions and others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.graph import Graph, Literal, signed_graph
from k2rel.logic.ordering import variable_orders
from k2rel.logic.simplify import simplified
from k2rel.logic.structure import Node, Structure

__all__ = ["Bounds", "probability_bounds"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_Probability = tuple[float, float]  # of being true, and of being false

_SMALLEST = 1e-18
_ROUNDING = 1e-12  # far more than sums of positive terms lose
_NARROWEST = 500
_WIDEST = 256_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Proven bounds of a probability."""

    low: float
    high: float
    width: int  # most branches kept at one level of one diagram
    seconds: float


@dataclass(frozen=True, eq=False)
class _Diagram:
    """Nodes of one function, successors first; nodes 0 and 1 are false and true."""

    level: IntArray
    high: IntArray
    low: IntArray
    root: int
    value: FloatArray  # probability of being true, by node, as far as a choice of branches needs it

    def probability(self, p: FloatArray, q: FloatArray) -> _Probability:
        """Probability of being true and of being false, by sums of positive terms: both keep all their digits.

        `p` and `q` are those of the variables (levels,). In `value` differences from 1 have taken digits away.
        """
        true, false = np.zeros(len(self.level)), np.zeros(len(self.level))
        true[1] = false[0] = 1.0
        order = np.argsort(self.level[2:], kind="stable") + 2
        begin = np.searchsorted(self.level[order], np.arange(len(p) + 1))
        for place in range(len(p) - 1, -1, -1):
            nodes = order[begin[place] : begin[place + 1]]
            for value in (true, false):
                value[nodes] = p[place] * value[self.high[nodes]] + q[place] * value[self.low[nodes]]
        return float(true[self.root]), float(false[self.root])

    def negated(self) -> _Diagram:
        high, low = (np.where(a > 1, a, 1 - a) for a in (self.high, self.low))
        high[:2] = low[:2] = (0, 1)
        value = 1.0 - self.value
        value[:2] = (0.0, 1.0)
        return _Diagram(self.level, high, low, self.root if self.root > 1 else 1 - self.root, value)


def probability_bounds(
    structure: Structure, root: Node, probability: Mapping[str, float], *, seconds: float = 60.0
) -> Bounds:
    """Bound the probability that an expression of independent variables is true.

    Diagrams get wider, and the bounds closer, until a wider one would not be done in the `seconds`; the narrowest is
    followed to its end.

    Examples
    --------
    >>> s = Structure()
    >>> both = s.conjunction([s.variable("a"), s.variable("b")])
    >>> found = probability_bounds(s, both, {"a": 0.5, "b": 0.5})
    >>> round(found.low, 9), round(found.high, 9)
    (0.25, 0.25)
    """
    started = time.monotonic()
    graph, top = simplified(*signed_graph(structure, root))
    low, high = 0.0, 1.0
    width = _NARROWEST
    while True:
        before = time.monotonic()
        found = _bounded(graph, top, probability, width)
        low, high = max(low, found[0]), min(high, found[1])
        now = time.monotonic()
        if high - low <= 1e-14 * high or width >= _WIDEST or now - started + 2.5 * (now - before) > seconds:
            return Bounds(low * (1.0 - _ROUNDING), min(high * (1.0 + _ROUNDING), 1.0), width, now - started)
        width *= 2


def _bounded(graph: Graph, top: Literal, probability: Mapping[str, float], width: int) -> tuple[float, float]:
    """Bounds from diagrams of one width."""
    value: dict[int, tuple[_Probability, _Probability]] = {0: ((1.0, 0.0), (1.0, 0.0))}
    for node in graph.needed(top):
        if graph.kind[node] == "variable":
            p = probability[graph.name[node]]
            value[node] = ((p, 1.0 - p),) * 2
    for node in graph.modules(top):
        module = _Module(graph, node, value, width)
        value[node] = module.bound(upper=False), module.bound(upper=True)
    least, most = value[top >> 1]
    return (most[1], least[1]) if top & 1 else (least[0], most[0])


class _Module:
    """One module, joined gate by gate; the probabilities of its leaves are known within bounds."""

    def __init__(
        self, graph: Graph, root: int, value: Mapping[int, tuple[_Probability, _Probability]], width: int
    ) -> None:
        self.graph = graph
        self.root = root
        self.width = width
        leaves = graph.leaves_below(root, value)
        self.order = next(variable_orders(graph, root, leaves))
        self.value = value
        self.p, self.q = np.zeros(len(self.order)), np.zeros(len(self.order))
        self.gates = graph.gates_above(2 * root, leaves)

    def _variable(self, place: int) -> _Diagram:
        end = len(self.order)
        p = float(self.p[place])
        return _Diagram(
            np.array([end, end, place]), np.array([0, 1, 1]), np.array([0, 1, 0]), 2, np.array([0.0, 1.0, p])
        )

    def bound(self, *, upper: bool) -> _Probability:
        """Probability of a function that is never below the module's, or never above it."""
        # which approximations of each gate are needed, from the top down
        needed = {(self.root, upper)}
        for node in reversed(self.gates):
            for side in (False, True):
                if (node, side) in needed:
                    both = self.graph.kind[node] == "xor"
                    for literal in self.graph.arguments[node]:
                        needed.add((literal >> 1, side != bool(literal & 1)))
                        if both:
                            needed.add((literal >> 1, side == bool(literal & 1)))
        # a leaf that only ever counts one way has the bound that goes with it
        doubt = 0.0
        for place, leaf in enumerate(self.order):
            low, high = self.value[leaf]
            counting = [bound for side, bound in ((False, low), (True, high)) if (leaf, side) in needed] or [low]
            self.p[place], self.q[place] = (sum(bound[k] for bound in counting) / len(counting) for k in range(2))
            doubt += max(high[0] - low[0], low[1] - high[1]) / 2 if len(counting) == 2 else 0.0
        known = {(leaf, side): self._variable(place) for place, leaf in enumerate(self.order) for side in (False, True)}
        for node in self.gates:
            for side in (False, True):
                if (node, side) in needed:
                    known[node, side] = self._gate(known, node, side)
        whole = known[self.root, upper]
        true, false = whole.probability(self.p, self.q)
        doubt = doubt if upper else -doubt
        return min(max(true + doubt, 0.0), 1.0), min(max(false - doubt, 0.0), 1.0)

    def _gate(self, known: Mapping[tuple[int, bool], _Diagram], node: int, upper: bool) -> _Diagram:
        def part(literal: Literal, side: bool) -> _Diagram:
            found = known[literal >> 1, side != bool(literal & 1)]
            return found.negated() if literal & 1 else found

        arguments = self.graph.arguments[node]
        kind = self.graph.kind[node]
        if kind == "xor":
            below, above = part(arguments[0], False), part(arguments[0], True)
            for literal in arguments[1:]:
                low, high = part(literal, False), part(literal, True)
                below, above = self._differ(below, above, low, high)
            return above if upper else below
        parts = [part(literal, upper) for literal in arguments]
        if kind == "and":
            parts.sort(key=lambda diagram: len(diagram.level))
            result = parts[0]
            for diagram in parts[1:]:
                result = self._and(result, diagram, upper)
            return result
        end = np.full(2, len(self.order))
        own = np.arange(2)
        no = _Diagram(end, own, own, 0, np.array([0.0, 1.0]))
        reached = [no.negated()] + [no] * self.graph.k[node]
        for diagram in parts:
            for j in range(len(reached) - 1, 0, -1):
                reached[j] = self._or(reached[j], self._and(diagram, reached[j - 1], upper), upper)
        return reached[-1]

    def _differ(self, below: _Diagram, above: _Diagram, low: _Diagram, high: _Diagram) -> tuple[_Diagram, _Diagram]:
        """Exclusive or of two functions that are known within bounds, within bounds."""
        least = self._or(self._and(below, high.negated(), False), self._and(above.negated(), low, False), False)
        most = self._or(self._and(above, low.negated(), True), self._and(below.negated(), high, True), True)
        return least, most

    def _or(self, one: _Diagram, other: _Diagram, upper: bool) -> _Diagram:
        return self._and(one.negated(), other.negated(), not upper).negated()

    def _and(self, a: _Diagram, b: _Diagram, upper: bool) -> _Diagram:
        from k2rel.logic.kernels import conjunction_within

        if a.root < 2:
            return b if a.root else a
        if b.root < 2:
            return a if b.root else b
        level, high, low, value, root = conjunction_within(
            a.level, a.high, a.low, a.root, a.value, b.level, b.high, b.low, b.root, b.value,
            self.p, self.width, _SMALLEST, upper,
        )  # fmt: skip
        return _Diagram(level, high, low, int(root), value)
