"""The notebooks are clean and parameterised, run, and give the library's own numbers."""

import base64
import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

import k2rel
from k2rel import InputError, plots
from k2rel.bundled import data_dir, notebook_dir
from k2rel.design.pair import pair_sentences
from k2rel.errors import RenderError
from k2rel.explore.live import explorer
from k2rel.report import execute, render_reports
from k2rel.report.execute import execute_notebook

NOTEBOOKS = sorted(notebook_dir().glob("*.ipynb"))
REFERENCE = str(data_dir() / "examples" / "reference_san.yaml")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_without_output_and_with_parameters(path) -> None:
    cells = json.loads(path.read_text())["cells"]
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    assert cells[0]["cell_type"] == "markdown"
    assert "".join(cells[0]["source"]).startswith("# ")
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            assert len(cell["source"]) <= (20 if cell in tagged else 15)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_open_with_what_they_answer_and_end_with_what_to_try(path, k2) -> None:
    verbs = re.findall(r"^ {4}([a-z]+)\b", k2("--help").out, flags=re.MULTILINE)
    cells = json.loads(path.read_text())["cells"]
    first, last = ("".join(cells[place]["source"]) for place in (0, -1))
    assert re.match(r"# .+\n\n[^\n]+\?\n\n- \*\*In:\*\* .+\n- \*\*Out:\*\* .+", first), first
    assert cells[-1]["cell_type"] == "markdown"
    head, *suggestions = re.split(r"\n+- ", last)
    assert head == "## What to try next"
    assert 2 <= len(suggestions) <= 3
    (source,) = ("".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    parameters = re.findall("^([a-z_]+): ", source, flags=re.MULTILINE)
    for suggestion in suggestions:
        named = re.findall(r"`([^`]+)`", suggestion)
        assert named, suggestion  # concrete: a parameter, another notebook or a command
        for name in named:
            verb = re.match(r"k2rel ([a-z]+)\b", name)
            known = (
                verb[1] in verbs if verb
                else (path.parent / name).exists() if name.endswith(".ipynb")
                else re.match("[a-z_]*", name)[0] in parameters
            )  # fmt: skip
            assert known, (name, suggestion)


SHOWN_BELOW = ("level_report", "level_comparison", "failover_walkthrough", "design_change", "own_site", "explorer",
               "takeover_coverage", "load_planning", "advice", "how_sure", "all_levels",
               "two_designs", "from_cables", "designs")  # each with parameters of its own  # fmt: skip


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("name", "given"),
    [("sweep_summary", {}), ("field_data", {}), ("rates_update", {"level": "L1"}),
     *(pytest.param(name, {}, marks=pytest.mark.slow) for name in ("rates_update", *SHOWN_BELOW))],
)  # fmt: skip
def test_every_notebook_runs_as_it_is(tmp_path, name, given) -> None:
    """As somebody does who opens it and runs all cells; the one on RAID does so below, with fewer histories."""
    assert execute_notebook(notebook_dir() / f"{name}.ipynb", tmp_path / "out.ipynb", given).exists()


@pytest.mark.parametrize("level", [pytest.param(REFERENCE, id="reference"), pytest.param("L1", marks=pytest.mark.slow)])
def test_the_notebook_on_advice_says_what_the_library_says(tmp_path, level) -> None:
    text = executed("advice", tmp_path, level=level, sets=10)
    found = k2rel.advise(k2rel.study(level), pairs=False)
    assert f"Media is down for {found.now_min_per_year:.3g} min/year (takeovers as modelled)." in text
    assert found.changes[0].title in text


@pytest.mark.parametrize("level", ["L1", pytest.param("L2R", marks=pytest.mark.slow)])
def test_the_notebook_on_sureness_says_the_probability_of_the_target_and_what_turns_it(tmp_path, level) -> None:
    text = executed("how_sure", tmp_path, level=level, target=99.95, samples=200, seed=3)
    study = k2rel.study(level)
    principal = k2rel.failover(study).principal
    (judged,) = k2rel.judge(study, {principal: 99.95}, samples=200, seed=3)
    assert judged.words() in text
    for row in k2rel.break_even(study, principal, judged.allowed_min_per_year).itertuples():
        assert row.about in text
    assert text.count("<svg class='k2c'") == 3


