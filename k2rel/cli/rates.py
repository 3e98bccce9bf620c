"""The verb about the registry of failure data: list, show, compare, predict, pin."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel.cli.inputs import data_option, force_option, format_option, study_of, study_options
from k2rel.cli.printing import cut, finite, main_rows, print_json, print_table, records, say, written
from k2rel.errors import InputError
from k2rel.textio import as_words

if TYPE_CHECKING:
    from k2rel.rates import RateRow

__all__: list[str] = []


def rates_options(sub: argparse.ArgumentParser) -> None:
    """Add the actions of ``k2rel rates``, each with its own options."""
    actions = sub.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(sub))

    def action(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=text, description=text)
        one.set_defaults(run=run, parser=one)
        return one

    def own(one: argparse.ArgumentParser) -> None:
        one.add_argument("--rates", metavar="FILE", help="CSV table that replaces or adds entries")
        data_option(one)
        format_option(one)

    one = action("list", list_verb, "every entry, one line each")
    one.add_argument("--type", metavar="TYPE", help="entries of one component type only")
    own(one)
    one = action("show", show_verb, "all data of an entry, or of the entries of a type")
    one.add_argument("what", metavar="ENTRY|TYPE")
    own(one)
    one = action("compare", compare_verb, "the entries of a type side by side, and the downtime of a level with each")
    one.add_argument("type", metavar="TYPE")
    one.add_argument("--level", metavar="LEVEL", help="also the downtime of this level or site with each of them")
    own(one)
    one = action("predict", predict_verb, "the rate of an entry under other conditions")
    one.add_argument("what", metavar="ENTRY")
    one.add_argument("--temperature", metavar="TEMP", help="such as '55 °C' (Arrhenius)")
    one.add_argument("--duty", type=float, metavar="SHARE", help="share of the time in which it works, 0 to 1")
    one.add_argument("--age", metavar="TIME", help="age of the part, such as '5 y'")
    own(one)
    one = action(
        "pin", pin_verb, "write the entries that a site uses to a file, unaffected by later changes of the data"
    )
    study_options(one)
    one.add_argument("--output", metavar="FILE", required=True, help="the table to write, beside the site file")
    force_option(one)
    format_option(one, csv=False)


def _row_json(row: RateRow) -> dict[str, Any]:
    from dataclasses import fields

    shown: dict[str, Any] = {}
    for entry in fields(row):
        value = getattr(row, entry.name)
        name = "failure_rate_per_h" if entry.name == "rate_per_h" else entry.name
        shown[name] = str(value) if name == "life" and value is not None else value
    shown |= {"component_types": list(row.component_types), "also_for": list(row.also_for)}
    return finite(shown | {"point": row.point or None, "mean_per_h": row.mean_per_h})


def list_verb(args: argparse.Namespace) -> int:
    from k2rel.rates import registry

    table = registry(args.rates, data=args.data)
    rows = table.of_type(args.type) if args.type else list(table.rows.values())
    if args.format == "json":
        print_json([_row_json(row) for row in rows])
        return 0
    frame = table.table(rows)
    shown = frame[["default_for", "component", "failure_rate_per_h", "low_per_h", "high_per_h", "evidence", "source"]]
    print_table(shown.assign(source=[cut(text, 44) for text in shown["source"]]), whole=frame)
    say(
        "\nEvidence: V read at the source, A of an analogue, R recalled, P engineering prior, P from V judged between "
        "sources. 'k2rel rates show ENTRY'."
    )
    return 0


def show_verb(args: argparse.Namespace) -> int:
    from k2rel.rates import registry
    from k2rel.units import format_duration

    table = registry(args.rates, data=args.data)
    rows = [table.rows[args.what]] if args.what in table.rows else None
    if rows is None:
        try:
            rows = table.of_type(args.what)
        except InputError:
            rows = [table.row(args.what)]
    if args.format == "json":
        print_json([_row_json(row) for row in rows])
        return 0
    main_rows([_row_json(row) for row in rows])
    for number, row in enumerate(rows):
        if number:
            say()
        limits = "no limits"
        if row.low_per_h is not None and row.high_per_h is not None:
            limits = f"90 % limits {row.low_per_h:.3g} to {row.high_per_h:.3g}"
        if row.point:
            limits += f", whose {row.point if row.point != 'estimate' else 'estimate by other means'} it is"
            limits += "" if row.point == "mean" else f"; their mean {row.mean_per_h:.3g}"
        times = "" if row.mttr_factor is None else f"; each known within a factor of {row.mttr_factor:g} (90 % limits)"
        mean = format_duration(1 / row.rate_per_h) if row.rate_per_h else "never"
        facts = {
            "of": f"{row.component}: {row.failure_mode}" if row.failure_mode else row.component,
            "default for": as_words(kind for kind, name in table.defaults.items() if name == row.id) or "nothing",
            "because": row.default_reason,
            "also for": as_words(row.also_for),
            "rate": f"{row.rate_per_h:.4g} /h ({limits}); mean life {mean}",
            "law": str(row.life) if row.life else "not a rate in time",
            "conditions": row.conditions,
            "restored in": ", ".join(f"{name} {hours:g} h" for name, hours in row.mttr_h.items()) + times,
            "evidence": f"{row.evidence}, confidence {row.confidence}" if row.confidence else row.evidence,
            "source": row.source,
            "year": row.year,
            "address": row.url,
            "notes": row.notes,
        }
        say(row.id)
        for name, text in facts.items():
            if text:
                say(f"  {name:12} {text}", hang=13)
    return 0


def compare_verb(args: argparse.Namespace) -> int:
    from k2rel.design.registry import entries_compared

    frame = entries_compared(args.type, level=args.level, rates=args.rates, data=args.data)
    if args.format == "json":
        print_json(records(frame.rename_axis("id")))
    else:
        print_table(frame, whole=frame.rename_axis("id"))
    return 0


def predict_verb(args: argparse.Namespace) -> int:
    from k2rel.rates import Conditions, registry
    from k2rel.units import parse_duration, parse_temperature

    row = registry(args.rates, data=args.data).row(args.what)
    try:
        conditions = Conditions(
            None if args.temperature is None else parse_temperature(args.temperature),
            args.duty,
            None if args.age is None else parse_duration(args.age),
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    if not conditions:
        raise InputError("predict: give at least one of --temperature, --duty, --age")
    factor = row.factor(conditions)
    answer = {
        "id": row.id, "conditions": conditions.words(), "factor": factor,
        "failure_rate_per_h": row.rate_per_h * factor,
        "low_per_h": None if row.low_per_h is None else row.low_per_h * factor,
        "high_per_h": None if row.high_per_h is None else row.high_per_h * factor,
    }  # fmt: skip
    if args.format == "json":
        print_json(answer)
    else:
        main_rows([answer])
        say(f"{row.id}: {row.rate_per_h:.4g} /h as given ({row.conditions or 'conditions not stated'})")
        say(f"  at {conditions.words()}: {row.rate_per_h * factor:.4g} /h, factor {factor:.4g}")
    return 0


def pin_verb(args: argparse.Namespace) -> int:
    from k2rel.rates import pinned_rows, write_rates

    study = study_of(args)
    rows = pinned_rows(study.site, study.rates)
    written(args.output, write_rates(rows), args.force)
    if args.format == "json":
        print_json({"file": args.output, "entries": [row.id for row in rows]})
    else:
        say(f"{args.output}: {len(rows)} entries. Add to the site file beside it:  rates: {Path(args.output).name}")
    return 0
