"""A year is not an average: downtime and interruptions of one year, of one month, of any window of time.

Exact by the chain of the site where it tells all but a hundredth of the downtime; else counted in histories. The inputs
are taken as given: what their limits do to the figures is another question, which solves other chains the same way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from k2rel.ctmc.accumulated import Accumulated, accumulated
from k2rel.errors import InputError, K2relError
from k2rel.markov.engine import Dynamics
from k2rel.measures.availability import service_named
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.services.diagrams import Service
from k2rel.studies import Provenance
from k2rel.tables import ShownTable
from k2rel.units import HOURS_PER_YEAR, format_duration, parse_duration

if TYPE_CHECKING:
    import pandas as pd

    from k2rel.simulation.estimates import Estimate
    from k2rel.simulation.windows import CountedWindows

__all__ = ["WINDOW_WORDS", "Figure", "Window", "downtime_h_of", "probability_within", "window", "window_h_of"]

WINDOW_WORDS = ("hour", "day", "week", "month", "year")
_LONGEST_H = 100 * HOURS_PER_YEAR
_EXCEEDED = (0.5, 0.1, 0.01)
_ABOVE_H = (1 / 60, 1 / 6, 1.0, 4.0)
_BY_CLIENTS, _WIDEST = 0.01, 0.005
_RARE, _MOST_NUMBERS = 1e-6, 250


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, and limits: a proven bound where it is exact, a confidence interval where it is simulated."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False, repr=False)
class Window(ShownTable):
    """Downtime and interruptions of a service in one window of time, in the long run.

    Parameters
    ----------
    service : str
    within : str
        The window in words, such as ``month``.
    window_h : float
        Its length [h]; a month has 730.
    how, why : str
        ``exact`` or ``simulated``, and the reason.
    inputs : str
        How rates, times and probabilities of the site are taken.
    mean_h, none : Figure
        Mean downtime [h], probability of none.
    above : tuple of (float, Figure)
        Downtimes [h] and the probability of more.
    exceeded : tuple of (float, Figure)
        Probabilities and the downtime that is exceeded with each [h].
    numbers : tuple of Figure
        Probability of 0, 1, 2, ... interruptions that begin in the window.
    left_out : float
        Share of the mean downtime that clients' own parts cause, which these figures leave out; 0 where simulated.
    """

    service: str
    within: str
    window_h: float
    how: str
    why: str
    inputs: str
    mean_h: Figure
    none: Figure
    above: tuple[tuple[float, Figure], ...]
    exceeded: tuple[tuple[float, Figure], ...]
    numbers: tuple[Figure, ...]
    left_out: float
    provenance: Provenance

    def table(self) -> pd.DataFrame:
        """Give downtimes and their probabilities.

        Returns
        -------
        pandas.DataFrame
            Index ``figure``; ``value``, ``low``, ``high``, in minutes or as probabilities, as the index says.

        Examples
        --------
        >>> float(window("L2R", within="month").table()["value"].iloc[0].round(3))
        0.831
        """
        import pandas as pd

        rows = {"mean downtime [min]": _minutes(self.mean_h), "P(no downtime)": self.none}
        rows |= {f"P(downtime above {format_duration(hours)})": figure for hours, figure in self.above}
        for share, figure in self.exceeded:
            rows[f"exceeded in 1 of {1 / share:.3g} [min]"] = _minutes(figure)
        frame = pd.DataFrame([asdict(row) for row in rows.values()], index=pd.Index(rows, name="figure"))
        return self.provenance.signed(frame)

    def interruptions(self) -> pd.DataFrame:
        """Give the probability of each number of interruptions that begin in the window.

        Returns
        -------
        pandas.DataFrame
            Index ``interruptions``; ``probability``, ``low``, ``high``; as far as they matter.

        Examples
        --------
        >>> window("L2R", within="month").interruptions()["probability"].round(3).tolist()[:3]
        [0.875, 0.117, 0.008]
        """
        import pandas as pd

        rows = [{"probability": item.value, "low": item.low, "high": item.high} for item in self.numbers]
        frame = pd.DataFrame(rows, columns=["probability", "low", "high"]).rename_axis("interruptions")
        return self.provenance.signed(frame)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data.

        Examples
        --------
        >>> window("L2R", within="month").to_json()["how"]
        'exact'
        """
        return {
            **self.provenance.heading(),
            **{name: getattr(self, name) for name in ("service", "within", "window_h", "how", "why", "inputs")},
            "left_out": self.left_out,
            "mean_h": asdict(self.mean_h),
            "p_no_downtime": asdict(self.none),
            "p_above": [{"above_h": hours, **asdict(figure)} for hours, figure in self.above],
            "exceeded": [{"probability": share, "hours": asdict(figure)} for share, figure in self.exceeded],
            "p_interruptions": [asdict(figure) for figure in self.numbers],
        }

    @property
    def words_of_window(self) -> str:
        """The window as it stands in a sentence."""
        return f"a {self.within}".replace("a hour", "an hour") if self.within in WINDOW_WORDS else self.within

    def words(self) -> str:
        """Say it in a sentence.

        Examples
        --------
        >>> window("L2R").words()[:77]
        'media: 9.97 min of downtime in a year on average; none in 20.2 % of them, abo'
        """
        tenth, hundredth = (format_duration(figure.value) for share, figure in self.exceeded if share < 0.5)
        more = f"; left out: clients' own parts, {100 * self.left_out:.1g} % of it" if self.left_out >= 5e-4 else ""
        return (
            f"{self.service}: {60 * self.mean_h.value:.3g} min of downtime in {self.words_of_window} on average; none "
            f"in {100 * self.none.value:.3g} % of them, above {tenth} in one of ten, above {hundredth} in one of a "
            f"hundred; {self.how}, {self.inputs}{more}"
        )

    def _line(self) -> str:
        return self.words()


