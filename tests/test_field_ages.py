"""Parts that were not new when their observation began, early failures, and what is said where nothing fits."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from k2rel.field import (
    Lives,
    RepairHistory,
    curve_of,
    fit_law,
    fits_and_reasons,
    goodness_of_fit,
    read_field,
    trend_of,
)
from k2rel.field.likelihood import LAWS, log_likelihood
from k2rel.plots.field import plot_probability

ENTRY = np.array([0, 0, 120, 150, 300, 310, 420, 500, 610, 640, 700, 15.0])
EXIT = np.array([310, 95, 400, 520, 480, 700, 700, 610, 905, 1100, 760, 820.0])
FAILED = np.array([1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 1]) == 1
OLD = Lives.of(EXIT[FAILED], EXIT[~FAILED], "old parts", np.concatenate([ENTRY[FAILED], ENTRY[~FAILED]]))


def fleet(seed=20, count=1999):
    """Drives of any age below 60,000 h, watched for a year: lives from a Weibull law of 3.0 and 50,000 h."""
    rng = np.random.default_rng(seed)
    age, life = np.round(rng.uniform(0, 60_000, 4 * count)), 50_000 * rng.weibull(3.0, 4 * count)
    keep = np.flatnonzero(life > age + 1)[:count]
    seen = np.minimum(np.ceil(life[keep] - age[keep]), 8760.0)
    return age[keep], seen, life[keep] - age[keep] < 8760


# ages at entry ------------------------------------------------------------------------------------------------------


def test_truncated_fits_are_those_of_lifelines() -> None:
    """As lifelines 0.30.3, ``fit(exit, failed, entry=entry)``."""
    weibull = fit_law("weibull", OLD)
    assert weibull.parameters["scale_h"].value == pytest.approx(539.516166, rel=1e-6)
    assert weibull.parameters["shape"].value == pytest.approx(1.48759634, rel=1e-6)
    assert weibull.log_likelihood == pytest.approx(-62.51223542, abs=1e-7)
    assert weibull.parameters["shape"].error == pytest.approx(0.54404586, rel=1e-5)
    lognormal = fit_law("lognormal", OLD)
    assert math.log(lognormal.parameters["median_h"].value) == pytest.approx(5.87989637, rel=1e-7)
    assert lognormal.parameters["sigma"].value == pytest.approx(0.79089823, rel=1e-6)
    assert lognormal.log_likelihood == pytest.approx(-63.08924319, abs=1e-7)
    assert fit_law("exponential", OLD).parameters["mean_h"].value == pytest.approx(403.888868, rel=1e-6)
    curve = curve_of(OLD)
    assert curve.time_h.tolist() == [95, 310, 400, 520, 610, 700, 760, 820, 905]
    expected = [1 / 3, 0.46666667, 0.57333333, 0.65866667, 0.744, 0.7952, 0.8464, 0.8976, 0.9488]
    assert curve.failed == pytest.approx(expected, abs=1e-8)
    assert "delayed entry" in curve.method


def test_a_constant_rate_is_failures_by_the_hours_that_were_seen() -> None:
    fit = fit_law("exponential", OLD)
    assert fit.rate_per_h.value == pytest.approx(FAILED.sum() / (EXIT - ENTRY).sum(), rel=1e-12)
    assert fit.hours == (EXIT - ENTRY).sum()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), law=st.sampled_from(["exponential", "weibull", "lognormal", "gamma"]))
def test_the_likelihood_is_that_of_lives_that_lasted_until_their_age(seed, law) -> None:
    """Against SciPy's densities, divided by what survives until the age at entry; intervals and a location too."""
    rng = np.random.default_rng(seed)
    entry = rng.uniform(0, 300, 9)
    low = entry + rng.uniform(1, 200, 9)
    high = np.concatenate([low[:3], np.full(3, math.inf), low[6:] + rng.uniform(1, 100, 3)])
    p = np.array([1.7, 400.0])[-len(LAWS[law].parameters) :]
    location = 20.0 if law == "weibull" else 0.0
    frozen = {
        "exponential": stats.expon(scale=400), "weibull": stats.weibull_min(1.7, location, 400),
        "lognormal": stats.lognorm(1.7, scale=400), "gamma": stats.gamma(1.7, scale=400),
    }[law]  # fmt: skip
    expected = frozen.logpdf(low[:3]).sum() + frozen.logsf(low[3:6]).sum()
    expected += np.log(frozen.cdf(high[6:]) - frozen.cdf(low[6:])).sum() - frozen.logsf(entry).sum()
    lives = Lives("x", low, high, np.ones(9), (), entry)
    assert log_likelihood(LAWS[law], p, lives, location) == pytest.approx(expected, rel=1e-10)


