"""Loads of a site with many groups of clients, which are followed group by group.

Each element has its own distribution. What arrives is given from below: of a class all that is served, less what all
elements on its way are asked for above their capacity, as if no two of these losses fell together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from k2rel.exact import by_group
from k2rel.policy.used import exceeds
from k2rel.services.by_group import many_groups
from k2rel.studies import Study

__all__ = ["GroupLoad", "followed_by_group", "group_load"]


@dataclass(frozen=True)
class GroupLoad:
    """What `load` shows, by element, class and side."""

    sides: tuple[tuple[float, ...], ...]  # clients on each side alone, cut off, probability
    side_loads: tuple[tuple[float, ...], ...]  # parts of one client's demand on each side
    elements: Mapping[str, tuple[tuple[float, float], ...]]
    p_any_overload: float
    served: Mapping[str, float]  # flows of each class that are up, on average
    lost_above: Mapping[str, float]  # of each class, what elements are asked for above their capacity, at most
    left_out: float


def followed_by_group(study: Study) -> bool:
    """Whether loads are followed group by group: groups are many, and no class yields to another."""
    return many_groups(study.policy) and not study.site.background


def group_load(study: Study) -> GroupLoad:
    """Follow the loads of a study group by group."""
    site = study.site
    loaded = tuple(name for name in site.traffic if site.traffic[name].demand_mb_s > 0)
    sides, side_loads = by_group.on_sides(study, site.principal)
    elements = by_group.element_loads(study, loaded)
    over, _, left = by_group.overload(study, loaded, or_lost=False) if loaded else (0.0, 0.0, 0.0)
    above = {
        element: sum((amount - room) * p for amount, p in found if exceeds(amount, room))
        for element, found in elements.items()
        if (room := site.components[element].capacity_mb_s or 0.0)
    }
    crossed = {name: by_group.crossed(study, name) for name in loaded}
    asked = sum(site.traffic[name].demand_mb_s * by_group.flows(study, name) for name in loaded)
    return GroupLoad(
        sides,
        side_loads,
        elements,
        over,
        {name: by_group.served(study, name) for name in {*loaded, site.principal}},
        {name: sum(amount for element, amount in above.items() if element in crossed[name]) for name in loaded},
        max(left, sum(above.values()) / asked if asked else 0.0),
    )
