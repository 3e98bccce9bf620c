"""Rows of a list of cables: which are cables of the network, which are left out and why, and which cannot be used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from k2rel.cables.headings import Columns, plain
from k2rel.cables.matching import is_console, is_power
from k2rel.cables.quantities import Quantities
from k2rel.cables.sheet import Row, Sheet
from k2rel.errors import Problem
from k2rel.site.names import wrong_with_name, wrong_with_text

__all__ = ["Cable", "End", "LeftOut", "in_use", "read_rows"]

_IN_USE = {
    "", "connected", "active", "installed", "in_use", "used", "live", "up", "ok", "enabled", "production", "in_service",
    "operational", "done", "yes", "offline", "failed", "down",
}  # fmt: skip
_NOT_IN_USE = {
    "planned", "decommissioning", "decommissioned", "retired", "removed", "staged", "inventory", "spare", "in_stock",
    "ordered", "proposed", "future", "disconnected", "unused", "no", "deprecated", "end_of_life",
}  # fmt: skip
_CIRCUIT = ("circuittermination",)
_CIRCUIT_END = re.compile(r": Termination [AZ]$")  # as NetBox writes it, beside an empty device


@dataclass(frozen=True, slots=True)
class End:
    """Where a cable ends: a device, its port, and what kind of port a tool says that this is."""

    device: str
    port: str = ""
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.device} {self.port}".strip()


@dataclass(frozen=True, slots=True)
class Cable:
    """One cable of the network."""

    line: int
    ends: tuple[End, End]
    type: str = ""
    label: str = ""
    capacity: str = ""
    cost: str = ""

    def __str__(self) -> str:
        return f"{self.ends[0]} to {self.ends[1]}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is no part of the model, and why."""

    line: int
    what: str
    reason: str


def in_use(status: str) -> bool | None:
    """Whether a status says that something is in use; None where it is not known.

    Examples
    --------
    >>> in_use("Connected"), in_use("decommissioning"), in_use("blue")
    (True, False, None)
    """
    word = plain(status)
    return True if word in _IN_USE else False if word in _NOT_IN_USE else None


@dataclass
class Reading:
    """What was read of a list: cables, rows that are left out, and problems by row."""

    cables: list[Cable]
    left_out: list[LeftOut]
    problems: list[Problem]
    power: list[Cable]


def read_rows(
    sheet: Sheet,
    columns: Columns,
    known_as: Callable[[str], str],
    known: Collection[str],
    is_passive: Callable[[str], bool],
    *,
    power: bool = False,
) -> Reading:
    """Read the cables of a list; `known_as` gives the name of a device, `is_passive` says which are patch panels."""
    reading = Reading([], [], [], [])
    quantities = Quantities(sheet, columns, reading.problems)
    one = _Rows(sheet, columns, known_as, known, quantities, reading, power)
    cables = [cable for row in sheet.rows if (cable := one.read(row)) is not None]
    at = _spelling([*cables, *reading.power])
    cables = list(_spelled_alike(sheet, cables, at, reading))
    reading.power = list(_spelled_alike(sheet, reading.power, at, reading))
    reading.cables = list(_once(sheet, cables, is_passive, reading))
    return reading


