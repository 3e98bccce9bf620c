"""The simulation against the exact engines, closed forms of renewal theory, and the failover rules event by event."""

import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import lru_cache

import numpy as np
import psutil
import pytest
from scipy import stats
from z_scores import EXAMPLES, LEVELS, scores

import k2rel
from k2rel import parallel
from k2rel.distributions import Distribution
from k2rel.errors import InputError
from k2rel.organisation import Organisation
from k2rel.simulation import Circumstances, Plan, read_circumstances, simulate
from k2rel.simulation.circumstances import CommonEvent, Shelf, Window
from k2rel.simulation.rare import rare_loss
from k2rel.simulation.timeline import timeline

HEAD = """
format: 2
name: tiny
title: tiny
sides: {A: {}, B: {}}
types:
  client: {failure_rate: 0, mttr: 1 h, source: test}
  fixed: {failure_rate: 0, mttr: 1 h, source: test}
"""
CLIENTS = "clients: {count: 1, parts: {client: {type: client}, port: {type: client, between: [client, hub]}}}\n"
PREFERRED = Organisation(roles="ideal")


def units(tmp_path, n, k, law="mttf: 1000 h, mttr: 8 h, source: test"):
    """A site whose media needs k of n alike units."""
    names = ", ".join(f"u{i}" for i in range(n))
    lines = "\n".join(f"  u{i}: {{type: unit, between: [hub, pool], {law}}}" for i in range(n))
    stage = f"{{at_least: {k}, of: [{names}]}}" if n > 1 else "u0"
    path = tmp_path / "site.yaml"
    path.write_text(
        HEAD + f"components: {{hub: {{type: fixed}}, pool: {{type: fixed}}}}\nlinks:\n{lines}\n" + CLIENTS
        + f"traffic:\n  media:\n    paths: [{{side: A, via: [client, port, hub, {stage}, pool]}}]\n"
    )  # fmt: skip
    return k2rel.study(path)


def media(study, circumstances=None, organisation=PREFERRED, **plan):
    plan = {"histories": 4000, "years": 10, "warm_up_h": 8760.0, "seed": 5, **plan}
    return simulate(study, organisation, circumstances, Plan(**plan))["media"]


def within(estimate, value, sigmas=4.5):
    return abs(estimate.value - value) < sigmas * estimate.standard_error


# right: against the exact engines -----------------------------------------------------------------------------------


ALL, FEW = LEVELS + EXAMPLES, ("L2R", "nearline")


@lru_cache(maxsize=1)
def z_scores(histories, levels):
    return scores(histories, 100, levels)


@pytest.mark.parametrize(
    ("histories", "levels", "least"), [(1000, FEW, 40), pytest.param(5000, ALL, 200, marks=pytest.mark.slow)]
)
def test_simulated_values_scatter_around_the_exact_ones_as_chance_has_it(histories, levels, least) -> None:
    z = np.array([score.z for score in z_scores(histories, levels)])
    assert len(z) >= least
    assert np.abs(z).max() < 4.5
    outside = int((np.abs(z) > 2).sum())
    assert outside <= stats.binom.ppf(0.99, len(z), 2 * stats.norm.sf(2))
    assert abs(z.mean()) < 4 / math.sqrt(len(z))
    assert 0.8 < z.std() < 1.2


@pytest.mark.slow
def test_every_level_and_both_readings_of_the_roles_are_among_the_comparisons() -> None:
    found = {(score.level, score.roles) for score in z_scores(5000, ALL)}
    assert {("L2R", "sticky"), ("L3R", "sticky"), ("nearline", "sticky")} <= found
    assert {(level, "preferred") for level in ("L1", "L2", "L2R", "L3", "L3R", "nearline")} <= found


