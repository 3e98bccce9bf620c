"""RAID groups as they really fail: lives that age, rebuilds that take their time, errors that nobody has read yet.

A group loses data when more drives are missing than it bears, or when a drive must be rebuilt while what is left has
an unread error in it (a latent sector error, until scrubbing finds it). The model is that of J. G. Elerath and M.
Pecht, "Enhanced Reliability Modeling of RAID Storage Systems", DSN 2007, for any number of parities, with a pool of
spares.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_confidence, as_number, as_seed, as_whole, keep
from k2rel.distributions import Distribution
from k2rel.errors import InputError
from k2rel.loops.compiled import compiled
from k2rel.parallel import worker_count
from k2rel.simulation.estimates import Estimate, mean_of
from k2rel.simulation.kernel.draws import draw, packed, start
from k2rel.tables import Shown
from k2rel.units import HOURS_PER_YEAR

__all__ = ["DataLoss", "RaidGroup", "data_loss", "mttdl_losses"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_CHUNK = 5000
LIFE, REBUILD, LATENT, SCRUB, REFILL = range(5)


@dataclass(frozen=True, repr=False)
class RaidGroup(Shown):
    """A RAID group and how its drives fail and are brought back.

    Parameters
    ----------
    drives : int
        Number of drives, parity included.
    parities : int
        How many may be missing at once: 1 for RAID 5, 2 for RAID 6, n - 1 for RAID 1.
    life : Distribution
        Time to an operational failure of a drive [h].
    rebuild : Distribution
        Time from the failure until a drive's content is restored on a spare that is at hand [h].
    latent : Distribution or None
        Time until a drive has an unread error [h], from when it was last known to have none; None for never.
    scrub : Distribution or None
        Time until such an error is found and corrected [h]; None for never, but when the drive is replaced.
    spares : int or None
        Spares at hand for the group; None for always one more.
    refill : Distribution or None
        Time until a spare that was used has been replaced [h].

    Raises
    ------
    InputError
        If the numbers do not fit together.

    Examples
    --------
    >>> RaidGroup(8, 1, Distribution.weibull(1.12, 461_386), Distribution.weibull(2, 12, 6)).usable
    7
    """

    drives: int
    parities: int
    life: Distribution
    rebuild: Distribution
    latent: Distribution | None = None
    scrub: Distribution | None = None
    spares: int | None = None
    refill: Distribution | None = None

    def __post_init__(self) -> None:
        for which in ("life", "rebuild", "latent", "scrub", "refill"):
            law = getattr(self, which)
            if not isinstance(law, Distribution) and (law is not None or which in ("life", "rebuild")):
                raise InputError(f"{which}: a Distribution is needed, such as Distribution.exponential(1e6); got {law}")
        keep(self, drives=as_whole("drives", self.drives, 2, 10_000))
        keep(self, parities=as_whole("parities", self.parities, 1))
        if self.spares is not None:
            keep(self, spares=as_whole("spares", self.spares, 0, 1000))
        if not self.parities < self.drives:
            raise InputError(f"RAID group: {self.drives} drives cannot tolerate the failure of {self.parities}")
        if self.spares is not None and self.refill is None:
            raise InputError("RAID group: with a number of spares, give the time to get another (refill)")
        if self.scrub is not None and self.latent is None:
            raise InputError(
                "RAID group: scrubbing without latent errors has no effect; give the time to a latent error"
            )

    @property
    def usable(self) -> int:
        """Drives' worth of data."""
        return self.drives - self.parities

    def _line(self) -> str:
        return f"{self.drives} drives, {self.parities} of parity, life {self.life}, rebuild {self.rebuild}"


