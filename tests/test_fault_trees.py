"""Fault trees in the Open-PSA format: what is read, what comes out, and what is refused with one clear line."""

import functools
import itertools
import json
import math

import numpy as np
import pytest
import scipy.linalg

import k2rel
from k2rel.bundled import level_names
from k2rel.cli import main
from k2rel.errors import InputError, ModelTooLargeError
from k2rel.faulttrees import read_fault_trees
from k2rel.faulttrees.solve import solve
from k2rel.logic.bounds import probability_bounds
from k2rel.logic.cutsets import minimal_cut_sets
from k2rel.logic.function import compile_function
from k2rel.logic.structure import Structure


def model(body, data=""):
    return f"<opsa-mef><define-fault-tree name='t'>{body}</define-fault-tree><model-data>{data}</model-data></opsa-mef>"


def event(name, expression):
    return f"<define-basic-event name='{name}'>{expression}</define-basic-event>"


def number(value):
    return f"<float value='{value}'/>"


def refs(names):
    return "".join(f"<event name='{name}'/>" for name in names)


@pytest.fixture
def write(tmp_path):
    def put(text, name="m.xml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return put


@pytest.fixture
def probability(write):
    def of(text, **options):
        return solve(read_fault_trees(write(text), **options)).tops[0].probability

    return of


P = {"a": 0.1, "b": 0.2, "c": 0.3}
EVENTS = "".join(event(name, number(p)) for name, p in P.items())


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("<and>{}</and>", 0.1 * 0.2 * 0.3),
        ("<or>{}</or>", 1 - 0.9 * 0.8 * 0.7),
        ("<nand>{}</nand>", 1 - 0.1 * 0.2 * 0.3),
        ("<nor>{}</nor>", 0.9 * 0.8 * 0.7),
        ("<atleast min='2'>{}</atleast>", 0.098),  # published with this value
        ("<cardinality min='1' max='2'>{}</cardinality>", 1 - 0.9 * 0.8 * 0.7 - 0.006),
        ("<not><or>{}</or></not>", 0.9 * 0.8 * 0.7),
    ],
)
def test_every_connective(probability, formula, expected) -> None:
    text = model(f"<define-gate name='top'>{formula.format(refs('abc'))}</define-gate>", EVENTS)
    assert probability(text) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("tag", "expected"), [("xor", 0.1 * 0.8 + 0.9 * 0.2), ("iff", 0.1 * 0.2 + 0.9 * 0.8), ("imply", 0.9 + 0.1 * 0.2)]
)
def test_connectives_of_two(probability, tag, expected) -> None:
    text = model(f"<define-gate name='top'><{tag}>{refs('ab')}</{tag}></define-gate>", EVENTS)
    assert probability(text) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("tag", ["xor", "iff"])
def test_xor_and_iff_of_several_are_parity(probability, tag, count) -> None:
    """Open-PSA: both are associative, so two arguments at a time give the value."""
    p = [0.1, 0.2, 0.35, 0.4, 0.45][:count]
    expected = 0.0
    for values in itertools.product([False, True], repeat=count):
        true = functools.reduce((lambda a, b: a != b) if tag == "xor" else (lambda a, b: a == b), values)
        expected += true * math.prod(q if value else 1 - q for q, value in zip(p, values, strict=True))
    names = "abcde"[:count]
    events = "".join(event(name, number(q)) for name, q in zip(names, p, strict=True))
    text = model(f"<define-gate name='top'><{tag}>{refs(names)}</{tag}></define-gate>", events)
    assert probability(text) == pytest.approx(expected, rel=1e-13)


def test_exclusive_or_of_three_events_has_the_published_value(probability) -> None:
    inner = f"<define-gate name='x'><xor>{refs('bc')}</xor></define-gate>"
    text = model(f"<define-gate name='top'><xor><event name='a'/><gate name='x'/></xor></define-gate>{inner}", EVENTS)
    assert probability(text) == pytest.approx(0.404, rel=1e-13)


