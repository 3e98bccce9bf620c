"""The state at present from a file of alarms, for verbs that are asked on duty."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from k2rel.cli.printing import OneTable, say, tell
from k2rel.errors import InputError

if TYPE_CHECKING:
    from k2rel.alarms import Alarms
    from k2rel.site.model import Site

__all__: list[str] = []

_OF_ALARMS = ("alarm_names", "now", "older_than")


def alarm_options(sub: argparse.ArgumentParser) -> None:
    """Add where the state at present is read."""
    sub.add_argument(
        "--alarms", metavar="FILE",
        help="the state at present from a monitoring system: CSV or JSON lines of component, state, since; - reads "
        "standard input; --failed and the like come on top",
    )  # fmt: skip
    sub.add_argument(
        "--alarm-names", metavar="FILE",
        help="two columns, alarm and part: the part or role of each alarm, or - for none; or the meaning of a state",
    )  # fmt: skip
    sub.add_argument(
        "--now",
        metavar="TIME",
        help="the time that the alarms are read at, ISO 8601 or seconds since 1970; default: now",
    )
    sub.add_argument("--older-than", metavar="TIME", help="alarms older than this are reported as old (default 7 d)")


def alarms_for(args: argparse.Namespace, site: Site) -> Alarms | None:
    """The alarms that the options name; what is doubtful goes to standard error where the answer has no room for it."""
    if args.alarms is None:
        given = next((name for name in _OF_ALARMS if getattr(args, name) is not None), None)
        if given is not None:
            raise InputError(f"--{given.replace('_', '-')}: give the file that it applies to (--alarms FILE)")
        return None
    from k2rel.alarms.read import OLDER_THAN, read_alarms

    if args.alarms == "-" and sys.stdin is not None and sys.stdin.isatty():
        tell("reading alarms from standard input, until Ctrl-D")
    found = read_alarms(
        args.alarms, site, args.alarm_names, args.now, OLDER_THAN if args.older_than is None else args.older_than
    )
    if isinstance(sys.stdout, OneTable):
        for note in found.notes:
            if note.startswith("WARNING"):
                tell(note)
    return found


def say_alarms(alarms: Alarms) -> None:
    """Say what was read from which line, and what is doubtful."""
    say(f"Alarms: {alarms.words()}")
    for note in alarms.notes:
        say(f"  {note}")
    say()
