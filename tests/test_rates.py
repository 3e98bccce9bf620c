"""The registry: what each entry says, own tables over it, conditions, pins, and where the uncertainty comes from."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import k2rel
from k2rel.bundled import data_dir, level_names, rates_path, site_path
from k2rel.distributions import Distribution, parse_distribution
from k2rel.errors import InputError
from k2rel.measures.moments import rate_distributions
from k2rel.rates import Conditions, RateRow, read_rates, registry, write_rates
from k2rel.rates.conditions import arrhenius_factor, mean_hazard_per_h

HEADER = "id,component_types,lambda_per_h,lambda_lo90,lambda_hi90,law,temperature_c,activation_energy_ev,duty,mttr_4h_contract_h\n"


def rates_alone(study):
    """The inputs of a study that are failure rates."""
    return {name: item for name, item in study.laws.inputs.items() if item.kind == "failure rate"}


@pytest.fixture
def table(tmp_path):
    def write(*rows):
        path = tmp_path / "own.csv"
        path.write_text(HEADER + "\n".join(rows) + "\n")
        return path

    return write


def test_every_default_has_its_reason_and_every_entry_its_evidence() -> None:
    rates = read_rates()
    for kind, name in rates.defaults.items():
        assert rates.rows[name].default_reason, kind
    for row in rates.rows.values():
        assert row.evidence
        assert row.source
        assert bool(row.default_reason) == bool(row.component_types)


def test_every_part_of_every_level_has_a_default_and_some_have_alternatives() -> None:
    rates = read_rates()
    kinds = {part.type for level in level_names() for part in k2rel.study(level).site.components.values()}
    assert kinds <= set(rates.defaults)
    assert len(rates.of_type("drive")) >= 8
    assert rates.of_type("drive")[0].id == rates.defaults["drive"]
    with pytest.raises(InputError, match="did you mean 'drive'"):
        rates.of_type("drives")


def test_the_law_of_an_entry_has_the_mean_of_its_rate() -> None:
    for row in read_rates().rows.values():
        if row.life is not None:
            assert row.life.mean_h * row.rate_per_h == pytest.approx(1.0, rel=0.02), row.id


# conditions ---------------------------------------------------------------------------------------------------------


def test_arrhenius_is_the_formula_of_the_handbooks() -> None:
    # by hand: 0.4 / 8.617333262e-5 * (1 / 313.15 - 1 / 328.15) = 0.67757
    assert math.log(arrhenius_factor(0.4, 40, 55)) == pytest.approx(0.67757, abs=1e-5)
    assert arrhenius_factor(0.4, 40, 55) * arrhenius_factor(0.4, 55, 40) == pytest.approx(1.0, rel=1e-12)
    assert arrhenius_factor(0.0, 40, 55) == 1.0


def test_the_rate_at_an_age_is_that_of_many_parts_of_that_age() -> None:
    life = parse_distribution("weibull(shape=3, scale=40000 h)")
    age, year = 30_000.0, 8760.0
    survive = math.exp(-((age / 40_000) ** 3)), math.exp(-(((age + year) / 40_000) ** 3))
    assert mean_hazard_per_h(life, age) == pytest.approx(math.log(survive[0] / survive[1]) / year, rel=1e-12)
    assert mean_hazard_per_h(Distribution.exponential(500.0), 1e5) == 1 / 500
    gamma = parse_distribution("gamma(shape=2, scale=1000 h)")
    assert mean_hazard_per_h(gamma, 5000.0, 1.0) == pytest.approx(
        5 / (1 + 5) / 1000, rel=1e-3
    )  # h(t) = t / s / (s + t)


def test_a_site_carries_an_entry_over_to_its_own_conditions(tmp_path) -> None:
    plain = k2rel.study("L2R", settings={"fc_link.rates": "sfp_pred"}).law("fc_link_A")
    hot = k2rel.study("L2R", settings={"fc_link.rates": "sfp_pred", "fc_link.temperature": "70 °C"}).law("fc_link_A")
    factor = arrhenius_factor(0.4, 40, 70)
    assert hot.failure_rate_per_h == pytest.approx(factor * plain.failure_rate_per_h, rel=1e-12)
    assert hot.high_per_h == pytest.approx(factor * plain.high_per_h, rel=1e-12)
    assert "70 °C" in hot.source
    text = site_path("L2R").read_text()
    path = tmp_path / "site.yaml"
    path.write_text(
        text.replace("\ncomponents:", "\ntypes:\n  fc_link: {rates: sfp_pred, temperature: 343.15 K}\ncomponents:")
    )
    assert k2rel.study(path).law("fc_link_A").failure_rate_per_h == pytest.approx(hot.failure_rate_per_h, rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"toe.temperature": "70"}, "gives no temperature with an activation energy"),
        ({"toe.duty": "0.5"}, "gives no duty"),
        ({"toe.age": "3 y"}, "has a constant failure rate"),
        ({"fc_link.rates": "sfp_pred", "fc_link.temperature": "900 K"}, "from -55 to 200 °C"),
        ({"fc_link.temperature": "warm"}, "is not a valid temperature"),
        ({"drive.rates": "hdd_ds_fc15k", "drive.duty": "2"}, "must be at most 1"),
        ({"toe.mttf": "1e6 h", "toe.temperature": "70"}, "has its own failure rate"),
    ],
)
def test_conditions_that_an_entry_does_not_know_are_refused(settings, message) -> None:
    with pytest.raises(InputError, match=message):
        k2rel.study("L2R", settings=settings)


def test_the_uncertainty_of_a_rate_goes_with_it_to_other_conditions() -> None:
    """All rates of one entry move together, each times its own factor; RAID sets with their drives."""
    given = {"drive.rates": "hdd_elerath", "drive.age": "5 y"}
    old, new = k2rel.study("L2R", settings=given), k2rel.study("L2R", settings={"drive.rates": "hdd_elerath"})
    factor = old.rates_share("media_raid")
    assert factor == pytest.approx(old.laws.shared["media_raid_drive_1"].failure_rate_per_h / 2.26e-6, rel=1e-12)
    assert factor != 1.0
    rows = k2rel.swing(old, method="exact")
    limits = rows.loc["hdd_elerath.failure_rate", ["low", "high"]].tolist()
    there = k2rel.swing(new, method="exact").loc["hdd_elerath.failure_rate", ["low", "high"]]
    assert limits == pytest.approx(there.tolist())
    by_hand = k2rel.study("L2R", settings={"drive.failure_rate": repr(limits[1] * factor), "drive.mttr": "16.6 h"})
    minutes = k2rel.availability(by_hand, method="exact")["media"].downtime_min_per_year
    assert rows.loc["hdd_elerath.failure_rate", "downtime_at_high_min_per_year"] == pytest.approx(minutes, rel=1e-9)
    one, other = (
        k2rel.uncertainty(s, ["media"], samples=200, method="exact", frequency=False).unavailability["media"]
        for s in (old, new)
    )
    assert (one != other).all()


# own tables, pins ---------------------------------------------------------------------------------------------------


def test_an_own_table_replaces_and_adds(table, k2) -> None:
    path = table("psu,psu,1e-5,,,,,,,5", "mine,toe,2e-6,,,,,,,6")
    rates = registry(path)
    assert rates.rows["psu"].rate_per_h == 1e-5
    assert rates.defaults["toe"] == "mine"
    assert rates.defaults["drive"] == "hdd_fc_elerath_shah"
    run = k2("rates", "list", "--rates", path, "--type", "toe", "--format", "json")
    assert [row["id"] for row in run.json] == ["mine", "toe_hba"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,,-1,,,,,,,5", "must be finite and 0 or more"),
        ("a,,1e-6,2e-6,3e-6,,,,,5", "is outside its limits"),
        ("a,,1e-6,,,weibull(shape=2; scale=5 h),,,,5", "law"),
        ("a,,1e-6,,,bathtub,,,,5", "one of exponential"),
        ("a,,1e-6,,,exponential(mean=5 h),,,,5", "does not fit the rate"),
        ("a,,1e-6,,,,500,0.4,,5", "from -55 to 200"),
        ("a,,1e-6,,,,,,1.5,5", "a share from above 0 to 1"),
        ("=1+1,,x,,,,,,,5", "is not a number"),
    ],
)
def test_tables_that_are_wrong_are_explained_with_their_place(table, row, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_rates(table(row))
    assert "own.csv:2" in str(caught.value)


def test_limits_of_repair_times_are_read_written_and_shown(tmp_path, k2) -> None:
    path = tmp_path / "own.csv"
    path.write_text("id,lambda_per_h,mttr_4h_contract_h,mttr_error_factor\nmine,1e-6,6,2.5\nbare,1e-6,6,\n")
    rows = read_rates(path).rows
    assert (rows["mine"].mttr_factor, rows["bare"].mttr_factor) == (2.5, None)
    path.write_text(write_rates(rows.values()))
    again = read_rates(path).rows
    assert {name: (row.mttr_h, row.mttr_factor) for name, row in again.items()} == {
        "mine": ({"4h": 6.0}, 2.5),
        "bare": ({"4h": 6.0}, None),
    }
    assert "4h 6 h; each known within a factor of 2.5" in k2("rates", "show", "mine", "--rates", path).out
    assert "within a factor" not in k2("rates", "show", "bare", "--rates", path).out


@pytest.mark.parametrize("factor", ["0.5", "0", "-2", "nan", "1e999", "twice"])
def test_a_factor_of_repair_times_below_1_or_no_number_is_refused(tmp_path, factor) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"id,lambda_per_h,mttr_4h_contract_h,mttr_error_factor\nmine,1e-6,6,{factor}\n")
    with pytest.raises(InputError, match=r"own\.csv:2.*mttr_error_factor"):
        read_rates(path)


def test_all_repair_times_of_the_registry_have_limits_and_those_of_the_first_data_none() -> None:
    for row in read_rates().rows.values():
        assert (row.mttr_factor is not None) == bool(row.mttr_h), row.id
    assert {row.mttr_factor for row in read_rates(data="0.1").rows.values()} == {None}


@given(
    rate=st.floats(1e-9, 1e-2), factor=st.floats(1.1, 10), types=st.lists(st.sampled_from(["psu", "toe", "drive"]), unique=True),
    notes=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30),
)  # fmt: skip
def test_what_is_written_is_read_back(tmp_path_factory, rate, factor, types, notes) -> None:
    row = RateRow("x", rate, Distribution.exponential(1 / rate), rate / factor, rate * factor, {"4h": 5.0}, tuple(types),
                  notes=notes.strip(), component="x")  # fmt: skip
    path = tmp_path_factory.mktemp("rates") / "t.csv"
    path.write_text(write_rates([row]), encoding="utf-8", newline="")
    (again,) = read_rates(path).rows.values()
    assert (again.rate_per_h, again.low_per_h, again.high_per_h) == (row.rate_per_h, row.low_per_h, row.high_per_h)
    assert again.component_types == row.component_types
    assert again.notes.removeprefix("'") == row.notes.removeprefix("'").strip()


def test_a_site_keeps_what_it_pinned_whatever_the_registry_says_later(tmp_path, k2, monkeypatch) -> None:
    from k2rel.rates import table as home

    site = tmp_path / "site.yaml"
    site.write_text(site_path("L2R").read_text())
    run = k2("rates", "pin", site, "--output", tmp_path / "pins.csv")
    assert run.code == 0, run.err
    site.write_text(site.read_text().replace("\ncomponents:", "\nrates: pins.csv\ncomponents:"))
    before = k2rel.availability(k2rel.study(site), method="exact")["media"].unavailability
    assert before == k2rel.availability(k2rel.study("L2R"), method="exact")["media"].unavailability
    shipped = home._shipped(rates_path())
    changed = {name: RateRow(**{**{f: getattr(row, f) for f in row.__slots__}, "rate_per_h": row.rate_per_h * 2})
               for name, row in shipped.rows.items()}  # fmt: skip
    monkeypatch.setattr(home, "_shipped", lambda path: home.RateTable(changed, shipped.defaults))
    assert k2rel.availability(k2rel.study(site), method="exact")["media"].unavailability == before
    assert k2rel.availability(k2rel.study("L2R"), method="exact")["media"].unavailability > before
    own = tmp_path / "own.csv"
    own.write_text(HEADER + "mine,raid_chassis,1e-3,,,,,,,6\n")
    assert k2rel.availability(k2rel.study(site, rates=own), method="exact")["media"].unavailability > 1e-3


def test_a_pin_goes_with_its_site_to_sweeps_reports_and_other_machines(tmp_path) -> None:
    from k2rel.report.batch import _shipped
    from k2rel.report.render import Job
    from k2rel.sweep import read_sweep
    from k2rel.sweep.run import _remote

    site, pins, spec = tmp_path / "site.yaml", tmp_path / "pins.csv", tmp_path / "sweep.yaml"
    site.write_text(site_path("L1").read_text().replace("\ncomponents:", "\nrates: pins.csv\ncomponents:"))
    pins.write_text(HEADER + "mine,raid_chassis,1e-3,,,,,,,6\n")
    spec.write_text("name: pinned\nlevels: [site.yaml]\n")
    first = read_sweep(spec)
    here = k2rel.availability(k2rel.study(site), method="exact")["media"].unavailability
    job = Job("x", "x", site, {"level": str(site)}, "")
    assert {name.rpartition("/")[2] for name in _shipped(job)[2]} == {"site.yaml", "pins.csv"}
    pins.write_text(HEADER + "mine,raid_chassis,2e-3,,,,,,,6\n")
    second = read_sweep(spec)
    assert first.points[0].key(first.files, "") != second.points[0].key(second.files, "")
    site.unlink(), pins.unlink()
    ((_, row),) = _remote([("key", first.points[0])], first.files)
    assert row["unavailability"] == here


def test_a_pin_lies_beside_its_site(tmp_path, k2) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(site_path("L1").read_text().replace("\ncomponents:", "\nrates: ../../secret.csv\ncomponents:"))
    assert "without folders" in k2("check", site).err
    site.write_text(site_path("L1").read_text().replace("\ncomponents:", "\nrates: none.csv\ncomponents:"))
    assert "none.csv" in k2("check", site).err
    pins = tmp_path / "pins.csv"
    assert k2("rates", "pin", "L1", "--output", pins).code == 0
    assert "--force" in k2("rates", "pin", "L1", "--output", pins).err
    assert k2("rates", "pin", "L1", "--output", tmp_path / "no" / "pins.csv").code == 2


# the verb -----------------------------------------------------------------------------------------------------------


def test_the_registry_on_the_command_line(k2) -> None:
    assert len(k2("rates", "list", "--format", "json").json) == len(read_rates().rows)
    shown = k2("rates", "show", "hdd_elerath").out
    assert "weibull(shape=1.12, scale=461386 h)" in shown
    assert "Elerath & Pecht" in shown
    assert k2("rates", "show", "drive").out.count("\n  rate") == 10
    assert "because" in k2("rates", "show", "drive").out
    run = k2("rates", "predict", "sfp_pred", "--temperature", "55 °C", "--format", "json").json
    assert run["factor"] == pytest.approx(math.exp(0.67757), rel=1e-4)
    for words in (
        ["show", "nothing"],
        ["list", "--type", "x"],
        ["predict", "psu"],
        ["predict", "psu", "--age", "old"],
        ["compare", "x"],
    ):
        run = k2("rates", *words)
        assert run.code == 2
        assert run.err
    assert k2("rates").code == 2


def test_entries_side_by_side_do_to_a_level_what_setting_them_does(k2) -> None:
    for level in ("L2", "L2R"):
        table = k2rel.entries_compared("gige_switch", level=level)
        for row in table.index:
            study = k2rel.study(level, settings={"gige_switch.rates": row})
            minutes = k2rel.availability(study)["media"].downtime_min_per_year
            assert table.loc[row, "downtime_min_per_year"] == pytest.approx(minutes, rel=1e-12)
        assert set(table["takeovers"]) == {"as modelled"}
    assert table["times_default"].iloc[0] == 1.0
    assert (
        k2("rates", "compare", "gige_switch", "--level", "L2", "--format", "json").json[0]["id"] == "eth_switch_hw_pred"
    )
    assert "has no component type 'fc_switch'" in k2("rates", "compare", "fc_switch", "--level", "L1").err


def test_an_entry_says_what_its_rate_is_to_its_limits(k2, tmp_path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "id,lambda_per_h,lambda_lo90,lambda_hi90,mttr_4h_contract_h,component_types\n"
        "own_psu,3e-6,1e-6,9e-6,6,psu\nown_drive,5e-6,1e-6,9e-6,6,drive\nbare,5e-6,,,6,\n"
    )
    # the mean of the lognormal distribution with 5 and 95 % quantiles of 1e-6 and 9e-6: 3e-6 exp(s^2 / 2), s = ln 3 / z
    mean = 3e-6 * math.exp((math.log(3) / 1.6448536269514722) ** 2 / 2)
    frame = registry(path).table()
    assert frame.loc[["own_psu", "own_drive", "bare"], "point"].tolist() == ["median", "estimate", ""]
    assert frame.loc[["own_psu", "bare"], "mean_per_h"].tolist() == pytest.approx([mean, 5e-6], rel=1e-9)
    run = k2("rates", "show", "own_psu", "--rates", path)
    assert "3e-06 /h (90 % limits 1e-06 to 9e-06, whose median it is; their mean 3.75e-06)" in run.out
    assert "whose estimate by other means it is" in k2("rates", "show", "own_drive", "--rates", path).out
    shown = k2("rates", "show", "own_psu", "--rates", path, "--format", "json").json[0]
    assert (shown["point"], shown["mean_per_h"]) == ("median", pytest.approx(mean))
    # the distribution that every figure of uncertainty draws from has the limits of the table
    drawn = rate_distributions(k2rel.study("L2R", rates=path))
    assert drawn["own_drive"].quantile(np.array([0.05, 0.95])) == pytest.approx([1e-6, 9e-6], rel=1e-9)


# where the uncertainty comes from -----------------------------------------------------------------------------------


def test_the_variance_of_a_series_system_splits_as_its_terms_say() -> None:
    """Level 1's media is nearly a sum of rates times times to restore: each entry's share is known in closed form."""
    off = {f"{kind}.failure_rate": "0" for kind in ("psu", "drive")}
    study = k2rel.study("L1", clients=1, settings=off)
    study = replace(study, laws=replace(study.laws, inputs=rates_alone(study)))
    found = k2rel.sensitivity(study, by="entry", samples=4096)
    needed = {name for name, share in k2rel.causes(study, method="exact")["share_of_downtime"].items() if share > 0}
    terms = {}
    for name, law in study.laws.used():
        part = study.site.components.get(name) or study.site.client_parts[name]
        if (name in needed or f"each client's {name}" in needed) and law.rates_id and not part.external:
            terms[law.rates_id] = terms.get(law.rates_id, 0.0) + law.mean_downtime_h
    variances = {row: terms[row] ** 2 * rate_distributions(study)[row].variance for row in terms}
    total = sum(variances.values())
    for row, variance in variances.items():
        assert found.loc[row, "first_order"] == pytest.approx(variance / total, abs=0.05), row


def test_shares_and_what_only_several_do_add_up_to_all(k2) -> None:
    for by in ("source", "evidence", "entry", "kind"):
        found = k2rel.sensitivity("L2R", by=by, samples=64, method="exact")
        assert found["first_order"].sum() + found.attrs["together"] == pytest.approx(1.0)
    run = k2("uncertainty", "L2R", "--samples", "64", "--by", "source", "--method", "exact", "--format", "json")
    assert run.json["sensitivity"]
    with pytest.raises(InputError, match="one of input, kind, entry, source, evidence"):
        k2rel.sensitivity("L2R", by="colour")
    with pytest.raises(InputError, match="power of 2"):
        k2rel.sensitivity("L2R", samples=100)


def test_what_is_known_better_contributes_less() -> None:
    from k2rel.field import Exposure

    study = k2rel.study("L1")
    before = k2rel.sensitivity(study, by="entry", samples=256)
    after = k2rel.updated(study, [Exposure("gige_switch", 43, 1e7)]).after
    later = k2rel.sensitivity(after, by="entry", samples=256)
    assert before["total"]["eth_switch_hw_pred"] > 3 * later["total"]["eth_switch_hw_pred_site"]


def test_the_shipped_table_is_the_registry() -> None:
    assert (data_dir() / "rates.csv").read_text().startswith("id,component_types,also_for,default_reason")
    assert write_rates(read_rates().rows.values()).count("\n") == len(read_rates().rows) + 1
    assert Conditions().words() == ""


def test_a_type_in_a_table_of_ones_own_that_nothing_has_is_said_with_the_figures(k2, tmp_path) -> None:
    """Misspelt, the row would be passed over in silence, and the bundled figures taken for one's own."""
    table = tmp_path / "own.csv"
    table.write_text("id,component_types,lambda_per_h,mttr_4h_contract_h\na,gigE_swich,2e-6,5.5\nb,psu,1e-5,4\n")
    said = k2("availability", "L1", "--rates", str(table)).out
    assert "1 row of own.csv" in said
    assert "no part has the type 'gigE_swich' of own.csv; did you mean 'gige_switch'?" in said
