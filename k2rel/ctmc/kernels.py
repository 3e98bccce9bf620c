"""The loops over a chain's transitions, compiled."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from k2rel.loops.compiled import Compiled, compiled

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]


@compiled
def sweep(start: IntArray, source: IntArray, rate: FloatArray, leave: FloatArray, p: FloatArray, first: int) -> None:
    """One Gauss-Seidel sweep over the balance equations: flow into each state over the rate at which it is left."""
    for j in range(first, len(p)):
        flow = 0.0
        for k in range(start[j], start[j + 1]):
            flow += p[source[k]] * rate[k]
        p[j] = flow / leave[j]


@compiled
def scaled_change(x: FloatArray, y: FloatArray, total: float, change: FloatArray) -> float:
    """Scale y to the sum 1, write how it differs from x, and return the sum of the differences."""
    size = 0.0
    for i in range(len(x)):
        y[i] /= total
        change[i] = y[i] - x[i]
        size += abs(change[i])
    return size


@compiled
def flow_into(start: IntArray, source: IntArray, rate: FloatArray, p: FloatArray, flow: FloatArray) -> None:
    """Probability flow into every state."""
    for j in range(len(flow)):
        total = 0.0
        for k in range(start[j], start[j + 1]):
            total += p[source[k]] * rate[k]
        flow[j] = total


@compiled
def unbalanced(
    start: IntArray, source: IntArray, rate: FloatArray, leave: FloatArray, begin: IntArray, p: FloatArray,
    weight: FloatArray, rounded: float,
) -> float:  # fmt: skip
    """Sum over states of flow in less flow out, of either sign, times a weight; with what rounding may hide of it.

    Sums are rounded once for each transition into a state and out of it, and four times more.
    """
    result = 0.0
    for j in range(len(p)):
        flow = 0.0
        for k in range(start[j], start[j + 1]):
            flow += p[source[k]] * rate[k]
        out = leave[j] * p[j]
        count = start[j + 1] - start[j] + begin[j + 1] - begin[j] + 4
        result += (abs(flow - out) + rounded * count * out) * weight[j]
    return result * (1.0 + 2.0 * rounded * len(p))


@compiled
def hitting_sweep(
    start: IntArray,
    target: IntArray,
    rate: FloatArray,
    leave: FloatArray,
    gain: FloatArray,
    value: FloatArray,
) -> None:
    """One Gauss-Seidel sweep of value = (gain + rates . value) / leave; the first state has 0."""
    for i in range(1, len(value)):
        total = gain[i]
        for k in range(start[i], start[i + 1]):
            total += rate[k] * value[target[k]]
        value[i] = total / leave[i]


@compiled
def value_sweep(
    start: IntArray, target: IntArray, rate: FloatArray, leave: FloatArray, gain: FloatArray, value: FloatArray
) -> float:
    """One Gauss-Seidel sweep, last state first, of value = (gain + rates . value) / leave for several columns.

    Returns the largest relative change of the largest value of a column.
    """
    columns = value.shape[1]
    total = np.empty(columns)
    before = np.zeros(columns)
    after = np.zeros(columns)
    for i in range(len(value) - 1, -1, -1):
        for c in range(columns):
            total[c] = gain[i, c]
        for k in range(start[i], start[i + 1]):
            for c in range(columns):
                total[c] += rate[k] * value[target[k], c]
        for c in range(columns):
            before[c] = max(before[c], value[i, c])
            value[i, c] = total[c] / leave[i]
            after[c] = max(after[c], value[i, c])
    most = 0.0
    for c in range(columns):
        if after[c] > 0:
            most = max(most, (after[c] - before[c]) / after[c])
    return most


@compiled
def steps_before(
    start: IntArray, target: IntArray, jump: FloatArray, keep: FloatArray, hazard: FloatArray,
    inside: FloatArray, some_inside: NDArray[np.bool_], passes: FloatArray, value: FloatArray,
    entered: FloatArray, before: FloatArray, before_entered: FloatArray,
) -> None:  # fmt: skip
    """Values one step of a uniformised chain earlier: columns of gains, then those of events.

    Values of events are the probability that one has happened. `entered` are those of a state that was entered from
    outside, which is an event but with the probability `passes`; of gains the same. `inside` is 1 inside, 0 elsewhere.
    """
    columns = value.shape[1]
    gains = columns - hazard.shape[1]
    total = np.empty(columns)
    for i in range(len(value)):
        for c in range(gains):
            total[c] = keep[i] * value[i, c]
        for c in range(gains, columns):
            h = hazard[i, c - gains]
            total[c] = (keep[i] - h) * value[i, c] + h
        if some_inside[i]:
            mine = inside[i]
            for k in range(start[i], start[i + 1]):
                row, other, share = entered[target[k]], value[target[k]], jump[k]
                for c in range(columns):
                    total[c] += share * (row[c] + mine[c] * (other[c] - row[c]))
        else:
            for k in range(start[i], start[i + 1]):
                row, share = entered[target[k]], jump[k]
                for c in range(columns):
                    total[c] += share * row[c]
        for c in range(gains):
            before[i, c] = total[c]
            before_entered[i, c] = total[c]
        for c in range(gains, columns):
            before[i, c] = total[c]
            through = passes[i, c - gains]
            before_entered[i, c] = total[c] * through + (1.0 - through)


@compiled
def add_columns(total: FloatArray, value: FloatArray, first: int, of_first: float, of_others: float) -> None:
    """Add values to totals, those of the first columns and of the others times a number each."""
    columns = value.shape[1]
    for i in range(len(value)):
        for c in range(first):
            total[i, c] += of_first * value[i, c]
        if of_others != 0.0:
            for c in range(first, columns):
                total[i, c] += of_others * value[i, c]


@compiled
def bias_sweep(
    start: IntArray, target: IntArray, rate: FloatArray, leave: FloatArray, gain: FloatArray, value: FloatArray
) -> float:
    """One Gauss-Seidel sweep, last state first, as `value_sweep`, of values of either sign and with no anchor.

    Returns the largest change, as a share of the largest value of its column.
    """
    columns = value.shape[1]
    total = np.empty(columns)
    change = np.zeros(columns)
    largest = np.zeros(columns)
    for i in range(len(value) - 1, -1, -1):
        for c in range(columns):
            total[c] = gain[i, c]
        for k in range(start[i], start[i + 1]):
            for c in range(columns):
                total[c] += rate[k] * value[target[k], c]
        for c in range(columns):
            new = total[c] / leave[i]
            change[c] = max(change[c], abs(new - value[i, c]))
            largest[c] = max(largest[c], abs(new))
            value[i, c] = new
    most = 0.0
    for c in range(columns):
        if change[c] > 0:
            most = max(most, change[c] / largest[c])
    return most


@compiled
def products(changes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Products of what successive changes differ by with each other, and with the last of the changes."""
    m, n = len(changes) - 1, changes.shape[1]
    gram = np.zeros((m, m))
    right = np.zeros(m)
    apart = np.empty(m)
    for i in range(n):
        for a in range(m):
            apart[a] = changes[a + 1, i] - changes[a, i]
            right[a] += apart[a] * changes[m, i]
            for b in range(a + 1):
                gram[a, b] += apart[a] * apart[b]
    for a in range(m):
        for b in range(a):
            gram[b, a] = gram[a, b]
    return gram, right


