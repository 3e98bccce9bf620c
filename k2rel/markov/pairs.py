"""What roles do in the joint states that flows lead to: pairs of a condition of the parts and a control state.

All pairs are worked out where they are few. Else only those that are met: the states are followed, what they met and
nobody knows is worked out with what follows from that, and they are followed again. What was worked out is kept:
designs that differ in failure rates alone share most.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import BoolArray
from k2rel.policy.controls import TakeoverTimes
from k2rel.policy.rules import Policy
from k2rel.policy.table import TakeoverTable
from k2rel.policy.takeover import Takeover, joined

__all__ = ["Pairs", "met_pairs", "no_roles"]

IntArray = NDArray[np.int64]

_FEW = 100_000
_MOST = 100_000_000
_KEPT = 250_000
_ROOM = 1 << 18


class Pairs:
    """What is known of pairs: a table of them, and the number of each by condition and control state."""

    def __init__(self, table: TakeoverTable, number: NDArray[np.int32], condition: IntArray) -> None:
        self.table = table
        self.number = number
        self.condition = condition  # row of `number` of each condition that was asked for
        self.wanted = np.zeros(_ROOM if (number < 0).any() else 1, dtype=np.int64)


def no_roles() -> Pairs:
    """The one pair where no role moves, of which nothing follows."""
    one, none = np.zeros(1, dtype=np.int64), np.zeros((0, 1), dtype=np.int64)
    table = TakeoverTable(one, one, np.ones(1), one, one, (), (), none, np.zeros((0, 1)), none)
    return Pairs(table, np.zeros((1, 1), dtype=np.int32), one)


class _Known:
    """Pairs that were met before, by the truth of their conditions; swapped as a whole, for threads that meet here."""

    def __init__(self, takeover: Takeover) -> None:
        none = np.zeros(0, dtype=np.int64)
        conditions = np.zeros((0, len(takeover.conditions)), dtype=np.bool_)
        number = np.zeros((0, takeover.controls), dtype=np.int32)
        self.all = dict[bytes, int](), conditions, number, takeover.of_pairs(conditions, none, none)


@lru_cache(maxsize=8)
def _known(policy: Policy, times: TakeoverTimes) -> _Known:
    return _Known(Takeover(policy, times))


def met_pairs(takeover: Takeover, conditions: BoolArray, follow: Callable[[Pairs], object]) -> Pairs:
    """All pairs, or where these are many those that `follow` meets; it notes in `wanted` what it does not know."""
    kept = _known(takeover.policy, takeover.times)
    places, rows, number, table = kept.all
    keys = [row.tobytes() for row in conditions]
    places = places | {key: len(places) + n for n, key in enumerate(key for key in keys if key not in places)}
    condition = np.array([places[key] for key in keys], dtype=np.int64)
    fresh = condition >= len(rows)
    if len(places) * takeover.controls > _MOST:
        raise ModelTooLargeError(
            f"{takeover.policy.site.name}: {len(places):,} conditions times {takeover.controls:,} control states are "
            "too many"
        )
    rows = np.concatenate([rows, conditions[fresh]])
    number = np.concatenate([number, np.full((int(fresh.sum()), takeover.controls), -1, dtype=np.int32)])

    def work_out(some: IntArray, deep: int) -> None:
        """Work out pairs, condition times controls plus control, and what follows while the parts stay the same."""
        if not len(some):
            return
        tables, count = [pairs.table], len(pairs.table.settled)
        for _ in range(deep):
            if not len(some):
                break
            which, control = np.divmod(some, takeover.controls)
            found = takeover.of_pairs(rows, which, control)
            number.reshape(-1)[some] = np.arange(len(some)) + count
            tables, count = [*tables, found], count + len(some)
            there = np.where(found.rate_per_h > 0, found.leads_to, control)
            after = which * takeover.controls + np.concatenate([found.settled[None], found.failed[None], there])
            some = np.unique(after[number.reshape(-1)[after] < 0])
        pairs.table = joined(*tables)

    pairs = Pairs(table, number, condition)
    if len(conditions) * takeover.controls <= _FEW:
        every = (condition[:, None] * takeover.controls + np.arange(takeover.controls)).reshape(-1)
        work_out(every[number.reshape(-1)[every] < 0], 1)
    while True:
        pairs.wanted[0] = 0
        follow(pairs)
        if not pairs.wanted[0]:
            break
        work_out(pairs.wanted[1 : int(pairs.wanted[0]) + 1], 3)
    few = len(pairs.table.settled) <= _KEPT and number.size <= 20 * _KEPT
    kept.all = (places, rows, number, pairs.table) if few else _Known(takeover).all
    return pairs
