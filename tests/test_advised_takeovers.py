"""Drills and the like as changes: what each removes is the difference of two files, and what it costs is said."""

from pathlib import Path

import pytest

import k2rel
from k2rel.design.advice import advise
from k2rel.design.candidates import candidate_changes
from k2rel.design.changes import Change, Design, changed, minutes_of
from k2rel.design.costs import Costs
from k2rel.errors import InputError
from k2rel.markov.engine import solved
from k2rel.organisation import Organisation
from k2rel.sweep import read_sweep
from k2rel.sweep.run import compute

PAIR = """
format: 2
name: pair
title: pair
sides: {A: {}, B: {}}
types:
  client: {failure_rate: 0, mttr: 1 h, source: test}
components:
  hub: {type: client}
  wire: {type: wire, in: hub, mttf: 200000 h, mttr: 4 h, source: test}
  a: {type: box, side: A, in: hub, mttf: 30000 h, mttr: 7 h, source: test}
  b: {type: box, side: B, in: hub, mttf: 50000 h, mttr: 5 h, source: test}
units:
  ua: {server: a, heartbeat: wire, triggers: [a]}
  ub: {server: b, heartbeat: wire, triggers: [b]}
roles:
  master:
    switchover: 1 min
    coverage: 0.95
    READINESS
    holders: [{side: A, on: a, units: [ua], needs: [a]}, {side: B, on: b, units: [ub], needs: [b]}]
clients: {count: 1, parts: {client: {type: client}, port: {type: client, between: [client, hub]}}}
traffic:
  media:
    requires: [master]
    prefer: role master
    paths: [{side: A, via: [client, port, hub, a]}, {side: B, via: [client, port, hub, b]}]
"""
QUARTER = "assumptions: {quarter: {value: 90 d, evidence: CHOSEN, reason: test}}\n"
TIGHT = Organisation(tolerance=1e-12)


@pytest.fixture
def pair(tmp_path):
    def made(readiness: str):
        path = tmp_path / "pair.yaml"
        path.write_text(PAIR.replace("READINESS", readiness))
        return k2rel.study(path)

    return made


def kinds(study, **more) -> dict[str, Change]:
    return {change.kind: change for change in candidate_changes(study, **more)}


def minutes(study) -> float:
    return minutes_of(Design(study, TIGHT), "media")


def unready(study) -> float:
    """Share of the time in which a takeover would fail."""
    states = solved(study, TIGHT).states
    assert states.takeover is not None
    bit = states.takeover.digits[states.control][:, states.takeover.drift_column("master")]
    return float(states.solution.probability[bit == 1].sum())


def test_a_drill_every_quarter_removes_the_difference_of_two_files(pair) -> None:
    without = pair("readiness: {drift: 0.1 per year, takes: 1 s}")
    drill = kinds(without)["drill"]
    assert drill.title == "takeovers of master drilled every 90 days (0.0676 min a year of planned interruptions)"
    gain = minutes(without) - minutes(changed(Design(without, TIGHT), [drill]).study)
    drilled = pair("readiness: {drift: 0.1 per year, takes: 1 s, drill: 90 d}")
    assert gain == minutes(without) - minutes(drilled)
    assert gain > 0
    by_hand = k2rel.study(drilled.site.file, settings={"master.drill": "90 d"})
    assert minutes(by_hand) == minutes(drilled)
    table = advise(without, pairs=False, organisation=TIGHT).table()
    assert table.loc[drill.title, "removed_min_per_year"] == pytest.approx(gain, rel=1e-9)


def test_an_unready_takeover_is_so_for_half_an_interval_on_average(pair) -> None:
    """To first order lambda * T / 2; here the share that is left to the second, lambda / (lambda + 2 / T)."""
    rate, interval = 0.02 / 8760, 90 * 24.0
    found = unready(pair("readiness: {drift: 0.02 per year, drill: 90 d}"))
    assert found == pytest.approx(rate * interval / 2, rel=0.03)  # a loss of a box finds it too, once in 4 years or so
    assert unready(pair("readiness: {drift: 0.02 per year, drill: 30 d}")) == pytest.approx(found / 3, rel=0.03)


