"""One history after another: start, years, and what is counted. Compiled."""

from __future__ import annotations

from math import ceil

import numpy as np

from k2rel.loops.compiled import compiled
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.draws import copied, start, uniform
from k2rel.simulation.kernel.events import law, next_failure, push
from k2rel.simulation.kernel.records import Model, Sums, Tables, Work
from k2rel.simulation.kernel.rules import account, settle, step, write_log

__all__: list[str] = []


@compiled
def _bin(hours: float) -> int:
    """Place of a time in a histogram, by the exponent and the first five bits of the number."""
    bits = int(np.float64(hours).view(np.int64))
    return min(max((bits >> records.BIN_SHIFT) - records.FIRST_BIN, 0), records.BINS - 1)


@compiled
def cleared(model: Model, work: Work, seed: int, history: int) -> None:
    """Set everything to new and in service at time 0, nothing on the calendar, with the history's own stream."""
    for k in range(work.i[records.TOUCHED]):
        p = work.touched[k]
        work.state[p] = 0
        work.touched_yet[p] = 0
        work.age[p] = 0.0
        work.since[p] = 0.0
        work.stamp[p] = 0
        if model.client[p] >= 0:
            work.own[model.client[p]] = 0
    work.i[: records.LOGGED] = 0
    work.i[records.LOG_KIND] = records.START
    work.i[records.DOWN_ANY] = 0
    work.i[records.MOVES] = 0
    work.i[records.FAILED_MOVES] = 0
    work.mask[:] = np.uint64(0)
    work.move_rate[:] = 0.0
    work.move_wait[:] = 0.0
    copied(work.stock, model.stock)
    work.f[:] = 0.0
    work.f[records.TOTAL_RATE] = model.pool_rate
    work.on[:] = 0
    work.share[:] = 0.0
    work.reward[:] = 0.0
    work.on_h[:] = 0.0
    work.happened[:] = 0.0
    work.missing_h[:] = 0.0
    work.bits[:] = np.uint64(0)
    start(work.rng, seed, history)
    for p in range(len(model.any_day)):
        if model.any_day[p]:
            work.f[records.ANY_DAY] = uniform(work.rng)
            break


@compiled
def begin(
    model: Model, tables: Tables, work: Work, sums: Sums, seed: int, history: int, warm_up_h: float, end_h: float
) -> int:
    """Set everything to new and in service at time 0, and the clocks of everything that can happen."""
    cleared(model, work, seed, history)
    work.f[records.GRID_RATE] = records.GRID / end_h
    work.i[records.YEAR], work.i[records.COUNTED] = (-1, 0) if warm_up_h > 0 else (0, 1)
    next_failure(work)
    for p in model.timed:
        push(work, law(model, work, model.life[p], 0.0), records.FAIL, p, work.stamp[p])
    for w in range(len(model.window_every_h)):
        push(work, model.window_first_h[w], records.WINDOW, w, 0)
    for s in range(len(model.shock_between)):
        push(work, law(model, work, model.shock_between[s], 0.0), records.SHOCK, s, 0)
    return settle(model, tables, work, sums)


@compiled
def _note_down(work: Work, sums: Sums, s: int, end: float) -> None:
    """Note at which points of time a service was down."""
    rate = work.f[records.GRID_RATE]
    first, last = int(np.int64(ceil(work.begin[s] * rate))), int(np.int64(ceil(end * rate)))
    if first < last:
        sums.down_at[s, min(first, records.GRID + 1)] += 1
        sums.down_at[s, min(last, records.GRID + 1)] -= 1


@compiled
def _began_counted(work: Work, s: int) -> bool:
    """Whether a service failure began within the counted time, not before it."""
    return bool(0.0 <= work.first[s] <= work.begin[s])


@compiled
def _mark(model: Model, work: Work, sums: Sums) -> None:
    """Note the services that have failed or are restored."""
    changed = work.bits[0] ^ work.bits[1]
    work.i[records.DOWN_ANY] = 1
    work.bits[1] = work.bits[0]
    now, counted = work.f[records.NOW], work.i[records.COUNTED]
    for s in range(model.services):
        if not (changed >> np.uint64(s)) & np.uint64(1):
            continue
        if (work.bits[0] >> np.uint64(s)) & np.uint64(1):
            work.begin[s] = now
            if counted:
                work.failures[s] += 1
                if work.first[s] < 0:
                    work.first[s] = now
            continue
        _note_down(work, sums, s, now)
        if counted:
            length = now - work.begin[s]
            work.down[s] += now - max(work.begin[s], work.f[records.YEAR_START])
            work.longest[s] = max(work.longest[s], length)
            work.air[s] += _began_counted(work, s) and length > model.buffer_h
            if length > 0:
                sums.length_bins[s, _bin(length)] += 1


