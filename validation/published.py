"""Published and independently recomputed cases: what was printed, and what k2rel makes of the same inputs.

A check passes where the difference is within the tolerance of its case. Expected numbers are typed from the source,
never taken from k2rel.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.integrate import quad

import k2rel
from k2rel.bundled import data_dir
from k2rel.ctmc.chain import Chain
from k2rel.ctmc.passage import mean_time_to
from k2rel.ctmc.steady import steady
from k2rel.distributions import Distribution
from k2rel.faulttrees import read_fault_trees
from k2rel.faulttrees.solve import TopAnswer, solve
from k2rel.field import Exposure, Lives, fit_law, pool, rate_of_counts, read_field, trend_of
from k2rel.logic.diagram import compile_diagram
from k2rel.logic.structure import Structure
from k2rel.rates import Law, RaidModule
from k2rel.rates.raid_module import mttdl_patterson_h
from k2rel.simulation.raid_group import RaidGroup, data_loss

NIST = "https://www.itl.nist.gov/div898/handbook/apr/section4/apr413.htm"
SCRAM = "https://github.com/rakhimov/scram (b85b7894)"
FIELD = data_dir() / "examples" / "field"


@dataclass(frozen=True)
class Check:
    """One number of a case.

    `tolerance` is relative where `relative`, else absolute; for a simulated value it is three standard errors of both.
    """

    what: str
    expected: float
    obtained: float
    tolerance: float
    relative: bool = False

    @property
    def difference(self) -> float:
        """Relative or absolute, as the tolerance is."""
        return (self.obtained - self.expected) / (self.expected if self.relative and self.expected else 1.0)

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance."""
        return abs(self.difference) <= self.tolerance


@dataclass(frozen=True)
class Case:
    """A case with its source; `checks` computes its numbers."""

    id: str
    title: str
    source: str
    url: str
    checks: Callable[[], Iterator[Check]]
    slow: bool = False


def near(what: str, expected: float, obtained: float, tolerance: float) -> Check:
    """A check with a relative tolerance."""
    return Check(what, expected, float(obtained), tolerance, True)


def within(what: str, expected: float, obtained: float, tolerance: float) -> Check:
    """A check with an absolute tolerance."""
    return Check(what, expected, float(obtained), tolerance)


@cache
def nist_lives() -> Lives:
    """The twenty units of NIST 8.4.1.3, from the file that is shipped."""
    return read_field(FIELD / "nist_weibull.csv").lives[0]


def v01() -> Iterator[Check]:
    """Weibull distribution, right-censored lives."""
    fit = fit_law("weibull", nist_lives())
    shape, scale = (fit.parameters[name] for name in ("shape", "scale_h"))
    law = stats.weibull_min(shape.value, scale=scale.value)
    yield within("shape, as printed", 1.7208, shape.value, 1e-4)
    yield within("scale [h], as printed", 606.5280, scale.value, 1e-3)
    yield within("log likelihood, as printed", -75.135, fit.log_likelihood, 5e-4)
    yield within("AIC, as printed", 154.27, fit.aic, 5e-3)
    yield within("mean [h], as printed", 540.737, fit.distribution.mean_h, 1e-3)
    yield within("standard deviation [h], as printed", 323.806, law.std(), 1e-3)
    yield within("shape, recomputed", 1.720797, shape.value, 1e-6)
    yield within("scale [h], recomputed", 606.5276, scale.value, 1e-4)
    yield within("log likelihood, recomputed", -75.13462, fit.log_likelihood, 1e-5)
    yield within("standard error of the shape", 0.50215, shape.error, 1e-5)
    yield within("standard error of the scale [h]", 124.911, scale.error, 1e-3)


