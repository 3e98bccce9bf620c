"""Clients by how they are attached: those with the same links to the same switches are of one kind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from k2rel.drawn.attributes import Drawing, Link, free_name, named, shown_name
from k2rel.drawn.said import is_said
from k2rel.errors import InputError
from k2rel.site.names import is_kept_for_clients, wrong_with_name
from k2rel.site.side_columns import MOST_OWN

__all__ = ["Kind", "Kinds", "Port", "kinds_of"]

SEAT = {"type": "seat", "failure_rate": 0, "mttr": 1}
"""What stands for sitting in something: it never fails by itself."""


@dataclass(frozen=True, slots=True)
class Port:
    """A client's own link, by its name in the file, and where it leads."""

    part: str
    switch: str
    cost: Fraction


@dataclass(frozen=True, slots=True)
class Kind:
    """Clients that are attached alike, and the part of the file that each of them itself is."""

    name: str
    members: tuple[str, ...]
    device: str
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Kinds:
    """All kinds, and the entries of the parts that clients have, each with the kinds that have it."""

    kinds: tuple[Kind, ...]
    devices: Mapping[str, Mapping[str, Any]]
    links: Mapping[str, Mapping[str, Any]]
    between: int  # links from client to client, which carry nothing

    def with_part(self, part: str) -> list[Kind]:
        """Kinds that have a part."""
        return [kind for kind in self.kinds if part == kind.device or any(port.part == part for port in kind.ports)]


def kinds_of(drawing: Drawing, clients: Iterable[str], sides: Sequence[str], side_of: Mapping[str, str]) -> Kinds:
    """Group clients by their links; `side_of` gives the side of a node that has one."""
    attached: dict[str, list[Link]] = {name: [] for name in clients}
    between = 0
    to_clients: dict[str, str] = {}
    for link in drawing.links:
        of_clients = [end for end in link.ends if end in attached]
        if len(of_clients) == 1:
            attached[of_clients[0]].append(link)
        elif of_clients:
            between += 1
            to_clients |= {end: link.other(end) for end in of_clients}
    _check(drawing, attached, to_clients)
    order = {name: n for n, name in enumerate(drawing.parts)}
    places: dict[str | None, int] = {None: -1, **{side: n for n, side in enumerate(sides)}}
    alike: dict[tuple[Any, ...], list[str]] = {}
    for name, links in attached.items():
        alike.setdefault((_signature(_device(drawing, name)), *_ports(name, links, side_of, order, places)), []).append(
            name
        )
    return _Named(drawing, alike, between).kinds()


def _check(drawing: Drawing, attached: Mapping[str, list[Link]], to_clients: Mapping[str, str]) -> None:
    inside = [name for name, other in drawing.within.items() if other in attached]
    if inside:
        raise InputError(
            f"graph: parts that sit in a client: {named(inside)}; of a client's own parts only its links can be taken "
            "from a graph; add the failure data of such parts to the client or its links"
        )
    alone = [name for name, links in attached.items() if not links]
    if joined := [name for name in alone if name in to_clients]:
        raise InputError(
            f"clients: with links to other clients only: {named(joined)} ('{shown_name(joined[0])}' to "
            f"'{shown_name(to_clients[joined[0]])}'), and a client forwards no traffic; remove them from the clients, "
            "or link them to a part that is not a client"
        )
    if alone:
        raise InputError(f"clients: without any link: {named(alone)}")
    name, links = max(attached.items(), key=lambda item: len(item[1]))
    if len(links) >= MOST_OWN:
        raise InputError(
            f"clients: '{shown_name(name)}' has {len(links):,} links, and a client can have at most {MOST_OWN - 1}"
        )


def _called(drawing: Drawing, clients: Iterable[str]) -> dict[str, str]:
    """Names that `Site.graph` gives as `member` to clients, whose nodes are ``client_1`` and so on; none is twice."""
    taken = {*drawing.parts, *(link.name for link in drawing.links)}
    found: dict[str, str] = {}
    for name in clients:
        member = drawing.parts[name].attributes.get("member")
        if not is_said(member) or not is_kept_for_clients(name):
            continue
        if (wrong := wrong_with_name(str(member))) is not None or is_kept_for_clients(str(member)):
            wrong = wrong or "is a name that k2rel assigns itself"
            raise InputError(f"graph: node '{name}': the member '{shown_name(str(member))}' {wrong}")
        if str(member) in taken:
            raise InputError(f"graph: node '{name}': the member '{shown_name(str(member))}' is there already")
        taken.add(str(member))
        found[name] = str(member)
    return found


