"""What happens to parts, one event after another: failure, test, spare, crew, repair; windows and common events.

All functions are compiled and change `Work` in place; `k2rel.simulation.kernel.rules` says what follows for roles and
services.
"""

from __future__ import annotations

from math import floor

import numpy as np

from k2rel.loops.compiled import compiled
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.draws import draw, exponential, pick, uniform
from k2rel.simulation.kernel.records import Model, Tables, Work

__all__: list[str] = []

_ITEM = 4
_STAMP = 28


@compiled
def stale(work: Work, entry: int) -> bool:
    """Whether an entry of the calendar has been overtaken."""
    kind, item, stamp = entry & 15, (entry >> _ITEM) & 0xFFFFFF, entry >> _STAMP
    if kind <= records.REPAIRED:
        return bool(stamp != work.stamp[item])
    return bool(kind == records.TAKEOVER and stamp != work.move_stamp[item])


@compiled
def _sift_up(work: Work, place: int) -> None:
    t, e = work.heap_t[place], work.heap_e[place]
    while place > 0:
        above = (place - 1) >> 1
        if work.heap_t[above] <= t:
            break
        work.heap_t[place], work.heap_e[place] = work.heap_t[above], work.heap_e[above]
        place = above
    work.heap_t[place], work.heap_e[place] = t, e


@compiled
def drop_first(work: Work) -> None:
    """Take the next entry off the calendar."""
    n = work.i[records.HEAP] - 1
    work.i[records.HEAP] = n
    if n == 0:
        return
    t, e = work.heap_t[n], work.heap_e[n]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= n:
            break
        if below + 1 < n and work.heap_t[below + 1] < work.heap_t[below]:
            below += 1
        if work.heap_t[below] >= t:
            break
        work.heap_t[place], work.heap_e[place] = work.heap_t[below], work.heap_e[below]
        place = below
    work.heap_t[place], work.heap_e[place] = t, e


@compiled
def push(work: Work, t: float, kind: int, item: int, stamp: int) -> None:
    """Put an entry on the calendar; where there is no room left, overtaken ones are swept out first."""
    n = work.i[records.HEAP]
    if n == len(work.heap_t):
        kept = 0
        for k in range(n):
            if not stale(work, work.heap_e[k]):
                work.heap_t[kept], work.heap_e[kept] = work.heap_t[k], work.heap_e[k]
                _sift_up(work, kept)
                kept += 1
        n = kept
        if n == len(work.heap_t):
            return  # no room: whoever asked for it sees a full calendar and stops
    work.heap_t[n] = t
    work.heap_e[n] = kind | (item << _ITEM) | (stamp << _STAMP)
    work.i[records.HEAP] = n + 1
    _sift_up(work, n)


@compiled
def law(model: Model, work: Work, which: int, age: float) -> float:
    """Draw a time by a law."""
    return draw(model.kind, model.parameter, model.at, model.length, model.grid, which, age, work.rng)


@compiled
def goes_down(model: Model, work: Work, p: int, state: int) -> None:
    """A part stops working."""
    now = work.f[records.NOW]
    if not work.touched_yet[p]:
        work.touched_yet[p] = 1
        work.touched[work.i[records.TOUCHED]] = p
        work.i[records.TOUCHED] += 1
    work.age[p] += now - work.since[p]
    work.state[p] = state
    work.stamp[p] += 1
    b = model.bit[p]
    if b >= 0:
        work.mask[b >> 6] |= np.uint64(1) << np.uint64(b & 63)
        work.i[records.DOWN] += 1
    else:
        c = model.client[p]
        if work.own[c] == 0:
            work.hurt[work.i[records.HURT]] = c
            work.hurt_at[c] = work.i[records.HURT]
            work.i[records.HURT] += 1
        work.own[c] |= 1 << model.own_bit[p]
    work.i[records.CHANGED] = 1


@compiled
def goes_up(model: Model, work: Work, p: int) -> None:
    """A part works again, with the age that it has."""
    work.state[p] = records.UP
    work.stamp[p] += 1
    work.since[p] = work.f[records.NOW]
    b = model.bit[p]
    if b >= 0:
        work.mask[b >> 6] &= ~(np.uint64(1) << np.uint64(b & 63))
        work.i[records.DOWN] -= 1
    else:
        c = model.client[p]
        work.own[c] &= ~(1 << model.own_bit[p])
        if work.own[c] == 0:
            last = work.hurt[work.i[records.HURT] - 1]
            work.hurt[work.hurt_at[c]] = last
            work.hurt_at[last] = work.hurt_at[c]
            work.i[records.HURT] -= 1
    if model.life[p] >= 0:
        push(work, work.f[records.NOW] + law(model, work, model.life[p], work.age[p]), records.FAIL, p, work.stamp[p])
    work.i[records.CHANGED] = 1


