"""What is said of roles that go back by themselves, and of roles that never leave their side for long."""

import re
from pathlib import Path

import pandas as pd
import pytest

import k2rel
from k2rel import InputError
from k2rel.measures.availability import takeovers
from k2rel.measures.role_downtime import why_they_differ
from k2rel.organisation import Organisation
from k2rel.tables import for_people


@pytest.fixture
def returning(spoiled):
    """Level 2R with automatic failback."""
    path, _ = spoiled("failback: manual", "failback: automatic")
    return path


def test_a_chain_with_roles_at_the_preferred_side_says_so() -> None:
    words = why_they_differ(k2rel.study("L2R"), Organisation(roles="ideal", tolerance=1e-6))
    assert "no role that can move" not in words
    assert "the Markov chain, too, has the roles of L2R at the preferred side" in words
    assert "no role that can move" in why_they_differ(k2rel.study("L1"), Organisation(roles="ideal"))


def test_with_automatic_failback_the_steps_end_at_home(returning) -> None:
    """After the repair the server is back at once, the role is on its way for the switchover, then all is as before."""
    steps = {step.title: step for step in k2rel.takeover_steps(k2rel.study(returning), ["media_link_A1"])}
    assert list(steps) == ["before", "detection", "switchover", "after", "repaired", "back in service"]
    assert steps["repaired"].outcome.primary is None
    assert steps["repaired"].outcome.out_of_service == ()
    assert "server A in service again without operator action; the failback takes 45 s" in steps["repaired"].words
    end = steps["back in service"]
    assert end.outcome.primary == "A"
    assert all(end.outcome.services.values())
    assert "every service is up; each role at its first holder again" in end.words
    assert not any("an operator returns" in step.words for step in steps.values())


def test_with_manual_failback_the_role_stays() -> None:
    steps = {step.title: step for step in k2rel.takeover_steps(k2rel.study("L2R"), ["media_link_A1"])}
    assert "until an operator returns it to service" in steps["repaired"].words
    assert "roles stay where they are until the next takeover" in steps["back in service"].words


# the register, the legends and what is proposed


def test_the_register_of_automatic_failback_names_no_person_who_places_a_server(returning) -> None:
    one = k2rel.study(returning)
    register = k2rel.assumptions(one).set_index("assumption")
    assert "takeovers as modelled: return to service" not in register.index
    assert register["value"]["takeovers as modelled: restart"].endswith("come back into service by themselves")
    assert not any(change.kind == "return" for change in k2rel.candidate_changes(one))
    manual = k2rel.study("L2R")
    assert "takeovers as modelled: return to service" in k2rel.assumptions(manual)["assumption"].tolist()
    assert any(change.kind == "return" for change in k2rel.candidate_changes(manual))


@pytest.mark.parametrize("name", ["level_report", "failover_walkthrough"])
def test_the_legend_of_a_drawing_says_what_holds_for_every_failback(name) -> None:
    text = (Path(__file__).parent.parent / f"notebooks/{name}.ipynb").read_text(encoding="utf-8")
    (legend,) = re.findall(r"Dashed frame: [^\"]*", text)
    assert "person" not in legend


def test_the_register_shows_all_of_who_repairs() -> None:
    organisation = Organisation(
        crews=1, travel_h=2, priority=("psu",), maintenance_every_h=2000, maintenance_h=3, repair_variation=0.5
    )
    found = k2rel.assumptions(k2rel.study("L2R"), organisation).set_index("assumption")["value"]
    assert found["takeovers as modelled: repair crews"] == "1, set by the user"
    assert found["takeovers as modelled: travel"] == "2 h"
    assert found["takeovers as modelled: repair priority"] == "psu"
    assert found["takeovers as modelled: maintenance"] == "2000 h"
    assert found["takeovers as modelled: duration of a maintenance"] == "3 h"
    assert found["takeovers as modelled: repair variation"] == "0.5, set by the user"
    assert "repaired independently of the others" not in found["independence"]
    assert "repair times exponential" not in found["constant rates"]
    usual = k2rel.assumptions(k2rel.study("L2R")).set_index("assumption")["value"]
    assert "repaired independently of the others" in usual["independence"]
    assert "times to failure and repair times exponential" in usual["constant rates"]
    single = k2rel.assumptions(k2rel.study("L1"), Organisation(crews=1)).set_index("assumption")["value"]
    assert single["repair crews"] == "1, set by the user"


def test_rules_of_the_register_follow_the_site() -> None:
    def values(**how):
        return k2rel.assumptions(k2rel.study("L2R", **how)).set_index("assumption")

    assert "able" not in values().loc["rule: arrival", "value"]
    assert "else at the first that is able" in values(variant="degraded_backup").loc["rule: arrival", "value"]
    assert "--" not in values().loc["rule: times", "reason"]
    kept = values(settings={"assumption.restart": "in service"}).loc["takeovers as modelled: restart", "value"]
    assert "but in service where it has file_system" in kept
    layout = values(settings={"assumption.media_drives": "5"}).loc["raid_layout", "value"]
    assert "7" not in layout


# what takeovers cost


def test_each_failback_interrupts_once_more(returning, k2) -> None:
    """Two moves a failure, 45 s each; the chain says the same within what first order leaves out."""
    manual, automatic = (takeovers(k2rel.study(name)).loc["file_system"] for name in ("L2R", returning))
    assert manual["failbacks_per_year"] == 0.0
    assert automatic["failbacks_per_year"] == automatic["takeovers_per_year"] == manual["takeovers_per_year"]
    assert automatic["interruption_min_per_year"] == pytest.approx(2 * automatic["takeovers_per_year"] * 45 / 60)
    # one takeover in twenty fails, whatever failed, and first order leaves that out
    alike = k2rel.study(returning, settings={"assumption.software_coverage": "0.95"})
    moving = k2rel.downtime_causes(alike, Organisation(tolerance=1e-6), "file_system")
    lost = moving.loc["takeover in progress", "downtime_min_per_year"]
    assert automatic["interruption_min_per_year"] == pytest.approx(lost, rel=0.08)
    assert "failbacks per year" in k2("availability", returning, "--method", "exact").out
    assert "failbacks per year" not in k2("availability", "L2R").out
    assert "failbacks included" in k2rel.verdict(k2rel.study(returning))
    assert "failbacks" not in k2rel.verdict(k2rel.study("L2R"))


# messages of targets and priorities


def test_targets_and_priorities_say_what_they_are(tmp_path) -> None:
    study = k2rel.study("L2R")
    assert k2rel.read_target("99.9", study) == k2rel.read_target("99.9", study.site) == {"media": 99.9}
    for text in ("", "- media: 99.9\n"):
        (tmp_path / "target.yaml").write_text(text)
        with pytest.raises(InputError, match="a target file gives an availability"):
            k2rel.read_target(str(tmp_path / "target.yaml"), study)
    with pytest.raises(InputError) as caught:
        k2rel.judge(study, {"zzzz": 99.9})
    assert str(caught.value).count("full_service") == 1
    with pytest.raises(InputError, match="priority: L2R has no component type 'nohub'"):
        k2rel.interruptions(study, Organisation(crews=1, priority=("nohub",), tolerance=1e-5))


def test_headings_name_the_sides_of_the_site() -> None:
    frame = pd.DataFrame({"on_a": [1], "on_b": [2], "on_b_mb_s": [3.0]})
    assert list(for_people(frame)) == ["clients on A", "clients on B", "load on B [MB/s]"]
    frame.attrs["sides"] = ("N", "S")
    assert list(for_people(frame)) == ["clients on N", "clients on S", "load on S [MB/s]"]
