"""What roles do in the joint states that flows lead to: pairs of a condition of the parts and a control state.

All pairs are worked out where they are few. Else only those that are met: the states are followed, what they met and
nobody knows is worked out with what follows from that, and they are followed again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import BoolArray
from k2rel.policy.controls import TakeoverTimes
from k2rel.policy.rules import Policy
from k2rel.policy.table import TakeoverTable
from k2rel.policy.takeover import Takeover, joined

__all__ = ["Pairs", "every_pair", "met_pairs"]

IntArray = NDArray[np.int64]

_FEW = 200_000
_KEPT = 500_000
_ROOM = 1 << 18


class Pairs:
    """What is known of pairs: a table of them, and the number of each by condition and control state."""

    def __init__(self, table: TakeoverTable, number: NDArray[np.int32], condition: IntArray) -> None:
        self.table = table
        self.number = number
        self.condition = condition  # row of `number` of each condition that was asked for
        self.wanted = np.zeros(_ROOM if (number < 0).any() else 1, dtype=np.int64)


def every_pair(table: TakeoverTable) -> Pairs:
    """All pairs of a table (conditions, controls)."""
    number = np.arange(table.settled.size, dtype=np.int32).reshape(table.settled.shape)
    return Pairs(_flat(table), number, np.arange(len(number)))


def _flat(table: TakeoverTable) -> TakeoverTable:
    """The same with one axis for pairs."""
    rows = {name: getattr(table, name).reshape(-1) for name in ("settled", "failed", "coverage", "counts", "begins")}
    count = len(rows["settled"])
    return replace(table, **rows, **{
        name: getattr(table, name).reshape(-1, count) for name in ("term", "rate_per_h", "leads_to")
    })  # fmt: skip


class _Known:
    """Pairs that were met before, by the truth of their conditions; swapped as a whole, for threads that meet here."""

    def __init__(self, takeover: Takeover) -> None:
        none = np.zeros(0, dtype=np.int64)
        conditions = np.zeros((0, len(takeover.conditions)), dtype=np.bool_)
        number = np.zeros((0, takeover.controls), dtype=np.int32)
        self.all = dict[bytes, int](), conditions, number, takeover.of_pairs(conditions, none, none)


@lru_cache(maxsize=4)
def _known(policy: Policy, times: TakeoverTimes) -> _Known:
    return _Known(Takeover(policy, times))


def met_pairs(takeover: Takeover, conditions: BoolArray, follow: Callable[[Pairs], object]) -> Pairs:
    """All pairs, or where these are many those that `follow` meets; it notes in `wanted` what it does not know."""
    if len(conditions) * takeover.controls <= _FEW:
        pairs = every_pair(takeover.table(conditions))
        follow(pairs)
        return pairs
    kept = _known(takeover.policy, takeover.times)
    places, rows, number, table = kept.all
    keys = [row.tobytes() for row in conditions]
    places = places | {key: len(places) + n for n, key in enumerate(key for key in keys if key not in places)}
    condition = np.array([places[key] for key in keys], dtype=np.int64)
    fresh = condition >= len(rows)
    rows = np.concatenate([rows, conditions[fresh]])
    number = np.concatenate([number, np.full((int(fresh.sum()), takeover.controls), -1, dtype=np.int32)])
    pairs = Pairs(table, number, condition)
    while True:
        pairs.wanted[0] = 0
        follow(pairs)
        met = pairs.wanted[1 : int(pairs.wanted[0]) + 1]
        if not len(met):
            break
        for _ in range(3):  # and what follows from those while the parts stay as they are
            which, control = np.divmod(met, takeover.controls)
            found = takeover.of_pairs(rows, which, control)
            number.reshape(-1)[met] = np.arange(len(met)) + len(pairs.table.settled)
            pairs.table = joined(pairs.table, found)
            there = np.where(found.rate_per_h > 0, found.leads_to, control)
            after = np.concatenate([found.settled[None], found.failed[None], there])
            met = np.unique(which * takeover.controls + after)
            met = met[number.reshape(-1)[met] < 0]
            if not len(met):
                break
    if len(pairs.table.settled) <= _KEPT and number.size <= 20 * _KEPT:
        kept.all = places, rows, number, pairs.table
    return pairs
