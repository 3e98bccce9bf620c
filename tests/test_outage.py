"""After the fact: the log of a past period beside the model.

Expected downtimes are counted by hand, by a second implementation of the rules (`past_course`), and on sites without
roles by an enumeration of single states; probabilities come from SciPy's distributions and closed forms.
"""

import itertools
import math
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import k2rel
from k2rel.bundled import data_dir
from k2rel.errors import InputError
from k2rel.field import (
    Exposure,
    PartFailure,
    Placement,
    RoleMove,
    SiteLog,
    Takeovers,
    Times,
    read_events,
)
from k2rel.measures.past_counts import holm, parts_seen, repairs_seen, types_seen
from k2rel.measures.past_replay import past_course
from k2rel.measures.solution import solution_of
from k2rel.measures.window_engines import known_windows
from k2rel.rates import write_rates
from k2rel.site.source import yaml_source
from tests.enumerated import state
from tests.past_course import Course
from tests.random_takeovers import random_study

EXAMPLE = data_dir() / "examples" / "field" / "past_year.csv"
HEAD = "part,failed,restored,role,from,to,at,until,outcome,trigger\n"
YEAR = ("--from", "2024-01-01", "--to", "2025-01-01")
SECONDS_45 = 45 / 3600  # the switchover time of Level 2R


@pytest.fixture(scope="module")
def study():
    return k2rel.study("L2R")


@pytest.fixture(scope="module")
def example(study):
    return k2rel.outage(study, EXAMPLE, begin="2024-01-01", until="2025-01-01", services="media")


def downtimes(study, log, organisation=None):
    return {each.service.name: each for each in past_course(study, log, organisation).outages}


# --- the replay ------------------------------------------------------------------------------------------------------


def test_where_the_log_has_no_moves_the_rules_move_the_role(study) -> None:
    log = SiteLog(0.0, 100.0, (PartFailure("server_A", 10.0, 16.0),))
    found = downtimes(study, log)
    assert found["media"].downtime_h == pytest.approx(SECONDS_45, rel=1e-9)  # on its way to B
    assert found["media"].failures == 1
    assert found["ftp"].downtime_h == pytest.approx(6.0 + 1.0, rel=1e-9)  # tied to server A, which a person puts back
    later = downtimes(study, log, k2rel.Organisation(return_to_service_h=2.5))
    assert later["ftp"].downtime_h == pytest.approx(6.0 + 2.5, rel=1e-9)


def test_a_role_that_has_not_moved_back_is_lost_by_a_failure_of_its_present_side(study) -> None:
    both = (PartFailure("server_A", 10.0, 16.0), PartFailure("toe_B1", 30.0, 33.0))
    course = past_course(study, SiteLog(0.0, 100.0, both), None)
    media = course.outages[0]
    assert media.service.name == "media"
    assert [begin for begin, _ in media.down[0]] == [10.0, 30.0]  # B has it since 10.0, and its media link moves it
    assert course.replay.takeover.words(course.replay.stretches[-1].control) == "file_system at A"


def test_with_both_sides_lost_the_second_failure_takes_everything(study) -> None:
    log = SiteLog(0.0, 100.0, (PartFailure("server_A", 10.0, 16.0), PartFailure("server_B", 12.0, 15.0)))
    course = past_course(study, log, None)
    media = next(each for each in course.outages if each.service.name == "media")
    # B is back at 15 and held the role as it failed; nobody else could take it. It is out of service then, and placed
    # by a person an hour later, unless the rule of the level lets it go on; either way nothing is up from 12 to 15
    (first, second) = media.down[0]
    assert first == pytest.approx((10.0, 10.0 + SECONDS_45))
    assert second[0] == 12.0
    assert second[1] >= 15.0


def test_the_log_says_where_the_role_was(study) -> None:
    failures = (PartFailure("server_A", 10.0, 16.0), PartFailure("toe_A1", 40.0, 41.0))
    moves = (
        RoleMove("file_system", 10.0, "B", "A", outcome="failed"),
        RoleMove("file_system", 10.5, "server_B", outcome="by hand"),
    )
    log = SiteLog(0.0, 100.0, failures, moves, (Placement("server_A", 20.0),))
    course = past_course(study, log, None)
    found = {each.service.name: each for each in course.outages}
    assert found["media"].down[0] == ((10.0, 10.5),)  # it stayed at B, where the loss of toe_A1 is nothing
    assert found["ftp"].down[0] == ((10.0, 20.0),)
    assert course.replay.returned == (("server_A", 4.0),)  # good again at 16, placed in service at 20
    assert "file_system: position as the log states" in course.notes


