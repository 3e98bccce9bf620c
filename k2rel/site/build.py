"""From well-formed entries to a `Site`: every reference, name and path checked.

All mistakes of a file are gathered and reported together, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

import k2rel.site.document as doc
from k2rel.errors import InputError
from k2rel.inputs import Input
from k2rel.site.checks import Checks, stages_of
from k2rel.site.flows import check_paths, check_services, full_service, traffic_of
from k2rel.site.formats import UPGRADE, of_format_2
from k2rel.site.given import LAW_KEYS, RATE_KEYS, GivenLaw
from k2rel.site.kinds import check_kinds, kinds_of
from k2rel.site.limits import LIMITED
from k2rel.site.measured import with_units
from k2rel.site.model import Assumption, CommonCauseGroup, Component, RaidSet, Site, Variant
from k2rel.site.names import dotted, drive_ids, is_kept_for_clients, said_of_clients, spoken
from k2rel.site.source import KeyPath, YamlSource, as_written
from k2rel.site.stages import named, subscription_in
from k2rel.site.takeovers import takeovers_of
from k2rel.site.warnings import warnings_of
from k2rel.units import Amount

__all__ = ["build_site"]


def build_site(
    source: YamlSource,
    document: doc.SiteDocument,
    variant: str | None = None,
    inputs: Mapping[KeyPath, Input] | None = None,
) -> Site:
    """Make a site from a file whose entries are each well formed.

    Examples
    --------
    >>> from k2rel.site import read_site  # which calls this
    >>> read_site("L1").name
    'L1'
    """
    return _Builder(source, document, variant, inputs or {}).site()


@dataclass
class _Builder:
    """Checks what spans entries, and makes the frozen records."""

    source: YamlSource
    document: doc.SiteDocument
    variant: str | None
    inputs: Mapping[KeyPath, Input]

    def site(self) -> Site:
        self.checks = Checks(self.source, self.document, self.inputs)
        file = self.document
        if file.format == 1:
            for path, what in of_format_2(file):
                self.checks.report(path, f"{what} is of format 2; {UPGRADE} rewrites the file")
        self._check_names()
        client_parts = {
            key: self._component(key, entry, ("clients", "parts", key)) for key, entry in file.clients.parts.items()
        }
        components = {
            **{key: self._component(key, entry, ("components", key)) for key, entry in file.components.items()},
            **{key: self._component(key, entry, ("links", key)) for key, entry in file.links.items()},
        }
        raid_sets = {key: self._raid_set(key, entry, components) for key, entry in file.raid_sets.items()}
        self._check_parts(components, client_parts)
        self._check_cycles(components | client_parts)
        kinds = kinds_of(self.checks)
        units, roles, suspensions = takeovers_of(self.checks, components)
        if file.rates and PurePath(file.rates).name != file.rates:
            self.checks.report(("rates",), "give the name of a table that lies beside this file, without folders")
        traffic = traffic_of(self.checks, roles)
        check_services(self.checks, traffic, roles)
        counted = full_service(self.checks, traffic)
        common_cause = self._common_cause(components)
        if self.checks.problems:
            raise InputError(self.checks.problems)
        site = Site(
            file=self.source.name,
            name=file.name,
            title=file.title,
            description=file.description,
            revision=file.revision,
            author=file.author,
            date=file.date,
            sources=file.sources,
            sides=self.checks.sides,
            components=components,
            raid_sets=raid_sets,
            common_cause=common_cause,
            units=units,
            roles=roles,
            suspensions=suspensions,
            traffic=traffic,
            client_title=file.clients.title or "client",
            client_count=file.clients.total,
            client_parts=client_parts,
            subscriptions={name: tuple(e for of in by.values() for e in of) for name, by in self.checks.lists.items()},
            kinds=kinds,
            types={key: self._law(entry, ("types", key)) for key, entry in file.types.items()},
            assumptions=tuple(
                Assumption(
                    name,
                    as_written(entry.value),
                    entry.evidence,
                    entry.reason,
                    entry.source or "",
                    "" if entry.low is None else f"{as_written(entry.low)} to {as_written(entry.high)}",
                )
                for name, entry in file.assumptions.items()
            ),
            variants=tuple(Variant(name, entry.title, entry.reason) for name, entry in file.variants.items()),
            variant=self.variant,
            rates_table=file.rates or None,
            full_service=counted,
            inputs={item.name: item for item in self.inputs.values()},
        )
        check_kinds(self.checks, site)
        if self.checks.problems:
            raise InputError(self.checks.problems)
        check_paths(self.checks, site)
        site = with_units(self.checks, site)
        if self.checks.problems:
            raise InputError(self.checks.problems)
        return replace(site, warnings=warnings_of(self.source, file, site))

    def _check_names(self) -> None:
        """One name, one thing: components, links, RAID sets and client parts share their names."""
        file = self.document
        first: dict[str, KeyPath] = {}
        places: list[tuple[str, KeyPath]] = [
            *((name, ("components", name)) for name in file.components),
            *((name, ("links", name)) for name in file.links),
            *((name, ("raid_sets", name)) for name in file.raid_sets),
            *((name, ("clients", "parts", name)) for name in file.clients.parts),
        ]
        taken = said_of_clients(file.clients.parts)
        for name, path in places:
            if name in first:
                where = self.source.place(first[name])
                place = f"in {where}" if where else "by " + dotted(first[name])
                self.checks.report(path, f"the name '{name}' is already used {place}; give each part a name of its own")
            elif is_kept_for_clients(name):
                self.checks.report(
                    path, "names that start with client_ and a number are reserved for the clients' parts"
                )
            elif name in taken and path[0] != "clients":
                self.checks.report(
                    path, "this name stands for the clients, or a part of theirs, in answers; choose another"
                )
            first.setdefault(name, path)
        for raid_set, entry in file.raid_sets.items():
            for drive in (name for ids in drive_ids(raid_set, entry.drives, entry.hot_spares) for name in ids):
                if drive in first:
                    message = f"this is the name of a drive of RAID set '{raid_set}'; choose another"
                    self.checks.report(first[drive], message)
                first.setdefault(drive, ("raid_sets", raid_set))

    def _component(self, key: str, entry: doc.ComponentEntry, path: KeyPath) -> Component:
        if entry.side is not None:
            self.checks.known(entry.side, self.checks.sides, (*path, "side"), "side")
        # a share of the clients is worked out once it is known what crosses the part
        given = entry.capacity
        capacity = given.value if isinstance(given, Amount) else None if given is None else 0.0
        return Component(
            id=key,
            type=entry.type,
            title=entry.title or spoken(key),
            side=entry.side,
            within=entry.within,
            between=getattr(entry, "between", None),
            needs=stages_of(entry.needs),
            capacity_mb_s=capacity,
            carries=bool(entry.carries),
            external=bool(entry.external),
            law=self._law(entry, path),
            line=self.source.line(path),
            kinds=getattr(entry, "kinds", ()),
            uses=self.checks.uses(path, capacity="capacity_mb_s"),
        )

    def _law(self, entry: doc.LawFields, path: KeyPath) -> GivenLaw:
        said = {field: getattr(entry, key) for key, field in LAW_KEYS.items()}
        twice = [key for key in RATE_KEYS if getattr(entry, key) is not None]
        if len(twice) > 1:
            self.checks.report(
                (*path, twice[1]), f"gives the failure rate a second time, beside {twice[0]}; give one of them"
            )
        uses = self.checks.uses(path, **{key: field for key, field in LAW_KEYS.items() if key in LIMITED})
        return GivenLaw(**said, evidence=entry.evidence, source=entry.source, uses=uses)

    def _common_cause(self, components: dict[str, Component]) -> tuple[CommonCauseGroup, ...]:
        result = []
        taken: set[str] = set()
        listed = {*self.document.components, *self.document.links}
        for key, entry in self.document.common_cause.items():
            where: KeyPath = ("common_cause", key)
            for member in entry.members:
                self.checks.known(member, listed, (*where, "members"), "component or link")
            types = {components[member].type for member in entry.members if member in listed}
            if len(types) > 1:
                self.checks.report((*where, "members"), f"must be of one type, got {', '.join(sorted(types))}")
            again = sorted({m for m in entry.members if m in taken or entry.members.count(m) > 1})
            if again:
                self.checks.report((*where, "members"), f"'{again[0]}' is listed twice in a group")
            taken.update(entry.members)
            wrong = [level for level in entry.factors if not re.fullmatch("[1-9][0-9]?", level)]
            if wrong:
                self.checks.report((*where, "factors"), f"levels must be whole numbers from 1 on, got '{wrong[0]}'")
                continue
            factors = tuple(sorted((int(level), value) for level, value in entry.factors.items()))
            group = CommonCauseGroup(
                key, entry.members, entry.model, factors, entry.evidence, entry.reason, entry.source
            )
            try:
                _ = group.shares
            except InputError as error:
                self.checks.report((*where, "factors"), str(error))
                continue
            result.append(group)
        return tuple(result)

    def _raid_set(self, key: str, entry: doc.RaidSetEntry, components: dict[str, Component]) -> RaidSet:
        fewest = {1: 2, 5: 3, 6: 4}[entry.level]
        if entry.drives < fewest:
            self.checks.report(
                ("raid_sets", key, "drives"),
                f"RAID {entry.level} needs at least {fewest} drives, got {entry.drives}",
            )
        if entry.within is not None:
            self.checks.known(entry.within, components, ("raid_sets", key, "in"), "component")
        drives, spares = drive_ids(key, entry.drives, entry.hot_spares)
        result = RaidSet(
            id=key,
            title=entry.title or spoken(key),
            level=entry.level,
            drives=drives,
            spares=spares,
            drive_type=entry.drive_type,
            within=entry.within,
            rebuild_h=entry.rebuild,
            restore_h=entry.restore,
            uses=self.checks.uses(("raid_sets", key), rebuild="rebuild_h", restore="restore_h"),
        )
        for drive in (*result.drives, *result.spares):
            line = self.source.line(("raid_sets", key))
            components[drive] = Component(drive, entry.drive_type, spoken(drive), within=entry.within, line=line)
        return result

    def _check_parts(self, components: Mapping[str, Component], client_parts: Mapping[str, Component]) -> None:
        for key in (*self.document.components, *self.document.links):
            where: KeyPath = (components[key].section, key)
            self._check_wiring(components[key], where)
            self.checks.needs(components[key].needs, (*where, "needs"))
            if components[key].carries and not _has_capacity(components, key):
                self.checks.report(
                    (*where, "carries"),
                    "neither has a capacity nor needs a part that has one; give a capacity",
                )
        for key, part in client_parts.items():
            where = ("clients", "parts", key)
            self._check_wiring(part, where, of_client=True)
            self.checks.needs(part.needs, (*where, "needs"), of_client=True)
            for what, given in (("capacity", part.capacity_mb_s is not None), ("carries", part.carries)):
                if given:
                    self.checks.report((*where, what), "a client's own part has no capacity; its demand is its load")

    def _check_wiring(self, component: Component, path: KeyPath, *, of_client: bool = False) -> None:
        known = self.checks.every if of_client else self.checks.shared
        if component.within is not None:
            self.checks.known(component.within, known, (*path, "in"), "component")
            if component.within == component.id:
                self.checks.report((*path, "in"), "a component cannot sit in itself")
        for index, end in enumerate(component.between or ()):
            place = (*path, "between", index)
            subscription = subscription_in(end)
            if of_client and subscription is not None:
                self.checks.known(subscription, self.checks.lists, place, "subscription")
            else:
                self.checks.known(end, known, place, "component for this end of the link")
        if component.between and component.between[0] == component.between[1]:
            self.checks.report((*path, "between"), "both ends of the link are the same component")

    def _check_cycles(self, components: Mapping[str, Component]) -> None:
        for relation in ("needs", "in"):
            follows = {
                key: (set(named(item.needs)) if relation == "needs" else {item.within or ""})
                for key, item in components.items()
            }
            left = dict(follows)
            while ready := [key for key, names in left.items() if not names & left.keys()]:
                for key in ready:
                    del left[key]
            if left:
                key = next(iter(left))
                section = ("clients", "parts") if key in self.checks.own else (components[key].section,)
                self.checks.report(
                    (*section, key, relation),
                    "leads back to itself through " + ", ".join(sorted(left)[:6]),
                )


def _has_capacity(components: Mapping[str, Component], name: str) -> bool:
    """Whether a part that carries has a capacity, or what carries behind it."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        part = components.get(todo.pop())
        if part is None or not part.carries or part.id in seen:
            continue
        if part.capacity_mb_s is not None:
            return True
        seen.add(part.id)
        todo += named(part.needs)
    return False
