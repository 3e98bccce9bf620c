"""Whether a takeover succeeds may depend on what failed: software, a machine, both supplies of it."""

import random
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

import k2rel
from k2rel import InputError, Organisation
from k2rel.markov.engine import solved
from k2rel.markov.gradient import slopes_of
from k2rel.measures.solution import role_needs
from k2rel.measures.steps import takeover_steps
from k2rel.policy.roles import Roles
from k2rel.policy.rules import Policy
from k2rel.policy.table import table_slopes
from k2rel.policy.takeover import Takeover
from k2rel.policy.terms import Given
from k2rel.services.diagrams import services_of
from k2rel.simulation import Plan, simulate
from k2rel.studies import with_site
from validation.apart import steady_apart

PAIR = """
format: 2
name: pair
title: pair
sides: {{A: {{}}, B: {{}}}}
types:
  client: {{failure_rate: 0, mttr: 1 h, source: test}}
  box: {{mttf: 900 h, mttr: 9 h, source: test}}
  program: {{mttf: 300 h, mttr: 5 h, source: test}}
  supply: {{mttf: 150 h, mttr: 20 h, source: test}}
  wire: {{mttf: 700 h, mttr: 6 h, source: test}}
components:
  hub: {{type: client}}
  a: {{type: box, side: A, in: hub, needs: [program_a, {{at_least: 1, of: [supply_1, supply_2]}}]}}
  program_a: {{type: program, side: A}}
  supply_1: {{type: supply, side: A}}
  supply_2: {{type: supply, side: A}}
  b: {{type: box, side: B, in: hub, needs: [program_b]}}
  program_b: {{type: program, side: B, mttf: 500 h, mttr: 7 h}}
  bell: {{type: wire}}
units:
  ua: {{server: a, triggers: [a]}}
  ub: {{server: b, triggers: [b]}}
roles:
  master: {{switchover: 30 min, coverage: {coverage}, holders: [{{side: A, on: a, units: [ua], needs: [a]}}, {{side: B, on: b, units: [ub], needs: [b]}}]}}
clients: {{count: 1, parts: {{client: {{type: client}}, port: {{type: client, between: [client, hub]}}}}}}
traffic:
  media: {{requires: [master], prefer: role master, paths: [{{side: A, via: [client, port, hub, a]}}, {{side: B, via: [client, port, hub, b]}}]}}
"""
# the less likely coverage is that of supplies: one failed supply beside a failed program must not count
COVERAGE = {"default": 0.95, "program": 0.7, "program_b": 0.8, "supply": 0.4}
PERSONS = Organisation(return_to_service_h=3.0, manual_takeover_h=2.0, tolerance=1e-12)


def pair(tmp_path, coverage=COVERAGE):
    path = tmp_path / "pair.yaml"
    said = coverage if isinstance(coverage, str) else ", ".join(f"{name}: {value}" for name, value in coverage.items())
    path.write_text(PAIR.format(coverage=said if isinstance(coverage, str) else f"{{{said}}}"))
    return k2rel.study(path)


def written_apart(given) -> tuple[float, float]:
    """The pair's chain built anew: probability that nobody has the role, and takeovers that fail per hour.

    A state: box and program of a, its failed supplies, box and program of b, the role, a and b in service.
    """

    def up_of(state):
        return state[0] and state[1] and state[2] < 2, state[3] and state[4]

    def odds(state, i):
        found = []
        if i == 0:
            found += [given["default"]] * (not state[0])
            found += [given["program"]] * (not state[1]) + [given["supply"]] * (state[2] == 2)
        else:
            found += [given["default"]] * (not state[3]) + [given["program_b"]] * (not state[4])
        return min(found)

    def settle(state):
        up, role = up_of(state), state[5]
        serves = [state[6] and up[0], state[7] and up[1]]
        for i in (0, 1):
            if role == "AB"[i] and not up[i] and up[1 - i] and serves[1 - i]:
                good = odds(state, i)
                return [((*state[:5], "moves", *serves), good), ((*state[:5], "lost", *serves), 1 - good)]
        return [((*state[:5], role, *serves), 1.0)]

    def moves(state):
        up, role, serves = up_of(state), state[5], state[6:]
        for n, (life, repair) in {0: (900, 9), 1: (300, 5), 3: (900, 9), 4: (500, 7)}.items():
            yield (*state[:n], not state[n], *state[n + 1 :]), 1 / (life if state[n] else repair)
        failed = state[2]
        if failed < 2:
            yield (*state[:2], failed + 1, *state[3:]), (2 - failed) / 150
        if failed:
            yield (*state[:2], failed - 1, *state[3:]), failed / 20
        for i in (0, 1):
            if up[i] and not serves[i]:
                yield (*state[:6], *(True if k == i else serves[k] for k in (0, 1))), 1 / 3
        ready = [i for i in (0, 1) if up[i] and serves[i]]
        if role == "moves":
            yield (*state[:5], "AB"[ready[0]] if ready else "lost", *serves), 1 / 0.5
        able = ready or [i for i in (0, 1) if up[i]]
        if role == "lost" and able:
            yield (*state[:5], "AB"[able[0]], *(serves[k] or k == able[0] for k in (0, 1))), 1 / 2.0

    states, p, edges = steady_apart((True, True, 0, True, True, "A", True, True), moves, settle)
    down = 0.0
    for share, state in zip(p, states, strict=True):
        up = up_of(state)
        down += share * (not any(state[5] == "AB"[i] and up[i] and state[6 + i] for i in (0, 1)))
    failed = sum(
        p[before] * rate for before, to, rate in edges if states[before][5] != "lost" and states[to][5] == "lost"
    )
    return down, failed


