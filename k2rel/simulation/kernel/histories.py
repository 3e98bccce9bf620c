"""One history after another: start, years, and what is counted. Compiled, but for the room that it works in."""

from __future__ import annotations

from math import ceil

import numpy as np

from k2rel.simulation.kernel.draws import start, uniform
from k2rel.simulation.kernel.events import compiled, law, next_failure, push
from k2rel.simulation.kernel.records import (
    ANY_DAY,
    AT_LIMIT,
    BIN_SHIFT,
    BINS,
    COUNTED,
    COUNTS,
    CUT_BEFORE,
    DONE,
    FAIL,
    FAILED_MOVES,
    FIRST_BIN,
    FLOATS,
    GRID,
    GRID_RATE,
    HISTORY,
    INTS,
    LOG_KIND,
    LOGGED,
    LOST_ANY,
    MOVES,
    NOW,
    R_CUT,
    R_FAILED_MOVES,
    R_MOVES,
    REWARDS,
    S_AIR,
    S_AIR2,
    S_ANY,
    S_COUNT,
    S_COUNT2,
    S_DOWN,
    S_DOWN2,
    S_DOWN_COUNT,
    S_LONGEST,
    SCOUTING,
    SCRATCH,
    SERVICE_COLUMNS,
    SHOCK,
    START,
    STOPPED,
    TOTAL_RATE,
    TOUCHED,
    WINDOW,
    YEAR,
    YEAR_START,
    Model,
    Sums,
    Tables,
    Work,
)
from k2rel.simulation.kernel.rules import account, settle, step, write_log
from k2rel.simulation.model import SiteModel

__all__: list[str] = []

_CACHE = 1 << 13
_WANTED = 1024
_MODES = 1 << 12


@compiled
def _bin(work: Work, hours: float) -> int:
    """Place of a time in a histogram, by the exponent and the first five bits of the number."""
    work.f[SCRATCH] = hours
    return int(min(max((work.f_bits[SCRATCH] >> BIN_SHIFT) - FIRST_BIN, 0), BINS - 1))


@compiled
def begin(
    model: Model, tables: Tables, work: Work, sums: Sums, seed: int, history: int, warm_up_h: float, end_h: float
) -> int:
    """Set everything to new and in service at time 0, and the clocks of everything that can happen."""
    for k in range(work.i[TOUCHED]):
        p = work.touched[k]
        work.state[p] = 0
        work.touched_yet[p] = 0
        work.age[p] = 0.0
        work.since[p] = 0.0
        work.stamp[p] = 0
        if model.client[p] >= 0:
            work.own[model.client[p]] = 0
    work.i[:LOGGED] = 0
    work.i[LOG_KIND] = START
    work.i[LOST_ANY] = 0
    work.i[MOVES] = 0
    work.i[FAILED_MOVES] = 0
    work.mask[:] = np.uint64(0)
    work.move_rate[:] = 0.0
    work.move_wait[:] = 0.0
    work.stock[:] = model.stock
    work.f[:] = 0.0
    work.f[TOTAL_RATE] = model.pool_rate
    work.f[GRID_RATE] = GRID / end_h
    work.reward[:] = 0.0
    work.bits[:] = np.uint64(0)
    work.i[YEAR], work.i[COUNTED] = (-1, 0) if warm_up_h > 0 else (0, 1)
    start(work.rng, seed, history)
    for p in range(len(model.any_day)):
        if model.any_day[p]:
            work.f[ANY_DAY] = uniform(work.rng)
            break
    next_failure(work)
    for p in model.timed:
        push(work, law(model, work, model.life[p], 0.0), FAIL, p, work.stamp[p])
    for w in range(len(model.window_every_h)):
        push(work, model.window_first_h[w], WINDOW, w, 0)
    for s in range(len(model.shock_between)):
        push(work, law(model, work, model.shock_between[s], 0.0), SHOCK, s, 0)
    return settle(model, tables, work, sums)


@compiled
def _note_lost(work: Work, sums: Sums, s: int, end: float) -> None:
    """Note at which points of time a service was lost."""
    rate = work.f[GRID_RATE]
    first, last = int(np.int64(ceil(work.begin[s] * rate))), int(np.int64(ceil(end * rate)))
    if first < last:
        sums.lost_at[s, min(first, GRID + 1)] += 1
        sums.lost_at[s, min(last, GRID + 1)] -= 1


@compiled
def _began_counted(work: Work, s: int) -> bool:
    """Whether a service's loss began within the counted time, not before it."""
    return bool(0.0 <= work.first[s] <= work.begin[s])


