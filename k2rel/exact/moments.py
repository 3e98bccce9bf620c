"""What the exact engine takes, at moments of the cycle of the tests, and derivatives as it gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.rates import Law, moments_of
from k2rel.services.clients import OwnParts
from k2rel.studies import Study

__all__ = ["Derivatives", "cycle_inputs", "steady_own"]

FloatArray = NDArray[np.float64]


@lru_cache(maxsize=64)
def cycle_inputs(study: Study, variables: tuple[str, ...]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Give the inputs of a diagram at moments of the cycle of the tests; one moment where at most one is tested.

    Weight of each moment; unavailability, failures and restorations per hour of each variable (variables, moments).
    """
    laws = {name: study.law(name) for name in variables}
    found = moments_of({name: law for name, law in laws.items() if isinstance(law, Law)})
    still = np.ones(len(found.weight))
    q, w = found.unavailability, found.frequency_per_h
    q = {name: q.get(name, law.unavailability * still) for name, law in laws.items()}
    w = {name: w.get(name, law.frequency_per_h * still) for name, law in laws.items()}
    then = {name: rate * still for name, rate in study.restored_per_h.items()}
    back = {name: then.get(name, found.restored_per_h.get(name, w[name])) for name in laws}
    shape = (len(variables), len(still))
    of_q, of_w, of_back = (np.array([rows[name] for name in variables]).reshape(shape) for rows in (q, w, back))
    return found.weight, of_q, of_w, of_back


@lru_cache(maxsize=16)
def steady_own(study: Study) -> OwnParts:
    """Give the clients' own parts in steady state."""
    return OwnParts(study.policy, study.client_laws, study.restored_per_h)


@dataclass(frozen=True)
class Derivatives:
    """Derivative of a service's unavailability with respect to that of every part."""

    shared: Mapping[str, float]  # by shared component or RAID set; means over the cycle of the tests
    client: Mapping[str, float]  # by client part: with respect to that part of all clients together
    critical: Mapping[str, float]  # mean of the unavailability times the derivative
    together: Mapping[str, float]  # probability that the part has failed and the service is down, at once
