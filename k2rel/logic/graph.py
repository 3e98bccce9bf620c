"""A Boolean graph with negated edges: what a function is simplified, cut into modules and compiled in.

It has and, exclusive or and at-least-k gates; an or is a negated and of negated edges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from k2rel.logic.structure import FALSE, TRUE, Node, Structure

__all__ = ["NO", "YES", "Graph", "Literal", "signed_graph"]

Literal = int
"""Twice a node's number, plus one where it is negated; 0 is true and 1 is false."""

YES: Literal = 0
NO: Literal = 1


class Graph:
    """A Boolean graph with negated edges; every gate follows its arguments.

    Examples
    --------
    >>> g = Graph()
    >>> a, b = g.variable("a"), g.variable("b")
    >>> g.conjunction([a, b]), g.conjunction([b, a]), g.disjunction([a, b])  # the order of arguments is kept
    (6, 8, 11)
    """

    def __init__(self) -> None:
        self.kind = ["constant"]  # of each node: "constant" (node 0), "variable", "and", "xor" or "at_least"
        self.arguments: list[tuple[Literal, ...]] = [()]
        self.k = [0]
        self.name = [""]
        self._index: dict[tuple[str, tuple[Literal, ...], int, str], int] = {}

    def _gate(self, kind: str, arguments: tuple[Literal, ...] = (), k: int = 0, name: str = "") -> Literal:
        key = (kind, arguments, k, name)
        node = self._index.get(key)
        if node is None:
            node = self._index[key] = len(self.kind)
            self.kind.append(kind)
            self.arguments.append(arguments)
            self.k.append(k)
            self.name.append(name)
        return 2 * node

    def variable(self, name: str) -> Literal:
        """Name a variable; the same name gives the same literal.

        Examples
        --------
        >>> g = Graph()
        >>> g.variable("a"), g.variable("b"), g.variable("a")
        (2, 4, 2)
        """
        return self._gate("variable", name=name)

    def conjunction(self, literals: Iterable[Literal]) -> Literal:
        """Join literals by "and".

        Examples
        --------
        >>> g = Graph()
        >>> a = g.variable("a")
        >>> g.conjunction([a, a ^ 1])
        1
        """
        parts = dict.fromkeys(literals)
        parts.pop(YES, None)
        if NO in parts or not parts.keys().isdisjoint([part ^ 1 for part in parts]):
            return NO
        if not parts:
            return YES
        if len(parts) == 1:
            (only,) = parts
            return only
        return self._gate("and", tuple(parts))

    def disjunction(self, literals: Iterable[Literal]) -> Literal:
        """Join literals by "or".

        Examples
        --------
        >>> g = Graph()
        >>> g.disjunction([])
        1
        """
        return self.conjunction(literal ^ 1 for literal in literals) ^ 1

    def exclusive_or(self, literals: Iterable[Literal]) -> Literal:
        """Join literals by "an odd number of".

        Examples
        --------
        >>> g = Graph()
        >>> a, b = g.variable("a"), g.variable("b")
        >>> b, g.exclusive_or([a, b, a]), g.exclusive_or([a, b ^ 1, a])
        (4, 4, 5)
        """
        sign = 0
        odd: dict[Literal, None] = {}
        for literal in literals:
            sign ^= literal & 1
            plain = literal & ~1
            if plain == YES:
                sign ^= 1
            elif plain in odd:
                del odd[plain]
            else:
                odd[plain] = None
        if not odd:
            return NO ^ sign
        if len(odd) == 1:
            return next(iter(odd)) ^ sign
        return self._gate("xor", tuple(odd)) ^ sign

    def at_least(self, k: int, literals: Sequence[Literal]) -> Literal:
        """Require k of n literals.

        Examples
        --------
        >>> g = Graph()
        >>> a, b = g.variable("a"), g.variable("b")
        >>> g.at_least(2, [a, b]), g.conjunction([a, b])
        (6, 6)
        """
        k -= sum(literal == YES for literal in literals)
        rest = [literal for literal in literals if literal > NO]
        if k <= 0:
            return YES
        if k > len(rest):
            return NO
        if k == 1:
            return self.disjunction(rest)
        if k == len(rest):
            return self.conjunction(rest)
        return self._gate("at_least", tuple(rest), k)

    def needed(self, root: Literal) -> list[int]:
        """List the nodes that a function is made of, parts before wholes, without the constant.

        Examples
        --------
        >>> g = Graph()
        >>> g.needed(g.conjunction([g.variable("a"), g.variable("b")]))
        [1, 2, 3]
        """
        last, arguments = root >> 1, self.arguments
        found = bytearray(last + 1)
        found[last] = 1
        for node in range(last, 0, -1):  # arguments are always made before the gate that uses them
            if found[node]:
                for literal in arguments[node]:
                    found[literal >> 1] = 1
        return [node for node in range(1, last + 1) if found[node]]

    def gates_above(self, root: Literal, leaves: Collection[int]) -> list[int]:
        """List the gates between a function and nodes that count as its variables, parts before wholes.

        Examples
        --------
        >>> g = Graph()
        >>> a, b = g.variable("a"), g.variable("b")
        >>> g.gates_above(g.conjunction([a, b]), [a >> 1, b >> 1])
        [3]
        """
        if root >> 1 in leaves:
            return []
        seen = {root >> 1}
        stack = [root >> 1]
        while stack:
            for literal in self.arguments[stack.pop()]:
                part = literal >> 1
                if part not in seen and part not in leaves:
                    seen.add(part)
                    stack.append(part)
        return sorted(seen)

    def leaves_below(self, gate: int, stops: Collection[int]) -> list[int]:
        """List the stops, and variables, below a gate, first met first: what its diagram tests.

        Examples
        --------
        >>> g = Graph()
        >>> a, b = g.variable("a"), g.variable("b")
        >>> g.leaves_below(g.conjunction([a, b]) >> 1, {a >> 1, b >> 1})
        [1, 2]
        """
        found: dict[int, None] = {}
        seen: set[int] = {0}
        stack = [gate]
        while stack:
            at = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            if at in stops and (at != gate or not self.arguments[at]):
                found[at] = None
            else:
                stack.extend(literal >> 1 for literal in reversed(self.arguments[at]))
        return list(found)

    def uses(self, nodes: Iterable[int]) -> dict[int, int]:
        """Count how often each node stands as an argument.

        Examples
        --------
        >>> g = Graph()
        >>> root = g.conjunction([g.variable("a"), g.variable("b")])
        >>> g.uses(g.needed(root))
        {1: 1, 2: 1}
        """
        return dict(Counter([literal >> 1 for node in nodes for literal in self.arguments[node]]))

    def same_gate(self, other: Graph, node: int, arguments: Sequence[Literal]) -> Literal:
        """Make a gate of the kind of a node of another graph, with other arguments.

        Examples
        --------
        >>> g, h = Graph(), Graph()
        >>> root = g.conjunction([g.variable("a"), g.variable("b")])
        >>> h.variable("c"), h.same_gate(g, root >> 1, [h.variable("c"), YES])
        (2, 2)
        """
        kind = other.kind[node]
        if kind == "and":
            return self.conjunction(arguments)
        if kind == "xor":
            return self.exclusive_or(arguments)
        return self.at_least(other.k[node], arguments)

    def modules(self, root: Literal) -> list[int]:
        """Find the gates whose variables stand nowhere else, in two walks over the graph.

        Y. Dutuit, A. Rauzy, IEEE Trans. Reliability 45 (1996) 422.

        Examples
        --------
        >>> g = Graph()
        >>> a, b, c = (g.variable(name) for name in "abc")
        >>> root = g.conjunction([g.disjunction([a, b]), c])
        >>> len(g.modules(root))
        2
        """
        entered: dict[int, int] = {}
        left: dict[int, int] = {}
        seen_last: dict[int, int] = {}
        clock = 0
        stack = [(root >> 1, False)]
        while stack:
            node, leaving = stack.pop()
            clock += 1
            if leaving:
                left[node] = seen_last[node] = clock
            elif node in entered:
                seen_last[node] = clock
            else:
                entered[node] = seen_last[node] = clock
                stack.append((node, True))
                stack.extend((literal >> 1, False) for literal in reversed(self.arguments[node]))
        found = []
        earliest: dict[int, int] = {}
        latest: dict[int, int] = {}
        for node in self.needed(root):
            parts = [literal >> 1 for literal in self.arguments[node]]
            earliest[node] = min((min(earliest[p], entered[p]) for p in parts), default=entered[node])
            latest[node] = max((max(latest[p], seen_last[p]) for p in parts), default=seen_last[node])
            if parts and entered[node] <= earliest[node] and latest[node] <= left[node]:
                found.append(node)
        return found

    def at_rest(self, root: Literal) -> dict[int, bool]:
        """Evaluate every node of a function with all variables false.

        Examples
        --------
        >>> g = Graph()
        >>> g.at_rest(g.variable("a"))
        {0: True, 1: False}
        """
        truth = {0: True}
        for node in self.needed(root):
            values = [truth[literal >> 1] != bool(literal & 1) for literal in self.arguments[node]]
            kind = self.kind[node]
            if kind == "variable":
                truth[node] = False
            elif kind == "and":
                truth[node] = all(values)
            elif kind == "xor":
                truth[node] = sum(values) % 2 == 1
            else:
                truth[node] = sum(values) >= self.k[node]
        return truth


