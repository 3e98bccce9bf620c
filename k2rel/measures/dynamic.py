"""What roles that stick and takeovers that can fail do to the services: interruptions, and why figures differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_names, as_number, as_times
from k2rel.errors import InputError, K2relError
from k2rel.logic.diagram import compile_diagram
from k2rel.logic.rounding import at_most_one
from k2rel.markov.engine import Dynamics, solved
from k2rel.measures.availability import availability, service_named
from k2rel.measures.load import load, overload_by_mode
from k2rel.measures.tested import exponential_tests
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.services.diagrams import Service, services_of
from k2rel.services.loading import Loading
from k2rel.studies import Study, studies_of
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "downtime_causes",
    "dynamic_over_time",
    "feasible_organisation",
    "interruptions",
    "performability",
    "roles_by_level",
    "sticky_and_preferred",
    "why_they_differ",
]

FloatArray = NDArray[np.float64]

_TOLERANCES = (1e-3, 1e-5, 1e-7, 1e-9)
_FEW_STATES = 60_000
_LENGTHS = (("10 s", 10 / 3600), ("1 min", 1 / 60), ("10 min", 1 / 6), ("1 h", 1.0), ("8 h", 8.0))


def _services(dynamics: Dynamics, chosen: Sequence[str] | str | None) -> list[Service]:
    if chosen is None:
        return [service for service in services_of(dynamics.policy) if service.scope == "site"]
    return [service_named(dynamics.study, name, dynamics.policy) for name in as_names("services", chosen)]


def feasible_organisation(study: Study) -> Organisation | None:
    """Find an organisation with sticky roles whose chain stays small, for reports of any site.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Organisation or None
        As many crews as needed, with a tolerance that is made smaller, down to 1e-9, until a chain has more than
        60,000 states; None where parts fail too often for the dynamic engine.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> feasible_organisation(study("L2R")).tolerance
    1e-09
    """
    found = None
    for organisation, states in ever_closer(study, _TOLERANCES):
        found = organisation
        if states > _FEW_STATES:
            break
    return found


def ever_closer(study: Study, tolerances: Sequence[float]) -> Iterator[tuple[Organisation, int]]:
    """Organisations down a ladder of tolerances, as far as the chain can be solved, and its number of states."""
    for tolerance in tolerances:
        organisation = Organisation(tolerance=tolerance)
        try:
            states = solved(study, organisation).states.chain.states
        except K2relError:
            return
        yield organisation, states


def interruptions(
    study: Study,
    organisation: Organisation | None = None,
    services: Sequence[str] | str | None = None,
    *,
    buffer_h: float = 10 / 3600,
    first_loss: bool = False,
) -> pd.DataFrame:
    """Compute how often each service is interrupted, and how long an interruption lasts.

    Parameters
    ----------
    study : Study
    organisation : Organisation, optional
        Who repairs and how roles behave; by default sticky roles and as many crews as needed.
    services : sequence of str or str, optional
        Services of `availability`; by default those of the whole site.
    buffer_h : float
        Depth of a client's buffer [h]: a longer interruption is seen on air.
    first_loss : bool
        Also give the mean time to the first service failure, from everything new and in service.

    Returns
    -------
    pandas.DataFrame
        Index ``service``; ``per_year``, ``mean_min``, ``median_min``, ``longer_than_...`` (share of interruptions),
        ``on_air_per_year`` (longer than the buffer), ``by_clients_per_year`` (by a client's own parts, not in
        the columns before), with ``first_loss`` ``first_loss_h``. Interruptions by shared parts and roles.
        ``attrs["notes"]`` says where parts are tested that the time until a test is exponential here.

    Raises
    ------
    InputError
        If there is no such service, or the buffer is no time.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> table = interruptions(study("L2R"), Organisation(tolerance=1e-8), ["media"])
    >>> table.loc["media", "per_year"].round(2)
    np.float64(1.6)
    """
    import pandas as pd

    buffer_h = as_number("buffer_h", buffer_h)
    if not 0 <= buffer_h < math.inf:
        raise InputError(f"buffer_h: a time, got {buffer_h:g} h")
    dynamics = solved(study, organisation or Organisation())
    rows = []
    known: dict[bytes, dict[str, float]] = {}
    for service in _services(dynamics, services):
        lost = dynamics.down(service)
        key = np.packbits(lost).tobytes()
        if key not in known:
            visits = dynamics.interruptions(service)
            longer = visits.longer_than([hours for _, hours in _LENGTHS] + [buffer_h])
            row = {
                "per_year": visits.frequency_per_h * HOURS_PER_YEAR,
                "mean_min": visits.mean_h * 60,
                "median_min": visits.quantile_h(0.5) * 60,
                **{
                    f"longer_than_{name.replace(' ', '_')}": float(p)
                    for (name, _), p in zip(_LENGTHS, longer, strict=False)
                },
                "on_air_per_year": float(longer[-1]) * visits.frequency_per_h * HOURS_PER_YEAR,
            }
            if first_loss:
                row["first_loss_h"] = dynamics.first_failure_h(service)
            known[key] = row
        row = dict(known[key])
        row["by_clients_per_year"] = max(0.0, dynamics.failure_frequency(service) * HOURS_PER_YEAR - row["per_year"])
        rows.append({"service": service.name, **row})
    frame = pd.DataFrame(rows).set_index("service")
    frame.attrs["notes"] = exponential_tests(study)
    return frame


def sticky_and_preferred(study: Study, organisation: Organisation | None = None) -> pd.DataFrame:
    """Put the results with sticky roles beside those with roles at the preferred side.

    Parameters
    ----------
    study : Study
    organisation : Organisation, optional
        Who repairs; by default as many crews as needed.

    Returns
    -------
    pandas.DataFrame
        Index ``service`` (of the whole site); ``preferred_min_per_year``, ``sticky_min_per_year``,
        ``times``, ``preferred_per_year``, ``sticky_per_year`` (interruptions).

    Examples
    --------
    >>> from k2rel.studies import study
    >>> table = sticky_and_preferred(study("L2R"), Organisation(tolerance=1e-8))
    >>> table.loc["media", "times"].round(2)
    np.float64(2.48)
    """
    import pandas as pd

    static = availability(study)
    moving = availability(study, organisation=organisation or Organisation())
    rows = []
    for item in static.services:
        if item.scope == "site":
            other = moving[item.service]
            rows.append(
                {
                    "service": item.service,
                    "preferred_min_per_year": item.downtime_min_per_year,
                    "sticky_min_per_year": other.downtime_min_per_year,
                    "times": other.unavailability / item.unavailability if item.unavailability > 0 else math.nan,
                    "preferred_per_year": item.failures_per_year,
                    "sticky_per_year": other.failures_per_year,
                }
            )
    return pd.DataFrame(rows).set_index("service")


def roles_by_level(
    levels: Sequence[str | Path] | str | Path,
    *,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Put both readings of the roles side by side for several levels.

    Parameters
    ----------
    levels, clients, repair, rates, settings
        As for `k2rel.compare`.

    Returns
    -------
    pandas.DataFrame
        Index ``level``; for the principal traffic the columns of `sticky_and_preferred`; not a number where parts
        fail too often for the dynamic engine.

    Examples
    --------
    >>> table = roles_by_level(["L2", "L2R"])
    >>> table["times"].round(1).to_dict()
    {'L2': 1.0, 'L2R': 2.5}
    """
    import pandas as pd

    rows = {}
    for name, study in studies_of(levels, clients=clients, repair=repair, rates=rates, settings=settings).items():
        principal = principal_traffic(study.site)
        organisation = feasible_organisation(study)
        row: dict[Any, Any] = {"service": principal}
        if organisation is None:
            item = availability(study)[principal]
            row |= {"preferred_min_per_year": item.downtime_min_per_year, "preferred_per_year": item.failures_per_year}
        else:
            row |= sticky_and_preferred(study, organisation).to_dict("index")[principal]
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("level")


