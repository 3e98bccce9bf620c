"""Chains whose rates lie far apart: groups that are nearly separate, fast changes over long times, several ends.

Expected values are closed forms, elimination and exponentials written here in exact or many-digit arithmetic, or
digits computed once with such.
"""

import itertools
import json
import tracemalloc
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from k2rel.cli import main
from k2rel.ctmc.chain import Chain
from k2rel.ctmc.files import LabelledChain, write_chain
from k2rel.ctmc.passage import interruptions, mean_time_to
from k2rel.ctmc.small import transient
from k2rel.ctmc.steady import steady
from k2rel.ctmc.sweeps import Sweeps
from k2rel.ctmc.transient import over_time, time_spent
from k2rel.errors import InputError, ModelTooLargeError, NoConvergenceError
from k2rel.organisation import Organisation

STIFF = Chain.of(3, [0, 1, 1, 2], [1, 0, 2, 0], [1e-5, 3.6e4, 1e-3, 0.1])


def rings(blocks, coupling, size=3):
    """Rings with rate 1 both ways round, first states of neighbours joined both ways; every state is equally likely."""
    moves = []
    for ring in range(blocks):
        at = size * ring
        moves += [(at + i, at + (i + 1) % size, 1.0) for i in range(size)]
        moves += [(at + (i + 1) % size, at + i, 1.0) for i in range(size)]
        if ring + 1 < blocks:
            moves += [(at, at + size, coupling), (at + size, at, coupling)]
    return chain_of(blocks * size, moves)


def random_blocks(rng, blocks, size, least, most):
    """Blocks of random inner rates, joined round and across by couplings between 10^least and 10^most."""
    moves = []
    for block in range(blocks):
        for i in range(size):
            for j in {(i + 1) % size, int(rng.integers(size))} - {i}:
                there, back = 10.0 ** rng.uniform(-1, 1, 2)
                moves += [(size * block + i, size * block + j, there), (size * block + j, size * block + i, back)]
        for other in {(block + 1) % blocks, int(rng.integers(blocks))} - {block}:
            there, back = 10.0 ** rng.uniform(least, most, 2)
            ends = size * block + int(rng.integers(size)), size * other + int(rng.integers(size))
            moves += [(*ends, there), (*ends[::-1], back)]
    return chain_of(blocks * size, moves)


def exactly(chain):
    """Elimination in rational numbers."""
    matrix = chain.rates.toarray()
    n = len(matrix)
    rates = [{j: Fraction(float(matrix[i, j])) for j in np.flatnonzero(matrix[i]).tolist()} for i in range(n)]
    into = [{} for _ in range(n)]
    for k in range(n - 1, 0, -1):
        out = sum(rate for j, rate in rates[k].items() if j < k)
        for i in range(k):
            if k in rates[i]:
                into[k][i] = rates[i][k] / out
                for j, rate in rates[k].items():
                    if j < k and j != i:
                        rates[i][j] = rates[i].get(j, 0) + into[k][i] * rate
    p = [Fraction(1)]
    for k in range(1, n):
        p.append(sum(p[i] * share for i, share in into[k].items()))
    return np.array([float(value / sum(p)) for value in p])


def eliminated(chain):
    """Elimination without subtraction on a full matrix, in Python's own numbers, rescaled on the way."""
    a = chain.rates.toarray()
    out = np.zeros(len(a))
    for k in range(len(a) - 1, 0, -1):
        out[k] = a[k, :k].sum()
        a[:k, :k] += np.outer(a[:k, k], a[k, :k] / out[k])
    p = np.ones(len(a))
    for k in range(1, len(a)):
        p[k] = p[:k] @ a[:k, k] / out[k]
        if p[k] > 1e100:
            p[: k + 1] /= p[k]
    return p / p.sum()


def exponential(chain, time):
    """First row of exp(Qt) and of its integral, by squaring in as many digits as squaring can cost."""
    n = chain.states
    events = float(chain.exit_rates_per_h.max()) * time
    getcontext().prec = int(50 + 2 * max(0.0, np.log10(events)))
    q = np.array([[Decimal(float(rate)) for rate in row] for row in chain.rates.toarray()], dtype=object)
    for i in range(n):
        q[i, i] = -sum(q[i, j] for j in range(n) if j != i)
    squarings = max(0, int(np.ceil(np.log2(events)))) + 4
    step = Decimal(time) / 2**squarings
    one = np.array([[Decimal(int(i == j)) for j in range(n)] for i in range(n)], dtype=object)
    matrix, integral, term = one, one * step, one
    for order in range(1, 40):
        term = term.dot(q * step) / order
        matrix, integral = matrix + term, integral + term * step / (order + 1)
    for _ in range(squarings):
        integral = integral + matrix.dot(integral)
        matrix = matrix.dot(matrix)
    return [[float(value) for value in rows[chain.initial]] for rows in (matrix, integral)]


