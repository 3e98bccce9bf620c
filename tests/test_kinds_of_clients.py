"""Clients that a file lists by kinds: what is refused, who is alike, what each kind has, and what happens to it.

Numbers come from counting by hand, from closed forms, and from tests/enumerated.py, which shares no line with k2rel.
"""

from __future__ import annotations

import itertools
import json
import math
import random
from typing import Any

import pytest

import k2rel
from k2rel import InputError
from k2rel.site import read_site
from k2rel.site.model import Site

TWO_KINDS = """\
format: 2
name: two
title: Two kinds
sides: {A: {}, B: {}}
types:
  box: {unavailability: 0.1, mttr: 4 h, source: test}
components:
  leaf_A: {type: box, side: A}
  leaf_B: {type: box, side: B}
  store: {type: box}
links:
  up_A: {type: box, side: A, between: [leaf_A, store]}
  up_B: {type: box, side: B, between: [leaf_B, store]}
clients:
  parts:
    client: {type: box}
    nic_1: {type: box, side: A, between: [client, "@leaf_1"]}
    nic_2: {type: box, side: B, between: [client, "@leaf_2"]}
  kinds:
    cameras: {count: 3, leaf_1: leaf_A, leaf_2: leaf_B}
    monitors: {members: [desk, wall], leaf_1: leaf_A}
traffic:
  video:
    demand: 10 MB/s
    prefer: home
    paths:
      - {side: A, via: [client, nic_1, "@leaf_1", up_A, store]}
      - {side: B, via: [client, nic_2, "@leaf_2", up_B, store]}
"""
MONITORS = "    monitors: {members: [desk, wall], leaf_1: leaf_A}\n"
ALL_KINDS = "  kinds:\n    cameras: {count: 3, leaf_1: leaf_A, leaf_2: leaf_B}\n" + MONITORS


def written(folder: Any, old: str = "", new: str = "") -> Any:
    """The file with one text replaced."""
    assert old in TWO_KINDS, old
    path = folder / "site.yaml"
    path.write_text(TWO_KINDS.replace(old, new, 1) if old else TWO_KINDS)
    return path


# what is refused, and where ----------------------------------------------------------------------------------------

