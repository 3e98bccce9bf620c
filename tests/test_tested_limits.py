"""Tested parts where there are many of them, in many kinds, or where the answer can be said only with a word."""

import time

import numpy as np
import pytest

import k2rel
from k2rel.errors import InputError
from k2rel.markov.engine import solved
from k2rel.rates import Law, moments_of


def curve(rate, mttr, interval, at, offset=0.0):
    """Unavailability at a time of the cycle of a part that runs on untested until its day: written apart."""
    since, repair = (at - offset) % interval, 1.0 / mttr

    def works(found, time):  # of the share found down at a test, and of the rest, which runs or fails unseen
        back = repair / (repair - rate) * (np.exp(-rate * time) - np.exp(-repair * time))
        return (1.0 - found) * np.exp(-rate * time) + found * back

    found = 0.0
    for _ in range(200):  # until the cycle repeats
        found = 1.0 - works(found, interval)
    return 1.0 - works(found, since)


@pytest.mark.parametrize(("clients", "rate"), [(200, 1e-4), (1000, 3e-5), (1000, 1e-4), (5000, 3e-5)])
def test_many_alike_tested_parts_work_together_as_their_cycle_says(clients, rate) -> None:
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 8760.0, 3000)])
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    at, share = edges[:-1, None] + half * (nodes + 1), half * weights / 8760.0
    all_work = (share * (1.0 - curve(rate, 8.0, 8760.0, at)) ** clients).sum()
    found = moments_of({"nic": Law(rate, 8.0, 8760.0)}, {"nic": clients})
    assert found.weight @ (1.0 - found.unavailability["nic"]) ** clients == pytest.approx(all_work, rel=1e-9)


def test_many_clients_beside_another_tested_kind() -> None:
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 4380.0, 1500)])
    edges = np.concatenate([edges, 4380.0 + edges[1:]])
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    at, share = edges[:-1, None] + half * (nodes + 1), half * weights / 8760.0
    wanted = (share * (1.0 - curve(3e-5, 8.0, 8760.0, at)) ** 1000 * curve(5e-5, 20.0, 4380.0, at)).sum()
    laws = {"nic": Law(3e-5, 8.0, 8760.0), "link": Law(5e-5, 20.0, 4380.0)}
    found = moments_of(laws, {"nic": 1000})
    q = found.unavailability
    assert found.weight @ ((1.0 - q["nic"]) ** 1000 * q["link"]) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("kinds", [5, 6, 8])
def test_kinds_with_offsets_of_their_own_are_averaged_in_seconds(kinds) -> None:
    laws = {f"u{i}": Law((i + 1) * 1e-6, 4.0 + i, 8760.0, test_offsets_h=(730.0 * i,)) for i in range(kinds)}
    begin = time.process_time()
    found = moments_of(laws)
    assert time.process_time() - begin < 10.0
    edges = np.concatenate([730.0 * i + np.concatenate([[0.0], np.geomspace(1e-2, 730.0, 40)]) for i in range(12)])
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.maximum(np.diff(edges), 0.0)[:, None] / 2
    at, share = edges[:-1, None] + half * (nodes + 1), half * weights / 8760.0
    curves = [curve((i + 1) * 1e-6, 4.0 + i, 8760.0, at, 730.0 * i) for i in range(kinds)]
    down = np.prod([found.unavailability[f"u{i}"] for i in range(kinds)], axis=0)
    assert found.weight @ down == pytest.approx(float((share * np.prod(curves, axis=0)).sum()), rel=1e-9)


def test_a_test_interval_of_raid_drives_is_refused() -> None:
    with pytest.raises(InputError, match=r"type 'drive' has a test_interval of 720 h.*k2rel\.scrubbing") as caught:
        k2rel.study("L2R", settings={"drive.test_interval": "720 h"})
    assert len(caught.value.problems) == 1


SITE = """
format: 2
name: s
title: s
sides:
  A: {title: a}
types:
  box: {failure_rate: 0, mttr: 1 h, source: x}
components:
  hub: {type: box}
  sink: {type: box}
links:
  one: {type: a, side: A, between: [hub, sink], failure_rate: 1e-4 /h, mttr: 80 h, test_interval: ONE}
  two: {type: b, side: A, between: [hub, sink], failure_rate: 5e-5 /h, mttr: 8 h, test_interval: TWO}
clients:
  count: 1
  parts:
    client: {type: box}
    nic: {type: box, between: [client, hub]}
traffic:
  svc:
    demand: 1 MB/s
    prefer: listed
    paths:
      - {side: A, via: [client, nic, hub, {at_least: 1, of: [one, two]}, sink]}
"""


