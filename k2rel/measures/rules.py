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
from k2rel.measures.solution import framed, solution_of
from k2rel.organisation import Organisation
from k2rel.site.roles import Role, Unit
from k2rel.studies import Study, StudyLike, study_of, with_site

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["rule_effects", "rules_in_use"]

_OF_ROLES = {
    "unable_backup": "a backup without lost triggers that lacks what the role needs, as the storage of both sides",
    "recovered_backup": "a backup that is ready again while the server with the role works but is out of service",
    "restart": "how a server comes back that was down with the role while nobody took it over",
    "operator_places": "holder that an operator chooses after a failed takeover, of those that are equally good",
    "operator_moves": "when an operator places a role by hand",
}
_OF_UNITS = {
    "shuts_down": "a server shuts down in a takeover when its own unit's loss was noticed, or whenever it has one"
}

# what the policy does beside its keys, and in which direction it errs
_SAID = (
    ("detection", "a loss is noticed at once", "the time until a heartbeat is missed belongs to the switchover"),
    ("switchover", "all that requires or prefers a role is interrupted while it is on its way", "no holder has it"),
    (
        "several roles",
        "the smallest coverage and the longest switchover count; a role that starts meanwhile arrives with the others",
        "one takeover is one event",
    ),
    (
        "coverage",
        "that of the parts whose own failure is behind a lost trigger that was noticed; of several the smallest",
        "one number where the site file does not tell what failed apart",
    ),
    ("arrival", "", "a failure during the switchover is rare"),
    (
        "failed takeover",
        "is not tried again and the former holder stays down; only an operator ends it, a repair does not",
        "errs towards longer outages where a cluster retries",
    ),
    (
        "loss of a heartbeat alone",
        "starts no takeover",
        "leaves out spurious takeovers and two servers that are both active",
    ),
    ("planned moves", "failback and maintenance never fail and shut nothing down", "errs towards shorter outages"),
    ("operators", "act on servers and roles at the same time, not one after another", "errs towards shorter outages"),
    (
        "maintenance",
        "begins only while all is in service, and the server returns without an operator",
        "errs towards shorter outages",
    ),
    (
        "times",
        "switchover and operator action exponential",
        "the simulation takes other laws from a file of circumstances",
    ),
)


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
        return f"{words}, until it is good again (failback: automatic)"
    return words


def _arrival(study: Study) -> str:
    """Where a role on its way arrives, by what a takeover asks of the backup."""
    able = [name for name in study.site.movable if study.policy.takes_able(name)]
    which = "" if len(able) == len(study.site.movable) else f" of {', '.join(able)}"
    other = f", else at the first that is able (backup{which}: able)" if able else ""
    return (
        f"at the first holder that is ready then, in the order of the file{other}; without one the takeover has failed"
    )


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
        Who acts, for the figures with roles that stick; by default as `Organisation` says.

    Returns
    -------
    pandas.DataFrame
        Columns ``rule``, ``value``, ``in_use``, ``service``, ``preferred_min_per_year`` (roles at the preferred side,
        exact) and ``sticky_min_per_year``: for each rule the value in use and then every other one, alone changed.
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
    from k2rel.measures.dynamic import sticky_and_preferred

    columns = ["rule", "value", "in_use", "service", "preferred_min_per_year", "sticky_min_per_year"]
    wanted = None if services is None else as_names("services", services)

    @cache
    def minutes(changed: Study) -> list[tuple[str, float, float]]:
        table = sticky_and_preferred(changed, organisation)
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
    if _keys(study):
        rows += [(f"rule: {name}", value or _arrival(study), "ENGINE", reason, "") for name, value, reason in _SAID]
    return [*rows, *path_rules(study, organisation or Organisation())]
