"""A chain as a sparse matrix of rates, and what makes it unfit for a question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.errors import InputError
from k2rel.tables import Shown

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

__all__ = ["FASTEST_PER_H", "Chain"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FASTEST_PER_H = 1e100
"""Rates above this would overflow when paths are multiplied."""


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Shown):
    """A continuous-time Markov chain with finitely many states."""

    rates: csr_array  # (states, states) [1/h]; nothing on the diagonal, each entry above 0
    initial: int = 0

    @classmethod
    def of(cls, states: int, before: ArrayLike, after: ArrayLike, rate_per_h: ArrayLike, initial: int = 0) -> Chain:
        """Put a chain together from its transitions.

        Examples
        --------
        >>> Chain.of(2, [0, 1], [1, 0], [1e-3, 0.25]).transitions
        2
        >>> Chain.of(2, [0, 1], [1, 0], [1e-3, 0.0])
        Traceback (most recent call last):
            ...
        k2rel.errors.InputError: transition from state 1 to state 0: a rate is above 0 and at most 1e+100, got 0.0
        """
        from scipy.sparse import csr_array

        i, j = np.asarray(before, dtype=np.int64), np.asarray(after, dtype=np.int64)
        rate = np.asarray(rate_per_h, dtype=np.float64)
        if states < 1:
            raise InputError("a chain has at least one state")
        for index in (i, j):
            wrong = np.flatnonzero((index < 0) | (index >= states))
            if len(wrong):
                raise InputError(f"there is no state {index[wrong[0]]}; the states are 0 to {states - 1}")
        if not 0 <= initial < states:
            raise InputError(f"initial state: there is no state {initial}; the states are 0 to {states - 1}")
        wrong = np.flatnonzero(~((rate > 0) & (rate <= FASTEST_PER_H)))
        if len(wrong):
            at = wrong[0]
            raise InputError(
                f"transition from state {i[at]} to state {j[at]}: a rate is above 0 and at most {FASTEST_PER_H:g}, "
                f"got {rate[at]}"
            )
        moves = i != j
        matrix = csr_array((rate[moves], (i[moves], j[moves])), shape=(states, states))
        matrix.sum_duplicates()
        return cls(matrix, initial)

    @property
    def states(self) -> int:
        """Number of states."""
        return int(self.rates.shape[0])

    @property
    def transitions(self) -> int:
        """Number of transitions."""
        return int(self.rates.nnz)

    @cached_property
    def exit_rates_per_h(self) -> FloatArray:
        """Rate at which each state is left [1/h]."""
        return np.asarray(self.rates.sum(axis=1), dtype=np.float64).reshape(-1)

    @cached_property
    def incoming(self) -> csc_array:
        """The same rates by the state that they lead to."""
        from scipy.sparse import csc_array

        return csc_array(self.rates)

    @cached_property
    def recurrent_classes(self) -> list[IntArray]:
        """Sets of states that are never left once entered, each the states of one."""
        from scipy.sparse.csgraph import connected_components

        rates = self.rates
        if not rates.has_canonical_format:  # with transitions that stand twice scipy counts wrongly
            rates = rates.copy()
            rates.sum_duplicates()
        count, label = connected_components(rates, directed=True, connection="strong")
        if count == 1:
            return [np.arange(self.states)]
        matrix = self.rates.tocoo()
        left = np.zeros(count, dtype=np.bool_)
        left[label[matrix.row[label[matrix.row] != label[matrix.col]]]] = True
        final = ~left[label]
        order = np.flatnonzero(final)[np.argsort(label[final], kind="stable")]
        classes = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
        return sorted(classes, key=lambda states: int(states[0]))

    def ending_at(self, states: NDArray[np.bool_]) -> Chain:
        """Stay in some states once they are entered.

        Examples
        --------
        >>> Chain.of(2, [0, 1], [1, 0], [1.0, 2.0]).ending_at(np.array([False, True])).transitions
        1
        """
        rates = self.rates.tocoo()
        left = ~states[rates.row]
        return Chain.of(self.states, rates.row[left], rates.col[left], rates.data[left], self.initial)

    def within(self, keep: IntArray, initial: int) -> Chain:
        """Keep some states and the transitions between them.

        Examples
        --------
        >>> Chain.of(3, [0, 1, 2], [1, 2, 0], [1.0, 1.0, 1.0]).within(np.array([0, 1]), 0).transitions
        1
        """
        start = int(np.flatnonzero(keep == initial)[0])
        return Chain(self.rates[keep][:, keep].tocsr(), start)

    def _line(self) -> str:
        return f"{self.states:,} states, {self.transitions:,} transitions"
