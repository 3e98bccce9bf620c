"""Logs that can be meant in two ways, or hold what cannot be: asked, refused or said."""

import math

import pytest

from k2rel.errors import InputError
from k2rel.field import Exposure, rate_of_counts, read_field
from k2rel.rates import read_rates
from k2rel.site.settings import with_unit
from k2rel.units import parse_rate

AGED = "lower,upper,count,{}\n1500,2000,5,1000\n2000,3000,7,1000\n3000,,20,500\n"


@pytest.mark.parametrize("age", ["age_at_start", "age"])
def test_intervals_with_ages_are_asked_about(log, age) -> None:
    path = log(AGED.format(age))
    with pytest.raises(InputError, match="give --column exit=upper for ages, --column upper=upper for times"):
        read_field(path)
    (ages,) = read_field(path, columns={"exit": "upper"}).lives
    assert sorted(ages.lower_h) == [1500, 2000, 3000]
    assert sorted(ages.entry_h) == [500, 1000, 1000]
    (times,) = read_field(path, columns={"upper": "upper"}).lives
    assert sorted(zip(times.lower_h, times.upper_h, times.entry_h, strict=True)) == [
        (2500, 3000, 1000), (3000, 4000, 1000), (3500, float("inf"), 500),
    ]  # fmt: skip


def test_intervals_of_new_parts_are_not_asked_about(log) -> None:
    assert read_field(log("lower,upper,age_at_start\n10,20,0\n20,,0\n")).lives[0].hours == 15 + 20


@pytest.mark.parametrize("ends", [",", ",inf", " , "])
def test_an_interval_without_ends_is_refused(log, ends) -> None:
    with pytest.raises(InputError, match=r"log.csv:3.*lower.*needs a time"):
        read_field(log(f"lower,upper,count\n600,1000,5\n{ends},20\n"))


@pytest.mark.parametrize(
    ("row", "word"),
    [("2020-01-01,9999-12-31,no", "end.*in the future"), ("1900-01-01,2021-01-01,no", "start.*before 1950"),
     ("0001-01-01,2021-01-01,yes", "start.*before 1950"), ("2020-01-01,2099-12-31,no", "end.*in the future")],
)  # fmt: skip
def test_dates_that_stand_for_nothing_are_refused(log, row, word) -> None:
    with pytest.raises(InputError, match=rf"log.csv:3.*{word}"):
        read_field(log(f"start,end,failed\n2020-01-01,2021-01-01,yes\n{row}\n"))


def test_an_observation_does_not_end_in_the_future(log) -> None:
    with pytest.raises(InputError, match="is in the future"):
        read_field(log("start,end,failed\n2020-01-01,2021-01-01,yes\n"), until="2999-01-01")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["1,2020-01-01,2021-01-01,yes"] * 3 + ["1,2020-06-01,2021-06-01,yes"], "3 rows begin"),
        (["2,0,10,yes", "1,0,100,yes", "1,50,250,yes"], "1 rows begin.*rows 3 and 4 of unit '1'"),
        (["1,0,300,yes", "1,50,100,no", "1,200,400,yes"], "2 rows begin"),
    ],
)
def test_overlapping_rows_of_a_unit_are_warned_of(log, rows, said) -> None:
    import re

    data = read_field(log("unit,start,end,failed\n" + "\n".join(rows) + "\n"))
    assert any(re.search(f"WARNING: {said}", note) for note in data.notes)


def test_rows_that_follow_each_other_are_not_warned_of(log) -> None:
    data = read_field(log("unit,start,end,failed\n1,0,100,yes\n2,0,90,yes\n1,100,250,yes\n2,95,200,no\n"))
    assert data.notes == ()
    assert data.history.failures == 3


def test_rows_without_a_start_are_counted(log) -> None:
    data = read_field(log("start,end,failed\n,2021-01-01,yes\n2020-06-01,2021-01-01,no\n"), begin="2020-01-01")
    assert "1 rows without a start are taken as new at --from 2020-01-01" in data.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,failed\n100 d,yes\n200,no\n", ":3: time: mixed: times with a unit above, numbers without a unit here"),
        ("time,failed\n200,yes\n100 d,no\n", ":3: time: mixed: numbers without a unit above, times with a unit here"),
        ("time,failed,count\n5,1,3000000000000\n", "a whole number of units, from 0 to 1e12"),
        ("type,failures,hours\npsu,1,inf\n", "hours: needs a finite number"),
        ("type,failures,hours\npsu,1,nan\n", "hours: needs a finite number"),
        ("model,failures,drive_days\nA,1,0\nB,2,10\n", ":2: drive_days: must be above 0 if something failed"),
        ("model,failures,drive_days\nA,0,0\n", "no row has hours"),
    ],
)
def test_messages_say_what_differs(log, text, message) -> None:
    with pytest.raises(InputError) as raised:
        read_field(log(text))
    assert message in str(raised.value)


