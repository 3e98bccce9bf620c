"""A role is where it is for a reason, which is said, in Python, on the command line and in the explorer."""

import itertools
import json
import math
import random

import numpy as np
import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.policy.controls import TakeoverTimes
from k2rel.policy.failover import failover, raid_works
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover
from k2rel.report.explorer import show_explorer
from k2rel.report.page import report_page
from tests.random_takeovers import FIXED, random_study
from tests.visiting import CHROMIUM, Visit

DESIGNS = data_dir() / "examples" / "designs"
RING = {"heartbeat": "ring", "missing": "anyway"}


def two(tmp_path, needs=(), holder=None, role=None, both=None, **more):
    """Two nodes with a network card and power each; `needs` are those of a takeover from either, by its number."""
    parts = {f"{kind}_{n}": FIXED for n in "12" for kind in ("nic", "feed", "fence")} | {"ring": FIXED, "shelf": FIXED}
    nodes = {f"node_{n}": FIXED | {"side": side, "needs": [f"feed_{n}"]} for n, side in (("1", "A"), ("2", "B"))}
    units = {
        f"unit_{n}": {
            "server": f"node_{n}", "triggers": [f"node_{n}", f"nic_{n}"],
            **({"takeover_needs": json.loads(json.dumps(needs).replace("#", n))} if needs else {}),
        } for n in "12"
    }  # fmt: skip
    holders = [
        {"side": side, "on": f"node_{n}", "units": [f"unit_{n}"], "needs": [f"node_{n}", "shelf"]}
        | (json.loads(json.dumps(both).replace("#", n)) if both else {})
        for n, side in (("1", "A"), ("2", "B"))
    ]
    holders[1] |= holder or {}
    seat = {"seat": FIXED, **{f"cord_{n}": FIXED | {"between": ["seat", f"node_{n}"]} for n in "12"}}
    document = {
        "format": 2, "name": "two", "title": "two nodes", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}}, "components": parts | nodes, "units": units,
        "roles": {"r": {"failback": "automatic", "holders": holders} | (role or {})},
        "clients": {"count": 1, "parts": seat},
        "traffic": {"media": {"requires": ["r"], "paths": [
            {"side": side, "when": {"r": side}, "via": ["seat", f"cord_{n}", f"node_{n}"]}
            for n, side in (("1", "A"), ("2", "B"))]}},
    } | more  # fmt: skip
    path = tmp_path / "two.yaml"
    path.write_text(json.dumps(document))
    return path


def told(path, *failed, primary=None):
    return failover(Policy(k2rel.study(str(path)).site, primary), failed).reasons


def test_a_takeover_names_what_was_lost_and_the_failed_part_behind_it(tmp_path) -> None:
    path = two(tmp_path, [{"heartbeat": "ring"}])
    assert told(path) == ()
    assert told(path, "nic_1") == ("node_2 takes r over from node_1, which has lost nic_1",)
    assert told(path, "feed_1") == ("node_2 takes r over from node_1, which is down (through feed_1)",)
    assert told(path, "node_2", primary="B") == ("node_1 takes r over from node_2, which is down",)


@pytest.mark.parametrize(
    ("needs", "failed", "reasons"),
    [
        ([{"heartbeat": "ring"}], ["node_1", "ring"], ["nothing detects that node_1 is down: ring is down"]),
        ([{"heartbeat": "ring"}], ["ring"], ["nothing would detect a failure of node_1: ring is down"]),
        ([{"fence": "fence_#"}], ["node_1", "fence_1"], [
            "node_1 is down, and no other holder takes r over", "node_2 cannot take over: the fence fence_1 of node_1 is down"]),
        ([{"fence": "fence_#"}], ["fence_1"], ["node_2 could not take over: the fence fence_1 of node_1 is down"]),
        ([], ["nic_1", "nic_2"], [
            "node_1 has lost nic_1, and no other holder takes r over", "node_2 cannot take over: it has lost nic_2"]),
        ([], ["feed_2"], ["node_2 could not take over: it is down (through feed_2)"]),
        ([], ["shelf"], ["node_1 lacks what r needs: shelf"]),
        ([{"fence": "fence_#"}], ["node_1"], ["node_2 takes r over from node_1, which is down, and stops it by fence_1"]),
    ],
)  # fmt: skip
def test_what_keeps_a_role_where_it_is_is_said(tmp_path, needs, failed, reasons) -> None:
    assert told(two(tmp_path, needs), *failed) == tuple(reasons)


