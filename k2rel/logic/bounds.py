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

from k2rel.logic.graph import Graph, signed_graph
from k2rel.logic.narrowed import Module, Probability, Side, note
from k2rel.logic.ordering import variable_orders
from k2rel.logic.simplify import simplified
from k2rel.logic.structure import Node, Structure

__all__ = ["Bounds", "probability_bounds"]

_ROUNDING = 1e-12  # far more than sums of positive terms lose
_NARROWEST = 32
_WIDEST = 256_000
_CLOSE = 1e-14
_FOR_ORDERS = 0.25  # share of the time for trying orders of the variables


@dataclass(frozen=True, slots=True)
class Bounds:
    """Proven bounds of a probability."""

    low: float
    high: float
    width: int  # most branches kept at one level of one diagram
    seconds: float


def probability_bounds(
    structure: Structure, root: Node, probability: Mapping[str, float], *, seconds: float = 60.0
) -> Bounds:
    """Bound the probability that an expression of independent variables is true.

    Diagrams get wider, and the bounds closer, until a wider one would not be done in the `seconds`; the narrowest is
    followed to its end. The diagrams that are kept and the one that is made
    take about 1 GB at most.

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
    known: dict[Side, Probability] = {(0, False): (1.0, 0.0), (0, True): (1.0, 0.0)}
    for node in graph.needed(top):
        if graph.kind[node] == "variable":
            p = probability[graph.name[node]]
            known[node, False] = known[node, True] = p, 1.0 - p
    stops = {node for node, _ in known}
    width = _NARROWEST
    modules = []
    for node in graph.modules(top):
        modules.append(_tried(graph, node, stops, known, width, started + _FOR_ORDERS * seconds))
        stops.add(node)
    gate, turned = top >> 1, bool(top & 1)
    while True:
        least, most = (known[gate, side != turned][turned] for side in (False, True))
        modules = _open(modules)
        spent = time.monotonic() - started
        late = spent + 2.5 * sum(module.seconds for module in modules) > seconds
        if most - least <= _CLOSE * most or not modules or width >= _WIDEST or late:
            break
        width *= 2
        for module in modules:
            module.bound(width)
    return Bounds(least * (1.0 - _ROUNDING), min(most * (1.0 + _ROUNDING), 1.0), width, spent)


def _open(modules: list[Module]) -> list[Module]:
    """Modules that wider diagrams can change, themselves or what they are made of."""
    found: dict[int, Module] = {}
    for module in modules:
        if module.open or not found.keys().isdisjoint(module.order):
            found[module.root] = module
    return list(found.values())


def _tried(
    graph: Graph, node: int, stops: set[int], known: dict[Side, Probability], width: int, until: float
) -> Module:
    """Bound a module in several orders of its leaves, until some time, and give it in the order that was best."""
    best, least = None, 0.0
    for order in variable_orders(graph, node, graph.leaves_below(node, stops)):
        module = Module(graph, node, order, {(n, side): known[n, side] for n in order for side in (False, True)})
        module.bound(width)
        for gate, bound in module.known.items():
            note(known, gate, bound)
        gap = module.known[node, True][0] - module.known[node, False][0]
        if best is None or gap < least:
            best, least = module, gap
        if not module.open or time.monotonic() > until:
            break
    assert best is not None  # there is an order in any case
    best.known = known
    return best
