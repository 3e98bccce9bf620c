"""Format 2 of a site file followed by brute force, for engines to be checked against; no line of k2rel is used.

A site is a plain dict, as YAML gives it. Everything is an array over states: which parts have failed, what works, who
has each role, which paths each flow uses and with what share, what falls on each element. `state` gives one state as
plain data, `enumerate_states` sums over all states of the parts that can fail. Sums are of positive terms only.

Not followed: common cause, RAID sets, variants, rows of the table of rates, capacities as a share of the clients.
"""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Flags = Any  # an array of bool, one for each state; numpy's own types say less than this
Document = Mapping[str, Any]

FORGIVEN = 1 + 1e-9
HOURS = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0, "y": 8760.0}
RATES = ("unavailability", "mttf", "failure_rate")
CHUNK = 1 << 13


# --- the document ------------------------------------------------------------------------------------------------


def resolved(document: Document) -> dict[str, Any]:
    """A document in format 2, with assumptions in the place of `=name`."""
    known = {name: entry["value"] for name, entry in document.get("assumptions", {}).items()}

    def look(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: look(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [look(entry) for entry in value]
        return known[value[1:]] if isinstance(value, str) and value.startswith("=") else value

    for key in ("common_cause", "raid_sets"):
        if document.get(key):
            raise NotImplementedError(key)
    result: dict[str, Any] = look(copy.deepcopy({**document}))
    if result["format"] == 1:
        sides = list(result["sides"])
        for role in result.get("roles", {}).values():
            role["holders"].sort(key=lambda holder: sides.index(holder["side"]))
        named = result.pop("full_service", None)
        for name, entry in result["traffic"].items():
            if named is not None and name not in named and amount(entry.get("demand", 0)) > 0:
                entry["priority"] = "background"
        result["format"] = 2
    return result


def hours(value: Any) -> float:
    number, unit = re.fullmatch(r"\s*([\d.eE+-]+)\s*([a-z]*)\s*", str(value)).groups()
    return float(number) * HOURS[unit or "h"]


def per_hour(value: Any) -> float:
    number, unit = re.fullmatch(r"\s*([\d.eE+-]+)\s*(.*?)\s*", str(value)).groups()
    return float(number) * {"": 1.0, "/h": 1.0, "FIT": 1e-9, "per year": 1 / 8760}[unit]


def amount(value: Any) -> float:
    """MB/s, or the number in a unit that is no bandwidth; a value with limits is its value."""
    if isinstance(value, dict):
        value = value["value"]
    number, unit = re.fullmatch(r"\s*([\d.eE+-]+)\s*(.*?)\s*", str(value)).groups()
    return float(number) * {"": 1.0, "MB/s": 1.0, "Mb/s": 1 / 8, "GB/s": 1e3, "Gb/s": 125.0, "kW": 1.0}[unit]


def unavailability(document: Document, entry: Mapping[str, Any]) -> float:
    """Of a part: what its own entry says goes before what its type says."""
    of_type = document.get("types", {}).get(entry["type"], {})
    if entry.get("external", False):
        return 0.0
    said = next((place for place in (entry, of_type) if any(key in place for key in RATES)), None)
    if said is None:
        raise NotImplementedError(f"{entry['type']}: a row of the table of rates")
    if "unavailability" in said:
        return float(said["unavailability"])
    mttr = hours(entry.get("mttr", of_type.get("mttr")))
    if "mttf" in said:
        return mttr / (hours(said["mttf"]) + mttr)
    rate = per_hour(said["failure_rate"])
    return rate * mttr / (1 + rate * mttr)


def client_part(number: int, part: str) -> str:
    return f"client_{number}" if part == "client" else f"client_{number}_{part}"


@dataclass(frozen=True)
class Member:
    """A client: its kind, and what stands for each `@name`."""

    kind: str
    gets: Mapping[str, str]


def members_of(document: Document) -> list[Member]:
    """Each client, kind after kind; what a list has is dealt in turn."""
    clients = document["clients"]
    kinds = clients.get("kinds") or {"": {"count": clients["count"], **clients.get("subscriptions", {})}}
    result = []
    for kind, entry in kinds.items():
        lists = {
            n: [v] if isinstance(v, str) else v for n, v in entry.items() if n not in ("count", "members", "title")
        }
        count = len(entry["members"]) if "members" in entry else int(entry["count"])
        result += [Member(kind, {n: str(v[turn % len(v)]) for n, v in lists.items()}) for turn in range(count)]
    return result


def groups_of(document: Document) -> list[int]:
    """Group of each client: those of one kind that get the same."""
    met: dict[Any, int] = {}
    return [met.setdefault((m.kind, *sorted(m.gets.items())), len(met)) for m in members_of(document)]


def mentioned(entry: Any) -> set[str]:
    """Names in a list of stages or needs."""
    if isinstance(entry, str):
        return {entry}
    return set().union(*map(mentioned, entry["of"] if isinstance(entry, dict) else entry))


def lacking(document: Document, member: Member) -> set[str]:
    """What a client has not: subscriptions of others, and the own parts that hang on these."""
    own = document["clients"]["parts"]
    every = {name for each in members_of(document) for name in each.gets}
    gone = {f"@{name}" for name in every - set(member.gets)}
    gone |= {n for n, part in own.items() if part.get("kinds") and member.kind not in part["kinds"]}
    for _ in own:  # a part may hang on a part
        for name, part in own.items():
            if gone & (mentioned(part.get("between", [])) | mentioned(part.get("needs", [])) | {part.get("in")}):
                gone.add(name)
    return gone


def principal_of(document: Document) -> str:
    return next(str(name) for name, entry in document["traffic"].items() if entry.get("scope", "client") == "client")


def fully_served(document: Document) -> list[str]:
    """Classes that full service asks for."""
    heavy = [
        name
        for name, entry in document["traffic"].items()
        if amount(entry.get("demand", 0)) > 0 and entry.get("priority", "foreground") == "foreground"
    ]
    return list(document.get("full_service") or heavy or [principal_of(document)])


# --- the rules ---------------------------------------------------------------------------------------------------


@dataclass
class Flow:
    """One flow in every state: the share on each of its paths, and what one MB/s on a path puts on each part."""

    traffic: str
    client: int  # 0: the flow of the site
    up: Flags
    shares: dict[int, np.ndarray]  # by place of the path in the file; of `all` each used one has 1
    crosses: dict[int, Loads]
    whole: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))
    delivered: np.ndarray = field(default_factory=lambda: np.zeros(0))