def test_a_role_that_the_log_leaves_where_it_is_stays_there_and_that_is_said(study) -> None:
    log = SiteLog(
        0.0, 100.0, (PartFailure("server_A", 10.0, 16.0),), (RoleMove("file_system", 50.0, "B", outcome="planned"),)
    )
    course = past_course(study, log, None)
    media = course.outages[0].down[0]
    assert media[0][0] == 10.0
    assert media[0][1] >= 16.0
    (note,) = [text for text in course.notes if "stayed" in text]
    assert "1970-01-01 10:00 to 1970-01-01 16:00" in note


def test_moves_take_the_switchover_time_unless_the_log_says_how_long(study) -> None:
    failure = (PartFailure("server_A", 10.0, 16.0),)
    usual = downtimes(study, SiteLog(0.0, 100.0, failure, (RoleMove("file_system", 10.0, "B"),)))
    assert usual["media"].downtime_h == pytest.approx(SECONDS_45)
    slow = downtimes(study, SiteLog(0.0, 100.0, failure, (RoleMove("file_system", 10.2, "B", until_h=10.7),)))
    assert slow["media"].downtime_h == pytest.approx(0.7)  # lost from the failure on, before the takeover begins


def test_what_stands_when_the_period_begins_or_ends_counts_as_downtime_and_not_as_a_failure(study) -> None:
    log = SiteLog(100.0, 200.0, (PartFailure("raid_chassis", 90.0, 103.0), PartFailure("raid_chassis", 198.0)))
    course = past_course(study, log, None)
    media = course.outages[0]
    assert media.downtime_h == pytest.approx(3.0 + 2.0)
    assert media.failures == 1
    assert next(each for each in parts_seen(study, course.log) if each.name == "raid_chassis").failures == 1
    assert not repairs_seen(study, course.log)  # one began before the period, of the other it is not known how it ends
    assert any("failed when the period began: raid_chassis" in note for note in course.notes)
    assert any("not restored in the log: raid_chassis" in note for note in course.notes)


def test_what_fails_at_the_first_moment_fails_in_the_period(study) -> None:
    log = SiteLog(100.0, 200.0, (PartFailure("raid_chassis", 100.0, 103.0),))
    assert downtimes(study, log)["media"].failures == 1
    assert parts_seen(study, log)[0].failures == 1


def test_a_failure_of_one_clients_own_part_counts_for_that_client(study) -> None:
    both = (PartFailure("client_3_media_A", 10.0, 14.0), PartFailure("client_3_media_B", 12.0, 18.0))
    found = downtimes(study, SiteLog(0.0, 100.0, both))
    assert found["media"].downtime_h == pytest.approx(2.0)
    of_clients = [each.downtime_h for name, each in found.items() if name.startswith("media_client")]
    assert sum(of_clients) == pytest.approx(2.0 / 2)  # of two groups, the mean over the two clients of one
    assert found["lost_2_or_more_clients"].downtime_h == 0.0
    assert found["full_service"].downtime_h == pytest.approx(2.0)


def test_an_external_part_is_left_out_and_said(study) -> None:
    course = past_course(study, SiteLog(0.0, 100.0, (PartFailure("client_1", 10.0, 20.0),)), None)
    assert course.outages[0].downtime_h == 0.0
    assert any("client_1: the model counts no failures of it (external)" in note for note in course.notes)


@st.composite
def moves(draw):
    """Moves of a role between two holders, each with how long nobody has it, and who moved it."""
    hours = draw(st.lists(st.integers(1, 90), unique=True, min_size=1, max_size=6).map(sorted))
    found, at = [], "A"
    for hour in hours:
        to, minutes = "B" if at == "A" else "A", draw(st.integers(0, 55))
        how = draw(st.sampled_from(["succeeded", "planned", "by hand", "failed"]))
        until = hour + minutes / 60
        if how == "failed":  # and then placed where it was to go, or where it was
            to = draw(st.sampled_from("AB"))
            found += [
                RoleMove("file_system", float(hour), outcome="failed"),
                RoleMove("file_system", until, to, outcome="by hand"),
            ]
        else:
            found.append(RoleMove("file_system", float(hour), to, at, until, how))
        at = to
        found[-1] = replace(found[-1], until_h=until)
    return tuple(found)


