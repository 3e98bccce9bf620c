"""What an explorer shows is a state that can be linked, gone back to, undone, saved and taken along as a picture."""

import json
import re
import sys
import threading
import xml.etree.ElementTree as ET
from importlib import import_module
from urllib.parse import quote

import pytest

import k2rel
from k2rel.bundled import site_path
from k2rel.columns import COLUMNS
from k2rel.explore.answers import PAGE_STYLE, WIDGET_STYLE, answer, first_choice, sites
from k2rel.explore.figures import RATES, LiveSite
from k2rel.explore.serve import ExplorerServer
from k2rel.report.explorer import show_explorer
from k2rel.report.page import report_page
from tests.visiting import CHROMIUM, Visit

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]
LIT = {"met": "✓", "not met": "✗", "not known": "?"}


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """Reports of the drawing alone, as files."""
    folder = tmp_path_factory.mktemp("offline")

    def write(level="L2R", clients=None):
        study = k2rel.study(level, clients=clients)
        path = folder / f"{level}_{study.site.client_count}.html"
        chapters = "<h2 id='load'>Load</h2>" + "<p>…</p>" * 80
        path.write_text(report_page(study.site.title, show_explorer(study).data + chapters, ""), encoding="utf-8")
        return path.as_uri()

    return write


def problem(visit):
    return visit.page.inner_text(".k2x-problem")


def fragment(visit):
    return visit.page.url.partition("#")[2]


def handed(visit, button, folder):
    """The file that a button hands out."""
    with visit.page.expect_download() as given:
        visit.page.get_by_role("button", name=button).click()
    path = folder / given.value.suggested_filename
    given.value.save_as(path)
    return path


def load_file(visit, path, text):
    path.write_text(text, encoding="utf-8")
    visit.page.set_input_files("input[type=file]", path)
    visit.page.wait_for_timeout(50)


# Reports, without a server


def test_an_address_opens_a_report_with_its_failures_and_the_contents_still_lead_to_chapters(browser, offline) -> None:
    visit = Visit(browser, offline() + "#failed=switch_A,isl_1&roles=B")
    assert visit.said().startswith("Failed: switch A, isl 1.")
    assert visit.page.locator(".k2x-tools select").input_value() == "B"
    assert visit.mark("switch_A").get_attribute("aria-pressed") == "true"
    assert problem(visit) == ""
    visit.page.get_by_role("link", name="Load").click()
    assert fragment(visit) == "load"
    assert visit.page.evaluate("scrollY") > 0
    assert visit.said().startswith("Failed: switch A, isl 1."), "a chapter is no state"
    visit.clean()


def test_back_and_forward_go_through_the_states(browser, offline) -> None:
    visit = Visit(browser, offline())
    nothing = visit.said()
    visit.mark("switch_A").click()
    one = visit.said()
    assert fragment(visit) == "failed=switch_A"
    visit.page.get_by_role("link", name="Load").click()
    visit.mark("server_B").click()
    two = visit.said()
    assert fragment(visit) == "failed=switch_A,server_B"
    went = []
    for step in ("go_back", "go_back", "go_back", "go_forward", "go_forward", "go_forward"):
        getattr(visit.page, step)()
        went.append(visit.said())
    assert went == [one, one, nothing, one, one, two]
    visit.page.reload()
    visit.page.wait_for_selector(".k2x-said")
    assert visit.said() == two
    visit.clean()


def test_what_an_address_names_that_is_not_there_is_said(browser, offline) -> None:
    report = offline()
    visit = Visit(browser, report + "#failed=switch_A,swich_B")
    assert problem(visit) == 'Left out of the address: "swich_B" is not a part of L2R with 4 clients.'
    for address, sentence, said in (
        ("failed=client_4_media_A,client_5_media_A", '"client_5_media_A" is not a part', "Failed: client 4 media A."),
        ("roles=C&failed=switch_A", 'roles "C" is not available (A, B)', "Failed: switch A."),
        ("level=L9&clients=8&failed=switch_A", 'level "L9" is not available (L2R); clients "8" is not available (4)', "Failed: switch A."),
        ("colour=red", '"colour" is not part of a state', "Nothing has failed."),
        ("target=99", 'target "99" cannot be chosen here', "Nothing has failed."),
        ("nowhere", 'there is no entry "nowhere"', "Nothing has failed."),
        ("failed=" + quote("<img src=x onerror=alert(1)>"), '"<img src=x onerror=alert(1)>" is not a part', "Nothing has failed."),
        ("roles=A&roles=B&failed=%zz", "roles is named twice", "Nothing has failed."),
    ):  # fmt: skip
        visit.page.goto(f"{report}#{address}")
        visit.page.locator(".k2x-problem", has_text=sentence).wait_for()
        assert problem(visit).startswith("Left out of the address: ")
        assert visit.said().startswith(said)
    visit.mark("server_A").click()
    assert "server A" in visit.said()
    assert problem(visit) == "", "it is said until something else is done"
    visit.clean()


