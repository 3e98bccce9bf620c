"""What is compiled in any case: sums over sets by order, minimal solutions, conjunctions within a width.

The arrays are those of `k2rel.logic.passes`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.loops.compiled import Compiled, compiled

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@compiled
def polynomials_up(
    leaf: IntArray,
    high: IntArray,
    low: IntArray,
    bounds: IntArray,
    roots: IntArray,
    factor: FloatArray,
    weight: IntArray,
    degree: int,
) -> FloatArray:
    """Sum over the sets of a zero-suppressed diagram by order: coefficient k belongs to sets of order k.

    `factor` and `weight` say what a variable multiplies with and how much it adds to the order; what passes
    `degree` is dropped.
    """
    modules = len(roots)
    count = len(factor)
    own = np.zeros((modules, degree + 1))
    value = np.zeros((len(leaf), degree + 1))
    value[1, 0] = 1.0
    for m in range(modules):
        for n in range(bounds[m], bounds[m + 1]):
            x, h, o = leaf[n], high[n], low[n]
            for d in range(degree + 1):
                value[n, d] += value[o, d]
            if x < count:
                for d in range(degree + 1 - weight[x]):
                    value[n, d + weight[x]] += factor[x] * value[h, d]
            else:
                for d in range(degree + 1):
                    if value[h, d] != 0.0:
                        for e in range(degree + 1 - d):
                            value[n, d + e] += own[x - count, e] * value[h, d]
        for d in range(degree + 1):
            own[m, d] = value[roots[m], d]
    result: FloatArray = own[modules - 1]
    return result


@compiled
def _slot(a: Any, b: Any, c: Any, mask: Any) -> Any:
    """Hash three numbers into a table."""
    h = (a * 0x9E3779B1 + b) * 0x85EBCA77 + c
    h ^= h >> 15
    h *= 0xC2B2AE3D
    h ^= h >> 29
    return h & mask


@compiled
def _make(level: Any, high: Any, low: Any, z: IntArray, table: IntArray, state: IntArray) -> Any:
    """Node (level, high, low) of the zero-suppressed diagram, made once; `state` counts nodes and overflow."""
    if high == 0:
        return low
    mask = len(table) - 1
    at = _slot(level, high, low, mask)
    while table[at] >= 0:
        n = table[at]
        if z[n, 0] == level and z[n, 1] == high and z[n, 2] == low:
            return n
        at = (at + 1) & mask
    if state[0] >= len(z):
        state[1] = 1
        return 0
    n = state[0]
    state[0] += 1
    z[n, 0] = level
    z[n, 1] = high
    z[n, 2] = low
    table[at] = n
    return n


@partial(Compiled, alone=True)
def _without(f: Any, g: Any, z: IntArray, table: IntArray, cache: IntArray, state: IntArray) -> Any:
    """Sets of f that contain no set of g."""
    while True:
        if f == 0 or g == 1 or f == g:
            return 0
        if g == 0:
            return f
        if z[f, 0] <= z[g, 0]:
            break
        g = z[g, 2]  # f does not have this variable, so sets with it are contained in none of f
    if state[1]:
        return 0
    at = _slot(f, g, 1, len(cache) - 1)
    if cache[at, 0] == f and cache[at, 1] == g:
        return cache[at, 2]
    high, low = z[f, 1], z[f, 2]
    if z[f, 0] == z[g, 0]:
        high = _without(_without(high, z[g, 1], z, table, cache, state), z[g, 2], z, table, cache, state)
        low = _without(low, z[g, 2], z, table, cache, state)
    else:
        high = _without(high, g, z, table, cache, state)
        low = _without(low, g, z, table, cache, state)
    result = _make(z[f, 0], high, low, z, table, state)
    cache[at, 0], cache[at, 1], cache[at, 2] = f, g, result
    return result


@compiled
def minimal_solutions(
    level: IntArray, high: IntArray, low: IntArray, root: int, weight: IntArray, budget: int, most: int
) -> tuple[IntArray, int]:
    """Minimal solutions of one module's decision diagram, as a zero-suppressed diagram.

    Nodes 0 and 1 of the input are false and true. With a `budget` of 0 or more, only solutions whose weights
    (by level) add up to no more are built. Returns (level, high, low) of the nodes made, successors first, and
    the root: -1 where `most` nodes do not suffice. A. Rauzy, Reliab. Eng. Syst. Saf. 40 (1993) 203.
    """
    size = 1 << 10
    while size < 2 * most:
        size *= 2
    z = np.empty((most, 3), dtype=np.int64)
    z[0] = len(weight), 0, 0
    z[1] = len(weight), 1, 1
    table = np.full(size, -1, dtype=np.int64)
    cache = np.full((size, 3), -1, dtype=np.int64)
    state = np.array([2, 0], dtype=np.int64)
    layers = 1 if budget < 0 else budget + 1
    known = np.zeros((layers, len(level)), dtype=np.int64)
    for k in range(layers):
        known[k, 1] = 1
        for n in range(2, len(level)):
            w = 0 if budget < 0 else weight[level[n]]
            one, none = 0, known[k, low[n]]
            if k >= w:
                one = _without(known[k - w, high[n]], known[k - w, low[n]], z, table, cache, state)
            known[k, n] = _make(level[n], one, none, z, table, state)
            if state[1]:
                return z[:2], -1
    return z[: state[0]], known[layers - 1, root]


@compiled
def conjunction_within(
    level_a: IntArray, high_a: IntArray, low_a: IntArray, root_a: int, value_a: FloatArray,
    level_b: IntArray, high_b: IntArray, low_b: IntArray, root_b: int, value_b: FloatArray,
    p: FloatArray, width: int, smallest: float, upper: bool,
) -> Any:  # fmt: skip
    """And of two diagrams, level by level from the top, with at most `width` pairs at a level.

    A pair of nodes that is reached with probability m becomes false at a cost of at most m min(a, b), or true,
    where an upper bound is wanted, at m min(1, 2 - a - b); pairs that cost less than `smallest`, and the least
    of those above `width`, do. Returns level, high, low and value of the nodes, successors first, the root, and
    how many pairs were decided this way.
    """
    levels = len(p)
    size = 1024
    table = np.full(4096, -1, dtype=np.int64)
    pair = np.empty((size, 5), dtype=np.int64)  # a, b, high, low, next at the same level
    mass = np.empty(size)
    head = np.full(levels, -1, dtype=np.int64)
    count = 0
    # a pair is written -1 - index while it is open; 0 and 1 are decided
    pair[0] = root_a, root_b, 0, 0, -1
    mass[0] = 1.0
    count = 1
    head[min(level_a[root_a], level_b[root_b])] = 0
    table[_slot(root_a, root_b, 0, len(table) - 1)] = 0
    constant = np.full(size, -1, dtype=np.int8)
    decided = 0
    for x in range(levels):
        members = 0
        at = head[x]
        while at >= 0:
            members += 1
            at = pair[at, 4]
        if members == 0:
            continue
        index = np.empty(members, dtype=np.int64)
        weight = np.empty(members)
        at, i = head[x], 0
        while at >= 0:
            a, b = value_a[pair[at, 0]], value_b[pair[at, 1]]
            index[i] = at
            weight[i] = mass[at] * (min(1.0, 2.0 - a - b) if upper else min(a, b))
            at, i = pair[at, 4], i + 1
        limit = smallest
        if members > width:
            limit = max(limit, np.partition(weight, members - width)[members - width])
        for i in range(members):
            at = index[i]
            if weight[i] < limit:
                constant[at] = 1 if upper else 0
                decided += 1
                continue
            for branch in range(2):
                a, b = pair[at, 0], pair[at, 1]
                if level_a[a] == x:
                    a = high_a[a] if branch == 0 else low_a[a]
                if level_b[b] == x:
                    b = high_b[b] if branch == 0 else low_b[b]
                if a == 0 or b == 0:
                    pair[at, 2 + branch] = 0
                    continue
                if a == 1 and b == 1:
                    pair[at, 2 + branch] = 1
                    continue
                share = mass[at] * (p[x] if branch == 0 else 1.0 - p[x])
                slot = _slot(a, b, 0, len(table) - 1)
                while table[slot] >= 0 and (pair[table[slot], 0] != a or pair[table[slot], 1] != b):
                    slot = (slot + 1) & (len(table) - 1)
                if table[slot] >= 0:
                    child = table[slot]
                    mass[child] += share
                else:
                    if count == len(mass):
                        more = np.empty((2 * count, 5), dtype=np.int64)
                        more[:count] = pair
                        pair = more
                        grown = np.empty(2 * count)
                        grown[:count] = mass
                        mass = grown
                        marks = np.full(2 * count, -1, dtype=np.int8)
                        marks[:count] = constant
                        constant = marks
                        table = np.full(8 * count, -1, dtype=np.int64)
                        for old in range(count):
                            slot = _slot(pair[old, 0], pair[old, 1], 0, len(table) - 1)
                            while table[slot] >= 0:
                                slot = (slot + 1) & (len(table) - 1)
                            table[slot] = old
                        slot = _slot(a, b, 0, len(table) - 1)
                        while table[slot] >= 0:
                            slot = (slot + 1) & (len(table) - 1)
                    child = count
                    count += 1
                    table[slot] = child
                    pair[child, 0], pair[child, 1] = a, b
                    mass[child] = share
                    down = min(level_a[a], level_b[b])
                    pair[child, 4] = head[down]
                    head[down] = child
                pair[at, 2 + branch] = -1 - child
    # from the bottom: decided and equal ones fall together
    level = np.empty(count + 2, dtype=np.int64)
    high = np.empty(count + 2, dtype=np.int64)
    low = np.empty(count + 2, dtype=np.int64)
    value = np.empty(count + 2)
    level[0] = level[1] = levels
    high[0] = low[0] = 0
    high[1] = low[1] = 1
    value[0], value[1] = 0.0, 1.0
    made = 2
    place = np.zeros(count, dtype=np.int64)
    cells = 1024
    while cells < 2 * count:
        cells *= 2
    table = np.full(cells, -1, dtype=np.int64)
    for x in range(levels - 1, -1, -1):
        at = head[x]
        while at >= 0:
            if constant[at] >= 0:
                place[at] = constant[at]
            else:
                h, o = pair[at, 2], pair[at, 3]
                h = h if h >= 0 else place[-1 - h]
                o = o if o >= 0 else place[-1 - o]
                if h == o:
                    place[at] = h
                else:
                    slot = _slot(x, h, o, cells - 1)
                    while table[slot] >= 0:
                        n = table[slot]
                        if level[n] == x and high[n] == h and low[n] == o:
                            break
                        slot = (slot + 1) & (cells - 1)
                    if table[slot] < 0:
                        table[slot] = made
                        level[made], high[made], low[made] = x, h, o
                        value[made] = p[x] * value[h] + (1.0 - p[x]) * value[o]
                        made += 1
                    place[at] = table[slot]
            at = pair[at, 4]
    return level[:made].copy(), high[:made].copy(), low[:made].copy(), value[:made].copy(), place[0], decided
