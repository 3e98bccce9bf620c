"""Whether a site carries its clients: the load of the traffic that counts against every capacity on its routes."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.inputs import Factors, factor
from k2rel.policy.failover import failover
from k2rel.policy.rules import Policy
from k2rel.studies import Study

__all__ = ["carried"]

FloatArray = NDArray[np.float64]

_ROUNDING = 1e-9


def carried(study: Study, factors: Factors, draws: int, *, after_failures: bool = False) -> NDArray[np.bool_]:
    """Whether the site carries its clients at each draw, with nothing failed or after every single failure too."""
    site = study.site
    result = np.ones(draws, dtype=np.bool_)
    for loads in _loads(study, after_failures):
        for element, by_class in loads:
            part = site.components[element]
            room = (part.capacity_mb_s or 0.0) * factor(part.uses, "capacity_mb_s", factors)
            load = sum(amount * factor(site.traffic[name].uses, "demand_mb_s", factors) for name, amount in by_class)
            result &= np.broadcast_to(np.asarray(load <= room * (1.0 + _ROUNDING)), (draws,))
    return result


Loads = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


@lru_cache(maxsize=32)
def _loads(study: Study, after_failures: bool) -> tuple[Loads, ...]:
    """Load on each element with a capacity by traffic class that counts [MB/s]: normally, and after single failures."""
    site = study.site
    counted = [name for name in site.counted_traffic if site.traffic[name].demand_mb_s > 0]
    failures: list[tuple[str, ...]] = [()]
    if after_failures:
        failures += [(name,) for name in site.components if name not in site.drives]
        # clients of a group are alike
        failures += [(site.client_part_id(n, p),) for n in range(1, site.group_count + 1) for p in site.client_parts]
    found: dict[Loads, None] = {}
    policies = {}
    for name in counted:
        alone = {key: flow if key == name else replace(flow, demand_mb_s=0.0) for key, flow in site.traffic.items()}
        policies[name] = Policy(replace(site, traffic=alone), study.policy.home)
    for failed in failures:
        rows: dict[str, dict[str, float]] = {}
        for name, policy in policies.items():
            for item in failover(policy, failed).loads:
                if item.load_mb_s > 0:
                    rows.setdefault(item.element, {})[name] = item.load_mb_s
        found[tuple((element, tuple(by.items())) for element, by in rows.items())] = None
    return tuple(found)
