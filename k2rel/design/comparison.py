"""Levels, contracts and variants side by side, under one reading."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from k2rel.arguments import as_whole
from k2rel.design.changes import with_clients
from k2rel.design.targets import SURE, judged_columns
from k2rel.errors import InputError, K2relError
from k2rel.measures.availability import availability, site_downtime, takeovers
from k2rel.measures.dynamic import modelled_and_ideal, performability
from k2rel.measures.importance import single_points_of_failure
from k2rel.measures.load import load, overload_of
from k2rel.measures.solution import Solution, StudyLike, framed, role_needs, shared_reading, solution_of, study_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import further_traffic, principal_traffic
from k2rel.rates import site_laws
from k2rel.rates.entry import CONTRACTS
from k2rel.site.common_cause_pairs import with_common_cause
from k2rel.site.read import as_read, is_entries
from k2rel.site.service_names import FULL_SERVICE
from k2rel.studies import Study, free_name, studies_of, with_site
from k2rel.studies import study as read_study

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "common_causes",
    "compare",
    "contracts",
    "headline",
    "overload_by_counts",
    "overload_by_level",
    "roles_by_level",
    "variants",
]

Levels: TypeAlias = "Mapping[str, StudyLike] | Sequence[StudyLike] | StudyLike"


def compare(
    levels: Levels,
    *,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    data: str | None = None,
    method: str = "auto",
    organisation: Organisation | None = None,
    target: float | str | Mapping[str, Any] | None = None,
    sure: float = SURE,
) -> pd.DataFrame:
    """Put levels or sites into one table.

    Parameters
    ----------
    levels : sequence of str or pathlib.Path
        Levels by name, site files, or sites; or studies and answers, taken as they are. A list, or a mapping by name.
    clients, repair, rates, settings, data
        As for `k2rel.study`. A setting is applied where the level has that type or part.
    method, organisation
        As for `availability`, the same for every level.
    target : float, str or mapping of str to float, optional
        Availability [%] asked for: a number, a file, or by service.
    sure : float
        Probability from which it counts as met (`judge`).

    Returns
    -------
    pandas.DataFrame
        Index ``level``; for the principal traffic (``service``) of every client ``unavailability``,
        ``downtime_min_per_year``, ``failures_per_year``, ``mean_downtime_h``; downtime of full service, and of every
        role and traffic class by its name (such as ``control_min_per_year``) [min/year]; ``p_overload``;
        ``parts``, ``single_points``, ``takeovers_per_year``, ``failbacks_per_year``; ``method`` (who answered),
        ``takeovers`` (one reading for all), ``why_empty`` (why a level has no figures; empty where it has); with a
        target ``target_percent``, ``verdict`` and ``p_met``, the probability that it is met.

    Raises
    ------
    InputError
        If a level cannot be read, a setting fits none of them, or no level has figures.

    Examples
    --------
    >>> compare(["L2", "L2R"])["downtime_min_per_year"].round(2).to_dict()
    {'L2': 196.71, 'L2R': 35.67}
    """
    studies = studies_at(levels, clients=clients, repair=repair, rates=rates, settings=settings, data=data)
    return by_level(studies, lambda solution: headline(solution, target=target, sure=sure), method, organisation)


def studies_at(
    levels: Levels,
    *,
    clients: int | None,
    repair: str,
    rates: str | Path | None,
    settings: Mapping[str, str] | None,
    data: str | None,
) -> Mapping[str, StudyLike]:
    """Levels read with the same options; studies and answers taken as they are, so that no chain is solved again."""
    names = list(levels) if isinstance(levels, Mapping) and not is_entries(levels) else None
    given: list[Any] = list(levels.values() if names is not None and isinstance(levels, Mapping) else levels
                            if isinstance(levels, list | tuple) else [levels])  # fmt: skip
    made = [isinstance(getattr(item, "solution", item), Study | Solution) for item in given]
    if not any(made):
        listed: Any = levels if names is None else given
        read = studies_of(listed, clients=clients, repair=repair, rates=rates, settings=settings, data=data)
        return read if names is None else dict(zip(map(str, names), read.values(), strict=True))
    if not all(made):
        raise InputError("levels: names, site files and sites, or studies and answers; not both")
    if (clients, repair, rates, settings or None, data) != (None, "4h", None, None, None):
        raise InputError(
            "levels: clients, repair, rates, settings and data are for levels by name; a study has its own"
        )
    result: dict[str, StudyLike] = {}
    for item, name in zip(given, names or [study_of(item).site.name for item in given], strict=True):
        result[free_name(str(name), result)] = item
    return result


def by_level(
    studies: Mapping[str, StudyLike],
    row: Callable[[Solution], dict[str, Any]],
    method: str,
    organisation: Organisation | None,
) -> pd.DataFrame:
    """A table of sites under one reading; where a site has no figures, its row says why."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    readings: set[str] = set()
    error: K2relError | None = None
    for name, study in studies.items():
        site = study_of(study).site
        known: dict[str, Any] = {"level": name, "title": site.title, "clients": site.client_count}
        known["service"] = principal_traffic(site)
        try:
            solution = solution_of(study, method, organisation)
            rows.append(known | row(solution) | {"why_empty": ""})
        except K2relError as refused:
            error = refused
            rows.append(known | {"why_empty": str(refused)})
        else:
            readings |= {solution.takeovers} if role_needs(solution.study) else set()
    if error is not None and not any("takeovers" in item for item in rows):
        raise error
    reading = shared_reading(readings)
    frame = pd.DataFrame(rows).set_index("level").assign(takeovers=reading)
    frame = frame.fillna({"method": ""})
    frame.attrs["takeovers"] = reading
    return frame[[*(name for name in frame.columns if name != "why_empty"), "why_empty"]]


