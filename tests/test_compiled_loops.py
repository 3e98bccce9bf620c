"""What is kept of compiled loops: found after an upgrade that leaves them alone, never when something they call changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba import types

from k2rel.loops.compiled import compiled

CALLEE = '''
from k2rel.loops.compiled import compiled

SHARE = {share}


@compiled
def part(x):
    """Take a part."""
    return x * SHARE
'''
CALLER = '''
import numpy as np

from k2rel.loops.compiled import compiled
from loops_callee import part


@compiled
def whole(values):
    """Add parts up."""
    total = 0.0
    for value in values:
        total += part(value)
    return total
'''
ASKED = """
import numpy as np
from numba.core import event

from loops_caller import whole

with event.install_recorder("numba:compile") as seen:
    found = whole(np.array([1.0, 2.0]))
print(found, len(seen.buffer) // 2)
"""


def asked(folder: Path, **environment: str) -> str:
    """What the caller finds, and how many functions were compiled for it."""
    command = [sys.executable, "-c", ASKED]
    paths = {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    run = subprocess.run(
        command, env={**os.environ, **paths, **environment}, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def write(folder: Path, callee: str = CALLEE.format(share=0.5), caller: str = CALLER) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "loops_callee.py").write_text(callee)
    (folder / "loops_caller.py").write_text(caller)


def test_code_is_kept_until_what_it_does_changes(tmp_path: Path) -> None:
    write(tmp_path / "a")
    assert asked(tmp_path / "a") == "1.5 2"
    assert asked(tmp_path / "a") == "1.5 0"
    # an upgrade: new times, other comments, other lines, another function beside it
    write(
        tmp_path / "a", "# a comment\n" + CALLEE.format(share=0.5).replace("Take", "Give"), CALLER + "\n\nOTHER = 2\n"
    )
    os.utime(tmp_path / "a" / "loops_caller.py", (1, 1))
    assert asked(tmp_path / "a") == "1.5 0"
    # a callee in another file, and a constant that it takes from its module
    write(tmp_path / "a", CALLEE.format(share=0.25))
    assert asked(tmp_path / "a") == "0.75 2"
    write(tmp_path / "a", CALLEE.format(share=0.25).replace("x *", "2 * x *"))
    assert asked(tmp_path / "a") == "1.5 2"
    assert len(list((tmp_path / "a").rglob("*.nbc"))) == 1, "what nothing finds any more is removed"


@pytest.mark.slow
def test_code_that_cannot_be_read_is_compiled_anew(tmp_path: Path) -> None:
    write(tmp_path / "a")
    asked(tmp_path / "a")
    (file,) = (tmp_path / "a").rglob("*.nbc")
    whole = file.read_bytes()
    # cut, or with one byte of its code changed, which would run as another code
    for damaged in (whole[:100], whole[:-200] + bytes([whole[-200] ^ 1]) + whole[-199:]):
        file.write_bytes(damaged)
        assert asked(tmp_path / "a") == "1.5 2"
        assert asked(tmp_path / "a") == "1.5 0"


@pytest.mark.slow
def test_code_is_kept_where_the_environment_says(tmp_path: Path) -> None:
    write(tmp_path / "a")
    kept = {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    assert asked(tmp_path / "a", **kept) == "1.5 2"
    assert not list((tmp_path / "a").rglob("*.nbc"))
    assert asked(tmp_path / "a", **kept) == "1.5 0"
    shutil.rmtree(tmp_path / "a" / "__pycache__", ignore_errors=True)
    (tmp_path / "a" / "__pycache__").write_text("a file: nothing can be kept beside the loops")
    assert asked(tmp_path / "a", XDG_CACHE_HOME=str(tmp_path / "user")) == "1.5 2"
    assert asked(tmp_path / "a", XDG_CACHE_HOME=str(tmp_path / "user")) == "1.5 0"
    (tmp_path / "shut").write_text("nor here")
    assert asked(tmp_path / "a", XDG_CACHE_HOME=str(tmp_path / "shut")) == "1.5 2", "compiled, and forgotten"


@pytest.mark.slow
def test_processes_that_compile_at_the_same_time_all_find_it(tmp_path: Path) -> None:
    write(tmp_path / "a")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "a"), *sys.path])}
    command = [sys.executable, "-c", ASKED]
    runs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {run.communicate()[0].split()[0] for run in runs} == {"1.5"}
    assert asked(tmp_path / "a") == "1.5 0"
    assert len(list((tmp_path / "a").rglob("*k2rel*"))) == 1


@compiled
def _half(x: float) -> float:
    return x / 2.0


def test_a_callee_is_compiled_once_for_each_type_and_not_for_each_constant() -> None:
    for kind in (types.literal(1), types.literal(3), types.int64, types.float64):
        _half.callee.get_call_template((kind,), {})
    assert set(_half.callee.overloads) == {(types.int64,), (types.float64,)}
    assert _half(3.0) == 1.5
