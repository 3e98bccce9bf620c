"""Regenerative cycles from all-up state to all-up state, for rare service failures: biased, or split. Compiled.

All up is every part good, every role held and every server in service. The unavailability of a service is its mean
downtime in a cycle, from one entry into the all-up state to the next, over the mean length of a cycle. A plain path
gives the lengths and the states at the entries; from each entry, cycles of their own give the downtime.
"""

from __future__ import annotations

from math import exp

import numpy as np

from k2rel.loops.compiled import compiled
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.draws import exponential, pick, start, uniform
from k2rel.simulation.kernel.events import drop_first, fails, happen, next_failure, stale
from k2rel.simulation.kernel.histories import begin
from k2rel.simulation.kernel.layout import F1, F2, I1, I2
from k2rel.simulation.kernel.records import Model, Sums, Tables, Work
from k2rel.simulation.kernel.rules import settle, step

__all__: list[str] = []

# what a replica finds: of its biased cycles (of splitting: of all together, as one), then of its plain path
DOWN_H, FAILURES, CYCLES, PLAIN_H, PLAIN_CYCLES = range(5)
FOUND = 5
MOST_STEPS = 3_000_000  # after so many a site is taken as one that never comes back to the all-up state


@compiled
def keep(work: Work, ints: I1, floats: F1) -> None:
    """Keep the state of a history, without the places of the calendar that are free."""
    free = len(work.heap_e) - work.i[records.HEAP]
    for k in range(len(work.kept_i) - free):
        ints[k] = work.kept_i[k]
    for k in range(len(work.kept_f) - free):
        floats[k] = work.kept_f[k]


@compiled
def restore(work: Work, ints: I1, floats: F1) -> None:
    """Go back to a state that was kept; the random numbers go on."""
    free = len(work.heap_e) - ints[records.HEAP]  # `Work.i` comes first
    for k in range(len(work.kept_i) - free):
        work.kept_i[k] = ints[k]
    for k in range(len(work.kept_f) - free):
        work.kept_f[k] = floats[k]


@compiled
def _all_up(tables: Tables, work: Work) -> bool:
    return bool(work.i[records.DOWN] == 0 and work.i[records.HURT] == 0 and tables.quiet[work.i[records.CONTROL]])


@compiled
def _plain_cycle(model: Model, tables: Tables, work: Work, sums: Sums) -> int:
    """Follow the plain path to the next entry into the all-up state."""
    all_up = True
    for _ in range(MOST_STEPS):
        if work.i[records.HEAP] == 0 and work.f[records.NEXT_FAILURE] == np.inf:
            return records.LOCKED
        code = step(model, tables, work, sums, np.inf)
        if code != records.DONE:
            return code
        now = _all_up(tables, work)
        if now and not all_up:
            return records.DONE
        all_up = now
    return records.LOCKED


@compiled
def _forget_touched(work: Work) -> None:
    """In the all-up state nothing has been touched: keeps what has to be looked through short."""
    for k in range(work.i[records.TOUCHED]):
        work.touched_yet[work.touched[k]] = 0
    work.i[records.TOUCHED] = 0


@compiled
def _recovery(model: Model, tables: Tables, work: Work, back: F1) -> float:
    """Rate at which something is restored: of the parts that are down, else by operator actions [1/h]."""
    total = 0.0
    for k in range(work.i[records.TOUCHED]):
        p = work.touched[k]
        if work.state[p] != records.UP:
            total += back[p]
    if total == 0.0:
        for e in range(model.moves):
            if not model.moves_by_calendar[e]:
                total += work.move_rate[e]
    return total


