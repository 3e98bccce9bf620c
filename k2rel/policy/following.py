"""What follows from each condition and control state: takeovers, failed takeovers, operators; all of it at once.

Every condition is put beside every control state, as flat arrays. The rules themselves are those that
`k2rel.policy.takeover` describes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import BoolArray, Node
from k2rel.policy.controls import IN_SERVICE, MAINTAINED, OUT, Controls
from k2rel.site.coverage import coverage_name

__all__ = ["TableSlope", "TakeoverTable", "counted", "followed", "smallest", "table_slopes"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TakeoverTable:
    """What follows from each condition and control state: arrays (conditions, controls), of events first by event."""

    settled: IntArray  # control state that follows at once, with a takeover that succeeds
    failed: IntArray  # and with one that fails
    coverage: FloatArray  # probability of success
    decides: IntArray  # bits: which of `Controls.coverages` that probability is; of several with the same one each
    counts: IntArray  # bits: all of `Controls.coverages` that count, of which the smallest is that probability
    rate_per_h: FloatArray  # of each event in time
    leads_to: IntArray  # control state after the event, before what follows at once


@dataclass(frozen=True, eq=False)
class TableSlope:
    """Derivative of a table by one thing that is taken as given: places in a flat array, and the value at each."""

    name: str  # of a field of `TakeoverTimes`, or `switchover_h`, or what `coverage_name` says
    role: str | None
    coverage: tuple[IntArray, FloatArray]
    rate_per_h: tuple[IntArray, FloatArray]


def table_slopes(takeover: Controls, table: TakeoverTable) -> list[TableSlope]:
    """Differentiate a table by coverages, switchovers and times of persons; what roles share is split among them.

    Not by a coverage of 0 or 1, nor by a time of 0 or that never ends: what another value leads to is not in the table.

    Examples
    --------
    >>> from k2rel.policy.controls import TakeoverTimes
    >>> from k2rel.policy.rules import Policy
    >>> from k2rel.site import read_site
    >>> controls = Controls(Policy(read_site("L2R"), sticky=True), TakeoverTimes())
    >>> lost = np.zeros((1, len(controls.conditions)), dtype=bool)
    >>> [slope.name for slope in table_slopes(controls, followed(controls, lost))]
    ['coverage', 'coverage[server_software]', 'coverage[fs_database]', 'switchover_h', 'manual_takeover_h', 'return_h']
    """
    if not takeover.roles:
        return []
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    result, roles = [], takeover.policy.site.roles
    bits = np.bitwise_count(table.decides.astype(np.uint64)).reshape(-1)
    for bit, ((role, cause), value) in enumerate(zip(takeover.coverages, takeover.coverage_values, strict=True)):
        if 0.0 < value < 1.0:
            at = np.flatnonzero(table.decides.reshape(-1) & (1 << bit))
            result.append(TableSlope(coverage_name(cause), role, (at, 1.0 / bits[at]), nothing))
    switchover = np.array([roles[role].switchover_h for role in takeover.roles])
    moving = takeover.on_their_way * switchover
    longest = (moving == moving.max(axis=1, keepdims=True)) & (moving > 0.0)
    shared = longest / np.maximum(1, longest.sum(axis=1, keepdims=True))

    def changes(name: str, role: str | None, events: range, among: NDArray[Any], time_h: float) -> None:
        """All events whose mean time it is, in some control states; each rate is 1 over the time."""
        slope = -(table.rate_per_h[events.start : events.stop] * among).reshape(-1) / time_h
        at = np.flatnonzero(slope)
        result.append(TableSlope(name, role, nothing, (at + events.start * table.coverage.size, slope[at])))

    for r, role in enumerate(takeover.roles):
        if switchover[r] > 0.0:
            changes("switchover_h", role, range(1), shared[:, r], switchover[r])
    times, count = takeover.times, len(takeover.servers)
    state = takeover.digits[:, len(takeover.roles) :].T[:, None, :]  # of each server, beside every condition
    everywhere = np.ones(takeover.controls)
    changes("manual_takeover_h", None, range(1, 2), everywhere, times.manual_takeover_h)
    changes("return_h", None, range(2, 2 + count), state == OUT, times.return_h)
    if takeover.maintained:
        changes("maintenance_h", None, range(2, 2 + count), state == MAINTAINED, times.maintenance_h)
        every = range(2 + count, 2 + 2 * count)
        changes("maintenance_every_h", None, every, everywhere, times.maintenance_every_h)
    return result


def counted(stands: BoolArray) -> BoolArray:
    """Which coverages of a role count, by the causes that stand (cases, classes): where none does, the default.

    Examples
    --------
    >>> counted(np.array([[False, True], [False, False]])).tolist()
    [[False, True], [True, False]]
    """
    result = stands.copy()
    result[:, 0] |= ~stands.any(axis=1)
    return result


def smallest(values: FloatArray, counts: BoolArray) -> FloatArray:
    """Probability that a takeover succeeds: the smallest coverage that counts, and 1 where none does.

    Examples
    --------
    >>> smallest(np.array([0.95, 0.8]), np.array([[True, True], [False, False]])).tolist()
    [0.8, 1.0]
    """
    return np.asarray(np.where(counts, values, 1.0).min(axis=1, initial=1.0))


def followed(takeover: Controls, conditions: BoolArray) -> TakeoverTable:
    """Work out what follows from conditions in every control state.

    Examples
    --------
    >>> from k2rel.policy.controls import TakeoverTimes
    >>> from k2rel.policy.rules import Policy
    >>> from k2rel.site import read_site
    >>> controls = Controls(Policy(read_site("L1"), sticky=True), TakeoverTimes())
    >>> followed(controls, np.zeros((1, 0), dtype=bool)).settled.tolist()
    [[0]]
    """
    return _Follow(takeover, conditions).table()


class _Follow:
    """One table in the making: every condition with every control state, as flat arrays."""

    def __init__(self, takeover: Controls, conditions: BoolArray) -> None:
        self.t = takeover
        self.policy = takeover.policy
        self.count = len(conditions)
        self.condition = np.repeat(np.arange(self.count), takeover.controls)
        self.known = {node: conditions[:, i][self.condition] for i, node in enumerate(takeover.conditions)}
        self.start = np.tile(takeover.digits, (self.count, 1))
        self.first_server = len(takeover.roles)

    def _holds(self, nodes: Sequence[Node], state: IntArray) -> list[BoolArray]:
        """Evaluate predicates under the control states as they are now."""
        variables = self._at_start if state is self.start else self.t.variables(self._encode(state))
        return self.policy.structure.values(nodes, variables, self.known)

    @cached_property
    def _at_start(self) -> dict[str, BoolArray]:
        return self.t.variables(self._encode(self.start))

    def _encode(self, state: IntArray) -> IntArray:
        return np.asarray(state @ self.t._unit[:-1]) if state.shape[1] else np.zeros(len(state), dtype=np.int64)

    def _column(self, server: str) -> int:
        return self.first_server + self.t.servers.index(server)

    def _shut(self, state: IntArray, role: str, place: int, where: BoolArray) -> None:
        """Shut down the servers of a holder that a role leaves."""
        for server, lost in self.policy.servers_lost(self.t._holders[role][place]):
            (when,) = self._holds([lost], state)
            column = state[:, self._column(server)]
            column[where & when & (column == IN_SERVICE)] = OUT

    def _servers_down(self, state: IntArray) -> None:
        """A server that is down comes back out of service; with automatic failback it returns by itself."""
        for server in self.t.servers:
            column = state[:, self._column(server)]
            works, kept = self._holds([self.policy.works(server), self.policy.unit_kept(server)], state)
            column[~works & (column == IN_SERVICE) & ~self._with_a_role(state, server, "in service")] = OUT
            if self.policy.returns_by_itself(server):
                column[works & kept & (column == OUT)] = IN_SERVICE

    def _with_a_role(self, state: IntArray, server: str, restart: str | None = None) -> BoolArray:
        """Whether a server is one of a holder that has a role; of one whose servers restart so, where that is asked."""
        result = np.zeros(len(state), dtype=np.bool_)
        for r, role in enumerate(self.t.roles):
            if restart in (None, self.policy.site.roles[role].restart):
                for place, holder in enumerate(self.t._holders[role]):
                    if server in self.policy.servers(holder):
                        result |= state[:, r] == place
        return result

    def _settle(self, start: IntArray) -> tuple[IntArray, IntArray, BoolArray]:
        """What follows at once: with success, with failure, and which of the coverages count."""
        good = start.copy()
        bad = start.copy()
        begun = np.zeros(len(start), dtype=np.bool_)
        counts = np.zeros((len(start), len(self.t.coverages)), dtype=np.bool_)
        for _ in range(2 * len(self.t.roles) + 2):
            self._servers_down(good)
            moved = self._begin(good, counts, ~begun)
            new = moved & ~begun
            bad[new] = good[new]
            for r, role in enumerate(self.t.roles):
                left = new & (self.moved_now[:, r] >= 0)
                bad[left, r] = self.t.failed_at(role) + self.t.remembered(role, self.moved_now[left, r])
            begun |= moved
            if not moved.any():
                break
        bad[~begun] = good[~begun]
        if begun.any():
            for _ in range(2 * len(self.t.roles) + 2):
                self._servers_down(bad)
                if not self._begin(bad, counts, np.zeros(len(bad), dtype=np.bool_)).any():
                    break
        return good, bad, counts

    def _begin(self, state: IntArray, counts: BoolArray, first: BoolArray) -> BoolArray:
        """Start every takeover that is due; says where any was. `moved_now` keeps from which holder.

        Where it is the first takeover at this instant, `counts` is told which coverages count.
        """
        due = np.zeros(len(state), dtype=np.bool_)
        self.moved_now = np.full((len(state), len(self.t.roles)), -1, dtype=np.int64)
        target = np.full_like(self.moved_now, -1)
        for r, role in enumerate(self.t.roles):
            entry = self.policy.site.roles[role]
            for place in range(len(self.t._holders[role])):
                takes = self._holds(self.policy.takes(role, place), state)
                if entry.failback == "automatic" and place > 0:
                    takes[0] = takes[0] | self._holds([self.policy.ready(role, self.t._holders[role][0])], state)[0]
                for other, when in enumerate(takes):
                    where = (state[:, r] == place) & when & (self.moved_now[:, r] < 0)
                    self.moved_now[where, r], target[where, r] = place, other
        before = state.copy()
        for r, role in enumerate(self.t.roles):
            entry = self.policy.site.roles[role]
            for place in range(len(self.t._holders[role])):
                where = self.moved_now[:, r] == place
                if not where.any():
                    continue
                forced = where & self._holds([self.policy.left(role, place)], before)[0]
                self._count(counts, role, place, forced & first)
                self._shut(state, role, place, forced)
                due |= where
            moving = self.moved_now[:, r] >= 0
            on_its_way = self.t.on_its_way(role) + self.t.remembered(role, self.moved_now[moving, r])
            state[moving, r] = on_its_way if entry.switchover_h > 0 else target[moving, r]
        return due

    def _count(self, counts: BoolArray, role: str, place: int, where: BoolArray) -> None:
        """Coverages of the causes that stand for a holder; a loss without such a cause has the role's default."""
        nodes = [node for _, node in self.policy.causes(role, place)]
        mine = [n for n, (other, _) in enumerate(self.t.coverages) if other == role]
        stands = self._holds(nodes, self.start) or [np.zeros_like(where)]
        counts[:, mine] |= where[:, None] & counted(np.column_stack(stands))

    def _arrive(self) -> tuple[IntArray, FloatArray]:
        """Roles on their way arrive, all together: at a holder that is ready, else one that is able, if that is enough.

        Where there is none they are stranded.
        """
        state = self.start.copy()
        longest = np.zeros(len(state))
        for r, role in enumerate(self.t.roles):
            on_its_way, takeover_failed = self.t.on_its_way(role), self.t.failed_at(role)
            moving = (self.start[:, r] >= on_its_way) & (self.start[:, r] < takeover_failed)
            longest[moving] = np.maximum(longest[moving], self.policy.site.roles[role].switchover_h)
            holders = self.t._holders[role]
            state[moving, r] += takeover_failed - on_its_way
            for rule in (self.policy.willing, self.policy.ready):
                good = self._holds([rule(role, holder) for holder in holders], self.start)
                for place in range(len(holders) - 1, -1, -1):
                    state[moving & good[place], r] = place
        return state, np.divide(1.0, longest, out=np.zeros(len(state)), where=longest > 0)

    def _placed_by_hand(self) -> tuple[IntArray, FloatArray]:
        """An operator gives stranded roles to the best holder: ready, else fit but out of service, else able."""
        state = self.start.copy()
        done = np.zeros(len(state), dtype=np.bool_)
        for r, role in enumerate(self.t.roles):
            choice = self._chosen(r, role)
            for place, holder in enumerate(self.t._holders[role]):
                where = choice == place
                for former in range(len(self.t._holders[role])):
                    self._shut(state, role, former, where & (self.start[:, r] == former))
                state[where, r] = place
                for server in self.policy.servers(holder):
                    state[where, self._column(server)] = IN_SERVICE
            done |= choice >= 0
        return state, np.where(done, 1.0 / self.t.times.manual_takeover_h, 0.0)

    def _chosen(self, r: int, role: str) -> IntArray:
        """Where an operator places a role; -1 where nothing is to be done or nobody can have it."""
        policy, holders = self.policy, self.t._holders[role]
        entry, digit = policy.site.roles[role], self.start[:, r]
        ready = self._holds([policy.ready(role, holder) for holder in holders], self.start)
        fit = self._holds([policy.fit(role, holder) for holder in holders], self.start)
        able = self._holds([policy.able(holder) for holder in holders], self.start)
        choice = np.full(len(digit), -1, dtype=np.int64)
        waiting = digit - self.t.failed_at(role)  # what it remembers, from 0
        for former in range(self.t.memory[role]):
            order = list(range(len(holders)))
            if entry.operator_places != "preferred":
                order.remove(former)
                order.insert(0 if entry.operator_places == "former" else len(order), former)
            for rank in (able, fit, ready):
                for place in reversed(order):
                    servers = policy.servers(holders[place])
                    working = self._holds([policy.works(server) for server in servers], self.start)
                    free = [self.start[:, self._column(server)] != MAINTAINED for server in servers]
                    choice[np.logical_and.reduce([waiting == former, rank[place], *working, *free])] = place
        if entry.operator_moves == "any loss":
            for former in range(len(holders)):
                down = ~(able[former] if entry.is_service else fit[former])
                for place in range(len(holders) - 1, -1, -1):
                    if place != former:
                        choice[(digit == former) & down & ready[place] & able[place]] = place
        return choice

    def _returned(self, server: str) -> tuple[IntArray, FloatArray]:
        """An operator places a server back in service: when it is restored, or when a role waits for it."""
        column = self._column(server)
        works, kept = self._holds([self.policy.works(server), self.policy.unit_kept(server)], self.start)
        awaited = self._with_a_role(self.start, server)
        out = (self.start[:, column] == OUT) & works & (kept | awaited)
        kept_up = (self.start[:, column] == MAINTAINED) & works
        state = self.start.copy()
        state[out | kept_up, column] = IN_SERVICE
        rate = np.where(out, 1.0 / self.t.times.return_h, 0.0) + np.where(
            kept_up, 1.0 / self.t.times.maintenance_h, 0.0
        )
        return state, rate

    def _maintained(self, server: str) -> tuple[IntArray, FloatArray]:
        """A server is taken into maintenance, its roles moved away first; only while nothing has failed."""
        state = self.start.copy()
        allowed = np.isin(self._encode(self.start), self.t.quiet)
        for other in self.t.servers:
            works, kept = self._holds([self.policy.works(other), self.policy.unit_kept(other)], self.start)
            allowed &= works & kept
        for r, role in enumerate(self.t.roles):
            holders = self.t._holders[role]
            switchover = self.policy.site.roles[role].switchover_h
            for place, holder in enumerate(holders):
                if server not in self.policy.servers(holder):
                    continue
                where = self.start[:, r] == place
                elsewhere = next(n for n in range(len(holders)) if n != place)
                on_its_way = self.t.on_its_way(role) + int(self.t.remembered(role, np.array(place)))
                state[where, r] = on_its_way if switchover > 0 else elsewhere
        state[:, self._column(server)] = MAINTAINED
        return state, np.where(allowed, 1.0 / self.t.times.maintenance_every_h, 0.0)

    def table(self) -> TakeoverTable:
        """Put everything together."""
        shape = (self.count, self.t.controls)
        good, bad, counts = self._settle(self.start)
        given = self.t.coverage_values
        coverage = smallest(given, counts)
        bits = 1 << np.arange(len(given))
        decides, every = (counts & (given == coverage[:, None])) @ bits, counts @ bits
        events = []
        if self.t.roles:
            events = [self._arrive(), self._placed_by_hand(), *(self._returned(s) for s in self.t.servers)]
            if self.t.maintained:
                events += [self._maintained(server) for server in self.t.servers]
        rates = np.array([rate for _, rate in events]).reshape(len(events), *shape)
        leads = np.array([self._encode(state) for state, _ in events], dtype=np.int64).reshape(len(events), *shape)
        return TakeoverTable(
            self._encode(good).reshape(shape), self._encode(bad).reshape(shape), coverage.reshape(shape),
            decides.reshape(shape), every.reshape(shape), rates, leads,
        )  # fmt: skip
