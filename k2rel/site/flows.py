"""Traffic classes with their paths: from well-formed entries to records, with every check of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import k2rel.site.document as doc
from k2rel.site.checks import Checks, stages_of
from k2rel.site.formats import yielding
from k2rel.site.model import Path, Site, Traffic
from k2rel.site.names import spoken
from k2rel.site.roles import Role
from k2rel.site.service_names import is_derived
from k2rel.site.source import KeyPath
from k2rel.site.stages import AtLeast, Stage, named, names_in, role_in, subscription_in
from k2rel.site.wiring import broken_step, resolved
from k2rel.units import MB_S, unknown_unit

__all__: list[str] = []

_MOST_GROUPS = 512  # of clients, whose paths are checked each


def traffic_of(checks: Checks, roles: Mapping[str, Role]) -> dict[str, Traffic]:
    """Make the traffic classes of a file, and note what is wrong with each."""
    behind = yielding(checks.document) if checks.document.format == 1 else frozenset()
    return {
        key: _traffic(checks, key, entry, roles, yields=key in behind) for key, entry in checks.document.traffic.items()
    }


def _traffic(checks: Checks, key: str, entry: doc.TrafficEntry, roles: Mapping[str, Role], *, yields: bool) -> Traffic:
    where: KeyPath = ("traffic", key)
    _check_class(checks, where, entry, roles)
    groups = _groups(checks, where, entry)
    paths = tuple(
        _path(checks, (*where, "paths", index), item, entry, roles, group)
        for index, (item, group) in enumerate(zip(entry.paths, groups, strict=True))
    )
    starts = (name for item in paths for stage in item.via for name in names_in(stage))
    if entry.scope == "client" and checks.own.isdisjoint(starts):
        checks.report((*where, "paths"), "no path starts at a client; use 'scope: site' for a site-wide flow")
    if entry.scope == "site" and entry.share == "all":
        _check_receiver(checks, where, paths)
    failover = entry.path_failover
    return Traffic(
        id=key,
        title=entry.title or spoken(key),
        scope=entry.scope,
        demand_mb_s=_demand(checks, where, entry),
        unit=entry.unit or MB_S,
        requires=entry.requires,
        prefer=entry.prefer,
        detects=entry.detects,
        paths=paths,
        share=entry.share,
        priority="background" if yields else entry.priority,
        failover_h=failover.time if failover else 0.0,
        failover_coverage=failover.coverage if failover else 1.0,
        uses=(
            *checks.uses(where, demand="demand_mb_s"),
            *checks.uses((*where, "path_failover"), time="failover_h", coverage="failover_coverage"),
        ),
    )


def _demand(checks: Checks, where: KeyPath, entry: doc.TrafficEntry) -> float:
    """The demand in the unit of the class."""
    value, said = entry.demand
    if said not in ("", entry.unit or MB_S):
        known = f"is in {said}, and the class is in {entry.unit}; give the demand in {entry.unit}"
        checks.report((*where, "demand"), known if entry.unit else unknown_unit(said))
    return value


def _check_class(checks: Checks, where: KeyPath, entry: doc.TrafficEntry, roles: Mapping[str, Role]) -> None:
    """Check what a class says of all its paths."""
    for index, role in enumerate(entry.requires):
        checks.known(role, roles, (*where, "requires", index), "role")
    if (leading := role_in(entry.prefer)) is not None:
        checks.known(leading, roles, (*where, "prefer"), "role")
    subscription = subscription_in(entry.prefer)
    if subscription is not None:
        checks.subscription(subscription, (*where, "prefer"), checks.sides, "side to prefer")
    if entry.scope == "site":
        if subscription is not None:
            checks.report((*where, "prefer"), "a site-wide flow subscribes to nothing")
        if entry.detects == "port":
            checks.report((*where, "detects"), "a site-wide flow has no port of its own; use 'path'")
        if entry.path_failover is not None:
            checks.report(
                (*where, "path_failover"),
                "is what a client loses when its own path changes, and a site-wide flow belongs to no client; leave "
                "it out",
            )
    elif entry.detects == "port" and (entry.share != "first" or any(path.group is not None for path in entry.paths)):
        checks.report(
            (*where, "detects"),
            "'port' goes with 'share: first' and no groups only: a team of ports uses one path at a time",
        )


def _groups(checks: Checks, where: KeyPath, entry: doc.TrafficEntry) -> list[int]:
    """Give the group of each path; numbers go from 1 on without gaps."""
    given = [path.group for path in entry.paths]
    if entry.share == "first" and None in given:
        if any(group is not None for group in given):
            checks.report(
                (*where, "paths", given.index(None)),
                "has no group though other paths of this class have one; give each path a group, or none of them",
            )
        groups = list(range(1, len(given) + 1))
    else:
        groups = [group or 1 for group in given]
    known = set(groups)
    missing = next((n for n in range(1, max(groups)) if n not in known), None)
    if missing is not None:
        index = next(n for n, group in enumerate(groups) if group > missing)
        checks.report(
            (*where, "paths", index, "group"),
            f"group {missing} has no path, though group {groups[index]} has; number the groups from 1 on without gaps",
        )
    _check_weights(checks, where, entry, groups)
    return groups


def _check_weights(checks: Checks, where: KeyPath, entry: doc.TrafficEntry, groups: list[int]) -> None:
    for index, path in enumerate(entry.paths):
        if path.weight is not None and entry.share != "weighted":
            checks.report(
                (*where, "paths", index, "weight"),
                f"weights divide the demand with 'share: weighted' only, and this class has 'share: {entry.share}'",
            )
    for group in sorted(set(groups)) if entry.share == "weighted" else ():
        of_group = [index for index, number in enumerate(groups) if number == group]
        if all(entry.paths[index].weight == 0 for index in of_group):
            checks.report(
                (*where, "paths", of_group[0], "weight"),
                f"the weights of group {group} are all 0, so no path would carry anything; give one a weight above 0",
            )


def _path(
    checks: Checks, where: KeyPath, item: doc.PathEntry, entry: doc.TrafficEntry, roles: Mapping[str, Role], group: int
) -> Path:
    carried_by = item.carried_by or item.side
    checks.known(item.side, checks.sides, (*where, "side"), "side")
    checks.known(carried_by, checks.sides, (*where, "carried_by"), "side")
    for role, place in item.when.items():
        if checks.known(role, roles, (*where, "when", role), "role"):
            holders = roles[role].holders
            places = {holder.side for holder in holders} | {holder.name for holder in holders if holder.name}
            called = "on side, or of the name," if any(holder.name for holder in holders) else "on side"
            checks.known(place, places, (*where, "when", role), f"holder of '{role}' {called}")
    via = stages_of(item.via)
    kinds = item.kinds if entry.scope == "client" else ()
    for number, stage in enumerate(via):
        checks.stage(stage, (*where, "via", number), of_client=entry.scope == "client")
    weight = 1.0 if item.weight is None else item.weight
    return Path(item.side, carried_by, tuple(item.when.items()), via, group, weight, kinds)


def _check_receiver(checks: Checks, where: KeyPath, paths: tuple[Path, ...]) -> None:
    """A flow that runs over all paths at once is received where they end; a client's at the client."""
    ends = [path.via[-1] for path in paths]
    for index, end in enumerate(ends):
        if isinstance(end, AtLeast):
            checks.report(
                (*where, "paths", index),
                "with 'share: all' a site-wide flow needs one receiver, and this path ends at several parts; let all "
                "paths end at one part",
            )
        elif end != ends[0] and isinstance(ends[0], str):
            checks.report(
                (*where, "paths", index),
                f"with 'share: all' a site-wide flow needs one receiver, and this path ends at '{end}', the first at "
                f"'{ends[0]}'; let all paths end at one part",
            )


