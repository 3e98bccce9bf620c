"""What causes the downtime under roles that move as modelled: by part, by what is assumed, by what roles are doing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.markov.engine import Dynamics
from k2rel.markov.gradient import Loss, Slopes, slopes, slopes_of
from k2rel.measures.modes import mode_words
from k2rel.measures.worth import Worth, importances, law_slopes, worth
from k2rel.policy.controls import DOINGS, Controls
from k2rel.policy.failover import principal_traffic
from k2rel.policy.terms import Given
from k2rel.rates import Law, RaidModule
from k2rel.services.diagrams import Service
from k2rel.services.modes import traffic_diagram
from k2rel.site.coverage import class_name, coverage_name, coverages
from k2rel.site.names import cause_in
from k2rel.site.roles import Role
from k2rel.site.stages import named
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["assumption_causes", "downtime_split", "part_causes"]

FloatArray = NDArray[np.float64]

_NEVER_FAILS = "no importance of parts that never fail and that takeovers need: the roles without them are not modelled"
_TIMES = {  # of operators and technicians: in words, and the field of `Organisation`
    "return_h": ("return to service", "return_to_service_h"),
    "manual_takeover_h": ("manual takeover", "manual_takeover_h"),
    "maintenance_every_h": ("time between maintenances", "maintenance_every_h"),
    "maintenance_h": ("maintenance", "maintenance_h"),
    "travel_h": ("travel", "travel_h"),
}
_OF_TAKEOVERS = {  # in words, unit, and how many of it are one of those that rates are made of
    "coverage": ("coverage", "1", 1.0),
    "switchover_h": ("switchover", "s", 3600.0),
    "detection_h": ("detection", "s", 3600.0),
    "failback_after_h": ("delay of failback", "h", 1.0),
    "giveback_h": ("giveback", "s", 3600.0),
    "spurious_per_h": ("spurious takeovers", "1/year", HOURS_PER_YEAR),
    "retry_after_h": ("time until a retry", "s", 3600.0),
    "retry_coverage": ("retry coverage", "1", 1.0),
    "operator_coverage": ("operator coverage", "1", 1.0),
    "restoration_h": ("restoration", "h", 1.0),
    "drift_per_h": ("drift", "1/year", HOURS_PER_YEAR),
    "drill_every_h": ("time between drills", "h", 1.0),
    "drill_h": ("interruption by a drill", "s", 3600.0),
    "split_mend_h": ("resolution of a split brain", "h", 1.0),
    "split_restore_share": ("probability of a data restore", "1", 1.0),
    "split_restore_h": ("data restore after a split brain", "h", 1.0),
    "time_h": ("time", "s", 3600.0),
    "auto_recovery_h": ("auto-recovery", "h", 1.0),
}
_OF_RAID = {
    "failure_rate_per_h": ("failure rate of a drive", "1/h"),
    "replace_h": ("replacement of a drive", "h"),
    "rebuild_h": ("rebuild", "h"),
    "restore_h": ("restoration of lost data", "h"),
}


def part_causes(dynamics: Dynamics, service: Service) -> pd.DataFrame:
    r"""Say what each part contributes to the downtime of a service, with takeovers as modelled.

    The table of `k2rel.causes`. With :math:`B_i = (dU/d\lambda_i)/(dq_i/d\lambda_i)` from the chain; `raw` and `dif`
    from its probabilities: that the service is down if the part has failed, and the other way round.
    ``attrs["notes"]`` says what is left out. Parts that share the days of their tests move together in both.
    """
    found = slopes_of(dynamics, [service])[0]
    study, u, notes = dynamics.study, found.value, [*found.notes]
    failed, together = _lost(dynamics, service)
    decide = _asked(dynamics)
    rows = []
    for name in _shared(dynamics, service):
        law = study.law(name)
        q = law.unavailability
        if name in failed:
            by_rate = found.failure_rate_h[name]
            birnbaum = by_rate / law_slopes(law)[0]
            by = (by_rate, found.repair_per_h[name]) if isinstance(law, Law) else (math.nan, math.nan)
            given = together[name] / failed[name] if failed[name] > 0 else math.nan
        else:
            given = math.nan if name in decide else _down_without(dynamics, service, name)
            birnbaum, by = given - u, law_slopes(law, given - u)
            notes += [_NEVER_FAILS] * (math.isnan(given) and _NEVER_FAILS not in notes)
        lost = given, together.get(name, 0.0)
        rows.append(worth(study.site, name, Worth(q, birnbaum, q * birnbaum if q > 0 else 0.0, lost, by), u))
    for name, of in _own(dynamics, service, found):
        rows.append(worth(study.site, name, of, u))
    frame = importances(study.site, rows)
    frame.attrs["notes"] = notes
    return frame


def _shared(dynamics: Dynamics, service: Service) -> list[str]:
    """What a service can depend on: its own variables, those that takeovers ask for, and what crews work on."""
    site, decide = dynamics.policy.site, _asked(dynamics)
    physical = {*site.components, *site.raid_sets, *site.cause_events}
    names = dict.fromkeys(name for name in service.diagram.variables if name in physical)
    crews = dynamics.organisation.crews is not None
    failing = (member for population in dynamics.states.parts.populations for member in population.members)
    return list(names | dict.fromkeys(name for name in failing if crews or name in decide))


def _asked(dynamics: Dynamics) -> set[str]:
    """Variables that decide about takeovers."""
    takeover = dynamics.states.takeover
    nodes = takeover.conditions if takeover is not None and takeover.roles else []
    return set(dynamics.policy.structure.variables(nodes))


def _lost(dynamics: Dynamics, service: Service) -> tuple[dict[str, float], dict[str, float]]:
    """Probability that each shared part has failed, and that it has and the service is down."""
    states = dynamics.states
    loss = dynamics.loss(service)
    count = len(states.atoms)
    by_parts = [np.bincount(states.part_state, weights=w, minlength=count) for w in (dynamics.probability, loss)]
    number_of = np.concatenate([[-1], states.population])
    failed: dict[str, float] = {}
    both: dict[str, float] = {}
    for number, population in enumerate(states.parts.populations):
        members = (number_of[states.atoms] == number).sum(axis=1) / population.size
        for into, weight in zip((failed, both), by_parts, strict=True):
            into |= dict.fromkeys(population.members, float((members * weight).sum()))
    return failed, both


def _down_without(dynamics: Dynamics, service: Service, name: str) -> float:
    """Probability that a service is down with one more part failed, which no takeover and no crew cares for."""
    modes = dynamics.modes_without(service.diagram, name)
    return sum(
        weight * float((moment.probability * moment.unavailability_given_mode(service)[modes]).sum())
        for weight, moment in dynamics.at_moments
    )


def _own(dynamics: Dynamics, service: Service, found: Slopes) -> Iterator[tuple[str, Worth]]:
    """What the importances of clients' own parts follow from."""
    study, names = dynamics.study, dynamics.own.names
    part, both = np.zeros(len(names)), np.zeros(len(names))
    for weight, moment in dynamics.at_moments:
        down, slopes_then = service.steady_unavailability(moment.own)
        modes = moment.mode_probabilities(service.diagram)
        q, by = moment.own.unavailability, modes @ slopes_then
        part += weight * q * by
        both += weight * q * (float(modes @ down) + (1.0 - q) * by)
    alone, moving = service.scope == "client", len(dynamics.at_moments) > 1
    for k, name in enumerate(names):
        law, birnbaum = study.client_laws[name], found.unavailability[name]
        by_law = (math.nan, math.nan) if moving and law.tested_together else law_slopes(law, birnbaum)
        lost = (found.value + birnbaum - part[k], float(both[k])) if alone else None
        yield name, Worth(law.unavailability, birnbaum, float(part[k]), lost, by_law)


