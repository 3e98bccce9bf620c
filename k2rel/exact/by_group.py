"""Clients of many groups, exactly: services, loads and sides with nothing but the least probable conditions left out.

What was left out counts as down, and is far below what the figures are read for; its probability stands beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.exact.engine import cycle_inputs, steady_own
from k2rel.services.by_group import Groups, Inputs
from k2rel.services.clients import own_states
from k2rel.services.group_loads import GroupLoads, endangered
from k2rel.studies import Study

__all__ = ["LostClients", "lost_clients"]

FloatArray = NDArray[np.float64]

_STEP = 1e-60
"""Of the imaginary direction: failures per hour are its derivative."""


def followed(study: Study, variables: tuple[str, ...]) -> Iterator[tuple[float, Inputs]]:
    """Moments of the cycle of the tests by weight; failure frequencies stand in the imaginary direction."""
    for share, moment in study.at_moments:
        own = steady_own(moment)
        states = own_states(study.policy)
        of_own = states.probability((own.unavailability + 1j * _STEP * own.frequency_per_h)[:, None])[:, 0]
        weight, q, w, _ = cycle_inputs(moment, variables)
        for k, part in enumerate(weight.tolist()):
            shared = dict(zip(variables, (q[:, k] + 1j * _STEP * w[:, k]).tolist(), strict=True))
            yield share * part, Inputs(shared, of_own)


@lru_cache(maxsize=16)
def groups_of(
    study: Study,
    classes: tuple[str, ...],
    elements: tuple[str, ...] = (),
    below: float = 1e-18,
    only: tuple[int, ...] | None = None,
) -> Groups:
    """Some classes of a study, compiled."""
    return Groups(study.policy, classes, lambda name: study.law(name).unavailability, elements, below, only)


@dataclass(frozen=True)
class LostClients:
    """How many clients are cut off: probability and failures per hour of k or more, by k."""

    probability: FloatArray  # of each number
    or_more: FloatArray
    failures_per_h: FloatArray
    left_out: float


@lru_cache(maxsize=16)
def lost_clients(study: Study, classes: tuple[str, ...]) -> LostClients:
    """Follow how many clients are cut off from any of some classes."""
    groups = groups_of(study, classes)
    total = np.zeros(study.site.client_count + 1, dtype=complex)
    left = 0.0
    for weight, inputs in followed(study, groups.variables):
        found = groups.lost_clients(inputs)
        total[found.rows.numbers[:, 0]] += weight * found.rows.weight
        left += weight * found.left_out
    more = np.cumsum(total[::-1])[::-1]
    return LostClients(total.real, more.real + left, more.imag / _STEP, left)


def element_load(study: Study, classes: tuple[str, ...], element: str) -> list[tuple[float, float]]:
    """Distribution of the load on one element, of all clients that can put any on it."""
    policy, site = study.policy, study.site

    def crosses(group: int) -> bool:
        choices = [policy.choice(name, group) for name in classes if site.traffic[name].scope == "client"]
        return any(element in found for choice in choices for found in choice.reaches)

    only = tuple(group for group in range(site.group_count) if crosses(group))
    of_site = (name for name in classes if site.traffic[name].scope == "site")
    if not only and not any(element in found for name in of_site for found in policy.choice(name).reaches):
        return [(0.0, 1.0)]
    groups = Groups(policy, classes, lambda name: study.law(name).unavailability, (element,), 1e-16, only)
    loads = GroupLoads(groups)
    total: dict[float, float] = {}
    for weight, inputs in followed(study, groups.variables):
        for amount, p in loads.of_one(Inputs({n: v.real for n, v in inputs.shared.items()}, inputs.own.real)):
            total[round(amount, 9)] = total.get(round(amount, 9), 0.0) + weight * p
    return sorted(total.items())


def overload(study: Study, classes: tuple[str, ...], *, or_lost: bool) -> tuple[float, float, float]:
    """Probability that an element is overloaded or, with `or_lost`, a flow cut off; derivative; what was left out."""
    elements = endangered(study.policy, classes)
    groups = groups_of(study, classes, elements, 1e-10)
    loads = GroupLoads(groups)
    total, left = 0j, 0.0
    for weight, inputs in followed(study, groups.variables):
        found = loads.overloaded(inputs, or_lost=or_lost, below=1e-14)
        total += weight * found.over
        left += weight * found.left_out
    return total.real, total.imag / _STEP, left