@dataclass
class _Rows:
    """Reads row by row."""

    sheet: Sheet
    columns: Columns
    known_as: Callable[[str], str]
    known: Collection[str]
    quantities: Quantities
    reading: Reading
    power: bool  # whether power cables are wanted

    def __post_init__(self) -> None:
        self.sites: dict[str, tuple[str, int]] = {}

    def cell(self, row: Row, what: str) -> str:
        place = self.columns.get(what)
        return row.cells[place] if place is not None else ""

    def wrong(self, row: Row, message: str, what: str = "") -> None:
        title = self.sheet.titles[self.columns[what]] if what in self.columns else ""
        self.reading.problems.append(self.sheet.problem(row, message, title))

    def read(self, row: Row) -> Cable | None:
        """A cable; None where the row is none, or is wrong."""
        if row.wrong:
            self.wrong(row, row.wrong)
            return None
        if wrong := next(
            ((what, why) for what in self.columns if (why := wrong_with_text(self.cell(row, what)))), None
        ):
            self.wrong(row, wrong[1], wrong[0])
            return None
        kinds = [plain(self.cell(row, f"{side}_kind")).removeprefix("dcim_").removeprefix("circuits_") for side in "ab"]
        names = [self.known_as(self.cell(row, f"{side}_device")) for side in "ab"]
        ports = [self.cell(row, f"{side}_port") for side in "ab"]
        ends = (End(names[0], ports[0], kinds[0]), End(names[1], ports[1], kinds[1]))
        cable = Cable(row.line, ends, self.cell(row, "type"), self.cell(row, "label"))
        if self.power and in_use(self.cell(row, "status")) and self._is_power(cable):
            if self._has_ends(row, cable):
                self.reading.power.append(cable)
            return None
        if reason := self._reason(row, cable):
            self.reading.left_out.append(LeftOut(row.line, str(cable), reason))
            return None
        if in_use(self.cell(row, "status")) is None:
            self.wrong(row, f"the status '{self.cell(row, 'status')[:40]}' is not known; write 'connected' for a cable "
                       "in use, 'planned' or 'decommissioning' for one that is left out", "status")  # fmt: skip
            return None
        if not self._has_ends(row, cable) or not self._at_one_site(row, cable):
            return None
        before = len(self.reading.problems)
        capacity, cost = self.quantities.of(row, "capacity"), self.quantities.of(row, "cost")
        return None if len(self.reading.problems) > before else replace(cable, capacity=capacity, cost=cost)

    def _reason(self, row: Row, cable: Cable) -> str:
        """Why a row is no cable of the network, where it is none."""
        if in_use(status := self.cell(row, "status")) is False:
            return f"status '{status}'"
        kinds = [end.kind for end in cable.ends]
        if self._is_power(cable):
            return "a power cable, which carries no traffic"
        if any(map(is_console, (cable.type, *kinds, *(end.port for end in cable.ends)))):
            return "a console cable, which carries no traffic"
        if any(kind in _CIRCUIT for kind in kinds) or any(
            not end.device and _CIRCUIT_END.search(end.port) for end in cable.ends
        ):
            return "ends at a circuit, which is outside"
        return ""

    @staticmethod
    def _is_power(cable: Cable) -> bool:
        ports = [bool(end.port) and is_power(end.port) for end in cable.ends]
        return is_power(cable.type) or any(is_power(end.kind) for end in cable.ends) or all(ports)

    def _has_ends(self, row: Row, cable: Cable) -> bool:
        one, other = cable.ends
        if not one.device or not other.device:
            if not one.device and not other.device:
                self.wrong(row, "names no device at either end")
            else:
                side, end, port = ("a", other, one.port) if not one.device else ("b", one, other.port)
                there = f" ('{port[:40]}')" if port else ""
                self.wrong(row, f"the cable from {end} has no device at its other end{there}", f"{side}_device")
            return False
        for side, end in zip("ab", cable.ends, strict=True):
            several = [part.strip() for part in end.device.split(",")]
            if len(several) > 1 and end.device not in self.known:
                self.wrong(row, f"ends at {len(several)} devices ({', '.join(several)[:60]}); write a row for each "
                           "of its branches", f"{side}_device")  # fmt: skip
                return False
            if end.device.casefold() == "client":
                self.wrong(
                    row, f"'{end.device}' is a name that the clients of a site have; rename it", f"{side}_device"
                )
                return False
            if message := wrong_with_name(end.device):
                self.wrong(row, f"'{end.device[:40]}' {message}", f"{side}_device")
                return False
        if one.device == other.device:
            self.wrong(row, f"from {one} to {other}: a cable from a device to itself")
            return False
        return True

    def _at_one_site(self, row: Row, cable: Cable) -> bool:
        """Names of devices are unique at a site alone: two sites may have a device of one name each."""
        for side, end in zip("ab", cable.ends, strict=True):
            site = self.cell(row, f"{side}_site")
            before = self.sites.setdefault(end.device, (site, row.line)) if site else (site, row.line)
            if before[0] != site:
                self.wrong(row, f"'{end.device}' is at '{site}' here and at '{before[0]}' in line {before[1]}; give "
                           "two devices two names", f"{side}_device")  # fmt: skip
                return False
        return True


