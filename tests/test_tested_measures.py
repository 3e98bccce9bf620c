"""Measures of parts that are tested on known days: over time, importances, slopes, files for others, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel.cli import main

SITE = """
format: 2
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
    found = k2rel.over_time(study, "svc", [until], method="exact")["interval_unavailability"].iloc[-1]
    assert found == pytest.approx(expected, rel=5e-6)


def test_mean_from_new_where_one_of_two_is_tested(tmp_path: Path) -> None:
    """Expected: as above; the other part has its exponential approach to steady state."""
    study = pair(tmp_path, "failure_rate: 1e-4 /h, mttr: 8 h, test_interval: 720 h", "failure_rate: 1e-4 /h, mttr: 8 h")
    found = k2rel.over_time(study, "svc", [3000.0], method="exact")["interval_unavailability"].iloc[-1]
    assert found == pytest.approx(2.77239e-5, rel=5e-6)


def test_what_is_lost_only_when_both_are_down_names_both(tmp_path: Path) -> None:
    """Expected: given the loss, either part is down for certain, whether tested together or apart."""
    for other in ("8760 h", "720 h"):
        one = "failure_rate: 5e-6 /h, mttr: 8 h, test_interval: "
        table = k2rel.causes(pair(tmp_path, one + "8760 h", one + other), "svc", method="exact")
        assert table.loc[["u1", "u2"], "dif"].tolist() == pytest.approx([1.0, 1.0], rel=1e-9)
        assert (table["dif"].dropna() <= 1.0).all()


def mean_of_product(first: tuple[float, float], second: tuple[float, float], interval: float) -> float:
    """Mean over the cycle of the unavailabilities of two parts (rate, mean repair), from the equations of each."""
    panels = interval * np.concatenate([[0.0], 2.0 ** np.arange(-24.0, 1.0)])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half = np.diff(panels) / 2
    t = (panels[:-1, None] + half[:, None] * (nodes + 1.0)).reshape(-1)
    w = (half[:, None] * weights).reshape(-1)

    def down(rate: float, mttr: float) -> Any:
        mu = 1.0 / mttr

        def works(time: Any, repair: float) -> Any:
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
    found = k2rel.causes(pair(tmp_path, *words), "svc", method="exact").loc["u1"]
    rate, mttr = first
    high, low = (mean_of_product((rate * f, mttr), second, 8760.0) for f in (1.001, 0.999))
    assert found["slope_rate_h"] == pytest.approx((high - low) / (0.002 * rate), rel=1e-5)
    high, low = (mean_of_product((rate, mttr * f), second, 8760.0) for f in (1.001, 0.999))
    assert found["slope_mttr_min_per_year"] == pytest.approx((high - low) / (0.002 * mttr) * 525_600, rel=1e-4)


def test_slope_of_the_pair_of_the_example(tmp_path: Path) -> None:
    """Expected: measured apart, 0.02538 min/year for each hour."""
    table = k2rel.causes(
        pair(tmp_path, "failure_rate: 5e-6 /h, mttr: 8 h, test_interval: 8760 h"), "svc", method="exact"
    )
    assert table.loc["u1", "slope_mttr_min_per_year"] == pytest.approx(0.02538, rel=2e-4)
    seldom = "failure_rate: 1e-8 /h, mttr: {} h, test_interval: 8760 h"
    table = k2rel.causes(pair(tmp_path, seldom.format(8), seldom.format(80)), "svc", method="exact")
    assert table["slope_mttr_min_per_year"]["u2"] > 0


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[str, str]:
    """What the command prints on both streams."""
    assert main([str(word) for word in words]) == 0
    out, err = capsys.readouterr()
    return out, err


TESTED = "failure_rate: 5e-6 /h, mttr: 8 h, test_interval: 8760 h"


