"""What is said of a site with shares, groups and holders that are at home on different sides, and what check warns of."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import k2rel
from k2rel.bundled import data_dir
from k2rel.logic.rounding import more_than
from k2rel.measures.role_downtime import why_they_differ

DESIGNS = data_dir() / "examples" / "designs"

# one server each in two rooms; the role is at home in room B, which is listed second
ROOMS = """\
format: 2
name: rooms
title: Two rooms
sides: {A: {title: room A}, B: {title: room B}}
types:
  ideal: {failure_rate: 0, mttr: 1 h}
  node: {mttf: 10000 h, mttr: 10 h}
components:
  net: {type: ideal}
  n1: {type: node, side: A, capacity: 30 MB/s, in: net}
  n2: {type: node, side: B, capacity: 30 MB/s, in: net}
units:
  u1: {server: n1, triggers: [n1]}
  u2: {server: n2, triggers: [n2]}
roles:
  vip:
    switchover: 30 s
    coverage: 0.9
    failback: automatic
    holders:
      - {name: on2, side: B, on: n2, units: [u2], needs: [n2]}
      - {name: on1, side: A, on: n1, units: [u1], needs: [n1]}
clients:
  count: 2
  parts:
    client: {type: ideal, in: net}
traffic:
  svc:
    demand: 20 MB/s
    requires: [vip]
    paths:
      - {side: A, when: {vip: on1}, via: [client, net, n1]}
      - {side: B, when: {vip: on2}, via: [client, net, n2]}
"""


def made(folder: Path, text: str) -> Path:
    file = folder / "site.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_failure_that_overloads_is_counted(tmp_path) -> None:
    """Streams that go by red while it works: the loss of any of two spines and four trunks sends 3,000 over 2,000."""
    text = (DESIGNS / "st2022_7.yaml").read_text(encoding="utf-8").replace("share: all", "share: first")
    words = k2rel.carrying(made(tmp_path, text)).words()
    assert "not after the loss of spine A1 (5 more failures likewise)" in words


def test_roles_at_home_on_the_second_side_are_told_by_their_first_holders(tmp_path, k2) -> None:
    file = made(tmp_path, ROOMS)
    study = k2rel.study(file)
    words = why_they_differ(study)
    assert "back at its first holder at once" in words
    # 10 h of repair in 10,010 h, when the role is on its way, stranded or with the other
    assert words.endswith("a role is not with its first holder for 0.1 % of the year.")
    preferred = k2rel.assumptions(study).set_index("assumption").loc["preferred side", "value"]
    assert str(preferred).startswith("roles are at their first holders whenever these are healthy")
    assert "holders as listed" in study.provenance.engine
    assert "holders as listed" in k2rel.availability(study, method="markov").provenance.engine
    assert "preferred side A" in k2rel.study(file, primary="A").provenance.engine
    assert "preferred side A" in k2rel.study("L2R").provenance.engine
    run = k2("failover", str(file), "--fail", "n2")
    assert "roles: vip at on1; roles before: vip at on2" in run.out
    assert "primary" not in run.out


def test_a_return_is_no_takeover_that_lands_without_overload(tmp_path) -> None:
    """Server 1 cannot carry the clients, so every takeover ends there in overload; coming back relieves it."""
    study = k2rel.study(made(tmp_path, ROOMS), settings={"n1.capacity": "15 MB/s"})
    found = k2rel.performability(study, method="markov")
    assert found["p_overload_after_takeover"] == pytest.approx(1.0, abs=1e-9)
    assert "failbacks included" in k2rel.verdict(study)


def test_tables_say_what_is_counted_and_what_moves_something(tmp_path, k2) -> None:
    file = made(tmp_path, ROOMS + "  other:\n    scope: site\n    paths: [{via: [net, n1], side: A}]\n")
    assert "svc: clients on each side (most probable state first)" in k2("load", str(file)).out
    run = k2("interruptions", str(file)).out
    assert "Operating modes of svc" in run
    assert "P(overload after a takeover)" in run
    assert "p_any_overload" not in run
    # nobody places back a server that comes back by itself: how long that takes moves nothing
    swung = k2rel.swing(file)
    assert (
        swung.loc["return_to_service_h", "downtime_at_low_min_per_year"]
        == swung.loc["return_to_service_h", "downtime_at_high_min_per_year"]
    )
    assert [turn.about for turn in k2rel.summary(file, samples=8).turns] == ["manual takeover"]


def test_parts_of_all_clients_together_are_named_as_such(k2) -> None:
    """Any of three hosts that loses both its ports is a loss: the derivatives by the parts of the three add up."""
    run = k2("causes", DESIGNS / "fc_alua.yaml")
    assert "Birnbaum importance" in run.out
    assert more_than(0.1 + 0.2, 0.3) == 0.0
    assert more_than(0.3, 0.2) == pytest.approx(0.1)


def warned(k2, file: Path) -> dict[str, tuple[int, str]]:
    found = k2("check", str(file), "--format", "json").json["warnings"]
    return {one["key"]: (one["line"], one["message"]) for one in found}


def line_of(file: Path, words: str) -> int:
    return 1 + next(n for n, line in enumerate(file.read_text(encoding="utf-8").splitlines()) if words in line)


def test_check_warns_of_full_service_that_is_never_there(tmp_path, k2) -> None:
    """Two clients of 20 MB/s on a server for 30; as soon as the server carries them, check is silent."""
    file = made(tmp_path, ROOMS)
    line, words = warned(k2, file)["components.n2.capacity"]
    assert line == line_of(file, "  n2: {type")
    assert words.startswith(
        "with nothing failed its load is 40 MB/s at a capacity of 30 MB/s, so full service is never up"
    )
    assert warned(k2, made(tmp_path, ROOMS.replace("30 MB/s", "40 MB/s"))) == {}


def test_check_warns_of_a_class_without_a_path_for_the_first_holder(tmp_path, k2) -> None:
    file = made(tmp_path, ROOMS.replace("      - {side: B, when: {vip: on2}, via: [client, net, n2]}\n", ""))
    line, words = warned(k2, file)["traffic.svc.paths"]
    assert line == line_of(file, "    paths:")
    assert words == "with nothing failed vip is at on2, and no path applies then, so svc is down; add one that does"
    assert not k2rel.failover(k2rel.study(file)).services["svc"]


def test_check_warns_of_alike_paths_in_one_group_of_which_the_first_takes_all(tmp_path, k2) -> None:
    text = (DESIGNS / "fc_alua.yaml").read_text(encoding="utf-8")
    file = made(tmp_path, text.replace("share: equal", "share: first"))
    words = [words for key, (_, words) in warned(k2, file).items() if key.endswith(".paths.0")]
    assert words and all(
        "carries all the load" in each and "though the 2nd path is equivalent" in each for each in words
    )


@pytest.mark.parametrize(("old", "new"), [("[vip]", '["@vip"]'), ("when: {vip:", 'when: {"@vip":')])
def test_a_subscription_in_place_of_a_role_is_refused_in_plain_words(tmp_path, k2, old, new) -> None:
    run = k2("check", str(made(tmp_path, ROOMS.replace(old, new))))
    assert "must be a role, as it is called; '@name' may stand in 'via'" in run.err
    assert "pattern" not in run.err and "at least" not in run.err


def test_clients_after_a_takeover_are_asked_for_where_a_role_can_move(tmp_path, k2) -> None:
    (row,) = k2rel.most_clients([DESIGNS / "fc_alua.yaml"], ["10 MB/s"], most=2).to_dict("records")
    assert row["within_bound"] == 2 and row["after_takeover"] != row["after_takeover"]
    assert row["why_empty"] == "after a takeover: no role can move"
    text = (DESIGNS / "fc_alua.yaml").read_text(encoding="utf-8")
    timed = made(tmp_path, text.replace("share: equal", "share: equal\n    path_failover: {time: 15 s}"))
    run = k2("interruptions", str(timed))
    assert "path failovers per year" in run.out
    assert "path failovers per year, summed over clients" in run.out


def recipe(heading: str) -> str:
    text = (data_dir().parent / "docs" / "reference" / "site-files.md").read_text(encoding="utf-8")
    return text[text.index(heading) :].split("```yaml\n")[1].split("```")[0]


@pytest.mark.parametrize(("heading", "design"), [("### Two gateways", "vrrp"), ("### A pair of leaves", "mlag")])
def test_the_recipes_of_the_documentation_are_those_of_the_designs(heading, design) -> None:
    """The designs have tests of their own."""
    whole = YAML(typ="safe").load((DESIGNS / f"{design}.yaml").read_text(encoding="utf-8"))
    told = YAML(typ="safe").load(recipe(heading))
    assert told
    for section, entries in told.items():
        assert entries.items() <= whole[section].items(), section


FEEDS = """
format: 2
name: feeds
title: Two feeds
sides: {A: {}, B: {}}
types: {box: {mttf: 1e5 h, mttr: 4 h}}
components:
  switch_A: {type: box, side: A, needs: [pdu_A]}
  switch_B: {type: box, side: B, needs: [pdu_B]}
  pdu_A: {type: box, side: A, capacity: 6 kW, carries: true}
  pdu_B: {type: box, side: B, capacity: 6 kW, carries: true}
