"""How many clients are on each side, and what their principal traffic puts there: the joint distribution, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from k2rel.logic.rounding import at_most_one
from k2rel.services.clients import own_states
from k2rel.services.engine import Engine
from k2rel.services.loading import Loading
from k2rel.services.modes import traffic_diagram
from k2rel.services.sums import sums_of
from k2rel.studies import Study

__all__ = ["CUT", "SideRows", "on_sides"]

CUT = 1e-40
_STEP = 1e-40j

SideRows = tuple[tuple[tuple[Any, ...], ...], tuple[tuple[float, ...], ...]]
"""Clients on each side alone (two at least), cut off, and the probability; with the load on each side."""


def on_sides(study: Study, loading: Loading, engine: Engine) -> SideRows:
    """Joint distribution of clients on each side alone and cut off, and the mean load on each side.

    Examples
    --------
    >>> from k2rel.measures.solution import solution_of
    >>> solution = solution_of("L1", "exact")
    >>> rows, loads = on_sides(solution.study, Loading(solution.engine.policy), solution.engine)
    >>> rows[0][:3], loads[0]
    ((4, 0, 0), (100.0, 0.0))
    """
    site, policy, own = study.site, engine.policy, engine.own
    table = traffic_diagram(policy, [loading.principal])
    sides = range(max(len(site.sides), 2))
    # what a client's principal traffic puts on the sides, in parts of its demand
    parts: dict[tuple[float, ...], int] = {}

    def shares(group: int, outcome: int) -> tuple[float, ...]:
        found = [0.0 for _ in sides]
        routes = policy.choice(loading.principal, group).routes
        for route, share in own_states(policy).pattern(loading.principal, group, outcome).uses:
            found[site.sides.index(routes[route].carried_by)] += share
        return tuple(found)

    kinds: dict[tuple[int, int], tuple[tuple[int, float], ...]] = {}
    for mode in table.modes:
        for group, situation in enumerate(mode.situations[0]):
            if (group, situation) in kinds:
                continue
            outcomes: dict[int, float] = {}
            for (outcome,), p in own.joint(group, [(loading.principal, situation)]).items():
                place = parts.setdefault(shares(group, outcome), len(parts))
                outcomes[place] = outcomes.get(place, 0.0) + p
            kinds[group, situation] = tuple(sorted(outcomes.items()))
    # clients on each side alone, then on several; and loads, as tiny imaginary parts of the weights
    where = [[side for side in sides if part[side] > 0] for part in parts]
    alone = [used[0] if len(used) == 1 else None for used in where]
    grid = np.array([[*(float(used == [side]) for side in sides), float(len(used) > 1)] for used in where])
    count = site.client_count
    slopes = np.array([[1.0 + _STEP * share for share in part] for part in parts])
    powers: dict[object, tuple[list[Any], Any]] = {}
    rows: dict[tuple[int, ...], list[float]] = {}
    for mode, probability in zip(table.modes, engine.mode_probabilities(table.diagram).tolist(), strict=True):
        behaviour = tuple(
            (size, kinds[group, situation])
            for group, (size, situation) in enumerate(zip(site.group_sizes, mode.situations[0], strict=True))
        )
        if behaviour not in powers:
            weights = [
                (size, np.array([found.get(place, 0.0) for place in range(len(parts))])[:, None] * slopes)
                for size, found in ((size, dict(found)) for size, found in behaviour)
            ]
            numbers, found_weights = sums_of(grid, weights, CUT)
            powers[behaviour] = np.rint(numbers).astype(np.int64).tolist(), found_weights.tolist()
        for on, weight in zip(*powers[behaviour], strict=True):
            row = rows.setdefault(tuple(on), [0.0, *(0.0 for _ in sides)])
            for n, amount in enumerate((weight[0].real, *(one.imag / _STEP.imag for one in weight))):
                row[n] += probability * amount
    demand = site.traffic[loading.principal].demand_mb_s
    # where a side alone always carries the same part, and nobody is on several, nothing has to be averaged
    one_part = [{part[side] for part, here in zip(parts, alone, strict=True) if here == side} for side in sides]
    usual = [found.pop() if len(found) == 1 else 0.0 for found in one_part]

    def on_side(side: int, number: int, together: int, mean: float) -> float:
        exact = not together and (usual[side] > 0 or not number)
        return demand * (number * usual[side] if exact else mean)

    found_rows = [
        (
            (*on, count - sum(on) - together),
            p,
            tuple(on_side(side, on[side], together, loads[side] / p) for side in sides),
        )
        for (*on, together), (p, *loads) in rows.items()
        if p > 0
    ]
    found_rows.sort(key=lambda row: (-row[1], row[0]))
    return tuple((*on, at_most_one(p)) for on, p, _ in found_rows), tuple(loads for *_, loads in found_rows)
