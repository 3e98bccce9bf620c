"""The chain of a site: all states that matter, the transitions between them, a bound on what was left out.

First the states of the parts by falling weight (their probability with evenly shared crews), then the control states
that flows lead to. Whatever rate leads out of the list is kept and bounds the error of every probability.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.steady import SteadyState, steady
from k2rel.errors import InputError, ModelTooLargeError, NoConvergenceError
from k2rel.logic.structure import BoolArray, Node
from k2rel.markov.atoms import Atoms
from k2rel.markov.pairs import Pairs, met_pairs, no_roles
from k2rel.markov.parts import Move, Parts, on_known_days, parts_of
from k2rel.markov.recovery import until_all_up
from k2rel.markov.starts import Start
from k2rel.memory import as_memory, most_of
from k2rel.organisation import Organisation
from k2rel.policy.controls import DOINGS, NO_BACKUP, NO_HELP, UNSEEN
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover, TakeoverTable
from k2rel.studies import Study

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from k2rel.markov.joint_kernels import JointMoves

__all__ = ["MOST_EXACT", "SiteStates", "site_states"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_EXACT = 2_000
"""States of a chain that is small enough to be followed from test to test."""

_MOST_STATES = 3_000_000
_LADDERS = (((1e-8, 1e-9, 1e-10), 25_000), ((1e-6, 1e-7), 300_000), ((1e-5,), _MOST_STATES))  # and the most states

_TOO_OFTEN = "parts fail too often, or crews and operators take too long, for the Markov engine"
_USUAL_DOINGS = ("takeover_in_progress", "failed_takeover", "no_backup", "no_takeover_helps")
_TOLD_APART = 6  # parts that have failed at present, so that it is known which of those that are alike is good again
_STATE_BYTES = 1_500.0
"""Of a state with its transitions, its pairs and what is asked of it: 1.1 to 1.6 kB measured, on Levels 2R and 3R."""
_FINER = 0.05  # control states are cheaper to follow than more failed parts


@dataclass(frozen=True, eq=False)
class Recipe:
    """What the transitions of a chain were put together from: the moves of the parts, and what roles do about each."""

    joint: JointMoves
    move: IntArray  # of each move between states of the parts: which of `moves` it is; -1: a technician arrives
    moves: tuple[tuple[int, Move], ...]  # population and move
    table: TakeoverTable


@dataclass(frozen=True, eq=False)
class SiteStates:
    """The chain of a site; atom a (from 1) is local state `local[a - 1]` of population `population[a - 1]`."""

    parts: Parts
    population: IntArray
    local: IntArray
    atoms: IntArray  # (part states, deepest); 0 for none
    onsite: BoolArray  # (part states,): whether a technician is on site
    part_state: IntArray  # (states,)
    control: IntArray  # (states,)
    takeover: Takeover | None  # None: roles at the preferred side
    policy: Policy
    chain: Chain
    solution: SteadyState
    error_bound: float  # of events that last only while something is failed or out of service; nan: none could be given
    share_bound: float  # of every probability, such as that of a role at one side
    recipe: Recipe
    out_per_h: FloatArray  # (states,): rate at which each is left for states that are not followed
    left_per_h: float = math.nan  # bound on how often the states that are followed are left [1/h]

    @cached_property
    def _slow(self) -> tuple[BoolArray, IntArray]:
        """Which atoms are failures that stand long and unnoticed, and a code of those in each state of the parts."""
        slow = np.array([False, *(self.parts.populations[number].slow for number in self.population.tolist())])
        code = np.zeros(len(self.atoms), dtype=np.int64)
        for column in self.atoms.T:
            code = np.where(slow[column], code * (len(slow) + 1) + column, code)
        return slow, code

    @cached_property
    def _settled(self) -> tuple[BoolArray, BoolArray]:
        """All-up states, and for each state of the parts whether all of those with its slow failures are followed."""
        slow, code = self._slow
        only_slow = np.asarray((slow[self.atoms] | (self.atoms == 0)).all(axis=1))
        quiet = np.ones(len(self.control), dtype=np.bool_)
        wanted = 1
        if self.takeover is not None:
            quiet, wanted = np.isin(self.control, self.takeover.quiet), len(self.takeover.quiet)
        here = only_slow[self.part_state] & quiet
        followed = np.bincount(self.part_state[here], minlength=len(self.atoms)) == wanted
        return here & followed[self.part_state], np.isin(code, code[followed & only_slow])

    @cached_property
    def doing(self) -> IntArray:
        """What the roles are doing in each state: a place in `DOINGS`."""
        if self.takeover is None:
            return np.full(len(self.control), NO_HELP)
        found = self.takeover.doing[self.control]
        for n, event in enumerate(self.recipe.table.events):
            if event.name == "detection":
                due = self.recipe.table.term[n, self.pair] >= 0
                found[due & np.isin(found, (NO_BACKUP, NO_HELP))] = UNSEEN
        return found

    @cached_property
    def pair(self) -> IntArray:
        """Number of what roles do about each state, in the table of the recipe."""
        return np.asarray(self.recipe.joint.pair[self.recipe.joint.condition[self.part_state], self.control])

    @property
    def doings(self) -> tuple[int, ...]:
        """Places in `DOINGS` of what the roles can do."""
        return self.takeover.doings if self.takeover else tuple(map(DOINGS.index, _USUAL_DOINGS))

    @property
    def all_up(self) -> BoolArray:
        """States in which nothing has failed but what stands unnoticed, roles are held, servers in service."""
        return self._settled[0]

    def hours_standing(self, hours: FloatArray) -> FloatArray:
        """Give the hours of repair that stand in each state of the parts before all can be up."""
        slow = self._slow[0]
        each = np.concatenate([[0.0], hours[self.population]])
        standing = np.where(slow, 0.0, each)[self.atoms].sum(axis=1)
        return np.asarray(standing + np.where(self._settled[1], 0.0, np.where(slow, each, 0.0)[self.atoms].sum(axis=1)))

    def down(self) -> dict[str, BoolArray]:
        """Which shared parts have failed in each state of the parts; members of a population fail in their order."""
        return _failed(self.parts, self.population, self.atoms)


def _failed(parts: Parts, population: IntArray, atoms: IntArray) -> dict[str, BoolArray]:
    """Which members have failed in each state of the parts, from its atoms."""
    pops = parts.populations
    number_of = np.concatenate([[len(pops)], population])
    counts = np.zeros((len(atoms), len(pops) + 1), dtype=np.int8)
    rows = np.arange(len(atoms))
    for column in atoms.T:
        counts[rows, number_of[column]] += 1
    return {
        member: counts[:, number] > index
        for number, entry in enumerate(pops)
        for index, member in enumerate(entry.members)
    }


def site_states(
    study: Study, organisation: Organisation, roots: list[Node], policy: Policy, starts: Sequence[Start] = ()
) -> SiteStates:
    """Generate and solve the chain of a site; `roots` will be evaluated in every state.

    Where no tolerance is asked for, the error bound becomes as small as a chain of moderate size allows. Of `starts`,
    and of what they lead to, as much is followed as of the state in which nothing has failed.
    """
    if organisation.tolerance is not None:
        return _within(study, organisation, roots, policy, [organisation.tolerance], _MOST_STATES, starts)
    for tolerances, most in _LADDERS[:-1]:
        try:
            return _within(study, organisation, roots, policy, tolerances, most, starts)
        except ModelTooLargeError:
            continue
    return _within(study, organisation, roots, policy, *_LADDERS[-1], starts)


def _within(
    study: Study,
    organisation: Organisation,
    roots: list[Node],
    policy: Policy,
    tolerances: Sequence[float],
    most_states: int,
    starts: Sequence[Start],
) -> SiteStates:
    """A chain whose error bound is below the last of some tolerances, or one before it, without too many states."""
    takeover = Takeover(policy, organisation.takeover_times) if policy.sticky else None
    asked = [*roots, *(takeover.conditions if takeover else ())]
    failed = {name for start in starts for name in start.failed}
    parts = parts_of(study, policy, asked, organisation, failed if len(failed) <= _TOLD_APART else ())
    lists = Atoms(parts, organisation)
    below = tolerances[0] * 1e-2
    # how far to aim below what the bound must be: a chain that just misses it is made again, which costs little on the
    # way to a smaller one, and as much as all before at the end
    aim = 0.95 if len(tolerances) > 1 else 0.7
    recovery = until_all_up(takeover, parts, lists.hours, organisation)

    def generated(found_at_once: Collection[int] = ()) -> SiteStates:
        # where nothing can be said of what is left out, nothing may be left out
        least = below if recovery else 0.0
        here = Atoms(parts, organisation, found_at_once) if found_at_once else lists
        # what a test finds at once is reached whatever the rates are
        most, finer = (MOST_EXACT, 0.0) if found_at_once else (most_states, _FINER)
        more = (tolerances[0], least, recovery, most, finer, starts)
        return _generated(policy, takeover, parts, here, organisation, *more)

    kept: SiteStates | None = None
    for tolerance in tolerances:
        for _ in range(12):
            try:
                found = generated()
            except ModelTooLargeError:
                if kept is None:
                    raise
                return _with_tests(study, kept, tolerances, generated)
            bound = found.error_bound
            if recovery is None and bound != 0.0:
                raise _no_bound(study, found, tolerance)
            if bound <= tolerance:
                break
            if math.isnan(bound):
                below *= 1e-3  # nothing can be said yet
            else:  # the bound falls more slowly than the flow that is followed
                below *= min(0.4, max(1e-8, aim * (tolerance / bound) ** 1.35))
        else:
            raise _no_bound(study, found, tolerance)
        kept = found
        below *= aim * 0.1**1.35
    assert kept is not None
    return _with_tests(study, kept, tolerances, generated)


def _no_bound(study: Study, found: SiteStates, tolerance: float) -> NoConvergenceError:
    return NoConvergenceError(
        f"{study.site.name}: with {found.chain.states:,} states the error cannot be bounded by "
        f"{tolerance:g}; {_TOO_OFTEN}"
    )


def _with_tests(
    study: Study, found: SiteStates, tolerances: Sequence[float], generated: Callable[..., SiteStates]
) -> SiteStates:
    """Small chains with what tests on known days find at once among their states."""
    tested = [n for n, population in enumerate(found.parts.populations) if on_known_days(study, population)]
    if not tested or found.chain.states >= MOST_EXACT:
        return found
    try:
        more = generated(tested)
    except ModelTooLargeError:
        return found
    return (
        more if more.chain.states < MOST_EXACT and more.error_bound <= max(tolerances[-1], found.error_bound) else found
    )


def _generated(
    policy: Policy,
    takeover: Takeover | None,
    parts: Parts,
    lists: Atoms,
    organisation: Organisation,
    tolerance: float,
    below: float,
    recovery: Callable[[ArrayLike], FloatArray] | None,
    most: int,
    finer: float,
    starts: Sequence[Start],
) -> SiteStates:
    """One chain, with everything that has a weight of at least `below`."""
    from scipy.sparse import csr_array

    from k2rel.markov.joint_kernels import JointMoves, joint_moves, joint_states, none_reached
    from k2rel.markov.part_kernels import part_moves, part_states

    most = min(most, most_of(_STATE_BYTES))
    travel = 1.0 / organisation.travel_h if organisation.travel_h else 0.0
    packed, weight = part_states(
        lists.weight, lists.speed, lists.population, lists.size, lists.jobs, lists.crews, lists.bits, lists.deepest,
        below, most,
    )  # fmt: skip
    if starts:
        packed, weight = lists.around(packed, weight, [start.failed for start in starts], below)
    _check_size(len(packed), tolerance, most)
    atoms = lists.unpacked(packed)
    onsite = np.zeros(len(packed), dtype=np.bool_)
    if travel:
        waiting = np.concatenate([[0], lists.jobs])[atoms].sum(axis=1) > 0
        packed = np.concatenate([packed, packed[waiting]])
        weight = np.concatenate([weight, weight[waiting]])
        atoms = np.concatenate([atoms, atoms[waiting]])
        onsite = np.concatenate([onsite, np.ones(int(waiting.sum()), dtype=np.bool_)])
    keys = (packed << 1) | onsite
    fastest = float(lists.speed.max(initial=0.0))
    start, target, rate, which, leave, out, out_work = part_moves(
        keys, weight, lists.weight, fastest, below, lists.bits, lists.deepest, lists.population, lists.size, lists.jobs,
        *lists.atom_moves, *lists.new_moves, lists.hours, parts.ranks, lists.crews, travel,
    )  # fmt: skip
    condition, values = _conditions(takeover, _failed(parts, lists.population, atoms), len(atoms))

    def joint(known: Pairs) -> JointMoves:
        table = known.table
        roles = (table.settled, table.failed, table.coverage, table.rate_per_h, table.leads_to)
        return JointMoves(start, target, rate, known.condition[condition], known.number, *roles, known.wanted)

    pairs = no_roles()
    if takeover is None:
        size = len(keys)
        part_state, control = np.arange(size), np.zeros(size, dtype=np.int64)
        matrix = csr_array((rate, target, start), shape=(size, size))
    else:
        place_of = {key: place for place, key in enumerate(keys.tolist())} if starts else {}
        from_starts = [
            (place_of[int(lists.packed(row)[0]) << 1], start.control)
            for start in starts
            for row in lists.of(start.failed)
        ]
        seeds = np.array([*((0, control) for control in takeover.quiet.tolist()), *from_starts], dtype=np.int64)
        found = none_reached(len(seeds))

        def follow(known: Pairs) -> None:
            nonlocal found
            timed_leave = known.table.rate_per_h.sum(axis=0)
            found = joint_states(seeds, joint(known), leave, timed_leave, below * finer, most, found)

        pairs = met_pairs(takeover, values, follow)
        part_state, control = found.parts[: found.states], found.control[: found.states]
        _check_size(len(part_state), tolerance, most)
        # the initial state first, then fewest failures first, servers out of service before those in service: so
        # one sweep of the solution carries probability most of its path
        place = part_state * takeover.controls + (takeover.controls - control)
        order = np.argsort(np.where((part_state == 0) & (control == 0), -1, place))
        part_state, control = part_state[order], control[order]
        begin = np.searchsorted(part_state, np.arange(len(keys) + 1))
        row, to, joint_rate, out = joint_moves(part_state, control, begin, joint(pairs), out)
        matrix = csr_array((joint_rate, to, row), shape=(len(part_state), len(part_state)))
        single = matrix.copy()
        single.sum_duplicates()
        if single.nnz < matrix.nnz:  # two events that lead to one state
            matrix = single
    whole = Chain(matrix, 0)
    if len(whole.recurrent_classes) > 1 or len(whole.recurrent_classes[0]) < len(part_state):
        all_good = np.flatnonzero(
            (part_state == 0) & (control == 0 if takeover is None else np.isin(control, takeover.quiet))
        )
        kept = _back_to(matrix, all_good)
        rows = matrix[kept]
        matrix = rows[:, kept]
        out = out[kept] + np.maximum(0.0, np.asarray(rows.sum(axis=1) - matrix.sum(axis=1)).reshape(-1))
        part_state, control = part_state[kept], control[kept]
        whole = Chain(matrix, 0)
    solution = steady(whole, min(1e-13, tolerance))
    if len(solution.classes) > 1:
        raise InputError(
            f"{policy.site.name}: no steady state: the states that are followed fall into {len(solution.classes)} "
            "recurrent classes, and where the chain ends depends on chance"
        )
    states = SiteStates(
        parts, lists.population, lists.local, atoms, onsite, part_state, control, takeover, policy, whole, solution,
        math.nan, math.nan, Recipe(joint(pairs), which, tuple(lists.numbered), pairs.table), out,
    )  # fmt: skip
    return _bounded(states, out, out_work[part_state], lists.hours, recovery)


def _check_size(states: int, tolerance: float, most: int) -> None:
    if states > most:
        raise ModelTooLargeError(
            f"more than {most:,} states are needed for an error below {tolerance:g}, and these take "
            f"{as_memory(most * _STATE_BYTES)} of memory; {_TOO_OFTEN}; use a larger tolerance"
        )


def _back_to(matrix: csr_array, chosen: IntArray) -> IntArray:
    """States that lead back to some chosen one; the others are left out too."""
    from scipy.sparse import csr_array, hstack, vstack
    from scipy.sparse.csgraph import breadth_first_order

    size = matrix.shape[0]
    to_chosen = csr_array((np.ones(len(chosen)), (np.zeros(len(chosen), dtype=np.int64), chosen)), shape=(1, size))
    back = vstack([hstack([matrix.T.tocsr(), csr_array((size, 1))]), hstack([to_chosen, csr_array((1, 1))])]).tocsr()
    reached = np.sort(breadth_first_order(back, size, return_predecessors=False))
    return np.asarray(reached[:-1], dtype=np.int64)


def _conditions(takeover: Takeover | None, failed: dict[str, BoolArray], count: int) -> tuple[IntArray, BoolArray]:
    """Condition of the roles in each of `count` states of the parts, and the truth of what decides in each."""
    nodes = takeover.conditions if takeover else []
    if takeover is None or not nodes:
        return np.zeros(count, dtype=np.int64), np.zeros((1, 0), dtype=np.bool_)
    structure = takeover.policy.structure
    never = np.zeros(count, dtype=np.bool_)
    works = {name: ~failed.get(name, never) for name in structure.variables(nodes)}
    values = np.array(structure.values(nodes, works)).T
    packed = np.packbits(values, axis=1)
    codes = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).reshape(-1)
    _, first, index = np.unique(codes, return_index=True, return_inverse=True)
    return index.reshape(-1).astype(np.int64), values[first]


def _bounded(
    found: SiteStates,
    out: FloatArray,
    out_work: FloatArray,
    hours: FloatArray,
    recovery: Callable[[ArrayLike], FloatArray] | None,
) -> SiteStates:
    r"""Bound the error that the states left out can make.

    Let F be the flow out of the states that are followed, and the chain all up where nothing has failed but what stands
    long and unnoticed, every role is held and every server in service. In the true chain the probability of an event
    differs from the computed one by at most the sum over exits of how much longer the event can last after an exit
    than without it. Until the chain is all up again that is the mean time :math:`\tau` to get there; after that it is
    the spread over all-up states x of h(x), the mean time that the event lasts until a chosen one of them is reached,
    less its probability times the mean time :math:`D` to reach it. F follows from the computed flow f and the mean
    number v of exits before that state is reached: :math:`F \le f / (1 - v - f (D + \tau))`.

    This is the reasoning of R. R. Muntz, E. de Souza e Silva, A. Goyal, "Bounding availability of repairable computer
    systems", IEEE Trans. Computers 38 (1989) 1714, with numbers computed instead of levels counted.
    """
    from k2rel.ctmc.kernels import value_sweep

    chain, p = found.chain, found.solution.probability
    flow = float(p @ out)
    if flow == 0.0:
        return replace(found, error_bound=0.0, share_bound=0.0, left_per_h=0.0)
    if recovery is None:
        return found
    all_up = found.all_up
    rates = chain.rates
    leave = chain.exit_rates_per_h.copy()
    leave[np.argmax(np.where(all_up, p, -1.0))] = np.inf
    gain = np.column_stack([np.ones(chain.states), out, ~all_up])
    value = np.zeros_like(gain)
    for _ in range(2000):
        if value_sweep(rates.indptr, rates.indices, rates.data, leave, gain, value) < 1e-2:
            break
    reach, exits, disturbed = (1.1 * value[:, c] for c in range(3))
    standing = found.hours_standing(hours)[found.part_state]
    longest = float(recovery(standing.max() + hours.max(initial=0.0)))
    rest = 1.0 - float(exits.max()) - flow * (float(reach.max()) + longest)
    if rest <= 0:
        return found
    away = flow / rest * float(recovery(float(p @ (out * standing + out_work)) / flow))
    spread = float(disturbed[all_up].max()) + float(p[~all_up].sum()) * float(reach.max())
    every = float(reach.max())
    left = flow / rest
    return replace(found, error_bound=away + left * spread, share_bound=away + left * every, left_per_h=left)
