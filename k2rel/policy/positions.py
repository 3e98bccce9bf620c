"""Where one role can be: held, on its way, waiting for somebody after a takeover that failed, with both sides, ...

A *position* is a kind with what it remembers: who holds the role, or held it before. Positions that a role's own
rules never lead to are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import BoolArray
from k2rel.policy.rules import Policy

__all__ = ["AWAY", "Kind", "Position", "Positions"]

IntArray = NDArray[np.int64]


class Kind(IntEnum):
    """What a role is doing."""

    HELD = 0
    ON_ITS_WAY = 1  # in a takeover that will succeed
    STRANDED = 2  # waits for an operator
    RETRYING = 3  # waiting for another attempt
    RESTORING = 4  # the operator could not place it
    GIVING_BACK = 5  # moved by plan
    SPLIT = 6  # two holders have it
    MENDING = 7  # after a split
    RESTORING_DATA = 8
    DRILLING = 9
    CALLED = 10  # a takeover from its holder begins at this instant


AWAY = (Kind.STRANDED, Kind.RETRYING, Kind.RESTORING)
"""Kinds that follow a takeover that failed."""


@dataclass(frozen=True, slots=True)
class Position:
    """One position: its kind, the holder that has the role or had it, and who else has it in a split."""

    kind: Kind
    holder: int | None = None
    other: int | None = None


class Positions:
    """The positions of one role, numbered.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> found = Positions(Policy(read_site("L2R"), sticky=True), "file_system")
    >>> [position.kind.name for position in found.all]
    ['HELD', 'HELD', 'ON_ITS_WAY', 'STRANDED']
    """

    def __init__(self, policy: Policy, name: str) -> None:
        role, holders = policy.site.roles[name], policy.holders(name)
        every, pairs = range(len(holders)), [(i, n) for i in range(len(holders)) for n in range(len(holders)) if i != n]
        # alike by name, not by value: each has its slope
        fences = {tuple(map(tuple, policy.fence_times(each))) for each in holders}
        remembers = role.operator_places != "preferred" or len(fences) > 1
        former: tuple[int | None, ...] = tuple(every) if remembers else (None,)
        found = [Position(Kind.HELD, n) for n in every]
        found += [Position(Kind.ON_ITS_WAY, n) for n in former] + [Position(Kind.STRANDED, n) for n in former]
        if role.retry_coverage > 0:
            found += [Position(Kind.RETRYING, n) for n in former]
        if role.operator_coverage < 1:
            found.append(Position(Kind.RESTORING))
        if role.failback == "automatic" and role.giveback_h:
            found += [Position(Kind.GIVING_BACK, n) for n in former]
        if policy.can_split(name):
            found += [Position(Kind.SPLIT, i, n) for i, n in pairs]
            if role.split_mend_h > 0:
                found.append(Position(Kind.MENDING))
                if role.split_restore_share > 0:
                    found.append(Position(Kind.RESTORING_DATA))
        if math.isfinite(role.drill_every_h) and role.drill_h > 0:
            found += [Position(Kind.DRILLING, n) for n in every]
        self.delayed = role.detection_h > 0 or any(hours > 0 for _, hours in role.detection_of)
        if self.delayed or role.spurious_per_h > 0:
            found += [Position(Kind.CALLED, n) for n in every]
        self.all = tuple(found)
        self.drifts = role.drift_per_h > 0
        self._code = {position: code for code, position in enumerate(found)}

    def __len__(self) -> int:
        return len(self.all)

    def has(self, kind: Kind) -> bool:
        """Whether the role can be in a position of a kind."""
        return any(position.kind == kind for position in self.all)

    def code(self, kind: Kind, holder: int | None = None, other: int | None = None) -> int:
        """Number of a position; a holder that its kind does not remember is left out."""
        position = Position(kind, holder, other)
        return self._code[position if position in self._code else Position(kind)]

    def among(self, codes: IntArray, *kinds: Kind) -> BoolArray:
        """Where a role is in a position of some kinds, by the numbers of its positions."""
        return np.array([position.kind in kinds for position in self.all], dtype=np.bool_)[codes]

    def codes(self, *kinds: Kind) -> list[int]:
        """Numbers of all positions of some kinds."""
        return [code for code, position in enumerate(self.all) if position.kind in kinds]
