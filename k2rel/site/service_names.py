"""Names and titles of the services that follow from traffic classes, and which of them are listed."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from k2rel.site.client_names import ClientNames
from k2rel.site.model import Site
from k2rel.site.names import client_id

__all__: list[str] = []

FULL_SERVICE = "full_service"


def is_derived(name: str, classes: Collection[str]) -> bool:
    """Whether a name is kept for such a service, beside classes of traffic."""
    of_client = re.fullmatch(r"(.+)_client(_[0-9]+)?", name)
    return name == FULL_SERVICE or is_of_lost_clients(name) or (of_client is not None and of_client[1] in classes)


def is_of_lost_clients(name: str) -> bool:
    """Whether a name is that of the loss of some clients."""
    return re.fullmatch(r"lost_[0-9]+_or_more_clients", name) is not None


def of_all_clients(site: Site, traffic: str) -> tuple[str, str]:
    return traffic, f"{site.traffic[traffic].title}, every client"


def of_client(site: Site, traffic: str, group: int, stands_for: int = 1) -> tuple[str, str]:
    """Of one client of a group, which may stand for more groups wired alike; the first group has no number."""
    number = "" if group == 0 else f"_{group + 1}"
    return f"{traffic}_client{number}", f"{site.traffic[traffic].title}, {_one_of(site, group, stands_for)}"


def _one_of(site: Site, group: int, stands_for: int) -> str:
    first, kind = site.groups[group].clients[0], site.groups[group].kind
    more = f" or of {stands_for - 1} groups wired alike" if stands_for > 1 else ""
    if not kind:
        return f"client {first}{more}"
    called = ClientNames.of(site).kind(kind)
    if sum(each.kind == kind for each in site.groups) == 1:
        return f"a client of {called}{more}"
    return f"{site.members.get(client_id(first), f'client {first}')} of {called}{more}"


def of_lost_clients(site: Site, k: int) -> tuple[str, str]:
    return f"lost_{k}_or_more_clients", f"loss of {k} or more of {site.client_count} clients"


def of_full_service(site: Site) -> tuple[str, str]:
    """Every class that it asks for is named; flows of the site are no client's."""
    asked = {
        scope: [site.traffic[name].title for name in site.full_service_of if site.traffic[name].scope == scope]
        for scope in ("client", "site")
    }
    parts = [f"{_listed(asked['client'])} in full for every client"] if asked["client"] else []
    parts += [f"{_listed(asked['site'])} in full"] if asked["site"] else []
    return FULL_SERVICE, f"full service: {', '.join(parts)}"


def _listed(titles: Sequence[str]) -> str:
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def usual_lost_clients(site: Site) -> list[int]:
    """For which k the loss of k or more clients is listed: 2, half, all; that of one is the service of all clients."""
    count = site.client_count
    return sorted({k for k in (2, math.ceil(count / 2), count) if 1 < k <= count})
