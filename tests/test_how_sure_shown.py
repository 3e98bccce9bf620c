"""How sure a figure is said: in pictures, in tables for people, on the command line, and wherever a target is judged."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import k2rel
from k2rel import InputError, plots
from k2rel.bundled import data_dir
from k2rel.design.changes import Design, changed
from k2rel.report import page
from k2rel.tables import for_people

SITE = data_dir() / "examples" / "reference_san.yaml"


@pytest.fixture(scope="module")
def drawn():
    return k2rel.uncertainty("L1", ["media", "control"], samples=400, seed=2)


@pytest.fixture(scope="module")
def judged(drawn):
    return k2rel.judge("L1", {"media": 99.95}, drawn=drawn)[0]


def minutes_of(drawn, service):
    return drawn.unavailability[service] * 525_600


# pictures


def words_of(ax) -> str:
    texts = [*ax.texts, *ax.get_legend().get_texts()]
    return "\n".join(text.get_text() for text in texts)


def test_the_band_shows_quantiles_the_figure_as_given_and_the_share_of_draws_that_meet_the_target(drawn, judged):
    ax: Any = plots.plot_band(drawn, "media", judged=judged)
    low, middle, high = np.quantile(minutes_of(drawn, "media"), [0.05, 0.5, 0.95])
    meets = 100 * np.mean((minutes_of(drawn, "media") <= 0.0005 * 525_600) & drawn.carries)
    said = words_of(ax)
    for number in (low, middle, high, k2rel.study("L1").solve()["media"].downtime_min_per_year):
        assert f"{number:.3g}" in said
    assert f"P(met) = {meets:.3g} %" in said
    curve: Any = next(line for line in ax.lines if len(line.get_xdata()) == 400)
    assert np.all(np.diff(curve.get_xdata()) >= 0)
    assert np.interp(middle, curve.get_xdata(), curve.get_ydata()) == pytest.approx(50.0, abs=0.5)


def test_bands_of_several_services_stand_one_below_the_other_each_with_its_limits(drawn, judged) -> None:
    ax = plots.plot_bands(drawn, [judged])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["control", "media"]
    said = words_of(ax)
    for service in ("media", "control"):
        low, high = np.quantile(minutes_of(drawn, service), [0.05, 0.95])
        assert f"{low:.3g} to {high:.3g}" in said
    assert said.count("P(met)") == 1  # the one service that has a target


TORNADO = pd.DataFrame(
    {
        "about": ["manual takeover", "coverage of software", "failure rate of psu", "failure rate of cable"],
        "value": [1.0, 0.8, 1e-5, 1e-7],
        "low": [0.25, 0.67, 1e-6, 1e-8],
        "high": [4.0, 0.92, 1e-4, 1e-6],
        "unit": ["h", "", "/h", "/h"],
        "downtime_at_low_min_per_year": [5.0, 22.0, 9.0, 9.9999],
        "downtime_at_high_min_per_year": [50.0, 6.0, 12.0, 10.0001],
    },
    index=pd.Index(["a", "b", "c", "d"], name="input"),
)


def test_the_tornado_names_inputs_with_value_and_limits_and_leaves_out_what_does_nothing() -> None:
    ax: Any = plots.plot_swing(TORNADO, 10.0, allowed_min_per_year=20.0)
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "failure rate of psu, 1e-05 /h",
        "coverage of software, 80 %",
        "manual takeover, 1 h",
    ]
    assert [text.get_text() for text in ax.texts] == ["1e-06 /h to 0.0001 /h", "67 % to 92 %", "15 min to 4 h"]
    ends = [{round(bar.get_x(), 6), round(bar.get_x() + bar.get_width(), 6)} - {10.0} for bar in ax.patches]
    assert ends == [{9.0}, {12.0}, {22.0}, {6.0}, {5.0}, {50.0}]  # lower limit first, whatever it does
    assert {float(line.get_xdata()[0]) for line in ax.lines} == {10.0, 20.0}


@pytest.mark.parametrize("kind", ["band", "bands", "swing"])
def test_no_label_lies_over_another(drawn, judged, kind) -> None:
    ax: Any = {
        "band": lambda: plots.plot_band(drawn, "media", judged=judged),
        "bands": lambda: plots.plot_bands(drawn, [judged]),
        "swing": lambda: plots.plot_swing(k2rel.swing("L1"), 193.0, allowed_min_per_year=263.0),
    }[kind]()
    FigureCanvasAgg(ax.figure).draw()
    legend = ax.get_legend()
    texts = [*ax.texts, *ax.get_yticklabels(), *ax.get_xticklabels(), ax.title, ax.xaxis.label, ax.yaxis.label]
    texts += legend.get_texts() if legend else []
    low, high = ax.get_ylim()
    marks = zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
    hidden = [label for place, label in marks if not low <= place <= high]
    left, right = ax.get_xlim()
    hidden += [t for place, t in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True) if not left <= place <= right]
    boxes = [text.get_window_extent() for text in texts if text.get_text() and text not in hidden]
    assert len(boxes) > 8
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)


# tables for people


def test_a_table_of_inputs_is_shown_in_words_and_each_number_in_its_unit() -> None:
    shown = for_people(TORNADO)
    assert shown.index.tolist()[:2] == ["manual takeover", "coverage of software"]
    assert shown["value"].tolist()[:3] == ["1 h", "80 %", "1e-05 /h"]
    assert shown["upper limit"].tolist()[0] == "4 h"
    assert "unit" not in shown
    assert "about" not in shown


# the command line


def test_the_verb_says_what_inputs_leave_possible_and_what_turns_the_verdict(k2) -> None:
    run = k2("uncertainty", "L1", "--target", "99.95", "--samples", "200", "--inputs")
    assert run.code == 0
    (judged,) = k2rel.judge("L1", {"media": 99.95}, samples=200)
    assert judged.words() in run.out
    for title in (
        "downtime, 95 % quantile [min/year]",
        "side on which the target is met",
        "downtime at the lower limit",
        "statistic given",
    ):
        assert title in run.out
    assert "failure rate of server software" in run.out
    assert "os_windows.failure_rate" not in run.out  # names of the program stand in JSON


def test_json_has_every_part_of_the_answer_under_its_name(k2) -> None:
    data = k2("uncertainty", "L1", "--target", "99.95", "--samples", "64", "--format", "json").json
    assert {"samples", "seed", "points", "inputs", "downtime_min_per_year", "p_any_overload", "p_carries_clients",
            "p_carries_clients_after_each_failure", "service", "swing", "sensitivity", "target",
            "break_even"} <= set(data)  # fmt: skip
    assert data["inputs"]["os_windows.failure_rate"]["about"] == "failure rate of server software"
    assert (
        data["downtime_min_per_year"]["media"]["low_min_per_year"]
        < data["downtime_min_per_year"]["media"]["high_min_per_year"]
    )


def test_a_probability_is_chosen_from_which_a_target_counts_as_met(k2) -> None:
    (open_,) = k2rel.judge("L1", {"control": 99.95}, samples=400, explain=False)
    assert 0.5 < open_.probability < 0.95
    assert open_.verdict == "not known"
    sure = 100 * open_.probability - 0.1
    given = ("uncertainty", "L1", "--service", "control", "--target", "99.95", "--samples", "400", "--format", "json")
    assert k2(*given).json["target"]["verdict"] == "not known"
    assert k2(*given, "--sure", f"{sure:g} %").json["target"]["verdict"] == "met"


@pytest.mark.parametrize("text", ["50", "100", "0.95", "high", "-90"])
def test_a_probability_that_decides_nothing_is_refused(k2, text) -> None:
    run = k2("uncertainty", "L1", "--target", "99.95", f"--sure={text}")
    assert run.code == 2
    assert "a probability above 50 and below 100 %" in run.err


@pytest.mark.parametrize("level", ["nearline", pytest.param("L2R", marks=pytest.mark.slow)])
def test_times_of_persons_have_the_limits_that_are_typed_and_else_those_of_the_defaults(k2, level) -> None:
    given = ("uncertainty", level, "--samples", "16", "--format", "json", "--method", "markov")
    inputs = k2(*given, "--manual-takeover", "30 min (10 min to 3 h)").json["inputs"]
    usual = k2(*given).json["inputs"]
    typed = inputs["manual_takeover_h"]
    assert (typed["value"], typed["low"], typed["high"]) == pytest.approx((0.5, 1 / 6, 3.0))
    assert inputs["return_to_service_h"] == usual["return_to_service_h"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("1 h (2 h to 4 h)", "around its value of 1 h"), ("1 h (0.5 h to x)", "'x' is not a valid duration"),
     ("1 h (0.5 h to 4 h, beta)", "those of a lognormal distribution")],
)  # fmt: skip
def test_limits_of_a_time_that_are_none_are_refused_in_a_sentence(k2, text, message) -> None:
    run = k2("availability", "L2R", "--manual-takeover", text)
    assert run.code == 2
    assert message in run.err
    assert run.err.count("\n") == 1


# one verdict, wherever a target is judged


def test_draws_that_are_there_already_give_the_same_verdict_and_those_of_another_study_are_refused(drawn, judged):
    (alone,) = k2rel.judge("L1", {"media": 99.95}, samples=400, seed=2)
    assert judged == alone
    with pytest.raises(InputError, match="of another study"):
        k2rel.judge("L2", {"media": 99.95}, drawn=drawn)
    with pytest.raises(InputError, match="no draws of 'file_system'"):
        k2rel.judge("L1", {"file_system": 99.95}, drawn=drawn)


def test_tables_of_sites_say_the_verdict_of_the_judgement() -> None:
    judged = {name: k2rel.judge(name, {"media": 99.95}, explain=False)[0] for name in ("L1", "L2")}
    for table in (k2rel.compare(["L1", "L2"], target=99.95), k2rel.overview(["L1", "L2"], target=99.95)):
        assert table["verdict"].to_dict() == {name: one.verdict for name, one in judged.items()}
        assert table["p_met"].to_dict() == {name: one.probability for name, one in judged.items()}
    assert "verdict" not in k2rel.compare(["L1"])


def test_the_index_says_verdict_and_probability_beside_the_figures() -> None:
    headline = {"title": "x", "target": 99.99, "verdict": "not known", "p_met": 0.494}
    text = page.index_page([page.Entry("A", "A.html", headline), page.Entry("B", "B.html", {"title": "y"})], [], "")
    assert "</b> not known</span> <span class='limits'>99.99 %, probability 49.4 %</span>" in text
    assert "data-head='target'" not in page.index_page([page.Entry("B", "B.html", {"title": "y"})], [], "")


def test_changes_that_are_shown_say_whether_the_target_is_then_met() -> None:
    """Each changed design judged by itself; what is not among the best three has no verdict."""
    study = k2rel.study(SITE)
    found = k2rel.advise(study, target_percent=99.99, pairs=False, sure=0.6)
    table = found.table()
    shown = table[table["verdict"] != ""]
    assert shown.index.tolist() == table.index.tolist()[:3]
    titled = {change.title: change for change in found.changes}
    for title, row in shown.iterrows():
        made = changed(Design(study), [titled[title]])
        (one,) = k2rel.judge(made.study, {found.service: 99.99}, organisation=made.organisation, sure=0.6)
        assert (row["verdict"], row["p_met"]) == (one.verdict, one.probability)
    best = k2rel.best_changes(study, target_percent=99.99, sure=0.6)
    assert best["p_met"].tolist() == shown["p_met"].tolist()
    (now,) = k2rel.judge(study, {found.service: 99.99}, sure=0.6)
    assert f"{now.verdict.upper()} as it is" in found.words() or "met as it is" in found.words()
    assert found.to_json()["now"]["p_met"] == now.probability
