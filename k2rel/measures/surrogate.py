"""A polynomial in place of a chain: fitted to the logarithm of a figure at draws, judged at draws that it has not seen.

Shares of a variance with a long tail need many more evaluations than a chain affords; the polynomial affords them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from k2rel.inputs import Input

__all__ = ["Polynomial", "Scores", "fitted"]

FloatArray = NDArray[np.float64]
Scores: TypeAlias = dict[str, list[tuple[FloatArray, FloatArray]]]
"""Arrays of values of each input that were met, as they were given, with their normal scores."""
Polynomial: TypeAlias = Callable[[Mapping[str, FloatArray], Scores], FloatArray]

_PAIRS = 8  # inputs whose products stand in the polynomial, the most influential
_FARTHEST = 3.0  # normal scores beyond it are taken there: a polynomial knows nothing outside its draws
_HELD_BACK = 5  # one draw in so many judges the fit


def fitted(
    inputs: Mapping[str, Input], factors: Mapping[str, FloatArray], values: FloatArray
) -> tuple[Polynomial, float]:
    """Fit a figure at draws of inputs; give it as a function of their values, and its R2 at draws held back.

    Cubic in each input's normal score, with products of the scores of the most influential ones. The function also
    takes what is known of scores, and adds to it: who asks again with some arrays changed pays for these alone.
    """
    from scipy.special import ndtri

    def scores(drawn: Mapping[str, FloatArray], known: Scores) -> FloatArray:
        for name, item in inputs.items():
            met = known.setdefault(name, [])
            if not any(values is drawn[name] for values, _ in met):
                u = item.distribution.frozen().cdf(drawn[name])
                z = np.clip(ndtri(np.clip(u, 1e-12, 1 - 1e-12)), -_FARTHEST, _FARTHEST)
                met.append((drawn[name], z))
        return np.array([next(z for values, z in known[name] if values is drawn[name]) for name in inputs])

    z = scores({name: factors[name] * item.point for name, item in inputs.items()}, {})
    target = np.log(values)
    order = np.argsort(-np.abs([np.corrcoef(row, target)[0, 1] for row in z]), kind="stable")
    pairs = list(combinations(order[:_PAIRS].tolist(), 2))

    def terms(z: FloatArray) -> FloatArray:
        products = [z[a] * z[b] for a, b in pairs]
        mixed = [z[a] ** 2 * z[b] for a, b in pairs] + [z[a] * z[b] ** 2 for a, b in pairs]
        return np.vstack([np.ones(z.shape[1]), z, z**2 - 1.0, z**3 - 3.0 * z, *products, *mixed]).T

    matrix = terms(z)
    seen = np.arange(len(target)) % _HELD_BACK != 0
    weights, *_ = np.linalg.lstsq(matrix[seen], target[seen], rcond=None)
    missed = target[~seen] - matrix[~seen] @ weights
    explained = 1.0 - float(np.var(missed) / np.var(target[~seen]))
    weights, *_ = np.linalg.lstsq(matrix, target, rcond=None)
    return lambda drawn, known: np.exp(terms(scores(drawn, known)) @ weights), explained