@pytest.mark.parametrize(
    ("one", "two", "warned"), [("8760 h", "8761 h", True), ("8760 h", "8736 h", False), ("1000 h", "3141.59 h", False)]
)
@pytest.mark.parametrize("of_type", [False, True])
def test_nearly_equal_intervals_are_warned_of(tmp_path, one, two, warned, of_type) -> None:
    file = tmp_path / "s.yaml"
    text = SITE
    if of_type:
        text = text.replace(", test_interval: ONE", "").replace(", test_interval: TWO", "")
        text = text.replace("types:\n", "types:\n  a: {test_interval: ONE}\n  b: {test_interval: TWO}\n")
    file.write_text(text.replace("ONE", one).replace("TWO", two))
    said = [w.message for w in k2rel.study(file).site.warnings if "coincide again only after" in w.message]
    # 8,760 h times 8,761 h over a difference of 1 h
    assert [("after 8.76e+03 years" in m) for m in said] == [True] * warned


def test_a_time_of_one_unit_is_said_without_its_number() -> None:
    from k2rel.design.candidates import _each

    assert [_each(8760.0), _each(17520.0), _each(720.0)] == ["year", "2 years", "30 days"]


def test_a_wide_bound_is_said_with_the_answer() -> None:
    from k2rel.measures.availability import ServiceAvailability, _notes

    rows = [ServiceAvailability("files", "files", "site", 0.0157, 1e-4)]
    (note,) = _notes(rows, 0.22)
    assert "2.2e-01" in note and "files" in note and "simulate" in note
    assert not _notes(rows, 0.0015)


HOLDERS = """    holders:
      - {side: B, on: machine_B, units: [unit_B], needs: [machine_B]}
      - {side: A, on: machine_A, units: [unit_A], needs: NEEDS}
"""
ROLE = (
    """
format: 1
name: s
title: s
sides:
  A: {title: a}
  B: {title: b}
types:
  box: {failure_rate: 1e-6 /h, mttr: 1 h, source: x}
components:
  hub: {type: box}
  machine_A: {type: box, side: A}
  machine_B: {type: box, side: B}
  spare: {type: box, side: A}
  other: {type: box, side: A}
links:
  to_A: {type: box, side: A, between: [hub, machine_A]}
  to_B: {type: box, side: B, between: [hub, machine_B]}
  pulse: {type: box, between: [machine_A, machine_B]}
units:
  unit_A: {server: machine_A, heartbeat: pulse, triggers: [machine_A]}
  unit_B: {server: machine_B, heartbeat: pulse, triggers: [machine_B]}
roles:
  service:
    switchover: 1 min
"""
    + HOLDERS
    + """clients:
  count: 1
  parts:
    client: {type: box}
    nic: {type: box, between: [client, hub]}
traffic:
  svc:
    demand: 1 MB/s
    prefer: role service
    paths:
      - {side: A, via: [client, nic, hub, to_A, machine_A], when: {service: A}}
      - {side: B, via: [client, nic, hub, to_B, machine_B], when: {service: B}}
"""
)


@pytest.mark.parametrize(
    ("needs", "watched"),
    [
        ("[machine_A, {at_least: 1, of: [spare, other]}]", True),
        ("[machine_A, {at_least: 2, of: [spare, other]}]", False),
        ("[machine_A, spare]", False),
    ],
)
@pytest.mark.parametrize("number", [1, 2])
def test_holders_are_warned_of_as_they_are_asked(tmp_path, capsys, needs, watched, number) -> None:
    from k2rel.cli import main

    file = tmp_path / "s.yaml"
    file.write_text(ROLE.replace("NEEDS", needs).replace("format: 1", f"format: {number}"))
    main(["check", str(file)])
    said = capsys.readouterr().out
    assert ("tries holders in the order of the sides, whatever the list states" in said) == (number == 1)
    assert ("no unit of this holder has among its triggers" in said) != watched


def test_a_chain_whose_error_cannot_be_bounded_is_never_the_answer() -> None:
    """Crews, maintenance and a part that fails every 200 h: with what tests find at once, nothing can be bounded."""
    study = k2rel.study("L2R", settings={"fs_database.mttf": "200 h"}, variant="degraded_backup")
    organisation = k2rel.Organisation(crews=3, return_to_service_h=1 / 3, maintenance_every_h=2190.0, tolerance=1e-4)
    dynamics = solved(study, organisation)
    assert 0 < dynamics.states.error_bound <= 1e-4