def test_what_no_drill_finds_is_found_by_the_takeover_that_fails(pair) -> None:
    """Without drills only the loss of the holder finds it: rate against rate, with a bound as elsewhere."""
    study = pair("readiness: {drift: 0.5 per year}")
    drift = 0.5 / 8760
    at_a, at_b = drift / (drift + 1 / 30000), drift / (drift + 1 / 50000)
    assert at_a < unready(study) < at_b
    bound = k2rel.availability(study).provenance.error_bound
    assert bound is not None
    assert bound < 1e-8
    assert minutes(study) > 5 * minutes(pair("readiness: {drift: 0.5 per year, drill: 1 d}"))


@pytest.mark.parametrize(
    "readiness", ["", "readiness: {drift: 0}", "readiness: {drift: 1 per year, drill: 30 d, takes: 1 s}"]
)
def test_no_drill_is_offered_where_nothing_drifts_or_drills_are_as_frequent(pair, readiness) -> None:
    assert "drill" not in kinds(pair(readiness))
    assert "drill" not in kinds(k2rel.study("L2R"))


def test_ideal_takeovers_need_no_drill(pair) -> None:
    assert "drill" not in kinds(pair("readiness: {drift: 1 per year}"), method="exact")


def test_a_drill_that_costs_more_than_it_saves_says_so(pair) -> None:
    found = advise(pair("readiness: {drift: 0.1 per year, takes: 10 min}"), pairs=False)
    title = "takeovers of master drilled every 90 days (40.6 min a year of planned interruptions)"
    assert found.table()["removed_min_per_year"][title] < -30
    assert (
        "Takeovers of master drilled every 90 days (40.6 min a year of planned interruptions) would add"
        in found.words()
    )
    assert "they interrupt for longer than they save" in found.words()


def test_drills_have_a_price_and_a_place_on_the_front(pair) -> None:
    costs = Costs({("drill", "master"): 500.0, ("duplicate", "box"): 90_000.0})
    study = pair("readiness: {drift: 0.5 per year, takes: 1 s}")
    found = advise(study, pairs=False, costs=costs)
    drill = kinds(study)["drill"]
    assert found.table().loc[drill.title, "cost"] == 500.0
    assert found.front is not None
    assert drill.title in {title for titles, _, _ in found.front.sets for title in titles}
    # one that makes things worse is no point of the front, and does not widen its gap
    worse = advise(pair("readiness: {drift: 0.1 per year, takes: 10 min}"), pairs=False, costs=costs)
    assert worse.front is not None
    assert not [title for titles, _, _ in worse.front.sets for title in titles if "drilled" in title]
    assert worse.front.gap_min_per_year < 0.1


def test_other_changes_of_takeovers_are_settings_by_hand(pair) -> None:
    keys = (
        "detection: 30 s\n    failback: automatic\n    giveback: 40 s\n"
        "    failed_takeover: {operator_coverage: 0.9, restoration: 8 h}"
    )
    study = pair(keys)
    offered = kinds(study)
    for kind, by_hand in {
        "detection": {"master.detection": "15 s"},
        "giveback": {"master.giveback": "20 s"},
        "retry": {"master.retry_after": "2 min", "master.retry_coverage": "0.5"},
    }.items():
        made = minutes(changed(Design(study, TIGHT), [offered[kind]]).study)
        assert made == pytest.approx(minutes(k2rel.study(study.site.file, settings=by_hand)), rel=1e-12)
        assert made < minutes(study)
    assert not {"detection", "giveback", "retry"} & kinds(pair("")).keys()
    with pytest.raises(InputError, match=r"has no role 'mastr' that can move; did you mean 'master'"):
        changed(Design(study), [Change("", "drill", "mastr")])


def test_takeovers_are_swept_by_settings_and_by_assumptions(pair) -> None:
    """Detection by hand, drills by the assumption that the file takes them from; each point is its own solution."""
    path = Path(pair("").site.file)
    drilled = PAIR.replace("READINESS", "readiness: {drift: 1 per year, drill: =quarter}")
    path.write_text(drilled + QUARTER)
    spec = path.with_name("sweep.yaml")
    spec.write_text("levels: [pair.yaml]\nset: {master.detection: [5 s, 10 min], assumption.quarter: [30 d, 180 d]}\n")
    found = [compute(point)["downtime_min_per_year"] for point in read_sweep(spec).points]
    by_hand = [
        k2rel.availability(k2rel.study(path, settings={"master.detection": detection, "assumption.quarter": every}))
        for detection in ("5 s", "10 min")
        for every in ("30 d", "180 d")
    ]
    assert found == [one["media"].downtime_min_per_year for one in by_hand]
    assert len(set(found)) == 4
