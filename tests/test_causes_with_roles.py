"""Causes of downtime with takeovers as modelled.

Against a chain written apart, differences of whole solutions, and the engine of independent parts.
"""

import itertools
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel.markov.engine import solved
from k2rel.markov.gradient import Loss, slopes, slopes_of
from k2rel.measures.role_causes import assumption_causes, downtime_split, part_causes
from k2rel.organisation import Organisation
from k2rel.policy.terms import Given
from k2rel.rates import Law
from k2rel.services.diagrams import services_of
from k2rel.studies import with_site
from validation.apart import steady_apart

PAIR = """
format: 2
name: pair
title: pair
sides: {A: {}, B: {}}
types:
  client: {failure_rate: 0, mttr: 1 h, source: test}
components:
  hub: {type: client}
  wire: {type: wire, in: hub, mttf: 2000 h, mttr: 4 h, source: test}
  a: {type: box, side: A, in: hub, mttf: 300 h, mttr: 7 h, source: test}
  b: {type: box, side: B, in: hub, mttf: 500 h, mttr: 5 h, source: test}
units:
  ua: {server: a, heartbeat: wire, triggers: [a]}
  ub: {server: b, heartbeat: wire, triggers: [b]}
roles:
  master: {switchover: 30 min, coverage: 0.8, holders: [{side: A, on: a, units: [ua], needs: [a]}, {side: B, on: b, units: [ub], needs: [b]}]}
clients: {count: 1, parts: {client: {type: client}, port: {type: client, between: [client, hub]}}}
traffic:
  media: {requires: [master], prefer: role master, paths: [{side: A, via: [client, port, hub, a]}, {side: B, via: [client, port, hub, b]}]}
"""
UNITS = """
format: 2
name: units
title: units
sides: {A: {}}
types:
  client: {failure_rate: 0, mttr: 1 h, source: test}
components: {hub: {type: client}, pool: {type: client}}
links:
  u0: {type: unit, between: [hub, pool], mttf: 500 h, mttr: 8 h, source: test}
  u1: {type: unit, between: [hub, pool], mttf: 500 h, mttr: 8 h, source: test}
  u2: {type: unit, between: [hub, pool], mttf: 500 h, mttr: 8 h, source: test}
clients: {count: 1, parts: {client: {type: client}, port: {type: client, between: [client, hub]}}}
traffic:
  media:
    paths: [{side: A, via: [client, port, hub, {at_least: 2, of: [u0, u1, u2]}, pool]}]
"""
STEP = 1e-3  # central differences are off by a share of its square; what is left out of a chain moves by less
GIVEN = {"fail_a": 1 / 300, "fail_b": 1 / 500, "fail_wire": 1 / 2000, "mttr_a": 7.0, "mttr_b": 5.0, "mttr_wire": 4.0,
         "coverage": 0.8, "switchover": 0.5, "return": 3.0, "manual": 2.0}  # fmt: skip


def written_apart(given) -> tuple[float, dict[str, float], float]:
    """Two servers and a wire between them, the chain built anew: probability that the master is away.

    Also that by what roles are doing meanwhile, and that server a has failed while the master is away.
    """

    def settle(state):
        a, b, wire, role, serves_a, serves_b = state
        up, serves = (a, b), [serves_a and a, serves_b and b]
        for i, name in enumerate("AB"):
            if role == name and not up[i] and wire and up[1 - i] and serves[1 - i]:
                return [((a, b, wire, "moves", *serves), given["coverage"]),
                        ((a, b, wire, "lost", *serves), 1 - given["coverage"])]  # fmt: skip
        return [((a, b, wire, role, *serves), 1.0)]

    def moves(state):
        a, b, wire, role, serves_a, serves_b = state
        yield (not a, b, *state[2:]), 1 / given["mttr_a"] if not a else given["fail_a"]
        yield (a, not b, *state[2:]), 1 / given["mttr_b"] if not b else given["fail_b"]
        yield (a, b, not wire, *state[3:]), 1 / given["mttr_wire"] if not wire else given["fail_wire"]
        if a and not serves_a:
            yield (a, b, wire, role, True, serves_b), 1 / given["return"]
        if b and not serves_b:
            yield (a, b, wire, role, serves_a, True), 1 / given["return"]
        ready = [name for name, good in (("A", a and serves_a), ("B", b and serves_b)) if good]
        able = [name for name, good in (("A", a), ("B", b)) if good]
        if role == "moves":
            yield (a, b, wire, ready[0] if ready else "lost", serves_a, serves_b), 1 / given["switchover"]
        if role == "lost" and able:
            to = (ready or able)[0]
            yield (a, b, wire, to, serves_a or to == "A", serves_b or to == "B"), 1 / given["manual"]

    states, p, _ = steady_apart((True, True, True, "A", True, True), moves, settle)
    by_doing = dict.fromkeys(("takeover_in_progress", "failed_takeover", "no_backup", "no_takeover_helps"), 0.0)
    both = 0.0
    for share, (a, b, _, role, serves_a, serves_b) in zip(p, states, strict=True):
        if not ((role == "A" and a and serves_a) or (role == "B" and b and serves_b)):
            waits = "no_takeover_helps" if serves_a and serves_b else "no_backup"
            by_doing[{"moves": "takeover_in_progress", "lost": "failed_takeover"}.get(role, waits)] += share
            both += 0.0 if a else share
    return sum(by_doing.values()), by_doing, both


