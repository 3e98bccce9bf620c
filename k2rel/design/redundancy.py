"""How many units are best when a takeover can fail: active units with coverage, reconfiguration and reboot."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_number, as_whole, as_wholes
from k2rel.ctmc.explore import Event, StateSpace, explore
from k2rel.ctmc.passage import interruptions, mean_time_to
from k2rel.ctmc.steady import steady
from k2rel.errors import InputError
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["redundant_units", "units_with_coverage"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def redundant_units(
    units: int,
    coverage: float,
    *,
    mttf_h: float = 6000.0,
    mttr_h: float = 1.0,
    reconfiguration_h: float = 10 / 3600,
    reboot_h: float = 1 / 6,
) -> StateSpace:
    """Build the chain of alike active units of which one is enough, repaired one at a time.

    Parameters
    ----------
    units : int
        Number of units.
    coverage : float
        Probability that the loss of a unit, while others work, is noticed and isolated.
    mttf_h, mttr_h : float
        Of one unit [h].
    reconfiguration_h, reboot_h : float
        Mean outage after a covered and after an uncovered failure [h]; nothing fails and nothing is repaired in it.

    Returns
    -------
    StateSpace
        Variables ``up`` (units working) and ``outage`` (0 none, 1 reconfiguration, 2 reboot).

    Raises
    ------
    InputError
        If there is no unit, the coverage is no probability, or a time is not above 0.

    Notes
    -----
    The chain of multiprocessors with imperfect coverage of K. S. Trivedi, "Probability and statistics with
    reliability, queuing and computer science applications", 2nd edition (2001), section 8.4.

    Examples
    --------
    >>> redundant_units(3, 0.9).chain.states
    8
    """
    units = as_whole("units", units, 1)
    coverage = as_number("coverage", coverage)
    if not 0 <= coverage <= 1:
        raise InputError(f"coverage: from 0 to 1, got {coverage:g}")
    given = {"mttf_h": mttf_h, "mttr_h": mttr_h, "reconfiguration_h": reconfiguration_h, "reboot_h": reboot_h}
    for name, value in given.items():
        if not 0 < as_number(name, value) < math.inf:
            raise InputError(f"{name}: a time above 0, got {value:g} h")

    def fails(share: float) -> Callable[[Mapping[str, IntArray]], FloatArray]:
        return lambda s: (s["outage"] == 0) * (s["up"] > 1) * s["up"] * (share / mttf_h)

    events = [
        Event("covered failure", fails(coverage), {"up": -1, "outage": 1}),
        Event("uncovered failure", fails(1.0 - coverage), {"up": -1, "outage": 2}),
        Event("last unit fails", lambda s: (s["outage"] == 0) * (s["up"] == 1) / mttf_h, {"up": -1}),
        Event("repair", lambda s: (s["outage"] == 0) * (s["up"] < units) / mttr_h, {"up": 1}),
        Event("reconfigured", lambda s: (s["outage"] == 1) / reconfiguration_h, {"outage": -1}),
        Event("rebooted", lambda s: (s["outage"] == 2) / reboot_h, {"outage": -2}),
    ]
    return explore({"up": (units, units), "outage": (0, 2)}, events)


def units_with_coverage(coverage: float, units: Sequence[int] = range(1, 9), **times_h: float) -> pd.DataFrame:
    """Compare numbers of units.

    Parameters
    ----------
    coverage : float
        As for `redundant_units`.
    units : sequence of int
        Numbers of units.
    **times_h : float
        Times, as for `redundant_units`.

    Returns
    -------
    pandas.DataFrame
        Index ``units``; ``unavailability``, ``downtime_min_per_year``, ``failures_per_year``, ``mean_downtime_h``,
        ``mttff_h``.

    Examples
    --------
    With a coverage of 0.95 two units are best: every further one adds takeovers that can fail.

    >>> units_with_coverage(0.95)["unavailability"].idxmin()
    2
    """
    import pandas as pd

    rows = []
    for count in as_wholes("units", units, 1):
        space = redundant_units(count, coverage, **times_h)
        down = np.asarray((space.columns["outage"] > 0) | (space.columns["up"] == 0))
        p = steady(space.chain).probability
        visits = interruptions(space.chain, p, down)
        rows.append(
            {
                "units": count,
                "unavailability": float(p[down].sum()),
                "downtime_min_per_year": float(p[down].sum()) * MINUTES_PER_YEAR,
                "failures_per_year": visits.frequency_per_h * HOURS_PER_YEAR,
                "mean_downtime_h": visits.mean_h,
                "mttff_h": mean_time_to(space.chain, down),
            }
        )
    return pd.DataFrame(rows).set_index("units")
