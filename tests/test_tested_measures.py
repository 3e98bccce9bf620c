"""Measures of parts that are tested on known days: over time, importances, slopes, files for others, and what is said."""

from __future__ import annotations

from pathlib import Path

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
