"""Small sites drawn at random in format 2: shares, groups, branches, subscriptions, carriers, named holders, priorities.

Two switches, two or three nodes behind them, and a client with a card to each switch; how a switch reaches a node, what
is doubled, what has power, who has the role and how traffic is shared is drawn. At most 14 parts can fail, so often that
a short simulation sees it, and about half of the capacities are short in some state.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.enumerated import amount, groups_of, state

FIXED = {"type": "fixed"}
MOST = 14  # parts that can fail


def random_document(seed: int) -> dict[str, Any]:
    """A valid site file; every whole number is one."""
    return _Draw(random.Random(seed), seed).document()


def random_file(folder: Path, seed: int) -> Path:
    """Write one; JSON is YAML."""
    path = folder / f"random_{seed}.yaml"
    path.write_text(json.dumps(random_document(seed)))
    return path


class _Draw:
    def __init__(self, chance: random.Random, seed: int) -> None:
        self.chance, self.seed = chance, seed
        self.components: dict[str, Any] = {}
        self.links: dict[str, Any] = {}
        self.own: dict[str, Any] = {"client": {**FIXED}}
        self.subscriptions: dict[str, list[str]] = {}
        self.roles: dict[str, Any] = {}
        self.units: dict[str, Any] = {}

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def document(self) -> dict[str, Any]:
        self.nodes = {1: "A", 2: "B"} | ({3: self.chance.choice("AB")} if self.often(0.25) else {})
        for side in "AB":
            self.components[f"switch_{side}"] = {**FIXED, "side": side}
        for n, side in self.nodes.items():
            self.components[f"node_{n}"] = {**FIXED, "side": side}
        self.links["cross"] = {**FIXED, "between": ["switch_A", "switch_B"]}
        self.ways = {(side, n): self._way(side, n) for side in "AB" for n in self.nodes}
        self.cards = {side: self._card(side) for side in "AB"}
        self.stored = self.often(0.3)
        if self.stored:
            self.components["store"] = {**FIXED}
            for n in self.nodes:
                self.links[f"lead_{n}"] = {**FIXED, "between": [f"node_{n}", "store"]}
        if self.often(0.5):
            self._power()
        if self.often(0.65):
            self._role("master")
            if self.often(0.3):
                self._role("clerk")
        if self.often(0.3):
            self.subscriptions["likes"] = self.chance.choice([["A", "B"], ["B", "A", "B"], ["B"]])
        document: dict[str, Any] = {
            "format": 2, "name": f"random_{self.seed}", "title": "drawn at random", "sides": {"A": {}, "B": {}},
            "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}},
            "components": self.components, "links": self.links, "units": self.units, "roles": self.roles,
            "clients": {"count": self.chance.choice([1, 2, 2, 3, 4]), "parts": self.own, "subscriptions": self.subscriptions},
            "traffic": self._classes(),
        }  # fmt: skip
        self._fail(document)
        self._limit(document)
        heavy = [
            name
            for name, entry in document["traffic"].items()
            if amount(entry.get("demand", 0)) > 0 and entry.get("priority") != "background"
        ]
        if heavy and self.often(0.25):
            document["full_service"] = self.chance.sample(heavy, self.chance.randint(1, len(heavy)))
        return document

    # the hardware

    def _way(self, side: str, n: int) -> Any:
        """What leads from a switch to a node."""
        switch, node, port = f"switch_{side}", f"node_{n}", f"port_{side}{n}"
        kind = self.chance.choice(["port", "port", "port", "ports", "series", "dealt", "dealt or spare"])
        if kind == "series":
            spines = [f"spine_{side}", f"spine_{side}{'b' if self.often(0.6) else ''}"]
            branches = []
            for spine, letter in zip(spines, "ab", strict=True):
                self.components[spine] = {**FIXED, "side": side}
                ends = {f"up_{side}{n}{letter}": [switch, spine], f"down_{side}{n}{letter}": [spine, node]}
                self.links |= {name: {**FIXED, "side": side, "between": between} for name, between in ends.items()}
                up, down = ends
                branches.append([up, spine, down])
            return {"at_least": 1, "of": branches}
        alike = [port] if kind == "port" else [port, f"{port}b"]
        if kind == "dealt or spare":
            alike.append(f"{port}s")
        for name in alike:
            self.links[name] = {**FIXED, "side": side, "between": [switch, node]}
        if kind in ("dealt", "dealt or spare"):
            self.subscriptions[port] = alike[:2]
        return {
            "port": port,
            "ports": {"at_least": self.chance.choice([1, 1, 2]), "of": alike},
            "dealt": f"@{port}",
            "dealt or spare": {"at_least": 1, "of": [f"@{port}", [f"{port}s"]]},
        }[kind]

    def _card(self, side: str) -> Any:
        names = [f"nic_{side}", *([f"nic_{side}2"] if self.often(0.15) else [])]
        for name in names:
            self.own[name] = {**FIXED, "side": side, "between": ["client", f"switch_{side}"]}
        return names[0] if len(names) == 1 else {"at_least": 1, "of": names}

    def _power(self) -> None:
        """Supplies that carry, or not, what draws on them; a distributor may stand between."""
        for side in "AB":
            self.components[f"ups_{side}"] = {**FIXED, "side": side} | ({"carries": True} if self.often(0.7) else {})
        source: list[Any] = ["ups_A", "ups_B"]
        if self.often(0.4):
            both = {"at_least": 1, "of": ["ups_A", "ups_B"]}
            self.components["pdu"] = {**FIXED, "needs": [both]} | ({"carries": True} if self.often(0.7) else {})
            source.append("pdu")
        source.append({"at_least": 1, "of": ["ups_A", "ups_B"]})
        for name in ("switch_A", "switch_B", "node_1", "node_2"):
            if self.often(0.4):
                self.components[name]["needs"] = self.chance.sample(source, self.chance.choice([1, 1, 1, 2]))
        if self.subscriptions and self.often(0.3):
            dealt = f"@{next(iter(self.subscriptions))}"
            self.own["client"]["needs"] = [self.chance.choice([dealt, {"at_least": 1, "of": [dealt, "ups_A"]}])]
        elif self.often(0.3):
            self.own["client"]["needs"] = [self.chance.choice(source)]
        elif self.often(0.4):
            self.own |= {f"psu_{n}": {**FIXED} for n in (1, 2)}
            self.own["client"]["needs"] = [{"at_least": 1, "of": ["psu_1", "psu_2"]}]

    # roles

    def _role(self, name: str) -> None:
        order = self.chance.sample(sorted(self.nodes), self.chance.randint(2, len(self.nodes)))
        watched, beaten, named = self.often(0.6), self.often(0.5), self.often(0.5)
        if beaten:
            self.links["beat"] = {**FIXED, "between": ["node_1", "node_2"]}
        holders = []
        for n in order:
            holder: dict[str, Any] = {"side": self.nodes[n], "needs": [f"node_{n}"]}
            if self.stored and self.often(0.5):
                holder["needs"].append("store")
            if watched:
                triggers = [f"node_{n}", *([self._trigger(n)] if self.often(0.4) else [])]
                unit = {"server": f"node_{n}", "triggers": triggers} | ({"heartbeat": "beat"} if beaten else {})
                if self.often(0.2):
                    unit["shuts_down"] = "lost"
                self.units.setdefault(f"unit_{n}", unit)
                holder["units"] = [f"unit_{n}"]
            if self.often(0.7):
                holder["on"] = f"node_{n}"
            if named:
                holder["name"] = f"at_{n}"
            holders.append(holder)
        self.roles[name] = {"holders": holders}
        for key, value in (("backup", "able"), ("unable_backup", "waits"), ("failback", "automatic")):
            if self.often(0.3):
                self.roles[name][key] = value

    def _trigger(self, n: int) -> str:
        return self.chance.choice([name for name, link in self.links.items() if f"node_{n}" in link["between"]])

    # traffic

    def _classes(self) -> dict[str, Any]:
        result = {"disk": self._class("client", self.chance.choice(["30 MB/s", "24 MB/s", "60 MB/s"]))}
        if self.often(0.5):
            result["copy"] = self._class("client", self.chance.choice(["12 MB/s", "40 MB/s", 0]))
            if self.often(0.4):
                result["copy"]["priority"] = "background"
        if self.often(0.5):
            result["archive"] = self._class("site", self.chance.choice(["20 MB/s", "36 MB/s", 0]))
            if self.often(0.5):
                result["archive"]["priority"] = "background"
        return result

    def _class(self, scope: str, demand: Any) -> dict[str, Any]:
        share = self.chance.choice(
            ["first", "equal", "weighted", "all"] if scope == "client" else ["first", "equal", "weighted"]
        )
        entry: dict[str, Any] = {"scope": scope, "demand": demand}
        if share != "first" or self.often(0.3):
            entry["share"] = share
        if self.roles and self.often(0.6):
            entry["requires"] = [self.chance.choice(list(self.roles))]
        led = [f"role {self.chance.choice(list(self.roles))}"] if self.roles else []
        liked = ["@likes"] if "likes" in self.subscriptions and scope == "client" else []
        entry["prefer"] = self.chance.choice(["listed", "listed", "home", "home only", *led, *liked])
        paths = self._paths(scope)
        if share != "first" or self.often(0.4):
            drawn = [self.chance.choice([1, 1, 2, 3]) for _ in paths]
            numbers = [sorted(set(drawn)).index(number) + 1 for number in drawn]  # none may be without a path
            if share == "first" or self.often(0.6):
                for path, number in zip(paths, numbers, strict=True):
                    path["group"] = number
        elif scope == "client" and self.often(0.3) and all(isinstance(path["via"][1], str) for path in paths):
            entry["detects"] = "port"
        if share == "weighted":
            self._weigh(paths)
        return entry | {"paths": paths}

    def _weigh(self, paths: list[dict[str, Any]]) -> None:
        """Some weights are 0, though never all of a group."""
        for path in paths:
            if self.often(0.8):
                path["weight"] = self.chance.choice([0, 0.5, 1, 2, 3])
        for group in {path.get("group", 1) for path in paths}:
            members = [path for path in paths if path.get("group", 1) == group]
            if all(path.get("weight", 1) == 0 for path in members):
                members[-1]["weight"] = 2

    def _paths(self, scope: str) -> list[dict[str, Any]]:
        ways = [(side, n) for side in "AB" for n in self.nodes]
        held = self.chance.choice(list(self.roles)) if self.roles and self.often(0.5) else None
        paths = []
        chosen = self.chance.sample(ways, self.chance.randint(2, len(ways)))
        if all(side == "B" for side, _ in chosen):  # "home only" would have nothing to take
            chosen[0] = ("A", chosen[0][1])
        for side, n in chosen:
            away = "B" if side == "A" else "A"
            crosses = self.often(0.25)
            inside = [f"switch_{side}", "cross", f"switch_{away}"] if crosses else [f"switch_{side}"]
            way = self.ways[away if crosses else side, n]
            if scope == "site":
                way = self._undealt(way)
            start = [] if scope == "site" else ["client", self.cards[side]]
            if scope == "client" and (both := self._bond(n)) and self.often(0.3):
                start, inside, way = ["client"], [], both
            end = [f"node_{n}", *([f"lead_{n}", "store"] if self.stored else [])]
            path: dict[str, Any] = {"side": side, "via": [*start, *inside, way, *end]}
            if held is not None:
                holder = next((h for h in self.roles[held]["holders"] if h["needs"][0] == f"node_{n}"), None)
                if holder is not None and self.often(0.9):
                    path["when"] = {held: self.chance.choice([holder["side"], holder.get("name", holder["side"])])}
            if self.often(0.1):
                path["carried_by"] = away
            paths.append(path)
        return paths

    def _bond(self, n: int) -> dict[str, Any] | None:
        """Both ways to a node at once, card and all, where each is a series."""
        series = {side: [self.cards[side], f"switch_{side}", self.ways[side, n]] for side in "AB"}
        if not all(isinstance(entry, str) for branch in series.values() for entry in branch):
            return None
        return {"at_least": 1, "of": list(series.values())}

    def _undealt(self, way: Any) -> Any:
        """The way of a flow that subscribes to nothing."""
        if isinstance(way, str):
            return way.lstrip("@")
        return {**way, "of": [entry.lstrip("@") if isinstance(entry, str) else entry for entry in way["of"]]}

    # what fails, and what is short

    def _fail(self, document: dict[str, Any]) -> None:
        clients = int(document["clients"]["count"])
        own = self.chance.sample(
            sorted(self.own), min(len(self.own), 3, 8 // clients, self.chance.choice([1, 2, 2, 3]))
        )
        used = json.dumps([document["traffic"], document["roles"], document["units"], self.subscriptions])
        used += json.dumps([part.get("needs", []) for part in (*self.components.values(), *self.own.values())])
        shared = [name for name in {**self.components, **self.links} if f'"{name}"' in used or f'"@{name}"' in used]
        failing = self.chance.sample(shared, min(len(shared), MOST - clients * len(own)))
        for name in failing:
            (self.components if name in self.components else self.links)[name] |= self._law()
        for name in own:
            self.own[name] |= self._law()

    def _law(self) -> dict[str, str]:
        mttr = round(self.chance.uniform(1, 12), 1)
        return {"mttf": f"{round(mttr * self.chance.uniform(4, 60))} h", "mttr": f"{mttr} h", "source": "test"}

    def _limit(self, document: dict[str, Any]) -> None:
        """Capacities around what the parts are asked for with nothing failed, or all of the demand together."""
        demands = [
            amount(entry["demand"]) * (len(groups_of(document)) if entry["scope"] == "client" else 1)
            for entry in document["traffic"].values()
        ]
        normal = state(document)["load"]
        for name, part in {**self.components, **self.links}.items():
            if (name in normal and self.often(0.5)) or part.get("carries"):
                load = normal.get(name, 0.0)
                about = load if load > 0 and self.often(0.7) else sum(demands)
                limit = max(1, round(about * self.chance.choice([0.5, 0.8, 1.0, 1.1, 1.4, 1.9])))
                part["capacity"] = f"{limit} MB/s"