def _minutes(figure: Figure) -> Figure:
    return Figure(*(60.0 * value for value in (figure.value, figure.low, figure.high)))


def window(
    study: StudyLike,
    service: str | None = None,
    within: str | float = "year",
    organisation: Organisation | None = None,
    *,
    above: Sequence[str | float] | str | float | None = None,
    method: str = "auto",
) -> Window:
    """Say how the downtime and the interruptions of a service spread over windows of time.

    Parameters
    ----------
    study, organisation, method
        As for `availability`. Where the chain cannot tell, and no engine was named, histories are counted.
    service : str, optional
        The service; by default the principal traffic.
    within : str or float
        ``year``, ``month``, ``week``, ``day``, ``hour``, or a length such as ``"90 days"``; a number is in hours.
    above : str, float or sequence of these, optional
        Downtimes of which the probability of more is asked; by default 1 min, 10 min, 1 h and 4 h.

    Returns
    -------
    Window
        Mean, probability of none and of more than asked, what one window of two, ten and a hundred exceeds, number of
        interruptions; with limits.

    Raises
    ------
    InputError
        If there is no such service or window, a downtime is none of it, or the engine that is named cannot tell.

    Examples
    --------
    >>> found = window("L2R", within="month", above="1 min")
    >>> round(found.above[0][1].value, 4), round(60 * found.exceeded[1][1].value, 2)
    (0.0409, 0.19)
    """
    words, window_h = window_h_of(within)
    limits = _limits(above, words, window_h)
    solution = solution_of(study, method, organisation)
    name = _named(solution, service)
    known = _known(solution, name, window_h)
    return Window(
        name,
        words,
        window_h,
        known.how,
        known.why,
        "at the inputs as given",
        known.mean(),
        known.none(),
        tuple(zip(limits, known.longer_than(limits), strict=True)),
        tuple((share, known.quantile(1.0 - share)) for share in _EXCEEDED),
        tuple(known.numbers()),
        known.left_out,
        known.provenance,
    )


