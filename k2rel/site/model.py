"""The frozen records of a site: what stands in the rack, how it is wired, who takes over.

They hold no probability: a site says what can fail, `k2rel.rates` says how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from k2rel.arguments import as_names
from k2rel.bundled import DATA_VERSION
from k2rel.columns import counted
from k2rel.commoncause import combinations_of, event_shares
from k2rel.errors import InputError, Problem, closest
from k2rel.inputs import Input, Uses
from k2rel.site.as_graph import AsGraph
from k2rel.site.clients import Client, ClientGroup, ClientKind, Path, dealt, parts_by_kind, paths_by_kind
from k2rel.site.found import Found
from k2rel.site.given import GivenLaw
from k2rel.site.names import client_id, client_part_id, event_name
from k2rel.site.outward import Outward
from k2rel.site.roles import Role, Suspension, Unit
from k2rel.site.source import Origin
from k2rel.site.stages import Need
from k2rel.units import MB_S

__all__ = [
    "Assumption",
    "Client",
    "ClientGroup",
    "ClientKind",
    "CommonCauseGroup",
    "Component",
    "Path",
    "RaidSet",
    "Site",
    "Traffic",
    "Variant",
]


@dataclass(frozen=True, slots=True)
class Component:
    """One physical part, or a part that each client has one of."""

    id: str
    type: str
    title: str
    side: str | None = None
    within: str | None = None
    between: tuple[str, str] | None = None  # ends of a link
    needs: tuple[Need, ...] = ()
    capacity_mb_s: float | None = None  # in `unit`, where that is another
    carries: bool = field(default=False, repr=False)  # carries the load of what is crossed and needs it
    external: bool = False  # its own failures are not counted
    law: GivenLaw = field(default_factory=GivenLaw)
    by_hand: GivenLaw = field(default_factory=GivenLaw, repr=False)  # what settings say, of its type or of itself
    uses: tuple[Uses, ...] = field(default=(), repr=False)
    line: int | None = field(default=None, compare=False, repr=False)
    kinds: tuple[str, ...] = field(default=(), repr=False)  # of clients that have this part; none for all
    unit: str = field(default=MB_S, repr=False)  # of its load and capacity

    @property
    def section(self) -> str:
        """Section of the file that a shared part stands in."""
        return "links" if self.between else "components"


@dataclass(frozen=True, slots=True)
class RaidSet:
    """Drives that keep data together; `tolerance` of them may be missing at once."""

    id: str
    title: str
    level: int
    drives: tuple[str, ...]
    spares: tuple[str, ...]
    drive_type: str
    within: str | None
    rebuild_h: float
    restore_h: float
    uses: tuple[Uses, ...] = field(default=(), repr=False)

    @property
    def tolerance(self) -> int:
        """How many drives may be missing without loss of data."""
        return {1: len(self.drives) - 1, 5: 1, 6: 2}[self.level]


@dataclass(frozen=True, slots=True)
class CommonCauseGroup:
    """Alike parts that one cause can take away together, and how their failures are shared out."""

    id: str
    members: tuple[str, ...]
    model: str
    factors: tuple[tuple[int, float], ...]
    evidence: str = ""
    reason: str = ""
    source: str = ""

    @property
    def shares(self) -> dict[int, float]:
        """Share of a part's failures that belongs to each combination of k members."""
        shares = event_shares(self.model, len(self.members), dict(self.factors))
        return {k: float(share) for k, share in shares.items()}


