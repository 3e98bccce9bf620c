"""Parts that are down because something that they need is: told, and drawn as what does not work."""

import pytest

import k2rel
from k2rel.plots import draw_site, looks
from tests.test_explorer import compared, scripted  # noqa: F401
from tests.visiting import CHROMIUM

FIXED = {"type": "ideal", "failure_rate": 0, "mttr": "1 h"}


@pytest.fixture
def powered():
    """A switch on one feed, a store on either of two supplies, each on its feed; a lamp on the store."""
    return k2rel.study({
        "format": 2, "name": "powered", "title": "powered", "sides": {"A": {}, "B": {}},
        "components": {
            "feed_A": FIXED | {"side": "A"}, "feed_B": FIXED | {"side": "B"},
            "psu_A": FIXED | {"in": "store", "needs": ["feed_A"]}, "psu_B": FIXED | {"in": "store", "needs": ["feed_B"]},
            "switch": FIXED | {"side": "A", "needs": ["feed_A"]},
            "store": FIXED | {"needs": [{"at_least": 1, "of": ["psu_A", "psu_B"]}]},
            "lamp": FIXED | {"needs": ["store"]},
        },
        "links": {"up": FIXED | {"between": ["switch", "store"]}, "cable": FIXED | {"between": ["store", "lamp"]}},
        "clients": {"count": 2, "parts": {"client": FIXED, "nic": FIXED | {"between": ["client", "switch"]}}},
        "traffic": {"video": {"paths": [{"side": "A", "via": ["client", "nic", "switch", "up", "store", "cable", "lamp"]}]}},
    })  # fmt: skip


CASES = [
    ([], {}),
    (["feed_A"], {"psu_A": ["feed_A"], "switch": ["feed_A"]}),
    (["psu_A"], {}),
    (["psu_A", "feed_B"], {"psu_B": ["feed_B"], "store": ["psu_A", "feed_B"], "lamp": ["psu_A", "feed_B"]}),
    (["feed_A", "switch"], {"psu_A": ["feed_A"]}),
    (["store"], {"lamp": ["store"]}),
]


@pytest.mark.parametrize(("failed", "wanting"), CASES)
def test_what_is_down_for_want_of_others_is_told_with_what_failed(powered, failed, wanting) -> None:
    """A supply alone takes nothing away, both take the store and what needs it; what failed itself is no such part."""
    assert k2rel.failover(powered, failed).to_json()["wanting"] == wanting


def test_it_is_drawn_as_down_without_a_cross(powered) -> None:
    outcome = k2rel.failover(powered, ["feed_A"])
    seen = looks(powered.site, outcome)
    assert (seen["switch"].out, seen["switch"].failed, seen["switch"].note) == (True, False, "down, no feed A")
    assert (seen["feed_A"].out, seen["feed_A"].failed) == (False, True)
    assert not seen["store"].out
    assert "data-part='switch' data-side='0' data-out=''" in draw_site(powered.site, outcome).svg


def test_the_command_names_it(k2) -> None:
    said = k2("failover", "dual_tor", "--fail", "ups_A").out
    assert "down for lack of ups_A: pdu_A, outlet_A, tor_A" in said
    both = k2rel.failover(k2rel.study("L2R"), ["psu_A_1", "psu_A_2"])
    assert both.wanting_words() == {"down for lack of psu_A_1 and psu_A_2": ("server_A",)}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_page_says_the_same(scripted, powered) -> None:  # noqa: F811
    from k2rel.report.explorer import explorer_data

    data = explorer_data(powered.site)
    for home, policy in data["policies"].items():
        compared(scripted, powered.site, home, policy, data["marks"], [failed for failed, _ in CASES])
