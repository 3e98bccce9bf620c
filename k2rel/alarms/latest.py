"""The latest word on each part and role: a later one supersedes an earlier one, and two at the same time must agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from k2rel.alarms.rows import Rows, Said
from k2rel.alarms.words import FAILED, GOOD, IN, OUT
from k2rel.errors import Problem
from k2rel.site.model import Site
from k2rel.units import format_duration

__all__ = ["Latest", "history_of", "is_shared", "latest_of"]

_LONGEST_AGO_H = 87_600.0


@dataclass(frozen=True, slots=True)
class Latest:
    """What is so now: each by the first row that says so, since something else was said last."""

    failed: tuple[Said, ...]  # in the order of time
    others: tuple[Said, ...]  # roles, servers out of service and in service
    good: tuple[Said, ...]
    aside: tuple[Said, ...]  # clients' own parts and drives that have failed


def latest_of(rows: Rows, site: Site, older_h: float) -> Latest:
    """Find what is so now; what is older than a bound is marked.

    Raises
    ------
    InputError
        If two rows say different things of one part at the same time.
    """
    problems: list[Problem] = []
    failed, others, good, aside = [], [], [], []
    for of, words in rows.said.items():
        if of in site.roles:
            others += _now(words, rows, problems)
            continue
        condition = [replace(each, state=GOOD) if each.state == IN else each for each in words if each.state != OUT]
        found = _now(condition, rows, problems)
        if not is_shared(site, of):
            aside += [each for each in found if each.state == FAILED]
            continue
        down = [each for each in found if each.state == FAILED]
        failed += down
        good += [each for each in found if each.state == GOOD]
        service = _now([each for each in words if each.state in (OUT, IN)], rows, problems)
        others += [each for each in service if each.state == OUT or not down]
    problems += [_too_old(each, rows) for each in (*failed, *others) if (each.since_h or 0.0) > _LONGEST_AGO_H]
    rows.refuse(problems)

    def marked(each: Said) -> Said:
        return replace(each, older=(each.since_h or 0.0) > older_h and each.state != IN)

    return Latest(
        tuple(map(marked, sorted(failed, key=lambda each: each.by_time))),
        tuple(map(marked, others)),
        tuple(sorted(good, key=lambda each: each.line)),
        tuple(aside),
    )


def is_shared(site: Site, part: str) -> bool:
    """Whether a part is followed by itself: no client's own, no drive of a RAID set."""
    return (part in site.components or part in site.raid_sets) and part not in site.drives


def _now(words: Sequence[Said], rows: Rows, problems: list[Problem]) -> list[Said]:
    """The first of the words that say what is so now; none where two contradict, which is a problem.

    Words without a time cannot be put in order: they hold where they say what the latest of the others says.
    """
    order = sorted(words, key=lambda each: each.by_time)
    if len({each.state for each in order}) <= 1:
        return order[:1]
    timed = [each for each in order if each.since_h is not None]
    last = (timed or order)[-1]
    at_once = [each for each in order if each.since_h is None or each.since_h == last.since_h]
    other = next((each for each in at_once if each.state != last.state), None)
    if other is not None:
        problems.append(_contradiction(last, other, rows))
        return []
    changed = min(each.since_h or 0.0 for each in timed if each.state != last.state)
    return [each for each in timed if (each.since_h or 0.0) < changed][:1]


def _contradiction(one: Said, other: Said, rows: Rows) -> Problem:
    first, last = sorted((one, other), key=lambda each: each.line)
    there = f"{last.of} is '{last.word[:30]}' here and '{first.word[:30]}' in line {first.line}"
    if one.since_h is None or other.since_h is None:
        words = f"{there}, and not both have a time; give both their time, so that the later one counts"
    else:
        words = f"{there}, both at once{one.ago}; remove the wrong one, or give the later one its time"
    return Problem(words, rows.table.name, last.line)


def _too_old(each: Said, rows: Rows) -> Problem:
    words = f"{each.of} is '{each.word[:30]}' since {format_duration(each.since_h or 0.0)}, more than ten years"
    hint = "is it a number of seconds since 1970? Leave the time out if it is not known"
    return Problem(f"{words}; {hint}", rows.table.name, each.line)


def history_of(rows: Rows, site: Site) -> list[tuple[str, bool]]:
    """Shared parts that failed (True) and were good again, in the order of time; empty where a failure has no time."""
    shared: Iterable[Said] = [
        each for of, words in rows.said.items() if is_shared(site, of) for each in words if each.state != OUT
    ]
    if any(each.since_h is None for each in shared if each.state == FAILED):
        return []
    timed = sorted((each for each in shared if each.since_h is not None), key=lambda each: each.by_time)
    return [(each.of, each.state == FAILED) for each in timed]
