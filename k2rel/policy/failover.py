"""One set of failed parts, followed through the rules: who takes over, which route flows take, what is overloaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from k2rel.arguments import as_names
from k2rel.logic.structure import Node
from k2rel.policy.begun import BegunTakeover, begun_nodes, begun_takeovers
from k2rel.policy.client_routes import AlikeClients, ClientRoutes, ClientState
from k2rel.policy.reasons import holder_label, reasons
from k2rel.policy.rules import Policy
from k2rel.policy.sentences import nodes_in, said
from k2rel.policy.used import ElementLoad, UsedRoute
from k2rel.policy.wanting import wanting, wants
from k2rel.site.client_names import ClientNames, parts_meant
from k2rel.site.model import Site
from k2rel.site.names import place_words, spoken
from k2rel.site.service_names import FULL_SERVICE
from k2rel.tables import Shown

__all__ = [
    "ClientState",
    "FailoverOutcome",
    "at_words",
    "failover",
    "failovers",
    "further_traffic",
    "principal_traffic",
    "raid_works",
]


_OLDER = frozenset(("media", "control", "ftp"))
_AT_ONCE = 256  # states of all parts that are evaluated together


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
        For each flow that is up and that full service requires, its paths: one must have nothing overloaded.
    reasons : tuple of str
        Why each role is where it is: taken over from whom and why, or why no holder takes it over.
    suspended : tuple of str
        Parts that are out of use though they have not failed.
    split : mapping of str to tuple of str
        For each role that two holders have at once, their names.
    takeovers : tuple of BegunTakeover
        The takeovers that the failed parts begin, step by step, with their times and probabilities.
    wanting : mapping of str to tuple of str
        Shared parts that are down though they have not failed themselves, each with the failed parts for want of which.
    alike : tuple of AlikeClients
        The clients once more, those that do the same together.
    names : ClientNames
        What clients and their kinds are called.
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
    wanting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alike: tuple[AlikeClients, ...] = field(default=(), repr=False, compare=False)
    names: ClientNames = field(default_factory=ClientNames, repr=False, compare=False)

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
            Servers by ``out of service until returned to service`` and ``out of service until restored``, where
            there are any.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> failover(Policy(read_site("L2R")), ["switch_A"]).out_of_service_words()
        {'out of service until returned to service': ('server_A',)}
        """
        waiting = tuple(name for name in self.out_of_service if name not in self.returns)
        words = {"out of service until returned to service": waiting, "out of service until restored": self.returns}
        return {text: names for text, names in words.items() if names}

    def wanting_words(self) -> dict[str, tuple[str, ...]]:
        """Say which parts are down for lack of which failed ones.

        Returns
        -------
        dict of str to tuple of str
            Parts by ``down for want of`` those that have failed.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> failover(Policy(read_site("dual_tor")), ["ups_A"]).wanting_words()
        {'down for lack of ups_A': ('pdu_A', 'outlet_A', 'tor_A')}
        """
        found: dict[str, tuple[str, ...]] = {}
        for part, causes in self.wanting.items():
            words = f"down for lack of {' and '.join(causes)}"
            found[words] = (*found.get(words, ()), part)
        return found

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
            "wanting": {part: list(causes) for part, causes in self.wanting.items()},
            "split": {role: list(both) for role, both in self.split.items()},
            "reasons": list(self.reasons),
            "takeovers": [each.to_json() for each in self.takeovers],
            "clients": [
                {
                    "client": state.client,
                    **({"name": self.names.members[state.client]} if state.client in self.names.members else {}),
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
        return f"{self.level}: {failed} failed, {lost} down{roles}"


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
    followed = _followed(policy)
    failed = followed.checked(failed)
    state = followed.state(failed) | dict(control or {})
    return followed.outcome(failed, followed.policy.structure.truth(followed.roots, state))


def failovers(policy: Policy, failures: Iterable[Sequence[str] | str]) -> Iterator[FailoverOutcome]:
    """Follow the failover rules for many sets of failed parts, one after another.

    Parameters
    ----------
    policy : Policy
        The rules of a site, with the side that had the roles before.
    failures : iterable of (sequence of str or str)
        Sets of parts that have failed together.

    Yields
    ------
    FailoverOutcome
        What `failover` gives, in the order of the sets.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> [outcome.primary for outcome in failovers(Policy(read_site("L2R")), [[], ["media_link_A1"]])]
    ['A', 'B']
    """
    followed = _followed(policy)
    every = [followed.checked(failed) for failed in failures]
    names = followed.policy.structure.variables(followed.roots)
    for start in range(0, len(every), _AT_ONCE):
        some = every[start : start + _AT_ONCE]
        works = {name: np.ones(len(some), dtype=np.bool_) for name in names}
        for case, failed in enumerate(some):
            for name, there in followed.state(failed).items():
                if name in works:
                    works[name][case] = there
        found = followed.policy.structure.values(followed.roots, works)
        table = np.array([np.broadcast_to(each, (len(some),)) for each in found], dtype=np.bool_).T
        for failed, row in zip(some, table, strict=True):
            yield followed.outcome(failed, dict(zip(followed.roots, row.tolist(), strict=True)))


class _Followed:
    """The rules of a site, ready to be followed in any state."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.site = policy, policy.site
        self.routes = ClientRoutes(policy)
        self.names = ClientNames.of(self.site)
        self.clients = tuple(client.name for client in self.site.clients())
        roles = self.site.roles
        self.at = {(role, side): policy.role_at(role, side) for role in roles for side in self.site.sides}
        self.up = {role: policy.role_up(role) for role in roles}
        self.named = {
            (role, h.name): policy.role_at(role, h.name) for role in roles for h in policy.holders(role) if h.name
        }
        self.backups = {role: policy.backup_in_service(role) for role in roles}
        self.sentences, self.splits = tuple(reasons(policy)), tuple(policy.splits())
        self.suspended, self.wants = policy.suspended_now(), wants(policy)
        roots: list[Node] = [*self.backups.values(), *self.at.values(), *self.up.values(), *self.named.values()]
        roots += policy.shut_down.values()
        roots += [node for each in self.sentences for node in (each.when, *nodes_in(each.text))]
        roots += [*begun_nodes(policy), *(node for *_, node in self.splits), *self.suspended.values()]
        roots += [node for want in self.wants.values() for node in want.nodes()]
        self.roots = list(dict.fromkeys((*roots, *self.routes.nodes())))

    def checked(self, failed: Sequence[str] | str) -> tuple[str, ...]:
        """Failed parts, each once; it is an error when the site has no such part."""
        return parts_meant(self.site, as_names("failed", failed))

    def state(self, failed: Sequence[str]) -> dict[str, bool]:
        """Values of the variables of the parts that have failed, and of RAID sets."""
        return dict.fromkeys(failed, False) | raid_works(self.site, failed)

    def outcome(self, failed: tuple[str, ...], truth: Mapping[Node, bool]) -> FailoverOutcome:
        """Put together what the values of the roots say."""
        site, policy = self.site, self.policy
        alike = self.routes.clients(truth, failed)
        flows = self.routes.site_flows(truth)
        states = {state.client: state for each in alike for state in each.states}
        site_routes = dict(flows.states[0].routes)
        carried, foreground = _added([*alike, flows])
        loads = tuple(
            ElementLoad(
                name,
                sum(carried.get(name, {}).values()),
                part.capacity_mb_s,
                sum(load.get(name, 0.0) for load in foreground.values()),
                unit=part.unit,
            )
            for name, part in site.components.items()
            if part.capacity_mb_s is not None
        )
        asks = dict.fromkeys(ask for each in (*alike, flows) for ask in each.asks)
        short = frozenset(item.element for item in loads if item.short)
        missed = (ways for ways in asks if not any(map(short.isdisjoint, ways)))
        ends = short & {element for ways in missed for way in ways for element in way}  # up by these, not whole
        loads = tuple(replace(item, ends_full_service=item.element in ends) if ends else item for item in loads)
        services = {
            name: all(each.states[0].routes[name] for each in alike)
            if traffic.scope == "client"
            else bool(site_routes[name])
            for name, traffic in site.traffic.items()
        }
        for role, entry in site.roles.items():
            if entry.is_service:
                services[role] = truth[self.up[role]]
        services[FULL_SERVICE] = all(each.whole for each in (*alike, flows)) and not ends
        roles = {role: next((side for side in site.sides if truth[self.at[role, side]]), None) for role in site.roles}
        first = next(iter(site.roles), None)
        primary = policy.home if first is None else roles[first]
        if first is not None and site.roles[first].is_service and not truth[self.up[first]]:
            primary = None
        out = tuple(name for name, when in policy.shut_down.items() if truth[when])
        said_now = (said(each.text, truth) for each in self.sentences if truth[each.when])
        return FailoverOutcome(
            level=site.name,
            failed=failed,
            home=policy.home,
            primary=primary,
            roles=roles,
            holders={role: name for (role, name), node in self.named.items() if truth[node]},
            out_of_service=out,
            backup_in_service=first is not None and truth[self.backups[first]],
            clients=tuple(states[name] for name in self.clients),
            site_routes=site_routes,
            services=services,
            loads=loads,
            principal=principal_traffic(site),
            carried_by_unit=carried,
            standby={role: truth[node] for role, node in self.backups.items() if role in site.movable},
            returns=tuple(name for name in out if policy.returns_by_itself(name)),
            foreground=foreground,
            asks=tuple(asks),
            reasons=tuple(dict.fromkeys(said_now)),
            suspended=tuple(name for name, node in self.suspended.items() if truth[node]),
            split={r: (holder_label(old), holder_label(new)) for r, old, new, node in self.splits if truth[node]},
            takeovers=begun_takeovers(policy, truth),
            wanting=wanting(self.wants, truth),
            alike=tuple(alike),
            names=self.names,
        )


@lru_cache(maxsize=8)
def _followed(policy: Policy) -> _Followed:
    # on functions of its own: those of a policy are ordered by when they were made, and its diagrams with them, so that
    # whoever asked what follows from a failure first would get availabilities with another last digit
    return _Followed(Policy(policy.site, policy.primary, sticky=policy.sticky))


def _added(every: Sequence[AlikeClients]) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Load on every part by unit, and that of each traffic class in the foreground."""
    carried: dict[str, dict[str, float]] = {}
    ahead: dict[str, dict[str, float]] = {}
    for each in every:
        carried.update({part: dict(loads) for part, loads in each.own.items()})
        for part, loads in each.shared.items():
            sums = carried.get(part)
            if sums is None:
                carried[part] = dict(loads)
                continue
            for unit, load in loads.items():
                sums[unit] = sums.get(unit, 0.0) + load
        for name, here in each.foreground.items():
            there = ahead.setdefault(name, {})
            for part, load in here.items():
                there[part] = there.get(part, 0.0) + load
    return carried, ahead