def assumption_causes(dynamics: Dynamics, service: Service) -> pd.DataFrame:
    """List the effect of each coverage, takeover time, operator time and rate inside a RAID set on the downtime.

    Index ``assumption``; ``value``, ``unit``, ``slope_min_per_year`` (downtime for each unit more), ``elasticity``
    (relative change of the downtime over that of the value, to first order). Largest elasticity first. Roles that share
    a takeover share its slope. No slope by a coverage of 1 or a time of 0: what another value leads to is not followed.
    """
    import pandas as pd

    found = slopes_of(dynamics, [service])[0]
    site, organisation = dynamics.policy.site, dynamics.organisation
    takeover = dynamics.states.takeover
    rows = []
    if takeover is not None:
        asked = dict.fromkeys(given for role in takeover.roles for given in _always_asked(site.roles[role]))
        asked |= dict.fromkeys(given for given in found.assumed if given.field not in _TIMES)
        rows += [_row(takeover, given, found.assumed.get(given, math.nan)) for given in asked]
    for given, by in found.assumed.items():
        if given.field in _TIMES:
            title, field = _TIMES[given.field]
            rows.append((title, getattr(organisation, field), "h", by))
    for (name, field), by in found.raid.items():
        title, unit = _OF_RAID[field]
        law = dynamics.study.law(name)
        assert isinstance(law, RaidModule)
        rows.append((f"{name} {title}", getattr(law, field), unit, by))
    frame = pd.DataFrame(rows, columns=["assumption", "value", "unit", "slope_min_per_year"]).set_index("assumption")
    slope = frame["slope_min_per_year"].astype(float)
    frame["slope_min_per_year"] = slope * MINUTES_PER_YEAR
    frame["elasticity"] = slope * frame["value"] / found.value if found.value > 0 else math.nan
    unknown = [f"no slope by '{name}'" for name in frame.index[slope.isna()]] if not found.notes else []
    frame.attrs["notes"] = [*found.notes, *unknown]
    return frame.sort_values("elasticity", key=abs, ascending=False, kind="stable")


