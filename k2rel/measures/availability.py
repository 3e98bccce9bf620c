"""How available each service is: steady state, over time, and what takeovers add."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_name, as_wholes
from k2rel.columns import percentage
from k2rel.errors import InputError, ModelTooLargeError, closest
from k2rel.exact.by_group import Figures, figures
from k2rel.exact.engine import mode_transitions
from k2rel.logic.diagram import compile_diagram
from k2rel.measures.solution import Solution, StudyLike, framed, solution_of, study_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.policy.following import counted, smallest
from k2rel.policy.rules import Policy
from k2rel.services.diagrams import Service, services_of
from k2rel.site.coverage import coverages
from k2rel.site.service_names import FULL_SERVICE
from k2rel.studies import Provenance, Study
from k2rel.tables import Shown, ShownTable
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR, minutes_text

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]

_FIGURES = ("availability", "unavailability", "downtime_min_per_year", "failures_per_year", "mtbf_h", "mean_downtime_h")
NEVER = "never: demand exceeds capacity in normal state"
_ALWAYS = 1.0 - 1e-9  # lost for a whole year but for rounding
_READ = 1e-6  # share of an unavailability above which what was not followed is said
_SEEN = 1e-3  # share of a failure frequency above which it is said that so much may be missed
_WIDE = 0.1  # share of an unavailability above which a bound on its error is said with it

__all__ = [
    "NEVER",
    "AvailabilityResult",
    "ServiceAvailability",
    "availability",
    "service_named",
    "takeovers",
]


@dataclass(frozen=True, slots=True, repr=False)
class ServiceAvailability(Shown):
    """Steady-state figures of one service."""

    service: str
    title: str
    scope: str  # "site" or "client"
    unavailability: float
    frequency_per_h: float  # service failures; NaN where they are not counted
    limits: tuple[float, float] | None = None  # of the unavailability, where it was simulated

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
        """Mean time from one service failure to the next [h]; infinite where there are none, NaN if not counted."""
        if math.isnan(self.frequency_per_h):
            return math.nan
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
        limits = dict(zip(("low", "high"), self.limits, strict=True)) if self.limits else {}
        return {name: getattr(self, name) for name in _FIGURES} | {f"unavailability_{k}": v for k, v in limits.items()}

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

    def _line(self) -> str:
        down = f"{self.service}: down {minutes_text(self.downtime_min_per_year)} min a year"
        return down if math.isnan(self.frequency_per_h) else f"{down}, in {self.failures_per_year:.2g} failures"


@dataclass(frozen=True, repr=False)
class AvailabilityResult(ShownTable):
    """Availability of every service of a site."""

    provenance: Provenance
    services: tuple[ServiceAvailability, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, service: str) -> ServiceAvailability:
        for item in self.services:
            if item.service == service:
                return item
        known = [item.service for item in self.services]
        near = closest(service, known) if isinstance(service, str) else f"; it has {', '.join(known)}"
        raise InputError(f"{self.provenance.site} has no service '{service}'{near}")

    def __iter__(self) -> Iterator[ServiceAvailability]:
        return iter(self.services)

    def __len__(self) -> int:
        return len(self.services)

    def table(self) -> pd.DataFrame:
        """Give the services as a table.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> availability(study("L2")).table().loc["media", "downtime_min_per_year"].round()
        np.float64(197.0)
        """
        import pandas as pd

        return self.provenance.signed(pd.DataFrame(self.rows()).set_index("service"))

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

    def _line(self) -> str:
        main, p = self.services[0], self.provenance
        down = f"{main.service} is down {minutes_text(main.downtime_min_per_year)} min a year"
        return f"{p.site}: {down}, in {main.failures_per_year:.2g} failures; takeovers {p.takeovers}"

    def _shown_table(self) -> pd.DataFrame:
        rows = self.table()
        columns = ["unavailability", "downtime_min_per_year", "failures_per_year", "mean_downtime_h"]
        return rows.loc[rows["scope"] == "site", columns]


def availability(
    study: StudyLike,
    lost_clients: Sequence[int] | int | None = None,
    organisation: Organisation | None = None,
    *,
    method: str = "auto",
) -> AvailabilityResult:
    """Compute the steady-state availability of every service.

    Parameters
    ----------
    study : Study, str, Path or Answer
    lost_clients : sequence of int, optional
        For which k to ask for the loss of k or more clients; by default 2, half and all of them.
    organisation : Organisation, optional
        Who repairs and how roles behave; by default as many crews as needed, and takeovers as the site has them.
    method : {"auto", "exact", "markov", "simulation"}
        Who answers; by default the engine that the site needs.

    Returns
    -------
    AvailabilityResult
        For the site and for one client: unavailability, downtime, failure frequency, MTBF, mean downtime.
        Clients of different groups are listed apart where their figures differ.

    Raises
    ------
    InputError
        If a k is not a number from 1 to the number of clients, or the method does not fit.
    ModelTooLargeError
        If the site has too many independent conditions.

    Examples
    --------
    >>> result = availability("L2R")
    >>> f"{result['media'].downtime_min_per_year:.2f} min a year"
    '35.67 min a year'
    >>> f"{availability('L2R', method='exact')['media'].downtime_min_per_year:.2f} with ideal takeovers"
    '4.05 with ideal takeovers'
    """
    solution = solution_of(study, method, organisation)
    clients = solution.study.site.client_count
    lost = None if lost_clients is None else as_wholes("lost_clients", lost_clients, 1, clients)
    return _availability(solution, lost)


@lru_cache(maxsize=16)
def _availability(solution: Solution, lost_clients: tuple[int, ...] | None) -> AvailabilityResult:
    """Compute once for each solution; tables, contracts and verdict ask again."""
    if solution.method == "simulation":
        if lost_clients is not None:
            raise solution.cannot("the loss of chosen numbers of clients", "exact or markov")
        return _counted(solution)
    rows: list[ServiceAvailability] = []
    refused: list[str] = []
    missed: list[str] = []
    left = 0.0
    listed: dict[str, list[float]] = {}  # of each class, what clients of one group have
    engine = solution.engine
    for service in services_of(engine.policy, lost_clients):
        try:
            u = engine.unavailability(service)
        except ModelTooLargeError as error:
            if service.name != FULL_SERVICE or not rows:
                raise
            refused.append(f"{service.title}: {error}")  # the others stand all the same
            continue
        if solution.method == "exact" and (found := figures(solution.study, service)) is not None:
            left = max(left, found.left_out)
            missed += _missed(service.name, found)
        of_class = service.name.rpartition("_client")[0] if service.scope == "client" else ""
        if any(math.isclose(u, known, rel_tol=1e-9) for known in listed.get(of_class, ())):
            continue
        if of_class:
            listed.setdefault(of_class, []).append(u)
        title = _titled(service.name, service.title, u)
        rows.append(ServiceAvailability(service.name, title, service.scope, u, engine.failure_frequency(service)))
    notes = (
        *_notes(rows, getattr(engine, "test_bound", 0.0)),
        *_left_out(rows, left),
        *missed,
        *refused,
    )
    return AvailabilityResult(solution.provenance, tuple(rows), notes)


def site_downtime(solution: Solution) -> dict[str, float]:
    """Downtime of each service of the whole site [min/year], where nobody asks how often it fails."""
    if solution.method == "simulation":
        return {item.service: item.downtime_min_per_year for item in _counted(solution) if item.scope == "site"}
    engine = solution.engine
    services = [service for service in services_of(engine.policy) if service.scope == "site"]
    return {service.name: engine.unavailability(service) * MINUTES_PER_YEAR for service in services}


def _titled(name: str, title: str, unavailability: float) -> str:
    """The title of a service; of full service that is never there, since the normal state has not got it, why."""
    return f"full service {NEVER}" if name == FULL_SERVICE and unavailability >= _ALWAYS else title


def _counted(solution: Solution) -> AvailabilityResult:
    """What was counted in histories."""
    rows = [
        ServiceAvailability(
            item.service,
            _titled(item.service, item.title, item.unavailability.value),
            item.scope,
            item.unavailability.value,
            item.interruptions_per_year.value / HOURS_PER_YEAR,
            (item.unavailability.low, item.unavailability.high),
        )
        for item in solution.simulated.services
    ]
    return AvailabilityResult(solution.provenance, tuple(rows))


def _missed(service: str, found: Figures) -> list[str]:
    """Say whose failures are not counted, or perhaps not all."""
    why = "with so many groups of clients, failures that end an overload are not distinguished from others"
    if math.isnan(found.failures_per_h):
        return [f"failures of {service} are not counted: {why}"]
    if found.missed_per_h > _SEEN * found.failures_per_h:
        share = found.missed_per_h / found.failures_per_h
        return [f"failures of {service} may be up to {percentage(share)} more than the figure: {why}"]
    return []


def _left_out(rows: Sequence[ServiceAvailability], probability: float) -> tuple[str, ...]:
    """Say what was not followed where groups of clients are many, if it could move a digit that is read."""
    least = min((row.unavailability for row in rows if row.scope == "site" and row.unavailability > 0), default=0.0)
    if probability <= _READ * least:
        return ()
    return (
        f"conditions of the shared parts with a probability of up to {probability:.1e} in all were not followed; they "
        "count as down in services of all clients",
    )


def _notes(rows: Sequence[ServiceAvailability], bound: float) -> tuple[str, ...]:
    """Say what is never there, and where the bound for tests is more than a tenth of an unavailability."""
    never = tuple(row.title for row in rows if row.title.endswith(NEVER))
    wide = [row.service for row in rows if bound > _WIDE * row.unavailability]
    if not wide:
        return never
    few = ", ".join(wide[:4]) + (f" and {len(wide) - 4} more" if len(wide) > 4 else "")
    return (
        *never,
        f"WARNING: the bound of {bound:.1e} for tests at fixed times is more than a tenth of the unavailability of "
        f"{few}, and failures per year have the same correction without a bound; confirm them with k2rel simulate, or "
        "reduce the number of states (a larger --tolerance, fewer parts), so that the chain can be solved day by day",
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


def takeovers(study: StudyLike) -> pd.DataFrame:
    """Estimate how often roles move, and what the moves themselves cost.

    The static figures take a takeover as instant and certain. This table says what that leaves out, to first
    order: each takeover interrupts for the switchover time, and fails with probability 1 - coverage (by what failed,
    its mean over the takeovers); with automatic failback each return interrupts as long once more, and never fails.

    Parameters
    ----------
    study : Study

    Returns
    -------
    pandas.DataFrame
        Index ``role``; ``takeovers_per_year``, ``failbacks_per_year`` (0 where an operator gives the role back),
        ``switchover_s``, ``interruption_min_per_year`` (by both), ``coverage``,
        ``failed_takeovers_per_year``. Empty where no role can move.

    Examples
    --------
    >>> takeovers("L2R").loc["file_system", "switchover_s"]
    np.float64(45.0)
    """
    import pandas as pd

    solution = solution_of(study_of(study), "exact")
    rows = takeover_rows(solution.study)
    return framed(pd.DataFrame(rows).set_index("role") if rows else pd.DataFrame(), solution)


def takeover_rows(study: Study) -> list[dict[str, Any]]:
    """Rows of `takeovers`."""
    rows: list[dict[str, Any]] = []
    for name, role in study.site.movable.items():
        causes = [node for _, node in study.policy.causes(name, 0)]
        diagram = compile_diagram(study.policy.structure, [study.policy.role_moved(name), *causes])
        # into the moved state, by a failure or by a repair
        moves = mode_transitions(study, diagram).both_ways()
        moved, *stands = np.array(list(diagram.outcomes), dtype=np.bool_).T
        into = moved[moves.after] & ~moved[moves.before]
        rate = float(moves.rate_per_h[into].sum())
        counts = counted(np.column_stack(stands or [np.zeros_like(moved)]))
        succeeds = smallest(np.array([*coverages(role).values()]), counts)[moves.after]
        failed = float((moves.rate_per_h * (1.0 - succeeds))[into].sum())
        back = rate if role.failback == "automatic" else 0.0  # in the long run as often home as away
        rows.append(
            {
                "role": name,
                "takeovers_per_year": rate * HOURS_PER_YEAR,
                "failbacks_per_year": back * HOURS_PER_YEAR,
                "switchover_s": role.switchover_h * 3600,
                "interruption_min_per_year": (rate + back) * HOURS_PER_YEAR * role.switchover_h * 60,
                "coverage": 1.0 - failed / rate if role.coverage_of and rate > 0 else role.coverage,
                "failed_takeovers_per_year": failed * HOURS_PER_YEAR,
            }
        )
    return rows
