"""The words of alarms: states as monitoring systems call them, times since when, and the site's own names for both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from k2rel.errors import InputError, Problem, closest
from k2rel.sheets import read_table
from k2rel.site.model import Site
from k2rel.units import parse_duration

__all__ = ["FAILED", "GOOD", "IN", "LEFT_OUT", "OUT", "SAYS_NOTHING", "STATES", "Names", "folded", "moment", "names_of"]

FAILED, GOOD, OUT, IN = "failed", "good", "out of service", "in service"
STATES = {
    FAILED: ("failed", "failure", "fail", "fault", "faulty", "defective", "broken", "dead", "down", "alarm", "critical",
             "crit", "major", "error", "problem", "firing"),
    GOOD: ("good", "ok", "up", "clear", "cleared", "normal", "healthy", "working", "running", "alive", "repaired",
           "restored", "recovered", "resolved"),
    OUT: ("out of service",),
    IN: ("in service",),
}  # fmt: skip
"""Words of states by what they mean; case and what joins words do not matter."""
LEFT_OUT = "-"
SAYS_NOTHING = ("warning", "warn", "minor", "info", "information", "informational", "notice", "unknown", "degraded")
"""Words that say neither that a part has failed nor that it is good; their rows are left out, and named."""

_KNOWN = {word: state for state, words in STATES.items() for word in words} | dict.fromkeys(SAYS_NOTHING, LEFT_OUT)
_MOST_BYTES = 1_000_000
_SHOWN = 20
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?(?:[eE][+]?[0-9]{1,2})?")
_ZONE = re.compile(r"\s*(?:UTC|GMT)$", re.IGNORECASE)
_SPACED_ZONE = re.compile(r"\s+(?=[+-][0-9]{2}:?[0-9]{2}$)")
_MILLISECONDS = 1e11
_COLUMNS = {"alarm": ("alarm", "alarm name", "name", "component"), "part": ("part", "meaning", "means")}


def folded(text: str) -> str:
    """A word without what does not change its meaning: case, and what joins its parts.

    Examples
    --------
    >>> folded("Out-of_Service ")
    'out of service'
    """
    return " ".join(re.split(r"[\s_-]+", text.casefold())).strip() if text.strip(" -_") else text.strip()


def moment(text: str, now: datetime | None = None) -> tuple[datetime, bool]:
    """Read a time: a date and time of ISO 8601, seconds since 1970, or before `now`; and whether it names its zone.

    Examples
    --------
    >>> moment("2026-11-27T18:40Z")[0] == moment("1795804800")[0] == moment("2026-11-27 19:40:00 +0100")[0]
    True
    """
    example = "write a date and time such as 2026-11-27T18:40+01:00, or seconds since 1970"
    shown = f"'{text[:40]}'"
    if now is not None and text.lower().endswith("ago"):
        try:
            return now - timedelta(hours=parse_duration(text[:-3].strip())), True
        except OverflowError:
            raise ValueError(f"{shown} is before any possible time; {example}") from None
    try:
        if _NUMBER.fullmatch(text):
            seconds = float(text.replace(",", "."))
            if seconds >= _MILLISECONDS:
                raise ValueError(f"{shown} is not a number of seconds since 1970; is it in milliseconds? {example}")
            return datetime.fromtimestamp(seconds, UTC), True
        when = datetime.fromisoformat(_SPACED_ZONE.sub("", _ZONE.sub("+00:00", text)) if text.isascii() else "")
        zoned = when.tzinfo is not None
        when.astimezone(UTC)  # raises where a zone leads before or after all times
        return when if zoned else when.astimezone(), zoned
    except (OverflowError, OSError):
        raise ValueError(f"{shown} is outside the range of times; {example}") from None
    except ValueError as error:
        raise ValueError(
            str(error) if str(error).startswith(shown) else f"{shown} is not a valid time; {example}"
        ) from None


@dataclass(frozen=True, slots=True)
class Names:
    """How a site's monitoring calls parts, roles and states."""

    parts: Mapping[str, str] = field(default_factory=dict)  # by folded name; LEFT_OUT for what is none
    states: Mapping[str, str] = field(default_factory=dict)
    exact: Mapping[str, str] = field(default_factory=dict, repr=False)  # parts by the name as it is written

    def part(self, site: Site, name: str) -> str | None:
        """The part or role that a name means; LEFT_OUT, or None where nobody says."""
        if name in self.exact:
            return self.exact[name]
        return name if _is_known(site, name) else self.parts.get(folded(name))

    def state(self, word: str) -> str:
        """What a word says of a part; LEFT_OUT where it says nothing.

        Examples
        --------
        >>> Names(states={"major": "good"}).state("Major"), Names().state("CRITICAL")
        ('good', 'failed')
        """
        key = folded(word)
        found = self.states.get(key) or _KNOWN.get(key)
        if found is None:
            near = closest(word, [*_KNOWN, *self.states]) or f"; known: {', '.join([*_KNOWN, *self.states])}"
            raise ValueError(
                f"'{word[:40]}' is not a known state; add a row to the names of alarms, such "
                f"as '{word[:40]}' and 'failed'{near}"
            )
        return found


