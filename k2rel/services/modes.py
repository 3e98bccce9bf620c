"""Operating modes: what the policy comes to for the shared parts, compiled to a decision diagram.

A mode says for each traffic class and each group of clients what a client does by the state of its own parts. There
are few modes even where there are 2^60 component states.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from k2rel.errors import ModelTooLargeError
from k2rel.logic.diagram import Diagram, compile_diagram
from k2rel.logic.structure import Node
from k2rel.policy.rules import Policy
from k2rel.services.by_group import many_groups
from k2rel.services.clients import Situation, own_states

__all__ = ["Mode", "ModeDiagram", "deciding", "groups_of", "traffic_diagram"]

_MOST_GROUPS = 32
"""With more groups, followed group by group, modes of all of them together are refused before any work."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One condition of the shared parts: situations by traffic class, then by group."""

    situations: tuple[tuple[Situation, ...], ...]


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


def deciding(
    policy: Policy, classes: Sequence[str], *, with_shares: bool = True, groups: Sequence[int] | None = None
) -> list[Node]:
    """List what of the shared parts decides what flows do and, with shares, which elements they load."""
    choices = [
        policy.choice(name, group)
        for name in classes
        for group in (groups_of(policy, name) if groups is None else groups)
    ]
    nodes = [node for choice in choices for node in choice.deciding]
    if with_shares:
        nodes += [node for choice in choices for node in choice.sharing]
    return list(dict.fromkeys(nodes))


def traffic_diagram(
    policy: Policy, classes: Sequence[str], *, with_shares: bool = False, groups: tuple[int, ...] | None = None
) -> ModeDiagram:
    """Compile which routes are usable, for some traffic classes together; with `groups` for these alone."""
    return _traffic_diagram(policy, tuple(classes), with_shares, groups)


@lru_cache(maxsize=32)
def _traffic_diagram(
    policy: Policy, classes: tuple[str, ...], with_shares: bool, groups: tuple[int, ...] | None
) -> ModeDiagram:
    """Compile once for each policy; services, loads and modes share it."""
    asked = {name: groups_of(policy, name) if groups is None else groups for name in classes}
    keys = [(name, group) for name in classes for group in asked[name]]
    together = max(len(every) for every in asked.values())
    if together > _MOST_GROUPS and many_groups(policy):
        raise ModelTooLargeError(
            f"{policy.site.name}: modes are not listed for {together} groups of clients at once, as there are too many "
            "of them; services, loads and served clients are followed group by group instead"
        )
    distinct = deciding(policy, classes, with_shares=with_shares, groups=groups)
    if len(distinct) > 4000:
        raise ModelTooLargeError(
            f"{policy.site.name} has {len(distinct):,} different routes; use fewer groups of clients"
        )
    diagram = compile_diagram(policy.structure, distinct)
    states = own_states(policy)

    def label(outcome: Hashable) -> Mode:
        assert isinstance(outcome, tuple)
        truth = dict(zip(distinct, outcome, strict=True))
        found = {key: states.situation(*key, truth, with_shares=with_shares) for key in keys}
        return Mode(tuple(tuple(found[name, group] for group in asked[name]) for name in classes))

    modes = [label(outcome) for outcome in diagram.outcomes]
    merged = diagram.merged(modes)
    return ModeDiagram(classes, merged, tuple(dict.fromkeys(modes)))
