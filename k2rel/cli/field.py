"""Verbs about field data: fits to a log, and what a site's own log changes."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.arguments import as_whole
from k2rel.cli.inputs import data_option, force_option, format_option, study_of, study_options
from k2rel.cli.printing import PICTURES, finite, main_rows, print_json, print_table, put, records, say, writing, written
from k2rel.columns import counted
from k2rel.doing import doing
from k2rel.errors import InputError, Problem
from k2rel.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from k2rel.field import FieldData, Fit, GoodnessOfFit, Trend
    from k2rel.measures.updating import Updated
    from k2rel.rates import RateRow
    from k2rel.studies import Study

__all__: list[str] = []

_REJECTED = 0.01
_MOST_SAMPLES = 100_000


def fit_options(sub: argparse.ArgumentParser) -> None:
    text = "field log: lives, intervals, failures and hours, or a row per drive and day (or a folder)"
    sub.add_argument("log", metavar="FIELD.csv", help=text)
    sub.add_argument("--by", metavar="COLUMN", help="group the data by this column (default: model, type, component)")
    sub.add_argument(
        "--column", action="append", default=[], metavar="PART=NAME", help="name of the column of a quantity: end=NAME"
    )
    _decimal_option(sub)
    sub.add_argument("--from", dest="begin", metavar="DATE", help="begin of the observation of all rows")
    sub.add_argument("--until", metavar="DATE", help="end of the observation; rows without an end are censored then")
    laws = "exponential, weibull, weibull3, lognormal or gamma; repeatable"
    sub.add_argument("--law", action="append", metavar="LAW", help=laws)
    sub.add_argument("--confidence", type=float, default=0.9, metavar="P", help="of the limits (default 0.9)")
    sub.add_argument("--samples", type=int, default=100, metavar="N", help="for the p-values (default 100; 0: none)")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of these samples (default 1)")
    sub.add_argument("--picture", metavar="FILE", help="probability plot of the best failure laws, .svg, .png or .pdf")
    sub.add_argument("--output", metavar="FILE", help="write entries for --rates into this CSV table")
    sub.add_argument("--type", metavar="TYPE", help="component type that takes the entry by default")
    data_option(sub)
    force_option(sub)
    format_option(sub)


def _decimal_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--decimal", choices=["point", "comma"], help="decimal separator; default: each column decides")


def update_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    sub.add_argument("--log", metavar="LOG.csv", help="columns type, failures, hours; site if there are several")
    sub.add_argument("--takeovers", metavar="FILE", help="columns role, tried, succeeded; trigger: what failed")
    sub.add_argument("--repairs", metavar="FILE", help="columns type, time: one line per repair")
    sub.add_argument("--operators", metavar="FILE", help="columns action, time: manual takeover, return to service")
    _decimal_option(sub)
    sub.add_argument(
        "--prior", choices=["lognormal", "gamma"], default="lognormal", help="distribution that limits describe"
    )
    sub.add_argument("--site", metavar="NAME", help="the logged site that this one is (default: a new site)")
    sub.add_argument("--output", metavar="FILE", help="write the updated rates into this CSV table")
    sub.add_argument("--entries", metavar="FILE", help="write coverages and repair times as entries of a site file")
    force_option(sub)
    format_option(sub)


def fit_verb(args: argparse.Namespace) -> int:
    from k2rel.field import read_field

    columns = {}
    for text in args.column:
        part, sign, name = text.partition("=")
        if not sign or not name:
            raise InputError(f"--column {text[:60]}: write part=NAME, for example end=removed_on")
        columns[part.strip()] = name.strip()
    as_whole("--samples", args.samples, 0, _MOST_SAMPLES)
    data = read_field(args.log, by=args.by, columns=columns, decimal=args.decimal, begin=args.begin, until=args.until)
    if data.layout == "counts" and (args.begin or args.until):
        raise InputError("--from, --until: the log has failures and hours, but no start and end times")
    return _fit_counts(args, data) if data.exposures else _fit_lives(args, data)


def _about(data: FieldData) -> None:
    say(data.words())
    if data.unused:
        say(f"  columns not used: {', '.join(data.unused)}")
    for note in data.notes:
        say(f"  {note}")
    say()


def _read(data: FieldData) -> dict[str, Any]:
    """What was read, as JSON has it."""
    return {
        "file": data.file, "layout": data.layout, "rows": data.rows, "hours": data.hours, "units": dict(data.units),
        "ages": data.ages, "unused": list(data.unused), "notes": list(data.notes),
    }  # fmt: skip


def _fit_counts(args: argparse.Namespace, data: FieldData) -> int:
    from k2rel.field import Exposure, pool, rate_of_counts, table_of

    if args.picture:
        raise InputError("--picture: a probability plot needs lives, but the log has only failures and hours")
    if args.law and set(args.law) != {"exponential"}:
        if data.layout == "days":
            words = "the ages of the drives are needed; where a column has hours powered on, --column entry=NAME"
            raise InputError(f"--law {args.law[0]}: {words}")
        raise InputError(
            f"--law {args.law[0]}: failures and hours determine a constant rate only; other failure laws need lives"
        )
    fits = [rate_of_counts(exposure, args.confidence) for exposure in data.exposures]
    total = Exposure("all together", sum(e.failures for e in data.exposures), sum(e.hours for e in data.exposures))
    whole = rate_of_counts(total, args.confidence)
    several = len(fits) > 1
    between = pool(data.exposures) if several and total.failures > 0 else None
    rows, left_out = _entries(args, fits, whole if several else None, between.new_site if between else None)
    if args.output:
        _write_entries(args, rows, left_out)
    if args.format == "json":
        pooled = None
        if between is not None:
            new = between.new_site
            pooled = {"mean_per_h": new.mean, "low_per_h": new.low, "high_per_h": new.high,
                      "variation": between.variation}  # fmt: skip
        print_json({**_read(data), "fits": [_safe(f) for f in (*fits, *([whole] if several else []))],
                    "between": pooled})  # fmt: skip
        return 0
    _about(data)
    frame = table_of([*fits, *([whole] if several else [])])
    frame["annual_failure_rate"] = [-math.expm1(-rate * HOURS_PER_YEAR) for rate in frame["failure_rate_per_h"]]
    shown = frame[["name", "failures", "hours", "failure_rate_per_h", "low_per_h", "high_per_h", "annual_failure_rate"]]
    print_table(shown, whole=frame, index=False)
    for fit in fits:
        for note in fit.notes:
            say(f"\n{fit.name}: {note}")
    if between is not None:
        new = between.new_site
        say(
            f"\nThe rate varies between groups by a factor of {new.high / new.low:.3g} (5 to 95 %: {new.low:.3g} to "
            f"{new.high:.3g} /h, coefficient of variation {between.variation:.2g}), the limits for another group."
        )
    return 0


def _fit_lives(args: argparse.Namespace, data: FieldData) -> int:
    from k2rel.field import fits_and_reasons, table_of
    from k2rel.field.likelihood import LAWS

    laws = tuple(args.law) if args.law else tuple(LAWS)
    with doing("fitting failure laws"):
        tried = {lives.name: fits_and_reasons(lives, laws, args.confidence) for lives in data.lives}
    fits = {name: found for name, (found, _) in tried.items() if found}
    missing = {name: reasons for name, (_, reasons) in tried.items() if reasons}
    if not fits:
        raise InputError([Problem(text) for reasons in missing.values() for text in reasons.values()])
    with doing(f"testing failure laws against {args.samples:,} samples"):
        tests, untested = _tests(args, data, fits)
    trend = _trend(args, data)
    if args.picture:
        _picture(args, data, {name: found[0] for name, found in fits.items()})
    rows, left_out = _entries(args, [found[0] for found in fits.values()], None, None, tests)
    if args.output:
        _write_entries(args, rows, left_out)
    if args.format == "json":
        answer = _read(data)
        answer["fits"] = [_safe(fit) for found in fits.values() for fit in found]
        answer["missing"] = missing
        answer["best"] = {name: _best(found, tests)[0] for name, found in fits.items()}
        answer["not_for_rates"] = left_out
        answer["goodness_of_fit"] = [
            finite({"law": t.law, "distance": t.distance, "p_value": t.p_value, "method": t.method})
            for t in tests.values()
        ]
        if trend is not None:
            answer["trend"] = trend if isinstance(trend, str) else {
                "laplace": trend.laplace, "laplace_p": trend.laplace_p, "military": trend.military,
                "military_p": trend.military_p, "shape": trend.shape, "low": trend.shape_low, "high": trend.shape_high,
                "shape_mle": trend.shape_mle, "exponents": trend.exponents(), "words": trend.words(),
            }  # fmt: skip
        print_json(answer)
        return 0
    _about(data)
    main_rows(records(table_of([fit for found in fits.values() for fit in found])))
    for lives in data.lives:
        _print_group(lives.name, fits.get(lives.name, ()), missing.get(lives.name, {}), tests)
    if tests:
        methods = dict.fromkeys(test.method for test in tests.values())
        known = any(not math.isnan(test.p_value) for test in tests.values())
        say(f"p-values: {'; '.join(methods)}; below 0.05 a failure law is doubtful, below 0.01 it is rejected."
              if known else f"No p-values: {'; '.join(methods)}.")  # fmt: skip
    for reason in untested:
        say(f"No p-values: {reason}")
    for reason in left_out if not args.output else ():
        say(f"No entry for --rates: {reason}")
    if trend is not None:
        say(trend if isinstance(trend, str) else f"Repaired units: {trend.words()}; {trend.exponents()}.")
    return 0


def _tests(
    args: argparse.Namespace, data: FieldData, fits: dict[str, tuple[Fit, ...]]
) -> tuple[dict[str, GoodnessOfFit], list[str]]:
    """How well the distributions of a single group fit, and why this is not known."""
    from k2rel.field import goodness_of_fit

    if not args.samples or len(data.lives) != 1 or not data.lives[0].failures:
        return {}, []
    (lives,) = data.lives
    tests: dict[str, GoodnessOfFit] = {}
    reasons: dict[str, None] = {}
    for fit in fits[lives.name]:
        try:
            tests[fit.law] = goodness_of_fit(fit, lives, samples=args.samples, seed=args.seed)
        except InputError as error:
            reasons[f"{fit.law}: {error}"] = None
    return tests, list(reasons)


def _trend(args: argparse.Namespace, data: FieldData) -> Trend | str | None:
    from k2rel.field import trend_of

    if data.history is None:
        return None
    try:
        return trend_of(data.history, args.confidence)
    except InputError as error:
        return str(error)


def _best(found: tuple[Fit, ...], tests: dict[str, GoodnessOfFit]) -> tuple[str | None, str]:
    """The best distribution, and a sentence about it; none is best that was rejected at 1 %."""
    first = found[0]
    test = tests.get(first.law)
    if first.failures == 0:
        return None, "No failure was observed: only an upper limit of a constant rate can be given"
    if test is not None and test.p_value < _REJECTED:
        return (
            None,
            f"Smallest AIC: {first.law}, but it is rejected at 1 % (p = {test.p_value:.2g}); none of them fits",
        )
    if len(found) == 1:
        return first.law, f"Only the {first.law} distribution was fitted"
    if test is None or math.isnan(test.p_value):
        return first.law, f"Smallest AIC: {first.law}; goodness of fit not tested"
    return first.law, f"Best by Akaike's criterion: {first.law}"


def _print_group(name: str, found: tuple[Fit, ...], missing: dict[str, str], tests: dict[str, GoodnessOfFit]) -> None:
    from k2rel.field import table_of

    if found:
        say(f"{name}: {counted(found[0].failures, 'failure')} of {found[0].units:,} lives in {found[0].hours:,.6g} h\n")
        frame = table_of(found)
        shown = frame[["law", "words", "failure_rate_per_h", "low_per_h", "high_per_h", "mean_h", "b10_h", "aic"]]
        shown.loc[~shown["mean_h"].map(math.isfinite), ["failure_rate_per_h", "low_per_h", "high_per_h"]] = math.nan
        if tests:
            shown = shown.assign(
                distance=[tests[law].distance if law in tests else math.nan for law in frame["law"]],
                p_value=[tests[law].p_value if law in tests else math.nan for law in frame["law"]],
            )
        print_table(shown.set_index("law"))
        best = found[0]
        say(f"\n{_best(found, tests)[1]}. {100 * best.confidence:g} % limits ({best.limits}):")
        for key, parameter in best.parameters.items():
            say(f"  {key.replace('_', ' '):12} {parameter.value:.6g}  ({parameter.low:.4g} to {parameter.high:.4g})")
        for note in best.notes:
            say(f"  {note}")
    for law, reason in missing.items():
        say(f"  no {law} distribution: {reason.removeprefix(f'{name}: ')}")
    say()


def _safe(fit: Fit) -> dict[str, Any]:
    shown = fit.to_json()
    shown["estimates"] = {name: finite(estimate) for name, estimate in shown["estimates"].items()}
    return finite(shown)


def _entries(
    args: argparse.Namespace, fits: list[Fit], whole: Fit | None, new: Any,
    tests: dict[str, GoodnessOfFit] | None = None,
) -> tuple[list[RateRow], list[str]]:  # fmt: skip
    """Entries for the registry: each group, and all together with the spread between groups as limits.

    What cannot be an entry is left out, with the reason.
    """
    import re
    from dataclasses import replace

    source = f"fitted to {Path(args.log).name}"
    single = len(fits) == 1
    rows: list[RateRow] = []
    left_out: list[str] = []
    for number, fit in enumerate(fits, start=1):
        stem = re.sub(r"[^a-z0-9]+", "_", fit.name.lower()).strip("_") or f"group_{number}"
        name = f"field_{stem}" if not single else "field"
        name = name if all(row.id != name for row in rows) else f"{name}_{number}"
        try:
            row = fit.entry(name, [args.type] if args.type and single else (), source)
        except InputError as error:
            left_out.append(f"{fit.name}: {error}")
            continue
        test = (tests or {}).get(fit.law)
        if test is not None and test.p_value < _REJECTED:
            row = replace(row, notes=f"{row.notes}; the distribution is rejected at 1 % (p = {test.p_value:.2g})")
        rows.append(row)
    if whole is not None:
        row = whole.entry("field_all", [args.type] if args.type else (), source)
        if new is not None:
            row = replace(row, low_per_h=min(new.low, row.rate_per_h), high_per_h=max(new.high, row.rate_per_h),
                          notes=row.notes + "; limits: what lies between groups, not the error of the fit")  # fmt: skip
        rows.append(row)
    return rows, left_out


def _write_entries(args: argparse.Namespace, rows: list[RateRow], left_out: list[str]) -> None:
    """Write entries; restore times are those of the type's default, since a log of failures does not tell them."""
    from dataclasses import replace

    from k2rel.rates import registry, write_rates

    times: dict[str, float] = {"onsite": 2.0, "4h": 6.0, "nbd": 50.0}
    words, factor = "restore times are placeholders: 2, 6 and 50 h", None
    if args.type:
        like = registry(data=args.data).of_type(args.type)[0]
        times, words, factor = dict(like.mttr_h), f"restore times are those of '{like.id}'", like.mttr_factor
    written(
        args.output,
        write_rates([replace(row, mttr_h=times, mttr_factor=factor, notes=f"{row.notes}; {words}") for row in rows]),
        args.force,
    )
    if args.format != "json":
        say(f"{args.output}: {len(rows)} entries; {words}")
        for reason in left_out:
            say(f"  left out, since it cannot be an entry: {reason}")
        say()


