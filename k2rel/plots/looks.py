"""What each part of a drawing looks like under a failover outcome, in words that the style sheet turns into colours."""

from __future__ import annotations

from dataclasses import dataclass

from k2rel.plots.layout import Layout
from k2rel.policy.failover import FailoverOutcome
from k2rel.site.model import Site

__all__ = ["Look", "looks"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a part looks like under an outcome."""

    way: str = ""  # "0" or "1" by the side whose route it is on, "both", or empty
    further: bool = False  # on the path of a further traffic class of client 1
    failed: bool = False
    out: bool = False  # of service
    over: bool = False  # loaded above its capacity
    full: bool = False  # loaded to its capacity, with nothing left
    load: str = ""  # written on it [MB/s]
    note: str = ""

    def attributes(self) -> str:
        """Give the attributes of its group."""
        way = f" data-way='{self.way}'" if self.way else ""
        flags = {"further": self.further, "failed": self.failed, "out": self.out, "over": self.over, "full": self.full}
        return way + "".join(f" data-{name}=''" for name, there in flags.items() if there)


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
            full=part in full,
            load=f"{carried[part]:.4g}" if carried.get(part, 0.0) > 0 else "",
            note=", ".join(notes.get(part, ())),
        )
    return result
