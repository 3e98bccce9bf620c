"""What a part is worth to a service: the importances that follow from its derivative."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from k2rel.rates import Law, RaidModule
from k2rel.site.model import Site
from k2rel.tables import Shown
from k2rel.units import MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Worth", "importances", "law_slopes", "worth"]


@dataclass(frozen=True, slots=True, repr=False)
class Worth(Shown):
    """What the importances of a part follow from."""

    unavailability: float
    birnbaum: float  # mean of the derivative
    part: float  # mean of the part's unavailability times the derivative
    lost: tuple[float, float] | None  # that the service is lost if the part has failed, and that both are, at once
    slopes: tuple[float, float]  # by failure rate [h] and by mean repair time [1/h]


def worth(site: Site, name: str, of: Worth, u: float) -> tuple[object, ...]:
    """One row of importances: a shared part, RAID set or event of common cause, or a part of each client."""
    own = site.client_parts.get(name)
    part = own or site.components.get(name)
    if part is not None:
        kind = part.type
    else:
        kind = f"RAID {site.raid_sets[name].level} set" if name in site.raid_sets else "common cause"
    raw = rrw = dif = math.nan
    if of.lost is not None and u > 0:
        without = u - of.part
        raw, dif = of.lost[0] / u, min(1.0, of.lost[1] / u)
        # at a part whose loss is all there is, the difference is rounding only
        rrw = math.inf if without <= 1e-12 * u else u / without
    share = of.part / u if u > 0 else 0.0
    return (
        f"each client's {name}" if own else name, kind, part.side if part else None, of.unavailability, of.birnbaum,
        share, of.part * MINUTES_PER_YEAR, raw, rrw, dif, of.slopes[0], of.slopes[1] * MINUTES_PER_YEAR,
    )  # fmt: skip


def importances(site: Site, rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    """Rows of importances as a table, largest contribution first."""
    import pandas as pd

    columns = ["part", "type", "side", "unavailability", "birnbaum", "share_of_downtime", "downtime_min_per_year"]
    frame = pd.DataFrame(rows, columns=[*columns, "raw", "rrw", "dif", "slope_rate_h", "slope_mttr_min_per_year"])
    frame = frame.set_index("part").sort_values("downtime_min_per_year", ascending=False, kind="stable")
    frame.attrs["sides"] = site.sides
    return frame


def law_slopes(law: Law | RaidModule, birnbaum: float = 1.0) -> tuple[float, float]:
    """Derivatives of a part's unavailability by its failure rate [h] and its time to restoration [1/h].

    Or of a service's, whose derivative by that unavailability is given.
    """
    by_rate, by_time = _slopes(law)
    return by_rate * birnbaum, by_time * birnbaum


def _slopes(law: Law | RaidModule) -> tuple[float, float]:
    rate = law.failure_rate_per_h if isinstance(law, Law) else law.frequency_per_h / (1.0 - law.unavailability)
    square = (1.0 - law.unavailability) ** 2  # dq/d(lambda D) = (1 - q)^2
    if isinstance(law, RaidModule) or law.test_interval_h <= 0 or rate <= 0:
        return law.mean_downtime_h * square, rate * square
    step = 1e-5
    more, less = (replace(law, failure_rate_per_h=rate * (1.0 + sign * step)).unavailability for sign in (1, -1))
    later, sooner = (replace(law, mttr_h=law.mttr_h * (1.0 + sign * step)).unavailability for sign in (1, -1))
    return (more - less) / (2.0 * step * rate), (later - sooner) / (2.0 * step * law.mttr_h)
