"""What a site's own logs of takeovers, repairs and operators say: closed forms, the study after, tables that are wrong."""

import math
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy import optimize, stats

import k2rel
from k2rel.bundled import data_dir, site_path
from k2rel.distributions import Uncertain, from_limits
from k2rel.errors import InputError
from k2rel.field import Exposure, Takeovers, Times, read_takeovers, read_times
from k2rel.field.learned import updated_coverage, updated_time, wide_coverage, wide_time
from k2rel.inputs import Input
from k2rel.rates import read_rates

EXAMPLES = data_dir() / "examples" / "field"
LEVELS = [0.05, 0.95]


def coverage(distribution: Uncertain) -> Input:
    low, high = distribution.quantile(np.array(LEVELS)).tolist()
    return Input("file_system.coverage", "coverage", distribution.mean, low, high, distribution)


def repair(low: float, high: float) -> Input:
    what = from_limits("lognormal", low, high)
    return Input("psu.mttr", "repair time", math.sqrt(low * high), low, high, what, "h")


def laid_over(data: dict[str, Any], other: dict[str, Any]) -> None:
    """Entries of a site file put over those of another; a number with limits goes in as a whole."""
    for key, entry in other.items():
        if isinstance(entry, dict) and isinstance(data.get(key), dict) and "value" not in entry:
            laid_over(data[key], entry)
        else:
            data[key] = entry


@pytest.fixture
def site(tmp_path):
    """Level 2R with other entries."""

    def write(*entries):
        data = YAML().load(site_path("L2R").read_text())
        for name in ("coverage", "software_coverage"):  # limits of an assumption that nothing takes are refused
            for key in ("low", "high"):
                data["assumptions"][name].pop(key, None)
        for each in entries:
            laid_over(data, each)
        path = tmp_path / "own.yaml"
        with path.open("w") as file:
            YAML().dump(data, file)
        return path

    return write


# closed forms -------------------------------------------------------------------------------------------------------


def test_takeovers_are_added_to_a_beta_distribution() -> None:
    found = updated_coverage(coverage(Uncertain("beta", (9.0, 1.3))), Takeovers("file_system", 10, 9))
    assert found.after.distribution == Uncertain("beta", (18.0, 2.3))
    assert found.after.point == pytest.approx(18 / 20.3)
    assert (found.after.low, found.after.high) == pytest.approx(stats.beta(18, 2.3).ppf(LEVELS), rel=1e-8)
    assert found.seen == 0.9


def test_a_log_of_nothing_gives_what_was_known_back() -> None:
    for prior in (Uncertain("beta", (9.0, 1.3)), Uncertain("uniform", (0.7, 0.99))):
        found = updated_coverage(coverage(prior), Takeovers("file_system", 0, 0))
        assert found.after.distribution == prior
        assert found.after.point == pytest.approx(prior.mean)
        assert found.surprise == 1.0
    known = repair(2.0, 18.0)
    found = updated_time(known, Times("psu", 0, 0.0))
    assert (found.after.low, found.after.high) == pytest.approx((2.0, 18.0))
    assert found.after.distribution == known.distribution


def test_a_coverage_that_may_be_anything_is_updated_as_the_rule_of_succession_says() -> None:
    found = updated_coverage(coverage(Uncertain("uniform", (0.0, 1.0))), Takeovers("file_system", 10, 7))
    assert found.after.point == pytest.approx(8 / 12, abs=1e-4)
    assert (found.after.low, found.after.high) == pytest.approx(stats.beta(8, 4).ppf(LEVELS), abs=5e-4)


def test_a_log_that_contradicts_what_was_known_is_said_to() -> None:
    prior = Uncertain("beta", (40.0, 2.0))
    expected = stats.betabinom(12, 40, 2)
    for good in (5, 9, 12):
        found = updated_coverage(coverage(prior), Takeovers("file_system", 12, good))
        both = 2 * min(expected.cdf(good), 1 - expected.cdf(good - 1))
        assert found.surprise == pytest.approx(min(1.0, both), rel=0.02, abs=1e-5)


