"""One chain at many draws of its rates: the same states and transitions, solved by sweeps over all draws at once.

A transition is a sum of terms; each term is a multiple of one rate and one factor, both known for every draw.
Blocks of draws are swept together, so that the places of the transitions are read once a block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from k2rel.loops.compiled import compiled

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BLOCK = 8


@compiled
def steady_of_draws(
    start: IntArray,
    source: IntArray,
    multiple: FloatArray,
    rate: IntArray,
    by: IntArray,
    rates: FloatArray,
    factors: FloatArray,
    first: FloatArray,
    tolerance: float,
    most_sweeps: int,
    groups: IntArray,
    group_of: IntArray,
    flows: IntArray,
    flow_term: IntArray,
    flow_group: IntArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Probabilities of groups of states and flows between them for every draw, and the last change of each draw.

    Terms are sorted by the state they lead to, `start` says where those of each state begin. A state's group in
    partition d is `group_of[d, state]`; term `flow_term[k]` counts in flow `flow_group[k]`.
    """
    states, draws = len(start) - 1, rates.shape[1]
    blocks = (draws + _BLOCK - 1) // _BLOCK
    shares = np.zeros((groups[0], draws))
    flow = np.zeros((flows[0], draws))
    left = np.zeros(draws)
    for block in range(blocks):
        begin = block * _BLOCK
        width = min(_BLOCK, draws - begin)
        p = np.zeros((states, _BLOCK))
        out = np.zeros((states, _BLOCK))
        value = np.zeros((len(source), _BLOCK))
        for t in range(len(source)):
            for b in range(width):
                v = multiple[t] * rates[rate[t], begin + b] * factors[by[t], begin + b]
                value[t, b] = v
                out[source[t], b] += v
        for x in range(states):
            for b in range(_BLOCK):
                p[x, b] = first[x]
        total = np.zeros(_BLOCK)
        worst = np.zeros(_BLOCK)
        sums = np.zeros(_BLOCK)
        for _ in range(most_sweeps):
            total[:] = 0.0
            worst[:] = 0.0
            for y in range(states):
                sums[:] = 0.0
                for t in range(start[y], start[y + 1]):
                    x = source[t]
                    for b in range(_BLOCK):
                        sums[b] += p[x, b] * value[t, b]
                for b in range(width):
                    if out[y, b] > 0.0:
                        new = sums[b] / out[y, b]
                        worst[b] += abs(new - p[y, b])
                        p[y, b] = new
                    total[b] += p[y, b]
            for x in range(states):
                for b in range(width):
                    p[x, b] /= total[b]
            if worst[:width].max() < tolerance:
                break
        for b in range(width):
            left[begin + b] = worst[b]
        for d in range(len(group_of)):
            for x in range(states):
                g = group_of[d, x]
                for b in range(width):
                    shares[g, begin + b] += p[x, b]
        for k in range(len(flow_term)):
            t = flow_term[k]
            for b in range(width):
                flow[flow_group[k], begin + b] += p[source[t], b] * value[t, b]
    return shares, flow, left
