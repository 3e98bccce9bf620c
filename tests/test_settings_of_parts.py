"""A part's own data set by hand: as if it stood at the part in the file, and before what is set for its type."""

import re
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import k2rel
from k2rel.design.changes import with_clients
from k2rel.design.comparison import variants
from k2rel.errors import InputError
from k2rel.measures.inputs import inputs_of, site_at
from k2rel.measures.solution import solution_of
from k2rel.site import read_site
from k2rel.studies import studies_of


def figures(study, method="auto"):
    """What a setting of a part can move: services, and each part's own data."""
    table = k2rel.availability(study, method=method).table()
    services = table.loc[["media", "control", "ftp"], ["unavailability", "failures_per_year"]].to_numpy(float)
    parts = k2rel.components(study)
    own = ["failure_rate_per_h", "mttr_h", "test_interval_h", "unavailability", "in_availability"]
    capacities = [part.capacity_mb_s or 0.0 for part in study.site.components.values()]
    return np.concatenate([services.ravel(), parts[own].to_numpy(float).ravel(), capacities])


@cache
def unset(method):
    return figures(k2rel.study("L2R"), method)


@pytest.mark.parametrize("method", ["exact", pytest.param("auto", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("part", "given"),
    [
        ("switch_A", {"mttf": "20000 h"}),
        ("switch_A", {"failure_rate": "1e-4 /h", "mttr": "3 d"}),
        ("switch_A", {"unavailability": "0.001"}),
        ("switch_A", {"rates": "sfp_pred", "temperature": "70"}),
        ("switch_A", {"rates": "hdd_elerath", "age": "5 y"}),
        ("toe_A1", {"test_interval": "90 d", "test_offset": "30 d"}),
        ("toe_A1", {"test_interval": "90 d", "tested": "independently"}),
        ("server_A", {"external": "true"}),
        ("control_link_A", {"mttf": "20000 h"}),
        ("media_A", {"mttr": "9 d"}),
        ("toe_B1", {"capacity": "60 MB/s"}),
    ],
)
def test_a_part_is_set_as_if_it_stood_at_the_part_in_the_file(spoiled, part, given, method) -> None:
    written = ", ".join(f"{key}: {value}" for key, value in given.items())
    old = f"  {part}: {{type: "
    if "capacity" in given:
        path, _ = spoiled("toe_B1: {type: toe, side: B, in: server_B, capacity: =toe_capacity}",
                          "toe_B1: {type: toe, side: B, in: server_B, capacity: 60 MB/s}")  # fmt: skip
    else:
        path, _ = spoiled(old, f"  {part}: {{{written}, type: ")
    by_hand = k2rel.study("L2R", settings={f"{part}.{key}": value for key, value in given.items()})
    found = figures(by_hand, method)
    assert found == pytest.approx(figures(k2rel.study(path), method), rel=1e-12)
    assert not np.allclose(found, unset(method), rtol=1e-9, atol=0)


@pytest.mark.parametrize("part_first", [True, False])
def test_a_part_goes_before_its_type_in_either_order(part_first) -> None:
    near = {"toe_A1.mttf": "1000 h", "toe_A1.capacity": "60 MB/s"}
    far = {"toe.failure_rate": "1e-5 /h", "toe.mttr": "7 h", "toe.capacity": "80 MB/s"}
    study = k2rel.study("L2R", settings={**near, **far} if part_first else {**far, **near})
    laws, parts = study.laws.shared, study.site.components
    assert (laws["toe_A1"].failure_rate_per_h, laws["toe_A1"].mttr_h, parts["toe_A1"].capacity_mb_s) == (1e-3, 7, 60)
    assert (laws["toe_A2"].failure_rate_per_h, laws["toe_A2"].mttr_h, parts["toe_A2"].capacity_mb_s) == (1e-5, 7, 80)
    assert study.provenance.settings == tuple(f"{key}={value}" for key, value in study.site.changed)


def test_a_part_that_is_set_is_on_record_wherever_its_data_are_shown() -> None:
    plain, study = k2rel.study("L2R"), k2rel.study("L2R", settings={"switch_A.mttf": "2e6", "media_A.mttr": "9 h"})
    assert study.provenance.settings == ("switch_A.mttf=2e6 h", "media_A.mttr=9 h")
    assert study.provenance.input_hash != plain.provenance.input_hash
    parts = k2rel.components(study)
    assert parts.loc["switch_A", ["evidence", "source"]].tolist() == ["set", "set by the user"]
    assert parts.loc["switch_B", "evidence"] == "V"
    assert str(parts.loc["client_4_media_A", "source"]).endswith("(time to restoration: set by the user)")
    used = k2rel.rates_used(study).query("type == 'gige_switch'")
    assert used[["count", "failure_rate_per_h", "source"]].to_numpy().tolist()[0] == [1, 5e-7, "set by the user"]
    register = k2rel.assumptions(study).set_index("assumption")
    assert register.loc["switch_A.mttf", "value"] == "2e6"


def test_the_register_names_part_and_type_and_what_the_file_has(spoiled) -> None:
    path, _ = spoiled("\ncomponents:\n", "\ntypes:\n  psu: {mttf: 90000 h, mttr: 5 h}\n\ncomponents:\n")
    given = {"psu_A_1.mttf": "70000 h", "psu.mttf": "80000 h", "toe_A1.capacity": "60 MB/s"}
    register = k2rel.assumptions(k2rel.study(path, settings=given)).set_index("assumption")
    for key in ("psu_A_1.mttf", "psu.mttf"):
        assert register.loc[key, "value"] == given[key]
        assert register.loc[key, "reason"] == f"set by the user ({key}); the file has 90000 h"
    assert register.loc["toe_capacity", "value"] == "100 MB/s; where it was set: 60 MB/s"


def test_a_name_of_a_type_and_a_part_is_the_type(spoiled) -> None:
    path, _ = spoiled("isl_1: {type: isl", "isl_1: {type: switch_A")
    study = k2rel.study(path, settings={"switch_A.mttf": "1000 h", "switch_A.mttr": "2 h"})
    assert study.laws.shared["isl_1"].failure_rate_per_h == 1e-3
    assert study.laws.shared["switch_A"] == k2rel.study("L2R").laws.shared["switch_A"]


def test_drives_of_a_raid_set_are_set_alike_or_not_at_all() -> None:
    both = {f"metadata_raid_drive_{n}.mttf": "50000 h" for n in (1, 2)}
    raid = k2rel.study("L2R", settings=both).laws.raid
    assert raid["metadata_raid"].failure_rate_per_h == 2e-5
    assert raid["journal_raid"] == k2rel.study("L2R").laws.raid["journal_raid"]
    for drive in ("media_raid_drive_3", "media_raid_spare_1"):
        with pytest.raises(
            InputError, match=f"media_raid: the failure data of {drive} are not .* set all 8 to the same values"
        ):
            k2rel.study("L2R", settings={f"{drive}.mttr": "50 h"})


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("media_raid.mttf", r"is a RAID set.*\(drive\.mttf=\.\.\.\).*\(media_raid_drive_1\.mttf=\.\.\. and so on\)"),
        ("client_3_media_A.mttf", r"one client's part.*write media_A\.mttf=\.\.\. for all"),
        ("switch.mttf", r"did you mean 'gige_switch' \(type\), 'switch_A' or 'switch_B' \(part\)\?"),
        ("medai.demand", r"'media' \(traffic class\)"),
        ("warp.mttf", "L2R has no component type or part 'warp'$"),
        ("switch_A.mtf", "unknown key 'mtf'; did you mean 'mttf'"),
        ("switch_A.demand", "unknown key 'demand'"),
        ("media.mttf", "no key 'mttf' that can be set; known: demand, path_failover_coverage, path_failover_time"),
        ("media_A.capacity", "a client's own part has no capacity"),
        ("client_media_link.capacity", "a client's own part has no capacity"),
        ("media_raid_drive_1.external", "external of a drive would have no effect"),
        ("drive.capacity", "capacity of a drive would have no effect"),
        ("switch_A.test_offset", "switch_A: .* has test_offset and no test"),
    ],
)
def test_what_cannot_be_set_is_said_with_what_can(key, said) -> None:
    value = {"external": "true", "capacity": "5 MB/s", "demand": "5 MB/s"}.get(key.rpartition(".")[2], "9 h")
    with pytest.raises(InputError, match=said):
        k2rel.study("L2R", settings={key: value})


