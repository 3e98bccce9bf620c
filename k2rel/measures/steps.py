"""One takeover step by step: detection, fence, switchover, after, repaired, back in service; and where it fails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from k2rel.arguments import as_names
from k2rel.organisation import Organisation
from k2rel.policy.failover import FailoverOutcome, raid_works
from k2rel.policy.failover import failover as follow
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover, TakeoverTimes
from k2rel.rates import Law
from k2rel.site.client_names import parts_meant
from k2rel.site.roles import TakeoverNeed
from k2rel.studies import Study, StudyLike, study_of
from k2rel.tables import Shown
from k2rel.units import format_duration

__all__ = ["Step", "takeover_steps"]

_ARRIVES, _FIRST_RETURN = 0, 2  # events of a TakeoverTable
_GOOD, _BAD = 0, 1  # its rows here
# what can follow a takeover that failed: title, events in which it works and in which it does not, and in words
_AFTER_FAILURE = (
    ("another attempt", "retry", "retry_fails", "another attempt is made"),
    ("operator", "manual_takeover", "manual_takeover_fails", "operator action"),
    ("restoration", "restoration", "", "it is restored"),
)
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
    """Follow one takeover that succeeds, from the failure until everything is in service again; then one that fails.

    Parameters
    ----------
    study : Study
    failed : sequence of str or str
        Parts that fail together.
    organisation : Organisation, optional
        Who places servers back in service; takeovers are as modelled in any case.

    Returns
    -------
    list of Step
        In their order; a failure that moves no role has no switchover among them. What follows a takeover that fails
        comes last, where the site says more of it than that an operator acts.

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
    return _Walk(
        study, parts_meant(study.site, as_names("failed", failed)), (organisation or Organisation()).takeover_times
    ).steps()


