"""The exact engine against enumeration of every component state of a Level 2R, with rules written by hand here.

Twenty parts can fail; the rules below are plain array expressions that share no line with the policy.
"""

import itertools

import numpy as np
import pytest

import k2rel

# unavailability and time to restoration of the parts that can fail; everything else is perfect
LAWS = {
    "media_server": (0.05, 5.0),
    "gige_switch": (0.03, 6.0),
    "toe": (0.04, 7.0),
    "heartbeat": (0.02, 9.0),
    "isl": (0.2, 3.0),
    "raid_chassis": (0.01, 8.0),
    "client_media_link": (0.06, 2.0),
    "client_control_link": (0.07, 4.0),
}
PERFECT = (
    "server_software", "fs_database", "psu", "fc_hba", "raid_controller", "media_link", "control_link", "ftp_link",
    "fc_link", "drive",
)  # fmt: skip


class States:
    """All states of some parts, with probability, and the rate of change to each neighbour."""

    def __init__(self, parts) -> None:
        self.names = list(parts)
        self.q = np.array([LAWS[parts[name]][0] for name in self.names])
        self.mttr = np.array([LAWS[parts[name]][1] for name in self.names])
        self.codes = np.arange(2 ** len(self.names), dtype=np.int64)
        self.up = {name: (self.codes >> i) & 1 == 1 for i, name in enumerate(self.names)}
        self.probability = np.ones(len(self.codes))
        for i, name in enumerate(self.names):
            self.probability *= np.where(self.up[name], 1 - self.q[i], self.q[i])

    def unavailability(self, there):
        return float(self.probability[~there].sum())

    def frequency(self, there):
        total = 0.0
        for i, name in enumerate(self.names):
            lost = there & ~there[self.codes ^ (1 << i)]
            fails = self.q[i] / ((1 - self.q[i]) * self.mttr[i])
            rate = np.where(self.up[name], fails, 1 / self.mttr[i])
            total += float((self.probability * rate)[lost].sum())
        return total


def study_of(clients, own, settings=None, perfect=()):
    laws = {f"{kind}.failure_rate": "0" for kind in (*PERFECT, *perfect)}
    for kind, (q, mttr) in LAWS.items():
        if kind not in perfect:
            laws[f"{kind}.unavailability"] = str(q)
            laws[f"{kind}.mttr"] = f"{mttr} h"
    laws["heartbeat.test_interval"] = "0 h"
    return k2rel.study("L2R", clients=clients, settings={**laws, **(settings or {})})


def shared_parts():
    parts = {
        f"{kind}_{side}": t for side in "AB" for kind, t in (("switch", "gige_switch"), ("server", "media_server"))
    }
    parts |= {f"toe_{side}{n}": "toe" for side in "AB" for n in (1, 2)}
    return parts | {"heartbeat": "heartbeat", "isl_1": "isl", "isl_2": "isl", "raid_chassis": "raid_chassis"}


def rules(s, clients):
    """The failover rules for this site, by hand: (media side, control there) of each client, file system there."""
    up = s.up
    fit = {x: up[f"switch_{x}"] & up[f"server_{x}"] & up[f"toe_{x}1"] & up[f"toe_{x}2"] for x in "AB"}
    moved = ~fit["A"] & up["heartbeat"] & fit["B"]
    file_system = np.where(moved, up["server_B"], up["server_A"]) & up["raid_chassis"]
    isl = up["isl_1"] | up["isl_2"]
    media, control = [], []
    for n in range(1, clients + 1):
        toe = 1 + (n - 1) % 2
        way = {}
        for x in "AB":
            link = up.get(f"client_{n}_media_{x}", np.True_)
            way[x] = link & up[f"switch_{x}"] & up[f"toe_{x}{toe}"] & up[f"server_{x}"] & file_system
        way["A"] = way["A"] & ~moved
        first = np.where(moved, way["B"], way["A"])
        side = np.where(way["A"] | way["B"], np.where(moved, 1, 0), -1)
        side = np.where(first, side, np.where(moved, np.where(way["A"], 0, -1), np.where(way["B"], 1, -1)))
        media.append(side)
        # the team keeps port A while cable and switch A are alive, wherever that leads
        port = {x: up.get(f"client_{n}_control_{x}", np.True_) & up[f"switch_{x}"] for x in "AB"}
        crosses = isl & up["switch_A"] & up["switch_B"]
        to_a = np.where(port["A"], True, port["B"] & crosses) & up["server_A"]
        to_b = np.where(port["A"], crosses, port["B"]) & up["server_B"]
        control.append(np.where(moved, to_b, to_a))
    return media, control, file_system


@pytest.fixture(scope="module")
def two_clients():
    parts = shared_parts()
    for n, kind, x in itertools.product((1, 2), ("media", "control"), "AB"):
        parts[f"client_{n}_{kind}_{x}"] = f"client_{kind}_link"
    s = States(parts)
    return s, rules(s, 2), study_of(2, ("media", "control"))


@pytest.fixture(scope="module")
def four_clients():
    parts = shared_parts()
    for n, x in itertools.product((1, 2, 3, 4), "AB"):
        parts[f"client_{n}_media_{x}"] = "client_media_link"
    s = States(parts)
    # one FC link carries three clients: overload comes and goes with single clients that move
    settings = {"fc_link.capacity": "80 MB/s", "ftp.demand": "0 MB/s"}
    return s, rules(s, 4), study_of(4, ("media",), settings, perfect=("client_control_link",))


