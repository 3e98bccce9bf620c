"""What stands in the terminal: tables fit it, programs get CSV, who waits is told why, a wrong word gets the right one."""

import csv
import io
import os
import pty
import re
import subprocess
import sys
import time
from argparse import Namespace
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k2rel.bundled import data_dir
from k2rel.cli import waiting
from k2rel.cli.layout import fitted
from k2rel.cli.printing import OneTable
from k2rel.columns import probability_text
from k2rel.doing import doing, under_way
from k2rel.tables import aligned, as_texts

WORDS = st.text("abz09.,-_/%–é", min_size=1, max_size=14)
NUMBERS = st.floats(0, 1e6).map(lambda value: f"{value:.3g}")
CELLS = st.one_of(st.lists(WORDS, max_size=12).map(" ".join), NUMBERS)


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 4))
    titles = draw(st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=7, unique=True))
    return {title: draw(st.lists(CELLS, min_size=rows, max_size=rows)) for title in titles}


def too_wide(lines, width):
    return [line for line in lines if len(line) > width and len(line.split()) > 1]


@settings(max_examples=100, deadline=None)
@given(tables(), st.integers(40, 130))
def test_a_table_of_any_texts_fits_any_width_and_loses_no_word(table, width) -> None:
    lines = fitted(table, width)
    assert not too_wide(lines, width)
    words = Counter(word for title, cells in table.items() for text in (title, *cells) for word in text.split())
    assert not words - Counter(word for line in lines for word in re.sub(":( |$)", " ", line).split())