def test_house_events_parameters_and_laws(probability) -> None:
    body = "<define-gate name='top'><or><and><house-event name='on'/><event name='a'/></and><event name='b'/></or></define-gate>"
    data = (
        "<define-house-event name='on'><constant value='true'/></define-house-event>"
        "<define-parameter name='rate'><float value='1e-4'/></define-parameter>"
        + event("a", "<exponential><parameter name='rate'/><system-mission-time/></exponential>")
        + event("b", f"<GLM>{number(0)}{number(1e-6)}{number(0.1)}<system-mission-time/></GLM>")
    )
    a = -math.expm1(-1e-4 * 1000)
    b = 1e-6 / (1e-6 + 0.1) * -math.expm1(-(1e-6 + 0.1) * 1000)
    assert probability(model(body, data), mission_time_h=1000.0) == pytest.approx(a + b - a * b, rel=1e-12)


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (f"<Weibull>{number(1000)}{number(2)}{number(0)}{number(500)}</Weibull>", -math.expm1(-0.25)),
        (
            f"<periodic-test>{number(7e-7)}{number(720)}{number(0)}{number(8760)}</periodic-test>",
            -math.expm1(-7e-7 * 120),
        ),
        # a test just before the end, repaired in no time: only what failed since counts
        (
            f"<periodic-test>{number(1e-4)}{number(1e9)}{number(100)}{number(50)}{number(60)}</periodic-test>",
            -math.expm1(-1e-4 * 10),
        ),
        # rates far apart keep their digits: what failed since the test at 8,760 h, and since a repair of 0.1 h
        (
            f"<periodic-test>{number(1e-12)}{number(10)}{number(8760)}{number(8760)}{number(10000)}</periodic-test>",
            1.24e-9,
        ),
        (
            "<switch><case><lt><int value='1'/><int value='2'/></lt><float value='.25'/></case><float value='.5'/></switch>",
            0.25,
        ),
        (f"<div>{number(1)}<add>{number(2)}{number(2)}</add></div>", 0.25),
    ],
)
def test_expressions(probability, law, expected) -> None:
    text = model("<define-gate name='top'><or><event name='a'/></or></define-gate>", event("a", law))
    assert probability(text) == pytest.approx(expected, rel=1e-6)


# the periodic test with eleven arguments ------------------------------------------------------------------------------

ELEVEN = {"λ": 1e-3, "λ*": 5e-3, "μ": 2e-2, "τ": 300.0, "θ": 200.0, "γ": 0.05, "π": 24.0, "x": 1.0, "σ": 0.9,
          "ω": 0.03}  # fmt: skip


def periodic(*values):
    return f"<periodic-test>{''.join(number(value) for value in values)}</periodic-test>"


def followed(a, time):
    """Down at a time, by the matrix exponential of: works, failed, in repair, works under test, failed under test."""
    rates = np.zeros((5, 5))
    rates[0, 1], rates[3, 4] = a["λ"], a["λ*"]
    rates[2, 0], rates[2, 1] = a["μ"] * (1 - a["ω"]), a["μ"] * a["ω"]
    rates -= np.diag(rates.sum(axis=1))
    begin, end = np.zeros((5, 5)), np.eye(5)
    begin[0, 3], begin[0, 4], begin[1, 4], begin[2, 2] = 1 - a["γ"], a["γ"], 1, 1
    end[3, 3], end[3, 0], end[3, 1] = 0, 1 - a["ω"], a["ω"]
    end[4, 4], end[4, 2], end[4, 1] = 0, a["σ"], 1 - a["σ"]
    tests = itertools.chain.from_iterable(
        [(a["θ"] + n * a["τ"], begin), (a["θ"] + n * a["τ"] + a["π"], end)] for n in itertools.count()
    )
    state, now = np.array([1.0, 0, 0, 0, 0]), 0.0
    for moment, jump in itertools.takewhile(lambda one: one[0] < time, tests):
        state, now = state @ scipy.linalg.expm(rates * (moment - now)) @ jump, moment
    state = state @ scipy.linalg.expm(rates * (time - now))
    return 1.0 - state[0] - (state[3] if a["x"] else 0.0)


@pytest.mark.parametrize("time", [0, 150, 200, 205, 224, 225, 499, 510, 800, 1000, 12_345])
@pytest.mark.parametrize(
    "changes", [{}, {"x": 0.0}, {"θ": 0.0}, {"π": 300.0}, {"ω": 0.0, "γ": 0.0, "σ": 1.0}, {"μ": 0.0}]
)
def test_eleven_arguments_follow_the_part_through_its_tests(probability, changes, time) -> None:
    a = ELEVEN | changes
    text = model(
        "<define-gate name='top'><or><event name='a'/></or></define-gate>", event("a", periodic(*a.values(), time))
    )
    assert probability(text) == pytest.approx(followed(a, time), rel=1e-9, abs=1e-12)


def test_the_shorter_forms_are_the_eleven_arguments_without_the_rest(probability) -> None:
    def of(law):
        return probability(model("<define-gate name='top'><or><event name='a'/></or></define-gate>", event("a", law)))

    for time in (90.0, 100.0, 101.0, 700.0, 5000.0):
        five = of(periodic(1e-4, 0.05, 200, 100, time))
        assert of(periodic(1e-4, 1e-4, 0.05, 200, 100, 0, 0, 1, 1, 0, time)) == pytest.approx(five, rel=1e-13)
        # a repair in no time
        four = of(periodic(1e-4, 200, 100, time))
        assert of(periodic(1e-4, 0, 1e9, 200, 100, 0, 0, 1, 1, 0, time)) == pytest.approx(four, rel=1e-6)