def roles_by_level(
    levels: Levels,
    *,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    data: str | None = None,
) -> pd.DataFrame:
    """Put both readings of the takeovers side by side for several levels.

    Parameters
    ----------
    levels, clients, repair, rates, settings, data
        As for `compare`.

    Returns
    -------
    pandas.DataFrame
        Index ``level``; for the principal traffic the columns of `k2rel.modelled_and_ideal`.

    Examples
    --------
    >>> table = roles_by_level(["L2", "L2R"])
    >>> table["downtime_ratio"].round(1).to_dict()
    {'L2': 1.0, 'L2R': 8.8}
    """
    import pandas as pd

    rows = {}
    studies = studies_at(levels, clients=clients, repair=repair, rates=rates, settings=settings, data=data)
    for name, study in studies.items():
        principal = principal_traffic(study_of(study).site)
        rows[name] = {"service": principal} | modelled_and_ideal(study).to_dict("index")[principal]
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("level")


def overload_by_level(
    levels: Levels,
    *,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    data: str | None = None,
    method: str = "auto",
    organisation: Organisation | None = None,
) -> pd.Series:
    """Give each level's probability that an element with a capacity is overloaded.

    Parameters
    ----------
    levels, clients, repair, rates, settings, data, method, organisation
        As for `compare`.

    Returns
    -------
    pandas.Series
        Probability by level; ``attrs`` say under which reading, and by level why there is none (``why_empty``).

    Examples
    --------
    >>> overload_by_level(["L2R"], clients=4).to_dict()
    {'L2R': 0.0}
    """
    studies = studies_at(levels, clients=clients, repair=repair, rates=rates, settings=settings, data=data)
    frame = by_level(studies, _overload, method, organisation)
    empty = {name: words for name, words in frame["why_empty"].items() if words}
    result = frame["p_overload"].astype(float).rename_axis(None)
    result.attrs |= {"takeovers": frame["takeovers"].iloc[0], "method": frame["method"].to_dict(), "why_empty": empty}
    return result


def _overload(solution: Solution) -> dict[str, Any]:
    return {
        "p_overload": load(solution).p_any_overload,
        "method": solution.method,
        "takeovers": solution.takeovers,
    }


def overload_by_counts(answers: Mapping[str, StudyLike], counts: Sequence[int]) -> pd.DataFrame:
    """Give the probability of overload of each level for several numbers of clients, asked about alike.

    Parameters
    ----------
    answers : mapping of str to Answer
        Levels by name; one with as many clients as are asked about answers for itself.
    counts : sequence of int
        Numbers of clients.

    Returns
    -------
    pandas.DataFrame
        Index ``level``, a column for each number; not a number where a level has no figures for it.

    Examples
    --------
    >>> overload_by_counts({"L1": "L1"}, [4, 5]).loc["L1"].round(3).tolist()
    [0.0, 1.0]
    """
    import pandas as pd

    wanted = list(dict.fromkeys(as_whole("counts", count, 1) for count in counts))
    frame = pd.DataFrame(math.nan, index=pd.Index(list(answers), name="level"), columns=wanted)
    empty: dict[str, str] = {}
    for name, answer in answers.items():
        one = solution_of(answer)
        for count in wanted:
            try:
                other = one if one.study.site.client_count == count else one.alike(with_clients(one.study, count))
                frame.loc[name, count] = overload_of(other)
            except K2relError as error:
                empty.setdefault(name, str(error))
    frame.attrs["why_empty"] = empty
    return frame


