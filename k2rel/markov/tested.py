"""Tests on known days in the chain of a site: exactly where it is small, else by a correction with a bound.

The chain itself lets a hidden failure be found after an exponential time with the right mean. What is tested on the
same days is found together, and after a time that is not exponential; this file gives the probabilities with that.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.periodic import periodic_mean, periodic_mean_of_many, periodic_over_time
from k2rel.errors import NoConvergenceError
from k2rel.intervals import common_period, exact_interval
from k2rel.markov.parts import on_known_days
from k2rel.markov.states import MOST_EXACT, SiteStates
from k2rel.organisation import Organisation
from k2rel.rates import Law, moments_of
from k2rel.studies import Study

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["known_laws", "probability_at_moments", "tested_kinds", "tested_over_time", "tested_probability", "weighted"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DENSE = 200  # states that are followed by dense matrices
_MOST_TESTS = 100  # in a common period, for the exact solution
_MISSED = 1e-13  # rounding of the exact solution
# what following a cycle on a contour leaves, beside its last move: up to 2.5e-12 was measured where roles are preferred
_FOLLOWED = 1e-11


def tested_probability(study: Study, organisation: Organisation, states: SiteStates) -> tuple[FloatArray, float]:
    """Give the mean probability of every state over the cycle of the tests, and a bound on its error.

    The bound, beside the chain's own, holds for events that last only while something is failed. Chains of fewer than
    2,000 states: the periodic steady state, x = x exp(Q T) J. Larger ones: given which tested
    parts are down, all else keeps its probability, and which are down together gets that of the cycle. For parts that
    are independent of each other this is exact. Else the bound is all that this moves while something else is failed,
    and what an exponential time until the test can do: it is short more often than the time until a fixed day, in
    which a disturbance of mean length R can end.
    """
    p = states.solution.probability
    hidden = [n for n, population in enumerate(states.parts.populations) if "hidden" in population.states]
    if not hidden:
        return p, 0.0
    laws = known_laws(study, states)
    static = states.takeover is None and organisation.crews is None
    reweighted = weighted(states, laws)
    moved = float(np.abs(reweighted - p)[~states.all_up].sum())
    bound = 0.0 if static else moved + _shape(study, states, reweighted, hidden)
    if laws and states.chain.states < MOST_EXACT and (found := _exact(states, laws)) is not None:
        exact, missed = found
        rest = 0.0 if static else _shape(study, states, exact, [n for n in hidden if n not in laws])
        if rest + missed <= max(bound, _MISSED):
            followed = _MISSED if len(exact) <= _DENSE else _FOLLOWED
            return exact, rest + missed + followed + states.error_bound
    return reweighted, bound


def known_laws(study: Study, states: SiteStates) -> dict[int, Law]:
    """Laws of what is tested on known days, by number of its population."""
    populations = enumerate(states.parts.populations)
    return {n: law for n, population in populations if (law := on_known_days(study, population)) is not None}


def _counts(states: SiteStates) -> IntArray:
    """How many members are in each local state but the first, in each state: (states, atoms + 1)."""
    atoms = states.atoms[states.part_state]
    counts = np.zeros((len(atoms), len(states.population) + 1), dtype=np.int64)
    for column in atoms.T:
        counts[np.arange(len(atoms)), column] += 1
    counts[:, 0] = 0
    return counts


def _atoms_of(states: SiteStates, number: int) -> tuple[int, list[int]]:
    """Atom of hidden failures of a population, and those of its repair."""
    names = states.parts.populations[number].states
    own = [int(a) + 1 for a in np.flatnonzero(states.population == number)]
    (hidden,) = (a for a in own if names[states.local[a - 1] - 1] == "hidden")
    return hidden, [a for a in own if a != hidden]


def _shape(study: Study, states: SiteStates, p: FloatArray, populations: Sequence[int]) -> float:
    """What the exponential time until a test can do, beside its mean."""
    if not populations:
        return 0.0
    all_up = states.all_up
    rates = states.chain.rates
    before = np.repeat(np.arange(rates.shape[0]), np.diff(rates.indptr))
    begins = float((p[before] * rates.data)[all_up[before] & ~all_up[rates.indices]].sum())
    length = float(p[~all_up].sum()) / begins if begins > 0 else 0.0
    counts, total = _counts(states), 0.0
    for number in populations:
        law = study.law(states.parts.populations[number].members[0])
        assert isinstance(law, Law)
        disturbed = (counts[:, _atoms_of(states, number)[0]] > 0) & ~all_up
        total += float(p[disturbed].sum()) * min(1.0, 2.0 * length / law.tests.mean_wait_h)
    return total


def weighted(states: SiteStates, laws: dict[int, Law], known: tuple[IntArray, IntArray] | None = None) -> FloatArray:
    """Probabilities with those tested parts down together that are so over the cycle of the tests.

    `known` is what `tested_kinds` finds, where it was asked before.
    """
    p = states.solution.probability
    populations = states.parts.populations
    if sum(populations[n].size for n in laws) < 2:
        return p
    cycle = moments_of({f"{n}": law for n, law in laws.items()}, {f"{n}": populations[n].size for n in laws})
    kinds, kind = known or tested_kinds(states, list(laws))
    q = {n: cycle.unavailability[f"{n}"] for n in laws}
    found = {n: cycle.restored_per_h[f"{n}"] * law.mttr_h for n, law in laws.items()}
    together = _patterns(states, list(laws), kinds, q, found) @ cycle.weight
    mean_q = {n: np.array([law.unavailability]) for n, law in laws.items()}
    mean_found = {n: np.array([law.frequency_per_h * law.mttr_h]) for n, law in laws.items()}
    apart = _patterns(states, list(laws), kinds, mean_q, mean_found)[:, 0]
    with np.errstate(invalid="ignore"):
        result = p * np.divide(together, apart, out=np.ones_like(apart), where=apart > 0)[kind]
    return np.asarray(result / _seen(result.sum(), states))


def probability_at_moments(study: Study, states: SiteStates, p: FloatArray) -> list[FloatArray]:
    """Give the probability of every state at each moment of the study, from the mean over the cycle.

    Given which tested parts are down, all else keeps its probability.
    """
    laws = known_laws(study, states)
    if not laws:
        return [p] * len(study.at_moments)
    numbers, q, found = list(laws), dict[int, FloatArray](), dict[int, FloatArray]()
    for n, law in laws.items():
        name = states.parts.populations[n].members[0]
        q[n] = np.array([moment.law(name).unavailability for _, moment in study.at_moments])
        found[n] = law.mttr_h * np.array([moment.restored_per_h.get(name, 0.0) for _, moment in study.at_moments])
    weight = np.array([share for share, _ in study.at_moments])
    kinds, kind = tested_kinds(states, numbers)
    patterns = _patterns(states, numbers, kinds, q, found)
    mean = patterns @ weight
    ratio = np.divide(patterns, mean[:, None], out=np.ones_like(patterns), where=mean[:, None] > 0)
    moments = p[:, None] * ratio[kind]
    return list((moments / _seen(moments.sum(axis=0), states)).T)


def _seen(total: FloatArray, states: SiteStates) -> FloatArray:
    """Sums that probabilities are divided by; refused where parts are up so seldom that none is left."""
    if not np.all(total > 0.0):
        raise NoConvergenceError(
            f"{states.policy.site.name}: between their tests, tested parts are failed so surely that the states in "
            "which they work have practically no probability; use method exact, or a shorter test interval"
        )
    return total


def tested_kinds(states: SiteStates, numbers: Sequence[int]) -> tuple[IntArray, IntArray]:
    """How many members of some populations are hidden, and found, together: what there is, which each state has."""
    counts = _counts(states)
    columns = []
    for n in numbers:
        hidden, repairs = _atoms_of(states, n)
        columns += [counts[:, hidden], counts[:, repairs].sum(axis=1)]
    down = np.stack(columns, axis=1)
    kinds, kind = np.unique(down, axis=0, return_inverse=True)
    return kinds, kind.reshape(-1)


def _patterns(
    states: SiteStates,
    numbers: Sequence[int],
    kinds: IntArray,
    unavailability: Mapping[int, FloatArray],
    found: Mapping[int, FloatArray],
) -> FloatArray:
    """Probability that certain members, so many of each population, are hidden and found and no others down."""
    result = np.ones((len(kinds), len(unavailability[numbers[0]])))
    for column, n in enumerate(numbers):
        hidden, repair = kinds[:, 2 * column, None], kinds[:, 2 * column + 1, None]
        q, of_repair = unavailability[n], np.minimum(found[n], unavailability[n])
        result = result * (q - of_repair) ** hidden * of_repair**repair
        with np.errstate(divide="ignore", invalid="ignore"):  # no number where q is 1: whoever divides by a sum sees it
            result = result * (1.0 - q) ** (states.parts.populations[n].size - hidden - repair)
    return result


def _exact(states: SiteStates, laws: dict[int, Law]) -> tuple[FloatArray, float] | None:
    """The periodic steady state, and a bound on what is missing in it; None where the tests' period is too long."""
    known = _jumps(states, laws)
    if known is None:
        return None
    between, gaps, jumps, missing = known
    if between.shape[0] <= _DENSE:
        p, moved = periodic_mean(between, gaps, jumps), 0.0
    else:
        p, moved = periodic_mean_of_many(between, gaps, jumps, states.solution.probability)
    return p, moved + 2.0 * float(p @ missing)


