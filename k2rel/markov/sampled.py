"""A site's chain at many draws of its inputs: one space of states, rates as arrays.

The states are those that matter at the point; what draws far from it would add is left out. So is what the chain that
answers has and a coarser one has not: figures are multiplied by the ratio of both at the point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.steady import steady
from k2rel.errors import NoConvergenceError
from k2rel.inputs import Factors, factor
from k2rel.logic.diagram import Diagram
from k2rel.markov.engine import Dynamics
from k2rel.markov.parts import Move
from k2rel.parallel import worker_count
from k2rel.policy.terms import PROBABILITIES, Given, Term
from k2rel.rates import Law
from k2rel.rates.sampled import SampledLaw, sampled_law, sampled_raid
from k2rel.site.coverage import coverage_name
from k2rel.site.names import cause_in
from k2rel.studies import Study

__all__ = ["DrawnModes", "SampledChain"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_TOLERANCE = 1e-7  # change of all probabilities together in the last sweep
_MOST_SWEEPS = 3_000


@dataclass(frozen=True, eq=False)
class DrawnModes:
    """One diagram at all draws: probability of each mode, and rate of each change of mode [1/h]."""

    probability: FloatArray  # (modes, draws)
    before: IntArray
    after: IntArray
    rate_per_h: FloatArray  # (changes, draws)


class SampledChain:
    """The chain of a site with rates that are known for many draws."""

    def __init__(self, dynamics: Dynamics) -> None:
        from k2rel.markov.joint_kernels import joint_terms

        self.dynamics = dynamics
        self.study: Study = dynamics.study
        states = dynamics.states
        recipe = states.recipe
        begin = np.searchsorted(states.part_state, np.arange(len(states.atoms) + 1))
        self._moves: tuple[tuple[int, Move], ...] = recipe.moves
        travel = dynamics.organisation.travel_h
        nominal = np.array([*(move.rate_per_h for _, move in recipe.moves), 1.0 / travel if travel else 1.0])
        number = np.where(recipe.move >= 0, recipe.move, len(recipe.moves))
        source, target, place, rate, by = joint_terms(
            states.part_state, states.control, begin, recipe.joint, number, self._event_rows(len(nominal)),
            self._decided,
        )  # fmt: skip
        multiple = np.where(place >= 0, recipe.joint.rate_per_h[place] / nominal[np.minimum(rate, len(nominal) - 1)], 1)
        order = np.argsort(target, kind="stable")
        self._source, self._target, self._multiple = source[order], target[order], multiple[order]
        self._rate, self._by = rate[order], by[order]
        self._start = np.searchsorted(self._target, np.arange(states.chain.states + 1))
        self._nominal = nominal

    # what is drawn

    @property
    def rows(self) -> int:
        """Numbers that are kept of each draw: rates of moves and events, coverages."""
        return len(self._nominal) + len(self._terms) + len(self._coverages) + 1

    def _event_rows(self, first: int) -> IntArray:
        """Row of the rate of each event in time, condition and control state, after some other rates."""
        return self.dynamics.states.recipe.table.term + first

    @cached_property
    def _decided(self) -> IntArray:
        """Which coverage stands in each condition and control state, from 1; 0 where the takeover is certain."""
        table = self.dynamics.states.recipe.table
        self._coverages, index = np.unique(np.where(table.coverage < 1.0, table.counts, 0), return_inverse=True)
        numbers = np.cumsum(self._coverages > 0) * (self._coverages > 0)
        return np.asarray(numbers[index.reshape(table.counts.shape)], dtype=np.int64)

    def _rates(self, factors: Factors, draws: int) -> FloatArray:
        """Rate of every move and event at every draw [1/h]."""
        states, organisation, terms = self.dynamics.states, self.dynamics.organisation, self._terms
        rates = np.empty((len(self._nominal) + len(terms), draws))
        rates[: len(self._nominal)] = self._nominal[:, None]
        drawn = [self._population(population.members[0], factors) for population in states.parts.populations]
        for place, (number, move) in enumerate(self._moves):
            rates[place] *= drawn[number](move)
        if organisation.travel_h:
            rates[len(self._moves)] /= factor(organisation.uses, "travel_h", factors)
        for place, term in enumerate(terms, len(self._nominal)):
            rates[place] = term.value(lambda given: self._drawn(given, factors))
        return rates

    @property
    def _terms(self) -> tuple[Term, ...]:
        """Rates of events in time."""
        return self.dynamics.states.recipe.table.terms

    def _drawn(self, given: Given, factors: Factors) -> FloatArray:
        """A number that rates are made of at every draw; a probability stays one."""
        takeover = self.dynamics.states.takeover
        assert takeover is not None
        field = "return_to_service_h" if given.field == "return_h" else given.field
        record = takeover.record_of(given) or self.dynamics.organisation
        drawn = np.asarray(takeover.value(given) * factor(record.uses, field, factors), dtype=np.float64)
        return np.minimum(drawn, 1.0) if cause_in(field)[0] in PROBABILITIES else drawn

    def _population(self, name: str, factors: Factors) -> _Moved:
        """How a part's moves change with draws."""
        law = self.study.law(name)
        if isinstance(law, Law):
            return _Moved(law, sampled_law(law, factors))
        site = self.study.site
        drive = self.study.laws.shared[site.raid_sets[name].drives[0]]
        raid = sampled_raid(law, drive, site.raid_sets[name].uses, factors)
        down = law.unavailability
        shares = raid.lost_per_h / (down / law.restore_h / (1.0 - down)), raid.restored_per_h * law.restore_h
        return _Moved(None, None, (shares[0], shares[1]))

    def _factors(self, factors: Factors, draws: int) -> FloatArray:
        """Coverage of each kind of takeover and its complement at every draw, after a row of ones."""
        takeover = self.dynamics.states.takeover
        rows = [np.ones(draws)]
        for bits in self._coverages[self._coverages > 0].tolist():
            assert takeover is not None
            coverage = np.ones(draws)
            for bit, (role, cause) in enumerate(takeover.coverages):
                if bits >> bit & 1:
                    coverage = np.minimum(coverage, self._drawn(Given(coverage_name(cause), role), factors))
            for bit, (unit, need) in enumerate(takeover.guards, len(takeover.coverages)):
                if bits >> bit & 1:
                    coverage = coverage * self._drawn(Given("coverage", unit=unit, need=need), factors)
            if bits >> takeover.unready_bit & 1:
                coverage = np.zeros(draws)
            rows += [coverage, 1.0 - coverage]
        return np.array(rows)

    # what follows

    def chains(self, factors: Factors, draws: int) -> Iterator[tuple[Chain, FloatArray]]:
        """Give the chain at each draw with its steady state, one after another."""
        rates, shares = self._rates(factors, draws), self._factors(factors, draws)
        initial, states = self.dynamics.states.chain.initial, self.dynamics.states.chain.states
        for draw in range(draws):
            rate = self._multiple * rates[self._rate, draw] * shares[self._by, draw]
            there = rate > 0.0
            chain = Chain.of(states, self._source[there], self._target[there], rate[there], initial)
            yield chain, steady(chain, _TOLERANCE * 1e-3).probability

    def modes(
        self, diagrams: Sequence[Diagram], factors: Factors, draws: int, *, flows: bool = True
    ) -> list[DrawnModes]:
        """Solve the chain at all draws and say how probable each mode of each diagram is, and each change of mode."""
        from k2rel.ctmc.batched import BLOCK, steady_of_draws

        states = self.dynamics.states.chain.states
        groups, offsets, changes = np.zeros((len(diagrams), states), dtype=np.int64), [0], []
        terms, places, total = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], 0
        for d, diagram in enumerate(diagrams):
            mode = self.dynamics.modes(diagram)
            groups[d] = mode + offsets[-1]
            offsets.append(offsets[-1] + diagram.modes)
            one, other = mode[self._source], mode[self._target]
            moved = np.flatnonzero(one != other) if flows else np.zeros(0, dtype=np.int64)
            pairs, which = np.unique(one[moved] * diagram.modes + other[moved], return_inverse=True)
            changes.append((pairs // diagram.modes, pairs % diagram.modes, slice(total, total + len(pairs))))
            terms.append(moved)
            places.append(which.reshape(-1) + total)
            total += len(pairs)
        given = (
            self._start, self._source, self._multiple, self._rate, self._by, self._rates(factors, draws),
            self._factors(factors, draws), self.dynamics.states.solution.probability, _TOLERANCE, _MOST_SWEEPS,
            groups, np.concatenate(terms), np.concatenate(places),
        )  # fmt: skip
        shares, flow, left = np.zeros((offsets[-1], draws)), np.zeros((total, draws)), np.zeros(draws)
        with ThreadPoolExecutor(worker_count(None)) as pool:
            for done in [
                pool.submit(steady_of_draws, *given, begin, min(begin + BLOCK, draws), shares, flow, left)
                for begin in range(0, draws, BLOCK)
            ]:
                done.result()
        if not float(left.max(initial=0.0)) <= 100.0 * _TOLERANCE:
            raise NoConvergenceError(
                f"{self.study.site.name}: some draws do not converge within {_MOST_SWEEPS:,} sweeps; narrow the limits"
            )
        return [
            DrawnModes(shares[offsets[d] : offsets[d + 1]], before, after, flow[where])
            for d, (before, after, where) in enumerate(changes)
        ]


@dataclass(frozen=True, eq=False)
class _Moved:
    """Ratio of the rates of a part's moves at draws to those at the point."""

    law: Law | None
    drawn: SampledLaw | None
    raid: tuple[FloatArray, FloatArray] | None = None

    def __call__(self, move: Move) -> FloatArray:
        if self.raid is not None:
            return self.raid[0] if move.before == 0 else self.raid[1]
        law, drawn = self.law, self.drawn
        assert law is not None
        assert drawn is not None
        if move.before == 0:
            return np.asarray(drawn.failure_rate_per_h / law.failure_rate_per_h)
        if move.before == 1 and law.test_interval_h > 0:
            return np.asarray((law.mean_downtime_h - law.mttr_h) / (drawn.mean_downtime_h - drawn.mttr_h))
        return np.asarray(law.mttr_h / drawn.mttr_h)
