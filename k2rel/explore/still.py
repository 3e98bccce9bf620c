"""What stands for the explorer where its script cannot run: the drawing, and what is missing."""

from __future__ import annotations

import html

from k2rel.measures.cases import failover
from k2rel.plots.drawing import draw_site
from k2rel.studies import study

__all__ = ["still_html"]


def still_html(level: str, data: str, why: str) -> str:
    """The drawing of a level with nothing failed, why nothing can be clicked, and three ways to a live one.

    Examples
    --------
    >>> still_html("L1", "", "no widgets").count("pip install")
    1
    """
    opened = study(level, data=data or None)
    drawing = draw_site(opened.site, failover(opened)).svg
    ways = "".join(
        f"<li>{text}</li>"
        for text in (
            "as a widget: <code>pip install 'k2rel[explore]'</code>, start JupyterLab again and run this cell there",
            f"as a page of its own, without widgets: <code>k2rel explore {html.escape(level)}</code>",
            f"in a report, without Python: <code>k2rel report {html.escape(level)}</code>",
        )
    )
    said = f"Parts cannot be clicked: {html.escape(why)}. Live it is there"
    return f"<div><figure style='margin:0'>{drawing}</figure><p>{said}</p><ul>{ways}</ul></div>"
