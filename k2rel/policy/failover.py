"""One set of failed parts, followed through the rules: who takes over, which route flows take, what is overloaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from k2rel.arguments import as_names
from k2rel.logic.structure import Node
from k2rel.policy.rules import Choice, Policy, Route
from k2rel.site.model import AtLeast, Site
from k2rel.site.service_names import FULL_SERVICE
from k2rel.tables import Shown

__all__ = [
    "ClientState",
    "ElementLoad",
    "FailoverOutcome",
    "failover",
    "further_traffic",
    "principal_traffic",
    "raid_works",
]


@dataclass(frozen=True, slots=True, repr=False)
class ClientState(Shown):
    """Where one client's flows go: for each traffic class the components in order, empty when cut off."""

    client: str
    sides: Mapping[str, str | None]
    paths: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, repr=False)
class ElementLoad(Shown):
    """Load of one element that has a capacity [MB/s]."""

    element: str
    load_mb_s: float
    capacity_mb_s: float
    counted_mb_s: float  # of the traffic that counts in full service; the rest yields to it

    @property
    def overloaded(self) -> bool:
        """Whether the load of all traffic is above the capacity."""
        return exceeds(self.load_mb_s, self.capacity_mb_s)

    @property
    def at_limit(self) -> bool:
        """Whether the load of all traffic is all that it carries: nothing is left, and nothing is lost."""
        return not self.overloaded and exceeds(self.load_mb_s * FORGIVEN**2, self.capacity_mb_s)

    @property
    def ends_full_service(self) -> bool:
        """Whether the load of the traffic that counts in full service is above the capacity."""
        return exceeds(self.counted_mb_s, self.capacity_mb_s)


_OLDER = frozenset(("media", "control", "ftp"))

# a load is above a capacity when it is so by more than the rounding of sums
FORGIVEN = 1 + 1e-9


def exceeds(load_mb_s: float, capacity_mb_s: float) -> bool:
    """Compare a load with a capacity, forgiving the rounding of sums."""
    return load_mb_s > capacity_mb_s * FORGIVEN


@dataclass(frozen=True, repr=False)
class FailoverOutcome(Shown):
    """What one set of failed parts leads to.

    Parameters
    ----------
    level : str
        Name of the site.
    failed : tuple of str
        The failed parts.
    home : str
        The side that had the roles before.
    primary : str or None
        The side that has the first role now; None where no one can perform it.
    roles : mapping of str to str or None
        The side that has each role now.
    out_of_service : tuple of str
        Servers that a takeover shut down.
    backup_in_service : bool
        Whether another holder of the first role could take it over now: in service, none of its triggers lost, and
        every heartbeat that would notice the loss of the present holder works. Without it there is no redundancy.
    clients : tuple of ClientState
        Each client's routes.
    flows : mapping of str to tuple of str
        The route of each site-wide flow.
    services : mapping of str to bool
        Whether each service is there, for the whole site.
    loads : tuple of ElementLoad
        Every element that has a capacity.
    principal : str
        The traffic class whose sides are counted.
    carried : mapping of str to float
        Load of every component and client part on a route [MB/s], with a capacity or without.
    standby : mapping of str to bool
        For each role that can move, what `backup_in_service` says of the first.
    returns : tuple of str
        Servers out of service that come back by themselves, by automatic failback; the others wait for an operator.
    """

    level: str
    failed: tuple[str, ...]
    home: str
    primary: str | None
    roles: Mapping[str, str | None]
    out_of_service: tuple[str, ...]
    backup_in_service: bool
    clients: tuple[ClientState, ...]
    flows: Mapping[str, tuple[str, ...]]
    services: Mapping[str, bool]
    loads: tuple[ElementLoad, ...]
    principal: str
    carried: Mapping[str, float]
    standby: Mapping[str, bool] = field(default_factory=dict)
    returns: tuple[str, ...] = ()

    def out_of_service_words(self) -> dict[str, tuple[str, ...]]:
        """Say until when servers are out of service.

        Returns
        -------
        dict of str to tuple of str
            Servers by ``out of service until placed back`` and ``out of service until good again``, where there are
            any.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> failover(Policy(read_site("L2R")), ["switch_A"]).out_of_service_words()
        {'out of service until placed back': ('server_A',)}
        """
        waiting = tuple(name for name in self.out_of_service if name not in self.returns)
        words = {"out of service until placed back": waiting, "out of service until good again": self.returns}
        return {text: names for text, names in words.items() if names}

    def to_json(self) -> dict[str, Any]:
        """Give the outcome as plain data, as the command line prints it.

        Returns
        -------
        dict
            Keys as in the documentation of ``k2rel failover``.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> failover(Policy(read_site("L2R")), ["switch_A"]).to_json()["primary"]
        'B'
        """
        return {
            "level": self.level,
            "failed": list(self.failed),
            "home": self.home,
            "primary": self.primary,
            "roles": dict(self.roles),
            "out_of_service": list(self.out_of_service),
            "returns_by_itself": list(self.returns),
            "backup_in_service": self.backup_in_service,
            "standby": dict(self.standby),
            "clients": [
                {
                    "client": state.client,
                    **self._older_names(state),
                    "sides": dict(state.sides),
                    "paths": {name: list(path) for name, path in state.paths.items()},
                }
                for state in self.clients
            ],
            "flows": {name: list(path) for name, path in self.flows.items()},
            "services": dict(self.services),
            "loads": [
                {
                    "element": load.element,
                    "load_mb_s": load.load_mb_s,
                    "capacity_mb_s": load.capacity_mb_s,
                    "overloaded": load.overloaded,
                }
                for load in self.loads
            ],
        }

    def _older_names(self, state: ClientState) -> dict[str, Any]:
        """What `sides` and `paths` say, under the names that they had before: for sites with classes of such names."""
        if _OLDER.isdisjoint(self.services):
            return {}
        return {
            "media_side": state.sides.get("media"),
            "media_path": list(state.paths.get("media", ())),
            "control_path": list(state.paths.get("control", ())),
        }

    def _line(self) -> str:
        failed = ", ".join(self.failed) or "nothing"
        lost = ", ".join(name for name, there in self.services.items() if not there) or "nothing"
        roles = "".join(f"; {role} at {side}" for role, side in self.roles.items())
        return f"{self.level}: {failed} failed, {lost} lost{roles}"