def test_intervals_with_ages_get_the_masses_of_the_largest_likelihood() -> None:
    """No distribution over the places between all bounds is more likely than the curve."""
    low = np.array([1, 4, 6, 2, 5, 10, 3, 2, 8, 7.0])
    high = np.array([3, 8, 10, 5, 11, math.inf, 6, 9, 12, math.inf])
    entry = np.array([0, 2, 5, 1, 0, 3, 0, 2, 7, 6.5])
    lives = Lives("x", low, high, np.ones(10), (), entry)
    curve = curve_of(lives)
    places = np.unique(np.concatenate([low, high[np.isfinite(high)], entry, [20]])) - 0.25  # one within each gap
    inside = (places > low[:, None]) & (places <= high[:, None])
    visible = places > entry[:, None]

    def cost(x):
        mass = np.exp(x - x.max()) / np.exp(x - x.max()).sum()
        return -np.log((inside @ mass) / (visible @ mass)).sum()

    rng = np.random.default_rng(1)
    starts = [rng.normal(size=len(places)) for _ in range(2)]
    best = min(optimize.minimize(cost, start, method="L-BFGS-B").fun for start in starts)

    def failed(at):
        return np.concatenate([[0.0], curve.failed])[np.searchsorted(curve.time_h, at, side="right")]

    open_end = np.isinf(high)
    found = -np.log(np.where(open_end, 1 - failed(low), failed(high) - failed(low)) / (1 - failed(entry))).sum()
    assert found == pytest.approx(best, abs=2e-4)
    assert curve.method == "Turnbull, delayed entry"


def test_drives_watched_for_a_year_give_the_law_that_they_came_from() -> None:
    age, seen, failed = fleet()
    lives = Lives.of((age + seen)[failed], (age + seen)[~failed], "drives", np.concatenate([age[failed], age[~failed]]))
    fit = fit_law("weibull", lives)
    for name, truth in (("shape", 3.0), ("scale_h", 50_000)):
        one = fit.parameters[name]
        assert abs(one.value - truth) < 3 * one.error, name
        assert one.low < one.value < one.high
        assert one.error < 0.06 * truth
    new = fit_law("weibull", Lives.of(seen[failed], seen[~failed]))
    assert new.parameters["shape"].value < 1.3  # what they say if their ages are not known
    curve = curve_of(lives)
    middle = np.searchsorted(curve.time_h, 40_000.0)
    assert curve.low[middle] < stats.weibull_min(3.0, scale=50_000).cdf(40_000) < curve.high[middle]
    test = goodness_of_fit(fit, lives, samples=20)
    assert test.p_value > 0.05
    assert goodness_of_fit(fit_law("exponential", lives), lives, samples=20).p_value < 0.05


