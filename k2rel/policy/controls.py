"""Control states: who holds each role that can move, and which redundant servers are in service.

A role is held, on its way, or stranded after a takeover that failed; a server is in service, out of service, or in
maintenance. Where an operator asks who held a role before (`Role.operator_places`), a role that is not held
remembers it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import BoolArray, Node
from k2rel.policy.rules import Policy
from k2rel.site.coverage import coverages

__all__ = ["DOINGS", "IN_SERVICE", "MAINTAINED", "NO_HELP", "OUT", "Controls", "TakeoverTimes"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

IN_SERVICE, OUT, MAINTAINED = 0, 1, 2

ON_ITS_WAY, STRANDED, NO_BACKUP, NO_HELP = range(4)
DOINGS = ("takeover_in_progress", "failed_takeover", "no_backup", "no_takeover_helps")
"""What roles are doing: one is on its way; one is stranded; a server is not in service; all are in service."""


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
        # how many holders a role remembers that is not held
        self.memory = {
            role: 1 if site.roles[role].operator_places == "preferred" else len(self._holders[role])
            for role in self.roles
        }
        sizes = [len(self._holders[role]) + 2 * self.memory[role] for role in self.roles] + [
            3 if self.maintained else 2
        ] * len(self.servers)
        self._sizes = np.array(sizes, dtype=np.int64)
        self._unit = np.concatenate([[1], np.cumprod(self._sizes)]).astype(np.int64)
        self.controls = int(self._unit[-1])
        if self.controls > 200_000:
            raise ModelTooLargeError(
                f"{site.name}: {len(self.roles)} roles on {len(self.servers)} servers have {self.controls:,} "
                "control states"
            )
        if len(self.coverages) > 60:  # bits of a whole number
            raise ModelTooLargeError(f"{site.name}: {len(self.coverages)} coverages of its roles; at most 60 together")

    def on_its_way(self, role: str) -> int:
        """First code of a role that is moving; those below say who holds it."""
        return len(self._holders[role])

    def failed_at(self, role: str) -> int:
        """First code of a role that is stranded."""
        return len(self._holders[role]) + self.memory[role]

    def remembered(self, role: str, place: IntArray) -> IntArray:
        """What to add to the first code of a role that a holder has lost."""
        return place if self.memory[role] > 1 else np.zeros_like(place)

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
    def digits(self) -> IntArray:
        """Place of each role, then state of each server, of every control state (controls x digits)."""
        if not len(self._sizes):
            return np.zeros((1, 0), dtype=np.int64)
        return np.asarray(np.arange(self.controls)[:, None] // self._unit[:-1] % self._sizes)

    @cached_property
    def moving(self) -> BoolArray:
        """Whether some role is on its way, for every control state."""
        return np.asarray(self.on_their_way.any(axis=1))

    @cached_property
    def takeover_failed(self) -> BoolArray:
        """Whether some role is stranded, for every control state."""
        return np.asarray(self._which([self.failed_at(role) for role in self.roles]).any(axis=1))

    @cached_property
    def on_their_way(self) -> BoolArray:
        """Which roles are on their way: (controls, roles)."""
        return self._which([self.on_its_way(role) for role in self.roles])

    def _which(self, first: list[int]) -> BoolArray:
        after = np.array(
            [code + self.memory[role] for role, code in zip(self.roles, first, strict=True)], dtype=np.int64
        )
        here = self.digits[:, : len(first)]
        return np.asarray((here >= np.array(first, dtype=np.int64)) & (here < after))

    @cached_property
    def doing(self) -> IntArray:
        """What the roles are doing, for every control state: a place in `DOINGS`."""
        if not self.roles:
            return np.full(self.controls, NO_HELP)
        waits = (self.digits[:, len(self.roles) :] != IN_SERVICE).any(axis=1)
        other = np.where(self.moving, ON_ITS_WAY, np.where(waits, NO_BACKUP, NO_HELP))
        return np.where(self.takeover_failed, STRANDED, other)

    @cached_property
    def quiet(self) -> IntArray:
        """Control states in which every role is held and every server is in service."""
        served = (self.digits[:, len(self.roles) :] == IN_SERVICE).all(axis=1)
        return np.flatnonzero(served & ~self.moving & ~self.takeover_failed)

    @cached_property
    def conditions(self) -> list[Node]:
        """Predicates of the failed parts that decide anything here."""
        policy = self.policy
        nodes = []
        for role in self.roles:
            for holder in self._holders[role]:
                nodes += [policy.noticed(holder), policy.healthy(holder), policy.able(holder)]
                nodes += policy.heartbeats(role, holder)
                nodes += [lost for _, lost in policy.servers_lost(holder)]
            nodes += [cause for place in range(len(self._holders[role])) for _, cause in policy.causes(role, place)]
        for server in self.servers:
            nodes += [policy.works(server), policy.unit_kept(server)]
        return list(dict.fromkeys(nodes))

    def variables(self, controls: IntArray) -> dict[str, BoolArray]:
        """Spell control states as the variables of the sticky policy.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> takeover = Controls(Policy(read_site("L2R"), sticky=True), TakeoverTimes())
        >>> takeover.variables(np.array([0]))["file_system held by 0"].tolist()
        [True]
        """
        digits = self.digits[controls]
        result: dict[str, BoolArray] = {}
        for r, role in enumerate(self.roles):
            for index in range(len(self._holders[role])):
                result[self.policy.held_by(role, index)] = digits[:, r] == index
        for i, server in enumerate(self.servers):
            result[self.policy.placed(server)] = digits[:, len(self.roles) + i] == IN_SERVICE
        return result

    def words(self, control: int) -> str:
        """Say in words what a control state is.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> Controls(Policy(read_site("L2R"), sticky=True), TakeoverTimes()).words(5)
        'file_system at B, server_A out of service'
        """
        digits = self.digits[control].tolist()
        parts = []
        for role, place in zip(self.roles, digits, strict=False):
            holders = self._holders[role]
            if place < len(holders):
                parts.append(f"{role} at {self._named(role, place)}")
                continue
            gone, former = divmod(place - len(holders), self.memory[role])
            origin = f" from {self._named(role, former)}" if self.memory[role] > 1 else ""
            parts.append(f"{role} " + ("stranded" if gone else "on its way") + origin)
        for server, state in zip(self.servers, digits[len(self.roles) :], strict=True):
            if state != IN_SERVICE:
                parts.append(f"{server} " + ("out of service" if state == OUT else "in maintenance"))
        return ", ".join(parts) or "nothing to move"

    def _named(self, role: str, place: int) -> str:
        """A holder by its name, else by its side, or by its server where two are on one side."""
        holders = self._holders[role]
        if (name := holders[place].name) is not None:
            return name.removeprefix("at_")  # it is said after "at" or "from"
        side, server = holders[place].side, holders[place].on
        return server if server and sum(holder.side == side for holder in holders) > 1 else side
