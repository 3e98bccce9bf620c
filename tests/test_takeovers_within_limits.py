"""Every number of a takeover moves what it should: slopes, draws, intervals, the words for it; settings reach it."""

from dataclasses import replace

import numpy as np
import pytest

import k2rel
from k2rel.markov.engine import solved
from k2rel.markov.gradient import slopes_of
from k2rel.markov.sampled import SampledChain
from k2rel.measures.inputs import about, inputs_of, study_at
from k2rel.measures.solution import solution_of
from k2rel.organisation import Organisation
from k2rel.policy.terms import Given
from k2rel.services.diagrams import services_of
from k2rel.studies import with_site

RULES = """
format: 2
name: rules
title: rules
sides: {A: {}, B: {}}
types:
  client: {failure_rate: 0, mttr: 1 h, source: test}
components:
  hub: {type: client}
  wire: {type: wire, in: hub, mttf: 90 h, mttr: 20 h, source: test}
  fence_a: {type: fence, in: hub, mttf: 200 h, mttr: 20 h, source: test}
  a: {type: box, side: A, in: hub, mttf: 300 h, mttr: 7 h, source: test}
  app_a: {type: app, side: A, in: a, mttf: 200 h, mttr: 2 h, source: test}
  b: {type: box, side: B, in: hub, mttf: 500 h, mttr: 5 h, source: test}
  leaf: {type: client, in: hub}
links:
  to_a: {type: client, between: [leaf, a]}
  to_b: {type: client, between: [leaf, b]}
units:
  ua:
    server: a
    triggers: [a, app_a]
    takeover_needs:
      - {heartbeat: wire, missing: anyway}
      - fence: fence_a
        missing: anyway
        coverage: {value: 0.9, low: 0.7, high: 0.97}
        time: {value: 20 min, low: 10 min, high: 60 min}
  ub: {server: b, triggers: [b], heartbeat: wire}
roles:
  master:
    coverage: {default: {value: 0.8, low: 0.6, high: 0.95}, app: {value: 0.7, low: 0.5, high: 0.9}}
    switchover: {value: 30 min, low: 10 min, high: 1 h}
    detection: {default: {value: 12 min, low: 5 min, high: 30 min}, app: {value: 1 h, low: 30 min, high: 3 h}}
    failback: automatic after 5 h
    giveback: {value: 15 min, low: 5 min, high: 30 min}
    spurious: {value: 20 per year, low: 10 per year, high: 60 per year}
    failed_takeover:
      retry_after: {value: 40 min, low: 20 min, high: 90 min}
      retry_coverage: {value: 0.6, low: 0.4, high: 0.8}
      operator_coverage: {value: 0.75, low: 0.5, high: 0.9}
      restoration: {value: 8 h, low: 4 h, high: 16 h}
    readiness:
      drift: {value: 6 per year, low: 3 per year, high: 12 per year}
      drill: {value: 30 d, low: 10 d, high: 60 d}
      takes: {value: 45 min, low: 20 min, high: 2 h}
    split_brain:
      serves: former
      mend: {value: 2 h, low: 1 h, high: 5 h}
      restore_probability: {value: 0.3, low: 0.1, high: 0.5}
      restore: {value: 24 h, low: 12 h, high: 48 h}
    holders:
      - {side: A, on: a, units: [ua], needs: [app_a]}
      - {side: B, on: b, units: [ub], needs: [b]}
suspends:
  leaf: {lost: [fence_a], works: [wire], auto_recovery: {value: 3 h, low: 1 h, high: 8 h}}
clients: {count: 1, parts: {client: {type: client}, port: {type: client, between: [client, hub]}}}
traffic:
  media:
    requires: [master]
    prefer: role master
    paths: [{side: A, via: [client, port, hub, leaf, to_a, a]}, {side: B, via: [client, port, hub, leaf, to_b, b]}]
"""
TIGHT = Organisation(tolerance=1e-8)
OF_MASTER = {  # input by its place in the file: what the rates are made of
    "coverage.default": "coverage", "coverage.app": "coverage[app]", "switchover": "switchover_h",
    "detection.default": "detection_h", "detection.app": "detection_h[app]", "giveback": "giveback_h",
    "spurious": "spurious_per_h", "failed_takeover.retry_after": "retry_after_h",
    "failed_takeover.retry_coverage": "retry_coverage", "failed_takeover.operator_coverage": "operator_coverage",
    "failed_takeover.restoration": "restoration_h", "readiness.drift": "drift_per_h",
    "readiness.drill": "drill_every_h", "readiness.takes": "drill_h", "split_brain.mend": "split_mend_h",
    "split_brain.restore_probability": "split_restore_share", "split_brain.restore": "split_restore_h",
}  # fmt: skip
INPUTS = {f"roles.master.{place}": Given(field, "master") for place, field in OF_MASTER.items()} | {
    "units.ua.takeover_needs.1.coverage": Given("coverage", unit="ua", need=1),
    "units.ua.takeover_needs.1.time": Given("time_h", unit="ua", need=1),
    "suspends.leaf.auto_recovery": Given("auto_recovery_h", part="leaf"),
    "manual_takeover_h": Given("manual_takeover_h"),
    "return_to_service_h": Given("return_h"),
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES)
    return k2rel.study(path)


