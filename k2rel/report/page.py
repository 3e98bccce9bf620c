"""The HTML page around a rendered notebook, and the index; self-contained, no request to anywhere."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from k2rel.columns import COLUMNS, percentage
from k2rel.design.carrying import MOST
from k2rel.report.embedded import script_source
from k2rel.report.explorer import explorer_script, explorer_style, light_style
from k2rel.report.front_page import FRONT_END, light
from k2rel.report.glossed import with_glossary
from k2rel.signs import in_html

__all__ = ["Entry", "cards", "index_page", "report_page"]


@dataclass(frozen=True)
class Entry:
    """One line of the index."""

    name: str
    file: str | None  # None where rendering failed
    headline: dict[str, Any]
    error: str = ""


@cache
def _beside(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _page(title: str, head: str, body: str, foot: str) -> str:
    """A page; only its own script may run, which the policy names by its hash."""
    script, style = f"{_beside('reach.js')}{{{_beside('page.js')}}}", light_style() + _beside("page.css")
    if re.search(r"class=['\"]k2x['\"]", body):
        style += explorer_style()
        start = "k2relReport(root, JSON.parse(root.querySelector('script').textContent), index === 0)"
        # after the first picture of the page is there, which does not wait for it
        soon = f"requestAnimationFrame(() => setTimeout(() => {start}))"
        script += f"{{{explorer_script()}\ndocument.querySelectorAll('.k2x').forEach((root, index) => {soon});\n"
        script += "window.k2rel = {evaluate: k2relEvaluate, looks: k2relLooks};}"
    runs = script_source(script)
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        "<meta http-equiv='Content-Security-Policy' "
        f"content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {runs}\">\n"
        "<link rel='icon' href='data:,'>\n"
        f"<title>{in_html(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header>{head}</header>\n<main>\n{body}\n</main>\n<footer>{foot}</footer>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def report_page(
    title: str, body: str, foot: str, about: Mapping[str, Any] | None = None, *, linked: bool = True
) -> str:
    """Put a rendered notebook into a page with a list of contents, after the first page where there is one.

    Examples
    --------
    >>> report_page("t", "<h2 id='load'>Load</h2>", "").count("<a href='#load'>Load</a>")
    1
    """
    rows = "".join(
        f"<dt>{in_html(str(key))}</dt><dd>{in_html(str(value))}</dd>" for key, value in (about or {}).items()
    )
    if rows:
        body += f"<h2 id='inputs'>Where the numbers come from</h2><dl class='head'>{rows}</dl>"
    body = with_glossary(body)
    headings = re.findall(r"<h2[^>]*id=['\"]([^'\"]+)['\"][^>]*>(.*?)</h2>", body, flags=re.S)
    links = "".join(f"<a href='#{in_html(anchor)}'>{_plain(text)}</a> " for anchor, text in headings)
    contents = f"<nav class='contents' aria-label='contents'>{links}</nav>"
    head = ("<p><a href='index.html'>all reports</a></p>" if linked else "") + f"<h1>{in_html(title)}</h1>"
    made = str((about or {}).get("made", ""))
    head += f"<p class='sheet'>made {in_html(made)}</p>" if made else ""
    if FRONT_END in body:
        body = body.replace(FRONT_END, contents, 1)
    else:
        head += contents
    return _page(title, head, _styled_once(body), in_html(foot))


def _styled_once(body: str) -> str:
    """Every drawing brings the same style sheet; the first is enough. The live one keeps its own, to be saved with."""
    seen: set[str] = set()

    def first(found: re.Match[str]) -> str:
        live, style = found.groups()
        if live or style not in seen:
            seen.add(style)
            return found[0]
        return ""

    return re.sub(r"(class=['\"]k2x['\"][^>]*><figure><svg[^>]*>)?(<style[^>]*>.*?</style>)", first, body, flags=re.S)


def _plain(heading: str) -> str:
    text = re.sub(r"<a class=\"anchor-link\".*?</a>", "", heading, flags=re.S)
    return re.sub(r"<[^>]+>", "", text).strip()


def _judged(headline: Mapping[str, Any]) -> str:
    """Whether the target is met, and how probable that is."""
    if "verdict" not in headline:
        return "–"
    chance = in_html(percentage(float(headline["p_met"])))
    asked = float(headline.get("target", math.nan))
    wanted = "" if math.isnan(asked) else f"{asked:.12g} %, "
    return f"{light(str(headline['verdict']))} <span class='limits'>{wanted}probability {chance}</span>"


def _carried(headline: Mapping[str, Any]) -> str:
    """What the load of its clients does, and how many a site carries."""
    if not headline.get("load"):
        return "–"
    most = headline.get("clients_carried", math.nan)
    known = isinstance(most, int | float) and not math.isnan(most)
    room = "" if not known else f", {most:.0f} or more are carried" if most >= MOST else f", at most {most:.0f}"
    clients = f"<span class='limits'>{headline.get('clients', '')} clients{room}</span>"
    return f"{light(str(headline['load']))} {clients}"


def cards(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose rows are cards on a narrow page; cells are HTML, the first of each row is its name.

    Examples
    --------
    >>> cards(["level", "clients"], [["L1", "4"]]).count("data-head='clients'")
    1
    """
    head = "".join(f"<th scope='col'>{in_html(text)}</th>" for text in heads)
    body = ""
    for name, *cells in rows:
        named = zip(heads[1:], cells, strict=False)
        body += f"<tr><th scope='row'>{name}</th>"
        body += "".join(f"<td data-head='{in_html(h)}'>{cell}</td>" for h, cell in named) + "</tr>"
    table = f"<table class='cards'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div class='table-wrap'>{table}</div>"


