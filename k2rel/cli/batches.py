"""Verbs that make many things, reports and sweeps; and the explorer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from k2rel.cli.inputs import (
    changes_of,
    data_option,
    format_option,
    method_option,
    quiet_option,
    roles_option,
    study_options,
    sure_of,
    sure_option,
)
from k2rel.cli.printing import print_json, print_table, put, say, tell
from k2rel.errors import InputError

__all__: list[str] = []


def report_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub, "*")
    sub.add_argument("--all", action="store_true", help="every bundled level, and their comparison")
    sub.add_argument("--compare", nargs=2, metavar=("A", "B"), help="two levels or site files: a page on what differs")
    sub.add_argument("--counts", type=_counts, default=(), metavar="N,N,..", help="clients that the comparison tries")
    sub.add_argument("--costs", metavar="FILE", help="prices; rows level,NAME,PRICE are what levels cost")
    for word, about in (
        ("title", "of the pages"), ("author", "whose designs they are"), ("revision", "of the designs"),
        ("date", "of the revision"),
    ):  # fmt: skip
        sub.add_argument(f"--{word}", default="", metavar="TEXT", help=f"{about}, at the head; before what files say")
    sub.add_argument("--output", default="reports", metavar="DIR", help="folder for the reports (default: reports)")
    sub.add_argument("--target", metavar="PERCENT|FILE", help="availability asked for, or a file of them by service")
    sure_option(sub)
    sub.add_argument("--no-pdf", action="store_true", help="HTML and tables only")
    sub.add_argument("--jobs", type=int, metavar="N", help="reports at the same time; default: one for each core")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="make them on a Dask cluster, such as tcp://host:8786")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the samples (default 1)")
    method_option(sub)
    roles_option(sub)
    quiet_option(sub)
    format_option(sub, csv=False)


def _counts(text: str) -> tuple[int, ...]:
    """Numbers of clients with commas between them."""
    try:
        counts = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"whole numbers such as 4,8,16 are needed, got '{text[:40]}'") from None
    if not all(1 <= count <= 10_000 for count in counts):
        raise argparse.ArgumentTypeError(f"numbers of clients from 1 to 10,000 are needed, got '{text[:40]}'")
    return counts


def report_verb(args: argparse.Namespace) -> int:
    from k2rel.bundled import level_names
    from k2rel.report import render_reports

    changes = changes_of(args)
    levels = list(level_names(args.data)) if args.all else args.level
    if not levels and not args.compare:
        raise InputError("report: name at least one level or site file, or give --all or --compare A B")
    done = render_reports(
        levels,
        Path(args.output),
        comparison=args.all or len(levels) > 1,
        compare=args.compare,
        **changes,
        target=args.target,
        sure=sure_of(args),
        costs=args.costs,
        counts=args.counts,
        title=args.title,
        author=args.author,
        revision=args.revision,
        date=args.date,
        seed=args.seed,
        method=args.method,
        roles=args.roles or "modelled",
        pdf=not args.no_pdf,
        jobs=args.jobs,
        scheduler=args.scheduler,
        progress=not args.quiet and sys.stderr.isatty(),
    )
    for line in (*done.notes, *done.failures):
        tell(line)
    if args.format == "json":
        reports = [str(path) for path in done.reports]
        rest = {"failures": list(done.failures), "kept": list(done.kept), "notes": list(done.notes)}
        print_json({"index": str(done.index), "reports": reports, **rest})
    else:
        if done.kept and not args.quiet:
            say(f"{len(done.kept)} of {len(done.reports)} were there already, made from the same inputs")
        if done.index.is_file():
            put(f"{done.index}\n")
    return 1 if done.failures or not done.index.is_file() else 0


def sweep_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("spec", metavar="SPEC.yaml", help="what to compute (docs/how-to/sweeps.md)")
    sub.add_argument("--output", metavar="DIR", help="folder for the results (default: sweeps/NAME)")
    sub.add_argument("--jobs", type=int, metavar="N", help="processes; default: one for each core")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="compute on a Dask cluster, such as tcp://host:8786")
    quiet_option(sub)
    format_option(sub)


def sweep_verb(args: argparse.Namespace) -> int:
    from k2rel.extras import has_extra, why_missing
    from k2rel.sweep import read_sweep, run_sweep

    spec = read_sweep(args.spec)
    folder = Path(args.output) if args.output else Path("sweeps") / spec.name
    done = run_sweep(
        spec, folder, jobs=args.jobs, scheduler=args.scheduler, progress=not args.quiet and sys.stderr.isatty()
    )
    if done.summary_error:
        tell(f"no summary page: {done.summary_error}")
    kinds = ("csv", "parquet", "html") if has_extra("parquet") else ("csv", "html")
    files = {kind: str(folder / f"{spec.name}.{kind}") for kind in kinds}
    if "parquet" not in files:
        tell(why_missing("parquet", f"to write {spec.name}.parquet too"))
    counts = {"points": len(spec.points), "computed": done.computed, "kept": done.kept, "failed": done.failed}
    if args.format == "json":
        print_json({**counts, "damaged": done.damaged, **files})
    else:
        if args.format == "csv" or not args.quiet:
            columns = ["downtime_min_per_year", "failures_per_year", "p_overload"]
            names = [str(name) for name in done.table]
            shown = [name for name in names if any(name == a or name.startswith(f"{a} [") for a in spec.axes)]
            print_table(done.table[[*shown, *columns]].head(20), whole=done.table, index=False)
            if len(done.table) > 20:
                say(f"... {len(done.table) - 20:,} more in {files['csv']}")
            say()
        say(", ".join(f"{value:,} {name}" for name, value in counts.items()))
        if done.failed:
            reasons = done.table["error"].dropna().astype(str)
            reasons = reasons[reasons != ""]
            first = reasons.iloc[0]
            say(f"first reason, of {(reasons == first).sum():,} of {len(reasons):,} rows without figures: {first}")
        if done.damaged:
            say(f"{done.damaged:,} of the kept points were not what had been written, and were computed again")
        for path in files.values():
            put(f"{path}\n")
    return 1 if done.failed or done.summary_error else 0


def explore_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("level", metavar="LEVEL", nargs="?", default="L2R", help="a level's name or a site file (L2R)")
    sub.add_argument("--address", default="127.0.0.1", help="address to listen on (default: this machine only)")
    sub.add_argument("--port", type=int, default=0, metavar="N", help="port (default: a free one)")
    sub.add_argument("--no-token", action="store_true", help="require no token: whoever reaches the address can use it")
    sub.add_argument("--target", default="", metavar="PERCENT", help="availability [%%] asked of the principal traffic")
    data_option(sub)
    sub.add_argument("--no-browser", action="store_true", help="print the address only")


def explore_verb(args: argparse.Namespace) -> int:
    from k2rel.explore.serve import serve

    serve(args.level, address=args.address, port=args.port, token=not args.no_token, browser=not args.no_browser,
          data=args.data, target=args.target)  # fmt: skip
    return 0