def _device(drawing: Drawing, name: str) -> dict[str, Any]:
    """The client itself as an entry; clients differ in their titles."""
    entry = {
        key: value for key, value in drawing.parts[name].entry.items() if key not in ("title", "capacity", "carries")
    }
    return entry | ({"needs": drawing.needs[name]} if name in drawing.needs else {})


def _ports(
    name: str, links: Iterable[Link], side_of: Mapping[str, str], order: Mapping[str, int],
    places: Mapping[str | None, int],
) -> list[tuple[str, str, Fraction]]:  # fmt: skip
    """Links of a client in an order that does not depend on it, the preferred side first: entry, switch, cost."""
    found = []
    for link in links:
        switch = link.other(name)
        said = {key: value for key, value in link.entry.items() if key not in ("title", "capacity", "carries")}
        side = link.side or side_of.get(switch)
        entry = (said if link.is_part else SEAT) | ({"side": side} if side is not None else {})
        signature = _signature(entry)
        found.append((places[side], link.cost, order[switch], signature, switch))
    return [(signature, switch, cost) for _, cost, _, signature, switch in sorted(found)]


def _signature(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True)


class _Named:
    """Kinds under way to their names and those of their parts."""

    def __init__(self, drawing: Drawing, alike: Mapping[tuple[Any, ...], list[str]], between: int) -> None:
        self.drawing, self.alike, self.between = drawing, alike, between
        self.taken = {name.casefold() for name in (*drawing.parts, *(link.name for link in drawing.links))}
        self.taken.add("client")
        self.called = _called(drawing, [name for members in alike.values() for name in members])

    def kinds(self) -> Kinds:
        devices = self._devices(list(dict.fromkeys(key[0] for key in self.alike)))
        links: dict[tuple[str, int], str] = {}
        found = []
        names: set[str] = set()
        for key, members in self.alike.items():
            count: dict[str, int] = {}
            ports = []
            for signature, switch, cost in key[1:]:
                count[signature] = count.get(signature, 0) + 1
                at = (signature, count[signature])
                if at not in links:
                    links[at] = free_name(f"link_{len(links) + 1}", self.taken)
                ports.append(Port(links[at], switch, cost))
            called = tuple(self.called.get(member, member) for member in members)
            found.append(Kind(_kind_name(ports, names), called, devices[key[0]], tuple(ports)))
        own = len(links) + len(set(devices.values()))
        if own > MOST_OWN:
            raise InputError(
                f"clients: have {own} sorts of own parts (clients of one type, links of one type on one side), and at "
                f"most {MOST_OWN} can be modelled; give equal clients and links the same type"
            )
        entries = {name: json.loads(signature) for (signature, _), name in links.items()}
        return Kinds(tuple(found), {n: json.loads(s) for s, n in devices.items()}, entries, self.between)

    def _devices(self, signatures: list[str]) -> dict[str, str]:
        """Clients of one type are the part `client`; of several, each type is a part of its own."""
        if len(signatures) == 1:
            return {signatures[0]: "client"}
        return {
            signature: free_name(_device_name(json.loads(signature)["type"]), self.taken) for signature in signatures
        }


def _device_name(kind: str) -> str:
    """A part of clients is called by its type; ``client`` is taken, and ``client_2`` would be the second client."""
    return "host" if kind.casefold() == "client" or is_kept_for_clients(kind) else kind


def _kind_name(ports: Iterable[Port], taken: set[str]) -> str:
    """A kind is called by the switches that its clients are attached to."""
    base = "at_" + "_".join(dict.fromkeys(port.switch for port in ports))
    if len(base) > 56:
        base = f"{base[:53]}_etc"
    return free_name(base, taken)
