"""Whether a site carries its clients: the load of the traffic that counts against every capacity on its routes."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.inputs import Factors, factor
from k2rel.measures.inputs import site_at
from k2rel.policy.failover import FORGIVEN, failover, principal_traffic
from k2rel.policy.rules import Policy
from k2rel.site.model import Site
from k2rel.studies import Study

__all__ = ["Kinds", "carried", "kinds_of_draws"]

IntArray = NDArray[np.int64]

_KINDS = 40


def carried(study: Study, factors: Factors, draws: int, *, after_failures: bool = False) -> NDArray[np.bool_]:
    """Whether the site carries its clients at each draw, with nothing failed or after every single failure too."""
    site = study.site
    result = np.ones(draws, dtype=np.bool_)
    for loads in _loads(study, after_failures):
        for element, by_class in loads:
            part = site.components[element]
            room = (part.capacity_mb_s or 0.0) * factor(part.uses, "capacity_mb_s", factors)
            load = sum(amount * factor(site.traffic[name].uses, "demand_mb_s", factors) for name, amount in by_class)
            result &= np.broadcast_to(np.asarray(load <= room * FORGIVEN), (draws,))
    return result


Loads = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


@lru_cache(maxsize=32)
def _loads(study: Study, after_failures: bool) -> tuple[Loads, ...]:
    """Load on each element with a capacity by traffic class that counts [MB/s]: normally, and after single failures."""
    site = study.site
    counted = [name for name in site.foreground if site.traffic[name].demand_mb_s > 0]
    failures: list[tuple[str, ...]] = [()]
    if after_failures:
        failures += [(name,) for name in site.components if name not in site.drives]
        # clients of a group are alike
        failures += [(site.client_part_id(n, p),) for n in range(1, site.group_count + 1) for p in site.client_parts]
    found: dict[Loads, None] = {}
    policies = {}
    for name in counted:
        alone = {key: flow if key == name else replace(flow, demand_mb_s=0.0) for key, flow in site.traffic.items()}
        policies[name] = Policy(replace(site, traffic=alone), study.policy.primary)
    for failed in failures:
        rows: dict[str, dict[str, float]] = {}
        for name, policy in policies.items():
            for item in failover(policy, failed).loads:
                if item.load_mb_s > 0:
                    rows.setdefault(item.element, {})[name] = item.load_mb_s
        found[tuple((element, tuple(by.items())) for element, by in rows.items())] = None
    return tuple(found)


Kinds = list[tuple[Site | None, IntArray]]
"""Draws that are alike in what elements carry, with the site of one of them; None: what they carry is not drawn."""


def kinds_of_draws(site: Site, factors: Factors, carries: NDArray[np.bool_]) -> Kinds:
    """Draws whose elements carry the same numbers of flows, together.

    What cannot carry its clients with nothing failed is one kind: it is overloaded nearly always, whatever by.
    """
    draws = len(carries)
    flow = site.traffic[principal_traffic(site)]
    records: list[Any] = [*site.components.values(), *site.traffic.values()]
    if not flow.demand_mb_s or not any(use.input in factors for record in records for use in record.uses):
        return [(None, np.arange(draws))]
    demand = flow.demand_mb_s * np.broadcast_to(factor(flow.uses, "demand_mb_s", factors), (draws,))
    columns = []
    for part in site.components.values():
        if part.capacity_mb_s is not None:
            flows = np.floor(part.capacity_mb_s * factor(part.uses, "capacity_mb_s", factors) / demand * FORGIVEN)
            columns.append(np.minimum(flows, site.client_count + 1))
    for name in site.foreground:
        other = site.traffic[name]
        if name != flow.id and other.demand_mb_s:
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
