"""Which input the spread of a figure comes from, what each does alone, and at which value it turns a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_number, as_seed
from k2rel.errors import InputError, closest
from k2rel.inputs import Input
from k2rel.measures.availability import service_named
from k2rel.measures.draws import Drawn
from k2rel.measures.inputs import about, inputs_of
from k2rel.measures.solution import Solution, StudyLike, framed, solution_of
from k2rel.measures.surrogate import Polynomial, Scores, fitted
from k2rel.measures.uncertainty import drawn_factors
from k2rel.organisation import Organisation
from k2rel.services.diagrams import Service
from k2rel.uncertain import sobol_indices_of_groups
from k2rel.units import MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GROUPINGS", "break_even", "sensitivity", "swing"]

FloatArray = NDArray[np.float64]

GROUPINGS = ("input", "kind", "entry", "source", "evidence")
"""Every input by itself; by what it is, by its entry of the registry, by its source, by its evidence code."""

_FITTED, _BASE = 2048, 8192
_EXPLAINED = 0.95  # of the variance of the logarithm, below which no polynomial answers
_ALONE = 10  # inputs that stand by themselves in a table of shares
_GRID = np.linspace(0.05, 0.95, 9)
_HALVINGS = 14


class _Asked:
    """One service of one solution at draws of inputs."""

    def __init__(self, study: StudyLike, service: str | None, organisation: Organisation | None, method: str) -> None:
        self.solution: Solution = solution_of(study, method, organisation)
        self.drawn = Drawn(self.solution)
        name = service_named(self.solution.study, service).name
        self.service: Service = next(found for found in self.drawn.services if found.name == name)
        self.inputs = inputs_of(self.solution)

    def minutes(self, factors: Mapping[str, FloatArray], draws: int) -> FloatArray:
        """Downtime at every draw [min/year]."""
        return self.drawn.figures([self.service], factors, draws).unavailability[self.service.name] * MINUTES_PER_YEAR

    def alone(self, values: Sequence[tuple[str, float]]) -> FloatArray:
        """Downtime with one input at a value and all others at their point, for each pair [min/year]."""
        if not values:
            return np.zeros(0)
        factors = {name: np.ones(len(values)) for name in dict.fromkeys(name for name, _ in values)}
        for k, (name, value) in enumerate(values):
            factors[name][k] = value / self.inputs[name].point
        return self.minutes(factors, len(values))

    @property
    def at_point(self) -> float:
        """Downtime with every input at its point [min/year]."""
        return self.solution.engine.unavailability(self.service) * MINUTES_PER_YEAR


@lru_cache(maxsize=8)
def _at_limits(solution: Solution, service: str) -> FloatArray:
    """Downtime with each input at its lower and its upper limit, all others at their point [min/year]."""
    asked = _Asked(solution, service, None, "auto")
    ends = asked.alone([(item.name, end) for item in asked.inputs.values() for end in (item.low, item.high)])
    ends.flags.writeable = False
    return ends.reshape(-1, 2)


def swing(
    study: StudyLike,
    service: str | None = None,
    *,
    organisation: Organisation | None = None,
    method: str = "auto",
) -> pd.DataFrame:
    """Compute the downtime of a service with each input at its limits, one after another: a tornado.

    Parts whose rate comes from the same row of the table move together; all others stay at their point.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    service : str, optional
        The service; by default the principal traffic.

    Returns
    -------
    pandas.DataFrame
        Index ``input``, widest swing first; ``about``, ``kind``, ``evidence``, ``value``, ``low``, ``high``,
        ``unit``, and ``downtime_at_low_min_per_year``, ``downtime_at_high_min_per_year``.

    Raises
    ------
    InputError
        If there is no such service, or a simulation answers.

    Examples
    --------
    >>> swing("L2R", method="exact").index[0]
    'raid_midplane.failure_rate'
    """
    import pandas as pd

    asked = _Asked(study, service, organisation, method)
    items = list(asked.inputs.values())
    ends = _at_limits(asked.solution, asked.service.name)
    rows = [
        (item.name, about(asked.solution.study, item), item.kind, item.evidence, item.point, item.low, item.high,
         item.unit, *pair)
        for item, pair in zip(items, ends.tolist(), strict=True)
    ]  # fmt: skip
    columns = ["input", "about", "kind", "evidence", "value", "low", "high", "unit",
               "downtime_at_low_min_per_year", "downtime_at_high_min_per_year"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).set_index("input")
    order = (frame[columns[-1]] - frame[columns[-2]]).abs().sort_values(ascending=False, kind="stable").index
    return framed(frame.loc[order], asked.solution)


def sensitivity(
    study: StudyLike,
    service: str | None = None,
    *,
    by: str = "input",
    samples: int | None = None,
    seed: int = 1,
    organisation: Organisation | None = None,
    method: str = "auto",
) -> pd.DataFrame:
    r"""Split the variance of a service's downtime into what its inputs contribute: Sobol' indices.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    service : str, optional
        The service; by default the principal traffic.
    by : {"input", "kind", "entry", "source", "evidence"}
        What is put together; by input those with a small swing stand together as "all others".
    samples : int, optional
        Base sample, a power of 2, for which the engine answers (groups + 2) times. By default the exact engine answers
        for 1,024, and in place of a chain answers a polynomial, fitted to 2,048 draws of it, for 8,192.
    seed : int
        Seed.

    Returns
    -------
    pandas.DataFrame
        Largest total first; ``about`` (in words), ``first_order``, what goes when the group becomes known, and
        ``total``, with what it does together with others, each with 90 % bootstrap limits ``first_low``,
        ``first_high``, ``total_low``, ``total_high``; ``deviation_if_known_min_per_year``, the standard deviation that
        then is left; ``inputs``. Its attrs say what only several do ``together``, the ``deviation`` now, and how much
        of draws that it has not seen a polynomial ``explained``.

    Raises
    ------
    InputError
        If there is no such service or grouping, nothing has limits, or `samples` is no power of 2.

    Notes
    -----
    Sobol' indices of groups (`k2rel.uncertain.sobol_indices_of_groups`); inputs are independent.

    Examples
    --------
    >>> found = sensitivity("L1", "control", samples=64)
    >>> bool(found["total"].iloc[0] > found["total"].iloc[1])
    True
    """
    import pandas as pd

    if by not in GROUPINGS:
        raise InputError(f"by '{str(by)[:40]}': one of {', '.join(GROUPINGS)}{closest(str(by), GROUPINGS)}")
    asked = _Asked(study, service, organisation, method)
    items = list(asked.inputs.values())
    ends = _at_limits(asked.solution, asked.service.name)
    spread = np.abs(ends[:, 1] - ends[:, 0])
    matter = {items[i].name: items[i] for i in np.argsort(-spread, kind="stable").tolist() if spread[i] > 0.0}
    if not matter:
        raise InputError(f"{asked.solution.study.site.name}: no input with limits affects '{asked.service.name}'")
    groups = _groups(matter, by)
    distributions = {name: item.distribution for name, item in matter.items()}
    polynomial, explained = None, 1.0
    if samples is None and asked.solution.method == "markov":
        polynomial, explained = _polynomial(asked.solution, asked.service.name, tuple(matter), as_seed(seed))
    if explained < _EXPLAINED:
        polynomial = None
    base = samples if samples is not None else _BASE if polynomial else 1024 if explained == 1.0 else 256

    known: Scores = {}  # a group at a time changes, the rest is as it was

    def model(values: Mapping[str, FloatArray]) -> FloatArray:
        if polynomial is not None:
            return polynomial(values, known)
        return asked.minutes({name: drawn / matter[name].point for name, drawn in values.items()}, base)

    indices, variance = sobol_indices_of_groups(model, distributions, groups, base, seed)
    rows = []
    for name, members in groups.items():
        share = indices[name]
        left = math.sqrt(variance * max(0.0, 1.0 - share.first))
        said = about(asked.solution.study, matter[name]) if by == "input" and name in matter else name
        rows.append((name, said, share.first, share.first_low, share.first_high, share.total, share.total_low,
                     share.total_high, left, " ".join(members)))  # fmt: skip
    columns = [by, "about", "first_order", "first_low", "first_high", "total", "total_low", "total_high",
               "deviation_if_known_min_per_year", "inputs"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).set_index(by)
    frame = frame.sort_values("total", ascending=False, kind="stable")
    more = {"together": 1.0 - float(frame["first_order"].sum()), "deviation": math.sqrt(variance)}
    more |= {"explained": explained} if polynomial is not None else {}
    return framed(frame, asked.solution, seed=seed, samples=base, **more)


@lru_cache(maxsize=8)
def _polynomial(solution: Solution, service: str, names: tuple[str, ...], seed: int) -> tuple[Polynomial, float]:
    """A polynomial in place of the chain [min/year], and how much it explains; 0 where it cannot be fitted."""
    asked = _Asked(solution, service, None, "auto")
    inputs = {name: asked.inputs[name] for name in names}
    factors = drawn_factors(inputs, _FITTED, seed)
    minutes = asked.minutes(factors, _FITTED)
    if not minutes.min() > 0.0:
        return lambda *_: np.zeros(0), 0.0
    return fitted(inputs, factors, minutes)


def _groups(matter: Mapping[str, Input], by: str) -> dict[str, list[str]]:
    """Inputs that stand together, the widest swing first."""
    result: dict[str, list[str]] = {}
    for place, (name, item) in enumerate(matter.items()):
        words = {
            "input": name if place < _ALONE else "all others",
            "kind": item.kind,
            "entry": name.rpartition(".")[0] if item.kind in ("failure rate", "repair time") and "." in name else name,
            "source": item.source.partition("; http")[0][:160] or "no source",
            "evidence": item.evidence or "none",
        }[by]
        result.setdefault(words, []).append(name)
    return result


def break_even(
    study: StudyLike,
    service: str | None = None,
    at_most_min_per_year: float = 52.56,
    *,
    organisation: Organisation | None = None,
    method: str = "auto",
) -> pd.DataFrame:
    """Find the inputs that alone, moved within their limits, turn whether a service meets its target, and where.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    service : str, optional
        The service; by default the principal traffic.
    at_most_min_per_year : float
        Downtime that the target allows [min/year]; by default that of 99.99 %.

    Returns
    -------
    pandas.DataFrame
        Index ``input``, the one that most probably lies on the other side first; ``about``, ``kind``,
        ``unit``, ``value``, ``low``, ``high``, ``turns_at``, ``met_if`` ("above" or "below" it), and
        ``probability``, that the input lies on that side.

    Raises
    ------
    InputError
        If there is no such service, or the target is not above 0.

    Examples
    --------
    >>> found = break_even("L2R", at_most_min_per_year=30.0)
    >>> found.loc["manual_takeover_h", "met_if"]
    'below'
    """
    allowed = as_number("at_most_min_per_year", at_most_min_per_year)
    if not allowed > 0.0:
        raise InputError(f"at_most_min_per_year: a downtime above 0, got {allowed:g}")
    solution = solution_of(study, method, organisation)
    frame = _turning(solution, service_named(solution.study, service).name, allowed)
    return frame.copy()


@lru_cache(maxsize=4)
def _turning(solution: Solution, service: str, allowed: float) -> pd.DataFrame:
    """The table of `break_even`; kept, since a verdict names its first row and a report shows them all."""
    import pandas as pd

    asked = _Asked(solution, service, None, "auto")
    items = list(asked.inputs.values())
    grid = np.array([item.distribution.quantile(_GRID) for item in items]).reshape(len(items), len(_GRID))
    pairs = [(item.name, float(value)) for item, row in zip(items, grid, strict=True) for value in row]
    minutes = asked.alone(pairs).reshape(grid.shape)
    turns = []
    for k, row in enumerate(minutes <= allowed):
        changes = np.flatnonzero(row[1:] != row[:-1])
        if len(changes):
            turns.append((k, *_GRID[changes[0] : changes[0] + 2].tolist(), bool(row[changes[0] + 1])))
    low = np.array([entry[1] for entry in turns])
    high = np.array([entry[2] for entry in turns])
    for _ in range(_HALVINGS if turns else 0):
        middle = (low + high) / 2
        at = [
            (items[k].name, float(items[k].distribution.quantile(u))) for (k, *_), u in zip(turns, middle, strict=True)
        ]
        met = asked.alone(at) <= allowed
        after = np.array([above for *_, above in turns])
        high, low = np.where(met == after, middle, high), np.where(met == after, low, middle)
    rows = []
    # of the last two values the one at which the target is met
    for (k, _, _, above), *ends in zip(turns, low.tolist(), high.tolist(), strict=True):
        u = ends[1] if above else ends[0]
        item, side = items[k], ("above", 1.0 - u) if above else ("below", u)
        at_least = float(item.distribution.quantile(u))
        rows.append((item.name, about(asked.solution.study, item), item.kind, item.unit, item.point, item.low,
                     item.high, at_least, *side))  # fmt: skip
    columns = ["input", "about", "kind", "unit", "value", "low", "high", "turns_at", "met_if", "probability"]
    frame = pd.DataFrame(rows, columns=columns).set_index("input")
    # with inputs as given the target is met or not; what turns that is an input on the other side
    given = asked.at_point <= allowed
    turned = 1.0 - frame["probability"] if given else frame["probability"]
    frame = frame.loc[turned.sort_values(ascending=False, kind="stable").index]
    return framed(frame, asked.solution, service=asked.service.name, allowed_min_per_year=allowed,
                  downtime_min_per_year=asked.at_point)  # fmt: skip
