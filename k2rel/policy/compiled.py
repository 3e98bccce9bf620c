"""The rules of a site as plain data: gates, routes, roles, capacities; whoever follows them needs no rule of his own.

The explorer in the reports runs on this; a test follows thousands of random states by it and by
`k2rel.policy.failover` and compares.

Conditions
    ``["is", gate]``; ``["own", part]``: the client's own part has not failed; ``["at_least", k, condition, ...]``.
Carries
    What a load falls on: a part; ``["passed", carry, ...]``: what a part needs, on which it falls once;
    ``["fork", first, [carry, ...], ...]``: it is divided over the branches that work, whose conditions stand from
    ``first`` on in ``branches``; what they bring to one part adds up. Of what is crossed and needed the larger counts.
Reasons
    The gate under which a sentence is said, and its pieces: a text, or what stands before, after one and after several
    of the items whose gates hold.
Pairs
    What has an order is a list of pairs: a script sorts keys that look like numbers.
Choices
    ``orders``: the groups of routes under the gate that holds, each with a usable route before the next. A route
    carries its weight's part of the demand, evenly where no weight is above 0; with ``copies`` all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k2rel.logic.structure import Node
from k2rel.policy.begun import PossibleTakeover, begun_nodes, lasts_words, possible_takeovers
from k2rel.policy.failover import at_words, further_traffic, principal_traffic
from k2rel.policy.flows import Carry, Choice, Condition, Fork, Own, Passed, Route, Shared
from k2rel.policy.reasons import holder_label, reasons
from k2rel.policy.rules import Policy
from k2rel.policy.sentences import MOST, nodes_in, spelled
from k2rel.policy.wanting import spelled_wants, wants
from k2rel.site.stages import AtLeast
from k2rel.units import MB_S

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
    at = {role: {side: policy.role_at(role, side) for side in site.sides} for role in site.roles}
    holding = {r: {h.name: (h.on, policy.role_at(r, h.name)) for h in policy.holders(r) if h.name} for r in site.roles}
    up = {role: policy.role_up(role) for role in site.roles}
    backups = {role: policy.backup_in_service(role) for role in site.roles}
    roots = [*backups.values(), *up.values(), *policy.shut_down.values()]
    roots += [node for places in at.values() for node in places.values()]
    roots += [node for places in holding.values() for _, node in places.values()]
    sentences, takeovers = reasons(policy), possible_takeovers(policy)
    splits, suspended, needy = policy.splits(), policy.suspended_now(), wants(policy)
    roots += [*begun_nodes(policy), *suspended.values(), *(node for *_, node in splits)]
    roots += [node for one in sentences for node in (one.when, *nodes_in(one.text))]
    roots += [node for want in needy.values() for node in want.nodes()]
    for each in choices.values():
        for choice in each:
            roots += [*choice.deciding, *choice.carrying]
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
        "further": list(further_traffic(site)),
        "gates": [gate(node) for node in nodes],
        "raid": {
            name: {"drives": list(entry.drives), "tolerance": entry.tolerance} for name, entry in site.raid_sets.items()
        },
        "choices": {
            name: {
                "scope": site.traffic[name].scope,
                "demand": site.traffic[name].demand_mb_s,
                "unit": site.traffic[name].unit,
                "counts": site.traffic[name].priority == "foreground",
                "copies": site.traffic[name].share == "all",
                "groups": [_choice(choice, place) for choice in each],
            }
            for name, each in choices.items()
        },
        "full_service": list(site.full_service_of),
        "roles": {
            name: {
                "at": {side: place[node] for side, node in at[name].items()},
                "named": {
                    holder: {"when": place[node], "on": on, "words": at_words(holder)}
                    for holder, (on, node) in holding[name].items()
                },
                "up": place[up[name]],
                "service": role.is_service,
            }
            for name, role in site.roles.items()
        },
        "first_role": next(iter(site.roles), None),
        "backup": place[backups[next(iter(site.roles))]] if site.roles else None,
        "standby": {role: place[node] for role, node in backups.items() if role in site.movable},
        "returns": [name for name in policy.shut_down if policy.returns_by_itself(name)],
        "shut": [[name, place[node]] for name, node in policy.shut_down.items()],
        "reasons": [[place[one.when], spelled(one.text, place)] for one in sentences],
        "most_listed": MOST,
        "suspended": [[part, place[node]] for part, node in suspended.items()],
        "wants": spelled_wants(needy, place),
        "split": [
            [role, holder_label(old), holder_label(new), [h.on for h in (old, new) if h.on], place[node]]
            for role, old, new, node in splits
        ],
        "takeovers": [_takeover(one, place) for one in takeovers],
        "capacity": [
            [name, part.capacity_mb_s] for name, part in site.components.items() if part.capacity_mb_s is not None
        ],
        "units": [[name, part.unit] for name, part in site.components.items() if part.unit != MB_S],
        "unit": site.load_units[0],
        "client_parts": {part: site.client_part_id(0, part).replace("_0", "_#", 1) for part in site.client_parts},
        "clients": [[client.name, client.group] for client in site.clients()],
    }


def _takeover(found: PossibleTakeover, place: Mapping[Node, int]) -> dict[str, Any]:
    return {
        "role": found.role,
        "from": found.former,
        "to": found.new,
        "when": place[found.when],
        "both": place[found.both],
        "steps": [
            {
                "title": step.title,
                "when": place[step.when],
                "hours": [[place[node], hours, lasts_words(hours)] for node, hours in step.hours],
                "probability": [[place[node], share] for node, share in step.probability],
                "after_failure": step.after_failure,
                "until": step.until,
            }
            for step in found.steps
        ],
    }


def _choice(choice: Choice, place: Mapping[Node, int]) -> dict[str, Any]:
    weighted = choice.share == "weighted"
    return {
        "routes": [_route(route, place, route.weight if weighted else 1.0) for route in choice.routes],
        "orders": [[place[when], [list(group) for group in order]] for when, order in choice.orders],
        "branches": [_condition(branch, place) for branch in choice.branches],
    }


def _route(route: Route, place: Mapping[Node, int], weight: float) -> dict[str, Any]:
    stages: list[Any] = []
    for stage, fork in zip(route.stages, route.forks, strict=True):
        if isinstance(stage, AtLeast) and fork is not None:
            stages.append({"k": stage.k, "first": fork.first, "of": [list(branch) for branch in stage.of]})
        else:
            stages.append(stage)
    return {
        "side": route.carried_by,
        "group": route.group,
        "weight": weight,
        "stages": stages,
        "carries": [_carry(item) for item in route.carries],
        "usable": _condition(route.usable, place),
        "dead_end": route.dead_end,
    }


def _condition(condition: Condition, place: Mapping[Node, int]) -> list[Any]:
    if isinstance(condition, Shared):
        return ["is", place[condition.node]]
    if isinstance(condition, Own):
        return ["own", condition.part]
    return ["at_least", condition.k, *(_condition(part, place) for part in condition.of)]


def _carry(item: Carry) -> Any:
    if isinstance(item, Fork):
        return ["fork", item.first, *([_carry(inner) for inner in inners] for _, inners in item.branches)]
    return ["passed", *map(_carry, item.on)] if isinstance(item, Passed) else item
