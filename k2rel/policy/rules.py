"""Which routes each flow may take, given what works and who holds the roles.

A path is usable while all its parts work and are in service, the roles that its traffic requires are held and able,
and the roles named by `when` are where it says. What a flow makes of usable paths is said in `flows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from k2rel.logic.structure import FALSE, TRUE, Node
from k2rel.policy.flows import Carry, Choice, Condition, Count, Fork, Own, Passed, Route, Shared, all_hold, can_fall_on
from k2rel.policy.roles import Roles
from k2rel.site.model import Path, Site, Traffic
from k2rel.site.stages import AtLeast, Stage, role_in, subscription_in
from k2rel.tables import Shown

__all__ = ["Policy"]


class Policy(Roles, Shown):
    """The failover behaviour of a site as structure functions.

    Parameters
    ----------
    site, primary, sticky
        As for `Roles`.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> policy = Policy(read_site("L2R"))
    >>> at_b = policy.role_at("file_system", "B")
    >>> policy.structure.value(at_b, {"media_link_A2": False})
    True
    """

    def __init__(self, site: Site, primary: str | None = None, *, sticky: bool = False) -> None:
        super().__init__(site, primary, sticky=sticky)
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
        taken = [self.spelled(route.usable, number) for route in choice.routes]
        usable = []
        for when, groups in choice.orders:
            stuck: list[Node] = []
            for index in (index for group_ in groups for index in group_):
                if choice.routes[index].dead_end:
                    stuck.append(s.negation(taken[index]))
                else:
                    usable.append(s.conjunction([when, taken[index], *stuck]))
        return s.disjunction(usable)

    def spelled(self, condition: Condition, number: int) -> Node:
        """Write a condition as a function of all parts, a client's own by its number."""
        if isinstance(condition, Shared):
            return condition.node
        if isinstance(condition, Own):
            return self.structure.variable(self.site.client_part_id(number, condition.part))
        return self.structure.at_least(condition.k, [self.spelled(part, number) for part in condition.of])

    def _choice(self, traffic: Traffic, group: int) -> Choice:
        of_group = self.site.paths_of(traffic.id, group)
        paths = [p for p in of_group if traffic.prefer != "home only" or p.side == self.home]
        forks = _Forks(self, group)
        routes = [self._route(traffic, path, forks) for path in paths]
        if traffic.detects == "port":
            routes += self._dead_ends(routes, forks)
        numbers = sorted({route.group for route in routes})
        # a side's dead end is tried after its routes
        sides = list(dict.fromkeys(route.side for route in routes))
        listed = list(range(len(routes)))
        if traffic.detects == "port":
            listed.sort(key=lambda index: sides.index(routes[index].side))

        def by(side: str | None) -> tuple[tuple[int, ...], ...]:
            """Groups in order: those with a path on the preferred side first; in each, the paths of that side."""
            here = sorted(listed, key=lambda index: routes[index].side != side) if side else listed
            if traffic.detects == "port":
                return tuple((index,) for index in here)
            groups = [[index for index in here if routes[index].group == number] for number in numbers]
            if side:
                groups.sort(key=lambda members: all(routes[index].side != side for index in members))
            if traffic.share == "first":
                return tuple((index,) for members in groups for index in members)
            return tuple(map(tuple, groups))

        orders: list[tuple[Node, tuple[tuple[int, ...], ...]]] = [(TRUE, by(None))]
        if traffic.prefer == "home":
            orders = [(TRUE, by(self.home))]
        elif (subscription := subscription_in(traffic.prefer)) is not None:
            orders = [(TRUE, by(self.site.subscribed(subscription, group)))]
        elif (role := role_in(traffic.prefer)) is not None:
            orders = [(self.role_at(role, side), by(side)) for side in self.site.sides]
            if self.sticky:  # while the role is on its way nobody has it
                orders.append((self.structure.negation(self.structure.disjunction(at for at, _ in orders)), ()))
        kept = tuple((when, order) for when, order in orders if when != FALSE)
        return Choice(traffic.share, tuple(routes), kept, tuple(forks.branches), frozenset(forks.counted))

    def _dead_ends(self, routes: Sequence[Route], forks: _Forks) -> list[Route]:
        """For each side what holds a client that watches its port only: the port and where it plugs in."""
        result = []
        for side in dict.fromkeys(route.side for route in routes):
            route = next(route for route in routes if route.side == side)
            plug = next(stage for stage in route.stages if stage not in self.site.client_parts)
            own = [stage for stage in route.stages if stage in self.site.client_parts]
            alive = all_hold(map(forks.works, (plug, *own)))
            result.append(replace(route, stages=(), carries=(), forks=(), usable=alive, dead_end=True))
        return result

    def _route(self, traffic: Traffic, path: Path, forks: _Forks) -> Route:
        stages = tuple(map(forks.resolved, path.via))
        asked: list[Condition] = []
        shared: list[Node] = []
        carries: list[Carry] = []
        found: list[Fork | None] = []
        for stage in stages:
            condition = forks.works(stage)
            if isinstance(condition, Shared):
                shared.append(condition.node)
            else:
                asked.append(condition)
            here = forks.crossed(stage)
            carries += here
            found.append(here[0] if here and isinstance(here[0], Fork) else None)
        shared += [self.role_at(role, place) for role, place in path.when]
        shared += [self.role_up(role) for role in traffic.requires]
        usable = all_hold([Shared(self.structure.conjunction(shared)), *asked])
        return Route(path.side, path.carried_by, path.group, path.weight, stages, usable, tuple(carries), tuple(found))

    def _line(self) -> str:
        return f"{self.site.name}: takeovers {'as modelled' if self.sticky else 'ideal'}, preferred side {self.home}"


