"""The first page of a report: a summary as HTML that fits one sheet of A4 and one look at a phone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from k2rel.columns import COLUMNS, counted, percentage
from k2rel.design.summary import Standing, Summary
from k2rel.design.target_forms import MET, NOT_KNOWN, NOT_MET, WindowJudgement
from k2rel.report.embedded import as_html
from k2rel.signs import in_html
from k2rel.units import minutes_text

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["FRONT_END", "light", "show_summary"]

FRONT_END = "<!-- end of the first page -->"
_LIGHTS = {MET: ("good", "✓"), NOT_KNOWN: ("doubt", "?"), NOT_MET: ("bad", "✗")}
_STATES = {
    "carried": ("good", "✓"),
    "at its limit": ("doubt", "!"),
    "overloaded after a failure": ("bad", "✗"),
    "overloaded": ("bad", "✗"),
}


def light(word: str) -> str:
    """Show a verdict or a state of the load as a mark and a word on its colour.

    Examples
    --------
    >>> light("met")
    "<span class='light good'><b aria-hidden='true'>✓</b> met</span>"
    """
    kind, mark = {**_LIGHTS, **_STATES}.get(word, ("none", "–"))
    return f"<span class='light {kind}'><b aria-hidden='true'>{mark}</b> {in_html(word or 'no target')}</span>"


def show_summary(summary: Summary, about: Mapping[str, str]) -> HTML:
    """Show a summary as the first page of a report.

    Parameters
    ----------
    summary : Summary
    about : mapping of str to str
        What stands at its head, such as revision, author and date; empty texts are left out.

    Returns
    -------
    IPython.display.HTML
        The page.

    Examples
    --------
    >>> import k2rel
    >>> page = show_summary(k2rel.summary("L1", 99.9, samples=64), {"author": "E. N."})
    >>> page.data.count("<h2>")
    3
    """
    site = summary.solution.study.site
    head = " · ".join(f"{in_html(key)} <bdi><b>{in_html(text)}</b></bdi>" for key, text in about.items() if text)
    main = next(item for item in summary.services if item.service == summary.asked)
    worst = "overloaded" if summary.load.over else main.verdict
    lead = f"<p class='lead'>{light(worst) if worst else ''} {in_html(summary.words(load=False))}</p>"
    panels = [_causes(summary), _cures(summary), _turns(summary)]
    why = " ".join(text for text in (summary.takeovers, _sentence(summary.weak)) if text)
    return as_html(
        f"<section class='front'><p class='sheet'>{head}</p>{lead}{_services(summary.services)}{_load(summary)}"
        f"<div class='three'>{''.join(panels)}</div>"
        + (f"<p class='why'>{in_html(_principal(summary, why))}</p>" if why else "")
        + f"<p class='by'>{in_html(_basis(summary, len(site.assumptions)))}</p></section>{FRONT_END}"
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _principal(summary: Summary, why: str) -> str:
    """What the sentence on takeovers begins with, which has the downtime before it elsewhere."""
    minutes = next(item for item in summary.services if item.service == summary.asked).downtime_min_per_year
    return why.replace("Of these,", f"Of the {minutes_text(minutes)} min a year,", 1)


def _basis(summary: Summary, assumptions: int) -> str:
    p = summary.provenance
    drawn = summary.drawn
    sampled = " Inputs at their values as given."
    if drawn is not None:
        sampled = f" {counted(drawn.samples, 'draw')} of {counted(len(drawn.inputs), 'input')} within their limits."
    listed = counted(assumptions, "assumption")
    return (
        f"Engine {summary.solution.method}; takeovers {summary.solution.takeovers}.{sampled} Contract {p.contract}; "
        f"data {p.data}; inputs {p.input_hash}; {listed}, listed at the end."
    )


def _row(cells: Sequence[str], head: bool = False) -> str:
    tag = "th" if head else "td"
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], kind: str) -> str:
    body = "".join(_row(row) for row in rows)
    return f"<table class='{kind}'><thead>{_row(heads, head=True)}</thead><tbody>{body}</tbody></table>"


def _services(services: Sequence[Standing]) -> str:
    """A line a service: light with target and probability, downtime with its limits, losses."""
    rows = []
    for item in services:
        often = "–" if item.never or math.isnan(item.failures_per_year) else f"{item.failures_per_year:.2g}"
        limits = ""
        if not math.isnan(item.low_min_per_year):
            low, high = minutes_text(item.low_min_per_year), minutes_text(item.high_min_per_year)
            limits = f"<span class='limits'>{low} to {high}</span>"
        down = (
            f"all year ({in_html(item.never)})"
            if item.never
            else f"{minutes_text(item.downtime_min_per_year)} {limits}"
        )
        known = {0.0: "not met", 1.0: "met"}
        said = ", ".join(f"{percent:.6g} %: {known.get(p, percentage(p))}" for percent, p in item.chances)
        said = light("overloaded") if item.never else in_html(said)
        if item.verdict:
            said = f"{light(item.verdict)} {in_html(item.target)}: <b>{percentage(item.probability)}</b>"
        rows.append([f"<b>{in_html(item.service.replace('_', ' '))}</b>", said, down, often])
    heads = [
        "service",
        "target: probability",
        "downtime [min/year] <span class='limits'>90 % of cases</span>",
        in_html(COLUMNS["failures_per_year"][0]),
    ]
    return f"<div class='lights-wrap'>{_table(heads, rows, 'lights')}</div>"


def _load(summary: Summary) -> str:
    load = summary.load
    mark = light(load.state) if load.limited else ""
    said = load.widened() if load.over else f"{load.words()} {load.widened()}" if load.needs else load.words()
    if summary.drawn is not None and 0.0 < summary.drawn.p_carries < 1.0:
        said += f" With capacities and demand within their limits, probability {percentage(summary.drawn.p_carries)}."
    return f"<p class='load'>{mark} {in_html(said)}</p>"


def _panel(title: str, items: Sequence[str], none: str) -> str:
    inside = f"<ol>{''.join(f'<li>{item}</li>' for item in items)}</ol>" if items else f"<p>{in_html(none)}</p>"
    return f"<div><h2>{in_html(title)}</h2>{inside}</div>"


def _causes(summary: Summary) -> str:
    items = [
        f"{in_html(item.title)}{f' ({len(item.parts)})' if len(item.parts) > 1 else ''}: "
        f"<b>{min(100.0, 100 * item.share):.0f} %</b>, {minutes_text(item.downtime_min_per_year)} min a year"
        f"<span class='bar' style='width:{min(100.0, 100 * item.share):.0f}%'></span>"
        for item in summary.causes
    ]
    if sum(item.share for item in summary.causes) > 1.005 and items:
        items[-1] += "<br>(parts that must fail together count twice)"
    return _panel(f"Main causes of downtime: {_asked(summary)}", items, summary.cannot.get("causes", "Nothing."))


def _asked(summary: Summary) -> str:
    return summary.asked.replace("_", " ")


def _cures(summary: Summary) -> str:
    items = [
        f"{in_html(item.title)}: leaves <b>{minutes_text(item.downtime_min_per_year)}</b> min a year "
        f"(−{100 * item.removed_share:.0f} %)"
        + (f" {light(item.verdict)} {percentage(item.probability)}" if item.verdict else "")
        for item in summary.cures
    ]
    main = next(item for item in summary.services if item.service == summary.asked)
    if summary.load.over:
        fewer = f", or {summary.load.most:.0f} clients" if summary.load.most >= 1 else ""
        items = [f"<b>first the capacities above{fewer}</b>; what follows only shortens the downtime", *items[:2]]
    elif main.verdict == MET:
        items = ["<b>the target is met</b>; no change is needed", *items[:2]]
    return _panel(
        "What would help most", items, summary.cannot.get("changes", "None of the changes considered lowers it.")
    )


def _turns(summary: Summary) -> str:
    title = "Inputs that could change the verdict" if summary.judged else "Inputs that matter most"
    items = [
        f"{in_html(item.about)}, taken as {in_html(item.given)}: <b>{in_html(item.effect)}</b>"
        + (f" (probability that it is: {percentage(item.probability)})" if not math.isnan(item.probability) else "")
        for item in summary.turns
    ]
    windows = any(isinstance(one, WindowJudgement) and one.service == summary.asked for one in summary.judged)
    moves = "changes the verdict" if summary.judged else "changes the downtime"
    none = "Not available for windows." if windows else f"No input alone, within its limits, {moves}."
    none = none if summary.drawn else summary.cannot.get("drawn", "")
    return _panel(title, items, none)
