"""Measures of parts that are tested on known days: over time, importances, slopes, files for others, and what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import k2rel

SITE = """
format: 1
name: two
title: two in parallel
sides:
  A: {{title: a}}
types:
  one: {{{one}, source: x}}
  two: {{{two}, source: x}}
  box: {{failure_rate: 0, mttr: 1 h, source: x}}
components:
  hub: {{type: box, side: A}}
  sink: {{type: box, side: A}}
links:
  u1: {{type: one, side: A, between: [hub, sink]}}
  u2: {{type: two, side: A, between: [hub, sink]}}
clients:
  count: 1
  parts:
    client: {{type: box}}
    nic: {{type: box, side: A, between: [client, hub]}}
traffic:
  svc:
    demand: 10 MB/s
    prefer: listed
    paths:
      - {{side: A, via: [client, nic, hub, {{at_least: 1, of: [u1, u2]}}, sink]}}
"""


def write(tmp_path: Path, one: str, two: str) -> Path:
    """A site whose service is lost while both of two parts are down."""
    path = tmp_path / "two.yaml"
    path.write_text(SITE.format(one=one, two=two), encoding="utf-8")
    return path


def pair(tmp_path: Path, one: str, two: str | None = None) -> k2rel.Study:
    """The study of such a site."""
    return k2rel.study(write(tmp_path, one, two or one))


@pytest.mark.parametrize(
    ("interval", "until", "expected"),
    [("720 h", 3002.4, 1.59712e-3), ("2000 h", 8760.0, 1.07106e-2), ("4380 h", 20000.0, 4.30182e-2)],
)
def test_mean_from_new_includes_the_last_part_of_a_period(
    tmp_path: Path, interval: str, until: float, expected: float
) -> None:
    """Expected: the product of both point unavailabilities, propagated from test to test and integrated apart."""
    study = pair(tmp_path, f"failure_rate: 1e-4 /h, mttr: 8 h, test_interval: {interval}")
    found = k2rel.over_time(study, "svc", [until])["interval_unavailability"].iloc[-1]
    assert found == pytest.approx(expected, rel=5e-6)


def test_mean_from_new_where_one_of_two_is_tested(tmp_path: Path) -> None:
    """Expected: as above; the other part has its exponential approach to steady state."""
    study = pair(tmp_path, "failure_rate: 1e-4 /h, mttr: 8 h, test_interval: 720 h", "failure_rate: 1e-4 /h, mttr: 8 h")
    found = k2rel.over_time(study, "svc", [3000.0])["interval_unavailability"].iloc[-1]
    assert found == pytest.approx(2.77239e-5, rel=5e-6)


def test_what_is_lost_only_when_both_are_down_names_both(tmp_path: Path) -> None:
    """Expected: given the loss, either part is down for certain, whether tested together or apart."""
    for other in ("8760 h", "720 h"):
        one = "failure_rate: 5e-6 /h, mttr: 8 h, test_interval: "
        table = k2rel.causes(pair(tmp_path, one + "8760 h", one + other), "svc")
        assert table.loc[["u1", "u2"], "dif"].tolist() == pytest.approx([1.0, 1.0], rel=1e-9)
        assert (table["dif"].dropna() <= 1.0).all()


def mean_of_product(first: tuple[float, float], second: tuple[float, float], interval: float) -> float:
    """Mean over the cycle of the unavailabilities of two parts (rate, mean repair), from the equations of each."""
    panels = interval * np.concatenate([[0.0], 2.0 ** np.arange(-24.0, 1.0)])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half = np.diff(panels) / 2
    t = (panels[:-1, None] + half[:, None] * (nodes + 1.0)).reshape(-1)
    w = (half[:, None] * weights).reshape(-1)

    def down(rate: float, mttr: float) -> np.ndarray:
        mu = 1.0 / mttr

        def works(time: np.ndarray | float, repair: float) -> np.ndarray | float:
            back = mu / (rate - mu) * (np.exp(-mu * time) - np.exp(-rate * time))
            return (1.0 - repair) * np.exp(-rate * time) + repair * back

        # works at the end = a + b * (under repair at the start); the rest is found by the test
        a = works(interval, 0.0)
        b = works(interval, 1.0) - a
        return 1.0 - works(t, (1.0 - a) / (1.0 + b))

    return float(w @ (down(*first) * down(*second)) / interval)


@pytest.mark.parametrize(
    ("first", "second"), [((5e-6, 8.0), (5e-6, 8.0)), ((1e-4, 8.0), (3e-5, 80.0)), ((1e-4, 24.0), (1e-4, 100.0))]
)
def test_slopes_are_difference_quotients(
    tmp_path: Path, first: tuple[float, float], second: tuple[float, float]
) -> None:
    """Expected: quotients of central differences of the mean of the product, integrated apart."""
    words = [f"failure_rate: {rate} /h, mttr: {mttr} h, test_interval: 8760 h" for rate, mttr in (first, second)]
    found = k2rel.causes(pair(tmp_path, *words), "svc").loc["u1"]
    rate, mttr = first
    high, low = (mean_of_product((rate * f, mttr), second, 8760.0) for f in (1.001, 0.999))
    assert found["slope_rate_h"] == pytest.approx((high - low) / (0.002 * rate), rel=1e-5)
    high, low = (mean_of_product((rate, mttr * f), second, 8760.0) for f in (1.001, 0.999))
    assert found["slope_mttr_min_per_year"] == pytest.approx((high - low) / (0.002 * mttr) * 525_600, rel=1e-4)


def test_slope_of_the_pair_of_the_example(tmp_path: Path) -> None:
    """Expected: measured apart, 0.02538 min/year for each hour."""
    table = k2rel.causes(pair(tmp_path, "failure_rate: 5e-6 /h, mttr: 8 h, test_interval: 8760 h"), "svc")
    assert table.loc["u1", "slope_mttr_min_per_year"] == pytest.approx(0.02538, rel=2e-4)
    seldom = "failure_rate: 1e-8 /h, mttr: {} h, test_interval: 8760 h"
    table = k2rel.causes(pair(tmp_path, seldom.format(8), seldom.format(80)), "svc")
    assert table.loc["u2", "slope_mttr_min_per_year"] > 0
