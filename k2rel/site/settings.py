"""Changes by hand, ``type.key=value`` or ``part.key=value``, the same in the command line, in Python and in notebooks.

``media_server.mttr="4 h"``     failure data of every component of a type: mttf, failure_rate, unavailability, mttr,
                                test_interval, test_offset, tested, rates; temperature, duty, age of an entry of the
                                registry
``toe.capacity="80 MB/s"``      capacity of every component of a type
``client.external=false``       whether failures of that type are counted
``switch_A.mttf="2000000 h"``   any of these for one component or link, or, as ``media_A.mttr``, for one of the parts
                                that each client has; it goes before what is set for the type, whatever the order.
                                A name that is both a type's and a part's is the type's
``media.demand="50 Mb/s"``      load of one flow of a traffic class; so ``path_failover_time`` and
                                ``path_failover_coverage`` of one with flows of clients
``file_system.drill="90 d"``    a number of a role's takeovers, by the last of its keys; ``coverage[psu]`` by what
                                failed; ``auto_recovery`` of a suspended part, ``fence_time`` and ``fence_coverage`` of
                                a unit: in `k2rel.site.takeover_settings`
``assumption.NAME=value``       the value of one of the file's named assumptions

A number may be given with limits: ``psu.mttf="250000 h (80000 h to 900000 h)"``, with ``, uniform)`` or another
distribution at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from k2rel.errors import InputError, closest, nearest
from k2rel.inputs import Uses, without
from k2rel.site.document import LawFields, PathFailoverEntry
from k2rel.site.findings import words_of
from k2rel.site.given import LAW_KEYS, RATE_KEYS, GivenLaw
from k2rel.site.limits import LIMITED, from_text, input_of
from k2rel.site.measured import checked
from k2rel.site.model import Component, Site
from k2rel.site.names import cause_in, dotted, split_setting
from k2rel.site.source import KeyPath
from k2rel.site.takeover_settings import OF_FENCES, OF_ROLES
from k2rel.site.values import Capacity, Load
from k2rel.units import MB_S, is_bare, unknown_unit

__all__ = [
    "ASSUMPTION",
    "apply_settings",
    "assumption_in",
    "far_to_near",
    "parse_settings",
    "parts_named",
    "place_of",
    "setting_text",
    "with_unit",
]

ASSUMPTION = "assumption."
"""What the key of a setting starts with that is about a named assumption, and not about a type or a part."""

_KEYS = (*LAW_KEYS, "capacity", "external")
_OF_FLOWS = {
    "demand": "demand_mb_s",
    "path_failover_time": "failover_h",
    "path_failover_coverage": "failover_coverage",
}
_EVERY_KEY = {*_KEYS, *_OF_FLOWS, *OF_ROLES, *OF_FENCES, "auto_recovery"}
_OTHER_UNITS = {"age": "h", "temperature": "°C"}
"""Of what has no limits; `LIMITED` has the others."""


def parse_settings(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Read settings as typed after ``--set``.

    Examples
    --------
    >>> parse_settings(['media_server.mttr="4 h"'])
    {'media_server.mttr': '4 h'}
    """
    result = {}
    for text in texts:
        key, value = (half.strip() for half in _halves(text))
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if not value or not all(split_setting(key)):
            raise InputError(
                f"--set {text[:80]}: write component-type.key=value or part.key=value, for example "
                'media_server.mttr="4 h" or switch_A.mttf="2e6 h"'
            )
        result[key] = value
    return result


def assumption_in(setting: str, data: Mapping[str, Any]) -> str | None:
    """Name of the assumption that a setting is about; None where it is about something else of the file.

    Examples
    --------
    >>> assumption_in("assumption.x", {}), assumption_in("assumption.mttf", {"types": {"assumption": {}}})
    ('x', None)
    """
    if not setting.startswith(ASSUMPTION):
        return None
    name, known = setting.removeprefix(ASSUMPTION), data.get("assumptions")
    if isinstance(known, dict) and name in known:
        return name
    of, clients = split_setting(setting)[0], data.get("clients")
    sections = [data.get(key) for key in ("types", "components", "links", "traffic", "roles", "units", "suspends")]
    sections.append(clients.get("parts") if isinstance(clients, dict) else None)
    return None if any(isinstance(entries, dict) and of in entries for entries in sections) else name


def _halves(text: str) -> tuple[str, str]:
    """A setting before and behind its sign of equality; a name may hold such a sign itself."""
    ways = [(text[: sign.start()], text[sign.end() :]) for sign in re.finditer("=", text)]
    told = (way for way in ways if cause_in(split_setting(way[0].strip())[1])[0] in _EVERY_KEY)
    if (found := next(told, None)) is not None or not ways:
        return found or (text, "")
    if text.strip().startswith(ASSUMPTION):  # whose names are not followed by a key
        return next((way for way in ways if re.fullmatch(r"\s*(['\"]).*\1\s*", way[1])), ways[-1])
    return ways[0]


