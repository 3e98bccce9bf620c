"""Clients of several kinds, simulated: around what all states give, with paths and preferences of each kind.

States are followed by tests/enumerated.py; the simulation shares neither a line with it nor the exact engine's sums.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import k2rel
from k2rel.simulation import Plan, simulate
from tests.enumerated import enumerate_states
from tests.random_kinds import random_kinds
from tests.test_traffic_against_enumeration import IDEAL, estimates, same

FIXED = {"type": "fixed"}


def law(mttf: int, mttr: float) -> dict[str, str]:
    return {"type": "box", "mttf": f"{mttf} h", "mttr": f"{mttr} h", "source": "test"}


def three_kinds() -> dict[str, Any]:
    """Hosts that follow a role, hosts that prefer the side they are dealt, and hosts with one card.

    Volumes are at controller A or B; by a path of their own the writers reach whichever has them, the readers wherever
    a replica is, the side of their own first; the probes have no second card and take what side A offers.
    """
    own = ["client", "nic_1", "@leaf_1"], ["client", "nic_2", "@leaf_2"]
    paths = []
    for side, via in zip("AB", own, strict=True):
        for holder in "AB":
            paths.append(
                {
                    "side": side,
                    "when": {"volume": holder},
                    "kinds": ["writers", "probes"],
                    "via": [
                        *via,
                        *([] if side == holder else ["cross", f"leaf_{holder}"]),
                        f"up_{holder}",
                        f"ctl_{holder}",
                    ],
                }
            )
        paths.append({"side": side, "kinds": ["readers"], "via": [*via, f"up_{side}", f"ctl_{side}"]})
    return {
        "format": 2, "name": "three", "title": "three kinds", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}},
        "components": {
            "leaf_A": {**law(90, 4), "side": "A", "capacity": "65 MB/s"}, "leaf_B": {**law(110, 5), "side": "B"},
            "ctl_A": {**law(60, 6), "side": "A", "capacity": "60 MB/s"}, "ctl_B": {**law(80, 3), "side": "B", "capacity": "60 MB/s"},
        },
        "links": {
            "up_A": {**FIXED, "side": "A", "between": ["leaf_A", "ctl_A"]},
            "up_B": {**FIXED, "side": "B", "between": ["leaf_B", "ctl_B"]},
            "pulse": {**FIXED, "between": ["ctl_A", "ctl_B"]},
            "cross": {**law(150, 8), "between": ["leaf_A", "leaf_B"]},
        },
        "units": {f"unit_{x}": {"server": f"ctl_{x}", "heartbeat": "pulse", "triggers": [f"ctl_{x}"]} for x in "AB"},
        "roles": {"volume": {"holders": [
            {"on": f"ctl_{x}", "side": x, "units": [f"unit_{x}"], "needs": [f"ctl_{x}"]} for x in "AB"
        ]}},
        "clients": {
            "parts": {
                "client": {**FIXED},
                "nic_1": {**law(120, 4), "side": "A", "between": ["client", "@leaf_1"]},
                "nic_2": {**FIXED, "side": "B", "between": ["client", "@leaf_2"]},
            },
            "kinds": {
                "writers": {"count": 2, "leaf_1": "leaf_A", "leaf_2": "leaf_B", "own": ["A", "B"]},
                "readers": {"count": 2, "leaf_1": "leaf_A", "leaf_2": "leaf_B", "own": ["B", "A"]},
                "probes": {"members": ["tap"], "leaf_1": "leaf_A", "own": "A"},
            },
        },
        "traffic": {"disk": {"demand": "20 MB/s", "prefer": "@own", "paths": paths}},
    }  # fmt: skip


def written(folder: Any, document: Any) -> Any:
    path = folder / "site.yaml"
    path.write_text(json.dumps(document))
    return path


def test_the_exact_engine_gives_what_all_states_give(tmp_path) -> None:
    document = three_kinds()
    wanted, path = enumerate_states(document), written(tmp_path, document)
    found = k2rel.availability(path, method="exact")
    for item in found.services:
        same(item.unavailability, wanted.unavailability[item.service], item.service)
    loads = k2rel.load(path, method="exact")
    for one in loads.elements:
        same(one.mean_mb_s, wanted.mean[one.element], one.element)
        same(one.p_overload, wanted.p_overload[one.element], one.element)
    sides = {(a, b, lost): p for a, b, lost, p in loads.side_distribution if p > 1e-13}
    expected = {(a, b, lost): p for (a, b, _, lost), p in wanted.sides.items() if p > 1e-13}
    assert sides == pytest.approx(expected, rel=1e-9)


def test_each_kind_follows_its_own_paths(tmp_path) -> None:
    """With controller A gone the writers cross to B, the readers turn to B, and the tap crosses too, until it cannot."""
    study = k2rel.study(written(tmp_path, three_kinds()))

    def at(*failed: str) -> list[tuple[str, ...]]:
        found = k2rel.failover(study, failed)
        return [tuple(route.side for route in client.routes["disk"]) for client in found.clients]

    assert at() == [("A",), ("B",), ("B",), ("A",), ("A",)]
    assert at("ctl_A") == [("A",), ("B",), ("B",), ("B",), ("A",)]
    assert at("ctl_A", "cross") == [("B",), ("B",), ("B",), ("B",), ()]
    assert at("leaf_B") == [("A",), ("A",), ("A",), ("A",), ("A",)]
    assert at("client_5_nic_1") == [("A",), ("B",), ("B",), ("A",), ()]


def within(site: Any, document: Any, seed: int, histories: int) -> None:
    """Simulated values scatter around those of all states as their standard errors say."""
    plan = Plan(histories=histories, years=1, warm_up_h=300, seed=seed)
    z = estimates(simulate(k2rel.study(site), IDEAL, plan=plan, workers=1), enumerate_states(document))
    assert len(z) >= 3
    assert max(abs(value) for _, value in z) < 4.5, z


def test_the_simulation_of_kinds_with_a_role_scatters_around_what_all_states_give(tmp_path) -> None:
    document = three_kinds()
    within(written(tmp_path, document), document, 3, 400)


@pytest.mark.parametrize("seed", [5, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 18))])
def test_the_simulation_of_many_groups_scatters_around_what_all_states_give(tmp_path, seed) -> None:
    document = random_kinds(seed)
    within(written(tmp_path, document), document, seed, 300)
