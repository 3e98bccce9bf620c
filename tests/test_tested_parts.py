"""Hidden failures that tests find on known days: the static engine, the Markov engine and the simulation."""

import itertools
import math

import numpy as np
import pytest
import scipy.linalg
from scipy.integrate import quad
from scipy.sparse import csr_array

import k2rel
from k2rel.ctmc.periodic import periodic_mean, periodic_mean_of_many
from k2rel.errors import InputError
from k2rel.exact.sampling import unavailability_of_draws
from k2rel.markov import parts, tested
from k2rel.markov.engine import solved
from k2rel.organisation import Organisation
from k2rel.rates import Law, duplicated, moments_of, with_rate
from k2rel.rates.hidden import PeriodicTests
from k2rel.services.diagrams import services_of
from k2rel.simulation import Plan, simulate

PREFERRED = Organisation(roles="ideal", tolerance=1e-12)
NEVER = "failure_rate: 0, mttr: 1 h"


def site(tmp_path, laws, k=1, extra="", clients=1, port=NEVER, settings=None):
    """A site whose media needs k of several units, each with its law, and a port of each client."""
    names = ", ".join(f"u{i}" for i in range(len(laws)))
    lines = "\n".join(f"  u{i}: {{type: unit, in: hub, {law}, source: test}}" for i, law in enumerate(laws))
    stage = f"{{at_least: {k}, of: [{names}]}}" if len(laws) > 1 else "u0"
    path = tmp_path / "site.yaml"
    path.write_text(f"""
format: 2
name: tiny
title: tiny
sides: {{A: {{}}, B: {{}}}}
types:
  fixed: {{failure_rate: 0, mttr: 1 h, source: test}}
components:
  hub: {{type: fixed}}
{lines}
clients:
  count: {clients}
  parts: {{client: {{type: fixed}}, port: {{type: port, between: [client, hub], {port}, source: test}}}}
{extra}
traffic:
  media:
    demand: 1 MB/s
    paths: [{{side: A, via: [client, port, hub, {stage}]}}]
""")
    return k2rel.study(path, settings=settings)


def media(study, organisation=None):
    return k2rel.availability(study, organisation=organisation, method="markov" if organisation else "exact")["media"]


def law(rate, mttr, interval, more=""):
    return f"failure_rate: {rate} /h, mttr: {mttr} h, test_interval: {interval} h{more}"


def point(rate, mttr, interval, offset=0.0):
    """Unavailability of a part at times of the cycle, by matrix exponentials of its three states: own words."""
    q = np.array([[-rate, rate, 0.0], [0.0, 0.0, 0.0], [1.0 / mttr, 0.0, -1.0 / mttr]])  # up, hidden, under repair
    found = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, 0, 1.0]])
    cycle = scipy.linalg.expm(q * interval) @ found
    after = np.linalg.lstsq(np.vstack([cycle.T - np.eye(3), np.ones(3)]), [0, 0, 0, 1.0], rcond=None)[0]
    speeds, ways = np.linalg.eig(q)
    first, last = after @ ways, np.linalg.inv(ways)[:, 1:].sum(axis=1)
    return lambda t: (np.exp(np.multiply.outer((t - offset) % interval, speeds)) @ (first * last)).real


def mean(function, days, period):
    """Mean of a function over a period that begins anew at some days, integrated piece by piece."""
    edges = sorted({0.0, period, *(d + x for d in days for x in (0, 20, 80, 320) if 0 <= d + x <= period)})
    nodes, weights = np.polynomial.legendre.leggauss(40)
    pieces = [(b - a) / 2 * weights @ function(a + (b - a) / 2 * (nodes + 1)) for a, b in itertools.pairwise(edges)]
    return sum(pieces) / period


# against closed forms and published values ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("laws", "expected"),
    [
        ([law(5e-6, 1e-6, 8760)] * 2, 6.18896e-4),
        ([law(5e-6, 1e-6, 8760)] * 3, 1.99356e-5),
        ([law(1e-5, 1e-6, 8760), law(1e-5, 1e-6, 8760, ", test_offset: 4380 h")], 1.5173e-3),
    ],
    ids=["two", "three", "staggered"],
)
def test_parallel_parts_that_are_repaired_at_once(tmp_path, laws, expected) -> None:
    study = site(tmp_path, laws)
    assert media(study).unavailability == pytest.approx(expected, rel=3e-5)
    for organisation in (PREFERRED, Organisation()):
        assert media(study, organisation).unavailability == pytest.approx(media(study).unavailability, rel=1e-10)


