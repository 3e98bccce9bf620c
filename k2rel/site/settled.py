"""What was chosen beside a file, put into its entries: variant, settings, clients, common causes.

What has no place in a file is refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from pydantic import TypeAdapter, ValidationError

from k2rel.errors import InputError
from k2rel.site.given import RATE_KEYS
from k2rel.site.limits import from_text
from k2rel.site.model import Assumption, CommonCauseGroup, Site
from k2rel.site.names import cause_in, split_setting
from k2rel.site.read import before_changes, origin_of, with_assumption_settings, with_clients, with_variant
from k2rel.site.settings import assumption_in, far_to_near, parts_named, place_of, with_unit
from k2rel.site.source import KeyPath, as_written, found_at
from k2rel.site.takeover_settings import takeover_places
from k2rel.site.values import Name
from k2rel.units import parse_share

__all__ = ["settled"]

_BY_HAND = {"evidence": "set", "source": "set by the user"}
_NAME: TypeAdapter[str] = TypeAdapter(Name)


def settled(site: Site) -> dict[str, Any]:
    """The entries of a file that describes a site as it is, with all that was chosen.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> settled(read_site("L2R", settings={"psu.mttr": "5 h"}))["types"]["psu"]
    {'mttr': '5 h'}
    """
    origin = origin_of(site)
    source = with_variant(origin.source, site.variant)
    source, settings = with_assumption_settings(source, dict(site.changed))
    data = deepcopy(source.data)
    if site.variant is not None:
        del data["variants"]  # they are laid over the default reading, which this is not
    for key, value in far_to_near(site, settings).items():
        for path, new in _changes(site, data, key, str(value)):
            _put(data, path, new)
        if key.endswith(".demand"):
            _fix_shares(site, data)
    held, named = data.get("assumptions") or {}, _named(data)
    for name in held.keys() - (source.data.get("assumptions") or {}).keys() - named:
        del held[name]  # all that it was for was set anew
    if origin.clients is not None:
        data = with_clients(data, origin.clients)
    if site.common_cause != before_changes(site).common_cause:
        data.pop("common_cause", None)
        if site.common_cause:
            data["common_cause"] = {group.id: _group(group) for group in site.common_cause}
    if site.variant is not None or settings or origin.clients is not None or site.changed:
        _register(site, source.data, data)
    return data


def _changes(site: Site, data: dict[str, Any], key: str, text: str) -> Iterator[tuple[KeyPath, Any]]:
    """Where a setting stands in a file, and what."""
    name, what = split_setting(key)
    limits = from_text(text)
    value = _value(key, text) if limits is None else limits
    if places := takeover_places(data, key):
        if limits is not None and len(places) > 1:
            where, entry, value = _shared(key, data, limits)
            yield where, entry
        for place in places:
            yield from _of_takeover(data, place, value)
    elif name in site.traffic and what.startswith("path_failover_"):
        around: KeyPath = ("traffic", name, "path_failover")
        entry = found_at(data, around) or {}
        yield around, {"time": 0, **entry, what.removeprefix("path_failover_"): value}
    elif name in site.traffic and what == "demand":
        yield ("traffic", name, "demand"), value
    else:
        places = _places(site, data, name, what)
        if limits is not None and len(places) > 1:
            where, entry, value = _shared(key, data, limits)
            yield where, entry
        elif limits is not None and what in RATE_KEYS:
            value = {**limits, **_BY_HAND}
        for place in places:
            entry = dict(found_at(data, place) or {})
            if what in RATE_KEYS:
                entry = {k: v for k, v in entry.items() if k == what or k not in (*RATE_KEYS, *_BY_HAND)}
            yield place, {**entry, what: value, **(_BY_HAND if what in RATE_KEYS else {})}


def _places(site: Site, data: dict[str, Any], name: str, what: str) -> list[KeyPath]:
    """Entries that a setting of a part or type is put into: those that say it, and that of the type for the rest."""
    parts = parts_named(site, name)
    of_type = bool(parts) and parts[0].type == name
    placed = {part.id: place_of(site, part) for part in parts if part.id not in site.drives}
    if what in ("capacity", "external"):  # which types do not have
        return [place for part, place in placed.items() if what == "external" or part not in site.client_parts]
    if not of_type:
        if not placed:
            raise InputError(
                f"{name}.{what}: a drive of a RAID set has no entry of its own in a file; set it for its type"
            )
        return list(placed.values())
    keys = (*RATE_KEYS, *_BY_HAND) if what in RATE_KEYS else (what,)
    own = [place for place in placed.values() if any(key in (found_at(data, place) or ()) for key in keys)]
    return [("types", name), *own] if len(own) < len(parts) else own


def _of_takeover(data: dict[str, Any], place: KeyPath, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    """A number of a takeover; one coverage, or time, becomes that by default beside one by what failed."""
    around = place[:-1]
    if place[0] == "roles" and around[-1] in ("coverage", "detection"):
        had = found_at(data, around)
        if not isinstance(had, dict) or "value" in had:
            usual: Any = had if had is not None else (1.0 if around[-1] == "coverage" else 0.0)
            yield around, {"default": usual, str(place[-1]): value}
            return
    yield place, value


def _value(key: str, text: str) -> Any:
    """A setting as a file has it: a number where it has no unit, else with its unit."""
    what = cause_in(split_setting(key)[1])[0]
    if what == "external":
        return text.strip().lower() in ("true", "yes", "on", "1", "t", "y")
    said = with_unit(key, text)
    return _number(said) if what not in ("rates", "tested", "failback") else said


def _number(text: str) -> Any:
    """The number that a text writes; the text where it writes none, or otherwise than a number is written."""
    for kind in (int, float):
        if re.fullmatch(r"-?[\d.]+(e-?\d+)?", text):
            try:
                return kind(text)
            except ValueError:
                continue
    return text


def _shared(key: str, data: dict[str, Any], limits: Mapping[str, Any]) -> tuple[KeyPath, Any, str]:
    """Limits that are of several entries together: an assumption, and what stands for it in each."""
    name, taken = key if _is_name(key) else re.sub(r"[^A-Za-z0-9_-]", "_", key), data.get("assumptions") or {}
    while name in taken:
        name += "_set"
    about = {"evidence": "CHOSEN", "reason": f"set by the user ({key})", "source": _BY_HAND["source"]}
    return ("assumptions", name), {**limits, **about}, f"={name}"


def _fix_shares(site: Site, data: dict[str, Any]) -> None:
    """Capacities that are shares of the clients stay what they were with the demand of the file."""
    for section in ("components", "links"):
        for name, entry in (data.get(section) or {}).items():
            if isinstance(entry, dict) and parse_share(entry.get("capacity")) is not None:
                entry["capacity"] = f"{site.components[name].capacity_mb_s:.15g} MB/s"


def _group(group: CommonCauseGroup) -> dict[str, Any]:
    entry: dict[str, Any] = {"members": list(group.members), "model": group.model}
    entry["factors"] = {str(level): value for level, value in group.factors}
    return entry | {key: text for key in ("evidence", "reason", "source") if (text := getattr(group, key))}


def _register(site: Site, before: dict[str, Any], data: dict[str, Any]) -> None:
    """The register of assumptions as the site has it: values in use, and why; what was chosen by hand has its row."""
    named, still = _named(before), _named(data)
    held = data.get("assumptions")
    entries: dict[str, Any] = dict(held) if isinstance(held, dict) else {}
    for row in site.assumptions:
        entry = entries.get(row.name)
        if entry is None:
            if assumption_in(row.name, before) is None and _is_name(row.name):
                entries[row.name] = _row(row)
            continue
        same = row.value == as_written(entry.get("value"))
        if row.name in still and not same:
            continue  # set in some of its places: the others take its value
        new = entry if same else {**entry, "value": _known(row.value)}
        if row.name in named and row.name not in still:
            new = {key: item for key, item in new.items() if key not in ("low", "high", "distribution")}
        entries[row.name] = {**new, "evidence": row.evidence, "reason": row.reason}
    if entries:
        data["assumptions"] = entries


def _row(row: Assumption) -> dict[str, Any]:
    return {"value": _known(row.value), "evidence": row.evidence, "reason": row.reason}


def _known(text: str) -> Any:
    """A value of the register as a file has it, so that it reads as it stands there."""
    number = _number(text)
    return number if as_written(number) == text else text


def _is_name(text: str) -> bool:
    try:
        _NAME.validate_python(text)
    except ValidationError:
        return False
    return True


def _named(data: Mapping[str, Any]) -> set[str]:
    """Assumptions that some entry takes."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            for item in value.values():
                look(item)
        elif isinstance(value, list):
            for item in value:
                look(item)
        elif isinstance(value, str) and value.startswith("="):
            found.add(value[1:])

    look({key: value for key, value in data.items() if key not in ("assumptions", "variants")})
    return found


def _put(data: Any, path: KeyPath, value: Any) -> None:
    """Put a value at a place, which may be new."""
    *around, last = path
    for key in around:
        if isinstance(data, dict) and not isinstance(data.get(key), dict | list):
            data[key] = {}
        data = data[key]
    data[last] = value
