"""Units, blocks and their sums on small random functions: against every state, and against the joint diagram.

Functions are drawn as nested tuples and evaluated here; what k2rel makes of them is followed state by state.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from k2rel.logic.blocks import BlockDiagram, block_order, compile_blocks
from k2rel.logic.blocksums import Column, Rows, sums_over
from k2rel.logic.diagram import compile_diagram
from k2rel.logic.structure import FALSE, TRUE, Node, Structure
from k2rel.logic.units import Unit, united

Tree = tuple[Any, ...]
Flags = Any  # an array of bool
States = Mapping[str, Flags]  # what works, in each state

MONOTONE = ("and", "or", "at_least")
ALL = (*MONOTONE, "not", "xor", "ite")


def drawn(chance: random.Random, gates: tuple[str, ...], variables: int, roots: int) -> list[Tree]:
    """Functions that share some of what they are made of, and repeat some variables."""
    pool: list[Tree] = [("variable", f"v{n}") for n in range(variables)]
    fresh = list(pool)  # in no gate yet
    for _ in range(chance.randint(roots + 1, roots + variables)):
        what = chance.choice(gates)
        few = {"not": 1, "ite": 3}.get(what, chance.randint(2, 4))
        parts = []
        for _ in range(few):
            source = fresh if fresh and chance.random() < 0.7 else pool
            parts.append(chance.choice(source))
            fresh = [tree for tree in fresh if tree is not parts[-1]]
        made = (what, chance.randint(1, few) if what == "at_least" else 0, *parts)
        pool.append(made)
        fresh.append(made)
    result = [chance.choice(pool[variables:]) for _ in range(roots)]
    if chance.random() < 0.2:
        result[0] = chance.choice([("true",), ("false",), pool[0]])
    return result


def truth(tree: Tree, state: States) -> Flags:
    what, *rest = tree
    if what in ("true", "false"):
        return np.full_like(next(iter(state.values())), what == "true")
    if what == "variable":
        return state[rest[0]]
    k, *parts = rest
    there = [truth(part, state) for part in parts]
    if what == "ite":
        return np.where(*there)
    return gate(what, k, there)


def gate(what: str, k: int, there: list[Flags]) -> Flags:
    count = np.sum(there, axis=0)
    return {
        "and": count == len(there), "or": count > 0, "xor": count % 2 == 1, "not": count == 0, "at_least": count >= k,
    }[what]  # fmt: skip


def put(s: Structure, tree: Tree) -> Node:
    what, *rest = tree
    if what in ("true", "false"):
        return TRUE if what == "true" else FALSE
    if what == "variable":
        return s.variable(rest[0])
    k, *trees = rest
    parts = [put(s, one) for one in trees]
    if what == "ite":
        return s.if_then_else(*parts)
    if what == "not":
        return s.negation(parts[0])
    if what == "at_least":
        return s.at_least(k, parts)
    return {"and": s.conjunction, "or": s.disjunction, "xor": s.exclusive_or}[what](parts)


def states(names: Iterable[str]) -> States:
    """Every state: an axis for each variable, at 0 it works, at 1 it has failed."""
    names = list(names)
    return dict(zip(names, np.indices((2,) * len(names)) == 0, strict=True))


def weights(q: Mapping[str, float]) -> np.ndarray:
    """Probability of every state."""
    result = np.ones((2,) * len(q))
    for name, works in states(q).items():
        result *= np.where(works, 1 - q[name], q[name])
    return result


def table_of(outcome: Any, q: Mapping[str, float]) -> dict[Any, float]:
    """Probability of each outcome, state by state."""
    values, where = np.unique(outcome, return_inverse=True)
    sums = np.bincount(where.reshape(-1), weights(q).reshape(-1))
    return dict(zip(values.tolist(), sums.tolist(), strict=True))


def chances(chance: random.Random, variables: int) -> dict[str, float]:
    return {f"v{n}": chance.choice([0.5, 0.1, 0.02, 1e-3]) * chance.uniform(0.5, 1.0) for n in range(variables)}


# units -------------------------------------------------------------------------------------------------------------


def works(unit: Unit, state: States) -> Flags:
    """Whether a unit works, from what it says of itself."""
    return (
        state[unit.name]
        if unit.kind == "variable"
        else gate(unit.kind, unit.k, [works(part, state) for part in unit.of])
    )


@pytest.mark.parametrize("gates", [MONOTONE, ALL], ids=["monotone", "all"])
def test_functions_of_units_are_the_functions_of_their_variables(gates) -> None:
    larger = 0
    for seed in range(16):
        chance = random.Random(seed)
        trees = drawn(chance, gates, variables := chance.randint(3, 6), chance.randint(1, 3))
        s = Structure()
        roots = [put(s, tree) for tree in trees]
        written, new, units = united(s, roots)
        held = [name for unit in units.values() for name in unit.variables()]
        assert len(held) == len(set(held)), "no variable is in two units, so that units fail independently"
        assert set(held) == set(s.variables(roots))
        larger += any(len(unit.variables()) > 1 for unit in units.values())
        every = states(q := chances(chance, variables))
        of_units = {name: works(unit, every) for name, unit in units.items()}
        for place in np.ndindex(*(2,) * len(q)):
            given = written.truth(new, {name: bool(there[place]) for name, there in of_units.items()})
            assert [given[root] for root in new] == [bool(truth(tree, every)[place]) for tree in trees], seed
    assert larger >= 5, "where nothing is united nothing is tested"


def test_a_unit_fails_as_often_as_the_states_in_which_it_is_down() -> None:
    met = set()
    for seed in range(60):
        chance = random.Random(seed)
        trees = drawn(chance, ("and", "or", "at_least", "not"), variables := chance.randint(3, 8), 1)
        s = Structure()
        _, _, units = united(s, [put(s, tree) for tree in trees])
        q = chances(chance, variables)
        for unit in units.values():
            met |= kinds_in(unit)
            own = {name: q[name] for name in unit.variables()}
            down = ~works(unit, states(own))
            wanted = float(weights(own)[down].sum())
            assert unit.unavailability(q) == pytest.approx(wanted, rel=1e-13), (seed, unit)
            for name in own:  # a tiny imaginary part is the derivative
                by_it = [weights({**own, name: at})[down].sum() for at in (1, 0)]
                slope = unit.unavailability({**q, name: q[name] + 1e-60j}).imag / 1e-60
                assert slope == pytest.approx(by_it[0] - by_it[1], rel=1e-11, abs=1e-15), (seed, name)
    assert met == {"variable", "and", "or", "at_least", "not"}


def kinds_in(unit: Unit) -> set[str]:
    return {unit.kind}.union(*map(kinds_in, unit.of))


def test_a_unit_that_hardly_ever_fails_keeps_its_digits() -> None:
    """Two of three at 1e-9: 3 q² - 2 q³; four in a row at 1e-20: 4e-20; as arrays too."""
    of = tuple(Unit("variable", name=name) for name in "abcd")
    assert Unit("at_least", 2, of=of[:3]).unavailability(dict.fromkeys("abc", 1e-9)) == pytest.approx(3e-18, rel=1e-8)
    assert Unit("and", of=of).unavailability(dict.fromkeys("abcd", 1e-20)) == pytest.approx(4e-20, rel=1e-14)
    many = Unit("or", of=of).unavailability({name: np.array([0.1, 1e-3]) for name in "abcd"})
    assert many == pytest.approx([1e-4, 1e-12], rel=1e-13)


# blocks ------------------------------------------------------------------------------------------------------------


def case(seed: int) -> tuple[list[list[Tree]], dict[str, float], Structure, list[list[Node]]]:
    """Blocks of up to three functions each, over at most eight variables."""
    chance = random.Random(seed)
    variables, count = chance.randint(3, 8), chance.randint(1, 5)
    trees = drawn(chance, chance.choice([MONOTONE, ALL]), variables, 2 * count + 1)
    blocks = [[chance.choice(trees) for _ in range(chance.randint(1, 3))] for _ in range(count)]
    s = Structure()
    return blocks, chances(chance, variables), s, [[put(s, tree) for tree in block] for block in blocks]


def followed(found: BlockDiagram, state: Mapping[str, bool]) -> list[tuple[int, int, tuple[bool, ...]]]:
    """What is told on the way through a diagram in one state: after which level, of which block, which values."""
    edge, level, told = 2 * found.nodes, -1, []
    while True:
        told += [(level, block, values) for block, values in found.tells[found.told[edge]]]
        node = int(found.child[edge])
        if node >= found.nodes:
            assert node == found.nodes, "led to what was left out"
            return told
        assert found.level[node] > level
        level = int(found.level[node])
        edge = 2 * node + (0 if state[found.variables[level]] else 1)


@pytest.mark.parametrize("seed", range(8))
def test_every_block_is_told_once_with_its_values_as_soon_as_it_is_decided(seed) -> None:
    blocks, q, s, nodes = case(seed)
    found = compile_blocks(s, nodes, q, 0.0)
    assert sorted(found.variables) == sorted(s.variables([node for block in nodes for node in block]))
    every = states(found.variables)
    values = [[truth(tree, every) for tree in block] for block in blocks] if every else []
    numbers = [number_of(of_block) for of_block in values]
    for place in np.ndindex(*(2,) * len(every)) if every else ():
        told = followed(found, {name: bool(works[place]) for name, works in every.items()})
        assert sorted(block for _, block, _ in told) == list(range(len(blocks)))
        for level, block, said in told:
            assert said == tuple(bool(value[place]) for value in values[block])
            assert found.first[block] <= level <= found.last[block]
            # what is decided later changes it no more, and with what is told it with it did
            assert len(np.unique(numbers[block][place[: level + 1]])) == 1
            if level >= 0:
                assert len(np.unique(numbers[block][place[:level]])) > 1


def numbered(found: BlockDiagram, blocks: list[list[Tree]]) -> Callable[[int, tuple[bool, ...]], Rows]:
    """Each block adds digits of its own, so that the sum says what every block does."""
    start = np.cumsum([0, *(len(block) for block in blocks)])

    def steps(block: int, values: tuple[bool, ...]) -> Rows:
        number = sum(2 ** int(start[block] + place) for place, value in enumerate(values) if value)
        return Rows(np.array([[number]], dtype=np.int64), np.ones(1))

    return steps


def number_of(values: Sequence[Any]) -> Any:
    """Truths as one number."""
    return sum(2**place * np.asarray(value).astype(int) for place, value in enumerate(values))


def levels(found: BlockDiagram, q: Mapping[str, float]) -> np.ndarray:
    return np.array([q[name] for name in found.variables])


def table(rows: Rows) -> dict[int, float]:
    return dict(zip(rows.numbers[:, 0].tolist(), rows.weight.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_blocks_say_together_what_the_joint_diagram_says(seed) -> None:
    blocks, q, s, nodes = case(seed)
    flat = [tree for block in blocks for tree in block]
    found = compile_blocks(s, nodes, q, 0.0)
    everywhere = [Column(np.inf, -1, len(found.variables))]
    sums = sums_over(found, levels(found, q), numbered(found, blocks), everywhere, 0.0)
    assert sums.left_out == 0 and sums.over == 0
    wanted = table_of(number_of([truth(tree, states(q)) for tree in flat]), q)
    assert table(sums.rows) == pytest.approx(wanted, rel=1e-12)
    joint = compile_diagram(s, [node for block in nodes for node in block])
    p = joint.mode_probabilities(np.array([[q[name]] for name in joint.variables]))[:, 0]
    together: dict[int, float] = {}
    for values, share in zip(joint.outcomes, p.tolist(), strict=True):
        assert isinstance(values, tuple)
        number = int(number_of(values))
        together[number] = together.get(number, 0.0) + share
    assert table(sums.rows) == pytest.approx(together, rel=1e-12)


@pytest.mark.parametrize("below", [1e-6, 1e-3, 0.1])
def test_what_is_left_out_is_no_more_than_was_allowed(below) -> None:
    """Nothing that is left gets more than it has, and all that is missing is what is told."""
    some = 0
    for seed in range(12):
        blocks, q, s, nodes = case(seed)
        flat = [tree for block in blocks for tree in block]
        found = compile_blocks(s, nodes, q, below)
        sums = sums_over(
            found, levels(found, q), numbered(found, blocks), [Column(np.inf, -1, len(found.variables))], 0.0
        )
        assert sums.left_out <= below
        assert sums.rows.weight.sum() + sums.left_out == pytest.approx(1.0, abs=1e-14)
        wanted = table_of(number_of([truth(tree, states(q)) for tree in flat]), q)
        kept = table(sums.rows)
        assert kept.keys() <= wanted.keys()
        assert all(kept.get(number, 0.0) <= p * (1 + 1e-12) for number, p in wanted.items())
        some += sums.left_out > 0
    assert some >= 1


def test_blocks_of_one_hub_are_decided_one_after_the_other() -> None:
    """Forty groups on a switch of their own each, and one behind all: a few nodes for each, not all combinations."""
    s = Structure()
    hub = s.variable("hub")
    own = [[s.variable(f"{n}{x}") for x in "abc"] for n in range(40)]
    nodes = [[s.conjunction([hub, s.at_least(2, three)])] for three in own]
    assert block_order(s, nodes)[0] == "hub"
    q = dict.fromkeys(s.variables([node for block in nodes for node in block]), 0.1)
    found = compile_blocks(s, nodes, q, 0.0)
    assert found.nodes <= 1 + 40 * 4
    lost = sums_over(
        found, levels(found, q), lambda _, values: Rows(np.array([[int(not values[0])]]), np.ones(1)),
        [Column(np.inf, -1, len(found.variables))], 0.0,
    )  # fmt: skip
    one = 3 * 0.01 * 0.9 + 0.001
    nobody = table(lost.rows)[0]
    assert nobody == pytest.approx(0.9 * (1 - one) ** 40, rel=1e-12)


# sums --------------------------------------------------------------------------------------------------------------


def row_of_blocks(seed: int) -> tuple[list[list[Tree]], dict[str, float], Structure, list[list[Node]]]:
    """Seven blocks of a variable of their own, decided one after the other."""
    s = Structure()
    q = chances(random.Random(seed), 7)
    return [[("variable", name)] for name in q], q, s, [[s.variable(name)] for name in q]


@pytest.mark.parametrize(("make", "seed"), [(make, seed) for make in (case, row_of_blocks) for seed in range(10)])
def test_what_passes_a_limit_is_counted_once_and_the_rest_is_kept(make, seed) -> None:
    """Several numbers with limits, each of which only some blocks add to; what is told of their levels is used."""
    chance = random.Random(seed)
    blocks, q, s, nodes = make(seed)
    found = compile_blocks(s, nodes, q, 0.0)
    width = chance.randint(1, 4)
    windows = [(chance.randrange(len(blocks)), chance.randint(2, 4)) for _ in range(width)]  # of blocks that add
    # block, column: what is added where the first function of the block is false, and where it is true
    adds = [
        [
            (chance.choice([0, 1, 1, 3]), chance.choice([0, 0, 1, 2])) if first <= n < first + size else (0, 0)
            for first, size in windows
        ]
        for n in range(len(blocks))
    ]
    limits = [chance.choice([0, 1, 2, 3, 4, 5, np.inf]) for _ in range(width)]
    columns = []
    for column, limit in enumerate(limits):
        most = {n: max(adds[n][column]) for n in range(len(blocks)) if max(adds[n][column])}
        first = min((int(found.first[n]) for n in most), default=-1)
        still = tuple((int(found.last[n]), float(amount)) for n, amount in most.items())
        last = max((level for level, _ in still), default=-1)
        columns.append(Column(limit, first, last, still if limit < np.inf and chance.random() < 0.9 else ()))

    def steps(block: int, values: tuple[bool, ...]) -> Rows:
        return Rows(np.array([[both[values[0]] for both in adds[block]]], dtype=np.int64), np.ones(1))

    every = states(q)
    firsts = [truth(block[0], every) for block in blocks]
    totals = [sum(np.where(one, *adds[n][column][::-1]) for n, one in enumerate(firsts)) for column in range(width)]
    over = np.any([np.asarray(total) > limit for total, limit in zip(totals, limits, strict=True)], axis=0)
    sums = sums_over(found, levels(found, q), steps, columns, 0.0)
    wanted = table_of(over, q)
    assert sums.over == pytest.approx(wanted.get(True, 0.0), rel=1e-12)
    assert sums.rows.weight.sum() == pytest.approx(wanted.get(False, 0.0), rel=1e-12)
    # and how fast that changes with each unavailability
    for place, name in enumerate(found.variables):
        tilted = levels(found, q) + 0j
        tilted[place] += 1e-60j
        slope = np.imag(sums_over(found, tilted, steps, columns, 0.0).over) / 1e-60
        up, down = (weights({**q, name: at})[over].sum() for at in (1, 0))
        assert slope == pytest.approx(up - down, rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_diagram_comes_over_through_memory_or_a_disk(in_memory, monkeypatch) -> None:
    """Two of three, by its truth table; a system without files in memory has a disk."""
    import k2rel.logic.bdd as bdd

    if in_memory and not bdd._IN_MEMORY:
        pytest.skip("no files in memory here")
    monkeypatch.setattr(bdd, "_IN_MEMORY", in_memory)
    s = Structure()
    found = bdd.reduced_together(s, [s.at_least(2, [s.variable(name) for name in "abc"])], "abc")
    for values in itertools.product((False, True), repeat=3):
        node, given = found.roots[0], dict(zip("abc", values, strict=True))
        while node > 1:
            node = (found.high if given[found.variables[found.level[node]]] else found.low)[node]
        assert node == (sum(values) >= 2)
