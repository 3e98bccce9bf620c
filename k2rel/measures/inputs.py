"""What is known within limits in a study, in words, and the study at one draw of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from k2rel.inputs import Input, factor
from k2rel.measures.solution import Solution
from k2rel.organisation import Organisation
from k2rel.policy.rules import Policy
from k2rel.rates import changed_laws
from k2rel.site.coverage import DEFAULT, class_name
from k2rel.site.model import Site
from k2rel.site.roles import ROLE_NUMBERS, Role, Unit
from k2rel.studies import Study

Classes = tuple[tuple[str, float], ...]

__all__ = ["about", "inputs_of", "site_at", "study_at"]


def inputs_of(solution: Solution) -> dict[str, Input]:
    """All inputs with limits that a solution's figures can depend on, by name."""
    study, organisation = solution.study, solution.followed
    site = study.site
    used: dict[str, None] = {}
    for name, law in study.laws.used():
        if not site.described[name].external:
            used |= {use.input: None for use in law.single.uses}
    records: list[Any] = [*site.components.values(), *site.raid_sets.values(), *site.traffic.values()]
    if solution.method != "exact":
        units = dict.fromkeys(unit for role in site.movable.values() for each in role.holders for unit in each.units)
        needs = [need for unit in units for need in site.units[unit].takeover_needs]
        records += [*site.movable.values(), *needs, *site.suspensions]
    # a client's change of path moves no downtime and no load, which are what is drawn
    used |= {use.input: None for record in records for use in record.uses if not use.field.startswith("failover_")}
    known = {**study.laws.inputs, **site.inputs}
    found = {name: known[name] for name in used if name in known}
    if solution.method != "exact" and site.movable:
        found |= organisation.inputs
    return found


def about(study: Study, item: Input) -> str:
    """What an input is of, in words: component types for an entry of the registry."""
    first, *of = (str(key) for key in item.place) if item.place else ("",)
    laws = [(name, law) for name, law in study.laws.used() if any(use.input == item.name for use in law.single.uses)]
    own = first in ("", "assumptions") or (first == "set" and of[0] in study.site.described)
    if laws and of and of[-1] in ("failure_rate", "mttr") and not own:
        kinds = list(dict.fromkeys(study.site.described[name].type for name, _ in laws))
        more = f" and {len(kinds) - 2} more" if len(kinds) > 3 else ""
        return f"{item.kind} of {', '.join(kinds[:2] if more else kinds)}{more}".replace("_", " ")
    if first in ("roles", "units", "suspends"):
        by_class = len(of) > 2 and of[1] in ("coverage", "detection") and of[2] != DEFAULT
        return f"{item.kind} of {of[0]}{f' after {of[2]}' if by_class else ''}".replace("_", " ")
    if first not in ("", "assumptions"):  # a place in the file, or a part's own
        return f"{item.kind} of {of[-2]}".replace("_", " ")
    name = item.name.removesuffix("_h").replace("_", " ")
    return name if item.kind in ("coverage", "operator time") or item.kind in name else f"{name} ({item.kind})"


def site_at(site: Site, factors: Mapping[str, float]) -> Site:
    """The site with inputs at one draw."""
    return replace(
        site,
        components={name: _moved(part, factors, "capacity_mb_s") for name, part in site.components.items()},
        raid_sets={name: _moved(entry, factors, "rebuild_h", "restore_h") for name, entry in site.raid_sets.items()},
        units={name: _unit_at(unit, factors) for name, unit in site.units.items()},
        roles={name: _role_at(role, factors) for name, role in site.roles.items()},
        suspensions=tuple(_moved(one, factors, "auto_recovery_h") for one in site.suspensions),
        traffic={
            name: _moved(flow, factors, "demand_mb_s", "failover_h", "failover_coverage")
            for name, flow in site.traffic.items()
        },
    )


def study_at(study: Study, organisation: Organisation | None, factors: Mapping[str, float]) -> tuple[Study, Any]:
    """The study and the organisation with inputs at one draw, made anew from their records."""
    new = site_at(study.site, factors)
    laws = changed_laws(
        new, study.laws, lambda _, __, law: _moved(law, factors, "failure_rate_per_h", "mttr_h", "test_interval_h")
    )
    other = replace(study, site=new, policy=Policy(new, study.policy.primary), laws=laws)
    if organisation is None:
        return other, None
    times = {use.field: getattr(organisation, use.field) * float(factor([use], use.field, factors))
             for use in organisation.uses}  # fmt: skip
    return other, replace(organisation, **times, limits=())


def _moved(record: Any, factors: Mapping[str, float], *fields: str) -> Any:
    """A record with some fields at one draw of what they use."""
    changes = {f: getattr(record, f) * float(factor(record.uses, f, factors)) for f in fields if getattr(record, f)}
    return replace(record, **changes)


def _unit_at(unit: Unit, factors: Mapping[str, float]) -> Unit:
    """A unit at one draw of what its fences take."""
    needs = tuple(_moved(need, factors, "coverage", "time_h") for need in unit.takeover_needs)
    return replace(unit, takeover_needs=needs)


def _role_at(role: Role, factors: Mapping[str, float]) -> Role:
    """A role at one draw, with its coverages and detection times by what failed."""

    def by_class(field: str, of: Classes) -> Classes:
        return tuple((cause, v * float(factor(role.uses, class_name(field, cause), factors))) for cause, v in of)

    moved: Role = _moved(role, factors, *ROLE_NUMBERS.values())
    return replace(
        moved,
        coverage_of=by_class("coverage", role.coverage_of),
        detection_of=by_class("detection_h", role.detection_of),
    )
