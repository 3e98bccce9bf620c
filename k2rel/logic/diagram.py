"""Many structure functions compiled to one multi-terminal decision diagram, held as flat arrays.

A decision node tests whether one component works; a terminal is an *operating mode*: one combination of
truth values of all the functions. Three passes over the arrays give every figure:

``mode_probabilities``  from the root down: the probability of every mode
``gradient``            and back: the derivative of any expectation with respect to every component
``transitions``         over pairs of nodes: how often each mode is left for each other one

No pass subtracts one probability from another, so a mode of probability 1e-15 keeps its digits
(the gradient is a difference of two conditional expectations by definition).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.bdd import Together, reduced_together
from k2rel.logic.rounding import at_most_one
from k2rel.logic.structure import Node, Structure
from k2rel.memory import bound_in_words, bounded

__all__ = ["Diagram", "Transitions", "compile_diagram", "joint_diagram"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_NODES = 1_000_000
_MOST_PAIRS = 20 * _MOST_NODES
_CONDITION_BYTES, _FUNCTION_BYTES = 450.0, 7.0
"""Of a condition with so many functions, in the tables that the joint diagram is made by: 460, 517 and 820 measured
with 8, 12 and 60 functions."""
_PAIR_BYTES, _MOMENT_BYTES = 240.0, 66.0  # of a pair with its rates at so many moments: 240 with 1, 838 with 10
_TILE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Transitions:
    """How often one mode is left for another because one component fails.

    In steady state the repair leads back exactly as often, since components are independent: the rate from
    `after` to `before` is the same, but where repairs wait for tests and so meet others in another state.
    """

    before: IntArray  # (transitions,): index of the mode with the component working
    after: IntArray  # (transitions,): index of the mode with it failed
    rate_per_h: FloatArray  # (transitions,)
    back_per_h: FloatArray | None = None  # rate of changes back, where it is another

    def both_ways(self) -> Transitions:
        """List the failures and the repairs that undo them."""
        back = self.rate_per_h if self.back_per_h is None else self.back_per_h
        before, after = np.concatenate([self.before, self.after]), np.concatenate([self.after, self.before])
        return Transitions(before, after, np.concatenate([self.rate_per_h, back]))


@dataclass(frozen=True, eq=False)
class Diagram:
    """A reduced, ordered multi-terminal decision diagram.

    Nodes 0 to modes - 1 are the terminals; every other node follows its successors.
    """

    variables: tuple[str, ...]  # in their order
    level: IntArray  # (nodes,): place of the variable that a node tests; len(variables) for a terminal
    up: IntArray  # (nodes,): successor where the component works; a terminal's is itself
    down: IntArray
    root: int
    outcomes: tuple[Hashable, ...]  # (modes,): truth values of the functions, or the label given in `merged`

    @property
    def modes(self) -> int:
        """Number of modes."""
        return len(self.outcomes)

    @property
    def nodes(self) -> int:
        """Number of nodes, terminals included."""
        return len(self.level)

    def _levels(self) -> list[IntArray]:
        """Decision nodes by level, first variable first."""
        order = np.argsort(self.level[self.modes :], kind="stable") + self.modes
        cuts = np.searchsorted(self.level[order], np.arange(1, len(self.variables)))
        return list(np.split(order, cuts)) if self.variables else []  # a constant tests nothing

    def _mass(self, unavailability: FloatArray) -> FloatArray:
        """Probability of passing each node, shape (nodes, samples)."""
        from k2rel.logic.passes import modes_down

        q = np.ascontiguousarray(unavailability)
        steps = self.nodes * q.shape[1]
        return modes_down.run(steps, self.level, self.up, self.down, self.root, self.modes, q)

    def _inputs(self, unavailability: ArrayLike) -> FloatArray:
        q = np.asarray(unavailability, dtype=np.float64)
        if q.ndim not in (1, 2) or q.shape[0] != len(self.variables):
            raise ValueError(f"one unavailability for each of {len(self.variables)} variables, got {q.shape}")
        if not np.all((q >= 0) & (q <= 1)):
            raise ValueError("an unavailability must be between 0 and 1")
        return q if q.ndim == 2 else q[:, None]

    def mode_probabilities(self, unavailability: ArrayLike) -> FloatArray:
        """Probability of every mode, for components of shape (variables,) or (variables, samples).

        Examples
        --------
        >>> s = Structure()
        >>> d = compile_diagram(s, [s.disjunction([s.variable("a"), s.variable("b")])])
        >>> dict(zip(d.outcomes, d.mode_probabilities([1e-9, 2e-8]).tolist()))
        {(False,): 2e-17, (True,): 1.0}
        """
        q = self._inputs(unavailability)
        width = max(1, _TILE_BYTES // (8 * self.nodes))
        parts = [self._mass(q[:, start : start + width])[: self.modes] for start in range(0, q.shape[1], width)]
        probabilities = at_most_one(np.concatenate(parts, axis=1)) if parts else np.empty((self.modes, 0))
        return probabilities if np.ndim(unavailability) == 2 else probabilities[:, 0]

    def gradient(self, unavailability: ArrayLike, values: ArrayLike) -> FloatArray:
        r"""Differentiate an expectation over the modes with respect to every component at once.

        With values 1 for the modes in which a service is down these are the Birnbaum importances
        :math:`\partial U/\partial q_i` (IEC 61078; Birnbaum 1969).

        Examples
        --------
        >>> s = Structure()
        >>> d = compile_diagram(s, [s.conjunction([s.variable("a"), s.variable("b")])])
        >>> down = [0.0 if outcome[0] else 1.0 for outcome in d.outcomes]
        >>> d.gradient([0.25, 0.5], down).tolist()
        [0.5, 0.75]
        """
        q = self._inputs(unavailability)[:, 0]
        mass = self._mass(q[:, None])[:, 0]
        below = np.zeros(self.nodes)
        below[: self.modes] = values
        result = np.zeros(len(self.variables))
        levels = self._levels()
        for i in range(len(self.variables) - 1, -1, -1):
            nodes = levels[i]
            up, down = below[self.up[nodes]], below[self.down[nodes]]
            below[nodes] = (1.0 - q[i]) * up + q[i] * down
            result[i] = np.dot(mass[nodes], down - up)
        return result

    def transitions(
        self,
        unavailability: ArrayLike,
        frequency_per_h: ArrayLike,
        weight: ArrayLike | None = None,
        restored_per_h: ArrayLike | None = None,
    ) -> Transitions:
        """Rate of change between modes in steady state [1/h], from one pass over pairs of nodes.

        The state just before and just after a component fails differ in that component alone, so the pair
        of modes is found by following both from the node that tests it. This is exact for non-coherent
        structures too, where a failure can restore a service. Columns of the inputs are moments, over which rates
        are averaged by `weight`; `restored_per_h` counts the restorations where they are not as many as the failures.

        Examples
        --------
        >>> s = Structure()
        >>> d = compile_diagram(s, [s.disjunction([s.variable("a"), s.variable("b")])])
        >>> d.transitions([0.1, 0.2], [1e-3, 1e-3]).rate_per_h.tolist()
        [0.00030000000000000003]
        """
        q = self._inputs(unavailability)
        w = np.asarray(frequency_per_h, dtype=np.float64).reshape(q.shape)
        mass, share = self._mass(q), np.ones(1) if weight is None else np.asarray(weight, dtype=np.float64)
        moments = q.shape[1]
        if restored_per_h is not None:  # the same passage, backwards: further columns
            w = np.concatenate([w, np.asarray(restored_per_h, dtype=np.float64).reshape(q.shape)], axis=1)
            q, mass = np.tile(q, 2), np.tile(mass, 2)
        before, after = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        rate = np.zeros((0, q.shape[1]))
        for i, nodes in enumerate(self._levels()):
            step_before, step_after = self.level[before] == i, self.level[after] == i
            steps = step_before | step_after
            b, a, r = before[steps], after[steps], rate[steps]
            own_b, own_a = step_before[steps], step_after[steps]
            parts = [
                (before[~steps], after[~steps], rate[~steps]),
                (np.where(own_b, self.up[b], b), np.where(own_a, self.up[a], a), r * (1.0 - q[i])),
                (np.where(own_b, self.down[b], b), np.where(own_a, self.down[a], a), r * q[i]),
                (self.up[nodes], self.down[nodes], mass[nodes] * w[i]),
            ]
            before, after, rate = (np.concatenate(part) for part in zip(*parts, strict=True))
            before, after, rate = self._merge_pairs(before, after, rate)
        back = None if restored_per_h is None else rate[:, moments:] @ share
        return Transitions(before, after, rate[:, :moments] @ share, back)

    def _merge_pairs(
        self, before: IntArray, after: IntArray, rate: FloatArray
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Add up equal pairs; a pair of equal nodes is no change and falls away."""
        keep = (before != after) & (rate > 0).any(axis=1)
        codes, where = np.unique(before[keep] * self.nodes + after[keep], return_inverse=True)
        each = _PAIR_BYTES + _MOMENT_BYTES * (rate.shape[1] - 1)
        if len(codes) > bounded(_MOST_PAIRS, each):
            pairs = bound_in_words(_MOST_PAIRS, each, "pairs of modes")
            raise ModelTooLargeError(f"more than {pairs}; describe a smaller site")
        count, kept = len(codes), rate[keep]
        merged = np.empty((count, rate.shape[1]))
        for moment in range(rate.shape[1]):
            merged[:, moment] = np.bincount(where.reshape(-1), weights=kept[:, moment], minlength=count)
        return codes // self.nodes, codes % self.nodes, merged

    def merged(self, labels: Sequence[Hashable]) -> Diagram:
        """Call modes with the same label one mode, and reduce the diagram again.

        Examples
        --------
        >>> s = Structure()
        >>> d = compile_diagram(s, [s.variable("a"), s.variable("b")])
        >>> d.modes, d.merged([sum(outcome) for outcome in d.outcomes]).modes
        (4, 3)
        """
        outcomes = tuple(dict.fromkeys(labels))
        position = {label: index for index, label in enumerate(outcomes)}
        new: list[int] = [position[label] for label in labels]
        table: dict[tuple[int, int, int], int] = {}
        nodes = (side[self.modes :].tolist() for side in (self.level, self.up, self.down))
        for level, above, under in zip(*nodes, strict=True):
            up, down = new[above], new[under]
            if up == down:
                new.append(up)
            else:
                key = (level, up, down)
                new.append(table.setdefault(key, len(outcomes) + len(table)))
        return _flat(self.variables, outcomes, table, new[self.root])


