"""Published and independently computed values: the reference SAN, AB(8, 2), RAID and repairable systems.

The digits of the two networks come from 40-digit arithmetic and rational conditioning done elsewhere, agreeing
with several other tools to 1e-15; the other cases name their source.
"""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from ab_network import ab_file

import k2rel
from k2rel.bundled import data_dir
from k2rel.ctmc.small import steady_state, transient
from k2rel.logic.diagram import compile_diagram
from k2rel.logic.structure import Structure
from k2rel.rates import Law, RaidModule
from k2rel.rates.raid_module import mttdl_patterson_h

SAN = data_dir() / "examples" / "reference_san.yaml"
DUAL = data_dir() / "examples" / "reference_san_dual.yaml"
AB = data_dir() / "examples" / "ab_8_2.yaml"
MTTR = {"nic": 8, "switch": 6, "isl": 4, "toe": 8, "server": 12, "hba": 8, "fc_link": 6, "controller": 10, "drive": 24}


def san(file, clients=4, stress=False):
    types = {kind for kind in MTTR if file == SAN or kind != "isl"}
    settings = {f"{kind}.mttr": f"{MTTR[kind] * 25} h" for kind in types} if stress else {}
    return k2rel.study(file, clients=clients, settings=settings)


AVAILABILITY = [
    # file, clients, service, stress, unavailability, failure frequency per hour
    (SAN, 4, "media_client", False, 2.112444278473111e-7, 3.420222515920509e-8),
    (SAN, 4, "media_client", True, 0.0001305267248937801, 8.427245319404017e-7),
    (SAN, 4, "media", False, 2.181753878075801e-7, 3.613468423464148e-8),
    (SAN, 4, "media", True, 0.0001348229292768915, 8.905108125173465e-7),
    (DUAL, 4, "media_client", False, 1.902117970332634e-7, 2.877464324128341e-8),
    (DUAL, 4, "media_client", True, 0.0001176391810428937, 7.104440053809424e-7),
    (DUAL, 4, "media", False, 1.971479684214881e-7, 3.070892898064449e-8),
    (DUAL, 4, "media", True, 0.00012201517696391, 7.593441491500308e-7),
    (DUAL, 10, "media", False, 2.110191585372232e-7, 3.457702015798825e-8),
]


@pytest.mark.parametrize(("file", "clients", "service", "stress", "unavailability", "frequency"), AVAILABILITY)
def test_reference_san_availability(file, clients, service, stress, unavailability, frequency) -> None:
    item = k2rel.availability(san(file, clients, stress), method="exact")[service]
    assert item.unavailability == pytest.approx(unavailability, rel=1e-12)
    assert item.frequency_per_h == pytest.approx(frequency, rel=1e-12)
    assert item.mtbf_h == pytest.approx(1 / frequency, rel=1e-12)
    assert item.mean_downtime_h == pytest.approx(unavailability / frequency, rel=1e-12)


@pytest.mark.parametrize(
    ("file", "service", "orders"),
    [
        (SAN, "media_client", {2: 38, 3: 18, 4: 3}),
        (SAN, "media", {2: 47, 3: 42, 4: 9}),
        (DUAL, "media_client", {2: 30, 3: 44, 4: 1}),
        (DUAL, "media", {2: 39, 3: 98, 4: 1}),
    ],
)
def test_reference_san_minimal_cut_sets(file, service, orders) -> None:
    found = Counter()
    for cut in k2rel.cut_sets(san(file), service, 4):
        found[cut.order] += cut.alike
    assert found == orders


def test_reference_san_importances() -> None:
    causes = k2rel.causes(san(SAN), "media_client", method="exact")
    expected = {
        "drive_3": (0.0003198975733670284, 0.1211381476398688, 1515.22684549836, 1.137835255125205),
        "controller_A": (0.0003806149591330985, 0.1501354172751107, 1802.625007301328, 1.176658046854638),
        "server_B": (0.0003806745838413037, 0.4323900017523187, 1802.625007301328, 1.76177305383483),
        "toe_A1": (1.217827411130744e-8, 1.844745943736161e-6, 1.057648310741755, 1.000001844749347),
        "switch_A": (0.000407249645306472, 0.0578340596720469, 1928.80198906823, 1.061384154527934),
        "isl": (1.869747002225563e-8, 3.540428578062055e-7, 1.088510714451551, 1.000000354042983),
        "each client's nic_A": (5.665342959119619e-5, 0.007151515673184427, 269.181837744416, 1.007203028242555),
    }
    for part, (birnbaum, criticality, raw, rrw) in expected.items():
        assert causes.loc[part, "raw"] == pytest.approx(raw, rel=1e-8), part
        assert causes.loc[part, "rrw"] == pytest.approx(rrw, rel=1e-10), part
        assert causes.loc[part, "birnbaum"] == pytest.approx(birnbaum, rel=1e-8), part
        assert causes.loc[part, "share_of_downtime"] == pytest.approx(criticality, rel=1e-8), part


