"""The explorer: a drawing whose parts fail and recover by a click, on the compiled policy, without a server."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.errors import ModelTooLargeError
from k2rel.measures.cases import failover
from k2rel.plots.drawing import draw_site
from k2rel.plots.layout import Layout
from k2rel.policy.compiled import compiled
from k2rel.policy.rules import Policy
from k2rel.report.embedded import as_html, embedded_json
from k2rel.signs import in_html
from k2rel.site.alike_groups import listed_groups
from k2rel.site.model import Site
from k2rel.site.names import client_id
from k2rel.studies import Study

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = [
    "LISTED",
    "MOST_CLIENTS",
    "STILL",
    "explorer_data",
    "explorer_script",
    "explorer_style",
    "light_style",
    "paper_colours",
    "reach_script",
    "show_explorer",
]

MOST_CLIENTS = 500
"""The script follows every client by itself."""
LISTED = "as listed"
"""Where roles were before, if not all at one side: each at its first holder in the file."""
STILL = f"The explorer follows every client; with more than {MOST_CLIENTS} the drawing stays as it is."
_SCRIPTS = ("policy", "takeovers", "state", "export", "controls")


def explorer_data(site: Site, home: str | None = None) -> dict[str, Any]:
    """Give what the script of the explorer follows.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> sorted(explorer_data(read_site("L2R"))["policies"])
    ['A', 'B']
    """
    layout = Layout(site)
    every = [*site.clients()]
    # one of each group, and those that marks of the drawing stand for: the first of each box, and client 2
    listed = {1, *(site.groups[group].clients[0] for group in listed_groups(site))}
    listed |= {min(box.clients) for box in layout.client_boxes} | {client.number for client in every[:2]}
    own = [site.client_part_id(n, key) for n in sorted(listed) for key in site.parts_of(every[n - 1].group)]
    # ways in which the parts of a client are marked, and which of these is each client's
    marked = {(layout.box_of[one.number], one.group): layout.drawn_as(one) for one in every}
    places = {key: place for place, key in enumerate(marked)}
    before: dict[str, str | None] = {side: side for side in (site.sides if site.movable else ())}
    at_first = [Policy(site).holders(role) for role in site.movable]
    if not before or at_first != [Policy(site, site.sides[0]).holders(role) for role in site.movable]:
        before = {LISTED if before else site.sides[0]: None, **before}
    first = next(iter(before)) if home is None else home
    if not site.movable and home is not None:
        before = {home: home}
    return {
        "level": site.name,
        "title": site.title,
        "clients": site.client_count,
        "sides": list(site.sides),
        "home": first,
        "policies": {name: compiled(Policy(site, side)) for name, side in before.items()},
        "marks": {
            "drawn": list(layout.marks),
            "home": {name: layout.home(name) for name in site.components},
            "boxes": {box.id: len(box.clients) for box in layout.client_boxes},
            "shown": list(marked.values()),
            "clients": [places[layout.box_of[one.number], one.group] for one in every],
            "crowds": sorted(layout.crowds),
            "several": layout.several,
        },
        "stands_for": _stands_for(site, layout),
        "parts": [*own, *site.components],
        "listed_clients": len(listed),
        "parts_of": [list(site.parts_of(group)) for group in range(site.group_count)],
        "names": dict(site.members),
    }


def _stands_for(site: Site, layout: Layout) -> dict[str, str]:
    """Which part the marks of all clients but the first stand for: those of client 2, wired as all the others."""
    if layout.several or site.client_count < 2:
        return {}
    return {"clients": client_id(2)} | {f"clients_{key}": site.client_part_id(2, key) for key in site.client_parts}


@cache
def explorer_script() -> str:
    """Read the script of the explorer: what follows from failures, the state, files of the drawing, the controls.

    Examples
    --------
    >>> explorer_script().count("function k2relEvaluate")
    1
    """
    return "\n".join((Path(__file__).parent / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)


def reach_script() -> str:
    """Read the script that lets the keyboard reach what scrolls; pages of reports have it already."""
    return (Path(__file__).parent / "reach.js").read_text(encoding="utf-8")


@cache
def explorer_style() -> str:
    """Read the style of the explorer.

    Examples
    --------
    >>> ".k2x-said" in explorer_style()
    True
    """
    return (Path(__file__).parent / "explorer.css").read_text(encoding="utf-8")


@cache
def light_style() -> str:
    """Read the style of the lights, which say a verdict or a state of the load.

    Examples
    --------
    >>> ".light.good" in light_style()
    True
    """
    return (Path(__file__).parent / "light.css").read_text(encoding="utf-8")


def paper_colours() -> tuple[str, str]:
    """Read the colours of the reports as variables of CSS: on light paper, and in the dark.

    Examples
    --------
    >>> ["--paper:#fff" in text for text in paper_colours()]
    [True, False]
    """
    page = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root\{([^}]*)\}", page)[:2]
    return light, dark


def show_explorer(study: Study) -> HTML:
    """Show the drawing of a site, live where the page runs the script of the explorer, as reports do.

    Parameters
    ----------
    study : Study

    Returns
    -------
    IPython.display.HTML
        The drawing with its data.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> show_explorer(study("L1")).data[:17]
    "<div class='k2x'>"
    """
    try:
        drawing = draw_site(study.site, failover(study))
    except ModelTooLargeError as error:
        return as_html(f"<p class='more'>Not drawn: {in_html(str(error))}.</p>")
    if study.site.client_count > MOST_CLIENTS:
        return as_html(f"<figure>{drawing.svg}</figure><p class='more'>{in_html(STILL)}</p>")
    data = embedded_json(explorer_data(study.site, study.policy.primary) | {"contract": study.laws.contract})
    still = "Clicking parts works in the rendered report, and with k2rel explore."
    return as_html(
        f"<div class='k2x'><figure>{drawing.svg}</figure><div class='k2x-panel'><p class='more'>{still}</p></div>"
        f"<script type='application/json'>{data}</script></div>"
    )
