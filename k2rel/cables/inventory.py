"""What tables of devices and of their types say of a device: the row of its name goes before one of its model or role.

A row is about a device, about all devices whose names fit a pattern (``cam-*``), or, where the table has no column of
devices, about a device type or role. Rows of several tables complete each other; where they disagree, both are named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from k2rel.cables.headings import Columns, columns_of, is_devices, plain
from k2rel.cables.quantities import Quantities, with_words
from k2rel.cables.sheet import Sheet, Source, read_sheet
from k2rel.errors import InputError, Problem
from k2rel.site.names import wrong_with_text

__all__ = ["LAW", "PURPOSES", "RATES", "Entry", "Inventory", "read_inventory"]

RATES = ("rates", "mttf", "failure_rate", "unavailability")
"""What a table may say of failure: one of these."""
LAW = (*RATES, "mttr")
"""What a table may say of failure and repair, under the keys of a site file."""
PURPOSES = {"client": "client", "clients": "client", "target": "target", "targets": "target", "network": "network",
            "patch_panel": "passive", "passive": "passive"}  # fmt: skip
"""What a device may be in the model, by the words for it in a column of roles."""
_NUMBERS = ("mttf", "failure_rate", "unavailability", "mttr", "capacity")
_TEXTS = ("model", "role", "component", "rates", "side", "status", "site", "asset_tag", "source", "external")
_SIGNS = re.compile(r"[*?[]")
_MOST_PATTERNS = 2_000
_YES = frozenset(("yes", "y", "true", "1", "x"))
_NO = frozenset(("no", "n", "false", "0"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: what it is about and what it says."""

    key: str
    of_device: bool
    says: Mapping[str, str]
    file: str
    line: int

    @property
    def is_pattern(self) -> bool:
        """Whether it is about all that fit it."""
        return _SIGNS.search(self.key) is not None

    def problem(self, message: str) -> Problem:
        """Say what is wrong with it."""
        return Problem(message, self.file, self.line)


@dataclass
class Inventory:
    """All rows of all tables."""

    names: dict[str, list[Entry]] = field(default_factory=dict)
    patterns: dict[str, list[Entry]] = field(default_factory=dict)  # by what stands before their first sign
    classes: dict[str, list[Entry]] = field(default_factory=dict)
    class_patterns: list[Entry] = field(default_factory=list)
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def add(self, entry: Entry) -> None:
        """Take up a row."""
        if entry.is_pattern:
            begun = _SIGNS.split(entry.key, maxsplit=1)[0]
            (self.patterns.setdefault(begun, []) if entry.of_device else self.class_patterns).append(entry)
        elif entry.of_device:
            self.names.setdefault(entry.key, []).append(entry)
        else:
            self.classes.setdefault(plain(entry.key), []).append(entry)

    def facts(self, name: str, problems: dict[Problem, None]) -> dict[str, tuple[str, Entry]]:
        """What is known of a device, each with the row that says it; the nearest row goes before the others.

        Where rows disagree is put into `problems`, each once.
        """
        found: dict[str, tuple[str, Entry]] = {}
        begun = (name[:length] for length in range(len(name) + 1))
        near = [one for begin in begun if begin in self.patterns for one in self.patterns[begin]]
        called_so = [one for one in near if one.key == name]  # the signs of patterns are part of the name
        self._take(found, [*self.names.get(name, ()), *called_so], name, problems)
        self._take(found, [one for one in near if fnmatchcase(name, one.key)], name, problems)
        for what in ("model", "role"):
            if what in found:
                self._take(found, self.of_class(found[what][0]), name, problems)
        return found

    def of_class(self, text: str) -> list[Entry]:
        """Rows about a device type or role, wherever it stands; rows about the name itself before those of patterns."""
        exact = [*self.classes.get(plain(text), ()), *self.names.get(text, ())]
        exact += [one for one in self.class_patterns if one.key == text]
        return exact or [one for one in self.class_patterns if fnmatchcase(text, one.key)]

    def _take(
        self, found: dict[str, tuple[str, Entry]], entries: Iterable[Entry], name: str, problems: dict[Problem, None]
    ) -> None:
        """Add what rows of one rank say; they may complete each other and may not disagree."""
        new: dict[str, tuple[str, Entry]] = {}
        has_rate = not found.keys().isdisjoint(RATES)
        for entry in entries:
            for what, value in entry.says.items():
                before = new.setdefault(what, (value, entry))
                if before[0] != value:
                    problem = entry.problem(
                        f"'{name}': {what} is '{value[:40]}' here and '{before[0][:40]}' in line {before[1].line}"
                        + (f" of {before[1].file}" if before[1].file != entry.file else "")
                    )
                    problems.setdefault(problem)
        for what, told in new.items():
            if what in RATES and has_rate:
                continue  # another form of what a nearer row says
            found.setdefault(what, told)

    def known_as(self, text: str) -> str:
        """The name of a device that NetBox writes with its asset tag, ``sw-1 (A-100)``."""
        name, _, tag = text.removesuffix(")").rpartition(" (")
        if tag and text.endswith(")") and text not in self.names:
            for entry in self.names.get(name, ()):
                if entry.says.get("asset_tag") == tag:
                    return name
        return text