@pytest.fixture(scope="module")
def dynamics(study):
    return solved(study, TIGHT)


def media_of(found):
    return next(service for service in services_of(found.policy) if service.name == "media")


def drawn(dynamics, factors, draws) -> np.ndarray:
    media = media_of(dynamics)
    (modes,) = SampledChain(dynamics).modes([media.diagram], factors, draws, flows=False)
    return np.asarray(dynamics.unavailability_given_mode(media) @ modes.probability)


def drawn_exactly(dynamics, factors, draws) -> np.ndarray:
    down = dynamics.unavailability_given_mode(media_of(dynamics))[dynamics.modes(media_of(dynamics).diagram)]
    return np.array([probability @ down for _, probability in SampledChain(dynamics).chains(factors, draws)])


def test_a_draw_of_all_numbers_together_is_the_study_with_these_numbers(study, dynamics) -> None:
    """Whatever times change places: the loss of the program may be seen before that of the box, and after it."""
    inputs = inputs_of(solution_of(study, "markov", TIGHT))
    assert inputs.keys() == INPUTS.keys()
    rng = np.random.default_rng(21)
    factors = {name: item.factors(rng.uniform(0.02, 0.98, 4)) for name, item in inputs.items()}
    factors["roles.master.detection.app"][0] = 0.1  # 6 min
    factors["roles.master.coverage.app"][1] = 1.4  # 0.98
    found, exactly = drawn(dynamics, factors, 4), drawn_exactly(dynamics, factors, 4)
    for k in range(4):
        made, organisation = study_at(study, TIGHT, {name: values[k] for name, values in factors.items()})
        alone = solved(made, organisation)
        assert exactly[k] == pytest.approx(alone.unavailability(media_of(alone)), rel=1e-9)
        assert found[k] == pytest.approx(exactly[k], rel=2e-6)  # by sweeps that leave 1e-7
    assert found.max() > 1.05 * found.min()


