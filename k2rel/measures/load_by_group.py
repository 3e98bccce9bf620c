"""Loads of a site with many groups of clients, which are followed group by group.

Each element has its own distribution. These bound what a class can lose: what all elements on its way are asked for
above their capacity, as if no two of these losses fell together. Where that is too little to be seen it is taken off;
elsewhere the elements of each way are followed together, since a flow gives up the share of the fullest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from k2rel.errors import ModelTooLargeError
from k2rel.exact import by_group
from k2rel.measures.delivered import asked_by_unit, asked_of
from k2rel.policy.flows import Carry, Passed
from k2rel.policy.used import exceeds
from k2rel.services.by_group import many_groups
from k2rel.studies import Study

__all__ = ["LoadByGroup", "followed_by_group", "load_by_group"]

_HARDLY = 1e-10  # probability of overload up to which elements are not followed together
_SEEN = 1e-7  # share of the demand above which what is lost is followed
_LITTLE = 1e-6  # share of what the fullest element is asked for too much, below which another is not followed with it


@dataclass(frozen=True)
class LoadByGroup:
    """What `load` shows, by element, class and side."""

    sides: tuple[tuple[float, ...], ...]  # clients on each side alone, cut off, probability
    side_loads: tuple[tuple[float, ...], ...]  # parts of one client's demand on each side
    elements: Mapping[str, by_group.ElementLoad]
    p_any_overload: float
    served: Mapping[str, float]  # flows of each class that are up, on average
    lost_above: Mapping[str, float]  # of each class, what is given up on elements that are too full
    left_out: float  # of what arrives, as a share of the demand; of the overload, as a probability


def followed_by_group(study: Study) -> bool:
    """Whether loads are followed group by group: groups are many, and no class yields to another."""
    return many_groups(study.policy) and not study.site.background


def load_by_group(study: Study) -> LoadByGroup:
    """Follow the loads of a study group by group."""
    site = study.site
    loaded = tuple(name for name in site.traffic if site.traffic[name].demand_mb_s > 0)
    sides, side_loads = by_group.on_sides(study, site.principal)
    elements = by_group.element_loads(study, loaded)
    over, left = _any_overload(study, loaded, elements)
    above = {
        element: sum((amount - room) * p for amount, p in found.distribution if exceeds(amount, room))
        + found.left_out * max(0.0, found.most_mb_s - room)
        for element, found in elements.items()
        if (room := site.components[element].capacity_mb_s or 0.0)
    }
    lost = {name: _at_most_lost(study, name, above) for name in loaded}
    missed = _share(study, lost)
    if missed > _SEEN:
        most = max(above.values())
        few = {element: 0.0 if amount > _LITTLE * most else amount for element, amount in above.items()}
        with suppress(ModelTooLargeError):  # then the bound stands, and is told
            found, left_there = by_group.given_up(
                study, loaded, tuple(element for element, amount in above.items() if amount > few[element])
            )
            # what was not followed counts as lost, so that what arrives is given from below
            rest = {name: left_there * asked_of(site, name) + _at_most_lost(study, name, few) for name in loaded}
            lost = {name: found[name] + rest[name] for name in loaded}
            missed = _share(study, rest)
    return LoadByGroup(
        sides,
        side_loads,
        elements,
        over,
        {name: by_group.served(study, name) for name in {*loaded, site.principal}},
        lost,
        max([left, missed, *(found.left_out for found in elements.values())]),
    )


def _any_overload(
    study: Study, loaded: tuple[str, ...], elements: Mapping[str, by_group.ElementLoad]
) -> tuple[float, float]:
    """Probability that some element is overloaded, and what was left out; of all one by one where it hardly ever is."""
    one_by_one = left = 0.0
    for element, found in elements.items():
        room = study.site.components[element].capacity_mb_s or 0.0
        one_by_one += sum(p for amount, p in found.distribution if exceeds(amount, room))
        left += found.left_out if found.most_mb_s > room else 0.0
    if one_by_one <= _HARDLY:
        return one_by_one, one_by_one + left
    over, _, left = by_group.overload(study, loaded, or_lost=False)
    return over, left


def _share(study: Study, lost: Mapping[str, float]) -> float:
    """What is lost as a share of the demand, of the unit where that is the most."""
    return max(
        (
            sum(amount for name, amount in lost.items() if study.site.traffic[name].unit == unit) / asked
            for unit, asked in asked_by_unit(study.site).items()
            if asked > 0
        ),
        default=0.0,
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
