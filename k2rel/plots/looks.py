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
    further: bool = False  # on the path of a further traffic class of client 1
    failed: bool = False
    out: bool = False  # of service, or suspended
    over: bool = False  # loaded above its capacity by the foreground
    slowed: bool = False  # loaded above its capacity by all traffic alone, so that the background gets less
    full: bool = False  # loaded to its capacity, with nothing left
    load: str = ""  # written on it [MB/s]
    share: str = ""  # what part of client 1's demand is on it, where that is not simply all of it
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
        By part; the parts of clients 2 and further together as ``clients_PART``. A failed part without a mark of its
        own is named in the note of what it stands in, and what a named holder there has beside it.

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
    portions: dict[str, float] = {}
    without = {"client_1": 0, "clients": 0}
    drawn_as: dict[str, str] = {}
    for index, state in enumerate(outcome.clients):
        shown = {}
        for key in site.client_parts:
            own = site.client_part_id(index + 1, key)
            shown[own] = own if index == 0 else f"clients_{key}"
        shown[state.client] = "client_1" if index == 0 else "clients"
        drawn_as |= shown
        used = state.routes.get(name, ())
        for route in used:
            for part in (state.client, *route.parts, *(route.crosses if loaded[name] else ())):
                routes.setdefault(shown.get(part, part), set()).add(site.sides.index(route.side))
            if index == 0:
                for part, on in route.crosses.items():
                    portions[part] = portions.get(part, 0.0) + on
        without[shown[state.client]] += not used and name in state.routes
        if index == 0:
            others = [(loaded[o], route) for o, taken in state.routes.items() if o != name for route in taken]
            further = {part for loads, route in others for part in (*route.parts, *(route.crosses if loads else ()))}
    first = outcome.clients[0].routes.get(name, ()) if outcome.clients else ()
    copied = site.traffic[name].share == "all" and len(first) > 1
    carried: dict[str, dict[str, float]] = {}
    for part, by_unit in outcome.carried_by_unit.items():
        total = carried.setdefault(drawn_as.get(part, part), {})
        for unit, amount in by_unit.items():
            total[unit] = total.get(unit, 0.0) + amount
    over = {item.element for item in outcome.loads if item.short}
    slowed = {item.element for item in outcome.loads if item.overloaded} - over
    full = {item.element for item in outcome.loads if item.at_limit}
    notes: dict[str, list[str]] = {}
    for who, count in without.items():
        if count:
            notes[who] = [
                f"no {name}" if who == "client_1" or count == site.client_count - 1 else f"{count} without {name}"
            ]
    homes, marks = layout.homes, layout.marks
    for part in outcome.out_of_service:
        notes.setdefault(homes[part], []).append("out of service")
    for part in outcome.suspended:
        box = homes.get(part, layout.rest)
        notes.setdefault(box, []).append("suspended" if box == part else f"{part.replace('_', ' ')} suspended")
    for part in outcome.failed:
        if part not in marks:
            notes.setdefault(homes.get(part, layout.rest), []).append(part.replace("_", " "))
    held: dict[str, list[str]] = {}
    for role, holder in outcome.holders.items():
        if role in outcome.split:
            continue
        where = next(each.on for each in site.roles[role].holders if each.name == holder)
        if where is not None:
            held.setdefault(homes[where], []).append(f"{role.replace('_', ' ')} {at_words(holder)}")
    for role, both in outcome.split.items():
        for holder_on in (each.on for each in site.roles[role].holders if holder_label(each) in both):
            if holder_on is not None:
                notes.setdefault(homes[holder_on], []).append(f"{role.replace('_', ' ')} at both")
    result = {}
    for part in marks:
        found = routes.get(part, set())
        result[part] = Look(
            way=way_words(found, len(site.sides)),
            further=part in further,
            failed=part in failed,
            out=part in outcome.out_of_service or part in outcome.suspended,
            over=part in over,
            slowed=part in slowed,
            full=part in full,
            load=load_words(carried.get(part, {}), site.load_units[0]),
            share=share_words(portions.get(part, 0.0), copied=copied),
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
