"""What the simulation costs and how right it is: `make bench`, or python benchmarks/simulation.py [--write].

Speed is measured on the reference SAN in one run with the peers: RePyability with Numba (in an interpreter of its own,
``--peers PYTHON``) and a vectorised NumPy batch. Every rate is a median of three or five runs in turn. With
``--write`` the page docs/performance-simulation.md is written.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy_batch import year_of
from scipy import stats
from z_scores import scores

from k2rel.distributions import Distribution
from k2rel.measures.availability import availability
from k2rel.organisation import Organisation
from k2rel.simulation import Plan, simulate
from k2rel.simulation.raid_group import RaidGroup, data_loss, mttdl_losses
from k2rel.simulation.rare import rare_loss
from k2rel.simulation.static_sampling import quick_look
from k2rel.studies import Study, study

LINES: list[str] = []
HERE = Path(__file__).parent
PREFERRED = Organisation(roles="preferred")


def say(text: str = "") -> None:
    """Print a line and keep it for the page."""
    print(text, flush=True)
    LINES.append(text)


def median_rate(run: Callable[[int], object], count: int) -> float:
    """Things a second, the median of three runs with seeds of their own."""
    return median_rates([run], count)[0]


def median_rates(runs: list[Callable[[int], object]], count: int, times: int = 3) -> list[float]:
    """The same of several, each run in turn, so that a slow minute of the machine hits all of them."""
    rates: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run(0)
    for seed in range(1, times + 1):
        for run, found in zip(runs, rates, strict=True):
            start = time.perf_counter()
            run(seed)
            found.append(count / (time.perf_counter() - start))
    return [sorted(found)[len(found) // 2] for found in rates]


def san(clients: int, *, isl: bool) -> Study:
    """The reference SAN."""
    name = "reference_san" if isl else "reference_san_dual"
    return study(f"data/examples/{name}.yaml", clients=clients)


def years_a_second(one: Study, histories: int, workers: tuple[int, ...]) -> list[float]:
    """One-year histories a second, from new, with every service and load counted, by number of workers."""

    def with_workers(number: int) -> Callable[[int], object]:
        return lambda seed: simulate(one, PREFERRED, plan=Plan(histories, 1, 0.0, seed=seed + 1), workers=number)

    return median_rates([with_workers(number) for number in workers], histories, 5)


def peers(python: str | None) -> None:
    """Side by side with the peers, in one run."""
    say("## One-year histories a second, side by side\n")
    say(
        "Reference SAN, everything exponential, histories from new. `dual` has two TOE cards a server, `isl` a link "
        "between the switches. RePyability refuses two-way links. k2rel follows the compiled policy and counts all "
        "services and loads; the peers know this one system and whether some client is cut off.\n"
    )
    say("| variant | clients | RePyability 0.15, Numba | NumPy batch | k2rel, one core | k2rel, two cores | times "
        "RePyability (one core) | times NumPy (one core) | two cores / one |")  # fmt: skip
    say("|" + "---|" * 9)
    for isl, clients in ((False, 4), (False, 10), (True, 4), (True, 10), (True, 20)):
        peer = None
        if python is not None and not isl:
            words = [python, str(HERE / "peer_repyability.py"), str(clients), "60000", "1"]
            answer = subprocess.run(words, capture_output=True, text=True, timeout=600, check=True)
            peer = float(json.loads(answer.stdout.splitlines()[-1])["per_second"])
        batch = median_rate(lambda seed: [year_of(20_000, clients, seed + 10 * k, isl=isl) for k in range(5)], 100_000)  # noqa: B023
        one, two = years_a_second(san(clients, isl=isl), 8_000_000, (1, 2))
        say(
            f"| {'isl' if isl else 'dual'} | {clients} | {'–' if peer is None else f'{peer:,.0f}'} | {batch:,.0f} | "
            f"{one:,.0f} | {two:,.0f} | {'–' if peer is None else f'{one / peer:.0f}'} | {one / batch:.1f} | "
            f"{two / one:.2f} |"
        )
    total = [year_of(50_000, 4, seed, isl=False) for seed in range(40)]
    hours, losses = (sum(column) for column in zip(*total, strict=True))
    exact = availability(san(4, isl=False))["media"]
    say(
        f"\nThe batch computes the same: {losses} losses and {hours:.0f} h in 2,000,000 years, expected about "
        f"{exact.failures_per_year * 2e6:.0f} and {exact.unavailability * 2e6 * 8760:.0f}.\n"
    )


def clients() -> None:
    """How speed falls with the number of clients."""
    say("## Speed against the number of clients (isl, two cores)\n")
    say("| clients | one-year histories a second | events in a history | events a second |\n|" + "---|" * 4)
    for count in (4, 10, 20, 50, 100, 200):
        one = san(count, isl=True)
        histories = 1_000_000
        (rate,) = years_a_second(one, histories, (2,))
        events = simulate(one, PREFERRED, plan=Plan(histories, 1, 0.0, seed=3)).events / histories
        say(f"| {count} | {rate:,.0f} | {events:.2f} | {rate * events:,.0f} |")
    say()
    say("| level | roles | years a second (two cores) | events a second |\n|---|---|---|---|")
    for level in ("L1", "L2R", "L3R", "nearline"):
        for roles in ("preferred", "sticky"):
            organisation = Organisation(roles=roles)
            one = study(level)
            plans = [Plan(100_000, 10, 0.0, seed=seed) for seed in range(1, 5)]
            rate = median_rate(lambda seed: simulate(one, organisation, plan=plans[seed]), 1_000_000)  # noqa: B023
            events = simulate(one, organisation, plan=plans[1]).events / 1e6
            say(f"| {level} | {roles} | {rate:,.0f} | {rate * events:,.0f} |")
    say()


def right() -> None:
    """Simulated against exact, and how often intervals hold the true value."""
    found = scores(20_000, 100)
    z = np.array([score.z for score in found])
    outside = int((np.abs(z) > 2).sum())
    say("## Simulated against exact\n")
    say(
        f"{len(z)} comparisons (200,000 years each, every one with a seed of its own): {outside} "
        f"({100 * outside / len(z):.1f} %) outside 2 standard errors, where {100 * 2 * stats.norm.sf(2):.1f} % are "
        f"expected; the largest is {np.abs(z).max():.2f}; mean {z.mean():+.2f}, spread {z.std():.2f}.\n"
    )
    say("| level | contract | roles | service | what | exact | simulated | z |\n|" + "---|" * 8)
    for score in found:
        figures = f"{score.exact:.4g} | {score.simulated:.4g} | {score.z:+.2f}"
        where = f"{Path(score.level).stem} | {score.contract} | {score.roles} | {score.service}"
        say(f"| {where} | {score.what} | {figures} |")
    say()
    say("Intervals of 90 % in 200 repeats with seeds of their own:\n")
    say("| service of L2R | roles | held the true value in |\n|---|---|---|")
    for service, roles in (("media", "sticky"), ("ftp", "preferred"), ("control", "sticky")):
        one, organisation = study("L2R"), Organisation(roles=roles, tolerance=1e-9)
        exact = availability(
            one,
            organisation=organisation if roles == "sticky" else None,
            method="markov" if roles == "sticky" else "exact",
        )[service].unavailability
        hits = 0
        for seed in range(200):
            plan = Plan(3000, 5, seed=50_000 + seed, confidence=0.9)
            item = simulate(one, organisation, plan=plan)[service].unavailability
            hits += item.low <= exact <= item.high
        say(f"| {service} | {roles} | {hits / 2:.1f} % |")
    say()


def rare() -> None:
    """Rare losses against the exact engines."""
    say("## Rare losses of Level 2R\n")
    say(
        "Parts ten times as good as they are, no RAID chassis, drives that hardly fail; all methods to a relative "
        "error of 5 % or 60 s.\n"
    )
    base = study("L2R")
    settings = {
        f"{part.type}.failure_rate": f"{base.laws.shared[name].failure_rate_per_h / 10:.6g} /h"
        for name, part in base.site.components.items()
        if base.laws.shared[name].failure_rate_per_h > 0
    }
    calm = study("L2R", settings={**settings, "raid_chassis.failure_rate": "0", "drive.failure_rate": "1e-9 /h"})
    say("| service | roles | method | exact | estimate | relative error | z | excursions | seconds |\n|" + "---|" * 9)
    seed = 0
    for roles in ("preferred", "sticky"):
        organisation = Organisation(roles=roles, tolerance=1e-12)
        exact = availability(
            calm,
            organisation=organisation if roles == "sticky" else None,
            method="markov" if roles == "sticky" else "exact",
        )
        for service in ("media", "control"):
            for method in ("biasing", "splitting"):
                seed += 1
                found = rare_loss(
                    calm, organisation, service=service, method=method, target=0.05, most_seconds=60, seed=seed
                )
                u, value = found.unavailability, exact[service].unavailability
                error, z = f"{100 * found.relative_error:.1f} %", (u.value - value) / u.standard_error
                figures = f"{value:.4g} | {u.value:.4g} | {error} | {z:+.2f} | {found.excursions:,}"
                say(f"| {service} | {roles} | {method} | {figures} | {found.seconds:.1f} |")
    say()


def raid() -> None:
    """The published case of Elerath and Pecht."""
    say("## RAID groups: eight drives in ten years, losses of 1,000 groups (a million groups each)\n")
    say("| case | published | simulated | standard errors apart | MTTDL formula | seconds |\n|" + "---|" * 6)
    life, rebuild = Distribution.weibull(1.12, 461_386), Distribution.weibull(2, 12, 6)
    latent, scrub = Distribution.exponential(9259), Distribution.weibull(3, 168, 6)
    for name, group, value, error in (
        ("no scrubbing", RaidGroup(8, 1, life, rebuild, latent), 1220.0, 8.0),
        ("scrubbed weekly", RaidGroup(8, 1, life, rebuild, latent, scrub), 133.1, 2.6),
        ("no latent errors", RaidGroup(8, 1, life, rebuild), 0.25, 0.035),
    ):
        start = time.perf_counter()
        found = data_loss(group, 87_600.0, histories=1_000_000, seed=1).losses.times(1000)
        apart = abs(found.value - value) / (error**2 + found.standard_error**2) ** 0.5
        say(
            f"| {name} | {value:g} ± {error:g} | {found.value:.4g} ± {found.standard_error:.2g} | {apart:.1f} | "
            f"{1000 * mttdl_losses(group, 87_600.0):.3g} | {time.perf_counter() - start:.1f} |"
        )
    say()


def quick() -> None:
    """Sampling of the static model."""
    say("## Static model, 64 samples a word (two cores)\n")
    say("| level | samples a second |\n|---|---|")
    for level in ("L2R", "L3R"):
        rate = median_rate(lambda seed: quick_look(study(level), 100_000_000, seed=seed), 100_000_000)  # noqa: B023
        say(f"| {level} | {rate:,.0f} |")
    say()


def peer_python() -> str:
    """Make an environment for the peer, beside the project's own."""
    home = Path(tempfile.gettempdir()) / "k2rel-peers"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run(["python3", "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "repyability==0.15", "numba"], check=True)
    return str(python)


def main() -> None:
    """Everything, or one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/performance-simulation.md")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter that has RePyability; default: one is made")
    parser.add_argument("--no-peers", action="store_true", help="leave RePyability out")
    args = parser.parse_args()
    simulate(san(4, isl=True), PREFERRED, plan=Plan(1000, 1, 0.0))  # compiles
    say("# What the simulation costs, and how right it is\n")
    say(f"Written by `benchmarks/simulation.py --write`. Python {platform.python_version()}, two shared cores; times "
        "vary by half, ratios within a row less.\n")  # fmt: skip
    peers(None if args.no_peers else args.peers or peer_python())
    clients()
    rare()
    raid()
    quick()
    right()
    if args.write:
        (HERE.parent / "docs" / "performance-simulation.md").write_text("\n".join(LINES) + "\n")


if __name__ == "__main__":
    main()
