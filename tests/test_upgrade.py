"""``k2rel check --upgrade`` rewrites a file of format 1: the same site, and no more lines changed than must be."""

import difflib
import json
import re

import pytest

from k2rel import InputError
from k2rel.bundled import data_dir, level_names, site_path
from k2rel.site import read_site
from k2rel.site.upgrade import upgraded
from tests.random_sites import random_document

OLD = [site_path(level, "0.1") for level in level_names("0.1")]


def lines_changed(old, new):
    """Lines that are taken out and put in."""
    lines = difflib.ndiff(old.splitlines(), new.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_a_level_of_format_1_gives_the_same_site_in_format_2(path, tmp_path) -> None:
    old = path.read_text()
    new = upgraded(path).text
    there = tmp_path / path.name
    there.write_text(old)
    before = {one: read_site(there, variant=one) for one in (None, *(v.name for v in read_site(there).variants))}
    there.write_text(new)
    assert {one: read_site(there, variant=one) for one in before} == before
    yields = ["+     priority: background", "- full_service: [media]"] if "full_service" in old else []
    assert lines_changed(old, new) == ["- format: 1", "+ format: 2", *yields]


HOLDERS = """\
format: 1
name: s
title: t
sides: {A: {}, B: {}}
types: {part: {mttf: 1000 h, mttr: 8 h}}
components: {hub: {type: part}, a: {type: part, in: hub}, b: {type: part, in: hub}, c: {type: part, in: hub}}
roles:
  owner: # of the volumes
    holders: # in this order
      # the newest
      - {side: B, on: c, needs: [c]} # in the cellar
      - side: A
        on: a # upstairs
        needs: [a]

      # the oldest
      - {side: B, on: b, needs: [b]}
    # since 2006
    failback: automatic
clients: {count: 1, parts: {seat: {type: part, in: hub}}}
traffic:
  disk:
    demand: 5 MB/s # each
    # the rest of it
    paths: [{side: A, via: [seat, hub]}]
  copy: {demand: 2 MB/s, paths: [{side: A, via: [seat, hub]}]}
full_service: [disk] # the rest yields
variants:
  other:
    title: other
    reason: none
    changes:
      roles: {owner: {holders: [{side: B, on: b, needs: [b]}, {side: A, on: a, needs: [a]}]}}
"""


def test_holders_change_places_with_their_comments_and_all_else_stays(tmp_path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(HOLDERS)
    new = upgraded(path).text
    block = """\
    holders: # in this order
      - side: A
        on: a # upstairs
        needs: [a]
      # the newest
      - {side: B, on: c, needs: [c]} # in the cellar

      # the oldest
      - {side: B, on: b, needs: [b]}
    # since 2006
"""
    assert block in new
    assert "copy: {demand: 2 MB/s, priority: background, paths:" in new
    assert "\n# the rest yields\nvariants:" in new
    assert "holders: [{side: A, on: a, needs: [a]}, {side: B, on: b, needs: [b]}]" in new
    assert sorted(new.replace("priority", "").split()) != sorted(HOLDERS.split())
    kept = [
        line
        for line in HOLDERS.splitlines()
        if not line.startswith(("format", "full_service", "  copy", "      roles"))
    ]
    assert set(kept) <= set(new.splitlines())


def test_it_writes_the_file_or_another_whole_or_not_at_all(k2, tmp_path) -> None:
    path, other = tmp_path / "s.yaml", tmp_path / "new.yaml"
    path.write_text(HOLDERS)
    run = k2("check", path, "--upgrade", "--output", other)
    assert run.code == 0 and path.read_text() == HOLDERS
    assert run.out.splitlines() == [
        f"{other}: now in format 2",
        "  line 1: format: 2",
        "  line 9: owner: holders in the order in which they were tried",
        "  line 26: copy: priority: background",
        "  line 27: full_service: goes",
        "  line 33: owner: holders in the order in which they were tried",
    ]
    assert k2("check", path, "--upgrade", "--output", other).code == 2, "it is there already"
    assert k2("check", path, "--upgrade", "--format", "json").json["changes"][0] == {"line": 1, "change": "format: 2"}
    assert path.read_text() == other.read_text()
    again = k2("check", path, "--upgrade")
    assert (again.code, again.out) == (0, f"{path}: was in format 2\n")
    assert path.read_text() == other.read_text()
    assert k2("check", path).code == 0
    run = k2("check", "L2R", "--upgrade")
    assert run.code == 2 and "--output" in run.err


REFUSED = {
    "a list of full service in a variant": (
        "    changes:\n", "    changes:\n      full_service: [disk, copy]\n", "variants.other.changes.full_service", "manually",
    ),
    "a variant in which another class yields": (
        "      roles: {owner:", "      traffic: {tape: {demand: 1 MB/s, paths: [{side: A, via: [seat, hub]}]}}\n      roles: {owner:",
        "variants.other.changes", "other classes yield",
    ),
    "a comment between holders in one list": (
        "needs: [b]}, {side: A, on: a", "needs: [b]}, # spare\n        {side: A, on: a", "variants.other.changes.roles.owner.holders", "comment",
    ),
    "a comment inside what goes": ("[disk] # the", "[disk # first\n  ] # the", "full_service", "comment"),
    "a file that is wrong": ("in: hub}}}\ntraffic", "in: hug}}}\ntraffic", "clients.parts.seat.in", "did you mean 'hub'"),
    "a format in other words": ("format: 1", "format: =f\nassumptions: {f: {value: 1, evidence: CHOSEN, reason: for a test}}", "format", "write it as a number"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "words"), REFUSED.values(), ids=REFUSED)
def test_what_would_lose_something_is_refused_with_its_line(k2, tmp_path, old, new, key, words) -> None:
    path = tmp_path / "s.yaml"
    assert old in HOLDERS
    text = HOLDERS.replace(old, new, 1)
    path.write_text(text)
    run = k2("check", path, "--upgrade")
    assert run.code == 2
    (message,) = run.err.splitlines()
    assert message.startswith(f"k2rel: {path}:") and f": {key}: " in message and words in message
    assert path.read_text() == text


def test_what_mixes_both_formats_becomes_format_2(tmp_path) -> None:
    """As the message about `share` in a file of format 1 promises."""
    path = tmp_path / "s.yaml"
    path.write_text(HOLDERS.replace("    # the rest of it\n", "    share: equal\n"))
    with pytest.raises(InputError, match="'share' is of format 2; k2rel check --upgrade"):
        read_site(path)
    path.write_text(upgraded(path).text)
    assert read_site(path).traffic["disk"].share == "equal"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("seed", range(3))
def test_drawn_files_stay_the_same_sites(tmp_path, seed, newline) -> None:
    """JSON is YAML: everything stands in one line, or each entry in its own."""
    document = random_document(seed) | {"format": 1, "full_service": ["media"]}
    document["sides"] = {"B": {}, "A": {}}
    path = tmp_path / "s.yaml"
    for indent in (None, 1):
        path.write_bytes(json.dumps(document, indent=indent).replace("\n", newline).encode())
        before = read_site(path)
        path.write_bytes(upgraded(path).text.encode())
        assert read_site(path) == before
        data = json.loads(path.read_text())
        assert data["traffic"]["archive"]["priority"] == "background"
        assert "full_service" not in data
        sides = [[holder["side"] for holder in role["holders"]] for role in data["roles"].values()]
        assert all(one == sorted(one, reverse=True) for one in sides)


def test_examples_of_today_are_in_format_2() -> None:
    files = [*(data_dir() / "levels").glob("*.yaml"), *(data_dir() / "examples").rglob("*.yaml")]
    starts = [path.name for path in files if re.search("^format: [^2]", path.read_text(), re.MULTILINE)]
    assert len(files) > 9 and starts == []
