"""The component type and failure data of every device and cable, and who said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from k2rel.cables.headings import plain
from k2rel.cables.inventory import LAW, PURPOSES, RATES, Entry, Inventory
from k2rel.cables.matching import CABLE_TYPE, Registry
from k2rel.cables.panels import Connection
from k2rel.cables.rows import in_use
from k2rel.cables.sheet import Sheet
from k2rel.errors import Problem, closest, nearest
from k2rel.units import parse_bandwidth, parse_duration, parse_mttf, parse_rate

__all__ = ["Device", "Kinds", "Match"]

_SHOWN = 3
_HINTS = 20
_NOUNS = {"cable": "cable type", "model": "device type", "role": "role", "component": "component type"}


@dataclass(frozen=True, slots=True)
class Device:
    """One device as it goes into the model."""

    name: str
    type: str
    law: Mapping[str, str] = field(default_factory=dict)  # of its own, over that of its type
    capacity: str = ""
    side: str = ""
    purpose: str = ""  # client, target, network; empty where nothing says
    model: str = ""
    role: str = ""
    needs: tuple[Any, ...] = ()  # what feeds it
    external: bool = False  # outside: its own failures are not counted


@dataclass(frozen=True, slots=True)
class Match:
    """What a word of the tables became."""

    text: str
    component_type: str
    how: str
    count: int


Facts = Mapping[str, tuple[str, Entry]]


class Kinds:
    """Decides types, collects what each word became, and what is known of no word."""

    def __init__(self, inventory: Inventory, registry: Registry, sheet: Sheet) -> None:
        self.inventory, self.registry, self.sheet = inventory, registry, sheet
        self.types: dict[str, dict[str, str]] = {}
        self.matches: dict[tuple[str, str, str], int] = {}
        self.problems: dict[Problem, None] = {}  # each once, in their order
        self._unmatched: dict[tuple[str, str], list[tuple[str, int, Entry | None]]] = {}
        self._unknown: dict[str, int] = {}
        self._cables: dict[str, tuple[tuple[str, Mapping[str, str], str], str] | None] = {}  # and by what
        self._hints = _HINTS

    def device(self, name: str, line: int) -> Device | str | None:
        """A device; a text where it is left out, which says why; None where its type is not known."""
        facts = self.inventory.facts(name, self.problems)
        if not facts:
            self._unknown[name] = line
            return None
        said = {what: value for what, (value, _) in facts.items()}
        status = said.get("status", "")
        if (used := in_use(status)) is not True:
            if used is False:
                return f"device '{name}' has status '{status}'"
            entry = facts["status"][1]
            self._say(entry.problem(f"the status '{status[:40]}' is not known; write 'active' or 'planned'"))
            return None
        found = self._typed(name, facts, line)
        if found is None:
            return None
        kind, law = found
        role = said.get("role", "")
        return Device(name, kind, law, said.get("capacity", ""), said.get("side", ""), PURPOSES.get(plain(role), ""),
                      said.get("model", ""), role, external=said.get("external") == "yes")  # fmt: skip

    def _typed(self, name: str, facts: Facts, line: int) -> tuple[str, Mapping[str, str]] | None:
        """The type of a device, and failure data of its own over those of the type."""
        words = [(what, *facts[what]) for what in ("component", "model", "role") if what in facts]
        words = [one for one in words if one[0] != "role" or plain(one[1]) not in PURPOSES] or words
        law = {what: facts[what][0] for what in LAW if what in facts}
        for what, word, _ in words:
            if (kind := self.registry.device(word)) is not None:
                how = "its name" if plain(word) == plain(kind) else "a synonym"
                self._count(word, kind, how if what == "component" else f"{how} ({_NOUNS[what]})")
                return kind, law
            if what == "component":
                break  # what is called a component type is one, or has failure data of its own
        text = words[0][1] if words else name
        if self._is_whole(facts, law, text):
            return self._own(text, law, facts)
        if not any(what in law for what in RATES):
            what, word, entry = words[0] if words else ("device", name, next(iter(facts.values()))[1])
            self._unmatched.setdefault((what, word), []).append((name, line, entry))
        return None

    def _is_whole(self, facts: Facts, law: dict[str, str], text: str) -> bool:
        """Whether failure data need no type of the registry beside them."""
        rate = next((what for what in RATES if what in law), None)
        if rate is None:
            return False
        entry = facts[rate][1]
        if rate == "rates":
            rows = self.registry.table.rows
            if law["rates"] not in rows:
                near = closest(law["rates"], rows) if self._hint() else ""
                self._say(entry.problem(f"there is no entry '{law['rates'][:40]}'{near}"))
                return False
            return True
        if "mttr" not in law:
            if rate == "failure_rate" and parse_rate(law[rate]) == 0:
                law["mttr"] = "1 h"  # of what never fails
                return True
            self._say(entry.problem(f"'{text[:40]}' has {rate} and no mttr (time to restoration)"))
            return False
        return True

    def _say(self, problem: Problem) -> None:
        self.problems.setdefault(problem)

    def _hint(self) -> bool:
        """Whether what a word may mean is looked for: that takes its time, and only the first problems are read."""
        self._hints -= 1
        return self._hints >= 0

    def _own(self, text: str, law: dict[str, str], facts: Facts) -> tuple[str, Mapping[str, str]]:
        """A type of the person's own, written down with its failure data."""
        _, entry = next(facts[what] for what in RATES if what in facts)
        source = facts["source"][0] if "source" in facts else f"{Path(entry.file).name}, line {entry.line}"
        given = self.types.setdefault(text, {**law, "source": source})
        self._count(text, text, _own_words(facts))
        return text, {} if {what: given.get(what) for what in law} == law else law

    def _count(self, text: str, kind: str, how: str) -> None:
        self.matches[text, kind, how] = self.matches.get((text, kind, how), 0) + 1

    def cable(self, connection: Connection) -> dict[str, Any] | None:
        """Type, failure data, capacity and cost of a connection; None where a type of cable is not known."""
        kinds = [self._cable(cable.type, cable.line) for cable in connection.cables]
        if None in kinds:
            return None
        parts = [kind for kind in kinds if kind is not None]
        kind, law, _ = parts[0]
        capacities = [cable.capacity or part[2] for cable, part in zip(connection.cables, parts, strict=True)]
        result: dict[str, Any] = {"type": kind, **(law if len(parts) == 1 else self._in_series(parts))}
        if given := [one for one in capacities if one]:
            result["capacity"] = min(given, key=parse_bandwidth)
        if costs := [float(cable.cost) for cable in connection.cables if cable.cost]:
            result["cost"] = sum(costs)
        return result

    def _cable(self, text: str, line: int) -> tuple[str, Mapping[str, str], str] | None:
        """Type, failure data of its own, and capacity of a cable by the word of its type."""
        if text in self._cables:
            known = self._cables[text]
            if known is None:
                self._unmatched_cable(text, line, None)
                return None
            self._count(text or "(no type)", known[0][0], known[1])
            return known[0]
        facts: dict[str, tuple[str, Entry]] = {}
        for entry in self.inventory.of_class(text or CABLE_TYPE):
            for what, told in entry.says.items():
                value, other = facts.setdefault(what, (told, entry))
                if value != told:
                    self._say(entry.problem(f"cable type '{entry.key[:40]}': {what} differs from line {other.line}"))
        word = facts["component"][0] if "component" in facts else text
        law = {what: facts[what][0] for what in LAW if what in facts}
        kind = self.registry.cable(word)
        capacity = facts["capacity"][0] if "capacity" in facts else ""
        if kind is not None:
            how = "no type given: a patch cable" if not word else "its name" if plain(word) == plain(kind) else (
                "a kind of patch cable" if kind == CABLE_TYPE else "a synonym")  # fmt: skip
            if law:
                how += f", failure data of {Path(facts[next(iter(law))][1].file).name}"
            found: tuple[str, Mapping[str, str], str] = (kind, law, capacity)
            self._count(text or "(no type)", kind, how)
        elif self._is_whole(facts, law, text or CABLE_TYPE):
            found, how = (*self._own(text or CABLE_TYPE, law, facts), capacity), _own_words(facts)
        else:
            self._cables[text] = None
            self._unmatched_cable(text, line, next(iter(facts.values()))[1] if facts else None)
            return None
        self._cables[text] = (found, how)
        return found

    def _unmatched_cable(self, text: str, line: int, entry: Entry | None) -> None:
        self._unmatched.setdefault(("cable", text), []).append((text, line, entry))

    def _in_series(self, parts: list[tuple[str, Mapping[str, str], str]]) -> dict[str, str]:
        """Failure data of cables one after another: rates add up, the mean repair is weighted by them."""
        rows = self.registry.table
        rates, repairs = [], []  # per hour and in hours
        for kind, law, _ in parts:
            whole = {**self.types.get(kind, {}), **law}
            row = rows.rows.get(whole.get("rates") or rows.defaults.get(kind, ""))
            repair = parse_duration(whole["mttr"]) if "mttr" in whole else row.mttr_h.get("4h", 0.0) if row else 0.0
            if "mttf" in whole:
                rates.append(1 / parse_mttf(whole["mttf"]))
            elif "failure_rate" in whole:
                rates.append(parse_rate(whole["failure_rate"]))
            elif "unavailability" in whole:
                down = float(whole["unavailability"])  # rate x repair / (1 + rate x repair)
                rates.append(down / (1 - down) / repair)
            else:
                rates.append(row.rate_per_h if row else 0.0)
            repairs.append(repair)
        total = sum(rates)
        result = {"failure_rate": f"{total:.12g} /h", "source": f"{len(parts)} cables in series, through patch panels"}
        alike = len({kind for kind, _, _ in parts}) == 1 and not any("mttr" in law for _, law, _ in parts)
        if not (alike and parts[0][0] in self.registry) and total:
            mean = sum(rate * repair for rate, repair in zip(rates, repairs, strict=True)) / total
            result["mttr"] = f"{mean:.12g} h"
        return result

    def finish(self) -> None:
        """Turn what was not matched into problems: one for each word, with what it may mean."""
        files = " and ".join(self.inventory.files)
        if self._unknown and not files:
            some = ", ".join(list(self._unknown)[:_SHOWN])
            message = (
                f"{len(self._unknown)} devices have no type ({some}, ...); give types: a table with the columns "
                "'device' and 'component type', or 'device', 'mttf' and 'mttr'"
            )
            self._say(Problem(message, self.sheet.name))
            return
        known = list(self.inventory.names)
        folded = {name.casefold(): name for name in known}
        for name, line in self._unknown.items():
            message = f"device '{name}' has no row in {files}"
            if name in self.inventory.names:
                entry = self.inventory.names[name][0]
                message = f"device '{name}' has a row in {entry.file} that does not state it, in line {entry.line}"
            elif (other := folded.get(name.casefold())) is not None:
                message += f"; '{other}' in line {self.inventory.names[other][0].line} there differs in case only"
            elif self._hint() and (near := nearest(name, known)):
                message += f"; did you mean {' or '.join(map(repr, near))}?"
            self._say(self.sheet.problem(line, message))
        for (what, text), uses in self._unmatched.items():
            self._say(self._not_matched(what, text, uses))

    def _not_matched(self, what: str, text: str, uses: list[tuple[str, int, Entry | None]]) -> Problem:
        name, line, entry = uses[0]
        noun = _NOUNS.get(what, what)
        many = f"{len(uses)} {'cables' if what == 'cable' else 'devices'}" if len(uses) > 1 else (
            "one cable" if what == "cable" else f"'{name}'")  # fmt: skip
        rows = [(at, self.sheet.name) if other is None else (other.line, other.file) for _, at, other in uses]
        lines = list(dict.fromkeys(at for at, file in rows if file == rows[0][1]))
        if len(lines) > 1:
            shown = ", ".join(map(str, lines[1 : _SHOWN + 1])) + (", ..." if len(lines) > _SHOWN + 1 else "")
            many += f" (also in line {shown})"
        text = text or CABLE_TYPE
        roles = [entry.says["role"]] if entry is not None and "role" in entry.says else []
        if what == "cable":
            near = [kind for kind in (CABLE_TYPE, "fc_link") if kind in self.registry]
        else:
            near = self.registry.near(text, *roles) if self._hint() else []
        cure = "give its mttf and mttr in the types"
        if near and what == "component":
            cure = f"write {near[0]} if it is one, or {cure}"
        elif near:
            cure = f"add to the types '{text[:40]},{near[0]}' ({noun}, component type) if it is one, or {cure}"
        if what == "device" and entry is not None:
            return entry.problem(
                f"'{name}' has no component type, device type, role or failure data here; give one of these"
            )
        message = (
            f"{noun} '{text[:60]}' of {many} is not a component type with failure data"
            f"{'; near: ' + ', '.join(near) if near else ''}; {cure}"
        )
        return entry.problem(message) if entry is not None else self.sheet.problem(line, message)

    def matched(self) -> tuple[Match, ...]:
        """What every word became."""
        return tuple(Match(text, kind, how, count) for (text, kind, how), count in sorted(self.matches.items()))


def _own_words(facts: Facts) -> str:
    """By what a type is known that is a person's own."""
    return f"failure data of {Path(next(facts[what][1] for what in RATES if what in facts).file).name}"