def v02() -> Iterator[Check]:
    """Constant failure rate and its limits."""
    lives = nist_lives()
    rate = rate_of_counts(Exposure("NIST", lives.failures, lives.hours)).rate_per_h
    yield within("total time on test [h]", 7771.0, lives.hours, 1e-9)
    yield within("mean time between failures [h]", 777.1, 1 / rate.value, 1e-6)
    yield near("failure rate [1/h]", 1.286836e-3, rate.value, 1e-6)
    yield near("lower 90 % limit [1/h]", 6.9816e-4, rate.low, 1e-5)
    yield near("upper 90 % limit [1/h]", 2.18276e-3, rate.high, 1e-5)


def v05() -> Iterator[Check]:
    """Weibull distribution, interval-censored lives."""
    bounds = [0.1, *(30.1 + 30 * i for i in range(7))]
    ends = [30.0 + 30 * i for i in range(7)] + [math.inf]
    counts = np.array([15, 17, 19, 26, 19, 43, 20, 15356.0])
    fit = fit_law("weibull", Lives("V05", np.array(bounds), np.array(ends), counts))
    yield near("shape", 1.272946, fit.parameters["shape"].value, 1e-3)
    yield near("scale", 7646.68135, fit.parameters["scale_h"].value, 1e-3)


def v11() -> Iterator[Check]:
    """MTTDL of RAID 1 to 5."""
    published = {(1, 1): 4_500_000, (10, 4): 494_505, (10, 1): 818_182, (25, 1): 346_154}
    for (group, check), hours in published.items():
        yield within(
            f"MTTDL [h], G = {group}, C = {check}", hours, mttdl_patterson_h(30_000, 1, 100, group, check), 0.5
        )


def v12() -> Iterator[Check]:
    """RAID 5: formula and chain."""
    formula = mttdl_patterson_h(461_386, 12, 7, 7, 1)
    chain = RaidModule(8, 1, 1 / 461_386, replace_h=12, rebuild_h=0, restore_h=24).mttdl_h
    yield near("MTTDL by the formula [h]", 3.1678131e8, formula, 1e-6)
    yield near("the same in years", 36_162.25, formula / 8760, 1e-6)
    yield near("losses of 1,000 groups in 10 years", 0.27653, 1000 * 10 / (formula / 8760), 2e-5)
    yield near("MTTDL by the chain [h]", 3.169049e8, chain, 1e-6)
    yield near("the same in years", 36_176.36, chain / 8760, 1e-6)


def v13() -> Iterator[Check]:
    """RAID 5 with ageing drives and latent errors, simulated."""
    life, rebuild = Distribution.weibull(1.12, 461_386), Distribution.weibull(2, 12, 6)
    latent, scrub = Distribution.exponential(9259), Distribution.weibull(3, 168, 6)
    cases = [
        ("no scrubbing", RaidGroup(8, 1, life, rebuild, latent), 1220.0, 8.0),
        ("scrubbed weekly", RaidGroup(8, 1, life, rebuild, latent, scrub), 133.1, 2.6),
        ("no latent errors", RaidGroup(8, 1, life, rebuild), 0.25, 0.035),
    ]
    for title, group, published, error in cases:
        found = data_loss(group, 87_600.0, histories=200_000, seed=1).losses.times(1000)
        yield within(
            f"losses of 1,000 groups in 10 years, {title}", published, found.value,
            3 * math.hypot(error, found.standard_error),
        )  # fmt: skip


def v14() -> Iterator[Check]:
    """MTTDL with parallel and sequential repairs."""
    rows = [("8 drives, 2 parities, a repairer each", 8, 2, None, 1.03367233e13),
            ("8 drives, 2 parities, one repairer", 8, 2, 1, 5.16873390e12),
            ("5 drives, 1 parity", 5, 1, None, 2.08378333e9),
            ("8 drives, 1 parity", 8, 1, None, 7.44315476e8),
            ("mirror", 2, 1, None, 2.08348333e10)]  # fmt: skip
    for title, drives, parities, crews, hours in rows:
        group = RaidModule(drives, parities, 1e-6, replace_h=24, rebuild_h=0, restore_h=24, crews=crews)
        yield near(f"MTTDL [h], {title}", hours, group.mttdl_h, 1e-8)


