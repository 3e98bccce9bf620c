"""A past period beside the model: outages as they were and as expected, parts that failed too often, what was learned.

The log is followed through the site's own rules; what the model expects of such a period is that of the long run. A
figure is called implausible where one as far out, on both sides together, is rarer than one in twenty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from k2rel.arguments import as_names
from k2rel.columns import counted, percentage
from k2rel.errors import InputError, Problem
from k2rel.field import Takeovers, Times
from k2rel.field.events import RoleMove, SiteLog, date_words, read_events
from k2rel.measures.availability import AvailabilityResult, availability, service_named
from k2rel.measures.past_counts import (
    PartsSeen,
    RepairsSeen,
    all_parts,
    exposures,
    parts_seen,
    repair_times,
    repairs_seen,
    two_sided,
    types_seen,
)
from k2rel.measures.past_replay import Outages, PastCourse, past_course
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.measures.updating import Updated, updated
from k2rel.measures.window_engines import known_windows
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.services.catalogue import site_services
from k2rel.site.coverage import DEFAULT, may_fail_over
from k2rel.studies import Provenance, Study
from k2rel.tables import ShownTable
from k2rel.units import format_duration

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PastPeriod", "ServiceSeen", "outage"]

_FAR = 1e-3  # of the mean in a downtime that is taken as too far out to be computed
_DOUBTFUL = 0.05
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """A service in the period, beside what the model expects; probabilities are NaN where they were not asked for."""

    service: str
    title: str
    scope: str
    downtime_h: float
    expected_downtime_h: float
    failures: float
    expected_failures: float
    p_more_downtime: float = math.nan  # of so much or more
    p_less_downtime: float = math.nan  # of so much or less
    p_more_failures: float = math.nan
    p_fewer_failures: float = math.nan
    how: str = ""  # exact or simulated

    @property
    def p_downtime(self) -> float:
        """Probability of a downtime as far out, on both sides together."""
        return two_sided(self.p_more_downtime, self.p_less_downtime)

    @property
    def implausible(self) -> bool:
        """Whether downtime or failures were so far out as is rarer than one in twenty."""
        return self.p_downtime < _DOUBTFUL or self.p_failures < _DOUBTFUL

    @property
    def p_failures(self) -> float:
        """Probability of a number of failures as far out, on both sides together."""
        return two_sided(self.p_more_failures, self.p_fewer_failures)


@dataclass(frozen=True, eq=False, repr=False)
class PastPeriod(ShownTable):
    """A past period as it was, beside what the model expects of it.

    Parameters
    ----------
    log : SiteLog
        What happened, by the names of the site.
    services : tuple of ServiceSeen
    outages : tuple of Outages
        When each service was down.
    parts, types : tuple of PartsSeen
        Failures by part and by component type, the least probable first.
    repairs : tuple of RepairsSeen
    learned : Updated or None
        The study before and after the log; None where it says nothing that could be updated.
    left_out : tuple of str
        What was not updated, and why.
    notes : tuple of str
        How the log was read and followed.
    """

    log: SiteLog
    services: tuple[ServiceSeen, ...]
    outages: tuple[Outages, ...]
    parts: tuple[PartsSeen, ...]
    types: tuple[PartsSeen, ...]
    repairs: tuple[RepairsSeen, ...]
    learned: Updated | None
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    principal: str
    provenance: Provenance
    course: PastCourse

    def table(self) -> pd.DataFrame:
        """Give each service as it was and as expected.

        Returns
        -------
        pandas.DataFrame
            Index ``service``; availability and downtime in the period, failures, what is expected, and the
            probabilities of what is as far out, on both sides together.

        Examples
        --------
        >>> from k2rel.field.events import PartFailure
        >>> log = SiteLog(0.0, 8760.0, (PartFailure("raid_chassis", 10.0, 18.0),))
        >>> float(outage("L2R", log).table().loc["media", "downtime_h"])
        8.0
        """
        import pandas as pd

        hours = self.log.hours
        rows = [
            (each.service, 1.0 - each.downtime_h / hours, each.downtime_h, each.expected_downtime_h,
             each.p_downtime, each.failures, each.expected_failures, each.p_failures)
            for each in self.services
        ]  # fmt: skip
        columns = ["service", "availability", "downtime_h", "expected_downtime_h", "p_downtime",
                   "failures", "expected_failures", "p_failures"]  # fmt: skip
        return self.provenance.signed(pd.DataFrame(rows, columns=columns).set_index("service"))

    def interruptions(self, service: str | None = None) -> pd.DataFrame:
        """List when a service was down, for how long and what had failed; by default the principal traffic.

        Examples
        --------
        >>> from k2rel.field.events import PartFailure
        >>> log = SiteLog(0.0, 8760.0, (PartFailure("raid_chassis", 10.0, 18.0),))
        >>> outage("L2R", log).interruptions()["state"].tolist()
        ['raid_chassis failed; file_system at A']
        """
        import pandas as pd

        name = self.principal if service is None else service_named(self.course.study, service).name
        found = next(each for each in self.outages if each.service.name == name)
        times = sorted({pair for each in found.down for pair in each})
        rows = [(date_words(begin), 60 * (end - begin), self.course.words_at(begin)) for begin, end in times]
        frame = pd.DataFrame(rows, columns=["down_from", "lasted_min", "state"]).set_index("down_from")
        return self.provenance.signed(frame)

    def failures(self, by: Literal["type", "part"] = "type") -> pd.DataFrame:
        """Give failures by component type or part beside their number expected, the least probable first.

        Examples
        --------
        >>> from k2rel.field.events import PartFailure
        >>> log = SiteLog(0.0, 8760.0, (PartFailure("raid_chassis", 10.0, 18.0),))
        >>> outage("L2R", log).failures("part")["failures"].iloc[:2].tolist()
        [1, 0]
        """
        import pandas as pd

        if by not in ("type", "part"):
            raise InputError(f"by: 'type' or 'part', got '{str(by)[:40]}'")
        rows = [
            (each.name, each.type, each.parts, each.hours, each.failures, each.expected, each.p_more, each.p_holm,
             each.p_fewer)
            for each in (self.types if by == "type" else self.parts)
        ]  # fmt: skip
        columns = [by, "of_type", "parts", "hours", "failures", "expected_failures", "p_more", "p_holm", "p_fewer"]
        frame = pd.DataFrame(rows, columns=columns).set_index(by)
        return self.provenance.signed(frame.drop(columns="of_type") if by == "type" else frame)

    def repair_table(self) -> pd.DataFrame:
        """Give repair times by type beside their means.

        Examples
        --------
        >>> from k2rel.field.events import PartFailure
        >>> log = SiteLog(0.0, 8760.0, (PartFailure("raid_chassis", 10.0, 18.0),))
        >>> outage("L2R", log).repair_table()["seen_mean_h"].tolist()
        [8.0]
        """
        import pandas as pd

        rows = [(r.name, r.count, r.mean_h, r.mttr_h, r.p_longer, r.p_shorter) for r in self.repairs]
        columns = ["type", "repairs", "seen_mean_h", "mttr_h", "p_longer", "p_shorter"]
        return self.provenance.signed(pd.DataFrame(rows, columns=columns).set_index("type"))

    def often(self) -> tuple[PartsSeen, ...]:
        """Types and parts that failed more often than their rate says, all that are looked at taken together."""
        return tuple(each for each in (*self.types, *self.parts) if each.p_holm < _DOUBTFUL)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data.

        Examples
        --------
        >>> outage("L2R", SiteLog(0.0, 8760.0)).to_json()["period"]["hours"]
        8760.0
        """
        log, learned = self.log, self.learned
        return {
            **self.provenance.heading(),
            "period": {"begin": date_words(log.begin_h), "end": date_words(log.end_h), "hours": log.hours},
            "log": {"file": log.file, "failures": len(log.failures), "moves": len(log.moves),
                    "placements": len(log.placements)},
            "services": [_finite(asdict(each)) for each in self.services],
            "interruptions": [
                {"service": each.service.name, "begin": date_words(begin), "end": date_words(end), "hours": end - begin}
                for each in self.outages if len(each.down) == 1 for begin, end in each.down[0]
            ],
            "types": [_counted(each) for each in self.types],
            "parts": [_counted(each) for each in self.parts],
            "repairs": [_finite(asdict(each)) for each in self.repairs],
            "rates": [] if learned is None else _records(learned.table()),
            "handling": [] if learned is None else _records(learned.handling()),
            "entries": "" if learned is None else learned.entries(),
            "not_updated": list(self.left_out),
            "notes": list(self.notes),
        }  # fmt: skip

    def words(self) -> str:
        """Say in a few sentences how the period was, and whether that is plausible.

        Examples
        --------
        >>> from k2rel.field.events import PartFailure
        >>> log = SiteLog(0.0, 8760.0, (PartFailure("raid_chassis", 10.0, 18.0),))
        >>> print(outage("L2R", log).words())  # doctest: +ELLIPSIS
        media was down 8 h in 1 failure; expected: 35.7 min in 2.62 failures; ...
        """
        return " ".join(self.sentences())

    def sentences(self) -> list[str]:
        """Say it sentence by sentence: the principal service, implausible others, parts, what failed too often.

        Examples
        --------
        >>> outage("L2R", SiteLog(0.0, 8760.0)).sentences()[-1]
        'None of 18 types and 64 parts failed more often than its rate explains, after adjustment for multiple tests.'
        """
        judged = [each for each in self.services if not math.isnan(each.p_more_downtime)]
        first = next((each for each in judged if each.service == self.principal), judged[0] if judged else None)
        found = [self._words_of(each) for each in judged if each is first or each.implausible]
        seen, expected, more, fewer = all_parts(self.types)
        failed = f"{counted(seen, 'failure')} of parts, {expected:.3g} expected"
        found.append(f"{failed}; {_far('many', more, fewer)}.")
        if often := self.often():
            kinds = {each.name for each in self.types} & {each.name for each in often}
            said = [each for each in often if each.name in kinds or each.type not in kinds]
            names = ", ".join(f"{each.name} ({each.failures}, {each.expected:.2g} expected)" for each in said)
            found.append(f"More failures than their rates explain, after adjustment for multiple tests: {names}.")
        else:
            many = f"{counted(len(self.types), 'type')} and {counted(len(self.parts), 'part')}"
            found.append(
                f"None of {many} failed more often than its rate explains, after adjustment for multiple tests."
            )
        return found

    def _words_of(self, seen: ServiceSeen) -> str:
        times = f"in {counted(seen.failures, 'failure')}"
        down = f"was down {format_duration(seen.downtime_h)} {times}" if seen.downtime_h else "was not down"
        downtime = _far("much downtime", seen.p_more_downtime, seen.p_less_downtime)
        failures = _far("many failures", seen.p_more_failures, seen.p_fewer_failures)
        usual = f"{format_duration(seen.expected_downtime_h)} in {seen.expected_failures:.3g} failures"
        return f"{seen.service} {down}; expected: {usual}; {downtime}; {failures}."

    def _line(self) -> str:
        return self.words()


