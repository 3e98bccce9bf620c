"""Planned work: what it costs against matrix exponentials written apart, in which order, and what cannot be asked."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.linalg import expm

import k2rel
from k2rel.cli import main
from k2rel.errors import InputError
from tests.test_risk import pair

LAWS = {"a1": (5e-5, 10.0), "a2": (2e-4, 10.0), "b1": (5e-5, 2.0), "b2": (1e-4, 20.0)}


def spent(failed, hours, rates, held=()):
    """Mean downtime of two parallel pairs in series within some hours [min], and the distribution after them.

    Parts that are held are out, and nobody repairs them.
    """
    names = list(LAWS)
    q, n = np.zeros((17, 17)), 16
    for state in range(n):
        gone = {name for k, name in enumerate(names) if state >> k & 1}
        for k, name in enumerate(names):
            if name not in held:
                q[state, state ^ (1 << k)] = 1 / LAWS[name][1] if name in gone else LAWS[name][0]
        q[state, 16] = float({"a1", "a2"} <= gone or {"b1", "b2"} <= gone)
    q[:n, :n] -= np.diag(q[:n, :n].sum(axis=1))
    moved = failed @ expm(q * hours)[:n]
    return 60 * moved[16], moved[:16]


@pytest.mark.parametrize(("hours", "not_back"), [(3.0, 0.0), (8.0, 0.1)])
def test_a_work_costs_what_is_lost_while_the_part_is_out_and_after_it(tmp_path, hours, not_back) -> None:
    path = pair(tmp_path, **LAWS)
    found = k2rel.maintenance(path, k2rel.Work("a1", hours), not_back=not_back, method="markov").works[0]
    new = np.eye(16)[0]
    meanwhile, after = spent(np.eye(16)[1], hours, LAWS, held=["a1"])
    back = np.zeros(16)
    for state, p in enumerate(after):
        back[state & ~1] += p
    rest, _ = spent(back, 24.0, LAWS)
    worse, _ = spent(after, 24.0, LAWS)
    usual, _ = spent(new, hours + 24.0, LAWS)
    wanted = meanwhile + (1 - not_back) * rest + not_back * worse - usual
    assert found.excess_min == pytest.approx(wanted, rel=1e-3)
    assert found.not_back_min == pytest.approx(not_back * (worse - rest), rel=1e-3, abs=1e-12)
    assert found.own_min == 0.0
    assert found.p_failure == pytest.approx(1 - math.exp(-hours * LAWS["a2"][0]), rel=1e-2)


def test_what_stands_in_the_active_way_costs_a_takeover_that_may_fail() -> None:
    """Switchover, and one takeover in so many that waits an hour for a person; by the entries of the site file."""
    role = k2rel.study("L2R").site.roles["file_system"]
    found = k2rel.maintenance("L2R", [k2rel.Work("server_A", 1.0), k2rel.Work("server_B", 1.0)])
    active, standby = found.works
    assert active.own_min == pytest.approx(
        60 * (role.coverage * role.switchover_h + (1 - role.coverage) * 1.0), rel=0.01
    )
    assert standby.own_min == pytest.approx(0.0, abs=1e-9)
    assert active.by_hand_min == pytest.approx(60 * role.switchover_h, rel=0.05)
    assert active.risk_min == pytest.approx(standby.risk_min, rel=0.02)
    assert active.down_meanwhile == ("ftp",), "on-line FTP has no failover"


def test_firmware_of_both_sides_begins_with_the_side_that_stands_by() -> None:
    found = k2rel.maintenance("L2R", [k2rel.Work("server_A", 0.5), k2rel.Work("server_B", 0.5)])
    assert found.orders[0].parts == ("server_B", "server_A")
    assert [each.takeovers for each in found.orders] == [1, 2]
    assert found.orders[1].excess_min == pytest.approx(2 * found.orders[0].excess_min, rel=0.05)
    (both,) = found.pairs
    assert not both.may
    assert "media" in both.both.down_meanwhile


def test_two_works_on_one_side_may_be_done_together() -> None:
    (both,) = k2rel.maintenance("L2R", [k2rel.Work("server_A", 1.0), k2rel.Work("switch_A", 1.0)]).pairs
    assert both.may, "one takeover, as in the better order of the two"
    assert both.both.excess_min == pytest.approx(both.apart_min, rel=0.05)


def test_a_year_of_works_follows_the_best_order() -> None:
    works = [k2rel.Work(part, 0.5, every_h=4320.0) for part in ("server_A", "server_B", "switch_A")]
    found = k2rel.maintenance("L2R", works)
    total = sum(each.adds_min_per_year for each in found.worth)
    assert total == pytest.approx(8760 / 4320 * found.orders[0].excess_min)


def test_a_year_adds_so_many_times_what_one_costs() -> None:
    found = k2rel.maintenance("L2R", k2rel.Work("switch_B", 2.0, every_h=4380.0))
    (year,) = found.worth
    assert year.per_year == 2.0
    assert year.adds_min_per_year == pytest.approx(2 * found.works[0].excess_min)
    # what failures of a part cause is what goes when it never fails
    without = k2rel.study("L2R", settings={"switch_B.failure_rate": "1e-15 /h"})
    change = (
        k2rel.availability("L2R")["media"].downtime_min_per_year
        - k2rel.availability(without)["media"].downtime_min_per_year
    )
    assert year.caused_min_per_year == pytest.approx(change, rel=0.02)


def test_a_work_that_finds_hidden_faults_saves_what_tests_so_often_save() -> None:
    work = k2rel.Work("heartbeat", 0.1, every_h=168.0)
    (year,) = k2rel.maintenance("L2R", work).worth
    weekly = k2rel.study("L2R", settings={"heartbeat.test_interval": "168 h"})
    before, after = (k2rel.availability(each)["media"].downtime_min_per_year for each in ("L2R", weekly))
    assert year.saved_min_per_year == pytest.approx(before - after)
    assert year.saved_by == "hidden faults are found"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"works": []}, "works: 1 to 5"),
        ({"works": k2rel.Work("switchA", 1.0)}, "did you mean 'switch_A'"),
        ({"works": k2rel.Work("switch_A", 0.0)}, "more than 0"),
        ({"works": k2rel.Work("switch_A", math.nan)}, "more than 0"),
        ({"works": k2rel.Work("switch_A", 1e9)}, "at most 720 h"),
        ({"works": [k2rel.Work("switch_A", 1.0)] * 2}, "named twice"),
        ({"works": k2rel.Work("switch_A", 2.0, 1.0)}, "shorter interval than"),
        ({"works": k2rel.Work("switch_A", 7.0), "within_h": 6.0}, "does not fit into a window of 6 h"),
        ({"works": k2rel.Work("switch_A", 1.0), "not_back": 1.5}, "a probability"),
        ({"works": k2rel.Work("client_1_media_A", 1.0)}, "a client's own part"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said_in_a_sentence(given, message) -> None:
    with pytest.raises(InputError) as error:
        k2rel.maintenance("L2R", **given)
    assert message in str(error.value)


def test_the_command_says_it_as_a_table_and_as_json(capsys) -> None:
    words = [
        "maintenance",
        "L2R",
        "--part",
        "switch_B",
        "--for",
        "2 h",
        "--every",
        "180 days",
        "--within",
        "00:00-06:00",
    ]
    assert main(words) == 0
    assert "Planned work of a year" in capsys.readouterr().out
    assert main([*words, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["within_h"] == 6.0
    assert found["works"][0]["parts"] == ["switch_B"]
    assert found["plan"][0]["works_per_year"] == pytest.approx(8760 / 4320)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--within", "night"], "hours of the day"),
        (["--within", "25:00-26:00"], "no such time of the day"),
        (["--within", "01:00-02:00"], "does not fit"),
        (["--for", "1 h", "--for", "2 h"], "once for all parts, or once for each"),
        (["--for", "long"], "--for"),
    ],
)
def test_options_that_cannot_be_read_are_named(more, message, capsys) -> None:
    lasts = [] if more[:1] == ["--for"] else ["--for", "2 h"]
    assert main(["maintenance", "L2R", "--part", "switch_A", *lasts, *more]) == 2
    assert message in capsys.readouterr().err
