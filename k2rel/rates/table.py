"""The table of rates, and the failure and repair law of every part of a site.

What is said nearer to the part wins: a setting by hand, then a table given by ``--rates``, then the component's
own entry in the site file, then the file's entry for its type, then the shipped table.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from k2rel.bundled import data_dir
from k2rel.errors import InputError, Problem, closest
from k2rel.rates.law import Law
from k2rel.rates.raid import RaidModule
from k2rel.site.model import Component, GivenLaw, RaidSet, Site

__all__ = ["Contract", "RateRow", "RateTable", "SiteLaws", "read_rates", "site_laws", "with_rate"]

Contract = Literal["onsite", "4h", "nbd"]
"""Repair contract: spare and technician on site, four hours, next business day."""

_MTTR_COLUMNS: dict[Contract, str] = {
    "onsite": "mttr_24x7_spare_h",
    "4h": "mttr_4h_contract_h",
    "nbd": "mttr_nbd_h",
}
_MOST_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class RateRow:
    """One row of the table: a failure rate with its limits, restore times and origin."""

    id: str
    component_types: tuple[str, ...]
    component: str
    failure_mode: str
    rate_per_h: float
    low_per_h: float | None
    high_per_h: float | None
    distribution: str
    mttr_h: Mapping[str, float]
    evidence: str
    source: str
    notes: str

    def law(self, contract: Contract, mttr_h: float | None = None) -> Law:
        """Give the row as a law under a repair contract.

        Parameters
        ----------
        contract : {"onsite", "4h", "nbd"}
            The repair contract.
        mttr_h : float, optional
            A time to restoration instead of the row's [h].

        Returns
        -------
        Law
            Constant rates with the row's origin.

        Examples
        --------
        >>> read_rates().row("psu").law("nbd").mttr_h
        50.0
        """
        if mttr_h is None and contract not in self.mttr_h:
            raise InputError(f"row '{self.id}' of the table of rates has no restore time for the contract '{contract}'")
        return Law(
            self.rate_per_h,
            self.mttr_h[contract] if mttr_h is None else mttr_h,
            low_per_h=self.low_per_h,
            high_per_h=self.high_per_h,
            rates_id=self.id,
            evidence=self.evidence,
            source=self.source,
        )


@dataclass(frozen=True)
class RateTable:
    """Rows by id, and which row a component type takes by default."""

    rows: Mapping[str, RateRow]
    defaults: Mapping[str, str]

    def row(self, name: str) -> RateRow:
        """Look up a row.

        Parameters
        ----------
        name : str
            Its id.

        Returns
        -------
        RateRow
            The row.

        Raises
        ------
        InputError
            If there is none of that id.

        Examples
        --------
        >>> read_rates().row("toe_hba").rate_per_h
        1e-06
        """
        if name not in self.rows:
            raise InputError(f"the table of rates has no row '{name[:60]}'{closest(name, self.rows)}")
        return self.rows[name]


def read_rates(path: str | Path | None = None) -> RateTable:
    """Read a table of rates.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        A CSV file; by default the shipped table. Columns ``id``, ``lambda_per_h`` and at least one restore
        time (``mttr_24x7_spare_h``, ``mttr_4h_contract_h``, ``mttr_nbd_h``) are needed, and ``component_types``
        (names parted by blanks) says which types take the row.

    Returns
    -------
    RateTable
        The checked table.

    Raises
    ------
    InputError
        For every cell that cannot be used, with file, line and column.

    Examples
    --------
    >>> read_rates().defaults["gige_switch"]
    'eth_switch_hw_pred'
    """
    return _shipped() if path is None else _read(Path(path))


@cache
def _shipped() -> RateTable:
    return _read(data_dir() / "rates.csv")


def _read(path: Path) -> RateTable:
    name = str(path)
    try:
        raw = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else None
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", name)) from None
    if raw is None:
        raise InputError(Problem(f"is larger than {_MOST_BYTES // 1_000_000} MB; this is no table of rates", name))
    try:
        text = raw.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        header = reader.fieldnames or []
        needed = ["id", "lambda_per_h"]
        missing = [column for column in needed if column not in header]
        if not any(column in header for column in _MTTR_COLUMNS.values()):
            missing.append(" or ".join(_MTTR_COLUMNS.values()))
        if missing:
            raise InputError(Problem(f"the column {', '.join(missing)} is missing", name, 1))
        rows: dict[str, RateRow] = {}
        defaults: dict[str, str] = {}
        problems: list[Problem] = []
        for record in reader:
            _read_row(record, reader.line_num, name, rows, defaults, problems)
    except UnicodeDecodeError:
        raise InputError(Problem("is not UTF-8 text", name)) from None
    except csv.Error as error:
        raise InputError(Problem(f"is no valid CSV: {error}", name)) from None
    if problems:
        raise InputError(problems)
    return RateTable(rows, defaults)


def _read_row(
    record: dict[str, str | None],
    line: int,
    file: str,
    rows: dict[str, RateRow],
    defaults: dict[str, str],
    problems: list[Problem],
) -> None:
    """Check one record; a row for a per-demand probability or without a rate is kept out of the table."""

    def number(column: str, *, positive: bool = False) -> float | None:
        text = (record.get(column) or "").strip()
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            problems.append(Problem(f"{text[:40]!r} is no number", file, line, column))
            return None
        if not math.isfinite(value) or value < 0 or (positive and value == 0):
            rule = "above 0" if positive else "0 or more"
            problems.append(Problem(f"must be finite and {rule}, got {text[:40]}", file, line, column))
            return None
        return value

    key = (record.get("id") or "").strip()
    if not key:
        problems.append(Problem("is empty; each row needs an id", file, line, "id"))
        return
    if key in rows:
        problems.append(Problem(f"'{key}' is already defined in an earlier row", file, line, "id"))
        return
    before = len(problems)
    rate = number("lambda_per_h")
    low, high = number("lambda_lo90"), number("lambda_hi90")
    times: dict[str, float] = {
        str(c): t for c, column in _MTTR_COLUMNS.items() if (t := number(column, positive=True)) is not None
    }
    types = tuple((record.get("component_types") or "").split())
    if len(problems) > before:
        return
    if rate is None:
        problems.append(Problem("is empty; give the failure rate per hour", file, line, "lambda_per_h"))
        return
    if low is not None and high is not None and not low <= rate <= high:
        problems.append(Problem(f"the rate {rate} lies outside its limits {low} to {high}", file, line, "lambda_per_h"))
        return
    for kind in types:
        if kind in defaults:
            problems.append(Problem(f"'{kind}' already takes row '{defaults[kind]}'", file, line, "component_types"))
        defaults[kind] = key

    def text(column: str) -> str:
        return (record.get(column) or "").strip()

    source = "; ".join(part for part in (text("source"), text("url")) if part)
    rows[key] = RateRow(
        key, types, text("component") or key, text("failure_mode"), rate, low, high, text("dist"),
        times, text("evidence"), source, text("notes"),
    )  # fmt: skip


@dataclass(frozen=True)
class SiteLaws:
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
    """

    contract: Contract
    shared: Mapping[str, Law]
    client: Mapping[str, Law]
    raid: Mapping[str, RaidModule]

    def used(self) -> Iterator[tuple[str, Law]]:
        """Go through the laws in use.

        Yields
        ------
        tuple of str and Law
            Component or client part, and its law.
        """
        yield from self.shared.items()
        yield from self.client.items()


