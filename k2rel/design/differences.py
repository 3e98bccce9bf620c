"""Two designs beside each other: what differs in words and numbers, what that does, and what a level was before."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel._version import __version__
from k2rel.basis import basis_hash
from k2rel.design.comparison import headline, site_minutes
from k2rel.errors import InputError
from k2rel.measures.solution import AS_MODELLED, IDEAL, StudyLike, framed, role_needs, solution_of, study_of
from k2rel.organisation import Organisation
from k2rel.rates import Law
from k2rel.site.coverage import class_name, coverage_name, coverages, detection_times
from k2rel.site.model import Path as Route
from k2rel.site.model import Site, Traffic
from k2rel.site.names import file_stem
from k2rel.site.roles import ROLE_NUMBERS, Holder, Role, TakeoverNeed
from k2rel.site.stages import AtLeast
from k2rel.studies import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["differences", "facts_of", "history", "services_compared"]

_FIGURES = ("unavailability", "downtime_min_per_year", "failures_per_year", "p_overload")


def differences(study: StudyLike, other: StudyLike) -> pd.DataFrame:
    """List in what two designs differ.

    Parameters
    ----------
    study, other : Study, str, Path or Answer
        The designs.

    Returns
    -------
    pandas.DataFrame
        ``what`` (parts, failure data, roles, traffic, assumptions, ...), ``entry``, ``before`` and ``after``; a dash
        where one has no such entry. Parts that differ in the same way are one row.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> found = differences("L2R", study("L2R", settings={"media_server.mttr": "2 h"}))
    >>> found[["entry", "before", "after"]].iloc[0].tolist()
    ['server_A, server_B: restoration [h]', '6.5', '2']
    """
    import pandas as pd

    before, after = dict(facts_of(study_of(study))), dict(facts_of(study_of(other)))
    together: dict[tuple[str, str, str, str], list[str]] = {}
    alone = {key[1] for key in before.keys() ^ after.keys() if key[0] == "parts" and not key[2]}
    for what, entry, aspect in dict.fromkeys([*before, *after]):
        old, new = (facts.get((what, entry, aspect), "–") for facts in (before, after))
        # of a part that only one design has, that it has it is enough
        if old != new and not (entry in alone and (aspect or what != "parts")):
            together.setdefault((what, aspect, old, new), []).append(entry)
    rows = []
    for (what, aspect, old, new), entries in together.items():
        named = ", ".join(entries[:6]) + (f" and {len(entries) - 6} more" if len(entries) > 6 else "")
        rows.append((what, f"{named}: {aspect}" if aspect else named, old, new))
    return pd.DataFrame(rows, columns=["what", "entry", "before", "after"])


def facts_of(study: Study) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Everything that makes a design, each fact with what it is about."""
    site = study.site
    yield ("site", "title", ""), site.title
    yield ("site", "sides", ""), ", ".join(site.sides)
    yield ("site", "clients", ""), str(site.client_count)
    yield ("site", "preferred side", ""), study.policy.asked_first.removeprefix("preferred side ")
    yield ("failure data", "repair contract", ""), study.laws.contract
    for name, part in site.described.items():
        who = name if name in site.components else f"each client's {name}"
        yield ("parts", who, ""), part.type.replace("_", " ")
        for aspect, value in (
            ("title", part.title), ("side", part.side), ("stands in", part.within),
            ("between", _list(part.between or ())), ("needs", _list(part.needs)),
            (f"capacity [{part.unit}]", part.capacity_mb_s), ("carries for what needs it", part.carries),
            ("outside the boundary", part.external),
        ):  # fmt: skip
            if value not in (None, "", False):
                yield ("parts", who, aspect), _said(value)
        law = study.law(name) if name in site.components else study.client_laws[name]
        if isinstance(law, Law):
            yield ("failure data", who, "failure rate [1/h]"), _said(law.failure_rate_per_h)
            yield ("failure data", who, "restoration [h]"), _said(law.mttr_h)
            yield ("failure data", who, "source"), law.rates_id or law.source
            if law.test_interval_h:
                yield ("failure data", who, "test interval [h]"), _said(law.test_interval_h)
                offset = f"{law.test_offsets_h[0]:g} h after day 0"
                yield ("failure data", who, "days of tests"), "any" if law.tested_independently else offset
    for name, entry in site.raid_sets.items():
        drives = f"{len(entry.drives)} drives, {len(entry.spares)} spares"
        yield ("RAID sets", name, ""), f"RAID {entry.level} of {drives}, rebuild {entry.rebuild_h:g} h"
    yield from _rules(site)