Loads = dict[str, Any]  # by part, an array over states or one number


def _add(total: Loads, more: Loads, part: Any) -> None:
    for name, load in more.items():
        total[name] = total.get(name, 0.0) + part * load


def _larger(one: Loads, other: Loads) -> Loads:
    return {name: np.maximum(one.get(name, 0.0), other.get(name, 0.0)) for name in {**one, **other}}


class Followed:
    """All that follows from some states; `down` says of parts by name in which states they have failed themselves."""

    def __init__(self, document: Document, down: Mapping[str, Flags], size: int, primary: str | None = None) -> None:
        self.d = document
        self.down, self.size = down, size
        self.sides = list(document["sides"])
        self.home, self.asked = primary or self.sides[0], primary is not None
        self.parts = {**document["components"], **document.get("links", {})}
        self.own = document["clients"]["parts"]
        self.groups = groups_of(document)
        self.members = members_of(document)
        self.lacks = [lacking(document, member) for member in self.members]
        self.yes, self.no = np.ones(size, dtype=bool), np.zeros(size, dtype=bool)
        self._works: dict[tuple[str, int], Flags] = {}
        self.place: dict[str, list[tuple[dict[str, Any], Flags]]] = {}
        self.shut: dict[str, Flags] = {}
        for name, role in document.get("roles", {}).items():
            self._assign(name, role)
        self._shoot()
        self.flows = [
            self._flow(name, number)
            for name, entry in document["traffic"].items()
            for number in ([0] if entry.get("scope", "client") == "site" else range(1, len(self.groups) + 1))
        ]
        self._load()

    # what works

    def name(self, name: str, client: int) -> str:
        """What a client subscribes to stands for `@name`."""
        if not name.startswith("@"):
            return name
        return self.members[client - 1].gets[name[1:]]

    def works(self, name: str, client: int = 0) -> Flags:
        name = self.name(name, client)
        key = (name, client if name in self.own else 0)
        if key not in self._works:
            mine = name in self.own
            entry = self.own[name] if mine else self.parts[name]
            itself = self.down.get(client_part(client, name) if mine else name, self.no)
            up = ~itself & self.needed(entry.get("needs", []), client)
            rule = None if mine else self.d.get("suspends", {}).get(name)
            if rule is not None:  # as if all had failed at one instant
                lost = np.logical_or.reduce([self.works(part) for part in rule["lost"]])
                up = up & (lost | ~self.needed(rule["works"]))
            self._works[key] = up
        return self._works[key]

    def needed(self, needs: Iterable[Any], client: int = 0) -> Flags:
        result = self.yes
        for need in needs:
            if isinstance(need, str):
                result = result & self.works(need, client)
            else:
                branches = [[branch] if isinstance(branch, str) else branch for branch in need["of"]]
                k = len(branches) // 2 + 1 if need["at_least"] == "majority" else need["at_least"]
                result = result & (sum(self.needed(branch, client).astype(int) for branch in branches) >= k)
        return result

    def serves(self, name: str, client: int = 0) -> Flags:
        """Works, and no takeover has put it out of service."""
        return self.works(name, client) & ~self.shut.get(self.name(name, client), self.no)

    # roles

    def _kept(self, unit: str) -> Flags:
        return self.needed(self.d["units"][unit]["triggers"])

    def _asked(self, unit: str, kind: str) -> list[tuple[Flags, bool]]:
        """Of one kind of what a takeover from a unit needs: when each is there, and whether a takeover waits for it."""
        entry = self.d["units"][unit]
        needs = [*entry.get("takeover_needs", []), *({"heartbeat": beat} for beat in [entry.get("heartbeat")] if beat)]
        result = []
        for need in needs:
            of = next((each for each in ("heartbeat", "fence") if isinstance(need, dict) and each in need), "need")
            stages = need if of == "need" else need[of]
            there = self.needed(stages if isinstance(stages, list) else [stages])
            if of == kind:
                result.append((there, of == "need" or need.get("missing", "wait") == "wait"))
        return result

    def _all(self, flags: Iterable[Flags]) -> Flags:
        return np.logical_and.reduce([self.yes, *flags])

    def _permitted(self, unit: str) -> Flags:
        return self._all(up for kind in ("fence", "need") for up, waits in self._asked(unit, kind) if waits)

    def _seen(self, unit: str) -> Flags:
        return self._all(up for up, _ in self._asked(unit, "heartbeat"))

    def _noticed(self, unit: str) -> Flags:
        return ~self._kept(unit) & self._seen(unit) & self._permitted(unit)

    def _silent(self, unit: str) -> Flags:
        """Some heartbeat is missing, and all that are may be taken for a loss."""
        return (
            ~self._seen(unit)
            & self._all(up for up, waits in self._asked(unit, "heartbeat") if waits)
            & self._permitted(unit)
        )

    def _fenced(self, unit: str) -> Flags:
        fences = self._asked(unit, "fence")
        return self._all(up for up, _ in fences) if fences else self.no

    def _voted(self, holder: Mapping[str, Any]) -> Flags:
        votes = [
            need["quorum"] for need in holder.get("takeover_needs", []) if isinstance(need, dict) and "quorum" in need
        ]
        return self.needed(votes)

    def able(self, holder: Mapping[str, Any]) -> Flags:
        return self.needed(holder.get("needs", [])) & self._voted(holder)

    def _alive(self, holder: Mapping[str, Any]) -> Flags:
        return self.able(holder) & (self.works(holder["on"]) if holder.get("on") else self.yes)

    def _lost(self, holder: Mapping[str, Any]) -> Flags:
        """A loss is noticed."""
        units = holder.get("units", [])
        if not units:
            return ~self.able(holder)
        told = self._all(self._seen(unit) & self._permitted(unit) for unit in units)
        return np.logical_or.reduce([*map(self._noticed, units), ~self._voted(holder) & told])

    def _unheard(self, holder: Mapping[str, Any]) -> tuple[Flags, Flags]:
        """A holder is silent, and it is certainly stopped then."""
        units = holder.get("units", [])
        silent = np.logical_or.reduce([self.no, *map(self._silent, units)])
        votes = any(isinstance(need, dict) and "quorum" in need for need in holder.get("takeover_needs", []))
        return silent, self.yes if votes else self._all(~self._silent(unit) | self._fenced(unit) for unit in units)

    def _called(self, role: Mapping[str, Any], holder: Mapping[str, Any]) -> Flags:
        """A takeover from a holder is called for."""
        silent, stopped = self._unheard(holder)
        goes_on = self._alive(holder) & stopped if role.get("partition", "keeps") == "keeps" else self.no
        return self._lost(holder) | (silent & ~goes_on)

    def _assign(self, name: str, role: Mapping[str, Any]) -> None:
        """The first holder has the role unless a takeover from it is called for and another one takes it."""
        first, *others = sorted(role["holders"], key=lambda holder: self.asked and holder["side"] != self.home)

        def ready(holder: Mapping[str, Any]) -> Flags:
            able = self.able(holder)
            asked = [n for n in holder.get("takeover_needs", []) if isinstance(n, str) or "quorum" not in n]
            able = able & self.needed(asked)
            if not holder.get("units"):
                return able
            fit = self._all(map(self._kept, holder["units"])) & self._voted(holder) & self.needed(asked)
            return fit & able if role.get("unable_backup") == "waits" else fit

        free, takes = self._called(role, first), [self.no] * len(others)
        ranks = [(ready, self.yes)]
        if role.get("backup") == "able":
            ranks.append((self.able, ~self.able(first)))
        for rank, when in ranks:
            here = free & when
            for n, holder in enumerate(others):
                takes[n] = takes[n] | (here & rank(holder))
                free, here = free & ~(here & rank(holder)), here & ~rank(holder)
        moved = np.logical_or.reduce([self.no, *takes])
        silent, stopped = self._unheard(first)
        both = moved & silent & ~stopped & ~self._lost(first) & self._alive(first)
        serves = role.get("split_brain", {}).get("serves", "neither")
        at = takes if serves == "new" else [took & ~both for took in takes]
        self.place[name] = [(first, ~moved | both if serves == "former" else ~moved), *zip(others, at, strict=True)]
        moved = moved & ~both
        if first.get("on"):
            self.shut[first["on"]] = self.shut.get(first["on"], self.no) | moved
        for unit in first.get("units", []):
            entry = self.d["units"][unit]
            gone = self._noticed(unit) | self._silent(unit)
            if entry.get("shuts_down") == "lost":
                gone = gone | ~self._kept(unit)
            for server in (entry["server"], *entry.get("takes_down", [])):
                self.shut[server] = self.shut.get(server, self.no) | (moved & gone)

    def _shoot(self) -> None:
        """A holder that goes on with its role in a partition stops the backups that it does not hear and can stop."""
        roles = {name: role for name, role in self.d.get("roles", {}).items() if len(role["holders"]) > 1}
        busy: dict[str, Flags] = {}
        for name in roles:
            for holder, here in self.place[name]:
                for server in [holder.get("on"), *(self.d["units"][u]["server"] for u in holder.get("units", []))]:
                    busy[server] = busy.get(server, self.no) | here
        for name, role in roles.items():
            (first, here), *others = self.place[name]
            if role.get("partition", "keeps") == "keeps":
                goes_on = here & self._alive(first) & ~self._called(role, first)
                for unit in [unit for holder, _ in others for unit in holder.get("units", [])]:
                    server = self.d["units"][unit]["server"]
                    shot = goes_on & self._silent(unit) & self._fenced(unit) & ~busy[server]
                    self.shut[server] = self.shut.get(server, self.no) | shot

    def role_at(self, role: str, where: str) -> Flags:
        """At a side, or at the holder of a name."""
        at = [here for holder, here in self.place[role] if where in (holder["side"], holder.get("name"))]
        return np.logical_or.reduce([self.no, *at])

    def role_up(self, role: str) -> Flags:
        able = [here & self.able(holder) for holder, here in self.place[role]]
        return np.logical_or.reduce([self.no, *able])

    # paths

    def branches(self, stage: Mapping[str, Any], client: int) -> list[tuple[list[str], Flags]]:
        """Each branch of a stage: its parts, and when all of them serve."""
        listed = [[entry] if isinstance(entry, str) else list(entry) for entry in stage["of"]]
        return [(branch, np.logical_and.reduce([self.serves(n, client) for n in branch])) for branch in listed]

    def stage_up(self, stage: Any, client: int) -> Flags:
        if isinstance(stage, str):
            return self.serves(stage, client)
        return sum(there.astype(int) for _, there in self.branches(stage, client)) >= stage["at_least"]

    def path_usable(self, traffic: Mapping[str, Any], path: Mapping[str, Any], client: int) -> Flags:
        stages = [self.stage_up(stage, client) for stage in path["via"]]
        when = [self.role_at(role, where) for role, where in path.get("when", {}).items()]
        return np.logical_and.reduce([*stages, *when, *(self.role_up(role) for role in traffic.get("requires", []))])

    def preferred(self, prefer: str, client: int) -> list[tuple[str | None, Flags]]:
        """Each side that can be the preferred one, and when it is."""
        if prefer in ("home", "home only"):
            return [(self.home, self.yes)]
        if prefer.startswith("@"):
            return [(self.name(prefer, client), self.yes)]
        if prefer.startswith("role "):
            return [(side, self.role_at(prefer[5:], side)) for side in self.sides]
        return [(None, self.yes)]

    def _flow(self, name: str, client: int) -> Flow:
        traffic = self.d["traffic"][name]
        share, prefer = traffic.get("share", "first"), traffic.get("prefer", "listed")
        paths = {n: p for n, p in enumerate(traffic["paths"]) if prefer != "home only" or p["side"] == self.home}
        if client:
            member, lacks = self.members[client - 1], self.lacks[client - 1]
            paths = {n: p for n, p in paths.items() if not p.get("kinds") or member.kind in p["kinds"]}
            paths = {n: p for n, p in paths.items() if not lacks & mentioned(p["via"])}
        own_group = share == "first" and not any("group" in path for path in traffic["paths"])
        group = {n: n if own_group else int(path.get("group", 1)) for n, path in paths.items()}
        usable = {n: self.path_usable(traffic, path, client) for n, path in paths.items()}
        shares = {n: np.zeros(self.size) for n in paths}
        for side, now in self.preferred(prefer, client):
            if traffic.get("detects") == "port":
                self._by_port(paths, usable, shares, client, side, now)
                continue
            liked = {n: side is not None and path["side"] == side for n, path in paths.items()}
            with_side = {group[n] for n in paths if liked[n]}
            left = now
            for number in sorted(set(group.values()), key=lambda number: (number not in with_side, number)):
                members = sorted((n for n in paths if group[n] == number), key=lambda n: (not liked[n], n))
                some = np.logical_or.reduce([usable[n] for n in members])
                self._divide(share, {n: usable[n] & left for n in members}, paths, shares)
                left = left & ~some
        up = np.logical_or.reduce([self.no, *(part > 0 for part in shares.values())])
        crosses = {n: self._crossed(path["via"], client) for n, path in paths.items()}
        return Flow(name, client, up, shares, crosses)

    @staticmethod
    def _divide(share: str, usable: dict[int, Flags], paths: Mapping[int, Any], shares: dict[int, Any]) -> None:
        """Within the group that is used; members stand in the order of preference."""
        weight = dict.fromkeys(usable, 1.0)
        if share == "weighted":
            weight = {n: float(paths[n].get("weight", 1)) for n in usable}
        total: Any = sum(there * weight[n] for n, there in usable.items())
        count: Any = sum(there.astype(int) for there in usable.values())
        taken: Any = np.zeros_like(count, dtype=bool)
        for n, there in usable.items():
            if share == "all":
                shares[n] += there
            elif share == "first":
                shares[n] += there & ~taken
                taken |= there
            else:
                by_weight = np.divide(weight[n], total, out=np.zeros_like(total), where=total > 0)
                shares[n] += there * np.where(total > 0, by_weight, 1 / np.maximum(count, 1))

    def _by_port(self, paths: Mapping[int, Any], usable: Mapping[int, Flags], shares: dict[int, Any],
                 client: int, side: str | None, now: Flags) -> None:  # fmt: skip
        """A client stays with a side while its port there is alive, wherever that leads."""
        left = now
        sides = list(dict.fromkeys(path["side"] for path in paths.values()))
        for here in sorted(sides, key=lambda other: other != side):
            members = [n for n, path in paths.items() if path["side"] == here]
            for n in members:
                shares[n] += left & usable[n]
                left = left & ~usable[n]
            via = paths[members[0]]["via"]
            mine = [stage for stage in via if isinstance(stage, str) and stage in self.own]
            plug = next(stage for stage in via if stage not in mine)
            port = [self.works(part, client) for part in mine]
            left = left & ~np.logical_and.reduce([*port, self.stage_up(plug, client)])

    # loads

    def _crossed(self, via: Iterable[Any], client: int) -> Loads:
        """What one MB/s on a path puts on every part, also on what carries the parts that are crossed.

        On what carries it falls once, however many parts of the path need it.
        """
        crossed, needed = self._series(via, client)
        return _larger(crossed, needed)

    def _series(self, stages: Iterable[Any], client: int) -> tuple[Loads, Loads]:
        """Of one part after the other: what is crossed, and what that needs."""
        crossed: Loads = {}
        needed: Loads = {}
        for stage in stages:
            if isinstance(stage, str):
                name = self.name(stage, client)
                called = client_part(client, name) if name in self.own else name
                here, behind = {called: 1.0}, self._passed(name, client)
            else:
                branches = self.branches(stage, client)
                alive = np.maximum(1, sum(there.astype(int) for _, there in branches))
                here, behind = {}, {}
                through: set[str] = set()
                for branch, there in branches:  # what the branches bring to one part adds up
                    over, below = self._series(branch, client)
                    through |= set(over)
                    _add(behind, _larger(over, below), there / alive)
                here = {name: behind.pop(name) for name in sorted(through)}
            _add(crossed, here, 1.0)
            needed = _larger(needed, behind)
        return crossed, needed

    def _passed(self, name: str, client: int) -> Loads:
        """What one MB/s over a part puts on what it needs and carries, and on what that needs."""
        result: Loads = {}
        for need in (self.own[name] if name in self.own else self.parts[name]).get("needs", []):
            members = [self.name(member, client) for member in ([need] if isinstance(need, str) else need["of"])]
            alive = [self.works(member, client) for member in members]
            count = np.maximum(1, sum(there.astype(int) for there in alive))
            below: Loads = {}
            for member, there in zip(members, alive, strict=True):
                if self.parts.get(member, {}).get("carries", False):
                    _add(below, _larger({member: 1.0}, self._passed(member, client)), there / count)
            result = _larger(result, below)
        return result

    def _load(self) -> None:
        self.capacity = {n: amount(e["capacity"]) for n, e in self.parts.items() if e.get("capacity") is not None}
        self.load: dict[str, np.ndarray] = {}
        self.foreground: dict[str, np.ndarray] = {}
        for flow in self.flows:
            demand = amount(self.d["traffic"][flow.traffic].get("demand", 0))
            for n, share in flow.shares.items():
                for name, part in flow.crosses[n].items():
                    self.load[name] = self.load.get(name, 0.0) + demand * share * part
                    if not self.is_background(flow.traffic):
                        self.foreground[name] = self.foreground.get(name, 0.0) + demand * share * part
        zero = np.zeros(self.size)
        first = {name: self.foreground.get(name, zero) for name in self.capacity}
        rest = {name: self.load.get(name, zero) - first[name] for name in self.capacity}
        self.overloaded = {name: first[name] > limit * FORGIVEN for name, limit in self.capacity.items()}
        self.any_overload = np.logical_or.reduce([self.no, *self.overloaded.values()])
        room = {name: np.maximum(0.0, limit - first[name]) for name, limit in self.capacity.items()}
        ratios = [
            {n: np.minimum(1.0, limit / np.maximum(first[n], 1e-300)) for n, limit in self.capacity.items()},
            {n: np.minimum(1.0, room[n] / np.maximum(rest[n], 1e-300)) for n in self.capacity},
        ]
        for flow in self.flows:
            self._judge(flow, ratios[self.is_background(flow.traffic)])

    def is_background(self, traffic: str) -> bool:
        return bool(self.d["traffic"][traffic].get("priority", "foreground") == "background")

    def _judge(self, flow: Flow, ratio: Mapping[str, np.ndarray]) -> None:
        """Whether a flow is whole, and how much of it arrives."""
        traffic = self.d["traffic"][flow.traffic]
        demand, every = amount(traffic.get("demand", 0)), traffic.get("share", "first") == "all"
        arrives, some_whole, all_whole = np.zeros(self.size), self.no, self.yes
        for n, share in flow.shares.items():
            least, hurt = np.ones(self.size), self.no
            for name, part in flow.crosses[n].items():
                if name in self.capacity and demand > 0:
                    least = np.where(part > 0, np.minimum(least, ratio[name]), least)
                    hurt = hurt | ((part > 0) & self.overloaded[name])
            used = share > 0
            arrives = np.maximum(arrives, used * least) if every else arrives + share * least
            some_whole, all_whole = some_whole | (used & ~hurt), all_whole & ~(used & hurt)
        flow.whole = flow.up & (some_whole if every else all_whole)
        flow.delivered = demand * arrives

    # services

    def flow(self, traffic: str, client: int = 0) -> Flow:
        return next(flow for flow in self.flows if (flow.traffic, flow.client) == (traffic, client))

    def of(self, traffic: str) -> list[Flow]:
        return [flow for flow in self.flows if flow.traffic == traffic]

    def services(self) -> dict[str, Flags]:
        """When each service is up, by the names of the services."""
        result: dict[str, Flags] = {}
        for name in self.d["traffic"]:
            result[name] = np.logical_and.reduce([flow.up for flow in self.of(name)])
        for name, role in self.d.get("roles", {}).items():
            if any(holder.get("needs") for holder in role["holders"]):
                result[name] = self.role_up(name)
        asked = [flow.whole for name in fully_served(self.d) for flow in self.of(name)]
        result["full_service"] = np.logical_and.reduce(asked)
        return result

    def lost(self) -> np.ndarray:
        """How many clients have lost the principal class."""
        return np.asarray(np.sum([~flow.up for flow in self.of(principal_of(self.d))], axis=0))

    def on_sides(self) -> list[np.ndarray]:
        """How many clients are on each side alone (two at least), then on several, by the principal class."""
        counts = np.zeros((max(len(self.sides), 2) + 1, self.size), dtype=int)
        name = principal_of(self.d)
        for flow in self.of(name):
            here = dict.fromkeys(self.sides, self.no)
            for n, share in flow.shares.items():
                path = self.d["traffic"][name]["paths"][n]
                side = path.get("carried_by", path["side"])
                here[side] = here[side] | (share > 0)
            number = np.sum([here[side] for side in self.sides], axis=0)
            for n, side in enumerate(self.sides):
                counts[n] += here[side] & (number == 1)
            counts[-1] += number > 1
        return list(counts)