# text, instead of it, line from 1, key, what is said
REFUSED: dict[str, tuple[str, str, int, str, str]] = {
    "a kind without a path": (
        "up_A, store]}\n", "up_A, store], kinds: [cameras]}\n", 21, "clients.kinds.monitors", "has no path of 'video'",
    ),
    "a kind that lacks what all paths cross": (
        "[desk, wall], leaf_1: leaf_A}", "[desk, wall]}", 21, "clients.kinds.monitors", "has no path of 'video'",
    ),
    "a kind whose part is another's": (
        "nic_1: {type: box,", "nic_1: {type: box, kinds: [cameras],", 21, "clients.kinds.monitors", "has no path of 'video'",
    ),
    "a kind that lacks what a class prefers a side by": (
        "leaf_2: leaf_B}\n" + MONITORS + "traffic:\n  video:\n    demand: 10 MB/s\n    prefer: home",
        "leaf_2: leaf_B, own: B}\n" + MONITORS + "traffic:\n  video:\n    demand: 10 MB/s\n    prefer: '@own'",
        21, "clients.kinds.monitors", "has no 'own', by which 'video' prefers",
    ),
    "an unknown subscription on a path": (
        'nic_1, "@leaf_1"', 'nic_1, "@leaf_7"', 27, "traffic.video.paths.0.via.2", "there is no subscription 'leaf_7'",
    ),
    "an unknown subscription at an end of a part": (
        '[client, "@leaf_1"]', '[client, "@leaf_7"]', 17, "clients.parts.nic_1.between.1", "no subscription 'leaf_7'",
    ),
    "a kind dealt what is not there": (
        "leaf_2: leaf_B}", "leaf_2: [leaf_B, leef_A]}", 20, "clients.kinds.cameras.leaf_2.1", "did you mean 'leaf_A'",
    ),
    "a kind dealt nothing": ("leaf_2: leaf_B}", "leaf_2: []}", 20, "clients.kinds.cameras.leaf_2", "is empty"),
    "a list dealt within a kind to a wrong place": (
        "count: 3, leaf_1: leaf_A", "count: 3, leaf_1: [leaf_A, leaf_B]", 27, "traffic.video.paths.0.via.3", "nothing joins 'leaf_B' and 'up_A'",
    ),
    "a count beside other members": (
        "members: [desk, wall]", "count: 3, members: [desk, wall]", 21, "clients.kinds.monitors", "states the number of its clients twice",
    ),
    "a count beside as many members": (
        "members: [desk, wall]", "count: 2, members: [desk, wall]", 21, "clients.kinds.monitors", "states the number of its clients twice",
    ),
    "neither count nor members": (
        "members: [desk, wall], ", "", 21, "clients.kinds.monitors", "does not state the number of clients",
    ),
    "no clients at all": ("count: 3", "count: 0", 20, "clients.kinds.cameras.count", "at least 1"),
    "a truth for a count": ("count: 3", "count: true", 20, "clients.kinds.cameras.count", "must be a number"),
    "a part of a client": ("count: 3", "count: 3.5", 20, "clients.kinds.cameras.count", "whole number"),
    "too many in all": ("count: 3", "count: 9999", 19, "clients.kinds", "are 10,001 clients, and at most 10,000 are allowed"),
    "no names": ("[desk, wall]", "[]", 21, "clients.kinds.monitors.members", "at least 1"),
    "one name twice": ("[desk, wall]", "[desk, desk]", 21, "clients.kinds.monitors.members.1", "already a client"),
    "one name in two kinds": (
        "    monitors:", "    phones: {members: [wall], leaf_1: leaf_A}\n    monitors:", 22, "clients.kinds.monitors.members.1", "already a client of kind 'phones'",
    ),
    "the name of a part": ("[desk, wall]", "[desk, store]", 21, "clients.kinds.monitors.members.1", "is the name of a part"),
    "a name that is kept for clients": ("[desk, wall]", "[desk, client_1]", 21, "clients.kinds.monitors.members.1", "is that of a client"),
    "a name that is kept for clients' parts": (
        "[desk, wall]", "[desk, client_1_nic_1]", 21, "clients.kinds.monitors.members.1", "reserved for the clients' parts",
    ),
    "kinds beside a count": ("  kinds:\n", "  count: 5\n  kinds:\n", 19, "clients.count", "cannot be combined with 'kinds'"),
    "kinds beside what is dealt to all": (
        "  kinds:\n", "  subscriptions: {leaf_1: [leaf_A]}\n  kinds:\n", 19, "clients.subscriptions", "cannot be combined with 'kinds'",
    ),
    "neither kinds nor a count": (
        ALL_KINDS, "  subscriptions: {leaf_1: [leaf_A], leaf_2: [leaf_B]}\n", 14, "clients", "does not state the number of clients",
    ),
    "an unknown kind at a path": (
        "up_A, store]}\n", "up_A, store], kinds: [camera]}\n", 27, "traffic.video.paths.0.kinds", "did you mean 'cameras'",
    ),
    "an unknown kind at a part": (
        "nic_1: {type: box,", "nic_1: {type: box, kinds: [monitor],", 17, "clients.parts.nic_1.kinds", "did you mean 'monitors'",
    ),
    "a kind of clients at a path of the site": (
        "up_B, store]}\n", "up_B, store]}\n  power: {scope: site, paths: [{side: A, via: [store], kinds: [cameras]}]}\n",
        29, "traffic.power.paths.0.kinds", "belongs to no client",
    ),
    "kinds in format 1": ("format: 2", "format: 1", 19, "clients.kinds", "is of format 2"),
}  # fmt: skip


def test_the_two_kinds_are_good(tmp_path) -> None:
    site = read_site(written(tmp_path))
    assert [(kind.id, kind.count, kind.members) for kind in site.kinds] == [
        ("cameras", 3, ()),
        ("monitors", 2, ("desk", "wall")),
    ]
    assert not [warning for warning in site.warnings if (warning.key or "").startswith("clients")]


@pytest.mark.parametrize("what", REFUSED)
def test_a_mistake_is_told_where_it_stands(tmp_path, what) -> None:
    old, new, line, key, said = REFUSED[what]
    with pytest.raises(InputError) as caught:
        read_site(written(tmp_path, old, new))
    told = {(problem.key, problem.line): problem.message for problem in caught.value.problems}
    assert said in told.get((key, line), ""), told


def test_every_kind_that_is_wrong_is_told_at_once(tmp_path) -> None:
    spoiled = ALL_KINDS.replace("count: 3, ", "").replace("members:", "count: 2, members:")
    with pytest.raises(InputError) as caught:
        read_site(written(tmp_path, ALL_KINDS, spoiled))
    assert {(problem.key, problem.line) for problem in caught.value.problems} == {
        ("clients.kinds.cameras", 20),
        ("clients.kinds.monitors", 21),
    }


