"""The verb about planned work: what it costs, in which order, which two together, and a year of it."""

from __future__ import annotations

import argparse
import math
import re

from k2rel.cli.inputs import format_option, organisation_options, solution_for, study_options
from k2rel.cli.printing import heading, print_json, print_table, say
from k2rel.errors import InputError

__all__: list[str] = []

_WINDOW = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")


def maintenance_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument(
        "--part", action="append", required=True, metavar="PART", help="a part that is taken out of service; repeatable"
    )
    sub.add_argument(
        "--for",
        dest="lasts",
        action="append",
        required=True,
        metavar="TIME",
        help="duration of the work: once, or for each part",
    )
    sub.add_argument(
        "--every", action="append", default=[], metavar="TIME", help="interval between works: once, or for each part"
    )
    sub.add_argument("--within", metavar="HH:MM-HH:MM", help="hours of the day to which works are restricted")
    sub.add_argument(
        "--not-back", type=float, default=0.0, metavar="P", help="probability that the part needs repair after the work"
    )
    organisation_options(sub)
    format_option(sub)


def window_of(text: str | None) -> float:
    """Length of a window of hours of the day [h]; infinite where there is none."""
    if text is None:
        return math.inf
    found = _WINDOW.fullmatch(text.strip()[:40])
    if found is None:
        raise InputError(f"--within {text[:40]}: hours of the day, such as 00:00-06:00")
    first, a, last, b = map(int, found.groups())
    if max(first, last) > 24 or max(a, b) > 59 or first * 60 + a > 1440 or last * 60 + b > 1440:
        raise InputError(f"--within {text[:40]}: there is no such time of the day; 00:00 to 24:00")
    minutes = (last * 60 + b - first * 60 - a) % 1440
    if minutes == 0 and (first, last) != (0, 24):
        raise InputError(f"--within {text[:40]}: it ends as it begins; the whole day is 00:00-24:00")
    return (minutes or 1440) / 60


def _each(args: argparse.Namespace, name: str, given: list[str], count: int) -> list[float]:
    """A time for each part, from one for all or one for each [h]."""
    from k2rel.units import parse_duration

    if len(given) not in (1, count):
        raise InputError(f"--{name}: once for all parts, or once for each of the {count}, got {len(given)}")
    try:
        hours = [parse_duration(text) for text in given]
    except ValueError as error:
        raise InputError(f"--{name}: {error}") from None
    return hours * count if len(hours) == 1 else hours


def maintenance_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.maintenance import Work, maintenance

    count = len(args.part)
    lasts = _each(args, "for", args.lasts, count)
    every = _each(args, "every", args.every, count) if args.every else [math.inf] * count
    within = window_of(args.within)
    works = [Work(*each) for each in zip(args.part, lasts, every, strict=True)]
    solution = solution_for(args)
    found = maintenance(solution, works, within_h=within, not_back=args.not_back)
    if args.format == "json":
        print_json(found.to_json())
        return 0
    heading(solution.study, found.provenance)
    say(f"{found.words()}\n")
    print_table(
        found.table(),
        f"Additional downtime of {found.principal.replace('_', ' ')} by each work, roles as they are in the long run",
    )
    if count > 1:
        print_table(
            found.order_table().head(12), "\nWorks one after another, the best order first", whole=found.order_table()
        )
    if len(found.pairs):
        print_table(found.pair_table(), "\nTwo works at the same time")
    plan = found.plan_table()
    if len(plan):
        usual = f"{found.downtime_min_per_year:.3g} min/year without planned work"
        print_table(plan, f"\nPlanned work of a year ({usual})")
        if len(plan) > 1:
            say(f"In total, planned work adds {plan['adds_min_per_year'].sum():.3g} min/year.")
    say(
        "\nThe work is assumed to last as planned, after which staff on site return servers to service. A failed "
        "takeover waits for operator action as long as any other (--manual-takeover)."
    )
    if args.within is not None:
        say(f"Each work is done in a window of its own, {args.within.strip()}; the time of day has no effect.")
    return 0
