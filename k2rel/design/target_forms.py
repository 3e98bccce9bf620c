"""What a target asks for: an availability, or that most windows of time have little downtime, as contracts put it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from k2rel.columns import percentage
from k2rel.errors import InputError, closest
from k2rel.measures.capacity import carried
from k2rel.measures.inputs import inputs_of
from k2rel.measures.solution import Solution
from k2rel.measures.uncertainty import drawn_factors
from k2rel.measures.windows import WINDOW_WORDS, Figure, downtime_h_of, met_at_draws, probability_within, window_h_of
from k2rel.tables import Shown
from k2rel.units import availability_percent, format_duration

__all__ = [
    "MET",
    "NOT_KNOWN",
    "NOT_MET",
    "SURE",
    "Target",
    "WindowJudgement",
    "WindowTarget",
    "checked_target",
    "target_of",
    "verdict_of",
    "window_judgement",
]

MET, NOT_MET, NOT_KNOWN = "met", "not met", "not known"
"""Words of a verdict."""
SURE = 0.95
"""Probability from which a target is met; not met below its complement."""


def verdict_of(probability: float, sure: float) -> str:
    """Put the probability that a target is met into a word.

    Examples
    --------
    >>> verdict_of(0.96, 0.95), verdict_of(0.5, 0.95), verdict_of(0.05, 0.95)
    ('met', 'not known', 'not met')
    """
    return MET if probability >= sure else NOT_MET if probability <= 1.0 - sure + 1e-12 else NOT_KNOWN


_MOST_DRAWS = 100  # each is a chain of its own, followed through a window
_KEYS = ("within", "at most", "in")
_FORM = "a target is an availability [%] or '{within: month, at most: 1 min, in: 95 %}'"


@dataclass(frozen=True, slots=True, repr=False)
class WindowTarget(Shown):
    """At most so much downtime in a share of all windows."""

    within: str  # the window in words
    window_h: float
    at_most_h: float
    share: float  # of the windows, such as 0.95

    def words(self) -> str:
        """Say it.

        Examples
        --------
        >>> WindowTarget("month", 730.0, 1 / 60, 0.95).words()
        'at most 1 min of downtime in 95 % of months'
        """
        windows = f"{self.within}s" if self.within in WINDOW_WORDS else f"windows of {self.within}"
        return f"at most {format_duration(self.at_most_h)} of downtime in {100 * self.share:.6g} % of {windows}"

    def _line(self) -> str:
        return self.words()


Target: TypeAlias = float | WindowTarget
"""An availability [%], or what is asked of windows."""


@dataclass(frozen=True, slots=True, repr=False)
class WindowJudgement(Shown):
    """Whether a service meets a target on windows of time."""

    service: str
    target: WindowTarget
    verdict: str
    met: Figure  # probability that a window meets it, at the inputs as given, with limits
    how: str  # exact or simulated
    method: str
    takeovers: str
    probability: float  # that the target is met, over draws of the inputs
    draws: int  # 0: at the inputs as given only
    carries: float = 1.0  # probability that the site carries its clients; if not, no target is met

    def words(self) -> str:
        """Say it in a sentence.

        Examples
        --------
        >>> asked = WindowTarget("month", 730.0, 1 / 60, 0.95)
        >>> shares = Figure(0.96, 0.95, 0.97)
        >>> WindowJudgement("media", asked, "met", shares, "exact", "markov", "ideal", 1.0, 100).words()[-53:]
        ' it (exact, at the inputs as given); takeovers ideal.'
        """
        interval = f", {100 * self.met.low:.4g} to {100 * self.met.high:.4g}" if self.how != "exact" else ""
        drawn = f"; it is met with a probability of {percentage(self.probability)} ({self.draws} draws of the inputs)"
        load = "" if self.carries >= 1 else f" It carries its clients with a probability of {percentage(self.carries)}."
        return (
            f"{self.service.replace('_', ' ')}: {self.target.words()} is {self.verdict.upper()}"
            f"{drawn if self.draws else ''}: {100 * self.met.value:.4g} % meet it ({self.how}{interval}, at the inputs "
            f"as given); takeovers {self.takeovers}.{load}"
        )

    def row(self) -> dict[str, Any]:
        """Give it as a row of the table of judgements."""
        return {
            "service": self.service,
            "target_percent": 100.0 * self.target.share,
            "verdict": self.verdict,
            "within": self.target.within,
            "at_most_min": 60.0 * self.target.at_most_h,
            "windows_that_meet_it": self.met.value,
            "probability": self.probability,
            "p_carries": self.carries,
            "method": self.method,
            "takeovers": self.takeovers,
        }

    def _line(self) -> str:
        return self.words()


def checked_target(percent: object) -> float:
    """Check an availability that is asked for.

    Examples
    --------
    >>> checked_target(99.99)
    99.99
    """
    try:
        return availability_percent(percent)
    except ValueError as error:
        raise InputError(f"target: {error}") from None


def target_of(value: object) -> Target:
    """Read one target, in either form.

    Examples
    --------
    >>> target_of({"within": "month", "at most": "1 min", "in": "95 %"}).share
    0.95
    >>> target_of({"availability": 99.99})
    99.99
    """
    if isinstance(value, WindowTarget):
        return value
    if not isinstance(value, Mapping):
        return checked_target(value)
    keys = [str(key) for key in value]
    for key in keys:
        if key not in (*_KEYS, "availability"):
            raise InputError(f"target: there is no '{key[:40]}'{closest(key, [*_KEYS, 'availability'])}; {_FORM}")
    if keys == ["availability"]:
        return checked_target(value["availability"])
    if set(keys) != set(_KEYS):
        raise InputError(f"target: 'availability' alone, or {', '.join(_KEYS)} together; {_FORM}")
    words, window_h = window_h_of(value["within"], "target: within")
    at_most_h = downtime_h_of(value["at most"], words, window_h, "target: at most")
    try:
        percent = availability_percent(value["in"])
    except ValueError:
        raise InputError(
            f"target: in: from 50 to below 100 % of the windows, such as 95 %; got {str(value['in'])[:40]}"
        ) from None
    return WindowTarget(words, window_h, at_most_h, percent / 100.0)


def window_judgement(
    solution: Solution, service: str, target: WindowTarget, *, samples: int, seed: int, sure: float, loaded: bool
) -> WindowJudgement:
    """Judge a target on windows: over draws of the inputs where it is exact, else at the inputs as given.

    With `loaded` it is met only where the site carries its clients.
    """
    found, how = probability_within(solution, service, target.window_h, target.at_most_h)
    inputs = inputs_of(solution) if how == "exact" else {}
    draws = min(samples, _MOST_DRAWS) if inputs else 0
    factors = drawn_factors(inputs, draws, seed) if draws else {}
    room = carried(solution.study, factors, max(draws, 1)) if loaded else np.ones(max(draws, 1), dtype=np.bool_)
    if draws:
        met = met_at_draws(solution, service, target.window_h, target.at_most_h, target.share, factors, draws)
        p = float((met & room).mean())
    else:  # known but for the interval
        p = float(room[0]) * (1.0 if found.low >= target.share else 0.0 if found.high < target.share else 0.5)
    verdict = verdict_of(p, sure)
    carries = float(room.mean())
    return WindowJudgement(service, target, verdict, found, how, solution.method, solution.takeovers, p, draws, carries)
