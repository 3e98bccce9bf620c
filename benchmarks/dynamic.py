"""What the dynamic engine costs: `make bench`, or python benchmarks/dynamic.py [--write].

Wall times of one run each in this process, after one small run that compiles the kernels. With ``--write`` the
tables go into docs/performance-dynamic.md.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import resource
import time
import tracemalloc
from pathlib import Path

from cluster import FACT, cluster, quality

from k2rel.ctmc import elimination
from k2rel.ctmc.chain import Chain
from k2rel.ctmc.steady import steady
from k2rel.ctmc.transient import over_time
from k2rel.exact import engine
from k2rel.markov.engine import solved
from k2rel.measures.modes import modes
from k2rel.organisation import Organisation
from k2rel.services.diagrams import services_of
from k2rel.studies import study

LINES: list[str] = []
CHECKER_SOLVE_S = {128: 3.5, 256: 26.0}
"""Seconds of a probabilistic model checker (PRISM, sparse Gauss-Seidel to 1e-14), on a machine of this class."""


def say(text: str = "") -> None:
    """Print a line and keep it for the page."""
    print(text, flush=True)
    LINES.append(text)


def memory() -> str:
    """Peak memory so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB"


def clusters() -> None:
    """The workstation cluster."""
    say("## Workstation cluster: generated and solved for steady state\n")
    say(
        "| N | states | transitions | generate [s] | solve [s] | checker, solve only [s] | sweeps | residual | "
        "P(not premium) | relative difference | peak memory |"
    )
    say("|" + "---|" * 11)
    for n, (states, transitions, expected) in FACT.items():
        start = time.perf_counter()
        space = cluster(n)
        made = time.perf_counter()
        found = steady(space.chain)
        done = time.perf_counter()
        assert (space.chain.states, space.chain.transitions) == (states, transitions)
        lost = float(found.probability[~quality(space, n)].sum())
        say(
            f"| {n} | {states:,} | {transitions:,} | {made - start:.2f} | {done - made:.2f} | "
            f"{CHECKER_SOLVE_S.get(n, '')} | {found.sweeps or 'elimination'} | {found.residual:.0e} | {lost:.15g} | "
            f"{lost / expected - 1:.0e} | {memory()} |"
        )
        del space, found
    say(
        "\nThe checker's seconds were measured on another machine of this class, not side by side, and are not scaled; "
        "with building and checking it took 100 to 200 s at N = 256.\n"
    )


def rings(blocks: int, coupling: float) -> Chain:
    """Rings of three states, rate 1 both ways round; first states of neighbours joined; all states equally likely."""
    moves = []
    for at in range(0, 3 * blocks, 3):
        for i in range(3):
            moves += [(at + i, at + (i + 1) % 3, 1.0), (at + (i + 1) % 3, at + i, 1.0)]
        if at + 3 < 3 * blocks:
            moves += [(at, at + 3, coupling), (at + 3, at, coupling)]
    before, after, rate = zip(*moves, strict=True)
    return Chain.of(3 * blocks, before, after, rate)


def far_apart() -> None:
    """Chains whose rates lie far apart."""
    say("## Rates that lie far apart\n")
    say("Rings of three states, rate 1 both ways round, first states of neighbours joined both ways by the coupling: "
        "every state has the same probability.\n")  # fmt: skip
    say("| rings | coupling | tolerance | way | seconds | estimated error | sum of all errors |")
    say("|" + "---|" * 7)
    most = elimination._MOST_ORDERED
    for blocks, coupling, tolerance in ((401, 1e-15, 1e-13), (401, 1e-7, 1e-6), (600, 1e-30, 1e-13)):
        for ordered, way in ((most, "as chosen: elimination"), (10, "cycles alone")):
            chain = rings(blocks, coupling)
            elimination._MOST_ORDERED = ordered
            start = time.perf_counter()
            found = steady(chain, tolerance)
            seconds = time.perf_counter() - start
            off = float(abs(found.probability * chain.states - 1).mean())
            say(f"| {blocks} | {coupling:g} | {tolerance:g} | {way} | {seconds:.2f} | {found.error:.0e} | {off:.0e} |")
    elimination._MOST_ORDERED = most
    say("\nOver time, from state 0. Exact: exponential of the generator in decimal arithmetic of 50 digits and more.\n")
    say("| rates | time | rate times time | P | relative error | doublings | seconds | peak of arrays |")
    say("|" + "---|" * 8)
    for restores, exact in ((3.6e4, 2.7777776998379653e-12), (3.6e5, 2.7777777699837964e-13)):
        chain = Chain.of(3, [0, 1, 1, 2], [1, 0, 2, 0], [1e-5, restores, 1e-3, 0.1])
        over(chain, f"0→1 1e-5, 1→0 {restores:g}, 1→2 1e-3, 2→0 0.1", 8760.0, 2, exact)
    over(Chain.of(2, [0, 1], [1, 0], [1e-3, 1.0]), "0→1 1e-3, 1→0 1", 2147483648.0, 1, 1e-3 / 1.001)
    over(Chain.of(2, [0, 1], [1, 0], [1e-3, 1e12]), "0→1 1e-3, 1→0 1e12", 1e9, 1, 1e-3 / (1e12 + 1e-3))
    say()


