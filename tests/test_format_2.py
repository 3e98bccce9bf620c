"""Format 2 of a site file: what is read, what is refused with file, line, key and one sentence."""

import json
import random
import re

import pytest

import k2rel
from k2rel import InputError
from k2rel.site import read_site
from k2rel.site.stages import AtLeast

SMALL = """\
format: 2
name: small
title: what format 2 can say, in one file
sides: {A: {}, B: {}}
types: {part: {mttf: 1000 h, mttr: 8 h}}
components:
  ups: {type: part, capacity: 900 MB/s, carries: true}
  switch_A: {type: part, side: A, needs: [ups]}
  switch_B: {type: part, side: B, needs: [ups]}
  spine_1: {type: part}
  spine_2: {type: part}
  store: {type: part}
links:
  up_1: {type: part, between: [switch_A, spine_1]}
  up_2: {type: part, between: [switch_A, spine_2]}
  down_1: {type: part, between: [spine_1, store]}
  down_2: {type: part, between: [spine_2, store]}
  cable_B: {type: part, between: [switch_B, store]}
roles:
  owner:
    holders:
      - {name: second, side: B, on: spine_2, needs: [spine_2]}
      - {name: first, side: A, on: spine_1, needs: [spine_1]}
clients:
  count: 2
  parts:
    host: {type: part}
    hba: {type: part, in: host, needs: ["@power"]}
    nic_A1: {type: part, between: [host, switch_A], needs: [hba]}
    nic_A2: {type: part, between: [host, switch_A], needs: [hba]}
    nic_B: {type: part, between: [host, switch_B]}
  subscriptions:
    home: [A, B]
    power: [switch_A, ups]
    spine: [spine_1, spine_2]
    up: [up_1, up_2]
    down: [down_1, down_2]
traffic:
  disk:
    demand: 40 MB/s
    share: weighted
    path_failover: {time: 15 s, coverage: 0.99}
    paths:
      - side: A
        group: 2
        weight: 3
        via: [host, {at_least: 1, of: [nic_A1, nic_A2]}, switch_A, {at_least: 1, of: [[up_1, spine_1, down_1], [up_2, spine_2, down_2]]}, store]
      - {side: B, group: 1, when: {owner: second}, via: [host, nic_B, switch_B, cable_B, store]}
      - {side: B, group: 1, weight: 0, when: {owner: A}, via: [host, nic_B, switch_B, cable_B, store]}
  copies:
    demand: 5 MB/s
    priority: background
    prefer: "@home"
    paths:
      - {side: A, via: [host, nic_A1, switch_A, "@up", "@spine", "@down", store]}
      - {side: B, via: [host, nic_B, switch_B, cable_B, store]}
  feed:
    scope: site
    demand: 10 MB/s
    share: all
    paths:
      - {side: A, via: [switch_A, up_1, spine_1, down_1, store]}
      - {side: B, via: [switch_B, cable_B, store]}
full_service: [disk]
"""


@pytest.fixture
def small(tmp_path):
    """Write the small site with one text replaced; say in which line it stands."""

    def write(old="", new=""):
        assert old in SMALL, old
        path = tmp_path / "small.yaml"
        path.write_text(SMALL.replace(old, new, 1))
        return path, SMALL[: SMALL.index(old)].count("\n") + 1

    return write


def test_what_stands_in_the_file_stands_in_the_records(small) -> None:
    path, _ = small()
    site = read_site(path)
    disk, copies, feed = site.traffic.values()
    assert [(path.group, path.weight) for path in disk.paths] == [(2, 3), (1, 1), (1, 0)]
    assert [(path.group, path.weight) for path in copies.paths] == [(1, 1), (2, 1)], "listed paths: a group each"
    assert [path.group for path in feed.paths] == [1, 1], "shared paths: one group"
    assert [path.when for path in disk.paths] == [(), (("owner", "second"),), (("owner", "A"),)]
    ways = AtLeast(1, (("up_1", "spine_1", "down_1"), ("up_2", "spine_2", "down_2")))
    assert disk.paths[0].via == ("host", AtLeast(1, (("nic_A1",), ("nic_A2",))), "switch_A", ways, "store")
    assert (disk.failover_h, disk.failover_coverage) == (15 / 3600, 0.99)
    assert (copies.failover_h, copies.failover_coverage) == (0, 1), "nothing is lost where nothing is said"
    assert [holder.name for holder in site.roles["owner"].holders] == ["second", "first"], "as listed"
    assert site.client_parts["hba"].needs == ("@power",)
    assert [name for name, part in site.components.items() if part.carries] == ["ups"]
    assert (site.foreground, site.full_service_of) == (("disk", "feed"), ("disk",))
    assert site.warnings == ()