@pytest.mark.parametrize(("seeds", "histories"), [(60, 1000), pytest.param(300, 3000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("service", "roles"), [("media", "sticky"), ("ftp", "preferred")])
def test_intervals_hold_the_true_value_as_often_as_they_say(service, roles, seeds, histories) -> None:
    study, organisation = k2rel.study("L2R"), Organisation(roles=roles, tolerance=1e-9)
    exact = k2rel.availability(
        study,
        organisation=organisation if roles == "sticky" else None,
        method="markov" if roles == "sticky" else "exact",
    )[service]
    hits = 0
    for seed in range(seeds):
        plan = Plan(histories=histories, years=5, seed=10_000 + seed, confidence=0.9)
        found = simulate(study, organisation, plan=plan)[service].unavailability
        hits += found.low <= exact.unavailability <= found.high
    low, high = (stats.binom.ppf(p, seeds, 0.9) for p in (0.0005, 0.9995))
    assert low <= hits <= high


@pytest.mark.parametrize("seeds", [40, pytest.param(100, marks=pytest.mark.slow)])
def test_intervals_of_what_is_hardly_ever_met_are_wide_enough(seeds) -> None:
    study = k2rel.study("L2R")
    exact = k2rel.availability(study, method="exact")["control"].failures_per_year
    hits = 0
    for seed in range(seeds):
        found = simulate(study, PREFERRED, plan=Plan(histories=1500, seed=seed, confidence=0.9))["control"]
        hits += found.interruptions_per_year.low <= exact <= found.interruptions_per_year.high
    assert hits >= stats.binom.ppf(0.001, seeds, 0.9)


def test_loads_and_overload_agree_with_the_exact_engine() -> None:
    study = k2rel.study("data/examples/reference_san.yaml")
    exact, found = k2rel.load(study, method="exact"), simulate(study, PREFERRED, plan=Plan(histories=20_000, seed=3))
    assert within(found.load()["p_any_overload"], exact.p_any_overload)
    assert within(found.load()["delivered_mb_s"], 100 * exact.delivered_fraction)
    simulated = {(row.on_a, row.on_b): row.probability for row in found.sides().itertuples()}
    for a, b, _, p in exact.side_distribution:
        if p > 1e-5:
            assert simulated[a, b] == pytest.approx(p, rel=0.1)


def test_sticky_roles_share_the_sides_and_take_over_as_often_as_the_chain_says() -> None:
    study = k2rel.study("L2R")
    figures = k2rel.performability(study, Organisation(tolerance=1e-9), method="markov")
    found = simulate(study, plan=Plan(histories=20_000, seed=8)).load()
    for name in ("takeovers_per_year", "failed_takeovers_per_year", "client_hours_lost_per_year"):
        assert within(found[name], figures[name]), name
    # the chain is in steady state; two years after the start A is still a little ahead
    assert found["share_second_side"].value == pytest.approx(figures["share_last_side"], abs=0.01)


def test_crews_that_are_few_make_repairs_wait_as_in_the_chain(tmp_path) -> None:
    study = units(tmp_path, 4, 3, "mttf: 500 h, mttr: 20 h, source: test")
    for crews in (1, 2):
        organisation = Organisation(roles="ideal", crews=crews, tolerance=1e-9)
        exact = k2rel.availability(study, organisation=organisation, method="markov")["media"]
        found = media(study, organisation=organisation)
        assert within(found.unavailability, exact.unavailability)
        assert within(found.interruptions_per_year, exact.failures_per_year)


def test_a_technician_on_the_way_agrees_with_the_chain() -> None:
    study = k2rel.study("L1", repair="nbd")
    organisation = Organisation(roles="ideal", crews=1, travel_h=12.0, tolerance=1e-8)
    exact = k2rel.availability(study, organisation=organisation, method="markov")["media"]
    assert within(media(study, organisation=organisation).unavailability, exact.unavailability)


# lives and repairs of any law ---------------------------------------------------------------------------------------

LAWS = [
    stats.expon(scale=50.0), stats.weibull_min(1.7, scale=40.0), stats.weibull_min(2.0, loc=6.0, scale=12.0),
    stats.lognorm(1.1, scale=20.0), stats.gamma(0.6, scale=70.0), stats.uniform(5.0, 30.0),
]  # fmt: skip


def drawn(law, age, count, seed=3):
    """Times from the compiled loops, as a life of that age."""
    from k2rel.simulation.kernel.draws import draw, packed, start

    rng = np.zeros(4, dtype=np.uint64)
    start(rng, seed, 0)
    laws = packed([law])
    return np.array([draw(*laws, 0, age, rng) for _ in range(count)])


@pytest.mark.parametrize("frozen", LAWS, ids=lambda law: law.dist.name)
def test_new_and_aged_parts_live_as_scipy_says(frozen) -> None:
    law = Distribution.of(frozen)
    assert stats.kstest(drawn(law, 0.0, 40_000), frozen.cdf).pvalue > 1e-4
    age = float(frozen.ppf(0.6))

    def residual(t):
        return 1.0 - frozen.sf(age + t) / frozen.sf(age)

    assert stats.kstest(drawn(law, age, 40_000, seed=4), residual).pvalue > 1e-4


def test_observed_times_are_drawn_as_often_as_they_were_observed() -> None:
    law = Distribution.empirical([2.0, 2.0, 5.0, 11.0])
    counts = Counter(drawn(law, 0.0, 40_000).tolist())
    assert counts[2.0] / 40_000 == pytest.approx(0.5, abs=0.01)
    assert set(counts) == {2.0, 5.0, 11.0}
    assert set(drawn(law, 3.0, 1000).tolist()) == {2.0, 8.0}  # five or eleven, from three on


@pytest.mark.parametrize("life", ["weibull(shape=0.7)", "weibull(shape=3)", "lognormal(cv=1.5)", "gamma(cv=0.5)"])
def test_a_renewed_part_is_down_for_its_mean_share_whatever_the_laws(tmp_path, life) -> None:
    study = units(tmp_path, 1, 1)
    found = media(study, Circumstances(lives={"unit": life}, repairs={"unit": "lognormal(cv=1.2)"}), warm_up_h=87_600)
    assert within(found.unavailability, 8.0 / 1008.0)
    assert within(found.interruptions_per_year, 8760 / 1008.0)
    assert found.mean_interruption_h.value == pytest.approx(8.0, rel=0.03)


def test_fixed_lives_and_repairs_give_the_calendar_by_itself(tmp_path) -> None:
    study = units(tmp_path, 1, 1)
    given = Circumstances(lives={"u0": "fixed(990 h)"}, repairs={"u0": "fixed(10 h)"})
    found = media(study, given, histories=2, years=1, warm_up_h=0.0)
    assert found.interruptions_per_year.value == 8
    assert found.downtime_min_per_year.value == pytest.approx(8 * 600)
    assert found.longest_h == pytest.approx(10.0)


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_age_kept_at_repair_gives_the_failures_that_the_theory_says(tmp_path, kept) -> None:
    """As bad as old: (t/scale)^shape failures. As good as new: the renewal function. Between: an independent loop."""
    study = units(tmp_path, 1, 1)
    given = Circumstances(
        lives={"u0": "weibull(shape=2, scale=1000 h)"}, repairs={"u0": "fixed(0.001 h)"}, age_after_repair={"u0": kept}
    )
    found = media(study, given, histories=20_000, years=1, warm_up_h=0.0)
    if kept == 1.0:
        expected, error = (8760 / 1000) ** 2, 0.0
    else:
        rng = np.random.default_rng(2)
        counts = []
        for _ in range(4000):
            t = age = 0.0
            n = -1
            while t <= 8760:
                n += 1
                life = 1000 * math.sqrt((age / 1000) ** 2 + rng.exponential()) - age
                t, age = t + life, kept * (age + life)
            counts.append(n)
        expected, error = float(np.mean(counts)), float(np.std(counts)) / math.sqrt(len(counts))
    estimate = found.interruptions_per_year
    assert abs(estimate.value - expected) < 4.5 * math.hypot(estimate.standard_error, error)


def test_hidden_failures_are_found_by_tests_on_fixed_days(tmp_path) -> None:
    """With tests every T and no time to repair, unavailability is 1 - (1 - exp(-T/m)) m/T (IEC 61508-6)."""
    study = units(tmp_path, 1, 1, "mttf: 2000 h, mttr: 1e-6 h, test_interval: 730 h, source: test")
    x = 730 / 2000
    assert within(media(study).unavailability, 1 + math.expm1(-x) / x)


# what only the simulation follows -----------------------------------------------------------------------------------


def test_without_a_spare_on_the_shelf_every_repair_waits_for_one(tmp_path) -> None:
    study = units(tmp_path, 1, 1)
    empty = Circumstances(shelves=(Shelf("units", ("unit",), 0, "fixed(72 h)"),))
    assert within(media(study, empty).unavailability, 80.0 / 1080.0)
    full = Circumstances(shelves=(Shelf("units", ("unit",), 50, "fixed(72 h)"),))
    assert within(media(study, full).unavailability, 8.0 / 1008.0)


@pytest.mark.parametrize("by_hand", [600, pytest.param(3000, marks=pytest.mark.slow)])
def test_one_spare_shared_by_two_units_runs_out_as_often_as_a_hand_written_loop_says(tmp_path, by_hand) -> None:
    study = units(tmp_path, 2, 2, "mttf: 300 h, mttr: 8 h, source: test")
    found = media(study, Circumstances(shelves=(Shelf("units", ("unit",), 1, "fixed(100 h)"),)))
    # by hand: lives go on while the other one is down; orders come 100 h after each failure, first come first served
    rng = np.random.default_rng(4)
    down = []
    for _ in range(by_hand):
        up_at = rng.exponential(300, 2)  # next failure of each
        ready = [0.0]  # when the spare that is taken next is there
        t_end, lost_until, lost = 20_000.0, 0.0, 0.0
        while min(up_at) < t_end:
            n = int(np.argmin(up_at))
            now = up_at[n]
            spare = max(now, ready.pop(0))
            ready = sorted([*ready, now + 100.0])
            back = spare + rng.exponential(8)
            lost += max(0.0, min(back, t_end) - max(now, lost_until))
            lost_until = max(lost_until, back)
            up_at[n] = back + rng.exponential(300)
        down.append(lost / t_end)
    expected, error = np.mean(down), np.std(down) / math.sqrt(len(down))
    assert abs(found.unavailability.value - expected) < 4.5 * math.hypot(found.unavailability.standard_error, error)


def test_planned_work_takes_its_share_of_time_and_is_left_out_while_something_is_down(tmp_path) -> None:
    quiet = units(tmp_path, 1, 1, "failure_rate: 0, mttr: 1 h, source: test")
    work = Circumstances(windows=(Window("u0", 1000.0, "fixed(5 h)"),))
    found = media(quiet, work, histories=2, years=1, warm_up_h=0.0)
    assert found.downtime_min_per_year.value == pytest.approx(8 * 300)
    busy = units(tmp_path, 1, 1, "mttf: 10 h, mttr: 1e6 h, source: test")
    history = timeline(busy, PREFERRED, work, years=1, seed=2)
    assert sum("is skipped" in event.words for event in history.events) >= 7


def test_planned_work_on_a_server_moves_its_role_first() -> None:
    given = Circumstances(windows=(Window("server_A", 4000.0, "fixed(3 h)", 100.0),), times={"switchover": "fixed"})
    history = timeline(k2rel.study("L2R", settings={"server_software.failure_rate": "0"}), None, given, seed=3, years=1)
    words = [event.words for event in history.events]
    begun = next(n for n, text in enumerate(words) if text.startswith("planned work on server_A begins"))
    moved = history.events[begun + 1]
    assert "the switchover is complete: file_system at B" in moved.words
    assert moved.time_h - 100.0 == pytest.approx(45 / 3600)
    back = next(event for event in history.events if "after maintenance" in event.words)
    assert back.time_h == pytest.approx(103.0)


def test_a_common_event_takes_several_parts_down_together(tmp_path) -> None:
    study = units(tmp_path, 3, 2, "failure_rate: 0, mttr: 1 h, source: test")
    hits = (("u0", 1.0), ("u1", 0.5), ("u2", 0.5))
    event = CommonEvent("cooling", "exponential(mean=400 h)", "lognormal(mean=10 h, cv=1)", hits)
    found = media(study, Circumstances(common_events=(event,)))
    # u0 is always hit: lost when one of the others is, too
    assert within(found.unavailability, 0.75 * 10.0 / 410.0)
    assert within(found.interruptions_per_year, 0.75 * 8760 / 410.0)


def test_a_wrong_unit_pulled_takes_the_working_twin_away(tmp_path) -> None:
    study = units(tmp_path, 2, 1, "mttf: 2000 h, mttr: 8 h, source: test")
    never, always = media(study), media(study, Circumstances(wrong_unit=1.0, back_after="fixed(0.5 h)"))
    # each failure of one, while the other works, loses the service at once
    assert always.interruptions_per_year.value == pytest.approx(2 * 8760 / 2000, rel=0.02)
    assert never.interruptions_per_year.value < 0.1
    half = media(study, Circumstances(wrong_unit=0.5, back_after="fixed(0.5 h)"))
    assert half.interruptions_per_year.value == pytest.approx(8760 / 2000, rel=0.05)


def test_a_buffer_longer_than_the_switchover_bridges_it() -> None:
    study, fixed = k2rel.study("L2R", data="0.1"), {"switchover": "fixed"}  # 95 in 100 takeovers succeed
    short = media(study, Circumstances(times=fixed, buffer_h=30 / 3600), organisation=Organisation())
    long = media(study, Circumstances(times=fixed, buffer_h=60 / 3600), organisation=Organisation())
    assert short.on_air_per_year.value == pytest.approx(short.interruptions_per_year.value, rel=0.01)
    assert long.on_air_per_year.value < 0.1 * short.on_air_per_year.value


def test_the_switchover_law_changes_lengths_and_not_the_mean() -> None:
    study, organisation = k2rel.study("L2R"), Organisation()
    exact = k2rel.availability(study, organisation=Organisation(tolerance=1e-9), method="markov")["media"]
    found = media(study, Circumstances(times={"switchover": "lognormal(cv=0.5)"}), organisation, histories=20_000,
                  warm_up_h=2 * 8760.0)  # fmt: skip
    assert within(found.unavailability, exact.unavailability)


@pytest.mark.parametrize(("level", "clients"), [("L2R", 12), pytest.param("L3R", 24, marks=pytest.mark.slow)])
def test_loads_of_elements_are_those_of_the_exact_engine(level, clients) -> None:
    study = k2rel.study(level, clients=clients)  # more than one side's links carry after a takeover
    exact = k2rel.load(study, method="exact")
    found = simulate(study, PREFERRED, plan=Plan(histories=20_000, seed=3)).elements()
    for item in exact.elements:
        assert found.loc[item.element, "mean_mb_s"] == pytest.approx(item.mean_mb_s, rel=0.03, abs=1e-3), item.element
        assert found.loc[item.element, "p_overload"] == pytest.approx(item.p_overload, rel=0.03, abs=1e-6), item.element


@pytest.mark.parametrize("histories", [10_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_places_of_roles_are_those_of_the_chain(histories) -> None:
    study = k2rel.study("L2R")
    modes = k2rel.modes(study, Organisation(tolerance=1e-9), method="markov").set_index("mode")["probability"]
    roles = simulate(study, plan=Plan(histories=histories, seed=3)).roles()["probability"]
    for words in ("file_system at B, server_A out of service", "file_system at A, server_B out of service"):
        (whole,) = (
            p for mode, p in modes.items() if str(mode).endswith(words) and "cut off" not in mode and "," in mode
        )
        assert roles[words] == pytest.approx(whole, rel=0.05)


def test_unavailability_over_time_rises_from_new_as_in_the_exact_engine() -> None:
    study = k2rel.study("L1", repair="nbd")
    result = simulate(study, PREFERRED, plan=Plan(200_000, 1, 0.0, seed=4))
    found = result.over_time("media").iloc[[0, 1, 2, 5, 20, 200]]
    exact = k2rel.over_time(study, "media", found.index.to_numpy(), method="exact")["point_unavailability"].to_numpy()
    assert found["unavailability"].iloc[0] == 0
    for value, estimate in zip(exact[1:], found["unavailability"].iloc[1:], strict=True):
        assert abs(estimate - value) < 4.5 * math.sqrt(value / 200_000)


# distributions ------------------------------------------------------------------------------------------------------


def test_the_downtime_of_a_year_is_that_of_a_part_with_a_known_law(tmp_path) -> None:
    """One part that fails by a Poisson process and is down for 10 h each time: downtime is 10 h times a Poisson."""
    study = units(tmp_path, 1, 1, "mttf: 8760 h, mttr: 10 h, source: test")
    result = simulate(study, PREFERRED, Circumstances(repairs={"u0": "fixed(10 h)"}), Plan(20_000, 1, 8760.0, seed=6))
    frame = result.distribution("media")
    for count in (1, 2, 3):
        row = frame[frame["hours"] > 10 * count - 5].iloc[0]
        assert row["low"] - 0.01 <= stats.poisson.sf(count - 1, 1.0) <= row["high"] + 0.01
    numbers = result.interruptions_in_a_year("media")["probability"]
    for count in range(4):
        assert numbers[count] == pytest.approx(stats.poisson.pmf(count, 1.0), abs=0.015)


def test_client_hours_lost_in_a_year_add_up_to_their_mean(tmp_path) -> None:
    """One client: the hours of a year in which it is cut off are the downtime of its traffic."""
    study = units(tmp_path, 1, 1, "mttf: 8760 h, mttr: 10 h, source: test")
    result = simulate(study, PREFERRED, plan=Plan(5000, 2, 0.0, seed=6))
    alone, down = result.client_hours_in_a_year(), result.distribution("media")
    assert np.allclose(alone.to_numpy(), down.to_numpy())
    widths = np.diff(alone["hours"], append=alone["hours"].iloc[-1])
    mean = float((alone["probability"] * widths).sum() + alone["hours"].iloc[0] * alone["probability"].iloc[0])
    assert mean == pytest.approx(result.load()["client_hours_lost_per_year"].value, rel=0.03)


def test_time_to_first_loss_agrees_with_the_chain() -> None:
    study = k2rel.study("L2R")
    mean_h = k2rel.interruptions(study, Organisation(tolerance=1e-9), ["media"], first_loss=True)["mttff_h"].iloc[0]
    result = simulate(study, plan=Plan(20_000, 3, 0.0, seed=2))
    frame = result.distribution("media", "first_loss")
    year = frame[frame["hours"] >= 8760].iloc[0]
    assert year["low"] - 0.005 <= -math.expm1(-year["hours"] / mean_h) <= year["high"] + 0.005


# reproducible, parallel, stoppable ----------------------------------------------------------------------------------


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.sums, other.sums, strict=True))


@pytest.mark.parametrize("level", ["L2R", pytest.param("L3R", marks=pytest.mark.slow)])
def test_the_same_seed_gives_the_same_numbers_to_the_last_bit_whatever_the_workers(level) -> None:
    study, plan = k2rel.study(level, clients=6), Plan(histories=1500, seed=12)
    alone = simulate(study, plan=plan, workers=1)
    assert same(alone, simulate(study, plan=plan, workers=2))
    assert same(alone, simulate(k2rel.study(level, clients=6), plan=plan, workers=5))
    assert not same(alone, simulate(study, plan=Plan(histories=1500, seed=13), workers=2))


@pytest.mark.parametrize("width", [0.06, pytest.param(0.03, marks=pytest.mark.slow)])
def test_a_width_that_is_asked_for_is_reached_and_does_not_depend_on_workers(width) -> None:
    study = k2rel.study("L2R")
    plan = Plan(histories=10**7, target=width, seed=2)
    one, other = (simulate(study, plan=plan, workers=workers) for workers in (1, 3))
    found = one["media"].unavailability
    assert (found.high - found.low) / (2 * found.value) <= width
    assert one.histories < 10**6
    assert same(one, other)


def test_stopped_by_hand_it_keeps_what_it_has_and_says_so() -> None:
    study = k2rel.study("L2R")

    def stop(done: int, expected: int, relative_width: float) -> None:
        raise KeyboardInterrupt

    partial = simulate(study, plan=Plan(histories=10**7, seed=4), progress=stop)
    assert partial.partial
    assert "partial" in partial.provenance.engine
    assert same(partial, simulate(study, plan=Plan(histories=partial.histories, seed=4)))


@pytest.mark.skipif(sys.platform == "win32", reason="no other process can be sent a Ctrl-C")
def test_ctrl_c_on_the_command_line_leaves_a_partial_result() -> None:
    simulate(k2rel.study("L2R"), plan=Plan(histories=10))  # so that the loops are compiled and in the cache
    # a test that runs in the background may have been started with Ctrl-C ignored; each chunk says that it is done
    code = ("import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from k2rel.cli import main, simulation; "
            "simulation._Bar.histories = lambda *_: print('a chunk', file=sys.stderr, flush=True); "
            "raise SystemExit(main())")  # fmt: skip
    words = [sys.executable, "-c", code, "simulate", "L2R",
             "--histories", "2000000000", "--format", "json"]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    late = threading.Timer(60, process.kill)
    late.start()
    assert process.stderr.readline() == "a chunk\n"
    late.cancel()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    answer = json.loads(out)
    assert answer["partial"] is True
    assert answer["histories"] > 0
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_cluster_gives_the_same_result_though_a_worker_is_killed() -> None:
    distributed = pytest.importorskip("distributed")
    study, plan = k2rel.study("L2R"), Plan(histories=60_000, seed=5)
    killed = []
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:

        def kill(done: int, expected: int, relative_width: float) -> None:
            if not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                psutil.Process(killed[0]).kill()

        spread = simulate(study, plan=plan, scheduler=cluster.scheduler_address, progress=kill)
    assert killed
    assert same(spread, simulate(study, plan=plan))


def test_a_scheduler_that_does_not_answer_is_reported(k2, monkeypatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(parallel, "_ANSWER_S", 2)
    begun = time.monotonic()
    run = k2("simulate", "L1", "--scheduler", "tcp://127.0.0.1:9")
    assert run.code == 2
    assert "no answer within" in run.err
    assert time.monotonic() - begun < 60
    assert k2("simulate", "L1", "--scheduler", "somewhere").code == 2


def test_threads_other_than_the_main_one_can_simulate() -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(simulate(k2rel.study("L1"), plan=Plan(histories=100))))
    thread.start()
    thread.join()
    assert found[0].histories == 100


# rare losses --------------------------------------------------------------------------------------------------------


def calm_study():
    """Level 2R with parts ten times as good, no chassis and hardly a drive that fails: media is lost 4e-10 of time."""
    base = k2rel.study("L2R", data="0.1")
    settings = {
        f"{part.type}.failure_rate": f"{base.laws.shared[name].failure_rate_per_h / 10:.6g} /h"
        for name, part in base.site.components.items()
        if base.laws.shared[name].failure_rate_per_h > 0
    }
    calm = {**settings, "raid_chassis.failure_rate": "0", "drive.failure_rate": "1e-9 /h"}
    return k2rel.study("L2R", settings=calm, data="0.1")


@pytest.mark.parametrize("service", ["media", pytest.param("control", marks=pytest.mark.slow)])
def test_an_unavailability_of_one_in_ten_thousand_million_to_five_per_cent(service) -> None:
    study = calm_study()
    exact = k2rel.availability(study, method="exact")[service]
    assert 1e-10 < exact.unavailability < 1e-9
    found = rare_loss(study, PREFERRED, service=service, target=0.05)
    assert found.reached
    assert found.relative_error <= 0.05
    assert within(found.unavailability, exact.unavailability, 4)
    assert within(found.interruptions_per_year, exact.failures_per_year, 4)


@pytest.mark.parametrize(
    ("roles", "method", "target", "histories"),
    [("preferred", "biasing", 0.05, 20_000), ("sticky", "biasing", 0.2, 5_000),
     *(pytest.param(roles, *how, marks=pytest.mark.slow) for roles in ("preferred", "sticky")
       for how in (("biasing", 0.03, 50_000), ("splitting", 0.06, 50_000)))],
)  # fmt: skip
def test_rare_methods_plain_histories_and_the_exact_engine_agree(roles, method, target, histories) -> None:
    study, organisation = k2rel.study("L2R"), Organisation(roles=roles, tolerance=1e-9)
    exact = k2rel.availability(
        study,
        organisation=organisation if roles == "sticky" else None,
        method="markov" if roles == "sticky" else "exact",
    )["media"]
    found = rare_loss(study, organisation, method=method, target=target, seed=3)
    plain = simulate(study, organisation, plan=Plan(histories=histories, seed=21))["media"]
    for ours, other, value in (
        (found.unavailability, plain.unavailability, exact.unavailability),
        (found.interruptions_per_year, plain.interruptions_per_year, exact.failures_per_year),
    ):
        assert within(ours, value, 4)
        assert abs(ours.value - other.value) < 4.5 * math.hypot(ours.standard_error, other.standard_error)


@pytest.mark.parametrize(("histories", "target"), [(10_000, 0.1), pytest.param(40_000, 0.05, marks=pytest.mark.slow)])
def test_rare_methods_follow_ageing_parts_and_common_events(tmp_path, histories, target) -> None:
    study = units(tmp_path, 3, 2, "mttf: 20000 h, mttr: 8 h, source: test")
    event = CommonEvent("power", "exponential(mean=30000 h)", "fixed(2 h)", (("u0", 0.3), ("u1", 0.3), ("u2", 0.3)))
    given = Circumstances(lives={"u2": "weibull(shape=1.5)"}, common_events=(event,))
    plain = media(study, given, histories=histories, warm_up_h=400_000.0)
    for method in ("biasing", "splitting"):
        found = rare_loss(study, PREFERRED, given, method=method, target=target, seed=9)
        errors = math.hypot(found.unavailability.standard_error, plain.unavailability.standard_error)
        assert abs(found.unavailability.value - plain.unavailability.value) < 4.5 * errors


@pytest.mark.parametrize("target", [0.3, pytest.param(0.1, marks=pytest.mark.slow)])
def test_rare_results_do_not_depend_on_workers(target) -> None:
    one, other = (rare_loss(k2rel.study("L2R"), PREFERRED, service="control", target=target, workers=n) for n in (1, 3))
    assert one.unavailability == other.unavailability


# one history --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["L1", "L2R", pytest.param("L3R", marks=pytest.mark.slow), "nearline"])
def test_every_event_of_a_history_stands_as_the_failover_rules_say(level) -> None:
    """With roles at the preferred side each state is answered by the rules for its failed parts, one by one."""
    study = k2rel.study(level, clients=5, repair="nbd")
    history = timeline(study, PREFERRED, seed=4, years=100)
    assert len(history.events) > 100
    kinds = set()
    for event in history.events:
        site = study.site
        outcome = k2rel.failover(study, [name for name in event.down if name not in site.raid_sets])
        if any(name in site.raid_sets for name in event.down):
            continue
        sides = Counter(state.sides[outcome.principal] for state in outcome.clients)
        on = [sides.get(side, 0) for side in (*site.sides, None)]
        if len(site.sides) == 1:
            on = [on[0], 0, on[1]]
        assert [event.on_a, event.on_b, event.cut_off] == on, event
        lost = {name for name, there in outcome.services.items() if not there}
        assert {name for name in event.lost if name in outcome.services} == lost, event
        kinds.add(tuple(on))
    assert len(kinds) > 1


def test_a_history_is_the_one_that_the_simulation_counts() -> None:
    study, given = k2rel.study("L2R"), Circumstances()
    history = timeline(study, None, given, seed=7, history=1, years=10)
    both = [simulate(study, None, given, Plan(n, 10, 0.0, seed=7))["media"].interruptions_per_year for n in (2, 3)]
    begun = sum(
        "media" in event.lost and "media" not in before.lost
        for before, event in zip(history.events, history.events[1:], strict=False)
    )
    first = sum(
        "media" in b.lost and "media" not in a.lost
        for a, b in zip(*(lambda e: (e, e[1:]))(timeline(study, None, given, seed=7, years=10).events), strict=False)
    )
    assert both[0].value * 20 == pytest.approx(begun + first)


def test_the_picture_of_a_history_tells_its_events(k2, tmp_path) -> None:
    picture = tmp_path / "history.svg"
    run = k2("simulate", "L2R", "--seed", "7", "--timeline", "--output", picture)
    assert run.code == 0
    assert "the switchover is complete: file_system at B" in run.out
    text = picture.read_text()
    assert text.startswith("<?xml")
    assert len(text) > 20_000
    answer = k2("simulate", "L2R", "--seed", "7", "--timeline", "--output", picture, "--format", "json").json
    assert [event["time_h"] for event in answer["events"]] == sorted(event["time_h"] for event in answer["events"])


def test_circumstances_of_the_example_are_told_in_the_history() -> None:
    given = read_circumstances("data/examples/circumstances/L2R.yaml")
    words = " ".join(event.words for event in timeline(k2rel.study("L2R"), None, given, seed=7, years=50).events)
    for text in (
        "planned work on server_A begins",
        "cooling: ",
        "an ordered spare arrives",
        "the switchover is complete",
    ):
        assert text in words
    clumsy = Circumstances(wrong_unit=1.0)
    words = " ".join(event.words for event in timeline(k2rel.study("L2R"), None, clumsy, seed=7, years=50).events)
    assert "is removed by mistake" in words
    assert "is put back" in words


# bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (stats.pareto(0.8, scale=10.0), "mean is infinite"),
        (stats.norm(10, 5), "negative times"),
        (stats.weibull_min(1.0, loc=-3, scale=10), "cannot be negative"),
        (stats.poisson(3), "frozen|continuous"),
        (stats.lognorm(1.0, scale=math.inf), "infinite|finite"),
        (3.0, "scipy"),
    ],
)
def test_laws_that_cannot_be_simulated_are_refused(law, message) -> None:
    with pytest.raises(InputError, match=message):
        Distribution.of(law)


