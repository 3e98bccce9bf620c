"""The verb about interruptions."""

from __future__ import annotations

import argparse

from k2rel.cli.inputs import format_option, hours_of, organisation_of, organisation_options, study_of, study_options
from k2rel.cli.printing import finite, heading, print_json, print_table, records

__all__: list[str] = []


def interruptions_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument("--service", action="append", metavar="NAME", help="a service; may be given again; default: all")
    sub.add_argument("--buffer", default="10 s", metavar="TIME", help="of a client: longer is on air (default 10 s)")
    sub.add_argument("--first-loss", action="store_true", help="also the mean time to the first loss")
    organisation_options(sub, method=False)
    format_option(sub)


def interruptions_verb(args: argparse.Namespace) -> int:
    from k2rel.markov.engine import solved
    from k2rel.measures.dynamic import downtime_causes, interruptions, performability, why_they_differ
    from k2rel.measures.modes import modes
    from k2rel.measures.tested import exponential_tests

    study = study_of(args)
    organisation = organisation_of(args, study)
    buffer_h = hours_of(args, "buffer")
    table = interruptions(study, organisation, args.service, buffer_h=buffer_h, first_loss=args.first_loss)
    causes = downtime_causes(study, organisation, args.service[0] if args.service else None)
    figures = performability(study, organisation)
    shares = modes(study, organisation)
    dynamics = solved(study, organisation)
    if args.format == "json":
        print_json(
            {
                **dynamics.provenance.heading(),
                **finite({name: getattr(dynamics.states, name) for name in ("error_bound", "share_bound")}),
                "buffer_h": buffer_h,
                "interruptions": records(table),
                "downtime_causes": records(causes),
                "performability": finite(figures),
                "modes": records(shares.head(50)),
                "notes": exponential_tests(study),
            }
        )
        return 0
    import pandas as pd

    heading(study, dynamics.provenance)
    print(f"Interruptions by shared parts and roles (on air: longer than a buffer of {args.buffer})\n")
    print_table(table)
    for note in exponential_tests(study):
        print(f"\n{note}")
    print("\nDowntime by what the roles are doing meanwhile\n")
    print_table(causes)
    print("\nWhat users are given\n")
    print_table(pd.DataFrame({"figure": figures}).rename_axis("over a year"))
    print("\nOperating modes\n")
    print_table(shares.head(12))
    print("\n" + why_they_differ(study, organisation))
    return 0
