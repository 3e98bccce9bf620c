"""The verb for whoever is on duty: what the next hours hold, what must not fail now, what to do first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from k2rel.arguments import as_whole
from k2rel.cli.alarms import alarm_options, alarms_for, say_alarms
from k2rel.cli.inputs import format_option, hours_of, organisation_options, solution_for, study_options
from k2rel.cli.printing import PICTURES, check_free, heading, print_json, print_table, records, say, writing
from k2rel.errors import InputError

if TYPE_CHECKING:
    from k2rel.measures.risk_result import Risk
    from k2rel.measures.solution import Solution
    from k2rel.policy.present import Present
    from k2rel.site.model import Site

__all__: list[str] = []

_FEW = 12


def state_options(sub: argparse.ArgumentParser) -> None:
    """Add what the state at present is."""
    sub.add_argument(
        "--failed", action="append", default=[], metavar="PART",
        help='a part that has failed, in the order in which they failed; since when as in isl_1@"3 h ago"',
    )  # fmt: skip
    sub.add_argument(
        "--role", action="append", default=[], metavar="ROLE=HOLDER",
        help="current holder of a role: a server, a side or a holder's name; default: as the rules place it",
    )  # fmt: skip
    sub.add_argument(
        "--out-of-service", action="append", default=[], metavar="SERVER", help="a server that is out of service"
    )
    sub.add_argument(
        "--in-service", action="append", default=[], metavar="SERVER", help="a server that is in service again"
    )


def present_for(args: argparse.Namespace, site: Site) -> Present:
    """The state at present that the options describe."""
    from k2rel.policy.present import present_of

    roles = {}
    for text in args.role:
        role, equals, place = text.partition("=")
        if not equals or not place.strip():
            raise InputError(f"--role {text[:60]}: ROLE=HOLDER is needed, such as file_system=B")
        if role.strip() in roles:
            raise InputError(f"--role {text[:60]}: {role.strip()} is named twice")
        roles[role.strip()] = place.strip()
    return present_of(site, args.failed, roles, args.out_of_service, args.in_service)


def risk_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    state_options(sub)
    alarm_options(sub)
    sub.add_argument("--horizon", default="24 h", metavar="TIME", help="how far to look ahead (default 24 h)")
    sub.add_argument(
        "--buffer",
        default="10 s",
        metavar="TIME",
        help="buffer of a client; an interruption that exceeds it is on air (default 10 s)",
    )
    sub.add_argument(
        "--technicians",
        type=int,
        default=1,
        metavar="N",
        help="number of technicians, for the order of repairs (default 1)",
    )
    sub.add_argument(
        "--circumstances", metavar="FILE", help="ageing, spares, maintenance windows: simulated from the present state"
    )
    sub.add_argument(
        "--age", action="append", default=[], metavar='PART="TIME"',
        help="simulated: age of a part that is up; default: as in the long run",
    )  # fmt: skip
    sub.add_argument(
        "--histories", type=int, default=100_000, metavar="N", help="simulated histories (default 100,000)"
    )
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the simulation (default 1)")
    sub.add_argument("--every-failure", action="store_true", help="a table of all single failures instead of one state")
    sub.add_argument("--picture", metavar="FILE", help="the risk over the horizon, .svg, .png or .pdf")
    sub.add_argument("--force", action="store_true", help="replace the picture where it exists")
    organisation_options(sub)
    format_option(sub)


def _ages(args: argparse.Namespace) -> dict[str, str]:
    """Ages that the options give, by part."""
    result = {}
    for text in args.age:
        part, equals, age = text.rpartition("=")
        if not equals:
            raise InputError(f"--age {text[:60]}: PART=TIME is needed, such as server_A='3 years'")
        result[part.strip()] = age.strip()
    return result


def risk_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.risk import risk

    if args.picture is not None:
        if not args.picture.lower().endswith(PICTURES):
            raise InputError(f"--picture {args.picture[:80]}: .svg, .png or .pdf")
        check_free(args.picture, args.force)
    as_whole("--technicians", args.technicians, 1, 1000)
    solution = solution_for(args)
    if args.every_failure:
        return _every_failure(args, solution)
    present = present_for(args, solution.study.site)
    alarms = alarms_for(args, solution.study.site)
    present = present if alarms is None else alarms.with_said(solution.study.site, present)
    given: dict[str, Any] = {"ages": _ages(args), "histories": args.histories, "seed": args.seed}
    if args.circumstances is not None:
        from k2rel.simulation.circumstances import read_circumstances

        given["circumstances"] = read_circumstances(args.circumstances)
    found = risk(
        solution.study if "circumstances" in given else solution, present, args.horizon,
        solution.asked if "circumstances" in given else None, buffer_h=hours_of(args, "buffer"), **given,
    )  # fmt: skip
    several = 2 <= len(present.failed) <= 5 and found.orders_can_be
    orders = found.orders(args.technicians) if several else None
    if args.picture is not None:
        _draw(found, args.picture)
    if args.format == "json":
        more = {} if orders is None else {"technicians": args.technicians, "orders": records(orders)}
        more |= {} if alarms is None else {"alarms": alarms.to_json()}
        print_json(found.to_json() | more)
        return 0
    heading(solution.study, found.provenance)
    if alarms is not None:
        say_alarms(alarms)
    say(f"State: {found.state_words()}\n{found.words()}\n")
    print_table(
        found.table(), f"The next {_hours(found.horizon_h)}; usual: the long-run average of a period of this length"
    )
    critical = found.critical_table()
    if len(critical):
        print_table(critical.head(_FEW), "\nSingle points of failure in the present state", whole=critical)
        if len(critical) > _FEW:
            say(f"({len(critical) - _FEW} more; --format json has them)")
    actions = found.action_table()
    if len(actions):
        print_table(actions, f"\nActions, and the remaining risk of {found.principal}")
    if orders is not None:
        who = "one technician" if args.technicians == 1 else f"{args.technicians} technicians"
        print_table(orders.head(_FEW), f"\nOrder of repairs by {who}, the best first", whole=orders)
    if found.is_exact:
        back = [f"{part} {_hours(hours)}" for part, hours in found.redundancy]
        repaired = f"; mean time to restoration: {', '.join(back)}" if back else ""
        say(f"\nMean time to full redundancy: {_hours(found.redundancy_back_h)}{repaired}")
        say(f"Error bound of every probability, from truncated states: {found.error_bound:.1e}")
    for note in found.notes:
        say(f"\n{note}")
    if args.picture is not None:
        say(f"\nwritten: {args.picture}")
    return 0


def _hours(hours: float) -> str:
    from k2rel.units import format_duration

    return format_duration(hours) if hours < float("inf") else "never without an operator"


def _draw(found: Risk, path: str) -> None:
    from matplotlib.figure import Figure

    from k2rel.plots.duty import plot_risk

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    plot_risk(found, figure.subplots())
    with writing(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _every_failure(args: argparse.Namespace, solution: Solution) -> int:
    from k2rel.measures.risk import duty_table

    given = [
        *args.failed,
        *args.role,
        *args.out_of_service,
        *args.in_service,
        *(f"--{name}" for name in ("alarms", "picture", "circumstances") if getattr(args, name) is not None),
    ]
    if given:
        raise InputError(f"--every-failure: it is about each failure alone; leave out {given[0][:60]}")
    table = duty_table(solution, args.horizon)
    said = {name: table.attrs[name] for name in ("service", "horizon_h", "usual_downtime_min", "error_bound")}
    if args.format == "json":
        print_json({**solution.provenance.heading(), **said, "failures": records(table)})
        return 0
    heading(solution.study, solution.provenance)
    service, usual = said["service"].replace("_", " "), said["usual_downtime_min"]
    ahead = _hours(said["horizon_h"])
    print_table(table, f"Every single failure: the next {ahead} of {service} (usual downtime {usual:.2g} min)")
    return 0
