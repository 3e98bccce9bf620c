"""Clients that lose a path and go on over another: how often, how long, and what is no path failover."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel import Organisation
from k2rel.measures.engines import static_engine
from k2rel.measures.path_failover import (
    client_path_changes,
    path_failover_figures,
    path_failover_notes,
    path_failovers,
)
from k2rel.measures.solution import solution_of
from k2rel.services.catalogue import site_services
from tests.enumerated import Followed, client_part, groups_of, hours, laws, resolved
from tests.random_traffic import random_document, random_file

YEAR = 8760.0
DUAL = "data/examples/reference_san_dual.yaml"

HOSTS = """
format: 2
name: two_hbas
title: Hosts with two cards, two fabrics and an array with two ports a fabric
sides: {A: {title: fabric A}, B: {title: fabric B}}
types:
  host: {failure_rate: 0, mttr: 1 h}
  hba: {failure_rate: "0.002 /h", mttr: 30 h}
  switch: {failure_rate: "0.001 /h", mttr: 50 h}
  port: {failure_rate: "0.003 /h", mttr: 20 h}
  array: {failure_rate: "0.0005 /h", mttr: 40 h}
components:
  sw_A: {type: switch, side: A}
  sw_B: {type: switch, side: B}
  array: {type: array}
links:
  p_A1: {type: port, side: A, between: [sw_A, array]}
  p_A2: {type: port, side: A, between: [sw_A, array]}
  p_B1: {type: port, side: B, between: [sw_B, array]}
clients:
  count: 2
  parts:
    client: {type: host}
    hba_A: {type: hba, side: A, between: [client, sw_A]}
    hba_B: {type: hba, side: B, between: [client, sw_B]}
  subscriptions: {liked: [B]}
traffic:
  disk:
    demand: 10 MB/s
    HOW
    path_failover: {time: 30 s, coverage: 0.9}
    paths:
      - {side: A, via: [client, hba_A, sw_A, p_A1, array]W0}
      - {side: A, via: [client, hba_A, sw_A, p_A2, array]W1}
      - {side: B, via: [client, hba_B, sw_B, p_B1, array]W2}
