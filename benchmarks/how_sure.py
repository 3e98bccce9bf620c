"""What it costs to say how sure the figures are: `make bench`, or python benchmarks/how_sure.py [--write].

Medians of five runs in this process, after one that compiles the kernels. With ``--write`` the table becomes the
section "How sure" of docs/performance-dynamic.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from k2rel.answer import Answer
from k2rel.measures.uncertainty import uncertainty
from k2rel.measures.what_matters import _polynomial, break_even, sensitivity, swing
from k2rel.studies import study

RUNS = 5
TITLE = "## How sure"
GROWTH = [("L2R", 4, 500), ("L2R", 4, 2000), ("L2R", 4, 8000), ("L2R", 100, 2000), ("L3R", 20, 500), ("L3R", 20, 2000),
          ("L3R", 100, 2000)]  # fmt: skip


def median(run: Callable[[int], object]) -> float:
    """Seconds by the clock, of runs with seeds 1 to 5."""
    found = []
    for seed in range(1, RUNS + 1):
        begin = time.perf_counter()
        run(seed)
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


def everything(answer: Answer) -> None:
    """All that says which input matters: tornado, shares by input and by kind, break-even."""
    _polynomial.cache_clear()  # each run fits it anew
    swing(answer.solution)
    sensitivity(answer.solution)
    sensitivity(answer.solution, by="kind")
    break_even(answer.solution, at_most_min_per_year=answer[answer.services.services[0].service].downtime_min_per_year)


def table() -> list[str]:
    """The section."""
    lines = [
        f"{TITLE}\n",
        f"Written by `benchmarks/how_sure.py` (`make bench`), medians of {RUNS} runs with different seeds on "
        f"{os.cpu_count()} processor cores shared with others, Python {platform.python_version()}, {platform.system()} "
        f"on {platform.machine()}; warm, the answer itself solved. All inputs, all services with their frequency, "
        "overload and what the site carries, takeovers as modelled.\n",
        "| level | clients | inputs | services | samples | seconds |",
        "|" + "---|" * 6,
    ]
    answers: dict[tuple[str, int], Answer] = {}
    for level, clients, samples in GROWTH:
        if (level, clients) not in answers:
            answers[level, clients] = study(level, clients=clients).solve()
            answers[level, clients].uncertainty(samples=16)
        answer = answers[level, clients]
        seconds = median(lambda seed, a=answer, n=samples: a.uncertainty(samples=n, seed=seed))  # type: ignore[misc]
        found = answer.uncertainty(samples=16)
        lines.append(
            f"| {level} | {clients} | {len(found.inputs)} | {len(found.unavailability)} | {samples:,} | {seconds:.2f} |"
        )
    answer = answers["L3R", 20]
    matters = median(lambda _: everything(answer))
    static = study("L3R", clients=100)
    ideal = median(lambda seed: uncertainty(static, samples=10_000, seed=seed, method="exact", frequency=False))
    return [
        *lines,
        f"\nTornado, shares by input and by kind (a polynomial fitted anew) and break-even of Level 3R with 20 "
        f"clients: {matters:.2f} s.",
        f"Static uncertainty of media, 10,000 samples of Level 3R with 100 clients: {ideal:.2f} s.",
    ]


def main() -> None:
    """Measure and print, or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance-dynamic.md")
    args = parser.parse_args()
    text = "\n".join(table())
    print(text)
    if args.write:
        path = Path(__file__).parents[1] / "docs" / "performance-dynamic.md"
        kept = path.read_text()
        before, found, after = kept.partition(TITLE)
        rest = after.partition("\n## ")[2] if found else ""
        path.write_text(f"{before.rstrip()}\n\n{text}\n" + (f"\n## {rest}" if rest else ""))


if __name__ == "__main__":
    main()
