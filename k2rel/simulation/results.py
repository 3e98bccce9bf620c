"""What a simulation says: estimates with intervals, and distributions counted in bins of two to three per cent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import InputError
from k2rel.simulation.carried import Carried
from k2rel.simulation.estimates import Estimate, share_of
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.records import Sums
from k2rel.simulation.plan import Plan
from k2rel.simulation.service_estimates import ServiceSimulation, counted_service, downtime_h
from k2rel.units import HOURS_PER_YEAR, minutes_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Simulation"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BIN_EDGES_H = ((np.arange(records.BINS + 1, dtype=np.int64) + records.FIRST_BIN) << records.BIN_SHIFT).view(np.float64)


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Carried):
    """What a simulation counted.

    Parameters
    ----------
    site : SiteModel
        What was simulated.
    plan : Plan
        How much.
    sums : Sums
        The counts.
    partial : bool
        Whether it was stopped before its end.
    seconds : float
        How long it took [s].
    """

    @staticmethod
    def relative_width(sums: Sums, service: int, plan: Plan) -> float:
        """Half width of the interval of a service's unavailability, relative to it; infinite where unknown."""
        found = downtime_h(sums, service, plan.confidence)
        return (found.high - found.low) / (2 * found.value) if found.value > 0 else math.inf

    @cached_property
    def services(self) -> tuple[ServiceSimulation, ...]:
        """Every service."""
        return tuple(
            counted_service(named, self.sums, n, self.plan.years, self.plan.confidence)
            for n, named in enumerate(self.site.services)
        )

    def __getitem__(self, name: str) -> ServiceSimulation:
        """Look up one service by its name."""
        return self.services[self.site.service(name)]

    def table(self) -> pd.DataFrame:
        """Give the services as a table.

        Returns
        -------
        pandas.DataFrame
            Index ``service``; downtime and interruptions a year with the limits of their intervals, mean length of an
            interruption [min], on-air interruptions a year, downtime of a year that is exceeded in one of ten and one
            of a hundred years [min], longest interruption [h].

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L1"), plan=Plan(histories=200, seed=1))
        >>> list(result.table().columns[:3])
        ['downtime_min_per_year', 'downtime_low_min_per_year', 'downtime_high_min_per_year']
        """
        import pandas as pd

        rows = []
        for n, item in enumerate(self.services):
            down, count = item.downtime_min_per_year, item.interruptions_per_year
            rows.append(
                {
                    "service": item.service,
                    "downtime_min_per_year": down.value,
                    "downtime_low_min_per_year": down.low,
                    "downtime_high_min_per_year": down.high,
                    "failures_per_year": count.value,
                    "failures_low_per_year": count.low,
                    "failures_high_per_year": count.high,
                    "mean_downtime_h": item.mean_interruption_h.value,
                    "on_air_per_year": item.on_air_per_year.value,
                    "downtime_q90_min": self._quantile(self.sums.down_bins[n], self.years, 0.1) * 60,
                    "downtime_q99_min": self._quantile(self.sums.down_bins[n], self.years, 0.01) * 60,
                    "longest_h": item.longest_h,
                }
            )
        return self.provenance.signed(pd.DataFrame(rows).set_index("service"))

    @staticmethod
    def _quantile(bins: IntArray, total: float, exceeded: float) -> float:
        """Time that is exceeded with a probability [h]: where the counts from above reach it."""
        above = np.cumsum(bins[::-1])[::-1]
        over = np.flatnonzero(above > exceeded * total)
        return float(math.sqrt(BIN_EDGES_H[over[-1]] * BIN_EDGES_H[over[-1] + 1])) if len(over) else 0.0

    def distribution(self, service: str, what: str = "downtime") -> pd.DataFrame:
        """Give a distribution with its interval, as the probability that a time is exceeded.

        Parameters
        ----------
        service : str
        what : {"downtime", "longest", "interruption", "first_loss"}
            Downtime of a year; longest interruption of a year; length of one interruption; time to the first loss,
            for which the column gives the probability of a loss *by* a time.

        Returns
        -------
        pandas.DataFrame
            Columns ``hours``, ``probability``, ``low``, ``high``, over the range where anything was counted.

        Raises
        ------
        InputError
            If there is no such service or distribution.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
        >>> float(result.distribution("media")["probability"].max())
        0.9164
        """
        n = self.site.service(service)
        if what not in ("downtime", "longest", "interruption", "first_loss"):
            raise InputError(f"distribution '{what[:40]}': downtime, longest, interruption or first_loss")
        sums = self.sums
        bins, total = {
            "downtime": (sums.down_bins[n], self.years),
            "longest": (sums.longest_bins[n], self.years),
            "interruption": (sums.length_bins[n], float(max(sums.length_bins[n].sum(), 1))),
            "first_loss": (sums.first_bins[n], float(self.histories)),
        }[what]
        return self._exceeded(bins, total, until=what == "first_loss")

    def _exceeded(self, bins: IntArray, total: float, *, until: bool = False) -> pd.DataFrame:
        """Probability that a time is exceeded or, with `until`, of something until a time, with its interval."""
        known = np.flatnonzero(bins)
        if not len(known):
            return self._table([]).assign(hours=[])[["hours", "probability", "low", "high"]]
        part = slice(max(known[0] - 1, 0), known[-1] + 2)
        counts = (np.cumsum(bins) if until else np.cumsum(bins[::-1])[::-1])[part]
        limits = [share_of(int(c), int(total), self.plan.confidence) for c in counts]
        frame = self._table(limits)
        frame.insert(0, "hours", (BIN_EDGES_H[1:] if until else BIN_EDGES_H[:-1])[part][: len(counts)])
        return frame

    def client_hours_in_a_year(self) -> pd.DataFrame:
        """Give the distribution of the client-hours of the principal traffic that are lost in a year.

        Returns
        -------
        pandas.DataFrame
            Columns ``hours`` (of all clients together), ``probability`` that a year has more, ``low``, ``high``.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
        >>> float(result.client_hours_in_a_year()["probability"].max())
        0.9164
        """
        return self._exceeded(self.sums.cut_bins, self.years)

    def interruptions_in_a_year(self, service: str) -> pd.DataFrame:
        """Give how probable each number of interruptions in a year is.

        Parameters
        ----------
        service : str

        Returns
        -------
        pandas.DataFrame
            Index ``interruptions`` from 0; ``probability``, ``low``, ``high``. The last row, from 255 on, holds more.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
        >>> round(float(result.interruptions_in_a_year("media")["probability"].sum()), 9)
        1.0
        """
        counts = self.sums.count_bins[self.site.service(service)].copy()
        years = int(self.years)
        counts[0] = years - int(counts.sum())
        last = int(np.flatnonzero(counts)[-1])
        limits = [share_of(int(c), years, self.plan.confidence) for c in counts[: last + 1]]
        frame = self._table(limits)
        return frame.rename_axis("interruptions" if last < records.COUNTS - 1 else "interruptions (last: and more)")

    def roles(self) -> pd.DataFrame:
        """Give the share of time of every place of the roles and state of the servers.

        Returns
        -------
        pandas.DataFrame
            Index ``roles`` in words; ``probability``, ``hours_per_year``; most probable first. One row where no role
            can move or all are at the preferred side.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> simulate(study("L2R"), plan=Plan(histories=500, seed=1)).roles().index[0][:14]
        'file_system at'
        """
        import pandas as pd

        share = self.sums.control / self.sums.control.sum()
        takeover = self.site.takeover
        rows = [
            {
                "roles": takeover.words(control) if takeover is not None else "at the preferred side",
                "probability": float(share[control]),
                "hours_per_year": float(share[control]) * HOURS_PER_YEAR,
            }
            for control in np.flatnonzero(share).tolist()
        ]
        frame = pd.DataFrame(rows).set_index("roles").sort_values("probability", ascending=False)
        return self.provenance.signed(frame)

    def over_time(self, service: str) -> pd.DataFrame:
        """Give the unavailability over time, from everything new and in service; the warm-up is part of it.

        Parameters
        ----------
        service : str

        Returns
        -------
        pandas.DataFrame
            Index ``hours``; ``unavailability`` (share of histories in which it is lost then), ``low``, ``high``.

        Raises
        ------
        InputError
            If there is no such service.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> result = simulate(study("L1"), plan=Plan(histories=500, years=1, warm_up_h=0, seed=1))
        >>> float(result.over_time("media")["unavailability"].iloc[0])
        0.0
        """
        import pandas as pd

        n = self.site.service(service)
        end = self.plan.warm_up_h + self.plan.years * HOURS_PER_YEAR
        hours = pd.Index(np.linspace(0.0, end, records.GRID + 1), name="hours")
        down = np.cumsum(self.sums.down_at[n])[: records.GRID + 1]
        limits = [share_of(int(count), self.histories, self.plan.confidence) for count in down]
        columns = (("unavailability", "value"), ("low", "low"), ("high", "high"))
        values = {name: [getattr(x, field) for x in limits] for name, field in columns}
        return self.provenance.signed(pd.DataFrame(values, index=hours))

    @property
    def events(self) -> float:
        """Events that were simulated in the years that are counted."""
        return float(self.sums.reward[records.R_EVENTS, 0])

    def to_json(self) -> dict[str, Any]:
        """Give the result as plain data, as the command line prints it.

        Returns
        -------
        dict
            Heading, plan, services with estimates, limits and distributions (every eighth bin), places of the roles,
            sides, elements, load.

        Examples
        --------
        >>> from k2rel.simulation import Plan, simulate
        >>> from k2rel.studies import study
        >>> simulate(study("L1"), plan=Plan(histories=100, seed=1)).to_json()["histories"]
        100
        """
        return {
            **self.provenance.heading(),
            "histories": self.histories,
            "years_per_history": self.plan.years,
            "warm_up_h": self.plan.warm_up_h,
            "seed": self.plan.seed,
            "confidence": self.plan.confidence,
            "partial": self.partial,
            "services": [
                {
                    "service": item.service,
                    "scope": item.scope,
                    "unavailability": item.unavailability.to_json(),
                    "downtime_min_per_year": item.downtime_min_per_year.to_json(),
                    "failures_per_year": item.interruptions_per_year.to_json(),
                    "on_air_per_year": item.on_air_per_year.to_json(),
                    "mean_downtime_h": item.mean_interruption_h.to_json(),
                    "p_failure_in_history": item.p_loss_in_history.to_json(),
                    "longest_h": item.longest_h,
                    "downtime_q90_min": self._quantile(self.sums.down_bins[n], self.years, 0.1) * 60,
                    "downtime_q99_min": self._quantile(self.sums.down_bins[n], self.years, 0.01) * 60,
                    "downtime_of_a_year": self.distribution(item.service).iloc[::8].to_dict("records"),
                    "interruptions_in_a_year": self.interruptions_in_a_year(item.service)["probability"].tolist(),
                }
                for n, item in enumerate(self.services)
            ],
            "roles": self.roles().reset_index().to_dict("records"),
            "sides": self.side_rows(50),
            "elements": self.elements().reset_index().to_dict("records"),
            "load": {name: item.to_json() for name, item in self.load().items()},
            "delivered": {name: item.to_json() for name, item in self.delivered().items()},
        }

    def _line(self) -> str:
        main = self[self.site.principal]
        down = main.downtime_min_per_year
        return (
            f"{self.site.study.site.name}: {main.service} is down {minutes_text(down.value)} min a year "
            f"({down.low:.3g} to {down.high:.3g}); {self.histories:,} histories of {self.plan.years} years"
        )

    def _table(self, limits: list[Estimate]) -> pd.DataFrame:
        """Probabilities with their intervals."""
        import pandas as pd

        rows = [(found.value, found.low, found.high) for found in limits]
        return self.provenance.signed(pd.DataFrame(rows, columns=["probability", "low", "high"], dtype=float))
