"""What each part of a drawing looks like under a failover outcome, in words that the style sheet turns into colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from k2rel.plots.layout import Layout
from k2rel.policy.failover import FailoverOutcome, at_words
from k2rel.policy.reasons import holder_label
from k2rel.site.model import Site

__all__ = ["Look", "looks"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a part looks like under an outcome."""

    way: str = ""  # number of the side whose route it is on; of two "both" or, of more, "0 2"; "several"; or empty
    further: bool = False  # on the path of a further traffic class of client 1, or of any client of several wirings
    failed: bool = False
    out: bool = False  # of service, suspended, or down for want of another part
    over: bool = False  # loaded above its capacity by the foreground
    slowed: bool = False  # loaded above its capacity by all traffic alone, so that the background gets less
    full: bool = False  # loaded to its capacity, with nothing left
    load: str = ""  # written on it [MB/s]
    share: str = ""  # what part of a client's demand is on it, where that is not simply all of it
    held: str = ""  # roles of the named holders there
    note: str = ""

    @property
    def used_up(self) -> bool:
        """Whether what it carries and its capacity are to be seen."""
        return self.over or self.slowed or self.full

    def attributes(self) -> str:
        """Give the attributes of its group."""
        way = f" data-way='{self.way}'" if self.way else ""
        flags = {name: getattr(self, name) for name in ("further", "failed", "out", "over", "slowed", "full")}
        return way + "".join(f" data-{name}=''" for name, there in flags.items() if there)


HALF_UP = 1 + 1e-12

_PLAIN = Look()


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
        By part; the parts of clients 2 and further together as ``clients_PART``, or where clients are wired in several
        paths those of each box by the name of its first client's. A failed part without a mark of its own is named in
        the note of what it stands in, and what a named holder there has beside it.

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
    loaded = {each: traffic.demand_mb_s > 0 for each, traffic in site.traffic.items()}
    routes: dict[str, set[int]] = {}
    further: set[str] = set()
    said: dict[str, set[str]] = {}  # of each mark what it has of a client's demand
    without = dict.fromkeys((box.id for box in layout.client_boxes), 0)
    drawn_as: dict[str, str] = {}
    copied = site.traffic[name].share == "all"
    for client, state in zip(site.clients(), outcome.clients, strict=True):
        own = layout.drawn_as(client)
        shown = {site.client_part_id(client.number, key): mark for key, mark in own.items()}
        drawn_as |= shown
        used = state.routes.get(name, ())
        portions: dict[str, float] = {}
        for route in used:
            for part in (state.client, *route.parts, *(route.crosses if loaded[name] else ())):
                routes.setdefault(shown.get(part, part), set()).add(site.sides.index(route.side))
            for part, on in route.crosses.items():
                portions[part] = portions.get(part, 0.0) + on
        without[own["client"]] += not used and name in state.routes
        if layout.several or client.number == 1:
            for part, on in portions.items():
                said.setdefault(shown.get(part, part), set()).add(share_words(on, copied=copied and len(used) > 1))
            others = [(loaded[o], route) for o, taken in state.routes.items() if o != name for route in taken]
            beside = (part for loads, route in others for part in (*route.parts, *(route.crosses if loads else ())))
            further.update(shown.get(part, part) for part in beside)
    carried: dict[str, dict[str, float]] = {}
    for part, by_unit in outcome.carried_by_unit.items():
        total = carried.setdefault(drawn_as.get(part, part), {})
        for unit, amount in by_unit.items():
            total[unit] = total.get(unit, 0.0) + amount
    over = {item.element for item in outcome.loads if item.short}
    slowed = {item.element for item in outcome.loads if item.overloaded} - over
    full = {item.element for item in outcome.loads if item.at_limit}
    notes: dict[str, list[str]] = {}
    for box in layout.client_boxes:
        if count := without[box.id]:
            notes[box.id] = [f"no {name}" if count == len(box.clients) else f"{count} without {name}"]
    marks = layout.marks.keys() - layout.crowds
    for part in outcome.out_of_service:
        notes.setdefault(layout.home(part), []).append("out of service")
    for part, causes in outcome.wanting.items():
        if layout.home(part) == part and part not in outcome.out_of_service:
            notes.setdefault(part, []).append(f"down, no {' and '.join(causes)}".replace("_", " "))
    for part in outcome.suspended:
        where = layout.where(part)
        notes.setdefault(where, []).append("suspended" if where == part else f"{part.replace('_', ' ')} suspended")
    for part in outcome.failed:
        if part not in marks:
            notes.setdefault(layout.where(part), []).append(part.replace("_", " "))
    held: dict[str, list[str]] = {}
    for role, holder in outcome.holders.items():
        if role in outcome.split:
            continue
        server = next(each.on for each in site.roles[role].holders if each.name == holder)
        if server is not None:
            held.setdefault(layout.home(server), []).append(f"{role.replace('_', ' ')} {at_words(holder)}")
    for role, both in outcome.split.items():
        for holder_on in (each.on for each in site.roles[role].holders if holder_label(each) in both):
            if holder_on is not None:
                notes.setdefault(layout.home(holder_on), []).append(f"{role.replace('_', ' ')} at both")
    result = {}
    for part in layout.marks:
        found = routes.get(part, set())
        result[part] = Look(
            way=way_words(found, len(site.sides)),
            further=part in further,
            failed=part in failed and part in marks,
            out=part in outcome.out_of_service or part in outcome.suspended or part in outcome.wanting,
            over=part in over,
            slowed=part in slowed,
            full=part in full,
            load=load_words(carried.get(part, {}), site.load_units[0]),
            share=next(iter(said[part])) if len(said.get(part, ())) == 1 else "",
            held=", ".join(held.get(part, ())),
            note=", ".join(notes.get(part, ())),
        )
    return result


def load_words(loads: Mapping[str, float], main: str) -> str:
    """Write loads, each with its unit where that is not the main one; a half is rounded up, as in the page."""
    return ", ".join(
        f"{float(f'{load * HALF_UP:.4g}'):.15g}{'' if unit == main else f' {unit}'}"
        for unit, load in loads.items()
        if load > 0
    )


def way_words(found: set[int], sides: int) -> str:
    """Say for the style sheet by which sides, of so many, a part is on a route."""
    if len(found) < 2:
        return "".join(map(str, found))
    if sides == 2:
        return "both"
    return " ".join(map(str, sorted(found))) if len(found) == 2 else "several"


def share_words(on: float, *, copied: bool) -> str:
    """Say what part of a demand is somewhere: nothing to say where it is all of it, unless that is one copy of more."""
    if 0 < on < 1 - 1e-9:
        return f"{100 * on:.3g} %"
    if on > 1 + 1e-9:
        return f"{on:.3g} copies"
    return "copy" if copied and on > 0 else ""
