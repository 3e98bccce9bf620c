"""Functions in blocks, followed block by block: what is decided is told at once and leaves the state.

Blocks of functions, such as what decides each group of clients, share parts. A joint diagram of them all has a path for
each combination of their values, and those are too many where blocks are. Here variables are decided in order as in a
diagram; as soon as all functions of a block have their value the edge tells it, and the block is forgotten. A state
holds what is left of the blocks that are begun and not decided, so that cost grows with how many of these there are at
the same time, not with the number of blocks (as in the frontier method of G. Hardy, C. Lucet and N. Limnios, IEEE
Trans. Reliability 56 (2007) 506).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.bdd import Together, reduced_together
from k2rel.logic.structure import Node, Structure

__all__ = ["BlockDiagram", "compile_blocks"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_NODES = 2_000_000
_MOST_AT_ONCE = 4_000  # conditions of one level; more are left out, the least probable first
_HUB = 1 / 3  # a variable of so many of the blocks is decided before those that set blocks apart


@dataclass(frozen=True, eq=False)
class BlockDiagram:
    """A diagram whose edges tell what is decided.

    Node n has the edges 2n, where its variable works, and 2n + 1, where it has failed; nodes follow the levels. The
    edge that leads in is the last one. An edge leads to a node, to the end (as many as there are nodes), or to what was
    left out (one more).
    """

    variables: tuple[str, ...]
    level: IntArray  # (nodes,)
    child: IntArray  # (edges,)
    told: IntArray  # (edges,): place in `tells` of what the edge tells
    tells: tuple[tuple[tuple[int, tuple[bool, ...]], ...], ...]  # blocks and the values of their functions
    last: IntArray  # (blocks,): level after which a block is decided in any case
    first: IntArray  # (blocks,): level before which nothing of it is decided

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.level)


def compile_blocks(
    structure: Structure, blocks: Sequence[Sequence[Node]], unavailability: Mapping[str, float], below: float
) -> BlockDiagram:
    """Compile blocks of structure functions; conditions of a probability up to `below` in all are left out.

    Examples
    --------
    >>> s = Structure()
    >>> a, b, hub = (s.variable(name) for name in ("a", "b", "hub"))
    >>> both = [[s.conjunction([a, hub])], [s.conjunction([b, hub])]]
    >>> found = compile_blocks(s, both, dict.fromkeys(["a", "b", "hub"], 0.1), 0.0)
    >>> found.variables, sorted(found.tells)[1:3]
    (('a', 'hub', 'b'), [((0, (False,)),), ((0, (True,)),)])
    """
    order = block_order(structure, blocks)
    functions = list(dict.fromkeys(node for block in blocks for node in block))
    together = reduced_together(structure, functions, order)
    place = {node: column for column, node in enumerate(functions)}
    return _Follower(together, [[place[node] for node in block] for block in blocks], unavailability, below).diagram()


def block_order(structure: Structure, blocks: Sequence[Sequence[Node]]) -> list[str]:
    """Order variables so that few of the blocks are begun and not decided at the same time.

    Variables of many blocks come first. The others stand in clusters of those that the same blocks have; next is
    always the cluster after which the fewest clusters are still told apart.
    """
    supports = [structure.variables(block) for block in blocks]
    seen = Counter(name for support in supports for name in support)
    listed = structure.variables([node for block in blocks for node in block])
    hubs = [name for name in listed if len(blocks) > 2 and seen[name] > max(2.0, _HUB * len(blocks))]
    of: dict[str, list[int]] = {}
    for block, support in enumerate(supports):
        for name in support:
            of.setdefault(name, []).append(block)
    clusters: dict[tuple[int, ...], list[str]] = {}
    known = set(hubs)
    for name in listed:
        if name not in known:
            clusters.setdefault(tuple(of[name]), []).append(name)
    waits = Counter(block for blocks_of in clusters for block in blocks_of)  # clusters that a block waits for
    left = dict.fromkeys(clusters)
    begun: dict[tuple[int, ...], int] = {}  # decided clusters, with how many of their blocks still wait
    result = list(hubs)
    decided: dict[int, list[tuple[int, ...]]] = {}
    while left:

        def still_apart(cluster: tuple[int, ...]) -> tuple[int, int]:
            closing = [block for block in cluster if waits[block] == 1]
            freed: Counter[tuple[int, ...]] = Counter(one for block in closing for one in decided.get(block, ()))
            gone = sum(begun[one] == count for one, count in freed.items())
            return int(len(closing) < len(cluster)) - gone, -len(closing)

        chosen = min(left, key=still_apart)
        del left[chosen]
        result += clusters[chosen]
        open_blocks = 0
        for block in chosen:
            waits[block] -= 1
            if waits[block]:
                open_blocks += 1
                decided.setdefault(block, []).append(chosen)
            else:
                for one in decided.pop(block, ()):
                    begun[one] -= 1
        begun[chosen] = open_blocks
    return result


def _kept(mass: FloatArray, below: float) -> NDArray[np.bool_]:
    """Which conditions of a level are followed: all but the least probable, which together have up to a probability."""
    order = np.argsort(mass, kind="stable")
    few = int(np.searchsorted(np.cumsum(mass[order]), below, side="right"))
    kept = np.ones(len(mass), dtype=np.bool_)
    kept[order[: max(few, len(mass) - _MOST_AT_ONCE if below > 0 else 0)]] = False
    return kept


class _Follower:
    """States level by level: what is left of each function, in rows."""

    def __init__(
        self, together: Together, blocks: Sequence[Sequence[int]], unavailability: Mapping[str, float], below: float
    ) -> None:
        self.together, self.below = together, below
        self.level = np.array(together.level, dtype=np.int64)
        self.high, self.low = np.array(together.high, dtype=np.int64), np.array(together.low, dtype=np.int64)
        self.q = [unavailability[name] for name in together.variables]
        self.blocks = [list(columns) for columns in blocks]
        self.users: list[list[int]] = [[] for _ in together.roots]
        for block, columns in enumerate(blocks):
            for column in dict.fromkeys(columns):
                self.users[column].append(block)
        self.tells: dict[tuple[tuple[int, tuple[bool, ...]], ...], int] = {(): 0}
        random = np.random.default_rng(1)
        self.mark = random.integers(1, 2**62, len(together.roots), dtype=np.int64)

    def diagram(self) -> BlockDiagram:
        last = len(self.together.variables)
        pending: dict[int, list[tuple[IntArray, IntArray, FloatArray]]] = {}
        child: list[IntArray] = []
        targets: list[tuple[IntArray, IntArray]] = []
        told: list[IntArray] = []
        levels: list[IntArray] = []
        start = np.array([self.together.roots], dtype=np.int64)
        supports = [self._support(columns) for columns in self.blocks]
        touched = [[block for block, levels_ in enumerate(supports) if at in levels_] for at in range(last)]
        every = list(range(len(self.blocks)))
        start, first_told = self._told(start, np.ones((1, len(self.blocks)), dtype=np.bool_), every)
        self._put(pending, start, np.array([-1]), np.ones(1))
        nodes = 0
        for at in range(last):
            if at not in pending:
                continue
            rows, edges, mass = (np.concatenate(part) for part in zip(*pending.pop(at), strict=True))
            rows, where = self._distinct(rows)
            mass = np.bincount(where, weights=mass, minlength=len(rows)).astype(np.float64)
            kept = _kept(mass, self.below / last)
            number = np.where(kept, np.cumsum(kept) - 1 + nodes, -2)
            targets.append((edges, number[where]))
            rows, mass = rows[kept], mass[kept]
            count = len(rows)
            if nodes + count > _MOST_NODES:
                raise ModelTooLargeError(
                    f"the shared parts have more than {_MOST_NODES:,} relevant conditions; describe fewer parts on "
                    "which the groups of clients depend differently"
                )
            levels.append(np.full(count, at))
            undecided = self._undecided(rows, every)
            own = 2 * (nodes + np.arange(count))
            for step, follow, share in ((0, self.high, 1.0 - self.q[at]), (1, self.low, self.q[at])):
                after = np.where(self.level[rows] == at, follow[rows], rows)
                after, said = self._told(after, undecided, touched[at])
                told.append(said)
                child.append(own + step)
                self._put(pending, after, own + step, mass * share)
            nodes += count
        edges_count = 2 * nodes + 1
        to = np.full(edges_count, -3, dtype=np.int64)
        for _, edges, _ in pending.pop(last, []):
            to[edges] = nodes
        for edges, number in targets:
            to[edges] = np.where(number == -2, nodes + 1, number)
        said = np.zeros(edges_count, dtype=np.int64)
        for edges, kinds in zip(child, told, strict=True):
            said[edges] = kinds
        said[-1] = first_told[0]
        return BlockDiagram(
            tuple(self.together.variables),
            np.concatenate(levels) if levels else np.zeros(0, dtype=np.int64),
            to,
            said,
            tuple(self.tells),
            np.array([max(levels_, default=-1) for levels_ in supports]),
            np.array([min(levels_, default=-1) for levels_ in supports]),
        )

    def _support(self, columns: Sequence[int]) -> set[int]:
        """Levels that any of some functions tests."""
        seen: set[int] = set()
        todo = [self.together.roots[column] for column in columns]
        levels: set[int] = set()
        while todo:
            node = todo.pop()
            if node < 2 or node in seen:
                continue
            seen.add(node)
            levels.add(self.together.level[node])
            todo += [self.together.high[node], self.together.low[node]]
        return levels

    def _undecided(self, rows: IntArray, blocks: Sequence[int]) -> NDArray[np.bool_]:
        """Which of some blocks have a function without a value yet."""
        return np.stack([(rows[:, self.blocks[block]] > 1).any(axis=1) for block in blocks], axis=1)

    def _told(self, rows: IntArray, undecided: NDArray[np.bool_], touched: Sequence[int]) -> tuple[IntArray, IntArray]:
        """Say which blocks are decided now and were not before; forget functions that no other block waits for."""
        said = np.zeros(len(rows), dtype=np.int64)
        if not touched:
            return rows, said
        left = undecided.copy()
        left[:, touched] &= self._undecided(rows, touched)
        now = undecided & ~left
        where, which = np.nonzero(now)
        if not len(where):
            return rows, said
        values: dict[int, list[tuple[int, tuple[bool, ...]]]] = {}
        for block in dict.fromkeys(which.tolist()):
            at = where[which == block]
            for row, found in zip(at.tolist(), (rows[at][:, self.blocks[block]] == 1).tolist(), strict=True):
                values.setdefault(row, []).append((block, tuple(found)))
        for row, told in values.items():
            said[row] = self.tells.setdefault(tuple(told), len(self.tells))
        columns = sorted({column for block in dict.fromkeys(which.tolist()) for column in self.blocks[block]})
        needed = np.stack([left[:, self.users[column]].any(axis=1) for column in columns], axis=1)
        after = rows.copy()
        after[:, columns] = np.where(needed, rows[:, columns], 0)
        return after, said

    def _put(
        self,
        pending: dict[int, list[tuple[IntArray, IntArray, FloatArray]]],
        rows: IntArray,
        edges: IntArray,
        mass: FloatArray,
    ) -> None:
        """Keep states for the level that they test next."""
        at = self.level[rows].min(axis=1)
        for level in np.unique(at).tolist():
            here = at == level
            pending.setdefault(int(level), []).append((rows[here], edges[here], mass[here]))

    def _distinct(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Different rows, and which one each is."""
        code = rows @ self.mark
        _, first, where = np.unique(code, return_index=True, return_inverse=True)
        where = where.reshape(-1)
        if not np.array_equal(rows[first][where], rows):  # two rows of one code, which chance alone could bring
            found, where = np.unique(rows, axis=0, return_inverse=True)
            return found, where.reshape(-1)
        return rows[first], where