def site_laws(site: Site, contract: str = "4h", rates: str | Path | None = None) -> SiteLaws:
    """Find the failure and repair law of every part of a site.

    Parameters
    ----------
    site : Site
        The site.
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
    if contract not in get_args(Contract):
        raise InputError(f"--repair {str(contract)[:40]}: must be one of {', '.join(get_args(Contract))}")
    chosen: Contract = contract  # type: ignore[assignment]
    shipped = read_rates()
    own = read_rates(rates) if rates is not None else RateTable({}, {})
    table = RateTable({**shipped.rows, **own.rows}, {**shipped.defaults, **own.defaults})
    problems: list[Problem] = []
    known: dict[tuple[str, GivenLaw], Law | None] = {}

    def law(part: Component) -> Law:
        key = (part.type, part.law)
        if key not in known:
            try:
                known[key] = _law_of(part, site, table, own, chosen)
            except InputError as error:
                known[key] = None
                problems.extend(
                    replace(p, file=site.file, line=part.line, key=p.key or part.id) if p.file is None else p
                    for p in error.problems
                )
        return known[key] or Law(0.0, 1.0)

    shared = {name: law(part) for name, part in site.components.items()}
    client = {name: law(part) for name, part in site.client_parts.items()}
    raid = {name: _raid_module(entry, shared) for name, entry in site.raid_sets.items()}
    if problems:
        raise InputError(problems)
    return SiteLaws(chosen, shared, client, raid)


def with_rate(site: Site, laws: SiteLaws, rates_id: str, rate_per_h: float) -> SiteLaws:
    """Give the same laws with the rate of one row of the table moved, for every part that takes it.

    Parameters
    ----------
    site : Site
        The site.
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
        return replace(law, failure_rate_per_h=rate_per_h) if law.rates_id == rates_id else law

    shared = {name: moved(law) for name, law in laws.shared.items()}
    client = {name: moved(law) for name, law in laws.client.items()}
    raid = {name: _raid_module(entry, shared) for name, entry in site.raid_sets.items()}
    return SiteLaws(laws.contract, shared, client, raid)


def _law_of(part: Component, site: Site, table: RateTable, own: RateTable, contract: Contract) -> Law:
    """Put together what settings, tables and the site file say of one part."""
    given = part.law.over(site.types.get(part.type, GivenLaw()))
    if part.type in own.defaults:
        given = GivenLaw(rates=own.defaults[part.type]).over(replace(given, mttr_h=None))
    given = site.settings.get(part.type, GivenLaw()).over(given)
    row_id = given.rates or table.defaults.get(part.type)
    row = table.row(row_id) if row_id is not None else None
    test_h = given.test_interval_h or 0.0
    if (given.mttf_h, given.failure_rate_per_h, given.unavailability) == (None, None, None):
        if row is None:
            raise InputError(
                Problem(
                    f"there is no failure data for type '{part.type}'{closest(part.type, table.defaults)}; "
                    "give mttf and mttr here or under types:",
                    key=part.id,
                )
            )
        law = replace(row.law(contract, given.mttr_h), test_interval_h=test_h)
        if given.mttr_h is None:
            return law
        return replace(law, source=f"{law.source} (time to restoration: {given.source or 'set by hand'})")
    mttr_h = given.mttr_h
    if mttr_h is None and row is not None:
        mttr_h = row.law(contract).mttr_h
    if mttr_h is None:
        raise InputError(Problem(f"type '{part.type}' has no time to restoration; give mttr", key=part.id))
    if given.mttf_h is not None:
        rate = 1.0 / given.mttf_h
    elif given.failure_rate_per_h is not None:
        rate = given.failure_rate_per_h
    else:
        q = given.unavailability or 0.0
        rate = q / ((1.0 - q) * (mttr_h + test_h / 2))
    return Law(
        rate,
        mttr_h,
        test_h,
        evidence=given.evidence or "site",
        source=given.source or f"site file {site.name}",
    )


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