@settings(max_examples=20, deadline=None)
@given(rows=moves())
def test_a_role_that_the_log_moves_is_with_nobody_from_when_it_left_until_it_arrived(study, rows) -> None:
    lost = 0.0
    for row, later in itertools.zip_longest(rows, rows[1:]):
        lost += (later.at_h if row.outcome == "failed" else row.until_h) - row.at_h
    found = downtimes(study, SiteLog(0.0, 100.0, (), rows))
    assert found["file_system"].downtime_h == pytest.approx(lost, abs=1e-9)
    assert found["media"].downtime_h == pytest.approx(lost, abs=1e-9)


def _random_failures(chance, parts, end_h, every_h=80.0, lasts_h=6.0):
    for part in parts:
        at = chance.expovariate(1 / every_h)
        while at < end_h:
            until = at + chance.expovariate(1 / lasts_h)
            yield part, at, until
            at = until + 1e-3 + chance.expovariate(1 / every_h)


QUICK = (3, 15, 35, 54)


@pytest.mark.parametrize(
    "seed", [seed if seed in QUICK else pytest.param(seed, marks=pytest.mark.slow) for seed in range(100)]
)
def test_rules_of_every_kind_are_followed_as_a_second_implementation_follows_them(tmp_path, seed) -> None:
    site = random_study(tmp_path, seed)
    parts = [name for name, law in site.laws.shared.items() if law.failure_rate_per_h > 0]
    failures = list(_random_failures(random.Random(seed), parts, 300.0))
    expected = Course(site.site, 1.5, 0.7).downtime(failures, 300.0)
    who = k2rel.Organisation(manual_takeover_h=1.5, return_to_service_h=0.7)
    log = SiteLog(0.0, 300.0, tuple(PartFailure(*each) for each in failures))
    found = downtimes(site, log, who)
    both = sorted(expected.keys() & found.keys())
    assert both
    assert sum(expected[name] for name in both) > 0 or seed not in QUICK
    for name in both:
        assert found[name].downtime_h == pytest.approx(expected[name], rel=1e-9, abs=1e-9), name


DESIGNS = {
    name: (yaml_source(path.read_text(), path.name).data, k2rel.study(str(path)))
    for name in ("fc_round_robin", "rack_power", "fc_alua")  # what holds follows from what has failed alone
    for path in [data_dir() / "examples" / "designs" / f"{name}.yaml"]
}


@st.composite
def periods(draw):
    """A design, and failures of each part that do not overlap, in whole hours."""
    name = draw(st.sampled_from(sorted(DESIGNS)))
    site, found = DESIGNS[name][1].site, []
    own = sorted(part.id for part in site.parts() if not part.external)
    for part in draw(st.lists(st.sampled_from(own), unique=True, min_size=2, max_size=6)):
        times = draw(st.lists(st.integers(1, 40), unique=True, min_size=2, max_size=6).map(sorted))
        found += [(part, float(a), float(b)) for a, b in zip(times[::2], times[1::2], strict=False)]
    return name, found


@settings(max_examples=30, deadline=None)
@given(period=periods())
def test_without_roles_downtime_is_that_of_the_states_one_after_another(period) -> None:
    name, failures = period
    document, site = DESIGNS[name]
    times = sorted({0.0, 50.0, *(time for _, *both in failures for time in both)})
    expected: dict[str, float] = {}
    begun: dict[str, int] = {}
    before: dict[str, bool] = {}
    for begin, end in itertools.pairwise(times):
        now = [part for part, failed, restored in failures if failed <= begin < restored]
        for service, up in state(document, now)["services"].items():
            expected[service] = expected.get(service, 0.0) + (0.0 if up else end - begin)
            begun[service] = begun.get(service, 0) + (before.get(service, True) and not up)
            before[service] = up
    found = downtimes(site, SiteLog(0.0, 50.0, tuple(PartFailure(*each) for each in failures)))
    assert expected.keys() <= found.keys()
    for service, hours in expected.items():
        assert found[service].downtime_h == pytest.approx(hours, abs=1e-9), service
        assert found[service].failures == begun[service], service


# --- what is expected, and how probable what was seen is -------------------------------------------------------------


def test_what_is_expected_is_what_availability_says_for_so_long(study, example) -> None:
    for usual in k2rel.availability(study):
        seen = next(each for each in example.services if each.service == usual.service)
        assert seen.expected_downtime_h == usual.unavailability * 8784
        assert seen.expected_failures == usual.frequency_per_h * 8784
    assert len(example.services) == len(list(k2rel.availability(study)))


