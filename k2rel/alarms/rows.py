"""Rows of alarms: each is understood, listed as unknown, or refused with its line and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from k2rel.alarms.words import GOOD, IN, LEFT_OUT, OUT, Names, folded, moment
from k2rel.errors import InputError, Problem, closest
from k2rel.policy.reasons import holder_meant
from k2rel.policy.rules import Policy
from k2rel.sheets import Record, Table
from k2rel.site.model import Site
from k2rel.units import format_duration

__all__ = ["Rows", "Said", "Unknown", "holder_of", "rows_of", "stamp"]

_CLOCKS_H = 5 / 60  # by which clocks may differ: what is said to begin so soon is taken as beginning now
_SHOWN = 20
_COLUMNS = {
    "component": ("component", "part", "element", "name", "alarm"),
    "state": ("state", "status"),
    "since": ("since", "time", "timestamp", "date"),
    "role": ("role",),
}
_HOLDS = ("at ", "on ", "with ", "held by ")


@dataclass(frozen=True, slots=True)
class Said:
    """What one row says, or what was taken from it."""

    of: str  # part or role
    state: str  # failed, good, out of service, in service; of a role its holder
    since_h: float | None  # how long ago; None where nobody says
    line: int
    alarm: str  # as the row names it
    word: str  # as the row has it
    older: bool = False  # than the bound

    @property
    def ago(self) -> str:
        """Since when, in words."""
        return "" if self.since_h is None else f" {format_duration(self.since_h)} ago" if self.since_h else " just now"

    @property
    def by_time(self) -> tuple[float, int]:
        """The first first; what does not say since when last."""
        return 1.0 if self.since_h is None else -self.since_h, self.line


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that belongs to no part or role of the site."""

    name: str
    state: str  # of its first row
    line: int
    rows: int
    near: tuple[str, ...]


