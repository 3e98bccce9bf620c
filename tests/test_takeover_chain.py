"""Takeovers as they happen: the rules followed state by state, by hand and by the library, on the same sites.

`tests.takeover_chain` shares no line with the library's policy and engines. Here it is held against published values
and chains written down by hand, then every engine is held against it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np
import pytest

import k2rel
from tests.random_takeovers import FIXED, laws_of, random_study
from tests.takeover_chain import Chain, Steady, ideal

A, B = (1 / 300, 1 / 7), (1 / 500, 1 / 5)  # of the servers
C, D = (1 / 200, 1 / 4), (1 / 400, 1 / 9)  # of what is between and beside them
MANUAL, BACK = 2.0, 3.0
SWITCH = 0.5


def site_of(folder, role: Mapping[str, Any], needs: list[Any], holder: Mapping[str, Any] | None = None, **more: Any):
    """Two servers that a role can be on, with what a takeover from each needs; what fails is said elsewhere."""
    units = {f"unit_{n}": {"server": n, "triggers": [n]} | ({"takeover_needs": needs} if needs else {}) for n in "ab"}
    holders = [
        {"side": side, "on": n, "units": [f"unit_{n}"], "needs": [n]} | (holder or {})
        for side, n in zip("AB", "ab", strict=True)
    ]
    beside = ("beat", "fence", "soft", "peer")
    paths = [{"side": side, "via": ["seat", "cord", "hub", n]} for side, n in zip("AB", "ab", strict=True)]
    document = {
        "format": 2, "name": "pair", "title": "pair", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "software": {"failure_rate": 0, "mttr": "1 h"}},
        "components": {"hub": FIXED, "a": FIXED | {"in": "hub", "needs": ["soft"]}, "b": FIXED | {"in": "hub"}}
        | dict.fromkeys(beside, FIXED) | {"soft": {"type": "software"}, "witness": FIXED | {"in": "hub"}},
        "units": units, "roles": {"master": {"holders": holders} | dict(role)},
        "clients": {"count": 1, "parts": {"seat": FIXED, "cord": FIXED | {"between": ["seat", "hub"]}}},
        "traffic": {"media": {"requires": ["master"], "prefer": "role master", "paths": paths},
                    "at_a": {"paths": [paths[0] | {"when": {"master": "A"}}]}, "through_b": {"paths": paths[1:]}},
    } | more  # fmt: skip
    path = folder / "pair.yaml"
    path.write_text(json.dumps(document))
    return k2rel.study(path).site


def by_hand(rates: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Long-run shares of a few states, from the rates between them."""
    names = list(dict.fromkeys(name for pair in rates for name in pair))
    q = np.zeros((len(names), len(names)))
    for (before, after), rate in rates.items():
        q[names.index(before), names.index(after)] += rate
    q -= np.diag(q.sum(axis=1))
    x, *_ = np.linalg.lstsq(np.vstack([q.T, np.ones(len(names))]), [*np.zeros(len(names)), 1.0], rcond=None)
    return dict(zip(names, x, strict=True))


def steady(site: Any, **laws: tuple[float, float]) -> Steady:
    return Chain(site, laws, MANUAL, BACK).steady


def up(law: tuple[float, float]) -> float:
    return law[1] / (law[0] + law[1])


# --- the rules, by hand ----------------------------------------------------------------------------------------------

BEAT = [{"heartbeat": "beat"}]
ANYWAY = [{"heartbeat": "beat", "missing": "anyway"}]
FENCED = [*ANYWAY, {"fence": "fence"}]
AUTO = {"failback": "automatic"}


@pytest.mark.parametrize(("needs", "expected"), [(BEAT, 1.49676e-6), (ANYWAY, 4.99750e-4)])
def test_waiting_for_a_heartbeat_or_not_has_the_published_unavailability(tmp_path, needs, expected) -> None:
    laws = {"a": (1e-4, 0.1), "b": (1e-4, 0.1), "beat": (1 / 20_000, 0.1)}
    found = ideal(site_of(tmp_path, AUTO, needs), laws)["media"]
    server, beat = 10 / 10_010, 10 / 20_010
    alone = server * (1 - server) * beat if needs is BEAT else (1 - server) ** 2 * beat
    assert found == pytest.approx(server**2 + alone, rel=1e-12)
    assert found == pytest.approx(expected, rel=4e-6)


