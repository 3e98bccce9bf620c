"""The verbs about interruptions, and about the downtime of one year or month."""

from __future__ import annotations

import argparse
from dataclasses import replace

from k2rel.cli.inputs import format_option, hours_of, organisation_options, solution_for, study_options
from k2rel.cli.printing import finite, heading, print_json, print_table, records, say
from k2rel.doing import doing

__all__: list[str] = []

_NOT_SIMULATED = "the simulation gives no operating modes and causes; --method markov does, where there is a chain"


def interruptions_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument("--service", action="append", metavar="NAME", help="a service; repeatable; default: all")
    sub.add_argument(
        "--buffer",
        default="10 s",
        metavar="TIME",
        help="buffer of a client; an interruption that exceeds it is on air (default 10 s)",
    )
    sub.add_argument("--first-loss", action="store_true", help="also the mean time to first failure")
    organisation_options(sub)
    format_option(sub)


def interruptions_verb(args: argparse.Namespace) -> int:
    import pandas as pd

    from k2rel.measures.dynamic import interruptions, performability
    from k2rel.measures.modes import modes
    from k2rel.measures.path_failover import COLUMNS
    from k2rel.measures.role_downtime import downtime_causes, why_they_differ
    from k2rel.measures.solution import IDEAL
    from k2rel.policy.words import modes_words
    from k2rel.tables import as_texts

    solution = solution_for(args)
    study, provenance = solution.study, solution.provenance
    if solution.method == "exact" and not solution.chosen:
        raise solution.cannot("lengths of interruptions", "auto, markov or simulation")
    buffer_h = hours_of(args, "buffer")
    table = interruptions(solution, services=args.service, buffer_h=buffer_h, first_loss=args.first_loss)
    figures = performability(solution)
    states = causes = shares = None
    if solution.method != "simulation":
        states, shares = solution.dynamics.states, modes(solution)
        if solution.takeovers != IDEAL:  # else none is ever on its way, and nobody waits
            causes = downtime_causes(solution, service=args.service[0] if args.service else None)
    if solution.method == "exact":  # says the same of the services, but not how long a loss lasts
        reason = f"{solution.reason}; the Markov chain gives the durations of interruptions"
        provenance = replace(solution.dynamics.provenance, takeovers=solution.takeovers, reason=reason)
    notes = [*table.attrs["notes"], *([_NOT_SIMULATED] if states is None else [])]
    if args.format == "json":
        print_json(
            {
                **provenance.heading(),
                **finite({name: getattr(states, name, None) for name in ("error_bound", "share_bound")}),
                "buffer_h": buffer_h,
                "interruptions": records(table),
                "takeover_counts": [finite(row) for row in table.attrs["takeover_counts"]],
                "downtime_causes": [] if causes is None else records(causes),
                "performability": finite(figures),
                "modes": [] if shares is None else records(shares.head(50)),
                "notes": notes,
            }
        )
        return 0
    heading(study, provenance)
    whose = "caused by shared parts and roles" if states is not None else "of any cause"
    seen = table.drop(columns=list(COLUMNS))
    print_table(seen, f"Interruptions {whose} (on air: longer than the client's buffer of {args.buffer})", whole=table)
    changes = table[list(COLUMNS)].dropna(how="all")
    if len(changes):
        print_table(
            changes, "\nPath failovers, not counted above: a client loses a path in use and continues on another"
        )
    for note in notes:
        say(f"\n{note}")
    if table.attrs["takeover_counts"]:
        counts = pd.DataFrame(table.attrs["takeover_counts"]).set_index("what")
        print_table(counts, "\nTakeovers and related events")
    if causes is not None:
        print_table(causes, "\nDowntime by state of the roles")
    given = pd.Series({title: text for title, (text,) in as_texts({k: [v] for k, v in figures.items()}).items()})
    whole = pd.DataFrame({"figure": figures}).rename_axis("quantity")
    print_table(given.to_frame("figure").rename_axis("quantity"), "\nPerformability", whole=whole)
    if shares is not None:
        print_table(shares.head(12), f"\n{modes_words(study.site)}")
    if solution.takeovers != IDEAL and states is not None:
        say("\n" + why_they_differ(solution))
    return 0


def window_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument("--service", metavar="NAME", help="a service; default: the principal traffic")
    sub.add_argument(
        "--within",
        default="year",
        metavar="WINDOW",
        help='year (default), month, week, day, hour, or such as "90 days"',
    )
    sub.add_argument(
        "--above",
        action="append",
        metavar="TIME",
        help="a threshold of downtime; its probability of being exceeded is reported; repeatable",
    )
    sub.add_argument(
        "--samples", type=int, default=0, metavar="N", help="also with the inputs sampled N times within their limits"
    )
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the samples")
    organisation_options(sub)
    format_option(sub)


def window_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.windows import window

    solution = solution_for(args)
    drawn = f", {args.samples:,} times with sampled inputs" if args.samples else ""
    with doing(f"computing the distribution of the downtime of one {args.within}{drawn}"):
        found = window(solution, args.service, args.within, above=args.above, samples=args.samples, seed=args.seed)
    if args.format == "json":
        print_json(found.to_json())
        return 0
    heading(solution.study, found.provenance)
    say(f"{found.words()}\n{found.how.capitalize()}: {found.why}\n")
    print_table(found.table())
    print_table(found.interruptions(), f"\nNumber of interruptions that begin within one {args.within}")
    return 0
