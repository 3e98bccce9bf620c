"""The one page that a decision rests on: is it good enough, does it carry the load, what breaks it, what would help.

Everything stands elsewhere too, computed by the same functions; here it is put together, each thing once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from k2rel.columns import percentage, quantity_text
from k2rel.design.advice import best_changes
from k2rel.design.carrying import Carrying, carrying
from k2rel.design.target_forms import Target, WindowJudgement
from k2rel.design.targets import SAMPLES, SURE, Judgement, allowed_min_per_year, is_loaded, judge, read_target
from k2rel.design.verdict import takeover_words
from k2rel.errors import K2relError
from k2rel.measures.availability import NEVER, ServiceAvailability, availability
from k2rel.measures.importance import causes
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.measures.uncertainty import UncertaintyResult, uncertainty
from k2rel.measures.what_matters import break_even, swing
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.site.service_names import FULL_SERVICE
from k2rel.studies import Provenance
from k2rel.tables import ShownTable
from k2rel.units import MINUTES_PER_YEAR, format_duration, minutes_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cause", "Cure", "Standing", "Summary", "Turn", "summary"]

_FEW = 3
_USUAL = (99.0, 99.9, 99.99, 99.999)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one service stands."""

    service: str
    title: str
    downtime_min_per_year: float
    low_min_per_year: float  # 90 % over all inputs within their limits; nan where nothing is drawn
    high_min_per_year: float
    failures_per_year: float
    target: str = ""  # in words; empty: none asked for
    verdict: str = ""  # met, not met, not known; empty without a target
    probability: float = math.nan  # that the target is met
    chances: tuple[tuple[float, float], ...] = ()  # without a target: usual availabilities [%] and how probable each is
    never: str = ""  # why it is never there

    @property
    def usual(self) -> str:
        """Which of the usual availabilities it has, where no target was given."""
        words = {0.0: "is not met", 1.0: "is met"}
        said = ((percent, words.get(p, f"is met with probability {percentage(p)}")) for percent, p in self.chances)
        return ", ".join(f"{percent:.6g} % {text}" for percent, text in said)


@dataclass(frozen=True, slots=True)
class Cause:
    """Parts of one kind, and what they take away."""

    title: str
    parts: tuple[str, ...]
    downtime_min_per_year: float
    share: float


@dataclass(frozen=True, slots=True)
class Cure:
    """A change, what it leaves, and whether the target is then met."""

    title: str
    downtime_min_per_year: float
    removed_share: float
    verdict: str = ""
    probability: float = math.nan


@dataclass(frozen=True, slots=True)
class Turn:
    """A number that is known within limits, and what it could do."""

    about: str
    given: str
    effect: str  # from which value on the verdict is another, or how far it moves the downtime
    probability: float = math.nan  # that it lies on the good side


@dataclass(frozen=True, eq=False, repr=False)
class Summary(ShownTable):
    """How a site stands, on a page."""

    solution: Solution
    asked: str  # the service that causes and changes are about
    services: tuple[Standing, ...]
    load: Carrying
    causes: tuple[Cause, ...]
    cures: tuple[Cure, ...]
    turns: tuple[Turn, ...]
    takeovers: str  # why it is not the downtime with ideal takeovers
    weak: str  # what the downtime rests on most, where that is no figure of the thing itself
    judged: tuple[Judgement | WindowJudgement, ...] = ()
    drawn: UncertaintyResult | None = None
    changes: pd.DataFrame | None = None
    cannot: Mapping[str, str] = field(default_factory=dict)  # what is missing here, and why

    @property
    def provenance(self) -> Provenance:
        """Who computed it, under which reading."""
        return self.solution.provenance

    def words(self, *, load: bool = True) -> str:
        """Say how the site stands: the load first where it does not fit, then the service that was asked for.

        Without `load` nothing is said of a load that fits.

        Examples
        --------
        >>> summary("L1", 99.9, samples=64).words()[:47]
        'Media of Level 1, one server with one TOE: 99.9'
        """
        main = next(item for item in self.services if item.service == self.asked)
        name = f"{self.asked.replace('_', ' ')} of {self.solution.study.site.title}"
        name = name[0].upper() + name[1:]
        spread = (
            ""
            if math.isnan(main.low_min_per_year)
            else f" ({minutes_text(main.low_min_per_year)} to {minutes_text(main.high_min_per_year)}, 90 %)"
        )
        down = f"{minutes_text(main.downtime_min_per_year)} minutes of downtime a year{spread}"
        often = main.failures_per_year
        each = f" of {format_duration(main.downtime_min_per_year / 60 / often)} each" if often else ""
        losses = f"{often:.2g} failures per year{each}"
        if main.target:
            judged = f"{main.target} is {main.verdict.upper()}, probability {percentage(main.probability)}"
            said = f"{name}: {judged}; {down}, {losses}."
            if self.drawn is not None and 0.0 < self.drawn.p_carries < 1.0:
                said += f" Its clients are carried with a probability of {percentage(self.drawn.p_carries)}."
        else:
            said = f"{name}: {down}, {losses}. No target was given; {main.usual}."
        if self.load.over:
            return f"{self.load.words()} {said}"
        return f"{said} {self.load.words()}" if load else said

    def table(self) -> pd.DataFrame:
        """Give the services as a table.

        Examples
        --------
        >>> summary("L1", 99.9, samples=64).table()["verdict"].tolist()[0]
        'not known'
        """
        import pandas as pd

        rows = [
            (s.service, s.verdict, s.probability, s.downtime_min_per_year, s.low_min_per_year, s.high_min_per_year,
             s.failures_per_year, s.target or s.usual)
            for s in self.services
        ]  # fmt: skip
        columns = ["service", "verdict", "p_met", "downtime_min_per_year", "low_min_per_year", "high_min_per_year",
                   "failures_per_year", "target"]  # fmt: skip
        return self.provenance.signed(pd.DataFrame(rows, columns=columns).set_index("service"))

    def _line(self) -> str:
        return self.words()