# groups that are nearly separate ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("coupling", "tolerance"), [(1e-15, 1e-13), (1e-7, 1e-6), (1e-30, 1e-13), (1e-3, 1e-13)])
def test_rings_that_hardly_communicate_are_equally_likely(coupling, tolerance) -> None:
    chain = rings(401, coupling)
    assert chain.states > 1200  # not small enough to be eliminated at once
    assert steady(chain, tolerance).probability[:3].sum() == pytest.approx(1 / 401, rel=max(1e-12, tolerance), abs=0)


@pytest.mark.parametrize("coupling", [1e-15, 1e-7])
def test_cycles_alone_find_the_weights_of_rings_or_nothing_is_said(coupling, monkeypatch) -> None:
    monkeypatch.setattr("k2rel.ctmc.elimination._MOST_ORDERED", 10)
    for tolerance in (1e-12, 1e-6):
        found = steady(rings(401, coupling), tolerance)
        assert np.abs(found.probability - 1 / 1203).sum() <= tolerance
        assert found.error <= tolerance


def test_nested_groups_have_the_weights_of_elimination(monkeypatch) -> None:
    """Pairs joined by 1e-5 into forties, these by 1e-10, and these by 1e-20, with other weights each way."""
    moves = [(i, i ^ 1, 1.0 + i % 3) for i in range(480)]
    for i in range(0, 478, 2):
        rate = 1e-20 if i % 120 == 118 else 1e-10 if i % 40 == 38 else 1e-5
        moves += [(i, i + 2, rate * (1 + i % 5)), (i + 2, i, rate * (1 + i % 7))]
    chain = chain_of(480, moves)
    monkeypatch.setattr("k2rel.ctmc.steady._ELIMINATED", 10)
    assert steady(chain).probability == pytest.approx(eliminated(chain), rel=1e-11, abs=0)


@given(st.integers(0, 10_000), st.integers(3, 12), st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_random_blocks_have_the_probabilities_of_rational_elimination(seed, blocks, size) -> None:
    chain = random_blocks(np.random.default_rng(seed), blocks, size, -30, -2)
    assert steady(chain).probability == pytest.approx(exactly(chain), rel=1e-12, abs=0)


def test_a_chain_in_which_all_is_near_to_all_is_not_ordered_for_ever() -> None:
    """Of 60,000 states with transitions at random no order of elimination is a good one; jumps by the clock settle at once."""
    rng, n = np.random.default_rng(1), 60_000
    before = np.repeat(np.arange(n), 3)
    after = (before + rng.integers(1, n, 3 * n)) % n
    chain = Chain.of(n, before, after, rng.uniform(0.1, 1.0, 3 * n))
    p, out, fastest = np.full(n, 1.0 / n), chain.exit_rates_per_h, chain.exit_rates_per_h.max()
    for _ in range(400):
        p = p + (chain.rates.T @ p - out * p) / fastest
    found = steady(chain)
    assert np.abs(found.probability - p).sum() < 1e-12
    assert "sweeps" in found.method


def test_a_transition_in_two_parts_is_one_of_their_sum() -> None:
    """As where two events lead from one state to the same: 1,500 steps up with 1 + 2 and down with 4, a geometric law."""
    n = 1500
    up, down = np.arange(n - 1), np.arange(1, n)
    row, column = np.concatenate([up, up, down]), np.concatenate([up + 1, up + 1, down - 1])
    rate = np.concatenate([np.ones(n - 1), np.full(n - 1, 2.0), np.full(n - 1, 4.0)])
    order = np.argsort(row, kind="stable")
    start = np.searchsorted(row[order], np.arange(n + 1))
    found = steady(Chain(csr_array((rate[order], column[order], start), shape=(n, n)), 0))
    assert found.probability[:50] == pytest.approx(0.25 * 0.75 ** np.arange(50), rel=1e-12)


def test_sweeps_that_are_confirmed_are_right(monkeypatch) -> None:
    monkeypatch.setattr("k2rel.ctmc.steady._ELIMINATED", 10)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        chain = random_blocks(rng, int(rng.integers(90, 120)), 3, *sorted(rng.uniform(-12, 0, 2)))
        exact = eliminated(chain)
        for ordered in (10, 60_000):
            monkeypatch.setattr("k2rel.ctmc.elimination._MOST_ORDERED", ordered)
            try:
                found = steady(chain, 1e-9)
            except NoConvergenceError:
                assert ordered == 10
                continue
            assert np.abs(found.probability - exact).sum() <= 1e-9


def test_probabilities_keep_their_digits_beyond_the_range_of_a_float() -> None:
    """A valley of 10^-900 between two hills of equal height."""
    up, down = [1e-30] * 30, [1.0] * 30
    i = np.arange(60)
    chain = Chain.of(61, [*i, *(i + 1)], [*(i + 1), *i], [*up, *down, *down, *up])
    found = steady(chain).probability
    assert found[[0, 60]] == pytest.approx([0.5, 0.5], rel=1e-13, abs=0)
    assert found[[1, 59]] == pytest.approx([0.5e-30, 0.5e-30], rel=1e-13, abs=0)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [3, 30, 200, 600])
