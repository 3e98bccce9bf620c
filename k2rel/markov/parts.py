"""What can fail: populations of alike members, each member with a few local states.

Components that a policy cannot tell apart (they stand in the same gates only) and that fail and are repaired
alike are one population. Parts of clients are not among them: they move no role and the user's own staff
restores them, so clients are independent given the mode, as in the static engine.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.phases import fitted
from k2rel.ctmc.small import steady_state
from k2rel.logic.structure import Node
from k2rel.organisation import NEEDS_NO_CREW, Organisation, RepairWork
from k2rel.policy.rules import Policy
from k2rel.rates import Law, RaidModule
from k2rel.studies import Study

__all__ = ["Move", "Parts", "Population", "on_known_days", "parts_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Move:
    """A change of one member: from and to a local state (0: as good as new), rate [1/h], rank of its repair.

    The rank is `NEEDS_NO_CREW` where no technician is needed.
    """

    before: int
    after: int
    rate_per_h: float
    rank: int = NEEDS_NO_CREW


@dataclass(frozen=True)
class Population:
    """Alike members: no function that is evaluated tells them apart."""

    members: tuple[str, ...]  # components, RAID sets or events of common cause
    moves: tuple[Move, ...]  # of one member
    states: tuple[str, ...]  # names of the local states but the first

    @property
    def size(self) -> int:
        """Number of members."""
        return len(self.members)

    @property
    def failure_rate_per_h(self) -> float:
        """Rate at which one member stops being as good as new [1/h]."""
        return sum(move.rate_per_h for move in self.moves if move.before == 0)

    @property
    def slow(self) -> bool:
        """Whether its failures stand long, mostly unnoticed, and wait for no crew until they are found."""
        return "hidden" in self.states or "lost" in self.states

    @property
    def under_repair(self) -> tuple[int, ...]:
        """Local states in which a member has failed and that is known."""
        return tuple(local for local, state in enumerate(self.states, 1) if state != "hidden")

    def _rates(self) -> FloatArray:
        count = len(self.states) + 1
        rates = np.zeros((count, count))
        for move in self.moves:
            rates[move.before, move.after] += move.rate_per_h
        return rates

    def weights(self) -> FloatArray:
        """Probability of each local state but the first, as a share of that of the first, left to itself."""
        p = steady_state(self._rates())
        return np.asarray(p[1:] / p[0])

    def back_h(self) -> FloatArray:
        """Mean time from each local state but the first until one member is as good as new, left to itself [h]."""
        rates = self._rates()
        generator = (np.diag(rates.sum(axis=1)) - rates)[1:, 1:]
        return np.asarray(np.linalg.solve(generator, np.ones(len(self.states))))


@dataclass(frozen=True)
class Parts:
    """All populations of a site, and the number of ranks of repair."""

    populations: tuple[Population, ...]
    ranks: int


def parts_of(
    study: Study, policy: Policy, roots: Sequence[Node], organisation: Organisation, apart: Collection[str] = ()
) -> Parts:
    """Find what can fail in a site, alike things together but for those which are told apart."""
    site = study.site
    asked = policy.structure.variables(roots)
    physical = {*site.components, *site.raid_sets, *site.cause_events} - site.drives
    names = [name for name in asked if name in physical]
    if organisation.crews is not None:
        names += [name for name in site.components if name not in names and name not in site.drives]
    repair = RepairOf(study, organisation)
    alike: dict[object, list[str]] = {}
    above = _gates_above(policy, roots)
    for name in names:
        if repair.fails(name):
            node = policy.structure.variable(name)
            alone = name if node in roots or node not in above or above[node] is None else above[node]
            alike.setdefault((repair.key(name), alone, name if name in apart else ""), []).append(name)
    populations = [
        Population(tuple(members), moves, states)
        for members in alike.values()
        for moves, states in [repair.component(members[0], study.law(members[0]))]
    ]
    return Parts(tuple(populations), len(organisation.priority) + 1)


def on_known_days(study: Study, population: Population) -> Law | None:
    """Give the law of a population whose hidden failures are found on known days; None for tests on any days."""
    law = study.law(population.members[0])
    return law if "hidden" in population.states and isinstance(law, Law) and law.tested_together else None


def _gates_above(policy: Policy, roots: Sequence[Node]) -> dict[Node, frozenset[Node] | None]:
    """The gates that read each variable; None where one of them reads in a fixed order."""
    result: dict[Node, frozenset[Node] | None] = {}
    for node in policy.structure.needed(roots):
        kind, arguments, _, _ = policy.structure.gate(node)
        for part in arguments:
            if kind == "ite" or result.get(part, frozenset()) is None:
                result[part] = None
            else:
                result[part] = (result.get(part) or frozenset()) | {node}
    return result


class RepairOf:
    """Local states of parts under an organisation."""

    def __init__(self, study: Study, organisation: Organisation) -> None:
        self.study = study
        self.organisation = organisation
        self.work = RepairWork(study, organisation)

    def _law(self, name: str) -> Law | None:
        law = self.study.law(name)
        return law if isinstance(law, Law) else None

    def fails(self, name: str) -> bool:
        """Whether a part can fail at all."""
        law = self.study.law(name)
        return law.frequency_per_h > 0

    def key(self, name: str) -> object:
        """What makes two parts fail and be repaired alike."""
        law = self._law(name)
        if law is None:
            return name
        tests = (law.test_interval_h, law.tested_independently, law.test_days_h) if law.test_interval_h > 0 else None
        # what is drawn apart is no population, though it is alike at the point
        return (law.failure_rate_per_h, tests, self.work.hands_on_h(name, law), self.work.rank(name, law), law.uses)

    def component(
        self, name: str, law: Law | RaidModule, longer_h: float = 0.0
    ) -> tuple[tuple[Move, ...], tuple[str, ...]]:
        """Moves and local states of one component, RAID set or event of common cause, with a failure law.

        `longer_h` is added to the time of work on it.
        """
        if not isinstance(law, Law):  # a RAID set: its own chain, brought to two states with the same rate and mean
            up = law.frequency_per_h / (1.0 - law.unavailability)
            return (Move(0, 1, up), Move(1, 0, 1.0 / law.mean_downtime_h)), ("lost",)
        rank, hands_on_h = self.work.rank(name, law), self.work.hands_on_h(name, law)
        hidden = 1 if law.test_interval_h > 0 else 0
        law = replace(law, mttr_h=law.mttr_h + longer_h)
        time = fitted(hands_on_h + longer_h, self.organisation.repair_variation)
        first = hidden + 1
        states = (
            *(["hidden"] * hidden),
            *(["down"] if time.phases == 1 else [f"down {k + 1}" for k in range(time.phases)]),
        )
        moves = []
        for k, share in enumerate(time.start):
            rate = 1.0 / (law.mean_downtime_h - law.mttr_h) if hidden else law.failure_rate_per_h
            if share > 0:
                moves.append(Move(hidden, first + k, rate * share))
        if hidden:
            moves.append(Move(0, 1, law.failure_rate_per_h))
        for k in range(time.phases):
            for other, rate in enumerate(time.moves_per_h[k]):
                if rate > 0:
                    moves.append(Move(first + k, first + other, rate, rank))
            if time.ends_per_h[k] > 0:
                moves.append(Move(first + k, 0, time.ends_per_h[k], rank))
        return tuple(moves), states
