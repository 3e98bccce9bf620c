"""How available each service is: steady state, over time, and what takeovers add."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_name, as_times, as_wholes
from k2rel.errors import InputError, closest
from k2rel.exact.engine import mode_transitions, unavailability, unavailability_over_time
from k2rel.exact.served import served_distribution
from k2rel.logic.diagram import compile_diagram
from k2rel.logic.rounding import at_most_one
from k2rel.measures.engines import engine_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.policy.rules import Policy
from k2rel.rates import common_period_h
from k2rel.services.diagrams import Service, services_of
from k2rel.studies import Provenance, Study
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]

_FIGURES = ("availability", "unavailability", "downtime_min_per_year", "failures_per_year", "mtbf_h", "mean_downtime_h")
_SHORTEST_H = 1e-2
_CYCLES, _SETTLED = 4, 40  # times the longest interval between tests, and the longest repair, until all repeats itself
_MOST_DAYS = 2000
_WIDE = 0.1  # share of an unavailability above which a bound on its error is said with it

__all__ = [
    "AvailabilityResult",
    "ServiceAvailability",
    "availability",
    "over_time",
    "served",
    "service_named",
    "takeovers",
]


@dataclass(frozen=True, slots=True)
class ServiceAvailability:
    """Steady-state figures of one service."""

    service: str
    title: str
    scope: str  # "site" or "client"
    unavailability: float
    frequency_per_h: float  # service failures

    @property
    def availability(self) -> float:
        """Steady-state availability; for display, since it has no digits left near 1."""
        return 1.0 - self.unavailability

    @property
    def downtime_min_per_year(self) -> float:
        """Expected downtime [min/year]."""
        return self.unavailability * MINUTES_PER_YEAR

    @property
    def failures_per_year(self) -> float:
        """Expected service failures a year."""
        return self.frequency_per_h * HOURS_PER_YEAR

    @property
    def mtbf_h(self) -> float:
        """Mean time from one service failure to the next [h]; infinite where there are none."""
        return 1.0 / self.frequency_per_h if self.frequency_per_h > 0 else math.inf

    @property
    def mean_downtime_h(self) -> float:
        """Mean duration of a service failure [h]; not a number where there are none."""
        return self.unavailability / self.frequency_per_h if self.frequency_per_h > 0 else math.nan

    @property
    def nines(self) -> float:
        """Number of nines, -log10 of the unavailability."""
        return -math.log10(self.unavailability) if self.unavailability > 0 else math.inf

    def figures(self) -> dict[str, float]:
        """The figures by their name."""
        return {name: getattr(self, name) for name in _FIGURES}

    def to_json(self) -> dict[str, Any]:
        """Give the figures as plain data; what is not finite becomes None.

        Examples
        --------
        >>> ServiceAvailability("media", "media", "site", 1e-5, 1e-6).to_json()["mtbf_h"]
        1000000.0
        """
        values: dict[str, Any] = {
            "service": self.service,
            "title": self.title,
            "scope": self.scope,
            **self.figures(),
        }
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


@dataclass(frozen=True)
class AvailabilityResult:
    """Availability of every service of a site."""

    provenance: Provenance
    services: tuple[ServiceAvailability, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, service: str) -> ServiceAvailability:
        for item in self.services:
            if item.service == service:
                return item
        known = [item.service for item in self.services]
        raise InputError(f"{self.provenance.site} has no service '{service}'{closest(service, known)}")

    def table(self) -> pd.DataFrame:
        """Give the services as a table.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> availability(study("L2")).table().loc["media", "downtime_min_per_year"].round()
        np.float64(91.0)
        """
        import pandas as pd

        return pd.DataFrame(self.rows()).set_index("service")

    def rows(self) -> list[dict[str, Any]]:
        """Give the services as plain rows: what `table` is made from.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> list(availability(study("L2")).rows()[0])[:4]
        ['service', 'title', 'scope', 'availability']
        """
        return [{"service": s.service, "title": s.title, "scope": s.scope, **s.figures()} for s in self.services]

    def to_json(self) -> dict[str, Any]:
        """Give the result as plain data, as the command line prints it.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> availability(study("L2")).to_json()["level"]
        'L2'
        """
        notes = {"notes": list(self.notes)} if self.notes else {}
        return {**self.provenance.heading(), **notes, "services": [item.to_json() for item in self.services]}


def availability(
    study: Study, lost_clients: Sequence[int] | int | None = None, organisation: Organisation | None = None
) -> AvailabilityResult:
    """Compute the steady-state availability of every service, exactly.

    Parameters
    ----------
    study : Study
    lost_clients : sequence of int, optional
        For which k to ask for the loss of k or more clients; by default 2, half and all of them.
    organisation : Organisation, optional
        Who repairs, for the dynamic engine with roles that stick; by default the static engine.

    Returns
    -------
    AvailabilityResult
        For the site and for one client: unavailability, downtime, failure frequency, MTBF, mean downtime.
        Clients of different groups are listed apart where their figures differ.

    Raises
    ------
    InputError
        If a k is no number from 1 to the number of clients.
    ModelTooLargeError
        If the site has too many independent conditions.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> result = availability(study("L2R"))
    >>> f"{result['media'].downtime_min_per_year:.2f} min a year"
    '4.01 min a year'
    """
    lost = None if lost_clients is None else as_wholes("lost_clients", lost_clients, 1, study.site.client_count)
    return _availability(study, lost, organisation)


@lru_cache(maxsize=16)
def _availability(
    study: Study, lost_clients: tuple[int, ...] | None, organisation: Organisation | None
) -> AvailabilityResult:
    """Compute once for each study; tables, contracts and verdict ask again."""
    rows: list[ServiceAvailability] = []
    listed: dict[str, list[float]] = {}  # of each class, what clients of one group have
    engine = engine_of(study, organisation)
    for service in services_of(engine.policy, lost_clients):
        u = engine.unavailability(service)
        of_class = service.name.rpartition("_client")[0] if service.scope == "client" else ""
        if any(math.isclose(u, known, rel_tol=1e-9) for known in listed.get(of_class, ())):
            continue
        if of_class:
            listed.setdefault(of_class, []).append(u)
        rows.append(
            ServiceAvailability(service.name, service.title, service.scope, u, engine.failure_frequency(service))
        )
    return AvailabilityResult(engine.provenance, tuple(rows), _notes(rows, getattr(engine, "test_bound", 0.0)))


def _notes(rows: Sequence[ServiceAvailability], bound: float) -> tuple[str, ...]:
    """Say where the bound for tests on their days is more than a tenth of an unavailability."""
    wide = [row.service for row in rows if bound > _WIDE * row.unavailability]
    if not wide:
        return ()
    few = ", ".join(wide[:4]) + (f" and {len(wide) - 4} more" if len(wide) > 4 else "")
    return (
        f"WARNING: the bound of {bound:.1e} for tests on their days is more than a tenth of the unavailability of {few}"
        ", and failures a year carry the same correction without a bound; have k2rel simulate confirm them, or let "
        "fewer states remain (a larger --tolerance, fewer parts), so that the chain can be followed day by day",
    )


def served(study: Study, traffic: str | None = None) -> pd.DataFrame:
    """Give the distribution of the number of clients that have a traffic class.

    Parameters
    ----------
    study : Study
    traffic : str, optional
        A traffic class with a flow for each client; by default the principal one.

    Returns
    -------
    pandas.DataFrame
        Index ``clients``; ``probability`` that exactly so many are served, ``or_fewer`` that no more are.

    Raises
    ------
    InputError
        If there is no such class.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> served(study("L2R")).index.tolist()
    [0, 1, 2, 3, 4]
    """
    import pandas as pd

    wanted = principal_traffic(study.site) if traffic is None else as_name("traffic", traffic)
    p = served_distribution(study, wanted)
    return pd.DataFrame(
        {"probability": p, "or_fewer": np.append(at_most_one(np.cumsum(p[:-1])), 1.0)},
        index=pd.RangeIndex(len(p), name="clients"),
    )


def service_named(study: Study, service: str | None = None, policy: Policy | None = None) -> Service:
    """Look up a service of a site; where none is named, it is the principal traffic.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> service_named(study("L2"), "ftp").title
    'FTP'
    """
    wanted = principal_traffic(study.site) if service is None else as_name("service", service)
    services = {item.name: item for item in services_of(policy or study.policy)}
    if wanted not in services:
        raise InputError(f"{study.site.name} has no service '{wanted[:60]}'{closest(wanted, services)}")
    return services[wanted]


def over_time(study: Study, service: str | None, times_h: Sequence[float] | FloatArray | float) -> pd.DataFrame:
    """Compute point availability A(t) and mission reliability R(t) of a service, everything new at time 0.

    Parameters
    ----------
    study : Study
    service : str or None
        The service; None for the principal traffic.
    times_h : sequence of float
        Times [h].

    Returns
    -------
    pandas.DataFrame
        Index ``time_h``; ``point_unavailability`` with repair, ``interval_unavailability`` (its mean from time 0,
        IEC 60050-192-08-07), ``mission_unreliability`` without any repair during the mission, and 1 minus each.
        Where a second failure can bring a service back (a takeover that a first failure prevented, for example),
        the last is the probability of being lost at the end.

    Raises
    ------
    InputError
        If there is no such service, or a time is negative or not finite.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> over_time(study("L2"), "media", [0.0, 1e5])["point_unavailability"].round(6).tolist()
    [0.0, 0.000173]
    """
    import pandas as pd

    times = np.array(as_times("times_h", times_h), dtype=np.float64)
    found = service_named(study, service)
    point = unavailability_over_time(study, found, times, repaired=True)
    mission = unavailability_over_time(study, found, times, repaired=False)
    interval = _mean_from_start(study, found, times)
    return pd.DataFrame(
        {
            "point_unavailability": point,
            "point_availability": 1.0 - point,
            "interval_unavailability": interval,
            "interval_availability": 1.0 - interval,
            "mission_unreliability": mission,
            "mission_reliability": 1.0 - mission,
        },
        index=pd.Index(times, name="time_h"),
    )


def _mean_from_start(study: Study, service: Service, times_h: FloatArray) -> FloatArray:
    """Mean of the point unavailability from time 0 to each time."""
    last = float(times_h.max(initial=0.0))
    if last == 0.0:
        return np.zeros(len(times_h))
    if study.tested:
        lost_h = _lost_with_tests(study, service, times_h)
    else:
        doubling = _doubling(last)
        edges = np.unique(np.concatenate([[0.0], doubling[doubling < last], times_h]))
        lost_h = _integral(study, service, edges, 12)[np.searchsorted(edges, times_h)]
    return at_most_one(np.asarray(np.divide(lost_h, times_h, out=np.zeros(len(times_h)), where=times_h > 0)))


def _doubling(last: float) -> FloatArray:
    """Ends of panels that double in length: point unavailability has time constants orders of magnitude apart [h]."""
    return np.asarray(_SHORTEST_H * 2.0 ** np.arange(max(1, math.ceil(math.log2(max(last / _SHORTEST_H, 1.0))))))


def _integral(study: Study, service: Service, edges: FloatArray, points: int) -> FloatArray:
    """Integral of the point unavailability from 0 to each edge [h]: Gauss-Legendre quadrature on each panel."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    half = np.diff(edges) / 2
    at = (edges[:-1, None] + half[:, None] * (nodes + 1.0)).reshape(-1)
    lost = unavailability_over_time(study, service, at, repaired=True).reshape(len(half), -1)
    return np.concatenate([[0.0], np.cumsum(half * (lost @ weights))])


