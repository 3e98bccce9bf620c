"""Changes by hand of what takeovers take and need: ``role.key=value``, put where the file would have it.

So limits, classes of failures and what does not go together are checked as in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from k2rel.errors import InputError
from k2rel.site.coverage import DEFAULT
from k2rel.site.findings import words_of
from k2rel.site.limits import LIMITED, from_text
from k2rel.site.names import cause_in, dotted, split_setting
from k2rel.site.roles import ROLE_NUMBERS
from k2rel.site.source import KeyPath, YamlSource, found_at
from k2rel.site.takeover_entries import FenceEntry, RoleEntry, SuspensionEntry

__all__ = ["OF_FENCES", "OF_ROLES", "takeover_places", "with_takeover_settings"]

OF_ROLES: dict[str, KeyPath] = {key.split(".")[-1]: tuple(key.split(".")) for key in (*ROLE_NUMBERS, "failback")}
"""Where a number of a role stands in its entry, by the last of its keys, which no other has."""

OF_FENCES = {"fence_coverage": "coverage", "fence_time": "time"}
"""What can be set for all fences of a unit, and its key in the entry of each."""

_RECOVERY = "auto_recovery"


def takeover_places(data: Mapping[str, Any], setting: str) -> list[KeyPath]:
    """Where a setting is put: one place of a role or a suspended part, one of each fence of a unit.

    Examples
    --------
    >>> takeover_places({"roles": {"r": {}}}, "r.drill"), takeover_places({"roles": {"r": {}}}, "r.mttf")
    ([('roles', 'r', 'readiness', 'drill')], [])
    >>> takeover_places({"roles": {"r": {}}}, "r.coverage[psu]")
    [('roles', 'r', 'coverage', 'psu')]
    """
    name, key = split_setting(setting, _entries(data, "roles"))
    key, cause = cause_in(key)
    if key in OF_ROLES and name in _entries(data, "roles") and (not cause or key in ("coverage", "detection")):
        return [("roles", name, *OF_ROLES[key], *((cause,) if cause else ()))]
    if cause:
        return []
    if key == _RECOVERY and name in _entries(data, "suspends"):
        return [("suspends", name, key)]
    unit = _entries(data, "units").get(name)
    needs = unit.get("takeover_needs") if key in OF_FENCES and isinstance(unit, dict) else None
    fences = [n for n, need in enumerate(needs or ()) if isinstance(need, dict) and "fence" in need]
    return [("units", name, "takeover_needs", n, OF_FENCES[key]) for n in fences]


def with_takeover_settings(source: YamlSource, settings: Mapping[str, str]) -> tuple[YamlSource, dict[str, str]]:
    """Take the settings of takeovers out, and put them into the file's entries, whose numbers have no limits left."""
    rest = dict(settings)
    for setting, value in settings.items():
        places = takeover_places(source.data, setting)
        if not places:
            continue
        del rest[setting]
        where = f"--set {setting[:80]}={str(value)[:40]}"
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InputError(f"{where}: a value with its unit, such as '5 s', is needed, got {type(value).__name__}")
        try:
            limits = from_text(value)
            key = cause_in(split_setting(setting)[1])[0]
            if limits is not None and key not in LIMITED:
                raise InputError(f"{key} has no limits")
            for place in places:
                _check(place, str(value) if limits is None else limits["value"])
                source = _put(source, place, value, limits)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    return source, rest


def _entries(data: Mapping[str, Any], section: str) -> dict[str, Any]:
    entries = data.get(section)
    return entries if isinstance(entries, dict) else {}


def _check(place: KeyPath, value: str) -> None:
    """Read one value as the file's entry would, so that a mistake is the setting's and not that of a line."""
    section, below = place[0], place[2:]
    try:
        if section == "suspends":
            SuspensionEntry.model_validate({"lost": ["part"], _RECOVERY: value})
        elif section == "units":
            FenceEntry.model_validate({"fence": "part", str(place[-1]): value})
        else:
            entry: Any = {below[-1]: value} | ({DEFAULT: 1} if below[0] in ("coverage", "detection") else {})
            for key in reversed(below[:-1]):
                entry = {key: entry}
            if len(below) == 1:
                entry = {below[0]: value}
            RoleEntry.model_validate({"holders": (), **entry})
    except ValidationError as error:
        raise InputError(words_of(error)) from None


def _put(source: YamlSource, place: KeyPath, value: object, limits: Mapping[str, str] | None) -> YamlSource:
    """The file with one value; a single coverage or detection time becomes that by default beside one by class."""
    kept = {at: item for at, item in source.limits.items() if at[: len(place)] != place}
    around = place[:-1]
    if place[0] == "roles" and around[-1] in ("coverage", "detection"):
        had = found_at(source.data, around)
        if not isinstance(had, dict):
            default: object = had if had is not None else (1.0 if around[-1] == "coverage" else 0.0)
            source = replace(source, data=_with(source.data, around, {DEFAULT: default}))
            kept = {(*at, DEFAULT) if at == around else at: item for at, item in kept.items()}
            kept = {at: item for at, item in kept.items() if at != place}
    if limits is not None:
        kept[place] = (dotted(place), {**limits, "evidence": "set", "source": "set by the user"})
        value = limits["value"]
    return replace(source, data=_with(source.data, place, value), limits=kept)


def _with(data: Any, path: KeyPath, value: Any) -> Any:
    """The same data with another value at a place, which may be new."""
    if not path:
        return value
    key, below = path[0], path[1:]
    if isinstance(data, list):
        return [_with(item, below, value) if n == key else item for n, item in enumerate(data)]
    held = data if isinstance(data, dict) else {}
    return {**held, key: _with(held.get(key), below, value)}