def test_failures_are_listed_repaired_one_by_one_undone_and_redone(browser, offline) -> None:
    visit = Visit(browser, offline())
    page = visit.page
    for part in ("switch_A", "server_B", "isl_1"):
        visit.mark(part).click()
    three = visit.said()
    assert page.locator(".k2x-failed li").all_inner_texts() == ["switch A repair", "server B repair", "isl 1 repair"]
    page.get_by_role("button", name="repair server B").press("Enter")
    assert visit.said().startswith("Failed: switch A, isl 1.")
    assert page.evaluate("document.activeElement.textContent") == "repair", "the keyboard stays in the list"
    page.get_by_role("button", name="undo").click()
    assert visit.said() == three
    page.keyboard.press("Control+y")
    assert visit.said().startswith("Failed: switch A, isl 1.")
    page.get_by_role("button", name="repair everything").click()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert visit.said() == three
    page.keyboard.press("Control+Shift+z")
    assert visit.said().startswith("Failed: switch A, isl 1.")
    for _ in range(5):
        page.keyboard.press("Control+z")
    assert visit.said().startswith("Nothing has failed.")
    assert page.get_by_role("button", name="undo").get_attribute("aria-disabled") == "true"
    visit.clean()


def test_a_state_is_saved_and_loaded_and_bad_files_are_said(browser, offline, tmp_path) -> None:
    visit = Visit(browser, offline() + "#failed=switch_A,psu_raid_1&roles=B")
    before = visit.said()
    saved = handed(visit, "save state", tmp_path)
    assert saved.name == "L2R_state.json"
    assert json.loads(saved.read_text()) == {
        "k2rel": "explorer", "level": "L2R", "clients": 4, "contract": "4h", "failed": ["switch_A", "psu_raid_1"], "roles": "B"
    }  # fmt: skip
    visit.page.get_by_role("button", name="repair everything").click()
    load_file(visit, tmp_path / "again.json", saved.read_text())
    assert visit.said() == before
    assert problem(visit) == ""
    for text, sentence in (
        ("{", "it is not JSON"),
        ("[1]", "it is not a state of the explorer"),
        ("null", "it is not a state of the explorer"),
        ('{"failed": ["switch_A"]}', "it is not a state of the explorer"),
        ('{"k2rel": "explorer", "failed": {"a": 1}}', "failed is not a list of names"),
        (" " * 200_000, "it is too long"),
    ):
        load_file(visit, tmp_path / "bad.json", text)
        assert problem(visit).startswith(f"Left out of the file: {sentence}")
        assert visit.said() == before
    load_file(visit, tmp_path / "other.json", '{"k2rel": "explorer", "level": "L3R", "failed": ["isl_1", "server_2A"]}')
    assert problem(visit) == (
        'Left out of the file: level "L3R" is not available (L2R); "server_2A" is not a part of L2R with 4 clients.'
    )
    assert visit.said().startswith("Failed: isl 1.")
    visit.clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_drawing_is_exported_as_it_is_now_and_stands_alone(browser, offline, tmp_path, scheme) -> None:
    visit = Visit(browser, offline() + "#failed=switch_A", color_scheme=scheme)
    path = handed(visit, "drawing as SVG", tmp_path)
    assert path.name == "L2R_switch_A.svg"
    text = path.read_text(encoding="utf-8")
    svg = ET.fromstring(text)
    names = {element.tag.partition("}")[2] for element in svg.iter()}
    assert names <= {"svg", "title", "g", "rect", "path", "text", "tspan", "line", "circle"}
    assert re.findall(r"https?://[^'\" ]+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|url\(|var\(|class=|style=|<script|@import", text)
    title, paper, *_ = svg
    assert title.text.startswith("Level 2R, two servers, two switches, 4 clients. Failed: switch A. Down: ftp.")
    assert paper.get("fill") == "rgb(255, 255, 255)"
    written = "".join(svg.itertext())
    assert "GigE switch A" in written
    assert "out of service" in written
    (name,) = [element for element in svg.iter() if element.tag.endswith("tspan") and element.text == "GigE switch A"]
    assert name.get("fill") == "rgb(34, 34, 34)", "dark ink on light paper, whatever the page is"
    moved = "() => [...document.querySelectorAll('.k2d text')].map(e => getComputedStyle(e)).filter(s => s.visibility === 'visible' && s.transform !== 'none').map(s => s.transform)"
    found = [e.get("transform") for e in svg.iter() if e.tag.endswith("}text") and e.get("transform")]
    assert found
    assert found == visit.page.evaluate(moved), "what the style moves is moved in the file"
    assert {e.get(what) for e in svg.iter() for what in ("fill", "stroke")} >= {"rgb(0, 114, 178)", "rgb(213, 94, 0)"}
    assert "color(" not in text
    size = (float(svg.attrib["width"]), float(svg.attrib["height"]))
    png = handed(visit, "drawing as PNG", tmp_path).read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (2 * size[0], 2 * size[1])
    visit.clean()


