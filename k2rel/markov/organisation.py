"""Who repairs, in which order, and how fast a person puts roles and servers back."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from k2rel.errors import InputError
from k2rel.policy.takeover import TakeoverTimes

__all__ = ["Organisation"]


@dataclass(frozen=True, slots=True)
class Organisation:
    """What the dynamic engine takes as given beside site and rates; all of it assumptions.

    Parameters
    ----------
    roles : {"sticky", "preferred"}
        Whether roles stay where a takeover put them, or are at the preferred side whenever it is healthy.
    crews : int or None
        How many parts are repaired at once; None for as many as fail.
    travel_h : float
        Mean time until a technician is on site [h], once something has failed while nobody was there. Repairs then
        take the hands-on time of the contract `onsite`. 0: restore times contain the way, as the table gives them.
    priority : tuple of str
        Component types that are repaired first, in this order; crews are shared evenly among parts of one rank.
    return_to_service_h : float
        Mean time until a person places a good server back in service [h].
    manual_takeover_h : float
        Mean time until a person places a role after a takeover that failed [h].
    maintenance_every_h, maintenance_h : float
        Mean time between maintenances of a redundant server, and how long one takes [h].
    repair_variation : float
        Squared coefficient of variation of repair times of shared parts; 1 for exponential times.
    tolerance : float
        Bound asked for on the error of every probability.

    Examples
    --------
    >>> Organisation(crews=1).words()
    'roles sticky, crews 1'
    """

    roles: str = "sticky"
    crews: int | None = None
    travel_h: float = 0.0
    priority: tuple[str, ...] = ()
    return_to_service_h: float = 1.0
    manual_takeover_h: float = 1.0
    maintenance_every_h: float = math.inf
    maintenance_h: float = 2.0
    repair_variation: float = 1.0
    tolerance: float = 1e-10

    def __post_init__(self) -> None:
        if self.roles not in ("sticky", "preferred"):
            raise InputError(f"roles: 'sticky' or 'preferred', got '{str(self.roles)[:40]}'")
        if self.crews is not None and not 1 <= self.crews <= 1000:
            raise InputError(f"crews: from 1 to 1000, or none given for as many as needed; got {self.crews}")
        for name in ("return_to_service_h", "manual_takeover_h", "maintenance_every_h", "maintenance_h"):
            value = getattr(self, name)
            if not value > 0 or (math.isinf(value) and name != "maintenance_every_h"):
                raise InputError(f"{name.removesuffix('_h').replace('_', ' ')}: a time above 0, got {value:g} h")
        if not 0 <= self.travel_h < math.inf:
            raise InputError(f"travel: a time, got {self.travel_h:g} h")
        if self.travel_h and self.crews is None:
            raise InputError("travel: say how many crews travel (crews)")
        if not 1e-15 <= self.tolerance <= 0.1:
            raise InputError(f"tolerance: from 1e-15 to 0.1, got {self.tolerance:g}")
        if not 0.1 <= self.repair_variation <= 20:
            raise InputError(f"repair variation: from 0.1 to 20, got {self.repair_variation:g}")

    @property
    def takeover_times(self) -> TakeoverTimes:
        """Times of what persons do about roles and servers."""
        return TakeoverTimes(
            self.return_to_service_h, self.manual_takeover_h, self.maintenance_every_h, self.maintenance_h
        )

    def words(self) -> str:
        """Say what differs from the defaults, and how roles behave.

        Returns
        -------
        str
            For provenance.

        Examples
        --------
        >>> Organisation(roles="preferred").words()
        'roles preferred'
        """
        parts = [f"roles {self.roles}"]
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name not in ("roles", "tolerance") and value != entry.default:
                shown = ", ".join(value) if isinstance(value, tuple) else f"{value:g}"
                parts.append(f"{entry.name.replace('_', ' ').removesuffix(' h')} {shown}")
        return ", ".join(parts)
