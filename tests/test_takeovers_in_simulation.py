"""Takeovers as they happen in histories: against the chain on random sites, closed forms, and in words."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from scipy import stats

import k2rel
from k2rel.errors import InputError
from k2rel.markov.engine import solved
from k2rel.measures.availability import availability
from k2rel.measures.takeover_counts import counts_in
from k2rel.policy.takeover import Takeover
from k2rel.simulation import Circumstances, Plan, simulate
from k2rel.simulation.kernel import records
from k2rel.simulation.rare import rare_loss
from k2rel.simulation.timeline import timeline
from tests.random_takeovers import FIXED, random_study
from tests.test_takeover_chain import by_hand

YEAR_H = 8760.0
FOLLOWED = k2rel.Organisation(tolerance=1e-7)
SITES = 200
ENOUGH = 200  # events over all histories, below which a count is far from normal
COUNTS = {
    "takeovers": records.R_MOVES, "failed": records.R_FAILED_MOVES, "splits": records.R_SPLITS,
    "given_back": records.R_GIVEN_BACK,
}  # fmt: skip


def off(found: float, error: float, value: float) -> float:
    """How many standard errors a mean of histories is off; where nothing varied it is right."""
    if error > 0:
        return (found - value) / error
    return 0.0 if found == pytest.approx(value, abs=1e-9) else math.inf


def mean_and_error(sums: Any, histories: int) -> tuple[float, float]:
    mean = sums[0] / histories
    return mean, math.sqrt(max(sums[1] / histories - mean**2, 0.0) / histories)


def z_scores(study: k2rel.Study, histories: int, seed: int) -> dict[str, float]:
    """Unavailability and interruptions of each role and class, takeovers and every event in time, off the chain's."""
    plan = Plan(histories=histories, years=1, warm_up_h=4000, seed=seed)
    found = simulate(study, FOLLOWED, plan=plan, workers=1)
    result = {}
    for item in availability(study, organisation=FOLLOWED, method="markov").services:
        seen = found[item.service]
        u, often = seen.unavailability, seen.interruptions_per_year
        if item.failures_per_year * histories > ENOUGH:
            result[f"down {item.service}"] = off(u.value, u.standard_error, item.unavailability)
            result[f"lost {item.service}"] = off(often.value, often.standard_error, item.failures_per_year)
    states = solved(study, FOLLOWED).states
    assert isinstance(states.takeover, Takeover)
    counts = counts_in(states)
    rows = {name: (getattr(counts, name), found.sums.reward[row]) for name, row in COUNTS.items()}
    each: dict[str, list[Any]] = defaultdict(list)
    for event, sums in zip(states.takeover.events, found.sums.happened, strict=True):
        each[event.name].append(sums)
    rows |= {name: (counts.events[name], sums[0]) for name, sums in each.items() if len(sums) == 1}
    for name, (per_h, sums) in rows.items():
        if max(per_h * YEAR_H * histories, sums[0]) > ENOUGH:
            result[name] = off(*mean_and_error(sums, histories), per_h * YEAR_H)
    return result


@pytest.mark.parametrize("seed", range(6))
def test_histories_scatter_around_the_chain(tmp_path, seed) -> None:
    found = z_scores(random_study(tmp_path, 1000 + seed), 150, seed)
    assert len(found) > 8
    assert all(abs(z) < 4.5 for z in found.values()), found