# --- one state, and all of them ----------------------------------------------------------------------------------


def state(document: Document, failed: Iterable[str] = (), primary: str | None = None) -> dict[str, Any]:
    """Follow one set of failed parts."""
    followed = Followed(resolved(document), {name: np.ones(1, dtype=bool) for name in failed}, 1, primary)
    routes = {
        (flow.traffic, flow.client): [(n, float(share[0])) for n, share in flow.shares.items() if share[0] > 0]
        for flow in followed.flows
    }
    clients = range(1, len(followed.groups) + 1)
    classes = [name for name, entry in followed.d["traffic"].items() if entry.get("scope", "client") == "client"]
    delivered = {name: float(sum(flow.delivered[0] for flow in followed.of(name))) for name in followed.d["traffic"]}
    holders = {role: [holder for holder, here in place if here[0]] for role, place in followed.place.items()}
    return {
        "roles": {role: held[0]["side"] for role, held in holders.items()},
        "holders": {role: held[0].get("name", held[0]["side"]) for role, held in holders.items()},
        "out_of_service": {name for name, shut in followed.shut.items() if shut[0]},
        "routes": routes,  # of each class and client (0: the site's flow) the places of paths and their shares
        "load": {name: float(load[0]) for name, load in followed.load.items()},
        "foreground": {name: float(load[0]) for name, load in followed.foreground.items()},
        "services": {name: bool(up[0]) for name, up in followed.services().items()},
        "clients_up": {name: [bool(followed.flow(name, n).up[0]) for n in clients] for name in classes},
        "whole": {(flow.traffic, flow.client): bool(flow.whole[0]) for flow in followed.flows},
        "overloaded": {name for name, over in followed.overloaded.items() if over[0]},
        "any_overload": bool(followed.any_overload[0]),
        "delivered": delivered,
    }


