"""Boolean structure functions (IEC 61078) as one shared graph, evaluated on truth values or arrays.

A policy writes what works when as expressions over component variables. The same expressions are evaluated on
plain truth values for one state and on NumPy arrays for a million states at once, and compiled by
`k2rel.logic.diagram`: a rule is written once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FALSE", "TRUE", "BoolArray", "Node", "Structure"]

BoolArray = NDArray[np.bool_]
Node = int
"""Handle of an expression in a `Structure`."""

FALSE: Node = 0
TRUE: Node = 1


class _Gate(NamedTuple):
    """One node: its kind, its arguments, and k for an at-least-k gate."""

    kind: str
    arguments: tuple[Node, ...] = ()
    k: int = 0
    name: str = ""


class Structure:
    """A set of Boolean expressions that share their parts.

    Equal expressions get the same handle, constants are folded, so building is cheap and the graph small.
    A variable is true when its component works.

    Examples
    --------
    >>> s = Structure()
    >>> two_of_three = s.at_least(2, [s.variable(name) for name in "abc"])
    >>> s.value(two_of_three, {"a": True, "b": False, "c": True})
    True
    """

    def __init__(self) -> None:
        self._gates: list[_Gate] = [_Gate("false"), _Gate("true")]
        self._index: dict[_Gate, Node] = {gate: node for node, gate in enumerate(self._gates)}

    def __len__(self) -> int:
        return len(self._gates)

    def _intern(self, gate: _Gate) -> Node:
        node = self._index.get(gate)
        if node is None:
            node = len(self._gates)
            self._gates.append(gate)
            self._index[gate] = node
        return node

    def gate(self, node: Node) -> tuple[str, tuple[Node, ...], int, str]:
        """Take an expression apart: kind, arguments, k of an at-least-k gate, name of a variable.

        Examples
        --------
        >>> s = Structure()
        >>> s.gate(s.variable("a"))
        ('variable', (), 0, 'a')
        """
        gate = self._gates[node]
        return gate.kind, gate.arguments, gate.k, gate.name

    def variable(self, name: str) -> Node:
        """Name a component; the same name gives the same handle.

        Examples
        --------
        >>> s = Structure()
        >>> s.variable("a"), s.variable("b"), s.variable("a")
        (2, 3, 2)
        """
        return self._intern(_Gate("variable", name=name))

    def negation(self, node: Node) -> Node:
        """Negate an expression.

        Examples
        --------
        >>> s = Structure()
        >>> a = s.variable("a")
        >>> a, s.negation(a), s.negation(s.negation(a))
        (2, 3, 2)
        """
        if node in (FALSE, TRUE):
            return TRUE - node
        gate = self._gates[node]
        if gate.kind == "not":
            return gate.arguments[0]
        return self._intern(_Gate("not", (node,)))

    def _join(self, kind: str, nodes: Iterable[Node], neutral: Node) -> Node:
        """Sort and fold an and or an or."""
        parts = set(nodes)
        parts.discard(neutral)
        if TRUE - neutral in parts or any(self.negation(node) in parts for node in tuple(parts)):
            return TRUE - neutral
        if not parts:
            return neutral
        if len(parts) == 1:
            return parts.pop()
        return self._intern(_Gate(kind, tuple(sorted(parts))))

    def conjunction(self, nodes: Iterable[Node]) -> Node:
        """Join expressions by "and": a series structure.

        Examples
        --------
        >>> s = Structure()
        >>> a, b = s.variable("a"), s.variable("b")
        >>> s.conjunction([]), s.conjunction([a, b]), s.conjunction([b, TRUE, a])
        (1, 6, 6)
        """
        return self._join("and", nodes, TRUE)

    def disjunction(self, nodes: Iterable[Node]) -> Node:
        """Join expressions by "or": a parallel structure.

        Examples
        --------
        >>> s = Structure()
        >>> a = s.variable("a")
        >>> s.disjunction([]), s.disjunction([a]), s.disjunction([a, s.negation(a)])
        (0, 2, 1)
        """
        return self._join("or", nodes, FALSE)

    def at_least(self, k: int, nodes: Sequence[Node]) -> Node:
        """Require k of n: a k-out-of-n structure (IEC 61078).

        Examples
        --------
        >>> s = Structure()
        >>> a, b = s.variable("a"), s.variable("b")
        >>> s.at_least(2, [a, b]), s.conjunction([a, b])
        (6, 6)
        """
        sure = sum(node == TRUE for node in nodes)
        k, nodes = k - sure, [node for node in nodes if node not in (FALSE, TRUE)]
        if k <= 0:
            return TRUE
        if k > len(nodes):
            return FALSE
        if k == 1:
            return self.disjunction(nodes)
        if k == len(nodes):
            return self.conjunction(nodes)
        return self._intern(_Gate("at_least", tuple(sorted(nodes)), k))

    def exclusive_or(self, nodes: Sequence[Node]) -> Node:
        """Require an odd number of parts: of two, that they differ.

        Examples
        --------
        >>> s = Structure()
        >>> a, b = s.variable("a"), s.variable("b")
        >>> s.value(s.exclusive_or([a, b]), {"a": True, "b": True})
        False
        """
        odd: set[Node] = set()
        for node in nodes:
            odd ^= {node}
        odd.discard(FALSE)
        sign = TRUE in odd
        odd.discard(TRUE)
        many = len(odd) > 1
        result = self._intern(_Gate("xor", tuple(sorted(odd)))) if many else next(iter(odd), FALSE)
        return self.negation(result) if sign else result

    def if_then_else(self, condition: Node, then: Node, otherwise: Node) -> Node:
        """Choose between two parts by a third.

        Examples
        --------
        >>> s = Structure()
        >>> a, b, c = (s.variable(name) for name in "abc")
        >>> s.if_then_else(a, b, b) == b, s.value(s.if_then_else(a, b, c), {"a": False, "b": True, "c": False})
        (True, False)
        """
        if condition in (FALSE, TRUE):
            return then if condition == TRUE else otherwise
        if then == otherwise:
            return then
        return self._intern(_Gate("ite", (condition, then, otherwise)))

    def variables(self, roots: Iterable[Node]) -> tuple[str, ...]:
        """List the variables of expressions, first met first when read from left to right.

        Examples
        --------
        >>> s = Structure()
        >>> s.variables([s.conjunction([s.variable("b"), s.variable("a")])])
        ('b', 'a')
        """
        found: dict[str, None] = {}
        seen: set[Node] = set()
        stack = list(reversed(list(roots)))
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            gate = self._gates[node]
            if gate.kind == "variable":
                found[gate.name] = None
            stack.extend(reversed(gate.arguments))
        return tuple(found)

    def needed(self, roots: Iterable[Node], given: Container[Node] = ()) -> list[Node]:
        """List the nodes that expressions are made of, parts before wholes.

        Examples
        --------
        >>> s = Structure()
        >>> a = s.variable("a")
        >>> s.needed([s.negation(a)])
        [2, 3]
        """
        seen: set[Node] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node not in seen and node not in given:
                seen.add(node)
                stack.extend(self._gates[node].arguments)
        return sorted(seen)  # arguments are always made before the gate that uses them

    def values(
        self, roots: Sequence[Node], states: Mapping[str, BoolArray], given: Mapping[Node, BoolArray] | None = None
    ) -> list[BoolArray]:
        """Evaluate expressions on many states at once; `given` holds what is known of parts of them.

        Examples
        --------
        >>> s = Structure()
        >>> a, b = s.variable("a"), s.variable("b")
        >>> s.values([s.disjunction([a, b])], {"a": np.array([True, False]), "b": np.array([False, False])})
        [array([ True, False])]
        """
        known: dict[Node, BoolArray] = dict(given or {})
        shapes = [np.shape(values) for values in (*states.values(), *known.values())]
        shape = np.broadcast_shapes(*shapes) if shapes else ()
        for node in self.needed(roots, known):
            gate = self._gates[node]
            if gate.kind == "variable":
                result = np.asarray(states[gate.name], dtype=np.bool_)
            elif gate.kind in {"true", "false"}:
                result = np.full(shape, gate.kind == "true")
            elif gate.kind == "not":
                result = ~known[gate.arguments[0]]
            elif gate.kind == "at_least":
                count = np.zeros(shape, dtype=np.int32)
                for part in gate.arguments:
                    count += known[part]
                result = count >= gate.k
            elif gate.kind == "xor":
                result = np.logical_xor.reduce([known[part] for part in gate.arguments])
            elif gate.kind == "ite":
                when, then, other = (known[part] for part in gate.arguments)
                result = np.where(when, then, other)
            else:
                join = np.logical_and if gate.kind == "and" else np.logical_or
                result = known[gate.arguments[0]]
                for part in gate.arguments[1:]:
                    result = join(result, known[part])
            known[node] = result
        return [known[root] for root in roots]

    def value(self, root: Node, state: Mapping[str, bool]) -> bool:
        """Evaluate one expression on one state.

        Examples
        --------
        >>> s = Structure()
        >>> s.value(s.negation(s.variable("a")), {"a": False})
        True
        """
        return self.truth([root], state)[root]

    def truth(self, roots: Iterable[Node], state: Mapping[str, bool]) -> dict[Node, bool]:
        """Evaluate several expressions on one state, in which components that are not named work.

        Examples
        --------
        >>> s = Structure()
        >>> a = s.variable("a")
        >>> s.truth([a], {"a": False})
        {2: False}
        """
        known: dict[Node, bool] = {}
        for node in self.needed(roots):
            gate = self._gates[node]
            if gate.kind == "variable":
                known[node] = state.get(gate.name, True)
            elif gate.kind == "not":
                known[node] = not known[gate.arguments[0]]
            elif gate.kind == "and":
                known[node] = all(known[part] for part in gate.arguments)
            elif gate.kind == "or":
                known[node] = any(known[part] for part in gate.arguments)
            elif gate.kind == "at_least":
                known[node] = sum(known[part] for part in gate.arguments) >= gate.k
            elif gate.kind == "xor":
                known[node] = sum(known[part] for part in gate.arguments) % 2 == 1
            elif gate.kind == "ite":
                known[node] = known[gate.arguments[1 if known[gate.arguments[0]] else 2]]
            else:
                known[node] = gate.kind == "true"
        return known
