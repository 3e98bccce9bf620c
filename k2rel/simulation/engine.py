"""Histories by the million: in chunks, over cores or machines, to a width that is asked for.

A chunk is a fixed range of histories, so its sums are the same wherever it runs; chunks are added in their order. The
result is therefore the same whatever the number of workers, and one that was stopped is that of fewer histories.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from k2rel.errors import InputError
from k2rel.organisation import Organisation
from k2rel.parallel import worker_count
from k2rel.simulation.circumstances import USUAL, Circumstances
from k2rel.simulation.cluster import cluster
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.records import Sums
from k2rel.simulation.model import SiteModel
from k2rel.simulation.places import gathered
from k2rel.simulation.plan import Plan, Progress
from k2rel.simulation.prepared import Prepared, prepare
from k2rel.simulation.results import Simulation
from k2rel.simulation.threads import Threads
from k2rel.studies import Study, StudyLike, study_of
from k2rel.units import HOURS_PER_YEAR

__all__ = ["EVENTS_OF_CHUNK", "expected_events", "moderate_plan", "simulate"]

EVENTS_OF_CHUNK = 600_000
_MOST_EVENTS = 3e8
_MODERATE_EVENTS, _FEW_HISTORIES = 3e7, 200
_MISSED, _LONG = 0.01, 5.0  # of a part's downtime; times as long as it needs to forget, after which 0.7 % is missed


def expected_events(site: SiteModel, hours: float) -> float:
    """Events of so many hours, about."""
    model = site.arrays
    return float(
        4.0
        + 4.0 * hours * float(model.pool_rate)
        + sum(2.0 * hours / max(site.laws[model.life[p]].mean_h, 1e-9) for p in model.timed)
        + sum(2.0 * hours / max(site.laws[n].mean_h, 1e-9) for n in model.shock_between)
        + float((hours / model.window_every_h).sum())
    )


def chunk_size(site: SiteModel, plan: Plan) -> int:
    """Histories of a chunk: so many that it takes a fraction of a second, the same on every machine."""
    events = expected_events(site, plan.warm_up_h + plan.years * HOURS_PER_YEAR)
    if events > _MOST_EVENTS:
        raise InputError(
            f"{site.study.site.name}: a history has about {events:.1e} events, more than can be simulated; simulate "
            "fewer years, or check for parts that fail every few seconds"
        )
    return int(min(max(EVENTS_OF_CHUNK / events, 1), 250_000))


def _slowest(study: Study) -> tuple[float, str, float, str]:
    """Longest time in which a part forgets how it began, and longest between tests [h], each with the part."""
    forgets, between = (0.0, ""), (0.0, "")
    for name, law in (*study.laws.shared.items(), *study.laws.client.items()):
        if law.failure_rate_per_h <= 0:
            continue
        if law.test_interval_h > 0:
            between = max(between, (law.test_interval_h, name))
        if law.mttr_h > 0:
            forgets = max(forgets, (1.0 / (law.failure_rate_per_h + 1.0 / law.mttr_h), name))
    return *forgets, *between


def _check_long_run(study: Study, plan: Plan) -> None:
    """Refuse a plan in which a part that began as new is too slow to show the long run, or a test never comes."""
    if plan.warm_up_h == 0:  # the beginning is what is asked for
        return
    forgets_h, slow, between_h, tested = _slowest(study)
    hours = plan.years * HOURS_PER_YEAR
    if forgets_h > 0:
        missed = forgets_h / hours * -math.expm1(-hours / forgets_h) * math.exp(-plan.warm_up_h / forgets_h)
        if missed > _MISSED:
            raise InputError(
                f"{study.site.name}: {slow} starts as new and needs {forgets_h / HOURS_PER_YEAR:.3g} years to reach "
                f"its long-run behaviour, so that {missed:.0%} of its downtime would be missed; simulate with a "
                "warm-up "
                f"of {math.ceil(_LONG * forgets_h / HOURS_PER_YEAR):,} years or more"
            )
    if between_h > hours:
        raise InputError(
            f"{study.site.name}: {tested} is tested every {between_h / HOURS_PER_YEAR:.3g} years, and {plan.years} "
            "years do not cover the time between two tests; simulate more years"
        )


def moderate_plan(study: Study, organisation: Organisation, circumstances: Circumstances | None) -> Plan:
    """So many histories of the usual length that they take some seconds; longer where parts are slower."""
    forgets_h, _, between_h, _ = _slowest(study)
    years = max(Plan().years, min(1000, math.ceil(between_h / HOURS_PER_YEAR)))
    plan = Plan(years=years, warm_up_h=max(Plan().warm_up_h, _LONG * forgets_h))
    site = prepare(study, organisation, circumstances or USUAL).site
    events = expected_events(site, plan.warm_up_h + plan.years * HOURS_PER_YEAR)
    return replace(plan, histories=int(min(max(_MODERATE_EVENTS / events, _FEW_HISTORIES), plan.histories)))


def simulate(
    study: StudyLike,
    organisation: Organisation | None = None,
    circumstances: Circumstances | None = None,
    plan: Plan | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Simulate a site.

    Parameters
    ----------
    study : Study
    organisation : Organisation, optional
        Who repairs and how roles behave; by default takeovers as modelled and as many crews as needed.
    circumstances : Circumstances, optional
        What only the simulation follows; by default nothing more than the other engines do.
    plan : Plan, optional
        How much.
    workers : int, optional
        Histories at the same time; by default one for each core. It does not change the result.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://host:8786"``, on whose workers the histories run; needs the extra
        ``k2rel[dask]``.
    progress : callable, optional
        Told how far it is.

    Returns
    -------
    Simulation
        What was counted, with intervals. Stopped by Ctrl-C it holds what was done until then and says so.

    Raises
    ------
    InputError
        If something given cannot be simulated, or the scheduler does not answer.
    ModelTooLargeError
        If the site is too large.
    KeyboardInterrupt
        If it was stopped before the first chunk was done.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> result = simulate(study("L2R"), plan=Plan(histories=2000, seed=7))
    >>> round(result["media"].downtime_min_per_year.value, 2)
    35.7
    """
    study = study_of(study)
    plan = plan or Plan()
    at_once = worker_count(workers)
    if circumstances is None or not (circumstances.lives or circumstances.repairs):
        _check_long_run(study, plan)
    prepared = prepare(study, organisation or Organisation(), circumstances or USUAL)
    site = prepared.site
    service = site.service(site.principal if plan.service is None else plan.service)
    begun = time.monotonic()
    total = prepared.empty_sums()
    size = chunk_size(site, plan)
    stopped = False
    with _pool(prepared, plan, at_once, scheduler) as pool:
        first = 0
        goal = min(plan.histories, 16 * size) if plan.target is not None else plan.histories
        try:
            while first < goal:
                ranges = [(a, min(a + size, goal)) for a in range(first, goal, size)]
                for _, done in zip(ranges, pool.chunks(ranges), strict=True):
                    total = _sum(total, done)
                    width = Simulation.relative_width(total, service, plan)
                    if progress is not None:
                        expected = goal if plan.target is None else _expected(total, width, plan)
                        progress(int(total.histories[0]), expected, width)
                first = goal
                if plan.target is not None:
                    width = Simulation.relative_width(total, service, plan)
                    if width > plan.target:
                        more = max(_expected(total, width, plan) - first, size)
                        goal = min(plan.histories, first + min(-(-more // size) * size, 4 * first))
        except KeyboardInterrupt:
            if not total.histories[0]:
                raise
            stopped = True
    return Simulation(site, plan, total, partial=stopped, seconds=time.monotonic() - begun)


def _expected(total: Sums, width: float, plan: Plan) -> int:
    """How many histories the width that is asked for will take."""
    assert plan.target is not None
    done = int(total.histories[0])
    if not math.isfinite(width):
        return plan.histories
    return int(min(plan.histories, max(done, done * (width / plan.target) ** 2 * 1.05)))


def _sum(total: Sums, more: Sums) -> Sums:
    longest = np.maximum(total.service[:, records.S_LONGEST], more.service[:, records.S_LONGEST])
    both = gathered(total, [more])
    for name, one, other in zip(Sums._fields, total, more, strict=True):
        if name not in ("places", "place", "joint"):
            np.add(one, other, out=one)
    total.service[:, records.S_LONGEST] = longest
    return both


@contextmanager
def _pool(prepared: Prepared, plan: Plan, workers: int, scheduler: str | None) -> Iterator[Any]:
    """Where chunks run."""
    if scheduler is not None:
        with cluster(prepared.site, plan, scheduler) as pool:
            yield pool
        return
    threads = Threads(partial(prepared.chunk, plan), workers)
    try:
        yield threads
    finally:
        threads.close()