@dataclass(frozen=True, slots=True)
class Traffic:
    """A class of traffic with its paths, and how its demand is shared out within a group of them.

    `failover_h` is what a client loses when it changes its path, with probability `failover_coverage`; else a person
    has to help.
    """

    id: str
    title: str
    scope: Literal["client", "site"]
    demand_mb_s: float  # in `unit`, where that is another
    requires: tuple[str, ...]
    prefer: str
    detects: Literal["path", "port"]
    paths: tuple[Path, ...]
    share: Literal["first", "equal", "weighted", "all"] = field(default="first", repr=False)
    priority: Literal["foreground", "background"] = field(default="foreground", repr=False)
    failover_h: float = field(default=0.0, repr=False)
    failover_coverage: float = field(default=1.0, repr=False)
    uses: tuple[Uses, ...] = field(default=(), repr=False)
    unit: str = field(default=MB_S, repr=False)


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that no source states."""

    name: str
    value: str
    evidence: str
    reason: str
    source: str = ""
    limits: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """Another reading of what is not known."""

    name: str
    title: str
    reason: str


@dataclass(frozen=True, repr=False, eq=False)
class Site(AsGraph, Outward):
    """A storage network, or any other with redundant paths.

    Clients of one *group* are of one kind and subscribe to the same components: they are alike in everything.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> site = read_site("L2R")
    >>> site.sides, site.client_count, site.group_count
    (('A', 'B'), 4, 2)
    """

    file: str = field(compare=False)  # empty where it was described in Python
    name: str
    title: str
    description: str
    sources: tuple[str, ...]
    sides: tuple[str, ...]
    components: Mapping[str, Component]
    raid_sets: Mapping[str, RaidSet]
    units: Mapping[str, Unit]
    roles: Mapping[str, Role]
    traffic: Mapping[str, Traffic]
    client_title: str
    client_count: int
    client_parts: Mapping[str, Component]
    subscriptions: Mapping[str, tuple[str, ...]]
    types: Mapping[str, GivenLaw]
    assumptions: tuple[Assumption, ...]
    variants: tuple[Variant, ...]
    variant: str | None = None
    changed: tuple[tuple[str, str], ...] = field(default=())
    common_cause: tuple[CommonCauseGroup, ...] = ()
    rates_table: str | None = None
    full_service: tuple[str, ...] | None = None
    data: str = DATA_VERSION  # version of the bundled data that rates, and a level by its name, come from
    inputs: Mapping[str, Input] = field(default_factory=dict, repr=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False, repr=False)
    revision: str = ""
    author: str = ""
    date: str = ""
    suspensions: tuple[Suspension, ...] = field(default=(), repr=False)
    kinds: tuple[ClientKind, ...] = field(default=(), repr=False)  # where the file lists clients by kinds
    origin: Origin | None = field(default=None, compare=False, repr=False)
    found: Found | None = field(default=None, compare=False, repr=False)  # where it was made of a graph

    @cached_property
    def described(self) -> Mapping[str, Component]:
        """Shared components and parts that each client has, by their name in the file."""
        return {**self.components, **self.client_parts}

    @cached_property
    def movable(self) -> Mapping[str, Role]:
        """Roles that can move: those with more than one holder."""
        return {name: role for name, role in self.roles.items() if len(role.holders) > 1}

    @cached_property
    def drives(self) -> frozenset[str]:
        """Drives and hot spares of RAID sets: they act through their set alone."""
        return frozenset(name for entry in self.raid_sets.values() for name in (*entry.drives, *entry.spares))

    @cached_property
    def cause_events(self) -> Mapping[str, tuple[tuple[str, ...], float]]:
        """Combinations of parts that one cause takes away: their parts and their share of a part's failures.

        A combination of one part is that part itself, which keeps its name.
        """
        result: dict[str, tuple[tuple[str, ...], float]] = {}
        for group in self.common_cause:
            shares = group.shares
            for parts in combinations_of(group.members, shares):
                name = event_name(parts, self.components, self.raid_sets, result)
                result[name] = (parts, shares[len(parts)])
            for member in group.members:
                result.setdefault(member, ((member,), 0.0))
        return result

    @cached_property
    def _dealt(self) -> tuple[tuple[ClientGroup, ...], tuple[int, ...]]:
        """The groups, and the group of each client."""
        return dealt(self.kinds or (ClientKind("", "", self.client_count, (), self.subscriptions),))

    @property
    def groups(self) -> tuple[ClientGroup, ...]:
        """Groups of clients that are alike in everything."""
        return self._dealt[0]

    @property
    def group_count(self) -> int:
        """Number of groups."""
        return len(self.groups)

    @cached_property
    def group_sizes(self) -> tuple[int, ...]:
        """Number of clients of each group."""
        return tuple(len(group.clients) for group in self.groups)

    @cached_property
    def foreground(self) -> tuple[str, ...]:
        """Traffic classes that yield to no other; the rest, in the background, yield to them."""
        return tuple(name for name, entry in self.traffic.items() if entry.priority == "foreground")

    @cached_property
    def background(self) -> tuple[str, ...]:
        """Traffic classes that yield, and put a load on something."""
        return tuple(n for n, entry in self.traffic.items() if entry.priority == "background" and entry.demand_mb_s > 0)

    @cached_property
    def load_units(self) -> tuple[str, ...]:
        """Units that demands are in, that of the principal class first; loads of two units are never added."""
        loaded = sorted(
            (entry for entry in self.traffic.values() if entry.demand_mb_s > 0),
            key=lambda entry: (entry.id != self.principal, entry.priority == "background"),
        )
        return tuple(dict.fromkeys(entry.unit for entry in loaded)) or (self.traffic[self.principal].unit,)

    @cached_property
    def principal(self) -> str:
        """The traffic class that the site is for: the first in its file with a flow for each client."""
        return next((n for n, entry in self.traffic.items() if entry.scope == "client"), next(iter(self.traffic)))

    @cached_property
    def full_service_of(self) -> tuple[str, ...]:
        """Traffic classes that full service asks for: those named, else all in the foreground with a demand."""
        loaded = tuple(name for name in self.foreground if self.traffic[name].demand_mb_s > 0)
        return self.full_service or loaded or (self.principal,)

    @cached_property
    def own_parts(self) -> Mapping[str, tuple[str, int]]:
        """Every client's own parts by identifier: the part's name in the file, and the client's number."""
        return {
            self.client_part_id(client.number, part): (part, client.number)
            for client in self.clients()
            for part in self.parts_of(client.group)
        }

    def clients(self) -> Iterator[Client]:
        """Go through the clients.

        Yields
        ------
        Client
            Client 1 first.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> [client.group for client in read_site("L2R").clients()]
        [0, 1, 0, 1]
        """
        for number, group in enumerate(self._dealt[1], start=1):
            yield Client(number, group)

    def parts_of(self, group: int) -> tuple[str, ...]:
        """List the parts that each client of a group has, as the file calls them.

        Parameters
        ----------
        group : int
            The group, from 0.

        Returns
        -------
        tuple of str
            All client parts but those whose ends or needs name a subscription that the group has not.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> read_site("L2R").parts_of(0)
        ('client', 'media_A', 'media_B', 'control_A', 'control_B')
        """
        return self._parts_of[self.groups[group].kind]

    @cached_property
    def _parts_of(self) -> Mapping[str, tuple[str, ...]]:
        """Client parts by kind."""
        return parts_by_kind(self.groups, self.client_parts, self.subscriptions)

    def paths_of(self, traffic: str, group: int = 0) -> tuple[Path, ...]:
        """List the paths of a traffic class for a group of clients.

        Parameters
        ----------
        traffic : str
            The traffic class.
        group : int
            The group, from 0; without meaning for a site-wide flow.

        Returns
        -------
        tuple of Path
            Those of all kinds or of the group's, without those that cross what the group has not.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> [path.side for path in read_site("L2R").paths_of("media")]
        ['A', 'B']
        """
        entry = self.traffic[traffic]
        if entry.scope == "site" or not self.kinds:
            return entry.paths
        return self._paths_of[traffic, self.groups[group].kind]

    @cached_property
    def _paths_of(self) -> Mapping[tuple[str, str], tuple[Path, ...]]:
        """Paths by traffic class and kind."""
        return {
            (name, kind): tuple(path for path in entry.paths if there(path))
            for kind, there in paths_by_kind(self.groups, self.client_parts, self._parts_of, self.subscriptions).items()
            for name, entry in self.traffic.items()
        }

    @cached_property
    def members(self) -> Mapping[str, str]:
        """Names of clients that the file gives, by the client's identifier."""
        names = [name for kind in self.kinds for name in (kind.members or (None,) * kind.count)]
        return {client_id(number): name for number, name in enumerate(names, start=1) if name is not None}

    def subscribed(self, name: str, group: int) -> str:
        """Look up what a group's clients subscribe to.

        Parameters
        ----------
        name : str
            The subscription.
        group : int
            The group, from 0.

        Returns
        -------
        str
            The entry of the list.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> read_site("L2R").subscribed("toe_A", 1)
        'toe_A2'
        """
        return self.groups[group].subscriptions[name]

    def client_part_id(self, number: int, part: str) -> str:
        """Name one client's own part.

        Parameters
        ----------
        number : int
            The client, from 1.
        part : str
            The part, as the file calls it.

        Returns
        -------
        str
            Identifier of the physical part.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> read_site("L2R").client_part_id(3, "media_A")
        'client_3_media_A'
        """
        return client_part_id(number, part)

    def parts(self) -> Iterator[Component]:
        """Go through every physical part, with clients and drives written out.

        Yields
        ------
        Component
            Shared parts first, then each client's own.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> sum(part.type == "client" for part in read_site("L2R").parts())
        4
        """
        yield from self.components.values()
        for client in self.clients():
            for key in self.parts_of(client.group):
                yield replace(self.client_parts[key], id=self.client_part_id(client.number, key))

    def count_of(self, part: str) -> int:
        """Count a part: one of a shared one, of a client's as many as clients that have it.

        Parameters
        ----------
        part : str
            The part, as the file calls it.

        Returns
        -------
        int
            How many there are.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> read_site("L2R").count_of("media_A")
        4
        """
        if part not in self.client_parts:
            return 1
        return sum(len(group.clients) for group in self.groups if part in self._parts_of[group.kind])

    @cached_property
    def part_ids(self) -> frozenset[str]:
        """Identifiers of all physical parts."""
        return frozenset((*self.components, *self.own_parts))

    def require_parts(self, ids: Iterable[str] | str) -> None:
        """Check that physical parts exist.

        Parameters
        ----------
        ids : iterable of str
            Identifiers as given.

        Raises
        ------
        InputError
            If one names no part; says which was probably meant.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> read_site("L2R").require_parts(["swich_A"])
        Traceback (most recent call last):
            ...
        k2rel.errors.InputError: L2R has no part 'swich_A'; did you mean 'switch_A'?
        """
        for name in as_names("parts", ids):
            if name not in self.part_ids:
                meant = f"; did you mean '{self.client_part_id(1, name)}'?" if name in self.client_parts else ""
                raise InputError(f"{self.name} has no part '{name[:80]}'{meant or closest(name, self.part_ids)}")

    def _line(self) -> str:
        parts = counted(sum(1 for _ in self.parts()), "part")
        return f"{self.name}: {self.title}, {parts}, {counted(self.client_count, 'client')}"