def media_of(study, organisation=PERSONS) -> float:
    return k2rel.availability(study, organisation=organisation)["media"].unavailability


def with_classes(level, *classes, default=0.95):
    """A level whose roles have these coverages by what failed."""
    study = k2rel.study(level)
    roles = {name: replace(role, coverage=default, coverage_of=classes) for name, role in study.site.roles.items()}
    return with_site(study, replace(study.site, roles=roles))


# figures --------------------------------------------------------------------------------------------------------------


def test_a_pair_with_software_and_supplies_is_that_of_a_chain_written_apart(tmp_path) -> None:
    study = pair(tmp_path)
    down, failed = written_apart(COVERAGE)
    assert media_of(study) == pytest.approx(down, rel=1e-9)
    found = k2rel.performability(study, PERSONS)
    assert found["failed_takeovers_per_year"] == pytest.approx(failed * 8760, rel=1e-9)


def test_each_coverage_has_its_own_slope(tmp_path) -> None:
    dynamics = solved(pair(tmp_path), PERSONS)
    media = next(service for service in services_of(dynamics.policy) if service.name == "media")
    assumed = slopes_of(dynamics, [media])[0].assumed
    for name, value in COVERAGE.items():
        ends = [written_apart({**COVERAGE, name: value + step})[0] for step in (1e-4, -1e-4)]
        key = "coverage" if name == "default" else f"coverage[{name}]"
        assert assumed[Given(key, "master")] == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-6)
    named = k2rel.assumption_importance(pair(tmp_path), organisation=PERSONS)["value"]
    assert named["master coverage[program_b]"] == 0.8
    assert named["master coverage"] == 0.95


def test_the_simulation_follows_what_failed(tmp_path) -> None:
    study = pair(tmp_path)
    found = simulate(study, PERSONS, plan=Plan(histories=1500, years=4, seed=18, confidence=0.999))
    down, failed = written_apart(COVERAGE)
    limits = found["media"].unavailability
    assert limits.low < down < limits.high
    assert not limits.low < written_apart(dict.fromkeys(COVERAGE, 0.95))[0] < limits.high
    moves = found.load()["failed_takeovers_per_year"]
    assert moves.low < failed * 8760 < moves.high


@pytest.mark.parametrize("level", ["L2R", "nearline"])
def test_equal_coverages_give_the_digits_of_one_number(level) -> None:
    name = "fs_database" if level == "L2R" else "server_software"
    one, equal = with_classes(level), with_classes(level, ("server_software", 0.95), (name, 0.95))
    minutes = [
        {service.service: service.downtime_min_per_year for service in k2rel.availability(study).services}
        for study in (one, equal)
    ]
    assert minutes[0] == minutes[1]


def test_level_2r_with_worse_takeovers_from_software_is_that_of_their_mixture() -> None:
    """To first order the mean over takeovers counts; media goes from 10 to about 23 minutes a year."""
    study = with_classes("L2R", ("server_software", 0.8), ("fs_database", 0.8))
    row = k2rel.takeovers(study).loc["file_system"]
    assert 0.8 < row["coverage"] < 0.85
    assert row["failed_takeovers_per_year"] == pytest.approx(row["takeovers_per_year"] * (1 - row["coverage"]))
    found, mixed, plain = (
        k2rel.availability(each)["media"].downtime_min_per_year
        for each in (study, with_classes("L2R", default=row["coverage"]), with_classes("L2R"))
    )
    assert found == pytest.approx(mixed, rel=0.005)
    assert found > 2 * plain
    assert "with probability 0.05 (0.2 if server_software or fs_database failed)" in k2rel.why_they_differ(study)