def test_a_backup_lacks_what_the_role_or_the_takeover_needs(tmp_path) -> None:
    path = two(
        tmp_path,
        role={"unable_backup": "waits"},
        holder={"needs": ["node_2", "shelf", "nic_2"], "takeover_needs": ["feed_1"]},
    )
    assert told(path, "nic_1", "shelf")[1] == "node_2 cannot take over: it lacks what r needs: shelf"
    assert told(path, "feed_1")[1] == "node_2 cannot take over: it lacks what a takeover needs: feed_1"


def test_votes_are_counted(tmp_path) -> None:
    votes = {"takeover_needs": [{"quorum": {"at_least": "majority", "of": [["node_1"], ["node_2"], "shelf"]}}]}
    assert told(two(tmp_path, both=votes), "node_1", "shelf") == (
        "node_1 is down and has no quorum: 1 of 3 votes (node_1 and shelf are missing), and no other holder takes r over",
        "node_2 cannot take over: it has no quorum: 1 of 3 votes (node_1 and shelf are missing)",
    )


def test_in_silence_both_have_the_role_or_one_goes_on_and_stops_the_other(tmp_path) -> None:
    open_ = failover(Policy(k2rel.study(str(two(tmp_path, [RING]))).site), ["ring"])
    assert open_.reasons == (
        "node_1 and node_2 both have r: nothing stops node_1, which is silent (ring is down); neither serves",
    )
    assert open_.split == {"r": ("node_1", "node_2")}
    assert open_.roles["r"] is None
    fenced = [RING, {"fence": "fence_#"}]
    outcome = failover(Policy(k2rel.study(str(two(tmp_path, fenced))).site), ["ring"])
    assert outcome.reasons == ("node_1 goes on with r and stops node_2 by fence_2: ring is down (partition: keeps)",)
    assert outcome.out_of_service == ("node_2",)
    moved = two(tmp_path, fenced, role={"partition": "moves"})
    assert told(moved, "ring") == (
        "node_2 takes r over from node_1, which is silent (ring is down), and stops it by fence_1",
    )


def test_suspended_ports_are_told_apart_from_failed_ones_and_from_what_cannot_be_known() -> None:
    policy = Policy(k2rel.study(str(DESIGNS / "mlag.yaml")).site)
    cut = failover(policy, ["peer_link"])
    assert (cut.suspended, cut.reasons) == (
        ("ports_B",), ("ports_B is suspended: peer_link is down while keepalive and leaf_A work",),
    )  # fmt: skip
    after = failover(policy, ["peer_link", "keepalive"])
    assert after.suspended == ()
    assert after.reasons == (
        "ports_B would be suspended if peer_link had failed before keepalive, which is not known here",
    )
    assert failover(policy, ["leaf_A"]).reasons == (), "its peer link is lost with it, not before"
    assert failover(policy, ["leaf_B"]).suspended == (), "they are down with it"


def test_the_steps_of_a_takeover_have_the_times_and_probabilities_of_the_file() -> None:
    """Detection of what hangs takes a minute, of a dead node 5 s; the shot takes 15 s and works in 98 %."""
    policy = Policy(k2rel.study(str(DESIGNS / "pacemaker.yaml")).site)
    for failed, seconds in (("software_1", 60), ("node_1", 5)):
        (begun,) = failover(policy, [failed]).takeovers
        steps = [(step.title, round(step.hours * 3600, 6), step.probability) for step in begun.steps]
        assert steps == [
            ("detected", seconds, None), ("fence of node_1", 15, 0.98), ("switchover", 30, None),
            ("another attempt", 120, 0.5), ("operator", 3600, None),
        ]  # fmt: skip
    assert failover(policy, ["feed_1"]).takeovers == (), "who cannot be shot is not taken over"


