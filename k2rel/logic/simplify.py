"""A Boolean function made smaller before it is compiled: fewer gates, and fewer places where a variable stands.

Nothing here changes the function:

coalescing    an and within an and becomes one gate
propagation   what stands beside a gate in an and is known to hold within that gate
factoring     (a and b) or (a and c) becomes a and (b or c)
grouping      literals that always stand together become one gate
splitting     arguments of a gate that share variables become a gate of their own
"""

from __future__ import annotations

from collections.abc import Callable

from k2rel.logic.graph import YES, Graph, Literal

__all__ = ["simplified"]

_MOST_ROUNDS = 20


def _rebuilt(
    graph: Graph, root: Literal, make: Callable[[Graph, int, list[Literal]], Literal]
) -> tuple[Graph, Literal]:
    """Copy a function gate by gate; `make` gets the new graph, the old node and its new arguments."""
    new = Graph()
    known = {0: YES}
    for node in graph.needed(root):
        if graph.kind[node] == "variable":
            known[node] = new.variable(graph.name[node])
        else:
            known[node] = make(new, node, [known[a >> 1] ^ (a & 1) for a in graph.arguments[node]])
    return new, known[root >> 1] ^ (root & 1)


def _coalesced(graph: Graph, root: Literal) -> tuple[Graph, Literal]:
    """Merge an and into the only and that uses it."""
    nodes = graph.needed(root)
    uses = graph.uses(nodes)
    kind = graph.kind
    if not any(
        kind[node] == "and" and not literal & 1 and kind[literal >> 1] == "and" and uses[literal >> 1] == 1
        for node in nodes
        for literal in graph.arguments[node]
    ):
        return graph, root

    def make(new: Graph, node: int, arguments: list[Literal]) -> Literal:
        if graph.kind[node] != "and":
            return new.same_gate(graph, node, arguments)
        merged: list[Literal] = []
        for old, literal in zip(graph.arguments[node], arguments, strict=True):
            inner = not literal & 1 and new.kind[literal >> 1] == "and" and uses[old >> 1] == 1
            merged.extend(new.arguments[literal >> 1] if inner else (literal,))
        return new.conjunction(merged)

    return _rebuilt(graph, root, make)


def _propagated(graph: Graph, root: Literal) -> tuple[Graph, Literal]:
    """Put in place what is known to hold wherever a gate matters.

    An and matters only where all its other arguments hold, so within one argument they are true. A gate that
    stands in several places has the facts that hold in all of them. What is replaced still stands above, on every
    path to the top, so the function stays the same.
    """
    nodes = graph.needed(root)
    uses = graph.uses(nodes)
    facts: dict[int, dict[int, bool]] = {root >> 1: {}}
    for node in reversed(nodes):
        own = facts.get(node, {})
        arguments = graph.arguments[node]
        beside = [a for a in arguments if graph.kind[node] == "and" and uses[a >> 1] > 1]
        for literal in arguments:
            part = literal >> 1
            if graph.kind[part] == "variable":
                continue
            here = own | {a >> 1: not a & 1 for a in beside if a >> 1 != part} if beside else own
            if part in facts:
                before = facts[part]
                facts[part] = {key: value for key, value in before.items() if here.get(key) is value}
            else:
                facts[part] = here
    new = Graph()
    known = {0: YES}
    for node in nodes:
        if graph.kind[node] == "variable":
            known[node] = new.variable(graph.name[node])
            continue
        own = facts[node]
        parts = []
        for literal in graph.arguments[node]:
            fact = own.get(literal >> 1)
            parts.append((known[literal >> 1] if fact is None else int(not fact)) ^ (literal & 1))
        known[node] = new.same_gate(graph, node, parts)
    return new, known[root >> 1] ^ (root & 1)


def _shares(graph: Graph, node: int) -> bool:
    """Whether two ors of an and have an argument in common."""
    ors = [a >> 1 for a in graph.arguments[node] if a & 1 and graph.kind[a >> 1] == "and"]
    parts = [part for gate in ors for part in graph.arguments[gate]] if len(ors) > 1 else []
    return len(set(parts)) < len(parts)