def apart(name, what=lambda answer: answer[0]) -> float:
    """Derivative of the chain written apart, by Richardson's extrapolation of central differences."""

    def at(step: float) -> float:
        ends = [what(written_apart({**GIVEN, name: GIVEN[name] * (1 + sign * step)})) for sign in (1, -1)]
        return float(ends[0] - ends[1]) / (2 * step * GIVEN[name])

    return float((4 * at(1e-3) - at(2e-3)) / 3)


@pytest.fixture
def pair(tmp_path):
    path = tmp_path / "pair.yaml"
    path.write_text(PAIR)
    organisation = Organisation(return_to_service_h=3.0, manual_takeover_h=2.0, tolerance=1e-12)
    dynamics = solved(k2rel.study(path), organisation)
    return dynamics, next(s for s in services_of(dynamics.policy) if s.name == "media")


def test_every_slope_of_two_servers_is_that_of_a_chain_written_apart(pair) -> None:
    dynamics, media = pair
    (found,) = slopes_of(dynamics, [media])
    assert found.value == pytest.approx(written_apart(GIVEN)[0], rel=1e-10)
    for name in ("a", "b", "wire"):
        assert found.failure_rate_h[name] == pytest.approx(apart(f"fail_{name}"), rel=1e-8)
        assert found.repair_per_h[name] == pytest.approx(apart(f"mttr_{name}"), rel=1e-7)
    given = {
        Given("coverage", "master"): "coverage", Given("switchover_h", "master"): "switchover",
        Given("return_h"): "return", Given("manual_takeover_h"): "manual",
    }  # fmt: skip
    assert found.assumed == {key: pytest.approx(apart(name), rel=1e-8) for key, name in given.items()}


def test_causes_of_two_servers_follow_from_the_chain_written_apart(pair) -> None:
    dynamics, media = pair
    u, by_doing, both = written_apart(GIVEN)
    row = part_causes(dynamics, media).loc["a"]
    q, birnbaum = 7 / 307, apart("fail_a") / (7 * (300 / 307) ** 2)
    assert row["unavailability"] == pytest.approx(q)
    assert row["birnbaum"] == pytest.approx(birnbaum, rel=1e-7)
    assert row["share_of_downtime"] == pytest.approx(q * birnbaum / u, rel=1e-7)
    assert row["downtime_min_per_year"] == pytest.approx(q * birnbaum * 525_600, rel=1e-7)
    assert row["rrw"] == pytest.approx(u / (u - q * birnbaum), rel=1e-6)
    assert row["dif"] == pytest.approx(both / u, rel=1e-9)
    assert row["raw"] == pytest.approx(both / q / u, rel=1e-9)
    assumed = assumption_causes(dynamics, media)
    assert assumed.loc["master coverage", "slope_min_per_year"] == pytest.approx(525_600 * apart("coverage"), rel=1e-7)
    assert assumed.loc["master switchover", "value"] == 1800.0  # s
    assert assumed.loc["master switchover", "elasticity"] == pytest.approx(0.5 * apart("switchover") / u, rel=1e-7)
    assert assumed.loc["return to service", "slope_min_per_year"] == pytest.approx(525_600 * apart("return"), rel=1e-7)
    by_part, by_mode = downtime_split(dynamics, media)
    for doing, share in by_doing.items():
        column = f"{doing}_min_per_year"
        assert by_mode[column].sum() == pytest.approx(525_600 * share, rel=1e-9)
        slope = apart("fail_a", lambda answer, doing=doing: answer[1][doing])
        assert by_part.loc["a", column] == pytest.approx(525_600 * slope / 300, rel=1e-6, abs=1e-6)
    assert by_mode["downtime_min_per_year"].sum() == pytest.approx(525_600 * u, rel=1e-10)