def downtime_causes(study: Study, organisation: Organisation | None = None, service: str | None = None) -> pd.DataFrame:
    """Split the downtime of a service by what the roles are doing meanwhile.

    Parameters
    ----------
    study : Study
    organisation : Organisation, optional
        Who repairs; by default sticky roles and as many crews as needed.
    service : str, optional
        The service; by default the principal traffic.

    Returns
    -------
    pandas.DataFrame
        Index ``while``; ``downtime_min_per_year`` and ``share``: a takeover is on its way; a takeover has failed and
        waits for a person; a server waits to be placed back in service or is in maintenance; everything is in
        service and parts have failed.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> round(float(downtime_causes(study("L2R"), Organisation(tolerance=1e-8))["share"].sum()), 9)
    1.0
    """
    import pandas as pd

    dynamics = solved(study, organisation or Organisation())
    found = service_named(study, service, dynamics.policy)
    loss = dynamics.unavailability_given_mode(found)[dynamics.modes(found.diagram)] * dynamics.probability
    names = ["a takeover is on its way", "a takeover has failed", "a server is not in service",
             "all servers are in service"]  # fmt: skip
    minutes = np.bincount(dynamics.states.doing, weights=loss, minlength=len(names)) * MINUTES_PER_YEAR
    frame = pd.DataFrame({"while": names, "downtime_min_per_year": minutes, "share": minutes / minutes.sum()})
    return frame.set_index("while")


