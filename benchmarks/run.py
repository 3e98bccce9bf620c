"""Measure: make bench, or python benchmarks/run.py [PATTERN ...] [--write] [--record].

A pattern names a page, a section or rows: ``performance/exact.md``, ``cluster``, ``levels/L3R/*``. Without one, all is
measured but what takes many minutes (``--long``). ``--write`` puts the tables and pictures of sections that were
measured whole into their pages, and the rows into benchmarks/history.csv; ``--record`` the rows alone.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import history
from marked import replace_section
from measured import Result, Row, RowError, Section, machine, measure, seconds, versions

MODULES = ("exact", "aralia", "many_clients", "dynamic", "one_answer", "how_sure", "shared_traffic", "simulation",
           "commands", "batch")  # fmt: skip


def sections() -> Iterator[tuple[str, Section]]:
    """All sections, each with the module that has it."""
    for module in MODULES:
        for section in importlib.import_module(module).SECTIONS:
            yield module, section


def meant(section: Section, row: Row, patterns: Sequence[str]) -> bool:
    """Whether a row is asked for."""
    names = (row.name, section.name, section.page)
    return not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns for name in names)


def flat(page: str) -> str:
    """The name of a page without folders, as pictures have it."""
    return page.removesuffix(".md").replace("/", "-")


def growth(page: str) -> str:
    """The part of a page that has the picture."""
    return f"![How time and memory grow with size](../images/growth-{flat(page)}.svg)"


def drawn(page: str, results: Sequence[Result]) -> None:
    """Put the picture into a page of which all that is drawn was measured."""
    from growth import growth_picture

    if growth_picture(flat(page), results):
        replace_section(page, "growth", growth(page))


def write(section: Section, results: Sequence[Result]) -> None:
    """Put a section into its page."""
    page = section.page
    replace_section(page, section.name, section.text(results))
    said = f"Written by `make bench` on {machine()}, shared with others; {versions()}."
    replace_section(page, "machine", said)


def measured(module: str, rows: Sequence[Row], runs: int | None) -> Iterator[Result]:
    """Measure rows, and say of each what it took."""
    for row in rows:
        start = time.monotonic()
        try:
            taken = measure(module, row, runs or row.times)
        except RowError as error:
            print(error, flush=True)
            continue
        print(
            f"{row.name:45} {seconds(taken.clock.median):>8} s, processor {seconds(taken.processor.median):>8} s "
            f"({seconds(taken.processor.low)} to {seconds(taken.processor.high)}), {taken.memory_mb:6,.0f} MB; "
            f"{taken.runs} runs, {time.monotonic() - start:.0f} s in all",
            flush=True,
        )
        yield taken


def main() -> int:
    """Measure what is asked for, print it, write it where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="pages, sections or rows; by default all")
    parser.add_argument("--write", action="store_true", help="write the pages, and the history of rows")
    parser.add_argument("--record", action="store_true", help="write the history of rows alone")
    parser.add_argument("--runs", type=int, help="runs of each row, in place of its own number")
    parser.add_argument("--long", action="store_true", help="with what takes many minutes")
    parser.add_argument("--list", action="store_true", help="say what there is, and measure nothing")
    parser.add_argument("--aralia", type=Path, help="folder of the Aralia trees, with their reference.csv")
    parser.add_argument(
        "--peers", metavar="PYTHON", help="interpreter that has RePyability, to be measured beside k2rel"
    )
    args = parser.parse_args()
    for name, value in (("K2REL_ARALIA", args.aralia), ("K2REL_PEERS", args.peers)):
        if value is not None:
            os.environ[name] = str(Path(value).resolve() if name == "K2REL_ARALIA" else value)
    begun, pages, everything = time.monotonic(), dict[str, list[Result]](), list[Result]()
    missed, failed, found = set[str](), 0, 0
    for module, section in sections():
        rows = [row for row in section.rows if meant(section, row, args.patterns)]
        found += len(rows)
        why_not = section.why_not or ("takes many minutes; --long" if section.long and not args.long else "")
        if len(rows) < len(section.rows) or (why_not and not section.long):
            missed |= {section.page} if any(row.line for row in section.rows) else set()
        if not rows or args.list:
            for row in rows:
                print(f"{section.page:30} {section.name:20} {row.name}{f'  ({why_not})' if why_not else ''}")
            continue
        if why_not:
            print(f"{section.name}: not measured: {why_not}", flush=True)
            continue
        results = list(measured(module, rows, args.runs))
        if len(results) < len(rows):  # others may be measured all the same; the page keeps what it had
            failed += len(rows) - len(results)
            missed |= {section.page}
        everything += results
        pages.setdefault(section.page, []).extend(results)
        if args.write or args.record:  # at once: what is measured is not lost with what comes after it
            history.append(results)
        if len(results) == len(rows):
            print(f"\n{section.text(results)}\n", flush=True)
        if args.write and len(results) == len(section.rows):
            write(section, results)
    for page, results in pages.items():
        if args.write and page not in missed:
            drawn(page, results)
    if not found:
        print(f"no row is called so: {' '.join(args.patterns)}; --list says what there is", file=sys.stderr)
        return 2
    if not args.list:
        print(f"{len(everything)} rows in {time.monotonic() - begun:,.0f} s" + f"; {failed} failed" * bool(failed))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
