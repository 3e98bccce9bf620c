"""Sites with many groups of clients: followed by group, said by kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from k2rel.measures.cases import failover_cases, merged_cases
from k2rel.policy.failover import failover, failovers
from k2rel.services.catalogue import site_services
from k2rel.site import read_site
from k2rel.studies import study

LEAVES = 20


@pytest.fixture(scope="module")
def fabric(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty kinds of five hosts, each on two neighbouring leaves of one core."""
    leaves = "".join(f"  leaf_{n}: {{type: switch}}\n" for n in range(LEAVES))
    trunks = "".join(f"  trunk_{n}: {{type: cable, between: [leaf_{n}, core]}}\n" for n in range(LEAVES))
    kinds = "".join(
        f"    rack_{n}: {{count: 5, up: leaf_{n}, on: trunk_{n}, back: leaf_{m}, over: trunk_{m}}}\n"
        for n, m in ((n, (n + 1) % LEAVES) for n in range(LEAVES))
    )
    path = tmp_path_factory.mktemp("large") / "fabric.yaml"
    path.write_text(
        "format: 2\nname: fabric\ntitle: Fabric\nsides: {A: {}, B: {}}\n"
        "types:\n  switch: {unavailability: 0.001, mttr: 8 h}\n  host: {unavailability: 0.0001, mttr: 8 h}\n"
        "  cable: {unavailability: 0.0001, mttr: 8 h}\n"
        "  disks: {unavailability: 0.0001, mttr: 8 h}\n"
        f"components:\n{leaves}  core: {{type: disks}}\nlinks:\n{trunks}"
        f"clients:\n  title: host\n  parts:\n    client: {{type: host}}\n"
        '    nic_1: {type: cable, between: [client, "@up"]}\n    nic_2: {type: cable, between: [client, "@back"]}\n'
        f"  kinds:\n{kinds}"
        "traffic:\n  data:\n    title: data\n    scope: client\n    demand: 10 MB/s\n    prefer: listed\n    paths:\n"
        '      - {side: A, via: [client, nic_1, "@up", "@on", core]}\n      - {side: B, via: [client, nic_2, "@back", "@over", core]}\n'
    )
    return path


def test_every_failure_followed_together_is_as_followed_alone(fabric: Path) -> None:
    policy = study(fabric).policy
    failures = [[], ["core"], ["leaf_3"], ["leaf_3", "leaf_4"], ["client_16"], ["client_16", "leaf_4"]]
    for failed, together in zip(failures, failovers(policy, failures), strict=True):
        assert together.to_json() == failover(policy, failed).to_json()


def test_routes_and_loads_of_alike_clients_are_those_of_each(fabric: Path) -> None:
    outcome = failover(study(fabric).policy, ["leaf_3", "client_20"])
    up = {n: "leaf_4" if (n - 1) // 5 == 3 else f"leaf_{(n - 1) // 5}" for n in range(1, 101) if n != 20}
    for state in outcome.clients:
        number = int(state.client.split("_")[1])
        assert state.paths["data"][2::2] == ((up[number], "core") if number in up else ())
    assert outcome.carried["core"] == pytest.approx(99 * 10.0)
    assert outcome.carried["leaf_4"] == pytest.approx((5 + 4) * 10.0)
    assert not outcome.services["data"]


def test_cases_say_who_changes_by_kind(fabric: Path) -> None:
    cases = {case.failed: case.effect() for case in failover_cases(study(fabric))}
    assert cases["leaf_3",].startswith("data of clients 16 to 20 (rack_3) by B")
    assert cases["core",].startswith("data of all clients lost")


def test_few_cases_stay_apart() -> None:
    cases = failover_cases(study("L2R"))
    assert merged_cases(cases) == cases


def test_groups_wired_alike_are_one_service(fabric: Path) -> None:
    titles = [service.title for service in site_services(read_site(fabric)) if service.rule == "one client"]
    assert titles == ["data, a client of rack_0 or of 19 groups wired alike"]
