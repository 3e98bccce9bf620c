"""Designs whose point is how a takeover goes, as a person writes them down: what happens, and what that is worth.

Figures are those of chains and closed forms that stand here or in `takeover_chain`, never of k2rel.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

import k2rel
from k2rel.bundled import data_dir
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover, TakeoverTimes
from tests.enumerated import hours
from tests.takeover_chain import Chain

FOLDER = data_dir() / "examples" / "designs"
TAKEOVERS = ("mlag", "pacemaker", "vrrp", "stretched", "ha_pair")
CLOSE = k2rel.Organisation(tolerance=1e-14)


def document(name: str) -> dict[str, Any]:
    result: dict[str, Any] = YAML(typ="safe").load((FOLDER / f"{name}.yaml").read_text())
    return result


def laws(name: str) -> dict[str, tuple[float, float]]:
    """Failure and repair rate per hour of each shared part that can fail, as the file gives them."""
    data, result = document(name), {}
    for part, entry in {**data["components"], **data["links"]}.items():
        law = data["types"][entry["type"]]
        if law.get("failure_rate") != 0:
            mttr = hours(law["mttr"])
            q = law.get("unavailability")
            result[part] = (1 / hours(law["mttf"]) if q is None else q / (1 - q) / mttr, 1 / mttr)
    return result


def share_down(name: str) -> dict[str, float]:
    return {part: failure / (failure + repair) for part, (failure, repair) in laws(name).items()}


def study(name: str, without: Iterable[str] = ()) -> k2rel.Study:
    """A design, of which some parts, and what clients have of their own, never fail."""
    own = [part for part in document(name)["clients"]["parts"] if part != "client"]
    return k2rel.study(FOLDER / f"{name}.yaml", settings={f"{part}.external": "true" for part in (*own, *without)})


def as_modelled(of: k2rel.Study) -> dict[str, float]:
    found = k2rel.availability(of, organisation=CLOSE, method="markov")
    return {item.service: item.unavailability for item in found.services}


def ideal(name: str) -> dict[str, float]:
    found = k2rel.availability(k2rel.study(FOLDER / f"{name}.yaml"), method="exact")
    return {item.service: item.unavailability for item in found.services}


# --- all of them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TAKEOVERS)
def test_each_stands_in_less_than_sixty_lines_and_check_finds_nothing(name) -> None:
    assert len((FOLDER / f"{name}.yaml").read_text().splitlines()) < 60
    assert not k2rel.study(FOLDER / f"{name}.yaml").site.warnings


# parts that are left out here, so that the chain stays small; the slow one has them all
SMALL = {"pacemaker": ("storage", "ring_1", "feed_1", "feed_2", "bmc_2")}


def against_the_chain(name: str, without: Iterable[str]) -> None:
    mine = study(name, without)
    wanted = Chain(mine.site, {part: law for part, law in laws(name).items() if part not in set(without)}).steady
    found = as_modelled(mine)
    for service, value in wanted.unavailability.items():
        assert found[service] == pytest.approx(value, rel=1e-6), service


@pytest.mark.parametrize("name", TAKEOVERS)
def test_a_chain_of_single_states_gives_the_same_unavailability(name) -> None:
    against_the_chain(name, SMALL.get(name, ()))


@pytest.mark.slow
def test_so_with_the_feeds_of_the_two_nodes() -> None:
    against_the_chain("pacemaker", ("storage", "ring_1", "bmc_2"))


# --- MLAG --------------------------------------------------------------------------------------------------------


def long_run(start: Hashable, follows: Callable[[Any], list[tuple[float, Any]]]) -> dict[Any, float]:
    """Shares of time of the states of a small chain."""
    states, rates = [start], []
    for state in states:
        for rate, after in follows(state):
            if after not in states:
                states.append(after)
            rates.append((states.index(state), states.index(after), rate))
    q = np.zeros((len(states), len(states)))
    for i, j, rate in rates:
        q[i, j] += rate
        q[i, i] -= rate
    q[:, 0] = 1.0
    return dict(zip(states, np.linalg.solve(q.T, np.eye(len(states))[0]).tolist(), strict=True))


def mlag_by_hand(recovery_per_h: float) -> tuple[float, float]:
    """Unavailability of the orphan host and of all four bonded hosts, by what was lost in which order."""
    law = laws("mlag")
    watched = ("leaf_A", "leaf_B", "peer_link", "keepalive")

    def told(lost: frozenset[str]) -> tuple[bool, bool]:
        """The peer link works, and the keepalive says that A lives."""
        return not lost & {"leaf_A", "leaf_B", "peer_link"}, not lost & {"leaf_A", "keepalive"}

    def settled(lost: frozenset[str], suspended: bool) -> tuple[frozenset[str], bool]:
        peer, alive = told(lost)
        return lost, not peer and (suspended or alive)

    def follows(state: tuple[frozenset[str], bool]) -> list[tuple[float, Any]]:
        lost, suspended = state
        result = [(law[p][p in lost], settled(lost ^ {p}, suspended)) for p in watched]
        if suspended and not told(lost)[1] and recovery_per_h:
            result.append((recovery_per_h, (lost, False)))
        return result

    q, card = share_down("mlag"), 4 / (500_000 + 4)
    orphan = bond = 0.0
    for (lost, suspended), share in long_run((frozenset(), False), follows).items():
        a = 0.0 if "leaf_A" in lost else (1 - q["ports_A"]) * (1 - q["up_A"])
        b = 0.0 if suspended or "leaf_B" in lost else (1 - q["ports_B"]) * (1 - q["up_B"])
        orphan += share * (1 - b)
        one, both = (1 - card) ** 4, (1 - card**2) ** 4
        # 1 - a b both - (a (1 - b) + (1 - a) b) one, without the loss of digits
        bond += share * (a * b * (1 - both) + (a + b - 2 * a * b) * (1 - one) + (1 - a) * (1 - b))
    return orphan, bond


@pytest.mark.parametrize(("recovery", "per_h"), [("4 min", 15.0), (None, 0.0)])
def test_mlag_is_dark_after_the_peer_link_and_then_the_primary_until_it_recovers_by_itself(
    recovery, per_h, tmp_path
) -> None:
    text = (FOLDER / "mlag.yaml").read_text()
    site = tmp_path / "mlag.yaml"
    site.write_text(text if recovery else text.replace(", auto_recovery: 4 min", ""))
    orphan, bond = mlag_by_hand(per_h)
    found = as_modelled(k2rel.study(site))
    assert found["orphan"] == pytest.approx(orphan, rel=1e-9)
    assert found["bond"] == pytest.approx(bond, rel=1e-5)
    # what the sequence adds: the peer link is down, then A is lost, and it is dark for four minutes (or until a repair)
    law, q = laws("mlag"), share_down("mlag")
    ends = per_h or law["peer_link"][1] + law["leaf_A"][1]
    dark = q["peer_link"] * law["leaf_A"][0] / ends
    if recovery:
        assert found["bond"] - ideal("mlag")["bond"] == pytest.approx(dark, rel=0.01)
    else:
        assert found["bond"] - ideal("mlag")["bond"] > 0.9 * dark


def test_mlag_ideal_by_closed_form_and_its_provenance_says_what_is_not_known() -> None:
    q = share_down("mlag")
    suspended = q["peer_link"] * (1 - q["keepalive"]) * (1 - q["leaf_A"])
    up = (1 - q["leaf_B"]) * (1 - q["ports_B"]) * (1 - q["up_B"]) * (1 - suspended)
    found = k2rel.availability(k2rel.study(FOLDER / "mlag.yaml"), method="exact")
    assert found["orphan"].unavailability == pytest.approx(1 - up, rel=1e-9)
    assert "order of the failures not known" in str(found.provenance)
    assert "order of the failures not known" not in str(k2rel.study(FOLDER / "mlag.yaml").solve().provenance)


def test_mlag_what_was_lost_first_decides() -> None:
    """Followed state by state: peer link, then the primary; and the other way round."""
    site = k2rel.study(FOLDER / "mlag.yaml").site
    policy = Policy(site, sticky=True)
    takeover = Takeover(policy, TakeoverTimes())
    suspended = policy.suspended("ports_B")

    def after(failed: list[str], before: bool) -> tuple[bool, bool, list[str]]:
        """Whether the ports are suspended then, whether the orphan host is served, and what happens in time."""
        (control,) = [
            n for n in range(takeover.controls) if bool(takeover.variables(np.array([n]))[suspended][0]) == before
        ]
        parts = {part: np.array([part not in failed]) for part in laws("mlag")}
        seen = policy.structure.values(takeover.conditions, parts, {})
        table = takeover.table(np.column_stack([np.broadcast_to(value, 1) for value in seen]))
        then = int(table.settled[0, control])
        events = [event.name for n, event in enumerate(table.events) if table.term[n, 0, then] >= 0]
        variables = {name: bool(value[0]) for name, value in takeover.variables(np.array([then])).items()}
        served = k2rel.policy.failover(policy, failed, variables).services["orphan"]
        return variables[suspended], served, events

    assert after(["peer_link"], before=False) == (True, False, [])
    assert after(["peer_link", "leaf_A"], before=True) == (True, False, ["auto_recovery"])
    assert after(["leaf_A"], before=False) == (False, True, []), "the primary first: B goes on"
    assert after(["leaf_A", "peer_link"], before=False) == (False, True, []), "and then the peer link: so it does"
    assert after(["peer_link", "keepalive"], before=False)[0] is False, "nobody says that A lives: both stay up"


# --- two nodes with fencing --------------------------------------------------------------------------------------


def test_pacemaker_ideal_by_closed_form() -> None:
    """Up at home, or where the first is lost, its controller has power and works, and the second is good."""
    q = share_down("pacemaker")
    own, other = ((1 - q[f"node_{n}"]) * (1 - q[f"software_{n}"]) for n in (1, 2))
    taken = (1 - q["feed_1"]) * (1 - q["bmc_1"]) * (1 - own) * (1 - q["feed_2"]) * other
    assert ideal("pacemaker")["files"] == pytest.approx(1 - (1 - q["feed_1"]) * own - taken, rel=1e-9)


def test_pacemaker_who_has_the_service_after_what() -> None:
    def after(*failed: str) -> tuple[str | None, bool, tuple[str, ...]]:
        found = k2rel.failover(k2rel.study(FOLDER / "pacemaker.yaml"), list(failed))
        return found.roles["files"], found.services["files"], found.out_of_service

    assert after("software_1") == ("B", True, ("node_1",))
    assert after("software_1", "bmc_1") == ("A", False, ()), "who cannot be shot is not taken over"
    assert after("feed_1") == ("A", False, ()), "its controller has no power either"
    assert after("lan") == ("A", True, ()), "the other ring tells"
    assert after("lan", "ring_1") == ("A", True, ("node_2",)), "in a partition the node with the service shoots first"
    assert after("lan", "ring_1", "node_1") == ("B", True, ("node_1",)), "silence is taken for a loss"


def test_pacemaker_first_order() -> None:
    """What each step of a takeover costs, by rates times durations in hours."""
    software, node, spurious, drift, drills = 1 / 4380, 1 / 50_000, 0.5 / 8760, 0.5 / 8760, 1 / (90 * 24)
    # what has drifted is found by a drill after half an interval, or by a takeover that fails
    unready = drift / (drift + 2 * drills + software + node + spurious)
    person, again = 1.0, 2 / 60
    # shot and moved; not shot, and half of the attempts that are made two minutes later succeed
    takeover = (1 - unready) * (0.98 * 45 / 3600 + 0.02 * (again + 0.5 * person)) + unready * person
    found = (
        (60 * software + 5 * node) / 3600  # until it is noticed
        + (software + node) * takeover
        + spurious * ((1 - unready) * 45 / 3600 + unready * person)  # the time of the shot counts here too
        + drills / 60
        + share_down("pacemaker")["feed_1"] / 4 * person  # of four hours of repair one, until a person confirms
    )
    # the rest are second failures, as one within the hour until the other node is placed in service again
    assert as_modelled(study("pacemaker"))["files"] == pytest.approx(found, rel=0.05)


# --- VRRP, HA pair, stretched cluster ----------------------------------------------------------------------------


def test_vrrp_ideal_by_closed_form_and_what_three_advertisements_add() -> None:
    q, law = share_down("vrrp"), laws("vrrp")
    one, two = (float(np.prod([1 - q[f"{part}_{n}"] for part in ("gw", "down", "up")])) for n in (1, 2))
    # no master, or two where the access network is down
    none = (1 - one) * (1 - two) + one * two * q["access"]
    assert ideal("vrrp")["group_data"] == pytest.approx(none, rel=1e-9)
    assert ideal("vrrp")["group_voice"] == pytest.approx(none, rel=1e-9)
    missed = sum(law[f"{part}_1"][0] for part in ("gw", "down", "up")) * 3.6 / 3600
    found = as_modelled(study("vrrp"))
    assert found["group_data"] - none == pytest.approx(missed, rel=0.02)
    assert found["group_voice"] == pytest.approx(found["group_data"], rel=1e-9)
    causes = k2rel.downtime_causes(study("vrrp"), service="group_data")["downtime_min_per_year"]
    assert causes["failure not yet detected"] == pytest.approx(missed * 8760 * 60, rel=0.02)


@pytest.mark.parametrize("name", ["vrrp", *(pytest.param(n, marks=pytest.mark.slow) for n in TAKEOVERS if n != "vrrp")])
def test_each_has_a_summary(name) -> None:
    assert "minutes of downtime a year" in k2rel.study(FOLDER / f"{name}.yaml").solve().summary().words()


def test_vrrp_each_gateway_is_master_of_its_own_group_and_of_both_when_the_other_is_lost() -> None:
    site = k2rel.study(FOLDER / "vrrp.yaml")
    assert k2rel.failover(site).holders == {"group_data": "data_at_1", "group_voice": "voice_at_2"}
    for part, holders in itertools.product(("gw_1", "up_1", "down_1"), [("data_at_2", "voice_at_2")]):
        found = k2rel.failover(site, [part])
        assert tuple(found.holders.values()) == holders, part
        assert found.services["data"] and found.services["voice"]


def test_ha_pair_first_order() -> None:
    """Detection, takeover and giveback at each loss, and one in fifty waits for a person."""
    per_loss = (15 + 0.98 * 20 + 0.98 * 10) / 3600 + 0.02 * 1.0
    found = as_modelled(study("ha_pair"))["vol1"]
    assert found - ideal("ha_pair")["vol1"] == pytest.approx(per_loss / 20_000, rel=0.02)


def test_ha_pair_takes_over_only_what_it_reaches() -> None:
    site = k2rel.study(FOLDER / "ha_pair.yaml")
    assert k2rel.failover(site, ["node_1"]).holders["vol1"] == "at_node_2"
    assert k2rel.failover(site, ["node_1", "sas_2"]).holders["vol1"] == "at_node_1"
    assert k2rel.failover(site, ["node_1", "interconnect"]).holders["vol1"] == "at_node_1", "nobody tells"


def test_stretched_a_site_without_majority_stops_and_the_witness_decides() -> None:
    site = k2rel.study(FOLDER / "stretched.yaml")

    def runs(*failed: str) -> tuple[str | None, bool]:
        found = k2rel.failover(site, list(failed))
        return found.roles["cluster"], found.services["cluster"]

    assert runs("link_AB") == ("A", True), "the witness votes for who runs"
    assert runs("link_AB", "link_AW") == ("B", True), "A is alone and stops"
    assert runs("witness") == ("A", True)
    assert runs("witness", "link_AB") == ("A", False), "each alone: none runs"
    assert runs("site_A") == ("B", True)
    assert runs("site_A", "witness") == ("A", False), "B alone is no majority"


def test_stretched_first_order() -> None:
    """Site A is lost, or both of its links are; half a minute, three minutes, and one in thirty waits for a person."""
    q, law = share_down("stretched"), laws("stretched")
    alone = 2 * q["link_AB"] * law["link_AW"][0]
    per_loss = (30 + 0.97 * 180) / 3600 + 0.03 * 1.0
    found = as_modelled(study("stretched"))["cluster"]
    assert found - ideal("stretched")["cluster"] == pytest.approx((law["site_A"][0] + alone) * per_loss, rel=0.05)
