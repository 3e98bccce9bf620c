"""What Linux alone has is taken away, here on Linux: processes that are copied, locks, signals, replacing of open files, UTF-8."""

import ast
import ctypes
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

import k2rel
from k2rel import claims, memory, parallel
from k2rel.bundled import site_path
from k2rel.cli import main
from k2rel.errors import InputError, RenderError
from k2rel.report import batch, execute, kernels, pdf, render_reports
from k2rel.report.render import Report
from k2rel.sweep import read_sweep, run_sweep
from k2rel.sweep import run as sweep_run
from k2rel.textio import write_together, write_whole

HERE = Path(__file__).parent
# folders for temporary files of their own go with these: who has locks takes those of others without for dead
WITHOUT = {"PYTHONPATH": str(HERE / "without_posix"), "OPENBLAS_NUM_THREADS": "1"}


# all of it at once


ASK = """
import contextlib, io, json, os, sys, threading, urllib.request
from pathlib import Path
from k2rel.cli import main
from k2rel.explore.serve import ExplorerServer
from k2rel.report import jobs, kernels, render_reports
from k2rel import claims, memory, parallel
from k2rel.sweep import run as sweep_run

def answer(*words):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = main(list(words))
    return [code, json.loads(out.getvalue())]

if __name__ == "__main__":
    books, out = Path(sys.argv[1]), Path(sys.argv[2])
    said = {name: hasattr(module.os, name) for module, name in ((parallel, "sched_getaffinity"), (kernels, "fork"))}
    said |= {"locks": claims.fcntl is not None, "limits": memory.resource is not None}
    said["check"] = main(["check", "L1"])
    said["availability"] = answer("availability", "L1", "--format", "json")
    said["simulate"] = answer("simulate", "L1", "--histories", "200", "--years", "1", "--format", "json")
    sweep_run._write = lambda spec, folder, table: table.to_csv(folder / "table.csv", index=False) or ""
    said["sweep"] = main(["sweep", sys.argv[3], "--output", str(out / "sweep"), "--jobs", "2", "--quiet"])
    jobs.notebook_dir = lambda: books
    said["report"] = list(render_reports(["L1"], out / "pages", comparison=False).failures)
    with ExplorerServer("L1") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with visitor.open(server.url) as page:
            said["explore"] = page.status
        server.shutdown()
    Path(sys.argv[4]).write_bytes(json.dumps(said).encode())
"""


@pytest.mark.slow
@pytest.mark.notebook
def test_a_level_is_checked_answered_simulated_swept_reported_and_explored_without_what_posix_has(
    tmp_path, short_notebooks, k2
) -> None:
    short_notebooks()
    (tmp_path / "spec.yaml").write_text("name: two\nlevels: [L1]\nclients: [4, 5]\n")
    (tmp_path / "ask.py").write_text(ASK)
    words = ["ask.py", tmp_path / "notebooks", tmp_path / "out", tmp_path / "spec.yaml", tmp_path / "said.json"]
    # a script by its name is one of ours to the module that takes away, once it is imported as `__mp_main__`
    run = subprocess.run(
        [sys.executable, *map(str, words)], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, **WITHOUT, "PYTHONPATH": os.pathsep.join([WITHOUT["PYTHONPATH"], str(HERE.parent)]),
             "TMPDIR": str(tmp_path), "K2REL_TEST_TEXTS": "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    said = json.loads((tmp_path / "said.json").read_text())
    assert not any(said[name] for name in ("sched_getaffinity", "fork", "locks", "limits"))
    assert (said["check"], said["sweep"], said["report"], said["explore"]) == (0, 0, [], 200)
    assert said["availability"] == [0, k2("availability", "L1", "--format", "json").json]
    again = k2("simulate", "L1", "--histories", "200", "--years", "1", "--format", "json").json
    assert said["simulate"][1]["services"] == again["services"]
    texts = [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".html", ".json", ".ipynb", ".csv")]
    assert {path.name for path in texts} >= {"L1.html", "L1.ipynb", "index.html", "table.csv"}
    assert [path.name for path in texts if b"\r\n" in path.read_bytes()] == []


