"""Performance of the Markov engine: chains of any origin, and levels with takeovers as modelled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from cluster import FACT, cluster, quality
from measured import Clock, Result, Row, Run, Section

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

PAGE = "performance/dynamic.md"
CHECKER = {128: (2.84, 130), 256: (21.1, 190)}
"""Seconds by the clock and MB of a probabilistic model checker (PRISM, sparse, Gauss-Seidel), generation included."""
LARGEST = (512, 9_465_876, 46_235_680)


def workstations(n: int, tolerance: float = 1e-13) -> Run:
    """Generate the cluster and solve it for its steady state."""
    steady(cluster(16).chain)

    def run(clock: Clock) -> dict[str, object]:
        with clock.step("generate"):
            space = cluster(n)
        with clock.step("solve"):
            found = steady(space.chain, tolerance)
        states, transitions, expected = FACT.get(n, (*LARGEST[1:], None))
        assert (space.chain.states, space.chain.transitions) == (states, transitions)
        lost = float(found.probability[~quality(space, n)].sum())
        return {
            "states": space.chain.states,
            "transitions": space.chain.transitions,
            "sweeps": found.sweeps or "elimination",
            "residual": f"{found.residual:.0e}",
            "P(not premium)": f"{lost:.15g}",
            "relative difference": "" if expected is None else f"{lost / expected - 1:.0e}",
        }

    return run


def beside_the_checker(results: Sequence[Result]) -> str:
    """Ratios to the peer."""
    said = []
    for result in results:
        n = result.row.facts["N"]
        if n in CHECKER:
            clock, memory = CHECKER[n]
            said.append(
                f"N = {n}: {clock:g} s and {memory:,} MB, k2rel {result.clock.median / clock:.2f} times the time and "
                f"{result.memory_mb / memory:.1f} times the memory"
            )
    if not said:
        return ""
    return (
        f"PRISM with generation, on a machine of this class, not scaled: {'; '.join(said)}. The memory of k2rel "
        "includes Python and its packages, some 200 MB."
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


def far_apart(blocks: int, coupling: float, tolerance: float, *, cycles_alone: bool) -> Run:
    """A chain whose rates lie far apart."""
    chain = rings(blocks, coupling)
    if cycles_alone:
        elimination._MOST_ORDERED = 10

    def run(_: Clock) -> dict[str, object]:
        found = steady(chain, tolerance)
        off = float(abs(found.probability * chain.states - 1).mean())
        return {"estimated error": f"{found.error:.0e}", "sum of all errors": f"{off:.0e}"}

    return run


def over(states: int, moves: Any, time_h: float, state: int, exact: float) -> Run:
    """A chain over time, from state 0."""
    chain = Chain.of(states, *moves)

    def run(_: Clock) -> dict[str, object]:
        found = over_time(chain, [time_h])
        p = float(found.probability[0, state])
        events = float(chain.exit_rates_per_h.max()) * time_h
        return {
            "rate times time": f"{events:.0e}",
            "P": f"P({state}) = {p:.9g}",
            "relative error": f"{abs(p / exact - 1):.0e}",
            "doublings": found.steps,
        }

    return run


def sticky(level: str, clients: int, tolerance: float) -> Run:
    """A level with sticky roles, coverage 0.95, one repair crew: all that is asked of it."""
    organisation = Organisation(crews=1, tolerance=tolerance)
    everything(level, 2, Organisation(crews=1, tolerance=1e-6), Clock(0))  # compiles
    return partial(everything, level, clients, organisation)


def everything(level: str, clients: int, organisation: Organisation, clock: Clock) -> dict[str, object]:
    """Chain, services, modes, interruptions."""
    case = study(level, clients=clients)
    with clock.step("chain"):
        dynamics = solved(case, organisation)
    services = services_of(dynamics.policy)
    with clock.step("services"):
        for service in services:
            dynamics.unavailability(service)
            dynamics.failure_frequency(service)
    with clock.step("modes"):
        modes(case, organisation, method="markov")
    with clock.step("interruptions"):
        for service in services:
            visits = dynamics.interruptions(service)
            assert visits.frequency_per_h >= 0
            assert visits.mean_h != 0
    chain = dynamics.states.chain
    return {
        "states": chain.states,
        "transitions": chain.transitions,
        "error bound": f"{dynamics.states.error_bound:.1e}",
        "bound for shares": f"{dynamics.states.share_bound:.1e}",
    }


def agreement(level: str) -> Run:
    """Roles at the preferred side: the static engine's own case."""

    def run(_: Clock) -> dict[str, object]:
        case = study(level)
        dynamics = solved(case, Organisation(roles="preferred", tolerance=1e-12))
        off, often = zip(
            *(
                (
                    abs(dynamics.unavailability(service) - engine.unavailability(case, service)),
                    abs(dynamics.failure_frequency(service) - engine.failure_frequency(case, service)),
                )
                for service in services_of(case.policy)
            ),
            strict=True,
        )
        return {
            "services": len(off),
            "largest difference of an unavailability": f"{max(off):.1e}",
            "of a frequency [1/h]": f"{max(often):.1e}",
        }

    return run