def summary(
    study: StudyLike,
    target: float | str | Mapping[str, Target | Mapping[str, object]] | None = None,
    *,
    samples: int = SAMPLES,
    seed: int = 1,
    organisation: Organisation | None = None,
    method: str = "auto",
    sure: float = SURE,
) -> Summary:
    """Put together what a decision about a site rests on.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    target : float, str or mapping, optional
        Availability [%] that is asked for, a file of them, or targets by service (`judge`).
    samples, seed : int
        Draws of the inputs, and their seed.
    sure : float
        Probability from which a target counts as met.

    Returns
    -------
    Summary
        Services with their verdicts; whether the clients are carried, now and after each single failure; three kinds of
        parts that cause the downtime; three changes that help most, as `advise` has them; which numbers could turn the
        verdict, and at which value.

    Raises
    ------
    InputError
        If a target is none, or of a service that the site does not have.

    Examples
    --------
    >>> found = summary("L2R", 99.99)
    >>> found.services[0].verdict, found.load.state, found.turns[0].effect
    ('not known', 'carried', 'met only below 0.000381 /h')
    """
    solution = solution_of(study, method, organisation)
    site = solution.study.site
    found = availability(solution)
    targets = dict(target) if isinstance(target, Mapping) else {} if target is None else read_target(target, solution)
    principal = principal_traffic(site)
    asked = next(iter(targets), principal)
    known = {item.service: item for item in found.services}
    # where it asks for more than that its one class is up, full service is the figure that counts
    loads = [site.traffic[name] for name in site.full_service_of]
    full_service = [FULL_SERVICE] if len(loads) > 1 or loads[0].share != "first" else []
    names = [
        *targets,
        principal,
        *full_service,
        *site.traffic,
        *(name for name, role in site.roles.items() if role.is_service),
    ]
    names = [name for name in dict.fromkeys(names) if name in known]
    cannot: dict[str, str] = {}
    drawn: UncertaintyResult | None = None
    try:
        drawn = uncertainty(solution, [*names, *_further(found.services, names)], samples=samples, seed=seed)
    except K2relError as error:
        cannot["drawn"] = str(error)
    judged = tuple(judge(solution, targets, samples=samples, seed=seed, sure=sure, drawn=drawn)) if targets else ()
    load = carrying(solution)
    verdicts = {one.service: one for one in judged}
    services = [_standing(known[name], verdicts.get(name), drawn, sure, is_loaded(site, name)) for name in names]
    if load.over and FULL_SERVICE in known and FULL_SERVICE not in names:
        full = known[FULL_SERVICE]
        services.append(
            Standing(FULL_SERVICE, full.title, full.downtime_min_per_year, math.nan, math.nan, full.failures_per_year,
                     never=NEVER if full.title.endswith(NEVER) else "")
        )  # fmt: skip
    main = verdicts.get(asked)
    percent = main.target_percent if isinstance(main, Judgement) else None
    changes: pd.DataFrame | None = None
    try:
        changes = best_changes(solution, asked, most=_FEW, target_percent=percent, sure=sure, samples=samples)
    except K2relError as error:
        cannot["changes"] = str(error)
    caused: tuple[Cause, ...] = ()
    try:
        caused = _causes(solution, asked)
    except K2relError as error:
        cannot["causes"] = str(error)
    return Summary(
        solution=solution,
        asked=asked,
        services=tuple(services),
        load=load,
        causes=caused,
        cures=() if changes is None else _cures(changes),
        turns=() if drawn is None or (judged and percent is None) else _turns(solution, asked, percent, load),
        takeovers=takeover_words(solution),
        weak=main.weak if isinstance(main, Judgement) else "",
        judged=judged,
        drawn=drawn,
        changes=changes,
        cannot=cannot,
    )