def _picture(args: argparse.Namespace, data: FieldData, best: dict[str, Fit]) -> None:
    from matplotlib.figure import Figure

    from k2rel.field import curve_of
    from k2rel.plots.field import plot_probability

    path = Path(args.picture)
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"--picture {args.picture}: .svg, .png or .pdf")
    with_failures = [lives for lives in data.lives if lives.failures and lives.name in best]
    if not with_failures:
        raise InputError("--picture: no failure was observed, so there is nothing to draw")
    shown = with_failures[:6]
    figure = Figure(figsize=(7.2, 4.8 * len(shown)), layout="constrained")
    for number, lives in enumerate(shown, start=1):
        axes = figure.add_subplot(len(shown), 1, number)
        plot_probability(curve_of(lives, args.confidence), best[lives.name], axes)
    with writing(path) as temporary:
        figure.savefig(temporary)
    if args.format != "json":
        more = f" (the first {len(shown)} of {len(with_failures)} groups)" if len(shown) < len(with_failures) else ""
        say(f"{args.picture}: written{more}\n")


def _row_of(path: str, text: str) -> str:
    """Where a log first names the type that a message quotes."""
    import re

    from k2rel.sheets import MARKS, opened_table

    quoted = re.findall(r"'([^']+)'", text)[:1]
    with opened_table(Path(path)) as file:
        for number, row in enumerate(file, start=1):
            line = row.decode("utf-8", "replace").rstrip()
            if number > 1 and set(quoted) & {cell.strip().strip('"') for cell in re.split(f"[{''.join(MARKS)}]", line)}:
                return f":{number}"
    return ""


