r"""Bias of rewards: what a state is worth beside another, :math:`Q g = u - r` with u the mean of the reward r.

The derivative of u by the rate from x to y is :math:`p_x (g_y - g_x)` (P. J. Schweitzer, "Perturbation theory and
finite Markov chains", J. Appl. Prob. 5, 1968), so that one solution gives the derivatives by all rates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.errors import NoConvergenceError

__all__ = ["bias"]

FloatArray = NDArray[np.float64]

_MOST_SWEEPS = 20_000
_TOLERANCE = 1e-12


def bias(chain: Chain, probability: FloatArray, rewards: FloatArray) -> FloatArray:
    """Find the bias of rewards (states, rewards) under an irreducible chain's stationary distribution, by sweeps.

    No state is held fast: what sweeps leave of a constant does not matter, and they end as soon as the chain forgets
    where it began, not only once it has come to one state from all others.

    Examples
    --------
    >>> chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 0.25])
    >>> p = np.array([0.25, 0.001]) / 0.251
    >>> worth = bias(chain, p, np.array([[0.0], [1.0]]))
    >>> round(float(p[0] * (worth[1, 0] - worth[0, 0])), 6)  # d/dx x / (x + 0.25)
    3.968191
    """
    from k2rel.ctmc.kernels import bias_sweep

    rates = chain.rates
    gain = rewards - np.einsum("x,xk->k", probability, rewards)
    worth: FloatArray = np.zeros(gain.shape)
    if chain.states == 1:
        return worth
    for _ in range(_MOST_SWEEPS):
        if bias_sweep(rates.indptr, rates.indices, rates.data, chain.exit_rates_per_h, gain, worth) <= _TOLERANCE:
            return worth
    raise NoConvergenceError(f"the bias of {chain.states:,} states did not converge in {_MOST_SWEEPS:,} sweeps")
