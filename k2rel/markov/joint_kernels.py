"""Joint states, of parts and roles, and the transitions between them, compiled; what each rate is worth.

A joint state is a state of the parts with the control state of the roles (`k2rel.policy.takeover`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from k2rel.loops.compiled import compiled

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_OFTEN = 0.02


class JointMoves(NamedTuple):
    """What leads from one joint state to another: moves of the parts, as rows, and what roles do about each."""

    start: IntArray
    target: IntArray
    rate_per_h: FloatArray
    condition: IntArray  # (part states,): condition of the roles
    pair: NDArray[np.int32]  # (conditions, controls): number of what follows from each, -1 where it is not known yet
    settled: IntArray  # (pairs,): control state after a takeover that succeeds
    failed: IntArray
    coverage: FloatArray
    timed_per_h: FloatArray  # (events, pairs): rate of each event in time of the roles
    leads_to: IntArray
    wanted: IntArray  # how many pairs were met that are not known, then each as condition times controls plus control


@compiled
def _no_successors(moves: JointMoves) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Room for the successors of any joint state."""
    widest = 0
    for s in range(len(moves.start) - 1):
        widest = max(widest, moves.start[s + 1] - moves.start[s])
    most = 2 * (len(moves.timed_per_h) + widest)
    return np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64), np.empty(most), np.empty(most)


@compiled
def pair_of(moves: JointMoves, z: int, c: int) -> int:
    """Number of what follows from a condition and a control state; below 0, and noted, where it is not known."""
    p = moves.pair[z, c]
    if p == -1 and moves.wanted[0] + 1 < len(moves.wanted):
        moves.wanted[0] += 1
        moves.wanted[moves.wanted[0]] = z * moves.pair.shape[1] + c
        moves.pair[z, c] = -2
    return int(p)


@compiled
def _successors(
    moves: JointMoves, s: int, c: int, least_per_h: float, note: bool,
    to: IntArray, control: IntArray, rate: FloatArray, share: FloatArray,
) -> int:  # fmt: skip
    """Put down the successors of a joint state, rate and share of the rate [1/h] of each, and say how many there are.

    An event in time of the roles, or a move of the parts, is followed at once by a takeover that succeeds or fails;
    what is rarer than `least_per_h` is left out. Control state -1: what follows is not known; noted if asked for.
    """
    first = moves.start[s]
    here = pair_of(moves, moves.condition[s], c) if note else int(moves.pair[moves.condition[s], c])
    count = 0
    for e in range(first - (len(moves.timed_per_h) if here >= 0 else 0), moves.start[s + 1]):
        if e < first:
            event = first - 1 - e
            r, s2, c2 = moves.timed_per_h[event, here], s, moves.leads_to[event, here]
        else:
            r, s2, c2 = moves.rate_per_h[e], moves.target[e], c
        if r == 0.0 or r < least_per_h:
            continue
        z = moves.condition[s2]
        after = pair_of(moves, z, c2) if note else int(moves.pair[z, c2])
        if after < 0:
            to[count], control[count], rate[count], share[count] = s2, -1, r, 1.0
            count += 1
            continue
        good = moves.coverage[after]
        if good > 0.0:
            to[count], control[count], rate[count], share[count] = s2, moves.settled[after], r, good
            count += 1
        if 1.0 - good > 0.0:
            to[count], control[count], rate[count], share[count] = s2, moves.failed[after], r, 1.0 - good
            count += 1
    return count


class Reached(NamedTuple):
    """Joint states that flows lead to, in the order in which they were met, and those to be gone on from."""

    parts: IntArray
    control: IntArray
    share: FloatArray  # bound of the probability, so far
    seen: FloatArray  # share with which its successors were followed
    link: IntArray  # the next one that waits with a share of its size
    waits: IntArray  # (sizes,): the first one that waits, by size of the share; -1 for none
    table: IntArray  # (width, 2): key and place of each state, open addressing
    states: int


