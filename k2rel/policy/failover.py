"""One set of failed parts, followed through the rules: who takes over, which route flows take, what is overloaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from k2rel.arguments import as_names
from k2rel.logic.structure import Node
from k2rel.policy.begun import BegunTakeover, begun_nodes, begun_takeovers
from k2rel.policy.flows import Choice, Pattern
from k2rel.policy.reasons import holder_label, reasons
from k2rel.policy.rules import Policy
from k2rel.policy.sentences import nodes_in, said
from k2rel.policy.used import ElementLoad, UsedRoute
from k2rel.site.model import Site
from k2rel.site.names import place_words, spoken
from k2rel.site.service_names import FULL_SERVICE
from k2rel.site.stages import AtLeast, names_in
from k2rel.tables import Shown

__all__ = [
    "ClientState",
    "FailoverOutcome",
    "at_words",
    "failover",
    "further_traffic",
    "principal_traffic",
    "raid_works",
]


@dataclass(frozen=True, slots=True, repr=False)
class ClientState(Shown):
    """Where one client's flows go: for each traffic class the routes in use, none when it is cut off."""

    client: str
    routes: Mapping[str, tuple[UsedRoute, ...]]

    @property
    def sides(self) -> dict[str, str | None]:
        """The side of the first route of each traffic class; None when it is cut off."""
        return {name: used[0].side if used else None for name, used in self.routes.items()}

    @property
    def paths(self) -> dict[str, tuple[str, ...]]:
        """Parts of the first route of each traffic class, in order."""
        return {name: used[0].path if used else () for name, used in self.routes.items()}


