"""README and pages tell the truth: the numbers in their sentences and tables are those of the library."""

import re
from pathlib import Path

import pandas as pd
import pytest

import k2rel

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ANSWERS = (ROOT / "docs" / "concepts" / "answers.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def answers() -> dict[str, k2rel.Answer]:
    return {level: k2rel.study(level).solve() for level in ("L2", "L2R")}


def test_the_first_figure_is_the_answer_and_says_why_it_is_not_the_ideal_one(answers) -> None:
    told = re.search(
        r"Media of Level 2R is down ([\d.]+) minutes per year, in ([\d.]+) service failures.*?would be ([\d.]+) minutes"
        r".*?under way add ([\d.]+) minutes per year, .*? operator ([\d.]+), .*? placed back ([\d.]+)\. The",
        ANSWERS,
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
        ANSWERS,
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
    rows = dict(re.findall(r"^\| ([^|]+?) \| (.+) \|$", ANSWERS, flags=re.M))
    results = list(answers.values())
    singles = [len(k2rel.single_points_of_failure(answer)) for answer in results]

    def check(row: str, values) -> None:
        numbers = [float(re.search(r"[\d.]+", cell)[0]) for cell in rows[row].split("|")]
        assert numbers == pytest.approx(values, rel=0.01), row

    def of(service: str) -> list[float]:
        return [answer[service].downtime_min_per_year for answer in results]

    check("media down for some client", of("media"))
    check("service failures per year", [answer["media"].failures_per_year for answer in results])
    check("mean downtime", [answer["media"].mean_downtime_h * 60 for answer in results])
    check("kinds of single failure that take media down until they are repaired", singles)
    check("control down", of("control"))
    check("FTP down, application tied to one server", of("ftp"))
    retried, limit = re.search(
        r"retries the other server has (\d+) minutes.*?would give, ([\d.]+)\s+minutes", ANSWERS, re.S
    ).groups()
    assert float(retried) == pytest.approx(results[1]["ftp_retry"].downtime_min_per_year, rel=0.01)
    assert float(limit) == pytest.approx(results[1].ideal["media"].downtime_min_per_year, rel=0.01)
    losses = re.search(r"minutes and ([\d.]+) failures per year, is a limit", ANSWERS)[1]
    assert float(losses) == pytest.approx(results[1].ideal["media"].failures_per_year, rel=0.03)


def test_messages_and_names_of_the_page_on_python_hold() -> None:
    page = (ROOT / "docs" / "how-to" / "python.md").read_text(encoding="utf-8")
    simulated = k2rel.study("L2R").solve("simulation", plan=k2rel.Plan(histories=30, years=1))
    with pytest.raises(k2rel.K2relError) as refused:
        simulated.causes()
    assert f"`{refused.value}`" in page
    for name in re.findall(r"^\| `(\w+)\(", page, flags=re.M):
        assert callable(getattr(k2rel.Answer, name))


def test_what_coverage_and_time_do_is_said_as_it_is() -> None:
    page = " ".join((ROOT / "docs" / "reference" / "method.md").read_text(encoding="utf-8").split())
    told = re.search(
        r"by −([\d.]+) % for each per cent more of the coverage of failures of server software, by ([\d.]+) %", page
    )
    elasticity = k2rel.assumption_importance("L2R", "media")["elasticity"]
    assert told[1] == f"{-elasticity['file_system coverage[server_software]']:.1f}"
    assert told[2] == f"{elasticity['manual takeover']:.2f}"


def test_the_readme_is_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= 80


@pytest.mark.parametrize("histories", [8000, pytest.param(30_000, marks=pytest.mark.slow)])
def test_what_the_simulation_adds_holds(histories) -> None:
    page = (ROOT / "docs" / "how-to" / "simulation.md").read_text(encoding="utf-8")
    told = re.search(r"is down (\d+) minutes in an average year, but one year in a hundred has more than (\d+)", page)
    row = k2rel.simulate(k2rel.study("L2R"), plan=k2rel.Plan(histories=histories, seed=7)).table().loc["media"]
    assert float(told[1]) == pytest.approx(row["downtime_min_per_year"], rel=0.06)
    assert float(told[2]) == pytest.approx(row["downtime_q99_min"], rel=0.06)