def test_a_test_that_finds_a_part_of_the_failures_leaves_the_others(probability) -> None:
    """Repaired in no time, of what fails between tests a share 1 - σ is hidden for one test more, (1 - σ)² for two, ..."""
    rate, interval, found = 1e-4, 100.0, 0.6
    fails = -math.expm1(-rate * interval)
    down = 0.0
    for _ in range(7):
        down = (down + (1 - down) * fails) * (1 - found)
    after = down + (1 - down) * -math.expm1(-rate * 50)
    law = periodic(rate, 0, 1e9, interval, interval, 0, 0, 1, found, 0, 7.5 * interval)
    text = model("<define-gate name='top'><or><event name='a'/></or></define-gate>", event("a", law))
    assert probability(text) == pytest.approx(after, rel=1e-6)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (3, 0, "argument 4 of periodic-test: τ must be above 0"),
        (5, 1.5, "argument 6 of periodic-test: γ is a probability, at most 1"),
        (6, 301, "argument 7 of periodic-test: π, the duration of a test, must not be above τ"),
        (7, 0.5, "argument 8 of periodic-test: x is 1 if the part is available during a test, else 0"),
        (8, -0.1, "argument 9 of periodic-test: σ must not be negative"),
        (10, -1, "argument 11 of periodic-test: t must not be negative"),
        (10, 1e300, "argument 11 of periodic-test: t has more than 10,000,000 tests before it"),
        (2, 1e101, "argument 3 of periodic-test: μ is a rate, at most 1e\\+100 per hour"),
    ],
)
def test_arguments_of_a_periodic_test_that_cannot_be_are_named(probability, place, value, message) -> None:
    values = [*ELEVEN.values(), 1000.0]
    values[place] = value
    text = model("<define-gate name='top'><or><event name='a'/></or></define-gate>", event("a", periodic(*values)))
    with pytest.raises(InputError, match=r"m\.xml:1: float: " + message):
        probability(text)
    for count in (3, 6, 10, 12):
        law = periodic(*([1.0] * count))
        with pytest.raises(InputError, match="takes 4 or 5 or 11 argument"):
            probability(text.replace(periodic(*values), law))


TRAINS = (
    "<define-gate name='top'><and><gate name='t1'/><gate name='t2'/><gate name='t3'/></and></define-gate>"
    + "".join(f"<define-gate name='t{i}'><or><event name='p{i}'/><event name='v{i}'/></or></define-gate>" for i in (1, 2, 3))
)  # fmt: skip


def group(name, kind, factors):
    members = "".join(f"<basic-event name='{name}{i}'/>" for i in (1, 2, 3))
    rows = "".join(f"<factor level='{level}'>{number(value)}</factor>" for level, value in factors.items())
    return (
        f"<define-CCF-group name='{name}' model='{kind}'><members>{members}</members>"
        f"<distribution>{number(0.1)}</distribution><factors>{rows}</factors></define-CCF-group>"
    )


@pytest.mark.parametrize(
    ("kind", "factors", "expected"),
    [
        ("beta-factor", {3: 0.2}, 0.043080373061222414),  # V26
        ("MGL", {2: 0.2, 3: 0.1}, 0.016294770525823208),
    ],
)
def test_common_cause_groups_have_the_published_values(probability, kind, factors, expected) -> None:
    text = model(TRAINS).replace("<model-data>", f"{group('p', kind, factors)}{group('v', kind, factors)}<model-data>")
    assert probability(text) == pytest.approx(expected, rel=1e-12)


def test_alpha_and_phi_factors_share_out_what_there_is(probability) -> None:
    """Q = sum over k of C(n-1, k-1) Q_k: the single event keeps its total in every model."""
    from k2rel.commoncause import event_shares

    for kind, factors in (("alpha-factor", {1: 0.9, 2: 0.06, 3: 0.04}), ("MGL", {2: 0.1, 3: 0.3})):
        shares = event_shares(kind, 3, factors)
        assert sum(math.comb(2, k - 1) * float(q) for k, q in shares.items()) == pytest.approx(1.0, rel=1e-12)
    assert {k: float(q) for k, q in event_shares("phi-factor", 2, {1: 0.9, 2: 0.1}).items()} == {1: 0.9, 2: 0.1}


def test_a_beta_factor_without_a_level_is_that_of_all_members(probability) -> None:
    """V26 again, the level left out."""
    groups = (group("p", "beta-factor", {3: 0.2}) + group("v", "beta-factor", {3: 0.2})).replace(" level='3'", "")
    text = model(TRAINS).replace("<model-data>", groups + "<model-data>")
    assert probability(text) == pytest.approx(0.043080373061222414, rel=1e-12)