@pytest.mark.slow
@pytest.mark.notebook
def test_every_test_of_batches_passes_without_what_posix_has(tmp_path) -> None:
    """The file as it is, slow proofs too, with sweeps, batches and kernels of processes that are started anew."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_batches.py"]
    run = subprocess.run(
        words, cwd=HERE.parent, env={**os.environ, **WITHOUT, "TMPDIR": str(tmp_path)}, capture_output=True, text=True,
        timeout=3000, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-5000:]


# kernels


def test_a_usual_kernel_ends_with_all_others_and_is_not_started_again(tmp_path, monkeypatch, short_notebooks) -> None:
    short_notebooks()
    monkeypatch.setattr(kernels, "_copies", lambda: False)
    book, note = tmp_path / "notebooks" / "two_designs.ipynb", tmp_path / "pid"
    cells = json.loads(book.read_text())
    write = f"import os, pathlib, time, sys\npathlib.Path({str(note)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    cells["cells"] = [{**cells["cells"][-1], "source": write}]
    book.write_text(json.dumps(cells))
    ended: list[BaseException] = []

    def run() -> None:
        try:
            execute.executed(book, tmp_path / "out.ipynb", {})
        except RenderError as error:
            ended.append(error)

    with execute.quiet():
        thread = threading.Thread(target=run)
        thread.start()
        deadline = time.monotonic() + 60
        while not (note.exists() and note.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        pid = int(note.read_text())
        assert psutil.Process(pid).parent() == psutil.Process(), "no copy of another process"
        note.unlink()
        kernels.stop_server()
        thread.join(60)
    assert "the kernel ended unexpectedly" in str(ended)
    assert not note.exists()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_macos_has_fork_and_still_no_copies(monkeypatch) -> None:
    """Its own libraries, for linear algebra among others, end a process that was copied."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not kernels._copies()


# files that another program has open


