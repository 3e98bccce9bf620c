"""Is a target met: met, not met, or not known, by the probability over all inputs within their limits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from k2rel.arguments import as_number, as_seed, as_whole
from k2rel.bundled import input_file
from k2rel.columns import percentage, quantity_text
from k2rel.design.target_forms import (
    MET,
    NOT_KNOWN,
    NOT_MET,
    SURE,
    Target,
    WindowJudgement,
    WindowTarget,
    checked_target,
    target_of,
    verdict_of,
    window_judgement,
)
from k2rel.distributions import Z95
from k2rel.errors import InputError, Problem, closest
from k2rel.measures.availability import availability
from k2rel.measures.capacity import carried
from k2rel.measures.importance import causes
from k2rel.measures.inputs import inputs_of
from k2rel.measures.solution import Solution, StudyLike, solution_of, study_of
from k2rel.measures.uncertainty import UncertaintyResult, uncertainty
from k2rel.measures.what_matters import break_even
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.rates import Law
from k2rel.site.model import Site
from k2rel.site.service_names import FULL_SERVICE, is_of_lost_clients
from k2rel.site.source import read_yaml
from k2rel.tables import Shown
from k2rel.uncertain import MOST_POINTS
from k2rel.units import MINUTES_PER_YEAR, minutes_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MET",
    "NOT_KNOWN",
    "NOT_MET",
    "SAMPLES",
    "SURE",
    "Judgement",
    "checked_target",
    "judge",
    "judgement_table",
    "read_target",
]

_MOST = 0.5  # share of the downtime above which one part is named
_TARGET_FILE = (
    "a target file gives an availability [%] by service, such as 'media: 99.99', or what is asked of windows of time, "
    "such as 'media: {within: month, at most: 1 min, in: 95 %}'"
)
SAMPLES = 2000
"""Draws of the inputs that a verdict rests on where no other number is asked for."""


@dataclass(frozen=True, slots=True, repr=False)
class Judgement(Shown):
    """Whether a service meets its target."""

    service: str
    target_percent: float
    verdict: str  # met: with a probability of at least `sure`; not met: of at most 1 - `sure`; else not known
    allowed_min_per_year: float
    downtime_min_per_year: float  # with all inputs at their points
    low_min_per_year: float  # 5 % quantile over all inputs within their limits; of a simulation over its histories
    high_min_per_year: float  # 95 % quantile
    method: str
    takeovers: str  # "ideal" or "as modelled"
    probability: float = math.nan  # that the target is met
    sure: float = SURE
    p_carries: float = 1.0  # that the site carries its clients; a service that cannot be delivered meets no target
    turns: str = ""  # the input that turns the verdict nearest to its point, in words
    weak: str = ""  # what the downtime rests on most, where that is no figure of the thing itself

    def words(self) -> str:
        """Say it in a sentence.

        Examples
        --------
        >>> Judgement("media", 99.99, "met", 52.6, 10.0, 5.0, 20.0, "markov", "as modelled", 1.0).words()[:46]
        'media: the target of 99.99 % (52.6 min of down'
        """
        spread = "of the simulation's histories" if self.method == "simulation" else "with them within their limits"
        load = (
            ""
            if self.p_carries >= 1.0
            else (
                " The site cannot carry its clients with nothing failed."
                if self.p_carries <= 0.0
                else f" It carries its clients with a probability of {percentage(self.p_carries)} only."
            )
        )
        more = "".join(f" {text[0].upper()}{text[1:]}." for text in (self.turns, self.weak) if text)
        ends = (self.allowed_min_per_year, self.downtime_min_per_year, self.low_min_per_year, self.high_min_per_year)
        allowed, given, low, high = (minutes_text(minutes) for minutes in ends)
        return (
            f"{self.service.replace('_', ' ')}: the target of {self.target_percent:.12g} % ({allowed} min of downtime "
            f"a year) is {self.verdict.upper()}; it is met with a probability of {percentage(self.probability)}: "
            f"{given} min with all inputs as given, {low} to {high} (90 %) {spread}; takeovers {self.takeovers} "
            f"({self.method}).{load}{more}"
        )

    def _line(self) -> str:
        minutes = f"{minutes_text(self.downtime_min_per_year)} of {minutes_text(self.allowed_min_per_year)} min a year"
        judged = f"{self.target_percent:.12g} % is {self.verdict.upper()} ({percentage(self.probability)})"
        return f"{self.service}: {judged}, {minutes}; takeovers {self.takeovers} ({self.method})"


def read_target(text: str | float, study: StudyLike | Site) -> dict[str, Target]:
    """Read a target: an availability for the principal traffic, or a file with one for each service.

    Parameters
    ----------
    text : str or float
        A percentage such as ``99.99``, or the path of a YAML file that gives a percentage by service, or what is asked
        of windows of time: ``media: {within: month, at most: 1 min, in: 95 %}``.
    study : Study, str, Path, Answer or Site
        A study, or its site.

    Returns
    -------
    dict of str to float or WindowTarget
        Availability [%], or what is asked of windows, by service.

    Raises
    ------
    InputError
        If it is neither a percentage from 50 to below 100 nor such a file.

    Examples
    --------
    >>> read_target("99.99", "L2R")
    {'media': 99.99}
    """
    try:
        float(str(text).strip().removesuffix("%"))
    except ValueError:
        return _from_file(Path(str(text)))
    site = study if isinstance(study, Site) else study_of(study).site
    return {principal_traffic(site): checked_target(text)}


def checked_sure(sure: object) -> float:
    """Check the probability from which a target counts as met."""
    probability = as_number("sure", sure)
    if not 0.5 < probability < 1.0:
        raise InputError(f"sure: a probability above 0.5 and below 1, got {probability:g}")
    return probability


def allowed_min_per_year(percent: float) -> float:
    """Downtime that an availability leaves [min/year]."""
    return (100.0 - percent) / 100.0 * MINUTES_PER_YEAR


def _from_file(path: Path) -> dict[str, Target]:
    path = input_file(path)
    if not path.is_file():
        raise InputError(f"target '{str(path)[:80]}': neither a percentage such as 99.99 nor a file")
    source = read_yaml(path, _TARGET_FILE)
    if not isinstance(source.data, dict) or not source.data:
        raise InputError([Problem(_TARGET_FILE, path.name)])
    result: dict[str, Target] = {}
    problems = []
    for name, value in source.data.items():
        try:
            result[str(name)] = target_of(value)
        except InputError as error:
            problems.append(source.problem((name,), str(error)))
    if problems:
        raise InputError(problems)
    return result


def judge(
    study: StudyLike,
    targets: Mapping[str, Target | Mapping[str, object]],
    *,
    samples: int = SAMPLES,
    seed: int = 1,
    organisation: Organisation | None = None,
    method: str = "auto",
    sure: float = SURE,
    explain: bool = True,
    drawn: UncertaintyResult | None = None,
) -> list[Judgement | WindowJudgement]:
    """Judge services against their targets, with all inputs within their limits.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    targets : mapping
        Availability [%], or what is asked of windows of time, by service (`read_target`).
    samples, seed : int
        Draws of the inputs, and their seed.
    sure : float
        Probability from which a target counts as met, above 0.5; it is not met below 1 - `sure`.
    explain : bool
        Whether what turns a verdict that is not known is looked for.
    drawn : UncertaintyResult, optional
        Draws of its services, where already computed; they take the place of `samples` and `seed`.

    Returns
    -------
    list of Judgement or WindowJudgement
        One for each target; on windows with at most 100 draws.

    Raises
    ------
    InputError
        If there is no such service, or a target is no availability from 50 to below 100 %.

    Examples
    --------
    >>> [judgement.verdict for judgement in judge("L2R", {"media": 99.0})]
    ['met']
    """
    samples, seed = as_whole("samples", samples, 2, MOST_POINTS), as_seed(seed)
    sure = checked_sure(sure)
    if not isinstance(targets, Mapping):
        raise InputError(f"targets: an availability [%] by service is needed (read_target), got {str(targets)[:40]}")
    asked = {name: target_of(given) for name, given in targets.items()}
    solution = solution_of(study, method, organisation)
    study = solution.study
    found = availability(solution)
    names = [item.service for item in found.services]
    for name in asked:
        if name not in names:
            raise InputError(f"target: {study.site.name} has no service '{name[:60]}'{closest(name, names)}")
    shares = [name for name, target in asked.items() if not isinstance(target, WindowTarget)]
    if drawn is not None:
        _checked_draws(drawn, solution, shares)
    else:
        drawn = draws_for(solution, shares, samples, seed)
    result: list[Judgement | WindowJudgement] = []
    for name, percent in asked.items():
        loaded = is_loaded(study.site, name)
        if isinstance(percent, WindowTarget):
            result.append(
                window_judgement(solution, name, percent, samples=samples, seed=seed, sure=sure, loaded=loaded)
            )
            continue
        allowed, minutes = allowed_min_per_year(percent), found[name].downtime_min_per_year
        if drawn is not None:
            p = drawn.probability(name, allowed, carrying=loaded)
            low, high = np.quantile(drawn.unavailability[name] * MINUTES_PER_YEAR, [0.05, 0.95]).tolist()
            carries = drawn.p_carries if loaded else 1.0
        else:
            limits = found[name].limits or (found[name].unavailability, found[name].unavailability)
            low, high = (value * MINUTES_PER_YEAR for value in limits)
            carries = float(carried(study, {}, 1)[0]) if loaded else 1.0
            p = carries * _normal(minutes, low, high, allowed)
        verdict = verdict_of(p, sure)
        turns = ""
        if explain and verdict == NOT_KNOWN and drawn is not None:
            fits = not loaded or carried(study, {}, 1)[0]
            turns = _turns(solution, name, allowed) if fits else "with the inputs as given the clients are not carried"
        weak = _weak(solution, name) if explain else ""
        result.append(
            Judgement(name, percent, verdict, allowed, minutes, low, high, solution.method, solution.takeovers, p, sure,
                      carries, turns, weak)
        )  # fmt: skip
    return result


def draws_for(solution: Solution, services: Sequence[str], samples: int, seed: int = 1) -> UncertaintyResult | None:
    """The draws that verdicts of some services rest on; None where nothing is uncertain, or a simulation answers."""
    if not services or solution.method == "simulation" or not inputs_of(solution):
        return None
    return uncertainty(solution, services, samples=samples, seed=seed, frequency=False)


def judged_columns(
    solution: Solution,
    target: float | str | Mapping[str, Any] | None,
    sure: float,
    drawn: UncertaintyResult | None = None,
) -> dict[str, Any]:
    """What a table of sites says of the principal traffic's target; empty where there is none."""
    if target is None:
        return {}
    principal = principal_traffic(solution.study.site)
    percent = (target if isinstance(target, Mapping) else read_target(target, solution)).get(principal)
    if percent is None:
        return {}
    (judged,) = judge(solution, {principal: percent}, sure=sure, explain=False, drawn=drawn)
    percent = math.nan if isinstance(judged, WindowJudgement) else judged.target_percent
    return {"target_percent": percent, "verdict": judged.verdict, "p_met": judged.probability}