@compiled
def _begin_repair(model: Model, work: Work, p: int) -> None:
    work.state[p] = records.REPAIR
    push(work, work.f[records.NOW] + law(model, work, model.repair[p], 0.0), records.REPAIRED, p, work.stamp[p])
    if model.wrong[p] > 0 and uniform(work.rng) <= model.wrong[p]:
        working = 0
        for k in range(model.alike_n[p]):
            working += work.state[model.alike[model.alike_at[p] + k]] == records.UP
        if working == 0:
            return
        choice = min(int((1.0 - uniform(work.rng)) * working), working - 1)
        for k in range(model.alike_n[p]):
            q = model.alike[model.alike_at[p] + k]
            if work.state[q] == records.UP:
                if choice == 0:
                    goes_down(model, work, q, records.TAKEN_OUT)
                    push(
                        work,
                        work.f[records.NOW] + law(model, work, model.reinsert_law, 0.0),
                        records.REPAIRED,
                        q,
                        work.stamp[q],
                    )
                    return
                choice -= 1


@compiled
def _send_crews(model: Model, work: Work) -> None:
    """Crews that are free and on site take what waits, the lowest rank first, then the longest wait."""
    if model.travel_law >= 0 and not work.i[records.ON_SITE]:
        if not work.i[records.TRAVELLING]:
            work.i[records.TRAVELLING] = 1
            push(work, work.f[records.NOW] + law(model, work, model.travel_law, 0.0), records.TRAVEL, 0, 0)
        return
    while work.i[records.BUSY] < model.crews:
        best = -1
        for k in range(work.i[records.WAITING]):
            p = work.waiting[k]
            if work.state[p] == records.NO_CREW and (best < 0 or model.rank[p] < model.rank[work.waiting[best]]):
                best = k
        if best < 0:
            break
        p = work.waiting[best]
        _leave_queue(work, best)
        work.i[records.BUSY] += 1
        _begin_repair(model, work, p)


@compiled
def _leave_queue(work: Work, place: int) -> None:
    work.i[records.WAITING] -= 1
    for k in range(place, work.i[records.WAITING]):
        work.waiting[k] = work.waiting[k + 1]


@compiled
def _ask_for_crew(model: Model, work: Work, p: int) -> None:
    if model.crews == 0 or model.rank[p] < 0:
        _begin_repair(model, work, p)
        return
    work.state[p] = records.NO_CREW
    work.waiting[work.i[records.WAITING]] = p
    work.i[records.WAITING] += 1
    _send_crews(model, work)


@compiled
def _found(model: Model, work: Work, p: int) -> None:
    """A failure is known: a spare is taken and another ordered, then a crew is asked for."""
    shelf = model.spares[p]
    if shelf >= 0:
        push(work, work.f[records.NOW] + law(model, work, model.lead_law[shelf], 0.0), records.SPARE, shelf, 0)
        if work.stock[shelf] == 0:
            work.state[p] = records.NO_SPARE
            work.waiting[work.i[records.WAITING]] = p
            work.i[records.WAITING] += 1
            return
        work.stock[shelf] -= 1
    _ask_for_crew(model, work, p)