@dataclass
class Enumerated:
    """Sums over all states."""

    unavailability: dict[str, float]  # of each service
    p_any_overload: float
    mean: dict[str, float]  # load of each element with a capacity, of all traffic
    p_overload: dict[str, float]
    distribution: dict[str, dict[float, float]]
    sides: dict[tuple[int, ...], float]  # clients on each side alone (two at least), on several, cut off
    delivered: dict[str, float]  # mean MB/s of each class
    delivered_fraction: float  # of what the foreground asks for
    watched: dict[str, float]
    states: int


def laws(document: Document) -> tuple[dict[str, float], dict[str, float]]:
    """Unavailability of the shared parts that can fail, and of the parts that each client has."""
    shared = {**document["components"], **document.get("links", {})}
    found = [
        {n: unavailability(document, e) for n, e in part.items()} for part in (shared, document["clients"]["parts"])
    ]
    return {n: q for n, q in found[0].items() if q > 0}, {n: q for n, q in found[1].items() if q > 0}


def own_states(document: Document, own: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Every state of all clients' own parts, (states, clients, parts) of "down", and its probability.

    Clients of a group are alike in everything, so of states that differ by their order one stands for all, with its
    multinomial probability.
    """
    groups, members = groups_of(document), members_of(document)
    patterns = list(itertools.product((False, True), repeat=len(own)))
    per_group = []
    for group in sorted(set(groups)):
        size = groups.count(group)
        lacks = lacking(document, members[groups.index(group)])
        here = [0.0 if name in lacks else q for name, q in own.items()]
        chance = [math.prod(q if gone else 1 - q for q, gone in zip(here, row, strict=True)) for row in patterns]
        rows = []
        for chosen in itertools.combinations_with_replacement(range(len(patterns)), size):
            orders = math.factorial(size)
            for count in Counter(chosen).values():
                orders //= math.factorial(count)
            if (weight := orders * math.prod(chance[c] for c in chosen)) > 0:
                rows.append((chosen, weight))
        per_group.append(rows)
    states, weights = [], []
    for combination in itertools.product(*per_group):
        waiting = {group: list(chosen) for group, (chosen, _) in zip(sorted(set(groups)), combination, strict=True)}
        states.append([patterns[waiting[group].pop()] for group in groups])
        weights.append(math.prod(weight for _, weight in combination))
    return np.array(states, dtype=bool).reshape(len(states), len(groups), len(own)), np.array(weights)


def enumerate_states(
    document: Document, primary: str | None = None, watch: Mapping[str, Callable[[Followed], Flags]] | None = None
) -> Enumerated:
    """Sum over all states of the parts that can fail; `watch` gives further events to add up."""
    document = resolved(document)
    sums, count = _Sums(), 0
    for followed, weight in all_states(document, primary):
        sums.add(followed, weight, watch or {})
        count += followed.size
    return sums.result(document, count)


def all_states(document: Document, primary: str | None = None) -> Iterator[tuple[Followed, np.ndarray]]:
    """All states of a resolved document with their probability, many at a time."""
    shared, own = laws(document)
    groups = groups_of(document)
    down_own, weight_own = own_states(document, own)
    count = len(weight_own) << len(shared)
    for start in range(0, count, CHUNK):
        index = np.arange(start, min(start + CHUNK, count))
        weight, down = weight_own[index >> len(shared)], {}
        for bit, (name, q) in enumerate(shared.items()):
            down[name] = (index >> bit) & 1 == 1
            weight = weight * np.where(down[name], q, 1 - q)
        for client, (part, name) in itertools.product(range(len(groups)), enumerate(own)):
            down[client_part(client + 1, name)] = down_own[index >> len(shared), client, part]
        yield Followed(document, down, len(index), primary), weight


def frequencies(document: Document, primary: str | None = None) -> dict[str, float]:
    """Failures of each service per hour: over all states, what the service is lost by, part by part."""
    document = resolved(document)
    shared, own = laws(document)
    groups = groups_of(document)
    entries = {**document["components"], **document.get("links", {})}
    parts = [(name, q, entries[name]) for name, q in shared.items()]
    lacks = [lacking(document, member) for member in members_of(document)]
    for client, (name, q) in itertools.product(range(1, len(groups) + 1), own.items()):
        if name not in lacks[client - 1]:
            parts.append((client_part(client, name), q, document["clients"]["parts"][name]))
    index = np.arange(1 << len(parts))
    down = {name: (index >> bit) & 1 == 1 for bit, (name, _, _) in enumerate(parts)}
    weight = np.ones(len(index))
    for name, q, _ in parts:
        weight = weight * np.where(down[name], q, 1 - q)
    f = Followed(document, down, len(index), primary)
    up = f.services()
    for name, entry in document["traffic"].items():
        if entry.get("scope", "client") == "client":
            for group in sorted(set(groups)):
                up[f"{name}_client" + (f"_{group + 1}" if group else "")] = f.flow(name, groups.index(group) + 1).up
    up |= {f"lost_{k}_or_more_clients": f.lost() < k for k in range(1, len(groups) + 1)}
    result = dict.fromkeys(up, 0.0)
    for bit, (part, q, entry) in enumerate(parts):
        mttr = hours(entry.get("mttr", document["types"].get(entry["type"], {}).get("mttr")))
        rate = np.where(down[part], 1 / mttr, q / ((1 - q) * mttr))
        for name, there in up.items():
            result[name] += float((weight * rate)[there & ~there[index ^ (1 << bit)]].sum())
    return result


class _Sums:
    def __init__(self) -> None:
        self.total: dict[tuple[str, Any], list[float]] = {}

    def put(self, kind: str, key: Any, value: Any) -> None:
        self.total.setdefault((kind, key), []).append(float(value))

    def add(self, f: Followed, weight: np.ndarray, watch: Mapping[str, Callable[[Followed], Flags]]) -> None:
        for name, up in f.services().items():
            self.put("down", name, weight[~up].sum())
        for name, entry in f.d["traffic"].items():
            flows = f.of(name)
            if entry.get("scope", "client") == "client":
                for group in sorted(set(f.groups)):
                    # clients of a group are alike but for their order, which was left out
                    mine = [flow for flow in flows if f.groups[flow.client - 1] == group]
                    gone = [weight[~flow.up].sum() for flow in mine]
                    self.put("down", f"{name}_client" + (f"_{group + 1}" if group else ""), sum(gone) / len(gone))
            self.put("delivered", name, (weight * sum(flow.delivered for flow in flows)).sum())
        lost = f.lost()
        for k in range(1, len(f.groups) + 1):
            self.put("down", f"lost_{k}_or_more_clients", weight[lost >= k].sum())
        self.put("over", "any", weight[f.any_overload].sum())
        for name, limit in f.capacity.items():
            load = f.load.get(name, np.zeros(f.size))
            self.put("mean", name, (weight * load).sum())
            self.put("over", name, weight[load > limit * FORGIVEN].sum())
            self._spread("load", np.round(load, 9)[:, None], weight, name)
        self._spread("sides", np.column_stack([*f.on_sides(), lost]), weight)
        for name, event in watch.items():
            self.put("watch", name, weight[event(f)].sum())

    def _spread(self, kind: str, values: np.ndarray, weight: np.ndarray, *key: str) -> None:
        """Add up by value; there are few, so that taking one after the other is faster than to sort."""
        while len(values):
            same = (values == values[0]).all(axis=1)
            self.put(kind, (*key, *values[0].tolist()), weight[same].sum())
            values, weight = values[~same], weight[~same]

    def of(self, kind: str) -> dict[Any, float]:
        return {key: math.fsum(parts) for (found, key), parts in self.total.items() if found == kind}

    def result(self, document: Document, count: int) -> Enumerated:
        over, delivered, clients = self.of("over"), self.of("delivered"), len(groups_of(document))
        loads: dict[str, dict[float, float]] = {}
        for (element, load), p in self.of("load").items():
            loads.setdefault(element, {})[load] = p
        asked = {
            name: amount(entry.get("demand", 0)) * (clients if entry.get("scope", "client") == "client" else 1)
            for name, entry in document["traffic"].items()
            if entry.get("priority", "foreground") == "foreground"
        }
        arrives = math.fsum(delivered[name] for name in asked)
        return Enumerated(
            unavailability=self.of("down"), p_any_overload=over.pop("any"), mean=self.of("mean"), p_overload=over,
            distribution=loads, sides=self.of("sides"), delivered=delivered,
            delivered_fraction=arrives / sum(asked.values()) if any(asked.values()) else 1.0, watched=self.of("watch"), states=count,
        )  # fmt: skip