def test_takeovers_that_can_fail_after_one_cause_only_are_seen_to_fail(tmp_path) -> None:
    assert "takeovers can fail" in role_needs(pair(tmp_path, {"default": 1, "program": 0.9}))
    assert "takeovers can fail" not in role_needs(pair(tmp_path, {"default": 1, "program": 1}))


# which coverage counts ------------------------------------------------------------------------------------------------


def certain(study, *failed) -> str:
    """Probability that the takeover which these failures begin succeeds, as the steps say it."""
    words = next(step.words for step in takeover_steps(study, failed) if step.title == "switchover")
    return words.rpartition("probability ")[2] if "probability" in words else "1"


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (["a"], "0.95"),
        (["program_a"], "0.7"),
        (["supply_1", "supply_2"], "0.4"),
        (["program_a", "supply_1"], "0.7"),  # one supply of two is no cause
        (["a", "supply_2"], "0.95"),
        (["a", "program_a"], "0.7"),  # the smallest of two causes
        (["a", "bell"], "0.95"),  # in no trigger
    ],
)
def test_causes_are_followed_from_the_lost_trigger_through_its_lost_needs(tmp_path, failed, expected) -> None:
    assert certain(pair(tmp_path), *failed) == expected


def test_the_entry_of_a_part_goes_before_that_of_its_type(tmp_path) -> None:
    assert certain(pair(tmp_path, {"default": 0.9, "box": 0.5, "program": 0.6, "program_a": 0.8}), "program_a") == "0.8"
    # a cause without an entry has the default, also where that is the smaller one
    assert certain(pair(tmp_path, {"default": 0.5, "program": 0.9}), "program_a") == "0.9"
    assert certain(pair(tmp_path, {"default": 0.5, "program": 0.9}), "program_a", "a") == "0.5"


def test_roles_that_move_together_have_the_smallest_coverage() -> None:
    study = k2rel.study("L3R")
    of = {"file_system": (("server_software", 0.9),), "media_side": (("server_software", 0.6), ("toe", 0.7))}
    roles = {name: replace(role, coverage=0.95, coverage_of=of[name]) for name, role in study.site.roles.items()}
    study = with_site(study, replace(study.site, roles=roles))
    assert certain(study, "software_1A") == "0.6"  # both roles move
    assert certain(study, "software_2A") == "0.6"  # the media side alone
    assert certain(study, "toe_1A1") == "0.7"  # both; only the media side tells TOEs apart
    assert certain(study, "server_1A") == "0.95"
    # and which ones those are: all that count, and those that the probability is
    policy = Policy(study.site, sticky=True)
    takeover = Takeover(policy, Organisation().takeover_times)
    state = policy.structure.truth(takeover.conditions, {"software_1A": False})
    table = takeover.table(np.array([[state[node] for node in takeover.conditions]]))

    def named(bits) -> list[tuple[str, str]]:
        return [what for n, what in enumerate(takeover.coverages) if int(bits[0, 0]) >> n & 1]

    assert named(table.counts) == [("file_system", "server_software"), ("media_side", "server_software")]
    (slope,) = [each for each in table_slopes(takeover, table) if 0 in each.coverage[0]]
    assert slope.given == Given("coverage[server_software]", "media_side"), "the smaller one decides"
    assert dict(zip(takeover.coverages, takeover.coverage_values, strict=True))["media_side", "toe"] == 0.7


def test_a_loss_that_nobody_noticed_is_no_cause() -> None:
    study = with_classes("L3R", ("fs_database", 0.5))
    assert certain(study, "server_2A", "fs_database_1A") == "0.5"
    assert certain(study, "server_2A", "fs_database_1A", "heartbeat_1") == "0.95"


def test_holders_without_units_are_left_for_what_they_need(tmp_path) -> None:
    study = pair(tmp_path)
    master = study.site.roles["master"]
    bare = replace(master, holders=tuple(replace(holder, units=()) for holder in master.holders))
    study = with_site(study, replace(study.site, roles={"master": bare}))
    assert (certain(study, "a"), certain(study, "program_a"), certain(study, "supply_1", "supply_2")) == (
        "0.95", "0.7", "0.4",
    )  # fmt: skip


def test_an_event_of_common_cause_is_a_failure_of_each_of_its_parts() -> None:
    study = with_classes("L2R", ("server_software", 0.5))
    twins = k2rel.study("L2R", common_cause="twins").site.common_cause
    policy = Roles(replace(study.site, common_cause=twins), sticky=True)
    causes = dict(policy.causes("file_system", 0))
    event = next(name for name in policy.site.cause_events if "software_A & " in name)
    assert policy.structure.value(causes["server_software"], {event: False})
    assert not policy.structure.value(causes[""], {event: False})


