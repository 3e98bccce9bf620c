"""Lists of cables and tables of devices as people keep them: what is recognised, matched, left out and refused."""

import re
import time

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import k2rel
from k2rel import InputError
from k2rel.bundled import data_dir
from k2rel.rates import read_rates

EXAMPLES = data_dir() / "examples" / "cables"
TYPES = {"cam-*": "client", "sw-*": "gige_switch", "nas*": "server"}
HEADERS = {
    "plain": "b_port,type,a_device,status,b_device,a_port",
    "NetBox 4, all data": "ID,Label,Termination A,Termination B,Device A,Device B,Rack A,Rack B,Location A,Location B,Site A,Site B,Status,Type,Tenant,Tenant Group,Color,Length,Description,Comments,Tags,Created,Last updated",
    "NetBox 3.2": "ID,Label,Side A,Termination A,Side B,Termination B,Status,Type,Tenant,Color,Length,Tags",
    "NetBox bulk import": "side_a_device,side_a_type,side_a_name,side_b_device,side_b_type,side_b_name,type,status,label",
    "Nautobot": "ID,Termination A Parent,Termination A,Termination B Parent,Termination B,Label,Status,Type",
    "spreadsheet": "From,From port,To,To port,Cable type",
    "from source": "Source Device,Source Port,Destination Device,Destination Port,Medium",
    "A to Z": "A-Side Device,A-Side Port,Z-Side Device,Z-Side Port,Type",
}


