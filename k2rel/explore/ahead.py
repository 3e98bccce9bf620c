"""What the next hours hold from the state that is shown: as `k2rel risk`, in minutes, fast enough for a click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from k2rel.columns import COLUMNS
from k2rel.errors import InputError, K2relError
from k2rel.explore.answers import Offered, known_site
from k2rel.measures.risk import downtime_ahead, states_followed
from k2rel.measures.risk_result import WORTH, action_words
from k2rel.measures.solution import solution_of
from k2rel.policy.failover import failover
from k2rel.policy.present import present_of
from k2rel.policy.reasons import holder_label
from k2rel.policy.rules import Policy
from k2rel.report.explorer import LISTED
from k2rel.signs import in_html
from k2rel.studies import Study
from k2rel.units import format_duration

if TYPE_CHECKING:
    from k2rel.measures.risk_result import Risk

__all__ = ["HORIZON_H", "what_is_ahead"]

HORIZON_H = 24.0
_MOST_STATES = 50_000
"""Of the chain with nothing failed: with more a state takes longer than somebody waits for after a click."""
_FEW, _FEW_ACTIONS = 12, 4
_MOST_SERVICES = 3
_SHOWN = ("expected_downtime_min", "expected_downtime_usual_min", "times_usual")
_SIGN = "<span class='k2x-sign' aria-hidden='true'></span>"


def what_is_ahead(asked: Mapping[str, Any], known: Mapping[str, Offered], data: str | None = None) -> dict[str, Any]:
    """Say what the next hours hold, and which parts must not fail; where that cannot be said, why.

    Examples
    --------
    >>> asked = {"level": "L2R", "clients": 0, "contract": "4h", "rates": "as given", "failed": ["server_A"]}
    >>> what_is_ahead(asked, {"L2R": "L2R"})["critical"][0]
    {'part': 'software_B', 'services': 'media, control, ftp retry and 2 more'}
    >>> what_is_ahead(asked | {"failed": ["client_1_media_A"]}, {"L2R": "L2R"})["critical"]
    []
    """
    number = asked.get("number", 0)
    try:
        level, failed = str(asked["level"]), asked.get("failed", [])
        if not isinstance(failed, list) or not all(isinstance(part, str) for part in failed):
            raise InputError("failed: a list of names of parts")
        live = known_site(level, known, data)
        given = asked.get("clients", 0)
        if isinstance(given, bool) or not isinstance(given, int):
            raise InputError("clients: a whole number, 0 for that of the file")
        study = live.study(given or None, str(asked["contract"]), str(asked["rates"]))
        shown, critical = _shown(study, str(asked.get("roles") or ""), tuple(failed))
    except K2relError as error:
        why = str(error).removeprefix("failed: ")[:300]
        end = "" if why.endswith(("?", ".")) else "."
        shown, critical = f"<p class='more'>Not shown for this state: {in_html(why)}{end}</p>", ()
    except KeyError as error:
        shown, critical = f"<p class='more'>Not shown: {in_html(str(error.args[0]))} is missing.</p>", ()
    head = f"<h2>The next {format_duration(HORIZON_H)}</h2>"
    return {
        "ahead": head + shown,
        "critical": [{"part": part, "services": services} for part, services in critical],
        "looked": number,
    }


@lru_cache(maxsize=64)
def _shown(study: Study, home: str, failed: tuple[str, ...]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The text, and what must not fail now; kept, since undo leads back to what was there."""
    study = _with_roles(study, home) if home else study
    present = present_of(study.site, failed)
    if why := _why_not(study):
        raise InputError(why)
    solution = solution_of(study)
    found = downtime_ahead(solution, present, HORIZON_H)
    now = [each for each in found.critical if not each.always]
    every = len(found.services)
    critical = tuple((each.part, _services(each.services, every)) for each in now)
    return _as_html(study, found, critical), critical


@lru_cache(maxsize=16)
def _why_not(study: Study) -> str:
    """Why no state of a site is answered, if so; kept, since a chain that is too large is not found so at once."""
    try:
        states = states_followed(solution_of(study))
    except K2relError as error:
        return str(error)
    if states <= _MOST_STATES:
        return ""
    return f"the chain has {states:,} states, too many to be solved at a click; use k2rel risk"


@lru_cache(maxsize=16)
def _with_roles(study: Study, home: str) -> Study:
    """The same with the roles at a side before anything fails; kept, as its chain is."""
    return replace(study, policy=Policy(study.site, None if home == LISTED else home))


def _services(names: Sequence[str], every: int) -> str:
    if len(names) == every:
        return "all services"
    more = len(names) - _MOST_SERVICES
    return ", ".join(names[:_MOST_SERVICES]).replace("_", " ") + (f" and {more} more" if more > 0 else "")