def _far(what: str, more: float, fewer: float) -> str:
    """How probable a figure as far out on its side was, and the verdict of both sides together."""
    words, p = (f"at least as {what}", more) if more <= fewer else (f"at most as {what}", fewer)
    verdict = "plausible" if two_sided(more, fewer) >= _DOUBTFUL else "NOT plausible"
    return f"probability of {words} {percentage(p)}, {verdict}"


def _counted(seen: PartsSeen) -> dict[str, Any]:
    """Failures of a type or part as plain data."""
    return {"expected_failures" if key == "expected" else key: value for key, value in asdict(seen).items()}


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.reset_index().to_dict("records")
    return [_finite({str(key): value for key, value in row.items()}) for row in rows]


def outage(
    study: StudyLike,
    log: str | Path | SiteLog,
    organisation: Organisation | None = None,
    *,
    begin: str | None = None,
    until: str | None = None,
    services: Sequence[str] | str | None = None,
    prior: str = "lognormal",
    method: str = "auto",
) -> PastPeriod:
    """Put the log of a past period beside what the model expects of it, and learn from it.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    log : str, pathlib.Path or SiteLog
        A table of failures of parts and moves of roles, as `k2rel.field.read_events` reads it, or what that gives.
    begin, until : str, optional
        The period, as dates, where the log is a file; by default from its first event to its last.
    services : str or sequence of str, optional
        Services of which the probability of such a downtime and number of failures is asked; by default the classes
        of traffic and the roles of the whole site.
    prior : {"lognormal", "gamma"}
        How limits of rates are read where they are updated.

    Returns
    -------
    PastPeriod
        Services as they were and as expected, failures by type and part, repair times, and what was learned.

    Raises
    ------
    InputError
        For each row that contradicts another one, the period or the site; each with its line.

    Examples
    --------
    >>> from k2rel.bundled import data_dir
    >>> file = data_dir() / "examples" / "field" / "past_year.csv"
    >>> found = outage("L2R", file, begin="2024-01-01", until="2025-01-01")
    >>> [(each.name, each.failures) for each in found.often()]
    [('psu', 3), ('isl', 1)]
    """
    solution = solution_of(study, method, organisation)
    study = solution.study
    if isinstance(log, SiteLog):
        if begin is not None or until is not None:
            raise InputError("begin, until: a SiteLog has its own period; give these with a file")
    else:
        log = read_events(log, begin, until)
    usual = [each.name for each in site_services(study.site) if each.rule in ("every client", "flow", "role")]
    asked = usual if services is None else as_names("services", services)
    names = {service_named(study, name).name for name in asked}
    organisation = organisation or solution.asked
    course = past_course(study, log, organisation)
    types = types_seen(study, course.log)
    learned, left_out = _learned(study, course, types, organisation, prior)  # first: it may refuse a trigger
    expected = availability(solution)
    outages = _listed(solution, course.outages, expected)
    seen = tuple(_service_seen(solution, each, expected, course.log.hours, names) for each in outages)
    return PastPeriod(
        course.log, seen, outages, parts_seen(study, course.log), types, repairs_seen(study, course.log),
        learned, tuple(left_out), course.notes, principal_traffic(study.site), expected.provenance, course,
    )  # fmt: skip