def test_repair_times_are_conjugate_where_their_reciprocal_is_a_gamma_distribution() -> None:
    """Limits of 2 and 18 h: a gamma distribution of repairs an hour with quantiles 1/18 and 1/2; then 5 repairs in 14 h."""

    def apart(shape: float) -> float:
        ends = stats.gamma(shape).ppf(LEVELS)
        return float(ends[1] / ends[0] - 9.0)

    shape = optimize.brentq(apart, 0.5, 20.0, xtol=1e-12)
    scale = (1 / 18) / stats.gamma(shape).ppf(0.05)
    after = stats.gamma(shape + 5, scale=1 / (1 / scale + 14.0))
    found = updated_time(repair(2.0, 18.0), Times("psu", 5, 14.0), "gamma").after
    assert found.point == pytest.approx((1 / scale + 14.0) / (shape + 5 - 1), rel=1e-8)
    assert (found.low, found.high) == pytest.approx(1 / after.ppf([0.95, 0.05]), rel=1e-8)


def test_repair_times_in_lognormal_limits_are_updated_as_a_plain_integral_says() -> None:
    mean = np.exp(np.linspace(math.log(0.05), math.log(200), 400_001))
    weight = stats.lognorm(math.log(3) / stats.norm.ppf(0.95), scale=6.0).pdf(mean) * mean
    weight *= mean**-5.0 * np.exp(-14.0 / mean)
    weight /= weight.sum()
    low, high = np.interp(LEVELS, np.cumsum(weight), mean)
    found = updated_time(repair(2.0, 18.0), Times("psu", 5, 14.0)).after
    assert found.point == pytest.approx(float(weight @ mean), rel=1e-5)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-3)


def test_what_has_no_limits_is_known_as_ten_takeovers_or_a_factor_of_three_would_say() -> None:
    assert wide_coverage(0.8).parameters == pytest.approx((8.0, 2.0))
    assert wide_coverage(1.0).mean == 0.95  # a log must be able to change it
    assert wide_time(6.0).quantile(np.array(LEVELS)) == pytest.approx([2.0, 18.0])


# the study after ----------------------------------------------------------------------------------------------------


def test_a_study_takes_over_coverage_repair_times_and_operators_of_its_logs(site) -> None:
    limits = {"value": 0.9, "low": 0.8, "high": 0.97, "distribution": "beta"}
    given = {"roles": {"file_system": {"coverage": limits}}, "types": {"psu": {"mttr": "6 h"}}}
    path = site(given)
    a, b = from_limits("beta", 0.8, 0.97).parameters
    before = k2rel.study(path)
    result = k2rel.updated(
        before,
        takeovers=[Takeovers("file_system", 6, 5), Takeovers("file_system", 14, 10)],
        repairs=[Times("psu", 4, 8.0)],
        operators=[Times("manual takeover", 8, 2.0)],
    )
    role = result.after.site.roles["file_system"]
    assert role.coverage == pytest.approx((a + 15) / (a + b + 20))
    time = updated_time(repair(2.0, 18.0), Times("psu", 4, 8.0)).after
    assert result.after.law("psu_raid_1").mttr_h == time.point
    assert result.after.law("switch_A") == before.law("switch_A")
    assert result.organisation is not None
    assert 0.25 < result.organisation.manual_takeover_h < 1.0  # eight of a quarter of an hour
    assert result.organisation.return_to_service_h == 1.0

    # what is drawn afterwards are the distributions after: one coverage, one repair time
    found = {**result.after.laws.inputs, **result.after.site.inputs}
    drawn = {use.field: found[use.input] for use in (*role.uses, *result.after.law("psu_raid_1").uses)}
    assert drawn["coverage"].distribution == Uncertain("beta", (a + 15, b + 5))
    assert (drawn["mttr_h"].low, drawn["mttr_h"].high) == (time.low, time.high)
    assert result.organisation.inputs["return_to_service_h"].high == 4.0

    # the answer follows, and the entries in the site file give the same one
    down = [k2rel.availability(one)["media"].downtime_min_per_year for one in (result.before, result.after)]
    assert down[1] > 1.1 * down[0]
    written = YAML(typ="safe").load(result.entries())
    again = k2rel.study(site(given, written))
    assert k2rel.availability(again)["media"].downtime_min_per_year == pytest.approx(down[1], rel=1e-4)
    assert again.site.roles["file_system"].coverage == pytest.approx(role.coverage, rel=1e-5)
    table = result.handling()
    assert table.index.tolist() == ["roles.file_system.coverage", "psu.mttr", "manual_takeover_h"]
    assert table.loc["roles.file_system.coverage", ["before", "before_low", "seen"]].tolist() == pytest.approx(
        [0.9, 0.8, 0.75]
    )


