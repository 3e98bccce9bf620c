"""The changes that a site suggests."""

from __future__ import annotations

import math

from k2rel.bundled import level_names
from k2rel.columns import counted
from k2rel.design.changes import (
    TEST_H,
    Change,
    at_level,
    parts_not_alone,
    with_clients,
)
from k2rel.design.spares import replaced_types
from k2rel.design.takeovers import takeover_candidates
from k2rel.errors import InputError
from k2rel.measures.availability import service_named
from k2rel.measures.capacity import carried
from k2rel.measures.importance import causes
from k2rel.measures.solution import AS_MODELLED, Solution, StudyLike, solution_of
from k2rel.organisation import Organisation
from k2rel.rates import site_laws
from k2rel.rates.entry import CONTRACTS
from k2rel.studies import Study
from k2rel.units import format_duration

__all__ = ["candidate_changes"]

_TITLES = {"4h": "four-hour repair contract", "onsite": "spares and technician on site"}
_PARTS = 8
_FREQUENT = 6


def candidate_changes(
    study: StudyLike, service: str | None = None, organisation: Organisation | None = None, *, method: str = "auto"
) -> list[Change]:
    """List the changes that a site suggests, for the downtime of a service.

    Parameters
    ----------
    study, organisation, method
        As for `availability`: whose causes are looked at.
    service : str, optional
        The service; by default the principal traffic.

    Returns
    -------
    list of Change
        Faster repair contracts; for each type among the eight largest causes and the six
        parts that fail most often its spares and a technician on site; for
        each such part a second one beside it; a further link beside those that join the two sides; a weekly test of
        what is tested less often; one client fewer on each connection; of each role that moves drills every quarter,
        losses noticed and the role given back in half the time, and another attempt after a failed takeover, where
        the file says that takeovers become unready, take so long, or leave more than an operator's work; servers that
        return by themselves; for a bundled level every other level with a site-wide service of that name that carries
        the same clients with nothing failed.

    Raises
    ------
    InputError
        If there is no such service.

    Examples
    --------
    >>> sorted({change.kind for change in candidate_changes("L2R")})
    ['clients', 'contract', 'duplicate', 'level', 'return', 'stock', 'test']
    """
    solution = solution_of(study, method, organisation)
    study = solution.study
    name = service_named(study, service).name
    site = study.site
    result = [
        Change(f"{_TITLES[contract]} for everything", "contract", contract, len(site.components))
        for contract in reversed(CONTRACTS[: CONTRACTS.index(study.laws.contract)])
    ]
    result += _for_causes(solution, name)
    done = {change.what for change in result if change.kind == "duplicate"}
    across = _cross_link(study)
    if across and across not in done:
        switches = all("switch" in site.components[end].type for end in site.components[across].between or ())
        title = "a further inter-switch link" if switches else f"a second {across.replace('_', ' ')} beside the first"
        result.append(Change(title, "duplicate", across))
    result += _tests(study)
    result += _fewer_clients(study)
    if solution.takeovers == AS_MODELLED:
        result += [Change(title, kind, role) for title, kind, role in takeover_candidates(study)]
    waits = not all(study.policy.returns_by_itself(server) for server in study.policy.redundant_servers)
    if waits and solution.takeovers == AS_MODELLED:
        result.append(Change("servers return to service by themselves, within a minute", "return", "all"))
    return result + _other_levels(study, name)


def _cross_link(study: Study) -> str:
    """The first link between the two sides whose failures are seen at once; empty where there is none."""
    site, alone = study.site, parts_not_alone(study.site)
    ends = {name: part.side for name, part in site.components.items()}
    for key, part in site.components.items():
        if part.between is None or study.laws.shared[key].test_interval_h:
            continue
        sides = {ends.get(end) for end in part.between} - {None}
        if len(sides) > 1 and key not in alone:
            return key
    return ""


