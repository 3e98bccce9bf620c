"""The failure and repair law of every part of a site.

What is said nearer to the part wins: a setting of the part by hand, then one of its type, then a table given by
``--rates``, then the component's own entry in the site file, then the file's entry for its type, then the table
that the site pinned, then the shipped registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from k2rel.distributions import from_limits
from k2rel.errors import InputError, Problem, closest
from k2rel.inputs import Input, Uses
from k2rel.rates.conditions import Conditions
from k2rel.rates.entry import CONTRACTS, Contract, RateRow
from k2rel.rates.failure_law import Law, duplicated
from k2rel.rates.raid_module import RaidModule
from k2rel.rates.table import RateTable, read_rates, registry
from k2rel.site.given import GivenLaw
from k2rel.site.model import Component, RaidSet, Site
from k2rel.tables import Shown

__all__ = ["SiteLaws", "changed_laws", "pinned_rows", "rate_input", "site_laws", "with_rate"]


@dataclass(frozen=True, repr=False)
class SiteLaws(Shown):
    """The law of every part of a site under one repair contract.

    Parameters
    ----------
    contract : {"onsite", "4h", "nbd"}
        The repair contract.
    shared : mapping of str to Law
        By component.
    client : mapping of str to Law
        By client part.
    raid : mapping of str to RaidModule
        By RAID set.
    inputs : mapping of str to Input
        Rates and repair times of the registry that have limits, so far as a law uses them.
    """

    contract: Contract
    shared: Mapping[str, Law]
    client: Mapping[str, Law]
    raid: Mapping[str, RaidModule]
    inputs: Mapping[str, Input] = field(default_factory=dict)

    def used(self) -> Iterator[tuple[str, Law]]:
        """Go through the laws in use.

        Yields
        ------
        tuple of str and Law
            Component or client part, and its law.
        """
        yield from self.shared.items()
        yield from self.client.items()

    def _line(self) -> str:
        parts = f"{len(self.shared)} shared parts, {len(self.client)} of a client"
        return f"repair {self.contract}, {parts}, {len(self.raid)} RAID sets"


def site_laws(site: Site, contract: str = "4h", rates: str | Path | None = None) -> SiteLaws:
    """Find the failure and repair law of every part of a site.

    Parameters
    ----------
    site : Site
    contract : {"onsite", "4h", "nbd"}
        Repair contract, which chooses the restore time of the table.
    rates : str or pathlib.Path, optional
        A table whose rows replace or add to the shipped ones.

    Returns
    -------
    SiteLaws
        A law for every component, client part and RAID set.

    Raises
    ------
    InputError
        If the contract is unknown, a table cannot be read, or a type has no failure data.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> site_laws(read_site("L2R")).shared["switch_A"].failure_rate_per_h
    4.29e-06
    """
    if contract not in CONTRACTS:
        raise InputError(f"--repair {str(contract)[:40]}: must be one of {', '.join(CONTRACTS)}")
    chosen: Contract = contract
    own = read_rates(rates) if rates is not None else RateTable({}, {})
    table = own.over(registry(site.rates_file, data=site.data))
    problems: list[Problem] = []
    known: dict[tuple[str, GivenLaw, GivenLaw], Law | None] = {}

    def law(part: Component) -> Law:
        key = (part.type, part.law, part.by_hand)
        if key not in known:
            try:
                known[key] = _ever_works(part, _law_of(part, site, table, own, chosen))
            except InputError as error:
                known[key] = None
                problems.extend(
                    replace(p, file=site.file, line=part.line, key=p.key or part.id) if p.file is None else p
                    for p in error.problems
                )
        return known[key] or Law(0.0, 1.0)

    shared = {name: law(part) for name, part in site.components.items()}
    client = {name: law(part) for name, part in site.client_parts.items()}
    told: set[str] = set()
    for name, entry in site.raid_sets.items():
        drives = (*entry.drives, *entry.spares)
        tested = next((drive for drive in drives if shared[drive].test_interval_h > 0), None)
        other = next((drive for drive in drives if _differ(shared[drive], shared[drives[0]])), None)
        if other is not None and tested is None and None not in known.values():
            message = (
                f"the failure data of {other} are not those of {drives[0]}, but a RAID set is modelled with equal "
                f"drives and spares; set all {len(drives)} to the same values, or their type (--set "
                f"{entry.drive_type}.KEY=VALUE)"
            )
            problems.append(Problem(message, file=site.file, line=site.components[other].line, key=name))
        if tested is not None and (part := site.components[tested]).type not in told:
            told.add(part.type)
            message = (
                f"type '{part.type}' has a test_interval of {shared[tested].test_interval_h:g} h, but it is the drive "
                f"of RAID set '{name}', whose controller detects the failure of a drive at once; remove the "
                "test_interval "
                "away, and study errors that only scrubbing finds with k2rel.scrubbing"
            )
            problems.append(Problem(message, file=site.file, line=part.line, key=tested))
    raid = {name: _raid_module(entry, shared) for name, entry in site.raid_sets.items()}
    for name in [name for name, module in raid.items() if not problems and module.unavailability >= 1.0]:
        message = (
            "is down nearly all the time with this failure rate of its drives and these times to rebuild and "
            "restore; give others"
        )
        problems.append(Problem(message, file=site.file, key=f"raid_sets.{name}"))
    if problems:
        raise InputError(problems)
    used = {use.input for each in (shared, client) for law in each.values() for use in law.uses}
    rows = {name.rpartition(".")[0] for name in used} & table.rows.keys()
    found = {item.name: item for row in sorted(rows) for item in _inputs_of_row(table.row(row), chosen)}
    return SiteLaws(chosen, shared, client, raid, {name: item for name, item in found.items() if name in used})


def _inputs_of_row(row: RateRow, contract: Contract) -> list[Input]:
    """Failure rate and repair time of an entry of the registry, where these have limits."""
    rate, factor = rate_input(row), row.mttr_factor
    result = [] if rate is None else [rate]
    if factor is not None and factor > 1.0 and (mttr := row.mttr_h.get(contract)):
        ends = mttr / factor, mttr * factor
        what = from_limits("lognormal", *ends, mttr)
        result.append(Input(_repair_of(row), "repair time", mttr, *ends, what, "h", row.evidence, row.origin,
                            place=("rates", row.id, "mttr")))  # fmt: skip
    return result


def rate_input(row: RateRow) -> Input | None:
    """Failure rate of an entry of the registry as an input; None where it has no limits."""
    low, high, known = row.low_per_h, row.high_per_h, row.known
    if known is None or low is None or high is None:
        return None
    return Input(_rate_of(row), "failure rate", row.rate_per_h, low, high, known, "/h", row.evidence, row.origin,
                 place=("rates", row.id, "failure_rate"))  # fmt: skip


def _rate_of(row: RateRow) -> str:
    return f"{row.id}.failure_rate"


def _repair_of(row: RateRow) -> str:
    return f"{row.id}.mttr"


def changed_laws(site: Site, laws: SiteLaws, change: Callable[[str, Component, Law], Law]) -> SiteLaws:
    """Give the laws of a site with some of them changed.

    Parameters
    ----------
    site : Site
    laws : SiteLaws
        Its laws.
    change : callable
        Of a part's name, the part, and its law: the law instead. Of a pair it is asked for the law of each.

    Returns
    -------
    SiteLaws
        The changed laws; RAID sets follow their drives.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> site = read_site("L2R")
    >>> laws = changed_laws(site, site_laws(site), lambda name, part, law: replace(law, mttr_h=1.0))
    >>> laws.shared["switch_A"].mttr_h, laws.raid["media_raid"].replace_h
    (1.0, 1.0)
    """

    def new(name: str, part: Component, law: Law) -> Law:
        return change(name, part, law) if law.each is None else duplicated(new(name, part, law.each))

    shared = {name: new(name, site.components[name], law) for name, law in laws.shared.items()}
    client = {name: new(name, site.client_parts[name], law) for name, law in laws.client.items()}
    raid = {name: _raid_module(entry, shared) for name, entry in site.raid_sets.items()}
    return SiteLaws(laws.contract, shared, client, raid, laws.inputs)


def with_rate(site: Site, laws: SiteLaws, rates_id: str, rate_per_h: float) -> SiteLaws:
    """Give the same laws with the rate of one row of the table moved, for every part that takes it.

    Parameters
    ----------
    site : Site
    laws : SiteLaws
        Its laws.
    rates_id : str
        The row.
    rate_per_h : float
        The rate instead [1/h].

    Returns
    -------
    SiteLaws
        The changed laws; RAID sets follow their drives.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> site = read_site("L2R")
    >>> with_rate(site, site_laws(site), "psu", 1e-5).shared["psu_raid_1"].failure_rate_per_h
    1e-05
    """

    def moved(law: Law) -> Law:
        return replace(law, failure_rate_per_h=rate_per_h * law.share) if law.rates_id == rates_id else law

    return changed_laws(site, laws, lambda name, part, law: moved(law))


def pinned_rows(site: Site, rates: str | Path | None = None) -> list[RateRow]:
    """List the entries that a site uses, so that they can be written down and kept with it.

    Parameters
    ----------
    site : Site
    rates : str or pathlib.Path, optional
        A table over the registry, as for `site_laws`.

    Returns
    -------
    list of RateRow
        The entries with the component types of the site that take them, whoever said so.

    Raises
    ------
    InputError
        As for `site_laws`.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> [row.id for row in pinned_rows(read_site("L1")) if "toe" in row.component_types]
    ['toe_hba']
    """
    laws = site_laws(site, "4h", rates)
    table = registry(site.rates_file, rates, data=site.data)
    takers: dict[str, dict[str, None]] = {}
    for name, law in laws.used():
        part = site.described[name]
        if law.rates_id:
            kinds = takers.setdefault(law.rates_id, {})
            if table.defaults.get(part.type) == law.rates_id:
                kinds[part.type] = None
    return [replace(table.rows[row], component_types=tuple(kinds)) for row, kinds in takers.items()]


def _law_of(part: Component, site: Site, table: RateTable, own: RateTable, contract: Contract) -> Law:
    """Put together what settings, tables and the site file say of one part."""
    given = part.law.over(site.types.get(part.type, GivenLaw()))
    if part.type in own.defaults:
        given = GivenLaw(rates=own.defaults[part.type]).over(replace(given, mttr_h=None))
    given = part.by_hand.over(given)
    row_id = given.rates or table.defaults.get(part.type)
    row = table.row(row_id) if row_id is not None else None
    test_h = given.test_interval_h or 0.0
    tests = _tests(part, given)
    conditions = Conditions(given.temperature_c, given.duty, given.age_h)
    if (given.mttf_h, given.failure_rate_per_h, given.unavailability) == (None, None, None):
        if row is None:
            raise InputError(
                Problem(
                    f"there is no failure data for type '{part.type}'{closest(part.type, table.defaults)}; "
                    "give mttf and mttr here or under types:",
                    key=part.id,
                )
            )
        uses = _of_law(given)
        if row.low_per_h:
            uses = (Uses("failure_rate_per_h", _rate_of(row)), *uses)
        if row.mttr_factor and given.mttr_h is None:
            uses = (*uses, Uses("mttr_h", _repair_of(row)))
        law = replace(row.law(contract, given.mttr_h, conditions), test_interval_h=test_h, uses=uses, **tests)
        if given.mttr_h is None:
            return law
        return replace(law, source=f"{law.source} (time to restoration: {given.source or 'set by the user'})")
    if conditions:
        raise InputError(
            Problem(
                f"type '{part.type}' has its own failure rate; temperature, duty and age apply only to an entry of "
                "the registry (rates)",
                key=part.id,
            )
        )
    mttr_h, uses = given.mttr_h, _of_law(given)
    if mttr_h is None and row is not None:
        mttr_h = row.law(contract).mttr_h
        uses = (*uses, Uses("mttr_h", _repair_of(row))) if row.mttr_factor else uses
    if mttr_h is None:
        raise InputError(Problem(f"type '{part.type}' has no time to restoration; give mttr", key=part.id))
    if given.mttf_h is not None:
        rate = 1.0 / given.mttf_h
    elif given.failure_rate_per_h is not None:
        rate = given.failure_rate_per_h
    else:
        rate = _rate_for(given.unavailability or 0.0, mttr_h, test_h)
    return Law(
        rate,
        mttr_h,
        test_h,
        evidence=given.evidence or "site",
        source=given.source or f"site file {site.name}",
        uses=uses,
        **tests,
    )


def _ever_works(part: Component, law: Law) -> Law:
    """The law; refused where so little of the time is left to the part that a number cannot tell it from none."""
    if law.unavailability < 1.0:
        return law
    hidden = f" and a test every {law.test_interval_h:g} h" if law.test_interval_h > 0 else ""
    message = (
        f"is practically never up: {law.failure_rate_per_h:g} failures an hour with {law.mttr_h:g} h to "
        f"restoration{hidden} leave "
        "it up for less than 1e-16 of the time; give other times, or describe the site without it"
    )
    raise InputError(Problem(message, key=part.id))


def _of_law(given: GivenLaw) -> tuple[Uses, ...]:
    """What a law uses of what a file gives; a mean life is the reciprocal of a rate."""
    uses = (replace(use, field="failure_rate_per_h", power=-1) if use.field == "mttf_h" else use for use in given.uses)
    return tuple(uses)


def _tests(part: Component, given: GivenLaw) -> dict[str, Any]:
    """On which days a part is tested."""
    offset, interval = given.test_offset_h, given.test_interval_h
    alone = given.tested == "independently"
    if offset is not None and alone:
        raise InputError(
            Problem(
                f"type '{part.type}' has a test_offset and tested: independently; give one of them, since an offset "
                "determines the days of its tests",
                key=part.id,
            )
        )
    if (offset is not None or alone) and interval is None:
        key = "tested: independently" if alone else "test_offset"
        raise InputError(Problem(f"type '{part.type}' has {key} and no test; give its test_interval", key=part.id))
    if offset and interval and offset >= interval:
        raise InputError(
            Problem(
                f"type '{part.type}' has a test_offset of {offset:g} h that is not below its test_interval of "
                f"{interval:g} h; give the time from day 0 to its first test",
                key=part.id,
            )
        )
    return {"test_offsets_h": (offset or 0.0,), "tested_independently": alone}


def _rate_for(unavailability: float, mttr_h: float, test_h: float) -> float:
    """Failure rate [1/h] that gives a steady unavailability, that of hidden failures by bisection."""
    rate = unavailability / ((1.0 - unavailability) * (mttr_h + test_h / 2))
    if test_h <= 0 or rate == 0:
        return rate
    low, high = 0.5 * rate, 2.0 * rate
    while Law(high, mttr_h, test_h).unavailability < unavailability:
        high *= 2.0
    for _ in range(200):
        rate = 0.5 * (low + high)
        if not low < rate < high:
            break
        low, high = (rate, high) if Law(rate, mttr_h, test_h).unavailability < unavailability else (low, rate)
    return rate


def _differ(one: Law, other: Law) -> bool:
    """Whether two laws differ in more than where they come from."""
    return replace(one, evidence="", source="") != replace(other, evidence="", source="")


def _raid_module(entry: RaidSet, shared: Mapping[str, Law]) -> RaidModule:
    drive = shared[entry.drives[0]]
    return RaidModule(
        len(entry.drives),
        entry.tolerance,
        drive.failure_rate_per_h,
        replace_h=drive.mttr_h,
        rebuild_h=entry.rebuild_h,
        restore_h=entry.restore_h,
        hot_spares=len(entry.spares),
    )