def _flat(
    variables: tuple[str, ...],
    outcomes: tuple[Hashable, ...],
    table: dict[tuple[int, int, int], int],
    root: int,
) -> Diagram:
    """Lay out a node table, keyed by (level, up, down), as arrays."""
    modes = len(outcomes)
    rows = np.array(list(table), dtype=np.int64).reshape(-1, 3)
    own = np.arange(modes)
    return Diagram(
        variables,
        np.concatenate([np.full(modes, len(variables)), rows[:, 0]]),
        np.concatenate([own, rows[:, 1]]),
        np.concatenate([own, rows[:, 2]]),
        root,
        outcomes,
    )


def compile_diagram(structure: Structure, roots: Sequence[Node], order: Sequence[str] | None = None) -> Diagram:
    """Compile structure functions together into one multi-terminal diagram.

    Each function becomes a reduced ordered binary decision diagram (Bryant 1986) in one shared manager;
    following all of them at once from their roots gives the joint diagram.

    Examples
    --------
    >>> s = Structure()
    >>> d = compile_diagram(s, [s.at_least(2, [s.variable(name) for name in "abc"])])
    >>> d.nodes, sorted(d.outcomes)
    (6, [(False,), (True,)])
    """
    variables = tuple(order) if order is not None else structure.variables(roots)
    together = reduced_together(structure, roots, variables)
    distinct = list(dict.fromkeys(together.roots))
    back = [distinct.index(function) for function in together.roots]
    diagram = joint_diagram(together, tuple(distinct))
    outcomes = tuple(tuple(state[index] == 1 for index in back) for state in diagram.outcomes)  # type: ignore[index]
    return replace(diagram, outcomes=outcomes)


