"""What the Makefile does works without make, and is written once: in `tasks`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tasks.all
from tasks import running

ROOT = Path(__file__).parents[1]


@pytest.fixture
def runs(monkeypatch):
    """What would be run, as words behind the Python of the environment, and with which variables."""
    found: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(running, "is_current", lambda: True)
    monkeypatch.setattr(running, "_call", lambda words, variables: found.append((list(words)[1:], dict(variables))))
    return found


def test_without_a_name_all_are_listed_with_a_line_each(capsys) -> None:
    assert running.main([]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[2:]]
    assert [name for name, _ in lines] == list(running.TASKS)
    assert dict(lines)["check"] == "Lint, format and types"
    assert running.main(["chekc"]) == 2
    assert "there is no task 'chekc'; did you mean check?" in capsys.readouterr().err


def test_make_has_the_same_names_and_no_rule_of_its_own() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.search(r"^TASKS := (.*)$", text, re.MULTILINE)
    assert named is not None
    assert named[1].split() == list(running.TASKS)
    assert [line for line in text.splitlines() if line.startswith("\t")] == ["\t@$(PYTHON) -m tasks $@ $(WORDS)"]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here, and none is needed")
@pytest.mark.parametrize(
    ("words", "run"),
    [
        ([], "python3 -m tasks report"),
        (["test-all", "PYTHON=python3.12"], "python3.12 -m tasks test-all"),
        (["bench", "BENCH='cluster/*' --write"], "python3 -m tasks bench 'cluster/*' --write"),
        (["bench-history", "BENCH=--write"], "python3 -m tasks bench-history --write"),
        (["fuzz", "FUZZ=sites --count 9"], "python3 -m tasks fuzz sites --count 9"),
        (["validation", "MODELS=/models"], "python3 -m tasks validation --models /models"),
        (["validation"], "python3 -m tasks validation"),
    ],
)
def test_the_variables_of_make_become_words(words, run) -> None:
    # MAKE...: `make test` runs this too, and a make within a make says which folder it enters
    own = ("PYTHON", "BENCH", "FUZZ", "MODELS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")
    clean = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == run


def test_tests_run_on_all_cores_with_one_thread_each_and_slow_proofs_come_second(runs) -> None:
    assert running.main(["test-all", "-x"]) == 0
    assert [words[-3:] for words, _ in runs] == [["-m", "not slow", "-x"], ["-m", "slow", "-x"]]
    for words, variables in runs:
        assert words[:4] == ["-m", "pytest", "-n", "auto"]
        assert variables == {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def test_what_fails_among_the_fast_tests_does_not_hide_what_the_slow_proofs_say(monkeypatch) -> None:
    asked: list[str] = []

    def run(*words: str, **_: object) -> None:
        asked.append(words[-1])
        if words[-1] == "not slow":
            sys.exit(3)

    monkeypatch.setattr(tasks.all, "run", run)
    with pytest.raises(SystemExit) as stop:
        running.main(["test-all"])
    assert asked == ["not slow", "slow"]
    assert stop.value.code == 3


def test_a_check_is_lint_format_and_types(runs) -> None:
    running.main(["check"])
    assert [words for words, _ in runs] == [["-m", "ruff", "check", "."], ["-m", "ruff", "format", "--check", "."],
                                            ["-m", "mypy"]]  # fmt: skip


def test_words_behind_a_name_are_for_what_it_runs(runs) -> None:
    for words in (["bench", "cluster/*"], ["fuzz", "sites"], ["validation", "--models", "here"], ["report", "--quiet"]):
        running.main(words)
    assert [words for words, _ in runs] == [
        ["benchmarks/run.py", "cluster/*"], ["-m", "tests.fuzz", "sites"], ["-m", "validation.page", "--models", "here"],
        ["-m", "k2rel.cli", "report", "--all", "--output", "reports", "--quiet"],
    ]  # fmt: skip
    for words, _ in runs:
        assert words[0] == "-m" or (ROOT / words[0]).is_file()


def test_what_fails_ends_the_task_with_its_code(monkeypatch) -> None:
    monkeypatch.setattr(running, "python", lambda: sys.executable)
    with pytest.raises(SystemExit) as stop:
        running.run("-c", "raise SystemExit(5)")
    assert stop.value.code == 5


def test_the_environment_is_made_once_and_again_when_more_is_asked_for(tmp_path, monkeypatch) -> None:
    made: list[list[str]] = []
    for name in running.ASKED:
        (tmp_path / name).write_text("")
    env = tmp_path / ".venv"
    own = running.environment_python(env)

    class Builder:
        def __init__(self, **_: object) -> None: ...

        def create(self, folder: Path) -> None:
            own.parent.mkdir(parents=True)
            own.write_text("")
            assert folder == env
            made.append(["venv"])

    monkeypatch.setattr(running, "ROOT", tmp_path)
    monkeypatch.setattr(running, "VENV", env)
    monkeypatch.setattr(running, "STAMP", env / ".installed")
    monkeypatch.setattr(running.environment_python, "__defaults__", (env, os.name))
    monkeypatch.setattr("venv.EnvBuilder", Builder)
    monkeypatch.setattr(running, "_call", lambda words, _: made.append(list(words)[1:4]))
    pip = ["-m", "pip", "install"]
    assert running.python() == str(own)
    assert made == [["venv"], pip]
    running.python()
    assert made == [["venv"], pip], "nothing has changed"
    stamp = (env / ".installed").stat().st_mtime
    os.utime(tmp_path / "constraints.txt", (stamp + 10, stamp + 10))
    assert running.python()
    assert made == [["venv"], pip, pip]


def test_an_environment_has_its_python_where_the_system_puts_it() -> None:
    here = Path("x")
    assert running.environment_python(here, "posix") == here / "bin" / "python"
    assert running.environment_python(here, "nt") == here / "Scripts" / "python.exe"


def test_the_schema_has_the_same_bytes_on_every_system(tmp_path, monkeypatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(tasks.all, "ROOT", tmp_path)
    monkeypatch.setattr(tasks.all, "python", lambda: sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    running.main(["schema"])
    assert (tmp_path / "data" / "schema.json").read_bytes() == (ROOT / "data" / "schema.json").read_bytes()


def test_a_python_that_is_too_old_is_told_which_is_needed() -> None:
    code = "import runpy, sys; sys.version_info = (3, 9, 1); runpy.run_module('tasks', run_name='__main__')"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == (
        "k2rel needs Python 3.11 or newer, and this is 3.9: python3.11 -m tasks, or make PYTHON=python3.11\n"
    )
