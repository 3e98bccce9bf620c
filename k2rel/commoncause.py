"""Common cause failures: what one cause does to several parts of a group (NUREG/CR-4780, NUREG/CR-5485).

A parametric model says which share of a part's failures hits that part alone, which a certain pair, a
certain triple, and so on. Each such combination becomes an event of its own; a part has failed when any
combination with it has happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.errors import InputError

__all__ = ["MODELS", "combinations_of", "event_shares"]

FloatArray = NDArray[np.float64]

MODELS = ("beta-factor", "MGL", "alpha-factor", "phi-factor")
"""Names of the parametric models, as in the Open-PSA model exchange format."""

_MOST_MEMBERS = 12


def event_shares(model: str, members: int, factors: Mapping[int, ArrayLike]) -> dict[int, FloatArray]:
    r"""Give the share of a part's total probability that belongs to each combination of k parts.

    Parameters
    ----------
    model : {"beta-factor", "MGL", "alpha-factor", "phi-factor"}
        The parametric model.
    members : int
        Number of parts in the group, n.
    factors : mapping of int to float or array
        Factors by level: beta at any one level; MGL's beta, gamma, ... at 2, 3, ...; alpha and phi at 1 to n.

    Returns
    -------
    dict of int to array
        :math:`Q_k / Q` for one certain combination of k parts, k = 1 to n; shares of 0 are left out.

    Raises
    ------
    InputError
        If the model is unknown, the group too small or too large, or a factor missing or not between 0 and 1.

    Notes
    -----
    beta-factor: :math:`Q_1 = (1 - \beta) Q`, :math:`Q_n = \beta Q`.
    MGL: :math:`Q_k = \binom{n-1}{k-1}^{-1} (\prod_{i=2}^{k} \rho_i)(1 - \rho_{k+1}) Q`.
    alpha-factor, tests not staggered: :math:`Q_k = k \binom{n-1}{k-1}^{-1} \alpha_k Q / \sum_i i \alpha_i`.
    phi-factor: :math:`Q_k = \phi_k Q`.

    Examples
    --------
    >>> {k: float(share) for k, share in event_shares("beta-factor", 3, {2: 0.25}).items()}
    {1: 0.75, 3: 0.25}
    """
    if model not in MODELS:
        raise InputError(f"unknown common-cause model '{model}'; known: {', '.join(MODELS)}")
    if not 2 <= members <= _MOST_MEMBERS:
        raise InputError(f"a common-cause group needs 2 to {_MOST_MEMBERS} members, got {members}")
    given = {level: np.asarray(value, dtype=np.float64) for level, value in factors.items()}
    for level, value in given.items():
        if not np.all((value >= 0) & (value <= 1)):
            raise InputError(f"{model}: the factor of level {level} must lie between 0 and 1")
    if model == "beta-factor":
        if len(given) != 1:
            raise InputError(f"beta-factor: needs one factor, got {len(given)}")
        beta = next(iter(given.values()))
        shares = {1: 1.0 - beta, members: beta}
    else:
        first = 2 if model == "MGL" else 1
        wrong = sorted(set(given) - set(range(first, members + 1)))
        if wrong or not given:
            raise InputError(f"{model}: factors of levels {first} to {members} are needed, got {sorted(given)}")
        last = max(given)
        missing = sorted(set(range(first, last + 1)) - set(given))
        if missing:
            raise InputError(f"{model}: no factor of level {missing[0]}")
        if model == "MGL":
            shares, chain = {}, np.asarray(1.0)
            for k in range(1, last + 1):
                chain = chain * given.get(k, 1.0)
                onward = given.get(k + 1, np.asarray(0.0))
                shares[k] = chain * (1.0 - onward) / math.comb(members - 1, k - 1)
        elif model == "alpha-factor":
            total = sum((k * alpha for k, alpha in given.items()), start=np.asarray(0.0))
            if not np.all(total > 0):
                raise InputError("alpha-factor: at least one factor must be above 0")
            shares = {k: k * alpha / math.comb(members - 1, k - 1) / total for k, alpha in given.items()}
        else:
            shares = dict(given)
    return {k: np.asarray(share) for k, share in shares.items() if np.any(np.asarray(share) > 0)}


def combinations_of(members: Sequence[str], shares: Mapping[int, object]) -> list[tuple[str, ...]]:
    """List the combinations of a group that have a share.

    Parameters
    ----------
    members : sequence of str
        Names of the parts.
    shares : mapping of int to anything
        As by `event_shares`.

    Returns
    -------
    list of tuple of str
        Combinations, smaller ones first.

    Examples
    --------
    >>> combinations_of("ab", {1: 0.9, 2: 0.1})
    [('a',), ('b',), ('a', 'b')]
    """
    return [combination for k in sorted(shares) for combination in combinations(members, k)]
