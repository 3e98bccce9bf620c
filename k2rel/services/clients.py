"""Clients are exchangeable given the operating mode: what one of them does.

A mode says which routes are usable, in order. Which of them a client takes depends on its own parts alone,
so clients of a group are independent and alike, and counts are sums of multinomials. Cost grows with the
number of clients, never with 2 to that power; no probability is ever got by subtraction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.policy.rules import Choice, Policy
from k2rel.rates.failure_law import Law

__all__ = ["LOST", "OwnParts", "OwnStates", "RouteList", "own_states", "routes_under", "useful_routes"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LOST = -1
"""Outcome of a client that has no usable route."""

RouteList = tuple[int, ...]
"""Usable routes of one group in one mode, in the order in which they are tried."""


def useful_routes(choice: Choice, routes: Iterable[int]) -> RouteList:
    """Drop routes that no client ever takes, because an earlier one needs no other own part."""
    kept: list[int] = []
    for index in routes:
        own = set(choice.routes[index].own)
        if not any(own.issuperset(choice.routes[earlier].own) for earlier in kept):
            kept.append(index)
    return tuple(kept)


def routes_under(choice: Choice, holds: Sequence[bool]) -> RouteList:
    """Say which routes a group's clients try, in order, from the values of `Choice.deciding`."""
    conditions = holds[len(choice.routes) :]
    order = next(order for condition, (_, order) in zip(conditions, choice.orders, strict=True) if condition)
    return useful_routes(choice, [index for index in order if holds[index]])


class OwnStates:
    """The states of one client's own parts, written out: what follows from each, whatever its probability."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.names = tuple(policy.site.client_parts)
        codes = np.arange(2 ** len(self.names))
        self.works = (codes[:, None] >> np.arange(len(self.names))) & 1 == 1
        self._outcomes: dict[tuple[str, int, RouteList], IntArray] = {}

    def probability(self, unavailability: FloatArray) -> FloatArray:
        """Give the probability of each state; `unavailability` and result have a column for each sample."""
        result = np.ones((len(self.works), unavailability.shape[1]), dtype=unavailability.dtype)
        for part, q in enumerate(unavailability):
            result *= np.where(self.works[:, part, None], 1.0 - q, q)
        return result

    def slopes(self, unavailability: FloatArray) -> FloatArray:
        """Differentiate the probability of each state with respect to each part's unavailability."""
        factors = np.where(self.works, 1.0 - unavailability, unavailability)
        columns = []
        for part in range(len(self.names)):
            others = np.delete(factors, part, axis=1).prod(axis=1)
            columns.append(np.where(self.works[:, part], -others, others))
        return np.array(columns).reshape(len(self.names), -1).T

    def outcomes(self, traffic: str, group: int, routes: RouteList) -> IntArray:
        """Say which route the client takes in each state of its own parts; `LOST` for none."""
        key = (traffic, group, routes)
        if key not in self._outcomes:
            choice = self.policy.choice(traffic, group)
            result = np.full(len(self.works), LOST, dtype=np.int64)
            for index in reversed(routes):
                needed = [self.names.index(name) for name in choice.routes[index].own]
                taken = LOST if choice.routes[index].dead_end else index
                result[self.works[:, needed].all(axis=1)] = taken
            self._outcomes[key] = result
        return self._outcomes[key]


@lru_cache(maxsize=32)
def own_states(policy: Policy) -> OwnStates:
    """Write out the states of a policy's clients, once."""
    return OwnStates(policy)


class OwnParts:
    """The states of one client's own parts with their probability and the rates between them."""

    def __init__(
        self, policy: Policy, laws: Mapping[str, Law], restored_per_h: Mapping[str, float] | None = None
    ) -> None:
        self.states = own_states(policy)
        self.names = self.states.names
        self.unavailability = np.array([laws[name].unavailability for name in self.names])
        self.frequency_per_h = np.array([laws[name].frequency_per_h for name in self.names])
        back = restored_per_h or {}
        self.restored_per_h = np.array([back.get(name, laws[name].frequency_per_h) for name in self.names])
        self.probability: FloatArray = self.states.probability(self.unavailability[:, None])[:, 0]
        self._joint: dict[object, dict[tuple[int, ...], float]] = {}
        self._moves: dict[object, dict[tuple[tuple[int, ...], tuple[int, ...]], float]] = {}
        self.memo: dict[object, float] = {}

    def outcomes(self, traffic: str, group: int, routes: RouteList) -> IntArray:
        """Say which route the client takes in each state, as `OwnStates.outcomes`."""
        return self.states.outcomes(traffic, group, routes)

    def joint(self, group: int, asks: Sequence[tuple[str, RouteList]]) -> dict[tuple[int, ...], float]:
        """Give the probability of each combination of outcomes of one client."""
        key = (group, tuple(asks))
        if key not in self._joint:
            arrays = [self.outcomes(traffic, group, routes) for traffic, routes in asks]
            self._joint[key] = _tally(arrays, self.probability)
        return self._joint[key]

    def moves(
        self, group: int, asks: Sequence[tuple[str, RouteList]]
    ) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
        """Give the rate [1/h] of each change of one client's outcomes because of its own parts."""
        known = (group, tuple(asks))
        if known in self._moves:
            return self._moves[known]
        arrays = [self.outcomes(traffic, group, routes) for traffic, routes in asks]
        result: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = {}
        states = np.arange(len(self.probability))
        for i, (failed, restored) in enumerate(zip(self.frequency_per_h, self.restored_per_h, strict=True)):
            if failed <= 0 and restored <= 0:
                continue
            up = states[self.states.works[:, i]]
            down = up - (1 << i)
            # probability of the other parts' states, given that this part works
            others = self.probability[up] / (1.0 - self.unavailability[i])
            for one, other, frequency in ((up, down, failed), (down, up, restored)):
                pairs = [array[one] for array in arrays] + [array[other] for array in arrays]
                for key, value in _tally(pairs, others * frequency).items():
                    before, after = key[: len(arrays)], key[len(arrays) :]
                    if before != after:
                        result[before, after] = result.get((before, after), 0.0) + value
        self._moves[known] = result
        return result


def _tally(arrays: Sequence[IntArray], weight: FloatArray) -> dict[tuple[int, ...], float]:
    """Add up weights by combination of outcomes."""
    width = max((int(array.max()) for array in arrays), default=0) + 2
    codes = np.zeros(len(weight), dtype=np.int64)
    for array in arrays:
        codes = codes * width + (array + 1)
    found, back = np.unique(codes, return_inverse=True)
    sums = np.bincount(back.reshape(-1), weights=weight, minlength=len(found))
    result = {}
    for code, total in zip(found.tolist(), sums.tolist(), strict=True):
        if total > 0:
            key = []
            for _ in arrays:
                code, digit = divmod(code, width)
                key.append(digit - 1)
            result[tuple(reversed(key))] = total
    return result
