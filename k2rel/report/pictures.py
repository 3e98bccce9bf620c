"""Pictures of a report: shown in its page, and as files beside it for slides."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from k2rel.answer import Answer
from k2rel.plots.drawing import Drawing
from k2rel.plots.inline import page_svg, plain_svg, png_of, svg_of, with_source
from k2rel.report.embedded import as_html
from k2rel.report.files import whole, write_whole
from k2rel.report.notebook import Refused, said_by, show_text
from k2rel.signs import in_html
from k2rel.site.names import file_stem

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML
    from matplotlib.axes import Axes

__all__ = ["Pictures", "show_figure"]


class Pictures:
    """Shows plots and drawings, and saves each as SVG and PNG in ``NAME_figures`` beside the tables of a report.

    Parameters
    ----------
    folder : str
        Folder of the results; empty to show only.
    name : str
        Name of the report.

    Examples
    --------
    >>> Pictures("", "L2R").files
    ()
    """

    def __init__(self, folder: str, name: str) -> None:
        self._results = Path(folder) if folder else None
        self._name = name = file_stem(name)
        self._files: list[str] = []
        self._shown = 0
        if self._results is not None:
            for path in (self._results / f"{name}_figures").glob("*"):
                if re.fullmatch(re.escape(name) + r"-\d\d-.*\.(svg|png)", path.name):
                    path.unlink()  # of an earlier run, which may have had other pictures

    @property
    def files(self) -> tuple[str, ...]:
        """What was saved, relative to the folder of the results."""
        return tuple(self._files)

    def show(self, ax: Axes | Drawing | Refused | None, alt: str, by: pd.DataFrame | Answer | None = None) -> HTML:
        """Show a plot or a drawing with a text for those who cannot see it, and save it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or Drawing
            The plot or drawing; or why there is none (`attempt`).
        alt : str
            What it shows, in words.
        by : pandas.DataFrame or Answer, optional
            Where its figures come from, said below it and in its files.

        Returns
        -------
        IPython.display.HTML
            The picture, with links to its files; a drawing has no PNG.

        Examples
        --------
        >>> import tempfile
        >>> from k2rel.plots import draw_site
        >>> from k2rel.site import read_site
        >>> with tempfile.TemporaryDirectory() as here:
        ...     pictures = Pictures(here, "L1")
        ...     _ = pictures.show(draw_site(read_site("L1")), "wiring of Level 1")
        ...     pictures.files
        ('L1_figures/L1-01-wiring-of-level-1.svg',)
        """
        if isinstance(ax, Refused):
            return show_text(f"Not shown: {ax.why}.", "more")
        if ax is None:
            return as_html("")
        said = _said(by)
        drawn = ax.svg if isinstance(ax, Drawing) else svg_of(ax)
        shown = ax.labelled(alt).svg if isinstance(ax, Drawing) else page_svg(drawn, alt)
        links = self._saved(ax, alt, drawn, said)
        foot = f"<p class='by'>{in_html(said)}</p>" if said else ""
        return as_html(f"<figure>{shown}</figure>{links}{foot}")

    def save(self, ax: Axes | Drawing | Refused, alt: str, by: pd.DataFrame | Answer | None = None) -> HTML:
        """Save a plot or a drawing that is not shown as it is, such as the wiring behind an explorer.

        Parameters
        ----------
        ax, alt, by
            As for `show`.

        Returns
        -------
        IPython.display.HTML
            The links to its files; empty where nothing is saved.

        Examples
        --------
        >>> from k2rel.plots import draw_site
        >>> from k2rel.site import read_site
        >>> Pictures("", "L1").save(draw_site(read_site("L1")), "wiring").data
        ''
        """
        if self._results is None or isinstance(ax, Refused):
            return as_html("")
        links = self._saved(ax, alt, ax.svg if isinstance(ax, Drawing) else svg_of(ax), _said(by))
        return as_html(links.replace("<p class='files'>", f"<p class='files'>{in_html(alt)}: "))

    def _saved(self, ax: Axes | Drawing, alt: str, svg: str, said: str) -> str:
        """Save a picture, and give the links to its files."""
        if self._results is None:
            return ""
        if isinstance(ax, Drawing):
            svg = plain_svg(svg)
        self._shown += 1
        title = alt if isinstance(ax, Drawing) else ax.get_title(loc="left") or alt
        words = shorten(re.sub(r"[^a-z0-9]+", " ", title.lower()), 48, placeholder="").replace(" ", "-")
        place = f"{self._name}_figures/{self._name}-{self._shown:02d}-{words}"
        target = self._results / place
        target.parent.mkdir(parents=True, exist_ok=True)
        source = " ".join(text for text in (f"{self._name}.", said) if text)
        made = [target.with_name(f"{target.name}.svg")]
        write_whole(made[0], with_source(svg, source))
        if not isinstance(ax, Drawing):
            made.append(target.with_name(f"{target.name}.png"))
            with whole(made[1]) as temporary:
                temporary.write_bytes(png_of(ax, source))
        self._files += [f"{target.parent.name}/{path.name}" for path in made]
        links = " · ".join(
            f"<a href='{in_html(f'{self._results.name}/{target.parent.name}/{path.name}')}' download>"
            f"{path.suffix[1:].upper()}</a>"
            for path in made
        )
        return f"<p class='files'>{links}</p>"


def _said(by: pd.DataFrame | Answer | None) -> str:
    """Who computed what a picture shows."""
    if by is None:
        return ""
    return said_by(by.provenance.attrs() if isinstance(by, Answer) else by.attrs)


def show_figure(ax: Axes | Drawing | Refused | None, alt: str, by: pd.DataFrame | Answer | None = None) -> HTML:
    """Show a plot or a drawing, with a text for those who cannot see it; `Pictures` also saves it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or Drawing
        The plot or drawing; or why there is none (`attempt`).
    alt : str
        What it shows, in words.
    by : pandas.DataFrame or Answer, optional
        Where its figures come from, said below it.

    Returns
    -------
    IPython.display.HTML
        The picture.

    Examples
    --------
    >>> from k2rel.plots import draw_site
    >>> from k2rel.site import read_site
    >>> show_figure(draw_site(read_site("L1")), "wiring of Level 1").data.count("aria-label='wiring of Level 1'")
    1
    """
    return Pictures("", "").show(ax, alt, by)
