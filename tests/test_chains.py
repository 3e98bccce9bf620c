"""Markov chains of any origin: published values, closed forms, and what is refused.

Figures of the failover chains and of the cluster are exact rationals, cross-checked with a model checker.
"""

import json

import numpy as np
import pytest
from cluster import FACT, cluster, quality
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from k2rel.cli import main
from k2rel.ctmc.chain import Chain
from k2rel.ctmc.explore import Event, explore
from k2rel.ctmc.files import LabelledChain, read_chain, read_labels, read_rewards, write_chain
from k2rel.ctmc.passage import interruptions, mean_time_to
from k2rel.ctmc.phases import erlang, fitted, renewal_chain, weibull_variation
from k2rel.ctmc.steady import steady
from k2rel.ctmc.transient import over_time, time_spent
from k2rel.design.redundancy import redundant_units, units_with_coverage
from k2rel.errors import InputError, NoConvergenceError


def figures(chain, down):
    p = steady(chain).probability
    visits = interruptions(chain, p, down)
    return p[down].sum(), visits.frequency_per_h, visits.mean_h, mean_time_to(chain, down)


def k_of_n(k, n, crews):
    fail = Event("failure", lambda s: s["up"] / 5000, {"up": -1})
    repair = Event("repair", lambda s: np.minimum(n - s["up"], crews) / 8, {"up": 1})
    space = explore({"up": (n, n)}, [fail, repair])
    return space.chain, space.columns["up"] < k


@pytest.mark.parametrize(
    ("k", "n", "crews", "expected"),
    [
        (3, 4, 1, (3.0621539723433532e-05, 3.8154634472252203e-06, 8.02564096, 263333.33333333331)),
        (3, 4, 4, (1.5278374033539186e-05, 3.815521990305754e-06, 4.00426837333333, 263333.33333333331)),
        (6, 8, 2, (3.4105460702610882e-07, 8.4922870648182133e-08, 4.01605132307677, 11832529.761904761)),
        (14, 16, 1, (1.369521153618178e-05, 1.6763518811017367e-06, 8.16965202268928, 610191.96428571432)),
    ],
)
def test_units_that_wait_for_few_crews_have_the_published_figures(k, n, crews, expected) -> None:
    assert figures(*k_of_n(k, n, crews)) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("units", "coverage", "expected"),
    [
        (1, 0.9, (0.00016663889351774705, 0.00016663889351774705, 1.0, 6000.0)),
        (2, 0.9, (6.4422555091836575e-06, 0.00033327564922940625, 0.0193301116480587, 3000.0)),
        (3, 0.9, (9.5816712677525449e-06, 0.00049991186276157466, 0.0191667211392469, 2000.0)),
        (8, 0.9, (2.5550639182590897e-05, 0.0013330768269177859, 0.0191666666666667, 750.0)),
        (2, 0.99, (1.5272663556689559e-06, 0.00033327728728616013, 0.00458256957173804, 3000.0)),
        (8, 0.99, (5.8878717580882128e-06, 0.0013331030395671425, 0.00441666666666667, 750.0)),
    ],
)
def test_units_with_imperfect_coverage_have_the_published_figures(units, coverage, expected) -> None:
    space = redundant_units(units, coverage)
    down = (space.columns["outage"] > 0) | (space.columns["up"] == 0)
    assert figures(space.chain, down) == pytest.approx(expected, rel=1e-12, abs=0)


def test_with_imperfect_coverage_two_units_are_best() -> None:
    table = units_with_coverage(0.95)["unavailability"]
    assert table.idxmin() == 2
    assert table.loc[2:].is_monotonic_increasing


def test_an_ab_pair_whose_failover_can_fail_has_the_published_figures() -> None:
    chain = Chain.of(
        4, [0, 0, 1, 1, 2, 2, 3], [1, 2, 0, 3, 1, 3, 1], [99e-6, 1e-6, 1 / 6, 1 / 20000, 2.0, 1 / 20000, 1 / 6]
    )
    down = np.array([False, False, True, True])
    expected = (6.7972919673523059e-07, 1.0293816708764015e-06, 0.660327666565617, 971741.74757281551)
    assert figures(chain, down) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("n", [2, 16])
