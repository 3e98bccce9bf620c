"""What an outcome of the rules is called: sides and shares of routes in use, and places that hold a role."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from k2rel.policy.failover import FailoverOutcome, at_words
from k2rel.policy.used import UsedRoute

__all__: list[str] = []


def sides_words(used: Sequence[UsedRoute]) -> str:
    """Sides that a flow uses, as in "A and B"; empty when it is cut off."""
    return " and ".join(sorted({route.side for route in used}))


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
    """Parts of each route in use behind a client's own, with its part of the demand; "lost" without one."""
    said = []
    for route in used:
        way = way_words(route, lambda part: part == client or part.startswith(f"{client}_"), arrow)
        part = part_words(used, route)
        said.append(f"{part} by {way}" if part else way)
    return "; ".join(said) or "lost"


def holder_words(outcome: FailoverOutcome) -> dict[str, str]:
    """Where each role is, by the name of its holder if it has one."""
    return {
        role: "held by nobody" if side is None else at_words(outcome.holders.get(role, side))
        for role, side in outcome.roles.items()
    }
