"""Clients are exchangeable given the operating mode: what one of them does.

A mode says for each group of clients and traffic class what follows from each state of a client's own parts: its
*situation*, the pattern of routes by state. Which pattern a client has depends on its own parts alone, so clients of a
group are independent and alike, and counts are sums of multinomials. Cost grows with the number of clients, never with
2 to that power; no probability is ever got by subtraction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import Node
from k2rel.policy.flows import NOTHING, Pattern
from k2rel.policy.rules import Policy
from k2rel.rates.failure_law import Law

__all__ = ["LOST", "OwnParts", "OwnStates", "Situation", "own_states"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LOST = -1
"""Outcome of a client that has no usable route."""

Situation = int
"""What one client of a group does by the state of its own parts: a number kept by `OwnStates`."""


class OwnStates:
    """The states of one client's own parts, written out: what follows from each, whatever its probability."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.names = tuple(policy.site.client_parts)
        codes = np.arange(2 ** len(self.names))
        self.works = (codes[:, None] >> np.arange(len(self.names))) & 1 == 1
        self.columns = {name: self.works[:, place] for place, name in enumerate(self.names)}
        self._flows: dict[tuple[str, int], _Flow] = {}

    def probability(self, unavailability: NDArray[Any]) -> NDArray[Any]:
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

    def _flow(self, traffic: str, group: int) -> _Flow:
        key = (traffic, group)
        if key not in self._flows:
            self._flows[key] = _Flow()
        return self._flows[key]

    def situation(
        self, traffic: str, group: int, truth: Mapping[Node, bool], *, with_shares: bool = False
    ) -> Situation:
        """Find the situation of a group's clients from the values of what decides it (`Choice.deciding`).

        With shares, and of `Choice.sharing`: patterns then tell apart who carries.
        """
        choice, flow = self.policy.choice(traffic, group), self._flow(traffic, group)
        nodes = choice.deciding + choice.sharing if with_shares else choice.deciding
        asked = (with_shares, *(truth[node] for node in nodes))
        if asked not in flow.asked:
            found = choice.patterns(truth, self.columns, len(self.works), choice.counted if with_shares else ())
            flow.asked[asked] = flow.situation(found)
        return flow.asked[asked]

    def outcomes(self, traffic: str, group: int, situation: Situation) -> IntArray:
        """Say which pattern the client has in each state of its own parts; `LOST` for none."""
        return self._flow(traffic, group).situations[situation]

    def pattern(self, traffic: str, group: int, outcome: int) -> Pattern:
        """What the outcome of a client is."""
        return NOTHING if outcome == LOST else self._flow(traffic, group).patterns[outcome]

    def usual(self, traffic: str, group: int, situation: Situation) -> Pattern:
        """What a client does while all of its own parts work."""
        return self.pattern(traffic, group, int(self.outcomes(traffic, group, situation)[-1]))


class _Flow:
    """Patterns and situations of one traffic class and group that were met."""

    def __init__(self) -> None:
        self.patterns: list[Pattern] = []
        self.situations: list[IntArray] = []
        self.asked: dict[tuple[bool, ...], Situation] = {}
        self._codes: dict[Pattern, int] = {NOTHING: LOST}
        self._known: dict[bytes, Situation] = {}

    def situation(self, by_state: Sequence[Pattern]) -> Situation:
        for pattern in by_state:
            if pattern not in self._codes:
                self._codes[pattern] = len(self.patterns)
                self.patterns.append(pattern)
        codes = np.array([self._codes[pattern] for pattern in by_state], dtype=np.int64)
        if codes.tobytes() not in self._known:
            self._known[codes.tobytes()] = len(self.situations)
            self.situations.append(codes)
        return self._known[codes.tobytes()]


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

    @cached_property
    def _while_working(self) -> FloatArray:
        """Probability of the states of the others while each part works, a column each; it may hardly ever work."""
        q = np.tile(self.unavailability[:, None], len(self.names))
        np.fill_diagonal(q, 0.0)
        return self.states.probability(q)

    def joint(self, group: int, asks: Sequence[tuple[str, Situation]]) -> dict[tuple[int, ...], float]:
        """Give the probability of each combination of outcomes of one client."""
        key = (group, tuple(asks))
        if key not in self._joint:
            arrays = [self.states.outcomes(traffic, group, situation) for traffic, situation in asks]
            self._joint[key] = _tally(arrays, self.probability)
        return self._joint[key]

    def moves(
        self, group: int, asks: Sequence[tuple[str, Situation]]
    ) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
        """Give the rate [1/h] of each change of one client's outcomes because of its own parts."""
        known = (group, tuple(asks))
        if known in self._moves:
            return self._moves[known]
        arrays = [self.states.outcomes(traffic, group, situation) for traffic, situation in asks]
        result: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = {}
        states = np.arange(len(self.probability))
        for i, (failed, restored) in enumerate(zip(self.frequency_per_h, self.restored_per_h, strict=True)):
            if failed <= 0 and restored <= 0:
                continue
            up = states[self.states.works[:, i]]
            down = up - (1 << i)
            others = self._while_working[up, i]
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
    found, first, back = np.unique(codes, return_index=True, return_inverse=True)
    sums = np.bincount(back.reshape(-1), weights=weight, minlength=len(found))
    result = {}
    # in the order of the states: numbers of patterns depend on who asked first, and no sum may
    order = np.argsort(first)
    for code, total in zip(found[order].tolist(), sums[order].tolist(), strict=True):
        if total > 0:
            key = []
            for _ in arrays:
                code, digit = divmod(code, width)
                key.append(digit - 1)
            result[tuple(reversed(key))] = total
    return result
