"""Where the load goes: the exact distribution of clients over the sides and of MB/s on every element.

Given the operating mode clients are independent, so the distributions are mixtures over modes of multinomials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from k2rel.measures.delivered import ahead_in, asked_by_unit, asked_of, carried
from k2rel.measures.load_by_group import followed_by_group, load_by_group
from k2rel.measures.on_sides import CUT, on_sides
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import failover
from k2rel.policy.used import exceeds
from k2rel.services.clients import OwnParts
from k2rel.services.counts import binomial_power
from k2rel.services.engine import Engine
from k2rel.services.loading import Loading
from k2rel.services.sums import sums_of
from k2rel.site.side_columns import by_side, load_columns, on_columns, several
from k2rel.studies import Provenance, Study
from k2rel.tables import Shown, ShownTable, percentage
from k2rel.units import MB_S, loads_in

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Delivered", "ElementLoads", "LoadResult", "load"]


@dataclass(frozen=True, repr=False)
class ElementLoads(Shown):
    """Distribution of the load on one element, in MB/s or the unit that is given."""

    element: str
    capacity_mb_s: float
    normal_mb_s: float
    distribution: tuple[tuple[float, float], ...]  # load and probability, ascending in load; none if simulated
    counted: tuple[float, float] | None = None  # mean load and probability of overload, where they were simulated
    unit: str = MB_S
    left_out: float = 0.0  # probability of what was not followed: what the distribution lacks to 1

    @property
    def mean_mb_s(self) -> float:
        """Mean load, in `unit`."""
        return self.counted[0] if self.counted else sum(amount * p for amount, p in self.distribution)

    @property
    def p_overload(self) -> float:
        """Probability that the load is above the capacity."""
        return self.counted[1] if self.counted else self.probability_above(self.capacity_mb_s)

    @property
    def largest_mb_s(self) -> float:
        """Largest load that is possible; not a number where it was simulated."""
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
        return f"{self.element}: {self.mean_mb_s:.4g} {self.unit} on average, at most {self.largest_mb_s:.4g}"


_READ = 1e-6  # share of the demand above which what was not followed is said


@dataclass(frozen=True, slots=True)
class Delivered:
    """What arrives of one traffic class, on average, in MB/s or the unit that is given."""

    traffic: str
    demand_mb_s: float
    delivered_mb_s: float
    unit: str = MB_S

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        loads = {"demand_mb_s": self.demand_mb_s, "delivered_mb_s": self.delivered_mb_s}
        return {"traffic": self.traffic, **loads_in(self.unit, loads)}


@dataclass(frozen=True, repr=False)
class LoadResult(ShownTable):
    """Load of a site."""

    provenance: Provenance
    sides: tuple[str, ...]
    side_distribution: tuple[tuple[Any, ...], ...]  # clients on each side alone (two at least), cut off; probability
    demand_mb_s: float  # of one client's principal traffic
    elements: tuple[ElementLoads, ...]
    p_any_overload: float  # by the foreground
    delivered_fraction: float  # of the foreground: its flows share an overloaded element evenly
    left_out: float  # probability of what was not followed; bounds the error of the two before, and of `elements`
    p_any_overload_limits: tuple[float, float] | None = None  # where it was simulated
    delivered: tuple[Delivered, ...] = ()  # by traffic class; the background gets what the foreground leaves
    side_loads: tuple[tuple[float, ...], ...] = ()  # principal traffic on each side, by row
    client_count: int = 0
    unit: str = MB_S  # of the principal traffic
    fractions: tuple[tuple[str, float], ...] = ()  # of the foreground in each unit, where there are several

    def table(self) -> pd.DataFrame:
        """Give the elements as a table.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> float(load(study("L2R")).table().loc["toe_A1", "normal_mb_s"])
        50.0
        """
        import pandas as pd

        units = {item.unit for item in self.elements}
        rows = [
            {
                "element": item.element,
                **loads_in(
                    item.unit,
                    {
                        "capacity_mb_s": item.capacity_mb_s,
                        "normal_mb_s": item.normal_mb_s,
                        "mean_mb_s": item.mean_mb_s,
                        "p95_mb_s": item.percentile(95),
                        "p99_9_mb_s": item.percentile(99.9),
                        "largest_mb_s": item.largest_mb_s,
                    },
                    beside=units,
                ),
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
        """Rows of `side_table`; clients on more than one side where there can be any."""
        together = any(sum(row[:-1]) < self.client_count for row in self.side_distribution)
        return [
            {
                **dict(zip(on_columns(self.sides), on, strict=True)),
                **({several(self.sides): self.client_count - sum(on) - lost} if together else {}),
                "cut_off": lost,
                **loads_in(self.unit, dict(zip(load_columns(self.sides), loads, strict=True))),
                "probability": p,
            }
            for (*on, lost, p), loads in zip(self.side_distribution, self.side_loads, strict=True)
        ]

    def _named_rows(self) -> list[dict[str, Any]]:
        """Rows of `side_table`, with clients and load by the names of the sides."""
        return [
            {**shown, "sides": by_side(self.sides, row[:-2]), "load_by_side": by_side(self.sides, loads)}
            for shown, row, loads in zip(self._side_rows(), self.side_distribution, self.side_loads, strict=True)
        ]

    @property
    def left_out_words(self) -> str:
        """Say how much the figures can be off by what was not followed; empty where no digit that is read moves."""
        if self.left_out <= _READ:
            return ""
        return (
            f"not all was followed: up to {percentage(min(self.left_out, 1.0))} of the demand may arrive beside what "
            "is given, and P(any overload) may be off by as much"
        )

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
            "side_distribution": self._named_rows(),
            "elements": [
                {
                    "element": item.element,
                    **loads_in(
                        item.unit,
                        {
                            "capacity_mb_s": item.capacity_mb_s,
                            "normal_mb_s": item.normal_mb_s,
                            "mean_mb_s": item.mean_mb_s,
                        },
                    ),
                    "p_overload": item.p_overload,
                    "distribution": [
                        {"load_mb_s" if item.unit == MB_S else "load": amount, "probability": p}
                        for amount, p in item.distribution
                    ],
                }
                for item in self.elements
            ],
            "p_any_overload": self.p_any_overload,
            "delivered_fraction": self.delivered_fraction,
            **({"delivered_fractions": dict(self.fractions)} if self.fractions else {}),
            "delivered": [item.to_json() for item in self.delivered],
            "left_out": self.left_out,
        }

    def _line(self) -> str:
        shares = [(f" in {unit}", share) for unit, share in self.fractions] or [("", self.delivered_fraction)]
        given = " and ".join(f"{100 * share:.6g} % of the demand{unit}" for unit, share in shares)
        return (
            f"{self.provenance.site}: some element is overloaded with probability {self.p_any_overload:.3g}, "
            f"{given} is delivered{'; ' if self.left_out_words else ''}{self.left_out_words}"
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
        with a capacity; probability of overload. A simulation gives means and shares of time of elements only.

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
    if solution.method == "exact" and followed_by_group(solution.study):
        return _by_group(solution)
    moments = solution.engine.at_moments
    return _mixed([(weight, _load(solution.study, moment)) for weight, moment in moments], solution.provenance)


def _counted(solution: Solution) -> LoadResult:
    """What was counted in histories."""
    found, site = solution.simulated, solution.study.site
    means, sides, given = found.load(), found.sides(), found.delivered()
    normal = {item.element: item.load_mb_s for item in failover(solution.study.policy).loads}
    served = 1.0 - means["clients_cut_off"].value / max(site.client_count, 1)
    over = means["p_any_overload"]
    fractions = {
        unit: sum(given[name].value for name in ahead_in(site, unit)) / asked if asked > 0 else served
        for unit, asked in asked_by_unit(site).items()
    }
    return LoadResult(
        provenance=solution.provenance,
        sides=site.sides,
        side_distribution=tuple(
            sides[[*on_columns(site.sides), "cut_off", "probability"]].itertuples(index=False, name=None)
        ),
        demand_mb_s=site.traffic[found.site.principal].demand_mb_s,
        elements=tuple(
            ElementLoads(name, site.components[name].capacity_mb_s or 0.0, normal[name], (), (mean, over), of_unit)
            for name, mean, over, of_unit in found.element_means()
        ),
        p_any_overload=over.value,
        **_fractions(fractions),
        left_out=0.0,
        p_any_overload_limits=(over.low, over.high),
        side_loads=tuple(sides[load_columns(site.sides)].itertuples(index=False, name=None)),
        client_count=site.client_count,
        unit=site.traffic[found.site.principal].unit,
        delivered=tuple(
            Delivered(name, asked_of(site, name), item.value, site.traffic[name].unit)
            for name, item in given.items()
            if site.traffic[name].demand_mb_s > 0
        ),
    )


def _by_group(solution: Solution) -> LoadResult:
    """Of many groups of clients."""
    study, site = solution.study, solution.study.site
    found = load_by_group(study)
    demand = site.traffic[site.principal].demand_mb_s
    normal = {item.element: item.load_mb_s for item in failover(study.policy).loads}
    given = {
        name: max(0.0, site.traffic[name].demand_mb_s * found.served[name] - found.lost_above[name])
        for name in site.traffic
        if site.traffic[name].demand_mb_s > 0
    }
    served = found.served[site.principal] / site.client_count
    by_unit = {
        unit: sum(given.get(name, 0.0) for name in ahead_in(site, unit)) / asked if asked else served
        for unit, asked in asked_by_unit(site).items()
    }
    return LoadResult(
        provenance=solution.provenance,
        sides=site.sides,
        side_distribution=found.sides,
        demand_mb_s=demand,
        elements=tuple(
            ElementLoads(
                name,
                site.components[name].capacity_mb_s or 0.0,
                normal[name],
                load.distribution,
                unit=site.components[name].unit,
                left_out=load.left_out,
            )
            for name, load in found.elements.items()
        ),
        p_any_overload=found.p_any_overload,
        **_fractions(by_unit),
        left_out=found.left_out,
        side_loads=tuple(tuple(demand * part for part in row) for row in found.side_loads),
        client_count=site.client_count,
        unit=site.traffic[site.principal].unit,
        delivered=tuple(
            Delivered(name, asked_of(site, name), amount, site.traffic[name].unit) for name, amount in given.items()
        ),
    )


def _mixed(parts: Sequence[tuple[float, LoadResult]], provenance: Provenance) -> LoadResult:
    """Loads averaged over moments of the cycle of the tests."""
    first = parts[0][1]
    if len(parts) == 1:
        return replace(first, provenance=provenance)
    sides: dict[tuple[int, ...], float] = {}
    loads: list[dict[float, float]] = [{} for _ in first.elements]
    for weight, part in parts:
        for *on, p in part.side_distribution:
            sides[tuple(on)] = sides.get(tuple(on), 0.0) + weight * p
        for entry, item in zip(loads, part.elements, strict=True):
            for amount, p in item.distribution:
                entry[amount] = entry.get(amount, 0.0) + weight * p
    return replace(
        first,
        provenance=provenance,
        side_distribution=tuple(sorted(((*key, p) for key, p in sides.items()), key=lambda row: (-row[-1], row))),
        elements=tuple(
            replace(item, distribution=tuple(sorted(entry.items())))
            for item, entry in zip(first.elements, loads, strict=True)
        ),
        p_any_overload=sum(weight * part.p_any_overload for weight, part in parts),
        delivered_fraction=sum(weight * part.delivered_fraction for weight, part in parts),
        fractions=tuple(
            (unit, sum(weight * part.fractions[n][1] for weight, part in parts))
            for n, (unit, _) in enumerate(first.fractions)
        ),
        left_out=sum(weight * part.left_out for weight, part in parts),
    )


def _load(study: Study, engine: Engine) -> LoadResult:
    """Load where clients' own parts have one probability of being down each."""
    own = engine.own
    loading = Loading(engine.policy)
    probabilities = engine.mode_probabilities(loading.table.diagram).tolist()
    found = carried(loading, own, probabilities)
    sides, side_loads = on_sides(study, loading, engine)
    return LoadResult(
        provenance=engine.provenance,
        sides=study.site.sides,
        side_distribution=sides,
        demand_mb_s=study.site.traffic[loading.principal].demand_mb_s,
        elements=_elements(study, loading, own, probabilities),
        p_any_overload=found.p_overload,
        **_fractions(found.fractions(study.site)),
        left_out=found.left_out,
        side_loads=side_loads,
        client_count=study.site.client_count,
        unit=study.site.traffic[loading.principal].unit,
        delivered=tuple(
            Delivered(name, asked_of(study.site, name), found.by_class[name], study.site.traffic[name].unit)
            for name in study.site.traffic
            if study.site.traffic[name].demand_mb_s > 0
        ),
    )


def _fractions(by_unit: Mapping[str, float]) -> dict[str, Any]:
    """Of what is asked in the first unit, and in each where there are several."""
    first = next(iter(by_unit.values()))
    return {"delivered_fraction": first, "fractions": tuple(by_unit.items()) if len(by_unit) > 1 else ()}


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
        ElementLoads(
            element,
            loading.capacity(element),
            normal[element],
            tuple(sorted(totals[element].items())),
            unit=study.site.components[element].unit,
        )
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
    met, weights = sums_of(np.array([*amounts, 0.0])[:, None], groups, CUT)
    return list(zip(met[:, 0].tolist(), weights[:, 0].tolist(), strict=True))
