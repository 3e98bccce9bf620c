"""Memory: what is said to be needed is about what is used, and too much is refused before any of it is taken."""

import sys
import tracemalloc
from functools import partial
from pathlib import Path

import pytest
from measured import Row, Section, measure

from k2rel.errors import InputError, ModelTooLargeError
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
