"""Coverage of takeovers by what failed: which entry of a role's coverage is about a part."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from k2rel.errors import closest
from k2rel.inputs import Input, Uses
from k2rel.site.model import Component
from k2rel.site.roles import Role, Unit
from k2rel.site.stages import names_in

__all__ = ["DEFAULT", "class_of", "coverage_name", "coverages", "detections", "failure_words", "may_fail_over"]

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


def class_of(classes: Collection[str], name: str, components: Mapping[str, Component]) -> str:
    """Class of a part among classes of failures: its own name, else its type; "" without one."""
    if name in classes:
        return name
    kind = components[name].type if name in components else ""
    return kind if kind in classes else ""


def detections(role: Role) -> dict[str, float]:
    """Give the mean time until a loss is detected by class of what failed, first "" for what no class names [h]."""
    return {"": role.detection_h, **dict(role.detection_of)}


def coverage_name(cause: str) -> str:
    """Name a coverage among what a role is given: ``coverage``, or ``coverage[server_software]`` by class."""
    return f"coverage[{cause}]" if cause else "coverage"


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
    """Names of parts whose failure can begin a takeover of a role, alone or with others."""

    def with_needs(names: Iterable[str]) -> None:
        for name in names:
            if name not in found:
                found.add(name)
                part = components.get(name)
                with_needs(below for need in (part.needs if part else ()) for below in names_in(need))

    found: set[str] = set()
    if len(role.holders) > 1:
        for holder in role.holders:
            if not holder.units:
                with_needs(name for need in holder.needs for name in names_in(need))
            for unit in holder.units:
                with_needs(units[unit].triggers if unit in units else ())
    return found


def coverage_uses(role: tuple[str | int, ...], inputs: Mapping[tuple[str | int, ...], Input]) -> tuple[Uses, ...]:
    """What the coverages of a role by what failed use, from inputs by place."""
    given = {path[-1]: found.name for path, found in inputs.items() if path[:-1] == (*role, "coverage")}
    return tuple(Uses(coverage_name("" if cause == DEFAULT else str(cause)), name) for cause, name in given.items())


def coverage_problems(
    role: Role, units: Mapping[str, Unit], components: Mapping[str, Component], shared: Collection[str]
) -> Iterator[tuple[str, str]]:
    """What is wrong with classes of coverage: each is of something whose failure can begin a takeover of the role."""
    begin = may_fail_over(role, units, components)
    kinds = {components[name].type for name in begin if name in components}
    types = {components[name].type for name in shared if name in components}
    for name, _ in role.coverage_of:
        known = {*shared, *types}
        if name not in known:
            yield name, f"there is no component type or part '{name}'{closest(name, known)}"
        elif name not in begin | kinds:
            why = "it is no trigger of a unit of its holders, and no trigger needs it"
            never = f"'{role.id}' has one holder and never moves"
            yield name, f"no takeover begins with '{name}': {why if len(role.holders) > 1 else never}"
