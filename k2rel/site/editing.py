"""Changes of the text of a YAML file, by places of what it says: all else stays as it is written."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from k2rel.errors import InputError, Problem
from k2rel.site.plain import composed
from k2rel.site.source import KeyPath, YamlSource
from k2rel.site.yaml_text import entry_lines, flow

__all__ = ["Editor", "edited"]


class _Lines:
    """A text by its lines."""

    text: str

    def _line_start(self, place: int) -> int:
        return self.text.rfind("\n", 0, place) + 1

    def _line_end(self, place: int) -> int:
        found = self.text.find("\n", place)
        return len(self.text) if found < 0 else found + 1

    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"


@dataclass
class Editor(_Lines):
    """Changes of a text, by places of what it says."""

    text: str
    source: YamlSource
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    said: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = composed(self.text)
        shared = _shared(self.root)
        if blocks := [node for node in shared.values() if not isinstance(node, ScalarNode)]:
            line = min(node.start_mark.line for node in blocks) + 1
            why = "an alias (*) stands for this entry elsewhere, so that it cannot be rewritten; write each entry out"
            raise InputError(Problem(why, self.source.name, line))

    def say(self, path: KeyPath, what: str) -> None:
        """Keep in words what was changed, by its line."""
        self.said.append((self.source.lines[path], what))

    def refusal(self, path: KeyPath, why: str) -> InputError:
        """Why an entry cannot be changed, for raising."""
        return InputError(self.source.problem(path, why))

    def done(self) -> str:
        """Give the text with every change."""
        text = self.text
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def add_after(self, path: KeyPath, key: str, value: str) -> None:
        """Write one more entry behind an entry, as that is written."""
        around, key_node, node = self.at(path)
        if around.flow_style:
            quoted = f'"{key}": "{value}"' if key_node.style == '"' else f"{key}: {value}"
            self.edits.append((_end(self.text, node),) * 2 + (f", {quoted}",))
        else:
            place = self._line_end(_end(self.text, node))
            newline = self._newline() if self.text[place - 1 : place] == "\n" else ""
            before = "" if newline else self._newline()
            indent = " " * key_node.start_mark.column
            self.edits.append((place, place, f"{before}{indent}{key}: {value}{newline}"))

    def remove(self, path: KeyPath) -> None:
        """Take an entry out; a comment behind it stays as a line of its own."""
        around, key_node, node = self.at(path)
        start, end = key_node.start_mark.index, _end(self.text, node)
        if not around.flow_style:
            stop = self._line_end(end)
            comment = self.text[end:stop].strip()
            if "#" in self.text[start:end]:
                raise self.refusal(path, "there is a comment inside of it, which would be lost; move it out")
            self.edits.append((start, stop, comment + self._newline() if comment else ""))
            return
        nodes = [pair[0] for pair in around.value]
        place = nodes.index(key_node)
        if place + 1 < len(nodes):
            stop = nodes[place + 1].start_mark.index
        else:
            start, stop = _end(self.text, around.value[place - 1][1]), end
        if "#" in self.text[start:stop]:
            raise self.refusal(path, "there is a comment beside it, which would be lost; move it out")
        self.edits.append((start, stop, ""))

    def reorder(self, path: KeyPath, order: Sequence[int]) -> None:
        """Put the entries of a list into another order, each with the comments before and behind it."""
        _, key_node, node = self.at(path)
        assert isinstance(node, SequenceNode)
        items = node.value
        if node.flow_style:
            spans = [(item.start_mark.index, _end(self.text, item)) for item in items]
            between = [self.text[a[1] : b[0]] for a, b in itertools.pairwise(spans)]
            if any("#" in one for one in between):
                why = "there is a comment between holders that must change places; write each by a dash"
                raise self.refusal(path, why)
            self.edits += [(*spans[n], self.text[slice(*spans[other])]) for n, other in enumerate(order)]
            return
        ends = [self._line_end(_end(self.text, item)) for item in items]
        begin = self._line_end(key_node.end_mark.index)
        blocks = [self.text[a:b] for a, b in zip([begin, *ends], ends, strict=False)]
        whole = blocks[-1].endswith("\n")
        if not whole:
            blocks[-1] += self._newline()
        new = "".join(blocks[n] for n in order)
        self.edits.append((begin, ends[-1], new if whole else new.rstrip("\r\n")))

    def at(self, path: KeyPath) -> tuple[MappingNode, ScalarNode, Node]:
        """The mapping around an entry, the entry's key, and its value."""
        node: Any = self.root
        for name in path:
            around = node
            key, node = next((key, value) for key, value in around.value if key.value == name)
        return around, key, node


def _shared(root: Any) -> dict[int, Node]:
    """Nodes that stand in several places, by aliases; what is below of them is met once."""
    met: dict[int, Node] = {}
    shared: dict[int, Node] = {}
    left = [root]
    while left:
        node = left.pop()
        if id(node) in met:
            shared[id(node)] = node
            continue
        met[id(node)] = node
        if not isinstance(node, ScalarNode):
            left += [one for item in node.value for one in (item if isinstance(item, tuple) else (item,))]
    return shared


def _end(text: str, node: Any) -> int:
    """Where a value ends; marks of blocks lie behind the comments that follow."""
    if isinstance(node, ScalarNode):
        start: int = node.start_mark.index
        return start + len(text[start : node.end_mark.index].rstrip())
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    return max(_end(text, below) for item in node.value for below in (item if isinstance(item, tuple) else (item,)))


class _CannotError(Exception):
    """The text cannot be changed in its places; it has to be written anew."""


