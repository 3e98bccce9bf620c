"""Record what every command answers on every level and example, and compare two records bit for bit.

    python benchmarks/record.py FOLDER              run the commands, one file of standard output each
    python benchmarks/record.py FOLDER --against OLD   and say which answers differ from an older record

For changes that must not change behaviour: record before the first one and compare after the last one.
Every command runs in this process, so that a record takes minutes; random ones have their seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from k2rel.bundled import data_dir, level_names
from k2rel.cli import main as k2rel

JSON = ("--format", "json")
_VERSION = re.compile(r"k2rel \d+\.\d+\.\d+[^)\s]*")


def commands(examples: Path, out: Path) -> Iterator[tuple[str, ...]]:
    """Every verb that answers on standard output, over all levels and examples."""
    sites = [*level_names(), *sorted(str(path) for path in examples.glob("*.yaml"))]
    yield ("levels", *JSON)
    yield ("schema",)
    for site in sites:
        for verb in ("components", "check", "failover", "availability", "load", "causes", "served"):
            yield (verb, site, *JSON)
        yield ("failover", site)
        yield ("uncertainty", site, "--samples", "200", *JSON)
        yield ("uncertainty", site, "--samples", "200", "--by", "source", *JSON)
        yield ("export", site)
    for level in level_names():
        yield ("failover", level, "--fail", "raid_chassis", *JSON)
        yield ("availability", level, "--method", "markov", "--tolerance", "1e-6", *JSON)
        yield ("load", level, "--method", "markov", "--tolerance", "1e-6", *JSON)
        yield ("interruptions", level, "--tolerance", "1e-6", "--first-loss", *JSON)
        yield ("availability", level, "--repair", "nbd", "--clients", "12", *JSON)
        yield ("availability", level, "--common-cause", "twins", *JSON)
        yield ("simulate", level, "--histories", "200", "--years", "10", "--seed", "3", *JSON)
        yield ("simulate", level, "--static", "100000", "--seed", "3", *JSON)
        yield ("spares", level, *JSON)
    for level in ("L2R", "L3R", "nearline"):
        for part in ("switch_A", "server_A", "server_1A", "server_2A", "server_1"):
            yield ("failover", level, "--fail", part, *JSON)
    yield ("availability", "L2R", "--method", "markov", "--crews", "1", "--maintenance-every", "2000 h", *JSON)
    yield ("interruptions", "L2R", "--crews", "1", "--buffer", "10 s", *JSON)
    circumstances = str(examples / "circumstances" / "L2R.yaml")
    yield ("simulate", "L2R", "--circumstances", circumstances, "--histories", "200", "--seed", "5", *JSON)
    rare = ("--rare", "biasing", "--service", "control", "--roles", "preferred", "--histories", "2000")
    yield ("simulate", "L2R", *rare, *JSON)
    yield ("simulate", "L2R", "--seed", "7", "--timeline", *JSON)
    yield ("advise", "L2R", "--target", "99.999", "--costs", str(examples / "costs.csv"), *JSON)
    yield ("clients", "L2R", "L3R", "--bit-rate", "100 Mb/s", *JSON)
    yield ("compare", *level_names(), *JSON)
    yield ("compare", "L2", "L2R", *JSON)
    yield ("rates", "list", *JSON)
    yield ("rates", "compare", "gige_switch", "--level", "L2R", *JSON)
    yield ("rates", "predict", "sfp_pred", "--temperature", "55 °C", *JSON)
    for log in sorted((examples / "field").glob("*.csv")):
        yield ("fit", str(log), *JSON)
    yield ("update", "L2R", "--log", str(examples / "field" / "site_log.csv"), "--site", "Oslo", *JSON)
    tree = str(examples / "two_trains.xml")
    yield ("solve", tree, "--cut-sets", "--importance", *JSON)
    yield ("solve", tree, "--samples", "500", *JSON)
    chain = str(out / "chain")
    for level in ("L2R", "nearline"):
        yield ("export", level, "--format", "prism", "--output", chain, "--force", "--tolerance", "1e-5")
        yield ("ctmc", f"{chain}.tra", "--labels", f"{chain}.lab", "--steady", *JSON)
        yield ("ctmc", f"{chain}.tra", "--labels", f"{chain}.lab", "--time", "24", *JSON)
    yield ("sweep", str(examples / "sweeps" / "clients.yaml"), "--output", str(out / "sweep"), "--quiet", *JSON)


def run(words: tuple[str, ...]) -> str:
    """One command: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: object = k2rel(list(words))
        except SystemExit as stop:
            code = stop.code
    return f"exit {code}\n{out.getvalue()}\n--\n{err.getvalue()}"


def main() -> int:
    """Record, and compare where another record is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path)
    args = parser.parse_args()
    folder, against = args.folder.resolve(), args.against.resolve() if args.against else None
    folder.mkdir(parents=True, exist_ok=True)
    differ = 0
    with tempfile.TemporaryDirectory() as scratch:
        examples, out = Path(scratch) / "examples", Path(scratch) / "out"
        shutil.copytree(data_dir() / "examples", examples)  # a path that is the same text in every record
        out.mkdir()
        os.chdir(scratch)
        for number, words in enumerate(commands(Path("examples"), Path("out"))):
            name = re.sub(r"[^\w.+-]+", "_", f"{number:03d} {' '.join(words)}")[:120] + ".txt"
            start = time.perf_counter()
            text = _VERSION.sub("k2rel", run(words).replace(str(data_dir()), "DATA"))
            (folder / name).write_text(text, encoding="utf-8")
            word = ""
            if against is not None:
                old = against / name
                same = old.is_file() and old.read_text(encoding="utf-8") == text
                differ += not same
                word = "same" if same else "DIFFERS"
            print(f"{time.perf_counter() - start:6.1f} s  {word:8}{' '.join(words)}", file=sys.__stdout__, flush=True)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