def test_full_service_asks_for_all_in_the_foreground_with_a_demand_where_the_file_says_nothing(small) -> None:
    path, _ = small("full_service: [disk]\n", "")
    assert read_site(path).full_service_of == ("disk", "feed")
    path, _ = small("full_service: [disk]\n", "full_service: [feed]\n")
    assert read_site(path).full_service_of == ("feed",), "the traffic that the site is for need not be among them"


WAYS = "{at_least: 1, of: [[up_1, spine_1, down_1], [up_2, spine_2, down_2]]}"
MISTAKES = {
    # what is replaced, by what, key that must be named, words that must stand in the message
    "a group without paths": ("group: 2", "group: 3", "traffic.disk.paths.0.group", "group 2 has no path"),
    "no group 1": (
        "{side: A, via: [switch_A, up_1, spine_1, down_1, store]}\n      - {side: B,", "{side: A, group: 2, via: [switch_A, up_1, spine_1, down_1, store]}\n      - {side: B, group: 2,",
        "traffic.feed.paths.0.group", "group 1 has no path",
    ),
    "group 0": ("group: 2", "group: 0", "traffic.disk.paths.0.group", "at least 1"),
    "half a group": ("group: 2", "group: 1.5", "traffic.disk.paths.0.group", "whole number"),
    "a group without end": ("group: 2", "group: 9999999999", "traffic.disk.paths.0.group", "at most"),
    "some with a group": (
        '{side: B, via: [host, nic_B, switch_B, cable_B, store]}\n  feed', '{side: B, group: 1, via: [host, nic_B, switch_B, cable_B, store]}\n  feed',
        "traffic.copies.paths.0", "give each path a group, or none",
    ),
    "weights that are all 0": ("group: 1, when: {owner: second}", "group: 1, weight: 0, when: {owner: second}", "traffic.disk.paths.1.weight", "weights of group 1 are all 0"),
    "a negative weight": ("weight: 3", "weight: -3", "traffic.disk.paths.0.weight", "at least 0"),
    "no number": ("weight: 3", "weight: much", "traffic.disk.paths.0.weight", "number"),
    "a weight of infinity": ("weight: 3", "weight: .inf", "traffic.disk.paths.0.weight", "finite"),
    "a weight of nothing": ('{side: A, via: [host, nic_A1, switch_A, "@up"', '{side: A, weight: 2, via: [host, nic_A1, switch_A, "@up"', "traffic.copies.paths.0.weight", "'share: weighted' only"),
    "a share that is none": ("share: weighted", "share: even", "traffic.disk.share", "'first', 'equal', 'weighted' or 'all'"),
    "a priority that is none": ("priority: background", "priority: low", "traffic.copies.priority", "'foreground' or 'background'"),
    "no receiver": ("cable_B, store]}\nfull", "cable_B]}\nfull", "traffic.feed.paths.1", "ends at 'cable_B', the first at 'store'"),
    "several receivers": ("spine_1, down_1, store]}\n      - {side: B, via: [switch_B", "{at_least: 1, of: [spine_1]}]}\n      - {side: B, via: [switch_B", "traffic.feed.paths.0", "one receiver"),
    "a branch that does not start": (WAYS, WAYS.replace("up_2, spine_2", "spine_2"), "traffic.disk.paths.0.via.3", "nothing joins 'switch_A' and 'spine_2'"),
    "a branch that does not end": (WAYS, WAYS.replace(", down_2", ""), "traffic.disk.paths.0.via.4", "nothing joins 'spine_2' and 'store'"),
    "a branch that is broken": (WAYS, WAYS.replace("up_2, spine_2, down_2", "up_2, down_2"), "traffic.disk.paths.0.via.3", "nothing joins 'up_2' and 'down_2'"),
    "a branch of what is not there": (WAYS, WAYS.replace("spine_2", "spine_3"), "traffic.disk.paths.0.via.3", "no component 'spine_3'; did you mean"),
    "a branch twice": (WAYS, WAYS.replace("up_2, spine_2, down_2", "up_1, spine_1, down_1"), "traffic.disk.paths.0.via.3", "names the branch [up_1, spine_1, down_1] twice"),
    "a part twice in a branch": (WAYS, WAYS.replace("up_2, spine_2, down_2", "up_2, spine_2, up_2"), "traffic.disk.paths.0.via.3", "crosses a component twice"),
    "a branch that is another by subscription": (WAYS, WAYS.replace("up_2, spine_2, down_2", '"@up", "@spine", "@down"'), "traffic.disk.paths.0.via.3", "for some client"),
    "an empty branch": (WAYS, WAYS.replace("[up_2, spine_2, down_2]", "[]"), "traffic.disk.paths.0.via.3.of.1", "at least 1 entries"),
    "a branch in a branch": (WAYS, WAYS.replace("[up_2, spine_2, down_2]", "[[up_2]]"), "traffic.disk.paths.0.via.3.of.1.0", "must be text"),
    "no branch": (WAYS, "{at_least: 1, of: []}", "traffic.disk.paths.0.via.3.of", "at least 1 entries"),
    "a series without its stage": (WAYS, "[up_1, spine_1, down_1]", "traffic.disk.paths.0.via.3", "cannot be used here"),
    "more branches than there are": ("{at_least: 1, of: [[", "{at_least: 3, of: [[", "traffic.disk.paths.0.via.3", "requires 3 of only 2 branches"),
    "a series in needs": ("needs: [spine_1]", "needs: [{at_least: 1, of: [[spine_1, up_1], store]}]", "roles.owner.holders.1.needs.0.of.0", "a series of parts cannot be used here"),
    "a bare series in needs": ("needs: [spine_1]", "needs: [[spine_1, up_1]]", "roles.owner.holders.1.needs.0", "a series of parts cannot be used here"),
    "a series in a client's needs": ("needs: [hba]}", "needs: [{at_least: 1, of: [[hba, host], host]}]}", "clients.parts.nic_A1.needs.0.of.0", "a series of parts cannot be used here"),
    "a name twice": ("name: first", "name: second", "roles.owner.holders.1.name", "is another holder's name too"),
    "the name of a side": ("name: first", "name: B", "roles.owner.holders.1.name", "is the name of a side"),
    "when nobody is called so": ("when: {owner: second}", "when: {owner: secnd}", "traffic.disk.paths.1.when.owner", "'secnd'; did you mean 'second'?"),
    "when of no role": ("when: {owner: second}", "when: {ownr: second}", "traffic.disk.paths.1.when.ownr", "no role 'ownr'; did you mean 'owner'?"),
    "a need that leads back": ('needs: ["@power"]', "needs: [nic_A1]", "clients.parts.hba.needs", "leads back to itself"),
    "a need of itself": ('needs: ["@power"]', "needs: [hba]", "clients.parts.hba.needs", "leads back to itself"),
    "a client's need that is not there": ("needs: [hba]", "needs: [hbb]", "clients.parts.nic_A1.needs.0", "no component 'hbb'; did you mean 'hba'?"),
    "a subscription that is not there": ('needs: ["@power"]', 'needs: ["@powr"]', "clients.parts.hba.needs.0", "no subscription 'powr'"),
    "a need that is a side": ("power: [switch_A, ups]", "power: [switch_A, A]", "clients.subscriptions.power", "no component 'A'"),
    "a subscription of a shared part": ("side: A, needs: [ups]", 'side: A, needs: ["@power"]', "components.switch_A.needs.0", "only a client subscribes"),
    "a client's part in shared needs": ("side: A, needs: [ups]", "side: A, needs: [hba]", "components.switch_A.needs.0", "is a client's part"),
    "a subscription of a site-wide flow": ("via: [switch_A, up_1,", 'via: [switch_A, {at_least: 1, of: ["@up"]},', "traffic.feed.paths.0.via.1", "only a client subscribes"),
    "a client's part in a site-wide flow": ("via: [switch_A, up_1,", "via: [{at_least: 1, of: [nic_A1]}, switch_A, up_1,", "traffic.feed.paths.0.via.0", "is a client's part"),
    "a port with shares": ("share: weighted", "share: weighted\n    detects: port", "traffic.disk.detects", "'share: first' and no groups"),
    "the background in full service": ("full_service: [disk]", "full_service: [disk, copies]", "full_service.1", "is in the background"),
    "no class in full service": ("full_service: [disk]", "full_service: []", "full_service", "at least 1 entries"),
    "failover of no client": ("share: all\n", "share: all\n    path_failover: {time: 1 s}\n", "traffic.feed.path_failover", "belongs to no client"),
    "a failover without time": ("{time: 15 s, coverage: 0.99}", "{coverage: 0.99}", "traffic.disk.path_failover.time", "is missing"),
    "a failover before it began": ("time: 15 s", "time: -15 s", "traffic.disk.path_failover.time", "negative"),
    "a failover that is more than sure": ("coverage: 0.99", "coverage: 1.5", "traffic.disk.path_failover.coverage", "at most 1"),
    "a failover in a number": ("{time: 15 s, coverage: 0.99}", "15 s", "traffic.disk.path_failover", "key: value"),
    "to carry without a capacity": ("capacity: 900 MB/s, ", "", "components.ups.carries", "give a capacity"),
    "a client's part that carries": ("hba: {type: part,", "hba: {type: part, carries: true,", "clients.parts.hba.carries", "a client's own part has no capacity"),
    "a client's part with a capacity": ("hba: {type: part,", "hba: {type: part, capacity: 1 MB/s,", "clients.parts.hba.capacity", "a client's own part has no capacity"),
    "a format that is none": ("format: 2", "format: 3", "format", "must be 1 or 2"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_file_line_and_key_in_one_sentence(k2, small, old, new, key, words) -> None:
    path, line = small(old, new)
    run = k2("check", path)
    assert (run.code, run.out) == (2, "")
    (message,) = run.err.splitlines()
    found = re.fullmatch(rf"k2rel: {re.escape(str(path))}:(\d+): ([^ ]+): (.*)", message)
    assert found is not None, message
    assert line - 5 <= int(found[1]) <= line + 2, "the line of the mistake"
    assert found[2] == key
    assert words in found[3]


def test_a_role_that_nothing_can_take_away_is_always_there(small) -> None:
    """Its first holder needs nothing: the diagram of the service is a constant."""
    path, _ = small(", needs: [spine_2]", "")
    owner = k2rel.availability(k2rel.study(path), method="exact")["owner"]
    assert (owner.unavailability, owner.failures_per_year) == (0, 0)


def test_something_is_in_the_foreground(small) -> None:
    path, _ = small("full_service: [disk]\n", "")
    yields = re.sub("    demand: (40|10) MB/s\n", r"    demand: \1 MB/s\n    priority: background\n", path.read_text())
    path.write_text(yields)
    with pytest.raises(InputError, match=r"small.yaml:\d+: traffic.disk.priority: every class is in the background"):
        read_site(path)


NEWER = {
    "traffic.disk.share": "'share'",
    "traffic.disk.path_failover": "'path_failover'",
    "traffic.copies.priority": "'priority'",
    "traffic.disk.paths.0.group": "'group' of a path",
    "traffic.disk.paths.0.weight": "'weight' of a path",
    "traffic.disk.paths.0.via.1": "a client's part or subscription in at_least/of",
    "traffic.disk.paths.0.via.3": "a series of parts in at_least/of",
    "roles.owner.holders.0.name": "the name of a holder",
    "clients.parts.hba.needs": "'needs' of a client's part",
    "components.ups.carries": "'carries'",
}


def test_format_1_knows_nothing_of_format_2_and_says_so(small) -> None:
    path, _ = small("format: 2", "format: 1")
    with pytest.raises(InputError) as caught:
        read_site(path)
    found = {problem.key: problem.message for problem in caught.value.problems}
    for key, what in NEWER.items():
        assert found[key] == f"{what} is of format 2; k2rel check --upgrade FILE rewrites the file"
        assert all(problem.line for problem in caught.value.problems)


def test_what_format_1_does_not_count_yields() -> None:
    site = read_site("L2R", data="0.1")
    assert [name for name, flow in site.traffic.items() if flow.priority == "background"] == ["ftp"]
    assert site.full_service_of == ("media",)
    assert site.full_service is None


ODD = (None, True, 0, -1, 1.5, float("nan"), 10**400, "", "x", "=x", "@", "@home", "host", "A", [], [[]], [["host"]], {}, {"at_least": 1}, {"value": 1, "low": 0})  # fmt: skip


def places(data, path=()):
    """Every place of plain data."""
    yield path
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from places(value, (*path, key))


def changed(data, path, value):
    """The same data with something else at a place."""
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


def test_whatever_is_written_ends_in_a_site_or_in_sentences(tmp_path) -> None:
    """Places and what is put there are drawn; a site is a site, and each mistake has its file."""
    from ruamel.yaml import YAML

    chance = random.Random(20)
    data = YAML(typ="safe", pure=True).load(SMALL)
    path = tmp_path / "odd.yaml"
    outcomes = set()
    for _ in range(60):
        odd = data
        for _ in range(chance.choice((1, 1, 2))):
            odd = changed(odd, chance.choice(list(places(odd))[1:]), chance.choice(ODD))
        path.write_text(json.dumps(odd))
        try:
            outcomes.add(type(read_site(path)).__name__)
        except InputError as error:
            outcomes.add("refused")
            assert str(path) in str(error)
    assert outcomes == {"Site", "refused"}


def test_a_port_whose_part_lacks_what_it_needs_is_not_alive(tmp_path) -> None:
    """Without its supply a card is as dead as unplugged, and a client that watches its port goes to the other side."""
    part = {"type": "part", "mttr": "4 h", "source": "test"}
    document = {
        "format": 2, "name": "port", "title": "a card with a supply", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "part": {"mttf": "1000 h", "mttr": "4 h"}},
        "components": {"switch_A": part | {"unavailability": 0.02}, "switch_B": part | {"unavailability": 0.03},
                       "end": {"type": "fixed"}},
        "links": {"up_A": part | {"unavailability": 0.05, "between": ["switch_A", "end"]},
                  "up_B": part | {"unavailability": 0.04, "between": ["switch_B", "end"]}},
        "clients": {"count": 1, "parts": {
            "client": {"type": "fixed"}, "supply": part | {"unavailability": 0.1},
            "card_A": {"type": "fixed", "needs": ["supply"], "between": ["client", "switch_A"]},
            "card_B": {"type": "fixed", "between": ["client", "switch_B"]}}},
        "traffic": {"control": {"detects": "port", "paths": [
            {"side": "A", "via": ["client", "card_A", "switch_A", "up_A", "end"]},
            {"side": "B", "via": ["client", "card_B", "switch_B", "up_B", "end"]}]}},
    }  # fmt: skip
    (path := tmp_path / "port.yaml").write_text(json.dumps(document))
    alive = 0.9 * 0.98  # of port A, which holds the client whatever the uplink does
    expected = alive * 0.05 + (1 - alive) * (1 - 0.97 * 0.96)
    found = k2rel.availability(k2rel.study(path), method="exact")
    assert found["control"].unavailability == pytest.approx(expected, rel=1e-12)