def _always_asked(role: Role) -> Iterator[Given]:
    """Numbers of a role that have a row also where no slope by them is known."""
    for cause in coverages(role):
        yield Given(coverage_name(cause), role.id)
    yield Given("switchover_h", role.id)


def _row(takeover: Controls, given: Given, by: float) -> tuple[str, float, str, float]:
    """What is given for takeovers in words, its value and unit, and the slope by it; a fence by what it consists of."""
    field, cause = cause_in(given.field)
    words, unit, times = _OF_TAKEOVERS[field]
    owner = given.role or given.part
    if given.unit is not None:
        owner = f"{given.unit} fence {' '.join(named(takeover.policy.need_of(given.unit, given.need).stages))}"
    return f"{owner} {class_name(words, cause)}", takeover.value(given) * times, unit, by / times


def downtime_split(dynamics: Dynamics, service: Service) -> tuple[pd.DataFrame, pd.DataFrame]:
    r"""Split the downtime of a service by what the roles are doing, for each part and for each operating mode.

    Both: ``takeover_in_progress_min_per_year``, ``failed_takeover_min_per_year``, ``no_backup_min_per_year`` (a server
    is out of service or in maintenance), ``no_takeover_helps_min_per_year`` (all are in service), and their sum
    ``downtime_min_per_year``; where a site can have it ``split_brain`` (with its mending), ``planned_move`` (a role is
    given back, or in a drill) and ``loss_not_detected``. By operating mode of the principal traffic they add up to the
    downtime. By part they are elasticities, :math:`\lambda_i\,\partial U_k/\partial\lambda_i`: a hundred times what a
    failure rate that is 1 % higher adds. They add up to the downtime times the mean number of failures that a loss
    takes, to first order.
    """
    import pandas as pd

    kinds = dynamics.states.doings
    names = [DOINGS[kind] for kind in kinds]
    doing = np.searchsorted(kinds, dynamics.states.doing)
    parts = {}
    found = slopes(dynamics, [Loss(service, doing == kind) for kind in range(len(kinds))])
    for name in _shared(dynamics, service):
        law = dynamics.study.law(name)
        if name not in found[0].failure_rate_h:
            continue
        rate = law.failure_rate_per_h if isinstance(law, Law) else law.frequency_per_h / (1.0 - law.unavailability)
        parts[name] = [rate * of.failure_rate_h[name] for of in found]
    for name, law in dynamics.study.client_laws.items():
        by_rate = law.failure_rate_per_h * law_slopes(law)[0]
        parts[f"each client's {name}"] = [by_rate * of.unavailability[name] for of in found]
    by_part = pd.DataFrame.from_dict(parts, orient="index", columns=names).rename_axis("part")

    policy = dynamics.policy
    table = traffic_diagram(policy, [principal_traffic(policy.site)])
    diagram = table.diagram.merged([mode_words(policy, mode) for mode in table.modes])
    cell = dynamics.modes(diagram) * len(kinds) + doing
    lost = np.bincount(cell, weights=dynamics.loss(service), minlength=diagram.modes * len(kinds))
    words = pd.Index([str(outcome) for outcome in diagram.outcomes], name="mode")
    by_mode = pd.DataFrame(lost.reshape(-1, len(kinds)), index=words, columns=names)
    by_part.attrs["notes"] = list(found[0].notes)
    return _in_minutes(by_part), _in_minutes(by_mode)


def _in_minutes(frame: pd.DataFrame) -> pd.DataFrame:
    """Probabilities by what roles are doing, as minutes a year with their sum; largest first."""
    result = frame.mul(MINUTES_PER_YEAR).add_suffix("_min_per_year")
    result["downtime_min_per_year"] = result.sum(axis=1, skipna=False)
    result.attrs = dict(frame.attrs)
    return result.sort_values("downtime_min_per_year", ascending=False, kind="stable")