def test_the_path_failover_of_a_class_is_set_as_in_the_file(spoiled) -> None:
    """By its own keys, with limits or without; what else the class has stays."""
    setting = {"media.path_failover_time": "30 s (10 s to 2 min)", "media.path_failover_coverage": "0.9"}
    by_hand = k2rel.study("L2R", settings=setting)
    there = "path_failover: {time: {value: 30 s, low: 10 s, high: 2 min}, coverage: 0.9}"
    path, _ = spoiled("path_failover: {time: =path_failover_time}", there)
    path.write_text(re.sub("  path_failover_time:\n(    .*\n)+", "", path.read_text()))
    in_file = k2rel.study(path)
    for study in (by_hand, in_file):
        flow = study.site.traffic["media"]
        assert flow.failover_h * 3600 == pytest.approx(30)
        assert flow.failover_coverage == 0.9
        assert [use.field for use in flow.uses] == ["demand_mb_s", "failover_h"]
        limits = next(item for item in study.site.inputs.values() if item.name.startswith(("media.", "traffic.media.")))
        assert limits.kind == "path failover time"
        assert (limits.low * 3600, limits.high * 3600) == pytest.approx((10, 120))
    register = k2rel.assumptions(by_hand).set_index("assumption")
    assert register.loc["path_failover_time", "value"] == "30 s (10 s to 2 min)"
    assert "the file has 15 s" in register.loc["path_failover_time", "reason"]
    known = k2rel.study("L2R", settings={"media.path_failover_time": "30 s"})
    assert [use.field for use in known.site.traffic["media"].uses] == ["demand_mb_s"], (
        "who gives a value alone knows it"
    )
    other = k2rel.study("L2R", settings={"assumption.path_failover_time": "30 s"})
    assert other.site.traffic["media"].failover_h == known.site.traffic["media"].failover_h
    for key, value, said in (
        ("ftp.path_failover_time", "9 s", "is a site-wide flow"),
        ("media.path_failover_tim", "9 s", "did you mean 'path_failover_time'"),
        ("media.path_failover_time", "9 MB/s", "not a unit of duration"),
        ("media.path_failover_coverage", "0.9 (0.8 to 1.1)", "must be at most 1"),
    ):
        with pytest.raises(InputError, match=said):
            k2rel.study("L2R", settings={key: value})


