"""The Aralia fault trees beside SCRAM; they are not part of k2rel: `--aralia FOLDER`, with their reference.csv."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from measured import Clock, Result, Row, Run, Section, seconds

from k2rel.errors import ModelTooLargeError
from k2rel.faulttrees import read_fault_trees
from k2rel.logic.bounds import probability_bounds
from k2rel.logic.cutsets import minimal_cut_sets
from k2rel.logic.function import FunctionDiagram, compile_function

PAGE = "performance/exact.md"
START_UP_S = 0.04
"""Of SCRAM, in the seconds of reference.csv."""
HARD = ("das9701", "nus9601")
WHY_NOT = "" if os.environ.get("K2REL_ARALIA") else "name the folder of the Aralia trees with --aralia"


def folder() -> Path:
    """Where the trees are."""
    return Path(os.environ.get("K2REL_ARALIA", "."))


def reference() -> Mapping[str, Mapping[str, str]]:
    """What is known of each tree that can be solved."""
    with (folder() / "reference.csv").open(encoding="utf-8") as stream:
        return {row["model"]: row for row in csv.DictReader(stream) if row["model"] not in HARD}


def solved(name: str) -> tuple[FunctionDiagram, float]:
    """Read, compile, evaluate."""
    trees = read_fault_trees(folder() / f"{name}.xml")
    d = compile_function(trees.structure, next(iter(trees.tops.values())))
    place = {event: i for i, event in enumerate(trees.events)}
    return d, float(d.probability(trees.probability[[place[event] for event in d.variables]]))


def whole_set() -> Run:
    """All trees, each a step."""
    known = reference()

    def run(clock: Clock) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, row in known.items():
            with clock.step(name):
                d, value = solved(name)
            exact = row["top_probability"]
            off = abs(value / float(exact) - 1) if exact else None
            found[name] = {"value": value, "nodes": d.nodes, "off": off, "scram": float(row["reference_tool_cpu_s"])}
        return found

    return run


def beside(results: Sequence[Result]) -> tuple[list[str], list[list[object]]]:
    """A line for each tree."""
    (result,) = results
    heads = [
        "model",
        "top probability",
        "relative difference",
        "nodes",
        "k2rel [CPU s]",
        "from – to",
        "SCRAM without start-up [CPU s]",
        "k2rel / SCRAM",
    ]
    rows: list[list[object]] = []
    for name, (spread, _) in result.steps.items():
        one = result.facts[name]
        theirs = max(one["scram"] - START_UP_S, 0.0)
        off = "kept back" if one["off"] is None else f"{one['off']:.0e}"
        rows.append([
            name, f"{one['value']:.12g}", off, one["nodes"], seconds(spread.median),
            f"{seconds(spread.low)} – {seconds(spread.high)}", seconds(theirs),
            f"{spread.median / theirs:.2f}" if theirs > 0 else "",
        ])  # fmt: skip
    return heads, rows


def together(results: Sequence[Result]) -> str:
    """The whole set."""
    (result,) = results
    theirs = sum(max(one["scram"] - START_UP_S, 0.0) for one in result.facts.values())
    worst = max(one["off"] or 0.0 for one in result.facts.values())
    ours = result.processor
    return (
        f"Whole set, {len(result.facts)} trees: {ours.median:.2f} CPU s ({ours.low:.2f} to {ours.high:.2f}, "
        f"{result.runs} runs) against {theirs:.2f} CPU s of SCRAM 0.16.2 without its start-up of {START_UP_S:g} s "
        f"(ratio {ours.median / theirs:.2f}); its seconds are those of reference.csv, in hundredths, measured on "
        f"another machine of this class and not scaled. Largest relative difference of a probability: {worst:.0e}. "
        f"Peak memory {result.memory_mb:,.0f} MB."
    )


def cut_sets() -> Run:
    """Count the minimal cut sets of all trees, and take all derivatives of their probabilities."""
    known = reference()
    diagrams = {name: solved(name)[0] for name in known}

    def run(clock: Clock) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, d in diagrams.items():
            with clock.step(f"{name} sets"):
                found[name] = count = minimal_cut_sets(d).count
            with clock.step(f"{name} derivatives"):
                d.derivatives(np.full(len(d.variables), 0.01))
            if (told := known[name]["minimal_cut_sets"]) and int(told) != count:
                raise SystemExit(f"{name}: {count} cut sets, the reference has {told}")
        return found

    return run


def counted(results: Sequence[Result]) -> tuple[list[str], list[list[object]]]:
    """A line for each tree."""
    (result,) = results
    rows: list[list[object]] = [
        [name, count, *(seconds(result.steps[f"{name} {what}"][0].median) for what in ("sets", "derivatives"))]
        for name, count in result.facts.items()
    ]
    return ["model", "minimal cut sets", "counted in [CPU s]", "all derivatives [CPU s]"], rows


def hard(name: str) -> Run:
    """A tree that may not fit: its exact value, or that it does not fit; and proven bounds of a minute."""
    solved("chinese")
    probability_bounds_of("chinese", 1)

    def run(clock: Clock) -> dict[str, object]:
        with clock.step("exact"):
            try:
                d, value = solved(name)
                text = f"{value:.12g}, {d.nodes:,} nodes"
            except ModelTooLargeError as error:
                text = str(error)
        with clock.step("bounds"):
            low, high = probability_bounds_of(name, 60)
        middle = (low + high) / 2
        return {
            "exactly": text,
            "at least": f"{low:.6g}",
            "at most": f"{high:.6g}",
            "width": f"{(high - low) / middle:.2%}",
        }

    return run


def probability_bounds_of(name: str, most_seconds: float) -> tuple[float, float]:
    """Bounds of the top event."""
    trees = read_fault_trees(folder() / f"{name}.xml")
    known = dict(zip(trees.events, trees.probability.tolist(), strict=True))
    found = probability_bounds(trees.structure, next(iter(trees.tops.values())), known, seconds=most_seconds)
    return found.low, found.high


SECTIONS = [
    Section(
        "aralia",
        PAGE,
        "Aralia fault trees: read, compile, evaluate",
        [Row("aralia/set", whole_set)],
        table=beside,
        after=together,
        why_not=WHY_NOT,
    ),
    Section(
        "aralia-sets",
        PAGE,
        "Aralia fault trees: cut sets and derivatives",
        [Row("aralia/cut sets", cut_sets, times=3)],
        table=counted,
        why_not=WHY_NOT,
    ),
    Section(
        "hard",
        PAGE,
        "The two hardest Aralia trees",
        [Row(f"aralia/{name}", partial(hard, name), {"model": name}, times=1, warm=False) for name in HARD],
        "Width: distance of the proven bounds, relative to their midpoint.",
        why_not=WHY_NOT,
    ),
]
