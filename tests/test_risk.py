"""The next hours from the state at present, against matrix exponentials of chains that share no line with the library."""

from __future__ import annotations

import itertools
import json
import math
import random

import numpy as np
import pytest
from scipy.linalg import expm

import k2rel
from k2rel.ctmc.chain import Chain as AnyChain
from k2rel.ctmc.outlook import ahead, time_until
from k2rel.errors import InputError, ModelTooLargeError
from tests.random_takeovers import laws_of, random_study
from tests.takeover_chain import Chain

MANUAL, BACK = 2.0, 3.0
WAITING = {"stranded", "retrying", "restoring"}
DAY = 24.0


# --- what lies ahead of a chain --------------------------------------------------------------------------------------


def random_chain(seed: int) -> tuple[AnyChain, np.ndarray]:
    chance = np.random.default_rng(seed)
    size = int(chance.integers(2, 9))
    rates = chance.exponential(1.0, (size, size)) * (chance.random((size, size)) < 0.6)
    np.fill_diagonal(rates, 0.0)
    rates[np.arange(size), (np.arange(size) + 1) % size] += 0.1
    before, after = np.nonzero(rates)
    return AnyChain.of(size, before, after, rates[before, after]), rates - np.diag(rates.sum(axis=1))


@pytest.mark.parametrize("seed", range(8))
def test_what_lies_ahead_is_what_a_matrix_exponential_says(seed) -> None:
    chain, q = random_chain(seed)
    chance = np.random.default_rng(seed + 100)
    n, times = len(q), [0.3, 2.0, 7.0]
    gain, hazard, inside = chance.random((n, 2)), chance.random((n, 2)), chance.random((n, 2)) < 0.4
    passes = chance.random((n, 2)) * (chance.random((n, 2)) < 0.5)
    found = ahead(chain, times, gain, hazard, inside, passes, rows=[0, n - 1])
    for t, gained, happened in zip(times, found.gained, found.happened, strict=True):
        for column in range(2):
            wide = np.zeros((n + 1, n + 1))
            wide[:n, :n], wide[:n, n] = q, gain[:, column]
            assert gained[:, column] == pytest.approx(expm(wide * t)[:n, n], rel=1e-9)
            enters = ~inside[:, column, None] & inside[None, :, column]
            quiet = np.where(enters, q * passes[None, :, column], q) - np.diag(hazard[:, column])
            assert happened[:, column] == pytest.approx(1 - expm(quiet * t).sum(axis=1), rel=1e-9)
        mean, p = found.at(t)
        assert mean == pytest.approx(gained[[0, n - 1]], rel=1e-9)
        assert p == pytest.approx(happened[[0, n - 1]], rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_time_until_a_state_solves_its_equations(seed) -> None:
    chain, q = random_chain(seed)
    there = np.zeros(len(q), dtype=bool)
    there[0] = True
    wanted = np.linalg.solve(-q[1:, 1:], np.ones(len(q) - 1))
    assert time_until(chain, there) == pytest.approx([0.0, *wanted], rel=1e-6)


def test_a_state_that_is_never_reached_takes_for_ever() -> None:
    chain = AnyChain.of(3, [0, 0], [1, 2], [1.0, 1.0])
    assert time_until(chain, np.array([False, True, False])).tolist() == [math.inf, 0.0, math.inf]


# --- a site ----------------------------------------------------------------------------------------------------------


class Apart(Chain):
    """The chain of single states, from a state at present, as dense matrices."""

    def from_state(self, failed):
        (outcome,) = self.at_once(self.start)
        state = outcome.state
        for part in failed:
            state = self.success(self.at_once(state._replace(failed=state.failed | {part})))
        return state

    def success(self, outcomes):
        good = [e.state for e in outcomes if e.share > 0 and not any(p[0] in WAITING for p in e.state.roles)]
        if len(set(good)) != 1:
            return None if not good else self.settle_on(good[0])
        return self.settle_on(good[0])

    def settle_on(self, state):
        for _ in range(20):
            due = [outcomes for _, outcomes in self.takeovers(state)] if self.due(state) else []
            if due:
                state = next(e.state for first in due[0] for e in self.follow(first)
                             if e.share > 0 and not any(p[0] in WAITING for p in e.state.roles))  # fmt: skip
                continue
            if not any(p[0] == "on its way" for p in state.roles):
                return state
            _, after = self.arrival(state)
            state = self.success_once(self.at_once(after))
        return state

    def success_once(self, outcomes):
        return next(e.state for e in outcomes if e.share > 0 and not any(p[0] in WAITING for p in e.state.roles))

    def explored(self, start):
        index, states, rows, columns, rates = {start: 0}, [start], [], [], []
        for n, state in enumerate(states):
            for rate, each in self.next(state):
                if each.state not in index:
                    index[each.state] = len(states)
                    states.append(each.state)
                    if len(states) > 700:
                        pytest.skip("too many states for dense matrices")
                rows.append(n)
                columns.append(index[each.state])
                rates.append(rate)
        q = np.zeros((len(states), len(states)))
        np.add.at(q, (rows, columns), rates)
        np.fill_diagonal(q, 0.0)
        q -= np.diag(q.sum(axis=1))
        return states, q


def figures_apart(q, down, hours, lengths):
    """Mean downtime, P(failure), P(an outage begins that is longer than each length)."""
    n = len(q)

    def mean(gain):
        wide = np.zeros((n + 1, n + 1))
        wide[:n, :n], wide[:n, n] = q, gain
        return expm(wide * hours)[0, n]

    up = ~down
    survive = expm(q[np.ix_(up, up)] * hours).sum(axis=1)
    result = [mean(down.astype(float)), 1.0 - survive[0] if up[0] else math.nan]
    for length in lengths:
        stays = np.zeros(n)
        stays[down] = expm(q[np.ix_(down, down)] * length).sum(axis=1)
        short = q * np.where(up[:, None] & down[None, :], 1.0 - stays[None, :], 1.0)
        longer = 1.0 - expm(short * hours).sum(axis=1)[0]
        result.append(longer if up[0] else stays[0])
    return result


USUAL = (5, 19, 46)
SEEDS = [seed if seed in USUAL else pytest.param(seed, marks=pytest.mark.slow) for seed in range(70)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_next_hours_are_what_the_chain_of_single_states_says(tmp_path, seed) -> None:
    study = random_study(tmp_path, seed, 5)
    laws = laws_of(study)
    chain, chance = Apart(study.site, laws, MANUAL, BACK), random.Random(seed)
    failed = chance.sample(list(laws), chance.choice([1, 2]))
    try:
        start = chain.from_state(failed)
    except (StopIteration, AttributeError, RuntimeError):
        start = None
    if start is None:
        pytest.skip("no takeover can succeed here")
    states, q = chain.explored(start)
    times = k2rel.Organisation(manual_takeover_h=MANUAL, return_to_service_h=BACK, tolerance=1e-9)
    lengths = (0.1, 1 / 6, 1.0)
    found = k2rel.risk(study, failed, DAY, times, buffer_h=lengths[0], method="markov")
    compared = 0
    for service in found.services:
        down = np.array([not chain.performed(state).get(service.service, True) for state in states])
        if service.service not in chain.performed(states[0]):
            continue
        hours, p, *longer = figures_apart(q, down, DAY, lengths)
        bound = 1e-9 + 2 * found.error_bound
        assert service.up_now == (not down[0])
        assert service.downtime_h == pytest.approx(hours, rel=1e-6, abs=bound * DAY), service
        if not down[0]:
            assert service.p_failure_within == pytest.approx(p, rel=1e-6, abs=bound), service
        else:
            inside = q[np.ix_(down, down)]
            assert service.back_h == pytest.approx(np.linalg.solve(-inside, np.ones(len(inside)))[0], rel=1e-4)
        assert service.p_longer == pytest.approx(longer, rel=1e-6, abs=bound), service
        compared += 1
    assert compared


@pytest.mark.parametrize("site", ["L1", "L2R", pytest.param("L3R", marks=pytest.mark.slow), "nearline"])
def test_over_all_states_it_is_unavailability_and_failure_frequency_times_the_horizon(site) -> None:
    from k2rel.measures.outlook import Outlook
    from k2rel.measures.solution import solution_of
    from k2rel.services.diagrams import services_of

    dynamics = solution_of(site, "markov", k2rel.Organisation(tolerance=1e-6)).dynamics
    services = [service for service in services_of(dynamics.policy) if service.scope == "site"]
    outlook = Outlook(dynamics, services, DAY, (1 / 360, 1.0))
    p, nothing = dynamics.probability, np.zeros((dynamics.states.chain.states, 0))
    rates = np.column_stack([each.fails_per_h for each in outlook.services])
    (failures,) = ahead(dynamics.states.chain, [DAY], rates, nothing, nothing.astype(bool)).gained
    for n, service in enumerate(services):
        assert float(p @ outlook.downtime_h(n)) == pytest.approx(DAY * dynamics.unavailability(service), rel=1e-9)
        assert float(p @ failures[:, n]) == pytest.approx(DAY * dynamics.failure_frequency(service), rel=1e-9)


def test_a_usual_day_is_the_same_wherever_it_is_seen_from() -> None:
    one, other = k2rel.risk("L2R", "server_A"), k2rel.risk("L2R", ["switch_B", "isl_1"])
    for service in one.services:
        assert other[service.service].downtime_usual_h == pytest.approx(service.downtime_usual_h, rel=1e-4)
    media = k2rel.availability("L2R")["media"]
    assert one["media"].downtime_usual_h == pytest.approx(DAY * media.unavailability, rel=1e-3)


# --- what must not fail, what to do ----------------------------------------------------------------------------------


def test_with_one_server_out_what_the_other_needs_must_not_fail() -> None:
    """By the manual: the active side goes on with what it has, and nobody takes over."""
    found = k2rel.risk("L2R", "server_A")
    assert found.roles == {"file_system": "server_B"}
    now = {each.part for each in found.critical if not each.always}
    assert {"server_B", "switch_B", "fc_hba_B", "fc_link_B", "raid_controller_B", "software_B"} <= now
    assert not now & {"switch_A", "fc_link_A", "isl_1", "server_A"}
    always = {each.part for each in found.critical if each.always}
    assert {"raid_chassis", "media_raid"} <= always


@pytest.mark.parametrize("failed", [("server_A",), ("toe_A1",), ("switch_B",), ()])
def test_what_must_not_fail_is_what_takes_the_role_down_by_rules_written_apart(failed) -> None:
    """Of the file-system role; the parts that the library does not name must leave it where it is, or let it move."""
    study = k2rel.study("L2R")
    shared = {name: (1e-6, 0.2) for name in study.site.components if name not in study.site.drives}
    raid = dict.fromkeys(study.site.raid_sets, (1e-6, 0.2))
    chain = Apart(study.site, shared | raid)
    found = k2rel.risk(study, failed)
    named = {each.part for each in found._ahead.critical(now=True) if "file_system" in each.services}
    for part in shared:
        if part not in failed:
            state = chain.from_state([*failed, part])
            role = study.site.roles["file_system"]
            place = None if state is None else chain.place_of(state, role)
            down = place is None or not chain.runs(state, role.holders[place])
            assert (part in named) == down, part


def test_a_repair_now_is_the_state_without_the_failure() -> None:
    """What is left once server A is repaired: it is out of service, and the role is at B."""
    done = next(
        each for each in k2rel.risk("L2R", "server_A").actions if (each.action, each.after_h) == ("repair", 0.0)
    )
    after = k2rel.risk("L2R", (), roles={"file_system": "B"}, out_of_service="server_A")
    assert done.downtime_h == pytest.approx(after["media"].downtime_h, rel=1e-4)
    assert done.p_failure_within == pytest.approx(after["media"].p_failure_within, rel=1e-4)
    placed = next(each for each in after.actions if (each.action, each.after_h) == ("place in service", 0.0))
    both = k2rel.risk("L2R", (), roles={"file_system": "B"})
    assert placed.downtime_h == pytest.approx(both["media"].downtime_h, rel=1e-4)


def test_what_is_done_later_leaves_more() -> None:
    actions = k2rel.risk("L2R", "server_A").actions
    repair = [each.downtime_h for each in actions if each.action == "repair"]
    assert repair == sorted(repair)
    assert repair[-1] < k2rel.risk("L2R", "server_A")["media"].downtime_h


def pair(folder, *, each_its_type=False, **laws):
    """Parallel pairs in series: what fails, and how long its repair takes."""
    parts = {n: {"type": "fixed", "failure_rate": f"{rate} /h", "mttr": f"{h} h"} for n, (rate, h) in laws.items()}
    none = {"type": "fixed"}
    types = {"fixed": {"failure_rate": 0, "mttr": "1 h"}}
    if each_its_type:
        types |= {f"type_{name}": types["fixed"] for name in parts}
        parts = {name: part | {"type": f"type_{name}"} for name, part in parts.items()}
    stages = [{"at_least": 1, "of": [["a1"], ["a2"]]}, "hub", {"at_least": 1, "of": [["b1"], ["b2"]]}]
    document = {
        "format": 2, "name": "pairs", "title": "pairs", "sides": {"A": {}},
        "types": types,
        "components": {"hub": none, **{n: {**p, "in": "hub"} for n, p in parts.items()}},
        "clients": {"count": 1, "parts": {"seat": none, "cord": {**none, "between": ["seat", "hub"]}}},
        "traffic": {"media": {"paths": [{"side": "A", "via": ["seat", "cord", "hub", *stages]}]}},
    }  # fmt: skip
    path = folder / "pairs.yaml"
    path.write_text(json.dumps(document))
    return path


def test_the_order_of_repairs_is_the_best_of_all_orders_solved_apart(tmp_path) -> None:
    """Three parts have failed; one technician: every order as a chain of its own, downtime by a matrix exponential."""
    laws = {"a1": (5e-5, 10.0), "a2": (2e-4, 10.0), "b1": (5e-5, 2.0), "b2": (1e-4, 20.0)}
    path = pair(tmp_path, **laws)
    failed = ("a1", "b1", "b2")
    found = k2rel.risk(path, failed, "48 h", method="markov")
    orders = found.orders(1)

    def downtime(order):
        states = list(itertools.product((0, 1), repeat=4))
        names = list(laws)
        q = np.zeros((17, 17))
        for n, state in enumerate(states):
            gone = {name for name, bit in zip(names, state, strict=True) if bit}
            todo = [name for name in order if name in gone] + [name for name in names if name in gone - set(order)]
            for k, name in enumerate(names):
                other = states.index(tuple(bit ^ (i == k) for i, bit in enumerate(state)))
                if name in gone:  # what fails meanwhile is repaired at once by somebody else
                    q[n, other] = 1 / laws[name][1] if name in todo[:1] or name not in order else 0.0
                else:
                    q[n, other] = laws[name][0]
            q[n, 16] = float({"a1", "a2"} <= gone or {"b1", "b2"} <= gone)
        q[:16, :16] -= np.diag(q[:16, :16].sum(axis=1))
        start = states.index(tuple(int(name in failed) for name in names))
        return 60 * expm(q * 48.0)[start, 16]

    wanted = {", ".join(order): downtime(order) for order in itertools.permutations(failed)}
    assert set(orders.index) == set(wanted)
    assert orders.index[0] == min(wanted, key=lambda order: wanted[order])
    for name, minutes in orders["expected_downtime_min"].items():
        assert minutes == pytest.approx(wanted[name], rel=0.01)
    assert found.orders(3)["expected_downtime_min"].std() < 1e-9, "enough technicians: any order"
    assert found.orders(3)["expected_downtime_min"].iloc[0] == pytest.approx(60 * found["media"].downtime_h, rel=0.01)


def test_since_when_matters_where_repairs_do_not_forget(tmp_path) -> None:
    """Four phases of 2.5 h each: the rest after 6 h by the hazard of an Erlang law."""
    path = pair(tmp_path, a1=(1e-3, 10.0), a2=(5e-3, 10.0), b1=(1e-3, 2.0), b2=(2e-3, 20.0))
    erlang = k2rel.Organisation(repair_variation=0.25)
    new, old = (k2rel.risk(path, f"a1@{hours} h ago", organisation=erlang) for hours in (0, 6))
    assert new.redundancy[0][1] == pytest.approx(10.0, rel=1e-3)
    x = 6 / 2.5
    tail = sum(x**k / math.factorial(k) for k in range(4))
    left = sum((4 - k) * x**k / math.factorial(k) for k in range(4)) / tail * 2.5
    assert old.redundancy[0][1] == pytest.approx(left, rel=1e-3)
    usual = [k2rel.risk("L2R", f"server_A@{hours} h ago") for hours in (0, 6)]
    assert usual[0]["media"].downtime_h == pytest.approx(usual[1]["media"].downtime_h, rel=1e-12)
    assert any("exponential" in note for note in usual[1].notes)


def test_the_table_of_all_failures_says_of_each_what_its_own_risk_says() -> None:
    table = k2rel.duty_table("L2R")
    assert len(table) == len(set(table.index))
    for row in ("server_A", "switch_B", "raid_chassis"):
        one = k2rel.risk("L2R", row)
        assert table.loc[row, "expected_downtime_min"] == pytest.approx(60 * one["media"].downtime_h, rel=1e-4)
        assert table.loc[row, "redundancy_back_h"] == pytest.approx(one.redundancy_back_h, rel=1e-3)


def test_the_curve_ends_where_the_table_stands() -> None:
    found = k2rel.risk("L2R", "server_A")
    last = found.curve().iloc[-1]
    assert last["expected_downtime_min"] == pytest.approx(60 * found["media"].downtime_h, rel=1e-9)
    assert last["p_failure_within"] == pytest.approx(found["media"].p_failure_within, rel=1e-9)
    assert found.curve()["expected_downtime_min"].is_monotonic_increasing


def test_json_has_what_the_contract_says() -> None:
    found = json.loads(json.dumps(k2rel.risk("L2R", "server_A").to_json(), allow_nan=False))
    assert {"site", "method", "horizon_h", "error_bound", "state", "services", "critical", "actions"} <= set(found)
    assert {"failed", "roles", "out_of_service"} <= set(found["state"])
    service = {"service", "up_now", "p_failure_within", "p_failure_usual", "p_longer_than_10_min",
               "expected_downtime_min", "expected_downtime_usual_min"}  # fmt: skip
    assert service <= set(found["services"][0])
    assert {"part", "services", "p_part_failure"} <= set(found["critical"][0])
    assert {"action", "part", "after_h", "p_failure_within"} <= set(found["actions"][0])
    assert {each["service"]: each["p_failure_within"] for each in found["services"]}["ftp"] is None


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"failed": "serverA"}, "no part 'serverA'; did you mean 'server_A'"),
        ({"failed": ["server_A", "server_A@2 h ago"]}, "server_A is named twice"),
        ({"failed": "server_A@yesterday"}, "since when, such as '3 h ago'"),
        ({"failed": "server_A", "roles": {"file_system": "A"}}, "at once it would become file_system at B"),
        ({"failed": "server_A", "in_service": "server_A"}, "cannot be in service while server_A has failed"),
        ({"roles": {"file_system": "C"}}, "'C' is not one of its holders; known: server_A, server_B"),
        ({"roles": {"filesystem": "A"}}, "did you mean 'file_system'"),
        ({"out_of_service": "switch_A"}, "not a server that can be out of service"),
        ({"out_of_service": "server_A", "in_service": "server_A"}, "give one of them"),
        ({"failed": "client_1_media_A"}, "a client's own part"),
        ({"horizon": 0}, "horizon: a time above 0 and at most a year"),
        ({"horizon": "1e9 h"}, "horizon: a time above 0 and at most a year"),
        ({"horizon": "soon"}, "horizon"),
        ({"horizon": math.nan}, "horizon"),
        ({"failed": ["switch_A", "switch_B", "isl_1", "isl_2", "toe_A1", "toe_A2", "toe_B1"]}, "at most 6 parts"),
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_is_said_in_a_sentence(given, message) -> None:
    with pytest.raises(InputError) as error:
        k2rel.risk("L2R", **given)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_ideal_takeovers_have_no_place_for_roles() -> None:
    with pytest.raises(InputError, match="ideal takeovers"):
        k2rel.risk("L2R", (), organisation=k2rel.Organisation(roles="ideal"), roles={"file_system": "B"})


def test_a_horizon_of_too_many_steps_is_refused_beforehand() -> None:
    with pytest.raises(ModelTooLargeError, match="shorter time"):
        k2rel.risk("L3R", "server_1A", "8760 h")


def test_a_raid_set_that_is_named_has_lost_its_data_for_the_roles_too() -> None:
    """By the rules written apart: with the metadata gone no holder can perform the role, wherever it is."""
    study = k2rel.study("L2R")
    chain = Apart(study.site, dict.fromkeys(study.site.raid_sets, (1e-6, 0.2)))
    state = chain.from_state(["metadata_raid"])
    role = study.site.roles["file_system"]
    found = k2rel.risk(study, "metadata_raid")
    assert found.roles == {"file_system": role.holders[chain.place_of(state, role)].on}
    assert found["file_system"].up_now == chain.runs(state, role.holders[chain.place_of(state, role)]) == False  # noqa: E712


def test_a_table_of_all_failures_draws_no_picture(capsys, tmp_path) -> None:
    from k2rel.cli import main

    assert main(["risk", "L1", "--every-failure", "--picture", str(tmp_path / "x.svg")]) == 2
    assert "leave out --picture" in capsys.readouterr().err