def test_draws_move_the_time_of_path_changes() -> None:
    """All of one draw: at twice the time the record has twice the time."""
    study = k2rel.study("L2R")
    assert site_at(study.site, {"path_failover_time": 2.0}).traffic["media"].failover_h == 30 / 3600
    assert "path_failover_time" not in inputs_of(solution_of(study)), "no figure that is drawn depends on it"


def test_a_part_of_a_common_cause_must_stay_like_the_others(spoiled) -> None:
    group = '\ncommon_cause:\n  both: {members: [switch_A, switch_B], factors: {"2": 0.05}, evidence: P, reason: x}\n'
    path, _ = spoiled("\ncomponents:\n", group + "\ncomponents:\n")
    for key, value in (("mttf", "1e4 h"), ("external", "true")):
        with pytest.raises(InputError, match="common cause 'both': its parts have different failure rates"):
            k2rel.study(path, settings={f"switch_A.{key}": value})
        alike = {f"switch_{side}.{key}": value for side in "AB"}
        of_type = k2rel.study(path, settings={f"gige_switch.{key}": value})
        assert k2rel.study(path, settings=alike).provenance.input_hash == of_type.provenance.input_hash


def test_twins_that_are_set_apart_are_no_twins_any_more() -> None:
    def twins(**settings):
        given = {f"{name}.mttf": value for name, value in settings.items()}
        return [group.id for group in k2rel.study("L2R", settings=given, common_cause="twins").site.common_cause]

    assert twins() == ["twins_switch_A", *twins(switch_A="1e4 h")]
    assert twins(switch_A="1e4 h", switch_B="1e4 h") == twins(gige_switch="1e4 h") == twins()


