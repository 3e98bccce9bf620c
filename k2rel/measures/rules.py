"""Rules of takeovers that no source states: which are in use, what each of them changes, and what is left out.

The keys themselves stand in the site file (`RoleEntry`, `UnitEntry`), what they do stands in the policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from k2rel.arguments import as_names
from k2rel.errors import InputError, closest
from k2rel.measures.path_failover import path_rules
from k2rel.measures.rule_words import said_of
from k2rel.measures.solution import framed, solution_of
from k2rel.organisation import Organisation
from k2rel.site.roles import Role, Unit
from k2rel.studies import Study, StudyLike, study_of, with_site

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["rule_effects", "rules_in_use"]

_OF_ROLES = {
    "unable_backup": "backup whose triggers are up but that lacks what the role needs, such as shared storage",
    "recovered_backup": "backup that becomes ready while the server with the role is up but out of service",
    "restart": "state of a server that returns after it was down with the role and no takeover followed",
    "operator_places": "holder at which an operator places a role after a failed takeover, if several are equally able",
    "operator_moves": "when an operator places a role by hand",
}
_OF_UNITS = {
    "shuts_down": "when a takeover shuts a server down: failure of its own unit detected, or any failure of it"
}


def _keys(study: Study) -> dict[str, tuple[str, ...]]:
    """Rules that can change anything on a site, with their values."""
    moving = study.site.movable
    roles, units = get_type_hints(Role), get_type_hints(Unit)
    found = {name: get_args(roles[name]) for name in _OF_ROLES} if moving else {}
    if any(len(holder.units) > 1 for role in moving.values() for holder in role.holders):
        found |= {name: get_args(units[name]) for name in _OF_UNITS}
    return found


def _in_use(study: Study, rule: str) -> tuple[str, ...]:
    """Values of a rule on a site."""
    owners: Mapping[str, Any] = study.site.units if rule in _OF_UNITS else study.site.movable
    return tuple(dict.fromkeys(getattr(owner, rule) for owner in owners.values()))


def _used_words(study: Study, rule: str) -> str:
    """Values of a rule, with what automatic failback makes of them."""
    words = ", ".join(_in_use(study, rule))
    servers = study.policy.redundant_servers
    if rule == "restart" and servers and all(study.policy.returns_by_itself(server) for server in servers):
        return f"{words}, until it is restored (failback: automatic)"
    return words


def _with(study: Study, rule: str, value: str) -> Study:
    """The study with a rule on every role or unit."""
    site = study.site
    changes: dict[str, Any] = {rule: value}
    if rule in _OF_UNITS:
        site = replace(site, units={name: replace(unit, **changes) for name, unit in site.units.items()})
    else:
        site = replace(site, roles={name: replace(role, **changes) for name, role in site.roles.items()})
    return with_site(study, site)


def rule_effects(
    study: StudyLike, services: Sequence[str] | None = None, organisation: Organisation | None = None
) -> pd.DataFrame:
    """Compute what each rule of takeovers that no source states changes.

    Parameters
    ----------
    study : Study
    services : sequence of str, optional
        Services of the whole site; by default all of them.
    organisation : Organisation, optional
        Who acts, for the figures with takeovers as modelled; by default as `Organisation` says.

    Returns
    -------
    pandas.DataFrame
        Columns ``rule``, ``value``, ``in_use``, ``service``, ``ideal_min_per_year`` (ideal takeovers,
        exact) and ``modelled_min_per_year``: for each rule the value in use and then every other one, alone changed.
        Empty where no role can move.

    Raises
    ------
    InputError
        If the site has no such service.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> table = rule_effects(study("nearline"), ["file_system"], Organisation(tolerance=1e-8))
    >>> table[table["rule"] == "restart"]["value"].tolist()
    ['out of service', 'in service']
    """
    import pandas as pd

    study = study_of(study)
    from k2rel.measures.dynamic import modelled_and_ideal

    columns = ["rule", "value", "in_use", "service", "ideal_min_per_year", "modelled_min_per_year"]
    wanted = None if services is None else as_names("services", services)

    @cache
    def minutes(changed: Study) -> list[tuple[str, float, float]]:
        table = modelled_and_ideal(changed, organisation)
        names = list(dict.fromkeys(wanted or table.index))
        for name in names:
            if name not in table.index:
                raise InputError(f"{study.site.name} has no service '{name[:60]}'{closest(name, table.index)}")
        return list(table.loc[names, columns[-2:]].itertuples(name=None))

    rows = []
    for rule, values in _keys(study).items():
        used = _in_use(study, rule)
        others = [(value, _with(study, rule, value)) for value in values if (value,) != used]
        for value, changed in [(", ".join(used), study), *others]:
            rows += [(rule, value, changed is study, *figures) for figures in minutes(changed)]
    return framed(pd.DataFrame(rows, columns=columns), solution_of(study, "auto", organisation))


def rules_in_use(study: Study, organisation: Organisation | None = None) -> list[tuple[str, str, str, str, str]]:
    """List the rules that no source states, as rows of the register of assumptions.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> [row[1] for row in rules_in_use(study("L2R")) if row[0] == "rule: loss of a heartbeat alone"]
    ['starts no takeover']
    """
    named = {assumption.name for assumption in study.site.assumptions}
    rows = [
        (f"rule: {rule}", _used_words(study, rule), "ENGINE", (_OF_ROLES | _OF_UNITS)[rule], "")
        for rule in _keys(study)
        if rule not in named
    ]
    if _keys(study) or study.site.suspensions:
        rows += [(f"rule: {name}", value, "ENGINE", reason, "") for name, value, reason in said_of(study.policy)]
    return [*rows, *path_rules(study, organisation or Organisation())]