def test_numbers_of_failures_have_the_tails_of_scipys_poisson_distribution(study, example) -> None:
    log = read_events(EXAMPLE, "2024-01-01", "2025-01-01")
    assert log.hours == 366 * 24
    psu = next(each for each in types_seen(study, log) if each.name == "psu")
    assert (psu.parts, psu.failures, psu.hours) == (6, 3, 6 * 8784)
    mean = 6 * 8784 * study.laws.shared["psu_A_1"].failure_rate_per_h
    assert psu.expected == pytest.approx(mean, rel=1e-12)
    assert psu.p_more == pytest.approx(stats.poisson.sf(2, mean), rel=1e-12)
    assert psu.p_fewer == pytest.approx(stats.poisson.cdf(3, mean), rel=1e-12)
    every = parts_seen(study, log)
    assert sum(each.failures for each in every) == 8
    one = next(each for each in every if each.name == "software_A")
    rate = study.laws.shared["software_A"].failure_rate_per_h
    assert one.p_more == pytest.approx(stats.poisson.sf(1, 8784 * rate), rel=1e-12)
    assert [each.name for each in example.often()] == ["psu", "isl"]
    assert len(every) == len(study.site.part_ids) - 4  # clients themselves are outside of the model


def test_of_many_that_are_looked_at_holm_s_adjustment_is_taken() -> None:
    values = [0.004, 0.5, 0.011, 0.03, 0.011]
    # sorted: 0.004 * 5, 0.011 * 4, 0.011 * 3 (not below the one before), 0.03 * 2, 0.5 * 1
    assert holm(values) == pytest.approx([0.02, 0.5, 0.044, 0.06, 0.044])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_repair_times_are_gamma_about_their_mean(study) -> None:
    rows = (PartFailure("psu_A_1", 10.0, 22.0), PartFailure("psu_B_1", 40.0, 49.0), PartFailure("psu_B_2", 60.0))
    (found,) = repairs_seen(study, SiteLog(0.0, 100.0, rows))
    mean = study.laws.shared["psu_A_1"].mttr_h
    assert (found.count, found.mean_h, found.mttr_h) == (2, 10.5, mean)
    assert found.p_longer == pytest.approx(stats.gamma.sf(21.0, 2, scale=mean), rel=1e-12)
    assert found.p_shorter == pytest.approx(stats.gamma.cdf(21.0, 2, scale=mean), rel=1e-12)


def _one_part(mttf_h, mttr_h):
    office = k2rel.describe("shed", "One machine", sides={"A": "only"})
    office.clients(1).client_part("client", type="ideal")
    office.type("ideal", failure_rate="0 /h", mttr="1 h", source="test", evidence="P")
    office.type("machine", mttf=f"{mttf_h} h", mttr=f"{mttr_h} h", source="test", evidence="P")
    office.component("machine", type="machine", side="A")
    office.traffic("files", demand="1 MB/s")
    office.client_part("cable", type="ideal", side="A", between=["client", "machine"])
    office.path("A", ["client", "cable", "machine"])
    return k2rel.study(office.build())


def test_the_period_of_one_machine_has_the_probabilities_of_the_closed_forms() -> None:
    site, hours = _one_part(1000, 50), 2000.0
    lam, mu = 1e-3, 1 / 50
    up, down = mu / (lam + mu), lam / (lam + mu)
    quiet = k2rel.outage(site, SiteLog(0.0, hours)).services[0]
    none = up * math.exp(-lam * hours)
    assert quiet.p_less_downtime == pytest.approx(none, rel=1e-6)
    assert quiet.p_more_downtime == 1.0
    # no failure begins: always up, or down at first, restored, and up from then on (or not restored at all)
    restored = mu / (mu - lam) * (math.exp(-lam * hours) - math.exp(-mu * hours))
    assert quiet.p_fewer_failures == pytest.approx(none + down * (math.exp(-mu * hours) + restored), rel=1e-6)
    assert quiet.expected_downtime_h == pytest.approx(down * hours, rel=1e-9)
    assert quiet.expected_failures == pytest.approx(lam * up * hours, rel=1e-9)
    rows = (PartFailure("machine", 100.0, 400.0), PartFailure("machine", 700.0, 1000.0))
    bad = k2rel.outage(site, SiteLog(0.0, hours, rows)).services[0]
    window = known_windows(solution_of(site, "auto", None), "files", hours)
    (above,) = (each.value for each in window.longer_than([600.0]))
    assert (bad.downtime_h, bad.failures) == (600.0, 2.0)
    assert bad.p_more_downtime == pytest.approx(above, rel=1e-12)
    assert bad.p_downtime == pytest.approx(2 * above, rel=1e-9)
    assert bad.p_more_failures + bad.p_fewer_failures == pytest.approx(1 + window.numbers()[2].value, rel=1e-9)


