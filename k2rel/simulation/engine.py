"""Histories by the million: in chunks, over cores or machines, to a width that is asked for.

A chunk is a fixed range of histories, so its sums are the same wherever it runs; chunks are added in their order. The
result is therefore the same whatever the number of workers, and one that was stopped is that of fewer histories.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from k2rel.arguments import as_confidence, as_name, as_number, as_seed, as_whole, keep
from k2rel.errors import InputError, K2relError
from k2rel.organisation import Organisation
from k2rel.parallel import worker_count
from k2rel.simulation.circumstances import USUAL, Circumstances
from k2rel.simulation.kernel.histories import empty_sums, room, run
from k2rel.simulation.kernel.records import (
    DONE,
    FULL,
    HISTORY,
    S_LONGEST,
    SCOUTING,
    STOPPED,
    UNKNOWN,
    WANTED,
    Sums,
    Tables,
    Work,
)
from k2rel.simulation.kernel.records_abi import laid_out
from k2rel.simulation.model import SiteModel
from k2rel.simulation.outcomes import Outcomes
from k2rel.simulation.results import Simulation
from k2rel.studies import Study
from k2rel.units import HOURS_PER_YEAR

__all__ = ["Plan", "Progress", "simulate"]

_EVENTS_OF_CHUNK = 600_000
_MOST_EVENTS = 3e8
_LOOK_AHEAD = 400  # histories that are run ahead to find out what else is not known
_MOST_HISTORIES = 10**10


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be simulated.

    Parameters
    ----------
    histories : int
        Number of histories, or the most of them where a width is asked for.
    years : int
        Years of each that are counted.
    warm_up_h : float
        Time of each before that, from everything new and in service [h].
    seed : int
        Seed.
    target : float or None
        Half width of the interval of the unavailability that is asked for, relative to it.
    service : str or None
        The service that the width is of; by default the principal traffic.
    confidence : float
        Confidence of all intervals.

    Examples
    --------
    >>> Plan(histories=1000).years
    10
    """

    histories: int = 100_000
    years: int = 10
    warm_up_h: float = 2 * HOURS_PER_YEAR
    seed: int = 1
    target: float | None = None
    service: str | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        # what was given as 1e4, or by NumPy, is kept as the number that it is
        keep(self, histories=as_whole("histories", self.histories, 2, _MOST_HISTORIES))
        keep(self, years=as_whole("years", self.years, 1, 1000), seed=as_seed(self.seed))
        keep(self, warm_up_h=as_number("warm_up_h", self.warm_up_h), confidence=as_confidence(self.confidence))
        if not 0 <= self.warm_up_h <= 1e6 * HOURS_PER_YEAR:
            raise InputError(f"warm_up_h: a time from 0, got {self.warm_up_h:g} h")
        if self.target is not None:
            keep(self, target=as_number("target", self.target))
            if not 1e-4 <= self.target < 1:
                raise InputError(f"target: a relative half width from 0.0001 to 1, such as 0.05; got {self.target:g}")
        if self.service is not None:
            as_name("service", self.service)


class Progress(Protocol):
    """Told how far a simulation is."""

    def __call__(self, done: int, expected: int, relative_width: float) -> None:
        """Histories done, histories expected, half width of the interval relative to the estimate."""


class Prepared:
    """A site ready to run, with what its histories have learnt."""

    def __init__(self, site: SiteModel) -> None:
        self.site = site
        self.outcomes = Outcomes(site)

    def chunk(self, plan: Plan, first: int, last: int) -> Sums:
        """Run histories from `first` on, without the last."""
        work, sums = room(self.site), empty_sums(self.site)
        work.i[HISTORY] = first
        follow(self, plan, work, sums, last, ahead=_LOOK_AHEAD)
        self.outcomes.add_loads(work.mode_time, sums.element)
        return sums


@lru_cache(maxsize=8)
def prepare(study: Study, organisation: Organisation, circumstances: Circumstances) -> Prepared:
    """Make a site ready, once for the same inputs, so that what its histories have learnt is kept.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> one = study("L1")
    >>> prepare(one, Organisation(), USUAL) is prepare(one, Organisation(), USUAL)
    True
    """
    return Prepared(SiteModel(study, organisation, circumstances))


