"""On duty at the page: the next hours of a state that is clicked, and the sheet of all single failures."""

import json
import re

import pandas as pd
import pytest

import k2rel
from k2rel import report
from k2rel.explore.ahead import what_is_ahead
from k2rel.measures.risk import downtime_ahead
from k2rel.measures.risk_result import action_words
from k2rel.measures.solution import solution_of
from k2rel.policy.present import present_of
from tests.test_explorer import asked
from tests.visiting import CHROMIUM, Visit

KNOWN = {"L1": "L1", "L2R": "L2R"}
STATE = {"level": "L2R", "clients": 0, "contract": "4h", "rates": "as given", "roles": ""}


# What is computed


def of_state(failed, roles=None, in_service=()):
    solution = solution_of("L2R")
    return downtime_ahead(solution, present_of(solution.study.site, failed, roles, in_service=in_service), 24.0)


def test_an_action_leaves_what_the_state_after_it_has_ahead() -> None:
    """States that somebody's action leads to are followed as far as those that the chain comes to by itself."""
    found, after = of_state("heartbeat"), of_state("heartbeat", {"file_system": "B"})
    (moved,) = (each for each in found.actions if each.action == "move")
    assert moved.downtime_h == pytest.approx(after["media"].downtime_h, rel=1e-3)
    assert moved.downtime_h == pytest.approx(found["media"].downtime_h, rel=1e-3)  # both sides are alike
    found, after = of_state("control_link_A"), of_state("control_link_A", in_service="server_A")
    (placed,) = (each for each in found.actions if each.action == "place in service")
    assert placed.downtime_h == pytest.approx(after["media"].downtime_h, rel=1e-3)


@pytest.fixture(scope="module")
def duty():
    """The table of Level 2R, and who answered."""
    answer = report.open_answer("L2R")
    table = report.open_duty(answer)
    assert isinstance(table, pd.DataFrame)
    return answer, table


@pytest.mark.usual("heartbeat", "fs_database_A")
@pytest.mark.parametrize("part", ["heartbeat", "control_link_A", "fs_database_A", "server_A", "ftp_link_A"])
def test_the_table_says_what_to_do_first_as_the_state_alone_does(duty, part) -> None:
    row, found = duty[1].loc[part], k2rel.risk("L2R", part)
    first = next(each for each in found.actions if each.after_h == 0.0)
    helps = first.downtime_h <= 0.95 * found["media"].downtime_h
    assert row["do_first"] == (action_words(first) if helps else f"repair {part}")
    assert row["expected_downtime_min"] == pytest.approx(60 * found["media"].downtime_h, rel=1e-3)
    assert row["p_failure_within"] == pytest.approx(found["media"].p_failure_within, rel=1e-3)


@pytest.mark.usual("failed1", "failed3")
@pytest.mark.parametrize("failed", [(), ("server_A",), ("switch_B", "isl_1"), ("raid_chassis",)])
def test_the_downtime_alone_is_that_of_the_whole_answer(failed) -> None:
    solution = solution_of("L2R")
    whole, alone = k2rel.risk("L2R", failed), downtime_ahead(solution, present_of(solution.study.site, failed), 24.0)
    for one, other in zip(whole.services, alone.services, strict=True):
        assert (one.service, one.up_now, other.p_failure_within) == (other.service, other.up_now, None)
        assert other.downtime_h == pytest.approx(one.downtime_h, rel=1e-9)
        assert other.downtime_usual_h == pytest.approx(one.downtime_usual_h, rel=1e-3)
    assert alone.critical == whole.critical
    assert alone.redundancy_back_h == pytest.approx(whole.redundancy_back_h, rel=1e-9)
    done_now = sorted(action_words(each) for each in whole.actions if each.after_h == 0.0)
    assert sorted(action_words(each) for each in alone.actions) == done_now
    assert "probability" not in alone.words()


# The explorer


def ahead(**state):
    return what_is_ahead(STATE | state, KNOWN)


