"""Clients of several kinds, wired differently: a client of each is followed, and called by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import k2rel
from k2rel.cli import main
from k2rel.design.carrying import carrying
from k2rel.measures.capacity import single_failures
from k2rel.measures.cases import failover_cases, merged_cases
from k2rel.plots import plot_downtime_budget
from k2rel.report.explorer import explorer_data, show_explorer
from k2rel.report.page import report_page
from k2rel.site.alike_groups import parts_of_one_each
from tests.visiting import CHROMIUM, Visit

SITE = """
format: 2
name: kinds
title: Twelve clients of three wirings
sides: {A: {}, B: {}}
types:
  switch: {mttf: 200000 h, mttr: 4 h}
  nic: {mttf: 800000 h, mttr: 8 h}
  host: {failure_rate: 0, mttr: 1 h}
  array: {mttf: 200000 h, mttr: 6 h}
components:
  leaf_A1: {type: switch, side: A}
  leaf_B1: {type: switch, side: B}
  leaf_A2: {type: switch, side: A}
  store_1: {type: array, capacity: 900 MB/s}
links:
  up_A1: {type: nic, side: A, between: [leaf_A1, store_1], capacity: 500 MB/s}
  up_B1: {type: nic, side: B, between: [leaf_B1, store_1], capacity: 500 MB/s}
  up_A2: {type: nic, side: A, between: [leaf_A2, store_1], capacity: 150 MB/s}
clients:
  parts:
    client: {type: host}
    nic_1: {type: nic, side: A, between: [client, "@leaf_1"]}
    nic_2: {type: nic, side: B, between: [client, "@leaf_2"]}
    nic_3: {type: nic, side: A, kinds: [bonded], between: [client, "@leaf_3"]}
  kinds:
    cameras: {title: cameras on both sides, count: 5, leaf_1: leaf_A1, leaf_2: leaf_B1}
    monitors: {members: [mon-1, mon-2, mon-3], leaf_1: leaf_A2}
    bonded: {count: 4, leaf_1: leaf_A1, leaf_2: leaf_B1, leaf_3: leaf_A2}
traffic:
  video:
    demand: 60 MB/s
    share: equal
    paths:
      - {side: A, kinds: [cameras, bonded], via: [client, nic_1, "@leaf_1", up_A1, store_1]}
      - {side: B, via: [client, nic_2, "@leaf_2", up_B1, store_1]}
      - {side: A, kinds: [monitors], via: [client, nic_1, "@leaf_1", up_A2, store_1]}
      - {side: A, kinds: [bonded], via: [client, nic_3, "@leaf_3", up_A2, store_1]}
"""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five cameras on two leaves, three monitors on one card, four bonded on three leaves."""
    path = tmp_path_factory.mktemp("kinds") / "kinds.yaml"
    path.write_text(SITE)
    return path


def test_a_client_of_every_group_is_followed(kinds: Path) -> None:
    study = k2rel.study(kinds)
    said = {part: case.effect() for case in failover_cases(study) for part in (*case.failed, *case.alike)}
    assert set(parts_of_one_each(study.site)) <= set(said)
    # the only card of a monitor takes its video, one of three of a bonded client leaves two
    assert k2rel.failover(study, "client_6_nic_1").clients[5].routes["video"] == ()
    assert said["client_6_nic_1"] == said["client_6"]
    assert "video of client_9: 2 of 3 paths up" in said["client_9_nic_3"]


def test_what_is_computed_after_single_failures_has_them(kinds: Path) -> None:
    study = k2rel.study(kinds)
    own = set(parts_of_one_each(study.site))
    assert own <= {part for failed in single_failures(study.site) for part in failed}
    assert own <= set(k2rel.load_after_failures(study).index)
    assert carrying(study).failures == len(own) + len(study.site.components)  # each of them changes something
    assert ("client_6_nic_1",) in [cut.parts for cut in k2rel.single_points_of_failure(study, "video")]


def test_groups_wired_alike_are_one_case() -> None:
    cases = {case.title: case.alike for case in failover_cases(k2rel.study("L2R"))}
    assert cases["client 1's media A"] == ("client_2_media_A",)
    assert not any(title.startswith("client 2") for title in cases)


def test_the_same_follows_from_clients_of_many_wirings(tmp_path: Path) -> None:
    leaves = range(45)
    types = "".join(f"  nic_{n}: {{unavailability: {n + 1}e-6, mttr: 1 h}}\n" for n in leaves)
    path = tmp_path / "many.yaml"
    path.write_text(
        "format: 2\nname: many\ntitle: Many\nsides: {A: {}}\n"
        f"types:\n  host: {{failure_rate: 0, mttr: 1 h}}\n  switch: {{unavailability: 0.001, mttr: 1 h}}\n{types}"
        f"components:\n{''.join(f'  card_{n}: {{type: nic_{n}, in: core}}' + chr(10) for n in leaves)}  core: {{type: switch}}\n"
        "clients:\n  parts:\n    client: {type: host}\n"
        '    nic: {type: host, between: [client, "@card"]}\n'
        f"  kinds:\n{''.join(f'    kind_{n}: {{count: 2, card: card_{n}}}' + chr(10) for n in leaves)}"
        'traffic:\n  data:\n    demand: 1 MB/s\n    paths: [{side: A, via: [client, nic, "@card", core]}]\n'
    )
    cases = failover_cases(k2rel.study(path))
    assert len(cases) == 1 + 45 + 45 + 1  # clients, cards, core
    told = merged_cases(cases)
    assert [case.failed for case in told[:2]] == [(), ("client_1",)]
    assert told[1].alike == (
        "client_1_nic",
        *(part for n in range(3, 91, 2) for part in (f"client_{n}", f"client_{n}_nic")),
    )