def test_slopes_are_those_of_a_small_change_by_hand() -> None:
    def downtime(**changes):
        settings = {key.replace("__", "."): value for key, value in changes.items()}
        return k2rel.availability(k2rel.study("L2R", settings=settings), method="exact")["media"].downtime_min_per_year

    causes = k2rel.causes(k2rel.study("L2R"), method="exact")
    base = downtime()
    chassis = causes.loc["raid_chassis"]
    assert downtime(raid_chassis__mttr="8.001 h") - base == pytest.approx(
        0.001 * chassis["slope_mttr_min_per_year"], rel=1e-4
    )
    step = downtime(raid_chassis__failure_rate="9.41e-7") - base
    assert step == pytest.approx(1e-9 * chassis["slope_rate_h"] * 525_600, rel=1e-4)
    # a type of two parts: the slopes add up
    servers = causes.loc[["server_A", "server_B"], "slope_mttr_min_per_year"].sum()
    assert downtime(media_server__mttr="6.501 h") - base == pytest.approx(0.001 * servers, rel=1e-3)


LOAD = {
    False: (
        0.0009956171641301986,
        0.999560578834570657,
        {
            (0, 0): 2.089340225633402e-7, (0, 1): 2.274484554003535e-18, (0, 2): 1.279402624529197e-13,
            (0, 3): 3.199528989464061e-9, (0, 4): 0.0003805814480571477, (1, 0): 2.274484554003535e-18,
            (1, 1): 2.020906531717069e-18, (1, 2): 1.421025689108503e-9, (1, 3): 5.328562147964964e-5,
            (2, 0): 1.279402624529197e-13, (2, 1): 1.421025689108503e-9, (2, 2): 0.9991320476855386,
            (3, 0): 3.199528989464061e-9, (3, 1): 5.328562147964964e-5, (4, 0): 0.0003805814480571477,
        },
    ),
    True: (
        0.02446467658989192,
        0.989061849475917825,
        {
            (0, 0): 0.0001290933375026046, (0, 1): 8.784660482886476e-13, (0, 2): 1.976751954650555e-9,
            (0, 3): 1.99243701850731e-6, (0, 4): 0.009364615352454965, (1, 0): 8.784660482886476e-13,
            (1, 1): 7.726416794448033e-13, (1, 2): 8.703808518945709e-7, (1, 3): 0.001303833413158045,
            (2, 0): 1.976751954650555e-9, (2, 1): 8.703808518945709e-7, (2, 2): 0.9785282795394971,
            (3, 0): 1.99243701850731e-6, (3, 1): 0.001303833413158045, (4, 0): 0.009364615352454965,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("stress", [False, True])
def test_reference_san_load_and_overload(stress) -> None:
    overload, delivered, joint = LOAD[stress]
    result = k2rel.load(san(SAN, 4, stress), method="exact")
    assert result.p_any_overload == pytest.approx(overload, rel=1e-12)
    assert result.delivered_fraction == pytest.approx(delivered, rel=1e-12)
    found = {(a, b): p for a, b, _, p in result.side_distribution}
    assert found == pytest.approx(joint, rel=1e-11, abs=0)


def test_on_the_reference_san_overload_is_thousands_of_times_as_probable_as_cutting_a_client_off() -> None:
    study = san(SAN)
    ratio = (
        k2rel.load(study, method="exact").p_any_overload
        / k2rel.availability(study, method="exact")["media_client"].unavailability
    )
    assert 4000 < ratio < 5000


AB_SERVED = [
    1.0401528796358050957e-6, 4.4673262236938179814e-16, 1.0574339972612028911e-12, 1.1741860509803330152e-9,
    5.2383432341614568807e-7, 3.593043763621924563e-9, 4.4803643881710113143e-6, 0.0031943798753422312481,
    0.99679957100477885046,
]  # fmt: skip


def test_ab_8_2_distribution_of_served_hosts() -> None:
    served = [0.0] * 9
    for a, b, _, p in k2rel.load(k2rel.study(AB), method="exact").side_distribution:
        served[a + b] += p
    for n in range(9):
        assert served[n] == pytest.approx(AB_SERVED[n], rel=1e-12), n
    mean = sum(n * p for n, p in enumerate(served))
    assert mean == pytest.approx(7.9967862261791414, rel=1e-13)
    assert sum((n - mean) ** 2 * p for n, p in enumerate(served)) == pytest.approx(0.00327698585432928996, rel=1e-10)


def test_ab_8_2_unavailability_of_all_and_of_any() -> None:
    result = k2rel.availability(k2rel.study(AB), [1, 8], method="exact")
    assert result["media"].unavailability == pytest.approx(0.00320042899522114954, rel=1e-12)
    assert result["lost_1_or_more_clients"].unavailability == pytest.approx(0.00320042899522114954, rel=1e-12)
    assert result["lost_8_or_more_clients"].unavailability == pytest.approx(1.0401528796358051e-6, rel=1e-12)


@pytest.mark.parametrize(
    ("n", "leaves", "mean", "variance", "all_served", "none_served", "under_90_percent"),
    [
        (
            2,
            1,
            1.99919655654478535,
            0.000805724116049772842,
            0.999198019635895775,
            1.46309111042490236e-6,
            0.000801980364104225391,
        ),
        (
            8,
            2,
            7.9967862261791414,
            0.00327698585432928996,
            0.99679957100477885,
            1.0401528796358051e-6,
            0.00320042899522114954,
        ),
        (
            48,
            4,
            47.9807173570748484,
            0.0217583489188519264,
            0.980957624443865528,
            1.04010382733616514e-6,
            2.09003879250637739e-6,
        ),
    ],
)
def test_the_family_ab(tmp_path, n, leaves, mean, variance, all_served, none_served, under_90_percent) -> None:
    study = k2rel.study(ab_file(tmp_path / "ab.yaml", leaves), clients=n)
    served = {}
    for a, b, _, p in k2rel.load(study, method="exact").side_distribution:
        served[a + b] = served.get(a + b, 0.0) + p
    assert sum(k * p for k, p in served.items()) == pytest.approx(mean, rel=1e-12)
    assert sum((k - mean) ** 2 * p for k, p in served.items()) == pytest.approx(variance, rel=1e-9)
    assert served[n] == pytest.approx(all_served, rel=1e-12)
    assert served[0] == pytest.approx(none_served, rel=1e-12)
    assert sum(p for k, p in served.items() if k < 0.9 * n) == pytest.approx(under_90_percent, rel=1e-11)


# --- RAID: validation cases V11, V12, V14


@pytest.mark.parametrize(
    ("data", "group", "check", "hours"),
    [(100, 1, 1, 4_500_000), (100, 10, 4, 494_505), (100, 10, 1, 818_182), (100, 25, 1, 346_154)],
)
def test_v11_patterson_1988(data, group, check, hours) -> None:
    assert round(mttdl_patterson_h(30_000, 1, data, group, check)) == hours


def test_v11_the_chain_tends_to_the_formula_where_repair_is_fast() -> None:
    chain = RaidModule(11, 1, 1 / 30_000, replace_h=1, rebuild_h=0, restore_h=1).mttdl_h / 10
    assert chain == pytest.approx(mttdl_patterson_h(30_000, 1, 100, 10, 1), rel=1e-3)


def test_v12_raid5_of_elerath() -> None:
    chain = RaidModule(8, 1, 1 / 461_386, replace_h=12, rebuild_h=0, restore_h=24)
    assert chain.mttdl_h == pytest.approx(3.169049e8, rel=1e-6)
    assert chain.mttdl_h / 8760 == pytest.approx(36_176.36, rel=1e-6)


@pytest.mark.parametrize(
    ("drives", "tolerance", "crews", "hours"),
    [
        (8, 2, None, 1.03367233e13),
        (8, 2, 1, 5.16873390e12),
        (5, 1, None, 2.08378333e9),
        (8, 1, None, 7.44315476e8),
        (2, 1, None, 2.08348333e10),
    ],
)
def test_v14_mttdl_with_parallel_and_single_repair(drives, tolerance, crews, hours) -> None:
    chain = RaidModule(drives, tolerance, 1e-6, replace_h=24, rebuild_h=0, restore_h=24, crews=crews)
    assert chain.mttdl_h == pytest.approx(hours, rel=1e-8)


def test_mttdl_does_not_depend_on_the_time_to_restore_data() -> None:
    values = [RaidModule(6, 1, 1e-5, 8, 4, restore, hot_spares=1).mttdl_h for restore in (1, 1000)]
    assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_a_hot_spare_that_is_replaced_at_once_leaves_the_rebuild_time_only() -> None:
    spare = RaidModule(6, 1, 1e-6, replace_h=1e-6, rebuild_h=10, restore_h=24, hot_spares=2).mttdl_h
    plain = RaidModule(6, 1, 1e-6, replace_h=0, rebuild_h=10, restore_h=24).mttdl_h
    assert spare == pytest.approx(plain, rel=1e-3)


# --- single components and small systems: V15, V16, V18, V21


def test_v15_point_availability_of_one_component() -> None:
    assert 1 - Law(0.1, 5.0).unavailability_at([10.0])[0] == pytest.approx(0.683262, abs=1e-6)
    assert 1 - Law(0.1, 5.0).unavailability == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("join", "point", "steady"), [("conjunction", 0.466847, 0.444444), ("disjunction", 0.899677, 0.888889)]
)
def test_v15_point_availability_of_two(join, point, steady) -> None:
    s = Structure()
    d = compile_diagram(s, [getattr(s, join)([s.variable("a"), s.variable("b")])])
    law = Law(0.1, 5.0)
    up = [outcome[0] for outcome in d.outcomes].index(True)
    assert d.mode_probabilities([law.unavailability_at([10.0])[0]] * 2)[up] == pytest.approx(point, abs=1e-6)
    assert d.mode_probabilities([law.unavailability] * 2)[up] == pytest.approx(steady, abs=1e-6)


def test_v16_one_of_two_unrepaired() -> None:
    q = Law(0.01, 1.0).unreliability_at([10.0])[0]
    assert 1 - q * q == pytest.approx(0.990944, abs=1e-6)


def test_v18_one_of_two_repairable_with_a_repairer_each() -> None:
    s = Structure()
    d = compile_diagram(s, [s.disjunction([s.variable("a"), s.variable("b")])])
    q = Law(1e-4, 10.0).unavailability
    down = [outcome[0] for outcome in d.outcomes].index(False)
    assert d.mode_probabilities([q, q])[down] == pytest.approx(9.98003e-7, rel=1e-6)


def test_v21_downtime_of_a_component() -> None:
    assert Law(1 / 250_000, 1.0).unavailability * 525_600 == pytest.approx(2.1024, abs=1e-4)


def test_unavailability_near_1e_15_keeps_its_digits() -> None:
    s = Structure()
    d = compile_diagram(s, [s.disjunction([s.variable(name) for name in "abc"])])
    down = [outcome[0] for outcome in d.outcomes].index(False)
    assert d.mode_probabilities([1.1e-5, 1.3e-5, 7e-6])[down] == pytest.approx(1.001e-15, rel=1e-14)


def test_small_chains_agree_with_an_independent_matrix_exponential() -> None:
    rng = np.random.default_rng(7)
    rates = rng.uniform(0.01, 2.0, (5, 5))
    np.fill_diagonal(rates, 0)
    generator = rates - np.diag(rates.sum(axis=1))
    for time in (0.1, 3.0, 50.0):
        expected = scipy.linalg.expm(generator * time)[0]
        assert transient(rates, np.array([time]))[0] == pytest.approx(expected, rel=1e-10)
    assert steady_state(rates) == pytest.approx(scipy.linalg.expm(generator * 1e4)[0], rel=1e-9)


def test_point_unavailability_of_a_site_tends_to_its_steady_value_and_starts_at_zero() -> None:
    study = k2rel.study("L2R")
    # the heartbeat is tested every 720 h: the steady value is the mean over that time
    cycle = (720 * 1388 + 720 * (np.arange(200) + 0.5) / 200).tolist()
    frame = k2rel.over_time(study, "media", [0.0, 1.0, *cycle], method="exact")
    assert frame["point_unavailability"].iloc[0] == 0
    steady = k2rel.availability(study, method="exact")["media"].unavailability
    assert frame["point_unavailability"].iloc[2:].mean() == pytest.approx(steady, rel=1e-6)
    assert frame["mission_unreliability"].iloc[1] > frame["point_unavailability"].iloc[1]


def test_mission_reliability_of_a_series_system_is_the_product_of_its_parts() -> None:
    # Level 1 is a series system but for its supplies and drives; leave those out
    off = {f"{kind}.failure_rate": "0" for kind in ("psu", "drive")}
    study = k2rel.study("L1", clients=1, settings=off)
    in_availability = [r for r in k2rel.components(study).itertuples() if r.in_availability]
    media = [r for r in in_availability if r.type not in {"control_link", "client_control_link", "ftp_link"}]
    total: Any = sum(r.failure_rate_per_h for r in media)
    hours = 1000.0
    unreliability = k2rel.over_time(study, "media", [hours], method="exact")["mission_unreliability"].iloc[0]
    assert unreliability == pytest.approx(-math.expm1(-total * hours), rel=1e-12)


def test_a_hidden_failure_lasts_half_the_test_interval_and_then_its_repair() -> None:
    # IEC 61508-6, B.3.2.2.1: about lambda T / 2 for a channel that is repaired at once
    assert Law(1e-6, 1e-9, 8760).unavailability == pytest.approx(1e-6 * 8760 / 2, rel=0.01)
    heartbeat = k2rel.study("L2R").law("heartbeat")
    assert heartbeat.mean_downtime_h == pytest.approx(720 / 2 + 5, rel=1e-4)
    # repaired at once: 1 - (1 - exp(-x)) / x with x = lambda T
    x = 1e-4 * 8760
    assert Law(1e-4, 1e-9, 8760).unavailability == pytest.approx(1 + math.expm1(-x) / x, rel=1e-9)


def test_the_swing_of_a_rate_is_what_setting_it_by_hand_gives() -> None:
    frame = k2rel.swing(k2rel.study("L2R"), method="exact")
    for row, kind in (("raid_midplane", "raid_chassis"), ("hdd_fc_elerath_shah", "drive"), ("psu", "psu")):
        for limit in ("low", "high"):
            rate = frame[limit][f"{row}.failure_rate"]
            by_hand = k2rel.study("L2R", settings={f"{kind}.failure_rate": repr(float(rate))})
            minutes = k2rel.availability(by_hand, method="exact")["media"].downtime_min_per_year
            assert frame.loc[f"{row}.failure_rate", f"downtime_at_{limit}_min_per_year"] == pytest.approx(
                minutes, rel=1e-12
            ), (
                row,
                limit,
            )
    assert len(k2rel.swing(k2rel.study(SAN))) == 0, "rates without limits are not listed"


def test_ab_1000_20_has_twelve_digits(tmp_path) -> None:
    """1,000 hosts on 20 leaves a fabric, against rational arithmetic that conditions on the shared parts."""
    from fractions import Fraction

    up = {name: 1 - Fraction(q) for name, q in {"N": "4e-4", "P": "2e-4", "K": "1e-4", "F": "3e-4", "U": "5e-5", "S": "2e-4", "C": "1e-3", "T": "1e-4"}.items()}  # fmt: skip
    leaf, way = up["F"] * up["U"], up["P"] * up["K"]
    fabric = {}  # probability that fabrics A and B are usable, over the two controllers
    for controllers in range(3):
        chosen = (1, 2, 1)[controllers] * up["C"] ** controllers * (1 - up["C"]) ** (2 - controllers)
        usable = up["S"] * (1 - (1 - up["T"]) ** controllers)
        for a in (0, 1):
            for b in (0, 1):
                share = (usable if a else 1 - usable) * (usable if b else 1 - usable)
                fabric[a, b] = fabric.get((a, b), 0) + chosen * share
    mean = every = none = Fraction(0)
    for (a, b), weight in fabric.items():
        served = all_50 = none_50 = Fraction(0)
        for la in (0, 1):
            for lb in (0, 1):
                share = (leaf if la else 1 - leaf) * (leaf if lb else 1 - leaf)
                p = up["N"] * (1 - (1 - way) ** (a * la + b * lb))
                served += share * p
                all_50 += share * p**50
                none_50 += share * (1 - p) ** 50
        mean += weight * 1000 * served
        every += weight * all_50**20
        none += weight * none_50**20
    found = k2rel.served(k2rel.study(ab_file(tmp_path / "ab.yaml", 20), clients=1000), method="exact")[
        "probability"
    ].to_numpy()
    assert float(sum(n * x for n, x in enumerate(found))) == pytest.approx(float(mean), rel=1e-12)
    assert found[1000] == pytest.approx(float(every), rel=1e-12)
    assert found[0] == pytest.approx(float(none), rel=1e-12)
