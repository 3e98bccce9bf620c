"""Uncertain rates and common causes: sampled, exact and published values agree; groups are checked."""

import math
from dataclasses import replace

import numpy as np
import pytest

import k2rel
from k2rel.bundled import data_dir, site_path
from k2rel.distributions import Uncertain, from_limits
from k2rel.errors import InputError
from k2rel.exact.engine import derivatives, unavailability
from k2rel.inputs import Input
from k2rel.measures.inputs import study_at
from k2rel.measures.moments import rate_distributions
from k2rel.services.diagrams import services_of
from k2rel.uncertain import sobol_indices_of_groups


def _rates_alone(study: k2rel.Study) -> dict[str, Input]:
    """The failure rates, without repair times."""
    return {name: item for name, item in study.laws.inputs.items() if item.kind == "failure rate"}


@pytest.fixture(scope="module")
def l2r():
    return k2rel.study("L2R")


@pytest.mark.parametrize("checked", [[2], pytest.param([0, 1, 2], marks=pytest.mark.slow)])
def test_every_sample_is_what_a_study_with_those_rates_gives(l2r, checked) -> None:
    """Three samples of all services, each computed a second time with the inputs put into the study."""
    names = [s.name for s in services_of(l2r.policy)]
    result = k2rel.uncertainty(l2r, names, samples=3, seed=11, method="exact")
    for sample in checked:
        changed, _ = study_at(l2r, None, {name: float(drawn[sample]) for name, drawn in result.factors.items()})
        for service in services_of(changed.policy):
            expected = unavailability(changed, service)
            assert result.unavailability[service.name][sample] == pytest.approx(expected, rel=1e-11), service.name


@pytest.mark.parametrize("kind", ["random", "lhs", "sobol"])
def test_samples_depend_on_the_seed_alone_and_fill_memory_by_chunks(l2r, kind) -> None:
    def drawn(seed: int) -> np.ndarray:
        found = k2rel.uncertainty(l2r, samples=5000, seed=seed, points=kind, method="exact", frequency=False)
        return found.unavailability["media"]

    one, two, other = drawn(4), drawn(4), drawn(5)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert one.mean() == pytest.approx(other.mean(), rel=0.1)


def test_exact_mean_and_variance_lie_where_sampling_of_independent_parts_puts_them(l2r) -> None:
    """Control of one client: twelve shared parts and one of its own, each with its own draw."""
    from k2rel.logic.function import compile_function
    from k2rel.measures.exchange import functions_of

    mean, variance = k2rel.moments(l2r, "control_client")
    d = compile_function(l2r.policy.structure, functions_of(l2r)["control_client"](), failures=True)
    laws = rate_distributions(l2r)
    generator = np.random.Generator(np.random.Philox(1))
    rows = []
    for name in d.variables:
        own = name.removeprefix("client_1_").replace("client_1", "client")
        law = l2r.law(name) if name in l2r.site.components else l2r.client_laws[own]
        known = law.rates_id in laws and law.failure_rate_per_h > 0
        draw = laws[law.rates_id].quantile(generator.random(100_000)) if known else np.full(100_000, law.failure_rate_per_h)  # fmt: skip
        rows.append(law.unavailability_of(draw))
    sample = d.probability(np.array(rows))
    assert mean == pytest.approx(sample.mean(), abs=4 * sample.std() / math.sqrt(len(sample)))
    assert variance == pytest.approx(sample.var(), rel=0.15)


def test_many_clients_do_not_stand_in_the_way_of_a_service_that_asks_for_few_parts() -> None:
    """100 clients: one client of the third group, and a role, which no number of clients makes larger."""
    study = k2rel.study("L3R", clients=100)
    for service in ("media_client_3", "file_system"):
        mean, variance = k2rel.moments(study, service)
        only = replace(study, laws=replace(study.laws, inputs=_rates_alone(study)))
        found = k2rel.uncertainty(only, [service], samples=4000, method="exact", frequency=False)
        sample = found.unavailability[service]
        assert mean == pytest.approx(sample.mean(), rel=0.05)
        assert variance > 0


