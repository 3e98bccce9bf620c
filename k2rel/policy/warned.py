"""What check warns of that the rules have to be followed for: a site that is overloaded with nothing failed."""

from __future__ import annotations

from k2rel.errors import Problem
from k2rel.policy.failover import failover
from k2rel.policy.rules import Policy
from k2rel.site.source import YamlSource

__all__ = ["overload_warnings"]


def overload_warnings(policy: Policy) -> tuple[Problem, ...]:
    """List what the foreground overloads with nothing failed, so that full service is never there.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> overload_warnings(Policy(read_site("L2R")))
    ()
    """
    site = policy.site
    over = [item for item in failover(policy).loads if item.ends_full_service]
    if not over:
        return ()
    source = YamlSource(site.file, {}, {}) if site.origin is None else site.origin.source
    return tuple(
        source.problem(
            (site.components[item.element].section, item.element, "capacity"),
            f"with nothing failed its load is {item.counted_mb_s:.6g} {item.unit} at a capacity of "
            f"{item.capacity_mb_s:.6g} {item.unit}, so full service is never up; raise the capacity, lower the demand, "
            "or write 'priority: background' where a class yields",
        )
        for item in over
    )