"""
RATE = {"hba": 0.002, "sw": 0.001, "p": 0.003, "array": 0.0005}
MTTR = {"hba": 30.0, "sw": 50.0, "p": 20.0, "array": 40.0}
PATHS = (("hba_A", "sw_A", "p_A1", "array"), ("hba_A", "sw_A", "p_A2", "array"), ("hba_B", "sw_B", "p_B1", "array"))


def hosts(tmp_path: Path, how: str, after: Sequence[str] = ("", "", "")) -> k2rel.Study:
    text = HOSTS.replace("HOW", how)
    for number, more in enumerate(after):
        text = text.replace(f"W{number}", more)
    file = tmp_path / "hosts.yaml"
    file.write_text(text)
    return k2rel.study(file)


Used = Callable[[list[bool]], set[int]]


def first(usable: list[bool]) -> set[int]:
    return set([n for n, there in enumerate(usable) if there][:1])


def equal(usable: list[bool]) -> set[int]:
    return {n for n, there in enumerate(usable) if there}


def b_before_a(usable: list[bool]) -> set[int]:
    """Path 3 is group 1, the others share group 2."""
    return {2} if usable[2] else {n for n in (0, 1) if usable[n]}


def by_weight(usable: list[bool]) -> set[int]:
    """Paths 1 and 3 have weights, path 2 has weight 0."""
    return {n for n in (0, 2) if usable[n]} or {n for n in (1,) if usable[n]}


def counted(
    used: Used,
    clients: int,
    copies: bool,
    rate: Callable[[str], float],
    mttr: Callable[[str], float],
    paths: Sequence[Sequence[str]] = PATHS,
) -> tuple[float, float, Callable[[float], float]]:
    """Go through all states and all failures: rates of one client, of all, and of events that hit some client.

    A client fails over when a failure takes a path in use away (of copies all of them) and another one carries.
    """
    own = ("hba_A", "hba_B")
    shared = sorted({part for path in paths for part in path if part not in own})
    parts = [*shared, *(f"{part}/{n}" for n in range(clients) for part in own)]

    def of_client(works: Mapping[str, bool], n: int) -> set[int]:
        return used([all(works[f"{part}/{n}" if part in own else part] for part in path) for path in paths])

    q = {part: rate(part) * mttr(part) / (1 + rate(part) * mttr(part)) for part in parts}
    one = every = 0.0
    hits: list[tuple[float, int]] = []
    for state in itertools.product((True, False), repeat=len(parts)):
        works = dict(zip(parts, state, strict=True))
        p = math.prod(1 - q[part] if up else q[part] for part, up in works.items())
        before = [of_client(works, n) for n in range(clients)]
        for part in (part for part, up in works.items() if up):
            after = [of_client({**works, part: False}, n) for n in range(clients)]
            lost = [
                bool(new) and (not old & new if copies else bool(old - new))
                for old, new in zip(before, after, strict=True)
            ]
            one += p * rate(part) * lost[0]
            every += p * rate(part) * sum(lost)
            hits.append((p * rate(part), sum(lost)))
    return one, every, lambda share: sum(r * (1 - (1 - share) ** n) for r, n in hits)


def of_kind(table: Mapping[str, float]) -> Callable[[str], float]:
    return lambda part: table[part.partition("_")[0]]


CASES = {
    "first": ("share: first", ("", "", ""), first, False),
    "equal": ("share: equal", ("", "", ""), equal, False),
    "all": ("share: all", ("", "", ""), equal, True),
    "groups": ("share: equal", (", group: 2", ", group: 2", ", group: 1"), b_before_a, False),
    "copies in groups": ("share: all", (", group: 2", ", group: 2", ", group: 1"), b_before_a, True),
    "weights": ("share: weighted", (", weight: 2", ", weight: 0", ", weight: 1"), by_weight, False),
    "prefers B": ("prefer: '@liked'", ("", "", ""), lambda usable: {2} if usable[2] else first(usable), False),
}


@pytest.mark.parametrize("name", CASES)
def test_every_state_and_every_failure_by_hand(tmp_path: Path, name: str) -> None:
    how, after, used, copies = CASES[name]
    study = hosts(tmp_path, how, after)
    one, every, events = counted(used, 2, copies, of_kind(RATE), of_kind(MTTR))
    rows = k2rel.interruptions(study, services=["disk", "disk_client"])
    site, client = rows.loc["disk"], rows.loc["disk_client"]
    assert client["path_failovers_per_year"] == pytest.approx(one * YEAR, rel=1e-9, abs=1e-15)
    assert client["client_path_failovers_per_year"] == pytest.approx(one * YEAR, rel=1e-9, abs=1e-15)
    assert site["client_path_failovers_per_year"] == pytest.approx(every * YEAR, rel=1e-9, abs=1e-15)
    assert site["path_failovers_per_year"] == pytest.approx(events(1.0) * YEAR, rel=1e-9, abs=1e-15)
    assert site["unsuccessful_path_failovers_per_year"] == pytest.approx(events(0.1) * YEAR, rel=1e-9, abs=1e-15)
    assert site["path_failover_min_per_year"] == pytest.approx(events(0.9) * YEAR * 0.5, rel=1e-9, abs=1e-15)
    assert (one > 0) == (name != "all"), "with a copy on each path nothing is lost"
    by_chain = k2rel.interruptions(study, services=["disk"], method="markov").loc["disk"]
    assert by_chain["path_failovers_per_year"] == pytest.approx(events(1.0) * YEAR, rel=1e-6, abs=1e-9)


def test_two_cards_by_a_formula(tmp_path: Path) -> None:
    """One path each: what fails on the path in use while the other one is there."""
    text = HOSTS.replace("HOW", "share: first").replace(
        "      - {side: A, via: [client, hba_A, sw_A, p_A2, array]W1}\n", ""
    )
    file = tmp_path / "two.yaml"
    file.write_text(text.replace("W0", "").replace("W2", ""))
    there = {kind: 1 / (1 + RATE[kind] * MTTR[kind]) for kind in RATE}
    a_path = there["hba"] * there["sw"] * there["p"]
    rate = a_path * a_path * there["array"] * (RATE["hba"] + RATE["sw"] + RATE["p"])
    row = k2rel.interruptions(file, services="disk_client").loc["disk_client"]
    assert row["path_failovers_per_year"] == pytest.approx(rate * YEAR, rel=1e-12)
    file.write_text(file.read_text().replace("share: first", "share: equal"))
    row = k2rel.interruptions(file, services="disk_client").loc["disk_client"]
    assert row["path_failovers_per_year"] == pytest.approx(2 * rate * YEAR, rel=1e-12), "either path is enough"


def with_failover(tmp_path: Path, text: str, after: str) -> Path:
    file = tmp_path / "with.yaml"
    given = f"{after}\n    path_failover: {{time: 15 s, coverage: 0.99}}"
    file.write_text(text.replace("format: 1", "format: 2").replace(after, given, 1))
    return file


def test_a_dual_fabric_san_loses_paths_far_more_often_than_service(tmp_path: Path) -> None:
    """The reference SAN with two cards a server, by hand: a client of each group against all of its states."""
    file = with_failover(tmp_path, Path(DUAL).read_text(), "    demand: =client_demand")
    rows = k2rel.interruptions(file, services=["media", "media_client"])
    assert rows.loc["media", "failures_per_year"] == pytest.approx(0.00025, rel=0.02)
    mttf = {"nic": 3e5, "sw": 2e5, "toe": 2.5e5, "server": 5e4, "hba": 4e5, "fc": 8e5, "ctrl": 1.2e5}
    mttr = {"nic": 8.0, "sw": 6.0, "toe": 8.0, "server": 12.0, "hba": 8.0, "fc": 6.0, "ctrl": 10.0}
    a_side, b_side = (("server_" + s, "hba_" + s, "fc_" + s, "ctrl_" + s) for s in "AB")
    paths = (
        ("nic_A", "sw_A", "toe_A1", *a_side), ("nic_A", "sw_A", "toe_B1", *b_side),
        ("nic_B", "sw_B", "toe_B2", *b_side), ("nic_B", "sw_B", "toe_A2", *a_side),
    )  # fmt: skip
    parts = sorted({part for path in paths for part in path})
    codes = np.arange(2 ** len(parts))
    works = {part: (codes >> n) & 1 == 1 for n, part in enumerate(parts)}
    p = np.ones(len(codes))
    for part, up in works.items():
        kind = part.partition("_")[0]
        q = mttr[kind] / (mttf[kind] + mttr[kind])
        p *= np.where(up, 1 - q, q)
    usable = np.array([np.logical_and.reduce([works[part] for part in path]) for path in paths])
    used = np.where(usable.any(axis=0), usable.argmax(axis=0), -1)
    rate = 0.0
    for n, part in enumerate(parts):
        after = codes[works[part]] - (1 << n)
        rate += (
            p[works[part]] @ ((used[works[part]] != used[after]) & (used[after] >= 0)) / mttf[part.partition("_")[0]]
        )
    # four of five drives keep the data
    q = 24 / (3e5 + 24)
    rate *= (1 - q) ** 5 + 5 * q * (1 - q) ** 4
    client = rows.loc["media_client"]
    assert client["path_failovers_per_year"] == pytest.approx(rate * YEAR, rel=1e-9)
    assert rows.loc["media", "client_path_failovers_per_year"] == pytest.approx(4 * rate * YEAR, rel=1e-9)
    assert client["path_failover_min_per_year"] == pytest.approx(rate * YEAR * 0.99 * 0.25, rel=1e-9)
    assert client["unsuccessful_path_failover_min_per_year"] == pytest.approx(rate * YEAR * 0.01 * 60, rel=1e-9)


def test_round_robin_waits_for_each_of_its_paths(tmp_path: Path) -> None:
    """The design with four paths a host and two of the hosts, over all states; with copies nothing is lost."""
    text = Path("data/examples/designs/fc_round_robin.yaml").read_text().replace("count: 4", "count: 2")
    there = {"hba": 2e-4, "sw": 5e-4, "port": 1e-3, "ctrl": 2e-3}  # unavailability, of parts that take 4 h
    paths = [(f"hba_{s}", f"sw_{s}", f"port_{s}{n}", f"ctrl_{n}") for s in "AB" for n in "12"]
    rate = of_kind({kind: q / (1 - q) / 4 for kind, q in there.items()})
    _, every, events = counted(equal, 2, False, rate, lambda part: 4.0, paths)
    row = k2rel.interruptions(with_failover(tmp_path, text, "    demand: 100 MB/s"), services="disk").loc["disk"]
    assert row["path_failovers_per_year"] == pytest.approx(events(1.0) * YEAR, rel=1e-9)
    assert row["client_path_failovers_per_year"] == pytest.approx(every * YEAR, rel=1e-9)
    each = (2 * 2e-4 + 2 * 5e-4 + 4 * 1e-3 + 2 * 2e-3) / 4  # cards, switches, ports, controllers
    assert every == pytest.approx(2 * each, rel=5e-3)
    copies = with_failover(tmp_path, text.replace("share: equal", "share: all"), "    demand: 100 MB/s")
    assert k2rel.interruptions(copies, services="disk").loc["disk", "path_failovers_per_year"] == 0


PAIR = """
format: 2
name: pair
title: Two servers, of which one has the pool; each client reaches it over two switches
sides: {A: {title: left}, B: {title: right}}
types:
  host: {failure_rate: 0, mttr: 1 h}
  switch: {failure_rate: "0.0005 /h", mttr: 30 h}
  server: {failure_rate: "0.0008 /h", mttr: 20 h}
