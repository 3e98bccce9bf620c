"""Sites of three and more sides: every engine against following all states, and how the sides are named and drawn.

The rules are written a second time in `tests.enumerated` and `tests.takeover_chain`, which share no line with k2rel.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel.plots import draw_site, plot_load_distribution
from k2rel.plots.palette import side_colours
from k2rel.plots.style import LOST, side_colour
from k2rel.simulation import Plan, simulate
from k2rel.simulation.timeline import timeline
from k2rel.site.common_cause_pairs import with_common_cause
from tests.enumerated import enumerate_states
from tests.random_takeovers import laws_of
from tests.takeover_chain import Chain

NETS = ("red", "green", "blue")
CENTRES = ("north", "south", "west")
FIXED = {"type": "fixed"}
IDEAL = k2rel.Organisation(roles="ideal", tolerance=1e-12)


def part(kind: str, q: float, side: str | None = None, **more: Any) -> dict[str, Any]:
    return {"type": kind, "unavailability": q, "mttr": "5 h"} | ({"side": side} if side else {}) | more


def triple(share: str = "all") -> dict[str, Any]:
    """Receivers with a card on each of three networks."""
    switches = {f"switch_{s}": part("switch", 0.02 + 0.01 * n, s, capacity="65 MB/s") for n, s in enumerate(NETS)}
    cards = {f"card_{s}": part("card", 0.05, s, between=["client", f"switch_{s}"]) for s in NETS}
    paths = [{"side": s, "via": ["client", f"card_{s}", f"switch_{s}", "studio"]} for s in NETS]
    return {
        "format": 2, "name": "triple", "title": "three networks", "sides": {s: {} for s in NETS},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}},
        "components": switches | {"studio": part("studio", 0.004)},
        "links": {f"trunk_{s}": part("trunk", 0.01, between=[f"switch_{s}", "studio"]) for s in NETS},
        "clients": {"count": 2, "parts": {"client": FIXED} | cards},
        "traffic": {"video": {"demand": "30 MB/s", "share": share,
                              "paths": [p | {"via": [*p["via"][:-1], f"trunk_{p['side']}", "studio"]} for p in paths]}},
    }  # fmt: skip


def centres() -> dict[str, Any]:
    """Three data centres, of which one has the master."""
    nodes = {f"db_{s}": {"type": "node", "side": s, "mttf": f"{300 + 50 * n} h", "mttr": f"{6 + n} h", "in": "hub"}
             for n, s in enumerate(CENTRES)}  # fmt: skip
    holders = [{"side": s, "on": f"db_{s}", "units": [f"unit_{s}"], "needs": [f"db_{s}"]} for s in CENTRES]
    paths = [{"side": s, "when": {"master": s}, "via": ["seat", "cord", "hub", f"db_{s}"]} for s in CENTRES]
    return {
        "format": 2, "name": "centres", "title": "three data centres", "sides": {s: {} for s in CENTRES},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}},
        "components": {"hub": FIXED} | nodes,
        "units": {f"unit_{s}": {"server": f"db_{s}", "triggers": [f"db_{s}"]} for s in CENTRES},
        "roles": {"master": {"holders": holders, "switchover": "0.5 h", "detection": "0.1 h", "coverage": 0.9,
                             "failback": "automatic after 3 h"}},
        "clients": {"count": 3, "parts": {"seat": FIXED, "cord": FIXED | {"between": ["seat", "hub"]}}},
        "traffic": {"query": {"requires": ["master"], "prefer": "role master", "demand": "5 MB/s", "paths": paths},
                    "at_west": {"scope": "client", "paths": [paths[2]]},
                    "read": {"prefer": "home", "paths": [{k: v for k, v in p.items() if k != "when"} for p in paths]}},
    }  # fmt: skip


def study_at(folder, document: dict[str, Any], **more: Any) -> k2rel.Study:
    path = folder / f"{document['name']}.yaml"
    path.write_text(json.dumps(document))
    return k2rel.study(path, **more)


@pytest.mark.parametrize("share", ["all", "first", "equal"])
def test_three_networks_are_as_all_their_states_say(tmp_path, share) -> None:
    study, wanted = study_at(tmp_path, triple(share)), enumerate_states(triple(share))
    for method in ("exact", "markov"):
        found = k2rel.availability(study, method=method, organisation=IDEAL)
        known = {item.service for item in found.services}
        assert {"video", "video_client", "full_service"} <= known
        for name, value in wanted.unavailability.items():
            assert name not in known or found[name].unavailability == pytest.approx(value, rel=1e-7), (method, name)
        load = k2rel.load(study, method=method, organisation=IDEAL)
        sides = {tuple(row[:-1]): row[-1] for row in load.side_distribution if row[-1] > 1e-13}
        expected = {(*on, lost): p for (*on, _, lost), p in wanted.sides.items() if p > 1e-13}
        assert sides == pytest.approx(expected, rel=1e-7)
        assert load.delivered_fraction == pytest.approx(wanted.delivered_fraction, rel=1e-7)
        for item in load.elements:
            assert item.mean_mb_s == pytest.approx(wanted.mean[item.element], rel=1e-7)
            assert item.p_overload == pytest.approx(wanted.p_overload[item.element], rel=1e-7, abs=1e-12)
    # all that flows is on some side
    table = load.side_table()
    given = (table[["on_a_mb_s", "on_b_mb_s", "on_c_mb_s"]].sum(axis=1) * table["probability"]).sum()
    asked = sum(wanted.mean.values())
    assert given == pytest.approx(asked, rel=1e-6)


def test_simulated_clients_on_three_sides_scatter_around_all_states(tmp_path) -> None:
    wanted = enumerate_states(triple())
    found = simulate(study_at(tmp_path, triple()), IDEAL, plan=Plan(histories=800, years=1, warm_up_h=100, seed=4))
    load = found.load()
    means = np.sum([p * np.array(key) for key, p in wanted.sides.items()], axis=0)
    names = [f"clients_on_{nth}_side" for nth in ("first", "second", "third")]
    for name, mean in zip((*names, "clients_on_several_sides", "clients_cut_off"), means, strict=True):
        estimate = load[name]
        assert abs(estimate.value - mean) < 4.5 * estimate.standard_error + 1e-6, name
    rows = found.sides().to_dict("records")
    for row in rows:
        key = tuple(row.get(name, 0) for name in ("on_a", "on_b", "on_c", "on_several", "cut_off"))
        assert wanted.sides.get(key, 0.0) > 0, "a state that there is"
    told = found.to_json()["sides"][0]
    assert told["sides"] == {"red": told["on_a"], "green": told["on_b"], "blue": told["on_c"]}


@pytest.mark.parametrize("sides", [4, pytest.param(12, marks=pytest.mark.slow)])
def test_each_of_many_sides_is_counted_apart(tmp_path, sides) -> None:
    """As many networks as there may be, each client on the first that works."""
    names = [f"n{n}" for n in range(1, sides + 1)]
    paths = [{"side": s, "via": ["client", "hub", f"net_{s}"]} for s in names]
    document = triple() | {
        "sides": {s: {} for s in names},
        "components": {"hub": FIXED} | {f"net_{s}": part("net", 0.3, s, **{"in": "hub"}) for s in names},
        "links": {},
        "clients": {"count": 2, "parts": {"client": FIXED | {"in": "hub"}}},
        "traffic": {"video": {"demand": "1 MB/s", "paths": paths}},
    }
    study = study_at(tmp_path, document)
    rows = k2rel.load(study, method="exact").to_json()["side_distribution"]
    for n, name in enumerate(names):
        (row,) = [row for row in rows if row["sides"].get(name) == 2]
        assert row["probability"] == pytest.approx(0.7 * 0.3**n, rel=1e-9)
        assert row["load_by_side"][name] == 2
    found = simulate(study, plan=Plan(histories=20, years=1, warm_up_h=100, seed=1)).load()
    if sides == 12:
        assert "clients_on_twelfth_side" in found
    assert found["clients_on_fourth_side"].value == pytest.approx(2 * 0.7 * 0.3**3, rel=0.3)


def test_a_thirteenth_side_is_refused(tmp_path) -> None:
    with pytest.raises(k2rel.InputError, match="sides"):
        study_at(tmp_path, triple() | {"sides": {f"n{n}": {} for n in range(13)} | {s: {} for s in NETS}})


MANUAL, BACK = 2.0, 3.0


def test_a_role_with_a_holder_in_each_of_three_centres(tmp_path) -> None:
    study = study_at(tmp_path, centres())
    chain = Chain(study.site, laws_of(study), MANUAL, BACK).steady.unavailability
    times = k2rel.Organisation(manual_takeover_h=MANUAL, return_to_service_h=BACK, tolerance=1e-10)
    modelled = k2rel.availability(study, organisation=times, method="markov")
    simulated = simulate(study, times, plan=Plan(histories=400, years=5, seed=3))
    for name in ("master", "query", "at_west"):
        assert modelled[name].unavailability == pytest.approx(chain[name], rel=1e-6), name
        estimate = simulated[name].unavailability
        assert abs(estimate.value - chain[name]) < 4.5 * estimate.standard_error, name
    wanted = enumerate_states(centres())
    for primary in (None, *CENTRES):
        there = enumerate_states(centres(), primary)
        exact = k2rel.availability(study_at(tmp_path, centres(), primary=primary), method="exact")
        known = {item.service for item in exact.services}
        for name, value in there.unavailability.items():
            assert name not in known or exact[name].unavailability == pytest.approx(value, rel=1e-9, abs=1e-15), (
                primary,
                name,
            )
    assert wanted.unavailability["master"] > 0


def test_sides_lead_in_the_order_that_is_asked_for(tmp_path) -> None:
    """The second centre first; then, as the file lists them, the first and the third."""
    study = study_at(tmp_path, centres(), primary="south")
    assert k2rel.failover(study).roles == {"master": "south"}
    assert k2rel.failover(study, ["db_south"]).primary == "north"
    assert k2rel.failover(study, ["db_south", "db_north"]).primary == "west"
    assert k2rel.failover(study, ["db_south", "db_north", "db_west"]).primary is None
    read = [state.sides["read"] for state in k2rel.failover(study).clients]
    assert set(read) == {"south"}
    with pytest.raises(k2rel.InputError, match="only north, south and west"):
        study_at(tmp_path, centres(), primary="east")


def test_shares_of_three_sides_are_those_of_the_clients(tmp_path) -> None:
    study = study_at(tmp_path, centres())
    figures = k2rel.performability(study, method="exact")
    up = {s: 1 - 1 / (1 + (300 + 50 * n) / (6 + n)) for n, s in enumerate(CENTRES)}
    first, second = up["north"], (1 - up["north"]) * up["south"]
    third = (1 - up["north"]) * (1 - up["south"]) * up["west"]
    for side, p in zip(CENTRES, (first, second, third), strict=True):
        assert figures[f"share_on_{side}"] == pytest.approx(p / (first + second + third), rel=1e-9)
    assert figures["share_last_side"] == figures["share_on_west"]


def test_twins_of_three_sides_fail_together(tmp_path) -> None:
    document = triple("first")
    for entry in document["components"].values():
        entry["unavailability"] = 0.02
    site = with_common_cause(study_at(tmp_path, document).site, "twins")
    assert {group.members for group in site.common_cause} == {
        tuple(f"switch_{s}" for s in NETS),
        tuple(f"trunk_{s}" for s in NETS),
    }
    found = k2rel.availability(study_at(tmp_path, document, common_cause="twins"), method="exact")["video_client"]

    def of(q: float, share: float) -> float:
        """Unavailability by a share of the failures."""
        odds = share * q / (1 - q)
        return odds / (1 + odds)

    # one cause takes all three in 5 % of failures, the rest are of one part alone
    own = 1 - (1 - 0.05) * (1 - of(0.02, 0.95)) * (1 - of(0.01, 0.95))
    beta = (1 - of(0.02, 0.05)) * (1 - of(0.01, 0.05))
    assert found.unavailability == pytest.approx(1 - (1 - 0.02) * beta * (1 - own**3), rel=1e-9)
    # where only two of three are alike, these are twins
    document["components"]["switch_green"]["unavailability"] = 0.03
    groups = with_common_cause(study_at(tmp_path, document).site, "twins").common_cause
    assert ("switch_red", "switch_blue") in {group.members for group in groups}


def test_one_history_says_where_clients_are_by_name(tmp_path) -> None:
    history = timeline(study_at(tmp_path, centres()), seed=2, years=2)
    event = history.to_json()["events"][0]
    assert event["sides"] == {"north": 3, "south": 0, "west": 0}
    assert event["on_a"] == 3
    assert event["on_c"] == 0
    assert any(event.on[2] for event in history.events)


def test_sides_have_colours_of_their_own() -> None:
    many = side_colours(tuple("ABCDEFGHIJKL"))
    assert len({colour.code for colour in many}) == 12
    assert LOST not in {colour.code for colour in many}
    assert [colour.code for colour in many[:2]] == [side_colour(("A", "B"), side) for side in "AB"]
    assert [colour.words for colour in side_colours(NETS)] == ["dark red", "dark green", "blue"]
    assert len({colour.code for colour in side_colours(("red", "crimson", "C"))}) == 3


def test_a_drawing_of_three_sides_has_three_lanes_and_their_names(tmp_path) -> None:
    study = study_at(tmp_path, triple())
    svg = draw_site(study.site, k2rel.failover(study)).svg
    boxes = {
        name: (float(x), float(width))
        for name, x, width in re.findall(r"data-part='(switch_\w+)'.*?<rect x='(\d+)' y='\d+' width='(\d+)'", svg)
    }
    (red, wide), (green, _), (blue, _) = (boxes[f"switch_{s}"] for s in NETS)
    assert red + wide < green
    assert green + wide < blue
    for n, colour in enumerate(side_colours(NETS)):
        assert f"--k{n}:{colour.code}" in svg
        assert f"<path class='side' style='stroke:var(--k{n})'" in svg
    assert "data-way='2'" in svg
    assert "data-way='several'" in svg


def test_a_chart_has_a_line_for_each_side(tmp_path) -> None:
    study = study_at(tmp_path, triple("first"))
    ax = plot_load_distribution(k2rel.load(study, method="exact"), study.site)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:3] == ["on red", "on green", "on blue"]