def test_sobol_indices_of_a_product_are_those_of_the_closed_form() -> None:
    """U of two parts in series is nearly q1 + q2: first-order shares are those of the variances."""
    study = k2rel.study("L1")
    study = replace(study, laws=replace(study.laws, inputs=_rates_alone(study)))
    frame = k2rel.sensitivity(study, "file_system", samples=512)
    assert frame["first_order"].sum() == pytest.approx(1.0, abs=0.1)
    variances = {}
    slopes = derivatives(study, next(s for s in services_of(study.policy) if s.name == "file_system")).shared
    for row, law in rate_distributions(study).items():
        by_rate = sum(
            slope * study.law(name).mean_downtime_h  # type: ignore[misc]
            for name, slope in slopes.items()
            if name in study.site.components and study.law(name).rates_id == row
        )
        variances[row] = by_rate**2 * law.variance
    variances = {f"{row}.failure_rate": variance for row, variance in variances.items()}
    largest = max(variances, key=lambda row: variances[row])
    assert frame.index[0] == largest
    share = variances[largest] / sum(variances.values())
    assert frame.loc[largest, "first_order"] == pytest.approx(share, abs=0.1)


def test_what_is_known_exactly_has_no_variance() -> None:
    study = k2rel.study(data_dir() / "examples" / "reference_san.yaml")  # none of its rates has limits
    mean, variance = k2rel.moments(study)
    assert mean == pytest.approx(k2rel.availability(study, method="exact")["media"].unavailability, rel=1e-12)
    assert variance == 0.0


def test_sobol_indices_of_an_interaction_are_those_of_the_closed_form() -> None:
    """(x - 1/2)(1 + y z) with x, y, z uniform: shares by hand from E[v^2] = 1/3 and E[v] = 1/2."""
    laws = {name: Uncertain("uniform", (0.0, 1.0)) for name in "xyz"}
    found, variance = sobol_indices_of_groups(
        lambda of: (of["x"] - 0.5) * (1 + of["y"] * of["z"]), laws, {"x": ["x"], "y and z": ["y", "z"]}, 16_384, 1
    )
    square = 1 + 2 * 0.25 + 1 / 9  # E[(1 + yz)^2]
    assert variance == pytest.approx(square / 12, rel=0.01)
    assert found["x"].first == pytest.approx(1.25**2 / square, rel=0.02)
    assert found["x"].total == pytest.approx(1.0, rel=0.02)
    assert found["y and z"].first == pytest.approx(0.0, abs=0.01)
    assert found["y and z"].total == pytest.approx(1 - 1.25**2 / square, rel=0.02)
    assert found["x"].first_low < 1.25**2 / square < found["x"].first_high


def test_the_same_seed_gives_the_same_limits_of_indices() -> None:
    study = k2rel.study("L1")
    frames = [k2rel.sensitivity(study, "file_system", samples=64, seed=seed) for seed in (1, 1, 2)]
    assert frames[0].equals(frames[1])
    assert not frames[0].equals(frames[2])


@pytest.mark.parametrize(
    "law",
    [
        Uncertain("lognormal", (2e-6, 3.0, 0.95)),
        Uncertain("gamma", (2.0, 1e-6)),
        Uncertain("beta", (1.5, 40.0)),
        Uncertain("uniform", (1.0, 3.0)),
        Uncertain("weibull", (1.5, 2.0)),
        Uncertain("normal", (5.0, 1.0)),
        Uncertain("histogram", (0.0, 1.0, 3.0, 1.0, 1.0)),
    ],
)
def test_mean_and_variance_of_a_law_are_those_of_its_quantiles(law) -> None:
    u = (np.arange(400_000) + 0.5) / 400_000
    values = law.quantile(u)
    assert values.mean() == pytest.approx(law.mean, rel=1e-3)
    assert values.var() == pytest.approx(law.variance, rel=2e-2)


