"""Where the load goes: the exact distribution of clients over the sides and of MB/s on every element.

Given the operating mode clients are independent, so the distributions are mixtures over modes of multinomials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from k2rel.logic.rounding import at_most_one
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import FORGIVEN, exceeds, failover
from k2rel.services.clients import LOST, OwnParts
from k2rel.services.counts import Counts, binomial_power, count_sum
from k2rel.services.engine import Engine
from k2rel.services.loading import Loading
from k2rel.services.modes import Mode, traffic_diagram
from k2rel.studies import Provenance, Study
from k2rel.tables import Shown, ShownTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ElementLoads", "LoadResult", "load", "overload_by_mode"]

_CUT = 1e-16


@dataclass(frozen=True, repr=False)
class ElementLoads(Shown):
    """Distribution of the load on one element."""

    element: str
    capacity_mb_s: float
    normal_mb_s: float
    distribution: tuple[tuple[float, float], ...]  # load [MB/s] and probability, ascending in load; none if simulated
    counted: tuple[float, float] | None = None  # mean load and probability of overload, where they were simulated

    @property
    def mean_mb_s(self) -> float:
        """Mean load [MB/s]."""
        return self.counted[0] if self.counted else sum(amount * p for amount, p in self.distribution)

    @property
    def p_overload(self) -> float:
        """Probability that the load is above the capacity."""
        return self.counted[1] if self.counted else self.probability_above(self.capacity_mb_s)

    @property
    def largest_mb_s(self) -> float:
        """Largest load that is possible [MB/s]; not a number where it was simulated."""
        return self.distribution[-1][0] if self.distribution else math.nan

    def probability_above(self, load_mb_s: float) -> float:
        """Probability that the load is above a value.

        Examples
        --------
        >>> ElementLoads("x", 10.0, 5.0, ((5.0, 0.75), (20.0, 0.25))).probability_above(10)
        0.25
        """
        return sum(p for amount, p in self.distribution if exceeds(amount, load_mb_s))

    def percentile(self, percent: float) -> float:
        """Smallest load that is not exceeded with a probability.

        Examples
        --------
        >>> ElementLoads("x", 10.0, 5.0, ((5.0, 0.75), (20.0, 0.25))).percentile(90)
        20.0
        """
        if not self.distribution:
            return math.nan
        above = 0.0
        for index in range(len(self.distribution) - 1, -1, -1):
            above += self.distribution[index][1]
            if above > 1.0 - percent / 100:
                return self.distribution[index][0]
        return self.distribution[0][0]

    def _line(self) -> str:
        return f"{self.element}: {self.mean_mb_s:.4g} MB/s on average, at most {self.largest_mb_s:.4g}"


@dataclass(frozen=True, repr=False)
class LoadResult(ShownTable):
    """Load of a site."""

    provenance: Provenance
    sides: tuple[str, ...]
    side_distribution: tuple[tuple[int, int, int, float], ...]  # clients on each side, cut off; probability
    demand_mb_s: float  # of one client's principal traffic
    elements: tuple[ElementLoads, ...]
    p_any_overload: float  # by the traffic that counts in full service
    delivered_fraction: float  # flows that count share an overloaded element evenly, the others yield
    left_out: float  # probability of what was not followed; bounds the error of the two before
    p_any_overload_limits: tuple[float, float] | None = None  # where it was simulated

    def table(self) -> pd.DataFrame:
        """Give the elements as a table.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> float(load(study("L2R")).table().loc["toe_A1", "normal_mb_s"])
        50.0
        """
        import pandas as pd

        rows = [
            {
                "element": item.element,
                "capacity_mb_s": item.capacity_mb_s,
                "normal_mb_s": item.normal_mb_s,
                "mean_mb_s": item.mean_mb_s,
                "p95_mb_s": item.percentile(95),
                "p99_9_mb_s": item.percentile(99.9),
                "largest_mb_s": item.largest_mb_s,
                "p_overload": item.p_overload,
            }
            for item in self.elements
        ]
        return self.provenance.signed(pd.DataFrame(rows).set_index("element") if rows else pd.DataFrame())

    def side_table(self) -> pd.DataFrame:
        """Give the distribution of clients over the sides as a table.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> load(study("L2R")).side_table().iloc[0, :3].tolist()
        [4, 0, 0]
        """
        import pandas as pd

        frame = pd.DataFrame(self.side_distribution, columns=["on_a", "on_b", "cut_off", "probability"])
        frame.insert(3, "on_a_mb_s", frame["on_a"] * self.demand_mb_s)
        frame.insert(4, "on_b_mb_s", frame["on_b"] * self.demand_mb_s)
        return self.provenance.signed(frame, sides=self.sides)

    def to_json(self) -> dict[str, Any]:
        """Give the result as plain data, as the command line prints it.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> sorted(load(study("L2R")).to_json())[:3]
        ['clients', 'contract', 'data']
        """
        return {
            **self.provenance.heading(),
            "sides": list(self.sides),
            "side_distribution": [
                {
                    "on_a": a,
                    "on_b": b,
                    "cut_off": lost,
                    "on_a_mb_s": a * self.demand_mb_s,
                    "on_b_mb_s": b * self.demand_mb_s,
                    "probability": p,
                }
                for a, b, lost, p in self.side_distribution
            ],
            "elements": [
                {
                    "element": item.element,
                    "capacity_mb_s": item.capacity_mb_s,
                    "normal_mb_s": item.normal_mb_s,
                    "mean_mb_s": item.mean_mb_s,
                    "p_overload": item.p_overload,
                    "distribution": [{"load_mb_s": amount, "probability": p} for amount, p in item.distribution],
                }
                for item in self.elements
            ],
            "p_any_overload": self.p_any_overload,
            "delivered_fraction": self.delivered_fraction,
            "left_out": self.left_out,
        }

    def _line(self) -> str:
        return (
            f"{self.provenance.site}: some element is overloaded with probability {self.p_any_overload:.3g}, "
            f"{100 * self.delivered_fraction:.6g} % of the demand is delivered"
        )


def load(study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto") -> LoadResult:
    """Compute where the load of a site goes.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.

    Returns
    -------
    LoadResult
        Joint distribution of clients on each side and cut off; distribution of the load on every element
        with a capacity [MB/s]; probability of overload. A simulation gives means and shares of time of elements only.

    Raises
    ------
    ModelTooLargeError
        If the site has too many independent conditions.

    Examples
    --------
    >>> [(a, b, lost, round(p, 3)) for a, b, lost, p in load("L2R", method="exact").side_distribution[:1]]
    [(4, 0, 0, 1.0)]
    >>> [(a, b, lost, round(p, 3)) for a, b, lost, p in load("L2R").side_distribution[:2]]
    [(4, 0, 0, 0.513), (0, 4, 0, 0.487)]
    """
    return _load_of(solution_of(study, method, organisation))


@lru_cache(maxsize=16)
def _load_of(solution: Solution) -> LoadResult:
    """Compute once for each solution."""
    if solution.method == "simulation":
        return _counted(solution)
    moments = solution.engine.at_moments
    return _mixed([(weight, _load(solution.study, moment)) for weight, moment in moments], solution.provenance)


def _counted(solution: Solution) -> LoadResult:
    """What was counted in histories."""
    found, site = solution.simulated, solution.study.site
    means, sides = found.load(), found.sides()
    normal = {item.element: item.load_mb_s for item in failover(solution.study.policy).loads}
    demand = site.traffic[found.site.principal].demand_mb_s
    asked = site.client_count * demand
    over = means["p_any_overload"]
    return LoadResult(
        provenance=solution.provenance,
        sides=site.sides,
        side_distribution=tuple(sides.itertuples(index=False, name=None)),
        demand_mb_s=demand,
        elements=tuple(
            ElementLoads(str(name), row["capacity_mb_s"], normal[str(name)], (), (row["mean_mb_s"], row["p_overload"]))
            for name, row in found.elements().to_dict("index").items()
        ),
        p_any_overload=over.value,
        delivered_fraction=means["delivered_mb_s"].value / asked if asked > 0 else 1.0,
        left_out=0.0,
        p_any_overload_limits=(over.low, over.high),
    )


def _mixed(parts: Sequence[tuple[float, LoadResult]], provenance: Provenance) -> LoadResult:
    """Loads averaged over moments of the cycle of the tests."""
    first = parts[0][1]
    if len(parts) == 1:
        return replace(first, provenance=provenance)
    sides: dict[tuple[int, int, int], float] = {}
    loads: list[dict[float, float]] = [{} for _ in first.elements]
    for weight, part in parts:
        for a, b, lost, p in part.side_distribution:
            sides[a, b, lost] = sides.get((a, b, lost), 0.0) + weight * p
        for entry, item in zip(loads, part.elements, strict=True):
            for amount, p in item.distribution:
                entry[amount] = entry.get(amount, 0.0) + weight * p
    return replace(
        first,
        provenance=provenance,
        side_distribution=tuple(sorted(((*key, p) for key, p in sides.items()), key=lambda row: (-row[3], row))),
        elements=tuple(
            replace(item, distribution=tuple(sorted(entry.items())))
            for item, entry in zip(first.elements, loads, strict=True)
        ),
        p_any_overload=sum(weight * part.p_any_overload for weight, part in parts),
        delivered_fraction=sum(weight * part.delivered_fraction for weight, part in parts),
        left_out=sum(weight * part.left_out for weight, part in parts),
    )


def _load(study: Study, engine: Engine) -> LoadResult:
    """Load where clients' own parts have one probability of being down each."""
    own = engine.own
    loading = Loading(engine.policy)
    probabilities = engine.mode_probabilities(loading.table.diagram).tolist()
    counting = Loading(engine.policy, counted=True)
    overload, delivered, left_out = _overload(counting, own, engine.mode_probabilities(counting.table.diagram).tolist())
    return LoadResult(
        provenance=engine.provenance,
        sides=study.site.sides,
        side_distribution=_sides(study, loading, engine),
        demand_mb_s=study.site.traffic[loading.principal].demand_mb_s,
        elements=_elements(study, loading, own, probabilities),
        p_any_overload=overload,
        delivered_fraction=delivered,
        left_out=left_out,
    )


