"""Charts: read by day and by night, on a desk and a phone; never cut; each a file for a slide beside its page."""

import hashlib
import json
import re
import shutil
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

import k2rel
from k2rel import plots
from k2rel.plots.inline import page_svg, plain_svg, png_of, svg_of, with_source
from k2rel.plots.style import wrapped
from k2rel.report import Pictures
from k2rel.report.render import Job, up_to_date
from tests.legible import unreadable
from tests.visiting import CHROMIUM

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

EVIL = "recording of <b>$x$ & every_camera_of_the_harbour_and_whatever_else_has_a_name_without_blanks"


def contracts_of(name="media"):
    return pd.DataFrame({"onsite": [3.0], "4h": [5.0], "nbd": [60.0]}, index=[name])


def texts_of(svg):
    return [found.text for found in ElementTree.fromstring(svg).iter() if found.tag.endswith("text") and found.text]


# what is written


@pytest.mark.parametrize("name", ["media", EVIL])
def test_no_text_leaves_the_picture_whatever_a_service_is_called(name) -> None:
    modes = pd.DataFrame({"mode": [name, f"{name}; {name}"], "hours_per_year": [8000.0, 3.0], "cut_off": [0, 1]})
    cuts = pd.DataFrame({"cut_set": [name], "downtime_min_per_year": [3.0]})
    both = pd.DataFrame({"ideal_min_per_year": [4.0], "modelled_min_per_year": [10.0]}, index=[name])
    time = pd.DataFrame({"point_unavailability": [1e-7, 1e-5]}, index=[1.0, 100.0])
    drawn = (
        plots.plot_contracts(contracts_of(name), allowed_min_per_year=52.6),
        plots.plot_modes(modes),
        plots.plot_downtime_budget(cuts, 4.0),
        plots.plot_side_figures(both, allowed_min_per_year=5.0),
        plots.plot_availability_over_time(time, name),
        plots.plot_comparison(contracts_of(), {"4h": name, "nbd": f"{name} again"}, title=f"Title with {name}"),
        plots.plot_changes(pd.DataFrame({"downtime_min_per_year": [5.0]}, index=[name]), 9.0, 4.0),
    )
    ax: Any
    for ax in drawn:
        FigureCanvasAgg(ax.figure).draw()
        legend = ax.get_legend()
        texts = [ax.title, ax._left_title, ax.xaxis.label, *ax.texts]
        texts += legend.get_texts() if legend else []
        texts += ax.get_yticklabels() if ax.get_yscale() == "linear" else []  # names of rows
        for text in texts:
            if text.get_text():
                box, paper = text.get_window_extent(), ax.figure.bbox
                assert box.x0 >= -1, text.get_text()
                assert box.x1 <= paper.x1 + 1, text.get_text()
                assert box.y0 >= -1, text.get_text()
                assert box.y1 <= paper.y1 + 1, text.get_text()
        page = page_svg(svg_of(ax), name)
        assert "<b>" not in page
        ElementTree.fromstring(page)


def test_a_text_is_broken_between_words_and_only_a_long_word_within() -> None:
    assert wrapped("which parts cause the downtime", 90).split("\n") == ["which parts", "cause the", "downtime"]
    assert "".join(wrapped("x" * 80, 100).split("\n")) == "x" * 80
    assert wrapped("one\ntwo", 500) == "one\ntwo"


def test_numbers_on_a_logarithmic_axis_are_written_out() -> None:
    time = pd.DataFrame({"point_unavailability": [1e-7, 1e-5]}, index=[1.0, 10_000.0])
    said = texts_of(svg_of(plots.plot_availability_over_time(time, "media")))
    assert {"1", "100", "10,000", "1e-7", "1e-5"} <= set(said)