def _factored(graph: Graph, root: Literal) -> tuple[Graph, Literal]:
    """Take out of the ors of an and, or the ands of an or, the argument that most of them have in common."""
    if not any(_shares(graph, node) for node in graph.needed(root) if graph.kind[node] == "and"):
        return graph, root

    def make(new: Graph, node: int, arguments: list[Literal]) -> Literal:
        while graph.kind[node] == "and":
            holders: dict[Literal, list[int]] = {}
            for position, literal in enumerate(arguments):
                if literal & 1 and new.kind[literal >> 1] == "and":
                    for part in new.arguments[literal >> 1]:
                        holders.setdefault(part, []).append(position)
            common, where = max(holders.items(), key=lambda item: len(item[1]), default=(0, []))
            if len(where) < 2:
                break
            rests = [
                new.conjunction(p for p in new.arguments[arguments[position] >> 1] if p != common) ^ 1
                for position in where
            ]
            joined = new.conjunction([common, new.conjunction(rests) ^ 1]) ^ 1
            taken = set(where)
            arguments = [literal for position, literal in enumerate(arguments) if position not in taken] + [joined]
        return new.same_gate(graph, node, arguments)

    return _rebuilt(graph, root, make)


def _grouped(graph: Graph, root: Literal) -> tuple[Graph, Literal]:
    """Give literals that always stand together in the same ands a gate of their own: one variable instead of many."""
    nodes = graph.needed(root)
    stands: dict[Literal, list[int]] = {}
    alone: set[int] = {root >> 1}
    for node in nodes:
        for literal in graph.arguments[node]:
            stands.setdefault(literal, []).append(node)
            if graph.kind[node] != "and":
                alone.add(literal >> 1)
    company: dict[tuple[int, ...], list[Literal]] = {}
    for literal, where in stands.items():
        if literal >> 1 not in alone and literal ^ 1 not in stands:
            company.setdefault(tuple(where), []).append(literal)
    leader = {
        literal: members
        for where, members in company.items()
        if len(members) > 1 and any(len(graph.arguments[node]) > len(members) for node in where)
        for literal in members
    }
    if not leader:
        return graph, root
    new = Graph()
    known = {0: YES}
    for node in nodes:
        if graph.kind[node] == "variable":
            known[node] = new.variable(graph.name[node])
            continue
        parts = []
        for literal in graph.arguments[node]:
            members = leader.get(literal)
            if members is None:
                parts.append(known[literal >> 1] ^ (literal & 1))
            elif literal == members[0]:  # one for all of them
                parts.append(new.conjunction(known[m >> 1] ^ (m & 1) for m in members))
        known[node] = new.same_gate(graph, node, parts)
    return new, known[root >> 1] ^ (root & 1)


def _split(graph: Graph, root: Literal) -> tuple[Graph, Literal]:
    """Give arguments of a gate that share variables among themselves, and with no other argument, their own gate."""
    support = {0: 0}
    for count, node in enumerate(graph.needed(root)):
        support[node] = 1 << count if graph.kind[node] == "variable" else 0
        for literal in graph.arguments[node]:
            support[node] |= support[literal >> 1]

    def make(new: Graph, node: int, arguments: list[Literal]) -> Literal:
        if graph.kind[node] == "at_least" or len(arguments) < 3:
            return new.same_gate(graph, node, arguments)
        groups: list[tuple[int, list[Literal]]] = []
        for old, literal in zip(graph.arguments[node], arguments, strict=True):
            variables, members = support[old >> 1], [literal]
            apart = []
            for other, others in groups:
                if other & variables:
                    variables, members = variables | other, others + members
                else:
                    apart.append((other, others))
            groups = [*apart, (variables, members)]
        if len(groups) > 1:
            arguments = [new.same_gate(graph, node, members) for _, members in groups]
        return new.same_gate(graph, node, arguments)

    return _rebuilt(graph, root, make)


def simplified(graph: Graph, root: Literal) -> tuple[Graph, Literal]:
    """Rewrite a function until it gets no smaller.

    Examples
    --------
    >>> g = Graph()
    >>> a, b, c = (g.variable(name) for name in "abc")
    >>> small, top = simplified(g, g.conjunction([a, g.disjunction([a, b]), g.disjunction([c, b])]))
    >>> len(small.needed(top))
    5
    """
    size = sum(1 + len(arguments) for arguments in graph.arguments)
    for _ in range(_MOST_ROUNDS):
        graph, root = _coalesced(graph, root)
        graph, root = _propagated(graph, root)
        graph, root = _coalesced(graph, root)
        graph, root = _factored(graph, root)
        graph, root = _grouped(graph, root)
        nodes = graph.needed(root)
        last, size = size, sum(1 + len(graph.arguments[node]) for node in nodes)
        if size >= last:
            break
    graph, root = _grouped(*_coalesced(graph, root))
    return _split(graph, root)
