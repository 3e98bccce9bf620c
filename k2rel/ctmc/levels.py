"""Cycles over ever coarser chains: states that communicate most are taken together first.

G. Horton, S. T. Leutenegger, "A multi-level solution algorithm for steady-state Markov chains", SIGMETRICS 1994;
H. De Sterck and others, SIAM J. Sci. Comput. 30 (2008) 2235. On each level the chain between groups has the rates that
the present distribution gives it, sums of positive terms; the coarsest is solved by elimination. Where a
sweep moves a distribution by the error times the coupling between groups, a cycle mostly moves it by about the error,
which is what an estimate is taken from where no bound can be proved. It does not where likely groups are joined through
unlikely states, since the weights of a wrong distribution hide these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.kernels import sweep
from k2rel.loops.compiled import compiled

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Index = NDArray[np.int32]

_COARSEST = 100
_TWICE_BELOW = 5_000
_STRONG = 0.25
_PARTED = 1e-280


def cycle(rates: csr_array, leave: FloatArray, x: FloatArray, incoming: csc_array | None = None) -> FloatArray:
    """One cycle from a distribution, by sweeps on this level and what coarser levels say of groups."""
    from scipy.sparse import csr_array

    from k2rel.ctmc.elimination import dense

    size = len(x)
    if size <= _COARSEST:
        return dense(Chain(rates), np.arange(size))
    incoming = rates.tocsc() if incoming is None else incoming
    column = (incoming.indptr, incoming.indices, incoming.data)
    x = x.copy()
    sweep(*column, leave, x, 0)
    x /= x.sum()
    label, groups = _grouped(rates.indptr, rates.indices, rates.data, *column, leave, _STRONG)
    if groups < 0.9 * size:
        alike = 1.0 / np.bincount(label, minlength=groups)[label]
        for _ in range(2 if groups <= _TWICE_BELOW else 1):
            weight = np.asarray(np.bincount(label, weights=x, minlength=groups), dtype=np.float64)
            # where a group's probability is too small to be parted by, its states share evenly
            large = np.maximum(weight, _PARTED)[label]
            share = np.where(large > _PARTED, x / large, alike)
            begin, target, rate, out = _between(
                rates.indptr, rates.indices, rates.data, label, np.argsort(label, kind="stable"), groups, share
            )
            coarse = csr_array((rate, target, begin), shape=(groups, groups))
            x = cycle(coarse, out, weight)[label] * share
            sweep(*column, leave, x, 0)
            x /= x.sum()
    else:
        for _ in range(10):
            sweep(*column, leave, x, 0)
            x /= x.sum()
    return x


@compiled
def _grouped(
    start: Index, target: Index, rate: FloatArray, begin: Index, source: Index, coming: FloatArray, leave: FloatArray,
    strong: float,
) -> tuple[IntArray, int]:  # fmt: skip
    """Group of each state: pairs of states that communicate most, and those whose best neighbour is in a pair."""
    n = len(leave)
    label = np.full(n, -1, dtype=np.int64)
    core = np.zeros(n, dtype=np.bool_)
    groups = 0
    for i in range(n):
        if label[i] >= 0:
            continue
        most = 0.0
        for t in range(start[i], start[i + 1]):
            most = max(most, rate[t] / leave[i])
        for t in range(begin[i], begin[i + 1]):
            most = max(most, coming[t] / leave[source[t]])
        best, best_free, free, joined = 0.0, 0.0, -1, -1
        for t in range(start[i], start[i + 1]):
            j, s = int(target[t]), rate[t] / leave[i]
            if label[j] < 0 and s > best_free:
                best_free, free = s, j
            elif label[j] >= 0 and core[j] and s > best:
                best, joined = s, j
        for t in range(begin[i], begin[i + 1]):
            j, s = int(source[t]), coming[t] / leave[source[t]]
            if label[j] < 0 and s > best_free:
                best_free, free = s, j
            elif label[j] >= 0 and core[j] and s > best:
                best, joined = s, j
        if free >= 0 and best_free >= strong * most and best_free >= best:
            label[i] = label[free] = groups
            core[i] = core[free] = True
            groups += 1
        elif joined >= 0 and best >= strong * most:
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
def _between(
    start: Index, target: Index, rate: FloatArray, label: IntArray, order: IntArray, groups: int, share: FloatArray,
) -> tuple[Index, Index, FloatArray, FloatArray]:  # fmt: skip
    """Rates between groups, as rows, and the rate at which each is left; `order` lists states group by group."""
    begin = np.zeros(groups + 1, dtype=np.int32)
    to = np.empty(len(rate), dtype=np.int32)
    data = np.empty(len(rate))
    out = np.zeros(groups)
    place = np.full(groups, -1, dtype=np.int64)
    edges, group = 0, 0
    for i in order:
        while label[i] != group:
            group += 1
            begin[group] = edges
        for t in range(start[i], start[i + 1]):
            other = label[target[t]]
            if other == group:
                continue
            flow = share[i] * rate[t]
            if flow == 0.0:
                continue
            if place[other] < begin[group]:
                place[other] = edges
                to[edges], data[edges] = other, flow
                edges += 1
            else:
                data[place[other]] += flow
            out[group] += flow
    begin[groups] = edges
    return begin, to[:edges].copy(), data[:edges].copy(), out