def test_what_reads_a_site_again_keeps_the_part_s_setting() -> None:
    study = k2rel.study("L2R", settings={"media_B.mttr": "9 h", "switch_A.mttf": "1000 h"})
    more = with_clients(study, 6)
    assert more.laws.shared["switch_A"].failure_rate_per_h == 1e-3
    assert k2rel.components(more).loc["client_6_media_B", "mttr_h"] == 9
    table = variants(study)
    read = k2rel.study("L2R", settings=dict(study.site.changed), variant="degraded_backup")
    media = k2rel.availability(read).table().loc["media", "downtime_min_per_year"]
    assert table.loc["media", "degraded_backup"] == pytest.approx(media, rel=1e-9)


def test_of_several_levels_each_takes_the_parts_it_has() -> None:
    found = studies_of(["L2R", "nearline"], settings={"toe_A1.mttf": "1000 h", "client.external": "false"})
    assert found["L2R"].provenance.settings[0] == "toe_A1.mttf=1000 h"
    assert not any(text.startswith("toe_A1") for text in found["nearline"].provenance.settings)
    with pytest.raises(InputError, match=r"no component type or part 'toe_A7'; did you mean .*'toe_A1'"):
        studies_of(["nearline", "L2R"], settings={"toe_A7.mttf": "1000 h"})


def test_the_command_takes_a_part(k2) -> None:
    run = k2("availability", "L2R", "--set", "switch_A.mttf=2000000", "--set", "gige_switch.mttf=1e5")
    assert run.code == 0
    assert "switch_A.mttf=2000000 h" in run.out


SITE = read_site("L2R")
VALUES = {"mttf": "30000 h", "failure_rate": "2e-5 /h", "unavailability": "0.002", "mttr": "17 h"}


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(sorted({part.type for part in SITE.described.values()})),
    chosen=st.sets(st.sampled_from(sorted(VALUES)), min_size=1, max_size=2),
    other=st.sampled_from(["mttf", "mttr"]),
    random=st.randoms(use_true_random=False),
)
def test_setting_every_part_of_a_type_is_setting_the_type(kind, chosen, other, random) -> None:
    whole = {f"{kind}.{key}": VALUES[key] for key in sorted(chosen)}
    names = [part.id for part in SITE.described.values() if part.type == kind and part.id != kind]
    singly = [(f"{name}.{key}", VALUES[key]) for key in sorted(chosen) for name in names]
    if len(names) < sum(part.type == kind for part in SITE.described.values()):
        return  # a part of the type's own name cannot be set alone
    hidden = [(f"{kind}.{other}", "77777 h")] if other in chosen else []
    if len(chosen & {"mttf", "failure_rate", "unavailability"}) < 2:  # else the last that is written goes
        random.shuffle(singly)
    at = random.randrange(len(singly) + 1)
    one, all_of = (k2rel.study("L2R", settings=dict(given)) for given in ([*singly[:at], *hidden, *singly[at:]], whole))
    assert one.site.described == all_of.site.described
    assert one.laws == all_of.laws
    assert one.provenance.input_hash == all_of.provenance.input_hash