components:
  sw_1: {type: switch}
  sw_2: {type: switch}
  server_A: {type: server, side: A}
  server_B: {type: server, side: B}
links:
  l_1A: {type: host, between: [sw_1, server_A]}
  l_2A: {type: host, between: [sw_2, server_A]}
  l_1B: {type: host, between: [sw_1, server_B]}
  l_2B: {type: host, between: [sw_2, server_B]}
units:
  unit_A: {server: server_A, triggers: [server_A]}
  unit_B: {server: server_B, triggers: [server_B]}
roles:
  pool:
    failback: manual
    coverage: 0.9
    switchover: 2 min
    holders:
      - {side: A, on: server_A, units: [unit_A], needs: [server_A]}
      - {side: B, on: server_B, units: [unit_B], needs: [server_B]}
clients:
  count: 1
  parts: {client: {type: host}, c_1: {type: host, between: [client, sw_1]}, c_2: {type: host, between: [client, sw_2]}}
traffic:
  files:
    demand: 1 MB/s
    requires: [pool]
    path_failover: {time: 1 min}
    paths:
      - {side: A, when: {pool: A}, via: [client, c_1, sw_1, l_1A, server_A]}
      - {side: A, when: {pool: A}, via: [client, c_2, sw_2, l_2A, server_A]}
      - {side: B, when: {pool: B}, via: [client, c_1, sw_1, l_1B, server_B]}
      - {side: B, when: {pool: B}, via: [client, c_2, sw_2, l_2B, server_B]}
  names:
    path_failover: {time: 1 min}
    paths:
      - {side: A, via: [client, c_1, sw_1, l_1A, server_A]}
      - {side: B, via: [client, c_2, sw_2, l_2B, server_B]}
