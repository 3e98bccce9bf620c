"""Templates of a site file written out: ``repeat``, patterns of links, blocks from other files.

This happens to plain data, before assumptions and variants are put in: all that follows sees an ordinary file. Every
entry that was written knows the line of its template and the values it was written with (`YamlSource.made`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from k2rel.errors import InputError, Problem, closest
from k2rel.site.document import MOST_PARTS
from k2rel.site.names import last_key
from k2rel.site.source import KeyPath, YamlSource, read_yaml
from k2rel.site.template_blocks import DEEPEST, OF_CLIENTS, SECTIONS, BlockFiles, parameters_of
from k2rel.site.template_entries import Entries, Scope
from k2rel.site.template_links import PATTERNS
from k2rel.site.template_text import Scalar
from k2rel.site.yaml_text import yaml_text_of

__all__ = ["block_files", "expanded", "mistakes_once", "self_contained"]


def expanded(source: YamlSource, folder: Path | None = None) -> YamlSource:
    """Write the templates of a file out; one that has none is given back as it is.

    Blocks are looked for in `folder`; by default that of the file.

    Examples
    --------
    >>> data = {"components": {"leaf_{n}": {"repeat": {"n": "1..3"}, "type": "leaf"}}}
    >>> list(expanded(YamlSource("x.yaml", data, {})).data["components"])
    ['leaf_1', 'leaf_2', 'leaf_3']
    """
    return _written(source, folder)[0]


def self_contained(path: str | Path) -> str | None:
    """The text of a site file with its blocks written out; None where it takes none, or cannot be read.

    Whoever keeps what a site said, or sends it to another machine, needs all of it.

    Examples
    --------
    >>> self_contained("nowhere.yaml")
    """
    try:
        source, blocks = _written(read_yaml(Path(path)), None)
    except InputError:
        return None  # `read_site` says why
    return yaml_text_of(source.data) if blocks else None


def block_files(source: YamlSource) -> tuple[Path, ...]:
    """The files of blocks that a file takes, those of blocks in blocks too.

    Examples
    --------
    >>> block_files(YamlSource("x.yaml", {"components": {}}, {}))
    ()
    """
    return _written(source, None)[1]


def mistakes_once(source: YamlSource, problems: Sequence[Problem]) -> list[Problem]:
    """Keep the first of the mistakes that are of the same entry of one template.

    Examples
    --------
    >>> mistakes_once(YamlSource("x.yaml", {}, {}), [Problem("is missing")])
    [Problem(message='is missing', file=None, line=None, key=None)]
    """
    lines = {(one.file, source.lines.get(path)) for path, one in source.made.items() if one.note}
    names = {str(path[-1]) for path in source.made}
    groups: dict[tuple[object, ...], list[Problem]] = {}
    for number, one in enumerate(problems):
        last = last_key(one.key or "", names)
        alike = re.sub(r"'[^']*'|\d+", "", one.message.partition(" (with ")[0]), "" if last in names else last
        group = (one.file, one.line, alike) if (one.file, one.line) in lines else (number,)
        groups.setdefault(group, []).append(one)
    return [
        first if not more else replace(first, message=f"{first.message}, and {len(more)} more of this line")
        for first, *more in groups.values()
    ]


def _written(source: YamlSource, folder: Path | None) -> tuple[YamlSource, tuple[Path, ...]]:
    if source.made or not _has_templates(source.data):
        return source, ()
    own = Path(source.name) if source.name else None  # none where it was described in Python
    if folder is None and own is not None:
        folder = own.parent
    writer = _Writer(BlockFiles(folder), Entries(source.name))
    data = writer.site(Scope(source, files=() if own is None else (own.resolve(),)))
    if data == source.data:  # no more than a part of such a name
        return source, ()
    if source.data.get("format") == 1:
        raise InputError(source.problem(("format",), "templates (repeat, patterns of links, blocks) are of format 2"))
    return replace(source, data=data, lines=writer.entries.lines, made=writer.entries.made), tuple(
        Path(block.name) for block in writer.files.read.values()
    )


def _has_templates(data: Any, top: bool = True) -> bool:
    """Whether there may be a template; a part that is called 'repeat' does no harm."""
    if isinstance(data, dict):
        return (
            (top and "blocks" in data)
            or "repeat" in data
            or any(pattern in data for pattern in PATTERNS)
            or any(_has_templates(item, key == "changes") for key, item in data.items())
        )
    return isinstance(data, list) and any(_has_templates(item, False) for item in data)


@dataclass
class _Writer:
    """Goes through the sections of a file and of its blocks; links come last, as they may name all components."""

    files: BlockFiles
    entries: Entries
    uses: int = 0

    def site(self, scope: Scope) -> dict[str, Any]:
        result: dict[str, Any] = {}
        data = scope.source.data
        self._document(data, scope, (), (), result)
        variants = data.get("variants")
        if isinstance(variants, dict):
            base = dict(self.entries.components)
            for key, item in variants.items():
                self._variant(result["variants"], key, item, scope, base)
        self.entries.stop()
        return result

    def _variant(self, target: dict[str, Any], key: str, item: Any, scope: Scope, base: dict[str, Any]) -> None:
        """A variant, whose changes are a file of their own that may name components of this one."""
        at: KeyPath = ("variants", key)
        for one, inner, _ in self.entries.opened(item, scope, at):
            changes = one.get("changes") if isinstance(one, dict) else None
            plain = one if not isinstance(changes, dict) else {**one, "changes": {}}
            named: dict[str, Any] = {}
            self.entries.put(named, key, plain, inner, at, ("variants",), scope)
            for name, entry in named.items():
                if name in target:
                    self.entries.report(inner, at, f"'{name}' is already defined; each needs a name of its own")
                elif isinstance(changes, dict):
                    self.entries.components, self.entries.parts = base, 0
                    to: KeyPath = ("variants", name, "changes")
                    self._document(changes, inner, (*at, "changes"), to, entry["changes"])
                target.setdefault(name, entry)

    def _document(self, data: dict[str, Any], scope: Scope, at: KeyPath, to: KeyPath, result: dict[str, Any]) -> None:
        links: list[tuple[dict[str, Any], Scope, KeyPath, Scope | None]] = []
        self._sections(data, scope, at, to, result, links, scope)
        self.entries.stop()
        written = result.get("components")  # what is no mapping is told when the whole is checked
        known = written if isinstance(written, dict) else {}
        self.entries.components = dict.fromkeys([*self.entries.components, *known])
        for item, own, place, outer in links:
            for key, entry in item.items():
                self.entries.put(result["links"], key, entry, own, (*place, key), (*to, "links"), outer)
        self.entries.stop()

    def _sections(
        self, data: dict[str, Any], scope: Scope, at: KeyPath, to: KeyPath, result: dict[str, Any],
        links: list[Any], outer: Scope | None,
    ) -> None:  # fmt: skip
        in_block = outer is None
        for key, item in data.items():
            place: KeyPath = (*at, key)
            if key == "blocks" or (in_block and key in ("parameters", "title", "description")):
                continue
            if in_block and key not in SECTIONS and key != "clients":
                message = (
                    f"is not a known entry of a block{closest(key, ['parameters', *SECTIONS, 'clients', 'blocks'])}"
                )
                self.entries.report(scope, place, message)
            elif key == "clients" and isinstance(item, dict):
                self._clients(
                    item, scope, place, (*to, key), self._section(result, key, scope, place, to, outer), outer
                )
            elif (key in SECTIONS or key == "variants") and isinstance(item, dict):
                target = self._section(result, key, scope, place, to, outer)
                if key == "links":
                    links.append((item, scope, place, outer))
                elif key != "variants" or at:
                    for name, entry in item.items():
                        self.entries.put(target, name, entry, scope, (*place, name), (*to, key), outer)
            elif in_block:
                self.entries.report(scope, place, "must be entries of the form name: entry")
            else:
                self.entries.put(result, key, item, scope, place, to, outer)
        if "blocks" in data:
            self._blocks(data["blocks"], scope, (*at, "blocks"), to, result, links)

    def _section(
        self, result: dict[str, Any], key: str, scope: Scope, at: KeyPath, to: KeyPath, outer: Scope | None
    ) -> dict[str, Any]:
        """A section to write into; several files may."""
        if not isinstance(result.get(key), dict):
            result[key] = {}
            self.entries.mark((*to, key), scope, at, outer)
        section: dict[str, Any] = result[key]
        return section

    def _clients(
        self, data: dict[str, Any], scope: Scope, at: KeyPath, to: KeyPath, target: dict[str, Any], outer: Scope | None
    ) -> None:
        for key, item in data.items():
            place: KeyPath = (*at, key)
            if key in OF_CLIENTS and isinstance(item, dict):
                into = self._section(target, key, scope, place, to, outer)
                for name, entry in item.items():
                    self.entries.put(into, name, entry, scope, (*place, name), (*to, key), outer)
            elif outer is None:
                message = f"is not a known entry of a block's clients{closest(key, OF_CLIENTS)}"
                self.entries.report(scope, place, message if key not in OF_CLIENTS else "must be entries with names")
            else:
                self.entries.put(target, key, item, scope, place, to, outer)

    def _blocks(
        self, data: Any, scope: Scope, at: KeyPath, to: KeyPath, result: dict[str, Any], links: list[Any]
    ) -> None:
        if not isinstance(data, dict):
            self.entries.report(scope, at, "must be entries such as rack_1: {from: rack.yaml, with: {side: A}}")
            return
        seen: set[str] = set()
        for key, item in data.items():
            for one, inner, _ in self.entries.opened(item, scope, (*at, key)):
                if not isinstance(one, dict) or not {"from"} <= one.keys() <= {"from", "with"}:
                    wrong = [name for name in one if name not in ("from", "with")] if isinstance(one, dict) else []
                    message = f"has an unknown entry '{wrong[0][:40]}'; " if wrong else ""
                    self.entries.report(inner, (*at, key), message + "a block is {from: rack.yaml, with: {side: A}}")
                    continue
                named: dict[str, Any] = {}
                self.entries.put(named, key, one, inner, (*at, key), None, scope)
                for name, given in named.items():
                    if name in seen:
                        self.entries.report(
                            inner, (*at, key), f"'{name}' is already defined; each needs a name of its own"
                        )
                    else:
                        self._block(name, given, inner, (*at, key), to, result, links)
                    seen.add(name)

    def _block(
        self, name: str, given: dict[str, Any], scope: Scope, at: KeyPath, to: KeyPath, result: dict[str, Any],
        links: list[Any],
    ) -> None:  # fmt: skip
        """One use of a block, its values filled in."""
        values = given.get("with", {})
        if not isinstance(values, dict) or not all(isinstance(value, Scalar) for value in values.values()):
            self.entries.report(scope, (*at, "with"), "gives each parameter one value, such as {side: A, n: 1}")
            return
        self.uses += 1
        line = scope.source.nearest(at)
        try:
            real, file = self.files.find(given.get("from"), scope.source if scope.block else None)
            if real in scope.files:
                way = ", ".join(path.name for path in (*scope.files[scope.files.index(real) :], real))
                raise InputError(f"leads back to itself ({way}), so that it would never end")
            if scope.depth >= DEEPEST:
                raise InputError(f"blocks are nested more than {DEEPEST} deep")
            if self.uses > MOST_PARTS:
                raise InputError(f"more than {MOST_PARTS:,} blocks would be used")
            variables = parameters_of(file, values)
        except InputError as error:
            if error.problems[0].file is None:
                self.entries.report(scope, (*at, "from"), str(error))
                return
            used = f" (block '{name}', line {line} of {Path(scope.source.name).name})"
            raise InputError([replace(one, message=one.message + used) for one in error.problems]) from None
        block = f"in block '{name}', line {line} of {Path(scope.source.name).name}"
        block += f", {scope.block}" if scope.block else ""
        files = (*scope.files, real)
        inner = Scope(file, variables, scope.times, block, scope.line or line, files, scope.depth + 1)
        sections = [file.data.get("components"), file.data.get("links")]
        count = sum(len(one) for one in sections if isinstance(one, dict))
        self.entries.bound(count, scope, (*at, "from"), parts=True)
        self._sections(file.data, inner, (), to, result, links, None)
