"""The drawing of a site, from its description alone: clients on top, storage below, A left and B right.

Boxes are what stands by itself; what sits in a box is a chip on its edge; links run from edge to edge, each
kind with a line style of its own. A failover outcome is drawn over it: failed parts crossed out, the ways of
the principal traffic in the colour of their side, the way of client 1's other traffic dashed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from k2rel.plots.style import CONTROL, INK, LOST, MUTED, new_axes, side_colour
from k2rel.policy.failover import FailoverOutcome
from k2rel.site.model import Site

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_site"]

_STYLES: tuple[Any, ...] = (
    "-",
    (0, (4, 2)),
    (0, (1, 1.5)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 3)),
    (0, (2, 4)),
    (0, (8, 1.5, 2, 1.5, 2, 1.5)),
    (0, (1, 4)),
)


@dataclass
class _Box:
    """Something that stands by itself, with the chips and link ends on its edges."""

    id: str
    title: str
    side: str | None
    tier: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = 1.0
    height: float = 0.62
    ends: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: {"top": [], "bottom": []})


@dataclass(frozen=True)
class _Line:
    """A link between two boxes, each end on the box or on a chip of it."""

    id: str
    kind: str
    ends: tuple[str, str]
    boxes: tuple[str, str]


class _Layout:
    """Where everything lies."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.others = site.client_count - 1
        self.boxes: dict[str, _Box] = {}
        self.lines: list[_Line] = []
        self.chips: dict[str, tuple[float, float]] = {}
        self._stand()
        self._wire()
        self._tiers()
        self._place()
        self._ports()

    def home(self, name: str) -> str:
        """The box that a component stands in, in the end."""
        while name in self.site.components and self.site.components[name].within:
            name = self.site.components[name].within or name
        return name

    def _stand(self) -> None:
        one = self.site.client_title
        self.boxes["client_1"] = _Box("client_1", f"{one} 1", None)
        if self.others:
            text = f"{one} 2" if self.others == 1 else f"{one}s 2 to {self.others + 1}"
            self.boxes["clients"] = _Box("clients", text, None)
        for name, part in self.site.components.items():
            if part.between is None and part.within is None:
                self.boxes[name] = _Box(name, part.title, part.side)

    def _wire(self) -> None:
        site = self.site
        groups = {"client_1": range(1), "clients": range(site.group_count)}
        for box in [name for name in ("client_1", "clients") if name in self.boxes]:
            seen = set()
            for key, part in site.client_parts.items():
                for group in groups[box]:
                    ends = [site.subscribed(e[1:], group) if e.startswith("@") else e for e in part.between or ()]
                    far = [end for end in ends if end not in site.client_parts]
                    if len(far) == 1 and (key, far[0]) not in seen:
                        seen.add((key, far[0]))
                        name = site.client_part_id(1, key) if box == "client_1" else f"clients_{key}"
                        self.lines.append(_Line(name, part.type, (box, far[0]), (box, self.home(far[0]))))
        for name, part in site.components.items():
            if part.between is not None:
                a, b = part.between
                self.lines.append(_Line(name, part.type, (a, b), (self.home(a), self.home(b))))

    def _tiers(self) -> None:
        """Distance from the clients, in boxes."""
        import networkx as nx

        graph = nx.Graph(line.boxes for line in self.lines)
        graph.add_nodes_from(self.boxes)
        starts = {name for name in ("client_1", "clients") if name in self.boxes}
        reached: dict[str, float] = nx.multi_source_dijkstra_path_length(graph, starts)
        last = max(reached.values())
        for name, box in self.boxes.items():
            box.tier = int(reached.get(name, last))
        self.tiers = int(last) + 1

    def _place(self) -> None:
        sides = self.site.sides
        busiest = max(
            sum(box.tier == tier and box.side == side for box in self.boxes.values())
            for tier in range(self.tiers)
            for side in sides
        )
        self.width = max(5.4, 2 * busiest * 1.75 + 0.6) if len(sides) > 1 else max(3.6, busiest * 1.9 + 0.4)
        half = self.width / 2
        for tier in range(self.tiers):
            y = 1.55 * (self.tiers - 1 - tier)
            here = [box for box in self.boxes.values() if box.tier == tier]
            for side in (*sides, None):
                row = [box for box in here if box.side == side]
                if not row:
                    continue
                if side is None or len(sides) == 1:
                    left, right = (0.0, self.width)
                else:
                    left, right = (0.0, half) if side == sides[0] else (half, self.width)
                step = (right - left) / len(row)
                for index, box in enumerate(row):
                    wide = side is None and tier > 0 and len(here) == 1
                    box.width = min(step - (0.3 if len(row) > 1 else 0.8), 0.72 * self.width if wide else 1.9)
                    box.x, box.y = left + step * (index + 0.5), y
                    box.height = 0.95 if wide else 0.68

    def _ports(self) -> None:
        """Give chips and link ends their places on the edges, ordered by where the other end lies."""
        owners: dict[str, str] = {}
        for line in self.lines:
            for index, end in enumerate(line.ends):
                box, other = line.boxes[index], line.boxes[1 - index]
                if box not in self.boxes or other not in self.boxes or box == other:
                    continue
                if self.boxes[box].tier == self.boxes[other].tier:
                    continue
                edge = "bottom" if self.boxes[other].tier > self.boxes[box].tier else "top"
                key = end if end != box else f"{box}|{line.id}"
                owners.setdefault(key, box)
                entries = self.boxes[box].ends[edge]
                if all(name != key for _, name in entries):
                    entries.append((self.boxes[other].x, key))
        for name, part in self.site.components.items():
            # parts of a box that links end on, but whose links stay inside the tier, still show as chips
            inside = part.between is None and part.within in self.boxes and name not in owners
            if inside and part.within and any(name in line.ends for line in self.lines):
                self.boxes[part.within].ends["top"].append((0.0, name))
        for owner in self.boxes.values():
            for edge, entries in owner.ends.items():
                entries.sort(key=lambda item: (item[0], item[1]))
                y = owner.y + (owner.height / 2 if edge == "top" else -owner.height / 2)
                for index, (_, key) in enumerate(entries):
                    x = owner.x - owner.width / 2 + owner.width * (index + 0.5) / len(entries)
                    self.chips[key] = (x, y)

    def _between(self, a: _Box, b: _Box) -> bool:
        low, high = sorted((a.x, b.x))
        return any(box.tier == a.tier and low < box.x < high for box in self.boxes.values())

    def _twin(self, line: _Line) -> int:
        """Number of a line among those of its kind."""
        return [item.id for item in self.lines if item.kind == line.kind].index(line.id)

    def points(self, line: _Line) -> list[tuple[float, float]]:
        """The course of a line on the paper, from end to end."""
        points = []
        a, b = (self.boxes[name] for name in line.boxes)
        if a.tier == b.tier and self._between(a, b):
            # something stands between: go round below
            sag = min(a.y, b.y) - a.height / 2 - 0.3 - 0.06 * self._twin(line)
            inner = 0.3 if b.x > a.x else -0.3
            start, stop = a.x + a.width * inner, b.x - b.width * inner
            low = a.y - a.height / 2
            return [(start, low), (start + 0.12, sag), (stop - 0.12, sag), (stop, low)]
        for index, end in enumerate(line.ends):
            box, other = (a, b) if index == 0 else (b, a)
            key = end if end != box.id else f"{box.id}|{line.id}"
            if a.tier == b.tier:
                twins = [item.id for item in self.lines if set(item.boxes) == set(line.boxes)]
                y = box.y + 0.16 * (twins.index(line.id) - (len(twins) - 1) / 2)
                points.append((box.x + (box.width / 2 if other.x > box.x else -box.width / 2), y))
            else:
                points.append(self.chips.get(key, (box.x, box.y)))
        return points


