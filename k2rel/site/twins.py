"""Which parts are twins: alike, at the same place of the other side, and so likely to fail of one cause."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from k2rel.errors import InputError
from k2rel.site.model import CommonCauseGroup, Site

__all__ = ["COMMON_CAUSE", "with_common_cause"]

COMMON_CAUSE = ("declared", "twins", "none")
"""The groups of the file; those and every pair of twins; no group at all."""

_BETA = 0.05
_EVIDENCE = "P"
_REASON = "twins of one type at the same place of both sides; 90 % limits of the beta factor 1 to 10 %"
_SOURCE = "planning value; IEC 61508-6 table D.4 gives 0.5 to 10 % by score"


def with_common_cause(site: Site, groups: Literal["declared", "twins", "none"] | str) -> Site:
    """Choose the common-cause groups of a site.

    Parameters
    ----------
    site : Site
        The site, with the groups of its file.
    groups : {"declared", "twins", "none"}
        Groups of the file; those, and every pair of twins that stands in none of them; or no group.

    Returns
    -------
    Site
        The site with these groups.

    Raises
    ------
    InputError
        If the word is unknown.

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
    """Pairs of components, not links, whose names differ in the side alone."""
    if len(site.sides) != 2:
        return []
    one, other = site.sides
    drives = {drive for entry in site.raid_sets.values() for drive in (*entry.drives, *entry.spares)}
    result = []
    for name, part in site.components.items():
        if part.side != one or part.external or part.between or name in taken | drives:
            continue
        # the side stands in the name once; a name that holds its letter elsewhere has several candidates
        candidates = [
            name[:i] + other + name[i + len(one) :] for i in range(len(name)) if name[i : i + len(one)] == one
        ]
        for twin in candidates:
            found = site.components.get(twin)
            if found is not None and found.type == part.type and found.side == other and twin not in taken:
                factors = ((2, _BETA),)
                group = CommonCauseGroup(
                    f"twins_{name}", (name, twin), "beta-factor", factors, _EVIDENCE, _REASON, _SOURCE
                )
                result.append(group)
                break
    return result
