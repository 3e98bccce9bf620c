"""``python -m tests.fuzz [KIND ...]``: try inputs that nobody would write, and say what was neither refused nor answered."""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

from tests.fuzz.kinds import KINDS, drawn, written
from tests.fuzz.watch import Seen, by_command, in_process, tried

_WARM = 60


def _shown(seen: Seen) -> None:
    print(seen.line(), flush=True)
    like = collections.defaultdict(list)
    for finding in seen.findings:
        like[finding.like].append(finding)
    for first, *others in like.values():
        more = f" (and {len(others)} like it: {', '.join(str(one.number) for one in others[:5])})" if others else ""
        print(f"--- {first.kind} {first.number}{more}\n{first.what.strip()}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"which kinds: {', '.join(KINDS)} (default: all)")
    parser.add_argument(
        "--count",
        type=int,
        default=100_000,
        help="inputs of each kind in process (default: 100,000; of options a twentieth)",
    )
    parser.add_argument(
        "--commands", type=int, default=200, help="inputs of each kind through the command (default: 200)"
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one input, here, with its files shown")
    args = parser.parse_args()
    kinds = args.kinds or list(KINDS)
    if wrong := [kind for kind in kinds if kind not in KINDS]:
        parser.error(f"there is no kind {wrong[0]}; the kinds are {', '.join(KINDS)}")
    if min(args.count, args.commands) < 0 or args.workers < 1:
        parser.error("--count and --commands: 0 or more, --workers: 1 or more")
    if args.only is not None:
        return _one(kinds[0], args.only)
    if not hasattr(os, "fork"):
        parser.error("inputs are tried in copies of this process, which this system does not make; --only NUMBER works")
    began, findings = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in kinds:  # loops that are compiled at their first use are so before anything is timed
            for number in range(_WARM):
                with contextlib.suppress(Exception, SystemExit):
                    tried(kind, number, Path(name))
    for kind in kinds:
        count = args.count // 20 if kind == "options" else args.count
        for seen in (
            in_process(kind, args.first, count, args.workers),
            by_command(kind, args.first, args.commands, args.workers),
        ):
            if seen.tried or seen.findings:
                _shown(seen)
            findings += len(seen.findings)
    print(f"{findings} findings in {(time.monotonic() - began) / 60:.1f} min")
    return 1 if findings else 0


def _one(kind: str, number: int) -> int:
    case, _ = drawn(kind, number)
    for name, data in case.files.items():
        print(f"== {name}\n{data.decode('utf-8', 'replace')[:6000]}")
    print("==", *case.words, "" if case.files else case.given)
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as name:
        written(case, Path(name))
        print(tried(kind, number, Path(name), say=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
