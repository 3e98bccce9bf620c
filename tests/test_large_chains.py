"""Large chains: corrections over coarser chains where sweeps are slow, the bounds that they prove, the memory they take.

Expected are products of closed forms, elimination, and mean times from a solver of linear equations. Chains are small
here and told to be large.
"""

import numpy as np
import pytest
from cluster import FACT, cluster, quality
from scipy.sparse import csr_array

from k2rel.ctmc import elimination, sweeps
from k2rel.ctmc.bounds import Bounds
from k2rel.ctmc.chain import Chain
from k2rel.ctmc.corrections import Corrections
from k2rel.ctmc.steady import steady


@pytest.fixture(autouse=True)
def as_large(monkeypatch):
    """Each chain is large, and its sweeps are slow."""
    monkeypatch.setattr(sweeps, "_LARGE", 500)
    monkeypatch.setattr(sweeps, "_LOOKED", 29)
    monkeypatch.setattr(sweeps, "_PATIENCE", -np.inf)
    monkeypatch.setattr("k2rel.ctmc.steady._ELIMINATED", 10)
    monkeypatch.setattr(elimination, "_MOST_ORDERED", 10)


def walks(rng, sizes, spread):
    """Independent birth-death chains together, and their probabilities: products of ratios of rates."""
    states = np.arange(np.prod(sizes)).reshape(sizes)
    moves, probability = [], np.ones(sizes)
    for axis, size in enumerate(sizes):
        up, down = 10.0 ** rng.uniform(-spread, spread, (2, size - 1))
        low, high = (np.moveaxis(states, axis, 0)[part].reshape(size - 1, -1) for part in (np.s_[:-1], np.s_[1:]))
        for before, after, rate in ((low, high, up), (high, low, down)):
            moves.append((before.ravel(), after.ravel(), np.repeat(rate, low.shape[1])))
        alone = np.cumprod(np.concatenate([[1.0], up / down]))
        probability *= (alone / alone.sum()).reshape([-1 if at == axis else 1 for at in range(len(sizes))])
    before, after, rate = (np.concatenate(parts) for parts in zip(*moves, strict=True))
    return Chain.of(states.size, before, after, rate), probability.ravel()


def jumps(rng, size, spread):
    """A ring one way round, and jumps across; nothing is in balance with its way back."""
    at = np.arange(size)
    before, after = (
        np.concatenate([at, np.repeat(at, 3)]),
        np.concatenate([(at + 1) % size, rng.integers(size, size=3 * size)]),
    )
    other = before != after
    return Chain.of(size, before[other], after[other], 10.0 ** rng.uniform(-spread, spread, int(other.sum())))


def eliminated(chain):
    """Elimination in an order of minimum degree, however long it takes."""
    return elimination._sparse(chain, elimination._minimum_degree(elimination._both_ways(chain.rates)), np.inf)


@pytest.mark.parametrize("seed", range(4))
def test_walks_have_the_products_of_their_probabilities(seed) -> None:
    chain, expected = walks(np.random.default_rng(seed), (13, 11, 9), 1.0)
    found = steady(chain, 1e-10)
    assert "cycles over coarser chains" in found.method
    assert np.abs(found.probability - expected).sum() <= found.error <= 1e-10


@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_in_balance_with_its_way_back_has_the_probabilities_of_elimination(seed) -> None:
    chain = jumps(np.random.default_rng(seed), 1500, 1.0)
    found = sweeps.Sweeps(chain, 1e-10, 20_000).begin()
    assert found.confirmed and found.cycles > 0
    assert np.abs(found.probability - eliminated(chain)).sum() <= found.error <= 1e-10


def test_the_cluster_by_corrections_has_the_published_value() -> None:
    space = cluster(16)
    found = sweeps.Sweeps(space.chain, 1e-12, 20_000)._corrected(np.full(space.chain.states, 1 / space.chain.states))
    assert found.confirmed and found.cycles > 0
    assert float(found.probability[~quality(space, 16)].sum()) == pytest.approx(FACT[16][2], rel=1e-10, abs=0)
    assert found.error <= 1e-11


@pytest.mark.parametrize("spread", [0.3, 0.5])
def test_times_that_are_proved_are_never_below_the_mean_times(spread) -> None:
    """Both ways to them; expected are the solutions of (leave - rates) h = 1 outside the likeliest state."""
    chain, _ = walks(np.random.default_rng(5), (12, 10, 8), spread)
    bounds = Bounds(chain.rates, chain.incoming, chain.exit_rates_per_h)
    corrections = Corrections(chain.rates, chain.incoming, chain.exit_rates_per_h, np.full(960, 1 / 960))
    corrections.begin()
    assert corrections.refine(lambda _, moved: moved <= 1e-6)
    timed = corrections.times()
    assert timed is not None
    anchor, value = timed
    others = np.arange(960) != anchor
    matrix = np.diag(chain.exit_rates_per_h) - chain.rates.toarray()
    times = np.linalg.solve(matrix[others][:, others], np.ones(959))
    for longest in (bounds.certain(anchor, value), bounds.times(corrections.x, 0.0, 2_000)):
        assert longest is not None
        assert (longest[others] >= times).all()
        assert longest[others] @ corrections.x[others] <= 4.0 * times @ corrections.x[others]


def test_values_that_are_no_bound_are_not_taken_for_one() -> None:
    chain, expected = walks(np.random.default_rng(5), (12, 10, 8), 0.5)
    bounds = Bounds(chain.rates, chain.incoming, chain.exit_rates_per_h)
    anchor = int(np.argmax(expected))
    longest = bounds.times(expected, 0.0, 2_000)
    assert longest is not None and bounds.certain(anchor, longest) is not None
    for wrong in (0.02 * longest, np.where(expected <= np.median(expected), 0.0, longest), -longest, longest * np.nan):
        wrong[anchor] = 0.0
        assert bounds.certain(anchor, wrong) is None


@pytest.mark.parametrize("sizes", [(30, 40), (1500,)])
def test_what_corrections_do_not_prove_is_solved_as_before(sizes, monkeypatch) -> None:
    """Rates over six decades, and one long line: groups that are nearly separate."""
    chain, expected = walks(np.random.default_rng(0), sizes, 3.0 if len(sizes) > 1 else 0.2)
    assert not sweeps.Sweeps(chain, 1e-10, 20_000).begin().confirmed
    monkeypatch.setattr(elimination, "_MOST_ORDERED", 60_000)
    assert steady(chain, 1e-10).probability == pytest.approx(expected, rel=1e-9, abs=0)


def test_chains_without_coarser_ones_are_not_corrected() -> None:
    """From every state to every other at the same rate: one group from the start."""
    n = 600
    full = csr_array(np.ones((n, n)) - np.eye(n))
    found = steady(Chain(full), 1e-10)
    assert found.probability == pytest.approx(1 / n, rel=1e-9)