def test_exports_say_that_they_have_mean_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the file and on standard error, with the parts; nothing where no two parts are tested on known days."""
    site = write(tmp_path, TESTED, TESTED)
    out, err = run(capsys, "export", site)
    comment = next(line for line in out.splitlines() if line.startswith("<!--"))
    assert "2 tested parts (u1, u2)" in comment and "mean unavailability" in comment
    assert err.count("\n") == 1 and "2 tested parts (u1, u2)" in err and "k2rel availability" in err
    _, err = run(capsys, "export", site, "--format", "prism", "--output", tmp_path / "chain")
    said = (tmp_path / "chain.prism").read_text(encoding="utf-8").splitlines()[1]
    assert said.startswith("// 2 tested parts (u1, u2)") and "2 tested parts (u1, u2)" in err
    apart = write(tmp_path, TESTED, TESTED + ", tested: independently")
    out, err = run(capsys, "export", apart)
    assert "tested part" not in out and err == ""


def test_register_and_table_show_the_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Same days, offsets and independent tests each have their words; a site without tests has no such row."""

    def row(one: str, two: str) -> list[str]:
        table = k2rel.assumptions(pair(tmp_path, one, two))
        return table.loc[table["assumption"] == "days of tests", "value"].tolist()

    assert row(TESTED, TESTED) == ["2 parts on the same days, counted from a common day 0"]
    (value,) = row(TESTED + ", test_offset: 4380 h", TESTED + ", tested: independently")
    assert "1 part offset by 4380 h" in value and "1 part independently" in value
    assert row(TESTED, "failure_rate: 5e-6 /h, mttr: 8 h") == []
    assert "test interval" in run(capsys, "components", write(tmp_path, TESTED, TESTED))[0]
    never = "failure_rate: 5e-6 /h, mttr: 8 h"
    assert "test interval" not in run(capsys, "components", write(tmp_path, never, never))[0]


def test_interruptions_say_that_tests_come_at_exponential_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of the text, a key of the JSON, and an attribute of the table."""
    site = write(tmp_path, TESTED, TESTED)
    text, _ = run(capsys, "interruptions", site)
    assert "2 tested parts (u1, u2): durations of interruptions" in text
    (note,) = json.loads(run(capsys, "interruptions", site, "--format", "json")[0])["notes"]
    assert "exponential" in note and k2rel.interruptions(k2rel.study(site)).attrs["notes"] == [note]
    never = write(tmp_path, "failure_rate: 5e-6 /h, mttr: 8 h", "failure_rate: 5e-6 /h, mttr: 8 h")
    assert json.loads(run(capsys, "interruptions", never, "--format", "json")[0])["notes"] == []


def test_cause_of_parts_tested_independently_is_hidden_for_half_an_interval(tmp_path: Path) -> None:
    """Expected: rate of the common part times half the interval and the repair, to first order; not a third."""
    path = write(tmp_path, *[f"{TESTED}, tested: independently".replace("5e-6", "1e-8")] * 2)
    cause = 'common_cause:\n  both: {members: [u1, u2], factors: {"2": 0.2}, evidence: P, reason: x, source: x}\n'
    path.write_text(path.read_text(encoding="utf-8").replace("type: two", "type: one") + cause, encoding="utf-8")
    table = k2rel.causes(k2rel.study(path), "svc", method="exact")
    found = table.loc[table["type"] == "common cause", "unavailability"].iloc[0]
    assert found == pytest.approx(0.2 * 1e-8 * (8760 / 2 + 8), rel=1e-4)


def test_what_arrives_is_the_mean_over_the_days_between_tests() -> None:
    """Two cards tested on one day, 10 MB/s each through 15 MB/s: 15 where both are there, 10 where one is."""
    site = {
        "format": 2,
        "name": "two",
        "title": "two cards that are tested",
        "sides": {"A": {}},
        "types": {
            "box": {"failure_rate": 0, "mttr": "1 h"},
            "card": {"failure_rate": "1e-5 1/h", "mttr": "1 h", "test_interval": "1000 h"},
        },
        "components": {"switch": {"type": "box", "side": "A", "capacity": "15 MB/s"}},
        "clients": {
            "count": 2,
            "parts": {"client": {"type": "box"}, "card": {"type": "card", "between": ["client", "switch"]}},
        },
        "traffic": {"files": {"demand": "10 MB/s", "paths": [{"side": "A", "via": ["client", "card", "switch"]}]}},
    }
    found = k2rel.load(site, method="exact")
    hidden = 1.0 - np.exp(-1e-5 * (np.arange(100_000) + 0.5) / 100)
    both, one = np.mean((1 - hidden) ** 2), np.mean(2 * hidden * (1 - hidden))
    (files,) = found.delivered
    assert files.delivered_mb_s == pytest.approx(15 * both + 10 * one, rel=2e-5)  # the hour of repair is not in it
    assert found.delivered_fraction == pytest.approx(files.delivered_mb_s / 20, rel=1e-12)
    on_a = {row[0]: (row[-1], loads[0]) for row, loads in zip(found.side_distribution, found.side_loads, strict=True)}
    assert on_a[2] == (pytest.approx(both, rel=3e-5), 20.0)
    assert on_a[1] == (pytest.approx(one, rel=3e-3), 10.0)
