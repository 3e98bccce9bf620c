"""What a service is like over time, from everything new and in service."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_times
from k2rel.errors import InputError
from k2rel.exact.engine import unavailability, unavailability_over_time
from k2rel.logic.rounding import at_most_one
from k2rel.markov.engine import Dynamics, solved
from k2rel.measures.availability import service_named
from k2rel.measures.solution import Solution, StudyLike, framed, solution_of
from k2rel.memory import check_each
from k2rel.organisation import Organisation
from k2rel.rates import common_period_h
from k2rel.services.diagrams import Service
from k2rel.studies import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["dynamic_over_time", "over_time"]

FloatArray = NDArray[np.float64]

_SHORTEST_H = 1e-2
_CYCLES, _SETTLED = 4, 40  # times the longest interval between tests, and the longest repair, until all repeats itself
_MOST_DAYS = 2000
_TOLERANCE = 1e-7
_TIME_BYTES = 8.0 * (12 * 4 + 10)  # of a time with its panel of twelve points, beside a piece of parts and modes


def over_time(
    study: StudyLike,
    service: str | None,
    times_h: Sequence[float] | FloatArray | float,
    organisation: Organisation | None = None,
    *,
    method: str = "auto",
) -> pd.DataFrame:
    """Compute the probability that a service is down over time, everything new and in service at time 0.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    service : str or None
        The service; None for the principal traffic.
    times_h : sequence of float
        Times [h].

    Returns
    -------
    pandas.DataFrame
        Index ``time_h``; ``point_unavailability`` with repair, ``interval_unavailability`` (its mean from time 0,
        IEC 60050-192-08-07), and 1 minus each. The exact engine also gives ``mission_unreliability`` without any repair
        during the mission; where a second failure can bring a service back (a takeover that a first failure prevented,
        for example), it is the probability of being lost at the end.

    Raises
    ------
    InputError
        If there is no such service, a time is negative or not finite, or the site is simulated.
    ModelTooLargeError
        If a switchover of seconds and a time of years ask for too many steps of the chain.

    Examples
    --------
    >>> over_time("L2", "media", [0.0, 1e5])["point_unavailability"].round(6).tolist()
    [0.0, 0.000374]
    """
    import pandas as pd

    solution = solution_of(study, method, organisation)
    times = np.array(as_times("times_h", times_h), dtype=np.float64)
    if solution.method == "simulation":
        raise solution.cannot("probabilities at times of your own", "exact or markov")
    if not len(times):
        raise InputError("times_h: name at least one time")
    if solution.method == "markov":
        return framed(_followed(solution, service, times), solution)
    check_each(len(times), _TIME_BYTES, "times")
    found = service_named(solution.study, service)
    point = unavailability_over_time(solution.study, found, times, repaired=True)
    mission = unavailability_over_time(solution.study, found, times, repaired=False)
    frame = pd.DataFrame(
        {
            **_both("point", point),
            **_both("interval", _mean_from_start(solution.study, times, *_independent(solution.study, found))),
            "mission_unreliability": mission,
            "mission_reliability": 1.0 - mission,
        },
        index=pd.Index(times, name="time_h"),
    )
    return framed(frame, solution)


def _both(what: str, unavailability: FloatArray) -> dict[str, FloatArray]:
    return {f"{what}_unavailability": unavailability, f"{what}_availability": 1.0 - unavailability}


def _followed(solution: Solution, service: str | None, times_h: FloatArray) -> pd.DataFrame:
    """Follow the chain; what no tolerance is asked of is followed with fewer states, since each step costs."""
    import pandas as pd

    assert solution.organisation is not None
    tolerance = solution.organisation.tolerance or _TOLERANCE
    dynamics = solved(solution.study, replace(solution.organisation, tolerance=tolerance))
    found = service_named(solution.study, service, dynamics.policy)
    given = dynamics.unavailability_given_mode(found)
    probability, spent_h = dynamics.over_time(times_h.tolist())
    point = _with_own_parts(dynamics, found, times_h, probability)
    given = dynamics.unavailability_given_mode(found)
    lost_h = spent_h @ given[dynamics.modes(found.diagram)] + _until_own_parts_settle(dynamics, found, times_h)
    mean = np.divide(lost_h, times_h, out=np.zeros(len(times_h)), where=times_h > 0)
    columns = _both("point", point) | _both("interval", at_most_one(mean))
    return pd.DataFrame(columns, index=pd.Index(times_h, name="time_h"))


def _with_own_parts(dynamics: Dynamics, service: Service, times_h: FloatArray, probability: FloatArray) -> FloatArray:
    """Point unavailability from that of the states, and the clients' own parts, which do not depend on them."""
    own, laws = dynamics.own, dynamics.study.client_laws
    q = np.array([laws[name].unavailability_at(times_h) for name in own.names]).reshape(len(own.names), -1)
    given = service.unavailability(own.states.probability(q))
    return at_most_one(np.asarray((_of_modes(dynamics, service, probability) * given.T).sum(axis=1)))


def _of_modes(dynamics: Dynamics, service: Service, probability: FloatArray) -> FloatArray:
    """Probability of each mode of a service (times x modes)."""
    mode, count = dynamics.modes(service.diagram), service.diagram.modes
    return np.array([np.bincount(mode, weights=row, minlength=count) for row in probability])


