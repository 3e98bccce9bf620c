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

__all__ = ["MODELS", "combinations_of", "event_shares", "part_total"]

FloatArray = NDArray[np.float64]

MODELS = ("beta-factor", "MGL", "alpha-factor", "phi-factor")
"""Names of the parametric models, as in the Open-PSA model exchange format."""

_MOST_MEMBERS = 12
_ROUNDING = 1e-6  # of factors that are written with few digits


def event_shares(model: str, members: int, factors: Mapping[int, ArrayLike]) -> dict[int, FloatArray]:
    r"""Give the share of a part's total probability that belongs to each combination of k parts.

    Factors by level, all of them: beta at n; MGL's beta, gamma, ... at 2 to n; alpha and phi at 1 to n.

    Notes
    -----
    beta-factor: :math:`Q_1 = (1 - \beta) Q`, :math:`Q_n = \beta Q`.
    MGL: :math:`Q_k = \binom{n-1}{k-1}^{-1} (\prod_{i=2}^{k} \rho_i)(1 - \rho_{k+1}) Q`.
    alpha-factor, tests not staggered: :math:`Q_k = k \binom{n-1}{k-1}^{-1} \alpha_k Q / \sum_i i \alpha_i`.
    phi-factor: :math:`Q_k = \phi_k Q`.

    Examples
    --------
    >>> {k: float(share) for k, share in event_shares("beta-factor", 3, {3: 0.25}).items()}
    {1: 0.75, 3: 0.25}
    """
    if model not in MODELS:
        raise InputError(f"unknown common-cause model '{model}'; known: {', '.join(MODELS)}")
    if not 2 <= members <= _MOST_MEMBERS:
        raise InputError(f"a common-cause group needs 2 to {_MOST_MEMBERS} members, got {members}")
    given = {level: np.asarray(value, dtype=np.float64) for level, value in factors.items()}
    wanted = _levels(model, members)
    wrong = sorted(set(given) - set(wanted))
    if wrong and model == "beta-factor":
        raise InputError(
            f"beta-factor: one cause makes all {members} members fail, so its factor is that of level {members}, "
            f"got level {wrong[0]}; for smaller combinations use MGL or alpha-factor"
        )
    if wrong:
        raise InputError(f"{model}: factors of levels {wanted[0]} to {members} are needed, got level {wrong[0]}")
    missing = sorted(set(wanted) - set(given))
    if missing:
        raise InputError(
            f"{model}: no factor of level {missing[0]}; a group of {members} needs "
            + (f"one of level {members}" if len(wanted) == 1 else f"those of levels {wanted[0]} to {members}, also 0")
        )
    for level, value in given.items():
        if not np.all((value >= 0) & (value <= 1)):
            shown = f", got {float(value):.6g}" if value.ndim == 0 else ""
            raise InputError(f"{model}: the factor of level {level} must lie between 0 and 1{shown}")
    total = sum(given.values(), start=np.asarray(0.0))
    if model == "beta-factor":
        beta = given[members]
        shares = {1: 1.0 - beta, members: beta}
    elif model == "MGL":
        shares, chain = {}, np.asarray(1.0)
        for k in range(1, members + 1):
            chain = chain * given.get(k, 1.0)
            onward = given.get(k + 1, np.asarray(0.0))
            shares[k] = chain * (1.0 - onward) / math.comb(members - 1, k - 1)
    elif model == "alpha-factor":
        if not np.all(total > 0):
            raise InputError("alpha-factor: at least one factor must be above 0")
        whole = sum((k * alpha for k, alpha in given.items()), start=np.asarray(0.0))
        shares = {k: k * alpha / math.comb(members - 1, k - 1) / whole for k, alpha in given.items()}
    else:
        if not np.all(np.abs(total - 1.0) <= _ROUNDING):
            shown = f"they sum to {float(total):.6g}" if total.ndim == 0 else "in some samples they do not"
            raise InputError(f"phi-factor: the factors of all levels must sum to 1, {shown}")
        shares = dict(given)
    return {k: np.asarray(share) for k, share in shares.items() if np.any(np.asarray(share) > 0)}


def _levels(model: str, members: int) -> range:
    """Levels of which a model needs a factor in a group of so many."""
    return range({"beta-factor": members, "MGL": 2}.get(model, 1), members + 1)


def part_total(members: int, shares: Mapping[int, ArrayLike]) -> FloatArray:
    r"""Give what the shares leave a single part in all: its own events and every combination that holds it.

    :math:`\sum_k \binom{n-1}{k-1} Q_k / Q`: 1 but for phi factors of three and more parts, which the exchange format
    takes for every combination as they are.

    Examples
    --------
    >>> float(part_total(3, event_shares("phi-factor", 3, {1: 0.75, 2: 0.125, 3: 0.125})))
    1.125
    """
    terms = (math.comb(members - 1, k - 1) * np.asarray(share, dtype=np.float64) for k, share in shares.items())
    return sum(terms, start=np.asarray(0.0))


def combinations_of(members: Sequence[str], shares: Mapping[int, object]) -> list[tuple[str, ...]]:
    """List the combinations of a group that have a share.

    Examples
    --------
    >>> combinations_of("ab", {1: 0.9, 2: 0.1})
    [('a',), ('b',), ('a', 'b')]
    """
    return [combination for k in sorted(shares) for combination in combinations(members, k)]
