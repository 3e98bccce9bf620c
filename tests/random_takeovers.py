"""Small sites drawn at random whose roles have every rule of a takeover: needs, fences, votes, delays, drills, and so on.

Parts fail so often, and are repaired so slowly, that each rule is seen in the numbers; they are so few that all their
states can be followed one by one (`tests.takeover_chain`).
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import k2rel

FIXED = {"type": "fixed"}
USUAL = {"mttf": "1000 h", "mttr": "8 h"}


class _Drawn:
    """One site in the making."""

    def __init__(self, seed: int, most: int) -> None:
        self.chance, self.seed, self.most = random.Random(seed), seed, most
        self.components: dict[str, Any] = {"hub": FIXED}
        self.links: dict[str, Any] = {}
        self.failing = 0

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def one(self, *values: Any) -> Any:
        return self.chance.choice(values)

    def room(self, share: float) -> bool:
        """Another part that fails, with some probability, as long as there are not too many."""
        return self.often(share) and self.failing < self.most

    def part(self, kind: str = "part", side: str | None = None, **more: Any) -> dict[str, Any]:
        self.failing += 1
        life, repair = round(self.chance.uniform(100, 1000)), round(self.chance.uniform(1, 15), 1)
        where = {} if side is None else {"side": side}
        return {"type": kind, "mttf": f"{life} h", "mttr": f"{repair} h", "source": "test"} | where | more

    def hours(self, low: float, high: float) -> str:
        return f"{round(self.chance.uniform(low, high), 2)} h"

    def per_h(self, low: float, high: float) -> str:
        return f"{round(self.chance.uniform(low, high), 5)} /h"

    def document(self) -> dict[str, Any]:
        twice = self.often(0.35)  # two roles, with fewer rules each
        self.rich = 0.5 if twice else 1.0
        self.servers = ["a", "b", *(["c"] if self.often(0.35) and not twice else [])]
        self.sides = dict(zip(self.servers, "ABB", strict=False))
        self.silent = False  # some heartbeat is taken for a loss
        for name in self.servers:
            self.components[name] = self.part("node", self.sides[name], **({} if name == "b" else {"in": "hub"}))
        if self.room(0.35):
            self.components["soft_a"] = self.part("software", "A")
            self.components["a"]["needs"] = ["soft_a"]
        self.shared = {kind: self._shared(kind, share) for kind, share in
                       {"ring": 0.8, "ring_2": 0.3, "fence": 0.5, "pdu": 0.2, "witness": 0.4, "app": 0.3}.items()}  # fmt: skip
        self.units = self._units() if self.often(0.9) else {}
        roles = {"master": self._role(self.servers)}
        if twice:
            roles["clerk"] = self._role(self.one(["a", "b"], ["a", "b"], ["b", "a"]))
        suspends = self._suspends()
        return {
            "format": 2, "name": f"takeovers_{self.seed}", "title": "drawn at random", "sides": {"A": {}, "B": {}},
            "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "node": USUAL, "part": USUAL, "software": USUAL},
            "components": self.components, "links": self.links, "units": self.units, "roles": roles,
            "clients": {"count": 1, "parts": {"seat": FIXED} | {
                f"cord_{side}": FIXED | {"side": side, "between": ["seat", "hub"]} for side in "AB"}},
            "traffic": self._traffic(roles),
        } | ({"suspends": suspends} if suspends else {})  # fmt: skip

    def _shared(self, name: str, share: float) -> str | None:
        """A part of both sides, perhaps."""
        if not self.room(share):
            return None
        self.components[name] = self.part()
        return name

    def _units(self) -> dict[str, Any]:
        """A unit for each server, with what a takeover from it needs; all alike, or each by itself."""
        alike = self.often(0.6)
        common = self._unit_needs()
        result = {}
        for name in self.servers:
            entry: dict[str, Any] = {"server": name, "triggers": [name]}
            needs = common if alike else self._unit_needs()
            if needs == [{"heartbeat": "ring"}] and self.often(0.5):
                entry["heartbeat"] = "ring"
            elif needs:
                entry["takeover_needs"] = needs
            if self.often(0.15):
                entry["shuts_down"] = "lost"
            if self.often(0.15):
                entry["takes_down"] = [self.one(*(other for other in self.servers if other != name))]
            result[f"unit_{name}"] = entry
        if self.room(0.2):  # a second thing that is watched on the first server
            self.links["lead"] = self.part("part", "A", between=["hub", "a"])
            result["lead_a"] = {"server": "a", "triggers": ["lead"], "takeover_needs": self._unit_needs()}
        return result

    def _unit_needs(self) -> list[Any]:
        ring, ring_2, fence, pdu = (self.shared[name] for name in ("ring", "ring_2", "fence", "pdu"))
        result: list[Any] = []

        def beat(stages: Any) -> None:
            missing = self.one("wait", "anyway", "anyway")
            self.silent = self.silent or missing == "anyway"
            result.append({"heartbeat": stages} | ({"missing": missing} if missing == "anyway" else {}))

        if ring and ring_2:
            form = self.one("any", "all", "two")
            if form == "two":
                beat(ring)
                beat(ring_2)
            else:
                beat({"at_least": 1, "of": [ring, [ring_2]]} if form == "any" else [ring, ring_2])
        elif ring or ring_2:
            beat(ring or ring_2)
        if fence and self.often(0.8):
            more: dict[str, Any] = {"coverage": 0.8} if self.often(0.5) else {}
            more |= {"time": self.hours(0.05, 0.5)} if self.often(0.4) else {}
            result.append({"fence": fence, "missing": self.one("wait", "anyway")} | more)
        if pdu and self.often(0.7):
            result.append(self.one(pdu, {"at_least": 1, "of": [pdu, "hub"]}, pdu))
        return result

    def _role(self, places: list[str]) -> dict[str, Any]:
        app, witness, pdu = (self.shared[name] for name in ("app", "witness", "pdu"))
        holders = []
        voted = witness is not None and self.often(0.7)
        for n, name in enumerate(places):
            holder: dict[str, Any] = {"side": self.sides[name], "on": name, "needs": [name, *([app] if app else [])]}
            if self.units:
                holder["units"] = [f"unit_{name}", *(["lead_a"] if name == "a" and "lead_a" in self.units else [])]
            asked: list[Any] = []
            if voted:
                votes = [[one] if one == name or self.shared["ring"] is None else ["ring", one] for one in places]
                asked.append(
                    {"quorum": {"at_least": "majority", "of": [*votes, witness][: 3 if len(places) < 3 else 4]}}
                )
            if pdu and n > 0 and self.often(0.4):
                asked.append(self.one(pdu, {"at_least": 1, "of": [pdu]}))
            if asked:
                holder["takeover_needs"] = asked
            if self.often(0.2):
                holder["name"] = f"at_{name}"
            holders.append(holder)
        if self.units and self.often(0.2):
            for holder in holders:
                del holder["on"]
        return {"holders": holders} | self._steps() | self._times() | self._split()

    def _steps(self) -> dict[str, Any]:
        """Keys of before, each as by default or not."""
        role: dict[str, Any] = {"switchover": self.one("0 s", self.hours(0.1, 2), self.hours(0.1, 2))}
        by_cause = {"default": 0.7, "software": 0.9} if "soft_a" in self.components else 0.8
        role["coverage"] = self.one(1, 0.9, by_cause)
        # a backup that would take a role over without being able to perform it has no split brain that could last
        role["unable_backup"] = "waits" if self.silent else self.one("takes over", "waits")
        for rule, values in {
            "recovered_backup": ("waits", "takes over"), "restart": ("out of service", "in service"),
            "operator_places": ("preferred", "former", "other"), "operator_moves": ("failed takeovers", "any loss"),
            "backup": ("healthy", "able"),
        }.items():  # fmt: skip
            if self.often(0.3):
                role[rule] = self.one(*values)
        return role

    def _times(self) -> dict[str, Any]:
        role: dict[str, Any] = {"failback": self.one("manual", "automatic", f"automatic after {self.hours(1, 8)}")}
        if self.often(0.4 * self.rich):
            role["giveback"] = self.one("0 s", self.hours(0.1, 1))
        if self.often(0.4 * self.rich):
            slow: dict[str, Any] = {"default": self.one("0 s", self.hours(0.1, 1)), "software": self.hours(1, 3)}
            role["detection"] = slow if "soft_a" in self.components and self.often(0.6) else self.hours(0.1, 2)
        if self.often(0.35 * self.rich):
            role["spurious"] = self.per_h(0.001, 0.01)
        if self.often(0.4 * self.rich):
            failed: dict[str, Any] = {}
            if self.often(0.6):
                failed |= {"retry_after": self.hours(0.1, 2), "retry_coverage": self.one(0.5, 0.8, 1)}
            if self.often(0.6):
                failed |= {"operator_coverage": self.one(0.6, 0.9), "restoration": self.hours(2, 10)}
            role["failed_takeover"] = failed
        if self.often(0.3 * self.rich):
            drilled = {"drill": self.hours(100, 500)} if self.often(0.7) else {}
            takes = {"takes": self.hours(0.1, 1)} if drilled and self.often(0.6) else {}
            role["readiness"] = {"drift": self.per_h(0.001, 0.01)} | drilled | takes
        return role

    def _split(self) -> dict[str, Any]:
        if not self.silent:
            return {}
        role: dict[str, Any] = {"partition": self.one("keeps", "moves")} if self.often(0.6) else {}
        split: dict[str, Any] = {"serves": self.one("neither", "former", "new")}
        if self.often(0.5):
            split["mend"] = self.hours(0.5, 4)
            split |= {"restore_probability": 0.4, "restore": self.hours(2, 12)} if self.often(0.6) else {}
        return role | {"split_brain": split}

    def _suspends(self) -> dict[str, Any]:
        """The port of the second server goes down with the ring, or with a part of its own."""
        self.links["port"] = FIXED | {"side": "B", "between": ["hub", "b"]}
        if not self.room(0.35):
            return {}
        self.components["peer"] = self.part()
        if self.units and self.often(0.4):
            self.units["unit_b"]["triggers"].append("port")
        entry = {"lost": ["peer"], "works": [self.one("a", self.shared["ring"] or "a", "hub")]}
        return {"port": entry | ({"auto_recovery": self.hours(1, 5)} if self.often(0.6) else {})}

    def _traffic(self, roles: dict[str, Any]) -> dict[str, Any]:
        def path(name: str, **when: str) -> dict[str, Any]:
            side = self.sides[name]
            via = ["seat", f"cord_{side}", "hub", *(["port"] if name == "b" else []), name]
            return {"side": side, "via": via} | ({"when": when} if when else {})

        first, *_ = roles["master"]["holders"]
        place = first.get("name", first["side"])
        result: dict[str, Any] = {
            "media": {"requires": ["master"], "prefer": self.one("role master", "home", "listed"),
                      "paths": [path(name) for name in self.servers]},
            "plain": {"paths": [path(name) for name in self.servers[1:]]},
            "posted": {"paths": [path("a", master=place), path("b", master="B")]},
        }  # fmt: skip
        if "clerk" in roles:
            result["archive"] = {"requires": ["clerk"], "prefer": "home", "paths": [path("a"), path("b")]}
        return result


def random_document(seed: int, most: int = 6) -> dict[str, Any]:
    """A site file in format 2 with about so many parts that fail."""
    return _Drawn(seed, most).document()


def random_study(folder: Path, seed: int, most: int = 6) -> k2rel.Study:
    """Read one; JSON is YAML."""
    path = folder / f"takeovers_{seed}.yaml"
    path.write_text(json.dumps(random_document(seed, most)))
    return k2rel.study(path)


def laws_of(study: k2rel.Study) -> dict[str, tuple[float, float]]:
    """Failure and repair rates of the parts that fail."""
    laws = study.laws.shared.items()
    return {n: (law.failure_rate_per_h, 1.0 / law.mttr_h) for n, law in laws if law.failure_rate_per_h > 0}
