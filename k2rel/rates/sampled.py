"""Failure laws at many draws of their inputs at once: arrays instead of numbers, by the same formulas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from k2rel.inputs import Factors, Uses, factor
from k2rel.rates.failure_law import Law
from k2rel.rates.hidden import PeriodicTests
from k2rel.rates.raid_module import RaidModule

__all__ = ["SampledLaw", "SampledRaid", "sampled_law", "sampled_raid"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SampledLaw:
    """A law whose rate and times are arrays over draws, or numbers where they are not drawn."""

    law: Law
    failure_rate_per_h: FloatArray
    mttr_h: FloatArray
    test_interval_h: FloatArray

    @property
    def _tests(self) -> PeriodicTests:
        """The tests, times as arrays; days within the interval move with it."""
        share: Any = self.test_interval_h / self.law.test_interval_h
        interval, mttr = (item if np.ndim(item) else float(item) for item in (self.test_interval_h, self.mttr_h))
        return PeriodicTests(
            cast(float, interval), tuple(day * share for day in self.law.test_days_h), cast(float, mttr)
        )

    @cached_property
    def unavailability(self) -> FloatArray:
        """Steady-state probability of being failed, of hidden failures the mean over the time between tests."""
        if not np.any(self.test_interval_h):
            down = self.failure_rate_per_h * self.mttr_h
            return np.asarray(down / (1.0 + down))
        shape = np.broadcast_shapes(
            *(np.shape(i) for i in (self.failure_rate_per_h, self.mttr_h, self.test_interval_h))
        )
        return self._tests.mean(np.broadcast_to(self.failure_rate_per_h, shape))

    @property
    def mean_downtime_h(self) -> FloatArray:
        """Mean time from failure to restoration, the hidden part included [h]."""
        if not np.any(self.test_interval_h):
            return self.mttr_h
        q = self.unavailability
        return np.asarray(q / (self.failure_rate_per_h * (1.0 - q)))

    def at(self, times_h: FloatArray) -> FloatArray:
        """Unavailability at times of the cycle of its tests (draws, times); the interval is that of the law."""
        rate = np.atleast_1d(self.failure_rate_per_h)
        if not np.ndim(self.mttr_h):
            return np.asarray(self._tests.at(rate, times_h))
        mttr, rates = np.broadcast_arrays(self.mttr_h, rate)
        days, interval = self.law.test_days_h, self.law.test_interval_h
        rows = [
            PeriodicTests(interval, days, float(m)).at(np.array([r]), times_h) for m, r in zip(mttr, rates, strict=True)
        ]
        return np.concatenate(rows)


def sampled_law(law: Law, factors: Factors) -> SampledLaw:
    """A law at draws of its inputs; that of a pair has its unavailability and failure frequency (`duplicated`)."""
    if law.each is None:
        fields = ("failure_rate_per_h", "mttr_h", "test_interval_h")
        return SampledLaw(law, *(np.asarray(getattr(law, name) * factor(law.uses, name, factors)) for name in fields))
    one = sampled_law(law.each, factors)
    if law.each.tested_together:
        times, share = law.single.tests.points(law.single.failure_rate_per_h)
        each = sampled_law(law.single, factors).at(times) ** (law.parts // 2)
        rate = np.asarray(one.failure_rate_per_h)[..., None]
        q, w = each**2 @ share, (2.0 * each * rate * (1.0 - each)) @ share
    else:
        each = one.unavailability
        q, w = each**2, 2.0 * each * one.failure_rate_per_h * (1.0 - each)
    if not np.any(q):
        return SampledLaw(law, np.zeros_like(q), np.asarray(law.mttr_h), np.asarray(0.0))
    return SampledLaw(law, np.asarray(w / (1.0 - q)), np.asarray(q / w), np.asarray(0.0))


@dataclass(frozen=True, eq=False)
class SampledRaid:
    """A RAID set at draws: unavailability, and the rates of its two states [1/h]."""

    unavailability: FloatArray
    lost_per_h: FloatArray
    restored_per_h: FloatArray


def sampled_raid(module: RaidModule, drive: Law, uses: tuple[Uses, ...], factors: Factors) -> SampledRaid:
    """A RAID set at draws of its drives' and its own inputs."""
    one = drive.single
    rate = module.failure_rate_per_h * factor(one.uses, "failure_rate_per_h", factors)
    times = (
        module.replace_h * factor(one.uses, "mttr_h", factors),
        module.rebuild_h * factor(uses, "rebuild_h", factors),
        module.restore_h * factor(uses, "restore_h", factors),
    )
    down = module.unavailability_at_rates(rate, *times)
    restored = np.asarray(1.0 / times[2])
    return SampledRaid(down, np.asarray(down * restored / (1.0 - down)), restored)