_SIZES = 128
_NOWHERE = -1


def none_reached(seeds: int) -> Reached:
    """Begin with no state, and room for so many seeds."""
    room = 1 << max(14, seeds.bit_length())
    return Reached(
        np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64), np.empty(room), np.empty(room),
        np.empty(room, dtype=np.int64), np.full(_SIZES, _NOWHERE), np.full((4 * room, 2), -1), 0,
    )  # fmt: skip


@compiled
def _place(table: IntArray, key: int) -> int:
    """Row of a key, or the free row where it belongs."""
    mask = len(table) - 1
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    at = np.int64((h ^ (h >> np.uint64(29))) >> np.uint64(3)) & mask
    while table[at, 0] != -1 and table[at, 0] != key:
        at = (at + 1) & mask
    return int(at)


@compiled
def _all_placed(table: IntArray, parts: IntArray, control: IntArray, controls: int, count: int) -> None:
    """Put all states in an empty table."""
    for x in range(count):
        key = parts[x] * controls + control[x]
        at = _place(table, key)
        table[at, 0], table[at, 1] = key, x


@compiled
def _wait(link: IntArray, waits: IntArray, x: int, share: float) -> int:
    """Let a state wait with those of its size, and say which size that is: powers of 2, the largest first."""
    size = min(_SIZES - 1, int(-np.log2(share))) if share > 0.0 else _SIZES - 1
    link[x], waits[size] = waits[size], x
    return size


@compiled
def joint_states(
    seeds: IntArray, moves: JointMoves, leave: FloatArray, timed_leave: FloatArray, below_per_h: float, most: int,
    found: Reached,
) -> Reached:  # fmt: skip
    """Follow flows from the states that wait as long as they are at least `below_per_h`, the most probable state first.

    At first these are the seeds, each a state of the parts and a control state. Where a state leads often is followed
    however improbable the state is, so that no state ends in nothing. It stops after `most` states. States that lead
    to pairs that are not known (`wanted`) wait in what is given back.
    """
    controls = moves.pair.shape[1]
    parts, control, share, seen = found.parts, found.control, found.share, found.seen
    link, waits, table, count = found.link, found.waits, found.table, found.states
    to_all = _no_successors(moves)
    if count == 0:
        for n in range(len(seeds)):
            key = seeds[n, 0] * controls + seeds[n, 1]
            at = _place(table, key)
            if table[at, 0] == -1:
                table[at, 0], table[at, 1] = key, count
                parts[count], control[count], share[count], seen[count] = seeds[n, 0], seeds[n, 1], 1.0, 0.0
                _wait(link, waits, count, 1.0)
                count += 1
    unknown = _NOWHERE  # the first of those that wait for pairs
    size = 0
    while count <= most:
        while size < _SIZES and waits[size] == _NOWHERE:
            size += 1
        if size == _SIZES:
            break
        x = waits[size]
        waits[size] = link[x]
        if share[x] <= 4.0 * seen[x]:
            continue
        s, c = parts[x], control[x]
        here = pair_of(moves, moves.condition[s], c)
        missing = here < 0
        often = _OFTEN * (leave[s] + (timed_leave[here] if here >= 0 else 0.0))
        least = min(often, below_per_h / share[x])
        for n in range(_successors(moves, s, c, least, True, *to_all)):
            to, c3, rate, part = to_all[0][n], to_all[1][n], to_all[2][n], to_all[3][n]
            flow = share[x] * rate * part
            if flow < below_per_h and rate * part < often:
                continue
            there = pair_of(moves, moves.condition[to], c3) if c3 >= 0 else -1
            if there < 0:
                missing = True
                continue
            out = leave[to] + timed_leave[there]
            got = min(1.0, flow / out) if out > 0 else 1.0
            key = to * controls + c3
            at = _place(table, key)
            if table[at, 0] == -1:
                if count == len(parts):
                    parts = np.concatenate((parts, np.empty(count, dtype=np.int64)))
                    control = np.concatenate((control, np.empty(count, dtype=np.int64)))
                    share = np.concatenate((share, np.empty(count)))
                    seen = np.concatenate((seen, np.empty(count)))
                    link = np.concatenate((link, np.empty(count, dtype=np.int64)))
                y = count
                table[at, 0], table[at, 1] = key, y
                parts[y], control[y], share[y], seen[y] = to, c3, got, 0.0
                count += 1
                if 2 * count > len(table):
                    table = np.full((4 * len(table), 2), -1, dtype=np.int64)
                    _all_placed(table, parts, control, controls, count)
            else:
                y = table[at, 1]
                if got <= share[y]:
                    continue
                waiting = share[y] > 4.0 * seen[y]
                share[y] = got
                if waiting or got <= 4.0 * seen[y]:
                    continue
            size = min(size, _wait(link, waits, y, got))
        if missing:
            seen[x] = 0.0
            link[x], unknown = unknown, x
        else:
            seen[x] = share[x]
    while unknown != _NOWHERE:
        x, unknown = unknown, link[unknown]
        _wait(link, waits, x, share[x])
    return Reached(parts, control, share, seen, link, waits, table, count)


