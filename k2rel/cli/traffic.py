"""Verbs about where traffic goes: what follows from failed parts, and the load over time."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from k2rel.cli.inputs import format_option, organisation_options, primary_option, solution_for, study_of, study_options
from k2rel.cli.printing import heading, print_json, print_rows, print_table, say, say_full_service
from k2rel.units import loads_in

if TYPE_CHECKING:
    import pandas as pd

    from k2rel.measures.load_result import Delivered
    from k2rel.policy.failover import ClientState, FailoverOutcome
    from k2rel.policy.used import UsedRoute

__all__: list[str] = []


def failover_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument("--fail", action="append", default=[], metavar="ID", help="a failed part; repeatable")
    sub.add_argument("--primary", metavar="SIDE", help="the side that held the roles before the failures")
    format_option(sub)


def failover_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.cases import cases_told, failover_cases, merged_cases
    from k2rel.policy.failover import failover
    from k2rel.policy.words import holder_words, ways_words
    from k2rel.site.alike_groups import which_clients

    study = study_of(args)
    if args.format == "json":
        print_json(failover(study.policy, args.fail).to_json())
        return 0
    import pandas as pd

    if not args.fail:
        heading(study)
        whose = f"; for clients, the parts of {which_clients(study.site)}" if study.site.group_count > 1 else ""
        title = f"Every single failure that has an effect{whose} (--fail PART follows one of them):"
        cases = failover_cases(study)
        print_table(cases_told(merged_cases(cases), people=True), title, whole=cases_told(cases))
        return 0
    outcome = failover(study.policy, args.fail)
    heading(study)
    say(f"failed: {', '.join(map(outcome.names.identifier, outcome.failed))}")
    roles = ", ".join(f"{role} {where}" for role, where in holder_words(outcome).items())
    if study.policy.apart or outcome.holders:  # no one side says where the roles were
        before = holder_words(failover(study.policy))
        told = ", ".join(f"{role} {before[role]}" for role in study.site.movable)
        say(f"roles: {roles}" + (f"; roles before: {told}" if told else ""))
    elif roles:
        say(f"primary: {outcome.primary or 'none'} (before: {outcome.home}); {roles}")
    for words, servers in (outcome.out_of_service_words() or {"out of service": ("none",)}).items():
        say(f"{words}: {', '.join(servers)}")
    for words, parts in outcome.wanting_words().items():
        say(f"{words}: {', '.join(parts)}")
    if len(outcome.standby) > 1:
        for role, there in outcome.standby.items():
            say(f"standby ready for {role}: {'yes' if there else 'NO'}")
    elif roles:
        say(f"standby ready: {'yes' if outcome.backup_in_service else 'NO'}")
    if outcome.suspended:
        say(f"suspended: {', '.join(outcome.suspended)}")
    for reason in outcome.reasons:
        say(f"reason: {reason}")
    for begun in outcome.takeovers:
        say(f"takeover of {begun.role} as modelled: {begun.words()}")
    say()
    frame = _ways(outcome)
    few = frame[frame["client"].isin([state.client for state in outcome.clients[:20]])]
    print_table(few.assign(client=few["client"].map(outcome.names.client)), "Routes of the clients", whole=frame)
    if len(outcome.clients) > 20:
        say(f"... and {len(outcome.clients) - 20} more clients")
    if outcome.site_routes:
        ways = {name: ways_words(used, "", " > ") for name, used in outcome.site_routes.items()}
        print_table(pd.DataFrame({"traffic": ways.keys(), "route": ways.values()}), "\nRoutes of the flows of the site")
    up = pd.DataFrame([{"service": k.replace("_", " "), "up": v} for k, v in outcome.services.items()])
    print_table(up, "\nServices")
    say_full_service(study.site)
    units = {i.unit for i in outcome.loads}
    print_table(
        pd.DataFrame(
            [
                {
                    "element": i.element,
                    **loads_in(i.unit, {"load_mb_s": i.load_mb_s, "capacity_mb_s": i.capacity_mb_s}, beside=units),
                    "state": "OVERLOADED" if i.state == "overloaded" else i.state,
                }
                for i in outcome.loads
            ]
        ),
        "\nLoad",
    )
    return 0


def _ways(outcome: FailoverOutcome) -> pd.DataFrame:
    """A row for each client with its ways; one for each of its routes where a flow uses several."""
    import pandas as pd

    from k2rel.policy.words import part_words, way_words

    def way(state: ClientState, route: UsedRoute) -> str:
        return way_words(route, lambda part: part == state.client, " > ")

    if all(len(used) < 2 for state in outcome.clients for used in state.routes.values()):
        rows = [
            {"client": s.client, **{name: way(s, used[0]) if used else "DOWN" for name, used in s.routes.items()}}
            for s in outcome.clients
        ]
        return pd.DataFrame(rows)
    rows = [
        {
            "client": state.client,
            "traffic": name,
            "side": route.side,
            "share_of_its_demand": part_words(used, route) or "all",
            "route": way(state, route),
        }
        if route is not None
        else {"client": state.client, "traffic": name, "side": "–", "share_of_its_demand": "–", "route": "DOWN"}
        for state in outcome.clients
        for name, used in state.routes.items()
        for route in used or (None,)
    ]
    return pd.DataFrame(rows)


def load_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    primary_option(sub)
    organisation_options(sub)
    format_option(sub)


def load_verb(args: argparse.Namespace) -> int:
    from k2rel.measures.load import load
    from k2rel.policy.words import on_sides_words

    solution = solution_for(args)
    result, site = load(solution), solution.study.site
    if args.format == "json":
        print_json(result.to_json())
        return 0
    heading(solution.study, result.provenance)
    frame = result.side_table()
    print_table(frame.head(12), f"{on_sides_words(site)} (most probable state first)", whole=frame)
    if len(frame) > 12:
        say(f"... {len(frame) - 12} more, with a probability of {frame['probability'].iloc[12:].sum():.2e} in total")
    print_table(result.table(), "\nLoad on each element")
    over = f"P(any overload caused by the foreground) = {result.p_any_overload:.6g}"
    if limits := result.p_any_overload_limits:
        met = result.p_any_overload > 0
        over = f"{over} ({limits[0]:.3g} to {limits[1]:.3g})" if met else "No overload was observed"
    shares = [f" in {unit} = {share:.9f}" for unit, share in result.fractions]
    say(f"\n{over}; delivered fraction{','.join(shares) or f' = {result.delivered_fraction:.9f}'}")
    if result.left_out_words:
        say(f"{result.left_out_words}.")
    yields = site.background
    if yields:
        say(f"Both exclude the background traffic ({', '.join(yields)}), which yields; loads above are of all traffic.")
    if result.delivered:
        units = {item.unit for item in result.delivered}
        rows = [_arriving(item, item.traffic in yields, units) for item in result.delivered]
        print_rows(rows, "\nDelivered bandwidth, mean over time")
    return 0


def _arriving(item: Delivered, yields: bool, units: set[str]) -> dict[str, object]:
    share = item.delivered_mb_s / item.demand_mb_s if item.demand_mb_s > 0 else 1.0
    return {
        "traffic": item.traffic,
        **loads_in(item.unit, {"demand_mb_s": item.demand_mb_s, "delivered_mb_s": item.delivered_mb_s}, beside=units),
        "delivered_fraction": f"{100 * share:.6g} %",
        "under_overload": "what the foreground leaves" if yields else "equal share of the capacity",
    }
