"""Random numbers and times drawn from laws, compiled.

Every history has a generator of its own, xoshiro256++ (D. Blackman and S. Vigna, ACM TOMS 47, 2021), started from the
seed and the number of the history by SplitMix64, so that a history is the same whoever runs it. Times are drawn by
the inverse of the cumulative hazard, which serves new parts and parts with an age alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from k2rel.distributions.times import LOG_HAZARD
from k2rel.loops.compiled import compiled

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
WordArray = NDArray[np.uint64]

EXPONENTIAL, WEIBULL, FIXED, TABLE, EMPIRICAL = range(5)
KINDS = {"exponential": EXPONENTIAL, "weibull": WEIBULL, "fixed": FIXED, "empirical": EMPIRICAL}  # others: a table
_LOW, _HIGH = LOG_HAZARD
_TO_UNIT = 2.0**-53


@compiled
def copied(to: Any, given: Any) -> None:
    """Copy an array; an assignment would bring what Numba says of lengths that differ, two seconds to compile."""
    for k in range(len(to)):
        to[k] = given[k]


@compiled
def _rotated(x: Any, k: Any) -> Any:
    return (x << np.uint64(k)) | (x >> np.uint64(64 - k))


@compiled
def start(rng: WordArray, seed: int, history: int) -> None:
    """Set a generator to the beginning of a history's own stream."""
    x = np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + np.uint64(0x2545F4914F6CDD1D)
    x ^= x >> np.uint64(29)
    x += np.uint64(history) * np.uint64(0x9E3779B97F4A7C15) * np.uint64(4)
    for i in range(4):
        x += np.uint64(0x9E3779B97F4A7C15)
        z = x
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        rng[i] = z ^ (z >> np.uint64(31))


@compiled
def word(rng: WordArray) -> Any:
    """64 random bits."""
    a, b, c, d = rng[0], rng[1], rng[2], rng[3]
    result = _rotated(a + d, 23) + a
    t = b << np.uint64(17)
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    rng[0], rng[1], rng[2], rng[3] = a, b, c, _rotated(d, 45)
    return result


@compiled
def uniform(rng: WordArray) -> float:
    """A number in (0, 1]."""
    return float(((word(rng) >> np.uint64(11)) + np.uint64(1)) * _TO_UNIT)


@compiled
def exponential(rng: WordArray) -> float:
    """A time of the unit exponential law."""
    return -log(uniform(rng))


@compiled
def _inverse(grid: FloatArray, at: int, count: int, hazard: float) -> float:
    """Time at a cumulative hazard, from a table; below the table along its first slope."""
    place = (log(hazard) - _LOW) / (_HIGH - _LOW) * (count - 2)
    k = int(place)
    if place < 0:
        k = 0
    if k > count - 3:
        k = count - 3
    left, right = grid[at + 1 + k], grid[at + 2 + k]
    return float(grid[at] + exp(left + (right - left) * (place - k)))


@compiled
def _hazard(grid: FloatArray, at: int, count: int, age: float) -> float:
    """Cumulative hazard at an age, from a table."""
    if age <= grid[at]:
        return 0.0
    x = log(age - grid[at])
    low, high = 0, count - 2
    while high - low > 1:
        middle = (low + high) // 2
        if grid[at + 1 + middle] <= x:
            low = middle
        else:
            high = middle
    left, right = grid[at + 1 + low], grid[at + 1 + high]
    share = (x - left) / (right - left) if right > left else 0.0
    return exp(_LOW + (low + share) * (_HIGH - _LOW) / (count - 2))


@compiled
def draw(
    kind: IntArray,
    parameter: FloatArray,
    at: IntArray,
    length: IntArray,
    grid: FloatArray,
    law: int,
    age: float,
    rng: WordArray,
) -> float:
    """Time until the end, for something of an age, by a law; `parameter` has three columns."""
    k = kind[law]
    if k == EXPONENTIAL:
        return float(parameter[law, 0] * exponential(rng))
    if k == WEIBULL:
        shape, scale, location = parameter[law, 0], parameter[law, 1], parameter[law, 2]
        grown = exponential(rng)
        if age > location:
            grown += ((age - location) / scale) ** shape
        return float(max(location + scale * grown ** (1.0 / shape) - age, 0.0))
    if k == FIXED:
        return float(max(parameter[law, 0] - age, 0.0))
    first, count = at[law], length[law]
    if k == TABLE:
        return max(_inverse(grid, first, count, exponential(rng) + _hazard(grid, first, count, age)) - age, 0.0)
    past = 0
    if age > 0:
        while past < count and grid[first + past] <= age:
            past += 1
    if past == count:
        return 0.0
    choice = min(int((1.0 - uniform(rng)) * (count - past)), count - past - 1)
    return float(grid[first + past + choice] - age)


@compiled
def pick(probability: FloatArray, alias: IntArray, rng: WordArray) -> int:
    """One of several with given weights, in one step (A. J. Walker, ACM TOMS 3, 1977)."""
    x = (1.0 - uniform(rng)) * len(alias)
    i = int(x)
    return i if x - i < probability[i] else alias[i]


def alias_table(weights: FloatArray) -> tuple[FloatArray, IntArray]:
    """Tables of `pick` for given weights (M. D. Vose, IEEE TSE 17, 1991)."""
    n = len(weights)
    probability = np.ones(n)
    alias = np.arange(n)
    scaled = (weights * (n / weights.sum())).tolist() if n else []
    small = [i for i, x in enumerate(scaled) if x < 1.0]
    large = [i for i, x in enumerate(scaled) if x >= 1.0]
    while small and large:
        less, more = small.pop(), large.pop()
        probability[less], alias[less] = scaled[less], more
        scaled[more] -= 1.0 - scaled[less]
        (small if scaled[more] < 1.0 else large).append(more)
    return probability, alias.astype(np.int64)


class Drawn(Protocol):
    """A law that can be drawn: a `k2rel.distributions.Distribution`, or a table of its own."""

    @property
    def family(self) -> str: ...  # what is none of `KINDS` is a table
    @property
    def parameters(self) -> tuple[float, ...]: ...
    @property
    def grid(self) -> FloatArray: ...


class Laws(NamedTuple):
    """Laws as `draw` takes them; a law that is not there has kind -1."""

    kind: IntArray
    parameter: FloatArray
    at: IntArray
    length: IntArray
    grid: FloatArray


def packed(laws: Sequence[Drawn | None]) -> Laws:
    """Pack laws for `draw`."""
    parameter = np.zeros((len(laws), 3))
    for n, law in enumerate(laws):
        if law is not None and law.family in KINDS and law.family != "empirical":
            parameter[n, : len(law.parameters)] = law.parameters
    grids = [np.zeros(0) if law is None else law.grid for law in laws]
    length = np.array([len(grid) for grid in grids], dtype=np.int64)
    return Laws(
        kind=np.array([-1 if law is None else KINDS.get(law.family, TABLE) for law in laws], dtype=np.int64),
        parameter=parameter,
        at=np.concatenate([[0], np.cumsum(length)]).astype(np.int64)[:-1],
        length=length,
        grid=np.concatenate([*grids, [0.0]]),
    )