@pytest.mark.parametrize("coupling", [-2, -7, -15, -30, None])
def test_blocks_of_any_coupling_have_the_probabilities_of_elimination(blocks, coupling) -> None:
    rng = np.random.default_rng(blocks)
    least, most = (-30, -2) if coupling is None else (coupling - 0.5, coupling + 0.5)
    chain = random_blocks(rng, blocks, 3, least, most)
    for tolerance in (1e-13, 1e-6):
        assert np.abs(steady(chain, tolerance).probability - eliminated(chain)).sum() < 1.1 * tolerance + 1e-13


# fast changes over long times -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("restores", "first", "second"), [(3.6e4, 2.77777769983797e-10, 2.77777769983797e-12),
                                                            (3.6e5, 2.77777776998380e-11, 2.77777776998380e-13)])  # fmt: skip
def test_a_stiff_chain_over_a_year_keeps_its_digits(restores, first, second, tmp_path, capsys) -> None:
    chain = Chain.of(3, [0, 1, 1, 2], [1, 0, 2, 0], [1e-5, restores, 1e-3, 0.1])
    assert over_time(chain, [8760.0]).probability[0, 1:] == pytest.approx([first, second], rel=1e-12, abs=0)
    write_chain(LabelledChain(chain, {"one": np.arange(3) == 1, "two": np.arange(3) == 2}, {}), tmp_path / "c")
    words = ["ctmc", str(tmp_path / "c.tra"), "--labels", str(tmp_path / "c.lab"), "--time", "8760", "--format", "json"]
    assert main(words) == 0
    labels = json.loads(capsys.readouterr().out)["labels"]
    assert [labels["one"], labels["two"]] == pytest.approx([first, second], rel=1e-12, abs=0)


def test_memory_does_not_grow_with_rate_times_time() -> None:
    chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 1e6])
    over_time(chain, [1.0])
    tracemalloc.start()
    found = over_time(chain, [2147483648.0, 1e307])
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()
    assert found.probability == pytest.approx(np.array([[1.0, 1e-9]] * 2) / (1 + 1e-9), rel=1e-12, abs=0)
    assert found.spent_h[1] == pytest.approx(np.array([1e307, 1e298]) / (1 + 1e-9), rel=1e-12, abs=0)


