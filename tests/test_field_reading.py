"""Numbers, dates and units in field logs and tables of rates: the right value, or a refusal that says what to write."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import k2rel
from k2rel.bundled import data_dir
from k2rel.errors import InputError
from k2rel.field import read_field
from k2rel.numerals import numeral
from k2rel.rates import read_rates
from k2rel.units import parse_mttf, parse_rate

YEAR_H = 8760.0


# separators ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ('model,drive_days,failures\nBBB,"250,000",9\n', 6_000_000),
        ('model,drive_days,failures\nAAA,"1,234,567",20\nBBB,"250,000",9\n', 24 * (1_234_567 + 250_000)),
        ('model,drive_days,failures\nAAA,"12,5",20\nBBB,"250,000",9\n', 24 * (12.5 + 250)),
        ('model,drive_days,failures\nAAA,"1.234,5",20\nBBB,250.000,9\n', 24 * (1234.5 + 250_000)),
        ("model;drive_days;failures\nAAA;1.234.567;20\nBBB;250.000;9\n", 24 * (1_234_567 + 250_000)),
        ("model;drive_days;failures\nAAA;17,5;20\nBBB;250.000;9\n", 24 * (17.5 + 250_000)),
        ("model;drive_days;failures\nAAA;17.5;20\nBBB;250,000;9\n", 24 * (17.5 + 250_000)),
        ("model;drive_days;failures\nAAA;1234,500;20\nBBB;250,000;9\n", 24 * (1234.5 + 250)),
        ("model\tdrive_days\tfailures\nAAA\t1,234,567\t20\nBBB\t250,000\t9\n", 24 * (1_234_567 + 250_000)),
        ("model,drive_days,failures\nAAA,1 234 567,20\nBBB,250 000,9\n", 24 * (1_234_567 + 250_000)),
        ("model,drive_days,failures\nAAA,1'234'567,20\nBBB,250\u2019000,9\n", 24 * (1_234_567 + 250_000)),
        ("model,drive_days,failures\nAAA,1\u00a0234\u00a0567,20\nBBB,250\u202f000,9\n", 24 * (1_234_567 + 250_000)),
        ('model,exposure,failures\nAAA,"1,234,567 h",20\nBBB,"250,000 d",9\n', 1_234_567 + 24 * 250_000),
        ("model,drive_days,failures\nAAA,250.000,9\n", 24 * 250),  # cells separated by commas: decimals have a point
    ],
)
def test_separators_of_thousands_are_told_from_decimals_by_the_column(log, text, hours) -> None:
    assert read_field(log(text)).hours == pytest.approx(hours, rel=1e-12)


def test_another_column_of_the_file_decides_where_a_column_cannot(log) -> None:
    (one,) = read_field(log("start;end;failed\n0,5;250.000;1\n")).lives
    assert one.hours == 249_999.5
    (one,) = read_field(log("start;end;failed\n0.5;250.000;1\n")).lives
    assert one.hours == 249.5


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("cell", ["250.000", "250,000", "1.000", "-"])
def test_what_nothing_decides_is_refused_and_the_option_reads_it(log, k2, separator, cell) -> None:
    path = log(separator.join(["model", "drive_days", "failures"]) + "\n" + separator.join(["B", cell, "9"]) + "\n")
    run = k2("fit", path)
    assert run.code == 2
    if cell == "-":
        assert "is not a valid time" in run.err
        return
    assert f"log.csv:2: drive_days: '{cell}' can be" in run.err
    assert "--decimal point or --decimal comma" in run.err
    for decimal, mark in (("point", "."), ("comma", ",")):
        value = float(cell.replace("," if mark == "." else ".", "").replace(",", "."))
        answer = k2("fit", path, "--decimal", decimal, "--format", "json").json
        assert answer["hours"] == 24 * value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('time,failed\n"1,5",1\n2.5,1\n', "log.csv:3: time: '2.5' has another decimal separator than '1,5' in row 2"),
        ("time;failed\n1.234,5;1\n1,234.5;1\n", "another decimal separator"),
        ('time,failed\n"12,34,567",1\n', "is not a valid time"),
        ("time,failed\n1_000,1\n", "is not a valid time"),
        ("model,failures,drive_days\na,1.234,500000\n", "a whole number of failures"),
        ("time,failed,count\n5,1,2024-01-01\n", "is a date; write a number"),
        ("time,failed,count\n5,1,3 h\n", "has a unit"),
        ("model,failures,drive_days\na,1,2024-01-01\n", "holds dates"),
        ("time [km],failed\n5,1\n", "is not a unit of time"),
        ("time [month],failed\n5,1\n", "is not a unit of time"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(log, k2, text, message) -> None:
    run = k2("fit", log(text))
    assert run.code == 2
    assert message in run.err


def test_the_separator_is_decided_by_a_cell_far_down(log) -> None:
    path = log("time,failed\n" + '"250,000",1\n' * 3000 + '"17,5",1\n')
    assert read_field(path, block_bytes=1000).hours == 3000 * 250 + 17.5


def test_lives_and_counts_take_the_count_of_rows(log) -> None:
    (lives,) = read_field(log('end,failed,count\n100,1,"1,000"\n')).lives
    assert (lives.units, lives.hours) == (1000, 100_000)


def test_update_reads_the_same_way_and_says_what_it_read(log, k2) -> None:
    path = log('type,failures,hours\npsu,0,"175,200"\n')
    run = k2("update", "L2R", "--log", path)
    assert "175,200 h of operation in all (hours: hours)" in run.out
    answer = k2("update", "L2R", "--log", path, "--format", "json").json
    assert answer["log"]["hours"] == 175_200
    assert answer["rates"][0]["hours"] == 175_200


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("time,failed\n10,1\n", "hours, since no unit is given"),
        ("time [d],failed\n10,1\n", "d"),
        ("time,failed\n4 h,1\n3 d,1\n", "as named in each cell: d, h"),
        ("time [d],failed\n4,1\n36 h,1\n", "d, except for cells that name another: h"),
        ("model,failures,drive_days\na,1,10\n", "days"),
        ("start,end,failed\n2024-01-01,2024-01-02,1\n", "dates"),
    ],
)
def test_the_output_says_the_unit_and_the_total_hours(log, k2, text, unit) -> None:
    path = log(text)
    answer = k2("fit", path, "--samples", "0", "--format", "json").json
    assert unit in answer["units"].values()
    run = k2("fit", path, "--samples", "0")
    assert f"{answer['hours']:,.10g} h of operation in all" in run.out.splitlines()[0]
    assert unit in run.out.splitlines()[0]


GROUPED = st.builds(
    lambda value, mark, sign: f"{value:,}".replace(",", sign) + mark,
    st.integers(1_000_000, 10**12), st.sampled_from(["", ".5", ",5"]), st.sampled_from([",", ".", " ", "'", "\u00a0"]),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(text=GROUPED)
def test_a_number_of_two_groups_has_one_reading_at_most(text) -> None:
    found = numeral(text)
    digits = "".join(c for c in text[:-2] + text[-2:].replace(",5", "").replace(".5", "") if c.isdigit())
    half = 0.5 if text.endswith((".5", ",5")) else 0.0
    if half and text[-2] in text[:-2]:  # the same sign for both is not a number
        assert found is None
    else:
        assert {found.point, found.comma} - {None} == {float(digits) + half}


# dates --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unit,end,failed\na,2076-09-15,1\n", "log.csv:2: end: dates need a start"),
        ("time,failed\n2024-01-01,1\n", "dates need a start"),
        ("lower,upper\n2024-01-01,2024-02-01\n", "dates need a start"),
        ("last_good,first_bad\n2024-01-01,\n", "dates need a start"),
        ("start,end,failed\n0,2024-01-01,1\n", "log.csv:2: start: holds no dates, but 'end' does"),
        ("start,end,failed\n2024-01-01,100,1\n", "end: holds no dates"),
        ("start,end,failed\n,2024-01-01,1\n", "start: needs a time"),
        ("end,failed\n44256,1\n44300,0\n", "look like dates of a spreadsheet"),
        ("start,end,failed\n43831,44256,1\n", "look like dates of a spreadsheet"),
        ('start,end,failed\n"43,831","44,256",1\n', "look like dates of a spreadsheet"),
        ("end [d],failed\n44256,1\n", "look like dates of a spreadsheet"),
        ("last_good,first_bad\n44256,44270\n", "look like dates of a spreadsheet"),
        ("time,failed\n1704067200,1\n", "look like seconds since 1970"),
        ("time,failed\n20240101,1\n", "look like dates such as"),
        ("start,end,failed\n2015,2019,1\n", "look like years"),
        ("age_at_start,start,end,failed\n2020-01-01,2024-01-01,2024-02-01,1\n", "is an age"),
        ("start,end,failed\n2024-01-01,,0\n", "give the end of the observation with --until"),
    ],
)
def test_dates_without_a_start_and_dates_as_numbers_are_refused(log, k2, text, message) -> None:
    run = k2("fit", log(text))
    assert run.code == 2
    assert message in run.err


@pytest.mark.parametrize(
    ("text", "options", "hours"),
    [
        ("end,failed\n2024-01-11,1\n2024-01-21,0\n", {"begin": "2024-01-01"}, 30 * 24),
        ("time,failed\n2024-01-11,1\n2024-01-21,0\n", {"begin": "2024-01-01"}, 30 * 24),
        ("last_good,first_bad\n2024-01-05,2024-01-07\n2024-01-11,\n", {"begin": "2024-01-01"}, 15 * 24),
        ("installed,last_good,first_bad\n2024-01-01,2024-01-05,2024-01-07\n2024-01-01,2024-01-11,\n", {}, 15 * 24),
        ("start,end,failed\n,2024-01-11,1\n2024-01-11,2024-01-21,0\n", {"begin": "2024-01-01"}, 20 * 24),
        ("installed,removed,failed\n2024-01-01,2024-01-11,1\n2024-01-01,,0\n", {"until": "2024-01-31"}, 40 * 24),
        ("installed,removed,failed\n2024-01-01,2024-01-11,1\n2024-01-01,,\n", {"until": "2024-01-31"}, 40 * 24),
        ("installed,removed\n2024-01-01,2024-01-11\n2024-01-01,\n", {"until": "2024-01-31"}, 40 * 24),
        ("end,failed\n10,1\n,0\n", {"until": "100 h"}, 110),
        ("end [h],failed\n44256,1\n44300,0\n", {}, 88_556),
        ("age,failed\n44256,1\n44300,0\n", {}, 88_556),  # an age is no date
        ("start [d],end [d],failed\n43831,44256,1\n", {}, 24 * 425),
    ],
)
def test_the_window_of_the_observation_says_what_rows_do_not(log, text, options, hours) -> None:
    assert read_field(log(text), **options).hours == pytest.approx(hours)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--until", "2024-01-15"], "ends after --until 2024-01-15"),
        (["--until", "8760"], "--until 8760 h: the log has dates"),
        (["--from", "2024-01-25"], "ended before the observation began"),
        (["--from", "yesterday"], "write a date"),
        (["--from", "2024-13-01"], "write a date"),
        (["--from", "2024-02-01", "--until", "2024-01-01"], "is not after"),
        (["--from", "2024-02-01", "--until", "10 h"], "both as dates"),
    ],
)
def test_windows_that_do_not_fit_the_log_are_refused(log, k2, options, message) -> None:
    run = k2("fit", log("start,end,failed\n2024-01-01,2024-01-20,1\n"), *options)
    assert run.code == 2
    assert message in run.err


# rates, prices, settings --------------------------------------------------------------------------------------------

TABLE = "id,component_types,lambda_per_h,lambda_lo90,lambda_hi90,law,mttr_4h_contract_h\n"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("mine,psu,250000,,,,6\n", "lambda_per_h: 250000 /h is a failure every 14.4 ms; is it a mean time to failure"),
        ("mine,psu,250000,,,exponential,6\n", "is it a mean time to failure"),
        ("mine,psu,500,,,,6\n", "a number of FIT"),
        ("mine,psu,0.0169,,,,6\n", "is it a probability or a rate per year"),
        ("mine,psu,1e-6,,250000,,6\n", "lambda_hi90: 250000 /h"),
        ("mine,psu,1,000e-6,,,,6\n", "has more cells than there are columns"),
        ('mine,psu,"4,5e-6",,,,6.5\nother,,"1.5e-6",,,,6\n', "'1.5e-6' has another decimal separator than '4,5e-6'"),
        ('mine,psu,1e-6,,,,"1,234"\n', "'1,234' can be 1234 or 1.234"),
        ("mine,psu,1_0e-6,,,,6\n", "is not a number"),
    ],
)
def test_what_is_no_rate_in_the_column_of_rates_is_asked_about(log, k2, row, message) -> None:
    run = k2("availability", "L2R", "--rates", log(TABLE + row))
    assert run.code == 2
    assert f"log.csv:2: {message}" in run.err or message in run.err


def test_a_rate_that_is_meant_is_read_and_the_bundled_table_too(log) -> None:
    assert read_rates(log(TABLE + "mine,psu,0.0169,,,exponential,6\n")).row("mine").rate_per_h == 0.0169
    assert len(read_rates().rows) > 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("psu.failure_rate=250000", "is it a mean time to failure"),
        ("psu.failure_rate=500", "a number of FIT"),
        ("psu.failure_rate=0.0169", "a rate per year"),
        ("psu.mttf=4e-6", "is it a failure rate"),
        ("psu.mttf=30", "a number of years"),
        ("psu.mttf=250,000", "write for example"),
    ],
)
def test_a_bare_number_in_the_wrong_place_is_asked_about(k2, text, message) -> None:
    run = k2("availability", "L2R", "--set", text)
    assert run.code == 2
    assert message in run.err


def test_with_its_unit_the_same_number_is_taken() -> None:
    assert parse_rate("0.0169 per year") == pytest.approx(0.0169 / YEAR_H)
    assert parse_rate("2 /h") == 2
    assert parse_mttf("30 h") == 30
    assert parse_mttf("1e-6 h") == 1e-6


def test_a_bare_number_echoes_the_unit_in_which_it_was_read(k2) -> None:
    run = k2("availability", "L2R", "--set", "psu.mttf=250000", "--set", "toe.capacity=80", "--set", "drive.mttr=4 d")
    assert "psu.mttf=250000 h, toe.capacity=80 MB/s, drive.mttr=4 d" in run.out
    assert "age 5 h" in k2("rates", "predict", "bbu", "--age", "5").out
    assert k2rel.study("L1", settings={"psu.mttr": "7"}).provenance.settings == ("psu.mttr=7 h",)


def test_a_price_with_a_separator_of_thousands_is_refused(log, k2) -> None:
    for row, message in (("stock,*,3,000\n", "more cells than there are columns"), ('stock,*,"3,000"\n', "can be")):
        run = k2("advise", "L1", "--costs", log("kind,what,cost\n" + row), "--no-pairs")
        assert run.code == 2
        assert message in run.err


def test_every_way_to_write_a_large_number_gives_it_or_a_refusal(log) -> None:
    """250,000 drive-days, in every separator of thousands and of cells: never another number."""
    ways = itertools.product(["250,000", "250.000", "250 000", "250'000", "250000", "250000.0", "250000,0"], ";,\t")
    for number, (cell, separator) in enumerate(ways):
        if separator == "," and cell == "250.000":
            continue  # a decimal point, as the format has it
        quoted = f'"{cell}"' if separator in cell else cell
        path = log(
            f"model{separator}drive_days{separator}failures\nB{separator}{quoted}{separator}9\n", f"{number}.csv"
        )
        try:
            assert read_field(path).hours == 6_000_000, (cell, separator)
        except InputError as error:
            assert "can be" in str(error), (cell, separator)


def test_the_bundled_logs_are_read_as_before() -> None:
    field = data_dir() / "examples" / "field"
    assert read_field(field / "drive_statistics.csv").hours == pytest.approx(
        24 * sum(int(line.split(",")[3]) for line in (field / "drive_statistics.csv").read_text().splitlines()[1:])
    )
    assert read_field(field / "site_log.csv").units == {"unit_years": "years"}
