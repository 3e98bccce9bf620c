"""What whole commands cost, start included: short answers, the first run on a new machine, the tests."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from measured import HERE, Row, Section, command, k2rel_words

PAGE = "performance/exact.md"
SHORT = (("availability", "L2R", "--method", "exact"), ("availability", "L2R"), ("load", "L2R"), ("--version",))
FIRST = (
    ("simulate", "L2R", "--histories", "1000"),
    ("availability", "L2R"),
    ("uncertainty", "L2R", "--samples", "200"),
)
TESTS = (sys.executable, "-m", "pytest", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder", "-m", "not slow",
         "--rootdir", str(HERE.parent), str(HERE.parent / "tests"), str(HERE.parent / "k2rel"))  # fmt: skip


def named(words: Sequence[str]) -> str:
    """As a person types it."""
    return " ".join(("k2rel", *words))


SECTIONS = [
    Section(
        "commands",
        PAGE,
        "Commands, with the start of the process",
        [
            Row(f"command/{named(words)}", command(k2rel_words(*words)), {"command": f"`{named(words)}`"}, program=True)
            for words in SHORT
        ],
    ),
    Section(
        "first",
        PAGE,
        "First run on a new machine",
        [
            Row(
                f"first/{named(words)}",
                command(k2rel_words(*words), lambda folder: {"NUMBA_CACHE_DIR": str(folder)}),
                {"command": f"`{named(words)}`"},
                times=2,
                warm=False,
                program=True,
            )
            for words in FIRST
        ],
        "With empty Numba caches, so that every loop in use is compiled; Python files are compiled already.",
    ),
    Section(
        "tests",
        PAGE,
        "The tests",
        [Row("tests/make test", command(TESTS), {"command": "`make test`"}, times=1, warm=False, program=True)],
        "As `make test` runs them, compiled loops in their caches; memory is that of the largest of the processes.",
        long=True,
    ),
]
