"""What format 1 of a file says otherwise than format 2, which is that of the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import k2rel.site.document as doc
from k2rel.site.source import KeyPath
from k2rel.site.values import Branches

__all__: list[str] = []

OF_FORMAT_2 = ("detection", "giveback", "spurious", "failed_takeover", "readiness", "partition", "split_brain")
"""Keys of a role."""

UPGRADE = "k2rel check --upgrade FILE"


def order_by_side(of_holders: Sequence[str], sides: Sequence[str]) -> list[int]:
    """In which order format 1 asks holders, by the side of each: the first side's first, else as listed."""
    place = {side: number for number, side in enumerate(sides)}
    return sorted(range(len(of_holders)), key=lambda n: place.get(of_holders[n], len(place)))


def yielding(document: doc.SiteDocument) -> frozenset[str]:
    """Classes that format 1 has yield: those with a demand that its list of full service does not name."""
    named = document.full_service
    loaded = {name for name, entry in document.traffic.items() if entry.demand.value > 0}
    return frozenset() if named is None else frozenset(loaded - set(named))


def of_format_2(document: doc.SiteDocument) -> Iterator[tuple[KeyPath, str]]:
    """Entries of a file that format 1 does not know, each with what it is."""
    for section in ("components", "links"):
        for name, part in getattr(document, section).items():
            if part.carries is not None:
                yield (section, name, "carries"), "'carries'"
    for name, part in document.clients.parts.items():
        for key in ("carries", "needs"):
            if key in part.model_fields_set:
                yield ("clients", "parts", name, key), f"'{key}' of a client's part"
    if document.clients.kinds:
        yield ("clients", "kinds"), "'kinds'"
    yield from _of_takeovers(document)
    for name, flow in document.traffic.items():
        for key in ("share", "priority", "path_failover", "unit"):
            if key in flow.model_fields_set:
                yield ("traffic", name, key), f"'{key}'"
        for index, path in enumerate(flow.paths):
            where: KeyPath = ("traffic", name, "paths", index)
            for key in ("group", "weight", "kinds"):
                if getattr(path, key) not in (None, ()):
                    yield (*where, key), f"'{key}' of a path"
            for number, stage in enumerate(path.via):
                if isinstance(stage, Branches):
                    if any(not isinstance(branch, str) for branch in stage.of):
                        yield (*where, "via", number), "a series of parts in at_least/of"
                    elif any(one in document.clients.parts or str(one).startswith("@") for one in stage.of):
                        yield (*where, "via", number), "a client's part or subscription in at_least/of"


def _of_takeovers(document: doc.SiteDocument) -> Iterator[tuple[KeyPath, str]]:
    """Entries of takeovers that format 1 does not know."""
    for name, unit in document.units.items():
        for key in ("takeover_needs", "takes_down"):
            if key in unit.model_fields_set:
                yield ("units", name, key), f"'{key}'"
    for name, role in document.roles.items():
        for index, holder in enumerate(role.holders):
            if holder.name is not None:
                yield ("roles", name, "holders", index, "name"), "the name of a holder"
            if "takeover_needs" in holder.model_fields_set:
                yield ("roles", name, "holders", index, "takeover_needs"), "'takeover_needs'"
        if role.failback not in ("manual", "automatic"):
            yield ("roles", name, "failback"), "a failback after some time"
        for key in OF_FORMAT_2:
            if key in role.model_fields_set:
                yield ("roles", name, key), f"'{key}'"
    for name in document.suspends:
        yield ("suspends", name), "'suspends'"
