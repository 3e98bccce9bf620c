"""Is a target met: not met, met, or not known within the uncertainty of the failure rates; and what would help most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from k2rel.arguments import as_seed, as_whole
from k2rel.design.target_forms import (
    Target,
    WindowJudgement,
    WindowTarget,
    checked_target,
    target_of,
    window_probability,
)
from k2rel.errors import InputError, Problem, closest
from k2rel.measures.availability import availability
from k2rel.measures.solution import StudyLike, solution_of, study_of
from k2rel.measures.uncertainty import rate_distributions, uncertainty
from k2rel.measures.windows import Figure
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.site.model import Site
from k2rel.site.source import read_yaml
from k2rel.tables import Shown
from k2rel.uncertain import MOST_POINTS
from k2rel.units import MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Judgement", "checked_target", "judge", "judgement_table", "read_target"]

_TARGET_FILE = (
    "a target file gives an availability [%] by service, such as 'media: 99.99', or what is asked of windows of time, "
    "such as 'media: {within: month, at most: 1 min, in: 95 %}'"
)
_MET, _NOT_MET, _OPEN = "met", "not met", "not known within the uncertainty"


@dataclass(frozen=True, slots=True, repr=False)
class Judgement(Shown):
    """Whether a service meets its target."""

    service: str
    target_percent: float
    verdict: str  # met: at the upper 5 % of the sampled downtime too; not met: even at the lower 5 %
    allowed_min_per_year: float
    downtime_min_per_year: float  # with the failure rates as given
    low_min_per_year: float  # 5 % quantile over the failure rates; what takeovers add is taken at the given ones
    high_min_per_year: float  # 95 % quantile
    method: str
    takeovers: str  # "ideal" or "as modelled"

    def words(self) -> str:
        """Say it in a sentence.

        Examples
        --------
        >>> Judgement("media", 99.99, "met", 52.6, 10.0, 5.0, 20.0, "markov", "as modelled").words()[:46]
        'media: the target of 99.99 % (52.6 min of down'
        """
        moved = "" if self.method == "exact" else " (the spread of ideal takeovers, moved to this figure)"
        return (
            f"{self.service.replace('_', ' ')}: the target of {self.target_percent:.6g} % "
            f"({self.allowed_min_per_year:.3g} min of downtime a year) is {self.verdict.upper()}: "
            f"{self.downtime_min_per_year:.3g} min with the failure rates as given, {self.low_min_per_year:.3g} to "
            f"{self.high_min_per_year:.3g} (90 %) with them within their limits{moved}; takeovers {self.takeovers} "
            f"({self.method})."
        )

    def _line(self) -> str:
        minutes = f"{self.downtime_min_per_year:.3g} of {self.allowed_min_per_year:.3g} min a year"
        judged = f"{self.target_percent:.6g} % is {self.verdict.upper()}"
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


def allowed_min_per_year(percent: float) -> float:
    """Downtime that an availability leaves [min/year]."""
    return (100.0 - percent) / 100.0 * MINUTES_PER_YEAR


def _from_file(path: Path) -> dict[str, Target]:
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
    samples: int = 4000,
    seed: int = 1,
    organisation: Organisation | None = None,
    method: str = "auto",
) -> list[Judgement | WindowJudgement]:
    """Judge services against their targets.

    Parameters
    ----------
    study, organisation, method
        As for `availability`. The spread over the failure rates is sampled with ideal takeovers in any case, and moved
        to the figure of the answer: what takeovers add is taken at the rates as given.
    targets : mapping
        Availability [%], or what is asked of windows of time, by service (`read_target`).
    samples : int
        Samples of the failure rates within their limits.
    seed : int
        Seed of the samples.

    Returns
    -------
    list of Judgement or WindowJudgement
        One for each target; of windows at the inputs as given.

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
    if not isinstance(targets, Mapping):
        raise InputError(f"targets: an availability [%] by service is needed (read_target), got {str(targets)[:40]}")
    asked = {name: target_of(given) for name, given in targets.items()}
    solution = solution_of(study, method, organisation)
    study = solution.study
    static = availability(study, method="exact")
    names = [item.service for item in static.services]
    for name in asked:
        if name not in names:
            raise InputError(f"target: {study.site.name} has no service '{name[:60]}'{closest(name, names)}")
    moving = availability(solution)
    shares = [name for name, target in asked.items() if not isinstance(target, WindowTarget)]
    spread = (
        uncertainty(study, shares, samples=samples, seed=seed).table() if shares and rate_distributions(study) else None
    )
    result: list[Judgement | WindowJudgement] = []
    for name, percent in asked.items():
        if isinstance(percent, WindowTarget):
            value, low, high, how = window_probability(solution, name, percent)
            verdict = _MET if low >= percent.share else _NOT_MET if high < percent.share else _OPEN
            found = Figure(value, low, high)
            result.append(WindowJudgement(name, percent, verdict, found, how, solution.method, solution.takeovers))
            continue
        preferred = static[name].downtime_min_per_year
        minutes = moving[name].downtime_min_per_year
        more = minutes - preferred
        low, high = (minutes, minutes)
        if spread is not None:
            low, high = (float(spread["q05"][name]) + more, float(spread["q95"][name]) + more)
        allowed = allowed_min_per_year(percent)
        verdict = _MET if max(high, minutes) <= allowed else _NOT_MET if min(low, minutes) > allowed else _OPEN
        result.append(
            Judgement(name, percent, verdict, allowed, minutes, low, high, solution.method, solution.takeovers)
        )
    return result


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
        ``low_min_per_year``, ``high_min_per_year``; of windows ``within``, ``at_most_min``, ``p_met`` instead.

    Examples
    --------
    >>> judged = judge("L1", {"media": 99.0})
    >>> judgement_table(judged)["verdict"].tolist()
    ['met']
    """
    import pandas as pd

    frame = pd.DataFrame([one.row() if isinstance(one, WindowJudgement) else asdict(one) for one in judgements])
    said = {name: " and ".join(dict.fromkeys(frame[name])) for name in ("method", "takeovers")}
    frame = frame.drop(columns=list(said)).set_index("service")
    frame.attrs.update(said)
    return frame
