"""Properties that hold for every structure, every law and every input."""

import contextlib
import copy
import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

import k2rel
from k2rel.bundled import site_path
from k2rel.cli import main
from k2rel.logic.cutsets import minimal_cut_sets
from k2rel.logic.diagram import compile_diagram
from k2rel.logic.function import compile_function
from k2rel.logic.structure import Structure
from k2rel.rates import Law, RaidModule
from k2rel.services.counts import Counts, binomial_power
from k2rel.units import format_duration, parse_bandwidth, parse_duration, parse_rate

NAMES = "abcdef"


@st.composite
def formulas(draw, depth=3):
    """A random structure function over up to six variables, negations included."""
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(NAMES))
    kind = draw(st.sampled_from(["and", "or", "not", "at_least", "xor", "ite"]))
    if kind == "not":
        return (kind, draw(formulas(depth=depth - 1)))
    if kind == "ite":
        return (kind, *(draw(formulas(depth=depth - 1)) for _ in range(3)))
    parts = draw(st.lists(formulas(depth=depth - 1), min_size=1, max_size=4))
    return (kind, draw(st.integers(0, len(parts) + 1)), *parts) if kind == "at_least" else (kind, *parts)


def build(s, formula):
    if isinstance(formula, str):
        return s.variable(formula)
    kind, *rest = formula
    if kind == "not":
        return s.negation(build(s, rest[0]))
    if kind == "at_least":
        return s.at_least(rest[0], [build(s, part) for part in rest[1:]])
    if kind == "ite":
        return s.if_then_else(*(build(s, part) for part in rest))
    join = {"and": s.conjunction, "or": s.disjunction, "xor": s.exclusive_or}
    return join[kind]([build(s, part) for part in rest])


def meaning(formula, state):
    """What a formula says in one state, by plain Python."""
    if isinstance(formula, str):
        return state[formula]
    kind, *rest = formula
    if kind == "not":
        return not meaning(rest[0], state)
    if kind == "at_least":
        return sum(meaning(part, state) for part in rest[1:]) >= rest[0]
    if kind == "xor":
        return sum(meaning(part, state) for part in rest) % 2 == 1
    if kind == "ite":
        return meaning(rest[1] if meaning(rest[0], state) else rest[2], state)
    return {"and": all, "or": any}[kind](meaning(part, state) for part in rest)


STATES = [{name: bool(code >> i & 1) for i, name in enumerate(NAMES)} for code in range(2 ** len(NAMES))]