def setting_text(key: str, value: str) -> str:
    """Write a setting as it is typed.

    Examples
    --------
    >>> parse_settings([setting_text("assumption.a = b", "x=y")])
    {'assumption.a = b': 'x=y'}
    """
    return f'{key}="{value}"' if "=" in value or value[:1] in ("'", '"') else f"{key}={value}"


def with_unit(key: str, value: str, site: Site | None = None) -> str:
    """Give the value of a setting with the unit in which it was read, of a site whose loads may be in several.

    Examples
    --------
    >>> with_unit("psu.mttf", "250000"), with_unit("psu.mttr", "4 d"), with_unit("drive.rates", "hdd_elerath")
    ('250000 h', '4 d', 'hdd_elerath')
    """
    what = cause_in(split_setting(key)[1])[0]
    read = LIMITED.get(what)
    unit = _OTHER_UNITS.get(what, "") if read is None else read.unit if read.times == 1.0 else "/h"
    if site is not None and what in ("capacity", "demand"):
        unit = _unit_of(site, split_setting(key)[0])
    grouped = re.fullmatch(r"\s*(\d{1,3}\.\d{3})(\D.*)?", str(value)) if unit else None
    if grouped:  # 250.000 is 250: shown as it was read
        value = f"{float(grouped[1]):.15g}{grouped[2] or ''}"
    return f"{value} {unit}" if unit and is_bare(value) and not key.startswith(ASSUMPTION) else str(value)


def apply_settings(site: Site, settings: Mapping[str, str]) -> Site:
    """Apply changes by hand to a site.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> site = read_site("L2R", settings={"toe_A1.capacity": "60 MB/s", "toe.capacity": "80 MB/s"})
    >>> [site.components[name].capacity_mb_s for name in ("toe_A1", "toe_A2")]
    [60.0, 80.0]
    """
    for key, value in far_to_near(site, settings).items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InputError(
                f"setting {key[:60]}: a value with its unit, such as '4 h', is needed, got {type(value).__name__}"
            )
        name, what = split_setting(key)
        where = f"--set {key[:80]}={str(value)[:40]}"
        try:
            site = _with_one(site, name, what, value)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    return replace(site, changed=(*site.changed, *settings.items()))


def far_to_near(site: Site, settings: Mapping[str, str]) -> dict[str, str]:
    """Order settings: a type's before a part's, which is made after it and so wins whatever the order of writing."""
    types = _types(site)
    return dict(sorted(settings.items(), key=lambda item: split_setting(item[0])[0] not in types))


def parts_named(site: Site, name: str) -> list[Component]:
    """Components and client parts that a setting is about: all of the type of that name, else the part itself."""
    parts = site.described
    return [part for part in parts.values() if part.type == name] or ([parts[name]] if name in parts else [])


def place_of(site: Site, part: Component) -> KeyPath:
    """The entry of a component or a client part in the file; drives have none of their own."""
    return ("clients", "parts", part.id) if part.id in site.client_parts else (part.section, part.id)


def _types(site: Site) -> set[str]:
    return {part.type for part in site.described.values()}


def _with_one(site: Site, name: str, what: str, value: str) -> Site:
    """Make one change: of a traffic class, or of the parts that the name is about."""
    if name in site.traffic and what in _OF_FLOWS:
        if what != "demand" and site.traffic[name].scope == "site":
            raise InputError(f"'{name}' is a site-wide flow; only the path of a client can change")
        if (limits := from_text(value)) is not None:
            return _with_limits(site, name, what, limits)
        return _with_flow(site, name, _OF_FLOWS[what], float(_read(what, value, _unit_of(site, name))))
    parts = parts_named(site, name)
    if not parts:
        raise InputError(_nothing_named(site, name, what))
    if (limits := from_text(value)) is not None:
        return _with_limits(site, name, what, limits)
    if what not in _KEYS:
        near = closest(what, _KEYS) or f"; known: {', '.join(_KEYS)}"
        raise InputError(f"unknown key '{what[:60]}'{near}")
    read = _read(what, value, _unit_of(site, name) if what == "capacity" else "")
    if what in LAW_KEYS:
        law = GivenLaw(**{LAW_KEYS[what]: read})
        if what in RATE_KEYS:
            law = replace(law, evidence="set", source="set by the user")
        return _with_parts(site, (replace(part, by_hand=law.over(part.by_hand)) for part in parts))
    parts = [part for part in parts if part.id not in site.drives]
    if not parts:
        raise InputError(f"drives count through their RAID set only, so {what} of a drive would have no effect")
    if what == "external":
        return _with_parts(site, (replace(part, external=bool(read)) for part in parts))
    parts = [part for part in parts if part.id not in site.client_parts]
    if not parts:
        raise InputError("a client's own part has no capacity; its demand is its load")
    return checked(_with_parts(site, (replace(part, capacity_mb_s=read, uses=()) for part in parts)))