def test_of_many_periods_drawn_from_the_model_one_in_ten_is_called_as_far_out() -> None:
    site, hours, chance = _one_part(400, 40), 1000.0, random.Random(4)
    tenth = known_windows(solution_of(site, "auto", None), "files", hours).quantile(0.9).value
    beyond = 0
    for _ in range(2000):
        at, is_up, down = 0.0, chance.random() < 400 / 440, 0.0
        while at < hours:
            stays = min(chance.expovariate(1 / (400 if is_up else 40)), hours - at)
            down += 0.0 if is_up else stays
            at, is_up = at + stays, not is_up
        beyond += down > tenth
    assert 146 <= beyond <= 254  # 200 expected, four standard deviations
    seen = k2rel.outage(site, SiteLog(0.0, hours, (PartFailure("machine", 0.5, 0.5 + tenth),))).services[0]
    assert seen.p_more_downtime == pytest.approx(0.1, rel=1e-6)


def test_only_services_that_are_asked_for_are_judged() -> None:
    log = SiteLog(0.0, 2000.0, (PartFailure("machine", 10.0, 1010.0),))
    found = k2rel.outage(_one_part(1000, 50), log, services="full_service")
    judged = [each.service for each in found.services if not math.isnan(each.p_downtime)]
    assert judged == ["full_service"]
    assert "full_service was down 41.7 days in 1 failure" in found.words()
    assert "NOT plausible" in found.words()


# --- what is learned -------------------------------------------------------------------------------------------------


def test_what_is_learned_is_what_the_three_logs_by_hand_teach(study, example) -> None:
    seen = {"psu": 3, "isl": 1, "client_media_link": 1, "media_server": 1, "server_software": 2}
    kinds = {part.type for part in study.site.parts() if not part.external}
    hours = {kind: 8784.0 * sum(part.type == kind for part in study.site.parts()) for kind in kinds}
    by_hand = k2rel.updated(
        study,
        [Exposure(kind, seen.get(kind, 0), hours[kind]) for kind in sorted(kinds)],
        takeovers=[Takeovers("file_system", 2, 2, "server_software"), Takeovers("file_system", 1, 0, "media_server")],
        repairs=[
            Times("psu", 3, (265 + 1300 + 285) / 60),
            Times("isl", 1, 40 / 60),
            Times("client_media_link", 1, 25 / 60),
            Times("media_server", 1, (6 * 60 + 33) / 60),
            Times("server_software", 2, 76 / 60),
        ],
        operators=[
            Times("manual takeover", 1, 48 / 60),
            Times("return to service", 3, (230 + 40 + 25) / 60),  # from when the server was good again
        ],
    )
    one, other = example.learned.table(), by_hand.table().loc[example.learned.table().index]
    assert one["after_per_h"].tolist() == pytest.approx(other["after_per_h"].tolist(), rel=1e-9)
    assert one["failures"].tolist() == other["failures"].tolist()
    one, other = example.learned.handling(), by_hand.handling().loc[example.learned.handling().index]
    assert one["count"].tolist() == other["count"].tolist()
    assert one["after"].tolist() == pytest.approx(other["after"].tolist(), rel=1e-9)


def test_rates_that_were_given_by_hand_are_left_out_and_named() -> None:
    found = k2rel.outage(_one_part(1000, 50), SiteLog(0.0, 2000.0, (PartFailure("machine", 100.0, 130.0),)))
    assert any("'machine' was given by hand" in reason for reason in found.left_out)
    assert found.learned is not None
    assert found.learned.table().empty
    assert found.learned.handling()["count"].tolist() == [1]  # the repair is one that the file's mean learns from


