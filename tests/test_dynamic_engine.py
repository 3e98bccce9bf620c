"""Roles that stick, takeovers that can fail, crews: against closed forms, published values and rules written twice."""

import json

import numpy as np
import pytest
import scipy.linalg

import k2rel
from k2rel.cli import main
from k2rel.ctmc.files import read_chain, read_labels
from k2rel.ctmc.steady import steady
from k2rel.errors import InputError
from k2rel.markov import engine
from k2rel.markov.engine import solved
from k2rel.measures.solution import solution_of
from k2rel.organisation import Organisation
from k2rel.services.diagrams import services_of

LEVELS = ["L1", "L2", "L2R", "L3", "L3R", "nearline"]


def site_file(tmp_path, text):
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return path


HEAD = """
format: 2
name: tiny
title: tiny
sides: {A: {}, B: {}}
types:
  client: {failure_rate: 0, mttr: 1 h, source: test}
"""

CLIENTS = """
clients: {count: 1, parts: {client: {type: client}, port: {type: client, between: [client, hub]}}}
"""


def units(n, k):
    names = ", ".join(f"u{i}" for i in range(n))
    law = "mttf: 5000 h, mttr: 8 h, source: test"
    lines = "\n".join(f"  u{i}: {{type: unit, between: [hub, pool], {law}}}" for i in range(n))
    return (
        HEAD
        + f"components: {{hub: {{type: client}}, pool: {{type: client}}}}\nlinks:\n{lines}\n"
        + CLIENTS
        + f"traffic:\n  media:\n    paths: [{{side: A, via: [client, port, hub, {{at_least: {k}, of: [{names}]}}, pool]}}]\n"
    )


# the same as the static engine where nothing sticks ---------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.usual("L1", "L2R", "L3", "nearline")
def test_with_roles_at_the_preferred_side_both_engines_agree(level) -> None:
    study = k2rel.study(level, clients=5)
    moving = k2rel.availability(study, organisation=Organisation(roles="ideal", tolerance=1e-12), method="markov")
    for item in k2rel.availability(study, method="exact").services:
        other = moving[item.service]
        assert other.unavailability == pytest.approx(item.unavailability, abs=1e-12)
        assert other.frequency_per_h == pytest.approx(item.frequency_per_h, abs=1e-12)


@pytest.mark.parametrize("name", ["reference_san", "reference_san_dual"])
def test_both_engines_agree_on_the_reference_networks(name) -> None:
    study = k2rel.study(f"data/examples/{name}.yaml")
    moving = k2rel.availability(study, organisation=Organisation(roles="ideal", tolerance=1e-12), method="markov")
    for item in k2rel.availability(study, method="exact").services:
        assert moving[item.service].unavailability == pytest.approx(item.unavailability, abs=1e-12)


def test_common_cause_events_are_in_the_chain() -> None:
    study = k2rel.study("L2R", common_cause="twins")
    moving = k2rel.availability(study, organisation=Organisation(roles="ideal", tolerance=1e-12), method="markov")
    for item in k2rel.availability(study, method="exact").services:
        assert moving[item.service].unavailability == pytest.approx(item.unavailability, abs=1e-12)


def test_loads_agree_where_nothing_sticks() -> None:
    study = k2rel.study("L3R", clients=10)
    static, moving = (
        k2rel.load(study, method="exact"),
        k2rel.load(study, Organisation(roles="ideal", tolerance=1e-12), method="markov"),
    )
    for one, other in zip(static.elements, moving.elements, strict=True):
        assert other.mean_mb_s == pytest.approx(one.mean_mb_s, abs=1e-9)
        assert other.p_overload == pytest.approx(one.p_overload, abs=1e-11)
    assert moving.p_any_overload == pytest.approx(static.p_any_overload, abs=1e-11)