def _further(services: Sequence[ServiceAvailability], names: Sequence[str]) -> list[str]:
    """Services of the whole site that have no line of their own here."""
    return [s.service for s in services if s.scope == "site" and s.service not in (*names, FULL_SERVICE)]


def _standing(
    item: ServiceAvailability,
    judged: Judgement | WindowJudgement | None,
    drawn: UncertaintyResult | None,
    sure: float,
    loaded: bool,
) -> Standing:
    low, high = (limit * MINUTES_PER_YEAR for limit in item.limits or (math.nan, math.nan))
    if drawn is not None:
        import numpy as np

        low, high = np.quantile(drawn.unavailability[item.service] * MINUTES_PER_YEAR, [0.05, 0.95]).tolist()
    target = ""
    if judged is not None:
        target = judged.target.words() if isinstance(judged, WindowJudgement) else f"{judged.target_percent:.12g} %"
    return Standing(
        item.service, item.title, item.downtime_min_per_year, low, high, item.failures_per_year, target,
        judged.verdict if judged is not None else "",
        judged.probability if judged is not None else math.nan,
        () if judged is not None else _chances(item, drawn, sure, loaded),
    )  # fmt: skip


def _chances(
    item: ServiceAvailability, drawn: UncertaintyResult | None, sure: float, loaded: bool
) -> tuple[tuple[float, float], ...]:
    """The highest of the usual availabilities that a service surely has, and the next, with their probabilities."""
    allowed = {percent: allowed_min_per_year(percent) for percent in _USUAL}
    if drawn is None:
        found = {percent: float(item.downtime_min_per_year <= most) for percent, most in allowed.items()}
    else:
        found = {percent: drawn.probability(item.service, most, carrying=loaded) for percent, most in allowed.items()}
    has = [percent for percent, p in found.items() if p >= sure]
    return tuple(list(found.items())[max(0, len(has) - 1) :][:2])


def _causes(solution: Solution, service: str) -> tuple[Cause, ...]:
    """The kinds of parts that take most away; parts of one type together."""
    frame = causes(solution, service)
    site = solution.study.site
    found = []
    for kind, rows in frame.groupby("type", sort=False):
        parts = tuple(str(name) for name in rows.index)
        one = site.components.get(parts[0]) or site.raid_sets.get(parts[0])
        title = one.title if len(parts) == 1 and one is not None else str(kind).replace("_", " ")
        minutes, share = float(rows["downtime_min_per_year"].sum()), float(rows["share_of_downtime"].sum())
        found.append(Cause(title, parts, minutes, share))
    return tuple(sorted(found, key=lambda item: -item.share)[:_FEW])


def _cures(changes: pd.DataFrame) -> tuple[Cure, ...]:
    judged = "verdict" in changes
    return tuple(
        Cure(
            str(title), float(row["downtime_min_per_year"]), float(row["removed_share"]),
            str(row["verdict"]) if judged else "", float(row["p_met"]) if judged else math.nan,
        )
        for title, row in changes.iterrows()
    )  # fmt: skip


def _turns(solution: Solution, service: str, percent: float | None, load: Carrying) -> tuple[Turn, ...]:
    """Which numbers could turn the verdict, and at which value; without a target, which move the downtime most."""
    if percent is not None:
        import pandas as pd

        table = break_even(solution, service, allowed_min_per_year(percent))
        if is_loaded(solution.study.site, service) and service != FULL_SERVICE:
            # what cannot be carried meets no target, whatever its downtime
            rest = break_even(solution, FULL_SERVICE, allowed_min_per_year(percent))
            of_load = rest["kind"].isin(["capacity", "demand"]) & ~rest.index.isin(table.index)
            table = pd.concat([rest[of_load], table])
        met = "downtime short enough only" if load.over else "met only"
        return tuple(
            Turn(
                str(row["about"]), quantity_text(row["value"], row["unit"]),
                f"{met} {row['met_if']} {quantity_text(row['turns_at'], row['unit'])}", float(row["probability"]),
            )
            for _, row in table.head(_FEW).iterrows()
        )  # fmt: skip
    table = swing(solution, service)
    return tuple(
        Turn(
            str(row["about"]), quantity_text(row["value"], row["unit"]),
            f"{minutes_text(min(ends))} to {minutes_text(max(ends))} min a year",
        )
        for _, row in table.head(_FEW).iterrows()
        for ends in [(row["downtime_at_low_min_per_year"], row["downtime_at_high_min_per_year"])]
        if max(ends) - min(ends) > 1e-9 * max(ends)  # else it moves nothing
    )  # fmt: skip