def listed(tmp_path, text, name="cables.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def refused(*args, **options):
    with pytest.raises(InputError) as caught:
        k2rel.read_cables(*args, **options)
    return str(caught.value)


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_columns_are_known_as_they_come_in_any_order(tmp_path, header) -> None:
    ends = {"a": ("cam-1", "eth0"), "b": ("sw-1", "Gi1/7")}
    cells = []
    for title in header.split(","):
        word = title.lower().replace("-", " ").replace("_", " ")
        side = (
            "b" if re.search(r"\bb\b|\bto\b|dest|\bz\b", word) else "a" if re.search(r"\ba\b|from|source", word) else ""
        )
        is_port = re.search(r"port|name|termination (a|b)$", word)
        is_device = re.search(r"device|side (a|b)$|parent|^from$|^to$", word)
        known = {"status": "Connected", "type": "CAT6", "cable type": "CAT6", "medium": "CAT6"}
        kind = "dcim.interface" if side and word.endswith("type") and "cable" not in word else ""
        value = kind or (
            ends[side][1] if side and is_port else ends[side][0] if side and is_device else known.get(word, "")
        )
        cells.append(value)
    found = k2rel.read_cables(listed(tmp_path, f"{header}\n{','.join(cells)}\n"), types=TYPES)
    (row,) = found.table().reset_index().to_dict("records")
    assert row == {"line": 2, "a_device": "cam-1", "a_port": "eth0", "b_device": "sw-1", "b_port": "Gi1/7",
                   "component_type": "cable", "through": ""}  # fmt: skip


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("above", ["", "Kabel des Studios, geprüft\n\n", "sep={}\n"])
def test_delimiters_encodings_and_titles_above_the_table(tmp_path, mark, encoding, above) -> None:
    text = above.format(mark) + "\n".join(mark.join(row) for row in [("From", "To"), ("cam-ü", "sw-1")])
    found = k2rel.read_cables(listed(tmp_path, text, encoding=encoding), types=TYPES)
    assert list(found.devices) == ["cam-ü", "sw-1"]


def test_a_frame_a_file_and_records_say_the_same(tmp_path) -> None:
    path = EXAMPLES / "studio_cables.csv"
    types = EXAMPLES / "studio_types.csv"
    of_file = k2rel.read_cables(path, types=types)
    frame = pd.read_csv(path)
    for same in (frame, frame.to_dict("records")):
        found = k2rel.read_cables(same, types=pd.read_csv(types))
        assert found.devices.keys() == of_file.devices.keys()
        assert found.table().reset_index(drop=True).equals(of_file.table().reset_index(drop=True))
        assert [one.reason for one in found.left_out] == [one.reason for one in of_file.left_out]


def test_what_is_not_in_use_or_carries_no_traffic_is_left_out_and_listed(tmp_path) -> None:
    text = """a_device,a_port,a_type,b_device,b_port,b_type,type,status
cam-1,eth0,,sw-1,1,,CAT6,connected
cam-2,eth0,,sw-1,2,,CAT6,Planned
cam-3,eth0,,sw-1,3,,CAT6,decommissioning
sw-1,PSU 1,,pdu-1,5,,Power,connected
sw-1,,dcim.powerport,pdu-1,6,dcim.poweroutlet,,connected
sw-1,console,,ts-1,4,,CAT5e,connected
"""
    found = k2rel.read_cables(
        listed(tmp_path, text.replace("a_type", "side_a_type").replace("b_type", "side_b_type")), types=TYPES
    )
    assert list(found.devices) == ["cam-1", "sw-1"]
    assert {one.line: one.reason.split(",")[0] for one in found.left_out} == {
        3: "status 'Planned'", 4: "status 'decommissioning'", 5: "a power cable", 6: "a power cable", 7: "a console cable",
    }  # fmt: skip


BAD = {
    "a loop": ("sw-1,1,sw-1,2,CAT6", "from sw-1 1 to sw-1 2: a cable from a device to itself"),
    "a dangling end": ("sw-1,7,,,CAT6", "the cable from sw-1 7 has no device at its other end"),
    "no ends": (",7,,,CAT6", "names no device at either end"),
    "the same cable twice": ("sw-1,1,cam-1,eth0,CAT6", "sw-1 1 to cam-1 eth0 is already in line 2"),
    "one port, two cables": ("cam-2,eth0,sw-1,1,CAT6", "port 1 of sw-1 already has a cable, in line 2"),
    "case only": ("cam-2,eth0,SW-1,5,CAT6", "'SW-1' here and 'sw-1' (2 times, first in line 2) differ in case only"),
    "no type": ("dec-1,eth0,sw-1,5,CAT6", "device 'dec-1' has no row in types"),
    "a type of cable": ("cam-2,eth0,sw-1,5,waveguide", "cable type 'waveguide' of one cable is not a component type"),
    "several ends": ('cam-2,eth0,"sw-1,sw-2",5,CAT6', "ends at 2 devices (sw-1, sw-2)"),
    "too many cells": ("cam-2,eth0,sw-1,5,CAT6,x,y", "has 7 cells for 6 columns"),
    "a status": ("cam-2,eth0,sw-1,5,CAT6,blue", "the status 'blue' is not known"),
}


@pytest.mark.parametrize(("row", "said"), BAD.values(), ids=BAD)
def test_a_row_that_cannot_be_used_is_one_sentence_with_its_line(tmp_path, row, said) -> None:
    text = f"a_device,a_port,b_device,b_port,type,status\ncam-1,eth0,sw-1,1,CAT6\nsw-1,8,nas,e0,CAT6\n{row}\n"
    path = listed(tmp_path, text)
    first, *rest = refused(path, types=TYPES).splitlines()
    assert first.startswith(f"{path}:4: ")
    assert said in first
    assert rest == ["correct these rows, or import the rest and have them listed (leave_out)"]
    found = k2rel.read_cables(path, types=TYPES, leave_out=True)
    assert list(found.devices) == ["cam-1", "sw-1", "nas"]
    (left,) = found.left_out
    assert left.line == 4
    assert left.reason


def test_all_wrong_rows_are_collected_and_some_twenty_are_shown(tmp_path) -> None:
    rows = "".join(f"sw-1,{n},,\n" for n in range(100))
    lines = refused(listed(tmp_path, f"a_device,a_port,b_device,b_port\n{rows}"), types=TYPES).splitlines()
    assert len(lines) == 22
    assert "and 80 more problems like these" in lines[20]


TABLES = {
    "empty": ("", "is empty"),
    "titles alone": ("From,To\n", "has no cables"),
    "no delimiter": ("device\ncam-1\n", "one column only; cells are separated by commas, semicolons or tabs"),
    "one end": ("From,Colour\ncam-1,red\n", "b_device missing; it needs the devices at both ends"),
    "ports alone": (
        "ID,Label,Termination A,Termination B,Status,Type\n1,,eth0,Gi1,Connected,\n", "choose 'All data (CSV)'",
    ),
    "numbers of ports": ("termination_a_type,termination_a_id,termination_b_type,termination_b_id\ndcim.interface,1,dcim.interface,2\n",
                         "before 2.11"),
    "an open quote": ('From,To\n"cam-1,sw-1\n' + "cam-2,sw-1\n" * 40, "a quotation mark is opened here and not closed"),
    "a workbook": ("PK\x03\x04", "save its sheet as CSV"),
    "is not text": ("From,To\n\x00\x01", "is not text"),
    "twice the same column": ("From,To,To\na,b,c\n", "there are two columns 'To'"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), TABLES.values(), ids=TABLES)
def test_what_is_no_list_of_cables_says_what_is_needed(tmp_path, text, said) -> None:
    assert said in refused(listed(tmp_path, text), types=TYPES)


def test_a_column_can_be_named(tmp_path) -> None:
    path = listed(tmp_path, "Gerät 1,Gerät 2\ncam-1,sw-1\n")
    assert "found 'Gerät 1', 'Gerät 2'" in refused(path, types=TYPES)
    named = {"a_device": "Gerät 1", "b_device": "Gerät 2"}
    assert len(k2rel.read_cables(path, types=TYPES, columns=named).connections) == 1
    assert "did you mean 'Gerät 1'" in refused(path, types=TYPES, columns={**named, "a_device": "Gerät1"})


def test_a_million_rows_are_refused_at_once_with_their_number(tmp_path) -> None:
    path = tmp_path / "cables.csv"
    with path.open("w") as file:
        file.write("a_device,b_device\n")
        file.writelines(["host,switch\n" * 1000] * 1000)
    begun = time.monotonic()
    assert "has 1,000,000 rows; at most 50,000 are read, and a model has at most 10,000 clients" in refused(path)
    assert time.monotonic() - begun < 2


def test_more_than_can_be_modelled_is_refused_with_its_number(monkeypatch) -> None:
    monkeypatch.setattr("k2rel.cables.read._MOST_DEVICES", 1000)
    cables = [{"from": f"cam-{n}", "to": f"sw-{n % 100}"} for n in range(1000)]
    assert "1,100 devices; at most 1,000 can be modelled" in refused(cables, types=TYPES)


def test_types_are_found_by_name_pattern_device_type_and_role_and_nothing_is_guessed(tmp_path) -> None:
    devices = [
        {"Name": "cam-1", "Role": "Camera", "Type": "HDC-3500"},
        {"Name": "sw-1", "Role": "Access Switch", "Type": "Nexus 93180 switch"},
        {"Name": "nas", "Role": "File Server", "Type": "R760"},
        {"Name": "idle", "Role": "Camera", "Type": "HDC-3500"},
    ]
    cables = [{"from": "cam-1", "to": "sw-1"}, {"from": "sw-1", "to": "nas"}]
    said = refused(cables, types=devices)
    assert "device type 'HDC-3500' of 'cam-1' is not a component type" in said
    assert re.search(r"'Nexus 93180 switch' .*; near: (gige_switch, fc_switch|fc_switch, gige_switch)", said)
    kinds = [{"Device type": "hdc-3500", "MTTF [h]": "90,000.5", "MTTR": "1 d"},
             {"Device type": "Nexus 93180 switch", "Component type": "GigE switch"}]  # fmt: skip
    found = k2rel.read_cables(cables, types=[devices, kinds])
    assert {one.name: one.type for one in found.devices.values()} == {
        "cam-1": "HDC-3500",
        "sw-1": "gige_switch",
        "nas": "server",
    }
    assert found.types["HDC-3500"] == {"mttf": "90000.5 h", "mttr": "1 d", "source": "types 2, line 1"}
    assert [(one.text, one.how) for one in found.matches if one.component_type == "server"] == [
        ("File Server", "a synonym (role)")
    ]
    assert any("no cable ends at 1 of the devices" in note and "idle" in note for note in found.notes)


def test_the_row_of_a_device_goes_before_that_of_its_type(tmp_path) -> None:
    types = [
        {"device": "nas", "component": "server", "mttr": "2 h"},
        {"device": "*", "component": "gige_switch", "mttr": "9 h"},
    ]
    found = k2rel.read_cables([{"from": "nas", "to": "sw"}], types=types)
    assert (found.devices["nas"].type, found.devices["nas"].law) == ("server", {"mttr": "2 h"})
    assert (found.devices["sw"].type, found.devices["sw"].law) == ("gige_switch", {"mttr": "9 h"})


WRONG_TYPES = {
    "two kinds": ("device,type\nsw-1,gige_switch\nsw-1,fc_switch\n", "'sw-1': model is 'fc_switch' here and 'gige_switch' in line 2"),
    "no number": ("device,type,mttf\nsw-1,gige_switch,long\n", "types.csv:2: mttf: 'long' is not a number with a unit"),
    "no time to restore": ("device,mttf\nsw-1,1e5 h\n", "types.csv:2: 'sw-1' has mttf and no mttr"),
    "twice the same": ("device,mttf,failure_rate,mttr\nsw-1,1e5 h,1e-5,4 h\n", "mttf and failure_rate give the same quantity in different forms"),
    "no key": ("device,type\n,gige_switch\n", "is empty; each row needs a device, a type or a role"),
    "no table": ("colour,length\nred,1\n", "this is not a table of devices or types"),
    "another case": ("device,type\nSW-1,gige_switch\n", "'SW-1' in line 2 there differs in case only"),
    "a row of rates": ("device,rates\nsw-1,eth_switch_hw_prod\n", "there is no entry 'eth_switch_hw_prod'; did you mean"),
    "an open number": ("device;mttf;mttr\nsw-1;300.000;4 h\n", "can be 300 (decimal point) or 300000 (decimal comma)") ,
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_wrong_types_say_where(tmp_path, text, said) -> None:
    types = listed(tmp_path, text, "types.csv")
    assert said in refused([{"from": "cam-1", "to": "sw-1"}], types=[types, {"cam-*": "client"}])


def test_patch_panels_join_cables_by_their_ports() -> None:
    cables = [
        {"from": "cam-1", "to": "pp-1", "to port": "Front 03"}, {"from": "pp-1", "from port": "Rear 3", "to": "pp-2", "to port": "R3"},
        {"from": "pp-2", "from port": "F3", "to": "sw-1", "to port": "7"}, {"from": "sw-1", "to": "nas", "from port": "8"},
    ]  # fmt: skip
    types = {**TYPES, "pp-*": {"role": "patch panel"}}
    found = k2rel.read_cables(cables, types=types)
    assert sorted(found.devices) == ["cam-1", "nas", "sw-1"]
    assert found.table()["through"].tolist() == ["pp-1, pp-2", ""]
    one, alone = (data for _, _, data in found.graph().edges(data=True))
    assert float(one["failure_rate"].split()[0]) == pytest.approx(3 * read_rates().row("isl_cable").rate_per_h)
    assert "failure_rate" not in alone
    said = refused(cables[:2], types=types)
    assert "no other cable continues from port R3 of patch panel 'pp-2'" in said


def test_power_feeds_become_needs() -> None:
    cables = [{"a_device": "cam-1", "b_device": "sw-1"}, {"a_device": "sw-1", "b_device": "nas"},
              {"a_device": "sw-1", "b_device": "pdu-1", "type": "power"}, {"a_device": "pdu-2", "b_device": "sw-1", "type": "power"},
              {"a_device": "nas", "b_device": "pdu-1", "type": "power"}, {"a_device": "lamp", "b_device": "pdu-9", "type": "power"}]  # fmt: skip
    types = {**TYPES, "pdu-*": {"mttf": "50 y", "mttr": "8 h"}}
    assert len(k2rel.read_cables(cables, types=TYPES).left_out) == 4
    found = k2rel.read_cables(cables[:-1], types=types, power=True)
    assert found.devices["sw-1"].needs == ({"at_least": 1, "of": ["pdu-1", "pdu-2"]},)
    assert found.devices["nas"].needs == ("pdu-1",)
    assert "it is not known which end is fed" in refused(cables, types=types, power=True)


@given(
    names=st.lists(st.text("abcxyz019-_. ü", min_size=1, max_size=12).map(lambda s: "d" + s.strip()), min_size=3, max_size=12,
                   unique_by=str.casefold),
    data=st.data(),
)  # fmt: skip
def test_every_cable_of_a_list_is_in_the_graph_once(names, data) -> None:
    names = [" ".join(name.split()) for name in names]
    if len({name.casefold() for name in names}) < len(names):
        return
    pairs = data.draw(
        st.lists(st.tuples(*[st.sampled_from(names)] * 2).filter(lambda p: p[0] != p[1]), min_size=1, max_size=30)
    )
    cables = [{"from": a, "from port": f"p{n}", "to": b, "to port": f"q{n}"} for n, (a, b) in enumerate(pairs)]
    graph = k2rel.read_cables(cables, types={"*": "gige_switch"}).graph()
    assert sorted(tuple(sorted(edge[:2])) for edge in graph.edges) == sorted(tuple(sorted(pair)) for pair in pairs)