@pytest.mark.parametrize(("beta", "expected"), [(0.02, 5.005e-5), (0.1, 2.246e-4), (0.2, 4.429e-4)])
def test_iec_61508_6_1oo2_with_a_common_cause(tmp_path, beta, expected) -> None:
    """IEC 61508-6, 1oo2 without diagnostics: lambda 5e-7 /h, a test a year, 8 h to repair."""
    group = f'common_cause: {{pair: {{members: [u0, u1], factors: {{"2": {beta}}}, evidence: P}}}}'
    study = site(tmp_path, [law(5e-7, 8, 8760)] * 2, extra=group)
    assert media(study).unavailability == pytest.approx(expected, rel=1e-3)
    assert media(study, PREFERRED).unavailability == pytest.approx(expected, rel=1e-3)


def test_what_hits_two_parts_is_found_at_the_first_of_their_tests(tmp_path) -> None:
    group = 'common_cause: {pair: {members: [u0, u1], factors: {"2": 1.0}, evidence: P}}'
    laws = [law(1e-4, 1e-9, 1000), law(1e-4, 1e-9, 1000, ", test_offset: 300 h")]
    study = site(tmp_path, laws, extra=group)
    parts = [(gap, 1e-4 * gap) for gap in (300.0, 700.0)]
    expected = sum(gap * (1 + math.expm1(-x) / x) for gap, x in parts) / 1000.0
    assert media(study).unavailability == pytest.approx(expected, rel=1e-8)
    assert media(study, PREFERRED).unavailability == pytest.approx(expected, rel=1e-8)


def test_one_part_has_the_mean_over_its_interval_exactly() -> None:
    for rate, mttr, interval in ((1e-4, 50.0, 2000.0), (1e-3, 8.0, 720.0), (1e-9, 8.0, 8760.0), (0.02, 100.0, 300.0)):
        one = Law(rate, mttr, interval)
        expected = mean(point(rate, mttr, interval), [0.0], interval)
        assert one.unavailability == pytest.approx(expected, rel=1e-9)
        assert one.frequency_per_h == pytest.approx(rate * (1 - expected), rel=1e-9)
        assert one.unavailability_of([rate]) == pytest.approx([one.unavailability], rel=1e-12)


# against integrals of one's own ---------------------------------------------------------------------------------------


def test_two_of_three_with_repair_against_an_integral(tmp_path) -> None:
    q = point(1e-4, 30.0, 2000.0)
    study = site(tmp_path, [law(1e-4, 30, 2000)] * 3, k=2)
    expected = mean(lambda t: 3 * q(t) ** 2 - 2 * q(t) ** 3, [0.0], 2000.0)
    frequency = mean(lambda t: 6 * q(t) * (1 - q(t)) * 1e-4 * (1 - q(t)), [0.0], 2000.0)
    for found in (media(study), media(study, PREFERRED)):
        assert found.unavailability == pytest.approx(expected, rel=1e-9)
        assert found.frequency_per_h == pytest.approx(frequency, rel=1e-9)


def test_different_intervals_and_offsets_against_an_integral(tmp_path) -> None:
    laws = [law(1e-4, 30, 720), law(2e-4, 10, 1080, ", test_offset: 100 h"), law(5e-5, 20, 720, ", test_offset: 50 h")]
    a, b, c = point(1e-4, 30.0, 720.0), point(2e-4, 10.0, 1080.0, 100.0), point(5e-5, 20.0, 720.0, 50.0)
    days = [0, 720, 1440, 100, 1180, 50, 770, 1490]
    expected = mean(lambda t: a(t) * b(t) * c(t), days, 2160.0)
    study = site(tmp_path, laws)
    assert media(study).unavailability == pytest.approx(expected, rel=1e-9)
    assert media(study, PREFERRED).unavailability == pytest.approx(expected, rel=1e-9)


