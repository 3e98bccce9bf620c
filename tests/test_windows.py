"""One year, one month: how downtime and interruptions spread, and targets that are put that way."""

import math
import re

import numpy as np
import pytest

import k2rel
from k2rel.answer import solve
from k2rel.ctmc.accumulated import accumulated
from k2rel.errors import InputError
from k2rel.measures.inputs import inputs_of, study_at
from k2rel.measures.window_draws import windows_at_draws
from k2rel.measures.windows import probability_within
from k2rel.organisation import Organisation
from k2rel.services.diagrams import services_of
from k2rel.simulation.plan import Plan
from tests.test_accumulated import takacs

MONTH = {"within": "month", "at most": "1 min", "in": "95 %"}


@pytest.fixture(scope="module")
def answer():
    return k2rel.study("L2R").solve()


@pytest.fixture(scope="module")
def month(answer):
    return answer.window("media", "month", above=["1 min", "10 min", "1 h"])


def test_the_mean_is_the_unavailability_times_the_window(answer, month) -> None:
    down = answer["media"].unavailability * (1 - month.left_out)
    assert month.mean_h.value == pytest.approx(down * 730.0, rel=1e-6)
    assert month.left_out < 1e-3
    assert month.how == "exact"
    assert month.inputs == "at the inputs as given"


def test_the_mean_number_of_interruptions_is_their_frequency(answer, month) -> None:
    numbers = month.interruptions()["probability"]
    per_year = float(answer.interruptions("media")["failures_per_year"].iloc[0])
    assert float((numbers * numbers.index).sum()) == pytest.approx(per_year / 12, rel=1e-3)
    assert float(numbers.sum()) == pytest.approx(1.0, abs=2e-5)


def test_what_is_more_is_less_probable_and_what_is_rarer_is_longer(month) -> None:
    above = [figure.value for _, figure in month.above]
    assert above == sorted(above, reverse=True)
    assert above[0] < 1 - month.none.value
    longest = [figure.value for _, figure in month.exceeded]
    assert longest == sorted(longest)
    for figure in (month.none, *(f for _, f in month.above), *(f for _, f in month.exceeded), *month.numbers):
        assert figure.low <= figure.value <= figure.high


def test_a_chain_with_other_states_says_the_same_within_both_bounds(answer, month) -> None:
    """The bound that is said holds what a coarser chain leaves out."""
    coarse = k2rel.window("L2R", "media", "month", Organisation(tolerance=1e-8), above=["1 min", "10 min", "1 h"])
    for (_, fine), (_, rough) in zip(month.above, coarse.above, strict=True):
        assert fine.low <= rough.high
        assert rough.low <= fine.high
    assert coarse.none.high - coarse.none.low > month.none.high - month.none.low


def test_seldom_states_that_are_merged_change_less_than_said(answer) -> None:
    dynamics = answer.solution.dynamics
    media = next(s for s in services_of(dynamics.policy) if s.name == "media")
    chain, p, down = dynamics.states.chain, dynamics.probability, dynamics.down(media)
    few, more = (accumulated(chain, p, down, 8760.0, accuracy) for accuracy in (1e-2, 1e-5))
    assert len(few.probability) < 300 < len(more.probability)
    times = [1 / 60, 0.5, 2.0]
    wrong = abs(few.longer_than(times)[0] - more.longer_than(times)[0]).max()
    assert 1e-8 < wrong < few.merged + more.merged


def test_a_year_without_downtime_is_as_probable_as_of_one_part_that_fails_as_often() -> None:
    found = k2rel.window("L1", "file_system", above="4 h")
    visits = k2rel.interruptions("L1", services="file_system", method="auto").iloc[0]
    length = visits["mean_downtime_h"]
    fails = visits["failures_per_year"] / 8760
    assert found.none.value == pytest.approx(1 - takacs(fails, 1 / length, 8760.0, 0.0), rel=1e-3)