def edited(text: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    r"""Change a text that says one thing so that it says another; None where that cannot be done in its places.

    Examples
    --------
    >>> print(edited("a: 1  # one\nb: {c: 2}\n", {"a": 1, "b": {"c": 2}}, {"a": 3, "b": {"c": 2, "d": [4]}}))
    a: 3  # one
    b: {c: 2, d: [4]}
    <BLANKLINE>
    """
    if _same(old, new):
        return text
    root = composed(text)
    rewriting = _Rewriting(text, shared=_shared(root))
    try:
        rewriting.mapping(root, dict(old), dict(new))
        return rewriting.done()
    except _CannotError:
        return None


@dataclass
class _Rewriting(_Lines):
    """Edits that lead from what a text says to something else; what stands deeper comes first at the same place."""

    text: str
    shared: Mapping[int, Node] = field(default_factory=dict)  # what aliases stand for
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    def done(self) -> str:
        pieces, here = [], 0
        for start, end, new in sorted(self.edits, key=lambda edit: edit[0]):
            if start < here:
                raise _CannotError
            pieces += [self.text[here:start], new]
            here = end
        return "".join([*pieces, self.text[here:]])

    def mapping(self, node: Any, old: dict[str, Any], new: dict[str, Any]) -> None:
        if not isinstance(node, MappingNode) or id(node) in self.shared:
            raise _CannotError
        pairs = {str(key.value): (key, value) for key, value in node.value}
        for key, _ in node.value:
            before = self.text[self._line_start(key.start_mark.index) : key.start_mark.index]
            if not node.flow_style and before.strip(" -"):
                raise _CannotError  # a key behind a question mark
        gone = [key for key in old if key not in new]
        added = {key: value for key, value in new.items() if key not in old}
        if (gone or added) and pairs.keys() != old.keys():
            raise _CannotError  # it is made from a template
        if node.flow_style and (gone or (added and not pairs)):
            if "#" in self.text[node.start_mark.index : node.end_mark.index]:
                raise _CannotError
            pieces = [self._piece(*pairs[key], old[key], value) if key in old else flow({key: value})[1:-1]
                      for key, value in new.items()]  # fmt: skip
            self.edits.append((node.start_mark.index, node.end_mark.index, "{" + ", ".join(pieces) + "}"))
            return
        for key, value in new.items():
            if key in old and not _same(old[key], value):
                if key not in pairs:
                    raise _CannotError
                name, item = pairs[key]
                self._value(None if node.flow_style else name, item, old[key], value)
        for key in gone:
            start, end = pairs[key][0].start_mark.index, _end(self.text, pairs[key][1])
            begin, stop = self._line_start(start), self._line_end(end)
            if self.text[begin:start].strip():
                raise _CannotError  # the first entry behind a dash
            comment = self.text[end:stop].strip()
            kept = f"{self.text[begin:start]}{comment}{self._newline()}" if comment.startswith("#") else ""
            self.edits.append((begin, stop, kept))
        if added:
            self._add(node, added)

    def _add(self, node: MappingNode, added: dict[str, Any]) -> None:
        first, last = node.value[0][0], node.value[-1][1]
        if node.flow_style:
            place = _end(self.text, last)
            self.edits.append((place, place, "".join(f", {flow({key: value})[1:-1]}" for key, value in added.items())))
            return
        column, newline = first.start_mark.column, self._newline()
        place = self._line_end(_end(self.text, last))
        lines = [line for key, value in added.items() for line in self._lines(key, value, column)]
        before = "" if self.text[place - 1 : place] == "\n" else newline
        self.edits.append((place, place, before + "".join(f"{line}{newline}" for line in lines)))

    def _lines(self, key: str, value: Any, column: int) -> list[str]:
        if column == 0 and isinstance(value, dict) and value:  # a section of its own
            return ["", *entry_lines(key, value, 0, open_=True)]
        return entry_lines(key, value, column)

    def _value(self, key: ScalarNode | None, node: Any, old: Any, new: Any) -> None:
        """Change a value; without its key, of an item of a list or an entry in braces, on one line."""
        if id(node) in self.shared:
            raise _CannotError
        if isinstance(old, dict) and isinstance(new, dict) and not old.keys().isdisjoint(new):
            self.mapping(node, old, new)
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and old:
            self._items(node, old, new)
        elif key is None:
            start, end = node.start_mark.index, _end(self.text, node)
            self.edits.append((start, end, flow(new) if end > start else f" {flow(new)}"))
        else:
            self._replace(key, node, new)

    def _items(self, node: Any, old: list[Any], new: list[Any]) -> None:
        if not isinstance(node, SequenceNode) or len(node.value) != len(old):
            raise _CannotError
        for item, before, after in zip(node.value, old, new, strict=True):
            if not _same(before, after):
                self._value(None, item, before, after)

    def _replace(self, key: ScalarNode, node: Any, new: Any) -> None:
        """Write an entry of a block anew; a comment behind its key stays."""
        start, end = key.start_mark.index, _end(self.text, node)
        lines = entry_lines(str(key.value), new, key.start_mark.column)
        lines[0] = lines[0].lstrip(" ")
        behind = self.text[key.end_mark.index : self._line_end(key.end_mark.index)].strip()
        if not isinstance(node, ScalarNode) and not node.flow_style and "#" in behind:
            lines[0] += "  " + behind[behind.index("#") :]
        self.edits.append((start, end, self._newline().join(lines)))

    def _piece(self, key: ScalarNode, node: Any, old: Any, new: Any) -> str:
        """An entry of a mapping that is written anew, as it stood where it stays."""
        if _same(old, new):
            return self.text[key.start_mark.index : _end(self.text, node)]
        return flow({str(key.value): new})[1:-1]


def _same(one: Any, other: Any) -> bool:
    """Whether two values are written alike; the order of keys does not matter."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(itertools.starmap(_same, zip(one, other, strict=True)))
    return type(one) is type(other) and (one == other or (one != one and other != other))