@pytest.mark.parametrize("variation", [0.25, 0.6, 3.0])
def test_without_waiting_the_shape_of_repair_times_does_not_matter(variation) -> None:
    study = k2rel.study("L2")
    plain = k2rel.availability(study, method="exact")["media"].unavailability
    shaped = k2rel.availability(
        study,
        organisation=Organisation(roles="ideal", repair_variation=variation, tolerance=1e-12),
        method="markov",
    )
    assert shaped["media"].unavailability == pytest.approx(plain, abs=1e-12)


# crews --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "n", "crews", "unavailability", "frequency"),
    [
        (3, 4, 1, 3.0621539723433532e-05, 3.8154634472252203e-06),
        (3, 4, 4, 1.5278374033539186e-05, 3.815521990305754e-06),
        (6, 8, 1, 1.3696076269385931e-06, 1.6983354763652404e-07),
        (6, 8, 2, 3.4105460702610882e-07, 8.4922870648182133e-08),
    ],
)
def test_alike_units_that_wait_for_crews_have_the_published_figures(
    tmp_path, k, n, crews, unavailability, frequency
) -> None:
    study = k2rel.study(site_file(tmp_path, units(n, k)))
    media = k2rel.availability(study, organisation=Organisation(crews=crews, tolerance=1e-15), method="markov")["media"]
    assert media.unavailability == pytest.approx(unavailability, rel=1e-9)
    assert media.frequency_per_h == pytest.approx(frequency, rel=1e-9)
    states = solved(study, Organisation(crews=crews, tolerance=1e-15)).states
    assert len(states.parts.populations) == 1  # counted, not named
    assert states.chain.states <= n + 1


def test_a_technician_who_has_to_travel_adds_the_way_to_each_outage(tmp_path) -> None:
    study = k2rel.study(site_file(tmp_path, units(1, 1)))
    media = k2rel.availability(
        study, organisation=Organisation(crews=1, travel_h=4.0, tolerance=1e-12), method="markov"
    )["media"]
    assert media.unavailability == pytest.approx(12 / 5012, rel=1e-12)


TWO_KINDS = (
    HEAD
    + """
components:
  hub: {type: client}
  fast: {type: disk, in: hub, mttf: 100 h, mttr: 1 h, source: test}
  slow: {type: pump, in: hub, mttf: 50 h, mttr: 10 h, source: test}
"""
    + CLIENTS
    + """
traffic:
  disk: {paths: [{side: A, via: [client, port, hub, fast]}]}
  pump: {paths: [{side: A, via: [client, port, hub, slow]}]}
"""
)


def test_what_is_repaired_first_does_not_wait(tmp_path) -> None:
    study = k2rel.study(site_file(tmp_path, TWO_KINDS))
    alone = 1 / 101
    first = k2rel.availability(
        study, organisation=Organisation(crews=1, priority=("disk",), tolerance=1e-9), method="markov"
    )
    shared = k2rel.availability(study, organisation=Organisation(crews=1, tolerance=1e-9), method="markov")
    assert first["disk"].unavailability == pytest.approx(alone, rel=1e-9)
    assert shared["disk"].unavailability > 1.05 * alone
    # evenly shared crews have a product form: P(set down) is proportional to (number down)! times their loads
    loads = (0.01, 0.2)
    total = 1 + loads[0] + loads[1] + 2 * loads[0] * loads[1]
    assert shared["disk"].unavailability == pytest.approx((loads[0] + 2 * loads[0] * loads[1]) / total, rel=1e-9)


# roles that stick, against the rules written a second time ------------------------------------------------------------