def principal_traffic(site: Site) -> str:
    """Name the traffic class that the site is for: the first in its file with a flow for each client.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> principal_traffic(read_site("nearline"))
    'ftp'
    """
    for name, traffic in site.traffic.items():
        if traffic.scope == "client":
            return name
    return next(iter(site.traffic))


def further_traffic(site: Site) -> tuple[str, ...]:
    """Name the other traffic classes with a flow for each client.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> further_traffic(read_site("L2R"))
    ('control',)
    """
    principal = principal_traffic(site)
    return tuple(name for name, entry in site.traffic.items() if entry.scope == "client" and name != principal)


def raid_works(site: Site, failed: Iterable[str]) -> dict[str, bool]:
    """Say which RAID sets still have their data when drives are missing at the same time.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> raid_works(read_site("L2R"), ["media_raid_drive_1", "media_raid_drive_2"])["media_raid"]
    False
    """
    gone = set(failed)
    return {name: len(gone.intersection(entry.drives)) <= entry.tolerance for name, entry in site.raid_sets.items()}


def _taken(choice: Choice, truth: Mapping[Node, bool], own_failed: frozenset[str]) -> Route | None:
    """The first route, in the order that holds now, that can be used."""
    order = next(order for when, order in choice.orders if truth[when])
    for index in order:
        route = choice.routes[index]
        if truth[route.usable] and not own_failed.intersection(route.own):
            return None if route.dead_end else route
    return None


