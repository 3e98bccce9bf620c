"""Two at once, what dead processes leave, folders that vanish: each file is whole, and nothing dead stays."""

import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

from k2rel.claims import claimed_folder, claimed_name, temporary_folder
from k2rel.errors import InputError
from k2rel.sweep import read_sweep, run_sweep
from k2rel.sweep import run as sweeping
from k2rel.textio import write_whole

pytest.importorskip("fcntl")  # what has no locks of this kind names its temporary files by its process

KILLED = """
import os, sys
from pathlib import Path
from k2rel.claims import temporary_folder
from k2rel.textio import whole
with temporary_folder() as folder, whole(Path(sys.argv[1])) as here:
    here.write_text("half")
    print(folder, flush=True)
    os.kill(os.getpid(), 9)
"""
SPEC = "name: pair\nlevels: [L1]\nset: {psu.mttr: [1 h, 2 h]}\n"


def killed(path, folder):
    """Leave what a killed process leaves; the folder that it had for a while."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True,
                          env={**os.environ, "TMPDIR": str(folder)})  # fmt: skip
    assert done.returncode == -9, done.stderr
    return done.stdout.strip()


@pytest.fixture
def own_tmp(tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_the_next_of_the_same_takes_away_what_a_killed_process_left(tmp_path, own_tmp) -> None:
    out = tmp_path / "out"
    out.mkdir()
    left = killed(out / "x.xml", own_tmp)
    assert [path.name for path in out.iterdir()] == [".x.xml.0.tmp.xml"]
    assert os.path.isdir(left)
    theirs = own_tmp / "k2rel-results"  # of the user's own, and what is no folder of ours at all
    theirs.mkdir()
    (own_tmp / "k2rel-link.lock").symlink_to(theirs)
    os.mkfifo(own_tmp / "k2rel-pipe.lock")
    with temporary_folder() as one, temporary_folder() as other:
        assert sorted(path.name for path in own_tmp.iterdir()) == sorted(
            [one.name, f"{one.name}.lock", other.name, f"{other.name}.lock", theirs.name, "k2rel-link.lock",
             "k2rel-pipe.lock"]
        )  # fmt: skip
    write_whole(out / "x.xml", "whole")
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [("x.xml", "whole")]
    assert len(list(own_tmp.iterdir())) == 3


def test_many_writers_of_one_file_leave_one_whole_file(tmp_path) -> None:
    texts = [str(number) * 100_000 for number in range(8)]

    def write(text):
        for _ in range(20):
            write_whole(tmp_path / "a", text)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert not (tmp_path / "a").exists() or (tmp_path / "a").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_others_put_where_a_temporary_file_would_be_is_not_followed(tmp_path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("stays")
    (tmp_path / ".a.txt.0.tmp.txt").symlink_to(victim)
    os.link(victim, tmp_path / ".a.txt.1.tmp.txt")
    (tmp_path / ".a.txt.2.tmp.txt").mkdir()
    os.mkfifo(tmp_path / ".a.txt.3.tmp.txt")
    with claimed_name(tmp_path / "a.txt") as name:
        assert name.name == ".a.txt.4.tmp.txt"
    write_whole(tmp_path / "a.txt", "mine")
    assert (victim.read_text(), (tmp_path / "a.txt").read_text()) == ("stays", "mine")


@pytest.mark.parametrize("words", ["report L1 --no-pdf --output {out}", "sweep {spec} --output {out}"])
def test_a_second_run_in_one_folder_is_refused_and_changes_nothing(k2, tmp_path, words) -> None:
    out, spec = tmp_path / "out", tmp_path / "s.yaml"
    out.mkdir()
    spec.write_text(SPEC)
    with claimed_folder(out):
        run = k2(*words.format(out=out, spec=spec).split())
    assert run.code == 2
    assert run.err == (
        f"k2rel: --output {out}: another run is writing there; wait until it has ended, or name another folder\n"
    )
    assert list(out.iterdir()) == []


def test_a_sweep_whose_folder_vanishes_says_so_and_counts_what_is_kept(tmp_path, monkeypatch) -> None:
    (tmp_path / "s.yaml").write_text(SPEC)
    out = tmp_path / "out"

    def computed(todo, at_once):
        for number, (key, point) in enumerate(todo):
            if number:
                shutil.rmtree(out)
            yield key, sweeping.compute(point)

    monkeypatch.setattr(sweeping, "_here", computed)
    with pytest.raises(InputError, match=r"cannot be written to [0-9a-f]{32}\.json: No such file.*; 0 of 2 points are"):
        run_sweep(read_sweep(tmp_path / "s.yaml"), out)
    assert not out.exists()


def test_a_current_folder_that_is_gone_is_said(k2, tmp_path, monkeypatch) -> None:
    (tmp_path / "s.yaml").write_text(SPEC)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for words in ("sweep ../s.yaml", "new --like L1 x.yaml", "export L1 --output x.xml", "report L1 --no-pdf"):
        run = k2(*words.split())
        assert run.code == 2, run.err
        assert "folder has been deleted" in run.err or "No such file or directory" in run.err
    assert k2("sweep", "../s.yaml").err == "k2rel: the current folder has been deleted; change into an existing one\n"


@pytest.mark.slow
def test_the_process_of_kernels_ends_with_its_parent_also_while_it_warms_up() -> None:
    """The parent's death closes the pipe; what it is in the middle of takes seconds more."""
    for wait in (0.5, 1.5, 3.0):
        server = subprocess.Popen(
            [sys.executable, "-m", "k2rel.report.forkserver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        time.sleep(wait)
        server.stdin.close()
        server.wait(timeout=60)
        server.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(4))
def test_a_command_that_is_killed_leaves_whole_files_and_the_next_run_nothing_else(tmp_path, own_tmp, moment) -> None:
    words = [sys.executable, "-m", "k2rel.cli", "simulate", "L1", "--timeline", "--years", "100", "--output", "x.svg"]
    env = {**os.environ, "TMPDIR": str(own_tmp)}
    out = tmp_path / "out"
    out.mkdir()
    process = subprocess.Popen(words, cwd=out, env=env, stdout=subprocess.DEVNULL)
    time.sleep(0.7 + 0.4 * moment)
    process.kill()
    process.wait()
    assert {path.name for path in out.iterdir()} <= {"x.svg", ".x.svg.0.tmp.svg"}
    assert not (out / "x.svg").exists() or (out / "x.svg").read_text().endswith("</svg>\n")
    assert subprocess.run(words, cwd=out, env=env, stdout=subprocess.DEVNULL).returncode == 0
    assert [path.name for path in out.iterdir()] == ["x.svg"]
    assert list(own_tmp.iterdir()) == []