def test_a_simulation_holds_the_exact_figures() -> None:
    exact = k2rel.window("L1", "file_system", "month", above=["10 min", "4 h"])
    counted = solve("L1", "simulation", plan=Plan(histories=4000, seed=1)).window(
        "file_system", "month", above=["10 min", "4 h"]
    )
    assert (exact.how, counted.how) == ("exact", "simulated")
    pairs = [
        (exact.mean_h, counted.mean_h),
        (exact.none, counted.none),
        *zip((f for _, f in exact.above), (f for _, f in counted.above), strict=True),
        *zip((f for _, f in exact.exceeded), (f for _, f in counted.exceeded), strict=True),
        *zip(exact.numbers[:3], counted.numbers[:3], strict=True),
    ]
    for known, seen in pairs:
        assert seen.low <= known.high
        assert known.low <= seen.high
        assert seen.value == pytest.approx(known.value, rel=0.2)


def test_where_clients_own_parts_decide_histories_are_counted_and_it_is_said() -> None:
    study = k2rel.study("L1", settings={"client_control_link.mttr": "200 h"})
    down = study.solve()["control"].unavailability
    found = k2rel.window(study, "control", above="4 h")
    assert found.how == "simulated"
    assert re.fullmatch(r"clients' own parts cause [\d.]+ % of the downtime of control, which .*", found.why)
    assert found.left_out == 0.0
    assert found.mean_h.low <= down * 8760 <= found.mean_h.high
    with pytest.raises(InputError, match=r"markov engine does not compute.*use method auto or simulation"):
        k2rel.window(study, "control", method="markov")
    with pytest.raises(InputError, match="exact engine does not compute the downtime of one window"):
        k2rel.window(study, "control", method="exact")
    with pytest.raises(InputError, match="counted in histories, which take the inputs as given"):
        k2rel.window(study, "control", above="4 h", samples=10)


def test_a_draw_of_the_inputs_is_a_site_with_those_inputs(answer) -> None:
    """Each draw against the site made anew with its numbers, and a chain of its own."""
    times, names = [0.0, 1 / 60, 1.0], list(inputs_of(answer.solution))
    factors = {name: np.exp(np.random.default_rng(n).normal(0, 0.3, 3)) for n, name in enumerate(names)}
    factors = {n: np.minimum(f, 1.0) if "coverage" in n else f for n, f in factors.items()}
    found = windows_at_draws(answer.solution, "media", 730.0, times, factors, 3)
    for draw in range(3):
        here = {name: float(values[draw]) for name, values in factors.items()}
        study, organisation = study_at(answer.study, answer.solution.followed, here)
        wanted = k2rel.window(study, "media", "month", organisation, above=times[1:])
        assert found.mean_h[draw] == pytest.approx(wanted.mean_h.value, rel=0.01)
        assert found.above[draw] == pytest.approx(
            [1 - wanted.none.value, *(figure.value for _, figure in wanted.above)], rel=0.01
        )


def test_drawn_inputs_stand_beside_those_as_given() -> None:
    plain, drawn = (k2rel.window("L1", "file_system", "month", above="1 h", samples=n) for n in (0, 12))
    assert plain.spread == ()
    assert drawn.above == plain.above
    assert "drawn within their limits (12 draws)" in drawn.inputs
    for figure in drawn.spread:
        assert figure.low < figure.value < figure.high
    table = drawn.table()
    assert table["drawn_mean"].notna().tolist() == [True, True, True, False, False, False]
    assert drawn.to_json()["drawn"]["p_above"][0]["value"] == drawn.spread[2].value
    with pytest.raises(InputError, match="samples"):
        k2rel.window("L1", samples=-1)


