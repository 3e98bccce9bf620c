"""What the notebooks call: from parameters to a study, and results to readable output.

A notebook has parameters of plain values, since papermill passes nothing else; 0 and empty mean "as the file
says".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.answer import Answer, solve
from k2rel.arguments import as_names
from k2rel.errors import K2relError
from k2rel.measures.cases import failover_cases, merged_cases
from k2rel.measures.solution import StudyLike, solution_of, study_of
from k2rel.measures.steps import takeover_steps
from k2rel.organisation import reading
from k2rel.plots.drawing import MOST_DRAWN, draw_site
from k2rel.report.embedded import as_html
from k2rel.report.files import write_whole
from k2rel.report.workbook import write_tables
from k2rel.signs import in_html
from k2rel.site.names import file_stem
from k2rel.site.settings import parse_settings
from k2rel.studies import Study, study
from k2rel.tables import aligned, for_people

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML

__all__ = [
    "Refused",
    "about",
    "attempt",
    "open_answer",
    "open_study",
    "save_results",
    "show",
    "show_cases",
    "show_chapter",
    "show_steps",
    "show_text",
]

_MOST_CASES = 60
_MOST_ALIKE = 20


def open_study(
    level: str,
    *,
    clients: int = 0,
    repair: str = "4h",
    rates: str = "",
    settings: Sequence[str] | str = (),
    variant: str = "",
    data: str = "",
) -> Study:
    """Make a study from the parameters of a notebook.

    Parameters
    ----------
    level : str
        A level's name or a site file.
    clients : int
        Number of clients; 0 as the file says.
    repair : str
        Repair contract.
    rates : str
        A CSV table of rates; empty for none.
    settings : sequence of str
        Changes such as ``'media_server.mttr="4 h"'``.
    variant : str
        A variant of the file; empty for none.
    data : str
        Version of the bundled data; empty for the current one.

    Returns
    -------
    Study
        The study.

    Examples
    --------
    >>> open_study("L2R", clients=8).site.client_count
    8
    """
    return study(
        level,
        clients=clients if clients != 0 else None,
        repair=repair,
        rates=rates or None,
        settings=parse_settings(list(as_names("settings", settings))),
        variant=variant or None,
        data=data or None,
    )


def open_answer(
    level: str,
    *,
    clients: int = 0,
    repair: str = "4h",
    rates: str = "",
    settings: Sequence[str] | str = (),
    variant: str = "",
    data: str = "",
    method: str = "auto",
    roles: str = "modelled",
) -> Answer:
    """Answer for a study from the parameters of a notebook.

    Parameters
    ----------
    level, clients, repair, rates, settings, variant, data
        As for `open_study`.
    method : {"auto", "exact", "markov", "simulation"}
        Who answers.
    roles : {"modelled", "ideal"}
        Takeovers as modelled, or ideal: instant and certain, roles at the preferred side.

    Returns
    -------
    Answer
        The answer.

    Examples
    --------
    >>> open_answer("L2R", roles="ideal").takeovers
    'ideal'
    """
    opened = open_study(
        level, clients=clients, repair=repair, rates=rates, settings=settings, variant=variant, data=data
    )
    return solve(opened, method, reading(roles))


@dataclass(frozen=True, slots=True)
class Refused:
    """Why something is not shown."""

    why: str


def attempt(make: Callable[..., Any], *needed: Any) -> Any:
    """What is made of what is needed; where an engine cannot give it, why, to be shown in its place.

    Examples
    --------
    >>> attempt(open_answer("L2R", method="exact").interruptions).why[-17:]
    'use method markov'
    """
    for item in needed:
        if isinstance(item, Refused):
            return item
    try:
        return make(*needed)
    except K2relError as error:
        return Refused(str(error))


def said_by(attrs: Mapping[Any, Any]) -> str:
    """Who computed a table, under which reading, and how well; empty where nobody had to.

    Examples
    --------
    >>> said_by(open_answer("L1").modes().attrs)
    'Exact; takeovers as modelled.'
    """
    if "method" not in attrs:
        return f"Takeovers {attrs['takeovers']}; each row states its engine." if "takeovers" in attrs else ""
    bound = f"; error bound {attrs['error_bound']:.1e}" if attrs.get("error_bound") else ""
    drawn = f"; {attrs['samples']:,} samples, seed {attrs['seed']}" if {"samples", "seed"} <= attrs.keys() else ""
    return f"{str(attrs['method']).capitalize()}; takeovers {attrs['takeovers']}{bound}{drawn}."


def about(study: StudyLike) -> dict[str, str]:
    """Say where the numbers of a study come from, for the head of a report and the first sheet of its workbook.

    Parameters
    ----------
    study : Study, str, Path or Answer

    Returns
    -------
    dict of str to str
        Site, clients, contract, changes, inputs with their hash, engine with its bound, reading of the takeovers.

    Examples
    --------
    >>> about("L1")["site"]
    'Level 1, one server with one TOE (L1.yaml)'
    """
    solution = solution_of(study)
    p = solution.provenance
    changed = {"changed by the user": ", ".join(p.settings)} if p.settings else {}
    return {
        "site": f"{solution.study.site.title} ({p.file or 'described in Python'})",
        "clients": str(p.clients),
        "repair contract": p.contract,
        **changed,
        "failure data": f"{p.rates}: rows {', '.join(p.rows)}",
        "data": f"version {p.data} of the bundled data",
        "inputs": p.input_hash,
        "takeovers": p.takeovers,
        "engine": f"{p.engine}; chosen because: {p.reason}",
    }


def show(frame: pd.DataFrame | Refused, *, index: bool = True, rows: int = 40, folded: str = "") -> HTML:
    """Show a table with titles, units, readable digits and who computed it; every text is escaped.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table of k2rel; or why there is none (`attempt`).
    index : bool
        Show the index as the first column.
    rows : int
        The most rows to show; a line says how many more there are.
    folded : str
        What stands in the line that a click opens; empty: shown at once.

    Returns
    -------
    IPython.display.HTML
        The table.

    Examples
    --------
    >>> import k2rel
    >>> show(k2rel.levels()).data[:30]
    "<div class='table-wrap'><table"
    """
    if isinstance(frame, Refused):
        return show_text(f"Not shown: {frame.why}.", "more")
    if len(frame) == 0:
        return as_html("<p>None.</p>")
    texts = for_people(frame.head(rows))
    if index and frame.index.name:
        texts = texts.reset_index()
    more = f"<p class='more'>… and {len(frame) - rows} more rows.</p>" if len(frame) > rows else ""
    table = texts.to_html(index=False, escape=True, border=0, classes="k2rel", justify="left")
    # numbers stand at the right, point below point; a number among texts and its unit stay on one line
    numbers = [aligned(texts[name].tolist(), wide=True) for name in texts.columns]
    cells = ((column, row) for row in range(-1, len(texts)) for column in numbers)

    def placed(cell: re.Match[str]) -> str:
        column, row = next(cells)
        return f"<t{cell[1]} class='n'>{cell[2] if row < 0 else column[row]}</t" if column else cell[0]

    table = re.sub(r"<t([hd])>([^<]*)</t", placed, table)
    table = re.sub(r"<td>(–|[-\d][-+\d.,e ]*[%a-z]{0,5})</td>", r"<td class='one'>\1</td>", table)
    table = re.sub(r"<td>([^<]{50,})</td>", r"<td class='wide'>\1</td>", table)
    shown = f"<div class='table-wrap'>{table}</div>{more}{_foot(frame.attrs)}"
    return as_html(f"<details><summary>{in_html(folded)}</summary>{shown}</details>" if folded else shown)


def _foot(attrs: Mapping[Any, Any]) -> str:
    said = said_by(attrs)
    return f"<p class='by'>{in_html(said)}</p>" if said else ""


def show_text(text: str, kind: str = "") -> HTML:
    """Show a paragraph of plain text, escaped.

    Parameters
    ----------
    text : str
        The text.
    kind : str
        Class of the paragraph: ``"verdict"`` or empty.

    Returns
    -------
    IPython.display.HTML
        The paragraph.

    Examples
    --------
    >>> show_text("a < b").data
    "<p class=''>a &lt; b</p>"
    """
    return as_html(f"<p class='{in_html(kind)}'>{in_html(text)}</p>")


def show_chapter(title: str, text: str = "") -> HTML:
    """Begin a chapter that not every report has.

    Parameters
    ----------
    title : str
        Its title, which stands in the contents.
    text : str
        A paragraph below it.

    Returns
    -------
    IPython.display.HTML
        The heading.

    Examples
    --------
    >>> show_chapter("RAID sets").data
    "<h2 id='RAID-sets'>RAID sets</h2>"
    """
    anchor = re.sub(r"[^\w]+", "-", title).strip("-")
    below = show_text(text).data if text else ""
    return as_html(f"<h2 id='{in_html(anchor)}'>{in_html(title)}</h2>{below}")


def show_cases(study: StudyLike) -> HTML:
    """Show the failover cases of a site as a table with a small drawing each.

    Parameters
    ----------
    study : Study, str, Path or Answer

    Returns
    -------
    IPython.display.HTML
        A row for each case: what has failed, what follows, the drawing.

    Examples
    --------
    >>> show_cases("L1").data.count("<svg")
    9
    """
    rows: list[str] = []
    study = study_of(study)
    every = failover_cases(study)
    cases = merged_cases(every)
    drawn = len(cases) == len(every) and len(study.site.components) <= MOST_DRAWN
    for case in cases[:_MOST_CASES]:
        alike = ", ".join(map(case.outcome.names.part, case.alike[:_MOST_ALIKE]))
        alike += f" and {len(case.alike) - _MOST_ALIKE} more" if len(case.alike) > _MOST_ALIKE else ""
        text = f"<h3>{in_html(case.title)}</h3><p>{in_html(case.effect())}</p>"
        for name, path in case.further_paths().items():
            text += f"<p class='more'>{in_html(name.replace('_', ' '))} of client 1: {in_html(path)}</p>"
        for why in case.why():
            text += f"<p class='more'>why: {in_html(why)}</p>"
        if alike:
            text += f"<p class='more'>The same follows from: {in_html(alike)}</p>"
        figure = ""
        if drawn:
            drawing = draw_site(study.site, case.outcome, names=False).labelled(
                f"{study.site.name} after failure of: {case.title}; {case.effect()}"
            )
            figure = f"<figure>{drawing.svg}</figure>"
        rows.append(f"<div class='case'><div>{text}</div>{figure}</div>")
    if len(cases) > _MOST_CASES:
        rows.append(f"<p class='more'>… and {len(cases) - _MOST_CASES} more; k2rel failover lists them.</p>")
    return as_html("<div class='cases'>" + "".join(rows) + "</div>")


def show_steps(study: StudyLike, failed: Sequence[str] | str) -> HTML:
    """Show a takeover as a strip of drawings, one for each step.

    Parameters
    ----------
    study : Study, str, Path or Answer
    failed : sequence of str or str
        Parts that fail together.

    Returns
    -------
    IPython.display.HTML
        The strip: before, detection, switchover, after, repaired, back in service.

    Raises
    ------
    InputError
        If the site has no such part.

    Examples
    --------
    >>> show_steps("L2R", ["switch_A"]).data.count("<li>")
    6
    """
    items: list[str] = []
    study = study_of(study)
    for step in takeover_steps(study, failed):
        drawing = draw_site(study.site, step.outcome, names=False).labelled(f"{step.title}: {step.words}")
        items.append(
            f"<li><h3>{in_html(step.title)}</h3><figure>{drawing.svg}</figure>"
            f"<p class='more'>{in_html(step.words)}</p></li>"
        )
    return as_html(f"<ol class='strip'>{''.join(items)}</ol>")


def save_results(
    folder: str,
    name: str,
    headline: dict[str, Any],
    tables: dict[str, pd.DataFrame],
    pictures: Sequence[str] = (),
) -> None:
    """Save the result tables of a notebook beside its report.

    Parameters
    ----------
    folder : str
        Folder for the results; empty to save nothing.
    name : str
        Name of the report.
    headline : dict
        Headline figures, for the index; ``about`` in it says where the numbers come from.
    tables : dict of str to pandas.DataFrame
        Tables by name; each a CSV file, and all together an XLSX workbook.
    pictures : sequence of str
        Files that `Pictures` saved, so that the report knows them as its own.

    Examples
    --------
    >>> save_results("", "L2R", {}, {})
    """
    if not folder:
        return
    target, name = Path(folder), file_stem(name)
    target.mkdir(parents=True, exist_ok=True)
    files = write_tables(target, name, tables, headline.get("about", {"report": name}))
    whole = {**headline, "files": [*(path.name for path in files), *pictures]}
    write_whole(target / f"{name}.json", json.dumps(whole, indent=2, default=str) + "\n")
