"""The verb that says how sure figures are: all inputs within their limits, what matters, and what turns a verdict."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from k2rel.cli.inputs import (
    format_option,
    organisation_options,
    points_option,
    solution_for,
    study_options,
    sure_of,
    sure_option,
)
from k2rel.cli.printing import finite, heading, print_json, print_table, records, say
from k2rel.doing import doing

__all__: list[str] = []

_MOST = 12  # rows of what matters
_INPUTS = ["about", "value", "low", "high", "unit", "distribution", "point", "evidence"]


def uncertainty_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument("--service", action="append", metavar="NAME", help="a service; repeatable")
    sub.add_argument("--samples", type=int, default=2000, metavar="N", help="number of samples (default 2,000)")
    points_option(sub, "kind of points (default lhs)")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the samples (default 1)")
    sub.add_argument(
        "--by",
        choices=["input", "kind", "entry", "source", "evidence"],
        default="input",
        help="grouping of the variance (default input)",
    )
    sub.add_argument(
        "--target", metavar="PERCENT", help="required availability; adds P(target met) and the break-even inputs"
    )
    sure_option(sub)
    sub.add_argument("--inputs", action="store_true", help="also list every input with its limits and source")
    organisation_options(sub)
    format_option(sub)


def uncertainty_verb(args: argparse.Namespace) -> int:
    from k2rel.design.targets import allowed_min_per_year, checked_target, judge
    from k2rel.measures.uncertainty import uncertainty
    from k2rel.measures.what_matters import break_even, sensitivity, swing
    from k2rel.policy.failover import principal_traffic

    percent, sure = None if args.target is None else checked_target(args.target), sure_of(args)
    solution = solution_for(args)
    services = args.service or [principal_traffic(solution.study.site)]
    with doing(f"drawing {args.samples:,} samples"):
        result = uncertainty(solution, services, samples=args.samples, seed=args.seed, points=args.points)
    first = services[0]
    with doing("moving each input to its limits"):
        alone = swing(solution, first)
    with doing("computing the causes of the spread"):
        shares = sensitivity(solution, first, by=args.by, seed=args.seed)
    judged = turns = None
    if percent is not None:
        with doing("finding the inputs that change the verdict"):
            judged = judge(solution, {first: percent}, drawn=result, sure=sure)[0]
            turns = break_even(solution, first, allowed_min_per_year(percent))
    if args.format == "json":
        answer = result.to_json() | {"service": first, "swing": records(alone), "sensitivity": records(shares)}
        if judged is not None and turns is not None:
            answer |= {"target": finite(asdict(judged)), "break_even": records(turns)}
        print_json(answer)
        return 0
    heading(solution.study, solution.provenance)
    how = f"{result.samples:,} samples ({result.points}, seed {result.seed})"
    title = f"Downtime with all {len(result.inputs)} inputs within their limits: {how}"
    table = result.table()
    print_table(table.drop(columns=["mean_low_min_per_year", "mean_high_min_per_year"]), title, whole=table)
    say(f"\n{result.load_words()}")
    if judged is not None and turns is not None:
        say(f"\n{judged.words()}\n", judged.verdict)
        if len(turns):
            print_table(turns.drop(columns="kind"), "Inputs that alone change the verdict")
        else:
            say("No input changes the verdict alone.")
    words = first.replace("_", " ")
    title = f"\nSensitivity of {words} by {args.by} (Sobol' indices)"
    print_table(shares.drop(columns="inputs").head(_MOST), title)
    title = f"\nDowntime of {words} with one input at a time at its limits"
    print_table(alone.drop(columns="kind").head(_MOST), title)
    if args.inputs:
        print_table(result.inputs_table()[_INPUTS], "\nInputs with their limits and evidence")
    return 0