@pytest.mark.parametrize(
    "text",
    ["weibull", "weibull(shape=0)", "weibull(shape=2, scale=-3 h)", "weibull(shape=2, scale=1 h, mean=3 h)",
     "gauss(3)", "lognormal(mean=nan h)", "fixed(-2 h)", "empirical()", "exponential(mean=0 h)", "weibull(shape=x)",
     "exponential(mean=1e13 h)", "gamma(shape=1, cv=2, mean=3 h)", "", "weibull(shape=2, shape=3, scale=1 h)",
     "weibull(shape=0.001, scale=1 h)", "lognormal(mean=3 h, cv=1e200)", "gamma(mean=3 h, cv=1e-200)"],
)  # fmt: skip
def test_a_law_that_is_written_wrong_is_explained(text) -> None:
    from k2rel.distributions import parse_distribution

    with pytest.raises(InputError):
        parse_distribution(text)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("lives:\n  swich_A: weibull(shape=2)\n", None, "did you mean 'switch_A'"),
        ("lives:\n  switch_A: weibull(shap=2)\n", 2, "has the parameters shape"),
        ("lives:\n  drive: weibull(shape=2)\n", None, "RAID set"),
        ("repairs:\n  switch_A: fixed(-1 h)\n", 2, "negative"),
        ("age_after_repair: {switch_A: 2}\n", None, "as bad as old"),
        ("age_after_repair: {switch_A: often}\n", 1, "perfect"),
        ("spares: {x: {parts: [psu], on_shelf: -1, lead_time: fixed(3 h)}}\n", 1, "must be at least 0"),
        ("spares: {x: {parts: [psu], on_shelf: 1, lead_time: weibull(shape=2)}}\n", 1, "give its scale"),
        ("windows: [{part: server_A, every: 0 h, lasts: fixed(1 h)}]\n", None, "above 0"),
        ("windows: [{part: server_Z, every: 5 h, lasts: fixed(1 h)}]\n", None, "no part 'server_Z'"),
        ("common_events: {x: {every: fixed(9 h), lasts: fixed(1 h), hits: {server_A: 7}}}\n", None, "probability"),
        ("wrong_unit: {probability: 2}\n", 1, "must be at most 1"),
        ("times: {switchover: 'fixed(3 s'}\n", 1, "one of"),
        ("times: {switch_over: fixed}\n", None, "one of switchover"),
        ("lives: {client: 'weibull(shape=2)'}\n", None, "it would have no effect"),
        ("times: {travel: fixed}\n", None, "there is no travel"),
        ("lifes: {}\n", 1, "is not a known entry here"),
        ("buffer: long\n", 1, "not a valid duration"),
        ("- a\n", 1, "not a mapping"),
    ],
)
def test_mistakes_in_a_file_of_circumstances_are_placed(k2, tmp_path, text, line, message) -> None:
    path = tmp_path / "given.yaml"
    path.write_text(text)
    run = k2("simulate", "L2R", "--histories", "10", "--circumstances", path)
    assert run.code == 2
    assert message in run.err
    if line:
        assert f"given.yaml:{line}" in run.err