def _until_own_parts_settle(dynamics: Dynamics, service: Service, times_h: FloatArray) -> FloatArray:
    """Time lost until each time beyond what there would be with the clients' own parts as in the long run [h].

    With no failures of them at first it is negative; tests of them on known days never settle.
    """
    given = dynamics.unavailability_given_mode(service)
    laws = [law for law in dynamics.study.client_laws.values() if law.unavailability > 0]
    if not laws or not times_h.any() or np.isin(given, (0.0, 1.0)).all():
        return np.zeros(len(times_h))
    tested = dynamics.study.tested
    settled = math.inf if tested.keys() & dynamics.study.client_laws.keys() else _SETTLED * max(x.mttr_h for x in laws)
    until = np.minimum(times_h, settled)
    panels = min(law.mttr_h for law in laws) / 4 * 2.0 ** np.arange(60)
    days = [test.days_until(float(until.max()), _MOST_DAYS) for test in {law.single.tests for law in tested.values()}]
    edges = np.unique(np.concatenate([[0.0], panels, until, *days]))

    def more(at: FloatArray) -> FloatArray:
        probability = dynamics.over_time(at.tolist(), accumulate=False)[0]
        return _with_own_parts(dynamics, service, at, probability) - _of_modes(dynamics, service, probability) @ given

    return _integral(more, edges[edges <= until.max()], 4)[np.searchsorted(edges, until)]


def _independent(study: Study, service: Service) -> tuple[Callable[[FloatArray], FloatArray], float]:
    """Point unavailability of independent parts at times, and the one in the long run."""
    return (
        lambda at: unavailability_over_time(study, service, at, repaired=True),
        unavailability(study, service),
    )


def _mean_from_start(
    study: Study, times_h: FloatArray, point: Callable[[FloatArray], FloatArray], steady: float
) -> FloatArray:
    """Mean of the point unavailability from time 0 to each time."""
    last = float(times_h.max(initial=0.0))
    if last == 0.0:
        return np.zeros(len(times_h))
    if study.tested:
        lost_h = _lost_with_tests(study, times_h, point, steady)
    else:
        doubling = _doubling(last)
        edges = np.unique(np.concatenate([[0.0], doubling[doubling < last], times_h]))
        lost_h = _integral(point, edges, 12)[np.searchsorted(edges, times_h)]
    return at_most_one(np.asarray(np.divide(lost_h, times_h, out=np.zeros(len(times_h)), where=times_h > 0)))


def _doubling(last: float) -> FloatArray:
    """Ends of panels that double in length: point unavailability has time constants orders of magnitude apart [h]."""
    return np.asarray(_SHORTEST_H * 2.0 ** np.arange(max(1, math.ceil(math.log2(max(last / _SHORTEST_H, 1.0))))))


def _integral(point: Callable[[FloatArray], FloatArray], edges: FloatArray, points: int) -> FloatArray:
    """Integral of the point unavailability from 0 to each edge [h]: Gauss-Legendre quadrature on each panel."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    half = np.diff(edges) / 2
    at = (edges[:-1, None] + half[:, None] * (nodes + 1.0)).reshape(-1)
    lost = point(at).reshape(len(half), -1)
    return np.concatenate([[0.0], np.cumsum(half * (lost @ weights))])


def _lost_with_tests(
    study: Study, times_h: FloatArray, point: Callable[[FloatArray], FloatArray], steady: float
) -> FloatArray:
    """Mean time that a service is lost until each time, where parts are tested on known days [h].

    Tests begin panels of their own; whole periods of them, once all repeats itself, have the mean over their cycle.
    """
    laws = list(study.tested.values())
    tests = list({law.single.tests for law in laws})
    per_h = sum(len(test.offsets_h) / test.interval_h for test in tests)
    settled = _CYCLES * max(test.interval_h for test in tests)
    settled = max(settled, _SETTLED * max(law.mttr_h for _, law in study.laws.used()))
    period, most = common_period_h(laws), _MOST_DAYS / per_h
    if settled + period <= most:  # whole periods are left out: the mean over one is known
        left_out = np.floor(np.maximum(times_h - settled, 0.0) / period) * period
    else:  # followed as far as it goes; after so many tests one more or less is nothing
        left_out = np.maximum(times_h - most, 0.0)
    followed = times_h - left_out
    last = float(followed.max())
    days = np.unique(np.concatenate([[0.0], *(test.days_until(last, _MOST_DAYS) for test in tests)]))
    shortest = min(max(test.mttr_h, 1e-3) for test in tests)
    longest = max(float(np.diff(days, append=last).max()), shortest)
    steps = shortest * np.append(0.0, 4.0 ** np.arange(1 + math.ceil(math.log(longest / shortest, 4.0))))
    after = (days[:, None] + steps)[steps < np.diff(days, append=last)[:, None]]
    edges = np.unique(np.concatenate([[0.0], after, days, _doubling(last), followed]))
    edges = edges[edges <= last]
    found = _integral(point, edges, 8)[np.searchsorted(edges, followed)]
    return found + left_out * steady


def dynamic_over_time(
    study: StudyLike,
    times_h: Sequence[float] | FloatArray | float,
    organisation: Organisation | None = None,
    service: str | None = None,
) -> pd.DataFrame:
    """Follow a service over time by the chain: `over_time` with method markov.

    Parameters
    ----------
    study, times_h, organisation, service
        As for `over_time`.

    Returns
    -------
    pandas.DataFrame
        As `over_time`.

    Examples
    --------
    >>> dynamic_over_time("L2R", [0.0, 10.0])["point_unavailability"].iloc[0]
    np.float64(0.0)
    """
    return over_time(study, service, times_h, organisation, method="markov")
