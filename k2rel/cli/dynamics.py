"""What the dynamic engine is given on the command line, and the verb about interruptions."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from k2rel.cli.printing import finite, print_json, print_table
from k2rel.cli.studies import heading, study_of
from k2rel.errors import InputError

if TYPE_CHECKING:
    from k2rel.organisation import Organisation
    from k2rel.studies import Study

__all__: list[str] = []


def add_organisation(sub: argparse.ArgumentParser, *, method: bool) -> None:
    """Add the options of the dynamic engine."""
    if method:
        sub.add_argument(
            "--method",
            choices=["exact", "markov"],
            default="exact",
            help="exact: independent parts, roles at the preferred side; markov: roles that stick, coverage, crews",
        )
    sub.add_argument("--roles", choices=["sticky", "preferred"], default="sticky", help="how roles behave (markov)")
    sub.add_argument("--crews", type=int, metavar="N", help="parts repaired at the same time; default: all (markov)")
    sub.add_argument("--travel", metavar="TIME", default="0 h", help="way of a technician, with --crews (markov)")
    sub.add_argument("--priority", metavar="TYPE,...", default="", help="component types repaired first (markov)")
    sub.add_argument("--return-to-service", metavar="TIME", default="1 h", help="by a person; default 1 h (markov)")
    sub.add_argument("--manual-takeover", metavar="TIME", default="1 h", help="after a failed takeover (markov)")
    sub.add_argument("--maintenance-every", metavar="TIME", help="of each redundant server; default: never (markov)")
    sub.add_argument("--maintenance", metavar="TIME", default="2 h", help="how long it takes; default 2 h (markov)")
    sub.add_argument("--repair-variation", type=float, default=1.0, metavar="X", help="variance / mean^2 (markov)")
    sub.add_argument(
        "--tolerance", type=float, default=1e-10, metavar="P", help="error of a probability, default 1e-10 (markov)"
    )


def organisation_of(args: argparse.Namespace, study: Study) -> Organisation:
    """Read the options of the dynamic engine."""
    from k2rel.errors import closest
    from k2rel.organisation import Organisation
    from k2rel.units import parse_duration

    def hours(name: str) -> float:
        text = getattr(args, name)
        try:
            return math.inf if text is None else parse_duration(text)
        except ValueError as error:
            raise InputError(f"--{name.replace('_', '-')} {str(text)[:40]}: {error}") from None

    priority = tuple(word.strip() for word in args.priority.split(",") if word.strip())
    types = {part.type for part in study.site.components.values()}
    for kind in priority:
        if kind not in types:
            raise InputError(f"--priority: {study.site.name} has no component type '{kind[:40]}'{closest(kind, types)}")
    return Organisation(
        roles=args.roles,
        crews=args.crews,
        travel_h=hours("travel"),
        priority=priority,
        return_to_service_h=hours("return_to_service"),
        manual_takeover_h=hours("manual_takeover"),
        maintenance_every_h=hours("maintenance_every"),
        maintenance_h=hours("maintenance"),
        repair_variation=args.repair_variation,
        tolerance=args.tolerance,
    )


def chosen(args: argparse.Namespace, study: Study) -> Organisation | None:
    """None for the static engine, which knows no organisation."""
    if args.method == "markov":
        return organisation_of(args, study)
    given = [
        name
        for name, default in (("crews", None), ("travel", "0 h"), ("priority", ""), ("maintenance_every", None))
        if getattr(args, name) != default
    ]
    if given or args.roles != "sticky":
        name = (given or ["roles"])[0].replace("_", "-")
        raise InputError(f"--{name} is for --method markov; the exact engine repairs every part by itself")
    return None


def interruptions_verb(args: argparse.Namespace) -> int:
    from k2rel.markov.engine import solved
    from k2rel.measures.dynamic import downtime_causes, interruptions, performability, why_they_differ
    from k2rel.measures.modes import modes
    from k2rel.measures.tested import exponential_tests
    from k2rel.units import parse_duration

    study = study_of(args)
    organisation = organisation_of(args, study)
    try:
        buffer_h = parse_duration(args.buffer)
    except ValueError as error:
        raise InputError(f"--buffer {args.buffer[:40]}: {error}") from None
    table = interruptions(study, organisation, args.service, buffer_h=buffer_h, first_loss=args.first_loss)
    causes = downtime_causes(study, organisation, args.service[0] if args.service else None)
    figures = performability(study, organisation)
    shares = modes(study, organisation)
    dynamics = solved(study, organisation)
    if args.format == "json":
        print_json(
            {
                **dynamics.provenance.heading(),
                "error_bound": finite({"x": dynamics.states.error_bound})["x"],
                "share_bound": finite({"x": dynamics.states.share_bound})["x"],
                "buffer_h": buffer_h,
                "interruptions": [finite(row) for row in table.reset_index().to_dict("records")],
                "downtime_causes": [finite(row) for row in causes.reset_index().to_dict("records")],
                "performability": finite(figures),
                "modes": [finite(row) for row in shares.head(50).to_dict("records")],
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
