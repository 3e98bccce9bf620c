"""Who holds each role, which way each flow takes: the one place where failover behaviour is written.

The rules are structure functions over "component works". One state is answered by evaluating them, all
states by compiling them; nobody else in k2rel knows a rule.

Takeover
    A role is at its home holder until a trigger of one of the holder's units is lost, the loss is noticed
    (the unit's heartbeat works) and another holder is healthy. Then the role moves, and the server of each
    unit that lost a trigger, and the server that held the role, shut down: they are out of service.
    Where no other holder can take over, the home holder goes on with what it has.
Paths
    A flow takes the first usable path in its order of preference. A path is usable while all its parts work
    and are in service, the roles that its traffic requires are held and able, and the roles named by `when`
    are at the side that it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from k2rel.errors import InputError
from k2rel.logic.structure import FALSE, TRUE, Node, Structure
from k2rel.site.model import AtLeast, Holder, Path, Role, Site, Stage, Traffic

__all__ = ["Choice", "Policy", "Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """One path for one group of clients, with everything but the client's own parts looked up.

    Parameters
    ----------
    side, carried_by : str
        The side it enters by, and the side whose load it is.
    stages : tuple of str or AtLeast
        Components in order, client parts by their name in the file.
    own : tuple of str
        The client parts among them.
    usable : int
        Structure function: everything but the client's own parts lets this route be used.
    dead_end : bool
        No way at all: a client whose port is alive stays with it though it leads nowhere.
    """

    side: str
    carried_by: str
    stages: tuple[Stage, ...]
    own: tuple[str, ...]
    usable: Node
    dead_end: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The routes of one group for one traffic class, and in which order they are tried.

    Parameters
    ----------
    routes : tuple of Route
        The routes.
    orders : tuple of (int, tuple of int)
        Structure function of a condition, and the order of routes under it; exactly one condition holds.
    """

    routes: tuple[Route, ...]
    orders: tuple[tuple[Node, tuple[int, ...]], ...]