PAIR = (
    HEAD
    + """
components:
  hub: {type: client}
  a: {type: server, side: A, in: hub, mttf: 300 h, mttr: 7 h, source: test}
  b: {type: server, side: B, in: hub, mttf: 500 h, mttr: 5 h, source: test}
  wire: {type: cable, in: hub, mttf: 200 h, mttr: 4 h, test_interval: 40 h, source: test}
units:
  one: {server: a, heartbeat: wire, triggers: [a]}
  two: {server: b, heartbeat: wire, triggers: [b]}
roles:
  master:
    coverage: 0.8
    switchover: 0.5 h
    holders: [{side: A, on: a, units: [one], needs: [a]}, {side: B, on: b, units: [two], needs: [b]}]
"""
    + CLIENTS
    + """
traffic:
  media:
    requires: [master]
    prefer: role master
    paths: [{side: A, via: [client, port, hub, a]}, {side: B, via: [client, port, hub, b]}]
"""
)


def written_twice(return_h, manual_h):
    """The chain of the pair by hand: (a up, b up, wire, role, a in service, b in service), role in A B moving stranded."""

    def settle(state):
        """What happens at once: states with their probability."""
        up, wire, role, served = list(state[:2]), state[2], state[3], list(state[4:])
        for i in (0, 1):
            if not up[i]:
                served[i] = False
        if role in "AB":
            i = "AB".index(role)
            other = 1 - i
            if not up[i] and wire == "ok" and up[other] and served[other]:
                served[i] = False
                return [((*up, wire, "m", *served), 0.8), ((*up, wire, "s", *served), 0.2)]
        return [((*up, wire, role, *served), 1.0)]

    def moves(state):
        up, wire, role, served = list(state[:2]), state[2], state[3], list(state[4:])
        fail, repair = (1 / 300, 1 / 500), (1 / 7, 1 / 5)
        for i in (0, 1):
            changed = up.copy()
            changed[i] = not up[i]
            yield (*changed, wire, role, *served), fail[i] if up[i] else repair[i]
            if up[i] and not served[i]:
                back = served.copy()
                back[i] = True
                yield (*up, wire, role, *back), 1 / return_h
        if wire != "hidden":  # what is hidden is found by a test every 40 h, not at a rate
            after = {"ok": ("hidden", 1 / 200), "known": ("ok", 1 / 4)}[wire]
            yield (*up, after[0], role, *served), after[1]
        if role == "m":
            target = next((name for i, name in enumerate("AB") if up[i] and served[i]), "s")
            yield (*up, wire, target, *served), 1 / 0.5
        if role == "s":
            for ready in ([i for i in (0, 1) if up[i] and served[i]], [i for i in (0, 1) if up[i]]):
                if ready:
                    back = served.copy()
                    back[ready[0]] = True
                    yield (*up, wire, "AB"[ready[0]], *back), 1 / manual_h
                    break

    start = (True, True, "ok", "A", True, True)
    index, found, edges, tests = {start: 0}, [start], [], []
    for state in found:
        tested = (*state[:2], "known" if state[2] == "hidden" else state[2], *state[3:])
        if tested not in index:
            index[tested] = len(found)
            found.append(tested)
        tests.append(index[tested])
        for raw, rate in moves(state):
            for after, share in settle(raw):
                if after not in index:
                    index[after] = len(found)
                    found.append(after)
                if after != state:
                    edges.append((index[state], index[after], rate * share))
    there = np.array([s[3] in "AB" and s["AB".index(s[3])] and s[4 + "AB".index(s[3])] for s in found])
    size = len(found)
    rates = np.zeros((size, size))
    for before, after, rate in edges:
        rates[before, after] += rate
    # periodic steady state by the matrix exponential: x = x exp(40 Q) J, and the mean over the 40 h
    q = rates - np.diag(rates.sum(axis=1))
    both = scipy.linalg.expm(40.0 * np.block([[q, np.eye(size)], [np.zeros((size, 2 * size))]]))
    cycle = both[:size, :size] @ np.eye(size)[tests]
    x = np.linalg.lstsq(np.vstack([cycle.T - np.eye(size), np.ones(size)]), np.append(np.zeros(size), 1.0), rcond=None)[
        0
    ]
    return rates, x @ both[:size, size:] / 40.0, there.astype(bool), found


