"""The exact static engine: independent components, roles at the preferred side whenever it is healthy.

Compiled diagrams are evaluated at the unavailabilities of components, each mode at those of the clients' own parts.
Nothing is sampled, truncated or approximated; unavailability is a sum of positive terms and keeps its digits.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.exact import by_group
from k2rel.exact.moments import Derivatives, cycle_inputs, steady_own
from k2rel.logic.diagram import Diagram, Transitions
from k2rel.logic.rounding import at_most_one
from k2rel.rates import Law, RaidModule, law_at, moving_moments
from k2rel.services.clients import OwnParts, own_states
from k2rel.services.diagrams import Service, failures_per_h
from k2rel.studies import Study

__all__ = [
    "Derivatives",
    "cycle_inputs",
    "derivatives",
    "failure_frequency",
    "mode_probabilities",
    "mode_transitions",
    "slopes_of_tested",
    "steady_own",
    "unavailability",
    "unavailability_over_time",
]

FloatArray = NDArray[np.float64]

_TIMES_AT_ONCE = 16_384


@lru_cache(maxsize=32)
def mode_probabilities(study: Study, diagram: Diagram) -> FloatArray:
    """Give the steady-state probability of every mode of a diagram; kept for services that share it."""
    weight, q, *_ = cycle_inputs(study, diagram.variables)
    return np.asarray(diagram.mode_probabilities(q.reshape(len(q), len(weight))) @ weight)


@lru_cache(maxsize=32)
def mode_transitions(study: Study, diagram: Diagram) -> Transitions:
    """Give the steady-state rate of every change of mode of a diagram."""
    weight, q, w, back = cycle_inputs(study, diagram.variables)
    return diagram.transitions(q, w, weight, None if np.array_equal(w, back) else back)


@lru_cache(maxsize=256)
def _steady(study: Study, service: Service) -> tuple[FloatArray, FloatArray]:
    """Unavailability given each mode and its derivatives, kept."""
    return service.steady_unavailability(steady_own(study))


def unavailability(study: Study, service: Service) -> float:
    """Steady-state probability that a service is down."""
    if (found := by_group.figures(study, service)) is not None:
        return at_most_one(found.unavailability)
    return at_most_one(
        sum(
            weight * float(np.dot(mode_probabilities(moment, service.diagram), _steady(moment, service)[0]))
            for weight, moment in study.at_moments
        )
    )


def failure_frequency(study: Study, service: Service) -> float:
    r"""Expected failures of a service per hour in steady state [1/h].

    Notes
    -----
    Every passage of a component from up to down, and back, that takes the service from up to down is
    counted, so the value is exact for non-coherent behaviour too, where :math:`\sum_i B_i w_i` is not
    (H. Vesely 1970; W. G. Schneeweiss, IEEE Trans. Reliability 30 (1981) 97).
    """
    if (found := by_group.figures(study, service)) is not None:
        return found.failures_per_h
    total = 0.0
    for weight, moment in study.at_moments:
        both_ways = mode_transitions(moment, service.diagram).both_ways()
        down, shares = _steady(moment, service)[0], mode_probabilities(moment, service.diagram)
        total += weight * failures_per_h(service, steady_own(moment), down, shares, both_ways)
    return total


def unavailability_over_time(study: Study, service: Service, times_h: FloatArray, *, repaired: bool) -> FloatArray:
    """Probability that a service is down at each time, everything new at time 0, with repairs or (mission) without.

    Times are taken some at a time: at each one there is a number for every part and every mode.
    """
    parts = np.array_split(times_h, max(1, -(-len(times_h) // _TIMES_AT_ONCE)))
    return np.concatenate([_unavailability_at(study, service, some, repaired) for some in parts])


def _unavailability_at(study: Study, service: Service, times_h: FloatArray, repaired: bool) -> FloatArray:
    """Probability that a service is down at some times."""

    def at(law: Law | RaidModule) -> FloatArray:
        return law.unavailability_at(times_h) if repaired else law.unreliability_at(times_h)

    states = own_states(study.policy)
    own_q = np.array([at(study.client_laws[name]) for name in states.names]).reshape(len(states.names), -1)
    if by_group.in_one_pass(service, study.policy):
        return at_most_one(by_group.cases(study, service, lambda name: at(study.law(name)), states.probability(own_q)))
    diagram = service.diagram
    q = np.array([at(study.law(name)) for name in diagram.variables]).reshape(len(diagram.variables), -1)
    probabilities = diagram.mode_probabilities(q)
    return at_most_one(np.asarray((probabilities * service.unavailability(states.probability(own_q))).sum(axis=0)))


def derivatives(study: Study, service: Service) -> Derivatives:
    r"""Differentiate a service's unavailability with respect to every part's."""
    if by_group.in_one_pass(service, study.policy) and not study.tested:
        return by_group.derivatives(study, service)
    diagram = service.diagram
    count, names = len(diagram.variables), steady_own(study).names
    gradient, critical, together = np.zeros(count), np.zeros(count + len(names)), np.zeros(count + len(names))
    by_part = np.zeros(len(names))
    for share, moment in study.at_moments:
        down, slopes = _steady(moment, service)
        weight, q, *_ = cycle_inputs(moment, diagram.variables)
        for k, part in enumerate(weight.tolist()):
            at = diagram.gradient(q[:, k], down)
            gradient += share * part * at
            critical[:count] += share * part * q[:, k] * at
            value = float(np.dot(diagram.mode_probabilities(q[:, k]).reshape(-1), down))
            together[:count] += share * part * q[:, k] * (value + (1.0 - q[:, k]) * at)
        modes, own_q = mode_probabilities(moment, diagram), steady_own(moment).unavailability
        own = modes @ slopes
        by_part += share * own
        critical[count:] += share * own_q * own
        together[count:] += share * own_q * (float(modes @ down) + (1.0 - own_q) * own)
    return Derivatives(
        dict(zip(diagram.variables, gradient.tolist(), strict=True)),
        dict(zip(names, by_part.tolist(), strict=True)),
        dict(zip((*diagram.variables, *names), critical.tolist(), strict=True)),
        dict(zip((*diagram.variables, *names), together.tolist(), strict=True)),
    )


def slopes_of_tested(study: Study, service: Service) -> dict[str, tuple[float, float]]:
    """Differentiate unavailability by failure rate [h] and mean repair time [1/h] of parts that are tested together."""
    if not study.tested:
        return {}
    diagram, names = service.diagram, steady_own(study).names
    with_clients = len(study.at_moments) > 1
    counts = {name: study.site.count_of(name) for name in study.client_laws}
    laws = study.tested if with_clients else {n: law for n in diagram.variables if (law := study.tested.get(n))}
    if sum(law.parts * counts.get(name, 1) for name, law in laws.items()) < 2:
        return {}
    total = {name: np.zeros(2) for name in (*diagram.variables, *names) if name in laws}
    for found, by in moving_moments(laws, counts):
        for k, weight in enumerate(found.weight.tolist()):
            laws_then = {
                n: law_at(float(q[k]), float(found.frequency_per_h[n][k])) for n, q in found.unavailability.items()
            }
            moment = replace(study, moment=laws_then)
            down, slopes = (
                service.steady_unavailability(OwnParts(moment.policy, moment.client_laws))
                if with_clients
                else _steady(study, service)
            )
            q = np.array([moment.law(name).unavailability for name in diagram.variables])
            at = dict(zip(diagram.variables, diagram.gradient(q, down).tolist(), strict=True))
            if with_clients:
                own = diagram.mode_probabilities(q).reshape(-1) @ slopes
                at |= dict(zip(names, own.tolist(), strict=True))
            for name in total.keys() & by.keys():
                total[name] += weight * at[name] * np.array([by[name][0][k], by[name][1][k]])
    return {name: (float(by_rate), float(by_mttr)) for name, (by_rate, by_mttr) in total.items()}
