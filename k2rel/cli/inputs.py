"""What verbs are given: options that several of them share, and the study and the organisation that they name."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from k2rel.errors import InputError, closest

if TYPE_CHECKING:
    from k2rel.organisation import Organisation
    from k2rel.studies import Study

__all__: list[str] = []


def format_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--format", choices=["table", "json"], default="table", help="for people or for programs")


def force_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--force", action="store_true", help="replace the file where it exists")


def primary_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--primary", metavar="SIDE", help="the preferred side")


def quiet_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--quiet", action="store_true", help="no progress bar")


def set_option(sub: argparse.ArgumentParser, text: str) -> None:
    sub.add_argument("--set", action="append", default=[], metavar="NAME.KEY=VALUE", help=text)


def points_option(sub: argparse.ArgumentParser, text: str) -> None:
    sub.add_argument("--points", default="lhs", choices=["random", "lhs", "sobol"], help=text)


def study_options(sub: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Add the level or site, or several of them by `nargs`, and what its study depends on."""
    text = "a level's name (see 'k2rel levels') or a site file"
    if nargs:
        sub.add_argument("level", metavar="LEVEL", nargs=nargs, help=text)
    else:
        sub.add_argument("level", metavar="LEVEL", help=text)
    sub.add_argument("--clients", type=int, metavar="N", help="number of clients instead of the file's")
    sub.add_argument("--repair", default="4h", metavar="CONTRACT", help="repair contract: onsite, 4h (default) or nbd")
    sub.add_argument("--rates", metavar="FILE", help="CSV table that replaces or adds failure data")
    set_option(
        sub, 'of a type, media_server.mttr="4 h", or of one part, which goes before its type: switch_A.mttf="2e6 h"'
    )
    sub.add_argument("--variant", metavar="NAME", help="a variant that the site file describes")
    if not nargs:
        sub.add_argument(
            "--common-cause",
            default="declared",
            metavar="GROUPS",
            help="groups that fail of one cause: declared (in the file, default), twins (and every A/B pair), none",
        )


def organisation_options(sub: argparse.ArgumentParser, *, method: bool) -> None:
    """Add the options of the dynamic engine; with `method`, also the choice between it and the static one."""
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


def study_of(args: argparse.Namespace) -> Study:
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
        common_cause=args.common_cause,
    )


def changes_of(args: argparse.Namespace) -> dict[str, Any]:
    """What a verb about several sites changes in all of them; a variant, for which it has no use, is refused."""
    from k2rel.site.settings import parse_settings

    if args.variant is not None:
        raise InputError(
            f"--variant: k2rel {args.verb} takes sites as their files have them; lay the variant's entries over a copy "
            "of the file, or ask about one site (k2rel availability SITE --variant NAME)"
        )
    return {
        "clients": args.clients, "repair": args.repair, "rates": args.rates, "settings": parse_settings(args.set),
    }  # fmt: skip


def hours_of(args: argparse.Namespace, name: str) -> float:
    """Duration that an option gives [h]; infinite where it is not given."""
    from k2rel.units import parse_duration

    text = getattr(args, name)
    try:
        return math.inf if text is None else parse_duration(text)
    except ValueError as error:
        raise InputError(f"--{name.replace('_', '-')} {str(text)[:40]}: {error}") from None


def organisation_of(args: argparse.Namespace, study: Study) -> Organisation:
    """Read the options of the dynamic engine."""
    from k2rel.organisation import Organisation

    priority = tuple(word.strip() for word in args.priority.split(",") if word.strip())
    types = {part.type for part in study.site.components.values()}
    for kind in priority:
        if kind not in types:
            raise InputError(f"--priority: {study.site.name} has no component type '{kind[:40]}'{closest(kind, types)}")
    return Organisation(
        roles=args.roles,
        crews=args.crews,
        travel_h=hours_of(args, "travel"),
        priority=priority,
        return_to_service_h=hours_of(args, "return_to_service"),
        manual_takeover_h=hours_of(args, "manual_takeover"),
        maintenance_every_h=hours_of(args, "maintenance_every"),
        maintenance_h=hours_of(args, "maintenance"),
        repair_variation=args.repair_variation,
        tolerance=args.tolerance,
    )


def organisation_for_method(args: argparse.Namespace, study: Study) -> Organisation | None:
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