class Policy:
    """The failover behaviour of a site as structure functions.

    Parameters
    ----------
    site : Site
        The site.
    home : str, optional
        The side whose holders have the roles while nothing has failed; by default the site's first side.

    Raises
    ------
    InputError
        If the site has no such side.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> policy = Policy(read_site("L2R"))
    >>> at_b = policy.role_at("file_system", "B")
    >>> policy.structure.value(at_b, {"media_link_A2": False})
    True
    """

    def __init__(self, site: Site, home: str | None = None) -> None:
        self.site = site
        self.home = site.sides[0] if home is None else home
        if self.home not in site.sides:
            only = " and ".join(site.sides)
            raise InputError(f"--primary {self.home[:20]}: {site.name} has no side '{self.home[:20]}', only {only}")
        self.structure = Structure()
        self._works: dict[str, Node] = {}
        self._choices: dict[tuple[str, int], Choice] = {}

    def works(self, name: str) -> Node:
        """Say when a component works: it has not failed, and what it needs works.

        Parameters
        ----------
        name : str
            A component or a RAID set.

        Returns
        -------
        int
            Structure function.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Policy(read_site("L2R"))
        >>> policy.structure.value(policy.works("server_A"), {"psu_A_1": False, "psu_A_2": False})
        False
        """
        node = self._works.get(name)
        if node is None:
            part = self.site.components.get(name)
            own = [self.structure.variable(name)]
            # an event that takes away several parts together is a variable of its own
            for event, (parts, share) in self.site.cause_events.items():
                if name in parts and len(parts) > 1 and share > 0:
                    own.append(self.structure.variable(event))
            needs = [] if part is None else [self._all_work(part.needs)]
            node = self._works[name] = self.structure.conjunction([*own, *needs])
        return node

    def _stage(self, stage: Stage, *, in_service: bool = False) -> Node:
        """A component works, or at least k of some; with `in_service`, and not shut down."""

        def one(name: str) -> Node:
            return self.in_service(name) if in_service else self.works(name)

        if isinstance(stage, AtLeast):
            return self.structure.at_least(stage.k, [one(name) for name in stage.of])
        return one(stage)

    def _all_work(self, needs: Sequence[Stage]) -> Node:
        return self.structure.conjunction(self._stage(need) for need in needs)

    def _holders(self, role: Role) -> list[Holder]:
        """Holders in the order in which they are asked, the home side's first."""
        return sorted(role.holders, key=lambda holder: holder.side != self.home)

    def _triggers_kept(self, unit: str) -> Node:
        return self.structure.conjunction(self.works(name) for name in self.site.units[unit].triggers)

    def _healthy(self, holder: Holder) -> Node:
        if not holder.units:
            return self._all_work(holder.needs)
        return self.structure.conjunction(self._triggers_kept(unit) for unit in holder.units)

    @cached_property
    def _positions(self) -> dict[str, list[tuple[Holder, Node]]]:
        """For each role its holders, in order, and when each has it."""
        return {name: self._position(role) for name, role in self.site.roles.items()}

    def _position(self, role: Role) -> list[tuple[Holder, Node]]:
        s = self.structure
        first, *others = self._holders(role)
        if first.units:
            noticed = s.disjunction(
                s.conjunction([s.negation(self._triggers_kept(unit)), self._heartbeat(unit)]) for unit in first.units
            )
        else:
            noticed = s.negation(self._all_work(first.needs))
        healthy = [self._healthy(holder) for holder in others]
        takes = [
            s.conjunction([noticed, ok, *(s.negation(before) for before in healthy[:index])])
            for index, ok in enumerate(healthy)
        ]
        if role.backup == "able":
            able = [self._all_work(holder.needs) for holder in others]
            last_hope = s.conjunction(
                [noticed, s.negation(self._all_work(first.needs)), *(s.negation(ok) for ok in healthy)]
            )
            for index, ok in enumerate(able):
                earlier = [s.negation(before) for before in able[:index]]
                takes[index] = s.disjunction([takes[index], s.conjunction([last_hope, ok, *earlier])])
        stays = s.negation(s.disjunction(takes))
        return [(first, stays), *zip(others, takes, strict=True)]

    def _heartbeat(self, unit: str) -> Node:
        heartbeat = self.site.units[unit].heartbeat
        return TRUE if heartbeat is None else self.works(heartbeat)

    @cached_property
    def _shut_down(self) -> dict[str, Node]:
        """Servers that a takeover puts out of service, and when."""
        s = self.structure
        causes: dict[str, list[Node]] = {}
        for positions in self._positions.values():
            (first, stays), *others = positions
            if not others:
                continue
            moved = s.negation(stays)
            if first.on is not None:
                causes.setdefault(first.on, []).append(moved)
            for unit in first.units:
                lost = s.negation(self._triggers_kept(unit))
                causes.setdefault(self.site.units[unit].server, []).append(s.conjunction([moved, lost]))
        return {server: s.disjunction(parts) for server, parts in causes.items()}

    def in_service(self, name: str) -> Node:
        """Say when a component works and has not been shut down by a takeover.

        Parameters
        ----------
        name : str
            A component or a RAID set.

        Returns
        -------
        int
            Structure function.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Policy(read_site("L2R"))
        >>> policy.structure.value(policy.in_service("server_A"), {"fc_link_A": False})
        False
        """
        shut = self._shut_down.get(name, FALSE)
        return self.structure.conjunction([self.works(name), self.structure.negation(shut)])

    @property
    def shut_down(self) -> Mapping[str, Node]:
        """For each server that a takeover can put out of service, when one does."""
        return self._shut_down

    def role_at(self, role: str, side: str) -> Node:
        """Say when a role is at a side.

        Parameters
        ----------
        role, side : str
            The role and the side.

        Returns
        -------
        int
            Structure function.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Policy(read_site("L2R"), home="B")
        >>> policy.structure.value(policy.role_at("file_system", "B"), {})
        True
        """
        return self.structure.disjunction(at for holder, at in self._positions[role] if holder.side == side)

    def role_up(self, role: str) -> Node:
        """Say when a role is performed: its holder has all that the role needs.

        Parameters
        ----------
        role : str
            The role.

        Returns
        -------
        int
            Structure function.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Policy(read_site("L2R"))
        >>> policy.structure.value(policy.role_up("file_system"), {"server_A": False, "server_B": False})
        False
        """
        return self.structure.disjunction(
            self.structure.conjunction([at, self._all_work(holder.needs)]) for holder, at in self._positions[role]
        )

    def role_moved(self, role: str) -> Node:
        """Say when a role has left its home holder.

        Parameters
        ----------
        role : str
            The role.

        Returns
        -------
        int
            Structure function.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Policy(read_site("L2R"))
        >>> policy.structure.value(policy.role_moved("file_system"), {"switch_A": False})
        True
        """
        return self.structure.negation(self._positions[role][0][1])

    def backup_in_service(self, role: str) -> Node:
        """Say when another holder than the present one stands by, in service and healthy.

        Parameters
        ----------
        role : str
            The role.

        Returns
        -------
        int
            Structure function.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Policy(read_site("L2R"))
        >>> ready = policy.backup_in_service("file_system")
        >>> [policy.structure.value(ready, state) for state in ({}, {"toe_B1": False}, {"toe_A1": False})]
        [True, False, False]
        """
        s = self.structure
        ready = []
        for holder, at in self._positions[role]:
            servers = [holder.on] if holder.on else []
            servers += [self.site.units[unit].server for unit in holder.units]
            shut = (self._shut_down.get(server, FALSE) for server in servers)
            ready.append(s.conjunction([s.negation(at), self._healthy(holder), *(s.negation(node) for node in shut)]))
        return s.disjunction(ready)

    def choice(self, traffic: str, group: int = 0) -> Choice:
        """Give the routes of a traffic class for one group of clients.

        Parameters
        ----------
        traffic : str
            The traffic class.
        group : int
            The group, from 0; without meaning for a site-wide flow.

        Returns
        -------
        Choice
            Routes and the order in which they are tried.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> [route.side for route in Policy(read_site("L2R")).choice("media").routes]
        ['A', 'B']
        """
        key = (traffic, group)
        if key not in self._choices:
            self._choices[key] = self._choice(self.site.traffic[traffic], group)
        return self._choices[key]

    def served(self, traffic: str, group: int, number: int) -> Node:
        """Say when one client has a way for a traffic class.

        Parameters
        ----------
        traffic : str
            The traffic class.
        group : int
            The client's group.
        number : int
            The client, from 1; its own parts become variables of their own.

        Returns
        -------
        int
            Structure function.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Policy(read_site("L2R"))
        >>> both = {"client_1_media_A": False, "client_1_media_B": False}
        >>> policy.structure.value(policy.served("media", 0, 1), both)
        False
        """
        s = self.structure
        choice = self.choice(traffic, group)
        taken = [
            s.conjunction([route.usable, *(s.variable(self.site.client_part_id(number, part)) for part in route.own)])
            for route in choice.routes
        ]
        ways = []
        for when, order in choice.orders:
            stuck: list[Node] = []
            for index in order:
                if choice.routes[index].dead_end:
                    stuck.append(s.negation(taken[index]))
                else:
                    ways.append(s.conjunction([when, taken[index], *stuck]))
        return s.disjunction(ways)

    def _choice(self, traffic: Traffic, group: int) -> Choice:
        paths = [p for p in traffic.paths if traffic.prefer != "home only" or p.side == self.home]
        routes = [self._route(traffic, path, group) for path in paths]
        if traffic.detects == "port":
            routes += self._dead_ends(routes)

        def by(side: str) -> tuple[int, ...]:
            return tuple(sorted(listed, key=lambda index: routes[index].side != side))

        # a side's dead end is tried after its ways
        sides = list(dict.fromkeys(route.side for route in routes))
        listed = list(range(len(paths)))
        if traffic.detects == "port":
            listed = sorted(range(len(routes)), key=lambda index: sides.index(routes[index].side))
        orders: list[tuple[Node, tuple[int, ...]]] = [(TRUE, tuple(listed))]
        if traffic.prefer == "home":
            orders = [(TRUE, by(self.home))]
        elif traffic.prefer.startswith("@"):
            orders = [(TRUE, by(self.site.subscribed(traffic.prefer[1:], group)))]
        elif traffic.prefer.startswith("role "):
            role = traffic.prefer[5:]
            orders = [(self.role_at(role, side), by(side)) for side in self.site.sides]
        return Choice(tuple(routes), tuple((when, order) for when, order in orders if when != FALSE))

    def _dead_ends(self, routes: Sequence[Route]) -> list[Route]:
        """For each side what holds a client that watches its port only: the port and where it plugs in."""
        result = []
        for side in dict.fromkeys(route.side for route in routes):
            route = next(route for route in routes if route.side == side)
            plug = next(stage for stage in route.stages if stage not in route.own)
            alive = self._stage(plug, in_service=True)
            result.append(Route(side, route.carried_by, (), route.own, alive, dead_end=True))
        return result

    def _route(self, traffic: Traffic, path: Path, group: int) -> Route:
        stages = tuple(
            self.site.subscribed(stage[1:], group) if isinstance(stage, str) and stage.startswith("@") else stage
            for stage in path.via
        )
        own = tuple(s for s in stages if isinstance(s, str) and s in self.site.client_parts)
        shared = [stage for stage in stages if stage not in own]
        usable = self.structure.conjunction(
            [
                *(self._stage(stage, in_service=True) for stage in shared),
                *(self.role_at(role, side) for role, side in path.when),
                *(self.role_up(role) for role in traffic.requires),
            ]
        )
        return Route(path.side, path.carried_by, stages, own, usable)
