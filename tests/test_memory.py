"""Memory: what is said to be needed is about what is used, and too much is refused before any of it is taken."""

import subprocess
import sys
import tracemalloc
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import pytest
from measured import Row, Section, measure

from k2rel.ctmc.explore import Event, explore
from k2rel.ctmc.files import read_chain
from k2rel.ctmc.steady import steady
from k2rel.ctmc.transient import over_time
from k2rel.errors import InputError, ModelTooLargeError, NoConvergenceError
from k2rel.faulttrees import read_fault_trees
from k2rel.faulttrees.solve import solve
from k2rel.logic.bdd import NODE_BYTES, reduced_together
from k2rel.logic.bounds import probability_bounds
from k2rel.logic.cutsets import minimal_cut_sets
from k2rel.logic.diagram import joint_diagram
from k2rel.logic.function import compile_function
from k2rel.logic.structure import Structure
from k2rel.markov import states
from k2rel.markov.engine import solved
from k2rel.measures.draws import chain_for_draws
from k2rel.measures.over_time import over_time as service_over_time
from k2rel.measures.paired import paired_draws
from k2rel.measures.solution import solution_of
from k2rel.measures.uncertainty import sample_bytes, uncertainty
from k2rel.measures.window_draws import windows_at_draws
from k2rel.memory import VARIABLE, allowed_bytes, check_each
from k2rel.organisation import Organisation
from k2rel.services.diagrams import services_of
from k2rel.services.sums import sums_of
from k2rel.simulation import Plan, simulate
from k2rel.simulation.circumstances import USUAL
from k2rel.simulation.model import SiteModel
from k2rel.simulation.outcomes import _MOVE_BYTES, _ROW_BYTES
from k2rel.simulation.prepared import Prepared
from k2rel.studies import study
from k2rel.sweep.run import run_sweep
from k2rel.sweep.spec import read_sweep
from k2rel.uncertain import points

TREE = Path(__file__).parents[1] / "data" / "examples" / "two_trains.xml"


