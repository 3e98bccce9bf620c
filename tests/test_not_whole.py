"""Full service as a function of all parts: its cut sets, its fault tree, and the probability that both give.

Cut sets are held against `failover` of every set of failed parts, the fault tree against the solver of foreign files.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

import k2rel
from k2rel.errors import ModelTooLargeError

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
    path: Path = tmp_path / "site.yaml"
    path.write_text(request.param + PARTS)
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
    table = k2rel.cut_set_table(str(path), "full_service").set_index("failures")
    row = table.loc["client_1_hba_B + switch_A"]
    assert (row.order, row.alike, row.probability) == (2, 2, pytest.approx(2e-5, rel=1e-12))
    assert row.downtime_min_per_year == pytest.approx(2 * 2e-5 * 525_600, rel=1e-3)


def test_too_many_clients_are_refused_in_one_sentence(tmp_path, k2) -> None:
    text = ROUND_ROBIN.replace("count: 2", "count: 300").replace("demand: 100", "demand: 0.6667")
    (path := tmp_path / "site.yaml").write_text(text + PARTS)
    with pytest.raises(ModelTooLargeError, match=r"with 300 clients, .* use fewer clients$"):
        k2rel.cut_sets(str(path), "full_service")
    written = k2("export", str(path), "--output", str(tmp_path / "site.xml"))
    assert "no fault tree of full_service" in written.err
    assert '"full_service"' not in (tmp_path / "site.xml").read_text()