@pytest.mark.parametrize(("return_h", "manual_h"), [(1.0, 2.0), (30.0, 0.5)])
def test_takeover_failed_takeover_and_return_follow_the_rules(tmp_path, return_h, manual_h) -> None:
    study = k2rel.study(site_file(tmp_path, PAIR))
    organisation = Organisation(return_to_service_h=return_h, manual_takeover_h=manual_h, tolerance=1e-10)
    dynamics = solved(study, organisation)
    rates, p, there, found = written_twice(return_h, manual_h)
    assert dynamics.states.chain.states == len(found)
    result = k2rel.availability(study, organisation=organisation, method="markov")
    lost = p[~there].sum()
    assert result["media"].unavailability == pytest.approx(lost, rel=1e-10)
    assert result["master"].unavailability == pytest.approx(lost, rel=1e-10)
    enters = rates.T @ np.where(there, p, 0.0)
    assert result["media"].frequency_per_h == pytest.approx(enters[~there].sum(), rel=1e-10)
    at_b = sum(p[i] for i, state in enumerate(found) if there[i] and state[3] == "B")
    share = k2rel.performability(study, organisation, method="markov")["share_last_side"]
    assert share == pytest.approx(at_b / p[there].sum(), rel=1e-10)


def test_the_mirror_image_has_the_same_figures() -> None:
    organisation = Organisation(tolerance=1e-10)
    one = k2rel.availability(k2rel.study("L2R"), organisation=organisation, method="markov")["media"]
    other = k2rel.availability(k2rel.study("L2R", primary="B"), organisation=organisation, method="markov")["media"]
    assert other.unavailability == pytest.approx(one.unavailability, abs=2e-10)
    assert other.frequency_per_h == pytest.approx(one.frequency_per_h, rel=1e-6)


def test_counting_alike_parts_changes_nothing(monkeypatch) -> None:
    organisation = Organisation(crews=1, tolerance=1e-9)
    counted = solved(k2rel.study("L2R"), organisation)
    monkeypatch.setattr("k2rel.markov.parts._gates_above", lambda policy, roots: {})
    named = solved(k2rel.study("L2R"), organisation)
    assert named.states.chain.states > 1.1 * counted.states.chain.states
    for one, other in zip(services_of(counted.policy), services_of(named.policy), strict=True):
        assert counted.unavailability(one) == pytest.approx(named.unavailability(other), abs=2e-9)


@pytest.mark.parametrize(
    "organisation",
    [
        {},
        {"crews": 1},
        {"crews": 1, "travel_h": 4.0},
        {"crews": 2, "priority": ("gige_switch", "media_server")},
        {"maintenance_every_h": 4380.0},
        {"repair_variation": 0.5},
    ],
    ids=lambda given: ",".join(given) or "default",
)
@pytest.mark.parametrize("level", ["L2R", "nearline"])
@pytest.mark.usual(
    "L2R-default",
    "nearline-crews,travel_h",
    "nearline-repair_variation",
    "nearline-maintenance_every_h",
    "nearline-crews,priority",
)
def test_the_bound_on_what_is_left_out_holds(level, organisation) -> None:
    study = k2rel.study(level)
    fine = solved(study, Organisation(**organisation, tolerance=1e-10))
    for tolerance in (1e-4, 1e-6, 1e-8):
        coarse = solved(study, Organisation(**organisation, tolerance=tolerance))
        assert coarse.states.error_bound <= tolerance
        assert coarse.states.chain.states < fine.states.chain.states
        for one, other in zip(services_of(coarse.policy), services_of(fine.policy), strict=True):
            assert abs(coarse.unavailability(one) - fine.unavailability(other)) <= coarse.states.error_bound + 1e-10