@settings(max_examples=150, deadline=None)
@given(st.lists(formulas(), min_size=1, max_size=3), st.lists(st.floats(0.01, 0.99), min_size=6, max_size=6))
def test_diagram_gives_what_enumeration_gives(parts, q) -> None:
    s = Structure()
    roots = [build(s, part) for part in parts]
    d = compile_diagram(s, roots, NAMES)
    probability = dict.fromkeys(d.outcomes, 0.0)
    rates = {}
    weight = {}
    for state in STATES:
        p = np.prod([1 - q[i] if state[name] else q[i] for i, name in enumerate(NAMES)])
        outcome = tuple(meaning(part, state) for part in parts)
        probability[outcome] += p
        weight[tuple(state.values())] = (p, outcome)
    assert d.mode_probabilities(q) == pytest.approx([probability[o] for o in d.outcomes], rel=1e-10)
    for up, (p, before) in weight.items():
        for i in range(len(NAMES)):
            if up[i]:
                _, after = weight[(*up[:i], False, *up[i + 1 :])]
                if before != after:  # w_i = 1: rate of the pair is the probability of the others' state
                    rates[before, after] = rates.get((before, after), 0.0) + p / (1 - q[i])
    moves = d.transitions(q, np.ones(6))
    found = {
        (d.outcomes[b], d.outcomes[a]): r for b, a, r in zip(moves.before, moves.after, moves.rate_per_h, strict=True)
    }
    assert found == pytest.approx(rates, rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(formulas(), st.lists(st.floats(0.01, 0.99), min_size=6, max_size=6))
def test_gradient_is_the_difference_of_conditional_probabilities(formula, q) -> None:
    s = Structure()
    d = compile_diagram(s, [build(s, formula)], NAMES)
    lost = [0.0 if outcome[0] else 1.0 for outcome in d.outcomes]
    gradient = d.gradient(q, lost)
    for i in range(6):
        down, up = ([*q[:i], value, *q[i + 1 :]] for value in (1.0, 0.0))
        expected = np.dot(d.mode_probabilities(down), lost) - np.dot(d.mode_probabilities(up), lost)
        assert gradient[i] == pytest.approx(expected, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(formulas())
def test_cut_sets_are_minimal_and_complete(formula) -> None:
    s = Structure()
    root = build(s, formula)
    if not s.value(root, {}):
        return
    diagram = compile_function(s, root, failures=True)
    sets = minimal_cut_sets(diagram)
    found = {frozenset(cut) for cut, _ in sets.smallest([0.5] * len(diagram.variables))}
    failing = [frozenset(n for n in NAMES if not state[n]) for state in STATES if not meaning(formula, state)]
    minimal = {cut for cut in failing if not any(other < cut for other in failing)}
    assert found == minimal


@given(st.one_of(st.just(0.0), st.floats(1e-90, 1e6)), st.sampled_from(["h", "min", "s", "d", "y"]))
def test_a_time_is_read_back_in_its_unit(value, unit) -> None:
    hours = {"h": 1, "min": 1 / 60, "s": 1 / 3600, "d": 24, "y": 8760}[unit]
    assert parse_duration(f"{value!r} {unit}") == pytest.approx(value * hours, rel=1e-12)


@given(st.one_of(st.text(max_size=30), st.none(), st.booleans(), st.lists(st.integers()), st.integers(), st.floats()))
def test_units_give_a_number_or_one_clear_error(value) -> None:
    for parse in (parse_duration, parse_rate, parse_bandwidth):
        try:
            result = parse(value)
        except ValueError as error:
            assert str(error)
        else:
            assert 0 <= result < float("inf")


WRITTEN = {"ms": (1 / 3.6e6, 0, 1000), "s": (1 / 3600, 1, 60), "min": (1 / 60, 1, 60), "h": (1, 1, 72),
           "days": (24, 3, 365), "years": (8760, 1, float("inf"))}  # size of the unit [h], least and most of it  # fmt: skip


@given(st.one_of(st.floats(min_value=0), st.floats(0, 1e5), st.floats(0, 2), st.just(float("nan"))))
def test_every_time_is_written_for_people_to_three_digits_in_a_unit_that_fits(hours) -> None:
    text = format_duration(hours)
    if hours != hours or hours in (0, float("inf")):
        assert text == {"nan": "not defined", "0.0": "0", "inf": "never"}[str(hours)]
    elif hours * 3600 < 1e-8:
        assert text == "below 10 ns"
    else:
        number, unit = text.replace(",", "").split(" ")
        size, least, most = WRITTEN[unit]
        assert float(number) * size == pytest.approx(hours, rel=0.0051)
        assert least <= float(number) <= most


@settings(deadline=None)
@given(st.floats(1e-9, 1e-2), st.floats(0.1, 100), st.one_of(st.just(0.0), st.floats(0.1, 1000)))
def test_steady_values_of_a_law_belong_together(rate, mttr, test) -> None:
    law = Law(rate, mttr, test)
    assert law.frequency_per_h * law.mean_downtime_h == pytest.approx(law.unavailability)
    assert law.frequency_per_h == pytest.approx(rate * (1 - law.unavailability))
    late = 1e6 + test * (np.arange(4000) + 0.5) / 4000  # over one interval of the tests
    assert law.unavailability_at(late).mean() == pytest.approx(law.unavailability, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 8), st.integers(0, 2), st.floats(1e-8, 1e-3), st.integers(0, 2))
def test_a_raid_set_gains_by_tolerance_and_by_spares(drives, tolerance, rate, spares) -> None:
    tolerance = min(tolerance, drives - 2)
    one = RaidModule(drives, tolerance, rate, 24, 6, 24, hot_spares=spares)
    more = RaidModule(drives, tolerance + 1, rate, 24, 6, 24, hot_spares=spares)
    spare = RaidModule(drives, tolerance, rate, 24, 6, 24, hot_spares=spares + 1)
    assert one.mttdl_h < more.mttdl_h
    assert one.mttdl_h <= spare.mttdl_h * (1 + 1e-12)


@given(st.integers(0, 60), st.floats(0, 1))
def test_powers_of_one_client_sum_to_one(n, p) -> None:
    assert binomial_power(n, p).sum() == pytest.approx(1)
    counts = Counts.one({(1, 0): p, (0, 1): 1 - p}).power(n)
    assert counts.probability.sum() == pytest.approx(1)
    assert (counts.vectors.sum(axis=1) == n).all()


@pytest.mark.parametrize(
    "kind", ["media_server", "gige_switch", "toe", "raid_chassis", "heartbeat", "client_media_link"]
)
@pytest.mark.parametrize("factor", [1.5, 30])
def test_a_part_that_fails_more_often_never_helps(kind, factor) -> None:
    base = k2rel.study("L2R")
    rate = float(k2rel.components(base).query("type == @kind")["failure_rate_per_h"].iloc[0])
    worse = k2rel.study("L2R", settings={f"{kind}.failure_rate": repr(rate * factor)})
    assert (
        k2rel.availability(worse, method="exact")["media"].unavailability
        >= k2rel.availability(base, method="exact")["media"].unavailability
    )


@pytest.mark.parametrize("level", ["L2R", "L3R"])
def test_the_levels_are_symmetric_under_exchange_of_the_sides(level) -> None:
    a = k2rel.availability(k2rel.study(level, primary="A"), method="exact")
    b = k2rel.availability(k2rel.study(level, primary="B"), method="exact")
    for service in ("media", "control", "ftp", "file_system", "full_service"):
        assert a[service].unavailability == pytest.approx(b[service].unavailability, rel=1e-9)
        assert a[service].frequency_per_h == pytest.approx(b[service].frequency_per_h, rel=1e-9)
    load_a, load_b = (k2rel.load(k2rel.study(level, primary=side), method="exact") for side in "AB")
    swapped = {(b, a, lost): p for a, b, lost, p in load_b.side_distribution}
    assert {(a, b, lost): p for a, b, lost, p in load_a.side_distribution} == pytest.approx(swapped, rel=1e-9)


@pytest.mark.parametrize("clients", [4, 100, 1000])
@pytest.mark.parametrize("level", ["L2", "L2R", "L3", "L3R", "nearline"])
def test_distributions_sum_to_one_for_any_number_of_clients(level, clients) -> None:
    result = k2rel.load(k2rel.study(level, clients=clients), method="exact")
    assert sum(row[3] for row in result.side_distribution) == pytest.approx(1, abs=1e-12)
    for element in result.elements:
        assert sum(p for _, p in element.distribution) == pytest.approx(1, abs=1e-12)
    mean_on_a = sum(row[0] * row[3] for row in result.side_distribution)
    assert mean_on_a == pytest.approx(clients, rel=1e-3)


def test_vectors_of_many_wide_counts_stay_apart() -> None:
    # 22 columns with spans of 8 and more: more combinations than a 64-bit number has values
    rng = np.random.default_rng(3)
    vectors = rng.integers(0, 9, (400, 22))
    vectors[200:] = vectors[:200]
    vectors[200:, 0] = vectors[:200, 0]
    doubled = Counts(vectors, np.full(400, 1 / 400)).tidy()
    expected = {}
    for vector in map(tuple, vectors.tolist()):
        expected[vector] = expected.get(vector, 0.0) + 1 / 400
    assert doubled.as_dict() == pytest.approx(expected)
    # these two differ by a multiple of 2^64 in mixed radix 256
    low, high = [0] * 10, [0] * 10
    high[1], low[0], high[9], low[9] = 255, 0, 255, 255
    pair = Counts(np.array([low, high, [255] * 10, [0] * 10]), np.array([0.1, 0.2, 0.3, 0.4])).tidy()
    assert len(pair.probability) == 4


LEVEL = YAML(typ="safe", pure=True).load(site_path("L2R"))
SPOILERS = [
    None, 0, -1, 10**9, 1e308, float("nan"), float("inf"), "", "x", "=nope", "=clients", [], {}, [1], {"a": 1}, True,
    "4 parsecs", "-3 h", "@toe_A", "switch_A", "$$", "<b>", "A" * 5000, 1.5, [[]], {"at_least": 9, "of": ["switch_A"]},
    "1e999 h", "{0}", "%s",
]  # fmt: skip


def places(data, path=()):
    """Every entry of a document, by its path of keys."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*path, key)
        yield from places(value, (*path, key))


PLACES = list(places(LEVEL))


SPOILT = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from([*SPOILERS, "drop"])), min_size=1, max_size=3)
VERBS = st.sampled_from(["check", "failover", "load", "components"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SPOILT, VERBS)
def test_a_spoiled_site_file_gives_an_answer_or_names_itself(tmp_path, spoils, verb) -> None:
    answers_or_names_itself(tmp_path, spoils, verb)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SPOILT, VERBS)
def test_hundreds_of_spoiled_site_files_give_an_answer_or_name_themselves(tmp_path, spoils, verb) -> None:
    answers_or_names_itself(tmp_path, spoils, verb)


def answers_or_names_itself(tmp_path, spoils, verb) -> None:
    data = copy.deepcopy(LEVEL)
    for path, value in spoils:
        here = data
        try:
            for key in path[:-1]:
                here = here[key]
            if value == "drop":
                del here[path[-1]]
            else:
                here[path[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier spoiler took this place away
    file = tmp_path / "site.yaml"
    with file.open("w") as stream:
        YAML(typ="safe", pure=True).dump(data, stream)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([verb, str(file), "--format", "json"])
    if code == 0:
        assert json.loads(out.getvalue())
    else:
        assert code == 2, err.getvalue()
        assert out.getvalue() == ""
        for line in err.getvalue().splitlines():
            assert line.startswith(f"k2rel: {file}")
