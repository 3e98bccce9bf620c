"""One takeover step by step: before, detection, switchover, after, repaired, back in service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from k2rel.arguments import as_names
from k2rel.organisation import Organisation
from k2rel.policy.failover import FailoverOutcome, raid_works
from k2rel.policy.failover import failover as follow
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover
from k2rel.rates import Law
from k2rel.studies import StudyLike, study_of
from k2rel.tables import Shown
from k2rel.units import format_duration

__all__ = ["Step", "takeover_steps"]

_ARRIVES, _FIRST_RETURN = 0, 2  # events of a TakeoverTable
_STAY = "roles stay where they are until the next takeover"


@dataclass(frozen=True, repr=False)
class Step(Shown):
    """One step of a takeover."""

    title: str
    words: str
    outcome: FailoverOutcome

    def _line(self) -> str:
        return f"{self.title}: {self.words}"


def takeover_steps(
    study: StudyLike, failed: Sequence[str] | str, organisation: Organisation | None = None
) -> list[Step]:
    """Follow one takeover that succeeds, from the failure until everything is in service again.

    Parameters
    ----------
    study : Study
    failed : sequence of str or str
        Parts that fail together.
    organisation : Organisation, optional
        Who places servers back in service; roles stick in any case.

    Returns
    -------
    list of Step
        In their order; a failure that moves no role has no switchover among them.

    Raises
    ------
    InputError
        If the site has no such part.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> [step.title for step in takeover_steps(study("L2R"), ["media_link_A1"])]
    ['before', 'detection', 'switchover', 'after', 'repaired', 'back in service']
    """
    study = study_of(study)
    site, failed = study.site, as_names("failed", failed)
    site.require_parts(failed)
    times = (organisation or Organisation()).takeover_times
    policy = Policy(site, study.policy.primary, sticky=True)
    takeover = Takeover(policy, times)
    good, bad = (
        policy.structure.truth(takeover.conditions, dict.fromkeys(parts, False) | raid_works(site, parts))
        for parts in ((), tuple(failed))
    )
    table = takeover.table(np.array([[state[node] for node in takeover.conditions] for state in (good, bad)]))
    mean_h = [law.mttr_h for part in failed if isinstance(law := study.law(part), Law)]

    def step(title: str, parts: Sequence[str], control: int, lasts: str) -> Step:
        variables = {name: bool(value[0]) for name, value in takeover.variables(np.array([control])).items()}
        outcome = follow(policy, parts, variables)
        lost = [name.replace("_", " ") for name, there in outcome.services.items() if not there]
        words = [takeover.words(control)] if takeover.roles else []
        words += [f"lost: {', '.join(lost)}" if lost else "every service is there", *([lasts] if lasts else [])]
        return Step(title, "; ".join(words).replace("_", " "), outcome)

    steps = [step("before", (), 0, "")]
    settled = int(table.settled[1, 0])
    if settled == 0:
        steps.append(step("failed", failed, 0, "no role moves"))
    else:
        noticed = "until a backup notices it and starts to take over; taken as at once"
        steps.append(step("detection", failed, 0, noticed))
        if takeover.moving[settled]:
            lasts = format_duration(1.0 / float(table.rate_per_h[_ARRIVES, 1, settled]))
            certain = float(table.coverage[1, 0])
            odds = f"; it succeeds with probability {certain:g}" if certain < 1 else ""
            steps.append(step("switchover", failed, settled, f"for {lasts} on average{odds}"))
            settled = int(table.settled[1, int(table.leads_to[_ARRIVES, 1, settled])])
        until = f"until the repair, {format_duration(max(mean_h))} on average" if mean_h else "until the repair"
        steps.append(step("after", failed, settled, until))
    settled = int(table.settled[0, settled])
    if takeover.moving[settled]:  # servers have returned by themselves, and a role is on its way back
        lasts = format_duration(1.0 / float(table.rate_per_h[_ARRIVES, 0, settled]))
        servers = [name for name in steps[-1].outcome.out_of_service if policy.returns_by_itself(name)]
        own = f"{', '.join(servers)} in service again without a person; " if servers else ""
        steps.append(step("repaired", (), settled, f"{own}the way back takes {lasts} on average"))
        settled = int(table.settled[0, int(table.leads_to[_ARRIVES, 0, settled])])
    else:
        steps.append(step("repaired", (), settled, "until a person places it back in service" if settled else ""))
    for _ in takeover.servers:
        returns = table.rate_per_h[_FIRST_RETURN:, 0, settled] if takeover.roles else np.zeros(0)
        ready = np.flatnonzero(returns[: len(takeover.servers)] > 0)
        if not len(ready):
            break
        settled = int(table.settled[0, int(table.leads_to[_FIRST_RETURN + int(ready[0]), 0, settled])])
        if takeover.moving[settled]:
            settled = int(table.settled[0, int(table.leads_to[_ARRIVES, 0, settled])])
    if len(steps) > 3 or steps[-1].outcome.out_of_service:
        returned = all(site.roles[name].failback == "automatic" for name in takeover.roles)
        stay = "each role at its first holder again" if returned and settled == 0 else _STAY
        steps.append(step("back in service", (), settled, stay))
    return steps
