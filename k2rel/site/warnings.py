"""What a valid site file says that the model does not do, or does otherwise than its writer may think.

Nothing here changes a number: each warning names the entry, what the model makes of it, and what to write instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import k2rel.site.document as doc
from k2rel.errors import Problem
from k2rel.intervals import MOST_TESTS, number_in_common
from k2rel.site.formats import order_by_side
from k2rel.site.given import GivenLaw
from k2rel.site.model import Path, Site, Traffic
from k2rel.site.needs import cannot_do_without
from k2rel.site.source import KeyPath, YamlSource
from k2rel.site.stages import AtLeast, named, names_in, role_in, subscription_in
from k2rel.site.takeover_warnings import of_takeovers
from k2rel.units import HOURS_PER_YEAR

__all__ = ["warnings_of"]

Finding = tuple[KeyPath, str]

_FEW_ALIKE = 3


def warnings_of(source: YamlSource, document: doc.SiteDocument, site: Site) -> tuple[Problem, ...]:
    """List what a site file says without effect, or with another effect than it seems to have.

    Examples
    --------
    >>> from k2rel.site import read_site  # which calls this
    >>> read_site("L2R").warnings
    ()
    """
    used = _Uses(site)
    found = [
        *_without_load(document, site, used),
        *_without_effect(document, site, used),
        *_unused_types(document, site),
        *_asked_by_side(document, site),
        *_holders(site),
        *_not_watched(document, site),
        *of_takeovers(document, site),
        *_alike_paths(document, site),
        *_without_path(site),
        *_drifting_tests(site),
    ]
    problems = [source.problem(path, message) for path, message in found]
    return tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.key or "")))


class _Uses:
    """Where names of a site stand."""

    def __init__(self, site: Site) -> None:
        via = {name for entry in site.traffic.values() for path in entry.paths for name in named(path.via)}
        ends = {end for part in site.client_parts.values() for end in part.between or ()}
        prefer = {entry.prefer for entry in site.traffic.values()}
        needs = {name for part in site.client_parts.values() for name in named(part.needs)}
        self.subscriptions = set(map(subscription_in, via | needs | ends | prefer))
        self.on_paths = _with_dealt(site, via)
        self.loaded = _crossed(site, self.on_paths)
        holders = [holder for role in site.roles.values() for holder in role.holders]
        self.units = {unit for holder in holders for unit in holder.units}
        units = [site.units[name] for name in self.units]
        self.roles = {
            *(role for entry in site.traffic.values() for role in entry.requires),
            *(role for entry in site.traffic.values() for path in entry.paths for role, _ in path.when),
            *map(role_in, prefer),
        }
        self.anywhere = {
            *self.on_paths,
            *_with_dealt(site, needs),
            *(name for part in site.components.values() for name in named(part.needs)),
            *(name for holder in holders for name in named(holder.needs)),
            *(holder.on for holder in holders if holder.on is not None),
            *(name for unit in units for name in (*unit.triggers, unit.server)),
            *(name for unit in units for need in unit.needed for name in named(need.stages)),
            *(name for unit in units for name in unit.takes_down),
            *(name for holder in holders for name in named(holder.takeover_needs)),
            *(name for holder in holders if holder.quorum is not None for name in names_in(holder.quorum)),
            *(name for one in site.suspensions for name in (*one.lost, *one.works)),
        }


def _with_dealt(site: Site, names: Iterable[str]) -> set[str]:
    """Names, and what the subscriptions among them deal."""
    dealt = [(name, subscription_in(name)) for name in names]
    return {one for name, by in dealt for one in ((name,) if by is None else (name, *site.subscriptions[by]))}


def _crossed(site: Site, on_paths: Iterable[str]) -> set[str]:
    """Parts that load falls on: those on paths, and what carries for a part that it falls on."""
    found: set[str] = set()
    todo = list(on_paths)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        if (part := site.described.get(name)) is not None:
            behind = _with_dealt(site, named(part.needs))
            todo += [one for one in behind if one in site.components and site.components[one].carries]
    return found


def _part_path(site: Site, name: str) -> KeyPath:
    if name in site.raid_sets:
        return ("raid_sets", name)
    return (site.components[name].section, name)


def _without_load(document: doc.SiteDocument, site: Site, used: _Uses) -> Iterator[Finding]:
    """Capacities that no load meets."""
    for name in (*document.components, *document.links):
        if site.components[name].carries and name not in used.loaded:
            yield (
                (*_part_path(site, name), "carries"),
                "nothing that needs this part is crossed by a path, so it carries no load; name it in 'via', or in "
                "'needs' of a part that is crossed",
            )
        elif site.components[name].capacity_mb_s is not None and name not in used.loaded:
            yield (
                (*_part_path(site, name), "capacity"),
                "no path names this part, so no load is counted on it and its capacity limits nothing; name it in "
                "'via' of the paths that cross it, or write 'carries: true' where what it feeds is crossed",
            )
    for kind, entry in document.types.items():
        for key in ("capacity", "external"):
            if getattr(entry, key) is not None:
                yield ("types", kind, key), f"'{key}' of a type has no effect; write it at each part of the type"


def _without_effect(document: doc.SiteDocument, site: Site, used: _Uses) -> Iterator[Finding]:
    """Entries whose failures, or which themselves, change nothing."""
    for name in (*document.components, *document.links, *document.raid_sets):
        if name not in used.anywhere and not (name in site.components and site.components[name].external):
            yield (
                _part_path(site, name),
                "no path, need, trigger or holder names this part, so its failures change no service; name it where it "
                "is needed",
            )
    for name in site.client_parts:
        if name not in used.anywhere and not site.client_parts[name].external:
            yield (
                ("clients", "parts", name),
                "no path names this part of the clients, so its failures change no service; name it in 'via'",
            )
    for name, flow in site.traffic.items():
        if flow.failover_h and len(flow.paths) == 1:
            yield ("traffic", name, "path_failover"), "there is one path only, which cannot change, so it has no effect"
    for name in site.subscriptions:
        if name not in used.subscriptions:
            kind = next(iter(document.clients.lists[name]))
            where = ("clients", "kinds", kind, name) if kind else ("clients", "subscriptions", name)
            yield where, f"nothing names '@{name}', so it has no effect"
    for name in site.units:
        if name not in used.units:
            yield (
                ("units", name),
                "no holder of a role names this unit, so a failure of its triggers moves no role; name it in 'units' "
                "of a "
                "holder",
            )
    for name, role in site.roles.items():
        if not role.is_service and name not in used.roles:
            yield (
                ("roles", name),
                "no traffic class requires or follows this role and it needs nothing, so it has no effect",
            )


def _unused_types(document: doc.SiteDocument, site: Site) -> Iterator[Finding]:
    present = {part.type for part in site.parts()}
    for kind in document.types:
        if kind not in present:
            yield ("types", kind), "no part is of this type, so its failure data are not used"


def _listed(document: doc.SiteDocument, site: Site, role: str) -> list[int]:
    """Where the file lists each holder of a role; format 1 asks them in another order."""
    sides = [holder.side for holder in document.roles[role].holders]
    return order_by_side(sides, site.sides) if document.format == 1 else list(range(len(sides)))


def _asked_by_side(document: doc.SiteDocument, site: Site) -> Iterator[Finding]:
    """Holders that format 1 asks in another order than listed."""
    for name, role in site.roles.items():
        if _listed(document, site, name) != list(range(len(role.holders))):
            asked = ", ".join(_called(holder.on, holder.side) for holder in role.holders)
            yield (
                ("roles", name, "holders"),
                f"format 1 tries holders in the order of the sides, whatever the list states: the order is {asked}; "
                "list "
                "them so, or write 'format: 2', in which they are tried as listed",
            )


def _holders(site: Site) -> Iterator[Finding]:
    """Holders that what follows a role does not tell apart, as it knows their side alone."""
    for name, role in site.roles.items():
        sides = [holder.side for holder in role.holders]
        follows = {
            place for entry in site.traffic.values() for path in entry.paths for of, place in path.when if of == name
        }
        if any(role_in(entry.prefer) == name for entry in site.traffic.values()):
            follows |= set(sides)
        twice = next((side for side in sides if sides.count(side) > 1), None)
        names = {holder.name for holder in role.holders}
        told = None not in names or (follows and follows <= names)
        if twice is not None and (follows or len(site.sides) > 1) and not told:
            who = " and ".join(_called(holder.on, twice) for holder in role.holders if holder.side == twice)
            yield (
                ("roles", name, "holders"),
                f"{who} are both on side '{twice}', and what follows a role (preferred paths, 'when', the load of a "
                "side) knows its side only, so nothing follows it from one of them to the other; give each holder a "
                "name for 'when' (format 2), or a side of its own",
            )


def _called(on: str | None, side: str) -> str:
    return f"{on} ({side})" if on is not None else f"the one on {side}"


def _not_watched(document: doc.SiteDocument, site: Site) -> Iterator[Finding]:
    """Needs of a holder alone whose loss ends the role while nothing makes it move."""
    for name, role in site.movable.items():
        listed = _listed(document, site, name)
        needs = [set(named(holder.needs)) for holder in role.holders]
        for place, holder in enumerate(role.holders):
            elsewhere = set.union(*(other for n, other in enumerate(needs) if n != place))
            watched = {trigger for unit in holder.units for trigger in site.units[unit].triggers}
            # alone: the loss of one member of a redundant stage does not end the role
            alone = {name for stage in holder.needs for name in ([stage] if isinstance(stage, str) else _all_of(stage))}
            missing = sorted(alone - elsewhere - cannot_do_without(watched, site.components)) if holder.units else []
            if missing:
                yield (
                    ("roles", name, "holders", listed[place], "needs"),
                    f"the role needs {', '.join(missing)} here, which no unit of this holder has among its triggers: "
                    "when it fails the role is down and does not move; add it to the triggers",
                )


def _all_of(stage: AtLeast) -> tuple[str, ...]:
    """Members of a stage none of which can be missing; none of a redundant one."""
    return names_in(stage) if stage.k == len(stage.of) else ()


def _alike_paths(document: doc.SiteDocument, site: Site) -> Iterator[Finding]:
    """Paths that could share the load, of which the model takes the first alone."""
    for name, traffic in site.traffic.items():
        entry = document.traffic[name]
        meant = traffic.prefer == "listed" and "prefer" in entry.model_fields_set
        if traffic.demand_mb_s == 0 or meant or traffic.share != "first":
            continue
        or_else = "; if the first is meant to carry all, write 'prefer: listed'" if traffic.prefer == "listed" else ""
        groups: dict[object, list[int]] = {}
        alike: list[list[int]] = []
        for index, path in enumerate(traffic.paths):
            # in groups of their own paths are for when those before them are gone; of disjoint kinds never alternatives
            groups.setdefault((entry.paths[index].group, path.kinds, _kind(site, traffic, path)), []).append(index)
        for places in groups.values():
            first, *others = places
            others = [n for n in others if not _shared_by_clients(site, traffic.paths[first], traffic.paths[n])]
            alike += [[first, *others]] if others else []
        more = alike[1:] if len(alike) > _FEW_ALIKE else []
        so = f"; the same goes for the {_some([first for first, *_ in more])} and those like them" if more else ""
        for first, *others in alike[:1] if more else alike:
            of_side = "" if traffic.prefer == "listed" else f" of side '{traffic.paths[first].side}'"
            few = f"the {_some(others)} {'is' if len(others) == 1 else 'are'}"
            yield (
                ("traffic", name, "paths", first),
                f"it carries all the load{of_side} while it is up, although {few} equivalent; to share "
                "the load write 'share: equal' (format 2), or assign the parts to clients by a subscription"
                + or_else
                + so,
            )


def _some(places: list[int]) -> str:
    """Paths by their places in the list, counted from 1 as people do."""
    *shown, last = [_ordinal(place + 1) for place in (places if len(places) <= 8 else places[:3])]
    if len(places) > 8:
        return f"{', '.join([*shown, last])} path and {len(places) - 3} more"
    return f"{', '.join(shown)} and {last} path" if shown else f"{last} path"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _without_path(site: Site) -> Iterator[Finding]:
    """Classes that have no path while nothing has failed and every role is at its first holder."""
    for name, traffic in site.traffic.items():
        kept = [path for path in traffic.paths if traffic.prefer != "home only" or path.side == site.sides[0]]
        first = {role: entry.holders[0] for role, entry in site.roles.items() if entry.holders}
        ready = [
            all(place in (first[role].side, first[role].name) for role, place in path.when if role in first)
            for path in kept
        ]
        if not any(ready):
            asked = dict.fromkeys(role for path in kept for role, _ in path.when if role in first)
            at = " and ".join(f"{role} is at {first[role].name or first[role].side}" for role in asked)
            where = at or f"only paths of side '{site.sides[0]}' count (prefer: home only)"
            yield (
                ("traffic", name, "paths"),
                f"with nothing failed {where}, and no path applies then, so {name} is down; add one that does",
            )


def _kind(site: Site, traffic: Traffic, path: Path) -> object:
    """What makes paths alike: the kinds of parts in their order; on one side where the file prefers a side."""

    def kind(name: str) -> str:
        if (subscription := subscription_in(name)) is not None:
            name = site.subscriptions[subscription][0]
        if name in site.raid_sets:
            return f"RAID {site.raid_sets[name].level}"
        return site.described[name].type

    kinds = tuple(
        (stage.k, *(tuple(map(kind, branch)) for branch in stage.of))
        if isinstance(stage, AtLeast)
        else (1, kind(stage))
        for stage in path.via
    )
    where = () if traffic.prefer == "listed" else (path.side, path.carried_by)
    return kinds, path.when, where


def _shared_by_clients(site: Site, first: Path, other: Path) -> bool:
    """Whether clients are dealt over all in which two paths differ, so that the first is not one path for all."""
    stages = [stage for stage, instead in zip(first.via, other.via, strict=True) if stage != instead]
    shared = [stage for stage in stages if stage not in site.client_parts]
    lists = [subscription_in(stage) if isinstance(stage, str) else None for stage in shared]
    return bool(shared) and all(name is not None and len(set(site.subscriptions[name])) > 1 for name in lists)


def _drifting_tests(site: Site) -> Iterator[Finding]:
    """Intervals that are nearly the same: their tests stay near each other for long, and count as independent."""
    tested: dict[float, str] = {}
    for name, part in (*site.components.items(), *site.client_parts.items()):
        given = part.law.over(site.types.get(part.type, GivenLaw()))
        if given.test_interval_h and given.tested != "independently":
            tested.setdefault(given.test_interval_h, name)
    for (one, first), (other, second) in itertools.combinations(sorted(tested.items()), 2):
        if other <= 1.1 * one and number_in_common((one, other)) > MOST_TESTS:
            years = one * other / (other - one) / HOURS_PER_YEAR
            where = ("clients", "parts", second) if second in site.client_parts else _part_path(site, second)
            yield (
                where,
                f"it is tested every {other:g} h and {first} every {one:g} h: their test days coincide again only "
                f"after {years:.3g} years, and their tests are treated as independent; give both the same "
                "test_interval if they are tested together",
            )