def peak(call):
    """Bytes that a call holds at most, beyond what was there."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("samples", [60_000, 150_000])
def test_samples_take_about_what_is_said(samples):
    found = uncertainty("L2R", ["media"], samples=8, method="exact", frequency=False)
    said = samples * sample_bytes(len(found.inputs), 1)
    used = peak(lambda: uncertainty("L2R", ["media"], samples=samples, method="exact", frequency=False))
    assert 0.5 * said < used < 1.5 * said


@pytest.mark.parametrize("samples", [100_000, 400_000])
def test_samples_of_a_tree_take_about_what_is_said(samples, monkeypatch):
    trees = read_fault_trees(TREE)
    solve(trees, samples=100)
    used = peak(lambda: solve(trees, samples=samples))
    monkeypatch.setenv(VARIABLE, f"{used / 2}")
    with pytest.raises(ModelTooLargeError):
        solve(trees, samples=samples)
    monkeypatch.setenv(VARIABLE, f"{used * 2}")
    solve(trees, samples=samples)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: uncertainty("L2R", samples=5_000_000),
        lambda: uncertainty("L2R", samples=5_000_000, method="exact"),
        lambda: paired_draws({"one": "L1", "other": "L2"}, samples=5_000_000, method="exact"),
        lambda: solve(read_fault_trees(TREE), samples=5_000_000),
        lambda: points("sobol", 5_000_000, 40, 1),
    ],
)
def test_too_many_samples_are_refused_before_any_is_drawn(ask, monkeypatch):
    monkeypatch.setenv(VARIABLE, "50 MB")

    def refused():
        with pytest.raises(
            ModelTooLargeError, match=r"5,000,000 .* would take about .* and 50 MB may be used: use at most"
        ):
            ask()

    assert peak(refused) < 50e6


def test_what_fits_is_what_is_said_to_fit(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1 GB")
    check_each(1_000_000, 1000.0, "samples")
    with pytest.raises(ModelTooLargeError) as told:
        check_each(1_000_001, 1000.0, "samples")
    assert "at most 1,000,000, or allow more, such as K2REL_MEMORY='2 GB'" in str(told.value)


@pytest.mark.parametrize("text", ["much", "-1 GB", "0", "3 parsecs", "1e9"])
def test_an_amount_that_is_none_is_refused(text, monkeypatch):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(InputError, match="an amount of memory such as '16 GB' is needed"):
        allowed_bytes()


def test_the_command_line_says_it_in_one_sentence(k2, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1 MB")
    told = k2("uncertainty", "L2R", "--samples", "1000000", "--method", "exact")
    assert told.code == 2
    assert told.err.startswith("k2rel: 1,000,000 samples of ") and told.err.count("\n") == 1


def test_a_chain_that_does_not_fit_is_refused_before_it_is_put_together(monkeypatch):
    monkeypatch.setenv(VARIABLE, "3 MB")
    monkeypatch.setattr(states, "steady", None)  # nothing is solved
    with pytest.raises(
        ModelTooLargeError,
        match=r"more than 2,000 states are needed for an error below \S+, and these take 3 MB of memory",
    ):
        solved(study("L2R", clients=5), Organisation(crews=1, tolerance=1e-11))


def grid(side):
    """Two counts that rise and fall."""

    def step(axis, by):
        return Event(f"{axis}{by:+}", lambda s: 1.0 * (s[axis] + by >= 0) * (s[axis] + by < side), {axis: by})

    moves = [step(axis, by) for axis in "xy" for by in (1, -1)]
    return explore({"x": (0, side - 1), "y": (0, side - 1)}, moves)


def test_a_chain_of_rules_is_refused_while_it_is_explored(monkeypatch) -> None:
    states_of = grid(200).chain.states
    assert states_of == 40_000  # with 4 transitions each: 18 MB
    monkeypatch.setenv(VARIABLE, "20 MB")
    grid(200)
    monkeypatch.setenv(VARIABLE, "4 MB")
    refusal = (
        r"[\d,]+ states with [\d,]+ transitions explored so far would take about 4\S* MB of memory, and 4 MB may be "
        r"used: use at most [\d,]+, or allow more, such as K2REL_MEMORY='\S+ MB'"
    )

    def refused():
        with pytest.raises(ModelTooLargeError, match=refusal):
            grid(4_000)

    assert peak(refused) < 75e6  # 64 MB of it are room for numbers of 16 million combinations, hardly touched


def test_a_chain_in_a_file_is_refused_by_its_first_line(tmp_path, monkeypatch) -> None:
    path = tmp_path / "long.tra"
    path.write_text("# a comment\n9465876 46235680\n" + "0 1 0.5\n" * 1_000_000)

    def refused():
        with pytest.raises(
            ModelTooLargeError,
            match=r"9,465,876 states with 46,235,680 transitions in long.tra would take about 6\S* GB .* at most",
        ):
            read_chain(path)

    monkeypatch.setenv(VARIABLE, "1 GB")
    assert peak(refused) < 1e6


def test_a_chain_that_is_there_is_refused_before_it_is_solved(monkeypatch) -> None:
    chain = grid(60).chain
    monkeypatch.setenv(VARIABLE, "1 MB")
    with pytest.raises(ModelTooLargeError, match=r"3,600 states with 14,160 transitions would take about 1.64 MB"):
        steady(chain)
    with pytest.raises(
        ModelTooLargeError, match=r"100 times, of 3,600 states each, would take about 5.76 MB of memory"
    ):
        over_time(chain, range(100))


@pytest.mark.slow
def test_a_large_chain_takes_no_more_than_what_is_said(monkeypatch) -> None:
    """By sweeps and by corrections."""
    small, large = grid(40).chain, grid(700).chain
    said = 360 * large.states + 24 * large.transitions

    def solve():
        with suppress(NoConvergenceError):
            steady(large, 1e-6, 120)

    for patience in (1e9, -1e9):
        monkeypatch.setattr("k2rel.ctmc.sweeps._PATIENCE", patience)
        steady(small, 1e-8)
        assert 0.15 * said < peak(solve) < said


def chain(clients, tolerance):
    """Solve a level's chain and ask for its services."""
    solved(study("L3R", clients=2), Organisation(crews=1, tolerance=1e-4))
    return lambda _: None if tolerance is None else asked(clients, tolerance)


