"""Where a state that a person describes stands in a chain, and where the chain goes from many states by one action."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.markov.engine import Dynamics
from k2rel.policy.controls import IN_SERVICE, OUT
from k2rel.policy.positions import Kind

__all__ = ["Places"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NOWHERE = -1


class Places:
    """The states of a chain by what has failed and where the roles are.

    Examples
    --------
    >>> from k2rel import Organisation, study
    >>> from k2rel.markov.engine import solved
    >>> places = Places(solved(study("L2R"), Organisation(tolerance=1e-6)))
    >>> places.found([], 0)
    [(0, 1.0)]
    """

    def __init__(self, dynamics: Dynamics) -> None:
        self.dynamics, self.states = dynamics, dynamics.states
        # in the order of the populations' members: which has which atoms, without "hidden", and of each phase of repair
        self._number = {
            member: number
            for number, population in enumerate(self.states.parts.populations)
            for member in population.members
        }
        self._atom = {
            (int(number), int(local)): atom
            for atom, (number, local) in enumerate(
                zip(self.states.population.tolist(), self.states.local.tolist(), strict=True), 1
            )
        }

    @cached_property
    def _parts(self) -> dict[tuple[int, ...], int]:
        """State of the parts by its atoms, with nobody on the way to repair."""
        used = np.unique(self.states.part_state)
        used = used[~self.states.onsite[used]]
        rows = self.states.atoms[used].tolist()
        return {tuple(a for a in row if a): n for n, row in zip(used.tolist(), rows, strict=True)}

    @cached_property
    def _joint(self) -> dict[int, int]:
        """State by the state of the parts and the control state."""
        key = self.states.part_state * self._controls + self.states.control
        return {one: n for n, one in enumerate(key.tolist())}

    @property
    def _controls(self) -> int:
        return self.states.takeover.controls if self.states.takeover else 1

    def follows(self, part: str) -> bool:
        """Say whether a part decides anything here."""
        return part in self._number

    def _ways(self, part: str, since_h: float) -> list[tuple[int, float]]:
        """Atoms of a part that has been under repair so long, with their probabilities."""
        from scipy.linalg import expm

        number = self._number[part]
        population = self.states.parts.populations[number]
        repair = population.under_repair
        place = {local: n for n, local in enumerate(repair)}
        begins, rates = np.zeros(len(repair)), np.zeros((len(repair), len(repair) + 1))
        for move in population.moves:
            if move.before in place:
                rates[place[move.before], place.get(move.after, -1)] += move.rate_per_h
            elif move.after in place:
                begins[place[move.after]] += move.rate_per_h
        generator = rates[:, :-1] - np.diag(rates.sum(axis=1))
        now = begins / begins.sum()
        if len(repair) > 1 and since_h > 0.0:  # given that the repair still goes on
            fade = float(np.max(np.linalg.eigvals(generator).real))
            now = now @ expm((generator - fade * np.eye(len(repair))) * since_h)
            now /= now.sum()
        return [(self._atom[number, local], float(p)) for local, p in zip(repair, now, strict=True) if p > 0.0]

    def found(self, failed: Sequence[str], control: int, since_h: Sequence[float] = ()) -> list[tuple[int, float]]:
        """Give the states that a description fits, with their probabilities; none where they are not followed."""
        known = [(name, hours) for name, hours in itertools.zip_longest(failed, since_h) if self.follows(name)]
        ways = [self._ways(name, hours or 0.0) for name, hours in known]
        result: dict[int, float] = {}
        for way in itertools.product(*ways):
            state = self._index(sorted(atom for atom, _ in way), control)
            if state == NOWHERE:
                return []
            result[state] = result.get(state, 0.0) + math.prod(p for _, p in way)
        return list(result.items())

    def spread(self, ways: Iterable[tuple[int, float]]) -> FloatArray:
        """Probability of every state, from some of them with theirs."""
        result = np.zeros(self.states.chain.states)
        for state, p in ways:
            result[state] += p
        return result

    def _index(self, atoms: Sequence[int], control: int) -> int:
        part_state = self._parts.get(tuple(atoms))
        if part_state is None:
            return NOWHERE
        return self._joint.get(part_state * self._controls + (control if self.states.takeover else 0), NOWHERE)

    def _settled(self, part_state: int, control: int) -> tuple[tuple[int, float], ...]:
        """Control states that follow at once from one, by whether a takeover succeeds, with their probabilities."""
        if self.states.takeover is None:
            return ((0, 1.0),)
        joint = self.states.recipe.joint
        pair = int(joint.pair[joint.condition[part_state], control])
        if pair < 0:
            return ()
        good = float(joint.coverage[pair])
        ways = ((int(joint.settled[pair]), good), (int(joint.failed[pair]), 1.0 - good))
        return tuple((after, p) for after, p in ways if p > 0.0)

    def _after(self, atoms: Sequence[int], control: int) -> list[tuple[int, float]]:
        """States that follow at once from atoms and a control state; none where they are not followed."""
        part_state = self._parts.get(tuple(atoms))
        if part_state is None:
            return []
        found = [
            (self._joint.get(part_state * self._controls + after, NOWHERE), p)
            for after, p in self._settled(part_state, control)
        ]
        return [] if any(state == NOWHERE for state, _ in found) else found

    def _told(self, state: int) -> tuple[list[int], int]:
        atoms = [a for a in self.states.atoms[self.states.part_state[state]].tolist() if a]
        return atoms, int(self.states.control[state])

    def repaired(self, state: int, part: str) -> list[tuple[int, float]]:
        """Where a state goes when a part is repaired; itself where the part has not failed in it."""
        if not self.follows(part):
            return [(state, 1.0)]
        atoms, control = self._told(state)
        number = self._number[part]
        mine = [a for a in atoms if self.states.population[a - 1] == number and self._under_repair(a)]
        if not mine:
            return [(state, 1.0)]
        atoms.remove(mine[-1])
        return self._after(atoms, control)

    def _under_repair(self, atom: int) -> bool:
        population = self.states.parts.populations[int(self.states.population[atom - 1])]
        return int(self.states.local[atom - 1]) in population.under_repair

    def put_in_service(self, state: int, server: str) -> list[tuple[int, float]]:
        """Where a state goes when a server is placed back in service; itself where it is not out of service."""
        takeover = self.states.takeover
        assert takeover is not None
        atoms, control = self._told(state)
        digits = takeover.digits[control].copy()
        column = takeover.server_column(server)
        if digits[column] != OUT:
            return [(state, 1.0)]
        digits[column] = IN_SERVICE
        return self._after(atoms, int(takeover.encoded(digits[None, :])[0]))

    def given_to(self, state: int, role: str, holder: int) -> list[tuple[int, float]]:
        """Where a state goes when a person has moved a role to a holder."""
        takeover = self.states.takeover
        assert takeover is not None
        atoms, control = self._told(state)
        digits = takeover.digits[control].copy()
        digits[takeover.roles.index(role)] = takeover.positions[role].code(Kind.HELD, holder)
        return self._after(atoms, int(takeover.encoded(digits[None, :])[0]))

    def on_the_way_back(self, states: Sequence[int]) -> IntArray:
        """States that repairs, persons and roles lead to from some states, without a further failure; those first."""
        rates, count = self.states.chain.rates, np.count_nonzero(self.states.atoms, axis=1)[self.states.part_state]
        found, place = list(dict.fromkeys(states)), 0
        seen = set(found)
        while place < len(found):
            here = found[place]
            for other in rates.indices[rates.indptr[here] : rates.indptr[here + 1]].tolist():
                if other not in seen and count[other] <= count[here] and self.is_way_back(here, other):
                    seen.add(other)
                    found.append(other)
            place += 1
        return np.array(found, dtype=np.int64)

    # what a state is of

    def count_of(self, part: str) -> IntArray:
        """How many of the parts that are alike with one have failed, in every state."""
        mine = np.append(False, self.states.population == self._number[part])
        return np.asarray(mine[self.states.atoms].sum(axis=1)[self.states.part_state])

    def number_of(self, part: str) -> int:
        """Number of the population that a part is of."""
        return self._number[part]

    def member_of(self, population: int) -> str:
        """First part of a population."""
        return self.states.parts.populations[population].members[0]

    def rate_per_h(self, part: str) -> float:
        """How often a part fails [1/h]."""
        return self.states.parts.populations[self._number[part]].failure_rate_per_h

    def names(self, state: int, first: Sequence[str] = ()) -> tuple[str, ...]:
        """Parts that have failed in a state; of those that are alike some that are named, then the first."""
        result: list[str] = []
        atoms, _ = self._told(state)
        for number in dict.fromkeys(int(self.states.population[a - 1]) for a in atoms):
            members = self.states.parts.populations[number].members
            count = sum(int(self.states.population[a - 1]) == number for a in atoms)
            order = [*(name for name in first if name in members), *(name for name in members if name not in first)]
            result += order[:count]
        return tuple(result)

    def parts_up(self, state: int) -> list[str]:
        """Parts that decide something and are good in a state."""
        gone = set(self.names(state))
        return [part for part in self._number if part not in gone]

    def repair_between(self, before: int, after: int) -> int | None:
        """Population of which a transition is a repair, or a step of one; None where it is none."""
        one, other = self.states.part_state[before], self.states.part_state[after]
        if one == other:
            return None
        gone = list((Counter(self._told(before)[0]) - Counter(self._told(after)[0])).elements())
        return int(self.states.population[gone[0] - 1]) if gone and self._under_repair(gone[0]) else None

    @cached_property
    def repairs(self) -> IntArray:
        """Of each transition of the chain the population of which it is a repair; -1 where it is none."""
        rates, part_state = self.states.chain.rates.tocoo(), self.states.part_state
        count = len(self.states.atoms)
        pairs, first, place = np.unique(
            part_state[rates.row] * count + part_state[rates.col], return_index=True, return_inverse=True
        )
        numbers = np.full(len(pairs), -1, dtype=np.int64)
        for n, at in enumerate(first.tolist()):
            number = self.repair_between(int(rates.row[at]), int(rates.col[at]))
            numbers[n] = -1 if number is None else number
        return np.asarray(numbers[place.reshape(-1)])

    def share_at_work(self, state: int, population: int, order: Sequence[str], technicians: int) -> float:
        """Share of the failed members of a population on which somebody works, each on the first part in an order."""
        left = Counter(int(self.states.population[a - 1]) for a in self._told(state)[0])
        mine, todo = left[population], left.copy()
        waiting: list[int] = []
        for part in reversed(order):  # of parts that are alike the last ones are those left
            number = self._number[part]
            if todo[number]:
                todo[number] -= 1
                waiting.append(number)
        waiting.reverse()
        at_work = [*waiting, *todo.elements()][:technicians].count(population)
        return at_work / mine if mine else 0.0

    def is_way_back(self, here: int, other: int) -> bool:
        """Whether a transition is no failure: what has failed becomes less, or the roles and servers change alone."""
        before, after = self.states.part_state[here], self.states.part_state[other]
        return bool(before == after or self._fewer(int(before), int(after)))

    def _fewer(self, before: int, after: int) -> bool:
        one = [a for a in self.states.atoms[before].tolist() if a]
        other = [a for a in self.states.atoms[after].tolist() if a]
        return len(other) < len(one) or any(self._under_repair(a) for a in set(other) - set(one))
