"""Changes of how the takeovers of one role go: drills, sooner noticed losses, a shorter way back, another attempt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from k2rel.errors import InputError, closest
from k2rel.inputs import without
from k2rel.site.roles import Role
from k2rel.studies import Study, with_site
from k2rel.units import HOURS_PER_YEAR, three_digits

__all__ = ["DRILL_H", "TAKEOVER_KINDS", "takeover_candidates", "with_takeovers"]

TAKEOVER_KINDS = ("drill", "detection", "giveback", "retry")
"""Kinds of change of a role's takeovers."""

DRILL_H = 2160.0
"""Interval of drills every quarter [h]: 90 days."""
_RETRY_H = 2.0 / 60.0
_RETRY_COVERAGE = 0.5  # no source states one: the title says it


def takeover_candidates(study: Study) -> Iterator[tuple[str, str, str]]:
    """What there is to change, as title, kind and role: nothing where nothing drifts, takes time or can fail."""
    for name, role in study.site.movable.items():
        of = f"takeovers of {role.title}"
        for kind in TAKEOVER_KINDS:
            if _changed(role, kind) == role:
                continue
            yield {
                "drill": f"{of} drilled every 90 days{_interrupted(role)}",
                "detection": f"losses that begin {of} noticed in half the time",
                "giveback": f"{role.title} given back in half the time",
                "retry": f"another attempt 2 min after a failed takeover of {role.title}, half of them with success",
            }[kind], kind, name  # fmt: skip


def _interrupted(role: Role) -> str:
    """What drills cost by plan."""
    if role.drill_h == 0:
        return ", which interrupts nothing"
    each = HOURS_PER_YEAR / DRILL_H * role.drill_h * 60.0
    return f" ({three_digits(each)} min a year of planned interruptions)"


def with_takeovers(study: Study, kind: str, name: str) -> Study:
    """The study with one change of a role's takeovers; it never makes a number worse."""
    site = study.site
    if name not in site.movable:
        raise InputError(f"{site.name} has no role '{name[:60]}' that can move{closest(name, site.movable)}")
    return with_site(study, replace(site, roles={**site.roles, name: _changed(site.roles[name], kind)}))


def _changed(role: Role, kind: str) -> Role:
    """A role with one change; the same where there is nothing to change."""
    if kind == "drill" and role.drift_per_h > 0 and role.drill_every_h > DRILL_H:
        return replace(role, drill_every_h=DRILL_H, uses=without(role.uses, "drill_every_h"))
    if kind == "detection":
        halved = tuple((cause, hours / 2.0) for cause, hours in role.detection_of)
        return replace(role, detection_h=role.detection_h / 2.0, detection_of=halved)
    if kind == "giveback" and role.failback == "automatic" and role.giveback_h:
        return replace(role, giveback_h=role.giveback_h / 2.0)
    if kind == "retry" and role.retry_coverage == 0 and role.operator_coverage < 1:
        return replace(role, retry_after_h=_RETRY_H, retry_coverage=_RETRY_COVERAGE)
    return role
