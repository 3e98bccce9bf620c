"""What is told of takeovers as they happen: what roles do while a service is down, counts, steps, rules in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

import k2rel
from tests.test_takeover_chain import by_hand
from tests.test_takeovers_in_simulation import YEAR_H, a_role, failing, site

MINUTES = 60 * YEAR_H
RING, LAW_A = (1 / 300, 1 / 6), (1 / 400, 1 / 9)
DOINGS = ("takeover_in_progress", "failed_takeover", "split_brain", "planned_move", "loss_not_detected", "no_backup",
          "no_takeover_helps")  # fmt: skip
NEVER = {"failback": "manual", "switchover": "0 s"}


def on_servers(folder, needs: list[Any], parts: dict[str, Any], **rules: Any) -> k2rel.Study:
    """A role on two servers, with what a takeover from each needs."""
    role = a_role(**rules)
    for holder, name in zip(role["master"]["holders"], "ab", strict=True):
        holder |= {"on": name, "units": [f"unit_{name}"]}
    units = {f"unit_{name}": {"server": name, "triggers": [name], "takeover_needs": needs} for name in "ab"}
    path = {"side": "B", "via": ["seat", "cord", "hub", "port", "b"]}
    return site(folder, role, units, parts, traffic={"media": {"requires": ["master"], "paths": [path]}})


def lost_while(study: k2rel.Study) -> dict[str, float]:
    """Minutes a year in which the role is not there, by what roles are doing; the same for every part and mode."""
    for by in ("part", "mode"):
        columns = k2rel.downtime_split(study, "master", by=by).columns
        assert [name for name in DOINGS if f"{name}_min_per_year" in columns] == [
            name.removesuffix("_min_per_year") for name in columns if name != "downtime_min_per_year"
        ]
    table = k2rel.downtime_causes(study, service="master", method="markov")
    whole = k2rel.availability(study, method="markov")["master"].downtime_min_per_year
    assert table["downtime_min_per_year"].sum() == pytest.approx(whole, rel=1e-9)
    return {str(doing): float(minutes) for doing, minutes in table["downtime_min_per_year"].items()}


def test_a_split_and_its_mending_are_a_kind_of_their_own(tmp_path) -> None:
    """The heartbeat is lost, both sides are active, then that is mended, and data restored in two of five cases."""
    split = {"mend": "2 h", "restore_probability": 0.4, "restore": "30 h"}
    study = on_servers(tmp_path, [{"heartbeat": "ring", "missing": "anyway"}], {"ring": failing(RING)},
                       **NEVER, unable_backup="waits", split_brain=split)  # fmt: skip
    lost, back = RING
    shares = by_hand({
        ("good", "split"): lost, ("split", "mending"): back,
        ("mending", "good"): 0.6 / 2, ("mending", "data"): 0.4 / 2, ("data", "good"): 1 / 30,
        ("mending", "silent mending"): lost, ("silent mending", "mending"): back,
        ("silent mending", "split"): 0.6 / 2, ("silent mending", "silent data"): 0.4 / 2,
        ("data", "silent data"): lost, ("silent data", "data"): back, ("silent data", "split"): 1 / 30,
    })  # fmt: skip
    down = 1 - shares["good"]
    found = lost_while(study)
    assert found["split brain, or its restoration"] == pytest.approx(down * MINUTES, rel=1e-6)
    assert sum(found.values()) == pytest.approx(down * MINUTES, rel=1e-6)
    counts = {row["what"]: row for row in k2rel.interruptions(study, method="markov").attrs["takeover_counts"]}
    splits = lost * shares["good"] + 0.6 / 2 * shares["silent mending"] + shares["silent data"] / 30
    both = counts["split brains, until they are resolved"]
    assert (both["events_per_year"], both["downtime_min_per_year"]) == pytest.approx(
        (splits * YEAR_H, down * MINUTES), rel=1e-6
    )
    data = counts["data restores after split brains"]
    restored = shares["data"] + shares["silent data"]
    assert data["events_per_year"] == pytest.approx(
        0.2 * (shares["mending"] + shares["silent mending"]) * YEAR_H, rel=1e-6
    )
    assert data["downtime_min_per_year"] == pytest.approx(restored * MINUTES, rel=1e-6)
    assert f"Split brain, or its restoration: {down * MINUTES:.3g} min/year" in k2rel.why_they_differ(study)


def test_a_loss_that_is_not_detected_yet_is_a_kind_of_its_own(tmp_path) -> None:
    """The server fails, half an hour later the role moves; it never comes back, so the other one is needed to move."""
    study = on_servers(tmp_path, [], {"a": failing(LAW_A, side="A")}, switchover="0 s", failback="automatic",
                       detection="30 min")  # fmt: skip
    fail, mend = LAW_A
    shares = by_hand({("good", "unseen"): fail, ("unseen", "good"): mend, ("unseen", "moved"): 2.0,
                      ("moved", "good"): mend})  # fmt: skip
    found = lost_while(study)
    assert found["failure not yet detected"] == pytest.approx(shares["unseen"] * MINUTES, rel=1e-6)
    assert found["server out of service"] == pytest.approx(0.0, abs=1e-6)


def test_planned_moves_are_a_kind_of_their_own(tmp_path) -> None:
    rules = {"drift": "0.002 /h", "drill": "50 h", "takes": "15 min"}
    study = site(tmp_path, a_role(**NEVER, readiness=rules, spurious="0.005 /h"))
    # held and ready, held and unready, in a drill; an unready takeover fails, and an operator ends that in an hour
    shares = by_hand({
        ("ready", "unready"): 0.002, ("ready", "drill"): 1 / 50, ("unready", "drill"): 1 / 50,
        ("unready", "ready"): 1 / 50, ("drill", "ready"): 4.0,
        ("unready", "stranded"): 0.005, ("stranded", "ready"): 1.0,
        ("drill", "unready drill"): 0.002, ("unready drill", "unready"): 4.0,
        ("stranded", "unready stranded"): 0.002, ("unready stranded", "unready"): 1.0,
    })  # fmt: skip
    found = lost_while(study)
    drill, stranded = (shares[n] + shares[f"unready {n}"] for n in ("drill", "stranded"))
    assert found["failback or drill"] == pytest.approx(drill * MINUTES, rel=1e-6)
    assert found["failed takeover"] == pytest.approx(stranded * MINUTES, rel=1e-6)


def test_sites_without_such_rules_have_no_such_kinds() -> None:
    study = k2rel.study("L2R")
    assert len(k2rel.downtime_causes(study)) == 4
    assert len(k2rel.downtime_split(study, by="mode").columns) == 5
    assert k2rel.interruptions(study).attrs["takeover_counts"] == []


def test_the_command_line_counts_them(tmp_path, capsys) -> None:
    from k2rel.cli import main

    site(tmp_path, a_role(**NEVER, spurious="0.01 /h", failed_takeover={"retry_after": "1 h", "retry_coverage": 0.5},
                          coverage=0.5))  # fmt: skip
    path = str(tmp_path / "pair.yaml")
    assert main(["interruptions", path]) == 0
    words = capsys.readouterr().out
    assert "Takeovers and related events" in words
    assert main(["interruptions", path, "--format", "json"]) == 0
    told = {row["what"]: row["events_per_year"] for row in json.loads(capsys.readouterr().out)["takeover_counts"]}
    # half of the takeovers fail, for an hour, half of these are followed by another hour
    held = 1 / (1 + 0.005 * (1 + 0.5))
    assert told["spurious takeovers"] == pytest.approx(0.01 * held * YEAR_H, rel=1e-6)
    assert told["failed takeovers"] == pytest.approx(0.005 * held * YEAR_H, rel=1e-6)
    assert told["failed takeovers whose retry succeeded"] == pytest.approx(0.0025 * held * YEAR_H, rel=1e-6)


STEPS = {
    "switchover": "5 min", "coverage": 0.8, "failback": "automatic after 4 h", "giveback": "2 min", "detection": "3 min",
    "failed_takeover": {"retry_after": "10 min", "retry_coverage": 0.5, "operator_coverage": 0.6, "restoration": "8 h"},
    "unable_backup": "waits", "split_brain": {"mend": "2 h", "restore_probability": 0.4, "restore": "12 h"},
}  # fmt: skip
FENCED = [{"heartbeat": "ring", "missing": "anyway"},
          {"fence": "fence", "missing": "anyway", "coverage": 0.9, "time": "1 min"}]  # fmt: skip


@pytest.fixture
def fenced(tmp_path):
    parts = {"a": failing(LAW_A, side="A"), "ring": failing(RING), "fence": failing(RING)}
    return on_servers(tmp_path, FENCED, parts, **STEPS)


def test_steps_of_a_takeover_have_their_times_and_probabilities(fenced) -> None:
    steps = {step.title: step.words for step in k2rel.takeover_steps(fenced, ["a"])}
    said = {
        "before": "every service is up", "detection": "until the standby detects it and starts the takeover, 3 min",
        "fence": "stopped for 1 min on average; it succeeds with probability 0.9",
        "switchover": "for 5 min on average; it succeeds with probability 0.8", "after": "until the repair, 9 h",
        "repaired": "until it returns to its first holder, 4 h on average", "giveback": "for 2 min on average",
        "back in service": "each role at its first holder again",
        "if it fails: another attempt": "with probability 0.28; another attempt is made after 10 min on average, which "
        "succeeds with probability 0.5",
        "if that fails: operator": "operator action after 1 h on average, which succeeds with probability 0.6",
        "if that fails: restoration": "it is restored after 8 h on average",
    }  # fmt: skip
    assert list(steps) == list(said)
    assert all(words in steps[title] for title, words in said.items()), steps


def test_steps_of_a_split_end_with_its_data(fenced) -> None:
    steps = {step.title: step for step in k2rel.takeover_steps(fenced, ["ring", "fence"])}
    assert list(steps)[:6] == ["before", "detection", "split brain", "repaired", "data restored", "back in service"]
    assert not steps["split brain"].outcome.services["master"]
    assert "master at A and B at once" in steps["split brain"].words
    assert "until the split brain is resolved, 2 h on average; then, with probability 0.4" in steps["repaired"].words
    assert "for 12 h on average" in steps["data restored"].words


def test_a_server_that_is_fenced_with_its_backup_goes_on(fenced) -> None:
    """The heartbeat is lost: the holder stops its backup, and no role moves."""
    steps = {step.title: step for step in k2rel.takeover_steps(fenced, ["ring"])}
    assert list(steps) == ["before", "failed", "repaired"]
    assert "b out of service" in steps["failed"].words


def rules_of(study: k2rel.Study) -> dict[str, str]:
    rows = k2rel.assumptions(study)[["assumption", "value"]].itertuples(index=False, name=None)
    return {name.removeprefix("rule: "): value for name, value in rows if name.startswith("rule: ")}


def test_rules_in_words_are_those_of_the_site(tmp_path, fenced) -> None:
    rules = rules_of(fenced)
    assert rules["detection"] == "a failure is detected after 3 min, on average"
    assert rules["loss of a heartbeat alone"] == "is treated as a failure of the holder (missing: anyway)"
    assert "retried once after 10 min" in rules["failed takeover"]
    assert "restores the role with probability 0.6, else it is restored after 8 h" in rules["failed takeover"]
    assert "the role returns to its first holder after 4 h, which takes 2 min" in rules["planned moves"]
    assert "resolving it takes 2 h, with probability 0.4 data are restored in 12 h" in rules["split brain"]
    assert rules["coverage"].endswith("multiplied by that of each fence that acts")
    usual = rules_of(k2rel.study("L2R"))
    assert usual["detection"] == "a failure is detected at once"
    assert {"split brain", "partition", "readiness", "suspension"}.isdisjoint(usual)


def test_a_site_that_only_suspends_ports_says_so(tmp_path) -> None:
    study = site(tmp_path, parts={"peer": failing(RING)},
                 suspends={"port": {"lost": ["peer"], "works": ["a"], "auto_recovery": "4 min"}})  # fmt: skip
    assert "port: recovers by itself after 4 min" in rules_of(study)["suspension"]
