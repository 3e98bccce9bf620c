"""On duty: what the next hours hold from the state at present, what must not fail now, and what to do first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from k2rel.arguments import as_number
from k2rel.doing import doing
from k2rel.errors import InputError
from k2rel.markov.engine import Dynamics, followed_policy, solved
from k2rel.markov.places import Places
from k2rel.markov.starts import Start
from k2rel.measures.ahead_of import AheadOf
from k2rel.measures.availability import service_named
from k2rel.measures.must_not_fail import services_on_duty
from k2rel.measures.outlook import Outlook
from k2rel.measures.risk_result import WORTH, Risk, RiskOfService
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.measures.tested import exponential_tests
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.policy.present import Present, possible_actions, present_of, settling_of
from k2rel.studies import Provenance, Study
from k2rel.units import HOURS_PER_YEAR, parse_duration

if TYPE_CHECKING:
    import pandas as pd

    from k2rel.simulation.circumstances import Circumstances

__all__ = ["downtime_ahead", "duty_table", "risk", "states_followed"]

DELAYS_H = (0.0, 1.0, 4.0)
_TOLERANCE = 1e-6  # of the chain, where none is asked for: figures have three digits then,
_OF_DOWNTIME, _LEAST = 0.03, 1e-13  # and where a service is hardly ever down; bounds are far above errors
_LONGEST_H = HOURS_PER_YEAR


def _hours(what: str, value: object) -> float:
    """A time that is a text with its unit, or a number of hours [h]."""
    if not isinstance(value, str):
        return as_number(what, value)
    try:
        return parse_duration(value)
    except ValueError as error:
        raise InputError(f"{what}: {error}") from None


def horizon_of(horizon: object) -> float:
    """Read how far to look ahead [h]."""
    hours = _hours("horizon", horizon)
    if not 0.0 < hours <= _LONGEST_H:
        raise InputError(f"horizon: a time above 0 and at most a year, got {str(horizon)[:40]}")
    return hours


def risk(
    study: StudyLike,
    failed: Present | Sequence[str] | str = (),
    horizon: str | float = "24 h",
    organisation: Organisation | None = None,
    *,
    roles: Mapping[str, str] | None = None,
    out_of_service: Sequence[str] | str = (),
    in_service: Sequence[str] | str = (),
    buffer_h: float = 10 / 3600,
    method: str = "auto",
    circumstances: Circumstances | None = None,
    ages: Mapping[str, str | float] | None = None,
    histories: int = 100_000,
    seed: int = 1,
) -> Risk:
    """Say what the next hours hold from the state at present.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    failed : Present, sequence of str or str
        Parts that have failed, in the order in which they failed; each may say since when, as in
        ``"isl_1@3 h ago"``, which matters where repair times are not exponential. Or the whole state.
    horizon : str or float
        How far to look ahead, at most a year; a number is in hours.
    roles : mapping of str to str, optional
        Who has which role; others follow by the rules, as when the takeovers that the failures began have succeeded.
    out_of_service, in_service : sequence of str or str
        Servers that are out of service though good, or in service again.
    buffer_h : float
        Depth of a client's buffer [h]: a longer outage is seen on air.
    circumstances : Circumstances, optional
        Laws that age, spares, planned windows: the next hours are simulated then.
    ages : mapping of str to str or float, optional
        For the simulation, how long ago parts that work were new; of those not named the age of the long run counts.
    histories, seed : int
        Of the simulation.

    Returns
    -------
    Risk
        By service, with what must not fail now, what can be done, and when redundancy is back.

    Raises
    ------
    InputError
        If the state cannot be, there is no such part, or the horizon is not a valid duration.

    Notes
    -----
    The chain of the site from the state at present (`k2rel.ctmc.outlook`), with the states around it. Outages are
    those by shared parts and roles; clients' own parts are in their long run.

    Examples
    --------
    >>> found = risk("L2R", "server_A")
    >>> found["media"].up_now, round(60 * found["media"].downtime_h, 3)
    (True, 0.28)
    """
    solution = solution_of(study, method, organisation, circumstances=circumstances)
    hours = horizon_of(horizon)
    buffer_h = as_number("buffer_h", buffer_h)
    if not 0 <= buffer_h < math.inf:
        raise InputError(f"buffer_h: a time, got {buffer_h:g} h")
    site = solution.study.site
    present = failed if isinstance(failed, Present) else present_of(site, failed, roles, out_of_service, in_service)
    if ages and solution.method != "simulation":
        raise InputError("ages: the chain's lives are exponential and have none; they are for method simulation")
    with doing("looking ahead from the state at present"):
        if solution.method == "simulation":
            from k2rel.measures.risk_simulated import simulated_risk

            control, old = (
                control_of(solution.study, solution.followed, present),
                {str(part): _hours(f"ages: {str(part)[:60]}", age) for part, age in (ages or {}).items()},
            )
            return simulated_risk(solution, present, control, hours, (buffer_h, 1 / 6, 1.0), old, histories, seed)
        return _looked(solution, present, hours, (buffer_h, 1 / 6, 1.0))


def chain_asked(solution: Solution) -> Organisation:
    """For whom the chain is made: with a bound of its own where none was asked for."""
    if solution.method == "simulation" or (solution.method == "exact" and not solution.chosen):
        raise solution.cannot("what lies ahead of every state", "auto or markov")
    who = solution.chain.followed
    if solution.asked is not None and solution.asked.tolerance is not None:
        return replace(who, tolerance=solution.asked.tolerance)
    return replace(who, tolerance=_small_enough(solution)) if who.tolerance is None else who


@lru_cache(maxsize=32)
def _small_enough(solution: Solution) -> float:
    """Tolerance that is small beside how often the principal traffic is down, and that the usual chain has reached."""
    dynamics = solution.chain.dynamics
    down = dynamics.unavailability(service_named(solution.study, None, dynamics.policy))
    return float(min(_TOLERANCE, max(_OF_DOWNTIME * down, dynamics.states.error_bound, _LEAST)))


def control_of(study: Study, organisation: Organisation, present: Present) -> int:
    """Where roles and servers are at present."""
    settling = settling_of(followed_policy(study, organisation), organisation.takeover_times)
    if settling is None:
        given = [*(f"role {role}" for role, _ in present.roles), *present.out_of_service, *present.in_service]
        if given:
            raise InputError(
                f"{study.site.name}: {given[0]}: with ideal takeovers, or no role that can move, roles are at "
                "the preferred side and servers in service whenever they can be; leave it out"
            )
        return 0
    return settling.control(present)


@lru_cache(maxsize=4)
def _outlook(
    dynamics: Dynamics, horizon_h: float, lengths_h: tuple[float, ...], rows: tuple[int, ...],
    delays_h: tuple[float, ...], asked: tuple[str, ...] | None,
) -> Outlook:  # fmt: skip
    """Kept, since the same state is asked of the table, the page and the plot."""
    services = services_on_duty(dynamics.policy)
    places = None if asked is None else [n for n, each in enumerate(services) if each.name in asked]
    return Outlook(dynamics, services, horizon_h, lengths_h, delays_h, rows, places)


def _delays(horizon_h: float) -> tuple[float, ...]:
    return tuple(delay for delay in DELAYS_H if delay < horizon_h)


def followed_from(
    solution: Solution, present: Present, horizon_h: float, lengths_h: tuple[float, ...],
    delays_h: tuple[float, ...] | None = None, asked: tuple[str, ...] | None = None,
) -> AheadOf:  # fmt: skip
    """Follow a site from its state at present, by its chain with the states around that.

    Probabilities are those of the services `asked`; by default of all.
    """
    study, who = solution.study, chain_asked(solution)
    check_fails(study, present)
    control = control_of(study, who, present)
    start = Start(present.failed, control)
    usual = control_of(study, who, Present())
    starts = (start, *_after_actions(study, who, start))
    dynamics = solved(study, who, starts if present.failed or control != usual else starts[1:])
    places = Places(dynamics)
    at = places.found(present.failed, control, present.since_h)
    if not at:
        raise InputError(
            f"{study.site.name}: with {len(present.failed)} failed parts the states around the present one are too "
            "many to be followed; name fewer"
        )
    rows = tuple(dict.fromkeys([0, *(state for state, _ in at)]))
    delays = _delays(horizon_h) if delays_h is None else delays_h
    return AheadOf(_outlook(dynamics, horizon_h, lengths_h, rows, delays, asked), places, present, control, at)


def _after_actions(study: Study, organisation: Organisation, start: Start) -> tuple[Start, ...]:
    """Where somebody's action leads from a state; repairs lead where the chain goes by itself."""
    settling = settling_of(followed_policy(study, organisation), organisation.takeover_times)
    if settling is None:
        return ()
    found = possible_actions(settling, start.failed, start.control)
    return tuple(dict.fromkeys(Start(one.failed, one.control) for one in found if one.kind != "repair"))


