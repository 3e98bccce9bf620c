"""Tables that put designs side by side: one reading in all rows, reasons where a figure is missing, what is worst."""

import re

import pandas as pd
import pytest

import k2rel
from k2rel.errors import InputError
from k2rel.markov.engine import solved

PREFERRED = k2rel.Organisation(roles="ideal")
LEVELS = k2rel.level_names()
NO_CHAIN = {"isl.failure_rate": "0.1 /h"}  # of Level 2R alone among those asked; a chain of it would be too large


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return k2rel.overview()


# one reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "reading", "minutes"),
    [
        ({}, "as modelled", 35.67),
        ({"method": "exact"}, "ideal", 4.05),
        ({"organisation": PREFERRED}, "ideal", 4.05),
    ],
)
def test_all_levels_of_a_comparison_stand_under_one_reading(asked, reading, minutes) -> None:
    frame = k2rel.compare(["L1", "L2R"], **asked)
    assert set(frame["takeovers"]) == {reading}
    assert frame.loc["L2R", "downtime_min_per_year"] == pytest.approx(minutes, abs=0.005)
    # no role of Level 1 can move
    assert frame.loc["L1", "downtime_min_per_year"] == pytest.approx(193.0, abs=0.05)
    assert set(frame["why_empty"]) == {""}


def test_takeovers_of_a_comparison_are_those_of_whoever_answers() -> None:
    """Of 1.59 losses of a trigger a year 95 in 100 are followed by a takeover; at once and certain, all are."""
    first = k2rel.study("L2R", data="0.1")
    assert k2rel.headline(first)["takeovers_per_year"] == pytest.approx(1.592 * 0.95, rel=1e-3)
    assert k2rel.headline(first, method="exact")["takeovers_per_year"] == pytest.approx(1.592, rel=1e-3)


def test_a_level_without_figures_says_why_and_spoils_no_other() -> None:
    frame = k2rel.compare(["L2", "L2R"], settings=NO_CHAIN, method="markov")
    assert frame.loc["L2", "downtime_min_per_year"] == pytest.approx(196.7, abs=0.05)
    assert frame.loc["L2", "why_empty"] == ""
    assert frame["downtime_min_per_year"].isna()["L2R"]
    assert frame["takeovers_per_year"].isna()["L2R"]
    assert frame.loc["L2R", "clients"] == 4
    assert "states are needed" in frame.loc["L2R", "why_empty"]
    assert set(frame["takeovers"]) == {"as modelled"}
    overload = k2rel.overload_by_level(["L2", "L2R"], settings=NO_CHAIN, method="markov")
    assert overload.isna().to_dict() == {"L2": False, "L2R": True}
    assert list(overload.attrs["why_empty"]) == ["L2R"]


def test_where_no_level_has_figures_the_reason_is_raised() -> None:
    with pytest.raises(InputError, match="crews"):
        k2rel.compare(["L1", "L2"], method="exact", organisation=k2rel.Organisation(crews=1))
    with pytest.raises(InputError, match="did you mean 'markov'"):
        k2rel.overview("L1", method="markow")


def test_what_was_solved_stands_in_tables_as_it_is() -> None:
    answers = {name: study.solve() for name, study in k2rel.studies_of(["L1", "L2R"], clients=6).items()}
    before = solved.cache_info().misses
    frame, own = k2rel.compare(answers), k2rel.overview(list(answers.values()))
    assert solved.cache_info().misses == before, "no chain is solved again"
    assert frame["clients"].tolist() == own["clients"].tolist() == [6, 6]
    assert list(frame.index) == list(own.index) == ["L1", "L2R"]
    assert list(k2rel.compare([answers["L2R"].study, answers["L2R"]]).index) == ["L2R", "L2R-2"]
    assert k2rel.compare(answers, method="exact").loc["L2R", "takeovers"] == "ideal"
    with pytest.raises(InputError, match="a study has its own"):
        k2rel.compare(answers, clients=4)
    with pytest.raises(InputError, match="not both"):
        k2rel.compare([answers["L1"], "L2"])
    with pytest.raises(InputError, match="cannot be mixed in one table"):
        k2rel.compare([answers["L2R"], answers["L2R"].study.solve("exact")])


