"""Lists of cables as they should not be: large, doubtful and badly written ones, and figures by hand."""

import itertools
import os
import time

import numpy as np
import pandas as pd
import pytest

import k2rel
from k2rel import InputError

LIST = [{"from": "cam-1", "to": "sw"}, {"from": "sw", "to": "nas"}]
DEVICES = {
    "cam-*": {"mttf": "90000 h", "mttr": "24 h"},
    "sw*": {"mttf": "50000 h", "mttr": "4 h"},
    "nas": {"mttf": "100000 h", "mttr": "8 h"},
}
CABLES = {
    "X": {"mttf": "100000 h", "mttr": "2 h"},
    "Y": {"unavailability": 1e-4, "mttr": "3 h"},
    "Z": {"failure_rate": "500 FIT", "mttr": "5 h"},
}
RATES = {"cam": (1 / 90_000, 24), "sw": (1 / 50_000, 4), "nas": (1e-5, 8), "X": (1e-5, 2), "Z": (5e-7, 5),
         "Y": (1e-4 / (1 - 1e-4) / 3, 3)}  # fmt: skip
"""Failures per hour and time to restoration in hours; 1e-4 is rate x repair / (1 + rate x repair)."""


def site_of(cables=LIST, types=DEVICES, **options):
    return k2rel.from_cables(cables, types=types, **{"clients": "cam-*", "targets": "nas"} | options)


def down(site):
    return k2rel.availability(k2rel.study(site))["traffic_client"].unavailability


def series(*parts):
    up = 1.0
    for part in parts:
        up *= 1 - part
    return 1 - up


def part(*kinds):
    """One part, or cables that are one connection: rates add up, repairs are weighted by them."""
    load = sum(RATES[kind][0] * RATES[kind][1] for kind in kinds)
    return load / (1 + load)


def refused(cables=LIST, types=DEVICES, **options):
    with pytest.raises(InputError) as caught:
        k2rel.read_cables(cables, types=types, **options)
    return str(caught.value)


# what the caller says


def test_a_version_of_the_data_is_that_of_the_site_and_of_its_figures() -> None:
    types = {**DEVICES, "cable": CABLES["X"]}
    assert site_of(types=types, data="0.1").data == "0.1"
    assert k2rel.read_cables(LIST, types=types, data="0.1").site(clients="cam-1", targets="nas").data == "0.1"
    assert k2rel.study(site_of(types=types, data="0.1")).provenance.data == "0.1"
    assert site_of().data == k2rel.study(site_of()).provenance.data != "0.1"
    with pytest.raises(InputError, match=r"data: there is no version '9\.9'"):
        site_of(data="9.9")
    said = refused(data="0.1")  # this version has no patch cable
    assert "cable type 'cable' of 2 cables (also in line 2) is not a component type" in said


def test_every_keyword_of_the_documents_is_taken() -> None:
    site = site_of(name="one", title="Two", demand="40 MB/s", share="first", paths=4, stages=False, negligible=0,
                   traffic="video", client_title="camera", without=["oob", "x-*"], columns={"a_device": "from"},
                   leave_out=True, power=True, sides={"A": "sw"}, rates=None, data=None)  # fmt: skip
    assert (site.name, site.title, list(site.traffic), list(site.sides)) == ("one", "Two", ["video"], ["A"])


def test_what_was_read_is_not_read_otherwise_without_a_word() -> None:
    with pytest.raises(InputError, match="types: these cables have already been read"):
        site_of(k2rel.read_cables(LIST, types=DEVICES), types=pd.DataFrame([{"device": "sw", "type": "server"}]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"columns": ["from"]}, "columns: a mapping such as {'a_device': 'Host 1'}, got list"),
        ({"columns": {"a_device": 5}}, "there is no column '5'"),
        ({"types": {"sw": 5}}, "types: of 'sw' a component type or a mapping .* is needed, got int"),
        ({"types": pd.DataFrame({"device": ["sw"]})}, "this is not a table of devices or types"),
        ({"cables": ({"from": "a", "to": "b"} for _ in itertools.count())}, "has 1,0000? rows"),
    ],
    ids=["columns that are no mapping", "a column by a number", "a type by a number", "no table of types", "no end"],
)
def test_what_cannot_be_meant_is_refused_by_its_name(options, said, monkeypatch) -> None:
    monkeypatch.setattr("k2rel.cables.sheet.MOST_ROWS", 900)
    monkeypatch.setattr("k2rel.cables.sheet._MOST_COUNTED_RECORDS", 1000)
    with pytest.raises(InputError, match=said):
        k2rel.read_cables(**{"cables": LIST, "types": DEVICES} | options)


