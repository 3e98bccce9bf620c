"""A probability that was summed from positive terms does not pass 1 by the rounding of the sum."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["at_most_one", "more_than"]

FloatArray = NDArray[np.float64]

Total = TypeVar("Total", float, FloatArray)

_ROUNDING = 1e-9


def at_most_one(total: Total) -> Total:
    """Cut what rounding has added to a probability; what is above 1 by more is no rounding and stays to be seen.

    Examples
    --------
    >>> at_most_one(1.0000000000000004), at_most_one(0.25), at_most_one(1.5)
    (1.0, 0.25, 1.5)
    """
    if isinstance(total, np.ndarray):
        return np.where((total > 1.0) & (total <= 1.0 + _ROUNDING), 1.0, total)
    return 1.0 if 1.0 < total <= 1.0 + _ROUNDING else total


def more_than(whole: float, part: float) -> float:
    """What a whole has beyond a part of it; 0 where the two are equal but for the rounding of their sums.

    Examples
    --------
    >>> more_than(0.5, 0.25), more_than(0.3 + 5e-17, 0.3)
    (0.25, 0.0)
    """
    return whole - part if whole - part > _ROUNDING * whole else 0.0