@pytest.mark.slow
def test_their_scores_over_many_sites_are_standard_normal(tmp_path) -> None:
    """Of each quantity by itself, for those of one site depend on each other: mean, spread, and the largest."""
    by_name: dict[str, list[float]] = defaultdict(list)
    for seed in range(SITES):
        for name, z in z_scores(random_study(tmp_path, seed), 300, seed).items():
            by_name[name].append(z)
    assert {"down master", "lost media", "takeovers", "failed", "splits", "spurious", "retry", "detection", "drill",
            "drift", "failback", "mending", "data_restore", "restoration", "auto_recovery"} <= set(by_name)  # fmt: skip
    one_of = 1e-4
    for name, scores in by_name.items():
        n, drawn = len(scores), np.array(scores)
        assert abs(drawn.mean()) * math.sqrt(n) < stats.norm.isf(one_of), (name, n, drawn.mean())
        low, high = stats.chi2.ppf(one_of, n), stats.chi2.isf(one_of, n)
        assert low < float(drawn @ drawn) < high, (name, n, drawn.std())
        assert np.abs(drawn).max() < stats.norm.isf(one_of / n), (name, n, drawn)
    every = np.concatenate([by_name["down master"], by_name["takeovers"]])
    assert stats.kstest(every, "norm").pvalue > one_of


# --- closed forms -----------------------------------------------------------------------------------------------------

LAW_A, LAW_PEER = (1 / 20, 1 / 20), (1 / 150, 1 / 10)


def failing(law: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {"type": "part", "mttf": f"{1 / law[0]} h", "mttr": f"{1 / law[1]} h"} | more


def site(folder, roles: Any = None, units: Any = None, parts: Any = None, **more: Any) -> k2rel.Study:
    """Two places, a and b; nothing fails but what is said."""
    document = {
        "format": 2, "name": "pair", "title": "pair", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "part": {"failure_rate": 0, "mttr": "1 h"}},
        "components": {"hub": FIXED, "a": FIXED | {"side": "A"}, "b": FIXED | {"side": "B"}} | (parts or {}),
        "links": {"port": FIXED | {"between": ["hub", "b"]}},
        "units": units or {}, "roles": roles or {},
        "clients": {"count": 1, "parts": {"seat": FIXED, "cord": FIXED | {"between": ["seat", "hub"]}}},
        "traffic": {"media": {"paths": [{"side": "B", "via": ["seat", "cord", "hub", "port", "b"]}]}},
    } | more  # fmt: skip
    path = folder / "pair.yaml"
    path.write_text(json.dumps(document))
    return k2rel.study(path)


def a_role(**rules: Any) -> dict[str, Any]:
    """A role whose holders have no server."""
    return {"master": {"holders": [{"side": "A", "needs": ["a"]}, {"side": "B", "needs": ["b"]}]} | rules}


def simulated(study: k2rel.Study, seed: int = 1) -> Any:
    return simulate(study, plan=Plan(histories=200, years=1, warm_up_h=2000, seed=seed), workers=1)


def test_a_port_is_suspended_though_no_role_can_move(tmp_path) -> None:
    """Peer link first: the port stays down when the other side is lost too, until it recovers by itself."""
    study = site(tmp_path, parts={"a": failing(LAW_A, side="A"), "peer": failing(LAW_PEER)},
                 suspends={"port": {"lost": ["peer"], "works": ["a"], "auto_recovery": "20 h"}})  # fmt: skip
    (fail_a, mend_a), (fail_p, mend_p) = LAW_A, LAW_PEER
    shares = by_hand({
        ("good", "suspended"): fail_p, ("suspended", "good"): mend_p,
        ("good", "a"): fail_a, ("a", "good"): mend_a,
        ("a", "both"): fail_p, ("both", "a"): mend_p, ("both", "suspended"): mend_a,
        ("suspended", "dark"): fail_a, ("dark", "suspended"): mend_a, ("dark", "a"): mend_p, ("dark", "both"): 1 / 20,
    })  # fmt: skip
    found = simulated(study)["media"].unavailability
    wanted = shares["suspended"] + shares["dark"]
    assert abs(off(found.value, found.standard_error, wanted)) < 4
    assert abs(off(found.value, found.standard_error, shares["suspended"])) > 4
    assert availability(study).services[0].unavailability == pytest.approx(wanted, rel=1e-6)


