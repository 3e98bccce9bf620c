"""The levels to choose from, each answered for and judged, for a recommendation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from k2rel.bundled import level_names
from k2rel.design.carrying import carrying
from k2rel.design.comparison import Levels, studies_at
from k2rel.design.costs import Costs, read_costs
from k2rel.design.recommendation import Candidate, Recommendation
from k2rel.design.targets import SAMPLES, SURE, allowed_min_per_year, checked_sure, draws_for, judged_columns
from k2rel.errors import InputError, K2relError
from k2rel.measures.availability import availability
from k2rel.measures.importance import single_points_of_failure
from k2rel.measures.paired import paired_draws
from k2rel.measures.solution import Solution, role_needs, shared_reading, solution_of, study_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.units import MINUTES_PER_YEAR

__all__ = ["recommend"]

_PAIRS = 400


def recommend(
    levels: Levels | None = None,
    *,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    data: str | None = None,
    method: str = "auto",
    organisation: Organisation | None = None,
    target: float | str | Mapping[str, Any] | None = None,
    sure: float = SURE,
    samples: int = SAMPLES,
    seed: int = 1,
    costs: Costs | str | Path | None = None,
) -> Recommendation:
    """Say which of several levels to take: the smallest that is sufficient, and what it lacks beside the others.

    Parameters
    ----------
    levels, clients, repair, rates, settings, data, method, organisation, target, sure
        As for `overview`.
    samples, seed
        Draws of the inputs behind each interval and verdict; two levels are compared at 400 draws that they share.
    costs : Costs, str or pathlib.Path, optional
        Prices (`read_costs`); rows ``level,NAME,PRICE`` are what the levels cost.

    Returns
    -------
    Recommendation
        Its ``words()`` say it, its ``table()`` has all levels.

    Raises
    ------
    InputError
        As for `compare`.

    Examples
    --------
    >>> recommend(["L2", "L2R"], samples=100).chosen.name
    'L2R'
    """
    sure = checked_sure(sure)
    prices = costs if costs is None or isinstance(costs, Costs) else read_costs(costs)
    studies = studies_at(
        level_names(data) if levels is None else levels, clients=clients, repair=repair, rates=rates,
        settings=settings, data=data,
    )  # fmt: skip
    solutions: dict[str, Solution] = {}
    candidates = []
    for name, study in studies.items():
        site = study_of(study).site
        known = name, principal_traffic(site), site.client_count
        try:
            solution = solution_of(study, method, organisation)
            figures = _figures(solution, target, sure, samples, seed)
            candidates.append(Candidate(*known, **figures, cost=_cost(prices, name, site.name)))
            solutions[name] = solution
        except K2relError as refused:
            candidates.append(Candidate(*known, why_empty=str(refused)))
    reading = shared_reading({one.takeovers for one in solutions.values() if role_needs(one.study)})
    if solutions and prices is not None and all(math.isnan(one.cost) for one in candidates):
        such = f"level,{next(iter(solutions))},80000"
        raise InputError(f"{prices.source or 'costs'}: no level has a price; write rows such as {such}")
    drawn = paired_draws(solutions, samples=min(_PAIRS, samples), seed=seed)
    return Recommendation(
        tuple(candidates), {pair: drawn.p_better(*pair) for pair in combinations(drawn.minutes, 2)}, sure,
        reading, prices.currency if prices else "", samples, drawn.samples, seed,
    )  # fmt: skip


def _figures(
    solution: Solution, target: float | str | Mapping[str, Any] | None, sure: float, samples: int, seed: int
) -> dict[str, Any]:
    """What a level does, by the same draws and the same rules as its own report."""
    import numpy as np

    study = solution.study
    principal = principal_traffic(study.site)
    main = availability(solution)[principal]
    drawn = draws_for(solution, [principal], samples, seed)
    if drawn is not None:
        low, high = np.quantile(drawn.unavailability[principal], [0.05, 0.95]).tolist()
    else:
        low, high = main.limits or (main.unavailability, main.unavailability)
    judged = judged_columns(solution, target, sure, drawn)
    percent = judged.get("target_percent", math.nan)
    load = carrying(study)
    return {
        "downtime_min_per_year": main.downtime_min_per_year,
        "low_min_per_year": low * MINUTES_PER_YEAR,
        "high_min_per_year": high * MINUTES_PER_YEAR,
        "failures_per_year": main.failures_per_year,
        "load_state": load.state,
        "clients_normally": load.most_normally,
        "clients_carried": load.most,
        "most": load.looked,
        "single_points": len(single_points_of_failure(study, principal)),
        "parts": sum(1 for _ in study.site.parts()),
        "allowed_min_per_year": allowed_min_per_year(percent),
        **judged,
    }


def _cost(prices: Costs | None, *names: str) -> float:
    """Price of a level, by the name in the table or that of its site."""
    if prices is None:
        return math.nan
    return next((prices.prices["level", name] for name in names if ("level", name) in prices.prices), math.nan)
