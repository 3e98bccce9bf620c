"""The command ``k2rel``: one verb a question, a table for people or JSON for programs.

Exit codes: 0 done; 1 a report failed; 2 something given cannot be used; 3 a defect in k2rel itself. Heavy
imports happen inside the verbs, so that ``k2rel --help`` answers at once.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import k2rel
from k2rel.errors import InputError, K2relError, RenderError

if TYPE_CHECKING:
    import pandas as pd

    from k2rel.studies import Study

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n(see '{self.prog} --help')\n")


def _print_json(data: object) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def _finite(row: dict[Any, Any]) -> dict[str, Any]:
    """A row as JSON knows it: what is not finite becomes null."""
    return {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def _print_table(frame: pd.DataFrame, *, index: bool = True) -> None:
    from k2rel.tables import for_people

    if len(frame) == 0:
        print("(none)")
        return
    texts = for_people(frame)
    if index and frame.index.name:
        texts = texts.reset_index()
    columns = {str(name): [str(value) for value in texts[name]] for name in texts.columns}
    widths = {name: max(len(name), *(len(value) for value in values)) for name, values in columns.items()}
    right = {name for name, values in columns.items() if all(v[:1].isdigit() or v in "–never" for v in values)}

    def line(cells: Sequence[tuple[str, str]]) -> str:
        return "  ".join(c.rjust(widths[n]) if n in right else c.ljust(widths[n]) for n, c in cells).rstrip()

    print(line([(name, name) for name in columns]))
    print("  ".join("-" * width for width in widths.values()))
    for row in range(len(texts)):
        print(line([(name, values[row]) for name, values in columns.items()]))


def _study(args: argparse.Namespace) -> Study:
    from k2rel.site.settings import parse_settings
    from k2rel.studies import study

    return study(
        args.level,
        clients=args.clients,
        repair=args.repair,
        rates=args.rates,
        settings=parse_settings(args.set),
        variant=args.variant,
        primary=getattr(args, "primary", None),
    )


def _heading(study: Study) -> None:
    p = study.provenance
    extra = f", variant {p.variant}" if p.variant else ""
    changed = f", set {', '.join(p.settings)}" if p.settings else ""
    print(f"{study.site.title}: {p.clients} clients, repair contract {p.contract}{extra}{changed}")
    print(f"{p.engine}; inputs {p.input_hash}")
    print(f"failure data: rows {', '.join(p.rows) or 'none'} of the table of rates\n")


def _levels(args: argparse.Namespace) -> int:
    from k2rel.measures.inventory import levels

    frame = levels()
    if args.format == "json":
        _print_json(frame.reset_index().to_dict("records"))
    else:
        _print_table(frame)
    return 0


def _components(args: argparse.Namespace) -> int:
    from k2rel.measures.inventory import component_records, raid_sets, rates_used

    study = _study(args)
    if args.format == "json":
        _print_json(component_records(study))
    else:
        _heading(study)
        frame = rates_used(study)[["type", "count", "failure_rate_per_h", "mttr_h", "evidence", "rates_id", "source"]]
        frame = frame.assign(source=[text if len(text) < 60 else text[:57] + "..." for text in frame["source"]])
        _print_table(frame)
        print("\nOne row a kind of part; --format json lists every part.")
        sets = raid_sets(study)
        if len(sets):
            print("\nRAID sets, each a module with a Markov chain of its own\n")
            _print_table(sets)
    return 0


def _check(args: argparse.Namespace) -> int:
    study = _study(args)
    site = study.site
    count = sum(1 for _ in site.parts())
    variants = [variant.name for variant in site.variants]
    summary = {
        "file": site.file,
        "name": site.name,
        "sides": list(site.sides),
        "parts": count,
        "clients": site.client_count,
        "roles": list(site.roles),
        "traffic": list(site.traffic),
        "assumptions": len(site.assumptions),
        "variants": variants,
    }
    if args.format == "json":
        _print_json({"ok": True, **summary})
    else:
        print(f"{site.file}: good")
        print(f"  {site.title}: {count} parts on {len(site.sides)} side(s), {site.client_count} clients")
        print(f"  roles: {', '.join(site.roles) or 'none'}; traffic: {', '.join(site.traffic)}")
        print(f"  {len(site.assumptions)} named assumptions; variants: {', '.join(variants) or 'none'}")
    return 0


def _schema(args: argparse.Namespace) -> int:
    from k2rel.site.document import json_schema

    _print_json(json_schema())
    return 0


def _failover(args: argparse.Namespace) -> int:
    from k2rel.measures.cases import case_table
    from k2rel.policy.failover import failover

    study = _study(args)
    if args.format == "json":
        _print_json(failover(study.policy, args.fail).to_json())
        return 0
    import pandas as pd

    if not args.fail:
        _heading(study)
        print("Every single failure that changes something (name parts with --fail to follow them):\n")
        _print_table(case_table(study))
        return 0
    outcome = failover(study.policy, args.fail)
    _heading(study)
    print(f"failed: {', '.join(outcome.failed)}")
    roles = ", ".join(f"{role} at {side}" for role, side in outcome.roles.items())
    print(f"primary: {outcome.primary or 'none'} (before: {outcome.home}); {roles or 'no roles'}")
    print(f"out of service until placed back: {', '.join(outcome.out_of_service) or 'none'}")
    print(f"a backup stands by: {'yes' if outcome.backup_in_service else 'NO'}\n")
    shown = outcome.clients[:20]
    names = list(shown[0].paths)
    rows = [{"client": s.client, **{n: " > ".join(s.paths[n][1:]) or "LOST" for n in names}} for s in shown]
    _print_table(pd.DataFrame(rows))
    if len(outcome.clients) > len(shown):
        print(f"... and {len(outcome.clients) - len(shown)} more clients")
    print()
    _print_table(pd.DataFrame([{"service": k.replace("_", " "), "up": v} for k, v in outcome.services.items()]))
    print()
    _print_table(
        pd.DataFrame(
            [
                {
                    "element": i.element,
                    "load_mb_s": i.load_mb_s,
                    "capacity_mb_s": i.capacity_mb_s,
                    "overloaded": i.overloaded,
                }
                for i in outcome.loads
            ]
        )
    )
    return 0


def _availability(args: argparse.Namespace) -> int:
    from k2rel.measures.availability import availability, takeovers

    study = _study(args)
    result = availability(study, args.lost_clients)
    if args.format == "json":
        _print_json(result.to_json())
        return 0
    _heading(study)
    frame = result.table()
    _print_table(frame.drop(columns=["title", "availability"]))
    moves = takeovers(study)
    if len(moves):
        print("\nNot contained above: what the takeovers themselves cost (first order)\n")
        _print_table(moves)
    return 0


def _load(args: argparse.Namespace) -> int:
    from k2rel.measures.load import load

    study = _study(args)
    result = load(study)
    if args.format == "json":
        _print_json(result.to_json())
        return 0
    _heading(study)
    print("Clients on each side (most probable first)\n")
    frame = result.side_table()
    _print_table(frame.head(12))
    if len(frame) > 12:
        print(f"... {len(frame) - 12} more, together {frame['probability'].iloc[12:].sum():.2e}")
    print("\nLoad on each element\n")
    _print_table(result.table())
    print(
        f"\nP(any overload on the way) = {result.p_any_overload:.6g}; delivered share = {result.delivered_fraction:.9f}"
    )
    return 0


def _causes(args: argparse.Namespace) -> int:
    from k2rel.measures.importance import causes, cut_set_table
    from k2rel.measures.uncertainty import swing
    from k2rel.policy.failover import principal_traffic

    study = _study(args)
    service = args.service or principal_traffic(study.site)
    frame = causes(study, service)
    cuts = cut_set_table(study, service, args.order)
    limits = swing(study, service)
    if args.format == "json":
        causes_rows = [_finite(row) for row in frame.reset_index().to_dict("records")]
        _print_json(
            {
                "level": study.site.name,
                "service": service,
                "causes": causes_rows,
                "cut_sets": cuts.to_dict("records"),
                "swing": [_finite(row) for row in limits.reset_index().to_dict("records")],
            }
        )
        return 0
    _heading(study)
    print(f"What causes the downtime of {service}\n")
    _print_table(
        frame[frame["share"] > 1e-6][["type", "unavailability", "birnbaum", "share", "downtime_min_per_year"]].head(20)
    )
    print(f"\nMinimal cut sets up to order {args.order}\n")
    _print_table(cuts.head(25))
    if len(cuts) > 25:
        print(f"... {len(cuts) - 25} more (--format json lists all)")
    print(f"\nDowntime of {service} with each failure rate at its 90 % limits, one at a time\n")
    _print_table(limits.head(8))
    return 0


def _compare(args: argparse.Namespace) -> int:
    from k2rel.bundled import level_names
    from k2rel.measures.comparison import compare
    from k2rel.site.settings import parse_settings

    levels = args.level or list(level_names())
    settings = parse_settings(args.set)
    frame = compare(levels, clients=args.clients, repair=args.repair, rates=args.rates, settings=settings)
    if args.format == "json":
        _print_json([_finite(row) for row in frame.reset_index().to_dict("records")])
        return 0
    columns = [
        "clients",
        "service",
        "unavailability",
        "downtime_min_per_year",
        "failures_per_year",
        "mean_downtime_h",
    ]
    _print_table(frame[[*columns, "p_overload", "single_points"]])
    return 0


def _report(args: argparse.Namespace) -> int:
    from k2rel.bundled import level_names
    from k2rel.report import render_reports
    from k2rel.site.settings import parse_settings

    levels = list(level_names()) if args.all else args.level
    if not levels:
        raise InputError("report: name at least one level or site file, or give --all")
    done = render_reports(
        levels,
        Path(args.output),
        comparison=args.all or len(levels) > 1,
        clients=args.clients,
        repair=args.repair,
        rates=args.rates,
        settings=parse_settings(args.set),
        seed=args.seed,
        progress=not args.quiet,
    )
    for failure in done.failures:
        print(f"k2rel: {failure}", file=sys.stderr)
    if args.format == "json":
        reports = [str(path) for path in done.reports]
        _print_json({"index": str(done.index), "reports": reports, "failures": list(done.failures)})
    else:
        print(done.index)
    return 1 if done.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="k2rel", description=k2rel.__doc__.splitlines()[0] if k2rel.__doc__ else "")
    parser.add_argument("--version", action="version", version=f"k2rel {k2rel.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True, parser_class=_Parser)

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    def with_format(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--format", choices=["table", "json"], default="table", help="for people or for programs")

    def with_inputs(sub: argparse.ArgumentParser, nargs: str | None = None) -> None:
        text = "a level's name (see 'k2rel levels') or a site file"
        if nargs:
            sub.add_argument("level", metavar="LEVEL", nargs=nargs, help=text)
        else:
            sub.add_argument("level", metavar="LEVEL", help=text)
        sub.add_argument("--clients", type=int, metavar="N", help="number of clients instead of the file's")
        sub.add_argument(
            "--repair", default="4h", metavar="CONTRACT", help="repair contract: onsite, 4h (default) or nbd"
        )
        sub.add_argument("--rates", metavar="FILE", help="CSV table that replaces or adds failure data")
        sub.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="TYPE.KEY=VALUE",
            help='for example media_server.mttr="4 h"',
        )
        sub.add_argument("--variant", metavar="NAME", help="a variant that the site file describes")

    with_format(verb("levels", _levels, "list the levels that can be named"))
    sub = verb("components", _components, "list every part with its failure data and source")
    with_inputs(sub)
    with_format(sub)
    sub = verb("check", _check, "check a site file and say what it describes")
    with_inputs(sub)
    with_format(sub)
    verb("schema", _schema, "print the JSON Schema of a site file").add_argument(
        "--format", choices=["json"], default="json", help="JSON only"
    )
    sub = verb("failover", _failover, "follow the failover rules for failed parts")
    with_inputs(sub)
    sub.add_argument("--fail", action="append", default=[], metavar="ID", help="a failed part; may be given again")
    sub.add_argument("--primary", metavar="SIDE", help="the side that had the roles before")
    with_format(sub)
    sub = verb("availability", _availability, "how available each service is")
    with_inputs(sub)
    sub.add_argument(
        "--lost-clients", type=int, action="append", metavar="K", help="ask for the loss of K or more clients"
    )
    sub.add_argument("--primary", metavar="SIDE", help="the preferred side")
    with_format(sub)
    sub = verb("load", _load, "where the load goes, and how probable overload is")
    with_inputs(sub)
    sub.add_argument("--primary", metavar="SIDE", help="the preferred side")
    with_format(sub)
    sub = verb(
        "causes",
        _causes,
        "what causes the downtime: contributions, cut sets, limits of the rates",
    )
    with_inputs(sub)
    sub.add_argument(
        "--service", metavar="NAME", help="a service of 'k2rel availability'; default: the principal traffic"
    )
    sub.add_argument("--order", type=int, default=2, metavar="N", help="largest order of cut sets (default 2)")
    with_format(sub)
    sub = verb("compare", _compare, "put levels or site files side by side")
    with_inputs(sub, "*")
    with_format(sub)
    sub = verb("report", _report, "render reports as HTML")
    with_inputs(sub, "*")
    sub.add_argument("--all", action="store_true", help="every bundled level, and their comparison")
    sub.add_argument("--output", default="reports", metavar="DIR", help="folder for the reports (default: reports)")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed, kept with the report")
    sub.add_argument("--quiet", action="store_true", help="no progress bar")
    with_format(sub)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after ``k2rel``; by default those the program was called with.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> main(["check", "L2R"])  # doctest: +ELLIPSIS
    /...L2R.yaml: good
      Level 2R, two servers, two switches: 68 parts on 2 side(s), 4 clients
    ...
    0
    """
    try:
        args = _parser().parse_args(arguments)
        code: Any = args.run(args)
        sys.stdout.flush()
        return int(code)
    except RenderError as error:
        print(f"k2rel: {error}", file=sys.stderr)
        return 1
    except K2relError as error:
        for line in str(error).splitlines():
            print(f"k2rel: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("k2rel: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        print("k2rel: not enough memory for this site; use fewer clients or groups", file=sys.stderr)
        return 2
    except Exception as error:  # the last line of defence: a person never sees a traceback
        if os.environ.get("K2REL_TRACEBACK"):
            raise
        print(f"k2rel: a defect in k2rel: {type(error).__name__}: {error}", file=sys.stderr)
        print("k2rel: set K2REL_TRACEBACK=1 to see where, and please report it", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