def test_on_days_of_their_own_only_the_means_count(tmp_path) -> None:
    study = site(tmp_path, [law(1e-4, 30, 2000), law(1e-4, 30, 2000, ", tested: independently")])
    q = mean(point(1e-4, 30.0, 2000.0), [0.0], 2000.0)
    assert media(study).unavailability == pytest.approx(q * q, rel=1e-9)
    assert media(study, PREFERRED).unavailability == pytest.approx(q * q, rel=1e-9)


def test_intervals_without_a_common_period_drift_through_all_phases(tmp_path) -> None:
    study = site(tmp_path, [law(1e-4, 1, 1000), law(1e-4, 1, 1000 * math.pi)])
    product = Law(1e-4, 1.0, 1000.0).unavailability * Law(1e-4, 1.0, 1000 * math.pi).unavailability
    assert media(study).unavailability == pytest.approx(product, rel=1 / 30_000)


def test_clients_whose_ports_are_tested_on_one_day_are_cut_off_together(tmp_path) -> None:
    study = site(tmp_path, [law(1e-4, 1e-6, 1000)], clients=4, port=law(1e-4, 1e-6, 1000))
    result = k2rel.availability(study, method="exact")

    def over(function):
        return quad(lambda t: function(-math.expm1(-1e-4 * t)), 0, 1000, epsabs=0, epsrel=1e-11)[0] / 1000

    some, every = over(lambda q: 1 - (1 - q) ** 5), over(lambda q: q + (1 - q) * q**4)
    assert result["media"].unavailability == pytest.approx(some, rel=1e-7)
    assert result["lost_4_or_more_clients"].unavailability == pytest.approx(every, rel=1e-6)
    assert k2rel.served(study, method="exact")["probability"].loc[0] == pytest.approx(every, rel=1e-6)
    sides = k2rel.load(study, method="exact").side_table()
    assert sides.loc[sides["cut_off"] == 4, "probability"].sum() == pytest.approx(every, rel=1e-6)
    moving = k2rel.availability(study, organisation=PREFERRED, method="markov")
    for item in result.services:
        assert moving[item.service].unavailability == pytest.approx(item.unavailability, rel=1e-9)


def test_a_pair_put_in_place_of_a_tested_part_is_tested_on_the_same_days() -> None:
    one = Law(5e-6, 1e-6, 8760.0)
    x = 5e-6 * 8760
    assert duplicated(one).unavailability == pytest.approx(1 + 2 * math.expm1(-x) / x - math.expm1(-2 * x) / (2 * x))
    assert moments_of({"a": duplicated(one), "b": one}).weight.sum() == pytest.approx(1.0)


# other answers --------------------------------------------------------------------------------------------------------


def test_cut_sets_causes_and_samples_follow_the_days(tmp_path) -> None:
    study = site(tmp_path, ["rates: psu, mttr: 8 h, test_interval: 8760 h"] * 2)
    found = media(study)
    (cut,) = k2rel.cut_sets(study, "media")
    assert cut.probability == pytest.approx(found.unavailability, rel=1e-12)
    causes = k2rel.causes(study, "media", method="exact")
    assert causes.loc["u0", "share_of_downtime"] == pytest.approx(1.0, rel=1e-12)
    step = 1e-3  # both parts share the row
    rates = study.law("u0").failure_rate_per_h * np.array([1 - step, 1.0, 1 + step, 5.0])
    service = services_of(study.policy)[:1]
    sampled = unavailability_of_draws(study, service, {"psu.failure_rate": rates / rates[1]}, 4)["media"]
    for value, rate in zip(sampled, rates, strict=True):
        laws = with_rate(study.site, study.laws, "psu", float(rate))
        again = k2rel.studies.Study(study.site, study.policy, laws)
        assert value == pytest.approx(media(again).unavailability, rel=1e-10)
    slope = (sampled[2] - sampled[0]) / (rates[2] - rates[0])
    assert causes.loc["u0", "slope_rate_h"] + causes.loc["u1", "slope_rate_h"] == pytest.approx(slope, rel=0.02)


