"""How roles change hands when they stick: takeover, failed takeover, out of service and back, by the vendor's rules.

A *control state* says who holds each role that can move (or that it is on its way, or stranded after a takeover
that failed) and for each redundant server whether it is in service, out of service, or in maintenance. A
*condition* says which of the role's predicates hold for the failed parts. Together they say what happens:

at once     a server that is down comes back out of service; a role whose holder has lost a trigger, noticed by
            a backup that is ready, starts to move: the former holder shuts down, with the coverage the role is on
            its way, else it is stranded. With automatic failback, servers and roles return at once.
in time     a role on its way arrives after the switchover time at a holder that is ready, and is stranded if none
            is. A person places a stranded role at a healthy or able holder, and a server that is good again back
            in service; a server is taken into maintenance, its roles moved first.

Roles that start to move at one instant are one takeover: one success or failure, one switchover.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import BoolArray, Node
from k2rel.policy.rules import Policy

__all__ = ["Takeover", "TakeoverTable", "TakeoverTimes"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_ENTRIES = 20_000_000
_KEPT_ENTRIES = 500_000
_IN_SERVICE, _OUT, _MAINTAINED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class TakeoverTimes:
    """Times of what persons do about roles and servers.

    Parameters
    ----------
    return_h : float
        Mean time to place a server back in service once it is good again [h].
    manual_takeover_h : float
        Mean time until a person places a role after a takeover that failed [h].
    maintenance_every_h : float
        Mean time from one maintenance of a server to the next [h]; infinite for none.
    maintenance_h : float
        Mean time that a server is in maintenance [h].
    """

    return_h: float = 1.0
    manual_takeover_h: float = 1.0
    maintenance_every_h: float = math.inf
    maintenance_h: float = 2.0


@dataclass(frozen=True, eq=False)
class TakeoverTable:
    """What follows from each condition and control state.

    Parameters
    ----------
    settled, failed : array of int, shape (conditions, controls)
        Control state that follows at once, with a takeover that succeeds and with one that fails.
    coverage : array of float, shape (conditions, controls)
        Probability of the first.
    rate_per_h : array of float, shape (events, conditions, controls)
        Rate of each event in time [1/h].
    leads_to : array of int, shape (events, conditions, controls)
        Control state that it leads to, before what follows at once.
    """

    settled: IntArray
    failed: IntArray
    coverage: FloatArray
    rate_per_h: FloatArray
    leads_to: IntArray


class Takeover:
    """The control states of a site and how they follow each other.

    Parameters
    ----------
    policy : Policy
        The site's rules, sticky.
    times : TakeoverTimes
        Times of what persons do.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> takeover = Takeover(Policy(read_site("L2R"), sticky=True), TakeoverTimes())
    >>> takeover.controls, takeover.words(0)
    (16, 'file_system at A')
    """

    def __init__(self, policy: Policy, times: TakeoverTimes) -> None:
        self.policy = policy
        self.times = times
        site = policy.site
        self.roles = tuple(name for name, role in site.roles.items() if len(role.holders) > 1)
        self.servers = policy.redundant_servers
        self.maintained = math.isfinite(times.maintenance_every_h)
        self._holders = {role: policy.holders(role) for role in self.roles}
        sizes = [len(self._holders[role]) + 2 for role in self.roles] + [3 if self.maintained else 2] * len(
            self.servers
        )
        self._sizes = np.array(sizes, dtype=np.int64)
        self._unit = np.concatenate([[1], np.cumprod(self._sizes)]).astype(np.int64)
        self.controls = int(self._unit[-1])
        if self.controls > 200_000:
            raise ModelTooLargeError(
                f"{site.name}: {len(self.roles)} roles on {len(self.servers)} servers have {self.controls:,} "
                "control states"
            )

    def on_its_way(self, role: str) -> int:
        """Code of a role that is moving; the next one stands for a stranded role."""
        return len(self._holders[role])

    @cached_property
    def digits(self) -> IntArray:
        """Place of each role, then state of each server, of every control state (controls x digits)."""
        if not len(self._sizes):
            return np.zeros((1, 0), dtype=np.int64)
        return np.asarray(np.arange(self.controls)[:, None] // self._unit[:-1] % self._sizes)

    @cached_property
    def moving(self) -> BoolArray:
        """Whether some role is on its way, for every control state."""
        return self._some_role_is(0)

    @cached_property
    def stranded(self) -> BoolArray:
        """Whether some role is stranded, for every control state."""
        return self._some_role_is(1)

    def _some_role_is(self, beyond: int) -> BoolArray:
        codes = np.array([self.on_its_way(role) + beyond for role in self.roles], dtype=np.int64)
        return np.asarray((self.digits[:, : len(codes)] == codes).any(axis=1))

    @cached_property
    def quiet(self) -> IntArray:
        """Control states in which every role is held and every server is in service."""
        served = (self.digits[:, len(self.roles) :] == _IN_SERVICE).all(axis=1)
        return np.flatnonzero(served & ~self.moving & ~self.stranded)

    @cached_property
    def conditions(self) -> list[Node]:
        """Predicates of the failed parts that decide anything here."""
        policy = self.policy
        nodes = []
        for role in self.roles:
            for holder in self._holders[role]:
                nodes += [policy.noticed(holder), policy.healthy(holder), policy.able(holder)]
                nodes += [lost for _, lost in policy.servers_lost(holder)]
        for server in self.servers:
            nodes += [policy.works(server), policy.unit_kept(server)]
        return list(dict.fromkeys(nodes))

    def variables(self, controls: IntArray) -> dict[str, BoolArray]:
        """Spell control states as the variables of the sticky policy.

        Parameters
        ----------
        controls : array of int
            Control states.

        Returns
        -------
        dict of str to array of bool
            For each variable its value in each of them.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> takeover = Takeover(Policy(read_site("L2R"), sticky=True), TakeoverTimes())
        >>> takeover.variables(np.array([0]))["file_system held by 0"].tolist()
        [True]
        """
        digits = self.digits[controls]
        result: dict[str, BoolArray] = {}
        for r, role in enumerate(self.roles):
            for index in range(len(self._holders[role])):
                result[self.policy.held_by(role, index)] = digits[:, r] == index
        for i, server in enumerate(self.servers):
            result[self.policy.placed(server)] = digits[:, len(self.roles) + i] == _IN_SERVICE
        return result

    def words(self, control: int) -> str:
        """Say in words what a control state is.

        Parameters
        ----------
        control : int
            The control state.

        Returns
        -------
        str
            Where each role is, and which servers are not in service.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> Takeover(Policy(read_site("L2R"), sticky=True), TakeoverTimes()).words(5)
        'file_system at B, server_A out of service'
        """
        digits = self.digits[control].tolist()
        parts = []
        for role, place in zip(self.roles, digits, strict=False):
            holders = self._holders[role]
            if place < len(holders):
                alike = sum(holder.side == holders[place].side for holder in holders) > 1
                parts.append(f"{role} at {holders[place].on if alike and holders[place].on else holders[place].side}")
            else:
                parts.append(f"{role} " + ("on its way" if place == len(holders) else "stranded"))
        for server, state in zip(self.servers, digits[len(self.roles) :], strict=True):
            if state != _IN_SERVICE:
                parts.append(f"{server} " + ("out of service" if state == _OUT else "in maintenance"))
        return ", ".join(parts) or "nothing to move"

    def table(self, conditions: BoolArray) -> TakeoverTable:
        """Work out what follows from conditions, in every control state.

        Parameters
        ----------
        conditions : array of bool, shape (conditions, predicates)
            Different combinations of the predicates of `conditions`.

        Returns
        -------
        TakeoverTable
            What follows.

        Raises
        ------
        ModelTooLargeError
            If there are too many combinations.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> takeover = Takeover(Policy(read_site("L1"), sticky=True), TakeoverTimes())
        >>> takeover.table(np.zeros((1, 0), dtype=bool)).settled.tolist()
        [[0]]
        """
        count = len(conditions)
        if count * self.controls > _MOST_ENTRIES:
            raise ModelTooLargeError(
                f"{self.policy.site.name}: {count:,} conditions times {self.controls:,} control states are too many"
            )
        return _kept(self.policy, self.times).table(self, np.asarray(conditions, dtype=np.bool_))


class _Kept:
    """What follows from conditions that were met before; designs that differ in failure rates alone share most.

    Places and rows are swapped together, so that threads that meet here lose work at most.
    """

    def __init__(self) -> None:
        self._known: tuple[dict[bytes, int], TakeoverTable | None] = ({}, None)

    def table(self, takeover: Takeover, conditions: BoolArray) -> TakeoverTable:
        """Put a table together from what is kept, and work out the rest."""
        if len(conditions) * takeover.controls > _KEPT_ENTRIES:
            return _Follow(takeover, conditions).table()
        keys = [row.tobytes() for row in conditions]
        place, rows = self._known
        new = [i for i, key in enumerate(keys) if key not in place]
        if (len(place) + len(new)) * takeover.controls > _KEPT_ENTRIES:
            place, rows, new = {}, None, list(range(len(keys)))
        if new or rows is None:
            made = _Follow(takeover, conditions[new]).table()
            rows = made if rows is None else _joined(rows, made)
            place = place | {keys[i]: len(place) + k for k, i in enumerate(new)}
            self._known = place, rows
        here = np.array([place[key] for key in keys], dtype=np.int64)
        return TakeoverTable(rows.settled[here], rows.failed[here], rows.coverage[here],
                             rows.rate_per_h[:, here], rows.leads_to[:, here])  # fmt: skip


@lru_cache(maxsize=16)
def _kept(policy: Policy, times: TakeoverTimes) -> _Kept:
    return _Kept()


def _joined(first: TakeoverTable, second: TakeoverTable) -> TakeoverTable:
    rows = {n: np.concatenate([getattr(first, n), getattr(second, n)]) for n in ("settled", "failed", "coverage")}
    events = {n: np.concatenate([getattr(first, n), getattr(second, n)], axis=1) for n in ("rate_per_h", "leads_to")}
    return TakeoverTable(**rows, **events)


class _Follow:
    """One table in the making: every condition with every control state, as flat arrays."""

    def __init__(self, takeover: Takeover, conditions: BoolArray) -> None:
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
            column[where & when & (column == _IN_SERVICE)] = _OUT

    def _servers_down(self, state: IntArray) -> None:
        """A server that is down comes back out of service; with automatic failback it returns by itself."""
        for server in self.t.servers:
            column = state[:, self._column(server)]
            works, kept = self._holds([self.policy.works(server), self.policy.unit_kept(server)], state)
            column[~works & (column == _IN_SERVICE)] = _OUT
            if self.policy.returns_by_itself(server):
                column[works & kept & (column == _OUT)] = _IN_SERVICE

    def _settle(self, start: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        """What follows at once: with success, with failure, and the probability of success."""
        good = start.copy()
        bad = start.copy()
        coverage = np.ones(len(start))
        begun = np.zeros(len(start), dtype=np.bool_)
        for _ in range(2 * len(self.t.roles) + 2):
            self._servers_down(good)
            here = begun.copy()
            moved = self._begin(good, coverage, here)
            new = moved & ~begun
            bad[new] = good[new]
            for r, role in enumerate(self.t.roles):
                left = new & (self.moved_now[:, r] >= 0)
                bad[left, r] = self.t.on_its_way(role) + 1
            begun |= moved
            if not moved.any():
                break
        bad[~begun] = good[~begun]
        if begun.any():
            for _ in range(2 * len(self.t.roles) + 2):
                self._servers_down(bad)
                if not self._begin(bad, np.ones(len(bad)), np.ones(len(bad), dtype=np.bool_)).any():
                    break
        return good, bad, coverage

    def _begin(self, state: IntArray, coverage: FloatArray, counted: BoolArray) -> BoolArray:
        """Start every takeover that is due; says where any was. `moved_now` keeps from which holder."""
        due = np.zeros(len(state), dtype=np.bool_)
        self.moved_now = np.full((len(state), len(self.t.roles)), -1, dtype=np.int64)
        target = np.full_like(self.moved_now, -1)
        for r, role in enumerate(self.t.roles):
            entry = self.policy.site.roles[role]
            for place in range(len(self.t._holders[role])):
                takes = self._holds(self.policy.takes(role, place), state)
                if entry.failback == "automatic" and place > 0:
                    takes[0] = takes[0] | self._holds([self.policy.ready(self.t._holders[role][0])], state)[0]
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
                noticed = self._holds([self.policy.noticed(self.t._holders[role][place])], before)[0]
                forced = where & noticed
                coverage[forced & ~counted] = np.minimum(coverage[forced & ~counted], entry.coverage)
                self._shut(state, role, place, forced)
                due |= where
            moving = self.moved_now[:, r] >= 0
            state[moving, r] = self.t.on_its_way(role) if entry.switchover_h > 0 else target[moving, r]
        return due

    def _arrive(self) -> tuple[IntArray, FloatArray]:
        """Roles on their way arrive, all together."""
        state = self.start.copy()
        longest = np.zeros(len(state))
        for r, role in enumerate(self.t.roles):
            way = self.t.on_its_way(role)
            moving = self.start[:, r] == way
            longest[moving] = np.maximum(longest[moving], self.policy.site.roles[role].switchover_h)
            ready = self._holds([self.policy.ready(holder) for holder in self.t._holders[role]], self.start)
            state[moving, r] = way + 1
            for place in range(len(ready) - 1, -1, -1):
                state[moving & ready[place], r] = place
        return state, np.divide(1.0, longest, out=np.zeros(len(state)), where=longest > 0)

    def _placed_by_hand(self) -> tuple[IntArray, FloatArray]:
        """A person gives stranded roles to the best holder: ready, else healthy, else able."""
        state = self.start.copy()
        done = np.zeros(len(state), dtype=np.bool_)
        for r, role in enumerate(self.t.roles):
            holders = self.t._holders[role]
            stranded = self.start[:, r] == self.t.on_its_way(role) + 1
            choice = np.full(len(state), -1, dtype=np.int64)
            ready = self._holds([self.policy.ready(holder) for holder in holders], self.start)
            healthy = self._holds([self.policy.healthy(holder) for holder in holders], self.start)
            able = self._holds([self.policy.able(holder) for holder in holders], self.start)
            for rank in (able, healthy, ready):
                for place in range(len(holders) - 1, -1, -1):
                    working = self._holds(
                        [self.policy.works(s) for s in self.policy.servers(holders[place])], self.start
                    )
                    free = [self.start[:, self._column(s)] != _MAINTAINED for s in self.policy.servers(holders[place])]
                    choice[np.logical_and.reduce([stranded, rank[place], *working, *free])] = place
            for place, holder in enumerate(holders):
                where = choice == place
                state[where, r] = place
                for server in self.policy.servers(holder):
                    state[where, self._column(server)] = _IN_SERVICE
            done |= choice >= 0
        return state, np.where(done, 1.0 / self.t.times.manual_takeover_h, 0.0)

    def _returned(self, server: str) -> tuple[IntArray, FloatArray]:
        """A person places a server back in service: when it is good again, or when a role waits for it."""
        column = self._column(server)
        works, kept = self._holds([self.policy.works(server), self.policy.unit_kept(server)], self.start)
        awaited = np.zeros(len(self.start), dtype=np.bool_)
        for r, role in enumerate(self.t.roles):
            for place, holder in enumerate(self.t._holders[role]):
                if server in self.policy.servers(holder):
                    awaited |= self.start[:, r] == place
        out = (self.start[:, column] == _OUT) & works & (kept | awaited)
        kept_up = (self.start[:, column] == _MAINTAINED) & works
        state = self.start.copy()
        state[out | kept_up, column] = _IN_SERVICE
        rate = np.where(out, 1.0 / self.t.times.return_h, 0.0) + np.where(
            kept_up, 1.0 / self.t.times.maintenance_h, 0.0
        )
        return state, rate

    def _maintained(self, server: str) -> tuple[IntArray, FloatArray]:
        """A server is taken into maintenance, its roles moved away first; only while everything is good."""
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
                state[where, r] = self.t.on_its_way(role) if switchover > 0 else elsewhere
        state[:, self._column(server)] = _MAINTAINED
        return state, np.where(allowed, 1.0 / self.t.times.maintenance_every_h, 0.0)

    def table(self) -> TakeoverTable:
        """Put everything together."""
        shape = (self.count, self.t.controls)
        good, bad, coverage = self._settle(self.start)
        events = []
        if self.t.roles:
            events = [self._arrive(), self._placed_by_hand(), *(self._returned(s) for s in self.t.servers)]
            if self.t.maintained:
                events += [self._maintained(server) for server in self.t.servers]
        rates = np.array([rate for _, rate in events]).reshape(len(events), *shape)
        leads = np.array([self._encode(state) for state, _ in events], dtype=np.int64).reshape(len(events), *shape)
        return TakeoverTable(
            self._encode(good).reshape(shape), self._encode(bad).reshape(shape), coverage.reshape(shape), rates, leads
        )
