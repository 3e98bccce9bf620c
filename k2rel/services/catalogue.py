"""The services of a site: name, title, and the rule that says when each is up.

Every engine takes the list from here, the simulation too: names and rules are the same, how they are evaluated is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from k2rel.logic.structure import Node
from k2rel.policy.failover import principal_traffic
from k2rel.policy.rules import Policy
from k2rel.site.model import Site

__all__ = ["SiteService", "site_services", "structure_function"]


@dataclass(frozen=True, slots=True)
class SiteService:
    """A service and its rule.

    It is up while a role is held, a site-wide flow has a usable route, every client or one client of a group has a
    route, fewer than `cut_off` clients have none, or every client has the bandwidth that it subscribed.
    """

    name: str  # in tables
    title: str  # for people
    rule: Literal["role", "flow", "every client", "one client", "lost clients", "full service"]
    of: str  # the role or the traffic class
    group: int = 0  # of "one client"
    cut_off: int = 0  # of "lost clients"

    @property
    def scope(self) -> Literal["site", "client"]:
        """Whether it is a service of the whole site or of one client."""
        return "client" if self.rule == "one client" else "site"

    @property
    def shared_only(self) -> bool:
        """Whether no client's own part has a say."""
        return self.rule in ("role", "flow")


def site_services(site: Site, lost_clients: Sequence[int] | None = None) -> list[SiteService]:
    """List the services of a site; of the loss of k or more clients those of 2, half and all, or the given k.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> [service.name for service in site_services(read_site("L2R")) if service.scope == "site"][:4]
    ['media', 'control', 'ftp', 'ftp_retry']
    """
    result = []
    for name, traffic in site.traffic.items():
        if traffic.scope == "site":
            result.append(SiteService(name, traffic.title, "flow", name))
            continue
        result.append(SiteService(name, f"{traffic.title}, every client", "every client", name))
        for group in range(site.group_count):
            suffix = "" if group == 0 else f"_{group + 1}"
            title = f"{traffic.title}, client {group + 1}"
            result.append(SiteService(f"{name}_client{suffix}", title, "one client", name, group))
    result += [SiteService(name, role.title, "role", name) for name, role in site.roles.items() if role.is_service]
    principal, count = principal_traffic(site), site.client_count
    if site.traffic[principal].scope == "client":
        # the loss of one client or more is the principal traffic of the whole site, listed already
        usual = [k for k in (2, math.ceil(count / 2), count) if 1 < k <= count]
        for k in sorted(set(usual if lost_clients is None else lost_clients)):
            title = f"loss of {k} or more of {count} clients"
            result.append(SiteService(f"lost_{k}_or_more_clients", title, "lost clients", principal, cut_off=k))
        title = f"full service: {site.traffic[principal].title} at the subscribed bandwidth for every client"
        result.append(SiteService("full_service", title, "full service", principal))
    return result


def structure_function(policy: Policy, service: SiteService) -> Node:
    """Write a service as a function of all parts, each client's own among them; full service, of loads, is none.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> policy = Policy(read_site("L2R"))
    >>> media = structure_function(policy, site_services(policy.site)[0])
    >>> [policy.structure.value(media, {f"switch_{x}": False for x in sides}) for sides in ("A", "AB")]
    [True, False]
    """
    s, site = policy.structure, policy.site
    if service.rule == "role":
        return policy.role_up(service.of)
    if service.rule == "flow":
        return s.disjunction(route.usable for route in policy.choice(service.of).routes)
    clients = [(client.group, client.number) for client in site.clients()]
    if service.rule == "one client":
        return policy.served(service.of, *next(client for client in clients if client[0] == service.group))
    served = [policy.served(service.of, group, number) for group, number in clients]
    if service.rule == "every client":
        return s.conjunction(served)
    if service.rule == "lost clients":
        return s.at_least(len(clients) - service.cut_off + 1, served)
    raise ValueError(f"{service.name}: not a function of which parts work alone")
