"""Small continuous-time Markov chains, solved without one subtraction.

The Grassmann-Taksar-Heyman elimination and the doubling of a short step add and multiply non-negative numbers
only, so a probability of 1e-15 comes out with all its digits. For modules of a few dozen states, such as
a RAID set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain

__all__ = ["steady_state", "transient"]

FloatArray = NDArray[np.float64]


def steady_state(rates_per_h: FloatArray) -> FloatArray:
    """Steady-state probabilities of an irreducible chain.

    Notes
    -----
    W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and steady state distributions for
    Markov chains", Operations Research 33 (1985) 1107-1116.

    Examples
    --------
    >>> steady_state(np.array([[0.0, 1e-9], [1.0, 0.0]])).tolist()[1]
    9.99999999e-10
    """
    a = np.array(rates_per_h, dtype=np.float64)
    count = a.shape[-1]
    a[..., np.arange(count), np.arange(count)] = 0.0
    if not np.all(np.isfinite(a)) or np.any(a < 0):
        raise ValueError("transition rates must be finite and not negative")
    for k in range(count - 1, 0, -1):
        out = a[..., k, :k].sum(axis=-1)
        if np.any(out <= 0):
            raise ValueError(f"state {k} has no transition to the states before it; the chain has no steady state")
        a[..., :k, k] /= out[..., None]
        a[..., :k, :k] += a[..., :k, k, None] * a[..., k, None, :k]
    probabilities = np.ones(a.shape[:-1])
    for k in range(1, count):
        probabilities[..., k] = (probabilities[..., :k] * a[..., :k, k]).sum(axis=-1)
    return np.asarray(probabilities / probabilities.sum(axis=-1, keepdims=True))


def transient(rates_per_h: FloatArray, times_h: FloatArray) -> FloatArray:
    """State probabilities over time, from state 0 at time 0.

    Notes
    -----
    Doubling of a short step, in positive terms (`k2rel.ctmc.doubling`).

    Examples
    --------
    >>> transient(np.array([[0.0, 0.1], [0.2, 0.0]]), np.array([10.0]))[0].round(6).tolist()
    [0.683262, 0.316738]
    """
    from k2rel.ctmc.transient import over_time

    a = np.array(rates_per_h, dtype=np.float64)
    np.fill_diagonal(a, 0.0)
    i, j = np.nonzero(a)
    return over_time(Chain.of(len(a), i, j, a[i, j]), np.asarray(times_h).tolist(), accumulate=False).probability
