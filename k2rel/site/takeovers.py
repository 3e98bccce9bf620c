"""From entries of takeovers to records: units, roles with their holders, suspensions; every reference checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from k2rel.site.checks import Checks, branches_of, stages_of
from k2rel.site.coverage import DEFAULT, class_problems, class_uses
from k2rel.site.formats import order_by_side
from k2rel.site.model import Component
from k2rel.site.names import spoken
from k2rel.site.needs import cannot_do_without, with_needs
from k2rel.site.roles import ROLE_NUMBERS, Holder, Role, Suspension, TakeoverNeed, Unit
from k2rel.site.source import KeyPath
from k2rel.site.stages import AtLeast, Stage, named
from k2rel.site.takeover_entries import (
    FailedTakeoverEntry,
    FenceEntry,
    HeartbeatEntry,
    HolderEntry,
    QuorumEntry,
    ReadinessEntry,
    RoleEntry,
    SplitBrainEntry,
    UnitEntry,
    VotesEntry,
    failback_of,
)
from k2rel.site.values import Branches
from k2rel.units import HOURS_PER_YEAR

__all__ = ["takeovers_of"]

_RAREST = 100  # years: what is rarer, or longer, never is

Takeovers = tuple[dict[str, Unit], dict[str, Role], tuple[Suspension, ...]]


def takeovers_of(checks: Checks, components: Mapping[str, Component]) -> Takeovers:
    """Make the units, roles and suspensions of a file."""
    file = checks.document
    units = {key: _unit(checks, key, entry, components) for key, entry in file.units.items()}
    roles = {key: _role(checks, key, entry, units, components) for key, entry in file.roles.items()}
    _check_servers(checks, units, roles)
    _check_missing(checks, units, roles)
    return units, roles, _suspensions(checks, components)


def _unit(checks: Checks, key: str, entry: UnitEntry, components: Mapping[str, Component]) -> Unit:
    path: KeyPath = ("units", key)
    checks.known(entry.server, checks.document.components, (*path, "server"), "component")
    for index, trigger in enumerate(entry.triggers):
        checks.known(trigger, checks.shared, (*path, "triggers", index), "component")
    if entry.heartbeat is not None:
        checks.known(entry.heartbeat, checks.shared, (*path, "heartbeat"), "component")
        if entry.heartbeat == entry.server:
            checks.report(
                (*path, "heartbeat"), f"'{entry.server}' cannot report its own failure; name what joins the holders"
            )
    needs = tuple(
        _takeover_need(checks, (*path, "takeover_needs", index), need)
        for index, need in enumerate(entry.takeover_needs)
    )
    for index, need in enumerate(needs):
        where: KeyPath = (*path, "takeover_needs", index, need.kind)
        if need.kind == "heartbeat" and entry.heartbeat is not None:
            checks.report(where, f"the unit has its heartbeat already, '{entry.heartbeat}'; write all of it here")
        if need.kind != "fence" and need.missing == "wait" and entry.server in need.stages:
            message = (
                f"'{entry.server}' has failed itself when its role is to be taken over; name a part that is up then, "
                "such as the link"
            )
            checks.report(where if need.kind == "heartbeat" else where[:-1], f"{message} between the holders")
        if need.kind == "fence":
            stopped = next((n for n in named(need.stages) if entry.server in with_needs([n], components)), None)
            if stopped is not None:
                needs_it = "" if stopped == entry.server else f" needs '{entry.server}', which"
                checks.report(
                    where, f"'{stopped}'{needs_it} is the server that it has to stop; name a part that is up without it"
                )
    return Unit(key, entry.server, entry.triggers, entry.heartbeat, entry.shuts_down, needs, entry.takes_down)


def _takeover_need(checks: Checks, path: KeyPath, entry: str | Branches | HeartbeatEntry | FenceEntry) -> TakeoverNeed:
    if isinstance(entry, HeartbeatEntry):
        stages = _all_of(checks, (*path, "heartbeat"), entry.heartbeat)
        return TakeoverNeed("heartbeat", stages, entry.missing)
    if isinstance(entry, FenceEntry):
        stages = _all_of(checks, (*path, "fence"), entry.fence)
        uses = checks.uses(path, coverage="coverage", time="time_h")
        return TakeoverNeed("fence", stages, entry.missing, entry.coverage, entry.time, uses)
    return TakeoverNeed("need", _all_of(checks, path, entry))


def _all_of(checks: Checks, path: KeyPath, entry: str | Branches | tuple[str | Branches, ...]) -> tuple[Stage, ...]:
    """The stages of an entry: one, or a list of which all must work."""
    several = isinstance(entry, tuple)
    stages = stages_of(entry if isinstance(entry, tuple) else (entry,))
    for index, stage in enumerate(stages):
        checks.stage(stage, (*path, index) if several else path, of_client=False)
    return stages


def _role(
    checks: Checks, key: str, entry: RoleEntry, units: Mapping[str, Unit], components: Mapping[str, Component]
) -> Role:
    path: KeyPath = ("roles", key)
    if not entry.holders:
        checks.report((*path, "holders"), "no one can hold this role; name at least one holder")
    holders = tuple(_holder(checks, (*path, "holders", n), holder, units) for n, holder in enumerate(entry.holders))
    _check_holder_names(checks, (*path, "holders"), entry.holders)
    if checks.document.format == 1:
        holders = tuple(holders[n] for n in order_by_side([h.side for h in holders], checks.sides))
    failback, after = failback_of(entry.failback)
    failed = entry.failed_takeover or FailedTakeoverEntry()
    readiness = entry.readiness or ReadinessEntry()
    split = entry.split_brain or SplitBrainEntry()
    _check_failed(checks, (*path, "failed_takeover"), failed)
    _check_readiness(checks, (*path, "readiness"), readiness)
    _check_split(checks, (*path, "split_brain"), split)
    role = Role(
        key,
        entry.title or spoken(key),
        holders,
        failback,
        entry.backup,
        entry.coverage[DEFAULT],
        entry.switchover,
        entry.unable_backup,
        entry.recovered_backup,
        entry.restart,
        entry.operator_places,
        entry.operator_moves,
        coverage_of=_classes(entry.coverage),
        detection_h=entry.detection[DEFAULT],
        detection_of=_classes(entry.detection),
        failback_after_h=after,
        giveback_h=entry.giveback,
        spurious_per_h=entry.spurious,
        retry_after_h=failed.retry_after,
        retry_coverage=failed.retry_coverage,
        operator_coverage=failed.operator_coverage,
        restoration_h=failed.restoration,
        drift_per_h=readiness.drift,
        drill_every_h=math.inf if readiness.drill is None else readiness.drill,
        drill_h=readiness.takes,
        partition=entry.partition,
        split_serves=split.serves,
        split_mend_h=split.mend,
        split_restore_share=split.restore_probability,
        split_restore_h=split.restore,
        # each once, one coverage for all causes first: the order decides which draws of a seed an input gets
        uses=tuple(
            dict.fromkeys(
                (
                    *checks.uses(path, coverage="coverage"),
                    *(
                        use
                        for key, field in ROLE_NUMBERS.items()
                        for use in class_uses((*path, *key.split(".")), field, checks.inputs)
                    ),
                )
            )
        ),
    )
    for what, of in (("coverage", role.coverage_of), ("detection", role.detection_of)):
        for name, message in class_problems(role, of, units, components, checks.shared):
            checks.report((*path, what, name), message)
    return role


def _classes(by_cause: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple((name, value) for name, value in by_cause.items() if name != DEFAULT)


def _holder(checks: Checks, path: KeyPath, entry: HolderEntry, units: Mapping[str, Unit]) -> Holder:
    checks.known(entry.side, checks.sides, (*path, "side"), "side")
    if entry.on is not None:
        checks.known(entry.on, checks.document.components, (*path, "on"), "component to hold the role")
    for unit in entry.units:
        checks.known(unit, units, (*path, "units"), "unit")
    needs = stages_of(entry.needs)
    checks.needs(needs, (*path, "needs"))
    takeover_needs: list[Stage] = []
    quorum: Stage | None = None
    for index, need in enumerate(entry.takeover_needs):
        where: KeyPath = (*path, "takeover_needs", index)
        if isinstance(need, QuorumEntry):
            if quorum is not None:
                checks.report((*where, "quorum"), "the holder has a quorum already; write one rule over all votes")
            quorum = _votes(need.quorum)
            checks.stage(quorum, (*where, "quorum"), of_client=False)
        else:
            takeover_needs += _all_of(checks, where, need)
    return Holder(entry.side, entry.on, entry.units, needs, entry.name, tuple(takeover_needs), quorum)


def _votes(entry: str | VotesEntry) -> Stage:
    """A majority is of the votes that are listed, whether they work or not."""
    if isinstance(entry, str):
        return entry
    return AtLeast(len(entry.of) // 2 + 1 if isinstance(entry.at_least, str) else entry.at_least, branches_of(entry.of))


def _check_holder_names(checks: Checks, path: KeyPath, holders: Sequence[HolderEntry]) -> None:
    """A name calls one holder of the role, and no side."""
    names = [holder.name for holder in holders]
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            checks.report((*path, index, "name"), f"'{name}' is another holder's name too; give each its own")
        elif name in checks.sides:
            checks.report((*path, index, "name"), f"'{name}' is the name of a side; give the holder another name")


def _check_failed(checks: Checks, path: KeyPath, entry: FailedTakeoverEntry) -> None:
    if entry.retry_coverage > 0 and entry.retry_after == 0:
        checks.report((*path, "retry_after"), "a retry needs a mean time above 0 until it is made, such as 2 min")
    if entry.retry_after > 0 and entry.retry_coverage == 0:
        checks.report((*path, "retry_after"), "no retry succeeds; give retry_coverage, its probability of success")
    if entry.operator_coverage < 1 and entry.restoration == 0:
        checks.report(
            (*path, "restoration"),
            f"the operator succeeds with probability {entry.operator_coverage:g}, and nothing is stated for when "
            "that fails; give "
            "the mean time until the role is placed then, such as 8 h",
        )


def _check_readiness(checks: Checks, path: KeyPath, entry: ReadinessEntry) -> None:
    if entry.drill is not None and entry.drift == 0:
        checks.report(
            (*path, "drill"),
            "drills find a standby that is not ready, and there is no drift; give drift, such as 0.5 per year",
        )
    if entry.drill is not None and entry.takes >= entry.drill:
        checks.report((*path, "takes"), "a drill takes as long as the interval of drills; give less, such as 1 min")
    if entry.drill is not None and entry.drill > _RAREST * HOURS_PER_YEAR:
        checks.report((*path, "drill"), f"at most {_RAREST} years; leave drill out where none is held")


def _check_split(checks: Checks, path: KeyPath, entry: SplitBrainEntry) -> None:
    if entry.restore_probability > 0 and entry.restore == 0:
        checks.report((*path, "restore"), "restoring the data needs a mean time above 0; give it, such as 24 h")
    if entry.restore_probability > 0 and entry.mend == 0:
        checks.report(
            (*path, "mend"),
            "data are restored after the split brain has been resolved; give the time of that, such as 2 h",
        )


def _check_servers(checks: Checks, units: Mapping[str, Unit], roles: Mapping[str, Role]) -> None:
    """What a takeover takes down is a server beside the unit's own."""
    on = {holder.on for role in roles.values() for holder in role.holders if holder.on is not None}
    servers = on | {unit.server for unit in units.values()}
    for name, unit in units.items():
        for index, server in enumerate(unit.takes_down):
            where: KeyPath = ("units", name, "takes_down", index)
            if not checks.known(server, checks.document.components, where, "component"):
                continue
            if server == unit.server or server in unit.takes_down[:index]:
                checks.report(where, f"'{server}' shuts down already; name further servers")
            elif server not in servers:
                checks.report(where, f"'{server}' is not a server of a unit or holder, so it cannot shut down")


