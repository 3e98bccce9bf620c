"""Field data: fits against published values and other packages, curves, trends, logs that are wrong, priors updated."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import k2rel
from k2rel.bundled import data_dir
from k2rel.distributions import Uncertain
from k2rel.errors import InputError
from k2rel.field import (
    Exposure,
    Lives,
    RepairHistory,
    curve_of,
    fit_law,
    fit_laws,
    goodness_of_fit,
    mean_cumulative_failures,
    pool,
    prior_of,
    rate_of_counts,
    read_field,
    trend_of,
    update,
)
from k2rel.field.likelihood import LAWS, log_likelihood
from k2rel.field.read import _round
from k2rel.rates import RateRow, read_rates, write_rates

NIST = Lives.of([54, 187, 216, 240, 244, 335, 361, 373, 375, 386], [500] * 10, "NIST 8.4.1.3")
FIELD = data_dir() / "examples" / "field"


# laws ---------------------------------------------------------------------------------------------------------------

OTHERS = {  # surpyval 0.25 on the same data; its gamma has the reciprocal of the scale, its lognormal the log of median
    "weibull": {"shape": 1.72079726, "scale_h": 606.52755926},
    "gamma": {"shape": 2.16839752, "scale_h": 1 / 0.00375458},
    "lognormal": {"sigma": 0.90891403, "median_h": math.exp(6.22601504)},
    "weibull3": {"shape": 1.3807267348, "scale_h": 598.76455455, "location_h": 36.98937636},
}


@pytest.mark.parametrize("law", OTHERS)
def test_laws_are_those_that_another_package_finds(law) -> None:
    fit = fit_law(law, NIST)
    for name, value in OTHERS[law].items():
        assert fit.parameters[name].value == pytest.approx(value, rel=2e-6), name


def test_standard_errors_are_those_of_lifelines() -> None:
    fit = fit_law("weibull", NIST)  # lifelines 0.30.3: 0.502151 and 124.910637
    assert fit.parameters["shape"].error == pytest.approx(0.502151, abs=1e-6)
    assert fit.parameters["scale_h"].error == pytest.approx(124.910637, rel=1e-5)


def test_limits_lie_where_the_likelihood_has_fallen_by_half_a_chi_square() -> None:
    """Against a profile by brute force: at the limit of the shape the best scale is looked for on a fine grid."""
    fit = fit_law("weibull", NIST)
    drop = stats.chi2.ppf(0.9, 1) / 2
    for limit in (fit.parameters["shape"].low, fit.parameters["shape"].high):
        best = max(log_likelihood(LAWS["weibull"], np.array([limit, s]), NIST) for s in np.geomspace(300, 3000, 4000))
        assert fit.log_likelihood - best == pytest.approx(drop, abs=1e-4)


def test_a_constant_rate_has_the_limits_that_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    seen = rng.poisson(4.0, 4000)
    hit = [one.low <= 4e-3 <= one.high for one in (rate_of_counts(Exposure("x", n, 1000.0)).rate_per_h for n in seen)]
    assert 0.9 <= np.mean(hit) < 0.97  # exact limits of a count are a little too wide, never too narrow


def test_no_failure_gives_an_upper_limit_and_says_so() -> None:
    fit = fit_laws(Lives.of([], [1000.0] * 5, "spares"))[0]
    assert fit.law == "exponential"
    assert fit.rate_per_h.high == pytest.approx(math.log(10) / 5000, rel=1e-12)  # exp(-5000 h) = 10 %
    assert fit.rate_per_h.low == 0
    assert fit.rate_per_h.value == pytest.approx(math.log(2) / 5000, rel=1e-12)
    assert "no failure was observed" in fit.notes[-1]
    assert fit.entry("x").low_per_h is None
    with pytest.raises(InputError, match="no failure was observed"):
        fit_law("weibull", Lives.of([], [1000.0] * 5))


def test_data_that_cannot_tell_a_law_are_refused() -> None:
    with pytest.raises(InputError, match="two different times"):
        fit_law("weibull", Lives.of([100.0, 100.0], [100.0]))
    with pytest.raises(InputError, match=r"without bound|tell no location"):
        fit_law("weibull3", Lives.of([10.0, 10.1, 10.3, 11, 15, 30, 80, 200]))
    with pytest.raises(InputError, match="has no maximum"):  # one point in every interval: the steeper, the better
        fit_law("weibull", Lives("x", np.array([1.0, 0.0]), np.array([1.0, 1e5]), np.array([5.0, 5.0])))
    with pytest.raises(InputError, match="is its unit right"):
        Lives.of([1e13])
    with pytest.raises(InputError, match="did you mean 'weibull'"):
        fit_law("weibul", NIST)
    with pytest.raises(InputError, match="dead on arrival"):
        Lives.of([0.0, 5.0])


@settings(max_examples=25, deadline=None)
@given(
    shape=st.floats(0.6, 4.0),
    scale=st.floats(10.0, 1e6),
    factor=st.floats(0.01, 100.0),
    law=st.sampled_from(["weibull", "lognormal", "gamma", "exponential"]),
    seed=st.integers(0, 1000),
)
def test_another_unit_of_time_changes_the_scale_and_nothing_else(shape, scale, factor, law, seed) -> None:
    rng = np.random.default_rng(seed)
    life, end = scale * rng.weibull(shape, 30), scale
    one = Lives.of(life[life < end], np.full((life >= end).sum(), end))
    other = Lives.of(factor * life[life < end], np.full((life >= end).sum(), factor * end))
    if one.failures < 3:
        return
    first, second = fit_law(law, one), fit_law(law, other)
    for name, value in first.parameters.items():
        times = factor if name.endswith("_h") else 1.0
        assert second.parameters[name].value == pytest.approx(times * value.value, rel=1e-4)


@settings(max_examples=20, deadline=None)
@given(law=st.sampled_from(["weibull", "lognormal", "gamma"]), seed=st.integers(0, 100))
def test_narrow_intervals_say_what_exact_times_say(law, seed) -> None:
    life = 1000 * np.random.default_rng(seed).weibull(1.5, 40)
    exact = fit_law(law, Lives.of(life))
    narrow = fit_law(law, Lives("x", life * (1 - 1e-5), life * (1 + 1e-5), np.ones(40)))
    for name, value in exact.parameters.items():
        assert narrow.parameters[name].value == pytest.approx(value.value, rel=1e-3)


@pytest.mark.parametrize(
    ("law", "frozen"),
    [("weibull", stats.weibull_min(1.7, scale=500)), ("lognormal", stats.lognorm(0.8, scale=300)),
     ("gamma", stats.gamma(2.5, scale=100))],
)  # fmt: skip
@pytest.mark.parametrize("lives", [5000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_what_was_drawn_from_a_law_is_found_again_and_chosen(law, frozen, lives) -> None:
    life = frozen.rvs(lives, random_state=np.random.default_rng(8))
    end = np.quantile(life, 0.9)
    fits = fit_laws(Lives.of(life[life < end], np.full((life >= end).sum(), end)))
    assert fits[0].law == law
    expected = dict(zip(fits[0].parameters, (frozen.args[0], frozen.kwds["scale"]), strict=True))
    for name, one in fits[0].parameters.items():
        assert abs(one.value - expected[name]) < 4 * one.error


@pytest.mark.parametrize("logs", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_the_band_of_a_law_holds_the_true_one_as_often_as_it_says(logs) -> None:
    rng, truth = np.random.default_rng(3), stats.weibull_min(2, scale=100)
    hits = 0
    for _ in range(logs):
        low, high = fit_law("weibull", Lives.of(truth.rvs(40, random_state=rng))).band([50.0])
        hits += low[0] <= truth.cdf(50.0) <= high[0]
    # bands are near the truth for forty lives, not exact: from 0.86 to 0.94, and what chance adds
    assert stats.binom.ppf(0.01, logs, 0.86) <= hits <= stats.binom.ppf(0.99, logs, 0.94)


def test_millions_of_different_times_are_rounded_to_five_digits_and_the_law_hardly_moves() -> None:
    life = 1000 * np.random.default_rng(1).weibull(1.5, 5000)
    exact, rounded = fit_law("weibull", Lives.of(life)), fit_law("weibull", Lives.of(_round(life)))
    for name, one in exact.parameters.items():
        assert abs(rounded.parameters[name].value - one.value) < 1e-3 * one.error


# curves -------------------------------------------------------------------------------------------------------------


def test_the_curve_of_a_published_trial() -> None:
    """Remission of 21 patients on 6-MP: Freireich et al., Blood 21 (1963) 699, as every textbook tabulates it."""
    failed = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    working = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    curve = curve_of(Lives.of(failed, working))
    assert curve.time_h.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert (1 - curve.failed).round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]


def test_intervals_get_the_masses_of_the_largest_likelihood() -> None:
    low, high = np.array([0, 4, 6, 0, 5, 10, 3, 2.0]), np.array([7, 8, 10, 5, 11, np.inf, 6, 9])
    curve = curve_of(Lives("x", low, high, np.ones(8)))

    def cost(x):  # masses on (4, 5], (5, 6], (6, 7] and (10, 11]: the innermost intervals
        a, b, c, d = np.exp(x) / np.exp(x).sum()
        terms = [a + b + c, a + b + c, c, a, b + c + d, d, a + b, a + b + c]
        return -np.log(terms).sum()

    best = optimize.minimize(
        cost, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 9000}
    )
    a, b, c, _ = np.exp(best.x) / np.exp(best.x).sum()
    at = dict(zip(curve.time_h, curve.failed, strict=True))
    assert at[5.0] == pytest.approx(a, abs=1e-4)
    assert at[7.0] == pytest.approx(a + b + c, abs=1e-4)


def test_a_law_that_does_not_fit_is_doubted_and_the_right_one_is_not() -> None:
    life = stats.weibull_min(4, scale=100).rvs(80, random_state=np.random.default_rng(2))
    lives = Lives.of(life[life < 120], np.full((life >= 120).sum(), 120.0))
    assert goodness_of_fit(fit_law("exponential", lives), lives).p_value < 0.05
    assert goodness_of_fit(fit_law("weibull", lives), lives).p_value > 0.05
    ends = np.arange(20.0, 200.0, 20)
    counts = np.histogram(life, [0, *ends])[0].astype(float)
    keep = counts > 0
    grouped = Lives("x", np.array([0, *ends[:-1]])[keep], ends[keep], counts[keep])
    test = goodness_of_fit(fit_law("exponential", grouped), grouped)
    assert test.p_value < 0.01
    assert "chi-square" in test.method


def test_p_values_of_the_right_law_are_spread_over_all_of_zero_to_one() -> None:
    rng, values = np.random.default_rng(4), []
    for _ in range(30):
        lives = Lives.of(100 * rng.weibull(1.0, 25))
        values.append(goodness_of_fit(fit_law("exponential", lives), lives, samples=40).p_value)
    assert stats.kstest(values, "uniform").pvalue > 0.001


# trends -------------------------------------------------------------------------------------------------------------


def test_failures_that_come_closer_are_seen_and_those_at_random_are_not() -> None:
    rng = np.random.default_rng(6)
    ends = np.full(20, 1000.0)
    wearing = [np.sort(1000 * rng.random(10) ** (1 / 2.5)) for _ in range(20)]
    random = [np.sort(1000 * rng.random(10)) for _ in range(20)]
    unit = np.repeat(np.arange(20), 10)
    trend = trend_of(RepairHistory(unit, np.concatenate(wearing), ends))
    assert trend.shape_low < 2.5 < trend.shape_high
    assert trend.laplace > 3
    assert "more frequent" in trend.words()
    assert "no trend" in trend_of(RepairHistory(unit, np.concatenate(random), ends)).words()


def test_a_unit_followed_until_its_last_failure_ends_with_it() -> None:
    times = np.array([5.0, 40, 43, 175, 389])
    open_end = trend_of(RepairHistory(np.zeros(5, int), times, np.array([389.0])))
    # MIL-HDBK-189, failure-truncated: 2 sum ln(T / t_i) over the first n - 1 has a chi-square law of 2 (n - 1)
    assert open_end.military == pytest.approx(2 * np.log(389 / times[:-1]).sum())
    assert open_end.military_p == pytest.approx(
        2 * min(*(f(open_end.military, 8) for f in (stats.chi2.cdf, stats.chi2.sf)))
    )


def test_the_mean_number_of_failures_counts_the_units_that_are_still_followed() -> None:
    history = RepairHistory(np.array([0, 1, 1]), np.array([10.0, 20.0, 25.0]), np.array([15.0, 30.0]))
    assert mean_cumulative_failures(history)["failures"].tolist() == [0.5, 1.5, 2.5]


# logs ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "unit,start,end,failed\na,0,10,1\nb,5,25,0\n",
        "failed,end,unit,start\n1,10,a,0\n0,25,b,5\n",
        "Failed;End [h];Start [h]\nyes;10;0\nno;25,0;5,0\n",
        "end_d,start_d,event\n0.41666666666666667,0,failed\n1.0416666666666667,0.20833333333333334,censored\n",
        "start,end,failed\n2024-01-01,2024-01-01T10:00,1\n2024-01-01 05:00,2024-01-02T01:00Z,0\n",
        "end,failed\n10 h,1\n1200 min,0\n",
        "left,right,count\n10,10,1\n20,inf,1\n",
        "time_h\tstatus\tcount\n10\t1\t1\n20\t0\t1\n",
        "\ufefftime,failed\n10,1\n20,0\n",
    ],
)
def test_the_same_lives_are_read_from_every_way_to_write_them(log, text) -> None:
    data = read_field(log(text))
    (lives,) = data.lives
    order = np.argsort(lives.lower_h)
    assert lives.lower_h[order] == pytest.approx([10.0, 20.0])
    assert lives.upper_h[order] == pytest.approx([10.0, math.inf])
    assert data.rows == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unit,start,end,failed\na,10,5,1\n", "log.csv:2: end: ends before it starts"),
        ("end,failed\n-5,1\n", "log.csv:2: end: cannot be negative"),
        ("end,failed\n-5 h,1\n", "cannot be negative"),
        ("end,failed\n10,1\n3 d,0\n", "log.csv:3: end: mixed"),
        ("end,failed\n10,1\n2024-01-01,0\n", "mixed"),
        ("end,failed\n=A1+4,1\n", "is a formula, not a number"),
        ("end,failed\n10,perhaps\n", "'perhaps': write 1 or 'failed'"),
        ("end,failed\n10,2\n", "call the column of hours 'exposure'"),
        ("end,failed\nten,1\n", "'ten' is not a valid time"),
        ("end,failed\n2024-02-31,1\n", "not a date of the calendar"),
        ("end,failed\n,1\n", "needs a time"),
        ("end,failed\n0,1\n", "failed at the moment it started"),
        ("end,failed\n10,1,7\n", "is not a valid table"),
        ("end,failed\n", "has no rows"),
        ("", "is empty"),
        ("a,b\n1,2\n", "are none of"),
        ("end,end,failed\n1,2,1\n", "there are two columns"),
        ("time,age,failed\n1,2,1\n", "choose one: --column time=NAME"),
        ("lower,upper\n5,3\n", "is before the lower time"),
        ("lower,upper,n\n5,8,1.5\n", "a whole number of units"),
        ("type,failures,drive_days\nx,1,0\n", "must be above 0"),
        ("type,failures,drive_days\nx,-1,10\n", "cannot be negative"),
        ("end,failed\n1e999,1\n", "needs a time"),
    ],
)
def test_logs_that_are_wrong_are_explained_with_their_place(log, k2, text, message) -> None:
    run = k2("fit", log(text))
    assert run.code == 2
    assert message in run.err


HEADS = [
    "unit,start,end,failed",
    "end,failed",
    "time,failed,count",
    "lower,upper,count",
    "model,failures,drive_days",
    "end [d],failed",
    "age_at_start,start,end,failed",
    "entry,exit,failed",
    "installed,removed,failed",
    "installed,last_good,first_bad",
]
CELLS = [
    "",
    "0",
    "1",
    "5",
    "10",
    "300",
    "17.5",
    "1e5",
    "1e308",
    "1e-308",
    "-1",
    "nan",
    "inf",
    "yes",
    "4 h",
    "2024-01-01",
    "=1+1",
    "1,5",
    '"1,5"',
    '"250,000"',
    "250.000",
    "44256",
    '"',
    "٣",
]


def test_a_start_that_is_no_time_is_named_and_nothing_is_computed_from_it(tmp_path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("installed,last_good,first_bad\ninf,,\n", encoding="utf-8")
    with pytest.raises(InputError, match="must be finite"):
        read_field(path)


@settings(max_examples=150, deadline=None)
@given(head=st.sampled_from(HEADS), data=st.data())
def test_no_log_ends_in_anything_but_a_result_or_an_explanation(tmp_path_factory, head, data) -> None:
    sound = data.draw(st.booleans())
    cells = st.sampled_from(["0", "1", "5", "10", "300", "1e5"] if sound else CELLS)
    rows = data.draw(st.lists(st.lists(cells, min_size=head.count(",") + 1, max_size=head.count(",") + 1), max_size=8))
    path = tmp_path_factory.mktemp("logs") / "log.csv"
    path.write_text("\n".join([head, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
    try:
        found = read_field(path, until=data.draw(st.sampled_from([None, "2024-06-01", "9000 h"])))
        for lives in found.lives:
            for fit in fit_laws(lives, ("exponential", "weibull", "weibull3", "lognormal", "gamma")):
                assert fit.rate_per_h.value > 0 or math.isinf(fit.mean_h)
                assert fit.quantile_h(0.1) > 0
                if lives.failures:
                    fit.band(curve_of(lives).time_h)
        for one in found.exposures:
            assert rate_of_counts(one).rate_per_h.high > 0
    except InputError as error:
        assert str(error)


def test_bytes_that_are_no_text_and_files_that_are_not_there(tmp_path, k2) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"end,failed\n\xff\xfe,1\n")
    assert "UTF" in k2("fit", path).err
    assert k2("fit", tmp_path / "none.csv").code == 2
    assert k2("fit", tmp_path).code == 2


def test_a_formula_as_a_name_is_text_and_stays_text_in_the_entry(log, k2, tmp_path) -> None:
    out = tmp_path / "rates.csv"
    assert k2("fit", log("model,drive_days,failed\n=cmd|' /C calc'!A0,1000,3\n"), "--output", out).code == 0
    assert "\n=" not in out.read_text()
    assert ",=cmd" not in out.read_text()
    assert read_rates(out).rows


def test_rows_read_in_small_blocks_give_the_same_as_in_one(log) -> None:
    rng = np.random.default_rng(9)
    rows = [f"u{i % 50},{start},{start + life:.2f},{rng.integers(2)}" for i, (start, life) in
            enumerate(zip(rng.integers(0, 100, 3000), rng.integers(1, 400, 3000) / 4, strict=True))]  # fmt: skip
    path = log("unit,start,end,failed\n" + "\n".join(rows) + "\n")
    whole, parts = read_field(path), read_field(path, block_bytes=500)
    for one, other in zip(whole.lives, parts.lives, strict=True):
        assert sorted(zip(one.lower_h, one.upper_h, one.count, strict=True)) == sorted(
            zip(other.lower_h, other.upper_h, other.count, strict=True)
        )
    assert whole.history.failures == parts.history.failures
    assert whole.history.time_h.tolist() == parts.history.time_h.tolist()


def test_the_place_of_a_mistake_is_right_behind_many_blocks(log) -> None:
    path = log("end,failed\n" + "5,1\n" * 4000 + "six,1\n")
    with pytest.raises(InputError, match=r"log\.csv:4002: end"):
        read_field(path, block_bytes=1000)


def test_memory_is_bounded_by_rounding_where_all_times_differ(log, monkeypatch) -> None:
    from k2rel.field import read

    monkeypatch.setattr(read, "_MOST_LIVES", 500)
    monkeypatch.setattr(read, "_MOST_HISTORY", 500)
    life = np.random.default_rng(2).uniform(100, 101, 4000)
    data = read_field(
        log("unit,end,failed\n" + "".join(f"u{i},{x:.9f},1\n" for i, x in enumerate(life))), block_bytes=2000
    )
    (lives,) = data.lives
    assert lives.units == 4000
    assert len(lives.count) <= 1001
    assert lives.hours == pytest.approx(life.sum(), rel=1e-5)
    assert any("rounded" in note for note in data.notes)
    assert any("no test of a trend" in note for note in data.notes)


def test_the_published_drive_statistics_are_read_as_they_come(k2) -> None:
    run = k2("fit", FIELD / "drive_statistics.csv", "--format", "json")
    answer = run.json
    assert answer["rows"] == 81
    assert len(answer["fits"]) == 82  # and all together
    whole = answer["fits"][-1]
    assert whole["failures"] == 21_512
    assert 8760 * whole["estimates"]["rate_per_h"]["value"] == pytest.approx(0.01690, abs=5e-6)
    assert answer["between"]["low_per_h"] < whole["estimates"]["rate_per_h"]["low"]


@pytest.mark.slow
def test_a_fit_becomes_an_entry_that_a_study_uses(k2, tmp_path) -> None:
    out, picture = tmp_path / "mine.csv", tmp_path / "plot.svg"
    run = k2(
        "fit", FIELD / "nist_weibull.csv", "--law", "weibull", "--type", "toe", "--output", out, "--picture", picture
    )
    assert run.code == 0, run.err
    assert "<svg" in picture.read_text()
    study = k2rel.study("L2R", rates=out)
    fit = fit_law("weibull", NIST)
    assert study.law("toe_A1").failure_rate_per_h == pytest.approx(fit.rate_per_h.value, rel=1e-9)
    assert str(read_rates(out).rows["field"].life).startswith("weibull(shape=1.7207")
    again = k2("fit", FIELD / "nist_weibull.csv", "--output", out)
    assert again.code == 2
    assert "--force" in again.err


def test_a_log_of_repairs_is_tested_for_a_trend(k2) -> None:
    run = k2("fit", FIELD / "nist_repairs.csv", "--samples", "0", "--format", "json")
    assert run.json["trend"]["shape"] == pytest.approx(0.4835, abs=5e-5)  # NIST 8.4.5.2
    assert json.dumps(run.json)


# priors and posteriors ----------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(failures=st.integers(0, 60), hours=st.floats(1e3, 1e8), spread=st.floats(1.5, 8.0), mean=st.floats(1e-7, 1e-4))
def test_a_lognormal_prior_is_updated_as_numerical_integration_says(failures, hours, spread, mean) -> None:
    prior = Uncertain("lognormal", (mean, spread, 0.95))
    frozen: Any = prior.frozen()
    sigma = math.log(spread) / 1.6448536
    seen = (failures + 0.5) / hours
    # the trapezoidal rule over the logarithm of the rate: its error falls exponentially for such a curve
    x = np.linspace(math.log(min(seen, mean)) - 10 * sigma, math.log(max(seen, mean)) + 10 * sigma, 200_001)
    log_weight = frozen.logpdf(np.exp(x)) + x + failures * x - hours * np.exp(x)
    weight = np.exp(log_weight - log_weight.max())
    expected = float((weight * np.exp(x)).sum() / weight.sum())
    assert update(prior, Exposure("x", failures, hours)).mean == pytest.approx(expected, rel=1e-9)


def test_a_gamma_prior_is_conjugate() -> None:
    after = update(Uncertain("gamma", (2.0, 1e-6)), Exposure("x", 3, 1e6))
    law = stats.gamma(5.0, scale=1 / (1e6 + 1e6))
    assert after.mean == pytest.approx(law.mean(), rel=1e-12)
    assert (after.low, after.median, after.high) == pytest.approx(law.ppf([0.05, 0.5, 0.95]), rel=1e-9)


def test_the_limits_of_an_entry_are_those_of_the_prior_and_of_what_is_known_without_evidence() -> None:
    row = RateRow("server", 5.7e-6, low_per_h=1.9e-6, high_per_h=1.7e-5)
    for law in ("lognormal", "gamma"):
        prior = prior_of(row, law)
        assert prior.quantile(np.array([0.05, 0.95])) == pytest.approx([1.9e-6, 1.7e-5], rel=1e-9)
        after = update(prior, Exposure("server", 0, 1e-3)).entry(row, "same")
        assert (after.low_per_h, after.high_per_h) == pytest.approx((1.9e-6, 1.7e-5), rel=1e-5)
        assert after.rate_per_h == pytest.approx(prior.mean, rel=1e-5)
    # exp(m + s^2 / 2) with m and s from the two quantiles
    spread = math.log(1.7e-5 / 1.9e-6) / (2 * 1.6448536269514722)
    assert row.mean_per_h == pytest.approx(math.sqrt(1.9e-6 * 1.7e-5) * math.exp(spread**2 / 2), rel=1e-12)
    assert prior_of(row).mean == row.mean_per_h
    assert [replace(row, rate_per_h=rate).point for rate in (5.7e-6, 7.1e-6, 4e-6)] == ["median", "mean", "estimate"]
    assert (RateRow("server", 1e-6).point, RateRow("server", 1e-6).mean_per_h) == ("", 1e-6)
    row = read_rates().row("raid_ctrl")
    with pytest.raises(InputError, match="too near or too far apart"):
        prior_of(replace(row, low_per_h=row.rate_per_h, high_per_h=row.rate_per_h * (1 + 1e-7)), "gamma")
    with pytest.raises(InputError, match="has no limits"):
        prior_of(read_rates().row("psu").__class__("x", 1e-6))


def test_a_prior_that_is_sure_and_one_that_knows_nothing_keep_their_digits() -> None:
    sure = update(Uncertain("lognormal", (1e-6, 1.00005, 0.95)), Exposure("x", 2, 1e6))
    assert sure.low < sure.mean < sure.high
    assert sure.mean == pytest.approx(1e-6, rel=1e-6)
    assert sure.high / sure.low == pytest.approx(1.00005**2, rel=1e-3)
    vague = update(Uncertain("lognormal", (1e-6, 1e4, 0.95)), Exposure("x", 10_000, 1e9))
    law = stats.gamma(10_000, scale=1e-9)  # the prior is flat where the evidence is
    assert vague.mean == pytest.approx(law.mean(), rel=1e-3)
    assert (vague.low, vague.high) == pytest.approx(law.ppf([0.05, 0.95]), rel=1e-3)


def test_much_evidence_outweighs_any_prior_and_a_contradiction_is_said() -> None:
    prior = prior_of(read_rates().row("psu"))
    after = update(prior, Exposure("psu", 10_000, 1e9))
    assert after.mean == pytest.approx(1e-5, rel=0.01)
    assert update(prior, Exposure("psu", 60, 5e5)).surprise < 0.001
    assert update(prior, Exposure("psu", 2, 5e5)).surprise > 0.3


def test_sites_that_are_alike_are_drawn_together_and_those_that_differ_stay_apart() -> None:
    alike = pool([Exposure("x", 5, 1e6, s) for s in "abcdef"])
    assert alike.sites[0].mean == pytest.approx(5e-6, rel=0.1)
    assert alike.sites[0].high < update(Uncertain("gamma", (1e-3, 1.0)), Exposure("x", 5, 1e6)).high
    apart = pool([Exposure("x", 500, 1e6, "a"), Exposure("x", 5, 1e6, "b"), Exposure("x", 50, 1e6, "c")])
    assert apart.sites[0].mean == pytest.approx(5e-4, rel=0.05)
    assert apart.sites[1].mean == pytest.approx(5e-6, rel=0.6)
    assert apart.variation > 3 * alike.variation


def test_a_pooled_rate_is_what_a_brute_integral_gives() -> None:
    sites = [Exposure("x", 1, 1e5, "a"), Exposure("x", 6, 2e5, "b"), Exposure("x", 0, 5e4, "c")]
    found = pool(sites, Uncertain("lognormal", (2e-5, 3.0, 0.95)), spread=0.8)
    law = stats.lognorm(math.log(3) / 1.6448536, scale=2e-5 * math.exp(-((math.log(3) / 1.6448536) ** 2) / 2))
    # coefficient of variation on its own scale, mean on its quantiles: another grid in other variables
    variation = (np.arange(600) + 0.5) / 600 * 5
    mean = law.ppf((np.arange(600) + 0.5) / 600)
    v, m = np.meshgrid(variation, mean)
    shape = 1 / v**2
    log_weight = -0.5 * (v / 0.8) ** 2
    for one in sites:
        log_weight = log_weight + stats.nbinom.logpmf(one.failures, shape, shape / (shape + m * one.hours))
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    expected = [(weight * (shape + one.failures) / (shape / m + one.hours)).sum() for one in sites]
    assert [one.mean for one in found.sites] == pytest.approx(expected, rel=5e-3)


def test_a_study_follows_its_own_log(k2, tmp_path) -> None:
    before = k2rel.study("L2R")
    result = k2rel.updated(before, [Exposure("media_server", 4, 3e5)])
    prior = prior_of(read_rates().row("server_hw"))
    assert result.after.law("server_A").failure_rate_per_h == update(prior, Exposure("x", 4, 3e5)).mean
    assert result.after.law("switch_A") == before.law("switch_A")
    twice = k2rel.with_second(k2rel.with_second(before, ["server_A"]), ["server_A"])
    pair_of_pairs = k2rel.updated(twice, [Exposure("media_server", 4, 3e5)]).after.law("server_A")
    assert pair_of_pairs.single.failure_rate_per_h == result.rows[0].rate_per_h
    assert pair_of_pairs.parts == 4
    path = tmp_path / "own.csv"
    path.write_text(write_rates(result.rows))
    own = k2rel.study("L2R", rates=path)
    assert own.law("server_A").failure_rate_per_h == pytest.approx(result.rows[0].rate_per_h, rel=1e-12)
    assert own.law("server_A").mttr_h == before.law("server_A").mttr_h
    run = k2("update", "L2R", "--log", FIELD / "site_log.csv", "--site", "Oslo", "--format", "json")
    assert {row["type"] for row in run.json["rates"]} == {"media_server", "psu", "raid_controller"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type,failures,hours\ntoaster,1,100\n", "no part of type 'toaster'"),
        ("type,failures,hours\nmedia_servr,1,100\n", "did you mean 'media_server'"),
        ("type,failures\nmedia_server,1\n", "are none of"),
        ("type,time,failed\nmedia_server,5,1\n", "lives go to 'k2rel fit'"),
    ],
)
def test_logs_of_a_site_that_do_not_fit_it_are_refused(log, k2, text, message) -> None:
    run = k2("update", "L2R", "--log", log(text))
    assert run.code == 2
    assert message in run.err
    assert k2("update", "L2R", "--log", FIELD / "site_log.csv", "--site", "Olso").err.count("did you mean 'Oslo'") == 1


def test_an_entry_for_a_type_has_the_limits_of_the_repair_times_that_it_borrows(k2, log, tmp_path) -> None:
    out = tmp_path / "rates.csv"
    assert k2("fit", log("model,drive_days,failed\nx,1000,3\n"), "--type", "toe", "--output", out).code == 0
    assert [row.mttr_factor for row in read_rates(out).rows.values()] == [read_rates().of_type("toe")[0].mttr_factor]