@compiled
def joint_moves(
    parts: IntArray,
    control: IntArray,
    begin: IntArray,
    moves: JointMoves,
    out_of_parts: FloatArray,
) -> tuple[NDArray[np.int32], NDArray[np.int32], FloatArray, FloatArray]:
    """Transitions between joint states, as rows, and the rate at which each leads out of the list.

    Joint states are sorted by state of the parts (`begin` says where those of each begin), then by control state.
    """
    row = np.zeros(len(parts) + 1, dtype=np.int32)
    to = np.empty(6 * len(parts) + 64, dtype=np.int32)
    rate = np.empty(6 * len(parts) + 64)
    out = np.zeros(len(parts))
    edges = 0
    found = _no_successors(moves)
    for x in range(len(parts)):
        row[x] = edges
        s = parts[x]
        out[x] += out_of_parts[s]
        for n in range(_successors(moves, s, control[x], 0.0, False, *found)):
            s2, c2, r, part = found[0][n], found[1][n], found[2][n], found[3][n]
            y = begin[s2]
            while y < begin[s2 + 1] and control[y] != c2:
                y += 1
            if y == begin[s2 + 1]:
                out[x] += r * part
            elif y != x:
                if edges == len(to):
                    to = np.concatenate((to, np.empty(edges, dtype=np.int32)))
                    rate = np.concatenate((rate, np.empty(edges)))
                to[edges], rate[edges] = y, r * part
                edges += 1
    row[len(parts)] = edges
    return row, to[:edges].copy(), rate[:edges].copy(), out


@compiled
def followed(
    level: IntArray, up: IntArray, down: IntArray, root: int, modes: int, works: NDArray[np.uint8],
    placed: NDArray[np.uint8], place: IntArray, part_state: IntArray, control: IntArray,
) -> IntArray:  # fmt: skip
    """Mode of each joint state: a diagram followed from its root.

    `place` says for each variable which column of `works` (part states x parts) it is, or, from minus 1 on
    downwards, of `placed` (control states x variables).
    """
    result = np.empty(len(part_state), dtype=np.int64)
    for x in range(len(part_state)):
        node = root
        while node >= modes:
            at = place[level[node]]
            up_now = works[part_state[x], at] if at >= 0 else placed[control[x], -1 - at]
            node = up[node] if up_now else down[node]
        result[x] = node
    return result


