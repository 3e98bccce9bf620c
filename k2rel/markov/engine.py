"""The solved chain of a site: probability of every mode, every change of mode, visits to states with a service down.

What a mode means for services and loads is said by `k2rel.services`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel._version import __version__
from k2rel.ctmc.passage import Interruptions, interruptions, mean_time_to
from k2rel.ctmc.transient import over_time
from k2rel.doing import doing
from k2rel.logic.diagram import Diagram, Transitions
from k2rel.logic.rounding import at_most_one
from k2rel.logic.structure import BoolArray
from k2rel.markov.modes import modes_followed
from k2rel.markov.starts import Start
from k2rel.markov.states import SiteStates, site_states
from k2rel.markov.tested import probability_at_moments, tested_over_time, tested_probability
from k2rel.organisation import Organisation
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover
from k2rel.services.clients import OwnParts
from k2rel.services.diagrams import Service, failures_per_h
from k2rel.services.modes import deciding
from k2rel.studies import Provenance, Study
from k2rel.tables import Shown

__all__ = ["Dynamics", "followed_policy", "forget", "solved"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Dynamics(Shown):
    """A site's chain, solved, and the questions that it answers."""

    study: Study
    organisation: Organisation
    policy: Policy
    states: SiteStates

    @property
    def provenance(self) -> Provenance:
        """How its numbers were computed."""
        chain = self.states.chain
        tests = f" and {self.test_bound:.1e} for tests at fixed times" if self.test_bound else ""
        engine = (
            f"markov, {self.organisation.words()}, {self.policy.asked_first}; {chain.states:,} states, error "
            f"bound {self.states.error_bound:.1e}{tests} (k2rel {__version__})"
        )
        return replace(self.study.provenance, engine=engine)

    @cached_property
    def _tested(self) -> tuple[FloatArray, float]:
        return tested_probability(self.study, self.organisation, self.states)

    @property
    def probability(self) -> FloatArray:
        """Probability of every state, in steady state; the mean over the cycle of the tests."""
        return self._tested[0]

    @property
    def test_bound(self) -> float:
        """Bound on the error that following the days of tests in another way than day by day can make."""
        return self._tested[1]

    @cached_property
    def at_moments(self) -> tuple[tuple[float, Dynamics], ...]:
        """Itself, or where clients' own parts are tested on known days itself with them at moments of the cycle."""
        moments = self.study.at_moments
        if len(moments) == 1:
            return ((1.0, self),)
        result = []
        at = probability_at_moments(self.study, self.states, self.probability)
        for (weight, study), probability in zip(moments, at, strict=True):
            moment = replace(self)
            # cached values: the modes of states are the same, clients' own parts and probabilities are those then
            vars(moment).update(_works=self._works, _known=self._known, at_moments=((1.0, moment),))
            vars(moment).update(
                _tested=(probability, self.test_bound),
                own=OwnParts(self.policy, study.client_laws, study.restored_per_h),
            )
            result.append((weight, moment))
        return tuple(result)

    @cached_property
    def own(self) -> OwnParts:
        """Parts of one client, in steady state."""
        return OwnParts(self.policy, self.study.client_laws)

    @cached_property
    def _works(self) -> dict[str, BoolArray]:
        return {name: ~down for name, down in self.states.down().items()}

    @cached_property
    def _known(self) -> dict[Diagram, IntArray]:
        return {}

    def modes(self, diagram: Diagram) -> IntArray:
        """Find the mode of every state."""
        if diagram not in self._known:
            self._known[diagram] = self._modes(diagram, self._works)
        return self._known[diagram]

    def modes_without(self, diagram: Diagram, name: str) -> IntArray:
        """Find the mode of every state with one more shared part failed."""
        without = {**self._works, name: np.zeros(len(self.states.atoms), dtype=np.bool_)}
        return self._modes(diagram, without)

    def _modes(self, diagram: Diagram, parts: Mapping[str, BoolArray]) -> IntArray:
        return modes_followed(self.states.takeover, diagram, parts, self.states.part_state, self.states.control)

    def mode_probabilities(self, diagram: Diagram) -> FloatArray:
        """Give the steady-state probability of every mode."""
        if diagram not in self._shares:
            p = self.probability
            shares = np.bincount(self.modes(diagram), weights=p, minlength=diagram.modes)
            self._shares[diagram] = at_most_one(shares.astype(np.float64))
        return self._shares[diagram]

    @cached_property
    def _shares(self) -> dict[Diagram, FloatArray]:
        return {}

    def crossings(self, diagram: Diagram) -> Transitions:
        """Give the steady-state rate of every change of mode, each direction by itself."""
        if diagram not in self._changes:
            flow = self.flows_between(self.modes(diagram), diagram.modes)
            before, after = np.nonzero(flow)
            self._changes[diagram] = Transitions(before, after, flow[before, after])
        return self._changes[diagram]

    def flows_between(self, kind: IntArray, kinds: int) -> FloatArray:
        """Give the steady-state rate from every kind of state to every other [1/h]."""
        from k2rel.ctmc.kernels import flows_between

        rates = self.states.chain.rates
        return np.asarray(flows_between(rates.indptr, rates.indices, rates.data, self.probability, kind, kinds))

    @cached_property
    def _changes(self) -> dict[Diagram, Transitions]:
        return {}

    def unavailability_given_mode(self, service: Service) -> FloatArray:
        """Give the unavailability of a service in each mode of its diagram; kept."""
        if service not in self._given_mode:
            self._given_mode[service] = service.unavailability(self.own.probability)
        return self._given_mode[service]

    @cached_property
    def _given_mode(self) -> dict[Service, FloatArray]:
        return {}

    @cached_property
    def _frequencies(self) -> dict[Service, float]:
        return {}

    def unavailability(self, service: Service) -> float:
        """Give the steady-state probability that a service is down."""
        return at_most_one(
            sum(
                weight * float(moment.mode_probabilities(service.diagram) @ moment.unavailability_given_mode(service))
                for weight, moment in self.at_moments
            )
        )

    def loss(self, service: Service) -> FloatArray:
        """Give the probability of each state with a service down in it; they add up to its unavailability."""
        modes, result = self.modes(service.diagram), np.zeros(len(self.probability))
        for weight, moment in self.at_moments:
            result += weight * moment.probability * moment.unavailability_given_mode(service)[modes]
        return result

    def failure_frequency(self, service: Service) -> float:
        """Give the expected failures of a service per hour in steady state [1/h]."""
        if service in self._frequencies:
            return self._frequencies[service]
        total = 0.0
        for weight, moment in self.at_moments:
            shares, moves = moment.mode_probabilities(service.diagram), moment.crossings(service.diagram)
            total += weight * failures_per_h(
                service, moment.own, moment.unavailability_given_mode(service), shares, moves
            )
        self._frequencies[service] = total
        return total

    def over_time(
        self, times_h: Sequence[float], tolerance: float = 1e-12, *, accumulate: bool = True
    ) -> tuple[FloatArray, FloatArray]:
        """Follow the chain from everything new and in service: state probabilities, time spent in each [h]."""
        found = tested_over_time(self.study, self.states, np.asarray(times_h, dtype=np.float64))
        if found is not None:
            return found
        moving = over_time(self.states.chain, times_h, tolerance=tolerance, accumulate=accumulate)
        return moving.probability, moving.spent_h

    def down(self, service: Service) -> BoolArray:
        """Say in which states a service is down by shared parts and roles, whatever the clients' own parts do."""
        return np.asarray(self.unavailability_given_mode(service) > 0.5)[self.modes(service.diagram)]

    def interruptions(self, service: Service) -> Interruptions:
        """Follow the failures of a service by shared parts and roles."""
        return interruptions(self.states.chain, self.probability, self.down(service))

    def first_failure_h(self, service: Service) -> float:
        """Give the mean time to the first failure of a service [h], from everything new and in service."""
        return mean_time_to(self.states.chain, self.down(service))

    def _line(self) -> str:
        return f"{self.study.site.name}: {self.states.chain.states:,} states, error bound {self.states.error_bound:.1e}"