# what each word became


def test_every_type_of_cable_with_failure_data_of_its_own_says_by_what() -> None:
    cables = [{"from": f"cam-{n}", "to": "sw", "type": "XYZ"[n % 3]} for n in range(9)]
    found = k2rel.read_cables(cables, types={**DEVICES, **CABLES})
    assert [(one.text, one.how, one.count) for one in found.matches if one.text in CABLES] == [
        (word, "failure data of types", 3) for word in "XYZ"
    ]


def test_cables_without_a_type_take_what_the_table_says_of_the_patch_cable() -> None:
    site = site_of(types={**DEVICES, "cable": CABLES["X"]})
    assert down(site) == pytest.approx(series(part("cam"), part("X"), part("sw"), part("X"), part("nas")), rel=1e-9)
    assert "no cable ends at" not in " ".join(site.found.notes)


# figures by hand


def test_two_ways_of_cables_with_data_of_their_own() -> None:
    cables = [
        {"from": "cam-1", "to": "sw-a", "type": "X"},
        {"from": "cam-1", "to": "sw-b", "type": "Y"},
        {"from": "sw-a", "to": "nas", "type": "Z"},
        {"from": "sw-b", "to": "nas", "type": "X"},
    ]
    ways = [series(part(one), part("sw"), part(other)) for one, other in ("XZ", "YX")]
    expected = series(part("cam"), part("nas"), ways[0] * ways[1])
    for sides in (None, {"A": "sw-a", "B": "sw-b"}):
        assert down(site_of(cables, {**DEVICES, **CABLES}, sides=sides)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("pair", ["XX", "XY", "YX", "YY", "ZX"])
def test_cables_through_a_panel_are_in_series_whatever_form_their_data_have(pair) -> None:
    one, other = pair
    cables = [
        {"from": "cam-1", "to": "pp", "to port": "F1", "type": one},
        {"from": "pp", "from port": "R1", "to": "sw", "to port": "1", "type": other},
        {"from": "sw", "from port": "2", "to": "nas", "type": "X"},
    ]
    site = site_of(cables, {**DEVICES, **CABLES, "pp": {"role": "patch panel"}})
    expected = series(part("cam"), part(*pair), part("sw"), part("X"), part("nas"))
    assert down(site) == pytest.approx(expected, rel=1e-9)


# doubtful rows

CASES = {
    "Excel quotes what is no number": ('From,To\n="cam-1",sw\nsw,nas\n', ""),
    "a letter of two signs": ("From,To\ncam-1,k\u00fchl\nku\u0308hl,nas\n", ""),
    "the same cable in reverse": ("From,P1,To,P2\ncam-1,1,sw,1\nsw,2,nas,e\nnas,e,sw,2\n", ":4: nas e to sw 2 is already in line 3"),
    "perhaps the same cable": ("From,P1,To,P2\ncam-1,1,sw,1\nsw,2,nas,e\nnas,,sw,\n", ":4: nas to sw may be the same cable as in line 3"),
    "perhaps, at a port": ("From,P1,To,P2\ncam-1,1,sw,1\nsw,,nas,\nnas,e,sw,2\n", ":4: nas e to sw 2 may be the same cable as in line 3"),
    "one label of two": ("From,To,Label\ncam-1,sw,\nsw,nas,K1\nsw,nas,\n", ":4: sw to nas may be the same cable as in line 3"),
    "other ports": ("From,P1,To,P2\ncam-1,1,sw,1\nsw,2,nas,\nnas,,sw,3\n", ""),
    "other labels": ("From,To,Label\ncam-1,sw,\nsw,nas,K1\nnas,sw,K2\n", ""),
    "case, with both and their rows": ("From,To\ncam-1,sw\nSW,nas\n", ":3: 'SW' here and 'sw' (in line 2) differ in case only"),
    "a speed without a unit": ("From,To,Speed\ncam-1,sw,1G\nsw,nas,1000\n", ":3: Speed: '1000' has no unit"),
    "no number for a cost": ("From,To,Cost\ncam-1,sw,nan\nsw,nas,1\n", ":2: Cost: 'nan' is not a number with a unit"),
    "no number for a capacity": ("From,To,Capacity\ncam-1,sw,\nsw,nas,NaN\n", ":3: Capacity: 'NaN' is not a number with a unit"),
    "no word": ("From,To,Label,Cost\ncam-1,sw,nan,n/a\nsw,nas,NaN,-\n", ""),
    "what clients are called": ("From,To\ncam-1,Client\nClient,nas\n", ":2: To: 'Client' is a name that the clients of a site have"),
    "many columns": (f"From,To,{','.join(f'c{n}' for n in range(50_000))}\ncam-1,sw\n", "has more than 1,000 columns"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), CASES.values(), ids=CASES)
def test_doubtful_rows(tmp_path, text, said) -> None:
    path = tmp_path / "cables.csv"
    path.write_text(text, encoding="utf-8")
    ports = {"a_port": "P1", "b_port": "P2"} if "P1" in text else None
    types = {"*": "gige_switch"}
    if said:
        assert said in refused(path, types, columns=ports)
    else:
        assert len(k2rel.read_cables(path, types=types, columns=ports).devices) == 3


def test_what_pandas_has_for_an_empty_cell_is_empty_and_the_word_for_it_is_no_number() -> None:
    rows = {"From": ["cam-1", "sw"], "To": ["sw", "nas"], "Label": ["a", float("nan")]}
    for nothing in (float("nan"), np.float32("nan"), pd.NA, pd.NaT, None):
        one = pd.DataFrame({**rows, "Cost": pd.Series([nothing, 2], dtype=object), "Capacity": [float("nan")] * 2})
        assert [(link.get("cost"), link.get("capacity")) for link in k2rel.read_cables(one, types=DEVICES).links] == [
            (None, None), (2.0, None)
        ]  # fmt: skip
    assert "cables:1: Cost: 'nan' is not a number" in refused(pd.DataFrame({**rows, "Cost": ["nan", "2"]}))
    assert "types:1: mttf: 'nan' is not a number" in refused(types={**DEVICES, "cam-*": {"mttf": "nan", "mttr": "1 h"}})


def test_a_feed_whose_device_is_written_in_another_case_is_not_lost() -> None:
    cables = [*LIST, {"from": "SW", "to": "pdu", "type": "power"}]
    types = {**DEVICES, "pdu": {"mttf": "1000 h", "mttr": "10 h"}}
    assert "'SW' here and 'sw' (2 times, first in line 1) differ in case only" in refused(cables, types, power=True)


WRONG_TYPES = {
    "no time to failure": ("*,0,4,", "types.csv:2: mttf: a time above 0 is needed"),
    "no time to restoration": ("*,1000 h,0,", "types.csv:2: mttr: a time above 0 is needed"),
    "percent": ("*,,4,0.1 %", "types.csv:2: unavailability: '0.1 %': write a plain number, without a unit"),
    "nothing": ("sw,,,\ncam-1,1000 h,4,\nnas,1000 h,4,", "device 'sw' has a row in types.csv that does not state it, in line 2"),
    "case": ("SW,1000 h,4,\ncam-1,1000 h,4,\nnas,1000 h,4,", "'sw' has no row in types.csv; 'SW' in line 2 there differs"),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "said"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_wrong_types_are_placed_in_their_row(tmp_path, monkeypatch, rows, said) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "types.csv").write_text(f"device,mttf,mttr,unavailability\n{rows}\n")
    assert said in refused(types="types.csv")


# large tables

BAD = {
    "no time to restoration": (5000, lambda n: {"device": f"h{n}", "mttf": "1000 h"}),
    "no such entry": (5000, lambda n: {"device": f"h{n}", "rates": f"eth_switch_{n}"}),
    "other names": (2000, lambda n: {"device": f"hx{n}", "type": "server"}),
    "two sides": (5000, lambda n: {"device": f"h{n}", "type": "server", "side": f"s{n}"}),
}
"""Rows, and how each is wrong."""


@pytest.mark.parametrize(("count", "row"), BAD.values(), ids=BAD)
def test_a_large_table_of_bad_rows_is_refused_with_the_first_and_their_number(count, row) -> None:
    rows = [*map(row, range(count)), *({"device": f"h{n}", "side": "A"} for n in range(count) if "side" in row(0))]
    cables = [{"from": f"h{n}", "to": f"s{n % 100}"} for n in range(count)]
    lines = refused(cables, [*rows, {"device": "s*", "type": "gige_switch"}]).splitlines()
    assert len(lines) == 22
    assert "more problems like these" in lines[20]


def test_notes_of_a_bad_table_are_some_twenty_too() -> None:
    types = [{"device": f"h{n}", "type": f"Nexus switch {n}"} for n in range(500)]
    cables = [*LIST, *({"from": f"h{n}", "to": "sw"} for n in range(500))]
    found = k2rel.read_cables(cables, types=[types, DEVICES], leave_out=True)
    assert len(found.left_out) == 500
    assert len(found.notes) == 21
    assert "and 480 more problems like these" in found.notes[-1]


def test_patterns_are_as_many_as_can_be_compared() -> None:
    types = [{"device": f"*{n}", "type": "server"} for n in range(3000)]
    assert "types: 3,000 rows give patterns; at most 2,000 are allowed" in refused(types=types)


DOORS = {
    "import": "import {}", "types": "import cables.csv --types {}", "rates": "import cables.csv --rates {}", "check": "check {}",
    "field": "fit {}", "sweep": "sweep {}", "chain": "ctmc --steady {}", "fault tree": "solve {}",
}  # fmt: skip


@pytest.mark.parametrize("file", ["pipe", "/dev/zero", "/dev/urandom"])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_what_has_no_end_or_no_writer_is_not_read(tmp_path, monkeypatch, k2, door, file) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    (tmp_path / "cables.csv").write_text("from,to\ncam-1,nas\n")
    begun = time.process_time()
    run = k2(*door.format(file).split())
    assert run.code == 2 and "not a regular file" in run.err, run.err
    assert time.process_time() - begun < 1


def test_a_file_name_that_is_none_is_said_before_anything_is_read(k2) -> None:
    for given, said in (
        ("x" * 3000, "cannot be written: File name too long"),
        (".", ".: is a folder; give the name of a file"),
    ):
        shown = k2("import", "nowhere.csv", "--output", given)
        assert shown.code == 2
        assert said in shown.err


ODD_ROWS = {
    "no capacity": ("From,To,Capacity\ncam-1,sw,\nsw,nas,0\n", ":3: Capacity: a capacity above 0 is needed, got '0'"),
    "a cost below 0": ("From,To,Cost\ncam-1,sw,-1\nsw,nas,\n", ":2: Cost: a cost from 0 to 1e12 is needed, got '-1'"),
    "a sign of direction": ("From,To,Label\ncam-1,sw,\nsw,nas,K\u202e1\n", ":3: Label: has U+202E, which is not a printable"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), ODD_ROWS.values(), ids=ODD_ROWS)
def test_what_a_site_refuses_is_refused_in_its_row(tmp_path, text, said) -> None:
    (tmp_path / "cables.csv").write_text(text)
    assert f"cables.csv{said}" in refused(tmp_path / "cables.csv")


def test_a_cost_of_nothing_goes_as_in_a_graph() -> None:
    assert site_of([{**one, "cost": 0} for one in LIST]).found.table()["paths"].tolist() == [1]


def test_types_of_cables_have_a_table_of_their_own(tmp_path) -> None:
    (tmp_path / "kinds.csv").write_text("cable type,component type,mttf,mttr\nSAS,cable,,\nmicrowave,,20000 h,6 h\n")
    cables = [{**LIST[0], "type": "SAS"}, {**LIST[1], "type": "microwave"}]
    site = site_of(cables, types=[DEVICES, tmp_path / "kinds.csv"])
    assert site.components["sw-nas"].type == "microwave"


def test_messages_of_an_import_have_its_options_its_lines_and_what_is_idle(tmp_path, monkeypatch, k2) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.csv").write_text("from,to\ncam-1,sw\nsw,nas\nsw,idle-1\n")
    rows = "nas,,100000 h,8 h\nsw,,50000 h,4 h\nidle-1,,50000 h,4 h\n"
    (tmp_path / "t.csv").write_text("device,component type,mttf,mttr\n" + rows + "cam-1,,90000 h,1 d\n")
    ask = ("import", "c.csv", "--types", "t.csv", "--clients", "?am*", "--targets", "nas")
    assert "on no path from a client to a target, but kept as parts: 1 device: idle-1" in k2(*ask).out
    (tmp_path / "t.csv").write_text("device,component type,mttf,mttr\n" + rows)
    assert "(--leave-out)" in k2(*ask).err
    said = k2(*ask, "--leave-out").err
    assert "clients: devices that match '?am*' were left out; of 'cam-1', line 2: device 'cam-1' has no type" in said
    (tmp_path / "t.csv").write_text(
        "device,component type\nnas,10GbE thing\nsw,10GbE thing\ncam-1,server\nidle-1,server\n"
    )
    assert "t.csv:3: component type '10GbE thing' of 2 devices (also in line 2)" in k2(*ask).err