def follow(prepared: Prepared, plan: Plan, work: Work, sums: Sums, last: int, *, ahead: int) -> None:
    """Run histories to the last one; ask the policy where its tables do not know a state.

    A scout runs some histories `ahead` each time, so that many states are asked for at once; as fewer turn up, it goes
    less far.
    """
    model, here, counted = laid_out(prepared.site.arrays), laid_out(work), laid_out(sums)
    scout: tuple[Work, Sums] | None = None
    asked = b""

    def go(tables: Tables, where: Any, into: Any, to: int) -> int:
        return int(run(model, laid_out(tables), where, into, plan.seed, to, plan.warm_up_h, plan.years, HOURS_PER_YEAR))

    while True:
        tables = prepared.outcomes.tables
        code = go(tables, here, counted, last)
        if code == DONE:
            return
        if code == FULL:
            raise K2relError("simulation: the calendar of a history overflowed; fewer spares or parts are needed")
        if code != UNKNOWN:
            raise K2relError("simulation: the rules of the site do not come to rest in some state")
        wanted = work.wanted[: work.i[WANTED]].copy()
        work.i[WANTED] = 0
        if wanted.tobytes() == asked:
            raise K2relError("simulation: a state is not understood twice; this is a defect")
        asked = wanted.tobytes()
        if ahead:
            scout = scout or (room(prepared.site), empty_sums(prepared.site))
            other = scout[0]
            other.i[HISTORY], other.i[SCOUTING], other.i[STOPPED] = work.i[HISTORY] + 1, 1, 0
            go(tables, laid_out(other), laid_out(scout[1]), int(min(work.i[HISTORY] + ahead, last)))
            found = np.unique(other.wanted[: other.i[WANTED]], axis=0)
            other.i[WANTED] = 0
            wanted = np.concatenate([wanted, found])
            ahead = min(2 * ahead, _LOOK_AHEAD) if len(found) > 4 else ahead // 2
        prepared.outcomes.learn(wanted)


def _events(site: SiteModel, plan: Plan) -> float:
    """Events of a history, about."""
    hours = plan.warm_up_h + plan.years * HOURS_PER_YEAR
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
    events = _events(site, plan)
    if events > _MOST_EVENTS:
        raise InputError(
            f"{site.study.site.name}: a history has some {events:.1e} events, more than can be followed; simulate "
            "fewer years, or look at parts that fail every few seconds"
        )
    return int(min(max(_EVENTS_OF_CHUNK / events, 1), 250_000))


def simulate(
    study: Study,
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
        The study.
    organisation : Organisation, optional
        Who repairs and how roles behave; by default sticky roles and as many crews as needed.
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
    >>> 5 < result["media"].downtime_min_per_year.value < 20
    True
    """
    plan = plan or Plan()
    at_once = worker_count(workers)
    prepared = prepare(study, organisation or Organisation(), circumstances or USUAL)
    site = prepared.site
    service = site.service(site.principal if plan.service is None else plan.service)
    begun = time.monotonic()
    total = empty_sums(site)
    size = chunk_size(site, plan)
    stopped = False
    with _pool(prepared, plan, at_once, scheduler) as pool:
        first = 0
        goal = min(plan.histories, 16 * size) if plan.target is not None else plan.histories
        try:
            while first < goal:
                ranges = [(a, min(a + size, goal)) for a in range(first, goal, size)]
                for _, done in zip(ranges, pool.chunks(ranges), strict=True):
                    _add(total, done)
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


def _add(total: Sums, more: Sums) -> None:
    longest = np.maximum(total.service[:, S_LONGEST], more.service[:, S_LONGEST])
    for one, other in zip(total, more, strict=True):
        np.add(one, other, out=one)
    total.service[:, S_LONGEST] = longest


@dataclass
class _Threads:
    """Chunks on the cores of this machine."""

    prepared: Prepared
    plan: Plan
    workers: int
    executor: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.executor = ThreadPoolExecutor(self.workers)

    def chunks(self, ranges: list[tuple[int, int]]) -> Iterator[Sums]:
        """Run chunks, and give their sums in order; few are under way or wait to be added at any time."""

        def submit(n: int) -> Future[Sums]:
            return self.executor.submit(self.prepared.chunk, self.plan, *ranges[n])

        yield from _in_order(len(ranges), 2 * self.workers + 1, submit)

    def close(self) -> None:
        self.executor.shutdown(wait=True, cancel_futures=True)


def _in_order(count: int, ahead: int, submit: Callable[[int], Future[Sums]]) -> Iterator[Sums]:
    """Give results in their order while a few are under way."""
    futures: dict[int, Future[Sums]] = {}
    sent = 0
    for n in range(count):
        while sent < min(count, n + ahead):
            futures[sent] = submit(sent)
            sent += 1
        while not futures[n].done():  # a wait with an end lets Ctrl-C through
            wait([futures[n]], timeout=0.5, return_when=FIRST_COMPLETED)
        yield futures.pop(n).result()


@contextmanager
def _pool(prepared: Prepared, plan: Plan, workers: int, scheduler: str | None) -> Iterator[Any]:
    """Where chunks run."""
    if scheduler is not None:
        from k2rel.simulation.cluster import cluster

        with cluster(prepared.site, plan, scheduler) as pool:
            yield pool
        return
    threads = _Threads(prepared, plan, workers)
    try:
        yield threads
    finally:
        threads.close()
