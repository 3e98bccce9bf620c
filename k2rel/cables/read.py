"""From tables to what they describe: read, match, follow through panels, and say of every row what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from k2rel.cables.choice import words_of
from k2rel.cables.headings import Columns, columns_of, is_cables, plain, unused
from k2rel.cables.inventory import PURPOSES, Inventory, read_inventory
from k2rel.cables.kinds import Device, Kinds
from k2rel.cables.matching import CABLE_TYPE, Registry, is_patch_panel
from k2rel.cables.panels import Connection, connections
from k2rel.cables.power import Feeds, feeds_of
from k2rel.cables.quantities import with_words
from k2rel.cables.record import Cables
from k2rel.cables.rows import Cable, LeftOut, Reading, read_rows
from k2rel.cables.sheet import Sheet, Source, read_sheet
from k2rel.errors import InputError, Problem
from k2rel.rates import registry
from k2rel.site import Site

__all__ = ["from_cables", "read_cables"]

_SHOWN = 20
_MOST_DEVICES = 20_000  # 10,000 clients and 10,000 others; with the links of these it is counted when there is a site
_LISTED = 3


def read_cables(
    cables: Source,
    *,
    types: Any = None,
    columns: Mapping[str, str] | None = None,
    without: str | Sequence[str] | None = None,
    leave_out: bool = False,
    power: bool = False,
    rates: str | Path | None = None,
    data: str | None = None,
) -> Cables:
    """Read a list of cables, and match its devices with failure data.

    Parameters
    ----------
    cables : str, pathlib.Path, pandas.DataFrame or list of mappings
        A row a cable: the devices at its ends, and their ports, its type, status and label where there are such.
        Columns are known by the names that people and inventory tools give them (NetBox among them).
    types : the same, several of them, or a mapping, optional
        Tables of devices, or of device types and roles: component type or failure data, side, role (client, target).
        A mapping goes from device, pattern, device type or role to a component type, or to a mapping of such columns.
    columns : mapping of str to str, optional
        For a part of a row, such as ``"a_device"``, the name of its column, where it is not found by itself.
    without : str or sequence of str, optional
        Names or patterns of devices that are left out with their cables, such as a management network.
    leave_out : bool
        Leave out rows that cannot be used, instead of refusing the list; they stand in ``left_out``.
    power : bool
        Whether power cables count: a device needs one of those that feed it. By default they are left out.
    rates : str or pathlib.Path, optional
        A table of rates over the registry, whose types are known too.
    data : str, optional
        Version of the bundled data; by default the current one.

    Returns
    -------
    Cables
        Devices and connections, what was left out and why, what each word became.

    Raises
    ------
    InputError
        For every row that cannot be used, with file, line and column, up to twenty of them.

    Examples
    --------
    >>> cables = [{"From": "cam-1", "To": "sw-1"}, {"From": "sw-1", "To": "nas", "Cable type": "CAT6"}]
    >>> types = {"cam-*": {"mttf": "20 y", "mttr": "1 d"}, "sw-*": "GigE switch", "nas": "server"}
    >>> [(one.text, one.component_type) for one in read_cables(cables, types=types).matches[1:4]]
    [('CAT6', 'cable'), ('GigE switch', 'gige_switch'), ('cam-1', 'cam-1')]
    """
    sheet = read_sheet(cables, "cables", is_cables)
    found = columns_of(sheet, _named(columns), cables=True)
    sheet = with_words(sheet, found)
    if not sheet.rows:
        raise InputError(Problem("has no cables, only the names of the columns", sheet.name, sheet.line))
    problems: list[Problem] = []
    inventory = read_inventory(types, problems)
    if problems:  # a wrong row about types could be about any cable: there is nothing to leave out
        raise InputError(_shown(problems, hint=False))
    kinds = Kinds(inventory, Registry(registry(rates, data=data)), sheet)
    read = _Import(sheet, found, inventory, kinds, words_of("without", without), leave_out, power).result()
    return replace(read, rates=rates, data=data)


def _named(columns: Any) -> Mapping[str, str]:
    """Names of columns, as a caller gives them; those of a frame need be no texts."""
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        raise InputError(f"columns: a mapping such as {{'a_device': 'Host 1'}}, got {type(columns).__name__}")
    return {str(what): " ".join(str(title).split()) for what, title in columns.items()}


class _Import:
    """One list on its way."""

    def __init__(
        self,
        sheet: Sheet,
        columns: Columns,
        inventory: Inventory,
        kinds: Kinds,
        without: Sequence[str],
        leave_out: bool,
        power: bool,
    ) -> None:
        self.sheet, self.columns, self.inventory, self.kinds = sheet, columns, inventory, kinds
        self.leave_out, self.power = leave_out, power
        self.named = frozenset(without)  # what is left out, by its name
        self.fitting = [word for word in without if any(sign in word for sign in "*?[")]
        self.panels = self._stated_panels()
        self.passive: dict[str, bool] = {}
        self.feeds = Feeds()
        self.power_lines: set[int] = set()
        self.unknown: dict[int, str] = {}  # rows whose devices or types are not known

    def _stated_panels(self) -> set[str]:
        """Devices of which the list says that a cable ends at a front or a rear port."""
        found = set()
        for side in "ab":
            if f"{side}_kind" in self.columns:
                kind, device = self.columns[f"{side}_kind"], self.columns[f"{side}_device"]
                found |= {row.cells[device] for row in self.sheet.rows if "port" in row.cells[kind]
                          and plain(row.cells[kind]).endswith(("frontport", "rearport"))}  # fmt: skip
        return found

    def is_passive(self, name: str) -> bool:
        """Whether a device is a patch panel."""
        if name not in self.passive:
            facts = self.inventory.facts(name, {})
            words = [facts[what][0] for what in ("component", "model", "role") if what in facts]
            stated = any(PURPOSES.get(plain(word)) == "passive" for word in words)
            self.passive[name] = name in self.panels or stated or is_patch_panel(words)
        return self.passive[name]

    def result(self) -> Cables:
        """Everything in turn."""
        known_as, known = self.inventory.known_as, self.inventory.names
        reading = read_rows(self.sheet, self.columns, known_as, known, self.is_passive, power=self.power)
        reading.cables = [cable for cable in reading.cables if not self._is_without(cable, reading)]
        found = connections(self.sheet, reading.cables, self.is_passive, reading.problems)
        names = dict.fromkeys(end.device for one in found for end in one.ends)
        if len(names) > _MOST_DEVICES:
            message = f"has {len(names):,} devices; at most {_MOST_DEVICES:,} can be modelled, half of them clients"
            raise InputError(Problem(message, self.sheet.name))
        devices, reasons = self._devices(found, reading)
        kept, links = self._links(found, devices, reasons, reading)
        self.kinds.finish()
        problems = sorted([*reading.problems, *self.kinds.problems], key=lambda one: (one.file or "", one.line or 0))
        if problems and not self.leave_out:
            raise InputError(_shown(problems, hint=bool(self.inventory.files)))
        left_out = [*reading.left_out, *self._wrong_rows(problems, reading, kept)]
        names = dict.fromkeys(end.device for one in kept for end in one.ends)
        if names:
            names |= dict.fromkeys(name for name in self.feeding(names) if name in devices)
        if not names:
            first = f"; of the first, in line {left_out[0].line}: {left_out[0].reason}" if left_out else ""
            raise InputError(Problem(f"no row is left: {len(self.sheet.rows):,} were left out{first}", self.sheet.name))
        return Cables(
            self.sheet.name,
            len(self.sheet.rows),
            {name: replace(devices[name], needs=self.feeds.needs(name, names)) for name in names},
            tuple(kept),
            tuple(links),
            self.kinds.types,
            tuple(sorted(left_out, key=lambda one: one.line)),
            self.kinds.matched(),
            self._notes(devices, found, problems),
            lost=self._lost(left_out, names),
        )

    def _is_without(self, cable: Cable, reading: Reading) -> bool:
        for end in cable.ends:
            name = end.device
            pattern = (
                name if name in self.named else next((one for one in self.fitting if fnmatchcase(name, one)), None)
            )
            if pattern is not None:
                reading.left_out.append(LeftOut(cable.line, str(cable), f"'{end.device}' is left out ({pattern})"))
                return True
        return False

    def feeding(self, names: Iterable[str]) -> dict[str, None]:
        """What feeds some devices, and what feeds that."""
        found: dict[str, None] = {}
        waiting = list(names)
        while waiting:
            new = [feed for feed in self.feeds.of.get(waiting.pop(), ()) if feed not in found]
            found |= dict.fromkeys(new)
            waiting += new
        return found

    def _devices(self, found: Sequence[Connection], reading: Reading) -> tuple[dict[str, Device], dict[str, str]]:
        """Devices that are known, and why others are left out."""
        lines: dict[str, int] = {}
        for one in found:
            for end in one.ends:
                lines.setdefault(end.device, one.line)
        self.feeds = feeds_of(self.sheet, reading.power, lines, reading.problems)
        feeding = self.feeding(lines)
        for cable in reading.power:
            if not any(end.device in lines or end.device in feeding for end in cable.ends):
                reading.left_out.append(LeftOut(cable.line, str(cable), "feeds no device of the network"))
            self.power_lines.add(cable.line)
        for name in feeding:
            lines.setdefault(name, self.feeds.lines[name])
        devices: dict[str, Device] = {}
        reasons: dict[str, str] = {}
        for name, line in lines.items():
            decided = self.kinds.device(name, line)
            if isinstance(decided, Device):
                devices[name] = decided
            elif decided is not None:
                reasons[name] = decided
        return devices, reasons

    def _links(
        self, found: Sequence[Connection], devices: Mapping[str, Device], reasons: Mapping[str, str], reading: Reading
    ) -> tuple[list[Connection], list[dict[str, Any]]]:
        """Connections of devices that are known, and what the graph has of each."""
        kept: list[Connection] = []
        links: list[dict[str, Any]] = []
        for one in found:
            reason = next((reasons[end.device] for end in one.ends if end.device in reasons), "")
            if reason:
                reading.left_out.extend(LeftOut(cable.line, str(cable), reason) for cable in one.cables)
                continue
            link = self.kinds.cable(one)
            unknown = [f"device '{end.device}' has no type" for end in one.ends if end.device not in devices]
            if link is None:
                unknown.append(f"its type '{one.cables[0].type}' is not known")
            if link is None or unknown:
                self.unknown.update(dict.fromkeys((cable.line for cable in one.cables), "; ".join(unknown)))
                continue
            if title := one.title():
                link["title"] = title
            kept.append(one)
            links.append(link)
        return kept, links

    def _wrong_rows(self, problems: Sequence[Problem], reading: Reading, kept: Sequence[Connection]) -> list[LeftOut]:
        """Rows that are left out since they, or what they need, are wrong."""
        wrong = {one.line: one for one in reversed(problems) if one.file == self.sheet.name and one.line is not None}
        used = {cable.line for one in kept for cable in one.cables} | {one.line for one in reading.left_out}
        used |= self.power_lines - wrong.keys()
        whats = {cable.line: str(cable) for cable in reading.cables}
        found = []
        for row in self.sheet.rows:
            if row.line in used:
                continue
            problem = wrong.get(row.line)
            wrong_itself = problem.message if problem is not None else "it belongs to a connection that is left out"
            found.append(LeftOut(row.line, whats.get(row.line, ""), self.unknown.get(row.line, wrong_itself)))
        return found

    def _lost(self, left_out: Sequence[LeftOut], kept: Collection[str]) -> dict[str, LeftOut]:
        """Devices of rows that are left out which no other row has."""
        rows = {row.line: row for row in self.sheet.rows}
        found: dict[str, LeftOut] = {}
        for one in left_out:
            for side in "ab":
                name = self.inventory.known_as(rows[one.line].cells[self.columns[f"{side}_device"]])
                if name and name not in kept:
                    found.setdefault(name, one)
        return found

    def _notes(
        self, devices: Mapping[str, Device], found: Sequence[Connection], problems: Sequence[Problem]
    ) -> tuple[str, ...]:
        sheet = self.sheet
        notes = [f"{sheet.name}: {note}" for note in sheet.notes]
        notes += self.inventory.notes
        if columns := unused(sheet, self.columns):
            notes.append(f"columns not used: {', '.join(columns)}")
        words = {plain(word) for one in devices.values() for word in (one.model, one.role)}
        words |= {plain(cable.type or CABLE_TYPE) for one in found for cable in one.cables}
        cabled = {end.device for one in found for end in one.ends} | devices.keys()
        idle = [name for name in self.inventory.names if name not in cabled and plain(name) not in words]
        idle = [name for name in idle if not self.is_passive(name)]
        if idle:
            some = ", ".join(idle[:_LISTED]) + (", ..." if len(idle) > _LISTED else "")
            notes.append(
                f"no cable ends at {len(idle):,} of the devices in {' and '.join(self.inventory.files)}: {some}"
            )
        others = [one for one in problems if one.file != sheet.name]
        notes += map(str, _first(others))
        return tuple(notes)


def _first(problems: Sequence[Problem]) -> list[Problem]:
    """The first problems, and how many more there are."""
    more = len(problems) - _SHOWN
    rest = [Problem(f"and {more:,} more problems like these", problems[0].file)] if more > 0 else []
    return [*problems[:_SHOWN], *rest]


def _shown(problems: Sequence[Problem], *, hint: bool = True) -> list[Problem]:
    """The first problems, how many more there are, and the way on."""
    shown = _first(problems)
    if hint:
        shown.append(Problem("correct these rows, or import the rest and have them listed (leave_out)"))
    return shown


def from_cables(
    cables: Source | Cables,
    *,
    types: Any = None,
    clients: Any = None,
    targets: Any = None,
    sides: Any = None,
    columns: Mapping[str, str] | None = None,
    without: str | Sequence[str] | None = None,
    leave_out: bool = False,
    power: bool = False,
    rates: str | Path | None = None,
    data: str | None = None,
    **options: Any,
) -> Site:
    """Make a site of a list of cables.

    Parameters
    ----------
    cables, types, columns, without, leave_out, power, rates, data
        As of `read_cables`; or for `cables` what it gave, without the others, which were said there.
    clients, targets : str or sequence of str, optional
        Names, patterns (``"cam-*"``), device types or roles; by default the devices whose role says so.
    sides : mapping, optional
        From side to devices, ``{"A": "sw-a-*"}``, or from device to side; by default what the tables say.
    **options
        Passed on to `Site.from_graph`: ``name``, ``title``, ``demand``, ``share``, ``paths`` and so on.

    Returns
    -------
    Site
        The site; ``site.found`` has what was found.

    Raises
    ------
    InputError
        For every row that cannot be used, and if there is no path from clients to targets.

    Examples
    --------
    >>> import k2rel
    >>> cables = [{"from": "cam", "to": "sw"}, {"from": "sw", "to": "nas"}]
    >>> types = {"cam": "client", "sw": "gige_switch", "nas": "server"}
    >>> site = k2rel.from_cables(cables, types=types, clients="cam", targets="nas")
    >>> sorted(site.components)
    ['nas', 'sw', 'sw-nas']
    """
    how = {"types": types, "columns": columns, "without": without, "leave_out": leave_out, "power": power,
           "rates": rates, "data": data}  # fmt: skip
    if not isinstance(cables, Cables):
        cables = read_cables(cables, **how)
    elif said := [name for name, value in how.items() if value is not None and value is not False]:
        raise InputError(f"{said[0]}: these cables have already been read; give it to read_cables")
    return cables.site(clients=clients, targets=targets, sides=sides, **options)