def _check_missing(checks: Checks, units: Mapping[str, Unit], roles: Mapping[str, Role]) -> None:
    """What is taken for a loss needs somebody who takes over."""
    move = {
        unit for role in roles.values() if len(role.holders) > 1 for holder in role.holders for unit in holder.units
    }
    for name, unit in units.items():
        for index, need in enumerate(unit.takeover_needs):
            if need.missing == "anyway" and name not in move:
                checks.report(
                    ("units", name, "takeover_needs", index, "missing"),
                    "no takeover from this unit is possible: no role whose holder names it has a second holder; add "
                    "one, or "
                    "write 'wait'",
                )


def _suspensions(checks: Checks, components: Mapping[str, Component]) -> tuple[Suspension, ...]:
    file = checks.document
    asked: dict[str, set[str]] = {}
    result = []
    for part, entry in file.suspends.items():
        path: KeyPath = ("suspends", part)
        checks.known(part, {*file.components, *file.links}, path, "component or link")
        for key, names in (("lost", entry.lost), ("works", entry.works)):
            for index, name in enumerate(names):
                checks.known(name, checks.shared, (*path, key, index), "component")
            itself = next((name for name in names if part in with_needs([name], components)), None)
            if itself is not None:
                needs_it = "" if itself == part else f" needs '{part}', which"
                checks.report((*path, key), f"'{itself}'{needs_it} is the part that it suspends; name another")
        for index, name in enumerate(entry.works):
            # a need that has no other way is lost with what it names
            without = cannot_do_without([name], components)
            lost = next((one for one in entry.lost if one in without), None)
            if lost is not None:
                needs_it = "" if lost == name else f" needs '{lost}', which"
                checks.report(
                    (*path, "works", index), f"'{name}'{needs_it} has failed then, so that this can never happen"
                )
        asked[part] = with_needs((*entry.lost, *entry.works), components)
        after = math.inf if entry.auto_recovery is None else entry.auto_recovery
        if math.inf > after > _RAREST * HOURS_PER_YEAR:
            checks.report((*path, "auto_recovery"), f"at most {_RAREST} years; leave it out where it never is")
        uses = checks.uses(path, auto_recovery="auto_recovery_h")
        result.append(Suspension(part, entry.lost, entry.works, after, uses))
    for circle in _circles(asked):
        checks.report(
            ("suspends", circle[0]),
            f"suspends itself in a circle: {' requires '.join((*circle, circle[0]))}; what one requires must not "
            "depend on the other",
        )
    return tuple(result)


def _circles(asked: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, ...]]:
    """Suspensions of several parts that lead back to the first, each circle once."""
    follows = {part: [name for name in asked if name in names and name != part] for part, names in asked.items()}
    left = {part: set(names) for part, names in follows.items()}
    while ready := [part for part, names in left.items() if not names & left.keys()]:
        for part in ready:
            del left[part]
    done: set[str] = set()
    for start in left:
        way = [start]
        while way[-1] not in way[:-1]:
            way.append(next(name for name in follows[way[-1]] if name in left))
        circle = way[way.index(way[-1]) : -1]
        if not done & set(circle):
            yield tuple(circle)
        done |= set(circle)
