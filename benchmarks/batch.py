"""What batches of reports cost, beside the same code run once without notebooks. Writes docs/performance-batch.md.

The baseline is one process that runs the code cells of the same notebooks with the same parameters, one after another,
and the start of one usual kernel for each worker. Processor time is that of all processes, kernels included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from k2rel.bundled import level_names, site_path
from k2rel.report.jobs import Options, jobs_of
from k2rel.studies import studies_of

COMMON = {"clients": 0, "repair": "4h", "rates": "", "settings": [], "seed": 1}
ROOT = Path(__file__).parents[1]


def cost(words: list[str]) -> tuple[float, float]:
    """Processor and wall time of a program with all its children [s]."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begun
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def plain() -> None:
    """Run the code cells of all notebooks of `k2rel report --all` in this process."""
    with tempfile.TemporaryDirectory() as folder:
        studies = {name: (name, one) for name, one in studies_of(level_names()).items()}
        for job in jobs_of(studies, Options(COMMON), comparison=True):
            names: dict[str, object] = {}
            for cell in json.loads(job.notebook.read_text())["cells"]:
                if cell["cell_type"] == "code":
                    exec(compile("".join(cell["source"]), job.name, "exec"), names)
                if "parameters" in cell["metadata"].get("tags", []):
                    names |= {**job.parameters, "results": folder}


def kernel() -> None:
    """Start a usual kernel, wait until it answers, and end it."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    client.execute_interactive("1", timeout=60)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def batch(count: int, jobs: int) -> tuple[float, float]:
    """Cost of so many reports: the six levels with one client more for each round of them."""
    folder = Path(tempfile.mkdtemp())
    try:
        files = []
        for n in range(count):
            level = level_names()[n % 6]
            text = site_path(level).read_text().replace(f"name: {level}\n", f"name: site{n:03d}\n")
            files.append(folder / f"site{n:03d}.yaml")
            files[-1].write_text(text)
        script = (
            "import sys\nfrom k2rel.report import render_reports\n"
            f"done = render_reports(sys.argv[1:], {str(folder / 'out')!r}, comparison=False, jobs={jobs})\n"
            "sys.exit(len(done.failures))"
        )
        return cost([sys.executable, "-c", script, *map(str, files)])
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Measure, print, and write the table if asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=["plain", "kernel"])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="*", default=[6, 60])
    args = parser.parse_args()
    if args.part:
        {"plain": plain, "kernel": kernel}[args.part]()
        return
    here = [sys.executable, __file__, "--part"]
    jobs = len(os.sched_getaffinity(0))
    rows = []
    cost([*here, "plain"])  # the loops are compiled once on a machine, and not here
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "k2rel.cli", "report", "--all", "--no-pdf", "--quiet", "--output", folder]
            base = cost([*here, "plain"])[0] + jobs * cost([*here, "kernel"])[0]
            ours, wall = cost([*command, "--jobs", str(jobs)])
        rows.append((base, ours, ours / base, wall))
        print(
            f"without notebooks {base:.1f} s, reports {ours:.1f} s, ratio {ours / base:.2f}, wall {wall:.1f} s",
            flush=True,
        )
    middle = [statistics.median(column) for column in zip(*rows, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        pdf = cost([sys.executable, "-m", "k2rel.cli", "report", "--all", "--quiet", "--output", folder])
    print(f"with PDF {pdf[0]:.1f} s, wall {pdf[1]:.1f} s", flush=True)
    sizes = []
    for count in args.sizes:
        cpu, wall = batch(count, jobs)
        sizes.append((count, cpu, wall))
        print(f"{count} reports: {cpu:.0f} s of processor, {wall:.0f} s", flush=True)
    if args.write:
        table = "\n".join(
            f"| {count} | {cpu:,.0f} | {cpu / count:.1f} | {wall:,.0f} | {wall / count:.2f} |"
            for count, cpu, wall in sizes
        )
        (ROOT / "docs" / "performance-batch.md").write_text(PAGE.format(
            base=middle[0], ours=middle[1], ratio=middle[2], wall=middle[3], pdf=pdf[0], pdf_wall=pdf[1], table=table,
            jobs=jobs,
        ))  # fmt: skip


PAGE = """# What batches of reports cost

Written by `benchmarks/batch.py --write`, on a machine with {jobs} cores shared with others; read the ratios. Processor
time is that of all processes, kernels included.

All six levels and their comparison, {jobs} at a time, medians of three runs each:

| | processor [s] | wall [s] |
|---|---|---|
| the same code cells in one process without notebooks, and one usual kernel start a worker | {base:.1f} | |
| `k2rel report --all --no-pdf` | {ours:.1f} | {wall:.1f} |
| **ratio** | **{ratio:.2f}** | |
| `k2rel report --all`, with PDF (once) | {pdf:.1f} | {pdf_wall:.1f} |

Batches of sites, the six levels over and over, HTML and tables:

| reports | processor [s] | a report [s] | wall [s] | a report [s] |
|---|---|---|---|---|
{table}

A second run over the same inputs makes nothing and takes about a second for seven reports.

Where the time goes: a kernel is a copy of a process that has everything imported (`k2rel/report/forkserver.py`),
so a report pays for its own analysis, for loading the compiled loops (about half a second) and 0.15 to 0.4 s for
HTML. Kernels started as usual import pandas, matplotlib and scipy each time. Decision diagrams run threads of
their own and cannot be computed before a copy is made; that is why the copies are made from a process that has
only imported.
"""


if __name__ == "__main__":
    main()
