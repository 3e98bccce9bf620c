"""Common-cause groups of a site: those of its file, and alike parts at the same place of the sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from k2rel.errors import InputError
from k2rel.site.model import CommonCauseGroup, Component, Site

__all__ = ["COMMON_CAUSE", "with_common_cause"]

COMMON_CAUSE = ("declared", "twins", "none")
"""The groups of the file; those and all twins of the sides that stand in none of them; no group at all."""

_BETA = 0.05
_EVIDENCE = "P"
_REASON = "twins of one type at the same place of {} sides; 90 % limits of the beta factor 1 to 10 %"
_SOURCE = "planning value; IEC 61508-6 table D.4 gives 0.5 to 10 % by score"


def with_common_cause(site: Site, groups: Literal["declared", "twins", "none"] | str) -> Site:
    """Choose the common-cause groups of a site.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> [group.members for group in with_common_cause(read_site("L2R"), "twins").common_cause][0]
    ('switch_A', 'switch_B')
    """
    if groups not in COMMON_CAUSE:
        raise InputError(f"common cause: unknown choice '{groups}'; known: {', '.join(COMMON_CAUSE)}")
    if groups == "declared":
        return site
    if groups == "none":
        return replace(site, common_cause=())
    taken = {member for group in site.common_cause for member in group.members}
    return replace(site, common_cause=(*site.common_cause, *_twins(site, taken)))


def _twins(site: Site, taken: set[str]) -> list[CommonCauseGroup]:
    """Components or links of two and more sides, alike, whose names differ in the side alone."""
    result, taken = [], set(taken)
    for place, one in enumerate(site.sides):
        for name, part in site.components.items():
            if name in taken | site.drives or part.external or _side(site, name) != one:
                continue
            found = (_twin(site, part, one, other, taken) for other in site.sides[place + 1 :])
            members = (name, *(twin for twin in found if twin is not None))
            if len(members) > 1:
                taken.update(members)
                factors = ((len(members), _BETA),)
                which = "both" if len(site.sides) == 2 else "all" if len(members) == len(site.sides) else "several"
                reason = _REASON.format(which)
                group = CommonCauseGroup(f"twins_{name}", members, "beta-factor", factors, _EVIDENCE, reason, _SOURCE)
                result.append(group)
    return result


def _twin(site: Site, part: Component, one: str, other: str, taken: set[str]) -> str | None:
    """The part of another side that is alike and at the same place."""
    for twin in _mirrored(part.id, one, other):
        found = site.components.get(twin)
        if found is None or twin in taken or found.external or _side(site, twin) != other:
            continue
        if found.type == part.type and _alike(part, found) and _same_place(part, found, one, other):
            return twin
    return None


def _side(site: Site, name: str) -> str | None:
    """Side of a part: its own, else that of what it sits in, else for a link the one that its ends have in common."""
    part = site.components.get(name)
    if part is None or part.side is not None:
        return part.side if part is not None else None
    if part.between is None:
        return _side(site, part.within) if part.within is not None else None
    sides = {_side(site, end) for end in part.between} - {None}
    return sides.pop() if len(sides) == 1 else None


def _mirrored(name: str, one: str, other: str) -> list[str]:
    """Names with the other side instead: at one place, as it holds the letter elsewhere too, or wherever it stands."""
    result = []
    for here, there in ((one, other), (one.lower(), other.lower())):
        at = [i for i in range(len(name)) if name[i : i + len(here)] == here]
        result += [name[:i] + there + name[i + len(here) :] for i in at]
        result += [name.replace(here, there)] if len(at) > 1 else []
    return list(dict.fromkeys(result))


def _alike(part: Component, twin: Component) -> bool:
    """Whether both fail and are repaired alike; they can be tested on different days."""
    one, other = (
        replace(each.by_hand.over(each.law), evidence=None, source=None, test_offset_h=None, tested=None)
        for each in (part, twin)
    )
    return one == other


def _same_place(part: Component, twin: Component, one: str, other: str) -> bool:
    """Whether links join the same things on their sides."""
    if part.between is None or twin.between is None:
        return part.between == twin.between
    return all(any(end in (start, *_mirrored(start, one, other)) for end in twin.between) for start in part.between)