def test_a_loss_is_down_until_it_is_detected(tmp_path) -> None:
    site = site_of(tmp_path, AUTO | {"detection": {"default": "2 h", "software": "30 min"}}, BEAT)
    slow = by_hand({("up", "lost"): A[0], ("lost", "up"): A[1], ("lost", "moved"): 1 / 2, ("moved", "up"): A[1]})
    assert steady(site, a=A).unavailability["master"] == pytest.approx(slow["lost"], rel=1e-10)
    quick = by_hand({("up", "lost"): C[0], ("lost", "up"): C[1], ("lost", "moved"): 2, ("moved", "up"): C[1]})
    assert steady(site, soft=C).unavailability["master"] == pytest.approx(quick["lost"], rel=1e-10)


def test_a_takeover_without_a_cause_costs_a_switchover_and_the_server_that_it_shuts_down(tmp_path) -> None:
    found = steady(site_of(tmp_path, {"spurious": "0.01 /h", "switchover": f"{SWITCH} h"}, BEAT))
    rates = {}
    for here, there in ("ab", "ba"):  # at a server, with both in service or one; in between the former one is out
        rates |= {
            (f"{here}, both", f"to {there}"): 0.01, (f"to {there}", f"{there}, one"): 1 / SWITCH,
            (f"to {there}", "from both"): 1 / BACK, (f"{there}, one", f"{there}, both"): 1 / BACK,
        }  # fmt: skip
    rates["from both", "a, both"] = 1 / SWITCH  # the first that is ready
    shares = by_hand(rates)
    assert found.unavailability["master"] == pytest.approx(shares["to a"] + shares["to b"] + shares["from both"])
    assert found.takeovers_per_h["master"] == pytest.approx(0.01 * (shares["a, both"] + shares["b, both"]))


def test_a_takeover_without_a_cause_waits_for_its_fence_as_others_do(tmp_path) -> None:
    """The servers do not fail: at one with the other in service, or out of it, and whether the fence works."""
    site = site_of(tmp_path, {"spurious": "0.01 /h", "switchover": f"{SWITCH} h"}, [{"fence": "fence"}])
    rates = {}
    for fence in ("", ", bare"):
        if not fence:
            rates["held", "on its way"] = 0.01
        rates |= {
            (f"on its way{fence}", f"alone{fence}"): 1 / SWITCH, (f"alone{fence}", f"held{fence}"): 1 / BACK,
            (f"on its way{fence}", f"both{fence}"): 1 / BACK, (f"both{fence}", f"held{fence}"): 1 / SWITCH,
        }  # fmt: skip
    for state in ("held", "on its way", "alone", "both"):
        rates |= {(state, f"{state}, bare"): C[0], (f"{state}, bare", state): C[1]}
    shares = by_hand(rates)
    down = sum(share for state, share in shares.items() if state.startswith(("on its way", "both")))
    assert steady(site, fence=C).unavailability["master"] == pytest.approx(down, rel=1e-10)
    settings = {"fence.failure_rate": f"{C[0]} /h", "fence.mttr": f"{1 / C[1]} h"}
    times = k2rel.Organisation(return_to_service_h=BACK, tolerance=1e-10)
    study = k2rel.study(tmp_path / "pair.yaml", settings=settings)
    found = k2rel.availability(study, organisation=times, method="markov")
    assert found["master"].unavailability == pytest.approx(down, rel=1e-8)


def test_fences_that_take_equally_long_have_a_slope_each(tmp_path) -> None:
    site_of(tmp_path, {"switchover": f"{SWITCH} h"}, [{"fence": "fence", "time": "0.3 h"}])
    settings = {f"{n}.{key}": value for n in "ab" for key, value in (("failure_rate", "0.01 /h"), ("mttr", "10 h"))}

    def solved(**more: str) -> k2rel.Answer:
        given = settings | {f"{unit}.fence_time": time for unit, time in more.items()}
        return k2rel.study(tmp_path / "pair.yaml", settings=given).solve(method="markov")

    slopes = solved().assumption_importance()["slope_min_per_year"]
    for unit in ("unit_a", "unit_b"):
        more, less = (solved(**{unit: f"{0.3 + step} h"})["media"].downtime_min_per_year for step in (1e-4, -1e-4))
        assert slopes[f"{unit} fence fence time"] == pytest.approx((more - less) / 2e-4 / 3600, rel=1e-4)


