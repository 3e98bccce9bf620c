"""What a file says of takeovers that changes nothing at its site."""

from __future__ import annotations

from collections.abc import Iterator

import k2rel.site.document as doc
from k2rel.site.model import Site
from k2rel.site.roles import Role, Unit
from k2rel.site.source import KeyPath
from k2rel.site.takeover_entries import RoleEntry

__all__: list[str] = []


def of_takeovers(document: doc.SiteDocument, site: Site) -> Iterator[tuple[KeyPath, str]]:
    """Rules without a case, and numbers that nothing asks for."""
    move = {name for role in site.movable.values() for holder in role.holders for name in holder.units}
    held = {name for role in site.roles.values() for holder in role.holders for name in holder.units}
    for name, unit in document.units.items():
        for key in ("takeover_needs", "takes_down"):
            if getattr(unit, key) and name in held - move:
                yield (
                    ("units", name, key),
                    "no role moves away from this unit, so no takeover needs it; give a role that names the unit a "
                    "second holder",
                )
    for name, role in document.roles.items():
        path: KeyPath = ("roles", name)
        yield from _of_partitions(role.model_fields_set, site, site.roles[name])
        if name not in site.movable:
            for key in sorted(_OF_MOVABLE & role.model_fields_set):
                yield (*path, key), "the role has one holder and never moves, so it has no effect; add a second holder"
        for index, holder in enumerate(role.holders):
            if holder.takeover_needs and name not in site.movable and not _has_quorum(site.roles[name]):
                yield (
                    (*path, "holders", index, "takeover_needs"),
                    "the role has one holder and is never taken over, so nothing needs it; add a second holder",
                )
        yield from _never_asked_for(path, role)


_OF_MOVABLE = {"detection", "giveback", "spurious", "failed_takeover", "readiness"}


def _of_partitions(said: set[str], site: Site, role: Role) -> Iterator[tuple[KeyPath, str]]:
    """Rules of a partition, or of a split, where there can be none."""
    units = [site.units[unit] for holder in role.holders for unit in holder.units] if role.id in site.movable else []
    split = any(
        _can_be_silent(site.units[unit]) and _can_stay_alive(site.units[unit])
        for holder in role.holders
        if role.id in site.movable and holder.quorum is None
        for unit in holder.units
    )
    if "partition" in said and not any(map(_can_be_silent, units)):
        yield (
            ("roles", role.id, "partition"),
            "no takeover begins because a heartbeat is missing, so no side has to give way; write 'missing: anyway' at "
            "a heartbeat of a unit of its holders",
        )
    if "split_brain" in said and not split:
        yield (
            ("roles", role.id, "split_brain"),
            "no two holders can have this role at once: for that a heartbeat with 'missing: anyway' is missing while "
            "no quorum, and no fence that a takeover waits for, stops the former holder",
        )


def _can_be_silent(unit: Unit) -> bool:
    return any(need.kind == "heartbeat" and need.missing == "anyway" for need in unit.takeover_needs)


def _can_stay_alive(unit: Unit) -> bool:
    """Whether a takeover from a unit can begin while nothing stops it."""
    fences = [need for need in unit.takeover_needs if need.kind == "fence"]
    return not fences or any(fence.missing == "anyway" for fence in fences)


def _has_quorum(role: Role) -> bool:
    return any(holder.quorum is not None for holder in role.holders)


def _never_asked_for(path: KeyPath, role: RoleEntry) -> Iterator[tuple[KeyPath, str]]:
    """Times of what never happens."""
    if (failed := role.failed_takeover) is not None and failed.restoration and failed.operator_coverage == 1:
        yield (
            (*path, "failed_takeover", "restoration"),
            "the operator always succeeds, so nothing is restored; give operator_coverage below 1",
        )
    if (ready := role.readiness) is not None:
        if ready.drift == 0:
            yield (*path, "readiness"), "there is no drift, so it has no effect; give drift, such as 0.5 per year"
        if ready.takes and ready.drill is None:
            yield (*path, "readiness", "takes"), "there are no drills, so it has no effect; give drill, such as 90 d"
    if (split := role.split_brain) is not None and split.restore and split.restore_probability == 0:
        yield (
            (*path, "split_brain", "restore"),
            "data are never restored after a split; give restore_probability above 0",
        )