def test_a_state_says_what_the_command_says() -> None:
    found, shown = k2rel.risk("L2R", "server_A"), ahead(failed=["server_A"], number=7)
    media = found["media"]
    text = re.sub(r"<[^>]+>", " ", shown["ahead"])
    assert shown["looked"] == 7
    assert f"{60 * media.downtime_h:.3g}" in text
    assert f"{60 * media.downtime_usual_h:.3g}" in text
    assert f"{media.times:.3g}" in text
    assert [each["part"] for each in shown["critical"]] == [each.part for each in found.critical if not each.always]
    assert "repair server A" in text
    assert "After 7.5 h on average" in text
    assert "down , back after 7.5 h" in re.sub(r"\s+", " ", text)  # FTP has no failover


def test_what_always_takes_a_service_down_gets_no_mark() -> None:
    assert ahead(failed=[])["critical"] == []
    assert "raid_chassis" not in [each["part"] for each in ahead(failed=["server_A"])["critical"]]


def test_roles_that_were_at_the_other_side_before_count() -> None:
    stays = ahead(failed=["switch_A"], roles="B")
    assert "server_A out of service".replace("_", " ") not in stays["ahead"]
    study = k2rel.study("L2R", primary="B")
    minutes = 60 * k2rel.risk(study, "switch_A")["media"].downtime_h
    assert f"{minutes:.3g}" in stays["ahead"]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"failed": ["client_1_media_A"]}, "a client&#x27;s own part"),
        ({"failed": ["metadata_raid_drive_1"]}, "is a drive of metadata_raid"),
        ({"failed": [f"media_link_{n}" for n in ("A1", "A2", "B1", "B2")] + ["isl_1", "isl_2", "heartbeat"]}, "at most 6"),
        ({"failed": ["nothing_like_it"]}, "nothing_like_it"),
        ({"failed": ["server_A"], "roles": "C"}, "C"),
        ({"failed": "server_A"}, "a list of names"),
        ({"failed": [["server_A"]]}, "a list of names"),
        ({"failed": [], "level": "L9"}, "one of L1, L2R"),
        ({"failed": [], "clients": "4"}, "a whole number"),
        ({"failed": [], "contract": "never"}, "contract"),
        ({"failed": ["<b>"]}, "&lt;b&gt;"),
    ],
)  # fmt: skip
def test_where_there_is_no_answer_a_sentence_stands(state, why) -> None:
    shown = ahead(**state)
    assert "Not shown for this state" in shown["ahead"]
    assert why in shown["ahead"]
    assert shown["critical"] == []
    assert "<b>" not in shown["ahead"]


def test_a_chain_that_is_too_large_for_a_click_is_left_to_the_command(monkeypatch) -> None:
    monkeypatch.setattr("k2rel.explore.ahead._MOST_STATES", 100)
    assert (
        "states, too many to be solved at a click" in ahead(failed=["toe_A1"], rates="at their upper limits")["ahead"]
    )


def test_the_order_in_which_parts_failed_is_told_where_it_matters() -> None:
    """Side A loses a link and shuts down; what B loses after that moves nothing, though both at once stay at A."""
    apart = ahead(failed=["media_link_A1", "media_link_B1"])["ahead"]
    assert "file system at server B" in apart
    assert "one after the other" in apart
    assert "one after the other" not in ahead(failed=["media_link_B1", "media_link_A1"])["ahead"]


def test_the_server_answers_about_states_to_who_has_the_token(server) -> None:
    body = json.dumps(STATE | {"failed": ["switch_A"], "number": 3}).encode()
    kind = "application/json"
    assert asked(server, "/present", body, Content_Type=kind)[0] == 403
    code, text, _ = asked(server, "/present", body, Content_Type=kind, Cookie=f"{server.cookie}={server.token}")
    assert code == 200
    found = json.loads(text)
    found["ahead"] = re.sub(r"<a class='term'[^>]*>(.*?)</a>", r"\1", found["ahead"])  # the page's glossary
    assert found == ahead(failed=["switch_A"], number=3)