def test_dates_beside_serial_numbers_get_one_message_with_a_hint(log) -> None:
    path = log("start,end,failed\n2021-01-01,44256,yes\n")
    with pytest.raises(InputError) as raised:
        read_field(path)
    assert "look like dates of a spreadsheet" in str(raised.value)
    assert "ends before" not in str(raised.value)
    with pytest.raises(InputError, match=r"write 8760 h.*look like dates of a spreadsheet"):
        read_field(log("end,failed\n44256,yes\n"), begin="2021-01-01")


def test_a_model_without_hours_does_not_stop_the_others(log) -> None:
    data = read_field(log("model,failures,drive_days\nA,0,0\nB,2,1000\n"))
    assert [(one.name, one.hours) for one in data.exposures] == [("B", 24_000.0)]
    assert data.notes == ("left out, without hours of operation: A",)


def test_bic_of_counts_is_by_failures() -> None:
    rate = 9 / 250_000
    expected = math.log(9) - 2 * (9 * math.log(rate) - 9)
    assert rate_of_counts(Exposure("A", 9, 250_000.0)).bic == pytest.approx(expected, rel=1e-12)


def test_a_decimal_comma_beside_commas_is_said(log) -> None:
    data = read_field(log('time,failed\n"17,5",1\n"20,25",0\n'))
    assert data.hours == 37.75
    assert data.notes == ("time: the comma of '17,5' is read as the decimal comma",)
    assert read_field(log("time;failed\n17,5;1\n20,25;0\n")).notes == ()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("250.000 h", "250 h"),
        ("250.000", "250 h"),
        ("1.500 d", "1.5 d"),
        ("250000", "250000 h"),
        ("0.125 h", "0.125 h"),
    ],
)
def test_a_setting_is_shown_as_it_was_read(given, shown) -> None:
    assert with_unit("psu.mttf", given) == shown


def test_an_annual_rate_of_one_percent_is_asked_about(log) -> None:
    table = "id,component_types,lambda_per_h,law,failure_mode,mttr_4h_contract_h\nmine,psu,{},{},{},6\n"
    for rate in ("0.009", "0.0088", "0.002"):
        with pytest.raises(InputError, match="probability or a rate per year"):
            read_rates(log(table.format(rate, "", "")))
        assert read_rates(log(table.format(rate, "exponential", ""))).row("mine").rate_per_h == float(rate)
        assert read_rates(log(table.format(rate, "", "per action (probability)"))).row("mine").rate_per_h == float(rate)
        with pytest.raises(ValueError, match="probability or a rate per year"):
            parse_rate(rate)
    assert read_rates(log(table.format("0.001", "", ""))).row("mine").rate_per_h == 0.001


def test_an_unknown_type_of_an_update_names_file_and_row(log, k2) -> None:
    run = k2("update", "L2R", "--log", log("type,failures,hours\npsu,1,100000\npsuu,1,100000\n"))
    assert run.code == 2
    assert "log.csv:3: " in run.err
    assert "'psuu'" in run.err


TREE = """<opsa-mef><define-fault-tree name="t"><define-gate name="top"><or><event name="q"/><and><event name="a"/>
<event name="b"/></and></or></define-gate></define-fault-tree><model-data>
<define-basic-event name="q"><float value="0.01"/></define-basic-event>
<define-basic-event name="a"><float value="0.2"/></define-basic-event>
<define-basic-event name="b"><float value="0.1"/></define-basic-event></model-data></opsa-mef>"""


@pytest.mark.parametrize(
    ("more", "order", "first"),
    [
        (["--order", "2"], "probability", ["a", "b"]),
        ([], "probability", ["a", "b"]),
        (["--order", "1"], "probability", ["q"]),
    ],
)
def test_the_most_probable_cut_sets_come_first(log, k2, more, order, first) -> None:
    cut_sets = k2("solve", log(TREE, "m.xml"), "--cut-sets", *more, "--format", "json").json["tops"][0]["cut_sets"]
    assert cut_sets["order_of_list"] == order
    assert cut_sets["most_probable"][0]["events"] == first
