"""Rare service failures: unavailability and frequency that plain histories would hardly ever meet.

*Biasing*: from the all-up state on, failures are biased towards a service failure and every regenerative cycle counts
with its likelihood ratio. The bias is at first balanced over all parts (balanced failure biasing, P. Shahabuddin,
Management Science 40, 1994), then chosen by cross-entropy from pilot cycles (A. Ridder, "Importance sampling
simulations of Markovian reliability systems using cross-entropy", Annals of Operations Research 134, 2005).
*Splitting*: whenever one part more has failed, the state is kept and followed many times (fixed effort; M. J. J.
Garvels, "The splitting method in rare event simulation", 2000). Both start from entries into the all-up state on a
plain path (A-cycles; V. F. Nicola, P. Shahabuddin and M. K. Nakayama, IEEE Transactions on Reliability 50, 2001), so
they are unbiased for takeovers as modelled, too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_confidence, as_number, as_whole
from k2rel.errors import InputError, K2relError
from k2rel.organisation import Organisation
from k2rel.parallel import worker_count
from k2rel.simulation.circumstances import USUAL, Circumstances
from k2rel.simulation.estimates import Estimate
from k2rel.simulation.kernel import cycles, records
from k2rel.simulation.kernel.draws import alias_table
from k2rel.simulation.kernel.records_abi import laid_out
from k2rel.simulation.prepared import Prepared, prepare
from k2rel.studies import Provenance, StudyLike, study_of
from k2rel.tables import Shown
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR, minutes_text

__all__ = ["RareLoss", "rare_loss"]

FloatArray = NDArray[np.float64]

_CYCLES, _FORKS, _BURN_IN = 20, 50, 12
_PILOTS, _PILOT_REPLICAS = 4, 64
_LEVELS, _KEPT, _EFFORT = 8, 1000, 20_000
_DEFENSIVE = 0.2
_BATCH = 16
_FEWEST = 100


@dataclass(frozen=True, repr=False)
class RareLoss(Shown):
    """How rarely a service fails, and for how long."""

    provenance: Provenance
    service: str
    method: str
    unavailability: Estimate
    interruptions_per_year: Estimate
    replicas: int
    excursions: int  # biased cycles; of splitting, runs of a level
    reached: bool  # the relative error that was asked for
    seconds: float

    @property
    def relative_error(self) -> float:
        """Standard error of the unavailability, relative to it."""
        found = self.unavailability
        return found.standard_error / found.value if found.value > 0 else math.inf

    @property
    def downtime_min_per_year(self) -> Estimate:
        """Downtime [min/year]."""
        return self.unavailability.times(MINUTES_PER_YEAR)

    def _line(self) -> str:
        down = self.downtime_min_per_year
        limits = f"({minutes_text(down.low)} to {minutes_text(down.high)})"
        return f"{self.provenance.site}: {self.service} is down {minutes_text(down.value)} min a year {limits}"


@dataclass
class _Rows:
    """What replicas found."""

    rows: list[FloatArray]  # of each, what `cycles` says

    @property
    def settled(self) -> bool:
        """Whether an error can be believed: many replicas, none of which has a large part of the whole downtime.

        The weights of biased cycles are skewed, so that few replicas look more alike than they are.
        """
        down_h = np.array([row[cycles.DOWN_H] for row in self.rows])
        return bool(len(down_h) >= _FEWEST and down_h.max() <= 0.1 * down_h.sum())

    def estimate(self, column: int, confidence: float) -> Estimate:
        """Ratio of the means in a biased cycle and of the length of a plain one, with the delta method's interval."""
        from scipy.special import stdtrit

        table = np.array(self.rows)
        per_cycle, hours = (
            table[:, column] / table[:, cycles.CYCLES],
            table[:, cycles.PLAIN_H] / table[:, cycles.PLAIN_CYCLES],
        )
        count = len(table)
        value = float(per_cycle.mean() / hours.mean())
        error = (
            float(np.std(per_cycle - value * hours, ddof=1) / hours.mean() / math.sqrt(count))
            if count > 1
            else math.inf
        )
        half = float(stdtrit(max(count - 1, 1), 0.5 + confidence / 2)) * error
        return Estimate(value, max(value - half, 0.0), value + half, error)


