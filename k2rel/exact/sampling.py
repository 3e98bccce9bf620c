"""The exact engine at many draws of its inputs at once: every draw is an exact answer, none is approximated.

One exception: where an interval of tests is drawn and parts are tested on the same days, each has its mean, and the
result the ratio of the exact figure to that at the point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    own = list(own_states(study.policy).names)
    result = {service.name: np.zeros(draws) for service in services}
    for piece in _pieces(study, factors, draws):
        sampled: dict[str, tuple[FloatArray, FloatArray]] = {}
        count = piece.part.stop - piece.part.start
        for service in services:
            total = result[service.name][piece.part]
            for name in (*service.diagram.variables, *own):
                if name not in sampled:
                    sampled[name] = _sampled(study, _law(study, name), name, piece.factors)
                q, rate = sampled[name]
                if not np.any(rate):
                    continue
                # a shared part is followed from down to up; one that every client has by a small step, for all clients
                steps = (_STEP, -_STEP) if name in own else (1.0, 0.0)
                put = [np.broadcast_to(q + step if name in own else step, (count,)) for step in steps]
                up, down = (piece.down(service, name, values) for values in put)
                total += (up - down) / (steps[0] - steps[1]) * rate * (1.0 - q)
    return result


def _evaluated(
    study: Study,
    services: Sequence[Service],
    factors: Factors,
    draws: int,
    calendar: tuple[FloatArray, dict[str, FloatArray]] | None = None,
) -> dict[str, FloatArray]:
    """Evaluate diagrams at draws, in chunks that fit in memory."""
    result = {service.name: np.empty(draws) for service in services}
    for piece in _pieces(study, factors, draws, calendar):
        for service in services:
            result[service.name][piece.part] = piece.down(service)
    return result


def _pieces(
    study: Study, factors: Factors, draws: int, calendar: tuple[FloatArray, dict[str, FloatArray]] | None = None
) -> Iterator[_Piece]:
    weight, times = calendar or (np.ones(1), {})
    chunk = max(1, _CHUNK // len(weight))
    for start in range(0, draws, chunk):
        part = slice(start, min(draws, start + chunk))
        here = {name: values[part] if np.ndim(values) else values for name, values in factors.items()}
        yield _Piece(study, here, part, weight, times)


class _Piece:
    """Some of the draws, at the moments of a calendar; what several services or parts ask for is worked out once."""

    def __init__(
        self, study: Study, factors: Factors, part: slice, weight: FloatArray, times: Mapping[str, FloatArray]
    ) -> None:
        self.study, self.factors, self.part, self.weight, self.times = study, factors, part, weight, times
        self.states = own_states(study.policy)
        self._known: dict[Any, FloatArray] = {}

    def down(self, service: Service, by_hand: str = "", put: FloatArray | None = None) -> FloatArray:
        """Unavailability of a service; `put` is that of a part which is not as it is drawn."""
        diagram, own = service.diagram, self.states.names
        given = {} if put is None else {by_hand: np.repeat(put, len(self.weight))}
        modes = self._once(
            diagram, diagram.variables, given, lambda: diagram.mode_probabilities(self._rows(diagram.variables, given))
        )
        lost = self._once(
            service, own, given, lambda: service.unavailability(self.states.probability(self._rows(own, given)))
        )
        down = np.einsum("ms,ms->s", modes, lost)
        return np.asarray(at_most_one(down.reshape(-1, len(self.weight)) @ self.weight))

    def _rows(self, names: Sequence[str], given: Mapping[str, FloatArray]) -> FloatArray:
        """Unavailability of parts (parts, draws times moments)."""
        rows = [given[name] if name in given else self._drawn(name) for name in names]
        return np.array(rows).reshape(len(rows), (self.part.stop - self.part.start) * len(self.weight))

    def _once(
        self, key: Any, parts: Sequence[str], given: Mapping[str, FloatArray], make: Callable[[], FloatArray]
    ) -> FloatArray:
        """What some parts decide; kept unless one of them is put by hand."""
        if any(name in given for name in parts):
            return make()
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def _drawn(self, name: str) -> FloatArray:
        if name not in self._known:
            law = _law(self.study, name)
            if name in self.times and isinstance(law, Law):
                found = sampled_law(law.single, self.factors).at(self.times[name]) ** law.parts
            else:
                found = _sampled(self.study, law, name, self.factors)[0][..., None]
            whole = np.broadcast_to(found, (self.part.stop - self.part.start, len(self.weight)))
            self._known[name] = whole.reshape(-1)
        return self._known[name]


def _law(study: Study, name: str) -> Any:
    """What a part does: one that every client has, or a shared one."""
    return study.client_laws[name] if name in own_states(study.policy).names else study.law(name)


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
