"""What an outcome of the rules is called: sides and shares of routes in use, and places that hold a role."""

from __future__ import annotations

from collections.abc import Sequence

from k2rel.policy.failover import FailoverOutcome, UsedRoute, at_words, principal_traffic
from k2rel.site.model import Site

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


def ways_words(used: Sequence[UsedRoute], client: str, arrow: str = " → ") -> str:
    """Parts of each route in use behind a client's own, with its part of the demand; "lost" without one."""
    said = []
    for route in used:
        way = arrow.join(part for part in route.path if part != client and not part.startswith(f"{client}_"))
        part = part_words(used, route)
        said.append(f"{part} by {way}" if part else way)
    return "; ".join(said) or "lost"


def holder_words(outcome: FailoverOutcome) -> dict[str, str]:
    """Where each role is, by the name of its holder if it has one."""
    return {
        role: "held by nobody" if side is None else at_words(outcome.holders.get(role, side))
        for role, side in outcome.roles.items()
    }


def on_sides_words(site: Site, title: str = "clients on each side") -> str:
    """A title of clients by side, with the class that is counted where there are others."""
    return f"{principal_traffic(site)}: {title}" if len(site.traffic) > 1 else title[0].upper() + title[1:]


def modes_words(site: Site) -> str:
    """A title of operating modes, with the class that they are of where there are others."""
    return f"Operating modes of {principal_traffic(site)}" if len(site.traffic) > 1 else "Operating modes"
