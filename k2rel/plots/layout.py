"""Where everything lies in the drawing of a site: clients on top, storage below, the sides from left to right.

Boxes are what stands by itself; what sits in a box is a chip on its edge, with its name inside the box; links run from
edge to edge. Tiers are distances from the clients. The unit is a pixel of the drawing at its own size, and y grows
downwards. The paper is narrow and its letters are large, so that a phone shows both sides at once and they can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from k2rel.plots.client_boxes import are_several, client_boxes, wiring
from k2rel.plots.lettering import LINE, wide, wrapped
from k2rel.site.clients import Client
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
    count: str = ""  # how many clients it stands for, as the last line of its title
    told: str = ""  # what it is in words, where the title alone does not say it

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
    told: str  # what it is, in words


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
        self.client_boxes = client_boxes(site)
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

    @cached_property
    def several(self) -> bool:
        """Whether clients are drawn by their kinds and wirings, and not as client 1 and the rest."""
        return are_several(self.client_boxes)

    @cached_property
    def crowds(self) -> frozenset[str]:
        """Marks of clients that stand for several parts each."""
        return frozenset(name for box in self.client_boxes if not box.alone for name in (box.id, *box.marks.values()))

    @cached_property
    def box_of(self) -> Mapping[int, int]:
        """The box of each client, by its number, counted from the left."""
        return {number: place for place, box in enumerate(self.client_boxes) for number in box.clients}

    @cached_property
    def _drawn_as(self) -> dict[tuple[int, int], dict[str, str]]:
        return {}

    def drawn_as(self, client: Client) -> dict[str, str]:
        """The marks of a client's own parts that have one, by the names in the file; "client" is itself."""
        key = (self.box_of[client.number], client.group)
        if key not in self._drawn_as:
            box = self.client_boxes[key[0]]
            links = {link[0]: box.marks[link] for link in wiring(self.site, client.group)}
            self._drawn_as[key] = {"client": box.id, **links}
        return self._drawn_as[key]

    def where(self, part: str) -> str:
        """The box of a component or of a client's own part."""
        if part in self.site.components:
            return self.home(part)
        own = self.site.own_parts.get(part)
        return self.client_boxes[self.box_of[own[1]] if own else -1].id

    def home(self, name: str) -> str:
        """The box that a component stands in, in the end."""
        while name in self.site.components and self.site.components[name].within:
            name = self.site.components[name].within or name
        return name

    def _stand(self) -> None:
        for box in self.client_boxes:
            one, s = self.site.client_title, "s" if len(box.clients) > 1 else ""
            told = f"{box.title} ({one}{s} {box.numbers})" if box.count else ""
            self.boxes[box.id] = Box(box.id, box.title, None, count=box.count, told=told)
        for name, part in self.site.components.items():
            if part.between is None and part.within is None:
                self.boxes[name] = Box(name, part.title, part.side)

    def _wire(self) -> None:
        site = self.site
        for box in self.client_boxes:
            for (key, far), name in box.marks.items():
                told = f"{box.title}: {key} to {far}" if box.count else name
                self.lines.append(
                    Line(name, site.client_parts[key].type, (box.id, far), (box.id, self.home(far)), told)
                )
        for name, part in site.components.items():
            if part.between is not None:
                a, b = part.between
                self.lines.append(Line(name, part.type, (a, b), (self.home(a), self.home(b)), name))

    def _tiers(self) -> None:
        """Distance from the clients, in boxes; what belongs to no side stands below what is as far and does.

        What no link reaches stands below all that, in the order in which it needs and is needed.
        """
        import networkx as nx

        graph = nx.Graph(line.boxes for line in self.lines)
        graph.add_nodes_from(self.boxes)
        starts = {box.id for box in self.client_boxes}
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
        if self.several:
            self.width = max(self.width, _LANE * _STEP * len(self.client_boxes) - _GAP)
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
                if box.count:
                    box.width = min(step - 14, 230.0)
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
            box.words = wrapped(box.title, room, self.size, _MOST_WORDS, bold=True) + [box.count] * bool(box.count)
            sets = [entry.title for entry in self.site.raid_sets.values() if entry.within == box.id]
            if sets and self.names:
                box.sets = wrapped(", ".join(sets), room, self.size, 2)
            holds = any(part.within == box.id for part in self.site.components.values())
            part = self.site.components.get(box.id)
            needy = part is not None and bool(part.needs)
            box.notes = 2 if (holds and room < 200) or (needy and room < 150) else 1
            roles = self.site.roles
            box.held = sum(any(h.name and h.on == box.id for h in role.holders) for role in roles.values())
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
        found = self._crossed.get(self._own.get(part, part), {})
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
        others = set() if self.several else self.crowds
        return dict.fromkeys((self._marks_of(found) & apart) - others, longest)

    def _marks_of(self, names: Iterable[str]) -> set[str]:
        """Marks of what paths name: subscriptions looked up, and client parts in every box."""
        site, found = self.site, set(names)
        every = [name for name in found if name.startswith("@")]
        found.update(group.subscriptions.get(name[1:], name) for name in every for group in site.groups)
        return found | {mark for mark, key in self._own.items() if key in found}

    @cached_property
    def _own(self) -> dict[str, str]:
        """What the file calls the own part that each mark of clients stands for."""
        links = {mark: key for box in self.client_boxes for (key, _), mark in box.marks.items()}
        return links | {box.id: "client" for box in self.client_boxes}

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