def signed_graph(structure: Structure, root: Node, *, failures: bool = False) -> tuple[Graph, Literal]:
    """Read an expression of a structure as a graph with negated edges.

    With `failures`, a variable of the graph says "has failed" where that of the structure says "works", and the
    function is the failure of the expression.

    Examples
    --------
    >>> s = Structure()
    >>> graph, top = signed_graph(s, s.conjunction([s.variable("a"), s.variable("b")]), failures=True)
    >>> top, graph.arguments[top >> 1]
    (7, (3, 5))
    """
    graph = Graph()
    flip = int(failures)
    known: dict[Node, Literal] = {FALSE: NO, TRUE: YES}
    for node in structure.needed([root]):
        kind, arguments, k, name = structure.gate(node)
        parts = [known[part] for part in arguments]
        if kind == "variable":
            known[node] = graph.variable(name) ^ flip
        elif kind == "not":
            known[node] = parts[0] ^ 1
        elif kind == "and":
            known[node] = graph.conjunction(parts)
        elif kind == "or":
            known[node] = graph.disjunction(parts)
        elif kind == "xor":
            known[node] = graph.exclusive_or(parts)
        elif kind == "ite":
            when, then, other = parts
            known[node] = graph.disjunction([graph.conjunction([when, then]), graph.conjunction([when ^ 1, other])])
        elif kind == "at_least":
            known[node] = graph.at_least(k, parts)
    return graph, known[root] ^ flip