def why_they_differ(study: Study, organisation: Organisation | None = None) -> str:
    """Say in words why sticky roles give other figures than roles at the preferred side.

    Parameters
    ----------
    study : Study
    organisation : Organisation, optional
        Who repairs; by default as many crews as needed.

    Returns
    -------
    str
        A few sentences with the numbers of this site.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> print(why_they_differ(study("L1")))
    L1 has no role that can move: both figures rest on the same states.
    """
    site = study.site
    dynamics = solved(study, organisation or Organisation())
    takeover = dynamics.states.takeover
    if not site.movable:
        return f"{site.name} has no role that can move: both figures rest on the same states."
    if takeover is None:
        return (
            f"Here the chain too follows the roles of {site.name} at the preferred side: a role is back at side "
            f"{study.policy.home} at once whenever that side is healthy, a takeover takes no time and never fails, and "
            "no server waits for a person. It differs from the figures of independent parts only by who repairs."
        )
    principal = principal_traffic(site)
    frame = downtime_causes(study, organisation, principal)["downtime_min_per_year"]
    table = sticky_and_preferred(study, organisation).loc[principal]
    role = site.roles[takeover.roles[0]]
    figures = performability(study, organisation)
    servers = study.policy.redundant_servers
    by_itself = bool(servers) and all(study.policy.returns_by_itself(server) for server in servers)
    back = "it is good again, when it comes back by itself" if by_itself else "a person places it back"
    stay = (
        "Roles go back to the preferred side by themselves"
        if all(site.roles[name].failback == "automatic" for name in takeover.roles)
        else "Roles stay where they are"
    )
    longer = f"{table['sticky_min_per_year']:.3g} instead of {table['preferred_min_per_year']:.3g} minutes a year"
    return (
        f"{principal} is lost for {longer}. The preferred-side figure lets a role be back at side {study.policy.home} "
        f"at once whenever that side is healthy, with a takeover that takes no time and never fails. With sticky roles "
        f"a takeover takes {role.switchover_h * 3600:.0f} s ({frame.iloc[0]:.3g} min a year are lost while one is on "
        f"its way), fails with probability {1 - role.coverage:.2g} and then waits for a person ({frame.iloc[1]:.3g} "
        f"min), and the former primary is out of service until {back}: a second failure in that time "
        f"finds no backup ({frame.iloc[2]:.3g} min). The remaining {frame.iloc[3]:.3g} min come from failures "
        f"that no takeover helps against. {stay}: {principal} is carried by {site.sides[-1]} for "
        f"{100 * figures['share_last_side']:.3g} % of the year."
    )


def performability(study: Study, organisation: Organisation | None = None) -> dict[str, float]:
    """Compute what users are given over a year, with roles that stick.

    Parameters
    ----------
    study : Study
    organisation : Organisation, optional
        Who repairs; by default sticky roles and as many crews as needed.

    Returns
    -------
    dict of str to float
        ``share_last_side`` (mean share of the clients on the last side, of those served), ``delivered_mb_s``,
        ``demand_mb_s``, ``client_hours_lost_per_year``, ``takeovers_per_year`` (of all roles; those that move together
        are one), ``failed_takeovers_per_year``,
        ``p_overload_after_takeover`` (probability that a takeover lands on a side that cannot carry the load),
        ``p_any_overload``.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> round(performability(study("L2R"), Organisation(tolerance=1e-8))["share_last_side"], 3)
    0.495
    """
    organisation = organisation or Organisation()
    result = load(study, organisation)
    count = study.site.client_count
    served = sum(p * (a + b) for a, b, _, p in result.side_distribution)
    last = sum(p * (b if len(study.site.sides) > 1 else a) for a, b, _, p in result.side_distribution)
    cut_off = sum(p * lost for _, _, lost, p in result.side_distribution)
    dynamics = solved(study, organisation)
    arrivals, failed, landing = _landings(dynamics)
    return {
        "share_last_side": last / served if served > 0 else math.nan,
        "delivered_mb_s": result.delivered_fraction * count * result.demand_mb_s,
        "demand_mb_s": count * result.demand_mb_s,
        "client_hours_lost_per_year": cut_off * HOURS_PER_YEAR,
        "takeovers_per_year": arrivals * HOURS_PER_YEAR,
        "failed_takeovers_per_year": failed * HOURS_PER_YEAR,
        "p_overload_after_takeover": landing,
        "p_any_overload": result.p_any_overload,
    }