@compiled
def worth_of_rates(
    parts: IntArray, control: IntArray, begin: IntArray, moves: JointMoves, probability: FloatArray, bias: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    r"""What one more transition an hour is worth: of each move of the parts, each event in time, each coverage.

    The derivative of a mean reward by the rate from x to y is :math:`p_x (g_y - g_x)`, with g the bias of the
    reward (states x rewards); transitions out of the list are taken as ones that stay. Sums over the states with
    the same state of the parts, or condition and control state (a pair).
    """
    rewards = bias.shape[1]
    events = len(moves.timed_per_h)
    of_moves = np.zeros((len(moves.target), rewards))
    of_events = np.zeros((*moves.timed_per_h.shape, rewards))
    of_coverage = np.zeros((*moves.coverage.shape, rewards))
    gain = np.zeros((2, rewards))
    for x in range(len(parts)):
        s, c = parts[x], control[x]
        first, here = moves.start[s], moves.pair[moves.condition[s], c]
        for e in range(first - events, moves.start[s + 1]):
            if e < first:
                event = first - 1 - e
                r, s2, c2 = moves.timed_per_h[event, here], s, moves.leads_to[event, here]
                if r == 0.0:
                    continue
            else:
                event = -1
                r, s2, c2 = moves.rate_per_h[e], moves.target[e], c
            after = moves.pair[moves.condition[s2], c2]
            if after < 0:  # out of the list
                continue
            good = moves.coverage[after]
            for way in range(2):
                c3 = moves.settled[after] if way == 0 else moves.failed[after]
                y = begin[s2]
                while y < begin[s2 + 1] and control[y] != c3:
                    y += 1
                for k in range(rewards):
                    gain[way, k] = bias[y, k] - bias[x, k] if y < begin[s2 + 1] else 0.0
            for k in range(rewards):
                worth = probability[x] * (good * gain[0, k] + (1.0 - good) * gain[1, k])
                if event < 0:
                    of_moves[e, k] += worth
                else:
                    of_events[event, here, k] += worth
                of_coverage[after, k] += probability[x] * r * (gain[0, k] - gain[1, k])
    return of_moves, of_events, of_coverage


@compiled
def joint_terms(
    parts: IntArray, control: IntArray, begin: IntArray, moves: JointMoves, move: IntArray, event: IntArray,
    decided: IntArray,
) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:  # fmt: skip
    """Terms of the transitions between joint states: from, to, place of the move of the parts or -1, rate, factor.

    `move` numbers the rate of each move of the parts, `event` that of each event in time, `decided` the coverage of
    each pair of a condition and a control state (0: certain). Coverage k is factor 2 k - 1, and its complement 2 k.
    """
    room = 6 * len(parts) + 64
    found = np.empty((5, room), dtype=np.int64)
    terms = 0
    events = len(moves.timed_per_h)
    for x in range(len(parts)):
        s, c = parts[x], control[x]
        first, here = moves.start[s], moves.pair[moves.condition[s], c]
        for e in range(first - events, moves.start[s + 1]):
            if e < first:
                n = first - 1 - e
                if moves.timed_per_h[n, here] == 0.0:
                    continue
                place, which, s2, c2 = np.int64(-1), event[n, here], s, moves.leads_to[n, here]
            else:
                place, which, s2, c2 = np.int64(e), move[e], moves.target[e], c
            after = moves.pair[moves.condition[s2], c2]
            if after < 0:  # out of the list
                continue
            coverage = decided[after]
            for way in range(2):
                if way == 1 and coverage == 0:
                    break
                c3 = moves.settled[after] if way == 0 else moves.failed[after]
                y = begin[s2]
                while y < begin[s2 + 1] and control[y] != c3:
                    y += 1
                if y == begin[s2 + 1] or y == x:
                    continue
                if terms == room:
                    found = np.concatenate((found, np.empty((5, room), dtype=np.int64)), axis=1)
                    room *= 2
                found[0, terms], found[1, terms], found[2, terms] = x, y, place
                found[3, terms] = which
                found[4, terms] = 0 if coverage == 0 else 2 * coverage - 1 + way
                terms += 1
    return found[0, :terms], found[1, :terms], found[2, :terms], found[3, :terms], found[4, :terms]
