"""The first table of a comparison, the level to take marked; and two designs drawn side by side."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from k2rel.arguments import as_names
from k2rel.columns import COLUMNS, counted, percentage
from k2rel.design.pair import parts_in_words, parts_that_differ
from k2rel.design.recommendation import Candidate, Recommendation
from k2rel.errors import InputError
from k2rel.measures.solution import StudyLike, study_of
from k2rel.plots.drawing import Drawing, draw_site
from k2rel.policy.failover import failover
from k2rel.report.embedded import as_html
from k2rel.report.front_page import light
from k2rel.report.page import cards
from k2rel.signs import in_html
from k2rel.site.settings import parse_settings
from k2rel.studies import Study, studies_of
from k2rel.units import minutes_text

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["open_pair", "show_pair", "show_recommendation"]


def show_recommendation(recommendation: Recommendation, words: Sequence[str] = ()) -> HTML:
    """Show what a recommendation says, and all levels in a table.

    Parameters
    ----------
    recommendation : Recommendation
        As `k2rel.recommend` gives it.
    words : sequence of str
        What is said, the first most; by default its own sentences.

    Returns
    -------
    IPython.display.HTML
        The words and the table; on a narrow page a card for each level.

    Examples
    --------
    >>> from k2rel.design.recommendation import Candidate
    >>> one = Candidate("L2", "media", 4, 50.0, 20.0, 90.0, 2.0, "carried", 8, 8, 40, 3, 30)
    >>> show_recommendation(Recommendation((one,))).data.count("class='light good'")
    1
    """
    first, *rest = (in_html(text) for text in words or recommendation.sentences())
    said = f"<p class='verdict'><b>{first}</b></p>"
    said += f"<ul class='trade'>{''.join(f'<li>{text}</li>' for text in rest)}</ul>" if rest else ""
    return as_html(f"{said}{_table(recommendation)}<p class='by'>{in_html(_basis(recommendation))}</p>")


def _table(recommendation: Recommendation) -> str:
    levels = recommendation.candidates
    judged = any(one.verdict for one in levels)
    costed = any(not math.isnan(one.cost) for one in levels)
    heads = ["level", *(["target"] if judged else []), "clients", COLUMNS["downtime_min_per_year"][0], "90 % of cases",
             COLUMNS["failures_per_year"][0], "single points", "parts", *(["cost"] if costed else []),
             "service"]  # fmt: skip
    return cards(heads, [_row(one, recommendation, judged, costed) for one in levels])


def _row(one: Candidate, recommendation: Recommendation, judged: bool, costed: bool) -> list[str]:
    mark = " ◄" if one is recommendation.chosen else ""
    name = in_html(one.name) + mark
    if one.why_empty:
        return [name, in_html(one.why_empty)]
    verdict = "–"
    if one.verdict:
        asked = "" if math.isnan(one.target_percent) else f"{one.target_percent:.12g} %, "
        verdict = f"{light(one.verdict)} <span class='limits'>{asked}probability {percentage(one.p_met)}</span>"
    room = one.room()
    most = f", carries {room if 'or more' in room else f'at most {room}'}" if room else ""
    known = one.high_min_per_year > one.low_min_per_year
    cost = "–" if math.isnan(one.cost) else f"{one.cost:,.6g} {in_html(recommendation.currency)}".rstrip()
    return [
        name,
        *([verdict] if judged else []),
        f"{light(one.load_state)} <span class='limits'>{counted(one.clients, 'client')}{most}</span>",
        COLUMNS["downtime_min_per_year"][1](one.downtime_min_per_year),
        f"{minutes_text(one.low_min_per_year)} to {minutes_text(one.high_min_per_year)}" if known else "–",
        COLUMNS["failures_per_year"][1](one.failures_per_year),
        str(one.single_points),
        str(one.parts),
        *([cost] if costed else []),
        in_html(one.service.replace("_", " ")),
    ]


def _basis(recommendation: Recommendation) -> str:
    r = recommendation
    named = f"◄ marks {r.chosen.name}, described first above. " if r.chosen is not None else ""
    pairs = (
        f"Two levels are compared with {r.pairs:,} draws of their inputs, common inputs drawn together; a difference "
        f"counts if it holds in {percentage(r.sure)} of them. "
        if r.p_better
        else ""
    )
    return (
        f"{named}Figures are those of the service in the last column, for every client; takeovers {r.takeovers}. "
        f"Intervals and verdicts are of {r.samples:,} draws of all inputs within their limits (seed {r.seed}). {pairs}"
    )


def open_pair(
    designs: Sequence[str] | str,
    *,
    clients: int = 0,
    repair: str = "4h",
    rates: str = "",
    settings: Sequence[str] | str = (),
    data: str = "",
) -> dict[str, Study]:
    """Make the studies of two designs from the parameters of a notebook.

    Parameters
    ----------
    designs : sequence of two
        Levels by name, or site files.
    clients, repair, rates, settings, data
        As for `open_study`; a setting is applied where a design has that type or part.

    Returns
    -------
    dict of str to Study
        By name.

    Raises
    ------
    InputError
        If they are not two, or one cannot be read.

    Examples
    --------
    >>> list(open_pair(["L2", "L2R"]))
    ['L2', 'L2R']
    """
    chosen = as_names("designs", designs)
    if len(chosen) != 2:
        raise InputError(f"designs: two levels or site files are needed, got {len(chosen)}")
    return studies_of(
        chosen, clients=clients or None, repair=repair, rates=rates or None, data=data or None,
        settings=parse_settings(list(as_names("settings", settings))),
    )  # fmt: skip


def show_pair(study: StudyLike, other: StudyLike, names: tuple[str, str] | list[str]) -> HTML:
    """Show two designs drawn side by side, the parts that differ marked.

    Parameters
    ----------
    study, other : Study, str, Path or Answer
    names : tuple of two
        What they are called.

    Returns
    -------
    IPython.display.HTML
        The drawings, and in words which parts one has more.

    Examples
    --------
    >>> show_pair("L2", "L2R", ("L2", "L2R")).data.count("<svg")
    2
    """
    figures = []
    for one, name, parts in zip((study, other), names, parts_that_differ(study, other), strict=True):
        here = study_of(one)
        alt = f"{name}: {here.site.title}; parts that differ are marked"
        drawing = marked(draw_site(here.site, failover(here.policy)).labelled(alt), parts)
        told = (
            f"Marked with dots: {len(parts)} parts that the other design does not have under that name, or that "
            "differ there."
            if parts
            else "The other design has all of these parts, and the same."
        )
        figures.append(
            f"<figure><figcaption>{in_html(name)}</figcaption>{drawing.svg}<p class='more'>{told}</p></figure>"
        )
    words = in_html(parts_in_words(study, other))
    return as_html(f"<p>{words}</p><div class='pair'>{''.join(figures)}</div>")


_MARK = (
    "<style>.k2d [data-differs]>rect{stroke-width:4;stroke-dasharray:2 3}.k2d [data-differs]>.hit"
    "{stroke:#CC79A7;stroke-width:9;stroke-opacity:.55;stroke-dasharray:3 5}</style>"
)


def marked(drawing: Drawing, parts: Collection[str]) -> Drawing:
    """A drawing with parts marked by a dotted outline, which their titles say too."""
    known = set(parts)

    def mark(found: re.Match[str]) -> str:
        name = html.unescape(found[1])
        return f"{found[0]} data-differs=''" if name in known else found[0]

    svg = re.sub(r"data-part='([^']*)'", mark, drawing.svg)
    return Drawing(svg.replace("</style>", f"</style>{_MARK}", 1) if known else svg, drawing.alt)