def test_types_that_share_an_entry_of_the_registry_learn_each_by_itself(study, tmp_path) -> None:
    found = k2rel.updated(study, [Exposure("isl", 1, 2e5), Exposure("media_link", 0, 4e5)])
    alone = [k2rel.updated(study, [one]) for one in (Exposure("isl", 1, 2e5), Exposure("media_link", 0, 4e5))]
    assert len({row.id for row in found.rows}) == 2
    for name, one in (("isl_1", alone[0]), ("media_link_A1", alone[1])):
        laws = (found.after.laws.shared[name], one.after.laws.shared[name])
        assert laws[0].failure_rate_per_h == laws[1].failure_rate_per_h
        assert len({found.after.laws.inputs[use.input].high for use in laws[0].uses if "rate" in use.field}) == 1
    path = tmp_path / "rates.csv"
    path.write_text(write_rates(found.rows))
    read = k2rel.study("L2R", rates=str(path)).laws.shared
    assert read["isl_1"].failure_rate_per_h == pytest.approx(found.after.laws.shared["isl_1"].failure_rate_per_h)
    assert read["isl_1"].failure_rate_per_h > read["media_link_A1"].failure_rate_per_h


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_tells_the_year_and_writes_what_it_teaches(k2, tmp_path) -> None:
    rates, entries = tmp_path / "rates.csv", tmp_path / "entries.yaml"
    run = k2("outage", "L2R", EXAMPLE, *YEAR, "--service", "media", "--output", rates, "--entries", entries)
    assert run.code == 0, run.err
    for text in (
        "2024-01-01 00:00 to 2025-01-01 00:00 (8,784 h)",
        "media was down 49.8 min in 3 failures",
        "8 failures of parts, 5.63 expected",
        "More failures than their rates explain, after adjustment for multiple tests: psu (3, 0.21 expected), isl (1",
        "file_system: position as the log states",
        "server_B failed; file_system stranded",
        "by Holm's method, for 18 types, or 64 parts",
    ):
        assert text in run.out, text
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "outage.md").read_text()
    told = re.search(r"```console\n\$ [^\n]*\n\.\.\.\n(.*?)\n\.\.\.\n", page, flags=re.S)
    assert told is not None
    assert " ".join(told[1].split()) in " ".join(run.out.split())
    again = k2("availability", "L2R", "--rates", rates, "--format", "json")
    assert again.code == 0, again.err
    assert "software_coverage" in yaml_source(entries.read_text(), "entries").data["assumptions"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two machines, one of which has the role, as a file."""
    office = k2rel.describe("pair", "Two machines", sides={"A": "left", "B": "right"})
    office.clients(1).client_part("client", type="ideal")
    office.type("ideal", failure_rate="0 /h", mttr="1 h", source="test", evidence="P")
    office.type("machine", mttf="1000 h", mttr="10 h", source="test", evidence="P")
    office.role("files", switchover="30 s", coverage=0.9)
    office.traffic("shares", demand="1 MB/s", requires="files", prefer="role files")
    for side in "AB":
        office.component(f"machine_{side}", type="machine", side=side)
        office.unit(f"unit_{side}", server=f"machine_{side}", triggers=[f"machine_{side}"])
        office.holder(side, on=f"machine_{side}", units=f"unit_{side}", needs=f"machine_{side}")
        office.client_part(f"cable_{side}", type="ideal", side=side, between=["client", f"machine_{side}"])
        office.path(side, ["client", f"cable_{side}", f"machine_{side}"], when={"files": side})
    path = tmp_path_factory.mktemp("pair") / "pair.yaml"
    office.build().save(path)
    return path


def test_the_command_as_json_and_csv(k2, log, pair) -> None:
    path = log(
        HEAD
        + _part("machine_A", "2024-02-01 10:00", "2024-02-01 12:00")
        + _role("files", "A", "B", "2024-02-01 10:00", outcome="failed")
        + _role("files", to="B", at="2024-02-01 10:40", outcome="by hand")
        + _part("machine_B", "2024-03-01 10:00", "2024-03-01 12:00")
        + _role("files", "B", "A", "2024-03-01 10:00", "2024-03-01 10:02")
    )
    words = ("outage", pair, path, "--from", "2024-01-01", "--to", "2024-04-01")
    run = k2(*words, "--format", "json", "--return-to-service", "2 h")
    found = run.json
    assert found["period"] == {"begin": "2024-01-01 00:00", "end": "2024-04-01 00:00", "hours": 91 * 24.0}
    (files,) = [each for each in found["services"] if each["service"] == "files"]
    assert files["downtime_h"] == pytest.approx(42 / 60)
    (shares,) = [each for each in found["services"] if each["service"] == "shares"]
    assert 0 < shares["p_more_downtime"] < 1
    begun = [each["begin"] for each in found["interruptions"] if each["service"] == "shares"]
    assert begun == ["2024-02-01 10:00", "2024-03-01 10:00"]
    learned = {row["input"]: row for row in found["handling"]}
    assert (learned["files.coverage"]["count"], learned["files.coverage"]["seen"]) == (2, 0.5)
    assert learned["manual_takeover_h"]["seen"] == pytest.approx(40 / 60)
    assert found["updated"]["service"] == "shares"
    assert "NaN" not in run.out
    rows = k2(*words, "--format", "csv").out.splitlines()
    assert rows[0].startswith("service,availability,downtime_h")
    assert len(rows) == 1 + len(found["services"])


def test_without_a_period_the_log_gives_it_and_the_output_says_so(k2, log, pair) -> None:
    path = log(HEAD + "machine_A,2024-02-01,2024-02-02 06:00,,,,,,,\n")
    run = k2("outage", pair, path, "--to", "2024-03-01")
    assert "the period goes from the first event of the log, since --from is not given" in run.out
    assert read_events(path, until="2024-03-01").hours == 29 * 24


def test_a_semicolon_table_of_a_spreadsheet_with_columns_of_its_own_is_read(tmp_path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("Ticket;Component;Failed at;Restored at\n4711;switch_A;2024-02-01 10:00;2024-02-01 12:00\n")
    found = read_events(path, "2024-01-01", "2025-01-01")
    assert found.failures[0].restored_h - found.failures[0].failed_h == 2.0
    assert found.notes == ("columns not used: Ticket",)


def _part(name, failed="", restored=""):
    return f"{name},{failed},{restored},,,,,,,\n"


def _role(name, former="", to="", at="", until="", outcome="", trigger=""):
    return f",,,{name},{former},{to},{at},{until},{outcome},{trigger}\n"


WRONG = {
    "an unknown part": (_part("swich_A", "2024-02-01"), r":2: L2R has no part 'swich_A'; did you mean 'switch_A'\?"),
    "a part of some client": (_part("media_A", "2024-02-01"), "did you mean 'client_1_media_A'"),
    "a RAID set": (
        _part("media_raid", "2024-02-01"),
        ":2: 'media_raid' is a RAID set, .* more than 1 .*log the drives",
    ),
    "an unknown role": (
        _role("file_sytem", to="B", at="2024-02-01"),
        ":2: .*not a role of L2R; did you mean 'file_system",
    ),
    "an unknown holder": (
        _role("file_system", "A", "C", "2024-02-01"),
        ":2: file_system has no holder 'C'; known: A, B",
    ),
    "a role that was elsewhere": (
        _role("file_system", "A", "B", "2024-02-01") + _role("file_system", "A", "B", "2024-03-01"),
        ":3: file_system left 'A' by this row, and was at server_B",
    ),
    "a role that was there": (_role("file_system", to="A", at="2024-02-01"), ":2: file_system was at server_A already"),
    "restored before": (_part("isl_1", "2024-02-03", "2024-02-02"), ":2: isl_1 is restored .* before it fails"),
    "no hours": (_part("isl_1", "2024-02-03", "2024-02-03"), ":2: .* the moment it fails .*with the hour"),
    "overlapping": (
        _part("isl_1", "2024-02-03", "2024-02-08") + _part("isl_1", "2024-02-05", "2024-02-09"),
        r":3: isl_1 fails at 2024-02-05 00:00 while it is failed since 2024-02-03 00:00 \(line 2\) until",
    ),
    "failed again without restoration": (
        _part("isl_1", "2024-02-03") + _part("isl_1", "2024-02-05", "2024-02-09"),
        ":3: .* its time of restoration is not given; add it",
    ),
    "before the period": (_part("isl_1", "2023-02-03", "2023-02-08"), ":2: .* is outside the period, 2024-01-01"),
    "after the period": (_role("file_system", to="B", at="2025-02-01"), ":2: the move of file_system .* outside the"),
    "no date": (_part("isl_1", "31.12.2023", "2024-02-01"), ":2: failed: '31.12.2023' is not a valid date; wr"),
    "no such day": (_part("isl_1", "2024-02-30", "2024-03-01"), "'2024-02-30' is not a valid date"),
    "a placeholder": (_part("isl_1", "1900-01-01", "2024-02-08"), "before 1950 and looks like a placeholder"),
    "the future": (
        _part("isl_1", "2024-02-03", "2999-02-08"),
        "is in the future; leave the cell empty if it has not happened",
    ),
    "a failed server": (
        _part("server_B", "2024-02-01", "2024-02-05") + _role("file_system", to="B", at="2024-02-02"),
        r":3: file_system is said to have moved to server_B .* failed at 2024-02-01 00:00 until .* \(line 2\)",
    ),
    "an outcome of no kind": (
        _role("file_system", to="B", at="2024-02-02", outcome="ok"),
        "outcome: there is none 'ok'",
    ),
    "a failed takeover that ends": (
        _role("file_system", "A", "B", "2024-02-01", "2024-02-02", "failed"),
        ":2: until: a failed takeover has no end; add a row 'by hand'",
    ),
    "nowhere": (_role("file_system", "A", at="2024-02-01"), ":2: to: give the place to which file_system moved"),
    "arrives before": (_role("file_system", "A", "B", "2024-02-02", "2024-02-01"), ":2: until: .* before it leaves"),
    "no trigger of it": (
        _role("file_system", "A", "B", "2024-02-01", trigger="swich_A"),
        ":2: trigger: L2R has no component type or part 'swich_A'; did you mean 'switch_A'",
    ),
    "a part and a role": ("isl_1,2024-02-01,,file_system,A,B,2024-02-02,,,\n", ":2: names both a part and a role"),
    "nothing": (",2024-02-01,,,,,,,,\n", ":2: names neither a part nor a role"),
    "a server of no role": ("switch_A,,,,,,2024-02-01,,in service,\n", ":2: 'switch_A' is no server of a role"),
    "placed how": ("server_A,,,,,,2024-02-01,,back,\n", ":2: outcome: .* in service or out of service, got 'back'"),
    "two clocks": (_part("isl_1", "2024-02-01T10:00+01:00", "2024-02-05"), ":2: some dates name a zone"),
    "no rows": ("", "has no events, only the names of the columns"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_have_been_is_one_sentence_with_its_line(k2, log, name) -> None:
    rows, says = WRONG[name]
    run = k2("outage", "L2R", log(HEAD + rows), *YEAR)
    assert run.code == 2
    assert re.search(says, run.err), run.err
    assert run.err.count("\n") == 1
    assert not run.out


def test_a_file_that_is_no_log_says_what_it_needs(k2, log) -> None:
    assert "is empty" in k2("outage", "L2R", log("")).err
    told = k2("outage", "L2R", log("part,faild,restored\nisl_1,2024-02-01,2024-02-02\n")).err
    assert "needs the columns part, failed, restored (of failures) or role, at, to (of moves); it has part, fai" in told
    assert "no such file" in k2("outage", "L2R", "nowhere.csv").err.lower()


def test_a_period_that_is_none_is_refused(k2, log) -> None:
    path = log(HEAD + _part("isl_1", "2024-02-01", "2024-02-02"))
    told = k2("outage", "L2R", path, "--from", "2025-01-01", "--to", "2024-01-01").err
    assert "--from 2025-01-01 00:00 is not before --to 2024-01-01 00:00" in told
    assert "--from soon: not a valid date" in k2("outage", "L2R", path, "--from", "soon").err
    with pytest.raises(InputError, match="a SiteLog has its own period"):
        k2rel.outage("L2R", SiteLog(0.0, 1.0), begin="2024-01-01")


def test_mistakes_in_several_rows_are_told_together(k2, log) -> None:
    run = k2("outage", "L2R", log(HEAD + _part("swich_A", "2024-02-01") + _part("isl_9", "2024-02-01")), *YEAR)
    assert [line.partition("log.csv")[2][:3] for line in run.err.splitlines()] == [":2:", ":3:"]


def test_the_log_of_another_site_is_refused(k2) -> None:
    told = k2("outage", "L3R", EXAMPLE, *YEAR).err  # Level 3R has other servers
    assert "L3R has no part 'software_A'" in told


def test_a_takeover_that_failed_and_was_never_placed_is_named(tmp_path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "part,failed,restored,role,from,to,at,outcome\n"
        "server_A,2024-03-01 05:00,2024-03-01 08:00,,,,,\n,,,file_system,A,B,2024-03-01 05:00,failed\n"
    )
    found = k2rel.outage("L2R", log, begin="2024-01-01", until="2025-01-01")
    assert any("WARNING" in note and "file_system failed and no later row" in note for note in found.notes)


def test_a_server_that_is_placed_in_service_while_it_has_failed_is_named(tmp_path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "part,failed,restored,at,outcome\n"
        "server_A,2024-03-01 05:00,2024-03-01 08:00,,\nserver_A,,,2024-03-01 06:00,in service\n"
    )
    found = k2rel.outage("L2R", log, begin="2024-03-01", until="2024-04-01")
    assert any("WARNING: line 3: server_A is placed in service while it has failed" in note for note in found.notes)
