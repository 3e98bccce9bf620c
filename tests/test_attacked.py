"""What attackers found once, each held: figures at the ends of what a number holds, and what is too much for a machine."""

import json

import pytest

import k2rel
from k2rel.errors import InputError, NoConvergenceError
from k2rel.simulation.engine import moderate_plan


def pair(first, second, **more):
    """A client that needs one of two parts."""
    fixed = {"type": "fixed"}
    return {
        "format": 2, "name": "pair", "title": "pair", "sides": {"A": {}}, "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}},
        "components": {"p": fixed | first, "q": fixed | second,
                       "both": fixed | {"side": "A", "needs": [{"at_least": 1, "of": ["p", "q"]}]}},
        "clients": {"count": 1, "parts": {"seat": fixed, "cord": fixed | {"side": "A", "between": ["seat", "both"]}}},
        "traffic": {"files": {"paths": [{"side": "A", "via": ["seat", "cord", "both"]}]}},
    } | more  # fmt: skip


def tree(formula, **events):
    """The probability of a formula."""
    data = "".join(
        f'<define-basic-event name="{n}"><float value="{p!r}"/></define-basic-event>' for n, p in events.items()
    )
    return (
        f'<opsa-mef><define-fault-tree name="t"><define-gate name="g">{formula}</define-gate></define-fault-tree>'
        f"<model-data>{data}</model-data></opsa-mef>"
    )


E = {name: f'<basic-event name="{name}"/>' for name in "abcde"}


@pytest.mark.parametrize(
    ("formula", "events", "expected"),
    [
        # (a <-> b) is nearly certain, d is, so what is left is c
        (f"<and><iff>{E['a']}{E['b']}</iff><iff>{E['c']}{E['d']}</iff></and>", {"a": 1e-61, "b": 1e-63, "c": 3e-61, "d": 1.0}, 3e-61),
        # a or b or c, b certain: the nor is false, the xor is a; a and d are independent
        (f"<and><xor>{E['a']}<nor>{E['a']}{E['b']}{E['c']}</nor></xor>{E['d']}</and>",
         {"a": 6.06e-12, "b": 1.0, "c": 1.9e-13, "d": 1.141e-12}, 6.06e-12 * 1.141e-12),
    ],
)  # fmt: skip
def test_a_gate_that_is_nearly_certain_leaves_its_opposite_all_its_digits(formula, events, expected, tmp_path) -> None:
    (tmp_path / "m.xml").write_text(tree(formula, **events))
    (top,) = k2rel.solve(k2rel.read_fault_trees(tmp_path / "m.xml")).tops
    assert top.probability == pytest.approx(expected, rel=1e-12, abs=0)


def test_a_simulation_that_is_too_short_to_show_the_long_run_is_refused() -> None:
    study = k2rel.study(pair({"mttf": "20 y", "mttr": "10 y"}, {"mttf": "20 y", "mttr": "10 y"}))
    with pytest.raises(InputError, match=r"q starts as new and needs 6.67 years .* warm-up of 34 years"):
        k2rel.simulate(study, plan=k2rel.Plan(histories=100))
    tested = k2rel.study(
        pair({"mttf": "1e5 h", "mttr": "4 h", "test_interval": "20 y"}, {"mttf": "1e5 h", "mttr": "4 h"})
    )
    with pytest.raises(InputError, match="tested every 20 years"):
        k2rel.simulate(tested, plan=k2rel.Plan(histories=100))


def test_a_plan_of_its_own_is_long_enough_for_the_slowest_part() -> None:
    """Two parts that are down a third of the time, alone: a ninth."""
    study = k2rel.study(pair({"mttf": "20 y", "mttr": "10 y"}, {"mttf": "20 y", "mttr": "10 y"}))
    plan = moderate_plan(study, k2rel.Organisation(), None)
    found = k2rel.simulate(study, plan=plan)["files"].unavailability
    assert found.low < 1 / 9 < found.high


def test_tested_parts_that_hardly_ever_work_are_a_sentence_and_no_empty_figure() -> None:
    study = k2rel.study(pair({"mttf": "10 h", "mttr": "1 h", "test_interval": "1e6 h"}, {"mttf": "1e5 h", "mttr": "4 h", "test_interval": "2400 h"}))  # fmt: skip
    with pytest.raises(NoConvergenceError, match="use method exact"):
        list(study.solve("markov", organisation=k2rel.Organisation(roles="ideal")).services)
    assert study.solve("exact")["files"].unavailability == pytest.approx(0.01194, rel=1e-3)


def test_parts_that_need_one_another_through_hundreds_of_steps_are_no_defect(k2, tmp_path) -> None:
    site = pair({"mttf": "900 h", "mttr": "1 h"}, {"mttf": "900 h", "mttr": "1 h"})
    for n in range(400):
        site["components"][f"n{n}"] = {"type": "fixed", "mttf": "900 h", "mttr": "1 h"} | (
            {"needs": [f"n{n - 1}"]} if n else {}
        )
    site["components"]["both"]["needs"] = ["n399"]
    (tmp_path / "s.yaml").write_text(json.dumps(site))
    run = k2("availability", str(tmp_path / "s.yaml"))
    assert (run.code, "depend on one another through too many steps" in run.err) == (2, True)


def test_samples_have_a_bound(k2, tmp_path) -> None:
    (tmp_path / "f.csv").write_text("time_h,event\n10,1\n20,1\n30,0\n")
    run = k2("fit", str(tmp_path / "f.csv"), "--samples", "4294967296")
    assert run.code == 2
    assert "--samples" in run.err


def test_limits_as_far_apart_as_numbers_go_are_sampled(tmp_path) -> None:
    (tmp_path / "s.yaml").write_text("levels: [L1]\nsample: 5\nset: {psu.mttf: {low: 1e-90 h, high: 1e90 h, law: loguniform}, drive.mttf: {low: 1e-199, high: 1e199, law: loguniform}}\n")  # fmt: skip
    spec = k2rel.sweep.read_sweep(tmp_path / "s.yaml")
    assert "inf" not in str([point.settings for point in spec.points])


def test_a_label_of_every_state_has_probability_1_and_no_more(k2, tmp_path) -> None:
    for seed, rates in enumerate([(0.1, 0.3, 0.7), (1e-3, 0.11, 0.9), (0.37, 0.2, 1e-5)]):
        moves = [(0, 1), (1, 2), (2, 0)]
        (tmp_path / "m.tra").write_text(
            "3 3\n" + "".join(f"{i} {j} {r}\n" for (i, j), r in zip(moves, rates, strict=True))
        )
        (tmp_path / "m.lab").write_text('0="init" 1="any"\n0: 0 1\n1: 1\n2: 1\n')
        found = k2(
            "ctmc", str(tmp_path / "m.tra"), "--labels", str(tmp_path / "m.lab"), "--steady", "--format", "json"
        ).json
        assert found["labels"]["any"] <= 1.0, seed
