"""From well-formed entries to a `Site`: every reference, name and path checked.

All mistakes of a file are gathered and reported together, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import PurePath

import k2rel.site.document as doc
from k2rel.errors import InputError, Problem, closest
from k2rel.inputs import Input, Uses
from k2rel.site.coverage import DEFAULT, coverage_problems, coverage_uses
from k2rel.site.given import LAW_KEYS, RATE_KEYS, GivenLaw
from k2rel.site.limits import LIMITED
from k2rel.site.model import (
    Assumption,
    AtLeast,
    CommonCauseGroup,
    Component,
    Holder,
    Path,
    RaidSet,
    Role,
    Site,
    Stage,
    Traffic,
    Unit,
    Variant,
    names_in,
    role_in,
    subscription_in,
)
from k2rel.site.service_names import is_derived
from k2rel.site.source import KeyPath, YamlSource, as_written
from k2rel.site.warnings import warnings_of
from k2rel.site.wiring import broken_step
from k2rel.units import parse_share

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
        self.problems: list[Problem] = []
        file = self.document
        self.sides = tuple(file.sides)
        self._check_names()
        client_parts = {
            key: self._component(key, entry, ("clients", "parts", key)) for key, entry in file.clients.parts.items()
        }
        components = {
            **{key: self._component(key, entry, ("components", key)) for key, entry in file.components.items()},
            **{key: self._component(key, entry, ("links", key)) for key, entry in file.links.items()},
        }
        raid_sets = {key: self._raid_set(key, entry, components) for key, entry in file.raid_sets.items()}
        # drives act through their set: its module has a chain of its own, so nothing may ask for one drive
        self.shared = set(file.components) | set(file.links) | set(raid_sets)
        self.own = set(client_parts)
        self._check_parts(components, client_parts)
        self._check_cycles(components)
        self._check_subscriptions()
        units = {key: self._unit(key, entry) for key, entry in file.units.items()}
        roles = {key: self._role(key, entry, units, components) for key, entry in file.roles.items()}
        if file.rates and PurePath(file.rates).name != file.rates:
            self._report(("rates",), "give the name of a table that lies beside this file, without folders")
        traffic = {key: self._traffic(key, entry, roles) for key, entry in file.traffic.items()}
        self._check_services(traffic, roles)
        self._check_full_service(traffic)
        common_cause = self._common_cause(components)
        if self.problems:
            raise InputError(self.problems)
        site = Site(
            file=self.source.name,
            name=file.name,
            title=file.title,
            description=file.description,
            revision=file.revision,
            author=file.author,
            date=file.date,
            sources=file.sources,
            sides=self.sides,
            components=components,
            raid_sets=raid_sets,
            common_cause=common_cause,
            units=units,
            roles=roles,
            traffic=traffic,
            client_title=file.clients.title or "client",
            client_count=file.clients.count,
            client_parts=client_parts,
            subscriptions=file.clients.subscriptions,
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
            rates_file=str(PurePath(self.source.name).parent / file.rates) if file.rates else None,
            full_service=None if file.full_service is None else tuple(n for n in traffic if n in file.full_service),
            inputs={item.name: item for item in self.inputs.values()},
        )
        self._check_paths(site)
        if self.problems:
            raise InputError(self.problems)
        return replace(site, warnings=warnings_of(self.source, file, site))

    def _report(self, path: KeyPath, message: str) -> None:
        self.problems.append(self.source.problem(path, message))

    def _known(self, name: str, known: Iterable[str], path: KeyPath, what: str) -> bool:
        names = set(known)
        if name in names:
            return True
        self._report(path, f"there is no {what} '{name}'{closest(name, names)}")
        return False

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
        for name, path in places:
            if name in first:
                line = self.source.lines.get(first[name])
                self._report(
                    path,
                    f"the name '{name}' is already used in line {line}; give each part a name of its own",
                )
            elif re.fullmatch(r"client_\d+(_.*)?", name):
                self._report(path, "names that start with client_ and a number are kept for the clients' parts")
            first.setdefault(name, path)
        for name in file.components | file.links:
            if re.fullmatch(r"(.+)_(drive|spare)_\d+", name) and name.rsplit("_", 2)[0] in file.raid_sets:
                self._report(("components", name), "this is the name of a drive of the RAID set; choose another")

    def _component(self, key: str, entry: doc.ComponentEntry, path: KeyPath) -> Component:
        if entry.side is not None:
            self._known(entry.side, self.sides, (*path, "side"), "side")
        capacity = entry.capacity
        if isinstance(capacity, str):
            capacity = self._share(capacity)
        return Component(
            id=key,
            type=entry.type,
            title=entry.title or key.replace("_", " "),
            side=entry.side,
            within=entry.within,
            between=getattr(entry, "between", None),
            needs=_needs(entry.needs),
            capacity_mb_s=capacity,
            external=bool(entry.external),
            law=self._law(entry, path),
            line=self.source.lines.get(path),
            uses=self._uses(path, capacity="capacity_mb_s"),
        )

    def _law(self, entry: doc.LawFields, path: KeyPath) -> GivenLaw:
        said = {field: getattr(entry, key) for key, field in LAW_KEYS.items()}
        twice = [key for key in RATE_KEYS if getattr(entry, key) is not None]
        if len(twice) > 1:
            self._report(
                (*path, twice[1]), f"says how often it fails a second time, beside {twice[0]}; give one of them"
            )
        uses = self._uses(path, **{key: field for key, field in LAW_KEYS.items() if key in LIMITED})
        return GivenLaw(**said, evidence=entry.evidence, source=entry.source, uses=uses)

    def _uses(self, path: KeyPath, **fields: str) -> tuple[Uses, ...]:
        """Which fields of a record take inputs, by the keys of its entry."""
        return tuple(
            Uses(field, self.inputs[(*path, key)].name) for key, field in fields.items() if (*path, key) in self.inputs
        )

    def _share(self, text: str) -> float:
        """Size a capacity as a share of the clients, in whole clients."""
        share = parse_share(text) or Fraction(0)
        demand = max((entry.demand for entry in self.document.traffic.values() if entry.scope == "client"), default=0.0)
        return float(int(share * self.document.clients.count) * demand)

    def _common_cause(self, components: dict[str, Component]) -> tuple[CommonCauseGroup, ...]:
        result = []
        taken: set[str] = set()
        listed = {*self.document.components, *self.document.links}
        for key, entry in self.document.common_cause.items():
            where: KeyPath = ("common_cause", key)
            for member in entry.members:
                self._known(member, listed, (*where, "members"), "component or link")
            types = {components[member].type for member in entry.members if member in listed}
            if len(types) > 1:
                self._report((*where, "members"), f"must be of one type, got {', '.join(sorted(types))}")
            again = sorted({m for m in entry.members if m in taken or entry.members.count(m) > 1})
            if again:
                self._report((*where, "members"), f"'{again[0]}' stands in a group twice")
            taken.update(entry.members)
            wrong = [level for level in entry.factors if not re.fullmatch("[1-9][0-9]?", level)]
            if wrong:
                self._report((*where, "factors"), f"levels must be whole numbers from 1 on, got '{wrong[0]}'")
                continue
            factors = tuple(sorted((int(level), value) for level, value in entry.factors.items()))
            group = CommonCauseGroup(
                key, entry.members, entry.model, factors, entry.evidence, entry.reason, entry.source
            )
            try:
                _ = group.shares
            except InputError as error:
                self._report((*where, "factors"), str(error))
                continue
            result.append(group)
        return tuple(result)

    def _raid_set(self, key: str, entry: doc.RaidSetEntry, components: dict[str, Component]) -> RaidSet:
        fewest = {1: 2, 5: 3, 6: 4}[entry.level]
        if entry.drives < fewest:
            self._report(
                ("raid_sets", key, "drives"),
                f"RAID {entry.level} needs at least {fewest} drives, got {entry.drives}",
            )
        if entry.within is not None:
            self._known(entry.within, components, ("raid_sets", key, "in"), "component")
        result = RaidSet(
            id=key,
            title=entry.title or key.replace("_", " "),
            level=entry.level,
            drives=tuple(f"{key}_drive_{n}" for n in range(1, entry.drives + 1)),
            spares=tuple(f"{key}_spare_{n}" for n in range(1, entry.hot_spares + 1)),
            drive_type=entry.drive_type,
            within=entry.within,
            rebuild_h=entry.rebuild,
            restore_h=entry.restore,
            uses=self._uses(("raid_sets", key), rebuild="rebuild_h", restore="restore_h"),
        )
        for drive in (*result.drives, *result.spares):
            line = self.source.lines.get(("raid_sets", key))
            components[drive] = Component(
                drive, entry.drive_type, drive.replace("_", " "), within=entry.within, line=line
            )
        return result

    def _check_parts(self, components: Mapping[str, Component], client_parts: Mapping[str, Component]) -> None:
        for key in (*self.document.components, *self.document.links):
            where: KeyPath = (components[key].section, key)
            self._check_wiring(components[key], where)
            self._check_needs(components[key].needs, (*where, "needs"))
        for key, part in client_parts.items():
            where = ("clients", "parts", key)
            self._check_wiring(part, where, of_client=True)
            if part.capacity_mb_s is not None:
                self._report((*where, "capacity"), "a client's own part has no capacity; its demand is its load")
            if part.needs:
                self._report((*where, "needs"), "a client's part has no needs; name both parts in the path")

    def _check_wiring(self, component: Component, path: KeyPath, *, of_client: bool = False) -> None:
        known = self.shared | (self.own if of_client else set())
        if component.within is not None:
            self._known(component.within, known, (*path, "in"), "component")
            if component.within == component.id:
                self._report((*path, "in"), "a component cannot sit in itself")
        for index, end in enumerate(component.between or ()):
            place = (*path, "between", index)
            subscription = subscription_in(end)
            if of_client and subscription is not None:
                self._known(subscription, self.document.clients.subscriptions, place, "subscription")
            else:
                self._known(end, known, place, "component for this end of the link")
        if component.between and component.between[0] == component.between[1]:
            self._report((*path, "between"), "both ends of the link are the same component")

    def _check_needs(self, needs: Iterable[Stage], path: KeyPath) -> None:
        for index, need in enumerate(needs):
            for name in names_in(need):
                self._known(name, self.shared, (*path, index), "component")
            self._check_count(need, (*path, index))

    def _check_count(self, stage: Stage, path: KeyPath) -> None:
        if isinstance(stage, AtLeast) and stage.k > len(stage.of):
            self._report(path, f"asks for {stage.k} of only {len(stage.of)} components, which can never be")
        if len(set(names_in(stage))) < len(names_in(stage)):
            self._report(path, "names a component twice")

    def _check_cycles(self, components: Mapping[str, Component]) -> None:
        for relation in ("needs", "in"):
            follows = {
                key: (
                    {name for need in item.needs for name in names_in(need)}
                    if relation == "needs"
                    else {item.within or ""}
                )
                for key, item in components.items()
            }
            left = dict(follows)
            while ready := [key for key, names in left.items() if not names & left.keys()]:
                for key in ready:
                    del left[key]
            if left:
                key = next(iter(left))
                self._report(
                    (components[key].section, key, relation),
                    "leads back to itself through " + ", ".join(sorted(left)[:6]),
                )

    def _check_subscriptions(self) -> None:
        lists = self.document.clients.subscriptions
        for name, entries in lists.items():
            path: KeyPath = ("clients", "subscriptions", name)
            if not entries:
                self._report(path, "is empty; name at least one component or side")
            for index, entry in enumerate(entries):
                self._known(entry, self.shared | set(self.sides), (*path, index), "component or side")

    def _unit(self, key: str, entry: doc.UnitEntry) -> Unit:
        self._known(entry.server, self.document.components, ("units", key, "server"), "component")
        for index, trigger in enumerate(entry.triggers):
            self._known(trigger, self.shared, ("units", key, "triggers", index), "component")
        if entry.heartbeat is not None:
            self._known(entry.heartbeat, self.shared, ("units", key, "heartbeat"), "component")
        return Unit(key, entry.server, entry.triggers, entry.heartbeat, entry.shuts_down)

    def _role(
        self, key: str, entry: doc.RoleEntry, units: Mapping[str, Unit], components: Mapping[str, Component]
    ) -> Role:
        path: KeyPath = ("roles", key)
        if not entry.holders:
            self._report((*path, "holders"), "no one can hold this role; name at least one holder")
        for index, holder in enumerate(entry.holders):
            place = (*path, "holders", index)
            self._known(holder.side, self.sides, (*place, "side"), "side")
            if holder.on is not None:
                self._known(holder.on, self.document.components, (*place, "on"), "component to hold the role")
            for unit in holder.units:
                self._known(unit, units, (*place, "units"), "unit")
            self._check_needs(_needs(holder.needs), (*place, "needs"))
        role = Role(
            key,
            entry.title or key.replace("_", " "),
            tuple(Holder(h.side, h.on, h.units, _needs(h.needs)) for h in entry.holders),
            entry.failback,
            entry.backup,
            entry.coverage[DEFAULT],
            entry.switchover,
            entry.unable_backup,
            entry.recovered_backup,
            entry.restart,
            entry.operator_places,
            entry.operator_moves,
            tuple((name, value) for name, value in entry.coverage.items() if name != DEFAULT),
            (*self._uses(path, coverage="coverage", switchover="switchover_h"), *coverage_uses(path, self.inputs)),
        )
        for name, message in coverage_problems(role, units, components, self.shared):
            self._report((*path, "coverage", name), message)
        return role

    def _traffic(self, key: str, entry: doc.TrafficEntry, roles: Mapping[str, Role]) -> Traffic:
        path: KeyPath = ("traffic", key)
        for index, role in enumerate(entry.requires):
            self._known(role, roles, (*path, "requires", index), "role")
        if (leading := role_in(entry.prefer)) is not None:
            self._known(leading, roles, (*path, "prefer"), "role")
        lists = self.document.clients.subscriptions
        subscription = subscription_in(entry.prefer)
        if subscription is not None and self._known(subscription, lists, (*path, "prefer"), "subscription"):
            for side in lists[subscription]:
                self._known(side, self.sides, ("clients", "subscriptions", subscription), "side to prefer")
            if entry.scope == "site":
                self._report((*path, "prefer"), "a site-wide flow subscribes to nothing")
        paths = []
        for index, item in enumerate(entry.paths):
            place = (*path, "paths", index)
            carried_by = item.carried_by or item.side
            self._known(item.side, self.sides, (*place, "side"), "side")
            self._known(carried_by, self.sides, (*place, "carried_by"), "side")
            for role, side in item.when.items():
                if self._known(role, roles, (*place, "when", role), "role"):
                    holders = {holder.side for holder in roles[role].holders}
                    self._known(side, holders, (*place, "when", role), f"holder of '{role}' on side")
            via = _needs(item.via)
            for number, stage in enumerate(via):
                self._check_stage(stage, (*place, "via", number), entry.scope)
            paths.append(Path(item.side, carried_by, tuple(item.when.items()), via))
        if entry.scope == "client" and not any(
            isinstance(stage, str) and stage in self.own for item in paths for stage in item.via
        ):
            self._report((*path, "paths"), "no path starts at a client; use 'scope: site' for a site-wide flow")
        if entry.scope == "site" and entry.detects == "port":
            self._report((*path, "detects"), "a site-wide flow has no port of its own; use 'path'")
        return Traffic(
            key,
            entry.title or key.replace("_", " "),
            entry.scope,
            entry.demand,
            entry.requires,
            entry.prefer,
            entry.detects,
            tuple(paths),
            self._uses(path, demand="demand_mb_s"),
        )

    def _check_services(self, traffic: Mapping[str, Traffic], roles: Mapping[str, Role]) -> None:
        """Every class and every role with needs is a service; each service has one name."""
        if not any(entry.scope == "client" for entry in traffic.values()):
            self._report(("traffic",), "at least one class needs 'scope: client': the traffic that the site is for")
        for key in dict.fromkeys((*traffic, *roles)):
            where: KeyPath = ("traffic" if key in traffic else "roles", key)
            if key in traffic and key in roles:
                self._report(("roles", key), "a traffic class has this name too; each service needs a name of its own")
            elif is_derived(key):
                self._report(where, "this name is kept for a service that k2rel derives; choose another")

    def _check_full_service(self, traffic: Mapping[str, Traffic]) -> None:
        """What counts in full service: classes that put a load on something, what the site is for among them."""
        named = self.document.full_service
        for index, name in enumerate(named or ()):
            where: KeyPath = ("full_service", index)
            if name in (named or ())[:index]:
                self._report(where, f"names '{name}' twice")
            elif self._known(name, traffic, where, "traffic class") and not traffic[name].demand_mb_s:
                self._report(where, f"'{name}' has no demand, so it puts no load on anything; leave it out")
        principal = next((key for key, entry in traffic.items() if entry.scope == "client"), None)
        if named is not None and principal is not None and principal not in named:
            self._report(("full_service",), f"must name '{principal}', the traffic that the site is for")

    def _check_stage(self, stage: Stage, path: KeyPath, scope: str) -> None:
        self._check_count(stage, path)
        lists = self.document.clients.subscriptions
        for name in names_in(stage):
            subscription = subscription_in(name)
            if subscription is not None:
                if isinstance(stage, AtLeast):
                    self._report(path, "a subscription cannot stand inside at_least/of")
                elif scope == "site":
                    self._report(path, "a site-wide flow subscribes to nothing; name the component")
                elif self._known(subscription, lists, path, "subscription"):
                    for entry in lists[subscription]:
                        self._known(entry, self.shared, ("clients", "subscriptions", subscription), "component")
            elif name in self.own and (scope == "site" or isinstance(stage, AtLeast)):
                self._report(path, f"'{name}' is a client's part and cannot stand here")
            else:
                self._known(name, self.shared | self.own, path, "component")

    def _check_paths(self, site: Site) -> None:
        """Every two neighbours on a path must be joined by wiring, for every group of clients."""
        for key, traffic in site.traffic.items():
            for index, path in enumerate(traffic.paths):
                for group in range(min(site.deal, 512)):
                    broken = broken_step(site, path, group)
                    if broken:
                        number, first, second = broken
                        self._report(
                            ("traffic", key, "paths", index, "via", number),
                            f"the path does not connect: nothing joins '{first}' and '{second}'; "
                            "a link must name both, or one must sit in the other",
                        )
                        break


def _needs(entries: Iterable[str | doc.KOutOfN]) -> tuple[Stage, ...]:
    return tuple(entry if isinstance(entry, str) else AtLeast(entry.at_least, entry.of) for entry in entries)
