"""The notebooks are clean and parameterised, run, and give the library's own numbers."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import k2rel
from k2rel import InputError
from k2rel.bundled import notebook_dir
from k2rel.errors import RenderError
from k2rel.report import render
from k2rel.report.render import execute_notebook, render_reports

NOTEBOOKS = sorted(notebook_dir().glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_without_output_and_with_parameters(path):
    cells = json.loads(path.read_text())["cells"]
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    assert cells[0]["cell_type"] == "markdown"
    assert "".join(cells[0]["source"]).startswith("# ")
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            assert len(cell["source"]) <= 15


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    return folder, render_reports(["L2R", "nearline"], folder, clients=6, settings={"toe.capacity": "90 MB/s"})


pytestmark = pytest.mark.notebook


def test_reports_are_rendered_with_index_and_comparison(rendered):
    folder, done = rendered
    assert done.failures == ()
    assert {path.name for path in folder.glob("*.html")} == {
        "L2R.html",
        "nearline.html",
        "level_comparison.html",
        "index.html",
    }
    index = (folder / "index.html").read_text()
    for name in ("L2R.html", "nearline.html", "level_comparison.html"):
        assert f"href='{name}'" in index
    assert not list(folder.rglob("*.tmp*"))


def test_a_report_shows_the_numbers_of_the_library(rendered):
    folder, _ = rendered
    study = k2rel.study("L2R", clients=6, settings={"toe.capacity": "90 MB/s"})
    table = pd.read_csv(folder / "results" / "L2R_availability.csv", index_col="service")
    expected = k2rel.availability(study).table()
    assert table["unavailability"].to_dict() == pytest.approx(expected["unavailability"].to_dict(), rel=1e-12)
    page = (folder / "L2R.html").read_text()
    assert f"{expected.loc['media', 'downtime_min_per_year']:.2f} min" in page
    assert study.provenance.input_hash in page
    assert "set by hand: toe.capacity=90 MB/s" in page
    headline = json.loads((folder / "results" / "L2R.json").read_text())
    assert headline["unavailability"] == pytest.approx(expected.loc["media", "unavailability"], rel=1e-12)


def test_a_report_has_every_part_that_a_reader_needs(rendered):
    page = (rendered[0] / "L2R.html").read_text()
    for heading in (
        "Verdict", "Wiring", "Failover", "Services and downtime", "What causes the downtime", "How sure the figures are",
        "Single points of failure and cut sets", "Load before and after failover", "How probable overload is",
        "Repair contracts side by side", "Other readings of what is not known", "Assumptions and sources",
    ):  # fmt: skip
        assert f">{heading}" in page, heading
    assert page.count("<img alt=") >= 7 + 6
    assert "No description has been provided" not in page
    for assumption in k2rel.assumptions(k2rel.study("L2R"))["assumption"]:
        assert assumption in page


def test_a_report_is_self_contained_and_hides_the_code(rendered):
    for path in rendered[0].glob("*.html"):
        page = path.read_text()
        for word in ("http://cdn", "https://cdn", "<script", "@import", "src='http", 'src="http', "k2rel.study("):
            assert word not in page, (path.name, word)


def test_text_of_a_site_file_cannot_become_markup(tmp_path):
    text = (k2rel.bundled.data_dir() / "levels" / "L1.yaml").read_text()
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    text = text.replace("title: media server", f"title: '{evil}'").replace("title: FTP\n", f"title: '{evil} $x^2$'\n")
    text = text.replace("reason: No page gives", f"reason: {evil} No page gives")
    path = tmp_path / "evil.yaml"
    path.write_text(text)
    done = render_reports([path], tmp_path / "out", comparison=False)
    assert done.failures == ()
    for page in (tmp_path / "out").glob("*.html"):
        assert "<script" not in page.read_text()
        assert "<img src=x" not in page.read_text()


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Notebooks of which the level report fails for L1 only."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and "plot_causes" in "".join(cell["source"]) and "level_report" in path.name:
                cell["source"] = ["if level == 'L1':\n", "    raise ValueError('for the test')\n", *cell["source"]]
        (folder / path.name).write_text(json.dumps(notebook))
    monkeypatch.setattr(render, "notebook_dir", lambda: folder)
    return tmp_path / "out"


def test_a_notebook_that_fails_leaves_the_others_and_is_kept(k2, broken):
    run = k2("report", "L1", "L2", "--output", broken, "--quiet")
    assert run.code == 1
    (line,) = [line for line in run.err.splitlines() if line.startswith("k2rel: L1")]
    assert "ValueError: for the test" in line
    assert "cell " in line
    assert not (broken / "L1.html").exists()
    assert (broken / "L2.html").exists()
    assert (broken / "level_comparison.html").exists()
    kept = json.loads((broken / "notebooks" / "failed" / "L1.ipynb").read_text())
    assert any("for the test" in json.dumps(cell.get("outputs", "")) for cell in kept["cells"])
    assert "failed: cell" in (broken / "index.html").read_text()


def write_notebook(path, *sources):
    cells = [
        {"cell_type": "code", "execution_count": None, "id": f"c{i}", "metadata": {"tags": ["parameters"]} if i == 0 else {},
         "outputs": [], "source": source}
        for i, source in enumerate(("n: int = 1", *sources))
    ]  # fmt: skip
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_a_kernel_that_dies_is_no_success(tmp_path):
    notebook = write_notebook(tmp_path / "dies.ipynb", "1 + 1", "import os\nos._exit(1)")
    with pytest.raises(RenderError, match="kernel died"):
        execute_notebook(notebook, tmp_path / "out" / "dies.ipynb", {})
    assert not (tmp_path / "out" / "dies.ipynb").exists()
    assert (tmp_path / "out" / "failed" / "dies.ipynb").exists()


def test_a_cell_that_never_ends_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "_CELL_TIMEOUT_S", 2)
    notebook = write_notebook(tmp_path / "slow.ipynb", "import time\ntime.sleep(60)")
    with pytest.raises(RenderError, match="took longer than 2 s"):
        execute_notebook(notebook, tmp_path / "out" / "slow.ipynb", {})


def test_an_unknown_parameter_is_refused_instead_of_run_on_defaults(tmp_path):
    notebook = write_notebook(tmp_path / "small.ipynb", "n")
    with pytest.raises(InputError, match="has no parameter nn"):
        execute_notebook(notebook, tmp_path / "out.ipynb", {"nn": 2})
    execute_notebook(notebook, tmp_path / "out.ipynb", {"n": 2})
    assert '"2"' in (tmp_path / "out.ipynb").read_text()


def test_a_killed_run_leaves_no_half_file_and_the_next_one_cleans_up(tmp_path):
    code = f"from k2rel.report import render_reports; render_reports(['L1'], {str(tmp_path)!r}, comparison=False)"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (tmp_path / "notebooks").exists():
        time.sleep(0.05)
    time.sleep(1.0)
    process.kill()
    process.wait()
    for path in Path(tmp_path).rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            assert path.stat().st_size > 0
            assert path.suffix != ".html", "no report under a final name"
    (tmp_path / ".L1.html.99999.tmp").write_text("half")
    assert render_reports(["L1"], tmp_path, comparison=False).failures == ()
    assert not (tmp_path / ".L1.html.99999.tmp").exists()
    assert (tmp_path / "L1.html").read_text().endswith("</html>\n")


def test_the_notebook_on_coverage_finds_two_units_best(tmp_path):
    done = execute_notebook(notebook_dir() / "takeover_coverage.ipynb", tmp_path / "out.ipynb", {"coverages": [0.95]})
    text = done.read_text()
    assert "With coverage 0.95 2 units are best: 1.95 minutes a year." in text
    assert "a takeover has failed" in text


def test_the_notebook_on_raid_finds_hundreds_of_times_more_losses_than_the_formula(tmp_path):
    given = {"histories": 20_000, "seed": 3}
    text = execute_notebook(notebook_dir() / "raid_data_loss.ipynb", tmp_path / "out.ipynb", given).read_text()
    found = re.search(r"groups lose data ([0-9.]+) times in 10 years; the formula says 0.42, ([0-9]+) times less", text)
    assert abs(float(found[1]) - 133.1) < 12  # three standard errors of the published value and of 20,000 groups
    assert int(found[2]) > 100
    assert "36,162" in text