def test_the_workstation_cluster_has_the_published_steady_state(n) -> None:
    states, transitions, expected = FACT[n]
    space = cluster(n)
    assert (space.chain.states, space.chain.transitions) == (states, transitions)
    found = steady(space.chain)
    assert found.probability[~quality(space, n)].sum() == pytest.approx(expected, rel=1e-12, abs=0)


def test_the_cluster_over_time_agrees_with_the_matrix_exponential() -> None:
    space = cluster(2)
    q = space.chain.rates.toarray()
    q -= np.diag(q.sum(axis=1))
    found = over_time(space.chain, [0.5, 10.0, 100.0])
    for row, time in enumerate(found.times_h):
        assert found.probability[row] == pytest.approx(expm(q * time)[0], abs=1e-12)
    assert found.error <= 1e-13
    # the mean of a fine grid, for the time spent
    grid = (np.arange(400) + 0.5) / 400 * 10.0
    lost = ~quality(space, 2)
    mean = (over_time(space.chain, grid.tolist()).probability @ lost).mean() * 10.0
    assert found.spent_h[1] @ lost == pytest.approx(mean, rel=1e-4)


def test_sweeps_and_elimination_agree(monkeypatch) -> None:
    chain = cluster(4).chain
    exact = steady(chain)
    assert exact.sweeps == 0
    only_sweeps(monkeypatch)
    swept = steady(chain)
    assert swept.sweeps > 0
    assert swept.probability == pytest.approx(exact.probability, rel=1e-9)
    assert swept.residual < 1e-12


def test_blocks_that_hardly_communicate_get_their_weight(monkeypatch) -> None:
    """Two birth-death chains joined by rates of 1e-9: sweeps alone would need 10^9 of them."""
    only_sweeps(monkeypatch)
    n = 40
    i = np.arange(n - 1)
    before = np.concatenate([i, i + 1, i + n, i + n + 1, [0, n]])
    after = np.concatenate([i + 1, i, i + n + 1, i + n, [n, 0]])
    rate = np.concatenate(
        [np.full(n - 1, 1.0), np.full(n - 1, 2.0), np.full(n - 1, 1.0), np.full(n - 1, 3.0), [1e-9, 4e-9]]
    )
    found = steady(Chain.of(2 * n, before, after, rate))
    first = 1.0 / (0.5 ** np.arange(n)).sum()
    second = 1.0 / ((1 / 3) ** np.arange(n)).sum()
    ratio = first * 1e-9 / (second * 4e-9)
    assert found.probability[n:].sum() / found.probability[:n].sum() == pytest.approx(ratio, rel=1e-9)


