"""Writes docs/validation.md: ``python -m validation.page [--models FOLDER]``.

The folder holds chinese.xml and chinese-basic-events.xml of SCRAM's repository, which is not ours to ship; without it
the rows of that case stay as they stand on the page.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import k2rel
from k2rel.bundled import level_names
from validation.engines import HISTORIES, SEED, Agreement, agreements
from validation.published import CASES, SCRAM, Case, Check, v24
from validation.sure import Drawn, draws_of_a_pair, extremes_of_coverage, made_anew, quantiles_under_a_beta_prior

PAGE = Path(__file__).parents[1] / "docs" / "validation.md"
_KEPT = "### V24 "
READINGS = {"preferred": "ideal", "sticky": "as modelled"}

INTRODUCTION = """# Validation

This page compares what k2rel computes with published cases, with independent calculations, and its engines with each
other. `make validation` writes it by running the code; the tests compute it again and fail if a number has changed.

Expected values are copied from their source. *of it* marks a relative difference, with a relative tolerance; a check
passes if the difference is within the tolerance. Cases V.. and N.. are numbers published by others.
"""

ASSUMPTIONS = """## Assumptions of the engines

| | exact | Markov | simulation |
|---|---|---|---|
| parts | independent of each other | wait for crews, depend on roles | any |
| time to failure | any with a constant long-run rate | exponential | any distribution, ageing kept over repairs |
| repair time | any with that mean | exponential, or phases with the same variation | any distribution |
| roles | at the preferred side whenever it is healthy | stay where a takeover put them, or preferred | both |
| takeovers | instant and certain | take time, and fail with 1 - coverage | the same |
| hidden failures | detected by tests on their own days | the same; in large chains corrected, with a bound | the same |
| common causes | declared groups, A/B twins | the same | the same, and events that hit several parts |
| RAID sets | a chain of their own | two states with the same unavailability and frequency | the same |
| accuracy | rounding only | a bound of what was left out | a confidence interval |