def _listed(
    solution: Solution, found: Sequence[Outages], expected: AvailabilityResult
) -> tuple[Outages, ...]:  # fmt: skip
    """Services as the model lists them: clients of groups that have the same availability are one service."""
    known = {each.service: each.unavailability for each in expected}
    result = {each.service.name: each for each in found if each.service.name in known}
    for each in found:
        if each.service.name in known or each.service.rule != "one client":
            continue
        down = solution.engine.unavailability(service_named(solution.study, each.service.name, solution.engine.policy))
        same = next(
            name
            for name, one in result.items()
            if (one.service.rule, one.service.of) == (each.service.rule, each.service.of)
            and math.isclose(known[name], down, rel_tol=1e-9)
        )
        result[same] = replace(result[same], down=(*result[same].down, *each.down))
    return tuple(result.values())


def _service_seen(
    solution: Solution, found: Outages, expected: AvailabilityResult, hours: float, asked: set[str]
) -> ServiceSeen:
    """A service beside what is expected; how probable that is only where it is asked for."""
    service, usual = found.service, expected[found.service.name]
    given = (service.name, service.title, service.scope, found.downtime_h, usual.unavailability * hours,
             found.failures, usual.frequency_per_h * hours)  # fmt: skip
    if service.name not in asked:
        return ServiceSeen(*given)
    if len(found.down) > 1:
        raise InputError(f"services: {service.name} is seen of {len(found.down)} clients, whose mean no window has")
    down = found.downtime_h
    known = known_windows(solution, service.name, hours)
    mean, how = usual.unavailability * hours, known.how
    if 0.0 < mean < _FAR * down:  # P(D >= d) is at most E(D) / d (Markov); the tail so far out takes minutes
        more, how = mean / down, f"{known.how}; at least as much downtime by its mean, at most"
        less = 1.0 - more
    elif 0.0 < down < hours:
        more = known.longer_than([down])[0].value
        less = 1.0 - more
    else:
        more, less = (1.0, known.none().value) if down == 0.0 else (0.0, 1.0)
    number, numbers = round(found.failures), [each.value for each in known.numbers()]
    below, fewer = math.fsum(numbers[:number]), math.fsum(numbers[: number + 1])
    return ServiceSeen(*given, more, less, max(1.0 - below, 0.0), min(fewer, 1.0), how)