def asked(clients, tolerance):
    dynamics = solved(study("L3R", clients=clients), Organisation(crews=1, tolerance=tolerance))
    for service in services_of(dynamics.policy):
        dynamics.unavailability(service)
        dynamics.failure_frequency(service)
    return {"states": dynamics.states.chain.states}


CHAINS = {"none": (4, None), "smaller": (4, 1e-9), "larger": (4, 1e-10)}
SECTIONS = [
    Section("chains", "", "", [Row(name, partial(chain, *of), times=1, warm=False) for name, of in CHAINS.items()])
]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the largest memory of a process of its own is told by Linux")
def test_a_chain_takes_about_what_is_said(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    none, *found = [measure(__name__, row, 1) for row in SECTIONS[0].rows]
    for one in found:
        said = one.facts["states"] * states._STATE_BYTES / 1e6
        assert 0.5 * said < one.memory_mb - none.memory_mb < 2.0 * said


def tangled(events, sets, seed=1):
    """Random cut sets of three events: a function without modules, whose diagram is large."""
    s, rnd = Structure(), Random(seed)
    names = [s.variable(f"e{n}") for n in range(events)]
    return s, s.disjunction([s.conjunction(rnd.sample(names, 3)) for _ in range(sets)])


HELD = r"the most that fits in the \S+ .B of memory that may be used \(the bound of [\d,]+ takes about \S+ .B: K2REL_MEMORY='"


def test_a_diagram_holds_no_more_nodes_than_memory_holds(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "2 MB")
    with pytest.raises(ModelTooLargeError, match=r"passes 10,000 nodes, " + HELD + r"3.2 GB' allows it\)"):
        compile_function(*tangled(60, 60))


@pytest.mark.parametrize("memory", ["1 kB", "100 kB"])
def test_hardly_any_memory_is_told_as_such(memory, monkeypatch) -> None:
    function = tangled(60, 60)
    monkeypatch.setenv(VARIABLE, memory)
    with pytest.raises(ModelTooLargeError, match=HELD):
        compile_function(*function)


def test_bounds_hold_in_little_memory(monkeypatch) -> None:
    structure, root = tangled(40, 30)
    names = structure.variables([root])
    exact = float(compile_function(structure, root).probability([0.01] * len(names)))
    monkeypatch.setenv(VARIABLE, "1 MB")
    found = probability_bounds(structure, root, dict.fromkeys(names, 0.01), seconds=0.5)
    assert found.low <= exact <= found.high


def test_minimal_sets_hold_no_more_than_memory_holds(monkeypatch) -> None:
    diagram = compile_function(*tangled(40, 40))
    sets = minimal_cut_sets(diagram)
    p = [0.01] * len(diagram.variables)
    monkeypatch.setenv(VARIABLE, "100 kB")
    with pytest.raises(ModelTooLargeError, match=r"do not fit in 657 nodes, " + HELD):
        minimal_cut_sets(diagram)
    with pytest.raises(ModelTooLargeError, match=r"nodes of minimal sets, to be searched, would take about"):
        next(sets.most_probable(p))
    with pytest.raises(ModelTooLargeError, match=r"orders of cut sets \(0 to 90\), of [\d,]+ nodes each, would take"):
        minimal_cut_sets(diagram, order=90)


def test_a_list_of_sets_is_refused_before_the_first(monkeypatch) -> None:
    s = Structure()
    pairs = [s.disjunction([s.variable(f"a{n}"), s.variable(f"b{n}")]) for n in range(20)]
    diagram = compile_function(s, s.conjunction(pairs))
    sets = minimal_cut_sets(diagram)
    assert sets.count == 2**20
    monkeypatch.setenv(VARIABLE, "10 MB")
    assert len(sets.listed([0.1] * 40, most=100).sets) == 100
    with pytest.raises(ModelTooLargeError, match=r"50,000 sets in a list would take about 80 MB .* at most 6,250"):
        sets.listed([0.1] * 40, most=50_000)


def together(variables=12, functions=8):
    s, rnd = Structure(), Random(2)
    names = [s.variable(f"v{n}") for n in range(variables)]
    roots = [s.disjunction([s.conjunction(rnd.sample(names, 3)) for _ in range(4)]) for _ in range(functions)]
    return s, roots, [f"v{n}" for n in range(variables)]


def test_diagrams_of_a_site_hold_no_more_than_memory_holds(monkeypatch) -> None:
    asked = together()
    found = reduced_together(*asked)
    diagram = joint_diagram(found, tuple(found.roots))
    monkeypatch.setenv(VARIABLE, "10 kB")
    with pytest.raises(ModelTooLargeError, match=r"12 parts pass together 28 nodes, " + HELD + r"2.8 GB' allows it\)"):
        reduced_together(*asked)
    with pytest.raises(ModelTooLargeError, match=r"19 different conditions of its shared parts, " + HELD):
        joint_diagram(found, tuple(found.roots))
    with pytest.raises(ModelTooLargeError, match=r"more than 41 pairs of modes, " + HELD):
        diagram.transitions([0.01] * 12, [0.001] * 12)


def test_conditions_of_a_simulation_hold_no_more_than_memory_holds(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "30 kB")
    with pytest.raises(
        ModelTooLargeError, match=r"histories have more than \d+ different conditions of the rules, " + HELD
    ):
        simulate(study("L3R", clients=3), plan=Plan(histories=500, seed=1))


SWEEP = """name: many
levels: [L1]
clients: {first: 1, last: 1000}
set:
  psu.mttr: [1 h, 2 h, 3 h, 4 h, 5 h]
"""


def test_points_of_a_sweep_are_refused_before_the_first(tmp_path, monkeypatch) -> None:
    path = tmp_path / "many.yaml"
    path.write_text(SWEEP)
    spec = read_sweep(path)
    assert len(spec.points) == 5_000
    monkeypatch.setenv(VARIABLE, "10 MB")
    said = r"5,000 points of a sweep with 1 settings and 0 targets would take about 13.8 MB .* at most 3,636"
    with pytest.raises(ModelTooLargeError, match=said):
        read_sweep(path)
    with pytest.raises(ModelTooLargeError, match=said):
        run_sweep(spec, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_times_and_sums_are_refused_before_the_first(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "1 MB")
    with pytest.raises(
        ModelTooLargeError, match=r"5,000 times would take about 2.32 MB of memory, and 1 MB may be used"
    ):
        service_over_time("L2R", "media", range(5_000), method="exact")
    loads = np.eye(4) * [50.0, 25.0, 10.0, 5.0]
    with pytest.raises(ModelTooLargeError, match=r"pairs of sums of what clients do, at once, would take about \S+ MB"):
        sums_of(loads, [(40, np.full((4, 1), 0.25))], 0.0)


def test_draws_of_a_window_are_refused_before_the_first(monkeypatch) -> None:
    drawn = chain_for_draws(solution_of("L1", "markov").chain.dynamics)
    factors = {f"i{n}": np.ones(2) for n in range(10)}
    assert drawn.rows > 2
    monkeypatch.setenv(VARIABLE, "1 MB")
    with pytest.raises(ModelTooLargeError, match=r"100,000 draws of a window, with 2 downtimes each, would take about"):
        windows_at_draws(solution_of("L1", "markov"), "media", 730.0, [0.0, 1.0], factors, 100_000)


@pytest.mark.slow
def test_samples_with_frequencies_take_about_what_is_said() -> None:
    for method in ("exact", "markov"):
        found = uncertainty("L2R", ["media"], samples=8, method=method)
        said = 40_000 * sample_bytes(len(found.inputs), 1)
        used = peak(lambda method=method: uncertainty("L2R", ["media"], samples=40_000, method=method))
        assert 0.5 * said < used < 1.2 * said


@pytest.mark.slow
@pytest.mark.parametrize(("variables", "functions"), [(15, 12), (14, 60)])
def test_conditions_and_pairs_take_no_more_than_what_is_said(variables, functions, monkeypatch) -> None:
    """What is used is allowed at once; a third of it is refused."""
    found = reduced_together(*together(variables, functions))
    used = peak(lambda: joint_diagram(found, tuple(found.roots)))
    monkeypatch.setenv(VARIABLE, f"{1.3 * used / 1e6} MB")
    joint_diagram(found, tuple(found.roots))
    monkeypatch.setenv(VARIABLE, f"{used / 3e6} MB")
    with pytest.raises(ModelTooLargeError):
        joint_diagram(found, tuple(found.roots))


@pytest.mark.slow
def test_rows_of_a_simulation_take_no_more_than_what_is_said(monkeypatch) -> None:
    site = SiteModel(study("L3R", clients=8), Organisation(), USUAL)
    outcomes = Prepared(site).outcomes
    rng = np.random.default_rng(1)
    failed = rng.random((12_000, len(site.shared))) < 0.15
    words = np.packbits(np.pad(failed, ((0, 0), (0, -failed.shape[1] % 64))), axis=1, bitorder="little").view(np.uint64)
    control = rng.integers(0, site.takeover.controls, len(failed)).astype(np.uint64)
    used = peak(lambda: outcomes.learn(np.column_stack([words, control])))
    rows = len(outcomes._pair_rows) + len(outcomes._mode_rows)
    said = rows * (_ROW_BYTES + _MOVE_BYTES * site.arrays.moves)
    assert rows > 5_000
    assert 0.4 * said < used < 1.6 * said


def large_diagram(events, sets):
    """Compile a function whose diagram has many nodes."""
    compile_function(*tangled(20, 20))

    def asked(_):
        return {"nodes": compile_function(*tangled(events, sets)).nodes}

    return asked


DIAGRAMS = {"few nodes": (20, 20), "many nodes": (60, 60), "more nodes": (64, 62)}
SECTIONS.append(
    Section(
        "diagrams", "", "", [Row(n, partial(large_diagram, *of), times=1, warm=False) for n, of in DIAGRAMS.items()]
    )
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the largest memory of a process of its own is told by Linux")
def test_a_diagram_takes_no_more_than_the_nodes_that_were_made(monkeypatch) -> None:
    """Orders that are tried first have room for 500,000 nodes each."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    none, *found = [measure(__name__, row, 1) for row in SECTIONS[1].rows]
    for one in found:
        assert one.memory_mb - none.memory_mb > 100.0 * one.facts["nodes"] / 1e6
        assert one.memory_mb - none.memory_mb < NODE_BYTES * (one.facts["nodes"] + 20 * 500_000) / 1e6


LITTLE = """
import resource, sys
from k2rel.cli import main
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("most", [700_000_000, 1_500_000_000, 1_900_000_000, 2_500_000_000])
@pytest.mark.parametrize("words", ["availability L2R", "uncertainty L1 --samples 20", "simulate L1 --histories 100"])
def test_little_room_for_addresses_is_a_sentence_and_ends_no_process(words, most) -> None:
    """As `ulimit -v` leaves it: the library of the diagrams would end the process, and libraries are not loaded."""
    done = subprocess.run(
        [sys.executable, "-c", LITTLE, str(most), *words.split()], capture_output=True, text=True, timeout=100
    )
    assert done.returncode in (0, 2), done.stderr[-1000:]
    assert "panicked" not in done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert "addresses" in done.stderr or "not enough memory" in done.stderr