def test_ages_are_read_from_every_way_to_write_them(log, k2) -> None:
    age, seen, failed = fleet(count=200)
    start = np.datetime64("2023-01-01T00:00:00")
    stamp = [str(start + np.timedelta64(int(3600 * x), "s")) for x in seen]
    born = [str(start - np.timedelta64(int(3600 * x), "s")) for x in age]
    rows = list(zip(range(200), age, seen, failed.astype(int), born, stamp, strict=True))
    window = {"begin": "2023-01-01", "until": "2024-01-01"}
    ways: list[tuple[str, list[str], dict[str, Any]]] = [
        ("unit,age_at_start,time,failed", [f"{i},{a},{s},{f}" for i, a, s, f, _, _ in rows], {}),
        ("power_on_hours,start [h],end [h],failed", [f"{a},100,{100 + s},{f}" for _, a, s, f, _, _ in rows], {}),
        ("age [d],start,end,failed", [f"{float(a) / 24!r},2023-01-01,{t},{f}" for _, a, s, f, _, t in rows], {}),
        ("entry,exit,failed", [f"{a},{a + s},{f}" for _, a, s, f, _, _ in rows], {}),
        ("installed,removed,failed", [f"{b},{t if f else ''},{f}" for _, _, _, f, b, t in rows], window),
        ("installed,start,end,failed", [f"{b},2023-01-01,{t},{f}" for _, _, _, f, b, t in rows], {}),
        ("age_at_start,end,failed", [f"{a},{t},{f}" for _, a, _, f, _, t in rows], {"begin": "2023-01-01"}),
    ]
    expected = Lives.of((age + seen)[failed], (age + seen)[~failed], "", np.concatenate([age[failed], age[~failed]]))
    for number, (head, lines, options) in enumerate(ways):
        data = read_field(log("\n".join([head, *lines]) + "\n", f"{number}.csv"), **options)
        (lives,) = data.lives
        assert lives.hours == pytest.approx(expected.hours), head
        assert np.sort(lives.entry_h) == pytest.approx(np.sort(expected.entry_h), abs=1e-6), head
        assert np.sort(lives.lower_h) == pytest.approx(np.sort(expected.lower_h)), head
        assert data.ages
        assert any("left-truncated" in note for note in data.notes), head
    run = k2("fit", log("\n".join([ways[0][0], *ways[0][1]]) + "\n"), "--samples", "0", "--format", "json")
    assert run.json["ages"] == "column 'age_at_start'"


def test_the_rounding_of_many_lives_keeps_what_was_seen(log, monkeypatch) -> None:
    from k2rel.field import read

    monkeypatch.setattr(read, "_MOST_LIVES", 50)
    rows = "".join(f"{50_000 + i * 0.37},{10 + i * 0.01},1\n" for i in range(300))
    (lives,) = read_field(log("age_at_start,hours,failed\n" + rows)).lives
    assert lives.hours == pytest.approx(sum(10 + i * 0.01 for i in range(300)), rel=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age_at_start,end,failed\n10,20,1\n10,30,0\n", "give --column exit=NAME for an age"),
        ("age,end,failed\n10,20,1\n", "give --column exit=NAME for an age"),
        ("entry,exit,failed\n30,20,1\n", "is below the age at which the observation began"),
        ("entry,exit,failed\n20,20,1\n", "failed at the moment it started"),
        ("age_at_start,lower,upper\n30,20,40\n", "give --column exit=upper for ages"),
        ("age_at_start,start,end,failed\n,0,20,1\n", "needs an age"),
        ("operating_hours,start,end,failed\n5,0,20,1\n", "give --column entry=NAME for an age"),
        ("installed,start,end,failed\n2024-02-01,2024-01-01,2024-03-01,1\n", "not after the start of the observation"),
    ],
)
def test_ages_that_are_not_clear_are_refused(log, k2, text, message) -> None:
    run = k2("fit", log(text))
    assert run.code == 2
    assert message in run.err


def test_the_reader_is_told_what_an_end_is(log) -> None:
    path = log("age_at_start,end,failed\n10,20,1\n10,30,0\n")
    assert read_field(path, columns={"end": "end"}).hours == 50
    assert read_field(path, columns={"exit": "end"}).hours == 30


@pytest.mark.parametrize(
    ("head", "row"),
    [("time,failed", "{},{}"), ("start [h],end [h],failed", "7,{},{}"), ("start,end,failed", "2023-01-01,{},{}")],
)
def test_used_parts_without_ages_are_warned_of(log, head, row) -> None:
    last = "2024-01-01" if head == "start,end,failed" else "8760"
    mid = "2023-05-01" if head == "start,end,failed" else "4000"
    rows = [row.format(last, 0)] * 20 + [row.format(mid, 1)] * 5
    notes = read_field(log("\n".join([head, *rows]) + "\n")).notes
    assert any("WARNING" in note and "ages" in note for note in notes)
    rows = [row.format(last, 0)] * 5 + [row.format(mid, 1)] * 20
    assert not any("ages" in note for note in read_field(log("\n".join([head, *rows]) + "\n")).notes)


