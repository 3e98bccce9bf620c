"""What is said beside the figures is true: who stands by, what is in use, what was meant, what a target asks for."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

import k2rel
from k2rel import InputError
from k2rel.design.advice import advise
from k2rel.errors import closest
from k2rel.logic.rounding import at_most_one
from k2rel.measures.availability import takeovers
from k2rel.measures.role_downtime import why_they_differ
from k2rel.organisation import Organisation
from k2rel.site import document
from k2rel.site.findings import known_keys
from k2rel.sweep import read_sweep
from k2rel.units import availability_percent

# a backup that stands by is one that would take over


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        ([], True),
        (["heartbeat"], False),  # nobody would notice that A is lost
        (["toe_B1"], False),
        (["isl_1"], True),
        (["switch_A"], False),  # B is primary, A shut down
        (["heartbeat", "switch_A"], False),  # A stays primary, unnoticed
    ],
)
def test_a_backup_stands_by_if_the_next_loss_moves_the_role(k2, failed, expected) -> None:
    """The rule itself is asked: with A's FC link lost too, the role is at the other side or it is not."""
    study = k2rel.study("L2R")
    outcome = k2rel.failover(study, failed)
    assert outcome.backup_in_service is expected
    assert outcome.standby == {"file_system": expected}
    if outcome.primary == "A" and "switch_A" not in failed:
        moved = k2rel.failover(study, [*failed, "fc_link_A"]).roles["file_system"] == "B"
        assert moved is expected
    run = k2("failover", "L2R", *(word for part in failed or ["isl_2"] for word in ("--fail", part)))
    assert f"standby ready: {'yes' if expected else 'NO'}" in run.out


def test_each_role_has_a_backup_of_its_own_on_level_3r(k2) -> None:
    run = k2("failover", "L3R", "--fail", "heartbeat_2")
    assert "standby ready for file_system: yes" in run.out
    assert "standby ready for media_side: NO" in run.out
    assert k2("failover", "L3R", "--fail", "heartbeat_2", "--format", "json").json["standby"] == {
        "file_system": True, "media_side": False,
    }  # fmt: skip


def test_a_backup_that_may_be_degraded_stands_by_while_it_is_able() -> None:
    degraded = k2rel.study("L2R", variant="degraded_backup")
    assert k2rel.failover(degraded, ["toe_B1"]).backup_in_service
    assert not k2rel.failover(degraded, ["server_B"]).backup_in_service
    assert not k2rel.failover(degraded, ["toe_B1", "heartbeat"]).backup_in_service


def test_with_automatic_failback_nothing_waits_for_a_person(spoiled, k2) -> None:
    path, _ = spoiled("failback: manual", "failback: automatic")
    run = k2("failover", path, "--fail", "switch_A")
    assert "out of service until restored: server_A" in run.out
    assert "until returned to service" not in run.out
    assert k2("failover", path, "--fail", "switch_A", "--format", "json").json["returns_by_itself"] == ["server_A"]
    assert "until returned to service" not in k2("failover", path).out
    assert "out of service until returned to service: server_A" in k2("failover", "L2R", "--fail", "switch_A").out
    study = k2rel.study(path)
    words = why_they_differ(study, Organisation(tolerance=1e-6))
    assert "an operator returns it to service" not in words
    assert "Roles go back to the preferred side by themselves" in words
    register = k2rel.assumptions(study).set_index("assumption")
    assert "come back into service by themselves" in register.loc["takeovers as modelled: restart", "value"]
    assert "swapped" not in register.loc["preferred side", "reason"]


# moves at the preferred side are moves


def test_roles_at_the_preferred_side_move_as_often_as_the_static_table_says(k2) -> None:
    """Independent parts: the chain and the structure function count the same losses of the side."""
    organisation = Organisation(roles="ideal", tolerance=1e-6)
    study = k2rel.study("L2R")
    found = k2rel.performability(study, organisation, method="markov")
    assert found["takeovers_per_year"] == pytest.approx(takeovers(study)["takeovers_per_year"].max(), rel=1e-3)
    assert found["failed_takeovers_per_year"] == 0.0
    assert k2rel.performability(k2rel.study("L1"), organisation, method="markov")["takeovers_per_year"] == 0.0
    run = k2("simulate", "L2R", "--roles", "preferred", "--histories", "50", "--format", "json")
    assert not {"takeovers_per_year", "failed_takeovers_per_year"} & set(run.json["load"]), "they are not counted there"


# the register shows what is in use


def register(study):
    frame = k2rel.assumptions(study).set_index("assumption")
    return {name: (row["value"], row["reason"]) for name, row in frame.iterrows() if "set by the user" in row["reason"]}


