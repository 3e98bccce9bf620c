"""How tasks are run: each in the environment of this checkout, which is made where it is missing or outdated."""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["ROOT", "TASKS", "main", "python", "run", "task"]

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / ".installed"
ASKED = ("pyproject.toml", "constraints.txt")
"""Files that say what is installed."""

# one thread for linear algebra in each process: further ones would spin on the other processes' cores
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

Task = Callable[[Sequence[str]], None]
TASKS: dict[str, Task] = {}


def task(function: Task) -> Task:
    """Make a function a task: its name, with dashes, and the first line of its docstring are what is listed."""
    TASKS[function.__name__.replace("_", "-")] = function
    return function


def environment_python(folder: Path = VENV, system: str = os.name) -> Path:
    """Where the Python of an environment lies, on Windows and elsewhere."""
    return folder / "Scripts" / "python.exe" if system == "nt" else folder / "bin" / "python"


def is_current() -> bool:
    """Whether the environment is there, and has what is asked for now."""
    if not STAMP.is_file() or not environment_python().exists():
        return False
    return all((ROOT / name).stat().st_mtime <= STAMP.stat().st_mtime for name in ASKED)


def python() -> str:
    """Give the Python of the environment, which is made or brought up to date before."""
    own = str(environment_python())
    if not is_current():
        if not environment_python().exists():
            print("making the environment in .venv, once; this takes some minutes", file=sys.stderr, flush=True)
            # links, as `python -m venv` makes them where a system has them
            venv.EnvBuilder(with_pip=True, symlinks=os.name != "nt").create(VENV)
        quiet = ["--quiet", "--disable-pip-version-check"]
        _call([own, "-m", "pip", "install", *quiet, "-c", "constraints.txt", "-e", ".[dev]"], {})
        STAMP.touch()
    return own


def run(*words: str | Path, one_thread: bool = False, **variables: str) -> None:
    """Run the Python of the environment with these words, in the folder of the checkout; end where it fails."""
    _call([python(), *map(str, words)], {**(ONE_THREAD if one_thread else {}), **variables})


def _call(words: Sequence[str], variables: Mapping[str, str]) -> None:
    texts = {"PYTHONUTF8": "1"} if os.name == "nt" else {}  # tests and benchmarks read and write UTF-8
    code = subprocess.run(words, cwd=ROOT, env={**os.environ, **texts, **variables}, check=False).returncode
    if code:
        sys.exit(code if 0 < code < 256 else 1)


def main(words: Sequence[str]) -> int:
    """Run the task that is named; the words behind it are its own."""
    import tasks.all  # noqa: F401  # where they are

    if not words or words[0] in {"-h", "--help", "list"}:
        print("python -m tasks NAME [WORD ...], or make NAME:\n")
        for name, function in TASKS.items():
            print(f"  {name:14} {(function.__doc__ or '').splitlines()[0].rstrip('.')}")
        return 0
    name, *rest = words
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS, 1)
        print(f"there is no task '{name}'{f'; did you mean {near[0]}?' if near else ''} "
              "(python -m tasks lists all)", file=sys.stderr)  # fmt: skip
        return 2
    try:
        TASKS[name](rest)
    except KeyboardInterrupt:
        return 130
    return 0
