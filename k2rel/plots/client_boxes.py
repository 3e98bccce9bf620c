"""Which clients are one box of a drawing, and which link of it stands for which of their own parts.

Clients that are all wired alike are client 1 and the rest. Otherwise each kind, and each wiring of a kind, has a box,
whose marks go by the names of its first client's parts; of very many the last ones share a box, whose links still end
where each of its clients' do, so that no load is added up that falls on different links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from k2rel.site.model import Site
from k2rel.site.names import client_id, spoken

__all__: list[str] = []

MOST_BOXES = 6
"""Boxes of clients that are drawn beside each other at most."""

Wiring = tuple[tuple[str, str], ...]  # a client's own links by their name in the file, and where each ends


@dataclass(frozen=True, slots=True)
class ClientBox:
    """Clients that are drawn as one box."""

    id: str
    title: str
    count: str  # how many, as a line of its own; empty where the title says it
    clients: frozenset[int]
    marks: Mapping[tuple[str, str], str]  # link by its name in the file and where it ends

    @property
    def alone(self) -> bool:
        """Whether it is one client under its own name."""
        return len(self.clients) == 1 and self.id != "clients"

    @property
    def numbers(self) -> str:
        """The numbers of its clients, those in a row by the first and the last."""
        found: list[list[int]] = []
        for number in sorted(self.clients):
            if found and found[-1][1] == number - 1:
                found[-1][1] = number
            else:
                found.append([number, number])
        said = [str(a) if a == b else f"{a} to {b}" for a, b in found[:8]]
        return ", ".join(said) + (", ..." if len(found) > 8 else "")


def wiring(site: Site, group: int) -> Wiring:
    """List the own links of a group's clients with the shared end of each."""
    found = []
    for key in site.parts_of(group):
        ends = [site.subscribed(e[1:], group) if e.startswith("@") else e for e in site.client_parts[key].between or ()]
        far = [end for end in ends if end not in site.client_parts]
        found += [(key, far[0])] if len(far) == 1 else []
    return tuple(found)


def client_boxes(site: Site) -> tuple[ClientBox, ...]:
    """The boxes of all clients, from left to right."""
    alike: dict[tuple[str, Wiring], list[int]] = {}
    for group, entry in enumerate(site.groups):
        alike.setdefault((entry.kind, wiring(site, group)), []).append(group)
    if len(alike) == 1:
        return _first_and_rest(site, next(iter(alike))[1])
    classes = [(kind, wired, _clients(site, groups)) for (kind, wired), groups in alike.items()]
    shown = classes if len(classes) <= MOST_BOXES else classes[: MOST_BOXES - 1]
    boxes = [
        ClientBox(
            client_id(min(clients)), _title(site, kind, wired, [w for k, w, _ in classes if k == kind]),
            _count(site, len(clients)), clients, _marks(site, [(wired, clients)]),
        )
        for kind, wired, clients in shown
    ]  # fmt: skip
    if rest := classes[len(shown) :]:
        every = frozenset().union(*(clients for *_, clients in rest))
        kinds = len({kind for kind, *_ in rest})
        title = f"{len(rest)} more wirings" if kinds == 1 else f"{kinds} more kinds"
        marks = _marks(site, [(wired, clients) for _, wired, clients in rest])
        boxes.append(ClientBox(client_id(min(every)), title, _count(site, len(every)), every, marks))
    return tuple(boxes)


def are_several(boxes: Sequence[ClientBox]) -> bool:
    """Whether they are kinds and wirings, and not client 1 and the rest."""
    return any(box.count for box in boxes)


def _first_and_rest(site: Site, wired: Wiring) -> tuple[ClientBox, ...]:
    one, others = site.client_title, site.client_count - 1
    marks = {link: site.client_part_id(1, link[0]) for link in wired}
    boxes = [ClientBox(client_id(1), f"{one} 1", "", frozenset([1]), marks)]
    if others:
        title = f"{one} 2" if others == 1 else f"{one}s 2 to {others + 1}"
        rest = {link: f"clients_{link[0]}" for link in wired}
        boxes.append(ClientBox("clients", title, "", frozenset(range(2, others + 2)), rest))
    return tuple(boxes)


def _clients(site: Site, groups: list[int]) -> frozenset[int]:
    return frozenset(number for group in groups for number in site.groups[group].clients)


def _marks(site: Site, every: list[tuple[Wiring, frozenset[int]]]) -> dict[tuple[str, str], str]:
    """Each link under the name that it has at the first client that has it."""
    first: dict[tuple[str, str], int] = {}
    for wired, clients in every:
        for link in wired:
            first[link] = min(first.get(link, min(clients)), min(clients))
    return {link: site.client_part_id(number, link[0]) for link, number in first.items()}


def _title(site: Site, kind: str, wired: Wiring, beside: list[Wiring]) -> str:
    """The title of a kind; where its clients are wired in several ways, with what these ones have and not all."""
    common = set.intersection(*({far for _, far in other} for other in beside))
    own = ", ".join(dict.fromkeys(spoken(far) for _, far in wired if far not in common)) if len(beside) > 1 else ""
    title = next((entry.title for entry in site.kinds if entry.id == kind), f"{site.client_title}s")
    return f"{title} at {own}" if own else title


def _count(site: Site, count: int) -> str:
    return f"{count:,} {site.client_title}{'s' if count > 1 else ''}"
