"""The Pareto front of cost and downtime over sets of changes, by branch and bound.

Where no change adds downtime, a set with all changes that are still open bounds every set below it. That makes the
front exact up to a tolerance, or, where the number of computations is used up first, gives the gap. Failover rules
allow that a better part costs downtime (a standby that works lets a takeover happen that cuts a client off), so what
each change adds at most among the computed sets is part of the gap, and the error bound of the figures too.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from k2rel.design.changes import Change, go_together
from k2rel.design.evaluation import Changes, Evaluator
from k2rel.design.takeovers import TAKEOVER_KINDS
from k2rel.tables import Shown

__all__ = ["Front", "front_of"]

_KINDS = ("contract", "stock", "test", "duplicate", *TAKEOVER_KINDS, "return")
_NEAR = 1e-3


@dataclass(frozen=True, slots=True, repr=False)
class Front(Shown):
    """Sets of changes of which none is better in both cost and downtime."""

    sets: tuple[tuple[tuple[str, ...], float, float], ...]  # titles, cost, downtime [min/year]; rising in cost
    computed: int
    gap_min_per_year: float  # no set of at most a point's cost has a downtime smaller by more than this
    complete: bool  # whether the search came to its end

    def _line(self) -> str:
        return f"{len(self.sets)} sets of changes"


def front_of(evaluator: Evaluator, price: Mapping[Change, float], most: int) -> Front:
    """Search the sets of changes for the Pareto front of cost and downtime; its points are as the answer has them."""
    now = evaluator.quick().minutes
    near = _NEAR * now

    def helps(change: Change) -> bool:
        """Not a drill that costs more than it finds: it would be no bound of any set."""
        return change.kind not in TAKEOVER_KINDS or evaluator.quick([change]).minutes <= now

    usable = sorted(
        (change for change in price if change.kind in _KINDS and not math.isnan(price[change]) and helps(change)),
        key=lambda change: (evaluator.quick([change]).minutes - now) / max(price[change], 1e-9),
    )
    known: dict[Changes, tuple[float, float]] = {frozenset(): (0.0, now)}
    before = evaluator.computed

    def least(cost: float) -> float:
        """Least downtime known for at most a cost."""
        return min(minutes for paid, minutes in known.values() if paid <= cost + 1e-9)

    def bound(chosen: Changes, place: int) -> float:
        """Downtime that no set with these and some of the open changes goes below."""
        relaxed: list[Change] = list(chosen)
        excluded: list[Change] = []
        for change in usable[place:]:
            (relaxed if go_together([*relaxed, change]) else excluded).append(change)
        if excluded:  # of changes that exclude each other take the strongest contract, which covers the spares
            strongest = [c for c in (*relaxed, *excluded) if c.kind == "contract" and c.what == "onsite"]
            if strongest:
                relaxed = [c for c in relaxed if c.kind not in ("stock", "contract")] + strongest
        return evaluator.quick(relaxed).minutes

    cheapest_after = [min((price[c] for c in usable[place:]), default=0.0) for place in range(len(usable) + 1)]
    queue: list[tuple[float, int, int, Changes, float, float]] = []
    ticket = itertools.count()

    def push(chosen: Changes, place: int, cost: float) -> None:
        if place < len(usable):
            low = bound(chosen, place)
            room = least(cost + cheapest_after[place]) - low
            if room > near:
                heapq.heappush(queue, (-room, next(ticket), place, chosen, cost, low))

    push(frozenset(), 0, 0.0)
    while queue and evaluator.computed - before <= most:
        _, _, place, chosen, cost, low = heapq.heappop(queue)
        if least(cost + cheapest_after[place]) - low <= near:
            continue
        item = usable[place]
        more = chosen | {item}
        if go_together(list(more)):
            minutes = evaluator.quick(more).minutes
            if not math.isnan(minutes):
                known[more] = (cost + price[item], minutes)
                push(more, place + 1, cost + price[item])
        push(chosen, place + 1, cost)
    rooms = [least(cost + cheapest_after[place]) - low for _, _, place, _, cost, low in queue]
    computed = evaluator.computed - before
    error = 2.0 * max(evaluator.quick(some).bound for some in known)  # of the two figures that are compared
    gap = max([near, *rooms]) + evaluator.rises(usable) + error
    final = {some: (known[some][0], evaluator.final(some).minutes) for some in _not_beaten(known, near)}
    rank = {change: k for k, change in enumerate(price)}
    points = tuple(
        (tuple(change.title for change in sorted(some, key=rank.__getitem__)), *final[some])
        for some in _not_beaten(final, 0.0)
    )
    return Front(points, computed, gap, not queue)


def _not_beaten(known: Mapping[Changes, tuple[float, float]], near: float) -> list[Changes]:
    """Sets that no cheaper one comes near to in downtime, by rising cost."""
    result: list[Changes] = []
    best = math.inf
    for some, (_, minutes) in sorted(known.items(), key=lambda entry: entry[1]):
        if minutes < best - (near if result else 0.0):
            best = minutes
            result.append(some)
    return result
