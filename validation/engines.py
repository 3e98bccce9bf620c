"""The three engines over the reference systems: the same question, three methods that share only the policy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import k2rel
from k2rel.bundled import level_names
from k2rel.organisation import Organisation
from k2rel.simulation import Plan, simulate

HISTORIES = 200_000
SEED = 11


@dataclass(frozen=True)
class Agreement:
    """Downtime of one service by every engine that knows the reading of the roles [min/year]."""

    level: str
    service: str
    roles: str
    exact: float | None
    markov: float
    simulated: float
    low: float
    high: float
    deviations: float


@cache
def agreements(histories: int, levels: tuple[str, ...] = level_names()) -> tuple[Agreement, ...]:
    """Compute principal traffic and control of levels; files are those that are shipped, four clients each."""
    result = []
    for level in levels:
        study = k2rel.study(level)
        static = k2rel.availability(study, method="exact")
        principal = k2rel.failover(study).principal
        names = [principal, *[name for name in ("control",) if name in study.site.traffic and name != principal]]
        for roles in ("preferred", "sticky"):
            organisation = Organisation(roles=roles, tolerance=1e-10)
            moving = k2rel.availability(study, organisation=organisation, method="markov")
            drawn = simulate(study, organisation, plan=Plan(histories=histories, seed=SEED))
            for name in names:
                one = drawn[name].downtime_min_per_year
                markov = moving[name].downtime_min_per_year
                result.append(
                    Agreement(
                        level,
                        name,
                        roles,
                        static[name].downtime_min_per_year if roles == "preferred" else None,
                        markov,
                        one.value,
                        one.low,
                        one.high,
                        (one.value - markov) / one.standard_error,
                    )
                )
    return tuple(result)
