"""What the exact engine costs: `make bench`, or python benchmarks/exact.py [--aralia FOLDER] [--write].

Every time is the median of several runs in this process, after one run that is not counted (compilation of
kernels, imports); start of the process is left out. With ``--write`` the table goes into docs/performance.md.
The Aralia fault trees are not part of k2rel; name the folder where they lie, with their reference.csv.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from ab_network import ab_file

from k2rel.errors import ModelTooLargeError
from k2rel.exact import engine
from k2rel.exact.by_group import lost_clients
from k2rel.faulttrees import read_fault_trees
from k2rel.faulttrees.solve import event_importance
from k2rel.logic.bounds import probability_bounds
from k2rel.logic.cutsets import minimal_cut_sets
from k2rel.logic.function import FunctionDiagram, compile_function
from k2rel.logic.structure import Structure
from k2rel.measures.uncertainty import uncertainty
from k2rel.services.diagrams import services_of
from k2rel.studies import study

LINES: list[str] = []


def say(text: str = "") -> None:
    """Print a line and keep it for the page."""
    print(text, flush=True)
    LINES.append(text)


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print a table."""
    say("| " + " | ".join(head) + " |")
    say("|" + "|".join("---" for _ in head) + "|")
    for row in rows:
        say("| " + " | ".join(row) + " |")
    say()


def median(run: Callable[[], object], times: int = 5, clock: Callable[[], float] = time.perf_counter) -> float:
    """Median time of some runs, after one that is not counted [s]."""
    run()
    found = []
    for _ in range(times):
        before = clock()
        run()
        found.append(clock() - before)
    return statistics.median(found)