def rare_loss(
    study: StudyLike,
    organisation: Organisation | None = None,
    circumstances: Circumstances | None = None,
    *,
    service: str | None = None,
    method: str = "biasing",
    target: float = 0.05,
    seed: int = 1,
    workers: int | None = None,
    most_seconds: float = 300.0,
    confidence: float = 0.95,
    progress: Callable[[int, float], None] | None = None,
) -> RareLoss:
    """Estimate how rarely a service fails, and for how long.

    Parameters
    ----------
    study, organisation, circumstances
        As for `simulate`. Biasing pulls on parts with constant failure rates; others fail as they do.
    service : str, optional
        The service; by default the principal traffic.
    method : {"biasing", "splitting"}
        Importance sampling, or multilevel splitting.
    target : float
        Relative standard error of the unavailability that is asked for.
    seed : int
        Seed; replicas have streams of their own, so the result does not depend on `workers`.
    workers : int, optional
        Replicas at the same time; by default one for each core.
    most_seconds : float
        Time after which it stops in any case [s]; the result then says that the target was not reached.
    confidence : float
        Confidence of the intervals.
    progress : callable, optional
        Told the number of replicas and the relative error so far.

    Returns
    -------
    RareLoss
        Unbiased estimates with their errors.

    Raises
    ------
    InputError
        If there is no such service or method, nothing that can fail at a constant rate, or a site that is never all up.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> found = rare_loss(study("L2R"), Organisation(roles="ideal"), service="control", target=0.2)
    >>> f"{found.unavailability.value:.1e}"
    '1.1e-07'
    """
    study = study_of(study)
    if method not in ("biasing", "splitting"):
        raise InputError(f"method '{str(method)[:40]}': biasing or splitting")
    target, most_seconds, confidence = (
        as_number("target", target),
        as_number("most_seconds", most_seconds),
        as_confidence(confidence),
    )
    if not 0.001 <= target < 1:
        raise InputError(f"target: a relative error from 0.001 to below 1, got {target:g}")
    if not most_seconds > 0:
        raise InputError(f"most_seconds: a time above 0, got {most_seconds:g} s")
    seed = as_whole("seed", seed, 0, 2**62 - 1)
    at_once = worker_count(workers)
    begun = time.monotonic()
    prepared = prepare(study, organisation or Organisation(), circumstances or USUAL)
    site = prepared.site
    if not len(site.arrays.pool_part) and method == "biasing":
        raise InputError("biasing: no part has a constant failure rate; use splitting")
    runner = _Runner(prepared, site.service(site.principal if service is None else service), seed, method)
    if method == "biasing":
        runner.learn_pull(at_once)
    rows = _Rows([])
    batch, at = _BATCH if method == "biasing" else 4, 10_000_000
    reached = stopped = False
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while not reached and (not rows.rows or time.monotonic() - begun < most_seconds):
                rows.rows += list(pool.map(lambda n: runner.replica(n)[0], range(at, at + batch)))
                at += batch
                batch = min(2 * batch, 64 if method == "splitting" else 512)
                found = rows.estimate(cycles.DOWN_H, confidence)
                error = found.standard_error / found.value if found.value > 0 else math.inf
                reached = error <= target and rows.settled
                if progress is not None:
                    progress(len(rows.rows), error)
        except KeyboardInterrupt:
            if len(rows.rows) < 2:
                raise
            stopped = True
    words = site.engine(
        method, f"{len(rows.rows):,} replicas, seed {seed}, intervals of {100 * confidence:g} %",
        *(["partial: stopped before its end"] if stopped else []),
    )  # fmt: skip
    excursions = sum(int(row[cycles.CYCLES]) for row in rows.rows)
    return RareLoss(
        provenance=replace(study.provenance, engine=words, takeovers=site.takeovers),
        service=site.services[runner.service].name,
        method=method,
        unavailability=rows.estimate(cycles.DOWN_H, confidence),
        interruptions_per_year=rows.estimate(cycles.FAILURES, confidence).times(HOURS_PER_YEAR),
        replicas=len(rows.rows),
        excursions=excursions if method == "biasing" else excursions * _EFFORT,
        reached=reached,
        seconds=time.monotonic() - begun,
    )


