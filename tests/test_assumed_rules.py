"""Rules of takeovers that no source states: each key against a chain that is written apart, in every engine."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import expm

import k2rel
from k2rel import InputError
from k2rel.cli import main
from k2rel.ctmc.chain import Chain
from k2rel.ctmc.steady import steady
from k2rel.markov.engine import solved
from k2rel.measures.path_failover import client_path_changes
from k2rel.organisation import Organisation
from k2rel.simulation import Plan, simulate

RULES = {
    "unable_backup": ("takes over", "waits"),
    "recovered_backup": ("waits", "takes over"),
    "restart": ("out of service", "in service"),
    "operator_places": ("preferred", "former", "other"),
    "operator_moves": ("failed takeovers", "any loss"),
}
USUAL = {rule: values[0] for rule, values in RULES.items()}
ALONE = [{rule: value} for rule, values in RULES.items() for value in values[1:]]
TOGETHER = [
    {"restart": "in service", "unable_backup": "waits", "operator_places": "other"},
    {"recovered_backup": "takes over", "operator_moves": "any loss", "operator_places": "former"},
    {rule: values[-1] for rule, values in RULES.items()},
]
CASES = [{}, *ALONE, *TOGETHER]


def named(rules):
    return ",".join(f"{rule}={value}" for rule, value in rules.items()) or "as by default"


PAIR = """
format: 2
name: pair
title: two servers and the storage of both
sides: {{A: {{}}, B: {{}}}}
types:
  client: {{failure_rate: 0, mttr: 1 h, source: test}}
assumptions:
  restart: {{value: out of service, evidence: UNKNOWN, reason: test}}
components:
  hub: {{type: client}}
  a: {{type: server, side: A, in: hub, mttf: 300 h, mttr: 7 h, source: test}}
  b: {{type: server, side: B, in: hub, mttf: 500 h, mttr: 5 h, source: test}}
  store: {{type: disk, in: hub, mttf: 400 h, mttr: 3 h, source: test}}
  wire: {{type: cable, in: hub, mttf: 200 h, mttr: 4 h, test_interval: 40 h, tested: independently, source: test}}
units:
  one: {{server: a, heartbeat: wire, triggers: [a]}}
  two: {{server: b, heartbeat: wire, triggers: [b]}}
roles:
  master:
    coverage: 0.8
    switchover: 0.5 h
{rules}
    holders:
      - {{side: A, on: a, units: [one], needs: [a, store]}}
      - {{side: B, on: b, units: [two], needs: [b, store]}}
clients: {{count: 1, parts: {{client: {{type: client}}, port: {{type: client, between: [client, hub]}}}}}}
traffic:
  media:
    requires: [master]
    prefer: role master
    paths: [{{side: A, via: [client, port, hub, a]}}, {{side: B, via: [client, port, hub, b]}}]
  control:
    paths: [{{side: A, when: {{master: A}}, via: [client, port, hub, a]}},
            {{side: B, when: {{master: B}}, via: [client, port, hub, b]}}]
