"""Writes the SVG of a drawing: groups for boxes, links and chips, each text where nothing else lies.

Nothing may lie on another text, also when the explorer brings other loads onto the drawing. So every link of a drawing
with names has a place for its load, found once; one for small sizes has places for the loads that it shows alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from k2rel.plots.layout import Box, Layout, Line, is_chip
from k2rel.plots.lettering import Paper, Rect, around, fitted, wide
from k2rel.plots.looks import Look
from k2rel.plots.side_style import side_style
from k2rel.plots.style import COLOURS, CONTROL, DOUBT, INK, LOST, MUTED, SHARED
from k2rel.signs import in_html

__all__: list[str] = []

_LEAST = 9.0  # letters on a screen [px]; a drawing that would be shown smaller scrolls
_ASIDE = 6.0  # cost of a place beside a link, in other links that run through one on it
_ARM = 9.0  # of a cross on a link or chip
_SMALL = 14.0  # width of a cross on a link within a tier
_USUAL_LOAD = "118.8"
_DASHES = ("", "8 4", "2 3", "11 3 2 3", "6 2 2 2 2 2", "16 5", "4 7", "15 3 4 3 4 3", "2 7")
# places along a link from its upper third outwards: links that cross are still apart there, and below is room
_ALONG = tuple(sorted((0.02 * n for n in range(3, 48)), key=lambda t: (abs(t - 0.36), t)))
# lines that the room below a tier grows by, for loads without a place and for those beside their link
_MOST_ROWS = {False: 10.0, True: 4.0}
_STYLE = (
    f".k2d{{font-family:system-ui,'DejaVu Sans',sans-serif;background:var(--paper,#fff);--k0:{COLOURS[0]};"
    f"--k1:{COLOURS[1]};--kc:{CONTROL};--kl:{LOST};--kd:{DOUBT};--ks:{SHARED};--km:{MUTED};--ki:var(--ink,{INK});"
    "--kp:var(--paper,#fff);--ko:var(--soft,#eceef0);--kt:color-mix(in srgb,var(--kl) 65%,var(--ki))}"
    ".k2d text{fill:var(--ki);paint-order:stroke;stroke:var(--kp);stroke-width:3px;stroke-linejoin:round;"
    "font-size:14px;text-anchor:middle}.k2d.small text{font-size:17px}"
    ".k2d .box rect,.k2d .chip rect{fill:var(--kp);stroke:var(--ks);stroke-width:1.5}"
    ".k2d [data-side='0']>rect{stroke:var(--k0)}.k2d [data-side='1']>rect{stroke:var(--k1)}"
    ".k2d .link path{fill:none;stroke:var(--km);stroke-width:1.4}.k2d .link .way,.k2d .link .ctl{stroke:none}"
    ".k2d .link .hit{stroke:transparent;stroke-width:13}.k2d .load{font-weight:600}"
    ".k2d .of,.k2d .box>.load{visibility:hidden}"
    ".k2d :is([data-over],[data-slowed],[data-full])>:is(.of,.load){visibility:visible}"
    ".k2d .box>.load.told,.k2d .box:has(>.load.told:not(:empty))>.of{visibility:visible}"
    ".k2d g .cross{stroke:var(--kl);stroke-width:4.5;stroke-linecap:round;visibility:hidden;fill:none}"
    ".k2d [data-failed] .cross{visibility:visible}.k2d .box .cross{stroke-width:3.5}"
    ".k2d .box .note{fill:var(--kt)}.k2d .title{font-weight:600}.k2d .sets{font-weight:400}"
    ".k2d .box:not(:has(:is(.note,.held)>:not(:empty)))>.title{transform:translateY(var(--s))}"
    ".k2d .box text{stroke:none}.k2d .box[data-failed] text{stroke:var(--ko);stroke-width:5px}"
    ".k2d .link[data-way='0'] .way{stroke:var(--k0)}.k2d .link[data-way='1'] .way{stroke:var(--k1)}"
    ".k2d .link .way{stroke-width:4.5;stroke-linecap:round}.k2d .link .two{visibility:hidden}"
    ".k2d .link[data-way='both'] .way{stroke:var(--k0);stroke-width:4.6;stroke-linecap:butt}"
    ".k2d .link[data-way='both'] .two{visibility:visible;stroke:var(--k1);stroke-width:2.3}"
    ".k2d .link[data-further] .ctl{stroke:var(--kc);stroke-width:2.6;stroke-dasharray:7 4}"
    ".k2d .box[data-way]>rect{stroke-width:3.2}.k2d .chip[data-way] rect{stroke-width:3}"
    ".k2d [data-way='0']>rect{stroke:var(--k0)}.k2d [data-way='1']>rect{stroke:var(--k1)}"
    ".k2d [data-way='both']>rect{stroke:var(--ki)}"
    ".k2d .box[data-out]>rect,.k2d .box[data-failed]>rect{fill:var(--ko);stroke-dasharray:5 4}"
    ".k2d .chip[data-out] rect{fill:var(--ko);stroke-dasharray:3 2}"
    ".k2d :is([data-over],[data-slowed],[data-full])>:is(.load,.of,.share){fill:#111;stroke:none}"
    ".k2d .plate{visibility:hidden}"
    ".k2d :is([data-over],[data-slowed],[data-full])>.plate{visibility:visible;stroke:none}"
    ".k2d [data-over]>.plate,.k2d .chip[data-over] rect{fill:var(--kl)}"
    ".k2d :is([data-full],[data-slowed])>.plate,.k2d .chip:is([data-full],[data-slowed]) rect{fill:var(--kd)}"
    ".k2d [data-slowed]>.plate{stroke:var(--kl);stroke-width:2.5;stroke-dasharray:6 3}"
    ".k2d .sign{stroke:#111;stroke-width:2.4;visibility:hidden}"
    ".k2d :is([data-over] .sign.o,[data-slowed] .sign.o,[data-full] .sign.f){visibility:visible}"
    ".k2d .key text{text-anchor:start}.k2d .key path{stroke:var(--km);stroke-width:1.6;fill:none}"
    ".k2d [role=button]{cursor:pointer}.k2d [role=button]:focus{outline:none}"
    ".k2d .box:focus-visible>rect:first-of-type,.k2d .chip:focus-visible>rect{stroke:var(--kl);stroke-width:4}"
    ".k2d .link:focus-visible .hit{stroke:var(--kl);stroke-opacity:.35}"
)

_PLAIN = Look()


def drawn(layout: Layout, seen: Mapping[str, Look], heading: str) -> str:
    """Give the SVG of a layout with what its parts look like; below a tier it grows until each load has its place."""
    more: dict[int, float] = {}
    while True:
        pen = _Pen(layout, seen)
        narrow = {tier for tier, placed in pen.crowded.items() if more.get(tier, 0.0) < _MOST_ROWS[placed]}
        if not narrow:
            return pen.drawn(heading)
        for tier in narrow:
            more[tier] = more.get(tier, 0.0) + 1.0
        layout.stack(more)


class _Pen:
    """Writes one drawing."""

    def __init__(self, layout: Layout, seen: Mapping[str, Look]) -> None:
        self.layout, self.seen, self.names, self.size = layout, seen, layout.names, layout.size
        self.half = 6.0 if self.names else 7.0  # of a chip
        self.shared, self.both = layout.shared if self.names else {}, layout.both
        self.kinds = list(dict.fromkeys(line.kind for line in layout.lines))
        self.paper = Paper(layout.width, layout.height)
        for box in layout.boxes.values():
            self.paper.taken.append(around(box.x, box.y, box.width + 4, box.height + 2 * self.half + 2))
        for line in layout.lines:
            self.paper.draw(line.id, layout.points(line))
        self.said: dict[str, tuple[Rect, str]] = {}
        self.figures: dict[str, Rect] = {}
        self.crowded: dict[int, bool] = {}  # tiers below which a load has no place, or one beside its link alone
        self._find_places()

    def drawn(self, heading: str) -> str:
        keys, more = self._key() if self.names else ("", 0.0)
        width, height = self.layout.width, self.layout.height + more
        parts = [self._link(line) for line in self._in_order()]
        parts += [*(self._box(box) for box in self.layout.boxes.values())]
        parts += [self._chip(key, *place) for key, place in self.layout.chips.items() if is_chip(key)]
        label = in_html(heading)
        of_sides, style = side_style(self.layout.site.sides)
        kind = " ".join(word for word in ("k2d", "" if self.names else "small", of_sides) if word)
        least = width * _LEAST / self.size
        return (
            f"<svg xmlns='http://www.w3.org/2000/svg' class='{kind}' role='img' aria-label='{label}' "
            f"viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' "
            f"style='max-width:100%;min-width:{least:.0f}px;height:auto'>"
            f"<style>{_STYLE}</style>{style}{''.join(parts)}{keys}</svg>"
        )

    def _in_order(self) -> list[Line]:
        """Links in the order of painting: what runs through the text of another comes before it."""
        under = {
            name: {*self.paper.through(place, name)}
            for name, place in (self.figures | {name: place for name, (place, _) in self.said.items()}).items()
        }
        left, order = list(self.layout.lines), []
        while left:
            names = {line.id for line in left}
            order.append(next((line for line in left if not under.get(line.id, set()) & names), left[0]))
            left.remove(order[-1])
        return order

    def _find_places(self) -> None:
        """Links within a tier first, for they have the least choice; at last those that only a cross may be on."""
        layout = self.layout
        carrying = layout.carrying if self.names else {name for name, look in self.seen.items() if look.load}
        level = [line for line in layout.lines if line in layout.rounds or layout.twins(line)]
        others = [line for line in layout.lines if line not in level]
        for line in level:
            self._find_beside(line, carrying=line.id in carrying)
        for line in level:
            self._find_cross(line, self._beside(layout.points(line), _SMALL, _SMALL, 1.0, on=True))
        for line in sorted(others, key=lambda line: not self._look(line.id).load):
            if line.id in carrying and line.id not in self.figures:
                self._find_on(line)
        for line in others:
            self._find_cross(line, self._on(layout.points(line), 2 * _ARM, 2 * _ARM))
        self._find_knots(others)

    def _find_knots(self, lines: Sequence[Line]) -> None:
        """Where each of two links runs through the figure of the other neither can be painted first."""
        under = {
            line.id: set(self.paper.through(self.figures[line.id], line.id))
            for line in lines
            if line.id in self.figures
        }
        for line in lines:
            if any(line.id in under.get(other, ()) for other in under.get(line.id, ())):
                self.crowded.setdefault(min(self.layout.boxes[name].tier for name in line.boxes), True)

    def _find_beside(self, line: Line, *, carrying: bool) -> None:
        """Find places for the load and the name of a link within a tier."""
        points, taken = self.layout.points(line), 0.0
        if carrying:
            taken, height = self._figure(line.id, "888")
            if place := self.paper.place(self._beside(points, taken, height, 1.0 if self.names else 0.5), line.id):
                self.figures[line.id] = place
        if self.names:
            room = abs(points[-1][0] - points[0][0]) - 8 - (taken or 2 * _SMALL)
            whole = line.id.replace("_", " ")
            # a name that is whole is worth more than the room beside it for the cross, which finds another
            beside = 0.0 if taken or wide(whole, self.size) > room + 2 * _SMALL else 2 * _SMALL
            text = fitted(whole, room + beside, self.size)
            places = self._beside(points, wide(text, self.size), self.layout.row, 0.0 if taken else 0.5)
            if room > 0 and (place := self.paper.place(places, line.id)):
                self.said[line.id] = (place, text)

    def _find_on(self, line: Line) -> None:
        """Find a place for the load of a link from tier to tier; without one on it, more room is wanted there."""
        points, (width, height) = self.layout.points(line), self._figure(line.id, "118.8")
        tier = min(self.layout.boxes[name].tier for name in line.boxes)
        if place := self.paper.place(self._on(points, width, height), line.id):
            self.figures[line.id] = place
            if not place.crossed(points[0], points[-1]):
                self.crowded.setdefault(tier, True)
        else:
            self.crowded[tier] = False

    def _find_cross(self, line: Line, places: Iterator[tuple[float, Rect]]) -> None:
        crossed = line.id not in self.figures and (self.names or self._look(line.id).failed)
        if crossed and (place := self.paper.place(places, line.id)):
            self.figures[line.id] = place

    def _figure(self, part: str, usual: str) -> tuple[float, float]:
        """Room for the load of a part, and below it for its capacity where that is to be said or may be."""
        look, of = self._look(part), self._capacity(part)
        shown = max(usual + self.layout.units_beside(part), look.load, key=len) if self.names else look.load
        of = of if self.names or look.used_up else ""
        share = self.shared.get(part, "")
        width = max(wide(shown, self.size, bold=True), wide(of, self.size), wide(share, self.size)) + 6
        return width, self.layout.row * (1 + bool(of) + bool(share)) + 2 * bool(of)

    def _on(self, points: Sequence[tuple[float, float]], width: float, height: float) -> Iterator[tuple[float, Rect]]:
        """Places on a link from tier to tier, and right beside it."""
        (x1, y1), (x2, y2) = points[0], points[-1]
        for cost, aside in ((0.0, 0.0), (_ASIDE, width / 2 + 4), (_ASIDE, -width / 2 - 4)):
            for t in _ALONG:
                yield cost, around(x1 + t * (x2 - x1) + aside, y1 + t * (y2 - y1), width, height)

    def _beside(
        self, points: Sequence[tuple[float, float]], width: float, height: float, start: float, *, on: bool = False
    ) -> Iterator[tuple[float, Rect]]:
        """Places above and below the level piece of a link, or on it, from the middle or an end outwards."""
        low, high = sorted((points[0][0], points[-1][0]))
        y = max(points[0][1], points[len(points) // 2][1])
        aside = 0.0 if on else height / 2 + 1
        for cost, middle in ((0.0, y - aside), (0.5, y + aside)):
            for t in sorted((0.0, *_ALONG, 1.0), key=lambda t: abs(t - start)):
                yield cost, around(low + width / 2 + 2 + t * (high - low - width - 4), middle, width, height)

    def _look(self, part: str) -> Look:
        return self.seen.get(part, _PLAIN)

    def _capacity(self, part: str) -> str:
        site = self.layout.site
        found = site.components.get(part)
        if found is None or found.capacity_mb_s is None:
            return ""
        return f"of {found.capacity_mb_s:.4g}" + ("" if found.unit == site.load_units[0] else f" {found.unit}")

    def _side(self, side: str | None) -> str:
        sides = self.layout.site.sides
        return f" data-side='{sides.index(side)}'" if side in sides and len(sides) > 1 else ""

    def _open(self, kind: str, part: str, title: str, more: str = "") -> str:
        of = self._capacity(part).replace("of ", ", capacity ", 1)
        unit = self.layout.site.components[part].unit if of else ""
        of = of.removesuffix(f" {unit}")
        shown = in_html(f"{title}{of} {unit}" if of else title)
        return (
            f"<g class='{kind}' data-part='{in_html(part)}'{more}{self._look(part).attributes()}><title>{shown}</title>"
        )

    def _rows(self, kind: str, x: float, top: float, lines: Sequence[str], more: str = "") -> str:
        """Lines of text below each other, from a height on."""
        start = top + 0.85 * self.size
        rows = "".join(
            f"<tspan x='{x:.0f}' y='{start + n * self.layout.row:.1f}'>{in_html(line)}</tspan>"
            for n, line in enumerate(lines)
        )
        return f"<text class='{kind}'{more}>{rows}</text>"

    def _row(self, kind: str, x: float, top: float, text: str) -> str:
        return f"<text class='{kind}' x='{x:.0f}' y='{top + 0.85 * self.size:.1f}'>{in_html(text)}</text>"

    def _link(self, line: Line) -> str:
        points, look = self.layout.points(line), self._look(line.id)
        course = _course(points)
        style = _dashed(self.kinds.index(line.kind))
        texts = ""
        arm, middle = _ARM, (sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points))
        if line.id in self.said:
            place, text = self.said[line.id]
            texts = self._row("name", (place.left + place.right) / 2, place.top, text)
        if line.id in self.figures:
            place, of = self.figures[line.id], self._capacity(line.id)
            middle = ((place.left + place.right) / 2, (place.top + place.bottom) / 2)
            arm = min(arm, (place.right - place.left) / 2)
            top, told = place.top, bool(of) and (self.names or look.used_up)
            texts += _plate(place) if told else ""
            if line.id in self.shared:
                texts += self._row("share", middle[0], top + bool(of), look.share)
                top += self.layout.row
            texts += self._row("of", middle[0], top + 2 + self.layout.row, of) if told else ""
            texts += self._row("load", middle[0], top + 2 * bool(of), look.load) if self.names or look.load else ""
        paths = f"<path d='{course}'{style}/>"
        live = self.names
        paths += f"<path class='way' d='{course}'/>" if live or look.way else ""
        if look.way == "both" or " " in look.way or (live and line.id in self.both):
            paths += f"<path class='way two' d='{_course(_aside(points))}'/>"
        paths += f"<path class='ctl' d='{course}'/>" if live or look.further else ""
        paths += f"<path class='hit' d='{course}'/>" if live else ""
        paths += _cross(*middle, arm, arm) if live or look.failed else ""
        return self._open("link", line.id, f"{line.told} ({line.kind})".replace("_", " ")) + f"{paths}{texts}</g>"

    def _box(self, box: Box) -> str:
        row, part = self.layout.row, self.layout.site.components.get(box.id)
        left, top = box.x - box.width / 2, box.y - box.height / 2
        of = self._capacity(box.id)
        y = box.y + row * ((box.rows("top") - box.rows("bottom")) - box.lines) / 2
        look = self._look(box.id)
        room = box.width - 6

        def lines(text: str, most: int) -> list[str]:
            pieces = text.split(", ")
            said = [fitted(words, room, self.size) for words in (*pieces[: most - 1], ", ".join(pieces[most - 1 :]))]
            return said + [""] * (most - len(said)) * self.names

        shift = f" style='--s:{row * (box.held + box.notes + box.figure) / 2:.0f}px'"
        texts = self._rows("title", box.x, y, box.words, shift)
        y += row * len(box.words)
        texts += self._rows("title sets", box.x, y, box.sets, shift) if box.sets else ""
        y += row * len(box.sets)
        if box.held:
            texts += self._rows("held", box.x, y, lines(look.held, box.held), f" data-room='{room:.0f}'")
            y += row * box.held
        texts += self._rows("note", box.x, y, lines(look.note, box.notes), f" data-room='{room:.0f}'")
        if of:
            y += row * box.notes
            texts += self._box_load(box, y, look.load, of)
        cross = _cross(box.x, box.y, box.width / 2 - 8, box.height / 2 - 8)
        return (
            self._open("box", box.id, box.told or box.title, self._side(part.side if part else None))
            + f"<rect x='{left:.0f}' y='{top:.0f}' width='{box.width:.0f}' height='{box.height:.0f}' rx='7'/>"
            + f"{cross if self.names or look.failed else ''}{texts}</g>"
        )

    def _box_load(self, box: Box, y: float, load: str, of: str) -> str:
        """The load and the capacity of a box, side by side; of another unit they stand there at any load."""
        unit, gap = self.layout.site.components[box.id].unit, 6.0
        if unit == self.layout.site.load_units[0]:
            plate = _plate(around(box.x, y + self.layout.row / 2, min(0.9 * box.width, 120), self.layout.row + 2))
            return plate + self._row("load", box.x - 28, y, load) + self._row("of", box.x + 24, y, of)
        left, right = max(wide(text, self.size, bold=True) for text in (load, f"88.8 {unit}")), wide(of, self.size)
        room = box.width - 2 * gap
        left = max(min(left, room - right - gap), wide(load, self.size, bold=True))
        total = left + gap + right
        plate = _plate(around(box.x, y + self.layout.row / 2, min(total + gap, box.width - 4), self.layout.row + 2))
        middle = box.x - total / 2
        return (
            plate
            + self._row("load told", middle + left / 2, y, load)
            + self._row("of told", middle + total - right / 2, y, of)
        )

    def _chip(self, key: str, x: float, y: float) -> str:
        site, half = self.layout.site, self.half
        part = site.components.get(key)
        box = self.layout.boxes[self.layout.home(key)]
        above, said = y < box.y, box.chips.get(key, [])
        top = y + half + 3 if above else y - half - 3 - self.layout.row * len(said)
        name = self._rows("name", x, top, said) if said else ""
        look, signs = self._look(key), ""
        if self._capacity(key) and (self.names or look.used_up):
            signs = f"<path class='sign o' d='M{x:.0f},{y - 5:.0f} v6 m0,2 v2'/>"
            signs += f"<path class='sign f' d='M{x - 4:.0f},{y - 2:.0f} h8 m0,4 h-8'/>"
        return (
            self._open("chip", key, key.replace("_", " "), self._side(part.side if part else None))
            + f"<rect x='{x - half:.0f}' y='{y - half:.0f}' width='{2 * half:.0f}' height='{2 * half:.0f}'/>"
            + f"{signs}{name}{_cross(x, y, _ARM, _ARM) if self.names or look.failed else ''}</g>"
        )

    def _key(self) -> tuple[str, float]:
        """Link kinds with their line styles, and what the marks mean; and how high that is."""
        size, row = self.size, 1.45 * self.size
        site = self.layout.site
        main, *more = site.load_units
        marks = [f"figures: load [{main}]" + (", or with the unit" if more else "")]
        if any(part.capacity_mb_s is not None for part in site.components.values()):
            marks += ["at its capacity", "above its capacity"]
            marks += ["above it, background slowed"] if site.background else []
        if self.shared:
            copied = ", copy" if site.traffic[site.principal].share == "all" else ""
            whose = "one client's" if self.layout.several else "client 1's"
            marks.append(f"%{copied}: of {whose} {site.principal.replace('_', ' ')}")
        kinds = [kind.replace("_", " ") for kind in self.kinds]
        sides = site.sides if len(site.sides) > 2 else ()
        widest = max([40 + wide(text, size) for text in (*kinds, *sides)] + [wide(text, size) for text in marks]) + 14
        columns = max(1, int((self.layout.width - 8) // widest))
        flags = {
            "at its capacity": " data-full=''",
            "above its capacity": " data-over=''",
            "above it, background slowed": " data-slowed=''",
        }
        found = []
        for n, text in enumerate((*kinds, *sides, *marks)):
            x, y = 8 + n % columns * (self.layout.width - 8) / columns, self.layout.height + 14 + row * (n // columns)
            if n < len(kinds):
                found.append(f"<path d='M{x:.0f},{y:.0f} h32'{_dashed(n)}/>")
                x += 38
            elif n < len(kinds) + len(sides):
                found.append(f"<path class='side' style='stroke:var(--k{n - len(kinds)})' d='M{x:.0f},{y:.0f} h32'/>")
                x += 38
            if text in flags:
                plate = _plate(Rect(x - 4, y - 9, x + wide(text, size) + 4, y + 9))
                found.append(f"<g{flags[text]}>{plate}{self._row('of', x, y - 0.5 * size, text)}</g>")
            else:
                found.append(self._row("name", x, y - 0.5 * size, text))
        rows = -(-(len(kinds) + len(sides) + len(marks)) // columns)
        return f"<g class='key'>{''.join(found)}</g>", 10 + rows * row


def _course(points: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:.1f},{y:.1f}".replace(".0", "") for x, y in points)


def _aside(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The course of the second strand: half a strand to one side, askew where the course has corners."""
    (x1, y1), (x2, y2) = points[0], points[-1]
    dx, dy = (y1 - y2, x2 - x1) if len(points) == 2 else (1.0, 1.0)
    by = 1.15 / (math.hypot(dx, dy) or 1.0)
    return [(x + dx * by, y + dy * by) for x, y in points]


def _plate(place: Rect) -> str:
    """What a figure stands on that is at its limit or above."""
    left, top, right, bottom = place
    size = f"width='{right - left:.0f}' height='{bottom - top:.0f}'"
    return f"<rect class='plate' x='{left:.0f}' y='{top:.0f}' {size} rx='4'/>"


def _cross(x: float, y: float, wide_arm: float, high_arm: float) -> str:
    a, b = wide_arm, high_arm
    return (
        f"<path class='cross' d='M{x - a:.0f},{y - b:.0f} L{x + a:.0f},{y + b:.0f} M{x - a:.0f},{y + b:.0f} "
        f"L{x + a:.0f},{y - b:.0f}'/>"
    )


def _dashed(kind: int) -> str:
    dash = _DASHES[kind % len(_DASHES)]
    return f" stroke-dasharray='{dash}'" if dash else ""
