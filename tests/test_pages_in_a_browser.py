"""Rendered pages in a real browser: nothing from outside, no error, readable on a desk, a phone and paper."""

import pytest

from tests.visiting import CHROMIUM

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]


def visit(browser, path, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    complaints, outside = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: outside.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    page.goto(path.as_uri())
    return page, complaints, outside


@pytest.mark.parametrize("name", ["index.html", "L2R.html", "level_comparison.html"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_load_clean_and_fit_the_screen(browser, pages, name, width) -> None:
    page, complaints, outside = visit(browser, pages / name, width)
    assert complaints == []
    assert outside == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    broken = page.evaluate("[...document.images].filter(i => !i.complete || i.naturalWidth === 0 || !i.alt).length")
    assert broken == 0
    unnamed = page.evaluate(
        "[...document.querySelectorAll('main svg')].filter(s => !s.getAttribute('aria-label')).length"
    )
    assert unnamed == 0
    page.close()


def test_the_index_leads_to_the_report_and_back(browser, pages) -> None:
    page, _, _ = visit(browser, pages / "index.html", 1280)
    page.click("a:text-is('L2R')")
    assert "Level 2R" in page.inner_text("h1")
    page.click("text=Repair contracts side by side")
    assert page.evaluate("window.scrollY") > 500
    page.click("text=all reports")
    assert "site by site" in page.inner_text("h1")
    page.close()


def test_no_code_is_shown_and_the_verdict_is_near_the_top(browser, pages) -> None:
    page, _, _ = visit(browser, pages / "L2R.html", 1280)
    text = page.inner_text("body")
    assert "import k2rel" not in text
    box = page.locator(".front .lead").bounding_box()
    assert box["y"] < 300
    page.close()


def test_it_prints_on_a4(browser, pages, tmp_path) -> None:
    page, _, _ = visit(browser, pages / "L2R.html", 1280)
    data = page.pdf(path=tmp_path / "L2R.pdf", format="A4")
    assert data.startswith(b"%PDF")
    assert 5 < data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") + data.count(b"/Type /Page/") < 40
    page.close()


def column(page, table, number):
    return page.evaluate(
        "([t, n]) => [...document.querySelectorAll('.table-wrap table')[t].tBodies[0].rows].map(r => r.cells[n].textContent)",
        [table, number],
    )


def test_a_table_is_sorted_by_a_click_and_copied_without_formulas(browser, pages) -> None:
    page, complaints, _ = visit(browser, pages / "L2R.html", 1280)
    tables = page.evaluate("[...document.querySelectorAll('.table-wrap table')].map(t => t.tHead.textContent)")
    table = next(n for n, text in enumerate(tables) if "RRW" in text)
    heads = page.evaluate(
        "t => [...document.querySelectorAll('.table-wrap table')[t].tHead.rows[0].cells].map(c => c.textContent)", table
    )
    place = next(n for n, text in enumerate(heads) if text.startswith("downtime"))
    button = page.locator(".table-wrap table").nth(table).locator("button.sort").nth(place)
    button.focus()
    page.keyboard.press("Enter")
    up = [float(text) for text in column(page, table, place)]
    assert up == sorted(up)
    button.click()
    assert [float(text) for text in column(page, table, place)] == up[::-1]
    assert page.locator("th[aria-sort=descending]").count() == 1
    page.evaluate("document.querySelectorAll('.table-wrap')[0].querySelector('td').textContent = '=1+1'")
    page.evaluate(
        "document.addEventListener('copy', e => { window.copied = getSelection().toString() || document.activeElement.value; })"
    )
    page.locator("button.copy").first.click()
    assert "'=1+1\t" in page.evaluate("window.copied")
    assert complaints == []
    page.close()


def test_dark_paper_is_dark_and_the_drawing_stays_readable(browser, pages) -> None:
    page, _, _ = visit(browser, pages / "L2R.html", 1280)
    page.emulate_media(color_scheme="dark")
    background, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('svg .box text')).fill]"
    )
    assert sum(int(x) for x in background[4:-1].split(",")) < 150
    assert sum(int(x) for x in ink[4:-1].split(",")) > 600
    page.close()