def test_the_smallest_coverage_of_what_failed_counts_and_a_split_has_its_own_steps(tmp_path) -> None:
    policy = Policy(k2rel.study("L2R").site)
    odds = [failover(policy, [part]).takeovers[0].steps[0].probability for part in ("toe_A1", "software_A")]
    assert odds == [0.95, 0.8]
    mended = two(tmp_path, [RING], role={
        "split_brain": {"mend": "2 h", "restore_probability": 0.3, "restore": "24 h"}, "detection": "10 s"})  # fmt: skip
    (begun,) = failover(Policy(k2rel.study(str(mended)).site), ["ring"]).takeovers
    assert begun.both
    assert begun.words() == "detected 10 s, both have it until heard again, mended 2 h, data restored 24 h (0.3)"


def test_with_roles_that_stay_who_is_out_of_service_is_said() -> None:
    steps = {step.title: step.outcome.reasons for step in k2rel.takeover_steps(k2rel.study("L2R"), ["toe_A1"])}
    assert steps["before"] == ()
    assert steps["detection"] == ("server_B takes file_system over from server_A, which has lost toe_A1",)
    assert steps["switchover"] == ("no holder performs file_system: it is in takeover, or waiting",)
    assert steps["after"] == ("server_A could not take over: it has lost toe_A1 and is out of service",)
    assert steps["repaired"] == ("server_A could not take over: it is out of service",)
    assert steps["back in service"] == ()


def agreed(site, states):
    """Where takeovers, splits and missing backups are without a sentence, or a sentence is without them."""
    policy, wrong = Policy(site), []
    home = failover(policy).roles
    for failed in states:
        outcome = failover(policy, failed)
        text = "\n".join(outcome.reasons)
        for role in site.movable:
            moves, both = f"takes {role} over from" in text, f"both have {role}:" in text
            at = outcome.roles[role]
            told_of = moves == (any(each.role == role for each in outcome.takeovers) and not both)
            split = both == (role in outcome.split)
            fine = outcome.standby[role] and outcome.services.get(role, True)
            if not (told_of and split and (fine or text) and (at in (None, home[role]) or moves or both)):
                wrong.append((site.name, failed, text))
        ends = (line.endswith((":", " ", "it")) or "  " in line for line in outcome.reasons)
        wrong += [(site.name, failed, text)] if any(ends) else []
    return wrong


@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 80), marks=pytest.mark.slow)])
def test_no_state_is_without_its_reason(tmp_path, seeds) -> None:
    """A role that moved, that both sides have, that is down or has no backup: a sentence says so, and no other does."""
    for seed in seeds:
        site = random_study(tmp_path, seed).site
        states = [each for n in range(5) for each in itertools.combinations(site.components, n)]
        assert agreed(site, random.Random(seed).sample(states, min(len(states), 60))) == []


