"""From a present state to a horizon: what fails, for how long, and when what is down is back, where laws age too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from k2rel.arguments import as_confidence, as_number, as_numbers, as_seed, as_whole
from k2rel.errors import InputError
from k2rel.organisation import Organisation
from k2rel.parallel import worker_count
from k2rel.simulation.circumstances import USUAL, Circumstances
from k2rel.simulation.engine import EVENTS_OF_CHUNK, expected_events
from k2rel.simulation.estimates import Estimate, mean_of, share_of
from k2rel.simulation.kernel import ahead as kernel
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.ahead import Seen
from k2rel.simulation.kernel.layout import F1, I1, allocated
from k2rel.simulation.kernel.present import Present
from k2rel.simulation.kernel.records import Sums, Tables, Work
from k2rel.simulation.kernel.records_abi import laid_out
from k2rel.simulation.prepared import LOOK_AHEAD, Prepared, prepare
from k2rel.simulation.present import present_state
from k2rel.simulation.threads import Threads
from k2rel.studies import Provenance, StudyLike, study_of
from k2rel.tables import Shown
from k2rel.units import HOURS_PER_YEAR

__all__ = ["Ahead", "ServiceAhead", "ahead"]

_LONGEST_H = 100 * HOURS_PER_YEAR
_MOST_HISTORIES, _MOST_OF_CHUNK, _MOST_EVENTS = 10**9, 20_000, 3e8


@dataclass(frozen=True, repr=False)
class ServiceAhead(Shown):
    """What is ahead of one service.

    Parameters
    ----------
    service, title, scope : str
        As in the catalogue of services.
    p_down_now : float
        Share of histories that begin with it down: 0 or 1, but where a takeover at this instant succeeds or fails.
    p_failure_within : Estimate
        Probability that it fails within the horizon; of one that is down now, after it was back.
    p_longer_than : tuple of Estimate
        Probability of an outage that begins within the horizon and is longer than each length asked for.
    downtime_h, failures : Estimate
        Expected downtime and number of failures within the horizon.
    back_h : Estimate or None
        Mean time until it is back, where it is down now.
    """

    service: str
    title: str
    scope: str
    p_down_now: float
    p_failure_within: Estimate
    p_longer_than: tuple[Estimate, ...]
    downtime_h: Estimate
    failures: Estimate
    back_h: Estimate | None

    @property
    def up_now(self) -> bool:
        """Whether it is up at present in every history."""
        return self.p_down_now == 0.0

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> ahead(study("L2R"), histories=200)["media"].to_json()["up_now"]
        True
        """
        return {
            "service": self.service,
            "scope": self.scope,
            "up_now": self.up_now,
            "p_down_now": self.p_down_now,
            "p_failure_within": self.p_failure_within.to_json(),
            "p_longer_than": [found.to_json() for found in self.p_longer_than],
            "downtime_h": self.downtime_h.to_json(),
            "failures": self.failures.to_json(),
            "back_h": None if self.back_h is None else self.back_h.to_json(),
        }

    def _line(self) -> str:
        now = "up now" if self.up_now else "down now"
        return f"{self.service}: {now}, fails with probability {self.p_failure_within.value:.3g}"


@dataclass(frozen=True, eq=False, repr=False)
class Ahead(Shown):
    """What is ahead of the services of a site, from a present state to a horizon.

    Parameters
    ----------
    provenance : Provenance
        How the numbers were got.
    down_since_h, roles : mapping of str to float, str
        The present state: parts that are down, and where roles and servers are in words.
    horizon_h, longer_than_h : float, tuple of float
        Horizon and lengths of outages that were asked for [h].
    histories, seed, confidence : int, int, float
        How much was simulated, and the confidence of the intervals.
    services : tuple of ServiceAhead
        Every service.
    """

    provenance: Provenance
    down_since_h: Mapping[str, float]
    roles: str
    horizon_h: float
    longer_than_h: tuple[float, ...]
    histories: int
    seed: int
    confidence: float
    services: tuple[ServiceAhead, ...]

    def __getitem__(self, name: str) -> ServiceAhead:
        """Look up one service by its name."""
        found = {item.service: item for item in self.services}
        if name not in found:
            raise InputError(f"there is no service '{str(name)[:60]}'; there are {', '.join(found)}")
        return found[name]

    def to_json(self) -> dict[str, Any]:
        """Give the result as plain data.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> ahead(study("L2R"), histories=200).to_json()["horizon_h"]
        24.0
        """
        return {
            **self.provenance.heading(),
            "state": {"down_since_h": dict(self.down_since_h), "roles": self.roles},
            "horizon_h": self.horizon_h,
            "longer_than_h": list(self.longer_than_h),
            "histories": self.histories,
            "seed": self.seed,
            "confidence": self.confidence,
            "services": [item.to_json() for item in self.services],
        }

    def _line(self) -> str:
        return f"{self.provenance.site}: the next {self.horizon_h:g} h, {self.histories:,} histories"