def probability_within(
    solution: Solution, service: str | None, window_h: float, at_most_h: float
) -> tuple[Figure, str]:
    """Probability that the downtime of a window is at most so long, and whether it is exact or simulated."""
    known = _known(solution, _named(solution, service), window_h)
    more = known.longer_than([at_most_h])[0]
    return Figure(1.0 - more.value, 1.0 - more.high, 1.0 - more.low), known.how


def window_h_of(within: object, where: str = "window") -> tuple[str, float]:
    """Read a window: in words, and its length [h].

    Examples
    --------
    >>> window_h_of("month"), window_h_of("90 days")
    (('month', 730.0), ('90 days', 2160.0))
    """
    text = " ".join(str(within).split())
    try:
        hours = parse_duration(f"1 {text}" if text in WINDOW_WORDS else within)
    except ValueError:
        raise InputError(
            f"{where}: '{text[:40]}' is no window; {', '.join(WINDOW_WORDS)}, or a length such as '90 days'"
        ) from None
    if not 0 < hours <= _LONGEST_H:
        raise InputError(f"{where}: a window above 0 and at most 100 years, got {text[:40]}")
    return (text if text in WINDOW_WORDS else format_duration(hours), hours)


def _limits(above: object, words: str, window_h: float) -> list[float]:
    """Downtimes that are asked about [h]."""
    if above is None:
        return [hours for hours in _ABOVE_H if hours < window_h]
    given = [above] if isinstance(above, str) or not isinstance(above, Sequence) else list(above)
    return [downtime_h_of(item, words, window_h, "above") for item in given]


def downtime_h_of(value: object, words: str, window_h: float, where: str) -> float:
    """Read a downtime of a window [h]."""
    try:
        hours = parse_duration(value)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None
    if hours >= window_h:
        raise InputError(f"{where}: a downtime below the window itself ({words}) is needed, got {str(value)[:40]}")
    return hours


def _named(solution: Solution, service: str | None) -> str:
    """The name of a service that there is."""
    return principal_traffic(solution.study.site) if service is None else service_named(solution.study, service).name


def _known(solution: Solution, service: str, window_h: float) -> _Exact | _Counts:
    """The chain where it tells enough, else histories; an engine that was named does not give way to another."""
    if solution.method == "exact" and not solution.chosen:
        raise solution.cannot("the downtime of one window of time", "auto, markov or simulation")
    if solution.method == "simulation":
        return _Counts(_counted(solution, service, window_h), solution.reason)
    try:
        return _by_chain(solution, service, window_h)
    except K2relError as error:
        name = solution.study.site.name
        reason = str(error).removeprefix(f"{name}: ")
        if not solution.chosen:
            raise InputError(
                f"{name}: the {solution.method} engine cannot give the downtime of a window: {reason}; "
                "ask with method auto or simulation"
            ) from None
    return _Counts(_counted(solution, service, window_h), reason)


@dataclass(frozen=True, eq=False)
class _Exact:
    """By the chain; `bound` is that of the states that it leaves out, `left_out` the share of clients' own parts."""

    found: Accumulated
    bound: float
    mean_bound_h: float
    left_out: float
    why: str
    provenance: Provenance
    how: str = "exact"

    def _figure(self, value: float, error: float) -> Figure:
        value, wrong = float(value), float(error) + self.bound
        return Figure(value, max(value - wrong, 0.0), min(value + wrong, 1.0))

    def mean(self) -> Figure:
        mean = self.found.mean_h
        return Figure(mean, max(mean - self.mean_bound_h, 0.0), mean + self.mean_bound_h)

    def none(self) -> Figure:
        return self._figure(*self.found.none())

    def longer_than(self, times_h: Sequence[float]) -> list[Figure]:
        return [self._figure(*each) for each in zip(*map(list, self.found.longer_than(times_h)), strict=True)]

    def quantile(self, share: float) -> Figure:
        error = self.bound + self.found.none()[1]
        at = (share, max(share - error, 0.0), min(share + error, 1.0 - 1e-12))
        return Figure(*(self.found.quantile_h(each) for each in at))

    def numbers(self) -> list[Figure]:
        expected = self.found.entries
        most = int(min(expected + 12.0 * math.sqrt(expected) + 12.0, _MOST_NUMBERS))
        return [self._figure(*each) for each in zip(*map(list, self.found.visits(most, _RARE)), strict=True)]