def _learned(
    study: Study, course: PastCourse, types: Sequence[PartsSeen], organisation: Organisation | None, prior: str
) -> tuple[Updated | None, list[str]]:
    """What the log says of rates, coverages and times, in one step; of each what cannot be updated, and why."""
    left_out: list[str] = []

    def kept(every: Sequence[T], put: Callable[[T], Updated]) -> list[T]:
        good = []
        for one in every:
            try:
                put(one)
                good.append(one)
            except InputError as error:
                left_out.append(str(error).partition(": ")[2])
        return good

    pairs = {study.site.described[name].type for name, law in study.laws.used() if law.parts > 1}
    left_out += [f"'{kind}' stands for pairs of parts, of which a log has no single failures" for kind in sorted(pairs)]
    counts = [each for each in exposures(types) if each.name not in pairs]
    counts = kept(counts, lambda one: updated(study, [one], prior=prior))
    times = [each for each in repair_times(study, course.log) if each.name not in pairs]
    times = kept(times, lambda one: updated(study, repairs=[one], prior=prior))
    takeovers, operators = _takeovers(study, course, prior), _operators(course)
    if not (counts or times or takeovers or operators):
        return None, left_out
    return updated(
        study, counts, takeovers=takeovers, repairs=times, operators=operators, prior=prior, organisation=organisation
    ), left_out


