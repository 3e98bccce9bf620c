"""Extrapolation of a course of corrected vectors.

D. G. Anderson, J. ACM 12 (1965) 547.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__: list[str] = []

FloatArray = NDArray[np.float64]


class Course:
    """The last steps of vectors and of their corrections."""

    def __init__(self, size: int, window: int) -> None:
        """Room for so many steps."""
        self.steps, self.changes = np.empty((window, size)), np.empty((window, size))
        self.gram = np.zeros((window, window))
        self.weight: FloatArray | None = None  # by which states count in what is made small; None: all alike
        self.last: tuple[FloatArray, FloatArray] | None = None
        self.count = 0

    def begin(self, weight: FloatArray | None = None) -> None:
        """Begin anew."""
        self.weight, self.last, self.count = weight, None, 0

    def next(self, x: FloatArray, e: FloatArray) -> FloatArray:
        """The vector from which the combination of the last corrections would be smallest; both arguments are kept."""
        window = len(self.gram)
        if self.last is None:
            self.last = (x, e)
            return x + e
        slot = self.count % window
        np.subtract(x, self.last[0], out=self.steps[slot])
        np.subtract(e, self.last[1], out=self.changes[slot])
        self.last = (x, e)
        self.count += 1
        used = min(self.count, window)
        changes = self.changes[:used]
        self.gram[slot, :used] = self.gram[:used, slot] = changes @ self._weighed(self.changes[slot])
        norm = np.sqrt(np.maximum(np.diag(self.gram)[:used], 1e-300))
        right = changes @ self._weighed(e) / norm
        weight = np.linalg.lstsq(self.gram[:used, :used] / np.outer(norm, norm), right, rcond=1e-13)[0] / norm
        y = x + e
        y -= weight @ self.steps[:used]
        y -= weight @ changes
        return y

    def _weighed(self, vector: FloatArray) -> FloatArray:
        return vector if self.weight is None else vector * self.weight
