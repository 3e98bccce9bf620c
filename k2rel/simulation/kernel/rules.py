"""What follows from an event for roles, services and loads: the compiled policy, looked up.

The gates of the policy's own structure functions are evaluated for the parts that are down and the control state;
what their values mean stands in `Tables`, made in `k2rel.simulation.outcomes`. A state that was met before is found
in a cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from k2rel.loops.compiled import compiled
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.draws import copied, uniform
from k2rel.simulation.kernel.events import candidate, happen, law, push
from k2rel.simulation.kernel.gates import AND, AT_LEAST, CONSTANT, CONTROLLED, NOT, OR, SHARED, XOR
from k2rel.simulation.kernel.layout import B1, I1, W1, W2
from k2rel.simulation.kernel.records import Model, Sums, Tables, Work
from k2rel.simulation.kernel.serving import note_place, serve

__all__: list[str] = []


@compiled
def evaluate(model: Model, work: Work) -> None:
    """Evaluate every gate for the parts that are down and the control state."""
    control = work.i[records.CONTROL]
    for g in range(len(model.gate)):
        kind, at, n = model.gate[g], model.gate_at[g], model.gate_n[g]
        if kind == CONSTANT:
            x = n
        elif kind == SHARED:
            x = 1 - np.int64((work.mask[at >> 6] >> np.uint64(at & 63)) & np.uint64(1))
        elif kind == CONTROLLED:
            x = np.int64(model.control_value[control, at])
        elif kind == NOT:
            x = np.int64(1 - work.value[model.argument[at]])
        elif kind == AND:
            x = 1
            for k in range(at, at + n):
                x &= work.value[model.argument[k]]
        elif kind == OR:
            x = 0
            for k in range(at, at + n):
                x |= work.value[model.argument[k]]
        elif kind == XOR:
            x = 0
            for k in range(at, at + n):
                x ^= work.value[model.argument[k]]
        elif kind == AT_LEAST:
            x = 0
            for k in range(at, at + n):
                x += work.value[model.argument[k]]
            x = 1 if x >= model.gate_k[g] else 0
        else:
            x = np.int64(work.value[model.argument[at + 1 if work.value[model.argument[at]] else at + 2]])
        work.value[g] = x


@compiled
def _mixed(h: Any, x: Any) -> Any:
    h = (h ^ x) * np.uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> np.uint64(29))


@compiled
def _slot(key: W1, slots: int) -> Any:
    """Where a key is first looked for in a table with open addressing."""
    h = np.uint64(0)
    for w in range(len(key)):
        h = _mixed(h, key[w])
    return np.int64(h & np.uint64(slots))


@compiled
def fill(table: W2, ids: I1, keys: W2) -> None:
    """Put keys into a table, as `_find` looks them up."""
    slots = len(ids) - 1
    for n in range(len(keys)):
        slot = _slot(keys[n], slots)
        while ids[slot] >= 0:
            slot = (slot + 1) & slots
        ids[slot] = n
        copied(table[slot], keys[n])


@compiled
def _find(keys: W2, ids: I1, wanted: W1) -> int:
    """Look a key up in a table with open addressing; -1 where it is not there."""
    slots = len(ids) - 1
    slot = _slot(wanted, slots)
    while ids[slot] >= 0:
        same = True
        for w in range(len(wanted)):
            same = same and keys[slot, w] == wanted[w]
        if same:
            return int(ids[slot])
        slot = (slot + 1) & slots
    return -1


@compiled
def _gather(roots: I1, value: B1, words: W1) -> None:
    words[:] = np.uint64(0)
    for r in range(len(roots)):
        words[r >> 6] |= np.uint64(value[roots[r]]) << np.uint64(r & 63)


@compiled
def look_up(model: Model, tables: Tables, work: Work) -> bool:
    """Find what the rules say of the present state; False, with the state noted, where the tables do not know."""
    words = len(work.mask)
    control = np.uint64(work.i[records.CONTROL])
    h = _mixed(np.uint64(0x1234567), control)
    for w in range(words):
        h = _mixed(h, work.mask[w])
    slot = np.int64(h & np.uint64(len(work.cache_pair) - 1))
    same = work.cache_pair[slot] >= 0 and work.cache_key[slot, words] == control
    for w in range(words):
        same = same and work.cache_key[slot, w] == work.mask[w]
    if not same:
        evaluate(model, work)
        _gather(model.conditions, work.value, work.cond[:-1])
        work.cond[-1] = control
        _gather(model.deciding, work.value, work.vector)
        pair = _find(tables.pair_key, tables.pair_id, work.cond)
        mode = _find(tables.mode_key, tables.mode_id, work.vector)
        if pair < 0 or mode < 0:
            n = work.i[records.WANTED]
            if n < len(work.wanted):
                for w in range(words):
                    work.wanted[n, w] = work.mask[w]
                work.wanted[n, words] = control
                work.i[records.WANTED] = n + 1
            return False
        work.cache_pair[slot], work.cache_mode[slot] = pair, mode
        for w in range(words):
            work.cache_key[slot, w] = work.mask[w]
        work.cache_key[slot, words] = control
    work.i[records.PAIR], work.i[records.MODE] = work.cache_pair[slot], work.cache_mode[slot]
    return True


@compiled
def _clocks(model: Model, tables: Tables, work: Work) -> None:
    """Start and stop the clocks of what happens to roles in time; one that goes on is left alone."""
    for e in range(model.moves):
        rate = tables.move_rate[work.i[records.PAIR], e]
        if model.moves_by_calendar[e]:
            rate = 0.0
        if rate == work.move_rate[e]:
            continue
        work.move_rate[e] = rate
        work.move_stamp[e] += 1
        if rate > 0:
            wait = work.move_wait[e]
            work.move_wait[e] = 0.0
            if wait <= 0.0:
                wait = law(model, work, model.move_law[e], 0.0) / rate
            push(work, work.f[records.NOW] + wait, records.TAKEOVER, e, work.move_stamp[e])


@compiled
def account(model: Model, tables: Tables, work: Work, sums: Sums) -> None:
    """Add the time since the last change to what stood until now."""
    dt = work.f[records.NOW] - work.f[records.SINCE]
    work.f[records.SINCE] = work.f[records.NOW]
    for k in range(len(work.on)):
        work.on_h[k] += dt * work.on[k]
    work.reward[records.R_CUT] += dt * work.i[records.CUT]
    work.reward[records.R_OVER] += dt * work.i[records.OVER]
    if work.i[records.LACKS]:
        for t in range(len(work.missing)):
            work.missing_h[t] += dt * work.missing[t]
    if work.i[records.COUNTED]:
        note_place(work, sums, dt)
        sums.control[work.i[records.SHOWN_CONTROL]] += dt
        mode = work.i[records.SHOWN_MODE]
        if work.i[records.SHOWN_HURT]:
            for e in range(len(model.capacity)):
                sums.element[e, 0] += dt * work.load[e]
                sums.element[e, 1] += dt * (work.load[e] > model.limit[e])
        elif mode < len(work.mode_time):
            work.mode_time[mode] += dt
        else:
            for e in range(len(model.capacity)):
                sums.element[e, 0] += dt * tables.base_load[mode, e]
                sums.element[e, 1] += dt * (tables.base_load[mode, e] > model.limit[e])
    work.i[records.SHOWN_MODE], work.i[records.SHOWN_CONTROL] = work.i[records.MODE], work.i[records.CONTROL]
    work.i[records.SHOWN_HURT] = work.i[records.HURT]


@compiled
def settle(model: Model, tables: Tables, work: Work, sums: Sums) -> int:
    """Follow the rules until nothing more happens at once; then find services and loads."""
    work.i[records.CHANGED] = 0
    if 2 * sums.places[0] >= len(sums.place):
        return records.CROWDED
    for _ in range(10):
        if not look_up(model, tables, work):
            return records.UNKNOWN
        pair, control = work.i[records.PAIR], work.i[records.CONTROL]
        if tables.settled[pair] == control and tables.failed[pair] == control:
            _clocks(model, tables, work)
            account(model, tables, work, sums)
            serve(model, tables, work)
            return records.DONE
        good = tables.coverage[pair] >= 1.0 or uniform(work.rng) <= tables.coverage[pair]
        work.i[records.CONTROL] = tables.settled[pair] if good else tables.failed[pair]
        if tables.begins[pair] & 1:
            work.i[records.MOVES] += good
            work.i[records.FAILED_MOVES] += not good
        work.reward[records.R_GIVEN_BACK] += tables.begins[pair] >> 1
        split = tables.split[work.i[records.CONTROL]]
        work.reward[records.R_SPLITS] += max(np.int64(split) - np.int64(tables.split[control]), 0)
    return records.LOCKED


@compiled
def write_log(work: Work) -> None:
    """Note an event, where a log is kept."""
    n = work.i[records.LOGGED]
    if n < len(work.log_t):
        work.log_t[n] = work.f[records.NOW]
        work.log_i[n, 0], work.log_i[n, 1] = work.i[records.LOG_KIND], work.i[records.LOG_ITEM]
        work.log_i[n, 2], work.log_i[n, 3] = work.i[records.CONTROL], work.i[records.MODE]
        copied(work.log_i[n, records.LOG_PLACES :], work.on)
        work.log_bits[n] = work.bits[0]
        copied(work.log_mask[n], work.mask)
        work.i[records.LOGGED] = n + 1


@compiled
def step(model: Model, tables: Tables, work: Work, sums: Sums, limit: float) -> int:
    """Let the next thing happen, unless it lies beyond a time; services and loads are left as they follow."""
    first = work.heap_t[0] if work.i[records.HEAP] else np.inf
    work.i[records.LOG_KIND] = -1
    if first > limit and work.f[records.NEXT_FAILURE] > limit:
        return records.AT_LIMIT
    if first <= work.f[records.NEXT_FAILURE]:
        happen(model, tables, work)
    else:
        candidate(model, work)
    if work.i[records.HEAP] >= len(work.heap_t) - 4:
        return records.FULL
    work.reward[records.R_EVENTS] += work.i[records.LOG_KIND] >= 0
    if work.i[records.CHANGED]:
        return settle(model, tables, work, sums)
    return records.DONE
