"""What stands for the explorer where its script cannot run: the drawing, and what is missing."""

from __future__ import annotations

from pathlib import Path

from k2rel.measures.cases import failover
from k2rel.plots.drawing import draw_site
from k2rel.signs import in_html
from k2rel.site.read import SiteLike
from k2rel.studies import study

__all__ = ["still_html"]


def still_html(level: SiteLike, data: str, why: str) -> str:
    """The drawing of a level with nothing failed, why nothing can be clicked, and three ways to a live one.

    Examples
    --------
    >>> still_html("L1", "", "no widgets").count("pip install")
    1
    """
    opened = study(level, data=data or None)
    file = isinstance(level, str | Path)
    name, first = (in_html(str(level)), "") if file else ("site.yaml", "after <code>site.save('site.yaml')</code>, ")
    drawing = draw_site(opened.site, failover(opened)).svg
    ways = "".join(
        f"<li>{text}</li>"
        for text in (
            "as a widget: <code>pip install 'k2rel[explore]'</code>, start JupyterLab again and run this cell there",
            f"as a page of its own, without widgets: {first}<code>k2rel explore {name}</code>",
            f"in a report, without Python: {first}<code>k2rel report {name}</code>",
        )
    )
    said = f"Parts cannot be clicked: {in_html(why)}. It is available"
    return f"<div><figure style='margin:0'>{drawing}</figure><p>{said}</p><ul>{ways}</ul></div>"
