"""Clients by kinds: who is alike, which parts each kind has, and which paths.

Clients of one *kind* are alike but for what is dealt to them; those that subscribe to the same things are one *group*,
whatever the lists look like that dealt it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from k2rel.site.names import client_id
from k2rel.site.stages import Need, Stage, named

__all__ = ["Client", "ClientGroup", "ClientKind", "Path", "dealt", "parts_by_kind", "paths_by_kind"]


@dataclass(frozen=True, slots=True)
class Path:
    """One path through the site; `via` may name client parts, components and ``@subscriptions``.

    `when` names roles and the side, or holder, that must have each. The first group with a usable path is used.
    """

    side: str
    carried_by: str
    when: tuple[tuple[str, str], ...]
    via: tuple[Stage, ...]
    group: int = field(default=1, repr=False)
    weight: float = field(default=1.0, repr=False)
    kinds: tuple[str, ...] = field(default=(), repr=False)  # of clients; none for all


@dataclass(frozen=True, slots=True)
class Client:
    """One client: its number from 1 and its group."""

    number: int
    group: int

    @property
    def name(self) -> str:
        """Identifier of the client itself."""
        return client_id(self.number)


@dataclass(frozen=True, slots=True)
class ClientKind:
    """Clients of one kind: how many, their names where they have any, and what is dealt to them in turn."""

    id: str
    title: str
    count: int
    members: tuple[str, ...]
    subscriptions: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """Clients of one kind that subscribe to the same things, so that they are alike in everything."""

    kind: str
    subscriptions: Mapping[str, str]
    clients: tuple[int, ...]  # their numbers


class _Part(Protocol):
    """What is asked of a client's part."""

    @property
    def between(self) -> tuple[str, str] | None: ...

    @property
    def needs(self) -> tuple[Need, ...]: ...

    @property
    def within(self) -> str | None: ...

    @property
    def kinds(self) -> tuple[str, ...]: ...


def dealt(kinds: Sequence[ClientKind]) -> tuple[tuple[ClientGroup, ...], tuple[int, ...]]:
    """Give the groups in the order of their first clients, and the group of each client, kind after kind.

    Examples
    --------
    >>> groups, group_of = dealt([ClientKind("host", "host", 3, (), {"leaf": ("leaf_1", "leaf_2")})])
    >>> [group.clients for group in groups], group_of
    ([(1, 3), (2,)], (0, 1, 0))
    """
    found: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    number = 0
    for kind in kinds:
        for turn in range(kind.count):
            number += 1
            gets = tuple(entries[turn % len(entries)] for entries in kind.subscriptions.values())
            found.setdefault((kind.id, gets), []).append(number)
    names = {kind.id: tuple(kind.subscriptions) for kind in kinds}
    groups = tuple(
        ClientGroup(kind, dict(zip(names[kind], gets, strict=True)), tuple(numbers))
        for (kind, gets), numbers in found.items()
    )
    group_of = {client: place for place, group in enumerate(groups) for client in group.clients}
    return groups, tuple(group_of[client] for client in range(1, number + 1))


def parts_by_kind(
    groups: Iterable[ClientGroup], parts: Mapping[str, _Part], subscriptions: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Give the parts that clients of each kind have: all but those of other kinds, and what hangs on these."""
    result = {}
    for group in _one_of_each(groups):
        missing = _not_dealt(group, subscriptions)
        missing |= {key for key, part in parts.items() if part.kinds and group.kind not in part.kinds}
        left = {key: part for key, part in parts.items() if key not in missing}
        while gone := [key for key, part in left.items() if missing & {*_joined(part), *named(part.needs)}]:
            missing.update(gone)
            left = {key: part for key, part in left.items() if key not in gone}
        result[group.kind] = tuple(left)
    return result


def _one_of_each(groups: Iterable[ClientGroup]) -> Iterable[ClientGroup]:
    """A group of each kind; the others of it have the same subscriptions, dealt otherwise."""
    return {group.kind: group for group in groups}.values()


def _not_dealt(group: ClientGroup, subscriptions: Iterable[str]) -> set[str]:
    """Subscriptions that a group has not, as a need or path names them."""
    return {f"@{name}" for name in subscriptions if name not in group.subscriptions}


def _joined(part: _Part) -> tuple[str | None, ...]:
    """What a part ends at or sits in."""
    return (*(part.between or ()), part.within)


def paths_by_kind(
    groups: Iterable[ClientGroup],
    parts: Iterable[str],
    parts_of: Mapping[str, Sequence[str]],
    subscriptions: Iterable[str],
) -> dict[str, Callable[[Path], bool]]:
    """Say for each kind whether a path is one of its clients': of all kinds or its own, and all on it there."""
    known = set(parts)
    result: dict[str, Callable[[Path], bool]] = {}
    for group in _one_of_each(groups):
        missing = (known - set(parts_of[group.kind])) | _not_dealt(group, subscriptions)

        def there(path: Path, kind: str = group.kind, missing: frozenset[str] = frozenset(missing)) -> bool:
            return (not path.kinds or kind in path.kinds) and missing.isdisjoint(named(path.via))

        result[group.kind] = there
    return result
