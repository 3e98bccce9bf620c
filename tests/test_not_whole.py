"""Full service as a function of all parts: its cut sets, its fault tree, and the probability that both give.

Cut sets are held against `failover` of every set of failed parts, the fault tree against the solver of foreign files.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import k2rel
from k2rel.design.carrying import carrying
from k2rel.design.targets import is_loaded
from k2rel.errors import ModelTooLargeError
from k2rel.measures.capacity import carried, kinds_of_draws
from k2rel.services import whole

PARTS = """
types:
  host: {failure_rate: 0, mttr: 1 h}
  card: {unavailability: 2e-3, mttr: 4 h}
  box: {unavailability: 1e-2, mttr: 4 h}
"""

ROUND_ROBIN = """
format: 2
name: round_robin
title: round_robin
sides: {A: {title: side A}, B: {title: side B}}
components:
  switch_A: {type: box, side: A}
  switch_B: {type: box, side: B}
  ctrl_1: {type: box, capacity: 150 MB/s}
  ctrl_2: {type: box, capacity: 250 MB/s}
links:
  port_A1: {type: box, side: A, between: [switch_A, ctrl_1], capacity: 90 MB/s}
  port_A2: {type: box, side: A, between: [switch_A, ctrl_2], capacity: 90 MB/s}
  port_B1: {type: box, side: B, between: [switch_B, ctrl_1], capacity: 90 MB/s}
  port_B2: {type: box, side: B, between: [switch_B, ctrl_2], capacity: 90 MB/s}
clients:
  count: 2
  parts:
    client: {type: host}
    hba_A: {type: card, side: A, between: [client, switch_A]}
    hba_B: {type: card, side: B, between: [client, switch_B]}
traffic:
  disk:
    demand: 100 MB/s
    share: equal
    paths:
      - {side: A, via: [client, hba_A, switch_A, port_A1, ctrl_1]}
      - {side: A, via: [client, hba_A, switch_A, port_A2, ctrl_2]}
      - {side: B, via: [client, hba_B, switch_B, port_B1, ctrl_1]}
      - {side: B, via: [client, hba_B, switch_B, port_B2, ctrl_2]}
"""

BOTH_AT_ONCE = """
format: 2
name: both_at_once
title: both_at_once
sides: {A: {title: side A}, B: {title: side B}}
components:
  leaf_A: {type: box, side: A}
  leaf_B: {type: box, side: B}
  sink: {type: host}
links:
  trunk_A1: {type: box, side: A, between: [leaf_A, sink], capacity: 200 MB/s}
  trunk_A2: {type: box, side: A, between: [leaf_A, sink], capacity: 200 MB/s}
  trunk_B: {type: box, side: B, between: [leaf_B, sink], capacity: 300 MB/s}
clients:
  count: 3
  parts:
    client: {type: host}
    nic_A: {type: card, side: A, between: [client, leaf_A]}
    nic_B: {type: card, side: B, between: [client, leaf_B]}
traffic:
  video:
    demand: 100 MB/s
    share: all
    paths:
      - {side: A, via: [client, nic_A, leaf_A, {at_least: 1, of: [trunk_A1, trunk_A2]}, sink]}
      - {side: B, via: [client, nic_B, leaf_B, trunk_B, sink]}
  mirror:
    demand: 60 MB/s
    scope: site
    paths:
      - {side: A, via: [leaf_A, {at_least: 1, of: [trunk_A1, trunk_A2]}, sink]}
      - {side: B, via: [leaf_B, trunk_B, sink]}
  copies: {demand: 500 MB/s, scope: site, priority: background, paths: [{side: A, via: [leaf_A, trunk_A1, sink]}]}
"""

OWNED = """
format: 2
name: owned
title: owned
sides: {A: {title: side A}, B: {title: side B}}
components:
  node_1: {type: box, side: A, capacity: 300 MB/s}
  node_2: {type: box, side: B, capacity: 450 MB/s}
roles:
  vol1:
    failback: automatic
    holders: [{name: v1, side: A, needs: [node_1]}, {name: v2, side: B, needs: [node_2]}]
  vol2:
    failback: automatic
    holders: [{name: w2, side: B, needs: [node_2]}, {name: w1, side: A, needs: [node_1]}]
clients:
  count: 2
  parts:
    client: {type: host}
    nic_A: {type: card, side: A, between: [client, node_1]}
    nic_B: {type: card, side: B, between: [client, node_2]}
traffic:
  half1:
    demand: 100 MB/s
    requires: [vol1]
    paths:
      - {side: A, when: {vol1: v1}, via: [client, nic_A, node_1]}
      - {side: B, when: {vol1: v2}, via: [client, nic_B, node_2]}
  half2:
    demand: 100 MB/s
    requires: [vol2]
    paths:
      - {side: B, when: {vol2: w2}, via: [client, nic_B, node_2]}
      - {side: A, when: {vol2: w1}, via: [client, nic_A, node_1]}
