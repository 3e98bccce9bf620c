"""Drive statistics, a row a drive and day: every drive day and every failure once, whatever the order of the rows."""

import random
import tracemalloc
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest

from k2rel.errors import InputError
from k2rel.field import fit_law, read_field

HEAD = "date,serial_number,model,capacity_bytes,failure,smart_9_normalized,smart_9_raw"
DAY = date(2024, 1, 1)


def row(day, unit, model="A", failed=0, hours=""):
    return f"{DAY + timedelta(days=day)},{unit},{model},4000787030016,{failed},100,{hours}"


def drives(count, days, seed):
    """Rows of drives that come, fail, vanish and miss days, and what a person would count."""
    rng = random.Random(seed)
    rows, counted, failures = [], Counter(), Counter()
    for number in range(count):
        model, age = rng.choice("ABC"), rng.randrange(40_000)
        first, last = sorted((rng.randrange(days), rng.randrange(days)))
        failed = rng.random() < 0.3
        for day in range(first, last + 1):
            if first < day < last and rng.random() < 0.1:
                continue
            rows.append(row(day, f"Z{number}", model, int(failed and day == last), age + 24 * (day - first)))
            counted[model] += 1
        failures[model] += failed
    rng.shuffle(rows)
    return rows, counted, failures


def table(rows, head=HEAD):
    return "\n".join([head, *rows]) + "\n"


@pytest.mark.parametrize("block_bytes", [300, 1 << 23])
def test_drive_days_and_failures_are_those_of_a_count_by_hand(log, block_bytes) -> None:
    rows, counted, failures = drives(60, 40, 1)
    data = read_field(log(table(rows)), block_bytes=block_bytes)
    assert data.layout == "days" and data.rows == len(rows)
    found = {one.name: (one.failures, one.hours) for one in data.exposures}
    assert found == {model: (failures[model], 24.0 * counted[model]) for model in counted}


def test_a_drive_is_there_from_its_first_row_to_its_last(log) -> None:
    """One fails on its third day, one vanishes after its second, one is there to the end."""
    rows = [*(row(day, "a", failed=int(day == 2)) for day in range(3)), row(1, "b"), row(2, "b"),
            *(row(day, "c") for day in range(5))]  # fmt: skip
    data = read_field(log(table(rows)))
    assert [(one.failures, one.hours) for one in data.exposures] == [(1, 24.0 * (3 + 2 + 5))]
    assert "3 drives, 1 failure, 10 drive days from 2024-01-01 to 2024-01-05" in data.notes[0]
    assert "1 drives that end earlier without a failure were up until their last row" in data.notes[0]


def test_what_is_not_known_of_ages_is_said_and_no_law_of_a_life_is_fitted(log, k2) -> None:
    path = log(table([row(day, "a") for day in range(9)]))
    run = k2("fit", path)
    assert run.code == 0
    assert "not known (1 of 1 were there on the first day): a rate is the mean over the ages" in " ".join(
        run.out.split()
    )
    run = k2("fit", path, "--law", "weibull")
    assert run.code == 2
    assert "the ages of the drives are needed; where a column has hours powered on, --column entry=NAME" in run.err


@pytest.mark.parametrize("block_bytes", [300, 1 << 23])
def test_hours_powered_on_make_lives_that_were_seen_from_their_age_on(log, block_bytes) -> None:
    """A drive is a life for each stretch of days; its first row need not have its age."""
    rows = [row(0, "a", hours=100), row(1, "a", hours=124), row(3, "a", failed=1, hours=172),
            row(5, "b"), row(6, "b", hours=1024), row(7, "b", hours="")]  # fmt: skip
    data = read_field(log(table(rows)), columns={"entry": "smart_9_raw"}, block_bytes=block_bytes)
    (lives,) = data.lives
    found = sorted(zip(lives.entry_h, lives.lower_h, lives.upper_h, strict=True))
    assert found == [(100, 148, np.inf), (172, 196, 196), (1000, 1072, np.inf)]
    assert lives.hours == 24 * 6
    assert "1 days between first and last rows of drives have no row and are not counted" in data.notes


def test_the_constant_rate_is_the_same_with_ages_and_without(log) -> None:
    path = log(table(drives(60, 40, 2)[0]))
    without = read_field(path, by="capacity_bytes").exposures[0]
    (lives,) = read_field(path, by="capacity_bytes", columns={"entry": "smart_9_raw"}).lives
    assert fit_law("exponential", lives).parameters["mean_h"].value == pytest.approx(
        without.hours / without.failures, rel=1e-9
    )


