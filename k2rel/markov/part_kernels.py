"""The states of the parts of a site and the moves between them, compiled.

Parts that are not as good as new are *atoms*: numbers that say which population and which local state. A state of
the parts is the sorted list of its atoms, packed into one number with the place of the technician in the lowest
bit; members of a population are counted, not named.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from k2rel.loops.compiled import compiled

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@compiled
def slot(keys: IntArray, key: int) -> int:
    """Place of a key in an open table, or of the free entry where it belongs."""
    mask = len(keys) - 1
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    at = np.int64((h ^ (h >> np.uint64(29))) >> np.uint64(3)) & mask
    while keys[at] != -1 and keys[at] != key:
        at = (at + 1) & mask
    return int(at)


@compiled
def crew_ratio(jobs: int, more: int, crews: int) -> float:
    """How much longer a state lasts with more jobs than crews, as a product of shares."""
    ratio = 1.0
    for j in range(jobs + 1, jobs + more + 1):
        if j > crews:
            ratio *= j / crews
    return ratio


@compiled
def part_states(
    weight: FloatArray,
    speed_per_h: FloatArray,
    population: IntArray,
    size: IntArray,
    jobs: IntArray,
    crews: int,
    bits: int,
    deepest: int,
    below_per_h: float,
    most: int,
) -> tuple[IntArray, FloatArray]:
    """List all states of the parts that are entered at least `below_per_h` times an hour: packed atoms, and weights.

    How often a state is entered is its weight times the speed at which its fastest atom is left. Atoms come in
    falling order of weight, so a list is left as soon as one is too improbable. It stops after `most` states.
    """
    fastest = speed_per_h.max() if len(speed_per_h) else 0.0
    mask = (1 << bits) - 1
    keys = np.zeros(1024, dtype=np.int64)
    found = np.ones(1024)
    total = 1
    atoms = np.zeros(deepest + 1, dtype=np.int64)
    state = 0
    while state < total <= most:
        n = 0
        busy = 0
        speed = 0.0
        key = keys[state]
        while key:
            atoms[n] = key & mask
            busy += jobs[atoms[n] - 1]
            speed = max(speed, speed_per_h[atoms[n] - 1])
            key >>= bits
            n += 1
        if n < deepest:
            for a in range(atoms[n - 1] if n else 1, len(weight) + 1):
                p = population[a - 1]
                if found[state] * weight[a - 1] * size[p] * (busy + 2.0) * fastest < below_per_h:
                    break
                used, same = 0, 0
                for k in range(n):
                    if population[atoms[k] - 1] == p:
                        used += 1
                    if atoms[k] == a:
                        same += 1
                ratio = crew_ratio(busy, jobs[a - 1], crews)
                here = found[state] * weight[a - 1] * (size[p] - used) / (same + 1.0) * ratio
                if here * fastest < below_per_h:
                    continue
                if total == len(keys):
                    keys = np.concatenate((keys, np.zeros(total, dtype=np.int64)))
                    found = np.concatenate((found, np.ones(total)))
                keys[total] = keys[state] | (a << (bits * n))
                found[total] = here
                total += 1
        state += 1
    # states that may lead to one that is entered often enough were needed in between
    kept = 0
    for state in range(total):
        speed = fastest if keys[state] == 0 else 0.0
        key = keys[state]
        while key:
            speed = max(speed, speed_per_h[(key & mask) - 1])
            key >>= bits
        if found[state] * speed >= below_per_h or state == 0:
            keys[kept], found[kept] = keys[state], found[state]
            kept += 1
    return keys[:kept].copy(), found[:kept].copy()


@compiled
def table_of(keys: IntArray) -> tuple[IntArray, IntArray]:
    """An open table from keys to their places."""
    width = 16
    while width < 3 * len(keys):
        width *= 2
    table = np.full(width, -1, dtype=np.int64)
    place = np.zeros(width, dtype=np.int64)
    for i in range(len(keys)):
        at = slot(table, keys[i])
        table[at], place[at] = keys[i], i
    return table, place


@compiled
def part_moves(
    keys: IntArray,
    weight_of: FloatArray,
    weight: FloatArray,
    fastest_per_h: float,
    below_per_h: float,
    bits: int,
    deepest: int,
    population: IntArray,
    size: IntArray,
    jobs: IntArray,
    atom_start: IntArray,
    atom_to: IntArray,
    atom_rate: FloatArray,
    atom_class: IntArray,
    new_start: IntArray,
    new_to: IntArray,
    new_rate: FloatArray,
    new_hours: FloatArray,
    classes: int,
    crews: int,
    travel_per_h: float,
) -> tuple[IntArray, IntArray, FloatArray, IntArray, FloatArray, FloatArray, FloatArray]:
    """Transitions between states of the parts: where each begins, target, rate, which move; rates of leaving.

    The last two: rate out of the list, and the same times the hours of repair that the part which fails will need.

    Moves are numbered: those of atoms, then those of new parts; -1 is a technician's arrival.
    Moves of an atom with class -1 need no crew; the others share the crews, lower classes first, evenly within one.
    `weight_of` the states and of atoms say which states are too improbable to be in the list.
    """
    table, place = table_of(keys)
    start = np.zeros(len(keys) + 1, dtype=np.int64)
    target = np.empty(4 * len(keys) + 64, dtype=np.int64)
    rates = np.empty(4 * len(keys) + 64)
    which = np.empty(4 * len(keys) + 64, dtype=np.int64)
    leave = np.zeros(len(keys))
    out = np.zeros(len(keys))
    out_work = np.zeros(len(keys))
    atoms = np.zeros(deepest + 1, dtype=np.int64)
    other = np.zeros(deepest + 1, dtype=np.int64)
    used = np.zeros(len(size), dtype=np.int64)
    asked = np.zeros(classes + 1, dtype=np.int64)
    share = np.ones(classes + 1)
    mask = (1 << bits) - 1
    edges = 0
    for i in range(len(keys)):
        onsite = keys[i] & 1
        key = keys[i] >> 1
        n = 0
        while key:
            atoms[n] = key & mask
            key >>= bits
            n += 1
        asked[:] = 0
        waiting = 0
        for k in range(n):
            used[population[atoms[k] - 1]] += 1
            for m in range(atom_start[atoms[k] - 1], atom_start[atoms[k]]):
                if atom_class[m] >= 0:
                    asked[atom_class[m]] += 1
                    waiting += 1
        left = float(crews)
        for c in range(classes):
            share[c] = 1.0 if asked[c] <= left else left / asked[c]
            left = max(0.0, left - asked[c])
        if travel_per_h > 0 and onsite == 0:
            share[:] = 0.0
        start[i] = edges
        # moves of atoms: equal atoms next to each other, once each with their number
        k = 0
        while k < n:
            a = atoms[k]
            many = 1
            while k + many < n and atoms[k + many] == a:
                many += 1
            for m in range(atom_start[a - 1], atom_start[a]):
                c = atom_class[m]
                rate = atom_rate[m] * many * (share[c] if c >= 0 else 1.0)
                if rate > 0.0:
                    leave[i] += rate
                    edges, target, rates, which = _add(
                        table, place, atoms, other, n, k, atom_to[m], bits, deepest, onsite, travel_per_h > 0, jobs,
                        rate, m, edges, target, rates, which, out, i,
                    )  # fmt: skip
            k += many
        for p in range(len(size)):
            free = size[p] - used[p]
            if free > 0:
                for m in range(new_start[p], new_start[p + 1]):
                    rate = new_rate[m] * free
                    leave[i] += rate
                    likely = weight_of[i] * weight[new_to[m] - 1] * free * fastest_per_h
                    if likely * crew_ratio(waiting, jobs[new_to[m] - 1], crews) < below_per_h:
                        out[i] += rate
                        out_work[i] += rate * new_hours[p]
                        continue
                    known = out[i]
                    edges, target, rates, which = _add(
                        table, place, atoms, other, n, -1, new_to[m], bits, deepest, onsite, travel_per_h > 0, jobs,
                        rate, len(atom_to) + m, edges, target, rates, which, out, i,
                    )  # fmt: skip
                    out_work[i] += (out[i] - known) * new_hours[p]
        if travel_per_h > 0 and onsite == 0 and waiting > 0:
            leave[i] += travel_per_h
            at = slot(table, keys[i] | 1)
            if table[at] == -1:
                out[i] += travel_per_h
            else:
                edges, target, rates, which = _put(edges, target, rates, which, place[at], travel_per_h, -1)
        for k in range(n):
            used[population[atoms[k] - 1]] = 0
    start[len(keys)] = edges
    return start, target[:edges].copy(), rates[:edges].copy(), which[:edges].copy(), leave, out, out_work


@compiled
def _put(
    edges: int, target: IntArray, rates: FloatArray, which: IntArray, to: int, rate: float, move: int
) -> tuple[int, IntArray, FloatArray, IntArray]:
    if edges == len(target):
        target = np.concatenate((target, np.empty(edges, dtype=np.int64)))
        rates = np.concatenate((rates, np.empty(edges)))
        which = np.concatenate((which, np.empty(edges, dtype=np.int64)))
    target[edges], rates[edges], which[edges] = to, rate, move
    return edges + 1, target, rates, which


@compiled
def _add(
    table: IntArray,
    place: IntArray,
    atoms: IntArray,
    other: IntArray,
    n: int,
    taken: int,
    new: int,
    bits: int,
    deepest: int,
    onsite: int,
    travels: bool,
    jobs: IntArray,
    rate: float,
    move: int,
    edges: int,
    target: IntArray,
    rates: FloatArray,
    which: IntArray,
    out: FloatArray,
    i: int,
) -> tuple[int, IntArray, FloatArray, IntArray]:
    """Add the transition that replaces one atom (`taken`, or none) by another (`new`, 0 for none)."""
    count = 0
    waiting = 0
    placed = new == 0
    for k in range(n):
        if k == taken:
            continue
        if not placed and atoms[k] >= new:
            other[count] = new
            count += 1
            placed = True
        other[count] = atoms[k]
        count += 1
    if not placed:
        other[count] = new
        count += 1
    if count > deepest:
        out[i] += rate
        return edges, target, rates, which
    key = 0
    for k in range(count - 1, -1, -1):
        key = (key << bits) | other[k]
        waiting += jobs[other[k] - 1]
    key = (key << 1) | (onsite if travels and waiting > 0 else 0)
    at = slot(table, key)
    if table[at] == -1:
        out[i] += rate
        return edges, target, rates, which
    return _put(edges, target, rates, which, place[at], rate, move)
