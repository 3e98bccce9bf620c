"""Which column of a field log is what: names of columns, units in their headers, and the layout that follows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from k2rel.errors import InputError, Problem, closest
from k2rel.field.cells import Column
from k2rel.units import parse_duration

__all__ = ["CLOCK", "TIMES", "Plan", "plan_of"]

_ROLES = {
    "unit": ("unit", "id", "serial", "serial_number", "asset", "unit_id"),
    "group": ("model", "type", "component", "group", "component_type", "product"),
    "site": ("site", "location", "plant"),
    "birth": ("manufactured", "commissioned", "first_use", "first_power_on", "born", "put_in_service"),
    "start": ("start", "begin", "installed", "from", "start_time", "start_date", "in_service", "installed_on",
              "install_date", "installation_date", "observed_from"),
    "end": ("end", "stop", "to", "removed", "end_time", "end_date", "until", "removed_on", "removal_date",
            "observed_until"),
    "entry": ("age_at_start", "age_at_entry", "age_at_begin", "age_at_installation", "age_at_install", "entry_age",
              "start_age", "age_start", "initial_age", "entry", "power_on_hours", "power_on_hours_at_start", "poh",
              "hours_at_start", "hours_before", "age_before", "prior_age", "prior_hours", "previous_hours"),
    "exit": ("exit", "exit_age", "age_at_exit", "age_at_end", "end_age", "age_end", "age_at_failure", "failure_age",
             "final_age"),
    "day": ("date", "day", "snapshot_date", "snapshot", "observation_date", "record_date"),
    "time": ("time", "hours", "age", "life", "lifetime", "duration", "time_to_failure", "ttf", "days"),
    "failed": ("failed", "event", "failure", "observed", "status", "failures", "fails", "number_failed"),
    "lower": ("lower", "left", "after", "last_good"),
    "upper": ("upper", "right", "before", "first_bad", "found"),
    "exposure": ("exposure", "drive_days", "drive_hours", "device_days", "device_hours", "unit_hours", "unit_days",
                 "operating_hours", "operating_days", "component_hours", "total_hours", "total_days", "unit_years",
                 "device_years", "drive_years", "hours_in_service"),
    "count": ("count", "n", "number", "quantity", "units", "how_many"),
}  # fmt: skip
_UNITS = {
    name: parse_duration(f"1 {name}")
    for name in ("h", "hour", "hours", "hr", "d", "day", "days", "min", "minute", "minutes", "s", "sec", "second",
                 "seconds", "y", "yr", "years", "w", "week", "weeks", "months")
} | {"hrs": 1.0}  # fmt: skip
"""What may stand in a header. No singular year or month: such a column holds a date, not a time."""
_NO_UNITS = ("date", "dates", "datetime", "iso", "iso 8601", "utc", "yyyy-mm-dd", "local time", "timestamp")
_COUNTED = ("failures", "fails", "number_failed")
TIMES = ("birth", "start", "end", "entry", "exit", "time", "lower", "upper", "exposure")
"""Columns of times or dates."""
CLOCK = ("birth", "start", "end", "time", "lower", "upper")
"""Those of them that can hold dates."""
_NAME = re.compile(r"([^\[(]+)(?:[\[(]([^\])]+)[\])])?")
_NEEDED = {
    "lives": ("unit", "birth", "start", "end", "entry", "exit", "failed", "count"),
    "times": ("unit", "entry", "time", "failed", "count"),
    "intervals": ("birth", "start", "entry", "lower", "upper", "count"),
    "counts": ("failed", "exposure", "site"),
    "days": ("unit", "day", "entry", "failed"),
}


@dataclass(frozen=True)
class Plan:
    """How a log is laid out.

    Parameters
    ----------
    layout : {"lives", "times", "intervals", "counts", "days"}
        The layout.
    columns : mapping of str to Column
        The column of each part of it.
    unused : tuple of str
        Columns that are not used.
    named : frozenset of str
        Parts whose column the reader was told.
    """

    layout: str
    columns: Mapping[str, Column]
    unused: tuple[str, ...]
    named: frozenset[str]


def plan_of(names: Sequence[str], by: str | None, wanted: Mapping[str, str], file: str, *, open_ends: bool) -> Plan:
    """Find out which column is what.

    Examples
    --------
    >>> plan_of(["failed", "end [d]"], None, {}, "log.csv", open_ends=False).layout
    'lives'
    """
    found: dict[str, Column] = {}
    for role, title in wanted.items():
        if role not in _ROLES:
            raise InputError(f"columns: '{role[:40]}' is not a column of a log{closest(role, _ROLES)}")
        if title not in names:
            raise InputError(Problem(f"there is no column '{title[:40]}'{closest(title, names)}", file, 1))
        found[role] = _column(title, role, file)
    if by is not None:
        if by not in names:
            raise InputError(Problem(f"there is no column '{by[:40]}'{closest(by, names)}", file, 1))
        found["group"] = Column(by, None)
    taken = {column.title for column in found.values()}
    unclear: dict[str, str] = {}
    words = {title: _plain(title)[0] for title in names}
    counted = any(word in _COUNTED for word in words.values())
    for title, word in words.items():
        role = next((key for key, known in _ROLES.items() if word in known), "")
        if not role or title in taken:
            continue
        if counted and role == "time" and word in ("hours", "days"):
            role = "exposure"
        if role in found:
            if role not in wanted and not (role == "group" and by):
                unclear[role] = title
            continue
        found[role] = _column(title, role, file)
    if "exit" in found and "start" in found and not {"end", "entry"} & set(found):
        found["end"] = found.pop("exit")
    if "exit" in wanted and "lower" in found and "upper" not in found:
        found["upper"] = found.pop("exit")  # both are ages
    layout = _layout(found, names, file, open_ends)
    _ages(found, unclear, words, layout, file)
    use = (*_NEEDED[layout], "group")
    for role, title in unclear.items():
        if role in use:
            both = f"both '{found[role].title}' and '{title}' could be '{role}'; choose one: --column {role}=NAME"
            if role == "time" and "age" in (words[title], words[found[role].title]):
                both += "; or --column entry=NAME for the age at which the observation began"
            raise InputError(Problem(both, file, 1))
    columns = {role: column for role, column in found.items() if role in use}
    if "failed" in columns:
        columns["failed"].counts = layout == "counts"
    if "count" in columns:
        columns["count"].counts = True
    used = {column.title for column in columns.values()}
    return Plan(layout, columns, tuple(title for title in names if title not in used), frozenset(wanted))


def _ages(found: dict[str, Column], unclear: dict[str, str], words: Mapping[str, str], layout: str, file: str) -> None:
    """A column 'age' beside an end is the age at which the observation of the row began."""
    if layout in ("lives", "intervals") and "entry" not in found:
        title = next((title for title, word in words.items() if word == "age"), None)
        taken = [role for role, column in found.items() if column.title == title and role not in ("time", "entry")]
        if title is not None and not taken:
            found["entry"] = _column(title, "entry", file)
    if layout in ("lives", "intervals") and "start" in unclear and "birth" not in found:
        # of two starts, the installation is where age begins and the other where the observation did
        pair = {words[title]: title for title in (found["start"].title, unclear["start"])}
        installed = next((w for w in pair if w.startswith(("install", "in_service"))), None)
        if installed is not None and len(pair) == 2 and sum(w.startswith(("install", "in_service")) for w in pair) == 1:
            found["birth"] = _column(pair.pop(installed), "birth", file)
            found["start"] = _column(next(iter(pair.values())), "start", file)
            del unclear["start"]


def _layout(found: Mapping[str, Column], names: Sequence[str], file: str, open_ends: bool) -> str:
    for layout, needs in (("counts", ("failed", "exposure")), ("intervals", ("lower", "upper")),
                          ("lives", ("end", "failed")), ("lives", ("exit", "failed")),
                          ("times", ("time", "failed")), ("days", ("day", "unit", "failed"))):  # fmt: skip
        if all(role in found for role in needs):
            if (
                layout == "counts"
                and {"start", "end"} <= set(found)
                and _plain(found["failed"].title)[0] not in _COUNTED
            ):
                words = (
                    f"'{found['exposure'].title}' can be hours of operation, with numbers of failures, or an age "
                    "beside starts and ends; give --column entry=NAME for an age, or leave out start and end"
                )
                raise InputError(Problem(words, file, 1))
            return layout
    if open_ends and "end" in found:
        return "lives"
    raise InputError(
        Problem(
            f"the columns {', '.join(names)[:200]} are none of: unit, start, end, failed; or time, failed; or lower, "
            "upper; or failures, exposure (hours) or drive_days; or date, serial_number, failure of a drive and day. "
            "Rename them, or say which is which with --column end=NAME",
            file,
            1,
        )
    )


def _column(title: str, role: str, file: str) -> Column:
    """A column with the unit that its header names."""
    _, scale, unit = _plain(title)
    inside = _apart(title)[1] or ""
    if role in TIMES and inside and scale is None and inside.lower() not in _NO_UNITS:
        raise InputError(
            Problem(
                f"'{inside[:30]}' in '{title[:40]}' is not a unit of time, such as [h], [d], [months], [years]", file, 1
            )
        )
    return Column(title, scale, unit)


def _apart(title: str) -> tuple[str, str | None]:
    """A name, and the unit in brackets behind it."""
    match = _NAME.fullmatch(title.strip())
    return (match[1].strip(), match[2].strip() if match[2] else None) if match else (title, None)


def _plain(title: str) -> tuple[str, float | None, str]:
    """Name of a column without its unit, and the unit in hours and in words."""
    word, unit = _apart(title)
    word = re.sub(r"[\s\-]+", "_", word.strip().lower())
    if unit is not None and unit.lower() in _UNITS:
        return word, _UNITS[unit.lower()], unit.lower()
    known = any(word in words for words in _ROLES.values())
    stem, _, tail = word.rpartition("_")
    if not known and tail in _UNITS and any(stem in words for words in _ROLES.values()):
        return stem, _UNITS[tail], tail
    if known and tail in _UNITS and stem:  # drive_days and the like carry it in their name
        return word, _UNITS[tail], tail
    if word == "poh" or word.startswith(("hours_", "power_on_hours")):
        return word, 1.0, "hours"
    return (word, _UNITS[word], word) if word in ("hours", "days") else (word, None, "")