OVER_TIME = [
    *(
        (
            f"0→1 1e-5, 1→0 {back:g}, 1→2 1e-3, 2→0 0.1",
            (3, ([0, 1, 1, 2], [1, 0, 2, 0], [1e-5, back, 1e-3, 0.1]), 8760.0, 2, exact),
        )
        for back, exact in ((3.6e4, 2.7777776998379653e-12), (3.6e5, 2.7777777699837964e-13))
    ),
    ("0→1 1e-3, 1→0 1", (2, ([0, 1], [1, 0], [1e-3, 1.0]), 2147483648.0, 1, 1e-3 / 1.001)),
    ("0→1 1e-3, 1→0 1e12", (2, ([0, 1], [1, 0], [1e-3, 1e12]), 1e9, 1, 1e-3 / (1e12 + 1e-3))),
]
"""Chains, with the exact probability: exponentials of the generators in decimal arithmetic of 50 digits and more."""

SECTIONS = [
    Section(
        "cluster",
        PAGE,
        "Workstation cluster: generated and solved for steady state",
        [
            Row(
                f"cluster/{n}", partial(workstations, n), {"N": n}, times=3, unit="states", line="cluster", fresh=n > 16
            )
            for n in FACT
        ],
        after=beside_the_checker,
    ),
    Section(
        "cluster-512",
        PAGE,
        "Workstation cluster with 512 workstations on each side",
        [
            Row(
                "cluster/512",
                partial(workstations, 512, 1e-10),
                {"N": 512},
                times=1,
                warm=False,
                unit="states",
                line="cluster",
            )
        ],
        "Tolerance 1e-10, in a process of its own, generation included.",
        long=True,
    ),
    Section(
        "far-apart",
        PAGE,
        "Rates of very different size",
        [
            Row(
                f"rings/{blocks}/{coupling:g}/{'cycles' if alone else 'chosen'}",
                partial(far_apart, blocks, coupling, tolerance, cycles_alone=alone),
                {
                    "rings": blocks,
                    "coupling": f"{coupling:g}",
                    "tolerance": f"{tolerance:g}",
                    "method": "cycles only" if alone else "as chosen",
                },
                times=3,
            )
            for blocks, coupling, tolerance in ((401, 1e-15, 1e-13), (401, 1e-7, 1e-6), (600, 1e-30, 1e-13))
            for alone in (False, True)
        ],
        "Rings of three states with rate 1 in both directions; the coupling joins the first states of neighbouring "
        "rings in both directions. Every state has the same probability.",
    ),
    Section(
        "over-time",
        PAGE,
        "Transient probabilities, from state 0",
        [
            Row(f"over time/{rates}", partial(over, *given), {"rates": rates, "time [h]": f"{given[2]:g}"}, times=3)
            for rates, given in OVER_TIME
        ],
        "Reference: exponential of the generator in decimal arithmetic with 50 digits and more.",
    ),
    Section(
        "sticky",
        PAGE,
        "Takeovers as modelled, coverage 0.95, one repair crew: services, modes, interruptions",
        [
            Row(
                f"sticky/{level}/{clients}/{tolerance:g}",
                partial(sticky, level, clients, tolerance),
                {"level": level, "clients": clients, "tolerance": f"{tolerance:g}"},
                times=3,
                fresh=True,
            )
            for level, clients, tolerance in (("L2R", 4, 1e-12), ("L3R", 4, 1e-9), ("L3R", 20, 1e-12))
        ],
        "The error bound holds for services and for every mode that lasts only while a part has failed or a role is "
        "moving; the bound for shares holds for all modes, the all-up modes included. Interruptions: frequency "
        "and mean length of each; median and distribution of the lengths of all services take 1 to 2 s more.",
    ),
    Section(
        "sticky-growth",
        PAGE,
        "Level 3R with 20 clients, takeovers as modelled, by tolerance",
        [
            Row(
                f"sticky growth/{tolerance:g}",
                partial(sticky, "L3R", 20, tolerance),
                {"tolerance": f"{tolerance:g}"},
                times=3,
                fresh=True,
                unit="states",
                line="Level 3R, 20 clients, one crew",
            )
            for tolerance in (1e-6, 1e-8, 1e-10)
        ],
    ),
    Section(
        "agreement",
        PAGE,
        "Agreement with the exact engine, ideal takeovers",
        [
            Row(f"agreement/{level}", partial(agreement, level), {"level": level}, times=1)
            for level in ("L1", "L2", "L2R", "L3", "L3R", "nearline")
        ],
    ),
]
