"""Drawings of clients that are wired in several ways: a box for each, and on each link the load of these alone."""

import pytest

import k2rel
from k2rel.plots import draw_site, looks
from k2rel.plots.drawing import caption
from k2rel.plots.layout import Layout
from k2rel.report.explorer import explorer_data
from tests.test_explorer import compared, random_states, scripted  # noqa: F401
from tests.visiting import CHROMIUM

FIXED = {"type": "ideal", "failure_rate": 0, "mttr": "1 h"}


def site_of(kinds, count=None, subscriptions=None):
    """Leaves A1, A2 and B1; clients of 60 MB/s with up to three cards, equally over those that they have."""
    leaves = {"leaf_A1": "A", "leaf_B1": "B", "leaf_A2": "A"}
    ends = ("leaf_1", "leaf_2", "leaf_3")
    parts = {"client": FIXED} | {
        f"nic_{n}": FIXED | {"between": ["client", f"@{end}"]}
        for n, end in enumerate(ends, start=1)
        if any(end in lists for lists in (kinds.values() if kinds else [subscriptions]))
    }
    clients = {"kinds": kinds} if kinds else {"count": count, "subscriptions": subscriptions}
    paths = [
        {"side": leaf[5], "via": ["client", f"nic_{n}", f"@leaf_{n}"]} for n, leaf in enumerate(leaves, start=1)
        if f"nic_{n}" in parts
    ]  # fmt: skip
    return k2rel.study({
        "format": 2, "name": "kinds", "title": "kinds", "sides": {"A": {}, "B": {}},
        "components": {leaf: FIXED | {"side": side} for leaf, side in leaves.items()},
        "clients": clients | {"parts": parts},
        "traffic": {"video": {"demand": "60 MB/s", "share": "equal", "paths": paths}},
    })  # fmt: skip


@pytest.fixture
def kinds():
    return site_of({
        "cameras": {"title": "cameras on both sides", "count": 5, "leaf_1": "leaf_A1", "leaf_2": "leaf_B1"},
        "monitors": {"members": ["mon-1", "mon-2", "mon-3"], "leaf_1": "leaf_A2"},
        "bonded": {"count": 4, "leaf_1": "leaf_A1", "leaf_2": "leaf_B1", "leaf_3": "leaf_A2"},
    })  # fmt: skip


def lines_of(study, failed=()):
    """Load and share on every link of clients, by box and leaf."""
    layout, found = Layout(study.site), looks(study.site, k2rel.failover(study, failed))
    boxes = [box.id for box in layout.client_boxes]
    return {
        (layout.boxes[line.boxes[0]].title, line.boxes[1]): (found[line.id].load, found[line.id].share)
        for line in layout.lines
        if line.boxes[0] in boxes
    }


def test_each_kind_is_a_box_and_its_links_have_its_load_alone(kinds) -> None:
    """Five cameras in halves, three monitors whole, four bonded in thirds of 60 MB/s."""
    assert lines_of(kinds) == {
        ("cameras on both sides", "leaf_A1"): ("150", "50 %"), ("cameras on both sides", "leaf_B1"): ("150", "50 %"),
        ("monitors", "leaf_A2"): ("180", ""),
        ("bonded", "leaf_A1"): ("80", "33.3 %"), ("bonded", "leaf_B1"): ("80", "33.3 %"), ("bonded", "leaf_A2"): ("80", "33.3 %"),
    }  # fmt: skip
    svg = draw_site(kinds.site, k2rel.failover(kinds)).svg
    assert [svg.count(f">{count} clients</tspan>") for count in (5, 3, 4)] == [1, 1, 1]
    assert "cameras on both sides (clients 1 to 5)</title>" in svg
    assert "%: of one client's video" in svg.replace("&#x27;", "'")
    assert "shares of one client's demand" in caption(kinds.site)