@pytest.mark.parametrize(
    ("law", "parameters", "text"),
    [
        ("cauchy", (0.0, 1.0), "unknown distribution"),
        ("lognormal", (1.0, 0.5, 0.95), "error factor"),
        ("gamma", (0.0, 1.0), "shape must be above 0"),
        ("uniform", (2.0, 1.0), "below the upper"),
        ("beta", (1.0,), "needs a, b"),
        ("normal", (math.nan, 1.0), "finite"),
    ],
)
def test_laws_that_cannot_be_are_refused(law, parameters, text) -> None:
    with pytest.raises(InputError, match=text):
        Uncertain(law, parameters)


def test_limits_out_of_order_and_counts_out_of_range_are_refused(l2r) -> None:
    with pytest.raises(InputError, match="in order"):
        from_limits("lognormal", 2.0, 1.0)
    for arguments, text in (
        ({"samples": 1}, "samples: a whole number from 2"),
        ({"samples": 10, "points": "grid"}, "kind of points"),
        ({"samples": 10, "seed": -1}, "seed"),
        ({"services": ["medai"]}, "did you mean 'media'"),
    ):
        with pytest.raises(InputError, match=text):
            k2rel.uncertainty(l2r, **arguments)
    with pytest.raises(InputError, match="power of 2"):
        k2rel.sensitivity(l2r, samples=100)


# ---- common cause


def pair(tmp_path, common_cause):
    """Two switches in parallel, lambda 1e-5, MTTR 8 h: case V32."""
    path = tmp_path / "pair.yaml"
    path.write_text(
        "format: 2\nname: pair\ntitle: pair\nsides: {A: {}, B: {}}\n"
        "types: {switch: {failure_rate: 1e-5 /h, mttr: 8 h}, host: {unavailability: 0, mttr: 1 h}}\n"
        "components: {switch_A: {type: switch, side: A}, switch_B: {type: switch, side: B}}\n"
        "clients:\n  count: 1\n  parts:\n    client: {type: host}\n    cable_A: {type: host, side: A, between: [client, switch_A]}\n"
        "    cable_B: {type: host, side: B, between: [client, switch_B]}\n"
        "traffic:\n  media:\n    paths:\n      - {side: A, via: [client, cable_A, switch_A]}\n      - {side: B, via: [client, cable_B, switch_B]}\n"
        + common_cause
    )
    return path


DECLARED = "common_cause:\n  switches: {members: [switch_A, switch_B], factors: {'2': 0.05}, evidence: P}\n"


def test_a_repairable_pair_has_the_published_values(tmp_path) -> None:
    file = pair(tmp_path, DECLARED)
    alone = k2rel.availability(k2rel.study(file, common_cause="none"), method="exact")["media"]
    assert alone.unavailability == pytest.approx(6.398976e-9, rel=1e-6)
    with_cause = k2rel.availability(k2rel.study(file), method="exact")["media"]
    assert with_cause.unavailability == pytest.approx(4.005759e-6, rel=1e-6)
    # lost by the common event, or by the second of two single failures
    q, c = 0.95e-5 * 8 / (1 + 0.95e-5 * 8), 0.05e-5 * 8 / (1 + 0.05e-5 * 8)
    frequency = 0.05e-5 * (1 - c) * (1 - q * q) + 2 * 0.95e-5 * (1 - q) * q * (1 - c)
    assert with_cause.frequency_per_h == pytest.approx(frequency, rel=1e-9)


def test_twins_are_found_without_being_declared(tmp_path) -> None:
    plain, declared = pair(tmp_path, ""), None
    twins = k2rel.availability(k2rel.study(plain, common_cause="twins"), method="exact")["media"].unavailability
    declared = k2rel.availability(k2rel.study(pair(tmp_path, DECLARED)), method="exact")["media"].unavailability
    assert twins == declared
    groups = [group.members for group in k2rel.study("L3R", common_cause="twins").site.common_cause]
    assert ("switch_A", "switch_B") in groups
    assert all(a != b for a, b in groups)
    # links are among them: by hand, everything of Level 2R that stands on side A and has its like on side B
    site = k2rel.study("L2R").site
    by_hand = {
        (name, name.replace("_A", "_B"))
        for name, part in site.components.items()
        if part.side == "A" and part.type != "drive" and name.replace("_A", "_B") in site.components
    }
    assert {("fc_link_A", "fc_link_B"), ("media_link_A2", "media_link_B2")} < by_hand
    assert {group.members for group in k2rel.study("L2R", common_cause="twins").site.common_cause} == by_hand


