"""One compiled function against trying every state: probability, derivatives, moments, cut and path sets, bounds."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_properties import NAMES, STATES, build, formulas, meaning

from k2rel.errors import InputError, ModelTooLargeError
from k2rel.logic.cutsets import minimal_cut_sets, minimal_path_sets
from k2rel.logic.function import compile_function
from k2rel.logic.structure import Structure

probabilities = st.lists(st.floats(0.01, 0.99), min_size=6, max_size=6)


def compiled(formula):
    s = Structure()
    return compile_function(s, build(s, formula))


def by_name(diagram, values):
    return np.array([values[NAMES.index(name)] for name in diagram.variables])


def enumerated(formula, p):
    """Sum over the states in which the formula is true."""
    return math.fsum(
        math.prod(p[i] if state[name] else 1 - p[i] for i, name in enumerate(NAMES))
        for state in STATES
        if meaning(formula, state)
    )


@settings(max_examples=200, deadline=None)
@given(formulas(depth=4), probabilities)
def test_probability_and_every_derivative(formula, p) -> None:
    d = compiled(formula)
    total, slopes = d.derivatives(by_name(d, p))
    assert total == pytest.approx(enumerated(formula, p), rel=1e-12, abs=1e-15)
    for name, slope in zip(d.variables, slopes, strict=True):
        i = NAMES.index(name)
        sure, never = ([*p[:i], value, *p[i + 1 :]] for value in (1.0, 0.0))
        assert slope == pytest.approx(enumerated(formula, sure) - enumerated(formula, never), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(formulas(), st.lists(st.tuples(st.floats(0.05, 0.9), st.floats(0.0, 0.04)), min_size=6, max_size=6))
def test_mean_and_variance_are_those_of_two_valued_inputs(formula, inputs) -> None:
    """Each input is mean - s or mean + s with equal chance: 64 equally likely points."""
    d = compiled(formula)
    if not d.variables:
        return
    mean, spread = ([pair[k] for pair in inputs] for k in (0, 1))
    used = [NAMES.index(name) for name in d.variables]
    points = np.array(
        [[mean[i] + sign * spread[i] for i, sign in zip(used, signs, strict=True)]
         for signs in itertools.product((-1, 1), repeat=len(used))]
    ).reshape(-1, len(used)).T  # fmt: skip
    values = d.probability(points)
    found = d.moments(by_name(d, mean), by_name(d, spread) ** 2)
    assert found[0] == pytest.approx(values.mean(), abs=1e-12)
    assert found[1] == pytest.approx(values.var(), abs=1e-12)


def minimal(sets):
    return {cut for cut in sets if not any(other < cut for other in sets)}


@settings(max_examples=150, deadline=None)
@given(formulas(depth=4), probabilities)
def test_cut_sets_their_sums_and_bounds(formula, p) -> None:
    d = compiled(formula)
    q = by_name(d, p)
    causes = [frozenset(n for n in NAMES if state[n]) for state in STATES if meaning(formula, state)]
    expected = minimal(causes)
    sets = minimal_cut_sets(d)
    found = list(sets.most_probable(q))
    assert {frozenset(cut) for cut, _ in found} == expected
    assert len(found) == len(expected) == sets.count
    assert [v for _, v in found] == sorted((v for _, v in found), reverse=True)
    worth = [math.prod(p[NAMES.index(n)] for n in cut) for cut in expected]
    assert sets.rare_event(q) == pytest.approx(math.fsum(worth), rel=1e-12)
    assert sets.upper_bound(q) == pytest.approx(1 - math.prod(1 - v for v in worth), rel=1e-9)
    orders = [len(cut) for cut in expected]
    assert sets.count_by_order == {k: orders.count(k) for k in sorted(set(orders))}
    for order in range(4):
        assert sum(minimal_cut_sets(d, order=order).count_by_order.values()) == sum(k <= order for k in orders)
    holding = sets.rare_event_slopes(q) * q
    for name, share in zip(d.variables, holding, strict=True):
        assert share == pytest.approx(sum(v for c, v in zip(expected, worth, strict=True) if name in c), rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(formulas(depth=4))
def test_path_sets_keep_a_coherent_function_false(formula) -> None:
    def coherent(f):
        return isinstance(f, str) or (f[0] in {"and", "or", "at_least"} and all(coherent(p) for p in f[1:] if not isinstance(p, int)))  # fmt: skip

    if not coherent(formula):
        return
    d = compiled(formula)
    if len(d.roots) and int(d.roots[-1]) < 2:
        return
    kept = [frozenset(n for n in NAMES if not state[n]) for state in STATES if not meaning(formula, state)]
    found = {frozenset(path) for path, _ in minimal_path_sets(d).most_probable([0.5] * len(d.variables))}
    assert found == minimal(kept)


def test_a_function_that_a_full_failure_does_not_fulfil_has_no_path_sets() -> None:
    s = Structure()
    a, b = s.variable("a"), s.variable("b")
    with pytest.raises(InputError, match="not coherent"):
        minimal_path_sets(compile_function(s, s.exclusive_or([a, b])))


def test_a_bound_on_nodes_ends_in_a_clear_error() -> None:
    s = Structure()
    pairs = [
        s.conjunction([s.variable(f"a{i}"), s.variable(f"b{(i * 7) % 40}"), s.variable(f"c{(i * 11) % 40}")])
        for i in range(40)
    ]
    with pytest.raises(ModelTooLargeError, match="passes 500 nodes"):
        compile_function(s, s.at_least(20, pairs), most_nodes=500)


def test_counts_beyond_what_a_float_holds_are_exact() -> None:
    """An and of 40 ors of three events each has 3^40 cut sets; one of ors of 2 events shared in a ladder is no module."""
    s = Structure()
    ors = [s.disjunction([s.variable(f"{x}{i}") for x in "abc"]) for i in range(40)]
    sets = minimal_cut_sets(compile_function(s, s.conjunction(ors)))
    assert sets.count == 3**40
    assert sets.count_by_order == {40: 3**40}


def test_what_is_cut_off_is_bounded() -> None:
    s = Structure()
    names = [s.variable(f"e{i}") for i in range(12)]
    d = compile_function(s, s.at_least(3, names))
    sets = minimal_cut_sets(d)
    p = np.linspace(0.01, 0.12, 12)
    short = sets.listed(p, most=50)
    assert len(short.sets) == 50
    assert short.left_out == math.comb(12, 3) - 50
    assert math.fsum(short.probabilities) + short.left_out_probability == pytest.approx(sets.rare_event(p), rel=1e-12)
    assert min(short.probabilities) >= max(v for _, v in list(sets.most_probable(p))[50:])


def test_equal_cut_sets_by_the_thousand_million_are_listed_at_once() -> None:
    s = Structure()
    ors = [s.disjunction([s.variable(f"{x}{i}") for x in range(10)]) for i in range(12)]
    d = compile_function(s, s.conjunction(ors))
    assert len(minimal_cut_sets(d).listed([0.01] * 120, most=1000).sets) == 1000


def test_digits_survive_at_1e_minus_15_and_far_below() -> None:
    s = Structure()
    d = compile_function(
        s, s.conjunction([s.disjunction([s.variable(f"a{i}"), s.variable(f"b{i}")]) for i in range(6)])
    )
    p = [1e-3 if name[0] == "a" else 2e-3 for name in d.variables]
    assert float(d.probability(p)) == pytest.approx((1 - (1 - 1e-3) * (1 - 2e-3)) ** 6, rel=1e-12)
    assert float(d.probability([1e-30] * 12)) == pytest.approx(64e-180, rel=1e-12)
