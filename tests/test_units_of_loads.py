"""Loads in other units than MB/s: read, kept apart from others, and shown with their unit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel.plots import draw_site, plot_load_after_failover
from k2rel.plots.drawing import caption
from k2rel.plots.layout import Layout
from k2rel.simulation import Plan, simulate
from k2rel.tables import for_people

FIXED = {"type": "fixed"}


def part(q: float, side: str | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "part", "unavailability": q, "mttr": "5 h"} | ({"side": side} if side else {}) | more


def both() -> dict[str, Any]:
    """A room with hosts on a network of two switches, fed by two distribution units."""
    return {
        "format": 2, "name": "room", "title": "room", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}},
        "components": {
            "feed_A": part(0.02, "A", capacity="10 kW"), "feed_B": part(0.03, "B", capacity=10),
            "hall": FIXED,
            "net_A": part(0.05, "A", capacity="200 MB/s", **{"in": "hall"}),
            "net_B": part(0.05, "B", capacity="150 MB/s", **{"in": "hall"}),
        },
        "clients": {"count": 3, "parts": {"client": FIXED | {"in": "hall"}}},
        "traffic": {
            "data": {"demand": "60 MB/s", "share": "first",
                     "paths": [{"side": s, "via": ["client", "hall", f"net_{s}"]} for s in "AB"]},
            "power": {"scope": "site", "unit": "kW", "demand": "12 kW", "share": "equal",
                      "paths": [{"side": s, "via": [f"feed_{s}"]} for s in "AB"]},
        },
    }  # fmt: skip


def study_at(folder: Path, document: dict[str, Any], **more: Any) -> k2rel.Study:
    path = folder / "room.yaml"
    path.write_text(json.dumps(document))
    return k2rel.study(path, **more)


def test_loads_of_two_units_are_counted_apart(tmp_path) -> None:
    study = study_at(tmp_path, both())
    found = k2rel.load(study, method="exact")
    mean = {item.element: (item.mean_mb_s, item.unit) for item in found.elements}
    assert mean["feed_A"][0] == pytest.approx(0.98 * (0.97 * 6 + 0.03 * 12))
    assert mean["net_B"][0] == pytest.approx(0.05 * 0.95 * 180)
    assert [mean[name][1] for name in ("feed_A", "net_B")] == ["kW", "MB/s"]
    # of power 10 of 12 kW arrive by one feed; of data 150 of 180 MB/s by the second switch alone
    kw = 0.98 * 0.97 + (0.98 * 0.03 + 0.02 * 0.97) * 10 / 12
    mb = 0.95 + 0.05 * 0.95 * 150 / 180
    assert dict(found.fractions) == {"MB/s": pytest.approx(mb), "kW": pytest.approx(kw)}
    assert found.delivered_fraction == pytest.approx(mb)
    figures = k2rel.performability(study, method="exact")
    assert figures["demand_mb_s"] == 180
    assert figures["demand_kW"] == 12
    assert figures["delivered_kW"] == pytest.approx(12 * kw)
    load = simulate(study, plan=Plan(histories=400, years=1, warm_up_h=100, seed=2)).load()
    for name in ("delivered_mb_s", "delivered_kW"):
        assert load[name].low <= figures[name] <= load[name].high


def test_data_and_tables_say_the_unit(tmp_path) -> None:
    study = study_at(tmp_path, both())
    data = k2rel.load(study, method="exact").to_json()
    feed = next(item for item in data["elements"] if item["element"] == "feed_A")
    assert (feed["capacity"], feed["normal"], feed["unit"]) == (10, 6, "kW")
    assert "capacity_mb_s" not in feed
    net = next(item for item in data["elements"] if item["element"] == "net_A")
    assert net["capacity_mb_s"] == 200
    assert "unit" not in net
    assert data["delivered"][1]["unit"] == "kW"
    loads = {item["element"]: item for item in k2rel.failover(study, ["feed_B"]).to_json()["loads"]}
    assert (loads["feed_A"]["load"], loads["feed_A"]["unit"], loads["feed_A"]["overloaded"]) == (12, "kW", True)
    assert loads["net_A"]["load_mb_s"] == 180
    table = for_people(k2rel.load(study, method="exact").table())
    assert table.loc["feed_A", "capacity"] == "10 kW"
    assert table.loc["net_A", "load with nothing failed"] == "180 MB/s"
    assert k2rel.load_after_failures(study).attrs["units"] == {"feed_A": "kW", "feed_B": "kW"}
    svg = draw_site(study.site, k2rel.failover(study, ["feed_B"])).svg
    assert ">12 kW</text>" in svg
    assert ">of 10 kW</text>" in svg
    assert "figures: load [MB/s], or with the unit" in svg


def test_what_is_overloaded_is_told_with_its_unit(tmp_path) -> None:
    found = k2rel.carrying(study_at(tmp_path, both()))
    assert "12 of 10 kW" in f"{found.words()} {found.widened()}" or "12 instead of 10 kW" in found.widened()
    assert "180 instead of 150 MB/s" in found.widened()


def test_a_part_without_a_capacity_has_a_load_of_each_unit(tmp_path) -> None:
    document = both()
    document["traffic"]["power"]["paths"] = [{"side": s, "via": ["hall", f"feed_{s}"]} for s in "AB"]
    document["components"] |= {f"feed_{s}": part(0.02, s, capacity="10 kW", **{"in": "hall"}) for s in "AB"}
    study = study_at(tmp_path, document)
    outcome = k2rel.failover(study)
    assert outcome.carried_by_unit["hall"] == {"MB/s": 180, "kW": 12}
    assert "hall" not in outcome.carried
    document["components"]["hall"] = FIXED | {"capacity": 1000}
    with pytest.raises(k2rel.InputError, match=r"hall.capacity: carries MB/s of 'data' and kW of 'power'"):
        study_at(tmp_path, document)


def test_a_share_of_the_clients_is_in_the_unit_that_crosses(tmp_path) -> None:
    document = both()
    document["traffic"]["power"] = {
        "unit": "kW", "demand": 0.4, "paths": [{"side": s, "via": ["client", "hall", f"feed_{s}"]} for s in "AB"]
    }  # fmt: skip
    document["components"]["feed_A"] = part(0.02, "A", capacity="70 % of clients", **{"in": "hall"})
    document["components"]["feed_B"]["in"] = "hall"
    feed = study_at(tmp_path, document).site.components["feed_A"]
    assert feed.capacity_mb_s == pytest.approx(2 * 0.4)
    assert feed.unit == "kW"


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        (lambda d: d["components"]["feed_A"].update(capacity="10 kVA"), "components.feed_A.capacity", "unit: kVA"),
        (lambda d: d["components"]["feed_A"].update(capacity="10 MB/s"), "feed_A.capacity", "'power' crosses it in kW"),
        (lambda d: d["traffic"]["power"].update(demand="12 MB/s"), "power.demand", "give the demand in kW"),
        (lambda d: d["traffic"]["data"].update(demand="12 kW"), "data.demand", "'unit: kW' at its traffic class"),
        (lambda d: d["traffic"]["power"].update(unit="Gb/s"), "power.unit", "is a unit of bandwidth"),
        (lambda d: d["traffic"]["power"].update(unit="k\nW"), "power.unit", "printable"),
        (lambda d: d.update(format=1), "traffic.power.unit", "format 2"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(tmp_path, change, where, said) -> None:
    document = both()
    change(document)
    with pytest.raises(k2rel.InputError) as refused:
        study_at(tmp_path, document)
    assert where in str(refused.value)
    assert said in str(refused.value)


def test_settings_and_limits_are_in_the_unit_of_what_they_change(tmp_path) -> None:
    study = study_at(tmp_path, both(), settings={"feed_A.capacity": "8 kW", "power.demand": 9})
    assert study.site.components["feed_A"].capacity_mb_s == 8
    assert study.site.traffic["power"].demand_mb_s == 9
    assert "power.demand=9 kW" in study.provenance.settings
    for key, value in (("feed_A.capacity", "8 MB/s"), ("net_A.capacity", "8 kW"), ("data.demand", "1 kW")):
        with pytest.raises(k2rel.InputError, match="kW"):
            study_at(tmp_path, both(), settings={key: value})
    document = both()
    document["traffic"]["power"]["demand"] = {"value": "12 kW", "low": "10 kW", "high": 15}
    (known,) = study_at(tmp_path, document).site.inputs.values()
    assert (known.unit, known.low, known.high) == ("kW", 10, 15)
    document["traffic"]["power"]["demand"]["low"] = "10 MB/s"
    with pytest.raises(k2rel.InputError, match="one unit"):
        study_at(tmp_path, document)


def test_the_unit_is_part_of_what_a_site_is(tmp_path) -> None:
    one = study_at(tmp_path, both()).provenance.input_hash
    document = both()
    document["traffic"]["power"] |= {"unit": "kVA", "demand": 12}
    document["components"]["feed_A"]["capacity"] = 10
    assert study_at(tmp_path, document).provenance.input_hash != one


def test_what_is_below_its_capacity_in_another_unit_has_its_load_and_fits_its_box() -> None:
    """Four servers draw 2 kW each: 4 kW of 7 on each feed, 8 of 7 without the other one."""
    study = k2rel.study("dual_tor")
    svg = draw_site(study.site, k2rel.failover(study)).svg
    assert re.findall(r"class='load told'[^>]*>([^<]*)<", svg) == ["4 kW"] * 4
    found: dict[tuple[str, ...], str] = {}
    for failed in ([], ["ups_A"]):
        layout = Layout(study.site)
        pen = draw_site(study.site, k2rel.failover(study, failed)).svg
        box, group = layout.boxes["pdu_B"], re.search(r"data-part='pdu_B'.*?</g>", pen)[0]
        for x in re.findall(r"<text class='(?:load|of) told' x='(\d+)'", group):
            assert box.x - box.width / 2 < int(x) < box.x + box.width / 2
        found[tuple(failed)] = re.search(r"class='load told'[^>]*>([^<]*)<", group)[1]
        left, width = map(int, re.search(r"class='plate' x='(\d+)' y='\d+' width='(\d+)'", group).groups())
        assert box.x - box.width / 2 < left and left + width < box.x + box.width / 2
    assert found == {(): "4 kW", ("ups_A",): "8 kW"}


def test_a_way_of_a_clients_own_parts_is_named_and_no_dashes_are_announced_that_nobody_draws() -> None:
    study = k2rel.study("dual_tor")
    case = next(each for each in k2rel.failover_cases(study) if each.title == "nothing has failed")
    assert case.further_paths() == {"power": "50 % by psu_A; 50 % by psu_B"}
    assert "dashed" not in caption(study.site)
    assert "of control of client 1 dashed in green" in caption(k2rel.study("L2R").site)


def test_loads_of_two_units_are_drawn_in_per_cent_of_their_capacities() -> None:
    """Without a feed 8 kW on 7, and 1000 MB/s on each uplink of 1250; before, 4 kW and 500 MB/s."""
    study = k2rel.study("dual_tor")
    ax = plot_load_after_failover(study.site, k2rel.failover(study), k2rel.failover(study, ["ups_A"]))
    widths = {round(float(bar.get_extents().transformed(ax.transData.inverted()).width), 1) for bar in ax.patches}
    assert widths == {0.0, round(400 / 7, 1), round(800 / 7, 1), 40.0, 80.0}
    assert ax.get_xlabel() == "load [% of capacity]"
    assert {"pdu B (7 kW)", "uplink B1 (1250 MB/s)"} <= {text.get_text() for text in ax.get_yticklabels()}
    lines = {tuple(np.asarray(line.get_xdata()).tolist()) for line in ax.lines}
    assert lines == {(100.0, 100.0)}
