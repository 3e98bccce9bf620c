"""Failures of parts and their repairs in a past period, beside what rates and repair times say of it.

The number of failures of a part is a Poisson number whose mean is its rate times the period; of a type, times the
number of its parts as well. Repair times are exponential about their mean, so that the sum of n has a gamma law.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from k2rel.field import Exposure, Times
from k2rel.field.events import SiteLog
from k2rel.rates import Law
from k2rel.site.model import Component
from k2rel.studies import Study

__all__ = [
    "PartsSeen",
    "RepairsSeen",
    "all_parts",
    "exposures",
    "holm",
    "parts_seen",
    "repair_times",
    "repairs_seen",
    "two_sided",
    "types_seen",
]


@dataclass(frozen=True, slots=True)
class PartsSeen:
    """Failures of a part, or of all parts of a type, and how probable so many, or so few, were."""

    name: str  # part or component type
    type: str
    parts: int
    hours: float
    failures: int
    expected: float
    p_more: float  # of at least so many
    p_fewer: float  # of at most so many
    p_holm: float = math.nan  # of so many with any of all that are looked at


@dataclass(frozen=True, slots=True)
class RepairsSeen:
    """Repairs of a type, and how probable times so long, or so short, on the whole were."""

    name: str
    count: int
    mean_h: float
    mttr_h: float
    p_longer: float
    p_shorter: float


def parts_seen(study: Study, log: SiteLog) -> tuple[PartsSeen, ...]:
    """Count the failures of every part that can fail, the least probable first.

    Examples
    --------
    >>> from k2rel.field.events import PartFailure
    >>> from k2rel.studies import study
    >>> log = SiteLog(0.0, 8760.0, (PartFailure("server_A", 10.0, 18.0), PartFailure("server_A", 30.0, 31.0)))
    >>> [(seen.name, round(seen.p_more, 6)) for seen in parts_seen(study("L2R"), log)][0]
    ('server_A', 0.001206)
    """
    counts = _counts(log)
    found = [_seen(part.id, part.type, 1, counts.get(part.id, 0), law, log.hours) for part, law in _parts(study)]
    return _with_holm(found)


def types_seen(study: Study, log: SiteLog) -> tuple[PartsSeen, ...]:
    """Count the failures of all parts of each type, the least probable first; parts of other rates add up.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> [seen.parts for seen in types_seen(study("L2R"), SiteLog(0.0, 8760.0)) if seen.name == "psu"]
    [6]
    """
    counts = _counts(log)
    groups: dict[str, list[tuple[Component, Law]]] = {}
    for part, law in _parts(study):
        groups.setdefault(part.type, []).append((part, law))
    found = []
    for kind, members in groups.items():
        failures = sum(counts.get(part.id, 0) for part, _ in members)
        expected = math.fsum(law.failure_rate_per_h for _, law in members) * log.hours
        more, fewer = _tails(failures, expected)
        hours = len(members) * log.hours
        found.append(PartsSeen(kind, kind, len(members), hours, failures, expected, more, fewer))
    return _with_holm(found)


def all_parts(types: Iterable[PartsSeen]) -> tuple[int, float, float, float]:
    """Failures of all parts together, their number expected, and how probable so many, and so few, were.

    Examples
    --------
    >>> all_parts([PartsSeen("psu", "psu", 6, 52560.0, 0, 0.2, 1.0, 0.8)])[:3]
    (0, 0.2, 1.0)
    """
    every = list(types)
    failures, expected = sum(each.failures for each in every), math.fsum(each.expected for each in every)
    return failures, expected, *_tails(failures, expected)


def repairs_seen(study: Study, log: SiteLog) -> tuple[RepairsSeen, ...]:
    """Put the repair times of each type beside their mean: of failures in the period that are restored.

    Examples
    --------
    >>> from k2rel.field.events import PartFailure
    >>> from k2rel.studies import study
    >>> log = SiteLog(0.0, 8760.0, (PartFailure("server_A", 10.0, 23.0),))
    >>> [(seen.mean_h, seen.mttr_h, round(seen.p_longer, 4)) for seen in repairs_seen(study("L2R"), log)]
    [(13.0, 6.5, 0.1353)]
    """
    from scipy.special import gammainc, gammaincc

    laws: dict[str, Law] = {part.type: law for part, law in _parts(study)}
    result = []
    for times in repair_times(study, log):
        mean = laws[times.name].single.mttr_h
        ratio = times.total_h / mean if mean > 0 else math.inf
        tails = (float(tail(times.count, ratio)) for tail in (gammaincc, gammainc))
        result.append(RepairsSeen(times.name, times.count, times.mean_h, mean, *tails))
    return tuple(sorted(result, key=lambda each: min(each.p_longer, each.p_shorter)))


def repair_times(study: Study, log: SiteLog) -> list[Times]:
    """Repair times by type, as a log of repairs has them.

    Examples
    --------
    >>> from k2rel.field.events import PartFailure
    >>> from k2rel.studies import study
    >>> repair_times(study("L2R"), SiteLog(0.0, 8760.0, (PartFailure("server_A", 10.0, 23.0),)))
    [<Times media_server: 1 times, mean 13 h>]
    """
    kinds = {part.id: part.type for part, _ in _parts(study)}
    sums: dict[str, list[float]] = {}
    for row in log.failures:
        if row.part in kinds and row.failed_h >= log.begin_h and math.isfinite(row.restored_h):
            sums.setdefault(kinds[row.part], []).append(row.restored_h - row.failed_h)
    return [Times(kind, len(hours), math.fsum(hours)) for kind, hours in sums.items()]


def exposures(types: Iterable[PartsSeen]) -> list[Exposure]:
    """Failures and hours by type, as a log of counts has them.

    Examples
    --------
    >>> exposures([PartsSeen("psu", "psu", 6, 52560.0, 1, 0.2, 0.2, 1.0)])
    [Exposure(name='psu', failures=1, hours=52560.0, site='')]
    """
    return [Exposure(each.name, each.failures, each.hours) for each in types]


def two_sided(more: float, less: float) -> float:
    """Probability of a number as far out as the one seen, on both sides together.

    Examples
    --------
    >>> two_sided(0.01, 0.995), two_sided(0.7, 0.6)
    (0.02, 1.0)
    """
    return math.nan if math.isnan(more + less) else min(1.0, 2.0 * min(more, less))


def holm(values: Sequence[float]) -> list[float]:
    """Adjust the p-values of all that are looked at at once, after Holm (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(values)), key=lambda n: values[n])
    result, largest = [1.0] * len(values), 0.0
    for place, n in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - place) * values[n]))
        result[n] = largest
    return result