class _Runner:
    """Runs replicas, with the pull that was learnt."""

    def __init__(self, prepared: Prepared, service: int, seed: int, method: str) -> None:
        self.prepared = prepared
        site = prepared.site
        self.service = service
        self.seed = seed
        self.method = method
        model = site.arrays
        count = len(model.pool_part)
        down = np.zeros(len(site.parts))
        for p in range(len(site.parts)):
            law = site.laws[model.repair[p]]
            down[p] = law.mean_h + model.test_h[p] / 2
        with np.errstate(divide="ignore"):
            self.back = np.where(down > 0, 1.0 / np.where(down > 0, down, 1.0), 0.0)
        # balanced: as probable that something more fails as that something recovers, each part alike; clients' own
        # parts together like one shared part more
        shared = model.bit[model.pool_part] >= 0
        own = max(int((~shared).sum()), 1)
        even = np.where(shared, 1.0, max(1.0, 0.1 * shared.sum()) / own) if count else np.zeros(0)
        self.balanced = even / even.sum() if count else even
        self.pull = self.balanced.copy()
        self.first = self.balanced.copy()
        self._local: dict[int, object] = {}
        self.tables = [alias_table(x) if count else (np.zeros(0), np.zeros(0, dtype=np.int64))
                       for x in (self.pull, self.first)]  # fmt: skip

    def learn_pull(self, at_once: int) -> None:
        """Choose the pull by cross-entropy: what failed on the way to a service failure, weighted with its downtime."""
        with ThreadPoolExecutor(at_once) as pool:
            for pilot in range(_PILOTS):
                start = (pilot + 1) * 100_000
                found = list(pool.map(self.replica, range(start, start + _PILOT_REPLICAS)))
                learnt = np.sum([one[1] for one in found], axis=0)
                count = len(self.pull)
                if learnt[4, 0] <= 0 or learnt[4, 1] <= 0:
                    continue
                first = learnt[2, :count] / learnt[4, 0]
                pull = learnt[3, :count] / learnt[4, 1]
                self.first = (1 - _DEFENSIVE) * first + _DEFENSIVE * self.balanced
                self.pull = (1 - _DEFENSIVE) * np.minimum(pull, 2.0) + _DEFENSIVE * self.balanced
                self.tables = [alias_table(x) for x in (self.pull, self.first)]

    def replica(self, number: int) -> tuple[FloatArray, FloatArray]:
        """Run one replica; where the tables do not know a state, extend them and run it again."""
        site = self.prepared.site
        model = laid_out(site.arrays)
        work, fork, sums = self.prepared.room(), self.prepared.room(), self.prepared.empty_sums()
        ints, floats = len(work.kept_i), len(work.kept_f)
        splitting = self.method == "splitting"
        kept_i = np.zeros((2 * _KEPT, ints) if splitting else ints, dtype=np.int64)
        kept_f = np.zeros((2 * _KEPT, floats) if splitting else floats)
        rooms = laid_out(work), laid_out(fork), laid_out(sums)
        learnt = np.zeros((5, max(len(self.pull), 64)))
        sticky = site.takeover is not None or len(site.arrays.timed) or site.circumstances.words()
        burn_in = _BURN_IN if sticky else 0
        while True:
            tables = self.prepared.outcomes.tables
            found = np.zeros(cycles.FOUND)
            learnt[:] = 0.0
            if splitting:
                code = cycles.split_replica(
                    model, laid_out(tables), *rooms, kept_i, kept_f, self.service, self.seed, number, burn_in,
                    _CYCLES, _EFFORT, _LEVELS, found,
                )  # fmt: skip
            else:
                code = cycles.biased_replica(
                    model, laid_out(tables), *rooms, kept_i, kept_f, self.service, self.seed, number, burn_in,
                    _CYCLES, _FORKS, self.back, self.pull, self.first, *self.tables[0], *self.tables[1], learnt, found,
                )  # fmt: skip
            if code == records.DONE:
                return found, learnt
            if code != records.UNKNOWN:
                raise K2relError(
                    "rare failures: the site does not return to the all-up state, or its rules do not "
                    "reach a stable state"
                )
            wanted = np.concatenate([one.wanted[: one.i[records.WANTED]] for one in (work, fork)])
            work.i[records.WANTED] = fork.i[records.WANTED] = 0
            self.prepared.outcomes.learn(wanted)