def test_what_nothing_names_is_told_at_the_kind_that_has_it(tmp_path) -> None:
    site = read_site(written(tmp_path, "[desk, wall], ", "[desk, wall], spare: leaf_B, "))
    told = {warning.key: warning for warning in site.warnings if "@spare" in warning.message}
    assert [(key, warning.line) for key, warning in told.items()] == [("clients.kinds.monitors.spare", 21)]


# what a kind has ---------------------------------------------------------------------------------------------------


def own_of(site: Site) -> dict[int, set[str]]:
    return {client.number: set(site.parts_of(client.group)) for client in site.clients()}


def test_a_part_at_a_subscription_that_a_kind_has_not_is_not_counted(tmp_path) -> None:
    """Three cameras with two cards, two monitors with one: 5 + 5 + 3 of 5 shared parts more."""
    path = written(tmp_path)
    site = read_site(path)
    assert [site.count_of(part) for part in ("client", "nic_1", "nic_2", "leaf_A")] == [5, 5, 3, 1]
    cards = {part.id for part in site.parts() if part.id.endswith("nic_2")}
    assert cards == {"client_1_nic_2", "client_2_nic_2", "client_3_nic_2"}
    assert sum(1 for _ in site.parts()) == 5 + 13
    found = k2rel.components(path)
    assert len(found) == 18
    assert set(found.index[found.index.str.endswith("nic_2")]) == cards
    assert k2rel.rates_used(path).set_index("type").loc["box", "count"] == 18
    with pytest.raises(InputError, match="no part 'client_4_nic_2'"):
        site.require_parts(["client_4_nic_2"])


def test_what_hangs_on_a_missing_part_is_missing_too(tmp_path) -> None:
    """A lamp in the second card, and what needs the lamp."""
    more = "    lamp: {type: box, in: nic_2}\n    glow: {type: box, in: client, needs: [lamp]}\n    dial: {type: box, in: client, kinds: [monitors]}\n"
    site = read_site(written(tmp_path, "  kinds:\n", more + "  kinds:\n"))
    assert [site.count_of(part) for part in ("nic_2", "lamp", "glow", "dial")] == [3, 3, 3, 2]
    cards = {"client", "nic_1", "nic_2"}
    assert own_of(site) == {n: {*cards, "lamp", "glow"} if n <= 3 else {"client", "nic_1", "dial"} for n in range(1, 6)}


def test_spares_are_bought_for_the_parts_that_are_there(tmp_path) -> None:
    """Three cards fail as often as three do, not as five."""
    card = "nic_2: {type: card, failure_rate: 1e-4 /h, mttr: 4 h, source: test"
    found = k2rel.spare_parts(written(tmp_path, "nic_2: {type: box", card)).loc["card"]
    assert found["units"] == 3
    assert found["demands_per_year"] == pytest.approx(3 * 1e-4 * 8760, rel=1e-12)


def test_a_path_of_one_kind_is_no_path_of_another(tmp_path) -> None:
    """The monitors end with leaf A, the cameras go on by side B until both are gone."""
    study = k2rel.study(written(tmp_path))
    one, both = k2rel.failover(study, ["leaf_A"]), k2rel.failover(study, ["leaf_A", "up_B"])
    assert [bool(client.routes["video"]) for client in one.clients] == [True, True, True, False, False]
    assert {route.side for client in one.clients for route in client.routes["video"]} == {"B"}
    assert not any(client.routes["video"] for client in both.clients)


# who is alike ------------------------------------------------------------------------------------------------------

LEAVES = [f"leaf_{side}{n}" for side in "AB" for n in (1, 2, 3)]
NINE = list(itertools.product(LEAVES[:3], LEAVES[3:]))


def fabric(clients: dict[str, Any]) -> dict[str, Any]:
    """Clients at a leaf of each side of three; the leaves fail and nothing else."""
    return {
        "format": 2, "name": "nine", "title": "nine wirings", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "leaf": {"unavailability": 0.1, "mttr": "4 h", "source": "x"}},
        "components": {"store": {"type": "fixed"}, **{leaf: {"type": "leaf", "side": leaf[5]} for leaf in LEAVES}},
        "links": {f"up_{leaf}": {"type": "fixed", "between": [leaf, "store"]} for leaf in LEAVES},
        "clients": {
            "parts": {"client": {"type": "fixed"}} | {
                f"nic_{n}": {"type": "fixed", "side": side, "between": ["client", f"@leaf_{n}"]} for n, side in ((1, "A"), (2, "B"))
            },
            **clients,
        },
        "traffic": {"data": {"demand": "10 MB/s", "paths": [
            {"side": side, "via": ["client", f"nic_{n}", f"@leaf_{n}", f"@up_{n}", "store"]} for n, side in ((1, "A"), (2, "B"))
        ]}},
    }  # fmt: skip


