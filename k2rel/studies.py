"""A study: a site, its rules and its failure data, with everything that was changed by hand on record.

Every measure takes a `Study`; every result carries its `Provenance`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from importlib import import_module
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from k2rel._version import __version__
from k2rel.arguments import shown
from k2rel.bundled import level_names
from k2rel.errors import InputError
from k2rel.policy.rules import Policy
from k2rel.rates import Law, RaidModule, SiteLaws, law_at, moments_of, site_laws
from k2rel.rates.with_graph import WithGraph
from k2rel.site import Site, read_site
from k2rel.site.beyond import beyond_format_1
from k2rel.site.common_cause_pairs import with_common_cause
from k2rel.site.model import Component
from k2rel.site.read import SiteLike, as_sites, is_entries
from k2rel.site.settings import with_unit
from k2rel.tables import Shown

if TYPE_CHECKING:
    import pandas as pd

    from k2rel.answer import Answer
    from k2rel.organisation import Organisation
    from k2rel.simulation.circumstances import Circumstances
    from k2rel.simulation.plan import Plan

__all__ = ["Provenance", "Study", "StudyLike", "studies_of", "study", "study_of"]


@dataclass(frozen=True, slots=True, repr=False)
class Provenance(Shown):
    """How a number was computed and from what."""

    site: str
    file: str
    variant: str
    clients: int
    contract: str
    rates: str
    settings: tuple[str, ...]
    rows: tuple[str, ...]
    engine: str
    input_hash: str
    takeovers: str = ""  # "ideal" or "as modelled"
    reason: str = ""  # why this engine
    error_bound: float | None = None  # of every probability; 0 for exact, None for intervals
    data: str = ""  # version of the bundled data

    def heading(self) -> dict[str, Any]:
        """Give what every answer in JSON starts with.

        Examples
        --------
        >>> study("L2R").provenance.heading()["level"]
        'L2R'
        """
        return {
            "level": self.site,
            "clients": self.clients,
            "method": self.engine,
            "takeovers": self.takeovers,
            "error_bound": self.error_bound,
            "reason": self.reason,
            "contract": self.contract,
            "variant": self.variant,
            "input_hash": self.input_hash,
            "data": self.data,
            "rates_rows": list(self.rows),
            "settings": list(self.settings),
        }

    def signed(self, frame: pd.DataFrame, **more: Any) -> pd.DataFrame:
        """A table that says in its attrs who computed it, under which reading, how well, and from what."""
        frame.attrs.update(self.attrs() | more)
        return frame

    def attrs(self) -> dict[str, Any]:
        """What a table carries."""
        return {"method": self.engine.partition(",")[0], "engine": self.engine, "takeovers": self.takeovers,
                "error_bound": self.error_bound, "input_hash": self.input_hash, "data": self.data}  # fmt: skip

    def _line(self) -> str:
        return f"{self.site}: {self.engine}; inputs {self.input_hash}"


@dataclass(frozen=True, eq=False, repr=False)
class Study(WithGraph, Shown):
    """A site with its rules and its failure data.

    Parameters
    ----------
    site, policy, laws
        What stands in the rack, its failover rules, its failure and repair data.
    rates
        Where a table given by hand lies; None without.
    moment : mapping of str to Law
        Laws at one moment of the cycle of the tests, by variable or client part, over all others (`at_moments`).
    restored_per_h : mapping of str to float
        Restorations of each of those per hour at that moment, which are not as many as its failures [1/h].
    """

    site: Site
    policy: Policy
    laws: SiteLaws
    rates: str | None = None
    moment: Mapping[str, Law] = field(default_factory=dict)
    restored_per_h: Mapping[str, float] = field(default_factory=dict)

    def solve(
        self,
        method: str = "auto",
        organisation: Organisation | None = None,
        plan: Plan | None = None,
        circumstances: Circumstances | None = None,
    ) -> Answer:
        """Answer for this study, by the engine that it needs or by one that is named, as `k2rel.answer.solve`.

        Examples
        --------
        >>> study("L2R").solve().method
        'markov'
        """
        answer: Answer = self._above.solve(self, method, organisation, plan, circumstances)
        return answer

    def risk(self, failed: Any = (), horizon: str | float = "24 h", **state: Any) -> Any:
        """Say what the next hours hold from the state at present, as `k2rel.risk`; see `solve` for who answers."""
        return self.solve().risk(failed, horizon, **state)

    @property
    def _above(self) -> Any:
        """The one arrow that points up: who answers stands above all that a study is made of."""
        return import_module("k2rel.answer")

    def _line(self) -> str:
        variant = f", variant {self.site.variant}" if self.site.variant else ""
        changed = "".join(f", {key}={value}" for key, value in self.site.changed)
        return f"{self.site._line()}, repair {self.laws.contract}{variant}{changed}"

    def _repr_html_(self) -> str:
        """Show the study in a notebook."""
        return str(self._above.study_html(self))

    def law(self, variable: str) -> Law | RaidModule:
        """Look up the failure law of a shared component, a RAID set, an event of common cause, or a client's own part.

        Parameters
        ----------
        variable : str
            Its name.

        Returns
        -------
        Law or RaidModule
            The failure law; a part outside the system's boundary never fails.

        Examples
        --------
        >>> study("L2R").law("switch_A").mttr_h
        6.0
        """
        if variable in self.moment:
            return self.moment[variable]
        if variable in self.laws.raid:
            return self.laws.raid[variable]
        if variable in self.site.cause_events:
            parts, share = self.site.cause_events[variable]
            whole = _counted(self.site.components[parts[0]], self.laws.shared[parts[0]])
            if whole.test_interval_h > 0 and len(parts) > 1:
                whole = _found_first([self.laws.shared[part] for part in parts], whole)
            return replace(whole, failure_rate_per_h=share * whole.failure_rate_per_h, share=share * whole.share)
        if variable in self.site.components:
            return _counted(self.site.components[variable], self.laws.shared[variable])
        return self.client_laws[self.site.own_parts[variable][0]]

    def rates_row(self, variable: str) -> str:
        """Look up the row of the table of rates that a variable's failure rate comes from; a RAID set's drives have it.

        Parameters
        ----------
        variable : str
            As for `law`.

        Returns
        -------
        str
            The row; empty for a rate given by hand.

        Examples
        --------
        >>> study("L2R").rates_row("media_raid")
        'hdd_fc_elerath_shah'
        """
        return self._tabled(variable).rates_id

    def rates_share(self, variable: str) -> float:
        """Look up the ratio of a variable's failure rate to that of its row; a RAID set has that of its drives.

        Parameters
        ----------
        variable : str
            As for `law`.

        Returns
        -------
        float
            1 but for parts with common causes, or under other conditions than the row's.

        Examples
        --------
        >>> study("L2R").rates_share("media_raid")
        1.0
        """
        return self._tabled(variable).share

    def _tabled(self, variable: str) -> Law:
        """The law of a variable, of a RAID set that of its drives."""
        law = self.law(variable)
        return law if isinstance(law, Law) else self.laws.shared[self.site.raid_sets[variable].drives[0]]

    @cached_property
    def client_laws(self) -> dict[str, Law]:
        """Law of each client part; one outside the system's boundary never fails."""
        return {
            name: self.moment.get(name) or _counted(part, self.laws.client[name])
            for name, part in self.site.client_parts.items()
        }

    @cached_property
    def tested(self) -> dict[str, Law]:
        """Laws of what is tested on known days, by variable or client part."""
        site = self.site
        names = dict.fromkeys((*site.components, *site.cause_events))
        found = {name: law for name in names if isinstance(law := self.law(name), Law) and law.tested_together}
        return found | {name: law for name, law in self.client_laws.items() if law.tested_together}

    @cached_property
    def at_moments(self) -> tuple[tuple[float, Study], ...]:
        """The study at moments of the cycle of the tests, with their share of the time.

        Only where clients' own parts are tested on days that other parts, or other clients', are tested on too; else
        the study itself. What shared parts do is averaged by the engine.
        """
        tested, count_of = self.tested, self.site.count_of
        own = [name for name in self.client_laws if name in tested]
        if not own or (len(tested) == 1 and count_of(own[0]) == 1):
            return ((1.0, self),)
        found = moments_of(tested, {name: count_of(name) for name in own})
        return tuple(
            (
                float(weight),
                replace(
                    self,
                    moment={
                        name: law_at(float(found.unavailability[name][k]), float(found.frequency_per_h[name][k]))
                        for name in tested
                    },
                    restored_per_h={name: float(found.restored_per_h[name][k]) for name in tested},
                ),
            )
            for k, weight in enumerate(found.weight)
        )

    @cached_property
    def provenance(self) -> Provenance:
        """How numbers of this study are computed."""
        site = self.site
        wiring = (site.components, site.client_parts, site.raid_sets, site.subscriptions, site.client_count)
        judged = site.full_service_of if len(site.foreground) < len(site.traffic) else tuple(site.traffic)
        rules = (site.units, site.roles, site.traffic, judged, self.policy.home, site.common_cause)
        content = {
            "site": repr((wiring, rules)),
            "laws": [(name, {k: v for k, v in asdict(law).items() if k != "uses"}) for name, law in self.laws.used()],
        }
        # what earlier versions of a site had not is no part of the hash where it is not used
        asked = {name: self.policy.holders(name) for name in site.roles}
        if more := [*beyond_format_1(site), *(n for n, order in asked.items() if order != list(site.roles[n].holders))]:
            content["format 2"] = repr(more)
        if site.inputs:
            content["inputs"] = repr(site.inputs)
        if by_cause := {name: role.coverage_of for name, role in site.roles.items() if role.coverage_of}:
            content["coverage_of"] = repr(by_cause)
        digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
        rows = {law.rates_id for _, law in self.laws.used() if law.rates_id}
        return Provenance(
            site=site.name,
            file=Path(site.file).name,
            variant=site.variant or "",
            clients=site.client_count,
            contract=self.laws.contract,
            rates=Path(self.rates).name if self.rates else "bundled",
            settings=(
                *(f"{key}={with_unit(key, value, site)}" for key, value in site.changed),
                *([f"common_cause={len(site.common_cause)} groups"] if site.common_cause else []),
            ),
            rows=tuple(sorted(rows)),
            engine=f"exact, independent parts, {self.policy.asked_first} (k2rel {__version__})",
            input_hash=digest,
            data=site.data,
        )