def over(chain: Chain, rates: str, time_h: float, state: int, exact: float) -> None:
    """One line about a chain over time."""
    tracemalloc.start()
    start = time.perf_counter()
    found = over_time(chain, [time_h])
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1] / 1024
    tracemalloc.stop()
    p = float(found.probability[0, state])
    events = float(chain.exit_rates_per_h.max()) * time_h
    say(
        f"| {rates} | {time_h:g} | {events:.0e} | P({state}) = {p:.9g} | {abs(p / exact - 1):.0e} | {found.steps} | "
        f"{seconds:.3f} | {peak:.0f} kB |"
    )


def levels() -> None:
    """Redundant levels with sticky roles, coverage 0.95, one repair crew."""
    say("## Takeovers as modelled, coverage 0.95, one repair crew: services, modes, interruptions\n")
    say("| level | clients | error asked for | states | transitions | chain [s] | services [s] | modes [s] | "
        "interruptions [s] | all [s] | error bound | bound for shares |")  # fmt: skip
    say("|" + "---|" * 12)
    for level, clients, tolerance in (("L2R", 4, 1e-12), ("L3R", 4, 1e-9), ("L3R", 20, 1e-12)):
        case = study(level, clients=clients)
        organisation = Organisation(crews=1, tolerance=tolerance)
        times = [time.perf_counter()]
        dynamics = solved(case, organisation)
        times.append(time.perf_counter())
        services = services_of(dynamics.policy)
        for service in services:
            dynamics.unavailability(service)
            dynamics.failure_frequency(service)
        times.append(time.perf_counter())
        modes(case, organisation, method="markov")
        times.append(time.perf_counter())
        for service in services:
            visits = dynamics.interruptions(service)
            assert visits.frequency_per_h >= 0
            assert visits.mean_h != 0
        times.append(time.perf_counter())
        parts = " | ".join(f"{b - a:.2f}" for a, b in itertools.pairwise(times))
        chain = dynamics.states.chain
        say(
            f"| {level} | {clients} | {tolerance:g} | {chain.states:,} | {chain.transitions:,} | {parts} | "
            f"{times[-1] - times[0]:.2f} | {dynamics.states.error_bound:.1e} | {dynamics.states.share_bound:.1e} |"
        )
    say(
        "\nThe error bound holds for services and for every mode that lasts only while something is failed or on its "
        "way; the bound for shares holds for all, those of the quiet modes among them. Interruptions: frequency "
        "and mean length of each; median and distribution of the lengths of all services cost 1 to 2 s more.\n"
    )


def agreement() -> None:
    """Roles at the preferred side: the static engine's own case."""
    say("## Agreement with the exact engine, takeovers ideal\n")
    say("| level | services | largest difference of an unavailability | of a frequency [1/h] |")
    say("|---|---|---|---|")
    for level in ("L1", "L2", "L2R", "L3", "L3R", "nearline"):
        case = study(level)
        dynamics = solved(case, Organisation(roles="preferred", tolerance=1e-12))
        pairs = [
            (
                abs(dynamics.unavailability(service) - engine.unavailability(case, service)),
                abs(dynamics.failure_frequency(service) - engine.failure_frequency(case, service)),
            )
            for service in services_of(case.policy)
        ]
        say(f"| {level} | {len(pairs)} | {max(p[0] for p in pairs):.1e} | {max(p[1] for p in pairs):.1e} |")
    say()


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tables into docs/performance-dynamic.md")
    args = parser.parse_args()
    say("# What the dynamic engine costs\n")
    say(
        f"Written by `benchmarks/dynamic.py` (`make bench`). {os.cpu_count()} processor cores shared with others, "
        f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}. One run each; times vary by "
        "half. Start of the process and the first, compiling run of each kernel are left out.\n"
    )
    small = Organisation(crews=1, tolerance=1e-6)
    dynamics = solved(study("L2R"), small)
    for service in services_of(dynamics.policy):
        dynamics.failure_frequency(service)
        dynamics.interruptions(service)
    modes(study("L2R"), small, method="markov")
    steady(cluster(16).chain)
    clusters()
    far_apart()
    levels()
    agreement()
    if args.write:
        path = Path(__file__).parents[1] / "docs" / "performance-dynamic.md"
        path.write_text("\n".join(LINES).rstrip() + "\n")
        print(f"written to {path}")


if __name__ == "__main__":
    main()