@compiled
def _mark(model: Model, work: Work, sums: Sums) -> None:
    """Note the services that have been lost or are back."""
    changed = work.bits[0] ^ work.bits[1]
    work.i[LOST_ANY] = 1
    work.bits[1] = work.bits[0]
    now, counted = work.f[NOW], work.i[COUNTED]
    for s in range(model.services):
        if not (changed >> np.uint64(s)) & np.uint64(1):
            continue
        if (work.bits[0] >> np.uint64(s)) & np.uint64(1):
            work.begin[s] = now
            if counted:
                work.losses[s] += 1
                if work.first[s] < 0:
                    work.first[s] = now
            continue
        _note_lost(work, sums, s, now)
        if counted:
            length = now - work.begin[s]
            work.down[s] += now - max(work.begin[s], work.f[YEAR_START])
            work.longest[s] = max(work.longest[s], length)
            work.air[s] += _began_counted(work, s) and length > model.buffer_h
            if length > 0:
                sums.length_bins[s, _bin(work, length)] += 1


@compiled
def _close_year(model: Model, work: Work, sums: Sums) -> None:
    now = work.f[NOW]
    cut = work.reward[R_CUT] - work.f[CUT_BEFORE]
    work.f[CUT_BEFORE] = work.reward[R_CUT]
    if cut > 0:
        sums.cut_bins[_bin(work, cut)] += 1
    for s in range(model.services):
        if (work.bits[0] >> np.uint64(s)) & np.uint64(1):
            work.down[s] += now - max(work.begin[s], work.f[YEAR_START])
            work.longest[s] = max(work.longest[s], now - work.begin[s])
        if work.down[s] > 0:
            sums.down_bins[s, _bin(work, work.down[s])] += 1
            sums.longest_bins[s, _bin(work, work.longest[s])] += 1
            sums.service[s, S_LONGEST] = max(sums.service[s, S_LONGEST], work.longest[s])
            work.history_down[s] += work.down[s]
            work.down[s] = 0.0
            work.longest[s] = 0.0
        if work.losses[s] > 0:
            sums.count_bins[s, min(work.losses[s], COUNTS - 1)] += 1
            work.history_count[s] += work.losses[s]
            work.losses[s] = 0
        work.history_air[s] += work.air[s]
        work.air[s] = 0


@compiled
def _close_history(model: Model, work: Work, sums: Sums, from_h: float) -> None:
    now = work.f[NOW]
    for s in range(model.services if work.i[LOST_ANY] else 0):
        if (work.bits[0] >> np.uint64(s)) & np.uint64(1):
            work.history_air[s] += _began_counted(work, s) and now - work.begin[s] > model.buffer_h
            _note_lost(work, sums, s, now * (1 + 1e-12))
        d, n, air = work.history_down[s], float(work.history_count[s]), float(work.history_air[s])
        if d > 0 or n > 0 or air > 0:
            row = sums.service[s]
            row[S_DOWN] += d
            row[S_DOWN2] += d * d
            row[S_COUNT] += n
            row[S_COUNT2] += n * n
            row[S_DOWN_COUNT] += d * n
            row[S_AIR] += air
            row[S_AIR2] += air * air
            work.history_down[s], work.history_count[s], work.history_air[s] = 0.0, 0, 0
        if work.first[s] >= 0:
            sums.service[s, S_ANY] += 1
            sums.first_bins[s, _bin(work, max(work.first[s] - from_h, 1e-5))] += 1
            work.first[s] = -1.0
    work.reward[R_MOVES], work.reward[R_FAILED_MOVES] = work.i[MOVES], work.i[FAILED_MOVES]
    for r in range(REWARDS):
        x = work.reward[r]
        sums.reward[r, 0] += x
        sums.reward[r, 1] += x * x
    sums.histories[0] += 1


