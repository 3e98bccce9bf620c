"""Derivatives of unavailability by every rate of a chain at once, from one adjoint solution a service.

The bias of a loss gives the derivatives by the rates of all transitions (`k2rel.ctmc.bias`). What is left is the chain
rule, from the rates of transitions to failure rates, repair times, coverages and times of persons.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.bias import bias
from k2rel.logic.structure import BoolArray
from k2rel.markov.engine import Dynamics
from k2rel.markov.parts import Move, RepairOf
from k2rel.markov.tested import known_laws, tested_kinds, weighted
from k2rel.policy.table import table_slopes
from k2rel.policy.terms import Given
from k2rel.rates import Law, RaidModule
from k2rel.services.diagrams import Service

__all__ = ["Loss", "Slopes", "slopes", "slopes_of"]

FloatArray = NDArray[np.float64]

_STEP = 1e-4  # of central differences of rates, which are products of few factors
_TESTED_STEP = 1e-3  # of the laws of tested parts, whose cycle is integrated numerically
_NEAR = 1e-4  # elasticities were then off by up to ten times as much
_SAID = 1e-9
_MOST_ENTRIES = 50_000_000


Moment = tuple[float, Dynamics, FloatArray]
"""A moment of the cycle of tests: weight, chain then, unavailability in every state (states, losses)."""


@dataclass(frozen=True, eq=False)
class Loss:
    """That a service is down; in some states only, where that is asked."""

    service: Service
    where: BoolArray | None = None


@dataclass(frozen=True, slots=True)
class Slopes:
    """The probability of a loss and its derivatives; nan where a derivative cannot be given, and `notes` say why."""

    value: float
    failure_rate_h: dict[str, float]  # by the failure rate of each shared part, RAID set or event [h]
    repair_per_h: dict[str, float]  # by the mean repair time of each but RAID sets [1/h]
    unavailability: dict[str, float]  # by that of each client part
    raid: dict[tuple[str, str], float]  # by what each RAID set is made from: name of it, field of `RaidModule`
    assumed: dict[Given, float]  # by what takeovers are given, and the times of operators and technicians
    notes: tuple[str, ...]


def slopes(dynamics: Dynamics, losses: Sequence[Loss]) -> list[Slopes]:
    """Differentiate the probabilities of losses.

    Tests on known days: the chain of exponential times is differentiated, with the same corrections as its
    probabilities. Where small chains are followed from test to test that is not the same, and no derivatives are given
    where it moves the loss itself by more than 1e-4 of it; `notes` say how far it does.
    """
    states = dynamics.states
    rewards = [(weight, moment, _rewards(dynamics, moment, losses)) for weight, moment in dynamics.at_moments]
    values = np.sum([w * np.einsum("x,xk->k", moment.probability, rows) for w, moment, rows in rewards], axis=0)
    of_moves, of_arrivals, of_assumed = _worths(dynamics, _bias(dynamics, rewards))
    by_rate: dict[str, FloatArray] = {}
    by_time: dict[str, FloatArray] = {}
    by_raid: dict[tuple[str, str], FloatArray] = {}
    repair, numbered = RepairOf(dynamics.study, dynamics.organisation), states.recipe.moves
    mine: dict[int, dict[tuple[int, int], FloatArray]] = {}
    for (number, move), worth in zip(numbered, of_moves, strict=True):
        mine.setdefault(number, {})[move.before, move.after] = worth
    tested = _Tested(dynamics, rewards)
    for number, population in enumerate(states.parts.populations):
        name, worth = population.members[0], mine[number]
        law = dynamics.study.law(name)
        if not isinstance(law, Law):
            up, back = worth[0, 1], worth[1, 0]
            by_rate[name] = up
            by_raid |= {(name, field): value for field, value in _of_raid(law, up, back)}
            continue
        rate_h, time_h = law.failure_rate_per_h, law.mttr_h
        steps = rate_h * _STEP, time_h * _STEP
        by = (
            [repair.component(name, replace(law, failure_rate_per_h=rate_h + sign * steps[0]))[0] for sign in (-1, 1)],
            [repair.component(name, law, longer_h=sign * steps[1])[0] for sign in (-1, 1)],
        )
        for into, (less, more), step, also in zip((by_rate, by_time), by, steps, tested.by(number), strict=True):
            change = _changed(worth, less, more) / (2.0 * step) + also
            into |= dict.fromkeys(population.members, change / population.size)
    notes = tested.notes(values)
    own = [_own(dynamics, loss) for loss in losses]
    if dynamics.organisation.travel_h:
        of_assumed[Given("travel_h")] = -of_arrivals / dynamics.organisation.travel_h**2
    found = []
    for k, value in enumerate(values.tolist()):
        good, told = notes[k]
        give = 1.0 if good else math.nan
        found.append(
            Slopes(
                value,
                {name: give * float(row[k]) for name, row in by_rate.items()},
                {name: give * float(row[k]) for name, row in by_time.items()},
                own[k],
                {what: give * float(row[k]) for what, row in by_raid.items()},
                {given: give * float(row[k]) for given, row in of_assumed.items()},
                (*told, *tested.left_out),
            )
        )
    return found


def slopes_of(dynamics: Dynamics, services: Sequence[Service]) -> list[Slopes]:
    """Differentiate the unavailability of services, those together that were not asked before; kept with the chain."""
    known = _known.setdefault(dynamics, {})
    new = [service for service in services if service not in known]
    if new:
        known.update(zip(new, slopes(dynamics, [Loss(service) for service in new]), strict=True))
    return [known[service] for service in services]


_known: WeakKeyDictionary[Dynamics, dict[Service, Slopes]] = WeakKeyDictionary()


def _rewards(dynamics: Dynamics, moment: Dynamics, losses: Sequence[Loss]) -> FloatArray:
    """Unavailability in every state at a moment of the cycle of tests (states, losses)."""
    columns = []
    for loss in losses:
        down = moment.unavailability_given_mode(loss.service)[dynamics.modes(loss.service.diagram)]
        columns.append(down if loss.where is None else np.where(loss.where, down, 0.0))
    return np.column_stack(columns)


def _own(dynamics: Dynamics, loss: Loss) -> dict[str, float]:
    """Derivatives by the unavailability of clients' own parts."""
    diagram = loss.service.diagram
    result = np.zeros(len(dynamics.own.names))
    for weight, moment in dynamics.at_moments:
        shares = moment.probability if loss.where is None else np.where(loss.where, moment.probability, 0.0)
        by_mode = np.bincount(dynamics.modes(diagram), weights=shares, minlength=diagram.modes)
        result += weight * (by_mode @ loss.service.steady_unavailability(moment.own)[1])
    return dict(zip(dynamics.own.names, result.tolist(), strict=True))


