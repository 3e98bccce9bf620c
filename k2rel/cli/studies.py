"""Verbs about a level or a site: what it is, what happens when parts fail, how available it is."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from k2rel._version import __version__
from k2rel.cli.inputs import (
    asked_of,
    changes_of,
    force_option,
    format_option,
    organisation_options,
    primary_option,
    solution_for,
    study_of,
    study_options,
    sure_of,
    sure_option,
)
from k2rel.cli.printing import (
    cut,
    heading,
    main_rows,
    print_json,
    print_rows,
    print_table,
    put,
    records,
    say,
    say_full_service,
    size_words,
    tell,
    written,
)
from k2rel.errors import InputError, ModelTooLargeError

if TYPE_CHECKING:
    from k2rel.measures.solution import Solution
    from k2rel.organisation import Organisation

__all__: list[str] = []


def components_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    format_option(sub)


def components_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.inventory import component_records, raid_sets, rates_used

    study = study_of(args)
    if args.format == "json":
        print_json(component_records(study))
    else:
        main_rows(component_records(study))
        heading(study)
        used = rates_used(study)
        tests = ["test_interval_h"] if (used["test_interval_h"] > 0).any() else []
        frame = used[["type", "count", "failure_rate_per_h", "mttr_h", *tests, "evidence", "rates_id", "source"]]
        print_table(frame.assign(source=list(map(cut, frame["source"]))))
        say("\nOne row per kind of part; --format json lists every part.")
        sets = raid_sets(study)
        if len(sets):
            print_table(sets, "\nRAID sets, each modelled by a Markov chain of its own")
    return 0


def check_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    primary_option(sub)
    sub.add_argument("--upgrade", action="store_true", help="convert a site file from format 1 to format 2")
    sub.add_argument("--expanded", action="store_true", help="print the file with its templates written out")
    sub.add_argument(
        "--output", metavar="FILE", help="with --upgrade or --expanded: write there, and leave the file as it is"
    )
    force_option(sub)
    format_option(sub, csv=False)


def _upgrade(args: argparse.Namespace) -> int:
    from k2rel.bundled import data_dir, site_path
    from k2rel.site.upgrade import upgraded

    path = site_path(args.level, args.data).resolve()  # where it is a link, what it leads to is rewritten
    if args.output is None and data_dir().resolve() in path.parents:
        raise InputError(f"--upgrade: {args.level} came with k2rel and stays as it is; give a file with --output")
    if args.output is None and not path.stat().st_mode & 0o222:
        raise InputError(f"--upgrade: {path} is read-only; give a file with --output")
    done = upgraded(path)
    target = args.output or str(path)
    if done.changes or args.output:
        mode = path.stat().st_mode
        written(target, done.text, args.force or args.output is None)
        if args.output is None:
            path.chmod(mode)
    if args.format == "json":
        changes = [{"line": line, "change": what} for line, what in done.changes]
        print_json({"file": str(path), "output": target, "changes": changes})
        return 0
    say(f"{target}: {'now' if done.changes else 'was'} in format 2")
    for line, what in done.changes:
        say(f"  line {line}: {what}")
    return 0


def _expanded(args: argparse.Namespace) -> int:
    """The file with its templates written out, whether it is good or not."""
    from k2rel.bundled import site_path
    from k2rel.site.source import read_yaml
    from k2rel.site.templates import expanded
    from k2rel.site.yaml_text import yaml_text_of

    for option in ("set", "clients", "variant"):
        if getattr(args, option):
            raise InputError(f"--{option}: --expanded shows what the file says, with all of its variants; leave it out")
    data = expanded(read_yaml(site_path(args.level, args.data))).data
    if args.output is not None:
        written(args.output, yaml_text_of(data), args.force)
        say(f"{args.output}: written out")
    elif args.format == "json":
        print_json(data)
    else:
        put(yaml_text_of(data))
    return 0


def check_verb(args: argparse.Namespace) -> int:
    if args.upgrade and args.expanded:
        raise InputError("--expanded cannot be combined with --upgrade; run one after the other")
    if args.upgrade:
        return _upgrade(args)
    if args.expanded:
        return _expanded(args)
    if args.output or args.force:
        raise InputError(f"{'--output' if args.output else '--force'}: it is for --upgrade and --expanded")
    from k2rel.policy.warned import overload_warnings

    study = study_of(args)
    site = study.site
    found = (*site.warnings, *overload_warnings(study.policy))
    if args.variant is None:
        from k2rel.bundled import site_path
        from k2rel.site import read_site

        for variant in site.variants:  # a mistake in one is no surprise for who asks for it
            try:
                read_site(site_path(args.level, args.data), variant=variant.name, data=args.data)
            except InputError as error:
                raise InputError([replace(one, message=f"with the variant '{variant.name}': {one.message}")
                                  for one in error.problems]) from None  # fmt: skip
    variants = [variant.name for variant in site.variants]
    summary = {
        "file": site.file,
        "name": site.name,
        "sides": list(site.sides),
        "parts": sum(1 for _ in site.parts()),
        "clients": site.client_count,
        "roles": list(site.roles),
        "traffic": list(site.traffic),
        "assumptions": len(site.assumptions),
        "variants": variants,
    }
    if args.format == "json":
        print_json({"ok": True, **summary, "warnings": [asdict(one) for one in found]})
    else:
        say(f"{site.file}: valid")
        say(f"  {size_words(site)}")
        say(f"  roles: {', '.join(site.roles) or 'none'}; traffic: {', '.join(site.traffic)}")
        say(f"  {len(site.assumptions)} named assumptions; variants: {', '.join(variants) or 'none'}")
        for one in found:
            say(f"warning: {one}")
    return 0


def schema_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--format", choices=["json"], default="json", help="JSON only")


def schema_verb(args: argparse.Namespace) -> int:
    from k2rel.site.schema import json_schema

    print_json(json_schema())
    return 0


def availability_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument(
        "--lost-clients",
        type=int,
        action="append",
        metavar="K",
        help="also the service 'no K or more clients lost'; repeatable",
    )
    primary_option(sub)
    organisation_options(sub)
    format_option(sub)


def availability_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.availability import availability, takeover_rows
    from k2rel.measures.path_failover import path_failover_notes

    solution = solution_for(args)
    if args.format == "json":
        from k2rel.answer import availability_json

        print_json(availability_json(solution, args.lost_clients))
        return 0
    result = availability(solution, args.lost_clients)
    heading(solution.study, result.provenance)
    # of kinds, the number in a name is that of the group and reads as a client's
    titled = bool(solution.study.site.kinds)
    print_rows(result.rows(), leave_out=("availability", "scope" if titled else "title"))
    say_full_service(solution.study.site)
    for note in (*result.notes, *path_failover_notes(solution)):
        say(f"\n{note}")
    if solution.method == "exact":
        if moves := takeover_rows(solution.study):
            title = "\nDowntime by the takeovers themselves, not included above (first order)"
            back = any(move["failbacks_per_year"] > 0 for move in moves)
            print_rows(moves, title, leave_out=() if back else ("failbacks_per_year",))
        return 0
    _beside_ideal(solution)
    return 0


def _beside_ideal(solution: Solution) -> None:
    """Why the figures are not those of ideal takeovers, what the roles do, and the second reading."""
    from k2rel.measures.dynamic import both_readings
    from k2rel.measures.modes import mode_rows
    from k2rel.measures.role_downtime import why_they_differ
    from k2rel.policy.words import modes_words

    if solution.ideal is not None:
        say("\n" + why_they_differ(solution))
    if solution.method == "markov":
        print_rows(mode_rows(solution), f"\n{modes_words(solution.study.site)}", most=8)
    if solution.ideal is not None:
        title = f"\nIdeal takeovers (instant and certain) for comparison: {solution.ideal.provenance.engine}"
        print_rows(both_readings(solution), title)


def causes_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument(
        "--service", metavar="NAME", help="a service of 'k2rel availability'; default: the principal traffic"
    )
    sub.add_argument("--order", type=int, default=2, metavar="N", help="largest order of cut sets (default 2)")
    organisation_options(sub)
    format_option(sub)


def causes_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.importance import causes, cut_set_table
    from k2rel.measures.solution import solution_of
    from k2rel.measures.what_matters import swing
    from k2rel.policy.failover import principal_traffic

    solution = solution_for(args)
    study = solution.study
    service = args.service or principal_traffic(study.site)
    frame = causes(solution, service)
    try:
        cuts = cut_set_table(study, service, args.order)
    except ModelTooLargeError as error:  # the rest of the answer stands
        tell(f"note: no cut sets: {error}")
        cuts = None
    limits = None if solution.method == "simulation" else swing(solution, service)
    if args.format == "json":
        print_json(
            {
                **solution.provenance.heading(),
                "service": service,
                "causes": records(frame),
                "cut_sets": None if cuts is None else cuts.to_dict("records"),
                "swing": [] if limits is None else records(limits),
            }
        )
        return 0
    ideal = f"takeovers {solution_of(study, 'exact').takeovers}"  # whoever answers, cut sets are of the exact engine
    heading(study, solution.provenance)
    words = service.replace("_", " ")
    shown = frame[frame["share_of_downtime"] > 1e-6][
        ["type", "unavailability", "birnbaum", "share_of_downtime", "downtime_min_per_year"]
    ]
    print_table(shown.head(20), f"Causes of the downtime of {words}", whole=frame)
    if cuts is not None:
        print_table(cuts.head(25), f"\nMinimal cut sets up to order {args.order} ({ideal})")
        if len(cuts) > 25:
            say(f"... {len(cuts) - 25} more (--format json lists all)")
    if limits is not None:
        title = f"\nDowntime of {words} with one input at a time at its limits"
        print_table(limits.drop(columns="kind").head(8), title)
    return 0


def served_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument("--traffic", metavar="NAME", help="a traffic class; default: the principal one")
    organisation_options(sub)
    format_option(sub)


def served_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.served import served
    from k2rel.policy.failover import principal_traffic

    solution = solution_for(args)
    study = solution.study
    traffic = args.traffic or principal_traffic(study.site)
    frame = served(solution, traffic)
    if args.format == "json":
        rows = {"traffic": traffic, "probability": frame["probability"].tolist()}
        print_json(solution.provenance.heading() | rows)
        return 0
    heading(study, solution.provenance)
    shown = frame.sort_values("probability", ascending=False, kind="stable").head(20).sort_index(ascending=False)
    print_table(
        shown, f"Number of clients served with {traffic.replace('_', ' ')}, of {study.site.client_count}", whole=frame
    )
    return 0


def compare_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub, "*")
    sub.add_argument("--history", metavar="DIR", help="compare with the earlier reports in this folder")
    sub.add_argument("--target", metavar="PERCENT|FILE", help="required availability, or a file of them by service")
    sure_option(sub)
    organisation_options(sub)
    format_option(sub)


def compare_verb(args: argparse.Namespace) -> int:
    from k2rel.bundled import level_names
    from k2rel.design.carrying import carrying
    from k2rel.design.comparison import compare
    from k2rel.design.differences import differences, services_compared
    from k2rel.design.overview import overview
    from k2rel.measures.solution import solution_of
    from k2rel.studies import studies_of

    changes = changes_of(args)
    levels = args.level or list(level_names(args.data))
    method, organisation = asked_of(args)
    if args.history is not None:
        return _history(args, levels, changes, method, organisation)
    solved = {name: solution_of(one, method, organisation) for name, one in studies_of(levels, **changes).items()}
    frame, first = compare(solved, target=args.target, sure=sure_of(args)), overview(solved)
    two = list(solved.values()) if len(solved) == 2 else []
    rows = [further | row for further, row in zip(records(first), records(frame), strict=True)]
    if args.format == "json":
        if two:  # what differs from the first stands with the second
            rows[1]["services"] = records(services_compared(two[0], two[1]))
            rows[1]["differences"] = differences(two[0].study, two[1].study).to_dict("records")
        print_json(rows)
        return 0
    if args.format == "csv":
        main_rows(rows, *(("services", "differences") if two else ()))
        return 0
    columns = [
        "clients",
        "service",
        "unavailability",
        "downtime_min_per_year",
        "failures_per_year",
        "mean_downtime_h",
    ]
    reading = f"takeovers {frame['takeovers'].iloc[0]}"
    say(f"Levels side by side, all with {reading}; the last column states the engine (k2rel {__version__})\n")
    print_table(first.drop(columns=["title", "service", "takeovers", "why_empty"]))
    unknown = frame.index[first["clients_carried"].isna() & (frame["why_empty"] == "")]
    for level, one in solved.items():
        if level in unknown:
            said = carrying(one.study).why.removeprefix("clients: ")
            say(f"\n{level}: the number of clients that it carries is not available: {said}")
    print_table(frame[[*columns, "p_overload", "single_points", "method"]], "\nAvailability and overload")
    if args.target is not None and "verdict" in frame:
        shown = frame[["service", "target_percent", "downtime_min_per_year", "verdict", "p_met"]]
        print_table(shown, "\nTarget, with all inputs within their limits")
    for name, why in frame["why_empty"].items():
        if why:
            say(f"\n{name} has no figures: {why}")
    if two:
        title = f"\nDowntime by service, {frame.index[0]} before and {frame.index[1]} after ({reading})"
        print_table(services_compared(two[0], two[1]), title)
        table = differences(two[0].study, two[1].study)
        for name in ("entry", "before", "after"):
            table[name] = list(map(cut, table[name]))
        print_table(table.head(60), "\nDifferences", index=False)
        if len(table) > 60:
            say(f"... {len(table) - 60} more; --format json has all of them")
    return 0


def _history(
    args: argparse.Namespace, levels: list[str], changes: dict[str, Any], method: str, organisation: Organisation | None
) -> int:
    from k2rel.design.differences import history
    from k2rel.studies import studies_of

    found = {
        name: history(study, args.history, organisation, method=method)
        for name, study in studies_of(levels, **changes).items()
    }
    if args.format == "json":
        print_json({name: records(f) for name, f in found.items()})
        return 0
    for name, frame in found.items():
        print_table(frame, f"{name}: earlier reports and the present state")
        inputs, made_with = ((frame[key].iloc[-1] == frame[key].iloc[-2]) for key in ("input_hash", "basis"))
        say("\nThe inputs are those of the last report." if inputs else "\nThe inputs have changed since.")
        if not made_with:
            say("The code, the bundled data or the numerical packages have changed since the last report.")
        for note in frame.attrs["notes"]:
            say(note)
        say()
    return 0