def _sides(study: Study, loading: Loading, engine: Engine) -> tuple[tuple[int, int, int, float], ...]:
    """Joint distribution of (on the first side, on the second, cut off)."""
    site, policy, own = study.site, engine.policy, engine.own
    table = traffic_diagram(policy, [loading.principal])
    powers: dict[object, Counts] = {}

    def group_counts(group: int, size: int, routes: tuple[int, ...]) -> Counts:
        outcomes: dict[tuple[int, ...], float] = {}
        choice = policy.choice(loading.principal, group)
        for (route,), p in own.joint(group, [(loading.principal, routes)]).items():
            side = None if route == LOST else choice.routes[route].carried_by
            key = (int(side == site.sides[0]), int(len(site.sides) > 1 and side == site.sides[1]))
            outcomes[key] = outcomes.get(key, 0.0) + p
        key_all = (size, tuple(sorted(outcomes.items())))
        if key_all not in powers:
            powers[key_all] = Counts.one(outcomes).power(size)
        return powers[key_all]

    total: dict[tuple[int, ...], float] = {}
    for mode, probability in zip(table.modes, engine.mode_probabilities(table.diagram).tolist(), strict=True):
        counts: Counts | None = None
        for group, size in enumerate(site.group_sizes):
            more = group_counts(group, size, mode.routes[0][group])
            counts = more if counts is None else counts.plus(more)
        for vector, p in (counts.as_dict() if counts is not None else {}).items():
            total[vector] = total.get(vector, 0.0) + probability * p
    count = site.client_count
    rows = [(a, b, count - a - b, at_most_one(p)) for (a, b), p in total.items() if p > 0]
    return tuple(sorted(rows, key=lambda row: (-row[3], row)))


