"""A year is not an average: downtime and interruptions of one year, of one month, of any window of time.

Exact by the chain of the site where it tells all but a hundredth of the downtime; else counted in histories. The inputs
are taken as given: what their limits do to the figures is another question, which solves other chains the same way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_seed, as_whole
from k2rel.errors import InputError
from k2rel.inputs import Factors
from k2rel.measures.availability import service_named
from k2rel.measures.inputs import inputs_of
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.measures.uncertainty import drawn_factors
from k2rel.measures.window_draws import windows_at_draws
from k2rel.measures.window_engines import Figure, known_windows
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.studies import Provenance
from k2rel.tables import ShownTable
from k2rel.units import HOURS_PER_YEAR, format_duration, parse_duration

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "WINDOW_WORDS",
    "Figure",
    "Window",
    "downtime_h_of",
    "met_at_draws",
    "probability_within",
    "window",
    "window_h_of",
]

WINDOW_WORDS = ("hour", "day", "week", "month", "year")
_LONGEST_H = 100 * HOURS_PER_YEAR
_EXCEEDED = (0.5, 0.1, 0.01)
_ABOVE_H = (1 / 60, 1 / 6, 1.0, 4.0)
_MOST_DRAWS = 100_000


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
        Mean downtime [h], probability of none; at the inputs as given, as all but `spread`.
    above : tuple of (float, Figure)
        Downtimes [h] and the probability of more.
    exceeded : tuple of (float, Figure)
        Probabilities and the downtime that is exceeded with each [h].
    numbers : tuple of Figure
        Probability of 0, 1, 2, ... interruptions that begin in the window.
    left_out : float
        Share of the mean downtime that clients' own parts cause, which these figures leave out; 0 where simulated.
    spread : tuple of Figure
        Mean downtime [h], probability of none and of more than each time of `above`: mean, 5 % and 95 % over draws of
        the inputs within their limits; empty where none were asked for.
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
    spread: tuple[Figure, ...] = ()

    def table(self) -> pd.DataFrame:
        """Give downtimes and their probabilities.

        Returns
        -------
        pandas.DataFrame
            Index ``figure``; ``value``, ``low``, ``high``, in minutes or as probabilities, as the index says; where
            inputs were drawn, ``drawn_mean``, ``drawn_low``, ``drawn_high`` (5 and 95 %).

        Examples
        --------
        >>> window("L2R", within="month").table().index[1]
        'P(no downtime)'
        """
        import pandas as pd

        rows = {"mean downtime [min]": _minutes(self.mean_h), "P(no downtime)": self.none}
        rows |= {f"P(downtime above {format_duration(hours)})": figure for hours, figure in self.above}
        for share, figure in self.exceeded:
            rows[f"exceeded in 1 of {1 / share:.3g} [min]"] = _minutes(figure)
        frame = pd.DataFrame([asdict(row) for row in rows.values()], index=pd.Index(rows, name="figure"))
        if self.spread:
            drawn = [_minutes(self.spread[0]), *self.spread[1:]]
            drawn += [Figure(math.nan, math.nan, math.nan)] * (len(frame) - len(drawn))
            for column, field in (("drawn_mean", "value"), ("drawn_low", "low"), ("drawn_high", "high")):
                frame[column] = [getattr(figure, field) for figure in drawn]
        return self.provenance.signed(frame)

    def interruptions(self) -> pd.DataFrame:
        """Give the probability of each number of interruptions that begin in the window.

        Returns
        -------
        pandas.DataFrame
            Index ``interruptions``; ``probability``, ``low``, ``high``; as far as they matter.

        Examples
        --------
        >>> float(window("L2R", within="month").interruptions()["probability"].sum().round(3))
        1.0
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
            "drawn": None
            if not self.spread
            else {
                "mean_h": asdict(self.spread[0]),
                "p_no_downtime": asdict(self.spread[1]),
                "p_above": [asdict(figure) for figure in self.spread[2:]],
            },
        }

    @property
    def words_of_window(self) -> str:
        """The window as it stands in a sentence."""
        return f"a {self.within}".replace("a hour", "an hour") if self.within in WINDOW_WORDS else self.within

    def words(self) -> str:
        """Say it in a sentence.

        Examples
        --------
        >>> window("L2R").words()[-50:]
        'in one of a hundred; exact, at the inputs as given'
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
    samples: int = 0,
    seed: int = 1,
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
    samples, seed : int
        Draws of the inputs within their limits, by the chain, and their seed; by default none.

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
    >>> found.how, 0.0 < found.above[0][1].value < 1.0 - found.none.value
    ('exact', True)
    """
    words, window_h = window_h_of(within)
    limits = _limits(above, words, window_h)
    solution = solution_of(study, method, organisation)
    name = _named(solution, service)
    samples, seed = as_whole("samples", samples, 0, _MOST_DRAWS), as_seed(seed)
    known = known_windows(solution, name, window_h)
    spread = _spread(solution, name, window_h, limits, samples, seed) if samples else ()
    drawn = f", and beside it with them drawn within their limits ({samples} draws)" if spread else ""
    return Window(
        name,
        words,
        window_h,
        known.how,
        known.why,
        f"at the inputs as given{drawn}",
        known.mean(),
        known.none(),
        tuple(zip(limits, known.longer_than(limits), strict=True)),
        tuple((share, known.quantile(1.0 - share)) for share in _EXCEEDED),
        tuple(known.numbers()),
        known.left_out,
        known.provenance,
        spread,
    )


def _spread(
    solution: Solution, service: str, window_h: float, above_h: Sequence[float], draws: int, seed: int
) -> tuple[Figure, ...]:
    """Figures over draws of the inputs: mean, and 5 % and 95 % quantiles."""
    inputs = inputs_of(solution)
    if not inputs:
        raise InputError(
            f"samples: {solution.study.site.name} has no input with limits that {service} rests on; leave them out"
        )
    factors = drawn_factors(inputs, draws, seed)
    found = windows_at_draws(_exactly(solution, service, window_h), service, window_h, [0.0, *above_h], factors, draws)
    columns = [found.mean_h, 1.0 - found.above[:, 0], *found.above[:, 1:].T]
    return tuple(Figure(float(x.mean()), *np.quantile(x, [0.05, 0.95]).tolist()) for x in columns)


def _exactly(solution: Solution, service: str, window_h: float) -> Solution:
    """The solution, where its windows are exact: histories are counted at the inputs as given only."""
    if known_windows(solution, service, window_h).how != "exact":
        raise InputError(
            f"samples: {solution.study.site.name}: windows of {service} are counted in histories, which take the "
            "inputs as given; leave samples out"
        )
    return solution


def met_at_draws(
    solution: Solution, service: str, window_h: float, at_most_h: float, share: float, factors: Factors, draws: int
) -> NDArray[np.bool_]:
    """At which draws of the inputs so large a share of the windows has at most so much downtime."""
    found = windows_at_draws(solution, service, window_h, [at_most_h], factors, draws)
    return np.asarray(1.0 - found.above[:, 0] >= share)


def probability_within(
    solution: Solution, service: str | None, window_h: float, at_most_h: float
) -> tuple[Figure, str]:
    """Probability that the downtime of a window is at most so long, and whether it is exact or simulated."""
    known = known_windows(solution, _named(solution, service), window_h)
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
            f"{where}: '{text[:40]}' is not a valid window; write {', '.join(WINDOW_WORDS)}, or a length ('90 days')"
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