def _rules(site: Site) -> Iterator[tuple[tuple[str, str, str], str]]:
    for name, unit in site.units.items():
        for aspect, value in ((each.name, getattr(unit, each.name)) for each in fields(unit) if each.repr):
            yield ("roles", name, aspect), _list(value) if isinstance(value, tuple) else str(value)
        if unit.takeover_needs:
            yield ("roles", name, "takeover needs"), "; ".join(map(_takeover_need, unit.takeover_needs))
        if unit.takes_down:
            yield ("roles", name, "takes down"), _list(unit.takes_down)
    for name, role in site.roles.items():
        yield ("roles", name, "holders"), "; ".join(_holder(holder) for holder in role.holders)
        for cause, value in coverages(role).items():
            yield ("roles", name, coverage_name(cause)), _said(value)
        yield ("roles", name, "switchover [h]"), _said(role.switchover_h)
        after = f" after {role.failback_after_h:g} h" if role.failback_after_h else ""
        yield ("roles", name, "failback"), f"{role.failback}{after}"
        yield from _in_time(role)
    for one in site.suspensions:
        works = f" while {_list(one.works)} work" if one.works else ""
        alone = "" if math.isinf(one.auto_recovery_h) else f", auto-recovery after {one.auto_recovery_h:g} h"
        yield ("suspensions", one.part, ""), f"without {_list(one.lost)}{works}{alone}"
    for name, traffic in site.traffic.items():
        yield ("traffic", name, f"demand [{traffic.unit}]"), _said(traffic.demand_mb_s)
        yield ("traffic", name, "share"), traffic.share
        yield ("traffic", name, "priority"), traffic.priority
        if traffic.failover_h:
            yield ("traffic", name, "path failover [s]"), _said(traffic.failover_h * 3600.0)
            yield ("traffic", name, "path failover coverage"), _said(traffic.failover_coverage)
        yield ("traffic", name, "ways"), "; ".join(_route(traffic, route) for route in traffic.paths)
    yield ("traffic", "full service", ""), _list(site.full_service_of)
    for name, subscribed in site.subscriptions.items():
        yield ("traffic", f"subscription {name}", ""), _list(subscribed)
    for group in site.common_cause:
        yield ("common causes", group.id, ""), f"{group.model} of {_list(group.members)}"
    for item in site.assumptions:
        yield ("assumptions", item.name, ""), f"{item.value} ({item.evidence})"


def _in_time(role: Role) -> Iterator[tuple[tuple[str, str, str], str]]:
    """What takeovers of a role wait for and cost, where that is not as by default."""
    for cause, value in detection_times(role).items():
        if value or cause:
            yield ("roles", role.id, class_name("detection", cause) + " [h]"), _said(value)
    by_default = {each.name: each.default for each in fields(role)}
    for key, number in ROLE_NUMBERS.items():
        if number not in ("coverage", "switchover_h", "detection_h") and getattr(role, number) != by_default[number]:
            unit = " [1/h]" if number.endswith("_per_h") else " [h]" if number.endswith("_h") else ""
            yield ("roles", role.id, key.replace(".", ": ").replace("_", " ") + unit), _said(getattr(role, number))
    for aspect, rule in (("partition", "partition"), ("split brain: serves", "split_serves")):
        if getattr(role, rule) != by_default[rule]:
            yield ("roles", role.id, aspect), getattr(role, rule)


def _takeover_need(need: TakeoverNeed) -> str:
    kind = "" if need.kind == "need" else f"{need.kind} "
    missing = "" if need.missing == "wait" else ", anyway if missing"
    works = "" if need.coverage == 1.0 else f", works with {need.coverage:g}"
    return f"{kind}{_list(need.stages)}{missing}{works}{f', takes {need.time_h:g} h' if need.time_h else ''}"


def _holder(holder: Holder) -> str:
    at = f"{holder.name} at {holder.side}" if holder.name else holder.side
    needs = f", takeover needs {_list(holder.takeover_needs)}" if holder.takeover_needs else ""
    quorum = "" if holder.quorum is None else f", quorum {_list((holder.quorum,))}"
    return f"{at}: {holder.on or _list(holder.units or holder.needs)}{needs}{quorum}"


def _route(traffic: Traffic, route: Route) -> str:
    when = "".join(f" while {place} has {role}" for role, place in route.when)
    group = "" if traffic.share == "first" else f" in group {route.group}"
    weight = f" of weight {route.weight:g}" if traffic.share == "weighted" else ""
    return f"{route.side}{group}{weight}{when} by {_list(route.via)}"


def _list(items: Any) -> str:
    return ", ".join(
        f"{item.k} of ({_list(' and '.join(branch) for branch in item.of)})" if isinstance(item, AtLeast) else str(item)
        for item in items
    )