def test_ages_that_cannot_be_hours_are_left_out_and_told(log) -> None:
    fast = [row(day, "fast", hours=60 * 24 * day) for day in range(9)]  # minutes
    slow = [row(day, "slow", hours=day) for day in range(9)]  # days
    none = [row(day, "none", failed=int(day == 8)) for day in range(9)]
    data = read_field(log(table([*fast, *slow, *none])), columns={"entry": "smart_9_raw"})
    assert data.lives[0].units == 1
    notes = "\n".join(data.notes)
    assert "WARNING: 1 drives, 0 failures, are left out: their hours powered on decrease, or increase faster" in notes
    assert "WARNING: 1 drives, 1 failures, are left out: no hours powered on are given" in notes
    assert "WARNING: 1 drives were powered on for less than half of the days" in notes
    with pytest.raises(InputError, match="are left out: no hours powered on are given"):
        read_field(log(table(none)), columns={"entry": "smart_9_raw"})


def test_ages_are_written_as_any_number(log) -> None:
    rows = [row(0, "a", hours="1.234,5"), row(1, "a", hours="1.258,5")]
    semicolons = table([one.replace(",", ";", 6) for one in rows], HEAD.replace(",", ";"))
    (lives,) = read_field(log(semicolons), columns={"entry": "smart_9_raw"}).lives
    assert (lives.entry_h.tolist(), lives.lower_h.tolist()) == ([1234.5], [1282.5])
    for age, message in (
        ('"1,5"', "'1,5' is not a number with a decimal point"),
        ("2024-01-01", "is an age; write hours"),
    ):
        with pytest.raises(InputError, match=message):
            read_field(log(table([row(0, "a", hours=age)])), columns={"entry": "smart_9_raw"})


def test_copies_and_rows_after_a_failure_count_once_and_are_told(log) -> None:
    rows = [row(day, "a", failed=int(day >= 2)) for day in range(5)]
    data = read_field(log(table([*rows, rows[0], rows[1], HEAD, rows[0]])))
    assert [(one.failures, one.hours) for one in data.exposures] == [(1, 24.0 * 3)]
    assert "1 rows that repeat the titles are left out" in data.notes
    assert "WARNING: 3 rows repeat a drive and a day; each is counted once" in data.notes
    assert "WARNING: 1 drives have rows after their failure; these 2 drive days are left out" in data.notes


def test_a_folder_of_days_is_read_as_one_file(tmp_path, log, k2) -> None:
    rows, counted, failures = drives(30, 20, 3)
    folder = tmp_path / "data_Q1"
    folder.mkdir()
    for day in range(20):
        of_day = [one for one in rows if one.startswith(str(DAY + timedelta(days=day)))]
        extra = ",datacenter" if day > 9 else ""  # a column that came later
        (folder / f"{DAY + timedelta(days=day)}.csv").write_text(
            table([one + extra.replace("datacenter", "x") for one in of_day], HEAD + extra)
        )
    answer = k2("fit", folder, "--format", "json").json
    assert answer["rows"] == len(rows)
    assert {fit["name"]: fit["failures"] for fit in answer["fits"][:3]} == dict(failures)
    assert answer["hours"] == 24 * sum(counted.values())
    (folder / "notes.csv").write_text("time,failed\n1,1\n")
    with pytest.raises(InputError, match=r"notes\.csv:1: has no rows of drives and days"):
        read_field(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is a folder without tables"):
        read_field(tmp_path / "empty")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(day, f"u{day}", failed=1) for day in range(9)], "has one row for each unit, on several days: is it a list"),
        ([row(7 * day, "a") for day in range(9)], "48 days between first and last rows of the drives have no row, and 9"),
        ([row(0, "a"), row(1, "")], ":3: serial_number: is empty; the serial number of the drive is needed"),
        ([row(0, "a"), row(1, "a").replace("2024-01-02", "01/02/2024")], ":3: date: '01/02/2024' is not a day between"),
        ([row(0, "a"), row(1, "a").replace("2024-", "2924-")], ":3: date: '2924-01-02' is not a day between"),
        ([row(0, "a"), row(1, "a", failed=2)], ":3: failure: '2': write 1 or 'failed'"),
        ([], "has no rows"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_drives_and_days_is_refused(log, rows, message) -> None:
    with pytest.raises(InputError) as caught:
        read_field(log(table(rows)))
    assert message in str(caught.value)


def test_a_window_is_refused_since_the_rows_say_when(log) -> None:
    with pytest.raises(InputError, match="rows of drives and days contain the days"):
        read_field(log(table([row(0, "a")])), until="2024-02-01")


@pytest.mark.slow
def test_memory_grows_with_drives_and_not_with_rows(tmp_path) -> None:
    """Eight times the days of 2,000 drives: 250 MB, a row as long as those that are published, take what 30 MB take."""
    rest = ",".join(["100", "0"] * 100)
    head = HEAD + "," + ",".join(f"smart_{n}_{kind}" for n in range(10, 110) for kind in ("normalized", "raw"))
    peaks = []
    for days in (32, 256):  # some blocks are read ahead
        path = tmp_path / "drives.csv"
        with path.open("w") as file:
            file.write(head + "\n")
            for day in range(days):
                file.writelines(f"{row(day, f'Z{number}')},{rest}\n" for number in range(2000))
        tracemalloc.start()
        assert read_field(path, block_bytes=1 << 20).hours == 24.0 * 2000 * days
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] < 100e6
