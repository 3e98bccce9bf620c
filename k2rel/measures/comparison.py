"""Levels, contracts and variants side by side, and the verdict in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from k2rel.errors import InputError
from k2rel.measures.availability import AvailabilityResult, availability, takeovers
from k2rel.measures.importance import causes, single_points_of_failure
from k2rel.measures.load import LoadResult, load
from k2rel.policy.failover import failover, principal_traffic
from k2rel.studies import Study, study
from k2rel.tables import probability_text
from k2rel.units import format_duration

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare", "contracts", "variants", "verdict"]


def compare(
    levels: Sequence[str | Path],
    *,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Put levels or sites into one table.

    Parameters
    ----------
    levels : sequence of str or pathlib.Path
        Levels by name, or site files.
    clients, repair, rates, settings
        As for `k2rel.study`. A setting is applied where the level has that component type.

    Returns
    -------
    pandas.DataFrame
        Index ``level``; for the principal traffic (``service``) of every client ``unavailability``,
        ``downtime_min_per_year``, ``failures_per_year``, ``mean_downtime_h``; downtime of file system, control,
        FTP and full service [min/year]; ``p_overload``; ``parts``, ``single_points``, ``takeovers_per_year``.

    Raises
    ------
    InputError
        If a level cannot be read, or a setting fits none of them.

    Examples
    --------
    >>> frame = compare(["L2", "L2R"])
    >>> bool(frame.loc["L2R", "downtime_min_per_year"] < frame.loc["L2", "downtime_min_per_year"] / 10)
    True
    """
    import pandas as pd

    if not levels:
        raise InputError("compare: name at least one level or site file")
    rows = []
    fits: set[str] = set()
    for level in levels:
        own: dict[str, str] = {}
        for key, value in (settings or {}).items():
            try:
                study(level, clients=clients, settings={key: value})
            except InputError:
                continue
            own[key] = value
            fits.add(key)
        rows.append(_row(study(level, clients=clients, repair=repair, rates=rates, settings=own)))
    for key, value in (settings or {}).items():
        if key not in fits:
            study(levels[0], clients=clients, settings={key: value})
    frame = pd.DataFrame(rows)
    if frame["level"].duplicated().any():
        frame["level"] = [f"{name} ({index + 1})" for index, name in enumerate(frame["level"])]
    return frame.set_index("level")


def _row(one: Study) -> dict[str, object]:
    result = availability(one)
    principal = principal_traffic(one.site)
    main = result[principal]
    minutes = {item.service: item.downtime_min_per_year for item in result.services}
    moves = takeovers(one)
    return {
        "level": one.site.name,
        "title": one.site.title,
        "clients": one.site.client_count,
        "service": principal,
        "availability": main.availability,
        "unavailability": main.unavailability,
        "downtime_min_per_year": main.downtime_min_per_year,
        "failures_per_year": main.failures_per_year,
        "mean_downtime_h": main.mean_downtime_h,
        "full_service_min_per_year": minutes.get("full_service", float("nan")),
        "file_system_min_per_year": minutes.get("file_system", float("nan")),
        "control_min_per_year": minutes.get("control", float("nan")),
        "ftp_min_per_year": minutes.get("ftp", float("nan")),
        "p_overload": load(one).p_any_overload,
        "single_points": len(single_points_of_failure(one, principal)),
        "parts": sum(1 for _ in one.site.parts()),
        "takeovers_per_year": float(moves["takeovers_per_year"].max()) if len(moves) else 0.0,
    }


def contracts(one: Study) -> pd.DataFrame:
    """Put the three repair contracts side by side.

    Parameters
    ----------
    one : Study
        The study.

    Returns
    -------
    pandas.DataFrame
        Index ``service`` (of the whole site), a column of downtime [min/year] for each contract.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> frame = contracts(study("L2R"))
    >>> bool((frame["onsite"] <= frame["nbd"]).all())
    True
    """
    import pandas as pd

    from k2rel.rates import site_laws

    columns = {}
    for contract in ("onsite", "4h", "nbd"):
        rates = None if one.rates == "bundled" else one.rates
        result = availability(replace(one, laws=site_laws(one.site, contract, rates)))
        columns[contract] = {s.service: s.downtime_min_per_year for s in result.services if s.scope == "site"}
    return pd.DataFrame(columns).rename_axis("service")


