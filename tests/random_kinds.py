"""Small sites drawn at random whose clients are of five to nine groups: kinds, single-homed ones, stages, supplies.

Leaves of two sides, a spine or two on each, a store; every client is at a leaf of either side or of one. At most 14
parts can fail, often; services only get worse by failures, so that such sites are followed group by group.
"""

from __future__ import annotations

import random
from typing import Any

from tests.enumerated import amount, groups_of, lacking, members_of, state

MOST = 14  # parts that can fail
FIXED = {"type": "fixed"}


def random_kinds(seed: int) -> dict[str, Any]:
    """A valid site file; every whole number is one."""
    return _Draw(random.Random(seed), seed).document()


class _Draw:
    def __init__(self, chance: random.Random, seed: int) -> None:
        self.chance, self.seed = chance, seed
        self.components: dict[str, Any] = {"store": {**FIXED}}
        self.links: dict[str, Any] = {}

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def document(self) -> dict[str, Any]:
        self.two_spines = self.often(0.6)
        leaves = {side: [f"leaf_{side}{n}" for n in range(1, self.chance.choice([2, 3, 3]) + 1)] for side in "AB"}
        for side in "AB":
            for name in [*leaves[side], *self._spines(side)]:
                self.components[name] = {**FIXED, "side": side}
            for spine in self._spines(side):
                self.links[f"down_{spine}"] = {**FIXED, "side": side, "between": [spine, "store"]}
                for leaf in leaves[side]:
                    self.links[f"{leaf}_{spine}"] = {**FIXED, "side": side, "between": [leaf, spine]}
        self._supplies(leaves)
        self.stages = {side: self._stage(side) for side in "AB"}
        kinds = self._kinds(leaves)
        parts: dict[str, Any] = {
            "client": {**FIXED},
            "nic_1": {**FIXED, "side": "A", "between": ["client", "@leaf_1"]},
            "nic_2": {**FIXED, "side": "B", "between": ["client", "@leaf_2"]},
        }
        if self.often(0.3):
            one = self.chance.choice(list(kinds))  # clients of this kind have a second card
            parts["nic_3"] = {**FIXED, "side": "A", "between": ["client", "@leaf_1"], "kinds": [one]}
        document: dict[str, Any] = {
            "format": 2, "name": f"kinds_{self.seed}", "title": "drawn at random", "sides": {"A": {}, "B": {}},
            "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}},
            "components": self.components, "links": self.links,
            "clients": {"parts": parts, "kinds": kinds},
            "traffic": self._classes(parts),
        }  # fmt: skip
        self._fail(document)
        self._limit(document)
        loaded = [n for n, entry in document["traffic"].items() if amount(entry["demand"]) > 0]
        if loaded and self.often(0.2):
            document["full_service"] = self.chance.sample(loaded, self.chance.randint(1, len(loaded)))
        return document

    def _spines(self, side: str) -> list[str]:
        return [f"spine_{side}{n}" for n in range(1, 3 if self.two_spines else 2)]

    def _supplies(self, leaves: dict[str, list[str]]) -> None:
        """Supplies of the leaves, which may carry, and of which one or two may do."""
        if self.often(0.5):
            for name in ("ups_1", "ups_2"):
                self.components[name] = {**FIXED} | ({"carries": True} if self.often(0.4) else {})
            both: Any = {"at_least": 1, "of": ["ups_1", "ups_2"]}
            for leaf in self.chance.sample([*leaves["A"], *leaves["B"]], 2):
                self.components[leaf]["needs"] = [self.chance.choice([both, both, "ups_1"])]
        if self.often(0.4):
            self.components |= {f"card_{n}": {**FIXED} for n in range(1, 4)}
            needed = {"at_least": self.chance.choice([1, 2, 3]), "of": ["card_1", "card_2", "card_3"]}
            self.components["spine_A1"]["needs"] = [needed]

    def _stage(self, side: str) -> Any:
        number = "1" if side == "A" else "2"
        branches = [[f"@up_{number}{n}", spine, f"down_{spine}"] for n, spine in enumerate(self._spines(side), start=1)]
        if len(branches) == 1:
            return branches[0]
        return [{"at_least": self.chance.choice([1, 1, 1, 2]), "of": branches}]

    def _kinds(self, leaves: dict[str, list[str]]) -> dict[str, Any]:
        pairs: list[tuple[Any, Any]] = [(a, b) for a in leaves["A"] for b in leaves["B"]]
        single = [(a, None) for a in leaves["A"]] + [(None, b) for b in leaves["B"]]
        count = self.chance.randint(5, 9)
        chosen = self.chance.sample(pairs, min(len(pairs), max(3, count - self.chance.randint(0, 3))))
        chosen += self.chance.sample(single, max(0, min(len(single), count - len(chosen))))
        if (None, None) in chosen or all(a is None for a, _ in chosen):
            chosen.append(pairs[0])
        result: dict[str, Any] = {}
        for n, (a, b) in enumerate(chosen, start=1):
            size = self.chance.choice([1, 1, 1, 2])
            kind: dict[str, Any] = (
                {"count": size} if self.often(0.7) else {"members": [f"m{n}-{i}" for i in range(size)]}
            )
            for number, leaf in (("1", a), ("2", b)):
                if leaf is not None:
                    kind[f"leaf_{number}"] = leaf
                    for spine in self._spines(leaf[5]):
                        kind[f"up_{number}{spine[-1]}"] = f"{leaf}_{spine}"
            result[f"kind_{n}"] = kind
        return result

    def _classes(self, parts: dict[str, Any]) -> dict[str, Any]:
        result = {"disk": self._class(parts, ["30 MB/s", "24 MB/s", "10 MB/s"])}
        if self.often(0.4):
            result["copy"] = self._class(parts, ["12 MB/s", "40 MB/s", 0])
        if self.often(0.4):
            via = {side: [f"leaf_{side}1", f"leaf_{side}1_spine_{side}1", f"spine_{side}1", f"down_spine_{side}1", "store"]
                   for side in "AB"}  # fmt: skip
            result["archive"] = {
                "scope": "site",
                "demand": self.chance.choice(["20 MB/s", "36 MB/s", 0]),
                "share": self.chance.choice(["first", "equal"]),
                "paths": [{"side": side, "via": via[side]} for side in "AB"],
            }
        return result

    def _class(self, parts: dict[str, Any], demands: list[Any]) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "demand": self.chance.choice(demands),
            "share": self.chance.choice(["first", "first", "equal", "weighted", "all"]),
            "prefer": self.chance.choice(["listed", "listed", "home"]),
        }
        paths: list[dict[str, Any]] = [
            {"side": "A", "via": ["client", "nic_1", "@leaf_1", *self.stages["A"], "store"]},
            {"side": "B", "via": ["client", "nic_2", "@leaf_2", *self.stages["B"], "store"]},
        ]
        if "nic_3" in parts:
            paths.append({**paths[0], "via": ["client", "nic_3", *paths[0]["via"][2:]]})
            if self.often(0.5):  # said twice
                paths[-1]["kinds"] = parts["nic_3"]["kinds"]
        if self.often(0.3):
            paths.reverse()
        if entry["share"] == "weighted":
            for path in paths:
                path["weight"] = self.chance.choice([0.5, 1, 2, 3])
        if entry["share"] != "first" and self.often(0.4):
            for path in paths[1:]:
                path["group"] = 2
        return entry | {"paths": paths}

    # what fails, and what is short

    def _fail(self, document: dict[str, Any]) -> None:
        members = members_of(document)
        lacks = [lacking(document, member) for member in members]
        own = document["clients"]["parts"]
        left = MOST
        for name in self.chance.sample(sorted(own), len(own)):
            times = sum(name not in gone for gone in lacks)
            if times <= left - 4 and self.often(0.6):
                own[name] |= self._law()
                left -= times
        shared = {**self.components, **self.links}
        always = [name for name in ("card_1", "card_2", "ups_1", "ups_2") if name in shared and self.often(0.5)]
        others = [name for name in shared if name not in always]
        for name in [*always, *self.chance.sample(others, len(others))][:left]:
            shared[name] |= self._law()

    def _law(self) -> dict[str, str]:
        mttr = round(self.chance.uniform(1, 12), 1)
        return {"mttf": f"{round(mttr * self.chance.uniform(4, 60))} h", "mttr": f"{mttr} h", "source": "test"}

    def _limit(self, document: dict[str, Any]) -> None:
        """Capacities around what parts are asked for with nothing failed, or at most."""
        clients = len(groups_of(document))
        demands = sum(
            amount(entry["demand"]) * (clients if entry.get("scope", "client") == "client" else 1)
            for entry in document["traffic"].values()
        )
        normal = state(document)["load"]
        for name, part in {**self.components, **self.links}.items():
            if (name in normal and self.often(0.3)) or part.get("carries"):
                load = normal.get(name, 0.0)
                about = load if load > 0 and self.often(0.7) else demands
                part["capacity"] = f"{max(1, round(about * self.chance.choice([0.8, 1.0, 1.1, 1.4, 1.9, 2.5])))} MB/s"
