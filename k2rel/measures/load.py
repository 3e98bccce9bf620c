"""Where the load goes: the exact distribution of clients over the sides and of MB/s on every element.

Given the operating mode clients are independent, so the distributions are mixtures over modes of multinomials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from k2rel.measures.delivered import Carried, ahead_in, asked_by_unit, asked_of, carried
from k2rel.measures.load_by_group import followed_by_group, load_by_group
from k2rel.measures.load_result import Delivered, ElementLoads, LoadResult
from k2rel.measures.on_sides import CUT, on_sides
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import failover
from k2rel.services.clients import OwnParts
from k2rel.services.counts import binomial_power
from k2rel.services.engine import Engine
from k2rel.services.loading import Loading
from k2rel.services.sums import sums_of
from k2rel.site.side_columns import load_columns, on_columns
from k2rel.studies import Provenance, Study

__all__ = ["load", "overload_of"]


def load(study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto") -> LoadResult:
    """Compute where the load of a site goes.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.

    Returns
    -------
    LoadResult
        Joint distribution of clients on each side and cut off; distribution of the load on every element
        with a capacity; probability of overload. A simulation gives means and shares of time of elements only.

    Raises
    ------
    ModelTooLargeError
        If the site has too many independent conditions.

    Examples
    --------
    >>> [(a, b, lost, round(p, 3)) for a, b, lost, p in load("L2R", method="exact").side_distribution[:1]]
    [(4, 0, 0, 1.0)]
    >>> [(a, b, lost, round(p, 3)) for a, b, lost, p in load("L2R").side_distribution[:2]]
    [(4, 0, 0, 0.513), (0, 4, 0, 0.487)]
    """
    return _load_of(solution_of(study, method, organisation))


@lru_cache(maxsize=16)
def _load_of(solution: Solution) -> LoadResult:
    """Compute once for each solution."""
    if solution.method == "simulation":
        return _counted(solution)
    if solution.method == "exact" and followed_by_group(solution.study):
        return _by_group(solution)
    moments = solution.engine.at_moments
    return _mixed([(weight, _load(solution.study, moment)) for weight, moment in moments], solution.provenance)


def overload_of(solution: Solution) -> float:
    """Give `LoadResult.p_any_overload` alone, without the distributions where these are apart from it."""
    if solution.method == "simulation" or (solution.method == "exact" and followed_by_group(solution.study)):
        return _load_of(solution).p_any_overload
    return sum(weight * _carried(moment)[2].p_overload for weight, moment in solution.engine.at_moments)


def _counted(solution: Solution) -> LoadResult:
    """What was counted in histories."""
    found, site = solution.simulated, solution.study.site
    means, sides, given = found.load(), found.sides(), found.delivered()
    normal = {item.element: item.load_mb_s for item in failover(solution.study.policy).loads}
    served = 1.0 - means["clients_cut_off"].value / max(site.client_count, 1)
    over = means["p_any_overload"]
    fractions = {
        unit: sum(given[name].value for name in ahead_in(site, unit)) / asked if asked > 0 else served
        for unit, asked in asked_by_unit(site).items()
    }
    return LoadResult(
        provenance=solution.provenance,
        sides=site.sides,
        side_distribution=tuple(
            sides[[*on_columns(site.sides), "cut_off", "probability"]].itertuples(index=False, name=None)
        ),
        demand_mb_s=site.traffic[found.site.principal].demand_mb_s,
        elements=tuple(
            ElementLoads(name, site.components[name].capacity_mb_s or 0.0, normal[name], (), (mean, over), of_unit)
            for name, mean, over, of_unit in found.element_means()
        ),
        p_any_overload=over.value,
        **_fractions(fractions),
        left_out=0.0,
        p_any_overload_limits=(over.low, over.high),
        side_loads=tuple(sides[load_columns(site.sides)].itertuples(index=False, name=None)),
        client_count=site.client_count,
        unit=site.traffic[found.site.principal].unit,
        delivered=tuple(
            Delivered(name, asked_of(site, name), item.value, site.traffic[name].unit)
            for name, item in given.items()
            if site.traffic[name].demand_mb_s > 0
        ),
    )


def _by_group(solution: Solution) -> LoadResult:
    """Of many groups of clients."""
    study, site = solution.study, solution.study.site
    found = load_by_group(study)
    demand = site.traffic[site.principal].demand_mb_s
    normal = {item.element: item.load_mb_s for item in failover(study.policy).loads}
    given = {
        name: max(0.0, site.traffic[name].demand_mb_s * found.served[name] - found.lost_above[name])
        for name in site.traffic
        if site.traffic[name].demand_mb_s > 0
    }
    served = found.served[site.principal] / site.client_count
    by_unit = {
        unit: sum(given.get(name, 0.0) for name in ahead_in(site, unit)) / asked if asked else served
        for unit, asked in asked_by_unit(site).items()
    }
    return LoadResult(
        provenance=solution.provenance,
        sides=site.sides,
        side_distribution=found.sides,
        demand_mb_s=demand,
        elements=tuple(
            ElementLoads(
                name,
                site.components[name].capacity_mb_s or 0.0,
                normal[name],
                load.distribution,
                unit=site.components[name].unit,
                left_out=load.left_out,
            )
            for name, load in found.elements.items()
        ),
        p_any_overload=found.p_any_overload,
        **_fractions(by_unit),
        left_out=found.left_out,
        side_loads=tuple(tuple(demand * part for part in row) for row in found.side_loads),
        client_count=site.client_count,
        unit=site.traffic[site.principal].unit,
        delivered=tuple(
            Delivered(name, asked_of(site, name), amount, site.traffic[name].unit) for name, amount in given.items()
        ),
    )


def _mixed(parts: Sequence[tuple[float, LoadResult]], provenance: Provenance) -> LoadResult:
    """Loads averaged over moments of the cycle of the tests."""
    first = parts[0][1]
    if len(parts) == 1:
        return replace(first, provenance=provenance)
    sides: dict[tuple[int, ...], list[float]] = {}  # probability, and the load of each side times it
    loads: list[dict[float, float]] = [{} for _ in first.elements]
    for weight, part in parts:
        for (*on, p), carried_there in zip(part.side_distribution, part.side_loads, strict=True):
            entry = sides.setdefault(tuple(on), [0.0] * (1 + len(carried_there)))
            for place, amount in enumerate((1.0, *carried_there)):
                entry[place] += weight * p * amount
        for found, item in zip(loads, part.elements, strict=True):
            for amount, p in item.distribution:
                found[amount] = found.get(amount, 0.0) + weight * p
    rows = sorted(sides.items(), key=lambda row: (-row[1][0], row[0]))
    return replace(
        first,
        provenance=provenance,
        side_distribution=tuple((*on, p) for on, (p, *_) in rows),
        side_loads=tuple(tuple(amount / p if p > 0 else 0.0 for amount in there) for _, (p, *there) in rows),
        delivered=tuple(
            replace(item, delivered_mb_s=sum(weight * part.delivered[n].delivered_mb_s for weight, part in parts))
            for n, item in enumerate(first.delivered)
        ),
        elements=tuple(
            replace(item, distribution=tuple(sorted(entry.items())))
            for item, entry in zip(first.elements, loads, strict=True)
        ),
        p_any_overload=sum(weight * part.p_any_overload for weight, part in parts),
        delivered_fraction=sum(weight * part.delivered_fraction for weight, part in parts),
        fractions=tuple(
            (unit, sum(weight * part.fractions[n][1] for weight, part in parts))
            for n, (unit, _) in enumerate(first.fractions)
        ),
        left_out=sum(weight * part.left_out for weight, part in parts),
    )


def _load(study: Study, engine: Engine) -> LoadResult:
    """Load where clients' own parts have one probability of being down each."""
    own = engine.own
    loading, probabilities, found = _carried(engine)
    sides, side_loads = on_sides(study, loading, engine)
    return LoadResult(
        provenance=engine.provenance,
        sides=study.site.sides,
        side_distribution=sides,
        demand_mb_s=study.site.traffic[loading.principal].demand_mb_s,
        elements=_elements(study, loading, own, probabilities),
        p_any_overload=found.p_overload,
        **_fractions(found.fractions(study.site)),
        left_out=found.left_out,
        side_loads=side_loads,
        client_count=study.site.client_count,
        unit=study.site.traffic[loading.principal].unit,
        delivered=tuple(
            Delivered(name, asked_of(study.site, name), found.by_class[name], study.site.traffic[name].unit)
            for name in study.site.traffic
            if study.site.traffic[name].demand_mb_s > 0
        ),
    )


