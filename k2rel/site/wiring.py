"""Whether a path through a site follows its wiring."""

from __future__ import annotations

from k2rel.site.model import Path, Site, names_in, subscription_in

__all__: list[str] = []


def broken_step(site: Site, path: Path, group: int) -> tuple[int, str, str] | None:
    """Find the first two neighbours of a path that no wiring joins."""

    def resolve(name: str) -> str:
        subscription = subscription_in(name)
        return name if subscription is None else site.subscribed(subscription, group)

    def joined(first: str, second: str) -> bool:
        for one, other in ((first, second), (second, first)):
            part = site.described.get(one)
            if part is None:
                part_in = site.raid_sets[one].within
                ends: tuple[str, ...] = ()
            else:
                part_in, ends = part.within, part.between or ()
            if other == part_in or other in {resolve(end) for end in ends}:
                return True
        return False

    names = [tuple(map(resolve, names_in(stage))) for stage in path.via]
    for number in range(1, len(names)):
        for first in names[number - 1]:
            for second in names[number]:
                if not joined(first, second):
                    return number, first, second
    return None