def lists(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """What clients at these leaves subscribe to, in turn."""
    firsts, seconds = [a for a, _ in pairs], [b for _, b in pairs]
    ups = {"up_1": [f"up_{a}" for a in firsts], "up_2": [f"up_{b}" for b in seconds]}
    return {"leaf_1": firsts, "leaf_2": seconds, **ups}


def shuffled(seed: int) -> list[tuple[str, str]]:
    """Forty-eight clients, at each of the nine pairs of leaves five or six."""
    pairs = [NINE[n % 9] for n in range(48)]
    random.Random(seed).shuffle(pairs)
    return pairs


def arrangements() -> dict[str, dict[str, Any]]:
    """The same clients in other orders, of one kind or more, and without kinds."""
    result: dict[str, dict[str, Any]] = {
        f"one kind, order {seed}": {"kinds": {"hosts": {"count": 48, **lists(shuffled(seed))}}} for seed in (1, 2)
    }
    result["names"] = {"kinds": {"hosts": {"members": [f"h{n}" for n in range(48)], **lists(shuffled(3))}}}
    result["without kinds"] = {"count": 48, "subscriptions": lists(shuffled(4))}
    in_turn = shuffled(5)
    alone = {pair: {"count": in_turn.count(pair), **lists([pair])} for pair in sorted(NINE, key=in_turn.index)}
    result["nine kinds"] = {"kinds": {f"at_{a}_{b}": entry for (a, b), entry in alone.items()}}
    return result


@pytest.mark.parametrize("how", arrangements())
def test_clients_wired_in_nine_ways_are_nine_groups_whatever_their_order(tmp_path, how) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(json.dumps(fabric(arrangements()[how])))
    study = k2rel.study(path)
    assert sorted(study.site.group_sizes) == [5] * 6 + [6] * 3
    wirings = {tuple(group.subscriptions[name] for name in ("leaf_1", "leaf_2")): group for group in study.site.groups}
    assert sorted(wirings) == sorted(NINE)
    numbers = sorted(number for group in study.site.groups for number in group.clients)
    assert numbers == list(range(1, 49)), "everybody is in one group"
    # somebody is cut off when a leaf of each side is gone, for every two have their clients
    some_leaf = 1 - 0.9**3
    found = k2rel.availability(study, method="exact")
    assert found["data"].unavailability == pytest.approx(some_leaf**2, rel=1e-12)
    # how many: by counting the clients of all leaves that are gone
    wanted: dict[int, float] = {}
    for gone in itertools.product((False, True), repeat=6):
        down = dict(zip(LEAVES, gone, strict=True))
        lost = sum(size for (a, b), size in zip(NINE, (6, 6, 6, *[5] * 6), strict=True) if down[a] and down[b])
        wanted[48 - lost] = wanted.get(48 - lost, 0.0) + math.prod(0.1 if one else 0.9 for one in gone)
    served = k2rel.served(study, method="exact")["probability"]
    assert {n: p for n, p in served.items() if p > 1e-15} == pytest.approx(wanted, rel=1e-11)


def test_kinds_that_are_wired_alike_stay_two_groups(tmp_path) -> None:
    """Two kinds are two groups, though they subscribe to the same."""
    kinds = {name: {"count": 2, **lists([NINE[0]])} for name in ("left", "right")}
    path = tmp_path / "site.yaml"
    path.write_text(json.dumps(fabric({"kinds": kinds})))
    assert [(group.kind, group.clients) for group in read_site(path).groups] == [("left", (1, 2)), ("right", (3, 4))]


def test_a_list_is_dealt_anew_within_each_kind(tmp_path) -> None:
    """The second kind begins with its own first entry, whatever the first has used up."""
    kinds = {"odd": {"count": 3, **lists(NINE[:2])}, "even": {"count": 3, **lists(NINE[:2])}}
    path = tmp_path / "site.yaml"
    path.write_text(json.dumps(fabric({"kinds": kinds})))
    found = [(group.kind, group.subscriptions["leaf_2"], group.clients) for group in read_site(path).groups]
    assert found == [
        ("odd", "leaf_B1", (1, 3)),
        ("odd", "leaf_B2", (2,)),
        ("even", "leaf_B1", (4, 6)),
        ("even", "leaf_B2", (5,)),
    ]
