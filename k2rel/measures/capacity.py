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
from k2rel.policy.failover import failover
from k2rel.policy.rules import Policy
from k2rel.policy.used import FORGIVEN
from k2rel.site.alike_groups import parts_of_one_each
from k2rel.site.model import Site, Traffic
from k2rel.site.stages import AtLeast
from k2rel.studies import Study

__all__ = ["Kinds", "carried", "kinds_of_draws", "single_failures"]

IntArray = NDArray[np.int64]

_KINDS = 120
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
    own = ((part,) for part in parts_of_one_each(site))
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


def kinds_of_draws(study: Study, factors: Factors, carries: NDArray[np.bool_]) -> Kinds:
    """Draws whose elements carry the same numbers of flows, or of the parts that flows are divided into, together.

    What cannot carry its clients with nothing failed is one kind: it is overloaded nearly always, whatever by. Where
    that makes too many kinds, loads count at which all clients do alike; at last numbers are told apart less and less.
    """
    site, draws = study.site, len(carries)
    loading = [site.traffic[name] for name in site.foreground if site.traffic[name].demand_mb_s]
    records: list[Any] = [*site.components.values(), *loading]
    if not loading or not any(use.input in factors for record in records for use in record.uses):
        return [(None, np.arange(draws))]
    first = next((flow for flow in loading if flow.id == site.principal), loading[0])
    demand = first.demand_mb_s * np.broadcast_to(factor(first.uses, "demand_mb_s", factors), (draws,))
    rooms: dict[object, NDArray[np.float64]] = {}
    for element, loaded in _loaded_by(study).items():
        part = site.components[element]
        room = (part.capacity_mb_s or 0.0) * factor(part.uses, "capacity_mb_s", factors) / demand * FORGIVEN
        rooms[loaded] = np.minimum(rooms.get(loaded, np.inf), room)
    if not rooms:
        return [(None, np.arange(draws))]
    parts = min(_FINEST, math.lcm(*(share for flow in loading for share in _shares(flow))))
    others = [
        np.round(20.0 * np.log(factor(flow.uses, "demand_mb_s", factors) * first.demand_mb_s / demand))
        for flow in loading
        if flow is not first
    ]
    levels = np.zeros(1)
    for flow in loading:
        whole = flow.demand_mb_s / first.demand_mb_s * (site.client_count if flow.scope == "client" else 1)
        levels = np.unique(np.add.outer(levels, [0.0, *(whole / share for share in _shares(flow))]))
    most = levels[-1]
    fine = [np.floor(np.minimum(room, most) * parts) for room in rooms.values()]
    coarse = [np.searchsorted(levels * (1 - 1e-12), room, side="right").astype(np.float64) for room in rooms.values()]
    for columns in (fine, coarse):
        counts = np.where(carries, np.array([np.broadcast_to(c, (draws,)) for c in (*columns, *others)]), -1.0)
        chosen, kind = _distinct(counts)
        if len(chosen) <= _KINDS:
            break
    while len(chosen) > _KINDS:
        widest = max(range(len(counts)), key=lambda row: len(np.unique(counts[row])))
        counts[widest] = np.where(counts[widest] < 0.0, -1.0, counts[widest] // 2.0)
        chosen, kind = _distinct(counts)
    result: Kinds = []
    for number, draw in enumerate(chosen.tolist()):
        here = {name: float(np.broadcast_to(values, (draws,))[draw]) for name, values in factors.items()}
        result.append((site_at(site, here), np.flatnonzero(kind == number)))
    return result


def _distinct(counts: NDArray[np.float64]) -> tuple[IntArray, IntArray]:
    """The first draw of each kind, and the kind of each draw."""
    _, first, which = np.unique(counts.T, axis=0, return_index=True, return_inverse=True)
    return first.astype(np.int64), which.reshape(-1).astype(np.int64)


def _loaded_by(study: Study) -> dict[str, object]:
    """Of each element with a capacity what loads it in every state: of those alike the least capacity counts."""
    found: dict[str, list[object]] = {name: [] for name, part in study.site.components.items() if part.capacity_mb_s}
    for state, (loads, _) in enumerate(_states(study, after_failures=True)):
        for element, by_class in loads:
            found.setdefault(element, []).append((state, by_class))
    return {element: tuple(loads) or element for element, loads in found.items()}


def _shares(flow: Traffic) -> list[int]:
    """By what a demand may be divided on its way: by the paths in use, times the branches of a stage that work."""
    if flow.share == "weighted":
        return [1, _FINEST]
    branches = [len(stage.of) for path in flow.paths for stage in path.via if isinstance(stage, AtLeast)]
    together = max(Counter(path.group for path in flow.paths).values()) if flow.share == "equal" else 1
    return sorted({j * b for j in range(1, together + 1) for b in range(1, max(branches, default=1) + 1)})
