"""RAID groups against published simulations, chains and the MTTDL formula; sampled structures against enumeration."""

import contextlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import k2rel
from k2rel.distributions import Distribution, parse_distribution
from k2rel.errors import InputError
from k2rel.logic.structure import Structure
from k2rel.simulation.raid_group import RaidGroup, data_loss, mttdl_losses
from k2rel.simulation.static_sampling import quick_look, sampled

TEN_YEARS = 87_600.0
LIFE = Distribution.weibull(1.12, 461_386)
REBUILD = Distribution.weibull(2, 12, 6)
LATENT = Distribution.exponential(9259)


def scrub(hours):
    return Distribution.weibull(3, hours, 6)


# the study of Elerath and Pecht (case V13): losses of 1,000 groups of eight drives in ten years ----------------------


@pytest.mark.parametrize(
    ("group", "published", "error"),
    [
        (RaidGroup(8, 1, LIFE, REBUILD, LATENT), 1220, 8),
        (RaidGroup(8, 1, LIFE, REBUILD, LATENT, scrub(168)), 133.1, 2.6),
        (RaidGroup(8, 1, LIFE, REBUILD), 0.25, 0.035),
    ],
    ids=["no scrubbing", "scrubbed weekly", "no latent errors"],
)
def test_losses_of_ageing_groups_are_those_of_the_published_case(group, published, error) -> None:
    found = data_loss(group, TEN_YEARS, histories=200_000, seed=1).losses.times(1000)
    assert abs(found.value - published) < 3 * math.hypot(error, found.standard_error)


def test_the_formula_misses_latent_errors_by_hundreds_of_times() -> None:
    group = RaidGroup(8, 1, LIFE, REBUILD, LATENT, scrub(168))
    found = data_loss(group, TEN_YEARS, histories=20_000, seed=1)
    assert found.losses.value / mttdl_losses(group, TEN_YEARS) > 100
    assert found.by_latent > 0.99


# constant rates: the chain is exact ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("drives", "parities"), [(2, 1), (5, 1), (6, 2), (3, 2)])
def test_with_constant_rates_the_losses_are_those_of_the_chain(drives, parities) -> None:
    life, rebuild = 2000.0, 40.0
    group = RaidGroup(drives, parities, Distribution.exponential(life), Distribution.exponential(rebuild))
    mission = 2000.0
    found = data_loss(group, mission, histories=100_000, seed=3).p_loss
    assert abs(found.value - first_loss(drives, parities, life, rebuild, mission)) < 4.5 * found.standard_error


def first_loss(drives, parities, life, rebuild, mission):
    """Probability of a loss by the matrix exponential of the chain of missing drives, each rebuilt by itself."""
    from scipy.linalg import expm

    generator = np.zeros((parities + 2, parities + 2))
    for missing in range(parities + 1):
        generator[missing, missing + 1] = (drives - missing) / life
        if missing:
            generator[missing, missing - 1] = missing / rebuild
        generator[missing, missing] = -generator[missing].sum()
    return expm(generator * mission)[0, -1]


def test_formulas_and_chains_are_those_published() -> None:
    """Cases V12 and V14: Elerath's comparison, and RAID 1, 5 and 6 with a mean time of 10^6 h and 24 h."""
    assert k2rel.mttdl_table(8, 461_386, 12).loc["RAID 5 of 8"].tolist() == pytest.approx(
        [36162.25, 36176.36], rel=1e-6
    )
    table = k2rel.mttdl_table(8, 1e6, 24) * 8760
    assert table.loc["RAID 6 of 8"].tolist() == pytest.approx([1.033399e13, 1.03367233e13], rel=1e-6)
    assert table.loc["RAID 5 of 8", "chain_years"] == pytest.approx(7.44315476e8, rel=1e-8)
    assert table.loc["RAID 1", "chain_years"] == pytest.approx(2.08348333e10, rel=1e-8)


def test_a_spare_that_comes_late_costs_what_a_longer_rebuild_costs() -> None:
    """Never a spare at hand, and one within 72 h: the same as rebuilds that take 72 h longer."""
    waits = RaidGroup(
        4, 1, Distribution.exponential(3000), Distribution.fixed(10), spares=0, refill=Distribution.fixed(72)
    )
    longer = RaidGroup(4, 1, Distribution.exponential(3000), Distribution.fixed(82))
    plenty = RaidGroup(
        4, 1, Distribution.exponential(3000), Distribution.fixed(10), spares=40, refill=Distribution.fixed(72)
    )
    none = RaidGroup(4, 1, Distribution.exponential(3000), Distribution.fixed(10))
    found = [data_loss(group, 8760.0, histories=50_000, seed=2).losses for group in (waits, longer, plenty, none)]
    assert found[0] == found[1]
    assert found[2] == found[3]
    few = RaidGroup(
        4, 1, Distribution.exponential(3000), Distribution.fixed(10), spares=1, refill=Distribution.fixed(500)
    )
    between = data_loss(few, 8760.0, histories=50_000, seed=2).losses.value
    assert found[3].value < between < data_loss(
        RaidGroup(4, 1, Distribution.exponential(3000), Distribution.fixed(510)), 8760.0, histories=50_000, seed=2
    ).losses.value  # fmt: skip


