"""How often takeovers, and what goes with them, happen a year, and how long that lasts; by the chain and in histories.

Roles that move together are one takeover. A drill, a role given back by plan, and another attempt after a failure are
none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.markov.states import SiteStates
from k2rel.policy.controls import Controls
from k2rel.policy.following import Begins
from k2rel.policy.positions import AWAY, Kind
from k2rel.policy.takeover import Takeover
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR

if TYPE_CHECKING:
    from k2rel.measures.solution import Solution
    from k2rel.simulation.results import Simulation

__all__ = ["Counts", "counts_in", "moves_per_h", "takeover_counts"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SPLIT = (Kind.SPLIT, Kind.MENDING, Kind.RESTORING_DATA)


@dataclass(frozen=True)
class Counts:
    """What happened to roles, as rates [1/h], and how probable each control state is."""

    takeovers: float  # that succeed, split brains among them
    failed: float
    splits: float
    given_back: float  # by plan, at once
    events: dict[str, float]  # in time, by their names
    control: FloatArray  # probability of each control state

    def minutes(self, takeover: Controls, *kinds: Kind) -> float:
        """Minutes a year in which some role is in a position of some kinds."""
        return float(self.control[takeover.which(*kinds).any(axis=1)].sum()) * MINUTES_PER_YEAR


def counts_in(states: SiteStates) -> Counts:
    """Count by the probabilities of a chain and what follows from each of its states."""
    table, takeover = states.recipe.table, states.takeover
    assert takeover is not None
    p = states.solution.probability
    entered, events = _by_parts(states, p), dict[str, float]()
    condition = states.recipe.joint.condition[states.part_state]
    for n, event in enumerate(table.events):
        flow = p * table.rate_per_h[n, states.pair]
        events[event.name] = events.get(event.name, 0.0) + float(flow.sum())
        _enter(states, entered, condition, table.leads_to[n, states.pair], flow)
    begins = (table.begins & Begins.TAKEOVER) > 0
    active = takeover.sides_active
    before = np.zeros(len(table.settled), dtype=np.int64)  # roles that two sides have, before what follows at once
    known = states.recipe.joint.pair >= 0
    before[states.recipe.joint.pair[known]] = np.broadcast_to(active, known.shape)[known]
    rises = [np.maximum(active[after] - before, 0) for after in (table.settled, table.failed)]
    return Counts(
        takeovers=float((entered * table.coverage)[begins].sum()),
        failed=float((entered * (1.0 - table.coverage))[begins].sum()),
        splits=float((entered * (table.coverage * rises[0] + (1.0 - table.coverage) * rises[1])).sum()),
        given_back=float(entered[(table.begins & Begins.GIVEBACK) > 0].sum()),
        events=events,
        control=np.bincount(states.control, weights=p, minlength=takeover.controls).astype(np.float64),
    )


def _by_parts(states: SiteStates, p: FloatArray) -> FloatArray:
    """Rate at which parts bring about each pair of a condition and a control state, before what follows at once."""
    moves = states.recipe.joint
    count = np.diff(moves.start)[states.part_state]
    state = np.repeat(np.arange(len(p)), count)
    first = np.repeat(np.cumsum(count) - count, count)
    at = moves.start[states.part_state[state]] + np.arange(len(state)) - first
    entered = np.zeros(len(states.recipe.table.settled))
    _enter(states, entered, moves.condition[moves.target[at]], states.control[state], p[state] * moves.rate_per_h[at])
    return entered


def _enter(states: SiteStates, entered: FloatArray, condition: IntArray, control: IntArray, flow: FloatArray) -> None:
    """Add flows into pairs of a condition and a control state; those that nobody worked out lead out of the chain."""
    pair = states.recipe.joint.pair[condition, control]
    np.add.at(entered, pair[pair >= 0], flow[pair >= 0])


def _in_histories(found: Simulation) -> Counts:
    """Count what histories met."""
    from k2rel.simulation.kernel import records

    hours = found.plan.years * found.histories * HOURS_PER_YEAR
    sums, takeover = found.sums, found.site.takeover
    assert takeover is not None
    events: dict[str, float] = {}
    for event, (total, _) in zip(takeover.events, sums.happened.tolist(), strict=True):
        events[event.name] = events.get(event.name, 0.0) + total / hours
    rows = (records.R_MOVES, records.R_FAILED_MOVES, records.R_SPLITS, records.R_GIVEN_BACK)
    moved, failed, splits, given_back = (float(sums.reward[row, 0]) / hours for row in rows)
    return Counts(moved, failed, splits, given_back, events, sums.control / sums.control.sum())


def takeover_counts(solution: Solution) -> list[dict[str, str | float]]:
    """List what happens with takeovers beside their success: what, how often a year, minutes a year; nan: not known.

    Empty where the rules of the site know no more than takeovers that succeed, or fail and wait for an operator.
    """
    if not solution.study.site.movable:
        return []
    if solution.method == "simulation":
        takeover, found = solution.simulated.site.takeover, solution.simulated
        counts: Callable[[], Counts] = lambda: _in_histories(found)  # noqa: E731
    else:
        states = solution.dynamics.states
        takeover, counts = states.takeover, lambda: counts_in(states)
    if takeover is None or not takeover.eventful:
        return []
    return list(_rows(takeover, counts()))


def _rows(takeover: Takeover, counts: Counts) -> Iterator[dict[str, str | float]]:
    names = {event.name for event in takeover.events}
    kinds = {position.kind for role in takeover.roles for position in takeover.positions[role].all}

    def row(what: str, per_h: float, minutes: float = np.nan) -> dict[str, str | float]:
        return {"what": what, "events_per_year": per_h * HOURS_PER_YEAR, "downtime_min_per_year": minutes}

    def lasting(what: str, per_h: float, *of: Kind) -> dict[str, str | float]:
        return row(what, per_h, counts.minutes(takeover, *of))

    yield row("takeovers that succeed", counts.takeovers)
    yield lasting("failed takeovers", counts.failed, *AWAY)
    if "spurious" in names:
        yield row("spurious takeovers", counts.events["spurious"])
    if "retry" in names:
        yield row("failed takeovers whose retry succeeded", counts.events["retry"])
    if "restoration" in names:
        yield lasting("restorations after an operator could not place a role",
                      counts.events["manual_takeover_fails"], Kind.RESTORING)  # fmt: skip
    if Kind.SPLIT in kinds:
        yield lasting("split brains, until they are resolved", counts.splits, *_SPLIT)
    if "data_loss" in names:
        yield lasting("data restores after split brains", counts.events["data_loss"], Kind.RESTORING_DATA)
    if Kind.DRILLING in kinds:
        yield lasting("drills", counts.events["drill"], Kind.DRILLING)
    elif "drill" in names:
        yield row("drills that find a takeover unready", counts.events["drill"] + counts.events["drill_finds"])
    if "failback" in names or Kind.GIVING_BACK in kinds or takeover.gives_back:
        lasts = [Kind.GIVING_BACK] if Kind.GIVING_BACK in kinds else []
        per_h = counts.given_back + counts.events.get("failback", 0.0)
        yield lasting("failbacks of roles", per_h, *lasts) if lasts else row("failbacks of roles", per_h)
    if "auto_recovery" in names:
        yield row("suspended parts that recover by themselves", counts.events["auto_recovery"])


def moves_per_h(states: SiteStates) -> tuple[float, float] | None:
    """Takeovers that succeed and that fail [1/h]; None where arrivals say the same."""
    takeover = states.takeover
    if takeover is None or not takeover.eventful:
        return None
    counts = counts_in(states)
    return counts.takeovers, counts.failed
