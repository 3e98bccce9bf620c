"""What several test files use: the command line in this process, a copy of a level to spoil, rendered pages."""

import json
import os
import threading
import time

import hypothesis
import pytest

from k2rel.bundled import notebook_dir, site_path
from k2rel.cli import main
from k2rel.explore.serve import ExplorerServer
from k2rel.report import jobs, render_reports
from tests.visiting import CHROMIUM

for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):  # of whoever runs the tests
    os.environ.pop(name, None)

collect_ignore = ["without_posix"]  # what it takes away would be gone from every test
LONGEST = ("simulation", "batches", "explorer", "notebooks", "names", "command_line", "readme", "field_data", "advice",
           "summary", "frames", "reports", "validation")  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Longest files first, so that no core waits for one at the end; files are given to cores in this order.

    Validation comes later, for it simulates too: begun beside test_simulation, both would compile the same in a new
    clone. Before that, of families marked `usual` the other cases become slow proofs.
    """
    families = {}
    for item in items:
        if marker := item.get_closest_marker("usual"):
            families.setdefault((item.path, item.originalname), (set(marker.args), []))[1].append(item)
    for (path, name), (kept, family) in families.items():
        missing = kept - {item.callspec.id for item in family}
        if missing and len(family) > 1 and not any("::" in word for word in config.args):
            raise pytest.UsageError(f"{path.name}: {name} has no case {', '.join(sorted(missing))}")
        for item in family:
            if item.callspec.id not in kept:
                item.add_marker(pytest.mark.slow)
    rank = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def pytest_generate_tests(metafunc):
    """Tests of anything at random run twice: with a third of their examples, and among the slow proofs with all."""
    drawn = getattr(metafunc.function, "is_hypothesis_test", False)
    if drawn and not metafunc.definition.get_closest_marker("slow"):
        metafunc.fixturenames.append("examples")
        metafunc.parametrize("examples", ["third", pytest.param("all", marks=pytest.mark.slow)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Hypothesis has no way to say this from outside; where its settings stand is asked for by name, so that a new place fails."""
    if getattr(item, "callspec", None) is None or item.callspec.params.get("examples") != "third":
        return (yield)
    function = getattr(item.obj, "__func__", item.obj)
    whole = function._hypothesis_internal_use_settings
    few = max(whole.max_examples // 3, min(whole.max_examples, 8))
    function._hypothesis_internal_use_settings = hypothesis.settings(whole, max_examples=few)
    try:
        return (yield)
    finally:
        function._hypothesis_internal_use_settings = whole


class Run:
    """Outcome of one call of the command line."""

    def __init__(self, code, out, err) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def k2(capsys):
    """Call the command line; SystemExit of the argument parser counts as its exit code."""

    def call(*words):
        code: int | str | None
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Run(code, out, err)

    return call


@pytest.fixture
def log(tmp_path):
    """Write a log of the field."""

    def write(text, name="log.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def spoiled(tmp_path):
    """Write a copy of Level 2R with one text replaced; say in which line it stands."""

    def write(old, new, level="L2R", data=None):
        text = site_path(level, data).read_text()
        assert old in text, old
        line = text[: text.index(old)].count("\n") + 1
        path = tmp_path / "site.yaml"
        path.write_text(text.replace(old, new, 1))
        return path, line

    return write


@pytest.fixture(scope="session")
def asked():
    """What the reports of `pages` are asked for; 20 clients are more than Level 2R carries."""
    return {"clients": 20, "settings": {"toe.capacity": "90 MB/s"}, "target": "99.999"}


@pytest.fixture(scope="session")
def pages(tmp_path_factory, asked):
    """Level 2R, nearline and all that stands beside their reports, rendered once a run for all who look at them."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # that of all processes of the run
    try:
        (folder / "pages.begun").mkdir()  # one process alone can
    except FileExistsError:
        while not (folder / "pages.ended").exists():
            time.sleep(0.1)
    else:
        try:
            done = render_reports(["L2R", "nearline"], folder / "pages", **asked, pdf=True)
        finally:
            (folder / "pages.ended").mkdir()
        assert done.failures == ()
    return folder / "pages"


@pytest.fixture
def short_notebooks(tmp_path, monkeypatch):
    """Notebooks with the parameters of those shipped that do hardly anything but fail for a level that is named."""

    def use(failing=""):
        folder = tmp_path / "notebooks"
        folder.mkdir()
        for name in ("level_report", "level_comparison", "two_designs"):
            notebook = json.loads((notebook_dir() / f"{name}.ipynb").read_text())
            code = next(cell for cell in notebook["cells"][2:] if cell["cell_type"] == "code")
            if name == "level_report":
                code["source"] = (
                    f"if level == {failing!r}:\n    raise ValueError('for the test')\n"
                    "from k2rel import report\nreport.save_results(results, name, {'unavailability': 0.5}, {})"
                )
            else:
                code["source"] = "1"
            notebook["cells"] = [*notebook["cells"][:2], code]
            (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
        monkeypatch.setattr(jobs, "notebook_dir", lambda: folder)

    return use


@pytest.fixture(scope="module")
def browser():
    """The Chromium of the machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def server():
    """The explorer of Level 2R, served."""
    with ExplorerServer("L2R") as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()
