"""A study at many draws of all that is known within limits, by the engine that answers for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.exact.sampling import frequency_of_draws, unavailability_at, unavailability_of_draws
from k2rel.inputs import Factors
from k2rel.logic.rounding import at_most_one
from k2rel.markov.engine import Dynamics, solved
from k2rel.markov.sampled import DrawnModes, SampledChain
from k2rel.measures.capacity import Kinds, carried, kinds_of_draws
from k2rel.measures.delivered import overload_by_mode
from k2rel.measures.inputs import study_at
from k2rel.measures.solution import Solution
from k2rel.organisation import Organisation
from k2rel.rates.sampled import sampled_law
from k2rel.services.clients import OwnParts, own_states
from k2rel.services.diagrams import Service, services_of
from k2rel.services.full_service import FullService
from k2rel.services.loading import Loading
from k2rel.studies import Study

__all__ = ["Drawn", "chain_for_draws"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

COARSE = (1e-6, 1e-5)
"""Error bounds of the chain that is solved at every draw: the first whose chain is small, else the last. What it
misses at the point is put back as a ratio."""
_SMALL = 8_000
_CHUNK, _CHUNK_OF_PARTS = 512, 2048
_STEP = 0.1  # of the logarithm of an input, where the clients' own failures are followed


@dataclass(frozen=True, eq=False)
class Figures:
    """What services do at every draw."""

    unavailability: dict[str, FloatArray]
    frequency_per_h: dict[str, FloatArray]
    overload: FloatArray | None = None


class Drawn:
    """What a solution says at draws of its inputs, each as a share of its point."""

    def __init__(self, solution: Solution) -> None:
        if solution.method == "simulation":
            why = f" (auto chose it: {solution.reason})" if solution.chosen else ""
            raise solution.cannot(f"figures at many draws of uncertain inputs{why}", "exact or markov")
        self.solution = solution
        self.study = solution.study

    @property
    def services(self) -> tuple[Service, ...]:
        """Services of the engine that answers."""
        return tuple(services_of(self.solution.engine.policy))

    @cached_property
    def _chain(self) -> SampledChain:
        return chain_for_draws(self.solution.dynamics)

    def figures(self, services: Sequence[Service], factors: Factors, draws: int, *, all_of_it: bool = False) -> Figures:
        """Unavailability of services at every draw; where all is asked for, their frequency and overload too."""
        by = self._by_parts if self.solution.method == "exact" else self._by_chain
        return by(services, factors, draws, all_of_it)

    def _by_parts(self, services: Sequence[Service], factors: Factors, draws: int, all_of_it: bool) -> Figures:
        """By the exact engine."""
        down = unavailability_of_draws(self.study, services, factors, draws)
        kinds = kinds_of_draws(self.study, factors, carried(self.study, factors, draws))
        for service in services:
            for variant, where in self._variants(service, kinds):
                here = {name: values[where] if np.ndim(values) else values for name, values in factors.items()}
                down[service.name][where] = unavailability_of_draws(self.study, [variant], here, len(where))[
                    variant.name
                ]
        if not all_of_it:
            return Figures(down, {})
        plain = [service for service in services if not isinstance(service, FullService)]
        loading = Loading(self.study.policy, foreground=True)
        variables = loading.table.diagram.variables
        overloads, over = self._overload(loading, self.solution.engine.own, kinds), np.empty(draws)
        for part, here, count in _chunks(factors, draws, _CHUNK_OF_PARTS):
            q = [np.broadcast_to(unavailability_at(self.study, name, here), (count,)) for name in variables]
            shares = loading.table.diagram.mode_probabilities(np.array(q).reshape(len(q), count))
            for given, where in overloads:
                some = _inside(where, part)
                over[part][some] = given @ shares[:, some]
        return Figures(down, frequency_of_draws(self.study, plain, factors, draws), at_most_one(over))

    def _by_chain(self, services: Sequence[Service], factors: Factors, draws: int, all_of_it: bool) -> Figures:
        """By the chain, in chunks that fit in memory."""
        engine, coarse = self.solution.dynamics, self._chain.dynamics
        named = {service.name: service for service in services_of(coarse.policy)}
        asked = [named[service.name] for service in services]
        loading = Loading(coarse.policy, foreground=True)
        diagrams = list(dict.fromkeys(service.diagram for service in asked))
        if all_of_it and loading.table.diagram not in diagrams:
            diagrams.append(loading.table.diagram)
        down = {service.name: np.empty(draws) for service in services}
        often = {service.name: np.empty(draws) for service in services}
        over = np.empty(draws)
        kinds = kinds_of_draws(self.study, factors, carried(self.study, factors, draws))
        variants = {service.name: self._variants(service, kinds) for service in asked}
        overloads = self._overload(loading, coarse.own, kinds) if all_of_it else []
        for part, here, count in _chunks(factors, draws):
            found = dict(zip(diagrams, self._chain.modes(diagrams, here, count, flows=all_of_it), strict=True))
            own = self._own(here, count)
            for service in asked:
                modes = found[service.diagram]
                at = down[service.name][part]
                at[:] = np.einsum("ms,ms->s", modes.probability, service.unavailability(own))
                for variant, where in variants[service.name]:
                    some = _inside(where, part)
                    at[some] = np.einsum("ms,ms->s", modes.probability[:, some], variant.unavailability(own[:, some]))
                if all_of_it:
                    often[service.name][part] = self._failures(service, modes, here, count)
            for given, where in overloads:
                some = _inside(where, part)
                over[part][some] = given @ found[loading.table.diagram].probability[:, some]
        for service, rough in zip(services, asked, strict=True):
            at_point = coarse_unavailability(coarse, rough)
            if at_point > 0.0:
                ratio = 1.0 if variants[service.name] else engine.unavailability(service) / at_point
                down[service.name] = np.minimum(at_most_one(down[service.name]) * ratio, 1.0)
            if all_of_it and (rate := coarse.failure_frequency(rough)) > 0.0:
                often[service.name] *= engine.failure_frequency(service) / rate
        return Figures(down, often, at_most_one(over)) if all_of_it else Figures(down, {})

    def _own(self, factors: Factors, draws: int) -> FloatArray:
        """Probability of each state of a client's own parts at every draw (states, draws)."""
        states = own_states(self._chain.dynamics.policy)
        laws = self.study.client_laws
        rows = [np.broadcast_to(sampled_law(laws[n], factors).unavailability, (draws,)) for n in states.names]
        return states.probability(np.array(rows).reshape(len(rows), draws))

    def _failures(self, service: Service, modes: DrawnModes, factors: Factors, draws: int) -> FloatArray:
        """Failures per hour: changes of mode that end the service, and the clients' own failures within a mode."""
        ends, within = _worth(self._chain.dynamics, service)
        total = ends[modes.before, modes.after] @ modes.rate_per_h
        own = np.ones(draws)
        for name, elasticity in _elasticities(self._chain.dynamics, service).items():
            if name in factors:
                own = own * np.asarray(factors[name]) ** elasticity
        return np.asarray(total + (within @ modes.probability) * own)

    def _variants(self, service: Service, kinds: Kinds) -> list[tuple[FullService, IntArray]]:
        """Full service with the capacities and demands of draws, where they differ from those of the point."""
        if not isinstance(service, FullService):
            return []
        loading = service.loading
        return [(replace(service, loading=loading.at(site)), where) for site, where in kinds if site is not None]

    def _overload(self, loading: Loading, own: OwnParts, kinds: Kinds) -> list[tuple[FloatArray, IntArray]]:
        """Probability of overload by traffic that counts, given each mode, for each kind of draw."""
        modes, result = loading.table.modes, []
        for site, where in kinds:
            here = loading if site is None else loading.at(site)
            over = [overload_by_mode(here, own, mode) if here.danger(mode).elements else 0.0 for mode in modes]
            result.append((np.array(over), where))
        return result


