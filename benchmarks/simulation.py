"""What the simulation costs and how right it is.

Speed is measured on the reference SAN, in turn with the peers: RePyability with Numba (in an interpreter of its own,
``--peers PYTHON``) and a vectorised NumPy batch.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from measured import HERE, Clock, Result, Row, Run, Section, seconds
from numpy_batch import year_of
from z_scores import scores

from k2rel.distributions import Distribution
from k2rel.measures.availability import AvailabilityResult, availability
from k2rel.organisation import Organisation
from k2rel.simulation import Plan, simulate
from k2rel.simulation.raid_group import RaidGroup, data_loss, mttdl_losses
from k2rel.simulation.rare import rare_loss
from k2rel.simulation.static_sampling import quick_look
from k2rel.studies import Study, study

PAGE = "performance/simulation.md"
PREFERRED = Organisation(roles="preferred")
TAKEOVERS = {"preferred": "ideal", "sticky": "as modelled"}
OURS, BATCHED, PEER = 8_000_000, 100_000, 60_000
"""Histories of a run of k2rel, of the batch, and of RePyability."""
ONE_CORE, TWO_CORES, BATCH = "k2rel, one core", "k2rel, two cores", "NumPy batch"


def san(clients: int, *, isl: bool) -> Study:
    """The reference SAN."""
    return study(HERE.parent / "data" / "examples" / f"reference_san{'' if isl else '_dual'}.yaml", clients=clients)


def years(one: Study, histories: int, number: int, workers: int | None = None) -> float:
    """Simulate years from new, with every service and load counted."""
    return simulate(one, PREFERRED, plan=Plan(histories, 1, 0.0, seed=number + 1), workers=workers).events


def peers(clients: int, *, isl: bool) -> Run:
    """The same system by everybody, in turn, so that a slow minute of the machine hits all of them."""
    one, peer = san(clients, isl=isl), None
    if not isl and (python := os.environ.get("K2REL_PEERS")):
        words = [python, str(HERE / "peer_repyability.py"), str(clients), str(PEER), "1"]
        answer = subprocess.run(words, capture_output=True, text=True, timeout=600, check=True)
        peer = float(json.loads(answer.stdout.splitlines()[-1])["per_second"])

    def run(clock: Clock) -> dict[str, object]:
        with clock.step(BATCH):
            for k in range(5):
                year_of(BATCHED // 5, clients, clock.number + 10 * k, isl=isl)
        for name, workers in ((ONE_CORE, 1), (TWO_CORES, 2)):
            with clock.step(name):
                years(one, OURS if clock.number else 1000, clock.number, workers)
        return {"RePyability 0.15, Numba": peer}

    return run


def beside(results: Sequence[Result]) -> tuple[list[str], list[list[object]]]:
    """Histories a second and their ratios."""
    heads = [
        "variant",
        "clients",
        "RePyability 0.15, Numba",
        BATCH,
        ONE_CORE,
        "from – to",
        TWO_CORES,
        "times RePyability (one core)",
        "times NumPy (one core)",
        "two cores / one",
        "peak memory [MB]",
    ]
    rows: list[list[object]] = []
    for result in results:
        clock = {name: spreads[1] for name, spreads in result.steps.items()}
        batch, one, two = BATCHED / clock[BATCH].median, OURS / clock[ONE_CORE].median, OURS / clock[TWO_CORES].median
        peer = result.facts["RePyability 0.15, Numba"]
        rows.append([
            result.facts["variant"], result.facts["clients"], f"{peer:,.0f}" if peer else "–", f"{batch:,.0f}",
            f"{one:,.0f}", f"{OURS / clock[ONE_CORE].high:,.0f} – {OURS / clock[ONE_CORE].low:,.0f}", f"{two:,.0f}",
            f"{one / peer:.0f}" if peer else "–", f"{one / batch:.1f}", f"{two / one:.2f}", f"{result.memory_mb:,.0f}",
        ])  # fmt: skip
    return heads, rows


def batch_is_right() -> Run:
    """The batch counts what is expected."""
    exact = availability(san(4, isl=False))["media"]

    def run(_: Clock) -> dict[str, object]:
        hours, losses = (sum(c) for c in zip(*(year_of(50_000, 4, n, isl=False) for n in range(40)), strict=True))
        return {
            "losses": losses,
            "expected losses": f"{exact.failures_per_year * 2e6:.0f}",
            "hours": f"{hours:.0f}",
            "expected hours": f"{exact.unavailability * 2e6 * 8760:.0f}",
        }

    return run


def by_clients(clients: int, histories: int) -> Run:
    """Years of the SAN with more and more clients, on two cores."""
    one = san(clients, isl=True)
    return lambda clock: {"events in a history": f"{years(one, histories, clock.number, 2) / histories:.2f}"}


def by_histories(histories: int) -> Run:
    """More and more histories of a level, takeovers as modelled."""
    one = study("L2R")

    def run(clock: Clock) -> None:
        simulate(one, Organisation(), plan=Plan(histories, 10, 0.0, seed=clock.number + 1))

    return run


def level(name: str, roles: str) -> Run:
    """A hundred thousand histories of ten years."""
    one, organisation = study(name), Organisation(roles=roles)

    def run(clock: Clock) -> dict[str, object]:
        found = simulate(one, organisation, plan=Plan(100_000, 10, 0.0, seed=clock.number + 1))
        return {"events in a year": f"{found.events / 1e6:.2f}"}

    return run


def exactly(one: Study, organisation: Organisation) -> AvailabilityResult:
    """What the exact engines say under the same roles."""
    modelled = organisation.roles == "modelled"
    return availability(one, organisation=organisation if modelled else None, method="markov" if modelled else "exact")


def rare(service: str, roles: str, method: str, seed: int) -> Run:
    """Rare losses of Level 2R against the exact engines."""
    base = study("L2R")
    better = {
        f"{part.type}.failure_rate": f"{base.laws.shared[name].failure_rate_per_h / 10:.6g} /h"
        for name, part in base.site.components.items()
        if base.laws.shared[name].failure_rate_per_h > 0
    }
    calm = study("L2R", settings={**better, "raid_chassis.failure_rate": "0", "drive.failure_rate": "1e-9 /h"})
    organisation = Organisation(roles=roles, tolerance=1e-12)
    value = exactly(calm, organisation)[service].unavailability
    rare_loss(calm, organisation, service=service, method=method, target=0.5, most_seconds=1, seed=seed)

    def run(_: Clock) -> dict[str, object]:
        found = rare_loss(calm, organisation, service=service, method=method, target=0.05, most_seconds=60, seed=seed)
        u = found.unavailability
        return {
            "exact": f"{value:.4g}",
            "estimate": f"{u.value:.4g}",
            "relative error": f"{100 * found.relative_error:.1f} %",
            "z": f"{(u.value - value) / u.standard_error:+.2f}",
            "regenerative cycles": found.excursions,
        }

    return run


def raid(group: RaidGroup, value: float, error: float) -> Run:
    """The published case of Elerath and Pecht: a million groups."""

    def run(_: Clock) -> dict[str, object]:
        found = data_loss(group, 87_600.0, histories=1_000_000, seed=1).losses.times(1000)
        apart = abs(found.value - value) / (error**2 + found.standard_error**2) ** 0.5
        return {
            "simulated": f"{found.value:.4g} ± {found.standard_error:.2g}",
            "difference in standard errors": f"{apart:.1f}",
            "MTTDL formula": f"{1000 * mttdl_losses(group, 87_600.0):.3g}",
        }

    return run


def quick(name: str) -> Run:
    """States of the static model, 64 a word, on two cores."""
    one = study(name)
    return lambda clock: {"services": len(quick_look(one, 100_000_000, seed=clock.number + 1))}


def right() -> Run:
    """Every level and service simulated and exact."""
    return lambda _: {"found": [
        [Path(one.level).stem, one.contract, TAKEOVERS[one.roles], one.service, one.what, one.exact, one.simulated,
         one.z]
        for one in scores(20_000, 100)
    ]}  # fmt: skip


def z_table(results: Sequence[Result]) -> tuple[list[str], list[list[object]]]:
    """A line for each comparison."""
    heads = ["level", "contract", "takeovers", "service", "quantity", "exact", "simulated", "z"]
    return heads, [[*row[:5], f"{row[5]:.4g}", f"{row[6]:.4g}", f"{row[7]:+.2f}"] for row in results[0].facts["found"]]


def z_said(results: Sequence[Result]) -> str:
    """How the z-scores lie."""
    from scipy import stats

    z = np.array([row[-1] for row in results[0].facts["found"]])
    outside = int((np.abs(z) > 2).sum())
    return (
        f"{len(z)} comparisons (200,000 years each, with a seed of its own): {outside} "
        f"({100 * outside / len(z):.1f} %) outside 2 standard errors, where {100 * 2 * stats.norm.sf(2):.1f} % are "
        f"expected; the largest is {np.abs(z).max():.2f}; mean {z.mean():+.2f}, spread {z.std():.2f}. They took "
        f"{seconds(results[0].clock.median)} s."
    )


def covered(service: str, roles: str) -> Run:
    """How often an interval of 90 % holds the true value, in 200 repeats with seeds of their own."""
    one, organisation = study("L2R"), Organisation(roles=roles, tolerance=1e-9)
    exact = exactly(one, organisation)[service].unavailability

    def run(_: Clock) -> dict[str, object]:
        hits = 0
        for seed in range(200):
            plan = Plan(3000, 5, seed=50_000 + seed, confidence=0.9)
            item = simulate(one, organisation, plan=plan)[service].unavailability
            hits += item.low <= exact <= item.high
        return {"contains the true value": f"{hits / 2:.1f} %"}

    return run


LIFE, REBUILD = Distribution.weibull(1.12, 461_386), Distribution.weibull(2, 12, 6)
LATENT, SCRUB = Distribution.exponential(9259), Distribution.weibull(3, 168, 6)
GROUPS = (
    ("no scrubbing", RaidGroup(8, 1, LIFE, REBUILD, LATENT), 1220.0, 8.0),
    ("scrubbed weekly", RaidGroup(8, 1, LIFE, REBUILD, LATENT, SCRUB), 133.1, 2.6),
    ("no latent errors", RaidGroup(8, 1, LIFE, REBUILD), 0.25, 0.035),
)
RARE = [(r, s, m) for r in ("preferred", "sticky") for s in ("media", "control") for m in ("biasing", "splitting")]

SECTIONS = [
    Section(
        "peers",
        PAGE,
        "One-year histories per second, compared with other packages",
        [
            Row(
                f"san/{'isl' if isl else 'dual'}/{clients}",
                partial(peers, clients, isl=isl),
                {"variant": "isl" if isl else "dual", "clients": clients},
                times=3,
            )
            for isl, clients in ((False, 4), (False, 10), (True, 4), (True, 10), (True, 20))
        ],
        "Reference SAN, exponential distributions, all parts new at the start. `dual` has two TOE cards in each "
        "server, `isl` a link between the switches. RePyability refuses bidirectional links. k2rel evaluates the "
        "compiled policy and counts all services and loads; the others are written for this system and find only "
        "whether some client is cut off.",
        table=beside,
    ),
    Section(
        "batch-right",
        PAGE,
        "Check of the NumPy batch",
        [Row("san/batch is right", batch_is_right, times=1)],
        "Two million years.",
    ),
    Section(
        "by-clients",
        PAGE,
        "Speed by number of clients (isl, two cores)",
        [
            Row(
                f"san by clients/{n}",
                partial(by_clients, n, 1_000_000),
                {"clients": n},
                times=3,
                size=n,
                unit="clients",
                line="SAN, 1,000,000 years",
                count=1_000_000,
            )
            for n in (4, 10, 20, 50, 100, 200)
        ],
        "One million histories of one year.",
    ),
    Section(
        "by-histories",
        PAGE,
        "Level 2R, takeovers as modelled, by number of histories (two cores)",
        [
            Row(
                f"histories/{n}",
                partial(by_histories, n),
                {"histories": n},
                times=3,
                size=n,
                unit="histories",
                line="L2R, ten years each",
                count=n,
            )
            for n in (1_000, 10_000, 100_000, 1_000_000)
        ],
    ),
    Section(
        "levels-simulated",
        PAGE,
        "Levels (two cores)",
        [
            Row(
                f"simulate/{name}/{roles}",
                partial(level, name, roles),
                {"level": name, "takeovers": TAKEOVERS[roles]},
                times=3,
                count=1_000_000,
            )
            for name in ("L1", "L2R", "L3R", "nearline")
            for roles in ("preferred", "sticky")
        ],
        "Simulated years per second.",
    ),
    Section(
        "rare",
        PAGE,
        "Rare service failures of Level 2R",
        [
            Row(
                f"rare/{service}/{roles}/{method}",
                partial(rare, service, roles, method, seed),
                {"service": service, "takeovers": TAKEOVERS[roles], "method": method},
                times=1,
                warm=False,
            )
            for seed, (roles, service, method) in enumerate(RARE, start=1)
        ],
        "MTTF of all parts ten times as long, no RAID chassis, drives that hardly fail; each method runs to a "
        "relative error of 5 % or for 60 s.",
    ),
    Section(
        "raid",
        PAGE,
        "RAID groups: data losses of 1,000 groups of eight drives in ten years (one million groups in each row)",
        [
            Row(
                f"raid/{name}",
                partial(raid, group, value, error),
                {"case": name, "published": f"{value:g} ± {error:g}"},
                times=3,
                count=1_000_000,
            )
            for name, group, value, error in GROUPS
        ],
    ),
    Section(
        "static",
        PAGE,
        "Static sampling, 64 samples in a word (two cores)",
        [Row(f"static/{name}", partial(quick, name), {"level": name}, times=3, count=1e8) for name in ("L2R", "L3R")],
        "Samples per second.",
    ),
    Section(
        "right",
        PAGE,
        "Simulated and exact figures",
        [Row("simulated against exact", right, times=1, warm=False)],
        table=z_table,
        after=z_said,
    ),
    Section(
        "covered",
        PAGE,
        "Coverage of 90 % intervals in 200 repeats with different seeds",
        [
            Row(
                f"covered/{service}/{roles}",
                partial(covered, service, roles),
                {"service of L2R": service, "takeovers": TAKEOVERS[roles]},
                times=1,
                warm=False,
            )
            for service, roles in (("media", "sticky"), ("ftp", "preferred"), ("control", "sticky"))
        ],
    ),
]