def test_two_designs_are_answered_for_alike() -> None:
    """Also where the first is one for which the reading makes no difference."""
    after = {
        reading: k2rel.services_compared("L1", "L2R", **asked).loc["media", "after_min_per_year"]
        for reading, asked in (("modelled", {}), ("exact", {"method": "exact"}), ("preferred", {"organisation": PREFERRED}))
    }  # fmt: skip
    assert after["modelled"] == pytest.approx(35.67, abs=0.005)
    assert after["exact"] == after["preferred"] == pytest.approx(4.05, abs=0.005)
    asked = k2rel.study("L1").solve(organisation=PREFERRED)
    assert k2rel.services_compared(asked, "L2R").loc["media", "after_min_per_year"] == after["exact"]


def test_contracts_have_the_reading_of_the_study_and_solve_its_chain_once() -> None:
    answer = k2rel.study("L2R").solve()
    media = answer["media"].downtime_min_per_year
    before = solved.cache_info().misses
    frame = k2rel.contracts(answer)
    assert solved.cache_info().misses - before == 2, "the two other contracts"
    assert frame.loc["media", "4h"] == media
    other = k2rel.study("L2R", repair="nbd").solve()["media"]
    assert frame.loc["media", "nbd"] == pytest.approx(other.downtime_min_per_year, rel=1e-9)
    assert frame.attrs["takeovers"] == "as modelled"
    first = k2rel.study("L2R", data="0.1").solve()
    assert k2rel.contracts(first, method="exact").loc["media", "nbd"] == pytest.approx(27.31, abs=0.005)


def test_clients_that_a_level_carries_say_under_which_reading() -> None:
    frame = k2rel.most_clients(["L1", "L2R"], "25 MB/s", most=9, method="exact").set_index("level")
    assert set(frame["takeovers"]) == {"ideal"}
    assert frame["nothing_failed"].to_dict() == {"L1": 4, "L2R": 8}
    missing = k2rel.most_clients(["L1", "L2R"], "25 MB/s", most=9, settings=NO_CHAIN, method="markov")
    missing = missing.set_index("level")
    assert missing["after_one_failure"].to_dict() == {"L1": 4, "L2R": 8}, "rules alone need no chain"
    assert missing["within_bound"].isna()["L2R"]
    assert "states are needed" in missing.loc["L2R", "why_empty"]
    with pytest.raises(k2rel.K2relError, match="states are needed"):
        k2rel.most_clients("L2R", "25 MB/s", most=9, settings=NO_CHAIN, method="markov")


@pytest.mark.parametrize("method", ["markov", "exact"])
def test_a_takeover_leads_away_from_the_preferred_side(method) -> None:
    """With everything normally at B and a TOE of A that is too small, whoever has moved is overloaded."""
    study = k2rel.study("L2R", primary="B", settings={"toe_A1.capacity": "40 MB/s"})
    assert k2rel.overload_after_takeover(study, method=method) == pytest.approx(1.0, abs=1e-4)
    home = k2rel.study("L2R", settings={"toe_A1.capacity": "40 MB/s"})
    assert k2rel.overload_after_takeover(home, method=method) == pytest.approx(0.0, abs=1e-4)


# the table of all levels --------------------------------------------------------------------------------------------


def test_the_overview_says_what_the_manual_says(table) -> None:
    """All clients are on side A; when anything of it fails, all move to B. Level 2 has two TOEs for four clients."""
    assert list(table.index) == list(LEVELS)
    level = table.loc["L2R"]
    assert level["clients"] == 4
    assert (level["normal_share_a"], level["normal_share_b"]) == (1, 0)
    assert level["worst_failure"] == "switch A"
    assert (level["worst_share_a"], level["worst_share_b"], level["worst_share_cut_off"]) == (0, 1, 0)
    assert level["downtime_min_per_year"] == pytest.approx(35.67, abs=0.005)
    assert level["ideal_min_per_year"] == pytest.approx(4.05, abs=0.005)
    half = table.loc["L2"]
    assert half["worst_failure"] == "toe A1"
    assert (half["worst_share_a"], half["worst_share_b"], half["worst_share_cut_off"]) == (0.5, 0, 0.5)
    assert pd.isna(half["ideal_min_per_year"]), "nothing moves: there is no other reading"
    alone = table.loc["L1"]
    assert alone["worst_failure"] == "software A", "Windows: the most probable of those that take media from all"
    assert alone["worst_share_cut_off"] == 1
    assert set(table["takeovers"]) == {"as modelled"}
    assert table["method"].to_dict() == {"L1": "exact", "L2": "exact", "L2R": "markov", "L3": "exact",
                                         "L3R": "markov", "nearline": "markov"}  # fmt: skip
    shares = [name for name in table.columns if "share" in name]
    assert all(table[name].dtype == float for name in (*shares, "downtime_min_per_year", "ideal_min_per_year"))