def _unit_of(site: Site, name: str) -> str:
    """Unit of the load of a class, or of the parts that a setting is about."""
    if name in site.traffic:
        return site.traffic[name].unit
    units = dict.fromkeys(part.unit for part in parts_named(site, name) if part.id in site.components)
    if len(units) > 1:
        raise InputError(f"loads of its parts are in {' and '.join(units)}; set the capacity part by part")
    return next(iter(units), MB_S)


def _read(what: str, value: str, unit: str) -> Any:
    """Read one value as a file would have it; of a load the number in a unit."""
    try:
        if what in ("demand", "capacity"):
            read = TypeAdapter(Load if what == "demand" else Capacity).validate_python(value)
            if isinstance(read, str):
                raise InputError("a share of the clients can be given in the file only; write a bandwidth")
            if read.unit not in ("", unit):
                raise InputError(f"it is in {unit}, got {read.unit}" if unit != MB_S else unknown_unit(read.unit))
            return read.value
        if what in _OF_FLOWS:
            key = what.removeprefix("path_failover_")
            return getattr(PathFailoverEntry.model_validate({"time": 0.0, key: value}), key)
        return getattr(LawFields.model_validate({what: value}), what)
    except ValidationError as error:
        raise InputError(words_of(error)) from None
    except ValueError as error:
        raise InputError(str(error)) from None


def _with_limits(site: Site, name: str, what: str, limits: Mapping[str, str]) -> Site:
    """Make one change of a number that is known within limits."""
    if what not in LIMITED or what not in (*_KEYS, *_OF_FLOWS):
        raise InputError(f"{what} has no limits; numbers with limits are {', '.join(LIMITED)}")
    site = _with_one(site, name, what, limits["value"])
    unit = _unit_of(site, name) if what in ("demand", "capacity") else ""
    point, low, high = (_read(what, limits[end], unit) for end in ("value", "low", "high"))
    about = {**limits, "evidence": "set", "source": "set by the user"}
    found = input_of(dotted((name, what)), ("set", name, what), what, point, low, high, about)
    if what in ("demand", "capacity"):
        found = replace(found, unit=unit)
    site = replace(site, inputs={**site.inputs, found.name: found})
    if what in _OF_FLOWS:
        return _with_flow(site, name, _OF_FLOWS[what], point, Uses(_OF_FLOWS[what], found.name))
    parts = parts_named(site, name)
    if what == "capacity":
        uses = (Uses("capacity_mb_s", found.name),)
        return _with_parts(site, (replace(part, uses=uses) for part in parts if part.id not in site.drives))
    field = LAW_KEYS[what]
    return _with_parts(
        site,
        (
            replace(part, by_hand=replace(part.by_hand, uses=(*part.by_hand.uses, Uses(field, found.name))))
            for part in parts
        ),
    )


def _with_flow(site: Site, name: str, field: str, value: float, *uses: Uses) -> Site:
    """Change one number of a traffic class, which is then known, or known within limits of its own."""
    flow = site.traffic[name]
    changes: dict[str, Any] = {field: value, "uses": (*without(flow.uses, field), *uses)}
    return checked(replace(site, traffic={**site.traffic, name: replace(flow, **changes)}))


def _with_parts(site: Site, parts: Iterable[Component]) -> Site:
    new = {part.id: part for part in parts}
    return replace(
        site,
        components={name: new.get(name, part) for name, part in site.components.items()},
        client_parts={name: new.get(name, part) for name, part in site.client_parts.items()},
    )


def _nothing_named(site: Site, name: str, what: str) -> str:
    """Say what can be set instead, where a name is neither a type's nor a part's."""
    if name in site.traffic:
        return f"a traffic class has no key '{what[:60]}' that can be set{closest(what, _OF_FLOWS)}"
    if name in site.roles:
        keys = [*OF_ROLES, "coverage[TYPE]", "detection[TYPE]"]
        others = closest(what, keys) or f"; known: {', '.join(keys)}"
        return f"a role has no key '{what[:60]}' that can be set{others}"
    if name in site.units:
        only = f"{' and '.join(OF_FENCES)}, of its fences, can be set"
        return f"of unit '{name}' {only}" + (", and it has none" if what in OF_FENCES else "")
    if name in site.raid_sets:
        raid = site.raid_sets[name]
        return (
            f"'{name}' is a RAID set, whose failures follow from its drives: set mttf, mttr or rates of their type "
            f"({raid.drive_type}.mttf=...), or the same of each of them ({raid.drives[0]}.mttf=... and so on); "
            "rebuild and restore times are set in the file"
        )
    if name in site.own_parts:
        part = site.own_parts[name][0]
        return f"'{name}' is one client's part, and settings apply to all clients; write {part}.{what}=... for all"
    known = {"type": _types(site), "part": site.described, "traffic class": site.traffic}
    near = {kind: " or ".join(map(repr, found)) for kind, names in known.items() if (found := nearest(name, names))}
    meant = ", ".join(f"{names} ({kind})" for kind, names in near.items())
    hint = f"; did you mean {meant}?" if meant else closest(name, known["type"])
    return f"{site.name} has no component type or part '{name[:60]}'{hint}"
