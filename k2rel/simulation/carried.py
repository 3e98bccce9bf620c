"""What a simulation says of clients and loads: who is on which side, what arrives, what is overloaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.columns import counted
from k2rel.simulation.estimates import Estimate, mean_of
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.records import Sums
from k2rel.simulation.model import SiteModel
from k2rel.simulation.places import numbers
from k2rel.simulation.plan import Plan
from k2rel.site.side_columns import ORDINALS, by_side, load_columns, on_columns, several
from k2rel.studies import Provenance
from k2rel.tables import ShownTable
from k2rel.units import HOURS_PER_YEAR, delivered_in, loads_in

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Carried"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Carried(ShownTable):
    """Counts of a simulation, and what follows from them for clients and loads."""

    site: SiteModel
    plan: Plan
    sums: Sums
    partial: bool
    seconds: float

    @property
    def histories(self) -> int:
        """Number of histories that were run."""
        return int(self.sums.histories[0])

    @property
    def years(self) -> float:
        """Years that were counted, over all histories."""
        return float(self.histories * self.plan.years)

    @property
    def provenance(self) -> Provenance:
        """How the numbers were got."""
        plan = self.plan
        warm_up = plan.warm_up_h / HOURS_PER_YEAR
        words = self.site.engine(
            f"{self.histories:,} histories of {counted(plan.years, 'year')} each = {self.years:,.0f} simulated years, "
            f"after a warm-up of {counted(warm_up, 'year')} each",
            f"seed {plan.seed}, intervals of {100 * plan.confidence:g} %",
            *(["partial: stopped before its end"] if self.partial else []),
        )
        return replace(self.site.study.provenance, engine=words, takeovers=self.site.takeovers)

    @property
    def _counts_moves(self) -> bool:
        """Whether moves of roles are events here; roles at the preferred side are where they are."""
        return self.site.takeover is not None or not self.site.study.site.movable

    def load(self) -> dict[str, Estimate]:
        """Give what clients are given, averaged over time.

        Returns
        -------
        dict of str to Estimate
            ``clients_on_first_side``, ``clients_on_second_side``, ... (on that side alone), ``clients_on_both_sides``
            (of more than two: ``clients_on_several_sides``) where there are any, ``clients_cut_off``,
            ``share_second_side`` and so for each further side, ``p_any_overload`` (by the foreground),
            ``delivered_mb_s`` (of the foreground; of loads in another unit ``delivered_UNIT``),
            ``client_hours_lost_per_year``, ``takeovers_per_year``,
            ``failed_takeovers_per_year``; the last two not with roles at the preferred side, where the simulation lets
            roles be there without counting how often they move (`k2rel.performability` has that number).

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
        >>> round(result.load()["clients_on_first_side"].value + result.load()["clients_on_second_side"].value, 4)
        3.9997
        """
        hours = self.plan.years * HOURS_PER_YEAR
        clients = max(self.site.study.site.client_count, 1)

        def mean(row: FloatArray, factor: float) -> Estimate:
            return self._mean(row, factor, self.histories if row[0] else 0)

        def per(row: int, factor: float) -> Estimate:
            return mean(self.sums.reward[row], factor)

        on = dict(zip(ORDINALS, self.sums.on[:-1], strict=False))
        together = f"clients_on_{several(self.site.study.site.sides).removeprefix('on_')}_sides"
        return {
            **{f"clients_on_{nth}_side": mean(row, 1 / hours) for nth, row in on.items()},
            **({together: mean(self.sums.on[-1], 1 / hours)} if numbers(self.sums)[:, -1].any() else {}),
            "clients_cut_off": per(records.R_CUT, 1 / hours),
            **{f"share_{nth}_side": mean(row, 1 / hours / clients) for nth, row in list(on.items())[1:]},
            "p_any_overload": per(records.R_OVER, 1 / hours),
            **self._foreground(),
            "client_hours_lost_per_year": per(records.R_CUT, HOURS_PER_YEAR / hours),
            **({"takeovers_per_year": per(records.R_MOVES, 1 / self.plan.years)} if self._counts_moves else {}),
            **(
                {"failed_takeovers_per_year": per(records.R_FAILED_MOVES, 1 / self.plan.years)}
                if self._counts_moves
                else {}
            ),
        }

    def _foreground(self) -> dict[str, Estimate]:
        """What arrives of the foreground, by unit; limits add up, since classes may miss the same hours."""
        found, site = self.delivered(), self.site.study.site
        parts = ("value", "low", "high", "standard_error")
        result = {}
        ahead = dict.fromkeys(site.traffic[name].unit for name in site.foreground if site.traffic[name].demand_mb_s > 0)
        for unit in [unit for unit in site.load_units if unit in ahead] or site.load_units[:1]:
            of = [found[name] for name in site.foreground if site.traffic[name].unit == unit]
            result[delivered_in(unit)] = Estimate(*(sum(getattr(one, part) for one in of) for part in parts))
        return result

    def _mean(self, sums: FloatArray, factor: float, hits: int) -> Estimate:
        """Mean of a history, from the sum and the sum of squares."""
        total, squares = sums
        return mean_of(total, squares, self.histories, hits, self.plan.confidence).times(factor)

    def delivered(self) -> dict[str, Estimate]:
        """Give what arrives of each traffic class, averaged over time, in the unit of the class.

        Flows of the foreground share an overloaded element evenly; the background gets what they leave.

        Returns
        -------
        dict of str to Estimate
            By traffic class.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
        >>> round(result.delivered()["ftp"].value, 2)
        24.98
        """
        hours, traffic = self.plan.years * HOURS_PER_YEAR, self.site.study.site.traffic
        found = {}
        for name, entry in traffic.items():
            asked = entry.demand_mb_s * (self.site.study.site.client_count if entry.scope == "client" else 1)
            row = self.sums.missing[self.site.traffic.index(name)]
            lost = self._mean(row, entry.demand_mb_s / hours, self.histories)
            found[name] = Estimate(
                asked - lost.value, max(asked - lost.high, 0.0), asked - lost.low, lost.standard_error
            )
        return found

    def sides(self) -> pd.DataFrame:
        """Give the share of time of every number of clients on each side.

        Returns
        -------
        pandas.DataFrame
            Columns ``on_a``, ``on_b``, ... (clients on one side alone), ``on_both`` (of more than two sides:
            ``on_several``) where there are any, ``cut_off``, ``on_a_mb_s``, ``on_b_mb_s``, ... (principal traffic, on
            average), ``probability``; most probable first.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
        >>> round(float(result.sides()["probability"].sum()), 9)
        1.0
        """
        import pandas as pd

        *alone, together = numbers(self.sums).T
        hours, *parts = self.sums.joint.T
        site = self.site.study.site
        demand = site.traffic[self.site.principal].demand_mb_s
        frame = pd.DataFrame(
            {
                **dict(zip(on_columns(site.sides), alone, strict=True)),
                **({several(site.sides): together} if together.any() else {}),
                "cut_off": site.client_count - sum(alone) - together,
                **loads_in(
                    site.traffic[self.site.principal].unit,
                    {name: demand * part / hours for name, part in zip(load_columns(site.sides), parts, strict=True)},
                ),
                "probability": hours / hours.sum(),
            }
        )
        frame = frame[hours > 0].sort_values("probability", ascending=False, ignore_index=True)
        return self.provenance.signed(frame, sides=self.site.study.site.sides)

    def side_rows(self, most: int) -> list[dict[str, Any]]:
        """Give the first rows of `sides` as plain data, with the clients on each side by its name.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> simulate(study("L1"), plan=Plan(histories=100, seed=1)).side_rows(1)[0]["sides"]
        {'A': 4}
        """
        names = self.site.study.site.sides
        rows = self.sides().head(most).to_dict("records")
        return [
            {
                **{str(name): value for name, value in row.items()},
                "sides": by_side(names, [row[column] for column in on_columns(names)]),
            }
            for row in rows
        ]

    def served(self) -> FloatArray:
        """Give the share of time of every number of clients that have the principal traffic.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> simulate(study("L1"), plan=Plan(histories=100, seed=1)).served().shape
        (5,)
        """
        count = self.site.study.site.client_count
        hours = np.bincount(numbers(self.sums).sum(axis=1), weights=self.sums.joint[:, 0], minlength=count + 1)
        return np.asarray(hours / hours.sum())

    def elements(self) -> pd.DataFrame:
        """Give the load of every element that has a capacity, averaged over time.

        Returns
        -------
        pandas.DataFrame
            Index ``element``; ``capacity_mb_s``, ``mean_mb_s``, ``p_overload`` (share of time above its capacity);
            with loads in other units ``capacity``, ``mean`` and ``unit``.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
        >>> round(float(result.elements().loc["toe_A1", "mean_mb_s"]), 2)
        25.61
        """
        import pandas as pd

        found = self.element_means()
        units = {unit for *_, unit in found}
        rows = [
            {
                "element": name,
                **loads_in(unit, {"capacity_mb_s": capacity, "mean_mb_s": mean}, beside=units),
                "p_overload": over,
            }
            for (name, mean, over, unit), capacity in zip(found, self.site.arrays.capacity.tolist(), strict=True)
        ]
        columns = ["element", "capacity_mb_s", "mean_mb_s", "p_overload"]
        frame = pd.DataFrame(rows) if rows else pd.DataFrame({name: [] for name in columns})
        return self.provenance.signed(frame.set_index("element"))

    def element_means(self) -> list[tuple[str, float, float, str]]:
        """Give of each element with a capacity its mean load, the share of time above its capacity, and the unit.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> simulate(study("L2R"), plan=Plan(histories=500, seed=1)).element_means()[0][::3]
        ('toe_A1', 'MB/s')
        """
        parts, hours = self.site.study.site.components, self.years * HOURS_PER_YEAR
        means = zip(self.site.elements, (self.sums.element / hours).tolist(), strict=True)
        return [(name, mean, over, parts[name].unit) for name, (mean, over) in means]
