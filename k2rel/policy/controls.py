"""Control states: the position of each role that can move, and the state of each redundant server.

A server is in service, out of service, or in maintenance. A role whose takeover can become unready unnoticed is ready
or not, a part that can be suspended is or is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import BoolArray, Node
from k2rel.policy.positions import AWAY, Kind, Position, Positions
from k2rel.policy.rules import Policy
from k2rel.policy.terms import Given
from k2rel.site.coverage import coverages, detection_times
from k2rel.site.names import cause_in, place_words
from k2rel.site.roles import Role, Suspension, TakeoverNeed

__all__ = ["DOINGS", "IN_SERVICE", "MAINTAINED", "NO_BACKUP", "NO_HELP", "OUT", "UNSEEN", "Controls", "TakeoverTimes"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

IN_SERVICE, OUT, MAINTAINED = 0, 1, 2

ON_ITS_WAY, STRANDED, BOTH, PLANNED, UNSEEN, NO_BACKUP, NO_HELP = range(7)
DOINGS = (
    "takeover_in_progress", "failed_takeover", "split_brain", "planned_move", "loss_not_detected", "no_backup",
    "no_takeover_helps",
)  # fmt: skip
"""What roles are doing: one moves; one failed to; two sides have one, or that is mended; one is given back or in a
drill; a loss is not detected yet; a server is not in service; none of these."""

_MOST_CONTROLS = 200_000


@dataclass(frozen=True, slots=True)
class TakeoverTimes:
    """Mean times of operator actions."""

    return_h: float = 1.0  # until a restored server is placed back in service
    manual_takeover_h: float = 1.0  # until a role is placed after a failed takeover
    maintenance_every_h: float = math.inf  # from one maintenance of a server to the next
    maintenance_h: float = 2.0


class Controls:
    """The control states of a site.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> takeover = Controls(Policy(read_site("L2R"), sticky=True), TakeoverTimes())
    >>> takeover.controls, takeover.words(0)
    (16, 'file_system at A')
    """

    def __init__(self, policy: Policy, times: TakeoverTimes) -> None:
        self.policy = policy
        self.times = times
        site = policy.site
        self.roles = tuple(site.movable)
        self.servers = policy.redundant_servers
        self.maintained = math.isfinite(times.maintenance_every_h)
        self._holders = {role: policy.holders(role) for role in self.roles}
        self.positions = {role: Positions(policy, role) for role in self.roles}
        self.drifting = tuple(role for role in self.roles if self.positions[role].drifts)
        sizes = [len(self.positions[role]) for role in self.roles] + [3 if self.maintained else 2] * len(self.servers)
        sizes += [2] * (len(self.drifting) + len(site.suspensions))
        self._sizes = np.array(sizes, dtype=np.int64)
        self._unit = np.concatenate([[1], np.cumprod(self._sizes)]).astype(np.int64)
        if math.prod(sizes) > _MOST_CONTROLS:
            raise ModelTooLargeError(
                f"{site.name}: {len(self.roles)} roles on {len(self.servers)} servers can be in {math.prod(sizes):,} "
                f"control states together, more than {_MOST_CONTROLS:,}; leave out the times of some takeovers, "
                "or use --method exact, with ideal takeovers"
            )
        self.controls = int(self._unit[-1])
        if len(self.coverages) + len(self.guards) > 60:  # bits of a whole number
            raise ModelTooLargeError(f"{site.name}: {len(self.coverages)} coverages of its roles; at most 60 together")

    # columns of `digits`: roles, servers, readiness of roles, suspensions

    def server_column(self, server: str) -> int:
        """Column of a server."""
        return len(self.roles) + self.servers.index(server)

    def drift_column(self, role: str) -> int:
        """Column that says that a role's takeover has become unready."""
        return len(self.roles) + len(self.servers) + self.drifting.index(role)

    def suspension_column(self, number: int) -> int:
        """Column that says that a part is suspended, by its place among the site's suspensions."""
        return len(self.roles) + len(self.servers) + len(self.drifting) + number

    @cached_property
    def server_digits(self) -> IntArray:
        """State of each server, of every control state (controls x servers)."""
        return self.digits[:, len(self.roles) : len(self.roles) + len(self.servers)]

    @cached_property
    def coverages(self) -> tuple[tuple[str, str], ...]:
        """Coverages that takeovers can have: role and class of what failed, "" for the role's default."""
        return tuple((role, cause) for role in self.roles for cause in coverages(self.policy.site.roles[role]))

    @cached_property
    def coverage_values(self) -> FloatArray:
        """Probability of each of `coverages`."""
        given = {role: coverages(self.policy.site.roles[role]) for role in self.roles}
        return np.array([given[role][cause] for role, cause in self.coverages], dtype=np.float64)

    @cached_property
    def guards(self) -> tuple[tuple[str, int], ...]:
        """Fences that may not do their work, by unit and number; their coverages multiply that of a takeover."""
        holders = [holder for role in self.roles for holder in self._holders[role]]
        found = [(unit, n) for holder in holders for unit, n, _ in self.policy.fences(holder)]
        return tuple(dict.fromkeys(each for each in found if self.policy.need_of(*each).coverage < 1.0))

    @cached_property
    def guard_values(self) -> FloatArray:
        """Probability of each of `guards`."""
        return np.array([self.policy.need_of(*each).coverage for each in self.guards], dtype=np.float64)

    @property
    def unready_bit(self) -> int:
        """Bit of `TakeoverTable.counts` that says that a takeover fails for certain."""
        return len(self.coverages) + len(self.guards)

    def record_of(self, given: Given) -> Role | TakeoverNeed | Suspension | None:
        """Look up the record that has a number that rates are made of; None for a time of operators."""
        site = self.policy.site
        if given.unit is not None:
            return self.policy.need_of(given.unit, given.need)
        if given.part is not None:
            return next(each for each in site.suspensions if each.part == given.part)
        return None if given.role is None else site.roles[given.role]

    def value(self, given: Given) -> float:
        """Value of a number that rates are made of."""
        record = self.record_of(given)
        field, cause = cause_in(given.field)
        if isinstance(record, Role) and field in ("coverage", "detection_h"):
            return (coverages if field == "coverage" else detection_times)(record)[cause]
        return float(getattr(record or self.times, given.field))

    @cached_property
    def digits(self) -> IntArray:
        """Every control state, a column for each thing that it consists of (controls x columns)."""
        if not len(self._sizes):
            return np.zeros((1, 0), dtype=np.int64)
        return np.asarray(np.arange(self.controls)[:, None] // self._unit[:-1] % self._sizes)

    def encoded(self, digits: IntArray) -> IntArray:
        """Numbers of control states, from their columns."""
        return np.asarray(digits @ self._unit[:-1]) if digits.shape[1] else np.zeros(len(digits), dtype=np.int64)

    def which(self, *kinds: Kind) -> BoolArray:
        """Which roles are in a position of some kinds: (controls, roles)."""
        return np.array([
            np.isin(self.digits[:, r], self.positions[role].codes(*kinds)) for r, role in enumerate(self.roles)
        ], dtype=np.bool_).reshape(len(self.roles), self.controls).T  # fmt: skip

    @cached_property
    def holder(self) -> IntArray:
        """Who has each role, or had it while a takeover from there begins; -1 in other positions (controls, roles)."""
        result = np.full((self.controls, len(self.roles)), -1, dtype=np.int64)
        for r, role in enumerate(self.roles):
            for code, position in enumerate(self.positions[role].all):
                if position.kind in (Kind.HELD, Kind.CALLED) and position.holder is not None:
                    result[self.digits[:, r] == code, r] = position.holder
        return result

    @cached_property
    def moving(self) -> BoolArray:
        """Whether some role is on its way, for every control state."""
        return np.asarray(self.which(Kind.ON_ITS_WAY, Kind.GIVING_BACK, Kind.DRILLING).any(axis=1))

    @cached_property
    def takeover_failed(self) -> BoolArray:
        """Whether some role waits after a takeover that failed, for every control state."""
        return np.asarray(self.which(*AWAY).any(axis=1))

    @cached_property
    def sides_active(self) -> IntArray:
        """How many roles two sides have, for every control state."""
        return np.asarray(self.which(Kind.SPLIT).sum(axis=1))

    @cached_property
    def doing(self) -> IntArray:
        """What the roles are doing, for every control state: a place in `DOINGS`, but for losses not detected."""
        if not self.roles:
            return np.full(self.controls, NO_HELP)
        found = np.where((self.server_digits != IN_SERVICE).any(axis=1), NO_BACKUP, NO_HELP)
        for kinds, doing in reversed(_DOING):
            found[self.which(*kinds).any(axis=1)] = doing
        return found

    @cached_property
    def doings(self) -> tuple[int, ...]:
        """Places in `DOINGS` of what roles can do: what their own rules never lead to is left out."""
        can = {ON_ITS_WAY, STRANDED, NO_BACKUP, NO_HELP}
        every = [self.positions[role] for role in self.roles]
        can |= {doing for kinds, doing in _DOING for at in every if any(map(at.has, kinds))}
        return tuple(sorted(can | ({UNSEEN} if any(at.delayed for at in every) else set())))

    @cached_property
    def quiet(self) -> IntArray:
        """Control states in which every role is held, every server in service and nothing suspended."""
        served = (self.server_digits == IN_SERVICE).all(axis=1) & self.which(Kind.HELD).all(axis=1)
        first = self.suspension_column(0)
        return np.flatnonzero(served & ~self.digits[:, first:].any(axis=1))

    @cached_property
    def conditions(self) -> list[Node]:
        """Predicates of the failed parts that decide anything here."""
        policy = self.policy
        nodes: list[Node] = []
        for role in self.roles:
            for holder in self._holders[role]:
                nodes += [policy.noticed(holder), policy.healthy(holder), policy.able(holder)]
                nodes += policy.heartbeats(role, holder)
                nodes += [lost for _, lost in policy.servers_lost(holder)]
                nodes += [policy.takes_over(holder), policy.silent(holder), policy.unstopped(holder)]
                nodes += [policy.undisturbed(holder)] if policy.site.roles[role].spurious_per_h > 0 else []
                nodes += [policy.works(holder.on)] if holder.on is not None else []
                nodes += [when for unit, n, when in policy.fences(holder) if (unit, n) in self.guards]
                nodes += list(policy.shootings(holder))
        for role in self.roles:
            for place in range(len(self._holders[role])):
                nodes += [cause for _, cause in (*policy.causes(role, place), *policy.detected_by(role, place))]
        for server in self.servers:
            nodes += [policy.works(server), policy.unit_kept(server)]
        for entry in policy.site.suspensions:
            nodes += [policy.suspends(entry), policy.stays_suspended(entry)]
        return self._of_parts_alone(dict.fromkeys(nodes))

    def _of_parts_alone(self, nodes: Sequence[Node] | dict[Node, None]) -> list[Node]:
        """Predicates without variables of control states: those that have some are taken apart."""
        if not self.policy.site.suspensions:
            return [node for node in nodes if self.policy.structure.gate(node)[0] not in ("true", "false")]
        structure = self.policy.structure
        controls = set(self._variables)
        found: dict[Node, None] = {}
        todo = list(reversed(list(nodes)))
        while todo:
            node = todo.pop()
            kind, below, _, name = structure.gate(node)
            if kind in ("true", "false") or (kind == "variable" and name in controls):
                continue
            if kind != "variable" and not controls.isdisjoint(structure.variables([node])):
                todo += reversed(below)
            else:
                found[node] = None
        return list(found)

    def variables(self, controls: IntArray) -> dict[str, BoolArray]:
        """Spell control states as the variables of the sticky policy.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Policy(read_site("L2R"), sticky=True)
        >>> Controls(policy, TakeoverTimes()).variables(np.array([0]))[policy.held_by("file_system", 0)].tolist()
        [True]
        """
        return {name: column[controls] for name, column in self._variables.items()}

    @cached_property
    def _variables(self) -> dict[str, BoolArray]:
        """Variables of the sticky policy in every control state."""
        digits, result = self.digits, dict[str, BoolArray]()
        for r, role in enumerate(self.roles):
            for index in range(len(self._holders[role])):
                codes = [n for n, at in enumerate(self.positions[role].all) if self._performs(role, at) == index]
                result[self.policy.held_by(role, index)] = np.isin(digits[:, r], codes)
        for server in self.servers:
            result[self.policy.placed(server)] = digits[:, self.server_column(server)] == IN_SERVICE
        for number, entry in enumerate(self.policy.site.suspensions):
            result[self.policy.suspended(entry.part)] = digits[:, self.suspension_column(number)] == 1
        return result

    def _performs(self, role: str, position: Position) -> int | None:
        """Which holder performs a role in a position."""
        if position.kind == Kind.SPLIT:
            return {"neither": None, "former": position.holder, "new": position.other}[
                self.policy.site.roles[role].split_serves
            ]
        return position.holder if position.kind in (Kind.HELD, Kind.CALLED) else None

    def words(self, control: int) -> str:
        """Say in words what a control state is.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> Controls(Policy(read_site("L2R"), sticky=True), TakeoverTimes()).words(5)
        'file_system at B, server_A out of service'
        """
        digits = self.digits[control].tolist()
        parts = [f"{role} {self._position_words(role, code)}" for role, code in zip(self.roles, digits, strict=False)]
        for server, state in zip(self.servers, self.server_digits[control].tolist(), strict=True):
            if state != IN_SERVICE:
                parts.append(f"{server} " + ("out of service" if state == OUT else "in maintenance"))
        parts += [f"takeover of {role} unready" for role in self.drifting if digits[self.drift_column(role)]]
        suspended = enumerate(self.policy.site.suspensions)
        parts += [f"{entry.part} suspended" for n, entry in suspended if digits[self.suspension_column(n)]]
        return ", ".join(parts) or NOTHING

    def _position_words(self, role: str, code: int) -> str:
        at = self.positions[role].all[code]
        held = self._named(role, at.holder) if at.holder is not None else ""
        if at.kind == Kind.HELD:
            return f"at {held}"
        if at.kind == Kind.SPLIT and at.other is not None:
            return f"at {held} and {self._named(role, at.other)} at once"
        where = "at" if at.kind == Kind.DRILLING else "from"
        return _WORDS[at.kind] + (f" {where} {held}" if held else "")

    def _named(self, role: str, place: int) -> str:
        """A holder by its name, else by its side, or by its server where two are on one side."""
        holders = self._holders[role]
        if (name := holders[place].name) is not None:
            return place_words(name)  # it is said after "at" or "from"
        side, server = holders[place].side, holders[place].on
        return server if server and sum(holder.side == side for holder in holders) > 1 else side


NOTHING = "nothing to move"  # what a control state without roles is where nothing is suspended
# of several roles the first decides
_DOING = (
    (AWAY, STRANDED), ((Kind.SPLIT, Kind.MENDING, Kind.RESTORING_DATA), BOTH), ((Kind.ON_ITS_WAY,), ON_ITS_WAY),
    ((Kind.GIVING_BACK, Kind.DRILLING), PLANNED),
)  # fmt: skip

_WORDS = {
    Kind.ON_ITS_WAY: "in takeover",
    Kind.STRANDED: "stranded",
    Kind.RETRYING: "waiting for another attempt",
    Kind.RESTORING: "being restored",
    Kind.GIVING_BACK: "being given back",
    Kind.MENDING: "being resolved after a split brain",
    Kind.RESTORING_DATA: "waiting for its data",
    Kind.DRILLING: "in a drill",
    Kind.CALLED: "being taken over",
}
