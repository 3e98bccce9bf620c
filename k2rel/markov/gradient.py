r"""Derivatives of unavailability by every rate of a chain at once, from one adjoint solution a service.

A mean reward :math:`u = \sum p_x r_x` changes with the rate from x to y by :math:`p_x (g_y - g_x)`, with g the bias of
the reward: :math:`Q g = u - r` (P. J. Schweitzer, "Perturbation theory and finite Markov chains", J. Appl. Prob. 5,
1968). What is left is the chain rule, from the rates of transitions to failure rates, repair times and coverages.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import NoConvergenceError
from k2rel.logic.structure import BoolArray
from k2rel.markov.engine import Dynamics
from k2rel.markov.parts import Move, RepairOf
from k2rel.markov.tested import known_laws, weighted
from k2rel.policy.following import table_slopes
from k2rel.rates import Law, RaidModule
from k2rel.services.diagrams import Service

__all__ = ["Loss", "Slopes", "slopes", "slopes_of"]

FloatArray = NDArray[np.float64]

_MOST_SWEEPS = 20_000
_STEP = 1e-4  # of central differences of rates, which are products of few factors
_TESTED_STEP = 1e-3  # of the laws of tested parts, whose cycle is integrated numerically
_NEAR = 1e-3
_MOST_ENTRIES = 50_000_000


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
    assumed: dict[tuple[str, str | None], float]  # by fields of `Role`, with the role; by times of `Organisation`
    notes: tuple[str, ...]


def slopes(dynamics: Dynamics, losses: Sequence[Loss]) -> list[Slopes]:
    """Differentiate the probabilities of losses.

    Tests on known days: the chain of exponential times is differentiated, with the same corrections as its
    probabilities. Where small chains are followed from test to test that is not the same, and no derivatives are given
    where it moves the loss itself by more than 1e-3 of it.
    """
    states, values = dynamics.states, np.array([_value(dynamics, loss) for loss in losses])
    of_moves, of_arrivals, of_assumed = _worths(dynamics, losses)
    by_rate: dict[str, FloatArray] = {}
    by_time: dict[str, FloatArray] = {}
    by_raid: dict[tuple[str, str], FloatArray] = {}
    repair, numbered = RepairOf(dynamics.study, dynamics.organisation), states.recipe.moves
    mine: dict[int, dict[tuple[int, int], FloatArray]] = {}
    for (number, move), worth in zip(numbered, of_moves, strict=True):
        mine.setdefault(number, {})[move.before, move.after] = worth
    tested = _Tested(dynamics, losses)
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
        of_assumed["travel_h", None] = -of_arrivals / dynamics.organisation.travel_h**2
    found = []
    for k, value in enumerate(values.tolist()):
        give = math.nan if notes[k] else 1.0
        found.append(
            Slopes(
                value,
                {name: give * float(row[k]) for name, row in by_rate.items()},
                {name: give * float(row[k]) for name, row in by_time.items()},
                own[k],
                {what: give * float(row[k]) for what, row in by_raid.items()},
                {given: give * float(row[k]) for given, row in of_assumed.items()},
                (*notes[k], *tested.left_out),
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


def _value(dynamics: Dynamics, loss: Loss) -> float:
    return sum(weight * float(moment.probability @ reward) for weight, moment, reward in _rewards(dynamics, loss))


def _rewards(dynamics: Dynamics, loss: Loss) -> Iterator[tuple[float, Dynamics, FloatArray]]:
    """Unavailability in every state, at each moment of the cycle of tests with its weight."""
    for weight, moment in dynamics.at_moments:
        down = np.asarray(moment.unavailability_given_mode(loss.service))[dynamics.modes(loss.service.diagram)]
        yield weight, moment, down if loss.where is None else np.where(loss.where, down, 0.0)


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


def _worths(
    dynamics: Dynamics, losses: Sequence[Loss]
) -> tuple[FloatArray, FloatArray, dict[tuple[str, str | None], FloatArray]]:
    """Derivatives by the rate of each numbered move of one member, of a technician's arrival, by what is assumed."""
    from k2rel.markov.joint_kernels import worth_of_rates

    states, p = dynamics.states, dynamics.states.solution.probability
    recipe, takeover = states.recipe, states.takeover
    begin = np.searchsorted(states.part_state, np.arange(len(states.atoms) + 1))
    bias = _bias(dynamics, losses)
    given = table_slopes(takeover, recipe.table) if takeover else []
    assumed = {(slope.name, slope.role): np.zeros(len(losses)) for slope in given}
    known = recipe.move >= 0
    rate = np.array([move.rate_per_h for _, move in recipe.moves])
    # a move's rate stands in many transitions, each a multiple of it
    multiple = recipe.joint.rate_per_h[known] / rate[recipe.move[known]]
    of_moves, of_arrivals = np.zeros((len(rate), len(losses))), np.zeros(len(losses))
    width = max(1, _MOST_ENTRIES // (recipe.table.rate_per_h.size + recipe.table.coverage.size))
    for first in range(0, len(losses), width):
        some = slice(first, first + width)
        here = np.ascontiguousarray(bias[:, some])
        of_edges, of_events, of_coverage = worth_of_rates(
            states.part_state, states.control, begin, recipe.joint, p, here
        )
        np.add.at(of_moves[:, some], recipe.move[known], of_edges[known] * multiple[:, None])
        of_arrivals[some] = of_edges[~known].sum(axis=0)
        columns = here.shape[1]
        for slope in given:
            for worth, (at, by) in ((of_coverage, slope.coverage), (of_events, slope.rate_per_h)):
                assumed[slope.name, slope.role][some] += by @ worth.reshape(-1, columns)[at]
    return of_moves, of_arrivals, assumed


def _bias(dynamics: Dynamics, losses: Sequence[Loss]) -> FloatArray:
    """Bias of each loss (states, losses): what is lost until one state is met, less its mean over the time until then.

    Probabilities with tests on known days are those of the chain times a factor: rewards have it instead.
    """
    from k2rel.ctmc.kernels import value_sweep

    states, p = dynamics.states, dynamics.states.solution.probability
    factor = [np.divide(m.probability, p, out=np.zeros_like(p), where=p > 0) for _, m in dynamics.at_moments]
    gains, means = np.zeros((len(p), len(losses))), np.zeros((len(p), len(losses)))
    for k, loss in enumerate(losses):
        for (weight, moment, reward), ratio in zip(_rewards(dynamics, loss), factor, strict=True):
            gains[:, k] += weight * ratio * reward
            means[:, k] += weight * ratio * float(moment.probability @ reward)
    alone = len(factor) == 1
    reward = np.column_stack([factor[0] if alone else means, gains])
    rates = states.chain.rates
    leave = states.chain.exit_rates_per_h.copy()
    leave[int(np.argmax(p))] = np.inf
    value = np.zeros_like(reward)
    for _ in range(_MOST_SWEEPS):
        if value_sweep(rates.indptr, rates.indices, rates.data, leave, reward, value) < 1e-13:
            break
    else:
        raise NoConvergenceError(f"{dynamics.study.site.name}: the causes of downtime did not converge")
    lost, mean = value[:, -len(losses) :], value[:, : -len(losses)]
    return np.ascontiguousarray(lost - mean * (p @ gains if alone else 1.0))


class _Tested:
    """What tests on known days add to derivatives, and what cannot be said because of them."""

    def __init__(self, dynamics: Dynamics, losses: Sequence[Loss]) -> None:
        self.dynamics, self.losses = dynamics, losses
        self.laws = known_laws(dynamics.study, dynamics.states)
        self.moments = len(dynamics.at_moments) > 1
        self.left_out = (
            ("parts that are tested on the same days as clients' own: no slopes by their own rates and times",)
            if self.moments
            else ()
        )
        p = weighted(dynamics.states, self.laws) if self.laws else dynamics.probability
        self.off = np.zeros(len(losses))
        if self.laws and not self.moments:
            self.rewards = np.column_stack([reward for loss in losses for _, _, reward in _rewards(dynamics, loss)])
            self.off = p @ self.rewards

    def by(self, number: int) -> tuple[FloatArray | float, FloatArray | float]:
        """What the correction adds to derivatives by failure rate and repair time of all members of a population."""
        law = self.laws.get(number)
        if law is None:
            return 0.0, 0.0
        if self.moments:
            return math.nan, math.nan
        result = []
        for field in ("failure_rate_per_h", "mttr_h"):
            value, ends = getattr(law, field), []
            for sign in (-1, 1):
                other = replace(law, **{field: value * (1.0 + sign * _TESTED_STEP)})
                ends.append(weighted(self.dynamics.states, {**self.laws, number: other}) @ self.rewards)
            result.append((ends[1] - ends[0]) / (2.0 * _TESTED_STEP * value))
        return result[0], result[1]

    def notes(self, values: FloatArray) -> list[tuple[str, ...]]:
        """Why there are no derivatives of a loss, if there are none."""
        if not self.laws or self.moments:
            return [()] * len(values)
        return [
            ()
            if abs(off - value) <= _NEAR * value
            else (f"no slopes: tests on their days move the downtime by {abs(off / value - 1.0):.1%}",)
            for off, value in zip(self.off.tolist(), values.tolist(), strict=True)
        ]