def check_services(checks: Checks, traffic: Mapping[str, Traffic], roles: Mapping[str, Role]) -> None:
    """Every class and every role with needs is a service; each service has one name."""
    if not any(entry.scope == "client" for entry in traffic.values()):
        checks.report(("traffic",), "at least one class needs 'scope: client': the traffic that the site is for")
    if all(entry.priority == "background" for entry in traffic.values()):
        key = next(iter(traffic))
        checks.report(
            ("traffic", key, "priority"),
            "every class is in the background; at least one has to be in the foreground",
        )
    for key in dict.fromkeys((*traffic, *roles)):
        where: KeyPath = ("traffic" if key in traffic else "roles", key)
        if key in traffic and key in roles:
            checks.report(("roles", key), "a traffic class has this name too; each service needs a name of its own")
        elif is_derived(key, traffic):
            checks.report(where, "this name is reserved for a service that k2rel derives; choose another")


def full_service(checks: Checks, traffic: Mapping[str, Traffic]) -> tuple[str, ...] | None:
    """Which classes full service asks for, as the record has it: classes in the foreground that put a load on parts."""
    named = checks.document.full_service
    if named is None:
        return None
    for index, name in enumerate(named):
        where: KeyPath = ("full_service", index)
        if name in named[:index]:
            checks.report(where, f"names '{name}' twice")
        elif checks.known(name, traffic, where, "traffic class"):
            if not traffic[name].demand_mb_s:
                checks.report(where, f"'{name}' has no demand, so it puts no load on anything; leave it out")
            elif traffic[name].priority == "background":
                checks.report(
                    where, f"'{name}' is in the background, which yields; leave it out, or remove its priority"
                )
    if checks.document.format == 2:
        return tuple(name for name in traffic if name in named)
    # of format 1, where the classes that are not named yield instead
    principal = next((key for key, entry in traffic.items() if entry.scope == "client"), None)
    if principal is not None and principal not in named:
        checks.report(("full_service",), f"must name '{principal}', the traffic that the site is for")
    return None


