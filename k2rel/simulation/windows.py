"""Downtimes and numbers of interruptions of many windows of any length, counted in the histories of a site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from k2rel.simulation.estimates import Estimate, mean_of, share_of
from k2rel.simulation.kernel import records
from k2rel.simulation.plan import Plan
from k2rel.simulation.results import BIN_EDGES_H, Simulation
from k2rel.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from k2rel.simulation.kernel.layout import F1, I1

__all__ = ["CountedWindows", "WindowPlan"]


@dataclass(frozen=True, slots=True)
class WindowPlan(Plan):
    """A plan whose years are parted into windows; what is left of the last year is not counted."""

    length_h: float = HOURS_PER_YEAR

    @classmethod
    def of(cls, plan: Plan, length_h: float) -> WindowPlan:
        """Part the years of a plan.

        Examples
        --------
        >>> WindowPlan.of(Plan(years=2), 730.0).windows
        24
        """
        return cls(**{**asdict(plan), "length_h": length_h})

    @property
    def window_h(self) -> float:
        """Length of the windows [h]."""
        return self.length_h

    @property
    def windows(self) -> int:
        """Windows of each history, at least one."""
        return max(1, int(self.years * HOURS_PER_YEAR / self.length_h * (1.0 + 1e-12)))


@dataclass(frozen=True, eq=False)
class CountedWindows:
    """Windows of one service; each is taken to be independent of the others."""

    run: Simulation
    service: str

    @property
    def total(self) -> int:
        """Windows over all histories."""
        return self.run.histories * self.run.plan.windows

    @property
    def _bins(self) -> I1:
        bins: I1 = self.run.sums.down_bins[self.run.site.service(self.service)]
        return bins

    def _share(self, hits: float) -> Estimate:
        return share_of(int(hits), self.total, self.run.plan.confidence)

    def mean(self) -> Estimate:
        """Estimate the mean downtime of a window [h]."""
        row: F1 = self.run.sums.service[self.run.site.service(self.service)]
        hits = max(int(row[records.S_ANY]), 1 if row[records.S_DOWN] > 0 else 0)
        found = mean_of(row[records.S_DOWN], row[records.S_DOWN2], self.run.histories, hits, self.run.plan.confidence)
        return found.times(1.0 / self.run.plan.windows)

    def none(self) -> Estimate:
        """Estimate the probability of a window without downtime."""
        return self._share(self.total - self._bins.sum())

    def longer_than(self, times_h: Sequence[float]) -> list[Estimate]:
        """Estimate the probability of more downtime than each time; the interval holds the width of a bin too."""
        bins, result = self._bins, []
        for time_h in times_h:
            if time_h <= 0:
                result.append(self._share(bins.sum()))
                continue
            n = int(np.clip(np.searchsorted(BIN_EDGES_H, time_h, side="right") - 1, 0, records.BINS - 1))
            beyond, within = int(bins[n + 1 :].sum()), int(bins[n])
            part = math.log(BIN_EDGES_H[n + 1] / time_h) / math.log(BIN_EDGES_H[n + 1] / BIN_EDGES_H[n])
            middle = self._share(round(beyond + within * min(max(part, 0.0), 1.0)))
            low, high = self._share(beyond).low, self._share(beyond + within).high
            result.append(Estimate(middle.value, low, high, middle.standard_error))
        return result

    def quantile(self, share: float) -> Estimate:
        """Estimate the downtime that a share of the windows does not exceed [h]."""
        reached = np.cumsum(self._bins[::-1])[::-1]  # windows with a downtime in each bin or above
        known = {int(count): self._share(count) for count in np.unique(reached).tolist()}
        middle, least, most = (
            self._last_bin([getattr(known[int(count)], what) for count in reached.tolist()], 1.0 - share)
            for what in ("value", "low", "high")
        )
        edges = np.append(0.0, BIN_EDGES_H)
        value = math.sqrt(edges[middle] * edges[middle + 1]) if middle else 0.0
        return Estimate(value, float(edges[least]), float(edges[most + 1]) if most else 0.0, math.nan)

    @staticmethod
    def _last_bin(reached: Sequence[float], probability: float) -> int:
        """Number, from 1, of the last bin that is reached more often than that; 0 where none is."""
        over = np.flatnonzero(np.asarray(reached) > probability)
        return int(over[-1]) + 1 if len(over) else 0

    def visits(self) -> list[Estimate]:
        """Estimate the probability of 0, 1, ... interruptions that begin in a window."""
        counts = self.run.sums.count_bins[self.run.site.service(self.service)].copy()
        counts[0] = self.total - int(counts.sum())
        last = min(int(np.flatnonzero(counts)[-1]), records.COUNTS - 2)  # the last place holds more, too
        return [self._share(count) for count in counts[: last + 1].tolist()]