@compiled
def extrapolated(y: FloatArray, weight: FloatArray, changes: FloatArray, z: FloatArray) -> None:
    """Write y less changes, but the first, of so much weight where that is above 0, and y elsewhere; the sum is 1."""
    total = 0.0
    for i in range(len(y)):
        away = 0.0
        for a in range(len(weight)):
            away += weight[a] * changes[a + 1, i]
        z[i] = y[i] - away if y[i] - away > 0.0 else y[i]
        total += z[i]
    for i in range(len(y)):
        z[i] /= total


@compiled
def eliminate(a: FloatArray, p: FloatArray) -> int:
    """Grassmann-Taksar-Heyman elimination of a dense matrix of rates in place, and the probabilities, not yet scaled.

    Returns -1, a state that is never left, or -2 where numbers leave the range of a float.
    """
    n = len(a)
    for k in range(n - 1, 0, -1):
        out = 0.0
        least = np.inf
        for j in range(k):
            out += a[k, j]
            if 0.0 < a[k, j] < least:
                least = a[k, j]
        if out <= 0.0:
            return k
        smallest, largest = np.inf, 0.0
        for i in range(k):
            if a[i, k] != 0.0:
                smallest = min(smallest, a[i, k])
                largest = max(largest, a[i, k])
        least_new = min(smallest / out, smallest / out * least)
        if largest > 0.0 and not (largest / out < 1e280 and least_new > 1e-280):
            return -2
        for i in range(k):
            if a[i, k] != 0.0:
                a[i, k] /= out
                share = a[i, k]
                for j in range(k):
                    a[i, j] += share * a[k, j]
    p[0] = 1.0
    most = 1.0
    for k in range(1, n):
        flow = 0.0
        for i in range(k):
            flow += p[i] * a[i, k]
        p[k] = flow
        most = max(most, flow)
        if not (flow > 1e-280 and most < 1e280):
            return -2
    return -1


@compiled
def flows_between(
    start: IntArray, target: IntArray, rate: FloatArray, p: FloatArray, kind: NDArray[np.int64], kinds: int
) -> FloatArray:
    """Probability flow from every kind of state to every other."""
    result = np.zeros((kinds, kinds))
    for i in range(len(p)):
        own = kind[i]
        for k in range(start[i], start[i + 1]):
            other = kind[target[k]]
            if other != own:
                result[own, other] += p[i] * rate[k]
    return result


@compiled
def entering(
    start: IntArray, target: IntArray, rate: FloatArray, p: FloatArray, inside: NDArray[np.bool_]
) -> FloatArray:
    """Probability flow from outside into every state inside."""
    result = np.zeros(len(p))
    for i in range(len(p)):
        if not inside[i]:
            for k in range(start[i], start[i + 1]):
                if inside[target[k]]:
                    result[target[k]] += p[i] * rate[k]
    return result


@partial(Compiled, fastmath=True)
def sums_of_steps(real: FloatArray, imaginary: FloatArray, at: FloatArray, other: FloatArray, sums: FloatArray) -> None:
    """Sums of vectors, step after step of a complex matrix (columns first); `at` and `other` are their two parts.

    `sums` has a row for each step, with both parts; the vectors are left as they are after the last of them.
    """
    size = len(at)
    next_at, next_other = np.empty(size), np.empty(size)
    for step in range(len(sums)):
        sums[step, 0], sums[step, 1] = at.sum(), other.sum()
        next_at[:] = 0.0
        next_other[:] = 0.0
        for j in range(size):
            x, y = at[j], other[j]
            for i in range(size):
                next_at[i] += real[j, i] * x - imaginary[j, i] * y
                next_other[i] += real[j, i] * y + imaginary[j, i] * x
        at[:] = next_at
        other[:] = next_other
