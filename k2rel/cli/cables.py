"""The verb that makes a site file of a list of cables."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from k2rel.cli.inputs import data_option, force_option, format_option
from k2rel.cli.printing import check_free, print_json, print_rows, print_table, say, size_words
from k2rel.columns import counted
from k2rel.errors import InputError

if TYPE_CHECKING:
    from k2rel.cables import Cables
    from k2rel.site import Site

__all__: list[str] = []

_SHOWN = 8


def import_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "cables", metavar="CABLES.csv", help="one row per cable: devices and ports at both ends, type, status"
    )
    sub.add_argument("--types", action="append", default=[], metavar="FILE",
                     help="devices, device types or roles with component type or failure data; several")  # fmt: skip
    for word, what in (("clients", "the clients"), ("targets", "devices that they must reach, any of them")):
        sub.add_argument(f"--{word}", action="append", metavar="DEVICES",
                         help=f"{what}: names, patterns such as 'cam-*', a role or a device type; several")  # fmt: skip
    sub.add_argument("--sides", action="append", default=[], metavar="SIDE=DEVICES",
                     help="such as A='sw-a-*,core-a' or A=sw-a,B=sw-b, the preferred side first; several")  # fmt: skip
    sub.add_argument("--without", action="append", metavar="DEVICES", help="leave these out with their cables; several")
    sub.add_argument("--leave-out", action="store_true",
                     help="leave out rows that cannot be used and list them, instead of refusing the list")  # fmt: skip
    sub.add_argument("--power", action="store_true",
                     help="devices need one of their power feeds, where the list has power cables")  # fmt: skip
    sub.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="PART=NAME",
        help="name of the column of a quantity: a_device='Host 1'",
    )
    sub.add_argument("--name", metavar="NAME", help="name of the site (default: that of the file)")
    sub.add_argument("--title", metavar="TEXT", help="its title")
    sub.add_argument("--demand", metavar="BANDWIDTH", help="load of one client, such as '40 MB/s'")
    sub.add_argument("--share", choices=["equal", "first", "all"], default="equal",
                     help="how a client uses paths that are equally good (default equal)")  # fmt: skip
    sub.add_argument("--paths", type=int, default=8, metavar="N", help="the most paths of a client (default 8)")
    sub.add_argument("--rates", metavar="FILE", help="CSV table that replaces or adds failure data")
    sub.add_argument("--output", metavar="FILE", help="write the site file")
    data_option(sub)
    force_option(sub)
    format_option(sub)


def import_verb(args: argparse.Namespace) -> int:
    from k2rel.cables import from_cables, read_cables

    if args.output:
        check_free(args.output, args.force)
    columns = dict(_pairs("--column", args.column, "a_device=NAME"))
    try:
        cables = read_cables(
            args.cables, types=args.types or None, columns=columns, without=_words(args.without),
            leave_out=args.leave_out, power=args.power, rates=args.rates, data=args.data,
        )  # fmt: skip
    except InputError as error:
        raise InputError([replace(one, message=_with_options(one.message)) for one in error.problems]) from None
    site = from_cables(
        cables, clients=_words(args.clients), targets=_words(args.targets), sides=args.sides or None,
        name=args.name, title=args.title, demand=args.demand, share=args.share, paths=args.paths,
    )  # fmt: skip
    if args.output:
        site.save(args.output, force=args.force)
    _print(args, cables, site)
    return 0


def _with_options(message: str) -> str:
    """A message with the options in place of the arguments that they are."""
    return message.replace("(leave_out)", "(--leave-out)").replace("with columns (", "with --column (")


def _words(given: Sequence[str] | None) -> list[str] | None:
    """Words of an option that can be given again and can name several at once."""
    return None if given is None else [word.strip() for one in given for word in one.split(",") if word.strip()]


def _pairs(option: str, texts: Sequence[str], example: str) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        one, sign, other = text.partition("=")
        if not sign or not one.strip() or not other.strip():
            raise InputError(f"{option} {text[:60]}: write {example}")
        pairs.append((one.strip(), other.strip()))
    return pairs


def _print(args: argparse.Namespace, cables: Cables, site: Site) -> None:
    matches = [{"text": one.text, "component_type": one.component_type, "count": one.count, "by": one.how}
               for one in cables.matches]  # fmt: skip
    left_out = [{"line": one.line, "what": one.what, "reason": one.reason} for one in cables.left_out]
    assert site.found is not None
    paths = site.found.table()
    words = cables.words()
    notes = [note for note in site.found.notes if note != words and not note.startswith("left out: ")]
    if args.format == "json":
        answer: dict[str, Any] = {
            "file": cables.file, "rows": cables.rows, "devices": len(cables.devices),
            "connections": len(cables.connections), "clients": site.client_count, "sides": list(site.sides),
            "matches": matches, "left_out": left_out, "notes": notes, "found": str(site.found),
            "output": args.output,
        }  # fmt: skip
        print_json(answer)
        return
    say(words)
    for note in notes:
        say(f"  {note}")
    print_rows(matches, "\nComponent types, by the words of the tables")
    if left_out:
        reasons = Counter(row["reason"] for row in left_out)
        title = f"\nLeft out: {counted(len(left_out), 'row')}, for {counted(len(reasons), 'reason')}"
        print_rows(left_out, title, most=_SHOWN)
        if len(left_out) > _SHOWN:
            say(f"and {len(left_out) - _SHOWN:,} more; --format json lists all")
    print_table(
        paths[["kind", "clients", "paths", "ways", "dropped"]], "\nPaths from the clients, by kind", index=False
    )
    say(f"\n{size_words(site)}")
    say(f"written: {args.output}" if args.output else "not written; --output FILE writes the site file")
