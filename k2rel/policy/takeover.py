"""How roles change hands with takeovers as modelled: takeover, failed takeover, out of service and back.

A *control state* says who holds each role that can move (or that it is on its way, or stranded after a takeover
that failed) and for each redundant server whether it is in service, out of service, or in maintenance. A
*condition* says which of the role's predicates hold for the failed parts. Together they say what happens:

at once     a server that is down comes back out of service; a role whose holder has lost a trigger, noticed by
            a backup that is ready, starts to move: the former holder shuts down, with the coverage the role is on
            its way, else it is stranded. With automatic failback, servers and roles return at once.
in time     a role on its way arrives after the switchover time at a holder that is ready, and is stranded if none
            is. An operator places a stranded role at a healthy or able holder, and a restored server back
            in service; a server is taken into maintenance, its roles moved first.

Roles that start to move at one instant are one takeover: one success or failure, one switchover.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import BoolArray
from k2rel.policy.controls import Controls, TakeoverTimes
from k2rel.policy.following import TakeoverTable, followed
from k2rel.policy.rules import Policy

__all__ = ["Takeover", "TakeoverTable", "TakeoverTimes"]

_MOST_ENTRIES = 20_000_000
_KEPT_ENTRIES = 500_000
_BY_CONDITION = ("settled", "failed", "coverage", "decides", "counts")


class Takeover(Controls):
    """The control states of a site and how they follow each other.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> takeover = Takeover(Policy(read_site("L2R"), sticky=True), TakeoverTimes())
    >>> takeover.controls, takeover.words(0)
    (16, 'file_system at A')
    """

    def table(self, conditions: BoolArray) -> TakeoverTable:
        """Work out what follows from conditions, in every control state.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> takeover = Takeover(Policy(read_site("L1"), sticky=True), TakeoverTimes())
        >>> takeover.table(np.zeros((1, 0), dtype=bool)).settled.tolist()
        [[0]]
        """
        count = len(conditions)
        if count * self.controls > _MOST_ENTRIES:
            raise ModelTooLargeError(
                f"{self.policy.site.name}: {count:,} conditions times {self.controls:,} control states are too many"
            )
        return _kept(self.policy, self.times).table(self, np.asarray(conditions, dtype=np.bool_))


class _Kept:
    """What follows from conditions that were met before; designs that differ in failure rates alone share most.

    Places and rows are swapped together, so that threads that meet here lose work at most.
    """

    def __init__(self) -> None:
        self._known: tuple[dict[bytes, int], TakeoverTable | None] = ({}, None)

    def table(self, takeover: Takeover, conditions: BoolArray) -> TakeoverTable:
        """Put a table together from what is kept, and work out the rest."""
        if len(conditions) * takeover.controls > _KEPT_ENTRIES:
            return followed(takeover, conditions)
        keys = [row.tobytes() for row in conditions]
        place, rows = self._known
        new = [i for i, key in enumerate(keys) if key not in place]
        if (len(place) + len(new)) * takeover.controls > _KEPT_ENTRIES:
            place, rows, new = {}, None, list(range(len(keys)))
        if new or rows is None:
            made = followed(takeover, conditions[new])
            rows = made if rows is None else _joined(rows, made)
            place = place | {keys[i]: len(place) + k for k, i in enumerate(new)}
            self._known = place, rows
        here = np.array([place[key] for key in keys], dtype=np.int64)
        return TakeoverTable(rows.settled[here], rows.failed[here], rows.coverage[here], rows.decides[here],
                             rows.counts[here], rows.rate_per_h[:, here], rows.leads_to[:, here])  # fmt: skip


@lru_cache(maxsize=16)
def _kept(policy: Policy, times: TakeoverTimes) -> _Kept:
    return _Kept()


def _joined(first: TakeoverTable, second: TakeoverTable) -> TakeoverTable:
    rows = {n: np.concatenate([getattr(first, n), getattr(second, n)]) for n in _BY_CONDITION}
    events = {n: np.concatenate([getattr(first, n), getattr(second, n)], axis=1) for n in ("rate_per_h", "leads_to")}
    return TakeoverTable(**rows, **events)