def update_verb(args: argparse.Namespace) -> int:
    from k2rel.field import read_field, read_takeovers, read_times
    from k2rel.measures.updating import updated

    logs = {"log": args.log, "takeovers": args.takeovers, "repairs": args.repairs, "operators": args.operators}
    if not any(logs.values()):
        raise InputError("update: give at least one of --log, --takeovers, --repairs, --operators")
    if args.output and not args.log:
        raise InputError("--output: it is for rates; give their log with --log")
    if args.entries and not (args.takeovers or args.repairs):
        raise InputError(
            "--entries: they are of coverages and repair times; give their log with --takeovers or --repairs"
        )
    study = study_of(args)
    data = read_field(args.log, by="type", decimal=args.decimal) if args.log else None
    if data is not None and not data.exposures:
        raise InputError(f"{args.log}: give the columns type, failures, hours (and site); lives go to 'k2rel fit'")
    try:
        result = updated(
            study,
            data.exposures if data is not None else (),
            takeovers=read_takeovers(args.takeovers) if args.takeovers else (),
            repairs=read_times(args.repairs, "type") if args.repairs else (),
            operators=read_times(args.operators, "action") if args.operators else (),
            prior=args.prior,
            site=args.site,
        )
    except InputError as error:
        name, sign, text = str(error).partition(": ")
        path = logs.get(name) if sign else None
        if path is None:
            raise
        raise InputError(f"{path}{_row_of(path, text)}: {text}") from None
    write_learned(args, result)
    figures = learned_figures(study, result)
    if args.format == "json":
        print_json({"log": None if data is None else _read(data),
                    "rates": records(result.table().rename_axis("type")), "handling": records(result.handling()),
                    "entries": result.entries(), **figures.to_json()})  # fmt: skip
        return 0
    if data is not None:
        _about(data)
        print_table(result.table(), whole=result.table().rename_axis("type"))
    for kind, pooled in result.pooled.items():
        say(f"\n{kind}: {counted(len(pooled.sites), 'site')} pooled, coefficient of variation between sites "
              f"{pooled.variation:.2g} ({pooled.variation_low:.2g} to {pooled.variation_high:.2g})\n")  # fmt: skip
        print_table(pooled.table())
    say_learned(args, result, figures)
    return 0


