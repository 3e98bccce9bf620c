"""What blocks add up to: the distribution of a sum over blocks, each of which adds what its values say.

Rows of whole numbers, such as how many are lost or how much is put on each of some elements, are followed down a block
diagram with their probability. What passes a limit is counted and followed no further, and a column that nothing is
added to any more is forgotten, so that rows stay few. Weights may be complex: a tiny imaginary part is a derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.blocks import BlockDiagram

__all__ = ["Column", "Rows", "Sums", "added", "repeated", "sums_over"]

IntArray = NDArray[np.int64]
Weights = NDArray[Any]

_MOST_ROWS = 4_000_000


@dataclass(frozen=True, eq=False)
class Rows:
    """Different rows of whole numbers (rows x columns) with a weight each, and the most that was left out of them."""

    numbers: IntArray
    weight: Weights
    left_out: float = 0.0

    @staticmethod
    def of(numbers: IntArray, weight: Weights, below: float = 0.0, left_out: float = 0.0) -> Rows:
        """Add up equal rows; those of a weight up to `below` are left out, beside what was before."""
        where, first = _same(numbers)
        total = _summed(weight, where, len(first))
        kept = total.real > below
        return Rows(numbers[first][kept], total[kept], left_out + float(total.real[~kept].sum()))

    @staticmethod
    def nothing(width: int, dtype: Any) -> Rows:
        """What adds nothing, for sure."""
        return Rows(np.zeros((1, width), dtype=np.int64), np.ones(1, dtype=dtype))


@dataclass(frozen=True, slots=True)
class Column:
    """A number that is followed: its limit, and the levels between which blocks add to it.

    `still` has the most that is added after some levels, by level: what cannot pass its limit any more is forgotten.
    """

    limit: float
    first: int
    last: int
    still: tuple[tuple[int, float], ...] = ()

    def after(self, level: int) -> float:
        """The most that can be added after a level."""
        return sum(most for last, most in self.still if last > level) if self.still else np.inf


@dataclass(frozen=True, eq=False)
class Sums:
    """The distribution at the end: of rows within the limits, of what passed one, and of what was left out."""

    rows: Rows
    over: Any
    left_out: float


def added(one: Rows, other: Rows, below: float) -> Rows:
    """Add two independent rows.

    Examples
    --------
    >>> coin = Rows(np.array([[0], [1]]), np.array([0.5, 0.5]))
    >>> added(coin, coin, 0.0).weight.tolist()
    [0.25, 0.5, 0.25]
    """
    left_out = one.left_out + other.left_out
    if len(one.weight) == 1 or len(other.weight) == 1:  # rows stay different
        return Rows(one.numbers + other.numbers, one.weight * other.weight, left_out)
    numbers = (one.numbers[:, None, :] + other.numbers[None, :, :]).reshape(-1, one.numbers.shape[1])
    return Rows.of(numbers, np.outer(one.weight, other.weight).reshape(-1), below, left_out)


def repeated(one: Rows, times: int, below: float) -> Rows:
    """Add up so many independent rows of one kind.

    Examples
    --------
    >>> coin = Rows(np.array([[0], [1]]), np.array([0.5, 0.5]))
    >>> repeated(coin, 3, 0.0).weight.tolist()
    [0.125, 0.375, 0.375, 0.125]
    """
    result, square = Rows.nothing(one.numbers.shape[1], one.weight.dtype), one
    while times:
        if times & 1:
            result = added(result, square, below)
        times >>= 1
        if times:
            square = added(square, square, below)
    return result


def sums_over(
    diagram: BlockDiagram,
    unavailability: Weights,
    steps: Callable[[int, tuple[bool, ...]], Rows],
    columns: Sequence[Column],
    below: float,
) -> Sums:
    """Follow the sum of what blocks add.

    Parameters
    ----------
    diagram : BlockDiagram
        What is told when.
    unavailability : array
        Of each variable of the diagram; complex ones carry a derivative.
    steps : callable
        What a block adds by the values of its functions.
    columns : sequence of Column
        What is followed; a row above one of its limits is counted as over.
    below : float
        Rows of a probability up to this are left out.
    """
    places = _Places(columns)
    width = places.width
    start = Rows.nothing(width, unavailability.dtype)
    known: dict[int, Rows] = {}
    totals: dict[tuple[int, ...], Rows] = {}  # many tells say the same of different blocks
    put_: dict[int, tuple[Rows, Rows]] = {}

    def told(place: int) -> Rows:
        """What all that an edge tells adds up to."""
        if place not in known:
            parts = [steps(block, values) for block, values in diagram.tells[place]]
            key = tuple(sorted(map(id, parts)))
            if key not in totals:
                total = start
                for part in parts:
                    if id(part) not in put_:
                        put_[id(part)] = part, places.put(part)  # kept, so that no other has its number
                    total = added(total, put_[id(part)][1], below)
                totals[key] = total
            known[place] = totals[key]
        return known[place]

    pending: dict[int, list[tuple[IntArray, IntArray, Weights]]] = {}
    finished: list[tuple[IntArray, Weights]] = []
    over: Any = 0.0
    left = 0.0

    def put(edges: IntArray, numbers: IntArray, weight: Weights, source: int) -> None:
        """Follow edges: add what they tell, count what is over, keep the rest for its level."""
        nonlocal over, left
        for place in np.unique(diagram.told[edges]).tolist():
            here = diagram.told[edges] == place
            step = told(place)
            left += float(weight[here].real.sum()) * step.left_out
            nodes = np.repeat(diagram.child[edges[here]], len(step.weight))
            rows = (numbers[here][:, None, :] + step.numbers[None, :, :]).reshape(-1, width)
            shares = np.outer(weight[here], step.weight).reshape(-1)
            gone = (rows > places.limit(source)).any(axis=1)
            over = over + shares[gone].sum()
            lost = ~gone & ((nodes > diagram.nodes) | (shares.real <= below))
            left += float(shares.real[lost].sum())
            kept = ~gone & ~lost
            nodes, rows, shares = nodes[kept], rows[kept], shares[kept]
            end = nodes == diagram.nodes
            if end.any():
                last_rows = rows[end]
                last_rows[:, places.closed(source, len(diagram.variables))] = 0
                finished.append((last_rows, shares[end]))
            levels = np.where(end, -1, diagram.level[np.minimum(nodes, diagram.nodes - 1)] if diagram.nodes else -1)
            for level in np.unique(levels[~end]).tolist():
                at = levels == level
                kept_rows = rows[at]
                kept_rows[:, places.closed(source, level)] = 0
                kept_rows[kept_rows <= places.harmless(source)] = 0
                pending.setdefault(level, []).append((nodes[at], kept_rows, shares[at]))

    put(np.array([len(diagram.child) - 1]), start.numbers, start.weight, -1)
    for level in range(len(diagram.variables)):
        if level not in pending:
            continue
        nodes, rows, weight = (np.concatenate(part) for part in zip(*pending.pop(level), strict=True))
        where, first = _same(np.column_stack([nodes, rows]))
        if len(first) > _MOST_ROWS:
            raise ModelTooLargeError(
                f"more than {_MOST_ROWS:,} different loads of its elements have to be distinguished; give capacities "
                "to "
                "fewer elements, or describe fewer groups of clients"
            )
        weight = _summed(weight, where, len(first))
        nodes, rows = nodes[first], rows[first]
        q = unavailability[level]
        put(2 * nodes, rows, weight * (1.0 - q), level)
        if q != 0:
            put(2 * nodes + 1, rows, weight * q, level)
    numbers = np.concatenate([rows for rows, _ in finished]) if finished else np.zeros((0, width), dtype=np.int64)
    weights = np.concatenate([w for _, w in finished]) if finished else np.zeros(0, dtype=unavailability.dtype)
    return Sums(Rows.of(numbers, weights), over, left)


class _Places:
    """Where the numbers of columns stand in a row: those that are never open at the same time share a place."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._of = np.zeros(len(columns), dtype=np.int64)
        free: list[int] = []  # last level of what has each place
        self._holds: list[list[Column]] = []
        for number in sorted(range(len(columns)), key=lambda n: columns[n].first):
            column = columns[number]
            place = next((n for n, last in enumerate(free) if last < column.first), len(free))
            if place == len(free):
                free.append(column.last)
                self._holds.append([])
            free[place] = column.last
            self._holds[place].append(column)
            self._of[number] = place
        self.width = len(free)
        self._limit: dict[int, NDArray[np.float64]] = {}
        self._harmless: dict[int, NDArray[np.float64]] = {}
        self._closed: dict[tuple[int, int], list[int]] = {}

    def put(self, rows: Rows) -> Rows:
        """Rows of columns as rows of places."""
        numbers = np.zeros((len(rows.numbers), self.width), dtype=np.int64)
        for column, place in enumerate(self._of.tolist()):
            numbers[:, place] += rows.numbers[:, column]
        return replace(rows, numbers=numbers)

    def limit(self, level: int) -> NDArray[np.float64]:
        """Limits of what is open at a level."""
        if level not in self._limit:
            self._limit[level] = self._of_open(level, np.inf, lambda column: column.limit)
        return self._limit[level]

    def harmless(self, level: int) -> NDArray[np.float64]:
        """Numbers up to which what is open at a level can pass its limit no more."""
        if level not in self._harmless:
            self._harmless[level] = self._of_open(level, -1.0, lambda column: column.limit - column.after(level))
        return self._harmless[level]

    def _of_open(self, level: int, else_: float, value: Callable[[Column], float]) -> NDArray[np.float64]:
        open_ = (next((c for c in held if c.first <= level <= c.last), None) for held in self._holds)
        return np.array([else_ if column is None else value(column) for column in open_])

    def closed(self, source: int, level: int) -> list[int]:
        """Places whose column nothing is added to any more, on the way from one level to another."""
        if (source, level) not in self._closed:
            self._closed[source, level] = [
                n for n, held in enumerate(self._holds) if any(source <= c.last < level for c in held)
            ]
        return self._closed[source, level]


def _same(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Which of the different rows each is, and where each of those first stands."""
    marks = np.random.default_rng(1).integers(1, 2**62, rows.shape[1], dtype=np.int64)
    _, first, where = np.unique(rows @ marks, return_index=True, return_inverse=True)
    where = where.reshape(-1)
    if not np.array_equal(rows[first][where], rows):  # two rows of one code, which chance alone could bring
        _, first, where = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return where.reshape(-1), first


def _summed(weight: Weights, where: IntArray, count: int) -> Weights:
    total = np.bincount(where, weights=weight.real, minlength=count)
    if not np.iscomplexobj(weight):
        return np.asarray(total)
    return np.asarray(total + 1j * np.bincount(where, weights=weight.imag, minlength=count))
