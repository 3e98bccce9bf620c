"""What follows from each condition and control state, as one table, and what it is worth to change what is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import BoolArray
from k2rel.policy.controls import Controls
from k2rel.policy.following import Follow, smallest
from k2rel.policy.terms import Given, Term
from k2rel.policy.timed import TimedEvent, events_of
from k2rel.site.coverage import coverage_name

__all__ = ["TableSlope", "TakeoverTable", "followed", "table_slopes"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TakeoverTable:
    """What follows from each condition and control state: arrays (conditions, controls), of events first by event."""

    settled: IntArray  # control state that follows at once, with a takeover that succeeds
    failed: IntArray  # and with one that fails
    coverage: FloatArray  # probability of success
    counts: IntArray  # bits: which of `Controls.coverages`, then `guards`, count; the last: it fails for certain
    begins: IntArray  # bits of `Begins`
    events: tuple[TimedEvent, ...]
    terms: tuple[Term, ...]
    term: IntArray  # of each event in time: which of `terms` its rate is; -1: it does not happen
    rate_per_h: FloatArray
    leads_to: IntArray  # control state after the event, before what follows at once


@dataclass(frozen=True, eq=False)
class TableSlope:
    """Derivative of a table by one thing that is taken as given: places in a flat array, and the value at each."""

    given: Given
    coverage: tuple[IntArray, FloatArray]
    rate_per_h: tuple[IntArray, FloatArray]


def followed(
    takeover: Controls, conditions: BoolArray, pairs: tuple[IntArray, IntArray] | None = None
) -> TakeoverTable:
    """Work out what follows from conditions in every control state, or from pairs of a condition and a control state.

    Examples
    --------
    >>> from k2rel.policy.controls import TakeoverTimes
    >>> from k2rel.policy.rules import Policy
    >>> from k2rel.site import read_site
    >>> controls = Controls(Policy(read_site("L1"), sticky=True), TakeoverTimes())
    >>> followed(controls, np.zeros((1, 0), dtype=bool)).settled.tolist()
    [[0]]
    """
    if pairs is None:
        shape: tuple[int, ...] = (len(conditions), takeover.controls)
        condition = np.repeat(np.arange(len(conditions)), takeover.controls)
        pairs = condition, np.tile(np.arange(takeover.controls), len(conditions))
    else:
        shape = (len(pairs[0]),)
    follow = Follow(takeover, conditions, *pairs)
    good, bad, counts = follow.settled()
    roles = len(takeover.coverages)
    coverage = smallest(takeover.coverage_values, counts[:, :roles])
    coverage = coverage * np.where(counts[:, roles:-1], takeover.guard_values, 1.0).prod(axis=1)
    coverage = np.where(counts[:, -1], 0.0, coverage)
    events, found, terms = events_of(follow)
    term = np.array([number for _, number in found], dtype=np.int64).reshape(len(events), *shape)
    leads = np.array([takeover.encoded(state) for state, _ in found], dtype=np.int64).reshape(len(events), *shape)
    values = np.array([*(each.value(takeover.value) for each in terms), 0.0], dtype=np.float64)
    return TakeoverTable(
        takeover.encoded(good).reshape(shape), takeover.encoded(bad).reshape(shape), coverage.reshape(shape),
        (counts @ (1 << np.arange(counts.shape[1]))).reshape(shape), follow.begins.reshape(shape), tuple(events),
        tuple(terms), term, values[term], leads,
    )  # fmt: skip


def table_slopes(takeover: Controls, table: TakeoverTable) -> list[TableSlope]:
    """Differentiate a table by all that is given; what several numbers decide equally is split among them.

    Not by a coverage of 0 or 1, nor by a time of 0 or that never ends: what another value leads to is not in the table.

    Examples
    --------
    >>> from k2rel.policy.controls import TakeoverTimes
    >>> from k2rel.policy.rules import Policy
    >>> from k2rel.site import read_site
    >>> controls = Controls(Policy(read_site("L2R"), sticky=True), TakeoverTimes())
    >>> lost = np.zeros((1, len(controls.conditions)), dtype=bool)
    >>> [slope.given.field for slope in table_slopes(controls, followed(controls, lost))][:3]
    ['coverage', 'coverage[server_software]', 'coverage[fs_database]']
    """
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    result: list[TableSlope] = []
    counts, coverage = table.counts.reshape(-1), table.coverage.reshape(-1)
    given = takeover.coverage_values
    roles = len(given)
    stands = (counts[:, None] >> np.arange(roles)) & 1 == 1
    least = smallest(given, stands)
    decides = stands & (given == least[:, None])
    for n, ((role, cause), value) in enumerate(zip(takeover.coverages, given.tolist(), strict=True)):
        if 0.0 < value < 1.0:
            at = np.flatnonzero(decides[:, n])
            slope = coverage[at] / value / decides[at].sum(axis=1)
            result.append(TableSlope(Given(coverage_name(cause), role), (at, slope), nothing))
    for n, ((unit, need), value) in enumerate(zip(takeover.guards, takeover.guard_values.tolist(), strict=True)):
        if value > 0.0:
            at = np.flatnonzero((counts >> (roles + n)) & 1)
            fence = Given("coverage", unit=unit, need=need)
            result.append(TableSlope(fence, (at, coverage[at] / value), nothing))
    by: dict[Given, tuple[list[IntArray], list[FloatArray]]] = {}
    flat = table.term.reshape(-1)
    for number, term in enumerate(table.terms):
        at = np.flatnonzero(flat == number)
        for what, slope in term.slopes(takeover.value):
            places, values = by.setdefault(what, ([], []))
            places.append(at)
            values.append(np.full(len(at), slope))
    for what, (places, values) in by.items():
        result.append(TableSlope(what, nothing, (np.concatenate(places), np.concatenate(values))))
    return result