def test_the_load_table_says_carried_at_its_limit_and_overloaded(browser, offline) -> None:
    fills = {"carried": "rgb(0, 158, 115)", "at its limit": "rgb(240, 228, 66)", "overloaded": "rgb(213, 94, 0)"}
    seen = set()
    for clients in (8, 9):
        visit = Visit(browser, offline("L2R", clients) + "#failed=switch_A")
        outcome = k2rel.failover(k2rel.study("L2R", clients=clients), ["switch_A"])
        rows = visit.page.locator(".k2x-state table").last.locator("tbody tr")
        assert rows.count() == len(outcome.loads)
        for row, load in zip(rows.all(), outcome.loads, strict=True):
            full = "at its limit" if load.load_mb_s == load.capacity_mb_s else "carried"
            word = "overloaded" if load.load_mb_s > load.capacity_mb_s else full
            assert [text.strip() for text in row.inner_text().split("\t")] == [
                load.element.replace("_", " "), f"{load.load_mb_s:.1f}", f"{load.capacity_mb_s:.0f}", "", word
            ]  # fmt: skip
            colour = row.locator(".k2x-bar span").evaluate("item => getComputedStyle(item).backgroundColor")
            assert colour == fills[word]
            seen.add(word)
        assert rows.first.locator("td").nth(1).evaluate("item => getComputedStyle(item).textAlign") == "right"
        visit.clean()
    assert seen == set(fills)


def test_a_desk_has_the_drawing_beside_the_tables_and_a_phone_has_it_above(browser, offline) -> None:
    desk = Visit(browser, offline(), width=1440)
    drawing, panel = (desk.page.locator(f".k2x {name}").first.bounding_box() for name in ("figure", ".k2x-panel"))
    assert drawing["x"] + drawing["width"] <= panel["x"]
    assert drawing["width"] > 700
    desk.page.evaluate("document.querySelector('.k2x-panel').scrollIntoView({block: 'end', behavior: 'instant'})")
    assert desk.page.evaluate("scrollY") > 50
    assert desk.page.locator(".k2x figure").bounding_box()["y"] >= 0, "it stays in sight beside the tables"
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= 1440
    desk.clean()
    phone = Visit(browser, offline("L3R", 20) + "#failed=switch_A", width=390)
    drawing, panel = (phone.page.locator(f".k2x {name}").first.bounding_box() for name in ("figure", ".k2x-panel"))
    assert drawing["y"] + drawing["height"] <= panel["y"]
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    phone.clean()


# The page of its own


def settled(visit):
    """What the served page says when nothing is on its way any more."""
    visit.page.wait_for_selector(".k2live-figures:not([aria-busy])")
    return visit.page.inner_text(".k2live-said")


def figures_row(visit, service):
    return visit.page.locator(".k2live-figures tr", has=visit.page.locator(f"td:text-is('{service}')")).first