def test_the_table_says_whose_parts_it_has(kinds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failover", str(kinds)]) == 0
    said = capsys.readouterr().out
    assert "for clients, the parts of one client of each of the 3 groups" in said
    assert "client_6_nic_1" in said


def test_clients_go_by_their_names(kinds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = k2rel.study(kinds)
    assert k2rel.failover(study, ["mon-1_nic_1", "mon-2"]).failed == ("client_6_nic_1", "client_7")
    with pytest.raises(k2rel.InputError, match=r"no part 'mon-1_nic_2'; of this client it has 'mon-1', 'mon-1_nic_1'$"):
        k2rel.failover(study, "mon-1_nic_2")
    with pytest.raises(k2rel.InputError, match="did you mean 'leaf_A1'"):
        k2rel.failover(study, "leaf_A")
    cases = {case.failed: case for case in failover_cases(study)}
    assert cases["client_6",].title == "mon-1 (client 6)"
    assert "video of mon-1 (client_6) lost" in cases["client_6",].effect()
    assert "video of clients 1 to 5 (cameras on both sides) by B" in cases["leaf_A1",].effect()
    assert main(["failover", str(kinds), "--fail", "mon-1_nic_1"]) == 0
    said = capsys.readouterr().out
    assert "failed: mon-1_nic_1 (client_6_nic_1)" in said
    assert "\nmon-1 (client_6) " in said
    assert main(["failover", str(kinds), "--format", "csv"]) == 0
    assert "\nclient_6," in capsys.readouterr().out  # programs get identifiers


def test_a_name_that_is_a_part_too_is_the_part(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(SITE.replace("mon-1, mon-2", "leaf, mon-2").replace("leaf_A2", "leaf_nic_1"))
    assert k2rel.failover(path, "leaf_nic_1").failed == ("leaf_nic_1",)
    assert k2rel.failover(path, "leaf").failed == ("client_6",)


def test_the_explorer_has_a_client_of_every_group_with_the_parts_it_has(kinds: Path) -> None:
    site = k2rel.study(kinds).site
    data = explorer_data(site)
    assert set(parts_of_one_each(site)) | {"client_2_nic_2"} <= set(data["parts"]) <= site.part_ids
    assert data["parts_of"] == [
        ["client", "nic_1", "nic_2"],
        ["client", "nic_1"],
        ["client", "nic_1", "nic_2", "nic_3"],
    ]
    assert {"client_1", "client_6", "client_9_nic_3"} <= set(data["marks"]["drawn"]) & set(data["parts"])


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_page_knows_which_parts_a_client_has(browser: Any, kinds: Path, tmp_path: Path) -> None:
    study = k2rel.study(kinds)
    page = tmp_path / "kinds.html"
    page.write_text(report_page(study.site.title, show_explorer(study).data, ""), encoding="utf-8")
    visit = Visit(browser, page.as_uri() + "#failed=client_2_nic_3,client_9_nic_3,mon-2_nic_1")
    assert '"client_2_nic_3" is not a part of kinds with 12 clients' in visit.page.inner_text(".k2x-problem")
    assert visit.said().startswith("Failed: client 9 nic 3, mon-2 nic 1 (client 7). Down: video")
    assert visit.mark("client_9_nic_3").get_attribute("aria-pressed") == "true"
    visit.page.locator("details.k2x-all summary").click()
    field = visit.page.get_by_label("fail a part of another client by its name")
    field.fill("mon-3")
    field.press("Enter")
    assert "mon-3 (client 8)" in visit.said()
    visit.clean()


def test_tables_and_charts_tell_kinds_and_how_many_are_alike(kinds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["availability", str(kinds)]) == 0
    said = capsys.readouterr().out
    assert "video, a client of cameras on both sides" in said
    assert "video, a client of monitors" in said
    assert main(["compare", str(kinds)]) == 0
    why = "kinds: the number of clients that it carries is not available: the site lists its clients by kinds"
    assert why in capsys.readouterr().out
    study = k2rel.study(kinds)
    cuts = k2rel.cut_set_table(study, "video")
    drawn = plot_downtime_budget(cuts, 47.3)
    texts = [text.get_text() for text in drawn.texts] + [label.get_text() for label in drawn.get_yticklabels()]
    assert any(
        "3 × client_6_nic_1" in text.replace("\n", " ").replace("client 6 nic 1", "client_6_nic_1") for text in texts
    )
    assert not any("1 × " in text for text in texts)


def test_no_year_is_longer_than_a_year(kinds: Path) -> None:
    never = next(item for item in k2rel.availability(kinds) if item.service == "full_service")
    assert "525,600 min a year" in str(never)