def draw_site(
    site: Site,
    outcome: FailoverOutcome | None = None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    names: bool = True,
) -> Axes:
    """Draw a site, and over it where the traffic goes.

    Parameters
    ----------
    site : Site
        The site.
    outcome : FailoverOutcome, optional
        What has failed and which ways are taken.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    title : str, optional
        Title of the drawing; by default that of the site.
    names : bool
        Write names on links and chips; without them the drawing is small.

    Returns
    -------
    matplotlib.axes.Axes
        The drawing.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> draw_site(read_site("L2R")).get_title(loc="left")
    'Level 2R, two servers, two switches'
    """
    from matplotlib.patches import FancyBboxPatch

    layout = _Layout(site)
    height = 1.55 * (layout.tiers - 1) + 1.5
    scale = 1.0 if names else 0.62
    ax = new_axes(ax, (max(5.0, layout.width * 1.05) * scale, (height + 0.35) * scale))
    size = 8.0 if names else 5.2
    failed = set(outcome.failed) if outcome else set()
    down = set(outcome.out_of_service) if outcome else set()
    ways, dashed = _ways(site, outcome)
    kinds = list(dict.fromkeys(line.kind for line in layout.lines))
    for line in layout.lines:
        points = layout.points(line)
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        style = _STYLES[kinds.index(line.kind) % len(_STYLES)]
        ax.plot(xs, ys, color=MUTED, lw=1.1, ls=style, zorder=1, solid_capstyle="round")
        if line.id in ways:
            ax.plot(
                xs,
                ys,
                color=ways[line.id],
                lw=3.2 if names else 2.2,
                alpha=0.9,
                zorder=2,
                solid_capstyle="round",
            )
        if line.id in dashed:
            ax.plot(xs, ys, color=CONTROL, lw=1.8 if names else 1.3, ls=(0, (3, 1.5)), zorder=3)
        if line.id in failed:
            _cross(ax, sum(xs) / 2, sum(ys) / 2, 0.11)
    for box in layout.boxes.values():
        _draw_box(ax, FancyBboxPatch, box, site, ways, failed, down, size)
    for key, (x, y) in layout.chips.items():
        if "|" in key:
            continue
        part = site.components.get(key)
        colour = side_colour(site.sides, part.side if part else None)
        edge = ways.get(key, colour)
        ax.plot(
            [x],
            [y],
            marker="s",
            ms=7 if names else 4.5,
            mfc="white",
            mec=edge,
            mew=2.0 if key in ways else 1.1,
            zorder=5,
        )
        if key in failed:
            _cross(ax, x, y, 0.1)
        if names and part is not None:
            above = y > layout.boxes[layout.home(key)].y
            ax.annotate(
                key.replace("_", " "), (x, y), (0, 6 if above else -6), textcoords="offset points", ha="center",
                va="bottom" if above else "top", fontsize=6.2, color=INK, zorder=6, parse_math=False,
                bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.4},
            )  # fmt: skip
    _hidden_failures(ax, layout, failed, size)
    if names:
        _name_links(ax, layout, kinds)
    ax.set_xlim(-0.1, layout.width + 0.1)
    ax.set_ylim(-0.85 if names else -0.6, height - 1.05)
    ax.set_axis_off()
    ax.set_title(site.title if title is None else title, loc="left", fontsize=11 if names else 8, parse_math=False)
    return ax


