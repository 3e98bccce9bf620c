"""Time spent in chosen states within a window, in steady state: against closed forms and drawn paths."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

from k2rel.ctmc.accumulated import accumulated
from k2rel.ctmc.chain import Chain
from k2rel.errors import InputError, ModelTooLargeError

UP_DOWN = np.array([False, True])


def takacs(fails: float, repaired: float, window: float, down: float) -> float:
    """P(downtime of a window above `down`), stationary: L. Takacs 1957; R. E. Barlow, L. C. Hunter 1961."""

    def stays(leave: float, back: float, here: float, there: float) -> float:
        """P(at most `there` is spent in the other state before `here` is spent in the first)."""

        def density(root: float) -> float:  # in the square root of the time in the other state
            argument = 2 * math.sqrt(leave * back * here) * root
            return 2 * float(ive(1, argument)) * math.exp(argument - back * root * root - leave * here)

        return (
            math.exp(-leave * here)
            + math.sqrt(leave * back * here) * quad(density, 0, math.sqrt(there), epsabs=1e-12, limit=400)[0]
        )

    up = window - down
    works = repaired / (fails + repaired)
    return works * (1 - stays(fails, repaired, up, down)) + (1 - works) * stays(repaired, fails, down, up)


def two_states(fails: float, repaired: float, window: float):
    total = fails + repaired
    chain = Chain.of(2, [0, 1], [1, 0], [fails, repaired])
    return accumulated(chain, np.array([repaired, fails]) / total, UP_DOWN, window)


@pytest.mark.parametrize(
    ("fails", "repaired", "window", "times"),
    [
        (1e-3, 0.25, 8760.0, [0.5, 4.0, 30.0, 80.0]),
        (1e-5, 0.25, 8760.0, [0.1, 4.0, 12.0]),
        (0.1, 0.2, 10.0, [0.01, 0.5, 0.9, 1.5, 5.0, 9.0]),
        (1e-2, 80.0, 730.0, [0.01, 0.1, 0.3]),
    ],
)
def test_one_part_has_the_downtime_that_takacs_gave_it(fails, repaired, window, times) -> None:
    found = two_states(fails, repaired, window)
    wanted = np.array([takacs(fails, repaired, window, x) for x in times])
    probability, error = found.longer_than(times)
    assert np.all(np.abs(probability - wanted) <= error + 1e-9)
    assert np.all(error < 1e-7)


def test_a_window_without_failure_is_an_exponential_chance() -> None:
    value, error = two_states(1e-3, 0.5, 730.0).none()
    assert value == pytest.approx(0.5 / 0.501 * math.exp(-0.73), abs=1e-8)
    assert error < 1e-7


def test_failures_that_last_no_time_are_counted_as_poisson_has_it() -> None:
    numbers, error = two_states(2e-3, 1e6, 1000.0).visits(12)
    wanted = [math.exp(-2) * 2**n / math.factorial(n) for n in range(13)]
    assert np.abs(numbers - wanted).max() < 1e-7
    assert error.max() < 1e-7


def drawn(
    rates: np.ndarray, start: np.ndarray, inside: np.ndarray, window: float, paths: int
) -> tuple[np.ndarray, np.ndarray]:
    """Time inside and entries of paths of a small chain, all drawn at once."""
    rng = np.random.default_rng(5)
    leave = rates.sum(axis=1)
    at = rng.choice(len(start), size=paths, p=start)
    now, spent, entered = np.zeros(paths), np.zeros(paths), np.zeros(paths, dtype=int)
    while (now < window).any():
        stay = np.minimum(rng.exponential(1 / leave[at]), window - now)
        spent += np.where(inside[at], stay, 0.0)
        now += stay
        chance = np.cumsum(rates / leave[:, None], axis=1)[at]
        after = (rng.random(paths)[:, None] > chance).sum(axis=1)
        moved = now < window
        entered += moved & inside[after] & ~inside[at]
        at = np.where(moved, after, at)
    return spent, entered


def test_three_states_agree_with_paths_drawn_one_by_one() -> None:
    rates = np.array([[0.0, 0.02, 0.01], [0.5, 0.0, 0.3], [0.1, 0.2, 0.0]])
    generator = rates - np.diag(rates.sum(axis=1))
    steady = np.linalg.lstsq(np.vstack([generator.T, np.ones(3)]), np.array([0, 0, 0, 1.0]), rcond=None)[0]
    inside = np.array([False, False, True])
    before, after = np.nonzero(rates)
    found = accumulated(Chain.of(3, before, after, rates[before, after]), steady, inside, 100.0)
    spent, entered = drawn(rates, steady, inside, 100.0, 40_000)
    times = [0.0, 2.0, 10.0, 20.0, 40.0]
    for value, time in zip(found.longer_than(times)[0], times, strict=True):
        assert value == pytest.approx((spent > time).mean(), abs=0.01)
    for value, number in zip(found.visits(5)[0], range(6), strict=True):
        assert value == pytest.approx((entered == number).mean(), abs=0.01)
    assert found.quantile_h(0.9) == pytest.approx(np.quantile(spent, 0.9), rel=0.03)
    assert found.none()[0] == pytest.approx((spent == 0).mean(), abs=0.01)
    assert found.entries == pytest.approx(entered.mean(), rel=0.03)


def test_the_mean_is_what_the_probabilities_add_up_to() -> None:
    found = two_states(0.02, 0.3, 200.0)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    times = 50.0 * (nodes + 1.0)
    assert float(weights @ found.longer_than(times.tolist())[0]) * 50.0 == pytest.approx(found.mean_h, rel=1e-6)
    assert found.mean_h == pytest.approx(0.02 / 0.32 * 200.0)


def many_parts() -> tuple[Chain, np.ndarray, np.ndarray]:
    """Seven parts that differ; down where two or more have failed."""
    fails, repaired = 10.0 ** -np.arange(3, 10), 0.1 * 3.0 ** np.arange(7)
    codes = np.arange(128)
    before, after, rate = [], [], []
    for part in range(7):
        failed = codes >> part & 1 == 1
        before.append(codes)
        after.append(codes ^ (1 << part))
        rate.append(np.where(failed, repaired[part], fails[part]))
    chain = Chain.of(128, np.concatenate(before), np.concatenate(after), np.concatenate(rate))
    works = repaired / (fails + repaired)
    steady = np.prod(np.where(codes[:, None] >> np.arange(7) & 1, 1 - works, works), axis=1)
    return chain, steady, np.bitwise_count(codes) >= 2


def test_merging_states_that_are_hardly_ever_met_stays_within_its_bound() -> None:
    chain, steady, inside = many_parts()
    whole = accumulated(chain, steady, inside, 8760.0, accuracy=0.0)
    fewer = accumulated(chain, steady, inside, 8760.0, accuracy=1e-3)
    assert whole.merged == 0.0
    assert len(fewer.probability) < len(whole.probability) / 2
    assert 0 < fewer.merged <= 1e-3
    assert fewer.mean_h == pytest.approx(whole.mean_h, rel=1e-12)
    assert fewer.entries == pytest.approx(whole.entries, rel=1e-12)
    times = [0.0, 0.1, 1.0, 5.0]
    assert np.abs(fewer.longer_than(times)[0] - whole.longer_than(times)[0]).max() <= fewer.merged


def test_quantiles_rise_and_probabilities_fall() -> None:
    found = two_states(1e-3, 0.25, 8760.0)
    quantiles = [found.quantile_h(share) for share in (0.1, 0.5, 0.9, 0.99)]
    assert quantiles == sorted(quantiles)
    assert np.all(np.diff(found.longer_than(np.linspace(0, 200, 40).tolist())[0]) <= 1e-9)
    assert found.longer_than([found.quantile_h(0.9)])[0][0] == pytest.approx(0.1, abs=1e-6)


def test_what_is_always_so_needs_no_transform() -> None:
    chain = Chain.of(2, [0, 1], [1, 0], [0.1, 0.2])
    steady = np.array([2, 1]) / 3
    never = accumulated(chain, steady, np.array([False, False]), 10.0)
    always = accumulated(chain, steady, np.array([True, True]), 10.0)
    assert (never.none()[0], never.longer_than([0.0])[0][0], never.quantile_h(0.99)) == (1.0, 0.0, 0.0)
    assert (always.none()[0], always.longer_than([9.0])[0][0], always.quantile_h(0.5)) == (0.0, 1.0, 10.0)


def test_what_takes_too_long_is_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match="a time above 0"):
        two_states(0.1, 0.2, 0.0)
    flicker = Chain.of(3, [0, 1, 2, 1], [1, 2, 1, 0], [1e-3, 1e9, 1e9, 0.1])
    steady = np.array([100.0, 1.0, 1.0]) / 102
    with pytest.raises(ModelTooLargeError, match="use a shorter time"):
        accumulated(flicker, steady, np.array([False, True, True]), 8760.0).longer_than([800.0])
    assert two_states(1e-3, 1e9, 8760.0).longer_than([800.0])[0][0] == 0.0