class _Forks:
    """Stages of one group's paths: when each works, and what load through it falls on."""

    def __init__(self, policy: Policy, group: int) -> None:
        self.policy = policy
        self.group = group
        self.branches: list[Condition] = []
        self.counted: set[int] = set()

    def resolved(self, stage: Stage) -> Stage:
        """A stage with its subscriptions looked up."""
        if isinstance(stage, AtLeast):
            return AtLeast(stage.k, tuple(tuple(map(self._named, branch)) for branch in stage.of))
        return self._named(stage)

    def _named(self, name: str) -> str:
        subscription = subscription_in(name)
        return name if subscription is None else self.policy.site.subscribed(subscription, self.group)

    def works(self, stage: Stage, *, in_service: bool = True) -> Condition:
        """When a stage, or a need, works; shared parts of a stage are in service too."""
        policy = self.policy
        if isinstance(stage, AtLeast):
            branches = [self._all(branch, in_service) for branch in stage.of]
            nodes = [branch.node for branch in branches if isinstance(branch, Shared)]
            if len(nodes) == len(branches):
                return Shared(policy.structure.at_least(stage.k, nodes))
            return Count(stage.k, tuple(branches))
        return self._all((stage,), in_service)

    def _all(self, names: Iterable[str], in_service: bool) -> Condition:
        """A series of parts works."""
        policy = self.policy
        own: list[Condition] = []
        shared: list[Node] = []
        for name in names:
            part = policy.site.client_parts.get(name)
            if part is None:
                shared.append(policy.in_service(name) if in_service else policy.works(name))
                continue
            own.append(Own(name))
            for need in part.needs:
                condition = self.works(self.resolved(need), in_service=False)
                if isinstance(condition, Shared):
                    shared.append(condition.node)
                else:
                    own.append(condition)
        node = policy.structure.conjunction(shared)
        return all_hold([*([Shared(node)] if node != TRUE or not own else []), *own])

    def crossed(self, stage: Stage) -> list[Carry]:
        """What load through a stage falls on."""
        if not isinstance(stage, AtLeast):
            return self._part(stage)
        return [
            self._fork([(self._all(branch, True), [c for n in branch for c in self._part(n)]) for branch in stage.of])
        ]

    def _part(self, name: str) -> list[Carry]:
        """A part, and what it needs that carries, each need by itself."""
        site = self.policy.site
        part = site.described.get(name)
        result: list[Carry] = [name]
        for need in map(self.resolved, part.needs if part else ()):
            below = [
                (self._all(each, False), [on for one in each for on in self._carrying(one)])
                for each in (need.of if isinstance(need, AtLeast) else ((need,),))
            ]
            if any(on for _, on in below):
                result.append(Passed((self._fork(below),) if isinstance(need, AtLeast) else tuple(below[0][1])))
        return result

    def _carrying(self, name: str) -> list[Carry]:
        part = self.policy.site.described.get(name)
        return self._part(name) if part is not None and part.carries else []

    def _fork(self, branches: Sequence[tuple[Condition, Sequence[Carry]]]) -> Fork:
        first = len(self.branches)
        self.branches += [condition for condition, _ in branches]
        fork = Fork(first, tuple((condition, tuple(carries)) for condition, carries in branches))
        if any(_limited(carries, self.policy.site) for _, carries in branches):
            self.counted.update(range(first, first + len(branches)))
        return fork


def _limited(carries: Iterable[Carry], site: Site) -> bool:
    """Whether load falls on something that has a capacity."""
    parts = (site.components.get(name) for name in can_fall_on(carries))
    return any(part is not None and part.capacity_mb_s is not None for part in parts)
