"""The page that decides: what stands on it is what the other measures say, the worst of it first, on one sheet."""

import math

import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.errors import InputError
from k2rel.report import show_summary
from k2rel.report.page import report_page
from tests.visiting import CHROMIUM

SAN = data_dir() / "examples" / "reference_san.yaml"


@pytest.fixture(scope="module")
def l2r():
    answer = k2rel.study("L2R").solve()
    return answer, answer.summary(99.99, samples=100)


@pytest.fixture(
    scope="module",
    params=[
        ("L2", 20, "toe A1 (250 of 100 MB/s)", "60 % less"),
        pytest.param(("L3R", 20, "toe 1A1 (125 of 100 MB/s)", "20 % less"), marks=pytest.mark.slow),
    ],
    ids=["L2", "L3R"],
)
def overfull(request):
    """Clients of 25 MB/s over TOEs of 100 MB/s: ten on each of two, or five on each of four."""
    level, clients, *words = request.param
    return k2rel.summary(k2rel.study(level, clients=clients), 99.99, samples=8), level, clients, words


@pytest.fixture
def crowded(overfull):
    return overfull[0]


def test_the_summary_says_what_the_measures_say(l2r) -> None:
    answer, page = l2r
    (judged,) = answer.target(99.99, samples=100)
    media = page.services[0]
    assert (media.verdict, media.probability) == (judged.verdict, judged.probability)
    assert media.downtime_min_per_year == answer["media"].downtime_min_per_year
    assert (media.low_min_per_year, media.high_min_per_year) == (judged.low_min_per_year, judged.high_min_per_year)
    advised = k2rel.advise(answer, pairs=False).table()
    for cure in page.cures:
        assert cure.downtime_min_per_year == advised.loc[cure.title, "downtime_min_per_year"]
    turns = answer.break_even("media", target=99.99)
    assert [turn.about for turn in page.turns] == turns["about"].tolist()[:3]
    shares = answer.causes("media")
    assert page.causes[0].share == pytest.approx(shares.loc[["software_A", "software_B"], "share_of_downtime"].sum())


def test_a_change_that_helps_is_judged_as_the_changed_site_is(l2r) -> None:
    _, page = l2r
    assert [cure.verdict for cure in page.cures] == ["not known"] * 3
    assert page.cures[0].probability > page.services[0].probability
    removed = [cure.removed_share for cure in page.cures]
    assert removed == sorted(removed, reverse=True)
    assert len({cure.title.split(" of ")[-1][:-2] for cure in page.cures}) == 3  # no twin of another


def test_what_cannot_be_carried_comes_first(overfull) -> None:
    page, level, clients, (first, less) = overfull
    assert page.words().startswith(f"This site cannot carry {clients} clients: with nothing failed {first}")
    assert f"It could with {less}" in page.words()
    full = next(item for item in page.services if item.service == "full_service")
    assert full.never == "never: demand exceeds capacity in normal state"
    html = show_summary(page, {}).data
    assert html.index(f"cannot carry {clients} clients") < html.index("99.99 %")
    assert "never: demand exceeds capacity" in html
    assert "525,600" not in html
    study = k2rel.study(level, clients=clients)
    assert k2rel.verdict(study).startswith(f"This site cannot carry {clients} clients")


def test_no_level_is_advised_that_cannot_carry_the_clients(overfull) -> None:
    """Level 2R has less downtime than either, and carries eight."""
    page, level, clients, _ = overfull
    assert not any("Level 2R" in cure.title for cure in page.cures)
    assert "L2R" in {change.what for change in k2rel.candidate_changes(level, method="exact")}
    kinds = {change.kind for change in k2rel.candidate_changes(k2rel.study(level, clients=clients), method="exact")}
    assert "level" not in kinds


@pytest.mark.parametrize(
    ("level", "clients", "state", "most"),
    [
        ("L1", 4, "at its limit", 4),
        ("L2R", 4, "carried", 8),
        ("L2R", 8, "at its limit", 8),
        ("L2R", 9, "overloaded", 8),
    ],
)
def test_a_load_that_fills_what_carries_it_is_neither_good_nor_bad(level, clients, state, most) -> None:
    """Clients of 25 MB/s, TOEs of 100 MB/s: one in Level 1, two in Level 2R; four clients fill each."""
    found = k2rel.carrying(k2rel.study(level, clients=clients))
    assert (found.state, found.most) == (state, most)


def test_a_fabric_that_its_twin_cannot_stand_in_for_is_named() -> None:
    """Two drives of 25 MB/s a side, four clients of 12.5: both sides full, and one side asked for twice its capacity."""
    found = k2rel.carrying(SAN)
    assert found.state == "overloaded after a failure"
    assert found.words().startswith("It carries its 4 clients with nothing failed, but not after the loss of switch A")
    assert math.isnan(found.most)
    assert found.why == "the capacities grow with the number of clients"


def test_without_a_target_the_usual_ones_are_said() -> None:
    page = k2rel.summary("L1", samples=200)
    assert page.services[0].verdict == ""
    drawn = page.drawn.probability("media", 0.001 * 525_600, carrying=True)  # as with a target
    assert f"{100 * drawn:.1f} %" in page.services[0].usual
    assert "No target was given" in page.words()


def test_a_target_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="12 % is below 50 %"):
        k2rel.summary("L1", 12)
    with pytest.raises(InputError, match="no service 'medai'; did you mean 'media'"):
        k2rel.summary("L1", {"medai": 99.9})


def test_a_simulated_site_says_what_the_simulation_does_not() -> None:
    page = k2rel.summary("L1", 99.9, method="simulation")
    assert page.causes == () or page.cannot == {}
    assert "simulation" in page.cannot["changes"]
    assert page.cannot["changes"][:20] in show_summary(page, {}).data


def test_revision_author_and_date_come_from_the_file(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    text = (data_dir() / "levels" / "L1.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("format: 2\n", "format: 2\nrevision: 3\nauthor: E. Noether\ndate: 2026-11-26\n", 1))
    site = k2rel.study(str(file)).site
    assert (site.revision, site.author, site.date) == ("3", "E. Noether", "2026-11-26")
    assert k2rel.study(str(file)).provenance.input_hash == k2rel.study("L1").provenance.input_hash
    file.write_text(text.replace("format: 2\n", "format: 2\nrevision: 1.10\n", 1))
    with pytest.raises(InputError, match="in quotes"):
        k2rel.study(str(file))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_first_page_is_one_sheet_of_a4(browser, l2r, crowded, tmp_path) -> None:
    """What is printed is 182 by 269 mm: 688 by 1,016 pixels of CSS."""
    marks = {"revision": "1.10", "author": "E. Noether", "date": "2026-11-26", "clients": "20", "contract": "4h"}
    view = browser.new_page(viewport={"width": 688, "height": 1016})
    view.emulate_media(media="print")
    for number, page in enumerate([l2r[1], crowded, k2rel.summary(SAN, 99.99)]):
        file = tmp_path / f"{number}.html"
        file.write_text(report_page(page.solution.study.site.title, show_summary(page, marks).data, ""))
        view.goto(file.as_uri())
        bottom = view.evaluate("document.querySelector('.front').getBoundingClientRect().bottom")
        assert 300 < bottom <= 1016
        assert view.evaluate("document.documentElement.scrollWidth") <= 688
    view.close()