def _lost_with_tests(study: Study, service: Service, times_h: FloatArray) -> FloatArray:
    """Mean time that a service is lost until each time, where parts are tested on known days [h].

    Tests begin panels of their own; whole periods of them, once all repeats itself, have the mean over their cycle.
    """
    laws = list(study.tested.values())
    tests = list({law.single.tests for law in laws})
    per_h = sum(len(test.offsets_h) / test.interval_h for test in tests)
    settled = _CYCLES * max(test.interval_h for test in tests)
    settled = max(settled, _SETTLED * max(law.mttr_h for _, law in study.laws.used()))
    period, most = common_period_h(laws), _MOST_DAYS / per_h
    if settled + period <= most:  # whole periods are left out: the mean over one is known
        left_out = np.floor(np.maximum(times_h - settled, 0.0) / period) * period
    else:  # followed as far as it goes; after so many tests one more or less is nothing
        left_out = np.maximum(times_h - most, 0.0)
    followed = times_h - left_out
    last = float(followed.max())
    days = np.unique(np.concatenate([[0.0], *(test.days_until(last, _MOST_DAYS) for test in tests)]))
    shortest = min(max(test.mttr_h, 1e-3) for test in tests)
    longest = max(float(np.diff(days, append=last).max()), shortest)
    steps = shortest * np.append(0.0, 4.0 ** np.arange(1 + math.ceil(math.log(longest / shortest, 4.0))))
    after = (days[:, None] + steps)[steps < np.diff(days, append=last)[:, None]]
    edges = np.unique(np.concatenate([[0.0], after, days, _doubling(last), followed]))
    edges = edges[edges <= last]
    found = _integral(study, service, edges, 8)[np.searchsorted(edges, followed)]
    return found + (left_out * unavailability(study, service) if left_out.any() else 0.0)