def states_followed(solution: Solution) -> int:
    """Give the number of states of the chain with nothing failed, which says how long a look ahead takes.

    Examples
    --------
    >>> states_followed(solution_of("L1"))
    16
    """
    return solved(solution.study, chain_asked(solution)).states.chain.states


def downtime_ahead(solution: Solution, present: Present, horizon_h: float) -> Risk:
    """Say the same as `risk` without probabilities of failures, which take most time, and of actions those done now.

    Examples
    --------
    >>> found = downtime_ahead(solution_of("L2R"), Present(("server_A",), (0.0,)), 24.0)
    >>> round(60 * found["media"].downtime_h, 3), found["media"].p_failure_within
    (0.28, None)
    """
    return _looked(solution, present, horizon_h, (), (0.0,), ())


def _looked(
    solution: Solution, present: Present, horizon_h: float, lengths_h: tuple[float, ...],
    delays_h: tuple[float, ...] | None = None, asked: tuple[str, ...] | None = None,
) -> Risk:  # fmt: skip
    found = followed_from(solution, present, horizon_h, lengths_h, delays_h, asked)
    dynamics, outlook = found.places.dynamics, found.outlook
    usual, at_any_time = dynamics, outlook
    if asked is not None:  # the same from the chain without the states around the present one, which is solved once
        usual = solved(solution.study, chain_asked(solution))
        at_any_time = _outlook(usual, horizon_h, lengths_h, (0,), outlook.delays_h, asked)
    p = usual.probability
    services = []
    for n, entry in enumerate(at_any_time.services):
        up = found.up_now(n)
        usual_up = np.where(entry.down, 0.0, p)
        share = float(usual_up.sum())
        fails = outlook.fails(n)
        services.append(
            RiskOfService(
                entry.service.name,
                entry.service.title,
                up,
                found.mean(fails) if up and asked is None else None,
                float(usual_up @ np.nan_to_num(at_any_time.fails(n))) / share if share > 0 else math.nan,
                tuple(found.mean(outlook.longer(n, k)) for k in range(len(lengths_h))),
                tuple(
                    float(usual_up @ at_any_time.longer(n, k)) / share if share > 0 else math.nan
                    for k in range(len(lengths_h))
                ),
                found.mean(outlook.downtime_h(n)),
                float(p @ at_any_time.downtime_h(n)),
                None if up else found.back_h(n),
            )
        )
    principal = service_named(solution.study, principal_traffic(solution.study.site)).name
    place = [each.service for each in services].index(principal)
    takeover = dynamics.states.takeover
    roles, out = described(found) if takeover is not None else ({}, ())
    bound = found.mean(outlook.left_out)
    said = named_solution(usual, solution, bound)
    return Risk(
        present, roles, out, horizon_h, lengths_h, principal, tuple(services), tuple(found.critical()),
        tuple(found.actions(place, _delays(horizon_h) if delays_h is None else delays_h)),
        tuple((part, found.repaired_h(part)) for part in present.failed), found.redundancy_back_h, bound, said,
        tuple(_notes(solution, found)), found,
    )  # fmt: skip


