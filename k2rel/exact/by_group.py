"""Clients of many groups, exactly: services, loads and sides with nothing but the least probable conditions left out.

What was left out counts as down, and is far below what the figures are read for; its probability stands beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from k2rel.exact.moments import Derivatives, cycle_inputs, steady_own
from k2rel.logic.rounding import at_most_one
from k2rel.policy.rules import Policy
from k2rel.services.by_group import FEW, STEP, Groups, Inputs, many_groups
from k2rel.services.clients import own_states
from k2rel.services.diagrams import AllClients, LostClients, Service
from k2rel.services.full_service import FullService
from k2rel.services.group_loads import GroupLoads, endangered
from k2rel.studies import Study

__all__ = ["Figures", "figures", "in_one_pass", "lost_clients"]

FloatArray = NDArray[np.float64]

_NEVER_THERE = 1.0 - 1e-12  # unavailability of what is overloaded with nothing failed, so that it never fails
_MOST_MISSED = 0.1  # share of a failure frequency above which what may be missed makes it no figure


@dataclass(frozen=True, slots=True)
class Figures:
    """A service: its unavailability, failures per hour, and the probability of what was left out."""

    unavailability: float
    failures_per_h: float
    left_out: float
    missed_per_h: float = 0.0  # bound on the failures that are not in the figure


def figures(study: Study, service: Service) -> Figures | None:
    """Give a service of all clients of many groups; None for every other."""
    if not many_groups(study.policy):
        return None
    if isinstance(service, FullService):
        return _full_service(study) if _simple(study) else None
    if not isinstance(service, AllClients | LostClients):
        return None
    return lost_clients(study, (service.traffic,)).figures(service.k if isinstance(service, LostClients) else 1)


@lru_cache(maxsize=16)
def _full_service(study: Study) -> Figures:
    """Every flow that full service asks for is up, and nothing that it crosses overloaded."""
    asked = study.site.full_service_of
    if not endangered(study.policy, _loaded(study)) and all(study.site.traffic[n].scope == "client" for n in asked):
        return lost_clients(study, asked).figures(1)
    p, rate, left = overload(study, asked, or_lost=True)
    if p + left >= _NEVER_THERE:
        return Figures(p + left, 0.0, left)
    # a failure that moves or ends traffic can end an overload; the sum of derivatives then misses at most so much
    of_clients = tuple(name for name in asked if study.site.traffic[name].scope == "client")
    overloaded = max(0.0, p - float(lost_clients(study, of_clients).or_more[1])) if of_clients else p
    variables = groups_of(study, asked, endangered(study.policy, asked), 1e-10).variables
    missed = 2.0 * _failures_per_h(study, variables) * (overloaded + left)
    return Figures(p + left, rate if missed <= _MOST_MISSED * rate else math.nan, left, missed)


def _failures_per_h(study: Study, variables: Sequence[str]) -> float:
    """Failures per hour, while all work, of some shared variables and of all clients' own parts."""
    laws = [(study.law(name), 1) for name in variables]
    laws += [(law, study.site.count_of(name)) for name, law in study.client_laws.items()]
    return sum(count * law.frequency_per_h / (1.0 - law.unavailability) for law, count in laws)


def _loaded(study: Study) -> list[str]:
    """Classes of the foreground that put a load on something."""
    return [name for name in study.site.foreground if study.site.traffic[name].demand_mb_s > 0]


def _simple(study: Study) -> bool:
    """Whether full service is down as soon as a flow is cut off or anything overloaded: no copies, all asked for."""
    site, asked = study.site, study.site.full_service_of
    if not endangered(study.policy, _loaded(study)):
        return True
    return set(_loaded(study)) == set(asked) and all(site.traffic[name].share != "all" for name in asked)


def in_one_pass(service: Service, policy: Policy) -> TypeGuard[AllClients]:
    """Whether a service is that of every client of many groups, which is followed at many inputs and differentiated."""
    return isinstance(service, AllClients) and many_groups(policy)


