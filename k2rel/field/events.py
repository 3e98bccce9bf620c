"""Logs of a past period: which part failed and was restored when, where roles moved, which servers were placed.

One table, a row for what happened; a cell that does not belong to a row stays empty:

a failure    part, failed, restored           ``restored`` is empty where the part was still failed at the end
a move       role, at, to, outcome            and ``from``, ``until`` (performed again), ``trigger`` (what failed)
a placement  part, at, outcome                a server that was placed ``in service``, or taken ``out of service``
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from k2rel.columns import counted
from k2rel.errors import InputError, Problem, closest
from k2rel.field.cells import date_hours
from k2rel.field.rows import EARLIEST_H, latest_h
from k2rel.sheets import Record, Table, read_table
from k2rel.tables import Shown
from k2rel.units import HOURS_PER_YEAR

__all__ = ["OUTCOMES", "PartFailure", "Placement", "RoleMove", "SiteLog", "date_words", "read_events"]

OUTCOMES = ("succeeded", "failed", "by hand", "planned")
"""What became of a takeover, or who else moved a role."""

_PLACED = ("in service", "out of service")
_TITLES = ("part", "failed", "restored", "role", "from", "to", "at", "until", "outcome", "trigger")
_TIMES = ("failed", "restored", "at", "until")
_OTHER = {"component": "part", "failed at": "failed", "restored at": "restored", "repaired": "restored"}
_MOST_BYTES = 20_000_000
_LONGEST_H = 100 * HOURS_PER_YEAR


@dataclass(frozen=True, slots=True)
class PartFailure:
    """A part was failed from one time to another [h]; infinite where no end is given."""

    part: str
    failed_h: float
    restored_h: float = math.inf
    line: int | None = None


@dataclass(frozen=True, slots=True)
class RoleMove:
    """A role left its holder, at a time [h], for another one, which performs it from `until_h` on.

    Not a number: after the role's own switchover time, at once where it was done by hand.
    """

    role: str
    at_h: float
    to: str = ""
    former: str = ""
    until_h: float = math.nan
    outcome: str = "succeeded"
    trigger: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """An operator placed a server in service, or took it out, at a time [h]."""

    part: str
    at_h: float
    in_service: bool = True
    line: int | None = None


@dataclass(frozen=True, repr=False)
class SiteLog(Shown):
    """What happened in a period, in order; times in hours of one clock (dates: since 1970, UTC).

    Parameters
    ----------
    begin_h, end_h : float
        The period [h].
    failures : tuple of PartFailure
    moves : tuple of RoleMove
    placements : tuple of Placement
    file : str
        Where it was read.
    notes : tuple of str
        What a reader must know of how it was read.

    Raises
    ------
    InputError
        For each row that contradicts itself, another one or the period.

    Examples
    --------
    >>> SiteLog(0.0, 8760.0, (PartFailure("switch_A", 100.0, 106.0),)).hours
    8760.0
    >>> SiteLog(0.0, 8760.0, (PartFailure("switch_A", 100.0, 90.0),))
    Traceback (most recent call last):
    k2rel.errors.InputError: switch_A is restored (1970-01-04 18:00) before it fails (1970-01-05 04:00); correct one
    """

    begin_h: float
    end_h: float
    failures: tuple[PartFailure, ...] = ()
    moves: tuple[RoleMove, ...] = ()
    placements: tuple[Placement, ...] = ()
    file: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.end_h - self.begin_h <= _LONGEST_H:
            words = f"{date_words(self.begin_h)} to {date_words(self.end_h)}"
            raise InputError(f"period: it must be above 0 and at most 100 years long, got {words}")
        for name, key in (("failures", "failed_h"), ("moves", "at_h"), ("placements", "at_h")):
            object.__setattr__(self, name, tuple(sorted(getattr(self, name), key=lambda row: getattr(row, key))))
        problems = sorted((*self._of_parts(), *self._of_roles(), *self._outside()), key=lambda each: each.line or 0)
        if problems:
            raise InputError(problems)

    @property
    def hours(self) -> float:
        """How long the period is [h]."""
        return self.end_h - self.begin_h

    @property
    def period(self) -> str:
        """The period in words."""
        return f"{date_words(self.begin_h)} to {date_words(self.end_h)}"

    def problem(self, line: int | None, text: str, key: str | None = None) -> Problem:
        """What is wrong with a row."""
        return Problem(text, self.file or None, line, key)

    def _of_parts(self) -> Iterator[Problem]:
        before: dict[str, PartFailure] = {}
        for row in self.failures:
            failed, restored = date_words(row.failed_h), date_words(row.restored_h)
            if row.restored_h <= row.failed_h:
                when = "before it fails" if row.restored_h < row.failed_h else "the moment it fails"
                text = f"{row.part} is restored ({restored}) {when} ({failed}); correct one"
                yield self.problem(row.line, text if restored != failed else f"{text}, with the hour")
            earlier = before.get(row.part)
            if earlier is not None and row.failed_h < earlier.restored_h:
                since = f"failed since {date_words(earlier.failed_h)}{_at_line(earlier.line)}"
                until = "and its time of restoration is not given; add it"
                if math.isfinite(earlier.restored_h):
                    until = f"until {date_words(earlier.restored_h)}; make one row of both, or correct a time"
                yield self.problem(row.line, f"{row.part} fails at {failed} while it is {since} {until}")
            if earlier is None or row.restored_h > earlier.restored_h:
                before[row.part] = row

    def _of_roles(self) -> Iterator[Problem]:
        before: dict[str, RoleMove] = {}
        for row in self.moves:
            at = date_words(row.at_h)
            if row.outcome not in OUTCOMES:
                near = closest(row.outcome, OUTCOMES)
                yield self.problem(row.line, f"there is none '{row.outcome[:40]}'{near}", "outcome")
            if row.outcome == "failed" and not math.isnan(row.until_h):
                text = "a failed takeover has no end; add a row 'by hand' with the time at which the role was placed"
                yield self.problem(row.line, text, "until")
            if row.outcome != "failed" and not row.to:
                yield self.problem(
                    row.line, f"give the place to which {row.role} moved: a side, a holder or its server", "to"
                )
            if row.until_h < row.at_h:
                text = f"{row.role} arrives ({date_words(row.until_h)}) before it leaves ({at}); correct one"
                yield self.problem(row.line, text, "until")
            earlier = before.get(row.role)
            if earlier is not None and row.at_h < max(earlier.at_h, earlier.until_h):
                text = (
                    f"{row.role} moves at {at} while its takeover is in progress{_at_line(earlier.line)}; correct one"
                )
                yield self.problem(row.line, text, "at")
            before[row.role] = row

    def _outside(self) -> Iterator[Problem]:
        cure = f"is outside the period, {self.period}; leave it out, or give a period that contains it"
        for row in self.failures:
            if row.failed_h < row.restored_h and (row.failed_h >= self.end_h or row.restored_h <= self.begin_h):
                yield self.problem(row.line, f"the failure of {row.part} at {date_words(row.failed_h)} {cure}")
        done = [(f"the move of {each.role}", each.at_h, each.line) for each in self.moves]
        done += [(f"what was done to {each.part}", each.at_h, each.line) for each in self.placements]
        for what, at_h, line in done:
            if not self.begin_h <= at_h <= self.end_h:
                yield self.problem(line, f"{what} at {date_words(at_h)} {cure}")

    def _line(self) -> str:
        return (
            f"{self.period}: {counted(len(self.failures), 'failure')} of parts, "
            f"{counted(len(self.moves), 'move')} of roles, {len(self.placements)} servers placed in or out of service"
        )


def date_words(hours: float) -> str:
    """Write hours since 1970 as a date and time.

    Examples
    --------
    >>> date_words(24.0), date_words(24.01)
    ('1970-01-02 00:00', '1970-01-02 00:00:36')
    """
    if not math.isfinite(hours) or abs(hours) > 1e7:
        return "never" if hours == math.inf else f"hour {hours:g}"
    when = datetime.fromtimestamp(round(hours * 3600), UTC)
    return f"{when:%Y-%m-%d %H:%M}{f':{when:%S}' if when.second else ''}"


def read_events(path: str | Path, begin: str | None = None, until: str | None = None) -> SiteLog:
    """Read the log of a past period.

    Parameters
    ----------
    path : str or pathlib.Path
        A table with the columns ``part, failed, restored``, and ``role, from, to, at, until, outcome, trigger`` for
        roles and servers; dates as 2024-05-31 or 2024-05-31 14:30, all of one clock.
    begin, until : str, optional
        The period, as dates; by default from the first time in the log to the last, which a note says.

    Returns
    -------
    SiteLog
        What happened, in order.

    Raises
    ------
    InputError
        For each row that cannot be used, with its line.

    Examples
    --------
    >>> from k2rel.bundled import data_dir
    >>> read_events(data_dir() / "examples" / "field" / "past_year.csv", "2024-01-01", "2025-01-01")
    <SiteLog 2024-01-01 00:00 to 2025-01-01 00:00: 8 failures of parts, 4 moves of roles, 3 servers placed ...>
    """
    table = read_table(Path(path), _MOST_BYTES, "this is not a log kept by hand")
    titles = {title: _title(title) for title in table.head.titles if title}
    _check_titles(table, list(titles.values()))
    zones: dict[bool, int] = {}
    problems: list[Problem] = []
    rows: list[PartFailure | RoleMove | Placement] = []
    for record in table.records:
        cells = {name: record[title] for title, name in titles.items()}
        try:
            if record.wrong:
                raise InputError(record.wrong)
            rows.append(_row(cells, record, zones))
        except InputError as error:
            problems.append(Problem(str(error), table.name, record.line))
    if len(zones) > 1:
        text = "some dates name a zone (+01:00, Z) and others none; use one form for all of them"
        problems.append(Problem(text, table.name, max(zones.values())))
    if problems:
        raise InputError(problems)
    if not rows:
        raise InputError(Problem("has no events, only the names of the columns", table.name))
    ends = [_given(text, name) for text, name in ((begin, "from"), (until, "to"))]
    times = [time for row in rows for time in _times_of(row)]
    notes = _period_notes(ends)
    unused = [title for title, name in titles.items() if name not in _TITLES]
    notes += [f"columns not used: {', '.join(unused)}"] if unused else []
    first, last = (seen if one is None else one for one, seen in zip(ends, (min(times), max(times)), strict=True))
    if not first < last:
        raise InputError(Problem(_no_period(ends, first, last), table.name if None in ends else None))
    failures = tuple(row for row in rows if isinstance(row, PartFailure))
    moves = tuple(row for row in rows if isinstance(row, RoleMove))
    placements = tuple(row for row in rows if isinstance(row, Placement))
    return SiteLog(first, last, failures, moves, placements, table.name, tuple(notes))


def _title(title: str) -> str:
    name = " ".join(title.replace("_", " ").lower().split())
    return _OTHER.get(name, name)


def _check_titles(table: Table, names: list[str]) -> None:
    """A log needs what says when parts failed, or when roles moved."""
    for name in _TITLES:
        if names.count(name) > 1:
            raise InputError(Problem(f"has two columns '{name}'", table.name, table.head.line))
    needed = ("part", "failed", "restored") if "part" in names or "role" not in names else ("role", "at", "to")
    if "role" in names and "at" not in names:
        needed = ("role", "at", "to")
    missing = [name for name in needed if name not in names]
    if missing and not (needed[0] == "part" and "part" in names and {"at", "outcome"} <= set(names)):
        there = ", ".join(title for title in table.head.titles if title)[:200]
        words = f"needs the columns part, failed, restored (of failures) or role, at, to (of moves); it has {there}"
        raise InputError(Problem(words, table.name, table.head.line))


def _row(cells: dict[str, str], record: Record, zones: dict[bool, int]) -> PartFailure | RoleMove | Placement:
    part, role, outcome = cells.get("part", ""), cells.get("role", ""), cells.get("outcome", "").lower()
    if bool(part) == bool(role):
        what = "both a part and a role" if part else "neither a part nor a role"
        raise InputError(f"names {what}; a row is of a part that failed, or of a role that moved")
    times = {name: _time(cells.get(name, ""), name, record.line, zones) for name in _TIMES}
    given = [name for name in _TITLES if cells.get(name)]
    if role:
        _only(given, ("role", "from", "to", "at", "until", "outcome", "trigger"), "a move of a role")
        if math.isnan(times["at"]):
            raise InputError("at: give the time at which the role left its holder")
        return RoleMove(role, times["at"], cells.get("to", ""), cells.get("from", ""), times["until"],
                        outcome or "succeeded", cells.get("trigger", ""), record.line)  # fmt: skip
    if "at" in given:
        _only(given, ("part", "at", "outcome"), "a server that is placed")
        if outcome not in _PLACED:
            raise InputError(f"outcome: of a part with a time 'at', {' or '.join(_PLACED)}, got '{outcome[:40]}'")
        return Placement(part, times["at"], outcome == _PLACED[0], record.line)
    _only(given, ("part", "failed", "restored"), "a failure of a part")
    if math.isnan(times["failed"]):
        raise InputError(
            "failed: give the time at which the part failed; if it had failed before the period, any earlier date"
        )
    return PartFailure(
        part, times["failed"], math.inf if math.isnan(times["restored"]) else times["restored"], record.line
    )


def _only(given: list[str], known: tuple[str, ...], what: str) -> None:
    if others := [name for name in given if name not in known]:
        raise InputError(f"{others[0]}: {what} has {', '.join(known)}; leave this cell empty")


def _time(cell: str, column: str, line: int, zones: dict[bool, int]) -> float:
    """Hours since 1970; not a number where the cell is empty."""
    if not cell:
        return math.nan
    try:
        hours = date_hours(cell)
        zones.setdefault(datetime.fromisoformat(cell).tzinfo is not None, line)
    except ValueError:
        raise InputError(f"{column}: '{cell[:30]}' is not a valid date; write 2024-05-31 14:30") from None
    if hours < EARLIEST_H:
        raise InputError(f"{column}: '{cell[:30]}' is before 1950 and looks like a placeholder; leave the cell empty")
    if hours > latest_h():
        raise InputError(f"{column}: '{cell[:30]}' is in the future; leave the cell empty if it has not happened yet")
    return hours


def _times_of(row: PartFailure | RoleMove | Placement) -> list[float]:
    times = (
        (row.failed_h, row.restored_h)
        if isinstance(row, PartFailure)
        else (row.at_h, getattr(row, "until_h", math.nan))
    )
    return [time for time in times if math.isfinite(time)]


def _given(text: str | None, name: str) -> float | None:
    """A date that limits the period."""
    if text is None:
        return None
    try:
        return date_hours(text.strip())
    except ValueError:
        raise InputError(f"--{name} {text[:30]}: not a valid date; write 2024-05-31") from None


def _period_notes(ends: list[float | None]) -> list[str]:
    begin, until = (one is None for one in ends)
    if not (begin or until):
        return []
    what = (
        "from the first event to the last"
        if begin and until
        else f"{'from the first' if begin else 'to the last'} event"
    )
    which = " and ".join(name for name, missing in (("--from", begin), ("--to", until)) if missing)
    return [
        f"the period goes {what} of the log, since {which} {'are' if begin and until else 'is'} not given; weeks "
        "without failures before and after belong to it; without them all figures are too high"
    ]


def _no_period(ends: list[float | None], first: float, last: float) -> str:
    if None in ends:
        return "the events do not define a period; give --from and --to"
    return f"--from {date_words(first)} is not before --to {date_words(last)}"


def _at_line(line: int | None) -> str:
    return "" if line is None else f" (line {line})"
