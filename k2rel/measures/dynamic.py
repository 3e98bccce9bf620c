"""Effect of takeovers as modelled on the services: interruptions, and why figures differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_names, as_number
from k2rel.errors import InputError, K2relError
from k2rel.exact.engine import mode_transitions
from k2rel.logic.diagram import Diagram, compile_diagram
from k2rel.logic.rounding import more_than
from k2rel.logic.structure import BoolArray
from k2rel.markov.engine import Dynamics, solved
from k2rel.measures.availability import availability, service_named
from k2rel.measures.delivered import asked_by_unit, overload_by_mode
from k2rel.measures.load import load
from k2rel.measures.load_result import LoadResult
from k2rel.measures.path_failover import COLUMNS, path_failover_figures, path_failover_notes
from k2rel.measures.solution import IDEAL, Solution, StudyLike, framed, solution_of, study_of
from k2rel.measures.takeover_counts import moves_per_h, takeover_counts
from k2rel.measures.tested import exponential_tests
from k2rel.organisation import Organisation
from k2rel.policy.positions import Kind
from k2rel.policy.rules import Policy
from k2rel.services.catalogue import site_services
from k2rel.services.diagrams import Service, services_of
from k2rel.services.loading import Loading
from k2rel.studies import Study
from k2rel.units import HOURS_PER_YEAR, delivered_in

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "as_modelled",
    "both_readings",
    "feasible_organisation",
    "interruptions",
    "modelled_and_ideal",
    "performability",
    "share_last_side",
    "share_of_sides",
]

FloatArray = NDArray[np.float64]

_LENGTHS = (("10 s", 10 / 3600), ("1 min", 1 / 60), ("10 min", 1 / 6), ("1 h", 1.0), ("8 h", 8.0))


def _services(dynamics: Dynamics, chosen: Sequence[str] | str | None) -> list[Service]:
    if chosen is None:
        return [service for service in services_of(dynamics.policy) if service.scope == "site"]
    return [service_named(dynamics.study, name, dynamics.policy) for name in as_names("services", chosen)]


def feasible_organisation(study: StudyLike) -> Organisation | None:
    """Say whether there is a chain of moderate size with takeovers as modelled.

    Parameters
    ----------
    study : Study, str, Path or Answer

    Returns
    -------
    Organisation or None
        As many crews as needed; None where there is no such chain.

    Examples
    --------
    >>> feasible_organisation("L2R").words()
    'takeovers as modelled'
    """
    study = study_of(study)
    try:
        return solved(study, Organisation()).organisation
    except K2relError:
        return None


def interruptions(
    study: StudyLike,
    organisation: Organisation | None = None,
    services: Sequence[str] | str | None = None,
    *,
    method: str = "auto",
    buffer_h: float = 10 / 3600,
    first_loss: bool = False,
) -> pd.DataFrame:
    """Compute how often each service is interrupted, and how long an interruption lasts.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    services : sequence of str or str, optional
        Services of `availability`; by default those of the whole site.
    buffer_h : float
        Depth of a client's buffer [h]: a longer interruption is seen on air.
    first_loss : bool
        Also give the mean time to the first service failure, from everything new and in service.

    Returns
    -------
    pandas.DataFrame
        Index ``service``; ``failures_per_year``, ``mean_downtime_h``, ``median_downtime_h``,
        ``share_longer_than_...`` (of the interruptions),
        ``on_air_per_year`` (longer than the buffer), ``by_clients_per_year`` (by a client's own parts, not in
        the columns before), with ``first_loss`` ``mttff_h``. Interruptions by shared parts and roles; a simulation
        counts those by clients' own parts among them, and knows lengths by bins of some 2 %.
        Of classes with ``path_failover``, apart from all that: events a year in which a client goes over to another
        path (``path_failovers_per_year``, ``..._on_air_...``, ``..._bridged_...`` by the buffer) and minutes a year;
        ``unsuccessful_...`` where an operator has to act; ``client_path_failovers_per_year`` over all clients.
        ``attrs["notes"]`` says what availability leaves out of these, and of tests what is exponential here;
        ``attrs["takeover_counts"]`` counts split brains, retries, drills, ... where the site has such (``what``,
        ``events_per_year``, ``downtime_min_per_year``).

    Raises
    ------
    InputError
        If there is no such service, or the buffer is not a valid duration.

    Examples
    --------
    >>> table = interruptions("L2R", services=["media"])
    >>> table.loc["media", "failures_per_year"].round(2)
    np.float64(2.62)
    """
    import pandas as pd

    buffer_h = as_number("buffer_h", buffer_h)
    if not 0 <= buffer_h < math.inf:
        raise InputError(f"buffer_h: a time, got {buffer_h:g} h")
    solution = solution_of(study, method, organisation)
    if services is not None and not as_names("services", services):
        raise InputError("services: name at least one service")
    if solution.method == "simulation":
        notes = path_failover_notes(solution)
        counted = _counted(solution, services, buffer_h, first_loss=first_loss)
        return framed(counted, solution, notes=notes, takeover_counts=takeover_counts(solution))
    chain = solution.chain
    dynamics = chain.dynamics
    every = {service.name: service for service in site_services(solution.study.site)}
    rows = []
    known: dict[bytes, dict[str, float]] = {}
    for service in _services(dynamics, services):
        lost = dynamics.down(service)
        key = np.packbits(lost).tobytes()
        if key not in known:
            visits = dynamics.interruptions(service)
            longer = visits.longer_than([hours for _, hours in _LENGTHS] + [buffer_h])
            row = {
                "failures_per_year": visits.frequency_per_h * HOURS_PER_YEAR,
                "mean_downtime_h": visits.mean_h,
                "median_downtime_h": visits.quantile_h(0.5),
                **{
                    f"share_longer_than_{name.replace(' ', '_')}": float(p)
                    for (name, _), p in zip(_LENGTHS, longer, strict=False)
                },
                "on_air_per_year": float(longer[-1]) * visits.frequency_per_h * HOURS_PER_YEAR,
            }
            if first_loss:
                row["mttff_h"] = dynamics.first_failure_h(service)
            known[key] = row
        row = dict(known[key])
        often = dynamics.failure_frequency(service) * HOURS_PER_YEAR
        row["by_clients_per_year"] = more_than(often, row["failures_per_year"])
        row |= path_failover_figures(solution, every[service.name], buffer_h)
        rows.append({"service": service.name, **row})
    notes = [*exponential_tests(solution.study), *path_failover_notes(solution)]
    frame = pd.DataFrame(rows).set_index("service")
    return framed(frame, chain, notes=notes, takeover_counts=takeover_counts(solution))


def _counted(
    solution: Solution, services: Sequence[str] | str | None, buffer_h: float, *, first_loss: bool
) -> pd.DataFrame:
    """Interruptions as counted in histories."""
    import pandas as pd

    if first_loss:
        raise solution.cannot("the mean time to the first service failure", "markov")
    found = solution.simulated
    names = [item.service for item in found.services if item.scope == "site"]
    rows = []
    for name in names if services is None else as_names("services", services):
        item, lengths = found[name], found.distribution(name, "interruption")
        hours, exceeded = lengths["hours"].to_numpy(), lengths["probability"].to_numpy()

        def longer(limit_h: float, hours: FloatArray = hours, exceeded: FloatArray = exceeded) -> float:
            return float(np.interp(limit_h, hours, exceeded, left=1.0, right=0.0)) if len(hours) else math.nan

        per_year = item.interruptions_per_year.value
        rows.append(
            {
                "service": name,
                "failures_per_year": per_year,
                "mean_downtime_h": item.mean_interruption_h.value,
                "median_downtime_h": float(np.interp(-0.5, -exceeded, hours)) if len(hours) else math.nan,
                **{f"share_longer_than_{label.replace(' ', '_')}": longer(limit) for label, limit in _LENGTHS},
                "on_air_per_year": per_year * longer(buffer_h),
                "by_clients_per_year": math.nan,
                **dict.fromkeys(COLUMNS, math.nan),
            }
        )
    return pd.DataFrame(rows).set_index("service")


def modelled_and_ideal(study: StudyLike, organisation: Organisation | None = None) -> pd.DataFrame:
    """List the results with takeovers as modelled beside those with ideal ones (instant and certain).

    Parameters
    ----------
    study, organisation
        As for `availability`.

    Returns
    -------
    pandas.DataFrame
        Index ``service`` (of the whole site); ``ideal_min_per_year``, ``modelled_min_per_year``,
        ``downtime_ratio``, ``ideal_failures_per_year``, ``modelled_failures_per_year``.

    Examples
    --------
    >>> modelled_and_ideal("L2R").loc["media", "downtime_ratio"].round(2)
    np.float64(8.8)
    """
    import pandas as pd

    solution = as_modelled(study, organisation)
    return framed(pd.DataFrame(both_readings(solution)).set_index("service"), solution)


def both_readings(solution: Solution) -> list[dict[str, Any]]:
    """Rows of `modelled_and_ideal`."""
    moving, static = availability(solution), availability(solution.study, method="exact")
    rows = []
    for item in static.services:
        if item.scope == "site":
            other = moving[item.service]
            rows.append(
                {
                    "service": item.service,
                    "ideal_min_per_year": item.downtime_min_per_year,
                    "modelled_min_per_year": other.downtime_min_per_year,
                    "downtime_ratio": other.unavailability / item.unavailability
                    if item.unavailability > 0
                    else math.nan,
                    "ideal_failures_per_year": item.failures_per_year,
                    "modelled_failures_per_year": other.failures_per_year,
                }
            )
    return rows


def as_modelled(study: StudyLike, organisation: Organisation | None) -> Solution:
    """Who answers with takeovers as modelled; where nothing moves, whoever was chosen."""
    solution = solution_of(study, organisation=organisation)
    if organisation is None and solution.method == "exact" and solution.takeovers == IDEAL:
        return solution_of(solution.study)
    return solution


def performability(
    study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto"
) -> dict[str, float]:
    """Compute the performability: delivered bandwidth, client-hours lost and loads over a year.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.

    Returns
    -------
    dict of str to float
        ``share_last_side`` (mean share of the clients on the last side, of those served; of clients on both by load;
        of more than two sides also ``share_on_NAME`` for each),
        ``delivered_mb_s``, ``demand_mb_s`` (of loads in another unit ``delivered_UNIT``, ``demand_UNIT``),
        ``client_hours_lost_per_year``, ``takeovers_per_year`` (of all roles; those that move together are one; as
        modelled, returns by automatic failback too), ``failed_takeovers_per_year``,
        ``p_overload_after_takeover`` (probability that a takeover, returns apart, lands where the load is too much),
        ``p_any_overload``. With ideal takeovers the moves are
        counted to first order by the exact engine; a simulation does not say where takeovers land.

    Examples
    --------
    >>> round(performability("L2R")["share_last_side"], 3)
    0.487
    """
    solution = solution_of(study, method, organisation)
    result, site = load(solution), solution.study.site
    asked = asked_by_unit(site)
    shares = dict(result.fractions) or dict.fromkeys(asked, result.delivered_fraction)
    cut_off = sum(p * lost for *_, lost, p in result.side_distribution)
    arrivals, failed, landing = _moves(solution)
    of_sides = share_of_sides(result)
    return {
        "share_last_side": share_last_side(result),
        **({f"share_on_{side}": share for side, share in of_sides.items()} if len(of_sides) > 2 else {}),
        **{delivered_in(unit): share * asked[unit] for unit, share in shares.items()},
        **{delivered_in(unit, "demand"): asked[unit] for unit in shares},
        "client_hours_lost_per_year": cut_off * HOURS_PER_YEAR,
        "takeovers_per_year": arrivals,
        "failed_takeovers_per_year": failed,
        "p_overload_after_takeover": landing,
        "p_any_overload": result.p_any_overload,
    }


def share_last_side(result: LoadResult) -> float:
    """Mean share of the clients on the last side, of those served; of clients on both what they put on it."""
    return list(share_of_sides(result).values())[-1]


def share_of_sides(result: LoadResult) -> dict[str, float]:
    """Mean share of the clients on each side, of those served; of clients on several what they put on each."""
    rows = result.side_distribution
    one = [[p * number for number in on] for *on, _, p in rows]
    if any(sum(row[:-1]) < result.client_count for row in rows):
        loads = [[p * amount for amount in of] for (*_, p), of in zip(rows, result.side_loads, strict=False)]
        # what puts no load on anything is on those sides evenly
        evenly = [
            [p * (number + (result.client_count - sum(on) - lost) / len(on)) for number in on] for *on, lost, p in rows
        ]
        one = loads if sum(map(sum, loads)) > 0 else evenly
    served = sum(map(sum, one))
    return {
        side: sum(row[n] for row in one) / served if served > 0 else math.nan for n, side in enumerate(result.sides)
    }


def _moves(solution: Solution) -> tuple[float, float, float]:
    """Takeovers that arrive and that fail a year, and the probability that one lands in overload."""
    if not solution.study.site.movable:
        return 0.0, 0.0, 0.0
    if solution.method == "simulation":
        found = solution.simulated.load()
        arrive, fail = (found.get(f"{kind}takeovers_per_year") for kind in ("", "failed_"))
        return (arrive.value if arrive else math.nan, fail.value if fail else math.nan, math.nan)
    if solution.method == "exact" and not solution.chosen:
        return _moves_at_once(solution.study) * HOURS_PER_YEAR, 0.0, math.nan
    arrivals, failed, landing = _landings(solution.dynamics)
    return arrivals * HOURS_PER_YEAR, failed * HOURS_PER_YEAR, landing


def _moves_at_once(study: Study) -> float:
    """How often some role leaves the preferred side [1/h]; roles that leave together are one takeover."""
    away, moved = _away(study.policy)
    moves = mode_transitions(study, away).both_ways()
    return float(moves.rate_per_h[(moved[moves.after] & ~moved[moves.before]).any(axis=1)].sum())


def _away(policy: Policy) -> tuple[Diagram, BoolArray]:
    """Diagram of which roles have left the preferred side, and those that have in each of its modes."""
    away = compile_diagram(policy.structure, [policy.role_moved(name) for name in policy.site.movable])
    return away, np.array(list(away.outcomes), dtype=np.bool_)


def _landings(dynamics: Dynamics) -> tuple[float, float, float]:
    """Takeovers that arrive and that fail [1/h], and the probability that one lands in overload."""
    states, policy = dynamics.states, dynamics.policy
    takeover = states.takeover
    rates = states.chain.rates
    before = np.repeat(np.arange(rates.shape[0]), np.diff(rates.indptr))
    after = rates.indices
    flow = dynamics.probability[before] * rates.data
    if takeover is None:  # roles at the preferred side: they leave it at once and always, and come back by themselves
        away, moved_in = _away(policy)
        moved = moved_in[dynamics.modes(away)]
        arrives = lands = (moved[after] & ~moved[before]).any(axis=1)
        fails = np.zeros(len(flow), dtype=np.bool_)
    else:
        holder = takeover.holder[states.control]
        moving = np.asarray(takeover.which(Kind.ON_ITS_WAY).any(axis=1))[states.control]
        failed = takeover.takeover_failed[states.control]
        held = np.asarray((holder >= 0).all(axis=1))
        changed = held[before] & held[after] & (holder[before] != holder[after]).any(axis=1)
        arrives = (moving[before] & ~moving[after] & ~failed[after]) | changed
        fails = ~failed[before] & failed[after]
        # a role that comes back to its first holder by itself is no takeover: nothing was lost there
        home = np.array([policy.site.roles[name].failback == "automatic" for name in takeover.roles], dtype=np.bool_)
        taken = (holder[before] != holder[after]) & ~(home & (holder[after] == 0))
        lands = arrives & taken.any(axis=1)
    loading = Loading(dynamics.policy, foreground=True)
    mode = dynamics.modes(loading.table.diagram)
    reached = np.bincount(mode[after[lands]], weights=flow[lands], minlength=loading.table.diagram.modes)
    moves = moves_per_h(states) or (float(flow[arrives].sum()), float(flow[fails].sum()))
    landed = float(reached.sum())
    over = sum(
        weight * overload_by_mode(loading, dynamics.own, loading.table.modes[index])
        for index, weight in enumerate(reached.tolist())
        if weight > 0
    )
    return *moves, over / landed if landed > 0 else 0.0