def _for_causes(solution: Solution, service: str) -> list[Change]:
    """Spares, and a second part, for what causes most."""
    table, study = causes(solution, service), solution.study
    parts = [str(part) for part in table.index[(table["share_of_downtime"] > 1e-4).to_numpy()][:_PARTS]]
    # each failure of these moves a role, or could: what takeovers cost does not show in the static figures
    single = [str(part) for part in table.index if part in study.site.components]
    frequent = sorted(single, key=lambda part: -study.law(part).frequency_per_h)[:_FREQUENT]
    parts += [part for part in frequent if part not in parts]
    site = study.site
    own = {f"each client's {key}": key for key in site.client_parts}
    alone, replaced = parts_not_alone(site), replaced_types(study)
    laws, faster = dict(study.laws.used()), dict(site_laws(site, "onsite", study.rates).used())
    result, seen = [], set()
    for part in parts:
        key = own.get(part, part)
        raid = site.raid_sets.get(key)
        component = site.described.get(raid.drives[0] if raid else key)
        if component is None:  # a common cause: no part that is bought
            continue
        kind = component.type
        alike = [name for name, other in site.described.items() if other.type == kind]
        if kind not in seen and any(faster[name].mttr_h < laws[name].single.mttr_h for name in alike):
            title = f"spare {kind.replace('_', ' ')} and technician on site"
            result.append(Change(title, "stock", kind, len(alike)))
        seen.add(kind)
        if raid is None and key not in alone:
            mine = part in own
            title = f"{part} doubled" if mine else f"a second {part.replace('_', ' ')} beside the first"
            if kind not in replaced:  # software
                title = f"an independent second copy of {part.replace('_', ' ')}"
            result.append(Change(title, "duplicate", key, site.count_of(part) if mine else 1))
    return result


def _tests(study: Study) -> list[Change]:
    """A weekly test for each type with hidden failures that is tested less often."""
    longest: dict[str, float] = {}
    count: dict[str, int] = {}
    for name, law in study.laws.shared.items():
        test_h = law.single.test_interval_h
        if test_h > TEST_H:
            kind = study.site.components[name].type
            longest[kind] = max(test_h, longest.get(kind, 0.0))
            count[kind] = count.get(kind, 0) + 1
    return [
        Change(f"{kind.replace('_', ' ')} tested every week, not every {_each(hours)}", "test", kind,
               count[kind])
        for kind, hours in longest.items()
    ]  # fmt: skip


def _fewer_clients(study: Study) -> list[Change]:
    """One client fewer on each connection, where connections have more than one."""
    site = study.site
    deal = math.lcm(*(len(entries) for entries in site.subscriptions.values()))
    if site.kinds or site.client_count <= deal or not _as_in_file(study):
        return []
    fewer = deal * (-(-site.client_count // deal) - 1)
    title = f"{counted(fewer, 'client')} instead of {site.client_count}, one fewer on each connection"
    return [Change(title, "clients", str(fewer), site.client_count - fewer)]


def _other_levels(study: Study, service: str) -> list[Change]:
    site = study.site
    if site.name not in level_names() or site.changed or site.variant or site.common_cause:
        return []
    result = []
    for level in level_names():
        if level == site.name:
            continue
        try:
            other = at_level(study, level)
            service_named(other, service)
        except InputError:
            continue
        if not carried(other, {}, 1)[0]:  # no cure for a site that is to serve these clients
            continue
        result.append(Change(f"{other.site.title} instead", "level", level))
    return result


def _as_in_file(study: Study) -> bool:
    """Whether a study is what its file and settings say, so that it can be read anew with other clients."""
    site = study.site
    if site.origin is None:
        return False
    fresh = with_clients(study, site.client_count)
    return fresh.laws.shared == study.laws.shared and fresh.laws.client == study.laws.client


def _each(hours: float) -> str:
    """What follows 'every': a time of one unit goes without its number."""
    words = format_duration(hours)
    return words[2:].removesuffix("s") if words.startswith("1 ") else words