def test_over_time_from_new(tmp_path) -> None:
    study = site(tmp_path, [law(1e-4, 1e-6, 1000), law(1e-4, 1e-6, 1000, ", test_offset: 400 h")])
    times = [300.0, 900.0, 1300.0]
    since = [(300.0, 300.0), (900.0, 500.0), (300.0, 900.0)]  # time since the last test of each, or since new
    expected = [math.expm1(-1e-4 * a) * math.expm1(-1e-4 * b) for a, b in since]
    frame = k2rel.over_time(study, "media", times, method="exact")
    assert frame["point_unavailability"].tolist() == pytest.approx(expected, rel=1e-6)

    def q(t):
        since = (t % 1000, t if t < 400 else (t - 400) % 1000)
        return math.expm1(-1e-4 * since[0]) * math.expm1(-1e-4 * since[1])

    spent = sum(quad(q, a, b, epsrel=1e-11)[0] for a, b in itertools.pairwise([0, 400, 1000, 1300]))
    assert frame["interval_unavailability"].iloc[2] == pytest.approx(spent / 1300, rel=1e-6)
    moving = k2rel.dynamic_over_time(study, times, PREFERRED, "media")
    assert moving["point_unavailability"].tolist() == pytest.approx(expected, rel=1e-6)
    assert moving["interval_unavailability"].iloc[2] == pytest.approx(spent / 1300, rel=1e-6)


def test_an_unavailability_given_by_hand_stays_with_a_test(tmp_path) -> None:
    study = site(tmp_path, ["unavailability: 0.01, mttr: 8 h, test_interval: 2000 h"])
    assert media(study).unavailability == pytest.approx(0.01, rel=1e-12)


# three engines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "group"),
    [("", ""), (", test_offset: 700 h", ""), (", tested: independently", ""),
     (", test_offset: 700 h", 'common_cause: {g: {members: [u0, u1], factors: {"2": 0.5}, evidence: P}}')],
    ids=["same day", "offset", "independently", "common cause"],
)  # fmt: skip
def test_three_engines_agree(tmp_path, more, group) -> None:
    study = site(tmp_path, [law(1e-4, 50, 2000), law(1e-4, 50, 2000, more)], extra=group)
    static, markov = media(study), media(study, PREFERRED)
    assert markov.unavailability == pytest.approx(static.unavailability, rel=1e-9)
    assert markov.frequency_per_h == pytest.approx(static.frequency_per_h, rel=1e-9)
    plan = Plan(histories=4000, years=20, warm_up_h=40_000.0, seed=5)
    drawn = simulate(study, PREFERRED, None, plan)["media"]
    assert abs(drawn.unavailability.value - static.unavailability) < 4.5 * drawn.unavailability.standard_error
    counted = drawn.interruptions_per_year
    assert abs(counted.value - static.failures_per_year) < 4.5 * counted.standard_error


def test_the_two_ways_to_a_periodic_steady_state_agree() -> None:
    rng = np.random.default_rng(3)
    rates = np.where(rng.random((30, 30)) < 0.2, 10.0 ** rng.uniform(-4, 1, (30, 30)), 0.0)
    rates += np.diag(np.full(29, 1e-3), 1)  # from each state to all
    np.fill_diagonal(rates, 0.0)
    jumps = [csr_array(np.eye(30)[rng.permutation(30)]) for _ in range(2)]
    one = periodic_mean(csr_array(rates), [100.0, 37.0], jumps)
    other, moved = periodic_mean_of_many(csr_array(rates), [100.0, 37.0], jumps, np.full(30, 1 / 30))
    assert moved < 1e-12
    assert other == pytest.approx(one, rel=1e-9, abs=1e-13)
    q = rates - np.diag(rates.sum(axis=1))
    steps = [scipy.linalg.expm(q * gap) @ jump.toarray() for gap, jump in zip((100.0, 37.0), jumps, strict=True)]
    cycle = steps[0] @ steps[1]
    x = np.linalg.lstsq(np.vstack([cycle.T - np.eye(30), np.ones(30)]), np.append(np.zeros(30), 1.0), rcond=None)[0]
    spent = np.zeros(30)
    for gap, start in ((100.0, x), (37.0, x @ steps[0])):
        block = scipy.linalg.expm(gap * np.block([[q, np.eye(30)], [np.zeros((30, 60))]]))
        spent += start @ block[:30, 30:]
    assert one == pytest.approx(spent / 137.0, rel=1e-8, abs=1e-14)


