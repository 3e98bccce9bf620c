"""The drawing of a site as SVG, from its description alone, and over it what a failover outcome looks like.

What a part looks like is said by attributes of its group, ``data-way`` (the side whose route it is on),
``data-further``, ``data-failed``, ``data-out``, ``data-over``, by a figure (load) and a note; the style sheet does the
rest. So the explorer can bring another outcome onto the same drawing by setting these, and colours stand here alone.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from k2rel.errors import InputError
from k2rel.plots.layout import Box, Layout, Line
from k2rel.plots.style import COLOUR_WORDS, COLOURS, CONTROL, INK, LOST, MUTED, SHARED
from k2rel.policy.failover import FailoverOutcome, further_traffic, principal_traffic
from k2rel.site.model import Site
from k2rel.tables import Shown

__all__ = ["Drawing", "Look", "caption", "draw_site", "looks"]

_UNIT = 100.0
_DASHES = ("", "8 4", "2 3", "11 3 2 3", "6 2 2 2 2 2", "16 5", "4 7", "15 3 4 3 4 3", "2 7")
_STYLE = (
    f".k2d{{font-family:system-ui,'DejaVu Sans',sans-serif;background:var(--paper,#fff);--k0:{COLOURS[0]};"
    f"--k1:{COLOURS[1]};--kc:{CONTROL};--kl:{LOST};--ks:{SHARED};--km:{MUTED};--ki:var(--ink,{INK});--kp:var(--paper,#fff);"
    "--ko:var(--soft,#eceef0)}"
    ".k2d text{fill:var(--ki);paint-order:stroke;stroke:var(--kp);stroke-width:3px;stroke-linejoin:round}"
    ".k2d .box rect{fill:var(--kp);stroke:var(--ks);stroke-width:1.5}.k2d .box text{stroke:none;text-anchor:middle}"
    ".k2d .chip rect{fill:var(--kp);stroke:var(--ks);stroke-width:1.5}.k2d .chip text{font-size:9px;text-anchor:middle}"
    ".k2d [data-side='0']>rect{stroke:var(--k0)}.k2d [data-side='1']>rect{stroke:var(--k1)}"
    ".k2d .link path{fill:none;stroke:var(--km);stroke-width:1.4}.k2d .link .way,.k2d .link .ctl{stroke:none}"
    ".k2d .link .hit{stroke:transparent;stroke-width:13}.k2d .name{font-size:10px;text-anchor:middle}"
    ".k2d .load{font-size:11px;text-anchor:middle;font-weight:600}.k2d.small .load,.k2d.small .note{font-size:16px}"
    ".k2d g .cross{stroke:var(--kl);stroke-width:4.5;"
    "stroke-linecap:round;visibility:hidden;fill:none}.k2d [data-failed] .cross{visibility:visible}"
    ".k2d .box .note{fill:var(--kl);font-size:11px;font-weight:600;stroke:var(--kp)}"
    ".k2d.small .box .note{font-size:15px}"
    ".k2d .link[data-way='0'] .way{stroke:var(--k0)}.k2d .link[data-way='1'] .way{stroke:var(--k1)}"
    ".k2d .link[data-way='both'] .way{stroke:var(--ki)}.k2d .link .way{stroke-width:4.5;stroke-linecap:round}"
    ".k2d .link[data-further] .ctl{stroke:var(--kc);stroke-width:2.6;stroke-dasharray:7 4}"
    ".k2d .box[data-way]>rect{stroke-width:3.2}.k2d .chip[data-way] rect{stroke-width:3}"
    ".k2d [data-way='0']>rect{stroke:var(--k0)}.k2d [data-way='1']>rect{stroke:var(--k1)}"
    ".k2d [data-way='both']>rect{stroke:var(--ki)}"
    ".k2d .box[data-out]>rect,.k2d .box[data-failed]>rect{fill:var(--ko);stroke-dasharray:5 4}"
    ".k2d [data-over] .load{fill:var(--kl);text-decoration:underline}.k2d .chip[data-over] rect{fill:var(--kl)}"
    ".k2d .key{font-size:10.5px}"
    ".k2d .key path{stroke:var(--km);stroke-width:1.6;fill:none}"
    ".k2d [role=button]{cursor:pointer}.k2d [role=button]:focus{outline:none}"
    ".k2d .box:focus-visible rect,.k2d .chip:focus-visible rect{stroke:var(--kl);stroke-width:4}"
    ".k2d .link:focus-visible .hit{stroke:var(--kl);stroke-opacity:.35}"
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a part looks like under an outcome."""

    way: str = ""  # "0" or "1" by the side whose route it is on, "both", or empty
    further: bool = False  # on the path of a further traffic class of client 1
    failed: bool = False
    out: bool = False  # of service
    over: bool = False  # loaded above its capacity
    load: str = ""  # written on it [MB/s]
    note: str = ""

    def attributes(self) -> str:
        """Give the attributes of its group."""
        way = f" data-way='{self.way}'" if self.way else ""
        flags = {"further": self.further, "failed": self.failed, "out": self.out, "over": self.over}
        return way + "".join(f" data-{name}=''" for name, there in flags.items() if there)


