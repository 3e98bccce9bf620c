"""A study at many draws of all that is known within limits, by the engine that answers for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.exact.sampling import frequency_of_draws, unavailability_at, unavailability_of_draws
from k2rel.inputs import Factors, Input, Uses, factor
from k2rel.logic.rounding import at_most_one
from k2rel.markov.engine import Dynamics, solved
from k2rel.markov.sampled import DrawnModes, SampledChain
from k2rel.measures.capacity import carried
from k2rel.measures.load import overload_by_mode
from k2rel.measures.solution import Solution
from k2rel.organisation import Organisation
from k2rel.policy.rules import Policy
from k2rel.rates import SiteLaws, changed_laws
from k2rel.rates.sampled import sampled_law
from k2rel.services.clients import OwnParts, own_states
from k2rel.services.diagrams import Service, services_of
from k2rel.services.full_service import FullService
from k2rel.services.loading import Loading
from k2rel.site.coverage import coverage_name
from k2rel.site.model import Role, Site
from k2rel.studies import Study

__all__ = ["Drawn", "chain_for_draws", "inputs_of", "study_at"]

FloatArray = NDArray[np.float64]

COARSE = (1e-6, 1e-5)
"""Error bounds of the chain that is solved at every draw: the first whose chain is small, else the last. What it
misses at the point is put back as a ratio."""
_SMALL = 8_000
_CHUNK = 512
_KINDS = 40  # of draws that are told apart by what elements carry
_STEP = 0.1  # of the logarithm of an input, where the clients' own failures are followed


def inputs_of(solution: Solution) -> dict[str, Input]:
    """All inputs with limits that a solution's figures can depend on, by name."""
    study, organisation = solution.study, solution.followed
    site = study.site
    used: dict[str, None] = {}
    for name, law in study.laws.used():
        if not site.described[name].external:
            used |= {use.input: None for use in law.single.uses}
    records: list[Any] = [*site.components.values(), *site.raid_sets.values(), *site.traffic.values()]
    if solution.method != "exact":
        records += [*site.movable.values()]
    used |= {use.input: None for record in records for use in record.uses}
    known = {**study.laws.inputs, **site.inputs}
    found = {name: known[name] for name in used if name in known}
    if solution.method != "exact" and site.movable:
        found |= organisation.inputs
    return found


def about(study: Study, item: Input) -> str:
    """What an input is of, in words: component types for an entry of the registry."""
    row, _, what = item.name.rpartition(".")
    laws = [(name, law) for name, law in study.laws.used() if any(use.input == item.name for use in law.single.uses)]
    if laws and what in ("failure_rate", "mttr") and row and row not in study.site.described:
        kinds = list(dict.fromkeys(study.site.described[name].type for name, _ in laws))
        more = f" and {len(kinds) - 2} more" if len(kinds) > 3 else ""
        return f"{item.kind} of {', '.join(kinds[:2] if more else kinds)}{more}".replace("_", " ")
    of = item.name.split(".")
    if item.kind == "coverage" and of[0] == "roles":
        return f"coverage of {of[1]}{f' after {of[3]}' if len(of) > 3 else ''}".replace("_", " ")
    if len(of) > 1:  # a place in the file, or a part's own
        return f"{item.kind} of {of[-2]}".replace("_", " ")
    name = item.name.removesuffix("_h").replace("_", " ")
    return name if item.kind in ("coverage", "operator time") or item.kind in name else f"{name} ({item.kind})"


def study_at(study: Study, organisation: Organisation | None, factors: Mapping[str, float]) -> tuple[Study, Any]:
    """The study and the organisation with inputs at one draw, made anew from their records."""
    site = study.site

    def moved(record: Any, *fields: str, uses: Sequence[Uses] | None = None) -> Any:
        own = record.uses if uses is None else uses
        changes = {f: getattr(record, f) * float(factor(own, f, factors)) for f in fields if getattr(record, f)}
        return replace(record, **changes)

    new: Site = replace(
        site,
        components={name: moved(part, "capacity_mb_s") for name, part in site.components.items()},
        raid_sets={name: moved(entry, "rebuild_h", "restore_h") for name, entry in site.raid_sets.items()},
        roles={
            name: _with_coverages(moved(role, "coverage", "switchover_h"), factors) for name, role in site.roles.items()
        },
        traffic={name: moved(flow, "demand_mb_s") for name, flow in site.traffic.items()},
    )
    laws: SiteLaws = changed_laws(
        new, study.laws, lambda _, __, law: moved(law, "failure_rate_per_h", "mttr_h", "test_interval_h")
    )
    other = replace(study, site=new, policy=Policy(new, study.policy.home), laws=laws)
    if organisation is None:
        return other, None
    times = {use.field: getattr(organisation, use.field) * float(factor([use], use.field, factors))
             for use in organisation.uses}  # fmt: skip
    return other, replace(organisation, **times, limits=())


