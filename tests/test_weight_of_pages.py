"""A page opens at once on a phone: it is light, draws in few letters, and leaves for later what is far below."""

import re

import numpy as np
import pytest

from k2rel.plots.compact import compact_path
from k2rel.report import render_reports
from k2rel.report.page import report_page
from tests.visiting import CHROMIUM


def test_a_page_is_lighter_than_a_megabyte(pages) -> None:
    for path in pages.glob("*.html"):
        assert path.stat().st_size < 1_000_000, path.name


@pytest.mark.slow
@pytest.mark.notebook
def test_the_heaviest_page_is_lighter_than_a_megabyte(asked, tmp_path) -> None:
    """Level 3R with 20 clients, all overloaded and a target asked for, is the heaviest of those bundled."""
    (page,) = render_reports(["L3R"], tmp_path, comparison=False, **asked).reports
    assert page.stat().st_size < 1_000_000


def test_drawings_share_one_style_sheet_but_the_live_one_which_is_saved_with_its_own() -> None:
    still, live = "<svg><style>.k2d{}</style></svg>", "<div class='k2x'><figure><svg a='b'><style>.k2d{}</style></svg>"
    page = report_page("t", still + still + live + still + "<svg><style>.k2c{}</style></svg>", "")
    styles = re.findall(r"<svg[^>]*>(<style>.*?</style>)?", page)
    assert styles == ["<style>.k2d{}</style>", "", "<style>.k2d{}</style>", "", "<style>.k2c{}</style>"]


def points(course):
    """Corners of a path of straight pieces in absolute coordinates."""
    start, *moves = (np.array(re.findall(r"-?[\d.]+", part), float).reshape(-1, 2) for part in course.split("l"))
    return np.cumsum(np.vstack([start, *moves]), axis=0)


def distance(point, corners):
    """From a point to the nearest place of a line."""
    begin, piece = corners[:-1], np.diff(corners, axis=0)
    along = np.clip(((point - begin) * piece).sum(1) / np.maximum((piece**2).sum(1), 1e-12), 0, 1)
    return np.hypot(*(begin + along[:, None] * piece - point).T).min()


@pytest.mark.parametrize("shape", ["steps", "curve", "spiral"])
def test_a_line_in_few_letters_lies_where_it_lay(shape) -> None:
    """To a seventh of a point, a fifth of a pixel: what is left out and what is rounded, together."""
    t = np.linspace(0, 300, 2001)
    given = {
        "steps": np.column_stack([t, 100 + 7 * (t // 30)]),
        "curve": np.column_stack([t, 150 + 80 * np.sin(t / 25)]),
        "spiral": np.column_stack([150 + t / 3 * np.cos(t / 9), 150 + t / 3 * np.sin(t / 9)]),
    }[shape]
    course = "M " + " \nL ".join(f"{x:.2f} {y:.2f}" for x, y in given)
    short = compact_path(course)
    assert len(short) < len(course) / 8
    assert max(distance(point, points(short)) for point in given[::7]) < 1 / 7


def test_what_is_no_line_of_straight_pieces_keeps_its_course() -> None:
    assert compact_path("M 0 3 \nC 0.795 3 1.558 2.684 2.12 2.12 \nz") == "M0 3C0.795 3 1.558 2.684 2.12 2.12z"
    assert compact_path("M 1 1\nL 2 2\nM 5 5\nL 5 9\nz") == "M1 1l1 1M5 5l0 4z"
    assert compact_path("M 1.04 1") == "M1 1"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_what_is_far_below_is_laid_out_when_it_comes_near_and_leaps_still_arrive(browser, pages) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((pages / "L2R.html").as_uri())
    skipped = """() => [...document.querySelectorAll("main>.cell :is(p,td,svg)")].filter((one) =>
      one.checkVisibility() && !one.checkVisibility({contentVisibilityAuto: true})).length"""
    assert page.evaluate(skipped) > 100
    link = page.locator("nav.contents a").last
    anchor = link.get_attribute("href")[1:]
    link.click()
    page.wait_for_timeout(300)
    box = page.locator(f"[id='{anchor}']").bounding_box()
    assert -5 < box["y"] < 844  # the chapter is in view, though nothing above it had been laid out
    page.emulate_media(media="print")
    assert page.evaluate(skipped) == 0
    page.close()
