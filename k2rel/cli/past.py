"""The verb about a past period: how it was, whether that is plausible, what failed too often, and what it teaches."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from k2rel.cli.field import learned_figures, say_learned, write_learned
from k2rel.cli.inputs import force_option, format_option, organisation_options, solution_for, study_options
from k2rel.cli.printing import heading, print_json, print_table, say
from k2rel.doing import doing
from k2rel.errors import InputError

if TYPE_CHECKING:
    from k2rel.measures.past import PastPeriod

__all__: list[str] = []


def outage_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument(
        "log", metavar="LOG.csv",
        help="columns part, failed, restored; of roles and servers: role, from, to, at, until, outcome",
    )  # fmt: skip
    sub.add_argument("--from", dest="begin", metavar="DATE", help="begin of the period; default: the first event")
    sub.add_argument("--to", dest="until", metavar="DATE", help="end of the period; default: the last event")
    sub.add_argument(
        "--service", action="append", metavar="NAME",
        help="service whose downtime and failures are tested; repeatable; default: traffic classes and roles",
    )  # fmt: skip
    sub.add_argument(
        "--prior", choices=["lognormal", "gamma"], default="lognormal", help="distribution that limits describe"
    )
    sub.add_argument("--output", metavar="FILE", help="write the updated rates into this CSV table")
    sub.add_argument("--entries", metavar="FILE", help="write coverages and repair times as entries of a site file")
    force_option(sub)
    organisation_options(sub)
    format_option(sub)


def outage_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.past import outage

    solution = solution_for(args)
    with doing("replaying the period and computing the expected figures"):
        found = outage(solution, args.log, begin=args.begin, until=args.until, services=args.service, prior=args.prior)
        learned = found.learned
        figures = None if learned is None else learned_figures(solution.study, learned)
    for name in ("output", "entries"):
        if learned is None and getattr(args, name):
            raise InputError(f"--{name}: the log has nothing to update: {'; '.join(found.left_out)}")
    if learned is not None:
        write_learned(args, learned)
    if args.format == "json":
        print_json({**found.to_json(), "updated": None if figures is None else figures.to_json()})
        return 0
    heading(solution.study, found.provenance)
    say(f"{found.log.period} ({found.log.hours:,.6g} h)")
    for sentence in found.sentences():
        say(f"  {sentence}", hang=2)
    say()
    for note in found.notes:
        say(f"  {note}", hang=2)
    _say_period(found)
    if learned is not None and figures is not None:
        table = learned.table()
        seen = table[table["failures"] > 0]
        if len(seen):
            further = len(table) - len(seen)
            say(f"\nRates that the log updates ({further} further types had no failure)\n")
            print_table(seen, whole=table.rename_axis("type"))
        say_learned(args, learned, figures)
    for reason in found.left_out:
        say(f"\nNot updated: {reason}")
    return 0


def _say_period(found: PastPeriod) -> None:
    """Services, interruptions, failures and repairs of the period."""
    services = found.table()
    print_table(services.rename_axis("service"), "\nServices in the period, and what is expected")
    others = services["p_downtime"].isna().sum()
    if others:
        say(f"\nThe p-values are two-sided; --service NAME computes those of {others} further services.")
    down = found.interruptions()
    if len(down):
        print_table(down, f"\nWhen {found.principal} was down")
    types, parts, repairs = found.failures(), found.failures("part"), found.repair_table()
    shown = types[(types["failures"] > 0) | (types["p_fewer"] < 0.05)]
    if len(shown):
        print_table(shown, f"\nFailures by type (of {len(types)} types, {len(parts)} parts)", whole=types)
        print_table(parts[parts["failures"] > 0], "\nParts that failed", whole=parts)
        say(
            "\nP(at least as many): exact Poisson tail at the rate as given, exposure period x parts. Adjusted "
            f"p-value: by Holm's method, for {len(types)} types, or {len(parts)} parts, tested at once."
        )
    if len(repairs):
        print_table(repairs, "\nRestoration times, observed and as given (exponential)")