def _takeovers(study: Study, course: PastCourse, prior: str) -> list[Takeovers]:
    """Takeovers tried and succeeded, by role and what failed; a trigger that cannot be is refused with its line."""
    sums: dict[tuple[str, str], Takeovers] = {}
    problems: list[Problem] = []
    for row in course.log.moves:
        if row.outcome not in ("succeeded", "failed"):
            continue
        trigger = row.trigger or _trigger(study, course.log, row)
        before = sums.get((row.role, trigger), Takeovers(row.role, 0, 0, trigger))
        one = Takeovers(row.role, before.tried + 1, before.succeeded + (row.outcome == "succeeded"), trigger)
        try:
            updated(study, takeovers=[one], prior=prior)
        except InputError as error:
            problems.append(course.log.problem(row.line, str(error).removeprefix("takeovers: "), "trigger"))
        sums[row.role, trigger] = one
    if problems:
        raise InputError(problems)
    return list(sums.values())


def _trigger(study: Study, log: SiteLog, row: RoleMove) -> str:
    """What failed last, of the parts whose failure can begin a takeover of a role, and was failed at its beginning."""
    role, site = study.site.roles[row.role], study.site
    if not role.coverage_of:
        return ""
    may = may_fail_over(role, site.units, site.components)
    standing = [f for f in log.failures if f.part in may and f.failed_h <= row.at_h < f.restored_h]
    return max(standing, key=lambda each: each.failed_h).part if standing else DEFAULT


def _operators(course: PastCourse) -> list[Times]:
    """Times of operators: from a takeover that failed to the role's being placed, and until servers were placed."""
    placed: list[float] = []
    waiting: dict[str, float] = {}
    for row in course.log.moves:
        if row.outcome == "failed":
            waiting.setdefault(row.role, row.at_h)
        elif (since := waiting.pop(row.role, None)) is not None and row.outcome == "by hand":
            placed.append((row.at_h if math.isnan(row.until_h) else row.until_h) - since)
    found = {"manual takeover": placed, "return to service": [hours for _, hours in course.replay.returned]}
    positive = {action: [hours for hours in times if hours > 0] for action, times in found.items()}
    return [Times(action, len(times), math.fsum(times)) for action, times in positive.items() if times]
