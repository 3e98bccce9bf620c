"""What a site is made of and on what its figures rest: levels, components, RAID sets, assumptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k2rel.bundled import design_names, level_names
from k2rel.commoncause import part_total
from k2rel.measures.rules import rules_in_use
from k2rel.measures.tested import tests_in_use
from k2rel.organisation import Organisation
from k2rel.rates import RateRow
from k2rel.site import read_site
from k2rel.site.model import CommonCauseGroup, Component
from k2rel.studies import Study, StudyLike, study_of
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["assumptions", "component_records", "components", "designs", "levels", "raid_sets", "rates_used"]

_NOTHING = "no source is known for this failure rate"
_ASSUMED = {"P": _NOTHING, "R": _NOTHING, "P/R": _NOTHING, "P/A": _NOTHING,
            "P from V": "judged from the sources named",
            "A": "the source is about a similar part; none was found for this one"}  # fmt: skip


def levels(data: str | None = None) -> pd.DataFrame:
    """List the levels that can be named without a path.

    Parameters
    ----------
    data : str, optional
        Version of the bundled data; by default the current one.

    Returns
    -------
    pandas.DataFrame
        Index ``level``; ``title``, ``sides``, ``clients``, ``parts`` (physical parts), ``servers``,
        ``redundant``.

    Examples
    --------
    >>> levels().index.tolist()
    ['L1', 'L2', 'L2R', 'L3', 'L3R', 'nearline']
    """
    import pandas as pd

    rows = []
    for name in level_names(data):
        site = read_site(name, data=data)
        rows.append(
            {
                "level": name,
                "title": site.title,
                "sides": len(site.sides),
                "clients": site.client_count,
                "parts": sum(1 for _ in site.parts()),
                "servers": sum(part.type == "media_server" for part in site.components.values()),
            }
        )
    return pd.DataFrame(rows).set_index("level")


def designs() -> pd.DataFrame:
    """List the ready-made designs that can be named without a path.

    Returns
    -------
    pandas.DataFrame
        Index ``design``; ``title``, ``sides``, ``clients``, ``parts`` (physical parts).

    Examples
    --------
    >>> designs().loc["fc_alua", "clients"]
    np.int64(4)
    """
    import pandas as pd

    rows = []
    for name in design_names():
        site = read_site(name)
        parts = sum(1 for _ in site.parts())
        rows.append(
            {
                "design": name,
                "title": site.title,
                "sides": len(site.sides),
                "clients": site.client_count,
                "parts": parts,
            }
        )
    return pd.DataFrame(rows).set_index("design")


def component_records(study: StudyLike) -> list[dict[str, Any]]:
    """List every physical part with its failure data, clients and drives written out."""
    study = study_of(study)
    site, laws = study.site, study.laws

    def record(part: Component, key: str, of_client: bool) -> dict[str, Any]:
        law = (laws.client if of_client else laws.shared)[key]
        return {
            "part": part.id,
            "type": part.type,
            "side": part.side,
            "failure_rate_per_h": law.failure_rate_per_h,
            "mttr_h": law.mttr_h,
            "evidence": law.evidence,
            "source": law.source,
            "low_per_h": law.low_per_h,
            "high_per_h": law.high_per_h,
            "test_interval_h": law.test_interval_h,
            "unavailability": law.unavailability,
            "rates_id": law.rates_id,
            "in_availability": not part.external,
        }

    keys = [*((name, False) for name in site.components)]
    keys += [(name, True) for client in site.clients() for name in site.parts_of(client.group)]
    return [record(part, key, of_client) for part, (key, of_client) in zip(site.parts(), keys, strict=True)]


def components(study: StudyLike) -> pd.DataFrame:
    """List every physical part with its failure data as a table.

    Parameters
    ----------
    study : Study

    Returns
    -------
    pandas.DataFrame
        Index ``part``, columns as in `component_records`.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> components(study("L2R")).loc["toe_A1", "type"]
    'toe'
    """
    import pandas as pd

    study = study_of(study)
    return pd.DataFrame(component_records(study)).set_index("part")


def rates_used(study: StudyLike) -> pd.DataFrame:
    """List the failure data that a study rests on, a row for each component type.

    Parameters
    ----------
    study : Study

    Returns
    -------
    pandas.DataFrame
        ``type``, ``count`` (physical parts), ``failure_rate_per_h``, ``low_per_h``, ``high_per_h``, ``mean_per_h``
        (within the limits) [1/h], ``point`` (what the rate is to them: median, mean, estimate), ``mttr_h``,
        ``test_interval_h`` [h], ``evidence``, ``assumed`` (no source of its own behind it), ``rates_id``, ``source``.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> rates_used(study("L2R")).query("assumed")["type"].tolist()[:2]
    ['media_server', 'server_software']
    """
    import pandas as pd

    study = study_of(study)
    columns = [
        "failure_rate_per_h",
        "low_per_h",
        "high_per_h",
        "mttr_h",
        "test_interval_h",
        "evidence",
        "rates_id",
        "source",
    ]
    frame = pd.DataFrame(component_records(study))
    frame[["low_per_h", "high_per_h"]] = frame[["low_per_h", "high_per_h"]].astype(float)
    grouped = frame.groupby(["type", *columns], dropna=False, sort=False).size().rename("count").reset_index()
    grouped["assumed"] = [code in _ASSUMED for code in grouped["evidence"]]
    given = zip(grouped["failure_rate_per_h"], grouped["low_per_h"], grouped["high_per_h"], strict=True)
    rows = [RateRow("", rate, low_per_h=low, high_per_h=high) for rate, low, high in given]
    grouped["mean_per_h"], grouped["point"] = [row.mean_per_h for row in rows], [row.point for row in rows]
    return grouped[["type", "count", *columns[:3], "mean_per_h", "point", *columns[3:6], "assumed", *columns[6:]]]


def assumptions(study: StudyLike, organisation: Organisation | None = None) -> pd.DataFrame:
    """List what no source states: the named assumptions of the site, and failure data without a source.

    Parameters
    ----------
    study : Study
    organisation : Organisation, optional
        Who repairs, where that is not as by default.

    Returns
    -------
    pandas.DataFrame
        ``assumption``, ``value`` (the one in use; of what the user set the reason has the file's), ``evidence``,
        ``reason``, ``source``: the site's own first, then each type of
        component whose failure data are a prior (P), recalled (R) or of an analogue (A), then what the engine assumes.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> assumptions(study("L2R"))["assumption"].tolist()[:2]
    ['clients', 'client_demand']
    """
    import pandas as pd

    study = study_of(study)
    movable = study.site.movable
    back = bool(movable) and all(role.failback == "automatic" for role in movable.values())
    rows = [(a.name, a.value, a.evidence, a.reason, a.source) for a in study.site.assumptions]
    for record in rates_used(study).to_dict("records"):
        if record["assumed"]:
            value = f"{record['failure_rate_per_h']:.3g} /h, restored in {record['mttr_h']:g} h"
            reason = _ASSUMED[record["evidence"]]
            rows.append((f"failure data of {record['type']}", value, record["evidence"], reason, record["source"]))
    given = organisation or Organisation()
    rows += [
        (
            "constant rates",
            "all times to failure and repair times exponential"
            if given.repair_variation == 1
            else "all times to failure exponential; for repair times see the repair variation",
            "ENGINE",
            "drives and fans wear out in practice; the exact static engine uses the mean rate",
            "",
        ),
        (
            "independence",
            (
                "every part is repaired independently of the others"
                if given.crews is None
                else "parts wait for the repair crews"
            )
            + "; no common causes except the groups listed",
            "ENGINE",
            "twin parts that share a batch, a room or a software fault fail together more often than this says",
            "",
        ),
        *(
            (
                f"common cause {group.id.replace('_', ' ')}",
                f"{group.model} of {' + '.join(group.members)}: "
                + ", ".join(f"level {level}: {value:g}" for level, value in group.factors)
                + _in_all(group),
                group.evidence or "not said",
                group.reason,
                group.source,
            )
            for group in study.site.common_cause
        ),
        (
            "preferred side",
            f"roles are at {'their first holders' if study.policy.apart else f'side {study.policy.home}'} whenever "
            f"{'these are' if study.policy.apart else 'it is'} healthy; a takeover is instant and succeeds",
            "ENGINE",
            (
                "in practice a takeover takes time and can fail"
                if back
                else "in practice roles stay where a takeover put them until operator action"
            )
            + "; see takeovers as modelled",
            "",
        ),
        *tests_in_use(study),
        *rules_in_use(study, given),
        *_dynamic_assumptions(study, given),
    ]
    return pd.DataFrame(rows, columns=["assumption", "value", "evidence", "reason", "source"])


def _in_all(group: CommonCauseGroup) -> str:
    """What a group leaves a member in all, where that is not what its own entry says."""
    whole = float(part_total(len(group.members), group.shares))
    return (
        ""
        if abs(whole - 1.0) < 1e-5
        else f"; the total failure rate of each part is {whole:.4g} times that of its entry"
    )


def _dynamic_assumptions(study: Study, given: Organisation) -> list[tuple[str, str, str, str, str]]:
    """What the dynamic engine takes as given, as it is in use; what was set says so, with the default beside it."""
    usual = Organisation()

    def hours(name: str, reason: str) -> tuple[str, str]:
        value, default = getattr(given, name), getattr(usual, name)
        said = reason if value == default else f"set by the user; the default is {default:g} h; {reason}"
        return f"{value:g} h", said

    servers = study.policy.redundant_servers
    own = [name for name in servers if study.policy.returns_by_itself(name)]
    kept = [name for name, role in study.site.movable.items() if role.restart == "in service"]
    restart = ("a redundant server that was down comes back out of service", "an operator inspects it first")
    if kept:
        but = f", but in service where it has {' or '.join(kept)} and no takeover followed (restart: in service)"
        restart = (restart[0] + but, "as stated in the site file")
    if own and len(own) == len(servers):
        restart = (f"{', '.join(own)} come back into service by themselves", "failback is automatic in the file")
    elif own:
        but = f"{', '.join(own)} come back into service by themselves, as failback is automatic; of the others, "
        restart = (but + restart[0], restart[1])
    crews = "as many as parts have failed" if given.crews is None else f"{given.crews}, set by the user"
    work = [
        ("repair crews", crews, "limited by --crews, except for what restarts by itself"),
        ("own staff", "drives and parts of clients never wait for a crew", "users replace them themselves"),
    ]
    if given.travel_h:
        work.append(("travel", *hours("travel_h", "mean technician travel time; repairs are hands-on time")))
    if given.priority:
        ranks = "repaired first, in this order; crews are shared evenly among parts of one rank"
        work.append(("repair priority", ", ".join(given.priority), ranks))
    if given.repair_variation != usual.repair_variation:
        meaning = "squared coefficient of variation of repair times of shared parts; 1 for exponential times"
        work.append(("repair variation", f"{given.repair_variation:g}, set by the user", meaning))
    if not study.site.movable:
        return [(name, value, "ENGINE", reason, "") for name, value, reason in work] if given != usual else []
    placed = [] if own and len(own) == len(servers) else [
        ("return to service", *hours("return_to_service_h", "an operator returns a restored server to service"))
    ]  # fmt: skip
    kept_up = []
    if given.maintenance_every_h != usual.maintenance_every_h:
        kept_up = [
            ("maintenance", *hours("maintenance_every_h", "mean time from one maintenance of a server to the next")),
            ("duration of a maintenance", *hours("maintenance_h", "mean time that a server is in maintenance")),
        ]
    said = (
        *placed,
        ("manual takeover", *hours("manual_takeover_h", "operator action after a failed takeover")),
        *work,
        *kept_up,
        ("one takeover", "takeovers that start at the same time succeed or fail together", "they have one cause"),
        ("restart", *restart),
        ("hidden failures", "found by tests on the same days, unless the file says otherwise", "tests are periodic"),
    )
    return [(f"takeovers as modelled: {name}", value, "ENGINE", reason, "") for name, value, reason in said]


def raid_sets(study: StudyLike) -> pd.DataFrame:
    """List the RAID sets with what their Markov chain gives.

    Parameters
    ----------
    study : Study

    Returns
    -------
    pandas.DataFrame
        Index ``raid_set``; ``level``, ``drives``, ``hot_spares``, ``missing_for_loss`` (drives whose loss loses data),
        ``mttdl_years`` (mean time to data loss), ``losses_per_year``, ``unavailability`` (data lost and not yet
        brought back), ``downtime_min_per_year``. Empty where the site has none.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> int(raid_sets(study("L2R")).loc["media_raid", "missing_for_loss"])
    2
    """
    import pandas as pd

    study = study_of(study)
    rows = [
        {
            "raid_set": name,
            "level": f"RAID {study.site.raid_sets[name].level}",
            "drives": module.drives,
            "hot_spares": module.hot_spares,
            "missing_for_loss": module.missing_for_loss,
            "mttdl_years": module.mttdl_h / HOURS_PER_YEAR,
            "losses_per_year": module.frequency_per_h * HOURS_PER_YEAR,
            "unavailability": module.unavailability,
            "downtime_min_per_year": module.unavailability * MINUTES_PER_YEAR,
        }
        for name, module in study.laws.raid.items()
    ]
    return pd.DataFrame(rows).set_index("raid_set") if rows else pd.DataFrame()
