"""What a simulation says of clients and loads: who is on which side, what arrives, what is overloaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.simulation.estimates import Estimate, mean_of
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.records import Sums
from k2rel.simulation.model import SiteModel
from k2rel.simulation.places import numbers
from k2rel.simulation.plan import Plan
from k2rel.studies import Provenance
from k2rel.tables import ShownTable
from k2rel.units import HOURS_PER_YEAR

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
            f"{self.histories:,} histories of {plan.years} years each = {self.years:,.0f} simulated years, after a "
            f"warm-up of {warm_up:g} year{'' if warm_up == 1 else 's'} each",
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
            ``clients_on_first_side``, ``clients_on_second_side`` (on that side alone), ``clients_on_both_sides`` where
            there are any, ``clients_cut_off``, ``share_second_side``, ``p_any_overload`` (by the foreground),
            ``delivered_mb_s`` (of the foreground), ``client_hours_lost_per_year``, ``takeovers_per_year``,
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

        def per(row: int, factor: float) -> Estimate:
            total = self.sums.reward[row, 0]
            return self._mean(self.sums.reward[row], factor, self.histories if total else 0)

        return {
            "clients_on_first_side": per(records.R_A, 1 / hours),
            "clients_on_second_side": per(records.R_B, 1 / hours),
            **({"clients_on_both_sides": per(records.R_BOTH, 1 / hours)} if numbers(self.sums)[:, 2].any() else {}),
            "clients_cut_off": per(records.R_CUT, 1 / hours),
            "share_second_side": per(records.R_B, 1 / hours / clients),
            "p_any_overload": per(records.R_OVER, 1 / hours),
            "delivered_mb_s": self._foreground(),
            "client_hours_lost_per_year": per(records.R_CUT, HOURS_PER_YEAR / hours),
            **({"takeovers_per_year": per(records.R_MOVES, 1 / self.plan.years)} if self._counts_moves else {}),
            **(
                {"failed_takeovers_per_year": per(records.R_FAILED_MOVES, 1 / self.plan.years)}
                if self._counts_moves
                else {}
            ),
        }

    def _foreground(self) -> Estimate:
        """What arrives of the foreground; limits add up, since classes may miss the same hours."""
        found = self.delivered()
        of = [found[name] for name in self.site.study.site.foreground]
        return Estimate(*(sum(getattr(one, part) for one in of) for part in ("value", "low", "high", "standard_error")))

    def _mean(self, sums: FloatArray, factor: float, hits: int) -> Estimate:
        """Mean of a history, from the sum and the sum of squares."""
        total, squares = sums
        return mean_of(total, squares, self.histories, hits, self.plan.confidence).times(factor)

    def delivered(self) -> dict[str, Estimate]:
        """Give what arrives of each traffic class, averaged over time [MB/s].

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
            Columns ``on_a``, ``on_b`` (clients on one side alone), ``on_both`` where there are any, ``cut_off``,
            ``on_a_mb_s``, ``on_b_mb_s`` (principal traffic, on average), ``probability``; most probable first.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
        >>> round(float(result.sides()["probability"].sum()), 9)
        1.0
        """
        import pandas as pd

        a, b, both = numbers(self.sums).T
        hours, on_a, on_b = self.sums.joint.T
        site = self.site.study.site
        demand = site.traffic[self.site.principal].demand_mb_s
        frame = pd.DataFrame(
            {
                "on_a": a, "on_b": b, **({"on_both": both} if both.any() else {}),
                "cut_off": site.client_count - a - b - both, "on_a_mb_s": demand * on_a / hours,
                "on_b_mb_s": demand * on_b / hours, "probability": hours / hours.sum(),
            }
        )  # fmt: skip
        frame = frame[hours > 0].sort_values("probability", ascending=False, ignore_index=True)
        return self.provenance.signed(frame, sides=self.site.study.site.sides)

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
        hours = np.bincount(
            numbers(self.sums).sum(axis=1), weights=self.sums.joint[:, records.J_HOURS], minlength=count + 1
        )
        return np.asarray(hours / hours.sum())

    def elements(self) -> pd.DataFrame:
        """Give the load of every element that has a capacity, averaged over time.

        Returns
        -------
        pandas.DataFrame
            Index ``element``; ``capacity_mb_s``, ``mean_mb_s``, ``p_overload`` (share of time above its capacity).

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
        >>> round(float(result.elements().loc["toe_A1", "mean_mb_s"]), 2)
        25.61
        """
        import pandas as pd

        hours = self.years * HOURS_PER_YEAR
        frame = pd.DataFrame(
            {
                "element": self.site.elements,
                "capacity_mb_s": self.site.arrays.capacity,
                "mean_mb_s": self.sums.element[:, 0] / hours,
                "p_overload": self.sums.element[:, 1] / hours,
            }
        )
        return self.provenance.signed(frame.set_index("element"))
