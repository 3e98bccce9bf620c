"""The failover cases of the vendor's manual; expected outcomes are read from the facts, not from the code."""

import pytest

import k2rel
from k2rel import InputError

OTHER = {"A": "B", "B": "A"}


@pytest.fixture(scope="module")
def l2r():
    return k2rel.study("L2R", clients=4)


@pytest.fixture(scope="module")
def l3r():
    return k2rel.study("L3R", clients=8)


def sides(outcome):
    return [state.sides["media"] for state in outcome.clients]


def control(outcome, client=0):
    return list(outcome.clients[client].paths["control"])


def test_case_0_everything_runs_through_the_primary_side(l2r) -> None:
    outcome = k2rel.failover(l2r)
    assert outcome.primary == "A"
    assert sides(outcome) == ["A"] * 4
    assert outcome.clients[0].paths["media"] == (
        "client_1", "client_1_media_A", "switch_A", "media_link_A1", "toe_A1", "server_A", "fc_hba_A", "fc_link_A",
        "raid_controller_A", "raid_chassis", "media_raid",
    )  # fmt: skip
    assert control(outcome) == ["client_1", "client_1_control_A", "switch_A", "control_link_A", "server_A"]
    assert all(outcome.services.values())
    assert outcome.out_of_service == ()


@pytest.mark.parametrize("home", ["A", "B"])
def test_case_1_a_client_media_link_moves_that_client_alone(l2r, home) -> None:
    outcome = k2rel.failover(l2r, [f"client_2_media_{home}"], home)
    assert outcome.primary == home
    assert sides(outcome) == [home, OTHER[home], home, home]
    assert control(outcome, 1)[-1] == f"server_{home}"
    controllers = {name for state in outcome.clients for name in state.paths["media"] if "controller" in name}
    assert controllers == {"raid_controller_A", "raid_controller_B"}, "both RAID controllers serve"
    assert all(there for name, there in outcome.services.items())


@pytest.mark.parametrize("home", ["A", "B"])
def test_case_2_a_client_control_link_goes_round_by_the_other_switch_and_the_isl(l2r, home) -> None:
    outcome = k2rel.failover(l2r, [f"client_1_control_{home}"], home)
    other = OTHER[home]
    assert control(outcome) == [
        "client_1", f"client_1_control_{other}", f"switch_{other}", "isl_1", f"switch_{home}",
        f"control_link_{home}", f"server_{home}",
    ]  # fmt: skip
    assert control(outcome, 1)[1] == f"client_2_control_{home}"
    assert outcome.primary == home
    assert sides(outcome) == [home] * 4


@pytest.mark.parametrize("home", ["A", "B"])
@pytest.mark.parametrize(
    "trigger",
    ["media_link_{}1", "media_link_{}2", "toe_{}2", "control_link_{}", "server_{}", "fc_link_{}", "raid_controller_{}"],
)
def test_case_3_any_trigger_moves_all_media_and_the_role_and_control_keeps_its_port(l2r, home, trigger) -> None:
    outcome = k2rel.failover(l2r, [trigger.format(home)], home)
    other = OTHER[home]
    assert outcome.primary == other
    assert outcome.roles == {"file_system": other}
    assert sides(outcome) == [other] * 4
    for client in range(4):
        assert control(outcome, client) == [
            f"client_{client + 1}", f"client_{client + 1}_control_{home}", f"switch_{home}", "isl_1",
            f"switch_{other}", f"control_link_{other}", f"server_{other}",
        ]  # fmt: skip
    assert outcome.services["media"]
    assert outcome.services["control"]
    assert outcome.services["file_system"]
    assert outcome.out_of_service == (f"server_{home}",), "the former primary shuts down"
    assert not outcome.backup_in_service, "until a person places it back there is no redundancy"


@pytest.mark.parametrize("home", ["A", "B"])
def test_case_4_loss_of_the_switch_moves_everything_and_the_control_teams_too(l2r, home) -> None:
    outcome = k2rel.failover(l2r, [f"switch_{home}"], home)
    other = OTHER[home]
    assert outcome.primary == other
    assert sides(outcome) == [other] * 4
    assert control(outcome) == [
        "client_1", f"client_1_control_{other}", f"switch_{other}", f"control_link_{other}", f"server_{other}"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "part", ["server_B", "switch_B", "toe_B1", "fc_link_B", "raid_controller_B", "heartbeat", "isl_1", "isl_2"]
)
def test_loss_on_the_standby_side_changes_nothing_while_a_is_primary(l2r, part) -> None:
    outcome = k2rel.failover(l2r, [part])
    assert outcome.primary == "A"
    assert sides(outcome) == ["A"] * 4
    assert all(outcome.services.values())
    # without the heartbeat nobody would notice that A is lost
    assert outcome.backup_in_service == (part in {"isl_1", "isl_2"})


