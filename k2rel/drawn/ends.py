"""What a caller says of a graph: which nodes are clients, which are targets, and on which side each node stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from k2rel.arguments import shown
from k2rel.drawn.attributes import Drawing, Part, is_endless, named, shown_name
from k2rel.drawn.said import is_no_number
from k2rel.errors import InputError, closest

__all__ = ["nodes_of", "sides_of", "targets_of"]


def nodes_of(drawing: Drawing, argument: str, value: Any) -> tuple[str, ...]:
    """Nodes by name, or by the value of their `role` or `type`."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return _alike(drawing, argument, value)
    found = []
    for node in value:
        name = _name(drawing, node)
        if name is None:
            raise InputError(f"{argument}: the graph has no node {shown(node)}{closest(_text(node), drawing.parts)}")
        found.append(name)
    if not found:
        raise InputError(f"{argument}: name at least one node")
    return tuple(dict.fromkeys(found))


def _text(value: Any) -> str:
    """What somebody wrote; nothing where that is a number too long for a text."""
    return "" if is_endless(value) else str(value)


def _name(drawing: Drawing, node: Any) -> str | None:
    """The name of a node, given as the graph has it or as text."""
    try:
        return drawing.names[node]
    except (KeyError, TypeError):
        return text if (text := _text(node)) in drawing.parts else None


def _alike(drawing: Drawing, argument: str, value: Any) -> tuple[str, ...]:
    alike = tuple(
        part.name
        for part in drawing.parts.values()
        if value in (part.role, part.entry.get("type")) or (value == "target" and _is_target(part))
    )
    if alike:
        return alike
    if (name := _name(drawing, value)) is not None:
        return (name,)
    words = {word for part in drawing.parts.values() for word in (part.role, str(part.entry.get("type")))}
    raise InputError(
        f"{argument}: no node has the role or type {shown(value)}{closest(_text(value), words)}; name the nodes, or "
        "give them an attribute 'role'"
    )


def _is_target(part: Part) -> bool:
    """Whether a node with another role, such as a RAID set, is a target, as `Site.graph` says it."""
    return part.attributes.get("target") is True


def targets_of(drawing: Drawing, targets: Any, traffic: str) -> dict[str, tuple[str, ...]]:
    """Targets by traffic class: one class, of which any target will do, or each its own."""
    if not isinstance(targets, Mapping):
        return {traffic: nodes_of(drawing, "targets", targets)}
    if not targets:
        raise InputError("targets: name at least one traffic class with its nodes")
    return {
        str(name): nodes_of(drawing, f"targets of '{shown_name(str(name))}'", nodes) for name, nodes in targets.items()
    }


def sides_of(drawing: Drawing, sides: Any) -> tuple[tuple[str, ...], dict[str, str]]:
    """The sides in their order, and that of each node that has one.

    By node or by side as said, else as the nodes say themselves; a graph that says nothing of sides has one.
    """
    of_node = {part.name: part.side for part in drawing.parts.values() if part.side is not None}
    listed: list[str] = []
    if sides is not None and not isinstance(sides, str | Mapping):
        raise InputError(
            f"sides: a side for each node, the nodes of each side, or the attribute that has it; got {shown(sides)}"
        )
    if isinstance(sides, Mapping):
        if not sides:
            raise InputError("sides: name at least one side with its nodes")
        of_node, listed = _as_said(drawing, sides)
    elif isinstance(of := drawing.about.get("sides"), list | tuple):
        listed = [str(side) for side in of]
    elif isinstance(of, str):
        listed = [str(side) for side in _listed(of)]
    on_links = [link.side for link in drawing.links if link.side is not None]
    found = dict.fromkeys((*of_node.values(), *on_links))
    if not listed:
        listed = sorted(found)
    unknown = [side for side in found if side not in listed]
    if unknown:
        side = unknown[0]
        where = [*(n for n, s in of_node.items() if s == side), *(x.name for x in drawing.links if x.side == side)]
        raise InputError(f"graph: the side '{shown_name(side)}' of {named(where)} is none of {', '.join(listed)}")
    if isinstance(sides, str) and not found:
        raise InputError(f"sides: no node has an attribute '{shown_name(sides)}'")
    return tuple(listed) or ("A",), of_node


def _listed(text: str) -> list[Any]:
    """A list as a file of a graph has it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, list) else [side.strip() for side in text.split(",")]


def _as_said(drawing: Drawing, sides: Mapping[Any, Any]) -> tuple[dict[str, str], list[str]]:
    by_side = [value for value in sides.values() if not isinstance(value, str) and isinstance(value, Iterable)]
    if by_side and len(by_side) < len(sides):
        raise InputError("sides: give a side for each node, or a list of nodes for each side, not both")
    pairs = (
        [(node, _text(side)) for side, nodes in sides.items() for node in nodes]
        if by_side
        else [(node, _text(side)) for node, side in sides.items() if side is not None]
    )
    if empty := [_text(node) for node, side in pairs if side == "nan" and is_no_number(sides.get(node))]:
        raise InputError(f"sides: of {named(empty)} is nan, not a number; leave out those without one")
    found: dict[str, str] = {}
    for node, side in pairs:
        name = _name(drawing, node)
        if name is None:
            raise InputError(f"sides: the graph has no node {shown(node)}{closest(_text(node), drawing.parts)}")
        if found.setdefault(name, side) != side:
            raise InputError(f"sides: '{shown_name(name)}' is on side {found[name]} and on side {side}")
    return found, list(dict.fromkeys(map(_text, sides if by_side else (side for _, side in pairs))))
