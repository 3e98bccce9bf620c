"""Services of many groups of clients, group by group: each is decided as soon as what it depends on is.

Modes say what all groups do at the same time, and of those there are too many where groups are many and wired
differently. Here a block diagram tells group by group what its clients do; what they add up to (clients lost, load on
elements) is followed with its probability. The sum of the derivatives by all unavailabilities, each times the failure
frequency of its part, is the failure frequency of a coherent service (W. G. Schneeweiss, IEEE Trans. Reliability 30
(1981) 97); it comes with the same sums, as their tiny imaginary part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.blocks import BlockDiagram, compile_blocks
from k2rel.logic.blocksums import Column, Rows, Sums, repeated, sums_over
from k2rel.logic.structure import TRUE, Node
from k2rel.logic.units import united
from k2rel.policy.flows import Choice, Pattern
from k2rel.policy.rules import Policy
from k2rel.services.clients import own_states
from k2rel.services.counts import expm1, log1p

__all__ = ["FEW", "STEP", "Groups", "Inputs", "many_groups"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FEW = 4
"""Up to so many groups modes are followed together."""

_FAR_BELOW = 1e-18
STEP = 1e-60
"""In the imaginary direction, of what a derivative is asked for."""
_MONOTONE = frozenset({"false", "true", "variable", "and", "or", "at_least"})


@lru_cache(maxsize=64)
def many_groups(policy: Policy) -> bool:
    """Whether clients are followed group by group: more than a few groups, and services that no failure can restore."""
    site = policy.site
    if site.group_count <= FEW:
        return False
    choices = [
        policy.choice(name, group)
        for name, entry in site.traffic.items()
        for group in (range(site.group_count) if entry.scope == "client" else (0,))
    ]
    if any(route.dead_end for choice in choices for route in choice.routes):
        return False
    if any([when for when, _ in choice.orders] != [TRUE] for choice in choices):
        return False
    nodes = policy.structure.needed([node for choice in choices for node in (*choice.deciding, *choice.carrying)])
    return all(policy.structure.gate(node)[0] in _MONOTONE for node in nodes)


@dataclass(frozen=True)
class _Flow:
    """One class of a block, with what decides what its flow does."""

    traffic: str
    choice: Choice
    branches: tuple[int, ...]
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class _Block:
    """Clients of one group, or the site-wide flows."""

    group: int | None
    size: int
    flows: tuple[_Flow, ...]
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Inputs:
    """Unavailability of every shared variable, and probability of each state of a client's own parts."""

    shared: Mapping[str, Any]
    own: Any

    @property
    def real(self) -> Inputs:
        """The same without derivatives."""
        return Inputs({name: np.real(value) for name, value in self.shared.items()}, np.real(self.own))


