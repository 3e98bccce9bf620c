"""The site file of a graph: components, links, clients by kinds and their paths, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k2rel.columns import counted
from k2rel.drawn.attributes import Drawing, Link, named
from k2rel.drawn.choice import Route
from k2rel.drawn.kinds import SEAT, Kind, Kinds, Port
from k2rel.errors import InputError
from k2rel.site.names import is_kept_for_clients, spoken

__all__: list[str] = []

_MOST_SHARED = 10_000


def shared_sections(drawing: Drawing, clients: frozenset[str], side_of: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The sections `components`, `links` and `raid_sets` of all that is no client's."""
    sections: dict[str, dict[str, Any]] = {"components": {}, "links": {}, "raid_sets": {}}
    halves: dict[str, list[str]] = {}
    for link in drawing.links:
        if link.is_part and clients.isdisjoint(link.ends):
            sections["links"][link.name] = _entry(link.name, link.entry, link.side, between=list(link.ends))
        elif not link.is_part:
            for end in link.ends:
                halves.setdefault(end, []).append(link.other(end))
    for name, part in drawing.parts.items():
        if name in clients:
            continue
        more: dict[str, Any] = {}
        if name in drawing.within:
            more["in"] = drawing.within[name]
        if name in drawing.needs and part.role != "raid_set":
            more["needs"] = drawing.needs[name]
        section = {"raid_set": "raid_sets", "link": "links"}.get(part.role, "components")
        entry = dict(part.entry)
        if section == "links":
            ends = [end for end in halves.get(name, ()) if end != drawing.within.get(name)]
            if len(ends) != 2:
                raise InputError(
                    f"graph: the node '{name}' has the role 'link' and must join two others, not {len(ends)}"
                )
            more["between"] = ends
        if section == "raid_sets":
            entry["drive_type"] = entry.pop("type")
        sections[section][name] = _entry(name, entry, side_of.get(name) if section != "raid_sets" else None, **more)
    count = len(sections["components"]) + len(sections["links"])
    if count > _MOST_SHARED:
        raise InputError(
            f"graph: has {count:,} nodes and edges beside the clients, and at most {_MOST_SHARED:,} can be modelled; "
            "leave out what carries no traffic"
        )
    return {name: entries for name, entries in sections.items() if entries}


def _entry(name: str, entry: Mapping[str, Any], side: str | None, **more: Any) -> dict[str, Any]:
    said = {key: value for key, value in entry.items() if key != "title" or value != spoken(name)}
    result = {"type": said.pop("type")} if "type" in said else {}
    if side is not None:
        result["side"] = side
    return result | more | said


def clients_section(kinds: Kinds, title: str) -> dict[str, Any]:
    """The section `clients`: their parts, and the kinds with what each subscribes to."""
    parts: dict[str, Any] = {}
    subscribes: dict[str, dict[str, str]] = {kind.name: {} for kind in kinds.kinds}
    for name, entry in kinds.devices.items():
        parts[name] = dict(entry)
    several = len(kinds.devices) > 1
    if several:
        parts = {"client": dict(SEAT)}
        for name, entry in kinds.devices.items():
            parts[name] = {**entry, "in": "client", "kinds": [kind.name for kind in kinds.with_part(name)]}
    for number, (name, entry) in enumerate(kinds.links.items(), start=1):
        having = kinds.with_part(name)
        switches = {_port(kind, name).switch for kind in having}
        if len(switches) == 1 and len(having) == len(kinds.kinds):
            end = next(iter(switches))
        else:
            subscription = f"switch_{number}"
            end = f"@{subscription}"
            for kind in having:
                subscribes[kind.name][subscription] = _port(kind, name).switch
        parts[name] = {**entry, "between": ["client", end]}
    listed = {kind.name: {**_members(kind), **subscribes[kind.name]} for kind in kinds.kinds}
    return {"title": title, "parts": parts, "kinds": listed}


def _port(kind: Kind, part: str) -> Port:
    return next(port for port in kind.ports if port.part == part)


def _members(kind: Kind) -> dict[str, Any]:
    """Their names; how many, where a name is one that k2rel gives to a client itself."""
    if any(map(is_kept_for_clients, kind.members)):
        return {"count": len(kind.members)}
    return {"members": list(kind.members)}


def class_entry(routes: Mapping[str, Sequence[Route]], kinds: Kinds, *, share: str, demand: Any) -> dict[str, Any]:
    """A traffic class; routes of kinds that are the same are one path of these kinds."""
    alike: dict[tuple[Any, ...], tuple[dict[str, Any], list[str]]] = {}
    for kind, found in routes.items():
        preferences = sorted({route.length for route in found})
        for number, route in enumerate(found):
            group = number + 1 if share == "first" else preferences.index(route.length) + 1
            via = _plain(route.via, kinds)
            path = {"side": route.side, "group": group, "via": via}
            alike.setdefault((route.side, group, repr(via)), (path, []))[1].append(kind)
    paths = []
    for path, of in sorted(alike.values(), key=lambda item: item[0]["group"]) if share == "first" else alike.values():
        whole = {} if len(of) == len(kinds.kinds) else {"kinds": of}
        paths.append({"side": path["side"], **whole, "group": path["group"], "via": path["via"]})
    said: dict[str, Any] = {"demand": demand} if demand is not None else {}
    return {**said, "share": share, "paths": paths}


def _plain(via: Sequence[Any], kinds: Kinds) -> list[Any]:
    """What a path crosses; a client of a type of its own is a part that sits in the client."""
    return list(via) if len(kinds.devices) == 1 else [via[0], "client", *via[1:]]


def check_types(types: Any) -> dict[str, Any]:
    """Failure data by type, as the section `types` of a site file."""
    if types is None:
        return {}
    if not isinstance(types, Mapping) or not all(isinstance(entry, Mapping) for entry in types.values()):
        raise InputError("types: give failure data by type, such as {'leaf': {'mttf': '150000 h', 'mttr': '4 h'}}")
    return {str(name): dict(entry) for name, entry in types.items()}


def check_alike(kinds: Kinds, links: Sequence[Link]) -> list[str]:
    """What is not looked at, in sentences."""
    notes = []
    if kinds.between:
        notes.append(f"{counted(kinds.between, 'link')} between clients left out: a client forwards no traffic")
    capped = [link.name for link in links if "capacity" in link.entry]
    if capped:
        notes.append(f"the capacity of clients' own links is not used: {named(capped)}")
    return notes
