"""What one answer costs: `make bench`, or python benchmarks/one_answer.py [--write].

Medians of five runs each in this process, each of a study of its own, after one run that compiles the kernels. With
``--write`` the tables become the last section of docs/performance-dynamic.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from k2rel.answer import Answer
from k2rel.studies import study

RUNS = 5
TITLE = "## One answer"
CASES = [("L2R", 4), ("L2R", 20), ("L3R", 4), ("L3R", 20)]
COMMANDS = [("availability", "L2R", "--method", "exact"), ("availability", "L2R")]


def services(answer: Answer) -> None:
    """Every service with its frequency, and the load."""
    assert all(service.failures_per_year >= 0 for service in answer.services.services)
    answer.load()


def causes(answer: Answer) -> None:
    """What causes the downtime of every service."""
    for service in answer.services.services:
        answer.causes(service.service)


def spent() -> tuple[float, float]:
    """Seconds by the clock, and of processor, with those of commands that have ended."""
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(used.ru_utime + used.ru_stime for used in times)


def taken(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds of one run, by the clock and of processor."""
    before = spent()
    run()
    after = spent()
    return after[0] - before[0], after[1] - before[1]


def medians(runs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median by the clock and that of processor."""
    wall, processor = zip(*runs, strict=True)
    return statistics.median(wall), statistics.median(processor)


def cell(found: tuple[float, float]) -> str:
    """Both as a cell."""
    return f"{found[0]:.2f} ({found[1]:.2f})"


def once(level: str, clients: int) -> tuple[Answer, list[tuple[float, float]]]:
    """Read and compile, then all services and the load, then all causes, of a study that nobody has solved."""
    found: list[Answer] = []
    reading = taken(lambda: found.append(study(level, clients=clients).solve()))
    answer = found[0]
    return answer, [reading, taken(lambda: services(answer)), taken(lambda: causes(answer))]


def tables() -> list[str]:
    """Both tables."""
    heads = ["level", "clients", "services", "states", "error bound", "read and compile [s]", "services [s]",
             "causes [s]", "causes / services"]  # fmt: skip
    lines = [
        f"{TITLE}\n",
        f"Written by `benchmarks/one_answer.py` (`make bench`), medians of {RUNS} runs on {os.cpu_count()} processor "
        f"cores shared with others, Python {platform.python_version()}, {platform.system()} on {platform.machine()}. "
        "Seconds by the clock, in brackets of processor; warm, after import. *Services*: the chain, unavailability and "
        "frequency of all services, and the load, takeovers as modelled. *Causes*: of all services, after that.\n",
        f"| {' | '.join(heads)} |",
        "|" + "---|" * len(heads),
    ]
    once(*CASES[0])
    for level, clients in CASES:
        solved = [once(level, clients) for _ in range(RUNS)]
        answer = solved[-1][0]
        reading, serving, causing = (medians([times[k] for _, times in solved]) for k in range(3))
        states = answer.solution.dynamics.states
        lines.append(
            f"| {level} | {clients} | {len(answer.services.services)} | {states.chain.states:,} | "
            f"{answer.solution.error_bound:.1e} | {cell(reading)} | {cell(serving)} | {cell(causing)} | "
            f"{causing[1] / serving[1]:.1f} |"
        )
    lines += ["\nAs commands, start of the process included:\n", "| command | seconds | times as much processor |"]
    lines.append("|" + "---|" * 3)
    least = 0.0
    for words in COMMANDS:
        call = [sys.executable, "-m", "k2rel.cli", *words]
        run = partial(subprocess.run, call, check=True, capture_output=True)
        runs = [taken(run) for _ in range(RUNS + 1)]
        found = medians(runs[1:])  # the first fills the caches of the disk
        least = least or found[1]
        lines.append(f"| `k2rel {' '.join(words)}` | {cell(found)} | {found[1] / least:.2f} |")
    return lines


def main() -> None:
    """Measure and print, or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tables into docs/performance-dynamic.md")
    args = parser.parse_args()
    text = "\n".join(tables())
    print(text)
    if args.write:
        path = Path(__file__).parents[1] / "docs" / "performance-dynamic.md"
        path.write_text(path.read_text().partition(TITLE)[0].rstrip() + f"\n\n{text}\n")
        print(f"written to {path}")


if __name__ == "__main__":
    main()
