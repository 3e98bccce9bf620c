"""The HTML page around a rendered notebook, and the index; self-contained, no request to anywhere."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from k2rel.report.embedded import script_source
from k2rel.report.explorer import explorer_script
from k2rel.report.front_page import FRONT_END
from k2rel.tables import COLUMNS, percentage

__all__ = ["Entry", "index_page", "report_page"]


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
    script = f"{{{_beside('page.js')}}}"
    if re.search(r"class=['\"]k2x['\"]", body):
        start = "k2relExplorer(root, JSON.parse(root.querySelector('script').textContent))"
        script += (
            f"{{{explorer_script()}\nfor (const root of document.querySelectorAll('.k2x')) root.explorer = {start};\n"
        )
        script += "window.k2rel = {evaluate: k2relEvaluate, looks: k2relLooks};}"
    runs = script_source(script)
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        "<meta http-equiv='Content-Security-Policy' "
        f"content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {runs}\">\n"
        "<link rel='icon' href='data:,'>\n"
        f"<title>{html.escape(title)}</title>\n<style>{_beside('page.css')}</style>\n</head>\n<body>\n"
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
    headings = re.findall(r"<h2[^>]*id=['\"]([^'\"]+)['\"][^>]*>(.*?)</h2>", body, flags=re.S)
    links = "".join(f"<a href='#{html.escape(anchor, quote=True)}'>{_plain(text)}</a> " for anchor, text in headings)
    rows = "".join(
        f"<dt>{html.escape(str(key))}</dt><dd>{html.escape(str(value))}</dd>" for key, value in (about or {}).items()
    )
    contents = f"<nav class='contents' aria-label='contents'>{links}</nav>"
    head = ("<p><a href='index.html'>all reports</a></p>" if linked else "") + f"<h1>{html.escape(title)}</h1>"
    if FRONT_END in body:
        body = body.replace(FRONT_END, contents, 1)
    else:
        head += contents
    if rows:
        body += f"<h2 id='inputs'>Where the numbers come from</h2><dl class='head'>{rows}</dl>"
    return _page(title, head, body, html.escape(foot))


def _plain(heading: str) -> str:
    text = re.sub(r"<a class=\"anchor-link\".*?</a>", "", heading, flags=re.S)
    return re.sub(r"<[^>]+>", "", text).strip()


def _judged(headline: Mapping[str, Any]) -> str:
    """Whether the target is met, and how probable that is."""
    if "verdict" not in headline:
        return "–"
    met = f"{str(headline['verdict']).upper()}, {percentage(float(headline['p_met']))}"
    return html.escape(f"{headline['target']:.6g} %: {met}")


def index_page(entries: Sequence[Entry], comparison: Entry | None, foot: str) -> str:
    """Make the page that links all reports, with each level's headline figures.

    Examples
    --------
    >>> index_page([Entry("L2R", "L2R.html", {"title": "Level 2R"})], None, "").count("<a href='L2R.html'>L2R</a>")
    1
    """
    columns = ("downtime_min_per_year", "failures_per_year", "unavailability", "p_overload")
    judged = any("verdict" in entry.headline for entry in entries)
    texts = ("takeovers", "method", "single_points", "clients", "service", "title")
    titles = [
        "level",
        *(COLUMNS[name][0] for name in columns),
        *(["target"] if judged else []),
        "takeovers",
        "engine",
        "single points of failure",
        "clients",
        "service",
        "site",
    ]
    rows = []
    for entry in entries:
        h = entry.headline
        if entry.file is None:
            message = f"<span class='failed'>failed: {html.escape(entry.error)}</span>"
            rows.append(f"<tr><td>{html.escape(entry.name)}</td><td colspan='{len(titles) - 1}'>{message}</td></tr>")
            continue
        link = f"<a href='{html.escape(entry.file, quote=True)}'>{html.escape(entry.name)}</a>"
        cells = [link]
        cells += [COLUMNS[name][1](h[name]) if isinstance(h.get(name), int | float) else "–" for name in columns]
        cells += [_judged(h)] if judged else []
        cells += [html.escape(str(h.get(name, ""))) for name in texts]
        *figures, title = (f"{cell}</td>" for cell in cells)
        rows.append("<tr>" + "".join(f"<td>{cell}" for cell in figures) + f"<td class='wide'>{title}</tr>")
    heads = "".join(f"<th>{html.escape(title)}</th>" for title in titles)
    body = (
        "<h1>Availability and load, site by site</h1>\n"
        "<p>Downtime and losses are those of the named service for the whole site: it counts as lost while "
        "any client has lost it. Takeovers as modelled take their time and can fail; ideal ones are at once and "
        "certain. All rows have one reading; each report says what its figures rest on.</p>\n"
        f"<div class='table-wrap'><table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>\n"
    )
    if comparison is not None and comparison.file is not None:
        body += f"<p><a href='{html.escape(comparison.file, quote=True)}'>All levels side by side</a></p>\n"
    elif comparison is not None:
        body += f"<p class='failed'>The comparison failed: {html.escape(comparison.error)}</p>\n"
    return _page("k2rel reports", "", body, html.escape(foot))