def test_an_address_is_a_whole_state_of_the_served_page(browser, server) -> None:
    address = "level=L3&clients=8&contract=nbd&rates=as+given&target=99.9&failed=switch_A"
    visit = Visit(browser, f"{server.url}#{address}", selector=".k2live .k2x-said")
    page = visit.page
    page.wait_for_selector(".k2live[data-number='1']")
    expected = k2rel.availability(k2rel.study("L3", clients=8, repair="nbd"))["media"].downtime_min_per_year
    assert settled(visit).startswith("Level 3, two servers that share the roles: 8 clients, contract nbd")
    assert visit.said().startswith("Failed: switch A.")
    assert figures_row(visit, "media").inner_text().split("\t")[3] == COLUMNS["downtime_min_per_year"][1](expected)
    choices = page.locator(".k2live-choices")
    assert [control.input_value() for control in choices.locator("select, input").all()] == [
        "L3",
        "8",
        "nbd",
        "as given",
        "99.9",
    ]
    choices.locator("select").nth(1).select_option("4h")
    page.wait_for_selector(".k2live[data-number='2']")
    visit.mark("server_2").click()
    assert fragment(visit) == "level=L3&clients=8&contract=4h&rates=as+given&target=99.9&failed=switch_A,server_2"
    page.go_back()
    assert visit.said().startswith("Failed: switch A.")
    page.go_back()
    page.wait_for_selector(".k2live[data-number='3']")
    assert "contract nbd" in settled(visit)
    choices.locator("select").first.focus()
    page.keyboard.press("Control+z")
    page.wait_for_selector(".k2live[data-number='4']")
    assert "contract 4h" in settled(visit)
    choices.locator("input").first.focus()
    page.keyboard.press("Control+z")
    assert page.locator(".k2live[data-number='4']").count(), "where a text is written, its own undo holds"
    visit.clean()


def test_what_cannot_be_is_said_and_the_page_goes_on(browser, server) -> None:
    visit = Visit(
        browser,
        f"{server.url}#level=L9&contract=never&target=many&clients=0&failed=toe_9",
        selector=".k2live .k2x-said",
    )
    for sentence in ('level "L9" is not available (L2R, L1', 'contract "never" is not available', 'target "many" is out of range',
                     'clients "0" is out of range', '"toe_9" is not a part of L2R'):  # fmt: skip
        assert sentence in problem(visit)
    clients, target = visit.page.locator(".k2live-choices input").all()
    for control, text, sentence in (
        (clients, "20000", "not computed: clients: a whole number from 1 to 10,000 is needed, got 20000; drawing and figures are"),
        (clients, "600", "600 clients"),
        (target, "0.99", "not computed: target: 0.99 % is below 50 %"),
        (target, "", "600 clients"),
        (clients, "4", "4 clients"),
    ):  # fmt: skip
        control.fill(text)
        control.press("Enter")
        visit.page.locator(".k2live-said", has_text=sentence).wait_for()
        if text == "600":
            assert "with more than 500 the drawing stays as it is" in visit.page.inner_text(".k2x-panel")
            assert figures_row(visit, "media").count() == 1
    visit.mark("server_A").click()
    assert visit.said().startswith("Failed: server A.")
    visit.clean()


def test_the_light_is_that_of_the_library(browser) -> None:
    with ExplorerServer("L2R", target="99.9") as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        visit = Visit(browser, running.url, selector=".k2live .k2x-said")
        for target in ("99.9", "99.99", "99.9999"):
            field = visit.page.locator(".k2live-choices input").last
            field.fill(target)
            field.press("Enter")
            visit.page.locator(".k2live-verdict", has_text=f"the target of {target} %").wait_for()
            (judged,) = k2rel.judge("L2R", {"media": float(target)}, explain=False)
            assert visit.page.inner_text(".k2live-verdict .light") == f"{LIT[judged.verdict]} {judged.verdict}"
        visit.clean()
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("width", [390, 1440])
def test_the_served_page_is_dark_where_that_is_preferred_and_fits(browser, server, width) -> None:
    visit = Visit(
        browser, f"{server.url}#target=99.99&failed=server_A", width, ".k2live .k2x-said", color_scheme="dark"
    )
    settled(visit)
    shade = "([name, what]) => { const [r, g, b] = getComputedStyle(document.querySelector(name))[what].match(/[\\d.]+/g).map(Number); return (r + g + b) / 3; }"
    for name in ("body", ".k2live", ".k2d", ".k2live select"):
        assert visit.page.evaluate(shade, [name, "backgroundColor"]) < 60, name
    for name in (".k2live-said", ".k2x-state td", ".k2live-figures td", ".k2live select"):
        assert visit.page.evaluate(shade, [name, "color"]) > 180, name
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = "[...document.querySelectorAll('button, select, input')].filter(e => !(e.labels?.length || e.ariaLabel || e.textContent)).length"
    assert visit.page.evaluate(unnamed) == 0
    visit.clean()