@dataclass(frozen=True, repr=False)
class DataLoss(Shown):
    """How often a RAID group loses data in a mission; by means over groups."""

    group: RaidGroup
    mission_h: float
    histories: int
    seed: int
    losses: Estimate
    p_loss: Estimate
    by_latent: float  # share of the losses in which an unread error, not a missing drive, was the last straw
    over_time: FloatArray  # (years, 2): end of each year [h], losses by a group until then

    def nomdl(self, drive_tb: float, unread_tb: float = 4.096e-9) -> Estimate:
        """Normalised magnitude of data loss: data lost in the mission for each usable TB.

        A drive too many missing costs the content of all missing ones, at most all data; an unread error costs what
        one error covers (K. M. Greenan, J. S. Plank and J. J. Wylie, "Mean time to meaningless", HotStorage 2010);
        by default a sector of 4,096 bytes. Both kinds of loss are taken as a fixed share of all in the interval.

        Examples
        --------
        >>> group = RaidGroup(2, 1, Distribution.exponential(1000.0), Distribution.fixed(10.0))
        >>> result = data_loss(group, 10_000.0, histories=1000)
        >>> result.nomdl(4.0).value, result.losses.value
        (0.183, 0.183)
        """
        if not (drive_tb > 0 and unread_tb > 0):
            raise InputError("NOMDL: capacities must be above 0")
        drives = min(self.group.parities + 1, self.group.usable) * drive_tb
        lost_tb = (1.0 - self.by_latent) * drives + self.by_latent * unread_tb
        return self.losses.times(lost_tb / (self.group.usable * drive_tb))

    def _line(self) -> str:
        return (
            f"{self.group.drives} drives lose data with probability {self.p_loss.value:.3g} in {self.mission_h:,.6g} h"
        )


@compiled
def _groups(
    drives: int, parities: int, spares: int, kind: IntArray, parameter: FloatArray, at: IntArray, length: IntArray,
    grid: FloatArray, mission_h: float, seed: int, first: int, last: int, years: FloatArray, found: FloatArray,
) -> None:  # fmt: skip
    """Run groups; `found` gets losses, their squares, groups with any, and losses by latent errors."""
    rng = np.zeros(4, dtype=np.uint64)
    fails_at, back_at = np.zeros(drives), np.zeros(drives)
    bad_from, bad_to = np.zeros(drives), np.zeros(drives)  # unread errors on each drive, the last or next one
    returns = np.zeros(max(spares, 1) + drives)
    latent = kind[LATENT] >= 0
    for group in range(first, last):
        start(rng, seed, group)
        for d in range(drives):
            fails_at[d] = draw(kind, parameter, at, length, grid, LIFE, 0.0, rng)
            back_at[d] = 0.0
            bad_from[d], bad_to[d] = 0.0, 0.0  # none yet; the first is drawn when it is asked for
        losses, late = 0, 0
        restored = 0.0  # until then a loss has been counted and everything concerned is being brought back
        for s in range(len(returns)):
            returns[s] = 0.0
        while True:
            d = 0
            for e in range(1, drives):
                if fails_at[e] < fails_at[d]:
                    d = e
            now = fails_at[d]
            if now > mission_h:
                break
            missing = 0
            for e in range(drives):
                missing += back_at[e] > now
            unread = False
            if latent and missing == parities - 1:
                # errors come and go on each drive; bring those of the others up to now
                for e in range(drives):
                    if e == d or back_at[e] > now:
                        continue
                    while bad_to[e] <= now:
                        bad_from[e] = bad_to[e] + draw(kind, parameter, at, length, grid, LATENT, 0.0, rng)
                        bad_to[e] = np.inf
                        if kind[SCRUB] >= 0:
                            bad_to[e] = bad_from[e] + draw(kind, parameter, at, length, grid, SCRUB, 0.0, rng)
                    unread = unread or bad_from[e] < now
            begins = now
            if spares >= 0:
                # the spare that is at hand first
                s = 0
                for k in range(1, spares):
                    if returns[k] < returns[s]:
                        s = k
                if spares == 0:
                    begins = now + draw(kind, parameter, at, length, grid, REFILL, 0.0, rng)
                else:
                    begins = max(now, returns[s])
                    returns[s] = begins + draw(kind, parameter, at, length, grid, REFILL, 0.0, rng)
            back = begins + draw(kind, parameter, at, length, grid, REBUILD, 0.0, rng)
            if now >= restored and (missing >= parities or unread):
                losses += 1
                late += unread and missing < parities
                years[min(int(now / HOURS_PER_YEAR), len(years) - 1)] += 1
                restored = back
                for e in range(drives):
                    if back_at[e] > now:
                        restored = max(restored, back_at[e])
            back_at[d] = back
            fails_at[d] = back + draw(kind, parameter, at, length, grid, LIFE, 0.0, rng)
            bad_from[d], bad_to[d] = back, back
        found[0] += losses
        found[1] += losses * losses
        found[2] += losses > 0
        found[3] += late