def test_clients_that_fail_leave_their_load_out_and_the_rest_of_the_box_as_it_is(kinds) -> None:
    """A camera without its first card is whole on leaf B1; a monitor that fails leaves 120 MB/s to two."""
    failed = ["client_1_nic_1", "client_7"]
    found = lines_of(kinds, failed)
    assert found["cameras on both sides", "leaf_A1"] == ("120", "50 %")
    assert found["cameras on both sides", "leaf_B1"] == ("180", ""), "50 % of four clients, and all of one"
    assert found["monitors", "leaf_A2"] == ("120", "")
    seen = looks(kinds.site, k2rel.failover(kinds, failed))
    assert (seen["client_1"].note, seen["client_1_nic_1"].failed) == ("client 1 nic 1", False)
    assert seen["client_6"].note == "1 without video, client 7"
    assert looks(kinds.site, k2rel.failover(kinds, ["leaf_A2"]))["client_6"].note == "no video"


def test_many_kinds_share_the_last_box_and_no_load_of_theirs_is_added_up() -> None:
    """Nine kinds, the last four in one box: kinds 6 and 8 on A1, 7 and 9 on A2, with 6 to 9 clients of 60 MB/s."""
    study = site_of(
        {f"k{n}": {"count": n, "leaf_1": f"leaf_A{1 + (n + 1) % 2 if n != 1 else 1}"} for n in range(1, 10)}
    )
    layout = Layout(study.site)
    assert [(box.title, box.count) for box in layout.client_boxes][-2:] == [
        ("k5", "5 clients"),
        ("4 more kinds", "30 clients"),
    ]
    found = lines_of(study)
    ends = {leaf: load for (title, leaf), (load, _) in found.items() if title == "4 more kinds"}
    odd, even = str(60 * (7 + 9)), str(60 * (6 + 8))
    assert sorted(ends.values()) == sorted([odd, even])
    assert len(layout.client_boxes) == 6


def test_a_kind_that_is_dealt_over_leaves_has_a_box_for_each() -> None:
    study = site_of({"hosts": {"count": 3, "leaf_1": ["leaf_A1", "leaf_A2"]}})
    assert lines_of(study) == {
        ("hosts at leaf A1", "leaf_A1"): ("120", ""),
        ("hosts at leaf A2", "leaf_A2"): ("60", ""),
    }
    (*_, last) = Layout(study.site).client_boxes
    assert (last.id, last.alone, last.count) == ("client_2", True, "1 client")
    dealt = site_of(None, 3, {"leaf_1": ["leaf_A1", "leaf_A2"]})
    assert [box.title for box in Layout(dealt.site).client_boxes] == ["clients at leaf A1", "clients at leaf A2"]
    assert looks(dealt.site, k2rel.failover(dealt, ["client_2_nic_1"]))["client_2_nic_1"].failed


def test_clients_of_one_wiring_are_client_1_and_the_rest() -> None:
    for study in (k2rel.study("L2R"), site_of({"hosts": {"count": 4, "leaf_1": "leaf_A1"}})):
        assert [box.id for box in Layout(study.site).client_boxes] == ["client_1", "clients"]
        assert [box.title.rsplit("client", 1)[-1] for box in Layout(study.site).client_boxes] == [" 1", "s 2 to 4"]


def test_a_drawing_of_a_fabric_says_what_each_pair_of_leaves_gets() -> None:
    """96 hosts of 100 MB/s in halves; three of the eight pairs share a box, each with links of its own."""
    found = lines_of(k2rel.study("spine_leaf"))
    assert ({load for load, _ in found.values()}, len(found)) == ({"4800"}, 16)
    assert len({leaf for title, leaf in found if title == "3 more kinds"}) == 6


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_page_marks_boxes_of_kinds_as_the_library_does(scripted, kinds) -> None:  # noqa: F811
    for study in (kinds, site_of(None, 3, {"leaf_1": ["leaf_A1", "leaf_A2"]})):
        data = explorer_data(study.site)
        for home, policy in data["policies"].items():
            compared(scripted, study.site, home, policy, data["marks"], random_states(study.site, 25, 7))
