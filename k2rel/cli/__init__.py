"""The command ``k2rel``: one verb a question, a table for people or JSON for programs.

Exit codes: 0 done; 1 a report failed, or a solution did not reach its tolerance; 2 something given cannot be
used; 3 a defect in k2rel itself. Heavy imports happen inside the verbs, so that ``k2rel --help`` answers at once.

``studies``   verbs about a level or a site
``rates``     the registry of failure data
``field``     field logs, updates
``advice``    what to change, spare parts, how many clients
``batches``   reports and sweeps
``dynamics``  options of the dynamic engine, and interruptions
``simulation``  the verb that simulates
``trees``     verbs about fault trees, and exports
``chains``    the verb about any chain
``printing``  tables and JSON
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from k2rel._version import __version__
from k2rel.arguments import as_tolerance, as_whole
from k2rel.cli import advice, batches, chains, dynamics, field, rates, simulation, studies, trees
from k2rel.errors import K2relError, NoConvergenceError, RenderError
from k2rel.units import HOURS_PER_YEAR

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n(see '{self.prog} --help')\n")


# The first line of the package's docstring.
_ABOUT = "k2rel: availability and load of storage networks with redundant A/B paths."


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="k2rel", description=_ABOUT)
    parser.add_argument("--version", action="version", version=f"k2rel {__version__}")
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
        if not nargs:
            sub.add_argument(
                "--common-cause",
                default="declared",
                metavar="GROUPS",
                help="groups that fail of one cause: declared (in the file, default), twins (and every A/B pair), none",
            )

    with_format(verb("levels", studies.levels_verb, "list the levels that can be named"))
    sub = verb("components", studies.components_verb, "list every part with its failure data and source")
    with_inputs(sub)
    with_format(sub)
    sub = verb("check", studies.check_verb, "check a site file and say what it describes")
    with_inputs(sub)
    sub.add_argument("--primary", metavar="SIDE", help="the preferred side")
    with_format(sub)
    verb("schema", studies.schema_verb, "print the JSON Schema of a site file").add_argument(
        "--format", choices=["json"], default="json", help="JSON only"
    )
    sub = verb("failover", studies.failover_verb, "follow the failover rules for failed parts")
    with_inputs(sub)
    sub.add_argument("--fail", action="append", default=[], metavar="ID", help="a failed part; may be given again")
    sub.add_argument("--primary", metavar="SIDE", help="the side that had the roles before")
    with_format(sub)
    sub = verb("availability", studies.availability_verb, "how available each service is")
    with_inputs(sub)
    sub.add_argument(
        "--lost-clients", type=int, action="append", metavar="K", help="ask for the loss of K or more clients"
    )
    sub.add_argument("--primary", metavar="SIDE", help="the preferred side")
    dynamics.add_organisation(sub, method=True)
    with_format(sub)
    sub = verb("load", studies.load_verb, "where the load goes, and how probable overload is")
    with_inputs(sub)
    sub.add_argument("--primary", metavar="SIDE", help="the preferred side")
    dynamics.add_organisation(sub, method=True)
    with_format(sub)
    sub = verb("interruptions", dynamics.interruptions_verb, "how often services break off and for how long")
    with_inputs(sub)
    sub.add_argument("--service", action="append", metavar="NAME", help="a service; may be given again; default: all")
    sub.add_argument("--buffer", default="10 s", metavar="TIME", help="of a client: longer is on air (default 10 s)")
    sub.add_argument("--first-loss", action="store_true", help="also the mean time to the first loss")
    dynamics.add_organisation(sub, method=False)
    with_format(sub)
    sub = verb("simulate", simulation.simulate_verb, "simulate: any law of life and repair, distributions, rare losses")
    with_inputs(sub)
    sub.add_argument("--primary", metavar="SIDE", help="the preferred side")
    simulation.add_simulation(sub)
    with_format(sub)
    sub = verb(
        "causes",
        studies.causes_verb,
        "what causes the downtime: contributions, cut sets, limits of the rates",
    )
    with_inputs(sub)
    sub.add_argument(
        "--service", metavar="NAME", help="a service of 'k2rel availability'; default: the principal traffic"
    )
    sub.add_argument("--order", type=int, default=2, metavar="N", help="largest order of cut sets (default 2)")
    with_format(sub)
    sub = verb("uncertainty", studies.uncertainty_verb, "how sure the downtime is, failure rates being known in limits")
    with_inputs(sub)
    sub.add_argument("--service", action="append", metavar="NAME", help="a service; may be given again")
    sub.add_argument("--samples", type=int, default=10_000, metavar="N", help="number of samples (default 10,000)")
    sub.add_argument("--points", default="lhs", choices=["random", "lhs", "sobol"], help="kind of points (default lhs)")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the samples (default 1)")
    with_format(sub)
    sub.add_argument("--by", choices=["source", "evidence", "entry"], help="split the spread by where rates come from")
    sub = verb("served", studies.served_verb, "how many clients are served: the whole distribution")
    with_inputs(sub)
    sub.add_argument("--traffic", metavar="NAME", help="a traffic class; default: the principal one")
    with_format(sub)
    sub = verb("compare", studies.compare_verb, "put levels or site files side by side, or one beside its history")
    with_inputs(sub, "*")
    sub.add_argument("--history", metavar="DIR", help="beside what earlier reports in this folder said")
    with_format(sub)
    sub = verb("rates", rates.list_verb, "failure and repair data: list, show, compare, predict, pin")
    rates.add_rates(sub, with_inputs, with_format)
    sub = verb("fit", field.fit_verb, "fit laws to a field log, with limits, and make an entry for --rates")
    field.add_fit(sub)
    with_format(sub)
    sub = verb("update", field.update_verb, "update failure rates with the site's own log")
    with_inputs(sub)
    field.add_update(sub)
    with_format(sub)
    sub = verb("advise", advice.advise_verb, "what to change first: changes alone and in pairs, by downtime and cost")
    with_inputs(sub)
    advice.add_advise(sub)
    with_format(sub)
    sub = verb("spares", advice.spares_verb, "how many spare parts for a year, by site or for a pool of sites")
    with_inputs(sub, "+")
    advice.add_spares(sub)
    with_format(sub)
    sub = verb("clients", advice.clients_verb, "how many clients levels carry, with P(overload) below a bound")
    advice.add_clients(sub)
    with_format(sub)
    sub = verb("report", batches.report_verb, "render reports: HTML, PDF, and their tables as CSV and XLSX")
    with_inputs(sub, "*")
    sub.add_argument("--all", action="store_true", help="every bundled level, and their comparison")
    sub.add_argument("--output", default="reports", metavar="DIR", help="folder for the reports (default: reports)")
    sub.add_argument("--target", metavar="PERCENT|FILE", help="availability asked for, or a file of them by service")
    sub.add_argument("--no-pdf", action="store_true", help="HTML and tables only")
    sub.add_argument("--jobs", type=int, metavar="N", help="reports at the same time; default: one for each core")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="make them on a Dask cluster, such as tcp://host:8786")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the sampled failure rates (default 1)")
    sub.add_argument("--quiet", action="store_true", help="no progress bar")
    with_format(sub)
    sub = verb("explore", batches.explore_verb, "a page on which parts are failed by a click, and figures follow")
    sub.add_argument("level", metavar="LEVEL", nargs="?", default="L2R", help="a level's name or a site file (L2R)")
    sub.add_argument("--address", default="127.0.0.1", help="address to listen on (default: this machine only)")
    sub.add_argument("--port", type=int, default=0, metavar="N", help="port (default: a free one)")
    sub.add_argument("--no-token", action="store_true", help="let in whoever reaches the address")
    sub.add_argument("--no-browser", action="store_true", help="print the address only")
    sub = verb(
        "sweep", batches.sweep_verb, "compute many points: levels, clients, contracts, settings, sampled or listed"
    )
    sub.add_argument("spec", metavar="SPEC.yaml", help="what to compute (docs/sweeps.md)")
    sub.add_argument("--output", metavar="DIR", help="folder for the results (default: sweeps/NAME)")
    sub.add_argument("--jobs", type=int, metavar="N", help="processes; default: one for each core")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="compute on a Dask cluster, such as tcp://host:8786")
    sub.add_argument("--quiet", action="store_true", help="no progress bar")
    with_format(sub)
    sub = verb("solve", trees.solve_verb, "solve fault trees in the Open-PSA format")
    sub.add_argument("model", metavar="MODEL.xml", nargs="+", help="the file, or the files of one model")
    sub.add_argument("--top", metavar="NAME", help="solve this top event only")
    sub.add_argument(
        "--cut-sets", type=int, nargs="?", const=10, metavar="N", help="count minimal cut sets and list N (default 10)"
    )
    sub.add_argument("--order", type=int, metavar="K", help="look at cut sets up to this order only")
    sub.add_argument("--importance", action="store_true", help="importance of every event")
    sub.add_argument("--samples", type=int, default=0, metavar="N", help="sample the model's uncertain values N times")
    sub.add_argument("--points", default="lhs", choices=["random", "lhs", "sobol"], help="how (default lhs)")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the samples (default 1)")
    sub.add_argument(
        "--mission-time",
        type=float,
        default=HOURS_PER_YEAR,
        metavar="HOURS",
        help=f"system mission time (default {HOURS_PER_YEAR:g})",
    )
    sub.add_argument(
        "--nodes",
        type=int,
        metavar="N",
        help="bound on the nodes in work (default 16 million, 1 GB; 2 million with --bounds)",
    )
    sub.add_argument(
        "--bounds",
        type=float,
        nargs="?",
        const=60.0,
        metavar="SECONDS",
        help="where the exact value does not fit, answer with bounds, the better the longer (default 60 s)",
    )
    with_format(sub)
    sub = verb("export", trees.export_verb, "write a level or a site for other tools")
    with_inputs(sub)
    sub.add_argument(
        "--format", choices=["openpsa", "prism"], default="openpsa", help="Open-PSA fault trees; a Markov chain"
    )
    sub.add_argument("--output", metavar="FILE", help="a file instead of the terminal; of a chain, without ending")
    sub.add_argument("--force", action="store_true", help="replace the file where it exists")
    dynamics.add_organisation(sub, method=False)
    sub.set_defaults(tolerance=1e-6)
    sub = verb("ctmc", chains.ctmc_verb, "solve a Markov chain in the explicit format of model checkers")
    sub.add_argument("model", metavar="MODEL.tra", help="transitions: from, to, rate")
    sub.add_argument("--labels", metavar="MODEL.lab", help="sets of states; 'init' names the initial one, else 0")
    sub.add_argument("--rewards", metavar="MODEL.srew", action="append", default=[], help="values of states")
    when = sub.add_mutually_exclusive_group(required=True)
    when.add_argument("--steady", action="store_true", help="in the long run")
    when.add_argument("--time", type=float, metavar="T", help="at time T, in the unit of the rates")
    sub.add_argument("--tolerance", type=float, default=1e-13, metavar="P", help="error of all states together")
    sub.add_argument("--sweeps", type=int, default=20_000, metavar="N", help="where to give up")
    with_format(sub)
    return parser


def _check_bounds(args: argparse.Namespace) -> None:
    """Refuse bounds that no one can mean, also where this method would not ask for them."""
    if hasattr(args, "tolerance"):
        as_tolerance(args.tolerance)
    if hasattr(args, "sweeps"):
        as_whole("sweeps", args.sweeps, 1)


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
    args = argparse.Namespace()
    try:
        args = _parser().parse_args(arguments)
        _check_bounds(args)
        code: Any = args.run(args)
        sys.stdout.flush()
        return int(code)
    except (RenderError, NoConvergenceError) as error:
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
        cure = "site; use fewer clients or groups" if hasattr(args, "level") else "model; a smaller one is needed"
        print(f"k2rel: not enough memory for this {cure}", file=sys.stderr)
        return 2
    except Exception as error:  # the last line of defence: a person never sees a traceback
        if os.environ.get("K2REL_TRACEBACK"):
            raise
        print(f"k2rel: a defect in k2rel: {type(error).__name__}: {error}", file=sys.stderr)
        print("k2rel: set K2REL_TRACEBACK=1 to see where, and please report it", file=sys.stderr)
        return 3