@pytest.mark.parametrize(
    "words",
    [("--histories", "1"), ("--years", "0"), ("--seed", "-1"), ("--target", "2"), ("--warm-up", "soon"),
     ("--confidence", "1.5"), ("--workers", "0"), ("--target", "0.1", "--service", "medja"), ("--static", "1"),
     ("--rare", "biasing", "--target", "0"), ("--rare", "biasing", "--workers", "-1"), ("--static", "1000", "--workers", "0"), ("--rare", "biasing", "--timeline"), ("--output", "x.svg"),
     ("--timeline", "--output", "x.txt"), ("--timeline", "--output", "/nowhere/x.svg"), ("--timeline", "--history", "-1"),
     ("--circumstances", "nowhere.yaml"), ("--rare", "splitting", "--service", "nothing")],
)  # fmt: skip
def test_options_out_of_range_are_refused_at_once(k2, words) -> None:
    run = k2("simulate", "L2R", *words)
    assert run.code == 2
    assert run.err.startswith("k2rel")


def test_a_life_that_keeps_its_age_in_a_site_that_never_recovers_ends(tmp_path) -> None:
    study = units(tmp_path, 1, 1, "mttf: 10 h, mttr: 9e11 h, source: test")
    found = media(study, histories=50, years=2, warm_up_h=0.0)
    assert found.unavailability.value > 0.99