def test_after_a_failure_a_retry_then_an_operator_then_a_restoration(tmp_path) -> None:
    failed = {"retry_after": "15 min", "retry_coverage": 0.7, "operator_coverage": 0.9, "restoration": "6 h"}
    found = steady(site_of(tmp_path, AUTO | {"coverage": 0.6, "failed_takeover": failed}, BEAT), a=A)
    rates = {("up", "moved"): 0.6 * A[0], ("up", "retrying"): 0.4 * A[0], ("moved", "up"): A[1]}
    for doing in ("retrying", "stranded", "restoring"):  # the lost server may be back meanwhile, and lost again
        rates |= {(doing, f"{doing}, good"): A[1], (f"{doing}, good", doing): A[0]}
    for good, end in (("", "moved"), (", good", "up")):
        rates |= {
            (f"retrying{good}", end): 0.7 * 4, (f"retrying{good}", f"stranded{good}"): 0.3 * 4,
            (f"stranded{good}", end): 0.9 / MANUAL, (f"stranded{good}", f"restoring{good}"): 0.1 / MANUAL,
            (f"restoring{good}", end): 1 / 6,
        }  # fmt: skip
    shares = by_hand(rates)
    assert found.unavailability["master"] == pytest.approx(1 - shares["up"] - shares["moved"], rel=1e-10)
    assert found.positions["master", "restoring"] == pytest.approx(shares["restoring"] + shares["restoring, good"])


@pytest.mark.parametrize("giveback", [None, 2.0, 0.0])
@pytest.mark.parametrize("delay", [0.0, 4.0])
def test_what_returns_does_so_after_its_delay_and_costs_its_own_interruption(tmp_path, giveback, delay) -> None:
    back = {"failback": f"automatic after {delay} h" if delay else "automatic", "switchover": f"{SWITCH} h"}
    given = {} if giveback is None else {"giveback": f"{giveback} h"}
    found = steady(site_of(tmp_path, back | given, BEAT), a=A)
    rates = {("up", "to b"): A[0], ("to b", "at b"): 1 / SWITCH, ("to b", "to b, a good"): A[1],
             ("to b, a good", "to b"): A[0], ("to b, a good", "up"): 1 / SWITCH}  # fmt: skip
    if giveback is None:  # it returns on its way as it went, and arrives at b where a is lost again
        begun = "to b, a good"
    elif giveback:
        begun = "given back"
        rates |= {("given back", "up"): 1 / giveback, ("given back", "given back, lost"): A[0],
                  ("given back, lost", "given back"): A[1], ("given back, lost", "at b"): 1 / giveback}  # fmt: skip
    else:
        begun = "up"
    if delay:
        rates |= {("at b", "at b, a good"): A[1], ("at b, a good", "at b"): A[0], ("at b, a good", begun): 1 / delay}
    else:
        rates["at b", begun] = A[1]
    shares = by_hand(rates)
    there = shares["up"] + shares["at b"] + shares.get("at b, a good", 0.0)
    assert found.unavailability["master"] == pytest.approx(1 - there, rel=1e-9)
    assert found.unavailability["at_a"] == pytest.approx(1 - shares["up"], rel=1e-9)


@pytest.mark.parametrize("takes", [0.0, 0.5])
def test_an_unready_takeover_fails_and_a_drill_finds_it(tmp_path, takes) -> None:
    ready = {"drift": "0.02 /h", "drill": "50 h", "takes": f"{takes} h"}
    found = steady(site_of(tmp_path, AUTO | {"readiness": ready}, BEAT), a=A)
    rates = {
        ("up", "moved"): A[0], ("moved", "up"): A[1], ("up", "unready"): 0.02, ("moved", "moved, unready"): 0.02,
        ("moved, unready", "unready"): A[1], ("unready", "stranded"): A[0],
        ("stranded", "moved"): 1 / MANUAL, ("stranded", "stranded, good"): A[1], ("stranded, good", "up"): 1 / MANUAL,
        ("stranded, good", "stranded"): A[0],
    }  # fmt: skip
    for name in ("stranded", "stranded, good"):
        rates |= {(name, f"{name}, unready"): 0.02}
    rates |= {
        ("stranded, unready", "moved, unready"): 1 / MANUAL, ("stranded, good, unready", "unready"): 1 / MANUAL,
        ("stranded, unready", "stranded, good, unready"): A[1], ("stranded, good, unready", "stranded, unready"): A[0],
    }  # fmt: skip
    if takes:  # a drill interrupts the role; the loss of its server meanwhile is found at its end
        for also in ("", ", unready"):
            rates |= {
                (f"drill{also}", also.strip(", ") or "up"): 1 / takes, (f"drill{also}", f"drill, lost{also}"): A[0],
                (f"drill, lost{also}", f"drill{also}"): A[1], (f"drill, lost{also}", f"moved{also}"): 1 / takes,
            }  # fmt: skip
        rates |= {("drill", "drill, unready"): 0.02, ("drill, lost", "drill, lost, unready"): 0.02}
        rates |= {("up", "drill"): 1 / 50, ("unready", "drill"): 1 / 50, ("unready", "up"): 1 / 50}
    else:
        rates |= {("unready", "up"): 2 / 50}
    shares = by_hand(rates)
    lost = sum(share for name, share in shares.items() if name.startswith(("stranded", "drill")))
    assert found.unavailability["master"] == pytest.approx(lost, rel=1e-9)


