"""Where everything lies in the drawing of a site: clients on top, storage below, the sides from left to right.

Boxes are what stands by itself; what sits in a box is a chip on its edge, with its name inside the box; links run from
edge to edge. Tiers are distances from the clients. The unit is a pixel of the drawing at its own size, and y grows
downwards. The paper is narrow and its letters are large, so that a phone shows both sides at once and they can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from k2rel.plots.lettering import LINE, wide, wrapped
from k2rel.site.measured import crossing
from k2rel.site.model import Site
from k2rel.site.names import spoken
from k2rel.site.stages import AtLeast, names_in

__all__: list[str] = []

SIZES = {True: 14.0, False: 17.0}
"""Height of all letters, in drawings with the names of links and chips and in small ones."""
_STEP = 135.0  # from box to box of one side
_LANE = 1.375  # of these at least for each of more than two sides
_GAP = 50.0  # between their boxes
_PAD = 8.0  # between the edge of a box and what is written in it
_ZONE = 4.0  # between names of chips and the title
_MOST_WORDS = 3  # lines of a title
_BETWEEN = "\x7f"  # no name has it


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
    height: float = 1.0
    ends: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: {"top": [], "bottom": []})
    words: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    notes: int = 1  # lines kept free for notes
    held: int = 0  # lines kept free for roles that a named holder here may have
    figure: bool = False  # a line kept free for the load of what has a capacity

    @property
    def lines(self) -> int:
        """Count lines in its middle."""
        return len(self.words) + len(self.sets) + self.held + self.notes + self.figure

    chips: dict[str, list[str]] = field(default_factory=dict)  # their names in lines

    def rows(self, edge: str) -> int:
        """Count lines that names of chips take at an edge."""
        return max((len(self.chips.get(key, ())) for _, key in self.ends[edge]), default=0)


@dataclass(frozen=True)
class Line:
    """A link between two boxes, each end on the box or on a chip of it."""

    id: str
    kind: str
    ends: tuple[str, str]
    boxes: tuple[str, str]


def port(box: Box, line: Line) -> str:
    """Key of the end of a link on a box itself."""
    return f"{box.id}{_BETWEEN}{line.id}"


def is_chip(key: str) -> bool:
    """Whether what stands at the edge of a box is a part, and no bare end of a link."""
    return _BETWEEN not in key


class Layout:
    """Where everything lies."""

    def __init__(self, site: Site, *, names: bool = True) -> None:
        self.site, self.names, self.size = site, names, SIZES[names]
        self.row = LINE * self.size
        self._crossed = crossing(site)
        self.others = site.client_count - 1
        self.boxes: dict[str, Box] = {}
        self.lines: list[Line] = []
        self.chips: dict[str, tuple[float, float]] = {}
        self._ports: dict[str, tuple[float, str]] = {}
        self._stand()
        self._wire()
        self._tiers()
        self._across()
        self._end()
        self._write()
        self.stack({})

    @property
    def marks(self) -> dict[str, None]:
        """Parts that have a mark of their own."""
        named = [*self.boxes, *(line.id for line in self.lines), *(key for key in self.chips if is_chip(key))]
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
                    if key not in site.parts_of(group):
                        continue
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
        """Distance from the clients, in boxes; what belongs to no side stands below what is as far and does.

        What no link reaches stands below all that, in the order in which it needs and is needed.
        """
        import networkx as nx

        graph = nx.Graph(line.boxes for line in self.lines)
        graph.add_nodes_from(self.boxes)
        starts = {name for name in ("client_1", "clients") if name in self.boxes}
        inside = {self.home(part.within) for part in self.site.client_parts.values() if part.within}
        graph.add_edges_from((start, box) for start in starts for box in inside & self.boxes.keys())
        reached: dict[str, float] = nx.multi_source_dijkstra_path_length(graph, starts)
        last = max(reached.values())
        linked = {*reached}
        for name, part in self.site.components.items():
            for need in (self.home(each) for needed in part.needs for each in names_in(needed)):
                if {self.home(name), need} <= self.boxes.keys() and not {self.home(name), need} <= linked:
                    graph.add_edge(self.home(name), need)
        for name, steps in nx.multi_source_dijkstra_path_length(graph, linked).items():
            reached.setdefault(name, last + steps)
        ranks = {name: (reached.get(name, last), box.side is None) for name, box in self.boxes.items()}
        places = {rank: place for place, rank in enumerate(sorted(set(ranks.values())))}
        for name, box in self.boxes.items():
            box.tier = places[ranks[name]]
        self.tiers = len(places)

    def tier(self, number: int) -> list[Box]:
        """Boxes of a tier."""
        return [box for box in self.boxes.values() if box.tier == number]

    def _across(self) -> None:
        """Where boxes stand from left to right, and how wide they are."""
        sides = self.site.sides
        count, two = len(sides), len(sides) > 1
        rows = [
            [box for box in self.tier(tier) if box.side == side]
            for tier in range(self.tiers)
            for side in (*sides, None)
        ]
        busiest = max((len(row) for row in rows if row and row[0].side is not None), default=0)
        if count > 2:
            self.width = count * max(_LANE, busiest) * _STEP
        else:
            self.width = max(4.0, 2 * busiest) * _STEP if two else max(400.0, busiest * 1.5 * _STEP)
        for row in rows:
            if not row:
                continue
            side = row[0].side
            left = self.width / count * sides.index(side) if two and side is not None else 0.0
            step = self.width / len(row) / (count if two and side is not None else 1)
            gap = 100 if count <= 2 else _GAP
            for index, box in enumerate(row):
                box.x = left + step * (index + 0.5)
                wide_row = side is None or not two
                box.width = (
                    step - 8 if len(row) > 1 and not wide_row else min(step - 30 if wide_row else step - gap, 230.0)
                )
                if side is None and box.tier > 0 and len(row) == 1:
                    box.width = 0.72 * self.width

    def _end(self) -> None:
        """Give chips and link ends their edges, ordered by where the other end lies, each as wide as it needs."""
        owners: set[str] = set()
        self.rounds: list[Line] = []
        for line in self.lines:
            a, b = (self.boxes[name] for name in line.boxes)
            level = a.tier == b.tier
            if a is b or (level and not self._between(a, b)):
                continue
            if level:
                self.rounds.append(line)
            for box, other, end in ((a, b, line.ends[0]), (b, a, line.ends[1])):
                edge = "bottom" if level or other.tier > box.tier else "top"
                key = end if end != box.id and not level else port(box, line)
                owners.add(key)
                if all(name != key for _, name in box.ends[edge]):
                    box.ends[edge].append((other.x, key))
        ends = {end for line in self.lines for end in line.ends}
        for name, part in self.site.components.items():
            # parts of a box that links end on, but whose links stay inside the tier, still show as chips
            if part.between is None and part.within in self.boxes and name in ends - owners:
                self.boxes[part.within].ends["top"].append((0.0, name))
        for box in self.boxes.values():
            for edge, entries in box.ends.items():
                entries.sort()
                self._spread(box, edge, [key for _, key in entries])

    def _spread(self, box: Box, edge: str, keys: list[str]) -> None:
        """Share an edge out: to each what its name needs at least, and the rest evenly."""
        named = self.names and any(is_chip(key) for key in keys)
        said = {key: spoken(key) for key in keys}
        longest = {key: max(wide(word, self.size) for word in text.split()) for key, text in said.items()}
        if named:
            needs = [longest[key] + 5 if is_chip(key) else 6.0 for key in keys]
        else:
            needs = [70.0 if is_chip(key) else 20.0 for key in keys]  # loads stand above chips
        spare = box.width - 6 - sum(needs)
        shares = (
            [need + spare / len(keys) for need in needs]
            if spare > 0
            else [n * (box.width - 6) / sum(needs) for n in needs]
        )
        left = box.x - box.width / 2 + 3
        for key, share in zip(keys, shares, strict=True):
            self._ports[key] = (left + share / 2, edge)
            left += share
            if is_chip(key) and self.names:
                box.chips[key] = wrapped(said[key], share - 3, self.size, 3)

    def _write(self) -> None:
        """Break what is written in boxes, and keep room for notes."""
        for box in self.boxes.values():
            room = box.width - 6
            box.words = wrapped(box.title, room, self.size, _MOST_WORDS, bold=True)
            sets = [entry.title for entry in self.site.raid_sets.values() if entry.within == box.id]
            if sets and self.names:
                box.sets = wrapped(", ".join(sets), room, self.size, 2)
            holds = any(part.within == box.id for part in self.site.components.values())
            box.notes = 2 if holds and room < 200 else 1
            roles = self.site.roles
            box.held = sum(any(h.name and h.on == box.id for h in role.holders) for role in roles.values())
            part = self.site.components.get(box.id)
            box.figure = part is not None and part.capacity_mb_s is not None

    def stack(self, more: Mapping[int, float]) -> None:
        """Say how high boxes are and where all lies from top to bottom; `more` is lines of room below a tier."""
        y = 6.0
        for number in range(self.tiers):
            here = self.tier(number)
            high = max(max(self.written(box) for box in here), self.twin_row * self._most_twins(here) + 8)
            for box in here:
                box.height, box.y = high, y + high / 2
            y += high
            rounds = sum(self.boxes[line.boxes[0]].tier == number for line in self.rounds)
            y += self.round_row * rounds + 10 * (rounds > 0)
            y += 26 + self.row * (2.5 + more.get(number, 0.0)) if number < self.tiers - 1 else 4
        self.height = y
        owners = {key: box for box in self.boxes.values() for entries in box.ends.values() for _, key in entries}
        for key, (x, edge) in self._ports.items():
            box = owners[key]
            self.chips[key] = (x, box.y + box.height * (0.5 if edge == "bottom" else -0.5))

    def written(self, box: Box) -> float:
        """How high a box must be for what is written in it."""
        zones = [box.rows("top"), box.lines, box.rows("bottom")]
        chips = any(is_chip(key) for entries in box.ends.values() for _, key in entries)
        return 2 * _PAD + 6 * chips + self.row * sum(zones) + _ZONE * (sum(map(bool, zones)) - 1)

    def _most_twins(self, boxes: list[Box]) -> int:
        return max((len(self.twins(line)) for line in self.lines if self.boxes[line.boxes[0]] in boxes), default=0)

    @property
    def carrying(self) -> set[str]:
        """Marks that load can be on: those on a path of traffic with a demand."""
        return self._marks_of(
            name
            for traffic in self.site.traffic.values()
            if traffic.demand_mb_s > 0
            for path in traffic.paths
            for stage in path.via
            for name in names_in(stage)
        ) | {name for name, part in self.site.components.items() if part.carries}

    def units_beside(self, part: str) -> str:
        """Units that stand beside the load of a mark: of those that cross it all but that of the drawing."""
        site, main = self.site, self.site.load_units[0]
        if len(site.load_units) == 1:
            return ""
        own = {name: key for key in site.client_parts for name in (f"clients_{key}", site.client_part_id(1, key))}
        found = self._crossed.get(own.get(part, part), {})
        texts = ["" if unit == main else f" {unit}" for unit in found]
        return texts[0] + "".join(f", 118.8{text}" for text in texts[1:]) if texts else ""

    @property
    def both(self) -> set[str]:
        """Marks that traffic of both sides may cross."""
        site, by = self.site, dict[str, set[str]]()
        for path in site.traffic[site.principal].paths:
            for name in self._marks_of(name for stage in path.via for name in names_in(stage)):
                by.setdefault(name, set()).add(path.carried_by)
        return {name for name, sides in by.items() if len(sides) > 1}

    @property
    def shared(self) -> dict[str, str]:
        """Links from tier to tier with a part of the principal demand, or one copy; the longest that is said there."""
        site = self.site
        traffic = site.traffic[site.principal]
        found: set[str] = set()
        for path in traffic.paths:
            beside = [other for other in traffic.paths if other.group == path.group]
            several = traffic.share != "first" and len(beside) > 1
            for stage in path.via:
                if several or (isinstance(stage, AtLeast) and len(stage.of) > 1):
                    found.update(names_in(stage))
        longest = "2 copies" if traffic.share == "all" else "33.3 %"
        apart = {x.id for x in self.lines if self.boxes[x.boxes[0]].tier != self.boxes[x.boxes[1]].tier}
        own = {f"clients_{key}" for key in site.client_parts}
        return dict.fromkeys((self._marks_of(found) & apart) - own, longest)

    def _marks_of(self, names: Iterable[str]) -> set[str]:
        """Marks of what paths name: subscriptions looked up, and client parts in both boxes."""
        site, found = self.site, set(names)
        every = [name for name in found if name.startswith("@")]
        found.update(group.subscriptions.get(name[1:], name) for name in every for group in site.groups)
        own = found & set(site.client_parts)
        return found | {site.client_part_id(1, key) for key in own} | {f"clients_{key}" for key in own}

    @property
    def round_row(self) -> float:
        """Distance of links that go round below a tier."""
        return 1.35 * self.row

    @property
    def twin_row(self) -> float:
        """Distance of links side by side in a tier: their names and loads stand between."""
        return 1.3 * self.size

    def _between(self, a: Box, b: Box) -> bool:
        low, high = sorted((a.x, b.x))
        return any(box.tier == a.tier and low < box.x < high for box in self.boxes.values())

    def twins(self, line: Line) -> list[str]:
        """Links of a tier between the same two boxes, side by side; none for others."""
        a, b = (self.boxes[name] for name in line.boxes)
        if a is b or a.tier != b.tier or line in self.rounds:
            return []
        return [item.id for item in self.lines if set(item.boxes) == set(line.boxes)]

    def points(self, line: Line) -> list[tuple[float, float]]:
        """The course of a line on the paper, from end to end."""
        a, b = (self.boxes[name] for name in line.boxes)
        if line in self.rounds:
            # something stands between: go round below
            beside = [item for item in self.rounds if self.boxes[item.boxes[0]].tier == a.tier]
            sag = a.y + a.height / 2 + 10 + self.round_row * (beside.index(line) + 1)
            (x1, y1), (x2, y2) = (self.chips[port(box, line)] for box in (a, b))
            return [(x1, y1), (x1, sag), (x2, sag), (x2, y2)]
        twins = self.twins(line)
        points = []
        for box, other, end in ((a, b, line.ends[0]), (b, a, line.ends[1])):
            key = end if end != box.id else port(box, line)
            if twins:
                y = box.y + self.twin_row * (twins.index(line.id) - (len(twins) - 1) / 2) + self.twin_row / 4
                points.append((box.x + (box.width / 2 if other.x > box.x else -box.width / 2), y))
            else:
                points.append(self.chips.get(key, (box.x, box.y)))
        return points
