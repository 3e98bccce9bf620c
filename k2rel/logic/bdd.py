"""Functions reduced to ordered binary decision diagrams (R. E. Bryant, 1986), within a bound of nodes.

OxiDD builds them (why: docs/reference/decisions/oxidd.md); their nodes come over as arrays. For one module several
orders of the variables are tried in turns, each a little further than before, until one is done. How far is counted in
nodes that were made: OxiDD's collector runs beside the work, so what is in memory at a moment changes from run to run,
and with it would the order, the diagram and the last digits.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from oxidd.bdd import BDDFunction, BDDManager
from oxidd.util import DDMemoryError

from k2rel.errors import K2relError, ModelTooLargeError
from k2rel.logic.graph import Graph, Literal
from k2rel.logic.ordering import variable_orders
from k2rel.logic.structure import FALSE, TRUE, Node, Structure
from k2rel.memory import bound_in_words, bounded, check_addresses, most_of

__all__ = ["Reduced", "Together", "reduced", "reduced_together"]

IntArray = NDArray[np.int64]

_FIRST_TURN = 10_000  # nodes made; most modules need no more
_TURNS = (20_000, 40_000, 80_000, 160_000, 250_000)
_SMALL = 12
_MOST_COLLECTIONS = 5
NODE_BYTES, TOGETHER_BYTES = 200.0, 350.0
_STACK_BYTES, _ROOM_BYTES = 1.3e9, 32.0  # of addresses: 1,140 to 1,240 MB and 22 bytes measured
"""Of a node while most is held, up to one diagram's arrays or the lists of several: 48 to 62 measured in OxiDD's
tables, 117 of text and arrays while it comes over, 110 in lists."""
_IN_MEMORY = hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir()


@dataclass(frozen=True, eq=False)
class Together:
    """Diagrams of several functions over the same variables; node 0 is false, 1 true."""

    variables: tuple[str, ...]  # in their order
    level: list[int]  # place of the variable that a node tests
    high: list[int]  # successor where it is true
    low: list[int]
    roots: list[int]  # of each function


@dataclass(frozen=True, eq=False)
class Reduced:
    """A reduced ordered diagram of one module; nodes 0 and 1 are false and true, others follow their successors."""

    order: list[int]  # graph nodes that count as variables
    level: IntArray  # (nodes,): place in `order` of what a node tests; len(order) for the terminals
    high: IntArray
    low: IntArray
    root: int


def _manager(room: int) -> BDDManager:
    """Room for so many nodes; the thread that works on them has a stack of a gibibyte, hardly any of it used.

    That of a manager before may still be there: who has less is refused, where the library would end the process.
    """
    check_addresses(_STACK_BYTES + _ROOM_BYTES * room, "a decision diagram")
    return BDDManager(room, max(room // 4, 1 << 12), 1)


class _Attempt:
    """One module in one order, built gate by gate, from turn to turn."""

    def __init__(
        self, graph: Graph, root: Literal, leaves: Collection[int], order: list[int], negated: Collection[int]
    ) -> None:
        self.graph = graph
        self.negated = negated
        self.root = root
        self.order = order
        self.gates = graph.gates_above(root, leaves)
        # Which of a gate and its negation is needed: mostly one of them, and negating a diagram costs a walk
        # through it, so negations go down to the leaves instead.
        self.uses: dict[Literal, int] = {root: 1}
        for node in reversed(self.gates):
            for literal in (2 * node, 2 * node + 1):
                if literal in self.uses:
                    for part in self._arguments(literal):
                        self.uses[part] = self.uses.get(part, 0) + 1

    def _arguments(self, literal: Literal) -> list[Literal]:
        """What a gate, or its negation, is made of."""
        arguments = self.graph.arguments[literal >> 1]
        if not literal & 1:
            return list(arguments)
        return (
            [arguments[0] ^ 1, *arguments[1:]] if self.graph.kind[literal >> 1] == "xor" else [a ^ 1 for a in arguments]
        )

    def begin(self, room: int) -> None:
        """Begin with room for so many nodes."""
        manager = _manager(room)
        manager.add_vars(len(self.order))
        known: dict[Literal, BDDFunction] = {}
        for place, leaf in enumerate(self.order):
            sign = int(leaf in self.negated)
            known[2 * leaf + sign], known[2 * leaf + 1 - sign] = manager.var(place), manager.not_var(place)
        self.manager, self.known, self.left = manager, known, dict(self.uses)
        self.done = 0  # gates

    def end(self) -> None:
        """Give the room back."""
        self.known = {}
        vars(self).pop("manager", None)

    def go_on(self, made: int) -> bool:
        """Build on; False once more than so many nodes were made, for which there must be room twice.

        The collector wakes where little room is left, so whether it did says the same in every run.
        """
        while self.done < len(self.gates):
            if self.manager.num_inner_nodes() > made or self.manager.gc_count():
                return False
            if not self._build():
                return False
        return True

    def go_through(self) -> bool:
        """Build to the end, however many nodes are made; False where those that are needed have no room."""
        while self.done < len(self.gates):
            if self.manager.gc_count() > _MOST_COLLECTIONS:  # it would go on at the bound, ever more slowly
                return False
            if not self._build():
                return False
        return True

    def _build(self) -> bool:
        """Build the next gate, if there is room."""
        node = self.gates[self.done]
        literals = [literal for literal in (2 * node, 2 * node + 1) if literal in self.uses]
        try:
            for literal in literals:
                self.known[literal] = self._gate(self.manager, self.known, literal)
        except DDMemoryError:
            return False
        for literal in literals:
            for part in self._arguments(literal):
                self.left[part] -= 1
                if not self.left[part]:
                    del self.known[part]  # used by no gate that is still to come
        self.done += 1
        return True

    def _gate(self, manager: BDDManager, known: Mapping[Literal, BDDFunction], literal: Literal) -> BDDFunction:
        graph, node = self.graph, literal >> 1
        if literal ^ 1 in known:
            return ~known[literal ^ 1]
        parts = [known[part] for part in self._arguments(literal)]
        kind, k = graph.kind[node], graph.k[node]
        if literal & 1 and kind != "xor":
            kind, k = ("or", 0) if kind == "and" else (kind, len(parts) - k + 1)
        return _joined(manager, kind, k, parts)

    def diagram(self) -> Reduced:
        """Give what was built."""
        level, high, low, roots = arrays_of(self.manager, [self.known[self.root]], len(self.order))
        return Reduced(self.order, level, high, low, roots[0])


def arrays_of(
    manager: BDDManager, functions: Sequence[BDDFunction], variables: int
) -> tuple[IntArray, IntArray, IntArray, list[int]]:
    """Nodes of functions as level, high and low, successors first, and the functions' roots.

    They come over as DDDMP text, a line for each node: a quarter of a microsecond each, a tenth of walking
    through them one by one.
    """
    text = _written(lambda name: manager.export_dddmp(name, functions, ascii=True))
    if b"\n.end" not in text:
        where = "memory" if _IN_MEMORY else f"{tempfile.gettempdir()}; TMPDIR names another folder"
        raise K2relError(f"a diagram could not be written to {where}")
    head, _, body = text.partition(b".nodes\n")
    fields = dict(line.split(maxsplit=1) for line in head.splitlines() if len(line.split()) > 1)
    tested = np.array([int(place) for place in fields.get(b".ids", b"").split()], dtype=np.int64)
    body = body[: body.rindex(b".end")]
    terminals = {}
    while body and body[:20].split()[1] in (b"T", b"F"):
        line, _, body = body.partition(b"\n")
        terminals[int(line.split()[0])] = int(line.split()[1] == b"T")
    rows = np.fromstring(body.decode(), dtype=np.int64, sep=" ").reshape(-1, 4)
    place = np.empty(len(rows) + len(terminals) + 1, dtype=np.int64)
    place[rows[:, 0]] = np.arange(2, len(rows) + 2)
    for number, truth in terminals.items():
        place[number] = truth
    ends = np.full(2, variables)
    level = np.concatenate([ends, tested[rows[:, 1]]]) if len(rows) else ends
    own = np.arange(2)
    high, low = (np.concatenate([own, place[rows[:, column]]]) for column in (2, 3))
    return level, high, low, [int(place[int(number)]) for number in fields[b".rootids"].split()]


def _written(write: Callable[[str], None]) -> bytes:
    """What is written to a file of that name; Linux has files in memory, and to remove one from a disk takes 2 ms."""
    if _IN_MEMORY:
        with open(os.memfd_create("diagram"), "rb") as file:
            write(f"/proc/self/fd/{file.fileno()}")
            return file.read()
    handle, name = tempfile.mkstemp(suffix=".dddmp")
    os.close(handle)
    try:
        write(name)
        return Path(name).read_bytes()
    finally:
        os.unlink(name)


def _chain(literals: list[Literal], sign: int) -> Reduced:
    """Write down an and of variables, or its negation: a chain needs no library."""
    count = len(literals)
    stop, end = int(sign), 1 - int(sign)
    onward = np.concatenate([[end], np.arange(2, count + 1)])  # node 2 is the last variable's
    negated = np.array([literal & 1 for literal in reversed(literals)], dtype=np.bool_)
    high = np.concatenate([[0, 1], np.where(negated, stop, onward)])
    low = np.concatenate([[0, 1], np.where(negated, onward, stop)])
    level = np.concatenate([[count, count], np.arange(count - 1, -1, -1)])
    return Reduced([literal >> 1 for literal in literals], level, high, low, count + 1)


def reduced(
    graph: Graph, root: Literal, leaves: Collection[int], most_nodes: int, negated: Collection[int] = ()
) -> Reduced:
    """Reduce one module, in the first of several orders whose diagram fits; `leaves` count as its variables.

    The variable of a leaf in `negated` is true where the leaf is false.

    Examples
    --------
    >>> g = Graph()
    >>> a, b = g.variable("a"), g.variable("b")
    >>> top = g.conjunction([a, b])
    >>> reduced(g, top, [a >> 1, b >> 1], 1000).level.tolist()
    [2, 2, 1, 0]
    """
    gate = root >> 1
    if gate == 0:
        own = np.arange(2)
        return Reduced([], np.zeros(2, dtype=np.int64), own, own, int(root == 0))
    if gate in leaves:
        return _chain([root ^ (gate in negated)], 0)
    if graph.kind[gate] == "and" and all(literal >> 1 in leaves for literal in graph.arguments[gate]):
        return _chain([a ^ (a >> 1 in negated) for a in graph.arguments[gate]], root & 1)
    orders = variable_orders(graph, gate, leaves)
    asked, most_nodes = most_nodes, bounded(most_nodes, NODE_BYTES)
    room, more = 2 * _FIRST_TURN, 2 * _TURNS[-1]
    attempts = []
    for order in islice(orders, 1 if len(leaves) <= _SMALL else None):
        attempt = _Attempt(graph, root, leaves, order, negated)
        attempts.append(attempt)
        if room <= most_nodes:
            attempt.begin(room)
            if attempt.go_on(_FIRST_TURN):
                return attempt.diagram()
    turns = more <= most_nodes and len(attempts) * more <= most_of(NODE_BYTES)
    if turns:
        turn = sorted(attempts, key=lambda attempt: -attempt.done)  # who came furthest goes first
        for attempt in turn:
            attempt.begin(more)
        for made in _TURNS:
            for attempt in turn:
                if attempt.go_on(made):
                    return attempt.diagram()
            turn.sort(key=lambda attempt: -attempt.done)
    for attempt in attempts:
        attempt.end()
    # short edges make most diagrams smaller and a few much larger: the last attempts are the plain walks
    last = attempts[-1 : -3 if turns else None : -1]
    for attempt in last if most_nodes > 2 * len(leaves) + 2 else ():  # else not even the variables have room
        attempt.begin(most_nodes)
        if attempt.go_through():
            return attempt.diagram()
        attempt.end()
    raise ModelTooLargeError(
        f"the diagram of a part with {len(leaves)} variables passes "
        f"{bound_in_words(asked, NODE_BYTES, 'nodes')} in every order tried; use bounds instead of a value, allow "
        "more nodes, or describe a smaller model"
    )


def reduced_together(
    structure: Structure, roots: Sequence[Node], order: Sequence[str], most_nodes: int = 8_000_000
) -> Together:
    """Reduce several functions in one order of the variables.

    Examples
    --------
    >>> s = Structure()
    >>> a, b = s.variable("a"), s.variable("b")
    >>> len(reduced_together(s, [a, s.conjunction([a, b])], ["a", "b"]).roots)
    2
    """
    most = bounded(most_nodes, TOGETHER_BYTES)
    for bound in (min(100_000, most), most):
        manager = _manager(bound)
        manager.add_vars(len(order))
        place = {name: number for number, name in enumerate(order)}
        known: dict[Node, BDDFunction] = {FALSE: manager.false(), TRUE: manager.true()}
        try:
            for node in structure.needed(roots):
                kind, arguments, k, name = structure.gate(node)
                if kind not in {"true", "false"}:
                    parts = [known[part] for part in arguments]
                    known[node] = manager.var(place[name]) if kind == "variable" else _joined(manager, kind, k, parts)
            level, high, low, found = arrays_of(manager, [known[root] for root in roots], len(order))
        except DDMemoryError:
            continue
        return Together(tuple(order), level.tolist(), high.tolist(), low.tolist(), found)
    raise ModelTooLargeError(
        f"functions of {len(order)} parts pass together {bound_in_words(most_nodes, TOGETHER_BYTES, 'nodes')}; "
        "describe a smaller site"
    )


def _joined(manager: BDDManager, kind: str, k: int, parts: list[BDDFunction]) -> BDDFunction:
    if kind == "not":
        return ~parts[0]
    if kind == "ite":
        return parts[0].ite(parts[1], parts[2])
    if kind == "at_least":
        # reached[j]: at least j of the parts read so far
        reached = [manager.true()] + [manager.false()] * k
        for part in parts:
            reached = [reached[0]] + [part.ite(reached[j - 1], reached[j]) for j in range(1, k + 1)]
        return reached[k]
    result = parts[0]
    for part in parts[1:]:
        result = result & part if kind == "and" else result | part if kind == "or" else result ^ part
    return result