LINKS = """
format: 2
name: links
title: links
sides: {A: {}, B: {}}
types: {fixed: {failure_rate: 0, mttr: 1 h, source: test}, box: {failure_rate: 0, mttr: 1 h, source: test}}
components:
  hub: {type: fixed}
  box_a: {type: box, side: A}
  box_b: {type: box, side: B}
links:
  hub-box_a: {type: cable, between: [hub, box_a], mttf: 1e5 h, mttr: 8 h, source: test}
  hub-box_b: {type: cable, between: [hub, box_b], mttf: 1e5 h, mttr: %s, source: test}
  other_a: {type: cable, between: [hub, box_a], mttf: 1e6 h, mttr: 8 h, source: test}
  other_b: {type: cable, between: [hub, box_a], mttf: 1e6 h, mttr: 8 h, source: test}
clients: {count: 1, parts: {client: {type: fixed}, port: {type: fixed, between: [client, hub]}}}
traffic:
  media:
    paths: [{side: A, via: [client, port, hub, hub-box_a, box_a]}, {side: B, via: [client, port, hub, hub-box_b, box_b]}]
"""


def test_links_are_twins_by_the_sides_of_their_ends(tmp_path) -> None:
    path = tmp_path / "links.yaml"
    path.write_text(LINKS % "8 h")
    study = k2rel.study(path, common_cause="twins")
    # no side is written at the links; 'other_b' does not go to side B, and so is no twin of 'other_a'
    assert {group.members for group in study.site.common_cause} == {("box_a", "box_b"), ("hub-box_a", "hub-box_b")}
    q, c = 0.95e-5 * 8 / (1 + 0.95e-5 * 8), 0.05e-5 * 8 / (1 + 0.05e-5 * 8)
    assert k2rel.availability(study, method="exact")["media"].unavailability == pytest.approx(
        1 - (1 - q * q) * (1 - c), rel=1e-9
    )
    # what is repaired in another way is not alike, and no reason to stop
    path.write_text(LINKS % "9 h")
    groups = k2rel.study(path, common_cause="twins").site.common_cause
    assert {group.members for group in groups} == {("box_a", "box_b")}


def test_a_common_cause_stands_in_causes_cut_sets_assumptions_and_provenance(tmp_path) -> None:
    study = k2rel.study(pair(tmp_path, DECLARED))
    assert k2rel.causes(study, method="exact").index[0] == "switch_A & switch_B"
    assert ("switch_A & switch_B",) in [cut.parts for cut in k2rel.cut_sets(study, "media", 2)]
    assert "common cause switches" in set(k2rel.assumptions(study)["assumption"])
    assert study.provenance.settings == ("common_cause=1 groups",)


