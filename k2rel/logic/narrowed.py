"""One module within a width: each of its gates as a diagram that is never above, or never below, the gate.

Beside its diagram each gate has bounds of its probability, from the diagram and from the bounds of its arguments.
Gates high up need more branches than there is room for, and what their diagrams lost adds up; the bounds of their
arguments have lost much less, and of an and with a rare argument they say that it is at least as rare.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.graph import Graph, Literal
from k2rel.memory import bounded

__all__ = ["Module", "Probability", "Side", "note"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Probability = tuple[float, float]
"""Of being true, and of being false: one bounded from above and the other from below."""

Side = tuple[int, bool]
"""A node, and whether what is said of it holds for the most that it can be (True) or the least (False)."""

_SMALLEST = 1e-18
_LOST = 1e-12  # differences from 1, in values of nodes
_MOST_BRANCHES = 4_000_000  # of one diagram
_MOST_NODES = 20_000_000  # of all diagrams that are kept
_BRANCH_BYTES, _NODE_BYTES = 200.0, 64.0
"""Of a branch while arrays double, 49 and 8 to 32 of tables; of a node that is kept, 32, and half of them copied."""


@dataclass(frozen=True, eq=False)
class _Diagram:
    """Nodes of one function, successors first; nodes 0 and 1 are false and true."""

    level: IntArray
    high: IntArray
    low: IntArray
    root: int
    value: FloatArray  # probability of being true, by node, as far as a choice of branches needs it
    whole: bool  # nothing was decided that was open

    @property
    def true(self) -> float:
        """Probability of being true, as far as a choice of branches needs it."""
        return float(self.value[self.root])

    def probability(self, p: FloatArray, q: FloatArray) -> Probability:
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
        return _Diagram(self.level, high, low, self.root if self.root > 1 else 1 - self.root, value, self.whole)


def note(known: dict[Side, Probability], side: Side, bound: Probability) -> None:
    """Keep a bound where it is closer than what is known.

    Examples
    --------
    >>> known = {(1, True): (0.5, 0.4)}
    >>> note(known, (1, True), (0.6, 0.45))
    >>> known
    {(1, True): (0.5, 0.45)}
    """
    true, false = known.get(side, bound)
    if side[1]:
        known[side] = min(true, bound[0]), max(false, bound[1])
    else:
        known[side] = max(true, bound[0]), min(false, bound[1])


class Module:
    """One module, joined gate by gate in one order of its leaves.

    `known` has bounds of its leaves, and gets those of its gates: they hold whatever the width and the order, so the
    closest ones are kept.
    """

    def __init__(self, graph: Graph, root: int, order: list[int], known: dict[Side, Probability]) -> None:
        self.graph = graph
        self.root = root
        self.order = order
        self.known = known
        self.width = 0
        self.open = True
        self.seconds = 0.0  # spent on the last bounds
        self.crowded = False  # diagrams were given up, because all together would not fit
        self.p, self.q = np.zeros(len(order)), np.zeros(len(order))
        self.gates = graph.gates_above(2 * root, order)
        self._whole: dict[int, _Diagram] = {}
        self._inputs: tuple[bytes, bytes] = (b"", b"")

    def bound(self, width: int) -> None:
        """Bound the probability of the module from both sides; it stays open where a wider diagram can bring more."""
        started = time.monotonic()
        self.width = max(2, min(width, bounded(_MOST_BRANCHES, 2 * _BRANCH_BYTES) // len(self.order)))
        whole = [self._bound(upper) for upper in (False, True)]
        self.open = not all(whole) and self.width == width and not self.crowded
        self.seconds = time.monotonic() - started

    def _bound(self, upper: bool) -> bool:
        """Bound by a function that is never below the module's, or never above it."""
        needed = self._needed(upper)
        places = range(len(self.order))
        # a leaf that only ever counts one way has the bound that goes with it
        doubt = 0.0
        alike = True  # gates rise with all leaves that they have, each counted its way, so they help one another
        for place, leaf in enumerate(self.order):
            low, high = self.known[leaf, False], self.known[leaf, True]
            counting = [bound for side, bound in ((False, low), (True, high)) if (leaf, side) in needed] or [low]
            self.p[place], self.q[place] = (sum(bound[k] for bound in counting) / len(counting) for k in range(2))
            if len(counting) == 2:
                alike = False
                doubt += max(high[0] - low[0], low[1] - high[1]) / 2
        inputs = (self.p.tobytes(), self.q.tobytes())
        if inputs != self._inputs:  # what stands in diagrams of gates goes with these probabilities
            self._whole, self._inputs = {}, inputs
        variables = [self._variable(place) for place in places]
        diagrams = {(leaf, side): variables[place] for place, leaf in enumerate(self.order) for side in (False, True)}
        left = self._uses(needed)
        size = sum(len(diagram.level) for diagram in self._whole.values())
        for node in self.gates:
            for side in (False, True):
                if (node, side) in needed:
                    found = self._whole.get(node)
                    if found is None:
                        found = self._gate(diagrams, node, side)
                        if size + len(found.level) > bounded(_MOST_NODES, 2 * _NODE_BYTES):
                            self.crowded = True
                            found = self._decided(side)
                        size += len(found.level)
                        if found.whole:
                            self._whole[node] = found
                    diagrams[node, side] = found
                    self._learn(node, side, found, doubt, alike)
            for part in self._parts(node, needed):
                left[part] -= 1
                if not left[part]:
                    gone = diagrams.pop(part)
                    size -= 0 if part[0] in self._whole else len(gone.level)
        top = diagrams[self.root, upper]
        note(self.known, (self.root, upper), _moved(top.probability(self.p, self.q), doubt if upper else -doubt))
        return top.whole

    def _needed(self, upper: bool) -> set[Side]:
        """Which approximations of each gate are needed, from the top down."""
        needed = {(self.root, upper)}
        for node in reversed(self.gates):
            needed.update(self._parts(node, needed))
        return needed

    def _parts(self, node: int, needed: set[Side]) -> set[Side]:
        """What the approximations of a gate are made of."""
        parts = set()
        for side in (False, True):
            if (node, side) in needed:
                for literal in self.graph.arguments[node]:
                    parts.add((literal >> 1, side != bool(literal & 1)))
                    if self.graph.kind[node] == "xor":
                        parts.add((literal >> 1, side == bool(literal & 1)))
        return parts

    def _uses(self, needed: set[Side]) -> dict[Side, int]:
        """How many gates each approximation is used by."""
        count: dict[Side, int] = {}
        for node in self.gates:
            for part in self._parts(node, needed):
                count[part] = count.get(part, 0) + 1
        return count

    # ---- probabilities of gates

    def _learn(self, node: int, side: bool, diagram: _Diagram, doubt: float, alike: bool) -> None:
        """Bounds of a gate from its diagram, and from its arguments' bounds."""
        true = diagram.true
        note(self.known, (node, side), _moved((true, 1.0 - true), doubt + _LOST if side else -doubt - _LOST))
        kind, arguments = self.graph.kind[node], self.graph.arguments[node]
        if kind == "xor":
            return
        parts = []
        for literal in arguments:
            true, false = self.known[literal >> 1, side != bool(literal & 1)]
            parts.append((false, true) if literal & 1 else (true, false))
        k = len(parts) if kind == "and" else self.graph.k[node]
        if side:  # k of n hold, so one at least of any n - k + 1; the rarest of them say most
            note(self.known, (node, side), _any_of(sorted(parts)[: len(parts) - k + 1], alike))
        else:
            turned = sorted((false, true) for true, false in parts)
            false, true = _any_of(turned[:k], alike)
            note(self.known, (node, side), (true, false))

    # ---- diagrams

    def _variable(self, place: int) -> _Diagram:
        end = len(self.order)
        value = np.array([0.0, 1.0, self.p[place]])
        return _Diagram(np.array([end, end, place]), np.array([0, 1, 1]), np.array([0, 1, 0]), 2, value, True)

    def _decided(self, truth: bool, whole: bool = False) -> _Diagram:
        end, own = np.full(2, len(self.order)), np.arange(2)
        return _Diagram(end, own, own, int(truth), np.array([0.0, 1.0]), whole)

    def _gate(self, known: Mapping[Side, _Diagram], node: int, upper: bool) -> _Diagram:
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
        no = self._decided(False, whole=True)
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

        for one, other in ((a, b), (b, a)):
            if one.root < 2:
                found = other if one.root else one
                return found if one.whole else _cut(found)
        level, high, low, value, root, decided = conjunction_within(
            a.level, a.high, a.low, a.root, a.value, b.level, b.high, b.low, b.root, b.value,
            self.p, self.width, _SMALLEST, upper,
        )  # fmt: skip
        found = _Diagram(level, high, low, int(root), value, a.whole and b.whole and not decided)
        if upper and not found.whole and found.true > min(a.true, b.true):
            return _cut(min(a, b, key=lambda diagram: diagram.true))  # an and is nowhere above one of its arguments
        return found


def _cut(diagram: _Diagram) -> _Diagram:
    """The same diagram for a function that it only bounds."""
    return _Diagram(diagram.level, diagram.high, diagram.low, diagram.root, diagram.value, False)


def _moved(bound: Probability, by: float) -> Probability:
    """Move a bound up or down."""
    return min(max(bound[0] + by, 0.0), 1.0), min(max(bound[1] - by, 0.0), 1.0)


def _any_of(parts: Sequence[Probability], alike: bool) -> Probability:
    r"""Probability that any of some functions is true, at most, and that none is, at least.

    Where all rise with the same variables, :math:`P(\text{none}) \ge \prod_i P(\text{not } i)` (J. D. Esary,
    F. Proschan, D. W. Walkup, "Association of random variables", 1967); in any case the sum of all is enough.
    """
    if not alike:
        total = min(1.0, math.fsum(true for true, _ in parts))
        return total, max(0.0, 1.0 - total - _LOST)
    none = math.prod(false for _, false in parts)
    if any(true >= 0.5 for true, _ in parts):
        return 1.0 - math.prod(max(0.0, 1.0 - true) for true, _ in parts), none
    return -math.expm1(math.fsum(math.log1p(-true) for true, _ in parts)), none
