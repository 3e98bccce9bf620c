"""Which engine answers for a study, under which reading of the takeovers, and why: chosen once, for whoever asks.

Roles whose takeovers take time, can fail, or leave something to a person, crews and maintenance need the chain; where
it is not to be had, the same rules are simulated; circumstances are simulated in any case; what is left is exact.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from k2rel.errors import InputError, K2relError, ModelTooLargeError, NoConvergenceError, closest, not_computed
from k2rel.markov.engine import Dynamics, solved
from k2rel.measures.engines import static_engine
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.services.diagrams import services_of
from k2rel.services.engine import Engine
from k2rel.site.coverage import coverages, detection_times
from k2rel.studies import Provenance, Study, StudyLike, study_of
from k2rel.tables import Shown

if TYPE_CHECKING:
    import pandas as pd

    from k2rel.simulation.circumstances import Circumstances
    from k2rel.simulation.plan import Plan
    from k2rel.simulation.results import Simulation

__all__ = [
    "AS_MODELLED",
    "IDEAL",
    "METHODS",
    "Solution",
    "StudyLike",
    "checked_method",
    "framed",
    "one_reading",
    "role_needs",
    "shared_reading",
    "solution_of",
    "study_of",
]

METHODS = ("auto", "exact", "markov", "simulation")
"""Words for who answers, the same wherever they are asked for."""

IDEAL, AS_MODELLED = "ideal", "as modelled"
_WORST_BOUND = 0.1  # of the unavailability that it bounds the error of: above it, the chain says too little


@dataclass(frozen=True, eq=False, repr=False)
class Solution(Shown):
    """A study with the engine that answers for it."""

    study: Study
    method: str  # exact, markov or simulation
    organisation: Organisation | None  # None: nobody but who repairs each part by itself, the exact engine
    takeovers: str  # "ideal": at once, certain, roles at the preferred side; or "as modelled"
    reason: str
    chosen: bool  # by k2rel, not by name
    plan: Plan | None = None
    circumstances: Circumstances | None = None
    asked: Organisation | None = None  # as it was given, also where the engine needs none

    def alike(self, study: Study) -> Solution:
        """The same question asked of another study: who repairs, how roles behave, and who was named to answer."""
        if study is self.study:
            return self
        method = "auto" if self.chosen else self.method
        return solution_of(study, method, self.asked, self.plan, self.circumstances)

    @cached_property
    def engine(self) -> Engine:
        """The static or the dynamic engine."""
        if self.method == "simulation":
            raise self.cannot("probabilities of modes and of changes between them", "exact or markov")
        return static_engine(self.study) if self.method == "exact" else self.dynamics

    @cached_property
    def dynamics(self) -> Dynamics:
        """The chain, also where the exact engine was chosen because both say the same."""
        if self.method == "markov":
            assert self.organisation is not None
            try:
                return solved(self.study, self.organisation)
            except (ModelTooLargeError, NoConvergenceError) as error:
                raise type(error)(f"{error}; with method auto or simulation no chain is needed") from None
        return self.chain.dynamics

    @cached_property
    def chain(self) -> Solution:
        """By the chain: itself, or under the same reading where the exact engine was chosen since both say the same."""
        if self.method == "markov":
            return self
        if self.method == "exact" and self.chosen:
            return replace(self, method="markov", organisation=self.followed)
        raise self.cannot(
            "figures by states of a chain, such as durations of interruptions and positions of roles", "markov"
        )

    @property
    def followed(self) -> Organisation:
        """Who repairs and how roles behave, for an engine that follows the site."""
        return self.organisation or Organisation(roles="ideal" if self.takeovers == IDEAL else "modelled")

    @cached_property
    def simulated(self) -> Simulation:
        """The histories."""
        from k2rel.simulation.engine import moderate_plan

        if self.method != "simulation":
            raise self.cannot("counts of histories", "simulation")
        return self.histories(self.plan or moderate_plan(self.study, self.followed, self.circumstances))

    def histories(self, plan: Plan | None, *, workers: int | None = None) -> Simulation:
        """Simulate under the same reading, whoever answers for the averages."""
        from k2rel.simulation.engine import simulate

        return simulate(self.study, self.followed, self.circumstances, plan, workers=workers)

    def cannot(self, what: str, others: str) -> InputError:
        """What to say where another engine is needed."""
        return not_computed(self.study.site.name, self.method, what, others)

    @cached_property
    def provenance(self) -> Provenance:
        """Who computed, under which reading, how well, from what."""
        found = self.simulated.provenance if self.method == "simulation" else self.engine.provenance
        return replace(found, takeovers=self.takeovers, reason=self.reason, error_bound=self.error_bound)

    @property
    def error_bound(self) -> float | None:
        """Bound on the error of every probability; 0 where exact up to rounding, None where there are intervals."""
        if self.method == "simulation":
            return None
        if isinstance(self.engine, Dynamics):
            return self.engine.states.error_bound + self.engine.test_bound
        return 0.0

    @cached_property
    def ideal(self) -> Solution | None:
        """The second reading, ideal takeovers; None where this is it already."""
        if self.takeovers == IDEAL or not (self.study.site.movable or self.study.site.suspensions):
            return None
        return solution_of(self.study, "exact")

    def _line(self) -> str:
        return f"{self.study.site.name}: {self.method}, takeovers {self.takeovers}: {self.reason}"


def solution_of(
    study: Any,
    method: str = "auto",
    organisation: Organisation | None = None,
    plan: Plan | None = None,
    circumstances: Circumstances | None = None,
) -> Solution:
    """Choose who answers; what was solved before is kept as it is where nothing else is asked for."""
    found = getattr(study, "solution", study)
    given = any(item is not None for item in (organisation, plan, circumstances))
    if isinstance(found, Solution) and method == "auto" and not given:
        return found
    checked_method(method)
    if organisation is not None and not isinstance(organisation, Organisation):
        raise InputError(f"organisation: an Organisation is needed, got {type(organisation).__name__}")
    checked_run(plan, circumstances)
    return _solution(study_of(study), method, organisation, plan, circumstances)


@lru_cache(maxsize=8)
def _solution(
    study: Study,
    method: str,
    organisation: Organisation | None,
    plan: Plan | None,
    circumstances: Circumstances | None,
) -> Solution:
    who = organisation or Organisation()
    roles = role_needs(study)
    takeovers = IDEAL if roles and who.roles == "ideal" else AS_MODELLED
    work = work_needs(who)
    name = study.site.name
    if method != "simulation" and not (method == "auto" and circumstances is not None):
        if plan is not None and method != "auto":
            raise InputError(f"plan: how much is simulated; the {method} engine needs none")
        if circumstances is not None:
            raise InputError(f"circumstances are followed by the simulation alone, not by method {method}")

    def made(engine: str, reason: str, reading: str = takeovers) -> Solution:
        told = None if engine == "exact" else who
        extra = (plan, circumstances) if engine == "simulation" else (None, None)
        return Solution(study, engine, told, reading, reason, method == "auto", *extra, organisation)

    if method == "exact":
        if work:
            raise InputError(f"{name}: {work[0]}: only method markov and simulation follow that, not exact")
        if told := who.differences():
            raise InputError(f"{name}: {told[0]}: the exact engine has ideal takeovers; use method markov")
        return made("exact", "requested", IDEAL if roles else AS_MODELLED)
    if method != "auto":
        return made(method, "requested")
    if circumstances is not None:
        return made("simulation", "circumstances are followed by the simulation alone")
    needs = [*(roles if who.roles == "modelled" else []), *work]
    if not needs:
        same = (
            "roles are taken to be at the preferred side"
            if takeovers == IDEAL
            else "no role moves, and nothing else needs a chain"
        )
        return made("exact", same)
    why = needs[0] if len(needs) == 1 else f"{', '.join(needs[:-1])} and {needs[-1]}"
    refused = _refused(study, who)
    if refused is None:
        return made("markov", why)
    return made("simulation", f"{why}, and there is no chain: {refused}")


def checked_method(method: Any, where: str = "method") -> str:
    """A word for who answers; `where` is what it was given as."""
    if method in METHODS:
        return str(method)
    raise InputError(f"{where}: there is no '{str(method)[:40]}'{closest(str(method), METHODS)}")


def checked_run(plan: Any, circumstances: Any) -> None:
    """Check what only a simulation takes, without loading it where nothing was given."""
    if plan is not None:
        from k2rel.simulation.plan import Plan

        if not isinstance(plan, Plan):
            raise InputError(f"plan: a Plan is needed, such as Plan(histories=1000), got {type(plan).__name__}")
    if circumstances is not None:
        from k2rel.simulation.circumstances import Circumstances

        if not isinstance(circumstances, Circumstances):
            raise InputError(f"circumstances: read_circumstances gives them, got {type(circumstances).__name__}")


def _refused(study: Study, organisation: Organisation) -> str | None:
    """Why there is no chain for a site; None where there is one that says enough."""
    try:
        dynamics = solved(study, organisation)
    except K2relError as error:
        return str(error).removeprefix(f"{study.site.name}: ")
    if organisation.tolerance is not None:
        return None
    principal = principal_traffic(study.site)
    found = next(service for service in services_of(dynamics.policy) if service.name == principal)
    down, bound = dynamics.unavailability(found), dynamics.states.error_bound
    return None if bound <= _WORST_BOUND * down else f"its error bound of {bound:.1e} is too wide for {down:.1e}"


def role_needs(study: Study) -> list[str]:
    """What takeovers of a site do that roles at the preferred side would leave out; empty where there is nothing."""
    roles = list(study.site.movable.values())
    policy = study.policy
    fences = policy.fences_of(holder for role in roles for holder in role.holders)
    found = {
        "takeovers take time": any(role.switchover_h > 0 for role in roles),
        "takeovers can fail": any(value < 1 for role in roles for value in coverages(role).values()),
        "roles stay where a takeover put them": any(role.failback != "automatic" for role in roles),
        "servers wait for operator action": bool(roles)
        and not all(policy.returns_by_itself(server) for server in policy.redundant_servers),
        "failures are detected after a delay": any(max(detection_times(role).values()) > 0 for role in roles),
        "roles fail back after a delay": any(role.failback_after_h > 0 or role.giveback_h for role in roles),
        "takeovers begin spuriously": any(role.spurious_per_h > 0 for role in roles),
        "takeovers become unready undetected": any(role.drift_per_h > 0 for role in roles),
        "fences take time or can fail": any(need.time_h > 0 or need.coverage < 1 for need in fences),
        "loss of contact can stop a holder": bool(roles) and policy.can_be_stopped(),
        "a split brain takes time to resolve": any(
            role.split_mend_h > 0 and policy.can_split(role.id) for role in roles
        ),
        "suspensions depend on the order of failures": bool(study.site.suspensions),
    }
    return [words for words, holds in found.items() if holds]


def work_needs(organisation: Organisation) -> list[str]:
    """What an organisation does that the exact engine does not know."""
    found = {
        f"a limited number of crews ({organisation.crews})": organisation.crews is not None,
        "an order of repairs": bool(organisation.priority),
        "maintenance": math.isfinite(organisation.maintenance_every_h),
        "repair times that are not exponential": organisation.repair_variation != 1.0,
    }
    return [words for words, holds in found.items() if holds]


def one_reading(takeovers: Iterable[str]) -> str:
    """The reading of a table; a site where no role moves is the same under both and stands under that of the others."""
    return IDEAL if IDEAL in set(takeovers) else AS_MODELLED


def shared_reading(takeovers: Collection[str]) -> str:
    """The reading of a table by those of its sites with roles that move, which must be one."""
    if len(takeovers) > 1:
        raise InputError(
            "levels: ideal takeovers and takeovers as modelled cannot be mixed in one table; name the method"
        )
    return one_reading(takeovers)


def framed(frame: pd.DataFrame, solution: Solution, **more: Any) -> pd.DataFrame:
    """A table that says who computed it, under which reading, how well, and from what."""
    return solution.provenance.signed(frame, **more)
