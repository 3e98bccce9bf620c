"""Downtime of many sets of changes: all by chains that are quick to solve, those that are shown as the answer has them.

Where one chain of the answer's own tolerance is large, hundreds of them are ranked by smaller ones, whose larger error
bound goes with each figure; whatever is shown is then computed again, as `availability` of the changed study gives it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from k2rel.design.changes import Change, Design, changed, minutes_of
from k2rel.design.targets import Judgement, judge
from k2rel.errors import K2relError
from k2rel.markov.engine import solved
from k2rel.organisation import Organisation
from k2rel.units import MINUTES_PER_YEAR

__all__ = ["Changes", "Evaluator", "Figure"]

Changes: TypeAlias = frozenset[Change]

_FEW_STATES = 8_000
"""States of a chain of which hundreds can be solved; below it, smaller ones cost as much."""
_QUICK = (1e-5, 1e-6, 1e-7)


@dataclass(frozen=True, slots=True)
class Figure:
    """Downtime with some changes; not a number where they cannot be made or computed."""

    minutes: float
    bound: float = 0.0  # of its error [min/year]


_NONE = Figure(math.nan)


class Evaluator:
    """Downtime of sets of changes, each computed once, and once more where it is shown."""

    def __init__(self, design: Design, service: str) -> None:
        self.design, self.service = design, service
        tolerance = _quick_tolerance(design)
        self._ranks = design if tolerance is None else design.within(tolerance)
        self._quick: dict[Changes, Figure] = {}
        self._final: dict[Changes, Figure] = {}

    @property
    def computed(self) -> int:
        """How many sets were computed."""
        return len(self._quick)

    def quick(self, changes: Iterable[Change] = ()) -> Figure:
        """Downtime with some changes, by a chain that is quick to solve."""
        some = frozenset(changes)
        if some not in self._quick:
            found = self._computed(self._ranks, some)
            if math.isnan(found.minutes):  # such as no chain of that tolerance
                found = self.final(some)
            elif found.bound == 0.0 or self._ranks is self.design:
                self._final[some] = found
            self._quick[some] = found
        return self._quick[some]

    def final(self, changes: Iterable[Change] = ()) -> Figure:
        """Downtime with some changes, as the answer has it."""
        some = frozenset(changes)
        if some not in self._final:
            self._final[some] = self._computed(self.design, some)
        return self._final[some]

    def judged(self, changes: Iterable[Change], percent: float, sure: float, samples: int) -> Judgement:
        """Whether the service meets a target with some changes, with all inputs within their limits."""
        made = self._with(self.design, frozenset(changes))
        (found,) = judge(made.solution, {self.service: percent}, samples=samples, sure=sure, explain=False)
        assert isinstance(found, Judgement)
        return found

    def best_known(self, changes: Iterable[Change]) -> Figure:
        """What is known of a set: as the answer has it where it was computed so."""
        some = frozenset(changes)
        return self._final.get(some) or self.quick(some)

    def refine(
        self, sets: Collection[Changes], most: int, by: Callable[[Changes, float], float] = lambda _, minutes: minutes
    ) -> list[Changes]:
        """Compute again until the best few by some measure, the least, are all as the answer has them; give those."""

        def rank(some: Changes) -> float:
            value = by(some, self.best_known(some).minutes)
            return math.inf if math.isnan(value) else value

        while True:
            best = [some for some in heapq.nsmallest(most, sets, key=rank) if rank(some) < math.inf]
            coarse = [some for some in best if some not in self._final]
            if not coarse:
                return best
            for some in coarse:
                self.final(some)

    def rises(self, among: Collection[Change]) -> float:
        """How much downtime each change adds at most among all computed sets of some, summed over them [min/year]."""
        worst: dict[Change, float] = {}
        for some, figure in self._quick.items():
            if all(change in among for change in some):
                for change in some:
                    rise = figure.minutes - self._quick.get(some - {change}, _NONE).minutes
                    if rise > worst.get(change, 0.0):
                        worst[change] = rise
        return sum(worst.values())

    @staticmethod
    def _with(design: Design, some: Changes) -> Design:
        """The design with some changes, made in one order."""
        return changed(design, sorted(some, key=lambda change: (change.kind, change.what)))

    def _computed(self, design: Design, some: Changes) -> Figure:
        try:
            made = self._with(design, some)
            minutes = minutes_of(made, self.service)
            return Figure(minutes, (made.solution.error_bound or 0.0) * MINUTES_PER_YEAR)
        except K2relError:
            return _NONE


def _quick_tolerance(design: Design) -> float | None:
    """The smallest tolerance with chains of few states; None where those of the answer are such already.

    A site that needs no chain may be compared with levels that need one: those of the first tolerances are small.
    """
    solution, asked = design.solution, design.organisation or Organisation()
    if design.method == "exact":
        return None
    coarser = [tolerance for tolerance in _QUICK if tolerance > (asked.tolerance or 0.0)]
    if solution.method == "exact":
        return coarser[min(1, len(coarser) - 1)] if coarser else None
    if solution.dynamics.states.chain.states <= _FEW_STATES:
        return None
    found = None
    for tolerance in coarser:
        organisation = design.within(tolerance).organisation
        assert organisation is not None
        try:
            states = solved(design.study, organisation).states.chain.states
        except K2relError:
            break
        if found is not None and states > _FEW_STATES:
            break
        found = tolerance
        if 2 * states > _FEW_STATES:  # a tenth of the error takes more than twice the states
            break
    return found
