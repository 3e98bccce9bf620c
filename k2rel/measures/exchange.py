"""A site's services as fault trees for other tools."""

from __future__ import annotations

from k2rel.faulttrees.write import open_psa
from k2rel.logic.structure import Node
from k2rel.policy.failover import principal_traffic
from k2rel.studies import Study

__all__ = ["functions_of", "open_psa_of"]


def functions_of(study: Study) -> dict[str, Node]:
    """Write the services of a site as structure functions of its parts, every client with its own.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    dict of str to int
        For each traffic class the whole site and the first client of each group, each role, and the loss of
        all clients: a function of the policy's structure that says that the service is there. Full service
        depends on loads and is no such function.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> list(functions_of(study("L2R")))[:3]
    ['media', 'media_client', 'media_client_2']
    """
    site, policy = study.site, study.policy
    s = policy.structure
    clients = [(client.group, client.number) for client in site.clients()]
    first = dict(reversed(clients))
    tops: dict[str, Node] = {}
    for name, traffic in site.traffic.items():
        if traffic.scope == "site":
            tops[name] = s.disjunction([route.usable for route in policy.choice(name).routes])
            continue
        tops[name] = s.conjunction([policy.served(name, group, number) for group, number in clients])
        for group, number in sorted(first.items()):
            suffix = "" if group == 0 else f"_{group + 1}"
            tops[f"{name}_client{suffix}"] = policy.served(name, group, number)
    for name, role in site.roles.items():
        if role.is_service:
            tops[name] = policy.role_up(name)
    principal = principal_traffic(site)
    if site.traffic[principal].scope == "client" and len(clients) > 1:
        anyone = s.disjunction([policy.served(principal, group, number) for group, number in clients])
        tops[f"lost_{len(clients)}_or_more_clients"] = anyone
    return tops


def open_psa_of(study: Study) -> str:
    """Write the services of a site as fault trees, every client with its own parts.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    str
        Open-PSA XML: a fault tree for each traffic class of the whole site and of the first client of each
        group, each role, and the loss of all clients. RAID sets are basic events with the unavailability of
        their Markov chain. Full service depends on loads and is no fault tree.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> open_psa_of(study("L2R")).splitlines()[2]
    '<opsa-mef name="L2R">'
    """
    site = study.site
    s = study.policy.structure
    tops = functions_of(study)
    probabilities = {variable: study.law(variable).unavailability for variable in s.variables(tops.values())}
    p = study.provenance
    note = f"{site.title}; {p.clients} clients, contract {p.contract}; {p.engine}; inputs {p.input_hash}"
    return open_psa(site.name, s, tops, probabilities, note=note)