def media_of(path, text, organisation):
    path.write_text(text)
    dynamics = solved(k2rel.study(path), organisation)
    media = next(service for service in services_of(dynamics.policy) if service.name == "media")
    return dynamics, media, slopes_of(dynamics, [media])[0]


def test_a_unit_of_several_that_wait_for_one_crew_has_its_share_of_the_slope(tmp_path) -> None:
    found = media_of(tmp_path / "units.yaml", UNITS, Organisation(crews=1, tolerance=1e-14))[2]

    def down(rate, hours) -> float:  # 2 of 3, one repaired at a time: a chain of births and deaths
        p = np.cumprod([1.0, 3 * rate * hours, 2 * rate * hours, rate * hours])
        return float(p[2:].sum() / p.sum())

    h = 1e-4
    by_rate = (down((1 + h) / 500, 8) - down((1 - h) / 500, 8)) / (2 * h / 500) / 3
    by_time = (down(1 / 500, 8 * (1 + h)) - down(1 / 500, 8 * (1 - h))) / (16 * h) / 3
    assert found.value == pytest.approx(down(1 / 500, 8), rel=1e-12)
    assert list(found.failure_rate_h.values()) == pytest.approx([by_rate] * 3, rel=1e-7)
    assert list(found.repair_per_h.values()) == pytest.approx([by_time] * 3, rel=1e-7)


def test_the_way_of_a_technician_and_the_work_have_the_same_slope(tmp_path) -> None:
    text = (
        UNITS.replace("{at_least: 2, of: [u0, u1, u2]}", "u0").replace("  u1:", "  # u1:").replace("  u2:", "  # u2:")
    )
    organisation = Organisation(crews=1, travel_h=4.0, tolerance=1e-14)
    dynamics, media, found = media_of(tmp_path / "unit.yaml", text, organisation)
    assert found.value == pytest.approx(12 / 512, rel=1e-12)
    assert found.failure_rate_h["u0"] == pytest.approx(12 * (500 / 512) ** 2, rel=1e-9)
    assert found.repair_per_h["u0"] == pytest.approx(500 / 512**2, rel=1e-7)
    travel = assumption_causes(dynamics, media)["slope_min_per_year"]["travel"]
    assert travel == pytest.approx(525_600 * 500 / 512**2, rel=1e-9)


def test_where_nothing_fails_nothing_causes_anything(tmp_path) -> None:
    text = UNITS.replace("mttf: 500 h", "failure_rate: 0")
    dynamics, media, found = media_of(tmp_path / "units.yaml", text, Organisation())
    assert found.value == 0.0
    causes = part_causes(dynamics, media)
    assert set(causes.index) >= {"u0", "u1", "u2", "hub", "each client's port"}
    assert (causes["downtime_min_per_year"] == 0.0).all()
    assert causes["birnbaum"]["hub"] == 1.0  # alone; each unit has another beside it
    assert causes["birnbaum"]["u0"] == 0.0
    by_part, by_mode = downtime_split(dynamics, media)
    assert by_part["downtime_min_per_year"].sum() == by_mode["downtime_min_per_year"].sum() == 0.0


def test_what_the_chain_does_not_follow_has_no_slope_and_it_is_said(tmp_path) -> None:
    text = PAIR.replace("coverage: 0.8", "coverage: 1").replace("switchover: 30 min", "switchover: 0 s")
    dynamics, media, _ = media_of(tmp_path / "sure.yaml", text, Organisation(tolerance=1e-12))
    assumed = assumption_causes(dynamics, media)
    assert assumed["value"][["master coverage", "master switchover"]].tolist() == [1.0, 0.0]
    assert assumed["elasticity"][["master coverage", "master switchover"]].isna().all()
    assert assumed["elasticity"]["return to service"] > 0.0
    assert "no slope by 'master coverage'" in assumed.attrs["notes"]


