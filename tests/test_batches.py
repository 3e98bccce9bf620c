"""Batches end well whatever happens to them: kernels that die, kills, full disks, clusters that lose workers."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

import k2rel
from k2rel import InputError, claims
from k2rel.bundled import data_dir, site_path
from k2rel.report import batch, jobs, kernels, render_reports
from k2rel.report.execute import execute_notebook
from k2rel.report.files import write_whole
from k2rel.report.render import render_report
from k2rel.sweep import read_sweep, run_sweep
from k2rel.sweep import run as sweep_run

pytestmark = pytest.mark.notebook


def write_notebook(path, *sources):
    cells = [
        {"cell_type": "code", "execution_count": None, "id": f"c{i}", "metadata": {"tags": ["parameters"]} if i == 0 else {},
         "outputs": [], "source": source}
        for i, source in enumerate(("n: int = 1", *sources))
    ]  # fmt: skip
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path


LEVEL = """level: str = "L1"
name: str = ""
clients: int = 0
repair: str = "4h"
rates: str = ""
settings: list = []
data: str = ""
target: str = ""
method: str = "auto"
roles: str = "modelled"
sure: float = 95.0
samples: int = 2000
seed: int = 1
results: str = \"\""""

BOOKS = "notebooks-of-the-test"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Level reports that do hardly anything but what a test says, so that many of them take little time."""

    def use(*sources) -> None:
        folder = tmp_path / BOOKS
        folder.mkdir(exist_ok=True)
        path = write_notebook(folder / "level_report.ipynb", *sources)
        text = json.loads(path.read_text())
        text["cells"][0]["source"] = LEVEL
        path.write_text(json.dumps(text))
        monkeypatch.setattr(jobs, "notebook_dir", lambda: folder)

    use("from k2rel import report, study", "report.save_results(results, name, {'unavailability': 0.5}, {})")
    return use


def sites(folder, count):
    text = site_path("L1").read_text()
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        (folder / f"site{n}.yaml").write_text(text.replace("name: L1\n", f"name: site{n}\n"))
    return sorted(folder.glob("*.yaml"))


def whole(folder) -> None:
    """No half file under a final name, no temporary one left."""
    for path in folder.rglob("*"):
        assert ".tmp" not in path.name, path
        if path.suffix == ".html":
            assert path.read_text().endswith("</html>\n"), path
        elif path.suffix in (".json", ".ipynb"):
            json.loads(path.read_text())


def sweep_file(folder, text):
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


MANY = "name: clients\nlevels: [L1]\nclients: {first: 1, last: 8}\nrepair: [onsite, 4h, nbd]\n"
"""A sweep of 24 points that take little time."""


@pytest.fixture
def no_page(monkeypatch) -> None:
    """Sweeps write no summary page, which takes a kernel; those of the grid and of the full disk do."""
    monkeypatch.setattr(sweep_run, "_write", lambda *_: "")


@pytest.fixture
def quick(monkeypatch, no_page) -> None:
    """Points computed in this process, and no summary page."""
    monkeypatch.setattr(sweep_run, "_here", lambda todo, _: iter(sweep_run._computed(todo)))


# files with mistakes


def test_a_file_with_mistakes_leaves_the_others_and_its_mistakes_stand_in_the_index(small, tmp_path) -> None:
    small("from k2rel import report\nreport.save_results(results, name, {'title': level, 'load': 'at its limit', "
          "'clients': 4, 'clients_carried': 4, 'takeovers': 'as modelled', 'method': 'exact'}, {})")  # fmt: skip
    levels = sites(tmp_path / "sites", 3)
    text = levels[1].read_text().replace("sides:\n", "sidez:\n")
    levels[1].write_text(text)
    line = text[: text.index("sidez:")].count("\n") + 1
    out = tmp_path / "out"
    done = render_reports(levels, out, comparison=False)
    assert [path.name for path in done.reports] == ["site0.html", "site2.html"]
    (failure,) = done.failures
    assert f"site1.yaml:{line}: sidez: is not a known entry" in failure
    assert "sides: is missing" in failure, "every mistake, not the first"
    index = done.index.read_text()
    assert "<b>site1</b> <span class='failed'>failed: " in index
    assert f"site1.yaml:{line}: sidez" in index
    assert "</b> at its limit</span> <span class='limits'>4 clients, at most 4</span>" in index
    assert "as modelled (exact)" in index
    levels[2].write_text(levels[2].read_text().replace("traffic:", "trafic:"))
    with pytest.raises(InputError) as caught:
        render_reports(levels[1:], tmp_path / "none", comparison=False)
    assert {Path(problem.file or "").name for problem in caught.value.problems} == {"site1.yaml", "site2.yaml"}
    with pytest.raises(InputError, match="there is no level, design or file"):
        render_reports([*levels, "L9"], tmp_path / "none", comparison=False)
    assert not (tmp_path / "none").exists(), "where nothing can be made, nothing is"


def test_an_option_that_is_wrong_is_refused_whatever_the_files_are(tmp_path) -> None:
    levels = sites(tmp_path / "sites", 2)
    levels[1].write_text("name: [")
    wrong: dict[str, Any]
    for wrong, said in (
        ({"repair": "weekly"}, "onsite"), ({"rates": "none.csv"}, "none.csv"), ({"settings": {"no.mttr": "2 h"}}, "no"),
        ({"target": "200"}, "from 50"), ({"compare": ["L1"]}, "two levels or site files are needed, got 1"),
        ({"compare": ["L1", levels[1]]}, "not valid YAML"), ({"counts": [0]}, "counts"), ({"costs": "none.csv"}, "none.csv"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            render_reports([levels[0], "L2", levels[1]], tmp_path / "out", **wrong)
        assert not (tmp_path / "out").exists()


def test_title_author_revision_date_counts_and_the_page_of_two_designs_go_where_they_belong(
    short_notebooks, tmp_path, k2
) -> None:
    short_notebooks()
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: [")
    head = ("--title", "Review <3>", "--author", "E. N.", "--revision", "7", "--date", "2026-11-26")
    costs = tmp_path / "costs.csv"
    costs.write_text("kind,what,cost\nlevel,L1,5\n")
    words = ("L1", "L2", bad, "--compare", "L1", "L2", "--counts", "4,24", "--costs", costs, *head, "--no-pdf")
    run = k2("report", *words, "--quiet", "--output", tmp_path / "out")
    assert run.code == 1
    index = (tmp_path / "out" / "index.html").read_text()
    assert "<h1>Review &lt;3&gt;</h1>" in index
    assert "author <b>E. N.</b> · revision <b>7</b> · date <b>2026-11-26</b>" in index
    assert "href='L1_and_L2.html'" in index
    for name, title in (
        ("L1", "Review &lt;3&gt;: Level 1"), ("level_comparison", "Review &lt;3&gt;: all levels side by side"),
        ("L1_and_L2", "Review &lt;3&gt;: L1 and L2"),
    ):  # fmt: skip
        assert f"<h1>{title}" in (tmp_path / "out" / f"{name}.html").read_text()
        cells = json.loads((tmp_path / "out" / "notebooks" / f"{name}.ipynb").read_text())["cells"]
        (given,) = ("".join(c["source"]) for c in cells if "injected-parameters" in c["metadata"].get("tags", []))
        assert 'author = "E. N."' in given
        assert ("counts = [4, 24]" in given) == (name != "L1")
        assert ('missing = ["bad"]' in given) == (name == "level_comparison")
    assert k2("report", "L1", "--counts", "4,x", "--output", tmp_path / "none").code == 2
    assert k2("report", "--compare", "L1", "--output", tmp_path / "none").code == 2
    assert k2("report", "--output", tmp_path / "none").code == 2


def test_two_designs_whose_names_fit_no_file_have_a_page_all_the_same(short_notebooks, tmp_path) -> None:
    short_notebooks()
    long = site_path("L1").read_text().replace("name: L1\n", f"name: {'long' * 12}\n")
    (tmp_path / "long.yaml").write_text(long)
    done = render_reports([], tmp_path / "out", compare=["L1", tmp_path / "long.yaml"])
    assert [path.name for path in done.reports] == ["two_designs.html"]


# kernels


def test_notebooks_know_nothing_of_each_other(tmp_path) -> None:
    spoil = write_notebook(
        tmp_path / "spoils.ipynb",
        "import builtins, os, sys, matplotlib, pandas, k2rel\nbuiltins.left = 1\nos.environ['LEFT'] = '1'\n"
        "matplotlib.rcParams['lines.linewidth'] = 77\npandas.left = 1\nsys.modules['left'] = pandas\nk2rel.study = None\n"
        "os.chdir('/')",
    )
    look = write_notebook(
        tmp_path / "looks.ipynb",
        "import builtins, os, sys, matplotlib, pandas, k2rel\n"
        "found = [hasattr(builtins, 'left'), 'LEFT' in os.environ, matplotlib.rcParams['lines.linewidth'] == 77,\n"
        "         hasattr(pandas, 'left'), 'left' in sys.modules, k2rel.study is None, os.getcwd() == '/']\n"
        "assert not any(found), found",
    )
    execute_notebook(spoil, tmp_path / "out" / "a.ipynb", {})
    execute_notebook(look, tmp_path / "out" / "b.ipynb", {})


@pytest.mark.skipif(not kernels._copies(), reason="kernels are no copies here")
def test_a_kernel_starts_as_a_copy_and_dies_with_its_server(tmp_path) -> None:
    book = write_notebook(
        tmp_path / "a.ipynb", "import os, sys\nassert 'k2rel.report.notebook' in sys.modules\nos.getpid()"
    )
    done = json.loads(execute_notebook(book, tmp_path / "out.ipynb", {}).read_text())
    pid = int("".join(done["cells"][-1]["outputs"][0]["data"]["text/plain"]))
    assert not psutil.pid_exists(pid)
    server = kernels._running().process.pid
    kernels.stop_server()
    assert not psutil.pid_exists(server)
    execute_notebook(book, tmp_path / "out.ipynb", {})  # and another one starts


def test_a_kernel_that_dies_in_a_batch_leaves_the_other_reports_and_the_next_run_finishes(small, tmp_path) -> None:
    levels = sites(tmp_path / "sites", 3)
    flag = tmp_path / "flag"
    small(
        f"import os, pathlib\nif name == 'site1' and not pathlib.Path({str(flag)!r}).exists():\n    os.kill(os.getpid(), 9)",
        "from k2rel import report\nreport.save_results(results, name, {}, {})",
    )
    done = render_reports(levels, tmp_path / "out", comparison=False, jobs=2)
    assert len(done.failures) == 1
    assert done.failures[0].startswith("site1: the kernel ended unexpectedly")
    assert {path.name for path in done.reports} == {"site0.html", "site2.html"}
    assert "failed: the kernel ended unexpectedly" in done.index.read_text()
    whole(tmp_path / "out")
    flag.touch()
    again = render_reports(levels, tmp_path / "out", comparison=False, jobs=2)
    assert again.failures == ()
    assert set(again.kept) == {"site0", "site2"}


# what is whole is left alone


def test_a_second_run_makes_only_what_is_missing_or_changed(small, tmp_path) -> None:
    levels = sites(tmp_path / "sites", 3)
    out = tmp_path / "out"
    assert render_reports(levels, out, comparison=False).kept == ()
    stamps = {path.name: path.stat().st_mtime_ns for path in out.glob("site*.html")}
    assert len(render_reports(levels, out, comparison=False).kept) == 3
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("site*.html")} == stamps
    (out / "site0.html").write_text("spoiled")
    levels[1].write_text(levels[1].read_text().replace("title: FTP", "title: File transfer"))
    assert render_reports(levels, out, comparison=False).kept == ("site2",)
    assert render_reports(levels, out, comparison=False, clients=5).kept == ()
    assert render_reports(levels, out, comparison=False, seed=2, clients=5).kept == ()


def test_each_report_that_differs_leaves_one_line_of_history(small, tmp_path) -> None:
    small("from k2rel import report, study, headline", "one = study(level, clients=clients or None)",
          "report.save_results(results, name, headline(one) | {'input_hash': one.provenance.input_hash}, {})")  # fmt: skip
    levels = sites(tmp_path / "sites", 1)
    for clients in (None, None, 6, 6, None):
        render_reports(levels, tmp_path / "out", comparison=False, clients=clients)
    frame = pd.read_csv(tmp_path / "out" / "results" / "site0.history.csv")
    assert frame["clients"].tolist() == [4, 6, 4]


@pytest.mark.slow
def test_kill_9_leaves_whole_files_and_no_kernel_and_the_next_run_finishes(small, tmp_path) -> None:
    """Killed while the second of three reports is in its kernel, which says its process and waits for `go`."""
    levels = sites(tmp_path / "sites", 3)
    out, note, go = tmp_path / "out", tmp_path / "pid", tmp_path / "go"
    small(
        f"import os, pathlib, time\nif name == 'site1' and not pathlib.Path({str(go)!r}).exists():\n"
        f"    pathlib.Path({str(note)!r}).write_text(str(os.getpid()))\n    time.sleep(600)",
        "from k2rel import report\nreport.save_results(results, name, {}, {})",
    )
    code = (
        "import sys, pathlib\nfrom k2rel.report import batch, jobs\n"
        f"jobs.notebook_dir = lambda: pathlib.Path({str(tmp_path / BOOKS)!r})\n"
        f"batch.render_reports({[str(p) for p in levels]!r}, {str(out)!r}, comparison=False, jobs=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (note.exists() and note.read_text()):
        time.sleep(0.05)
    pid = int(note.read_text())
    assert psutil.pid_exists(pid)
    process.kill()
    process.wait()
    assert (out / "site0.html").read_text().endswith("</html>\n")
    assert not (out / "site1.html").exists()
    # what a killed run leaves: with a lock that nobody has, or with a number that no process has
    (out / f".site2.html.{'3' if vars(claims)['fcntl'] is not None else '4194399-1'}.tmp").write_text("half")
    while psutil.pid_exists(pid):
        assert time.monotonic() < deadline, "the kernel runs on"
        time.sleep(0.1)
    go.touch()
    done = render_reports(levels, out, comparison=False)
    assert done.failures == ()
    assert done.kept == ("site0",)
    whole(out)


def test_two_batches_in_one_folder_do_not_take_each_other_s_files(small, tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        theirs = out / f".site9.html.{other.pid}-1.tmp.html"
        theirs.write_text("half")
        render_reports(sites(tmp_path / "sites", 1), out, comparison=False)
        assert theirs.exists()
    finally:
        other.kill()
        other.wait()
    render_reports(sites(tmp_path / "sites", 1), out, comparison=False)
    assert not theirs.exists()


def test_a_batch_that_is_stopped_ends_with_its_index_and_the_next_run_finishes(
    k2, small, tmp_path, monkeypatch
) -> None:
    """Stopped after the first of three reports, in this process; a Ctrl-C that comes from outside is among the slow proofs."""
    levels, out = sites(tmp_path / "sites", 3), tmp_path / "out"
    render, stopped = render_report, []

    def stop(job, *words):
        if job.name != "site0":
            raise KeyboardInterrupt
        return render(job, *words)

    with monkeypatch.context() as patched:
        patched.setattr(batch, "render_report", stop)
        patched.setattr(kernels, "stop_server", lambda: stopped.append("kernels"))
        with pytest.raises(KeyboardInterrupt):
            render_reports(levels, out, comparison=False, jobs=1)
        assert stopped == ["kernels"]
        assert "not made: the run was stopped" in (out / "index.html").read_text()
        whole(out)
        run = k2("report", levels[1], "--output", out, "--jobs", "1", "--no-pdf", "--quiet")
        assert (run.code, run.err) == (130, "k2rel: stopped\n")
    done = render_reports(levels, out, comparison=False)
    assert done.kept == ("site0",)
    assert done.failures == ()
    whole(out)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no other process can be sent a Ctrl-C")
def test_ctrl_c_ends_a_batch_with_its_index_and_the_next_run_finishes(small, tmp_path) -> None:
    levels = sites(tmp_path / "sites", 3)
    out = tmp_path / "out"
    small("import time\ntime.sleep(0.7)", "from k2rel import report\nreport.save_results(results, name, {}, {})")
    code = (
        "import pathlib, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from k2rel.cli import main\nfrom k2rel.report import batch, jobs\n"
        f"jobs.notebook_dir = lambda: pathlib.Path({str(tmp_path / BOOKS)!r})\n"
        f"sys.exit(main(['report', *{[str(p) for p in levels]!r}, '--output', {str(out)!r}, '--jobs', '1', '--no-pdf']))"
    )
    # without a comparison: one is asked for where there are several levels, and this folder has none to offer
    code = code.replace("sys.exit(main", "import k2rel.report\nsys.exit(main")
    write_notebook(tmp_path / BOOKS / "level_comparison.ipynb", "1")
    book = tmp_path / BOOKS / "level_comparison.ipynb"
    text = json.loads(book.read_text())
    text["cells"][0]["source"] = LEVEL.replace('level: str = "L1"\nname: str = ""', "levels: list = []").replace(
        'target: str = ""\n', ""
    )
    book.write_text(json.dumps(text))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (out / "results" / "site0.manifest.json").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "not made: the run was stopped" in (out / "index.html").read_text()
    assert len(render_reports(levels, out, comparison=False).kept) >= 1
    whole(out)


def test_a_read_only_folder_is_said_before_anything_runs(k2, tmp_path) -> None:
    if Path("/proc").is_dir():
        run = k2("report", "L1", "--output", "/proc/nowhere", "--quiet")
        assert run.code == 2
        assert "cannot be written to" in run.err
    locked = tmp_path / "file"
    locked.write_text("")
    assert k2("report", "L1", "--output", locked, "--quiet").code == 2
    assert k2("sweep", data_dir() / "examples/sweeps/clients.yaml", "--output", locked, "--quiet").code == 2


def test_a_full_disk_fails_the_report_with_a_message_and_the_next_run_finishes(small, tmp_path, monkeypatch) -> None:
    levels = sites(tmp_path / "sites", 2)
    out = tmp_path / "out"
    write, full = Path.write_text, [True]

    def write_text(path, text, **options):
        if full[0] and path.name.startswith(".site1.html"):
            write(path, text[: len(text) // 2], **options)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", write_text)
    done = render_reports(levels, out, comparison=False)
    assert done.failures[0].startswith("site1: ")
    assert "No space left on device" in done.failures[0]
    assert not (out / "site1.html").exists()
    whole(out)
    full[0] = False
    assert render_reports(levels, out, comparison=False).kept == ("site0",)


LARGER = MANY.replace("L1", "L2R").replace("last: 8", "last: 4")  # larger diagrams, fewer points
TWO = "name: clients\nlevels: [L1]\nclients: [4, 5]\n"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no system's limit on the size of files")
@pytest.mark.parametrize(
    ("text", "most_bytes", "kept"),
    [(TWO, 200, 0), (TWO, 30_000, 2), (LARGER, 1000, 0), (LARGER, 30_000, 12)],
    ids=["points", "page", "diagrams", "page after diagrams"],
)
def test_a_disk_that_is_really_full_leaves_nothing_half(tmp_path, text, most_bytes, kept) -> None:
    """A limit on the size of files, which the system enforces, stands for the disk.

    With 1,000 bytes not even a diagram fits into the folder for temporary files, with 200 not a point either; with 30,000 the table fits and the
    summary page does not.
    """
    import resource

    spec = sweep_file(tmp_path, text)
    out = tmp_path / "out"
    for point in read_sweep(spec).points:
        sweep_run.compute(point)  # so that nothing has to be compiled and kept
    words = f"['sweep', {str(spec)!r}, '--output', {str(out)!r}, '--jobs', '1', '--quiet']"

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    run = subprocess.run(
        [sys.executable, "-c", f"import sys\nfrom k2rel.cli import main\nsys.exit(main({words}))"],
        capture_output=True, text=True, preexec_fn=limit,
    )  # fmt: skip
    assert run.returncode in (1, 2)
    assert "Traceback" not in run.stderr
    assert "defect" not in run.stderr
    assert "File too large" in run.stderr
    assert (out / "clients.csv").exists() == (kept > 0)
    assert not (out / "clients.html").exists()
    whole(out)
    again = run_sweep(read_sweep(spec), out, jobs=1)
    assert again.kept == kept
    assert again.failed == 0
    assert (out / "clients.html").exists()


# on a cluster


@pytest.fixture
def cluster(request):
    """Workers in processes of their own; with 0, two in threads of this one."""
    distributed = pytest.importorskip("distributed")
    count = getattr(request, "param", 2)
    with distributed.LocalCluster(
        n_workers=count or 2, threads_per_worker=1, dashboard_address=":0", processes=count > 0, protocol="tcp"
    ) as running:
        yield running


@pytest.mark.slow  # the sweep on a cluster below goes the same path
def test_reports_come_back_from_a_cluster_though_a_worker_is_killed(small, tmp_path, cluster) -> None:
    levels = sites(tmp_path / "sites", 4)
    flag = tmp_path / "flag"
    small(
        # the first kernel that comes by kills the worker it runs on
        f"import pathlib, psutil\nflag = pathlib.Path({str(flag)!r})\n"
        "if not flag.exists():\n    flag.touch()\n"
        "    above = psutil.Process().parents()\n"
        "    server = any('k2rel.report.forkserver' in word for word in above[0].cmdline())\n"
        "    above[1 if server else 0].kill()\n    import time; time.sleep(60)",
        "from k2rel import report\nreport.save_results(results, name, {}, {})",
    )
    out = tmp_path / "out"
    done = render_reports(levels, out, comparison=False, scheduler=cluster.scheduler_address)
    assert done.failures == ()
    assert flag.exists()
    assert {path.name for path in done.reports} == {f"site{n}.html" for n in range(4)}
    assert len(render_reports(levels, out, comparison=False).kept) == 4, "made there, they are up to date here"
    whole(out)


@pytest.mark.parametrize("cluster", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))], indirect=True)
def test_a_sweep_on_a_cluster_gives_the_same_table_though_a_worker_is_killed(
    tmp_path, cluster, monkeypatch, quick
) -> None:
    spec = read_sweep(sweep_file(tmp_path, MANY))
    here = run_sweep(spec, tmp_path / "here")
    write, killed, written = write_whole, [], []

    def kill(path, text) -> None:
        if path.parent.name == "points":
            written.append(path.name)
            if not killed:
                first = next(iter(cluster.workers.values()))
                killed.append(first)
                if hasattr(first, "pid"):
                    psutil.Process(first.pid).kill()
                else:
                    cluster.sync(first.close)
        write(path, text)

    monkeypatch.setattr(sweep_run, "write_whole", kill)
    there = run_sweep(spec, tmp_path / "there", scheduler=cluster.scheduler_address)
    assert killed
    assert len(written) == len(set(written)) == there.computed == 24
    pd.testing.assert_frame_equal(here.table, there.table)


# sweeps


@pytest.mark.parametrize("levels", ["L1, L2", pytest.param("L1, L2R", marks=pytest.mark.slow)])
def test_every_point_of_a_grid_is_what_the_library_says(tmp_path, levels) -> None:
    path = sweep_file(
        tmp_path,
        f"name: grid\nlevels: [{levels}]\nclients: [4, 8]\nrepair: [4h, nbd]\nset:\n  media_server.mttr: [2 h, 8 h]\n",
    )
    done = run_sweep(read_sweep(path), tmp_path / "out", jobs=1)
    assert len(done.table) == 16
    assert done.failed == 0
    row: Any
    for row in done.table.itertuples():
        settings = {"media_server.mttr": f"{row[5]:g} h"}
        study = k2rel.study(row.level, clients=int(row.clients), repair=row.repair, settings=settings)
        expected = k2rel.availability(study)["media"]
        assert row.unavailability == pytest.approx(expected.unavailability, rel=1e-12)
        assert row.input_hash == study.provenance.input_hash
    parquet = pd.read_parquet(tmp_path / "out" / "grid.parquet")
    pd.testing.assert_frame_equal(parquet, done.table)
    assert "media_server.mttr [h]" in pd.read_csv(tmp_path / "out" / "grid.csv").columns
    page = (tmp_path / "out" / "grid.html").read_text()
    assert "16 points, 0 failed" in page


def test_a_target_of_a_sweep_is_judged_by_its_probability(tmp_path, quick) -> None:
    """Level 1 with clients that it surely carries; its downtime is about what the middle of three targets allows."""
    targets = ("99", "99.96", "99.999")
    spec = f"levels: [L1]\nclients: [2]\nrepair: [onsite, 4h]\ntargets: [{', '.join(targets)}]\n"
    table = run_sweep(read_sweep(sweep_file(tmp_path, spec)), tmp_path / "out").table
    for _, row in table.iterrows():
        probable = [row[f"p_met_{target}"] for target in targets]
        assert probable[0] > 0.95 > probable[1] > 0.05 > probable[2]
        assert [row[f"verdict_{target}"] for target in targets] == ["met", "not known", "not met"]
    assert table["p_met_99.96"].iloc[0] > table["p_met_99.96"].iloc[1], "repair comes sooner"


def test_sticky_roles_come_from_the_dynamic_engine(tmp_path, quick) -> None:
    path = sweep_file(tmp_path, "levels: [L2R]\nroles: [preferred, modelled]\n")
    table = run_sweep(read_sweep(path), tmp_path / "out").table.set_index("roles")
    study = k2rel.study("L2R")
    both = k2rel.modelled_and_ideal(study, k2rel.feasible_organisation(study)).loc["media"]
    assert table.loc["modelled", "downtime_min_per_year"] == pytest.approx(both["modelled_min_per_year"], rel=1e-9)
    assert table.loc["ideal", "downtime_min_per_year"] == pytest.approx(both["ideal_min_per_year"], rel=1e-9)


def test_a_sample_lies_within_its_limits_fills_them_and_is_seeded(tmp_path) -> None:
    text = (
        "levels: [L1]\nsample: 40\nseed: 3\nset:\n  media_server.mttr: {low: 2 h, high: 32 h, law: loguniform}\n"
        "  toe.capacity: {low: 60 MB/s, high: 100 MB/s}\n"
    )
    spec = read_sweep(sweep_file(tmp_path, text))
    assert spec.points == read_sweep(sweep_file(tmp_path, text)).points
    assert spec.points != read_sweep(sweep_file(tmp_path, text.replace("seed: 3", "seed: 4"))).points
    hours = sorted(float(dict(p.settings)["media_server.mttr"].split()[0]) for p in spec.points)
    # a Latin hypercube has one point in each of 40 strips of equal probability
    for n, value in enumerate(hours):
        assert 2 * 16 ** (n / 40) <= value <= 2 * 16 ** ((n + 1) / 40)


def test_a_sweep_goes_over_the_setting_of_a_part(tmp_path, quick) -> None:
    text = "levels: [L2R]\nset:\n  switch_A.mttf: [20000 h, 2000000 h]\n  gige_switch.mttf: [100000 h]\n"
    rows = run_sweep(read_sweep(sweep_file(tmp_path, text)), tmp_path / "out").table
    assert rows["switch_A.mttf [h]"].tolist() == [20_000, 2_000_000]
    for _, row in rows.iterrows():
        given = {"gige_switch.mttf": "100000 h", "switch_A.mttf": f"{row['switch_A.mttf [h]']} h"}
        study = k2rel.study("L2R", settings=given)
        media = k2rel.availability(study).table().loc["media", "downtime_min_per_year"]
        assert row["downtime_min_per_year"] == pytest.approx(media, rel=1e-9)
        assert row["input_hash"] == study.provenance.input_hash
    assert rows["downtime_min_per_year"].is_monotonic_decreasing


def test_a_stopped_sweep_goes_on_where_it_stood(tmp_path, monkeypatch, no_page) -> None:
    spec = read_sweep(sweep_file(tmp_path, MANY))
    write, count = write_whole, [0]

    def stop(path, text) -> None:
        count[0] += path.parent.name == "points"
        if count[0] > 9:
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(sweep_run, "write_whole", stop)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(spec, tmp_path / "out", jobs=1)
    monkeypatch.setattr(sweep_run, "write_whole", write)
    done = run_sweep(spec, tmp_path / "out", jobs=1)
    assert (done.kept, done.computed) == (9, 15)
    assert run_sweep(spec, tmp_path / "out").kept == 24


def counts(done):
    return done.computed, done.kept, done.damaged


def test_kept_points_are_computed_again_when_bundled_data_or_packages_change(tmp_path, monkeypatch, quick) -> None:
    """Failure rates times 10: the figures follow, and with the old table the old points are there again."""
    from k2rel import basis, bundled

    home = tmp_path / "data"
    shutil.copytree(data_dir(), home)
    monkeypatch.setattr(bundled, "_home", lambda name: home)
    spec = read_sweep(sweep_file(tmp_path, "levels: [L1]\nclients: [4, 5]\n"))
    first = run_sweep(spec, tmp_path / "out")
    assert counts(first) == (2, 0, 0)
    assert counts(run_sweep(spec, tmp_path / "out")) == (0, 2, 0)
    table = home / "rates.csv"
    before = table.read_text()
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    for column in ("lambda_per_h", "lambda_lo90", "lambda_hi90"):
        constant = (frame["law"] == "exponential") & (frame[column] != "")
        frame.loc[constant, column] = [f"{10 * float(x):.12g}" for x in frame.loc[constant, column]]
    frame.to_csv(table, index=False)
    tenfold = run_sweep(spec, tmp_path / "out")
    assert counts(tenfold) == (2, 0, 0)
    ratio = tenfold.table["failures_per_year"] / first.table["failures_per_year"]
    assert ratio.between(5, 10).all()
    table.write_text(before)
    assert counts(run_sweep(spec, tmp_path / "out")) == (0, 2, 0)
    site = home / "levels" / "L1.yaml"
    site.write_text(site.read_text() + "# another byte\n")
    assert counts(run_sweep(read_sweep(tmp_path / "spec.yaml"), tmp_path / "out")) == (2, 0, 0)
    real = metadata.version
    for package in ("numpy", "scipy", "numba", "oxidd"):
        monkeypatch.setattr(metadata, "version", lambda name, p=package: "0" if name == p else real(name))
        assert run_sweep(spec, tmp_path / "out").kept == 0
    monkeypatch.setattr(metadata, "version", real)
    monkeypatch.setattr(basis, "code_hash", lambda: "another code")
    assert run_sweep(spec, tmp_path / "out").kept == 0


def test_a_flipped_digit_in_a_kept_point_is_noticed_and_said(tmp_path, k2, quick) -> None:
    path = sweep_file(tmp_path, "levels: [L1]\nclients: [4, 5]\n")
    first = run_sweep(read_sweep(path), tmp_path / "out")
    one, other = sorted((tmp_path / "out" / "points").glob("*.json"))
    good = one.read_text()
    digits = [n for n, sign in enumerate(good) if sign.isdigit()]
    for place in digits[:: len(digits) // 12]:
        one.write_text(good[:place] + str((int(good[place]) + 1) % 10) + good[place + 1 :])
        again = run_sweep(read_sweep(path), tmp_path / "out")
        assert counts(again) == (1, 1, 1)
        pd.testing.assert_frame_equal(again.table, first.table)
        assert one.read_text() == good
    for text in (
        "",
        "{}",
        "null",
        good[:-20],
        json.dumps({k: v for k, v in json.loads(good).items() if k != "checksum"}),
    ):
        one.write_text(text)
        assert counts(run_sweep(read_sweep(path), tmp_path / "out")) == (1, 1, 1)
    shutil.copy(other, one)  # a point under the key of another one
    run = k2("sweep", path, "--quiet", "--output", tmp_path / "out")
    assert run.code == 0
    assert "1 of the kept points were not what had been written, and were computed again" in run.out
    assert one.read_text() == good


def test_two_sites_of_one_file_name_are_told_apart(tmp_path, quick) -> None:
    for folder, drives in (("north", 5), ("south", 8)):
        (tmp_path / folder).mkdir()
        text = site_path("L1").read_text()
        (tmp_path / folder / "site.yaml").write_text(text.replace("name: L1\n", f"name: L1\n# {drives}\n"))
    (tmp_path / "alone.yaml").write_text(site_path("L1").read_text())
    path = sweep_file(tmp_path, "levels: [L1, north/site.yaml, south/site.yaml, alone.yaml]\n")
    done = run_sweep(read_sweep(path), tmp_path / "out")
    assert done.table["level"].tolist() == ["L1", "north/site.yaml", "south/site.yaml", "alone.yaml"]
    assert counts(done) == (4, 0, 0)


def test_a_worker_with_other_data_or_packages_computes_nothing(tmp_path) -> None:
    from k2rel.basis import basis

    spec = read_sweep(sweep_file(tmp_path, "levels: [L1]\n"))
    ((_, row),) = sweep_run._remote([("key", spec.points[0])], spec.files, basis() | {"numpy": "1.0"})
    assert "other code, data or packages than this machine: numpy " in row["error"]


def test_a_report_is_made_again_when_the_bundled_data_changed_or_its_page_was_changed(
    small, tmp_path, monkeypatch
) -> None:
    from k2rel import basis

    levels = sites(tmp_path / "sites", 1)
    out = tmp_path / "out"
    render_reports(levels, out, comparison=False)
    page = out / "site0.html"
    page.write_text(page.read_text().replace("0", "1", 1))
    done = render_reports(levels, out, comparison=False)
    assert done.kept == ()
    assert "site0: site0.html has been changed; the report is rendered again" in done.notes
    assert render_reports(levels, out, comparison=False).notes == ()
    monkeypatch.setattr(basis, "data_hash", lambda: "other data")
    assert render_reports(levels, out, comparison=False).kept == ()


def test_a_point_that_fails_is_a_row_with_its_error_and_is_tried_again(tmp_path, quick) -> None:
    path = sweep_file(tmp_path, "levels: [L1, nearline]\nset:\n  toe.capacity: [90 MB/s]\n")
    done = run_sweep(read_sweep(path), tmp_path / "out")
    rows = done.table.set_index("level")
    assert rows.loc["L1", "error"] == ""
    assert "has no component type or part 'toe'" in rows.loc["nearline", "error"]
    assert done.failed == 1
    again = run_sweep(read_sweep(path), tmp_path / "out")
    assert (again.kept, again.failed) == (1, 1)


@pytest.mark.slow
def test_a_point_that_kills_its_process_is_a_row_and_the_others_are_computed(tmp_path, monkeypatch, no_page) -> None:
    spec = read_sweep(sweep_file(tmp_path, "levels: [L1]\nclients: [4, 5, 6]\n"))
    monkeypatch.setattr(sweep_run, "_computed", deadly)
    done = run_sweep(spec, tmp_path / "out")
    rows = done.table.set_index("clients")["error"]
    assert rows[5] == "the process that computed this point ended unexpectedly, twice"
    assert rows[[4, 6]].tolist() == ["", ""]


def deadly(chunk):
    if any(point.clients == 5 for _, point in chunk):
        psutil.Process().kill()
    return [(key, sweep_run.compute(point)) for key, point in chunk]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("levels: [L9]\n", 1, "cannot be read"),
        ("levels: []\n", 1, "needs at least 1"),
        ("clients: [4]\n", None, "is missing"),
        ("levels: [L1]\nclients: [0]\n", 2, "from 1 to 10,000"),
        ("levels: [L1]\nclients: {first: 9, last: 3}\n", 2, "below the first"),
        ("levels: [L1]\nrepair: [never]\n", 2, "repair.0: must be 'onsite'"),
        ("levels: [L1]\nset:\n  mttr: [1 h]\n", 3, "component-type.key"),
        ("levels: [L1]\nset:\n  toe.capacity: {low: 1 MB/s, high: 2 MB/s}\n", 3, "the number of points"),
        ("levels: [L1]\nsample: 3\nset:\n  toe.capacity: {low: 1 h, high: 2 MB/s}\n", 4, "of one unit"),
        ("levels: [L1]\nsample: 3\nset:\n  toe.capacity: {low: 9 MB/s, high: 2 MB/s}\n", 4, "low below high"),
        ("levels: [L1]\nsample: 3\nset:\n  a.b: {low: 0 h, high: 2 h, law: loguniform}\n", 4, "above 0"),
        ("levels: [L1]\nsample: 3\n", 2, "nothing to sample"),
        ("levels: [L1]\ntargets: [100]\n", 2, "below 100"),
        ("levels: [L1]\nclient: [3]\n", 2, "is not a known entry here; did you mean 'clients'"),
        ("levels: [L1]\nclients: 8\n", 2, "clients: must be a list or entries of the form key: value, got 8"),
        ("levels: [L1]\nclients: [8, a]\n", 2, "clients.1: must be a whole number, got 'a'"),
        ("levels: [L1]\nset:\n  psu.mttr: [{a: 1}]\n", 3, "psu.mttr\".0: must be text or a number or a whole number"),
        ("levels: [L1]\nset:\n  psu.mttr: {low: 1 h}\n", 3, "psu.mttr\".high: is missing"),
        ("levels: [L1]\nname: ../x\n", 2, "pattern"),
        ("levels: [L1]\nclients: {first: 1, last: 10000}\nset:\n  a.b: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]\n"
         "  a.c: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]\n", None, "at most 1,000,000"),
    ],
)  # fmt: skip
def test_mistakes_in_a_sweep_are_placed(k2, tmp_path, text, line, message) -> None:
    path = sweep_file(tmp_path, text)
    run = k2("sweep", path, "--quiet", "--output", tmp_path / "out")
    assert run.code == 2
    assert message in run.err
    if line:
        assert f"spec.yaml:{line}" in run.err


def test_what_cannot_be_is_refused_at_once(k2, tmp_path) -> None:
    spec = data_dir() / "examples/sweeps/clients.yaml"
    assert k2("sweep", tmp_path / "none.yaml").code == 2
    assert k2("sweep", spec, "--jobs", "0", "--output", tmp_path / "a").code == 2
    assert k2("report", "L1", "--jobs", "-1", "--output", tmp_path / "b").code == 2
    assert k2("sweep", spec, "--scheduler", "nowhere", "--output", tmp_path / "c", "--quiet").code == 2
    with pytest.raises(InputError, match="workers"):
        run_sweep(read_sweep(spec), tmp_path / "d", jobs=0)


@pytest.mark.parametrize(
    ("wrong", "said"), [({"method": "exakt"}, "did you mean 'exact'"), ({"roles": "fixed"}, "'modelled' or 'ideal'")]
)
def test_who_answers_is_checked_before_anything_is_rendered(tmp_path, wrong, said) -> None:
    with pytest.raises(InputError, match=said):
        render_reports(["L1"], tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()