def headline(
    study: StudyLike,
    organisation: Organisation | None = None,
    *,
    method: str = "auto",
    target: float | str | Mapping[str, Any] | None = None,
    sure: float = SURE,
) -> dict[str, Any]:
    """Give the figures of a site that a table of sites shows.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    target, sure
        As for `compare`.

    Returns
    -------
    dict
        As the columns of `compare`. Takeovers are counted by whoever answers, failbacks to first order.

    Examples
    --------
    >>> found = headline("L2R")
    >>> found["service"], found["takeovers"], round(found["takeovers_per_year"], 2)
    ('media', 'as modelled', 2.11)
    """
    solution = solution_of(study, method, organisation)
    study = solution.study
    result = availability(solution)
    principal = principal_traffic(study.site)
    main = result[principal]
    minutes = {item.service: item.downtime_min_per_year for item in result.services}
    moves = takeovers(study)
    figures = {
        "title": study.site.title,
        "clients": study.site.client_count,
        "service": principal,
        "availability": main.availability,
        "unavailability": main.unavailability,
        "downtime_min_per_year": main.downtime_min_per_year,
        "failures_per_year": main.failures_per_year,
        "mean_downtime_h": main.mean_downtime_h,
        "full_service_min_per_year": minutes.get(FULL_SERVICE, float("nan")),
    }
    names = [name for name in (*study.site.roles, *further_traffic(study.site), *study.site.traffic) if name in minutes]
    figures |= {f"{name}_min_per_year": minutes[name] for name in names if f"{name}_min_per_year" not in figures}
    return figures | {
        "p_overload": load(solution).p_any_overload,
        "single_points": len(single_points_of_failure(study, principal)),
        "parts": sum(1 for _ in study.site.parts()),
        "takeovers_per_year": performability(solution)["takeovers_per_year"],
        "failbacks_per_year": float(moves["failbacks_per_year"].max()) if len(moves) else 0.0,
        "method": solution.method,
        "takeovers": solution.takeovers,
        **judged_columns(solution, target, sure),
    }


def contracts(study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto") -> pd.DataFrame:
    """Put the three repair contracts side by side.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.

    Returns
    -------
    pandas.DataFrame
        Index ``service`` (of the whole site), a column of downtime [min/year] for each contract.

    Examples
    --------
    >>> contracts("L2R").loc["media"].round(2).to_dict()
    {'onsite': 33.65, '4h': 35.67, 'nbd': 59.63}
    """
    solution = solution_of(study, method, organisation)
    study = solution.study
    others: dict[str, Study] = {
        contract: study
        if contract == study.laws.contract
        else replace(study, laws=site_laws(study.site, contract, study.rates))
        for contract in CONTRACTS
    }
    return _side_by_side(solution, others)


def _side_by_side(solution: Solution, studies: Mapping[str, Study]) -> pd.DataFrame:
    """Downtime of the services of the whole site [min/year], a column for each study under the same reading."""
    import pandas as pd

    columns: dict[str, dict[str, float]] = {}
    empty: dict[str, K2relError] = {}
    for name, study in studies.items():
        try:
            columns[name] = site_minutes(solution.alike(study))
        except K2relError as error:
            columns[name], empty[name] = {}, error
    if len(empty) == len(studies):
        raise next(iter(empty.values()))
    services = list(dict.fromkeys(service for column in columns.values() for service in column))
    frame = pd.DataFrame(columns, index=pd.Index(services, name="service"), dtype=float)
    return framed(frame, solution, unit="min/year", why_empty={name: str(error) for name, error in empty.items()})


def common_causes(study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto") -> pd.DataFrame:
    """Put independent parts and A/B twins that can fail of one cause side by side.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.

    Returns
    -------
    pandas.DataFrame
        Index ``service`` (of the whole site); ``independent_min_per_year``, ``common_cause_min_per_year``, where
        every A/B pair has the beta factor that `k2rel.site.common_cause_pairs` gives it, and ``downtime_ratio``.
        Empty where the site has no such pairs.

    Examples
    --------
    >>> common_causes("L2R", method="exact").loc["control", "downtime_ratio"].round()
    np.float64(125.0)
    """
    import pandas as pd

    solution = solution_of(study, method, organisation)
    study = solution.study
    sites = {
        "independent_min_per_year": with_common_cause(study.site, "none"),
        "common_cause_min_per_year": with_common_cause(study.site, "twins"),
    }
    if not sites["common_cause_min_per_year"].common_cause:
        return framed(pd.DataFrame(columns=[*sites, "downtime_ratio"]).rename_axis("service"), solution)
    frame = _side_by_side(
        solution,
        {name: study if site.common_cause == study.site.common_cause else with_site(study, site)
         for name, site in sites.items()},
    )  # fmt: skip
    frame["downtime_ratio"] = frame["common_cause_min_per_year"] / frame["independent_min_per_year"]
    return frame


def site_minutes(
    study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto"
) -> dict[str, float]:
    """Downtime of the services of the whole site [min/year]."""
    return site_downtime(solution_of(study, method, organisation))


def variants(study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto") -> pd.DataFrame:
    """Put the variants of a site file beside its default.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.

    Returns
    -------
    pandas.DataFrame
        Index ``service`` (of the whole site), a column of downtime [min/year] for the default and each
        variant; empty where the file has none.

    Examples
    --------
    >>> variants("L3R").columns.tolist()
    ['as described', 'role_follows_2A', 'degraded_backup', 'restarts_2A']
    """
    import pandas as pd

    solution = solution_of(study, method, organisation)
    study = solution.study
    site = study.site
    if not site.variants:
        return framed(pd.DataFrame(), solution)
    others = {}
    for name in (None, *(variant.name for variant in site.variants)):
        others[name or "as described"] = (
            study
            if name == site.variant
            else read_study(
                as_read(site, variant=name), repair=study.laws.contract, rates=study.rates, primary=study.policy.primary
            )
        )
    return _side_by_side(solution, others)