def test_rows_of_a_part_that_went_on_are_warned_of(log) -> None:
    data = read_field(log("unit,start,end,failed\na,0,100,0\na,100,200,1\nb,0,200,0\n"))
    assert any("1 rows end without a failure although their unit has later rows" in note for note in data.notes)
    aged = "unit,age_at_start,start,end,failed\na,0,0,100,0\na,100,100,200,1\nb,0,0,200,0\n"
    data = read_field(log(aged))
    assert data.history is None
    assert any("no test of a trend" in note for note in data.notes)
    assert data.lives[0].hours == 400


def test_a_plot_of_old_parts_lies_on_the_law() -> None:
    age, seen, failed = fleet()
    age = age + 20_000
    lives = Lives.of((age + seen)[failed], (age + seen)[~failed], "drives", np.concatenate([age[failed], age[~failed]]))
    curve = curve_of(lives)
    assert curve.from_h >= 20_000
    fit = fit_law("weibull", lives)
    axes = plot_probability(curve, fit)
    line, points = (np.asarray(item.get_xydata()) for item in axes.lines[:2])
    assert abs(np.median(points[:, 1] - np.interp(points[:, 0], line[:, 0], line[:, 1]))) < 0.2


# infant mortality, groups, reasons ----------------------------------------------------------------------------------

INFANT = "time,failed,count\n1 d,1,2\n3 d,1,1\n30 d,1,1\n365 d,0,2000\n"


def test_infant_mortality_shows_every_law(log, k2, tmp_path) -> None:
    path, out = log(INFANT), tmp_path / "rates.csv"
    run = k2("fit", path, "--samples", "4", "--format", "json")
    fits = {one["law"]: one for one in run.json["fits"]}
    assert set(fits) == {"exponential", "weibull", "lognormal", "gamma"}
    weibull = fits["weibull"]
    assert weibull["estimates"]["shape"]["value"] == pytest.approx(0.209573, abs=1e-6)
    assert weibull["estimates"]["scale_h"]["value"] == pytest.approx(6.646e16, rel=1e-3)
    assert -weibull["log_likelihood"] == pytest.approx(56.327, abs=5e-4)
    for name, one in fits.items():  # B10 from the parameters as they are shown
        p = {key: value["value"] for key, value in one["estimates"].items()}
        expected = {
            "exponential": lambda p: stats.expon(scale=p["mean_h"]),
            "weibull": lambda p: stats.weibull_min(p["shape"], scale=p["scale_h"]),
            "lognormal": lambda p: stats.lognorm(p["sigma"], scale=p["median_h"]),
            "gamma": lambda p: stats.gamma(p["shape"], scale=p["scale_h"]),
        }[name](p).ppf(0.1)
        assert one["b10_h"] == pytest.approx(expected, rel=1e-6)
    assert len(run.json["goodness_of_fit"]) == 4
    run = k2("fit", path, "--samples", "0", "--output", out)
    assert run.code == 0
    assert "left out, since it cannot be an entry: log.csv: " in run.out
    assert len(out.read_text().splitlines()) == 1


def test_a_law_without_a_mean_says_none_and_has_a_b10_life(log, k2) -> None:
    path = log("time,failed,count\n1,1,1\n3,1,1\n100000,0,1000000\n")
    run = k2("fit", path, "--law", "lognormal", "--samples", "0")
    assert run.code == 0
    assert "none" in run.out
    (one,) = k2("fit", path, "--law", "lognormal", "--samples", "0", "--format", "json").json["fits"]
    assert one["mean_h"] is None
    assert one["b10_h"] > 1e12


