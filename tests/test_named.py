"""Designs by their names, as levels are, and site files that begin as a copy of one."""

from __future__ import annotations

import re

import pytest

import k2rel
from k2rel.bundled import data_dir, design_names, level_names, site_path
from k2rel.errors import InputError
from k2rel.site.started import start
from k2rel.sweep.spec import read_sweep

DESIGNS = data_dir() / "examples" / "designs"
BLOCK = """\
parameters: {n: }
types: {host: {failure_rate: 0, mttr: 1 h}, switch: {mttf: 1e5 h, mttr: 4 h}}
components:
  switch_{n}: {type: switch}
"""
SITE = """\
format: 2 # the latest
name: rack # ours
title: A rack
sides: {A: {}}
rates: own.csv
blocks:
  first: {from: parts/rack.yaml, with: {n: 1}}
clients: {count: 1, parts: {client: {type: host}, lead: {type: switch, between: [client, switch_1]}}}
traffic:
  data: {paths: [{side: A, via: [client, lead, switch_1]}]}
"""


def test_a_design_is_found_by_its_bare_name_from_any_folder(tmp_path, monkeypatch, k2) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(design_names()) == {path.stem for path in DESIGNS.glob("*.yaml")}
    assert not set(design_names()) & set(level_names())
    for name in design_names():
        assert site_path(name) == DESIGNS / f"{name}.yaml"
    by_file = k2rel.availability(DESIGNS / "fc_alua.yaml")["lun_1"].unavailability
    assert k2rel.study("FC_alua").solve()["lun_1"].unavailability == by_file
    assert k2rel.study("fc_alua", data="0.1").site.name == "fc_alua"
    rows = {row["service"]: row for row in k2("availability", "fc_alua", "--format", "json").json["services"]}
    assert rows["lun_1"]["unavailability"] == by_file
    assert list(k2rel.studies_of(["L1", "mlag"])) == ["L1", "mlag"]
    assert "did you mean 'fc_alua'?" in k2("check", "fc_alau").err


