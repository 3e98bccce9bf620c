"""What would help most: changes that the site itself suggests, each computed with the exact engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from k2rel.bundled import level_names
from k2rel.errors import InputError, closest
from k2rel.exact.engine import unavailability
from k2rel.measures.availability import service_named
from k2rel.measures.importance import causes
from k2rel.policy.failover import principal_traffic
from k2rel.rates import Law, SiteLaws, site_laws
from k2rel.studies import Study, study
from k2rel.units import MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Change", "best_changes", "candidate_changes", "duplicated", "with_second"]

_CONTRACTS = {"nbd": ("4h", "onsite"), "4h": ("onsite",), "onsite": ()}
_TITLES = {"4h": "four-hour repair contract", "onsite": "spares and technician on site"}
_PARTS = 12


@dataclass(frozen=True, eq=False)
class Change:
    """A change of a design.

    Parameters
    ----------
    title : str
        The change, in words.
    kind : {"contract", "stock", "duplicate", "level"}
        Another repair contract; spares and technician on site for one type; a second part beside one; another level.
    study : Study
        The changed study.
    """

    title: str
    kind: str
    study: Study


def duplicated(law: Law) -> Law:
    r"""Make the law of two alike parts of which one is enough, each repaired by itself.

    Parameters
    ----------
    law : Law
        Law of each.

    Returns
    -------
    Law
        A law with the unavailability :math:`q^2` and the failure frequency :math:`2 q w` of the pair (IEC 61078,
        parallel structure; :math:`w` the frequency of one), so exact wherever parts are independent.

    Examples
    --------
    >>> one = Law(1e-3, 10.0)
    >>> two = duplicated(one)
    >>> abs(two.unavailability / one.unavailability**2 - 1) < 1e-12
    True
    """
    q, w = law.unavailability, law.frequency_per_h
    if q == 0.0:
        return law
    down = q / (2.0 * w)
    rate = q * q / ((1.0 - q * q) * down)
    return Law(
        rate, down, rates_id=law.rates_id, evidence=law.evidence, source=f"two of: {law.source}", share=law.share
    )


def with_second(one: Study, parts: Sequence[str]) -> Study:
    """Put a second part beside each of some, alike and repaired by itself; one of the two is enough.

    Parameters
    ----------
    one : Study
        The study.
    parts : sequence of str
        Shared components, or parts that each client has, by their name in the file.

    Returns
    -------
    Study
        The changed study: the law of each part is that of the pair (`duplicated`).

    Raises
    ------
    InputError
        If the site has no such part, or it is a drive of a RAID set or in a group of common causes.

    Examples
    --------
    >>> before = study("L2")
    >>> with_second(before, ["switch_A"]).law("switch_A").unavailability < 1e-8
    True
    """
    site = one.site
    shared, client = dict(one.laws.shared), dict(one.laws.client)
    drives = {drive for entry in site.raid_sets.values() for drive in (*entry.drives, *entry.spares)}
    grouped = {member for group in site.common_cause for member in group.members}
    for part in parts:
        if part in drives or part in grouped:
            raise InputError(
                f"'{part}': a drive of a RAID set or a part with common causes cannot be doubled by itself"
            )
        if part in client:
            client[part] = duplicated(client[part])
        elif part in shared:
            shared[part] = duplicated(shared[part])
        else:
            known = [*shared, *client]
            raise InputError(f"{site.name} has no part '{str(part)[:60]}'{closest(str(part), known)}")
    return replace(one, laws=replace(one.laws, shared=shared, client=client))


def candidate_changes(one: Study, service: str | None = None) -> list[Change]:
    """List the changes that a site suggests, for the downtime of a service.

    Parameters
    ----------
    one : Study
        The study.
    service : str, optional
        The service; by default the principal traffic.

    Returns
    -------
    list of Change
        Faster repair contracts; for each type among the twelve largest causes its spares and a technician on site; for
        each such part that is not in a RAID set a second one beside it; for a bundled level every other level with a
        site-wide service of that name, with the same clients.

    Raises
    ------
    InputError
        If there is no such service.

    Examples
    --------
    >>> found = candidate_changes(study("L2"))
    >>> {change.kind for change in found} == {"contract", "stock", "duplicate", "level"}
    True
    """
    name = service or principal_traffic(one.site)
    table = causes(one, name)
    parts = [str(part) for part in table.index[(table["share"] > 1e-4).to_numpy()][:_PARTS]]
    result = [
        Change(f"{_TITLES[contract]} for everything", "contract", replace(one, laws=_laws(one, contract)))
        for contract in _CONTRACTS[one.laws.contract]
    ]
    site = one.site
    own = {f"each client's {key}": key for key in site.client_parts}
    best = _laws(one, "onsite")
    seen: set[str] = set()
    for part in parts:
        key = own.get(part)
        component = site.client_parts[key] if key else site.components.get(part)
        if component is None:  # a RAID set or a common cause: not a part that is bought
            continue
        kind = component.type
        if kind not in seen:
            seen.add(kind)
            shared = {n: best.shared[n] if site.components[n].type == kind else x for n, x in one.laws.shared.items()}
            client = {n: best.client[n] if site.client_parts[n].type == kind else x for n, x in one.laws.client.items()}
            if any(shared[n].mttr_h < x.mttr_h for n, x in one.laws.shared.items()) or any(
                client[n].mttr_h < x.mttr_h for n, x in one.laws.client.items()
            ):
                words = f"spare {kind.replace('_', ' ')} and technician on site"
                result.append(
                    Change(words, "stock", replace(one, laws=replace(one.laws, shared=shared, client=client)))
                )
        title = f"a second {part.replace('_', ' ')} beside the first" if not key else f"{part} doubled"
        if all(part not in group.members for group in site.common_cause):
            result.append(Change(title, "duplicate", with_second(one, [key or part])))
    return result + _other_levels(one, name)


def _laws(one: Study, contract: str) -> SiteLaws:
    return site_laws(one.site, contract, one.rates)


def _other_levels(one: Study, service: str) -> list[Change]:
    site = one.site
    if site.name not in level_names() or site.changed or site.variant:
        return []
    result = []
    for level in level_names():
        if level == site.name:
            continue
        try:
            other = study(level, clients=site.client_count, repair=one.laws.contract, rates=one.rates)
            service_named(other, service)
        except InputError:
            continue
        result.append(Change(f"{other.site.title} instead", "level", other))
    return result


def best_changes(one: Study, service: str | None = None, *, most: int = 3) -> pd.DataFrame:
    """Say which changes remove the most downtime, each made alone and computed.

    Parameters
    ----------
    one : Study
        The study.
    service : str, optional
        The service; by default the principal traffic.
    most : int
        How many.

    Returns
    -------
    pandas.DataFrame
        Index ``change``, best first; ``kind``, ``downtime_min_per_year`` after it, ``removed_min_per_year`` and
        ``removed_share``. Exact static figures, roles at the preferred side. Of changes that do the same, the first.

    Raises
    ------
    InputError
        If there is no such service, or `most` is below 1.

    Examples
    --------
    >>> best_changes(study("L2R")).index[0]
    'a second raid chassis beside the first'
    """
    import pandas as pd

    if most < 1:
        raise InputError(f"changes: at least 1, got {most}")
    name = service or principal_traffic(one.site)
    now = _minutes(one, name)
    rows = []
    for change in candidate_changes(one, name):
        after = _minutes(change.study, name)
        if after < now * (1 - 1e-9):
            share = (now - after) / now
            rows.append((change.title, change.kind, after, now - after, share))
    columns = ["change", "kind", "downtime_min_per_year", "removed_min_per_year", "removed_share"]
    frame = pd.DataFrame(rows, columns=columns).sort_values("downtime_min_per_year", kind="stable")
    return frame.head(most).set_index("change")


def _minutes(one: Study, service: str) -> float:
    return unavailability(one, service_named(one, service)) * MINUTES_PER_YEAR