def test_causes_are_the_parts_of_minimal_sets_of_failures_that_lose_a_trigger() -> None:
    """Which part is a cause, by trying every subset of what has failed; most states have several failures of server A."""
    classes = ("server_software", "psu", "fc_link_A", "media_server")
    study = with_classes("L2R", *((name, 0.5) for name in classes))
    policy = Roles(study.site, sticky=True)
    structure, components = policy.structure, study.site.components
    causes = policy.causes("file_system", 0)
    kept = structure.conjunction(policy.works(name) for name in study.site.units["unit_A"].triggers)
    near = [name for name in components if components[name].side == "A"] + ["raid_chassis", "psu_raid_1"]

    def lost(failed) -> bool:
        return not structure.value(kept, dict.fromkeys(failed, False))

    chance = random.Random(18)
    for _ in range(150):
        failed = chance.sample(near, chance.choice([1, 2, 3, 4]))
        subsets = [set(some) for size in range(1, 5) for some in combinations(failed, size)]
        minimal = [some for some in subsets if lost(some) and not any(lost(some - {name}) for name in some)]
        expected = set()
        for name in set().union(*minimal):
            kind = components[name].type
            expected.add(next((entry for entry in (name, kind) if entry in classes), ""))
        state = dict.fromkeys(failed, False)
        assert {name for name, node in causes if structure.value(node, state)} == expected, failed


def test_what_differs_between_designs_names_each_coverage() -> None:
    table = k2rel.differences(with_classes("L2R"), with_classes("L2R", ("server_software", 0.8)))
    found = {entry: (before, after) for _, entry, before, after in table.itertuples(index=False)}
    assert found["file_system: coverage[server_software]"][1] == "0.8"


def test_the_register_of_assumptions_says_which_coverage_counts() -> None:
    register = k2rel.assumptions("L2R").set_index("assumption")
    assert "of several values the smallest" in register.loc["rule: coverage", "value"]


# bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coverage", "told"),
    [
        ("{default: 0.95, program: 1.2}", "roles.master.coverage.program: must be at most 1.0, got 1.2"),
        ("{default: 0, program: 0.9}", "roles.master.coverage.default: must be above 0.0, got 0"),
        ("1.5", "roles.master.coverage: must be at most 1.0, got 1.5"),
        ("{default: 0.95, program: often}", "roles.master.coverage.program: must be a number, got 'often'"),
        ("{program: 0.9}", "roles.master.coverage: needs an entry 'default', for what no other entry names"),
        ("{default: 0.9, progam: 0.8}", "there is no component type or part 'progam'; did you mean 'program'?"),
        ("[0.9, 0.8]", "roles.master.coverage: must be a number"),
        ("{default: 0.9, wire: 0.8}", "no takeover begins with 'wire': it is not a trigger of a unit of its holders"),
        ("{default: 0.9, bell: 0.8}", "no takeover begins with 'bell': it is not a trigger of a unit of its holders"),
        ("{default: 0.9, program: =often}", "there is no assumption 'often'"),
    ],
)
def test_a_coverage_that_cannot_be_is_told_in_one_sentence(tmp_path, coverage, told) -> None:
    with pytest.raises(InputError) as error:
        pair(tmp_path, coverage)
    assert told in str(error.value)
    assert len(error.value.problems) == 1


def test_a_role_that_never_moves_has_no_coverage_by_cause(tmp_path) -> None:
    path = tmp_path / "pair.yaml"
    one = "[{side: A, on: a, units: [ua], needs: [a]}]"
    text = PAIR.format(coverage="{default: 0.9, program: 0.8}")
    before, _, after = text.partition("holders: [")
    path.write_text(before + "holders: " + one + after[after.index("}]}") + 2 :])
    with pytest.raises(InputError, match="no takeover begins with 'program': 'master' has one holder and never moves"):
        k2rel.study(path)


def test_a_coverage_may_be_an_assumption(tmp_path) -> None:
    text = PAIR.format(coverage="{default: =sure, program: =soft}")
    given = "  {}: {{value: {}, evidence: CHOSEN, reason: as the test has it}}\n"
    path = tmp_path / "pair.yaml"
    path.write_text(text.replace("types:\n", "assumptions:\n" + given.format("sure", 0.9) + given.format("soft", 0.6)
                                 + "types:\n"))  # fmt: skip
    role = k2rel.study(path, settings={"assumption.soft": "0.5"}).site.roles["master"]
    assert (role.coverage, role.coverage_of) == (0.9, (("program", 0.5),))