def test_takeovers_count_for_the_coverage_of_what_failed(site) -> None:
    one = {"value": 0.9, "low": 0.8, "high": 0.97}
    path = site({"roles": {"file_system": {"coverage": {"default": 0.95, "server_software": one}}}})
    a, b = from_limits("beta", 0.8, 0.97).parameters
    seen = [
        Takeovers("file_system", 10, 6, "server_software"), Takeovers("file_system", 10, 7, "software_A"),
        Takeovers("file_system", 5, 5, "media_server"), Takeovers("file_system", 1, 1, "default"),
    ]  # fmt: skip
    result = k2rel.updated(path, takeovers=seen)
    role = result.after.site.roles["file_system"]
    assert dict(role.coverage_of)["server_software"] == pytest.approx((a + 13) / (a + b + 20))
    assert role.coverage == pytest.approx((9.5 + 6) / 16)
    assert result.handling().index.tolist() == [
        "roles.file_system.coverage.server_software", "file_system.coverage",
    ]  # fmt: skip
    written = YAML(typ="safe").load(result.entries())["roles"]["file_system"]["coverage"]
    assert set(written) == {"default", "server_software"}
    with pytest.raises(
        InputError, match="say in the column 'trigger' what did: server_software, fs_database, or default"
    ):
        k2rel.updated(path, takeovers=[Takeovers("file_system", 2, 1)])


def test_takeovers_inform_whatever_rests_on_the_same_assumption(site) -> None:
    """One input is one number that is not known: of its users together what each of them saw."""
    shared = {"value": 0.8, "low": 0.67, "high": 0.92, "evidence": "INFERRED", "reason": "Software fails alike."}
    given = {
        "assumptions": {"of_software": shared},
        "roles": {
            "file_system": {
                "coverage": {"default": 0.95, "server_software": "=of_software", "fs_database": "=of_software"}
            }
        },
    }
    a, b = from_limits("beta", 0.67, 0.92).parameters
    seen = [Takeovers("file_system", 8, 6, "server_software"), Takeovers("file_system", 4, 4, "fs_database")]
    result = k2rel.updated(site(given), takeovers=seen)
    expected = pytest.approx((a + 10) / (a + b + 12))
    assert dict(result.after.site.roles["file_system"].coverage_of) == {
        "server_software": expected, "fs_database": expected,
    }  # fmt: skip
    again = k2rel.study(site(given, YAML(typ="safe").load(result.entries())))
    assert dict(again.site.roles["file_system"].coverage_of)["fs_database"] == pytest.approx(
        (a + 10) / (a + b + 12), rel=1e-5
    )
    assert again.site.inputs["of_software"].low == pytest.approx(result.learned[0].after.low, rel=1e-5)


def test_a_log_without_hours_worth_mentioning_leaves_the_limits_and_what_is_drawn_as_they_are() -> None:
    result = k2rel.updated("L2R", [Exposure("psu", 0, 1e-3)])
    before, after = (
        next(one.laws.inputs[use.input] for use in one.law("psu_raid_1").uses if use.field == "failure_rate_per_h")
        for one in (result.before, result.after)
    )
    assert (after.low, after.high) == pytest.approx((before.low, before.high), rel=1e-4)
    # the downtime is that at the means of the prior, and not with the published rates
    down = [k2rel.availability(one)["media"].downtime_min_per_year for one in (result.at_means, result.after)]
    assert down[1] == pytest.approx(down[0], rel=1e-6)
    assert result.table().loc["psu", "before_mean_per_h"] == pytest.approx(read_rates().row("psu").mean_per_h)


def test_the_command_says_what_three_logs_change_and_writes_the_entries(k2, tmp_path) -> None:
    rates, entries = tmp_path / "own.csv", tmp_path / "own.yaml"
    logs = [f"--{name}={EXAMPLES / f'{name}.csv'}" for name in ("takeovers", "repairs", "operators")]
    run = k2("update", "L2R", "--log", EXAMPLES / "site_log.csv", *logs, "--output", rates, "--entries", entries)
    assert run.code == 0, run.err
    for words in ("coverage", "psu.mttr", "--manual-takeover", "at the means of the prior"):
        assert words in run.out, words
    assert "media_server" in YAML(typ="safe").load(entries.read_text())["types"]
    row = read_rates(rates).row("psu_site")
    shown = k2("update", "L2R", *logs, "--format", "json").json
    times = {one["input"]: one["after"] for one in shown["handling"]}
    assert row.mttr_h["4h"] == pytest.approx(times["psu.mttr"])  # a table of one's own goes before the site file
    assert {"media_server.mttr", "psu.mttr", "manual_takeover_h", "return_to_service_h"} < set(times)


