"""A log of a past period put to its site: names looked up, the rules followed, and which services were up when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.columns import counted
from k2rel.errors import InputError, Problem, closest
from k2rel.field.events import PartFailure, RoleMove, SiteLog, date_words
from k2rel.logic.structure import Node
from k2rel.organisation import Organisation
from k2rel.policy.controls import TakeoverTimes
from k2rel.policy.failover import failover, raid_works
from k2rel.policy.reasons import holder_label, holders_meant
from k2rel.policy.replay import Arrives, Change, Fails, Leaves, Placed, Replay, Restored, replayed
from k2rel.policy.rules import Policy
from k2rel.services.catalogue import SiteService, site_services, structure_function
from k2rel.site.alike_groups import listed_groups
from k2rel.site.client_names import parts_meant
from k2rel.site.model import Component
from k2rel.site.service_names import FULL_SERVICE
from k2rel.studies import Study

__all__ = ["Outages", "PastCourse", "past_course"]

_NOTICED_H = 1.0 / 6.0
"""So long a role stays where the rules would have moved it before that is said."""


@dataclass(frozen=True, slots=True)
class Outages:
    """When a service was down in a period: pairs of times [h]; where it is of several clients, of each of them.

    What was down at `since_h` already was so before the period began.
    """

    service: SiteService
    down: tuple[tuple[tuple[float, float], ...], ...]
    since_h: float

    @property
    def downtime_h(self) -> float:
        """Downtime in the period [h], of several clients their mean."""
        return math.fsum(end - begin for each in self.down for begin, end in each) / len(self.down)

    @property
    def failures(self) -> float:
        """Failures of the service that began in the period, of several clients their mean."""
        return sum(begin > self.since_h for each in self.down for begin, _ in each) / len(self.down)


@dataclass(frozen=True, eq=False)
class PastCourse:
    """What happened, by the names of the site, and what followed from it."""

    study: Study
    policy: Policy  # sticky
    log: SiteLog  # as the site calls things, without what the model does not count
    replay: Replay
    notes: tuple[str, ...]

    @cached_property
    def outages(self) -> tuple[Outages, ...]:
        """When each service was down, in the order of the catalogue."""
        stretches = self.replay.stretches
        states = list(dict.fromkeys((each.failed, each.control) for each in stretches))
        place = {state: n for n, state in enumerate(states)}
        at = np.array([place[each.failed, each.control] for each in stretches])
        services = site_services(self.study.site)
        stood = any(each.failed_h < self.log.begin_h for each in self.log.failures)
        since = self.log.begin_h if stood else -math.inf  # what fails at the first moment fails in the period
        nodes = {n: self._nodes(service) for n, service in enumerate(services) if service.rule != "full service"}
        up = self._values([node for each in nodes.values() for node in each], states)
        result = []
        for n, service in enumerate(services):
            if n in nodes:
                columns = [up[node] for node in nodes[n]]
            else:
                columns = [np.array([self._whole(failed, control) for failed, control in states])]
            down = tuple(self._joined(~column[at]) for column in columns)
            result.append(Outages(service, down, since))
        return tuple(result)

    def _nodes(self, service: SiteService) -> list[Node]:
        """What says that a service is up; of one client for each that is wired so."""
        if service.rule != "one client":
            return [structure_function(self.policy, service)]
        groups = listed_groups(self.study.site)[service.group]
        clients = [each for each in self.study.site.clients() if each.group in groups]
        return [self.policy.served(service.of, each.group, each.number) for each in clients]

    def _values(
        self, nodes: Sequence[Node], states: Sequence[tuple[frozenset[str], int]]
    ) -> dict[Node, NDArray[np.bool_]]:
        """Evaluate predicates in many states."""
        structure, site = self.policy.structure, self.study.site
        works = {name: np.ones(len(states), dtype=np.bool_) for name in structure.variables(nodes)}
        for n, (failed, _) in enumerate(states):
            for name, there in (dict.fromkeys(failed, False) | raid_works(site, failed)).items():
                if name in works:
                    works[name][n] = there
        works |= self.replay.takeover.variables(np.array([control for _, control in states]))
        found = structure.values(nodes, works)
        return {node: np.broadcast_to(each, (len(states),)) for node, each in zip(nodes, found, strict=True)}

    def _whole(self, failed: frozenset[str], control: int) -> bool:
        """Whether every flow that full service asks for is whole."""
        who = {name: bool(each[0]) for name, each in self.replay.takeover.variables(np.array([control])).items()}
        return failover(self.policy, sorted(failed), who).services[FULL_SERVICE]

    def _joined(self, down: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
        """Times of stretches that follow one another, put together."""
        result: list[tuple[float, float]] = []
        for stretch, here in zip(self.replay.stretches, down.tolist(), strict=True):
            if here and result and result[-1][1] == stretch.begin_h:
                result[-1] = (result[-1][0], stretch.end_h)
            elif here:
                result.append((stretch.begin_h, stretch.end_h))
        return tuple(result)

    def words_at(self, hour: float) -> str:
        """What had failed from an hour on, and what the roles did."""
        stretch = next(each for each in self.replay.stretches if each.begin_h <= hour < each.end_h)
        failed = ", ".join(sorted(stretch.failed)) or "nothing"
        return f"{failed} failed; {self.replay.takeover.words(stretch.control)}"


def past_course(study: Study, log: SiteLog, organisation: Organisation | None) -> PastCourse:
    """Look up what a log names, and follow it through the rules of the site.

    Raises
    ------
    InputError
        For each row that names what the site does not have, or that cannot have been.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> log = SiteLog(0.0, 100.0, (PartFailure("raid_chassis", 10.0, 18.0),))
    >>> {each.service.name: each.downtime_h for each in past_course(study("L2R"), log, None).outages}["media"]
    8.0
    """
    who = organisation or Organisation()
    policy = Policy(study.site, study.policy.primary, sticky=True)
    named = _Named(study, policy, log)
    log, notes = named.log(), list(named.notes)
    start = {role: named.home(role, study.policy.primary) for role in study.site.movable} | named.start
    changes = [*named.of_parts(log), *named.of_roles(log)]
    times = TakeoverTimes(return_h=who.return_to_service_h, manual_takeover_h=who.manual_takeover_h)
    known = {each.role for each in log.moves}
    replay = replayed(policy, times, changes, log.begin_h, log.end_h, start, known)
    notes += _at_the_ends(log)
    notes += [_by_whom(policy, replay, role, known, start) for role in study.site.movable]
    notes += [*_left_stranded(log), *_placed_while_failed(log)]
    notes += [
        f"{role} stayed where it was from {date_words(begin)} to {date_words(end)}, though the rules would have moved "
        "it: the log has no move then"
        for role, begin, end in replay.stayed
        if end - begin >= _NOTICED_H
    ]
    return PastCourse(study, policy, log, replay, tuple(notes))


def _left_stranded(log: SiteLog) -> Iterator[str]:
    """Takeovers that failed, after which no row says who has the role."""
    last = {each.role: each for each in sorted(log.moves, key=lambda each: each.at_h)}
    for role, move in last.items():
        if move.outcome == "failed" and move.at_h < log.end_h:
            line = f"line {move.line}: " if move.line is not None else ""
            yield (
                f"WARNING: {line}the takeover of {role} failed and no later row names a holder, so that it has none "
                "until the period ends; add a row with the outcome 'by hand' for the operator action"
            )


def _placed_while_failed(log: SiteLog) -> Iterator[str]:
    """Servers that are said to be placed in service while they have failed."""
    for each in log.placements:
        failed = (one for one in log.failures if one.part == each.part and one.failed_h <= each.at_h < one.restored_h)
        if each.in_service and any(failed):
            line = f"line {each.line}: " if each.line is not None else ""
            yield f"WARNING: {line}{each.part} is placed in service while it has failed; it serves once it is restored"


def _at_the_ends(log: SiteLog) -> Iterator[str]:
    """Failures that stand when the period begins or ends."""
    before = sorted({each.part for each in log.failures if each.failed_h < log.begin_h})
    if before:
        yield f"failed when the period began: {', '.join(before)}; what that brings counts, the failure does not"
    still = sorted({each.part for each in log.failures if math.isinf(each.restored_h)})
    if still:
        yield f"not restored in the log: {', '.join(still)}; no repair time is counted"


def _by_whom(
    policy: Policy, replay: Replay, role: str, known: set[str], start: Mapping[str, int]
) -> str:  # fmt: skip
    """Who said where a role was."""
    if role in known:
        return f"{role}: position as the log states"
    first = holder_label(policy.holders(role)[start.get(role, 0)])
    begun = sum(each == role for _, each in replay.begun)
    times = "no takeover" if not begun else f"{counted(begun, 'takeover')}, taken to have worked"
    return f"{role}: by the rules, from {first} on ({times}), since the log has no move of it"


class _Named:
    """Looks up what a log names."""

    def __init__(self, study: Study, policy: Policy, log: SiteLog) -> None:
        self.study, self.policy, self.site, self.given = study, policy, study.site, log
        self.kinds: dict[str, Component] = {part.id: part for part in study.site.parts()}
        self.problems: list[Problem] = []
        self.notes: list[str] = list(log.notes)
        self.start: dict[str, int] = {}

    def log(self) -> SiteLog:
        """The log in the names of the site; refused with all that the site does not have."""
        given = self.given
        failures = [each for row in given.failures if (each := self._failure(row)) is not None]
        moves = self._moves()
        servers = self.policy.redundant_servers
        for row in given.placements:
            if row.part not in servers:
                near = closest(row.part, servers) if servers else ""
                what = "no server of a role that can move, which alone is placed in or out of service"
                self._wrong(row.line, f"'{row.part[:60]}' is {what}{near}")
        if self.problems:
            raise InputError(sorted(self.problems, key=lambda each: each.line or 0))
        return SiteLog(
            given.begin_h, given.end_h, tuple(failures), tuple(moves), given.placements, given.file, given.notes
        )

    def home(self, role: str, side: str | None) -> int:
        """Place of the holder that has a role at the beginning, by the preferred side."""
        holders = self.policy.holders(role)
        return next((n for n, each in enumerate(holders) if side is not None and each.side == side), 0)

    def _wrong(self, line: int | None, text: str) -> None:
        self.problems.append(self.given.problem(line, text))

    def _failure(self, row: PartFailure) -> PartFailure | None:
        if (raid := self.site.raid_sets.get(row.part)) is not None:
            text = (
                f"'{row.part}' is a RAID set, which is lost while more than {raid.tolerance} of its drives are failed"
            )
            self._wrong(row.line, f"{text}; log the drives, each until its data are back")
            return None
        try:
            (name,) = parts_meant(self.site, [row.part])
        except InputError as error:
            self._wrong(row.line, str(error))
            return None
        if self.kinds[name].external:
            self.notes.append(f"{name}: the model counts no failures of it (external); its failure is left out")
            return None
        return PartFailure(name, row.failed_h, row.restored_h, row.line)

    def _moves(self) -> list[RoleMove]:
        at: dict[str, int] = {}
        result: list[RoleMove] = []
        for row in self.given.moves:
            role = self.site.movable.get(row.role)
            if role is None:
                fixed = row.role in self.site.roles
                what = "has one holder and never moves" if fixed else f"is not a role of {self.site.name}"
                near = (
                    "" if fixed else closest(row.role, self.site.movable) if self.site.movable else ", which has none"
                )
                self._wrong(row.line, f"'{row.role[:60]}' {what}{near}")
                continue
            former, to = (self._place(row, text) for text in (row.former, row.to))
            if row.role not in at:
                home = self.home(row.role, self.study.policy.primary)
                self.start[row.role] = at[row.role] = home if former is None else former
            here = at[row.role]
            where = self._label(row.role, here)
            if former is not None and former != here:
                text = f"{row.role} left '{row.former}' by this row, and was at {where} by those before; correct one"
                self._wrong(row.line, text)
            elif row.outcome != "failed" and to == here and row.outcome != "by hand":
                self._wrong(row.line, f"{row.role} was at {where} already; say where it went")
            if row.outcome != "failed" and to is not None:
                self._there(row, to)
                at[row.role] = to
            result.append(row)
        return result

    def _label(self, role: str, place: int) -> str:
        return holder_label(self.policy.holders(role)[place])

    def _place(self, row: RoleMove, text: str) -> int | None:
        """A holder by its side, name or server."""
        if not text:
            return None
        holders = self.policy.holders(row.role)
        found = holders_meant(holders, text)
        known = [each.name or each.side for each in holders]
        if len(set(known)) < len(known):
            known = [each.name or each.on or each.side for each in holders]
        if len(found) == 1:
            return found[0]
        servers = [each.on for each in holders if each.on]
        what = (
            f"{row.role} has {len(found)} holders at '{text[:40]}'"
            if found
            else f"{row.role} has no holder '{text[:40]}'"
        )
        near = f"; name one of {', '.join(known)}" if found else closest(text, [*known, *servers])
        self._wrong(row.line, f"{what}{near}")
        return None

    def _there(self, row: RoleMove, to: int) -> None:
        """A role goes to no server that has failed."""
        server, when = self.policy.holders(row.role)[to].on, self._until(row)
        for each in self.given.failures:
            if each.part == server and each.failed_h <= when < each.restored_h:
                until = "" if math.isinf(each.restored_h) else f" until {date_words(each.restored_h)}"
                where = "" if each.line is None else f" (line {each.line})"
                self._wrong(
                    row.line,
                    f"{row.role} is said to have moved to {server} at {date_words(when)}, which had failed at "
                    f"{date_words(each.failed_h)}{until}{where}; correct one",
                )

    def _until(self, row: RoleMove) -> float:
        """When a role was performed again."""
        if not math.isnan(row.until_h):
            return row.until_h
        return row.at_h + (0.0 if row.outcome == "by hand" else self.site.roles[row.role].switchover_h)

    def of_parts(self, log: SiteLog) -> Iterator[Change]:
        """What parts did."""
        for row in log.failures:
            yield Fails(row.failed_h, row.part)
            if row.restored_h < log.end_h:
                yield Restored(row.restored_h, row.part)
        for each in log.placements:
            yield Placed(each.at_h, each.part, each.in_service)

    def of_roles(self, log: SiteLog) -> Iterator[Change]:
        """What roles did."""
        following: dict[str, float] = {}
        for row in reversed(log.moves):
            takeover = row.outcome in ("succeeded", "failed")
            yield Leaves(row.at_h, row.role, takeover, row.outcome == "failed")
            if row.outcome != "failed":
                place = self._place(row, row.to)
                until = min(self._until(row), following.get(row.role, math.inf))
                yield Arrives(until, row.role, place if place is not None else 0)
            following[row.role] = row.at_h
