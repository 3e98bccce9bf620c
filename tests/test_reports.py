"""What stands beside the pages: PDF, tables, targets and changes, comparisons with other designs and with the past."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import k2rel
from k2rel import InputError, plots
from k2rel.bundled import site_path
from k2rel.design.candidates import candidate_changes
from k2rel.design.changes import Design, changed, with_second
from k2rel.errors import RenderError
from k2rel.rates import Law, duplicated
from k2rel.report import pdf, render_reports
from k2rel.report.workbook import write_tables

HERE = pytest.mark.skipif(pdf.chromium() is None, reason="there is no Chromium here")


@pytest.fixture
def made(asked):
    """The study of the report of Level 2R in `pages`."""
    return k2rel.study("L2R", clients=asked["clients"], settings=asked["settings"])


WITH_L2R = pytest.mark.parametrize("level", ["nearline", pytest.param("L2R", marks=pytest.mark.slow)])


@pytest.fixture
def reported(asked, level):
    """The study of the report of a level in `pages`; nearline has no TOE whose capacity could be set."""
    return k2rel.study(level, clients=asked["clients"], settings=asked["settings"] if level == "L2R" else {})


# files beside the page


@HERE
@pytest.mark.notebook
def test_the_pdf_holds_the_verdict_and_its_pages_fit_the_paper(pages) -> None:
    data = (pages / "L2R.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")
    assert b"/MediaBox [0 0 594" in data or b"/MediaBox [0 0 595" in data


@pytest.mark.notebook
def test_without_chromium_the_rest_is_made_and_it_is_said(short_notebooks, tmp_path, monkeypatch, k2) -> None:
    short_notebooks()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    run = k2("report", "L1", "--output", tmp_path, "--quiet")
    assert run.code == 0
    assert "no PDF was made: there is no Chromium on this machine" in run.err
    assert (tmp_path / "L1.html").exists()
    assert not (tmp_path / "L1.pdf").exists()


def test_a_chromium_that_prints_nothing_is_reported(tmp_path, monkeypatch) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\necho broken >&2\n")
    program.chmod(0o755)
    page = tmp_path / "a.html"
    page.write_text("<p>a")
    monkeypatch.setattr(pdf, "chromium", lambda: str(program))
    with pytest.raises(RenderError, match=r"did not print a.html: broken"):
        pdf.print_pdf(page, tmp_path / "a.pdf")
    assert not list(tmp_path.glob("*.pdf"))


@pytest.mark.notebook
def test_the_page_says_site_date_version_inputs_and_engine(made, pages) -> None:
    page = (pages / "L2R.html").read_text()
    p = made.solve().provenance
    page = re.sub(r"<a class='term'[^>]*>(.*?)</a>", r"\1", page)
    head, front, foot = page[: page.index("</header>")], page[: page.index("<nav")], page[page.index("id='inputs'") :]
    for text in (f"with k2rel {k2rel.__version__}", "Level 2R", "UTC"):
        assert text in head
    for text in (p.input_hash, p.takeovers, "Engine markov", "20</b>"):
        assert text in front
    for text in (p.input_hash, p.takeovers, p.engine, "error bound"):
        assert text in foot


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.parametrize("level", ["L2R", "nearline"])
def test_the_same_inputs_give_the_same_bytes_in_every_table(pages, asked, tmp_path, level) -> None:
    given = asked if level == "L2R" else asked | {"settings": {}}  # nearline has no TOE
    assert render_reports([level], tmp_path, comparison=False, **given).failures == ()
    tables = [path for path in (pages / "results").glob(f"{level}[._]*") if path.suffix in (".csv", ".xlsx")]
    assert len(tables) > 10
    for path in tables:
        if "history" not in path.name:
            assert path.read_bytes() == (tmp_path / "results" / path.name).read_bytes(), path.name


@pytest.mark.notebook
def test_the_workbook_holds_every_table_with_its_numbers(made, pages) -> None:
    sheets = pd.read_excel(pages / "results" / "L2R.xlsx", sheet_name=None)
    assert {"about", "availability", "load", "causes", "cut_sets", "changes", "target"} <= set(sheets)
    expected = k2rel.availability(made).table()["unavailability"]
    found = sheets["availability"].set_index("service")["unavailability"]
    assert found.to_dict() == pytest.approx(expected.to_dict(), rel=1e-12)


def test_numbers_that_are_none_stay_readable_in_a_workbook(tmp_path) -> None:
    frame = pd.DataFrame({"x": [float("nan"), float("inf"), 1.5], "y": [True, None, "a" * 50_000]})
    write_tables(tmp_path, "t", {"odd:name/with*marks" * 3: frame, "b": frame}, {"site": "t"})
    sheets = pd.read_excel(tmp_path / "t.xlsx", sheet_name=None)
    assert len(sheets) == 3
    assert sheets["b"].iloc[2, 0] == 1.5


# targets and changes


def test_a_target_is_met_not_met_or_open_by_the_share_of_the_draws_that_meet_it() -> None:
    study = k2rel.study("L2R")
    minutes = np.sort(k2rel.uncertainty(study, ["media"]).unavailability["media"]) * 525_600

    def judged(allowed):
        (judgement,) = k2rel.judge(study, {"media": 100 * (1 - allowed / 525_600)}, explain=False)
        assert (judgement.method, judgement.takeovers) == ("markov", "as modelled")
        return judgement.verdict, judgement.probability

    places = [(1930, "met"), (1000, "not known"), (60, "not met")]
    for place, verdict in places:
        between = float(minutes[place - 1 : place + 1].mean())  # so many of 2,000 draws lie below
        assert judged(between) == (verdict, pytest.approx(place / 2000))


@pytest.mark.parametrize(
    ("text", "message"),
    [("100", "from 50 to below 100"), ("0", "from 50 to below 100"), ("nan", "from 50 to below 100"), ("high", "neither a percentage"),
     ("-5", "from 50 to below 100")],
)  # fmt: skip
def test_a_target_that_is_none_is_refused_before_anything_is_rendered(k2, tmp_path, text, message) -> None:
    run = k2("report", "L1", f"--target={text}", "--output", tmp_path / "out")
    assert run.code == 2
    assert message in run.err
    assert not (tmp_path / "out").exists()


def test_a_file_of_targets_is_read_and_its_mistakes_are_placed(tmp_path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text("media: 99.99\nfile_system: 99.999\n")
    site = k2rel.study("L2R").site
    assert k2rel.read_target(str(path), site) == {"media": 99.99, "file_system": 99.999}
    path.write_text("media: 99.99\nfile_system: all\n")
    with pytest.raises(InputError, match=r"targets.yaml:2.*from 50 to below 100"):
        k2rel.read_target(str(path), site)
    with pytest.raises(InputError, match="did you mean 'media'"):
        k2rel.judge(k2rel.study("L2R"), {"medja": 99.0})


def test_a_second_part_fails_as_two_in_parallel_do() -> None:
    law = k2rel.study("L2").law("switch_A")
    assert isinstance(law, Law)
    two = duplicated(law)
    assert two.unavailability == pytest.approx(law.unavailability**2, rel=1e-12)
    # frequency of a pair: one is down while the other fails, either way round
    assert two.frequency_per_h == pytest.approx(2 * law.unavailability * law.frequency_per_h, rel=1e-12)


def test_a_doubled_part_gives_what_the_site_file_with_two_of_them_gives(tmp_path) -> None:
    text = site_path("L1").read_text()
    study = k2rel.study("L1")
    doubled = with_second(study, ["switch_A"])
    q = study.law("switch_A").unavailability
    slope = k2rel.causes(study, "media").loc["switch_A", "birnbaum"]
    found = k2rel.availability(doubled)["media"].unavailability
    expected = k2rel.availability(study)["media"].unavailability - slope * (q - q * q)  # linear in each part
    assert found == pytest.approx(expected, rel=1e-9)
    assert "switch_A" in text
    with pytest.raises(InputError, match="did you mean 'switch_A'"):
        with_second(study, ["switch_a"])
    with pytest.raises(InputError, match="cannot be doubled"):
        with_second(study, ["media_raid_drive_1"])


@pytest.mark.parametrize("method", ["exact", pytest.param("auto", marks=pytest.mark.slow)])
def test_the_best_changes_are_those_of_all_candidates_computed_one_by_one(method) -> None:
    study = k2rel.study("L2", repair="nbd")
    minutes = {
        c.title: k2rel.availability(changed(Design(study), [c]).study, method=method)["media"].downtime_min_per_year
        for c in candidate_changes(study)
    }
    table = k2rel.best_changes(study, "media", most=5, method=method)
    best = sorted(minutes.values())[:5]
    assert table["downtime_min_per_year"].tolist() == pytest.approx(best, rel=1e-12)
    assert {c.kind for c in candidate_changes(study)} == {"contract", "stock", "duplicate", "clients", "level"}
    now = k2rel.availability(study, method=method)["media"].downtime_min_per_year
    assert table["removed_min_per_year"].tolist() == pytest.approx([now - m for m in best])


@pytest.mark.notebook
@WITH_L2R
def test_a_report_gives_verdict_and_three_computed_changes(reported, level, pages) -> None:
    page = (pages / f"{level}.html").read_text()
    assert "NOT MET" in page
    table = pd.read_csv(pages / "results" / f"{level}_changes.csv")
    expected = k2rel.best_changes(reported)
    assert table["change"].tolist() == expected.index.tolist()
    assert len(table) == 3
    for change in table["change"]:
        assert change in page


# steps of a takeover


def test_a_takeover_goes_from_the_failure_to_being_in_service_again() -> None:
    steps = {step.title: step for step in k2rel.takeover_steps(k2rel.study("L2R"), ["media_link_A1"])}
    assert list(steps) == ["before", "detection", "switchover", "after", "repaired", "back in service"]
    assert steps["switchover"].outcome.primary is None
    assert not steps["switchover"].outcome.services["media"]
    assert steps["after"].outcome.primary == "B"
    assert steps["after"].outcome.out_of_service == ("server_A",)
    assert steps["repaired"].outcome.failed == ()
    assert steps["repaired"].outcome.out_of_service == ("server_A",)
    assert steps["back in service"].outcome.primary == "B"
    assert steps["back in service"].outcome.out_of_service == ()
    assert "45 s" in steps["switchover"].words


def test_a_failure_that_moves_no_role_has_no_switchover() -> None:
    titles = [step.title for step in k2rel.takeover_steps(k2rel.study("L2R"), ["toe_B1"])]
    assert titles == ["before", "failed", "repaired"]
    with pytest.raises(InputError, match="did you mean"):
        k2rel.takeover_steps(k2rel.study("L2R"), ["toe_b1"])


# designs beside each other


def test_what_differs_is_said_for_parts_rates_roles_traffic_and_assumptions() -> None:
    before, after = (
        k2rel.study("L2R"),
        k2rel.study("L2R", clients=9, repair="nbd", settings={"toe.capacity": "90 MB/s"}),
    )
    rows = k2rel.differences(before, after).set_index("entry")
    clients = rows.loc["clients"].set_index("what")[["before", "after"]]  # the site's number, and the assumption in use
    assert clients.loc["site"].tolist() == ["4", "9"]
    assert clients.loc["assumptions"].tolist() == ["4 (CHOSEN)", "9 (CHOSEN)"]
    assert rows.loc["repair contract", ["before", "after"]].tolist() == ["4h", "nbd"]
    rows = rows[rows["what"] != "assumptions"]
    (capacity,) = [entry for entry in rows.index if "toe" in entry and "capacity" in entry]
    assert rows.loc[capacity, ["before", "after"]].tolist() == ["100", "90"]
    assert len(k2rel.differences(before, before)) == 0
    levels = k2rel.differences(k2rel.study("L2"), before)
    assert {"site", "parts", "roles", "traffic", "assumptions"} <= set(levels["what"])
    assert ("isl_1, isl_2", "–", "isl") in levels[["entry", "before", "after"]].itertuples(index=False, name=None)


def test_two_designs_are_compared_in_words_and_numbers(k2, spoiled) -> None:
    path, _ = spoiled("value: 45 s", "value: 90 s")
    run = k2("compare", "L2R", path, "--format", "json")
    assert run.code == 0
    differences = {row["entry"]: (row["before"], row["after"]) for row in run.json[1]["differences"]}
    assert differences["file_system: switchover [h]"] == ("0.0125", "0.025")
    services = {row["service"]: row for row in run.json[1]["services"]}
    # a year Windows (2.3e-4 /h) and the database (5e-5 /h) fail 2.45 times, of which 80 in 100 start a takeover, and other
    # triggers 0.154 times, of which 95 do; 45 s longer each
    longer = (8760 * (2.3e-4 + 5e-5) * 0.8 + 0.154 * 0.95) * 45 / 60
    assert services["media"]["change_min_per_year"] == pytest.approx(longer, rel=0.01)
    text = k2("compare", "L2", "L2R").out
    assert "Differences" in text
    assert "L2 before and L2R after" in text


@pytest.mark.notebook
@WITH_L2R
def test_a_level_is_compared_with_its_history(reported, level, pages, k2) -> None:
    settings = [words for setting in reported.provenance.settings for words in ("--set", setting)]
    run = k2("compare", level, "--clients", reported.site.client_count, *settings, "--history", pages)
    assert "The inputs are those of the last report." in run.out
    changed = k2("compare", level, "--clients", "8", "--history", pages, "--format", "json").json[level]
    assert [row["date"] == "now" for row in changed][-1]
    assert changed[-1]["clients"] == 8
    assert changed[0]["input_hash"] == reported.provenance.input_hash
    assert k2("compare", "L1", "--history", pages).code == 2


def test_a_history_that_is_none_is_refused(k2, tmp_path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "L1.history.csv").write_text("a,b\n1,2\n")
    run = k2("compare", "L1", "--history", tmp_path)
    assert run.code == 2
    assert "is not a history of reports" in run.err


# load planning


def test_most_clients_is_what_trying_every_number_finds() -> None:
    table = k2rel.most_clients(["L2R"], ["200 Mb/s"], most=10, bound=1e-3)
    row = table.iloc[0]

    def fits(count, parts):
        study = k2rel.study("L2R", clients=count, settings={"media.demand": "200 Mb/s"})
        return not any(
            load.ends_full_service
            for part in parts
            if (outcome := k2rel.failover(study, part)).services["media"]
            for load in outcome.loads
        )

    single = [[], *([name] for name in k2rel.study("L2R").site.components)]
    assert row["nothing_failed"] == max(n for n in range(1, 11) if fits(n, [[]]))
    assert row["after_one_failure"] == max(n for n in range(1, 11) if fits(n, single))


def test_load_planning_refuses_what_cannot_be() -> None:
    with pytest.raises(InputError, match="most: a whole number from 1"):
        k2rel.most_clients(["L1"], ["50 Mb/s"], most=0)
    with pytest.raises(InputError, match="bound"):
        k2rel.most_clients(["L1"], ["50 Mb/s"], bound=1.0)
    with pytest.raises(InputError):
        k2rel.most_clients(["L1"], ["fast"])


# drawings


def test_a_drawing_shows_what_failed_what_is_used_and_the_load() -> None:
    study = k2rel.study("L3R", clients=20)
    outcome = k2rel.failover(study, ["switch_A", "psu_1B_1"])
    drawing = plots.draw_site(study.site, outcome)
    for attributes in (
        "data-part='switch_A' data-side='0' data-failed=''", "data-part='server_1A' data-side='0' data-out=''",
        "data-part='server_1B' data-side='1' data-way='1'",
    ):  # fmt: skip
        assert attributes in drawing.svg
    assert ">K2 clients 2 to 20<" in drawing.svg
    assert ">psu 1B 1<" in drawing.svg
    looks = plots.looks(study.site, outcome)
    assert looks["clients_media_B"].load == "475"
    assert looks["fc_link_1B"].over
    dashes = set(drawing.svg.split("stroke-dasharray='")[1:])
    assert len({text[: text.index("'")] for text in dashes}) >= 7, "kinds of links differ by more than colour"


@pytest.mark.parametrize("level", ["L1", "L2", "L2R", "L3", "L3R", "nearline"])
@pytest.mark.parametrize("clients", [1, 2, 20])
def test_boxes_and_chips_of_a_drawing_do_not_cover_each_other(level, clients) -> None:
    from k2rel.plots.layout import Layout

    layout = Layout(k2rel.study(level, clients=clients).site)
    boxes = list(layout.boxes.values())
    for n, one in enumerate(boxes):
        assert one.x - one.width / 2 >= 0
        assert one.x + one.width / 2 <= layout.width
        for other in boxes[n + 1 :]:
            apart = (
                abs(one.x - other.x) >= (one.width + other.width) / 2
                or abs(one.y - other.y) >= (one.height + other.height) / 2
            )
            assert apart, (one.id, other.id)
    places = [place for key, place in layout.chips.items() if "|" not in key]
    assert len(places) == len(set(places))


def test_a_drawing_is_saved_as_svg_only(tmp_path) -> None:
    drawing = plots.draw_site(k2rel.study("L1").site)
    assert drawing.save(tmp_path / "a.svg").read_text().startswith("<svg")
    with pytest.raises(InputError, match=r"ends in .svg"):
        drawing.save(tmp_path / "a.png")
    with pytest.raises(InputError, match="cannot be written"):
        drawing.save(tmp_path / "no" / "a.svg")


# the sample


def _words(page: str) -> list[str]:
    """The words of a page that people read, without digits: these may differ in the last place between machines."""
    prose = re.sub(r"<(script|style|svg|dl class='head')\b.*?</(?:\1|dl)>|<[^>]*>", " ", page, flags=re.S)
    return re.findall(r"[A-Za-z_]{2,}", prose)


@pytest.mark.slow
@pytest.mark.notebook
def test_the_sample_has_the_words_of_a_report_that_is_made_now(tmp_path) -> None:
    """After a change of a report `make sample` writes it anew."""
    render_reports(["L2R"], tmp_path, target=99.99)
    kept = Path(__file__).parents[1] / "reports" / "sample" / "L2R.html"
    assert _words((tmp_path / "L2R.html").read_text("utf-8")) == _words(kept.read_text("utf-8"))
