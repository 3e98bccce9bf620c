"""Times that are not exponential, as the time that a chain of a few phases takes to its end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.transient import over_time
from k2rel.errors import InputError

__all__ = ["PhaseType", "erlang", "fitted", "hyperexponential", "renewal_chain", "weibull_variation"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PhaseType:
    """A phase-type distribution (M. F. Neuts 1981)."""

    start: tuple[float, ...]  # probability of each phase at the beginning
    moves_per_h: tuple[tuple[float, ...], ...]  # from each phase to each other
    ends_per_h: tuple[float, ...]  # from each phase to the end

    @property
    def phases(self) -> int:
        """Number of phases."""
        return len(self.start)

    def moment(self, order: int) -> float:
        """Give a moment about zero.

        Examples
        --------
        >>> round(erlang(6.0, 3).moment(2), 9)
        48.0
        """
        moves = np.array(self.moves_per_h)
        leave = moves.sum(axis=1) + np.array(self.ends_per_h)
        generator = moves - np.diag(leave)
        value = np.ones(self.phases)
        for k in range(1, order + 1):
            value = k * np.linalg.solve(-generator, value)
        return float(np.array(self.start) @ value)

    @property
    def mean_h(self) -> float:
        """Mean [h]."""
        return self.moment(1)

    @property
    def variation(self) -> float:
        """Squared coefficient of variation, variance over mean squared: 1 for an exponential time."""
        return self.moment(2) / self.moment(1) ** 2 - 1.0

    def longer_than(self, times_h: ArrayLike) -> FloatArray:
        """Give the probability that the time is longer than some times.

        Examples
        --------
        >>> erlang(2.0, 1).longer_than([2.0]).round(6).tolist()
        [0.367879]
        """
        moves = np.array(self.moves_per_h)
        i, j = np.nonzero(moves)
        ends = np.flatnonzero(self.ends_per_h)
        chain = Chain.of(
            self.phases + 1,
            np.concatenate([i, ends]),
            np.concatenate([j, np.full(len(ends), self.phases)]),
            np.concatenate([moves[i, j], np.array(self.ends_per_h)[ends]]),
        )
        times = np.atleast_1d(np.asarray(times_h, dtype=np.float64))
        found = over_time(chain, times.tolist(), np.append(self.start, 0.0))
        return np.asarray(found.probability[:, :-1].sum(axis=1))


def erlang(mean_h: float, phases: int) -> PhaseType:
    """Give a sum of equal exponential times.

    Examples
    --------
    >>> round(erlang(6.0, 4).variation, 12)
    0.25
    """
    rate = phases / mean_h
    moves = tuple(tuple(rate if j == i + 1 else 0.0 for j in range(phases)) for i in range(phases))
    return PhaseType((1.0,) + (0.0,) * (phases - 1), moves, (0.0,) * (phases - 1) + (rate,))


def hyperexponential(share: float, mean_h: float, other_mean_h: float) -> PhaseType:
    """Give an exponential time of one mean or of another.

    Examples
    --------
    >>> hyperexponential(0.5, 1.0, 3.0).mean_h
    2.0
    """
    return PhaseType((share, 1.0 - share), ((0.0, 0.0), (0.0, 0.0)), (1.0 / mean_h, 1.0 / other_mean_h))


def fitted(mean_h: float, variation: float) -> PhaseType:
    """Fit a phase-type time to a mean and a squared coefficient of variation.

    Notes
    -----
    H. C. Tijms, "Stochastic models: an algorithmic approach" (1994), appendix B.

    Examples
    --------
    >>> [round(fitted(5.0, v).variation, 12) for v in (0.3, 1.0, 4.0)]
    [0.3, 1.0, 4.0]
    """
    if not (0 < mean_h < math.inf and 0.02 <= variation <= 100):
        raise InputError(
            f"a time with mean {mean_h:g} h and variation {variation:g}: mean above 0, variation 0.02 to 100"
        )
    if abs(variation - 1.0) < 1e-12:
        return erlang(mean_h, 1)
    if variation > 1.0:
        share = 0.5 * (1.0 + math.sqrt((variation - 1.0) / (variation + 1.0)))
        return hyperexponential(share, mean_h / (2 * share), mean_h / (2 * (1.0 - share)))
    phases = math.ceil(1.0 / variation - 1e-12)
    if abs(phases * variation - 1.0) < 1e-12:
        return erlang(mean_h, phases)
    # one phase is skipped with a probability, so that the variation comes out
    skip = (phases * variation - math.sqrt(phases * (1.0 + variation) - phases**2 * variation)) / (1.0 + variation)
    rate = (phases - skip) / mean_h
    whole = erlang(phases / rate, phases)
    return PhaseType((1.0 - skip, skip) + (0.0,) * (phases - 2), whole.moves_per_h, whole.ends_per_h)


def weibull_variation(shape: float) -> float:
    """Give the squared coefficient of variation of a Weibull time.

    Examples
    --------
    >>> weibull_variation(1.0)
    1.0
    """
    return math.gamma(1 + 2 / shape) / math.gamma(1 + 1 / shape) ** 2 - 1.0


def renewal_chain(life: PhaseType, repair: PhaseType) -> tuple[Chain, NDArray[np.bool_]]:
    """Build the chain of one unit that lives, is repaired as good as new, and lives again.

    Examples
    --------
    Steady availability depends on the means alone (IEC 61703):

    >>> from k2rel.ctmc.steady import steady
    >>> chain, down = renewal_chain(erlang(90.0, 3), fitted(10.0, 2.0))
    >>> round(float(steady(chain).probability[down].sum()), 12)
    0.1
    """
    if sorted(life.start)[:-1] != [0.0] * (life.phases - 1):
        raise InputError(
            "a time to failure with several initial phases has no single initial state; use an Erlang distribution"
        )
    first = life.start.index(1.0)
    before: list[int] = []
    after: list[int] = []
    rates: list[float] = []

    def add(time: PhaseType, other: PhaseType, own: int, others: int) -> None:
        for i in range(time.phases):
            for j, rate in enumerate(time.moves_per_h[i]):
                if rate > 0:
                    before.append(own + i)
                    after.append(own + j)
                    rates.append(rate)
            for j, share in enumerate(other.start):
                if time.ends_per_h[i] * share > 0:
                    before.append(own + i)
                    after.append(others + j)
                    rates.append(time.ends_per_h[i] * share)

    add(life, repair, 0, life.phases)
    add(repair, life, life.phases, 0)
    count = life.phases + repair.phases
    return Chain.of(count, before, after, rates, first), np.arange(count) >= life.phases
