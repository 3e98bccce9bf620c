"""All levels in one table: how good each is, under which reading, what it carries, and where its load goes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.bundled import level_names
from k2rel.design.carrying import carrying
from k2rel.design.comparison import Levels, by_level, studies_at
from k2rel.design.planning import above
from k2rel.design.targets import SURE, judged_columns
from k2rel.measures.availability import availability
from k2rel.measures.cases import Case, failover_cases
from k2rel.measures.importance import single_points_of_failure
from k2rel.measures.solution import Solution
from k2rel.organisation import Organisation
from k2rel.policy.failover import FailoverOutcome, principal_traffic
from k2rel.site.model import Site
from k2rel.site.side_columns import on_columns
from k2rel.studies import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["overview"]


def overview(
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
) -> pd.DataFrame:
    """Say of each level how good it is, what it carries, and where its load goes, normally and after a failure.

    Parameters
    ----------
    levels : sequence of str or pathlib.Path, optional
        As for `compare`; by default every level.
    clients, repair, rates, settings, data, method, organisation, target, sure
        As for `compare`.

    Returns
    -------
    pandas.DataFrame
        Index ``level``; ``title``, ``clients``, ``service`` (the principal traffic); its ``downtime_min_per_year`` and
        ``failures_per_year``, and ``ideal_min_per_year`` with ideal takeovers, where that is another
        reading; ``clients_carried``: most clients, up to 40 or `clients`, for whom nothing is overloaded with nothing
        failed and after any one failure that leaves every client its service, missing where that is not known
        (`carrying`); ``normal_share_a``, ``normal_share_b`` and so on: share of the clients that have it by each side,
        in the order of the file; ``worst_failure`` with ``worst_share_a``, ``worst_share_b`` and so on, and
        ``worst_share_cut_off``; ``method``,
        ``takeovers``, ``why_empty``, with a target ``target_percent``, ``verdict`` and ``p_met``, as `compare`. Worst
        is, of the single failures of shared parts that change a client's path or overload it and leave the service to
        some client, the one that cuts off most clients, then that with most load for its capacity, then that after
        which most have changed sides. Where none leaves it, it is the most probable one that takes it from all; where
        none changes anything, none.

    Raises
    ------
    InputError
        As for `compare`.

    Examples
    --------
    >>> (row,) = overview("L2R").to_dict("records")
    >>> row["normal_share_a"], row["worst_failure"], row["worst_share_b"], row["clients_carried"]
    (1.0, 'switch A', 1.0, 8)
    """
    studies = studies_at(
        level_names(data) if levels is None else levels, clients=clients, repair=repair, rates=rates,
        settings=settings, data=data,
    )  # fmt: skip
    return by_level(
        studies, lambda solution: _row(solution) | judged_columns(solution, target, sure), method, organisation
    )


def _row(solution: Solution) -> dict[str, Any]:
    study = solution.study
    principal = principal_traffic(study.site)
    main = availability(solution)[principal]
    second = solution.ideal
    cases = failover_cases(study)
    normal = cases[0].outcome
    name, after = _worst(study, cases)
    usual, _ = _shares(study.site, normal)
    worst, cut_off = _shares(study.site, after)
    return {
        "downtime_min_per_year": main.downtime_min_per_year,
        "failures_per_year": main.failures_per_year,
        "ideal_min_per_year": math.nan if second is None else availability(second)[principal].downtime_min_per_year,
        "clients_carried": carrying(study).most,
        **{f"normal_share_{letter}": share for letter, share in usual.items()},
        "worst_failure": name,
        **{f"worst_share_{letter}": share for letter, share in worst.items()},
        "worst_share_cut_off": cut_off,
        "method": solution.method,
        "takeovers": solution.takeovers,
    }


def _shares(site: Site, outcome: FailoverOutcome) -> tuple[dict[str, float], float]:
    """What each side, by its letter, carries of the clients' principal traffic, and the share that is cut off.

    A side that carries a copy carries all of it.
    """
    used = [state.routes[outcome.principal] for state in outcome.clients]
    letters = (column.removeprefix("on_") for column in on_columns(site.sides))
    shares = {
        letter: sum(min(1.0, sum(route.share for route in routes if route.side == side)) for routes in used) / len(used)
        for letter, side in zip_longest(letters, site.sides)
    }
    return shares, sum(not routes for routes in used) / len(used)


def _worst(study: Study, cases: Sequence[Case]) -> tuple[str, FailoverOutcome]:
    """The worst single failure of a shared part, and what follows from it."""
    site, normal = study.site, cases[0].outcome
    principal = normal.principal
    usual = [state.routes[principal] for state in normal.clients]

    def harm(outcome: FailoverOutcome) -> tuple[float, float, int]:
        used = [state.routes[principal] for state in outcome.clients]
        over = max((above(load) for load in outcome.loads if load.ends_full_service), default=0.0)
        moved = sum(
            bool(now) and {route.side for route in now} != {route.side for route in before}
            for now, before in zip(used, usual, strict=True)
        )
        return sum(not routes for routes in used) / len(used), over, moved

    shared = [_of_shared_part(site, case) for case in cases[1:]]
    leaves, takes = [], []
    for case in shared:
        if case is None:
            continue
        ways = [state.routes[principal] for state in case.outcome.clients]
        if not any(ways):
            takes.append(case)
        elif ways != usual or harm(case.outcome) > harm(normal):
            leaves.append(case)
    if leaves:
        found = max(leaves, key=lambda case: harm(case.outcome))  # the first of equals, in the order of the flow
        return found.title, found.outcome
    for cut in single_points_of_failure(study, principal) if takes else []:
        for case in takes:
            if cut.parts[0] in (*case.failed, *case.alike):
                return cut.parts[0].replace("_", " "), case.outcome
    return (takes[0].title, takes[0].outcome) if takes else ("none", normal)


def _of_shared_part(site: Site, case: Case) -> Case | None:
    """A case as one of a shared part within the boundary; None where it is of none."""
    names = [name for name in (*case.failed, *case.alike) if name in site.components]
    inside = [name for name in names if not site.components[name].external]
    return replace(case, title=inside[0].replace("_", " "), failed=(inside[0],)) if inside else None