def _parts(study: Study) -> list[tuple[Component, Law]]:
    """Every part whose own failures count, with its law."""
    site, laws = study.site, dict(study.laws.used())
    found = [(part, site.own_parts[part.id][0] if part.id in site.own_parts else part.id) for part in site.parts()]
    return [(part, laws[name]) for part, name in found if name in laws and not part.external]


def _counts(log: SiteLog) -> dict[str, int]:
    """Failures that began in the period, by part."""
    counts: dict[str, int] = {}
    for row in log.failures:
        if row.failed_h >= log.begin_h:
            counts[row.part] = counts.get(row.part, 0) + 1
    return counts


def _seen(name: str, kind: str, parts: int, failures: int, law: Law, hours: float) -> PartsSeen:
    expected = law.failure_rate_per_h * hours * parts
    return PartsSeen(name, kind, parts, hours * parts, failures, expected, *_tails(failures, expected))


def _tails(failures: int, expected: float) -> tuple[float, float]:
    """Probability of at least so many, and of at most so many."""
    from scipy.special import pdtr, pdtrc

    more = float(pdtrc(failures - 1, expected)) if failures else 1.0
    return more, float(pdtr(failures, expected))


def _with_holm(found: Sequence[PartsSeen]) -> tuple[PartsSeen, ...]:
    adjusted = holm([each.p_more for each in found])
    pairs = [replace(each, p_holm=p) for each, p in zip(found, adjusted, strict=True)]
    return tuple(sorted(pairs, key=lambda each: (each.p_more, -each.expected)))