def joint_diagram(together: Together, functions: tuple[int, ...], below: int | None = None) -> Diagram:
    """Follow several functions at once from their roots.

    An outcome holds a node for each function, 0 or 1 where it is decided; with `below` only the first so many
    variables are tested, and an outcome is what is left of each function.

    Examples
    --------
    >>> from k2rel.logic.bdd import reduced_together
    >>> s = Structure()
    >>> a, b = s.variable("a"), s.variable("b")
    >>> both = reduced_together(s, [s.conjunction([a, b])], ["a", "b"])
    >>> joint_diagram(both, tuple(both.roots), below=1).modes
    2
    """
    level, high, low = together.level, together.high, together.low
    last = len(together.variables) if below is None else below
    each = _CONDITION_BYTES + _FUNCTION_BYTES * len(functions)
    most = bounded(_MOST_NODES, each)

    # Depth first with an explicit stack: a node gets its number once both successors have theirs.
    number: dict[tuple[int, ...], int] = {}
    terminals: dict[tuple[int, ...], int] = {}
    table: dict[tuple[int, int, int], int] = {}
    pending: list[tuple[tuple[int, ...], tuple[int, tuple[int, ...], tuple[int, ...]] | None]]
    pending = [(functions, None)]
    while pending:
        state, cofactors = pending.pop()
        if state in number:
            continue
        if cofactors is None:
            tested = [level[function] for function in state]
            first = min(tested)
            if first >= last:
                number[state] = -1 - terminals.setdefault(state, len(terminals))
                continue
            # the first variable that any of them tests, and the two cofactors
            up, down = list(state), list(state)
            for n, function in enumerate(state):
                if tested[n] == first:
                    up[n], down[n] = high[function], low[function]
            cofactors = first, tuple(up), tuple(down)
            pending.append((state, cofactors))
            pending.extend((part, None) for part in cofactors[1:] if part not in number)
            if len(number) > most:
                conditions = bound_in_words(_MOST_NODES, each, "different conditions of its shared parts")
                raise ModelTooLargeError(
                    f"the site has more than {conditions}; describe fewer independent parts, or fewer groups of clients"
                )
            continue
        at, above, under = cofactors[0], number[cofactors[1]], number[cofactors[2]]
        number[state] = above if above == under else table.setdefault((at, above, under), len(table))
    modes = len(terminals)

    def place(entry: int) -> int:
        """Terminals, numbered from -1 downwards while their count was open, come first."""
        return -1 - entry if entry < 0 else modes + entry

    placed = {(at, place(up), place(down)): place(node) for (at, up, down), node in table.items()}
    return _flat(together.variables[:last], tuple(terminals), placed, place(number[functions]))
