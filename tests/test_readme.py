"""The README tells the truth: its numbers are those of the library, its commands run."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

import k2rel
from k2rel.cli import _arguments

README = (Path(__file__).parents[1] / "README.md").read_text()


PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.S)


@pytest.fixture(scope="module")
def answers() -> dict[str, k2rel.Answer]:
    return {level: k2rel.study(level).solve() for level in ("L2", "L2R")}


def test_the_first_figure_is_the_answer_and_says_why_it_is_not_the_ideal_one(answers) -> None:
    told = re.search(
        r"Media is down ([\d.]+) minutes a year, in ([\d.]+) failures.*?It is not ([\d.]+),.*?add ([\d.]+), .*? person "
        r"([\d.]+), .*? back ([\d.]+) minutes",
        README,
        flags=re.S,
    )
    assert told is not None
    answer = answers["L2R"]
    moving, failed, absent, _ = answer.downtime_causes("media")["downtime_min_per_year"]
    found = [answer["media"].downtime_min_per_year, answer["media"].failures_per_year,
             answer.ideal["media"].downtime_min_per_year, moving, failed, absent]  # fmt: skip
    for text, value in zip(told.groups(), found, strict=True):
        decimals = len(text.partition(".")[2])
        assert text == f"{value:.{decimals}f}"


def test_how_sure_the_first_figure_is_holds(answers) -> None:
    told = re.search(
        r"draws lie between ([\d.]+) and ([\d.]+) minutes.*?target of ([\d.]+) %, ([\d.]+) minutes.*?probability\s+of "
        r"(\d+) %; that is \*(.*?)\*, and ([\d.]+) crashes",
        README,
        flags=re.S,
    )
    low, high, target, allowed, probability, verdict, turns = told.groups()
    (judged,) = answers["L2R"].target(float(target))
    assert (judged.verdict, f"{100 * judged.probability:.0f}") == (verdict, probability)
    assert (float(low), float(high)) == pytest.approx((judged.low_min_per_year, judged.high_min_per_year), rel=0.05)
    assert float(allowed) == pytest.approx((1 - float(target) / 100) * 525_600, rel=1e-3)
    rate = re.search(r"failure rate of server software is below ([\d.e-]+) /h", judged.turns)
    assert float(turns) == pytest.approx(float(rate[1]) * 8760, rel=0.02)


def test_the_table_of_all_levels_is_the_overview() -> None:
    told = re.findall(r"^\| (?:Level|Nearline).*\|$", README, flags=re.M)

    def row(level: pd.Series) -> str:
        def shares(*names: str) -> str:
            return ", ".join(f"{100 * level[name]:.0f}" for name in names) + " %"

        downtime, ideal = (
            "–" if pd.isna(minutes) else f"{minutes:.3g}"
            for minutes in (level["downtime_min_per_year"], level["ideal_min_per_year"])
        )
        cells = (
            level["title"].partition(",")[0], f"{level['takeovers']} ({level['method']})", downtime,
            f"{level['failures_per_year']:.1f}", ideal, level["clients_carried"],
            shares("normal_share_a", "normal_share_b"), level["worst_failure"],
            shares("worst_share_a", "worst_share_b", "worst_share_cut_off"),
        )  # fmt: skip
        return "| " + " | ".join(str(cell) for cell in cells) + " |"

    assert told == [row(level) for _, level in k2rel.overview().iterrows()]


def test_the_table_of_level_2_against_level_2r_holds(answers) -> None:
    rows = dict(re.findall(r"^\| ([^|]+?) \| (.+) \|$", README, flags=re.M))
    results = list(answers.values())
    singles = [len(k2rel.single_points_of_failure(answer)) for answer in results]

    def check(row: str, values) -> None:
        numbers = [float(re.search(r"[\d.]+", cell)[0]) for cell in rows[row].split("|")]
        assert numbers == pytest.approx(values, rel=0.01), row

    def of(service: str) -> list[float]:
        return [answer[service].downtime_min_per_year for answer in results]

    check("media lost for some client", of("media"))
    check("losses a year", [answer["media"].failures_per_year for answer in results])
    check("mean duration of a loss", [answer["media"].mean_downtime_h * 60 for answer in results])
    check("kinds of single failure that take media away until they are repaired", singles)
    check("control lost", of("control"))
    check("FTP lost, application tied to one server", of("ftp"))
    retried, limit = re.search(
        r"retries the other server has (\d+) minutes.*?would give, ([\d.]+)\s+minutes", README, re.S
    ).groups()
    assert float(retried) == pytest.approx(results[1]["ftp_retry"].downtime_min_per_year, rel=0.01)
    assert float(limit) == pytest.approx(results[1].ideal["media"].downtime_min_per_year, rel=0.01)
    losses = re.search(r"minutes and ([\d.]+) losses a year, is a limit", README)[1]
    assert float(losses) == pytest.approx(results[1].ideal["media"].failures_per_year, rel=0.03)


COMMANDS = [line[len("$ k2rel ") :] for line in README.splitlines() if line.startswith("$ k2rel ")]
ELSEWHERE = ("report", "explore")  # have tests of their own; the second ends with Ctrl-C only
LONG = ("advise", "sweep")  # seconds of a shorter kind in tests of their own
FEWER = {"simulate": ("--histories", "300"), "uncertainty": ("--samples", "200")}
"""What the fast run adds to the first command of a verb."""
SMALL = {"L3R": "L3"}
"""What it asks of a level in place of another one."""


def once():
    """The first command of each verb, short; of exports that whose files are read by `ctmc`."""
    first = {text.split()[0]: shlex.split(text, comments=True) for text in reversed(COMMANDS)}
    first["export"] = next(shlex.split(text, comments=True) for text in COMMANDS if "--format prism" in text)
    return [
        [SMALL.get(word, word) for word in (*words, *FEWER.get(verb, ()))]
        for verb, words in reversed(first.items())
        if verb not in (*ELSEWHERE, *LONG)
    ]


def test_the_readme_shows_most_commands() -> None:
    assert len({command.split()[0] for command in COMMANDS}) >= 20


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_is_understood(command) -> None:
    words = shlex.split(command, comments=True)
    assert _arguments(words).verb == words[0]


@pytest.mark.parametrize("words", once(), ids=" ".join)
def test_every_verb_of_the_readme_runs(k2, words) -> None:
    run = k2(*words)
    assert run.code == 0, run.err
    assert run.out


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [text for text in COMMANDS if not text.startswith(ELSEWHERE)],
    ids=lambda text: text.partition("#")[0].strip(),
)
def test_every_command_of_the_readme_runs(k2, command) -> None:
    run = k2(*shlex.split(command, comments=True))
    assert run.code == 0, run.err
    assert run.out


SMALLER = {
    "histories=10_000": "histories=200", "samples=10_000": "samples=100", "target=99.99)": "target=99.99, samples=50)",
    '["L2R", "L3R"]': '["L2", "L2R"]', "clients=8": "clients=5",
}  # fmt: skip


@pytest.mark.parametrize("smaller", [SMALLER, pytest.param({}, marks=pytest.mark.slow)], ids=["smaller", "as it is"])
def test_the_python_of_the_readme_runs(smaller) -> None:
    for code in PYTHON:
        for old, new in smaller.items():
            assert any(old in other for other in PYTHON), old
            code = code.replace(old, new)
        exec(compile(code, "README.md", "exec"), {})


def test_figures_and_messages_of_the_page_on_python_hold() -> None:
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "python.md").read_text()
    found: dict[str, k2rel.Answer] = {}
    exec(compile(re.search(r"```python\n(.*?)```", page, flags=re.S)[1], "docs/how-to/python.md", "exec"), found)
    told = re.findall(r"^(answer\S+)  # ([\d.]+)", page, flags=re.M)
    assert len(told) == 2
    for code, figure in told:
        assert f"{eval(code, dict(found)):.2f}" == figure
    simulated = found["answer"].study.solve("simulation", plan=k2rel.Plan(histories=30, years=1))
    with pytest.raises(k2rel.K2relError) as refused:
        simulated.causes()
    assert f"`{refused.value}`" in page
    for name in re.findall(r"^\| `(\w+)\(", page, flags=re.M):
        assert callable(getattr(k2rel.Answer, name))


def test_what_coverage_and_time_do_is_said_as_it_is() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference" / "method.md").read_text()
    told = re.search(
        r"by −([\d.]+) % for each per cent more of the coverage of failures of server software, by ([\d.]+) %", page
    )
    elasticity = k2rel.assumption_importance("L2R", "media")["elasticity"]
    assert told[1] == f"{-elasticity['file_system coverage[server_software]']:.1f}"
    assert told[2] == f"{elasticity['manual takeover']:.2f}"


def test_three_lines_of_python_print_what_the_readme_says(capsys) -> None:
    exec(compile(PYTHON[0], "README.md", "exec"), {})
    assert capsys.readouterr().out == re.search(r"```text\n(.*?)```", README, flags=re.S)[1]


def test_every_link_and_picture_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target


@pytest.mark.parametrize("histories", [8000, pytest.param(30_000, marks=pytest.mark.slow)])
def test_what_the_simulation_adds_holds(histories) -> None:
    told = re.search(r"is lost (\d+) minutes in an average year, but one year in a hundred has more than (\d+)", README)
    row = k2rel.simulate(k2rel.study("L2R"), plan=k2rel.Plan(histories=histories, seed=7)).table().loc["media"]
    assert float(told[1]) == pytest.approx(row["downtime_min_per_year"], rel=0.06)
    assert float(told[2]) == pytest.approx(row["one_year_in_100_min"], rel=0.06)
