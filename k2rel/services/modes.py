"""Operating modes: what the policy comes to for the shared parts, compiled to a decision diagram.

A mode says for each traffic class and each group of clients which routes are usable and in which order, and
which members of a shared stage are alive. There are few modes even where there are 2^60 component states.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from k2rel.errors import ModelTooLargeError
from k2rel.logic.diagram import Diagram, compile_diagram
from k2rel.logic.structure import Node
from k2rel.policy.rules import Policy
from k2rel.services.clients import RouteList, routes_under
from k2rel.site.model import AtLeast

__all__ = ["Mode", "ModeDiagram", "traffic_diagram"]


@dataclass(frozen=True, slots=True)
class Mode:
    """One condition of the shared parts."""

    routes: tuple[tuple[RouteList, ...], ...]
    alive: frozenset[str]


@dataclass(frozen=True)
class ModeDiagram:
    """A compiled diagram with its modes."""

    classes: tuple[str, ...]
    diagram: Diagram
    modes: tuple[Mode, ...]


def groups_of(policy: Policy, traffic: str) -> range:
    """List the groups for which a traffic class has routes: one for a site-wide flow."""
    site = policy.site
    return range(site.group_count if site.traffic[traffic].scope == "client" else 1)


def shared_members(policy: Policy, classes: Sequence[str]) -> list[str]:
    """List the members of stages that share a load, which must be told apart where one of them has a capacity."""
    parts = policy.site.components
    return sorted(
        {
            member
            for name in classes
            for group in groups_of(policy, name)
            for route in policy.choice(name, group).routes
            for stage in route.stages
            if isinstance(stage, AtLeast)
            and any(parts[name].capacity_mb_s is not None for name in stage.of if name in parts)
            for member in stage.of
        }
    )


def traffic_diagram(policy: Policy, classes: Sequence[str], *, with_shares: bool = False) -> ModeDiagram:
    """Compile which routes are usable, for some traffic classes together."""
    return _traffic_diagram(policy, tuple(classes), with_shares)


@lru_cache(maxsize=32)
def _traffic_diagram(policy: Policy, classes: tuple[str, ...], with_shares: bool) -> ModeDiagram:
    """Compile once for each policy; services, loads and modes share it."""
    roots: list[Node] = []
    keys = [(name, group) for name in classes for group in groups_of(policy, name)]
    for key in keys:
        roots += policy.choice(*key).deciding
    shared: list[str] = []
    if with_shares:
        shared = shared_members(policy, classes)
        roots += [policy.in_service(name) for name in shared]
    distinct = list(dict.fromkeys(roots))
    if len(distinct) > 4000:
        raise ModelTooLargeError(
            f"{policy.site.name} has {len(distinct):,} different routes; use fewer groups of clients"
        )
    position = {node: index for index, node in enumerate(distinct)}
    diagram = compile_diagram(policy.structure, distinct)

    def label(outcome: Hashable) -> Mode:
        assert isinstance(outcome, tuple)
        lists: dict[tuple[str, int], RouteList] = {}
        for key in keys:
            choice = policy.choice(*key)
            lists[key] = routes_under(choice, [outcome[position[node]] for node in choice.deciding])
        alive = frozenset(name for name in shared if outcome[position[policy.in_service(name)]])
        return Mode(tuple(tuple(lists[name, group] for group in groups_of(policy, name)) for name in classes), alive)

    modes = [label(outcome) for outcome in diagram.outcomes]
    merged = diagram.merged(modes)
    return ModeDiagram(classes, merged, tuple(dict.fromkeys(modes)))
