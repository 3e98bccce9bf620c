"""Whoever reads with a screen reader, without a mouse or with weak eyes reads the same: axe finds nothing in a browser.

axe-core (https://github.com/dequelabs/axe-core) holds pages against WCAG 2; what it judges "incomplete" (text on a
drawing) is measured in test_legibility.
"""

import dataclasses

import pytest

from k2rel.bundled import data_dir
from k2rel.sweep import read_sweep, run_sweep
from tests.visiting import CHROMIUM

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
WIDTHS = pytest.mark.parametrize("width", [1280, 390])


def findings(browser, url, *, scheme="light", width=1280, ready="body", contrast=True):
    """Everything that axe objects to on a page, as rule, weight and place."""
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(url)
    page.wait_for_selector(ready)
    # of what is far below the page lays nothing out; here all is looked at
    page.add_style_tag(content="main>*{content-visibility:visible!important}")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    rules = {"color-contrast": {"enabled": contrast}}  # that of a page with thirty drawings takes most of the time
    found = Axe().run(page, options={"resultTypes": ["violations"], "rules": rules}).response
    page.close()
    assert found["testEngine"]["name"] == "axe-core"
    return [f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:120]}"
            for one in found["violations"] for node in one["nodes"]]  # fmt: skip


def test_what_is_wrong_on_purpose_is_found(browser, tmp_path) -> None:
    """Else nothing would be found either where axe did not run."""
    (tmp_path / "wrong.html").write_text("<html><body><img src=''><p style='color:#aaa'>grey</p></body></html>")
    found = {one.partition(" ")[0] for one in findings(browser, (tmp_path / "wrong.html").as_uri())}
    assert {"image-alt", "color-contrast", "html-has-lang"} <= found


@SCHEMES
def test_the_index_has_nothing_in_the_way(browser, pages, scheme) -> None:
    assert findings(browser, (pages / "index.html").as_uri(), scheme=scheme) == []


def test_a_report_has_nothing_in_the_way_on_a_phone(browser, pages) -> None:
    assert findings(browser, (pages / "L2R.html").as_uri(), width=390, ready=".k2x-said", contrast=False) == []


@pytest.mark.slow
@SCHEMES
@WIDTHS
def test_reports_have_nothing_in_the_way_and_enough_contrast(browser, pages, scheme, width) -> None:
    for path in sorted(pages.glob("*.html")):
        assert findings(browser, path.as_uri(), scheme=scheme, width=width) == [], path.name


@pytest.mark.slow
@SCHEMES
@WIDTHS
def test_the_explorer_s_page_has_nothing_in_the_way(browser, server, scheme, width) -> None:
    assert findings(browser, server.url, scheme=scheme, width=width, ready=".k2live-figures table") == []


@pytest.mark.slow
@SCHEMES
def test_the_summary_of_a_sweep_has_nothing_in_the_way(browser, tmp_path, scheme) -> None:
    spec = read_sweep(data_dir() / "examples" / "sweeps" / "clients.yaml")
    few = dataclasses.replace(spec, points=spec.points[:3])
    assert run_sweep(few, tmp_path, jobs=1, progress=False).summary_error == ""
    assert findings(browser, (tmp_path / f"{spec.name}.html").as_uri(), scheme=scheme) == []


def test_what_scrolls_sideways_is_reached_with_the_keyboard(browser, pages) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto((pages / "level_comparison.html").as_uri())
    page.wait_for_selector(".table-wrap[tabindex='0'][role=group]")
    page.set_viewport_size({"width": 5000, "height": 900})
    page.wait_for_selector(".table-wrap:not([tabindex])")  # there is nothing to scroll then, and nothing to stop at
    page.close()