pytestmark = pytest.mark.notebook


def test_reports_are_rendered_with_index_and_comparison(pages) -> None:
    assert {path.name for path in pages.glob("*.html")} == {
        "L2R.html",
        "nearline.html",
        "level_comparison.html",
        "index.html",
    }
    index = (pages / "index.html").read_text()
    for name in ("L2R.html", "nearline.html", "level_comparison.html"):
        assert f"href='{name}'" in index
    assert not list(pages.rglob("*.tmp*"))


def test_a_report_shows_the_numbers_of_the_library(pages, asked) -> None:
    study = k2rel.study("L2R", clients=asked["clients"], settings=asked["settings"])
    table = pd.read_csv(pages / "results" / "L2R_availability.csv", index_col="service")
    expected = k2rel.availability(study).table()
    assert table["unavailability"].to_dict() == pytest.approx(expected["unavailability"].to_dict(), rel=1e-12)
    page = (pages / "L2R.html").read_text()
    assert f"{expected['downtime_min_per_year']['media']:.3g} min" in page
    assert study.provenance.input_hash in page
    assert "set by the user: toe.capacity=90 MB/s" in page
    headline = json.loads((pages / "results" / "L2R.json").read_text())
    assert headline["unavailability"] == pytest.approx(expected.loc["media", "unavailability"], rel=1e-12)


def test_a_report_has_every_part_that_a_reader_needs(pages) -> None:
    page = (pages / "L2R.html").read_text()
    for heading in (
        "Main causes of downtime: media", "What would help most", "Inputs that could change the verdict", "The system", "Takeovers, and what they cost",
        "What follows from each single failure", "On duty", "Services and downtime", "Interruptions", "What causes the downtime",
        "What a common cause would add", "How sure the figures are", "Load, before and after failures",
        "Repair contracts side by side", "Alternative assumptions", "Assumptions and sources",
    ):  # fmt: skip
        assert f">{heading}" in page, heading
    assert len(re.findall(r"<svg [^>]*class=['\"]k2c['\"]", page)) >= 7
    assert page.count("<svg aria-label=") >= 1 + 6 + 6  # the wiring, the cases, the steps of a takeover
    assert "No description has been provided" not in page
    for assumption in k2rel.assumptions(k2rel.study("L2R"))["assumption"]:
        assert assumption in page


def test_a_report_is_self_contained_and_hides_the_code(pages) -> None:
    for path in pages.glob("*.html"):
        page = path.read_text()
        for word in ("http://cdn", "https://cdn", "<script src", "@import", "src='http", 'src="http', "k2rel.study("):
            assert word not in page, (path.name, word)


def scripts(page):
    """Scripts of a page that a browser runs, as they stand in it."""
    return re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)


def test_only_the_script_that_the_page_names_by_its_hash_may_run(pages) -> None:
    for path in pages.glob("*.html"):
        page = path.read_text()
        (script,) = scripts(page)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in page
        others = set(re.findall(r"<script[^>]*>", page)) - {"<script>"}
        assert others <= {'<script type="application/json">'}


EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """Reports and exports of a site whose every text wants to be something else."""
    folder = tmp_path_factory.mktemp("evil")
    text = (k2rel.bundled.data_dir() / "levels" / "L1.yaml").read_text()
    formula = '=HYPERLINK("http://x")'
    text = text.replace("title: media server", f"title: '{EVIL}'").replace(
        "title: FTP\n", f"title: '{formula}{EVIL} $x^2$'\n"
    )
    text = text.replace("reason: No page gives", f"reason: '{formula}'\n    source: '@SUM(1) {EVIL}'\n    # ")
    text = text.replace('title: "Level 1', f'title: "{EVIL.replace(chr(34), "")} Level 1')
    path = folder / "evil.yaml"
    path.write_text(text)
    assert render_reports([path], folder / "out", comparison=False).failures == ()
    return folder / "out"


