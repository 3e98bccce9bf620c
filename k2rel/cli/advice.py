"""Verbs about what to change: advice, spare parts, how many clients a level carries."""

from __future__ import annotations

import argparse

from k2rel.cli.inputs import (
    Several,
    asked_of,
    changes_of,
    data_option,
    format_option,
    method_option,
    organisation_options,
    roles_option,
    set_option,
    study_of,
    study_options,
    sure_of,
    sure_option,
)
from k2rel.cli.printing import print_json, print_table, records, say
from k2rel.columns import counted
from k2rel.doing import doing
from k2rel.errors import InputError

__all__: list[str] = []


def advise_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument("--target", metavar="PERCENT", help="availability asked for, such as 99.999")
    sure_option(sub)
    sub.add_argument(
        "--service", metavar="NAME", help="a service of 'k2rel availability'; default: the principal traffic"
    )
    sub.add_argument("--costs", metavar="FILE", help="CSV with kind, what, cost: adds costs and the Pareto front")
    sub.add_argument("--no-pairs", action="store_true", help="single changes only")
    sub.add_argument("--sets", type=int, metavar="N", help="sets of changes computed for the front at most")
    sub.add_argument("--most", type=int, default=12, metavar="N", help="lines shown of each table (default 12)")
    organisation_options(sub)
    format_option(sub)


def spares_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub, "+")
    sub.add_argument("--years", type=float, default=1.0, metavar="N", help="time without delivery (default 1)")
    sub.add_argument(
        "--protection",
        type=float,
        default=95.0,
        metavar="PERCENT",
        help="probability that no spare is missing (default 95)",
    )
    format_option(sub)


def clients_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("level", metavar="LEVEL", nargs="+", action=Several, help="levels by name, or site files")
    sub.add_argument(
        "--bit-rate", action="append", metavar="RATE", help="bit rate of one client, such as '50 Mb/s'; repeatable"
    )
    sub.add_argument("--most", type=int, default=40, metavar="N", help="largest number tried (default 40)")
    sub.add_argument(
        "--bound", type=float, default=1e-3, metavar="P", help="bound of P(overload) over time (default 0.001)"
    )
    sub.add_argument(
        "--takeover-bound",
        type=float,
        default=0.01,
        metavar="P",
        help="bound of P(overload after a takeover) (default 0.01)",
    )
    set_option(sub, 'change by hand: media_server.mttr="4 h", switch_A.mttf="2e6 h"')
    data_option(sub)
    method_option(sub)
    roles_option(sub)
    format_option(sub)


def advise_verb(args: argparse.Namespace) -> int:
    from k2rel.design.advice import advise
    from k2rel.design.costs import read_costs

    if args.most < 1:
        raise InputError(f"--most: at least 1, got {args.most}")
    costs = read_costs(args.costs) if args.costs else None
    study = study_of(args)
    method, organisation = asked_of(args, study)
    with doing("trying changes" if args.no_pairs else "trying changes, alone and in pairs"):
        found = advise(
            study, args.service, target_percent=args.target, costs=costs, organisation=organisation, method=method,
            pairs=not args.no_pairs, sets=args.sets, most=args.most, sure=sure_of(args),
        )  # fmt: skip
    if args.format == "json":
        print_json(found.to_json())
        return 0
    say(f"{study.site.name}, {found.provenance.engine}; takeovers {found.provenance.takeovers}: "
          f"{found.provenance.reason}\n")  # fmt: skip
    say(f"{found.words()}\n", now.verdict if (now := found.judged.get(frozenset())) else "")
    hidden = ["changes", "bound_min_per_year"]  # the bound in the first line holds for all that is shown
    print_table(
        found.table(args.most, singles=True).drop(columns=hidden), "Single changes", whole=found.table(singles=True)
    )
    if not args.no_pairs:
        print_table(found.table(args.most, singles=False).drop(columns=hidden), "\nPairs of changes")
    if found.front is not None:
        title = "\nLeast cost per minute/year removed, alone or in pairs"
        print_table(found.table(args.most, by="cost").drop(columns=hidden), title)
        front = found.front
        unit = f" [{found.currency}]" if found.currency else ""
        title = f"\nPareto front of cost{unit} and downtime ({front.computed:,} sets of changes computed)"
        print_table(found.front_table(), title)
        if front.complete:
            say(f"\nExact within {front.gap_min_per_year:.2g} min/year.")
        else:
            say(f"\nThe search was stopped: a set could be up to {front.gap_min_per_year:.2g} min/year better; "
                  "--sets N continues it.")  # fmt: skip
    for title in found.left_out:
        say(f"\nnot computed: {title}")
    return 0


def spares_verb(args: argparse.Namespace) -> int:
    from k2rel.design.spares import spare_parts
    from k2rel.studies import studies_of

    changes = changes_of(args)
    studies = {level: study for level in args.level for study in studies_of([level], **changes).values()}
    chosen = [studies[level] for level in args.level]
    frame = spare_parts(chosen, years=args.years, protection=args.protection / 100)
    if args.format == "json":
        print_json(records(frame.rename_axis("type")))
        return 0
    print_table(frame.drop(columns="sites_alone") if len(chosen) == 1 else frame, whole=frame.rename_axis("type"))
    how = f"For {counted(args.years, 'year')} without delivery, with a probability of {args.protection:g} %"
    say(f"\n{how} no spare of the type, or of any type, is missing. Constant failure rates; ageing parts need more.")
    return 0


def clients_verb(args: argparse.Namespace) -> int:
    from k2rel.design.planning import most_clients
    from k2rel.organisation import reading
    from k2rel.site.settings import parse_settings

    rates = args.bit_rate or ["50 Mb/s", "100 Mb/s", "200 Mb/s"]
    with doing(f"trying up to {args.most} clients at {len(rates)} bit rates"):
        frame = most_clients(
            args.level, rates, most=args.most, bound=args.bound, takeover_bound=args.takeover_bound,
            settings=parse_settings(args.set), data=args.data, method=args.method,
            organisation=reading(args.roles or "modelled"),
        )  # fmt: skip
    if args.format == "json":
        print_json(records(frame))
        return 0
    print_table(frame, index=False)
    say(
        f"\nLargest number of clients carried ({args.most} tried at most): nothing failed; after any single failure; "
        f"P(overload) at most {args.bound:g} over time; at most {args.takeover_bound:g} after a takeover."
    )
    return 0