def test_what_can_never_end_is_refused_and_not_begun(tmp_path) -> None:
    busy = units(tmp_path, 1, 1, "mttf: 1e-6 h, mttr: 1e-6 h, source: test")
    with pytest.raises(InputError, match="more than can be simulated"):
        media(busy)
    with pytest.raises(k2rel.K2relError, match="does not return to the all-up state"):
        rare_loss(units(tmp_path, 12, 11, "mttf: 1 h, mttr: 1000 h, source: test"), PREFERRED)


def test_more_orders_than_the_calendar_holds_are_reported(tmp_path) -> None:
    study = units(tmp_path, 1, 1, "mttf: 0.01 h, mttr: 0.01 h, source: test")
    endless = Circumstances(shelves=(Shelf("units", ("unit",), 100_000, "fixed(1000 years)"),))
    with pytest.raises(k2rel.K2relError, match="calendar of a history overflowed"):
        media(study, endless, histories=2, years=1, warm_up_h=0.0)


def test_without_a_warm_up_tests_may_be_further_apart_than_the_years() -> None:
    study = k2rel.study("L2R", settings={"heartbeat.test_interval": "2 y"})
    with pytest.raises(InputError, match="do not cover the time between two tests"):
        media(study, histories=2, years=1)
    assert media(study, histories=2, years=1, warm_up_h=0.0) is not None
