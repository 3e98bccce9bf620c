"""The frozen records of takeovers: who can hold a role, what a takeover needs, how long its steps take.

Times are means in hours, rates are per hour; what each field means for a takeover is said in `k2rel.policy`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from k2rel.inputs import Uses
from k2rel.site.stages import Need, Stage

__all__ = ["ROLE_NUMBERS", "Holder", "Role", "Suspension", "TakeoverNeed", "Unit"]

ROLE_NUMBERS = {
    "switchover": "switchover_h",
    "coverage": "coverage",
    "detection": "detection_h",
    "giveback": "giveback_h",
    "spurious": "spurious_per_h",
    "failed_takeover.retry_after": "retry_after_h",
    "failed_takeover.retry_coverage": "retry_coverage",
    "failed_takeover.operator_coverage": "operator_coverage",
    "failed_takeover.restoration": "restoration_h",
    "readiness.drift": "drift_per_h",
    "readiness.drill": "drill_every_h",
    "readiness.takes": "drill_h",
    "split_brain.mend": "split_mend_h",
    "split_brain.restore_probability": "split_restore_share",
    "split_brain.restore": "split_restore_h",
}
"""Fields of a role that may be known within limits, by the keys of its entry."""


@dataclass(frozen=True, slots=True)
class TakeoverNeed:
    """Something without which no role is taken over from a unit: what tells its loss, a fence, or another thing.

    A missing heartbeat with `missing` "anyway" is taken for a loss; a missing fence with it is passed over.
    """

    kind: Literal["heartbeat", "fence", "need"]
    stages: tuple[Stage, ...]
    missing: Literal["wait", "anyway"] = "wait"
    coverage: float = 1.0  # probability that a fence that works does its work
    time_h: float = 0.0  # mean time that a fence takes, before the switchover
    uses: tuple[Uses, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Unit:
    """Parts that fail over together."""

    id: str
    server: str
    triggers: tuple[str, ...]
    heartbeat: str | None
    shuts_down: Literal["noticed", "lost"] = "noticed"
    takeover_needs: tuple[TakeoverNeed, ...] = field(default=(), repr=False)
    takes_down: tuple[str, ...] = field(default=(), repr=False)  # further servers that its takeover restarts

    @property
    def needed(self) -> tuple[TakeoverNeed, ...]:
        """All that a takeover from here needs; `heartbeat` is short for a need that makes it wait."""
        short = (TakeoverNeed("heartbeat", (self.heartbeat,)),) if self.heartbeat is not None else ()
        return (*short, *self.takeover_needs)


@dataclass(frozen=True, slots=True)
class Holder:
    """One place that can hold a role; without its quorum it neither keeps the role nor takes it."""

    side: str
    on: str | None
    units: tuple[str, ...]
    needs: tuple[Need, ...]
    name: str | None = field(default=None, repr=False)
    takeover_needs: tuple[Stage, ...] = field(default=(), repr=False)  # to take a role over, not to keep it
    quorum: Stage | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Role:
    """A function that one place at a time performs, with its takeover rule."""

    id: str
    title: str
    holders: tuple[Holder, ...]
    failback: Literal["manual", "automatic"]
    backup: Literal["healthy", "able"]
    coverage: float
    switchover_h: float
    unable_backup: Literal["takes over", "waits"] = "takes over"
    recovered_backup: Literal["waits", "takes over"] = "waits"
    restart: Literal["out of service", "in service"] = "out of service"
    operator_places: Literal["preferred", "former", "other"] = "preferred"
    operator_moves: Literal["failed takeovers", "any loss"] = "failed takeovers"
    # by component type or part that failed; `coverage` for the rest
    coverage_of: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    uses: tuple[Uses, ...] = field(default=(), repr=False)
    detection_h: float = field(default=0.0, repr=False)  # from a loss until a takeover begins
    detection_of: tuple[tuple[str, float], ...] = field(default=(), repr=False)  # by what failed, as `coverage_of`
    failback_after_h: float = field(default=0.0, repr=False)  # from the first holder's being ready until it gives back
    giveback_h: float | None = field(default=None, repr=False)  # how long that takes; None: as a takeover
    spurious_per_h: float = field(default=0.0, repr=False)  # takeovers without a cause
    retry_after_h: float = field(default=0.0, repr=False)  # one more attempt after a takeover that failed
    retry_coverage: float = field(default=0.0, repr=False)  # 0: none is made
    operator_coverage: float = field(default=1.0, repr=False)  # probability that the operator's placing works
    restoration_h: float = field(default=0.0, repr=False)  # what follows where it does not
    drift_per_h: float = field(default=0.0, repr=False)  # rate at which the takeover becomes unready, unnoticed
    drill_every_h: float = field(default=math.inf, repr=False)  # drills, which find that out
    drill_h: float = field(default=0.0, repr=False)  # interruption by a drill
    partition: Literal["keeps", "moves"] = field(default="keeps", repr=False)  # who goes on where both could
    split_serves: Literal["neither", "former", "new"] = field(default="neither", repr=False)
    split_mend_h: float = field(default=0.0, repr=False)  # from its end until the role is performed again
    split_restore_share: float = field(default=0.0, repr=False)  # probability that data must be restored after that
    split_restore_h: float = field(default=0.0, repr=False)

    @property
    def is_service(self) -> bool:
        """Whether the role is a service of its own; a mere position (no needs) is none."""
        return any(holder.needs for holder in self.holders)


@dataclass(frozen=True, slots=True)
class Suspension:
    """A part that goes out of use, though it works, when some parts are lost while others work.

    It stays so until those that were lost are back. Where only what must work is gone since, it recovers by itself
    after `auto_recovery_h`; never, if that is infinite.
    """

    part: str
    lost: tuple[str, ...]
    works: tuple[str, ...]
    auto_recovery_h: float = math.inf
    uses: tuple[Uses, ...] = field(default=(), repr=False)
