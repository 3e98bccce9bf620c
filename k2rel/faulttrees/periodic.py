"""Parts that are tested at intervals: the built-in ``periodic-test`` of the Open-PSA format, in all of its three forms.

The form with eleven arguments, in the words of the standard (Model Exchange Format 2.0d, table of the built-in): a
part that works fails at the rate λ, and at λ* while it is tested; tests begin at θ + nτ and last π; the beginning
of one makes a part fail with the probability γ; x says whether the part is available meanwhile; a test finds a
failure with the probability σ, and what it found is repaired at the rate μ from its end on; after a test that found
nothing wrong, and after a repair, the part is badly restarted with the probability ω, which is a failure that the
next test may find. A part that is in repair when a test is due is not tested. With five arguments π = γ = ω = 0 and
σ = 1; with four the repair takes no time as well.

Where the standard leaves it open, a failure is found at the end of the test. SCRAM takes that too, but applies ω after
repairs alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import FASTEST_PER_H
from k2rel.ctmc.small import transient

__all__ = ["FORMS", "periodic_test", "wrong_argument"]

FloatArray = NDArray[np.float64]

FORMS = (4, 5, 11)
"""Numbers of arguments."""
FORM_WORDS = "4 are λ, τ, θ, t; 5 are λ, μ, τ, θ, t; 11 are λ, λ*, μ, τ, θ, γ, π, x, σ, ω, t"
_MOST_TESTS = 10_000_000  # each moves the sum of the probabilities by 1e-16 or less
_NAMES = ("λ", "λ*", "μ", "τ", "θ", "γ", "π", "x", "σ", "ω", "t")
_PLACES = {4: (0, 3, 4, 10), 5: (0, 2, 3, 4, 10), 11: tuple(range(11))}


def wrong_argument(values: Sequence[FloatArray]) -> tuple[int, str] | None:
    """Say which argument cannot be, and what it must be.

    Examples
    --------
    >>> wrong_argument([np.asarray(x) for x in (1e-4, 0.0, 0.0, 100.0)])
    (1, 'τ must be above 0')
    """
    names = [_NAMES[place] for place in _PLACES[len(values)]]
    by_name = dict(zip(names, values, strict=True))
    for place, (name, value) in enumerate(by_name.items()):
        if np.any(value < 0) or (name == "τ" and np.any(value <= 0)):
            return place, f"{name} must be above 0" if name == "τ" else f"{name} must not be negative"
        if name in ("γ", "σ", "ω") and np.any(value > 1):
            return place, f"{name} is a probability, at most 1"
        if name == "x" and np.any((value != 0) & (value != 1)):
            return place, "x is 1 if the part is available during a test, else 0"
        if name in ("λ", "λ*", "μ") and np.any(value > FASTEST_PER_H):
            return place, f"{name} is a rate, at most {FASTEST_PER_H:g} per hour"
        if name == "π" and np.any(value > by_name["τ"]):
            return place, "π, the duration of a test, must not be above τ, the test interval"
    if len(values) > 4 and np.any(by_name["t"] - by_name["θ"] > _MOST_TESTS * by_name["τ"]):
        return len(values) - 1, f"t has more than {_MOST_TESTS:,} tests before it; are t and τ in hours?"
    return None


def periodic_test(*values: FloatArray) -> FloatArray:
    """Evaluate the built-in with 4, 5 or 11 arguments; at a test, and at its end, the value just before.

    Examples
    --------
    >>> float(periodic_test(*(np.asarray(x) for x in (1e-4, 100.0, 50.0, 60.0))).round(9))
    0.0009995
    """
    if len(values) == 4:
        return _tested(*values)
    arrays = np.broadcast_arrays(*values)
    result = np.empty(arrays[0].shape)
    for point in np.ndindex(result.shape):
        given = [float(array[point]) for array in arrays]
        if len(values) == 5:
            failure, repair, interval, first, time = given
            result[point] = _Part(failure, 0.0, repair, interval, first, 0.0, 0.0, 1.0, 1.0, 0.0).down(time)
        else:
            result[point] = _Part(*given[:10]).down(given[10])
    return result


def _tested(failure: FloatArray, interval: FloatArray, first: FloatArray, time: FloatArray) -> FloatArray:
    """Tests that put the part back as new at once; at a test the value just before it."""
    since = np.where(time <= first, time, np.mod(time - first, interval))
    since = np.where((time > first) & (since == 0), interval, since)
    return np.asarray(-np.expm1(-failure * since))


@dataclass(frozen=True, slots=True)
class _Part:
    """One part; between tests it works, has failed and nobody knows, or is in repair, in this order."""

    failure: float
    failure_tested: float
    repair: float
    interval: float
    first: float
    at_start: float
    duration: float
    available: float
    coverage: float
    restart: float

    def down(self, time: float) -> float:
        """Probability that it is not available."""
        if time <= self.first:
            return -math.expm1(-self.failure * time)
        periods = int((time - self.first) / self.interval)
        rest = time - self.first - periods * self.interval
        if rest <= 0 and periods:  # below 0 where the quotient was rounded up
            periods, rest = periods - 1, rest + self.interval
        state = np.array([1.0, 0.0, 0.0])
        if self.first > 0:
            state = state @ self._between(self.first)
        test, between = self._test(), self._between(self.interval - self.duration)
        if rest <= self.duration:
            return self._down_in_test(state @ np.linalg.matrix_power(test @ between, periods), rest)
        state = state @ test @ np.linalg.matrix_power(between @ test, periods) @ self._between(rest - self.duration)
        return float(state[1] + state[2])

    def _between(self, span: float) -> FloatArray:
        """What a time without a test makes of each state: positive terms only."""
        if span == 0:
            return np.eye(3)
        works = np.exp(-self.failure * span), -np.expm1(-self.failure * span), 0.0
        good, bad = self.repair * (1.0 - self.restart), self.repair * self.restart
        on = transient(np.array([[0.0, good, bad], [0.0, 0.0, self.failure], [0.0, 0.0, 0.0]]), np.array([span]))[0]
        return np.array([works, (0.0, 1.0, 0.0), (on[1], on[2], on[0])])

    def _in_test(self, span: float) -> tuple[float, float]:
        """Of a part that worked: that it works under test after a time, and that it has failed by then."""
        lasts, fails = math.exp(-self.failure_tested * span), -math.expm1(-self.failure_tested * span)
        return (1.0 - self.at_start) * lasts, self.at_start + (1.0 - self.at_start) * fails

    def _test(self) -> FloatArray:
        """What a whole test makes of each state; what was in repair goes on as between tests."""
        good, failed = self._in_test(self.duration)
        found = np.array([0.0, 1.0 - self.coverage, self.coverage])
        works = good * np.array([1.0 - self.restart, self.restart, 0.0]) + failed * found
        return np.array([works, found, self._between(self.duration)[2]])

    def _down_in_test(self, state: FloatArray, span: float) -> float:
        """That it is not available at a time within a test."""
        good, failed = self._in_test(span)
        repaired = self._between(span)[2]
        tested = failed + (good if self.available == 0 else 0.0)
        return float(state[0] * tested + state[1] + state[2] * (repaired[1] + repaired[2]))