class _Walk:
    """One takeover, followed in the table of two conditions: nothing has failed, and what fails."""

    def __init__(self, study: Study, failed: Sequence[str], times: TakeoverTimes) -> None:
        self.study, self.site, self.failed = study, study.site, failed
        self.policy = policy = Policy(study.site, study.policy.primary, sticky=True)
        self.takeover = takeover = Takeover(policy, times)
        self.works = [dict.fromkeys(parts, False) | raid_works(study.site, parts) for parts in ((), tuple(failed))]
        truth = [policy.structure.truth(takeover.conditions, works) for works in self.works]
        self.table = takeover.table(np.array([[state[node] for node in takeover.conditions] for state in truth]))
        mean_h = [law.mttr_h for part in failed if isinstance(law := study.law(part), Law)]
        self.until = f"until the repair, {format_duration(max(mean_h))} on average" if mean_h else "until the repair"
        self.found: list[Step] = []

    def steps(self) -> list[Step]:
        """All steps: of a takeover that succeeds, then what follows where it fails."""
        self.step("before", _GOOD, 0, "")
        begins, settled = self.noticed()
        if begins is not None:
            settled = self.moves(begins, settled)
        self.back(self.repaired(settled))
        if begins is not None and self.takeover.eventful:
            self.fails(begins)
        return self.found

    def step(self, title: str, row: int, control: int, lasts: str) -> None:
        """Put a step down: what has failed, where the roles are, and how long that lasts."""
        outcome = follow(self.policy, self.failed if row == _BAD else (), self.variables(control))
        lost = [name.replace("_", " ") for name, there in outcome.services.items() if not there]
        words = [self.takeover.words(control)] if self.takeover.roles else []
        words += [f"down: {', '.join(lost)}" if lost else "every service is up", *([lasts] if lasts else [])]
        self.found.append(Step(title, "; ".join(words).replace("_", " "), outcome))

    def variables(self, control: int) -> dict[str, bool]:
        return {name: bool(value[0]) for name, value in self.takeover.variables(np.array([control])).items()}

    def settled(self, row: int, control: int) -> int:
        return int(self.table.settled[row, control])

    def event(self, name: str, row: int, control: int) -> tuple[float, int] | None:
        """Rate of an event in time, and what it leads to at once; None where it does not happen."""
        for n, event in enumerate(self.table.events):
            if event.name == name and (rate := float(self.table.rate_per_h[n, row, control])) > 0:
                return rate, int(self.table.leads_to[n, row, control])
        return None

    def arrived(self, row: int, control: int) -> int:
        """Where the roles are when those on their way have arrived."""
        return self.settled(row, int(self.table.leads_to[_ARRIVES, row, control]))

    def arrival_h(self, row: int, control: int) -> float:
        return 1.0 / float(self.table.rate_per_h[_ARRIVES, row, control])

    def noticed(self) -> tuple[int | None, int]:
        """From which control state a takeover begins, if one does, and what follows from it."""
        settled = self.settled(_BAD, 0)
        held = bool((self.takeover.holder[settled] == 0).all())
        if held and (due := self.event("detection", _BAD, settled)) is not None:
            lasts = f"until the standby detects it and starts the takeover, {format_duration(1.0 / due[0])} on average"
            self.step("detection", _BAD, settled, lasts)
            return due[1], self.settled(_BAD, due[1])
        if settled == 0 or (held and self.takeover.eventful):
            self.step("failed", _BAD, settled, "no role moves")
            return None, settled
        self.step("detection", _BAD, 0, "until the standby detects it and starts the takeover; assumed to be instant")
        return 0, settled

    def moves(self, begins: int, settled: int) -> int:
        """A role is taken over: fences, the switchover, and what is so until the repair."""
        if self.takeover.sides_active[settled]:
            both = "nothing stops the former holder, both sides are active"
            self.step("split brain", _BAD, settled, f"{both} {self.until}")
            return settled
        certain, fence_h = float(self.table.coverage[_BAD, begins]), 0.0
        fences = self.fences(begins)
        if fences:
            fence_h = max(sum(need.time_h for need in of) for of in fences)
            works = math.prod(need.coverage for need in {id(need): need for of in fences for need in of}.values())
            certain = certain / works if works > 0 else certain
            odds = f"; it succeeds with probability {works:g}" if works < 1 else ""
            lasts = f"for {format_duration(fence_h)} on average" if fence_h > 0 else "at once"
            self.step("fence", _BAD, settled, f"the former holder is stopped {lasts}{odds}")
        if self.takeover.moving[settled]:
            lasts_h = self.arrival_h(_BAD, settled) - fence_h
            if lasts_h > 1e-9:
                odds = f"; it succeeds with probability {certain:g}" if certain < 1 else ""
                self.step("switchover", _BAD, settled, f"for {format_duration(lasts_h)} on average{odds}")
            settled = self.arrived(_BAD, settled)
        self.step("after", _BAD, settled, self.until)
        return settled

    def fences(self, begins: int) -> list[list[TakeoverNeed]]:
        """For each unit of a first holder that a role leaves the fences that act, one after another."""
        after, structure = self.takeover.holder[self.settled(_BAD, begins)], self.policy.structure
        state = {**self.works[_BAD], **self.variables(begins)}
        found: list[list[TakeoverNeed]] = []
        for r, role in enumerate(self.takeover.roles):
            acting = self.policy.fences(self.policy.holders(role)[0]) if after[r] != 0 else []
            truth = structure.truth([when for _, _, when in acting], state)
            each: dict[str, list[TakeoverNeed]] = {}
            for unit, n, when in acting:
                if truth[when]:
                    each.setdefault(unit, []).append(self.policy.need_of(unit, n))
            found += each.values()
        return [of for of in found if of]

    def repaired(self, settled: int) -> int:
        """Everything that failed is good again: splits are mended, roles go back where they do so by themselves."""
        takeover, settled = self.takeover, self.settled(_GOOD, settled)
        data = self.event("data_loss", _GOOD, settled)
        if (mended := self.event("mending", _GOOD, settled)) is not None:
            rate, after = mended[0] + (data[0] if data else 0.0), self.settled(_GOOD, mended[1])
            odds = f"; then, with probability {data[0] / rate:g}, its data are restored" if data else ""
            self.step(
                "repaired",
                _GOOD,
                settled,
                f"until the split brain is resolved, {format_duration(1.0 / rate)} on average{odds}",
            )
            if data and (restored := self.event("data_restore", _GOOD, data[1])) is not None:
                lasts = f"for {format_duration(1.0 / restored[0])} on average, if the data are damaged"
                self.step("data restored", _GOOD, data[1], lasts)
            return after
        if takeover.moving[settled]:  # servers have returned by themselves, and a role is on its way back
            lasts = format_duration(self.arrival_h(_GOOD, settled))
            servers = [name for name in self.found[-1].outcome.out_of_service if self.policy.returns_by_itself(name)]
            own = f"{', '.join(servers)} in service again without operator action; " if servers else ""
            self.step("repaired", _GOOD, settled, f"{own}the failback takes {lasts} on average")
            return self.arrived(_GOOD, settled)
        if (back := self.event("failback", _GOOD, settled)) is not None:
            waits = f"until it returns to its first holder, {format_duration(1.0 / back[0])} on average"
            self.step("repaired", _GOOD, settled, waits)
            settled = self.settled(_GOOD, back[1])
            if takeover.moving[settled]:
                lasts = format_duration(self.arrival_h(_GOOD, settled))
                self.step("giveback", _GOOD, settled, f"for {lasts} on average")
                settled = self.arrived(_GOOD, settled)
            return settled
        self.step("repaired", _GOOD, settled, "until an operator returns it to service" if settled else "")
        return settled

    def back(self, settled: int) -> None:
        """Servers are placed back in service, one after another."""
        takeover, table = self.takeover, self.table
        for _ in takeover.servers:
            returns = table.rate_per_h[_FIRST_RETURN:, _GOOD, settled] if takeover.roles else np.zeros(0)
            ready = np.flatnonzero(returns[: len(takeover.servers)] > 0)
            if not len(ready):
                break
            settled = self.settled(_GOOD, int(table.leads_to[_FIRST_RETURN + int(ready[0]), _GOOD, settled]))
            if takeover.moving[settled]:
                settled = self.arrived(_GOOD, settled)
        if len(self.found) > 3 or self.found[-1].outcome.out_of_service:
            returned = all(self.site.roles[name].failback == "automatic" for name in takeover.roles)
            stay = "each role at its first holder again" if returned and settled == 0 else _STAY
            self.step("back in service", _GOOD, settled, stay)

    def fails(self, begins: int) -> None:
        """What follows where the takeover fails: another attempt, an operator, restoration."""
        certain = float(self.table.coverage[_BAD, begins])
        if certain == 1.0:
            return
        control, which = int(self.table.failed[_BAD, begins]), "if it fails"
        odds = f"with probability {1.0 - certain:.3g}; "
        for title, works, fails, what in _AFTER_FAILURE:
            good, bad = self.event(works, _BAD, control), self.event(fails, _BAD, control) if fails else None
            if good is None and bad is None:
                continue
            rate = (good[0] if good else 0.0) + (bad[0] if bad else 0.0)
            works_with = f", which succeeds with probability {good[0] / rate if good else 0.0:g}" if bad else ""
            lasts = f"{odds}{what} after {format_duration(1.0 / rate)} on average{works_with}"
            self.step(f"{which}: {title}", _BAD, control, lasts)
            if bad is None:
                return
            control, which, odds = self.settled(_BAD, bad[1]), "if that fails", ""