def test_mirrors_and_two_parities_lose_less_and_the_loss_per_terabyte_is_comparable() -> None:
    drive = {"life": LIFE, "rebuild": REBUILD, "latent": LATENT, "scrub": scrub(168)}
    one, two, mirror = (data_loss(RaidGroup(n, p, **drive), TEN_YEARS, histories=50_000, seed=5)
                        for n, p in ((8, 1), (8, 2), (2, 1)))  # fmt: skip
    assert two.losses.value < 0.05 * one.losses.value
    assert mirror.losses.value < one.losses.value
    # nearly every loss is one unread sector; the few others cost two drives of seven usable ones
    whole = (1 - one.by_latent) * 2 / 7 + one.by_latent * 4.096e-9 / (7 * 2.0)
    assert one.nomdl(2.0).value == pytest.approx(one.losses.value * whole)
    assert one.nomdl(2.0, unread_tb=2.0).value > 100 * one.nomdl(2.0).value


def test_losses_over_the_years_grow_and_end_at_the_total() -> None:
    found = data_loss(RaidGroup(8, 1, LIFE, REBUILD, LATENT), 50_000.0, histories=5000, seed=5)
    assert (np.diff(found.over_time[:, 1]) > 0).all()
    assert found.over_time[-1].tolist() == [50_000.0, pytest.approx(found.losses.value)]


def test_the_same_seed_gives_the_same_groups_whatever_the_workers() -> None:
    group = RaidGroup(8, 1, LIFE, REBUILD, LATENT, scrub(168))
    one, other = (data_loss(group, TEN_YEARS, histories=20_000, seed=9, workers=n) for n in (1, 3))
    assert one.losses == other.losses


@pytest.mark.parametrize(
    "values",
    [
        {"drives": 1}, {"parities": 0}, {"parities": 8}, {"spares": -1}, {"spares": 1}, {"scrub": REBUILD},
    ],
)  # fmt: skip
def test_groups_that_cannot_be_are_refused(values) -> None:
    with pytest.raises(InputError):
        RaidGroup(**{"drives": 8, "parities": 1, "life": LIFE, "rebuild": REBUILD, **values})


@pytest.mark.parametrize("values", [{"mission_h": 0}, {"mission_h": math.inf}, {"histories": 1}, {"seed": -1}])
def test_missions_that_cannot_be_are_refused(values) -> None:
    with pytest.raises(InputError):
        data_loss(RaidGroup(8, 1, LIFE, REBUILD), **{"histories": 100, **values})


# sampling ----------------------------------------------------------------------------------------------------------


def functions(structure, names):
    """Functions of every kind of gate."""
    leaves = st.sampled_from(names).map(structure.variable)

    def wider(children):
        lists = st.lists(children, min_size=2, max_size=5)
        return st.one_of(
            lists.map(structure.conjunction),
            lists.map(structure.disjunction),
            lists.map(structure.exclusive_or),
            children.map(structure.negation),
            st.tuples(st.integers(1, 5), lists).map(lambda pair: structure.at_least(*pair)),
            st.tuples(children, children, children).map(lambda three: structure.if_then_else(*three)),
        )

    return st.recursive(leaves, wider, max_leaves=12)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_sampled_structures_agree_with_all_their_states_written_out(data) -> None:
    structure, names = Structure(), list("abcdef")
    root = data.draw(functions(structure, names))
    q = {name: data.draw(st.sampled_from([0.0, 0.02, 0.3, 0.9, 1.0])) for name in names}
    exact = 0.0
    for states in itertools.product([True, False], repeat=len(names)):
        state = dict(zip(names, states, strict=True))
        p = math.prod(1 - q[n] if works else q[n] for n, works in state.items())
        if p and not structure.value(root, state):
            exact += p
    (found,) = sampled(structure, [root], q, 200_003, seed=11)
    assert abs(found.value - exact) <= 5 * math.sqrt(max(exact * (1 - exact), 0.0) / 200_003) + 1e-12


def test_the_quick_look_agrees_with_the_exact_engine_and_does_not_depend_on_workers() -> None:
    study = k2rel.study("L3R", repair="nbd")
    exact = k2rel.availability(study, method="exact")
    found = quick_look(study, 20_000_000, seed=5)
    assert found == quick_look(study, 20_000_000, seed=5, workers=1)
    for name, item in found.items():
        if item.value * 2e7 > 50:
            assert abs(item.value - exact[name].unavailability) < 4.5 * item.standard_error, name


def test_the_command_says_that_its_figures_are_sampled(k2) -> None:
    run = k2("simulate", "L1", "--static", "1000000", "--format", "json")
    assert run.json["method"].startswith("sampling of the static model, preferred side A; 1,000,000 states, seed 1")
    table = k2("simulate", "L1", "--static", "1000000").out
    assert "sampling of the static model" in table
    assert "exact" not in table


@pytest.mark.parametrize("samples", [0, 1, -5, 10**13])
def test_numbers_of_samples_out_of_range_are_refused(samples) -> None:
    with pytest.raises(InputError):
        quick_look(k2rel.study("L1"), samples)


# laws as they are written ------------------------------------------------------------------------------------------


@given(
    st.sampled_from(["weibull(shape={a}, scale={b} h)", "lognormal(median={b} h, sigma={a})", "exponential(mean={b} h)",
                     "gamma(shape={a}, scale={b} h)", "fixed({b} h)", "weibull(shape={a}, mean={b} h)"]),
    st.floats(0.3, 5), st.floats(1e-3, 1e6),
)  # fmt: skip
@settings(deadline=None)
def test_a_law_in_words_reads_back_as_the_same_law(text, a, b) -> None:
    law = parse_distribution(text.format(a=a, b=b))
    again = parse_distribution(law.words)
    assert again.words == law.words
    assert again.mean_h == pytest.approx(law.mean_h, rel=1e-6)


@given(st.text(max_size=60))
def test_any_text_is_a_law_or_an_input_error(text) -> None:
    with contextlib.suppress(InputError):
        parse_distribution(text, 3.0)