@pytest.mark.parametrize("width", [60, pytest.param(80, marks=pytest.mark.slow), 200])
@pytest.mark.parametrize(
    "words",
    [
        ("levels",), ("components", "L1"), ("failover", "L2"), ("failover", "L2R", "--fail", "switch_A"),
        ("availability", "L2R", "--method", "exact"), ("load", "L2R", "--method", "exact"), ("rates", "list"),
        ("rates", "show", "raid_midplane"), ("causes", "L2R", "--method", "exact"), ("check", "L2R"),
        ("compare", "L1", "L2", "--method", "exact"), ("solve", data_dir() / "examples" / "two_trains.xml", "--cut-sets"),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_no_line_is_wider_than_the_terminal(k2, monkeypatch, words, width) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    run = k2(*words)
    assert run.code == 0
    assert not too_wide(run.out.splitlines(), width)


def test_where_programs_read_rows_stay_whole(k2, monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = k2("availability", "L2R", "--method", "exact").out.splitlines()
    (row,) = (line for line in lines if line.startswith("lost 2 or more clients  site"))
    assert len(row) > 100
    assert lines[2] == "failure data: 13 rows of the bundled table, data 0.3 (k2rel components lists them)"


def test_headings_wrap_before_cells_and_what_has_no_room_goes_on_below_beside_its_labels() -> None:
    table = {"service": ["file system", "ftp"], "time between losses": ["140 days", "9.5 days"], "x": ["1", "22"]}
    assert fitted(table, 28) == [
        "                    time",
        "                 between",
        "service           losses   x",
        "-----------  -----------  --",
        "file system   140 days     1",
        "ftp             9.5 days  22",
    ]
    assert fitted({**table, "capacity": ["12345678901", "1"], "why": ["because of this", ""]}, 40) == [
        "                   time",
        "                between",
        "service          losses   x     capacity",
        "-----------  ----------  --  -----------",
        "file system  140 days     1  12345678901",
        "ftp            9.5 days  22            1",
        "",
        "service      why",
        "-----------  ---------------",
        "file system  because of this",
        "ftp",
    ]


def test_where_a_label_and_a_column_have_no_room_each_value_gets_a_line() -> None:
    table = {"part": ["a_part_with_a_very_long_name"], "way": ["another_long_name > x"], "load [MB/s]": ["100"]}
    assert fitted(table, 40) == [
        "a_part_with_a_very_long_name",
        "  way: another_long_name > x",
        "  load [MB/s]: 100",
    ]


def test_numbers_of_a_column_stand_point_below_point() -> None:
    assert aligned(["2.62", "346", "–", "1,234.5"]) == ["    2.62", "  346   ", "    –   ", "1,234.5 "]
    assert aligned(["below 0.1 %", "99.12 %"]) == ["below 0.1 % ", "     99.12 %"]
    assert aligned(["139 days", "45 min"]) is None, "points of different units say nothing"
    assert aligned(["switch_A", "1"]) is None
    wide = aligned(["1,000", "0.5"], wide=True)
    assert [len(text) for text in wide] == [7, 7], "all in spaces as wide as what stands in the other row"
    assert [text.strip() for text in wide] == ["1,000", "0.5"]


def test_numbers_near_one_read_as_people_say_them() -> None:
    assert probability_text(1 - 7.63e-6) == "99.99924 %"
    assert probability_text(1 - 2**-53) != "100 %"
    assert as_texts({"availability": [1 - 7.63e-6, 1.0, 0.5]})["availability"] == ["99.99924 %", "100 %", "50.00 %"]
    mixed = as_texts({"probability": [1 - 4.4e-5, 4.4e-5, float("nan")]})["probability"]
    assert mixed == ["0.999956", "4.40e-05", "–"], "no percentages among numbers that are none"


TABLES = [  # a verb, and where its main table stands in JSON
    (("levels",), None),
    (("components", "L1"), None),
    (("availability", "L2R", "--method", "exact"), "services"),
    (("load", "L1"), "side_distribution"),
    (("causes", "L1"), "causes"),
    (("compare", "L1"), None),
    (("rates", "list", "--type", "drive"), None),
    (("spares", "L1"), None),
    (("clients", "L1", "--most", 5), None),
]


@pytest.mark.parametrize(("words", "place"), TABLES, ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_csv_has_the_main_table_alone_and_says_what_json_says(k2, words, place) -> None:
    told = k2(*words, "--format", "json").json
    run = k2(*words, "--format", "csv")
    assert run.code == 0
    rows = list(csv.DictReader(io.StringIO(run.out)))
    expected = told if place is None else told[place]
    assert len(rows) == len(expected)
    for row, said in zip(rows, expected, strict=True):
        assert None not in row, "cells beside the table"
        for name in set(row) & set(said):
            value = said[name]
            if isinstance(value, float | int) and not isinstance(value, bool):
                assert float(row[name]) == value
            elif isinstance(value, str):
                assert row[name].removeprefix("'") == value
        assert len(set(row) & set(said)) >= 2


def test_csv_says_on_the_other_stream_which_tables_it_leaves_out(k2) -> None:
    run = k2("causes", "L1", "--format", "csv")
    assert run.err == (
        "k2rel: the first of 3 tables; --format json has the others, too: Minimal cut sets up to order 2 (takeovers "
        "as modelled); Downtime of media with one input at a time at its limits\n"
    )
    assert k2("levels", "--format", "csv").err == ""
    refused = k2("check", "L1", "--format", "csv")
    assert (refused.code, refused.out) == (2, "")
    assert "there is no 'csv'; known: json, table" in refused.err


def test_a_cell_of_csv_is_no_formula_and_nothing_where_nothing_is_known() -> None:
    out = io.StringIO()
    OneTable(out).take([{"a": "=HYPERLINK(1)", "b": float("inf"), "c": None, "d": True, "e": 1e-300, "f": -0.5}], "")
    assert out.getvalue() == "a,b,c,d,e,f\n'=HYPERLINK(1),,,true,1e-300,-0.5\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("availabilty L1", "k2rel: there is no command 'availabilty'; did you mean 'availability'?"),
        ("--versoin", "there is no option --versoin; did you mean '--version'?"),
        ("availability L1 --cliens 8", "k2rel availability: there is no option --cliens; did you mean '--clients'?"),
        ("availability --cliens=8 L1", "k2rel availability: there is no option --cliens; did you mean '--clients'?"),
        ("availability L1 --format jso", "k2rel availability: --format: there is no 'jso'; did you mean 'json'?"),
        ("availability L1 L2", "k2rel availability: unexpected argument: 'L2'"),
        ("rates lst", "k2rel rates: there is no command 'lst'; did you mean 'list'?"),
        ("rates list --typ2 drive", "k2rel rates list: there is no option --typ2; did you mean '--type'?"),
        ("rates pin L1 --ouput x", "there is no option --ouput; did you mean '--output'?"),
        ("uncertainty L1 --points lhc", "--points: there is no 'lhc'; did you mean 'lhs'?"),
        ("availability L1 --method exat", "--method: there is no 'exat'; did you mean 'exact'?"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_one(k2, words, message) -> None:
    run = k2(*words.split())
    assert (run.code, run.out) == (2, "")
    assert message in run.err


def test_names_of_services_are_taken_as_tables_write_them(k2) -> None:
    asked = [k2("causes", "L1", "--service", name, "--format", "json") for name in ("file system", "file_system")]
    assert asked[0].json == asked[1].json
    assert asked[0].json["service"] == "file_system"


def test_simulate_says_what_it_multiplies(k2) -> None:
    run = k2("simulate", "L1", "--histories", 20, "--years", 3, "--warm-up", "1 y", "--workers", 1)
    assert "20 histories of 3 years each = 60 simulated years, after a warm-up of 1 year each" in run.out


@pytest.mark.parametrize(
    ("settings_", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_verdicts_have_colours_only_where_they_are_wanted_and_words_in_any_case(
    k2, monkeypatch, settings_, coloured
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings_.items():
        monkeypatch.setenv(name, value)
    out = k2("failover", "L1", "--clients", 20, "--fail", "psu_A_1").out
    assert "OVERLOADED" in out
    assert ("\x1b[31mOVERLOADED\x1b[0m" in out) == coloured
    assert ("\x1b" in out) == coloured


def in_a_terminal(*words: str, **settings_: str) -> str:
    """What a command writes to a terminal of 70 columns, both streams."""
    main, other = pty.openpty()
    known = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    command = [sys.executable, "-m", "k2rel.cli", *words]
    run = subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, env=known | {"COLUMNS": "70", "TERM": "xterm"} | settings_
    )
    os.close(other)
    parts = []
    try:
        while part := os.read(main, 65536):
            parts.append(part)
    except OSError:  # the other end is closed
        pass
    os.close(main)
    assert run.wait(timeout=60) == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_and_lines_that_fit() -> None:
    out = in_a_terminal("failover", "L1", "--clients", "20", "--fail", "psu_A_1")
    assert "\x1b[31mOVERLOADED\x1b[0m" in out
    plain = re.sub(r"\x1b\[[0-9]*[mK]|k2rel: .*?\r", "", out)
    assert not too_wide(plain.splitlines(), 70)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Put a screen in the place of the error stream; in the test itself, since pytest changes it between its phases."""
    monkeypatch.setattr(waiting, "_AFTER_S", 0.05)
    monkeypatch.setattr(waiting, "_EVERY_S", 0.01)

    def put(screen=None):
        screen = screen or Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return put


def wait(words="solving the chain", verb="availability", **options) -> None:
    with waiting.patience(Namespace(verb=verb, **options)), doing(words):
        time.sleep(0.2)


def test_who_waits_is_told_what_for_and_the_line_goes_at_the_end(terminal) -> None:
    screen = terminal()
    wait()
    assert screen.getvalue() == "\r\x1b[Kk2rel: solving the chain (0 s)\r\x1b[K"
    assert under_way() == "computing"


def test_nothing_is_said_in_a_pipe_nor_where_quiet_is_asked_for_nor_beside_a_bar(terminal) -> None:
    for screen, options in (
        (terminal(io.StringIO()), {}),
        (terminal(), {"quiet": True}),
        (terminal(), {"verb": "sweep"}),
        (terminal(), {"words": ""}),
    ):
        sys.stderr = screen
        wait(**options)
        assert screen.getvalue() == "", options


def test_the_first_compilation_is_said(terminal) -> None:
    from numba.core import event

    screen = terminal()
    with waiting.patience(Namespace(verb="availability")):
        time.sleep(0.1)
        with event.trigger_event("numba:compile"):
            time.sleep(0.1)
    assert "k2rel: compiling once on this machine, about 10 s (0 s)" in screen.getvalue()


def test_the_line_makes_room_for_what_is_printed(terminal, monkeypatch) -> None:
    screen = terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    with waiting.patience(Namespace(verb="availability")):
        time.sleep(0.2)
        print("the answer")
    assert screen.getvalue() == "\r\x1b[Kk2rel: computing (0 s)\r\x1b[Kthe answer\n"
