"""Who knows what one window of time brings: the chain of a site, with bounds, or counted histories, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from k2rel.ctmc.accumulated import Accumulated, accumulated
from k2rel.errors import InputError, K2relError
from k2rel.markov.engine import Dynamics
from k2rel.measures.availability import service_named
from k2rel.measures.solution import Solution
from k2rel.services.diagrams import Service
from k2rel.studies import Provenance
from k2rel.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from k2rel.simulation.estimates import Estimate
    from k2rel.simulation.windows import CountedWindows

__all__ = ["CountedByHistories", "ExactWindows", "Figure", "known_windows"]

_BY_CLIENTS, _WIDEST = 0.01, 0.005  # share of the downtime that may be left out; widest bound of a probability
_RARE, _MOST_NUMBERS = 1e-6, 250


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, and limits: a proven bound where it is exact, a confidence interval where it is simulated."""

    value: float
    low: float
    high: float


def known_windows(solution: Solution, service: str, window_h: float) -> ExactWindows | CountedByHistories:
    """The chain where it tells enough, else histories; an engine that was named does not give way to another."""
    if solution.method == "exact" and not solution.chosen:
        raise solution.cannot("the downtime of one window of time", "auto, markov or simulation")
    if solution.method == "simulation":
        return CountedByHistories(_counted(solution, service, window_h), solution.reason)
    try:
        return exact_windows(solution, service, window_h)
    except K2relError as error:
        reason = str(error).removeprefix(f"{solution.study.site.name}: ")
        if not solution.chosen:
            raise solution.cannot(f"the downtime of a window: {reason}", "auto or simulation") from None
    return CountedByHistories(_counted(solution, service, window_h), reason)


@dataclass(frozen=True, eq=False)
class ExactWindows:
    """By the chain; `bound` is that of the states that it leaves out, `left_out` the share of clients' own parts."""

    found: Accumulated
    bound: float
    mean_bound_h: float
    left_out: float
    why: str
    provenance: Provenance
    how: str = "exact"

    def _figure(self, value: float, error: float) -> Figure:
        value, wrong = float(value), float(error) + self.bound
        return Figure(value, max(value - wrong, 0.0), min(value + wrong, 1.0))

    def mean(self) -> Figure:
        """Give the mean downtime [h]."""
        mean = self.found.mean_h
        return Figure(mean, max(mean - self.mean_bound_h, 0.0), mean + self.mean_bound_h)

    def none(self) -> Figure:
        """Give the probability of a window without downtime."""
        return self._figure(*self.found.none())

    def longer_than(self, times_h: Sequence[float]) -> list[Figure]:
        """Give the probability of more downtime than each time."""
        return [self._figure(*each) for each in zip(*map(list, self.found.longer_than(times_h)), strict=True)]

    def quantile(self, share: float) -> Figure:
        """Give the downtime that a share of the windows does not exceed [h]."""
        error = self.bound + self.found.none()[1]
        at = (share, max(share - error, 0.0), min(share + error, 1.0 - 1e-12))
        return Figure(*(self.found.quantile_h(each) for each in at))

    def numbers(self) -> list[Figure]:
        """Give the probability of 0, 1, ... interruptions that begin in a window."""
        expected = self.found.entries
        most = int(min(expected + 12.0 * math.sqrt(expected) + 12.0, _MOST_NUMBERS))
        return [self._figure(*each) for each in zip(*map(list, self.found.visits(most, _RARE)), strict=True)]


def exact_windows(solution: Solution, service: str, window_h: float) -> ExactWindows:
    """By the chain, or why not."""
    study = solution.study
    dynamics = solution.chain.dynamics
    found = service_named(study, service, dynamics.policy)
    down = dynamics.unavailability(found)
    shared = float(dynamics.probability[dynamics.down(found)].sum())
    left_out = max(0.0, 1.0 - shared / down) if down > 0 else 0.0
    if left_out > _BY_CLIENTS:
        raise InputError(
            f"clients' own parts cause {100 * left_out:.2g} % of the downtime of {service}, which the chain does not "
            "follow"
        )
    states = dynamics.states
    bound = states.share_bound + (states.left_per_h + _changed_by_tests_per_h(dynamics)) * window_h
    spent = _accumulated(dynamics, found, window_h)
    if not bound + spent.merged <= _WIDEST:
        raise InputError(
            f"with {states.chain.states:,} states a probability is bounded by {bound + spent.merged:.1e}, too wide"
        )
    spent.none()  # of chains that are too large for the numbers, this is the first to say so
    why = "distribution by the Markov chain"
    return ExactWindows(
        spent, bound, states.error_bound * window_h, left_out, why,
        replace(
            dynamics.provenance, takeovers=solution.takeovers, reason=solution.reason, error_bound=bound + spent.merged,
        ),
    )  # fmt: skip


def _changed_by_tests_per_h(dynamics: Dynamics) -> float:
    """How often tests on their days, not after an exponential time, can change what happens while something is failed.

    The engine bounds the share of time; such times last as long as times with something failed do.
    """
    if not dynamics.test_bound:
        return 0.0
    flows = dynamics.flows_between(dynamics.states.all_up.astype(np.int64), 2)
    return dynamics.test_bound * float(flows[1, 0]) / float(dynamics.probability[~dynamics.states.all_up].sum())


@lru_cache(maxsize=8)
def _accumulated(dynamics: Dynamics, service: Service, window_h: float) -> Accumulated:
    """Kept, since the table, the verdict and the page ask the same."""
    return accumulated(dynamics.states.chain, dynamics.probability, dynamics.down(service), window_h)


@dataclass(frozen=True, eq=False)
class CountedByHistories:
    """By histories."""

    found: CountedWindows
    why: str
    how: str = "simulated"
    left_out: float = 0.0

    @property
    def provenance(self) -> Provenance:
        """Who counted."""
        return replace(self.found.run.provenance, reason=self.why)

    def mean(self) -> Figure:
        """Give the mean downtime [h]."""
        return _figure(self.found.mean())

    def none(self) -> Figure:
        """Give the probability of a window without downtime."""
        return _figure(self.found.none())

    def longer_than(self, times_h: Sequence[float]) -> list[Figure]:
        """Give the probability of more downtime than each time."""
        return [_figure(each) for each in self.found.longer_than(times_h)]

    def quantile(self, share: float) -> Figure:
        """Give the downtime that a share of the windows does not exceed [h]."""
        return _figure(self.found.quantile(share))

    def numbers(self) -> list[Figure]:
        """Give the probability of 0, 1, ... interruptions that begin in a window."""
        return [_figure(each) for each in self.found.visits()]


def _figure(estimate: Estimate) -> Figure:
    return Figure(estimate.value, estimate.low, estimate.high)


def _counted(solution: Solution, service: str, window_h: float) -> CountedWindows:
    from k2rel.simulation.windows import CountedWindows

    return CountedWindows(_histories(solution, window_h), service)


@lru_cache(maxsize=4)
def _histories(solution: Solution, window_h: float) -> Any:
    """Histories under the same reading, whose years are parted into windows; kept for the other services."""
    from k2rel.simulation.engine import moderate_plan
    from k2rel.simulation.windows import WindowPlan

    plan = solution.plan or moderate_plan(solution.study, solution.followed, solution.circumstances)
    years = max(plan.years, math.ceil(window_h / HOURS_PER_YEAR * (1.0 - 1e-12)))
    return solution.histories(WindowPlan.of(replace(plan, years=years), window_h))
