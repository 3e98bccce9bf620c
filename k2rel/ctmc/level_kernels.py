"""The loops of corrections over a hierarchy of chains, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from k2rel.loops.compiled import compiled

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Index = NDArray[np.int32]

_PARTED = 1e-280


@compiled
def relax(
    start: Index, other: Index, rate: FloatArray, leave: FloatArray, e: FloatArray, r: FloatArray, step: int
) -> None:
    """One Gauss-Seidel sweep of leave . e = r + rates . e, first or last state first."""
    n = len(e)
    i = 0 if step > 0 else n - 1
    for _ in range(n):
        total = r[i]
        for t in range(start[i], start[i + 1]):
            total += rate[t] * e[other[t]]
        e[i] = total / leave[i]
        i += step


@compiled
def balance(start: Index, source: Index, rate: FloatArray, leave: FloatArray, x: FloatArray, step: int) -> None:
    """One Gauss-Seidel sweep of leave . x = rates . x, first or last state first."""
    n = len(x)
    i = 0 if step > 0 else n - 1
    for _ in range(n):
        total = 0.0
        for t in range(start[i], start[i + 1]):
            total += rate[t] * x[source[t]]
        x[i] = total / leave[i]
        i += step


@compiled
def left_over(
    start: Index, source: Index, rate: FloatArray, leave: FloatArray, x: FloatArray, label: Index, groups: int
) -> tuple[FloatArray, FloatArray]:
    """Flow into each group less the flow out of it, and its probability."""
    left, weight = np.zeros(groups), np.zeros(groups)
    for i in range(len(x)):
        total = 0.0
        for t in range(start[i], start[i + 1]):
            total += rate[t] * x[source[t]]
        left[label[i]] += total - leave[i] * x[i]
        weight[label[i]] += x[i]
    return left, weight


@compiled
def scale(x: FloatArray, label: Index, coarse: FloatArray, weight: FloatArray) -> None:
    """Give to groups, or take from them, by the shares of their states; none becomes less than a tenth or ten times."""
    factor = np.ones(len(weight))
    for g in range(len(weight)):
        if weight[g] > 0.0:
            factor[g] = 1.0 + min(9.0, max(-0.9, coarse[g] / weight[g]))
    for i in range(len(x)):
        x[i] *= factor[label[i]]


@compiled
def restrict_flows(
    start: Index,
    source: Index,
    rate: FloatArray,
    leave: FloatArray,
    e: FloatArray,
    r: FloatArray,
    label: Index,
    groups: int,
) -> FloatArray:
    """What is left of r, added up over groups."""
    left = np.zeros(groups)
    for i in range(len(e)):
        total = r[i]
        for t in range(start[i], start[i + 1]):
            total += rate[t] * e[source[t]]
        left[label[i]] += total - leave[i] * e[i]
    return left


@compiled
def restrict_times(
    start: Index, target: Index, rate: FloatArray, leave: FloatArray, e: FloatArray, r: FloatArray, share: FloatArray,
    label: Index, groups: int,
) -> FloatArray:  # fmt: skip
    """What is left of r, the mean over groups."""
    left = np.zeros(groups)
    for i in range(len(e)):
        total = r[i]
        for t in range(start[i], start[i + 1]):
            total += rate[t] * e[target[t]]
        left[label[i]] += share[i] * (total - leave[i] * e[i])
    return left


@compiled
def spread_flows(e: FloatArray, share: FloatArray, label: Index, coarse: FloatArray) -> None:
    """Add what groups are given, by the shares of their states."""
    for i in range(len(e)):
        e[i] += share[i] * coarse[label[i]]


@compiled
def spread_times(e: FloatArray, label: Index, coarse: FloatArray) -> None:
    """Add what groups are given to each of their states."""
    for i in range(len(e)):
        e[i] += coarse[label[i]]


@compiled
def shared(x: FloatArray, label: Index, groups: int) -> tuple[FloatArray, FloatArray]:
    """Shares of states in their groups, alike where a group's probability is too small to be parted, and its own."""
    weight = np.zeros(groups)
    count = np.zeros(groups)
    for i in range(len(x)):
        weight[label[i]] += x[i]
        count[label[i]] += 1.0
    share = np.empty(len(x))
    for i in range(len(x)):
        g = label[i]
        share[i] = x[i] / weight[g] if weight[g] > _PARTED else 1.0 / count[g]
    return share, weight


