"""Loads where groups of clients are many: of each element by itself, and of all that can be overloaded together.

What one client puts on elements is a row of numbers on a grid, so that sums are exact. An element that stays below its
capacity whatever flows do is not followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.blocksums import Column, Sums
from k2rel.policy.flows import Carry, Choice, Passed, Pattern
from k2rel.policy.rules import Policy
from k2rel.policy.used import FORGIVEN
from k2rel.services.by_group import STEP, Groups, Inputs
from k2rel.services.sums import grid_of

__all__ = ["GroupLoads", "endangered"]

IntArray = NDArray[np.int64]

Crossing = frozenset[frozenset[int]]
"""Elements, by their place, that a part of a flow crosses on its way; several ways where each carries a copy."""


def endangered(policy: Policy, classes: Sequence[str]) -> tuple[str, ...]:
    """Elements that could be asked for more than they carry, if every flow that can cross one did so at its most."""
    site = policy.site
    most: dict[str, float] = {}
    for name in classes:
        entry = site.traffic[name]
        sizes = site.group_sizes if entry.scope == "client" else (1,)
        for group, size in enumerate(sizes):
            choice = policy.choice(name, group)
            of_route = [_times(route.carries) for route in choice.routes]
            for element in dict.fromkeys(name for found in of_route for name in found):
                times = [found.get(element, 0) for found in of_route]
                here = sum(times) if choice.share == "all" else max(times)
                most[element] = most.get(element, 0.0) + size * here * entry.demand_mb_s
    return tuple(
        name
        for name, part in site.components.items()
        if part.capacity_mb_s is not None and most.get(name, 0.0) > part.capacity_mb_s
    )


def _times(carries: Sequence[Carry]) -> dict[str, int]:
    """How often at most a route's load falls on each part."""
    result: dict[str, int] = {}
    for item in carries:
        parts: Iterator[dict[str, int]] = iter(())
        if isinstance(item, str):
            parts = iter(({item: 1},))
        elif isinstance(item, Passed):
            parts = iter((_times(item.on),))
        else:
            parts = (_times(inner) for _, inner in item.branches)
        for found in parts:
            for name, count in found.items():
                result[name] = result.get(name, 0) + count
    return result