@pytest.fixture
def held(monkeypatch):
    """Let files of these names be open in a program that lets nobody replace them, as on Windows."""
    names: set[str] = set()
    replace = os.replace

    def refuse(source, target) -> None:
        if Path(target).name in names:
            raise PermissionError(13, "Access is denied", str(source), None, str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(claims, "_PATIENCE_S", 0.1)
    return names


def test_a_file_that_is_open_elsewhere_stays_and_the_new_one_lies_beside_it(held, k2, tmp_path) -> None:
    table, beside = tmp_path / "x.xml", tmp_path / "x.new.xml"
    table.write_text("mine")
    beside.write_text("mine too")
    held.add("x.xml")
    run = k2("export", "L1", "--output", table, "--force")
    assert run.code == 2
    assert run.err.startswith(f"k2rel: {table}: cannot be written: another program has it open")
    assert "the new one lies beside it as x.new2.xml: close it and run this again" in run.err
    assert (table.read_text(), beside.read_text()) == ("mine", "mine too")
    assert "<opsa-mef" in (tmp_path / "x.new2.xml").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.new.xml", "x.new2.xml", "x.xml"]
    held.clear()
    assert k2("export", "L1", "--output", table, "--force").code == 0
    assert table.read_text() == (tmp_path / "x.new2.xml").read_text()


def test_who_opens_a_file_for_a_moment_is_waited_for(held, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(claims, "_PATIENCE_S", 30.0)
    (tmp_path / "a.txt").write_text("old")
    held.add("a.txt")
    threading.Timer(0.2, held.clear).start()
    write_whole(tmp_path / "a.txt", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "new")]


def test_of_files_that_belong_together_none_is_replaced_beside_one_that_is_open(held, tmp_path) -> None:
    for name in ("a.tra", "a.lab"):
        (tmp_path / name).write_text("old")
    for name in ("a.tra", "a.lab"):
        held.clear()
        held.add(name)
        with pytest.raises(PermissionError, match=f"{name}: another program has it open, so none of these"):
            write_together({tmp_path / "a.tra": "new", tmp_path / "a.lab": "new"})
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.tra": "old", "a.lab": "old"}


def test_a_report_whose_workbook_is_open_is_refused_before_it_is_computed(held, tmp_path, monkeypatch) -> None:
    """As an earlier run left it, of other inputs."""
    files = {"L1.html": b"<html>", "notebooks/L1.ipynb": b"{}", "results/L1.xlsx": b"of Excel"}
    manifest = {"key": "of other inputs", "version": "0", "files": dict.fromkeys(files, "")}
    files["results/L1.manifest.json"] = json.dumps(manifest).encode()
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    computed = []

    def compute(*_: object) -> None:
        computed.append(1)
        raise RenderError("for the test")

    monkeypatch.setattr("k2rel.report.render.executed", compute)
    held.add("L1.xlsx")
    done = render_reports(["L1"], tmp_path, comparison=False)
    why = "another program has it open, so it cannot be replaced; close it there and run this again"
    assert done.failures == (f"L1: results/L1.xlsx: {why}",)
    assert computed == []
    assert {name: (tmp_path / name).read_bytes() for name in files} == files
    held.clear()
    assert render_reports(["L1"], tmp_path, comparison=False).failures == ("L1: for the test",)
    assert computed == [1]


def test_a_history_and_an_index_that_are_open_cost_no_report(held, tmp_path, monkeypatch, k2) -> None:
    def rendered(job, folder, *_: object) -> Report:
        (folder / "results" / "L1.json").write_text('{"unavailability": 0.5}')
        return Report(job.name, ("L1.html",))

    monkeypatch.setattr(batch, "render_report", rendered)
    history = tmp_path / "results" / "L1.history.csv"
    history.parent.mkdir()
    history.write_text("date,unavailability\n2026-01-01,0.25\n")
    (tmp_path / "index.html").write_text("before")
    held.update(("L1.history.csv", "index.html"))
    done = render_reports(["L1"], tmp_path, comparison=False)
    assert done.failures == ()
    assert [note.partition(":")[0] for note in done.notes] == [
        "L1.history.csv cannot be written", "index.html cannot be written",
    ]  # fmt: skip
    assert "lies beside it as L1.history.new.csv" in done.notes[0]
    assert history.read_text() == "date,unavailability\n2026-01-01,0.25\n"
    assert "L1" in (tmp_path / "index.new.html").read_text(encoding="utf-8")


def test_a_sweep_whose_table_is_open_keeps_its_points(held, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sweep_run, "_here", lambda todo, _: iter(sweep_run._computed(todo)))
    monkeypatch.setattr(sweep_run, "render_report", lambda *_: pytest.fail("a summary of an old table"))
    (tmp_path / "spec.yaml").write_text("name: two\nlevels: [L1]\nclients: [4, 5]\n")
    out = tmp_path / "out"
    out.mkdir()
    (out / "two.csv").write_text("old")
    held.add("two.csv")
    with pytest.raises(InputError, match=r"two\.csv: another program has it open.*2 of 2 points are kept"):
        run_sweep(read_sweep(tmp_path / "spec.yaml"), out)
    assert (out / "two.csv").read_text() == "old"
    assert (out / "two.new.csv").read_text().count("\n") == 3


# claims without locks


class Kernel32:
    """The library of Windows, of a machine with one process of this user and one of another's."""

    def __init__(self, *_: object, **__: object) -> None:
        self.OpenProcess = self._open
        self.GetExitCodeProcess = self._code
        self.CloseHandle = lambda handle: True

    def _open(self, access: int, inherit: bool, number: int) -> int:
        return number if number in (7, 8) else 0

    def _code(self, handle: int, code: ctypes._Pointer) -> bool:  # type: ignore[type-arg]
        code._obj.value = 259 if handle == 7 else 0  # type: ignore[attr-defined]
        return True


for name in ("OpenProcess", "GetExitCodeProcess"):
    setattr(Kernel32, name, None)


def test_on_windows_no_process_is_ended_by_asking_whether_it_runs(monkeypatch) -> None:
    """There `os.kill(number, 0)` ends it."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("ended"))
    monkeypatch.setattr(claims, "_kernel32", Kernel32)
    monkeypatch.setattr(claims, "_last_error", lambda: 5)
    assert claims._runs(7)
    assert not claims._runs(8), "it has ended, and somebody has still a handle"
    assert claims._runs(9), "it is another user's"
    monkeypatch.setattr(claims, "_last_error", lambda: 87)
    assert not claims._runs(9)
    assert not claims._runs(2**40)
    assert not claims._runs(os.getpid())


def test_without_locks_a_folder_is_claimed_by_a_file_that_ends_with_its_process(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(claims, "fcntl", None)
    monkeypatch.setattr(os, "O_TEMPORARY", 0, raising=False)  # of Windows; here the file is removed at the end
    with claims.claimed_folder(tmp_path) as mine:
        with claims.claimed_folder(tmp_path) as theirs:
            assert (mine, theirs) == (True, False)
        assert [path.name for path in tmp_path.iterdir()] == [".k2rel-busy"]
    assert list(tmp_path.iterdir()) == []
    with claims.claimed_folder(tmp_path) as again:
        assert again


def test_a_temporary_folder_and_its_mark_go_where_what_is_open_cannot_be_removed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(claims, "fcntl", None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    open_now, close, unlink = set(), os.close, Path.unlink
    made = tempfile.mkstemp

    def mkstemp(**words):
        descriptor, name = made(**words)
        open_now.add(name)
        return descriptor, name

    def shut(descriptor):
        open_now.clear()
        close(descriptor)

    monkeypatch.setattr(os, "close", shut)
    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)

    def remove(path, missing_ok=False):
        assert str(path) not in open_now, "Windows refuses"
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", remove)
    with claims.temporary_folder() as folder:
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


# what the machine has


def test_cores_are_counted_where_no_system_says_which_may_be_used(monkeypatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 6, raising=False)
    assert parallel.worker_count(None) == 6
    monkeypatch.delattr(os, "process_cpu_count")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert parallel.worker_count(None) == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert parallel.worker_count(None) == 1


def test_memory_is_that_of_the_machine_on_windows_too(monkeypatch) -> None:
    class System:
        def __init__(self, *_: object) -> None:
            self.GlobalMemoryStatusEx = self._say

        def _say(self, record) -> bool:
            assert record._obj[0] == 64, "its length comes first"
            record._obj[1] = 4_000_000_000
            return True

    monkeypatch.setattr(ctypes, "WinDLL", System, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.delattr(os, "sysconf")
    monkeypatch.setattr(memory, "_CONTAINER", HERE / "nowhere")
    memory._of_machine.cache_clear()
    try:
        assert memory.allowed_bytes() == pytest.approx(3e9)
    finally:
        memory._of_machine.cache_clear()


@pytest.mark.parametrize(
    ("system", "variables", "place"),
    [
        ("darwin", {}, "Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
        ("darwin", {}, "Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"),
        ("darwin", {}, "Applications/Chromium.app/Contents/MacOS/Chromium"),
        ("win32", {"PROGRAMFILES": "Program Files"}, "Program Files/Google/Chrome/Application/chrome.exe"),
        ("win32", {"PROGRAMFILES(X86)": "x86"}, "x86/Microsoft/Edge/Application/msedge.exe"),
        ("win32", {"LOCALAPPDATA": "AppData/Local"}, "AppData/Local/Chromium/Application/chrome.exe"),
    ],
)
def test_a_browser_is_found_where_its_installer_puts_it(tmp_path, monkeypatch, system, variables, place) -> None:
    for name in pdf._ROOTS:
        monkeypatch.delenv(name, raising=False)
    for name, folder in variables.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert pdf.chromium() is None
    program = tmp_path / place
    program.parent.mkdir(parents=True)
    program.write_text("")
    assert pdf.chromium() == str(program)


# texts and words


def shown_in(encoding, *words):
    """What a command puts out where texts have that encoding, as bytes, and its exit code."""
    kept = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors) for errors in ("strict", "backslashreplace")
    )
    try:
        code = main([str(word) for word in words])
        for out in (sys.stdout, sys.stderr):
            out.flush()
        return code, sys.stdout.buffer.getvalue(), sys.stderr.buffer.getvalue()
    finally:
        sys.stdout, sys.stderr = kept


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_without_our_signs_is_shown_the_like_of_them(tmp_path, encoding) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(site_path("L1").read_text(encoding="utf-8").replace("switch_A", "λ switch → 東"), encoding="utf-8")
    code, out, _ = shown_in(encoding, "causes", path)
    assert code == 0
    assert "lambda switch -> \\u6771" in out.decode(encoding)
    code, out, _ = shown_in(encoding, "causes", path, "--format", "json")
    assert code == 0
    assert '"λ switch → 東"' in json.dumps(json.loads(out.decode(encoding)), ensure_ascii=False)
    code, out, _ = shown_in(encoding, "causes", path, "--format", "csv")
    assert code == 0
    assert "\\u03bb switch \\u2192 \\u6771" in out.decode(encoding), "programs get numbers, no other signs"
    code, _, err = shown_in(encoding, "failover", path, "--fail", "λ")
    assert code == 2
    assert err.decode(encoding).startswith("k2rel: ")


def test_patterns_are_expanded_where_several_files_go_for_no_shell_of_windows_does(k2, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b", "a"):
        Path(f"{name}.yaml").write_text(site_path("L1").read_text().replace("name: L1", f"name: {name}"))
    run = k2("compare", "*.yaml", "--format", "json")
    assert run.code == 0
    assert run.out.index('"a"') < run.out.index('"b"')
    run = k2("compare", "sites/*.yaml", "L1")
    assert (run.code, run.err) == (2, "k2rel: 'sites/*.yaml': no file matches this pattern\n")
    Path("[x].yaml").write_text(Path("a.yaml").read_text().replace("name: a", "name: x"))
    assert k2("compare", "[x].yaml", "L1", "--format", "json").code == 0, "a file of that very name"


def test_a_path_with_backslashes_is_a_path(k2) -> None:
    run = k2("check", r"sites\hall")
    assert run.code == 2
    assert run.err.startswith("k2rel: sites\\hall: there is no such file")


def test_every_text_file_of_ours_says_its_encoding_and_how_lines_end() -> None:
    """What Python does where nobody says is another thing on every system."""
    wrong = []
    for path in [*Path(k2rel.__file__).parent.rglob("*.py"), *(HERE.parent / "tasks").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for call in ast.walk(ast.parse(text)) if re.search(r"open\(|read_text|write_text", text) else ():
            if not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            given = {word.arg for word in call.keywords}
            modes = [str(word.value) for word in call.args if isinstance(word, ast.Constant)]
            if (
                name == "read_text"
                and isinstance(call.func, ast.Attribute)
                and not call.args
                and "encoding" not in given
            ):
                wrong.append(f"{path.name}:{call.lineno}: {name} without encoding")
            if name == "write_text" and not {"encoding", "newline"} <= given:
                wrong.append(f"{path.name}:{call.lineno}: {name} without encoding and newline")
            if name == "open" and isinstance(call.func, ast.Name) and not any("b" in mode for mode in modes):
                wrong.append(f"{path.name}:{call.lineno}: open without encoding")
    assert wrong == []