def _with_coverages(role: Role, factors: Mapping[str, float]) -> Role:
    """A role with its coverages by what failed at one draw."""
    given = (
        (cause, value * float(factor(role.uses, coverage_name(cause), factors))) for cause, value in role.coverage_of
    )
    return replace(role, coverage_of=tuple(given))


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
        for service in services:
            for variant, where in self._variants(service, factors, draws):
                here = {name: values[where] if np.ndim(values) else values for name, values in factors.items()}
                down[service.name][where] = unavailability_of_draws(self.study, [variant], here, len(where))[
                    variant.name
                ]
        if not all_of_it:
            return Figures(down, {})
        plain = [service for service in services if not isinstance(service, FullService)]
        loading = Loading(self.study.policy, counted=True)
        variables = loading.table.diagram.variables
        q = [np.broadcast_to(unavailability_at(self.study, name, factors), (draws,)) for name in variables]
        shares = loading.table.diagram.mode_probabilities(np.array(q).reshape(len(q), draws))
        over = self._overload(loading, self.solution.engine.own, shares, factors)
        return Figures(down, frequency_of_draws(self.study, plain, factors, draws), over)

    def _by_chain(self, services: Sequence[Service], factors: Factors, draws: int, all_of_it: bool) -> Figures:
        """By the chain, in chunks that fit in memory."""
        engine, coarse = self.solution.dynamics, self._chain.dynamics
        named = {service.name: service for service in services_of(coarse.policy)}
        asked = [named[service.name] for service in services]
        loading = Loading(coarse.policy, counted=True)
        diagrams = list(dict.fromkeys(service.diagram for service in asked))
        if all_of_it and loading.table.diagram not in diagrams:
            diagrams.append(loading.table.diagram)
        down = {service.name: np.empty(draws) for service in services}
        often = {service.name: np.empty(draws) for service in services}
        over = np.empty(draws)
        variants = {service.name: self._variants(service, factors, draws) for service in asked}
        for part, here, count in _chunks(factors, draws):
            found = dict(zip(diagrams, self._chain.modes(diagrams, here, count, flows=all_of_it), strict=True))
            own = self._own(here, count)
            for service in asked:
                modes = found[service.diagram]
                at = down[service.name][part]
                at[:] = np.einsum("ms,ms->s", modes.probability, service.unavailability(own))
                for variant, where in variants[service.name]:
                    some = where[(where >= part.start) & (where < part.stop)] - part.start
                    at[some] = np.einsum("ms,ms->s", modes.probability[:, some], variant.unavailability(own[:, some]))
                if all_of_it:
                    often[service.name][part] = self._failures(service, modes, here, count)
            if all_of_it:
                over[part] = self._overload(loading, coarse.own, found[loading.table.diagram].probability, here)
        for service, rough in zip(services, asked, strict=True):
            at_point = coarse_unavailability(coarse, rough)
            if at_point > 0.0:
                ratio = 1.0 if variants[service.name] else engine.unavailability(service) / at_point
                down[service.name] = np.minimum(at_most_one(down[service.name]) * ratio, 1.0)
            if all_of_it and (rate := coarse.failure_frequency(rough)) > 0.0:
                often[service.name] *= engine.failure_frequency(service) / rate
        return Figures(down, often, over) if all_of_it else Figures(down, {})

    def _own(self, factors: Factors, draws: int) -> FloatArray:
        """Probability of each state of a client's own parts at every draw (states, draws)."""
        states = own_states(self._chain.dynamics.policy)
        laws = self.study.client_laws
        rows = [np.broadcast_to(sampled_law(laws[n], factors).unavailability, (draws,)) for n in states.names]
        return states.probability(np.array(rows).reshape(len(rows), draws))

    def _failures(self, service: Service, modes: DrawnModes, factors: Factors, draws: int) -> FloatArray:
        """Failures per hour: changes of mode that end the service, and the clients' own failures within a mode."""
        ends, within = self._worth(service)
        total = ends[modes.before, modes.after] @ modes.rate_per_h
        own = np.ones(draws)
        for name, elasticity in self._elasticities(service).items():
            if name in factors:
                own = own * np.asarray(factors[name]) ** elasticity
        return np.asarray(total + (within @ modes.probability) * own)

    def _worth(self, service: Service) -> tuple[FloatArray, FloatArray]:
        """At the point: that a change of mode ends the service, and the rate at which clients' own parts do."""
        return _worth(self._chain.dynamics, service)

    def _elasticities(self, service: Service) -> dict[str, float]:
        """How the clients' own failures of a service grow with each input of theirs, in logarithms."""
        own = [law for law in self.study.client_laws.values() if law.failure_rate_per_h > 0]
        dynamics = self._chain.dynamics
        shares, within = dynamics.mode_probabilities(service.diagram), _worth(dynamics, service)[1]
        here = float(shares @ within)
        result = {}
        for name in dict.fromkeys(use.input for law in own for use in law.single.uses) if here > 0.0 else ():
            ends = []
            for sign in (-1.0, 1.0):
                moved = study_at(self.study, None, {name: float(np.exp(sign * _STEP))})[0]
                ends.append(float(shares @ _within(replace(dynamics, study=moved), service, shares)))
            result[name] = float(np.log(ends[1] / ends[0]) / (2.0 * _STEP)) if min(ends) > 0 else 0.0
        return result

    def _overload(self, loading: Loading, own: OwnParts, shares: FloatArray, factors: Factors) -> FloatArray:
        """Probability that traffic which counts overloads something; clients' own parts as at the point."""
        result = np.empty(shares.shape[1])
        for variant, where in self._signatures(loading, factors, shares.shape[1]):
            modes = loading.table.modes
            over = np.array([overload_by_mode(variant, own, m) if variant.endangered(m) else 0.0 for m in modes])
            result[where] = over @ shares[:, where]
        return at_most_one(result)

    def _variants(self, service: Service, factors: Factors, draws: int) -> list[tuple[FullService, NDArray[np.int64]]]:
        """Full service with the capacities and demands of draws, where they differ from those of the point."""
        if not isinstance(service, FullService):
            return []
        kinds = self._signatures(service.loading, factors, draws)
        return [
            (replace(service, loading=loading), where) for loading, where in kinds if loading is not service.loading
        ]

    def _signatures(self, loading: Loading, factors: Factors, draws: int) -> list[tuple[Loading, NDArray[np.int64]]]:
        """Draws whose elements carry the same numbers of flows, together, with the loads of one of them.

        What cannot carry its clients with nothing failed is one kind: it is overloaded nearly always, whatever by.
        """
        site = self.study.site
        flow = site.traffic[loading.principal]
        records: list[Any] = [*site.components.values(), *site.traffic.values()]
        if not flow.demand_mb_s or not any(use.input in factors for record in records for use in record.uses):
            return [(loading, np.arange(draws))]
        demand = flow.demand_mb_s * np.broadcast_to(factor(flow.uses, "demand_mb_s", factors), (draws,))
        columns = []
        for element in loading.elements:
            part = site.components[element]
            room = (part.capacity_mb_s or 0.0) * factor(part.uses, "capacity_mb_s", factors)
            flows = np.floor(room / demand * (1.0 + 1e-9))
            columns.append(np.broadcast_to(np.minimum(flows, site.client_count + 1), (draws,)))
        for name in site.counted_traffic:
            other = site.traffic[name]
            if name != loading.principal and other.demand_mb_s:
                moved = factor(other.uses, "demand_mb_s", factors) * flow.demand_mb_s / demand
                columns.append(np.round(20.0 * np.log(np.broadcast_to(moved, (draws,)))))
        counts = np.where(carried(self.study, factors, draws), np.array(columns), -1.0)
        while True:
            _, first, which = np.unique(counts.T, axis=0, return_index=True, return_inverse=True)
            if len(first) <= _KINDS:
                break
            counts = np.where(counts < 0.0, -1.0, counts // 2.0)
        result = []
        for kind, draw in enumerate(first.tolist()):
            here = {name: float(np.broadcast_to(v, (draws,))[draw]) for name, v in factors.items()}
            other_site = study_at(self.study, None, here)[0].site
            result.append((loading.at(other_site), np.flatnonzero(which.reshape(-1) == kind)))
        return result


def _chunks(factors: Factors, draws: int) -> Iterator[tuple[slice, dict[str, Any], int]]:
    """Draws a chunk at a time."""
    for start in range(0, draws, _CHUNK):
        part = slice(start, min(draws, start + _CHUNK))
        yield part, {n: v[part] if np.ndim(v) else v for n, v in factors.items()}, part.stop - part.start


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


def _within(dynamics: Dynamics, service: Service, shares: FloatArray) -> FloatArray:
    """Rate at which clients' own parts end a service in each mode [1/h]."""
    own = dynamics.own
    there = service.unavailability(own.probability) < 1.0 - 1e-12
    return np.array([service.own_rate(own, m) if there[m] and p > 0 else 0.0 for m, p in enumerate(shares.tolist())])