@compiled
def biased_cycle(
    model: Model,
    tables: Tables,
    work: Work,
    sums: Sums,
    service: int,
    back: F1,
    pull: F1,
    first: F1,
    pull_probability: F1,
    pull_alias: I1,
    first_probability: F1,
    first_alias: I1,
    learnt: F2,
    found: F1,
) -> int:
    """Follow one cycle with failures biased towards a service failure; adds what it found.

    While something is down, the part of place k in the pool fails at `pull[k]` times the rate of recovery, until the
    service is down; the first failure is chosen by `first`. The likelihood ratio corrects for both. `learnt` has rows
    for the path (0: failures so far, 1: the first one) and, weighted with the downtime, sums over cycles (2: first
    failures by part, 3: later ones by part, 4: the weight and its product with the exposure).
    """
    bit = np.uint64(1) << np.uint64(service)
    pulled = float(pull.sum())
    ratio, down_h, failures, exposure = 1.0, 0.0, 0.0, 0.0
    left, hit, was_down = False, False, bool(work.bits[0] & bit)
    recovery = 0.0
    steps = 0
    trail = len(learnt[0])
    n_trail = 0
    learnt[1, 0] = -1.0
    next_failure(work)
    while True:
        while work.i[records.HEAP] and stale(work, work.heap_e[0]):
            drop_first(work)  # nothing happens at its time, and no failure may be drawn anew for it
        first_t = work.heap_t[0] if work.i[records.HEAP] else np.inf
        biased = left and not hit and recovery > 0
        drift = 0.0
        if biased:
            # rates of those that are down are left out on both sides
            drift = recovery * pulled - model.pool_rate
            for k in range(work.i[records.TOUCHED]):
                p = work.touched[k]
                if work.state[p] != records.UP and model.rate[p] > 0:
                    drift -= recovery * pull[pool_place(model, p)] - model.rate[p]
        before = work.f[records.NOW]
        due = work.f[records.NEXT_FAILURE]
        steps += 1
        if steps > MOST_STEPS or work.i[records.HEAP] >= len(work.heap_t) - 4 or min(first_t, due) == np.inf:
            return records.LOCKED
        if first_t <= due:
            happen(model, tables, work)
            chosen = -1
        else:
            work.f[records.NOW] = due
            if biased:
                chosen = pick(pull_probability, pull_alias, work.rng)
            elif left:
                chosen = pick(model.pool_probability, model.pool_alias, work.rng)
            else:
                chosen = pick(first_probability, first_alias, work.rng)
            if work.state[model.pool_part[chosen]] != records.UP:
                chosen = -1
            else:
                fails(model, work, model.pool_part[chosen])
        dt = work.f[records.NOW] - before
        if was_down:
            down_h += ratio * dt
        if biased:
            ratio *= exp(drift * dt)
            exposure += recovery * dt
        if chosen >= 0:
            if biased:
                ratio *= model.rate[model.pool_part[chosen]] / (recovery * pull[chosen])
                if n_trail < trail:
                    learnt[0, n_trail] = chosen
                    n_trail += 1
            elif not left:
                ratio *= model.rate[model.pool_part[chosen]] / (model.pool_rate * first[chosen])
                learnt[1, 0] = chosen
        if work.i[records.CHANGED]:
            code = settle(model, tables, work, sums)
            if code != records.DONE:
                return code
            down = bool(work.bits[0] & bit)
            if down and not was_down:
                failures += ratio
                hit = True
            was_down = down
            all_up = _all_up(tables, work)
            if all_up and left:
                break
            left = left or not all_up
            recovery = _recovery(model, tables, work, back)
        # a candidate is drawn anew whenever the rates may have changed; constant rates have no memory
        if chosen >= 0 or first_t <= due or work.f[records.NEXT_FAILURE] <= work.f[records.NOW]:
            rate = recovery * pulled if left and not hit and recovery > 0 else model.pool_rate
            work.f[records.NEXT_FAILURE] = work.f[records.NOW] + exponential(work.rng) / rate if rate > 0 else np.inf
    found[DOWN_H] += down_h
    found[FAILURES] += failures
    found[CYCLES] += 1.0
    if down_h > 0 and learnt[1, 0] >= 0:  # a drill, or a takeover without a cause, teaches nothing of failures
        learnt[2, int(learnt[1, 0])] += down_h
        for k in range(n_trail):
            learnt[3, int(learnt[0, k])] += down_h
        learnt[4, 0] += down_h
        learnt[4, 1] += down_h * exposure
    return records.DONE


@compiled
def pool_place(model: Model, p: int) -> int:
    """Place of a part in the pool of constant rates."""
    low, high = 0, len(model.pool_part) - 1
    while low < high:
        middle = (low + high) // 2
        if model.pool_part[middle] < p:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _clean(work: Work) -> None:
    """Leave a room as `begin` expects it."""
    work.state[:] = 0
    work.touched_yet[:] = 0
    work.age[:] = 0.0
    work.since[:] = 0.0
    work.stamp[:] = 0
    work.own[:] = 0
    work.i[records.TOUCHED] = 0
    work.i[records.HEAP] = 0


