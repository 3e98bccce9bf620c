"""The explorer in a notebook: live where widgets run, elsewhere the drawing as it stands and what to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k2rel.explore.still import still_html
from k2rel.report.embedded import as_html
from k2rel.site.read import SiteLike

if TYPE_CHECKING:
    from IPython.display import HTML

    from k2rel.explore.widget import Explorer

__all__ = ["explorer"]


def explorer(level: SiteLike = "L2R", data: str = "") -> Explorer | HTML:
    """Give the widget; without the packages that it needs, the drawing with the line that installs them.

    Examples
    --------
    >>> explorer("L2R").site["home"]
    'A'
    """
    try:
        from k2rel.explore.widget import Explorer
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "k2rel":
            raise
        return as_html(still_html(level, data, f"the package {missing.name} is not installed here"))
    return Explorer(level, data)