_PLAIN = Look()


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
        old, new = (f"aria-label='{html.escape(text, quote=True)}'" for text in (self.alt, alt))
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
            target.write_text(self.svg, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{target}: cannot be written: {error.strerror or error}") from None
        return target

    def _line(self) -> str:
        return self.alt


def looks(site: Site, outcome: FailoverOutcome) -> dict[str, Look]:
    """Say what every part looks like under an outcome.

    Parameters
    ----------
    site : Site
    outcome : FailoverOutcome
        What has failed and which routes are taken.

    Returns
    -------
    dict of str to Look
        By part; the parts of clients 2 and further together as ``clients_PART``. A failed part without a mark of its
        own is named in the note of what it stands in.

    Examples
    --------
    >>> from k2rel.policy.failover import failover
    >>> from k2rel.policy.rules import Policy
    >>> from k2rel.site import read_site
    >>> site = read_site("L2R")
    >>> looks(site, failover(Policy(site), ["switch_A"]))["server_B"].way
    '1'
    """
    layout = Layout(site)
    name, failed = outcome.principal, set(outcome.failed)
    routes: dict[str, set[str]] = {}
    further: set[str] = set()
    without = {"client_1": 0, "clients": 0}
    drawn_as: dict[str, str] = {}
    for index, state in enumerate(outcome.clients):
        shown = {}
        for key in site.client_parts:
            own = site.client_part_id(index + 1, key)
            shown[own] = own if index == 0 else f"clients_{key}"
        shown[state.client] = "client_1" if index == 0 else "clients"
        drawn_as |= shown
        side = state.sides.get(name)
        if side is not None:
            for part in (state.client, *state.paths.get(name, ())):
                routes.setdefault(shown.get(part, part), set()).add(str(site.sides.index(side)))
        without[shown[state.client]] += side is None and name in state.sides
        if index == 0:
            further = {part for other, path in state.paths.items() if other != name for part in path}
    carried: dict[str, float] = {}
    for part, load in outcome.carried.items():
        carried[drawn_as.get(part, part)] = carried.get(drawn_as.get(part, part), 0.0) + load
    over = {item.element for item in outcome.loads if item.overloaded}
    notes: dict[str, list[str]] = {}
    for who, count in without.items():
        if count:
            notes[who] = [
                f"no {name}" if who == "client_1" or count == site.client_count - 1 else f"{count} without {name}"
            ]
    homes, marks = layout.homes, layout.marks
    for part in outcome.out_of_service:
        notes.setdefault(homes[part], []).append("out of service")
    for part in outcome.failed:
        if part not in marks:
            notes.setdefault(homes.get(part, layout.rest), []).append(part.replace("_", " "))
    result = {}
    for part in marks:
        found = routes.get(part, set())
        result[part] = Look(
            way="both" if len(found) > 1 else next(iter(found), ""),
            further=part in further,
            failed=part in failed,
            out=part in outcome.out_of_service,
            over=part in over,
            load=f"{carried[part]:.4g}" if carried.get(part, 0.0) > 0 else "",
            note=", ".join(notes.get(part, ())),
        )
    return result


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
    sides = ", ".join(f"{side} {word}" for side, word in zip(site.sides, COLOUR_WORDS, strict=False))
    others = " and ".join(further_traffic(site)).replace("_", " ")
    dashed = f", of {others} of client 1 dashed in green" if others else ""
    name = principal_traffic(site).replace("_", " ")
    return f"The path of {name} in the colour of its side ({sides}){dashed}, loads in MB/s."


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

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> draw_site(read_site("L2R")).alt
    'Level 2R, two servers, two switches'
    """
    layout = Layout(site)
    seen = looks(site, outcome) if outcome is not None else {}
    heading = site.title if title is None else title
    pen = _Pen(layout, seen, names)
    return Drawing(pen.drawn(heading), heading)


@dataclass
class _Pen:
    """Writes one drawing."""

    layout: Layout
    seen: Mapping[str, Look]
    names: bool
    kinds: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.kinds = list(dict.fromkeys(line.kind for line in self.layout.lines))
        self.columns = max(1, int(self.layout.width * _UNIT / 150))
        self.low = -0.62
        self.high = 1.55 * (self.layout.tiers - 1) + 0.5

    def at(self, x: float, y: float) -> str:
        return f"{x * _UNIT:.0f},{(self.high - y) * _UNIT:.0f}"

    def drawn(self, heading: str) -> str:
        keys = self._key() if self.names else ""
        rows = len(self.kinds) // self.columns + 1 if self.names else 0
        width, height = self.layout.width * _UNIT, (self.high - self.low) * _UNIT + 16 * rows
        parts = [self._link(line) for line in self.layout.lines]
        parts += [self._box(box) for box in self.layout.boxes.values()]
        parts += [self._chip(key, *place) for key, place in self.layout.chips.items() if "|" not in key]
        label = html.escape(heading, quote=True)
        kind = "k2d" if self.names else "k2d small"
        return (
            f"<svg xmlns='http://www.w3.org/2000/svg' class='{kind}' role='img' aria-label='{label}' "
            f"viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' style='max-width:100%;height:auto'>"
            f"<style>{_STYLE}</style>{''.join(parts)}{keys}</svg>"
        )

    def _look(self, part: str) -> Look:
        return self.seen.get(part, _PLAIN)

    def _side(self, side: str | None) -> str:
        sides = self.layout.site.sides
        return f" data-side='{sides.index(side)}'" if side in sides and len(sides) > 1 else ""

    def _open(self, kind: str, part: str, title: str, more: str = "") -> str:
        shown = html.escape(title, quote=True)
        return (
            f"<g class='{kind}' data-part='{html.escape(part, quote=True)}'{more}{self._look(part).attributes()}>"
            f"<title>{shown}</title>"
        )

    def _link(self, line: Line) -> str:
        points = self.layout.points(line)
        course = "M" + " L".join(self.at(x, y) for x, y in points)
        style = _dashed(self.kinds.index(line.kind))
        a, b = (self.layout.boxes[name] for name in line.boxes)
        level = a.tier == b.tier
        middle = (sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points))
        # figures near the upper end, where crossing links are still apart
        t = 0.28 if "client" in (a.id[:6], b.id[:6]) and points[0][0] != points[-1][0] else 0.5
        upper, lower = (points[0], points[-1]) if points[0][1] >= points[-1][1] else (points[-1], points[0])
        x, y = upper[0] + t * (lower[0] - upper[0]), upper[1] + t * (lower[1] - upper[1])
        if level and len(points) > 2:
            x, y = middle[0], min(p[1] for p in points)
        name = ""
        if self.names and level and a is not b:
            name = (
                f"<text class='name' x='{x * _UNIT:.0f}' y='{(self.high - y) * _UNIT - 4:.0f}'>{_said(line.id)}</text>"
            )
            x += 0.0 if len(points) > 2 else 0.01
        drop = 12 if level else 4
        return (
            self._open("link", line.id, f"{line.id} ({line.kind})".replace("_", " "))
            + f"<path d='{course}'{style}/><path class='way' d='{course}'/><path class='ctl' d='{course}'/>"
            + f"<path class='hit' d='{course}'/>{name}{self._cross(*middle, 0.11)}"
            + self._load(line.id, x, y, drop)
            + "</g>"
        )

    def _load(self, part: str, x: float, y: float, drop: float) -> str:
        text = html.escape(self._look(part).load)
        return f"<text class='load' x='{x * _UNIT:.0f}' y='{(self.high - y) * _UNIT + drop:.0f}'>{text}</text>"

    def _cross(self, x: float, y: float, arm: float) -> str:
        ends = [((x - arm, y - arm), (x + arm, y + arm)), ((x - arm, y + arm), (x + arm, y - arm))]
        course = " ".join(f"M{self.at(*one)} L{self.at(*other)}" for one, other in ends)
        return f"<path class='cross' d='{course}'/>"

    def _box(self, box: Box) -> str:
        site = self.layout.site
        sets = [entry.title for entry in site.raid_sets.values() if entry.within == box.id]
        size = 12.5 if self.names else 17
        limit = max(9, int(box.width * (14.5 if self.names else 10.5)))
        words = [*_wrapped(box.title, limit), *(_wrapped(", ".join(sets), limit) if sets and self.names else [])]
        x, y = box.x * _UNIT, (self.high - box.y) * _UNIT
        top = y + size * (0.35 - 0.6 * (len(words) - 1))
        lines = "".join(
            f"<tspan x='{x:.0f}' y='{top + 1.2 * n * size:.1f}'>{html.escape(word)}</tspan>"
            for n, word in enumerate(words)
        )
        w, h = box.width * _UNIT, box.height * _UNIT
        note = html.escape(self._look(box.id).note)
        return (
            self._open("box", box.id, box.title, self._side(box.side))
            + f"<rect x='{x - w / 2:.0f}' y='{y - h / 2:.0f}' width='{w:.0f}' height='{h:.0f}' rx='7'/>"
            + f"<text style='font-size:{size}px'>{lines}</text>"
            + f"<text class='note' x='{x:.0f}' y='{y + h / 2 - 9:.0f}'>{note}</text>"
            + self._cross(box.x, box.y, 0.24)
            + "</g>"
        )

    def _chip(self, key: str, x: float, y: float) -> str:
        part = self.layout.site.components.get(key)
        above = y > self.layout.boxes[self.layout.home(key)].y
        half = 5 if self.names else 7
        px, py = x * _UNIT, (self.high - y) * _UNIT
        name = f"<text x='{px:.0f}' y='{py + (-9 if above else 17):.0f}'>{_said(key)}</text>" if self.names else ""
        return (
            self._open("chip", key, key.replace("_", " "), self._side(part.side if part else None))
            + f"<rect x='{px - half:.0f}' y='{py - half:.0f}' width='{2 * half}' height='{2 * half}'/>{name}"
            + self._cross(x, y, 0.1)
            + "</g>"
        )

    def _key(self) -> str:
        """Link kinds with their line styles, and what the marks mean."""
        top = (self.high - self.low) * _UNIT - 12
        rows = []
        for n, kind in enumerate(self.kinds):
            x, y = (n % self.columns) * self.layout.width * _UNIT / self.columns + 8, top + 16 * (n // self.columns) + 8
            text = f"<text x='{x + 36:.0f}' y='{y + 4:.0f}'>{_said(kind)}</text>"
            rows.append(f"<path d='M{x:.0f},{y:.0f} h30'{_dashed(n)}/>{text}")
        n = len(self.kinds)
        x, y = (n % self.columns) * self.layout.width * _UNIT / self.columns + 8, top + 16 * (n // self.columns) + 12
        rows.append(f"<text x='{x:.0f}' y='{y:.0f}'>figures: load [MB/s]</text>")
        return f"<g class='key'>{''.join(rows)}</g>"


def _dashed(kind: int) -> str:
    dash = _DASHES[kind % len(_DASHES)]
    return f" stroke-dasharray='{dash}'" if dash else ""


def _said(name: str) -> str:
    return html.escape(name.replace("_", " "))


def _wrapped(text: str, limit: int) -> list[str]:
    return textwrap.wrap(text, limit) or [""]