def _counted(part: Component, law: Law) -> Law:
    """A part outside the system's boundary can be failed by hand; its own failures are not counted."""
    return replace(law, failure_rate_per_h=0.0) if part.external else law


def _found_first(members: Sequence[Law], whole: Law) -> Law:
    """Law of what hits several parts: found at the first test of one of them; by itself where none has known days."""
    known = [law for law in members if not law.tested_independently]
    offsets = tuple(sorted({offset for law in known for offset in law.test_offsets_h}))
    return replace(whole, test_offsets_h=offsets, tested_independently=False) if known else whole


def study(
    level_or_file: SiteLike,
    *,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    variant: str | None = None,
    primary: str | None = None,
    common_cause: str = "declared",
    data: str | None = None,
) -> Study:
    """Read a level or a site file and make it ready for analysis.

    Parameters
    ----------
    level_or_file : str, pathlib.Path, Site or mapping
        A level's name such as ``"L2R"``, or the path of a YAML file; a site; or what a file would say, as plain data or
        by `k2rel.describe`. What is given here is changed of each of them alike.
    clients : int, optional
        Number of clients instead of the file's, 1 to 10,000.
    repair : {"onsite", "4h", "nbd"}
        Repair contract: spare and technician on site, four hours, next business day.
    rates : str or pathlib.Path, optional
        CSV table whose rows replace or add to the bundled failure data.
    settings : mapping of str to str, optional
        Changes by hand, of a type or a part: ``{"media_server.mttr": "4 h", "switch_A.mttf": "2e6 h"}``.
    variant : str, optional
        A variant that the file describes.
    primary : str, optional
        The preferred side; by default the first of the file.
    common_cause : {"declared", "twins", "none"}
        Common-cause groups: those of the file; those and every pair of A/B twins with a beta factor of 5 %; none.
    data : str, optional
        Version of the bundled data, such as ``"0.1"``, of a level by its name and of the rates; default: the current.

    Returns
    -------
    Study
        Ready for `availability`, `load`, `failover` and the rest.

    Raises
    ------
    InputError
        With every mistake found.

    Examples
    --------
    >>> study("L2R", clients=100, repair="nbd").site.group_sizes
    (50, 50)
    """
    if rates is not None and not isinstance(rates, str | Path):
        raise InputError(f"rates: the path of a CSV table is needed, got {type(rates).__name__}")
    site = read_site(level_or_file, clients=clients, settings=settings, variant=variant, data=data)
    site = with_common_cause(site, common_cause)
    laws = site_laws(site, repair, rates)
    for group in site.common_cause:
        counted = [_counted(site.components[member], laws.shared[member]) for member in group.members]
        for what, of in (
            ("failure rates", "failure_rate_per_h"), ("test intervals", "test_interval_h"), ("repair times", "mttr_h"),
        ):  # fmt: skip
            if len({getattr(law, of) for law in counted}) > 1:
                raise InputError(f"common cause '{group.id}': its parts have different {what}; they must be alike")
    return Study(site, Policy(site, primary), laws, str(rates) if rates is not None else None)


