"""What batches of reports cost, beside the same code run once without notebooks.

The baseline is one process that runs the code cells of the same notebooks with the same parameters, one after another,
and the start of one usual kernel for each worker.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from measured import HERE, Clock, Result, Row, Run, Section, command, k2rel_words

from k2rel.parallel import worker_count

PAGE = "performance/batch.md"
COMMON = {"clients": 0, "repair": "4h", "rates": "", "settings": [], "seed": 1}
JOBS = worker_count(None)
REPORTS = 7
"""Of `report --all`: six levels and their comparison."""


def plain() -> None:
    """Run the code cells of all notebooks of `k2rel report --all` in this process."""
    from k2rel.bundled import level_names
    from k2rel.report.jobs import Options, jobs_of
    from k2rel.studies import studies_of

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


def part(name: str) -> list[str]:
    """One of these functions as a program."""
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(HERE)!r}); import batch; batch.{name}()"]


def sites(count: int) -> Run:
    """So many reports: the six levels under other names, over and over."""
    script = (
        "import sys\nfrom k2rel.report import render_reports\n"
        f"done = render_reports(sys.argv[2:], sys.argv[1], comparison=False, jobs={JOBS})\n"
        "sys.exit(len(done.failures))"
    )

    def run(_: Clock) -> None:
        from k2rel.bundled import level_names, site_path

        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"site{n:03d}.yaml" for n in range(count)]
            for n, file in enumerate(files):
                level = level_names()[n % 6]
                file.write_text(site_path(level).read_text().replace(f"name: {level}\n", f"name: {file.stem}\n"))
            words = [sys.executable, "-c", script, f"{folder}/out", *map(str, files)]
            subprocess.run(words, check=True, capture_output=True)

    return run


def ratio(results: Sequence[Result]) -> str:
    """What notebooks cost beside the code in them."""
    own = {result.row.name: result.processor for result in results}
    base = own["reports/plain"].median + JOBS * own["reports/kernel"].median
    reports = own["reports/all, no PDF"]
    return (
        f"Ratio of the reports to the same code with one ordinary kernel start for each of {JOBS} workers: "
        f"**{reports.median / base:.2f}**. A report takes {reports.median / REPORTS:.1f} s of processor time "
        f"({reports.low / REPORTS:.1f} to {reports.high / REPORTS:.1f})."
    )


def a_report(results: Sequence[Result]) -> tuple[list[str], list[list[object]]]:
    """Costs by report."""
    heads = ["reports", "processor [s]", "a report [s]", "wall [s]", "a report [s]", "runs", "largest process [MB]"]
    rows: list[list[object]] = []
    for result in results:
        count, own, clock = int(result.row.size), result.processor.median, result.clock.median
        times = [f"{own:,.0f}", f"{own / count:.1f}", f"{clock:,.0f}", f"{clock / count:.2f}"]
        rows.append([count, *times, result.runs, f"{result.memory_mb:,.0f}"])
    return heads, rows


ALL = k2rel_words("report", "--all", "--quiet", "--output", "FOLDER", "--jobs", str(JOBS))
GROWTH = [
    Row(
        f"reports/{count}",
        partial(sites, count),
        times=3 if count < 60 else 1,
        warm=False,
        program=True,
        size=count,
        unit="reports",
        line="reports, HTML and tables",
    )
    for count in (6, 18, 60)
]
SECTIONS = [
    Section(
        "reports",
        PAGE,
        "Reports of all six levels and their comparison",
        [
            Row(
                "reports/plain",
                command(part("plain")),
                {"what": "the same code cells in one process, without notebooks"},
                times=3,
                program=True,
            ),
            Row(
                "reports/kernel",
                command(part("kernel")),
                {"what": "one start of an ordinary kernel"},
                times=3,
                program=True,
            ),
            Row(
                "reports/all, no PDF",
                command([*ALL, "--no-pdf"]),
                {"what": "`k2rel report --all --no-pdf`"},
                times=3,
                program=True,
            ),
            Row(
                "reports/all",
                command(ALL),
                {"what": "`k2rel report --all`, with PDF"},
                times=1,
                warm=False,
                program=True,
            ),
        ],
        after=ratio,
    ),
    Section(
        "report-batches",
        PAGE,
        "Batches of sites, the six levels over and over, HTML and tables",
        GROWTH,
        table=a_report,
    ),
    Section(
        "report-600",
        PAGE,
        "Six hundred reports",
        [
            Row(
                "reports/600",
                partial(sites, 600),
                times=1,
                warm=False,
                program=True,
                size=600,
                unit="reports",
                line="reports, HTML and tables",
            )
        ],
        table=a_report,
        long=True,
    ),
]
