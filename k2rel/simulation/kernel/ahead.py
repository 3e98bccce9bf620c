"""Histories from a present state to a horizon, and what is counted of them. Compiled.

An outage that begins within the horizon is followed to its end, or until it is longer than every length that is asked
for; one that stands in the present state is followed to its end.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np

from k2rel.loops.compiled import compiled
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.layout import F1, F2, I1, I2
from k2rel.simulation.kernel.present import Present, begin_present
from k2rel.simulation.kernel.records import Model, Sums, Tables, Work
from k2rel.simulation.kernel.rules import step

__all__: list[str] = []

# columns of Seen.service: downtime within the horizon and failures in it, with squares, and histories that have any;
# histories that begin with it down, the time until it is back, and its square
DOWN, DOWN2, ANY_DOWN, COUNT, COUNT2, ANY, DOWN_NOW, RETURN, RETURN2 = range(9)
COLUMNS = 9
# what an outage is to those who follow it
NONE, WITHIN, AT_BEGINNING = range(3)
# where a history is: what stands in `Work.i[YEAR]`
_BEGINS, _BEFORE, _AFTER = range(3)
_FARTHEST_H = 1e9
_MOST_STEPS = 3_000_000


class Seen(NamedTuple):
    """What is counted over histories, and of the one that runs."""

    length_h: Annotated[F1, "lengths"]  # that outages are compared with
    service: Annotated[F2, "services", COLUMNS]
    longer: Annotated[I2, "services", "lengths"]  # histories with an outage that begins in the horizon and is longer
    # of the history that runs; the rest in `Work`
    followed: Annotated[I1, "services"]
    back: Annotated[F1, "services"]  # when what was down at the beginning was back


@compiled
def _note(model: Model, work: Work, seen: Seen) -> None:
    """Note the services that have failed or are restored."""
    changed = work.bits[0] ^ work.bits[1]
    work.bits[1] = work.bits[0]
    now, where = work.f[records.NOW], work.i[records.YEAR]
    for s in range(model.services):
        if not (changed >> np.uint64(s)) & np.uint64(1):
            continue
        if (work.bits[0] >> np.uint64(s)) & np.uint64(1):
            work.begin[s] = now
            work.i[records.DOWN_ANY] = 1
            if where == _BEGINS:
                seen.followed[s] = AT_BEGINNING
            elif where == _BEFORE:
                seen.followed[s] = WITHIN
                work.failures[s] += 1
            continue
        if where == _BEFORE:
            work.down[s] += now - work.begin[s]
        if seen.followed[s] == WITHIN:
            work.longest[s] = max(work.longest[s], now - work.begin[s])
        elif seen.followed[s] == AT_BEGINNING:
            seen.back[s] = now
        seen.followed[s] = NONE


@compiled
def _reach_horizon(model: Model, work: Work, horizon_h: float) -> None:
    """Count the downtime of what is down at the horizon."""
    work.f[records.NOW] = horizon_h
    work.i[records.YEAR] = _AFTER
    for s in range(model.services if work.i[records.DOWN_ANY] else 0):
        if (work.bits[0] >> np.uint64(s)) & np.uint64(1):
            work.down[s] += horizon_h - work.begin[s]


@compiled
def _followed_until(model: Model, work: Work, seen: Seen, longest_h: float) -> float:
    """Until when outages are followed beyond the horizon."""
    until = -1.0
    for s in range(model.services if work.i[records.DOWN_ANY] else 0):
        if seen.followed[s] == WITHIN:
            until = max(until, work.begin[s] + longest_h)
        elif seen.followed[s] == AT_BEGINNING:
            until = _FARTHEST_H
    return until


@compiled
def _add(model: Model, work: Work, seen: Seen) -> None:
    """Add what one history had; what is still followed is longer than every length."""
    for s in range(model.services if work.i[records.DOWN_ANY] else 0):
        row, down, count = seen.service[s], work.down[s], float(work.failures[s])
        row[DOWN] += down
        row[DOWN2] += down * down
        row[ANY_DOWN] += down > 0
        row[COUNT] += count
        row[COUNT2] += count * count
        row[ANY] += count > 0
        if seen.back[s] >= 0:
            row[DOWN_NOW] += 1.0
            row[RETURN] += seen.back[s]
            row[RETURN2] += seen.back[s] * seen.back[s]
        longest = np.inf if seen.followed[s] == WITHIN else work.longest[s]
        for k in range(len(seen.length_h)):
            seen.longer[s, k] += count > 0 and longest > seen.length_h[k]


@compiled
def _fresh(model: Model, work: Work, seen: Seen) -> None:
    """Forget what the history before had."""
    for s in range(model.services):
        work.down[s], work.failures[s], work.longest[s] = 0.0, 0, 0.0
        seen.followed[s], seen.back[s] = NONE, -1.0


@compiled
def look_ahead(
    model: Model,
    tables: Tables,
    work: Work,
    sums: Sums,
    present: Present,
    seen: Seen,
    seed: int,
    last: int,
    horizon_h: float,
) -> int:
    """Run histories from `Work.i[HISTORY]` on, without the last, each from the present state.

    Where one meets a state that the tables do not know it is left without being counted, to be run again; by a scout
    (`SCOUTING`), which counts nothing, for good.
    """
    longest_h = 0.0
    for k in range(len(seen.length_h)):
        longest_h = max(longest_h, seen.length_h[k])
    while work.i[records.HISTORY] < last:
        code = begin_present(model, tables, work, sums, present, seed, work.i[records.HISTORY])
        work.i[records.YEAR] = _BEGINS
        _fresh(model, work, seen)
        steps = 0
        while code == records.DONE:
            if work.bits[0] != work.bits[1]:
                _note(model, work, seen)
            if work.i[records.YEAR] == _BEGINS:
                work.i[records.YEAR] = _BEFORE
            limit = horizon_h
            if work.i[records.YEAR] == _AFTER:
                limit = _followed_until(model, work, seen, longest_h)
                steps += 1
                if steps > _MOST_STEPS:
                    code = records.ENDLESS
                    break
            code = step(model, tables, work, sums, limit)
            if code == records.AT_LIMIT and work.i[records.YEAR] == _BEFORE:
                _reach_horizon(model, work, horizon_h)
                code = records.DONE
            elif code == records.AT_LIMIT and limit == _FARTHEST_H:
                code = records.ENDLESS
        if code == records.AT_LIMIT:
            if not work.i[records.SCOUTING]:
                _add(model, work, seen)
        elif not work.i[records.SCOUTING]:
            return code
        work.i[records.HISTORY] += 1
    return records.DONE
