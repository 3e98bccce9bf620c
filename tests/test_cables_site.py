"""Three people's tables become sites: an export of NetBox, a spreadsheet, a drawing; and 200 cables of a studio."""

import itertools
import json
import time
from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np
import pytest

import k2rel
from k2rel import InputError
from k2rel.bundled import data_dir
from k2rel.cables.choice import sides_of
from k2rel.cables.kinds import Device
from k2rel.site import read_site

EXAMPLES = data_dir() / "examples" / "cables"
HOURS = {
    "camera": (90_000, 24),
    "leaf": (1 / 4.29e-6, 6),
    "server": (1 / 5.7e-6, 6.5),
    "cable": (1e7, 5),
    "patched": (1e7 / 3, 5),
}
"""Mean life and time to restoration under the contract of four hours, as the registry and the table of types say."""


def netbox(**options):
    types = [EXAMPLES / "netbox_devices.csv", EXAMPLES / "netbox_types.csv"]
    asked = {"clients": "camera", "targets": "Recorder", "sides": {"red": "sw-red-*", "blue": "sw-blue-*"}}
    return k2rel.from_cables(EXAMPLES / "netbox_cables.csv", types=types, **asked | options)


def down(kind):
    """Unavailability of a part."""
    life, repair = HOURS[kind]
    return repair / (life + repair)


def test_an_export_of_netbox_equals_an_enumeration_of_what_was_drawn() -> None:
    """A camera reaches a recorder by red or blue: three cables in series, leaf, one of two DACs, core, recorder."""
    sides = [f"{part}_{side}" for side in "rb" for part in ("patched", "leaf", "dac1", "dac2", "core", "to1", "to2")]
    parts = ["camera", "rec1", "rec2", *sides]
    kinds = {
        "camera": "camera",
        "rec1": "server",
        "rec2": "server",
        "leaf": "leaf",
        "core": "leaf",
        "patched": "patched",
    }
    states = np.array(list(itertools.product([True, False], repeat=len(parts))))
    up = dict(zip(parts, states.T, strict=True))
    gone = [down(kinds.get(part.split("_")[0], "cable")) for part in parts]
    weight = np.prod(np.where(states, 1 - np.array(gone), gone), axis=1)
    by = {
        side: up[f"patched_{side}"] & up[f"leaf_{side}"] & (up[f"dac1_{side}"] | up[f"dac2_{side}"]) & up[f"core_{side}"]
        & ((up[f"to1_{side}"] & up["rec1"]) | (up[f"to2_{side}"] & up["rec2"]))
        for side in "rb"
    }  # fmt: skip
    expected = weight[~(up["camera"] & (by["r"] | by["b"]))].sum()
    site = netbox()
    assert site.client_count == 6
    assert list(site.sides) == ["red", "blue"]
    found = k2rel.availability(k2rel.study(site), method="exact")["traffic_client"]
    assert found.unavailability == pytest.approx(expected, rel=1e-9)


def test_the_site_says_what_became_of_the_rows() -> None:
    notes = netbox().found.notes
    assert notes[0].endswith("50 rows, 12 devices, 20 connections (12 through patch panels), 6 left out")
    assert "left out: line 47, 48 (2): a power cable, which carries no traffic" in notes
    assert "left out: line 50 (1): ends at a circuit, which is outside" in notes


def test_a_spreadsheet_with_names_and_numbers_as_people_write_them() -> None:
    site = k2rel.from_cables(EXAMPLES / "spreadsheet_cables.csv", types=EXAMPLES / "spreadsheet_types.csv")
    assert site.client_count == 8
    assert site.components["Switch A1-Core A"].capacity_mb_s == 1250
    assert site.components["Core A-Core B"].capacity_mb_s == 12.5 * 125
    assert {site.components[name].side for name in ("Switch A1", "Core A")} == {"A"}
    assert "Windows-1252" in " ".join(site.found.notes)
    laws = k2rel.study(site).laws
    assert laws.shared["Speicher"].failure_rate_per_h == pytest.approx(1 / 131_400.5)