def test_every_takeover_interrupts_for_its_switchover() -> None:
    study = k2rel.study("L2R", settings={"assumption.coverage": "1", "assumption.software_coverage": "1"})
    table = k2rel.interruptions(study, Organisation(tolerance=1e-9), ["control"])
    # nearly all interruptions of control are takeovers: exponential with a mean of 45 s
    assert table.loc["control", "share_longer_than_10_s"] == pytest.approx(np.exp(-10 / 45), abs=2e-3)
    assert table.loc["control", "median_downtime_h"] == pytest.approx(0.75 / 60 * np.log(2), rel=1e-2)


def test_a_deeper_buffer_sees_fewer_interruptions_on_air() -> None:
    study = k2rel.study("L2R")
    organisation = Organisation(tolerance=1e-8)
    seen = [
        k2rel.interruptions(study, organisation, ["media"], buffer_h=buffer)["on_air_per_year"]["media"]
        for buffer in (0.0, 10 / 3600, 1.0)
    ]
    assert seen[0] == pytest.approx(
        k2rel.interruptions(study, organisation, ["media"]).loc["media", "failures_per_year"]
    )
    assert seen[0] > seen[1] > 10 * seen[2] > 0


def test_each_planned_maintenance_of_the_primary_is_a_takeover() -> None:
    study = k2rel.study("L2R")
    without = k2rel.performability(study, Organisation(tolerance=1e-8), method="markov")["takeovers_per_year"]
    planned = k2rel.performability(study, Organisation(maintenance_every_h=4380.0, tolerance=1e-8), method="markov")[
        "takeovers_per_year"
    ]
    # one of the two servers is primary at any time, and each is maintained twice a year
    assert planned - without == pytest.approx(2.0, rel=0.01)


def test_a_takeover_lands_in_overload_when_one_side_cannot_carry_the_load() -> None:
    organisation = Organisation(tolerance=1e-8)
    assert k2rel.performability(k2rel.study("L2R"), organisation, method="markov")["p_overload_after_takeover"] == 0.0
    crowded = k2rel.performability(k2rel.study("L2R", clients=20), organisation, method="markov")
    assert crowded["p_overload_after_takeover"] == pytest.approx(1.0, abs=1e-3)


def test_causes_of_downtime_add_up_and_the_text_says_them() -> None:
    study = k2rel.study("L2R")
    organisation = Organisation(tolerance=1e-9)
    causes = k2rel.downtime_causes(study, organisation)
    media = k2rel.availability(study, organisation=organisation, method="markov")["media"]
    assert causes["downtime_min_per_year"].sum() == pytest.approx(media.downtime_min_per_year, rel=1e-9)
    text = k2rel.why_they_differ(study, organisation)
    for number in (f"{media.downtime_min_per_year:.3g}", "45 s", f"{causes['downtime_min_per_year'].iloc[1]:.3g} min"):
        assert number in text


def test_modes_share_the_year_and_are_entered_as_often_as_left() -> None:
    words, p, flow = k2rel.mode_flows(k2rel.study("L3R"), Organisation(tolerance=1e-8), method="markov")
    assert p.sum() == pytest.approx(1.0, rel=1e-12)
    assert flow.sum(axis=0) == pytest.approx(flow.sum(axis=1), abs=1e-12)
    assert any("media_side in takeover" in text for text in words)


def test_over_time_starts_good_and_ends_in_the_steady_state(tmp_path) -> None:
    study = k2rel.study(site_file(tmp_path, PAIR))
    organisation = Organisation(tolerance=1e-9)
    # the wire is tested every 40 h, so the steady state repeats itself after that time
    table = k2rel.dynamic_over_time(study, [0.0, 5.0, 19_960.0, 20_000.0], organisation, "media")
    steady_value = k2rel.availability(study, organisation=organisation, method="markov")["media"].unavailability
    assert table["point_unavailability"].iloc[0] == 0.0
    spent = table["interval_unavailability"] * table.index
    assert (spent.iloc[3] - spent.iloc[2]) / 40.0 == pytest.approx(steady_value, rel=1e-7)
    assert 0 < table["interval_unavailability"].iloc[1] < steady_value


# the command line ---------------------------------------------------------------------------------------------------