def _elements(
    study: Study, loading: Loading, own: OwnParts, probabilities: Sequence[float]
) -> tuple[ElementLoads, ...]:
    """Distribution of the load on each element, mode by mode."""
    sizes = study.site.group_sizes
    normal = {item.element: item.load_mb_s for item in failover(study.policy).loads}
    totals: dict[str, dict[float, float]] = {element: {} for element in loading.elements}
    counts: dict[object, list[tuple[float, float]]] = {}
    for mode, probability in zip(loading.table.modes, probabilities, strict=True):
        base = loading.base_load(mode)
        single: list[dict[str, dict[float, float]]] = []
        for group in range(len(sizes)):
            by_element: dict[str, dict[float, float]] = {}
            for outcome, p in own.joint(group, loading.asks(mode, group)).items():
                for element, amount in loading.client_load(outcome, group, mode).items():
                    entry = by_element.setdefault(element, {})
                    entry[amount] = entry.get(amount, 0.0) + p
            single.append(by_element)
        for element in loading.elements:
            parts = tuple(
                (size, tuple(sorted(single[group][element].items())))
                for group, size in enumerate(sizes)
                if element in single[group]
            )
            if parts not in counts:
                counts[parts] = _sum_of_loads(parts)
            entry = totals[element]
            for amount, p in counts[parts]:
                if probability * p <= 0:
                    continue
                here = round(base.get(element, 0.0) + amount, 9)
                entry[here] = entry.get(here, 0.0) + probability * p
    return tuple(
        ElementLoads(element, loading.capacity(element), normal[element], tuple(sorted(totals[element].items())))
        for element in loading.elements
    )


