"""What flows do in a mode, given the clients' own parts: who has a route, where the load is, what is overloaded.

A flow is *up* while it has a route. It is *whole* while none of its routes crosses an element that the foreground
overloads; where each route carries a copy, one such route is enough. Of what it asks a flow of the foreground gets the
smallest ratio of capacity to the foreground's load over the elements of a route; the background gets what is left.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from k2rel.loops.compiled import compiled
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.draws import copied
from k2rel.simulation.kernel.records import Model, Sums, Tables, Work

__all__: list[str] = []


@compiled
def _pattern(model: Model, tables: Tables, m: int, t: int, g: int, own: int) -> Any:
    """What a client of a group does; of a site-wide flow, what that does."""
    if t >= model.classes:
        return tables.site_taken[m, t - model.classes]
    return np.int64(tables.taken[tables.situation[m, t * len(model.group_size) + g], own])


@compiled
def _add(model: Model, tables: Tables, work: Work, t: int, pattern: int, flows: int) -> None:
    """Let so many flows of a class do as a pattern says; a negative number takes them away."""
    if pattern < 0:
        return
    work.up[t] += flows
    foreground = model.foreground[t]
    for e in range(len(model.capacity)):
        load = flows * tables.pattern_load[pattern, e]
        work.load[e] += load
        if foreground:
            work.foreground[e] += load
    if t == 0 and model.classes:
        several = len(work.share)
        where = -1
        for side in range(several):
            part = tables.pattern_share[pattern, side]
            work.share[side] += flows * part
            if part > 0:
                where = side if where < 0 else several
        if where >= 0:
            work.on[where] += flows


@compiled
def _whole(model: Model, tables: Tables, work: Work, t: int, pattern: int) -> bool:
    """Whether a flow that is up gets all that it asks for."""
    copies = model.copies[t]
    for route in range(tables.route_at[pattern], tables.route_at[pattern + 1]):
        hurt = False
        for k in range(tables.crossed_at[route], tables.crossed_at[route + 1]):
            e = tables.crossed[k]
            hurt |= work.foreground[e] > model.limit[e]
        if copies and not hurt:
            return True
        if hurt and not copies:
            return False
    return not copies


@compiled
def _arrives(model: Model, tables: Tables, work: Work, t: int, pattern: int) -> float:
    """Share of what a flow asks for that arrives."""
    total = 0.0
    for route in range(tables.route_at[pattern], tables.route_at[pattern + 1]):
        least = 1.0
        for k in range(tables.crossed_at[route], tables.crossed_at[route + 1]):
            e = tables.crossed[k]
            room, wanted = model.capacity[e], work.foreground[e]
            if not model.foreground[t]:
                room, wanted = max(room - wanted, 0.0), work.load[e] - wanted
            if wanted > room:
                least = min(least, room / wanted)
        share = tables.route_share[route] * least
        total = max(total, share) if model.copies[t] else total + share
    return total


@compiled
def _flows_whole(model: Model, tables: Tables, work: Work, m: int, t: int) -> bool:
    """Whether every flow of a class is whole, where all are up and an element is overloaded."""
    if t >= model.classes:
        return bool(_whole(model, tables, work, t, _pattern(model, tables, m, t, 0, 0)))
    for g in range(len(model.group_size)):
        good = model.group_size[g]
        for k in range(work.i[records.HURT]):
            client = work.hurt[k]
            if model.group[client] == g:
                good -= 1
                if not _whole(model, tables, work, t, _pattern(model, tables, m, t, g, work.own[client])):
                    return False
        if good > 0 and not _whole(model, tables, work, t, _pattern(model, tables, m, t, g, 0)):
            return False
    return True


@compiled
def _flows_given(model: Model, tables: Tables, work: Work, m: int, t: int) -> float:
    """What arrives of all flows of a class, in demands of one."""
    if t >= model.classes:
        pattern = _pattern(model, tables, m, t, 0, 0)
        return float(_arrives(model, tables, work, t, pattern)) if pattern >= 0 else 0.0
    total = 0.0
    for g in range(len(model.group_size)):
        good = model.group_size[g]
        for k in range(work.i[records.HURT]):
            client = work.hurt[k]
            if model.group[client] == g:
                good -= 1
                pattern = _pattern(model, tables, m, t, g, work.own[client])
                if pattern >= 0:
                    total += _arrives(model, tables, work, t, pattern)
        pattern = _pattern(model, tables, m, t, g, 0)
        if pattern >= 0:
            total += good * _arrives(model, tables, work, t, pattern)
    return total


@compiled
def _judge(model: Model, tables: Tables, work: Work, m: int) -> None:
    """Say from the loads, and from how many flows are up, which services are down and what arrives."""
    groups = len(model.group_size)
    one = np.uint64(1)
    bits = tables.site_bits[m]
    for c in range(model.classes):
        if work.up[c] < len(model.group):
            bits |= one << np.uint64(model.all_of[c])
            for g in range(groups):
                if model.one_of[c, g] >= 0 and _pattern(model, tables, m, c, g, work.own[model.first_of[g]]) < 0:
                    bits |= one << np.uint64(model.one_of[c, g])
    cut = len(model.group) - work.up[0] if model.classes else 0
    for k in range(len(model.lost_k)):
        if cut >= model.lost_k[k]:
            bits |= one << np.uint64(model.lost_service[k])
    over = short = short_after = False  # above the limit; less than asked for, of the foreground and of the rest
    for e in range(len(model.capacity)):
        over |= work.foreground[e] > model.limit[e]
        short |= work.foreground[e] > model.capacity[e]
        short_after |= work.load[e] > model.capacity[e]
    full, lacks = True, False
    for t in range(len(work.up)):
        flows = len(model.group) if t < model.classes else 1
        if full and model.asked[t]:
            full = work.up[t] == flows and (not over or _flows_whole(model, tables, work, m, t))
        less = short if model.foreground[t] else short_after
        given = _flows_given(model, tables, work, m, t) if less else float(work.up[t])
        work.missing[t] = flows - given
        lacks |= given < flows
    if model.full_service >= 0 and not full:
        bits |= one << np.uint64(model.full_service)
    work.bits[0] = bits
    work.i[records.CUT], work.i[records.OVER], work.i[records.LACKS] = cut, over, lacks


@compiled
def serve(model: Model, tables: Tables, work: Work) -> None:
    """Say which services are down, and where the clients are, for a mode and the clients' own parts."""
    m = work.i[records.MODE]
    hurt = work.i[records.HURT]
    for k in range(len(work.on)):
        work.on[k] = tables.base_on[m, k]
    for side in range(len(work.share)):
        work.share[side] = tables.base_share[m, side]
    if hurt == 0:
        work.bits[0] = tables.base_bits[m]
        work.i[records.CUT] = len(model.group) - tables.base_up[m, 0] if model.classes else 0
        work.i[records.OVER] = tables.base_over[m]
        work.i[records.LACKS] = tables.base_lacks[m]
        if tables.base_lacks[m]:
            for t in range(len(work.missing)):
                work.missing[t] = tables.base_missing[m, t]
        return
    groups = len(model.group_size)
    for e in range(len(model.capacity)):
        work.load[e], work.foreground[e] = tables.base_load[m, e], tables.base_foreground[m, e]
    for t in range(len(work.up)):
        work.up[t] = tables.base_up[m, t]
    for c in range(model.classes):
        for k in range(hurt):
            client = work.hurt[k]
            row = tables.situation[m, c * groups + model.group[client]]
            before, after = tables.taken[row, 0], tables.taken[row, work.own[client]]
            if before != after:
                _add(model, tables, work, c, int(before), -1)
                _add(model, tables, work, c, int(after), 1)
    _judge(model, tables, work, m)


