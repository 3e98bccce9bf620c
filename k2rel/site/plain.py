"""YAML text as plain data with the line of every entry, also as other libraries write it.

No tags but those of plain data, a bound on depth and on what aliases bring in, and duplicate keys are errors: reading a
file can neither run code nor fill the memory. JSON is YAML, and is read by the same way.
"""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scanner import Scanner, ScannerError

from k2rel.errors import InputError, Problem
from k2rel.site.names import KeyPath, dotted

__all__: list[str] = []

DEEPEST = 24
MOST_NODES = 120_000  # some seconds of reading; a site of 10,000 parts with five entries each has as many
_LONGEST_TAG = 200
_MOST_FROM_ALIASES = 100_000  # entries
_PLAIN = ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
# what Python writes of lists and texts, if it is not asked to be safe
_OF_PYTHON = ("python/tuple", "python/list", "python/dict", "python/str", "python/unicode")
_TAGS = {f"tag:yaml.org,2002:{name}" for name in (*_PLAIN, *_OF_PYTHON)}
_OF_NAMES = frozenset((
    "type", "side", "in", "on", "true", "between", "needs", "of", "via", "carried_by", "drive_type", "server",
    "triggers", "heartbeat", "fence", "quorum", "takes_down", "units", "requires", "when", "members", "lost", "works",
    "kinds", "full_service", "rates", "name", "takeover_needs", "mesh", "one_to_one", "pairs",
))  # fmt: skip
"""Keys of what has a name, or names."""
_OF_TEMPLATES = frozenset(("repeat", "with", "parameters"))
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def has_name(path: KeyPath) -> bool:
    """Whether names stand at a place: under a key of them, or by a key that is a name itself."""
    keys = [key for key in path if isinstance(key, str)]
    if _of_template(path):
        return False
    around = keys[-2:-1]
    by_name = around in (["subscriptions"], ["when"]) or (keys[:2] == ["clients", "kinds"] and keys[-1:] != ["count"])
    return by_name or not _OF_NAMES.isdisjoint(keys[-1:])


def _of_template(path: KeyPath) -> bool:
    """Whether a value of a variable stands at a place, which may become part of a name."""
    return not _OF_TEMPLATES.isdisjoint([key for key in path if isinstance(key, str)][-2:-1])


class _Scanner(Scanner):
    """Takes no tag of great length, which would be looked at anew for every character of it."""

    def scan_tag_uri(self, name: Any, start_mark: Any) -> Any:
        uri = super().scan_tag_uri(name, start_mark)
        if len(uri) > _LONGEST_TAG:
            raise ScannerError(
                "while scanning a tag", start_mark, "a tag is not allowed here; write plain values", start_mark
            )
        return uri


class _Composer(Composer):
    """Gives up where entries are nested too deep or are too many, and says in which line."""

    deep = 0
    seen = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        line = event.start_mark.line + 1
        self.seen += 1
        if self.seen > MOST_NODES:
            raise _TooMuchError(f"more than {MOST_NODES:,} keys and values, which is the limit", line)
        if isinstance(event, AliasEvent):
            return super().compose_node(parent, index)
        if self.deep > DEEPEST:
            raise _TooMuchError(f"entries are nested more than {DEEPEST} deep", line)
        self.deep += 1
        node = super().compose_node(parent, index)
        self.deep -= 1
        return node


def _is_rounded(value: Any, text: str) -> bool:
    return isinstance(value, float) and str(value) != text


class _TooMuchError(Exception):
    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


def composed(text: str) -> Any:
    """The tree of nodes of a text."""
    return _loader().compose(text)


def _loader() -> YAML:
    loader = YAML(typ="safe", pure=True)
    loader.Composer, loader.Scanner = _Composer, _Scanner
    return loader


