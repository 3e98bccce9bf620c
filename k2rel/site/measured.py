"""In which unit the load of each part is: that of the traffic classes that cross it.

Loads of two units are never added: a part with a capacity is crossed in one unit, and where there is no capacity they
are counted apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

import k2rel.site.document as doc
from k2rel.errors import InputError
from k2rel.inputs import Input
from k2rel.site.checks import Checks
from k2rel.site.model import Component, Site
from k2rel.site.source import KeyPath
from k2rel.site.stages import named, subscription_in
from k2rel.units import MB_S, Amount, parse_share, unknown_unit

__all__: list[str] = []

Crossing = Mapping[str, Mapping[str, str]]
"""By part and unit the first traffic class that brings load in that unit."""


def crossing(site: Site) -> Crossing:
    """Find in which units parts are crossed, also by what they carry for others; classes without a demand load nothing.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> crossing(read_site("L2R"))["toe_A1"]
    {'MB/s': 'media'}
    """
    result: dict[str, dict[str, str]] = {}
    for name, flow in site.traffic.items():
        if not flow.demand_mb_s > 0:
            continue
        todo = [part for path in flow.paths for each in named(path.via) for part in _meant(site, each)]
        seen: set[str] = set()
        while todo:
            part = todo.pop()
            if part in seen:
                continue
            seen.add(part)
            result.setdefault(part, {}).setdefault(flow.unit, name)
            found = site.described.get(part)
            for need in named(found.needs) if found is not None else ():
                todo += [other for other in _meant(site, need) if other in site.described and _carries(site, other)]
    return result


def _meant(site: Site, name: str) -> Iterator[str]:
    """The parts that a name on a path means: itself, or what is dealt under it."""
    subscription = subscription_in(name)
    yield from (name,) if subscription is None else site.subscriptions.get(subscription, ())


def _carries(site: Site, name: str) -> bool:
    return site.described[name].carries


def _two_units(site: Site, found: Crossing) -> dict[str, str]:
    """What is wrong with each part that has a capacity and is crossed in two units, in the order of the file."""
    named_by = {
        name: {part for path in flow.paths for each in named(path.via) for part in _meant(site, each)}
        for name, flow in site.traffic.items()
    }
    return {
        part: "carries " + " and ".join(f"{unit} of '{flow}'" for unit, flow in found[part].items())
        + f", which do not add up to one load; {_way_out(entry, found[part], named_by)}"
        for part, entry in site.components.items()
        if len(found.get(part, ())) > 1 and entry.capacity_mb_s is not None
    }  # fmt: skip


def _way_out(part: Component, units: Mapping[str, str], named_by: Mapping[str, Collection[str]]) -> str:
    """What to do about two units on a part: those that it has of what needs it can be kept from it."""
    itself = [flow for flow in units.values() if part.id in named_by[flow]]
    others = [flow for flow in units.values() if flow not in itself]
    if not others or not part.carries:
        return "give each a part of its own, or leave the capacity out"
    comes = " and ".join(f"'{flow}'" for flow in others)
    out = f"let what {comes} crosses need an outlet, a part without 'carries' that sits in this one (design dual_tor)"
    if not itself:
        return out
    crosses = " and ".join(f"'{flow}'" for flow in itself)
    return f"{crosses} crosses it itself, so leave 'carries' out; or {out}"


def checked(site: Site) -> Site:
    """Give back a site whose demands were changed, where no part with a capacity is crossed in two units now."""
    for part, wrong in _two_units(site, crossing(site)).items():
        raise InputError(f"then '{part}' {wrong}")
    return site


def with_units(checks: Checks, site: Site) -> Site:
    """Give the parts of a file their units, and those with a share of the clients their capacity."""
    found = crossing(site)
    given: dict[str, tuple[KeyPath, Amount | str]] = {
        name: ((section, name, "capacity"), entry.capacity)
        for section, entries in (("components", checks.document.components), ("links", checks.document.links))
        for name, entry in entries.items()
        if entry.capacity is not None
    }
    for crossed, wrong in _two_units(site, found).items():
        checks.report(given[crossed][0], wrong)
    parts: dict[str, Component] = {}
    for name, part in site.components.items():
        units = found.get(name, {})
        unit = next(iter(units), MB_S)
        if name in given:
            path, capacity = given[name]
            if isinstance(capacity, str):
                part = replace(part, capacity_mb_s=_share(checks.document, capacity, unit))
            else:
                unit = _unit(checks, path, capacity, units, site)
        parts[name] = part if unit == part.unit else replace(part, unit=unit)
    inputs = _inputs(checks, site, parts)
    return replace(site, components=parts, inputs=inputs)


def _unit(checks: Checks, path: KeyPath, capacity: Amount, units: Mapping[str, str], site: Site) -> str:
    """The unit of a capacity: its own, or that of what crosses it."""
    said = capacity.unit
    declared = {flow.unit for flow in site.traffic.values()}
    if said not in ("", MB_S, *declared):
        checks.report(path, unknown_unit(said))
    elif said and units and said not in units:
        unit, flow = next(iter(units.items()))
        checks.report(path, f"is in {said}, and '{flow}' crosses it in {unit}; give it in {unit}")
    return said or next(iter(units), site.load_units[0])


def _share(document: doc.SiteDocument, text: str, unit: str) -> float:
    """Size a capacity as a share of the clients, in whole clients."""
    demands = (e.demand.value for e in document.traffic.values() if e.scope == "client" and (e.unit or MB_S) == unit)
    return float(int((parse_share(text) or Fraction(0)) * document.clients.total) * max(demands, default=0.0))


def _inputs(checks: Checks, site: Site, parts: Mapping[str, Component]) -> dict[str, Input]:
    """The inputs of a site, demands and capacities in the units that they turned out to be in."""
    result, known = dict(site.inputs), dict[str, str]()
    for path, item in checks.inputs.items():
        section, name, key = path[0], path[1], path[-1]
        if key == "demand" and section == "traffic":
            unit = site.traffic[str(name)].unit
        elif key == "capacity" and name in parts:
            unit = parts[str(name)].unit
        else:
            continue
        if known.setdefault(item.name, unit) != unit:
            checks.report(path, f"takes limits that are of a number in {known[item.name]} too; give it its own")
        result[item.name] = replace(item, unit=unit)
    return result