# What stands behind


def test_the_figures_are_those_that_the_command_gives(k2) -> None:
    told = k2("availability", "L2R", "--clients", 8, "--repair", "nbd", "--format", "json").json
    shown = answer({**first_choice("L2R"), "clients": 8, "contract": "nbd"}, sites("L2R"))
    rows = dict(re.findall(r"<tr><td>([^<]+)</td>((?:<td[^>]*>[^<]*</td>){4})</tr>", shown["figures"]))
    assert len(rows) >= 6
    named = {item["service"].replace("_", " "): item for item in told["services"]}
    named |= {item["title"]: item for item in told["services"] if item["service"] == "full_service"}
    for service, cells in rows.items():
        item = named[service]
        texts = re.findall(r">([^<]*)</td>", cells)
        columns = ("availability", "unavailability", "downtime_min_per_year", "failures_per_year")
        assert texts == [COLUMNS[name][1](item[name]) for name in columns]
    assert f"Takeovers {told['takeovers']}; {told['method']}" in shown["figures"]


def test_a_site_file_goes_by_its_name_and_never_by_its_path(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(site_path("L1").read_text().replace("name: L1", "name: My-site", 1))
    with ExplorerServer(str(path)) as server:
        page, _ = server.page()
        assert server.asked["level"] == "My-site"
        assert str(tmp_path) not in page
    copy = tmp_path / "copy.yaml"
    copy.write_text(site_path("L1").read_text())
    assert list(sites(str(copy)))[:2] == ["copy.yaml", "L1"], "a changed copy of a level stands beside the level"


def test_a_target_that_cannot_be_is_refused_before_anything_is_served(k2) -> None:
    run = k2("explore", "L1", "--target", "0.999", "--no-browser")
    assert run.code == 2
    assert "0.999 % is below 50 %" in run.err


def test_without_the_extra_the_widget_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "k2rel.explore.widget", raising=False)
    with pytest.raises(
        k2rel.InputError, match=r"package anywidget is needed, .* pip install 'k2rel\[explore\]'"
    ) as told:
        import_module("k2rel.explore.widget")
    assert isinstance(told.value, ImportError)
    assert told.value.name == "anywidget"


def test_the_widget_leaves_the_colours_of_the_notebook_alone() -> None:
    assert ":root" in PAGE_STYLE
    assert not re.search(r":root|(^|\})\s*(body|html|\*|h1)\b", WIDGET_STYLE)
    assert "[data-jp-theme-light='false']" in WIDGET_STYLE


def test_the_script_of_the_widget_loads_as_a_module(browser) -> None:
    """A notebook loads it so; a module refuses what a page lets pass, such as one name declared twice."""
    from k2rel.explore.widget import Explorer

    page = browser.new_page()
    load = "async (text) => typeof (await import('data:text/javascript,' + encodeURIComponent(text))).default.render"
    assert page.evaluate(load, str(Explorer._esm)) == "function"
    page.close()


def test_a_target_is_judged_with_rates_as_given_alone() -> None:
    """All rates moved to a limit have no limits of their own around it."""
    live = LiveSite("L1")
    assert "Judged by 200 draws" in live.figures(target="99.9").verdict_html()
    moved = live.figures(rates=RATES[2], target="99.9")
    assert moved.judged == ()
    assert "choose failure rates as given" in moved.verdict_html()


def test_a_target_near_one_is_not_written_as_one() -> None:
    (judged,) = k2rel.judge("L1", {"media": 99.99999999}, samples=8, explain=False)
    assert "the target of 99.99999999 %" in judged.words()