"""

SITES = [ROUND_ROBIN, BOTH_AT_ONCE, OWNED]


@pytest.fixture(params=SITES, ids=["round_robin", "both_at_once", "owned"])
def site(request, tmp_path) -> Path:
    return site_file(tmp_path, request.param)


def site_file(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text + PARTS)
    return path


def test_cut_sets_of_full_service_are_those_of_trying_every_set_of_three(site) -> None:
    study = k2rel.study(str(site))
    parts = [part.id for part in study.site.parts() if part.type != "host"]
    expected: dict[frozenset[str], None] = {}
    for order in (1, 2, 3):
        for failed in map(frozenset, itertools.combinations(parts, order)):
            down = not k2rel.failover(study, sorted(failed)).services["full_service"]
            if down and not any(smaller < failed for smaller in expected):
                expected[failed] = None
    found = k2rel.cut_sets(study, "full_service", 3)
    assert sum(cut.alike for cut in found) == len(expected) > 3
    assert {frozenset(cut.parts) for cut in found} <= set(expected)


def test_the_fault_tree_of_full_service_has_the_unavailability_that_loads_have(site, tmp_path, k2) -> None:
    """The tree follows clients one by one, the engine counts those that are alike."""
    k2("export", str(site), "--output", str(tmp_path / "site.xml"))
    tops = json.loads(k2("solve", str(tmp_path / "site.xml"), "--format", "json").out)["tops"]
    tree = next(top["probability"] for top in tops if top["top"] == "full_service")
    assert tree == pytest.approx(
        k2rel.availability(str(site), method="exact")["full_service"].unavailability, rel=1e-12
    )


def test_sets_that_differ_in_the_clients_alone_are_one_row(tmp_path) -> None:
    """With one of two switches gone, any of the two hosts is lost by its adapter to the other one."""
    (path := tmp_path / "site.yaml").write_text(
        ROUND_ROBIN.replace("150 MB/s", "250 MB/s").replace("90 MB/s", "110 MB/s") + PARTS
    )
    table = k2rel.cut_set_table(str(path), "full_service").set_index("cut_set")
    row = table.loc["client_1_hba_B + switch_A"]
    assert (row.order, row.equivalent_cut_sets, row.probability) == (2, 2, pytest.approx(2e-5, rel=1e-12))
    assert row.downtime_min_per_year == pytest.approx(2 * 2e-5 * 525_600, rel=1e-3)


def test_too_many_clients_are_refused_in_one_sentence(tmp_path, k2, monkeypatch) -> None:
    monkeypatch.setattr(whole, "_MOST_STEPS", 50)
    path = site_file(tmp_path, ROUND_ROBIN)
    with pytest.raises(ModelTooLargeError, match=r"with 2 clients, .* use fewer clients$"):
        k2rel.cut_sets(str(path), "full_service")
    written = k2("export", str(path), "--output", str(tmp_path / "site.xml"))
    assert "no fault tree of full_service" in written.err
    assert '"full_service"' not in (tmp_path / "site.xml").read_text()
    causes = k2("causes", str(path), "--service", "full_service", "--format", "json")
    assert causes.json["cut_sets"] is None and causes.json["causes"] and "no cut sets" in causes.err


def test_an_overloaded_path_ends_nothing_while_a_copy_arrives_whole_by_another(tmp_path) -> None:
    """300 MB/s over two trunks of 120 on side A; side B carries them alone, until it has to carry the mirror too."""
    study = k2rel.study(str(site_file(tmp_path, BOTH_AT_ONCE.replace("200 MB/s", "120 MB/s"))))
    normal = k2rel.failover(study)
    short = {load.element for load in normal.loads if load.short}
    assert short == {"trunk_A1", "trunk_A2"} and normal.services["video"]
    # the mirror has one copy, on side A: 360 of 240
    assert not normal.services["full_service"]
    assert {load.element for load in normal.loads if load.ends_full_service} == short
    alone = k2rel.study(str(site_file(tmp_path, BOTH_AT_ONCE.replace("200", "120").replace("60 MB/s", "0 MB/s"))))
    assert k2rel.failover(alone).services["full_service"]
    assert not any(load.ends_full_service for load in k2rel.failover(alone).loads)
    assert carried(alone, {}, 1).tolist() == [True] and carried(study, {}, 1).tolist() == [False]
    assert carried(alone, {}, 1, after_failures=True).tolist() == [False]  # without side B the copies of A are all
    assert carrying(alone).words().endswith("overloaded, but every flow has another path that carries it whole.")


def test_draws_are_told_apart_by_every_capacity_that_loads_can_meet(tmp_path) -> None:
    """A port carries 25, 33 or 50 MB/s of each of two clients: capacities between such loads make no difference."""
    text = ROUND_ROBIN.replace("port_A1: {type: box, side: A, between: [switch_A, ctrl_1], capacity: 90 MB/s}",
                               "port_A1: {type: box, side: A, between: [switch_A, ctrl_1], "
                               "capacity: {value: 90 MB/s, low: 55 MB/s, high: 120 MB/s, distribution: uniform}}")  # fmt: skip
    study = k2rel.study(str(site_file(tmp_path, text)))
    factors = {"links.port_A1.capacity": np.array([56.0, 64.0, 68.0, 95.0, 105.0, 119.0]) / 90.0}
    kinds = kinds_of_draws(study, factors, np.ones(6, dtype=np.bool_))
    full = [
        k2rel.availability(k2rel.study(str(path)), method="exact")["full_service"].unavailability
        for path in (site_file(tmp_path, text.replace("value: 90", f"value: {c}")) for c in (56, 64, 68, 95, 105, 119))
    ]
    for _, draws in kinds:
        assert {full[draw] for draw in draws.tolist()} == {full[draws[0]]}
    assert len(set(full)) == 4  # a port is asked for 66.7, for 83.3 where one host has one adapter, for 100


def test_which_targets_ask_whether_the_site_carries_its_clients(tmp_path) -> None:
    site = k2rel.study(str(site_file(tmp_path, OWNED.replace("    demand: 100 MB/s\n", "", 1)))).site
    asked = ("half1", "half1_client", "half2", "half2_client", "lost_2_or_more_clients", "full_service", "vol1")
    assert [is_loaded(site, name) for name in asked] == [False, False, True, True, False, True, False]