def _checked_draws(drawn: UncertaintyResult, solution: Solution, services: Iterable[str]) -> None:
    """Refuse draws of another study or reading, or without a service."""
    mine, theirs = solution.provenance, drawn.provenance
    if (mine.input_hash, mine.engine, mine.takeovers) != (theirs.input_hash, theirs.engine, theirs.takeovers):
        raise InputError("drawn: these draws are of another study or reading")
    for name in services:
        if name not in drawn.unavailability:
            raise InputError(
                f"drawn: there are no draws of '{name[:60]}'; they are of {', '.join(drawn.unavailability)}"
            )


def is_loaded(site: Site, service: str) -> bool:
    """Whether a service delivers traffic that counts: no target of it is met where that cannot be carried."""
    if service == FULL_SERVICE and service not in site.traffic:
        return any(site.traffic[name].demand_mb_s > 0 for name in site.full_service_of)
    if service not in site.traffic and is_of_lost_clients(service):
        service = site.principal
    of = service if service in site.traffic else service.rpartition("_client")[0]
    return of in site.full_service_of and site.traffic[of].demand_mb_s > 0


def _normal(value: float, low: float, high: float, allowed: float) -> float:
    """Probability of at most the allowed, by a normal distribution with a simulation's 90 % limits."""
    if not high > low:
        return float(value <= allowed)
    return 0.5 * math.erfc((value - allowed) / ((high - low) / (2.0 * Z95)) / math.sqrt(2.0))