def _chunks(factors: Factors, draws: int, size: int = _CHUNK) -> Iterator[tuple[slice, dict[str, Any], int]]:
    """Draws a chunk at a time."""
    for start in range(0, draws, size):
        part = slice(start, min(draws, start + size))
        yield part, {n: v[part] if np.ndim(v) else v for n, v in factors.items()}, part.stop - part.start


def _inside(where: IntArray, part: slice) -> IntArray:
    """Places within a chunk of the draws of a kind that are in it."""
    return np.asarray(where[(where >= part.start) & (where < part.stop)] - part.start)


def chain_for_draws(fine: Dynamics) -> SampledChain:
    """The chain that is solved at every draw, with the same organisation as the one that answers."""
    if fine.organisation.tolerance is not None or fine.states.error_bound >= COARSE[0]:
        return SampledChain(fine)
    for tolerance in COARSE:
        found = _coarse(fine.study, replace(fine.organisation, tolerance=tolerance))
        if found.dynamics.states.chain.states <= _SMALL:
            break
    return found


@lru_cache(maxsize=4)
def _coarse(study: Study, organisation: Organisation) -> SampledChain:
    return SampledChain(solved(study, organisation))


def coarse_unavailability(dynamics: Dynamics, service: Service) -> float:
    """Unavailability by the chain alone, without corrections for tests on their days."""
    shares = np.bincount(dynamics.modes(service.diagram), dynamics.states.solution.probability, service.diagram.modes)
    return float(shares @ dynamics.unavailability_given_mode(service))


@lru_cache(maxsize=64)
def _worth(dynamics: Dynamics, service: Service) -> tuple[FloatArray, FloatArray]:
    """That each change of mode ends a service, and the rate at which clients' own parts end it in each mode [1/h]."""
    diagram, own = service.diagram, dynamics.own
    there = dynamics.unavailability_given_mode(service) < 1.0 - 1e-12
    ends = np.zeros((diagram.modes, diagram.modes))
    changes = dynamics.crossings(diagram)
    for before, after in zip(changes.before.tolist(), changes.after.tolist(), strict=True):
        if there[before]:
            ends[before, after] = service.crossing(own, before, after)
    return ends, _within(dynamics, service, dynamics.mode_probabilities(diagram))


@lru_cache(maxsize=64)
def _elasticities(dynamics: Dynamics, service: Service) -> dict[str, float]:
    """How the clients' own failures of a service grow with each input of theirs, in logarithms."""
    own = [law for law in dynamics.study.client_laws.values() if law.failure_rate_per_h > 0]
    shares, within = dynamics.mode_probabilities(service.diagram), _worth(dynamics, service)[1]
    result: dict[str, float] = {}
    if not float(shares @ within) > 0.0:
        return result
    for name in dict.fromkeys(use.input for law in own for use in law.single.uses):
        ends = []
        for sign in (-1.0, 1.0):
            moved = study_at(dynamics.study, None, {name: float(np.exp(sign * _STEP))})[0]
            ends.append(float(shares @ _within(replace(dynamics, study=moved), service, shares)))
        result[name] = float(np.log(ends[1] / ends[0]) / (2.0 * _STEP)) if min(ends) > 0 else 0.0
    return result


def _within(dynamics: Dynamics, service: Service, shares: FloatArray) -> FloatArray:
    """Rate at which clients' own parts end a service in each mode [1/h]."""
    own = dynamics.own
    there = service.unavailability(own.probability) < 1.0 - 1e-12
    return np.array([service.own_rate(own, m) if there[m] and p > 0 else 0.0 for m, p in enumerate(shares.tolist())])
