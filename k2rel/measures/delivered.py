"""What flows are given: overload in each mode, and what of the demand arrives.

Flows of the foreground share an overloaded element evenly: each gets the same part of what it asks of it. The
background gets what they leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.rounding import at_most_one
from k2rel.policy.used import FORGIVEN
from k2rel.services.clients import LOST, OwnParts
from k2rel.services.loading import Effect, Loading, added
from k2rel.services.modes import Mode
from k2rel.services.sums import sums_of
from k2rel.site.model import Site

__all__ = ["Carried", "ahead_in", "asked_by_unit", "asked_of", "carried", "overload_by_mode"]

FloatArray = NDArray[np.float64]

_CUT = 1e-24
_STEP = 1e-40j

Gives = tuple[str, float, bool, tuple[tuple[float, tuple[int, ...]], ...]]
"""A flow that is up: its class, its demand, whether each way carries a copy, and its ways by the places of elements."""


@dataclass(frozen=True)
class Carried:
    """What flows are given on average, and how probable it is that an element is overloaded."""

    p_overload: float = 0.0
    by_class: dict[str, float] = field(default_factory=dict)  # what arrives, in the unit of the class
    served: float = 0.0  # clients with the principal traffic
    left_out: float = 0.0  # probability that was not followed

    def fractions(self, site: Site) -> dict[str, float]:
        """Share of the foreground's demand that arrives, by unit; where it asks for nothing, of the clients served."""
        return {
            unit: at_most_one(
                sum(self.by_class.get(name, 0.0) for name in ahead_in(site, unit)) / asked
                if asked > 0
                else self.served / site.client_count
            )
            for unit, asked in asked_by_unit(site).items()
        }


def asked_by_unit(site: Site) -> dict[str, float]:
    """Demand of the foreground in each unit, that of the principal class first; nothing in one where there is none.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> asked_by_unit(read_site("L2R"))
    {'MB/s': 100.0}
    """
    found = {unit: float(sum(asked_of(site, name) for name in ahead_in(site, unit))) for unit in site.load_units}
    return {unit: asked for unit, asked in found.items() if asked > 0} or {site.load_units[0]: 0.0}


def ahead_in(site: Site, unit: str) -> tuple[str, ...]:
    """Classes of the foreground in a unit."""
    return tuple(name for name in site.foreground if site.traffic[name].unit == unit)


def asked_of(site: Site, traffic: str) -> float:
    """Demand of all flows of a class, in its unit."""
    entry = site.traffic[traffic]
    return entry.demand_mb_s * (site.client_count if entry.scope == "client" else 1)


def carried(loading: Loading, own: OwnParts, probabilities: Sequence[float]) -> Carried:
    """Average over the modes.

    Examples
    --------
    >>> from k2rel.measures.solution import solution_of
    >>> engine = solution_of("L2R", "exact").engine
    >>> loading = Loading(engine.policy, foreground=True)
    >>> found = carried(loading, engine.own, engine.mode_probabilities(loading.table.diagram).tolist())
    >>> round(found.by_class["media"], 2)
    100.0
    """
    over = served = left_out = 0.0
    by_class: dict[str, float] = {}
    for mode, probability in zip(loading.table.modes, probabilities, strict=True):
        if probability == 0.0:  # a mode of parts that never fail
            continue
        here = _in_mode(loading, own, mode)
        over += probability * here.p_overload
        served += probability * here.served
        left_out += probability * here.left_out
        for name, amount in here.by_class.items():
            by_class[name] = by_class.get(name, 0.0) + probability * amount
    return Carried(at_most_one(over), by_class, served, left_out)


def overload_by_mode(loading: Loading, own: OwnParts, mode: Mode) -> float:
    """Give the probability that an element is overloaded in a mode.

    Examples
    --------
    >>> from k2rel.measures.solution import solution_of
    >>> engine = solution_of("L2R", "exact").engine
    >>> loading = Loading(engine.policy, foreground=True)
    >>> overload_by_mode(loading, engine.own, loading.table.modes[0])
    0.0
    """
    return _in_mode(loading, own, mode).p_overload


