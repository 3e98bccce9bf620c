"""Where a chain is in the long run, by elimination: every digit right however far apart its rates lie.

W. K. Grassmann, M. I. Taksar, D. P. Heyman, Operations Research 33 (1985) 1107: nothing is subtracted, so the
relative error of every probability is bounded by the number of states and the rounding of one operation alone
(C. A. O'Cinneide, Numer. Math. 65 (1993) 109), not by the rates. Sparse chains are eliminated in an order of minimum
degree, so that few new transitions arise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.errors import NoConvergenceError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_ORDERED, _MOST_ORDERED_FIRST = 60_000, 2_000
_MOST_MULTIPLICATIONS, _FEW_MULTIPLICATIONS = 4e9, 2e7
_AT_BEST = 100.0  # times as much work in an order by distance as in one of minimum degree; 10 on a grid, 4 at random


def dense(chain: Chain, order: IntArray) -> FloatArray:
    """Stationary distribution of an irreducible chain of few states; the last of the order are eliminated first."""
    from k2rel.ctmc.kernels import eliminate

    p = np.empty(len(order))
    code = eliminate(chain.rates[order][:, order].toarray(), p)
    if code != -1:  # numbers left the range of a float
        found = _sparse(chain, order[::-1], np.inf)
        if found is None:
            raise NoConvergenceError(
                "the rates are too far apart: the exit rate of a state is too small to be distinguished from 0"
            )
        return found
    result = np.empty(len(order))
    result[order] = p / p.sum()
    return result


def sparse(chain: Chain, *, soon: bool = False) -> FloatArray | None:
    """Stationary distribution of an irreducible chain, or None where it would take too long, or not be there soon."""
    if chain.states > (min(_MOST_ORDERED, _MOST_ORDERED_FIRST) if soon else _MOST_ORDERED):
        return None
    most = _FEW_MULTIPLICATIONS if soon else _MOST_MULTIPLICATIONS
    pattern = _both_ways(chain.rates)
    if not soon and _by_distance(pattern) > _AT_BEST * most:
        return None
    return _sparse(chain, _minimum_degree(pattern), most)


def _both_ways(rates: csr_array) -> csr_array:
    """Pattern of the transitions, each in both directions."""
    from scipy.sparse import csr_array

    ones = csr_array((np.ones(rates.nnz), rates.indices, rates.indptr), shape=rates.shape)
    pattern = csr_array(ones + ones.T)
    pattern.sort_indices()
    return pattern


def _by_distance(pattern: csr_array) -> float:
    """Work of an elimination in the order of Cuthill and McKee, which is found at once.

    Where everything is near everything else, an order of minimum degree takes longer to find than it could save: more
    than ten minutes for 60,000 states with three transitions each at random.
    """
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    from k2rel.ctmc.wide import fill

    order = reverse_cuthill_mckee(pattern, symmetric_mode=True)
    ordered = pattern[order][:, order].tocsr()
    return fill(ordered.indptr, ordered.indices)[2]


def _minimum_degree(pattern: csr_array) -> IntArray:
    """Order of elimination; an incomplete factorisation without any entries costs little more than the ordering."""
    from scipy.sparse import csc_array, diags_array
    from scipy.sparse.linalg import spilu

    degree = np.diff(pattern.indptr)
    dominant = csc_array(diags_array(2.0 * degree + 1.0) - 0.5 * pattern)
    factors = spilu(
        dominant, drop_tol=1.0, fill_factor=1, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )  # fmt: skip
    return np.argsort(factors.perm_c).astype(np.int64)


def _sparse(chain: Chain, order: IntArray, most: float) -> FloatArray | None:
    from k2rel.ctmc.wide import eliminated, fill

    rates = chain.rates[order][:, order].tocsr()
    rates.sum_duplicates()  # of transitions that stand twice the last one alone would count
    pattern = _both_ways(rates)
    parent, count, work = fill(pattern.indptr, pattern.indices)
    if work > most:
        return None
    never_left, p = eliminated(pattern.indptr, pattern.indices, rates.indptr, rates.indices, rates.data, parent, count)
    if never_left >= 0:
        return None
    result = np.empty(len(order))
    result[order] = p
    return result