@given(st.integers(2, 7), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_random_chains_balance(n, seed) -> None:
    rng = np.random.default_rng(seed)
    q = 10.0 ** rng.uniform(-8, 4, (n, n))
    np.fill_diagonal(q, 0.0)
    i, j = np.nonzero(q)
    p = steady(Chain.of(n, i, j, q[i, j])).probability
    assert p.sum() == pytest.approx(1.0, rel=1e-14)
    assert p @ q == pytest.approx(p * q.sum(axis=1), rel=1e-12, abs=0)


def test_a_stiff_chain_keeps_the_digits_of_its_rarest_state() -> None:
    chain = Chain.of(3, [0, 1, 1, 2], [1, 0, 2, 1], [1e-12, 1e6, 1e-9, 1e8])
    assert steady(chain).probability[2] == pytest.approx(1e-18 * 1e-17, rel=1e-13, abs=0)


def test_point_and_interval_availability_of_the_textbook() -> None:
    """Ebeling, example 11.3: failure rate 0.1, repair rate 0.2, ten hours; one unit, and two of which one is enough."""
    one = over_time(Chain.of(2, [0, 1], [1, 0], [0.1, 0.2]), [10.0])
    assert one.probability[0, 0] == pytest.approx(0.683262, abs=1e-6)
    assert one.spent_h[0, 0] / 10 == pytest.approx(0.772246, abs=1e-6)
    two = over_time(Chain.of(3, [0, 1, 1, 2], [1, 2, 0, 1], [0.2, 0.1, 0.2, 0.4]), [10.0])
    assert 1 - two.probability[0, 2] == pytest.approx(0.899677, abs=1e-6)
    assert 1 - two.spent_h[0, 2] / 10 == pytest.approx(0.940802, abs=1e-6)


def test_mean_times_to_failure_of_the_textbook() -> None:
    down = np.array([False, False, True])
    pair = Chain.of(3, [0, 1, 1, 2], [1, 2, 0, 1], [2e-4, 1e-4, 0.1, 0.1])
    assert figures(pair, down)[::3] == pytest.approx((1.996004e-6, 5_015_000), rel=1e-6)
    unrepaired = Chain.of(3, [0, 1], [1, 2], [0.02, 0.01])
    assert mean_time_to(unrepaired, down) == pytest.approx(150.0, rel=1e-12, abs=0)
    assert over_time(unrepaired, [10.0]).probability[0, 2] == pytest.approx(1 - 0.990944, abs=1e-6)
    raid = Chain.of(3, [0, 1, 1], [1, 2, 0], [8 / 461386, 7 / 461386, 1 / 12])
    assert mean_time_to(raid, down) / 8760 == pytest.approx(36176.36, rel=1e-6)


def test_a_target_that_may_be_missed_takes_for_ever() -> None:
    chain = Chain.of(4, [0, 0, 1], [1, 2, 0], [1.0, 1.0, 1.0])
    assert mean_time_to(chain, np.array([False, False, False, True])) == np.inf
    assert mean_time_to(chain, np.array([False, True, False, False])) == np.inf


def test_the_distribution_of_downtime_without_repair_is_that_of_the_life() -> None:
    shares = np.array([0.0, 1.0, 4.0, 9.0])
    found = time_spent(Chain.of(2, [0], [1], [0.1]), np.array([False, True]), 10.0, shares.tolist())
    assert found == pytest.approx(np.exp(-0.1 * (10.0 - shares)), abs=1e-9)


def test_the_mean_of_the_distribution_of_downtime_is_the_accumulated_downtime() -> None:
    chain = Chain.of(3, [0, 1, 1, 2], [1, 2, 0, 1], [0.2, 0.1, 0.2, 0.4])
    inside = np.array([False, False, True])
    grid = np.linspace(0, 10, 2001)
    above = 1 - time_spent(chain, inside, 10.0, grid.tolist())
    assert np.trapezoid(above, grid) == pytest.approx(over_time(chain, [10.0]).spent_h[0, 2], rel=1e-5)


def test_a_visit_through_two_stages_lasts_an_erlang_time() -> None:
    chain = Chain.of(3, [0, 1, 2], [1, 2, 0], [1e-3, 4.0, 4.0])
    visits = interruptions(chain, steady(chain).probability, np.array([False, True, True]))
    times = [0.1, 0.5, 2.0]
    assert visits.longer_than(times) == pytest.approx(erlang(0.5, 2).longer_than(times), abs=1e-11)
    assert visits.mean_h == pytest.approx(0.5, rel=1e-12)


@given(st.floats(0.01, 1000), st.floats(0.05, 50))
@settings(max_examples=80, deadline=None)
def test_a_fitted_time_has_its_mean_and_variation(mean, variation) -> None:
    time = fitted(mean, variation)
    assert time.mean_h == pytest.approx(mean, rel=1e-9)
    assert time.variation == pytest.approx(variation, rel=1e-6)
    assert min(time.start) >= 0


def test_a_life_of_two_stages_wears_out() -> None:
    """A new unit fails later than one with an exponential life of the same mean; in the long run it is all one."""
    chain, down = renewal_chain(erlang(100.0, 2), erlang(1.0, 1))
    times = [0.01, 10.0, 5000.0]
    lost = over_time(chain, times).probability[:, down].sum(axis=1)
    assert lost[0] == pytest.approx(0.0002**2 / 2, rel=0.01)  # two stages: second order in time at first
    assert lost[2] == pytest.approx(1 / 101, rel=1e-9)
    assert mean_time_to(chain, down) == pytest.approx(100.0, rel=1e-12, abs=0)


def test_a_weibull_shape_gives_its_variation() -> None:
    assert weibull_variation(2.0) == pytest.approx(4 / np.pi - 1, rel=1e-12, abs=0)


# what is refused -----------------------------------------------------------------------------------------------


def test_a_state_that_is_left_for_good_gets_nothing() -> None:
    assert steady(Chain.of(3, [0, 1, 2], [1, 2, 1], [1.0, 1.0, 3.0])).probability.tolist() == [0.0, 0.75, 0.25]


def only_sweeps(monkeypatch) -> None:
    monkeypatch.setattr("k2rel.ctmc.steady._ELIMINATED", 10)
    monkeypatch.setattr("k2rel.ctmc.elimination._MOST_ORDERED", 10)


def test_a_solution_that_does_not_reach_its_tolerance_says_so(monkeypatch) -> None:
    only_sweeps(monkeypatch)
    with pytest.raises(NoConvergenceError, match="after 3 sweeps and 0 cycles over coarser chains the estimated error"):
        steady(cluster(4).chain, most_sweeps=3)


def test_an_event_that_leaves_its_range_is_named() -> None:
    with pytest.raises(InputError, match="event 'failure' in state up=0"):
        explore({"up": (1, 1)}, [Event("failure", lambda s: s["up"] * 0 + 1.0, {"up": -1})])


@pytest.mark.parametrize("at_once", [0, 100_000])
def test_an_event_that_changes_nothing_is_no_transition_and_some_states_are_never_left(at_once, monkeypatch) -> None:
    """Deaths at rate k of k, at most two at a time; row by row what a loop over states gives."""
    monkeypatch.setattr("k2rel.ctmc.explore._AT_ONCE", at_once)  # whether rows are made layer by layer
    one = Event("one dies", lambda s: 1.0 * s["alive"], {"alive": -1})
    two = Event("two die", lambda s: np.where(s["alive"] >= 2, 0.25, 0.0), {"alive": -2})
    rest = Event("rest", lambda s: 5.0 + s["alive"], {})
    space = explore({"alive": (4, 4)}, [one, rest, two])
    assert space.columns["alive"].tolist() == [4, 2, 3, 0, 1]
    expected = [[0, 0.25, 4, 0, 0], [0, 0, 0, 0.25, 2], [0, 3, 0, 0, 0.25], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]]
    assert space.chain.rates.toarray().tolist() == expected
    assert explore({"alive": (0, 4)}, [one, rest]).chain.transitions == 0