def _changed(worth: Mapping[tuple[int, int], FloatArray], less: Sequence[Move], more: Sequence[Move]) -> FloatArray:
    """What other rates of the same moves are worth."""
    pairs = zip(less, more, strict=True)
    return np.asarray(sum(worth[a.before, a.after] * (b.rate_per_h - a.rate_per_h) for a, b in pairs))


def _of_raid(module: RaidModule, up: FloatArray, back: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Derivatives by what a RAID set is made from, from those by its two rates."""
    for field in ("failure_rate_per_h", "replace_h", "rebuild_h"):
        value = getattr(module, field)
        if value > 0:
            ends = [replace(module, **{field: value * (1.0 + sign * _STEP)}).mttdl_h for sign in (-1, 1)]
            yield field, up * (1.0 / ends[1] - 1.0 / ends[0]) / (2.0 * _STEP * value)
    yield "restore_h", -back / module.restore_h**2


def _worths(dynamics: Dynamics, worths: FloatArray) -> tuple[FloatArray, FloatArray, dict[Given, FloatArray]]:
    """Derivatives by the rate of each numbered move of one member, of a technician's arrival, by what is assumed."""
    from k2rel.markov.joint_kernels import worth_of_rates

    states, p = dynamics.states, dynamics.states.solution.probability
    recipe, takeover = states.recipe, states.takeover
    begin = np.searchsorted(states.part_state, np.arange(len(states.atoms) + 1))
    count = worths.shape[1]
    given = table_slopes(takeover, recipe.table) if takeover else []
    assumed = {slope.given: np.zeros(count) for slope in given}
    known = recipe.move >= 0
    rate = np.array([move.rate_per_h for _, move in recipe.moves])
    # a move's rate stands in many transitions, each a multiple of it
    multiple = recipe.joint.rate_per_h[known] / rate[recipe.move[known]]
    of_moves, of_arrivals = np.zeros((len(rate), count)), np.zeros(count)
    width = max(1, _MOST_ENTRIES // (recipe.table.rate_per_h.size + recipe.table.coverage.size))
    for first in range(0, count, width):
        some = slice(first, first + width)
        here = np.ascontiguousarray(worths[:, some])
        of_edges, of_events, of_coverage = worth_of_rates(
            states.part_state, states.control, begin, recipe.joint, p, here
        )
        np.add.at(of_moves[:, some], recipe.move[known], of_edges[known] * multiple[:, None])
        of_arrivals[some] = of_edges[~known].sum(axis=0)
        columns = here.shape[1]
        for slope in given:
            for worth, (at, by) in ((of_coverage, slope.coverage), (of_events, slope.rate_per_h)):
                assumed[slope.given][some] += by @ worth.reshape(-1, columns)[at]
    return of_moves, of_arrivals, assumed


def _bias(dynamics: Dynamics, rewards: Sequence[Moment]) -> FloatArray:
    """Bias of each loss (states, losses).

    Probabilities with tests on known days are those of the chain times a factor: rewards have it instead.
    """
    states, p = dynamics.states, dynamics.states.solution.probability
    gains = np.zeros_like(rewards[0][2])
    for weight, moment, rows in rewards:
        then = moment.probability
        factor = np.divide(then, p, out=np.zeros_like(p), where=p > 0)
        gains += weight * factor[:, None] * (rows - np.einsum("x,xk->k", then, rows))
    return bias(states.chain, p, gains)


class _Tested:
    """What tests on known days add to derivatives, and what cannot be said because of them."""

    def __init__(self, dynamics: Dynamics, rewards: Sequence[Moment]) -> None:
        self.dynamics, self.rewards = dynamics, rewards[0][2]
        self.laws = known_laws(dynamics.study, dynamics.states)
        self.moments = len(dynamics.at_moments) > 1
        self.left_out = (
            ("parts that are tested on the same days as clients' own have no slopes by their own rates and times",)
            if self.moments
            else ()
        )
        self.off = np.zeros(0)
        if self.laws and not self.moments:
            self.kinds = tested_kinds(dynamics.states, list(self.laws))
            self.off = self._corrected(self.laws)

    def _corrected(self, laws: dict[int, Law]) -> FloatArray:
        """Losses from the chain as it is, its probabilities corrected for tests with these laws."""
        return np.asarray(np.einsum("x,xk->k", weighted(self.dynamics.states, laws, self.kinds), self.rewards))

    def by(self, number: int) -> tuple[FloatArray | float, FloatArray | float]:
        """What the correction adds to derivatives by failure rate and repair time of all members of a population."""
        law = self.laws.get(number)
        if law is None:
            return 0.0, 0.0
        if self.moments:
            return math.nan, math.nan
        if sum(self.dynamics.states.parts.populations[n].size for n in self.laws) < 2:
            return 0.0, 0.0  # nothing to correct
        result = []
        for field in ("failure_rate_per_h", "mttr_h"):
            value, ends = getattr(law, field), []
            for sign in (-1, 1):
                other = replace(law, **{field: value * (1.0 + sign * _TESTED_STEP)})
                ends.append(self._corrected({**self.laws, number: other}))
            result.append((ends[1] - ends[0]) / (2.0 * _TESTED_STEP * value))
        return result[0], result[1]

    def notes(self, values: FloatArray) -> list[tuple[bool, tuple[str, ...]]]:
        """Whether derivatives of each loss can be given, and what is to be said of them."""
        if not self.laws or self.moments:
            return [(True, ())] * len(values)
        result: list[tuple[bool, tuple[str, ...]]] = []
        for off, value in zip(self.off.tolist(), values.tolist(), strict=True):
            moved = abs(off - value) / value if value > 0 else 0.0
            told = f"{moved:.1e} of it; slopes are those with exponential times until tests"
            good = moved <= _NEAR
            told = (f"tests at fixed times change the downtime by {told}") + (
                "" if good else ", not known well enough to be given"
            )
            result.append((good, (told,) if moved > _SAID else ()))
        return result