@dataclass(slots=True)
class Rows:
    """What all rows say, by part or role, in the order of the file."""

    table: Table
    said: dict[str, list[Said]] = field(default_factory=dict)
    unknown: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    unzoned: bool = False
    unused: tuple[str, ...] = ()

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Refuse the file, if there is anything wrong in it."""
        if problems:
            more = [Problem("and more like these further down", self.table.name)] * (len(problems) > _SHOWN)
            raise InputError([*sorted(problems[:_SHOWN], key=lambda each: each.line or 0), *more])


def rows_of(table: Table, site: Site, names: Names, now: datetime) -> Rows:
    """Read all rows.

    Raises
    ------
    InputError
        For each row that cannot be read, and for a file of which no row is about the site.
    """
    rows = Rows(table)
    if not table.head.mark:  # JSON lines, whose titles are those of the rows that can be read
        rows.refuse([Problem(row.wrong, table.name, row.line) for row in table.records if row.wrong])
    columns = _columns(table)
    reader = _Reader(rows, columns, site, names, now, Policy(site).redundant_servers)
    problems: list[Problem] = []
    for row in table.records:
        try:
            reader.take(row)
        except ValueError as error:
            problems.append(Problem(str(error), table.name, row.line))
        if len(problems) > _SHOWN:
            break
    rows.refuse(problems)
    if not rows.said and rows.unknown:
        first = ", ".join(f"'{name[:40]}'" for name in [*rows.unknown][:_SHOWN])
        more = f" and {len(rows.unknown) - _SHOWN} more" if len(rows.unknown) > _SHOWN else ""
        words = f"no row names a part or role of {site.name}: {first}{more}; the names of alarms (--alarm-names) map"
        raise InputError(Problem(f"{words} each to its part, or to '-' if it has none", table.name))
    rows.unused = tuple(title for title in table.head.titles if title and title not in columns.values())
    return rows


def stamp(when: datetime) -> str:
    """A time in words."""
    return when.isoformat(timespec="seconds")


def holder_of(site: Site, role: str, place: str) -> int:
    """Which of a role's holders is meant by a name, a server or a side.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> holder_of(read_site("L2R"), "file_system", "B"), holder_of(read_site("L2R"), "file_system", "server_B")
    (1, 1)
    """
    return holder_meant(role, site.roles[role].holders if role in site.roles else (), place)


def _columns(table: Table) -> dict[str, str]:
    """The title of each column that is read."""
    titles = {title: folded(title) for title in table.head.titles if title}
    found: dict[str, str] = {}
    for column, known in _COLUMNS.items():
        mine = [title for title, word in titles.items() if word in known]
        first = min((known.index(titles[title]) for title in mine), default=0)
        best = [title for title in mine if titles[title] == known[first]]
        if len(best) > 1:
            words = f"the columns '{best[0][:30]}' and '{best[1][:30]}' have the same meaning; keep one '{column}'"
            raise InputError(Problem(words, table.name, table.head.line))
        if best:
            found[column] = best[0]
    missing = "state" if "state" not in found else "component" if not {"component", "role"} & set(found) else ""
    if missing:
        words = f"needs a column '{missing}'; alarms have component, state and since{closest(missing, titles)}"
        raise InputError(Problem(words, table.name, table.head.line))
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes rows one by one."""

    rows: Rows
    columns: dict[str, str]
    site: Site
    names: Names
    now: datetime
    servers: tuple[str, ...]  # that can be out of service though they are good

    def take(self, row: Record) -> None:
        """Take one row; what is wrong with it is raised."""
        if row.wrong:
            raise ValueError(row.wrong)
        component, role, word = (self._cell(row, column) for column in ("component", "role", "state"))
        if component and role:
            raise ValueError(f"has a component '{component[:40]}' and a role '{role[:40]}'; a row has one of them")
        name = component or role
        if not name:
            raise ValueError("names no component; leave the row out, or name the component")
        part = self.names.part(self.site, name)
        if role and part is not None and part != LEFT_OUT and part not in self.site.roles:
            raise ValueError(f"'{role[:40]}' is not a role of {self.site.name}{closest(role, self.site.movable)}")
        if part == LEFT_OUT:
            self.rows.left_out[name] = self.rows.left_out.get(name, 0) + 1
            return
        if part is None:
            self.rows.unknown.setdefault(name, []).append((row.line, word))
            return
        if not word:
            raise ValueError(f"{part} has no state; write failed, ok, out of service or in service")
        state = self._placed(part, word) if part in self.site.roles else self._state(part, word)
        if state == LEFT_OUT:
            self.rows.left_out[word] = self.rows.left_out.get(word, 0) + 1
            return
        since_h = self._since(self._cell(row, "since"))
        self.rows.said.setdefault(part, []).append(Said(part, state, since_h, row.line, name, word))

    def _cell(self, row: Record, column: str) -> str:
        return " ".join(row[self.columns[column]].split()) if column in self.columns else ""

    def _state(self, part: str, word: str) -> str:
        try:
            state = self.names.state(word)
        except ValueError as error:
            raise ValueError(f"{part}: {error}") from None
        if state not in (OUT, IN):
            return state
        if state == OUT and part not in self.servers:
            who = f"{', '.join(self.servers)} alone can" if self.servers else "no part can be"
            raise ValueError(
                f"{part} cannot be out of service: of {self.site.name} {who}; a part that was taken out is 'failed' "
                "until it is back"
            )
        return GOOD if part not in self.servers else state

    def _placed(self, role: str, word: str) -> str:
        """Who has a role, by its name."""
        if self.names.states.get(folded(word)) == LEFT_OUT:
            return LEFT_OUT
        holders = self.site.roles[role].holders
        if len(holders) < 2:
            raise ValueError(f"role {role} has one holder and cannot move; leave the row out")
        place = next((word[len(sign) :] for sign in _HOLDS if word.lower().startswith(sign)), word).strip()
        holder = holders[holder_of(self.site, role, self.names.exact.get(place, place))]
        return holder.name or holder.on or holder.side

    def _since(self, text: str) -> float | None:
        """How long ago a row's state began [h]."""
        if not text:
            return None
        when, zoned = moment(text, self.now)
        self.rows.unzoned |= not zoned
        hours = (self.now - when).total_seconds() / 3600
        if hours < -_CLOCKS_H:
            zone = "" if zoned else f", read in this machine's zone {when.astimezone():%z}; write the zone with it"
            raise ValueError(
                f"'{text[:40]}' lies {format_duration(-hours)} in the future of {stamp(self.now)}{zone}; a state "
                "began in the past: is one of the clocks wrong?"
            )
        return max(hours, 0.0)
