"""Where everything lies in the drawing of a site: clients on top, storage below, A left and B right.

Boxes are what stands by itself; what sits in a box is a chip on its edge; links run from edge to edge. Tiers are
distances from the clients; the unit is about an inch on paper, y grows upwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from k2rel.site.model import Site

__all__: list[str] = []


@dataclass
class Box:
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
class Line:
    """A link between two boxes, each end on the box or on a chip of it."""

    id: str
    kind: str
    ends: tuple[str, str]
    boxes: tuple[str, str]


class Layout:
    """Where everything lies."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.others = site.client_count - 1
        self.boxes: dict[str, Box] = {}
        self.lines: list[Line] = []
        self.chips: dict[str, tuple[float, float]] = {}
        self._stand()
        self._wire()
        self._tiers()
        self._place()
        self._ports()

    @property
    def marks(self) -> dict[str, None]:
        """Parts that have a mark of their own."""
        named = [*self.boxes, *(line.id for line in self.lines), *(key for key in self.chips if "|" not in key)]
        return dict.fromkeys(named)

    @property
    def homes(self) -> dict[str, str]:
        """The box of every component and of client 1's parts; parts of other clients stand in `rest`."""
        own = {self.site.client_part_id(1, key): "client_1" for key in self.site.client_parts}
        return own | {name: self.home(name) for name in self.site.components}

    @property
    def rest(self) -> str:
        """The box of all other clients, or that of the only one."""
        return "clients" if "clients" in self.boxes else "client_1"

    def home(self, name: str) -> str:
        """The box that a component stands in, in the end."""
        while name in self.site.components and self.site.components[name].within:
            name = self.site.components[name].within or name
        return name

    def _stand(self) -> None:
        one = self.site.client_title
        self.boxes["client_1"] = Box("client_1", f"{one} 1", None)
        if self.others:
            text = f"{one} 2" if self.others == 1 else f"{one}s 2 to {self.others + 1}"
            self.boxes["clients"] = Box("clients", text, None)
        for name, part in self.site.components.items():
            if part.between is None and part.within is None:
                self.boxes[name] = Box(name, part.title, part.side)

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
                        self.lines.append(Line(name, part.type, (box, far[0]), (box, self.home(far[0]))))
        for name, part in site.components.items():
            if part.between is not None:
                a, b = part.between
                self.lines.append(Line(name, part.type, (a, b), (self.home(a), self.home(b))))

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

    def _between(self, a: Box, b: Box) -> bool:
        low, high = sorted((a.x, b.x))
        return any(box.tier == a.tier and low < box.x < high for box in self.boxes.values())

    def _twin(self, line: Line) -> int:
        """Number of a line among those of its kind."""
        return [item.id for item in self.lines if item.kind == line.kind].index(line.id)

    def points(self, line: Line) -> list[tuple[float, float]]:
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
