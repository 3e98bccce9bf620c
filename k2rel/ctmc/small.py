"""Small continuous-time Markov chains, solved without one subtraction.

The Grassmann-Taksar-Heyman elimination and a squared Taylor series add and multiply non-negative numbers
only, so a probability of 1e-15 comes out with all its digits. For modules of a few dozen states, such as
a RAID set.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["steady_state", "transient"]

FloatArray = NDArray[np.float64]


def steady_state(rates_per_h: FloatArray) -> FloatArray:
    """Steady-state probabilities of an irreducible chain.

    Parameters
    ----------
    rates_per_h : array of float, shape (..., states, states)
        Transition rate from row to column [1/h]; the diagonal is not read. More axes stand for more chains.

    Returns
    -------
    array of float, shape (..., states)
        Probability of each state.

    Raises
    ------
    ValueError
        If a rate is negative or not finite, or some state cannot be left towards the others.

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
            raise ValueError(f"state {k} is never left towards the states before it; the chain has no steady state")
        a[..., :k, k] /= out[..., None]
        a[..., :k, :k] += a[..., :k, k, None] * a[..., k, None, :k]
    probabilities = np.ones(a.shape[:-1])
    for k in range(1, count):
        probabilities[..., k] = (probabilities[..., :k] * a[..., :k, k]).sum(axis=-1)
    return np.asarray(probabilities / probabilities.sum(axis=-1, keepdims=True))


def transient(rates_per_h: FloatArray, times_h: FloatArray) -> FloatArray:
    """State probabilities over time, from state 0 at time 0.

    Parameters
    ----------
    rates_per_h : array of float, shape (states, states)
        Transition rate from row to column [1/h]; the diagonal is not read.
    times_h : array of float, shape (times,)
        Times [h].

    Returns
    -------
    array of float, shape (times, states)
        Probability of each state at each time.

    Notes
    -----
    Uniformisation: exp(Qt) is a power of exp(L(P - I)d) with non-negative P and L d at most 1/2; its Taylor
    series and the squarings add non-negative terms only (A. Jensen 1953; N. J. Higham, "Functions of
    Matrices", 2008, chapter 10).

    Examples
    --------
    >>> transient(np.array([[0.0, 0.1], [0.2, 0.0]]), np.array([10.0]))[0].round(6).tolist()
    [0.683262, 0.316738]
    """
    a = np.array(rates_per_h, dtype=np.float64)
    np.fill_diagonal(a, 0.0)
    fastest = float(a.sum(axis=1).max()) * 1.05
    if fastest == 0:
        return np.tile(np.eye(len(a))[0], (len(times_h), 1))
    jump = a / fastest
    np.fill_diagonal(jump, 1.0 - jump.sum(axis=1))
    result = np.empty((len(times_h), len(a)))
    for row, time in enumerate(np.asarray(times_h, dtype=np.float64)):
        events = fastest * float(time)
        squarings = max(0, math.ceil(math.log2(events / 0.5))) if events > 0.5 else 0
        step = events / 2.0**squarings
        term = np.eye(len(a)) * math.exp(-step)
        matrix = term.copy()
        for order in range(1, 30):
            term = term @ jump * (step / order)
            matrix += term
        for _ in range(squarings):
            matrix = matrix @ matrix
            matrix /= matrix.sum(axis=1, keepdims=True)
        result[row] = matrix[0]
    return result
