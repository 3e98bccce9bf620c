"""Which route each flow takes, given what works and who holds the roles.

Paths
    A flow takes the first usable path in its order of preference. A path is usable while all its parts work
    and are in service, the roles that its traffic requires are held and able, and the roles named by `when`
    are at the side that it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from k2rel.logic.structure import FALSE, TRUE, Node
from k2rel.policy.roles import Roles
from k2rel.site.model import Path, Site, Stage, Traffic
from k2rel.tables import Shown

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
        No route at all: a client whose port is alive stays with it though it leads nowhere.
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

    @property
    def deciding(self) -> list[Node]:
        """What decides the route of a group's clients: its usable routes, then the conditions of the orders."""
        return [*(route.usable for route in self.routes), *(when for when, _ in self.orders)]


class Policy(Roles, Shown):
    """The failover behaviour of a site as structure functions.

    Parameters
    ----------
    site, home, sticky
        As for `Roles`.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> policy = Policy(read_site("L2R"))
    >>> at_b = policy.role_at("file_system", "B")
    >>> policy.structure.value(at_b, {"media_link_A2": False})
    True
    """

    def __init__(self, site: Site, home: str | None = None, *, sticky: bool = False) -> None:
        super().__init__(site, home, sticky=sticky)
        self._choices: dict[tuple[str, int], Choice] = {}

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
        """Say when one client has a usable route for a traffic class.

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
        usable = []
        for when, order in choice.orders:
            stuck: list[Node] = []
            for index in order:
                if choice.routes[index].dead_end:
                    stuck.append(s.negation(taken[index]))
                else:
                    usable.append(s.conjunction([when, taken[index], *stuck]))
        return s.disjunction(usable)

    def _choice(self, traffic: Traffic, group: int) -> Choice:
        paths = [p for p in traffic.paths if traffic.prefer != "home only" or p.side == self.home]
        routes = [self._route(traffic, path, group) for path in paths]
        if traffic.detects == "port":
            routes += self._dead_ends(routes)

        def by(side: str) -> tuple[int, ...]:
            return tuple(sorted(listed, key=lambda index: routes[index].side != side))

        # a side's dead end is tried after its routes
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
            if self.sticky:  # while the role is on its way nobody has it
                orders.append((self.structure.negation(self.structure.disjunction(at for at, _ in orders)), ()))
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

    def _line(self) -> str:
        return f"{self.site.name}: {'sticky roles' if self.sticky else 'roles'}, preferred side {self.home}"
