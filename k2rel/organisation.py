"""Who repairs, in which order, and how fast operators put roles and servers back."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from k2rel.arguments import as_names, as_number, as_tolerance, as_whole, keep
from k2rel.distributions import from_limits
from k2rel.errors import InputError, closest
from k2rel.inputs import Input, Uses
from k2rel.policy.takeover import TakeoverTimes
from k2rel.rates import Law, registry, site_laws
from k2rel.studies import Study
from k2rel.tables import Shown

__all__ = ["NEEDS_NO_CREW", "Organisation", "RepairWork", "as_reading", "reading"]

DEFAULT_LIMITS = {
    "manual_takeover_h": (
        0.25,
        4.0,
        "P from V",
        "a survey of 250 operators: unplanned outages last 87 min on average, four in five longer than 15 min (2017)",
    ),
    "return_to_service_h": (0.25, 4.0, "P", "engineering prior: from an operator on duty to one on call"),
}
"""Limits of the defaults of `Organisation` [h], with evidence and source."""

_FORMER_READINGS = {"sticky": "modelled", "preferred": "ideal"}
"""Former words for the readings of the takeovers, which are taken too."""
NEEDS_NO_CREW = -1
"""Rank of a part that waits for no technician."""


@dataclass(frozen=True, slots=True, repr=False)
class Organisation(Shown):
    """What the dynamic engine and the simulation take as given beside site and rates; all of it assumptions.

    Parameters
    ----------
    roles : {"modelled", "ideal"}
        Takeovers as modelled, after which roles stay where they are, or ideal ones, with every role at the preferred
        side whenever it is healthy. The former words "sticky" and "preferred" are taken too.
    crews : int or None
        How many parts are repaired at once; None for as many as fail.
    travel_h : float
        Mean time until a technician is on site [h], once something has failed while none was there. Repairs then
        take the hands-on time of the contract `onsite`. 0: restore times contain the travel time, as in the table.
    priority : tuple of str
        Component types that are repaired first, in this order; crews are shared evenly among parts of one rank.
    return_to_service_h : float
        Mean time until an operator returns a repaired server to service [h].
    manual_takeover_h : float
        Mean time until an operator places a role after a failed takeover [h].
    maintenance_every_h, maintenance_h : float
        Mean time between maintenances of a redundant server, and how long one takes [h].
    repair_variation : float
        Squared coefficient of variation of repair times of shared parts; 1 for exponential times.
    tolerance : float or None
        Bound that the dynamic engine keeps on the error of every probability; None for the smallest, from 1e-10, that
        a chain of moderate size keeps. The simulation has intervals instead.
    limits : tuple of (str, float, float) or None
        Names of times above with their 5 and 95 % quantiles [h]; None for those of the defaults (`DEFAULT_LIMITS`).

    Examples
    --------
    >>> Organisation(crews=1).words()
    'takeovers as modelled, crews 1'
    """

    roles: str = "modelled"
    crews: int | None = None
    travel_h: float = 0.0
    priority: tuple[str, ...] = ()
    return_to_service_h: float = 1.0
    manual_takeover_h: float = 1.0
    maintenance_every_h: float = math.inf
    maintenance_h: float = 2.0
    repair_variation: float = 1.0
    tolerance: float | None = None
    limits: tuple[tuple[str, float, float], ...] | None = None

    def __post_init__(self) -> None:
        keep(self, roles=as_reading(self.roles))
        if self.roles not in _FORMER_READINGS.values():
            raise InputError(f"roles: 'modelled' or 'ideal', got '{str(self.roles)[:40]}'")
        if self.crews is not None:
            keep(self, crews=as_whole("crews", self.crews, 1, 1000))
        keep(self, priority=as_names("priority", self.priority))
        for entry in fields(self):
            if entry.type == "float" and entry.name != "tolerance":
                keep(self, **{entry.name: as_number(entry.name, getattr(self, entry.name))})
        for name in ("return_to_service_h", "manual_takeover_h", "maintenance_every_h", "maintenance_h"):
            value = getattr(self, name)
            if not value > 0 or (math.isinf(value) and name != "maintenance_every_h"):
                raise InputError(f"{name.removesuffix('_h').replace('_', ' ')}: a time above 0, got {value:g} h")
        if not 0 <= self.travel_h < math.inf:
            raise InputError(f"travel: a time of 0 or more is needed, got {self.travel_h:g} h")
        if self.travel_h and self.crews is None:
            raise InputError("travel: give the number of crews (crews)")
        if self.tolerance is not None:
            keep(self, tolerance=as_tolerance(self.tolerance))
        if self.limits is not None:
            for given in self.limits if isinstance(self.limits, list | tuple) else ["no list"]:
                if not isinstance(given, list | tuple) or len(given) != 3:
                    raise InputError(f"limits: (name, low, high) for each time, got {str(self.limits)[:60]}")
            keep(self, limits=tuple(_checked_limits(self, *entry) for entry in self.limits))
        if not 0.1 <= self.repair_variation <= 20:
            raise InputError(f"repair variation: from 0.1 to 20, got {self.repair_variation:g}")

    @property
    def inputs(self) -> dict[str, Input]:
        """Times that are known within limits, by name."""
        given = self.limits
        if given is None:
            defaults = {entry.name: entry.default for entry in fields(self)}
            given = tuple((n, *ends[:2]) for n, ends in DEFAULT_LIMITS.items() if getattr(self, n) == defaults[n])
        result = {}
        for name, low, high in given:
            usual = DEFAULT_LIMITS.get(name)
            evidence, source = (
                usual[2:] if usual is not None and usual[:2] == (low, high) else ("set", "set by the user")
            )
            point = getattr(self, name)
            what = from_limits("lognormal", low, high, point)
            result[name] = Input(name, "operator time", point, low, high, what, "h", evidence, source)
        return result

    @property
    def uses(self) -> tuple[Uses, ...]:
        """Each of these times is its own input."""
        return tuple(Uses(name, name) for name in self.inputs)

    @property
    def takeover_times(self) -> TakeoverTimes:
        """Mean times of operator actions."""
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
        >>> Organisation(roles="ideal").words()
        'takeovers ideal'
        """
        reading = "takeovers as modelled" if self.roles == "modelled" else "takeovers ideal"
        return ", ".join([reading, *self.differences()])

    def differences(self) -> list[str]:
        """Say what differs from the defaults but for the roles and the tolerance.

        Examples
        --------
        >>> Organisation(crews=1, return_to_service_h=2).differences()
        ['crews 1', 'return to service 2']
        """
        parts = []
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name not in ("roles", "tolerance", "limits") and value != entry.default:
                shown = ", ".join(value) if isinstance(value, tuple) else f"{value:g}"
                parts.append(f"{entry.name.replace('_', ' ').removesuffix(' h')} {shown}")
        return parts

    def _line(self) -> str:
        return self.words()


