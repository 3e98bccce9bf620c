"""What clients and their kinds are called where people read: by the names and titles that the file gives, if any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from k2rel.arguments import as_names
from k2rel.errors import InputError
from k2rel.site.model import Site
from k2rel.site.names import client_id, part_of_client, spoken

__all__ = ["ClientNames", "parts_meant"]


@dataclass(frozen=True)
class ClientNames:
    """Names of clients by their identifiers, and titles of kinds that say more than the key: what has none is as it is.

    Examples
    --------
    >>> names = ClientNames({"client_6": "mon-1"}, {"cameras": "cameras on both sides"})
    >>> names.client("client_6"), names.client("client_1"), names.kind("cameras"), names.kind("bonded")
    ('mon-1 (client_6)', 'client_1', 'cameras on both sides', 'bonded')
    >>> names.part("client_6_nic_1"), names.part("client_1_nic_1"), names.part("switch_A")
    ("mon-1's nic 1 (client 6)", "client 1's nic 1", 'switch A')
    """

    members: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, site: Site) -> ClientNames:
        """Those of a site."""
        titles = {kind.id: kind.title for kind in site.kinds if kind.title != spoken(kind.id)}
        return cls(site.members, titles)

    def client(self, identifier: str) -> str:
        """A client, by its name with the identifier."""
        name = self.members.get(identifier)
        return identifier if name is None else f"{name} ({identifier})"

    def kind(self, key: str) -> str:
        """A kind of clients."""
        return self.kinds.get(key, key)

    def part(self, identifier: str) -> str:
        """A part as it is said: without underscores, a client's own as its."""
        own = part_of_client(identifier)
        if own is None:
            return spoken(identifier)
        number, part = own
        name = self.members.get(client_id(number))
        whose, more = (f"client {number}", "") if name is None else (name, f" (client {number})")
        return f"{whose}{more}" if part == "client" else f"{whose}'s {spoken(part)}{more}"

    def identifier(self, identifier: str) -> str:
        """A part as `parts_meant` takes it and tables have it, with the client's name before the identifier.

        Examples
        --------
        >>> ClientNames({"client_6": "mon-1"}).identifier("client_6_nic_1")
        'mon-1_nic_1 (client_6_nic_1)'
        """
        own = part_of_client(identifier)
        name = None if own is None else self.members.get(client_id(own[0]))
        return identifier if own is None or name is None else f"{_named(name, own[1])} ({identifier})"


def _named(name: str, part: str) -> str:
    return name if part == "client" else f"{name}_{part}"


def _by_name(site: Site) -> dict[str, str]:
    """Identifiers of clients' own parts by the name of the client; what can be read in two ways is left out."""
    found: dict[str, str | None] = {}
    for identifier, (part, number) in site.own_parts.items() if site.members else ():
        name = site.members.get(client_id(number))
        if name is not None:
            known = _named(name, part)
            found[known] = None if known in found or known in site.part_ids else identifier
    return {name: identifier for name, identifier in found.items() if identifier is not None}


def parts_meant(site: Site, names: Iterable[str] | str) -> tuple[str, ...]:
    """Identifiers of physical parts that a person named, each once; those of a client also by the client's name.

    Raises
    ------
    InputError
        If one names no part; says which was probably meant.
    """
    names = as_names("parts", names)
    known = {} if all(name in site.part_ids for name in names) else _by_name(site)
    found = [name if name in site.part_ids else known.get(name, name) for name in names]
    for name in found:
        if name not in site.part_ids:
            whose = next((each for each in site.clients() if _is_of(name, site.members.get(each.name))), None)
            if whose is not None:
                has = (f"'{_named(site.members[whose.name], part)}'" for part in site.parts_of(whose.group))
                raise InputError(f"{site.name} has no part '{name[:80]}'; of this client it has {', '.join(has)}")
            site.require_parts(name)
    return tuple(dict.fromkeys(found))


def _is_of(name: str, member: str | None) -> bool:
    return member is not None and name.startswith(f"{member}_")