def read_inventory(types: Any, problems: list[Problem]) -> Inventory:
    """Read one table, several, or a mapping from device, pattern, type or role to component type or data.

    Examples
    --------
    >>> found = read_inventory({"sw-*": "gige_switch", "sw-1": {"mttf": "30 y"}}, [])
    >>> {what: said for what, (said, _) in found.facts("sw-1", {}).items()}
    {'mttf': '30 y', 'component': 'gige_switch'}
    """
    inventory = Inventory()
    files: list[str] = []
    notes: list[str] = []
    count = 0
    for number, source in enumerate(_sources(types), 1):
        name = "types" if number == 1 else f"types {number}"
        sheet = read_sheet(source, name, is_devices)
        columns = columns_of(sheet, {}, cables=False)
        sheet = with_words(sheet, columns)
        files.append(sheet.name)
        notes += [f"{sheet.name}: {note}" for note in sheet.notes]
        if not sheet.rows:
            problems.append(Problem("has no rows, only the names of the columns", sheet.name, sheet.line))
            continue
        for entry in _entries(sheet, columns, problems):
            inventory.add(entry)
            count += entry.is_pattern
    if count > _MOST_PATTERNS:
        message = f"{count:,} rows give patterns; at most {_MOST_PATTERNS:,} are allowed: name devices or device types"
        raise InputError(Problem(message, " and ".join(files)))
    inventory.files, inventory.notes = tuple(files), tuple(notes)
    return inventory


def _sources(types: Any) -> Sequence[Source]:
    """Tables of types; a mapping is one, of which the keys are what its rows are about."""
    if types is None:
        return ()
    if isinstance(types, Mapping):
        records = []
        for key, said in types.items():
            if not isinstance(said, str | Mapping):
                raise InputError(
                    f"types: of '{str(key)[:40]}' a component type or a mapping such as {{'mttf': '90000 h', 'mttr': "
                    f"'1 d'}} is needed, got {type(said).__name__}"
                )
            values = {"component": said} if isinstance(said, str) else dict(said)
            if "type" in values:
                values["component"] = values.pop("type")
            records.append({"device": str(key), **values})
        return (records,) if records else ()
    if isinstance(types, str | Path) or not isinstance(types, Sequence):
        return (types,)
    if types and all(isinstance(one, Mapping) for one in types):
        return (types,)
    return tuple(source for one in types for source in (_sources(one) if isinstance(one, Mapping) else (one,)))


def _entries(sheet: Sheet, columns: Columns, problems: list[Problem]) -> Iterator[Entry]:
    key, says = _key_of(sheet, columns)
    quantities = Quantities(sheet, columns, problems)
    for row in sheet.rows:
        if row.wrong:
            problems.append(sheet.problem(row, row.wrong))
            continue
        if wrong := next(
            ((place, why) for place in columns.values() if (why := wrong_with_text(row.cells[place]))), None
        ):
            problems.append(sheet.problem(row, wrong[1], sheet.titles[wrong[0]]))
            continue
        told = {what: row.cells[columns[place]] for what, place in says.items()}
        told |= {what: quantities.of(row, what) for what in _NUMBERS}
        if (word := told.get("external", "").casefold()) and word not in _YES | _NO:
            problems.append(sheet.problem(row, f"'{word[:40]}': write yes or no", sheet.titles[columns["external"]]))
            continue
        told["external"] = "yes" if word in _YES else "no" if word else ""
        name = row.cells[columns[key]]
        told = {what: value for what, value in told.items() if value}
        if not name:
            if told:
                problems.append(
                    sheet.problem(
                        row, "is empty; each row needs a device, a type or a role", sheet.titles[columns[key]]
                    )
                )
            continue
        rates = [what for what in RATES if what in told]
        if len(rates) > 1:
            problems.append(
                sheet.problem(row, f"{' and '.join(rates)} give the same quantity in different forms; keep one")
            )
            continue
        yield Entry(name, key == "device", told, sheet.name, row.line)


def _key_of(sheet: Sheet, columns: Columns) -> tuple[str, Mapping[str, str]]:
    """What rows are about, and of the texts that they hold the column of each."""
    texts = {what: what for what in _TEXTS if what in columns}
    if "device" in columns:
        return "device", texts
    if not columns.keys() & {"model", "role"}:
        return "cable", texts
    if "model" not in columns:
        return "role", {what: place for what, place in texts.items() if what != "role"}
    if "role" in columns and "component" not in columns:
        words = {plain(row.cells[columns["role"]]) for row in sheet.rows} - {""}
        if words and not words & PURPOSES.keys() and not columns.keys() & set(LAW):
            others = {what: place for what, place in texts.items() if what not in ("role", "model")}
            return "role", {**others, "component": "model"}  # a role, and the type of the registry for it
    return "model", {what: place for what, place in texts.items() if what != "model"}