def takeovers(study: Study) -> pd.DataFrame:
    """Estimate how often roles move, and what the moves themselves cost.

    The static figures take a takeover as instant and certain. This table says what that leaves out, to first
    order: each takeover interrupts for the switchover time, and fails with probability 1 - coverage; with automatic
    failback each return interrupts as long once more, and never fails.

    Parameters
    ----------
    study : Study

    Returns
    -------
    pandas.DataFrame
        Index ``role``; ``takeovers_per_year``, ``failbacks_per_year`` (0 where a person gives the role back),
        ``switchover_s``, ``interruption_min_per_year`` (by both), ``coverage``,
        ``failed_takeovers_per_year``. Empty where no role can move.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> takeovers(study("L2R")).loc["file_system", "switchover_s"]
    np.float64(45.0)
    """
    import pandas as pd

    rows = takeover_rows(study)
    return pd.DataFrame(rows).set_index("role") if rows else pd.DataFrame()


def takeover_rows(study: Study) -> list[dict[str, Any]]:
    """Rows of `takeovers`."""
    rows: list[dict[str, Any]] = []
    for name, role in study.site.movable.items():
        diagram = compile_diagram(study.policy.structure, [study.policy.role_moved(name)])
        # into the moved state, by a failure or by a repair
        moves = mode_transitions(study, diagram).both_ways()
        moved = np.array([outcome == (True,) for outcome in diagram.outcomes])
        rate = float(moves.rate_per_h[moved[moves.after]].sum())
        back = rate if role.failback == "automatic" else 0.0  # in the long run as often home as away
        rows.append(
            {
                "role": name,
                "takeovers_per_year": rate * HOURS_PER_YEAR,
                "failbacks_per_year": back * HOURS_PER_YEAR,
                "switchover_s": role.switchover_h * 3600,
                "interruption_min_per_year": (rate + back) * HOURS_PER_YEAR * role.switchover_h * 60,
                "coverage": role.coverage,
                "failed_takeovers_per_year": rate * HOURS_PER_YEAR * (1 - role.coverage),
            }
        )
    return rows
