"""Elimination of a sparse chain in numbers whose exponents never overflow, compiled.

A number is m * 2^(512 e) with 2^-256 <= m < 2^256, or 0: products and sums of positive numbers keep every digit,
however far apart rates and probabilities lie.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from k2rel.loops.compiled import compiled

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Index = NDArray[np.int32]

_UP, _DOWN = 2.0**512, 2.0**-512
_HIGH, _LOW = 2.0**256, 2.0**-256


@compiled
def _fit(m: float, e: int) -> tuple[float, int]:
    """The same number with its mantissa in range; one step is enough after any product, quotient or sum."""
    if m >= _HIGH:
        return m * _DOWN, e + 1
    if 0.0 < m < _LOW:
        return m * _UP, e - 1
    return m, e


@compiled
def _add(m: float, e: int, other: float, exponent: int) -> tuple[float, int]:
    """Sum of two numbers that are not negative."""
    if other == 0.0:
        return m, e
    if m == 0.0:
        return other, exponent
    if e == exponent:
        return _fit(m + other, e)
    if e == exponent + 1:
        return _fit(m + other * _DOWN, e)
    if exponent == e + 1:
        return _fit(other + m * _DOWN, exponent)
    return (m, e) if e > exponent else (other, exponent)


@compiled
def fill(start: Index, index: Index) -> tuple[IntArray, IntArray, float]:
    """Elimination tree of a symmetric pattern, entries of every column below the diagonal, and the work they ask for.

    J. W. H. Liu, "The role of elimination trees in sparse factorization", SIAM J. Matrix Anal. Appl. 11 (1990) 134.
    """
    n = len(start) - 1
    parent = np.full(n, -1, dtype=np.int64)
    ancestor = np.full(n, -1, dtype=np.int64)
    for i in range(n):
        for t in range(start[i], start[i + 1]):
            k = int(index[t])
            while k != -1 and k < i:
                after = int(ancestor[k])
                ancestor[k] = i
                if after == -1:
                    parent[k] = i
                k = after
    count = np.zeros(n, dtype=np.int64)
    seen = np.full(n, -1, dtype=np.int64)
    for i in range(n):
        seen[i] = i
        for t in range(start[i], start[i + 1]):
            k = int(index[t])
            while k < i and seen[k] != i:
                seen[k] = i
                count[k] += 1
                k = int(parent[k])
    work = 0.0
    for k in range(n):
        work += float(count[k]) ** 2
    return parent, count, work


@compiled
def eliminated(
    start: Index, index: Index, begin: Index, target: Index, rate: FloatArray, parent: IntArray, count: IntArray
) -> tuple[int, FloatArray]:
    """Stationary distribution of a chain whose states are eliminated in their order, and a state never left, or -1.

    `start`, `index` the symmetric pattern that `fill` was given; `begin`, `target`, `rate` the chain's rows.
    """
    n = len(start) - 1
    column = np.zeros(n + 1, dtype=np.int64)
    for k in range(n):
        column[k + 1] = column[k] + count[k]
    rows = np.empty(column[n], dtype=np.int64)
    up, up_e = np.zeros(column[n]), np.zeros(column[n], dtype=np.int64)
    low, low_e = np.zeros(column[n]), np.zeros(column[n], dtype=np.int64)
    filled = column[:n].copy()
    seen = np.full(n, -1, dtype=np.int64)
    for i in range(n):
        seen[i] = i
        for t in range(start[i], start[i + 1]):
            k = int(index[t])
            while k < i and seen[k] != i:
                seen[k] = i
                rows[filled[k]] = i
                filled[k] += 1
                k = int(parent[k])
    filled = column[:n].copy()
    out, out_e = np.zeros(n), np.zeros(n, dtype=np.int64)
    w, w_e = np.zeros(n), np.zeros(n, dtype=np.int64)
    reach = np.empty(n, dtype=np.int64)
    seen[:] = -1
    for i in range(n):
        found = 0
        seen[i] = i
        for t in range(start[i], start[i + 1]):
            k = int(index[t])
            while k < i and seen[k] != i:
                seen[k] = i
                reach[found] = k
                found += 1
                k = int(parent[k])
        for t in range(begin[i], begin[i + 1]):
            m, e = _fit(rate[t], 0)
            w[target[t]], w_e[target[t]] = _fit(m, e)
        for step in np.sort(reach[:found]):
            k = int(step)
            place = filled[k]
            filled[k] += 1
            if w[k] == 0.0:
                continue
            share, share_e = _fit(w[k] / out[k], w_e[k] - out_e[k])
            w[k] = 0.0
            low[place], low_e[place] = share, share_e
            for t in range(column[k], column[k + 1]):
                if up[t] != 0.0 and rows[t] != i:
                    m, e = _fit(share * up[t], share_e + up_e[t])
                    w[rows[t]], w_e[rows[t]] = _add(w[rows[t]], w_e[rows[t]], m, e)
        m, e = 0.0, 0
        for t in range(column[i], column[i + 1]):
            j = int(rows[t])
            up[t], up_e[t] = w[j], w_e[j]
            w[j] = 0.0
            m, e = _add(m, e, up[t], up_e[t])
        if m == 0.0 and i < n - 1:
            return i, out
        out[i], out_e[i] = m, e
    p, p_e = np.zeros(n), np.zeros(n, dtype=np.int64)
    p[n - 1] = 1.0
    all_m, all_e = 1.0, 0
    for k in range(n - 2, -1, -1):
        m, e = 0.0, 0
        for t in range(column[k], column[k + 1]):
            one, one_e = _fit(p[rows[t]] * low[t], p_e[rows[t]] + low_e[t])
            m, e = _add(m, e, one, one_e)
        p[k], p_e[k] = m, e
        all_m, all_e = _add(all_m, all_e, m, e)
    for k in range(n):
        m, e = _fit(p[k] / all_m, p_e[k] - all_e)
        p[k] = m if e >= 0 else m * _DOWN if e == -1 else m * _DOWN * _DOWN if e == -2 else 0.0
    return -1, p
