"""What happens to roles and servers in time: arrivals, detection, operators, retries, drills, ...; all at random times.

Each event says at which rate it happens in each pair of a condition and a control state, as a `Term`, and which
control state it leads to, before what follows at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import BoolArray
from k2rel.policy.controls import IN_SERVICE, MAINTAINED, OUT
from k2rel.policy.following import Follow
from k2rel.policy.positions import Kind
from k2rel.policy.terms import Given, Term
from k2rel.site.coverage import detection_times

__all__ = ["TimedEvent", "events_of"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """One kind of event: its name, and the role, server or part that it is of."""

    name: str
    of: str = ""


Found = tuple[IntArray, IntArray]  # states that it leads to, and the number of the term of its rate; -1: never


class _Timed:
    """Events of one table in the making."""

    def __init__(self, follow: Follow) -> None:
        self.f, self.t, self.policy, self.start = follow, follow.t, follow.policy, follow.start
        self.terms: dict[Term, int] = {}

    def number(self, term: Term) -> int:
        return self.terms.setdefault(term, len(self.terms))

    def rates(self, where: BoolArray, term: Term) -> IntArray:
        """The same rate in some pairs."""
        return np.where(where, self.number(term), -1)

    def by_kind(self, kinds: IntArray, term: Callable[[int], Term | None]) -> IntArray:
        """A rate for each kind of pair; no event in pairs of kind -1."""
        result = np.full(len(kinds), -1, dtype=np.int64)
        for kind in np.unique(kinds[kinds >= 0]).tolist():
            if (found := term(kind)) is not None:
                result[kinds == kind] = self.number(found)
        return result

    def is_at(self, r: int, *kinds: Kind) -> BoolArray:
        return self.t.positions[self.t.roles[r]].among(self.start[:, r], *kinds)

    def moved(self, r: int, where: BoolArray, code: int) -> IntArray:
        state = self.start.copy()
        state[where, r] = code
        return state

    # arrivals

    def arrive(self) -> Found:
        """Roles on their way, or given back, arrive together: where one is ready, else able, if that is enough.

        Where there is none they are stranded.
        """
        state = self.start.copy()
        for r, role in self.f.free:
            positions = self.t.positions[role]
            for code in positions.codes(Kind.ON_ITS_WAY, Kind.GIVING_BACK):
                moving = self.start[:, r] == code
                state[moving, r] = positions.code(Kind.STRANDED, positions.all[code].holder or 0)
                self._placed_at_once(state, r, role, moving)
        return state, self.by_kind(self._kind_of(), self._arrival_term)

    def _placed_at_once(self, state: IntArray, r: int, role: str, where: BoolArray, last: int | None = None) -> None:
        """A role goes to the first holder that is ready, else willing; `last` goes before the other ready ones."""
        holders = self.t._holders[role]
        order = [*range(len(holders) - 1, -1, -1), *([last] if last is not None else [])]
        for rule in (self.policy.willing, self.policy.ready):
            good = self.f.holds([rule(role, holder) for holder in holders], self.start)
            for place in order:
                state[where & good[place], r] = place

    def _kind_of(self) -> IntArray:
        """Which roles are on their way, and from where: one number a pair, -1 where none is."""
        kind = np.zeros(len(self.start), dtype=np.int64)
        self._unit = np.ones(len(self.f.free) + 1, dtype=np.int64)
        for place, (r, role) in enumerate(self.f.free):
            codes = self.t.positions[role].codes(Kind.ON_ITS_WAY, Kind.GIVING_BACK)
            for n, code in enumerate(codes, 1):
                kind += self._unit[place] * n * (self.start[:, r] == code)
            self._unit[place + 1] = self._unit[place] * (len(codes) + 1)
        return np.where(kind > 0, kind, -1)

    def _arrival_term(self, kind: int) -> Term | None:
        times: list[tuple[tuple[Given, ...], ...]] = []
        for place, (_, role) in enumerate(self.f.free):
            positions = self.t.positions[role]
            codes = positions.codes(Kind.ON_ITS_WAY, Kind.GIVING_BACK)
            n = kind // int(self._unit[place]) % (len(codes) + 1)
            if n == 0:
                continue
            at = positions.all[codes[n - 1]]
            if at.kind == Kind.GIVING_BACK:
                times.append(((Given("giveback_h", role),),))
                continue
            fences = self.policy.fence_times(self.t._holders[role][at.holder or 0])
            times += [((Given("switchover_h", role), *of),) for of in fences or [[]]]
        lasts = any(self.t.value(given) > 0 for role in times for one in role for given in one)
        return Term(tuple(times)) if lasts else None

    # persons

    def placed_by_hand(self, *, works: bool) -> Found:
        """An operator gives stranded roles to the best holder: ready, else fit but out of service, else able.

        Where that does not work the roles that it can fail for have to be restored.
        """
        state = self.start.copy()
        kind = np.zeros(len(state), dtype=np.int64)
        done = np.zeros(len(state), dtype=np.bool_)
        for r, role in self.f.free:
            choice, stranded = self._chosen(r, role, Kind.STRANDED), self.is_at(r, Kind.STRANDED)
            if self._may_fail(role):
                unsure = (choice >= 0) & stranded
                kind += unsure * (1 << r)
                if not works:
                    state[unsure, r] = self.t.positions[role].code(Kind.RESTORING)
                    choice = np.where(stranded, choice, -1)
                    done |= choice >= 0
                    continue
            self._place(state, r, role, choice)
            done |= choice >= 0
        time = (((Given("manual_takeover_h"),),),)

        def term(kind: int) -> Term | None:
            unsure = [Given("operator_coverage", role) for r, role in enumerate(self.t.roles) if kind >> r & 1]
            if works:
                return Term(time, share=tuple(unsure))
            return Term(time, share=tuple(unsure), rest=True) if unsure else None

        return state, self.by_kind(np.where(done, kind, -1), term)

    def _may_fail(self, role: str) -> bool:
        return self.policy.site.roles[role].operator_coverage < 1.0

    def _place(self, state: IntArray, r: int, role: str, choice: IntArray) -> None:
        """A person puts a role where it was decided, and the servers of that holder in service."""
        for place, holder in enumerate(self.t._holders[role]):
            where = choice == place
            for former in range(len(self.t._holders[role])):
                self.f.shut(state, role, former, where & (self.start[:, r] == former))
            state[where, r] = place
            for server in self.policy.servers(holder):
                state[where, self.t.server_column(server)] = IN_SERVICE

    def _chosen(self, r: int, role: str, *kinds: Kind) -> IntArray:
        """Where an operator places a role; -1 where nothing is to be done or nobody can have it."""
        policy, holders = self.policy, self.t._holders[role]
        entry, positions = policy.site.roles[role], self.t.positions[role]
        ready = self.f.holds([policy.ready(role, holder) for holder in holders], self.start)
        fit = self.f.holds([policy.fit(role, holder) for holder in holders], self.start)
        able = self.f.holds([policy.able(holder) for holder in holders], self.start)
        choice = np.full(len(self.start), -1, dtype=np.int64)
        for code in positions.codes(*kinds):
            order, former = list(range(len(holders))), positions.all[code].holder
            if former is not None and entry.operator_places != "preferred":
                order.remove(former)
                order.insert(0 if entry.operator_places == "former" else len(order), former)
            for rank in (able, fit, ready):
                for place in reversed(order):
                    servers = policy.servers(holders[place])
                    working = self.f.holds([policy.works(server) for server in servers], self.start)
                    free = [self.start[:, self.t.server_column(server)] != MAINTAINED for server in servers]
                    choice[np.logical_and.reduce([self.start[:, r] == code, rank[place], *working, *free])] = place
        if Kind.STRANDED in kinds and entry.operator_moves == "any loss":
            for former in range(len(holders)):
                down = ~(able[former] if entry.is_service else fit[former])
                for place in range(len(holders) - 1, -1, -1):
                    if place != former:
                        choice[(self.start[:, r] == former) & down & ready[place] & able[place]] = place
        return choice

    def placed_after(self, r: int, role: str, kind: Kind, field: str, share: Given | None) -> Found:
        """A role is performed again after it was restored or mended; with `share`, that of the cases where it is."""
        choice = self._chosen(r, role, kind)
        state = self.start.copy()
        self._place(state, r, role, choice)
        given = (((Given(field, role),),),)
        return state, self.rates(choice >= 0, Term(given, share=(share,) if share else (), rest=share is not None))

    def returned(self, server: str) -> Found:
        """An operator places a server back in service: when it is restored, or when a role waits for it."""
        column = self.t.server_column(server)
        works, kept = self.f.holds([self.policy.works(server), self.policy.unit_kept(server)], self.start)
        awaited = self.f.with_a_role(self.start, server)
        out = (self.start[:, column] == OUT) & works & (kept | awaited)
        kept_up = (self.start[:, column] == MAINTAINED) & works
        state = self.start.copy()
        state[out | kept_up, column] = IN_SERVICE
        terms = np.maximum(
            self.rates(out, Term((((Given("return_h"),),),))),
            self.rates(kept_up, Term((((Given("maintenance_h"),),),))) if self.t.maintained else -1,
        )
        return state, terms

    def maintained(self, server: str) -> Found:
        """A server is taken into maintenance, its roles moved away first; only while nothing has failed."""
        state = self.start.copy()
        allowed = self._all_well()
        for r, role in enumerate(self.t.roles):
            holders, positions = self.t._holders[role], self.t.positions[role]
            switchover = self.policy.site.roles[role].switchover_h
            for place, holder in enumerate(holders):
                if server not in self.policy.servers(holder):
                    continue
                where = self.start[:, r] == place
                elsewhere = next(n for n in range(len(holders)) if n != place)
                state[where, r] = positions.code(Kind.ON_ITS_WAY, place) if switchover > 0 else elsewhere
        state[:, self.t.server_column(server)] = MAINTAINED
        return state, self.rates(allowed, Term((((Given("maintenance_every_h"),),),)))

    def _all_well(self) -> BoolArray:
        """Every role held, every server in service and good, nothing suspended."""
        allowed = np.isin(self.t.encoded(self.start), self.t.quiet)
        for server in self.t.servers:
            works, kept = self.f.holds([self.policy.works(server), self.policy.unit_kept(server)], self.start)
            allowed &= works & kept
        return allowed

    # takeovers that begin, and what follows where they fail

    def detected(self) -> Found:
        """Losses are noticed after a while: of all roles for which a takeover is called for, at one instant."""
        state = self.start.copy()
        kind = np.zeros(len(state), dtype=np.int64)
        unit, kinds = 1, list[tuple[int, str, list[str]]]()
        for r, role in self.f.free:
            positions = self.t.positions[role]
            if not positions.delayed:
                continue
            classes = list(detection_times(self.policy.site.roles[role]))
            kinds.append((unit, role, classes))
            for place in range(len(self.t._holders[role])):
                takes = np.logical_or.reduce(self.f.holds(self.policy.takes(role, place), self.start))
                due = (self.start[:, r] == place) & takes
                state[due, r] = positions.code(Kind.CALLED, place)
                stands = self.f.holds([node for _, node in self.policy.detected_by(role, place)], self.start)
                code = np.zeros(len(state), dtype=np.int64)
                for n, each in enumerate(stands):
                    code += each * (1 << n)
                kind += due * unit * np.where(code > 0, code, 1)
            unit *= 1 << len(classes)

        def term(kind: int) -> Term | None:
            times = []
            for unit, role, classes in kinds:
                bits = kind // unit % (1 << len(classes))
                stand = [cause for n, cause in enumerate(classes) if bits >> n & 1]
                if stand:
                    names = [f"detection_h[{cause}]" if cause else "detection_h" for cause in stand]
                    times.append(tuple((Given(name, role),) for name in names))
            return Term(tuple(times))

        return state, self.by_kind(np.where(kind > 0, kind, -1), term)

    def spurious(self, r: int, role: str) -> Found:
        """A takeover begins spuriously, from a holder that has lost nothing, if it need not wait."""
        state, where = self.start.copy(), np.zeros(len(self.start), dtype=np.bool_)
        for place, holder in enumerate(self.t._holders[role]):
            could = self._could_move(r, role, place) & self.f.holds([self.policy.undisturbed(holder)], self.start)[0]
            state[could, r] = self.t.positions[role].code(Kind.CALLED, place)
            where |= could
        return state, self.rates(where, Term(per_h=Given("spurious_per_h", role)))

    def _could_move(self, r: int, role: str, place: int) -> BoolArray:
        """A role is with a holder, no takeover from there is called for, and somebody would take it over."""
        could = np.logical_or.reduce(self.f.holds(self.policy.takes(role, place, called=True), self.start))
        left = self.f.holds([self.policy.left(role, place)], self.start)[0]
        return np.asarray((self.start[:, r] == place) & could & ~left)

    def retried(self, r: int, role: str, *, works: bool) -> Found:
        """One more attempt after a takeover that failed; without success, or anybody to take it, the role waits."""
        positions, state = self.t.positions[role], self.start.copy()
        for code in positions.codes(Kind.RETRYING):
            where = self.start[:, r] == code
            state[where, r] = positions.code(Kind.STRANDED, positions.all[code].holder)
            if works:
                self._placed_at_once(state, r, role, where)
        term = Term((((Given("retry_after_h", role),),),), share=(Given("retry_coverage", role),), rest=not works)
        return state, self.rates(self.is_at(r, Kind.RETRYING), term)

    def given_back(self, r: int, role: str) -> Found:
        """The first holder has been ready for a while, and gets its role back."""
        entry, positions, holders = self.policy.site.roles[role], self.t.positions[role], self.t._holders[role]
        state, where = self.start.copy(), np.zeros(len(self.start), dtype=np.bool_)
        ready = self.f.holds([self.policy.ready(role, holders[0])], self.start)[0]
        for place in range(1, len(holders)):
            left = self.f.holds([self.policy.left(role, place)], self.start)[0]
            here = (self.start[:, r] == place) & ready & ~left
            by_takeover = entry.giveback_h is None and entry.switchover_h + self.policy.fence_h(holders[place]) > 0
            code = positions.code(Kind.ON_ITS_WAY, place) if by_takeover else 0
            state[here, r] = positions.code(Kind.GIVING_BACK, place) if positions.has(Kind.GIVING_BACK) else code
            where |= here
        return state, self.rates(where, Term((((Given("failback_after_h", role),),),)))

    # readiness, splits, suspensions

    def drifts(self, r: int, role: str) -> Found:
        """A takeover becomes unready without being detected."""
        column = self.t.drift_column(role)
        where = self.start[:, column] == 0
        state = self.start.copy()
        state[:, column] = 1
        return state, self.rates(where, Term(per_h=Given("drift_per_h", role)))

    def drilled(self, r: int, role: str, *, held: bool) -> Found:
        """A drill, which finds an unready takeover; where none is `held`, what one of the calendar would have found.

        Drills at random times would find it after an interval on average, those of a calendar after half of one.
        """
        positions, column = self.t.positions[role], self.t.drift_column(role)
        state, where = self.start.copy(), np.zeros(len(self.start), dtype=np.bool_)
        for place in range(len(self.t._holders[role])):
            here = self._could_move(r, role, place)
            if held and positions.has(Kind.DRILLING):
                state[here, r] = positions.code(Kind.DRILLING, place)
            where |= here
        where &= self._all_well()
        if not held or not positions.has(Kind.DRILLING):
            where &= self.start[:, column] == 1  # what it finds is all that it does
        state[:, column] = 0
        return state, self.rates(where, Term((((Given("drill_every_h", role),),),)))

    def drill_ends(self, r: int, role: str) -> Found:
        """The role is back where it was, if that is ready."""
        positions, state = self.t.positions[role], self.start.copy()
        for code in positions.codes(Kind.DRILLING):
            where, former = self.start[:, r] == code, positions.all[code].holder
            state[where, r] = positions.code(Kind.STRANDED, former)
            self._placed_at_once(state, r, role, where, former)
        return state, self.rates(self.is_at(r, Kind.DRILLING), Term((((Given("drill_h", role),),),)))

    def lost_data(self, r: int, role: str) -> Found:
        """A split is mended, and its data has to be restored."""
        positions = self.t.positions[role]
        where = self.is_at(r, Kind.MENDING)
        term = Term((((Given("split_mend_h", role),),),), share=(Given("split_restore_share", role),))
        return self.moved(r, where, positions.code(Kind.RESTORING_DATA)), self.rates(where, term)

    def recovers(self, number: int) -> Found:
        """A suspended part recovers by itself, where what must work for its being suspended is gone."""
        entry, column = self.policy.site.suspensions[number], self.t.suspension_column(number)
        begins, stays = self.f.holds([self.policy.suspends(entry), self.policy.stays_suspended(entry)], self.start)
        state = self.start.copy()
        state[:, column] = 0
        term = Term((((Given("auto_recovery_h", part=entry.part),),),))
        return state, self.rates((self.start[:, column] == 1) & stays & ~begins, term)


def events_of(follow: Follow) -> tuple[list[TimedEvent], list[Found], list[Term]]:
    """Give all events in time: what each is, what it leads to and its rate, and the terms of the rates."""
    timed = _Timed(follow)
    found = list(_all(timed))
    return [event for event, _ in found], [each for _, each in found], list(timed.terms)


def _all(timed: _Timed) -> Iterator[tuple[TimedEvent, Found]]:
    """Every event that the rules of a site know, in an order that does not depend on the states."""
    t, roles = timed.t, timed.policy.site.roles
    if t.roles:
        yield TimedEvent("switchover"), timed.arrive()
        yield TimedEvent("manual_takeover"), timed.placed_by_hand(works=True)
        for server in t.servers:
            yield TimedEvent("return_to_service", server), timed.returned(server)
        for server in t.servers if t.maintained else ():
            yield TimedEvent("maintenance", server), timed.maintained(server)
        if any(roles[role].operator_coverage < 1 for role in t.roles):
            yield TimedEvent("manual_takeover_fails"), timed.placed_by_hand(works=False)
        if any(t.positions[role].delayed for role in t.roles):
            yield TimedEvent("detection"), timed.detected()
    for r, role in timed.f.free:
        yield from itertools.starmap(lambda name, of, found: (TimedEvent(name, of), found), _of_role(timed, r, role))
    for number, entry in enumerate(timed.policy.site.suspensions):
        if math.isfinite(entry.auto_recovery_h):
            yield TimedEvent("auto_recovery", entry.part), timed.recovers(number)


def _of_role(timed: _Timed, r: int, role: str) -> Iterator[tuple[str, str, Found]]:
    entry, positions = timed.policy.site.roles[role], timed.t.positions[role]
    if entry.spurious_per_h > 0:
        yield "spurious", role, timed.spurious(r, role)
    if positions.has(Kind.RETRYING):
        yield "retry", role, timed.retried(r, role, works=True)
        yield "retry_fails", role, timed.retried(r, role, works=False)
    if positions.has(Kind.RESTORING):
        yield "restoration", role, timed.placed_after(r, role, Kind.RESTORING, "restoration_h", None)
    if entry.failback == "automatic" and entry.failback_after_h > 0:
        yield "failback", role, timed.given_back(r, role)
    if positions.has(Kind.MENDING):
        share = Given("split_restore_share", role) if positions.has(Kind.RESTORING_DATA) else None
        yield "mending", role, timed.placed_after(r, role, Kind.MENDING, "split_mend_h", share)
    if positions.has(Kind.RESTORING_DATA):
        yield "data_loss", role, timed.lost_data(r, role)
        yield "data_restore", role, timed.placed_after(r, role, Kind.RESTORING_DATA, "split_restore_h", None)
    if positions.drifts:
        yield "drift", role, timed.drifts(r, role)
        if math.isfinite(entry.drill_every_h):
            yield "drill", role, timed.drilled(r, role, held=True)
            yield "drill_finds", role, timed.drilled(r, role, held=False)
    if positions.has(Kind.DRILLING):
        yield "drill_end", role, timed.drill_ends(r, role)