def _checked_limits(organisation: Organisation, name: str, low: float, high: float) -> tuple[str, float, float]:
    """Limits of one time, if it is one, and they hold its value."""
    times = [entry.name for entry in fields(organisation) if entry.name.endswith("_h")]
    if name not in times:
        raise InputError(f"limits: '{str(name)[:40]}' is not a time that can be set{closest(str(name), times)}")
    low, high, value = (
        as_number(f"limits of {name}", low),
        as_number(f"limits of {name}", high),
        getattr(organisation, name),
    )
    if not 0 < low < high < math.inf or not low <= value <= high or not math.isfinite(value):
        raise InputError(
            f"limits of {name}: two times around its value of {value:g} h are needed, got {low:g} to {high:g} h"
        )
    return name, low, high


def as_reading(roles: str) -> str:
    """The reading of the takeovers by its word of today; what is no word for one as it is.

    Examples
    --------
    >>> as_reading("preferred"), as_reading("modelled")
    ('ideal', 'modelled')
    """
    return _FORMER_READINGS.get(str(roles), roles)


def reading(roles: str) -> Organisation | None:
    """The organisation that the word for a reading asks for; None for takeovers as modelled, which need none.

    Examples
    --------
    >>> reading("ideal").words()
    'takeovers ideal'
    """
    return None if as_reading(roles) == "modelled" else Organisation(roles=roles)


class RepairWork:
    """Which parts wait for a technician, and how long the work itself takes.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> s = study("L2R")
    >>> work = RepairWork(s, Organisation(crews=1, priority=("gige_switch",)))
    >>> [work.rank(name, s.law(name)) for name in ("switch_A", "toe_A1", "software_A")]
    [0, 1, 1]
    """

    def __init__(self, study: Study, organisation: Organisation) -> None:
        self.study = study
        self.organisation = organisation
        types = {part.type for part in study.site.components.values()}
        for kind in organisation.priority:
            if kind not in types:
                raise InputError(
                    f"priority: {study.site.name} has no component type '{kind[:40]}'{closest(kind, types)}"
                )
        self._rows = registry(study.site.rates_file, study.rates, data=study.site.data).rows
        self._onsite = site_laws(study.site, "onsite", study.rates) if organisation.travel_h else None

    def kind(self, name: str) -> str:
        """Look up the component type of a part or an event of common cause; empty for a RAID set."""
        site = self.study.site
        if name in site.components:
            return site.components[name].type
        parts = site.cause_events.get(name)
        return site.components[parts[0][0]].type if parts else ""

    def _restarts(self, law: Law) -> bool:
        """Whether a part comes back by itself: its restore time is the same under every contract."""
        row = self._rows.get(law.rates_id)
        return row is not None and row.mttr_h["onsite"] == row.mttr_h["nbd"] == law.mttr_h

    def rank(self, name: str, law: Law) -> int:
        """Rank of a part's repair, 0 first; `NEEDS_NO_CREW` where it waits for nobody."""
        if self.organisation.crews is None or self._restarts(law):
            return NEEDS_NO_CREW
        order = self.organisation.priority
        kind = self.kind(name)
        return order.index(kind) if kind in order else len(order)

    def hands_on_h(self, name: str, law: Law) -> float:
        """Mean time of the work on a part; without travel time, where technicians travel [h]."""
        if self._onsite is None or self.rank(name, law) == NEEDS_NO_CREW:
            return law.mttr_h
        parts = self.study.site.cause_events.get(name)
        return self._onsite.shared[parts[0][0] if parts else name].mttr_h
