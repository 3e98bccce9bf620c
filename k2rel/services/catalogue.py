"""The services of a site: name, title, and the rule that says when each is up.

Every engine takes the list from here, the simulation too: names and rules are the same, how they are evaluated is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from k2rel.logic.structure import Node
from k2rel.policy.failover import principal_traffic
from k2rel.policy.rules import Policy
from k2rel.site.alike_groups import listed_groups
from k2rel.site.model import Site
from k2rel.site.service_names import of_all_clients, of_client, of_full_service, of_lost_clients, usual_lost_clients

__all__ = ["SiteService", "site_services", "structure_function"]


@dataclass(frozen=True, slots=True)
class SiteService:
    """A service and its rule.

    It is up while a role is held, a site-wide flow has a usable route, every client or one client of a group has a
    route, fewer than `cut_off` clients have none, or every flow that full service asks for is whole.
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

    One client is listed of each group; where groups are many, of each class of groups that are wired alike.
    """
    result = []
    groups = listed_groups(site)
    for name, traffic in site.traffic.items():
        if traffic.scope == "site":
            result.append(SiteService(name, traffic.title, "flow", name))
            continue
        result.append(SiteService(*of_all_clients(site, name), "every client", name))
        result += [
            SiteService(*of_client(site, name, group, len(alike)), "one client", name, group)
            for group, alike in groups.items()
        ]
    result += [SiteService(name, role.title, "role", name) for name, role in site.roles.items() if role.is_service]
    principal = principal_traffic(site)
    if site.traffic[principal].scope == "client":
        for k in usual_lost_clients(site) if lost_clients is None else sorted(set(lost_clients)):
            result.append(SiteService(*of_lost_clients(site, k), "lost clients", principal, cut_off=k))
        result.append(SiteService(*of_full_service(site), "full service", principal))
    return result


def structure_function(policy: Policy, service: SiteService) -> Node:
    """Write a service as a function of all parts, each client's own among them; full service: see `whole`."""
    s, site = policy.structure, policy.site
    if service.rule == "role":
        return policy.role_up(service.of)
    if service.rule == "flow":
        return policy.served(service.of, 0, 0)
    clients = [(client.group, client.number) for client in site.clients()]
    if service.rule == "one client":
        return policy.served(service.of, *next(client for client in clients if client[0] == service.group))
    served = [policy.served(service.of, group, number) for group, number in clients]
    if service.rule == "every client":
        return s.conjunction(served)
    if service.rule == "lost clients":
        return s.at_least(len(clients) - service.cut_off + 1, served)
    raise ValueError(f"{service.name} depends on loads")
