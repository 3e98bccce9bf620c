"""Whether a distribution balances the flows of every group of states that hardly communicates with the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__: list[str] = []

FloatArray = NDArray[np.float64]

_PER_DECADE, _MOST_STRENGTHS = 2, 120


def imbalance(rates: csr_array, p: FloatArray) -> float:
    r"""Largest \|inflow - outflow\| of a group, as a share of both, over groups at every strength of communication.

    A pair of states communicates by the flow between them over the smaller of their probabilities; a group is what
    hangs together by pairs of some strength and more. Flows across its border alone are added up, so a group whose
    border is crossed 1e-30 times an hour is weighed as finely as a state: a wrong weight, which no residual shows,
    shows here.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    matrix = rates.tocoo()
    row, col = matrix.row, matrix.col
    flow = p[row] * matrix.data
    smaller = np.minimum(p[row], p[col])
    crossed = (flow > 0) & (smaller > 0)
    if not crossed.any():
        return np.inf
    strength = np.full(len(flow), -np.inf)
    strength[crossed] = np.log10(flow[crossed]) - np.log10(smaller[crossed])
    weakest, strongest = float(strength[crossed].min()), float(strength.max())
    count = min(_MOST_STRENGTHS, 2 + int(_PER_DECADE * (strongest - weakest)))
    worst = 0.0
    for least in np.linspace(weakest, strongest, count)[1:]:
        kept = strength >= least
        pattern = csr_array((np.ones(int(kept.sum())), (row[kept], col[kept])), shape=rates.shape)
        groups, label = connected_components(pattern, directed=False)
        if groups == 1:
            continue
        across = label[row] != label[col]
        out = np.bincount(label[row[across]], weights=flow[across], minlength=groups)
        into = np.bincount(label[col[across]], weights=flow[across], minlength=groups)
        worst = max(worst, float((np.abs(out - into) / np.maximum(out + into, 1e-290)).max()))
    return worst