_OLDER = frozenset(("media", "control", "ftp"))


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
        The preferred side, which had the roles before where all first holders are there.
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
    site_routes : mapping of str to tuple of UsedRoute
        The routes in use of each site-wide flow.
    services : mapping of str to bool
        Whether each service is there, for the whole site.
    loads : tuple of ElementLoad
        Every element that has a capacity.
    principal : str
        The traffic class whose sides are counted.
    carried_by_unit : mapping of str to mapping of str to float
        Load of every component and client part on a route, with a capacity or without, by unit: loads of two units on
        a part without a capacity are not added.
    standby : mapping of str to bool
        For each role that can move, what `backup_in_service` says of the first.
    holders : mapping of str to str
        The name of the holder that has each role now, where the file names it.
    returns : tuple of str
        Servers out of service that come back by themselves, by automatic failback; the others wait for an operator.
    foreground : mapping of str to mapping of str to float
        Load of each traffic class that yields to no other on every part, in the unit of the class.
    asks : tuple of tuple of frozenset of str
        For each flow that is up and that full service asks for, its ways: one must have nothing overloaded.
    reasons : tuple of str
        Why each role is where it is: taken over from whom and for what, or why nobody takes it over.
    suspended : tuple of str
        Parts that are out of use though they have not failed.
    split : mapping of str to tuple of str
        For each role that two holders have at once, their names.
    takeovers : tuple of BegunTakeover
        The takeovers that the failed parts begin, step by step, with their times and probabilities.
    """

    level: str
    failed: tuple[str, ...]
    home: str
    primary: str | None
    roles: Mapping[str, str | None]
    out_of_service: tuple[str, ...]
    backup_in_service: bool
    clients: tuple[ClientState, ...]
    site_routes: Mapping[str, tuple[UsedRoute, ...]]
    services: Mapping[str, bool]
    loads: tuple[ElementLoad, ...]
    principal: str
    carried_by_unit: Mapping[str, Mapping[str, float]]
    standby: Mapping[str, bool] = field(default_factory=dict)
    returns: tuple[str, ...] = ()
    holders: Mapping[str, str] = field(default_factory=dict)
    foreground: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    asks: tuple[tuple[frozenset[str], ...], ...] = ()
    reasons: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    split: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    takeovers: tuple[BegunTakeover, ...] = ()

    @property
    def carried(self) -> dict[str, float]:
        """Load of every part on a route that is crossed in one unit, in that."""
        return {part: sum(loads.values()) for part, loads in self.carried_by_unit.items() if len(loads) < 2}

    @property
    def flows(self) -> dict[str, tuple[str, ...]]:
        """Parts of the first route of each site-wide flow, in order."""
        return {name: used[0].path if used else () for name, used in self.site_routes.items()}

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
            "holders": dict(self.holders),
            "out_of_service": list(self.out_of_service),
            "returns_by_itself": list(self.returns),
            "backup_in_service": self.backup_in_service,
            "standby": dict(self.standby),
            "suspended": list(self.suspended),
            "split": {role: list(both) for role, both in self.split.items()},
            "reasons": list(self.reasons),
            "takeovers": [each.to_json() for each in self.takeovers],
            "clients": [
                {
                    "client": state.client,
                    **self._older_names(state),
                    "sides": dict(state.sides),
                    "paths": {name: list(path) for name, path in state.paths.items()},
                    "routes": {name: [route.to_json() for route in used] for name, used in state.routes.items()},
                }
                for state in self.clients
            ],
            "flows": {name: list(path) for name, path in self.flows.items()},
            "flow_routes": {name: [route.to_json() for route in used] for name, used in self.site_routes.items()},
            "services": dict(self.services),
            "loads": [load.to_json() for load in self.loads],
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
    return site.principal


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


def at_words(place: str) -> str:
    """Say that something is at a side or a named holder, whose name may begin with "at" itself.

    Examples
    --------
    >>> at_words("B"), at_words("node_2"), at_words("at_node_2")
    ('at B', 'at node 2', 'at node 2')
    """
    return f"at {spoken(place_words(place))}"


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
    named = {
        (role, h.name): policy.role_at(role, h.name) for role in site.roles for h in policy.holders(role) if h.name
    }
    backups = {role: policy.backup_in_service(role) for role in site.roles}
    roots: list[Node] = [*backups.values(), *at.values(), *up.values(), *named.values(), *policy.shut_down.values()]
    sentences, splits, suspended = reasons(policy), policy.splits(), policy.suspended_now()
    roots += [node for each in sentences for node in (each.when, *nodes_in(each.text))]
    roots += [*begun_nodes(policy), *(node for *_, node in splits), *suspended.values()]
    for choice in choices.values():
        roots += [*choice.deciding, *choice.carrying]
    truth = policy.structure.truth(roots, state)
    flows = _Flows(site, choices, truth)
    gone = set(failed)
    clients = []
    for client in site.clients():
        lost = frozenset(key for key in site.client_parts if site.client_part_id(client.number, key) in gone)
        routes = {
            name: flows.follow(name, client.group, client.number, lost)
            for name, traffic in site.traffic.items()
            if traffic.scope == "client"
        }
        clients.append(ClientState(client.name, routes))
    site_routes = {
        name: flows.follow(name, 0, 0, frozenset()) for name, traffic in site.traffic.items() if traffic.scope == "site"
    }
    loads = tuple(
        ElementLoad(
            name, sum(flows.carried.get(name, {}).values()), part.capacity_mb_s, flows.ahead(name), unit=part.unit
        )
        for name, part in site.components.items()
        if part.capacity_mb_s is not None
    )
    asks = flows.asks
    short = frozenset(item.element for item in loads if item.short)
    missed = (ways for ways in asks if not any(map(short.isdisjoint, ways)))
    ends = short & {element for ways in missed for way in ways for element in way}  # by these a flow is up, not whole
    loads = tuple(replace(item, ends_full_service=item.element in ends) for item in loads)
    services = {
        name: all(state.routes[name] for state in clients) if traffic.scope == "client" else bool(site_routes[name])
        for name, traffic in site.traffic.items()
    }
    for role, entry in site.roles.items():
        if entry.is_service:
            services[role] = truth[up[role]]
    services[FULL_SERVICE] = flows.all_up and not ends
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
        holders={role: name for (role, name), node in named.items() if truth[node]},
        out_of_service=out,
        backup_in_service=first is not None and truth[backups[first]],
        clients=tuple(clients),
        site_routes=site_routes,
        services=services,
        loads=loads,
        principal=principal_traffic(site),
        carried_by_unit=flows.carried,
        standby={role: truth[node] for role, node in backups.items() if role in site.movable},
        returns=tuple(name for name in out if policy.returns_by_itself(name)),
        foreground=flows.foreground,
        asks=tuple(asks),
        reasons=tuple(dict.fromkeys(said(each.text, truth) for each in sentences if truth[each.when])),
        suspended=tuple(name for name, node in suspended.items() if truth[node]),
        split={role: (holder_label(old), holder_label(new)) for role, old, new, node in splits if truth[node]},
        takeovers=begun_takeovers(policy, truth),
    )


class _Flows:
    """Flows followed one by one, and the load that they put on every part."""

    def __init__(self, site: Site, choices: Mapping[tuple[str, int], Choice], truth: Mapping[Node, bool]) -> None:
        self.site, self.choices, self.truth = site, choices, truth
        self.carried: dict[str, dict[str, float]] = {}  # by unit
        self.foreground: dict[str, dict[str, float]] = {}  # by traffic class
        self._met: dict[tuple[str, int, frozenset[str]], Pattern] = {}

    def follow(self, name: str, group: int, number: int, lost: frozenset[str]) -> tuple[UsedRoute, ...]:
        """The routes that one flow uses; its load is added."""
        choice, key = self.choices[name, group], (name, group, lost)
        if key not in self._met:
            works = {part: np.array([part not in lost]) for part in choice.own}
            self._met[key] = choice.patterns(self.truth, works, 1, range(len(choice.branches)))[0]
        pattern, traffic = self._met[key], self.site.traffic[name]
        used = []
        for index, share in pattern.uses:
            route = choice.routes[index]
            crosses = {self._spelled(p, number): on for p, on in choice.falls_on(pattern, index, share).items()}
            for part, portion in crosses.items():
                load = portion * traffic.demand_mb_s
                by_unit = self.carried.setdefault(part, {})
                if traffic.demand_mb_s > 0:
                    by_unit[traffic.unit] = by_unit.get(traffic.unit, 0.0) + load
                if traffic.priority == "foreground":
                    here = self.foreground.setdefault(name, {})
                    here[part] = here.get(part, 0.0) + load
            path: list[str] = []
            stages: list[str | tuple[tuple[str, ...], ...]] = []
            for stage, fork in zip(route.stages, route.forks, strict=True):
                if fork is None or not isinstance(stage, AtLeast):
                    plain = [self._spelled(part, number) for part in names_in(stage)]
                    path += plain
                    stages += plain
                    continue
                live = [each for n, each in enumerate(stage.of, fork.first) if n in pattern.live]
                branches = tuple(tuple(self._spelled(part, number) for part in each) for each in live)
                path += [part for branch in branches[: stage.k] for part in branch]
                stages.append(branches)
            used.append(UsedRoute(route.carried_by, route.group, share, tuple(path), tuple(stages), crosses))
        return tuple(used)

    def ahead(self, part: str) -> float:
        """Load of the foreground on a part."""
        return sum(load.get(part, 0.0) for load in self.foreground.values())

    @property
    def asks(self) -> dict[tuple[frozenset[str], ...], None]:
        """For each flow that is up and that full service asks for, its ways: one of them must not be overloaded."""
        return {
            tuple(self.choices[name, group].ways(pattern)): None
            for (name, group, _), pattern in self._met.items()
            if name in self.site.full_service_of and not pattern.lost
        }

    @property
    def all_up(self) -> bool:
        """Whether every flow that full service asks for is up."""
        return not any(pattern.lost for (name, *_), pattern in self._met.items() if name in self.site.full_service_of)

    def _spelled(self, part: str, number: int) -> str:
        return self.site.client_part_id(number, part) if part in self.site.client_parts else part
