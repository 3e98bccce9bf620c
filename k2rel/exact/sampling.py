"""The exact engine for many parameter vectors at once: every sample is an exact answer, none is approximated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError
from k2rel.exact.clients import own_states
from k2rel.exact.services import Service
from k2rel.rates import Law
from k2rel.studies import Study

__all__ = ["unavailability_of_samples"]

FloatArray = NDArray[np.float64]

_CHUNK = 2048


def unavailability_of_samples(
    study: Study, services: Sequence[Service], rates_per_h: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Give the unavailability of services for many values of the failure rates.

    Parameters
    ----------
    study : Study
        The study.
    services : sequence of Service
        The services.
    rates_per_h : mapping of str to array of float, shape (samples,)
        For rows of the table of rates their values [1/h]; parts that share a row move together.

    Returns
    -------
    dict of str to array of float, shape (samples,)
        Unavailability by service. Samples are worked through in chunks, so memory does not grow with them.

    Raises
    ------
    InputError
        If the arrays have different lengths or hold a value that is no rate.

    Examples
    --------
    >>> from k2rel.exact.services import services_of
    >>> from k2rel.studies import study
    >>> s = study("L2R")
    >>> media = services_of(s.policy)[:1]
    >>> found = unavailability_of_samples(s, media, {"psu": np.array([1e-6, 1e-5])})["media"]
    >>> bool(found[0] < found[1])
    True
    """
    lengths = {len(values) for values in rates_per_h.values()}
    if len(lengths) != 1:
        raise InputError("samples: every rate needs the same number of values, at least one rate must be given")
    for row, values in rates_per_h.items():
        if not np.all(np.isfinite(values) & (np.asarray(values) >= 0)):
            raise InputError(f"samples of '{row}': rates must be finite and not negative")
    (count,) = lengths
    result = {service.name: np.empty(count) for service in services}
    states = own_states(study.policy)
    diagrams = {id(service.diagram): service.diagram for service in services}
    for start in range(0, count, _CHUNK):
        part = slice(start, min(count, start + _CHUNK))
        chunk = {row: np.asarray(values[part], dtype=np.float64) for row, values in rates_per_h.items()}
        width = part.stop - part.start
        known: dict[str, FloatArray] = {}

        def shared(
            name: str, chunk: Mapping[str, FloatArray] = chunk, known: dict[str, FloatArray] = known, n: int = width
        ) -> FloatArray:
            if name not in known:
                known[name] = _shared(study, name, chunk, n)
            return known[name]

        modes = {
            key: diagram.mode_probabilities(
                np.array([shared(name) for name in diagram.variables]).reshape(len(diagram.variables), width)
            )
            for key, diagram in diagrams.items()
        }
        own = [_of_law(study.client_laws[name], chunk, width) for name in states.names]
        p = states.probability(np.array(own).reshape(len(own), width))
        for service in services:
            loss = service.loss(p)
            result[service.name][part] = np.einsum("ms,ms->s", modes[id(service.diagram)], loss)
    return result


def _of_law(law: Law, rates: Mapping[str, FloatArray], width: int) -> FloatArray:
    """Unavailability of one part: that of its law, or of the samples of its row."""
    if law.rates_id in rates and law.failure_rate_per_h > 0:
        return law.unavailability_of(rates[law.rates_id])
    return np.full(width, law.unavailability)


def _shared(study: Study, name: str, rates: Mapping[str, FloatArray], width: int) -> FloatArray:
    if name not in study.laws.raid:
        law = study.law(name)
        assert isinstance(law, Law)
        return _of_law(law, rates, width)
    raid = study.laws.raid[name]
    drive = study.laws.shared[study.site.raid_sets[name].drives[0]]
    if drive.rates_id in rates and raid.failure_rate_per_h > 0:
        return raid.unavailability_of(rates[drive.rates_id])
    return np.full(width, raid.unavailability)
