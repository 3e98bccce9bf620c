"""A history that begins from a present state: what is down and for how long, where the roles are, how old parts are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from k2rel.loops.compiled import compiled
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.draws import draw, uniform
from k2rel.simulation.kernel.events import goes_down, law, next_failure, push
from k2rel.simulation.kernel.histories import cleared
from k2rel.simulation.kernel.layout import F1, F2, I1
from k2rel.simulation.kernel.records import Model, Sums, Tables, Work
from k2rel.simulation.kernel.rules import settle

__all__: list[str] = []


class Present(NamedTuple):
    """How histories begin; its laws are those of what is not known, such as ages."""

    control: int
    calendar_h: float  # period of the days of tests, within which now is any time; 0 where nothing is tested
    # parts that are down, the one that has been so for longest first
    part: I1
    down_h: F1
    state: I1  # `records.REPAIR`, `NO_CREW` (takes one that is free) or `NO_SPARE`
    # spares
    stock: I1
    ordered: I1  # shelves that a spare is ordered for, and how long ago
    ordered_h: F1
    # technicians who travel
    set_out_h: float  # how long ago they set out
    travelling: float  # probability that they are still on their way
    travelled_law: int  # of how long they took, if they are not
    # by part: its age, or the law of it; -1 where the age is given, or none matters
    age_h: F1
    age_law: I1
    shock_law: I1  # until each common event
    kind: I1
    parameter: F2
    at: I1
    length: I1
    grid: F1


@compiled
def _drawn(present: Present, work: Work, which: int) -> float:
    """Draw by a law of the present state."""
    return draw(present.kind, present.parameter, present.at, present.length, present.grid, which, 0.0, work.rng)


@compiled
def _repair_goes_on(model: Model, work: Work, p: int, lasted_h: float) -> None:
    """The repair of a part has lasted for some time, and goes on by its law, given that."""
    work.state[p] = records.REPAIR
    push(work, law(model, work, model.repair[p], lasted_h), records.REPAIRED, p, work.stamp[p])


@compiled
def _repairs(model: Model, work: Work, present: Present) -> None:
    """Take up the repairs of what is down: crews are with what has been down for longest, as far as they go."""
    there_h = np.inf  # how long technicians have been on site
    if model.travel_law >= 0 and present.set_out_h >= 0:
        if uniform(work.rng) <= present.travelling:
            work.i[records.TRAVELLING] = 1
            push(work, law(model, work, model.travel_law, present.set_out_h), records.TRAVEL, 0, 0)
            there_h = -1.0
        else:
            work.i[records.ON_SITE] = 1
            there_h = present.set_out_h - _drawn(present, work, present.travelled_law)
    for k in range(len(present.part)):
        p = present.part[k]
        state = present.state[k]
        if state == records.NO_CREW and there_h >= 0 and work.i[records.BUSY] < model.crews:
            work.i[records.BUSY] += 1
            state = records.REPAIR
        if state == records.REPAIR:
            _repair_goes_on(
                model, work, p, min(present.down_h[k], there_h) if model.rank[p] >= 0 else present.down_h[k]
            )
        else:
            work.waiting[work.i[records.WAITING]] = p
            work.i[records.WAITING] += 1


@compiled
def begin_present(
    model: Model, tables: Tables, work: Work, sums: Sums, present: Present, seed: int, history: int
) -> int:
    """Set everything to the present state at time 0, and the clocks of everything that can happen."""
    cleared(model, work, seed, history)
    work.i[records.CONTROL] = present.control
    for shelf in range(len(present.stock)):
        work.stock[shelf] = present.stock[shelf]
    if present.calendar_h > 0:
        work.f[records.CALENDAR] = present.calendar_h * (1.0 - uniform(work.rng))
    for p in range(len(present.age_law)):
        if model.life[p] >= 0:
            work.age[p] = present.age_h[p] if present.age_law[p] < 0 else _drawn(present, work, present.age_law[p])
    for k in range(len(present.part)):
        goes_down(model, work, present.part[k], present.state[k])
    for n in range(len(present.ordered)):
        shelf = present.ordered[n]
        comes = law(model, work, model.lead_law[shelf], 0.0) - present.ordered_h[n]
        push(work, max(comes, 0.0), records.SPARE, shelf, 0)
    _repairs(model, work, present)
    next_failure(work)
    for p in model.timed:
        if work.state[p] == records.UP:
            push(work, law(model, work, model.life[p], work.age[p]), records.FAIL, p, work.stamp[p])
    for w in range(len(model.window_every_h)):
        push(work, model.window_first_h[w], records.WINDOW, w, 0)
    for s in range(len(present.shock_law)):
        push(work, _drawn(present, work, present.shock_law[s]), records.SHOCK, s, 0)
    return settle(model, tables, work, sums)
