"""How long it takes until all is up again after a failure, at most: what bounds the error of states left out."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.markov.parts import Parts
from k2rel.organisation import Organisation
from k2rel.policy.positions import Kind
from k2rel.policy.takeover import Takeover
from k2rel.site.coverage import detection_times

__all__ = ["until_all_up"]

FloatArray = NDArray[np.float64]


def until_all_up(
    takeover: Takeover | None, parts: Parts, hours: FloatArray, organisation: Organisation
) -> Callable[[ArrayLike], FloatArray] | None:
    """Longest mean time until all is up [h], by the hours of repair that stand; None where repairs cannot keep up.

    All is repaired one thing after another while new failures bring their share of work (a busy period), then operators
    do all that they may have to do, one thing after another; a failure meanwhile brings a busy period of its own, a
    takeover without a cause or a drill what operators may have to do.
    """
    populations = parts.populations
    failing = [population.failure_rate_per_h * population.size for population in populations]
    quick = [(rate, hours) for rate, hours, population in zip(failing, hours.tolist(), populations, strict=True)
             if not population.slow]  # fmt: skip
    slow = [(rate, hours) for rate, hours, population in zip(failing, hours.tolist(), populations, strict=True)
            if population.slow]  # fmt: skip
    rate = sum(fails for fails, _ in quick)
    load = sum(fails * hours for fails, hours in quick)
    operators = moves = 0.0
    if takeover is not None and takeover.roles:
        operators, moves = _longest_h(takeover), _moves_per_h(takeover)
        operators += len(takeover.servers) * organisation.return_to_service_h
        if math.isfinite(organisation.maintenance_every_h):
            operators += organisation.maintenance_h
    travel = 2 * organisation.travel_h
    if load >= 1 or (rate + moves) * (operators + travel) >= 0.5:
        return None
    again = rate * operators
    busy = load / rate / (1.0 - load) + travel if rate else 0.0
    after = (operators + again * busy) / (1.0 - again - moves * operators)
    unnoticed, longest = sum(fails for fails, _ in slow), sum(hours for _, hours in slow)
    if unnoticed * longest >= 0.5:
        return None

    def until(hours: ArrayLike) -> FloatArray:
        once = np.asarray(hours) / (1.0 - load) + travel + after
        # what fails unnoticed meanwhile may lead to no all-up state that is followed before it is found
        return np.asarray(once * (1.0 + 2.0 * unnoticed * (longest + busy + travel + after)))

    return until


def _longest_h(takeover: Takeover) -> float:
    """Longest mean time until every role is held again, one step after another [h]; servers not counted.

    For one role a takeover and its detection, everything that follows where it fails, and its way back; roles that
    start together are one takeover.
    """
    site, longest = takeover.policy.site, [0.0]
    for role in takeover.roles:
        entry = site.roles[role]
        fences = [n.time_h for holder in entry.holders for unit in holder.units for n in site.units[unit].needed]
        way = entry.switchover_h + sum(fences) + takeover.times.manual_takeover_h
        after = [entry.retry_after_h, entry.restoration_h, entry.split_mend_h, entry.split_restore_h, entry.drill_h]
        longest.append(way + max(detection_times(entry).values()) + sum(after) + (entry.giveback_h or 0.0))
    each = [e.auto_recovery_h for e in site.suspensions if math.isfinite(e.auto_recovery_h)]
    own = any(takeover.positions[role].all[-1].kind > Kind.STRANDED for role in takeover.roles)
    return float((sum(longest) if own else max(longest)) + sum(each))


def _moves_per_h(takeover: Takeover) -> float:
    """How often roles move, or parts change, without a failure at most: no cause, drills, and given back [1/h]."""
    entries = [takeover.policy.site.roles[role] for role in takeover.roles]
    total = sum(entry.spurious_per_h for entry in entries)
    total += sum(2.0 / entry.drill_every_h for entry in entries if entry.drill_h > 0)
    return float(total)
