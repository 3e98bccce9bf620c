"""Coverage and detection times of takeovers by what failed: which entry of a role's classes is about a part."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from k2rel.errors import closest
from k2rel.inputs import Input, Uses
from k2rel.site.model import Component
from k2rel.site.needs import with_needs
from k2rel.site.roles import Role, Unit
from k2rel.site.source import KeyPath
from k2rel.site.stages import named

__all__ = [
    "DEFAULT",
    "class_name",
    "class_of",
    "coverage_name",
    "coverages",
    "detection_times",
    "failure_words",
    "may_fail_over",
]

DEFAULT = "default"
"""Key of a file's coverage for what no other entry names."""


def coverages(role: Role) -> dict[str, float]:
    """Give the probability that a takeover succeeds by class of what failed, first "" for what no class names.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> coverages(read_site("L2R").roles["file_system"])
    {'': 0.95, 'server_software': 0.8, 'fs_database': 0.8}
    """
    return {"": role.coverage, **dict(role.coverage_of)}


def detection_times(role: Role) -> dict[str, float]:
    """Give the mean time from a failure until its takeover begins by class of what failed, first "" as in `coverages`.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> detection_times(read_site("L2R").roles["file_system"])
    {'': 0.0}
    """
    return {"": role.detection_h, **dict(role.detection_of)}


def class_of(classes: Collection[str], name: str, components: Mapping[str, Component]) -> str:
    """Class of a part among classes of failures: its own name, else its type; "" without one."""
    if name in classes:
        return name
    kind = components[name].type if name in components else ""
    return kind if kind in classes else ""


def class_name(field: str, cause: str) -> str:
    """Name a number by class among what a role is given, as in ``detection_h[server_software]``."""
    return f"{field}[{cause}]" if cause else field


def coverage_name(cause: str) -> str:
    """Name a coverage among what a role is given: ``coverage``, or ``coverage[server_software]`` by class."""
    return class_name("coverage", cause)


def failure_words(role: Role) -> str:
    """Say with which probability a takeover fails.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from k2rel.site import read_site
    >>> role = read_site("L2R").roles["file_system"]
    >>> failure_words(replace(role, coverage_of=(("server_software", 0.8), ("fs_database", 0.8))))
    '0.05 (0.2 if server_software or fs_database failed)'
    """
    named: dict[float, list[str]] = {}
    for name, value in role.coverage_of:
        named.setdefault(value, []).append(name)
    other = ", ".join(f"{1 - value:.2g} if {' or '.join(names)} failed" for value, names in named.items())
    return f"{1 - role.coverage:.2g}" + (f" ({other})" if other else "")


def may_fail_over(role: Role, units: Mapping[str, Unit], components: Mapping[str, Component]) -> set[str]:
    """Names of parts whose failure can begin a takeover of a role, alone or with others.

    A takeover for want of a heartbeat or a quorum alone has no such cause.
    """
    found: set[str] = set()
    if len(role.holders) > 1:
        for holder in role.holders:
            found.update(() if holder.units else named(holder.needs))
            found.update(trigger for unit in holder.units if unit in units for trigger in units[unit].triggers)
    return with_needs(found, components)


def class_uses(path: KeyPath, field: str, inputs: Mapping[KeyPath, Input]) -> tuple[Uses, ...]:
    """What the numbers of a role by what failed use, from inputs by place; `path` is that of the entry."""
    given = {"": inputs[path].name} if path in inputs else {}
    given |= {str(at[-1]): found.name for at, found in inputs.items() if at[:-1] == path}
    return tuple(Uses(class_name(field, "" if of == DEFAULT else of), name) for of, name in given.items())


def class_problems(
    role: Role,
    of: Iterable[tuple[str, float]],
    units: Mapping[str, Unit],
    components: Mapping[str, Component],
    shared: Collection[str],
) -> Iterator[tuple[str, str]]:
    """What is wrong with classes of a role: each is of something whose failure can begin a takeover of it."""
    begin = may_fail_over(role, units, components)
    kinds = {components[name].type for name in begin if name in components}
    types = {components[name].type for name in shared if name in components}
    for name, _ in of:
        known = {*shared, *types}
        if name not in known:
            yield name, f"there is no component type or part '{name}'{closest(name, known)}"
        elif name not in begin | kinds:
            why = "it is not a trigger of a unit of its holders, and no trigger needs it"
            never = f"'{role.id}' has one holder and never moves"
            yield name, f"no takeover begins with '{name}': {why if len(role.holders) > 1 else never}"
