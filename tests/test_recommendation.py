"""Which of several levels: what is recommended and said of small made-up ones, and of two designs beside each other."""

import math

import numpy as np
import pytest

import k2rel
from k2rel.design.pair import pair_sentences, parts_in_words, parts_that_differ
from k2rel.design.recommendation import Candidate, Recommendation
from k2rel.errors import InputError
from k2rel.measures.paired import PairedDraws

PLAIN = Candidate("small", "media", 4, 200.0, 100.0, 900.0, 2.5, "carried", 8, 8, 40, 10, 40)
TARGET = {"target_percent": 99.9, "allowed_min_per_year": 525.6}


def level(name, downtime, parts, **more):
    """A level with a few figures of its own and the rest of `PLAIN`."""
    own = {"low_min_per_year": downtime / 2, "high_min_per_year": downtime * 3, **more}
    values = {field: getattr(PLAIN, field) for field in PLAIN.__dataclass_fields__}
    return Candidate(**(values | {"name": name, "downtime_min_per_year": downtime, "parts": parts} | own))


def meets(name, downtime, parts, p_met, verdict, **more):
    return level(name, downtime, parts, p_met=p_met, verdict=verdict, **TARGET, **more)


# what is recommended


def test_of_those_that_meet_the_target_the_one_with_fewest_parts_is_taken() -> None:
    found = Recommendation(
        (meets("cheap", 600.0, 30, 0.3, "not known"), meets("mid", 100.0, 50, 0.97, "met"), meets("big", 20.0, 90, 1.0, "met")),
        {("cheap", "mid"): 0.0, ("cheap", "big"): 0.0, ("mid", "big"): 0.0},
    )  # fmt: skip
    first, *rest = found.sentences()
    assert first == (
        "mid meets the target of 99.9 % (probability 97 %) with the fewest parts of the 2 that do (50 parts)."
    )
    big = next(text for text in rest if text.startswith("big"))
    assert "with 80 % more parts" in big
    assert "is down 20 min a year (10 to 60), and meets the target (100 %)" in big
    assert big.endswith("its additional parts improve the availability, not the load.")
    assert "cheap, with 40 % fewer parts" in found.words()


def test_where_every_level_has_a_cost_the_cheapest_is_taken_and_parts_do_not_count() -> None:
    two = (meets("few", 100.0, 30, 0.97, "met", cost=90_000.0), meets("many", 90.0, 60, 0.98, "met", cost=60_000.0))
    found = Recommendation(two, {("few", "many"): 0.5}, currency="EUR")
    assert found.sentences()[0].endswith("with the least cost of the 2 that do (60,000 EUR).")
    assert "few, at 50 % more cost" in found.words()
    one_price = Recommendation((two[0], meets("many", 90.0, 60, 0.98, "met")))
    assert one_price.chosen == two[0], "one price alone cannot decide"
    assert found.table()["cost"].tolist() == [90_000, 60_000]


def test_a_level_that_cannot_carry_its_clients_is_not_taken_however_little_it_is_down() -> None:
    weak = level("weak", 10.0, 30, load_state="overloaded", clients_normally=2, clients_carried=2)
    found = Recommendation((weak, level("strong", 50.0, 60)), {("weak", "strong"): 1.0})
    assert found.chosen.name == "strong"
    assert "it cannot carry its 4 clients" in found.words()
    after = level("after", 10.0, 30, load_state="overloaded after a failure", clients_carried=2)
    found = Recommendation((after, level("strong", 50.0, 60)), {("after", "strong"): 1.0})
    assert found.sentences()[0] == "after is down least: 10 min a year (5 to 30); it carries its 4 clients (at most 8, 2 after a failure)."  # fmt: skip


def test_where_none_carries_its_clients_that_is_said_first() -> None:
    two = [level(name, 50.0, 60, clients=20, load_state="overloaded", clients_normally=n, clients_carried=n)
           for name, n in (("eight", 8), ("sixteen", 16))]  # fmt: skip
    first = Recommendation(tuple(two)).sentences()[0]
    assert first == "None of these carries its clients; sixteen comes nearest: with nothing failed it carries 16 of 20."


