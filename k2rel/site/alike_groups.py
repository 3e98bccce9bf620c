"""Groups of clients that are wired alike: what stands on their paths is of the same types, however it is named."""

from __future__ import annotations

from collections.abc import Mapping

from k2rel.site.model import Site
from k2rel.site.stages import AtLeast, Stage, subscription_in

__all__ = ["listed_groups", "parts_of_one_each", "which_clients", "wirings"]

_ALL = 16
"""Up to so many groups, or classes of groups wired alike, one client of each is listed."""

_MOST_FOLLOWED = 200
"""Of so many groups a client each is followed; of more, one of each class of groups wired alike, the largest."""


def listed_groups(site: Site) -> Mapping[int, tuple[int, ...]]:
    """Say of which groups one client is listed as a service, each with the groups that it stands for.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> dict(listed_groups(read_site("L1")))
    {0: (0,)}
    """
    groups = range(site.group_count)
    if site.group_count <= _ALL:
        return {group: (group,) for group in groups}
    classes: dict[object, list[int]] = {}
    for group, wiring in zip(groups, wirings(site), strict=True):
        classes.setdefault(wiring, []).append(group)
    largest = sorted(classes.values(), key=lambda alike: (-len(alike), alike[0]))[:_ALL]
    return {alike[0]: tuple(alike) for alike in sorted(largest)}


def wirings(site: Site) -> list[object]:
    """What stands on the paths of each group by its types: equal for groups that are wired alike.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> first, second = wirings(read_site("L2R"))
    >>> first == second
    True
    """
    wired = _Wiring(site)
    return [wired.of(group) for group in range(site.group_count)]


def parts_of_one_each(site: Site) -> dict[str, int]:
    """The own parts of the first client of each group, which stands for all of it, with the group.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> list(parts_of_one_each(read_site("L1")))
    ['client_1', 'client_1_media_A', 'client_1_control_A']
    """
    groups = range(site.group_count) if site.group_count <= _MOST_FOLLOWED else listed_groups(site)
    return {
        site.client_part_id(site.groups[group].clients[0], part): group
        for group in groups
        for part in site.parts_of(group)
    }


def which_clients(site: Site) -> str:
    """Say whose parts `parts_of_one_each` gives.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> which_clients(read_site("L2R"))
    'one client of each of the 2 groups'
    """
    if site.group_count == 1:
        return "client 1"
    if site.group_count <= _MOST_FOLLOWED:
        return f"one client of each of the {site.group_count} groups"
    return f"one client of each of the {len(listed_groups(site))} most frequent wirings"


class _Wiring:
    """Paths of each group with types in the place of names; a part that stands twice is told from two of a type."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def of(self, group: int) -> object:
        met: dict[str, int] = {}
        found = []
        for name, entry in self.site.traffic.items():
            paths = self.site.paths_of(name, group) if entry.scope == "client" else ()
            ranks = {number: rank for rank, number in enumerate(sorted({path.group for path in paths}))}
            for path in paths:
                stages = tuple(self._stage(stage, group, met) for stage in path.via)
                found.append((name, ranks[path.group], path.weight, path.when, stages))
        return tuple(found)

    def _stage(self, stage: Stage, group: int, met: dict[str, int]) -> object:
        if isinstance(stage, AtLeast):
            return stage.k, tuple(tuple(self._part(name, group, met) for name in branch) for branch in stage.of)
        return self._part(stage, group, met)

    def _part(self, name: str, group: int, met: dict[str, int]) -> object:
        if (by := subscription_in(name)) is not None:
            name = self.site.subscribed(by, group)
        if name in met:
            return met[name]
        met[name] = len(met)
        if name in self.site.raid_sets:
            return name
        part = self.site.described[name]
        needs = tuple(self._stage(need, group, met) for need in part.needs)
        return part.type, part.external, repr((part.law, part.by_hand)), needs