def drawing():
    """As somebody draws it for a talk: what it is for has attributes, the rest follows."""
    graph = nx.Graph(name="talk")
    graph.add_nodes_from([f"host {n}" for n in range(4)], type="workstation", role="client")
    graph.add_nodes_from(["left", "right"], type="gige_switch")
    graph.add_node("array", type="raid_controller", role="target")
    nx.add_star(graph, ["left", *(f"host {n}" for n in range(4)), "array"], type="cable")
    nx.add_star(graph, ["right", *(f"host {n}" for n in range(4)), "array"], type="cable")
    return graph


def test_a_drawing_and_its_list_of_cables_are_one_site() -> None:
    drawn = k2rel.Site.from_graph(drawing(), sides={"A": ["left"], "B": ["right"]})
    listed = [{"from": a, "to": b} for a, b in drawing().edges]
    types = {name: {"type": data["type"], "role": data.get("role", "")} for name, data in drawing().nodes(data=True)}
    read = k2rel.from_cables(listed, types=types, sides={"A": "left", "B": "right"})
    one, other = (k2rel.availability(k2rel.study(site)).table()["unavailability"] for site in (drawn, read))
    assert one.to_dict() == pytest.approx(other.to_dict(), rel=1e-12)


def test_two_hundred_cables_of_a_studio(tmp_path) -> None:
    cables = k2rel.read_cables(EXAMPLES / "studio_cables.csv", types=EXAMPLES / "studio_types.csv")
    assert (cables.rows, len(cables.left_out)) == (200, 11)
    site = k2rel.from_cables(cables, demand="25 MB/s", name="studio")
    assert site.client_count == 88
    assert len({group.kind for group in site.groups}) == 11
    file = tmp_path / "studio.yaml"
    site.save(file)
    assert read_site(file).components == site.components


def test_names_patterns_roles_and_types_say_who_is_a_client() -> None:
    for clients in ("Camera", "camera", "ccu-*", [f"ccu-{n}" for n in range(1, 7)], "ccu-1,ccu-2,ccu-[3-6]"):
        assert netbox(clients=clients).client_count == 6
    with pytest.raises(InputError, match=r"clients: no device has the name, role or type 'cam'.*did you mean 'Camera'"):
        netbox(clients="cam")
    with pytest.raises(InputError, match=r"targets: 'rec-1' is both a client and a target"):
        netbox(clients=["ccu-*", "rec-1"])
    with pytest.raises(
        InputError, match=r"targets: no device has this role; name devices, a pattern.* or write 'target'"
    ):
        netbox(targets=None)
    with pytest.raises(InputError, match="sides: 'sw-red-1' is on red and on blue"):
        netbox(sides={"red": "sw-red-*", "blue": "sw-*"})


def test_devices_can_be_left_out_by_name() -> None:
    cables = k2rel.read_cables([{"from": "a", "to": "sw"}, {"from": "a", "to": "oob"}, {"from": "sw", "to": "oob"}],
                               types={"*": "gige_switch"}, without="oob")  # fmt: skip
    assert sorted(cables.devices) == ["a", "sw"]
    assert [one.reason for one in cables.left_out] == ["'oob' is left out (oob)"] * 2


def test_traffic_classes_have_targets_of_their_own() -> None:
    site = netbox(targets={"first": "rec-1", "second": "rec-2"})
    assert list(site.traffic) == ["first", "second"]
    crossed = " ".join(str(path.via) for path in site.paths_of("first"))
    assert "'rec-1'" in crossed
    assert "'rec-2'" not in crossed