def test_text_of_a_site_file_cannot_become_markup(evil) -> None:
    for page in evil.glob("*.html"):
        text = page.read_text()
        assert len(scripts(text)) == 1
        assert "<img src=x" not in text
        assert "alert(1)</script>" not in text
    notebook = json.loads((evil / "notebooks" / "L1.ipynb").read_text())
    shown = [
        "".join(text)
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        for kind, text in output.get("data", {}).items()
        if kind != "text/plain"
    ]
    assert not any("<script>" in text or "<img src=x" in text for text in shown)


def test_text_of_a_site_file_cannot_become_a_formula(evil) -> None:
    import openpyxl

    found = 0
    for path in (evil / "results").glob("*.csv"):
        for row in csv.reader(path.read_text().splitlines()):
            for cell in row:
                assert not re.match(r"[=@\t\r]|[+-](?![\d.]|inf)", cell), (path.name, cell)
                found += cell.startswith("'=")
    assert found >= 1
    for path in (evil / "results").glob("*.xlsx"):
        for sheet in openpyxl.load_workbook(path):
            for row in sheet.iter_rows():
                for cell in row:
                    assert cell.data_type != "f", (sheet.title, cell.coordinate)
                    assert cell.hyperlink is None


def test_text_of_a_site_file_cannot_become_markup_in_a_drawing(tmp_path) -> None:
    text = (
        (k2rel.bundled.data_dir() / "levels" / "L1.yaml").read_text().replace("title: media server", f"title: '{EVIL}'")
    )
    path = tmp_path / "evil.yaml"
    path.write_text(text)
    study = k2rel.study(path)
    drawing = plots.draw_site(study.site, k2rel.failover(study), title=EVIL + "'\" onload='x")
    root = ElementTree.fromstring(drawing.svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "style", "g", "title", "path", "rect", "text", "tspan"}
    assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)


def test_a_notebook_that_fails_leaves_the_others_and_is_kept(k2, short_notebooks, tmp_path) -> None:
    short_notebooks(failing="L1")
    broken = tmp_path / "out"
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


def test_a_kernel_that_dies_is_no_success(tmp_path) -> None:
    notebook = write_notebook(tmp_path / "dies.ipynb", "1 + 1", "import os\nos._exit(1)")
    with pytest.raises(RenderError, match="kernel ended unexpectedly"):
        execute_notebook(notebook, tmp_path / "out" / "dies.ipynb", {})
    assert not (tmp_path / "out" / "dies.ipynb").exists()
    assert (tmp_path / "out" / "failed" / "dies.ipynb").exists()