def failover(
    policy: Policy, failed: Sequence[str] | str = (), control: Mapping[str, bool] | None = None
) -> FailoverOutcome:
    """Follow the failover rules for one set of failed parts.

    Parameters
    ----------
    policy : Policy
        The rules of a site, with the side that had the roles before.
    failed : sequence of str or str
        Identifiers of physical parts; they are taken to have failed together.
    control : mapping of str to bool, optional
        For a sticky policy, who has the roles and which servers are in service (`Takeover.variables`).

    Returns
    -------
    FailoverOutcome
        Roles, routes, services and loads after the takeover.

    Raises
    ------
    InputError
        If the site has no such part.

    Examples
    --------
    One media link of server A lost: everything moves to B.

    >>> from k2rel.site import read_site
    >>> outcome = failover(Policy(read_site("L2R")), ["media_link_A1"])
    >>> outcome.primary, {state.sides["media"] for state in outcome.clients}, outcome.out_of_service
    ('B', {'B'}, ('server_A',))
    """
    site = policy.site
    failed = tuple(dict.fromkeys(as_names("failed", failed)))
    site.require_parts(failed)
    state = dict.fromkeys(failed, False) | raid_works(site, failed) | dict(control or {})
    groups = range(site.group_count)
    choices = {
        (name, group): policy.choice(name, group)
        for name, traffic in site.traffic.items()
        for group in (groups if traffic.scope == "client" else (0,))
    }
    at = {(role, side): policy.role_at(role, side) for role in site.roles for side in site.sides}
    up = {role: policy.role_up(role) for role in site.roles}
    serving = {name: policy.in_service(name) for name in (*site.components, *site.raid_sets)}
    backups = {role: policy.backup_in_service(role) for role in site.roles}
    roots: list[Node] = [*backups.values(), *at.values(), *up.values(), *serving.values(), *policy.shut_down.values()]
    for choice in choices.values():
        roots += choice.deciding
    truth = policy.structure.truth(roots, state)

    def spelled(route: Route | None, number: int) -> tuple[str, ...]:
        if route is None:
            return ()
        names: list[str] = []
        for stage in route.stages:
            if isinstance(stage, AtLeast):
                names += [name for name in stage.of if truth[serving[name]]][: stage.k]
            else:
                names.append(site.client_part_id(number, stage) if stage in site.client_parts else stage)
        return tuple(names)

    carried: dict[str, float] = {}
    counted: dict[str, float] = {}
    carries_clients: set[str] = set()
    principal = principal_traffic(site)

    def add(route: Route | None, demand: float, name: str, number: int = 0) -> None:
        if route is None:
            return
        for stage in route.stages:
            if isinstance(stage, AtLeast):
                live = [member for member in stage.of if truth[serving[member]]]
            else:
                live = [site.client_part_id(number, stage) if stage in site.client_parts else stage]
            for member in live:
                carried[member] = carried.get(member, 0.0) + demand / len(live)
                if name in site.counted_traffic:
                    counted[member] = counted.get(member, 0.0) + demand / len(live)
                    if site.traffic[name].scope == "client":
                        carries_clients.add(member)

    client_traffic = {name: traffic for name, traffic in site.traffic.items() if traffic.scope == "client"}
    clients = []
    gone = set(failed)
    for client in site.clients():
        own = {key for key in site.client_parts if site.client_part_id(client.number, key) in gone}
        sides: dict[str, str | None] = {}
        paths: dict[str, tuple[str, ...]] = {}
        for name, traffic in client_traffic.items():
            route = _taken(choices[name, client.group], truth, frozenset(own))
            add(route, traffic.demand_mb_s, name, client.number)
            sides[name] = route.carried_by if route else None
            paths[name] = spelled(route, client.number)
        clients.append(ClientState(client.name, sides, paths))
    flows: dict[str, tuple[str, ...]] = {}
    services = {}
    for name, traffic in site.traffic.items():
        if traffic.scope == "client":
            services[name] = all(state.sides[name] is not None for state in clients)
        else:
            route = _taken(choices[name, 0], truth, frozenset())
            add(route, traffic.demand_mb_s, name)
            flows[name] = spelled(route, 0)
            services[name] = route is not None
    for role, entry in site.roles.items():
        if entry.is_service:
            services[role] = truth[up[role]]
    loads = tuple(
        ElementLoad(name, carried.get(name, 0.0), part.capacity_mb_s, counted.get(name, 0.0))
        for name, part in site.components.items()
        if part.capacity_mb_s is not None
    )
    services[FULL_SERVICE] = services[principal] and not any(
        item.ends_full_service and item.element in carries_clients for item in loads
    )
    roles = {role: next((side for side in site.sides if truth[at[role, side]]), None) for role in site.roles}
    first = next(iter(site.roles), None)
    primary = policy.home if first is None else roles[first]
    if first is not None and site.roles[first].is_service and not truth[up[first]]:
        primary = None
    out = tuple(name for name, when in policy.shut_down.items() if truth[when])
    return FailoverOutcome(
        level=site.name,
        failed=failed,
        home=policy.home,
        primary=primary,
        roles=roles,
        out_of_service=out,
        backup_in_service=first is not None and truth[backups[first]],
        clients=tuple(clients),
        flows=flows,
        services=services,
        loads=loads,
        principal=principal,
        carried=carried,
        standby={role: truth[node] for role, node in backups.items() if role in site.movable},
        returns=tuple(name for name in out if policy.returns_by_itself(name)),
    )