"""

RETURN_H, MANUAL_H, WAY_H = 2.0, 3.0, 1 / 30


Both = tuple[bool, bool]
State = tuple[Both, Both, Both, str]


def pair_moves(state: State) -> list[tuple[State, float]]:
    """What follows a state of the pair as the rules of takeovers say it: switches, servers, in service, who has the pool."""
    sw, up, served, role = state

    def settled(up: Both, served: Both) -> list[tuple[State, float]]:
        served = (served[0] and up[0], served[1] and up[1])  # what was down comes back out of service
        if role in ("A", "B"):
            here = "AB".index(role)
            other = 1 - here
            if not up[here] and up[other] and served[other]:
                return [((sw, up, served, "way"), 0.9), ((sw, up, served, "stranded"), 0.1)]
        return [((sw, up, served, role), 1.0)]

    def put(values: Both, place: int, value: bool) -> Both:
        return (value, values[1]) if place == 0 else (values[0], value)

    found = [((put(sw, n, not sw[n]), up, served, role), 0.0005 if sw[n] else 1 / 30) for n in (0, 1)]
    for n in (0, 1):
        rate = 0.0008 if up[n] else 1 / 20
        found += [(then, rate * p) for then, p in settled(put(up, n, not up[n]), served)]
        if up[n] and not served[n]:
            found += [(then, p / RETURN_H) for then, p in settled(up, put(served, n, True))]
    ready = [n for n in (0, 1) if up[n] and served[n]]
    if role == "way":
        found.append(((sw, up, served, "AB"[ready[0]] if ready else "stranded"), 1 / WAY_H))
    if role == "stranded" and any(up):
        best = ready[0] if ready else up.index(True)
        found.append(((sw, up, put(served, best, True), "AB"[best]), 1 / MANUAL_H))
    return found


def pair_routes(state: State) -> tuple[str, str]:
    """Way of the files, and of the names, which ask for no role; "" for none."""
    sw, up, served, role = state
    good = [u and s for u, s in zip(up, served, strict=True)]
    way = "1" if sw[0] else "2" if sw[1] else ""
    files = way + role if role in ("A", "B") and good["AB".index(role)] and way else ""
    names = "A" if sw[0] and good[0] else "B" if sw[1] and good[1] else ""
    return files, names


def pair_rates() -> dict[str, float]:
    start: State = ((True, True), (True, True), (True, True), "A")
    states, todo = {start: 0}, [start]
    moves: list[tuple[State, State, float]] = []
    while todo:
        state = todo.pop()
        for then, rate in pair_moves(state):
            if then not in states:
                states[then] = len(states)
                todo.append(then)
            moves.append((state, then, rate))
    matrix = np.zeros((len(states), len(states)))
    for state, then, rate in moves:
        matrix[states[then], states[state]] += rate
        matrix[states[state], states[state]] -= rate
    matrix[0] = 1.0
    p = np.linalg.solve(matrix, np.eye(len(states))[0])
    result = dict.fromkeys(("files", "names", "names with a takeover", "down"), 0.0)
    for state, then, rate in moves:
        flow = p[states[state]] * rate
        (files, names), (files_then, names_then) = pair_routes(state), pair_routes(then)
        if files and files_then and files[1] == files_then[1] and (files[0], files_then[0]) == ("1", "2"):
            result["files"] += flow
        assert not (files and files_then and files[1] != files_then[1]), "nobody has the pool meanwhile"
        if (names, names_then) == ("A", "B"):
            result["names"] += flow
            result["names with a takeover"] += flow * (state[3] != then[3])
    result["down"] = sum(p[n] for state, n in states.items() if not pair_routes(state)[0])
    return result


def test_a_takeover_is_counted_once_and_what_asks_for_no_role_is_not_lost(tmp_path: Path) -> None:
    """Two servers with a pool against a chain written here, takeovers as modelled."""
    file = tmp_path / "pair.yaml"
    file.write_text(PAIR)
    who = Organisation(return_to_service_h=RETURN_H, manual_takeover_h=MANUAL_H)
    by_hand = pair_rates()
    answer = k2rel.study(file).solve(organisation=who)
    assert answer.services["files"].unavailability == pytest.approx(by_hand["down"], rel=1e-6)
    rows = answer.interruptions(["files", "names"])
    assert answer.method == "markov"
    assert rows.loc["files", "path_failovers_per_year"] == pytest.approx(by_hand["files"] * YEAR, rel=1e-6)
    assert rows.loc["names", "path_failovers_per_year"] == pytest.approx(by_hand["names"] * YEAR, rel=1e-6)
    assert by_hand["names with a takeover"] > 0.3 * by_hand["names"], "the pool moves when their path is lost"
    assert rows["failures_per_year"]["files"] > 0.5 * 0.0008 * YEAR, (
        "takeovers interrupt the service, and are counted there"
    )


def test_with_ideal_takeovers_a_move_of_the_role_is_no_path_failover(tmp_path: Path) -> None:
    """The pool is at A whenever server A works; the same formulas by hand, a product of independent parts."""
    file = tmp_path / "pair.yaml"
    file.write_text(PAIR)
    sw, server = 1 / (1 + 0.0005 * 30), 1 / (1 + 0.0008 * 20)
    some = server + (1 - server) * server
    rows = k2rel.interruptions(file, Organisation(roles="ideal"), ["files", "names"])
    files = sw * sw * some * 0.0005
    names = sw * server * sw * server * (0.0005 + 0.0008)
    assert rows.loc["files", "path_failovers_per_year"] == pytest.approx(files * YEAR, rel=1e-9)
    assert rows.loc["names", "path_failovers_per_year"] == pytest.approx(names * YEAR, rel=1e-9)


def test_what_a_buffer_bridges_is_counted_apart(tmp_path: Path) -> None:
    study = hosts(tmp_path, "share: first")  # 30 s, and one in ten waits for a person
    short, long = (
        k2rel.interruptions(study, services="disk_client", buffer_h=s / 3600).loc["disk_client"] for s in (29, 30)
    )
    every = short["path_failovers_per_year"]
    waits = math.exp(-30 / 3600)  # a person takes an hour
    assert long["path_failovers_on_air_per_year"] == pytest.approx(0.1 * waits * every)
    assert long["path_failovers_bridged_per_year"] == pytest.approx((1 - 0.1 * waits) * every)
    assert short["path_failovers_on_air_per_year"] == pytest.approx((0.9 + 0.1 * math.exp(-29 / 3600)) * every)
    slow = k2rel.interruptions(study, Organisation(manual_takeover_h=4), "disk_client").loc["disk_client"]
    assert slow["unsuccessful_path_failover_min_per_year"] == pytest.approx(0.1 * every * 240, rel=1e-6)
    assert slow["path_failover_min_per_year"] == pytest.approx(0.9 * every * 0.5, rel=1e-6)


def test_it_is_said_that_no_availability_has_them(tmp_path: Path, k2) -> None:
    study = hosts(tmp_path, "share: first")
    (note,) = k2rel.interruptions(study).attrs["notes"]
    assert note.startswith("disk: path failovers are not part of the availability") and "min/year" in note
    found = client_path_changes(study)["disk"].clients_per_h / 2 * YEAR
    assert f"{found:.3g} per client and year" in note
    register = k2rel.assumptions(study).set_index("assumption")
    assert register.loc["rule: disk path change of a client", "value"] == "30 s, with probability 0.9"
    told = k2("interruptions", str(tmp_path / "hosts.yaml"), "--format", "json").json
    (row,) = (row for row in told["interruptions"] if row["service"] == "disk")
    assert row["path_failovers_per_year"] > 0 and note in told["notes"]
    assert k2("availability", str(tmp_path / "hosts.yaml"), "--format", "json").json["left_out"] == [note]
    assert note.partition(";")[0] in " ".join(k2("availability", str(tmp_path / "hosts.yaml")).out.split())
    assert {row["path_failovers_per_year"] for row in told["interruptions"] if row["service"] != "disk"} == {None}


def test_the_bound_of_the_chain_stands_with_the_number(tmp_path: Path) -> None:
    """A chain that leaves much out, against the one written here, which leaves nothing out."""
    file = tmp_path / "pair.yaml"
    file.write_text(PAIR)
    right = pair_rates()["files"] * YEAR
    for tolerance in (1e-2, 1e-4):
        who = Organisation(return_to_service_h=RETURN_H, manual_takeover_h=MANUAL_H, tolerance=tolerance)
        rows = k2rel.interruptions(file, who, "files")
        (note,) = (note for note in rows.attrs["notes"] if note.startswith("files"))
        bound = float(note.partition("error bound ")[2].partition(")")[0])
        assert 0 < abs(float(rows["path_failovers_per_year"]["files"]) - right) <= bound < right


def test_histories_do_not_count_them(tmp_path: Path) -> None:
    solution = solution_of(hosts(tmp_path, "share: equal"), "simulation")
    (note,) = path_failover_notes(solution)
    assert "not counted in histories; method exact counts them" in note
    service = site_services(solution.study.site)[0]
    assert all(math.isnan(value) for value in path_failover_figures(solution, service, 0.0).values())


def failovers_by_states(document: dict[str, Any]) -> dict[str, tuple[list[float], float]]:
    """Over all states and changes of one part: rate of each client, and of events in which at least one fails over."""
    document = resolved(document)
    shared, own = laws(document)
    groups = groups_of(document)
    entries = {**document["components"], **document.get("links", {})}
    parts = [(name, q, entries[name]) for name, q in shared.items()]
    for client, (name, q) in itertools.product(range(1, len(groups) + 1), own.items()):
        parts.append((client_part(client, name), q, document["clients"]["parts"][name]))
    index = np.arange(1 << len(parts))
    down = {name: (index >> bit) & 1 == 1 for bit, (name, _, _) in enumerate(parts)}
    weight = np.ones(len(index))
    for name, q, _ in parts:
        weight *= np.where(down[name], q, 1 - q)
    f = Followed(document, down, len(index))
    flips = []
    for bit, (name, q, entry) in enumerate(parts):
        mttr = hours(entry["mttr"])
        flips.append((index ^ (1 << bit), weight * np.where(down[name], 1 / mttr, q / ((1 - q) * mttr))))
    result = {}
    for name, traffic in document["traffic"].items():
        if traffic.get("scope", "client") != "client":
            continue
        asked = [*traffic.get("requires", []), *(role for path in traffic["paths"] for role in path.get("when", {}))]
        if traffic.get("prefer", "").startswith("role "):
            asked.append(traffic["prefer"][5:])
        places = [here for role in asked for _, here in f.place[role]]
        every, some = [0.0] * len(groups), 0.0
        for then, rate in flips:
            stays = np.logical_and.reduce([f.yes, *(here == here[then] for here in places)])
            hit = f.no
            for n in range(len(groups)):
                flow = f.flow(name, n + 1)
                used = {path: share > 0 for path, share in flow.shares.items()}
                usable = {path: f.path_usable(traffic, traffic["paths"][path], n + 1) for path in used}
                gone = [there & ~usable[path][then] for path, there in used.items()]
                goes_on = [there & there[then] for there in used.values()]
                lost = np.logical_or.reduce([f.no, *gone]) & flow.up[then] & stays
                if traffic.get("share") == "all":
                    lost &= ~np.logical_or.reduce([f.no, *goes_on])
                every[n] += float(rate[lost].sum())
                hit = hit | lost
            some += float(rate[hit].sum())
        result[name] = every, some
    return result


@pytest.mark.parametrize("seed", [n if n < 8 else pytest.param(n, marks=pytest.mark.slow) for n in range(300)])
def test_random_sites_against_all_their_states(tmp_path: Path, seed: int) -> None:
    """A path in use that can no longer be used, while the flow is up and no role that it asks for moves."""
    study = k2rel.study(random_file(tmp_path, seed))
    engine = static_engine(study)
    for name, (every, some) in failovers_by_states(random_document(seed)).items():
        found = path_failovers(engine, name)
        assert found.client_per_h[[c.group for c in study.site.clients()]] == pytest.approx(every, rel=1e-9, abs=1e-15)
        assert found.clients_per_h == pytest.approx(sum(every), rel=1e-9, abs=1e-15)
        assert found.events_per_h() == pytest.approx(some, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("seed", [n if n in (2, 6) else pytest.param(n, marks=pytest.mark.slow) for n in range(40)])
def test_the_chain_counts_what_the_exact_engine_counts(tmp_path: Path, seed: int) -> None:
    study = k2rel.study(random_file(tmp_path, seed))
    engine = solution_of(study, "markov", Organisation(roles="ideal", tolerance=1e-10)).engine
    for name in random_document(seed)["traffic"]:
        if study.site.traffic[name].scope == "client":
            by_chain, wanted = path_failovers(engine, name), path_failovers(static_engine(study), name)
            off = abs(by_chain.events_per_h() - wanted.events_per_h())
            assert off <= by_chain.bound_per_h + 1e-12 * wanted.events_per_h()
            assert by_chain.client_per_h == pytest.approx(wanted.client_per_h, rel=1e-6, abs=1e-10)