def test_an_exported_chain_solved_again_gives_the_same_figures(tmp_path, capsys) -> None:
    assert main(["export", "L2R", "--format", "prism", "--output", str(tmp_path / "l2r"), "--tolerance", "1e-5"]) == 0
    capsys.readouterr()
    chain = read_chain(tmp_path / "l2r.tra")
    labels = read_labels(tmp_path / "l2r.lab", chain.states)
    p = steady(chain).probability
    dynamics = solved(k2rel.study("L2R"), Organisation(tolerance=1e-5))
    media = services_of(dynamics.policy)[0]
    assert p[labels["media_lost"]].sum() == pytest.approx(
        dynamics.states.solution.probability[dynamics.down(media)].sum()
    )
    language = (tmp_path / "l2r.prism").read_text()
    assert language.splitlines()[1] == "ctmc"
    assert language.count("\n  [] s=") == chain.states
    assert "file_system in takeover" in language
    assert len((tmp_path / "l2r.sta").read_text().splitlines()) == chain.states + 1
    assert main(["export", "L2R", "--format", "prism", "--output", str(tmp_path / "l2r"), "--tolerance", "1e-5"]) == 2
    assert main(["export", "L2R", "--format", "prism"]) == 2


def test_the_command_line_gives_both_methods(capsys) -> None:
    assert main(["availability", "L2R", "--method", "markov", "--tolerance", "1e-8", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["method"].startswith("markov, takeovers as modelled")
    media = next(item for item in answer["services"] if item["service"] == "media")
    assert media["downtime_min_per_year"] == pytest.approx(35.67, abs=0.01)  # data 0.2, as in the changelog
    assert main(["availability", "L2R", "--method", "markov", "--tolerance", "1e-8"]) == 0
    assert "With ideal takeovers a role is back" in capsys.readouterr().out
    assert main(["load", "L2R", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["method"].startswith("markov, takeovers as modelled")
    assert main(["load", "L2R", "--method", "markov", "--tolerance", "1e-8", "--format", "json"]) == 0
    sides = json.loads(capsys.readouterr().out)["side_distribution"]
    assert {(row["on_a"], row["on_b"]) for row in sides[:2]} == {(4, 0), (0, 4)}
    assert main(["interruptions", "L2R", "--tolerance", "1e-8", "--service", "media", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"interruptions", "downtime_causes", "performability", "modes", "error_bound"} <= set(answer)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["availability", "L2R", "--method", "exact", "--crews", "1"], "--crews is for --method auto, markov or"),
        (["load", "L2R", "--method", "exact", "--roles", "sticky"], "--roles is for --method auto, markov or"),
        (["availability", "L2R", "--method", "exat"], "did you mean 'exact'?"),
        (["served", "L2R", "--roles", "wandering"], "roles: 'modelled' or 'ideal', got 'wandering'"),
        (["uncertainty", "L2R", "--method", "simulation"], "use method exact or markov"),
        (["interruptions", "L2R", "--method", "exact"], "use method auto, markov or simulation"),
        (["availability", "L2R", "--method", "markov", "--crews", "0"], "crews: a whole number from 1 to 1,000"),
        (["availability", "L2R", "--method", "markov", "--travel", "4 h"], "travel: give the number of crews"),
        (["availability", "L2R", "--method", "markov", "--crews", "1", "--travel", "soon"], "--travel soon:"),
        (["availability", "L2R", "--method", "markov", "--priority", "swich"], "no component type 'swich'"),
        (["availability", "L2R", "--method", "markov", "--tolerance", "0"], "tolerance: from 1e-15 to 0.1"),
        (
            ["availability", "L2R", "--method", "markov", "--return-to-service", "0 h"],
            "return to service: a time above 0",
        ),
        (["interruptions", "L2R", "--service", "medai"], "no service 'medai'; did you mean 'media'?"),
        (["interruptions", "L2R", "--buffer", "deep"], "--buffer deep:"),
    ],
)
def test_mistakes_are_answered_with_one_line(words, message, capsys) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_an_overloaded_crew_is_followed_exactly_where_everything_fits(tmp_path) -> None:
    """All twelve are mostly down: M/M/1 with a finite source, P(n down) = P(0) 12! / (12 - n)! 0.8^n."""
    study = k2rel.study(site_file(tmp_path, units(12, 6).replace("5000 h", "10 h")))
    weight = np.cumprod(np.concatenate([[1.0], 0.8 * np.arange(12, 0, -1)]))
    media = k2rel.availability(study, organisation=Organisation(crews=1), method="markov")["media"]
    assert media.unavailability == pytest.approx(weight[7:].sum() / weight.sum(), rel=1e-12)


def test_a_site_whose_parts_are_mostly_down_is_refused_with_a_reason(tmp_path, capsys) -> None:
    text = units(40, 6).replace("5000 h", "10 h")
    for i in range(40):  # no two alike
        text = text.replace(
            f"u{i}: {{type: unit, between: [hub, pool], mttf: 10 h",
            f"u{i}: {{type: unit, between: [hub, pool], mttf: {10 + i} h",
        )
    path = site_file(tmp_path, text)
    assert main(["availability", str(path), "--method", "markov", "--crews", "1", "--tolerance", "1e-9"]) == 2
    error = capsys.readouterr().err
    assert "parts fail too often, or crews and operators take too long" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "words", [("--crews", "1", "--travel", "1e6 h"), ("--return-to-service", "1e5 h"), ("--manual-takeover", "1e4 h")]
)
def test_persons_who_never_come_are_refused_with_a_reason(words, capsys) -> None:
    assert main(["availability", "L2R", "--method", "markov", *words]) == 2
    error = capsys.readouterr().err
    assert "crews and operators take too long" in error
    assert "a larger tolerance; with method auto or simulation no chain is needed" in error
    assert error.count("\n") == 1


def test_a_site_that_the_chain_refuses_is_simulated_under_the_same_reading() -> None:
    broken = k2rel.study("L2R", repair="nbd", settings={"media_server.mttf": "5 h"})
    assert k2rel.feasible_organisation(broken) is None
    solution = solution_of(broken)
    assert (solution.method, solution.takeovers) == ("simulation", "as modelled")
    assert "there is no chain: more than" in solution.reason


def test_an_unknown_behaviour_of_roles_is_refused() -> None:
    with pytest.raises(InputError, match="'modelled' or 'ideal', got 'wandering'"):
        Organisation(roles="wandering")


def test_roles_of_the_nearline_move_between_its_servers() -> None:
    """Both are on side A, so they are told apart by their server."""
    dynamics = solved(k2rel.study("nearline"), Organisation(tolerance=1e-8))
    takeover = dynamics.states.takeover
    assert takeover is not None
    quiet = {takeover.words(control) for control in takeover.quiet.tolist()}
    assert quiet == {"file_system at server_1", "file_system at server_2"}


def test_a_chain_is_of_any_number_of_the_same_clients():
    one, more, other = (k2rel.study("nearline", clients=n) for n in (4, 6, 1))
    first = solved(one, Organisation())
    shared = solved(more, Organisation())
    assert shared.states.chain is first.states.chain
    assert shared.study is more
    assert solved(other, Organisation()).states.chain is not first.states.chain  # one client: another group is missing
    alone = engine._states(more, Organisation(), engine._sticky(more.policy))  # as if nothing had been solved before
    np.testing.assert_array_equal(alone.chain.rates.data, shared.states.chain.rates.data)
    np.testing.assert_array_equal(alone.solution.probability, shared.states.solution.probability)
    assert alone.takeover.conditions == shared.states.takeover.conditions
    dearer = k2rel.study("nearline", clients=6, settings={"psu.mttr": "5 h"})
    assert solved(dearer, Organisation()).states.chain is not first.states.chain
