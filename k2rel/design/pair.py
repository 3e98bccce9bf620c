"""Two designs: which has less downtime, as far as that is known, what each carries, and which of their parts differ."""

from __future__ import annotations

import math
from collections import Counter

from k2rel.columns import counted, percentage
from k2rel.design.differences import facts_of
from k2rel.design.recommendation import Candidate, Recommendation
from k2rel.measures.solution import StudyLike, study_of
from k2rel.site.model import Site
from k2rel.units import minutes_text

__all__ = ["pair_sentences", "parts_in_words", "parts_that_differ"]

_ABOUT_PARTS = ("parts", "failure data", "RAID sets")
_MOST = 12  # types of parts that are named
_SAME = 1e-9


def pair_sentences(two: Recommendation) -> tuple[str, ...]:
    """Say how two designs compare, whether their difference is known first.

    Examples
    --------
    >>> a = Candidate("A", "media", 4, 50.0, 20.0, 90.0, 2.0, "carried", 8, 8, 40, 3, 30)
    >>> b = Candidate("B", "media", 4, 60.0, 20.0, 95.0, 2.0, "carried", 8, 8, 40, 3, 30)
    >>> pair_sentences(Recommendation((a, b), {("A", "B"): 0.7}))[0][:56]
    'These figures do not show which of A and B has less down'
    """
    a, b = two.candidates
    missing = [one for one in (a, b) if one.why_empty]
    if missing:
        return tuple(f"{one.name} has no figures: {one.why_empty.rstrip('.')}." for one in missing)
    carried = [f"{one.name} {_carries(one)}" for one in (a, b)]
    said = [_down(two, a, b), f"{carried[0]}; {carried[1]}."]
    judged = [one for one in (a, b) if one.verdict]
    for one in judged:
        asked = "its target" if math.isnan(one.target_percent) else f"the target of {one.target_percent:.12g} %"
        said.append(f"{one.name}: {asked} is {one.verdict.upper()}, probability {percentage(one.p_met)}.")
    return tuple(text[0].upper() + text[1:] for text in said)


def _down(two: Recommendation, a: Candidate, b: Candidate) -> str:
    """Which of two has less downtime, where that is known."""
    if a.service != b.service:
        return (
            f"{a.name} serves {a.service} and {b.name} {b.service}: {a.down()} and {b.down()}, of different services."
        )
    p = two.better(a, b)
    if abs(a.downtime_min_per_year - b.downtime_min_per_year) <= _SAME * a.downtime_min_per_year and p in (
        0.5,
        math.nan,
    ):
        return f"{a.name} and {b.name} have equal downtime: {a.down()}."
    less, more = (a, b) if a.downtime_min_per_year <= b.downtime_min_per_year else (b, a)
    if math.isnan(p):
        return (
            f"Downtime of {less.name} is {less.down()}, of {more.name} {more.down()}; they have no draws of the inputs "
            "in common, so it is not known whether the difference is larger than the uncertainty."
        )
    if not two.told_apart(a, b):
        first, share = (a, p) if p >= 0.5 else (b, 1.0 - p)
        return (
            f"These figures do not show which of {a.name} and {b.name} has less downtime: {a.down()} and {b.down()}, "
            "and the difference is smaller than the uncertainty "
            f"({first.name} has less downtime at {percentage(share)} of the draws of the inputs)."
        )
    less, more = (a, b) if p > 0.5 else (b, a)
    share = max(p, 1.0 - p)
    size = minutes_text(abs(more.downtime_min_per_year - less.downtime_min_per_year))
    return (
        f"{less.name} has less downtime than {more.name}: {less.down()}, not {more.down()}. It has less at "
        f"{'all' if share == 1.0 else percentage(share)} of the draws of the inputs; with all inputs as given the "
        f"difference is {size} min a year."
    )


def _carries(one: Candidate) -> str:
    """What a design carries."""
    room = one.room()
    most = f" ({room if 'or more' in room else f'at most {room}'})" if room else ""
    if not one.carries:
        return f"cannot carry its {counted(one.clients, 'client')}{most}"
    after = " with nothing failed, not after every single failure" if "after a failure" in one.load_state else ""
    limit = ", with nothing to spare" if one.load_state == "at its limit" else ""
    return f"carries its {counted(one.clients, 'client')}{after}{limit}{most}"


def parts_that_differ(study: StudyLike, other: StudyLike) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parts of each of two designs that the other has not, or has otherwise.

    Examples
    --------
    >>> parts_that_differ("L2", "L2R")[0]
    ()
    """
    one, two = study_of(study), study_of(other)
    facts = [
        {fact: value for fact, value in facts_of(each) if fact[0] in _ABOUT_PARTS and fact[2] != "title"}
        for each in (one, two)
    ]
    differ = {fact[1] for fact in facts[0].keys() | facts[1].keys() if facts[0].get(fact) != facts[1].get(fact)}
    return _drawn(one.site, differ), _drawn(two.site, differ)


def _drawn(site: Site, entries: set[str]) -> tuple[str, ...]:
    """Entries of the facts as parts of a site; a part that each client has is drawn once for each group of them."""
    shared = [name for name in (*site.components, *site.raid_sets) if name in entries]
    own = [name for name in site.client_parts if f"each client's {name}" in entries]
    each = [(part, client.number) for part in own for client in site.clients() if part in site.parts_of(client.group)]
    return (*shared, *(site.client_part_id(number, part) for part, number in each))


def parts_in_words(study: StudyLike, other: StudyLike) -> str:
    """Say which parts the second of two designs has more and fewer.

    Examples
    --------
    >>> parts_in_words("L2", "L2R")[:34]
    'Parts of L2R against L2: +2 isl, +'
    """
    sites = [study_of(one).site for one in (study, other)]
    a, b = (Counter(part.type.replace("_", " ") for part in site.components.values()) for site in sites)
    first, second = (site.name for site in sites)
    if first == second:
        first, second = "the first", "the second"
    named = [f"+{count} {kind}" for kind, count in _most_first(b - a)]
    named += [f"−{count} {kind}" for kind, count in _most_first(a - b)]
    if not named:
        return f"{second[0].upper()}{second[1:]} has as many parts of each type as {first}."
    rest = f", and {len(named) - _MOST} types more" if len(named) > _MOST else ""
    return f"Parts of {second} against {first}: {', '.join(named[:_MOST])}{rest}."


def _most_first(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))