@pytest.mark.parametrize(("serves", "down"), [("neither", ["media", "at_a"]), ("former", []), ("new", ["at_a"])])
def test_a_lost_heartbeat_that_is_taken_for_a_loss_splits_the_role(tmp_path, serves, down) -> None:
    found = steady(site_of(tmp_path, {"split_brain": {"serves": serves}}, ANYWAY), beat=C)
    for name in ("media", "at_a"):
        assert found.unavailability[name] == pytest.approx(1 - up(C) if name in down else 0.0, abs=1e-12)
    assert found.splits_per_h["master"] == pytest.approx(up(C) * C[0], rel=1e-12)


def test_a_split_role_is_mended_and_may_need_its_data_restored(tmp_path) -> None:
    split = {"mend": "3 h", "restore_probability": 0.3, "restore": "10 h"}
    found = steady(site_of(tmp_path, {"split_brain": split}, ANYWAY), beat=C)
    rates = {("up", "split"): C[0], ("split", "mending"): C[1], ("mending", "data"): 0.3 / 3, ("mending", "up"): 0.7 / 3,
             ("data", "up"): 1 / 10}  # fmt: skip
    for name in ("mending", "data"):  # the heartbeat may be down again; then the role is split as soon as it is placed
        rates |= {(name, f"{name}, silent"): C[0], (f"{name}, silent", name): C[1]}
    rates |= {
        ("mending, silent", "data, silent"): 0.3 / 3,
        ("mending, silent", "split"): 0.7 / 3,
        ("data, silent", "split"): 1 / 10,
    }
    assert found.unavailability["master"] == pytest.approx(1 - by_hand(rates)["up"], rel=1e-10)


def test_a_split_ends_with_the_loss_of_one_side_and_the_other_goes_on(tmp_path) -> None:
    found = steady(site_of(tmp_path, {}, ANYWAY), beat=C, a=A)
    # the role is split, at b while a is down, and at b with a out of service until a person places it: nothing would
    # stop it, so that is done while the heartbeat is lost too, and the role is split again
    rates = {
        ("up, a", "split"): C[0], ("split", "up, a"): C[1], ("split", "b, silent, lost"): A[0], ("up, a", "b, lost"): A[0],
        ("b, silent, lost", "b, silent, out"): A[1], ("b, silent, out", "b, silent, lost"): A[0],
        ("b, silent, out", "split b"): 1 / BACK,
        ("b, silent, lost", "b, lost"): C[1], ("b, lost", "b, silent, lost"): C[0],
        ("b, silent, out", "b, out"): C[1], ("b, out", "b, silent, out"): C[0],
        ("b, lost", "b, out"): A[1], ("b, out", "b, lost"): A[0], ("b, out", "b, both"): 1 / BACK,
        ("b, both", "split b"): C[0], ("split b", "b, both"): C[1], ("b, both", "b, lost"): A[0],
        ("split b", "b, silent, lost"): A[0],
    }  # fmt: skip
    shares = by_hand(rates)
    assert found.unavailability["master"] == pytest.approx(shares["split"] + shares.get("split b", 0.0), rel=1e-10)


