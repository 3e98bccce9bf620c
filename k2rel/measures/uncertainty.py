"""How sure the figures are: what the limits of each failure rate do to the downtime, one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from k2rel.exact.engine import unavailability
from k2rel.measures.availability import service_named
from k2rel.rates import Law, with_rate
from k2rel.studies import Study
from k2rel.units import MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["swing"]


def swing(study: Study, service: str = "media") -> pd.DataFrame:
    """Compute the downtime of a service with each failure rate at its 90 % limits, one after another.

    Parts whose rate comes from the same row of the table move together; all others stay at their value.

    Parameters
    ----------
    study : Study
        The study.
    service : str
        The service.

    Returns
    -------
    pandas.DataFrame
        Index ``rates_id``, widest swing first; ``types``, ``evidence``, ``low_per_h``, ``high_per_h`` [1/h], and
        ``downtime_low``, ``downtime_high`` [min/year] at the limits. Rows without limits, and rates given by
        hand, are not listed.

    Raises
    ------
    InputError
        If there is no such service.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> swing(study("L2R")).index[0]
    'eth_chassis_passive'
    """
    import pandas as pd

    found = service_named(study, service)
    rows: dict[str, Law] = {}
    types: dict[str, dict[str, None]] = {}
    for name, law in study.laws.used():
        part = study.site.components.get(name) or study.site.client_parts[name]
        if law.rates_id and law.low_per_h is not None and law.high_per_h is not None and not part.external:
            rows.setdefault(law.rates_id, law)
            types.setdefault(law.rates_id, {})[part.type] = None
    records = []
    for row, law in rows.items():
        minutes = [
            unavailability(replace(study, laws=with_rate(study.site, study.laws, row, rate)), found) * MINUTES_PER_YEAR
            for rate in (law.low_per_h, law.high_per_h)
            if rate is not None
        ]
        records.append((row, " ".join(types[row]), law.evidence, law.low_per_h, law.high_per_h, *minutes))
    columns = ["rates_id", "types", "evidence", "low_per_h", "high_per_h", "downtime_low", "downtime_high"]
    frame = pd.DataFrame(records, columns=columns).set_index("rates_id")
    order = (frame["downtime_high"] - frame["downtime_low"]).abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order]
