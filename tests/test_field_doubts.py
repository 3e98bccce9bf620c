"""Logs that can be meant in two ways, or hold what cannot be: asked, refused or said."""

import pytest

from k2rel.errors import InputError
from k2rel.field import read_field


@pytest.fixture
def log(tmp_path):
    def write(text, name="log.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


AGED = "lower,upper,count,{}\n1500,2000,5,1000\n2000,3000,7,1000\n3000,,20,500\n"


@pytest.mark.parametrize("age", ["age_at_start", "age"])
def test_intervals_with_ages_are_asked_about(log, age):
    path = log(AGED.format(age))
    with pytest.raises(InputError, match="say --column exit=upper for ages, --column upper=upper for times"):
        read_field(path)
    (ages,) = read_field(path, columns={"exit": "upper"}).lives
    assert sorted(ages.lower_h) == [1500, 2000, 3000]
    assert sorted(ages.entry_h) == [500, 1000, 1000]
    (times,) = read_field(path, columns={"upper": "upper"}).lives
    assert sorted(zip(times.lower_h, times.upper_h, times.entry_h, strict=True)) == [
        (2500, 3000, 1000), (3000, 4000, 1000), (3500, float("inf"), 500),
    ]  # fmt: skip


def test_intervals_of_new_parts_are_not_asked_about(log):
    assert read_field(log("lower,upper,age_at_start\n10,20,0\n20,,0\n")).lives[0].hours == 15 + 20


@pytest.mark.parametrize("ends", [",", ",inf", " , "])
def test_an_interval_without_ends_is_refused(log, ends):
    with pytest.raises(InputError, match=r"log.csv:3.*lower.*needs a time"):
        read_field(log(f"lower,upper,count\n600,1000,5\n{ends},20\n"))


@pytest.mark.parametrize(
    ("row", "word"),
    [("2020-01-01,9999-12-31,no", "end.*in the future"), ("1900-01-01,2021-01-01,no", "start.*before 1950"),
     ("0001-01-01,2021-01-01,yes", "start.*before 1950"), ("2020-01-01,2099-12-31,no", "end.*in the future")],
)  # fmt: skip
def test_dates_that_stand_for_nothing_are_refused(log, row, word):
    with pytest.raises(InputError, match=rf"log.csv:3.*{word}"):
        read_field(log(f"start,end,failed\n2020-01-01,2021-01-01,yes\n{row}\n"))


def test_an_observation_does_not_end_in_the_future(log):
    with pytest.raises(InputError, match="lies in the future"):
        read_field(log("start,end,failed\n2020-01-01,2021-01-01,yes\n"), until="2999-01-01")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["1,2020-01-01,2021-01-01,yes"] * 3 + ["1,2020-06-01,2021-06-01,yes"], "3 rows begin"),
        (["2,0,10,yes", "1,0,100,yes", "1,50,250,yes"], "1 rows begin.*rows 3 and 4 of unit '1'"),
        (["1,0,300,yes", "1,50,100,no", "1,200,400,yes"], "2 rows begin"),
    ],
)
def test_overlapping_rows_of_a_unit_are_warned_of(log, rows, said):
    import re

    data = read_field(log("unit,start,end,failed\n" + "\n".join(rows) + "\n"))
    assert any(re.search(f"WARNING: {said}", note) for note in data.notes)
    assert data.history is None


def test_rows_that_follow_each_other_are_not_warned_of(log):
    data = read_field(log("unit,start,end,failed\n1,0,100,yes\n2,0,90,yes\n1,100,250,yes\n2,95,200,no\n"))
    assert data.notes == ()
    assert data.history.failures == 3


def test_rows_without_a_start_are_counted(log):
    data = read_field(log("start,end,failed\n,2021-01-01,yes\n2020-06-01,2021-01-01,no\n"), begin="2020-01-01")
    assert "1 rows without a start are taken as new at --from 2020-01-01" in data.notes
