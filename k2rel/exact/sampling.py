"""The exact engine at many draws of its inputs at once: every draw is an exact answer, none is approximated.

One exception: where an interval of tests is drawn and parts are tested on the same days, each has its mean, and the
result the ratio of the exact figure to that at the point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.exact.engine import failure_frequency, unavailability
from k2rel.inputs import Factors, factor
from k2rel.logic.rounding import at_most_one
from k2rel.rates import Law, calendar_of, law_at
from k2rel.rates.sampled import sampled_law, sampled_raid
from k2rel.services.clients import own_states
from k2rel.services.diagrams import Service
from k2rel.studies import Study

__all__ = ["frequency_of_draws", "unavailability_at", "unavailability_of_draws"]

FloatArray = NDArray[np.float64]

_CHUNK = 2048
_STEP = 1e-6  # of the unavailability of a part that every client has
_SEEN = 1e-10  # share of an unavailability below which tests on the same days are not followed draw by draw


def unavailability_of_draws(
    study: Study, services: Sequence[Service], factors: Factors, draws: int
) -> dict[str, FloatArray]:
    """Give the unavailability of services at draws of inputs, each as a share of its point (`k2rel.inputs`)."""
    still = _with_means(study)
    moved = any(np.ndim(factor(law.single.uses, "test_interval_h", factors)) for law in study.tested.values())
    result: dict[str, FloatArray] = {}
    together = []
    for service in services:
        whole, apart = unavailability(study, service), unavailability(still, service) if study.tested else 0.0
        if not study.tested or abs(apart - whole) <= _SEEN * whole:
            result[service.name] = np.empty(0)
        elif moved:
            result |= {service.name: _evaluated(study, [service], factors, draws)[service.name] * (whole / apart)}
        else:
            together.append(service)
    alone = [service for service in services if service.name in result and not len(result[service.name])]
    result |= _evaluated(study, alone, factors, draws) if alone else {}
    result |= _evaluated(study, together, factors, draws, _calendar(study, together, factors)) if together else {}
    return {service.name: result[service.name] for service in services}


def frequency_of_draws(
    study: Study, services: Sequence[Service], factors: Factors, draws: int
) -> dict[str, FloatArray]:
    r"""Give the failures of services per hour at draws of inputs [1/h].

    :math:`\sum_i (U_{i\ down} - U_{i\ up}) w_i`, and the ratio of the engine's figure to that at the point, which is
    1 where services are coherent and nothing is tested.
    """
    point = dict.fromkeys(factors, np.ones(1))
    found = _frequencies(study, services, factors, draws)
    there = _frequencies(study, services, point, 1)
    return {
        service.name: found[service.name] * (failure_frequency(study, service) / float(there[service.name][0] or 1.0))
        for service in services
    }


def _frequencies(study: Study, services: Sequence[Service], factors: Factors, draws: int) -> dict[str, FloatArray]:
    """The sum over all parts, without the correction."""
    result = {}
    for service in services:
        own = list(own_states(study.policy).names)
        total = np.zeros(draws)
        for name in (*service.diagram.variables, *own):
            law = study.law(name) if name not in own else study.client_laws[name]
            q, rate = _sampled(study, law, name, factors)
            if not np.any(rate):
                continue
            # a shared part is followed from down to up; one that every client has by a small step, for all clients
            steps = (_STEP, -_STEP) if name in own else (1.0, 0.0)
            ends = [
                _evaluated(study, [service], factors, draws, fixed={name: q + step if name in own else step})
                for step in steps
            ]
            slope = (ends[0][service.name] - ends[1][service.name]) / (steps[0] - steps[1])
            total += slope * rate * (1.0 - q)
        result[service.name] = total
    return result


def _evaluated(
    study: Study,
    services: Sequence[Service],
    factors: Factors,
    draws: int,
    calendar: tuple[FloatArray, dict[str, FloatArray]] | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> dict[str, FloatArray]:
    """Evaluate diagrams at draws, in chunks that fit in memory; `fixed` puts the unavailability of parts by hand."""
    result = {service.name: np.empty(draws) for service in services}
    states = own_states(study.policy)
    diagrams = list(dict.fromkeys(service.diagram for service in services))
    weight, times = calendar or (np.ones(1), {})
    names = list(dict.fromkeys(name for diagram in diagrams for name in diagram.variables))
    laws = {name: study.law(name) for name in names} | {name: study.client_laws[name] for name in states.names}
    given = fixed or {}
    chunk = max(1, _CHUNK // len(weight))
    for start in range(0, draws, chunk):
        part = slice(start, min(draws, start + chunk))
        here = {name: values[part] if np.ndim(values) else values for name, values in factors.items()}
        count = part.stop - part.start
        q = {}
        for name, law in laws.items():
            if name in given:
                found = np.asarray(given[name])
                found = found[part][..., None] if found.ndim else found
            elif name in times and isinstance(law, Law):
                found = sampled_law(law.single, here).at(times[name]) ** law.parts
            else:
                found = _sampled(study, law, name, here)[0][..., None]
            q[name] = np.broadcast_to(found, (count, len(weight))).reshape(-1)
        modes = {
            diagram: diagram.mode_probabilities(
                np.array([q[name] for name in diagram.variables]).reshape(len(diagram.variables), count * len(weight))
            )
            for diagram in diagrams
        }
        p = states.probability(np.array([q[name] for name in states.names]).reshape(-1, count * len(weight)))
        for service in services:
            down = np.einsum("ms,ms->s", modes[service.diagram], service.unavailability(p))
            result[service.name][part] = at_most_one(down.reshape(-1, len(weight)) @ weight)
    return result


def unavailability_at(study: Study, name: str, factors: Factors) -> FloatArray:
    """Unavailability of one shared part at draws."""
    return _sampled(study, study.law(name), name, factors)[0]


def _sampled(study: Study, law: object, name: str, factors: Factors) -> tuple[FloatArray, FloatArray]:
    """Unavailability and failure rate [1/h] of one part at draws."""
    if isinstance(law, Law):
        drawn = sampled_law(law, factors)
        return drawn.unavailability, drawn.failure_rate_per_h
    module, entry = study.laws.raid[name], study.site.raid_sets[name]
    raid = sampled_raid(module, study.laws.shared[entry.drives[0]], entry.uses, factors)
    return raid.unavailability, raid.lost_per_h


def _calendar(study: Study, services: Iterable[Service], factors: Factors) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Moments of the cycle of the tests at which draws are evaluated."""
    own = study.client_laws
    names = {name for service in services for name in service.diagram.variables}
    tested = {name: law for name, law in study.tested.items() if name in own or name in names}
    limits = {}
    for name, law in tested.items():
        rates = np.atleast_1d(sampled_law(law.single, factors).failure_rate_per_h)
        limits[name] = (max(float(rates.min()), 1e-30), max(float(rates.max()), 1e-30))
    return calendar_of(tested, limits, {name: study.site.count_of(name) for name in own})


def _with_means(study: Study) -> Study:
    """The study with every tested part at its mean, as if no two were tested on the same days."""
    still = {name: law_at(law.unavailability, law.frequency_per_h) for name, law in study.tested.items()}
    return replace(study, moment=still)
