"""Loads of a site with many groups of clients, which are followed group by group.

Each element has its own distribution. What arrives is given from below: of a class all that is served, less what all
elements on its way are asked for above their capacity, as if no two of these losses fell together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from k2rel.exact import by_group
from k2rel.measures.delivered import asked_by_unit
from k2rel.policy.flows import Carry, Passed
from k2rel.policy.used import exceeds
from k2rel.services.by_group import many_groups
from k2rel.studies import Study

__all__ = ["LoadByGroup", "followed_by_group", "load_by_group"]


@dataclass(frozen=True)
class LoadByGroup:
    """What `load` shows, by element, class and side."""

    sides: tuple[tuple[float, ...], ...]  # clients on each side alone, cut off, probability
    side_loads: tuple[tuple[float, ...], ...]  # parts of one client's demand on each side
    elements: Mapping[str, by_group.ElementLoad]
    p_any_overload: float
    served: Mapping[str, float]  # flows of each class that are up, on average
    lost_above: Mapping[str, float]  # of each class, what elements are asked for above their capacity, at most
    left_out: float


def followed_by_group(study: Study) -> bool:
    """Whether loads are followed group by group: groups are many, and no class yields to another."""
    return many_groups(study.policy) and not study.site.background


def load_by_group(study: Study) -> LoadByGroup:
    """Follow the loads of a study group by group."""
    site = study.site
    loaded = tuple(name for name in site.traffic if site.traffic[name].demand_mb_s > 0)
    sides, side_loads = by_group.on_sides(study, site.principal)
    elements = by_group.element_loads(study, loaded)
    over, _, left = by_group.overload(study, loaded, or_lost=False) if loaded else (0.0, 0.0, 0.0)
    above = {
        element: sum((amount - room) * p for amount, p in found.distribution if exceeds(amount, room))
        + found.left_out * max(0.0, found.most_mb_s - room)
        for element, found in elements.items()
        if (room := site.components[element].capacity_mb_s or 0.0)
    }
    lost = {name: _at_most_lost(study, name, above) for name in loaded}
    of_unit = [
        sum(lost[name] for name in loaded if site.traffic[name].unit == unit) / asked
        for unit, asked in asked_by_unit(site).items()
        if asked > 0
    ]
    return LoadByGroup(
        sides,
        side_loads,
        elements,
        over,
        {name: by_group.served(study, name) for name in {*loaded, site.principal}},
        lost,
        max([left, *of_unit, *(found.left_out for found in elements.values())]),
    )


def _at_most_lost(study: Study, traffic: str, above: Mapping[str, float]) -> float:
    """The most that a class loses: a flow gives way as a whole where a branch that carries a part of it is too full."""
    groups = range(study.site.group_count) if study.site.traffic[traffic].scope == "client" else (0,)
    routes = {route.carries for group in groups for route in study.policy.choice(traffic, group).routes}
    total = 0.0
    for element, amount in above.items():
        parts = [part for carries in routes if (part := _least_part(carries, element)) is not None]
        total += amount / min(parts) if parts and amount > 0 else 0.0
    return total


def _least_part(carries: Sequence[Carry], element: str) -> float | None:
    """The least part of a route's load that falls on an element, where any does; None for none."""
    found: list[float | None] = []
    for item in carries:
        if isinstance(item, str):
            found += [1.0] if item == element else []
        elif isinstance(item, Passed):
            found += [_least_part(item.on, element)]
        else:
            parts = [_least_part(inner, element) for _, inner in item.branches]
            found += [part / len(parts) for part in parts if part is not None]
    return min((part for part in found if part is not None), default=None)
