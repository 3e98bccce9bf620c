"""How many of many alike and independent clients do something: sums of multinomials, with all their digits.

Nothing is subtracted; distributions are built by repeated squaring of sums of positive terms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Counts",
    "all_of",
    "any_happens",
    "any_of",
    "binomial_power",
    "count_sum",
    "expm1",
    "log1p",
    "some_leave",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NEGLIGIBLE = 1e-40
_SURE = -1e30


@lru_cache(maxsize=4096)
def binomial_power(n: int, p: float) -> FloatArray:
    """Distribution of how many of n clients do something that each does with probability p.

    Examples
    --------
    >>> binomial_power(3, 0.5).tolist()
    [0.125, 0.375, 0.375, 0.125]
    """
    result, square = np.ones(1), np.array([1.0 - p, p])
    while n:
        if n & 1:
            result = np.convolve(result, square)
        n >>= 1
        if n:
            square = np.convolve(square, square)
    result.flags.writeable = False
    return result


@dataclass(frozen=True)
class Counts:
    """A distribution over vectors of counts, with only the vectors that can be."""

    vectors: IntArray
    probability: FloatArray

    @staticmethod
    def one(outcomes: Mapping[tuple[int, ...], float]) -> Counts:
        """Write one client's outcomes as a distribution.

        Examples
        --------
        >>> Counts.one({(1,): 0.5, (0,): 0.5}).power(2).as_dict()
        {(0,): 0.25, (1,): 0.5, (2,): 0.25}
        """
        vectors = np.array(list(outcomes), dtype=np.int64).reshape(len(outcomes), -1)
        return Counts(vectors, np.array(list(outcomes.values()), dtype=np.float64)).tidy()

    def tidy(self, below: float = _NEGLIGIBLE) -> Counts:
        """Add up equal vectors and drop those with a probability below a bound.

        Examples
        --------
        >>> Counts(np.array([[1], [1]]), np.array([0.5, 0.5])).tidy().as_dict()
        {(1,): 1.0}
        """
        if self.vectors.shape[1] == 0:
            return Counts(self.vectors[:1], np.array([self.probability.sum()]))
        low = self.vectors.min(axis=0)
        spans = self.vectors.max(axis=0) - low + 1
        if math.prod(spans.tolist()) < 2**62:
            codes = np.zeros(len(self.vectors), dtype=np.int64)
            for column, span in zip((self.vectors - low).T, spans, strict=True):
                codes = codes * span + column
            unique, first, back = np.unique(codes, return_index=True, return_inverse=True)
        else:  # one number cannot tell so many vectors apart
            unique, first, back = np.unique(self.vectors, axis=0, return_index=True, return_inverse=True)
        sums: FloatArray = np.bincount(back.reshape(-1), weights=self.probability, minlength=len(unique)).astype(
            np.float64
        )
        keep = sums > below
        return Counts(self.vectors[first[keep]], sums[keep])

    def plus(self, other: Counts, below: float = _NEGLIGIBLE) -> Counts:
        """Add an independent vector.

        Examples
        --------
        >>> a = Counts.one({(1,): 1.0})
        >>> a.plus(a).as_dict()
        {(2,): 1.0}
        """
        vectors = (self.vectors[:, None, :] + other.vectors[None, :, :]).reshape(-1, self.vectors.shape[1])
        probability = np.outer(self.probability, other.probability).reshape(-1)
        keep = probability > below
        if not keep.any():
            return Counts(vectors[:0], probability[:0])
        return Counts(vectors[keep], probability[keep]).tidy(below)

    def power(self, n: int, below: float = _NEGLIGIBLE) -> Counts:
        """Add up n independent vectors of this distribution.

        Examples
        --------
        >>> Counts.one({(0,): 0.9, (1,): 0.1}).power(0).as_dict()
        {(0,): 1.0}
        """
        result = Counts(np.zeros((1, self.vectors.shape[1]), dtype=np.int64), np.ones(1))
        square = self
        while n:
            if n & 1:
                result = result.plus(square, below)
            n >>= 1
            if n:
                square = square.plus(square, below)
        return result

    def as_dict(self) -> dict[tuple[int, ...], float]:
        """Give the distribution as a dictionary.

        Examples
        --------
        >>> Counts.one({(1, 2): 1.0}).as_dict()
        {(1, 2): 1.0}
        """
        return {tuple(v): float(p) for v, p in zip(self.vectors.tolist(), self.probability, strict=True)}


def count_sum(parts: Sequence[tuple[int, Mapping[tuple[int, ...], float]]], below: float = _NEGLIGIBLE) -> Counts:
    """Distribution of a sum over groups of alike clients.

    Examples
    --------
    >>> count_sum([(2, {(1,): 1.0}), (3, {(1,): 1.0})]).as_dict()
    {(5,): 1.0}
    """
    return _sum(tuple((size, tuple(outcomes.items())) for size, outcomes in parts), below)


_Outcomes = tuple[tuple[tuple[int, ...], float], ...]


@lru_cache(maxsize=512)
def _sum(parts: tuple[tuple[int, _Outcomes], ...], below: float) -> Counts:
    """Clients behave alike in many modes, so most sums are asked for again and again."""
    total: Counts | None = None
    for size, outcomes in parts:
        counts = _power(size, outcomes, below)
        total = counts if total is None else total.plus(counts, below)
    return total if total is not None else Counts(np.zeros((1, 0), dtype=np.int64), np.ones(1))


@lru_cache(maxsize=512)
def _power(size: int, outcomes: _Outcomes, below: float) -> Counts:
    return Counts.one(dict(outcomes)).power(size, below)


def any_of(probability: Sequence[float], sizes: Sequence[int]) -> float:
    """Probability that at least one of many independent things happens, with all its digits.

    Examples
    --------
    >>> any_of([1e-20], [4])
    4e-20
    """
    if any(p >= 1.0 and n for p, n in zip(probability, sizes, strict=True)):
        return 1.0
    return -math.expm1(sum(n * math.log1p(-p) for p, n in zip(probability, sizes, strict=True)))


def any_happens(probability: FloatArray, counts: IntArray) -> FloatArray:
    """As `any_of`, for many cases and parameter vectors at once.

    Examples
    --------
    >>> any_happens(np.array([1e-20, 0.5]), np.array([[4, 0], [0, 1]])).tolist()
    [4e-20, 0.5]
    """
    with np.errstate(divide="ignore"):
        log = log1p(-probability)
    return np.asarray(-np.expm1(counts @ log))


def log1p(z: Any) -> Any:
    """Logarithm of 1 + z; of a complex z with a tiny imaginary part, which NumPy's own would lose digits of.

    Of what is sure not to happen it is a large number, so that times none of it, it is nothing.

    Examples
    --------
    >>> float(f"{log1p(1e-3 + 1e-40j).imag:.6g}")
    9.99001e-41
    """
    if not np.iscomplexobj(z):
        return np.maximum(np.log1p(z), _SURE)
    real = np.maximum(np.log1p(z.real), _SURE)
    with np.errstate(divide="ignore", invalid="ignore"):
        return real + 1j * np.where(real <= _SURE, 0.0, z.imag / (1.0 + z.real))


def expm1(z: Any) -> Any:
    """Exponential of z less 1, as `log1p`.

    Examples
    --------
    >>> expm1(np.array([1e-20]))
    array([1.e-20])
    """
    if not np.iscomplexobj(z):
        return np.expm1(z)
    return np.expm1(z.real) + 1j * z.imag * np.exp(z.real)


def all_of(probability: Sequence[float], sizes: Sequence[int]) -> float:
    """Probability that all of many independent things happen.

    Examples
    --------
    >>> all_of([0.5, 1.0], [2, 7])
    0.25
    """
    return math.prod(p**n for p, n in zip(probability, sizes, strict=True))


def some_leave(pairs: Sequence[Sequence[float]], sizes: Sequence[int]) -> float:
    """Probability that all clients are served and then not all.

    Examples
    --------
    >>> some_leave([(0.5, 0.25)], [1])
    0.25
    """
    if any(served <= 0 for served, _ in pairs):
        return 0.0
    leave = any_of([min(gone / served, 1.0) for served, gone in pairs], sizes)
    return all_of([served for served, _ in pairs], sizes) * leave