def test_a_cell_that_never_ends_is_stopped(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(execute, "_CELL_TIMEOUT_S", 2)
    notebook = write_notebook(tmp_path / "slow.ipynb", "import time\ntime.sleep(60)")
    with pytest.raises(RenderError, match="took longer than 2 s"):
        execute_notebook(notebook, tmp_path / "out" / "slow.ipynb", {})


def test_an_unknown_parameter_is_refused_instead_of_run_on_defaults(tmp_path) -> None:
    notebook = write_notebook(tmp_path / "small.ipynb", "n")
    with pytest.raises(InputError, match=r"small.ipynb: there is no parameter 'nn'; did you mean 'n'\? Parameters: n"):
        execute_notebook(notebook, tmp_path / "out.ipynb", {"nn": 2})
    with pytest.raises(InputError, match=r"small.ipynb: n: a whole number is needed, got 'two'"):
        execute_notebook(notebook, tmp_path / "out.ipynb", {"n": "two"})
    execute_notebook(notebook, tmp_path / "out.ipynb", {"n": "2"})
    assert '"2"' in (tmp_path / "out.ipynb").read_text()


def test_the_notebook_on_coverage_finds_two_units_best(tmp_path) -> None:
    done = execute_notebook(notebook_dir() / "takeover_coverage.ipynb", tmp_path / "out.ipynb", {"coverages": [0.95]})
    text = done.read_text()
    assert "With coverage 0.95 2 units are best: 1.95 minutes a year." in text
    assert "failed takeover" in text


def test_the_notebook_on_raid_finds_hundreds_of_times_more_losses_than_the_formula(tmp_path) -> None:
    given = {"histories": 20_000, "seed": 3}
    text = execute_notebook(notebook_dir() / "raid_data_loss.ipynb", tmp_path / "out.ipynb", given).read_text()
    found = re.search(r"groups lose data ([0-9.]+) times in 10 years; the formula says 0.42, ([0-9]+) times less", text)
    assert abs(float(found[1]) - 133.1) < 12  # three standard errors of the published value and of 20,000 groups
    assert int(found[2]) > 100
    assert "36,162" in text


def executed(name, place, **parameters):
    return execute_notebook(notebook_dir() / f"{name}.ipynb", place / "out.ipynb", parameters).read_text()


def rows(text):
    """Every row of every table of an executed notebook, as texts."""
    html = "".join(
        "".join(output["data"].get("text/html", ""))
        for cell in json.loads(text)["cells"]
        for output in cell.get("outputs", [])
        if "data" in output
    )
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html, flags=re.DOTALL)]


def test_the_walkthrough_follows_every_case_and_one_takeover(tmp_path) -> None:
    text = executed("failover_walkthrough", tmp_path, level="L3R", follow=["switch_A"])
    assert text.count("<li>") == 6
    assert "file system at B, media side at B" in text
    for case in k2rel.failover_cases(k2rel.study("L3R"))[1:]:
        assert f"<h3>{case.title}</h3>".replace("'", "&#x27;") in text.replace("\\u0026", "&")


@pytest.mark.parametrize("level", ["L1", pytest.param("L2R", marks=pytest.mark.slow)])
def test_the_notebook_on_a_change_gives_the_library_s_numbers(tmp_path, level) -> None:
    text = executed(
        "design_change", tmp_path, before=level, repair_after="4h", doubled=["raid_chassis"], clients_after=6
    )
    before, after = k2rel.study(level), k2rel.with_second(k2rel.study(level, clients=6), ["raid_chassis"])
    minutes = [k2rel.availability(one)["media"].downtime_min_per_year for one in (before, after)]
    assert f"media is down {minutes[0]:.4g} min a year before the change and {minutes[1]:.4g} after" in text


def test_the_notebook_on_two_designs_says_first_which_is_down_less_and_marks_what_differs(tmp_path) -> None:
    text = executed("two_designs", tmp_path, designs=["L1", "L2"], counts=[4, 5])
    answers = {name: study.solve() for name, study in k2rel.studies_of(["L1", "L2"]).items()}
    first, *_ = pair_sentences(k2rel.recommend(answers))
    assert first.startswith("L1 has less downtime than L2: 193 min a year")
    assert first in text
    assert "data-part='toe_A2' data-differs=''" in text
    assert "data-part='raid_chassis' data-differs=''" not in text
    found = {row[0]: row[1:] for row in rows(text) if len(row) == 3}
    assert found["L1"] == ["0", "1"], "the TOE of Level 1 carries four clients"
    assert found["L2"] == ["0", "0"]


def test_the_notebook_on_load_planning_finds_how_many_clients_fit(tmp_path) -> None:
    given = {"levels": ["L1", "L2R"], "bit_rates": ["25 MB/s", "50 Mb/s"], "most": 12}
    told = ([text.strip() for text in row] for row in rows(executed("load_planning", tmp_path, **given)))
    found = {tuple(row[:2]): row[2:4] for row in told if len(row) == 11}
    # a TOE of 100 MB/s carries four clients of 25 MB/s; the Fibre Channel link of 200 MB/s carries seven beside FTP
    assert found["L1", "25 MB/s"] == ["4", "4"]
    assert found["L2R", "25 MB/s"] == ["8", "8"]
    assert found["L1", "50 Mb/s"] == ["12", "12"]