def data_loss(
    group: RaidGroup,
    mission_h: float = 10 * HOURS_PER_YEAR,
    *,
    histories: int = 100_000,
    seed: int = 1,
    workers: int | None = None,
    confidence: float = 0.95,
) -> DataLoss:
    """Simulate a RAID group through a mission, many times.

    Parameters
    ----------
    group : RaidGroup
        The group; all drives are new at the start.
    mission_h : float
        Length of the mission [h].
    histories : int
        How many groups.
    seed : int
        Seed; the result does not depend on `workers`.
    workers : int, optional
        Groups at the same time; by default one for each core.
    confidence : float
        Confidence of the intervals.

    Returns
    -------
    DataLoss
        Losses, counted. After a loss the group goes on with the data brought back when all concerned drives are
        restored; losses before that are not counted again.

    Raises
    ------
    InputError
        If mission or number are out of range.

    Examples
    --------
    Eight drives as RAID 5 without latent errors, ten years: a quarter of a loss in a thousand groups.

    >>> group = RaidGroup(8, 1, Distribution.weibull(1.12, 461_386), Distribution.weibull(2, 12, 6))
    >>> result = data_loss(group, 87_600, histories=200_000, seed=4)
    >>> round(1000 * result.losses.value, 4)
    0.24
    """
    mission_h, confidence = as_number("mission_h", mission_h), as_confidence(confidence)
    if not 0 < mission_h <= 1e7:
        raise InputError(f"mission_h: a time above 0 and up to 1e7 h, got {mission_h:g} h")
    histories, seed = as_whole("histories", histories, 2, 10**9), as_seed(seed)
    at_once = worker_count(workers)
    laws = packed([group.life, group.rebuild, group.latent, group.scrub, group.refill])

    def chunk(begin: int) -> tuple[FloatArray, FloatArray]:
        years, found = np.zeros(max(1, math.ceil(mission_h / HOURS_PER_YEAR))), np.zeros(4)
        _groups(
            group.drives, group.parities, -1 if group.spares is None else group.spares, *laws, mission_h, seed,
            begin, min(begin + _CHUNK, histories), years, found,
        )  # fmt: skip
        return years, found

    with ThreadPoolExecutor(at_once) as pool:
        rows = list(pool.map(chunk, range(0, histories, _CHUNK)))
    years = np.sum([row[0] for row in rows], axis=0)
    found = np.sum([row[1] for row in rows], axis=0)
    ends = np.minimum(np.arange(1, len(years) + 1) * HOURS_PER_YEAR, mission_h)
    hits = int(found[2])
    return DataLoss(
        group=group,
        mission_h=mission_h,
        histories=histories,
        seed=seed,
        losses=mean_of(found[0], found[1], histories, hits, confidence),
        p_loss=mean_of(hits, hits, histories, hits, confidence),
        by_latent=float(found[3] / found[0]) if found[0] else 0.0,
        over_time=np.column_stack([ends, np.cumsum(years) / histories]),
    )


def mttdl_losses(group: RaidGroup, mission_h: float) -> float:
    """Losses in a mission as the MTTDL formula has them, from the means of lives and rebuilds alone.

    Examples
    --------
    The case of Elerath and Pecht, for 1,000 groups in ten years:

    >>> group = RaidGroup(8, 1, Distribution.exponential(461_386), Distribution.exponential(12))
    >>> round(1000 * mttdl_losses(group, 87_600), 4)
    0.2764
    """
    from k2rel.rates import RaidModule

    module = RaidModule(
        group.drives, group.parities, 1.0 / group.life.mean_h, replace_h=group.rebuild.mean_h, rebuild_h=0.0,
        restore_h=24.0,
    )  # fmt: skip
    return mission_h / module.mttdl_h