# tables that are wrong ----------------------------------------------------------------------------------------------


def test_units_stand_in_the_cell_or_in_the_header(tmp_path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("time [min],type\n90,psu\n2 h,psu\n\n30.5,drive\n")
    assert [(one.name, one.count, one.total_h) for one in read_times(path, "type")] == [
        ("psu", 2, 3.5), ("drive", 1, pytest.approx(30.5 / 60)),
    ]  # fmt: skip
    path.write_text("role,tried,succeeded,by\nfile_system,3,2,Anna\n")
    assert read_takeovers(path) == [Takeovers("file_system", 3, 2)]


WRONG = {
    "takeovers": [
        (
            "role,tried,succeeded\nfile_system,3,4\n",
            ":2: takeovers of 'file_system': 4 succeeded, more than the 3 attempted",
        ),
        ("role,tried,succeeded\nfile_system,-3,-4\n", "tried must be a whole number from 0, got -3"),
        ("role,tried,succeeded\nfile_system,2.5,1\n", "a whole number is needed, got 2.5"),
        ("role,tried,succeeded\nfile_system,many,1\n", "'many' is not a number"),
        ("role,tried,succeeded\nfile_systm,3,2\n", ":2: L2R has no role 'file_systm'; did you mean 'file_system'"),
        ("role,tried,succeeded,trigger\nfile_system,3,2,psuu\n", "has no component type or part 'psuu'"),
        ("role,tried,succeeded,trigger\nfile_system,3,2,client\n", "no takeover of 'file_system' begins with 'client'"),
        ("role,tried\nfile_system,3\n", "needs one column 'succeeded'"),
        ("role,tried,succeeded\nfile_system,3\n", ":2: has 2 cells, and there are 3 columns"),
        ("role,tried,succeeded\n,3,2\n", "'role' is empty"),
        ("role,tried,succeeded\n", "has no rows"),
        ("", "is empty"),
    ],
    "repairs": [
        ("type,time\npsu,-3 h\n", "-3 h"),
        ("type,time\npsu,0 h\n", "a time above 0"),
        ("type,time\npsu,soon\n", "soon"),
        ("type,time\npsuu,3 h\n", ":2: L2R has no part of type 'psuu'; did you mean 'psu'"),
        ("type,time [fortnights]\npsu,3\n", "'fortnights' in 'time [fortnights]' is not a unit of time"),
    ],
    "operators": [("action,time\nmanual takover,3 h\n", ":2: there is no action 'manual takover'; did you mean")],
}


@pytest.mark.parametrize(("log", "text", "says"), [(log, *case) for log, cases in WRONG.items() for case in cases])
def test_logs_that_cannot_be_are_refused_in_a_sentence(k2, tmp_path, log, text, says) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    run = k2("update", "L2R", f"--{log}", path)
    assert run.code == 2
    assert says in run.err
    assert "log.csv" in run.err


def test_a_role_that_never_moves_and_lists_of_other_things_are_refused(k2) -> None:
    alone = next(iter(k2rel.study("L1").site.roles))
    with pytest.raises(InputError, match=f"role '{alone}' has one holder in L1 and is never taken over"):
        k2rel.updated("L1", takeovers=[Takeovers(alone, 2, 1)])
    with pytest.raises(InputError, match="repairs: a list of Times is needed"):
        k2rel.updated("L2R", repairs=[Exposure("psu", 1, 10.0)])  # type: ignore[list-item]
    with pytest.raises(InputError, match="holds no failures and hours, takeovers, or times"):
        k2rel.updated("L2R")
    with pytest.raises(InputError, match="there is no action 'lunch'"):
        k2rel.updated("L2R", operators=[Times("lunch", 1, 1.0)])
    assert "at least one of --log, --takeovers" in k2("update", "L2R").err
    assert (
        "--output: it is for rates" in k2("update", "L2R", "--repairs", EXAMPLES / "repairs.csv", "--output", "x").err
    )
