"""The next hours by simulation: where laws age, the ages that are given count, and how long repairs have lasted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from k2rel.markov.engine import followed_policy
from k2rel.measures.ahead_of import Action
from k2rel.measures.must_not_fail import Critical, Losses, services_on_duty
from k2rel.measures.risk_result import Risk, RiskOfService
from k2rel.measures.solution import Solution
from k2rel.policy.failover import principal_traffic
from k2rel.policy.present import Present, possible_actions
from k2rel.rates import Law
from k2rel.simulation.ahead import Ahead, ServiceAhead, ahead
from k2rel.simulation.estimates import Estimate

__all__ = ["simulated_risk"]

_NOT_SIMULATED = (
    "simulated: actions are evaluated as done now only; the usual figures are those of the state with "
    "nothing failed; probabilities of parts that must not fail are those of exponential lives over the whole horizon"
)


def simulated_risk(
    solution: Solution,
    present: Present,
    control: int,
    horizon_h: float,
    lengths_h: tuple[float, ...],
    ages_h: Mapping[str, float],
    histories: int,
    seed: int,
) -> Risk:
    """Simulate what `k2rel.risk` says, from the same state by the same rules."""
    study, who = solution.study, solution.followed

    def looked(failed: Mapping[str, float], at: int | None) -> Ahead:
        return ahead(
            study, who, solution.circumstances, down_since_h=failed, control=at, ages_h=ages_h, horizon_h=horizon_h,
            longer_than_h=lengths_h, histories=histories, seed=seed,
        )  # fmt: skip

    since = dict(zip(present.failed, present.since_h, strict=True))
    policy = followed_policy(study, who)
    site_services = services_on_duty(policy)
    losses = Losses(study, policy, who.takeover_times, site_services)
    settling = losses.settling
    here, good = looked(since, control if settling else None), looked({}, None)
    services = [_service(here[each.name], good[each.name]) for each in site_services]
    principal = principal_traffic(study.site)
    actions = []
    for each in possible_actions(settling, present.failed, control):
        then = looked({part: since[part] for part in each.failed}, each.control if settling else None)[principal]
        p = then.p_failure_within.value if then.up_now else math.nan
        actions.append(Action(each.kind, each.of, each.to, 0.0, p, then.downtime_h.value))
    main = next(each for each in services if each.service == principal)
    back = here[principal].back_h
    return Risk(
        present,
        {} if settling is None else settling.roles_words(control),
        () if settling is None else settling.servers_out(control),
        horizon_h,
        lengths_h,
        principal,
        tuple(services),
        _critical(solution, losses, present, control, horizon_h),
        tuple(sorted(actions, key=lambda each: (each.downtime_h, each.part))),
        tuple((part, math.nan) for part in present.failed),
        math.nan if main.up_now or back is None else back.value,
        math.nan,
        replace(here.provenance, takeovers=solution.takeovers, reason=solution.reason),
        (_NOT_SIMULATED,),
    )


def _service(here: ServiceAhead, good: ServiceAhead) -> RiskOfService:
    def limits(found: Estimate) -> tuple[float, float]:
        return found.low, found.high

    intervals = {"p_failure_within": limits(here.p_failure_within), "downtime_h": limits(here.downtime_h)}
    intervals |= {f"p_longer_{n}": limits(each) for n, each in enumerate(here.p_longer_than)}
    return RiskOfService(
        here.service,
        here.title,
        here.up_now,
        here.p_failure_within.value if here.up_now else None,
        good.p_failure_within.value,
        tuple(each.value if here.up_now else math.nan for each in here.p_longer_than),
        tuple(each.value for each in good.p_longer_than),
        here.downtime_h.value,
        good.downtime_h.value,
        here.back_h.value if here.back_h is not None else None,
        intervals,
    )


def _critical(
    solution: Solution, losses: Losses, present: Present, control: int, horizon_h: float
) -> tuple[Critical, ...]:
    """Parts whose failure alone takes a service down from here."""
    site, study = solution.study.site, solution.study
    parts = [name for name in (*site.components, *site.raid_sets) if name not in present.failed]
    parts = [name for name in parts if name not in site.drives and study.law(name).frequency_per_h > 0]
    after = [frozenset((*present.failed, part)) for part in parts]
    already = losses.down([frozenset(present.failed)], np.array([control]))[0]
    lost = losses.after(after, np.full(len(parts), control)) & ~already
    found = {part: losses.named(row) for part, row in zip(parts, lost, strict=True) if row.any()}
    return tuple(losses.listed(found, {part: _p_within(solution, part, horizon_h) for part in found}))


def _p_within(solution: Solution, part: str, horizon_h: float) -> float:
    law = solution.study.law(part)
    rate = law.failure_rate_per_h if isinstance(law, Law) else law.frequency_per_h
    return -math.expm1(-rate * horizon_h)
