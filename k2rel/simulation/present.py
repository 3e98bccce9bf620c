"""The present state of a site, checked, as the simulation begins from it.

What nobody knows is as in the long run: the age of what works and is not named, the time until a common event, where
in their calendar tests are. Whoever is free has been sent to what has been down for longest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_number, as_whole
from k2rel.distributions import Distribution
from k2rel.errors import InputError, closest
from k2rel.intervals import common_period
from k2rel.policy.takeover import Takeover
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.draws import packed
from k2rel.simulation.kernel.present import Present
from k2rel.simulation.model import SiteModel
from k2rel.simulation.stationary import (
    Tabulated,
    ages_with_memory,
    equilibrium,
    longest_h,
    survival,
    times_at,
)

__all__ = ["present_state"]

FloatArray = NDArray[np.float64]
_LONG_H = 1e7
_TRAVELS = 2000  # times of travel that are told apart


def present_state(
    site: SiteModel, down_since_h: Mapping[str, float], control: int | None, ages_h: Mapping[str, float]
) -> Present:
    """Check a present state, and lay it out for the kernel.

    Examples
    --------
    >>> from k2rel.organisation import Organisation
    >>> from k2rel.simulation.circumstances import USUAL
    >>> from k2rel.studies import study
    >>> site = SiteModel(study("L2R"), Organisation(), USUAL)
    >>> present_state(site, {"server_A": 2.0}, None, {}).down_h.tolist()
    [2.0]
    >>> present_state(site, {"server_C": 2.0}, None, {})
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: down_since_h: L2R has no part 'server_C'; did you mean 'server_A' or 'server_B'?
    """
    return _Now(site, down_since_h, ages_h).laid_out(_control(site, control))


def _control(site: SiteModel, control: int | None) -> int:
    """Number of a control state of the organisation's takeover, as one of the simulated site's."""
    if control is None:
        return 0
    takeover, usual = site.takeover, site.takeover
    if takeover is not None and takeover.times != site.organisation.takeover_times:
        usual = Takeover(site.policy, site.organisation.takeover_times)  # planned windows know one state more
    count = 1 if usual is None else usual.controls
    number = as_whole("control", control, 0, count - 1)
    return number if takeover is None or usual is None else int(takeover.encoded(usual.digits[number : number + 1])[0])


def _period_h(intervals_h: list[float]) -> float:
    """Period of the calendar of tests; a time in which they drift through all phases where it is longer."""
    if not intervals_h:
        return 0.0
    period, longest = common_period(intervals_h), max(_LONG_H, *intervals_h)
    return longest if period > longest else float(period)


class _Now:
    """A present state on its way to the kernel."""

    def __init__(self, site: SiteModel, down_since_h: Mapping[str, float], ages_h: Mapping[str, float]) -> None:
        self.site, self.model = site, site.arrays
        self.index = {name: p for p, name in enumerate(site.parts)}
        down = self._times("down_since_h", down_since_h)
        self.down = sorted(((p, hours) for name, hours in down.items() if (p := self.index.get(name)) is not None),
                           key=lambda each: -each[1])  # fmt: skip
        self.ages = self._times("ages_h", ages_h)
        self.laws: list[Distribution | Tabulated] = []
        self.numbers: dict[object, int] = {}

    def _times(self, argument: str, given: Mapping[str, float]) -> dict[str, float]:
        """Times by parts, checked. A part that nothing here depends on is one, too."""
        physical = self.site.study.site
        known = {*physical.components, *physical.raid_sets, *physical.cause_events, *physical.own_parts}
        result = {}
        for name, value in given.items():
            if name in physical.drives:
                raise InputError(
                    f"{argument}: '{name}' fails as part of its RAID set, which is up or down as a whole; name the "
                    "set, one "
                    f"of {', '.join(physical.raid_sets)}"
                )
            if name not in known:
                hint = closest(str(name), known)
                raise InputError(f"{argument}: {physical.name} has no part '{str(name)[:60]}'{hint}")
            hours = as_number(f"{argument} of {name}", value)
            if not 0 <= hours < math.inf:
                raise InputError(f"{argument} of {name}: a time from 0, got {hours:g} h")
            result[name] = hours
        return result

    def laid_out(self, control: int) -> Present:
        """The arrays."""
        model = self.model
        states, stock, ordered = self._spares()
        set_out_h, travelling, travelled = self._travel(states)
        ages, age_laws = self._ages()
        shocks = [self._number(("every", n), partial(equilibrium, self.site.laws[n])) for n in model.shock_between]
        return Present(
            control=control,
            calendar_h=_period_h(model.test_h[model.test_h > 0].tolist()),
            part=np.array([p for p, _ in self.down], dtype=np.int64),
            down_h=np.array([hours for _, hours in self.down], dtype=np.float64),
            state=np.array(states, dtype=np.int64),
            stock=stock,
            ordered=np.array([shelf for shelf, _ in ordered], dtype=np.int64),
            ordered_h=np.array([hours for _, hours in ordered], dtype=np.float64),
            set_out_h=set_out_h,
            travelling=travelling,
            travelled_law=travelled,
            age_h=ages,
            age_law=age_laws,
            shock_law=np.array(shocks, dtype=np.int64),
            **packed(self.laws)._asdict(),
        )

    def _number(self, key: object, make: Callable[[], Distribution | Tabulated]) -> int:
        """Number of a distribution of the present state, which is made once."""
        if key not in self.numbers:
            self.numbers[key] = len(self.laws)
            self.laws.append(make())
        return self.numbers[key]

    def _spares(self) -> tuple[list[int], NDArray[np.int64], list[tuple[int, float]]]:
        """What each part that is down waits for, what is left on the shelves, and what was ordered how long ago."""
        model, stock, ordered, states = self.model, self.model.stock.copy(), list[tuple[int, float]](), list[int]()
        for p, hours in self.down:
            shelf = model.spares[p]
            if shelf >= 0:
                ordered.append((int(shelf), hours))
                stock[shelf] -= 1
            if shelf >= 0 and stock[shelf] < 0:
                states.append(records.NO_SPARE)
            elif model.crews and model.rank[p] >= 0:
                states.append(records.NO_CREW)
            else:
                states.append(records.REPAIR)
                self._check_repair(p, hours)
        return states, np.maximum(stock, 0), ordered

    def _repair(self, p: int) -> Distribution:
        return self.site.laws[int(self.model.repair[p])]

    def _check_repair(self, p: int, hours: float) -> None:
        law = self._repair(p)
        if hours >= longest_h(law):
            raise InputError(
                f"down_since_h of {self.site.parts[p]}: no repair of it takes {hours:g} h with its distribution "
                f"{law.words}; "
                "give a shorter time, or another distribution (repairs)"
            )

    def _travel(self, states: list[int]) -> tuple[float, float, int]:
        """How long ago technicians set out, the probability that they still travel, the distribution of travel times.

        They set out when the first of the parts failed that ask for them. That no repair is over yet says something of
        when they came: each time of travel counts with the probability of that.
        """
        asked = [each for each, state in zip(self.down, states, strict=True) if state == records.NO_CREW]
        begun = asked[: self.model.crews]
        if self.model.travel_law < 0 or not asked:
            for p, hours in begun:
                self._check_repair(p, hours)
            return -1.0, 0.0, 0
        set_out = asked[0][1]
        law = self.site.laws[self.model.travel_law]
        edges = np.exp(np.linspace(-21.0, 3.8, 20_001))
        travel = times_at(law, np.sqrt(edges[1:] * edges[:-1]))
        weight = np.exp(-edges[:-1]) - np.exp(-edges[1:])
        there = np.maximum(set_out - travel, 0.0)
        for p, hours in begun:
            weight = weight * survival(self._repair(p), np.minimum(there, hours))
        if not weight.sum() > 0:
            names = ", ".join(self.site.parts[p] for p, _ in begun)
            raise InputError(
                f"down_since_h of {names}: no travel ({law.words}) and repair take {set_out:g} h; give a shorter "
                "time, or other distributions"
            )
        under_way = travel > set_out
        travelling = float(weight[under_way].sum() / weight.sum())
        if travelling >= 1.0:
            return set_out, 1.0, 0
        share = np.cumsum(np.where(under_way, 0.0, weight))
        places = np.searchsorted(share, (np.arange(_TRAVELS) + 0.5) / _TRAVELS * share[-1])
        return set_out, travelling, self._number("travelled", partial(Distribution.empirical, travel[places].tolist()))

    def _ages(self) -> tuple[FloatArray, NDArray[np.int64]]:
        """Age of each part, or the number of its law."""
        model, down = self.model, {p for p, _ in self.down}
        ages, laws = np.zeros(len(self.site.parts)), np.full(len(self.site.parts), -1, dtype=np.int64)
        for p in model.timed.tolist():
            name, life, kept = self.site.parts[p], int(model.life[p]), float(model.age_kept[p])
            law = self.site.laws[life]
            if name in self.ages:
                ages[p] = self.ages[name]
                if p not in down and ages[p] >= longest_h(law):
                    raise InputError(
                        f"ages_h of {name}: no part of it reaches {ages[p]:g} h with its failure law {law.words}; "
                        "give a lower age, "
                        "or another failure law (lives)"
                    )
            elif kept >= 1.0:
                raise InputError(
                    f"ages_h: the age of {name} is needed: its repairs do not reduce its age (age_after_repair), so "
                    "that there is no long-run age"
                )
            elif kept > 0:
                failed = p in down
                laws[p] = self._number((life, kept, failed), partial(ages_with_memory, law, kept, failed=failed))
            elif p not in down:
                laws[p] = self._number(life, partial(equilibrium, law))
        return ages, laws
