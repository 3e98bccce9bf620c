"""What follows at once from each condition and control state: takeovers that begin, servers that go out of service.

Conditions are put beside control states as flat arrays. The rules themselves are those that `k2rel.policy.takeover`
describes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import IntFlag
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import FALSE, BoolArray, Node
from k2rel.policy.controls import IN_SERVICE, OUT, Controls
from k2rel.policy.positions import Kind
from k2rel.site.coverage import detection_times

__all__ = ["Begins", "Follow", "counted", "smallest"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Begins(IntFlag):
    """What begins at one instant; of roles that go back to their first holder by themselves as a takeover does, too."""

    TAKEOVER = 1
    GIVEBACK = 2  # planned, with a time of its own


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


class Follow:
    """Pairs of a condition and a control state, as flat arrays, and what follows from each at once.

    Roles that are `known` are where they are: no rule moves them, neither at once nor in time.
    """

    def __init__(
        self, takeover: Controls, conditions: BoolArray, condition: IntArray, control: IntArray,
        known: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.t = takeover
        self.free = [(r, role) for r, role in enumerate(takeover.roles) if role not in known]
        self.policy = takeover.policy
        self.known = {node: conditions[:, i][condition] for i, node in enumerate(takeover.conditions)}
        self.start = takeover.digits[control]
        self._control = control
        self.begins = np.zeros(len(self.start), dtype=np.int64)  # what begins at once, bits of `Begins`

    def holds(self, nodes: Sequence[Node], state: IntArray) -> list[BoolArray]:
        """Evaluate predicates under the control states as they are now."""
        variables = self._at_start if state is self.start else self.t.variables(self.t.encoded(state))
        found = self.policy.structure.values(nodes, variables, self.known)
        return [np.broadcast_to(value, (len(state),)) for value in found]

    @cached_property
    def _at_start(self) -> dict[str, BoolArray]:
        return self.t.variables(self._control)

    def held_by(self, state: IntArray, r: int, place: int) -> BoolArray:
        """Where a role is with a holder, or a takeover from there begins at this instant."""
        positions = self.t.positions[self.t.roles[r]]
        result = state[:, r] == positions.code(Kind.HELD, place)
        if positions.has(Kind.CALLED):
            result = result | (state[:, r] == positions.code(Kind.CALLED, place))
        return np.asarray(result)

    def called(self, state: IntArray, r: int) -> BoolArray:
        """Where a takeover of a role begins at this instant, found after a while or without a cause."""
        return self.t.positions[self.t.roles[r]].among(state[:, r], Kind.CALLED)

    def settled(self) -> tuple[IntArray, IntArray, BoolArray]:
        """What follows at once: with success, with failure, and which coverages count.

        Of the coverages first those of the roles, then of fences, then that a takeover is unready and fails.
        """
        good = self.start.copy()
        bad = self.start.copy()
        begun = np.zeros(len(good), dtype=np.bool_)
        counts = np.zeros((len(good), self.t.unready_bit + 1), dtype=np.bool_)
        rounds = 2 * len(self.t.roles) + 2 + 2 * len(self.policy.site.suspensions)
        for _ in range(rounds):
            self._before_takeovers(good)
            unready = {role: good[:, self.t.drift_column(role)] == 1 for role in self.t.drifting}
            moved = self._begin(good, counts, ~begun)
            takeover = self.forced_now.any(axis=1)
            new = takeover & ~begun
            bad[new] = good[new]
            for r, role in enumerate(self.t.roles):
                self._failed(bad, new & self.forced_now[:, r], r, unready.get(role))
            begun |= takeover
            if not moved.any():
                break
        bad[~begun] = good[~begun]
        begins = self.begins.copy()
        if begun.any():
            for _ in range(rounds):
                self._before_takeovers(bad)
                if not self._begin(bad, counts, np.zeros(len(bad), dtype=np.bool_)).any():
                    break
        self.begins = begins  # what else begins after a failure belongs to it
        for r, role in enumerate(self.t.roles):  # nobody could take what had been called for
            for code in self.t.positions[role].codes(Kind.CALLED):
                for state in (good, bad):
                    state[state[:, r] == code, r] = self.t.positions[role].all[code].holder or 0
        return good, bad, counts

    def _failed(self, bad: IntArray, left: BoolArray, r: int, unready: BoolArray | None) -> None:
        """A role whose takeover failed is tried again, or waits for an operator; its former holder is down as well."""
        role = self.t.roles[r]
        positions = self.t.positions[role]
        for place in range(len(self.t._holders[role])):
            where = left & (self.moved_now[:, r] == place)
            if not where.any():
                continue
            bad[where, r] = positions.code(Kind.STRANDED, place)
            if positions.has(Kind.RETRYING):
                again = where if unready is None else where & ~unready
                bad[again, r] = positions.code(Kind.RETRYING, place)
            self.shut(bad, role, place, where & self.split_now[:, r])

    def shut(self, state: IntArray, role: str, place: int, where: BoolArray) -> None:
        """Shut down the servers of a holder that a role leaves."""
        if not where.any():
            return
        for server, lost in self.policy.servers_lost(self.t._holders[role][place]):
            (when,) = self.holds([lost], state)
            column = state[:, self.t.server_column(server)]
            column[where & when & (column == IN_SERVICE)] = OUT

    def _before_takeovers(self, state: IntArray) -> None:
        """Parts that are suspended, servers that are down or stopped, splits that end."""
        for _ in self.policy.site.suspensions:  # one may depend on another
            for number, entry in enumerate(self.policy.site.suspensions):
                column = state[:, self.t.suspension_column(number)]
                begins, stays = self.holds([self.policy.suspends(entry), self.policy.stays_suspended(entry)], state)
                column[:] = begins | (stays & (column == 1))
        self._servers_down(state)
        for r, role in enumerate(self.t.roles):
            if self.t.positions[role].has(Kind.SPLIT):
                self._end_splits(state, r, role)

    def _servers_down(self, state: IntArray) -> None:
        """A server that is down comes back out of service; with automatic failback it returns by itself."""
        for server in self.t.servers:
            column = state[:, self.t.server_column(server)]
            works, kept = self.holds([self.policy.works(server), self.policy.unit_kept(server)], state)
            column[~works & (column == IN_SERVICE) & ~self.with_a_role(state, server, "in service")] = OUT
            if self.policy.returns_by_itself(server):
                column[works & kept & (column == OUT)] = IN_SERVICE
        for r, role in enumerate(self.t.roles):
            holders = self.t._holders[role]
            for place, holder in enumerate(holders):
                shot = [each for n, other in enumerate(holders) if n != place
                        for each in self.policy.shot(role, holder, other)]  # fmt: skip
                for server, when in shot:
                    where = self.held_by(state, r, place) & self.holds([when], state)[0]
                    column = state[:, self.t.server_column(server)]
                    column[where & (column == IN_SERVICE) & ~self.with_a_role(state, server)] = OUT

    def with_a_role(self, state: IntArray, server: str, restart: str | None = None) -> BoolArray:
        """Whether a server is one of a holder that has a role; of one whose servers restart so, where that is asked."""
        result = np.zeros(len(state), dtype=np.bool_)
        for r, role in enumerate(self.t.roles):
            if restart not in (None, self.policy.site.roles[role].restart):
                continue
            for place, holder in enumerate(self.t._holders[role]):
                if server in self.policy.servers(holder):
                    result |= self.held_by(state, r, place)
                    for code, at in enumerate(self.t.positions[role].all):
                        if at.kind == Kind.SPLIT and place in (at.holder, at.other):
                            result |= state[:, r] == code
        return result

    def _end_splits(self, state: IntArray, r: int, role: str) -> None:
        """Two active holders are so until the first is heard of again, or one of them is gone."""
        positions, holders = self.t.positions[role], self.t._holders[role]
        for code in positions.codes(Kind.SPLIT):
            at = positions.all[code]
            assert at.holder is not None
            assert at.other is not None
            former, new = holders[at.holder], holders[at.other]
            asked = [self.policy.stays_split(former, new), self.policy.alive(former), self.policy.alive(new)]
            stays, former_alive, new_alive = self.holds(asked, state)
            over = (state[:, r] == code) & ~stays
            if positions.has(Kind.MENDING):
                state[over, r] = positions.code(Kind.MENDING)
            else:
                state[over, r] = np.where(~former_alive & new_alive, at.other, at.holder)[over]

    def _begin(self, state: IntArray, counts: BoolArray, first: BoolArray) -> BoolArray:
        """Start every takeover, and planned move, that is due; says where any was.

        `moved_now` keeps from which holder, `forced_now` what is a takeover. Where it is the first takeover at this
        instant, `counts` is told which coverages count.
        """
        due = np.zeros(len(state), dtype=np.bool_)
        self.moved_now = np.full((len(state), len(self.t.roles)), -1, dtype=np.int64)
        self.split_now = np.zeros(self.moved_now.shape, dtype=np.bool_)
        self.forced_now = np.zeros(self.moved_now.shape, dtype=np.bool_)
        target = np.full_like(self.moved_now, -1)
        called = [self.called(state, r) for r in range(len(self.t.roles))]
        for r, role in self.free:
            for place in range(len(self.t._holders[role])):
                here = self.held_by(state, r, place)
                for other, when in enumerate(self._takes(state, role, place, called[r])):
                    where = here & when & (self.moved_now[:, r] < 0)
                    self.moved_now[where, r], target[where, r] = place, other
                    self.forced_now[where, r] = True
                back = here & self._given_back(state, role, place) & ~called[r] & (self.moved_now[:, r] < 0)
                self.moved_now[back, r], target[back, r] = place, 0
        before = state.copy()
        for r, role in enumerate(self.t.roles):
            forced = self.forced_now[:, r]
            for place in range(len(self.t._holders[role])):
                here = forced & (self.moved_now[:, r] == place)
                if not here.any():
                    continue
                split = self.holds([self.policy.split(role, place)], before)[0]
                self.split_now[:, r] |= here & split
                self._count(counts, role, place, here & first, before)
                self.shut(state, role, place, here & ~split)
            due |= self.moved_now[:, r] >= 0
            if role in self.t.drifting:
                state[forced, self.t.drift_column(role)] = 0
            given_back = (self.moved_now[:, r] >= 0) & ~forced
            planned = self.policy.site.roles[role].giveback_h is not None
            self.begins[forced] |= Begins.TAKEOVER
            self.begins[given_back] |= Begins.GIVEBACK if planned else Begins.TAKEOVER
            self._move(state, r, role, forced, target)
        return due

    def _takes(self, state: IntArray, role: str, place: int, called: BoolArray) -> list[BoolArray]:
        """Who takes a role over from a holder at this instant."""
        positions = self.t.positions[role]
        takes = self.holds(self.policy.takes(role, place), state)
        at_once = self._at_once(state, role, place)
        takes = [when & at_once for when in takes]
        if positions.has(Kind.CALLED):
            found = self.holds(self.policy.takes(role, place, called=True), state)
            takes = [np.where(called, now, when) for now, when in zip(found, takes, strict=True)]
        return takes

    def _given_back(self, state: IntArray, role: str, place: int) -> BoolArray:
        """Whether a role goes back to its first holder at once."""
        entry = self.policy.site.roles[role]
        if entry.failback != "automatic" or entry.failback_after_h > 0 or place == 0:
            return np.zeros(len(state), dtype=np.bool_)
        return self.holds([self.policy.ready(role, self.t._holders[role][0])], state)[0]

    def _at_once(self, state: IntArray, role: str, place: int) -> BoolArray:
        """Whether a loss is noticed at once: a cause stands that takes no time to detect."""
        if not self.t.positions[role].delayed:
            return np.ones(len(state), dtype=np.bool_)
        hours = np.array(list(detection_times(self.policy.site.roles[role]).values()))
        stands = self.holds([node for _, node in self.policy.detected_by(role, place)], state)
        each = counted(np.column_stack(stands or [np.zeros(len(state), dtype=np.bool_)]))
        return np.asarray((each & (hours == 0.0)).any(axis=1))

    def _move(self, state: IntArray, r: int, role: str, forced: BoolArray, target: IntArray) -> None:
        """Put a role that leaves its holder where it is next."""
        entry, positions = self.policy.site.roles[role], self.t.positions[role]
        for place, holder in enumerate(self.t._holders[role]):
            where = self.moved_now[:, r] == place
            if not where.any():
                continue
            given_back = where & ~forced
            lasts = entry.switchover_h + self.policy.fence_h(holder) > 0
            state[where, r] = positions.code(Kind.ON_ITS_WAY, place) if lasts else target[where, r]
            if entry.giveback_h is not None:
                back = positions.has(Kind.GIVING_BACK)
                state[given_back, r] = positions.code(Kind.GIVING_BACK, place) if back else target[given_back, r]
            for other in range(len(self.t._holders[role])):
                both = where & self.split_now[:, r] & (target[:, r] == other)
                if both.any():
                    state[both, r] = positions.code(Kind.SPLIT, place, other)

    def _count(self, counts: BoolArray, role: str, place: int, where: BoolArray, before: IntArray) -> None:
        """Coverages of the causes that stand for a holder; a loss without such a cause has the role's default."""
        if not where.any():
            return
        nodes = [node for _, node in self.policy.causes(role, place)]
        mine = [n for n, (other, _) in enumerate(self.t.coverages) if other == role]
        stands = self.holds(nodes, before) or [np.zeros_like(where)]
        counts[:, mine] |= where[:, None] & counted(np.column_stack(stands))
        for unit, n, when in self.policy.fences(self.t._holders[role][place]):
            if (unit, n) in self.t.guards and when != FALSE:
                bit = len(self.t.coverages) + self.t.guards.index((unit, n))
                counts[:, bit] |= where & self.holds([when], before)[0]
        if role in self.t.drifting:
            counts[:, self.t.unready_bit] |= where & (before[:, self.t.drift_column(role)] == 1)