class Asked(Protocol):
    """What was asked about a study and knows it, such as an answer."""

    @property
    def study(self) -> Study:
        """The study."""


StudyLike: TypeAlias = "Study | Asked | SiteLike"
"""What a question may be asked about: a study, a level's name or a site file, a site, or what was solved before."""


@dataclass(frozen=True)
class Same:  # a site by what it is, not by what it says
    number: int
    site: Site = field(compare=False)


@lru_cache(maxsize=16)
def _kept(of: Any) -> Study:
    """The study of a level, or of a site, so that what is asked twice is solved once."""
    return study(of.site if isinstance(of, Same) else of)


def study_of(study: Any) -> Study:
    """The study that is meant: itself, that of a level, a file or a site, or that of an answer."""
    if isinstance(study, Site):
        return _kept(Same(id(study), study))
    if isinstance(study, str | Path) or is_entries(study):
        return _kept(study) if isinstance(study, str) and study in level_names() else _kept.__wrapped__(study)
    found = getattr(study, "study", study)
    if isinstance(found, Study):
        return found
    raise InputError(
        "study: a study, an answer, a level's name such as 'L2R', the path of a site file or a site is needed, "
        f"got {type(study).__name__} {shown(study)!r}"
    )


def with_site(study: Study, site: Site) -> Study:
    """The study of a site with other rules or common causes, and the same parts."""
    return replace(study, site=site, policy=Policy(site, study.policy.primary))