def _carried(engine: Engine) -> tuple[Loading, list[float], Carried]:
    """What crosses what, how probable each mode of it is, and what flows are given on average."""
    loading = Loading(engine.policy)
    probabilities = engine.mode_probabilities(loading.table.diagram).tolist()
    return loading, probabilities, carried(loading, engine.own, probabilities)


def _fractions(by_unit: Mapping[str, float]) -> dict[str, Any]:
    """Of what is asked in the first unit, and in each where there are several."""
    first = next(iter(by_unit.values()))
    return {"delivered_fraction": first, "fractions": tuple(by_unit.items()) if len(by_unit) > 1 else ()}


def _elements(
    study: Study, loading: Loading, own: OwnParts, probabilities: Sequence[float]
) -> tuple[ElementLoads, ...]:
    """Distribution of the load on each element, mode by mode."""
    sizes = study.site.group_sizes
    normal = {item.element: item.load_mb_s for item in failover(study.policy).loads}
    totals: dict[str, dict[float, float]] = {element: {} for element in loading.elements}
    counts: dict[object, list[tuple[float, float]]] = {}
    for mode, probability in zip(loading.table.modes, probabilities, strict=True):
        if probability == 0.0:
            continue
        base = loading.base_load(mode)
        single: list[dict[str, dict[float, float]]] = []
        for group in range(len(sizes)):
            by_element: dict[str, dict[float, float]] = {}
            for outcome, p in own.joint(group, loading.asks(mode, group)).items():
                for element, amount in loading.client_load(outcome, group).items():
                    entry = by_element.setdefault(element, {})
                    entry[amount] = entry.get(amount, 0.0) + p
            single.append(by_element)
        for element in loading.elements:
            parts = tuple(
                (size, tuple(sorted(single[group][element].items())))
                for group, size in enumerate(sizes)
                if element in single[group]
            )
            if parts not in counts:
                counts[parts] = _sum_of_loads(parts)
            entry = totals[element]
            for amount, p in counts[parts]:
                if probability * p <= 0:
                    continue
                here = round(base.get(element, 0.0) + amount, 9)
                entry[here] = entry.get(here, 0.0) + probability * p
    return tuple(
        ElementLoads(
            element,
            loading.capacity(element),
            normal[element],
            tuple(sorted(totals[element].items())),
            unit=study.site.components[element].unit,
        )
        for element in loading.elements
    )


def _sum_of_loads(
    parts: tuple[tuple[int, tuple[tuple[float, float], ...]], ...],
) -> list[tuple[float, float]]:
    """Distribution of the sum of what each client puts on one element; what is missing to 1 puts nothing."""
    amounts = sorted({amount for _, entries in parts for amount, _ in entries})
    if not amounts:
        return [(0.0, 1.0)]
    if len(amounts) == 1:
        total = np.ones(1)
        for size, entries in parts:
            total = np.convolve(total, binomial_power(size, min(sum(p for _, p in entries), 1.0)))
        return [(amounts[0] * n, float(p)) for n, p in enumerate(total) if p > 0]
    groups = []
    for size, entries in parts:
        found = dict(entries)
        there = [found.get(amount, 0.0) for amount in amounts]
        groups.append((size, np.array([*there, max(0.0, 1.0 - sum(there))])[:, None]))
    met, weights = sums_of(np.array([*amounts, 0.0])[:, None], groups, CUT)
    return list(zip(met[:, 0].tolist(), weights[:, 0].tolist(), strict=True))