def test_every_service_agrees_in_unavailability_and_frequency(two_clients) -> None:
    s, (media, control, file_system), study = two_clients
    there = {
        "media": (media[0] >= 0) & (media[1] >= 0),
        "media_client": media[0] >= 0,
        "control": control[0] & control[1],
        "control_client": control[0],
        "file_system": file_system,
        "lost_2_or_more_clients": (media[0] >= 0) | (media[1] >= 0),
        "full_service": (media[0] >= 0) & (media[1] >= 0),
    }
    result = k2rel.availability(study, method="exact")
    for name, state in there.items():
        assert result[name].unavailability == pytest.approx(s.unavailability(state), rel=1e-12), name
        assert result[name].frequency_per_h == pytest.approx(s.frequency(state), rel=1e-11), name


def test_joint_distribution_of_sides_agrees(four_clients) -> None:
    s, (media, _, _), study = four_clients
    on_a, on_b = sum(m == 0 for m in media), sum(m == 1 for m in media)
    result = k2rel.load(study, method="exact")
    assert sum(row[3] for row in result.side_distribution) == pytest.approx(1, abs=1e-12)
    for a, b, lost, p in result.side_distribution:
        assert a + b + lost == 4
        assert p == pytest.approx(float(s.probability[(on_a == a) & (on_b == b)].sum()), rel=1e-11)


def test_overload_and_full_service_agree_where_single_clients_decide(four_clients) -> None:
    s, (media, _, _), study = four_clients
    on_a, on_b = sum(m == 0 for m in media), sum(m == 1 for m in media)
    over = (25 * on_a > 80) | (25 * on_b > 80)
    full = (on_a + on_b == 4) & ~over
    result = k2rel.load(study, method="exact")
    assert result.p_any_overload == pytest.approx(float(s.probability[over].sum()), rel=1e-11)
    arrives = sum(np.minimum(25 * on, 80) for on in (on_a, on_b)) / 100
    assert result.delivered_fraction == pytest.approx(float((s.probability * arrives).sum()), rel=1e-11)
    served = k2rel.availability(study, method="exact")["full_service"]
    assert served.unavailability == pytest.approx(s.unavailability(full), rel=1e-11)
    assert served.frequency_per_h == pytest.approx(s.frequency(full), rel=1e-10)
    element = {item.element: item for item in result.elements}["fc_link_A"]
    for amount, p in element.distribution:
        assert p == pytest.approx(float(s.probability[25 * on_a == amount].sum()), rel=1e-11)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_loss_of_k_or_more_clients_agrees(four_clients, k) -> None:
    s, (media, _, _), study = four_clients
    fewer = sum(m < 0 for m in media) < k
    item = k2rel.availability(study, [k], method="exact")[f"lost_{k}_or_more_clients"]
    assert item.unavailability == pytest.approx(s.unavailability(fewer), rel=1e-11)
    assert item.frequency_per_h == pytest.approx(s.frequency(fewer), rel=1e-10)


def test_derivatives_agree_with_conditioning(two_clients) -> None:
    s, (media, _, _), study = two_clients
    lost = (media[0] < 0) | (media[1] < 0)
    causes = k2rel.causes(study, "media", method="exact")
    for i, name in enumerate(s.names):
        if name.startswith("client"):
            continue
        up = s.up[name]
        given_up = (s.probability * lost)[up].sum() / (1 - s.q[i])
        given_down = (s.probability * lost)[~up].sum() / s.q[i]
        found = causes["birnbaum"].get(name, 0.0)  # a part without a say has no row
        assert found == pytest.approx(given_down - given_up, abs=1e-12), name


@pytest.mark.parametrize("service", ["media", "control"])
def test_cut_sets_are_those_of_trying_every_set_of_three(two_clients, service) -> None:
    s, (media, control, _), study = two_clients
    lost = (media[0] < 0) | (media[1] < 0) if service == "media" else ~(control[0] & control[1])
    everything = len(s.codes) - 1
    minimal = []
    for size in (1, 2, 3):
        for cut in itertools.combinations(range(len(s.names)), size):
            fails = lost[everything & ~sum(1 << i for i in cut)]
            if fails and not any(smaller <= set(cut) for smaller in minimal):
                minimal.append(set(cut))
    expected = {frozenset(s.names[i] for i in cut) for cut in minimal}
    found = {frozenset(cut.parts) for cut in k2rel.cut_sets(study, service, 3)}
    assert found == expected
    if service == "control":
        assert {"isl_1", "isl_2", "server_A"} in found, "the team keeps a port that leads nowhere"


def test_cut_sets_of_one_client_are_counted_once_whatever_its_group() -> None:
    study = k2rel.study("L2R", clients=6)
    for service in ("media_client", "media_client_2"):
        own = [cut for cut in k2rel.cut_sets(study, service, 2) if any(p.startswith("client") for p in cut.parts)]
        assert own
        assert {cut.alike for cut in own} == {1}
    every = [cut for cut in k2rel.cut_sets(study, "media", 2) if any(p.startswith("client") for p in cut.parts)]
    assert {cut.alike for cut in every} == {3}, "three clients in each group"