def test_windows_of_any_length_are_counted() -> None:
    run = solve("L1", "simulation", plan=Plan(histories=2000, seed=2))
    short, long = run.window("ftp", "90 days"), run.window("ftp", "20 y")
    assert long.mean_h.value == pytest.approx(short.mean_h.value * 20 * 8760 / 2160, rel=0.3)
    assert short.within == "90 days"
    assert long.none.value < short.none.value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"within": "fortnight"}, "window: 'fortnight' is not a valid window; write hour, day, week, month, year"),
        ({"within": 0}, "above 0 and at most 100 years"),
        ({"within": "200 y"}, "above 0 and at most 100 years"),
        ({"above": "-1 min"}, "above: a duration cannot be negative"),
        ({"within": "month", "above": "800 h"}, "a downtime below the window itself"),
        ({"above": "long"}, "'long' is not a valid duration"),
        ({"service": "medja"}, "did you mean 'media'"),
    ],
)
def test_what_is_no_window_is_refused_in_a_sentence(given, message) -> None:
    with pytest.raises(InputError, match=message) as refused:
        k2rel.window("L2R", **given)
    assert len(str(refused.value).splitlines()) == 1


def test_a_target_on_months_is_judged_by_the_probability_of_one(answer, month, tmp_path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text("media: {within: month, at most: 1 min, in: 95 %}\ncontrol: {availability: 99.0}\n")
    asked = k2rel.read_target(str(path), answer.study)
    assert asked["control"] == 99.0
    media, control = answer.target(asked, samples=4)
    assert media.met.value == pytest.approx(1 - month.above[0][1].value)
    assert control.verdict == "met"
    assert f"{100 * media.met.value:.4g} % meet it (exact" in media.words()
    assert media.draws == 4
    (never,) = answer.target({"media": MONTH | {"within": "year", "at most": "1 s", "in": "99.9 %"}}, samples=2)
    assert (never.verdict, never.probability) == ("not met", 0.0)
    (always,) = answer.target({"media": MONTH | {"at most": "8 h", "in": "80 %"}}, samples=2)
    assert (always.verdict, always.probability) == ("met", 1.0)
    table = k2rel.judgement_table([media, control])
    assert table["windows_that_meet_it"]["media"] == media.met.value
    assert table["allowed_min_per_year"]["control"] == pytest.approx(5256.0)


def test_a_simulated_probability_near_the_target_stays_open() -> None:
    run = solve("L1", "simulation", plan=Plan(histories=300, years=1, seed=1))
    value = probability_within(run.solution, "media", 730.0, 1 / 6)[0].value
    (found,) = run.target({"media": {"within": "month", "at most": "10 min", "in": 100 * value}}, samples=16)
    assert found.verdict == "not known"
    assert "simulated, " in found.words()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"within": "fortnight"}, "target: within: 'fortnight' is not a valid window"),
        ({"at most": "-1 min"}, "target: at most: a duration cannot be negative"),
        ({"at most": "800 h"}, "target: at most: a downtime below the window"),
        ({"in": 40}, "target: in: from 50 to below 100 %"),
        ({"in": "100 %"}, "target: in: from 50 to below 100 %"),
        ({"at_most": "1 min"}, "did you mean 'at most'"),
        ({"availability": 99}, "'availability' alone, or within, at most, in together"),
    ],
)
def test_a_target_on_windows_that_is_none_is_placed_in_its_file(tmp_path, changed, message) -> None:
    path = tmp_path / "targets.yaml"
    entries = "".join(f"  {key}: {value}\n" for key, value in {**MONTH, **changed}.items())
    path.write_text("media:\n" + entries)
    with pytest.raises(InputError, match=message) as refused:
        k2rel.read_target(str(path), "L2R")
    assert "targets.yaml:1" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_the_command_says_the_same_in_words_and_for_programs(k2, month) -> None:
    words = ("window", "L2R", "--service", "media", "--within", "month", "--above", "1 min")
    shown, told = k2(*words), k2(*words, "--format", "json").json
    assert told["p_above"][0]["value"] == pytest.approx(month.above[0][1].value)
    assert told["how"] == "exact"
    assert told["window_h"] == 730
    assert f"none in {100 * month.none.value:.3g} % of them" in shown.out
    assert "P(downtime above 1 min)" in shown.out
    assert math.isclose(sum(row["value"] for row in told["p_interruptions"]), 1.0, abs_tol=1e-4)
    refused = k2("window", "L2R", "--within", "fortnight")
    assert refused.code == 2
    assert refused.err.count("\n") == 1