class Groups:
    """Some traffic classes, group by group, with the load on some elements.

    Parameters
    ----------
    policy : Policy
        The rules.
    classes : sequence of str
        Traffic classes.
    unavailability : callable
        Of the shared variables: decides which conditions are left out.
    elements : sequence of str
        Elements whose load is followed.
    below : float
        Probability of the conditions that may be left out.
    only : collection of int, optional
        Groups that are followed; by default all.
    """

    def __init__(
        self,
        policy: Policy,
        classes: Sequence[str],
        unavailability: Callable[[str], float],
        elements: Sequence[str] = (),
        below: float = 1e-18,
        only: Collection[int] | None = None,
    ) -> None:
        self.policy, self.elements = policy, tuple(elements)
        self.blocks = self._blocks(policy, classes, set(elements), only)
        roots = list(dict.fromkeys(node for block in self.blocks for node in block.nodes))
        structure, written, self.units = united(policy.structure, roots)
        place = dict(zip(roots, written, strict=True))
        given = {name: unavailability(name) for unit in self.units.values() for name in unit.variables()}
        self.variables = tuple(given)
        q = {name: float(unit.unavailability(given)) for name, unit in self.units.items()}
        self.diagram: BlockDiagram = compile_blocks(
            structure, [[place[node] for node in block.nodes] for block in self.blocks], q, below
        )
        self._patterns: dict[tuple[int, tuple[bool, ...]], list[list[Pattern]]] = {}
        self._cut_off: dict[tuple[int, tuple[bool, ...]], NDArray[np.bool_]] = {}

    def _blocks(
        self, policy: Policy, classes: Sequence[str], elements: Collection[str], only: Collection[int] | None
    ) -> list[_Block]:
        site = policy.site

        def block(group: int | None, size: int, names: Sequence[str]) -> _Block:
            flows = []
            for name in names:
                choice = policy.choice(name, group or 0)
                branches = choice.towards(elements)
                flows.append(_Flow(name, choice, branches, choice.deciding_with(branches)))
            nodes = dict.fromkeys(node for flow in flows for node in flow.nodes)
            return _Block(group, size, tuple(flows), tuple(nodes))

        of_clients = [name for name in classes if site.traffic[name].scope == "client"]
        of_site = [name for name in classes if site.traffic[name].scope == "site"]
        sizes = [(n, size) for n, size in enumerate(site.group_sizes) if only is None or n in only]
        result = [block(group, size, of_clients) for group, size in sizes] if of_clients else []
        return [*result, *([block(None, 1, of_site)] if of_site else [])]

    def patterns(self, number: int, values: tuple[bool, ...]) -> list[list[Pattern]]:
        """What each flow of a block does in each state of a client's own parts."""
        key = (number, values)
        if key not in self._patterns:
            block, states = self.blocks[number], own_states(self.policy)
            truth = dict(zip(block.nodes, values, strict=True))
            count = 1 if block.group is None else len(states.works)
            columns = {} if block.group is None else states.columns
            self._patterns[key] = [flow.choice.patterns(truth, columns, count, flow.branches) for flow in block.flows]
        return self._patterns[key]

    def levels(self, inputs: Inputs) -> Any:
        """Unavailability of the variables of the diagram."""
        return np.array([self.units[name].unavailability(inputs.shared) for name in self.diagram.variables])

    def cut_off(self, number: int, values: tuple[bool, ...]) -> NDArray[np.bool_]:
        """In which states of its own parts a client of a block has some flow that is cut off."""
        key = (number, values)
        if key not in self._cut_off:
            flows = self.patterns(number, values)
            self._cut_off[key] = np.array(
                [any(pattern.lost for pattern in state) for state in zip(*flows, strict=True)]
            )
        return self._cut_off[key]

    # ---- any client cut off: from the ends upwards, many inputs at once

    def any_cut_off(self, inputs: Inputs) -> Any:
        """Probability that some client is cut off, what was left out among it; columns of the inputs are cases."""
        return self._upwards(self.levels(inputs), self._told_lost(inputs))[-1]

    def _told_lost(self, inputs: Inputs) -> Any:
        """Probability that what an edge tells cuts a client off (tells x cases)."""
        served: dict[tuple[int, tuple[bool, ...]], Any] = {}
        rows = []
        for tell in self.diagram.tells:
            total = 0.0 * inputs.own[0]
            for key in tell:
                if key not in served:
                    lost = _chance(inputs, self.blocks[key[0]], self.cut_off(*key))
                    with np.errstate(divide="ignore"):
                        served[key] = self.blocks[key[0]].size * log1p(-lost)
                total = total + served[key]
            rows.append(-expm1(total))
        return np.array(rows)

    def _upwards(self, q: Any, lost: Any) -> Any:
        """Probability of a cut-off below each node, and from the edge that leads in."""
        diagram = self.diagram
        below = np.zeros((diagram.nodes + 2, *lost.shape[1:]), dtype=np.result_type(q, lost))
        below[diagram.nodes + 1] = 1.0

        for level, nodes in reversed(self._levels):
            up, down = (self._along(edges, lost, below) for edges in (2 * nodes, 2 * nodes + 1))
            below[nodes] = (1.0 - q[level]) * up + q[level] * down
        return np.concatenate([below, self._along(np.array([2 * diagram.nodes]), lost, below)])

    def _along(self, edges: IntArray, lost: Any, below: Any) -> Any:
        """Probability of a cut-off by what edges tell, or below where they lead."""
        here = lost[self.diagram.told[edges]]
        return here + (1.0 - here) * below[self.diagram.child[edges]]

    @cached_property
    def _levels(self) -> list[tuple[int, IntArray]]:
        """Nodes by level."""
        level = self.diagram.level
        cuts = np.flatnonzero(np.diff(level)) + 1
        return [(int(level[nodes[0]]), nodes) for nodes in np.split(np.arange(len(level)), cuts) if len(nodes)]

    def slopes_of_any(self, inputs: Inputs, own_slopes: FloatArray) -> tuple[dict[str, float], FloatArray]:
        """Differentiate `any_cut_off` by each shared variable, and by each part of all clients together."""
        diagram, q, lost = self.diagram, self.levels(inputs), self._told_lost(inputs)
        below = self._upwards(q, lost)
        mass = np.zeros(diagram.nodes + 2)
        reach = np.zeros(len(diagram.tells))  # of each tell: probability to come there with nobody lost, and none after

        def lead(edges: IntArray, weight: FloatArray) -> None:
            tell, child = diagram.told[edges], diagram.child[edges]
            np.add.at(mass, child, weight * (1.0 - lost[tell]))
            np.add.at(reach, tell, weight * (1.0 - below[child]))

        lead(np.array([2 * diagram.nodes]), np.ones(1))
        by_level = np.zeros(len(q))
        for level, nodes in self._levels:
            up, down = (self._along(edges, lost, below) for edges in (2 * nodes, 2 * nodes + 1))
            by_level[level] += float(mass[nodes] @ (down - up))
            lead(2 * nodes, mass[nodes] * (1.0 - q[level]))
            lead(2 * nodes + 1, mass[nodes] * q[level])
        shared: dict[str, float] = {}
        for level, name in enumerate(diagram.variables):
            for variable in self.units[name].variables():
                step = {**inputs.shared, variable: inputs.shared[variable] + 1j * STEP}
                inner = np.imag(self.units[name].unavailability(step)) / STEP
                shared[variable] = shared.get(variable, 0.0) + by_level[level] * float(inner)
        own = np.zeros(own_slopes.shape[1])
        for place, tell in enumerate(diagram.tells):
            for key in tell:
                block = self.blocks[key[0]]
                if block.group is None or reach[place] == 0:
                    continue
                mask = self.cut_off(*key)
                others = [other for other in tell if other != key]
                one = float(inputs.own[mask].sum())
                served = (1.0 - one) ** (block.size - 1)
                for other in others:
                    gone = float(np.real(_chance(inputs, self.blocks[other[0]], self.cut_off(*other))))
                    served *= (1.0 - gone) ** self.blocks[other[0]].size
                own += reach[place] * block.size * served * (own_slopes[mask].sum(axis=0))
        return shared, own

    # ---- sums over the clients

    def on_sides(self, inputs: Inputs, sides: Sequence[str]) -> tuple[Rows, list[Any]]:
        """How many clients are on each side alone and on several; and what each side carries, times the weight."""

        def parts(number: int, values: tuple[bool, ...]) -> FloatArray:
            (flow,) = self.blocks[number].flows
            (states,) = self.patterns(number, values)
            found = np.zeros((len(states), len(sides)))
            for row, pattern in zip(found, states, strict=True):
                for route, share in pattern.uses:
                    row[list(sides).index(flow.choice.routes[route].carried_by)] += share
            return found

        def one(number: int, values: tuple[bool, ...]) -> IntArray:
            there = parts(number, values) > 0
            several = there.sum(axis=1) > 1
            return np.column_stack([there & ~several[:, None], several]).astype(np.int64)

        columns = [Column(np.inf, -1, len(self.diagram.variables)) for _ in range(len(sides) + 1)]
        real = Inputs(inputs.real.shared, inputs.real.own + 0j)
        rows, carried = None, []
        for side in range(len(sides)):

            def share(number: int, values: tuple[bool, ...], side: int = side) -> FloatArray:
                return parts(number, values)[:, side]

            found = self.sums(real, one, columns, _FAR_BELOW, share)
            rows = found.rows if rows is None else rows
            where = {tuple(key): n for n, key in enumerate(found.rows.numbers.tolist())}
            carried.append([found.rows.weight[where[tuple(key)]].imag / STEP for key in rows.numbers.tolist()])
        assert rows is not None
        return Rows(rows.numbers, rows.weight.real), carried

    def lost_clients(self, inputs: Inputs, below: float) -> Sums:
        """Distribution of how many clients are cut off; rows of a probability up to `below` are left out."""

        def one(number: int, values: tuple[bool, ...]) -> IntArray:
            return self.cut_off(number, values).astype(np.int64)[:, None]

        return self.sums(inputs, one, [Column(np.inf, -1, len(self.diagram.variables))], below)

    def sums(
        self,
        inputs: Inputs,
        one: Callable[[int, tuple[bool, ...]], IntArray],
        columns: Sequence[Column],
        below: float,
        tilt: Callable[[int, tuple[bool, ...]], FloatArray] | None = None,
    ) -> Sums:
        """Follow what clients add up to; `one` says what one client of a block adds in each state of its own parts.

        With `tilt`, a mean of one more number comes with the weights: as their tiny imaginary part.
        """
        known: dict[object, Rows] = {}
        met: dict[tuple[int, tuple[bool, ...]], Rows] = {}

        def steps(number: int, values: tuple[bool, ...]) -> Rows:
            if (number, values) not in met:
                met[number, values] = made(number, values)
            return met[number, values]

        def made(number: int, values: tuple[bool, ...]) -> Rows:
            block = self.blocks[number]
            rows = one(number, values)
            own = np.ones(1, dtype=inputs.own.dtype) if block.group is None else inputs.own
            leant = None if tilt is None else tilt(number, values)
            told = None if leant is None else leant.tobytes()
            key = (block.size, block.group is None, rows.tobytes(), rows.shape, told)
            if key not in known:
                own = own if leant is None else own * (1.0 + 1j * STEP * leant)
                known[key] = repeated(Rows.of(rows, own, -1.0), block.size, below)
            return known[key]

        return sums_over(self.diagram, self.levels(inputs), steps, columns, below)


def _chance(inputs: Inputs, block: _Block, mask: NDArray[np.bool_]) -> Any:
    """Probability that one client of a block is in one of some states of its own parts."""
    if block.group is None:
        return 0.0 * inputs.own[0] + float(mask[0])
    found = inputs.own[mask].sum(axis=0)
    return np.where(np.real(found) > 1.0, 1.0, found)[()]
