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
from pathlib import Path

from cluster import FACT, cluster, quality

from k2rel.ctmc.steady import steady
from k2rel.exact import engine
from k2rel.exact.services import services_of
from k2rel.markov.engine import solved
from k2rel.measures.modes import modes
from k2rel.organisation import Organisation
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


def levels() -> None:
    """Redundant levels with sticky roles, coverage 0.95, one repair crew."""
    say("## Sticky roles, coverage 0.95, one repair crew: services, modes, interruptions\n")
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
        modes(case, organisation)
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
    say("## Agreement with the static engine, roles at the preferred side\n")
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
    modes(study("L2R"), small)
    steady(cluster(16).chain)
    clusters()
    levels()
    agreement()
    if args.write:
        path = Path(__file__).parents[1] / "docs" / "performance-dynamic.md"
        path.write_text("\n".join(LINES).rstrip() + "\n")
        print(f"written to {path}")


if __name__ == "__main__":
    main()
