"""Keys of the entries of a site file, which an editor completes in Python; `k2rel.site.document` says what each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

__all__: list[str] = []

Quantity: TypeAlias = "str | float | Mapping[str, Any]"
"""A number with its unit, such as ``"4 h"``; ``"=name"`` of an assumption; or a value with limits."""

Names: TypeAlias = "str | Sequence[str]"
Needs: TypeAlias = "str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]"
"""Parts, or `k2rel.at_least`, all of which must work."""


class HeadKeys(TypedDict, total=False):
    """What stands at the head of a file."""

    format: int
    description: str
    revision: str | int
    author: str
    date: Any
    sources: Names
    rates: str


class LawKeys(TypedDict, total=False):
    """Failure and repair."""

    rates: str
    mttf: Quantity
    failure_rate: Quantity
    unavailability: Quantity
    mttr: Quantity
    test_interval: Quantity
    test_offset: Quantity
    tested: Literal["on the same days", "independently"]
    temperature: Quantity
    duty: Quantity
    age: Quantity
    evidence: str
    source: str
    capacity: Quantity
    external: bool | str


class PartKeys(LawKeys, total=False):
    """A part; `within` is what it sits in, which a file calls ``in``."""

    type: str
    side: str
    title: str
    within: str
    needs: Needs
    carries: bool


class LinkedKeys(PartKeys, total=False):
    """A part that may be a cable."""

    between: Sequence[str]


class OwnPartKeys(LinkedKeys, total=False):
    """A part that each client has, or each of some kinds."""

    kinds: Names


class RaidKeys(TypedDict, total=False):
    """Drives that keep data together."""

    level: int
    drives: int
    hot_spares: int
    drive_type: str
    within: str
    rebuild: Quantity
    restore: Quantity
    title: str


class UnitKeys(TypedDict, total=False):
    """Parts that fail over together."""

    server: str
    triggers: Names
    heartbeat: str
    takeover_needs: Needs
    takes_down: Names
    shuts_down: Literal["noticed", "lost"]


class HolderKeys(TypedDict, total=False):
    """One place that can hold a role."""

    on: str
    units: Names
    needs: Needs
    name: str
    takeover_needs: Needs


class RoleKeys(TypedDict, total=False):
    """A function that one place at a time performs."""

    title: str
    holders: Sequence[Mapping[str, Any]]
    failback: str
    backup: Literal["healthy", "able"]
    coverage: Quantity
    switchover: Quantity
    unable_backup: Literal["takes over", "waits"]
    recovered_backup: Literal["waits", "takes over"]
    restart: Literal["out of service", "in service"]
    operator_places: Literal["preferred", "former", "other"]
    operator_moves: Literal["failed takeovers", "any loss"]
    detection: Quantity
    giveback: Quantity
    spurious: Quantity
    failed_takeover: Mapping[str, Any]
    readiness: Mapping[str, Any]
    partition: Literal["keeps", "moves"]
    split_brain: Mapping[str, Any]


class SuspensionKeys(TypedDict, total=False):
    """When a part goes out of use, though it works."""

    lost: Names
    works: Names
    auto_recovery: Quantity


class TrafficKeys(TypedDict, total=False):
    """A class of traffic."""

    title: str
    scope: Literal["client", "site"]
    demand: Quantity
    unit: str
    requires: Names
    prefer: str
    detects: Literal["path", "port"]
    share: Literal["first", "equal", "weighted", "all"]
    priority: Literal["foreground", "background"]
    path_failover: Mapping[str, Any]
    paths: Sequence[Mapping[str, Any]]


class PathKeys(TypedDict, total=False):
    """One way through the site."""

    carried_by: str
    when: Mapping[str, str]
    group: int
    weight: float
    kinds: Names


class AssumptionKeys(TypedDict, total=False):
    """Something that no source states."""

    low: str | float
    high: str | float
    distribution: Literal["lognormal", "gamma", "beta", "uniform", "triangular"]
    evidence: Literal["INFERRED", "UNKNOWN", "CHOSEN"]
    reason: str
    source: str


class CauseKeys(TypedDict, total=False):
    """Alike parts that one cause can take away together."""

    members: Names
    model: Literal["beta-factor", "MGL", "alpha-factor", "phi-factor"]
    factors: Mapping[int | str, float]
    evidence: str
    reason: str
    source: str
