"""Levels, contracts and variants side by side, and the verdict in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.measures.availability import AvailabilityResult, availability, takeovers
from k2rel.measures.importance import causes, single_points_of_failure
from k2rel.measures.load import LoadResult, load
from k2rel.policy.failover import failover, further_traffic, principal_traffic
from k2rel.rates import site_laws
from k2rel.rates.entry import CONTRACTS
from k2rel.site.common_cause_pairs import with_common_cause
from k2rel.site.service_names import FULL_SERVICE
from k2rel.studies import Study, studies_of, study, with_site
from k2rel.tables import probability_text
from k2rel.units import HOURS_PER_YEAR, format_duration

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "common_causes",
    "compare",
    "contracts",
    "headline",
    "overload_by_level",
    "variants",
    "verdict",
]


def compare(
    levels: Sequence[str | Path] | str | Path,
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
        As for `k2rel.study`. A setting is applied where the level has that type or part.

    Returns
    -------
    pandas.DataFrame
        Index ``level``; for the principal traffic (``service``) of every client ``unavailability``,
        ``downtime_min_per_year``, ``failures_per_year``, ``mean_downtime_h``; downtime of full service, and of every
        role and traffic class by its name (such as ``control_min_per_year``) [min/year]; ``p_overload``;
        ``parts``, ``single_points``, ``takeovers_per_year``, ``failbacks_per_year``.

    Raises
    ------
    InputError
        If a level cannot be read, or a setting fits none of them.

    Examples
    --------
    >>> compare(["L2", "L2R"])["downtime_min_per_year"].round(2).to_dict()
    {'L2': 90.86, 'L2R': 4.01}
    """
    import pandas as pd

    studies = studies_of(levels, clients=clients, repair=repair, rates=rates, settings=settings)
    return pd.DataFrame([{"level": name, **headline(study)} for name, study in studies.items()]).set_index("level")


