"""The drawing of a site as SVG, from its description alone, and over it what a failover outcome looks like.

What a part looks like is said by attributes of its group, ``data-way`` (the side whose route it is on),
``data-further``, ``data-failed``, ``data-out``, ``data-over``, ``data-slowed``, ``data-full``, by figures (load, share)
and notes; the style sheet does the rest. So the explorer can bring another outcome onto the same drawing by setting
these, and colours stand in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from k2rel.errors import InputError, ModelTooLargeError
from k2rel.plots.client_boxes import are_several, client_boxes
from k2rel.plots.layout import Layout
from k2rel.plots.looks import Look, looks
from k2rel.plots.palette import side_colours
from k2rel.plots.pen import drawn
from k2rel.policy.failover import FailoverOutcome, further_traffic, principal_traffic
from k2rel.signs import in_html
from k2rel.site.model import Site
from k2rel.site.stages import names_in
from k2rel.tables import Shown
from k2rel.textio import write_whole

__all__ = ["MOST_DRAWN", "Drawing", "Look", "caption", "draw_site", "looks"]

MOST_DRAWN = 250
"""Shared parts of a site that are drawn at most."""


@dataclass(frozen=True, slots=True, repr=False)
class Drawing(Shown):
    """A drawing: SVG, shown as such in a notebook.

    Parameters
    ----------
    svg : str
        The drawing.
    alt : str
        What it shows, in words.

    Examples
    --------
    >>> Drawing("<svg xmlns='http://www.w3.org/2000/svg'></svg>", "nothing").alt
    'nothing'
    """

    svg: str
    alt: str

    def _repr_svg_(self) -> str:
        return self.svg

    def labelled(self, alt: str) -> Drawing:
        """Say what it shows, for those who cannot see it.

        Parameters
        ----------
        alt : str
            What it shows, in words.

        Returns
        -------
        Drawing
            The same drawing.

        Examples
        --------
        >>> Drawing("<svg aria-label='a'></svg>", "a").labelled("b").svg
        "<svg aria-label='b'></svg>"
        """
        old, new = (f"aria-label='{in_html(text)}'" for text in (self.alt, alt))
        return Drawing(self.svg.replace(old, new, 1), alt)

    def save(self, path: Path | str) -> Path:
        """Save it.

        Parameters
        ----------
        path : pathlib.Path or str
            File, ending in .svg.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InputError
            If the ending is another one, or it cannot be written.

        Examples
        --------
        >>> Drawing("<svg/>", "").save("x.txt")
        Traceback (most recent call last):
            ...
        k2rel.errors.InputError: x.txt: a drawing ends in .svg
        """
        target = Path(path)
        if target.suffix.lower() != ".svg":
            raise InputError(f"{target}: a drawing ends in .svg")
        try:
            write_whole(target, self.svg)
        except OSError as error:
            raise InputError(f"{target}: cannot be written: {error.strerror or error}") from None
        return target

    def _line(self) -> str:
        return self.alt


def caption(site: Site) -> str:
    """Say what colours and lines in a drawing of a site mean.

    Parameters
    ----------
    site : Site

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> caption(read_site("L2R"))[:63]
    'The path of media in the colour of its side (A blue, B orange),'
    """
    colours = zip(site.sides, side_colours(site.sides), strict=True)
    sides = ", ".join(side if side == colour.words else f"{side} {colour.words}" for side, colour in colours)
    others = " and ".join(each for each in further_traffic(site) if _on_links(site, each)).replace("_", " ")
    several = are_several(client_boxes(site))
    dashed = f", of {others}{'' if several else ' of client 1'} dashed in green" if others else ""
    name = principal_traffic(site).replace("_", " ")
    share = site.traffic[principal_traffic(site)].share
    main, *more = site.load_units
    loads = f"loads in {main}" + (", others with their unit" if more else "")
    if share == "first":
        return f"The path of {name} in the colour of its side ({sides}){dashed}, {loads}."
    each = (
        "each with a whole copy of it"
        if share == "all"
        else f"with their shares of {'one client' if several else 'client 1'}'s demand"
    )
    return f"All paths of {name} in use, {each}, in the colour of their side ({sides}){dashed}, {loads}."


def _on_links(site: Site, traffic: str) -> bool:
    """Whether a path of a class crosses a link, which can be drawn dashed."""
    names = {name for path in site.traffic[traffic].paths for stage in path.via for name in names_in(stage)}
    every = names.union(*(group.subscriptions.values() for group in site.groups if any(n[0] == "@" for n in names)))
    return any(site.described[name].between is not None for name in every & site.described.keys())


def draw_site(
    site: Site,
    outcome: FailoverOutcome | None = None,
    *,
    title: str | None = None,
    names: bool = True,
) -> Drawing:
    """Draw a site, and over it where the traffic goes.

    Parameters
    ----------
    site : Site
    outcome : FailoverOutcome, optional
        What has failed and which routes are taken.
    title : str, optional
        Title of the drawing; by default that of the site.
    names : bool
        Write names on links and chips, and a key; without them the drawing is for small sizes.

    Returns
    -------
    Drawing
        The drawing.

    Raises
    ------
    ModelTooLargeError
        If the site has more shared parts than can be told apart in a drawing.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> draw_site(read_site("L2R")).alt
    'Level 2R, two servers, two switches'
    """
    if len(site.components) > MOST_DRAWN:
        raise ModelTooLargeError(
            f"{site.name} has {len(site.components):,} shared parts, and a drawing of more than {MOST_DRAWN} is not "
            "legible; 'k2rel export --format graphml' gives the network to programs that lay out large graphs"
        )
    seen = looks(site, outcome) if outcome is not None else {}
    heading = site.title if title is None else title
    return Drawing(drawn(Layout(site, names=names), seen, heading), heading)