"""


def pair(tmp_path, rules):
    path = tmp_path / "pair.yaml"
    path.write_text(PAIR.format(rules="\n".join(f"    {rule}: {value}" for rule, value in rules.items())))
    return path


def written_apart(rules, return_h, manual_h):
    """The chain of the pair by hand; a state is (a and b up, wire, store up, role, a and b in service).

    The role is at A or B, or moving or stranded with the name of the server that had it.
    """
    rule = USUAL | rules
    waits = rule["unable_backup"] == "waits"

    def settle(up, wire, store, role, served):
        served = list(served)
        for i in (0, 1):
            goes_on = rule["restart"] == "in service" and role == "AB"[i]
            if not up[i] and not goes_on:
                served[i] = False
        if role in "AB":
            i = "AB".index(role)
            other = 1 - i
            gone = not up[i] or (rule["recovered_backup"] == "takes over" and not served[i])
            if gone and wire == "ok" and up[other] and served[other] and (store or not waits):
                served[i] = False
                for state, p in (("moving " + role, 0.8), ("stranded " + role, 0.2)):
                    yield (*up, wire, store, state, *served), p
                return
        yield (*up, wire, store, role, *served), 1.0

    def moves(state):
        up, wire, store, role, served = list(state[:2]), state[2], state[3], state[4], list(state[5:])
        fit = [up[i] and (store or not waits) for i in (0, 1)]
        ready = [fit[i] and served[i] for i in (0, 1)]
        able = [up[i] and store for i in (0, 1)]
        for i, (fail, repair) in enumerate(((1 / 300, 1 / 7), (1 / 500, 1 / 5))):
            changed = up.copy()
            changed[i] = not up[i]
            yield (changed, wire, store, role, served), fail if up[i] else repair
            if up[i] and not served[i]:
                back = served.copy()
                back[i] = True
                yield (up, wire, store, role, back), 1 / return_h
        after, rate = {"ok": ("hidden", 1 / 200), "hidden": ("known", 1 / HIDDEN_H), "known": ("ok", 1 / 4)}[wire]
        yield (up, after, store, role, served), rate
        yield (up, wire, not store, role, served), 1 / 400 if store else 1 / 3
        if role.startswith("moving"):
            target = next(("AB"[i] for i in (0, 1) if ready[i]), role.replace("moving", "stranded"))
            yield (up, wire, store, target, served), 1 / 0.5
        if role.startswith("stranded"):
            former = "AB".index(role[-1])
            order = {"preferred": (0, 1), "former": (former, 1 - former), "other": (1 - former, former)}
            for rank in (ready, fit, able):
                chosen = next((i for i in order[rule["operator_places"]] if rank[i]), None)
                if chosen is not None:
                    back = served.copy()
                    back[chosen] = True
                    yield (up, wire, store, "AB"[chosen], back), 1 / manual_h
                    break
        if role in "AB" and rule["operator_moves"] == "any loss":
            i = "AB".index(role)
            if not able[i] and able[1 - i] and ready[1 - i]:
                stopped = served.copy()
                stopped[i] = False
                yield (up, wire, store, "AB"[1 - i], stopped), 1 / manual_h

    start = (True, True, "ok", True, "A", True, True)
    index, found, edges = {start: 0}, [start], []
    for state in found:
        for raw, rate in moves(state):
            for after, share in settle(*raw):
                if after not in index:
                    index[after] = len(found)
                    found.append(after)
                if after != state:
                    edges.append((index[state], index[after], rate * share))
    before, after, rate_per_h = zip(*edges, strict=True)
    chain = Chain.of(len(found), before, after, rate_per_h)

    def serves(state, storage):
        i = "AB".find(state[4])
        return i >= 0 and state[i] and state[5 + i] and (state[3] or not storage)

    p = steady(chain).probability
    down = {
        name: np.array([not serves(state, storage) for state in found])
        for name, storage in (("media", True), ("control", False))
    }
    at_b = sum(p[i] for i, state in enumerate(found) if state[4] == "B" and serves(state, True))
    figures = {}
    for name, lost in down.items():
        entered = chain.rates.T @ np.where(lost, 0.0, p)
        figures[name] = float(p[lost].sum()), float(entered[lost].sum())
    return figures, float(at_b / p[~down["media"]].sum())


@pytest.mark.parametrize("rules", CASES, ids=named)
def test_the_chain_follows_the_rules_of_the_file(tmp_path, rules) -> None:
    study = k2rel.study(pair(tmp_path, rules))
    organisation = Organisation(return_to_service_h=6.0, manual_takeover_h=2.0, tolerance=1e-10)
    figures, at_b = written_apart(rules, 6.0, 2.0)
    result = k2rel.availability(study, organisation=organisation, method="markov")
    for name, (unavailability, frequency) in figures.items():
        assert result[name].unavailability == pytest.approx(unavailability, rel=1e-9), name
        assert result[name].frequency_per_h == pytest.approx(frequency, rel=1e-9), name
    assert k2rel.performability(study, organisation, method="markov")["share_last_side"] == pytest.approx(
        at_b, rel=1e-9
    )


def test_every_rule_changes_something() -> None:
    figures = [written_apart(rules, 6.0, 2.0) for rules in [{}, *ALONE]]
    assert len({f"{one!r}" for one in figures}) == len(figures)


@pytest.mark.parametrize("rules", [TOGETHER[0], TOGETHER[1]], ids=named)
def test_the_simulation_follows_them_too(tmp_path, rules) -> None:
    study = k2rel.study(pair(tmp_path, rules))
    organisation = Organisation(return_to_service_h=6.0, manual_takeover_h=2.0)
    figures, at_b = written_apart(rules, 6.0, 2.0)
    drawn = simulate(study, organisation, plan=Plan(histories=500, seed=5))
    for name, (unavailability, _) in figures.items():
        one = drawn[name].unavailability
        # histories begin with everything new: their mean over a year is a little off the steady state
        assert abs(one.value - unavailability) < 4 * one.standard_error + 1e-3 * unavailability
    served = drawn.load()
    share = served["clients_on_second_side"].value / (1 - served["clients_cut_off"].value)
    assert share == pytest.approx(at_b, abs=0.02)


def wire_tested_every_40_h():
    """Mean time that a failure of the wire stays hidden, and its mean unavailability: a chain over one interval."""
    rates = np.array([[-1 / 200, 1 / 200, 0], [0, 0, 0], [1 / 4, 0, -1 / 4]])  # works, hidden, known
    found = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 1]])
    over = expm(np.block([[rates, np.eye(3)], [np.zeros((3, 6))]]) * 40)  # also the integral, in the right upper block
    step = over[:3, :3] @ found
    start = np.linalg.solve(np.vstack([(step.T - np.eye(3))[:2], np.ones(3)]), [0, 0, 1])
    works, hidden, known = start @ over[:3, 3:] / 40
    return hidden / (works / 200), hidden + known


HIDDEN_H, WIRE_DOWN = wire_tested_every_40_h()


def by_static_rules(failed, waits):
    """Who has the role and what is there when parts of the pair have failed together, roles at the preferred side."""
    up = {name: name not in failed for name in ("a", "b", "wire", "store")}
    moves = not up["a"] and up["wire"] and up["b"] and (up["store"] or not waits)
    there = up["b"] if moves else up["a"]
    return "B" if moves else "A", there and up["store"], there


@pytest.mark.parametrize("rule", RULES["unable_backup"])
def test_the_static_role_moves_to_an_unable_backup_unless_it_waits(tmp_path, rule) -> None:
    study = k2rel.study(pair(tmp_path, {"unable_backup": rule}))
    total = 0.0
    q = {"a": 7 / 307, "b": 5 / 505, "wire": WIRE_DOWN, "store": 3 / 403}
    for failed in itertools.chain.from_iterable(itertools.combinations(q, k) for k in range(5)):
        at, media, control = by_static_rules(failed, rule == "waits")
        outcome = k2rel.failover(study, failed)
        assert outcome.roles == {"master": at}
        assert (outcome.services["media"], outcome.services["control"]) == (media, control)
        p = np.prod([q[name] if name in failed else 1 - q[name] for name in q])
        total += p * (not control)
    assert k2rel.availability(study, method="exact")["control"].unavailability == pytest.approx(total, rel=1e-12)


# Level 3R: whose loss was noticed ----------------------------------------------------------------------------------


def test_a_server_whose_own_loss_nobody_noticed_stays_up() -> None:
    study = k2rel.study("L3R")
    outcome = k2rel.failover(study, ["raid_controller_A", "heartbeat_1"])
    assert outcome.roles == {"file_system": "A", "media_side": "B"}
    assert outcome.out_of_service == ("server_2A",)
    assert outcome.services["control"]
    assert not outcome.services["file_system"]


def test_the_other_reading_shuts_it_down() -> None:
    study = k2rel.study("L3R", settings={"assumption.shuts_down": "lost"}, data="0.1")
    outcome = k2rel.failover(study, ["raid_controller_A", "heartbeat_1"])
    assert set(outcome.out_of_service) == {"server_1A", "server_2A"}
    assert not outcome.services["control"]
    usual = k2rel.availability(k2rel.study("L3R", data="0.1"), method="exact")["control"].unavailability
    assert k2rel.availability(study, method="exact")["control"].unavailability == pytest.approx(
        1.0474 * usual, rel=1e-4
    )


@pytest.mark.parametrize("part", ["server_1A", "media_link_1A1", "switch_A", "fc_link_1A"])
def test_both_readings_are_one_where_the_loss_is_noticed(part) -> None:
    one, other = (
        k2rel.failover(k2rel.study("L3R", settings={"assumption.shuts_down": value}), [part])
        for value in ("noticed", "lost")
    )
    assert (one.roles, one.out_of_service, one.services) == (other.roles, other.out_of_service, other.services)


# what a backup that is only able does ------------------------------------------------------------------------------


ABLE = PAIR.replace("triggers: [b]", "triggers: [b, card]").replace(
    "  wire:", "  card: {{type: card, in: hub, mttf: 1000 h, mttr: 10000 h, source: test}}\n  wire:"
)


def test_a_takeover_by_a_backup_that_is_only_able_arrives(tmp_path) -> None:
    """The card of B is broken most of the time; with ideal takeovers the wait for one is all that is left."""
    path = tmp_path / "able.yaml"
    text = ABLE.format(rules="    backup: able").replace("coverage: 0.8", "coverage: 1").replace("200 h", "2e9 h")
    path.write_text(text)
    dynamics = solved(k2rel.study(path), Organisation(tolerance=1e-10))
    states = dynamics.states
    assert states.takeover is not None
    p = states.solution.probability
    takeover_failed = p[states.takeover.takeover_failed[states.control]].sum()
    moving = p[states.takeover.moving[states.control]].sum()
    assert takeover_failed < 0.2 * moving


# what counts in full service ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("clients", "whole"), [(8, True), (9, False)])
def test_ftp_takes_nothing_from_media(clients, whole) -> None:
    """Eight clients of 25 MB/s fill a link of 200 MB/s, with FTP on top; the ninth does not fit."""
    study = k2rel.study("L2R", clients=clients, settings={"toe.capacity": "1 GB/s", "media_link.capacity": "1 GB/s"})
    outcome = k2rel.failover(study)
    link = next(load for load in outcome.loads if load.element == "fc_link_A")
    assert (link.load_mb_s, link.counted_mb_s) == (25 * clients + 25, 25 * clients)
    assert link.overloaded
    assert outcome.services["full_service"] is whole
    result, load = k2rel.availability(study, method="exact"), k2rel.load(study, method="exact")
    if whole:
        assert result["full_service"].unavailability == pytest.approx(result["media"].unavailability, rel=1e-12)
        assert load.p_any_overload == 0.0
    else:
        assert result["full_service"].unavailability > 0.999
        assert load.p_any_overload > 0.999
    assert next(item for item in load.elements if item.element == "fc_link_A").p_overload > 0.999


def test_all_engines_leave_ftp_out() -> None:
    study = k2rel.study("L2R", clients=8)
    exact = k2rel.load(study, method="exact")
    assert exact.p_any_overload == 0.0
    organisation = Organisation(roles="ideal", tolerance=1e-9)
    assert k2rel.availability(study, organisation=organisation, method="markov")["full_service"].unavailability < 1e-5
    drawn = simulate(study, organisation, plan=Plan(histories=2_000, seed=3))
    assert drawn.load()["p_any_overload"].value == 0.0
    assert drawn.load()["delivered_mb_s"].value == pytest.approx(200.0, rel=1e-3)
    elements = drawn.elements()
    assert elements.loc["fc_link_A", "p_overload"] == pytest.approx(1.0, abs=0.01)


COUNTED = """
format: 1
name: counted
title: two client classes and a site flow over one link
sides: {A: {}}
components:
  hub: {type: hub, capacity: 100 MB/s, unavailability: 0.01, mttr: 20 h, source: test}
  end: {type: hub, unavailability: 0, mttr: 1 h, source: test, in: hub}