@pytest.mark.parametrize("missing", ["wait", "anyway"])
def test_a_fence_does_its_work_with_a_probability_and_takes_time(tmp_path, missing) -> None:
    needs = [*BEAT, {"fence": "fence", "coverage": 0.8, "time": "15 min", "missing": missing}]
    role = AUTO | {"switchover": f"{SWITCH} h", "coverage": 0.9, "giveback": "0 s"}
    site = site_of(tmp_path, role, needs)
    rates = {("up", "to b"): 0.72 * A[0], ("up", "stranded"): 0.28 * A[0], ("to b", "at b"): 1 / (SWITCH + 0.25),
             ("to b", "to a"): A[1], ("to a", "to b"): A[0], ("to a", "up"): 1 / (SWITCH + 0.25), ("at b", "up"): A[1],
             ("stranded", "at b"): 1 / MANUAL, ("stranded", "stranded, good"): A[1],
             ("stranded, good", "stranded"): A[0], ("stranded, good", "up"): 1 / MANUAL}  # fmt: skip
    shares = by_hand(rates)
    assert steady(site, a=A).unavailability["master"] == pytest.approx(1 - shares["up"] - shares["at b"], rel=1e-10)
    # a fence that is down from the beginning to the end: wait as long as the loss, or go on without it
    q = 1 - up(A)
    assert ideal(site, {"a": A, "fence": (1e6, 1e-6)})["master"] == pytest.approx(
        q if missing == "wait" else 0.0, abs=1e-9
    )


@pytest.mark.parametrize("partition", ["keeps", "moves"])
def test_of_two_that_can_stop_each_other_one_goes_on_and_the_other_is_out(tmp_path, partition) -> None:
    found = steady(site_of(tmp_path, {"partition": partition}, FENCED), beat=C)
    if partition == "keeps":  # b is shot, and comes back some time after the heartbeat
        rates = {("up", "shot"): C[0], ("shot", "out"): C[1], ("out", "shot"): C[0], ("out", "up"): 1 / BACK}
        assert found.unavailability["through_b"] == pytest.approx(1 - by_hand(rates)["up"], rel=1e-10)
        assert found.unavailability["at_a"] == 0
    else:  # the role changes sides at every loss of the heartbeat that finds both in service
        rates = {("up", "shot"): C[0], ("shot", "out"): C[1], ("out", "shot"): C[0], ("out", "up"): 1 / BACK}
        shares = by_hand(rates)
        assert found.unavailability["at_a"] == pytest.approx(0.5, rel=1e-10)
        assert found.unavailability["through_b"] == pytest.approx((1 - shares["up"]) / 2, rel=1e-10)
    assert found.unavailability["master"] == 0
    assert found.splits_per_h["master"] == 0


def test_without_a_majority_of_the_votes_nobody_has_the_role(tmp_path) -> None:
    votes = {"takeover_needs": [{"quorum": {"at_least": "majority", "of": [["a"], ["beat", "b"], "witness"]}}]}
    laws = {"beat": C, "b": B, "witness": D, "a": A}
    found = ideal(site_of(tmp_path, AUTO, BEAT, votes), laws)["master"]
    a, beat, b, witness = up(A), up(C), up(B), up(D)
    # at a with one of two others; else at b, which the same three votes let have it, if the loss of a is seen
    expected = a * (1 - (1 - beat * b) * (1 - witness)) + (1 - a) * beat * b * witness
    assert found == pytest.approx(1 - expected, rel=1e-12)


def test_what_a_holder_needs_to_take_over_it_does_not_need_to_go_on(tmp_path) -> None:
    found = steady(site_of(tmp_path, AUTO, BEAT, {"takeover_needs": ["witness"]}), a=A, witness=D)
    q, w = 1 - up(A), 1 - up(D)
    # lost while the witness is down: until one of both is back; at b while the witness is down: also after the repair
    rates = {
        ("up", "b, lost"): A[0], ("b, lost", "up"): A[1], ("up", "blind"): D[0], ("blind", "up"): D[1],
        ("blind", "down"): A[0], ("down", "blind"): A[1], ("down", "b, lost"): D[1], ("b, lost", "b, blind"): D[0],
        ("b, blind", "b, lost"): D[1], ("b, blind", "b, good"): A[1], ("b, good", "b, blind"): A[0], ("b, good", "up"): D[1],
    }  # fmt: skip
    shares = by_hand(rates)
    assert sum(shares[name] for name in ("b, lost", "down", "b, blind")) == pytest.approx(q)
    assert found.unavailability["master"] == pytest.approx(shares["down"], rel=1e-10)
    assert ideal(site_of(tmp_path, AUTO, BEAT, {"takeover_needs": ["witness"]}), {"a": A, "witness": D})[
        "master"
    ] == pytest.approx(q * w, rel=1e-10)


