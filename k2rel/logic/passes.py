"""The passes over a diagram's arrays: up for values, down for derivatives and for the probability of modes.

Node n asks for variable ``leaf[n]``; 0 and 1 are false and true; every node follows its successors. Variables
from ``count`` on are modules, whose value is that of their own root, computed before: `bounds[m]` says where
the nodes of module m begin, `roots[m]` which of them is its root.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from k2rel.loops import Loop

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@Loop
def values_up(
    leaf: IntArray,
    high: IntArray,
    low: IntArray,
    bounds: IntArray,
    roots: IntArray,
    p: FloatArray,
    value: FloatArray,
    other: float,
) -> None:
    """Fill `value` (nodes x samples) and the modules' rows of `p` (variables x samples), from the leaves up.

    With `other` 1 the low branch counts with 1 - p, the probability of a decision diagram; with 0 it counts with 1,
    the sum over the sets of a zero-suppressed diagram.
    """
    samples = p.shape[1]
    modules = len(roots)
    count = p.shape[0] - modules
    value[0, :] = 0.0
    value[1, :] = 1.0
    for m in range(modules):
        for n in range(bounds[m], bounds[m + 1]):
            x, h, o = leaf[n], high[n], low[n]
            for s in range(samples):
                q = p[x, s]
                value[n, s] = q * value[h, s] + (1.0 - other * q) * value[o, s]
        for s in range(samples):
            p[count + m, s] = value[roots[m], s]


@Loop
def values_of_both(
    leaf: IntArray,
    high: IntArray,
    low: IntArray,
    bounds: IntArray,
    roots: IntArray,
    p: FloatArray,
    rest: FloatArray,
    value: FloatArray,
    other: FloatArray,
) -> None:
    """Fill `value`, and `other` with the probability of the opposite, each as a sum of positive terms.

    `p` and `rest` (variables x samples) have a variable's probability and that of its opposite; those of modules are
    filled in. Where a module is nearly certain, 1 - p would have no digits left.
    """
    samples = p.shape[1]
    modules = len(roots)
    count = p.shape[0] - modules
    value[0, :], other[0, :] = 0.0, 1.0
    value[1, :], other[1, :] = 1.0, 0.0
    for m in range(modules):
        for n in range(bounds[m], bounds[m + 1]):
            x, h, o = leaf[n], high[n], low[n]
            for s in range(samples):
                value[n, s] = p[x, s] * value[h, s] + rest[x, s] * value[o, s]
                other[n, s] = p[x, s] * other[h, s] + rest[x, s] * other[o, s]
        for s in range(samples):
            p[count + m, s] = value[roots[m], s]
            rest[count + m, s] = other[roots[m], s]


@Loop
def derivatives_down(
    leaf: IntArray,
    high: IntArray,
    low: IntArray,
    bounds: IntArray,
    roots: IntArray,
    p: FloatArray,
    value: FloatArray,
    mass: FloatArray,
    slope: FloatArray,
    other: float,
) -> None:
    """Fill `slope` (variables x samples): derivative of the last module's value, from the root down.

    `mass` (nodes x samples) and `slope` come in as zeros; `p` and `value` as `values_up` left them, `other` as there.
    """
    samples = p.shape[1]
    modules = len(roots)
    count = p.shape[0] - modules
    slope[count + modules - 1, :] = 1.0
    for m in range(modules - 1, -1, -1):
        for s in range(samples):
            mass[roots[m], s] += slope[count + m, s]
        for n in range(bounds[m + 1] - 1, bounds[m] - 1, -1):
            x, h, o = leaf[n], high[n], low[n]
            for s in range(samples):
                w = mass[n, s]
                q = p[x, s]
                slope[x, s] += w * (value[h, s] - other * value[o, s])
                mass[h, s] += w * q
                mass[o, s] += w * (1.0 - other * q)


@Loop
def modes_down(level: IntArray, up: IntArray, down: IntArray, root: int, modes: int, q: FloatArray) -> FloatArray:
    """Probability of passing each node of a multi-terminal diagram (nodes x samples), from the root down."""
    samples = q.shape[1]
    mass = np.zeros((len(level), samples))
    mass[root, :] = 1.0
    for n in range(len(level) - 1, modes - 1, -1):
        x, u, d = level[n], up[n], down[n]
        for s in range(samples):
            w = mass[n, s]
            mass[u, s] += w * (1.0 - q[x, s])
            mass[d, s] += w * q[x, s]
    return mass