def index_page(
    entries: Sequence[Entry], across: Sequence[Entry], foot: str, head: Mapping[str, str] | None = None
) -> str:
    """Make the page that links all reports: what they recommend, and for each verdict, capacity, figures and reading.

    `across` are the pages about several sites; `head` has what stands at the head: title, author, revision, date.

    Examples
    --------
    >>> index_page([Entry("L2R", "L2R.html", {"title": "Level 2R"})], [], "").count("<a href='L2R.html'>L2R</a>")
    1
    """
    said = dict(head or {})
    title = said.pop("title", "") or "Availability and load, site by site"
    marks = " · ".join(f"{in_html(key)} <b>{in_html(text)}</b>" for key, text in said.items() if text)
    body = f"<h1>{in_html(title)}</h1>\n" + (f"<p class='sheet'>{marks}</p>\n" if marks else "")
    body += "".join(_across(entry) for entry in across)
    bad = [entry for entry in entries if entry.file is None]
    for entry in bad:
        problems = "<br>".join(in_html(line) for line in entry.error.splitlines())
        body += f"<p class='missing'><b>{in_html(entry.name)}</b> <span class='failed'>failed: {problems}</span></p>\n"
    good = [entry for entry in entries if entry.file is not None]
    if good:
        body += _figures(good)
    called = "k2rel reports" if not said and title.startswith("Avail") else title
    return _page(called, "", with_glossary(body), in_html(foot))


def _across(entry: Entry) -> str:
    """A page about several sites, with what it says first."""
    called = str(entry.headline.get("title") or _ACROSS.get(entry.name, entry.name.replace("_", " ")))
    if entry.file is None:
        return f"<p class='failed'>{in_html(called)} failed: {in_html(entry.error)}</p>\n"
    words = str(entry.headline.get("words", ""))
    link = f"<a href='{in_html(entry.file)}'>{in_html(called)}</a>"
    return f"<p class='verdict'>{in_html(words)}{' ' if words else ''}{link}</p>\n"


_ACROSS = {"level_comparison": "All levels side by side"}
_INDEX = ("downtime_min_per_year", "failures_per_year")


def _figures(entries: Sequence[Entry]) -> str:
    """The table of the index."""
    judged = any("verdict" in entry.headline for entry in entries)
    heads = ["level", *(["target"] if judged else []), "load of its clients", *(COLUMNS[name][0] for name in _INDEX),
             "single points of failure", "takeovers (engine)", "service", "site"]  # fmt: skip
    rows = []
    for entry in entries:
        h = entry.headline
        cells = [f"<a href='{in_html(str(entry.file))}'>{in_html(entry.name)}</a>"]
        cells += [_judged(h)] if judged else []
        cells += [_carried(h)]
        cells += [COLUMNS[name][1](h[name]) if isinstance(h.get(name), int | float) else "–" for name in _INDEX]
        read = f"{h['takeovers']} ({h.get('method', '–')})" if "takeovers" in h else "–"
        texts = (h.get("single_points", "–"), read, h.get("service", "–"), h.get("title", "–"))
        cells += [in_html(str(text)) for text in texts]
        rows.append(cells)
    return (
        cards(heads, rows) + "\n<p class='more'>Downtime and failures are those of the named service for the whole "
        "site: it is down while it is down for any client. Takeovers as modelled take time and can fail; ideal "
        "takeovers are instant and certain. All rows have the same reading; each report states its basis.</p>\n"
    )