def test_levels_and_files_go_before_designs_and_a_folder_is_in_nobodys_way(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vrrp").mkdir()
    assert site_path("vrrp").parent == DESIGNS
    (tmp_path / "mlag").write_text((DESIGNS / "ha_pair.yaml").read_text())
    assert k2rel.study("mlag").site.name == "ha_pair"
    (tmp_path / "L2R").write_text((DESIGNS / "ha_pair.yaml").read_text())
    assert k2rel.study("L2R").site.name == "L2R"


def test_levels_lists_them_after_the_levels_and_json_stays_as_it_was(k2) -> None:
    out = k2("levels").out
    assert [out.index(f"\n{name} ") for name in (*level_names(), *design_names())] == sorted(
        out.index(f"\n{name} ") for name in (*level_names(), *design_names())
    )
    assert re.search(r"\nspine_leaf +Spine-leaf fabric .* +768\n", out)
    assert [row["level"] for row in k2("levels", "--format", "json").json] == list(level_names())
    designs = {row["design"]: row for row in k2("levels", "--designs", "--format", "json").json}
    assert list(designs) == list(design_names())
    assert designs["spine_leaf"] == {
        "design": "spine_leaf", "title": "Spine-leaf fabric with 768 hosts on eight pairs of leaves", "sides": 2,
        "clients": 768, "parts": 97 + 3 * 768,
    }  # fmt: skip
    assert k2("levels", "--format", "csv").out.splitlines()[0].startswith("level,")
    assert k2("levels", "--designs", "--format", "csv").out.splitlines()[0].startswith("design,")


@pytest.mark.parametrize("name", [*level_names(), *design_names()])
@pytest.mark.usual("L1", "nearline", "vrrp", "spine_leaf", "l2r_two_feeds")
def test_new_copies_the_text_with_its_comments_under_another_name(tmp_path, k2, name) -> None:
    path = tmp_path / "mine.yaml"
    assert k2("new", path, "--like", name).code == 0
    kept = [line for line in path.read_text().splitlines() if not line.startswith("name:")]
    assert kept == [
        line for line in site_path(name).read_text().splitlines() if not re.match("name:|# yaml-language", line)
    ]
    mine, other = k2rel.study(path).site, k2rel.study(name).site
    assert (mine.name, mine.title) == ("mine", other.title)
    assert (mine.components, mine.traffic, mine.groups) == (other.components, other.traffic, other.groups)
    run = k2("check", path)
    assert ": valid\n" in run.out
    assert run.err == ""


def test_new_takes_a_name_and_a_title_and_files_that_the_copy_needs(tmp_path, k2) -> None:
    there = tmp_path / "there"
    (there / "parts").mkdir(parents=True)
    (there / "parts" / "rack.yaml").write_text(BLOCK)
    (there / "own.csv").write_text((data_dir() / "rates.csv").read_text())
    (there / "rack.yaml").write_text(SITE)
    here = tmp_path / "here"
    here.mkdir()
    mine = here / "mine.yaml"
    run = k2("new", mine, "--like", there / "rack.yaml", "--name", "hall", "--title", "My hall", "--format", "json")
    assert run.json["file"] == str(mine)
    assert set(run.json["beside"]) == {str(here / "parts" / "rack.yaml"), str(here / "own.csv")}
    assert mine.read_text() == SITE.replace("name: rack", "name: hall").replace("A rack", "My hall")
    assert k2rel.study(mine).site.title == "My hall"
    assert k2("new", here / "again.yaml", "--like", there / "rack.yaml").code == 0, "what already exists is the same"
    (here / "own.csv").write_text("other")
    run = k2("new", here / "third.yaml", "--like", there / "rack.yaml")
    assert "another file" in run.err
    assert not (here / "third.yaml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("taken.yaml", "--like", "mlag"), "already exists; use --force"),
        (("mine", "--like", "mlag"), "ends in .yaml; write mine.yaml"),
        (("l2r", "--like", "mlag"), "write l2r.yaml"),
        (("", "--like", "mlag"), "ends in .yaml"),
        (("mine.yaml", "--like", "mlga"), "did you mean 'mlag'?"),
        (("mine.yaml", "--like", "mlag", "--name", ""), "name"),
        (("mine.yaml", "--like", "mlag", "--name", "x" * 64), "name"),
        (("mine.yaml", "--like", "mlag", "--title", "t" * 200), "title"),
        (("nowhere/mine.yaml", "--like", "mlag"), "no folder nowhere"),
        (("folder.yaml", "--like", "mlag"), "is a folder"),
        (("a\0b.yaml", "--like", "mlag"), "invalid file name"),
        ((DESIGNS / "other.yaml", "--like", "mlag"), "came with k2rel"),
        (("mine.yaml",), "required: --like"),
    ],
)
def test_what_cannot_be_started_is_said_in_a_sentence(tmp_path, monkeypatch, k2, words, said) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.yaml").write_text("mine")
    (tmp_path / "folder.yaml").mkdir()
    run = k2("new", *words)
    assert run.code == 2
    assert said in run.err
    assert (tmp_path / "taken.yaml").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.yaml", "taken.yaml"]


def test_force_replaces_the_site_file_itself(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine")
    assert start(path, "mlag", force=True) == [path]
    assert k2rel.study(path).site.name == "mine"
    assert start(path, path, name="yours", force=True) == [path], "a file is like itself"
    assert k2rel.study(path).site.name == "yours"
    with pytest.raises(InputError, match="already exists"):
        start(path, "mlag")


def test_a_sweep_takes_a_design_by_its_name(tmp_path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("levels: [fc_alua, L1]\nclients: [2]\n")
    assert [k2rel.study(point.level).site.name for point in read_sweep(path).points] == ["fc_alua", "L1"]
