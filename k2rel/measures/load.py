"""Where the load goes: the exact distribution of clients over the sides and of MB/s on every element.

Given the operating mode clients are independent, so the distributions are mixtures over modes of multinomials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from k2rel.logic.rounding import at_most_one
from k2rel.measures.delivered import asked_of, carried
from k2rel.measures.group_load import group_load
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import failover
from k2rel.policy.used import exceeds
from k2rel.services.by_group import many_groups
from k2rel.services.clients import OwnParts, own_states
from k2rel.services.counts import binomial_power
from k2rel.services.engine import Engine
from k2rel.services.loading import Loading
from k2rel.services.modes import traffic_diagram
from k2rel.services.sums import sums_of
from k2rel.studies import Provenance, Study
from k2rel.tables import Shown, ShownTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Delivered", "ElementLoads", "LoadResult", "load"]

_CUT = 1e-40
_STEP = 1e-40j


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


@dataclass(frozen=True, slots=True)
class Delivered:
    """What arrives of one traffic class, on average [MB/s]."""

    traffic: str
    demand_mb_s: float
    delivered_mb_s: float


@dataclass(frozen=True, repr=False)
class LoadResult(ShownTable):
    """Load of a site."""

    provenance: Provenance
    sides: tuple[str, ...]
    side_distribution: tuple[tuple[int, int, int, float], ...]  # clients on one side alone, cut off; probability
    demand_mb_s: float  # of one client's principal traffic
    elements: tuple[ElementLoads, ...]
    p_any_overload: float  # by the foreground
    delivered_fraction: float  # of the foreground: its flows share an overloaded element evenly
    left_out: float  # probability of what was not followed; bounds the error of the two before
    p_any_overload_limits: tuple[float, float] | None = None  # where it was simulated
    delivered: tuple[Delivered, ...] = ()  # by traffic class; the background gets what the foreground leaves
    side_loads: tuple[tuple[float, float], ...] = ()  # principal traffic on each side [MB/s], by row
    client_count: int = 0

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

        frame = pd.DataFrame(self._side_rows())
        return self.provenance.signed(frame, sides=self.sides)

    def _side_rows(self) -> list[dict[str, float]]:
        """Rows of `side_table`; clients on both sides where there can be any."""
        both = any(a + b + lost < self.client_count for a, b, lost, _ in self.side_distribution)
        return [
            {
                "on_a": a,
                "on_b": b,
                **({"on_both": self.client_count - a - b - lost} if both else {}),
                "cut_off": lost,
                "on_a_mb_s": loads[0],
                "on_b_mb_s": loads[1],
                "probability": p,
            }
            for (a, b, lost, p), loads in zip(self.side_distribution, self.side_loads, strict=True)
        ]

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
            "side_distribution": self._side_rows(),
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
            "delivered": [asdict(item) for item in self.delivered],
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
    if solution.method == "exact" and many_groups(solution.study.policy):
        return _by_group(solution)
    moments = solution.engine.at_moments
    return _mixed([(weight, _load(solution.study, moment)) for weight, moment in moments], solution.provenance)


def _counted(solution: Solution) -> LoadResult:
    """What was counted in histories."""
    found, site = solution.simulated, solution.study.site
    means, sides, given = found.load(), found.sides(), found.delivered()
    normal = {item.element: item.load_mb_s for item in failover(solution.study.policy).loads}
    asked = sum(asked_of(site, name) for name in site.foreground)
    served = 1.0 - means["clients_cut_off"].value / max(site.client_count, 1)
    over = means["p_any_overload"]
    return LoadResult(
        provenance=solution.provenance,
        sides=site.sides,
        side_distribution=tuple(sides[["on_a", "on_b", "cut_off", "probability"]].itertuples(index=False, name=None)),
        demand_mb_s=site.traffic[found.site.principal].demand_mb_s,
        elements=tuple(
            ElementLoads(str(name), row["capacity_mb_s"], normal[str(name)], (), (row["mean_mb_s"], row["p_overload"]))
            for name, row in found.elements().to_dict("index").items()
        ),
        p_any_overload=over.value,
        delivered_fraction=sum(given[name].value for name in site.foreground) / asked if asked > 0 else served,
        left_out=0.0,
        p_any_overload_limits=(over.low, over.high),
        side_loads=tuple(sides[["on_a_mb_s", "on_b_mb_s"]].itertuples(index=False, name=None)),
        client_count=site.client_count,
        delivered=tuple(
            Delivered(name, asked_of(site, name), item.value)
            for name, item in given.items()
            if site.traffic[name].demand_mb_s > 0
        ),
    )


def _by_group(solution: Solution) -> LoadResult:
    """Of many groups of clients."""
    study, site = solution.study, solution.study.site
    found = group_load(study)
    demand = site.traffic[site.principal].demand_mb_s
    normal = {item.element: item.load_mb_s for item in failover(study.policy).loads}
    given = {
        name: max(0.0, site.traffic[name].demand_mb_s * found.served[name] - found.lost_above[name])
        for name in site.traffic
        if site.traffic[name].demand_mb_s > 0
    }
    asked = sum(asked_of(site, name) for name in given)
    return LoadResult(
        provenance=solution.provenance,
        sides=site.sides,
        side_distribution=found.sides,
        demand_mb_s=demand,
        elements=tuple(
            ElementLoads(name, site.components[name].capacity_mb_s or 0.0, normal[name], distribution)
            for name, distribution in found.elements.items()
        ),
        p_any_overload=found.p_any_overload,
        delivered_fraction=sum(given.values()) / asked if asked else found.served[site.principal] / site.client_count,
        left_out=found.left_out,
        side_loads=tuple(tuple(demand * part for part in row) for row in found.side_loads),
        client_count=site.client_count,
        delivered=tuple(Delivered(name, asked_of(site, name), amount) for name, amount in given.items()),
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
    found = carried(loading, own, probabilities)
    sides, side_loads = _sides(study, loading, engine)
    return LoadResult(
        provenance=engine.provenance,
        sides=study.site.sides,
        side_distribution=sides,
        demand_mb_s=study.site.traffic[loading.principal].demand_mb_s,
        elements=_elements(study, loading, own, probabilities),
        p_any_overload=found.p_overload,
        delivered_fraction=found.fraction(study.site),
        left_out=found.left_out,
        side_loads=side_loads,
        client_count=study.site.client_count,
        delivered=tuple(
            Delivered(name, asked_of(study.site, name), found.by_class[name])
            for name in study.site.traffic
            if study.site.traffic[name].demand_mb_s > 0
        ),
    )


def _sides(
    study: Study, loading: Loading, engine: Engine
) -> tuple[tuple[tuple[int, int, int, float], ...], tuple[tuple[float, float], ...]]:
    """Joint distribution of (on the first side alone, on the second alone, cut off), and MB/s on each side."""
    site, policy, own = study.site, engine.policy, engine.own
    table = traffic_diagram(policy, [loading.principal])
    # what a client's principal traffic puts on the sides, in parts of its demand
    parts: dict[tuple[float, float], int] = {}

    def on_sides(group: int, outcome: int) -> tuple[float, float]:
        found = [0.0, 0.0]
        routes = policy.choice(loading.principal, group).routes
        for route, share in own_states(policy).pattern(loading.principal, group, outcome).uses:
            place = site.sides.index(routes[route].carried_by)
            if place < 2:
                found[place] += share
        return found[0], found[1]

    kinds: dict[tuple[int, int], tuple[tuple[int, float], ...]] = {}
    for mode in table.modes:
        for group, situation in enumerate(mode.situations[0]):
            if (group, situation) in kinds:
                continue
            outcomes: dict[int, float] = {}
            for (outcome,), p in own.joint(group, [(loading.principal, situation)]).items():
                place = parts.setdefault(on_sides(group, outcome), len(parts))
                outcomes[place] = outcomes.get(place, 0.0) + p
            kinds[group, situation] = tuple(sorted(outcomes.items()))
    # clients on one side alone, on the other, on both; and MB/s, as tiny imaginary parts of the weights
    grid = np.array([[float(a > 0 and not b), float(b > 0 and not a), float(a > 0 and b > 0)] for a, b in parts])
    count = site.client_count
    slopes = np.array([[1.0 + _STEP * a, 1.0 + _STEP * b] for a, b in parts])
    powers: dict[object, tuple[list[Any], Any]] = {}
    rows: dict[tuple[int, ...], list[float]] = {}
    for mode, probability in zip(table.modes, engine.mode_probabilities(table.diagram).tolist(), strict=True):
        behaviour = tuple(
            (size, kinds[group, situation])
            for group, (size, situation) in enumerate(zip(site.group_sizes, mode.situations[0], strict=True))
        )
        if behaviour not in powers:
            weights = [
                (size, np.array([found.get(place, 0.0) for place in range(len(parts))])[:, None] * slopes)
                for size, found in ((size, dict(found)) for size, found in behaviour)
            ]
            numbers, found_weights = sums_of(grid, weights, _CUT)
            powers[behaviour] = np.rint(numbers).astype(np.int64).tolist(), found_weights.tolist()
        for on, (on_a, on_b) in zip(*powers[behaviour], strict=True):
            row = rows.setdefault(tuple(on), [0.0, 0.0, 0.0])
            for n, amount in enumerate((on_a.real, on_a.imag / _STEP.imag, on_b.imag / _STEP.imag)):
                row[n] += probability * amount
    demand = site.traffic[loading.principal].demand_mb_s
    # where a side alone always carries the same part, and nobody is on both, nothing has to be averaged
    one_part = [{part[side] for part in parts if part[side] and not part[1 - side]} for side in (0, 1)]
    usual = [found.pop() if len(found) == 1 else 0.0 for found in one_part]

    def on_side(side: int, number: int, both: int, mean: float) -> float:
        exact = not both and (usual[side] > 0 or not number)
        return demand * (number * usual[side] if exact else mean)

    found_rows = [
        ((a, b, count - a - b - both), p, on_side(0, a, both, on_a / p), on_side(1, b, both, on_b / p))
        for (a, b, both), (p, on_a, on_b) in rows.items()
        if p > 0
    ]
    found_rows.sort(key=lambda row: (-row[1], row[0]))
    return tuple((*on, at_most_one(p)) for on, p, *_ in found_rows), tuple((a, b) for *_, a, b in found_rows)


def _elements(
    study: Study, loading: Loading, own: OwnParts, probabilities: Sequence[float]
) -> tuple[ElementLoads, ...]:
    """Distribution of the load on each element, mode by mode."""
    sizes = study.site.group_sizes
    normal = {item.element: item.load_mb_s for item in failover(study.policy).loads}
    totals: dict[str, dict[float, float]] = {element: {} for element in loading.elements}
    counts: dict[object, list[tuple[float, float]]] = {}
    for mode, probability in zip(loading.table.modes, probabilities, strict=True):
        if probability == 0.0:
            continue
        base = loading.base_load(mode)
        single: list[dict[str, dict[float, float]]] = []
        for group in range(len(sizes)):
            by_element: dict[str, dict[float, float]] = {}
            for outcome, p in own.joint(group, loading.asks(mode, group)).items():
                for element, amount in loading.client_load(outcome, group).items():
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
        found = dict(entries)
        there = [found.get(amount, 0.0) for amount in amounts]
        groups.append((size, np.array([*there, max(0.0, 1.0 - sum(there))])[:, None]))
    met, weights = sums_of(np.array([*amounts, 0.0])[:, None], groups, _CUT)
    return list(zip(met[:, 0].tolist(), weights[:, 0].tolist(), strict=True))