@compiled
def between(
    start: Index, source: Index, rate: FloatArray, label: Index, order: IntArray, groups: int, share: FloatArray
) -> tuple[Index, Index, FloatArray, FloatArray]:
    """Rates between groups, by the group that they lead to, and the rate at which each is left."""
    begin = np.zeros(groups + 1, dtype=np.int32)
    place = np.full(groups, -1, dtype=np.int64)
    leave = np.zeros(groups)
    room = max(1024, len(rate) // 4)
    other, data = np.empty(room, dtype=np.int32), np.empty(room)
    edges, group = 0, 0
    for j in order:
        while label[j] != group:
            group += 1
            begin[group] = edges
        if edges + start[j + 1] - start[j] > room:
            room += room // 2 + start[j + 1] - start[j]
            more, values = np.empty(room, dtype=np.int32), np.empty(room)
            more[:edges] = other[:edges]
            values[:edges] = data[:edges]
            other, data = more, values
        for t in range(start[j], start[j + 1]):
            g = label[source[t]]
            flow = share[source[t]] * rate[t]
            if g == group or flow == 0.0:
                continue
            if place[g] < begin[group]:
                place[g] = edges
                other[edges], data[edges] = g, flow
                edges += 1
            else:
                data[place[g]] += flow
            leave[g] += flow
    begin[groups] = edges
    return begin, other[:edges].copy(), data[:edges].copy(), leave


@compiled
def grouped(
    start: Index, target: Index, rate: FloatArray, begin: Index, source: Index, coming: FloatArray, leave: FloatArray,
    strong: float,
) -> tuple[Index, int]:  # fmt: skip
    """Group of each state: pairs of states that communicate most, and those whose best neighbour is in a pair."""
    n = len(leave)
    label = np.full(n, -1, dtype=np.int32)
    core = np.zeros(n, dtype=np.bool_)
    groups = 0
    for i in range(n):
        if label[i] >= 0:
            continue
        most = 0.0
        best, best_free, free, joined = 0.0, 0.0, -1, -1
        for t in range(start[i], start[i + 1]):
            j, s = int(target[t]), rate[t] / leave[i]
            most = max(most, s)
            if label[j] < 0:
                if s > best_free:
                    best_free, free = s, j
            elif core[j] and s > best:
                best, joined = s, j
        for t in range(begin[i], begin[i + 1]):
            j, s = int(source[t]), coming[t] / leave[source[t]]
            most = max(most, s)
            if label[j] < 0:
                if s > best_free:
                    best_free, free = s, j
            elif core[j] and s > best:
                best, joined = s, j
        if joined >= 0 and best >= strong * most and (free < 0 or best_free < best):
            label[i] = label[joined]
        elif free >= 0 and best_free >= strong * most:
            label[i] = label[free] = groups
            core[i] = core[free] = True
            groups += 1
        else:
            label[i] = groups
            core[i] = True
            groups += 1
    return label, groups


@compiled
def missing(start: Index, target: Index, rate: FloatArray, leave: FloatArray, value: FloatArray, i: int) -> float:
    """How far values in a state and after it are from 1 + rates . value <= leave . value, rounding counted in."""
    total = 0.0
    for t in range(start[i], start[i + 1]):
        total += rate[t] * value[target[t]]
    leaving = leave[i] * value[i]
    return float(1.0 + total - leaving + 1e-14 * abs(leaving))


@compiled
def short_of(
    start: Index,
    target: Index,
    rate: FloatArray,
    leave: FloatArray,
    value: FloatArray,
    anchor: int,
    x: FloatArray,
    most: float,
) -> float:
    """Probability of the states, except for one, in which more is missing than may be."""
    total = 0.0
    for i in range(len(value)):
        if i != anchor and not missing(start, target, rate, leave, value, i) <= most:
            total += x[i]
    return total


@compiled
def raised(
    start: Index, target: Index, rate: FloatArray, begin: Index, source: Index, leave: FloatArray, value: FloatArray,
    anchor: int, gain: FloatArray, most: float, steps: int,
) -> bool:  # fmt: skip
    """Raise values where more is missing than may be, and then in the states before these, until it is so nowhere.

    What one state is given the states before it lack, as the chain would bring it back in time: towards likely states,
    in each of which it is less. Whether that came to its end within so many steps.
    """
    n = len(value)
    queue, waiting = np.empty(n, dtype=np.int32), np.zeros(n, dtype=np.bool_)
    first, count = 0, 0
    for i in range(n):
        if i != anchor and not missing(start, target, rate, leave, value, i) <= most:
            queue[count] = i
            waiting[i] = True
            count += 1
    for _ in range(steps):
        if count == 0:
            return True
        i = queue[first]
        first = (first + 1) % n
        count -= 1
        waiting[i] = False
        if missing(start, target, rate, leave, value, i) <= most:
            continue
        total = gain[i]
        for t in range(start[i], start[i + 1]):
            total += rate[t] * value[target[t]]
        value[i] = total / leave[i] * (1.0 + 2e-14)
        for t in range(begin[i], begin[i + 1]):
            j = source[t]
            if j != anchor and not waiting[j]:
                queue[(first + count) % n] = j
                waiting[j] = True
                count += 1
    return count == 0
