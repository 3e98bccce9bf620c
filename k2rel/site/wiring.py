"""Whether a path through a site follows its wiring."""

from __future__ import annotations

import itertools

from k2rel.site.model import Path, Site
from k2rel.site.stages import AtLeast, Stage, subscription_in

__all__: list[str] = []


def resolved(site: Site, stage: Stage, group: int) -> list[tuple[str, ...]]:
    """The branches of a stage, with what the clients of a group subscribe to; a part is a branch of its own."""

    def part(name: str) -> str:
        subscription = subscription_in(name)
        return name if subscription is None else site.subscribed(subscription, group)

    branches = stage.of if isinstance(stage, AtLeast) else ((stage,),)
    return [tuple(map(part, branch)) for branch in branches]


def broken_step(site: Site, path: Path, group: int) -> tuple[int, str, str] | None:
    """Find the first two neighbours of a path that no wiring joins: within a branch, or from stage to stage."""

    def joined(first: str, second: str) -> bool:
        for one, other in ((first, second), (second, first)):
            part = site.described.get(one)
            if part is None:
                part_in = site.raid_sets[one].within
                ends: tuple[str, ...] = ()
            else:
                part_in, ends = part.within, part.between or ()
            if other == part_in or other in {name for end in ends for (name,) in resolved(site, end, group)}:
                return True
        return False

    stages = [resolved(site, stage, group) for stage in path.via]
    for number, branches in enumerate(stages):
        before = stages[number - 1] if number else []
        steps = [(end[-1], start[0]) for end in before for start in branches]
        steps += [pair for branch in branches for pair in itertools.pairwise(branch)]
        for first, second in steps:
            if not joined(first, second):
                return number, first, second
    return None
