"""The trend of every row by commit: make bench-history, or python benchmarks/history.py [PATTERN] [--accept REASON].

benchmarks/history.csv has a line for each row of each run that was written down. A row has slipped where its latest
processor time, or its memory, is more than a quarter above the best earlier one of the same class of machine, and no
run of the one is as quick as some run of the other. Slips are listed and the exit code is 1; ``--accept`` writes the
reason beside them, and later runs are compared with what comes from there on.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from measured import HERE, Result, Spread, machine, markdown_table, seconds, versions

FILE = HERE / "history.csv"
SLIP = 1.25


@dataclass(frozen=True)
class Line:
    """One row of one run: seconds of processor and by the clock, each with its spread, and the largest memory."""

    commit: str
    date: str
    machine: str
    versions: str
    row: str
    runs: int
    processor_s: float
    processor_low_s: float
    processor_high_s: float
    clock_s: float
    clock_low_s: float
    clock_high_s: float
    memory_mb: float
    note: str = ""


@dataclass(frozen=True)
class Trend:
    """A row on one class of machine: its lines by age, the best earlier one, and what has slipped."""

    lines: Sequence[Line]
    best: Line
    slips: tuple[str, ...]

    @property
    def latest(self) -> Line:
        """The last one."""
        return self.lines[-1]


def commit() -> str:
    """The commit that is measured; with a plus where the code differs from it."""
    words = ["git", "-C", str(HERE), "rev-parse", "--short=10", "HEAD"]
    head = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    changed = subprocess.run(
        ["git", "-C", str(HERE.parent), "diff", "--quiet", "HEAD", "--", "k2rel", "data"], check=False
    )
    return head + "+" * changed.returncode


def lines_of(result: Result, stamp: tuple[str, str, str, str]) -> list[Line]:
    """The line of a row, and one for each of its steps; memory belongs to the whole."""
    pairs = [("", result.processor, result.clock, result.memory_mb)]
    if len(result.steps) > 1:
        pairs += [(f": {name}", *spreads, 0.0) for name, spreads in result.steps.items()]
    found = []
    for tail, own, clock, memory in pairs:
        row = result.row.name + tail
        found.append(Line(*stamp, row, result.runs, *_digits(own), *_digits(clock), round(memory, 1)))
    return found


def _digits(spread: Spread) -> tuple[float, float, float]:
    """Four digits are enough to compare."""
    median, low, high = (float(f"{value:.4g}") for value in (spread.median, spread.low, spread.high))
    return median, low, high


def append(results: Iterable[Result], path: Path = FILE) -> None:
    """Write results down."""
    stamp = (commit(), datetime.now(UTC).strftime("%Y-%m-%d"), machine(), versions())
    kept = read(path) if path.exists() else []
    write([*kept, *(line for result in results for line in lines_of(result, stamp))], path)


def read(path: Path = FILE) -> list[Line]:
    """All lines, oldest first."""
    kinds = {field.name: {"int": int, "float": float}.get(str(field.type), str) for field in fields(Line)}
    with path.open(newline="", encoding="utf-8") as stream:
        return [Line(**{name: kinds[name](cell) for name, cell in row.items()}) for row in csv.DictReader(stream)]


def write(lines: Sequence[Line], path: Path = FILE) -> None:
    """Write the whole file."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Line)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: f"{v:g}" if isinstance(v, float) else v for name, v in asdict(line).items()} for line in lines
        )


def trends(lines: Sequence[Line]) -> list[Trend]:
    """Each row on each class of machine; what was accepted begins anew."""
    found: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        own = found.setdefault((line.row, line.machine), [])
        if line.note:
            own.clear()
        own.append(line)
    return [_trend(own) for own in found.values()]


def _trend(lines: Sequence[Line]) -> Trend:
    *earlier, latest = lines
    best = min(earlier or [latest], key=lambda line: line.processor_s)
    least = min((line.memory_mb for line in earlier), default=latest.memory_mb)
    slips = []
    if latest.processor_s > SLIP * best.processor_s and latest.processor_low_s > best.processor_high_s:
        slips.append("time")
    if latest.memory_mb > SLIP * least:  # it does not scatter
        slips.append("memory")
    return Trend(lines, best, tuple(slips))


def accepted(lines: Sequence[Line], reason: str) -> list[Line]:
    """The same lines, the reason beside the latest of each row that slipped."""
    slipped = {id(trend.latest) for trend in trends(lines) if trend.slips}
    return [replace(line, note=reason) if id(line) in slipped else line for line in lines]


def table(found: Sequence[Trend]) -> str:
    """Every row: first, best and latest; no step that is older than the row that it belongs to."""
    heads = ["row", "runs written down", "first [s]", "best earlier [s]", "latest [s]", "from – to", "latest / best",
             "memory [MB]", "latest commit", ""]  # fmt: skip
    rows = []
    whole = {(trend.latest.row, trend.latest.machine): trend.latest.commit for trend in found}
    for trend in found:
        last, several = trend.latest, len(trend.lines) > 1
        if whole.get((last.row.partition(": ")[0], last.machine), last.commit) != last.commit:
            continue
        rows.append([
            last.row, len(trend.lines), seconds(trend.lines[0].processor_s),
            seconds(trend.best.processor_s) if several else "",
            seconds(last.processor_s), f"{seconds(last.processor_low_s)} – {seconds(last.processor_high_s)}",
            f"{last.processor_s / trend.best.processor_s:.2f}" if several and trend.best.processor_s else "",
            f"{last.memory_mb:,.0f}" if last.memory_mb else "", last.commit,
            f"**slipped: {', '.join(trend.slips)}**" if trend.slips else "",
        ])  # fmt: skip
    return markdown_table(heads, rows)


def main() -> int:
    """Print the trend, draw it, and say what slipped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pattern", nargs="?", default="*", help="rows that are meant, such as 'cluster/*'")
    parser.add_argument("--accept", metavar="REASON", help="write the reason beside what slipped")
    parser.add_argument("--write", action="store_true", help="write docs/performance/history.md and its picture")
    args = parser.parse_args()
    lines = read()
    if args.accept:
        lines = accepted(lines, args.accept)
        write(lines)
    found = [trend for trend in trends(lines) if fnmatch.fnmatch(trend.latest.row, args.pattern)]
    text = table(found)
    print(text)
    if args.write:
        from growth import trend_picture
        from marked import replace_section

        drawn = "![Processor time of rows by commit](../images/history-of-rows.svg)\n\n" * trend_picture(found)
        replace_section("performance/history.md", "history", drawn + text)
    slipped = [trend for trend in found if trend.slips]
    for trend in slipped:
        last, best = trend.latest, trend.best
        print(
            f"{last.row}: slipped ({', '.join(trend.slips)}): {seconds(last.processor_s)} s and {last.memory_mb:,.0f} "
            f"MB at {last.commit}, best earlier {seconds(best.processor_s)} s at {best.commit}",
            file=sys.stderr,
        )
    return 1 if slipped else 0


if __name__ == "__main__":
    sys.exit(main())
