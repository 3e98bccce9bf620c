r"""Hidden failures that only a test finds: unavailability between the tests, over their cycle, and from new.

A part works, has failed unnoticed, or is under repair. Between tests it fails at the rate :math:`\lambda` and is
restored at :math:`\mu = 1/MTTR`; at a test an unnoticed failure is found and its repair begins. With tests every T the
probabilities become periodic. Formulas are sums of positive terms, vectorised over rates and times.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["PeriodicTests"]

FloatArray = NDArray[np.float64]

_SHORTEST_REPAIR_H = 1e-200
_QUICKEST = 1e-9  # repair, as a part of the interval
_NODES = 8  # of each panel between two tests
_EQUAL = 1e-5  # rates closer than this, relatively, are taken at their middle


def _phi(x: FloatArray) -> FloatArray:
    """(1 - exp(-x)) / x."""
    safe = np.where(x == 0.0, 1.0, x)
    return np.where(x == 0.0, 1.0, -np.expm1(-safe) / safe)


def _psi(x: FloatArray) -> FloatArray:
    """1 - (1 - exp(-x)) / x without a difference of near numbers."""
    small = np.minimum(x, 0.5)
    series, term = np.zeros_like(small), np.ones_like(small)
    for n in range(2, 20):
        term = term * small / n
        series = series + (term if n % 2 == 0 else -term)
    return np.where(x < 0.5, series, 1.0 - _phi(np.maximum(x, 0.5)))


def _phi_slope(x: FloatArray) -> FloatArray:
    """Minus the derivative of `_phi`: (1 - (1 + x) exp(-x)) / x^2, in a series where x is small."""
    small = np.minimum(x, 0.5)
    series, term = np.full_like(small, 0.5), np.ones_like(small)
    for n in range(2, 20):
        term = -term * small / n
        series = series + term * n / (n + 1)
    safe = np.maximum(x, 0.5)
    return np.where(x < 0.5, series, -(np.expm1(-safe) + safe * np.exp(-safe)) / safe**2)


@dataclass(frozen=True, slots=True)
class PeriodicTests:
    """When a part is tested, and how long its repair takes; for `mean` alone each may be an array over draws."""

    interval_h: float  # period of the tests
    offsets_h: tuple[float, ...]  # when within the period, from 0 up to the interval, rising
    mttr_h: float  # from the test that finds the failure

    @property
    def _gaps(self) -> list[float]:
        """Time from each test to the next [h]."""
        days = [*self.offsets_h, self.offsets_h[0] + self.interval_h]
        return [after - before for before, after in itertools.pairwise(days)]

    @property
    def mean_wait_h(self) -> float:
        """Mean time from a moment to the next test [h]."""
        return sum(gap * gap for gap in self._gaps) / (2.0 * self.interval_h)

    def _failed(self, rate: FloatArray, time_h: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Probability of being failed a time after a test, where it worked then, and where its repair began then."""
        t, mu = np.asarray(time_h, dtype=np.float64), 1.0 / np.maximum(self.mttr_h, _SHORTEST_REPAIR_H)
        slow = np.minimum(rate, mu / 2)
        again = (mu * -np.expm1(-slow * t) + slow * np.expm1(-mu * t)) / (mu - slow)
        # where failures are as fast as repairs it works half of the time at most, so that 1 - p keeps its digits
        from_down = np.where(rate <= mu / 2, np.exp(-mu * t) + np.maximum(again, 0.0), 1.0 - self._restored(rate, t))
        return -np.expm1(-rate * t), from_down

    def _restored(self, rate: FloatArray, gap_h: ArrayLike) -> FloatArray:
        """Probability of working at the end of a gap, where its repair began with it."""
        mu = 1.0 / np.maximum(self.mttr_h, _SHORTEST_REPAIR_H)
        slower, gap = np.minimum(rate, mu), np.asarray(gap_h, dtype=np.float64)
        return np.asarray(mu * gap * np.exp(-slower * gap) * _phi(np.abs(mu - rate) * gap))

    def _hours_restored(self, rate: FloatArray, gap_h: float) -> FloatArray:
        """Mean time working within a gap, where its repair began with it [h]."""
        mu = 1.0 / np.maximum(self.mttr_h, _SHORTEST_REPAIR_H)
        x, y = rate * gap_h, np.asarray(mu * gap_h)
        near = np.abs(y - x) < _EQUAL * y
        share = np.where(near, _phi_slope((x + y) / 2), (_phi(x) - _phi(y)) / np.where(near, 1.0, y - x))
        return np.asarray(mu * gap_h * gap_h * share)

    def _hours_failed(self, rate: FloatArray, gap_h: float) -> tuple[FloatArray, FloatArray]:
        """Mean time failed within a gap, where it worked at the start, and where its repair began then [h]."""
        mu = 1.0 / np.maximum(self.mttr_h, _SHORTEST_REPAIR_H)
        slow = np.minimum(rate, mu / 2)
        again = gap_h * (mu * _psi(slow * gap_h) - slow * _psi(np.asarray(mu * gap_h))) / (mu - slow)
        direct = gap_h * _phi(np.asarray(mu * gap_h)) + np.maximum(again, 0.0)
        return gap_h * _psi(rate * gap_h), np.where(rate <= mu / 2, direct, gap_h - self._hours_restored(rate, gap_h))

    def _after_tests(self, rate: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
        """Probability of working and of being under repair just after each test of the period."""
        ups = [-np.expm1(-rate * gap) for gap in self._gaps]
        downs = [self._restored(rate, gap) for gap in self._gaps]
        lost, back = ups[0], downs[0]  # over the whole period: from up to failed, from under repair to up
        for fails, restored in zip(ups[1:], downs[1:], strict=True):
            lost, back = (
                (1.0 - lost) * fails + lost * (1.0 - restored),
                back * (1.0 - fails) + (1.0 - back) * restored,
            )
        total = lost + back
        down = np.divide(lost, total, out=np.zeros_like(total), where=total > 0)
        up = np.divide(back, total, out=np.ones_like(total), where=total > 0)
        result = [(up, down)]
        for fails, restored in zip(ups[:-1], downs[:-1], strict=True):
            up, down = up * (1.0 - fails) + down * restored, up * fails + down * (1.0 - restored)
            result.append((up, down))
        return result

    def points(self, fastest_per_h: float) -> tuple[FloatArray, FloatArray]:
        """Give points over the cycle of the tests [h], and the share of it that each stands for.

        Gauss-Legendre quadrature on panels that double in length after each test, from the shortest time constant.

        Examples
        --------
        >>> times, share = PeriodicTests(100.0, (0.0,), 1.0).points(0.1)
        >>> round(float(share @ times), 9)
        50.0
        """
        return self.points_on(self.panels(fastest_per_h))

    def panels(self, fastest_per_h: float) -> FloatArray:
        """Give begin and end of the panels of `points`: (panels, 2) [h]."""
        ends = [*self.offsets_h[1:], self.offsets_h[0] + self.interval_h]
        shortest = 1.0 / max(1.0 / max(self.mttr_h, 1e-15 * self.interval_h), fastest_per_h)
        found = []
        for begin, end in zip(self.offsets_h, ends, strict=True):
            panels = max(1, math.ceil(math.log2(max(2.0, 2.0 * (end - begin) / shortest))))
            edges = begin + (end - begin) * np.concatenate([[0.0], 2.0 ** np.arange(1.0 - panels, 1.0)])
            found.append(np.stack([edges[:-1], edges[1:]], axis=1))
        return np.concatenate(found)

    def points_on(self, panels: FloatArray, of_each: int = _NODES) -> tuple[FloatArray, FloatArray]:
        """Give points on some panels, and the share of the cycle that each stands for."""
        nodes, weights = np.polynomial.legendre.leggauss(of_each)
        half = (panels[:, 1] - panels[:, 0])[:, None] / 2
        at = panels[:, :1] + half * (nodes + 1.0)
        return at.reshape(-1), (half * weights / self.interval_h).reshape(-1)

    def mean(self, rates_per_h: ArrayLike, power: int = 1) -> FloatArray:
        """Give the mean unavailability over the cycle of the tests, or that of `power` alike parts at once.

        Examples
        --------
        >>> round(float(PeriodicTests(1000.0, (0.0,), 1e-9).mean(1e-3)), 9), round(math.exp(-1), 9)
        (0.367879441, 0.367879441)
        """
        rate = np.asarray(rates_per_h, dtype=np.float64)
        if power > 1:
            times, share = self.points(float(rate.max(initial=0.0)))
            return np.asarray(self.at(rate, times) ** power @ share)
        total = np.zeros_like(rate)
        for gap, (up, down) in zip(self._gaps, self._after_tests(rate), strict=True):
            from_up, from_down = self._hours_failed(rate, gap)
            total = total + up * from_up + down * from_down
        return np.asarray(total / self.interval_h)

    def at(self, rate_per_h: ArrayLike, times_h: ArrayLike) -> FloatArray:
        """Give the unavailability at times of the cycle, once it has become periodic: (rates..., times).

        Examples
        --------
        >>> PeriodicTests(1000.0, (0.0,), 1e-9).at(1e-3, [500.0]).round(6).tolist()
        [0.393469]
        """
        rate = np.asarray(rate_per_h, dtype=np.float64)
        time = np.mod(np.asarray(times_h, dtype=np.float64) - self.offsets_h[0], self.interval_h)
        starts = np.array(self.offsets_h) - self.offsets_h[0]
        gap = np.searchsorted(starts, time, side="right") - 1
        up, down = (np.stack(column, axis=-1)[..., gap] for column in zip(*self._after_tests(rate), strict=True))
        from_up, from_down = self._failed(rate[..., None] if rate.ndim else rate, time - starts[gap])
        return np.asarray(up * from_up + down * from_down)

    def restored_per_h(self, rate_per_h: float, times_h: ArrayLike) -> FloatArray:
        """Give the restorations per hour at times of the cycle, once it has become periodic: only what is found.

        Examples
        --------
        >>> PeriodicTests(1000.0, (0.0,), 10.0).restored_per_h(1e-3, [0.0, 10.0]).round(4).tolist()
        [0.063, 0.0232]
        """
        time = np.mod(np.asarray(times_h, dtype=np.float64) - self.offsets_h[0], self.interval_h)
        starts = np.array(self.offsets_h) - self.offsets_h[0]
        gap = np.searchsorted(starts, time, side="right") - 1
        found = np.array([float(down) for _, down in self._after_tests(np.asarray(rate_per_h, dtype=np.float64))])
        mttr = max(self.mttr_h, _QUICKEST * self.interval_h)  # quicker repairs have no other state of the others
        return np.asarray(found[gap] * np.exp(-(time - starts[gap]) / mttr) / mttr)

    def days_until(self, time_h: float, most: int) -> FloatArray:
        """List the tests after time 0 up to a time, no more than so many.

        Examples
        --------
        >>> PeriodicTests(10.0, (0.0, 4.0), 1.0).days_until(21.0, 99).tolist()
        [4.0, 10.0, 14.0, 20.0]
        """
        periods = min(math.floor(time_h / self.interval_h) + 1, most)
        days = (np.arange(periods)[:, None] * self.interval_h + np.array(self.offsets_h)).reshape(-1)
        return np.asarray(days[(days > 0) & (days <= time_h)][:most])

    def from_new(self, rate_per_h: float, times_h: ArrayLike) -> FloatArray:
        """Give the unavailability at times from new at time 0, tested on the days of the calendar.

        Examples
        --------
        >>> PeriodicTests(1000.0, (0.0,), 1e-9).from_new(1e-3, [0.0, 500.0, 1000.5]).round(6).tolist()
        [0.0, 0.393469, 0.0005]
        """
        rate, times = np.asarray(rate_per_h, dtype=np.float64), np.asarray(times_h, dtype=np.float64)
        last = float(times.max(initial=0.0))
        days = self.days_until(last, _MOST_DAYS)
        up, down, before, periodic_from = 1.0, 0.0, 0.0, math.inf
        ups, downs = [up], [down]
        steady = dict(zip(self.offsets_h, self._after_tests(rate), strict=True))
        for number, day in enumerate(days.tolist()):
            gap = day - before
            fails, restored = float(-np.expm1(-rate * gap)), float(self._restored(rate, gap))
            up, down = up * (1.0 - fails) + down * restored, up * fails + down * (1.0 - restored)
            ups.append(up)
            downs.append(down)
            before = day
            at = min(steady, key=lambda offset: abs(math.remainder(day - offset, self.interval_h)))
            if abs(float(steady[at][1]) - down) <= 1e-12 * down:  # it has become periodic
                days, periodic_from = days[: number + 1], day
                break
        if last - before > self.interval_h:  # more tests than were followed
            periodic_from = before
        starts = np.concatenate([[0.0], days])
        place = np.searchsorted(starts, times, side="right") - 1
        from_up, from_down = self._failed(rate, times - starts[place])
        early = np.array(ups)[place] * from_up + np.array(downs)[place] * from_down
        return np.asarray(np.where(times >= periodic_from, self.at(rate_per_h, times), early))

    def from_new_any_day(self, rate_per_h: float, times_h: ArrayLike) -> FloatArray:
        """Give the unavailability at times from new at time 0, where the days of the tests can be any.

        Examples
        --------
        >>> PeriodicTests(1000.0, (0.0,), 1e-9).from_new_any_day(1e-3, [500.0]).round(6).tolist()
        [0.303265]
        """
        rate, times = np.asarray(rate_per_h, dtype=np.float64), np.asarray(times_h, dtype=np.float64)
        period, fresh = self.interval_h, PeriodicTests(self.interval_h, (0.0,), self.mttr_h)
        down_for_good = float(fresh._after_tests(rate)[0][1])
        shrinks = float(np.exp(-rate * period)) - float(self._restored(rate, period))  # of what a test leaves over
        nodes, weights = np.polynomial.legendre.leggauss(12)
        shortest = min(max(self.mttr_h, _SHORTEST_REPAIR_H), period) / 4
        doubling = period * np.concatenate(
            [[0.0], 2.0 ** np.arange(-min(60, math.ceil(math.log2(period / shortest))), 1)]
        )
        result = np.zeros_like(times)
        for index, time in enumerate(times.reshape(-1).tolist()):
            longest = min(time, period)
            edges = np.unique(np.concatenate([doubling[doubling < longest], [time % period, longest]]))
            edges = edges[edges <= longest]
            half = np.diff(edges) / 2
            since = (edges[:-1, None] + half[:, None] * (nodes + 1.0)).reshape(-1)  # time since the last test
            share = (half[:, None] * weights).reshape(-1) / period
            tests = np.ceil((time - since) / period)
            first = time - since - (tests - 1.0) * period
            down = down_for_good + (-np.expm1(-rate * first) - down_for_good) * shrinks ** (tests - 1.0)
            from_up, from_down = self._failed(rate, since)
            untested = max(0.0, 1.0 - time / period) * float(-np.expm1(-rate * time))
            result.reshape(-1)[index] = untested + float(share @ ((1.0 - down) * from_up + down * from_down))
        return result


_MOST_DAYS = 100_000
