"""Whether a site carries its clients: the load of the traffic that counts against every capacity on its routes."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.inputs import Factors, factor
from k2rel.measures.inputs import site_at
from k2rel.policy.failover import FORGIVEN, failover
from k2rel.policy.rules import Policy
from k2rel.site.model import AtLeast, Site, Traffic
from k2rel.studies import Study

__all__ = ["Kinds", "carried", "kinds_of_draws", "single_failures"]

IntArray = NDArray[np.int64]

_KINDS = 40
_FINEST = 5040


def carried(study: Study, factors: Factors, draws: int, *, after_failures: bool = False) -> NDArray[np.bool_]:
    """Whether the site carries its clients at each draw, with nothing failed or after every single failure too.

    It does where every flow that full service asks for, and that is up, has a way without an overloaded element.
    """
    site = study.site
    demand = {name: factor(site.traffic[name].uses, "demand_mb_s", factors) for name in site.foreground}
    result = np.ones(draws, dtype=np.bool_)
    for loads, asks in _states(study, after_failures):
        over: dict[str, NDArray[np.bool_]] = {}
        for element, by_class in loads:
            part = site.components[element]
            room = (part.capacity_mb_s or 0.0) * factor(part.uses, "capacity_mb_s", factors)
            over[element] = np.asarray(sum(amount * demand[name] for name, amount in by_class) > room * FORGIVEN)
        for ways in asks:
            missed = np.ones(draws, dtype=np.bool_)
            for way in ways:
                missed &= np.any([np.broadcast_to(over[e], (draws,)) for e in way], axis=0)
            result &= ~missed
    return result


Loads = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
Asks = tuple[tuple[tuple[str, ...], ...], ...]


def single_failures(site: Site) -> list[tuple[str, ...]]:
    """Nothing failed, then every single failure; of clients of a group the first stands for all."""
    own = [(site.client_part_id(n, p),) for n in range(1, site.group_count + 1) for p in site.client_parts]
    return [(), *own, *((name,) for name in site.components if name not in site.drives)]


@lru_cache(maxsize=32)
def _states(study: Study, after_failures: bool) -> tuple[tuple[Loads, Asks], ...]:
    """Load of each class in the foreground on elements with a capacity [MB/s], and the ways that flows ask for.

    In normal state and after single failures; ways that no demand loads fall away.
    """
    site = study.site
    limited = {name for name, part in site.components.items() if part.capacity_mb_s is not None}
    policy = Policy(site, study.policy.primary)
    found: dict[tuple[Loads, Asks], None] = {}
    for failed in single_failures(site) if after_failures else [()]:
        outcome = failover(policy, failed)
        rows: dict[str, dict[str, float]] = {}
        for name, load in outcome.foreground.items():
            for element, amount in load.items():
                if amount > 0 and element in limited:
                    rows.setdefault(element, {})[name] = amount
        asks = {tuple(sorted({tuple(sorted(way & rows.keys())) for way in ways})) for ways in outcome.asks}
        # a flow with a way that nothing loads is whole
        kept = tuple(sorted(ways for ways in asks if () not in ways))
        found[tuple((element, tuple(rows[element].items())) for element in sorted(rows)), kept] = None
    return tuple(found)


Kinds = list[tuple[Site | None, IntArray]]
"""Draws that are alike in what elements carry, with the site of one of them; None: what they carry is not drawn."""


def kinds_of_draws(site: Site, factors: Factors, carries: NDArray[np.bool_]) -> Kinds:
    """Draws whose elements carry the same numbers of flows, or of the parts that flows are divided into, together.

    What cannot carry its clients with nothing failed is one kind: it is overloaded nearly always, whatever by.
    """
    draws = len(carries)
    loading = [name for name in site.foreground if site.traffic[name].demand_mb_s]
    records: list[Any] = [*site.components.values(), *(site.traffic[name] for name in loading)]
    if not loading or not any(use.input in factors for record in records for use in record.uses):
        return [(None, np.arange(draws))]
    flow = site.traffic[site.principal if site.principal in loading else loading[0]]
    demand = flow.demand_mb_s * np.broadcast_to(factor(flow.uses, "demand_mb_s", factors), (draws,))
    parts_of_one = math.lcm(*(_parts(site.traffic[name]) for name in loading))
    if parts_of_one > _FINEST:
        parts_of_one = _FINEST
    most = parts_of_one * (site.client_count + 1)
    columns = []
    for part in site.components.values():
        if part.capacity_mb_s is not None:
            room = part.capacity_mb_s * factor(part.uses, "capacity_mb_s", factors) / demand * parts_of_one
            columns.append(np.minimum(np.floor(room * FORGIVEN), most))
    for name in loading:
        other = site.traffic[name]
        if name != flow.id:
            moved = factor(other.uses, "demand_mb_s", factors) * flow.demand_mb_s / demand
            columns.append(np.round(20.0 * np.log(moved)))
    if not columns:
        return [(None, np.arange(draws))]
    counts = np.where(carries, np.array([np.broadcast_to(column, (draws,)) for column in columns]), -1.0)
    while True:
        _, first, which = np.unique(counts.T, axis=0, return_index=True, return_inverse=True)
        if len(first) <= _KINDS:
            break
        counts = np.where(counts < 0.0, -1.0, counts // 2.0)
    result: Kinds = []
    for kind, draw in enumerate(first.tolist()):
        here = {name: float(np.broadcast_to(values, (draws,))[draw]) for name, values in factors.items()}
        result.append((site_at(site, here), np.flatnonzero(which.reshape(-1) == kind)))
    return result


def _parts(flow: Traffic) -> int:
    """Into how many parts a demand must be divided so that paths and branches carry whole numbers of them."""
    if flow.share == "weighted":
        return _FINEST
    branches = [len(stage.of) for path in flow.paths for stage in path.via if isinstance(stage, AtLeast)]
    together = max(Counter(path.group for path in flow.paths).values()) if flow.share == "equal" else 1
    return math.lcm(*range(1, together + 1)) * math.lcm(*range(1, max(branches, default=1) + 1))