def _is_known(site: Site, name: str) -> bool:
    return name in site.part_ids or name in site.raid_sets or name in site.roles


def names_of(given: str | Path | Mapping[str, str] | None, site: Site) -> Names:
    r"""Read what alarms are called: a table of alarm names or state words and what each means, or a mapping.

    What is meant is a part or a role of the site, one of the states `STATES`, or ``-`` for what is to be left out.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> names_of({"srv-a ping": "server_A", "amber": "good"}, read_site("L2R"))
    Names(parts={'srv a ping': 'server_A'}, states={'amber': 'good'})
    """
    if given is None:
        return Names()
    parts: dict[str, str] = {}
    exact: dict[str, str] = {}
    states: dict[str, str] = {}
    lines: dict[str, int | None] = {}
    problems: list[Problem] = []
    file = None if isinstance(given, Mapping) else str(given)
    for alarm, meaning, line, wrong in _pairs(given):
        key, word = folded(alarm), folded(meaning)
        wrong = wrong or _wrong(site, alarm, meaning)
        before = parts.get(key) or states.get(key)
        if not wrong and before is not None and before not in (meaning, word):
            where = f" in line {lines[key]}" if lines[key] else ""
            wrong = f"'{alarm[:60]}' is {before}{where} and {meaning[:60]} here; give each name one meaning"
        if wrong:
            problems.append(Problem(wrong, file, line, None if file else "names"))
            continue
        lines.setdefault(key, line)
        if word in STATES and not _is_known(site, meaning):
            states[key] = word
        else:
            parts[key] = exact[alarm] = meaning
            if meaning == LEFT_OUT:
                states[key] = LEFT_OUT
    if problems:
        raise InputError(problems[:_SHOWN])
    return Names(parts, states, exact)


def _wrong(site: Site, alarm: str, meaning: str) -> str:
    if not alarm:
        return "the name of an alarm is missing"
    if not meaning:
        return f"'{alarm[:60]}' has no part; write '-' if it belongs to nothing in {site.name}"
    if meaning == LEFT_OUT or folded(meaning) in STATES or _is_known(site, meaning):
        return ""
    known = [*site.part_ids, *site.raid_sets, *site.roles]
    return f"{site.name} has no part or role '{meaning[:60]}'{closest(meaning, known)}"


def _pairs(given: str | Path | Mapping[str, str]) -> Iterator[tuple[str, str, int | None, str]]:
    """Names with what they mean, their line, and what is wrong with the shape of that."""
    if isinstance(given, Mapping):
        for alarm, meaning in given.items():
            yield " ".join(str(alarm).split()), " ".join(str(meaning).split()), None, ""
        return
    table = read_table(Path(given), _MOST_BYTES, "this is not a list of names of alarms")
    titles = {title: folded(title) for title in table.head.titles}
    found = {}
    for column, words in _COLUMNS.items():
        columns = [title for title, word in titles.items() if word in words]
        if len(columns) != 1:
            words_ = "the first row needs two columns: 'alarm', and 'part' for its name in the model"
            raise InputError(Problem(f"needs one column '{column}'; {words_}", table.name, table.head.line))
        found[column] = columns[0]
    for row in table.records:
        alarm, meaning = (" ".join(row[found[column]].split()) for column in ("alarm", "part"))
        yield alarm, meaning, row.line, row.wrong