@pytest.mark.parametrize(("level", "tolerance"), [("L2R", 1e-6), pytest.param("L3R", 1e-5, marks=pytest.mark.slow)])
def test_the_correction_of_large_chains_keeps_its_bound(monkeypatch, level, tolerance) -> None:
    study, organisation = k2rel.study(level), Organisation(tolerance=tolerance)
    exact = solved(study, organisation)
    assert 200 < exact.states.chain.states < 2000
    assert any(parts.on_known_days(study, population) for population in exact.states.parts.populations)
    monkeypatch.setattr("k2rel.markov.tested.MOST_EXACT", 0)
    corrected, bound = tested.tested_probability(study, organisation, exact.states)
    assert 0 < bound < 1e-8
    lost = exact.down(services_of(exact.policy)[0])
    assert abs(float((corrected - exact.probability)[lost].sum())) < bound


def test_the_bound_is_shown_with_the_error_bound() -> None:
    found = k2rel.availability(k2rel.study("L2R"), organisation=Organisation(tolerance=1e-9), method="markov")
    assert "for tests at fixed times" in found.provenance.engine


# what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mttf: 1e5 h, mttr: 8 h, test_interval: 100 h, test_offset: 100 h", "not below its test_interval of 100 h"),
        ("mttf: 1e5 h, mttr: 8 h, test_offset: 10 h", "has test_offset and no test"),
        ("mttf: 1e5 h, mttr: 8 h, tested: independently", "and no test; give its test_interval"),
        ("mttf: 1e5 h, mttr: 8 h, test_interval: 9 h, test_offset: 3 h, tested: independently", "give one of them"),
        ("mttf: 1e5 h, mttr: 8 h, test_interval: 9 h, tested: sometimes", "independently"),
        ("mttf: 1e5 h, mttr: 8 h, test_interval: 9 h, test_offset: -3 h", "test_offset"),
    ],
)
def test_days_that_cannot_be_are_refused_with_their_line(tmp_path, text, message) -> None:
    with pytest.raises(InputError) as error:
        site(tmp_path, [text])
    assert message in str(error.value)
    assert "site.yaml:10" in str(error.value)


def test_parts_of_one_group_have_one_interval(tmp_path) -> None:
    group = 'common_cause: {pair: {members: [u0, u1], factors: {"2": 0.1}, evidence: P}}'
    with pytest.raises(InputError, match="different test intervals"):
        site(tmp_path, [law(1e-5, 8, 1000), law(1e-5, 8, 500)], extra=group)


def test_days_can_be_set_by_hand_for_a_type(tmp_path) -> None:
    laws = [law(1e-4, 30, 2000)] * 2
    alone = site(tmp_path, laws, settings={"unit.tested": "independently"})
    q = Law(1e-4, 30.0, 2000.0).unavailability
    assert media(alone).unavailability == pytest.approx(q * q, rel=1e-9)
    moved = site(tmp_path, laws, settings={"unit.test_offset": "500 h"})
    assert media(moved).unavailability == pytest.approx(media(site(tmp_path, laws)).unavailability, rel=1e-9)


@pytest.mark.parametrize("rate", [0.2, 0.2 * (1 + 1e-9), 0.2 * (1 - 1e-5), 0.2003, 0.1, 0.1001, 0.21, 1.0, 20.0])
def test_failures_about_as_fast_as_repairs_keep_their_digits(rate) -> None:
    """A part tested every 100 h, repaired in 5 h: means and values from a matrix exponential over one interval."""
    rates = np.array([[-rate, rate, 0], [0, 0, 0], [1 / 5, 0, -1 / 5]])  # works, hidden, known
    found = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 1]])
    over = scipy.linalg.expm(np.block([[rates, np.eye(3)], [np.zeros((3, 6))]]) * 100)
    start = np.linalg.solve(np.vstack([((over[:3, :3] @ found).T - np.eye(3))[:2], np.ones(3)]), [0, 0, 1])
    tests = PeriodicTests(100.0, (0.0,), 5.0)
    assert tests.mean(rate) == pytest.approx(1 - (start @ over[:3, 3:] / 100)[0], rel=2e-10)
    assert tests.at(rate, [30.0])[0] == pytest.approx(1 - (start @ scipy.linalg.expm(rates * 30))[0], rel=1e-12)
    assert 0 <= tests.from_new(rate, [0.0, 1e3, 1e5]).max() <= 1