def _ways(site: Site, outcome: FailoverOutcome | None) -> tuple[dict[str, str], set[str]]:
    """Colour of every part on a way of the principal traffic, and the parts of client 1's second way."""
    ways: dict[str, str] = {}
    dashed: set[str] = set()
    if outcome is None:
        return ways, dashed
    for index, state in enumerate(outcome.clients):
        path = state.paths.get(outcome.principal, ())
        colour = side_colour(site.sides, state.sides.get(outcome.principal))
        number = state.client.rpartition("_")[2]
        for name in path:
            shown = name if index == 0 else name.replace(f"client_{number}", "clients", 1)
            ways.setdefault(shown, colour)
        if index == 0:
            for traffic, other in state.paths.items():
                if traffic != outcome.principal and traffic in {"control"}:
                    dashed.update(other)
    return ways, dashed


def _draw_box(
    ax: Any,
    patch: Any,
    box: _Box,
    site: Site,
    ways: dict[str, str],
    failed: set[str],
    down: set[str],
    size: float,
) -> None:
    colour = side_colour(site.sides, box.side)
    used = box.id in ways
    off = box.id in down or box.id in failed
    ax.add_patch(
        patch(
            (box.x - box.width / 2, box.y - box.height / 2),
            box.width,
            box.height,
            boxstyle="round,pad=0,rounding_size=0.07",
            fc="#ECEEF0" if off else "white",
            ec=ways.get(box.id, colour) if used else colour,
            lw=2.4 if used else 1.2,
            ls=(0, (2, 2)) if off else "-",
            zorder=4,
        )
    )
    label = box.title
    sets = [entry.title for entry in site.raid_sets.values() if entry.within == box.id]
    if sets:
        label += "\n" + ", ".join(sets)
    if box.id in down and box.id not in failed:
        label += "\nout of service"
    limit = max(9, int(box.width * 13))
    words: list[str] = []
    for text in label.split("\n"):
        words += _wrapped(text, limit)
    ax.text(
        box.x,
        box.y,
        "\n".join(words),
        ha="center",
        va="center",
        fontsize=size,
        color=INK,
        zorder=6,
        parse_math=False,
    )
    if box.id in failed:
        _cross(ax, box.x, box.y, 0.26)