def test_second_failure_on_the_other_side_is_total_loss(l2r) -> None:
    outcome = k2rel.failover(l2r, ["server_A", "server_B"])
    assert outcome.primary is None
    assert sides(outcome) == [None] * 4
    assert not any(outcome.services.values())


def test_without_a_heartbeat_nobody_takes_over(l2r) -> None:
    assert not k2rel.failover(l2r, ["server_A", "heartbeat"]).services["media"]


def test_without_isls_control_is_lost_when_it_must_cross(l2r) -> None:
    gone = ["isl_1", "isl_2"]
    assert k2rel.failover(l2r, gone).services["control"]
    assert not k2rel.failover(l2r, [*gone, "client_1_control_A"]).services["control"]
    after = k2rel.failover(l2r, [*gone, "server_A"])
    assert not after.services["control"]
    assert after.services["media"]
    assert k2rel.failover(l2r, [*gone, "switch_A"]).services["control"], "case 4 needs no ISL"


def test_when_the_other_side_cannot_take_over_one_lost_toe_takes_only_its_subscribers(l2r) -> None:
    outcome = k2rel.failover(l2r, ["toe_A1", "server_B"])
    assert outcome.primary == "A"
    assert sides(outcome) == [None, "A", None, "A"]
    assert outcome.services["file_system"]
    assert outcome.out_of_service == ()


def test_a_client_without_its_b_link_is_cut_off_by_a_takeover(l2r) -> None:
    assert sides(k2rel.failover(l2r, ["client_3_media_B", "fc_link_A"])) == ["B", "B", None, "B"]


def test_ftp_has_no_automatic_failover_but_an_application_that_retries_reaches_the_other_server(l2r) -> None:
    services = k2rel.failover(l2r, ["server_A"]).services
    assert not services["ftp"]
    assert services["ftp_retry"]


def test_raid_sets_bear_one_drive_and_the_spare_is_no_data(l2r) -> None:
    assert k2rel.failover(l2r, ["media_raid_drive_1", "media_raid_spare_1"]).services["media"]
    assert not k2rel.failover(l2r, ["media_raid_drive_1", "media_raid_drive_2"]).services["media"]
    assert not k2rel.failover(l2r, ["metadata_raid_drive_1", "metadata_raid_drive_2"]).services["file_system"]


def test_one_supply_of_two_is_enough(l2r) -> None:
    assert k2rel.failover(l2r, ["psu_raid_1", "psu_A_1"]).services["media"]
    assert not k2rel.failover(l2r, ["psu_raid_1", "psu_raid_2"]).services["media"]
    assert k2rel.failover(l2r, ["psu_A_1", "psu_A_2"]).primary == "B"


def test_l3r_loss_of_1a_moves_role_and_media(l3r) -> None:
    outcome = k2rel.failover(l3r, ["server_1A"])
    assert outcome.roles == {"file_system": "B", "media_side": "B"}
    assert sides(outcome) == ["B"] * 8


def test_l3r_loss_of_2a_moves_media_only_by_default(l3r) -> None:
    outcome = k2rel.failover(l3r, ["media_link_2A1"])
    assert outcome.roles == {"file_system": "A", "media_side": "B"}
    assert sides(outcome) == ["B"] * 8
    assert control(outcome)[-1] == "server_1A"


def test_l3r_the_other_reading_moves_the_role_with_2a() -> None:
    study = k2rel.study("L3R", clients=8, variant="role_follows_2A")
    outcome = k2rel.failover(study, ["server_2A"])
    assert outcome.roles["file_system"] == "B"
    assert set(outcome.out_of_service) == {"server_1A", "server_2A"}, "the former primary 1A shuts down too"