def cases(study: Study, service: AllClients, shared: Callable[[str], FloatArray], own: FloatArray) -> FloatArray:
    """Unavailability of a class for every client at many inputs at once."""
    groups = groups_of(study, (service.traffic,))
    given = {name: np.broadcast_to(shared(name), own.shape[1:]) for name in groups.variables}
    return np.asarray(groups.any_cut_off(Inputs(given, own)))


def derivatives(study: Study, service: AllClients) -> Derivatives:
    """Differentiate the unavailability of a class for every client with respect to every part's; nothing is tested."""
    groups = groups_of(study, (service.traffic,))
    ((_, inputs),) = followed(study, groups.variables)
    real = inputs.real
    own = steady_own(study)
    shared, client = groups.slopes_of_any(real, own.states.slopes(own.unavailability))
    slopes = {**shared, **dict(zip(own.names, client.tolist(), strict=True))}
    q = {**real.shared, **dict(zip(own.names, own.unavailability.tolist(), strict=True))}
    u = float(groups.any_cut_off(real))
    return Derivatives(
        shared,
        {name: slopes[name] for name in own.names},
        {name: q[name] * slope for name, slope in slopes.items()},
        {name: q[name] * (u + (1.0 - q[name]) * slope) for name, slope in slopes.items()},
    )


def followed(study: Study, variables: tuple[str, ...]) -> Iterator[tuple[float, Inputs]]:
    """Moments of the cycle of the tests by weight; failure frequencies stand in the imaginary direction."""
    for share, moment in study.at_moments:
        own = steady_own(moment)
        states = own_states(study.policy)
        of_own = states.probability((own.unavailability + 1j * STEP * own.frequency_per_h)[:, None])[:, 0]
        weight, q, w, _ = cycle_inputs(moment, variables)
        for k, part in enumerate(weight.tolist()):
            shared = dict(zip(variables, (q[:, k] + 1j * STEP * w[:, k]).tolist(), strict=True))
            yield share * part, Inputs(shared, of_own)


@lru_cache(maxsize=16)
def groups_of(study: Study, classes: tuple[str, ...], elements: tuple[str, ...] = (), below: float = 1e-18) -> Groups:
    """Some classes of a study, compiled and kept."""
    return _compiled(study, classes, elements, below)


def _compiled(
    study: Study,
    classes: tuple[str, ...],
    elements: Sequence[str],
    below: float,
    only: tuple[int, ...] | None = None,
) -> Groups:
    return Groups(study.policy, classes, lambda name: study.law(name).unavailability, elements, below, only)


@dataclass(frozen=True)
class Lost:
    """How many clients are cut off: probability and failures per hour of k or more, by k."""

    probability: FloatArray  # of each number
    or_more: FloatArray
    failures_per_h: FloatArray
    left_out: float

    def figures(self, k: int) -> Figures:
        """The service that is down while k or more are cut off."""
        return Figures(float(self.or_more[k]), float(self.failures_per_h[k]), self.left_out)


@lru_cache(maxsize=16)
def lost_clients(study: Study, classes: tuple[str, ...]) -> Lost:
    """Follow how many clients are cut off from any of some classes; of few groups nothing is left out."""
    below, of_rows = (1e-18, 1e-30) if many_groups(study.policy) else (0.0, 0.0)
    groups = groups_of(study, classes, below=below)
    total = np.zeros(study.site.client_count + 1, dtype=complex)
    left = 0.0
    for weight, inputs in followed(study, groups.variables):
        found = groups.lost_clients(inputs, of_rows)
        total[found.rows.numbers[:, 0]] += weight * found.rows.weight
        left += weight * found.left_out
    more = np.cumsum(total[::-1])[::-1]
    return Lost(at_most_one(total.real), at_most_one(more.real + left), more.imag / STEP, left)


@dataclass(frozen=True, slots=True)
class ElementLoad:
    """Distribution of the load on an element; what was left out of it, where it has at most so much."""

    distribution: tuple[tuple[float, float], ...]
    left_out: float = 0.0
    most_mb_s: float = 0.0


