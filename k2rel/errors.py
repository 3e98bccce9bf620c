"""One error family: what is wrong, where it stands, and what would be right.

Everything that a person can do wrong ends in a `K2relError`. The command line prints its text and
leaves with exit code 2; a traceback is a defect.
"""

from __future__ import annotations

import difflib
import itertools
import os
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from k2rel.signs import plain_signs

__all__ = [
    "InputError",
    "K2relError",
    "ModelTooLargeError",
    "NoConvergenceError",
    "Problem",
    "RenderError",
    "closest",
    "nearest",
    "not_computed",
]


_LONGEST_LINE, _BEGIN, _END = 4_000, 600, 300
_MOST_TOLD = 60  # mistakes, of a file in which nothing is right


def _shortened(line: str) -> str:
    """A line of a message; where it quotes more than anybody reads, its beginning and its end."""
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{line[:_BEGIN]} [... {len(line) - _BEGIN - _END:,} characters ...] {line[-_END:]}"


class K2relError(Exception):
    r"""Base of every error that k2rel raises on purpose; what it quotes does nothing to whoever reads it.

    Examples
    --------
    >>> print(K2relError("there is no '\x1b[2J\u202e'"))
    there is no '<U+001B>[2J<U+202E>'
    """

    def __str__(self) -> str:
        return "\n".join(map(_shortened, plain_signs(super().__str__()).split("\n")))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: the line outside of k2rel that asked, and the sentence."""
        here = os.path.dirname(__file__) + os.sep
        frames = traceback.extract_tb(self.__traceback__)
        outside = list(itertools.takewhile(lambda frame: not frame.filename.startswith(here), frames))
        asked = [f"line {frame.lineno}: {frame.line}" for frame in outside[-1:] if frame.line]
        return [*asked, f"{type(self).__name__}: {self}"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in what a person gave.

    Examples
    --------
    >>> print(Problem("must be above 0", "san.yaml", 12, "components.nic.mttf"))
    san.yaml:12: components.nic.mttf: must be above 0
    """

    message: str
    file: str | None = None
    line: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        place = plain_signs(self.file or "", "")  # one line, whatever a file is called
        if place and self.line is not None:
            place += f":{self.line}"
        return ": ".join(part for part in (place, plain_signs(self.key or "", ""), self.message) if part)


class InputError(K2relError, ValueError):
    """Invalid input; holds every mistake found, not only the first.

    Parameters
    ----------
    problems : str, Problem or sequence of Problem
        The mistakes, in the order in which they stand in the input.

    Examples
    --------
    >>> str(InputError([Problem("unknown side 'C'", key="sides")]))
    "sides: unknown side 'C'"
    """

    def __init__(self, problems: str | Problem | Sequence[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        if isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        told = [str(problem) for problem in self.problems[:_MOST_TOLD]]
        if (more := len(self.problems) - len(told)) > 0:
            told.append(f"and {more:,} more")
        super().__init__("\n".join(told))


def not_computed(site: str, engine: str, what: str, others: str) -> InputError:
    """Say that another engine is needed.

    Examples
    --------
    >>> print(not_computed("L2R", "exact", "counts of histories", "simulation"))
    L2R: the exact engine does not compute counts of histories; use method simulation
    """
    return InputError(f"{site}: the {engine} engine does not compute {what}; use method {others}")


class ModelTooLargeError(K2relError):
    """The exact answer would need more memory or time than the stated bound allows."""


class NoConvergenceError(K2relError):
    """A solution did not reach its tolerance; the message says how near it came."""


class RenderError(K2relError):
    """A report could not be rendered; the message names the cell and the cause."""


def closest(word: str, known: Iterable[str]) -> str:
    """Suggest what a misspelt name may have meant, as the tail of a message.

    Examples
    --------
    >>> closest("swich_a", ["switch_A", "switch_B"])
    "; did you mean 'switch_A'?"
    >>> closest("switch_C", ["switch_A", "switch_B"])
    "; did you mean 'switch_A' or 'switch_B'?"
    """
    names = {str(name) for name in known}
    if found := nearest(word, names):
        return f"; did you mean {' or '.join(map(repr, found))}?"
    if names and len(names) <= 12:
        return "; known: " + ", ".join(sorted(names))
    return ""


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Names that a misspelt one may have meant: those that are equally like it, at most three.

    Examples
    --------
    >>> nearest("switch_C", ["switch_A", "switch_B", "psu"])
    ['switch_A', 'switch_B']
    """
    alike: dict[str, list[str]] = {}
    for name in sorted({str(name) for name in known}):
        alike.setdefault(_folded(name), []).append(name)
    near = difflib.get_close_matches(_folded(word), alike, n=3, cutoff=0.6)
    if not near:
        return []
    first = max(near, key=lambda name: _likeness(word, name))
    equal = sorted(name for name in near if _likeness(word, name) >= _likeness(word, first) - 1e-12)
    return [name for folded in equal for name in alike[folded]][:3]


def _folded(name: str) -> str:
    """A name without what people get wrong without meaning another one: case, and what joins its words."""
    return "".join("_" if sign in "- " else sign for sign in name.casefold())


def _likeness(word: str, folded: str) -> float:
    return difflib.SequenceMatcher(None, _folded(word), folded).ratio()
