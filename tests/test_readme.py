"""The README tells the truth: its numbers are those of the library, its commands run."""

import re
import shlex
from pathlib import Path

import pytest

import k2rel

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_table_of_level_2_against_level_2r_holds() -> None:
    rows = dict(re.findall(r"^\| ([^|]+?) \| (.+) \|$", README, flags=re.M))
    results = [k2rel.availability(k2rel.study(level)) for level in ("L2", "L2R")]
    singles = [len(k2rel.single_points_of_failure(k2rel.study(level))) for level in ("L2", "L2R")]

    def numbers(row):
        return [float(re.search(r"[\d.]+", cell)[0]) for cell in rows[row].split("|")]

    def check(row, values) -> None:
        for told, value in zip(numbers(row), values, strict=True):
            assert told == pytest.approx(value, rel=0.06), row

    check("media lost for some client", [r["media"].downtime_min_per_year for r in results])
    check("losses a year", [r["media"].failures_per_year for r in results])
    check("mean duration of a loss", [results[0]["media"].mean_downtime_h * 60, results[1]["media"].mean_downtime_h])
    check("kinds of single failure that take media away", singles)
    check("control lost", [r["control"].downtime_min_per_year for r in results])
    check("FTP lost, application tied to one server", [r["ftp"].downtime_min_per_year for r in results])
    assert results[1]["ftp_retry"].downtime_min_per_year == pytest.approx(4, rel=0.05)
    ratio = results[0]["media"].failures_per_year / results[1]["media"].failures_per_year
    assert ratio == pytest.approx(180, rel=0.03)
    assert k2rel.takeovers(k2rel.study("L2R"))["interruption_min_per_year"].iloc[0] == pytest.approx(1.2, rel=0.05)


def test_the_figures_with_roles_that_stick_hold() -> None:
    told = re.search(
        r"media is lost for (\d+) minutes a year instead of (\d+),\s+([\d.]+) times a year instead of ([\d.]+)", README
    )
    media = k2rel.sticky_and_preferred(k2rel.study("L2R")).loc["media"]
    columns = ["sticky_min_per_year", "preferred_min_per_year", "sticky_per_year", "preferred_per_year"]
    assert [float(number) for number in told.groups()] == pytest.approx(media[columns].tolist(), rel=0.03)


COMMANDS = [line[len("$ k2rel ") :] for line in README.splitlines() if line.startswith("$ k2rel ")]
LONG = ("advise", "sweep")  # seconds of a shorter kind in tests of their own


def test_the_readme_shows_most_commands() -> None:
    assert len({command.split()[0] for command in COMMANDS}) >= 20


@pytest.mark.parametrize(
    "command",
    [pytest.param(text, marks=[pytest.mark.slow] if text.startswith(LONG) else [])
     for text in COMMANDS if not text.startswith(("report", "explore"))],
    ids=lambda text: text.partition("#")[0].strip(),
)  # fmt: skip
def test_every_command_of_the_readme_runs(k2, command) -> None:
    """Reports and the explorer have tests of their own; the second ends with Ctrl-C only."""
    run = k2(*shlex.split(command, comments=True))
    assert run.code == 0, run.err
    assert run.out


def test_the_python_of_the_readme_runs() -> None:
    code = README.split("```python\n")[1].split("```")[0]
    exec(compile(code, "README.md", "exec"), {})


def test_every_link_and_picture_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target


def test_what_the_simulation_adds_holds() -> None:
    told = re.search(r"is lost (\d+) minutes in an average year, but one year in a hundred has more than (\d+)", README)
    row = k2rel.simulate(k2rel.study("L2R"), plan=k2rel.Plan(histories=30_000, seed=7)).table().loc["media"]
    assert float(told[1]) == pytest.approx(row["downtime_min_per_year"], rel=0.06)
    assert float(told[2]) == pytest.approx(row["one_year_in_100_min"], rel=0.06)