def test_l3r_by_analogy_with_later_systems_the_loss_of_1a_restarts_2a_too(l3r) -> None:
    study = k2rel.study("L3R", clients=8, variant="restarts_2A")
    assert set(k2rel.failover(study, ["media_link_1A1"]).out_of_service) == {"server_1A", "server_2A"}
    assert set(k2rel.failover(l3r, ["media_link_1A1"]).out_of_service) == {"server_1A"}
    other = k2rel.failover(study, ["media_link_2A1"])
    assert (other.roles["file_system"], other.out_of_service) == ("A", ("server_2A",)), "2A does not restart 1A"


def test_l3r_uses_four_toes_on_each_side(l3r) -> None:
    toes = {state.paths["media"][4] for state in k2rel.failover(l3r).clients}
    assert toes == {"toe_1A1", "toe_1A2", "toe_2A1", "toe_2A2"}


@pytest.mark.parametrize("level", ["L1", "L2", "L3"])
@pytest.mark.parametrize("part", ["switch_A", "raid_controller_A", "raid_chassis"])
def test_non_redundant_levels_lose_all_media_with_one_shared_part(level, part) -> None:
    outcome = k2rel.failover(k2rel.study(level), [part])
    assert set(sides(outcome)) == {None}


def test_l2_one_toe_takes_only_its_subscribers() -> None:
    assert sides(k2rel.failover(k2rel.study("L2"), ["toe_A2"])) == ["A", None, "A", None]


def test_l3_server_2_takes_ftp_and_the_clients_on_its_toes_and_server_1_takes_everything() -> None:
    study = k2rel.study("L3", clients=4)
    second = k2rel.failover(study, ["server_2"])
    assert sides(second) == ["A", "A", None, None]
    assert not second.services["ftp"]
    assert second.services["file_system"]
    first = k2rel.failover(study, ["server_1"])
    assert sides(first) == [None] * 4, "no file system, no media operation at all"


def test_nearline_file_system_role_moves_and_every_server_is_an_active_ftp_server() -> None:
    study = k2rel.study("nearline")
    normal = k2rel.failover(study)
    servers = {name for state in normal.clients for name in state.paths["ftp"] if name.startswith("server")}
    assert servers == {"server_1", "server_2"}
    after = k2rel.failover(study, ["server_1"])
    assert after.services["file_system"]
    assert not after.services["ftp"], "peers tied to server 1"
    assert after.services["ftp_retry"]


def test_load_of_every_client_lands_on_the_side_that_takes_over(l2r) -> None:
    before = {load.element: load.load_mb_s for load in k2rel.failover(l2r).loads}
    after = {load.element: load.load_mb_s for load in k2rel.failover(l2r, ["server_A"]).loads}
    assert before["toe_A1"] == before["toe_A2"] == 50.0
    assert before["fc_link_A"] == 4 * 25 + 25, "four clients and the FTP flow"
    assert after["toe_B1"] == after["toe_B2"] == 50.0
    assert after["fc_link_B"] == 100.0
    assert after["toe_A1"] == 0


def test_demand_above_a_capacity_is_reported_as_overload() -> None:
    outcome = k2rel.failover(k2rel.study("L2R", clients=12))
    over = {load.element for load in outcome.loads if load.overloaded}
    assert "toe_A1" in over
    assert not outcome.services["full_service"]
    assert outcome.services["media"]


def test_a_backup_that_lost_a_toe_does_not_take_over_unless_the_variant_says_so(l2r) -> None:
    failed = ["server_A", "toe_B1"]
    assert sides(k2rel.failover(l2r, failed)) == [None] * 4
    able = k2rel.study("L2R", clients=4, variant="degraded_backup")
    assert sides(k2rel.failover(able, failed)) == [None, "B", None, "B"]


def test_unknown_part_and_side_are_named(l2r) -> None:
    with pytest.raises(InputError, match="did you mean 'switch_A'"):
        k2rel.failover(l2r, ["swtch_A"])
    with pytest.raises(InputError, match="no side 'C'"):
        k2rel.failover(l2r, [], "C")
    with pytest.raises(InputError, match="no side 'B'"):
        k2rel.failover(k2rel.study("L2"), [], "B")


def test_the_manual_cases_are_all_in_the_table_of_cases(l2r) -> None:
    cases = {case.title: case for case in k2rel.failover_cases(l2r)}
    assert {"nothing has failed", "client 1's media A", "client 1's control A", "server A", "switch A"} <= set(cases)
    assert {"media_link_A1", "control_link_A", "fc_link_A", "raid_controller_A"} <= set(cases["server A"].alike)
