"""Entries of a site file written out of templates: ``repeat`` in mappings and lists, and links by a pattern.

What is written is bounded before it is: a template that would make more parts than a site may have is refused when its
values are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from k2rel.errors import InputError, Problem
from k2rel.site.document import MOST_PARTS
from k2rel.site.source import KeyPath, Made, YamlSource, as_written
from k2rel.site.template_links import ENDS, PATTERNS, ends_of
from k2rel.site.template_text import VARIABLE, Scalar, Steps, combinations, counted, filled

__all__ = ["Entries", "Scope"]


_MOST_VALUES = 500_000
_MOST_PROBLEMS = 50
_SHARED = ("sides", "assumptions", "types")  # what every use of a block says alike is one entry


@dataclass(frozen=True)
class Scope:
    """What holds where a text stands: its file, the variables, and how it came there."""

    source: YamlSource
    variables: Mapping[str, Scalar] = field(default_factory=dict)
    times: int = 1  # how often it is written
    block: str = ""  # in words, which use of a block
    line: int | None = None  # of that use, in the site file
    files: tuple[Path, ...] = ()  # that lead here
    depth: int = 0  # of blocks in blocks

    @property
    def filling(self) -> bool:
        """Whether braces mean something."""
        return bool(self.variables or self.block)

    @cached_property
    def note(self) -> str:
        """With which values, in which block."""
        shown = {
            name: value
            for name, value in self.variables.items()
            if not {"a", "b"} & {*self.variables} or name not in "ij"
        }
        values = ", ".join(f"{name}={as_written(value)[:40]}" for name, value in shown.items())
        return ", ".join(part for part in (f"with {values}" if values else "", self.block) if part)


@dataclass
class Entries:
    """Writes entries out: `at` is where a template stands, `to` where what it writes will (None: nowhere to stay)."""

    file: str = ""  # of the site
    lines: dict[KeyPath, int] = field(default_factory=dict)
    made: dict[KeyPath, Made] = field(default_factory=dict)
    components: Mapping[str, Any] = field(default_factory=dict)  # what names of a pattern's links may stand for
    problems: dict[tuple[Any, ...], Problem] = field(default_factory=dict)
    parts: int = 0
    values: int = 0
    steps: Steps = field(default_factory=Steps)

    def problem(self, scope: Scope, at: KeyPath, message: str) -> Problem:
        """Place a mistake in a template."""
        note = f" ({scope.note})" if scope.note else ""
        return scope.source.problem(at, message + note)

    def report(self, scope: Scope, at: KeyPath, message: str) -> None:
        """Keep a mistake; of one that every value of a variable meets the first time is enough."""
        self.problems.setdefault((scope.source.name, at, message), self.problem(scope, at, message))
        if len(self.problems) > _MOST_PROBLEMS:
            self.stop()

    def stop(self) -> None:
        """Go no further where mistakes were found."""
        if self.problems:
            raise InputError(list(self.problems.values()))

    def bound(self, count: int, scope: Scope, at: KeyPath, *, parts: bool) -> None:
        """Refuse what would be too much, before it is written."""
        total = max(scope.times * count, (self.parts if parts else self.values) + count)
        if parts and total > MOST_PARTS:
            what = "blocks" if _within(at)[0] == "blocks" and len(_within(at)) == 2 else "parts"
            raise InputError(
                self.problem(scope, at, f"would make {total:,} {what}; at most {MOST_PARTS:,} are possible")
            )
        if total > _MOST_VALUES or count > MOST_PARTS:
            most = f"{_MOST_VALUES:,}" if total > _MOST_VALUES else f"{MOST_PARTS:,} in one place"
            message = f"would write {total:,} entries; templates write at most {most}"
            raise InputError(self.problem(scope, at, message))

    def opened(self, item: Any, scope: Scope, at: KeyPath) -> Iterator[tuple[Any, Scope, KeyPath]]:
        """What an entry stands for: itself, or once for each value of its `repeat`; with where it stands."""
        if not (isinstance(item, dict) and "repeat" in item) or _named_by_people(at):
            yield item, scope, at
            return
        rest: Any = {key: value for key, value in item.items() if key != "repeat"}
        below = at
        if "each" in rest:
            if len(rest) > 1:
                others = ", ".join(f"'{key}'" for key in rest if key != "each")
                self.report(scope, (*at, "each"), f"is the only entry beside 'repeat', without {others}")
                return
            rest, below = rest["each"], (*at, "each")
        for inner in self._choices(item["repeat"], scope, at):
            yield from self.opened(rest, inner, below)

    def _choices(self, repeat: Any, scope: Scope, at: KeyPath) -> Iterator[Scope]:
        where: KeyPath = (*at, "repeat")
        if not isinstance(repeat, dict) or not repeat:
            self.report(scope, where, "needs variables with their values, such as {n: 1..4}")
            return
        for name in repeat:
            if VARIABLE.fullmatch(name) is None:
                why = "is not a valid variable name: letters, digits and '_', a letter first"
                self.report(scope, (*where, name), why)
                return
            if name in scope.variables:
                self.report(scope, (*where, name), f"'{name}' is a variable already; give this one another name")
                return
        try:
            count = counted(repeat, scope.variables, self.steps)
            self.bound(count, scope, at, parts=_is_part(at))
            for variables in combinations(repeat, scope.variables):
                yield replace(scope, variables=variables, times=scope.times * count)
        except InputError as error:
            if error.problems[0].line is not None:
                raise
            self.report(scope, where, str(error))

    def put(
        self, target: dict[str, Any], key: str, item: Any, scope: Scope, at: KeyPath, to: KeyPath | None,
        outer: Scope | None,
    ) -> None:  # fmt: skip
        """Write an entry with its name into a mapping; `outer` is the scope around it."""
        link = len(_within(at)) == 2 and _within(at)[0] == "links"
        for one, inner, place in self.opened(item, scope, at):
            pattern = [name for name in PATTERNS if name in one] if link and isinstance(one, dict) else []
            for value, last in self._links(one, inner, place, pattern) if pattern else ((one, inner),):
                self._set(target, key, value, last, (at, place), to, outer)

    def _set(
        self, target: dict[str, Any], key: str, value: Any, scope: Scope, at: tuple[KeyPath, KeyPath],
        to: KeyPath | None, outer: Scope | None,
    ) -> None:  # fmt: skip
        text = self._text(key, scope, at[0], None)
        if text is None:
            return  # what it would be called is not known, nor whether that is there already
        name = as_written(text)
        path = None if to is None else (*to, name)
        if name in target:
            if not self._same(target[name], value, scope, at, path):
                self.report(scope, at[0], f"'{name}' is already defined in {self._first(path, scope, at[0])}")
            return
        self.mark(path, scope, at[0], outer)
        self.parts += path is not None and _is_part(at[0])
        target[name] = self.write(value, scope, at[1], path)

    def _first(self, path: KeyPath | None, scope: Scope, at: KeyPath) -> str:
        """Where what has a name already comes from."""
        if path is None or path not in self.lines:
            return "the same list"
        made, line = self.made.get(path), self.lines[path]
        file = made.file if made else self.file
        words = f"line {line}" + (f" of {Path(file).name}" if file != scope.source.name else "")
        words += f" ({made.note})" if made else ""
        same = file == scope.source.name and line == scope.source.nearest(at)
        return words + ("; each needs a name of its own" if same else "")

    def _same(self, there: Any, value: Any, scope: Scope, at: tuple[KeyPath, KeyPath], path: KeyPath | None) -> bool:
        """Whether another use of a block says the same of what all of its uses share."""
        made = self.made.get(path) if path is not None else None
        if not (scope.block and made and made.file == scope.source.name and at[0][0] in _SHARED):
            return False
        return bool(
            self.lines.get(path or ()) == scope.source.nearest(at[0]) and self.write(value, scope, at[1], None) == there
        )

    def mark(self, path: KeyPath | None, scope: Scope, at: KeyPath, outer: Scope | None) -> None:
        """Note where an entry comes from."""
        if path is None:
            return
        line = scope.source.lines.get(at) if scope is outer else scope.source.nearest(at)
        if scope is not outer and scope.note:
            self.made[path] = Made(scope.note, scope.source.name, scope.line or line)
        if line is not None:
            self.lines[path] = line

    def write(self, value: Any, scope: Scope, at: KeyPath, to: KeyPath | None) -> Any:
        """Write a value with all below it."""
        if scope.filling:
            self.values += 1
            if self.values > _MOST_VALUES:
                message = f"more than {_MOST_VALUES:,} entries would be written; templates write no more"
                raise InputError(self.problem(scope, at, message))
        if isinstance(value, dict):
            written: dict[str, Any] = {}
            if scope.filling and len(value) == 1 and next(iter(value.values())) is None:
                name = next(iter(value))
                if name in scope.variables:
                    self.report(scope, at, f'write "{{{name}}}" in quotes; without them it is a mapping of YAML')
            for key, item in value.items():
                self.put(written, key, item, scope, (*at, key), to, scope)
            return written
        if isinstance(value, list):
            items: list[Any] = []
            for index, item in enumerate(value):
                place: KeyPath = (*at, index)
                for one, inner, below in self.opened(item, scope, place):
                    path = None if to is None else (*to, len(items))
                    self.mark(path, inner, place, scope)
                    items.append(self.write(one, inner, below, path))
            return items
        return self._text(value, scope, at, value) if isinstance(value, str) else value

    def _text(self, text: str, scope: Scope, at: KeyPath, otherwise: str | None) -> Scalar | None:
        if not scope.filling or ("{" not in text and "}" not in text):
            return text
        try:
            return filled(text, scope.variables)
        except InputError as error:
            self.report(scope, at, str(error))
            return otherwise

    def _links(self, item: dict[str, Any], scope: Scope, at: KeyPath, found: list[str]) -> Iterator[tuple[Any, Scope]]:
        """Links of a pattern, each with the names and places of its ends among the variables."""
        pattern = found[0]
        where: KeyPath = (*at, pattern)
        if len(found) > 1 or "between" in item:
            other = found[1] if len(found) > 1 else "between"
            self.report(scope, (*at, other), f"gives the ends a second time, beside {pattern}; give one of them")
            return
        if taken := [name for name in ENDS if name in scope.variables]:
            why = f"'{taken[0]}' is an end of the link in a pattern; give the variable of 'repeat' another name"
            self.report(scope, where, why)
            return
        given = self.write(item[pattern], scope, where, None)
        try:
            ends = ends_of(pattern, given, self.components)
        except InputError as error:
            self.report(scope, where, str(error))
            return
        self.bound(ends.count, scope, at, parts=True)
        link = dict(("between", ["{a}", "{b}"]) if key == pattern else (key, value) for key, value in item.items())
        for one in ends:
            yield link, replace(scope, variables={**scope.variables, **one}, times=scope.times * ends.count)


def _within(at: KeyPath) -> KeyPath:
    """A place in the file, or in the changes of a variant, which are a file of their own."""
    return at[3:] if at[:1] == ("variants",) and len(at) > 3 else at


def _is_part(at: KeyPath) -> bool:
    """Whether an entry counts among the parts of a site: a component, a link, a kind of clients, a block."""
    place = _within(at)
    section = place[:2] if place[:1] == ("clients",) else place[:1]
    return len(place) == len(section) + 1 and section in (
        ("components",), ("links",), ("clients", "kinds"), ("blocks",),
    )  # fmt: skip


def _named_by_people(at: KeyPath) -> bool:
    """Whether the keys below a place are names that a person chose, of which one may be 'repeat'."""
    place = _within(at)
    if len(place) <= 1:
        return True
    section, last = place[0], place[-1]
    return (
        (section == "clients" and len(place) == 2)
        or (section == "roles" and len(place) == 3 and last in ("coverage", "detection"))
        or (section == "traffic" and len(place) == 5 and last == "when")
        or (section == "common_cause" and len(place) == 3 and last == "factors")
    )
