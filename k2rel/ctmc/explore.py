"""Every state that rules can lead to: a chain from variables and events, explored on whole arrays at once.

An event says at which rate it happens in a state and what it changes there. States are numbered in the order in
which they are first reached, breadth first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.ctmc.chain import FASTEST_PER_H, Chain
from k2rel.errors import InputError, ModelTooLargeError
from k2rel.tables import Shown

__all__ = ["Event", "StateSpace", "explore"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_CODES = 2**28


@dataclass(frozen=True)
class Event:
    """Something that can happen."""

    name: str
    rate_per_h: Callable[[Mapping[str, IntArray]], ArrayLike]  # in each of many states; 0 where it cannot happen
    change: Mapping[str, int]  # what it adds to variables


@dataclass(frozen=True, eq=False, repr=False)
class StateSpace(Shown):
    """States and their chain."""

    columns: Mapping[str, IntArray]  # value of each variable in every state
    chain: Chain  # state 0 is the initial one

    def _line(self) -> str:
        return f"{self.chain.states:,} states of {', '.join(self.columns)}"


def explore(variables: Mapping[str, tuple[int, int]], events: Sequence[Event]) -> StateSpace:
    """Explore all states that events lead to.

    Examples
    --------
    Three of four units, one crew:

    >>> fail = Event("failure", lambda s: s["up"] / 5000, {"up": -1})
    >>> repair = Event("repair", lambda s: (s["up"] < 4) / 8, {"up": 1})
    >>> explore({"up": (4, 4)}, [fail, repair]).chain.transitions
    8
    """
    names = list(variables)
    sizes = np.array([highest + 1 for _, highest in variables.values()], dtype=np.int64)
    if math.prod(sizes.tolist()) > _MOST_CODES:
        raise ModelTooLargeError(f"the ranges of {len(names)} variables allow more than {_MOST_CODES:,} combinations")
    unit = np.concatenate([[1], np.cumprod(sizes[:-1])])
    shift = [np.array([event.change.get(name, 0) for name in names]) for event in events]

    def spread(codes: IntArray) -> dict[str, IntArray]:
        return {name: codes // unit[i] % sizes[i] for i, name in enumerate(names)}

    def moves(number: int, codes: IntArray, columns: Mapping[str, IntArray]) -> tuple[IntArray, FloatArray]:
        event = events[number]
        rate = np.broadcast_to(np.asarray(event.rate_per_h(columns), dtype=np.float64), codes.shape)
        where = np.flatnonzero(rate)
        wrong = where[~((rate[where] > 0) & (rate[where] <= FASTEST_PER_H))]
        for i in np.flatnonzero(shift[number]):
            after = columns[names[i]][where] + shift[number][i]
            wrong = np.concatenate([wrong, where[(after < 0) | (after >= sizes[i])]])
        if len(wrong):
            state = ", ".join(f"{name}={values[wrong[0]]}" for name, values in columns.items())
            raise InputError(
                f"event '{event.name}' in state {state}: its rate is {rate[wrong[0]]}, it adds "
                f"{dict(event.change)}; rates are not negative and finite, and variables stay in their range"
            )
        return where, rate[where]

    first = int(np.array([start for start, _ in variables.values()]) @ unit)
    index = np.full(math.prod(sizes.tolist()), -1, dtype=np.int32)
    index[first] = 0
    found, frontier = [np.array([first])], np.array([first])
    count = 1
    while len(frontier):
        columns = spread(frontier)
        new = [frontier[moves(number, frontier, columns)[0]] + shift[number] @ unit for number in range(len(events))]
        codes = np.concatenate(new)
        frontier = np.unique(codes[index[codes] < 0])
        index[frontier] = np.arange(count, count + len(frontier))
        count += len(frontier)
        found.append(frontier)
    codes = np.concatenate(found)
    columns = spread(codes)
    before, after, rates = [], [], []
    for number in range(len(events)):
        where, rate = moves(number, codes, columns)
        before.append(where)
        after.append(index[codes[where] + shift[number] @ unit])
        rates.append(rate)
    chain = Chain.of(count, np.concatenate(before), np.concatenate(after), np.concatenate(rates))
    return StateSpace(columns, chain)
