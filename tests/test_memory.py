"""Memory: what is said to be needed is about what is used, and too much is refused before any of it is taken."""

import sys
import tracemalloc
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from measured import Row, Section, measure

from k2rel.ctmc.explore import Event, explore
from k2rel.ctmc.files import read_chain
from k2rel.ctmc.steady import steady
from k2rel.ctmc.transient import over_time
from k2rel.errors import InputError, ModelTooLargeError, NoConvergenceError
from k2rel.faulttrees import read_fault_trees
from k2rel.faulttrees.solve import solve
from k2rel.markov import states
from k2rel.markov.engine import solved
from k2rel.measures.paired import paired_draws
from k2rel.measures.uncertainty import sample_bytes, uncertainty
from k2rel.memory import VARIABLE, allowed_bytes, check_each
from k2rel.organisation import Organisation
from k2rel.services.diagrams import services_of
from k2rel.studies import study
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
            ModelTooLargeError, match=r"5,000,000 .* would take about .* and 50 MB may be used: ask for at most"
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
        r"[\d,]+ states with [\d,]+ transitions as far as explored would take about 4\S* MB of memory, and 4 MB may be "
        r"used: ask for at most [\d,]+, or allow more, such as K2REL_MEMORY='\S+ MB'"
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
