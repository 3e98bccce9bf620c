"""Every text of a drawing can be read: on a desk and a phone, by day and by night, whatever has failed."""

from pathlib import Path

import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.measures.cases import failover_cases
from k2rel.plots import draw_site
from tests.legible import pictures, unreadable
from tests.visiting import CHROMIUM

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]

LEVELS = ["L1", "L2", "L2R", "L3", "L3R", "nearline"]
EXAMPLES = [
    *sorted((data_dir() / "examples").glob("*.yaml")),
    # a fabric of 97 parts has 99 cases, which take minutes
    *sorted(path for path in (data_dir() / "examples" / "designs").glob("*.yaml") if path.stem != "spine_leaf"),
]
FOREIGN = data_dir().parent / "tests" / "foreign_site.yaml"
DRAWN = ".k2x svg, .case svg, .strip svg"


@pytest.fixture(scope="module")
def paper(browser):
    """Show something on a page in the style of the reports."""
    folder = data_dir().parent / "k2rel" / "report"
    style = (folder / "page.css").read_text() + (folder / "explorer.css").read_text()
    page = browser.new_page()

    def show(body, width=1440, scheme="light"):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.set_content(f"<!doctype html><style>{style}</style><main>{body}</main>")
        return page

    yield show
    page.close()


def as_in_reports(study, large, cases, steps):
    """Drawings of outcomes: large ones and small ones, as wide as reports show cases and steps."""
    site = study.site
    text = "".join(f"<div class='k2x'><figure>{draw_site(site, each).svg}</figure></div>" for each in large)
    case, step = ([draw_site(site, each, names=False).svg for each in some] for some in (cases, steps))
    text += (
        "<div class='cases'>" + "".join(f"<div class='case'><figure>{svg}</figure></div>" for svg in case) + "</div>"
    )
    return text + "<ol class='strip'>" + "".join(f"<li><figure>{svg}</figure></li>" for svg in step) + "</ol>"


def outcomes(study):
    """Nothing failed; one box; and all at once that can be: a box, a link, a chip, and parts without a mark."""
    parts = study.site.components
    box = next(name for name, part in parts.items() if part.within is None and part.between is None)
    link = [name for name, part in parts.items() if part.between is not None][-1]
    inside = [name for name, part in parts.items() if part.within is not None]
    return [
        k2rel.failover(study, failed) for failed in ([], [box], list(dict.fromkeys([link, *inside[:2], *inside[-2:]])))
    ]


def sample(study):
    """Large with nothing failed and with all, small with a box failed and with all."""
    nothing, box, much = outcomes(study)
    return as_in_reports(study, [nothing, much], [box, much], [much])


@pytest.fixture(scope="module")
def drawings():
    """All sites, Level 3R also with more clients than it carries."""
    sites: list[str | Path] = [*LEVELS, *EXAMPLES, FOREIGN]
    studies = [*map(k2rel.study, sites), k2rel.study("L3R", clients=20)]
    return len(studies), "".join(sample(study) for study in studies)


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (390, "dark"), (1440, "light"),
        pytest.param(390, "light", marks=pytest.mark.slow), pytest.param(1440, "dark", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_every_drawing_of_every_site_can_be_read(paper, drawings, width, scheme) -> None:
    count, body = drawings
    page = paper(body, width, scheme)
    found = pictures(page)
    assert len(found) == count * 5
    assert min(picture["texts"] for picture in found) >= 5
    assert unreadable(page) == []
    assert page.evaluate("[...document.querySelectorAll('figure')].every(f => f.scrollWidth <= f.clientWidth)"), (
        "both sides are in view at once"
    )


@pytest.mark.slow
@pytest.mark.parametrize("level", [*LEVELS, *EXAMPLES], ids=str)
def test_every_failover_case_can_be_read(paper, level) -> None:
    study = k2rel.study(level)
    every = [case.outcome for case in failover_cases(study)]
    page = paper(as_in_reports(study, every, every, every), 390)
    assert unreadable(page) == []


def site_with_long_names(folder):
    """Three servers a side, more than a phone shows beside each other, and names that fit nowhere."""
    word = "Speicherverwaltungsrechner"
    sides = [("A", "north"), ("B", "south")]
    parts = [f"  hub_{s}: {{type: box, side: {s}, title: {word} {hall} of the {hall}ern hall}}" for s, hall in sides]
    servers = [(f"{word.lower()}_{s}{n}", s) for s, _ in sides for n in (1, 2, 3)]
    parts += [
        f"  {name}: {{type: box, side: {s}, capacity: 100 MB/s, title: {word} {name[-2:]}}}" for name, s in servers
    ]
    parts += [f"  network_adapter_of_{name}: {{type: box, side: {s}, in: {name}}}" for name, s in servers]
    links = [
        f"  cable_to_{name}: {{type: wire, side: {s}, between: [hub_{s}, network_adapter_of_{name}], capacity: 60 MB/s}}"
        for name, s in servers
    ]
    links.append("  a_bridge_between_the_halls_with_a_long_name: {type: wire, between: [hub_A, hub_B]}")
    paths = [
        f"{{side: {s}, via: [seat, cord_{s}, hub_{s}, cable_to_{name}, network_adapter_of_{name}, {name}]}}"
        for name, s in servers
    ]
    text = "\n".join([
        "format: 2", "name: halls", "title: Two halls", "sides: {A: {title: north}, B: {title: south}}",
        "types:", "  box: {failure_rate: 100 FIT, mttr: 8 h}", "  wire: {failure_rate: 10 FIT, mttr: 8 h}",
        "components:", *parts, "links:", *links,
        "clients:", "  count: 4", "  parts:", "    seat: {type: box}",
        *(f"    cord_{s}: {{type: wire, side: {s}, between: [seat, hub_{s}]}}" for s, _ in sides),
        "traffic:", "  film: {demand: 25 MB/s, prefer: listed, paths: [", ",\n".join(f"    {path}" for path in paths), "  ]}",
    ])  # fmt: skip
    path = folder / "halls.yaml"
    path.write_text(text + "\n")
    return path


def test_long_names_are_cut_and_told_in_full_and_a_wide_site_scrolls(paper, tmp_path) -> None:
    study = k2rel.study(site_with_long_names(tmp_path))
    page = paper(sample(study), 390)
    assert unreadable(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "the drawing scrolls, not the page"
    shown = page.evaluate("[...document.querySelectorAll('.k2x svg .name')].map(t => t.textContent)")
    told = page.evaluate("[...document.querySelectorAll('.k2x svg title')].map(t => t.textContent)")
    assert any(text.endswith("…") for text in shown)
    assert "a bridge between the halls with a long name (wire)" in told


def test_a_load_above_what_an_element_carries_and_one_at_its_limit_are_told_apart(paper) -> None:
    """20 clients of 25 MB/s on four links of 125 MB/s; through two FC links of 200 MB/s goes archive traffic as well."""
    study = k2rel.study("L3R", clients=20)
    page = paper(draw_site(study.site, k2rel.failover(study)).svg)
    said = "([mark]) => [...document.querySelectorAll(`[data-${mark}].link`)].map(g => [g.dataset.part, g.querySelector('.load').textContent, g.querySelector('.of').textContent])"
    assert [of for _, *of in page.evaluate(said, ["full"])] == [["125", "of 125"]] * 4
    over = {part: of for part, *of in page.evaluate(said, ["over"])}
    assert set(over) == {"fc_link_1A", "fc_link_2A"}
    assert over["fc_link_1A"] == ["250", "of 200"]
    plates = "[...document.querySelectorAll('.link .plate')].map(p => [getComputedStyle(p).visibility, getComputedStyle(p).fill])"
    seen = {fill for visible, fill in page.evaluate(plates) if visible == "visible"}
    assert seen == {"rgb(213, 94, 0)", "rgb(240, 228, 66)"}


def test_the_live_drawing_stays_legible_whatever_is_clicked(browser, pages) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900}, color_scheme="dark")
    page.goto((pages / "L2R.html").as_uri())
    for part in ("switch_A", "server_B", "media_link_B1", "fc_hba_B"):
        page.evaluate("p => document.querySelector(`.k2x [data-part=${p}]`).dispatchEvent(new Event('click'))", part)
        assert unreadable(page, within=".k2x svg") == [], part
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert len(pictures(page, within=DRAWN)) >= 1 + 6 + 6
    assert unreadable(page, within=DRAWN) == []
    page.close()


