"""What is said of takeovers with fences, drift and suspensions, beside the numbers."""

from __future__ import annotations

import k2rel
from k2rel.bundled import data_dir
from k2rel.design.verdict import takeover_words
from k2rel.measures.role_downtime import why_they_differ

DESIGNS = data_dir() / "examples" / "designs"


def test_a_fence_its_time_and_an_unready_takeover_are_said() -> None:
    """The takeover itself has coverage 1: what fails is its fence, or it is unready."""
    words = why_they_differ(k2rel.study(DESIGNS / "pacemaker.yaml"))
    assert "takes 30 s after 15 s for the fence" in words
    assert "fails with its fence (0.02) or if the standby is not ready and then is retried once" in words
    assert "no operator moves a role that waits" in words  # why the ideal figure is nearly as large


def test_a_takeover_at_once_that_never_fails_has_no_probability_of_zero() -> None:
    words = why_they_differ(k2rel.study(DESIGNS / "vrrp.yaml"))
    assert "a takeover is instant" in words
    assert "probability 0" not in words


def test_modes_without_roles_say_what_is_suspended() -> None:
    """With leaf B or the peer link down, and with an uplink or ports down, every client is served by A: two rows."""
    study = k2rel.study(DESIGNS / "mlag.yaml")
    modes = k2rel.modes(study)["mode"].tolist()
    assert len(set(modes)) == len(modes)
    assert "every client by A; ports_B suspended" in modes
    assert "what failed first, nor on auto-recovery" in why_they_differ(study)


def test_cases_of_a_report_say_why_nobody_serves_and_what_is_suspended() -> None:
    cases = {case.title: case for case in k2rel.failover_cases(k2rel.study(DESIGNS / "pacemaker.yaml"))}
    assert "node_2 cannot take over: the fence bmc_1 of node_1 is down (through feed_1)" in cases["feed 1"].why()
    assert cases["node 1"].why() == ()
    cases = {case.title: case for case in k2rel.failover_cases(k2rel.study(DESIGNS / "mlag.yaml"))}
    assert "suspended: ports_B" in cases["peer link"].effect()  # not the same case as the loss of leaf B
    assert "peer_link is down while keepalive and leaf_A work" in cases["peer link"].why()[0]


def test_ideal_figures_beside_persons_and_without_roles() -> None:
    """Where no role can move nothing is ideal; where a person moves a role that waits, the ideal figure is without."""
    assert takeover_words(k2rel.study(DESIGNS / "mlag.yaml").solve().solution) == ""
    assert "no operator who moves a role that waits" in takeover_words(
        k2rel.study(DESIGNS / "pacemaker.yaml").solve().solution
    )