def _of_two(join: str) -> Callable[[float], float]:
    """Availability of two alike parts in series or in parallel, given the unavailability of one."""
    structure = Structure()
    node = getattr(structure, join)([structure.variable("a"), structure.variable("b")])
    diagram = compile_diagram(structure, [node])
    up = diagram.outcomes.index((True,))
    return lambda q: float(diagram.mode_probabilities([q, q])[up])


def v15() -> Iterator[Check]:
    """Point, interval and steady availability."""
    law = Law(0.1, 5.0)
    systems: dict[str, tuple[Callable[[float], float], tuple[float, float, float]]] = {
        "single": (lambda q: 1 - q, (0.683262, 0.772246, 0.666667)),
        "series": (_of_two("conjunction"), (0.466847, 0.603689, 0.444444)),
        "parallel": (_of_two("disjunction"), (0.899677, 0.940802, 0.888889)),
    }
    for name, (available, (point, interval, steady_value)) in systems.items():

        def at(t: float, available: Callable[[float], float] = available) -> float:
            return available(float(law.unavailability_at([t])[0]))

        yield within(f"{name}: point availability at 10", point, at(10.0), 1e-6)
        yield within(f"{name}: mean availability until 10", interval, quad(at, 0, 10)[0] / 10, 1e-6)
        yield within(f"{name}: steady availability", steady_value, available(law.unavailability), 1e-6)


def v16() -> Iterator[Check]:
    """1oo2 system without repair."""
    law, either = Law(0.01, 1.0), _of_two("disjunction")

    def reliability(t: float) -> float:
        return either(float(law.unreliability_at([t])[0]))

    slope = (reliability(10 + 1e-3) - reliability(10 - 1e-3)) / 2e-3
    yield within("reliability at 10", 0.990944, reliability(10.0), 1e-6)
    yield within("mean time to failure", 150.0, quad(reliability, 0, 5000, limit=200)[0], 1e-6 * 150)
    yield within("hazard at 10", 0.001738, -slope / reliability(10.0), 1e-6)


def _pair(crews: int) -> Chain:
    return Chain.of(3, [0, 1, 1, 2], [1, 2, 0, 1], [2e-4, 1e-4, 0.1, 0.1 * crews])


def v18() -> Iterator[Check]:
    """1oo2 system with repair."""
    lost = np.array([False, False, True])
    yield near("mean time to the first failure [h]", 5_015_000.0, mean_time_to(_pair(1), lost), 1e-9)
    yield near("unavailability, one crew", 1.996004e-6, steady(_pair(1)).probability[2], 1e-6)
    yield near("unavailability, two crews", 9.98003e-7, steady(_pair(2)).probability[2], 1e-6)


def v21() -> Iterator[Check]:
    """Downtime of an availability."""
    yield within("MTBF 99,999 h, MTTR 1 h [min/year]", 5.256, Law(1 / 99_999, 1.0).unavailability * 525_600, 1e-3)
    yield within("MTBF 250,000 h, MTTR 1 h [min/year]", 2.1024, Law(1 / 250_000, 1.0).unavailability * 525_600, 1e-3)


def train_gates(number: int) -> str:
    """Trains that are lost with their pump or their valve."""
    return "".join(
        f"<define-gate name='t{i}'><or><event name='p{i}'/><event name='v{i}'/></or></define-gate>"
        for i in range(1, number + 1)
    )


def trains(p1: float, p2: float, v1: float, v2: float) -> TopAnswer:
    """Two trains of a pump and a valve, both needed lost: an own model of the published logic."""
    gate = "".join(
        f"<define-gate name='t{i}'><or><event name='p{i}'/><event name='v{i}'/></or></define-gate>" for i in (1, 2)
    )
    values = {"p1": p1, "p2": p2, "v1": v1, "v2": v2}
    events = "".join(
        f"<define-basic-event name='{n}'><float value='{v}'/></define-basic-event>" for n, v in values.items()
    )
    text = (
        "<opsa-mef><define-fault-tree name='two'><define-gate name='top'><and><gate name='t1'/><gate name='t2'/></and>"
        f"</define-gate>{gate}</define-fault-tree><model-data>{events}</model-data></opsa-mef>"
    )
    return solved(text)


