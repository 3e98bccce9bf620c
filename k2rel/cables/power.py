"""Power cables: what a device is fed by, one of which it needs.

Which end is fed is known by the kinds of the ports (NetBox: a power port is fed by a power outlet), else by the
network: what has cables of the network is fed by what has none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from k2rel.cables.rows import Cable, End
from k2rel.cables.sheet import Sheet
from k2rel.errors import Problem

__all__ = ["Feeds", "feeds_of"]

_FED, _FEEDS = "powerport", ("poweroutlet", "powerfeed")


@dataclass
class Feeds:
    """By device what feeds it, and the row where each feed is first named."""

    of: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def needs(self, device: str, known: Collection[str]) -> tuple[object, ...]:
        """What a device needs, as in a site file: its feed, or one of several."""
        feeds = [feed for feed in self.of.get(device, ()) if feed in known]
        return ({"at_least": 1, "of": feeds},) if len(feeds) > 1 else tuple(feeds)


def feeds_of(sheet: Sheet, cables: Sequence[Cable], network: Collection[str], problems: list[Problem]) -> Feeds:
    """Find what feeds what; a cable whose fed end is not known is a problem of its row."""
    found = Feeds()
    for cable in cables:
        fed = _fed(cable, network)
        if fed is None:
            message = (
                f"{cable}: it is not known which end is fed; give one end as powerport and the other as poweroutlet, "
                "in "
                "the columns side_a_type and side_b_type"
            )
            problems.append(sheet.problem(cable.line, message))
            continue
        feed = cable.ends[1] if cable.ends[0] is fed else cable.ends[0]
        found.lines.setdefault(feed.device, cable.line)
        if feed.device not in (feeds := found.of.setdefault(fed.device, [])):
            feeds.append(feed.device)
    if (circle := _circle(found.of)) is not None:
        problems.append(Problem(f"{' feeds '.join(circle)}: power is fed in a circle", sheet.name))
    return found


def _fed(cable: Cable, network: Collection[str]) -> End | None:
    """The end that takes power."""
    for one, other in (cable.ends, cable.ends[::-1]):
        if one.kind == _FED and other.kind != _FED:
            return one
        if one.kind in _FEEDS and other.kind not in _FEEDS:
            return other
    on = [end for end in cable.ends if end.device in network]
    return on[0] if len(on) == 1 else None


def _circle(of: dict[str, list[str]]) -> list[str] | None:
    """Devices that feed each other in a circle, if any do."""
    done: set[str] = set()
    for start in of:
        if start in done:
            continue
        path: dict[str, int] = {}
        stack = [(start, iter(of.get(start, ())))]
        path[start] = 0
        while stack:
            name, feeds = stack[-1]
            feed = next(feeds, None)
            if feed is None:
                stack.pop()
                done.add(name)
                del path[name]
            elif feed in path:
                return [*list(path)[path[feed] :], feed][::-1]
            elif feed not in done:
                path[feed] = len(path)
                stack.append((feed, iter(of.get(feed, ()))))
    return None