def test_power_feeds_count_where_they_are_asked_for() -> None:
    cables = [
        {"from": "host", "to": "sw"},
        {"from": "sw", "to": "nas"},
        *({"from": feed, "to": "sw", "type": "power"} for feed in ("f1", "f2")),
    ]
    types = {"host": "client", "sw": "gige_switch", "nas": "server", "f*": {"mttf": "1000 h", "mttr": "10 h"}}
    with_power, without = (
        k2rel.availability(k2rel.study(k2rel.from_cables(cables, types=types, clients="host", targets="nas", power=power)))
        ["traffic_client"].unavailability for power in (True, False)
    )  # fmt: skip
    both = (10 / 1010) ** 2
    assert 1 - with_power == pytest.approx((1 - without) * (1 - both), rel=1e-12)


def test_five_thousand_cables_are_imported_in_five_seconds(tmp_path) -> None:
    rows = [(f"h{n}", f"leaf-{side}{n % 20}") for n in range(2400) for side in "ab"]
    rows += [(f"leaf-{side}{n}", f"core-{side}{k}") for side in "ab" for n in range(20) for k in (0, 1, 2, 3)]
    rows += [(f"core-{side}{k}", f"nas-{n}") for side in "ab" for k in (0, 1, 2, 3) for n in range(5)]
    path = tmp_path / "cables.csv"
    path.write_text(
        "\n".join(["a_device,a_port,b_device,b_port", *(f"{a},p{n},{b},q{n}" for n, (a, b) in enumerate(rows))])
    )
    types = {"h*": "workstation", "leaf-*": "gige_switch", "core-*": "gige_switch", "nas-*": "server"}
    begun = time.process_time()
    site = k2rel.from_cables(path, types=types, clients="h*", targets="nas-*", sides={"A": "*-a*", "B": "*-b*"})
    assert time.process_time() - begun < 5
    assert (site.client_count, len(rows)) == (2400, 5000)


def test_the_command_writes_a_file_that_the_others_read(tmp_path, k2) -> None:
    target = tmp_path / "studio.yaml"
    words = ["import", EXAMPLES / "studio_cables.csv", "--types", EXAMPLES / "studio_types.csv", "--demand", "25 MB/s"]
    shown = k2(*map(str, words), "--output", str(target)).out
    assert "200 rows, 100 devices, 189 connections, 11 left out" in shown
    assert "console cable" in shown
    assert k2("check", str(target)).code == 0
    told = json.loads(k2(*map(str, words), "--format", "json").out)
    assert {one["component_type"] for one in told["matches"]} >= {"cable", "gige_switch", "workstation", "storage_node"}
    assert len(told["left_out"]) == 11
    again = k2(*map(str, words), "--output", str(target))
    assert again.code == 2 and "already exists" in again.err


@pytest.mark.parametrize("said", [
    "A=left, B=right", "A~left,B~right", ["A=left", "B=right"], ["A=left,right-2", "B=right"], {"A": "left", "B": "right"},
])  # fmt: skip
def test_sides_are_said_in_words_too(said: Any) -> None:
    sides = sides_of(said, {name: Device(name, "server") for name in ("left", "right", "right-2")})
    assert {name: side for name, side in sides.items() if name != "right-2"} == {"left": "A", "right": "B"}


@pytest.mark.parametrize("said", ["left", "=left", "A=", ["A=left", "B="]])
def test_sides_that_say_nothing_are_refused(said: Any) -> None:
    with pytest.raises(
        InputError, match=r"sides: '.*' does not state which side has which devices; write A=sw-a-\*, or"
    ):
        sides_of(said, {"left": Device("left", "server")})


def test_types_of_an_own_table_are_known_to_the_site_too(tmp_path: Any) -> None:
    row = replace(k2rel.registry().of_type("gige_switch")[0], component_types=("own_switch",))
    (tmp_path / "own.csv").write_text(k2rel.rates.write_rates([row]))
    cables = [{"from": "cam", "to": "sw"}, {"from": "sw", "to": "nas"}]
    types = {"cam": "client", "sw": "own_switch", "nas": "server"}
    site = k2rel.from_cables(cables, types=types, clients="cam", targets="nas", rates=tmp_path / "own.csv")
    assert site.components["sw"].type == "own_switch"
