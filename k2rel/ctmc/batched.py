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

BLOCK = 8  # draws


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
    group_of: IntArray,
    flow_term: IntArray,
    flow_group: IntArray,
    begin_draw: int,
    end_draw: int,
    shares: FloatArray,
    flow: FloatArray,
    left: FloatArray,
) -> None:
    """Add up probabilities of groups of states and flows between them, and note the last change, for some draws.

    Draws are taken from `begin_draw`, a multiple of `BLOCK`, to `end_draw`; results have a column for each. Terms are
    sorted by the state they lead to, `start` says where those of each state begin. A state's group in partition d is
    `group_of[d, state]`; term `flow_term[k]` counts in flow `flow_group[k]`.
    """
    states = len(start) - 1
    for begin in range(begin_draw, end_draw, BLOCK):
        width = min(BLOCK, end_draw - begin)
        p = np.zeros((states, BLOCK))
        out = np.zeros((states, BLOCK))
        value = np.zeros((len(source), BLOCK))
        for t in range(len(source)):
            for b in range(width):
                v = multiple[t] * rates[rate[t], begin + b] * factors[by[t], begin + b]
                value[t, b] = v
                out[source[t], b] += v
        for x in range(states):
            for b in range(BLOCK):
                p[x, b] = first[x]
        total = np.zeros(BLOCK)
        worst = np.zeros(BLOCK)
        sums = np.zeros(BLOCK)
        for _ in range(most_sweeps):
            total[:] = 0.0
            worst[:] = 0.0
            for y in range(states):
                sums[:] = 0.0
                for t in range(start[y], start[y + 1]):
                    x = source[t]
                    for b in range(BLOCK):
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