def variants(one: Study) -> pd.DataFrame:
    """Put the variants of a site file beside its default.

    Parameters
    ----------
    one : Study
        The study.

    Returns
    -------
    pandas.DataFrame
        Index ``service`` (of the whole site), a column of downtime [min/year] for the default and each
        variant; empty where the file has none.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> variants(study("L3R")).columns.tolist()
    ['as described', 'role_follows_2A', 'degraded_backup']
    """
    import pandas as pd

    if not one.site.variants:
        return pd.DataFrame()
    columns = {}
    for name in (None, *(variant.name for variant in one.site.variants)):
        other = study(
            one.site.file,
            clients=one.site.client_count,
            repair=one.laws.contract,
            rates=None if one.rates == "bundled" else one.rates,
            settings=dict(one.site.changed),
            variant=name,
            primary=one.policy.home,
        )
        result = availability(other)
        columns[name or "as described"] = {
            s.service: s.downtime_min_per_year for s in result.services if s.scope == "site"
        }
    return pd.DataFrame(columns).rename_axis("service")


def verdict(one: Study, result: AvailabilityResult | None = None, loads: LoadResult | None = None) -> str:
    """Say in one paragraph how the site stands.

    Parameters
    ----------
    one : Study
        The study.
    result : AvailabilityResult, optional
        Its availability, where already computed.
    loads : LoadResult, optional
        Its load, where already computed.

    Returns
    -------
    str
        Availability of the principal traffic, its main cause, overload, and what the takeovers cost.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> verdict(study("L2R")).split(":")[0]
    'L2R with 4 clients and the 4h repair contract'
    """
    result = result or availability(one)
    loads = loads or load(one)
    site = one.site
    principal = principal_traffic(site)
    main = result[principal]
    budget = causes(one, principal)
    top = budget.index[0]
    singles = single_points_of_failure(one, principal)
    words = [
        f"{site.name} with {site.client_count} clients and the {one.laws.contract} repair contract: "
        f"{principal.replace('_', ' ')} is lost for some client {format_duration(main.unavailability * 8760)} a year "
        f"(unavailability {probability_text(main.unavailability)}), in {main.failures_per_year:.2g} losses a year of "
        f"{format_duration(main.mean_downtime_h)} each."
    ]
    words.append(
        f"The largest cause is {str(top).replace('_', ' ')} with {100 * float(budget['share'].iloc[0]):.0f} % of that downtime; "
        + (
            f"{len(singles)} kinds of single failure take it away."
            if len(singles) != 1
            else "it is the only single point of failure."
            if singles[0].parts[0] == top
            else f"the only single point of failure is {singles[0].parts[0].replace('_', ' ')}."
        )
    )
    words.append(_load_words(one, loads))
    moves = takeovers(one)
    if len(moves):
        worst = moves.loc[moves["takeovers_per_year"].idxmax()]
        words.append(
            f"A role moves {worst['takeovers_per_year']:.2g} times a year; at an assumed {worst['switchover_s']:.0f} s each "
            f"that interrupts for about {format_duration(float(worst['interruption_min_per_year']) / 60)} a year more, "
            "which the figures above do not contain."
        )
    return " ".join(words)


def _load_words(one: Study, loads: LoadResult) -> str:
    """Whether what remains carries the load."""
    normal = failover(one.policy)
    over = [item for item in normal.loads if item.overloaded]
    if over:
        worst = max(over, key=lambda item: item.load_mb_s / item.capacity_mb_s)
        return (
            f"With nothing failed {len(over)} elements are already overloaded, worst {worst.element} with "
            f"{worst.load_mb_s:,.0f} of {worst.capacity_mb_s:,.0f} MB/s: this site cannot carry {one.site.client_count} clients."
        )
    if loads.p_any_overload > 0:
        return f"Something on the way is overloaded with probability {probability_text(loads.p_any_overload)}."
    return "Nothing that can fail overloads any element that has a capacity."