def test_one_group_never_stops_the_others(log, k2, tmp_path) -> None:
    text = "model,time,failed,count\n" + "".join(
        f"infant,{r}\n" for r in ("24,1,2", "72,1,1", "720,1,1", "8760,0,2000")
    )
    text += "same,100,1,4\nnone,500,0,9\nunused,0,0,3\n" + "".join(f"good,{t},1,1\n" for t in (100, 180, 260, 300, 420))
    out = tmp_path / "rates.csv"
    run = k2("fit", log(text), "--output", out, "--format", "json")
    assert run.code == 0
    laws = {
        name: {one["law"] for one in run.json["fits"] if one["name"] == name} for name in ("infant", "same", "good")
    }
    assert laws["infant"] == laws["good"] == {"exponential", "weibull", "lognormal", "gamma"}
    assert laws["same"] == {"exponential"}
    assert "two different times" in run.json["missing"]["same"]["weibull"]
    assert any("unused" in note for note in run.json["notes"])
    assert [reason.partition(":")[0] for reason in run.json["not_for_rates"]] == ["infant"]
    assert sorted(line.partition(",")[0] for line in out.read_text().splitlines()[1:]) == [
        "field_good", "field_none", "field_same",
    ]  # fmt: skip
    run = k2("fit", log(text), "--law", "weibull", "--samples", "0")
    assert run.code == 0
    assert "no weibull distribution: a weibull distribution needs at least two different times" in run.out


def test_what_is_rejected_is_not_called_best_and_reasons_are_given(log, k2) -> None:
    path = log("time,failed,count\n100,1,12\n400,0,1\n")
    run = k2("fit", path)
    assert run.code == 0
    assert "rejected at 1 %" in run.out
    assert "Best" not in run.out
    for law in ("weibull", "lognormal", "gamma"):
        assert f"no {law} distribution: " in run.out
    answer = k2("fit", path, "--format", "json").json
    assert answer["best"] == {"log.csv": None}
    assert set(answer["missing"]["log.csv"]) == {"weibull", "lognormal", "gamma"}
    good = k2("fit", log("time,failed\n" + "".join(f"{t},1\n" for t in (100, 180, 260, 300, 420))), "--samples", "5")
    assert "Best by Akaike's criterion" in good.out


def test_reasons_stand_beside_fits() -> None:
    found, missing = fits_and_reasons(Lives.of([5.0, 5.0]))
    assert [one.law for one in found] == ["exponential"]
    assert set(missing) == {"weibull", "lognormal", "gamma"}
    found, missing = fits_and_reasons(Lives.of([], [5.0]), ["weibull"])
    assert [one.law for one in found] == ["exponential"]
    assert "no failure was observed" in missing["weibull"]


def test_both_exponents_of_a_trend_are_shown(k2) -> None:
    """NIST/SEMATECH e-Handbook 8.4.5.2: ten failures until 1500 h; 1 - beta is 0.5165 corrected, and N / sum ln(T / t)."""
    times = np.array([5.0, 40, 43, 175, 389, 712, 747, 795, 1299, 1478])
    one = trend_of(RepairHistory(np.zeros(10, int), times, np.array([1500.0])))
    assert one.shape == pytest.approx(0.4835, abs=5e-5)
    assert one.shape_mle == pytest.approx(10 / np.log(1500 / times).sum(), rel=1e-12)
    assert one.shape_mle == pytest.approx(one.shape * 10 / 9, rel=1e-12)
    until = trend_of(RepairHistory(np.zeros(10, int), times, np.array([1478.0])))  # until the last failure
    assert until.shape_mle == pytest.approx(10 / np.log(1478 / times[:-1]).sum(), rel=1e-12)
    assert until.shape == pytest.approx(until.shape_mle * 8 / 10, rel=1e-12)
    from k2rel.bundled import data_dir

    path = data_dir() / "examples" / "field" / "nist_repairs.csv"
    run = k2("fit", path, "--samples", "0")
    assert "0.484 bias-corrected, 0.537 by maximum likelihood" in run.out
    trend = k2("fit", path, "--samples", "0", "--format", "json").json["trend"]
    assert trend["shape_mle"] == pytest.approx(0.53721, abs=5e-5)
