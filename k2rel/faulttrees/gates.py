"""Gates of a model: what they refer to, and an order in which each stands after what it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from k2rel.faulttrees.source import Element

__all__ = ["REFERENCES", "gates_in_order", "references"]

REFERENCES = {"gate", "basic-event", "house-event", "event"}
"""Elements of a formula that refer to an event."""


def references(formula: Element) -> Iterator[Element]:
    """Walk through the references within a formula.

    Examples
    --------
    >>> event = Element("event", {"name": "a"}, 1, "m.xml")
    >>> [found.named() for found in references(Element("not", {}, 1, "m.xml", [event]))]
    ['a']
    """
    stack = [formula]
    while stack:
        at = stack.pop()
        if at.tag in REFERENCES:
            yield at
        else:
            stack.extend(at.parts())


def gates_in_order(gates: Mapping[str, Element], uses: Mapping[str, Sequence[str]]) -> list[str]:
    """Order gates after those they use.

    Examples
    --------
    >>> gate = Element("define-gate", {"name": "g"}, 1, "m.xml")
    >>> gates_in_order({"top": gate, "g": gate}, {"top": ["g"], "g": []})
    ['g', 'top']
    """
    result: list[str] = []
    state: dict[str, int] = {}  # 1: open, 2: done
    for start in gates:
        stack = [(start, iter(uses[start]))] if start not in state else []
        state.setdefault(start, 1)
        while stack:
            path, rest = stack[-1]
            for inner in rest:
                if state.get(inner) == 1:
                    route = [p for p, _ in stack]
                    circle = [*route[route.index(inner) :], inner]
                    shown = " > ".join(circle if len(circle) <= 8 else [*circle[:4], "...", *circle[-3:]])
                    raise gates[inner].error(f"gate '{inner}' contains itself: {shown}")
                if inner not in state:
                    state[inner] = 1
                    stack.append((inner, iter(uses[inner])))
                    break
            else:
                state[path] = 2
                result.append(path)
                stack.pop()
    return result