@compiled
def _forget(work: Work) -> None:
    """Drop what a history that is not ended has gathered."""
    work.down[:] = 0.0
    work.losses[:] = 0
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
    tables that do know, it goes on there. A scout (`SCOUTING`) leaves such a history and takes the next one, to find
    out what else is not known.
    """
    logs = len(work.log_t) > 0
    while work.i[HISTORY] < last:
        if work.i[STOPPED]:
            work.i[STOPPED] = 0
            code = settle(model, tables, work, sums)
        else:
            code = begin(model, tables, work, sums, seed, work.i[HISTORY], warm_up_h, warm_up_h + years * year_h)
        while code == DONE:
            if logs and work.i[LOG_KIND] >= 0:
                write_log(work)
            if work.bits[0] != work.bits[1]:
                _mark(model, work, sums)
            limit = warm_up_h + (work.i[YEAR] + 1) * year_h
            code = step(model, tables, work, sums, limit)
            if code == AT_LIMIT:
                work.i[LOG_KIND] = -1
                work.f[NOW] = limit
                account(model, tables, work, sums)
                if work.i[YEAR] < 0:
                    work.reward[:] = 0.0
                    work.i[MOVES], work.i[FAILED_MOVES] = 0, 0
                    work.i[COUNTED] = 1
                elif work.i[LOST_ANY]:
                    _close_year(model, work, sums)
                work.f[YEAR_START] = limit
                work.i[YEAR] += 1
                if work.i[YEAR] < years:
                    code = DONE
        if code != AT_LIMIT:
            if work.i[SCOUTING]:
                _forget(work)
                work.i[HISTORY] += 1
                continue
            work.i[STOPPED] = 1
            return code
        _close_history(model, work, sums, warm_up_h)
        work.i[HISTORY] += 1
    return DONE


def room(site: SiteModel, log: int = 0) -> Work:
    """Make the room in which histories run."""
    model = site.arrays
    parts = len(site.parts)
    words = max(1, (len(site.shared) + 63) // 64)
    clients = len(model.group)
    services = model.services
    controls = (len(site.conditions) + 63) // 64 + 1
    # each part, window, event and move has one entry that counts; ordered spares may be many
    heap = 256 + 6 * (parts + len(model.window_part) + len(model.shock_lasts) + model.moves) + 2000 * len(model.stock)
    elements = len(site.elements)
    floats = np.zeros(FLOATS)

    def ints(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.zeros(count, dtype=np.int64)

    def words_of(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
        return np.zeros(shape, dtype=np.uint64)

    return Work(
        rng=words_of(4), f=floats, f_bits=floats.view(np.int64), i=ints(INTS),
        state=np.zeros(parts, dtype=np.uint8),
        stamp=ints(parts), age=np.zeros(parts), since=np.zeros(parts), hit_by=ints(parts), mask=words_of(words),
        own=ints(max(clients, len(model.group_size))), hurt=ints(max(clients, 1)), hurt_at=ints(max(clients, 1)),
        heap_t=np.zeros(heap), heap_e=ints(heap), move_stamp=ints(model.moves), move_rate=np.zeros(model.moves),
        move_wait=np.zeros(model.moves),
        waiting=ints(2 * parts + 1), stock=model.stock.copy(), touched=ints(parts),
        touched_yet=np.zeros(parts, dtype=np.uint8), value=np.zeros(max(len(model.gate), 1), dtype=np.uint8),
        cond=words_of(controls), vector=words_of(max(1, (len(site.roots) + 63) // 64)),
        cache_key=words_of(_CACHE, words + 1), cache_pair=np.full(_CACHE, -1, dtype=np.int64), cache_mode=ints(_CACHE),
        bits=words_of(2), begin=np.zeros(services), down=np.zeros(services), losses=ints(services), air=ints(services),
        longest=np.zeros(services), first=np.full(services, -1.0), history_down=np.zeros(services),
        history_count=ints(services), history_air=ints(services), reward=np.zeros(REWARDS),
        load=np.zeros(elements), counted=np.zeros(elements), client_load=np.zeros(elements),
        wanted=words_of(_WANTED, words + 1),
        mode_time=np.zeros(_MODES), log_t=np.zeros(log), log_i=np.zeros((log, 6), dtype=np.int64),
        log_bits=words_of(log),
        log_mask=words_of(log, words),
    )  # fmt: skip


def empty_sums(site: SiteModel) -> Sums:
    """Sums of nothing."""
    services, clients = site.arrays.services, len(site.arrays.group)

    def bins(width: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        return np.zeros((services, width), dtype=np.int64)

    return Sums(
        histories=np.zeros(1, dtype=np.int64), service=np.zeros((services, SERVICE_COLUMNS)),
        reward=np.zeros((REWARDS, 2)), down_bins=bins(BINS), longest_bins=bins(BINS), length_bins=bins(BINS),
        first_bins=bins(BINS), count_bins=bins(COUNTS), cut_bins=np.zeros(BINS, dtype=np.int64),
        joint=np.zeros((clients + 1, clients + 1)),
        control=np.zeros(len(site.arrays.control_value)),
        element=np.zeros((len(site.elements), 2)), lost_at=bins(GRID + 2),
    )  # fmt: skip
