"""What is to be simulated, and the call that reports progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from k2rel.arguments import as_confidence, as_name, as_number, as_seed, as_whole, keep
from k2rel.errors import InputError
from k2rel.units import HOURS_PER_YEAR

__all__ = ["Plan", "Progress"]

_MOST_HISTORIES = 10**10


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be simulated.

    Parameters
    ----------
    histories : int
        Number of histories, or the most of them where a width is asked for.
    years : int
        Years of each that are counted.
    warm_up_h : float
        Time of each before that, from everything new and in service [h].
    seed : int
        Seed.
    target : float or None
        Half width of the interval of the unavailability that is asked for, relative to it.
    service : str or None
        The service that the width is of; by default the principal traffic.
    confidence : float
        Confidence of all intervals.

    Examples
    --------
    >>> Plan(histories=1000).years
    10
    """

    histories: int = 100_000
    years: int = 10
    warm_up_h: float = 2 * HOURS_PER_YEAR
    seed: int = 1
    target: float | None = None
    service: str | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        # what was given as 1e4, or by NumPy, is kept as the number that it is
        keep(self, histories=as_whole("histories", self.histories, 2, _MOST_HISTORIES))
        keep(self, years=as_whole("years", self.years, 1, 1000), seed=as_seed(self.seed))
        keep(self, warm_up_h=as_number("warm_up_h", self.warm_up_h), confidence=as_confidence(self.confidence))
        if not 0 <= self.warm_up_h <= 1e6 * HOURS_PER_YEAR:
            raise InputError(f"warm_up_h: a time from 0, got {self.warm_up_h:g} h")
        if self.target is not None:
            keep(self, target=as_number("target", self.target))
            if not 1e-4 <= self.target < 1:
                raise InputError(f"target: a relative half width from 0.0001 to 1, such as 0.05; got {self.target:g}")
        if self.service is not None:
            as_name("service", self.service)

    @property
    def window_h(self) -> float:
        """Length of the windows in which downtimes and interruptions are counted for themselves [h]: a year."""
        return HOURS_PER_YEAR

    @property
    def windows(self) -> int:
        """Windows of each history."""
        return self.years


class Progress(Protocol):
    """Told how far a simulation is."""

    def __call__(self, done: int, expected: int, relative_width: float) -> None:
        """Histories done, histories expected, half width of the interval relative to the estimate."""
