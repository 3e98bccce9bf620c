"""A YAML file, safely read, that remembers the line of every entry."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from k2rel.errors import InputError, Problem
from k2rel.site.findings import findings
from k2rel.site.names import KeyPath, dotted
from k2rel.site.plain import plain_data
from k2rel.textio import read_text

__all__ = ["MOST_BYTES", "KeyPath", "Made", "Origin", "YamlSource", "as_written", "found_at", "read_yaml"]

MOST_BYTES = 2_000_000
_STARTS = "a site file starts with 'format: 2'"

DocumentT = TypeVar("DocumentT", bound=BaseModel)
KnownT = TypeVar("KnownT")


@dataclass(frozen=True, slots=True)
class Made:
    """Where an entry comes from that a template wrote (`k2rel.site.templates`)."""

    note: str  # with which values, in which block
    file: str  # that the template stands in
    line: int | None  # of the site file: of the template, or of the block that it is in


@dataclass(frozen=True)
class YamlSource:
    """Plain data from a YAML file, with places."""

    name: str
    data: dict[str, Any]
    lines: Mapping[KeyPath, int]  # from 1
    origins: Mapping[KeyPath, str] = field(default_factory=dict)  # assumption that a value was taken from
    limits: Mapping[KeyPath, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)  # name and entry, by number
    text: str | None = field(default=None, repr=False)  # of the file; None where it was described in Python
    made: Mapping[KeyPath, Made] = field(default_factory=dict)  # entries that templates wrote, with all below them

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Place a mistake: the line is that of the entry, or of the nearest entry around it.

        Examples
        --------
        >>> YamlSource("x.yaml", {}, {("a",): 3}).problem(("a", "b"), "is missing")
        Problem(message='is missing', file='x.yaml', line=3, key='a.b')
        """
        name = self.origins.get(path)
        if name is not None:
            place = self.place(("assumptions", name, "value"))
            message += f" (the value of assumption '{name}'{f', {place}' if place else ''})"
        made = self.maker(path)
        if made is not None and made.note:
            message += f" ({made.note})"
        return Problem(message, self.name if made is None else made.file, self.nearest(path), dotted(path) or None)

    def nearest(self, path: KeyPath) -> int | None:
        """Line of an entry, or of the nearest one around it."""
        return _nearest(self.lines, path)

    def maker(self, path: KeyPath) -> Made | None:
        """What wrote the entry at a place; None where it stands in the file itself."""
        return _nearest(self.made, path) if self.made else None

    def line(self, path: KeyPath) -> int | None:
        """Line of this file that an entry comes from; of a block's entry the one that has the block."""
        made = self.maker(path)
        return self.lines.get(path) if made is None or made.file == self.name else made.line

    def place(self, path: KeyPath) -> str:
        """Where an entry stands, in words; empty where no file has it.

        Examples
        --------
        >>> YamlSource("x.yaml", {}, {("a",): 3}).place(("a",))
        'line 3'
        """
        if path not in self.lines:
            return ""
        made, words = self.maker(path), f"line {self.lines[path]}"
        if made is not None and made.file != self.name:
            words += f" of {Path(made.file).name}"
        return words + (f", {made.note}" if made is not None and made.note else "")

    def validated(self, document: type[DocumentT]) -> DocumentT:
        """Read it as a document of a given form.

        Examples
        --------
        >>> class Form(BaseModel):
        ...     a: int
        >>> YamlSource("x.yaml", {"a": 1}, {}).validated(Form).a
        1
        """
        try:
            return document.model_validate(self.data)
        except ValidationError as error:
            found = findings(self.data, document, error)
            raise InputError([self.problem(path, message) for path, message in found]) from None


def _nearest(known: Mapping[KeyPath, KnownT], path: KeyPath) -> KnownT | None:
    """What is known of an entry, or of the nearest one around it."""
    return next((known[path[:end]] for end in range(len(path), 0, -1) if path[:end] in known), None)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a site was read from, beside what it says itself of settings and variant."""

    source: YamlSource
    clients: int | None = None  # asked for instead of the file's


def as_written(value: object) -> str:
    """Show a value as a file has it.

    Examples
    --------
    >>> as_written(True), as_written(4)
    ('true', '4')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def found_at(data: Any, path: KeyPath) -> Any:
    """What stands at a place of plain data; None where nothing does.

    Examples
    --------
    >>> found_at({"roles": {"r": [1, 2]}}, ("roles", "r", 1)), found_at({}, ("roles", "r"))
    (2, None)
    """
    for key in path:
        if isinstance(data, list):
            data = dict(enumerate(data))
        data = data.get(key) if isinstance(data, dict) else None
    return data


def read_yaml(path: Path, starts: str = _STARTS) -> YamlSource:
    """Read a YAML file as plain data with the line of every entry.

    Examples
    --------
    >>> from k2rel.bundled import site_path
    >>> read_yaml(site_path("L2R")).data["name"]
    'L2R'
    """
    return yaml_source(yaml_text(path), str(path), starts)


def yaml_text(path: Path) -> str:
    """The text of a YAML file as it stands."""
    return read_text(path, MOST_BYTES, "a site file must be smaller")


def yaml_source(text: str, name: str, starts: str = _STARTS) -> YamlSource:
    """A text as plain data with the line of every entry."""
    data, lines = _parsed(text, name, starts)
    return YamlSource(name, deepcopy(data), lines, text=text)


@lru_cache(maxsize=16)
def _parsed(text: str, name: str, starts: str) -> tuple[dict[str, Any], Mapping[KeyPath, int]]:
    """Data and lines of a text; reading it takes longer than most questions about it, so that it is kept."""
    try:
        return plain_data(text, name, starts)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line_number = mark.line + 1 if mark is not None else None
        why = str(error.problem or error.context)
        if "but got '{'" in why:
            why += "; a text with braces has to be in quotes inside [] and {}"
        raise InputError(Problem(f"is not valid YAML: {why}", name, line_number)) from None
    except (YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(f"is not valid YAML: {str(error).splitlines()[0][:200]}", name)) from None
