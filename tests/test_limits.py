"""Numbers that are known within limits: how a file and a setting say so, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import k2rel
from k2rel.bundled import site_path
from k2rel.errors import InputError
from k2rel.measures.inputs import inputs_of, study_at
from k2rel.measures.solution import solution_of

COVERAGE = re.compile(r"  coverage:\n    value: 0.95\n    low: 0.85\n    high: 0.99\n")


def level(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """A file of Level 2R with some text changed."""
    text = site_path("L2R").read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return path


def with_coverage(tmp_path: Path, entry: str) -> Path:
    """Level 2R with another entry of the assumption about coverage."""
    old = COVERAGE.search(site_path("L2R").read_text())
    assert old is not None
    return level(tmp_path, (old[0], f"  coverage:\n{entry}"))


def test_an_assumption_carries_its_limits_to_where_its_value_goes() -> None:
    site = k2rel.study("L2R").site
    coverage = site.inputs["coverage"]
    assert (coverage.point, coverage.low, coverage.high, coverage.distribution.family) == (0.95, 0.85, 0.99, "beta")
    assert coverage.distribution.quantile(0.05) == pytest.approx(0.85, abs=1e-6)
    assert coverage.distribution.quantile(0.95) == pytest.approx(0.99, abs=1e-6)
    # hours, as the site has times; limits were written in seconds
    assert site.inputs["switchover_time"].low == pytest.approx(12 / 3600)


def test_a_number_may_have_limits_where_it_stands(tmp_path) -> None:
    """In the file by itself, with a distribution of its own; a draw moves that part and no other."""
    path = level(
        tmp_path,
        ("isl_1: {type: isl,", "isl_1: {type: isl, mttf: {value: 1e6 h, low: 2e5 h, high: 3e6 h}, mttr: 5 h,"),
        ("ftp_link_A: {type: ftp_link, side: A, between: [switch_A, server_A], capacity: =ftp_capacity}",
         "ftp_link_A: {type: ftp_link, side: A, between: [switch_A, server_A], capacity: {value: 50 MB/s, low: 40 MB/s, "
         "high: 60 MB/s, distribution: uniform}}"),
    )  # fmt: skip
    study = k2rel.study(path)
    assert study.site.inputs["components.isl_1.mttf" if False else "links.isl_1.mttf"].kind == "mean life"
    moved, _ = study_at(study, None, {"links.isl_1.mttf": 0.5, "links.ftp_link_A.capacity": 1.1})
    assert moved.law("isl_1").failure_rate_per_h == pytest.approx(2e-6)  # half the life, twice the rate
    assert moved.law("isl_2") == study.law("isl_2")
    assert moved.site.components["ftp_link_A"].capacity_mb_s == pytest.approx(55.0)
    uniform = study.site.inputs["links.ftp_link_A.capacity"].distribution
    assert [float(uniform.quantile(u)) for u in (0.0, 1.0)] == pytest.approx([40.0, 60.0])  # limits are the ends


@pytest.mark.parametrize(
    ("setting", "name", "low"),
    [
        ({"psu.mttf": "250000 h (80000 h to 900000 h)"}, "psu.mttf", 80_000.0),
        ({"assumption.coverage": "0.9 (0.8 to 0.97)"}, "coverage", 0.8),
        ({"toe.capacity": "90 MB/s (70 MB/s to 110 MB/s, uniform)"}, "toe.capacity", 70.0),
        ({"media.demand": "25 MB/s (20 MB/s to 30 MB/s)"}, "media.demand", 20.0),
        ({"switch_A.mttr": "4 h (2 h to 9 h)"}, "switch_A.mttr", 2.0),
    ],
)
def test_a_setting_may_have_limits(setting, name, low) -> None:
    found = inputs_of(solution_of(k2rel.study("L2R", settings=setting)))
    assert found[name].low == pytest.approx(low)


def test_who_gives_a_value_alone_knows_it() -> None:
    """The limits that the registry or the file has go with the value that they were of."""
    study = k2rel.study(
        "L2R", settings={"psu.mttf": "250000 h", "assumption.coverage": "0.9", "toe.capacity": "90 MB/s"}
    )
    found = inputs_of(solution_of(study))
    assert not {"psu.failure_rate", "coverage", "toe_capacity"} & found.keys()
    assert "psu.mttr" in found, "its repair time is still that of the registry"


def test_parts_of_one_entry_are_one_draw_and_that_is_wider() -> None:
    """Two parts in series with the rate of one entry: standard deviation 2 s together, sqrt(2) s apart."""
    together = k2rel.uncertainty("L2R", ["media"], samples=4000, method="exact", frequency=False)
    apart = k2rel.study("L2R", settings={
        f"psu_{name}.failure_rate": "4e-6 /h (1e-6 /h to 1.2e-5 /h)" for name in ("raid_1", "raid_2")
    })  # fmt: skip
    assert {"psu_raid_1.failure_rate", "psu_raid_2.failure_rate"} <= inputs_of(solution_of(apart, "exact")).keys()
    names = ["psu.failure_rate"]
    one = together.factors[names[0]]
    # the supplies of the chassis fail together with (rate x MTTR)^2: its mean over one draw is E[x^2], over two E[x]^2
    assert (one**2).mean() > 1.5 * one.mean() ** 2


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("    value: 0.95\n    low: 0.96\n    high: 0.99\n", "limits from 0.96 to 0.99 do not contain the value 0.95"),
        ("    value: 0.95\n    low: 0.99\n    high: 0.85\n", "low must be below high"),
        ("    value: 0.95\n    low: 0.85\n    high: 1.2\n", "must be at most 1.0, got 1.2"),
        ("    value: 0.95\n    low: 0.85\n    high: 1.0\n", "limits of a probability must be above 0 and below 1"),
        ("    value: 0.95\n    low: 0.85\n", "limits need low and high; high is missing"),
        ("    value: 0.95\n    low: 0.85\n    high: 0.99\n    distribution: lognormal\n", "exceeds 1, and this is a probability"),
        ("    value: 0.95\n    low: 0.85\n    high: 0.99\n    distribution: bell\n", "there is no distribution 'bell'"),
        ("    value: 0.95\n    low: a little\n    high: 0.99\n", "must be a number"),
    ],
)  # fmt: skip
def test_limits_that_cannot_be_are_refused_in_a_sentence_with_their_line(tmp_path, entry, message) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        k2rel.study(with_coverage(tmp_path, entry))
    assert caught.value.problems[0].line
    assert str(caught.value).count("\n") <= 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("media_drives:\n    value: 7", "media_drives:\n    value: 7\n    low: 5\n    high: 9", "has no limits; numbers with limits are"),
        ("control_point_pc:\n    value: not modelled", "control_point_pc:\n    value: 1\n    low: 0.5\n    high: 2",
         "no number of the file is '=control_point_pc'"),
        ("drives: =media_drives", "drives: {value: 7, low: 5, high: 9}", "it has no limits"),
        ("rebuild: =rebuild_time, restore: =data_restore_time, title: metadata",
         "rebuild: {value: 0 h, low: 0 h, high: 2 h}, restore: =data_restore_time, title: metadata", "must be above 0"),
        ("switchover: =switchover_time", "switchover: {value: 45 s, low: 10 s, hihg: 2 min}", "did you mean 'high'"),
    ],
)  # fmt: skip
def test_what_has_no_limits_is_refused(tmp_path, old, new, message) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        k2rel.study(level(tmp_path, (old, new)))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"psu.mttf": "250000 h (300000 h to 900000 h)"}, "do not contain the value"),
        ({"psu.mttf": "250000 h (80000 h to 900000 h, bell)"}, "not 'bell'"),
        ({"client.external": "true (false to true)"}, "has no limits"),
        ({"psu.mttf": "250000 h (x to 900000 h)"}, "x"),
        ({"assumption.coverage": "0.9 (0.95 to 0.99)"}, "do not contain the value"),
        ({"psu.mttr": "4 h (2 h to 9 h, beta)"}, "a beta distribution is for probabilities"),
    ],
)
def test_settings_with_limits_that_cannot_be_are_refused(setting, message) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        k2rel.study("L2R", settings=setting)


def test_operators_have_limits_of_their_own() -> None:
    study = k2rel.study("L2R")
    default = inputs_of(solution_of(study))["manual_takeover_h"]
    assert (default.point, default.low, default.high) == (1.0, 0.25, 4.0)
    given = k2rel.Organisation(manual_takeover_h=0.5, limits=(("manual_takeover_h", 0.2, 1.0),))
    found = inputs_of(solution_of(study, organisation=given))
    assert found["manual_takeover_h"].high == 1.0
    assert "return_to_service_h" not in found
    known = k2rel.Organisation(manual_takeover_h=0.5)
    assert "manual_takeover_h" not in inputs_of(solution_of(study, organisation=known)), "who gives it knows it"
    for limits, message in (
        ((("manual_takeover_h", 2.0, 3.0),), "around its value of 1 h"),
        ((("crews", 1.0, 3.0),), "'crews' is not a time that can be set"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            k2rel.Organisation(limits=limits)


def test_a_failure_rate_that_is_said_twice_is_refused(tmp_path) -> None:
    twice = ("isl_1: {type: isl,", "isl_1: {type: isl, mttf: 1000 h, unavailability: 0.5, mttr: 5 h,")
    with pytest.raises(InputError, match="beside mttf; give one of them"):
        k2rel.study(level(tmp_path, twice))
