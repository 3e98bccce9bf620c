"""How roles change hands with takeovers as modelled: takeover, failed takeover, out of service and back.

A *control state* says who holds each role that can move (or that it is on its way, or stranded after a takeover
that failed) and for each redundant server whether it is in service, out of service, or in maintenance. A
*condition* says which of the role's predicates hold for the failed parts. Together they say what happens:

at once     (`following`) parts are suspended; a server that is down comes back out of service; a role whose holder has
            lost a trigger, noticed by a backup that is ready, starts to move: the former holder shuts down, with the
            coverage the role is on its way, else it is stranded, or tried again. Where nothing stops the former
            holder both have it. With automatic failback, servers and roles return at once.
in time     (`timed`) a loss is detected, if that takes time; a role on its way arrives after the switchover time at a
            holder that is ready, and is stranded if none is. An operator places a stranded role at a healthy or able
            holder, and a restored server back in service; a server is taken into maintenance, its roles moved first.
            Takeovers begin without a cause, become unready unnoticed, and are tried in drills.

Roles that start to move at one instant are one takeover: one success or failure, one switchover.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.errors import ModelTooLargeError
from k2rel.logic.structure import BoolArray
from k2rel.policy.controls import Controls, TakeoverTimes
from k2rel.policy.rules import Policy
from k2rel.policy.table import TakeoverTable, followed
from k2rel.policy.timed import TimedEvent

__all__ = ["Takeover", "TakeoverTable", "TakeoverTimes", "joined"]

IntArray = NDArray[np.int64]

_MOST_ENTRIES = 20_000_000
_KEPT_ENTRIES = 500_000
_BY_CONDITION = ("settled", "failed", "coverage", "counts", "begins")
_BY_EVENT = ("term", "rate_per_h", "leads_to")


class Takeover(Controls):
    """The control states of a site and how they follow each other.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> takeover = Takeover(Policy(read_site("L2R"), sticky=True), TakeoverTimes())
    >>> takeover.controls, takeover.words(0)
    (16, 'file_system at A')
    """

    @cached_property
    def events(self) -> tuple[TimedEvent, ...]:
        """What happens in time, in the order of the tables."""
        nothing = np.zeros(0, dtype=np.int64)
        return followed(self, np.zeros((0, len(self.conditions)), dtype=np.bool_), (nothing, nothing)).events

    @cached_property
    def eventful(self) -> bool:
        """Whether more happens than takeovers at once that work, or fail and wait for an operator."""
        usual = ("switchover", "manual_takeover", "return_to_service", "maintenance")
        return any(event.name not in usual for event in self.events) or self.gives_back or bool(self.sides_active.any())

    @property
    def gives_back(self) -> bool:
        """Whether roles go back to their first holder by a move of their own."""
        return any(self.policy.site.roles[role].giveback_h is not None for role in self.roles)

    def of_pairs(self, conditions: BoolArray, condition: IntArray, control: IntArray) -> TakeoverTable:
        """Work out what follows from pairs of a condition, as a row of `conditions`, and a control state."""
        return followed(self, conditions, (condition, control))

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
            rows = made if rows is None else joined(rows, made)
            place = place | {keys[i]: len(place) + k for k, i in enumerate(new)}
            self._known = place, rows
        here = np.array([place[key] for key in keys], dtype=np.int64)
        chosen = {name: getattr(rows, name)[here] for name in _BY_CONDITION}
        return replace(rows, **chosen, **{name: getattr(rows, name)[:, here] for name in _BY_EVENT})


@lru_cache(maxsize=16)
def _kept(policy: Policy, times: TakeoverTimes) -> _Kept:
    return _Kept()


def joined(first: TakeoverTable, second: TakeoverTable) -> TakeoverTable:
    """One table after another; terms of the second get numbers after those of the first."""
    number = {term: n for n, term in enumerate(first.terms)}
    renumbered = np.array([*(number.setdefault(term, len(number)) for term in second.terms), -1], dtype=np.int64)
    second = replace(second, term=renumbered[second.term])
    rows = {n: np.concatenate([getattr(first, n), getattr(second, n)]) for n in _BY_CONDITION}
    events = {n: np.concatenate([getattr(first, n), getattr(second, n)], axis=1) for n in _BY_EVENT}
    return TakeoverTable(**rows, events=first.events, terms=tuple(number), **events)