def _landings(dynamics: Dynamics) -> tuple[float, float, float]:
    """Takeovers that arrive and that fail [1/h], and the probability that one lands in overload."""
    states, policy = dynamics.states, dynamics.policy
    takeover = states.takeover
    if not policy.site.movable:
        return 0.0, 0.0, 0.0
    rates = states.chain.rates
    before = np.repeat(np.arange(rates.shape[0]), np.diff(rates.indptr))
    after = rates.indices
    flow = dynamics.probability[before] * rates.data
    if takeover is None:  # roles at the preferred side: they leave it at once and always, and come back by themselves
        away = compile_diagram(policy.structure, [policy.role_moved(name) for name in policy.site.movable])
        moved = np.array(list(away.outcomes), dtype=np.bool_)[dynamics.modes(away)]
        arrives = (moved[after] & ~moved[before]).any(axis=1)
        fails = np.zeros(len(flow), dtype=np.bool_)
    else:
        digits = takeover.digits[states.control][:, : len(takeover.roles)]
        moving, failed = takeover.moving[states.control], takeover.takeover_failed[states.control]
        at_once = ~moving[before] & ~failed[before] & ~moving[after] & ~failed[after]
        changed = at_once & (digits[before] != digits[after]).any(axis=1)
        arrives = (moving[before] & ~moving[after] & ~failed[after]) | changed
        fails = ~failed[before] & failed[after]
    loading = Loading(dynamics.policy, counted=True)
    mode = dynamics.modes(loading.table.diagram)
    reached = np.bincount(mode[after[arrives]], weights=flow[arrives], minlength=loading.table.diagram.modes)
    total = float(reached.sum())
    over = sum(
        weight * overload_by_mode(loading, dynamics.own, loading.table.modes[index])
        for index, weight in enumerate(reached.tolist())
        if weight > 0
    )
    return total, float(flow[fails].sum()), over / total if total > 0 else 0.0


def dynamic_over_time(
    study: Study,
    times_h: Sequence[float] | FloatArray | float,
    organisation: Organisation | None = None,
    service: str | None = None,
) -> pd.DataFrame:
    """Follow the probability that a service is lost from everything new and in service, with sticky roles.

    Parameters
    ----------
    study : Study
    times_h : sequence of float
        Times [h].
    organisation : Organisation, optional
        Who repairs; by default sticky roles, as many crews as needed, error bound 1e-7.
    service : str, optional
        The service; by default the principal traffic.

    Returns
    -------
    pandas.DataFrame
        Index ``time_h``; ``point_unavailability`` and ``interval_unavailability`` by shared parts and roles. Parts that
        are ``tested: independently`` have an exponential time until the test, not one evenly distributed.

    Raises
    ------
    ModelTooLargeError
        If a switchover of seconds and a time of years ask for too many steps.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> dynamic_over_time(study("L2R"), [0.0, 10.0])["point_unavailability"].iloc[0]
    np.float64(0.0)
    """
    import pandas as pd

    times_h = as_times("times_h", times_h)
    dynamics = solved(study, organisation or Organisation(tolerance=1e-7))
    found = service_named(study, service, dynamics.policy)
    lost = dynamics.down(found)
    probability, spent_h = dynamics.over_time(times_h)
    times = np.asarray(times_h, dtype=np.float64)
    spent = spent_h @ lost
    return pd.DataFrame(
        {
            "point_unavailability": at_most_one(np.asarray(probability @ lost)),
            "interval_unavailability": at_most_one(np.divide(spent, times, out=np.zeros(len(times)), where=times > 0)),
        },
        index=pd.Index(times, name="time_h"),
    )
