"""The tasks, in the order in which they are listed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.running import ROOT, TASKS, VENV, python, run, task

__all__ = ["TASKS"]

# one process a core; a file's tests stay together, since they share what they render or solve; tests/conftest.py has
# their order
_PYTEST = ("-m", "pytest", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")


@task
def report(words: Sequence[str]) -> None:
    """Every level's report and their comparison, in reports/."""
    run("-m", "k2rel.cli", "report", "--all", "--output", "reports", *words)


@task
def docs(words: Sequence[str]) -> None:
    """The documentation site, build/docs/index.html; without a network, warnings are errors."""
    run("-m", "sphinx", "-q", "-W", "--keep-going", "-j", "auto", "-b", "html", *words, "docs", "build/docs")


@task
def test(words: Sequence[str]) -> None:
    """All tests but the slow proofs; words for pytest behind it."""
    run(*_PYTEST, "-m", "not slow", *words, one_thread=True)


@task
def test_all(words: Sequence[str]) -> None:
    """All tests, the slow proofs too: those marked 'slow'."""
    failed: SystemExit | None = None
    try:
        test(words)
    except SystemExit as end:  # one run shows all that fails, slow or not
        failed = end
    run(*_PYTEST, "-m", "slow", *words, one_thread=True)
    if failed is not None:
        raise failed


@task
def check(words: Sequence[str]) -> None:
    """Lint, format and types."""
    run("-m", "ruff", "check", ".")
    run("-m", "ruff", "format", "--check", ".")
    run("-m", "mypy", *words)


@task
def bench(words: Sequence[str]) -> None:
    """What things cost; 'cluster/*' performance/batch.md for some rows or a page, --write for the pages, --list."""
    run("benchmarks/run.py", *words)


@task
def bench_history(words: Sequence[str]) -> None:
    """Every row by commit, and what is slower or larger than at the best earlier one; --write for its page."""
    run("benchmarks/history.py", *words)


@task
def fuzz(words: Sequence[str]) -> None:
    """Inputs that nobody would write, 100,000 of each kind; sites --count 1000 for some."""
    run("-m", "tests.fuzz", *words, OPENBLAS_NUM_THREADS="1")


@task
def validation(words: Sequence[str]) -> None:
    """docs/validation.md, by running every published case; --models FOLDER with SCRAM's chinese.xml for one more."""
    run("-m", "validation.page", *words)


@task
def schema(words: Sequence[str]) -> None:
    """data/schema.json, so that editors find it beside the site files."""
    words = [python(), "-m", "k2rel.cli", "schema", *words]
    text = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    (ROOT / "data" / "schema.json").write_text(text, encoding="utf-8", newline="\n")


@task
def picture(words: Sequence[str]) -> None:
    """The rooms by floors in CONTRIBUTING.md, and the positions of a role in docs/concepts/takeovers.md."""
    run("tests/house.py", *words)
    run("tests/positions.py", *words)


@task
def sample(words: Sequence[str]) -> None:
    """The one committed sample of a rendered report."""
    made, kept = ROOT / "reports" / ".sample", ROOT / "reports" / "sample"
    options = ["--target", "99.99", "--no-pdf", "--output", str(made), "--quiet", *words]
    run("-m", "k2rel.cli", "report", "L2R", *options)
    kept.mkdir(parents=True, exist_ok=True)
    shutil.copy(made / "L2R.html", kept / "L2R.html")
    shutil.rmtree(made)


@task
def packages(words: Sequence[str]) -> None:
    """docs/reference/licences.md and wheels.md, as pip finds them; asks the package index."""
    run("-m", "tasks.packages", *words)


@task
def release(words: Sequence[str]) -> None:
    """Build and try what would be released; --version X.Y.Z --tag releases it (CONTRIBUTING.md)."""
    run("-m", "tasks.release", *words)


@task
def clean(words: Sequence[str]) -> None:
    """Remove the environment, and what the tools keep."""
    if Path(sys.prefix).resolve() == VENV.resolve():
        sys.exit("clean: this Python is the one of .venv, which it would remove; run it with another one")
    for name in (VENV.name, ".mypy_cache", ".pytest_cache", ".ruff_cache"):
        path = ROOT / name
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