def _sum_of_loads(
    parts: tuple[tuple[int, tuple[tuple[float, float], ...]], ...],
) -> list[tuple[float, float]]:
    """Distribution of the sum of what each client puts on one element; what is missing to 1 puts nothing."""
    amounts = sorted({amount for _, entries in parts for amount, _ in entries})
    if not amounts:
        return [(0.0, 1.0)]
    if len(amounts) == 1:
        total = np.ones(1)
        for size, entries in parts:
            total = np.convolve(total, binomial_power(size, min(sum(p for _, p in entries), 1.0)))
        return [(amounts[0] * n, float(p)) for n, p in enumerate(total) if p > 0]
    groups = []
    for size, entries in parts:
        outcomes: dict[tuple[int, ...], float] = {}
        for amount, p in entries:
            outcomes[tuple(int(amount == known) for known in amounts)] = p
        none = 1.0 - sum(outcomes.values())
        if none > 0:
            outcomes[(0,) * len(amounts)] = none
        groups.append((size, outcomes))
    result = count_sum(groups)
    return list(zip((result.vectors @ np.array(amounts)).tolist(), result.probability.tolist(), strict=True))


def _overload(loading: Loading, own: OwnParts, probabilities: Sequence[float]) -> tuple[float, float, float]:
    """Probability of any overload, mean share that is delivered, and the probability left out."""
    sizes = loading.policy.site.group_sizes
    count = sum(sizes)
    overload = delivered = left_out = 0.0
    for mode, probability in zip(loading.table.modes, probabilities, strict=True):
        over, arriving, missing = _overload_in(loading, own, mode)
        overload += probability * over
        delivered += probability * arriving / count
        left_out += probability * missing
    return at_most_one(overload), at_most_one(delivered), left_out


def _overload_in(loading: Loading, own: OwnParts, mode: Mode) -> tuple[float, float, float]:
    """One mode: probability of overload, mean number of clients' worth delivered, probability left out."""
    sizes = loading.policy.site.group_sizes
    endangered = loading.endangered(mode)
    joints = [own.joint(group, loading.asks(mode, group)) for group in range(len(sizes))]
    if not endangered:
        served = [sum(p for outcome, p in joint.items() if outcome[0] != LOST) for joint in joints]
        return 0.0, sum(size * p for size, p in zip(sizes, served, strict=True)), 0.0
    base = loading.base_load(mode)
    rows: dict[tuple[float, ...], int] = {}
    groups = []
    for group, (size, joint) in enumerate(zip(sizes, joints, strict=True)):
        outcomes: dict[tuple[float, ...], float] = {}
        for outcome, p in joint.items():
            own_loads = loading.client_load(outcome, group, mode)
            row = (float(outcome[0] != LOST), *(own_loads.get(element, 0.0) for element in endangered))
            rows.setdefault(row, len(rows))
            outcomes[row] = outcomes.get(row, 0.0) + p
        groups.append((size, outcomes))
    width = len(rows)
    total = count_sum(
        [
            (size, {tuple(int(index == rows[row]) for index in range(width)): p for row, p in outcomes.items()})
            for size, outcomes in groups
        ],
        _CUT,
    )
    matrix = np.array(list(rows), dtype=np.float64)
    loads = total.vectors @ matrix[:, 1:]
    fixed = np.array([base.get(element, 0.0) for element in endangered])
    capacity = np.array([loading.capacity(element) for element in endangered])
    ratio = np.minimum(1.0, np.divide(capacity, loads + fixed, out=np.ones_like(loads), where=loads + fixed > 0))
    over = ((loads > 0) & (loads + fixed > capacity * FORGIVEN)).any(axis=1)
    arriving = np.zeros(len(loads))
    for index, row in enumerate(matrix):
        used = row[1:] > 0
        share = ratio[:, used].min(axis=1) if used.any() else np.ones(len(loads))
        arriving += total.vectors[:, index] * row[0] * share
    weight = total.probability
    return float(weight[over].sum()), float(np.dot(weight, arriving)), max(0.0, 1.0 - float(weight.sum()))


def overload_by_mode(loading: Loading, own: OwnParts, mode: Mode) -> float:
    """Give the probability that an element on the route of clients is overloaded in a mode.

    Examples
    --------
    >>> engine = solution_of("L2R", "exact").engine
    >>> loading = Loading(engine.policy, counted=True)
    >>> overload_by_mode(loading, engine.own, loading.table.modes[0])
    0.0
    """
    return _overload_in(loading, own, mode)[0]