def _turns(solution: Solution, service: str, allowed: float) -> str:
    """Which input turns a verdict, the one that most probably does."""
    table = break_even(solution, service, allowed)
    if not len(table):
        return "no single input changes the verdict"
    first = table.iloc[0]
    value = quantity_text(first["turns_at"], first["unit"])
    return f"met if {first['about']} is {first['met_if']} {value}, all else as given"


def _weak(solution: Solution, service: str) -> str:
    """What most of the downtime with ideal takeovers rests on, where its rate is that of something else."""
    if solution.method == "simulation":
        return ""
    shares = causes(solution_of(solution.study, "exact"), service)
    if not len(shares) or not shares["share_of_downtime"].iloc[0] > _MOST:
        return ""
    name = str(shares.index[0])
    law = solution.study.law(name) if name in solution.study.site.components else None
    if not isinstance(law, Law) or not law.evidence.startswith(("A", "P")):
        return ""
    kind = {"A": "an analogue", "P": "a prior"}[law.evidence[0]]
    part, share = name.replace("_", " "), 100 * shares["share_of_downtime"].iloc[0]
    return (
        f"{part} causes {share:.0f} % of the downtime with ideal takeovers, and its failure rate is {kind} (evidence "
        f"{law.evidence}, entry {law.rates_id})"
    )


def judgement_table(judgements: Sequence[Judgement | WindowJudgement]) -> pd.DataFrame:
    """Give judgements as a table.

    Parameters
    ----------
    judgements : sequence of Judgement
        The judgements.

    Returns
    -------
    pandas.DataFrame
        Index ``service``; ``target_percent``, ``verdict``, ``allowed_min_per_year``, ``downtime_min_per_year``,
        ``low_min_per_year``, ``high_min_per_year``, ``probability``, ``p_carries``; of windows
        ``within``, ``at_most_min``, ``p_met``.

    Examples
    --------
    >>> judged = judge("L1", {"media": 99.0})
    >>> judgement_table(judged)["verdict"].tolist()
    ['not known']
    """
    import pandas as pd

    frame = pd.DataFrame([one.row() if isinstance(one, WindowJudgement) else asdict(one) for one in judgements])
    said = {name: " and ".join(dict.fromkeys(frame[name])) for name in ("method", "takeovers")}
    frame = frame.drop(columns=[*said, "sure", "turns", "weak"], errors="ignore").set_index("service")
    frame.attrs.update(said)
    return frame
