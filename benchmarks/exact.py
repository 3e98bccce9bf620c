"""What the exact engine costs: levels by clients, networks, fault trees."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from ab_network import ab_file
from measured import Clock, Row, Run, Section

from k2rel.exact import engine
from k2rel.exact.by_group import lost_clients
from k2rel.faulttrees.solve import event_importance
from k2rel.logic.cutsets import minimal_cut_sets
from k2rel.logic.function import FunctionDiagram, compile_function
from k2rel.logic.structure import Structure
from k2rel.measures.uncertainty import uncertainty
from k2rel.services.diagrams import services_of
from k2rel.studies import study

PAGE = "performance/exact.md"


def level(name: str, clients: int) -> Run:
    """Read a level and compile its services; then unavailability and importances of all of them."""

    def run(clock: Clock) -> dict[str, object]:
        with clock.step("read and compile"):
            s = study(name, clients=clients)
            services = services_of(s.policy)
            for service in services:
                for part in ("diagram", "_cases", "_alike", "_cut_off_states"):
                    getattr(service, part, None)
        for cache in (engine.steady_own, engine.mode_probabilities, engine._steady):
            cache.cache_clear()
        with clock.step("unavailability and importances"):
            for service in services:
                engine.unavailability(s, service)
                engine.derivatives(s, service)
        return {"services": len(services)}

    return run


def samples(which: slice) -> Run:
    """10,000 parameter samples of some services of Level 3R with 100 clients."""
    s = study("L3R", clients=100)
    names = [service.name for service in services_of(s.policy)][which]

    def run(_: Clock) -> dict[str, object]:
        uncertainty(s, names, samples=10_000, method="exact", frequency=False)
        return {"services": len(names)}

    return run


def network(clients: int, leaves: int) -> Run:
    """The distribution of served clients of AB(n, L)."""
    with tempfile.TemporaryDirectory() as folder:
        s = study(ab_file(Path(folder) / "ab.yaml", leaves), clients=clients)

    def run(_: Clock) -> dict[str, object]:
        p = lost_clients.__wrapped__(s, ("media",)).probability[::-1]
        mean = float(np.arange(clients + 1) @ p)
        return {"mean served": f"{mean:.12g}", "P(all served)": f"{p[clients]:.12g}", "sum - 1": f"{p.sum() - 1:.1e}"}

    return run


def random_tree(events: int, seed: int) -> FunctionDiagram:
    """A tree of local gates over a line of events, so that size says something and width stays bounded."""
    generator = np.random.Generator(np.random.Philox(seed))
    s = Structure()
    names = [s.variable(f"e{i}") for i in range(events)]
    gates = []
    for i in range(0, events - 8, 4):
        near = [names[i + int(j)] for j in generator.choice(8, 4, replace=False)]
        gates.append(s.at_least(2, near) if generator.random() < 0.3 else s.conjunction(near[:2]))
    while len(gates) > 1:
        joined = []
        for i in range(0, len(gates), 3):
            part = gates[i : i + 3]
            joined.append(s.conjunction(part) if len(gates) < 30 and generator.random() < 0.3 else s.disjunction(part))
        gates = joined
    return compile_function(s, gates[0])


def tree(events: int) -> Run:
    """Importances of all events, and samples of their probabilities."""
    d = random_tree(events, 7)
    p = np.full(len(d.variables), 0.01)
    drawn = np.random.Generator(np.random.Philox(1)).uniform(0.0, 0.02, (len(d.variables), 10_000))
    sets = minimal_cut_sets(d)

    def run(clock: Clock) -> dict[str, object]:
        with clock.step("all importances"):
            event_importance(d, p, sets)
        with clock.step("10,000 samples"):
            d.probability(drawn)
        return {"events": len(d.variables), "nodes": d.nodes, "cut sets": sets.count}

    return run


SECTIONS = [
    Section(
        "levels",
        PAGE,
        "Redundant levels: all services with all importances",
        [
            Row(
                f"levels/{name}/{clients}",
                partial(level, name, clients),
                {"level": name, "clients": clients},
                size=clients,
                unit="clients",
                line=f"{name}: all services",
            )
            for name in ("L2R", "L3R")
            for clients in (10, 100, 1000)
        ],
    ),
    Section(
        "samples",
        PAGE,
        "10,000 parameter samples, Level 3R with 100 clients",
        [
            Row(f"samples/{title}", partial(samples, which), {"what": title}, times=3)
            for title, which in (
                ("media of the site", slice(0, 1)),
                ("all but full service", slice(0, -1)),
                ("full service", slice(-1, None)),
            )
        ],
    ),
    Section(
        "networks",
        PAGE,
        "Dual-fabric network AB(n, L): distribution of the served clients",
        [
            Row(
                f"network/{n}/{leaves}",
                partial(network, n, leaves),
                {"n": n, "L": leaves},
                size=n,
                unit="clients",
                line="AB(n, 20): distribution" if leaves == 20 else "",
            )
            for n, leaves in ((8, 2), (48, 4), (100, 20), (1000, 20), (10_000, 20))
        ],
    ),
    Section(
        "trees",
        PAGE,
        "Random fault tree: importances of all events, 10,000 samples",
        [
            Row(
                f"tree/{events}",
                partial(tree, events),
                size=events,
                unit="events of a tree",
                line="samples, importances",
            )
            for events in (125, 250, 500, 1000, 2000)
        ],
        "Random gates over a sequence of events, some of which have no effect.",
    ),
]