def element_loads(study: Study, classes: tuple[str, ...]) -> dict[str, ElementLoad]:
    """Distribution of the load on each element with a capacity, of all flows that can put any on it."""
    policy, site = study.policy, study.site
    of_clients = [name for name in classes if site.traffic[name].scope == "client"]
    reach = {
        group: frozenset().union(*(found for name in of_clients for found in policy.choice(name, group).reaches))
        for group in range(site.group_count)
    }
    of_site = frozenset().union(
        *(found for name in classes if site.traffic[name].scope == "site" for found in policy.choice(name).reaches)
    )
    together: dict[tuple[int, ...], list[str]] = {}
    for element, part in site.components.items():
        if part.capacity_mb_s is not None:
            together.setdefault(tuple(group for group in reach if element in reach[group]), []).append(element)
    result: dict[str, ElementLoad] = {}
    for only, elements in together.items():
        if not only and of_site.isdisjoint(elements):
            result |= dict.fromkeys(elements, ElementLoad(((0.0, 1.0),)))
            continue
        below, of_rows = (1e-10, 1e-14) if len(only) > FEW else (1e-16, 1e-24)
        groups = _compiled(study, classes, elements, below, only)
        loads = GroupLoads(groups)
        for place, element in enumerate(elements):
            total: dict[float, float] = {}
            left = 0.0
            for weight, inputs in followed(study, groups.variables):
                found, missing = loads.of_one(inputs.real, place, of_rows)
                left += weight * missing
                for amount, p in found:
                    total[round(amount, 9)] = total.get(round(amount, 9), 0.0) + weight * p
            result[element] = ElementLoad(tuple(sorted(total.items())), left, loads.most_on(place))
    return {name: result[name] for name in site.components if name in result}


def on_sides(study: Study, traffic: str) -> tuple[tuple[tuple[float, ...], ...], tuple[tuple[float, ...], ...]]:
    """Clients on each side alone and cut off with the probability, and what each side carries of the demand."""
    site = study.site
    groups = groups_of(study, (traffic,))
    total: dict[tuple[int, ...], list[float]] = {}
    for weight, inputs in followed(study, groups.variables):
        rows, carried = groups.on_sides(inputs, site.sides)
        for n, (numbers, p) in enumerate(zip(rows.numbers.tolist(), rows.weight.tolist(), strict=True)):
            entry = total.setdefault(tuple(numbers), [0.0] * (len(site.sides) + 1))
            for place, amount in enumerate((p, *(side[n] for side in carried))):
                entry[place] += weight * amount
    empty = (0,) * max(0, 2 - len(site.sides))
    found = sorted(total.items(), key=lambda item: (-item[1][0], item[0]))
    return (
        tuple((*on[:-1], *empty, site.client_count - sum(on), at_most_one(p)) for on, (p, *_) in found),
        tuple((*(amount / p for amount in loads), *empty) for _, (p, *loads) in found),
    )


def served(study: Study, traffic: str) -> float:
    """Flows of a class that are up, on average."""
    found = lost_clients(study, (traffic,))
    count = study.site.client_count if study.site.traffic[traffic].scope == "client" else 1
    return float(count - sum(n * p for n, p in enumerate(found.probability.tolist()) if n <= count))


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
    return total.real, total.imag / STEP, left


def given_up(study: Study, classes: tuple[str, ...], elements: tuple[str, ...]) -> tuple[dict[str, float], float]:
    """What each class loses on elements that are asked for more than they carry, on average; what was left out."""
    groups = groups_of(study, classes, elements, 1e-8)
    loads = GroupLoads(groups)
    moments = [
        (weight, inputs, loads.conditions_left_out(inputs)) for weight, inputs in followed(study, groups.variables)
    ]
    total = dict.fromkeys(classes, 0.0)
    left = sum(weight * conditions for weight, _, conditions in moments)
    for traffic, crossings in loads.crossings().items():
        for crossing in crossings:
            for weight, inputs, conditions in moments:
                amount, missed = loads.given_up(inputs, traffic, crossing, 1e-11)
                total[traffic] += weight * amount
                left += weight * max(0.0, missed - conditions)  # rows, which are others for each crossing
    return total, left