def check_fails(study: Study, present: Present) -> None:
    """Refuse parts that have failed though they never fail: the chain knows no repair of them."""
    for name in present.failed:
        if not study.law(name).frequency_per_h > 0:
            key = f"{name}.mttf"
            raise InputError(
                f"{study.site.name}: {name} never fails by its data, so its repair has no data; give its failure "
                f"and repair data, such as --set {key}='1e6 h' --set {name}.mttr='4 h', or use method "
                "simulation"
            )


def named_solution(dynamics: Dynamics, solution: Solution, error_bound: float | None = None) -> Provenance:
    """Who computed what a chain around a state says, under which reading and why."""
    return replace(
        dynamics.provenance, takeovers=solution.takeovers, reason=solution.reason, error_bound=error_bound
    )  # fmt: skip


def described(found: AheadOf) -> tuple[dict[str, str], tuple[str, ...]]:
    """Where each role is at present, and which servers are out of service."""
    settling = found.losses.settling
    assert settling is not None
    return settling.roles_words(found.control), settling.servers_out(found.control)


def _notes(solution: Solution, found: AheadOf) -> list[str]:
    idle = [part for part in found.failed if not found.places.follows(part)]
    notes = [f"{', '.join(idle)}: no service or role requires it, so that it has no effect here"] if idle else []
    if any(hours > 0 for hours in found.since_h) and found.memoryless:
        notes.append("repair times are exponential, so the time since a part failed has no effect")
    hidden = [
        name
        for population in found.states.parts.populations
        if "hidden" in population.states
        for name in population.members
        if name not in found.failed
    ]
    if hidden:
        notes.append(
            f"assumed up: {', '.join(hidden[:4])}{f' and {len(hidden) - 4} more' if len(hidden) > 4 else ''}, whose "
            "failures are latent until a test; --failed names those that have failed"
        )
    if any(entry.by_clients_per_h.any() for entry in found.outlook.services):
        notes.append("clients' own parts are taken in steady state; their present state is not an input")
    return [*notes, *(exponential_tests(solution.study) if found.outlook.lengths_h else ())]