def _by_chain(solution: Solution, service: str, window_h: float) -> _Exact:
    """By the chain, or why not."""
    study = solution.study
    dynamics = solution.chain.dynamics
    found = service_named(study, service, dynamics.policy)
    down = dynamics.unavailability(found)
    shared = float(dynamics.probability[dynamics.down(found)].sum())
    left_out = max(0.0, 1.0 - shared / down) if down > 0 else 0.0
    if left_out > _BY_CLIENTS:
        raise InputError(
            f"clients' own parts cause {100 * left_out:.2g} % of the downtime of {service}, which the chain does not "
            "follow"
        )
    states = dynamics.states
    bound = states.share_bound + (states.left_per_h + _changed_by_tests_per_h(dynamics)) * window_h
    spent = _accumulated(dynamics, found, window_h)
    if not bound + spent.merged <= _WIDEST:
        raise InputError(
            f"with {states.chain.states:,} states a probability is bounded by {bound + spent.merged:.1e}, too wide"
        )
    spent.none()  # of chains that are too large for the numbers, this is the first to say so
    why = "the chain tells where the site is and for how long"
    return _Exact(
        spent, bound, states.error_bound * window_h, left_out, why,
        replace(
            dynamics.provenance, takeovers=solution.takeovers, reason=solution.reason, error_bound=bound + spent.merged,
        ),
    )  # fmt: skip


def _changed_by_tests_per_h(dynamics: Dynamics) -> float:
    """How often tests on their days, not after an exponential time, can change what happens while something is failed.

    The engine bounds the share of time; such times last as long as times with something failed do.
    """
    if not dynamics.test_bound:
        return 0.0
    flows = dynamics.flows_between(dynamics.states.all_up.astype(np.int64), 2)
    return dynamics.test_bound * float(flows[1, 0]) / float(dynamics.probability[~dynamics.states.all_up].sum())


@lru_cache(maxsize=8)
def _accumulated(dynamics: Dynamics, service: Service, window_h: float) -> Accumulated:
    """Kept, since the table, the verdict and the page ask the same."""
    return accumulated(dynamics.states.chain, dynamics.probability, dynamics.down(service), window_h)


@dataclass(frozen=True, eq=False)
class _Counts:
    """By histories."""

    found: CountedWindows
    why: str
    how: str = "simulated"
    left_out: float = 0.0

    @property
    def provenance(self) -> Provenance:
        return replace(self.found.run.provenance, reason=self.why)

    def mean(self) -> Figure:
        return _figure(self.found.mean())

    def none(self) -> Figure:
        return _figure(self.found.none())

    def longer_than(self, times_h: Sequence[float]) -> list[Figure]:
        return [_figure(each) for each in self.found.longer_than(times_h)]

    def quantile(self, share: float) -> Figure:
        return _figure(self.found.quantile(share))

    def numbers(self) -> list[Figure]:
        return [_figure(each) for each in self.found.visits()]


def _figure(estimate: Estimate) -> Figure:
    return Figure(estimate.value, estimate.low, estimate.high)


def _counted(solution: Solution, service: str, window_h: float) -> CountedWindows:
    from k2rel.simulation.windows import CountedWindows

    return CountedWindows(_histories(solution, window_h), service)


@lru_cache(maxsize=4)
def _histories(solution: Solution, window_h: float) -> Any:
    """Histories under the same reading, whose years are parted into windows; kept for the other services."""
    from k2rel.simulation.engine import moderate_plan
    from k2rel.simulation.windows import WindowPlan

    plan = solution.plan or moderate_plan(solution.study, solution.followed, solution.circumstances)
    years = max(plan.years, math.ceil(window_h / HOURS_PER_YEAR * (1.0 - 1e-12)))
    return solution.histories(WindowPlan.of(replace(plan, years=years), window_h))
