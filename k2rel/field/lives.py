"""What was seen of alike parts: lives, known exactly or between two times, or a number of failures in some hours."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.columns import counted
from k2rel.errors import InputError
from k2rel.tables import Shown

__all__ = ["LONGEST_H", "SHORTEST_H", "Exposure", "Lives", "RepairHistory"]

FloatArray = NDArray[np.float64]

LONGEST_H, SHORTEST_H = 1e12, 1e-9
"""Lives outside these are mistakes of their unit [h]."""


@dataclass(frozen=True, eq=False, repr=False)
class Lives(Shown):
    """Lives of alike parts, each between two times.

    Parameters
    ----------
    name : str
        What they are of.
    lower_h, upper_h : array of float
        A life lies between these [h]: both the same for one that was seen to end, an infinite upper one for a part
        that still worked (right-censored), a lower one of 0 for a part found failed (left-censored).
    count : array of float
        How many such lives there are.
    notes : tuple of str
        What was changed in them while reading.
    entry_h : array of float
        Age of each part when its observation began [h] (left truncation); 0, or nothing at all, for new ones.

    Raises
    ------
    InputError
        If a time is negative, an upper one below its lower one, a life over before its observation began, or a number
        not positive.

    Examples
    --------
    >>> lives = Lives.of(failed_h=[54.0, 187.0], working_h=[500.0] * 10)
    >>> lives.failures, lives.units, lives.hours
    (2, 12, 5241.0)
    """

    name: str
    lower_h: FloatArray
    upper_h: FloatArray
    count: FloatArray
    notes: tuple[str, ...] = ()
    entry_h: FloatArray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        low, high, count = self.lower_h, self.upper_h, self.count
        if not len(self.entry_h):
            object.__setattr__(self, "entry_h", np.zeros(len(low)))
        entry = self.entry_h
        if not len(low) == len(high) == len(count) == len(entry) or not len(low):
            raise InputError(f"lives of {self.name}: at least one, and as many lower times as upper ones and counts")
        if np.any(~(low >= 0)) or np.any(np.isinf(low)) or np.any(~(high >= low)) or np.any(~(count > 0)):
            raise InputError(f"lives of {self.name}: times from 0 on, the upper not below the lower, counts above 0")
        if np.any(low > LONGEST_H) or np.any((high > LONGEST_H) & np.isfinite(high)):
            raise InputError(f"lives of {self.name}: a time above {LONGEST_H:g} h; is its unit right?")
        if np.any((high > 0) & (high < SHORTEST_H)):
            raise InputError(f"lives of {self.name}: a time below {SHORTEST_H:g} h; is its unit right?")
        if np.any((low == high) & (high == 0.0)):
            raise InputError(
                f"lives of {self.name}: a life of 0 h means dead on arrival; leave such parts out, or "
                "give the interval in which the failure was found"
            )
        if np.any(~(entry >= 0)) or np.any(low < entry) or np.any((low == high) & (low == entry)):
            raise InputError(f"lives of {self.name}: a life ended before, or when, its observation began")
        if np.any((low == entry) & np.isinf(high)):
            keep = ~((low == entry) & np.isinf(high))
            if not keep.any():
                raise InputError(f"lives of {self.name}: no part was observed for any time")
            for attribute, values in (("lower_h", low), ("upper_h", high), ("count", count), ("entry_h", entry)):
                object.__setattr__(self, attribute, values[keep])

    @classmethod
    def of(
        cls, failed_h: ArrayLike = (), working_h: ArrayLike = (), name: str = "parts", entry_h: ArrayLike = ()
    ) -> Lives:
        """Make lives from times of failure, and times at which others still worked.

        Parameters
        ----------
        failed_h, working_h : array of float
            Times [h].
        name : str
            What they are of.
        entry_h : array of float
            Age of each when its observation began [h], of those that failed first; by default 0.

        Returns
        -------
        Lives
            One life for each.

        Examples
        --------
        >>> Lives.of([100.0], [200.0, 300.0]).units
        3
        """
        failed, working = np.asarray(failed_h, dtype=np.float64), np.asarray(working_h, dtype=np.float64)
        lower = np.concatenate([failed, working])
        upper = np.concatenate([failed, np.full(len(working), math.inf)])
        return cls(name, lower, upper, np.ones(len(lower)), (), np.asarray(entry_h, dtype=np.float64))

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Which lives were seen to end."""
        return np.asarray(self.lower_h == self.upper_h, dtype=np.bool_)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which parts still worked."""
        return np.isinf(self.upper_h)

    @property
    def has_intervals(self) -> bool:
        """Whether some failure is known between two times only."""
        return bool(np.any(~self.exact & ~self.right))

    @property
    def truncated(self) -> bool:
        """Whether some part was not new when its observation began."""
        return bool(np.any(self.entry_h > 0))

    @property
    def failures(self) -> int:
        """Number of failures."""
        return round(float(self.count[~self.right].sum()))

    @property
    def units(self) -> int:
        """Number of lives."""
        return round(float(self.count.sum()))

    @property
    def hours(self) -> float:
        """Hours that were seen altogether, of a life between two times up to their middle [h]."""
        until = np.where(self.right, self.lower_h, (self.lower_h + np.where(self.right, 0.0, self.upper_h)) / 2)
        return float((until - self.entry_h) @ self.count)

    def _line(self) -> str:
        return f"{self.name}: {float(self.count.sum()):,.6g} lives"


@dataclass(frozen=True, slots=True)
class Exposure:
    """A number of failures in a number of hours of operation.

    Parameters
    ----------
    name : str
        What it is of.
    failures : float
        Failures.
    hours : float
        Hours of operation of all units together [h].
    site : str
        Where it was seen; empty where nothing is said.

    Raises
    ------
    InputError
        If failures are negative or hours not above 0.

    Examples
    --------
    >>> Exposure("drives", 3, 8760.0 * 100).failures
    3
    """

    name: str
    failures: float
    hours: float
    site: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.failures < math.inf:
            raise InputError(f"{self.name}: failures are a number from 0, got {self.failures:g}")
        if not 0 < self.hours < math.inf:
            raise InputError(f"{self.name}: hours of operation are a number above 0, got {self.hours:g}")
        if self.failures > LONGEST_H or not SHORTEST_H <= self.hours <= 1e3 * LONGEST_H:
            raise InputError(
                f"{self.name}: {self.failures:g} failures in {self.hours:g} h are outside the possible range"
            )


@dataclass(frozen=True, eq=False, repr=False)
class RepairHistory(Shown):
    """Failures of units that were repaired and went on.

    Parameters
    ----------
    unit : array of int
        For each failure the number of its unit.
    time_h : array of float
        When it failed, from the unit's first start on [h].
    end_h : array of float, shape (units,)
        How long each unit was followed [h].

    Examples
    --------
    >>> RepairHistory(np.array([0, 0]), np.array([5.0, 40.0]), np.array([100.0])).failures
    2
    """

    unit: NDArray[np.int64]
    time_h: FloatArray
    end_h: FloatArray = field()

    def __post_init__(self) -> None:
        if np.any(~(self.time_h > 0)) or np.any(self.time_h > self.end_h[self.unit]):
            raise InputError("history of repairs: a failure lies after the start of its unit and not after its end")

    @property
    def failures(self) -> int:
        """Number of failures."""
        return len(self.time_h)

    def _line(self) -> str:
        return f"{counted(len(self.time_h), 'failure')} of {counted(len(self.end_h), 'unit')}"