class GroupLoads:
    """What the flows of some groups put on some elements."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        self._rows: dict[tuple[int, str], dict[Pattern, NDArray[np.float64]]] = {}  # of one flow, by what it does
        self._wholes: dict[tuple[int, tuple[bool, ...]], IntArray] = {}
        self._crossings: dict[tuple[int, tuple[bool, ...]], dict[str, dict[Crossing, NDArray[np.float64]]]] = {}

    @cached_property
    def _amounts(self) -> dict[tuple[int, tuple[bool, ...]], NDArray[np.float64]]:
        """Load of one client by the states of its own parts (states x elements), for all that is ever told."""
        keys = dict.fromkeys(key for tell in self.groups.diagram.tells for key in tell)
        return {key: self._loads(*key) for key in keys}

    def _loads(self, number: int, values: tuple[bool, ...]) -> NDArray[np.float64]:
        groups = self.groups
        block = groups.blocks[number]
        place = {element: n for n, element in enumerate(groups.elements)}
        found = groups.patterns(number, values)
        result = np.zeros((len(found[0]) if found else 1, len(place)))
        for flow, patterns in zip(block.flows, found, strict=True):
            demand = groups.policy.site.traffic[flow.traffic].demand_mb_s
            rows = self._rows.setdefault((number, flow.traffic), {})
            for state, pattern in enumerate(patterns):
                if pattern not in rows:
                    row = np.zeros(len(place))
                    for route, share in pattern.uses:
                        for element, load in flow.choice.falls_on(pattern, route, share * demand).items():
                            if element in place:
                                row[place[element]] += load
                    rows[pattern] = row
                result[state] += rows[pattern]
        return result

    @cached_property
    def _grid(self) -> NDArray[np.float64]:
        """A unit for each element, of which all that is put on it is a multiple."""
        stacked = np.concatenate([*self._amounts.values(), np.zeros((1, len(self.groups.elements)))])
        firsts = [column[np.unique(np.round(column, 9), return_index=True)[1]] for column in stacked.T]
        return np.array([grid_of(first) for first in firsts])  # of amounts as they are: a third rounded has no grid

    def _whole(self, key: tuple[int, tuple[bool, ...]]) -> IntArray:
        """Load of one client by the states of its own parts, in units of the grid."""
        if key not in self._wholes:
            self._wholes[key] = np.rint(self._amounts[key] / self._grid).astype(np.int64)
        return self._wholes[key]

    def of_one(self, inputs: Inputs, place: int, below: float) -> tuple[list[tuple[float, float]], float]:
        """Distribution of the load on one of the elements: amounts and their probability; what was left out."""
        column = Column(np.inf, -1, len(self.groups.diagram.variables))
        found = self.groups.sums(
            inputs, lambda number, values: self._whole((number, values))[:, [place]], [column], below
        )
        amounts = found.rows.numbers[:, 0] * self._grid[place]
        return list(zip(amounts.tolist(), found.rows.weight.real.tolist(), strict=True)), found.left_out

    def most_on(self, place: int) -> float:
        """The most that all blocks together ever put on one of the elements."""
        return sum(self._most[place].values())

    @cached_property
    def _most(self) -> list[dict[int, float]]:
        """The most that each block ever puts on each element, by element."""
        most: dict[int, NDArray[np.float64]] = {}
        for (number, _), amounts in self._amounts.items():
            here = amounts.max(axis=0, initial=0.0)
            most[number] = np.maximum(most[number], here) if number in most else here
        return [
            {n: self.groups.blocks[n].size * float(row[place]) for n, row in sorted(most.items()) if row[place] > 0}
            for place in range(len(self.groups.elements))
        ]

    def overloaded(self, inputs: Inputs, *, or_lost: bool, below: float) -> Sums:
        """Follow all elements together: what is over their capacity, or with some flow cut off, is counted as over."""
        diagram, site = self.groups.diagram, self.groups.policy.site
        columns = [Column(0.0, -1, len(diagram.variables))]
        room = [(site.components[element].capacity_mb_s or 0.0) * FORGIVEN for element in self.groups.elements]
        over = [place for place in range(len(room)) if self.most_on(place) > room[place]]
        for place in over:
            unit = float(self._grid[place])
            first = min(int(diagram.first[block]) for block in self._most[place])
            still = tuple((int(diagram.last[block]), amount / unit) for block, amount in self._most[place].items())
            columns.append(Column(room[place] / unit, first, max(last for last, _ in still), still))

        def one(number: int, values: tuple[bool, ...]) -> IntArray:
            rows = self._whole((number, values))
            lost = self.groups.cut_off(number, values) if or_lost else np.zeros(len(rows))
            return np.column_stack([lost.astype(np.int64), rows[:, over]])

        return self.groups.sums(inputs, one, columns, below)

    def crossings(self) -> dict[str, list[Crossing]]:
        """By class, what its flows cross together of the elements, wherever any flow crosses any."""
        found: dict[str, dict[Crossing, None]] = {}
        for number, values in dict.fromkeys(key for tell in self.groups.diagram.tells for key in tell):
            for traffic, parts in self._crossed(number, values).items():
                found.setdefault(traffic, {}).update(dict.fromkeys(parts))
        return {traffic: list(parts) for traffic, parts in found.items()}

    def given_up(self, inputs: Inputs, traffic: str, crossing: Crossing, below: float) -> tuple[float, float]:
        """What a class loses on average where it crosses some elements, and the probability of what was left out.

        Of what shares an overloaded element each flow gives up the same share; the fullest element of a way counts,
        and of copies the best one.
        """
        groups, site = self.groups, self.groups.policy.site
        places = sorted(frozenset().union(*crossing))
        at = {place: n for n, place in enumerate(places)}
        columns = [Column(np.inf, -1, len(groups.diagram.variables)) for _ in places]

        def amount(number: int, values: tuple[bool, ...]) -> NDArray[np.float64]:
            here = self._crossed(number, values).get(traffic, {}).get(crossing)
            return np.zeros(len(self._whole((number, values)))) if here is None else here

        real = Inputs(inputs.real.shared, inputs.real.own + 0j)
        found = groups.sums(
            real, lambda number, values: self._whole((number, values))[:, places], columns, below, amount
        )
        room = np.array([site.components[groups.elements[place]].capacity_mb_s or 0.0 for place in places])
        loads = np.maximum(found.rows.numbers * self._grid[places], 1e-300)
        arrives = np.minimum(1.0, room / loads)
        best = np.max([arrives[:, [at[place] for place in way]].min(axis=1) for way in crossing], axis=0)
        return float((found.rows.weight.imag / STEP) @ (1.0 - best)), found.left_out

    def conditions_left_out(self, inputs: Inputs) -> float:
        """Probability of the conditions of the shared parts that are not followed, whatever the others add up to."""
        column = Column(np.inf, -1, len(self.groups.diagram.variables))

        def nothing(number: int, values: tuple[bool, ...]) -> IntArray:
            return np.zeros((len(self._whole((number, values))), 1), dtype=np.int64)

        return self.groups.sums(inputs.real, nothing, [column], 0.0).left_out

    def _crossed(self, number: int, values: tuple[bool, ...]) -> dict[str, dict[Crossing, NDArray[np.float64]]]:
        """Demand of one client that crosses elements together, by the states of its own parts."""
        key = (number, values)
        if key not in self._crossings:
            groups = self.groups
            place = {element: n for n, element in enumerate(groups.elements)}
            found = groups.patterns(number, values)
            result: dict[str, dict[Crossing, NDArray[np.float64]]] = {}
            for flow, patterns in zip(groups.blocks[number].flows, found, strict=True):
                demand = groups.policy.site.traffic[flow.traffic].demand_mb_s
                for state, pattern in enumerate(patterns):
                    for crossing, share in _together(flow.choice, pattern, place):
                        rows = result.setdefault(flow.traffic, {})
                        rows.setdefault(crossing, np.zeros(len(patterns)))[state] += share * demand
            self._crossings[key] = result
        return self._crossings[key]


def _together(choice: Choice, pattern: Pattern, place: Mapping[str, int]) -> list[tuple[Crossing, float]]:
    """Parts of a flow, each with the elements of its ways; nothing of what reaches its end past all of them."""
    ways = [
        (frozenset(place[name] for name in choice.falls_on(pattern, route) if name in place), share)
        for route, share in pattern.uses
    ]
    if choice.share == "all":  # a copy that is whole is enough
        crossed = frozenset(way for way, _ in ways)
        return [(crossed, 1.0)] if crossed and frozenset() not in crossed else []
    return [(frozenset([way]), share) for way, share in ways if way]
