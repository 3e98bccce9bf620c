"""Rates of what happens to roles in time, as expressions in what is given: times, rates and probabilities.

A rate is known by what it is made of, so that its derivatives, and its values at other inputs, need no rule of their
own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["PROBABILITIES", "Given", "Term"]

PROBABILITIES = ("coverage", "retry_coverage", "operator_coverage", "split_restore_share")
"""Numbers that are probabilities."""


@dataclass(frozen=True, slots=True)
class Given:
    """One number that is given: a field of a role, of what a unit needs, of a suspension, or an operator's time."""

    field: str
    role: str | None = None
    unit: str | None = None
    need: int = 0
    part: str | None = None


Value = Callable[[Given], Any]


@dataclass(frozen=True, slots=True)
class Term:
    """A rate: one that is given, or 1 over a time, times probabilities.

    The time is the longest over roles, of the shortest over causes, of sums. A share is the smallest of some
    probabilities, or what that leaves.
    """

    times: tuple[tuple[tuple[Given, ...], ...], ...] = ()
    per_h: Given | None = None
    share: tuple[Given, ...] = ()
    rest: bool = False

    def value(self, of: Value) -> Any:
        """The rate [1/h], from the value of what is given, a number or an array; 0 where its time is 0.

        Examples
        --------
        >>> Term(((((Given("switchover_h", "r"),),),)), share=(Given("coverage", "r"),)).value(lambda given: 0.5)
        1.0
        """
        rate: Any = 1.0 if self.per_h is None else of(self.per_h)
        if self.share:
            share = _least([of(given) for given in self.share])
            rate = rate * (1.0 - share if self.rest else share)
        if self.times:
            time = self._time(of)
            with np.errstate(divide="ignore", invalid="ignore"):
                rate = np.where(np.asarray(time) > 0, rate / np.where(np.asarray(time) > 0, time, 1.0), 0.0)
            rate = float(rate) if np.ndim(rate) == 0 else rate
        return rate

    def _time(self, of: Value) -> Any:
        return _most([_least([sum(of(given) for given in one) for one in role]) for role in self.times])

    def slopes(self, of: Callable[[Given], float]) -> Iterator[tuple[Given, float]]:
        """Derivative of the rate by each number that it is made of; of several that decide equally, each in part."""
        rate = self.value(of)
        if self.per_h is not None and of(self.per_h) > 0:
            yield self.per_h, rate / of(self.per_h)
        if self.share:
            least = min(of(given) for given in self.share)
            deciding = [given for given in self.share if of(given) == least]
            left = 1.0 - least if self.rest else least
            if 0.0 < least < 1.0:
                for given in deciding:
                    yield given, (-rate if self.rest else rate) / left / len(deciding)
        if self.times and (time := self._time(of)) > 0:
            each = [min(role, key=lambda one: sum(of(given) for given in one)) for role in self.times]
            longest = [one for one in each if sum(of(given) for given in one) == time]
            for one in longest:
                for given in one:
                    if of(given) > 0:
                        yield given, -rate / time / len(longest)


def _most(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else np.maximum.reduce(np.broadcast_arrays(*values))


def _least(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else np.minimum.reduce(np.broadcast_arrays(*values))
