"""What a simulation counted of one service, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from k2rel.distributions.closed_forms import normal_deviations
from k2rel.services.catalogue import SiteService
from k2rel.simulation.estimates import Estimate, mean_of, share_of
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.layout import F1
from k2rel.simulation.kernel.records import Sums
from k2rel.tables import Shown
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR, minutes_text

__all__ = ["ServiceSimulation", "counted_service", "downtime_h"]


@dataclass(frozen=True, repr=False)
class ServiceSimulation(Shown):
    """What was counted of one service."""

    service: str
    title: str
    scope: str
    unavailability: Estimate
    downtime_min_per_year: Estimate
    interruptions_per_year: Estimate
    on_air_per_year: Estimate  # interruptions longer than the client's buffer
    mean_interruption_h: Estimate
    p_loss_in_history: Estimate  # at least one service failure in the years that are counted
    longest_h: float

    def _line(self) -> str:
        down = self.downtime_min_per_year
        limits = f"({minutes_text(down.low)} to {minutes_text(down.high)})"
        return f"{self.service}: down {minutes_text(down.value)} min a year {limits}"


def downtime_h(sums: Sums, service: int, confidence: float) -> Estimate:
    """Estimate the mean downtime of a service in a history [h]."""
    row = sums.service[service]
    # one that failed before the years that are counted has downtime and no failure in them
    hits = max(int(row[records.S_ANY]), 1 if row[records.S_DOWN] > 0 else 0)
    return mean_of(row[records.S_DOWN], row[records.S_DOWN2], int(sums.histories[0]), hits, confidence)


def counted_service(named: SiteService, sums: Sums, n: int, years: int, confidence: float) -> ServiceSimulation:
    """Put together what was counted of one service."""
    row = sums.service[n]
    count, hours = int(sums.histories[0]), years * HOURS_PER_YEAR
    down = downtime_h(sums, n, confidence).no_more_than(hours)
    failures = mean_of(row[records.S_COUNT], row[records.S_COUNT2], count, int(row[records.S_ANY]), confidence)
    air = mean_of(
        row[records.S_AIR], row[records.S_AIR2], count, int(min(row[records.S_ANY], row[records.S_AIR])), confidence
    )
    return ServiceSimulation(
        service=named.name,
        title=named.title,
        scope=named.scope,
        unavailability=down.times(1.0 / hours).no_more_than(1.0),
        downtime_min_per_year=down.times(MINUTES_PER_YEAR / hours),
        interruptions_per_year=failures.times(1.0 / years),
        on_air_per_year=air.times(1.0 / years),
        mean_interruption_h=_ratio(row, count, confidence),
        p_loss_in_history=share_of(int(row[records.S_ANY]), count, confidence),
        longest_h=float(row[records.S_LONGEST]),
    )


def _ratio(row: F1, count: int, confidence: float) -> Estimate:
    """Mean length of an interruption: a ratio of means over histories, with the interval of the delta method."""
    if row[records.S_COUNT] == 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    value = row[records.S_DOWN] / row[records.S_COUNT]
    mean = row[records.S_COUNT] / count
    spread = (
        row[records.S_DOWN2] - 2 * value * row[records.S_DOWN_COUNT] + value * value * row[records.S_COUNT2]
    ) / count
    error = math.sqrt(max(spread, 0.0) / count) / mean
    half = normal_deviations(confidence) * error
    return Estimate(float(value), max(float(value) - half, 0.0), float(value) + half, error)