@pytest.mark.parametrize(
    "plot",
    [
        lambda allowed: plots.plot_contracts(contracts_of(), allowed_min_per_year=allowed),
        lambda allowed: plots.plot_side_by_side([(contracts_of(), {"4h": "4h"}, "t")], allowed_min_per_year=allowed),
        lambda allowed: plots.plot_side_figures(
            pd.DataFrame({"ideal_min_per_year": [4.0], "modelled_min_per_year": [10.0]}, index=["media"]),
            allowed_min_per_year=allowed,
        ),
        lambda allowed: plots.plot_changes(pd.DataFrame({"downtime_min_per_year": [5.0]}, index=["x"]), 30.0, allowed),
    ],
)
def test_a_target_stands_in_the_plot_as_a_line_with_words(plot) -> None:
    ax = plot(52.56)
    assert 52.56 in [float(np.asarray(line.get_xdata())[0]) for line in ax.lines]
    assert "target allows 52.6 min/year" in [text.get_text() for text in ax.get_legend().get_texts()]
    without = plot(float("nan"))
    legend = without.get_legend()
    assert not any("target" in text.get_text() for text in (legend.get_texts() if legend else []))


def test_overload_and_a_load_at_the_limit_are_said_before_a_failure_too() -> None:
    """Level 3R: a TOE carries 100 MB/s; with 20 clients at 25 MB/s over four of them each is asked for 125."""
    study = k2rel.study("L3R", clients=20)
    normal = k2rel.failover(study)
    states = {load.element: load for load in normal.loads}
    ax = plots.plot_load_after_failover(study.site, normal, normal)
    said = [text.get_text() for text in ax.texts]
    over = sum(load.overloaded for load in states.values())
    assert over > 0
    assert sum(text.startswith("overloaded") for text in said) == 2 * over  # before and after
    assert "overloaded 125 %" in said
    assert sum(text == "at its limit" for text in said) == 2 * sum(load.at_limit for load in states.values()) > 0


# what it is


def test_a_chart_follows_the_page_and_its_file_needs_none() -> None:
    svg = svg_of(plots.plot_contracts(contracts_of()))
    assert svg == svg_of(plots.plot_contracts(contracts_of()))  # nothing of the clock, nothing of chance
    page = page_svg(svg, "it's a chart")
    assert "aria-label='it&#x27;s a chart'" in page
    assert "var(--ink,#222222)" in page
    assert "var(--paper,#ffffff)" in page
    alone = with_source(svg, "L2R. Markov; takeovers as modelled.")
    assert "var(" not in alone
    assert "Downtime under each repair contract" in texts_of(alone)
    assert "L2R. Markov; takeovers as modelled." in texts_of(alone)
    assert re.search(r"fill: #ffffff", alone)  # paper of its own


def test_two_charts_of_a_page_share_no_name() -> None:
    one, two = (page_svg(svg_of(plots.plot_contracts(contracts_of(name))), name) for name in ("media", "control"))
    names = [set(re.findall(r'id="([^"]+)"', svg)) for svg in (one, two)]
    assert names[0]
    assert names[0].isdisjoint(names[1])
    for svg, own in zip((one, two), names, strict=True):
        assert {*re.findall(r'(?:href="|url\()#([\w-]+)', svg)} == own  # each name is used, each use has its name


def test_a_png_is_as_wide_as_a_slide_wants_and_says_where_it_comes_from() -> None:

    ax = plots.plot_contracts(contracts_of())
    svg_of(ax)
    plain, said = (Image.open(BytesIO(png_of(ax, source))) for source in ("", "L2R. Markov; takeovers as modelled."))
    assert plain.width == said.width == 1100
    assert said.height > plain.height
    assert np.asarray(said)[plain.height :].min() < 200  # something is written there
    assert ax.figure.dpi == 100  # as it was


def test_a_drawing_for_slides_has_no_variable() -> None:
    drawing = k2rel.plots.draw_site(k2rel.study("L2R").site)
    alone = plain_svg(drawing.svg)
    assert "var(" in drawing.svg
    assert set(re.findall(r"var\([^)]*\)", alone)) == {"var(--s)"}  # the shift of a title, which no colour needs
    assert "--" not in re.sub(r"<!--.*?-->|--s\b", "", alone)
    assert "#0072B2" in alone  # side A in blue
    ElementTree.fromstring(with_source(alone, "L2R."))


# where it lies


