"""The exact engine for many parameter vectors at once: every sample is an exact answer, none is approximated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError
from k2rel.exact.engine import unavailability
from k2rel.logic.rounding import at_most_one
from k2rel.rates import Law, RaidModule, calendar_of, law_at
from k2rel.services.clients import own_states
from k2rel.services.diagrams import Service
from k2rel.studies import Study

__all__ = ["unavailability_of_samples"]

FloatArray = NDArray[np.float64]

_CHUNK = 2048
_SEEN = 1e-10  # share of an unavailability below which tests on the same days are not followed sample by sample


def unavailability_of_samples(
    study: Study, services: Sequence[Service], rates_per_h: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Give the unavailability of services for many values of the failure rates, by row of the table of rates [1/h]."""
    lengths = {len(values) for values in rates_per_h.values()}
    if len(lengths) != 1:
        raise InputError("samples: every rate needs the same number of values, at least one rate must be given")
    for row, values in rates_per_h.items():
        if not np.all(np.isfinite(values) & (np.asarray(values) >= 0)):
            raise InputError(f"samples of '{row}': rates must be finite and not negative")
    (count,) = lengths
    alone = [service for service in services if _means_do(study, service)]
    if 0 < len(alone) < len(services):
        others = [service for service in services if service not in alone]
        return {
            **unavailability_of_samples(study, alone, rates_per_h),
            **unavailability_of_samples(study, others, rates_per_h),
        }
    result = {service.name: np.empty(count) for service in services}
    states = own_states(study.policy)
    diagrams = dict.fromkeys(service.diagram for service in services)
    names = dict.fromkeys(name for diagram in diagrams for name in diagram.variables)
    weight, times = (np.ones(1), {}) if alone else _calendar(study, names, rates_per_h)
    chunks = max(1, _CHUNK // len(weight))
    for start in range(0, count, chunks):
        part = slice(start, min(count, start + chunks))
        chunk = {row: np.asarray(values[part], dtype=np.float64) for row, values in rates_per_h.items()}
        width = (part.stop - part.start) * len(weight)
        q = {
            name: _sampled(
                study.law(name), study.rates_row(name), chunk, width, study.rates_share(name), times.get(name)
            )
            for name in names
        }
        modes = {
            diagram: diagram.mode_probabilities(
                np.array([q[name] for name in diagram.variables]).reshape(len(diagram.variables), width)
            )
            for diagram in diagrams
        }
        own = [
            _sampled(law, law.rates_id, chunk, width, 1.0, times.get(name))
            for name, law in ((name, study.client_laws[name]) for name in states.names)
        ]
        p = states.probability(np.array(own).reshape(len(own), width))
        for service in services:
            down = np.einsum("ms,ms->s", modes[service.diagram], service.unavailability(p))
            result[service.name][part] = at_most_one(down.reshape(-1, len(weight)) @ weight)
    return result


def _calendar(
    study: Study, names: Iterable[str], rates_per_h: Mapping[str, FloatArray]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Moments of the cycle of the tests at which samples are evaluated."""
    own = study.client_laws
    tested = {name: law for name, law in study.tested.items() if name in own or name in names}
    limits = {}
    for name, law in tested.items():
        row = law.rates_id
        given = np.asarray(rates_per_h[row]) * law.share if row in rates_per_h else np.array([law.failure_rate_per_h])
        limits[name] = (max(float(given.min()), 1e-30), max(float(given.max()), 1e-30))
    return calendar_of(tested, limits, dict.fromkeys(own, study.site.client_count))


def _means_do(study: Study, service: Service) -> bool:
    """Whether parts that are tested on the same days meet so seldom that it shows in no digit that is given."""
    if not study.tested:
        return True
    still = {name: law_at(law.unavailability, law.frequency_per_h) for name, law in study.tested.items()}
    apart = replace(study, moment=still)
    together = unavailability(study, service)
    return abs(unavailability(apart, service) - together) <= _SEEN * together


def _sampled(
    law: Law | RaidModule,
    row: str,
    rates: Mapping[str, FloatArray],
    width: int,
    share: float,
    times: FloatArray | None = None,
) -> FloatArray:
    """Unavailability of one part: that of its law, or of the samples of its row; a `Law` knows its share itself.

    Each sample has one value for each moment of the cycle of the tests, in a row.
    """
    sampled = row in rates and law.failure_rate_per_h > 0
    if times is not None and isinstance(law, Law):
        single = law.single
        found = single.tests.at(rates[row] * single.share, times) if sampled else single.unavailability_in_cycle(times)
        values = np.asarray(found**law.parts).reshape(-1)
        return values if sampled else np.tile(values, width // len(times))
    if sampled:
        values = np.asarray(law.unavailability_of(rates[row] if isinstance(law, Law) else share * rates[row]))
        return np.repeat(values, width // len(values))
    return np.full(width, law.unavailability)
