"""What a target asks for: an availability, or that most windows of time have little downtime, as contracts put it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from k2rel.errors import InputError, closest
from k2rel.measures.solution import Solution
from k2rel.measures.windows import WINDOW_WORDS, Figure, downtime_h_of, probability_within, window_h_of
from k2rel.tables import Shown
from k2rel.units import availability_percent, format_duration

__all__ = ["Target", "WindowJudgement", "WindowTarget", "checked_target", "target_of", "window_probability"]

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
    """Whether a service meets a target on windows, at the inputs as given."""

    service: str
    target: WindowTarget
    verdict: str
    met: Figure  # probability that a window meets it, with limits
    how: str  # exact or simulated
    method: str
    takeovers: str

    def words(self) -> str:
        """Say it in a sentence.

        Examples
        --------
        >>> asked = WindowTarget("month", 730.0, 1 / 60, 0.95)
        >>> WindowJudgement("media", asked, "met", Figure(0.96, 0.95, 0.97), "exact", "markov", "ideal").words()[-53:]
        ' it (exact, at the inputs as given); takeovers ideal.'
        """
        interval = f", {100 * self.met.low:.4g} to {100 * self.met.high:.4g}" if self.how != "exact" else ""
        return (
            f"{self.service.replace('_', ' ')}: {self.target.words()} is {self.verdict.upper()}: "
            f"{100 * self.met.value:.4g} % meet it ({self.how}{interval}, at the inputs as given); takeovers "
            f"{self.takeovers}."
        )

    def row(self) -> dict[str, Any]:
        """Give it as a row of the table of judgements."""
        return {
            "service": self.service,
            "target_percent": 100.0 * self.target.share,
            "verdict": self.verdict,
            "within": self.target.within,
            "at_most_min": 60.0 * self.target.at_most_h,
            "p_met": self.met.value,
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


def window_probability(solution: Solution, service: str, target: WindowTarget) -> tuple[float, float, float, str]:
    """Probability that a window meets its target, its limits, and whether it is exact or simulated.

    Examples
    --------
    >>> from k2rel.measures.solution import solution_of
    >>> asked = WindowTarget("month", 730.0, 1 / 60, 0.95)
    >>> round(window_probability(solution_of("L2R"), "media", asked)[0], 4)
    0.9591
    """
    found, how = probability_within(solution, service, target.window_h, target.at_most_h)
    return found.value, found.low, found.high, how