def solved(text: str) -> TopAnswer:
    """Solve a model given as text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        path.write_text(text)
        return solve(read_fault_trees(path), top="top", cut_sets=10, importance=True).tops[0]


def v22() -> Iterator[Check]:
    """Importance measures of two trains."""
    top = trains(0.6, 0.7, 0.4, 0.5)
    yield within("probability", 0.646, top.probability or 0.0, 1e-4)
    yield within("min-cut upper bound", 0.766144, top.mcub or 0.0, 1e-4)
    published = {"p1": (0.51, 0.4737, 0.7895, 1.316, 1.9), "p2": (0.38, 0.4118, 0.8235, 1.176, 1.7),
                 "v1": (0.34, 0.2105, 0.5263, 1.316, 1.267), "v2": (0.228, 0.1765, 0.5882, 1.176, 1.214)}  # fmt: skip
    for one in top.importance or ():
        measures = {"MIF": one.birnbaum, "CIF": one.criticality, "DIF": one.dif, "RAW": one.raw, "RRW": one.rrw}
        for (name, found), value in zip(measures.items(), published[one.event], strict=True):
            yield within(f"{name} of {one.event}", value, found, 5e-4 if value > 1 else 1e-4)


def v23() -> Iterator[Check]:
    """Rare-event importance."""
    given = {"p1": 0.06, "p2": 0.07, "v1": 0.04, "v2": 0.05}
    top = trains(**given)
    yield within("rare-event probability", 0.012, top.rare_event or 0.0, 1e-4)
    yield within("exact probability", 0.0113704, top.probability or 0.0, 1e-7)
    slopes = {"p1": (0.12, 0.6), "p2": (0.10, 0.5833), "v1": (0.12, 0.4), "v2": (0.10, 0.4167)}
    for name, (mif, cif) in slopes.items():
        # the sum of the cut sets is linear in each event, so its slope is the difference of two solutions
        slope = (trains(**{**given, name: 0.5}).rare_event or 0.0) - (trains(**{**given, name: 0.25}).rare_event or 0.0)
        yield within(f"rare-event MIF of {name}", mif, slope / 0.25, 1e-4)
        yield within(f"rare-event CIF of {name}", cif, slope / 0.25 * given[name] / 0.012, 1e-4)


def v24(folder: Path) -> Iterator[Check]:
    """The tree of 25 events is another project's file, so it has to be given."""
    trees = read_fault_trees(folder / "chinese.xml", folder / "chinese-basic-events.xml")
    top = solve(trees, cut_sets=1, importance=True).tops[0]
    yield within("cut sets", 392, sum((top.by_order or {}).values()), 0)
    for order, number in enumerate((0, 12, 0, 24, 188, 168), start=1):
        yield within(f"cut sets of order {order}", number, (top.by_order or {}).get(order, 0), 0)
    yield within("probability", 0.0045691, top.probability or 0.0, 1e-5)
    yield within("rare-event probability", 0.004804, top.rare_event or 0.0, 1e-5)
    found = {one.event: one for one in top.importance or ()}
    yield within("MIF of e1", 0.0745557, found["e1"].birnbaum, 1e-5)
    yield within("CIF of e1", 0.326332, found["e1"].criticality, 1e-5)
    yield near("RAW of e1", 16.9902, found["e1"].raw, 1e-5)
    yield near("RRW of e1", 1.48441, found["e1"].rrw, 1e-5)
    yield within("MIF of e4", 0.0553923, found["e4"].birnbaum, 1e-5)


