"""Measure: make bench, or python benchmarks/run.py [PATTERN ...] [--write] [--record].

A pattern names a page, a section or rows: ``performance.md``, ``cluster``, ``levels/L3R/*``. Without one, everything is
measured but what takes many minutes (``--long``). ``--write`` puts the tables and pictures of sections that were
measured whole into their pages, and the rows into benchmarks/history.csv; ``--record`` the rows alone.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import history
from marked import replace_section
from measured import Result, Row, Section, machine, measure, seconds, versions

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


def growth(page: str) -> str:
    """The part of a page that has the picture."""
    stem = page.removesuffix(".md")
    return f"![How time and memory grow with size](images/growth-{stem}.svg)"


def write(page: str, written: Sequence[tuple[Section, Sequence[Result]]], *, whole: bool) -> None:
    """Put sections into their page, and its picture where all that is drawn was measured."""
    for section, results in written:
        replace_section(page, section.name, section.text(results))
    if whole:
        from growth import growth_picture

        if growth_picture(page.removesuffix(".md"), [result for _, results in written for result in results]):
            replace_section(page, "growth", growth(page))
    said = f"Written by `make bench` on {machine()}, shared with others; {versions()}."
    replace_section(page, "machine", said)


def main() -> None:
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
    begun, pages, everything = time.monotonic(), dict[str, list[tuple[Section, list[Result]]]](), list[Result]()
    missed: set[str] = set()
    for module, section in sections():
        rows = [row for row in section.rows if meant(section, row, args.patterns)]
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
        results = []
        for row in rows:
            start = time.monotonic()
            results.append(measure(module, row, args.runs or row.times))
            taken = results[-1]
            print(
                f"{row.name:45} {seconds(taken.clock.median):>8} s, processor {seconds(taken.processor.median):>8} s "
                f"({seconds(taken.processor.low)} to {seconds(taken.processor.high)}), {taken.memory_mb:6,.0f} MB; "
                f"{taken.runs} runs, {time.monotonic() - start:.0f} s in all",
                flush=True,
            )
        everything += results
        print(f"\n{section.text(results)}\n", flush=True)
        if len(rows) == len(section.rows):
            pages.setdefault(section.page, []).append((section, results))
    if args.write:
        for page, written in pages.items():
            write(page, written, whole=page not in missed)
    if (args.write or args.record) and everything:
        history.append(everything)
    if not args.list:
        print(f"{len(everything)} rows in {time.monotonic() - begun:,.0f} s")


if __name__ == "__main__":
    main()