def _as_html(study: Study, found: Risk, critical: Sequence[tuple[str, str]]) -> str:
    """A sentence, services, what must not fail, what can be done, when all is redundant again."""
    horizon, main = format_duration(found.horizon_h), found[found.principal]
    minutes = COLUMNS["expected_downtime_min"][1]
    text = f"<p>{in_html(_capital(found.state_words()))}.</p>{_otherwise(study, found)}"
    rows = [
        (
            in_html(each.service.replace("_", " ")),
            _now(each.up_now, each.back_h),
            minutes(60 * each.downtime_h),
            minutes(60 * each.downtime_usual_h),
            COLUMNS["times_usual"][1](each.times),
        )
        for each in found.services
    ]
    heads = ("service", "now", *(COLUMNS[name][0] for name in _SHOWN))
    text += _table(heads, rows, f"expected downtime in the next {horizon}", numbers=3)
    text += f"<h3>Single points of failure now</h3>{_critical(found, critical)}"
    todo = [each for each in found.actions if each.after_h == 0.0 and each.downtime_h <= WORTH * main.downtime_h]
    if todo:
        done = "".join(
            f"<li>{in_html(action_words(each).replace('_', ' '))}: {minutes(60 * each.downtime_h)} min</li>"
            for each in todo[:_FEW_ACTIONS]
        )
        principal = in_html(found.principal.replace("_", " "))
        left = f"Done now, of the {minutes(60 * main.downtime_h)} min of {principal} it leaves:"
        text += f"<h3>First actions</h3><p>{left}</p><ol>{done}</ol>"
    elif found.actions:
        text += "<h3>First actions</h3><p>No action lowers the downtime by more than 5 %.</p>"
    if found.present.failed or found.out_of_service:
        text += f"<h3>Redundant again</h3><p>{in_html(_back(found))}</p>"
    text += "".join(f"<p class='more'>{in_html(_capital(note))}.</p>" for note in found.notes)
    takeovers = found.provenance.takeovers
    return text + f"<p class='more'>Markov; takeovers {in_html(takeovers)}; error bound {found.error_bound:.1e}.</p>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, numbers: int) -> str:
    """Rows of HTML below heads of text; the last columns are numbers."""
    first = len(heads) - numbers
    kinds = [" class='k2x-n'" if n >= first else "" for n in range(len(heads))]
    top = "".join(f"<th scope='col'{kind}>{in_html(head)}</th>" for kind, head in zip(kinds, heads, strict=True))
    lines = ("".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f"<table><caption class='k2x-hidden'>{in_html(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _now(up: bool, back_h: float | None) -> str:
    if up:
        return "up"
    if back_h is None or back_h == float("inf"):
        return "<span class='failed'>down</span>, not restored by a single repair"
    return f"<span class='failed'>down</span>, back after {format_duration(back_h)}"


def _critical(found: Risk, critical: Sequence[tuple[str, str]]) -> str:
    if not critical:
        return "<p>None: no failure takes a service down that it would not take down with nothing failed.</p>"
    p_within = {each.part: each.p_within for each in found.critical}
    title, text = COLUMNS["p_part_failure"]
    rows = [
        (f"{_SIGN}{in_html(part.replace('_', ' '))}", in_html(services), text(p_within[part]))
        for part, services in critical[:_FEW]
    ]
    more = f"<p class='more'>… and {len(critical) - _FEW} more, all marked.</p>" if len(critical) > _FEW else ""
    return (
        f"<p>Marked {_SIGN} in the drawing: in this state its failure alone takes down the services listed.</p>"
        + _table(("part", "takes down", title), rows, "what must not fail now", numbers=1)
        + more
    )


def _back(found: Risk) -> str:
    if found.redundancy_back_h == float("inf"):
        return "Not automatically."
    parts = [
        f"{part.replace('_', ' ')} repaired after {format_duration(hours)}"
        for part, hours in found.redundancy
        if hours == hours and hours != float("inf")
    ]
    after = (
        f"After {format_duration(found.redundancy_back_h)} on average all parts are up, all roles have a holder "
        "and all servers are in service"
    )
    return after + (f"; {', '.join(parts)}" if parts else "") + "."


def _otherwise(study: Study, found: Risk) -> str:
    """Where the order of the failures has led roles elsewhere than they are drawn."""
    drawn = failover(study.policy, found.present.failed).roles
    holders = {role: study.policy.holders(role) for role in found.roles}
    sides = {
        role: next((one.side for one in holders[role] if holder_label(one) == place), None)
        for role, place in found.roles.items()
    }
    other = [role for role, side in sides.items() if side != drawn.get(role)]
    if not other:
        return ""
    names = " and ".join(role.replace("_", " ") for role in other)
    return (
        f"<p class='more'>The drawing and its tables take all parts as failed at once. Here they failed one after the "
        f"other, which has moved {in_html(names)} elsewhere.</p>"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:].replace("_", " ")