def ahead(
    study: StudyLike,
    organisation: Organisation | None = None,
    circumstances: Circumstances | None = None,
    *,
    down_since_h: Mapping[str, float] | None = None,
    control: int | None = None,
    ages_h: Mapping[str, float] | None = None,
    horizon_h: float = 24.0,
    longer_than_h: Sequence[float] = (),
    histories: int = 100_000,
    seed: int = 1,
    workers: int | None = None,
    confidence: float = 0.95,
) -> Ahead:
    """Simulate what is ahead from a present state to a horizon.

    Parameters
    ----------
    study : Study
    organisation : Organisation, optional
        Who repairs and how roles behave.
    circumstances : Circumstances, optional
        What only the simulation follows. Planned work is counted from now on, and no common event lasts now.
    down_since_h : mapping of str to float, optional
        Parts that are down, and for how many hours. Each is known to be so and its repair has lasted that long, or it
        waits for a crew or a spare, which went to what has been down for longest. All others work.
    control : int, optional
        Where the roles are and which servers are in service: a control state of the takeover with this organisation's
        times (`k2rel.policy.takeover.Takeover`). By default all roles are at home, all servers in service. Where
        something follows from it and the failed parts at once it does so at time 0; times of operator actions begin.
    ages_h : mapping of str to float, optional
        Hours since each working part was new or renewed; of one that is down, its age when it failed. It matters for
        lives that are not exponential. A part that is not named has the age of the long run.
    horizon_h : float
        The horizon [h].
    longer_than_h : sequence of float
        Lengths that outages are compared with [h]; an outage at the horizon is followed as long as it takes.
    histories : int
        Number of histories.
    seed : int
        Seed.
    workers : int, optional
        Histories at the same time; by default one for each core. It does not change the result.
    confidence : float
        Confidence of all intervals.

    Returns
    -------
    Ahead
        For every service, with intervals.

    Raises
    ------
    InputError
        If there is no such part or control state, or no law allows what is said.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> found = ahead(study("L2R"), down_since_h={"switch_A": 1.0}, longer_than_h=[1.0], histories=2000)
    >>> found["media"].up_now, round(found["media"].downtime_h.value, 3)
    (False, 0.063)
    """
    study = study_of(study)
    horizon = _time("horizon_h", horizon_h)
    if not horizon > 0:
        raise InputError("horizon_h: a time above 0, such as 24")
    lengths = np.array([_time("longer_than_h", each) for each in as_numbers("longer_than_h", longer_than_h)])
    count = as_whole("histories", histories, 2, _MOST_HISTORIES)
    seed, confidence, at_once = as_seed(seed), as_confidence(confidence), worker_count(workers)
    prepared = prepare(study, organisation or Organisation(), circumstances or USUAL)
    site = prepared.site
    down = down_since_h or {}
    present = present_state(site, down, control, ages_h or {})
    runner = _Runner(prepared, present, horizon, lengths, seed)
    events = expected_events(site, horizon + float(lengths.max(initial=0.0)))
    if events > _MOST_EVENTS:
        raise InputError(f"horizon_h: a history would have about {events:.1e} events; use a shorter time")
    size = int(min(max(EVENTS_OF_CHUNK / events, 1), _MOST_OF_CHUNK))
    ranges = [(first, min(first + size, count)) for first in range(0, count, size)]
    rows, longer = (
        np.zeros((len(site.services), kernel.COLUMNS)),
        np.zeros((len(site.services), len(lengths)), np.int64),
    )
    with closing(Threads(runner.chunk, at_once)) as threads:
        for seen in threads.chunks(ranges):
            rows += seen.service
            longer += seen.longer
    words = site.engine(
        f"{count:,} histories of {horizon:g} h from a present state",
        f"seed {seed}, intervals of {100 * confidence:g} %",
    )
    services = []
    for n, named in enumerate(site.services):
        services.append(
            ServiceAhead(
                named.name, named.title, named.scope, **_estimates(rows[n], longer[n], count, horizon, confidence)
            )
        )
    provenance = replace(study.provenance, engine=words, takeovers=site.takeovers)
    roles = "at the preferred side" if site.takeover is None else site.takeover.words(present.control)
    return Ahead(
        provenance, dict(down), roles, horizon, tuple(lengths.tolist()), count, seed, confidence, tuple(services)
    )


def _time(argument: str, value: Any) -> float:
    hours = as_number(argument, value)
    if not 0 <= hours <= _LONGEST_H:
        raise InputError(f"{argument}: a time from 0 to {_LONGEST_H:g} h, got {hours:g} h")
    return hours


def _estimates(row: F1, longer: I1, count: int, horizon_h: float, confidence: float) -> dict[str, Any]:
    """Put together what was counted of one service."""
    down = mean_of(row[kernel.DOWN], row[kernel.DOWN2], count, int(row[kernel.ANY_DOWN]), confidence)
    now = int(row[kernel.DOWN_NOW])
    return {
        "p_down_now": now / count,
        "p_failure_within": share_of(int(row[kernel.ANY]), count, confidence),
        "p_longer_than": tuple(share_of(int(hits), count, confidence) for hits in longer),
        "downtime_h": down.no_more_than(horizon_h),
        "failures": mean_of(row[kernel.COUNT], row[kernel.COUNT2], count, int(row[kernel.ANY]), confidence),
        "back_h": mean_of(row[kernel.RETURN], row[kernel.RETURN2], now, now, confidence) if now else None,
    }


@dataclass(frozen=True)
class _Runner:
    """Runs chunks of histories."""

    prepared: Prepared
    present: Present
    horizon_h: float
    lengths: F1
    seed: int

    def chunk(self, first: int, last: int) -> Seen:
        """Run histories from `first` on, without the last."""
        work, sums = self.prepared.room(), self.prepared.empty_sums()
        seen = allocated(Seen, services=self.prepared.site.arrays.services, lengths=len(self.lengths))
        seen.length_h[:] = self.lengths
        model, present, counted = laid_out(self.prepared.site.arrays), laid_out(self.present), laid_out(seen)

        def go(tables: Tables, where: Work, into: Sums, to: int) -> int:
            return int(kernel.look_ahead(model, tables, where, into, present, counted, self.seed, to, self.horizon_h))

        work.i[records.HISTORY] = first
        self.prepared.led(go, work, sums, last, ahead=LOOK_AHEAD)
        return seen
