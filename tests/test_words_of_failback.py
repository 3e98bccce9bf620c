"""What is said of roles that go back by themselves, and of roles that never leave their side for long."""

import pytest

import k2rel
from k2rel.measures.dynamic import why_they_differ
from k2rel.organisation import Organisation


@pytest.fixture
def returning(spoiled):
    """Level 2R with automatic failback."""
    path, _ = spoiled("failback: manual", "failback: automatic")
    return path


def test_a_chain_with_roles_at_the_preferred_side_says_so():
    words = why_they_differ(k2rel.study("L2R"), Organisation(roles="preferred", tolerance=1e-6))
    assert "no role that can move" not in words
    assert "the chain too follows the roles of L2R at the preferred side" in words
    assert "no role that can move" in why_they_differ(k2rel.study("L1"), Organisation(roles="preferred"))


def test_with_automatic_failback_the_steps_end_at_home(returning):
    """After the repair the server is back at once, the role is on its way for the switchover, then all is as before."""
    steps = {step.title: step for step in k2rel.takeover_steps(k2rel.study(returning), ["media_link_A1"])}
    assert list(steps) == ["before", "detection", "switchover", "after", "repaired", "back in service"]
    assert steps["repaired"].outcome.primary is None
    assert steps["repaired"].outcome.out_of_service == ()
    assert "server A in service again without a person; the way back takes 45 s" in steps["repaired"].words
    end = steps["back in service"]
    assert end.outcome.primary == "A"
    assert all(end.outcome.services.values())
    assert "every service is there; each role at its first holder again" in end.words
    assert not any("person places" in step.words for step in steps.values())


def test_with_manual_failback_the_role_stays():
    steps = {step.title: step for step in k2rel.takeover_steps(k2rel.study("L2R"), ["media_link_A1"])}
    assert "until a person places it back in service" in steps["repaired"].words
    assert "roles stay where they are until the next takeover" in steps["back in service"].words
