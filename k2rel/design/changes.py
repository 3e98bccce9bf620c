"""Changes of a design that the site itself suggests, one by one and together.

A change is data: what is done to which part. `changed` makes the design with several of them, always in the same
order, whatever order they are named in: the level, the number of clients, times of repair, tests, a second part,
takeovers, and last the way back into service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from k2rel.arguments import as_names
from k2rel.design.takeovers import TAKEOVER_KINDS, with_takeovers
from k2rel.errors import InputError, closest
from k2rel.measures.availability import service_named
from k2rel.measures.solution import Solution, StudyLike, solution_of, study_of
from k2rel.organisation import Organisation
from k2rel.rates import Law, changed_laws, duplicated, site_laws
from k2rel.site.model import Component, Site
from k2rel.site.read import as_read
from k2rel.studies import Study, with_site
from k2rel.studies import study as read_study
from k2rel.tables import Shown
from k2rel.units import MINUTES_PER_YEAR

__all__ = [
    "KINDS",
    "TEST_H",
    "Change",
    "Design",
    "at_level",
    "changed",
    "design_of",
    "go_together",
    "minutes_of",
    "parts_not_alone",
    "with_clients",
    "with_second",
]

KINDS = ("level", "clients", "contract", "stock", "test", "duplicate", *TAKEOVER_KINDS, "return")
"""Kinds of change, in the order in which they are made."""

TEST_H = 168.0
"""Interval of a weekly test [h]."""
_RETURN_H = 1.0 / 60.0


@dataclass(frozen=True, eq=False, repr=False)
class Design(Shown):
    """A study, and how it is asked about; changed designs are asked about alike."""

    study: Study
    organisation: Organisation | None = None  # None: as the site needs
    method: str = "auto"

    @property
    def solution(self) -> Solution:
        """Who answers."""
        return solution_of(self.study, self.method, self.organisation)

    def within(self, tolerance: float) -> Design:
        """The same by chains of another tolerance, where there are chains."""
        return replace(self, organisation=replace(self.organisation or Organisation(), tolerance=tolerance))


@dataclass(frozen=True, slots=True, repr=False)
class Change(Shown):
    """A change of a design."""

    title: str
    kind: str  # one of `KINDS`
    what: str  # the level, the contract, the type, the part or the role; of clients their number; "all"
    units: int = 1  # how many parts it buys or serves

    def _line(self) -> str:
        return f"{self.kind}: {self.title}"


def minutes_of(design: Design, service: str) -> float:
    """Compute the downtime of a service: what `availability` of the design's study says.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> round(minutes_of(Design(study("L2R")), "media"), 2)
    35.67
    """
    engine = design.solution.engine
    return engine.unavailability(service_named(design.study, service, engine.policy)) * MINUTES_PER_YEAR


def design_of(study: StudyLike, organisation: Organisation | None = None, method: str = "auto") -> Design:
    """The design that is asked about, in the reading that every change of it is computed in.

    Examples
    --------
    >>> design_of("L2R").solution.takeovers
    'as modelled'
    """
    found = solution_of(study, method, organisation)
    if found.method == "simulation":
        raise found.cannot("the effect of changes, since many designs are compared", "exact or markov")
    return Design(found.study, found.asked, "auto" if found.chosen else found.method)


def with_second(study: StudyLike, parts: Sequence[str] | str) -> Study:
    """Put a second part beside each of some, alike and repaired by itself; one of the two is enough.

    Parameters
    ----------
    study : Study, str, Path or Answer
    parts : sequence of str or str
        Shared components, or parts that each client has, by their name in the file.

    Returns
    -------
    Study
        The changed study: the failure law of each part is that of the pair (`duplicated`).

    Raises
    ------
    InputError
        If the site has no such part, or it is a drive of a RAID set or in a group of common causes.

    Examples
    --------
    >>> f"{with_second('L2', ['switch_A']).law('switch_A').unavailability:.2e}"
    '6.63e-10'
    """
    study = study_of(study)
    site = study.site
    alone = parts_not_alone(site)
    parts = as_names("parts", parts)
    for part in parts:
        if part in alone:
            raise InputError(
                f"'{part}': a drive of a RAID set or a part with common causes cannot be doubled by itself"
            )
        if part not in study.laws.client and part not in study.laws.shared:
            known = [*study.laws.shared, *study.laws.client]
            raise InputError(f"{site.name} has no part '{str(part)[:60]}'{closest(str(part), known)}")
    wanted = set(parts)
    laws = changed_laws(site, study.laws, lambda name, part, law: duplicated(law) if name in wanted else law)
    return replace(study, laws=laws)


def parts_not_alone(site: Site) -> frozenset[str]:
    """List the parts whose law is not theirs alone: drives of RAID sets, members of common causes.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> sorted(parts_not_alone(read_site("L2R")))[:2]
    ['journal_raid_drive_1', 'journal_raid_drive_2']
    """
    return site.drives | {member for group in site.common_cause for member in group.members}


def at_level(study: Study, level: str) -> Study:
    """Give another level with the same clients, contract and rates.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> at_level(study("L2", clients=9), "L2R").site.client_count
    9
    """
    return _level_with(level, study.site.client_count, study.laws.contract, study.rates, study.site.data)


@lru_cache(maxsize=8)
def _level_with(level: str, clients: int, repair: str, rates: str | None, data: str) -> Study:
    """Kept: many sets of changes contain it, and its rules are compiled once."""
    return read_study(level, clients=clients, repair=repair, rates=rates, data=data)


@lru_cache(maxsize=8)
def with_clients(study: Study, clients: int) -> Study:
    """Read the same site with another number of clients.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> with_clients(study("L2"), 9).site.client_count
    9
    """
    site = study.site
    fresh = read_study(
        as_read(site, clients=clients),
        repair=study.laws.contract,
        rates=study.rates,
        primary=study.policy.primary,
        common_cause="none",
    )
    return with_site(fresh, replace(fresh.site, common_cause=site.common_cause)) if site.common_cause else fresh


def go_together(changes: Sequence[Change]) -> bool:
    """Say whether changes can be made together: one of a kind of which there is one, nothing twice or covered twice.

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
    >>> from k2rel.studies import study
    >>> second = Change("a second chassis", "duplicate", "raid_chassis")
    >>> round(minutes_of(changed(Design(study("L2R")), [second]), "media"), 2)
    31.72
    """
    if not go_together(changes):
        raise InputError("these changes exclude each other: " + "; ".join(change.title for change in changes))
    study, organisation = design.study, design.organisation
    for change in sorted(changes, key=lambda item: KINDS.index(item.kind)):
        if change.kind == "level":
            study = at_level(study, change.what)
        elif change.kind == "clients":
            study = with_clients(study, int(change.what))
        elif change.kind == "contract":
            study = _repaired(study, change.what, None)
        elif change.kind == "stock":
            study = _repaired(study, "onsite", change.what)
        elif change.kind == "test":
            study = _tested(study, change.what)
        elif change.kind == "duplicate":
            study = with_second(study, [change.what])
        elif change.kind in TAKEOVER_KINDS:
            study = with_takeovers(study, change.kind, change.what)
        else:
            who = organisation or Organisation()
            organisation = replace(who, return_to_service_h=min(who.return_to_service_h, _RETURN_H))
    return Design(study, organisation, design.method)


def _of_type(study: Study, kind: str) -> None:
    if all(part.type != kind for part in study.site.described.values()):
        raise InputError(f"{study.site.name} has no part of type '{kind}'")


def _repaired(study: Study, contract: str, kind: str | None) -> Study:
    """Times of repair as under a contract, for one type or for all; none becomes longer."""
    if kind is not None:
        _of_type(study, kind)
    under = site_laws(study.site, contract, study.rates)
    best = dict(under.used())

    def faster(name: str, part: Component, law: Law) -> Law:
        if kind is not None and part.type != kind:
            return law
        return replace(law, mttr_h=min(law.mttr_h, best[name].mttr_h))

    laws = changed_laws(study.site, study.laws, faster)
    return replace(study, laws=replace(laws, contract=under.contract) if kind is None else laws)


def _tested(study: Study, kind: str) -> Study:
    """Hidden failures of a type found in a weekly test."""
    _of_type(study, kind)

    def tested(name: str, part: Component, law: Law) -> Law:
        return replace(law, test_interval_h=min(law.test_interval_h, TEST_H)) if part.type == kind else law

    return replace(study, laws=changed_laws(study.site, study.laws, tested))
