"""A past period followed through the rules: what had failed, where the roles were, which servers were in service.

What is known of roles and servers is taken as it is; where nothing is known the rules move them, every step lasting
its mean time and every takeover working. Nothing happens at random.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from k2rel.errors import InputError
from k2rel.policy.controls import IN_SERVICE, OUT, TakeoverTimes
from k2rel.policy.failover import raid_works
from k2rel.policy.following import Begins, Follow
from k2rel.policy.positions import Kind
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover
from k2rel.policy.timed import events_of

__all__ = ["Arrives", "Fails", "Leaves", "Placed", "Replay", "Restored", "Stretch", "replayed"]

_BY_THE_RULES = frozenset((
    "switchover", "manual_takeover", "return_to_service", "detection", "retry", "failback", "restoration", "mending",
    "data_restore", "auto_recovery",
))  # fmt: skip
"""Steps that follow for certain; takeovers without a cause, drift, drills and failures of persons do not."""
_MOST_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Restored:
    """A part is restored."""

    at_h: float
    part: str


@dataclass(frozen=True, slots=True)
class Fails:
    """A part fails."""

    at_h: float
    part: str


@dataclass(frozen=True, slots=True)
class Leaves:
    """A role leaves its holder: in a takeover, which shuts that one down, or moved by a person; stranded where none."""

    at_h: float
    role: str
    takeover: bool = True
    stranded: bool = False


@dataclass(frozen=True, slots=True)
class Arrives:
    """A role is performed by a holder, whose servers are in service."""

    at_h: float
    role: str
    place: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A server is placed in service, or taken out."""

    at_h: float
    server: str
    in_service: bool = True


