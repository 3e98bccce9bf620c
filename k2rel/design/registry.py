"""Entries of the registry side by side, and what each of them does to a level."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.arguments import as_name, shown
from k2rel.design.comparison import by_level
from k2rel.errors import InputError, closest
from k2rel.measures.availability import availability
from k2rel.measures.solution import Solution
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.rates import registry
from k2rel.site import read_site
from k2rel.site.read import SiteLike
from k2rel.studies import study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["entries_compared"]


def entries_compared(
    kind: str,
    *,
    level: SiteLike | None = None,
    rates: str | Path | None = None,
    data: str | None = None,
    method: str = "auto",
    organisation: Organisation | None = None,
) -> pd.DataFrame:
    """Put the entries of a component type side by side.

    Parameters
    ----------
    kind : str
        The type.
    level : str, pathlib.Path, Site or mapping, optional
        A level, site file or site whose downtime is computed with each of them.
    rates : str or pathlib.Path, optional
        A table over the registry.
    data : str, optional
        Version of the bundled data; by default the current one.
    method, organisation
        As for `availability`, where there is a level.

    Returns
    -------
    pandas.DataFrame
        Index ``id``, the default first; ``component``, ``failure_rate_per_h``, ``low_per_h``, ``high_per_h``,
        ``mean_per_h``, ``point``,
        ``times_default``, ``evidence``, ``year``, ``source``; with a level also ``downtime_min_per_year`` of its
        principal traffic, ``method``, ``takeovers`` and ``why_empty`` as `compare`.

    Raises
    ------
    InputError
        If no entry is for that type, or the level has no part of it.

    Examples
    --------
    >>> entries_compared("fc_link")["times_default"].round(3).tolist()
    [1.0, 0.2, 0.254]
    """
    table = registry(rates, data=data)
    rows = table.of_type(as_name("kind", kind))
    frame = table.table(rows)
    frame["times_default"] = frame["failure_rate_per_h"] / rows[0].rate_per_h if rows[0].rate_per_h else float("nan")
    columns = ["component", "failure_rate_per_h", "low_per_h", "high_per_h", "mean_per_h", "point", "times_default",
               "evidence", "year", "source"]  # fmt: skip
    if level is not None:
        types = {part.type for part in read_site(level, data=data).described.values()}
        if kind not in types:
            raise InputError(f"{shown(level)} has no component type '{kind}'{closest(kind, types)}")
        studies = {row.id: study(level, rates=rates, settings={f"{kind}.rates": row.id}, data=data) for row in rows}
        found = by_level(studies, _downtime, method, organisation)
        added = ["downtime_min_per_year", "method", "takeovers", "why_empty"]
        frame[added] = found[added]
        columns += added
    return frame[columns]


def _downtime(solution: Solution) -> dict[str, Any]:
    main = availability(solution)[principal_traffic(solution.study.site)]
    return {
        "downtime_min_per_year": main.downtime_min_per_year,
        "method": solution.method,
        "takeovers": solution.takeovers,
    }