@dataclass(frozen=True, slots=True)
class LearnedFigures:
    """Downtime of the principal traffic a year [min]: before, with the means of what was known, and after."""

    service: str
    minutes: tuple[float, float, float]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        names = ("before_min_per_year", "at_means_min_per_year", "after_min_per_year")
        return {"service": self.service, **dict(zip(names, self.minutes, strict=True))}


def write_learned(args: argparse.Namespace, result: Updated) -> None:
    """Write the rates, and the entries of the site file, where they are wanted."""
    from k2rel.rates import write_rates

    if args.output:
        written(args.output, write_rates(result.rows), args.force)
    if args.entries:
        written(args.entries, result.entries(), args.force)


def learned_figures(study: Study, result: Updated) -> LearnedFigures:
    """What a log changes of the downtime."""
    from k2rel.measures.availability import availability
    from k2rel.policy.failover import principal_traffic

    name = principal_traffic(study.site)
    pairs = zip((study, result.at_means, result.after), result.organisations, strict=True)
    found = [availability(each, organisation=organisation) for each, organisation in pairs]
    before, at_means, after = (each[name].downtime_min_per_year for each in found)
    last = found[2].provenance
    return LearnedFigures(name, (before, at_means, after), f"takeovers {last.takeovers}; {last.reason}")


