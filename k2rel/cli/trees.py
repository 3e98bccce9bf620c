"""Verbs about fault trees: solve a model file, write a level as one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from k2rel.cli.inputs import (
    Several,
    force_option,
    format_option,
    organisation_of,
    organisation_options,
    points_option,
    study_of,
    study_options,
)
from k2rel.cli.printing import main_rows, print_json, print_table, put, say, tell, written
from k2rel.columns import counted
from k2rel.errors import InputError
from k2rel.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from k2rel.faulttrees.solve import TopAnswer
    from k2rel.studies import Study

__all__: list[str] = []


def solve_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "model", metavar="MODEL.xml", nargs="+", action=Several, help="the file, or the files of one model"
    )
    sub.add_argument("--top", metavar="NAME", help="solve this top event only")
    sub.add_argument(
        "--cut-sets", type=int, nargs="?", const=10, metavar="N", help="count minimal cut sets and list N (default 10)"
    )
    sub.add_argument("--order", type=int, metavar="K", help="cut sets up to this order only")
    sub.add_argument("--importance", action="store_true", help="importance of every event")
    sub.add_argument("--samples", type=int, default=0, metavar="N", help="sample the model's uncertain values N times")
    points_option(sub, "how (default lhs)")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the samples (default 1)")
    sub.add_argument(
        "--mission-time", type=float, default=HOURS_PER_YEAR, metavar="HOURS", help="system mission time (default 8760)"
    )
    sub.add_argument(
        "--nodes",
        type=int,
        metavar="N",
        help="bound on the nodes in work (default 16 million, 3.2 GB at most; 2 million with --bounds)",
    )
    sub.add_argument(
        "--bounds",
        type=float,
        nargs="?",
        const=60.0,
        metavar="SECONDS",
        help="time spent on bounds where the exact value exceeds the node limit (default 60 s)",
    )
    format_option(sub)


def solve_verb(args: argparse.Namespace) -> int:
    from k2rel.faulttrees import read_fault_trees
    from k2rel.faulttrees.solve import solve

    trees = read_fault_trees(*args.model, mission_time_h=args.mission_time)
    answer = solve(
        trees,
        top=args.top,
        cut_sets=args.cut_sets,
        order=args.order,
        importance=args.importance,
        samples=args.samples,
        seed=args.seed,
        points=args.points,
        most_nodes=args.nodes,
        bounds=args.bounds,
    )
    if args.format == "json":
        print_json(answer.to_json())
        return 0
    events = f"{counted(len(trees.events), 'basic event')}, {counted(len(answer.tops), 'top event')}"
    say(f"{answer.model}: {events}; {answer.method}")
    for note in answer.notes:
        say(f"note: {note}")
    main_rows([{key: value for key, value in top.items() if not isinstance(value, dict | list)}
               for top in answer.to_json()["tops"]])  # fmt: skip
    for top in answer.tops:
        _print_top(top)
    return 0


def _print_top(top: TopAnswer) -> None:
    import pandas as pd

    say(f"\n{top.top}")
    if top.probability is not None:
        say(f"  probability            {top.probability:.12g}")
    if top.bounds is not None:
        say(f"  bounds                 {top.bounds[0]:.12g} to {top.bounds[1]:.12g}")
        return
    if top.without:
        more = f" and {len(top.without) - 3:,} more" if len(top.without) > 3 else ""
        say(f"  probability            not known: the model gives none for {', '.join(top.without[:3])}{more}")
    limit = "" if top.order is None else f" up to order {top.order}"
    for text, value in (("sum of all cut sets", top.rare_event), ("min-cut upper bound", top.mcub)):
        if not top.without:
            say(f"  {text:21}  " + (f"{value:.12g}" if value is not None else "not computed: too many"))
    if limit and top.order_sum is not None:
        say(f"  {'sum' + limit:21}  {top.order_sum:.12g}")
    say(f"  diagram                {top.nodes:,} nodes in {top.modules:,} modules")
    if top.by_order is not None:
        frame = pd.DataFrame({"order": list(top.by_order), "sets": [f"{n:,}" for n in top.by_order.values()]})
        print_table(frame, f"\nMinimal cut sets{limit}: {sum(top.by_order.values()):,}")
    if top.listing is not None:
        rows = zip(top.listing.sets, top.listing.probabilities, strict=True)
        frame = pd.DataFrame([{"cut_set": " + ".join(s) or "(nothing)", "probability": p} for s, p in rows])
        shortest = top.order is not None or top.without
        title = f"\n{'Lowest order first' if shortest else 'Most probable first'}"
        print_table(frame.drop(columns="probability") if top.without and len(frame) else frame, title)
        left = top.listing
        if left.left_out:
            sums = "" if top.without else f", their probabilities add up to {left.left_out_probability:.3g}"
            say(f"... {left.left_out:,} not listed{sums}")
        if top.order is not None and top.rare_event is None and not top.without:
            say(f"Sets above order {top.order} are neither counted nor in the sum, since there are too many in total.")
    if top.importance is not None:
        print_table(top.importance_table().head(25), "\nImportance (all: --format json)")
    if top.uncertainty is not None:
        u = top.uncertainty
        say(f"\nUncertainty: {u.samples:,} samples ({u.method}, seed {u.seed})\n")
        say(f"  mean {u.mean:.6g} (90 % interval {u.mean_low:.6g} to {u.mean_high:.6g})")
        say(f"  standard deviation {u.deviation:.6g}")
        say("  quantiles " + ", ".join(f"{100 * q:g} % {value:.6g}" for q, value in u.quantiles.items()))


def export_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument(
        "--format",
        choices=["openpsa", "prism", "graphml", "dot"],
        default="openpsa",
        help="Open-PSA fault trees; a Markov chain; the parts and what joins them, for networkx, yEd and Gephi, or for "
        "Graphviz",
    )
    sub.add_argument("--output", metavar="FILE", help="a file instead of the terminal; of a chain, without ending")
    sub.add_argument("--no-clients", action="store_true", help="graphml, dot: leave the clients out")
    force_option(sub)
    organisation_options(sub, method=False)
    sub.set_defaults(tolerance=1e-6)


def export_verb(args: argparse.Namespace) -> int:
    study = study_of(args)
    if args.no_clients and args.format not in ("graphml", "dot"):
        raise InputError(f"--no-clients goes with --format graphml and dot, not with {args.format}")
    if args.format == "prism":
        return _prism(args, study)
    text = _graph(args, study) if args.format in ("graphml", "dot") else _fault_trees(study)
    if args.output is None:
        put(text)
        return 0
    written(args.output, text, args.force)
    put(f"{Path(args.output)}\n")
    return 0


def _graph(args: argparse.Namespace, study: Study) -> str:
    from k2rel.measures.graphs import graphml_of
    from k2rel.plots.dot import dot_of

    return (graphml_of if args.format == "graphml" else dot_of)(study, clients=not args.no_clients)


def _fault_trees(study: Study) -> str:
    from k2rel.measures.exchange import fault_trees_of

    text, notes = fault_trees_of(study)
    for said in notes:
        tell(f"note: {said}")
    return text


def _prism(args: argparse.Namespace, study: Study) -> int:
    from k2rel.ctmc.files import write_chain
    from k2rel.measures.exchange import labelled_chain_of, prism_of
    from k2rel.measures.tested import mean_values

    if said := mean_values(study, chain=True):
        tell(f"note: {said}")
    if args.output is None:
        raise InputError("export --format prism writes several files: say where with --output STEM")
    organisation = organisation_of(args, study)
    assert organisation is not None  # there is a tolerance in any case
    model = labelled_chain_of(study, organisation)
    for path in write_chain(model, args.output, others={".prism": prism_of(study, model)}, force=args.force):
        put(f"{path}\n")
    return 0