def test_the_notebook_on_all_levels_takes_the_one_that_carries_the_clients_and_says_why(tmp_path) -> None:
    given = {"levels": ["L1", "L2"], "clients": [4, 6], "target": "99.95", "samples": 64, "seed": 2}
    text = executed("all_levels", tmp_path, **given)
    found = {n: k2rel.recommend(["L1", "L2"], clients=n, target=99.95, samples=64, seed=2) for n in (4, 6)}
    taken = {row[0]: row[1] for row in rows(text) if len(row) == 9 and row[1] in ("L1", "L2")}
    assert taken == {str(n): one.chosen.name for n, one in found.items()}
    assert found[6].chosen.name == "L2"  # a TOE of 100 MB/s carries four clients of 25 MB/s, and L1 has one
    assert found[6].sentences()[0] in text
    assert "L2: media is down" in text


def test_the_notebook_on_an_own_site_shows_a_mistake_with_its_line_and_goes_on(tmp_path) -> None:
    text = executed("own_site", tmp_path, clients=5, folder=str(tmp_path))
    assert "did you mean" in text
    assert "5 clients" in text
    assert k2rel.study(tmp_path / "studio.yaml").site.name == "studio"


def test_the_explorer_s_notebook_gives_a_widget_and_says_what_to_install(tmp_path) -> None:
    cells = json.loads(executed("explorer", tmp_path, level="L3"))["cells"]
    (shown,) = (output["data"] for cell in cells for output in cell.get("outputs", []))
    still = "".join(shown["text/html"])  # what a viewer shows that knows no widgets
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert still.count("<svg") == 1
    assert "k2rel explore L3" in still
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert all("pip install 'k2rel[explore]'" in text for text in (still, texts[1]))


def test_without_the_packages_of_widgets_the_explorer_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "k2rel.explore.widget", raising=False)
    shown = explorer("L1").data
    assert "the package anywidget is not installed" in shown
    assert "pip install 'k2rel[explore]'" in shown
    assert "k2rel explore L1" in shown


def test_the_notebooks_are_copied_whole_and_nobody_s_work_is_overwritten(k2, tmp_path) -> None:
    folder = tmp_path / "my books"
    run = k2("notebooks", folder)
    assert run.code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in NOTEBOOKS
    }
    assert f"jupyter lab '{folder}'" in run.out
    assert k2("notebooks", folder).code == 0  # nothing was changed there, so nothing is lost
    (folder / "advice.ipynb").write_text("mine")
    (folder / "own_site.ipynb").unlink()
    run = k2("notebooks", folder)
    assert run.code == 2
    assert "advice.ipynb differs from what is shipped" in run.err
    assert (folder / "advice.ipynb").read_text() == "mine"
    assert not (folder / "own_site.ipynb").exists()
    assert k2("notebooks", folder, "--force").code == 0
    assert (folder / "advice.ipynb").read_bytes() == (notebook_dir() / "advice.ipynb").read_bytes()


def test_a_folder_that_cannot_be_one_is_refused_in_a_sentence(k2, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for folder in ("", tmp_path / "file", tmp_path / "file" / "below"):
        run = k2("notebooks", folder)
        assert run.code == 2
        assert run.err.startswith("k2rel: notebooks")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux lists them")
def test_what_kernels_are_copies_of_starts_no_thread() -> None:
    script = (
        "import os\nfrom k2rel.report import forkserver\n"
        "def threads(): return len(os.listdir('/proc/self/task'))\n"
        "forkserver.preload()\nbefore = threads()\nforkserver.warm_up()\n"
        "import sys\nprint(threads() - before, 'numba' in sys.modules)"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["0", "True"]