@lru_cache(maxsize=8)
def _sticky(policy: Policy) -> Policy:
    """The same rules with takeovers as modelled; kept, since studies that differ in their laws alone share them."""
    return Policy(policy.site, policy.primary, sticky=True)


_lately: deque[Dynamics] = deque(maxlen=4)
"""Chains that were solved last; not all that somebody still holds, which would depend on when garbage is collected."""


@lru_cache(maxsize=4)
def solved(study: Study, organisation: Organisation, starts: tuple[Start, ...] = ()) -> Dynamics:
    """Generate and solve the chain of a site, to its tolerance, or to the smallest that keeps it of moderate size.

    States that the site may be in at present are followed as far as that in which nothing has failed.
    """
    policy = followed_policy(study, organisation)
    if starts:
        return Dynamics(study, organisation, policy, _states(study, organisation, policy, starts))
    states = _followed_before(study, organisation, policy) or _states(study, organisation, policy)
    found = Dynamics(study, organisation, policy, states)
    _lately.append(found)
    return found


def followed_policy(study: Study, organisation: Organisation) -> Policy:
    """Give the rules of a site as its chain follows them."""
    return _sticky(study.policy) if organisation.roles == "modelled" else study.policy


def forget() -> None:
    """Let go of the chains that are kept."""
    solved.cache_clear()
    _lately.clear()


def _states(study: Study, organisation: Organisation, policy: Policy, starts: tuple[Start, ...] = ()) -> SiteStates:
    roots = deciding(policy, list(study.site.traffic))
    roots += [policy.role_up(role) for role in study.site.roles]
    with doing("solving the chain"):
        return site_states(study, organisation, list(dict.fromkeys(roots)), policy, starts)


def _followed_before(study: Study, organisation: Organisation, policy: Policy) -> SiteStates | None:
    """The same chain, of a site with other numbers of the same clients; their own parts are not in it."""
    for other in list(_lately):
        if other.organisation == organisation and _same_but_for_numbers(study, other.study):
            states = other.states
            takeover = Takeover(policy, states.takeover.times) if states.takeover else None
            return replace(states, policy=policy, takeover=takeover)
    return None


_OF_NUMBERS = ("client_count", "assumptions")  # and what is said about it, which nothing is computed from


def _same_but_for_numbers(one: Study, other: Study) -> bool:
    """Whether two studies differ in how many clients of each group there are, and in nothing else."""

    def groups(study: Study) -> list[tuple[str, dict[str, str], int]]:
        return [(group.kind, dict(group.subscriptions), group.clients[0]) for group in study.site.groups]

    return (
        one.site.client_count != other.site.client_count
        and one.policy.primary == other.policy.primary
        and (one.rates, one.moment, one.restored_per_h) == (other.rates, other.moment, other.restored_per_h)
        and groups(one) == groups(other)
        and all(getattr(one.laws, item.name) == getattr(other.laws, item.name) for item in fields(one.laws))
        and all(
            getattr(one.site, item.name) == getattr(other.site, item.name)
            for item in fields(one.site)
            if item.compare and item.name not in _OF_NUMBERS
        )
    )