clients: {count: 2, parts: {client: {type: box}, nic_A: {type: box, between: [client, switch_A]}, nic_B: {type: box, between: [client, switch_B]}}}
traffic:
  video: {demand: 100 MB/s, prefer: listed, paths: [{side: A, via: [client, nic_A, switch_A]}, {side: B, via: [client, nic_B, switch_B]}]}
  power: {scope: site, unit: kW, demand: 9, share: equal, paths: [{side: A, via: [pdu_A]}, {side: B, via: [pdu_B]}]}
"""


def test_two_units_on_a_feed_are_refused_with_both_ways_out(tmp_path, k2) -> None:
    """In the order of the file; each way that the sentence names leads to a file that is right."""
    run = k2("check", str(made(tmp_path, FEEDS)))
    lines = run.err.splitlines()
    assert [re.search(r"components\.(\w+)\.capacity", line)[1] for line in lines] == ["pdu_A", "pdu_B"]
    assert lines[0].endswith(
        "carries MB/s of 'video' and kW of 'power', which do not add up to one load; 'power' crosses it itself, so leave "
        "'carries' out; or let what 'video' crosses need an outlet, a part without 'carries' that sits in this one "
        "(design dual_tor)"
    )
    without = FEEDS.replace(", carries: true", "")
    outlet = FEEDS.replace("needs: [pdu_", "needs: [out_").replace(
        "  pdu_A:",
        "  out_A: {type: box, side: A, in: pdu_A, needs: [pdu_A]}\n  out_B: {type: box, side: B, in: pdu_B, needs: [pdu_B]}\n  pdu_A:",
    )
    for text in (without, outlet):
        assert warned(k2, made(tmp_path, text)).keys() <= {"components.pdu_A.carries", "components.pdu_B.carries"}
        loads = {item.element: item.load_mb_s for item in k2rel.failover(k2rel.study(tmp_path / "site.yaml")).loads}
        assert loads["pdu_A"] == 4.5
