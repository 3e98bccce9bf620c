"""What the pages show is run: commands, Python, files; links lead somewhere; the site knows every public name."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.cli import _arguments
from k2rel.site.read import read_site
from k2rel.sweep import read_sweep
from tasks.all import TASKS
from tests import pages
from tests.pages import PAGES, ROOT, Block, Command, a_folder, agrees, blocks, commands, followed
from tests.visiting import CHROMIUM, Visit

CONSOLES = [block for page in PAGES for block in blocks(page) if block.language == "console"]
COMMANDS = [command for block in CONSOLES for command in commands(block)]
OURS = [command for command in COMMANDS if command.words[0] == "k2rel"]

ELSEWHERE = {
    "git": "the address of the repository is not known to the page",
    "python": "makes environments and runs tasks: tests/test_tasks.py and tests/test_release.py do that",
    "python3": "as python",
    "pip": "needs the package to be published; tests/test_release.py installs what would be",
    "make": "the targets are the tasks, below",
    "python3.12": "as python",
    "mkdir": "is not ours",
    "curl": "asks a host that is not there",
    "py": "is there on Windows only",
    "papermill": "run by the slow test below",
    "jupyter": "a server that stays",
}
"""Commands that are not run, and why."""
STAYS = {"explore"}
"""Commands that go on until Ctrl-C; they have tests of their own."""
DEAR = {"report", "sweep", "advise", "simulate", "uncertainty", "clients", "served", "outage", "update", "maintenance"}
"""Verbs that take seconds: a page whose commands are shown with output is run in `make test` without these."""


def test_pages_show_code_of_known_kinds_only() -> None:
    known = {"console", "python", "text", "yaml", "json", "{code-cell} ipython3", "powershell"}
    assert {str(block): block.language for page in PAGES for block in blocks(page) if block.language not in known} == {}


def test_every_command_that_is_not_ours_is_known_and_why_it_is_not_run() -> None:
    assert {command.words[0] for command in COMMANDS} - {"k2rel", "cd", "."} <= set(ELSEWHERE)
    assert {command.words[1] for command in COMMANDS if command.words[0] == "make"} <= set(TASKS)


def test_the_pages_show_most_commands() -> None:
    assert len({command.words[1] for command in OURS}) >= 25


@pytest.mark.parametrize("command", OURS, ids=str)
def test_every_command_is_understood(command: Command) -> None:
    assert _arguments(command.words[1:]).verb == command.words[1]


def quick(what: Command | Block) -> bool:
    return not (isinstance(what, Command) and {what.words[1]} & (DEAR | STAYS))


def whole(what: Command | Block) -> bool:
    return not (isinstance(what, Command) and {what.words[1]} & STAYS)


def run(page: Path, wanted) -> None:
    with a_folder():
        for what, shown, printed, _, _ in followed(page, wanted):
            assert not shown.strip() or agrees(shown, printed), f"{what}\n{printed}"


WITH_CODE = [page for page in PAGES if any(block.language in {"console", "python"} for block in blocks(page))]


@pytest.mark.parametrize("name", ["README.md", "docs/tutorial.md"])
def test_what_a_newcomer_follows_does_as_it_says(name) -> None:
    run(ROOT / name, quick)


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_every_page_does_as_it_says(page) -> None:
    run(page, whole)


SHIPPED = [set(path.read_text(encoding="utf-8").splitlines()) for path in data_dir().rglob("*.yaml")]


def kind_of(block: Block) -> str:
    """What a block of YAML is: a site, a sweep, targets, or a part of a file that is shipped."""
    first = block.text.partition("\n")[0]
    if first.startswith("format:"):
        return "site"
    if "levels:" in block.text:
        return "sweep"
    if re.fullmatch(r"(\w+: [\d.]+\n)+", block.text):
        return "targets"
    return "part"


# parts of files that are not shipped; the tests that read them
PARTS = {
    "site-files": "test_site_files, test_templates, test_takeover_entries, test_told_of_a_site",
    "takeovers": "test_takeover_table",
}


@pytest.mark.parametrize(
    "block", [block for page in PAGES for block in blocks(page) if block.language in {"yaml", "json"}], ids=str
)
def test_every_file_that_is_shown_is_one(block: Block, tmp_path) -> None:
    if block.language == "json":
        assert json.loads(block.text)
        return
    path = tmp_path / "shown.yaml"
    path.write_text(block.text, encoding="utf-8")
    match kind_of(block):
        case "site":
            assert read_site(path).warnings == ()
        case "sweep":
            assert read_sweep(path)
        case "targets":
            assert k2rel.read_target(str(path), "L2R")
        case _:
            lines = set(block.text.splitlines())
            assert block.page.stem in PARTS or any(lines <= shipped for shipped in SHIPPED), block


def shown_below_prose(block: Block) -> bool:
    """Whether a text is no output of the Python above it."""
    return re.search(r"```\s*```text\n$", block.page.read_text(encoding="utf-8")[: block.begin]) is None


TEXTS = [block for page in PAGES for block in blocks(page) if block.language == "text" and shown_below_prose(block)]
TABLES = {page: [block for block in TEXTS if block.page.stem == page] for page in ("duty", "importing", "outage")}
OTHER_TEXTS = {
    "method": "formulas; the tests of what they are of have them",
    "CONTRIBUTING": "drawn from the code: test_architecture",
    "takeovers": "what a command says of the site above it: test_takeover_table",
}


def test_every_text_is_an_output_or_is_read_by_a_test() -> None:
    assert {block.page.stem for block in TEXTS} == {*TABLES, *OTHER_TEXTS}
    assert [len(TABLES[page]) for page in TABLES] == [1, 3, 1], "those of the tests below"


def test_the_names_of_alarms_that_are_shown_are_those_of_the_example() -> None:
    (names,) = TABLES["duty"]
    shipped = (data_dir() / "examples" / "alarms" / "names.csv").read_text(encoding="utf-8").splitlines()
    assert set(names.text.splitlines()) <= set(shipped)


def test_the_list_of_cables_that_is_shown_is_a_site_with_the_types_that_are_shown(tmp_path) -> None:
    for block, name in zip(TABLES["importing"], ("cables", "devices", "cable_types"), strict=True):
        (tmp_path / f"{name}.csv").write_text(block.text, encoding="utf-8")
    types = [tmp_path / "devices.csv", tmp_path / "cable_types.csv"]
    site = k2rel.from_cables(tmp_path / "cables.csv", types=types, clients="cam-*")
    devices = {cell for line in TABLES["importing"][0].text.splitlines()[1:] for cell in line.split(",")[0:3:2]}
    assert devices - {"cam-1"} <= set(site.components)
    assert site.sides == ("A", "B")


@pytest.mark.slow
def test_the_log_of_an_outage_that_is_shown_is_followed(tmp_path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(TABLES["outage"][0].text, encoding="utf-8")
    past = k2rel.outage("L2R", log)
    assert past.left_out == ()
    assert "media was down 49 min in 2 failures" in str(past), "a minute of takeover, and 48 until it is placed by hand"


def test_the_runner_notices_an_output_that_is_not_the_one_shown(tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ k2rel levels\n...\nL2R …\n...\nL9 is no level\n...\n```\n", encoding="utf-8")
    pages_of = blocks(page)
    assert [block.language for block in pages_of] == ["console"]
    with a_folder():
        ((_, shown, printed, _, _),) = followed(page)
    assert not agrees(shown, printed)
    assert agrees("...\nL2R …\n...\n", printed)
    assert pages.renewed("...\nL2R       Level 2\n...\n", printed).splitlines()[1].startswith("L2R ")


# the site


LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#([^)\s]+))?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target, anchor in LINK.findall(text):
        there = page.parent / target
        if "/notebooks/" in there.as_posix() and there.suffix == ".ipynb":
            there = ROOT / "notebooks" / there.name
        if target.endswith(("licences.md",)) and not there.exists():
            continue
        assert there.exists(), f"{target} of {page.name}"
        if anchor and there.suffix == ".md":
            titles = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), flags=re.M)
            marks = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in marks, f"{target}#{anchor} of {page.name}"


def test_every_public_name_stands_once_in_the_interface() -> None:
    listed = re.findall(r"^   k2rel\.(\w+)$", (ROOT / "docs" / "reference" / "api.md").read_text(), flags=re.M)
    public = [name for name in dir(k2rel) if not name.startswith("_") and not hasattr(getattr(k2rel, name), "__path__")]
    assert sorted(listed) == sorted(public)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built in a copy, so that nothing is kept from before; every notebook and every picture of the gallery runs."""
    place = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", place / "docs", ignore=shutil.ignore_patterns("api", "*.ipynb"))
    for name in ("notebooks", "data", "k2rel", "tests", "CONTRIBUTING.md", "CHANGELOG.md", "reports", "pyproject.toml"):
        (place / name).symlink_to(ROOT / name)
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "2", "-b", "html", "docs", "site"]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr
    return place / "site"


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(site) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?:[^\"]+)\"", text) == [], page.name
    notebooks = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks <= {path.stem for path in (site / "notebooks").glob("*.html")}
    assert (site / "gallery.html").read_text(encoding="utf-8").count("<img") >= 25
    assert {path.stem for path in (site / "reference" / "api").glob("k2rel.*.html")} >= {"k2rel.study", "k2rel.risk"}


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_site_is_clicked_through_without_a_complaint(browser, site) -> None:
    """Every page that the sidebar leads to, from the first one on, and the search."""
    visit = Visit(browser, (site / "index.html").as_uri(), selector="article")
    there = visit.page.eval_on_selector_all(".sidebar-tree a.reference.internal", "all => all.map(a => a.href)")
    places = {url.partition("#")[0] for url in there if "/api/" not in url}
    assert len(places) >= 50
    for url in sorted(places):
        visit.page.goto(url)
        assert visit.page.locator("article h1").count() >= 1, url
        wide = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 1, f"{url} is wider than the window"
        lost = visit.page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
        assert lost == [], url
    visit.page.goto((site / "index.html").as_uri())
    visit.page.click("text=Tutorial >> nth=0")
    visit.page.wait_for_selector("h1:has-text('Tutorial')")
    visit.page.fill(".sidebar-search", "coverage")
    visit.page.press(".sidebar-search", "Enter")
    visit.page.wait_for_selector("#search-results a:has-text('What coverage is')")  # results come one by one
    visit.clean()


def test_commands_are_read_as_a_shell_reads_them() -> None:
    (command,) = commands(Block(ROOT / "README.md", "console", '$ k2rel a --x "b c" \\\n    --y  # why\nout\n', 0, 0))
    assert command.words == shlex.split('k2rel a --x "b c" --y')
    assert command.shown == "out\n"
