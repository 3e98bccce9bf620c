"""Sums of independent counts: for the many small sums of clients that do the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.loops import Loop
from k2rel.memory import check_each, most_of

__all__: list[str] = []

IntArray = NDArray[np.int64]

_PAIR_BYTES = 36.0  # of a pair of sums while equal ones are brought together, without its weights


@Loop
def _joined(a: IntArray, p: Any, b: IntArray, q: Any, below: float) -> Any:
    """Distribution of the sum of two independent vectors, written as codes; small entries are dropped."""
    columns = p.shape[1]
    codes = np.empty(len(a) * len(b), dtype=np.int64)
    for i in range(len(a)):
        for j in range(len(b)):
            codes[i * len(b) + j] = a[i] + b[j]
    order = np.argsort(codes, kind="mergesort")
    found = np.empty(len(codes), dtype=np.int64)
    value = np.zeros((len(codes), columns), dtype=p.dtype)
    count = 0
    for place in order:
        code = codes[place]
        if count == 0 or found[count - 1] != code:
            if count:
                largest = 0.0
                for c in range(columns):
                    largest = max(largest, value[count - 1, c].real)
                if largest <= below:  # the last entry is complete and too small: use its row again
                    count -= 1
                    value[count, :] = 0.0
            found[count] = code
            count += 1
        i, j = place // len(b), place % len(b)
        for c in range(columns):
            value[count - 1, c] += p[i, c] * q[j, c]
    return found[:count].copy(), value[:count].copy()


def joint_counts(sizes: IntArray, starts: IntArray, codes: IntArray, p: Any, below: float) -> Any:
    """Distribution of the sum over several sets of alike and independent vectors.

    Entries ``starts[g]`` to ``starts[g + 1]`` of `codes` and `p` (entries x columns) are one vector's outcomes
    in set g, which has ``sizes[g]`` of them.
    """
    steps = p.size * int(sizes.sum()) ** 2
    each = _PAIR_BYTES + p.itemsize * p.shape[1]
    found, total, wanted = _joint_counts.run(steps, sizes, starts, codes, p, below, most_of(each))
    if wanted:
        check_each(wanted, each, "pairs of sums of what clients do, at once,")
    return found, total


@Loop
def _joint_counts(sizes: IntArray, starts: IntArray, codes: IntArray, p: Any, below: float, most: int) -> Any:
    """Sums, their weights and 0; where more pairs than `most` would be joined at once, how many as the last."""
    total = np.zeros(1, dtype=np.int64)
    weight = np.ones((1, p.shape[1]), dtype=p.dtype)
    for g in range(len(sizes)):
        square, power = codes[starts[g] : starts[g + 1]], p[starts[g] : starts[g + 1]]
        n = sizes[g]
        while n:
            if n & 1:
                if len(total) * len(square) > most:
                    return total, weight, len(total) * len(square)
                total, weight = _joined(total, weight, square, power, below)
            n >>= 1
            if n:
                if len(square) * len(square) > most:
                    return total, weight, len(square) * len(square)
                square, power = _joined(square, power, square, power, below)
    return total, weight, 0


# of 0 to 6: what lgamma of the C library gives too
_LOG_FACTORIALS = tuple(math.log(math.factorial(n)) for n in range(7))


@Loop
def _log_factorial(n: int) -> Any:
    return _LOG_FACTORIALS[n] if n < len(_LOG_FACTORIALS) else math.lgamma(n + 1)


@Loop
def _alike(n: int, p: float) -> Any:
    """Distribution of how many of n alike and independent things happen: where it starts, and its values."""
    if p <= 0.0 or n == 0:
        return 0, np.ones(1)
    if p >= 1.0:
        return n, np.ones(1)
    value = np.zeros(n + 1)
    top = min(n, int((n + 1) * p))
    log = _log_factorial(n) - _log_factorial(top) - _log_factorial(n - top)
    value[top] = math.exp(log + top * math.log(p) + (n - top) * math.log1p(-p))
    if top == 0:
        value[0] = math.exp(n * math.log1p(-p))
    ratio = p / (1.0 - p)
    first, last = top, top
    while last < n and value[last] > 1e-70:
        value[last + 1] = value[last] * ratio * (n - last) / (last + 1)
        last += 1
    while first > 0 and value[first] > 1e-70:
        value[first - 1] = value[first] / ratio * first / (n - first + 1)
        first -= 1
    return first, value[first : last + 1]


def between(kinds: IntArray, p: Any, first: int, last: int) -> Any:
    """Probability that `first` to `last` happen (kinds x columns): kinds[i, a] things have probability p[a, column]."""
    most = int(kinds.max(initial=0))
    steps = kinds.size * p.shape[1] * (most + 1) ** 2
    if most >= len(_LOG_FACTORIALS):  # lgamma of Python and of Numba differ in the last digit
        return _between.compiled(kinds, p, first, last)
    return _between.run(steps, kinds, p, first, last)


@Loop
def _between(kinds: IntArray, p: Any, first: int, last: int) -> Any:
    result = np.zeros((kinds.shape[0], p.shape[1]))
    for i in range(kinds.shape[0]):
        for c in range(p.shape[1]):
            start, total = 0, np.ones(1)
            for a in range(kinds.shape[1]):
                if kinds[i, a]:
                    begin, more = _alike(kinds[i, a], p[a, c])
                    joined = np.zeros(len(total) + len(more) - 1)
                    for x in range(len(total)):
                        for y in range(len(more)):
                            joined[x + y] += total[x] * more[y]
                    start, total = start + begin, joined
            for x in range(max(0, first - start), min(len(total), last + 1 - start)):
                result[i, c] += total[x]
    return result