def test_the_register_shows_the_values_in_use_and_the_file_s_beside_them() -> None:
    assert register(k2rel.study("L2R")) == {}
    assert register(k2rel.study("L2R", clients=4)) == {}, "the file's own value"
    assert register(k2rel.study("L2R", clients=20)) == {"clients": ("20", "set by the user (clients); the file has 4")}
    study = k2rel.study(
        "L2R",
        settings={"toe.capacity": "80 MB/s", "assumption.media_drives": "5", "media.demand": "30 MB/s", "nic.mttf": "1e5 h"}
        if "nic" in {part.type for part in k2rel.study("L2R").site.client_parts.values()}
        else {"toe.capacity": "80 MB/s", "assumption.media_drives": "5", "media.demand": "30 MB/s"},
        variant="degraded_backup",
    )  # fmt: skip
    found = register(study)
    assert found["toe_capacity"] == ("80 MB/s", "set by the user (toe.capacity); the file has 100 MB/s")
    assert found["media_drives"] == ("5", "set by the user (assumption.media_drives); the file has 7")
    assert found["client_demand"] == ("30 MB/s", "set by the user (media.demand); the file has 25 MB/s")
    assert found["backup_rule"] == ("able", "set by the user (variant degraded_backup); the file has healthy")
    assert "variant" in found
    assert "assumption.media_drives=5" in study.provenance.settings


def test_an_assumption_that_is_set_for_some_of_its_places_says_so(spoiled) -> None:
    path, _ = spoiled("capacity: =fc_capacity", "capacity: =gige_capacity")
    study = k2rel.study(path, settings={"media_link.capacity": "2 Gb/s"})
    value, reason = register(study)["gige_capacity"]
    assert value == "1 Gb/s; where it was set: 2 Gb/s"
    assert reason == "set by the user (media_link.capacity); the file has 1 Gb/s"


def test_what_is_set_that_no_assumption_is_about_has_a_row_of_its_own(spoiled) -> None:
    path, _ = spoiled("count: =clients", "count: 4")
    assert register(k2rel.study(path, clients=20))["clients"][0] == "20"
    found = register(k2rel.study("L1", settings={"media_server.mttr": "4 h"}))
    assert found["media_server.mttr"] == ("4 h", "set by the user (media_server.mttr); the file does not state it")
    found = k2rel.assumptions(k2rel.study("L2R"), Organisation(crews=1, return_to_service_h=8.0)).set_index(
        "assumption"
    )
    assert found.loc["takeovers as modelled: return to service", "value"] == "8 h"
    assert "the default is 1 h" in found.loc["takeovers as modelled: return to service", "reason"]
    assert found.loc["takeovers as modelled: repair crews", "value"] == "1, set by the user"


@pytest.mark.parametrize("verb", ["compare", "report", "spares"])
def test_an_option_that_would_be_passed_over_is_refused(k2, tmp_path, verb) -> None:
    run = k2(verb, "L2R", "--variant", "degraded_backup", *(["--output", tmp_path] if verb == "report" else []))
    assert run.code == 2
    assert f"--variant: k2rel {verb} takes sites as their files have them" in run.err


# what was meant


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("server_a", ["server_A", "server_B"], "; did you mean 'server_A'?"),
        ("server_b", ["server_A", "server_B"], "; did you mean 'server_B'?"),
        ("SERVER_A", ["server_A", "server_B"], "; did you mean 'server_A'?"),
        ("sever_a", ["server_A", "server_B"], "; did you mean 'server_A'?"),
        ("media-link a1", ["media_link_A1", "media_link_A2", "media_link_B1"], "; did you mean 'media_link_A1'?"),
        ("toe_a3", ["toe_A1", "toe_A2", "toe_B1", "toe_B2"], "; did you mean 'toe_A1' or 'toe_A2'?"),
        ("server_C", ["server_A", "server_B"], "; did you mean 'server_A' or 'server_B'?"),
        ("zzz", ["server_A", "server_B"], "; known: server_A, server_B"),
        ("x", [], ""),
    ],
)
def test_suggestions_hold_to_the_side_that_was_written(word, known, expected) -> None:
    assert closest(word, known) == expected


def test_entries_are_suggested_where_they_may_stand(k2, tmp_path) -> None:
    text = "format: 2\nname: x\ntitle: t\n"
    path = tmp_path / "x.yaml"
    for more, message in (
        ("common_cause:\n  pair: {members: [a, b], factor: {'2': 0.1}}\n", "common_cause.pair.factor: is not a known entry here; did you mean 'factors'?"),
        ("common_cause:\n  pair: {count: 3}\n", "known: evidence, factors, members, model, reason, source"),
        ("clients: {coumt: 4}\n", "did you mean 'count'"),
        ("traffic:\n  media: {paths: [{sides: A}]}\n", "did you mean 'side'"),
        ("roles:\n  r: {holders: [{unit: [u]}]}\n", "did you mean 'units'"),
    ):  # fmt: skip
        path.write_text(text + more)
        run = k2("check", path)
        assert run.code == 2
        assert message in run.err
    assert known_keys(document.SiteDocument, ("sides",)) == []
    assert known_keys(document.SiteDocument, ("common_cause",)) == []
    assert "parts" in known_keys(document.SiteDocument, ("clients",))