def test_a_role_without_a_server_moves(tmp_path) -> None:
    """It is away while it is on its way, and nobody has to place a server back in service."""
    study = site(tmp_path, a_role(switchover="2 h", failback="manual"), parts={"a": failing(LAW_A, side="A")})
    found = simulated(study)
    moves = found.load()["takeovers_per_year"]
    assert moves.value < 0.2  # once it is at b, which never fails, it stays there
    study = site(tmp_path, a_role(switchover="2 h", failback="automatic", giveback="0 s"),
                 parts={"a": failing(LAW_A, side="A")})  # fmt: skip
    (fail, mend), arrive = LAW_A, 1 / 2
    shares = by_hand({
        ("at a", "moves"): fail, ("moves", "at b"): arrive, ("moves", "a is back"): mend, ("at b", "at a"): mend,
        ("a is back", "at a"): arrive, ("a is back", "moves"): fail,
    })  # fmt: skip
    found = simulated(study)
    down, moves = found["master"].unavailability, found.load()["takeovers_per_year"]
    assert abs(off(down.value, down.standard_error, shares["moves"] + shares["a is back"])) < 4
    assert abs(off(moves.value, moves.standard_error, fail * shares["at a"] * YEAR_H)) < 4


def test_takeovers_are_counted_and_drills_and_givebacks_are_not(tmp_path) -> None:
    """Nothing fails: spurious takeovers, which are given back after a while; drills meanwhile."""
    rules = {
        "switchover": "1 h", "coverage": 0.75, "failback": "automatic after 10 h", "giveback": "30 min",
        "spurious": "0.01 /h", "readiness": {"drift": "0.0001 /h", "drill": "40 h", "takes": "15 min"},
    }  # fmt: skip
    study = site(tmp_path, a_role(**rules))
    found = simulated(study)
    load, figures = found.load(), k2rel.performability(study, method="markov")
    for name in ("takeovers_per_year", "failed_takeovers_per_year"):
        assert abs(off(load[name].value, load[name].standard_error, figures[name])) < 4
    told = {row["what"]: row for row in k2rel.interruptions(study, method="markov").attrs["takeover_counts"]}
    tries = told["spurious takeovers"]["events_per_year"]
    # a takeover that fails for its being unready is rare; a role that is held is tried at the rate
    held = 1 - sum(told[what]["downtime_min_per_year"] for what in ("drills", "failbacks of roles")) / 525_600
    held -= figures["failed_takeovers_per_year"] * 1.0 / YEAR_H + figures["takeovers_per_year"] * 1.0 / YEAR_H
    assert tries == pytest.approx(0.01 * YEAR_H * held, rel=2e-3)
    assert figures["takeovers_per_year"] + figures["failed_takeovers_per_year"] == pytest.approx(tries, rel=1e-9)
    assert figures["failed_takeovers_per_year"] == pytest.approx(0.25 * tries, rel=0.02)
    assert told["drills"]["events_per_year"] == pytest.approx(held * YEAR_H / 40, rel=0.02)
    assert told["drills"]["downtime_min_per_year"] == pytest.approx(15 * told["drills"]["events_per_year"], rel=1e-6)
    assert told["failbacks of roles"]["downtime_min_per_year"] == pytest.approx(
        30 * told["failbacks of roles"]["events_per_year"], rel=1e-6
    )


def test_laws_of_times_that_a_probability_parts_are_refused(tmp_path) -> None:
    steps = {"switchover": "1 h", "coverage": 0.8, "spurious": "0.01 /h"}
    unsure = a_role(**steps, failed_takeover={"operator_coverage": 0.5, "restoration": "9 h"})
    given = Circumstances(times={"manual_takeover": "weibull(shape=2)", "switchover": "lognormal(sigma=0.5)"})
    with pytest.raises(
        InputError, match=r"^times.manual_takeover: the operator can fail \(operator_coverage of master"
    ):
        simulate(site(tmp_path, unsure), circumstances=given, plan=Plan(histories=10))
    study = site(tmp_path, a_role(**steps))
    found = simulate(study, circumstances=given, plan=Plan(histories=200, years=1, seed=2), workers=1)
    down = found["master"].unavailability
    # each of the spurious takeovers takes an hour on average, by whatever law; those that fail take another one
    assert abs(off(down.value, down.standard_error, 0.01 / (1 + 0.01))) < 4