Failure rates without a published source are priors; every report lists them, and `k2rel rates list` shows them all.
Assumptions about the levels themselves, each with its reason, are in the site files and in every report:
"""


def cell(value: float) -> str:
    """A number as the page shows it: six digits."""
    return f"{value:.6g}"


def difference(check: Check) -> str:
    """The difference, and whether it is relative."""
    if check.difference == 0:
        return "0"
    return f"{check.difference:+.1e}" + (" of it" if check.relative else "")


def rows_of(checks: Sequence[Check]) -> list[str]:
    """Rows of the table of one case."""
    lines = ["| | expected | obtained | difference | tolerance | |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {one.what} | {one.expected:.10g} | {one.obtained:.10g} | {difference(one)} | {one.tolerance:.2g} | "
        f"{'passed' if one.passed else '**FAILED**'} |"
        for one in checks
    ]
    return lines


def section(case: Case, checks: Sequence[Check]) -> list[str]:
    """One published case."""
    source = f"{case.source}; <{case.url}>" if case.url.startswith("http") and " " not in case.url else case.source
    if case.url and " " in case.url:
        source = f"{case.source}; {case.url}"
    return [f"### {case.id} {case.title}", "", f"Source: {source}.", "", *rows_of(checks), ""]


def published(models: Path | None, before: str) -> tuple[list[str], list[tuple[str, Sequence[Check]]]]:
    """Sections of all published cases, and their checks."""
    lines: list[str] = []
    done: list[tuple[str, Sequence[Check]]] = []
    for case in CASES:
        checks = list(case.checks())
        done.append((f"{case.id} {case.title}", checks))
        lines += section(case, checks)
        if case.id != "V23":
            continue
        if models is not None:
            tree = Case("V24", "A tree of 25 events, each 0.02", "published by SCRAM", SCRAM, lambda: v24(models))
            checks = list(tree.checks())
            lines += section(tree, checks)
            lines += ["The model is not shipped; `make validation MODELS=FOLDER` runs the case with a copy of it.", ""]
        elif _KEPT in before:
            start = before.index(_KEPT)
            kept = before[start : before.index("\n### ", start)].rstrip("\n")
            lines += [*kept.split("\n"), ""]
    return lines, done


def crossed(found: Sequence[Agreement]) -> list[str]:
    """The table of the three engines."""
    lines = [
        "## Comparison of the three engines",
        "",
        "Downtime [min/year] of each level as shipped. The exact engine has ideal takeovers only (roles at the "
        f"preferred side); the simulation ran {HISTORIES:,} histories of ten years, seed {SEED}. Deviations are the "
        "differences between simulation and Markov chain in standard errors; by chance one comparison in twenty "
        "exceeds two.",
        "",
        "| level | service | takeovers | exact | Markov | simulation (95 % interval) | deviations |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        exact = "" if one.exact is None else cell(one.exact)
        simulated = f"{one.simulated:.4g} ({one.low:.4g} to {one.high:.4g})"
        lines.append(
            f"| {one.level} | {one.service} | {READINGS[one.roles]} | {exact} | {cell(one.markov)} | {simulated} | "
            f"{one.deviations:+.2f} |"
        )
    worst = max(abs(one.deviations) for one in found)
    exact_worst = max(abs(one.markov / one.exact - 1) for one in found if one.exact)
    return [
        *lines, "",
        f"Largest difference between exact engine and Markov chain: {exact_worst:.1e} of the downtime (states "
        f"left out); largest deviation of the simulation: {worst:.2f}.",
        "",
    ]  # fmt: skip


def how_sure() -> tuple[list[str], list[Check]]:
    """What the draws of all inputs are checked against, and the checks."""
    cases = (
        (
            "A pair, every draw by an independent chain",
            "Two boxes share a role; MTTF, MTTR, switchover time, coverage and time to operator action have limits. "
            "Expected: an independent chain in numpy (validation/sure.py); the tests compare all 200 draws.",
            draws_of_a_pair,
        ),
        (
            "The same pair, coverage Beta(9, 1.3), other inputs fixed",
            "Expected: the chain at the quantiles of the distribution, since downtime falls as coverage rises, and at "
            "its mean; 4,000 draws.",
            quantiles_under_a_beta_prior,
        ),
        (
            "Level 2R of data 0.1, other coverages",
            "Media [min/year]. Expected: answers of changed site files, to the digits shown, computed before sampling "
            "was introduced.",
            extremes_of_coverage,
        ),
    )
    lines = ["## Uncertainty: all inputs drawn", ""]
    done: list[Check] = []
    for title, source, checks in cases:
        found = list(checks())
        done += found
        lines += [f"### {title}", "", source, "", *rows_of(found), ""]
    return lines, done


def anew(found: Sequence[Drawn]) -> list[str]:
    """The table of draws made anew."""
    lines = [
        "### Draws of the levels, each solved again",
        "",
        "A hundred draws of all inputs, evaluated on one chain; each is also solved as a site of its own with these "
        "inputs and a finer chain. RMS is the root mean square of the differences of the unavailability; the limit is "
        "2 % of the standard deviation of the draws.",
        "",
        "On Level 3R with 20 clients most draws cannot carry their clients, and the standard deviation of full service "
        "comes from these draws. Draws that can carry them use the loads of one draw of their kind; in these hundred "
        "the effect is at most 24 min/year in a single draw.",
        "",
        "| level, service | clients | standard deviation [min/year] | RMS [% of it] | |",
        "|---|---|---|---|---|",
    ]
    for one in found:
        share = 100 * one.rms / one.deviation if one.deviation else 0.0
        verdict = "passed" if share <= 2 else "**FAILED**"
        lines.append(f"| {one.level}, {one.service} | {one.clients} | {one.deviation:.4g} | {share:.1e} | {verdict} |")
    return [*lines, ""]


def assumed() -> list[str]:
    """Number of assumptions of each level, and the defaults of the organisation."""
    head = "| level | assumptions | types with failure data | of these without a source |"
    lines = [ASSUMPTIONS.rstrip("\n"), "", head, "|---|---|---|---|"]
    for level in level_names():
        study = k2rel.study(level)
        rates = k2rel.rates_used(study)
        lines.append(f"| {level} | {len(study.site.assumptions)} | {len(rates)} | {int(rates['assumed'].sum())} |")
    lines += [
        "",
        "Defaults of the organisation: takeovers as modelled, as many technicians as needed, and one hour to operator "
        "action, for servers out of service and for failed takeovers.",
        "",
    ]
    return lines


def text(models: Path | None = None, before: str = "") -> str:
    """The whole page."""
    lines, done = published(models, before)
    found = agreements(HISTORIES)
    sure, sure_checks = how_sure()
    checks = [check for _, some in done for check in some]
    failed = sum(not check.passed for check in [*checks, *sure_checks])
    verdict = f"**{failed} are outside their tolerance**" if failed else "all are within their tolerance"
    summary = (
        f"{len(done)} published cases with {len(checks)} numbers, and {len(sure_checks)} of draws: {verdict}. "
        "One more case needs a model that is not shipped."
    )
    head = [INTRODUCTION.rstrip("\n"), "", summary, "", "## Published cases", ""]
    return "\n".join([*head, *lines, *crossed(found), *sure, *anew(made_anew()), *assumed()]).rstrip("\n") + "\n"


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description="write docs/validation.md")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="folder with chinese.xml of SCRAM's repository")
    args = parser.parse_args()
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    page = text(args.models, before)
    PAGE.write_text(page, encoding="utf-8")
    failed = page.count("**FAILED**")
    print(f"{PAGE}: {page.count('| passed |')} numbers passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
