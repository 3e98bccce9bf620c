"""The verb about the terms of art."""

from __future__ import annotations

import argparse

from k2rel.cli.inputs import format_option
from k2rel.cli.printing import print_json, print_rows, say

__all__: list[str] = []


def glossary_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("term", metavar="TERM", nargs="*", help="a term or its abbreviation (default: all terms)")
    format_option(sub)


def glossary_verb(args: argparse.Namespace) -> int:
    from k2rel.terms import find_term, terms

    entries = [find_term(" ".join(args.term))] if args.term else [*terms().values()]
    rows = [entry.row() for entry in entries]
    if args.format == "json":
        print_json(rows)
    elif args.term and args.format == "table":
        (row,) = rows
        say(row["term"])
        say(f"  {row['definition']}")
        for name in ("standard", "also", "see"):
            if row[name]:
                say(f"  {name}: {row[name]}")
    else:
        print_rows(rows, leave_out=("also", "see"))
    return 0
