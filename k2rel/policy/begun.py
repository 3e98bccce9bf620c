"""The takeovers that failures begin, step by step: how long each step lasts on average, how likely it works.

Of several times, or probabilities, whose causes stand the shortest, or smallest, counts, as in takeovers as modelled.
Roles that move at one instant are one takeover there; here each stands by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from k2rel.logic.structure import FALSE, TRUE, Node
from k2rel.policy.controls import TakeoverTimes
from k2rel.policy.reasons import holder_label
from k2rel.policy.rules import Policy
from k2rel.site.coverage import coverages, detection_times
from k2rel.site.roles import Role
from k2rel.tables import Shown
from k2rel.units import format_duration

__all__ = ["BegunTakeover", "StepBegun", "begun_nodes", "begun_takeovers", "possible_takeovers"]

Values = tuple[tuple[Node, float], ...]


@dataclass(frozen=True, slots=True)
class StepBegun:
    """One step: its mean time [h], and the probability that it works, or that it is needed; None where neither is."""

    title: str
    hours: float | None
    probability: float | None
    lasts: str
    after_failure: bool


@dataclass(frozen=True, slots=True, repr=False)
class BegunTakeover(Shown):
    """A takeover of one role that the failed parts begin."""

    role: str
    former: str
    new: str
    both: bool  # nothing stops the former holder
    steps: tuple[StepBegun, ...]

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "role": self.role, "from": self.former, "to": self.new, "both": self.both,
            "steps": [
                {"step": s.title, "hours": s.hours, "lasts": s.lasts, "probability": s.probability,
                 "after_failure": s.after_failure} for s in self.steps
            ],
        }  # fmt: skip

    def words(self) -> str:
        """Say its steps in a line."""

        def told(steps: list[StepBegun]) -> str:
            odds = [f" ({s.probability:g})" if s.probability is not None else "" for s in steps]
            return ", ".join(f"{s.title}{' ' if s.lasts else ''}{s.lasts}{p}" for s, p in zip(steps, odds, strict=True))

        then = told([step for step in self.steps if not step.after_failure])
        otherwise = told([step for step in self.steps if step.after_failure])
        return then + (f"; if that fails: {otherwise}" if otherwise else "")


@dataclass(frozen=True, slots=True)
class PossibleStep:
    """A step, when it is one, and its times and probabilities by when they stand."""

    title: str
    when: Node
    hours: Values = ()
    probability: Values = ()
    after_failure: bool = False
    until: str = ""  # how long it lasts, where no time says so


@dataclass(frozen=True, slots=True)
class PossibleTakeover:
    """A takeover of a role from one holder by another, and when failures begin it."""

    role: str
    former: str
    new: str
    when: Node
    both: Node
    steps: tuple[PossibleStep, ...]


@lru_cache(maxsize=32)
def possible_takeovers(policy: Policy) -> tuple[PossibleTakeover, ...]:
    """List the takeovers of a site: from home holders or, of a sticky policy, from whoever has the role.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> [(each.former, each.new) for each in possible_takeovers(Policy(read_site("L2R")))]
    [('server_A', 'server_B')]
    """
    found = []
    for name, role in policy.site.movable.items():
        holders = policy.holders(name)
        starts = list(enumerate(policy.held(name))) if policy.sticky else [(0, TRUE)]
        for place, at in starts:
            takes = policy.takes(name, place)
            split = policy.split(name, place) if policy.can_split(name) else FALSE
            steps = tuple(_steps(policy, role, place, split))
            for n, other in enumerate(holders):
                when = policy.structure.conjunction([at, takes[n]])
                if when != FALSE:
                    found.append(
                        PossibleTakeover(name, holder_label(holders[place]), holder_label(other), when, split, steps)
                    )
    return tuple(found)


def _steps(policy: Policy, role: Role, place: int, split: Node) -> Iterator[PossibleStep]:
    s, holder = policy.structure, policy.holders(role.id)[place]
    alone = s.negation(split)
    times = detection_times(role)
    if any(times.values()):
        yield PossibleStep("detected", TRUE, _standing(policy, policy.detected_by(role.id, place), times))
    slowest = max(policy.fence_times(holder), key=lambda of: sum(map(policy.time_of, of)), default=[])
    for unit, n, acts in policy.fences(holder):
        need = policy.need_of(unit, n)
        waited = any((given.unit, given.need) == (unit, n) for given in slowest)  # other units' act meanwhile
        server, lasts = policy.site.units[unit].server, ((TRUE, need.time_h if waited else 0.0),)
        sure: Values = ((TRUE, need.coverage),) if need.coverage < 1 else ()
        yield PossibleStep(f"fence of {server}", acts, lasts, sure)
        if waited:  # as modelled a role is on its way so long whether or not the fence does anything
            yield PossibleStep(f"wait for fence of {server}", s.conjunction([alone, s.negation(acts)]), lasts)
    given = coverages(role)
    odds = _standing(policy, policy.causes(role.id, place), given) if any(p < 1 for p in given.values()) else ()
    yield PossibleStep("switchover", alone, ((TRUE, role.switchover_h),), odds)
    yield PossibleStep("both have it", split, (), odds, until="until heard again")
    if role.split_mend_h > 0:
        yield PossibleStep("mended", split, ((TRUE, role.split_mend_h),))
        if role.split_restore_share > 0:
            yield PossibleStep(
                "data restored", split, ((TRUE, role.split_restore_h),), ((TRUE, role.split_restore_share),)
            )
    if odds or any(need.coverage < 1 for need in policy.fences_of([holder])) or role.drift_per_h > 0:
        yield from _after_failure(role)


def _after_failure(role: Role) -> Iterator[PossibleStep]:
    if role.retry_coverage > 0:
        again = ((TRUE, role.retry_coverage),)
        yield PossibleStep("another attempt", TRUE, ((TRUE, role.retry_after_h),), again, after_failure=True)
    works = ((TRUE, role.operator_coverage),) if role.operator_coverage < 1 else ()
    hours = TakeoverTimes().manual_takeover_h
    yield PossibleStep("operator", TRUE, ((TRUE, hours),), works, after_failure=True)
    if role.operator_coverage < 1:
        yield PossibleStep("restoration", TRUE, ((TRUE, role.restoration_h),), after_failure=True)


def _standing(policy: Policy, causes: list[tuple[str, Node]], given: Mapping[str, float]) -> Values:
    """Values by the classes of causes that stand; where none does that of the rest."""
    s = policy.structure
    if not causes:
        return ((TRUE, given[""]),)
    nobody = s.negation(s.disjunction(node for _, node in causes))
    return tuple((s.disjunction([node, nobody]) if cause == "" else node, given[cause]) for cause, node in causes)


def begun_nodes(policy: Policy) -> Iterator[Node]:
    """Structure functions that `begun_takeovers` reads."""
    for each in possible_takeovers(policy):
        yield from (each.when, each.both)
        for step in each.steps:
            yield step.when
            yield from (node for node, _ in (*step.hours, *step.probability))


def begun_takeovers(policy: Policy, truth: Mapping[Node, bool]) -> tuple[BegunTakeover, ...]:
    """List the takeovers that begin in one state."""

    def least(values: Values) -> float | None:
        return min((value for node, value in values if truth[node]), default=None)

    def step(each: PossibleStep) -> StepBegun:
        hours = least(each.hours)
        lasts = each.until if hours is None else lasts_words(hours)
        return StepBegun(each.title, hours, least(each.probability), lasts, each.after_failure)

    return tuple(
        BegunTakeover(
            each.role,
            each.former,
            each.new,
            truth[each.both],
            tuple(step(one) for one in each.steps if truth[one.when]),
        )
        for each in possible_takeovers(policy)
        if truth[each.when]
    )


def lasts_words(hours: float) -> str:
    """Write the mean time of a step."""
    return format_duration(hours) if hours > 0 else "at once"
