"""What traffic uses after a failure: the routes of a flow, and the load of what has a capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from k2rel.tables import Shown
from k2rel.units import MB_S, loads_in

__all__ = ["ElementLoad", "UsedRoute"]

# a load is above a capacity when it is so by more than the rounding of sums
FORGIVEN = 1 + 1e-9


def exceeds(load_mb_s: float, capacity_mb_s: float) -> bool:
    """Compare a load with a capacity, forgiving the rounding of sums."""
    return load_mb_s > capacity_mb_s * FORGIVEN


@dataclass(frozen=True, slots=True)
class UsedRoute:
    """One route in use: the side whose load it is, its group in the file, part of the demand, parts in order.

    `path` has of a fork the branches that it asks for at least, `stages` all that work. `crosses` has every part that
    its load falls on, branches of stages and what needs carry too, with the part of the demand there.
    """

    side: str
    group: int
    share: float
    path: tuple[str, ...]
    stages: tuple[str | tuple[tuple[str, ...], ...], ...] = field(default=(), repr=False)
    crosses: Mapping[str, float] = field(default_factory=dict, repr=False)

    @property
    def parts(self) -> tuple[str, ...]:
        """Every part on the way, of all branches that work."""
        ways = (((stage,),) if isinstance(stage, str) else stage for stage in self.stages)
        return tuple(part for branches in ways for branch in branches for part in branch)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "side": self.side,
            "group": self.group,
            "share": self.share,
            "path": list(self.path),
            "stages": [each if isinstance(each, str) else [list(branch) for branch in each] for each in self.stages],
            "carries": dict(self.crosses),
        }


@dataclass(frozen=True, slots=True, repr=False)
class ElementLoad(Shown):
    """Load of one element that has a capacity, in MB/s or the unit that is given."""

    element: str
    load_mb_s: float
    capacity_mb_s: float
    counted_mb_s: float  # of the foreground; the background yields to it
    ends_full_service: bool = False  # a flow that full service asks for is not whole by it
    unit: str = MB_S

    @property
    def overloaded(self) -> bool:
        """Whether the load of all traffic is above the capacity."""
        return exceeds(self.load_mb_s, self.capacity_mb_s)

    @property
    def at_limit(self) -> bool:
        """Whether the load of all traffic is all that it carries: nothing is left, and nothing is lost."""
        return not self.overloaded and exceeds(self.load_mb_s * FORGIVEN**2, self.capacity_mb_s)

    @property
    def short(self) -> bool:
        """Whether the load of the foreground is above the capacity; what has another way whole does not mind."""
        return exceeds(self.counted_mb_s, self.capacity_mb_s)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        loads = {"load_mb_s": self.load_mb_s, "capacity_mb_s": self.capacity_mb_s, "foreground_mb_s": self.counted_mb_s}
        return {"element": self.element, **loads_in(self.unit, loads), "overloaded": self.overloaded}

    @property
    def state(self) -> str:
        """How it stands to its capacity, in words."""
        if self.overloaded:
            return "overloaded" if self.short else "background slowed"
        return "at its limit" if self.at_limit else "carried"