def test_uncertain_rates_move_the_common_event_with_its_parts() -> None:
    result, plain = (
        k2rel.uncertainty(
            k2rel.study("L2R", data="0.1", common_cause=groups),
            ["control"],
            samples=400,
            method="exact",
            frequency=False,
        ).unavailability["control"]
        for groups in ("twins", "none")
    )
    assert result.mean() > 50 * plain.mean()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("members: [switch_A, switch_C], factors: {'2': 0.1}", "switch_C"),
        ("members: [switch_A, switch_A], factors: {'2': 0.1}", "is listed twice in a group"),
        ("members: [switch_A, switch_B], factors: {'2': 1.5}", "at most 1.0"),
        ("members: [switch_A, switch_B], factors: {two: 0.1}", "levels must be whole numbers"),
        ("members: [switch_A, switch_B], model: MGL, factors: {'3': 0.1}", "levels 2 to 2 are needed"),
        ("members: [switch_A], factors: {'2': 0.1}", "members"),
        ("members: [switch_A, switch_B], factors: {'3': 0.1}", "its factor is that of level 2, got level 3"),
        ("members: [switch_A, switch_B], factors: {'02': 0.1}", "levels must be whole numbers"),
        ("members: [switch_A, switch_B], model: phi-factor, factors: {'1': 0.9, '2': 0.2}", "sum to 1.1"),
        ("members: [switch_A, switch_B], model: alpha-factor, factors: {'1': 0.9}", "no factor of level 2"),
        ("members: [switch_A, switch_B], model: gamma, factors: {'2': 0.1}", "beta-factor"),
    ],
)
def test_groups_that_cannot_be_are_refused_with_their_line(tmp_path, text, message) -> None:
    file = pair(tmp_path, f"common_cause:\n  switches: {{{text}}}\n")
    with pytest.raises(InputError) as error:
        k2rel.study(file)
    assert message in str(error.value)
    assert "pair.yaml:1" in str(error.value)


def test_the_choice_of_groups_is_checked(k2) -> None:
    run = k2("availability", "L2R", "--common-cause", "all")
    assert run.code == 2
    assert "known: declared, twins, none" in run.err
    assert k2("availability", "L2R", "--common-cause", "twins").code == 0


# ---- other answers of the exact engine


def test_interval_availability_is_the_mean_of_the_point_values() -> None:
    study = k2rel.study("L2R")
    times = np.linspace(0, 200, 4001)
    frame = k2rel.over_time(study, "media", times, method="exact")
    mean = np.trapezoid(frame["point_unavailability"], times) / 200
    assert frame["interval_unavailability"].iloc[-1] == pytest.approx(mean, rel=1e-4)
    assert frame["interval_unavailability"].iloc[0] == 0.0


@pytest.mark.parametrize("level", ["L2R", "L3R", "nearline"])
@pytest.mark.usual("L2R", "nearline")
def test_served_clients_group_by_group_are_those_of_the_modes(level) -> None:
    study = k2rel.study(level, clients=7)
    traffic = "ftp" if level == "nearline" else "media"
    p = k2rel.served(study, traffic, method="exact")["probability"].to_numpy()
    result = k2rel.availability(study, list(range(2, 8)), method="exact")
    assert p.sum() == pytest.approx(1.0, abs=1e-13)
    assert p[:7].sum() == pytest.approx(result[traffic].unavailability, rel=1e-11)
    if level != "nearline":
        for k in range(2, 8):
            assert p[: 8 - k].sum() == pytest.approx(result[f"lost_{k}_or_more_clients"].unavailability, rel=1e-11)


def test_derivatives_of_client_parts_are_exact(l2r) -> None:
    """Against a difference over a step wide enough to keep its digits; the loss is a polynomial."""
    from dataclasses import replace

    for service in services_of(l2r.policy):
        slope = derivatives(l2r, service).client["media_A"]
        law = l2r.client_laws["media_A"]
        step = law.failure_rate_per_h * 0.5
        sides = []
        for rate in (law.failure_rate_per_h + step, law.failure_rate_per_h - step):
            laws = replace(l2r.laws, client=dict(l2r.laws.client) | {"media_A": replace(law, failure_rate_per_h=rate)})
            changed = replace(l2r, laws=laws)
            again = next(s for s in services_of(changed.policy) if s.name == service.name)
            sides.append((unavailability(changed, again), changed.client_laws["media_A"].unavailability))
        (u1, q1), (u2, q2) = sides
        assert slope == pytest.approx((u1 - u2) / (q1 - q2), rel=1e-4, abs=1e-12), service.name


def test_a_level_may_declare_groups_and_the_schema_knows_them(tmp_path) -> None:
    text = site_path("L2R").read_text() + "\n" + DECLARED
    path = tmp_path / "l2r.yaml"
    path.write_text(text)
    assert k2rel.availability(k2rel.study(path), method="exact")["control"].unavailability > 1e-6
