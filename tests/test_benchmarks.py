"""How benchmarks measure: processes of their own, medians with spreads, and slips that are seen in the history."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import history
import marked
import numpy as np
import pytest
import run
from growth import lines_of, slope
from measured import Result, Row, Section, Spread, measure


def holding(megabytes):
    """Hold so much memory in a step, which compiles nothing."""

    def running(clock):
        with clock.step("hold"):
            held = np.ones(megabytes * 125_000)
        with clock.step("sum"):
            return {"sum": int(held.sum()), "number": clock.number}

    return running


def result(name, seconds, memory=100.0, *, spread=0.05, size=1.0, line=""):
    own = Spread(seconds, seconds * (1 - spread), seconds * (1 + spread))
    row = Row(name, partial(holding, 1), size=size, unit="clients", line=line)
    return Result(row, 3, own, own, {}, memory, {})


def test_a_row_has_a_process_of_its_own_and_its_largest_memory(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    here = np.ones(50_000_000)  # 400 MB that the row has nothing to do with
    found = {megabytes: measure(__name__, row, 3) for megabytes, row in zip((50, 150), ROWS, strict=True)}
    assert here[-1] == 1
    assert found[50].memory_mb < 400
    assert found[150].memory_mb - found[50].memory_mb == pytest.approx(100, rel=0.1)
    assert found[150].facts == {"sum": 18_750_000, "number": 1}
    assert found[150].runs == 3
    assert set(found[150].steps) == {"hold", "sum"}
    assert found[150].clock.low <= found[150].clock.median <= found[150].clock.high
    assert found[150].clock.high >= found[150].steps["hold"][1].low + found[150].steps["sum"][1].low


ROWS = [Row(f"hold {megabytes}", partial(holding, megabytes), times=3) for megabytes in (50, 150)]
SECTIONS = [Section("hold", "none.md", "Memory that is held", ROWS)]


def test_every_row_has_a_name_and_every_section_its_place():
    every = list(run.sections())
    names = [row.name for _, section in every for row in section.rows]
    assert len(set(names)) == len(names) > 100
    for _, section in every:
        assert (marked.DOCS / section.page).read_text().count(marked.begin(section.name)) == 1, section.name


@pytest.mark.parametrize(
    ("latest", "slips"),
    [
        (result("row", 1.20), ()),
        (result("row", 1.40), ("time",)),
        (result("row", 1.40, spread=0.4), ()),  # its quickest run is as quick as the best one's slowest
        (result("row", 0.50, memory=130.0), ("memory",)),
        (result("row", 0.50), ()),
    ],
)
def test_a_slip_is_above_the_best_earlier_one_and_outside_both_spreads(tmp_path, latest, slips):
    path = tmp_path / "history.csv"
    for one in (result("row", 2.0), result("row", 1.0), result("row", 1.1), latest):
        history.append([one], path)
    (found,) = history.trends(history.read(path))
    assert found.best.processor_s == 1.0
    assert found.slips == slips
    accepted = history.accepted(history.read(path), "does more")
    assert [one.slips for one in history.trends(accepted)] == [()]


def test_other_machines_are_not_compared(tmp_path):
    path = tmp_path / "history.csv"
    history.append([result("row", 1.0)], path)
    history.append([result("row", 9.0)], path)
    first, second = history.read(path)
    assert [one.slips for one in history.trends([first, replace(second, machine="another")])] == [(), ()]
    assert history.trends([first, second])[0].slips == ("time",)


def test_the_history_says_what_slipped_and_ends_with_1(tmp_path, monkeypatch, capsys):
    path = tmp_path / "history.csv"
    history.append([result("quick", 1.0), result("slow", 1.0)], path)
    history.append([result("quick", 1.0), result("slow", 2.0)], path)
    monkeypatch.setattr(history.read, "__defaults__", (path,))
    monkeypatch.setattr("sys.argv", ["history.py"])
    assert history.main() == 1
    told = capsys.readouterr()
    assert "| slow | 2 | 1.00 | 1.00 | 2.00 |" in told.out and "**slipped: time**" in told.out
    assert told.err.startswith("slow: slipped (time): 2.00 s and 100 MB")
    monkeypatch.setattr("sys.argv", ["history.py", "quick"])
    assert history.main() == 0


def test_a_part_of_a_page_is_replaced_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(marked, "DOCS", tmp_path)
    (tmp_path / "page.md").write_text(
        f"by hand\n{marked.begin('a')}old\n{marked.END}{marked.begin('b')}{marked.END}more\n"
    )
    marked.replace_section("page.md", "a", "new")
    assert (tmp_path / "page.md").read_text() == (
        f"by hand\n{marked.begin('a')}new\n{marked.END}{marked.begin('b')}{marked.END}more\n"
    )
    with pytest.raises(SystemExit, match="write the marks"):
        marked.replace_section("page.md", "c", "new")


def test_growth_is_the_power_of_the_larger_half():
    assert slope([1, 10, 100], [1.0, 1.0, 100.0]) == pytest.approx(2)
    points = [result(f"{n}", n**1.5, size=n, line="sticky") for n in (100, 1, 10)] + [
        result("alone", 1.0, line="alone")
    ]
    assert {
        unit: {line: [one.size for one in own] for line, own in lines.items()}
        for unit, lines in lines_of(points).items()
    } == {"clients": {"sticky": [1, 10, 100]}}