Change = Restored | Fails | Leaves | Arrives | Placed
_IN_TURN = (Restored, Fails, Leaves, Arrives, Placed)  # at one instant


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which nothing changes; `control` numbers a control state of `Replay.takeover`."""

    begin_h: float
    end_h: float
    failed: frozenset[str]
    control: int


@dataclass(frozen=True, eq=False)
class Replay:
    """A period, stretch by stretch, and what happened in it."""

    takeover: Takeover
    stretches: tuple[Stretch, ...]
    begun: tuple[tuple[float, str], ...]  # takeovers that the rules began: when, and the role
    returned: tuple[tuple[str, float], ...]  # servers placed in service, and how long that could have been done [h]
    stayed: tuple[tuple[str, float, float], ...]  # known roles that the rules would have moved: from when to when


@dataclass
class _Now:
    """Where the replay is."""

    failed: frozenset[str] = frozenset()
    control: int = 0
    clocks: dict[tuple[object, ...], float] = field(default_factory=dict)  # what goes on, since when


@dataclass(frozen=True, slots=True)
class _Step:
    """What can happen in time: when it is due after it has become possible, and where it leads."""

    key: tuple[object, ...]
    hours: float
    leads_to: int


class _Rules:
    """What follows from a state at once and in time, each asked once."""

    def __init__(self, policy: Policy, times: TakeoverTimes, known: Collection[str]) -> None:
        self.t, self.policy, self.known = Takeover(policy, times), policy, frozenset(known)
        self._conditions: dict[frozenset[str], np.ndarray[tuple[int, int], np.dtype[np.bool_]]] = {}
        self._settled: dict[tuple[frozenset[str], int, bool], tuple[int, bool]] = {}
        self._steps: dict[tuple[frozenset[str], int], tuple[_Step, ...]] = {}

    def follow(self, failed: frozenset[str], control: int, known: Collection[str]) -> Follow:
        if failed not in self._conditions:
            state = dict.fromkeys(failed, False) | raid_works(self.policy.site, failed)
            found = self.policy.structure.truth(self.t.conditions, state)
            self._conditions[failed] = np.array([[found[node] for node in self.t.conditions]], dtype=np.bool_)
        return Follow(self.t, self._conditions[failed], np.array([0]), np.array([control]), known)

    def settled(self, failed: frozenset[str], control: int, *, free: bool = False) -> tuple[int, bool]:
        """What follows at once, and whether a takeover began; with `free` as if nothing were known of roles."""
        key = (failed, control, free)
        if key not in self._settled:
            follow = self.follow(failed, control, () if free else self.known)
            good = follow.settled()[0]
            self._settled[key] = int(self.t.encoded(good)[0]), bool(follow.begins[0] & Begins.TAKEOVER)
        return self._settled[key]

    def steps(self, failed: frozenset[str], control: int) -> tuple[_Step, ...]:
        """What can happen in time in a settled state."""
        key = (failed, control)
        if key not in self._steps:
            events, found, terms = events_of(self.follow(failed, control, self.known))
            steps = []
            for event, (state, number) in zip(events, found, strict=True):
                leads = int(self.t.encoded(state)[0])
                if event.name not in _BY_THE_RULES or number[0] < 0 or leads == control:
                    continue
                term = replace(terms[number[0]], share=(), rest=False)  # it works
                rate = float(term.value(self.t.value))
                steps.append(_Step((event.name, event.of, term), 1.0 / rate if rate > 0 else 0.0, leads))
            self._steps[key] = tuple(steps)
        return self._steps[key]

    def moved(self, before: int, after: int) -> list[str]:
        """Roles that have left their holder."""
        pairs = zip(self.t.roles, self.t.digits[before].tolist(), self.t.digits[after].tolist(), strict=False)
        return [role for role, old, new in pairs if old != new]


def replayed(
    policy: Policy, times: TakeoverTimes, changes: Iterable[Change], begin_h: float, end_h: float,
    start: Mapping[str, int] | None = None, known: Collection[str] = (),
) -> Replay:  # fmt: skip
    """Follow a period through the rules of a sticky policy, from where roles are at the start (else first holders).

    Roles that are `known` are moved by `changes` alone, and servers that `changes` place, placed by these alone.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> policy = Policy(read_site("L2R"), sticky=True)
    >>> found = replayed(policy, TakeoverTimes(), [Fails(5.0, "server_A"), Restored(9.0, "server_A")], 0.0, 24.0)
    >>> [(round(s.begin_h, 3), found.takeover.words(s.control)) for s in found.stretches][-2:]
    [(9.0, 'file_system at B, server_A out of service'), (10.0, 'file_system at B')]
    """
    every = sorted(changes, key=lambda each: (max(each.at_h, begin_h), _IN_TURN.index(type(each))))
    known = {each.role for each in every if isinstance(each, Leaves | Arrives)} | set(known)
    by_hand = {each.server for each in every if isinstance(each, Placed)}
    return _Run(_Rules(policy, times, known), by_hand, every, start or {}).over(begin_h, end_h)


class _Run:
    """One period in the making."""

    def __init__(
        self, rules: _Rules, by_hand: Collection[str], changes: Sequence[Change], start: Mapping[str, int]
    ) -> None:
        self.rules, self.t, self.by_hand, self.changes = rules, rules.t, by_hand, changes
        digits = self.t.digits[:1].copy()
        for role, place in start.items():
            digits[0, self.t.roles.index(role)] = self.t.positions[role].code(Kind.HELD, place)
        self.now = _Now(control=int(self.t.encoded(digits)[0]))
        self.begun: list[tuple[float, str]] = []
        self.returned: list[tuple[str, float]] = []
        self.stayed: list[tuple[str, float, float]] = []

    def over(self, begin_h: float, end_h: float) -> Replay:
        stretches: list[Stretch] = []
        at, place = begin_h, 0
        for _ in range(_MOST_STEPS + len(self.changes)):
            while place < len(self.changes) and self.changes[place].at_h <= at:
                self._change(self.changes[place], at)
                place += 1
            self._settle(at)
            due = self._due()
            later = self.changes[place].at_h if place < len(self.changes) else math.inf
            until = min(later, end_h, max(due[0], at) if due else math.inf)
            if until > at:
                stretches.append(Stretch(at, until, self.now.failed, self.now.control))
                self._see_who_stays(at, until)
            if until >= end_h:
                return Replay(self.t, tuple(stretches), tuple(self.begun), tuple(self.returned), tuple(self.stayed))
            at = until
            if due and max(due[0], at) <= at and later > at:
                self.now.clocks.pop(due[1].key)
                self.now.control = due[1].leads_to
        name = self.rules.policy.site.name
        raise InputError(f"{name}: by its rules, roles would move more than {_MOST_STEPS:,} times in this period")

    def _settle(self, at: float) -> None:
        """What follows at once, and what goes on from now."""
        control, begins = self.rules.settled(self.now.failed, self.now.control)
        if begins:
            self.begun += [(at, role) for role in self.rules.moved(self.now.control, control)]
        self.now.control = control
        steps = self.rules.steps(self.now.failed, control)
        self.now.clocks = {step.key: self.now.clocks.get(step.key, at) for step in steps}

    def _due(self) -> tuple[float, _Step] | None:
        """What happens next by the rules, and when."""
        steps = self.rules.steps(self.now.failed, self.now.control)
        free = [each for each in steps if each.key[0] != "return_to_service" or each.key[1] not in self.by_hand]
        return min(((self.now.clocks[each.key] + each.hours, each) for each in free), key=lambda x: x[0], default=None)

    def _see_who_stays(self, begin_h: float, end_h: float) -> None:
        """Known roles that the rules would move now."""
        if not self.rules.known:
            return
        control, begins = self.rules.settled(self.now.failed, self.now.control, free=True)
        for role in self.rules.moved(self.now.control, control) if begins else ():
            if role not in self.rules.known:
                continue
            last = self.stayed[-1] if self.stayed else None
            if last is not None and last[0] == role and last[2] == begin_h:
                self.stayed[-1] = (role, last[1], end_h)
            else:
                self.stayed.append((role, begin_h, end_h))

    def _change(self, change: Change, at: float) -> None:
        now = self.now
        if isinstance(change, Fails):
            now.failed |= {change.part}
        elif isinstance(change, Restored):
            now.failed -= {change.part}
        else:
            follow = self.rules.follow(now.failed, now.control, self.rules.known)
            state = follow.start.copy()
            if isinstance(change, Placed):
                self._place(change, state, at)
            else:
                self._move(change, state, follow)
            now.control = int(self.t.encoded(state)[0])

    def _place(self, change: Placed, state: np.ndarray[tuple[int, int], np.dtype[np.int64]], at: float) -> None:
        column = self.t.server_column(change.server)
        if change.in_service and state[0, column] == OUT:
            since = [when for key, when in self.now.clocks.items() if key[:2] == ("return_to_service", change.server)]
            self.returned += [(change.server, at - when) for when in since]
        state[0, column] = IN_SERVICE if change.in_service else OUT

    def _move(
        self, change: Leaves | Arrives, state: np.ndarray[tuple[int, int], np.dtype[np.int64]], follow: Follow
    ) -> None:
        r, positions = self.t.roles.index(change.role), self.t.positions[change.role]
        if isinstance(change, Arrives):
            state[0, r] = positions.code(Kind.HELD, change.place)
            for server in self.t.policy.servers(self.t.policy.holders(change.role)[change.place]):
                state[0, self.t.server_column(server)] = IN_SERVICE
            return
        former = positions.all[state[0, r]].holder or 0
        if change.takeover and positions.all[state[0, r]].kind in (Kind.HELD, Kind.CALLED):
            follow.shut(state, change.role, former, np.array([True]))
        state[0, r] = positions.code(Kind.STRANDED if change.stranded else Kind.ON_ITS_WAY, former)
