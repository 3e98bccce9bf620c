"""A site with other names: everything that a file calls by a name gets another one, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_NAMED = ("sides", "assumptions", "types", "components", "links", "raid_sets", "units", "roles", "suspends", "traffic",
          "common_cause", "variants")  # fmt: skip
_TEXTS = {"title", "description", "reason", "source", "sources", "evidence", "author", "date", "revision", "rates",
          "name", "model", "scope", "share", "priority", "format"}  # fmt: skip
_BY_NAME = {"when", "coverage", "detection", "parts", "subscriptions", "kinds"}


def names_of(site: Mapping[str, Any]) -> list[str]:
    """Names that a file gives, each once."""
    found = [name for section in _NAMED for name in site.get(section, {})]
    found += [*site["clients"]["parts"], *site["clients"].get("subscriptions", {})]
    for role in site.get("roles", {}).values():
        found += [holder["name"] for holder in role["holders"] if "name" in holder]
    found += _types_used(site)
    return list(dict.fromkeys(found))


def _types_used(site: Mapping[str, Any]) -> Iterator[str]:
    sections = (site["components"], site.get("links", {}), site["clients"]["parts"])
    yield from (part["type"] for section in sections for part in section.values())
    yield from (entry.get("drive_type", "drive") for entry in site.get("raid_sets", {}).values())


def renamed(site: Mapping[str, Any], new: Mapping[str, str], row_of: Callable[[str], str]) -> dict[str, Any]:
    """The same site by other names; types that the table of rates knows by theirs get its row by hand."""
    told = {name: dict(site.get("types", {}).get(name) or {}) for name in dict.fromkeys(_types_used(site))}
    for name, given in told.items():
        if not {"rates", "mttf", "failure_rate", "unavailability"} & given.keys() and (row := row_of(name)):
            given["rates"] = row
    site = {**site, "types": {**site.get("types", {}), **{name: given for name, given in told.items() if given}}}

    def value(item: Any, key: str) -> Any:
        if isinstance(item, dict):
            return mapping(item, key)
        if isinstance(item, list):
            return [value(one, key) for one in item]
        if not isinstance(item, str) or key in _TEXTS:
            return item
        if item[:1] in "@=" and item[1:] in new:
            return item[:1] + new[item[1:]]
        if key == "prefer" and item.startswith("role "):
            return f"role {new[item[5:]]}"
        return item if key == "prefer" else new.get(item, item)

    def mapping(item: Mapping[str, Any], key: str) -> dict[str, Any]:
        by_name = key in _NAMED or key in _BY_NAME
        return {
            (new.get(name, name) if by_name and name != "default" else name): (
                (new.get(below, below) if key == "when" else value(below, key if by_name and below is None else name))
                if not by_name or key == "when"
                else entry(below, key)
            )
            for name, below in item.items()
        }

    def entry(item: Any, section: str) -> Any:
        """An entry of a section, whose keys are those of the format."""
        if section == "variants":
            return {key: below if key in _TEXTS else mapping(below, "") for key, below in item.items()}
        if isinstance(item, dict):
            return {key: holders(below) if key == "holders" else value(below, key) for key, below in item.items()}
        return value(item, "of")

    def holders(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {key: new[below] if key == "name" else value(below, key) for key, below in holder.items()}
            for holder in items
        ]

    return mapping(site, "")