@compiled
def _close_year(model: Model, work: Work, sums: Sums) -> None:
    now = work.f[records.NOW]
    cut = work.reward[records.R_CUT] - work.f[records.CUT_BEFORE]
    work.f[records.CUT_BEFORE] = work.reward[records.R_CUT]
    if cut > 0:
        sums.cut_bins[_bin(cut)] += 1
    for s in range(model.services):
        if (work.bits[0] >> np.uint64(s)) & np.uint64(1):
            work.down[s] += now - max(work.begin[s], work.f[records.YEAR_START])
            work.longest[s] = max(work.longest[s], now - work.begin[s])
        if work.down[s] > 0:
            sums.down_bins[s, _bin(work.down[s])] += 1
            sums.longest_bins[s, _bin(work.longest[s])] += 1
            sums.service[s, records.S_LONGEST] = max(sums.service[s, records.S_LONGEST], work.longest[s])
            work.history_down[s] += work.down[s]
            work.down[s] = 0.0
            work.longest[s] = 0.0
        if work.failures[s] > 0:
            sums.count_bins[s, min(work.failures[s], records.COUNTS - 1)] += 1
            work.history_count[s] += work.failures[s]
            work.failures[s] = 0
        work.history_air[s] += work.air[s]
        work.air[s] = 0


@compiled
def _close_history(model: Model, work: Work, sums: Sums, from_h: float) -> None:
    now = work.f[records.NOW]
    for s in range(model.services if work.i[records.DOWN_ANY] else 0):
        if (work.bits[0] >> np.uint64(s)) & np.uint64(1):
            work.history_air[s] += _began_counted(work, s) and now - work.begin[s] > model.buffer_h
            _note_down(work, sums, s, now * (1 + 1e-12))
        d, n, air = work.history_down[s], float(work.history_count[s]), float(work.history_air[s])
        if d > 0 or n > 0 or air > 0:
            row = sums.service[s]
            row[records.S_DOWN] += d
            row[records.S_DOWN2] += d * d
            row[records.S_COUNT] += n
            row[records.S_COUNT2] += n * n
            row[records.S_DOWN_COUNT] += d * n
            row[records.S_AIR] += air
            row[records.S_AIR2] += air * air
            work.history_down[s], work.history_count[s], work.history_air[s] = 0.0, 0, 0
        if work.first[s] >= 0:
            sums.service[s, records.S_ANY] += 1
            sums.first_bins[s, _bin(max(work.first[s] - from_h, 1e-5))] += 1
            work.first[s] = -1.0
    work.reward[records.R_MOVES], work.reward[records.R_FAILED_MOVES] = (
        work.i[records.MOVES],
        work.i[records.FAILED_MOVES],
    )
    for r in range(records.REWARDS):
        x = work.reward[r]
        sums.reward[r, 0] += x
        sums.reward[r, 1] += x * x
    for k in range(len(work.on_h)):
        x = work.on_h[k]
        sums.on[k, 0] += x
        sums.on[k, 1] += x * x
    for e in range(model.moves):
        x = work.happened[e]
        sums.happened[e, 0] += x
        sums.happened[e, 1] += x * x
    for t in range(len(work.missing_h)):
        x = work.missing_h[t]
        sums.missing[t, 0] += x
        sums.missing[t, 1] += x * x
    sums.histories[0] += 1


@compiled
def _forget(work: Work) -> None:
    """Drop what a history that is not ended has gathered."""
    work.down[:] = 0.0
    work.failures[:] = 0
    work.air[:] = 0
    work.longest[:] = 0.0
    work.first[:] = -1.0
    work.history_down[:] = 0.0
    work.history_count[:] = 0
    work.history_air[:] = 0


@compiled
def run(
    model: Model,
    tables: Tables,
    work: Work,
    sums: Sums,
    seed: int,
    last: int,
    warm_up_h: float,
    years: int,
    year_h: float,
) -> int:
    """Run histories from `Work.i[HISTORY]` on, without the last.

    Where one meets a state that the tables do not know it stops in the middle and says `UNKNOWN`; called again with
    tables that do know, it goes on there. So it does where `Sums.place` is half full (`CROWDED`), once it is emptied. A
    scout (`SCOUTING`) leaves such a history and takes the next one, to find out what else is not known.
    """
    logs = len(work.log_t) > 0
    while work.i[records.HISTORY] < last:
        if work.i[records.STOPPED]:
            work.i[records.STOPPED] = 0
            code = settle(model, tables, work, sums)
        else:
            code = begin(
                model, tables, work, sums, seed, work.i[records.HISTORY], warm_up_h, warm_up_h + years * year_h
            )
        while code == records.DONE:
            if logs and work.i[records.LOG_KIND] >= 0:
                write_log(work)
            if work.bits[0] != work.bits[1]:
                _mark(model, work, sums)
            limit = warm_up_h + (work.i[records.YEAR] + 1) * year_h
            code = step(model, tables, work, sums, limit)
            if code == records.AT_LIMIT:
                work.i[records.LOG_KIND] = -1
                work.f[records.NOW] = limit
                account(model, tables, work, sums)
                if work.i[records.YEAR] < 0:
                    work.reward[:] = 0.0
                    work.on_h[:] = 0.0
                    work.happened[:] = 0.0
                    work.missing_h[:] = 0.0
                    work.i[records.MOVES], work.i[records.FAILED_MOVES] = 0, 0
                    work.i[records.COUNTED] = 1
                elif work.i[records.DOWN_ANY]:
                    _close_year(model, work, sums)
                work.f[records.YEAR_START] = limit
                work.i[records.YEAR] += 1
                if work.i[records.YEAR] < years:
                    code = records.DONE
        if code != records.AT_LIMIT:
            if work.i[records.SCOUTING]:
                _forget(work)
                work.i[records.HISTORY] += 1
                continue
            work.i[records.STOPPED] = 1
            return code
        _close_history(model, work, sums, warm_up_h)
        work.i[records.HISTORY] += 1
    return records.DONE