def _said(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def services_compared(
    study: StudyLike, other: StudyLike, organisation: Organisation | None = None, *, method: str = "auto"
) -> pd.DataFrame:
    """Put the downtime of every site-wide service of two designs side by side.

    Parameters
    ----------
    study, other : Study, str, Path or Answer
        The designs; the second is answered for as the first is, under the same reading.
    organisation, method
        As for `availability`.

    Returns
    -------
    pandas.DataFrame
        Index ``service``; ``before_min_per_year``, ``after_min_per_year``, ``change_min_per_year``; not a number where
        a design has no such service.

    Examples
    --------
    >>> services_compared("L2", "L2R").loc["media"].round(2).tolist()
    [196.71, 35.67, -161.04]
    """
    import pandas as pd

    first = solution_of(study, method, organisation)
    second = first.alike(study_of(other))
    before, after = site_minutes(first), site_minutes(second)
    columns = {"before_min_per_year": before, "after_min_per_year": after}
    services = pd.Index(list(dict.fromkeys([*before, *after])), name="service")
    frame = pd.DataFrame(columns, index=services)
    frame["change_min_per_year"] = frame["after_min_per_year"] - frame["before_min_per_year"]
    # where the first has no role that moves, both readings are the same there
    return framed(frame, second if second.study.site.movable else first)


def history(
    study: StudyLike, folder: str | Path, organisation: Organisation | None = None, *, method: str = "auto"
) -> pd.DataFrame:
    """Put the figures of a study under those that earlier reports had.

    Parameters
    ----------
    study : Study, str, Path or Answer
        The study as it is now.
    folder : str or pathlib.Path
        Folder of the reports; every report with other inputs or of another version left a line there.
    organisation, method
        As for `availability`.

    Returns
    -------
    pandas.DataFrame
        Index ``date``, the last row ``now``; ``version``, ``unavailability``, ``downtime_min_per_year``,
        ``failures_per_year``, ``p_overload``, ``clients``, ``input_hash``, ``data`` (version of the bundled data),
        ``basis`` (hash of the code, the data and the packages), ``method``, ``takeovers``, where reports had a target
        ``target``, ``verdict`` and ``p_met`` (of ``now`` for the last of them), and ``comparable``: whether a line has
        the reading of ``now``. Lines of earlier versions lack some; those without the last two knew ideal
        takeovers alone. ``attrs["notes"]`` says how many lines have another reading.

    Raises
    ------
    InputError
        If no report of this site has left a line there, or what lies there is no such file.

    Examples
    --------
    >>> history("L1", "nowhere")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: nowhere has no history of L1; k2rel report L1 --output nowhere begins one
    """
    import pandas as pd

    solution = solution_of(study, method, organisation)
    site = solution.study.site
    path = Path(folder) / "results" / f"{file_stem(site.name)}.history.csv"
    if not path.is_file():
        raise InputError(
            f"{folder} has no history of {site.name}; k2rel report {site.name} --output {folder} begins one"
        )
    texts = ("version", "input_hash", "data", "basis", "method", "takeovers")
    columns = ["version", *_FIGURES, "clients", "input_hash", "data", "basis", "method", "takeovers"]
    try:
        frame = pd.read_csv(path, dtype=dict.fromkeys(texts, str)).set_index("date")
        frame = frame.assign(**{name: frame.get(name, "") for name in texts if name not in ("version", "input_hash")})
        columns += [name for name in ("target", "verdict", "p_met") if name in frame and frame["target"].notna().any()]
        frame = frame[columns].astype(dict.fromkeys(_FIGURES, float))
        frame = frame.fillna(dict.fromkeys(("data", "basis", "method", "takeovers"), ""))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: is not a history of reports: {str(error).splitlines()[0][:200]}") from None
    targets = frame["target"].dropna().tolist() if "target" in frame else []
    figures = headline(solution, target=float(targets[-1]) if targets else None)
    now = {key: figures[key] for key in (*_FIGURES, "clients", "method", "takeovers")} | {"version": __version__}
    now |= {"input_hash": solution.provenance.input_hash, "data": solution.provenance.data, "basis": basis_hash()[:16]}
    if "verdict" in figures:
        now |= {"target": figures["target_percent"], "verdict": figures["verdict"], "p_met": figures["p_met"]}
    row = pd.DataFrame([now], index=pd.Index(["now"], name="date"))[columns]
    # what stands under no reading is of a version that had the exact engine alone
    older = frame["takeovers"] == ""
    frame.loc[older, ["method", "takeovers"]] = ["exact", IDEAL if role_needs(solution.study) else AS_MODELLED]
    frame = pd.concat([frame, row])
    frame["comparable"] = frame["takeovers"] == now["takeovers"]
    other = int((~frame["comparable"]).sum())
    notes = (
        f"{other} of {len(frame) - 1} earlier lines have {', '.join(set(frame['takeovers'][~frame['comparable']]))} "
        f"takeovers and cannot be compared with now ({now['takeovers']})."
    )
    return framed(frame, solution, notes=(notes,) if other else ())