@pytest.mark.parametrize("method", ["biasing", pytest.param("splitting", marks=pytest.mark.slow)])
def test_rare_losses_begin_without_a_failure_too(tmp_path, method) -> None:
    """A takeover without a cause, while the backup is good, takes an hour; failures of the backup matter in between."""
    study = site(tmp_path, a_role(switchover="1 h", failback="automatic", giveback="0 s", spurious="0.0025 /h"),
                 parts={"b": failing((1 / 100, 1 / 10), side="B")})  # fmt: skip
    wanted = availability(study, method="markov")["master"].unavailability
    assert wanted == pytest.approx(0.0025 * 10 / 11, rel=0.02)
    found = rare_loss(study, service="master", method=method, target=0.06, seed=4).unavailability
    assert abs(off(found.value, found.standard_error, wanted)) < 3.5


# --- in words ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def history_of(folder) -> Any:
    """One history of a site with every rule."""
    rules = {
        "switchover": "5 min", "coverage": 0.8, "failback": "automatic after 4 h", "giveback": "2 min",
        "detection": "3 min", "spurious": "20 per year", "unable_backup": "waits",
        "failed_takeover": {"retry_after": "10 min", "retry_coverage": 0.5, "operator_coverage": 0.6,
                            "restoration": "8 h"},
        "readiness": {"drift": "30 per year", "drill": "30 d", "takes": "10 min"},
        "split_brain": {"mend": "2 h", "restore_probability": 0.5, "restore": "12 h"},
    }  # fmt: skip
    needs = [{"heartbeat": "ring", "missing": "anyway"},
             {"fence": "fence", "missing": "anyway", "coverage": 0.9, "time": "1 min"}]  # fmt: skip
    role = a_role(**rules)
    for holder, name in zip(role["master"]["holders"], "ab", strict=True):
        holder |= {"on": name, "units": [f"unit_{name}"]}
    study = site(
        folder, role,
        {f"unit_{name}": {"server": name, "triggers": [name], "takeover_needs": needs} for name in "ab"},
        {"a": failing((1 / 400, 1 / 8), side="A"), "b": FIXED | {"side": "B"},
         **{name: failing((1 / 200, 1 / 20)) for name in ("ring", "fence", "peer")}},
        suspends={"port": {"lost": ["peer"], "works": ["a"], "auto_recovery": "4 h"}},
    )  # fmt: skip
    return timeline(study, seed=3, years=8)


@pytest.fixture(scope="module")
def told_words(tmp_path_factory):
    return [event.words for event in history_of(tmp_path_factory.mktemp("told")).events]


@pytest.mark.parametrize(
    "words",
    [
        "the switchover is complete: master at B, a out of service",
        "an operator places the role after the failed takeover: master at A",
        "an operator fails to place the role after the failed takeover: master being restored",
        "master is restored: master at A",
        "a failure is detected: master in takeover from A, a out of service",
        "a takeover of master begins spuriously: master in takeover from B",
        "the retry of the takeover of master succeeds: master at B, a out of service",
        "the retry of the takeover of master fails: master stranded from A",
        "master returns to its first holder: master being given back from B",
        "the split brain of master is resolved: master at A",
        "data of master must be restored after the split brain: master waiting for its data",
        "the data of master are restored: master at A",
        "the takeover of master becomes unready without being detected: master at A, takeover of master unready",
        "a drill of master begins: master in a drill at A",
        "a drill of master begins and finds its takeover unready: master in a drill at A",
        "the drill of master ends: master at A",
        "port recovers automatically: master at B",
        "peer fails; master at A, port suspended",
        "a failure is detected: master at A and B at once",
        "ring fails; master at A, b out of service",
    ],
)
def test_what_happens_is_told(told_words, words) -> None:
    assert any(said == words or said.startswith(f"{words},") for said in told_words), [
        said for said in dict.fromkeys(told_words) if said.split(":")[0] == words.split(":")[0]
    ][:5]