FULL
clients:
  count: 3
  parts: {client: {type: c, unavailability: 0, mttr: 1 h, source: test}, port: {type: port, between: [client, hub], unavailability: 0.1, mttr: 200 h, source: test}}
traffic:
  video: {demand: 30 MB/s, paths: [{side: A, via: [client, port, hub, end]}]}
  proxy: {demand: 5 MB/s, paths: [{side: A, via: [client, port, hub, end]}]}
  backup: {scope: site, demand: 12 MB/s, paths: [{side: A, via: [hub, end]}]}
  quiet: {paths: [{side: A, via: [client, port, hub, end]}]}
"""


def counted(tmp_path, full):
    path = tmp_path / "counted.yaml"
    path.write_text(COUNTED.replace("FULL", f"full_service: {full}" if full else ""))
    return path


@pytest.mark.parametrize(
    ("full", "ported"),  # from how many working ports on 100 MB/s are not enough
    [("", 3), ("[video]", 4), ("[video, proxy]", 3), ("[video, backup]", 3), ("[video, proxy, backup]", 3)],
)
def test_what_is_named_counts(tmp_path, full, ported) -> None:
    study = k2rel.study(counted(tmp_path, full))
    classes = {"video": 30.0, "proxy": 5.0}
    names = [name for name in ("video", "proxy", "backup") if not full or name in full]
    each, fixed = sum(classes.get(name, 0.0) for name in names), 12.0 * ("backup" in names)
    over = [k for k in range(1, 4) if k * each + fixed > 100]
    assert min(over, default=4) == ported
    binomial = [0.1**3, 3 * 0.9 * 0.1**2, 3 * 0.9**2 * 0.1, 0.9**3]
    load = k2rel.load(study, method="exact")
    assert load.p_any_overload == pytest.approx(0.99 * sum(binomial[k] for k in over), rel=1e-12)
    # all flows of the foreground share the element evenly, the backup too where it counts
    asked = [k * each + fixed for k in range(4)]
    shares = [p * min(1.0, 100 / max(asks, 1e-9)) for p, asks in zip(binomial, asked, strict=True)]
    arrives = 0.99 * sum(share * asks for share, asks in zip(shares, asked, strict=True))
    assert load.delivered_fraction == pytest.approx(arrives / asked[3], rel=1e-12)
    expected = 1.0 if 3 in over else 1 - 0.99 * 0.9**3
    assert k2rel.availability(study, method="exact")["full_service"].unavailability == pytest.approx(
        expected, rel=1e-12
    )
    drawn = simulate(study, Organisation(roles="ideal"), plan=Plan(histories=200, seed=2))
    one = drawn.load()["p_any_overload"]
    assert abs(one.value - load.p_any_overload) <= 5 * one.standard_error
    one = drawn.load()["delivered_mb_s"]
    assert abs(one.value - arrives) <= 5 * one.standard_error


@pytest.mark.parametrize(
    ("full", "message"),
    [
        ("[vidoe]", "full_service.0: there is no traffic class 'vidoe'; did you mean 'video'?"),
        ("[proxy]", "must name 'video', the traffic that the site is for"),
        ("[video, quiet]", "'quiet' has no demand"),
        ("[video, video]", "names 'video' twice"),
        ("[]", "needs at least 1 entries"),
        ("video", "must be a list"),
    ],
)
def test_what_cannot_count_is_refused(tmp_path, full, message) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        k2rel.study(counted(tmp_path, full))


@pytest.mark.parametrize("value", ["maybe", "true", ""])
def test_a_value_that_a_rule_does_not_have_is_refused(tmp_path, value, capsys) -> None:
    path = pair(tmp_path, {"restart": "=restart"})
    assert main(["availability", str(path), "--set", f"assumption.restart={value}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    if value:
        assert "roles.master.restart" in error
        assert "'out of service' or 'in service'" in error


# the register, and what is written about it ------------------------------------------------------------------------


def test_the_register_names_every_rule() -> None:
    for level, rules in (("L2R", RULES), ("L3R", {**RULES, "shuts_down": ()}), ("nearline", RULES)):
        names = k2rel.assumptions(k2rel.study(level))["assumption"].tolist()
        assert {*rules, "path_failover_time"} <= set(names)
        assert len(names) == len(set(names))
    for level in ("L1", "L2", "L3"):
        names = k2rel.assumptions(k2rel.study(level))["assumption"].tolist()
        assert not {*RULES, "path_failover_time"} & set(names), "no role moves there, and no client has a second path"


def test_a_site_that_names_none_of_them_has_them_in_its_register(tmp_path) -> None:
    study = k2rel.study(pair(tmp_path, {"operator_moves": "any loss"}))
    register = k2rel.assumptions(study).set_index("assumption")["value"]
    assert register["rule: operator_moves"] == "any loss"
    assert register["rule: unable_backup"] == "takes over"
    assert register["restart"] == "out of service"  # the site names it
    assert "rule: shuts_down" not in register, "each holder has one unit: both values are the same"
    assert "rule: loss of a heartbeat alone" in register


def test_changes_of_a_clients_own_path_are_counted() -> None:
    """Level 2R: two media ports; nothing else moves a client alone, since every other loss moves the role."""
    study = k2rel.study("L2R")
    link = study.client_laws["media_A"].failure_rate_per_h * 8760
    # once in a while server, switch and storage of the other side are away, or the port of that side is in use
    assert client_path_changes(study)["media"].clients_per_h / 4 * 8760 == pytest.approx(link, rel=0.01)
    assert client_path_changes(k2rel.study("L2")) == {}
    dual = k2rel.study("data/examples/reference_san_dual.yaml")
    (name,) = client_path_changes(dual)
    normal = k2rel.failover(dual).clients[0].sides[name]
    own = {dual.site.client_part_id(1, part) for part in dual.site.client_parts}
    rate = sum(
        dual.law(part).failure_rate_per_h
        for part in (*dual.site.components, *own)
        if k2rel.failover(dual, [part]).clients[0].sides[name] not in (normal, None)
    )
    # to first order, all else at work; on Nearline both holders are on one side, and the first client's server has the role
    nearline = k2rel.study("nearline")
    takeover, other = client_path_changes(nearline)["ftp_retry"].client_per_h
    ways = ("server_2", "software_2", "fc_hba_2", "ftp_link_2", "fc_link_2")
    assert other == pytest.approx(sum(nearline.law(part).failure_rate_per_h for part in ways), rel=3e-3)
    assert takeover < 1e-3 * other
    assert 0 < client_path_changes(dual)[name].client_per_h[0] == pytest.approx(rate, rel=3e-3)


PAGE = Path(__file__).parents[1] / "docs" / "reference" / "takeover-rules.md"
ROW = re.compile(r"^\| (\w+) \| `(\w+)` \| ([\w ]+?) \| (\w+) \| (\S+) → (\S+) \| (\S+) → (\S+) \|$", re.MULTILINE)


def check_page(levels) -> None:
    rows = [row for row in ROW.findall(PAGE.read_text(encoding="utf-8")) if row[0] in levels]
    assert {row[0] for row in rows} == set(levels)
    for level in levels:
        listed = [row for row in rows if row[0] == level]
        services = list(dict.fromkeys(row[3] for row in listed))
        table = k2rel.rule_effects(k2rel.study(level), services)
        used = table[table["in_use"]].drop_duplicates("service").set_index("service")
        others = table[~table["in_use"]].set_index(["rule", "value", "service"])
        assert len(others) >= len(listed)
        for _, rule, value, service, *numbers in listed:
            new = others.loc[(rule, value, service)]
            columns = ("ideal_min_per_year", "modelled_min_per_year")
            obtained = [number for column in columns for number in (used.loc[service, column], new[column])]
            assert [float(number) for number in numbers] == pytest.approx(obtained, rel=1e-4), (level, rule, value)


def test_the_page_says_what_each_rule_changes() -> None:
    check_page(["nearline"])


@pytest.mark.slow
def test_the_page_says_what_each_rule_changes_on_the_large_levels() -> None:
    check_page(["L2R", "L3R"])