def test_the_slope_by_every_number_is_the_difference_of_two_draws(dynamics) -> None:
    (slopes,) = slopes_of(dynamics, [media_of(dynamics)])
    assert slopes.assumed.keys() == {*INPUTS.values(), Given("failback_after_h", "master")}
    step = 1e-3
    signs = np.array([sign for _ in INPUTS for sign in (1, -1)])
    factors = {name: 1.0 + step * signs * (np.arange(len(signs)) // 2 == k) for k, name in enumerate(INPUTS)}
    ends = drawn_exactly(dynamics, factors, len(signs)).reshape(-1, 2)
    assert dynamics.states.takeover is not None
    for (name, given), (more, less) in zip(INPUTS.items(), ends.tolist(), strict=True):
        value = dynamics.states.takeover.value(given)
        assert slopes.assumed[given] * value == pytest.approx((more - less) / (2 * step), rel=1e-5, abs=1e-10), name
        # of the shortest and longest times one decides; each number here does in some state
        assert abs(more - less) > 1e-9, name


def test_the_slope_by_the_delay_of_failback_is_the_difference_of_two_solutions(study, dynamics) -> None:
    (slopes,) = slopes_of(dynamics, [media_of(dynamics)])
    ends = []
    for hours in (5.05, 4.95):
        role = replace(study.site.roles["master"], failback_after_h=hours)
        other = solved(with_site(study, replace(study.site, roles={"master": role})), TIGHT)
        ends.append(other.unavailability(media_of(other)))
    by = slopes.assumed[Given("failback_after_h", "master")]
    assert by == pytest.approx((ends[0] - ends[1]) / 0.1, rel=1e-3)
    assert by < 0, "every return costs a short interruption"


def test_numbers_of_takeovers_are_named_in_words(study) -> None:
    inputs = inputs_of(solution_of(study, "markov"))
    words = {name: about(study, inputs[name]) for name in inputs}
    assert words["roles.master.detection.app"] == "detection time of master after app"
    assert words["roles.master.detection.default"] == "detection time of master"
    assert words["roles.master.readiness.drift"] == "rate of drift of master"
    assert words["units.ua.takeover_needs.1.time"] == "fence time of ua"
    drift = inputs["roles.master.readiness.drift"]
    assert (drift.low, drift.point, drift.high, drift.unit) == (*map(pytest.approx, (3.0, 6.0, 12.0)), "per year")
    table = k2rel.assumption_importance(study, "media")
    for name, value, unit in (
        ("master detection[app]", 3600.0, "s"),
        ("master spurious takeovers", 20.0, "1/year"),
        ("master drift", 6.0, "1/year"),
        ("master time between drills", 720.0, "h"),
        ("ua fence fence_a coverage", 0.9, "1"),
        ("ua fence fence_a time", 1200.0, "s"),
        ("leaf auto-recovery", 3.0, "h"),
    ):
        assert table["value"][name] == pytest.approx(value)
        assert table["unit"][name] == unit
    rising = table["slope_min_per_year"] > 0
    assert rising["master detection"]
    assert rising["master drift"]
    assert not rising["master retry coverage"]


def test_an_interval_is_wider_where_detection_and_drift_are_not_known(study) -> None:
    widths = []
    for places in (("switchover",), ("switchover", "detection.default", "detection.app", "readiness.drift")):
        names = {f"roles.master.{place}" for place in places}
        inputs = {name: item for name, item in study.site.inputs.items() if name in names}
        less = replace(study, site=replace(study.site, inputs=inputs))
        found = k2rel.uncertainty(less, ["media"], samples=128, organisation=Organisation(limits=())).table()
        widths.append(float(found["high_min_per_year"]["media"] - found["low_min_per_year"]["media"]))
    assert widths[1] > 1.05 * widths[0]


# settings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value", "old", "new"),
    [
        ("master.drill", "90 d", "drill: {value: 30 d, low: 10 d, high: 60 d}", "drill: 90 d"),
        ("master.spurious", "1 per year", "spurious: {value: 20 per year, low: 10 per year, high: 60 per year}",
         "spurious: 1 per year"),
        ("master.failback", "manual", "failback: automatic after 5 h", "failback: manual"),
        ("master.detection[app]", "5 s", "app: {value: 1 h, low: 30 min, high: 3 h}", "app: 5 s"),
        ("master.detection[box]", "9 s", "high: 3 h}}\n    failback", "high: 3 h}, box: 9 s}\n    failback"),
        ("master.giveback", "1 min (20 s to 2 min)", "giveback: {value: 15 min, low: 5 min, high: 30 min}",
         "giveback: {value: 1 min, low: 20 s, high: 2 min, evidence: set, source: set by the user}"),
        ("ua.fence_coverage", "0.99", "coverage: {value: 0.9, low: 0.7, high: 0.97}", "coverage: 0.99"),
        ("leaf.auto_recovery", "1 h", "auto_recovery: {value: 3 h, low: 1 h, high: 8 h}", "auto_recovery: 1 h"),
    ],
)  # fmt: skip
def test_a_number_of_a_takeover_is_set_as_if_it_stood_in_the_file(tmp_path, setting, value, old, new) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    made = k2rel.study(path, settings={setting: value}).site
    assert old in RULES
    path.write_text(RULES.replace(old, new))
    written = k2rel.study(path).site
    assert (made.roles, made.units, made.suspensions) == (written.roles, written.units, written.suspensions)
    assert made.inputs == written.inputs
    (said,) = [entry for entry in made.assumptions if entry.name == setting]
    assert said.value == value
    assert said.reason.startswith(f"set by the user ({setting}); the file ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"master.drill": "0 d"}, r"^--set master.drill=0 d: must be above 0"),
        ({"master.coverage": "1.5"}, r"^--set master.coverage=1.5: must be at most 1"),
        ({"master.failback": "soon"}, r"^--set master.failback=soon: must be 'manual', 'automatic' or such as"),
        ({"master.failback": "manual (1 h to 2 h)"}, "failback has no limits"),
        ({"master.drift": "0"}, "drills find a standby that is not ready, and there is no drift"),
        ({"master.detection[box_of]": "5 s"}, "there is no component type or part 'box_of'"),
        ({"master.drills": "90 d"}, "a role has no key 'drills' that can be set; did you mean 'drill'"),
        ({"ub.fence_time": "5 s"}, "of unit 'ub' fence_coverage and fence_time, of its fences, can be set, and it has"),
        ({"master.drill": ["90 d"]}, "a value with its unit, such as '5 s', is needed, got list"),
    ],
)
def test_a_setting_of_a_takeover_that_cannot_be_is_explained(tmp_path, settings, message) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    with pytest.raises(k2rel.InputError, match=message):
        k2rel.study(path, settings=settings)
