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

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import BoolArray
from k2rel.policy.controls import Controls, TakeoverTimes
from k2rel.policy.table import TakeoverTable, followed
from k2rel.policy.terms import Term
from k2rel.policy.timed import TimedEvent

__all__ = ["Takeover", "TakeoverTable", "TakeoverTimes", "joined"]

IntArray = NDArray[np.int64]

_BY_CONDITION = ("settled", "failed", "coverage", "counts", "begins")


class Takeover(Controls):
    """The control states of a site and how they follow each other.

    Examples
    --------
    >>> from k2rel.policy.rules import Policy
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
        >>> from k2rel.policy.rules import Policy
        >>> from k2rel.site import read_site
        >>> takeover = Takeover(Policy(read_site("L1"), sticky=True), TakeoverTimes())
        >>> takeover.table(np.zeros((1, 0), dtype=bool)).settled.tolist()
        [[0]]
        """
        return followed(self, conditions)


def joined(*tables: TakeoverTable) -> TakeoverTable:
    """One table after another; terms of later ones get numbers after those of the first."""
    number: dict[Term, int] = {}
    for table in tables:
        for term in table.terms:
            number.setdefault(term, len(number))
    renumbered = [np.array([*(number[term] for term in t.terms), -1], dtype=np.int64)[t.term] for t in tables]
    rows = {n: np.concatenate([getattr(t, n) for t in tables]) for n in _BY_CONDITION}
    events = {n: np.concatenate([getattr(t, n) for t in tables], axis=1) for n in ("rate_per_h", "leads_to")}
    return TakeoverTable(
        **rows, events=tables[0].events, terms=tuple(number), term=np.concatenate(renumbered, axis=1), **events
    )