def differences(study, organisation, parts):
    """Derivatives of services by every rate, time and coverage from whole solutions: what, value, derivatives."""
    site, laws = study.site, study.laws

    def part(name, field, x):
        return replace(
            study, laws=replace(laws, shared={**laws.shared, name: replace(laws.shared[name], **{field: x})})
        )

    def raid(name, field, x):
        return replace(study, laws=replace(laws, raid={**laws.raid, name: replace(laws.raid[name], **{field: x})}))

    def role(name, field, x):
        return with_site(study, replace(site, roles={**site.roles, name: replace(site.roles[name], **{field: x})}))

    changes: list[tuple[Any, float, Any, str | None]] = []
    for made, among, fields in (
        (part, {name: laws.shared[name] for name in laws.shared if name in parts}, ("failure_rate_per_h", "mttr_h")),
        (raid, laws.raid, ("failure_rate_per_h", "replace_h", "rebuild_h", "restore_h")),
        (role, {name: site.roles[name] for name in site.movable}, ("coverage", "switchover_h")),
    ):
        for (name, of), field in itertools.product(among.items(), fields):
            changes.append(((name, field), getattr(of, field), partial(made, name, field), None))
    for field in ("return_to_service_h", "manual_takeover_h"):
        changes.append(((None, field), getattr(organisation, field), None, field))

    def at(made, field, x) -> np.ndarray:
        here = study if made is None else made(x)
        dynamics = solved(here, replace(organisation, **{field: x}) if field else organisation)
        return np.array([dynamics.unavailability(service) for service in services_of(dynamics.policy)])

    for key, value, made, whose in changes:
        ends = [at(made, whose, value * (1 + sign * STEP)) for sign in (1, -1)]
        yield key, value, (ends[0] - ends[1]) / (2 * STEP * value)


def given_by(found, name, field) -> float:
    """The same derivative from one adjoint solution."""
    if (name, field) in found.raid:
        return float(found.raid[name, field])
    by = {"failure_rate_per_h": found.failure_rate_h, "mttr_h": found.repair_per_h}
    if field in by:
        return float(by[field][name])
    return float(found.assumed[Given("return_h" if field == "return_to_service_h" else field, name)])


def compared(study, organisation, least, parts=None) -> int:
    """Count derivatives that agree to 1e-6; those whose elasticity is below `least` are rounding of differences.

    Not of services that are lost less often than a thousand times what is left out of the chain.
    """
    dynamics = solved(study, organisation)
    found = slopes(dynamics, [Loss(service) for service in services_of(dynamics.policy)])
    count = 0
    for key, value, expected in differences(study, organisation, parts or found[0].failure_rate_h):
        for of, slope in zip(found, expected.tolist(), strict=True):
            if of.value > 1e3 * organisation.tolerance:
                floor = least * of.value / value
                assert given_by(of, *key) == pytest.approx(slope, rel=1e-6, abs=floor), key
                count += abs(slope) > floor
    return count


def untested(tmp_path):
    text = Path("tests/foreign_site.yaml").read_text().replace(", test_interval: 30 d", "")
    path = tmp_path / "harbour.yaml"
    path.write_text(text)
    return path


def test_slopes_of_a_foreign_site_are_differences_of_whole_solutions(tmp_path) -> None:
    study = k2rel.study(untested(tmp_path), clients=1)
    parts = {"brain_east", "hub_eastern", "cupboard", "watch"}
    assert compared(study, Organisation(tolerance=1e-12), 1e-8, parts) > 80


@pytest.mark.slow
def test_slopes_of_a_level_are_differences_of_whole_solutions() -> None:
    assert compared(k2rel.study("L2R"), Organisation(tolerance=1e-10), 1e-7) > 300


def test_without_roles_that_move_causes_are_those_of_independent_parts() -> None:
    study = k2rel.study("L1")
    dynamics = solved(study, Organisation(tolerance=1e-14))
    for service in services_of(dynamics.policy):
        exact, found = k2rel.causes(study, service.name), part_causes(dynamics, service)
        assert list(found.columns) == list(exact.columns)
        assert found.index.name == "part"
        assert found.attrs["sides"] == exact.attrs["sides"]
        found = found.loc[exact.index]
        assert found["type"].tolist() == exact["type"].tolist()
        for column in exact.columns[2:]:
            expected = exact[column].to_numpy(float)
            floor = 1e-9 * np.nanmax(np.where(np.isfinite(expected), np.abs(expected), 0.0))
            assert found[column].to_numpy(float) == pytest.approx(expected, rel=1e-5, abs=floor, nan_ok=True), column