def test_phi_factors_of_three_hold_for_every_combination_and_say_so(write, capsys) -> None:
    """P(p1) by hand: none of the events that hold it, 1 alone, 2 pairs, 1 triple."""
    text = model("<define-gate name='top'><or><event name='p1'/></or></define-gate>").replace(
        "<model-data>", group("p", "phi-factor", {1: 0.8, 2: 0.15, 3: 0.05}) + "<model-data>"
    )
    assert main(["solve", str(write(text)), "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    expected = 1 - (1 - 0.08) * (1 - 0.015) ** 2 * (1 - 0.005)
    assert answer["tops"][0]["probability"] == pytest.approx(expected, rel=1e-12)
    assert "1.15 times" in answer["notes"][0]


@pytest.mark.parametrize(
    ("kind", "factors", "message"),
    [
        ("phi-factor", {1: 0.8, 2: 0.1, 3: 0.05}, "must sum to 1, they sum to 0.95"),
        ("phi-factor", {1: 0.9, 2: 0.2, 3: 0.0}, "must sum to 1, they sum to 1.1"),
        ("phi-factor", {1: 0.9, 2: 0.1}, "no factor of level 3"),
        ("beta-factor", {2: 0.2}, "its factor is that of level 3, got level 2"),
        ("beta-factor", {1: 0.2}, "its factor is that of level 3, got level 1"),
        ("beta-factor", {4: 0.2}, "its factor is that of level 3, got level 4"),
        ("beta-factor", {2: 0.2, 3: 0.1}, "its factor is that of level 3"),
        ("beta-factor", {3: 1.2}, "must lie between 0 and 1, got 1.2"),
        ("beta-factor", {}, "no factor of level 3"),
        ("MGL", {2: 0.2}, "no factor of level 3"),
        ("MGL", {1: 0.9, 2: 0.2, 3: 0.1}, "levels 2 to 3 are needed, got level 1"),
        ("MGL", {2: 0.2, 3: -0.1}, "must lie between 0 and 1"),
        ("alpha-factor", {1: 0.9, 3: 0.1}, "no factor of level 2"),
        ("alpha-factor", {1: 0.9, 2: 0.05, 3: 0.04, 4: 0.01}, "levels 1 to 3 are needed, got level 4"),
        ("alpha-factor", {1: 0, 2: 0, 3: 0}, "at least one factor must be above 0"),
        ("gamma-factor", {2: 0.1}, "unknown common-cause model"),
        ("MGL", {"²": 0.2, 3: 0.1}, "level must be a whole number"),
        ("MGL", {2: "nan", 3: 0.1}, "finite number"),
    ],
)
def test_factors_that_do_not_fit_their_group_are_refused(write, capsys, kind, factors, message) -> None:
    text = model(TRAINS).replace("<model-data>", group("p", kind, factors) + group("v", "MGL", {2: 0.1, 3: 0.1}) + "<model-data>")  # fmt: skip
    assert main(["solve", str(write(text))]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("k2rel: m.xml:1: ")


def test_members_of_a_group_are_basic_events_of_its_probability(write) -> None:
    beta = group("p", "beta-factor", {3: 0.2})
    top = "<define-gate name='top'><or><event name='p1'/><event name='p2'/><event name='p3'/></or></define-gate>"

    def refused(text, message) -> None:
        with pytest.raises(InputError, match=message):
            solve(read_fault_trees(write(text)))

    put = model(top, "{}").replace("<model-data>", beta + "<model-data>")
    assert solve(read_fault_trees(write(put.format(event("p1", number(0.1)))))).tops[0].probability > 0
    refused(
        put.format(event("p1", number(0.2))),
        "a probability of its own, which differs from that of its common-cause group",
    )
    refused(put.format("").replace("<event name='p3'/>", "").replace("name='p3'", "name='p2'"), "names a member twice")
    gate = "<define-gate name='p1'><or><event name='p2'/></or></define-gate>"
    refused(model(top + gate).replace("<model-data>", beta + "<model-data>"), "is a gate; members of a group are basic")
    refused(put.format("").replace("<members>", "<member>").replace("</members>", "</member>"), "is not an entry of")
    one = beta.replace("<basic-event name='p2'/><basic-event name='p3'/>", "")
    refused(model(GATE, EVENTS).replace("<model-data>", one + "<model-data>"), "needs 2 to 12 members, got 1")


def test_names_can_be_private_to_a_component_and_reached_by_their_path(probability) -> None:
    body = (
        "<define-gate name='top'><or><gate name='left.g'/><gate name='right.g'/></or></define-gate>"
        "<define-component name='left' role='private'><define-gate name='g'><or><event name='e'/></or></define-gate>"
        + event("e", number(0.1))
        + "</define-component><define-component name='right' role='private'><define-gate name='g'><or><event name='e'/>"
        "</or></define-gate>" + event("e", number(0.2)) + "</define-component>"
    )
    assert probability(model(body)) == pytest.approx(0.28, rel=1e-13)


def test_a_model_may_lie_in_several_files(write) -> None:
    write(f"<opsa-mef><model-data>{EVENTS}</model-data></opsa-mef>", "events.xml")
    path = write(model(f"<define-gate name='top'><and>{refs('ab')}</and></define-gate>").replace("<model-data>", "<include file='events.xml'/><model-data>"))  # fmt: skip
    assert solve(read_fault_trees(path)).tops[0].probability == pytest.approx(0.02, rel=1e-13)


GATE = f"<define-gate name='top'><and>{refs('ab')}</and></define-gate>"
BAD = {
    "not well-formed": "<opsa-mef><define-fault-tree",
    "is not well-formed XML": "",
    "starts with <opsa-mef>": "<html/>",
    "declares an entity": "<!DOCTYPE opsa-mef [<!ENTITY x 'y'>]><opsa-mef/>",
    "declares an entity;": "<!DOCTYPE m [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><opsa-mef>&a;</opsa-mef>",
    "more than 200 deep": "<opsa-mef>" + "<a>" * 5000,
    "holds no gate": "<opsa-mef/>",
    "'b' is not defined anywhere": model(GATE, event("a", number(0.1))),
    "contains itself: t.x > t.y > t.x": model(
        "<define-gate name='x'><not><gate name='y'/></not></define-gate><define-gate name='y'><not><gate name='x'/></not></define-gate>"
    ),
    "between 0 and 1, got 1.5": model(GATE, event("a", number(1.5)) + event("b", number(0.1))),
    "'a' has no probability": model(GATE, event("a", "") + event("b", number(0.1))),
    "needs a number as its value": model(GATE, event("a", number("x")) + event("b", number(0.1))),
    "needs a finite number": model(GATE, event("a", number("1e999")) + event("b", number(0.1))),
    "has no finite value": model(GATE, event("a", f"<div>{number(1)}{number(0)}</div>") + event("b", number(0.1))),
    "is defined twice": model(GATE + GATE, EVENTS),
    "min must be a whole number": model(f"<define-gate name='top'><atleast min='7'>{refs('ab')}</atleast></define-gate>", EVENTS),
    "is not a known formula": model(f"<define-gate name='top'><maybe>{refs('ab')}</maybe></define-gate>", EVENTS),
    "takes 1 argument(s), got 2": model(f"<define-gate name='top'><not>{refs('ab')}</not></define-gate>", EVENTS),
    "takes 2 argument(s), got 3": model(f"<define-gate name='top'><imply>{refs('abc')}</imply></define-gate>", EVENTS),
    "takes at least 2 argument(s), got 1": model(f"<define-gate name='top'><iff>{refs('a')}</iff></define-gate>", EVENTS),
    "takes at least 1 argument(s), got 0": model("<define-gate name='top'><or/></define-gate>", EVENTS),
    "needs the attribute max": model(f"<define-gate name='top'><cardinality min='1'>{refs('ab')}</cardinality></define-gate>", EVENTS),
    "max must not be below min": model(f"<define-gate name='top'><cardinality min='2' max='1'>{refs('ab')}</cardinality></define-gate>", EVENTS),
    "has no attribute max": model(f"<define-gate name='top'><atleast min='1' max='1'>{refs('ab')}</atleast></define-gate>", EVENTS),
    "has no attribute min": model(f"<define-gate name='top'><or min='2'>{refs('ab')}</or></define-gate>", EVENTS),
    "needs the attribute min": model(f"<define-gate name='top'><atleast k='2'>{refs('ab')}</atleast></define-gate>", EVENTS),
    "got '1_0'": model(GATE, event("a", number("1_0")) + event("b", number(0.1))),
    "defined in terms of itself": model(
        GATE,
        event("a", "<parameter name='q'/>") + event("b", number(0.1))
        + "<define-parameter name='q'><parameter name='q'/></define-parameter>",
    ),
    "in the model's folder": "<opsa-mef><include file='../../etc/passwd'/></opsa-mef>",
    "solves fault trees only": "<opsa-mef><define-event-tree name='e'/></opsa-mef>",
    "defined as a gate, not as a basic-event": model(
        "<define-gate name='top'><or><basic-event name='x'/></or></define-gate><define-gate name='x'><or><event name='a'/></or></define-gate>", EVENTS
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", BAD)
def test_every_mistake_is_one_clear_line_and_exit_code_2(write, capsys, message) -> None:
    assert main(["solve", str(write(BAD[message]))]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert message in err
    assert len(err.splitlines()) == 1
    assert err.startswith("k2rel: m.xml") or "holds no gate" in err


def test_a_missing_file_and_options_out_of_range(write, capsys) -> None:
    path = str(write(model(GATE, EVENTS)))
    for arguments, text in (
        ([path + "x"], "cannot be read"),
        ([path, "--top", "tops"], "did you mean 'top'"),
        ([path, "--samples", "10"], "nothing to sample"),
        ([path, "--nodes", "1"], "100 or more"),
        ([path, "--mission-time", "-1"], "above 0"),
        ([path, "--order", "-1"], "0 or more"),
    ):
        assert main(["solve", *arguments]) == 2
        assert text in capsys.readouterr().err


def test_a_chain_of_ten_thousand_gates_is_read_and_solved(write) -> None:
    gates = "".join(
        f"<define-gate name='g{i}'><or><gate name='g{i + 1}'/><event name='a'/></or></define-gate>"
        for i in range(10_000)
    )
    last = "<define-gate name='g10000'><or><event name='b'/></or></define-gate>"
    assert solve(read_fault_trees(write(model(gates + last, EVENTS)))).tops[0].probability == pytest.approx(0.28)


def test_the_json_contract(write, capsys) -> None:
    path = str(write(model("<define-gate name='top'><or><event name='c'/><and><event name='a'/><event name='b'/></and></or></define-gate>", EVENTS)))  # fmt: skip
    assert main(["solve", path, "--format", "json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert set(plain["tops"][0]) == {"top", "probability", "rare_event", "mcub"}
    assert main(["solve", path, "--cut-sets", "--importance", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["model"] == "t"
    (top,) = answer["tops"]
    p = 1 - 0.7 * 0.98
    assert top["top"] == "top"
    assert top["probability"] == pytest.approx(p, rel=1e-14)
    assert top["rare_event"] == pytest.approx(0.32, rel=1e-14)
    assert top["mcub"] == pytest.approx(p, rel=1e-12)
    assert top["cut_sets"]["count"] == 2
    assert top["cut_sets"]["by_order"] == {"1": 1, "2": 1}
    by_event = {row["event"]: row for row in top["importance"]}
    a = by_event["a"]
    mif = 0.2 * 0.7
    assert a["birnbaum"] == pytest.approx(mif)
    assert a["criticality"] == pytest.approx(0.1 * mif / p)
    assert a["dif"] == pytest.approx(0.1 * (1 - 0.7 * 0.8) / p)
    assert a["raw"] == pytest.approx((1 - 0.7 * 0.8) / p)
    assert a["rrw"] == pytest.approx(p / 0.3)
    assert a["fussell_vesely"] == pytest.approx(0.02 / 0.32)


def test_a_cut_off_by_order_states_what_it_leaves_out(write, capsys) -> None:
    path = str(write(model("<define-gate name='top'><or><event name='c'/><and><event name='a'/><event name='b'/></and></or></define-gate>", EVENTS)))  # fmt: skip
    assert main(["solve", path, "--cut-sets", "--order", "1", "--format", "json"]) == 0
    (top,) = json.loads(capsys.readouterr().out)["tops"]
    assert top["cut_sets"]["by_order"] == {"1": 1}
    assert top["cut_sets"]["left_out"] == 1
    assert top["cut_sets"]["left_out_probability"] == pytest.approx(0.02, rel=1e-12)
    assert top["rare_event"] == pytest.approx(0.32, rel=1e-14)  # of all sets, so it stays a bound


OR_AND = "<define-gate name='top'><or><{0} name='c'/><and><{0} name='a'/><{0} name='b'/></and></or></define-gate>"


@pytest.mark.parametrize(
    "text",
    [
        model(OR_AND.format("event"), "".join(event(name, "") for name in "abc")),  # defined, without a probability
        model(OR_AND.format("basic-event")),  # not defined: the format does not ask for it
        model(OR_AND.format("event"), event("a", number(0.1)) + event("b", "") + event("c", number(0.3))),
    ],
)
def test_cut_sets_need_no_probabilities(write, capsys, text) -> None:
    path = str(write(text))
    assert main(["solve", path, "--cut-sets", "--format", "json"]) == 0
    (top,) = json.loads(capsys.readouterr().out)["tops"]
    assert top["probability"] is top["rare_event"] is top["mcub"] is top["cut_sets"]["sum"] is None
    assert top["cut_sets"]["by_order"] == {"1": 1, "2": 1}
    assert [(row["events"], row["probability"]) for row in top["cut_sets"]["most_probable"]] == [
        (["c"], None),
        (["a", "b"], None),
    ]
    assert "b" in top["without_probability"]
    assert main(["solve", path, "--cut-sets", "--order", "1"]) == 0
    out = capsys.readouterr().out
    assert "not known: the model gives none for" in out
    assert "1 not listed\n" in out
    assert "too many" not in out
    for more in ([], ["--cut-sets", "--importance"], ["--cut-sets", "--samples", "9"], ["--nodes", "100"]):
        assert main(["solve", path, *more]) == 2
        err = capsys.readouterr().err
        assert "k2rel: m.xml:1: " in err or "nothing to sample" in err


def test_a_basic_event_that_is_misspelt_is_no_event_without_a_probability(write) -> None:
    text = model("<define-gate name='top'><or><basic-event name='aa'/></or></define-gate>", EVENTS)
    with pytest.raises(InputError, match="'aa' is not defined anywhere"):
        read_fault_trees(write(text))


def test_an_order_has_a_sum_of_its_own_also_where_all_sets_are_too_many(write, capsys, monkeypatch) -> None:
    import k2rel.faulttrees.solve as module

    path = str(write(model(OR_AND.format("event"), EVENTS)))
    for order, expected in ((0, 0.0), (1, 0.3), (2, 0.3 + 0.1 * 0.2)):
        answer = solve(read_fault_trees(path), order=order).tops[0]
        assert answer.order_sum == pytest.approx(expected, rel=1e-13)
        assert answer.rare_event == pytest.approx(0.32, rel=1e-13)
    whole = minimal_cut_sets

    def few(diagram, *, order=None):
        if order is None:
            raise ModelTooLargeError("too many")
        return whole(diagram, order=order)

    monkeypatch.setattr(module, "minimal_cut_sets", few)
    assert main(["solve", path, "--cut-sets", "--order", "1"]) == 0
    out = capsys.readouterr().out
    assert "sum of all cut sets    not computed: too many" in out
    assert "sum up to order 1      0.3\n" in out
    assert "Sets above order 1 are neither counted nor in the sum" in out
    assert "not listed" not in out


def test_a_complete_list_leaves_nothing_out(write, capsys) -> None:
    path = str(write(model(OR_AND.format("event"), EVENTS)))
    assert main(["solve", path, "--cut-sets"]) == 0
    assert "not listed" not in capsys.readouterr().out
    assert main(["solve", path, "--cut-sets", "1"]) == 0
    assert "... 1 not listed, their probabilities add up to 0.02" in capsys.readouterr().out
    assert solve(read_fault_trees(path), cut_sets=2).tops[0].listing.left_out_probability == 0.0


def test_an_event_that_every_cut_set_needs_has_no_finite_reduction_worth(write) -> None:
    answer = solve(read_fault_trees(write(model(GATE, EVENTS))), importance=True)
    assert all(row.rrw == math.inf for row in answer.tops[0].importance)
    assert answer.to_json()["tops"][0]["importance"][0]["rrw"] is None


def test_an_event_that_helps_has_a_negative_importance(write) -> None:
    text = model(
        "<define-gate name='top'><and><event name='a'/><not><event name='b'/></not></and></define-gate>", EVENTS
    )
    rows = {row.event: row for row in solve(read_fault_trees(write(text)), importance=True).tops[0].importance}
    assert rows["b"].birnbaum == pytest.approx(-0.1)
    assert rows["b"].raw == pytest.approx(0.0, abs=1e-15)


def lognormal(mean, factor):
    return f"<lognormal-deviate>{number(mean)}{number(factor)}{number(0.95)}</lognormal-deviate>"


@pytest.mark.parametrize("points", ["random", "lhs", "sobol"])
def test_samples_of_a_shared_parameter_move_together(write, points) -> None:
    data = f"<define-parameter name='q'>{lognormal(1e-3, 3)}</define-parameter>" + "".join(
        event(name, "<parameter name='q'/>") for name in "ab"
    )
    trees = read_fault_trees(write(model(GATE, data)))
    found = solve(trees, samples=8192, seed=5, points=points).tops[0].uncertainty
    sigma = math.log(3) / 1.6448536269514722
    assert found.mean == pytest.approx(1e-6 * math.exp(sigma**2), rel=0.1)  # E[q^2], not E[q]^2
    assert found.quantiles[0.5] == pytest.approx((1e-3 * math.exp(-(sigma**2) / 2)) ** 2, rel=0.05)
    again = solve(trees, samples=8192, seed=5, points=points).tops[0].uncertainty
    assert again == found


@pytest.mark.parametrize("level", level_names())
@pytest.mark.usual("L1", "L2", "L2R", "nearline")
def test_an_exported_level_gives_the_same_numbers_in_the_other_engine(level, write) -> None:
    """Modes and counts of clients on one side, one diagram with every client's parts on the other."""
    study = k2rel.study(level)
    answer = solve(read_fault_trees(write(k2rel.open_psa_of(study))))
    # groups of clients that are alike are listed once
    services = {
        s.service: s.unavailability
        for s in k2rel.availability(study, [study.site.client_count], method="exact").services
    }
    found = {top.top: top.probability for top in answer.tops if top.top in services}
    assert found == pytest.approx({name: services[name] for name in found}, rel=1e-11)
    assert len(found) >= 5


def test_export_writes_a_file_once(tmp_path, capsys) -> None:
    path = tmp_path / "l2.xml"
    assert main(["export", "L2", "--output", str(path)]) == 0
    assert main(["export", "L2", "--output", str(path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["export", "L2", "--output", str(path), "--force"]) == 0


def tangled(count=24):
    from k2rel.logic.structure import Structure

    s = Structure()
    names = [s.variable(f"e{i}") for i in range(count)]
    pairs = [s.conjunction([names[i], names[(i * 5 + 7) % count], names[(i * 11 + 3) % count]]) for i in range(count)]
    return s, s.disjunction([s.at_least(3, pairs), s.exclusive_or([names[0], pairs[1]])])


@pytest.mark.parametrize("count", [18, pytest.param(24, marks=pytest.mark.slow)])
def test_bounds_close_where_nothing_had_to_be_cut(count, monkeypatch) -> None:
    import k2rel.logic.bounds as bounds

    monkeypatch.setattr(bounds, "_NARROWEST", 50_000)
    monkeypatch.setattr(bounds, "_WIDEST", 50_000)
    s, root = tangled(count)
    d = compile_function(s, root)
    p = {name: 0.02 + 0.01 * (i % 7) for i, name in enumerate(d.variables)}
    exact = float(d.probability([p[name] for name in d.variables]))
    found = probability_bounds(s, root, p)
    assert found.low <= exact <= found.high
    assert found.high - found.low < 1e-11 * exact


@pytest.mark.parametrize("width", [2, 5, 20, 100])
def test_bounds_from_narrow_diagrams_still_hold_the_exact_value(width, monkeypatch) -> None:
    import k2rel.logic.bounds as bounds

    monkeypatch.setattr(bounds, "_NARROWEST", width)
    monkeypatch.setattr(bounds, "_WIDEST", width)
    s, root = tangled()
    d = compile_function(s, root)
    for seed in range(5):
        values = np.random.Generator(np.random.Philox(seed)).uniform(0.01, 0.4, len(d.variables))
        p = dict(zip(d.variables, values.tolist(), strict=True))
        found = probability_bounds(s, root, p)
        assert found.low <= float(d.probability(values)) <= found.high
        assert found.high > found.low or width == 100


def test_a_model_that_does_not_fit_is_an_error_or_bounds(write, capsys) -> None:
    names = [f"e{i}" for i in range(20)]
    gates = "".join(
        f"<define-gate name='g{i}'><and>{refs([names[i], names[(7 * i + 5) % 20], names[(11 * i + 3) % 20]])}</and></define-gate>"
        for i in range(20)
    )
    top = "<define-gate name='top'><atleast min='5'>" + refs([f"g{i}" for i in range(20)]) + "</atleast></define-gate>"
    path = str(write(model(gates + top, "".join(event(name, number(0.05)) for name in names))))
    with pytest.raises(ModelTooLargeError):
        solve(read_fault_trees(path), most_nodes=300)
    assert main(["solve", path, "--nodes", "300"]) == 2
    assert "use bounds" in capsys.readouterr().err
    assert main(["solve", path, "--nodes", "300", "--bounds", "1", "--format", "json"]) == 0
    (bounded,) = json.loads(capsys.readouterr().out)["tops"]
    exact = solve(read_fault_trees(path)).tops[0].probability
    assert exact == pytest.approx(3.942499585455024e-10, rel=1e-14)  # by all 2^20 states
    assert bounded["probability"] is None
    assert bounded["bounds"][0] <= exact <= bounded["bounds"][1]


def test_bounds_of_what_hardly_ever_happens_keep_their_digits() -> None:
    """Differences from 1 once took them: a lower bound stood above the value, by 1e-6 of it."""
    s = Structure()
    e = [s.variable(f"e{i}") for i in range(20)]
    root = s.at_least(5, [s.conjunction([e[i], e[(7 * i + 5) % 20], e[(11 * i + 3) % 20]]) for i in range(20)])
    found = probability_bounds(s, root, dict.fromkeys((f"e{i}" for i in range(20)), 0.05), seconds=3.0)
    assert found.low <= 3.942499585455024e-10 <= found.high  # by all 2^20 states
    assert found.high - found.low < 0.5 * found.low


def test_reading_refuses_what_is_no_file(tmp_path) -> None:
    with pytest.raises(InputError, match="is a folder; give the name of a file"):
        read_fault_trees(tmp_path)


def ladder(rungs=40):
    """Two sides that fail together: an and of wide ors that share what feeds both."""
    s = Structure()
    shared = [s.variable(f"s{i}") for i in range(rungs)]
    sides = []
    for name in "ab":
        own = [s.variable(f"{name}{i}") for i in range(rungs)]
        steps = [s.conjunction([own[i], s.disjunction([shared[i], shared[(7 * i + 3) % rungs]])]) for i in range(rungs)]
        sides.append(s.disjunction([*steps, s.conjunction([own[0], own[1]])]))
    return s, s.conjunction([*sides, s.disjunction([s.variable("r0"), s.variable("r1")])])


@pytest.mark.parametrize("kept", [100, 20_000_000])
def test_bounds_of_an_and_are_those_of_its_rarest_argument_where_diagrams_lose_more(kept, monkeypatch) -> None:
    """Whatever is given up for want of room, nothing that fails with a rare event is likelier than it."""
    import k2rel.logic.bounds as bounds
    import k2rel.logic.narrowed as narrowed

    monkeypatch.setattr(bounds, "_NARROWEST", 2)
    monkeypatch.setattr(bounds, "_WIDEST", 4)
    monkeypatch.setattr(narrowed, "_MOST_NODES", kept)
    s, root = ladder()
    p = dict.fromkeys(s.variables([root]), 0.1) | {"r0": 1e-4, "r1": 2e-4}
    found = probability_bounds(s, root, p)
    d = compile_function(s, root)
    exact = float(d.probability([p[name] for name in d.variables]))
    rare = 1 - (1 - 1e-4) * (1 - 2e-4)
    assert found.low <= exact <= found.high <= rare * (1 + 1e-9)
    assert found.low > 0


def test_a_diagram_is_the_same_in_every_run() -> None:
    """Which order of the variables is taken depends on the model alone, so the last digits do, too."""
    s, root = ladder(14)
    found = [compile_function(s, root) for _ in range(4)]
    assert found[0].nodes > 1000
    assert {d.variables for d in found} == {found[0].variables}
    assert {tuple(d.leaf.tolist()) for d in found} == {tuple(found[0].leaf.tolist())}