@compiled
def _own_day(work: Work, p: int) -> float:
    """Where within its interval a part is tested in this history, where that can be any day: from 0 to 1."""
    z = np.uint64(np.int64(work.f[records.ANY_DAY] * 2.0**52)) + np.uint64(p + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return float((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@compiled
def _next_test(model: Model, work: Work, p: int) -> float:
    """Time of the next test of a part."""
    ahead, every = work.f[records.CALENDAR], model.test_h[p]  # of the calendar, where a history begins later in it
    now = work.f[records.NOW] + ahead
    soonest = np.inf
    for k in range(model.test_at[p], model.test_at[p] + model.test_n[p]):
        day = every * _own_day(work, p) if model.any_day[p] else model.test_day_h[k]
        soonest = min(soonest, (floor((now - day) / every) + 1.0) * every + day)
    return float(soonest - ahead)


@compiled
def fails(model: Model, work: Work, p: int) -> None:
    """A part fails; where only a test finds it, it waits for the next one of a fixed calendar."""
    work.i[records.LOG_KIND], work.i[records.LOG_ITEM] = records.FAIL, p
    goes_down(model, work, p, records.REPAIR)
    if model.test_h[p] > 0:
        work.state[p] = records.HIDDEN
        push(work, _next_test(model, work, p), records.FOUND, p, work.stamp[p])
    else:
        _found(model, work, p)


@compiled
def _repaired(model: Model, work: Work, p: int) -> None:
    if work.state[p] == records.TAKEN_OUT:
        goes_up(model, work, p)
        return
    work.age[p] *= model.age_kept[p]
    goes_up(model, work, p)
    if model.crews > 0 and model.rank[p] >= 0:
        work.i[records.BUSY] -= 1
        _send_crews(model, work)
        if work.i[records.BUSY] == 0:
            work.i[records.ON_SITE] = 0


@compiled
def _spare_arrives(model: Model, work: Work, shelf: int) -> None:
    for k in range(work.i[records.WAITING]):
        p = work.waiting[k]
        if work.state[p] == records.NO_SPARE and model.spares[p] == shelf:
            _leave_queue(work, k)
            _ask_for_crew(model, work, p)
            return
    work.stock[shelf] += 1


@compiled
def _window(model: Model, tables: Tables, work: Work, w: int) -> None:
    """Planned work, where everything is up; else it is left out until the next time."""
    push(work, work.f[records.NOW] + model.window_every_h[w], records.WINDOW, w, 0)
    if work.i[records.DOWN] or not tables.quiet[work.i[records.CONTROL]]:
        return
    p, move = model.window_part[w], model.window_move[w]
    if move >= 0:
        if tables.move_rate[work.i[records.PAIR], move] > 0:
            work.i[records.CONTROL] = tables.leads[work.i[records.PAIR], move]
            work.move_wait[model.window_back[w]] = law(model, work, model.window_law[w], 0.0)
            work.i[records.CHANGED] = 1
    elif work.state[p] == records.UP:
        goes_down(model, work, p, records.TAKEN_OUT)
        push(work, work.f[records.NOW] + law(model, work, model.window_law[w], 0.0), records.REPAIRED, p, work.stamp[p])


@compiled
def _shock(model: Model, work: Work, s: int) -> None:
    for k in range(model.shock_at[s], model.shock_at[s + 1]):
        p = model.shock_part[k]
        if work.state[p] == records.UP and uniform(work.rng) <= model.shock_probability[k]:
            goes_down(model, work, p, records.SHOCKED)
            work.hit_by[p] = s
    push(work, work.f[records.NOW] + law(model, work, model.shock_lasts[s], 0.0), records.SHOCK_END, s, 0)


@compiled
def _shock_ends(model: Model, work: Work, s: int) -> None:
    for k in range(model.shock_at[s], model.shock_at[s + 1]):
        p = model.shock_part[k]
        if work.state[p] == records.SHOCKED and work.hit_by[p] == s:
            goes_up(model, work, p)
    push(work, work.f[records.NOW] + law(model, work, model.shock_between[s], 0.0), records.SHOCK, s, 0)


@compiled
def next_failure(work: Work) -> None:
    """Draw when the next failure of a part with a constant rate is due; a failed part's is passed over."""
    rate = work.f[records.TOTAL_RATE]
    work.f[records.NEXT_FAILURE] = work.f[records.NOW] + exponential(work.rng) / rate if rate > 0 else np.inf


@compiled
def happen(model: Model, tables: Tables, work: Work) -> None:
    """Let the next entry of the calendar happen."""
    entry = work.heap_e[0]
    if stale(work, entry):
        drop_first(work)
        return
    work.f[records.NOW] = work.heap_t[0]
    drop_first(work)
    kind, item = entry & 15, (entry >> _ITEM) & 0xFFFFFF
    work.i[records.LOG_KIND], work.i[records.LOG_ITEM] = kind, item
    if kind == records.REPAIRED:
        _repaired(model, work, item)
    elif kind == records.FAIL:
        fails(model, work, item)
    elif kind == records.TAKEOVER:
        work.i[records.CONTROL] = tables.leads[work.i[records.PAIR], item]
        work.move_rate[item] = 0.0
        work.happened[item] += 1.0
        work.i[records.CHANGED] = 1
    elif kind == records.FOUND:
        _found(model, work, item)
    elif kind == records.TRAVEL:
        work.i[records.TRAVELLING], work.i[records.ON_SITE] = 0, 1
        _send_crews(model, work)
    elif kind == records.SPARE:
        _spare_arrives(model, work, item)
    elif kind == records.WINDOW:
        _window(model, tables, work, item)
    elif kind == records.SHOCK:
        _shock(model, work, item)
    else:
        _shock_ends(model, work, item)


@compiled
def candidate(model: Model, work: Work) -> None:
    """The next failure among the constant rates happens, unless its part is down already."""
    work.f[records.NOW] = work.f[records.NEXT_FAILURE]
    p = model.pool_part[pick(model.pool_probability, model.pool_alias, work.rng)]
    next_failure(work)
    if work.state[p] == records.UP:
        fails(model, work, p)
