"""Downtime by what the roles are doing meanwhile, and why takeovers as modelled give other figures than ideal ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.measures.availability import availability, service_named
from k2rel.measures.dynamic import as_modelled, share_of_sides
from k2rel.measures.load import load
from k2rel.measures.solution import Solution, StudyLike, framed, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.begun import lasts_words
from k2rel.policy.controls import DOINGS
from k2rel.policy.failover import principal_traffic
from k2rel.site import Site
from k2rel.site.coverage import failure_words
from k2rel.site.roles import Role, TakeoverNeed
from k2rel.units import MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["downtime_causes", "why_they_differ"]

FloatArray = NDArray[np.float64]

_WHILE = {
    "takeover_in_progress": "takeover in progress",
    "failed_takeover": "failed takeover",
    "split_brain": "split brain, or its restoration",
    "planned_move": "failback or drill",
    "loss_not_detected": "failure not yet detected",
    "no_backup": "server out of service",
    "no_takeover_helps": "all servers in service",
}


def downtime_causes(
    study: StudyLike,
    organisation: Organisation | None = None,
    service: str | None = None,
    *,
    method: str = "auto",
) -> pd.DataFrame:
    """Split the downtime of a service by the state of the roles.

    Parameters
    ----------
    study, organisation, method
        As for `availability`; by the chain.
    service : str, optional
        The service; by default the principal traffic.

    Returns
    -------
    pandas.DataFrame
        Index ``while``; ``downtime_min_per_year`` and ``share_of_downtime``: takeover in progress; failed takeover,
        which waits for operator action; server out of service, until an operator returns it, or in maintenance; all
        servers in service, parts having failed. Where a site can have it, also: split brain, or its restoration;
        failback or drill; failure not yet detected.

    Examples
    --------
    >>> downtime_causes("L2R")["share_of_downtime"].round(2).tolist()
    [0.04, 0.84, 0.01, 0.11]
    """
    import pandas as pd

    solution = solution_of(study, method, organisation).chain
    found = _minutes_while(solution, service)
    minutes = np.array(list(found.values()))
    words = [_WHILE[doing] for doing in found]
    share = minutes / minutes.sum() if minutes.any() else np.full(len(minutes), np.nan)
    frame = pd.DataFrame({"while": words, "downtime_min_per_year": minutes, "share_of_downtime": share})
    return framed(frame.set_index("while"), solution)


def _minutes_while(solution: Solution, service: str | None) -> dict[str, float]:
    """Downtime of a service by what the roles are doing meanwhile [min/year]."""
    dynamics = solution.dynamics
    found = service_named(solution.study, service, dynamics.policy)
    loss = dynamics.loss(found)
    minutes = np.bincount(dynamics.states.doing, weights=loss, minlength=len(DOINGS)) * MINUTES_PER_YEAR
    return {DOINGS[kind]: float(minutes[kind]) for kind in dynamics.states.doings}


def why_they_differ(study: StudyLike, organisation: Organisation | None = None) -> str:
    """Say in words why takeovers as modelled give other figures than ideal ones.

    Parameters
    ----------
    study, organisation
        As for `availability`.

    Returns
    -------
    str
        A few sentences with the numbers of this site.

    Examples
    --------
    >>> print(why_they_differ("L1"))
    L1 has no role that can move: both figures rest on the same states.
    """
    solution = as_modelled(study, organisation)
    study = solution.study
    site = study.site
    if not site.movable:
        none = f"{site.name} has no role that can move: "
        if site.suspensions:
            later = any(np.isfinite(entry.auto_recovery_h) for entry in site.suspensions)
            recovery = ", nor on auto-recovery" if later else ""
            return f"{none}the ideal figure does not depend on what failed first{recovery}."
        return none + "both figures rest on the same states."
    if solution.method == "simulation":
        return f"{site.name} is simulated ({solution.reason}); the simulation does not split the difference by cause."
    dynamics = solution.dynamics
    takeover = dynamics.states.takeover
    apart = study.policy.apart
    home, healthy = ("its first holder", "that one") if apart else (f"side {study.policy.home}", "that side")
    if takeover is None:
        where = "their first holders" if apart else "the preferred side"
        return (
            f"Here the Markov chain, too, has the roles of {site.name} at {where}: a role is back at {home} "
            f"at once whenever {healthy} is healthy, a takeover takes no time and never fails, and "
            "no server waits for operator action. Figures of independent parts differ by repair crews only."
        )
    principal = principal_traffic(site)
    minutes = _minutes_while(solution, principal)
    modelled, ideal = (
        availability(each)[principal].downtime_min_per_year for each in (solution, solution_of(study, "exact"))
    )
    role = site.roles[takeover.roles[0]]
    servers = study.policy.redundant_servers
    by_itself = bool(servers) and all(study.policy.returns_by_itself(server) for server in servers)
    back = "it is restored, and then returns by itself" if by_itself else "an operator returns it to service"
    stay = (
        f"Roles go back to {'their first holders' if apart else 'the preferred side'} by themselves"
        if all(site.roles[name].failback == "automatic" for name in takeover.roles)
        else "Roles stay where they are"
    )
    more = "".join(
        f"{_WHILE[doing].capitalize()}: {minutes[doing]:.3g} min/year. "
        for doing in ("split_brain", "planned_move", "loss_not_detected")
        if doing in minutes
    )
    longer = f"{modelled:.3g} min/year with takeovers as modelled and {ideal:.3g} min/year with ideal ones"
    return (
        f"{principal} is down for {longer}. With ideal takeovers a role is back at {home} "
        f"at once whenever {healthy} is healthy, and a takeover takes no time and never fails. "
        "As modelled "
        f"a takeover {_takes(site, role)} ({minutes['takeover_in_progress']:.3g} min/year "
        f"while one is in progress), {_fails(site, role)} and then {_until(role)} "
        f"({minutes['failed_takeover']:.3g} min/year), and the former primary is out of service until {back}: a second "
        f"failure in that time finds no standby ready ({minutes['no_backup']:.3g} min/year). {more}The remaining "
        f"{minutes['no_takeover_helps']:.3g} min/year come from failures against which no takeover "
        f"helps. {stay}: {_where_roles_are(solution)} of the year.{_persons(site, takeover.roles)}"
    )


def _fences(site: Site, role: Role) -> list[TakeoverNeed]:
    """The fences of all units that a role can leave."""
    units = dict.fromkeys(unit for holder in role.holders for unit in holder.units)
    return [need for unit in units for need in site.units[unit].needed if need.kind == "fence"]


def _takes(site: Site, role: Role) -> str:
    fence_h = max((need.time_h for need in _fences(site, role)), default=0.0)
    fence = f" after {lasts_words(fence_h)} for the fence" if fence_h else ""
    return ("is instant" if role.switchover_h == 0 else f"takes {role.switchover_h * 3600:.0f} s") + fence


def _fails(site: Site, role: Role) -> str:
    worst = min((need.coverage for need in _fences(site, role)), default=1.0)
    why = [f"with probability {failure_words(role)}"] if role.coverage < 1 or role.coverage_of else []
    why += [f"with its fence ({1 - worst:.2g})"] if worst < 1 else []
    why += ["if the standby is not ready"] if role.drift_per_h else []
    return "fails " + (" or ".join(why) or "only if no standby is ready when it ends")


def _until(role: Role) -> str:
    return "is retried once or waits for operator action" if role.retry_coverage else "waits for operator action"


def _persons(site: Site, roles: Sequence[str]) -> str:
    """What persons do that ideal takeovers are without, where that can make the ideal figure the worse one."""
    if not any(site.roles[name].operator_moves == "any loss" for name in roles):
        return ""
    return " With ideal takeovers no operator moves a role that waits for its fence, its heartbeat or anything else."


def _where_roles_are(solution: Solution) -> str:
    """How much of the year roles are elsewhere; of one side as clients see it where that follows the roles."""
    site, states = solution.study.site, solution.dynamics.states
    principal = principal_traffic(site)
    if not solution.study.policy.apart and site.traffic[principal].share == "first":
        shares = list(share_of_sides(load(solution)).items())[1 if len(site.sides) > 1 else 0 :]
        return f"{principal} is carried by {' and by '.join(f'{side} for {100 * of:.3g} %' for side, of in shares)}"
    assert states.takeover is not None
    away = (states.takeover.holder[states.control] != 0).any(axis=1)  # 0: the first holder
    some = "a role is" if len(states.takeover.roles) == 1 else "some role is"
    return f"{some} not with its first holder for {100 * float(solution.dynamics.probability[away].sum()):.3g} %"
