"""A family of minimal sets in a zero-suppressed decision diagram: counted, summed and searched without a list.

The work depends on the nodes of the diagram, not on the number of sets.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.errors import InputError
from k2rel.memory import check_each

__all__ = ["Listing", "MinimalSets"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_EXACT = 2.0**53
_SLOW = 0.9
_MOST_LISTED = 100_000
_LONGEST_SERIES = 20_000
_AT_ONCE = 8
_SEARCH_BYTES = 220.0  # of a node while sets are looked for: five lists, two whole numbers, a pair of two costs
_LISTED_BYTES, _MEMBER_BYTES = 1_000.0, 30.0
"""Of a set in a list and each of its members, with the branches that were left on the way to it."""

_Cost = tuple[float, float]


def _cost(probability: float) -> float:
    """Minus the logarithm in whole steps of 2^-40, so that sums in any order come out the same."""
    return round(-math.log(probability) * 2**40) if probability > 0 else math.inf


@dataclass(frozen=True, eq=False)
class MinimalSets:
    """A family of minimal sets.

    Laid out as `FunctionDiagram`, with nodes of a zero-suppressed diagram (S. Minato, DAC 1993): node 0 is no
    set, node 1 the empty set; `high` are the sets with the variable, `low` those without.
    """

    variables: tuple[str, ...]
    leaf: IntArray
    high: IntArray
    low: IntArray
    bounds: IntArray
    roots: IntArray
    weight: IntArray  # (variables,): what a variable adds to the order of a set
    highest_order: int | None = None  # order at which the family was cut off

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.leaf)

    @cached_property
    def count_by_order(self) -> dict[int, int]:
        """Number of sets of each order that has any, without listing them."""
        counts = self._by_order(np.ones(len(self.variables))).tolist()
        if sum(counts) >= _EXACT:  # beyond the whole numbers that a float holds
            counts = self._exact_counts()
        return {order: int(number) for order, number in enumerate(counts) if number}

    @cached_property
    def _degree(self) -> int:
        """Highest order that a set can have; below 0 where there is no set."""
        most = self.weight.tolist()
        above = [-1, 0] + [0] * (self.nodes - 2)
        leaf, high, low = self.leaf.tolist(), self.high.tolist(), self.low.tolist()
        for m, root in enumerate(self.roots.tolist()):
            for n in range(int(self.bounds[m]), int(self.bounds[m + 1])):
                above[n] = max(above[low[n]], above[high[n]] + most[leaf[n]])
            most.append(above[root])
        return int(most[-1] if self.highest_order is None else min(most[-1], self.highest_order))

    def _exact_counts(self) -> list[int]:
        """Count in Python's whole numbers."""
        width = 1 << (int(math.log2(max(2, self.nodes))) * 8 + 256)  # one number holds all coefficients
        each = width.bit_length() / 8 * (self._degree + 1)
        check_each(self.nodes, each, f"nodes of minimal sets, with exact counts of {self._degree + 1:,} orders each,")
        own: list[int] = [width ** int(w) for w in self.weight]
        value = [0, 1] + [0] * (self.nodes - 2)
        leaf, high, low = self.leaf.tolist(), self.high.tolist(), self.low.tolist()
        for m, root in enumerate(self.roots.tolist()):
            for n in range(int(self.bounds[m]), int(self.bounds[m + 1])):
                value[n] = value[low[n]] + own[leaf[n]] * value[high[n]]
            own.append(value[root])
        total, counts = own[-1], []
        for _ in range(self._degree + 1):
            total, count = divmod(total, width)
            counts.append(count)
        return counts

    @property
    def count(self) -> int:
        """Number of sets."""
        return sum(self.count_by_order.values())

    def _up(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """P with the sums of modules below it, and values of nodes (both with p's columns)."""
        from k2rel.logic.passes import values_up

        full = np.concatenate([p, np.empty((len(self.roots), p.shape[1]))])
        value = np.empty((self.nodes, p.shape[1]))
        values_up.run(value.size, self.leaf, self.high, self.low, self.bounds, self.roots, full, value, 0.0)
        return full, value

    def _by_order(self, factor: FloatArray) -> FloatArray:
        """Sum over the sets of each order, from 0 on, of the product of their members' factors."""
        from k2rel.logic.kernels import polynomials_up

        if self._degree < 0:
            return np.zeros(0)
        orders = self._degree + 1
        check_each(self.nodes, 8.0 * orders, f"nodes of minimal sets, with sums over {orders:,} orders each,")
        q = np.ascontiguousarray(factor)
        return np.asarray(
            polynomials_up(self.leaf, self.high, self.low, self.bounds, self.roots, q, self.weight, self._degree)
        )

    def _power_sums(self, p: FloatArray) -> FloatArray:
        """Sum over all sets of the product of their members, for each column of p (variables x columns)."""
        if self.highest_order is not None:
            return np.array([self._by_order(q).sum() for q in p.T])
        return np.asarray(self._up(p)[0][-1])

    def rare_event(self, p: ArrayLike) -> float:
        """Give the rare-event approximation: the sum of the probabilities of all sets.

        Examples
        --------
        >>> from k2rel.logic.cutsets import minimal_cut_sets
        >>> from k2rel.logic.function import compile_function
        >>> from k2rel.logic.structure import Structure
        >>> s = Structure()
        >>> d = compile_function(s, s.disjunction([s.variable("a"), s.variable("b")]))
        >>> minimal_cut_sets(d).rare_event([0.5, 0.25])
        0.75
        """
        return float(self._power_sums(np.asarray(p, dtype=np.float64)[:, None])[0])

    def rare_event_by_order(self, p: ArrayLike) -> dict[int, float]:
        """Give the sum of the probabilities of the sets of each order.

        Examples
        --------
        >>> from k2rel.logic.cutsets import minimal_cut_sets
        >>> from k2rel.logic.function import compile_function
        >>> from k2rel.logic.structure import Structure
        >>> s = Structure()
        >>> a, b, c = (s.variable(name) for name in "abc")
        >>> d = compile_function(s, s.disjunction([a, s.conjunction([b, c])]))
        >>> minimal_cut_sets(d).rare_event_by_order([0.5, 0.5, 0.5])
        {1: 0.5, 2: 0.25}
        """
        sums = self._by_order(np.asarray(p, dtype=np.float64)).tolist()
        return {order: sums[order] for order in self.count_by_order}

    def upper_bound(self, p: ArrayLike) -> float:
        r"""Give the min-cut upper bound :math:`1 - \prod_c (1 - p_c)` over all sets c.

        Notes
        -----
        The logarithm of the product is :math:`-\sum_k \sum_c p_c^k / k`, and the sum over all sets of a power is
        one pass with the power of every probability, so nothing is listed.

        Examples
        --------
        >>> from k2rel.logic.cutsets import minimal_cut_sets
        >>> from k2rel.logic.function import compile_function
        >>> from k2rel.logic.structure import Structure
        >>> s = Structure()
        >>> d = compile_function(s, s.disjunction([s.variable("a"), s.variable("b")]))
        >>> minimal_cut_sets(d).upper_bound([0.5, 0.5])
        0.75
        """
        q = np.asarray(p, dtype=np.float64)
        exponent = 0.0
        taken: list[float] = []
        # the series is slow for sets that are nearly certain; there are few of them, and they come first
        for _, probability in self.most_probable(q):
            if probability <= _SLOW or len(taken) == _MOST_LISTED:
                break
            if probability >= 1.0:
                return 1.0
            exponent -= math.log1p(-probability)
            taken.append(probability)
        certain = np.array(taken)
        for k in range(1, _LONGEST_SERIES, _AT_ONCE):
            powers = np.arange(k, k + _AT_ONCE)
            sums = self._power_sums(q[:, None] ** powers) - (certain[:, None] ** powers).sum(axis=0)
            terms = np.maximum(sums, 0.0) / powers
            exponent += float(terms.sum())
            if terms[-1] <= 1e-17 * exponent:
                break
        return -math.expm1(-exponent)

    def rare_event_slopes(self, p: ArrayLike) -> FloatArray:
        """Differentiate the rare-event approximation with respect to every variable.

        Times p these are the sums over the sets that hold the variable, for the Fussell-Vesely importance.

        Examples
        --------
        >>> from k2rel.logic.cutsets import minimal_cut_sets
        >>> from k2rel.logic.function import compile_function
        >>> from k2rel.logic.structure import Structure
        >>> s = Structure()
        >>> d = compile_function(s, s.conjunction([s.variable("a"), s.variable("b")]))
        >>> minimal_cut_sets(d).rare_event_slopes([0.5, 0.25]).tolist()
        [0.25, 0.5]
        """
        from k2rel.logic.passes import derivatives_down

        if self.highest_order is not None:
            raise InputError("derivatives need all sets; these were cut off at an order")
        q = np.asarray(p, dtype=np.float64)
        full, value = self._up(q[:, None])
        mass, slope = np.zeros_like(value), np.zeros_like(full)
        arrays = (self.leaf, self.high, self.low, self.bounds, self.roots, full, value, mass, slope)
        derivatives_down.run(value.size, *arrays, 0.0)
        return slope[: len(q), 0]

    def most_probable(self, p: ArrayLike) -> Iterator[tuple[tuple[str, ...], float]]:
        """Walk through the sets, most probable first, without building the others.

        Examples
        --------
        >>> from k2rel.logic.cutsets import minimal_cut_sets
        >>> from k2rel.logic.function import compile_function
        >>> from k2rel.logic.structure import Structure
        >>> s = Structure()
        >>> d = compile_function(s, s.disjunction([s.variable("a"), s.variable("b")]))
        >>> next(minimal_cut_sets(d).most_probable([0.1, 0.2]))
        (('b',), 0.2)
        """
        q = np.asarray(p, dtype=np.float64).tolist()
        return self._found(q, [(_cost(x), 0.0) for x in q])

    def smallest(self, p: ArrayLike) -> Iterator[tuple[tuple[str, ...], float]]:
        """Walk through the sets, lowest order first, most probable first within an order.

        Examples
        --------
        >>> from k2rel.logic.cutsets import minimal_cut_sets
        >>> from k2rel.logic.function import compile_function
        >>> from k2rel.logic.structure import Structure
        >>> s = Structure()
        >>> a, b, c = (s.variable(name) for name in "abc")
        >>> d = compile_function(s, s.disjunction([a, s.conjunction([b, c])]))
        >>> [cut for cut, _ in minimal_cut_sets(d).smallest([0.1, 0.9, 0.9])]
        [('a',), ('b', 'c')]
        """
        q = np.asarray(p, dtype=np.float64).tolist()
        return self._found(
            q, [(w, _cost(x)) if x > 0 else (math.inf, 0) for x, w in zip(q, self.weight.tolist(), strict=True)]
        )

    def _found(self, q: Sequence[float], costs: Sequence[_Cost]) -> Iterator[tuple[tuple[str, ...], float]]:
        """Name the sets of a search, with their probability."""
        for places in self._search(costs):
            yield tuple(self.variables[place] for place in places), math.prod(q[place] for place in places)

    def _search(self, costs: Sequence[_Cost]) -> Iterator[list[int]]:
        """Best first: the cost of the best completion of every part is known, so nothing is tried in vain."""
        check_each(self.nodes, _SEARCH_BYTES, "nodes of minimal sets, to be searched,")
        never: _Cost = (math.inf, 0)
        best: list[_Cost] = [never, (0, 0)] + [never] * (self.nodes - 2)
        cost: list[_Cost] = list(costs)
        leaf, high, low = self.leaf.tolist(), self.high.tolist(), self.low.tolist()
        roots = self.roots.tolist()
        for m, root in enumerate(roots):
            for n in range(int(self.bounds[m]), int(self.bounds[m + 1])):
                with_it = (best[high[n]][0] + cost[leaf[n]][0], best[high[n]][1] + cost[leaf[n]][1])
                best[n] = min(best[low[n]], with_it)
            cost.append(best[root])
        count = len(self.variables)
        ticket = itertools.count(0, -1)  # of equal bounds the one found last goes first: it is nearest to a whole set
        # (bound, ticket, cost so far, node, what is to follow: (node, rest, its best cost), members so far)
        none: Any = (1, None, (0, 0))
        heap: list[Any] = [(best[roots[-1]], next(ticket), (0, 0), roots[-1], none, None)]
        limit = self.highest_order
        while heap:
            bound, _, sofar, node, rest, members = heapq.heappop(heap)
            if bound[0] == math.inf:
                return
            while node == 1 and rest[1] is not None:
                node, rest = rest[0], rest[1]
            if node == 1:
                found = []
                while members is not None:
                    members, place = members
                    found.append(place)
                found.sort()
                if limit is None or sum(int(self.weight[place]) for place in found) <= limit:
                    yield found
                continue
            after = rest[2]
            skip = best[low[node]]
            if skip[0] < math.inf:
                total = (sofar[0] + skip[0] + after[0], sofar[1] + skip[1] + after[1])
                heapq.heappush(heap, (total, next(ticket), sofar, low[node], rest, members))
            x = leaf[node]
            follow = best[high[node]]
            if cost[x][0] == math.inf or follow[0] == math.inf:
                continue
            total = (sofar[0] + cost[x][0] + follow[0] + after[0], sofar[1] + cost[x][1] + follow[1] + after[1])
            if x < count:
                paid = (sofar[0] + cost[x][0], sofar[1] + cost[x][1])
                heapq.heappush(heap, (total, next(ticket), paid, high[node], rest, (members, x)))
            else:
                later = (high[node], rest, (follow[0] + after[0], follow[1] + after[1]))
                heapq.heappush(heap, (total, next(ticket), sofar, roots[x - count], later, members))

    def listed(
        self, p: ArrayLike, *, order: int | None = None, probability: float = 0.0, most: int = 100_000
    ) -> Listing:
        """List sets, most probable first or with an `order` lowest order first, and sum up what is left out.

        Examples
        --------
        >>> from k2rel.logic.cutsets import minimal_cut_sets
        >>> from k2rel.logic.function import compile_function
        >>> from k2rel.logic.structure import Structure
        >>> s = Structure()
        >>> d = compile_function(s, s.disjunction([s.variable("a"), s.variable("b")]))
        >>> minimal_cut_sets(d).listed([0.5, 0.25], probability=0.3)
        Listing(sets=(('a',),), probabilities=(0.5,), left_out=1, left_out_probability=0.25)
        """
        longest = max(self._degree, 0)
        check_each(min(most, self.count), _LISTED_BYTES + _MEMBER_BYTES * longest, "sets in a list")
        found: list[tuple[tuple[str, ...], float]] = []
        weight = dict(zip(self.variables, self.weight.tolist(), strict=True))
        for names, value in self.most_probable(p) if order is None else self.smallest(p):
            if len(found) == most or (order is None and value < probability):
                break
            if order is not None and sum(weight[name] for name in names) > order:
                break
            if value >= probability:
                found.append((names, value))
        rest = self.rare_event(p) - math.fsum(value for _, value in found)
        if order is not None and probability == 0.0 and len(found) < most:
            rest = math.fsum(v for k, v in self.rare_event_by_order(p).items() if k > order)
        sets, values = tuple(names for names, _ in found), tuple(value for _, value in found)
        left = self.count - len(found)
        return Listing(sets, values, left, max(rest, 0.0) if left else 0.0)


@dataclass(frozen=True, slots=True)
class Listing:
    """Some sets of a family."""

    sets: tuple[tuple[str, ...], ...]
    probabilities: tuple[float, ...]
    left_out: int  # number of sets that are not listed
    left_out_probability: float  # their sum: the most that can be missing from the function's probability
