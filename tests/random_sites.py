"""Small sites drawn at random, with parts that fail so often that a short simulation sees it, and roles of any kind."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import k2rel

RULES = {
    "unable_backup": ("takes over", "waits"),
    "recovered_backup": ("waits", "takes over"),
    "restart": ("out of service", "in service"),
    "operator_places": ("preferred", "former", "other"),
    "operator_moves": ("failed takeovers", "any loss"),
    "backup": ("healthy", "able"),
    "failback": ("manual", "automatic"),
}
FIXED = {"type": "fixed"}


def random_document(seed: int) -> dict[str, Any]:
    """A site file: two servers or three behind a hub, perhaps switches, a heartbeat, a store, a RAID set, common cause."""
    chance = random.Random(seed)

    def often(share: float) -> bool:
        return chance.random() < share

    def part(side: str | None = None, **more: Any) -> dict[str, Any]:
        life, repair = round(chance.uniform(100, 1000)), round(chance.uniform(1, 20), 1)
        where = {} if side is None else {"side": side}
        return {"type": "part", "mttf": f"{life} h", "mttr": f"{repair} h", "source": "test"} | where | more

    components: dict[str, Any] = {"hub": FIXED}
    links: dict[str, Any] = {}
    units, needs, ways = {}, {}, {}
    servers = ["a", "b", *(["c"] if often(0.25) else [])]
    sides = dict(zip(servers, "ABB", strict=False))
    watched, stored, beaten, twins = often(0.4), often(0.4), often(0.5), often(0.2)
    doubled, cabled = len(servers) == 2 and often(0.3), often(0.5)
    life = {key: part()[key] for key in ("mttf", "mttr")} if twins else {}
    if stored:
        components["store"] = part()
    for name in servers:
        side = sides[name]
        power = [f"psu_{name}_{n}" for n in (1, 2)] if doubled else []
        components |= {psu: part(side) for psu in power}
        extra = {"needs": [{"at_least": 1, "of": power}]} if power else {}
        components[name] = part(side, capacity=f"{chance.choice([15, 25, 45, 100])} MB/s", **life, **extra)
        links[f"lead_{name}"] = (
            part(side, between=["hub", name]) if cabled else FIXED | {"side": side, "between": ["hub", name]}
        )
        ways[name] = ["hub", f"lead_{name}", name, *([f"shelf_{name}", "store"] if stored else [])]
        needs[name] = [name, *(["store"] if stored else [])]
        triggers = [name, *([f"lead_{name}"] if watched and cabled else [])]
        units[f"unit_{name}"] = {"server": name, "triggers": triggers} | ({"heartbeat": "beat"} if beaten else {})
        if often(0.2):
            units[f"unit_{name}"]["shuts_down"] = "lost"
        if stored:
            links[f"shelf_{name}"] = {"type": "fixed", "side": side, "between": [name, "store"]}
    if beaten:
        tested = {"test_interval": "40 h", "tested": "independently"} if often(0.3) else {}
        links["beat"] = part(None, between=["a", "b"], **tested)
    roles = {"master": _role(chance, {name: (sides[name], f"unit_{name}") for name in servers}, needs)}
    if often(0.3):
        roles["clerk"] = _role(chance, {name: (sides[name], f"unit_{name}") for name in servers[:2]}, needs)
    seat = {"type": "part", "mttf": "900 h", "mttr": "3 h", "source": "test"} if often(0.5) else FIXED
    own: dict[str, Any] = {"seat": seat}
    cords: dict[str, Any] = {
        f"cord_{side}": {"type": "fixed", "side": side, "between": ["seat", "hub"]} for side in "AB"
    }
    if often(0.3):
        cords["cord_A"] = cords["cord_A"] | {"type": "part", "mttf": "700 h", "mttr": "2 h", "source": "test"}
    if own["seat"] is not FIXED and often(0.2):
        own["seat"] = own["seat"] | {"external": True}

    def paths(**when: str) -> list[dict[str, Any]]:
        held = {"when": when} if when else {}
        return [{"side": sides[n], "via": ["seat", f"cord_{sides[n]}", *ways[n]]} | held for n in servers]

    traffic: dict[str, Any] = {
        "media": {"demand": "10 MB/s", "requires": ["master"], "prefer": chance.choice(["role master", "home", "listed"]),
                  "paths": paths()},
        "control": {"prefer": chance.choice(["home", "listed"]), "detects": chance.choice(["path", "port"]),
                    "paths": [{"side": side, "when": {"master": sides[n]}, "via": ["seat", f"cord_{side}", *ways[n]]}
                              for n in servers[:2] for side in ("A", "B")]},
        "archive": {"scope": "site", "demand": "8 MB/s", "requires": [chance.choice(list(roles))], "prefer": "home",
                    "paths": [{"side": sides[n], "via": ways[n]} for n in servers]},
    }  # fmt: skip
    document = {
        "format": 2, "name": f"random_{seed}", "title": "drawn at random", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "part": {"mttf": "1000 h", "mttr": "8 h"}},
        "components": components, "links": links, "units": units, "roles": roles,
        "clients": {"count": chance.choice([1, 2, 3, 5]), "parts": own | cords}, "traffic": traffic,
    }  # fmt: skip
    if twins:
        document["common_cause"] = {"twins": {"members": servers, "factors": {str(len(servers)): 0.1}}}
    return document


def _role(chance: random.Random, places: dict[str, tuple[str, str]], needs: dict[str, list[str]]) -> dict[str, Any]:
    """A role with every key that a site file has for it, each as by default or not."""
    holders = [
        {"side": side, "on": name, "units": [unit], "needs": needs[name]} for name, (side, unit) in places.items()
    ]
    role: dict[str, Any] = {"holders": holders}
    role["switchover"] = chance.choice(["0 s", "0 s", "30 s", "5 min", "40 min"])
    role["coverage"] = chance.choice([1, 1, 0.9, {"default": 0.6, next(iter(places)): 0.9}])
    for rule, values in RULES.items():
        if chance.random() < 0.4:
            role[rule] = chance.choice(values)
    return role


def random_study(folder: Path, seed: int, document: dict[str, Any] | None = None) -> k2rel.Study:
    """Read one, or a document that is given; JSON is YAML."""
    path = folder / f"random_{seed}.yaml"
    path.write_text(json.dumps(document or random_document(seed)))
    return k2rel.study(path)


def two_pairs(lives: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """A site file of servers by pairs, each with mean life and repair [h], a role for each pair, and one client."""
    names = list(lives)
    pairs = dict(zip(("first", "second"), zip(names[::2], names[1::2], strict=True), strict=False))
    servers = {
        name: {"type": "part", "side": "AB"[n % 2], "in": "hub", "mttf": f"{life} h", "mttr": f"{repair} h"}
        for n, (name, (life, repair)) in enumerate(lives.items())
    }
    roles = {
        role: {"holders": [{"side": side, "on": name, "needs": [name]} for side, name in zip("AB", pair, strict=True)]}
        for role, pair in pairs.items()
    }
    a, b, *_ = names
    paths = [{"side": side, "via": ["seat", "cord", "hub", name]} for side, name in (("A", a), ("B", b))]
    cord = FIXED | {"between": ["seat", "hub"]}
    return {
        "format": 2, "name": "pairs", "title": "servers by pairs", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "part": {"mttf": "1000 h", "mttr": "8 h"}},
        "components": {"hub": FIXED} | servers, "roles": roles, "clients": {"count": 1, "parts": {"seat": FIXED, "cord": cord}},
        "traffic": {"media": {"requires": ["first"], "prefer": "role first", "paths": paths}},
    }  # fmt: skip