@compiled
def fill_modes(model: Model, tables: Tables, work: Work) -> None:
    """Fill in what modes mean while every client's own parts are good."""
    for m in range(len(tables.site_bits)):
        work.load[:] = 0.0
        work.foreground[:] = 0.0
        work.up[:] = 0
        work.on[:] = 0
        work.share[:] = 0.0
        for t in range(len(work.up)):
            if t < model.classes:
                for g in range(len(model.group_size)):
                    _add(model, tables, work, t, _pattern(model, tables, m, t, g, 0), model.group_size[g])
            else:
                _add(model, tables, work, t, _pattern(model, tables, m, t, 0, 0), 1)
        _judge(model, tables, work, m)
        tables.base_bits[m] = work.bits[0]
        copied(tables.base_up[m], work.up)
        copied(tables.base_on[m], work.on)
        copied(tables.base_share[m], work.share)
        tables.base_over[m] = work.i[records.OVER]
        copied(tables.base_missing[m], work.missing)
        tables.base_lacks[m] = work.i[records.LACKS]
        copied(tables.base_load[m], work.load)
        copied(tables.base_foreground[m], work.foreground)


@compiled
def _key(work: Work, word: int) -> Any:
    """One word of the numbers of clients on the sides; the 1 before them tells it from an empty slot."""
    key = np.uint64(1)
    for k in range(word * records.PLACE_NUMBERS, (word + 1) * records.PLACE_NUMBERS):
        number = work.on[k] if k < len(work.on) else 0
        key = (key << np.uint64(records.PLACE_BITS)) | np.uint64(number)
    return key


@compiled
def note_place(work: Work, sums: Sums, dt: float) -> None:
    """Add time to the present numbers of clients on the sides; `settle` sees to it that there is room."""
    words = sums.place.shape[1]
    mixed = np.uint64(0)
    for word in range(words):
        mixed = (mixed ^ _key(work, word)) * np.uint64(0x9E3779B97F4A7C15)
    last = len(sums.place) - 1
    slot = np.int64((mixed >> np.uint64(40)) & np.uint64(last))
    while True:
        if sums.place[slot, 0] == 0:
            for word in range(words):
                sums.place[slot, word] = _key(work, word)
            sums.places[0] += 1
            break
        same = True
        for word in range(words):
            same &= sums.place[slot, word] == _key(work, word)
        if same:
            break
        slot = (slot + 1) & last
    sums.joint[slot, 0] += dt
    for side in range(len(work.share)):
        sums.joint[slot, 1 + side] += dt * work.share[side]
