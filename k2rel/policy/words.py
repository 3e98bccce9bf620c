"""What an outcome of the rules is called: sides and shares of routes in use, and places that hold a role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from k2rel.policy.client_routes import AlikeClients
from k2rel.policy.failover import FailoverOutcome, at_words, principal_traffic
from k2rel.policy.used import UsedRoute
from k2rel.site.client_names import ClientNames
from k2rel.site.model import Site
from k2rel.site.names import client_id

__all__: list[str] = []

_FEW = 4  # names that are said one by one


def sides_words(used: Sequence[UsedRoute]) -> str:
    """Sides that a flow uses, as in "A and B"; empty when it is cut off."""
    return " and ".join(sorted({route.side for route in used}))


def clients_words(some: Sequence[AlikeClients], every: Sequence[AlikeClients], names: ClientNames) -> str:
    """Say which clients of all: a few by name, more by kind, as in "clients 1 to 9 (kind_0)"."""
    called = [names.client(client_id(number)) for number in sorted(n for each in some for n in each.numbers)[:_FEW]]
    numbers = sorted(number for each in some for number in each.numbers)
    if len(numbers) == sum(len(each.numbers) for each in every):
        return "all clients"
    if len(numbers) <= _FEW:
        return ", ".join(called)
    if not every[0].kind:
        return ", ".join([*called[:3], f"{len(numbers) - 3} more"])
    sizes, whole = Counter[str](), Counter[str]()
    for counted, alike in ((sizes, some), (whole, every)):
        for each in alike:
            counted[each.kind] += len(each.numbers)
    kinds = [("" if size == whole[kind] else f"{size} of ") + names.kind(kind) for kind, size in sizes.items()]
    if len(kinds) == 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"clients {numbers[0]} to {numbers[-1]} ({names.kind(next(iter(sizes)))})"
    said = kinds if len(kinds) <= _FEW else [*kinds[:3], f"{len(kinds) - 3} more kinds"]
    return f"{len(numbers)} clients ({', '.join(said)})"


def part_words(used: Sequence[UsedRoute], route: UsedRoute) -> str:
    """What part of the demand one of the routes in use has: a share, or a copy; empty where it is the only one."""
    if len(used) < 2:
        return ""
    copied = sum(each.share for each in used) > 1.5
    return "copy" if copied else f"{100 * route.share:.3g} %"


def way_words(route: UsedRoute, without: Callable[[str], bool], arrow: str = " → ") -> str:
    """Parts of a route in order but some; a fork as its branches that work, as in "a > (b > c | d > e) > f"."""
    said = []
    for stage in route.stages:
        branches = ((stage,),) if isinstance(stage, str) else stage
        ways = [arrow.join(part for part in branch if not without(part)) for branch in branches]
        kept = [way for way in ways if way]
        said += [f"({' | '.join(kept)})"] if len(kept) > 1 else kept
    return arrow.join(said)


def ways_words(used: Sequence[UsedRoute], client: str, arrow: str = " → ") -> str:
    """Parts of each route in use behind a client's own, with its part of the demand; "lost" without one.

    Examples
    --------
    >>> ways_words([UsedRoute("A", 1, 1.0, ("client_1_psu_A",), ("client_1_psu_A",))], "client_1")
    'psu_A'
    """
    said = []
    for route in used:
        way = way_words(route, lambda part: part == client or part.startswith(f"{client}_"), arrow)
        if not way:  # all of it is the client's own
            way = way_words(route, lambda part: part == client, arrow).replace(f"{client}_", "") or client
        part = part_words(used, route)
        said.append(f"{part} by {way}" if part else way)
    return "; ".join(said) or "lost"


def change_words(before: Sequence[UsedRoute], now: Sequence[UsedRoute], *, sides_said: bool = False) -> str:
    """What became of the routes of a flow that goes on; empty where nothing did, or only what is said elsewhere."""
    if not now or _all_of(before) == _all_of(now):
        return ""
    if sides_words(before) != sides_words(now):
        one = len({route.side for route in now}) == 1
        return "" if sides_said else f"{'all ' if one and len(before) > 1 else ''}on {sides_words(now)}"
    known = [_trunk(route) for route in before]
    if any(_trunk(route) not in known for route in now):
        return "on other paths" if len(now) > 1 else "on another path"
    if len(now) < len(before):
        what = "copies" if part_words(before, before[0]) == "copy" else "paths"
        return f"{len(now)} of {len(before)} {what} up"
    left = [
        (len(after), len(first), route.side)
        for route in now
        for first, after in zip(before[known.index(_trunk(route))].stages, route.stages, strict=True)
        if not isinstance(first, str) and first != after
    ]
    fewest, of, _ = min(left, default=(0, 0, ""))
    sides = sorted({side for _, _, side in left})
    where = "" if sides == sorted({route.side for route in now}) else f" on {' and '.join(sides)}"
    return f"{fewest} of {of} branches up{where}" if fewest < of else "on other branches"


def _all_of(used: Sequence[UsedRoute]) -> list[object]:
    return [(route.side, route.share, route.stages) for route in used]


def _trunk(route: UsedRoute) -> tuple[object, ...]:
    """A route without the branches of its forks, which come and go."""
    return (route.side, *(stage if isinstance(stage, str) else None for stage in route.stages))


def holder_words(outcome: FailoverOutcome) -> dict[str, str]:
    """Where each role is, by the name of its holder if it has one."""
    return {
        role: f"at {' and '.join(outcome.split[role])} at once".replace("_", " ")
        if role in outcome.split
        else "without a holder"
        if side is None
        else at_words(outcome.holders.get(role, side))
        for role, side in outcome.roles.items()
    }


def on_sides_words(site: Site, title: str = "clients on each side") -> str:
    """A title of clients by side, with the class that is counted where there are others."""
    return f"{principal_traffic(site)}: {title}" if len(site.traffic) > 1 else title[0].upper() + title[1:]


def modes_words(site: Site) -> str:
    """A title of operating modes, with the class that they are of where there are others."""
    return f"Operating modes of {principal_traffic(site)}" if len(site.traffic) > 1 else "Operating modes"
