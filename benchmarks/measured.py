"""What is measured and how: rows, each in a process of its own, and the tables that they make.

A row prepares what it needs, runs once to compile and to fill caches, and then some times under the clock. All of that
happens in a process that does nothing else, so that its largest memory is that of the row. Processor time is that of
all threads and of commands that have ended; it is what rows are compared by, since clocks tell of the neighbours too.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # no POSIX
    resource = None  # type: ignore[assignment]

HERE = Path(__file__).parent
SHORT_S, LONG_ENOUGH_S = 0.02, 0.05
Facts = Mapping[str, Any]


class Clock:
    """Given to what runs: the number of the run, from 1 (0 while it warms up), and what its steps took."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.taken: dict[str, list[float]] = {}

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Take the time of a part of the run; parts of one name add up."""
        before = _spent()
        yield
        _add(self.taken, name, [after - b for after, b in zip(_spent(), before, strict=True)])


Run = Callable[[Clock], Facts | None]


@dataclass(frozen=True)
class Row:
    """Something that is measured.

    ``prepare`` gives what runs; ``facts`` stand before the times in the table, with those that the run itself gives. A
    row with a ``line`` is a point of that line in the picture of growth, at ``size`` of ``unit``, or at what it finds
    under the name of the unit. ``fresh`` rows have a process for each run, since what ran once is remembered; ``warm``
    ones run once before. ``count`` things are done in a run, so that it has a rate. The memory of a ``program`` is that
    of its largest process, and nothing is loaded beside it.
    """

    name: str
    prepare: Callable[[], Run]
    facts: Facts = field(default_factory=dict)
    times: int = 5
    size: float = math.nan
    unit: str = ""
    line: str = ""
    fresh: bool = False
    warm: bool = True
    program: bool = False
    count: float = math.nan


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of some runs."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Result:
    """What a row took: seconds of processor and by the clock, those of its steps, memory [MB], and what it found."""

    row: Row
    runs: int
    processor: Spread
    clock: Spread
    steps: Mapping[str, tuple[Spread, Spread]]
    memory_mb: float
    facts: Facts

    @property
    def size(self) -> float:
        """Where it stands in the picture of growth."""
        return self.row.size if math.isfinite(self.row.size) else float(self.facts[self.row.unit])


@dataclass(frozen=True)
class Section:
    """A part of a page, with the rows that it is made of; ``why_not`` says why it cannot be measured here."""

    name: str
    page: str
    title: str
    rows: Sequence[Row]
    introduction: str = ""
    table: Callable[[Sequence[Result]], tuple[Sequence[str], Sequence[Sequence[object]]]] | None = None
    after: Callable[[Sequence[Result]], str] | None = None
    long: bool = False
    why_not: str = ""

    def text(self, results: Sequence[Result]) -> str:
        """The section as it stands in its page."""
        heads, rows = (self.table or usual_table)(results)
        parts = [f"## {self.title}", self.introduction, markdown_table(heads, rows)]
        if self.after is not None:
            parts.append(self.after(results))
        return "\n\n".join(part for part in parts if part)


def usual_table(results: Sequence[Result]) -> tuple[list[str], list[list[object]]]:
    """Facts, steps, seconds with their spread, memory: the columns that every row has."""
    facts = list(dict.fromkeys(name for result in results for name in result.facts))
    steps = list(dict.fromkeys(name for result in results for name in result.steps))
    rates = any(math.isfinite(result.row.count) for result in results)
    heads = [*facts, *(f"{name} [s]" for name in steps), "clock [s]", "from – to", "processor [s]"]
    heads += ["per second"] * rates + ["runs", "peak memory [MB]"]
    rows = []
    for result in results:
        taken = [seconds(result.steps[name][1].median) if name in result.steps else "" for name in steps]
        clock = [seconds(value) for value in (result.clock.median, result.clock.low, result.clock.high)]
        row: list[object] = [*(result.facts.get(name, "") for name in facts), *taken, clock[0]]
        row += [f"{clock[1]} – {clock[2]}", seconds(result.processor.median)]
        row += [f"{result.row.count / result.clock.median:,.0f}"] * rates
        rows.append([*row, result.runs, f"{result.memory_mb:,.0f}"])
    return heads, rows


def seconds(value: float) -> str:
    """Three digits, and none of a fraction of a millisecond's thousandth."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:#.3g}" if value >= 1e-3 else f"{value:.1g}"


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as Markdown; whole numbers with separators."""
    lines = [heads, ["---"] * len(heads)]
    lines += [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def command(words: Sequence[str], environment: Callable[[Path], Mapping[str, str]] | None = None) -> Callable[[], Run]:
    """A program, with its start and what it starts; FOLDER in its words is a new one, and so is the environment's."""
    import tempfile

    def run(_: Clock) -> None:
        with tempfile.TemporaryDirectory() as folder:
            given = environment(Path(folder)) if environment else {}
            told = [word.replace("FOLDER", folder) for word in words]
            done = subprocess.run(told, env={**os.environ, **given}, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{' '.join(told)}: {done.stderr[-2000:]}")

    return lambda: run


def k2rel_words(*words: str) -> list[str]:
    """The command line of this checkout."""
    return [sys.executable, "-m", "k2rel.cli", *words]


def machine() -> str:
    """The class of this machine: what times are comparable within."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    from k2rel.parallel import worker_count

    cores = worker_count(None)
    return f"{name}, {cores} cores, {platform.system()} on {platform.machine()}"


def versions() -> str:
    """Python and the packages that compute."""
    from importlib import metadata

    from k2rel.basis import NUMERICAL

    return " ".join(
        [f"python {platform.python_version()}", *(f"{name} {metadata.version(name)}" for name in NUMERICAL)]
    )


class RowError(Exception):
    """A row that could not be measured, with what its process said."""


def measure(module: str, row: Row, times: int) -> Result:
    """Measure a row in processes of its own."""
    told = [_child(module, row, 1) for _ in range(times)] if row.fresh else [_child(module, row, times)]
    runs = [run for one in told for run in one["runs"]]
    names = list(dict.fromkeys(name for run in runs for name in run["steps"]))

    def spreads(pairs: Sequence[Sequence[float]]) -> tuple[Spread, Spread]:
        processor, clock = zip(*pairs, strict=True)
        return Spread.of(processor), Spread.of(clock)

    processor, clock = spreads([run["all"] for run in runs])
    steps = {name: spreads([run["steps"][name] for run in runs if name in run["steps"]]) for name in names}
    memory = max(one["memory_mb"] for one in told)
    return Result(row, len(runs), processor, clock, steps, memory, {**row.facts, **told[-1]["facts"]})


def as_record(result: Result) -> dict[str, Any]:
    """A result as plain values, without what runs."""
    return {name: value for name, value in asdict(result).items() if name != "row"} | {"name": result.row.name}


def _child(module: str, row: Row, times: int, *, again: bool = True) -> dict[str, Any]:
    """One process. Its answer is its last line; whatever else it says goes to standard error."""
    words = [sys.executable, __file__, module, row.name, str(times)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RowError(f"{row.name}: failed\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if answer["compiled"] and again:  # which takes memory of its own; now the loops are in their caches
        return _child(module, row, times, again=False)
    return answer


def _within(module: str, name: str, times: int) -> dict[str, Any]:
    """What the process of a row does."""
    found: Sequence[Section] = importlib.import_module(module).SECTIONS
    row = next(row for section in found for row in section.rows if row.name == name)
    compiling: Any = None
    if not row.program:  # loops are compiled from the first run on, not from when that begins to pay
        events: Any = importlib.import_module("numba.core.event")
        compiling = events.RecordingListener()
        events.register("numba:run_pass", compiling)
    run = row.prepare()
    if row.warm:
        run(Clock(0))
    first, facts = _timed(run, 1)
    number = 1
    if times > 1 and first["all"][1] < SHORT_S:  # short runs are repeated within one, for clocks are coarse
        number = math.ceil(LONG_ENOUGH_S / max(first["all"][1], 1e-6))
        first, facts = _timed(run, 1, number)
    runs = [first, *(_timed(run, n, number)[0] for n in range(2, times + 1))]
    return {"runs": runs, "facts": facts, "memory_mb": _peak_mb(of_programs=row.program),
            "compiled": bool(compiling and compiling.buffer)}  # fmt: skip


def _timed(run: Run, number: int, repeats: int = 1) -> tuple[dict[str, Any], Facts]:
    """Seconds of one run, those of its steps, and what it found. A run of steps alone takes what they take."""
    clock, facts, before = Clock(number), None, _spent()
    for _ in range(repeats):
        facts = run(clock)
    whole = [after - b for after, b in zip(_spent(), before, strict=True)]
    if clock.taken:
        whole = [sum(step) for step in zip(*clock.taken.values(), strict=True)]
    steps = {name: [value / repeats for value in pair] for name, pair in clock.taken.items()}
    return {"all": [value / repeats for value in whole], "steps": steps}, facts or {}


def _spent() -> list[float]:
    """Seconds of processor, with those of commands that have ended, and by the clock."""
    if resource is None:
        return [time.process_time(), time.perf_counter()]  # of commands that have ended Windows says nothing
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return [sum(one.ru_utime + one.ru_stime for one in used), time.perf_counter()]


def _add(taken: dict[str, list[float]], name: str, spent: Sequence[float]) -> None:
    taken[name] = [a + b for a, b in zip(taken.get(name, [0.0, 0.0]), spent, strict=True)]


def _peak_mb(*, of_programs: bool) -> float:
    """Largest memory of this process, or of those that it ran [MB].

    Linux hands the peak that `getrusage` knows on to a program that replaces another; that of the status file is of
    this program alone. Those of others cannot be told apart so, but this process is small while it starts them.
    """
    if resource is None:
        import psutil

        return float(psutil.Process().memory_info().peak_wset) * 1e-6  # of this process alone
    unit = 1e-6 if sys.platform == "darwin" else 1.024e-3
    if of_programs:
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) * unit
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    module, name, times = sys.argv[1:4]
    sys.modules["measured"] = sys.modules["__main__"]  # one module, whoever imports it
    with contextlib.redirect_stdout(sys.stderr):
        answer = _within(module, name, int(times))
    print(json.dumps(answer))