def test_the_split_of_a_level_adds_up() -> None:
    study, organisation = k2rel.study("L2R"), Organisation(tolerance=1e-7)
    dynamics = solved(study, organisation)
    media = next(s for s in services_of(dynamics.policy) if s.name == "media")
    by_part, by_mode = downtime_split(dynamics, media)
    minutes = 525_600 * dynamics.unavailability(media)
    assert by_mode["downtime_min_per_year"].sum() == pytest.approx(minutes, rel=1e-12)
    told = k2rel.downtime_causes(study, organisation)["downtime_min_per_year"].to_numpy()
    assert by_mode.iloc[:, :4].sum().to_numpy() == pytest.approx(told, rel=1e-12)
    assert by_part.iloc[:, :4].sum(axis=1).to_numpy() == pytest.approx(by_part["downtime_min_per_year"].to_numpy())
    causes = part_causes(dynamics, media)
    for name in ("raid_chassis", "server_A", "media_raid"):  # rate times slope; share has the 1 - q of the part too
        minutes_of = causes["downtime_min_per_year"] * (1 - causes["unavailability"])
        assert by_part["downtime_min_per_year"][name] == pytest.approx(minutes_of[name], rel=1e-6)
    # software restarts within minutes: nearly all of its downtime is that of takeovers that fail or are on their way
    software = by_part.loc["software_A"]
    assert software["failed_takeover_min_per_year"] > 0.7 * software["downtime_min_per_year"]


@pytest.mark.parametrize("exact", [True, False])
def test_tests_on_known_days_are_differentiated_or_left_out_with_a_note(tmp_path, monkeypatch, exact) -> None:
    """Followed from test to test: near enough where tests hardly matter, else no slopes; corrected: the correction too."""
    text = Path("tests/foreign_site.yaml").read_text()
    text = text.replace("bridge: {type: wire,", "bridge: {type: wire, test_interval: 30 d, ")
    path = tmp_path / "tested.yaml"
    path.write_text(text)
    if not exact:
        monkeypatch.setattr("k2rel.markov.tested.MOST_EXACT", 0)
        monkeypatch.setattr("k2rel.markov.states.MOST_EXACT", 0)
    study, organisation = k2rel.study(path, clients=1), Organisation(tolerance=1e-9 if exact else 1e-11)
    dynamics = solved(study, organisation)
    service = next(s for s in services_of(dynamics.policy) if s.name == "tides")
    (found,) = slopes(dynamics, [Loss(service)])
    laws = study.laws
    for name in ("watch", "bridge", "brain_east"):
        law = laws.shared[name]
        assert isinstance(law, Law)
        ends = []
        for sign in (1, -1):
            other = replace(law, failure_rate_per_h=law.failure_rate_per_h * (1 + sign * 0.01))
            moved = solved(replace(study, laws=replace(laws, shared={**laws.shared, name: other})), organisation)
            ends.append(moved.unavailability(next(s for s in services_of(moved.policy) if s.name == "tides")))
        slope = (ends[0] - ends[1]) / (0.02 * law.failure_rate_per_h)
        assert found.failure_rate_h[name] == pytest.approx(slope, rel=1e-3 if exact else 1e-4), name


def test_where_days_of_tests_decide_no_slope_is_given_and_it_is_said(tmp_path) -> None:
    path = tmp_path / "often.yaml"
    path.write_text(PAIR.replace("mttf: 2000 h, mttr: 4 h", "mttf: 200 h, test_interval: 40 h, mttr: 4 h"))
    dynamics = solved(k2rel.study(path), Organisation(tolerance=1e-10))
    media = next(s for s in services_of(dynamics.policy) if s.name == "media")
    causes = part_causes(dynamics, media)
    assert causes.loc["a", ["slope_rate_h", "birnbaum", "share_of_downtime", "rrw"]].isna().all()
    assert "tests at fixed times change the downtime by 7.1e-03 of it" in causes.attrs["notes"][0]
    assert np.isfinite(causes["raw"]["a"])