def _spelling(cables: list[Cable]) -> dict[str, tuple[str, int, int]]:
    """By its letters in one case how a name is written most often, how often, and in which line first."""
    count = Counter(end.device for cable in cables for end in cable.ends)
    lines: dict[str, int] = {}
    for cable in cables:
        for end in cable.ends:
            lines.setdefault(end.device, cable.line)
    spelled: dict[str, tuple[str, int, int]] = {}
    for name in sorted(count, key=lambda name: -count[name]):  # of equal ones the first in the list
        spelled.setdefault(name.casefold(), (name, count[name], lines[name]))
    return spelled


def _spelled_alike(
    sheet: Sheet, cables: list[Cable], at: Mapping[str, tuple[str, int, int]], reading: Reading
) -> Iterator[Cable]:
    """Cables whose devices are spelled as most often; others of the same letters are wrong."""
    for cable in cables:
        other = next((end.device for end in cable.ends if at[end.device.casefold()][0] != end.device), None)
        if other is None:
            yield cable
        else:
            usual, count, line = at[other.casefold()]
            often = f"{count:,} times, first in line {line}" if count > 1 else f"in line {line}"
            message = f"'{other}' here and '{usual}' ({often}) differ in case only; use one spelling, or rename one"
            reading.problems.append(sheet.problem(cable.line, message))


def _once(sheet: Sheet, cables: list[Cable], is_passive: Callable[[str], bool], reading: Reading) -> Iterator[Cable]:
    """Each cable once, and each port with one cable; a port of a patch panel has a front and a rear."""
    listed = _Listed()
    ports: dict[End, list[int]] = {}
    for cable in cables:
        if message := listed.twice(cable):
            reading.problems.append(sheet.problem(cable.line, message))
            continue
        taken = [end for end in cable.ends if end.port and len(ports.get(end, ())) >= _most(end, is_passive)]
        if taken:
            message = f"port {taken[0].port} of {taken[0].device} already has a cable, in line {ports[taken[0]][0]}"
            reading.problems.append(sheet.problem(cable.line, message))
            continue
        listed.add(cable)
        for end in cable.ends:
            ports.setdefault(end, []).append(cable.line)
        yield cable


class _Listed:
    """Cables by their ends; one whose ports are not all said may be another between the same two devices."""

    def __init__(self) -> None:
        self.at: dict[object, dict[str, tuple[int, bool]]] = {}  # by label: line, whether both ports are said

    def add(self, cable: Cable) -> None:
        """Take up a cable, under its ports and under any of each."""
        devices, ports = _sorted(cable)
        for one, other in product(*((port, None) for port in ports)):
            self.at.setdefault((devices, one, other), {}).setdefault(cable.label, (cable.line, all(ports)))

    def twice(self, cable: Cable) -> str:
        """What is wrong where it is, or may be, one that was listed before; empty where it is another."""
        devices, ports = _sorted(cable)
        whole = all(ports)
        for one, other in product(*((port, "") if port else (None,) for port in ports)):
            by_label = self.at.get((devices, one, other), {})
            same = whole and bool(one) and bool(other)  # at the same ports, whatever the labels
            labels = by_label if same or not cable.label else [one for one in (cable.label, "") if one in by_label]
            for label in labels:
                line, all_said = by_label[label]
                if same or (not whole and not all_said and label == cable.label):
                    hint = "" if same else "; give the ports or labels of parallel cables"
                    return f"{cable} is already in line {line}{hint}"
                return f"{cable} may be the same cable as in line {line}; give both the ports at both ends, or labels"
        return ""


def _sorted(cable: Cable) -> tuple[tuple[str, ...], list[object]]:
    """Devices at both ends in one order, and their ports, empty where none is said."""
    ends = sorted(cable.ends, key=lambda end: end.device)
    return tuple(end.device for end in ends), [(end.port, end.kind) if end.port else "" for end in ends]


def _most(end: End, is_passive: Callable[[str], bool]) -> int:
    """How many cables a port can have: a panel's port has a front and a rear, unless the kind says which it is."""
    return 2 if not end.kind and is_passive(end.device) else 1