def v26() -> Iterator[Check]:
    """Common causes by a beta factor."""
    trains_ = train_gates(3)

    def group(name: str) -> str:
        members = "".join(f"<basic-event name='{name}{i}'/>" for i in (1, 2, 3))
        return (
            f"<define-CCF-group name='{name}' model='beta-factor'><members>{members}</members><distribution><float "
            "value='0.1'/></distribution><factors><factor level='3'><float value='0.2'/></factor></factors>"
            "</define-CCF-group>"
        )

    top = solved(
        "<opsa-mef><define-fault-tree name='three'><define-gate name='top'><and><gate name='t1'/><gate name='t2'/>"
        f"<gate name='t3'/></and></define-gate>{trains_}</define-fault-tree>{group('p')}{group('v')}</opsa-mef>"
    )
    yield within("probability", 0.043080373, top.probability or 0.0, 1e-7)
    yield within("sum of the cut sets", 0.044096, top.rare_event or 0.0, 1e-6)


def v30() -> Iterator[Check]:
    """Mean unavailability of a mission."""
    law = Law(1e-5, 1.0)

    def failed(t: float) -> float:
        return float(law.unreliability_at([t])[0])

    yield within("mean until 8,760 h", 0.042549, quad(failed, 0, 8760)[0] / 8760, 1e-5)
    for hours, value in ((24, 2.399e-4), (48, 4.7989e-4), (72, 7.197e-4), (96, 9.595e-4), (120, 1.1993e-3)):
        yield within(f"at {hours} h", value, failed(hours), 1e-5)


PAIR = """format: 2
name: pair
title: two parts of which one is enough
sides: {A: {}, B: {}}
types:
  switch: {failure_rate: 1e-5 /h, mttr: 8 h}
  host: {unavailability: 0, mttr: 1 h}
components:
  switch_A: {type: switch, side: A}
  switch_B: {type: switch, side: B}
clients:
  count: 1
  parts:
    client: {type: host}
    cable_A: {type: host, side: A, between: [client, switch_A]}
    cable_B: {type: host, side: B, between: [client, switch_B]}
traffic:
  media:
    paths:
      - {side: A, via: [client, cable_A, switch_A]}
      - {side: B, via: [client, cable_B, switch_B]}
common_cause:
  switches: {members: [switch_A, switch_B], factors: {'2': 0.05}, evidence: P}
"""