TRA = "3 4\n0 1 0.002\n1 2 0.001\n1 0 0.25\n2 1 0.25\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3 4\n0 1 0.002\n1 2 0.001\n", "4 lines of transitions announced, 2 found; is the file complete?"),
        ("3 4\n0 1 0.002\n1 2 0.001\n1 0 0.25\n2 1", "bad.tra:5: transition 4 of 4: 3 numbers expected, got '2 1'"),
        (
            TRA.replace("0 1 0.002", "0 1 0"),
            "bad.tra:2: rate from state 0 to state 1: above 0 and at most 1e+100, got 0",
        ),
        (TRA.replace("2 1 0.25", "2 1 1e300"), "bad.tra:5: rate from state 2 to state 1: above 0"),
        (TRA.replace("1 2 0.001", "1 2 nan"), "bad.tra:3: rate from state 1 to state 2"),
        (
            TRA.replace("1 2 0.001", "1 7 0.001"),
            "bad.tra:3: transition 2 of 4: a state is a number from 0 to 2, got '7'",
        ),
        (TRA.replace("1 2 0.001", "1 2 x"), "bad.tra:3: transition 2 of 4: 'x' is not a number"),
        ("", "bad.tra:1: the first line has two numbers"),
        ("three four\n", "bad.tra:1: the first line has two numbers"),
        ("2 2 2\n0 0 1 1 go\n1 0 0 1 back\n", "bad.tra:1: states, choices and transitions: this is a decision process"),
        (
            TRA.replace("1 2 0.001", "1 2 0.001 7"),
            "3 numbers expected, got '1 2 0.001 7', optionally followed by the name of an act",
        ),
        (
            TRA.replace("1 2 0.001", "1 2 0.001 a b"),
            "3 numbers expected, got '1 2 0.001 a b', optionally followed by the name of",
        ),
        (
            TRA.replace("0.002", "0.002 fail").replace("0.001", "x fail"),
            "bad.tra:3: transition 2 of 4: 'x' is not a number",
        ),
        ("99999999999 1\n", "a chain has 1 to 50,000,000 states"),
    ],
)
def test_broken_files_give_one_line_with_their_place_and_exit_code_2(text, message, tmp_path, capsys) -> None:
    path = tmp_path / "bad.tra"
    path.write_text(text)
    assert main(["ctmc", str(path), "--steady"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_names_of_actions_are_passed_over_and_their_rates_add_up(tmp_path) -> None:
    """As PRISM exports them: all transitions of a chain race, whatever they are called."""
    (tmp_path / "named.tra").write_text("2 4\n0 1 0.001 wear_out\n0 1 0.002 fail\n1 0 0.25\n1 0 0.5 repair \n")
    assert read_chain(tmp_path / "named.tra").rates.toarray().tolist() == [[0, 0.003], [0.75, 0]]


def test_the_command_solves_a_chain_and_its_labels(tmp_path, capsys) -> None:
    (tmp_path / "two.tra").write_text(TRA)
    (tmp_path / "two.lab").write_text('0="init" 1="down"\n0: 0\n2: 1\n')
    (tmp_path / "two.srew").write_text('# Reward structure "units"\n3 2\n0 2\n1 1\n')
    common = ["ctmc", str(tmp_path / "two.tra"), "--labels", str(tmp_path / "two.lab"), "--format", "json"]
    assert main([*common, "--rewards", str(tmp_path / "two.srew"), "--steady"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert sorted(answer) == ["error", "labels", "method", "residual", "rewards", "states", "transitions"]
    assert (answer["states"], answer["transitions"], answer["residual"] < 1e-14) == (3, 4, True)
    assert answer["labels"]["down"] == pytest.approx(1 / 31501, rel=1e-12, abs=0)
    assert answer["rewards"]["units"] == pytest.approx((2 * 31250 + 250) / 31501, rel=1e-12, abs=0)
    assert main([*common, "--time", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == {"init": 1.0, "down": 0.0}
    (tmp_path / "two.lab").write_text('0="init"\n0: 5\n')
    assert main([*common, "--steady"]) == 2
    assert "two.lab:2: no label '5' was announced" in capsys.readouterr().err


def test_a_solution_short_of_its_tolerance_leaves_with_code_1(tmp_path, capsys, monkeypatch) -> None:
    only_sweeps(monkeypatch)
    write_chain(LabelledChain(cluster(4).chain, {}, {}), tmp_path / "cluster")
    assert main(["ctmc", str(tmp_path / "cluster.tra"), "--steady", "--sweeps", "3"]) == 1
    assert "not 1e-13" in capsys.readouterr().err


def test_what_is_written_is_read_again(tmp_path) -> None:
    chain = cluster(2).chain
    model = LabelledChain(chain, {"odd": np.arange(276) % 2 == 1}, {"number": np.arange(276.0)})
    write_chain(model, tmp_path / "c")
    again = read_chain(tmp_path / "c.tra")
    assert abs(again.rates - chain.rates).max() == 0
    assert (read_labels(tmp_path / "c.lab", 276)["odd"] == model.labels["odd"]).all()
    name, values = read_rewards(tmp_path / "c.number.srew", 276)
    assert name == "number"
    assert (values == model.rewards["number"]).all()
    with pytest.raises(InputError, match="already exists"):
        write_chain(model, tmp_path / "c")


@given(st.text(alphabet="0123456789 .e-\n#x", max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_the_reader_fail_otherwise(tmp_path_factory, text) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "f.tra"
    path.write_text(text)
    try:
        chain = read_chain(path)
    except InputError:
        return
    assert chain.states >= 1
