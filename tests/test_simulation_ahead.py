"""Histories from a present state against closed forms, small matrix exponentials, and a chain written a second time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from scipy import integrate, linalg, stats
from scipy.sparse.linalg import expm_multiply, spsolve

import k2rel
from k2rel.distributions import Distribution, parse_distribution
from k2rel.errors import InputError, K2relError
from k2rel.organisation import Organisation
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover
from k2rel.simulation import Circumstances, Plan, simulate
from k2rel.simulation.ahead import Ahead, ahead
from k2rel.simulation.circumstances import CommonEvent, Shelf, Window
from k2rel.simulation.estimates import Estimate
from k2rel.simulation.prepared import prepare
from tests.takeover_chain import Chain, Laws, flows
from tests.takeover_states import Seen, State
from tests.test_simulation import PREFERRED
from tests.test_simulation import units as alike_units


def units(tmp_path: Any, n: int, k: int, law: str = "mttf: 1000 h, mttr: 8 h") -> k2rel.Study:
    """A site whose media needs k of n alike units."""
    study: k2rel.Study = alike_units(tmp_path, n, k, f"{law}, source: test")
    return study


def media(study: k2rel.Study, circumstances: Circumstances | None = None, **given: Any) -> Any:
    given = {"organisation": PREFERRED, "histories": 40_000, "seed": 5, **given}
    return ahead(study, circumstances=circumstances, **given)["media"]


def within(found: Estimate, value: float, sigmas: float = 4.0) -> bool:
    assert found.standard_error > 0
    return abs(found.value - value) < sigmas * found.standard_error


# --- closed forms ------------------------------------------------------------------------------------------------------


def test_one_part_with_a_constant_rate(tmp_path) -> None:
    rate, back, h = 1 / 100, 1 / 8, 24.0
    found = media(units(tmp_path, 1, 1, "mttf: 100 h, mttr: 8 h"), horizon_h=h)
    q = np.array([[-rate, rate], [back, -back]])
    down = integrate.quad(lambda t: linalg.expm(q * t)[0, 1], 0, h)[0]
    failures = integrate.quad(lambda t: rate * linalg.expm(q * t)[0, 0], 0, h)[0]
    assert found.up_now and found.back_h is None
    assert within(found.p_failure_within, -math.expm1(-rate * h))
    assert within(found.downtime_h, down)
    assert within(found.failures, failures)


@pytest.mark.parametrize(
    ("law", "frozen"),
    [("weibull(shape=2.5, scale=300 h)", stats.weibull_min(2.5, scale=300)),
     ("weibull(shape=0.7, scale=300 h, location=20 h)", stats.weibull_min(0.7, 20, 300)),
     ("lognormal(median=200 h, sigma=0.7)", stats.lognorm(0.7, scale=200)),
     ("gamma(shape=3, scale=80 h)", stats.gamma(3, scale=80))],
)  # fmt: skip
def test_a_part_of_a_known_age_and_of_the_age_of_the_long_run(tmp_path, law, frozen) -> None:
    study, given, h = units(tmp_path, 1, 1), Circumstances(lives={"u0": law}), 40.0
    old = media(study, given, ages_h={"u0": 250.0}, horizon_h=h)
    assert within(old.p_failure_within, 1 - frozen.sf(250.0 + h) / frozen.sf(250.0))
    any_age = media(study, given, horizon_h=h)
    assert within(any_age.p_failure_within, integrate.quad(frozen.sf, 0, h)[0] / frozen.mean())


@pytest.mark.parametrize(
    "law",
    [Distribution.weibull(3.0, 100.0), Distribution.weibull(0.6, 80.0, 5.0), Distribution.fixed(100.0),
     Distribution.empirical([40.0, 40.0, 220.0]), parse_distribution("lognormal(mean=100 h, cv=1)"),
     Distribution.of(stats.uniform(50, 100))],
    ids=str,
)  # fmt: skip
def test_renewals_of_the_long_run_are_as_many_in_any_time(tmp_path, law) -> None:
    """With ages of the equilibrium, failures within t are t over the mean for every t: no more, no less at first."""
    study = units(tmp_path, 1, 1, "mttf: 100 h, mttr: 0.0001 h")
    for h in (3.0, 250.0):
        found = media(study, Circumstances(lives={"u0": law}), horizon_h=h, histories=20_000)
        assert within(found.failures, h / law.mean_h), h


@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_part_that_keeps_some_of_its_age_fails_as_often_as_in_the_long_run(tmp_path, kept) -> None:
    shape, scale, chance = 2.0, 100.0, np.random.default_rng(1)
    ages, total, lives = np.zeros(20_000), 0.0, 400
    for n in range(lives):
        fails = scale * ((ages / scale) ** shape + chance.exponential(size=len(ages))) ** (1 / shape)
        total += float((fails - ages).mean()) * (n >= lives // 2)
        ages = kept * fails
    mean = total / (lives // 2)
    given = Circumstances(lives={"u0": f"weibull(shape={shape}, scale={scale} h)"}, age_after_repair={"u0": kept})
    study = units(tmp_path, 1, 1, "mttf: 100 h, mttr: 0.0001 h")
    for h in (3.0, 60.0):
        found = media(study, given, horizon_h=h).failures
        assert abs(found.value - h / mean) < 4 * found.standard_error + 0.01 * found.value, h


def test_a_part_that_keeps_its_age_goes_on_with_the_one_at_its_failure(tmp_path) -> None:
    """Repaired after half an hour, as bad as old, at an age of 90 h."""
    given = Circumstances({"u0": "weibull(shape=3, scale=100 h)"}, {"u0": "fixed(2 h)"}, {"u0": 1.0})
    found = media(units(tmp_path, 1, 1), given, down_since_h={"u0": 1.5}, ages_h={"u0": 90.0}, horizon_h=10.5)
    frozen = stats.weibull_min(3, scale=100)
    assert within(found.p_failure_within, 1 - frozen.sf(100.0) / frozen.sf(90.0))
    with pytest.raises(InputError, match=r"ages_h: the age of u0 is needed: its repairs do not reduce its age"):
        media(units(tmp_path, 1, 1), given, down_since_h={"u0": 1.5})


def test_a_repair_goes_on_by_its_law_given_how_long_it_has_lasted(tmp_path) -> None:
    study, h = units(tmp_path, 1, 1, "mttf: 1e9 h, mttr: 4 h"), 6.0
    found = media(study, Circumstances(repairs={"u0": "lognormal(median=4 h, sigma=0.9)"}), down_since_h={"u0": 5.0},
                  horizon_h=h)  # fmt: skip
    frozen = stats.lognorm(0.9, scale=4)
    left = [integrate.quad(frozen.sf, 5.0, end)[0] / frozen.sf(5.0) for end in (5.0 + h, np.inf)]
    assert not found.up_now and found.p_down_now == 1.0
    assert within(found.downtime_h, left[0])
    assert found.back_h is not None and within(found.back_h, left[1])
    assert found.failures.value == found.p_failure_within.value == 0.0


def test_how_long_a_constant_repair_has_lasted_is_all_the_same(tmp_path) -> None:
    found = [media(units(tmp_path, 1, 1), down_since_h={"u0": hours}).to_json() for hours in (0.0, 300.0)]
    assert found[0] == found[1]


@pytest.mark.parametrize(("crews", "down", "k"), [(None, 1, 1), (1, 2, 1), (1, 2, 2), (None, 2, 2), (1, 0, 2)])
def test_a_pair_against_a_matrix_exponential(tmp_path, crews, down, k) -> None:
    rate, back, h = 1 / 60, 1 / 8, 30.0
    repairs = [0.0, back, back if crews == 1 else 2 * back]
    q = np.array([[-2 * rate, 2 * rate, 0], [repairs[1], -repairs[1] - rate, rate], [0, repairs[2], -repairs[2]]])
    lost = np.array([n > 2 - k for n in range(3)])
    study = units(tmp_path, 2, k, "mttf: 60 h, mttr: 8 h")
    found = media(study, organisation=Organisation(roles="ideal", crews=crews), horizon_h=h,
                  down_since_h={f"u{n}": 1.0 + n for n in range(down)})  # fmt: skip
    expected = transient(q, lost, np.eye(3)[down], h)
    assert found.up_now == (not lost[down])
    assert within(found.downtime_h, expected["downtime"])
    assert within(found.failures, expected["failures"])
    assert within(found.p_failure_within, expected["p_failure"])
    if lost[down]:
        assert found.back_h is not None and within(found.back_h, expected["back"])


@pytest.mark.parametrize("length", [0.0, 2.0, 10.0])
def test_outages_longer_than_a_time_that_begin_within_the_horizon(tmp_path, length) -> None:
    """The renewal equation of a part that fails and is repaired until one repair takes longer, on a fine grid."""
    rate, back, h, steps = 1 / 15, 1 / 6, 24.0, 2400
    dt = h / steps
    ends = np.exp(-back * dt * np.arange(steps + 1))  # a repair is longer than these
    short = np.where(dt * np.arange(steps) < length, ends[:-1] - ends[1:], 0.0)
    spared = np.ones(steps + 1)  # up, with so many steps left, and no long outage begins
    begun = np.ones(steps + 1)  # down since now, with so many left
    for n in range(1, steps + 1):
        left = int(min(length / dt, n))
        after = float(short[:left] @ spared[n - 1 - np.arange(left)]) if left else 0.0
        begun[n] = after + (ends[n] - math.exp(-back * length) if n * dt < length else 0.0)
        spared[n] = math.exp(-rate * dt) * spared[n - 1] - math.expm1(-rate * dt) * 0.5 * (begun[n] + begun[n - 1])
    begun_at_once = 1 - math.exp(-back * length)
    assert begun[1] == pytest.approx(begun_at_once, abs=0.01)
    found = media(units(tmp_path, 1, 1, "mttf: 15 h, mttr: 6 h"), horizon_h=h, longer_than_h=[length])
    assert abs(found.p_longer_than[0].value - (1 - spared[-1])) < 4 * found.p_longer_than[0].standard_error + 1e-3
    if length == 0.0:
        assert found.p_longer_than[0] == found.p_failure_within


def test_a_long_outage_is_told_from_a_short_one_beyond_the_horizon(tmp_path) -> None:
    given = Circumstances(repairs={"u0": "fixed(30 h)"})
    found = media(units(tmp_path, 1, 1, "mttf: 100 h, mttr: 8 h"), given, longer_than_h=[29.9, 30.1], horizon_h=10.0)
    assert found.p_longer_than[0] == found.p_failure_within
    assert found.p_longer_than[1].value == 0.0
    assert within(found.downtime_h, integrate.quad(lambda t: math.exp(-t / 100) / 100 * (10 - t), 0, 10)[0])


def test_from_everything_new_it_is_the_simulation_of_a_year(tmp_path) -> None:
    """The same draws in the same order: nothing is down, and every part is new."""
    study = units(tmp_path, 3, 2, "mttf: 900 h, mttr: 20 h")
    given = Circumstances(lives={"u1": "weibull(shape=2)"}, repairs={"unit": "lognormal(cv=1)"})
    found = media(study, given, ages_h={"u1": 0.0}, horizon_h=8760.0, histories=500)
    plan = Plan(histories=500, years=1, warm_up_h=0.0, seed=5)
    usual = simulate(study, PREFERRED, given, plan)["media"]
    assert found.downtime_h.value == pytest.approx(usual.unavailability.value * 8760.0, rel=1e-12)
    assert found.failures.value == pytest.approx(usual.interruptions_per_year.value, rel=1e-12)
    assert found.p_failure_within.value == usual.p_loss_in_history.value


# --- who repairs ---------------------------------------------------------------------------------------------------------

NEVER = "mttf: 1e9 h, mttr: 8 h"


@pytest.mark.parametrize(
    ("organisation", "shelves", "k", "back"),
    [({}, (), 1, 3.0), ({}, (), 2, 5.0), ({"crews": 2}, (), 2, 5.0),
     ({"crews": 1}, (), 1, 3.0), ({"crews": 1}, (), 2, 3.0 + 8.0),
     # the spare that u0 took was ordered 5 h ago, and is for u1
     ({}, (Shelf("s", ("unit",), 1, "fixed(10 h)"),), 2, 5.0 + 8.0),
     ({}, (Shelf("s", ("unit",), 0, "fixed(10 h)"),), 1, 5.0 + 8.0),
     ({}, (Shelf("s", ("unit",), 0, "fixed(4.5 h)"),), 1, 8.0),
     ({"crews": 1, "travel_h": 6.0}, (), 1, 9.0), ({"crews": 1, "travel_h": 2.0}, (), 2, 5.0 + 8.0),
     ({"crews": 2, "travel_h": 2.5}, (), 2, 5.5)],
)  # fmt: skip
def test_two_parts_down_for_five_and_three_hours_with_fixed_times(tmp_path, organisation, shelves, k, back) -> None:
    times = {"travel": "fixed"} if "travel_h" in organisation else {}
    given = Circumstances(repairs={"unit": "fixed(8 h)"}, shelves=shelves, times=times)
    found = media(units(tmp_path, 2, k, NEVER), given, organisation=Organisation(roles="ideal", **organisation),
                  down_since_h={"u1": 3.0, "u0": 5.0}, histories=50)  # fmt: skip
    assert found.back_h is not None
    assert found.back_h.value == pytest.approx(back, abs=1e-9)


@pytest.mark.parametrize("since", [0.5, 12.0])
def test_travel_and_repair_together_go_on_given_how_long_they_have_lasted(tmp_path, since) -> None:
    a, b = 4.0, 2.5
    study = units(tmp_path, 1, 1, f"mttf: 1e9 h, mttr: {b} h")
    organisation = Organisation(roles="ideal", crews=1, travel_h=a)
    given = Circumstances(repairs={"u0": f"fixed({b} h)"})
    found = media(study, Circumstances(), organisation=organisation, down_since_h={"u0": since})
    work = prepare(study, organisation, Circumstances()).site
    b_hands = work.laws[int(work.arrays.repair[work.parts.index("u0")])].mean_h
    alive = [x * math.exp(-since / x) for x in (a, b_hands)]
    assert found.back_h is not None
    assert within(found.back_h, (a * alive[0] - b_hands * alive[1]) / (alive[0] - alive[1]))
    # with a fixed repair, whoever is at work came less than that ago
    fixed = media(study, given, organisation=organisation, down_since_h={"u0": since})
    travel = stats.expon(scale=a)
    least = max(since - b, 0.0)
    mean = integrate.quad(lambda t: (t + b - since) * travel.pdf(t), least, 200)[0] / travel.sf(least)
    assert fixed.back_h is not None and within(fixed.back_h, mean)


def test_hidden_failures_are_found_on_days_that_nobody_knows(tmp_path) -> None:
    """Any time of the calendar is now, so from a failure to the next test it takes any part of the interval."""
    rate, every, h = 1 / 200, 20.0, 10.0
    study = units(tmp_path, 1, 1, f"mttf: 200 h, mttr: 0.0001 h, test_interval: {every} h")
    found = media(study, horizon_h=h, histories=100_000)

    def lasts(left: float) -> float:
        return left - left**2 / (2 * every) if left < every else every / 2

    once = integrate.quad(lambda t: rate * math.exp(-rate * t) * lasts(h - t), 0, h)[0]
    assert abs(found.downtime_h.value - once) < 4 * found.downtime_h.standard_error + 0.03 * once  # seldom a second one
    known = media(study, down_since_h={"u0": 1.0}, histories=2000)
    assert known.back_h is not None and known.back_h.value < 0.001


def test_common_events_have_the_frequency_of_the_long_run_and_work_is_counted_from_now(tmp_path) -> None:
    study = units(tmp_path, 1, 1, NEVER)
    cooling = CommonEvent("cooling", "fixed(100 h)", "fixed(0.001 h)", (("u0", 1.0),))
    found = media(study, Circumstances(common_events=(cooling,)), horizon_h=30.0)
    assert within(found.failures, 0.3)
    work = Circumstances(windows=(Window("u0", 1000.0, "fixed(2 h)", 7.0),))
    assert media(study, work, horizon_h=24.0, histories=100).downtime_h.value == pytest.approx(2.0)
    assert media(study, work, horizon_h=6.0, histories=100).downtime_h.value == 0.0


# --- roles and servers ---------------------------------------------------------------------------------------------------


def control_named(study: k2rel.Study, words: str) -> int:
    takeover = Takeover(Policy(study.site, study.policy.primary, sticky=True), Organisation().takeover_times)
    return [takeover.words(n) for n in range(takeover.controls)].index(words)


def test_roles_are_where_they_are_said_to_be() -> None:
    study = k2rel.study("L2R")
    at_b = control_named(study, "file_system at B, server_A out of service")
    calm = ahead(study, control=at_b, down_since_h={"server_A": 3.0}, histories=2000)
    assert calm["file_system"].up_now and calm["media"].up_now
    taken_over = ahead(study, down_since_h={"server_A": 0.0}, histories=2000)
    assert not taken_over["file_system"].up_now
    # a takeover begins at time 0: with the coverage it takes the switchover, else an operator an hour
    role = study.site.roles["file_system"]
    wait = taken_over["file_system"].back_h
    assert wait is not None
    assert within(wait, role.coverage * role.switchover_h + (1 - role.coverage) * 1.0)
    waits = ahead(study, control=control_named(study, "file_system stranded"), histories=2000)
    assert waits["file_system"].back_h is not None and within(waits["file_system"].back_h, 1.0)


def test_a_control_state_is_that_of_the_organisation_where_work_is_planned() -> None:
    study = k2rel.study("L2R")
    given = Circumstances(windows=(Window("server_A", 2000.0, "fixed(2 h)"),))
    stranded = control_named(study, "file_system stranded")
    found = ahead(study, circumstances=given, control=stranded, histories=2000)
    assert not found["file_system"].up_now
    assert found["file_system"].back_h is not None and within(found["file_system"].back_h, 1.0)


# --- same numbers, mistakes ----------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_numbers_whatever_the_workers_and_whatever_is_known() -> None:
    given = Circumstances(lives={"psu": "weibull(shape=1.4)", "server_software": "weibull(shape=0.8)"},
                          repairs={"psu": "lognormal(cv=1.2)"}, age_after_repair={"server_software": 0.5})  # fmt: skip

    def run(workers: int, seed: int = 3) -> dict[str, Any]:
        found = ahead(k2rel.study("L2R"), Organisation(crews=1), given, down_since_h={"psu_A_1": 2.0, "switch_B": 1.0},
                      longer_than_h=[0.1], histories=45_000, seed=seed, workers=workers)  # fmt: skip
        return found.to_json()

    prepare.cache_clear()
    alone = run(1)
    assert run(3) == alone
    prepare.cache_clear()
    assert run(3) == alone
    assert run(1, seed=4) != alone


@pytest.mark.parametrize(
    ("given", "message"),
    [({"down_since_h": {"server_C": 1.0}}, "down_since_h: L2R has no part 'server_C'; did you mean"),
     ({"down_since_h": {"server_A": -1.0}}, "down_since_h of server_A: a time from 0, got -1 h"),
     ({"down_since_h": {"server_A": "3 h"}}, "down_since_h of server_A: a number is needed, got '3 h'"),
     ({"down_since_h": {"media_raid_drive_1": 1.0}}, "fails as part of its RAID set, which is up or down as a whole"),
     ({"ages_h": {"swich_A": 1.0}}, "ages_h: L2R has no part 'swich_A'; did you mean"),
     ({"control": 16}, "control: a whole number from 0 to 15 is needed, got 16"),
     ({"control": 1, "organisation": PREFERRED}, "control: a whole number from 0 to 0 is needed, got 1"),
     ({"horizon_h": 0}, "horizon_h: a time above 0, such as 24"),
     ({"horizon_h": 1e9}, "horizon_h: a time from 0 to 876000 h, got 1e[+]09 h"),
     ({"longer_than_h": [-1]}, "longer_than_h: a time from 0 to 876000 h, got -1 h"),
     ({"histories": 1}, "histories: a whole number from 2"),
     ({"down_since_h": {"switch_A": 5.0}, "circumstances": Circumstances(repairs={"switch_A": "fixed(4 h)"})},
      "down_since_h of switch_A: no repair of it takes 5 h with its distribution fixed"),
     ({"ages_h": {"switch_A": 5.0}, "circumstances": Circumstances(lives={"switch_A": "fixed(4 h)"})},
      "ages_h of switch_A: no part of it reaches 5 h with its failure law fixed"),
     ({"down_since_h": {"switch_A": 9.0}, "organisation": Organisation(crews=1, travel_h=2.0),
       "circumstances": Circumstances(repairs={"switch_A": "fixed(4 h)"}, times={"travel": "fixed"})},
      "down_since_h of switch_A: no travel .fixed.value=2 h.. and repair take 9 h")],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(given, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        ahead(k2rel.study("L2R"), **given)
    assert "\n" not in str(caught.value)


def test_a_service_that_does_not_come_back_is_no_hang(tmp_path) -> None:
    with pytest.raises(K2relError, match="a service that is down in the present state is not restored"):
        media(units(tmp_path, 1, 1, "mttf: 1e9 h, mttr: 1e11 h"), down_since_h={"u0": 1.0})


def test_it_is_plain_data_and_says_where_it_comes_from() -> None:
    found = ahead(k2rel.study("L2R"), down_since_h={"switch_A": 1.0}, longer_than_h=[1.0], histories=100)
    row = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert row["state"] == {"down_since_h": {"switch_A": 1.0}, "roles": "file_system at A"}
    assert row["seed"] == 1 and row["histories"] == 100 and row["longer_than_h"] == [1.0]
    assert "100 histories of 24 h from a present state" in found.provenance.engine
    with pytest.raises(InputError, match="there is no service 'medja'"):
        found["medja"]


# --- against a chain -----------------------------------------------------------------------------------------------------


class Whole(Seen):
    """RAID sets are whole."""

    def works(self, name: str) -> bool:
        return name in self.site.raid_sets or super().works(name)


class Level(Chain):
    """The chain of a site with RAID sets, which never fail here."""

    def look(self, failed: frozenset[str], suspended: frozenset[str]) -> Seen:
        key = (failed, suspended)
        if key not in self._seen:
            self._seen[key] = Whole(self.site, failed, suspended)
        return self._seen[key]


def transient(q: Any, lost: Any, start: Any, h: float) -> dict[str, float]:
    """What a chain with generator q does from a start within h, where some states are lost."""
    q, size = scipy.sparse.csr_matrix(q), len(lost)
    falls = q.multiply(~lost[:, None]).multiply(lost[None, :]).tocsr()
    fall_rate = np.asarray(falls.sum(axis=1)).ravel()

    def after(generator: Any, *sums: Any) -> Any:
        """States at h, then integrals of rates over the time until then."""
        more = scipy.sparse.csr_matrix((size + len(sums), size + len(sums))).tolil()
        more[:size, :size] = generator
        for n, rates in enumerate(sums):
            more[:size, size + n] = np.asarray(rates, dtype=float)[:, None]
        return expm_multiply(more.tocsr().T * h, np.concatenate([start, np.zeros(len(sums))]))

    states = after(q, lost, fall_rate)
    inner = scipy.sparse.csc_matrix(q)[lost][:, lost]
    wait = spsolve(inner, -np.ones(int(lost.sum()))) if lost.any() else np.zeros(0)
    now = float(start[lost].sum())
    return {
        "downtime": states[size], "failures": states[size + 1], "p_failure": after(q - falls, fall_rate)[size],
        "p_down_now": now, "back": float(start[lost] @ wait) / now if now else math.nan,
    }  # fmt: skip


def explored(chain: Chain, start: State) -> tuple[list[State], Any, Any]:
    """States that a chain can come to, its generator, and the probabilities at the beginning."""
    index: dict[State, int] = {}
    first = chain.at_once(start)
    states: list[State] = []
    for each in first:
        if each.state not in index:
            index[each.state] = len(states)
            states.append(each.state)
    moves: dict[tuple[int, int], float] = {}
    for n, state in enumerate(states):
        for rate, each in chain.next(state):
            if each.state not in index:
                index[each.state] = len(states)
                states.append(each.state)
            if index[each.state] != n:
                moves[n, index[each.state]] = moves.get((n, index[each.state]), 0.0) + rate
    places = np.array(list(moves))
    q = scipy.sparse.csr_matrix((list(moves.values()), (places[:, 0], places[:, 1])), shape=(len(states),) * 2)
    q = q - scipy.sparse.diags(np.asarray(q.sum(axis=1)).ravel())
    begins = np.zeros(len(states))
    for each in first:
        begins[index[each.state]] += each.share
    return states, q, begins


LAWS = {
    "server_A": (1 / 300, 1 / 6.5), "server_B": (1 / 300, 1 / 6.5), "software_A": (1 / 80, 1 / 1.0),
    "software_B": (1 / 80, 1 / 1.0), "switch_A": (1 / 250, 1 / 6), "switch_B": (1 / 250, 1 / 6),
    "raid_controller_A": (1 / 400, 1 / 5), "fc_link_B": (1 / 300, 1 / 5),
}  # fmt: skip


FEW = {name: LAWS[name] for name in ("server_A", "software_A", "software_B")}


def l2r(laws: Laws) -> k2rel.Study:
    """Level 2R with few parts that fail, and these often."""
    site = k2rel.study("L2R").site
    settings = {f"{part.type}.failure_rate": "0" for part in site.described.values()}
    for name, (failure, repair) in laws.items():
        settings |= {f"{name}.mttf": f"{1 / failure!r} h", f"{name}.mttr": f"{1 / repair!r} h"}
    return k2rel.study("L2R", settings=settings)


def performed(chain: Chain, state: State) -> dict[str, bool]:
    """Services of Level 2R that the chain knows: the role, FTP, and the media of a client of the first group."""
    site = chain.site
    at = {name: chain.place_of(state, role) for name, role in site.roles.items()}
    role = site.roles["file_system"]
    place = at["file_system"]
    there = {"file_system": place is not None and chain.runs(state, role.holders[place])}
    out = frozenset(server for server, served in zip(chain.servers, state.served, strict=True) if not served)
    traffic = {name: site.traffic[name] for name in ("ftp", "ftp_retry")}
    own = site.groups[0].subscriptions
    paths = tuple(
        SimpleNamespace(side=p.side, when=p.when, via=[own.get(x.lstrip("@"), x) for x in p.via if not x.startswith(("client", "media_A", "media_B"))])
        for p in site.traffic["media"].paths
    )  # fmt: skip
    media = site.traffic["media"]
    traffic["media_client"] = SimpleNamespace(detects="path", prefer=media.prefer, paths=paths, requires=media.requires)  # type: ignore[assignment]
    reduced: Any = SimpleNamespace(sides=site.sides, roles=site.roles, traffic=traffic)
    return there | flows(reduced, chain.seen(state), at, there, out)


STARTS: dict[str, tuple[tuple[str, ...], Callable[[State], State]]] = {
    "all up": ((), lambda state: state),
    "server A fails now": (("server_A",), lambda state: state),
    "server A failed, B has the role": (
        ("server_A",),
        lambda s: s._replace(roles=(("held", 1),), served=(False, True)),
    ),
    "stranded": ((), lambda state: state._replace(roles=(("stranded", 0),))),
    "two failed": (("switch_A", "software_B"), lambda state: state),
    "A out of service": ((), lambda s: s._replace(roles=(("held", 1),), served=(False, True))),
}
WORDS = {
    "server A failed, B has the role": "file_system at B, server_A out of service", "stranded": "file_system stranded",
    "A out of service": "file_system at B, server_A out of service",
}  # fmt: skip


def scores(study: k2rel.Study, name: str, laws: Laws, histories: int) -> Mapping[str, float]:
    """How many standard errors every figure is off the chain's."""
    chain = Level(study.site, laws)
    failed, placed = STARTS[name]
    states, q, begins = explored(chain, placed(chain.start)._replace(failed=frozenset(failed)))
    table = [performed(chain, state) for state in states]
    control = control_named(study, WORDS[name]) if name in WORDS else None
    found: Ahead = ahead(study, control=control, down_since_h=dict.fromkeys(failed, 2.0), horizon_h=24.0,
                         histories=histories, seed=11)  # fmt: skip
    result = {}
    for service in table[0]:
        lost = np.array([not row[service] for row in table])
        expected, seen = transient(q, lost, begins, 24.0), found[service]
        pairs = {"downtime": seen.downtime_h, "failures": seen.failures, "p_failure": seen.p_failure_within}
        if expected["p_down_now"] > 0:
            assert seen.back_h is not None
            pairs["back"] = seen.back_h
        assert seen.p_down_now == pytest.approx(expected["p_down_now"], abs=0.02)
        for what, estimate in pairs.items():
            result[f"{service} {what}"] = (estimate.value - expected[what]) / estimate.standard_error
    return result


@pytest.mark.parametrize(
    ("name", "laws"),
    [("server A fails now", FEW), *(pytest.param(name, LAWS, marks=pytest.mark.slow) for name in STARTS)],
)
def test_level_2r_against_a_chain_written_a_second_time(name, laws) -> None:
    found = scores(l2r(laws), name, laws, 100_000 if laws is FEW else 400_000)
    assert len(found) >= 12
    assert all(abs(z) < 4 for z in found.values()), found
