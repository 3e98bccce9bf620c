"""Sums of what many alike and independent clients do, followed together.

What one client does is a row of numbers: loads, counts. A row is written as one whole number, each column on a grid of
its own, so that sums of rows are sums of whole numbers, exactly, and rows with equal sums become one entry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError

__all__ = ["Coded", "coded", "grid_of", "sums_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_FINEST = 5040  # largest denominator looked for: shares of up to ten paths
_GRID = 1_000_000
_CODES = 2**62


def sums_of(rows: FloatArray, groups: Sequence[tuple[int, Any]], below: float) -> tuple[FloatArray, Any]:
    """Give the distribution of a sum of rows over groups of alike clients: sums (entries x columns), and their weights.

    Each group has its size and the weight of each row for one client (rows x cases); weights may be complex, with a
    derivative as tiny imaginary part. Entries of a weight up to `below` are left out.

    Examples
    --------
    >>> found, weights = sums_of(np.array([[50.0, 0.0], [25.0, 25.0]]), [(2, np.array([[0.5], [0.5]]))], 0.0)
    >>> found.tolist(), weights[:, 0].tolist()
    ([[100.0, 0.0], [75.0, 25.0], [50.0, 50.0]], [0.25, 0.5, 0.25])
    """
    from k2rel.services.kernels import joint_counts

    clients = sum(size for size, _ in groups)
    mean = sum(size * weights.real.max(axis=1, initial=0.0) for size, weights in groups)
    most = np.array([min(_most(one, clients) + 1, clients) for one in np.atleast_1d(mean).tolist()], dtype=np.int64)
    code = coded(rows, most)
    there = [np.flatnonzero(weights.any(axis=1)) for _, weights in groups]
    starts = np.cumsum([0, *map(len, there)])
    parts = np.concatenate([weights[which] for (_, weights), which in zip(groups, there, strict=True)])
    sizes = np.array([size for size, _ in groups], dtype=np.int64)
    found, total = joint_counts(sizes, starts, np.concatenate([code.rows[which] for which in there]), parts, below)
    return code.sums(found), total


@dataclass(frozen=True)
class Coded:
    """Rows as whole numbers, the base of each digit, and what each digit is worth (digits x columns)."""

    rows: IntArray
    bases: list[int]
    worth: FloatArray
    unit: FloatArray | None = None  # of which every value of a column is a multiple

    def sums(self, codes: IntArray) -> FloatArray:
        """Sums of rows from the sums of their codes."""
        found = (codes[:, None] // _units(self.bases) % np.array(self.bases, dtype=np.int64)) @ self.worth
        if self.unit is None:
            return np.asarray(found)
        # so that nothing is exactly nothing, where a column is a sum of multiples of others
        return np.asarray(np.rint(found / np.where(self.unit > 0, self.unit, 1.0)) * self.unit)


def coded(rows: FloatArray, most: IntArray) -> Coded:
    """Write rows as whole numbers, of which so many of each are added up at most.

    A digit for each column that is no multiple of another one or, where those are too many, for each kind of row.
    """
    found = [_on_grid(tuple(column)) for column in rows.T.tolist()]
    if None not in found:
        grid = [one for one in found if one is not None]
        for chosen in (_different, _independent):
            digits, worth = chosen(rows, grid)
            table = np.array([grid[column][1] for column in digits], dtype=np.int64).reshape(len(digits), len(rows))
            bases = (table @ most + 1).tolist()
            if math.prod(bases) < _CODES:
                return Coded(_units(bases) @ table, bases, worth, np.array([unit for unit, _ in grid]))
    some = rows.any(axis=1)
    bases = np.where(some, most + 1, 1).tolist()
    if math.prod(bases) >= _CODES:
        raise ModelTooLargeError(
            f"clients load the paths in {int(some.sum())} different manners, too many to count together; use fewer "
            "clients or groups"
        )
    return Coded(np.where(some, _units(bases), 0), bases, rows)


Grid = Sequence[tuple[float, tuple[int, ...]]]


def _different(rows: FloatArray, grid: Grid) -> tuple[list[int], FloatArray]:
    """Columns that are no multiples of each other, and what one unit of each adds to every column."""
    first: dict[tuple[int, ...], int] = {}
    for column, (_, places) in enumerate(grid):
        first.setdefault(places, column)
    digits = list(first.values())
    worth = np.zeros((len(digits), len(grid)))
    for column, (unit, places) in enumerate(grid):
        worth[digits.index(first[places]), column] = unit
    return digits, worth


def _independent(rows: FloatArray, grid: Grid) -> tuple[list[int], FloatArray]:
    """Columns that are no sums of multiples of others, and what one unit of each adds to every column."""
    digits: list[int] = []
    for column in range(rows.shape[1]):
        trial = rows[:, [*digits, column]] / np.array([grid[n][0] or 1.0 for n in (*digits, column)])
        if np.linalg.matrix_rank(trial, tol=1e-9) > len(digits):
            digits.append(column)
    basis = rows[:, digits]
    parts = np.linalg.lstsq(basis, rows, rcond=None)[0]
    parts[np.abs(parts) < 1e-12] = 0.0
    if np.abs(basis @ parts - rows).max(initial=0.0) > 1e-10 * np.abs(rows).max(initial=0.0):
        return _different(rows, grid)
    return digits, np.array([grid[column][0] for column in digits])[:, None] * parts


def _units(bases: Sequence[int]) -> IntArray:
    return np.array([math.prod(bases[:place]) for place in range(len(bases))], dtype=np.int64)


def grid_of(values: FloatArray) -> float:
    """A unit of which some amounts are multiples; a millionth where they have none.

    Examples
    --------
    >>> round(grid_of(np.array([0.0, 25.0, 100 / 3])), 6)
    8.333333
    """
    found = _on_grid(tuple(values.tolist()))
    return 1e-6 if found is None else found[0] or 1.0


@lru_cache(maxsize=4096)
def _on_grid(column: tuple[float, ...]) -> tuple[float, tuple[int, ...]] | None:
    """A unit of which all values are multiples, to 12 digits, and the smallest such multiples."""
    top = max(column, default=0.0)
    if top <= 0:
        return 0.0, (0,) * len(column)
    parts = []
    for value in column:
        part = Fraction(value / top).limit_denominator(_FINEST)
        if abs(float(part) - value / top) > 1e-12:
            return None
        parts.append(part)
    grid = math.lcm(*(part.denominator for part in parts))
    return (top / grid, tuple(int(part * grid) for part in parts)) if grid <= _GRID else None


def _most(mean: float, clients: int) -> int:
    """How many clients at most do what so many do on average: more have a probability below 1e-33.

    The bound is that of H. Chernoff (1952) for sums of independent events.
    """
    if mean <= 0:
        return 1

    def too_many(count: int) -> bool:
        return count > mean and count - mean + count * math.log(mean / count) < -76.0

    low, high = 0, clients
    if not too_many(high):
        return clients
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if too_many(middle) else (middle, high)
    return high