def looked(visit, text):
    """Wait for the answer about a state, which says some text."""
    visit.page.wait_for_selector(f".k2x-ahead:not([aria-busy]):has-text('{text}')")
    return visit.page.inner_text(".k2x-ahead")


def signs(visit):
    return set(visit.page.eval_on_selector_all("svg .k2x-sign", "signs => signs.map(each => each.dataset.of)"))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_click_marks_what_must_not_fail_now_and_says_the_next_hours(browser, server) -> None:
    visit = Visit(browser, server.url, selector=".k2x-ahead[data-number]")
    assert signs(visit) == set()
    assert "must not fail now" in visit.page.text_content("svg .k2x-told"), "the legend"
    visit.mark("server_A").click()
    text = looked(visit, "Server A failed")
    found = k2rel.risk("L2R", "server_A")
    homes = {part: part for part in ("switch_B", "toe_B1", "fc_link_B", "media_link_B1")} | {"software_B": "server_B"}
    assert set(homes.values()) <= signs(visit)
    assert "raid_chassis" not in signs(visit), "what always takes a service down has no mark"
    assert visit.mark("switch_B").get_attribute("aria-description") == (
        "switch B must not fail now (media, control, ftp retry and 1 more)"
    )
    assert "software B must not fail now" in visit.mark("server_B").get_attribute("aria-description")
    assert f"{60 * found['media'].downtime_h:.3g}" in text
    visit.page.get_by_text("drawing as SVG").wait_for()
    visit.page.get_by_role("button", name="repair server A").click()
    looked(visit, "Nothing has failed")
    assert signs(visit) == set()
    assert visit.mark("switch_B").get_attribute("aria-description") is None
    visit.page.locator("details.k2x-all summary").click()
    visit.page.locator("input[data-part='media_raid_drive_1']").check()
    assert "is a drive of media_raid" in looked(visit, "Not shown for this state")
    visit.clean()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_signs_lie_on_no_text_and_on_no_other_sign(browser, server) -> None:
    visit = Visit(browser, server.url, selector=".k2x-ahead[data-number]")
    for part in ("server_A", "toe_B1", "isl_1"):
        visit.page.wait_for_selector(".k2x-ahead:not([aria-busy])")
        visit.page.locator(f"svg [data-part='{part}']").first.dispatch_event("click")
        looked(visit, f"{part.replace('_', ' ').capitalize().split()[0]}")
        overlaps = visit.page.evaluate(
            """() => {
              const signs = [...document.querySelectorAll("svg .k2x-sign")].map((sign) => sign.getBoundingClientRect());
              const texts = [...document.querySelectorAll("svg [data-part] .load, svg [data-part] .name, svg .box .title tspan")]
                .filter((text) => text.textContent).map((text) => text.getBoundingClientRect());
              const shared = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
              return signs.map((sign, n) => Math.max(0, ...texts.map((text) => shared(sign, text)), ...signs.slice(0, n).map((other) => shared(sign, other))) / (sign.width * sign.height));
            }"""
        )
        assert overlaps
        assert max(overlaps) < 0.25
    visit.clean()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_next_hours_go_with_an_address_a_contract_and_another_level(browser, server) -> None:
    visit = Visit(browser, server.url, selector=".k2x-ahead[data-number]")
    visit.page.evaluate("location.hash = 'level=L2R&failed=server_A&contract=nbd'")
    minutes = 60 * k2rel.risk(k2rel.study("L2R", repair="nbd"), "server_A")["media"].downtime_h
    assert f"{minutes:.3g}" in looked(visit, f"{minutes:.3g}")
    visit.page.locator("select").first.select_option("L1")
    # its server has the same name, and stays failed
    minutes = 60 * k2rel.risk(k2rel.study("L1", repair="nbd"), "server_A")["media"].downtime_h
    assert "down, back after" in looked(visit, f"{minutes:,.0f}")
    assert visit.page.locator("svg .k2x-told").count() == 1
    visit.clean()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_report_asks_nobody_and_has_no_place_for_the_next_hours(browser, pages) -> None:
    visit = Visit(browser, (pages / "L2R.html").as_uri())
    visit.mark("server_A").click()
    assert visit.page.locator(".k2x-ahead, .k2x-sign").count() == 0
    visit.clean()