def test_a_takeover_takes_further_servers_down(tmp_path) -> None:
    units = {
        "unit_a": {"server": "a", "triggers": ["a"], "takes_down": ["witness"]},
        "unit_b": {"server": "b", "triggers": ["b"]}, "other": {"server": "witness", "triggers": ["witness"]},
    }  # fmt: skip
    through = {"paths": [{"side": "A", "via": ["seat", "cord", "hub", "witness"]}]}
    site = site_of(tmp_path, AUTO, [], {}, units=units, traffic={"media": through})
    found = steady(
        site, soft=C
    )  # the other server works all the time; a person places it back, the role returns itself
    rates = {("up", "lost, out"): C[0], ("lost, out", "lost"): 1 / BACK, ("lost", "up"): C[1],
             ("lost, out", "out"): C[1], ("out", "lost, out"): C[0], ("out", "up"): 1 / BACK}  # fmt: skip
    shares = by_hand(rates)
    assert found.unavailability["media"] == pytest.approx(shares["out"] + shares["lost, out"], rel=1e-10)
    assert found.unavailability["master"] == 0


@pytest.mark.parametrize("recovery", [None, 3.0])
def test_a_port_is_suspended_until_what_was_lost_is_back_or_it_recovers(tmp_path, recovery) -> None:
    entry = {"lost": ["peer"], "works": ["witness"]} | ({"auto_recovery": f"{recovery} h"} if recovery else {})
    site = site_of(tmp_path, AUTO, BEAT, suspends={"b": entry})
    found = steady(site, peer=C, witness=D)
    rates = {
        ("good", "suspended"): C[0], ("suspended", "good"): C[1], ("suspended", "dark"): D[0], ("dark", "suspended"): D[1],
        ("dark", "alone"): C[1], ("alone", "good"): D[1], ("good", "alone"): D[0],
        ("alone", "both"): C[0], ("both", "alone"): C[1], ("both", "suspended"): D[1],
    }  # fmt: skip
    if recovery:
        rates["dark", "both"] = 1 / recovery
    shares = by_hand(rates)
    out = shares["suspended"] + shares["dark"]
    assert ideal(site, {"peer": C, "witness": D})["through_b"] == pytest.approx((1 - up(C)) * up(D), rel=1e-12)
    assert found.unavailability["through_b"] == pytest.approx(out, rel=1e-10)


def test_a_walk_through_the_chain_finds_the_same(tmp_path) -> None:
    study = random_study(tmp_path, 5)
    chain = Chain(study.site, laws_of(study), MANUAL, BACK)
    expected, chance = chain.steady.unavailability["master"], random.Random(7)
    moves: dict[Any, Any] = {}
    (state,) = (each.state for each in chain.at_once(chain.start))
    lost = [0.0] * 50
    total = [0.0] * 50
    for step in range(25_000):
        if state not in moves:
            found = list(chain.next(state))
            moves[state] = [*accumulate(rate for rate, _ in found)], [each.state for _, each in found]
        rates, after = moves[state]
        stays = chance.expovariate(rates[-1])
        total[step // 500] += stays
        lost[step // 500] += 0.0 if chain.performed(state)["master"] else stays
        (state,) = chance.choices(after, cum_weights=rates)
    off = np.array(lost) - expected * np.array(total)
    assert abs(off.mean()) < 4 * off.std(ddof=1) / len(off) ** 0.5
    assert off.std(ddof=1) / len(off) ** 0.5 < 0.2 * expected * sum(total) / len(total)


# --- the library -----------------------------------------------------------------------------------------------------

QUICK = (5, 12, 15, 19, 24, 33, 35, 46, 51, 54, 62)
SEEDS = [seed if seed in QUICK else pytest.param(seed, marks=pytest.mark.slow) for seed in range(200)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_library_follows_the_same_rules(tmp_path, seed) -> None:
    study = random_study(tmp_path, seed)
    laws = laws_of(study)
    times = k2rel.Organisation(manual_takeover_h=MANUAL, return_to_service_h=BACK, tolerance=1e-10)
    modelled = k2rel.availability(study, organisation=times, method="markov")
    bound = modelled.provenance.error_bound
    assert bound is not None
    exact = k2rel.availability(study, method="exact")
    chain = Chain(study.site, laws, MANUAL, BACK).steady.unavailability
    for name, value in ideal(study.site, laws).items():
        assert modelled[name].unavailability == pytest.approx(chain[name], rel=1e-6, abs=bound + 1e-11), name
        assert exact[name].unavailability == pytest.approx(value, rel=1e-9, abs=1e-14), name