def test_the_command_line_says_why_and_which_takeovers_begin(k2) -> None:
    design = str(DESIGNS / "pacemaker.yaml")
    lines = k2("failover", design, "--fail", "feed_1").out.splitlines()
    assert "reason: node_2 cannot take over: the fence bmc_1 of node_1 is down (through feed_1)" in lines
    data = k2("failover", design, "--fail", "node_1", "--format", "json").json
    assert data["reasons"] == ["node_2 takes files over from node_1, which is down, and stops it by bmc_1"]
    assert [step["lasts"] for step in data["takeovers"][0]["steps"]] == ["5 s", "15 s", "30 s", "2 min", "1 h"]
    assert "suspended: ports_B" in k2("failover", str(DESIGNS / "mlag.yaml"), "--fail", "peer_link").out.splitlines()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_explorer_says_why_and_draws_the_steps_as_parts_are_clicked(browser, tmp_path) -> None:
    page = tmp_path / "pacemaker.html"
    page.write_text(report_page("t", show_explorer(k2rel.study(str(DESIGNS / "pacemaker.yaml"))).data, ""))
    visit = Visit(browser, page.as_uri(), width=390)
    assert visit.page.locator(".k2x-why").get_attribute("aria-live") == "polite"
    assert not visit.page.locator(".k2x-begun").is_visible()
    visit.mark("node_1").click()
    assert (
        visit.page.inner_text(".k2x-why") == "node 2 takes files over from node 1, which is down, and stops it by bmc 1"
    )
    drawn = visit.page.locator(".k2x-takeover li").all_inner_texts()
    assert [each.split("\n") for each in drawn] == [
        ["detected", "5 s"], ["fence of node 1", "15 s", "succeeds in 98 %"], ["switchover", "30 s"], ["at node 2"],
        ["another attempt", "2 min", "succeeds in 50 %"], ["operator", "1 h"],
    ]  # fmt: skip
    visit.mark("node_1").click()
    visit.mark("feed_1").click()
    assert "node 2 cannot take over: the fence bmc 1 of node 1 is down (through feed 1)" in visit.page.inner_text(
        ".k2x-why"
    )
    assert not visit.page.locator(".k2x-begun").is_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.clean()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_explorer_shows_a_role_of_both_and_a_suspended_part_as_such(browser, tmp_path) -> None:
    page = tmp_path / "two.html"
    page.write_text(report_page("t", show_explorer(k2rel.study(str(two(tmp_path, [RING])))).data, ""))
    visit = Visit(browser, page.as_uri())
    visit.mark("ring").click()
    assert "at node 1 and node 2 at once" in visit.page.inner_text(".k2x-state")
    assert "nobody" not in visit.page.inner_text(".k2x-state")
    assert visit.mark("node_2").locator(".note").text_content() == "r at both"
    visit.clean()
    page.write_text(report_page("t", show_explorer(k2rel.study(str(DESIGNS / "mlag.yaml"))).data, ""))
    visit = Visit(browser, page.as_uri())
    visit.mark("peer_link").click()
    assert visit.mark("leaf_B").locator(".note").text_content() == "ports B suspended"
    assert "suspended\tports B" in visit.page.inner_text(".k2x-state")
    visit.clean()


def modelled(study, failed):
    """Of the one takeover that failures begin, as the chain has it: rate of detection, of arrival, probability."""
    policy = Policy(study.site, study.policy.primary, sticky=True)
    takeover = Takeover(policy, TakeoverTimes())
    truth = policy.structure.truth(takeover.conditions, dict.fromkeys(failed, False) | raid_works(study.site, failed))
    table = takeover.table(np.array([[truth[node] for node in takeover.conditions]]))
    begins, detected = 0, None
    for n, event in enumerate(table.events):
        settled = int(table.settled[0, 0])
        if event.name == "detection" and (rate := float(table.rate_per_h[n, 0, settled])) > 0:
            begins, detected = int(table.leads_to[n, 0, settled]), rate
    after = int(table.settled[0, begins])
    arrives = float(table.rate_per_h[0, 0, after]) if takeover.moving[after] else None
    return detected, arrives, float(table.coverage[0, begins])


@pytest.mark.parametrize("seeds", [range(8), pytest.param(range(8, 150), marks=pytest.mark.slow)])
def test_the_steps_that_are_drawn_are_those_of_the_chain(tmp_path, seeds) -> None:
    met = 0
    for seed in seeds:
        study = random_study(tmp_path, seed)
        policy = Policy(study.site, study.policy.primary)
        chance = random.Random(seed)
        for failed in chance.sample(
            [e for n in (1, 2, 3) for e in itertools.combinations(study.site.components, n)], 25
        ):
            begun = failover(policy, failed).takeovers
            if len(study.site.movable) > 1 or len(begun) != 1:
                continue
            steps = {}
            for step in begun[0].steps:
                if not step.after_failure:
                    steps.setdefault(step.title.split(" of ")[0], []).append(step)
            detected, arrives, sure = modelled(study, failed)
            if "detected" in steps and steps["detected"][0].hours > 0:
                assert detected == pytest.approx(1 / steps["detected"][0].hours), (seed, failed)
            odds = [step.probability for step in begun[0].steps if not step.after_failure and step.title[:4] != "data"]
            assert sure == pytest.approx(math.prod(p for p in odds if p is not None)), (seed, failed)
            if begun[0].both:
                assert arrives is None
            else:
                hours = sum(s.hours for name in ("fence", "wait for fence", "switchover") for s in steps.get(name, ()))
                assert arrives == (pytest.approx(1 / hours) if hours else None), (seed, failed)
            met += 1
    assert met > 20
