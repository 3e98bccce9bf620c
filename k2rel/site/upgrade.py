"""Rewrites a site file of format 1 in format 2: only the lines that must change, and only where nothing is lost.

Holders are listed as format 1 asks them; classes that its list of full service leaves out get ``priority: background``,
and the list goes. The new text must give the same records, of every variant too.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

import k2rel.site.document as doc
from k2rel.errors import InputError, Problem
from k2rel.site.formats import of_format_2, order_by_side, yielding
from k2rel.site.plain import composed
from k2rel.site.read import document_of, site_of
from k2rel.site.source import KeyPath, YamlSource, yaml_source, yaml_text

__all__ = ["Upgraded", "upgraded"]


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A file in format 2, and what was changed, by line of the file as it was."""

    text: str
    changes: tuple[tuple[int, str], ...]


def upgraded(path: Path) -> Upgraded:
    """Rewrite a file in format 2; one that is in it already stays as it is.

    Examples
    --------
    >>> from k2rel.bundled import site_path
    >>> done = upgraded(site_path("L2R", "0.1"))
    >>> [what for _, what in done.changes]
    ['format: 2', 'ftp: priority: background', 'full_service: goes']
    """
    text, name = yaml_text(path), str(path)
    source = yaml_source(text, name)
    base = document_of(source, None)
    if base.format == 2:
        site_of(source)
        return Upgraded(text, ())
    variants = [None, *base.variants]
    documents = {variant: document_of(source, variant) for variant in variants}
    # what no reader of format 1 takes has no records to compare with
    readable = not any(True for _ in of_format_2(base))
    as_it_was = {one: site_of(source, variant=one) for one in variants} if readable else None
    editor = _Editor(text, source)
    editor.put(("format",), "2")
    for variant, document in documents.items():
        _order_holders(editor, document, variant)
    _give_priorities(editor, documents)
    new = editor.done()
    again = yaml_source(new, name)
    for variant in variants:
        site = site_of(again, variant=variant)
        if as_it_was is not None and site != as_it_was[variant]:
            where: KeyPath = ("format",) if variant is None else ("variants", variant)
            raise InputError(source.problem(where, "would not be the same in format 2; rewrite it by hand"))
    return Upgraded(new, tuple(sorted(editor.said)))


def _order_holders(editor: _Editor, document: doc.SiteDocument, variant: str | None) -> None:
    """List holders as they are asked, where a file, or a variant of it, lists them."""
    base: KeyPath = () if variant is None else ("variants", variant, "changes")
    for name, role in document.roles.items():
        path: KeyPath = (*base, "roles", name, "holders")
        if path in editor.source.lines:
            order = order_by_side([holder.side for holder in role.holders], tuple(document.sides))
            if order != list(range(len(order))):
                editor.reorder(path, order)
                editor.say(path, f"{name}: holders in the order in which they were asked")


def _give_priorities(editor: _Editor, documents: dict[str | None, doc.SiteDocument]) -> None:
    base = documents[None]
    behind = yielding(base)
    for variant, document in documents.items():
        changes: KeyPath = ("variants", variant or "", "changes")
        if (*changes, "full_service") in editor.source.lines:
            raise editor.refusal(
                (*changes, "full_service"),
                "a variant's list of full service has no like in format 2, where each class has its priority; give "
                "'priority' to its classes by hand",
            )
        if yielding(document) != behind:
            raise editor.refusal(
                changes, "in this variant other classes yield than without it; give 'priority' to them by hand"
            )
    for name in base.traffic:
        if name in behind and base.traffic[name].priority != "background":
            if "priority" in base.traffic[name].model_fields_set:
                raise editor.refusal(("traffic", name, "priority"), "and the list of full service say two things")
            editor.add_after(("traffic", name, "demand"), "priority", "background")
            editor.say(("traffic", name), f"{name}: priority: background")
    if base.full_service is not None:
        editor.say(("full_service",), "full_service: goes")
        editor.remove(("full_service",))


@dataclass
class _Editor:
    """Changes of a text, by places of what it says."""

    text: str
    source: YamlSource
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    said: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = composed(self.text)
        met: set[int] = set()
        if (place := _alias(self.root, met)) is not None:
            line = place.start_mark.line + 1
            why = "an alias (*) stands for this entry elsewhere, so that it cannot be rewritten; write each entry out"
            raise InputError(Problem(why, self.source.name, line))

    def say(self, path: KeyPath, what: str) -> None:
        self.said.append((self.source.lines[path], what))

    def refusal(self, path: KeyPath, why: str) -> InputError:
        return InputError(self.source.problem(path, why))

    def done(self) -> str:
        text = self.text
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def put(self, path: KeyPath, value: str) -> None:
        node = self._at(path)[2]
        if not isinstance(node, ScalarNode) or node.value != "1":
            raise self.refusal(path, "write it as a number, 1, where it stands")
        self.edits.append((node.start_mark.index, node.end_mark.index, value))
        self.say(path, f"{path[-1]}: {value}")

    def add_after(self, path: KeyPath, key: str, value: str) -> None:
        """Write one more entry behind an entry, as that is written."""
        around, key_node, node = self._at(path)
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
        around, key_node, node = self._at(path)
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
        _, key_node, node = self._at(path)
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

    def _at(self, path: KeyPath) -> tuple[MappingNode, ScalarNode, Node]:
        """The mapping around an entry, the entry's key, and its value."""
        node: Any = self.root
        for name in path:
            around = node
            key, node = next((key, value) for key, value in around.value if key.value == name)
        return around, key, node

    def _line_end(self, place: int) -> int:
        found = self.text.find("\n", place)
        return len(self.text) if found < 0 else found + 1

    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"


def _alias(node: Node, met: set[int]) -> Node | None:
    """A node that several entries stand for."""
    if isinstance(node, ScalarNode):
        return None
    if id(node) in met:
        return node
    met.add(id(node))
    below = (one for item in node.value for one in (item if isinstance(item, tuple) else (item,)))
    return next((found for one in below if (found := _alias(one, met)) is not None), None)


def _end(text: str, node: Any) -> int:
    """Where a value ends; marks of blocks lie behind the comments that follow."""
    if isinstance(node, ScalarNode):
        start: int = node.start_mark.index
        return start + len(text[start : node.end_mark.index].rstrip())
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    return max(_end(text, below) for item in node.value for below in (item if isinstance(item, tuple) else (item,)))