SVG = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 300 100' width='300' style='font:14px sans-serif'>{}</svg>"


@pytest.mark.parametrize(
    ("drawn", "kind", "words"),
    [
        ("<text x='20' y='50'>heartbeat</text><text x='40' y='55'>adapter</text>", "overlap", "'heartbeat' lies on 'adapter'"),
        ("<text x='260' y='50'>cut at the right</text>", "cut", "'cut at the right' is cut"),
        ("<text x='20' y='4'>cut above</text>", "cut", "'cut above' is cut"),
        ("<rect width='300' height='100'/><text x='20' y='50' fill='#222'>on black</text>", "contrast", "'on black'"),
        ("<text x='20' y='50' fill='#999'>pale</text>", "contrast", "'pale' has a contrast of 2.8"),
        ("<text x='20' y='50'>under</text><rect x='30' y='30' width='40' height='30'/>", "covered", "'under' is covered"),
        ("<text x='20' y='50'>struck</text><path d='M10,46 h90' stroke='red'/>", "covered", "'struck' is covered"),
        ("<text x='20' y='50' style='font-size:8px'>fine print</text>", "small", "'fine print' is 8.0 px"),
    ],
)  # fmt: skip
def test_the_measure_sees_what_cannot_be_read(paper, drawn, kind, words) -> None:
    page = paper(SVG.format(drawn))
    ((found, said),) = pictures(page)[0]["faults"]
    assert found == kind
    assert words in said


@pytest.mark.parametrize(
    "drawn",
    [
        "<text x='20' y='40'>one</text><text x='20' y='60'>below the other</text>",
        "<rect width='300' height='100' fill='#D55E00'/><text x='20' y='50' fill='#111'>on a plate</text>",
        "<path d='M10,46 h200' stroke='#222'/><text x='20' y='50' stroke='#fff' stroke-width='4' paint-order='stroke'>in a gap</text>",
        "<g transform='rotate(-45 50 60)'><text x='20' y='50'>slanted, one</text><text x='20' y='75'>and the next</text></g>",
        "<text x='20' y='50'>one</text><text x='20' y='50' visibility='hidden'>the other</text>",
    ],
)
def test_the_measure_leaves_alone_what_can_be_read(paper, drawn) -> None:
    assert unreadable(paper(SVG.format(drawn))) == []


def test_a_label_moved_onto_another_is_found(paper) -> None:
    page = paper(draw_site(k2rel.study("L3R").site).svg)
    assert unreadable(page) == []
    page.evaluate("""() => {
      const [one, other] = ["heartbeat_1", "heartbeat_2"].map(p => document.querySelector(`[data-part=${p}] .name`));
      for (const at of ["x", "y"]) other.setAttribute(at, one.getAttribute(at));
    }""")
    assert any("'heartbeat 1' lies on 'heartbeat 2'" in fault for fault in unreadable(page))
