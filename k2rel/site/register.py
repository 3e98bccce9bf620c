"""The named assumptions with the values that are in use: what a user set instead stands beside what the file has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from k2rel.site.coverage import DEFAULT
from k2rel.site.given import RATE_KEYS
from k2rel.site.model import Assumption, Site
from k2rel.site.names import split_setting
from k2rel.site.settings import ASSUMPTION, assumption_in, far_to_near, parts_named, place_of
from k2rel.site.source import KeyPath, YamlSource, as_written, found_at
from k2rel.site.takeover_settings import takeover_places

__all__ = ["assumptions_in_use", "set_by_user"]


def set_by_user(what: str, had: object) -> str:
    """Reason of a value that a user chose, beside what the file has.

    Examples
    --------
    >>> set_by_user("psu.mttr", None)
    'set by the user (psu.mttr); the file does not state it'
    """
    return f"set by the user ({what}); the file {'does not state it' if had is None else f'has {_said(had)}'}"


def _said(had: object) -> str:
    """An entry in words: a value with its limits, or one by what failed."""
    if not isinstance(had, dict):
        return str(had)
    if "value" in had:
        limits = [str(had[end]) for end in ("low", "high") if end in had]
        return str(had["value"]) + (f" ({' to '.join(limits)})" if limits else "")
    others = [f"{name} {_said(value)}" for name, value in had.items() if name != DEFAULT]
    return ", ".join([_said(had[DEFAULT]), *others] if DEFAULT in had else others)


def assumptions_in_use(
    site: Site, file: YamlSource, used: YamlSource, *, clients: int | None, settings: Mapping[str, str]
) -> tuple[Assumption, ...]:
    """Give a site's assumptions with the values that its figures rest on, then what was set that none is about.

    `file` has only its assumptions resolved; in `used` variant and settings of assumptions are too.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> [(a.value, a.reason) for a in read_site("L2R", clients=20).assumptions if a.name == "clients"]
    [('20', 'set by the user (clients); the file has 4')]
    """
    changes = _changes(site, used, clients, settings)
    varied = {path: found_at(used.data, path) for path in file.origins if path not in used.origins}
    result: list[Assumption] = []
    seen: set[KeyPath] = set()
    for entry in site.assumptions:
        own: list[KeyPath] = [path for path, name in used.origins.items() if name == entry.name]
        set_now = {path: changes[path] for path in own if path in changes}
        by_variant = {path: varied[path] for path in varied if file.origins[path] == entry.name}
        had = as_written(found_at(file.data, ("assumptions", entry.name, "value")))
        if not own and not by_variant and entry.name == "clients" and ("clients", "count") in changes:
            set_now = {("clients", "count"): changes["clients", "count"]}
        seen.update(set_now)
        who = list(dict.fromkeys(name for name, _ in set_now.values()))
        new = list(dict.fromkeys([value for _, value in set_now.values()] + [str(v) for v in by_variant.values()]))
        if by_variant:
            who.append(f"variant {site.variant}")
        value = entry.value
        if f"{ASSUMPTION}{entry.name}" in settings:
            who.insert(0, f"{ASSUMPTION}{entry.name}")
        elif value != had and site.variant:
            who.insert(0, f"variant {site.variant}")
        everywhere = len(set_now) + len(by_variant) >= len(own) + len(by_variant)
        if new:
            value = " and ".join(new) if everywhere else f"{value}; where it was set: {' and '.join(new)}"
        if who and value != had:
            entry = replace(entry, value=value, evidence="CHOSEN", reason=set_by_user(", ".join(who), had))
        result.append(entry)
    return (*result, *_others(site, file, changes, seen))


def _others(
    site: Site, file: YamlSource, changes: Mapping[KeyPath, tuple[str, str]], seen: set[KeyPath]
) -> list[Assumption]:
    """What was set that no assumption is about, once for each setting."""
    rows: dict[str, Assumption] = {}
    covered = {changes[path] for path in seen}
    for path, (who, value) in changes.items():
        if (who, value) in covered or who in rows:
            continue
        had = _had(site, file.data, path)
        if str(had) != value:
            rows[who] = Assumption(who, value, "CHOSEN", set_by_user(who, had))
    if site.variant:
        title = next((v.title for v in site.variants if v.name == site.variant), site.variant)
        reason = f"set by the user (variant {site.variant}) instead of the file's default reading"
        rows["variant"] = Assumption("variant", title, "CHOSEN", reason)
    return list(rows.values())


def _changes(
    site: Site, used: YamlSource, clients: int | None, settings: Mapping[str, str]
) -> dict[KeyPath, tuple[str, str]]:
    """Entries of the file that a user's choice takes the place of: which choice, and its value."""
    result: dict[KeyPath, tuple[str, str]] = {}
    if clients is not None and found_at(used.data, ("clients", "count")) != clients:
        result["clients", "count"] = ("clients", str(clients))
    own = {key: value for key, value in settings.items() if assumption_in(key, used.data) is None}
    silent: dict[str, KeyPath] = {}
    for key, value in far_to_near(site, own).items():
        if places := takeover_places(used.data, key):
            result |= dict.fromkeys(places, (key, value))
            continue
        named, name = split_setting(key)
        parts = parts_named(site, named)
        where: list[KeyPath] = [
            place for part in parts if found_at(used.data, place := place_of(site, part)) is not None
        ]  # drives stand in no place of their own
        if not parts or parts[0].type == named:
            where.append(("types", named))
        if name == "demand":
            where = [("traffic", named)]
        elif name.startswith("path_failover_"):
            where, name = [("traffic", named, "path_failover")], name.removeprefix("path_failover_")
        silent[key] = (*(where[-1] if where else ("components", named)), name)
        for place in where:
            there = found_at(used.data, place) or ()
            for other in RATE_KEYS if name in RATE_KEYS else (name,):
                if other in there:
                    result[(*place, other)] = (key, value)
    said = {who for who, _ in result.values()}
    for key, value in own.items():
        if key not in said:
            result.setdefault(silent[key], (key, value))
    return result


def _had(site: Site, data: Any, path: KeyPath) -> Any:
    """What the file has at a place; of a part for which it says nothing, what it has of its type."""
    part = site.described.get(str(path[-2]))
    had = found_at(data, path)
    return found_at(data, ("types", part.type, path[-1])) if had is None and part is not None else had
