"""The next hours by the chain and by histories from the same state: two engines that share the rules and nothing else."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

import k2rel
from tests.test_risk import pair

HISTORIES = 20_000


def states_of(level, count):
    """So many states at present: one or two shared parts that have failed."""
    study = k2rel.study(level)
    parts = [n for n in study.site.components if n not in study.site.drives and study.law(n).frequency_per_h > 0]
    chance = random.Random(f"{level} on duty")
    return [chance.sample(parts, chance.choice([1, 1, 2])) for _ in range(count)]


def deviations(level, failed):
    """How far the two engines are apart, in standard errors of the counts."""
    exact = k2rel.risk(level, failed, method="markov")
    seed = random.Random(f"{level} {failed}").randrange(10**9)
    seen = k2rel.risk(level, failed, method="simulation", histories=HISTORIES, seed=seed)
    for one in exact.services:
        other = seen[one.service]
        assert one.up_now == other.up_now, (failed, one.service)
        low, high = other.intervals["downtime_h"]
        error = max((high - low) / 3.92, 1e-9)
        if one.p_longer[2] * HISTORIES > 20:  # long outages are enough for a mean to be normal
            yield (other.downtime_h - one.downtime_h) / error
        if one.up_now:
            pairs = [(one.p_failure_within, other.p_failure_within), *zip(one.p_longer, other.p_longer, strict=True)]
            for p, counted in pairs:
                if p * HISTORIES > 5:
                    yield (counted - p) / math.sqrt(p * (1 - p) / HISTORIES)
        else:
            assert other.back_h is not None
            assert other.back_h == pytest.approx(one.back_h, rel=0.1), (failed, one.service)


@pytest.mark.parametrize(
    ("level", "count"),
    [("L1", 2), ("L2R", 1)]
    + [pytest.param(level, count, marks=pytest.mark.slow)
       for level, count in (("L1", 18), ("L2", 18), ("L2R", 20), ("L3", 18), ("nearline", 18), ("L3R", 8))],
)  # fmt: skip
def test_histories_from_a_state_agree_with_the_chain(level, count) -> None:
    z = np.array([each for failed in states_of(level, count) for each in deviations(level, failed)])
    assert len(z) >= 2 * count
    assert np.abs(z).max() < 5
    if count > 10:  # many figures of one run go together: their spread is looked at, not their number
        assert 0.6 < z.std() < 1.4
        assert abs(z.mean()) < 0.5


def test_ages_count_where_lives_have_a_wear_out() -> None:
    from k2rel.distributions import parse_distribution
    from k2rel.simulation.circumstances import Circumstances

    wears = Circumstances(lives={"raid_chassis": parse_distribution("weibull(scale=8760 h, shape=4)")})
    young, old = (
        k2rel.risk("L2R", (), circumstances=wears, ages={"raid_chassis": age}, histories=20_000)["media"]
        for age in ("10 h", "9000 h")
    )
    wanted = 1 - math.exp((9000 / 8760) ** 4 - (9024 / 8760) ** 4)
    extra = old.p_failure_within - young.p_failure_within
    assert extra == pytest.approx(wanted, abs=4 * math.sqrt(wanted / 20_000))


def test_the_order_of_repairs_is_the_best_in_histories_too(tmp_path) -> None:
    """One technician, who takes types in an order: three failed parts of two parallel pairs, every order simulated."""
    from k2rel.simulation.ahead import ahead

    laws = {"a1": (5e-5, 10.0), "a2": (2e-4, 10.0), "b1": (5e-5, 2.0), "b2": (1e-4, 20.0)}
    path = pair(tmp_path, each_its_type=True, **laws)
    failed = ("a1", "b1", "b2")
    orders = k2rel.risk(path, failed, "48 h", method="markov").orders(1)["expected_downtime_min"]
    seen = {}
    for order in itertools.permutations(failed):
        # the technician is at what failed first; what fails meanwhile comes last
        since = {name: 1e-6 * (3 - n) for n, name in enumerate(order)}
        one = k2rel.Organisation(crews=1, priority=tuple(f"type_{name}" for name in (*order, "a2")))
        media = ahead(path, one, down_since_h=since, horizon_h=48.0, histories=100_000, seed=11)["media"].downtime_h
        seen[", ".join(order)] = 60 * media.value
        error = 60 * (media.high - media.low) / 3.92
        assert orders[", ".join(order)] == pytest.approx(60 * media.value, abs=4 * error + 0.05 * 60 * media.value)
    assert min(seen, key=lambda order: seen[order]) == orders.index[0]
