"""Four designs with templates and kinds of clients: what happens, and their figures by enumeration that knows no k2rel.

Where a design has too many parts for all of its states, all with at most so many failed parts are followed; the
probability of the others is the most that the sum can lack, and stands beside it.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.plots import draw_site
from k2rel.site.source import read_yaml
from k2rel.site.templates import expanded
from tests.enumerated import Followed, client_part, laws, resolved, state
from tests.takeover_chain import Chain

FOLDER = data_dir() / "examples" / "designs"
NAMES = ("dual_tor", "l2r_two_feeds", "mirrored_systems", "st2022_7_receivers")
CLOSE = k2rel.Organisation(tolerance=1e-14)


def document(name: str) -> dict[str, Any]:
    """What the file says, with its templates written out; RAID sets as parts that need nothing."""
    data = dict(expanded(read_yaml(FOLDER / f"{name}.yaml")).data)
    sets = data.pop("raid_sets", {})
    data["components"] = data["components"] | {key: {"type": "set", "in": entry["in"]} for key, entry in sets.items()}
    return data


def followed(data: Mapping[str, Any], q: Mapping[str, float], most: int) -> tuple[Followed, np.ndarray, float]:
    """Every state with at most so many failed parts: what follows, its probability, and that of all other states."""
    parts = list(q)
    states = [failed for k in range(most + 1) for failed in itertools.combinations(range(len(parts)), k)]
    down = np.zeros((len(parts), len(states)), dtype=bool)
    for number, failed in enumerate(states):
        down[list(failed), number] = True
    probability = np.prod(
        [np.where(gone, q[part], 1 - q[part]) for part, gone in zip(parts, down, strict=True)], axis=0
    )
    fewer = [1.0] + [0.0] * len(parts)  # of exactly k failed parts
    for value in q.values():
        fewer = [fewer[0] * (1 - value), *(a * (1 - value) + b * value for b, a in itertools.pairwise(fewer))]
    return Followed(data, dict(zip(parts, down, strict=True)), len(states)), probability, math.fsum(fewer[most + 1 :])


def of_clients(data: Mapping[str, Any], own: Mapping[str, float]) -> dict[str, float]:
    numbers = range(1, int(data["clients"]["count"]) + 1)
    return {client_part(number, part): q for number in numbers for part, q in own.items()}


def between(found: float, least: float, rest: float, near: float) -> None:
    """A figure lies where the enumeration says, which is as sharp as asked for."""
    assert least * (1 - 1e-9) <= found <= (least + rest) * (1 + 1e-9)
    assert rest <= near * max(least, 1e-9), "too few states were followed"


def compared(name: str, q: Mapping[str, float], most: int, near: float) -> None:
    data = resolved(document(name))
    at, probability, rest = followed(data, q, most)
    study = k2rel.study(name)
    found = k2rel.availability(study, method="exact")
    for service, up in at.services().items():
        between(found[service].unavailability, math.fsum(probability[~up]), rest, near)
    load = k2rel.load(study, method="exact")
    between(load.p_any_overload, math.fsum(probability[at.any_overload]), rest, near)
    for element in load.elements:
        carried = at.load.get(element.element, np.zeros(1))
        assert element.mean_mb_s == pytest.approx(float((probability * carried).sum()), rel=1e-9, abs=1e-6)


def rates_of(study: k2rel.Study) -> dict[str, float]:
    """Unavailability of each part as the table of rates has it, which is no matter of these tests."""
    data = document(study.site.name)
    shared = {name: study.law(name).unavailability for name in {**data["components"], **data["links"]}}
    own = {name: study.client_laws[name].unavailability for name in data["clients"]["parts"]}
    return {name: q for name, q in {**shared, **of_clients(data, own)}.items() if q > 0}


# --- all of them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_each_is_short_says_what_it_leaves_out_and_check_finds_nothing(k2, name) -> None:
    text = (FOLDER / f"{name}.yaml").read_text()
    assert len(text.splitlines()) < 110
    assert "Not modelled" in " ".join(expanded(read_yaml(FOLDER / f"{name}.yaml")).data["description"].split(". "))
    run = k2("check", name)
    assert ": valid\n" in run.out
    assert "warning" not in run.out + run.err


@pytest.mark.parametrize("name", NAMES)
def test_each_is_drawn_as_it_is_and_with_each_of_its_parts_lost(name) -> None:
    study = k2rel.study(name)
    assert "<svg" in draw_site(study.site).svg
    for part in ("switch_A", "tor_A", "leaf_A"):
        if part in study.site.components:
            assert "<svg" in draw_site(study.site, k2rel.failover(study, [part])).svg


# --- a rack on two switches and two feeds ------------------------------------------------------------------------


def test_the_dual_tor_rack_has_the_figures_of_an_enumeration() -> None:
    data = resolved(document("dual_tor"))
    shared, own = laws(data)
    compared("dual_tor", shared | of_clients(data, own), 4, 1e-4)


def test_a_lost_feed_takes_its_switch_and_asks_too_much_of_the_other_feed() -> None:
    usual, lost = state(document("dual_tor")), state(document("dual_tor"), ["ups_A"])
    assert {usual["load"][name] for name in ("ups_A", "pdu_A", "ups_B", "pdu_B")} == {4}, "half of 4 times 2 kW"
    assert (lost["load"]["ups_B"], lost["load"]["uplink_B1"], lost["load"]["uplink_A1"]) == (8, 1000, 0)
    assert lost["overloaded"] == {"pdu_B", "ups_B"}
    assert lost["services"]["data"]
    assert not lost["services"]["full_service"]
    one = state(document("dual_tor"), ["client_1_psu_A"])
    assert (one["load"]["pdu_A"], one["load"]["pdu_B"], one["overloaded"]) == (3, 5, set())
    here = k2rel.failover("dual_tor", ["ups_A"])
    for name in ("pdu_B", "ups_B", "uplink_B1"):
        assert here.carried[name] == pytest.approx(lost["load"][name])


# --- a Level 2R on two feeds -------------------------------------------------------------------------------------


def test_the_level_on_two_feeds_has_the_figures_of_an_enumeration_with_ideal_takeovers() -> None:
    compared("l2r_two_feeds", rates_of(k2rel.study("l2r_two_feeds")), 3, 1e-3)


def test_feed_a_takes_switch_a_and_the_roles_move_while_the_servers_go_on() -> None:
    data = document("l2r_two_feeds")
    # without the heartbeat nothing moves: server A goes on by its other supply, and clients reach the media by switch B
    for failed, where, media in (
        ([], "A", True), (["ups_A"], "B", True), (["pdu_A"], "B", True), (["ups_B"], "A", True),
        (["ups_A", "pdu_B"], "A", False), (["psu_A_1", "pdu_B"], "A", False), (["ups_A", "heartbeat"], "A", True),
    ):  # fmt: skip
        mine = state(resolved(data), failed)
        here = k2rel.failover("l2r_two_feeds", failed)
        assert (mine["roles"]["file_system"], mine["services"]["media"]) == (where, media), failed
        assert (here.roles["file_system"], here.services["media"]) == (where, media), failed


def test_it_is_wired_as_the_level_is() -> None:
    mine, level = k2rel.study("l2r_two_feeds").site, k2rel.study("L2R").site
    power = {"ups_A", "ups_B", "pdu_A", "pdu_B"}
    assert set(mine.components) - power == set(level.components) - {"ftp_link_A", "ftp_link_B"}
    for name, part in mine.components.items():
        if name not in power:
            assert (part.between, part.within, part.side) == (
                level.components[name].between, level.components[name].within, level.components[name].side,
            ), name  # fmt: skip
    assert {key: unit.triggers for key, unit in mine.units.items()} == {
        key: unit.triggers for key, unit in level.units.items()
    }


def against_a_chain(name: str, failing: Iterable[str]) -> None:
    """All but some parts never fail; a chain of single states says what takeovers as modelled are worth."""
    one_toe = re.sub(
        r'"@(\w+)"', r'"\g<1>1"', json.dumps(document(name))
    )  # it follows no subscriptions, and no teams of ports
    data = json.loads(one_toe)
    data["clients"].pop("subscriptions", None)
    data["traffic"].pop("control", None)
    data["types"] = data["types"] | {"set": {"failure_rate": 0, "mttr": "1 h"}}
    never = [
        part for part in {**data["components"], **data["links"], **data["clients"]["parts"]} if part not in failing
    ]
    mine = k2rel.study(data, settings={f"{part}.external": "true" for part in never if part != "client"})
    rates = {part: (mine.law(part).failure_rate_per_h, 1 / mine.law(part).mttr_h) for part in failing}
    wanted = Chain(mine.site, rates).steady
    found = k2rel.availability(mine, organisation=CLOSE, method="markov")
    for service, value in wanted.unavailability.items():
        assert found[service].unavailability == pytest.approx(value, rel=1e-6, abs=1e-15), service


def test_takeovers_of_the_level_on_two_feeds_are_those_of_a_chain() -> None:
    against_a_chain("l2r_two_feeds", ("ups_A", "ups_B", "server_A", "server_B", "raid_chassis"))


# --- two mirrored systems ----------------------------------------------------------------------------------------


def test_the_mirrored_systems_have_the_figures_of_an_enumeration_with_ideal_takeovers() -> None:
    compared("mirrored_systems", rates_of(k2rel.study("mirrored_systems")), 3, 1e-3)


def test_the_operator_routes_when_a_system_is_lost_and_not_for_a_player() -> None:
    data = document("mirrored_systems")
    for failed, where, up in (
        ([], "A", True), (["fs_database_A"], "B", True), (["raid_controller_A"], "B", True), (["client_1_player_A"], "A", False),
        (["client_1_player_B"], "A", True), (["switch_B", "server_A"], "A", False), (["router"], "A", False),
    ):  # fmt: skip
        mine = state(data, failed)
        here = k2rel.failover("mirrored_systems", failed)
        assert (mine["roles"]["on_air"], mine["services"]["programme"]) == (where, up), failed
        assert (here.roles["on_air"], here.services["programme"]) == (where, up), failed


def test_its_takeovers_are_those_of_a_chain() -> None:
    against_a_chain("mirrored_systems", ("server_A", "server_B", "switch_A", "switch_B", "router"))


# --- receivers on one network ------------------------------------------------------------------------------------


def network() -> dict[tuple[bool, ...], float]:
    """All states of one network and of the cards of devices in it, put together by what matters.

    Of each: three cameras connected, three with a whole copy, all monitors connected, all whole, something overloaded.
    """
    q = dict.fromkeys(("leaf", "mixer leaf", "mixer card"), 1e-3) | {f"spine {n}": 2e-3 for n in "12"}
    q |= {f"{leaf} {n}": 1e-3 for leaf in ("leaf", "mixer") for n in "12"}
    q |= {f"card of {device}": 1e-3 for device in ("camera 1", "camera 2", "camera 3", "monitor 1", "monitor 2")}
    number = np.arange(2 ** len(q))
    works = {name: (number >> place & 1) == 0 for place, name in enumerate(q)}
    probability = np.prod([np.where(works[name], 1 - value, value) for name, value in q.items()], axis=0)
    ways = sum((works[f"spine {n}"] & works[f"mixer {n}"] & works[f"leaf {n}"]).astype(int) for n in "12")
    joined = (ways > 0) & works["leaf"] & works["mixer leaf"] & works["mixer card"]
    there = {name.removeprefix("card of "): joined & works[name] for name in q if name.startswith("card of ")}
    over = 1000 * sum(up.astype(int) for up in there.values()) / np.maximum(1, ways) > 4000
    seen = {
        kind: [
            [up & ~lost for name, up in there.items() if name.startswith(kind)] for lost in (np.zeros_like(over), over)
        ]
        for kind in ("camera", "monitor")
    }
    cameras, monitors = seen["camera"], seen["monitor"]
    told = [
        *cameras[0],
        *cameras[1],
        *(monitors[k][0] & monitors[k][1] for k in (0, 1)),
        over,
    ]
    kinds, kind = np.unique(np.column_stack(told), axis=0, return_inverse=True)
    sums = np.bincount(kind.ravel(), weights=probability)
    return {tuple(map(bool, one)): float(p) for one, p in zip(kinds, sums, strict=True)}


def test_single_homed_receivers_have_the_figures_of_an_enumeration() -> None:
    one = network()
    down = not_full = overload = 0.0
    for (red, p), (blue, r) in itertools.product(one.items(), repeat=2):
        there = [a or b for a, b in zip(red[:6], blue[:6], strict=True)]
        down += p * r * (not (all(there[:3]) and red[6] and blue[6]))
        not_full += p * r * (not (all(there[3:]) and red[7] and blue[7]))
        overload += p * r * (red[8] or blue[8])
    found = k2rel.availability("st2022_7_receivers", method="exact")
    assert found["video"].unavailability == pytest.approx(down, rel=1e-9)
    assert found["full_service"].unavailability == pytest.approx(not_full, rel=1e-9)
    assert k2rel.load("st2022_7_receivers", method="exact").p_any_overload == pytest.approx(overload, rel=1e-9)


def test_a_camera_lives_on_the_other_network_and_a_monitor_does_not() -> None:
    lost = k2rel.failover("st2022_7_receivers", ["mixer_leaf_A"])
    by = {client.client: client.paths["video"] for client in lost.clients}
    assert [bool(by[f"client_{n}"]) for n in range(1, 8)] == [True] * 3 + [False] * 2 + [True] * 2
    spine = k2rel.failover("st2022_7_receivers", ["spine_A2"])
    assert spine.services["video"]
    assert spine.carried["leaf_A_spine_A1"] == spine.carried["mixer_leaf_A_spine_A1"] == pytest.approx(5000)
    assert not spine.services["full_service"], "cameras have a whole copy in blue, and red monitors have none"
    without = k2rel.failover("st2022_7_receivers", ["spine_A2", "client_4", "client_5"])
    assert without.carried["leaf_A_spine_A1"] == pytest.approx(3000)
