"""Many ways as one path: what all cross stays, and where they differ they become the branches of a stage.

The path works when one of the ways does, exactly. A stage divides its load equally over the branches that work, so the
load is that of routers that divide hop by hop where the branches of a stage share nothing; `alike_by_hop` says whether.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

__all__ = ["MOST_BRANCHES", "alike_by_hop", "collapsed"]

MOST_BRANCHES = 200

Crossed = tuple[str, ...]
Segment = tuple[Crossed, ...]
"""The ways from one common part to the next, in their order."""


def collapsed(ways: Sequence[Crossed]) -> list[Any] | None:
    """Write ways as one path, as in a file; None where it takes too many branches.

    Examples
    --------
    >>> collapsed([("leaf", "t1", "spine1", "u1", "out"), ("leaf", "t2", "spine2", "u2", "out")])
    ['leaf', {'at_least': 1, 'of': [['t1', 'spine1', 'u1'], ['t2', 'spine2', 'u2']]}, 'out']
    """
    segments = _segments(ways)
    if any(len(segment) > MOST_BRANCHES for segment in segments):
        return None
    via: list[Any] = []
    for segment in segments:
        if len(segment) == 1:
            via += segment[0]
        else:
            via.append({"at_least": 1, "of": [way[0] if len(way) == 1 else list(way) for way in segment]})
    return via


def alike_by_hop(ways: Sequence[Crossed]) -> bool:
    """Whether dividing by branch is dividing hop by hop, whatever fails: the branches of each stage share nothing."""
    for segment in _segments(ways):
        crossed = [name for way in segment for name in way]
        if len(segment) > 1 and len(set(crossed)) < len(crossed):
            return False
    return True


def _segments(ways: Sequence[Crossed]) -> list[Segment]:
    """Cut ways at what all cross; at their ends only, where they are not all combinations of what lies between."""
    common = _common(ways)
    cut = _cut(ways, common)
    if prod(len(segment) for segment in cut) != len(ways) or any(not all(segment) for segment in cut):
        cut = _cut(ways, common, ends_only=True)
    return [segment for segment in cut if segment != ((),)]


def _common(ways: Sequence[Crossed]) -> list[str]:
    """What all ways cross, where all do so in one order."""
    shared = set(ways[0]).intersection(*ways[1:])
    order = [name for name in ways[0] if name in shared]
    if any([name for name in way if name in shared] != order for way in ways):
        return []
    return order


def _cut(ways: Sequence[Crossed], common: Sequence[str], *, ends_only: bool = False) -> list[Segment]:
    if ends_only:
        shortest = min(map(len, ways))
        first = next((n for n in range(shortest) if len({way[n] for way in ways}) > 1), shortest)
        # a branch crosses something, so that the last of the common parts may have to stand in each
        most = shortest - first - (len(ways) > 1)
        last = next((n for n in range(most) if len({way[-1 - n] for way in ways}) > 1), most)
        last = max(0, last)
        middle = tuple(dict.fromkeys(way[first : len(way) - last] for way in ways))
        head, tail = ways[0][:first], ways[0][len(ways[0]) - last :]
        return [(head,), middle, (tail,)]
    segments: list[Segment] = []
    starts = [0] * len(ways)
    for name in common:
        places = [way.index(name, start) for way, start in zip(ways, starts, strict=True)]
        between = tuple(dict.fromkeys(way[start:at] for way, start, at in zip(ways, starts, places, strict=True)))
        segments += [between, ((name,),)] if between != ((),) else [((name,),)]
        starts = [at + 1 for at in places]
    rest = tuple(dict.fromkeys(way[start:] for way, start in zip(ways, starts, strict=True)))
    return [*segments, rest] if rest != ((),) else segments