def test_where_none_meets_the_target_the_nearest_is_named_with_what_is_missing() -> None:
    two = (meets("far", 900.0, 30, 0.01, "not met"), meets("near", 600.0, 60, 0.04, "not met"))
    first, second, *_ = Recommendation(two, {("far", "near"): 0.0}).sentences()
    assert first == "No level meets the target of 99.9 %; near comes nearest, with a probability of 4 %."
    assert "with 526 allowed: 74.4 too many" in second
    open_one = (two[0], meets("near", 500.0, 60, 0.6, "not known"))
    first, second, *_ = Recommendation(open_one, {("far", "near"): 0.0}).sentences()
    assert first.startswith("No level is sure to meet the target of 99.9 %; near comes nearest")
    assert "enough with all inputs as given, not within their limits" in second


def test_the_load_that_a_larger_level_carries_is_weighed_against_its_downtime() -> None:
    wide = level("wide", 400.0, 80, clients_normally=24, clients_carried=16)
    words = Recommendation((level("narrow", 200.0, 40), wide), {("narrow", "wide"): 1.0}).words()
    assert "wide, with 100 % more parts, carries 24 clients (16 after a failure) but is down 400 min" in words
    assert words.endswith("its additional parts improve the load, not the availability.")


# what cannot be told


def test_of_two_that_the_draws_do_not_tell_apart_the_smaller_is_taken_and_it_is_said() -> None:
    two = (level("small", 200.0, 40), level("large", 190.0, 80))
    known = Recommendation(two, {("small", "large"): 0.02})
    assert known.chosen.name == "large"
    assert "cannot be told" not in known.words()
    doubtful = Recommendation(two, {("small", "large"): 0.4})
    assert doubtful.chosen.name == "small"
    assert doubtful.sentences()[0].startswith(
        "small has the fewest parts (40) of those whose downtime cannot be distinguished"
    )
    assert "these figures do not show which of the two has less downtime (large at 60 % of the same draws)" in doubtful.words()  # fmt: skip


def test_intervals_that_overlap_prove_nothing_without_draws_that_are_shared() -> None:
    two = (level("small", 200.0, 40), level("large", 190.0, 80))
    assert Recommendation(two).chosen.name == "large"
    assert "cannot be told" not in Recommendation(two).words()


def test_what_has_another_service_other_clients_or_no_figures_is_said() -> None:
    tape = level("tape", 10.0, 20, service="ftp")
    broken = Candidate("broken", "media", 4, why_empty="no chain of it is small enough")
    found = Recommendation((PLAIN, level("more", 300.0, 60, clients=8), tape, broken))
    words = found.words()
    assert found.chosen is PLAIN
    assert "tape serves ftp, not media, and stands apart." in words
    assert "broken has no figures: no chain of it is small enough." in words
    assert "Each level has the clients of its own file, 4 to 8" in words
    assert found.table()["why_empty"]["broken"] != ""
    assert Recommendation((broken,)).sentences()[0] == "No level has figures."


# draws that are shared


def test_ties_count_by_halves_and_what_has_no_draws_has_no_probability() -> None:
    drawn = PairedDraws({"a": np.array([1.0, 2.0, 3.0, 4.0]), "b": np.array([2.0, 2.0, 1.0, 9.0])}, 4, 1)
    assert drawn.p_better("a", "b") == (1 + 0.5 + 0 + 1) / 4
    assert drawn.p_better("b", "a") == 1 - drawn.p_better("a", "b")
    assert math.isnan(drawn.p_better("a", "none"))


def test_an_input_has_one_draw_in_every_design_that_has_it() -> None:
    """Level 2 has all of Level 1 and one TOE more to lose: it is never down less, wide as both intervals are."""
    drawn = k2rel.paired_draws({"one": "L1", "two": "L2"}, samples=64)
    assert (drawn.minutes["two"] > drawn.minutes["one"]).all()
    assert drawn.p_better("one", "two") == 1.0
    alone = k2rel.paired_draws({"other": "nearline", "one": "L1"}, samples=64)
    assert alone.minutes["one"].tolist() == drawn.minutes["one"].tolist(), "whatever it is compared with"
    assert np.quantile(drawn.minutes["one"], 0.95) > np.quantile(drawn.minutes["two"], 0.05)


