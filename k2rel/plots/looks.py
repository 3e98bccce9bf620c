"""What each part of a drawing looks like under a failover outcome, in words that the style sheet turns into colours."""

from __future__ import annotations

from dataclasses import dataclass

from k2rel.plots.layout import Layout
from k2rel.policy.failover import FailoverOutcome, at_words
from k2rel.policy.reasons import holder_label
from k2rel.site.model import Site

__all__ = ["Look", "looks"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a part looks like under an outcome."""

    way: str = ""  # "0" or "1" by the side whose route it is on, "both", or empty
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
    routes: dict[str, set[str]] = {}
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
                routes.setdefault(shown.get(part, part), set()).add(str(site.sides.index(route.side)))
            if index == 0:
                for part, on in route.crosses.items():
                    portions[part] = portions.get(part, 0.0) + on
        without[shown[state.client]] += not used and name in state.routes
        if index == 0:
            others = [(loaded[o], route) for o, taken in state.routes.items() if o != name for route in taken]
            further = {part for loads, route in others for part in (*route.parts, *(route.crosses if loads else ()))}
    first = outcome.clients[0].routes.get(name, ()) if outcome.clients else ()
    copied = site.traffic[name].share == "all" and len(first) > 1
    carried: dict[str, float] = {}
    for part, load in outcome.carried.items():
        carried[drawn_as.get(part, part)] = carried.get(drawn_as.get(part, part), 0.0) + load
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
            way="both" if len(found) > 1 else next(iter(found), ""),
            further=part in further,
            failed=part in failed,
            out=part in outcome.out_of_service or part in outcome.suspended,
            over=part in over,
            slowed=part in slowed,
            full=part in full,
            # a half is rounded up, as in the page
            load=f"{carried[part] * HALF_UP:.4g}" if carried.get(part, 0.0) > 0 else "",
            share=share_words(portions.get(part, 0.0), copied=copied),
            held=", ".join(held.get(part, ())),
            note=", ".join(notes.get(part, ())),
        )
    return result


def share_words(on: float, *, copied: bool) -> str:
    """Say what part of a demand is somewhere: nothing to say where it is all of it, unless that is one copy of more."""
    if 0 < on < 1 - 1e-9:
        return f"{100 * on:.3g} %"
    if on > 1 + 1e-9:
        return f"{on:.3g} copies"
    return "copy" if copied and on > 0 else ""