def memory() -> str:
    """Largest memory of this process so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB"


def levels() -> None:
    """The K2 levels: cost by number of clients, and of parameter samples."""
    say("## Redundant levels: all services with all importances\n")
    rows = []
    for level in ("L2R", "L3R"):
        for clients in (10, 100, 1000):

            def compiled(level: str = level, clients: int = clients) -> object:
                s = study(level, clients=clients)
                found = services_of(s.policy)
                for service in found:
                    for part in ("diagram", "_cases", "_alike", "_cut_off_states"):
                        getattr(service, part, None)
                return s, found

            s = study(level, clients=clients)
            services = services_of(s.policy)

            def evaluated(s: object = s, services: object = services) -> None:
                for cache in (engine.steady_own, engine.mode_probabilities, engine._steady):
                    cache.cache_clear()
                for service in services:  # type: ignore[attr-defined]
                    engine.unavailability(s, service)  # type: ignore[arg-type]
                    engine.derivatives(s, service)  # type: ignore[arg-type]

            rows.append(
                [
                    level,
                    f"{clients:,}",
                    str(len(services)),
                    f"{median(compiled, 3):.2f}",
                    f"{1000 * median(evaluated):.0f}",
                ]
            )
    table(["level", "clients", "services", "read and compile [s]", "unavailability and importances [ms]"], rows)

    say("## 10,000 parameter samples, Level 3R with 100 clients\n")
    s = study("L3R", clients=100)
    names = [service.name for service in services_of(s.policy)]
    rows = []
    for title, chosen in (
        ("media of the site", ["media"]),
        (f"all {len(names) - 1} services but full service", names[:-1]),
        ("full service", ["full_service"]),
    ):
        rows.append([title, f"{median(partial(uncertainty, s, chosen, samples=10_000), 3):.2f}", memory()])
    table(["what", "time [s]", "peak memory so far"], rows)


def networks() -> None:
    """The family AB(n, L)."""
    say("## Dual-fabric network AB(n, L): distribution of the served clients\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n, leaves in ((8, 2), (48, 4), (100, 20), (1000, 20), (10_000, 20)):
            s = study(ab_file(Path(folder) / "ab.yaml", leaves), clients=n)
            p = lost_clients(s, ("media",)).probability[::-1]
            mean = float(np.arange(n + 1) @ p)
            seconds = median(partial(lost_clients.__wrapped__, s, ("media",)), 3)
            rows.append([f"{n:,}", str(leaves), f"{seconds:.3f}", f"{mean:.12g}", f"{p[n]:.12g}", f"{p.sum() - 1:.1e}"])
    table(["n", "L", "time [s]", "mean served", "P(all served)", "sum - 1"], rows)


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


def one_tree() -> None:
    """Random trees of growing size."""
    say("## One fault tree: importances of all events, 10,000 samples\n")
    rows = []
    for events in (125, 250, 500, 1000, 2000):
        d = random_tree(events, 7)
        p = np.full(len(d.variables), 0.01)
        samples = np.random.Generator(np.random.Philox(1)).uniform(0.0, 0.02, (len(d.variables), 10_000))
        sets = minimal_cut_sets(d)
        rows.append(
            [
                f"{len(d.variables):,}", f"{d.nodes:,}", f"{sets.count:,}",
                f"{1000 * median(partial(event_importance, d, p, sets)):.1f}",
                f"{median(partial(d.probability, samples), 3):.2f}",
            ]
        )  # fmt: skip
    table(["events", "nodes", "cut sets", "all importances [ms]", "10,000 samples [s]"], rows)


def aralia(folder: Path) -> None:
    """The Aralia trees, against reference.csv."""
    say("## Aralia fault trees\n")
    reference = {row["model"]: row for row in csv.DictReader((folder / "reference.csv").open())}
    rows, ours, theirs, worst = [], 0.0, 0.0, 0.0
    for name, row in reference.items():
        if name in {"das9701", "nus9601"}:
            continue
        path = folder / f"{name}.xml"

        def solved(path: Path = path) -> tuple[FunctionDiagram, float]:
            trees = read_fault_trees(path)
            d = compile_function(trees.structure, next(iter(trees.tops.values())))
            place = {event: i for i, event in enumerate(trees.events)}
            p = trees.probability[[place[event] for event in d.variables]]
            return d, float(d.probability(p))

        d, found = solved()
        seconds = median(solved, 3, time.process_time)
        p = np.full(len(d.variables), 0.01)
        before = time.process_time()
        sets = minimal_cut_sets(d)
        count = sets.count
        counting = time.process_time() - before
        importance = median(partial(d.derivatives, p), 3)
        known, sets_known = row["top_probability"], row["minimal_cut_sets"]
        difference = abs(found / float(known) - 1) if known else None
        worst = max(worst, difference or 0.0)
        if sets_known and int(sets_known) != count:
            raise SystemExit(f"{name}: {count} cut sets, the reference has {sets_known}")
        ours += seconds
        theirs += max(float(row["reference_tool_cpu_s"]) - 0.04, 0.0)
        rows.append(
            [
                name, f"{found:.12g}", f"{difference:.0e}" if difference is not None else "kept back",
                f"{d.nodes:,}", f"{seconds:.3f}", row["reference_tool_cpu_s"], f"{count:,}", f"{counting:.3f}",
                f"{1000 * importance:.1f}",
            ]
        )  # fmt: skip
    table(
        ["model", "top probability", "relative difference", "nodes", "read, compile, evaluate [CPU s]",
         "SCRAM, with 0.04 s of start-up [CPU s]", "minimal cut sets", "counted in [CPU s]", "all derivatives [ms]"],
        rows,
    )  # fmt: skip
    say(
        f"Whole set: {ours:.2f} CPU s against {theirs:.2f} CPU s of SCRAM 0.16.2 without its start-up "
        f"(ratio {ours / theirs:.2f}; its seconds are those of "
        "reference.csv, measured on another machine of this class and not scaled). "
        f"Largest relative difference of a probability: {worst:.0e}. Peak memory {memory()}.\n"
    )
    for name in ("das9701", "nus9601"):
        trees = read_fault_trees(folder / f"{name}.xml")
        node = next(iter(trees.tops.values()))
        before = time.process_time()
        try:
            d = compile_function(trees.structure, node)
            value = float(d.probability(np.full(len(d.variables), 0.01)))
            text = f"exactly {value:.12g}, {d.nodes:,} nodes"
        except ModelTooLargeError:
            text = "does not fit in 16 million nodes"
        spent = time.process_time() - before
        bounds = probability_bounds(
            trees.structure, node, dict(zip(trees.events, trees.probability.tolist(), strict=True)), seconds=60
        )
        say(
            f"{name}: {text} ({spent:.0f} CPU s); proven bounds {bounds.low:.6g} to {bounds.high:.6g} "
            f"in {bounds.seconds:.0f} s. Peak memory {memory()}.\n"
        )


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--aralia", type=Path, default=os.environ.get("K2REL_ARALIA"), help="folder of the Aralia trees"
    )
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    args = parser.parse_args()
    say("# What the exact engine costs\n")
    say(
        f"Written by `benchmarks/exact.py` (`make bench`). {os.cpu_count()} processor cores shared with others, "
        f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}. Medians of three "
        "or five runs; times vary by half. Start of the process and the first, compiling run of each kernel are "
        "left out.\n"
    )
    levels()
    networks()
    one_tree()
    if args.aralia:
        aralia(Path(args.aralia))
    else:
        say("(Aralia fault trees: not run; name their folder with --aralia.)\n")
    if args.write:
        path = Path(__file__).parents[1] / "docs" / "performance.md"
        path.write_text("\n".join(LINES).rstrip() + "\n")
        print(f"written to {path}")


if __name__ == "__main__":
    main()