@given(st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_random_stiff_chains_agree_with_an_exponential_of_many_digits(seed) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    q = 10.0 ** rng.uniform(-12, 6, (n, n)) * (rng.random((n, n)) < 0.7)
    np.fill_diagonal(q, 0.0)
    q[0, 1] = 1e-4
    i, j = np.nonzero(q)
    chain, time = Chain.of(n, i, j, q[i, j]), 10.0 ** rng.uniform(-3, 9)
    found = over_time(chain, [time / 3, time])
    for row, t in enumerate((time / 3, time)):
        probability, spent = exponential(chain, t)
        for got, expected in ((found.probability[row], probability), (found.spent_h[row], spent)):
            likely = np.array(expected) > 1e-280
            assert got[likely] == pytest.approx(np.array(expected)[likely], rel=1e-11, abs=0)


def test_a_pure_birth_chain_keeps_the_digits_of_states_that_need_many_jumps() -> None:
    chain = Chain.of(61, np.arange(60), np.arange(1, 61), np.full(60, 1.0))
    found = over_time(chain, [0.3]).probability[0, 40]
    assert found == pytest.approx(np.exp(-0.3 + 40 * np.log(0.3) - np.log(np.arange(1, 41)).sum()), rel=1e-12, abs=0)


def test_a_raid_set_with_fast_and_slow_rates_keeps_its_digits() -> None:
    q = np.zeros((3, 3))
    q[0, 1], q[1, 0], q[1, 2], q[2, 0] = 1e-5, 3.6e5, 1e-3, 0.1
    assert transient(q, np.array([8760.0]))[0, 2] == pytest.approx(2.77777776998380e-13, rel=1e-12, abs=0)


def test_doubling_and_uniformisation_agree(monkeypatch) -> None:
    rng = np.random.default_rng(5)
    chain = random_blocks(rng, 20, 3, -3, -1)
    doubled = over_time(chain, [7.0, 40.0])
    monkeypatch.setattr("k2rel.ctmc.transient._ALWAYS_DOUBLED", 1)
    monkeypatch.setattr("k2rel.ctmc.transient._MOST_DOUBLED", 1)
    stepped = over_time(chain, [7.0, 40.0])
    assert (doubled.method, stepped.method) == ("doubling of a short step", "uniformisation")
    assert doubled.probability == pytest.approx(stepped.probability, abs=1e-13)
    assert doubled.spent_h == pytest.approx(stepped.spent_h, abs=4e-12)


def test_what_would_take_too_long_is_refused_with_an_estimate() -> None:
    large = rings(1000, 1e-3)
    before, after = large.rates.nonzero()
    fast = Chain.of(3000, before, after, large.rates.data * 1e7)
    with pytest.raises(ModelTooLargeError, match=r"3,000 states .* time 8760 needs 1\.8e\+11 steps, about .* days of"):
        over_time(fast, [8760.0])
    with pytest.raises(ModelTooLargeError, match=r"steps over 4 transitions, about .* of computing"):
        time_spent(STIFF, np.array([False, True, False]), 1e15, [1.0])


def test_a_visit_that_ends_rarely_beside_its_inner_changes_ends_all_the_same() -> None:
    """The inner states change 1e8 times an hour, the way out is 1e-9: it must not be lost in their sum."""
    chain = Chain.of(3, [0, 1, 2, 1], [1, 2, 1, 0], [1e-3, 1e8, 1e8, 1e-9])
    visits = interruptions(chain, steady(chain).probability, np.array([False, True, True]))
    assert visits.mean_h == pytest.approx(2e9, rel=1e-12, abs=0)
    assert visits.longer_than([2e9]) == pytest.approx(np.exp(-1), rel=1e-9)
    assert visits.quantile_h(0.5) == pytest.approx(2e9 * np.log(2), rel=1e-4)


# several ends ---------------------------------------------------------------------------------------------------


def test_the_long_run_of_several_ends_is_their_mixture() -> None:
    found = steady(Chain.of(4, [0, 0, 2, 3], [1, 2, 3, 2], [1.0, 3.0, 2.0, 6.0]))
    assert found.probability == pytest.approx([0, 0.25, 0.75 * 0.75, 0.75 * 0.25], rel=1e-14, abs=0)
    assert [(one.states.tolist(), one.probability) for one in found.classes] == [([1], 0.25), ([2, 3], 0.75)]


def test_ends_are_those_of_the_initial_state() -> None:
    chain = Chain.of(4, [0, 0, 1], [1, 2, 3], [1.0, 1.0, 1.0], initial=1)
    assert steady(chain).probability.tolist() == [0.0, 0.0, 0.0, 1.0]
    assert [one.probability for one in steady(chain).classes] == [0.0, 1.0]


def test_a_rare_end_keeps_its_digits() -> None:
    """From 0 by 1 to one end, but for 1e-18 an hour to another, and back and forth very often before."""
    chain = Chain.of(4, [0, 1, 1, 0], [1, 0, 2, 3], [1e9, 1e9, 1e-6, 1e-24])
    first = 1e-24 * (1e9 + 1e-6) / (1e9 * 1e-6)
    assert steady(chain).probability[3] == pytest.approx(first, rel=1e-12, abs=0)
    assert mean_time_to(chain, np.array([False, False, True, True])) == pytest.approx(2e6, rel=1e-12, abs=0)


def test_the_command_names_classes_with_their_labels(tmp_path, capsys) -> None:
    chain = Chain.of(4, [0, 0, 2, 3], [1, 2, 3, 2], [1.0, 3.0, 2.0, 6.0])
    labels = {"lost": np.arange(4) == 1, "runs": np.arange(4) >= 2, "slow": np.arange(4) == 3}
    write_chain(LabelledChain(chain, labels, {}), tmp_path / "c")
    words = ["ctmc", str(tmp_path / "c.tra"), "--labels", str(tmp_path / "c.lab"), "--steady"]
    assert main([*words, "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["classes"] == [
        {"probability": 0.25, "size": 1, "states": [1], "labels": ["lost"]},
        {"probability": 0.75, "size": 2, "states": [2, 3], "labels": ["runs", "some of slow"]},
    ]
    assert answer["labels"]["runs"] == pytest.approx(0.75, rel=1e-14, abs=0)
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "P(ends in absorbing state 1; lost) = 0.25" in text
    assert "P(ends in 2 states (2, 3); runs, some of slow) = 0.75" in text


def test_one_absorbing_state_is_an_answer(tmp_path, capsys) -> None:
    (tmp_path / "c.tra").write_text("2 1\n0 1 1.0\n")
    assert main(["ctmc", str(tmp_path / "c.tra"), "--steady"]) == 0
    text = capsys.readouterr().out
    assert "the chain ends in state 1, which is absorbing" in text
    assert "P(state 1) = 1" in text


# bounds that no one can mean ------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["nan", "inf", "-1", "0", "2"])
def test_a_tolerance_out_of_range_is_refused_everywhere(given, tmp_path, capsys) -> None:
    (tmp_path / "c.tra").write_text("2 2\n0 1 1.0\n1 0 1.0\n")
    path = str(tmp_path / "c.tra")
    for words in (["ctmc", path, "--steady"], ["ctmc", path, "--time", "1"], ["availability", "L1", "--method", "markov"], ["availability", "L1"], ["export", "L1"],
                  ["export", "L1", "--format", "prism", "--output", str(tmp_path / "x")]):  # fmt: skip
        assert main([*words, f"--tolerance={given}"]) == 2
        assert "tolerance: from 1e-15 to 0.1, got" in capsys.readouterr().err
    for call in (
        lambda: steady(STIFF, float(given)),
        lambda: over_time(STIFF, [1.0], tolerance=float(given)),
        lambda: time_spent(STIFF, np.array([True, False, False]), 1.0, [1.0], float(given)),
        lambda: Organisation(tolerance=float(given)),
    ):
        with pytest.raises(InputError, match=r"tolerance: from 1e-15 to 0\.1, got"):
            call()


@pytest.mark.parametrize("given", ["-1", "0"])
def test_a_number_of_sweeps_below_one_is_refused(given, tmp_path, capsys) -> None:
    (tmp_path / "c.tra").write_text("2 2\n0 1 1.0\n1 0 1.0\n")
    assert main(["ctmc", str(tmp_path / "c.tra"), "--steady", f"--sweeps={given}"]) == 2
    assert "sweeps: a whole number of 1 or more is needed" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["nan", "inf", "-1"])
def test_a_time_that_is_none_is_refused(given, tmp_path, capsys) -> None:
    (tmp_path / "c.tra").write_text("2 2\n0 1 1.0\n1 0 1.0\n")
    assert main(["ctmc", str(tmp_path / "c.tra"), f"--time={given}"]) == 2
    assert "0 or more is needed" in capsys.readouterr().err


# What one cycle over coarser chains had confirmed though it was wrong: likely groups joined through unlikely states


def line_of_groups(sizes, coupling, first=0):
    """Moves of groups in a line, rate 1 both ways inside each, first states of neighbours joined both ways."""
    moves, heads, at = [], [], first
    for size in sizes:
        moves += [(at + i, at + i + 1, 1.0) for i in range(size - 1)]
        heads.append(at)
        at += size
    moves += [(a, b, coupling) for a, b in itertools.pairwise(heads)]
    return moves + [(b, a, rate) for a, b, rate in moves], at


def chain_of(states, moves, initial=0):
    before, after, rate_per_h = zip(*moves, strict=True)
    return Chain.of(states, before, after, rate_per_h, initial)


@pytest.mark.parametrize(("pattern", "coupling", "tolerance"), [((2, 1), 1e-15, 1e-13), ((3, 1), 1e-7, 1e-3)])
def test_groups_joined_through_single_states_are_equally_likely(pattern, coupling, tolerance) -> None:
    moves, states = line_of_groups(pattern * 668, coupling)
    chain = chain_of(states, moves)
    assert states > 2000
    # all rates are the same both ways, so all states are alike
    assert steady(chain, tolerance).probability == pytest.approx(np.full(states, 1 / states), rel=1e-12, abs=0)
    assert not Sweeps(chain, tolerance, 20_000).begin().confirmed


@pytest.mark.parametrize("ratio", [0.5, 1e-3])
def test_two_ends_with_a_ridge_of_unlikely_states_between_keep_their_weights(ratio) -> None:
    half = 1005
    up = [3 * ratio if i == 0 else ratio for i in range(half)] + [1.0] * half
    down = [1.0] * half + [ratio] * half
    moves = [(i, i + 1, up[i]) for i in range(2 * half)] + [(i + 1, i, down[i]) for i in range(2 * half)]
    found = steady(chain_of(2 * half + 1, moves)).probability
    # detailed balance: the way up and the way down cancel but for the factor 3
    assert found[-1] / found[0] == pytest.approx(3.0, rel=1e-11)
    assert found[1] / found[0] == pytest.approx(3 * ratio, rel=1e-11)


def test_groups_beside_one_that_is_dear_to_eliminate_are_equally_likely() -> None:
    rng = np.random.default_rng(1)
    moves, states = line_of_groups((2, 1) * 100, 1e-15)
    pairs = {tuple(sorted(pair)) for pair in rng.integers(0, 1100, (6000, 2)).tolist() if pair[0] != pair[1]}
    pairs |= {(i, i + 1) for i in range(1099)}
    block = [(states + a, states + b, 1.0) for a, b in pairs] + [(0, states, 1e-15)]
    count = states + 1100
    chain = chain_of(count, moves + block + [(b, a, rate) for a, b, rate in block])
    assert steady(chain).probability == pytest.approx(np.full(count, 1 / count), rel=1e-12, abs=0)


def test_a_directed_ring_of_groups_is_solved_in_any_numbering() -> None:
    rings = 1000
    place = [7 * i % (3 * rings) for i in range(3 * rings)]
    moves = []
    for ring in range(rings):
        a, b, c = (place[3 * ring + k] for k in range(3))
        moves += [(x, y, 1.0) for x, y in itertools.permutations((a, b, c), 2)]
        moves.append((a, place[3 * ((ring + 1) % rings)], 1e-3))
    found = steady(chain_of(3 * rings, moves), 1e-3).probability
    assert found == pytest.approx(np.full(3 * rings, 1 / (3 * rings)), rel=1e-12, abs=0)


def test_classes_that_are_reached_with_less_than_any_float_are_weighed() -> None:
    """Out from the middle at 1e-5, back at 1e4, 40 states to each end, the first step right three times as often."""
    moves = []
    for i in range(1, 80):
        left, right = (1e-5 if i <= 40 else 1e4), (1e-5 if i >= 40 else 1e4)
        moves += [(i, i - 1, left), (i, i + 1, 3 * right if i == 40 else right)]
    ends = {int(one.states[0]): one.probability for one in steady(chain_of(81, moves, 40)).classes}
    assert ends == {0: pytest.approx(0.25, rel=1e-12), 80: pytest.approx(0.75, rel=1e-12)}


def test_a_proved_bound_holds() -> None:
    """Units that fail and are repaired alike and apart: binomial probabilities, and an error below what is claimed."""
    count, fails, repairs = 11, 1e-3, 0.5
    states = np.arange(1 << count)
    moves = [
        (state, state ^ (1 << unit), repairs if state >> unit & 1 else fails)
        for state in states.tolist()
        for unit in range(count)
    ]
    found = Sweeps(chain_of(1 << count, moves), 1e-13, 20_000).begin()
    down = np.array([int(state).bit_count() for state in states])
    true = (fails / (fails + repairs)) ** down * (repairs / (fails + repairs)) ** (count - down)
    assert found.confirmed
    assert np.abs(found.probability - true).sum() <= found.error <= 1e-10
