"""What a person should know of what was read: what is doubtful first, then what was taken from which line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from k2rel.alarms.latest import Latest, history_of
from k2rel.alarms.left_open import left_open
from k2rel.alarms.rows import Rows, Said, Unknown
from k2rel.alarms.words import FAILED, IN, OUT, folded
from k2rel.policy.present import Present
from k2rel.site.model import Site
from k2rel.units import format_duration

__all__ = ["notes_of"]

_SHOWN = 20
_NAMED = 12


def notes_of(
    rows: Rows, latest: Latest, unknown: Sequence[Unknown], present: Present, site: Site, older_h: float, now: datetime
) -> Iterator[str]:
    """Say what there is to be said; warnings begin with the word."""
    taken = (*latest.failed, *latest.others)
    if not rows.table.records:
        yield f"WARNING: {rows.table.name} has no rows: no failure is reported"
    yield from _unknown(unknown, site)
    yield from _old(rows, taken, site, older_h)
    yield from _uncleared(rows, latest.good)
    named = {of for of, words in rows.said.items() if of in site.roles or any(e.state in (OUT, IN) for e in words)}
    yield from left_open(site, present, history_of(rows, site), named)
    for each in taken:
        known = "" if each.since_h is not None or each.state != FAILED else ", start not known"
        yield f"{_words(each, site)}{each.ago}{known}: line {each.line}, '{each.alarm[:40]}' {each.word[:30]}"
    again = [each for each in latest.good if any(other.state == FAILED for other in rows.said[each.of])]
    if again:
        yield f"restored: {_listed([f'{each.of} (line {each.line})' for each in again])}"
    if latest.aside:
        names = [f"{each.of} (line {each.line})" for each in latest.aside]
        yield (
            "failed but not part of the state, since clients' own parts and drives of RAID sets are not modelled "
            f"individually: {_listed(names)}"
        )
    if rows.left_out:
        names = [f"{name[:60]} ({count} row{'s' * (count > 1)})" for name, count in rows.left_out.items()]
        yield (
            "left out, because they report neither a failure nor a restoration, or by the names of alarms: "
            f"{_listed(names)}"
        )
    if rows.unzoned:
        yield f"times without a time zone are read in that of this machine, {now.astimezone():%z}"
    if rows.unused:
        yield f"columns not used: {_listed(rows.unused)}"


def _words(each: Said, site: Site) -> str:
    return f"{each.of} at {each.state}" if each.of in site.roles else f"{each.of} {each.state}"


def _unknown(unknown: Sequence[Unknown], site: Site) -> Iterator[str]:
    texts = []
    for each in unknown[:_SHOWN]:
        rows = f" and {each.rows - 1} more" if each.rows > 1 else ""
        near = f"; did you mean {' or '.join(map(repr, each.near))}?" if each.near else ""
        texts.append(f"'{each.name[:60]}' (line {each.line}{rows}, {each.state[:30] or 'no state'}{near})")
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    if texts:
        yield (
            f"WARNING: not a part or role of {site.name}, and not in the state: {', '.join(texts)}{more}; the names "
            "of alarms (--alarm-names) map each to its part, or to '-' if it has none"
        )


def _old(rows: Rows, taken: Sequence[Said], site: Site, older_h: float) -> Iterator[str]:
    bound = format_duration(older_h)
    for each in taken:
        if each.older:
            yield (
                f"WARNING: {_words(each, site)}{each.ago} (line {each.line}) is older than {bound}; is it still true?"
            )
    times = [each.since_h for words in rows.said.values() for each in words if each.since_h is not None]
    if times and min(times) > older_h and not any(each.older for each in taken):
        yield (
            f"WARNING: the latest entry of {rows.table.name} is {format_duration(min(times))} old, older than "
            f"{bound}; is it still true?"
        )


def _uncleared(rows: Rows, good: Sequence[Said]) -> Iterator[str]:
    """Parts that are good by one alarm while another one has not said that it is over."""
    for each in good:
        last: dict[str, Said] = {}
        for said in sorted(rows.said[each.of], key=lambda said: said.by_time):
            if said.state != OUT:
                last[folded(said.alarm)] = said
        for said in last.values():
            if said.state == FAILED:
                yield (
                    f"WARNING: {each.of} is taken as up, by '{each.alarm[:40]}' (line {each.line}), though "
                    f"'{said.alarm[:40]}' (line {said.line}) does not report its end"
                )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(name[:100] for name in names[:_NAMED]) + more