@pytest.mark.parametrize("level", LEVELS)
def test_the_worst_failure_is_that_of_all_failures_tried(table, level) -> None:
    study = k2rel.study(level)

    def cut_off(part: str) -> float:
        outcome = k2rel.failover(study, part)
        return sum(state.sides[outcome.principal] is None for state in outcome.clients) / len(outcome.clients)

    tried = [cut_off(part) for part in study.site.components]
    some = [share for share in tried if share < 1 and (share > 0 or len(study.site.sides) > 1)]
    assert table.loc[level, "worst_share_cut_off"] == (max(some) if some else max(tried))
    columns = ["worst_share_a", "worst_share_b", "worst_share_cut_off"]
    assert table.loc[level, columns].sum() == pytest.approx(1)
    assert table.loc[level, ["normal_share_a", "normal_share_b"]].sum() == pytest.approx(1)


def test_clients_carried_is_the_last_number_that_nothing_overloads_for(table) -> None:
    """A TOE of 100 MB/s has four clients of 25 MB/s; of the file store, an FTP link of 80 MB/s four of 20."""
    assert table["clients_carried"].to_dict() == {"L1": 4, "L2": 8, "L2R": 8, "L3": 16, "L3R": 16, "nearline": 8}


# the verdict --------------------------------------------------------------------------------------------------------


def test_the_verdict_leads_with_the_answer_and_says_why_it_is_not_the_ideal_one() -> None:
    words = k2rel.verdict("L2R")
    assert "35.7 min a year" in words
    assert "takeovers as modelled, by the markov engine), in 2.6 failures per year" in words
    parts = re.search(r"Of these, ([\d.]+) min after failed takeovers and ([\d.]+) min during takeovers;", words)
    assert float(parts[1]) + float(parts[2]) == pytest.approx(35.67 - 4.05, rel=0.02)
    assert words.index("Of these") < words.index("it would be 4.05 min") < words.index("The largest cause")
    assert "not included" not in words


def test_the_verdict_of_ideal_takeovers_says_what_it_leaves_out() -> None:
    words = k2rel.verdict("L2R", method="exact")
    assert "4.05 min a year" in words
    assert "takeovers ideal" in words
    assert words.endswith("not included in the figures above.")
    assert "takeovers," not in k2rel.verdict("L1").split("by the exact engine")[1], "nothing moves"


def test_the_verdict_mixes_no_figures_of_another_reading() -> None:
    with pytest.raises(InputError, match="figures with ideal takeovers were given"):
        k2rel.verdict("L2R", k2rel.availability("L2R", method="exact"))


# the past -----------------------------------------------------------------------------------------------------------


def test_lines_of_an_earlier_version_are_marked_and_not_compared(tmp_path) -> None:
    """Before they said who computed them, all figures were those of ideal takeovers."""
    (tmp_path / "results").mkdir()
    head = "date,version,unavailability,downtime_min_per_year,failures_per_year,p_overload,clients,input_hash,basis"
    figures = "7.6e-06,4.01,0.0088,0.0,4,0123456789abcdef,"
    old, new = f"2026-01-01,0.0.9,{figures}", "2026-02-01,0.1.0,1.9e-05,9.97,1.6,0.0,4,0123456789abcdef,x"
    path = tmp_path / "results" / "L2R.history.csv"
    path.write_text(f"{head}\n{old}\n")
    frame = k2rel.history("L2R", tmp_path)
    assert frame["takeovers"].tolist() == ["ideal", "as modelled"]
    assert frame["method"].tolist() == ["exact", "markov"]
    assert frame["comparable"].tolist() == [False, True]
    assert "1 of 1 earlier lines have ideal takeovers" in frame.attrs["notes"][0]
    path.write_text(f"{head},method,takeovers\n{old},,\n{new},markov,as modelled\n")
    frame = k2rel.history("L2R", tmp_path)
    assert frame["comparable"].tolist() == [False, True, True]
    assert k2rel.history("L2R", tmp_path, method="exact")["comparable"].tolist() == [True, False, True]


def test_earlier_lines_of_a_site_where_no_role_moves_can_be_compared(tmp_path) -> None:
    (tmp_path / "results").mkdir()
    head = "date,version,unavailability,downtime_min_per_year,failures_per_year,p_overload,clients,input_hash"
    (tmp_path / "results" / "L1.history.csv").write_text(f"{head}\n2026-01-01,0.0.9,1.7e-04,87.2,1.6,0,4,01\n")
    frame = k2rel.history("L1", tmp_path)
    assert frame["comparable"].tolist() == [True, True]
    assert frame.attrs["notes"] == ()
