"""What a short question loads, and that loops give the same bits in Python as compiled."""

import json
import subprocess
import sys

import numpy as np
import pytest

import k2rel
from k2rel.logic import passes
from k2rel.logic.diagram import compile_diagram
from k2rel.logic.function import compile_function
from k2rel.services import kernels

HEAVY = {"numba", "pandas", "scipy.stats", "scipy.sparse", "matplotlib", "networkx", "pyarrow", "IPython", "papermill"}


def loaded(*words):
    code = (
        "import sys, json; from k2rel.cli import main; code = main(sys.argv[1:]);"
        "print(json.dumps([code, *sys.modules]), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=True)
    code, *modules = json.loads(run.stderr)
    assert code == 0
    return set(modules)


@pytest.mark.parametrize(
    "words",
    [("availability", "L2R", "--method", "exact"), ("availability", "L2", "--format", "json"), ("check", "L2R")],
)
def test_a_short_question_loads_nothing_heavy(words):
    assert not loaded(*words) & HEAVY


def test_importing_k2rel_loads_nothing_heavy_at_all():
    code = "import sys, k2rel; dir(k2rel); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert not set(modules.split()) & (HEAVY | {"numpy", "k2rel.errors"})


def both(loop, *arguments):
    """What a loop gives in Python and compiled, arrays that it fills among it."""
    results = []
    for call in (loop.body, loop.compiled):
        given = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        results.append([call(*given), *given])
    return results


def same_bits(one, other):
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same_bits, one, other))
    return one == other


@pytest.mark.parametrize("level", ["L2R", "L3R", "nearline"])
def test_passes_over_diagrams_have_the_same_bits_compiled(level):
    policy = k2rel.study(level).policy
    traffic = next(iter(policy.site.traffic))
    routes = list(policy.choice(traffic).deciding)
    random = np.random.default_rng(5)
    diagram = compile_diagram(policy.structure, routes)
    q = random.uniform(0, 1e-3, (len(diagram.variables), 3))
    assert same_bits(*both(passes.modes_down, diagram.level, diagram.up, diagram.down, diagram.root, diagram.modes, q))
    f = compile_function(policy.structure, routes[0])
    arrays = (f.leaf, f.high, f.low, f.bounds, f.roots)
    p = random.uniform(0, 1, (len(f.variables) + f.modules, 3))
    value = np.zeros((f.nodes, 3))
    assert same_bits(*both(passes.values_up, *arrays, p, value, 1.0))
    passes.values_up(*arrays, p, value, 1.0)
    assert same_bits(*both(passes.derivatives_down, *arrays, p, value, np.zeros_like(value), np.zeros_like(p), 1.0))


@pytest.mark.parametrize("seed", range(20))
def test_sums_of_counts_have_the_same_bits_compiled(seed):
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 7, (4, 3))
    p = random.choice([0.0, 1.0, 1e-9, 0.3], (3, 2)) * random.uniform(0.5, 1, (3, 2))
    assert same_bits(*both(kernels._between, kinds, p, 1, 18))
    assert same_bits(*both(kernels._between, kinds, p, 2, 5))
    codes, weights = random.integers(0, 4, 6), random.uniform(0, 0.3, (6, 2))
    for values in (weights, weights * np.exp(1j * random.uniform(0, 1e-3, weights.shape))):
        sizes, starts = np.array([5, 9]), np.array([0, 3, 6])
        assert same_bits(*both(kernels._joint_counts, sizes, starts, codes, values, 1e-30, 10**6))