@compiled
def biased_replica(
    model: Model,
    tables: Tables,
    work: Work,
    fork: Work,
    sums: Sums,
    ints: I1,
    floats: F1,
    service: int,
    seed: int,
    replica: int,
    burn_in: int,
    cycles: int,
    forks: int,
    back: F1,
    pull: F1,
    first: F1,
    pull_probability: F1,
    pull_alias: I1,
    first_probability: F1,
    first_alias: I1,
    learnt: F2,
    found: F1,
) -> int:
    """One replica: a plain path through cycles, with biased cycles from each entry into the all-up state."""
    _clean(work)
    code = begin(model, tables, work, sums, seed, 2 * replica, 0.0, 1.0)
    work.i[records.COUNTED] = 0
    start(fork.rng, seed, 2 * replica + 1)
    if code != records.DONE:
        return code
    for c in range(burn_in + cycles):
        if c >= burn_in:
            _forget_touched(work)
            keep(work, ints, floats)
            for _ in range(forks):
                restore(fork, ints, floats)
                code = biased_cycle(
                    model, tables, fork, sums, service, back, pull, first, pull_probability, pull_alias,
                    first_probability, first_alias, learnt, found,
                )  # fmt: skip
                if code != records.DONE:
                    _clean(fork)
                    return code
            _clean(fork)
        begun = work.f[records.NOW]
        code = _plain_cycle(model, tables, work, sums)
        if code != records.DONE:
            return code
        if c >= burn_in:
            found[PLAIN_H] += work.f[records.NOW] - begun
            found[PLAIN_CYCLES] += 1.0
    return records.DONE


@compiled
def _failed_parts(work: Work) -> int:
    """How many parts are down."""
    total = int(work.i[records.DOWN])
    for k in range(work.i[records.HURT]):
        own = work.own[work.hurt[k]]
        while own:
            total += int(own & 1)
            own >>= 1
    return total


@compiled
def split_replica(
    model: Model,
    tables: Tables,
    work: Work,
    fork: Work,
    sums: Sums,
    ints: I2,
    floats: F2,
    service: int,
    seed: int,
    replica: int,
    burn_in: int,
    cycles: int,
    effort: int,
    levels: int,
    found: F1,
) -> int:
    """One replica of multilevel splitting with fixed effort; a level is the number of parts that are down.

    Slots 0 to half of `ints` hold the states at which one level was entered, the other half those of the next one.
    """
    bit = np.uint64(1) << np.uint64(service)
    half = len(ints) // 2
    _clean(work)
    code = begin(model, tables, work, sums, seed, 2 * replica, 0.0, 1.0)
    work.i[records.COUNTED] = 0
    start(fork.rng, seed, 2 * replica + 1)
    if code != records.DONE:
        return code
    entries = 0
    for c in range(burn_in + cycles):
        if c >= burn_in and entries < half:
            _forget_touched(work)
            keep(work, ints[entries], floats[entries])
            entries += 1
        begun = work.f[records.NOW]
        code = _plain_cycle(model, tables, work, sums)
        if code != records.DONE:
            return code
        if c >= burn_in:
            found[PLAIN_H] += work.f[records.NOW] - begun
            found[PLAIN_CYCLES] += 1.0
    weight, here = 1.0, 0
    for level in range(levels):
        there = half - here
        kept, reached = 0, 0
        down_h, failures = 0.0, 0.0
        for n in range(effort):
            # each entry is used about as often as any other
            restore(fork, ints[here + n % entries], floats[here + n % entries])
            next_failure(fork)
            was_down = bool(fork.bits[0] & bit)
            above = _failed_parts(fork) > level
            if above:  # several failed at once: it has passed through this level
                was_down = bool(fork.bits[1] & bit)
            elif was_down and not fork.bits[1] & bit:
                failures += 1.0  # by what brought it to this level
            left = level > 0
            steps = 0
            while not above:
                steps += 1
                if steps > MOST_STEPS:
                    _clean(fork)
                    return records.LOCKED
                before = fork.f[records.NOW]
                code = step(model, tables, fork, sums, np.inf)
                if code != records.DONE:
                    _clean(fork)
                    return code
                if was_down:
                    down_h += fork.f[records.NOW] - before
                above = _failed_parts(fork) > level
                if above:
                    break
                down = bool(fork.bits[0] & bit)
                if down and not was_down:
                    failures += 1.0
                was_down = down
                all_up = _all_up(tables, fork)
                if all_up and left:
                    break
                left = left or not all_up
            if above:
                fork.bits[1] = bit if was_down else np.uint64(0)
                reached += 1
                slot = kept
                if kept < half:
                    kept += 1
                else:  # a random one of those kept makes room, so that each stays with the same probability
                    slot = int((1.0 - uniform(fork.rng)) * reached)
                if slot < half:
                    keep(fork, ints[there + slot], floats[there + slot])
        found[DOWN_H] += weight * down_h / effort
        found[FAILURES] += weight * failures / effort
        if reached == 0:
            break
        weight *= reached / effort
        entries, here = kept, there
    _clean(fork)
    found[CYCLES] += 1.0
    return records.DONE