def v32() -> Iterator[Check]:
    """Repairable pair with a common cause."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pair.yaml"
        path.write_text(PAIR)
        alone = k2rel.availability(k2rel.study(path, common_cause="none"), method="exact")["media"].unavailability
        together = k2rel.availability(k2rel.study(path), method="exact")["media"].unavailability
    yield near("unavailability of one", 7.99936e-5, Law(1e-5, 8.0).unavailability, 1e-6)
    yield near("of the pair, no common cause", 6.398976e-9, alone, 1e-6)
    yield near("of the pair, beta 5 %", 4.005759e-6, together, 1e-6)


def n01() -> Iterator[Check]:
    """Repairable unit: power law process."""
    history = read_field(FIELD / "nist_repairs.csv").history
    assert history is not None
    trend = trend_of(history)
    yield within("exponent of the power law", 0.4835, trend.shape, 5e-5)
    yield within("factor of the power law", 0.2913, trend.scale, 5e-5)


def n02() -> Iterator[Check]:
    """Drive statistics, 81 models."""
    drives = read_field(FIELD / "drive_statistics.csv").exposures
    failures, days = sum(one.failures for one in drives), sum(one.hours for one in drives) / 24
    yield within("failures", 21_512, failures, 0)
    yield within("drive-days", 464_594_613, days, 0.5)
    yield within("failures of 100 drives in a year", 1.690, 100 * failures / days * 365, 5e-4)


PUMPS = [
    (5, 94.3),
    (1, 15.7),
    (5, 62.9),
    (14, 126.0),
    (3, 5.24),
    (19, 31.4),
    (1, 1.05),
    (1, 1.05),
    (4, 2.1),
    (22, 10.5),
]


def n03() -> Iterator[Check]:
    """Rates of ten pumps pooled."""

    def prior(mean: np.ndarray, shape: np.ndarray) -> np.ndarray:
        rate = shape / mean  # shape from the unit exponential law, rate from gamma(0.1, 1), both times their Jacobian
        return np.asarray(-shape - 0.9 * np.log(rate) - rate + np.log(shape) + np.log(rate))

    found = pool([Exposure("pump", x, t, str(i)) for i, (x, t) in enumerate(PUMPS, 1)], log_prior=prior)
    published = (0.0598, 0.1015, 0.0893, 0.1157, 0.5999, 0.6098, 0.8998, 0.9101, 1.583, 1.984)
    for number, (value, one) in enumerate(zip(published, found.sites, strict=True), 1):
        if number in (1, 3, 4, 6, 10):  # those whose Monte Carlo error is small
            yield near(f"rate of pump {number} [1/1,000 h]", value, one.mean, 0.01)


CASES = (
    Case("V01", "Weibull distribution, right-censored lives", "NIST/SEMATECH e-Handbook 8.4.1.3", NIST, v01),
    Case("V02", "Constant failure rate and its limits", "NIST/SEMATECH e-Handbook 8.4.1.3 and 8.4.5.1", NIST, v02),
    Case("V05", "Weibull distribution, interval-censored lives", "test of lifelines",
         "https://github.com/CamDavidsonPilon/lifelines", v05),
    Case("V11", "MTTDL of RAID 1 to 5", "Patterson, Gibson and Katz 1988", "https://doi.org/10.1145/50202.50214", v11),
    Case("V12", "RAID 5: formula and chain", "Elerath and Pecht 2007", "https://doi.org/10.1109/DSN.2007.41", v12),
    Case("V13", "RAID 5 with ageing drives and latent errors, simulated", "Elerath and Pecht 2009",
         "https://web.calce.umd.edu/articles/abstracts/2009/RAID_Paper_w_Jon.html", v13, slow=True),
    Case("V14", "MTTDL with parallel and sequential repairs", "closed forms; Chen 1994, Angus 1988",
         "https://arxiv.org/abs/1310.4702", v14),
    Case("V15", "Point, interval and steady availability", "Ebeling, example 11.3",
         "https://www.reliawiki.com/index.php/Availability_Analysis_Reference_Example", v15),
    Case("V16", "1oo2 system without repair", "RIAC Desk Reference",
         "http://www.theriac.org/DeskReference/viewDocument.php?id=219", v16),
    Case("V18", "1oo2 system with repair", "closed form", "", v18),
    Case("V21", "Downtime of an availability", "Cisco, as quoted in NANOG 2002",
         "http://www.SecList.org/nanog/2002/Apr/114", v21),
    Case("V22", "Importance measures of two trains", "published by SCRAM", SCRAM, v22),
    Case("V23", "Rare-event importance", "published by SCRAM", SCRAM, v23),
    Case("V26", "Common causes by a beta factor", "published by SCRAM", SCRAM, v26),
    Case("V30", "Mean unavailability of a mission", "published by SCRAM", SCRAM, v30),
    Case("V32", "Repairable pair with a common cause", "closed form", "", v32),
    Case("N01", "Repairable unit: power law process", "NIST/SEMATECH e-Handbook 8.4.5.2",
         "https://www.itl.nist.gov/div898/handbook/apr/section4/apr452.htm", n01),
    Case("N02", "Drive statistics, 81 models", "Backblaze Drive Stats 2013 to 2024",
         "https://github.com/zachmayer/backblaze_analysis", n02),
    Case("N03", "Rates of ten pumps pooled", "George, Makov and Smith 1993, as in the examples of BUGS (recalled)",
         "https://www.mrc-bsu.cam.ac.uk/software", n03),
)  # fmt: skip
"""Every case but V24, whose model is another project's file (`v24`)."""