def test_every_form_of_a_site_file_knows_its_own_entries() -> None:
    """An unknown entry at any place of a site file is refused with the entries of that place, or with none."""
    for path in (
        (),
        ("components", "c"),
        ("clients", "parts", "p"),
        ("raid_sets", "r"),
        ("units", "u"),
        ("variants", "v"),
    ):
        names = known_keys(document.SiteDocument, path)
        data: dict[str, object] = {"xyzzy": 1}
        for key in reversed(path):
            data = {key: data}
        with pytest.raises(ValidationError) as error:
            document.SiteDocument.model_validate(data)
        own = {e["loc"][-1] for e in error.value.errors() if e["type"] == "missing" and e["loc"][: len(path)] == path}
        assert {name for name in own if name not in path} <= set(names)


# what a target asks for


@pytest.mark.parametrize("given", [0.99999, "0.99999", "0.99999 %", 1, 49.999, "0", 100, "100", -1, float("nan")])
def test_a_target_below_50_percent_is_refused_by_one_rule_everywhere(given, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"below 50 %|from 50 to below 100 %"):
        availability_percent(given)
    study = k2rel.study("L1")
    for call in (
        lambda: k2rel.read_target(given, study.site),
        lambda: k2rel.judge(study, {"media": given}),
        lambda: advise(study, target_percent=given, pairs=False),
    ):
        with pytest.raises(InputError, match=r"target: .*(below 50 %|from 50 to below 100 %)"):
            call()


def test_a_target_that_is_a_share_is_asked_about(k2, tmp_path) -> None:
    asked = "0.99999 % is below 50 %; an availability is written in percent: did you mean 99.999?"
    run = k2("report", "L1", "--target", "0.99999", "--output", tmp_path / "out")
    assert (run.code, asked in run.err) == (2, True)
    assert asked in k2("advise", "L1", "--target", "0.99999").err
    assert "such as 99.99; got 99,99" in k2("advise", "L1", "--target", "99,99").err
    file = tmp_path / "target.yaml"
    file.write_text("media: 99.99\nfull_service: 0.99999\n")
    run = k2("report", "L1", "--target", file, "--output", tmp_path / "out")
    assert (run.code, asked in run.err) == (2, True)
    assert "target.yaml:2" in run.err
    spec = tmp_path / "spec.yaml"
    spec.write_text("levels: [L1]\ntargets: [99.9, 0.99999]\n")
    with pytest.raises(InputError, match=r"spec.yaml:2: targets.1: 0.99999 % is below 50 %"):
        read_sweep(spec)
    assert k2rel.read_target("99.99 %", k2rel.study("L1").site) == {"media": 99.99}


# a probability is at most 1


@pytest.mark.parametrize("level", ["L1", "L2R"])
@pytest.mark.parametrize("mttr", ["1e4 h", "1e7 h"])
@pytest.mark.usual("1e4 h-L1", "1e7 h-L1", "1e7 h-L2R")
def test_no_probability_passes_1_where_nearly_everything_is_down(level, mttr) -> None:
    site = k2rel.study(level).site
    kinds = {part.type for part in (*site.components.values(), *site.client_parts.values())}
    study = k2rel.study(level, settings={f"{kind}.{key}": value for kind in kinds for key, value in (("mttf", "1 h"), ("mttr", mttr))})  # fmt: skip
    values = [
        value
        for item in k2rel.availability(study, method="exact").services
        for value in (item.unavailability, item.availability)
    ]
    values += k2rel.over_time(study, "media", [1.0, 1e2, 1e4, 1e6], method="exact").to_numpy().ravel().tolist()
    values += [p for *_, p in k2rel.load(study, method="exact").side_distribution] + k2rel.served(
        study, method="exact"
    ).to_numpy().ravel().tolist()
    slow = k2rel.study(level, settings={f"{kind}.mttr": "9e9 h" for kind in kinds})
    values += np.concatenate(
        list(k2rel.uncertainty(slow, samples=100, method="exact").unavailability.values())
    ).tolist()
    assert max(values) <= 1.0
    assert min(values) >= 0.0
    assert max(values) > 0.999999


def test_only_rounding_is_cut() -> None:
    assert at_most_one(1.0 + 4e-16) == 1.0
    assert at_most_one(1.01) == 1.01
    assert at_most_one(np.array([0.5, 1.0 + 1e-15, 2.0])).tolist() == [0.5, 1.0, 2.0]


def test_the_json_of_failover_keeps_its_keys(k2) -> None:
    answer = json.loads(k2("failover", "L2R", "--fail", "switch_A", "--format", "json").out)
    assert {"level", "failed", "home", "primary", "roles", "out_of_service", "backup_in_service", "clients"} <= set(
        answer
    )


def test_an_assumption_that_nothing_takes_cannot_be_set(k2) -> None:
    """An assumption in words, as the number of inter-switch links beside the links themselves, changes no figure."""
    run = k2("availability", "L2R", "--set", "assumption.isl_count=1")
    assert run.code == 2
    assert "nothing in" in run.err
    assert "'=isl_count'" in run.err
    assert k2("availability", "L2R", "--set", "assumption.coverage=0.9").code == 0