def plain_data(text: str, name: str, starts: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Data and lines of a text."""
    loader = _loader()
    try:
        node = loader.compose(text)
    except _TooMuchError as error:
        raise InputError(Problem(str(error), name, error.line)) from None
    if not isinstance(node, MappingNode):
        raise InputError(Problem(f"is empty or not a mapping; {starts}", name, 1))
    reader = _Reader(name, loader.constructor)
    data = reader.value(node, (), node.start_mark.line + 1, of_alias=False)
    name_holders(data, reader.lines)
    return data, reader.lines


class _Reader:
    """Makes plain data of nodes; a node that is met again stands for an alias, and is expanded."""

    def __init__(self, name: str, scalars: Any) -> None:
        self.name = name
        self.scalars = scalars
        self.lines: dict[KeyPath, int] = {}
        self.met: set[int] = set()
        self.around: set[int] = set()
        self.from_aliases = 0

    def value(self, node: Node, path: KeyPath, line: int, *, of_alias: bool) -> Any:
        """One entry, whose key, or place in a list, stands in a line."""
        if str(node.tag) not in _TAGS:
            raise self.refusal(f"the tag {str(node.tag)[:40]} is not allowed; write plain values", node)
        if isinstance(node, ScalarNode):
            value = self.scalar(node, is_name=has_name(path))
            # a fraction that would lose what is written, as 1.10 does, is a text
            return self.text(node) if _of_template(path) and _is_rounded(value, node.value) else value
        of_alias |= id(node) in self.met
        if id(node) in self.around:
            raise InputError(Problem("an alias (*) leads back to the entry that it stands in", self.name, line))
        self.met.add(id(node))
        self.around.add(id(node))
        self.from_aliases += of_alias * (1 + len(node.value))
        if self.from_aliases > _MOST_FROM_ALIASES:
            most = f"{_MOST_FROM_ALIASES:,}"
            raise InputError(Problem(f"aliases (*) bring in more than {most} entries, which is the limit",
                                     self.name, line))  # fmt: skip
        if len(path) >= DEEPEST:
            raise InputError(Problem(f"entries are nested more than {DEEPEST} deep", self.name, line))
        if isinstance(node, MappingNode):
            result: Any = self.mapping(node, path, of_alias=of_alias)
        elif isinstance(node, SequenceNode):
            result = []
            for index, item in enumerate(node.value):
                self.lines[(*path, index)] = item.start_mark.line + 1
                result.append(self.value(item, (*path, index), self.lines[(*path, index)], of_alias=of_alias))
        self.around.discard(id(node))
        return result

    def mapping(self, node: MappingNode, path: KeyPath, *, of_alias: bool) -> dict[str, Any]:
        """Entries by key, each as it is written; those of merged mappings come after a mapping's own."""
        result: dict[str, Any] = {}
        merged: list[tuple[Node, int]] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                raise InputError(Problem("a key must be a plain word", self.name, line))
            if str(key_node.tag).endswith(":merge"):
                merged.append((value_node, line))
                continue
            key = self.text(key_node)
            if key in result:
                message = f"'{key}' is already defined in line {self.lines[(*path, key)]}"
                raise InputError(Problem(message, self.name, line, dotted((*path, key))))
            self.lines[(*path, key)] = line
            result[key] = self.value(value_node, (*path, key), line, of_alias=of_alias)
        for below, line in merged:
            every = below.value if isinstance(below, SequenceNode) else [below]
            if not all(isinstance(one, MappingNode) for one in every):
                raise InputError(Problem("'<<' takes in entries of the form key: value", self.name, line))
            for one in every:
                lines, self.lines = self.lines, {}
                taken = self.value(one, path, line, of_alias=of_alias)
                found, self.lines = self.lines, lines
                new = {key: item for key, item in taken.items() if key not in result}
                result |= new
                self.lines |= {at: n for at, n in found.items() if at[len(path)] in new}
        return result

    def scalar(self, node: ScalarNode, *, is_name: bool) -> Any:
        """One value; a name stays as it is written, also where YAML 1.2 takes 1e5, a text in YAML 1.1, for a number."""
        if str(node.tag).endswith((":str", ":unicode")) or (is_name and str(node.tag).endswith((":int", ":float"))):
            return self.text(node)
        try:
            value = self.scalars.construct_object(node, deep=True)
        except (ValueError, OverflowError, YAMLError):
            value = None
        if isinstance(value, str | int | float | bool):
            return value
        return None if str(node.tag).endswith(":null") else self.text(node)

    def text(self, node: ScalarNode) -> str:
        """A text as it is written; JSON writes what lies beyond 16 bits as two halves."""
        text = str(node.value)
        if _SURROGATE.search(text) is None:
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self.refusal("an unpaired surrogate stands here (\\ud800 to \\udfff come in pairs)", node) from None

    def refusal(self, message: str, node: Node) -> InputError:
        return InputError(Problem(message, self.name, node.start_mark.line + 1))


def name_holders(data: dict[str, Any], lines: dict[KeyPath, int]) -> None:
    """Call ``on`` of a holder by its name where a library of YAML 1.1, in which that word is true, has written it."""
    variants = data.get("variants")
    places: list[tuple[KeyPath, Any]] = [((), data)]
    for name, variant in variants.items() if isinstance(variants, dict) else ():
        if isinstance(variant, dict):
            places.append((("variants", name, "changes"), variant.get("changes")))
    for base, site in places:
        roles = site.get("roles") if isinstance(site, dict) else None
        for role, entry in roles.items() if isinstance(roles, dict) else ():
            holders = entry.get("holders") if isinstance(entry, dict) else None
            for index, holder in enumerate(holders) if isinstance(holders, list) else ():
                if isinstance(holder, dict) and "true" in holder and "on" not in holder:
                    holder["on"] = holder.pop("true")
                    path: KeyPath = (*base, "roles", role, "holders", index)
                    if (*path, "true") in lines:
                        lines[(*path, "on")] = lines.pop((*path, "true"))