def tested_over_time(study: Study, states: SiteStates, times_h: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Follow a small chain from its initial state, tests on their days: probabilities, time spent until then [h]."""
    laws = known_laws(study, states)
    if not laws or states.chain.states >= MOST_EXACT or (known := _jumps(states, laws)) is None:
        return None
    start = np.zeros(states.chain.states)
    start[states.chain.initial] = 1.0
    return periodic_over_time(known[0], known[1], known[2], times_h, start)


def _jumps(
    states: SiteStates, laws: dict[int, Law]
) -> tuple[csr_array, list[float], list[csr_array], FloatArray] | None:
    """Rates between tests, times before each test of a period from day 0 on, what each does, what is not known."""
    from scipy.sparse import csr_array, diags_array, eye_array

    calendar = _calendar(laws)
    if calendar is None:
        return None
    rates = states.chain.rates
    size = rates.shape[0]
    counts = _counts(states)
    before = np.repeat(np.arange(size), np.diff(rates.indptr))
    after = rates.indices
    change = counts[after] - counts[before]
    staying = states.control[before] == states.control[after]
    found_at: dict[int, csr_array] = {}
    kept = np.ones(len(before), dtype=np.bool_)
    missing = np.zeros(size)
    for number in laws:
        hidden, repairs = _atoms_of(states, number)
        moves = np.zeros(len(before), dtype=np.bool_)
        for repair in repairs:
            pattern = np.zeros(counts.shape[1], dtype=np.int64)
            pattern[hidden], pattern[repair] = -1, 1
            moves |= (change == pattern).all(axis=1) & staying
        kept &= ~moves
        flow = csr_array((rates.data[moves], (before[moves], after[moves])), shape=(size, size))
        out = np.asarray(flow.sum(axis=1)).reshape(-1)
        scale = np.divide(1.0, out, out=np.zeros(size), where=out > 0)
        single = csr_array(flow.multiply(scale[:, None])) + csr_array(diags_array((out == 0).astype(np.float64)))
        all_at_once = single
        for _ in range(states.parts.populations[number].size - 1):
            all_at_once = all_at_once @ single
        found_at[number] = csr_array(all_at_once)
        # the probability that a test leaves a failure unfound since what it leads to is not among the states; before a
        # test k failures are hidden k + 1 times as often as on average
        unfound = all_at_once @ (counts[:, hidden] > 0)
        missing += np.where(counts[:, hidden] > 0, unfound * (1.0 + counts[:, hidden]), 0.0)
    between = csr_array((rates.data[kept], (before[kept], after[kept])), shape=(size, size))
    gaps, jumps = [], []
    for gap, tested in calendar:
        jump = csr_array(eye_array(size))
        for number in tested:
            jump = jump @ found_at[number]
        gaps.append(gap)
        jumps.append(csr_array(jump))
    return between, gaps, jumps, missing


def _calendar(laws: dict[int, Law]) -> list[tuple[float, list[int]]] | None:
    """Tests of a common period from day 0 on: the time since the one before, and whose."""
    intervals = {n: exact_interval(law.test_interval_h) for n, law in laws.items()}
    period = common_period(law.test_interval_h for law in laws.values())
    if sum(period / interval * len(laws[n].test_days_h) for n, interval in intervals.items()) > _MOST_TESTS:
        return None
    days: dict[float, list[int]] = {}
    for n, law in laws.items():
        for k, day in itertools.product(range(int(period / intervals[n])), law.test_days_h):
            at = round((k * float(intervals[n]) + day) / float(period), 12) % 1.0 * float(period)
            days.setdefault(at, []).append(n)
    # a period ends on day 0 of the next, whether anything is tested then or not
    days[float(period)] = days.pop(0.0, [])
    times = [0.0, *sorted(days)]
    return [(round(end - begin, 9), days[end]) for begin, end in itertools.pairwise(times)]
