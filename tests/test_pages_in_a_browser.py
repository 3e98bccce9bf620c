"""Rendered pages in a real browser: nothing from outside, no error, readable on a desk, a phone and paper."""

import shutil

import pytest

from k2rel.report import render_reports

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    assert render_reports(["L3R"], folder, clients=20).failures == ()
    return folder


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


def visit(browser, path, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    complaints, outside = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: outside.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    page.goto(path.as_uri())
    return page, complaints, outside


@pytest.mark.parametrize("name", ["index.html", "L3R.html", "level_comparison.html"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_load_clean_and_fit_the_screen(browser, pages, name, width):
    page, complaints, outside = visit(browser, pages / name, width)
    assert complaints == []
    assert outside == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    broken = page.evaluate("[...document.images].filter(i => !i.complete || i.naturalWidth === 0 || !i.alt).length")
    assert broken == 0
    page.close()


def test_the_index_leads_to_the_report_and_back(browser, pages):
    page, _, _ = visit(browser, pages / "index.html", 1280)
    page.click("text=L3R")
    assert "Level 3R" in page.inner_text("h1")
    page.click("text=Repair contracts side by side")
    assert page.evaluate("window.scrollY") > 500
    page.click("text=all reports")
    assert "site by site" in page.inner_text("h1")
    page.close()


def test_no_code_is_shown_and_the_verdict_is_near_the_top(browser, pages):
    page, _, _ = visit(browser, pages / "L3R.html", 1280)
    text = page.inner_text("body")
    assert "import k2rel" not in text
    box = page.locator("p.verdict").bounding_box()
    assert box["y"] < 700
    page.close()


def test_it_prints_on_a4(browser, pages, tmp_path):
    page, _, _ = visit(browser, pages / "L3R.html", 1280)
    data = page.pdf(path=tmp_path / "L3R.pdf", format="A4")
    assert data.startswith(b"%PDF")
    assert 5 < data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") + data.count(b"/Type /Page/") < 40
    page.close()