def test_pictures_are_saved_where_a_folder_is_given_and_those_of_an_earlier_run_go(tmp_path) -> None:
    folder = tmp_path / "results"
    mine = folder / "L2_figures" / "my own.png"
    mine.parent.mkdir(parents=True)
    for path in (mine, folder / "L2_figures" / "L2-07-of-an-earlier-run.png"):
        path.write_text("x")
    assert "files" not in Pictures("", "L2").show(plots.plot_contracts(contracts_of()), "contracts").data
    pictures = Pictures(str(folder), "L2")
    shown = pictures.show(plots.plot_contracts(contracts_of()), "contracts").data
    assert pictures.files == tuple(
        f"L2_figures/L2-01-downtime-under-each-repair-contract.{ending}" for ending in ("svg", "png")
    )
    assert {path.name for path in mine.parent.iterdir()} == {
        "my own.png",
        *(name.partition("/")[2] for name in pictures.files),
    }
    for name in pictures.files:
        assert f"href='results/{name}'" in shown


@pytest.mark.notebook
def test_every_chart_of_a_report_is_a_file_of_it_and_the_page_links_it(pages) -> None:
    page = (pages / "L2R.html").read_text()
    manifest = json.loads((pages / "results" / "L2R.manifest.json").read_text())["files"]
    linked = re.findall(r"href=['\"](results/L2R_figures/[^'\"]+)", page)
    there = {str(path.relative_to(pages)) for path in (pages / "results" / "L2R_figures").iterdir()}
    assert set(linked) == there == {name for name in manifest if "_figures/" in name}
    charts = len(re.findall(r"<svg [^>]*class=['\"]k2c['\"]", page))
    assert charts >= 7
    assert sum(name.endswith(".png") for name in there) == charts
    assert sum(name.endswith(".svg") for name in there) == charts + 1  # and the wiring
    for name in there:
        assert hashlib.sha256((pages / name).read_bytes()).hexdigest() == manifest[name]
    assert len(page) < 1_000_000


@pytest.mark.notebook
def test_a_report_whose_picture_is_gone_is_made_again(tmp_path, pages) -> None:
    copy = tmp_path / "pages"
    shutil.copytree(pages, copy)

    class Known(Job):
        key = json.loads((copy / "results" / "L2R.manifest.json").read_text())["key"]

    job = Known("L2R", "", copy, {})
    assert up_to_date(job, copy) is not None
    next((copy / "results" / "L2R_figures").glob("*.png")).unlink()
    assert up_to_date(job, copy) is None


# how it looks


@pytest.mark.notebook
@pytest.mark.browser
@in_a_browser
@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("L2R", 390, "dark"), ("L2R", 1440, "light"), ("level_comparison", 390, "light")]
)
def test_every_text_of_every_chart_can_be_read(browser, pages, name, width, scheme) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto((pages / f"{name}.html").as_uri())
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert page.locator("svg.k2c").count() >= 1
    assert unreadable(page, "svg.k2c") == []
    ink, paper = page.evaluate(
        "[...document.querySelectorAll('svg.k2c text')].slice(0, 1).map(t => [getComputedStyle(t).fill,"
        " getComputedStyle(document.body).backgroundColor])[0]"
    )
    light, dark = (ink, paper) if scheme == "dark" else (paper, ink)
    assert sum(int(x) for x in light[4:-1].split(",")) > 600
    assert sum(int(x) for x in dark[4:-1].split(",")) < 150
    page.emulate_media(media="print")
    assert not page.locator("p.files").first.is_visible()
    page.close()


def test_of_very_many_elements_those_nearest_to_their_capacity_are_drawn() -> None:
    study = k2rel.study("spine_leaf")
    normal, failed = k2rel.failover(study), k2rel.failover(study, ["spine_1"])
    loaded = [load.element for load in failed.loads if load.load_mb_s > 0]
    ax = plots.plot_load_after_failover(study.site, normal, failed)
    drawn = {label.get_text().replace(" ", "_") for label in ax.get_yticklabels()}
    assert len(drawn) == 40 < len(loaded)
    assert {load.element for load in failed.loads if load.overloaded} <= drawn
    assert "40 of" in " ".join(ax.get_title(loc="left").split())


def test_a_notebook_that_cuts_off_margins_shows_the_legend_too() -> None:
    """Inline pictures of notebooks are cut to what is in the layout; the legend below is kept."""
    drawn = plots.plot_contracts(contracts_of()).figure
    size = []
    for how in (None, "tight"):
        file = BytesIO()
        drawn.savefig(file, format="png", dpi=100, bbox_inches=how)
        size.append(Image.open(file).size)
    assert size[1][1] >= size[0][1]
