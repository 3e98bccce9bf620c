"""The rules of a site as plain data: gates, routes, roles, capacities; whoever follows them needs no rule of his own.

The explorer in the reports runs on this. What the data mean is said in `compiled`; a test follows thousands of
random states by them and by `k2rel.policy.failover` and compares.
"""

from __future__ import annotations

from typing import Any

from k2rel.logic.structure import Node
from k2rel.policy.failover import further_traffic, principal_traffic
from k2rel.policy.rules import Policy
from k2rel.site.model import AtLeast

__all__ = ["compiled"]


def compiled(policy: Policy) -> dict[str, Any]:
    """Write the rules of a site out as plain data.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> data = compiled(Policy(read_site("L2R")))
    >>> data["principal"], data["sides"], len(data["choices"]["media"]["groups"])
    ('media', ['A', 'B'], 2)
    """
    site, structure = policy.site, policy.structure
    groups = range(site.group_count)
    choices = {
        name: [policy.choice(name, group) for group in (groups if traffic.scope == "client" else (0,))]
        for name, traffic in site.traffic.items()
    }
    shared = {
        member: policy.in_service(member)
        for each in choices.values()
        for choice in each
        for route in choice.routes
        for stage in route.stages
        if isinstance(stage, AtLeast)
        for member in stage.of
    }
    at = {role: {side: policy.role_at(role, side) for side in site.sides} for role in site.roles}
    up = {role: policy.role_up(role) for role in site.roles}
    backups = {role: policy.backup_in_service(role) for role in site.roles}
    roots = [*backups.values(), *up.values(), *shared.values(), *policy.shut_down.values()]
    roots += [node for sides in at.values() for node in sides.values()]
    for each in choices.values():
        for choice in each:
            roots += [route.usable for route in choice.routes] + [when for when, _ in choice.orders]
    nodes = structure.needed(roots)
    place = {node: row for row, node in enumerate(nodes)}

    def gate(node: Node) -> list[Any]:
        kind, parts, k, name = structure.gate(node)
        first: list[Any] = [name] if kind == "variable" else [k] if kind == "at_least" else []
        return [kind, *first, *(place[part] for part in parts)]

    return {
        "level": site.name,
        "sides": list(site.sides),
        "home": policy.home,
        "principal": principal_traffic(site),
        "counts": list(site.foreground),
        "further": list(further_traffic(site)),
        "gates": [gate(node) for node in nodes],
        "raid": {
            name: {"drives": list(entry.drives), "tolerance": entry.tolerance} for name, entry in site.raid_sets.items()
        },
        "serving": {name: place[node] for name, node in shared.items()},
        "choices": {
            name: {
                "scope": site.traffic[name].scope,
                "demand": site.traffic[name].demand_mb_s,
                "groups": [
                    {
                        "routes": [
                            {
                                "side": route.carried_by,
                                "stages": [
                                    {"k": stage.k, "of": list(stage.of)} if isinstance(stage, AtLeast) else stage
                                    for stage in route.stages
                                ],
                                "own": list(route.own),
                                "usable": place[route.usable],
                                "dead_end": route.dead_end,
                            }
                            for route in choice.routes
                        ],
                        "orders": [[place[when], list(order)] for when, order in choice.orders],
                    }
                    for choice in each
                ],
            }
            for name, each in choices.items()
        },
        "roles": {
            name: {
                "at": {side: place[node] for side, node in at[name].items()},
                "up": place[up[name]],
                "service": role.is_service,
            }
            for name, role in site.roles.items()
        },
        "backup": place[backups[next(iter(site.roles))]] if site.roles else None,
        "standby": {role: place[node] for role, node in backups.items() if role in site.movable},
        "returns": [name for name in policy.shut_down if policy.returns_by_itself(name)],
        "shut": {name: place[node] for name, node in policy.shut_down.items()},
        "capacity": {
            name: part.capacity_mb_s for name, part in site.components.items() if part.capacity_mb_s is not None
        },
        "client_parts": {part: site.client_part_id(0, part).replace("_0", "_#", 1) for part in site.client_parts},
        "clients": [[client.name, client.group] for client in site.clients()],
    }