def say_learned(args: argparse.Namespace, result: Updated, figures: LearnedFigures) -> None:
    """What was learned of takeovers, repairs and operators, what contradicts it, and what it does to the downtime."""
    if result.learned:
        print_table(result.handling(), "\nTakeovers, repairs and operators")
    surprises = {kind: posterior.surprise for kind, posterior in result.posteriors.items()}
    surprises |= {one.before.name: one.surprise for one in result.learned}
    for kind, surprise in surprises.items():
        if surprise < 0.05:
            say(f"\n{kind}: the log contradicts the prior (prior predictive p-value {surprise:.2g}); check both.")
    before, at_means, after = figures.minutes
    say(
        f"\n{figures.service}: downtime of {before:.3g} min/year before ({at_means:.3g} at the means of the prior "
        f"distributions), {after:.3g} min/year after ({figures.reason})"
    )
    if args.output:
        say(f"{args.output}: written; to be used with --rates {args.output}")
    if args.entries:
        say(f"{args.entries}: written; its entries belong into the site file")
    elif entries := result.entries():
        say("\nEntries for the site file (--entries FILE writes them):\n")
        put(entries)  # as they are: they are copied
    if result.organisation is not None:
        options = " ".join(f"--{one.before.name.removesuffix('_h').replace('_', '-')} '{one.after.point:.3g} h "
                           f"({one.after.low:.3g} h to {one.after.high:.3g} h)'"
                           for one in result.learned if one.before.kind == "operator time")  # fmt: skip
        say(f"\nOptions for the times to operator action: {options}")
