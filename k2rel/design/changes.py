"""Changes of a design that the site itself suggests, one by one and together.

A change is data: what is done to which part. `changed` makes the design with several of them, always in the same
order, whatever order they are named in: the level, the number of clients, times of repair, tests, a second part, and
last the way back into service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from k2rel.arguments import as_names
from k2rel.bundled import level_names
from k2rel.errors import InputError, closest
from k2rel.exact.engine import unavailability
from k2rel.measures.availability import service_named
from k2rel.organisation import Organisation
from k2rel.policy import Policy
from k2rel.rates import Law, changed_laws, duplicated, site_laws
from k2rel.site.model import Component, Site
from k2rel.studies import Study, study
from k2rel.units import MINUTES_PER_YEAR

__all__ = [
    "KINDS",
    "TEST_H",
    "Change",
    "Design",
    "at_level",
    "changed",
    "go_together",
    "minutes_of",
    "parts_not_alone",
    "with_clients",
    "with_second",
]

KINDS = ("level", "clients", "contract", "stock", "test", "duplicate", "return")
"""Kinds of change, in the order in which they are made."""

TEST_H = 168.0
"""Interval of a weekly test [h]."""
_RETURN_H = 1.0 / 60.0


@dataclass(frozen=True, eq=False)
class Design:
    """A study, and who puts roles and servers back."""

    study: Study
    organisation: Organisation | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a design."""

    title: str
    kind: str
    what: str
    units: int = 1


def minutes_of(design: Design, service: str) -> float:
    """Compute the downtime of a service by the engine that the design asks for.

    Examples
    --------
    >>> round(minutes_of(Design(study("L2R")), "media"), 2)
    4.01
    """
    one, organisation = design.study, design.organisation
    found = service_named(one, service)
    if organisation is None:
        return unavailability(one, found) * MINUTES_PER_YEAR
    from k2rel.markov.engine import solved
    from k2rel.services.diagrams import services_of

    dynamics = solved(one, organisation)
    (same,) = (item for item in services_of(dynamics.policy) if item.name == service)
    return dynamics.unavailability(same) * MINUTES_PER_YEAR


def with_second(one: Study, parts: Sequence[str] | str) -> Study:
    """Put a second part beside each of some, alike and repaired by itself; one of the two is enough.

    Parameters
    ----------
    one : Study
        The study.
    parts : sequence of str or str
        Shared components, or parts that each client has, by their name in the file.

    Returns
    -------
    Study
        The changed study: the law of each part is that of the pair (`duplicated`).

    Raises
    ------
    InputError
        If the site has no such part, or it is a drive of a RAID set or in a group of common causes.

    Examples
    --------
    >>> before = study("L2")
    >>> with_second(before, ["switch_A"]).law("switch_A").unavailability < 1e-8
    True
    """
    site = one.site
    alone = parts_not_alone(site)
    parts = as_names("parts", parts)
    for part in parts:
        if part in alone:
            raise InputError(
                f"'{part}': a drive of a RAID set or a part with common causes cannot be doubled by itself"
            )
        if part not in one.laws.client and part not in one.laws.shared:
            known = [*one.laws.shared, *one.laws.client]
            raise InputError(f"{site.name} has no part '{str(part)[:60]}'{closest(str(part), known)}")
    wanted = set(parts)
    laws = changed_laws(site, one.laws, lambda name, part, law: duplicated(law) if name in wanted else law)
    return replace(one, laws=laws)


def parts_not_alone(site: Site) -> set[str]:
    """List the parts whose law is not theirs alone: drives of RAID sets, members of common causes.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> "switch_A" in parts_not_alone(read_site("L2R"))
    False
    """
    drives = {drive for entry in site.raid_sets.values() for drive in (*entry.drives, *entry.spares)}
    return drives | {member for group in site.common_cause for member in group.members}


def at_level(one: Study, level: str) -> Study:
    """Give another level with the same clients, contract and rates.

    Examples
    --------
    >>> at_level(study("L2", clients=9), "L2R").site.client_count
    9
    """
    return study(level, clients=one.site.client_count, repair=one.laws.contract, rates=one.rates)


def with_clients(one: Study, clients: int) -> Study:
    """Read the same site with another number of clients.

    Examples
    --------
    >>> with_clients(study("L2"), 9).site.client_count
    9
    """
    site = one.site
    fresh = study(
        site.file if site.name not in level_names() else site.name,
        clients=clients, repair=one.laws.contract, rates=one.rates, settings=dict(site.changed), variant=site.variant,
        primary=one.policy.home, common_cause="none",
    )  # fmt: skip
    if site.common_cause:
        again = replace(fresh.site, common_cause=site.common_cause)
        return replace(fresh, site=again, policy=Policy(again, one.policy.home))
    return fresh


def go_together(changes: Sequence[Change]) -> bool:
    """Say whether changes can be made together.

    Examples
    --------
    >>> first, second = Change("", "level", "L2"), Change("", "level", "L3")
    >>> go_together([first, second])
    False
    """
    keys = [(change.kind, change.what) for change in changes]
    single = [change.kind for change in changes if change.kind in ("level", "contract", "clients", "return")]
    if len(set(keys)) < len(keys) or len(set(single)) < len(single):
        return False
    return not (("contract", "onsite") in keys and "stock" in {kind for kind, _ in keys})


def changed(design: Design, changes: Sequence[Change]) -> Design:
    """Make a design with changes.

    Examples
    --------
    >>> second = Change("a second chassis", "duplicate", "raid_chassis")
    >>> minutes_of(changed(Design(study("L2R")), [second]), "media") < 0.1
    True
    """
    if not go_together(changes):
        raise InputError("these changes exclude each other: " + "; ".join(change.title for change in changes))
    one, organisation = design.study, design.organisation
    for change in sorted(changes, key=lambda item: KINDS.index(item.kind)):
        if change.kind == "level":
            one = at_level(one, change.what)
        elif change.kind == "clients":
            one = with_clients(one, int(change.what))
        elif change.kind == "contract":
            one = _repaired(one, change.what, None)
        elif change.kind == "stock":
            one = _repaired(one, "onsite", change.what)
        elif change.kind == "test":
            one = _tested(one, change.what)
        elif change.kind == "duplicate":
            one = with_second(one, [change.what])
        elif organisation is not None:
            organisation = replace(organisation, return_to_service_h=_RETURN_H)
    return Design(one, organisation)


def _of_type(one: Study, kind: str) -> None:
    if all(part.type != kind for part in (*one.site.components.values(), *one.site.client_parts.values())):
        raise InputError(f"{one.site.name} has no part of type '{kind}'")


def _repaired(one: Study, contract: str, kind: str | None) -> Study:
    """Times of repair as under a contract, for one type or for all; none becomes longer."""
    if kind is not None:
        _of_type(one, kind)
    best = site_laws(one.site, contract, one.rates)

    def faster(name: str, part: Component, law: Law) -> Law:
        if kind is not None and part.type != kind:
            return law
        other = best.shared.get(name) or best.client[name]
        return replace(law, mttr_h=min(law.mttr_h, other.mttr_h))

    laws = changed_laws(one.site, one.laws, faster)
    return replace(one, laws=replace(laws, contract=best.contract) if kind is None else laws)


def _tested(one: Study, kind: str) -> Study:
    """Hidden failures of a type found in a weekly test."""
    _of_type(one, kind)

    def tested(name: str, part: Component, law: Law) -> Law:
        return replace(law, test_interval_h=min(law.test_interval_h, TEST_H)) if part.type == kind else law

    return replace(one, laws=changed_laws(one.site, one.laws, tested))