def test_the_widget_says_the_next_hours_too() -> None:
    widget = pytest.importorskip("k2rel.explore.widget").Explorer("L2R")
    widget.present = STATE | {"failed": ["server_A"], "number": 1}
    assert widget.looked == 1
    assert widget.critical[0]["part"] == "software_B"
    assert "Server A failed" in widget.ahead


# The report


def test_the_sheet_has_every_failure_with_what_follows_in_words(duty) -> None:
    answer, table = duty
    shown = report.show_duty(answer, table).data
    cells = re.sub(r"<[^>]+>", " ", shown)
    for names in table.index:
        for part in names.split(", "):
            assert re.search(rf"(?<![\w]){part}(?![\w])", cells), part
    assert "Every single failure and the next 24 h of media, the worst first" in shown
    assert "The usual downtime of media in any 24 h is 0.0977 min" in shown
    assert "and 7 more" in shown
    assert report.worst_failure(table) == "server_B"
    rows = shown.count("<tr") - 1
    assert rows < len(table) / 1.3, "failures with the same consequences share a row"
    assert rows >= table.loc[table["must_not_fail"] != "", "must_not_fail"].nunique(), "and no others do"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"method": "simulation"}, "the simulation engine does not compute what lies ahead of every state"),
        ({"method": "exact"}, "the exact engine does not compute what lies ahead of every state"),
    ],
)
def test_where_there_is_no_sheet_a_sentence_says_why(given, why) -> None:
    answer = report.open_answer("L2R", **given)
    duty = report.open_duty(answer)
    assert report.worst_failure(duty) is None
    shown = report.show_duty(answer, duty).data
    assert why in shown
    assert "On duty" in shown


def test_a_chain_that_is_too_large_for_a_report_is_left_to_the_command(monkeypatch) -> None:
    monkeypatch.setattr("k2rel.report.duty.MOST_STATES", 100)
    refused = report.open_duty(report.open_answer("L2R"))
    assert isinstance(refused, report.Refused)
    assert "k2rel risk --every-failure" in refused.why


@pytest.mark.notebook
def test_the_report_has_the_sheet_and_the_whole_lists_beside_it(pages) -> None:
    page = (pages / "L2R.html").read_text()
    assert ">On duty</h2>" in page
    assert "href='#On-duty'" in page
    assert "Every single failure and the next 24 h" in page
    whole = pd.read_csv(pages / "results" / "L2R_on_duty.csv", index_col="part")
    study = k2rel.study("L2R", clients=20, settings={"toe.capacity": "90 MB/s"})
    expected = k2rel.duty_table(study)
    assert whole["expected_downtime_min"].tolist() == pytest.approx(
        expected["expected_downtime_min"].tolist(), rel=1e-6
    )
    assert len(str(whole.loc["server_A", "must_not_fail"]).split(", ")) == 13
    assert any("expected-downtime-of-media" in path.name for path in (pages / "results" / "L2R_figures").iterdir())


@pytest.mark.browser
@pytest.mark.notebook
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_sheet_is_printed_across_and_alone(browser, pages, tmp_path) -> None:
    page = browser.new_page()
    page.goto((pages / "L2R.html").as_uri())
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    boxes = re.findall(r"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", (tmp_path / "page.pdf").read_text("latin-1"))
    across = [float(wide) > float(high) for wide, high in boxes]
    assert 1 <= sum(across) <= 3
    page.close()
