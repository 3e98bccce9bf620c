"""What a site says that format 1 could not say: no part of the input hash where it is not used.

So a site that uses none of it keeps its hash, and figures of earlier versions stay comparable.
"""

from __future__ import annotations

from dataclasses import fields

from k2rel.site.model import Site
from k2rel.site.roles import Holder, Role, Unit
from k2rel.units import MB_S

__all__ = ["beyond_format_1"]


def beyond_format_1(site: Site) -> list[object]:
    """List what differs from the defaults of format 2.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> beyond_format_1(read_site("L1", data="0.1"))
    []
    """
    found: list[object] = []
    for name, flow in site.traffic.items():
        paths = [(path.group, path.weight) for path in flow.paths]
        usual = [(n if flow.share == "first" else 1, 1.0) for n in range(1, len(paths) + 1)]
        said = (flow.share, flow.failover_h, flow.failover_coverage, paths)
        if said != ("first", 0.0, 1.0, usual):
            found.append((name, *said))
    found += [(name, flow.unit) for name, flow in site.traffic.items() if flow.unit != MB_S]
    found += [(name, part.unit) for name, part in site.components.items() if part.unit != MB_S]
    found += [name for name, part in site.components.items() if part.carries]
    found += [holder.name for role in site.roles.values() for holder in role.holders if holder.name]
    records: dict[str, Unit | Role | Holder] = {
        **{f"unit {name}": unit for name, unit in site.units.items()},
        **site.roles,
    }
    records |= {f"{name} {n}": each for name, role in site.roles.items() for n, each in enumerate(role.holders)}
    found += [(name, *of) for name, record in records.items() if (of := _more(record))]
    found += site.suspensions
    found += site.kinds
    found += [(name, part.kinds) for name, part in site.client_parts.items() if part.kinds]
    for name, flow in site.traffic.items():
        found += [(name, n, path.kinds) for n, path in enumerate(flow.paths) if path.kinds]
    # where the file has no list of full service, what it asks for says what yields
    return [*found, site.full_service, site.background] if site.full_service else found


def _more(record: Unit | Role | Holder) -> list[tuple[str, object]]:
    """What a record has beside what its repr shows and stands elsewhere, where that is not as by default."""
    hidden = [each for each in fields(record) if not each.repr and each.name not in ("uses", "coverage_of", "name")]
    return [(each.name, value) for each in hidden if (value := getattr(record, each.name)) != each.default]