def _wrapped(text: str, limit: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, limit) or [""]


def _cross(ax: Any, x: float, y: float, arm: float) -> None:
    for sign in (1, -1):
        ax.plot(
            [x - arm, x + arm],
            [y - sign * arm, y + sign * arm],
            color=LOST,
            lw=3,
            zorder=8,
            solid_capstyle="round",
        )


def _hidden_failures(ax: Any, layout: _Layout, failed: Iterable[str], size: float) -> None:
    """Name failed parts that have no mark of their own, on their box."""
    drawn = {line.id for line in layout.lines} | set(layout.boxes) | set(layout.chips)
    by_box: dict[str, list[str]] = {}
    for name in failed:
        if name not in drawn:
            by_box.setdefault(layout.home(name), []).append(name)
    for name, parts in by_box.items():
        if name in layout.boxes:
            box = layout.boxes[name]
            _cross(ax, box.x + box.width * 0.36, box.y, 0.1)
            text = ", ".join(parts).replace("_", " ")
            ax.text(
                box.x,
                box.y - box.height / 2 - 0.08,
                text,
                color=LOST,
                fontsize=size,
                ha="center",
                va="top",
                zorder=9,
                parse_math=False,
            )


def _name_links(ax: Any, layout: _Layout, kinds: list[str]) -> None:
    """A legend of link kinds, and names for links between boxes of one tier."""
    from matplotlib.lines import Line2D

    for line in layout.lines:
        a, b = (layout.boxes[name] for name in line.boxes)
        if a.tier == b.tier and a is not b:
            course = layout.points(line)
            x = (course[0][0] + course[-1][0]) / 2
            ax.text(
                x,
                min(p[1] for p in course) + 0.02,
                line.id.replace("_", " "),
                fontsize=6.2,
                ha="center",
                va="bottom",
                parse_math=False,
            )
    handles = [
        Line2D([], [], color=MUTED, lw=1.4, ls=_STYLES[index % len(_STYLES)], label=kind.replace("_", " "))
        for index, kind in enumerate(kinds)
    ]
    ax.legend(
        handles=handles,
        loc="lower center",
        ncols=min(5, len(handles)),
        fontsize=6.5,
        frameon=False,
        borderaxespad=0,
    )