def check_paths(checks: Checks, site: Site) -> None:
    """Every two neighbours on a path must be joined by wiring, for every group of clients."""
    if not site.kinds:  # what is dealt is checked though clients are too few for it
        dealt = math.lcm(*(len(entries) for entries in site.subscriptions.values()))
        site = replace(site, client_count=max(site.client_count, min(dealt, _MOST_GROUPS)))
    for key, traffic in site.traffic.items():
        place = {id(path): index for index, path in enumerate(traffic.paths)}
        seen: set[object] = set()
        for group in range(site.group_count if traffic.scope == "client" else 1):
            for path in site.paths_of(key, group):
                asked = (id(path), *_dealt_on(site, path.via, group))
                if asked in seen:
                    continue
                seen.add(asked)
                if (found := next(_wrong(site, path, group), None)) is not None:
                    number, message = found
                    checks.report(("traffic", key, "paths", place[id(path)], "via", number), message)
                    seen.update((id(path), *_dealt_on(site, path.via, other)) for other in range(site.group_count))
    for key, part in site.client_parts.items():
        for number, need in enumerate(part.needs):
            groups = [group for group in range(site.group_count) if key in site.parts_of(group)]
            if isinstance(need, AtLeast) and (
                twice := next((one for group in groups for one in _one_for_two(site, need, group)), None)
            ):
                checks.report(("clients", "parts", key, "needs", number), twice)


def _dealt_on(site: Site, stages: Iterable[Stage], group: int) -> tuple[str | None, ...]:
    """What the clients of a group get for the subscriptions that stages, and the ends of parts on them, name."""
    own = (end for name in named(stages) if name in site.client_parts for end in site.client_parts[name].between or ())
    dealt = (subscription_in(name) for name in (*named(stages), *own))
    return tuple(site.groups[group].subscriptions.get(name) for name in dealt if name is not None)


def _wrong(site: Site, path: Path, group: int) -> Iterator[tuple[int, str]]:
    """What is wrong with a path for the clients of one group, by its stage."""
    broken = broken_step(site, path, group)
    if broken:
        number, first, second = broken
        yield (
            number,
            f"the path does not connect: nothing joins '{first}' and '{second}'; "
            "a link must name both, or one must sit in the other",
        )
    for number, stage in enumerate(path.via):
        if isinstance(stage, AtLeast):
            yield from ((number, message) for message in _one_for_two(site, stage, group))


def _one_for_two(site: Site, stage: Stage, group: int) -> Iterator[str]:
    """Branches that are two in the file and one for some client, by what it subscribes to."""
    branches = resolved(site, stage, group)
    again = next((branch for branch in branches if branches.count(branch) > 1), None)
    if again is not None:
        yield f"two branches are the same for some client, whose subscriptions give [{', '.join(again)}] twice"
