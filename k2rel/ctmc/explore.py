"""Every state that rules can lead to: a chain from variables and events, explored on whole arrays at once.

An event says at which rate it happens in a state and what it changes there. States are numbered in the order in
which they are first reached, breadth first; a state is one number, its code, from which its variables are told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.ctmc.chain import FASTEST_PER_H, Chain
from k2rel.ctmc.room import check_room
from k2rel.errors import InputError, ModelTooLargeError
from k2rel.tables import Shown

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Event", "StateSpace", "explore"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_Moves = tuple[NDArray[np.int32], NDArray[np.int32], FloatArray]

_MOST_CODES = 2**28
_AT_ONCE = 100_000


@dataclass(frozen=True)
class Event:
    """Something that can happen."""

    name: str
    rate_per_h: Callable[[Mapping[str, IntArray]], ArrayLike]  # in each of many states; 0 where it cannot happen
    change: Mapping[str, int]  # what it adds to variables


@dataclass(frozen=True, eq=False)
class _Columns(Mapping[str, IntArray]):
    """Values of variables in states of which the codes alone are kept; each column is made when it is asked for."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    codes: NDArray[np.int32]

    def __getitem__(self, name: str) -> IntArray:
        if name not in self.names:
            raise KeyError(name)
        at = self.names.index(name)
        return (self.codes // math.prod(self.sizes[:at]) % self.sizes[at]).astype(np.int64)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False, repr=False)
class StateSpace(Shown):
    """States and their chain."""

    columns: Mapping[str, IntArray]  # value of each variable in every state
    chain: Chain  # state 0 is the initial one

    def _line(self) -> str:
        return f"{self.chain.states:,} states of {', '.join(self.columns)}"


def explore(variables: Mapping[str, tuple[int, int]], events: Sequence[Event]) -> StateSpace:
    """Explore all states that events lead to; more than would fit into memory are refused on the way.

    Examples
    --------
    Three of four units, one crew:

    >>> fail = Event("failure", lambda s: s["up"] / 5000, {"up": -1})
    >>> repair = Event("repair", lambda s: (s["up"] < 4) / 8, {"up": 1})
    >>> explore({"up": (4, 4)}, [fail, repair]).chain.transitions
    8
    """
    names = tuple(variables)
    sizes = tuple(highest + 1 for _, highest in variables.values())
    if math.prod(sizes) > _MOST_CODES:
        raise ModelTooLargeError(f"the ranges of {len(names)} variables allow more than {_MOST_CODES:,} combinations")
    steps = [_Step.of(event, names, sizes) for event in events]
    first = sum(start * math.prod(sizes[:at]) for at, (start, _) in enumerate(variables.values()))
    number = np.zeros(math.prod(sizes), dtype=np.int32)  # of a state, from 1; of codes far from all states no memory
    number[first] = 1
    found, frontier = [np.array([first], dtype=np.int32)], np.array([first], dtype=np.int32)
    count, rows = 1, _Rows()
    while len(frontier):
        columns = _spread(frontier, names, sizes)
        moves = [step.moves(columns, frontier) for step in steps]
        if rows.held > _AT_ONCE:
            rows.settle(number, count)
        rows.add(moves, len(frontier))
        check_room(count, rows.transitions, " explored so far")
        new = np.concatenate([after[number[after] == 0] for _, after, _ in moves])
        place = np.arange(1, len(new) + 1, dtype=np.int32)
        number[new] = place  # the last of those that lead to one state keeps its place
        frontier = np.sort(new[number[new] == place])
        number[frontier] = np.arange(count + 1, count + 1 + len(frontier), dtype=np.int32)
        count += len(frontier)
        found.append(frontier)
    rows.settle(number, count)
    del number
    return StateSpace(_Columns(names, sizes, np.concatenate(found)), Chain(rows.matrix(count)))


def _spread(codes: NDArray[np.int32], names: Sequence[str], sizes: Sequence[int]) -> dict[str, IntArray]:
    """Value of each variable, the first of which counts in ones."""
    columns, rest = {}, codes.astype(np.int64)
    for name, size in zip(names, sizes, strict=True):
        more = rest // size
        columns[name] = rest - more * size
        rest = more
    return columns


@dataclass(frozen=True)
class _Step:
    """An event, and what it adds to the code of a state."""

    event: Event
    adds: int
    stays: Mapping[str, tuple[int, int]]  # by variable that it changes: lowest and highest value before

    @classmethod
    def of(cls, event: Event, names: Sequence[str], sizes: Sequence[int]) -> _Step:
        changed = [(at, event.change.get(name, 0)) for at, name in enumerate(names)]
        adds = sum(change * math.prod(sizes[:at]) for at, change in changed)
        stays = {names[at]: (max(0, -change), sizes[at] - 1 - max(0, change)) for at, change in changed if change}
        return cls(event, adds, stays)

    def moves(self, columns: Mapping[str, IntArray], codes: NDArray[np.int32]) -> _Moves:
        """Which of the states it can happen in, the codes that it leads to, and its rate in each."""
        everywhere = np.broadcast_to(np.asarray(self.event.rate_per_h(columns), dtype=np.float64), codes.shape)
        where = np.flatnonzero(everywhere)
        rate = everywhere[where]
        right = (rate > 0) & (rate <= FASTEST_PER_H)
        for name, (lowest, highest) in self.stays.items():
            before = columns[name][where]
            right &= (before >= lowest) & (before <= highest)
        if not right.all():
            wrong = where[np.argmin(right)]
            state = ", ".join(f"{name}={values[wrong]}" for name, values in columns.items())
            raise InputError(
                f"event '{self.event.name}' in state {state}: its rate is {everywhere[wrong]}, it adds "
                f"{dict(self.event.change)}; rates are not negative and finite, and variables stay in their range"
            )
        if self.adds == 0:  # nothing changes: no transition
            where, rate = where[:0], rate[:0]
        return where.astype(np.int32), codes[where] + np.int32(self.adds), rate


class _Rows:
    """Transitions as rows of a matrix, made once all states that they lead to are numbered; nothing is held twice."""

    def __init__(self) -> None:
        self.counts: list[NDArray[np.int32]] = []
        self.targets, self.rates = _Long(np.int32), _Long(np.float64)
        self.waiting: list[_Moves] = []
        self.held = self.states = self.transitions = 0

    def add(self, moves: Sequence[_Moves], states: int) -> None:
        """Keep the transitions of the next states."""
        self.waiting += [(before + np.int32(self.states), after, rate) for before, after, rate in moves if len(before)]
        self.states += states
        more = sum(len(rate) for _, _, rate in moves)
        self.held += more
        self.transitions += more

    def settle(self, number: NDArray[np.int32], count: int) -> None:
        """Make rows of what was kept."""
        from scipy.sparse import csr_array

        if not self.waiting:  # states that are never left
            self.counts.append(np.zeros(self.states, dtype=np.int32))
            self.states = 0
            return
        before, after, rate = (np.concatenate(parts) for parts in zip(*self.waiting, strict=True))
        target = number[after] - np.int32(1)
        # a row's number counts from the first that was kept
        rows = csr_array((rate, (before, target)), shape=(self.states, count))
        rows.sum_duplicates()
        self.counts.append(np.diff(rows.indptr))
        self.targets.add(rows.indices)
        self.rates.add(rows.data)
        self.waiting, self.held, self.states = [], 0, 0

    def matrix(self, states: int) -> csr_array:
        """All rows together."""
        from scipy.sparse import csr_array

        start = np.concatenate([[0], np.cumsum(np.concatenate(self.counts), dtype=np.int64)]).astype(np.int32)
        return csr_array((self.rates.whole(), self.targets.whole(), start), shape=(states, states))


class _Long:
    """An array that grows where it stands: its parts are never held twice, and room not yet used takes no memory."""

    def __init__(self, dtype: type[np.generic]) -> None:
        self.values = np.empty(_AT_ONCE, dtype=dtype)
        self.used = 0

    def add(self, more: NDArray[Any]) -> None:
        """Put values at the end."""
        end = self.used + len(more)
        if end > len(self.values):
            self.values.resize(end + end // 2, refcheck=False)
        self.values[self.used : end] = more
        self.used = end

    def whole(self) -> NDArray[Any]:
        """All values; nothing can be put to them any more."""
        self.values.resize(self.used, refcheck=False)
        return self.values