def overload_by_level(
    levels: Sequence[str | Path] | str | Path,
    *,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> pd.Series:
    """Give each level's probability that an element with a capacity is overloaded.

    Parameters
    ----------
    levels, clients, repair, rates, settings
        As for `compare`.

    Returns
    -------
    pandas.Series
        Probability by level.

    Examples
    --------
    >>> overload_by_level(["L2R"], clients=4).to_dict()
    {'L2R': 0.0}
    """
    import pandas as pd

    studies = studies_of(levels, clients=clients, repair=repair, rates=rates, settings=settings)
    return pd.Series(
        {name: load(study).p_any_overload for name, study in studies.items()}, name="p_overload", dtype=float
    )


def headline(one: Study) -> dict[str, Any]:
    """Give the figures of a site that a table of sites shows.

    Parameters
    ----------
    one : Study

    Returns
    -------
    dict
        As the columns of `compare`.

    Examples
    --------
    >>> headline(study("L2R"))["service"]
    'media'
    """
    result = availability(one)
    principal = principal_traffic(one.site)
    main = result[principal]
    minutes = {item.service: item.downtime_min_per_year for item in result.services}
    moves = takeovers(one)
    figures = {
        "title": one.site.title,
        "clients": one.site.client_count,
        "service": principal,
        "availability": main.availability,
        "unavailability": main.unavailability,
        "downtime_min_per_year": main.downtime_min_per_year,
        "failures_per_year": main.failures_per_year,
        "mean_downtime_h": main.mean_downtime_h,
        "full_service_min_per_year": minutes.get(FULL_SERVICE, float("nan")),
    }
    names = [name for name in (*one.site.roles, *further_traffic(one.site), *one.site.traffic) if name in minutes]
    figures |= {f"{name}_min_per_year": minutes[name] for name in names if f"{name}_min_per_year" not in figures}
    return figures | {
        "p_overload": load(one).p_any_overload,
        "single_points": len(single_points_of_failure(one, principal)),
        "parts": sum(1 for _ in one.site.parts()),
        "takeovers_per_year": float(moves["takeovers_per_year"].max()) if len(moves) else 0.0,
        "failbacks_per_year": float(moves["failbacks_per_year"].max()) if len(moves) else 0.0,
    }


def contracts(one: Study) -> pd.DataFrame:
    """Put the three repair contracts side by side.

    Parameters
    ----------
    one : Study

    Returns
    -------
    pandas.DataFrame
        Index ``service`` (of the whole site), a column of downtime [min/year] for each contract.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> contracts(study("L2R")).loc["media"].round(2).to_dict()
    {'onsite': 2.02, '4h': 4.01, 'nbd': 27.31}
    """
    import pandas as pd

    columns = {}
    for contract in CONTRACTS:
        same = contract == one.laws.contract
        columns[contract] = site_minutes(one if same else replace(one, laws=site_laws(one.site, contract, one.rates)))
    return pd.DataFrame(columns).rename_axis("service")


def common_causes(one: Study) -> pd.DataFrame:
    """Put independent parts and A/B twins that can fail of one cause side by side.

    Parameters
    ----------
    one : Study

    Returns
    -------
    pandas.DataFrame
        Index ``service`` (of the whole site); downtime [min/year] with ``independent`` parts and with ``twins``,
        every pair with the beta factor that `k2rel.site.common_cause_pairs` gives it, and ``times`` as much.
        Empty where the site has no twins.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> common_causes(study("L2R")).loc["control", "times"].round()
    np.float64(249.0)
    """
    import pandas as pd

    sites = {
        name: with_common_cause(one.site, choice) for name, choice in (("independent", "none"), ("twins", "twins"))
    }
    if not sites["twins"].common_cause:
        return pd.DataFrame(columns=["independent", "twins", "times"]).rename_axis("service")
    columns = {name: site_minutes(with_site(one, site)) for name, site in sites.items()}
    frame = pd.DataFrame(columns).rename_axis("service")
    return frame.assign(times=frame["twins"] / frame["independent"])


def site_minutes(study: Study) -> dict[str, float]:
    """Downtime of the services of the whole site [min/year]."""
    return {s.service: s.downtime_min_per_year for s in availability(study).services if s.scope == "site"}


def variants(one: Study) -> pd.DataFrame:
    """Put the variants of a site file beside its default.

    Parameters
    ----------
    one : Study

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
        other = (
            one
            if name == one.site.variant
            else study(
                one.site.file,
                clients=one.site.client_count,
                repair=one.laws.contract,
                rates=one.rates,
                settings=dict(one.site.changed),
                variant=name,
                primary=one.policy.home,
            )
        )
        columns[name or "as described"] = site_minutes(other)
    return pd.DataFrame(columns).rename_axis("service")


def verdict(one: Study, result: AvailabilityResult | None = None, loads: LoadResult | None = None) -> str:
    """Say in one paragraph how the site stands.

    Parameters
    ----------
    one : Study
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
    top, share = budget.index[0], 100 * float(budget["share"].iloc[0])
    singles = single_points_of_failure(one, principal)

    def called(name: str) -> str:
        part = site.components.get(name) or site.raid_sets.get(name)
        return f"the {part.title}" if part is not None else name.replace("_", " ")

    lost = format_duration(main.unavailability * HOURS_PER_YEAR)
    words = [
        f"{site.name} with {site.client_count} clients and the {one.laws.contract} repair contract: "
        f"{principal.replace('_', ' ')} is lost for some client {lost} a year "
        f"(unavailability {probability_text(main.unavailability)}), in {main.failures_per_year:.2g} losses a year of "
        f"{format_duration(main.mean_downtime_h)} each."
    ]
    words.append(
        f"The largest cause is {called(str(top))} with {share:.0f} % of that downtime; "
        + (
            f"{len(singles)} kinds of single failure take it away."
            if len(singles) > 1
            else "no single failure takes it away."
            if not singles
            else "it is the only single point of failure."
            if singles[0].parts[0] == top
            else f"the only single point of failure is {called(singles[0].parts[0])}."
        )
    )
    words.append(_load_words(one, loads))
    moves = takeovers(one)
    if len(moves):
        worst = moves.iloc[int(moves["interruption_min_per_year"].to_numpy().argmax())]
        back = worst["failbacks_per_year"]
        words.append(
            f"A role moves {worst['takeovers_per_year']:.2g} times a year"
            f"{f' and {back:.2g} times back by itself' if back else ''}; "
            f"at an assumed {worst['switchover_s']:.0f} s each that "
            f"interrupts for about {format_duration(float(worst['interruption_min_per_year']) / 60)} a year more, "
            "which the figures above do not contain."
        )
    return " ".join(words)


def _load_words(study: Study, loads: LoadResult) -> str:
    """Whether what remains carries the load."""
    normal = failover(study.policy)
    over = [item for item in normal.loads if item.ends_full_service]
    if over:
        worst = max(over, key=lambda item: item.counted_mb_s - item.capacity_mb_s)
        return (
            f"With nothing failed {len(over)} elements are already overloaded, worst {worst.element} with "
            f"{worst.counted_mb_s:,.0f} of {worst.capacity_mb_s:,.0f} MB/s: "
            f"this site cannot carry {study.site.client_count} clients."
        )
    if loads.p_any_overload > 0:
        return f"Something on the way is overloaded with probability {probability_text(loads.p_any_overload)}."
    slowed = [item.element for item in normal.loads if item.overloaded]
    if slowed:
        yields = " and ".join(name for name in study.site.traffic if name not in study.site.counted_traffic)
        return f"Full service is never short of capacity; {yields} gets what is left of {', '.join(slowed)}."
    return "Nothing that can fail overloads any element that has a capacity."
