"""The exact engine for many parameter vectors at once: every sample is an exact answer, none is approximated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError
from k2rel.exact.clients import own_states
from k2rel.exact.services import Service
from k2rel.logic.rounding import at_most_one
from k2rel.rates import Law, RaidModule
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
    diagrams = dict.fromkeys(service.diagram for service in services)
    names = dict.fromkeys(name for diagram in diagrams for name in diagram.variables)
    for start in range(0, count, _CHUNK):
        part = slice(start, min(count, start + _CHUNK))
        chunk = {row: np.asarray(values[part], dtype=np.float64) for row, values in rates_per_h.items()}
        width = part.stop - part.start
        q = {
            name: _sampled(study.law(name), study.rates_row(name), chunk, width, study.rates_share(name))
            for name in names
        }
        modes = {
            diagram: diagram.mode_probabilities(
                np.array([q[name] for name in diagram.variables]).reshape(len(diagram.variables), width)
            )
            for diagram in diagrams
        }
        own = [
            _sampled(law, law.rates_id, chunk, width, 1.0) for law in (study.client_laws[name] for name in states.names)
        ]
        p = states.probability(np.array(own).reshape(len(own), width))
        for service in services:
            loss = service.loss(p)
            result[service.name][part] = at_most_one(np.einsum("ms,ms->s", modes[service.diagram], loss))
    return result


def _sampled(law: Law | RaidModule, row: str, rates: Mapping[str, FloatArray], width: int, share: float) -> FloatArray:
    """Unavailability of one part: that of its law, or of the samples of its row; a `Law` knows its share itself."""
    if row in rates and law.failure_rate_per_h > 0:
        return law.unavailability_of(rates[row] if isinstance(law, Law) else share * rates[row])
    return np.full(width, law.unavailability)