def _in_mode(loading: Loading, own: OwnParts, mode: Mode) -> Carried:
    """One mode: every client's flows followed together where an element can be overloaded."""
    site = loading.policy.site
    sizes = site.group_sizes
    danger = loading.danger(mode)
    place = {element: n for n, element in enumerate(danger.elements)}
    flows = loading.site_flows(mode)
    joints = [own.joint(group, loading.asks(mode, group)) for group in range(len(sizes))]
    at = loading.client_classes.index(loading.principal) if loading.principal in loading.client_classes else None
    served = 0.0
    if at is not None:
        served = sum(
            size * sum(p for outcome, p in joint.items() if outcome[at] != LOST)
            for size, joint in zip(sizes, joints, strict=True)
        )
    by_class: dict[str, float] = {}

    def give(name: str, amount: float) -> None:
        by_class[name] = by_class.get(name, 0.0) + amount

    if not danger.elements:
        for name, effect in flows:
            give(name, loading.demand(name) if effect.up else 0.0)
        for size, joint in zip(sizes, joints, strict=True):
            for n, name in enumerate(loading.client_classes):
                up = sum(p for outcome, p in joint.items() if outcome[n] != LOST)
                give(name, size * up * loading.demand(name))
        return Carried(0.0, by_class, served)

    def gives(effects: Sequence[tuple[str, Effect]]) -> tuple[Gives, ...]:
        return tuple(
            (
                name,
                loading.demand(name),
                effect.copies,
                tuple(
                    (share, tuple(sorted(place[e] for e in crossed if e in place))) for share, crossed in effect.ways
                ),
            )
            for name, effect in effects
            if effect.up and loading.demand(name) > 0
        )

    def loads(effects: Sequence[tuple[str, Effect]], priority: str) -> tuple[float, ...]:
        total = added(effect.load for name, effect in effects if site.traffic[name].priority == priority)
        return tuple(total.get(element, 0.0) for element in danger.elements)

    rows: dict[tuple[tuple[float, ...], tuple[float, ...], tuple[Gives, ...]], int] = {}
    groups = []
    for group, (size, joint) in enumerate(zip(sizes, joints, strict=True)):
        outcomes: dict[int, float] = {}
        for outcome, p in joint.items():
            effects = loading.client_effects(outcome, group)
            row = (loads(effects, "foreground"), loads(effects, "background"), gives(effects))
            index = rows.setdefault(row, len(rows))
            outcomes[index] = outcomes.get(index, 0.0) + p
        groups.append((size, outcomes))
    count = len(danger.elements)
    # how many clients do what a row says is found with the sums: a derivative, as a tiny imaginary part of the weights
    slope = 1.0 + _STEP * np.eye(len(rows))
    weights = [
        (size, np.array([found.get(row, 0.0) for row in range(len(rows))])[:, None] * slope) for size, found in groups
    ]
    put = np.hstack([np.array([row[n] for row in rows]).reshape(len(rows), count) for n in (0, 1)])
    met, total = sums_of(put, weights, _CUT)
    first = met[:, :count] + np.array(loads(flows, "foreground"))
    after = met[:, count:] + np.array(loads(flows, "background"))
    capacity = np.array(danger.capacity)
    over = ((first > 0) & (first > capacity * FORGIVEN)).any(axis=1)
    whole = np.ones_like(first)
    ratio = {
        "foreground": np.minimum(1.0, np.divide(capacity, first, out=whole.copy(), where=first > 0)),
        "background": np.clip(np.divide(capacity - first, after, out=whole.copy(), where=after > 0), 0.0, 1.0),
    }

    def arrives(flow: Gives) -> FloatArray:
        """Share of the demand of one flow that arrives, for each vector of counts."""
        name, _, copies, ways = flow
        here = ratio[site.traffic[name].priority]
        parts = [share * (here[:, list(way)].min(axis=1) if way else np.ones(len(here))) for share, way in ways]
        return np.asarray(np.max(parts, axis=0) if copies else np.sum(parts, axis=0))

    weight = total[:, 0].real
    for flow in gives(flows):
        give(flow[0], flow[1] * float(weight @ arrives(flow)))
    for index, (_, _, given) in enumerate(rows):
        for flow in given:
            give(flow[0], flow[1] * float((total[:, index].imag / _STEP.imag) @ arrives(flow)))
    return Carried(float(weight[over].sum()), by_class, served, max(0.0, 1.0 - float(weight.sum())))