def studies_of(
    levels: Sequence[SiteLike] | SiteLike,
    *,
    clients: int | None = None,
    repair: str = "4h",
    rates: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    data: str | None = None,
) -> dict[str, Study]:
    """Make a study of each level with the same options, a setting going where the level has that type or part.

    Parameters
    ----------
    levels : sequence of str, pathlib.Path, Site or mapping
        Levels by name, site files, or sites; or one alone.
    clients, repair, rates, settings, data
        As for `k2rel.study`.

    Returns
    -------
    dict of str to Study
        By name; sites of the same name are numbered.

    Raises
    ------
    InputError
        If a level cannot be read, or a setting fits none of them.

    Examples
    --------
    >>> list(studies_of(["L1", "L1"]))
    ['L1', 'L1-2']
    """
    chosen = as_sites("levels", levels)
    if not chosen:
        raise InputError("levels: name at least one level or site file")
    result: dict[str, Study] = {}
    misfits: dict[str, InputError] = {}
    fits: set[str] = set()
    for level in chosen:
        own: dict[str, str] = {}
        for key, value in (settings or {}).items():
            try:
                read_site(level, clients=clients, settings={key: value}, data=data)
            except InputError as error:
                misfits[key] = error
                continue
            own[key] = value
            fits.add(key)
        found = study(level, clients=clients, repair=repair, rates=rates, settings=own, data=data)
        result[free_name(found.site.name, result)] = found
    for key, misfit in misfits.items():
        if key not in fits:
            raise misfit
    return result


def free_name(name: str, taken: Iterable[str]) -> str:
    """A site's name, numbered where another has it; names of files, so that case does not tell them apart."""
    known = {other.lower() for other in taken}
    numbers = (f"{name}-{number}" for number in count(2))
    return next(found for found in chain((name,), numbers) if found.lower() not in known)