def test_the_levels_are_recommended_with_the_figures_and_verdicts_of_their_own_reports() -> None:
    answers = {name: study.solve() for name, study in k2rel.studies_of(["L1", "L2", "L2R"]).items()}
    found = k2rel.recommend(answers, target=99.9)
    for one in found.candidates:
        principal = k2rel.failover(answers[one.name].study).principal
        (judged,) = answers[one.name].target({principal: 99.9})
        assert (one.verdict, one.p_met) == (judged.verdict, judged.probability)
        limits = (judged.low_min_per_year, judged.high_min_per_year)
        assert (one.low_min_per_year, one.high_min_per_year) == pytest.approx(limits, rel=1e-9)
        load = k2rel.carrying(answers[one.name].study)
        assert (one.load_state, one.clients_normally, one.clients_carried) == (
            load.state,
            load.most_normally,
            load.most,
        )
    assert found.chosen.name == "L2R"
    assert found.better(found.candidates[0], found.candidates[1]) == 1.0


def test_prices_of_levels_are_read_from_the_file_of_prices(tmp_path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text("kind,what,cost [EUR]\nlevel,L1,50000\nlevel,L2,70000\n")
    found = k2rel.recommend(["L1", "L2"], samples=20, costs=path)
    assert [one.cost for one in found.candidates] == [50_000, 70_000]
    assert found.currency == "EUR"
    with pytest.raises(InputError, match="no level has a price; write rows such as level,L2R,80000"):
        k2rel.recommend(["L2R"], samples=20, costs=path)


# two designs


def test_two_designs_say_first_whether_their_difference_is_known() -> None:
    a, b = level("A", 100.0, 40), level("B", 150.0, 50, clients_normally=16, clients_carried=16)
    known, load, *_ = pair_sentences(Recommendation((a, b), {("A", "B"): 1.0}))
    assert known == (
        "A has less downtime than B: 100 min a year (50 to 300), not 150 min a year (75 to 450). It has less at all of the draws "
        "of the inputs; with all inputs as given the difference is 50 min a year."
    )
    assert load == "A carries its 4 clients (at most 8); B carries its 4 clients (at most 16)."
    doubtful = pair_sentences(Recommendation((a, b), {("A", "B"): 0.7}))[0]
    assert doubtful.startswith("These figures do not show which of A and B has less downtime")
    assert "the difference is smaller than the uncertainty (A has less downtime at 70 % of the draws" in doubtful
    assert "it is not known whether" in pair_sentences(Recommendation((a, b)))[0]
    same = level("B", 100.0, 50)
    assert pair_sentences(Recommendation((a, same), {("A", "B"): 0.5}))[0].startswith(
        "A and B have equal downtime: 100 min"
    )


def test_parts_that_two_designs_have_otherwise_are_found_in_both() -> None:
    before, after = k2rel.study("L2R"), k2rel.study("L2R", settings={"toe_A1.mttr": "2 h"})
    assert parts_that_differ(before, after) == (("toe_A1",), ("toe_A1",))
    assert parts_that_differ(before, before) == ((), ())
    larger = parts_that_differ("L2", "L2R")[1]
    assert {"switch_B", "server_B", "isl_1", "heartbeat"} <= set(larger)
    assert "raid_chassis" not in larger
    assert "+1 media server" in parts_in_words("L2", "L2R")
    assert "−1 media server" in parts_in_words("L2R", "L2")


def test_what_only_a_comparison_uses_is_refused_where_there_is_none(k2, tmp_path) -> None:
    for given in (["--counts", "4,8"], ["--costs", "none.csv"]):
        run = k2("report", "L1", *given, "--output", tmp_path / "out")
        assert run.code == 2
        assert "for a comparison; name two levels or more" in run.err
    assert not (tmp_path / "out").exists()
