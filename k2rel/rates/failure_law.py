"""Failure and repair of one component with constant rates, and of one whose failures stay hidden."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.inputs import Uses
from k2rel.rates.hidden import PeriodicTests
from k2rel.tables import Shown

__all__ = ["Law", "duplicated"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class Law(Shown):
    r"""Alternating renewal process of one component with exponential life and repair.

    Parameters
    ----------
    failure_rate_per_h : float
        Failure rate :math:`\lambda` while it works [1/h]; 0 for a part that never fails.
    mttr_h : float
        Mean time to restoration, from the moment when the failure is known [h].
    test_interval_h : float
        Interval of the test that finds hidden failures [h]; 0 for failures seen at once.
    low_per_h, high_per_h : float or None
        90 % limits of the rate, where known [1/h].
    rates_id, evidence, source : str
        Row of the table, evidence code and source; for provenance.
    share : float
        Share of the row's rate that this law has: 1 but for parts with common causes or under other conditions.
    each : Law or None
        Law of each of two alike parts, where this is the law of the pair (`duplicated`).
    test_offsets_h : tuple of float
        When within the interval it is tested, from the common day 0 on [h].
    tested_independently : bool
        Whether its tests have nothing to do with those of other parts: any days, evenly distributed.
    uses : tuple of Uses
        The inputs that its rate and times are proportional to, where these are known within limits.

    Notes
    -----
    Steady unavailability is :math:`q = \lambda D / (1 + \lambda D)` with mean down time :math:`D` (IEC 61703). A hidden
    failure lasts until the next test, a little more than half an interval on average, and then its repair
    (IEC 61508-6, B.3.2.2.1, has :math:`D = T/2 + MTTR`); here q is the mean over the interval, exactly.

    Examples
    --------
    >>> Law(1 / 250_000, 1.0).unavailability * 525_600
    2.1023915904336388
    """

    failure_rate_per_h: float
    mttr_h: float
    test_interval_h: float = 0.0
    low_per_h: float | None = None
    high_per_h: float | None = None
    rates_id: str = ""
    evidence: str = ""
    source: str = ""
    share: float = 1.0
    each: Law | None = None
    test_offsets_h: tuple[float, ...] = (0.0,)
    tested_independently: bool = False
    uses: tuple[Uses, ...] = field(default=(), repr=False)

    @property
    def mttf_h(self) -> float:
        """Mean operating time to failure [h]; infinite for a part that never fails."""
        return 1.0 / self.failure_rate_per_h if self.failure_rate_per_h > 0 else math.inf

    @property
    def single(self) -> Law:
        """Law of one part: this one, or where it is that of a pair, the law of each."""
        return self if self.each is None else self.each.single

    @property
    def parts(self) -> int:
        """How many parts it is of: 1, or 2 for a pair."""
        return 1 if self.each is None else 2 * self.each.parts

    def unavailability_of(self, failure_rates_per_h: ArrayLike) -> FloatArray:
        """Steady-state unavailability with other failure rates of its row.

        Parameters
        ----------
        failure_rates_per_h : array of float
            Rates [1/h], of which the law has its share.

        Returns
        -------
        array of float
            Unavailability for each.

        Examples
        --------
        >>> Law(1e-3, 1000.0).unavailability_of([1e-3, 3e-3]).tolist()
        [0.5, 0.75]
        """
        rates = np.asarray(failure_rates_per_h, dtype=np.float64) * self.share
        if self.each is not None:
            one = self.single
            if one.test_interval_h > 0 and not one.tested_independently:
                return one.tests.mean(rates, self.parts)
            return one.unavailability_of(failure_rates_per_h) ** self.parts
        if self.test_interval_h > 0:
            return self.tests.mean(rates)
        down = rates * self.mttr_h
        return np.asarray(down / (1.0 + down))

    @property
    def test_days_h(self) -> tuple[float, ...]:
        """When within the interval it is tested, rising [h]."""
        law = self.single
        return tuple(sorted({offset % law.test_interval_h for offset in law.test_offsets_h}))

    @property
    def tests(self) -> PeriodicTests:
        """Its tests, where its failures are hidden."""
        return PeriodicTests(self.test_interval_h, self.test_days_h, self.mttr_h)

    @property
    def tested_together(self) -> bool:
        """Whether its unavailability rises and falls with the days of tests that others may share."""
        law = self.single
        return law.test_interval_h > 0 and law.failure_rate_per_h > 0 and not law.tested_independently

    def unnamed(self) -> Law:
        """Give the law without where it comes from: parts of one such law are alike.

        Returns
        -------
        Law
            The same law.

        Examples
        --------
        >>> Law(1e-3, 2.0, source="a page").unnamed().source
        ''
        """
        each = None if self.each is None else self.each.unnamed()
        bare = Law(self.failure_rate_per_h, self.mttr_h, self.test_interval_h, share=self.share, each=each)
        return replace(bare, test_offsets_h=self.test_offsets_h, tested_independently=self.tested_independently)

    def unavailability_in_cycle(self, times_h: ArrayLike) -> FloatArray:
        """Unavailability at times of the calendar of its tests, once it has become periodic.

        Parameters
        ----------
        times_h : array of float
            Times [h].

        Returns
        -------
        array of float
            Unavailability at each; without such tests the mean.

        Examples
        --------
        >>> Law(1e-3, 1e-9, 1000.0).unavailability_in_cycle([1.0, 500.0]).round(6).tolist()
        [0.001, 0.393469]
        """
        if self.each is not None:
            return self.single.unavailability_in_cycle(times_h) ** self.parts
        if not self.tested_together:
            return np.full(np.shape(times_h), self.unavailability)
        return self.tests.at(self.failure_rate_per_h, times_h)

    def frequency_at(self, unavailability: FloatArray) -> FloatArray:
        """Failures per hour at moments with an unavailability; those of a pair follow from that of each [1/h].

        Parameters
        ----------
        unavailability : array of float
            Unavailability at each moment.

        Returns
        -------
        array of float
            Failure frequency at each [1/h].

        Examples
        --------
        >>> Law(1e-3, 1.0, 1000.0).frequency_at(np.array([0.5])).tolist()
        [0.0005]
        """
        each = unavailability ** (1.0 / self.parts)
        return np.asarray(self.parts * each ** (self.parts - 1) * self.single.failure_rate_per_h * (1.0 - each))

    def restored_at(self, unavailability: FloatArray, each_per_h: FloatArray) -> FloatArray:
        """Restorations per hour at moments, from those of each part; those of a pair end with the first [1/h].

        Parameters
        ----------
        unavailability : array of float
            Unavailability at each moment.
        each_per_h : array of float
            Restorations of one part at each [1/h].

        Returns
        -------
        array of float
            Restorations at each [1/h].

        Examples
        --------
        >>> Law(1e-3, 1.0, 1000.0).restored_at(np.array([0.5]), np.array([0.25])).tolist()
        [0.25]
        """
        each = unavailability ** (1.0 / self.parts)
        return np.asarray(self.parts * each ** (self.parts - 1) * each_per_h)

    @property
    def mean_downtime_h(self) -> float:
        """Mean time from failure to restoration, the hidden part included [h]."""
        if self.test_interval_h <= 0:
            return self.mttr_h
        if self.failure_rate_per_h <= 0:
            return self.mttr_h + self.tests.mean_wait_h
        q = self.unavailability
        return q / (self.failure_rate_per_h * (1.0 - q))

    @property
    def unavailability(self) -> float:
        """Steady-state probability of being failed; of hidden failures the mean over the time between tests."""
        if self.test_interval_h > 0:
            return float(self.tests.mean(self.failure_rate_per_h))
        load = self.failure_rate_per_h * self.mttr_h
        return load / (1.0 + load)

    @property
    def frequency_per_h(self) -> float:
        """Failures per hour of calendar time in steady state [1/h]."""
        if self.test_interval_h > 0:
            return self.failure_rate_per_h * (1.0 - self.unavailability)
        return self.failure_rate_per_h / (1.0 + self.failure_rate_per_h * self.mttr_h)

    def unavailability_at(self, times_h: ArrayLike) -> FloatArray:
        """Probability of being failed at a time, from new at time 0.

        Parameters
        ----------
        times_h : array of float
            Times [h].

        Returns
        -------
        array of float
            Point unavailability at each time.

        Examples
        --------
        >>> Law(0.1, 5.0).unavailability_at([10.0]).round(6).tolist()
        [0.316738]
        """
        if self.each is not None:
            return self.each.unavailability_at(times_h) ** 2
        if self.test_interval_h > 0:
            follow = self.tests.from_new_any_day if self.tested_independently else self.tests.from_new
            return follow(self.failure_rate_per_h, times_h)
        speed = self.failure_rate_per_h + (1.0 / self.mean_downtime_h if self.mean_downtime_h else math.inf)
        times = np.asarray(times_h, dtype=np.float64)
        if math.isinf(speed):
            return np.zeros_like(times)
        return np.asarray(-self.unavailability * np.expm1(-speed * times))

    def unreliability_at(self, times_h: ArrayLike) -> FloatArray:
        """Probability of having failed at least once by a time.

        Parameters
        ----------
        times_h : array of float
            Times [h].

        Returns
        -------
        array of float
            Unreliability at each time.

        Examples
        --------
        >>> Law(0.01, 1.0).unreliability_at([10.0]).round(6).tolist()
        [0.095163]
        """
        return np.asarray(-np.expm1(-self.failure_rate_per_h * np.asarray(times_h, dtype=np.float64)))


def duplicated(law: Law) -> Law:
    r"""Make the law of two alike parts of which one is enough, each repaired by itself.

    Parameters
    ----------
    law : Law
        Law of each.

    Returns
    -------
    Law
        A law with the unavailability :math:`q^2` and the failure frequency :math:`2 q w` of the pair (IEC 61078,
        parallel structure; :math:`w` the frequency of one), so exact wherever parts are independent.

    Examples
    --------
    >>> one = Law(1e-3, 10.0)
    >>> two = duplicated(one)
    >>> round(two.unavailability / one.unavailability**2, 12)
    1.0
    """
    if law.unavailability == 0.0:
        return law
    if law.tested_together:  # found on the same days: the means of products over the time between tests
        points, share = law.single.tests.points(law.single.failure_rate_per_h)
        q_each = law.unavailability_in_cycle(points)
        q, w = float(share @ q_each**2), float(share @ (2.0 * q_each * law.frequency_at(q_each)))
    else:
        q, w = law.unavailability**2, 2.0 * law.unavailability * law.frequency_per_h
    down = q / w
    rate = q / ((1.0 - q) * down)
    return replace(
        law, failure_rate_per_h=rate, mttr_h=down, test_interval_h=0.0, source=f"two of: {law.source}", each=law
    )