def _repair_words(names: Sequence[str]) -> str:
    return f"repair {names[0]}" if len(names) == 1 else "repair it"


def _must_not_fail(found: AheadOf, names: Sequence[str]) -> str:
    """What must not fail now, the others of a row of parts that are alike first."""
    parts = [each.part for each in found.critical(now=True) if not each.always]
    others = [] if set(parts).isdisjoint(names) else ["the other one" if len(names) == 2 else "the others of these"]
    return ", ".join([*others, *(part for part in parts if part not in names)])


def duty_table(
    study: StudyLike,
    horizon: str | float = "24 h",
    organisation: Organisation | None = None,
    *,
    method: str = "auto",
) -> pd.DataFrame:
    """Say for every single failure what it means for the next hours, and what to do first: a page to hang up.

    Parameters
    ----------
    study, organisation, method, horizon
        As for `risk`.

    Returns
    -------
    pandas.DataFrame
        Index ``part``, parts that are alike together, the worst first; ``down_now`` (services that are down until
        an operator acts or a part is repaired), ``p_failure_within`` and ``expected_downtime_min`` of the principal
        traffic, ``times_usual`` (multiple of the usual downtime), ``redundancy_back_h``, ``must_not_fail`` (parts that
        take a service down now and not otherwise), ``do_first`` (what leaves the least downtime; the repair where
        nothing lowers it by more than a twentieth). ``attrs["error_bound"]`` bounds every probability.

    Raises
    ------
    InputError
        As `risk`.

    Examples
    --------
    >>> duty_table("L2R")["do_first"].iloc[0]
    'repair journal_raid'
    """
    import pandas as pd

    from k2rel.measures.risk_result import action_words

    solution, hours = solution_of(study, method, organisation), horizon_of(horizon)
    site, who = solution.study.site, chain_asked(solution)
    usual = solved(solution.study, who)
    groups = [
        [name for name in population.members if name in site.components or name in site.raid_sets]
        for population in usual.states.parts.populations
    ]
    groups = [names for names in groups if names]
    controls = [control_of(solution.study, who, Present((names[0],))) for names in groups]
    starts = tuple(Start((names[0],), control) for names, control in zip(groups, controls, strict=True))
    with doing(f"looking ahead from {len(starts)} single failures"):
        further = (after for start in starts for after in _after_actions(solution.study, who, start))
        dynamics = solved(solution.study, who, tuple(dict.fromkeys([*starts, *further])))
        places = Places(dynamics)
        at = [places.found(start.failed, start.control) for start in starts]
        rows = tuple(dict.fromkeys([0, *(state for here in at for state, _ in here)]))
        principal = service_named(solution.study, principal_traffic(site)).name
        outlook = _outlook(dynamics, hours, (), rows, (0.0,), (principal,))
        place = [each.service.name for each in outlook.services].index(principal)
        p = dynamics.probability
        mean_h = float(p @ outlook.downtime_h(place))
        found = [
            AheadOf(outlook, places, Present(start.failed, (0.0,)), start.control, here)
            for start, here in zip(starts, at, strict=True)
        ]
        lines = []
        for names, ahead in zip(groups, found, strict=True):
            downtime_h = ahead.mean(outlook.downtime_h(place))
            first = next(iter(ahead.actions(place, [0.0])), None)
            helps = first is not None and first.downtime_h <= WORTH * downtime_h
            down = [each.service.name for n, each in enumerate(outlook.services) if not ahead.up_now(n)]
            lines.append(
                {
                    "part": ", ".join(names),
                    "down_now": ", ".join(down),
                    "p_failure_within": ahead.mean(outlook.fails(place)) if ahead.up_now(place) else math.nan,
                    "expected_downtime_min": downtime_h * 60,
                    "times_usual": downtime_h / mean_h if mean_h > 0 else math.nan,
                    "redundancy_back_h": ahead.redundancy_back_h,
                    "must_not_fail": _must_not_fail(ahead, names),
                    "do_first": action_words(first) if first is not None and helps else _repair_words(names),
                }
            )
    bound = max((each.mean(outlook.left_out) for each in found), default=0.0)
    said = named_solution(dynamics, solution, bound)
    frame = (
        pd.DataFrame(lines).sort_values(["expected_downtime_min", "part"], ascending=[False, True]).set_index("part")
    )
    asked = {"service": principal, "services": len(outlook.services), "horizon_h": hours}
    return said.signed(frame, **asked, usual_downtime_min=mean_h * 60)
