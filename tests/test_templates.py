"""Templates of site files: what they write is what a loop in Python writes, and every mistake is on its line."""

import copy
import itertools
import json
import re
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import k2rel
from k2rel import InputError
from k2rel.bundled import data_dir
from k2rel.site import read_site
from k2rel.site.read import site_of
from k2rel.site.source import YamlSource, read_yaml, yaml_source, yaml_text
from k2rel.site.templates import expanded, self_contained

HEAD = """\
format: 2
name: fabric
title: a fabric
sides: {A: {}, B: {}}
types: {box: {mttf: 1e5 h, mttr: 8 h}, wire: {failure_rate: 0, mttr: 1 h}}
"""
TAIL = """\
clients:
  count: 2
  parts:
    client: {type: wire}
    nic: {type: wire, between: [client, leaf_1]}
traffic:
  data:
    demand: 10 MB/s
    paths:
      - side: A
        via:
          - client
          - nic
          - leaf_1
          - at_least: 1
            of: [{repeat: {s: 1..2}, each: ["trunk_leaf_1_spine_{s}", "spine_{s}", "trunk_leaf_2_spine_{s}"]}]
          - leaf_2
"""
MIDDLE = """\
components:
  leaf_{n}: {repeat: {n: 1..2}, type: box, side: A, title: "leaf {n:02}, {{n}}"}
  spine_{s}: {repeat: {s: 1..2}, type: box}
links:
  trunk_{a}_{b}: {mesh: [["leaf_*"], ["spine_*"]], type: wire, capacity: 1000 MB/s}
"""


def written(text: str) -> dict[str, Any]:
    data: dict[str, Any] = expanded(yaml_source(text, "site.yaml")).data
    return data


def part(text: str) -> dict[str, Any]:
    """What stands under `components` once templates are written out."""
    found: dict[str, Any] = written("components:\n" + "".join(f"  {line}\n" for line in text.strip().splitlines()))
    return dict(found["components"])


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        expanded(yaml_source(text, "site.yaml"))
    return str(caught.value)


# --- repeat ------------------------------------------------------------------------------------------------------


def test_a_fabric_is_what_a_person_would_have_written_out(tmp_path) -> None:
    (tmp_path / "short.yaml").write_text(HEAD + MIDDLE + TAIL)
    leaves = "".join(f"  leaf_{n}: {{type: box, side: A, title: 'leaf 0{n}, {{n}}'}}\n" for n in (1, 2))
    spines = "".join(f"  spine_{n}: {{type: box}}\n" for n in (1, 2))
    trunks = "".join(
        f"  trunk_leaf_{a}_spine_{b}: {{type: wire, between: [leaf_{a}, spine_{b}], capacity: 1000 MB/s}}\n"
        for a in (1, 2)
        for b in (1, 2)
    )
    ways = ", ".join(f"[trunk_leaf_1_spine_{s}, spine_{s}, trunk_leaf_2_spine_{s}]" for s in (1, 2))
    tail = re.sub(r"of: \[\{repeat.*", f"of: [{ways}]", TAIL)
    (tmp_path / "long.yaml").write_text(HEAD + f"components:\n{leaves}{spines}links:\n{trunks}" + tail)
    assert expanded(read_yaml(tmp_path / "short.yaml")).data == read_yaml(tmp_path / "long.yaml").data
    short, long = (k2rel.study(tmp_path / name) for name in ("short.yaml", "long.yaml"))
    assert short.provenance.input_hash == long.provenance.input_hash
    assert k2rel.availability(short)["data"] == k2rel.availability(long)["data"]


def test_values_of_a_variable() -> None:
    assert list(part("x_{n}: {repeat: {n: 2..4}}")) == ["x_2", "x_3", "x_4"]
    assert list(part("x_{n}: {repeat: {n: [1..2, top, 7]}}")) == ["x_1", "x_2", "x_top", "x_7"]
    assert list(part("x_{n}: {repeat: {n: B..D}}")) == ["x_B", "x_C", "x_D"]
    assert list(part("x_{n}{m}: {repeat: {n: [1, 2], m: [a, b]}}")) == ["x_1a", "x_1b", "x_2a", "x_2b"]
    assert list(part('x_{n}{m}: {repeat: {n: 1..3, m: "{n+1}..3"}}')) == ["x_12", "x_13", "x_23"]


def test_braces_hold_names_arithmetic_and_widths() -> None:
    text = 'x_{n}: {repeat: {n: 3..3}, t: "{n+1} {n-1} {2*n} {2*(n+1)//3} {n%2} {-n+4} {n:02} {n+8:03} {{n}} {{{n}}}"}'
    assert part(text)["x_3"]["t"] == "4 2 6 2 1 1 03 011 {n} {3}"


def test_a_text_that_is_a_value_alone_keeps_its_kind() -> None:
    entry = part('x_{n}: {repeat: {n: 2..2, t: [a]}, level: "{n}", side: "{t}", text: "{n:01}", list: ["{n+1}"]}')
    assert entry["x_2"] == {"level": 2, "side": "a", "text": "2", "list": [3]}


def test_lists_write_an_element_for_each_value() -> None:
    entry = part("""
x_{leaf}:
  repeat: {leaf: 1..2}
  needs: [core, {repeat: {s: 1..2}, each: "trunk_{leaf}_{s}"}, {repeat: {s: [A, B]}, at_least: 1, of: ["psu_{s}{leaf}"]}]
  of: [{repeat: {s: 1..2}, each: {repeat: {t: 1..2}, each: ["a_{s}", "b_{t}"]}}]
""")
    assert entry["x_2"]["needs"] == [
        "core", "trunk_2_1", "trunk_2_2", {"at_least": 1, "of": ["psu_A2"]}, {"at_least": 1, "of": ["psu_B2"]},
    ]  # fmt: skip
    assert entry["x_1"]["of"] == [[f"a_{s}", f"b_{t}"] for s in (1, 2) for t in (1, 2)]


def test_an_entry_that_is_no_mapping_is_repeated_by_each() -> None:
    text = 'roles: {r: {coverage: {default: 1, "psu_{n}": {repeat: {n: 1..2}, each: 0.9}}}}'
    assert written(text)["roles"]["r"]["coverage"] == {"default": 1, "psu_1": 0.9, "psu_2": 0.9}
    text = 'clients: {subscriptions: {"leaf_{n}": {repeat: {n: 1..2}, each: ["leaf_{n}A", "leaf_{n}B"]}}}'
    assert written(text)["clients"]["subscriptions"]["leaf_2"] == ["leaf_2A", "leaf_2B"]


def test_without_a_template_a_brace_is_a_brace() -> None:
    text = 'title: "a {n} b"\ncomponents: {"x{y}": {type: t, title: "{}"}, repeat: {type: "1..4"}}\nclients: {parts: {repeat: {type: x}}}\n'
    source = yaml_source(text, "site.yaml")
    assert expanded(source) is source
    beside = written(text + 'links: {"l_{n}": {repeat: {n: 1..2}, between: [a, b]}}\n')
    assert (beside["title"], list(beside["components"])) == ("a {n} b", ["x{y}", "repeat"])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{repeat: {n: 1}}", "a range such as 1..4 or a list such as [a, b] is needed, got '1'"),
        ("{repeat: {n: 4..1}}", "'4..1' counts down; write 1..4"),
        ("{repeat: {n: 1..}}", "'1..' is not a range; write one as 1..4 or A..D, with both ends"),
        ("{repeat: {n: 01..16}}", "'01..16': numbers are written without leading zeros"),
        ("{repeat: {n: A..c}}", "'A..c' has ends of two kinds"),
        ("{repeat: {n: []}}", "the list is empty"),
        ("{repeat: {n: [[1]]}}", "a list of single values such as [a, b] is needed"),
        ("{repeat: {n: }}", "got nothing"),
        ("{repeat: {}}", "needs variables with their values, such as {n: 1..4}"),
        ("{repeat: 4}", "needs variables with their values, such as {n: 1..4}"),
        ("{repeat: {2n: 1..4}}", "is not a valid variable name"),
        ('{repeat: {n: 1..2}, title: "{m}"}', "'{m}' needs a variable 'm', which is not defined; known: n"),
        ('{repeat: {n: 1..2}, title: "a { b"}', "write a literal brace twice, {{"),
        ('{repeat: {n: 1..2}, title: "{n/2}"}', "whole numbers are divided by //"),
        ('{repeat: {n: 1..2}, title: "{n//0}"}', "'{n//0}' divides by 0"),
        ('{repeat: {n: 1..2}, title: "{n n}"}', "'{n n}' continues with 'n' after its end"),
        ('{repeat: {n: 1..2}, title: "{(n}"}', "has a parenthesis that is not closed"),
        ('{repeat: {n: 1..2}, title: "{n+}"}', "'{n+}' is incomplete"),
        ('{repeat: {n: 1..2}, title: "{}"}', "'{}' is neither a variable nor arithmetic"),
        ('{repeat: {n: 1..2}, title: "{n.real}"}', "'{n.real}' is neither a variable nor arithmetic"),
        ('{repeat: {n: [a]}, title: "{n+1}"}', "calculates with 'a', which is not a whole number"),
        ('{repeat: {n: [a]}, title: "{n:02}"}', "'a' is not a whole number, and only whole numbers have a width"),
        ('{repeat: {n: 1..2}, title: "{n:>9}"}', "a width is written as {n:02}"),
        ('{repeat: {n: 9..9}, title: "{n*999999999*999999999}"}', "is more than 1,000,000,000"),
        ("{repeat: {n: 1..2}, title: {n}}", 'write "{n}" in quotes'),
        ("{repeat: {n: 1..2}, each: 1, type: x}", "is the only entry beside 'repeat', without 'type'"),
        ("{repeat: {n: 1..2}, needs: [{repeat: {n: 1..2}, each: a}]}", "'n' is a variable already"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_template_is_one_sentence_with_its_line(entry, message) -> None:
    said = refusal(f"components:\n  a: {{}}\n  x_{{n}}: {entry}\n")
    assert message in said
    assert said.startswith("site.yaml:3: components.x_{n}")
    assert "\n" not in said


def test_names_that_come_out_twice_are_refused_with_both_lines() -> None:
    said = refusal("components:\n  x_2: {type: a}\n  x_{n}:\n    repeat: {n: 1..3}\n")
    assert said == "site.yaml:3: components.x_{n}: 'x_2' is already defined in line 2 (with n=2)"
    said = refusal("components:\n  y: {}\n  x: {repeat: {n: 1..2}}\n")
    assert said == (
        "site.yaml:3: components.x: 'x' is already defined in line 3 (with n=1); each needs a name of its own (with n=2)"
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("components:\n  x_{n}: {repeat: {n: 1..10001}}", "10,001"),
        ("components:\n  x_{n}{m}: {repeat: {n: 1..999999999, m: 1..999999999}}", "999,999,998,000,000,001"),
        ('components:\n  x_{n}{m}: {repeat: {n: 1..150, m: "{n}..150"}}', "11,325"),
        ("components: {a_{n}: {repeat: {n: 1..6000}}}\nlinks:\n  x_{n}: {repeat: {n: 1..6000}}", "12,000"),
        ("components: {a_{n}: {repeat: {n: 1..200}}}\nlinks:\n  l_{i}_{j}: {mesh: ['*', '*']}", "40,200"),
        ("clients:\n  kinds:\n    x_{n}: {repeat: {n: 1..20000}}", "20,000"),
        ("blocks:\n  b_{n}: {repeat: {n: 1..20000}, from: a.yaml}", "20,000"),
    ],
)
def test_what_would_be_too_much_is_refused_before_it_is_written(text, number) -> None:
    text = text.replace("a_{n}:", '"a_{n}":')
    tracemalloc.start()
    said = refusal(text)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"would make {number}" in said
    assert "at most 10,000 are possible" in said
    assert most < 30e6, "counted, not written"


def test_other_entries_are_bounded_too() -> None:
    assert "would write 1,000,000 entries" in refusal("traffic: {t: {paths: [{repeat: {n: 1..1000000}, side: A}]}}")
    deep = "x: {list: [{repeat: {a: 1..900}, each: {repeat: {b: 1..900}, each: 1}}]}"
    assert "would write 810,000 entries" in refusal("roles: {" + deep + "}")
    assert "tries more than 50,000 values" in refusal(
        'roles: {"x{a}": {repeat: {a: 1..9999, b: "1..{a}", c: "{b}..1", d: "{c}..{c}"}}}'
    )
    assert "becomes longer than 4000 characters" in refusal(
        "roles: {'x{a}': {repeat: {a: [" + "y" * 1000 + "]}, title: '{a}{a}{a}{a}{a}'}}"
    )


def test_a_mistake_in_a_name_brings_no_second_one_and_long_ranges_say_so() -> None:
    for name, why in {"x_{n//0}": "divides by 0", "x_{n": "an unmatched brace"}.items():
        said = refusal(f'components: {{"{name}": {{repeat: {{n: 1..2}}, type: box}}}}')
        assert why in said and "already defined" not in said
    long = refusal("components: {x_{n}: {repeat: {n: 1..1000000000}, type: box}}".replace("x_{n}", '"x_{n}"'))
    assert "'1..1000000000': 1000000000 is too large; the ends of a range have up to nine digits" in long
    start = time.perf_counter()
    empty = refusal('roles: {"x{a}": {repeat: {a: 1..9000000, c: "{a+1}..{a}"}}}')
    assert "tries more than 50,000 values" in empty and time.perf_counter() - start < 2
    assert "at most 10,000 in one place" in refusal("components: {x: {needs: [{repeat: {n: 1..100000}, each: y}]}}")


# --- links -------------------------------------------------------------------------------------------------------


def links(entry: str) -> dict[str, list[str]]:
    text = 'components: {"leaf_{n}": {repeat: {n: 1..3}}, spine_1: {}, spine_2: {}}\nlinks:\n  ' + entry
    return {name: link["between"] for name, link in written(text)["links"].items()}


def test_patterns_of_links() -> None:
    both = list(itertools.product(("leaf_1", "leaf_2"), ("spine_1", "spine_2")))
    assert links("t_{a}_{b}: {mesh: [[leaf_1, leaf_2], [spine_1, spine_2]]}") == {f"t_{a}_{b}": [a, b] for a, b in both}
    assert links("t_{i}{j}: {mesh: [[leaf_3, leaf_1], 'spine_?']}") == {
        "t_11": ["leaf_3", "spine_1"], "t_12": ["leaf_3", "spine_2"], "t_21": ["leaf_1", "spine_1"],
        "t_22": ["leaf_1", "spine_2"],
    }  # fmt: skip
    assert links("t_{i}{j}: {mesh: ['leaf_*']}") == {
        "t_12": ["leaf_1", "leaf_2"], "t_13": ["leaf_1", "leaf_3"], "t_23": ["leaf_2", "leaf_3"],
    }  # fmt: skip
    assert links("t_{a}: {one_to_one: [[leaf_1, leaf_2], ['spine_*']]}") == {
        "t_leaf_1": ["leaf_1", "spine_1"], "t_leaf_2": ["leaf_2", "spine_2"],
    }  # fmt: skip
    assert links("t_{i}: {pairs: [[leaf_1, spine_2], [leaf_1, leaf_2]]}") == {
        "t_1": ["leaf_1", "spine_2"], "t_2": ["leaf_1", "leaf_2"],
    }  # fmt: skip


def test_patterns_may_be_repeated_and_their_lists_too() -> None:
    found = links(
        't_{k}_{i}: {repeat: {k: [x, y]}, one_to_one: [[{repeat: {n: 1..2}, each: "leaf_{n}"}], ["spine_*"]]}'
    )
    assert list(found.items()) == [
        ("t_x_1", ["leaf_1", "spine_1"]), ("t_x_2", ["leaf_2", "spine_2"]),
        ("t_y_1", ["leaf_1", "spine_1"]), ("t_y_2", ["leaf_2", "spine_2"]),
    ]  # fmt: skip
    assert links('t_{n}_{j}: {repeat: {n: [1, 3]}, mesh: ["leaf_{n}", [spine_1]]}') == {
        "t_1_1": ["leaf_1", "spine_1"],
        "t_3_1": ["leaf_3", "spine_1"],
    }


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{mesh: [[leaf_1], [spine_1], [x]]}", "takes two lists of names, [[a, b], [c, d]], got 3 entries"),
        ("{mesh: leaf_1}", "takes two lists of names, [[a, b], [c, d]], got 'leaf_1'"),
        ("{mesh: [[leaf_1], [[x]]]}", "takes names of components"),
        ("{mesh: [[leaf_1], []]}", "has a list without names"),
        ("{mesh: ['leaf_*', 'spnie_*']}", "no component is called 'spnie_*'; did you mean"),
        ("{one_to_one: ['leaf_*', 'spine_*']}", "needs two lists of equal length, got 3 and 2 names"),
        ("{pairs: [[leaf_1, spine_1, x]]}", "takes pairs of names, [[a, b], [a, c]], got"),
        ("{pairs: []}", "takes a list of pairs of names"),
        ("{mesh: [[leaf_1], [spine_1]], between: [a, b]}", "gives the ends a second time, beside mesh"),
        ("{mesh: [[leaf_1], [spine_1]], pairs: [[a, b]]}", "gives the ends a second time, beside mesh"),
        ("{repeat: {a: 1..2}, mesh: [[leaf_1], [spine_1]]}", "'a' is an end of the link in a pattern"),
    ],
)
def test_a_mistake_in_a_pattern_is_one_sentence_with_its_line(entry, message) -> None:
    said = refusal(
        f'components: {{"leaf_{{n}}": {{repeat: {{n: 1..3}}}}, spine_1: {{}}, spine_2: {{}}}}\nlinks:\n  t_{{i}}: {entry}\n'
    )
    assert message in said
    assert said.startswith("site.yaml:3: links.t_{i}")


def test_a_pattern_whose_names_come_out_twice_is_refused() -> None:
    text = "components: {a: {}, b: {}, c: {}}\nlinks:\n  t_{a}: {mesh: [[a], [b, c]]}"
    assert refusal(text).startswith(
        "site.yaml:3: links.t_{a}: 't_a' is already defined in line 3 (with a=a, b=b); each needs a name of its own"
    )


# --- what is said of a site ----------------------------------------------------------------------------------------


@pytest.fixture
def fabric(tmp_path):
    """Write the fabric with one text replaced."""

    def write(old="", new="", name="fabric.yaml"):
        text = HEAD + MIDDLE + TAIL
        assert old in text, old
        path = tmp_path / name
        path.write_text(text.replace(old, new, 1))
        return path

    return write


def test_a_mistake_of_an_entry_written_out_has_the_line_of_the_template_and_its_values(fabric) -> None:
    with pytest.raises(InputError) as caught:
        read_site(fabric("side: A, title", "side: C, title"))
    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (7, "components.leaf_1.side")
    assert problem.message.endswith("(with n=1), and 1 more of this line")
    with pytest.raises(InputError) as caught:
        read_site(fabric("capacity: 1000 MB/s", "capcity: 1000 MB/s"))
    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (10, "links.trunk_leaf_1_spine_1.capcity")
    assert "did you mean 'capacity'? (with a=leaf_1, b=spine_1)" in problem.message
    with pytest.raises(InputError, match=r"fabric.yaml:10: .*already used in line 8, with s=1; give each part"):
        read_site(fabric('trunk_{a}_{b}: {mesh: [["leaf_*"]', "spine_{j}: {mesh: [[leaf_1]"))


def test_settings_and_variants_reach_what_was_written_out(fabric) -> None:
    path = fabric()
    assert read_site(path, settings={"leaf_2.mttf": "2e5 h"}).components["leaf_2"].by_hand.mttf_h == 2e5
    with path.open("a") as stream:
        stream.write(
            'variants:\n  "worse_{n}":\n    repeat: {n: 1..2}\n    title: leaf {n} is worse\n    reason: a test\n'
            "    changes:\n"
            '      components: {"leaf_{n}": {mttf: "{n}000 h"}, "more_{m}": {repeat: {m: 1..2}, type: box}}\n'
            "      links:\n        extra_{j}: {mesh: ['leaf_{n}', 'more_*'], type: wire}\n"
        )
    site = read_site(path, variant="worse_2")
    assert {name: site.components[name].law.mttf_h for name in ("leaf_1", "leaf_2")} == {"leaf_1": None, "leaf_2": 2000}
    assert site.components["extra_2"].between == ("leaf_2", "more_2")
    assert site.components["leaf_2"].side == "A", "laid over, not in its place"
    assert [one.title for one in site.variants] == ["leaf 1 is worse", "leaf 2 is worse"]
    path.write_text(path.read_text().replace("{n}000 h", "-1 h"))
    with pytest.raises(InputError, match=r"fabric.yaml:34: components.leaf_2.mttf: .*\(with n=2\)$"):
        read_site(path, variant="worse_2")


def test_assumptions_hold_in_templates(fabric) -> None:
    path = fabric("capacity: 1000 MB/s", "capacity: '=trunk_{i}'")
    with path.open("a") as stream:
        stream.write(
            "assumptions:\n  trunk_{n}: {repeat: {n: 1..2}, value: '{n}00 MB/s', evidence: CHOSEN, reason: test}\n"
        )
    site = read_site(path)
    assert [site.components[f"trunk_leaf_{n}_spine_1"].capacity_mb_s for n in (1, 2)] == [100, 200]
    site = read_site(path, settings={"assumption.trunk_2": "50 MB/s"})
    assert site.components["trunk_leaf_2_spine_2"].capacity_mb_s == 50


def test_format_1_has_no_templates_and_an_upgrade_keeps_those_of_format_2(fabric) -> None:
    from k2rel.site.upgrade import upgraded

    with pytest.raises(InputError, match=r"fabric.yaml:1: format: templates .* are of format 2"):
        read_site(fabric("format: 2", "format: 1"))
    with pytest.raises(InputError, match="are of format 2"):
        upgraded(fabric("format: 2", "format: 1"))
    path = fabric()
    assert upgraded(path).text == path.read_text()


def test_braces_without_quotes_inside_brackets_are_explained(fabric) -> None:
    with pytest.raises(InputError, match=r"a text with braces has to be in quotes inside \[\] and \{\}"):
        read_site(fabric("- nic\n", "- [trunk_{n}]\n"))


# --- blocks ------------------------------------------------------------------------------------------------------

RACK = """\
parameters: {side: , n: 1, hosts: 2}
types: {host: {mttf: 1e5 h, mttr: 8 h}}
components:
  switch_{side}{n}: {type: box, side: "{side}"}
  host_{side}{n}_{h}: {repeat: {h: "1..{hosts}"}, type: host}
links:
  up_{side}{n}: {type: wire, between: ["switch_{side}{n}", core]}
  lead_{side}{n}_{i}: {mesh: ["host_{side}{n}_*", "switch_{side}{n}"], type: wire}
"""
SITE = (
    HEAD
    + """\
components: {core: {type: box}}
blocks:
  rack_1: {from: rack.yaml, with: {side: A}}
  "rack_{side}{n}": {repeat: {side: [A, B], n: 2..3}, from: rack.yaml, with: {side: "{side}", n: "{n}", hosts: 1}}
clients:
  count: 2
  parts:
    client: {type: wire}
    nic: {type: wire, between: [client, switch_A1]}
traffic:
  data:
    demand: 10 MB/s
    paths: [{side: A, via: [client, nic, switch_A1, up_A1, core]}]
"""
)


@pytest.fixture
def racks(tmp_path):
    """Write a site with blocks, and the file of the block, with texts replaced."""

    def write(site=("", ""), rack=("", ""), **more):
        for name, text, (old, new) in (("site.yaml", SITE, site), ("rack.yaml", RACK, rack)):
            assert old in text, old
            (tmp_path / name).write_text(text.replace(old, new, 1))
        for name, text in more.items():
            path = tmp_path / f"{name}.yaml"
            path.write_text(text)
        return tmp_path / "site.yaml"

    return write


def test_a_block_is_written_out_for_each_use_with_its_values(racks) -> None:
    data = expanded(read_yaml(racks())).data
    uses = [("A1", 2), ("A2", 1), ("A3", 1), ("B2", 1), ("B3", 1)]
    names = ["core"]
    for name, hosts in uses:
        names += [f"switch_{name}", *(f"host_{name}_{h + 1}" for h in range(hosts))]
    assert list(data["components"]) == names
    assert data["links"]["lead_A1_2"] == {"type": "wire", "between": ["host_A1_2", "switch_A1"]}
    assert "blocks" not in data
    assert "parameters" not in data
    assert list(data["types"]) == ["box", "wire", "host"], "what all uses say alike is one entry"
    assert read_site(racks()).components["switch_B3"].side == "B"


def test_blocks_may_use_blocks_and_each_file_is_read_once(racks, monkeypatch) -> None:
    read: list[str] = []

    def noted(path):
        read.append(path.name)
        return yaml_text(path)

    monkeypatch.setattr("k2rel.site.template_blocks.yaml_text", noted)
    shelf = "parameters: {name: }\ncomponents:\n  disk_{name}_{d}: {repeat: {d: 1..2}, type: box}\n"
    used = ("components:", 'blocks: {shelf: {from: shelf.yaml, with: {name: "{side}{n}"}}}\ncomponents:')
    data = expanded(read_yaml(racks(rack=used, shelf=shelf))).data
    assert [name for name in data["components"] if "disk_B" in name] == [
        "disk_B2_1", "disk_B2_2", "disk_B3_1", "disk_B3_2",
    ]  # fmt: skip
    assert read == ["rack.yaml", "shelf.yaml"]


def said_of(path) -> str:
    with pytest.raises(InputError) as caught:
        read_site(path)
    return str(caught.value)


def test_a_mistake_in_a_block_is_reported_in_its_file_with_who_uses_it(racks) -> None:
    said = said_of(racks(rack=('side: "{side}"}', "side: C}")))
    assert said.startswith(str(racks().with_name("rack.yaml")) + ":4: components.switch_A1.side: ")
    assert "with side=A, n=1, hosts=2, in block 'rack_1', line 8 of site.yaml" in said
    assert "and 4 more of this line" in said
    said = said_of(racks(rack=("{h}:", "{x}:")))
    assert "rack.yaml:5: components.host_{side}{n}_{x}: '{x}' needs a variable 'x'" in said
    assert "in block 'rack_1', line 8 of site.yaml" in said
    said = said_of(racks(rack=("types: {", "types: {{")))
    assert re.search(r"rack\.yaml:3: is not valid YAML: .*\(block 'rack_1', line 8 of site\.yaml\)", said)
    said = said_of(racks(rack=("types:", "tpyes:")))
    assert "rack.yaml:2: tpyes: is not a known entry of a block; did you mean 'types'?" in said


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ("{from: rack.yaml, with: {side: A, m: 1}}", "rack.yaml has no parameter 'm'; known: hosts, n, side"),
        ("{from: rack.yaml}", "rack.yaml needs side, for which it has no default"),
        ("{from: rack.yaml, with: {side: [A]}}", "gives each parameter one value, such as {side: A, n: 1}"),
        ("{from: rack.yaml, wiht: {side: A}}", "has an unknown entry 'wiht'; a block is {from: rack.yaml"),
        ("rack.yaml", "a block is {from: rack.yaml, with: {side: A}}"),
        ("{from: rak.yaml, with: {side: A}}", "there is no file 'rak.yaml' in "),
        ("{from: ../rack.yaml}", "'..' is not allowed"),
        ("{from: parts/../../rack.yaml}", "'..' is not allowed"),
        ("{from: /etc/passwd}", "must lie inside the folder of the site file"),
        ("{from: 'C:\\rack.yaml'}", "must lie inside the folder of the site file"),
        ("{from: 'parts\\rack.yaml'}", "must lie inside the folder of the site file"),
        ("{from: .}", "there is no file '.'"),
        ('{from: "rack\\0.yaml"}', "is not a valid file name"),
        ("{from: 3}", "needs the name of a file, such as rack.yaml"),
        ("{from: site.yaml}", "leads back to itself (site.yaml, site.yaml), so that it would never end"),
    ],
)
def test_a_block_that_cannot_be_used_is_refused_with_its_line(racks, site, message) -> None:
    said = said_of(racks(site=("{from: rack.yaml, with: {side: A}}", site)))
    assert f"{racks()}:8: blocks.rack_1" in said
    assert message in said
    assert "\n" not in said


def test_a_link_out_of_the_folder_is_refused(racks, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "other.yaml"
    outside.write_text(RACK)
    path = racks(site=("from: rack.yaml, with: {side: A}", "from: other.yaml, with: {side: A}"))
    (path.parent / "other.yaml").symlink_to(outside)
    assert "'other.yaml' leads out of the folder of the site file" in said_of(path)
    (path.parent / "loop.yaml").symlink_to(path.parent / "loop.yaml")
    path.write_text(path.read_text().replace("other.yaml", "loop.yaml"))
    assert re.search(r"site.yaml:8: blocks.rack_1.from: .*loop.yaml", said_of(path))


def test_blocks_that_lead_back_to_themselves_or_too_deep_are_refused(racks) -> None:
    back = "blocks: {r: {from: rack.yaml, with: {side: A}}}\n"
    said = said_of(racks(rack=("components:", "blocks: {s: {from: shelf.yaml}}\ncomponents:"), shelf=back))
    assert "shelf.yaml:1: blocks.r.from: leads back to itself (rack.yaml, shelf.yaml, rack.yaml)" in said
    deep = {f"b{n}": f"blocks: {{x: {{from: b{n + 1}.yaml}}}}\n" for n in range(6)}
    said = said_of(racks(site=("{from: rack.yaml, with: {side: A}}", "{from: b0.yaml}"), **deep))
    assert "b4.yaml:1: blocks.x.from: blocks are nested more than 5 deep" in said
    many = "blocks: {" + ", ".join(f"x{n}: {{from: b{{}}.yaml}}" for n in range(12)) + "}\n"
    wide = {f"b{n}": many.replace("{}", str(n + 1)) for n in range(4)} | {"b4": "types: {}\n"}
    start = time.perf_counter()
    said = said_of(racks(site=("{from: rack.yaml, with: {side: A}}", "{from: b0.yaml}"), **wide))
    assert "more than 10,000 blocks would be used" in said
    assert time.perf_counter() - start < 5


def test_a_name_that_two_files_give_is_refused_with_both_places(racks) -> None:
    said = said_of(racks(site=("{core: {type: box}}", "{switch_A1: {type: box}}")))
    assert "rack.yaml:4: components.switch_{side}{n}: 'switch_A1' is already defined in line 6 of site.yaml" in said
    said = said_of(racks(site=('"{side}", n: "{n}"', '"{side}", n: 4')))
    assert "'switch_A4' is already defined in line 4 (with side=A, n=4, hosts=1, in block 'rack_A2', line 9" in said
    said = said_of(racks(site=("rack_{side}{n}", "rack_{n}")))
    assert "site.yaml:9: blocks.rack_{n}: 'rack_2' is already defined" in said
    said = said_of(racks(site=("types: {box", "types: {host: {mttf: 3 h}, box")))
    assert "rack.yaml:2: types.host: 'host' is already defined in line 5 of site.yaml" in said
    said = said_of(racks(rack=("{mttf: 1e5 h", '{mttf: "{n}e5 h"')))
    assert "rack.yaml:2: types.host: 'host' is already defined in line 2 (with side=A, n=1" in said
    said = said_of(racks(rack=("up_{side}{n}", "switch_{side}{n}")))
    assert re.search(
        r"rack.yaml:7: links.switch_A1: the name 'switch_A1' is already used in line 4 of rack.yaml, with", said
    )


def test_what_blocks_would_make_is_bounded(racks) -> None:
    said = said_of(racks(site=("n: 2..3", "n: 2..4000")))
    assert "site.yaml:9: blocks.rack_{side}{n}.from: would make 31,992 parts; at most 10,000" in said
    said = said_of(racks(site=("hosts: 1", "hosts: 5000")))
    assert "rack.yaml:5: components.host_{side}{n}_{h}: would make 20,000 parts; at most 10,000" in said


def test_blocks_of_a_site_that_is_no_file_are_refused_and_found_where_a_folder_is_named(racks) -> None:
    data = read_yaml(racks()).data
    with pytest.raises(InputError, match="this site is not a file"):
        expanded(YamlSource("", data, {}))
    assert expanded(YamlSource("", data, {}), racks().parent).data == expanded(read_yaml(racks())).data


def test_kinds_of_clients_come_from_blocks_too(racks) -> None:
    more = "clients:\n  kinds:\n    hosts_{side}{n}: {count: 2, leaf_1: 'switch_{side}{n}'}\n  count: 2\n"
    said = said_of(racks(rack=("components:", more + "components:")))
    assert "rack.yaml:6: clients.count: is not a known entry of a block's clients" in said
    data = expanded(read_yaml(racks(rack=("components:", more.replace("  count: 2\n", "") + "components:")))).data
    assert list(data["clients"]) == ["count", "parts", "kinds"]
    assert data["clients"]["kinds"]["hosts_B3"] == {"count": 2, "leaf_1": "switch_B3"}


# --- shown, kept, edited -------------------------------------------------------------------------------------------


def test_what_is_written_out_can_be_shown(racks, k2) -> None:
    path = racks()
    text = k2("check", str(path), "--expanded").out
    assert yaml_source(text, "x").data == expanded(read_yaml(path)).data
    assert k2("check", str(path), "--expanded", "--format", "json").json == expanded(read_yaml(path)).data
    target = path.with_name("long.yaml")
    k2("check", str(path), "--expanded", "--output", str(target))
    assert k2rel.study(target).provenance.input_hash == k2rel.study(path).provenance.input_hash
    refused = k2("check", str(path), "--expanded", "--clients", "3")
    assert (refused.code, "--expanded shows what the file says" in refused.err) == (2, True)


def test_who_keeps_a_site_keeps_its_blocks(racks, tmp_path) -> None:
    from k2rel.sweep import read_sweep

    path = racks()
    whole = self_contained(path)
    assert whole is not None
    assert yaml_source(whole, "x").data == expanded(read_yaml(path)).data
    assert self_contained(path.with_name("rack.yaml")) is None
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(f"name: s\nlevels: [{path}]\nclients: [2]\n")
    keys = []
    for life in ("1e5", "2e5"):
        path = racks(rack=("mttf: 1e5 h", f"mttf: {life} h"))
        spec = read_sweep(sweep)
        keys.append(spec.points[0].key(spec.files, ""))
    assert keys[0] != keys[1], "another block, another answer"


@pytest.mark.parametrize(
    ("old", "new", "good"),
    [
        ("", "", True),
        ("{n: 1..2}", "{n: [a, 1..2]}", True),
        ("{n: 1..2}", "{n: 4}", False),
        ("{n: 1..2}", "{}", False),
        ("side: A, title", 'side: "{n}", title', True),
        ("side: A, title", 'external: "{n%2}", title', True),
        ("side: A, title", "external: maybe, title", False),
        ("side: A, title", "sied: A, title", False),
        ('mesh: [["leaf_*"], ["spine_*"]]', 'one_to_one: [["leaf_*"], ["spine_*"]]', True),
        ('mesh: [["leaf_*"], ["spine_*"]]', "pairs: [[leaf_1, spine_1]]", True),
        ('mesh: [["leaf_*"], ["spine_*"]]', "mesh: [[leaf_1], [spine_1]], between: [a, b]", False),
        ('mesh: [["leaf_*"], ["spine_*"]]', "title: none", False),
        ("each: [", "ech: [", False),
        ("clients:", "blocks: {r: {from: r.yaml, with: {n: 1}}}\nclients:", True),
        ("clients:", "blocks: {r: {with: {n: 1}}}\nclients:", False),
    ],
)
def test_an_editor_knows_templates(old, new, good) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((data_dir() / "schema.json").read_text())
    text = HEAD + MIDDLE + TAIL
    assert old in text
    data = yaml_source(text.replace(old, new, 1), "x").data
    assert jsonschema.Draft202012Validator(schema).is_valid(data) == good


def test_the_block_of_the_documentation_is_good(tmp_path) -> None:
    text = (data_dir().parent / "docs" / "reference" / "site-files.md").read_text()
    section = text[text.index("## Templates") : text.index("## Format 1")]
    fabric, use, rack = (block.split("```")[0] for block in section.split("```yaml\n")[1:])
    (tmp_path / "rack.yaml").write_text(rack)
    (tmp_path / "site.yaml").write_text(use)
    assert list(expanded(read_yaml(tmp_path / "site.yaml")).data["components"])[:14] == [
        "switch_1", *(f"host_1_{h}" for h in range(1, 13)), "switch_2",
    ]  # fmt: skip
    data = written(fabric)
    assert len(data["links"]) == 64
    assert data["traffic"]["data"]["paths"][3]["via"][-1]["of"][2] == ["spine_3_leaf_2B", "spine_3"]


GARBAGE: list[Any] = [
    None, True, -1, 3, 1e9, "", " ", "{", "}", "{n}", "{{n}}", "{n+}", "1..3", "1..{n}", "3..1", "..", "*", "=x", "@x", "repeat",
    "a" * 5000, "../x", [], [[]], ["{n}"], [None], {}, {"repeat": {}}, {"repeat": {"n": "1..2"}}, {"repeat": {"q": "1..99999999"}},
    {"repeat": {"q": "1..2"}, "each": {"repeat": {"q": "1..2"}}}, {"repeat": {"q": "1..2"}, "each": "{q}"}, {"n": None}, {"x": {"y": 1}},
    {"repeat": {"a": "1..2", "b": "{a}..{c}"}}, {"from": "rack.yaml"}, {"mesh": ["*", "*"]}, {"repeat": None}, {"repeat": [1]},
]  # fmt: skip


def places(data: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    for key, below in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from places(below, (*at, key))


def with_other(data: Any, at: tuple[Any, ...], value: object, rename: bool = False) -> Any:
    """The data with another value, or another key, at a place."""
    if isinstance(data, dict) and at:
        pairs = (
            (key, with_other(below, at[1:], value, rename) if key == at[0] else below) for key, below in data.items()
        )
        return {str(value) if rename and len(at) == 1 and key == at[0] else key: below for key, below in pairs}
    if isinstance(data, list) and at:
        return [
            with_other(below, at[1:], value, rename) if index == at[0] else below for index, below in enumerate(data)
        ]
    return data if rename else value


@pytest.mark.slow
@pytest.mark.parametrize("which", ["site", "rack"])
def test_whatever_stands_anywhere_in_a_template_is_written_or_refused(racks, which) -> None:
    path = racks()
    fabric = yaml_source(HEAD + MIDDLE + TAIL, "x").data
    site = read_yaml(path).data
    both = {**fabric, "blocks": site["blocks"], "components": fabric["components"] | site["components"]}
    data = both if which == "site" else read_yaml(path.with_name("rack.yaml")).data
    counts = {True: 0, False: 0}
    for at in places(data):
        for value in GARBAGE:
            for rename in (False, True):
                if at and not (rename and not isinstance(value, str)):
                    spoiled = with_other(data, at, value, rename)
                    if which == "rack":
                        path.with_name("rack.yaml").write_text(json.dumps(spoiled))
                    source = YamlSource(str(path), both if which == "rack" else spoiled, {})
                    try:
                        found = expanded(source)
                        counts[True] += 1
                        if counts[True] % 5 == 0:
                            site_of(found)
                    except InputError as error:
                        counts[False] += 1
                        assert all(one.message and "Input should" not in one.message for one in error.problems), at
    assert min(counts.values()) > 200, counts


# --- beside a naive writer -----------------------------------------------------------------------------------------

NAMES = ("n", "m", "k")


def fill(text: str, values: dict[str, int]) -> object:
    """A text with `{expression}` worked out by Python itself, sign by sign."""
    result, place = [], 0
    while place < len(text):
        if text[place : place + 2] in ("{{", "}}"):
            result.append(text[place])
            place += 2
        elif text[place] == "{":
            inside = text[place + 1 : text.index("}", place)]
            expression, _, form = inside.partition(":")
            value = eval(expression, {}, dict(values))
            if text == "{" + inside + "}" and not form:
                return value
            result.append(format(value, form))
            place += len(inside) + 2
        else:
            result.append(text[place])
            place += 1
    return "".join(result)


def naive(value: object, values: dict[str, int]) -> list[Any]:
    """What a value is written as: a list of (name or None, value) with loops and recursion alone."""
    if isinstance(value, dict) and "repeat" in value:
        rest = {key: item for key, item in value.items() if key != "repeat"}
        rest = rest.get("each", rest)
        found = []
        for choice in itertools.product(*value["repeat"].values()):
            found += naive(rest, values | dict(zip(value["repeat"], choice, strict=True)))
        return found
    if isinstance(value, dict):
        result: dict[str, Any] = {}
        for key, item in value.items():
            for inner, one in naive(item, values):
                result[str(fill(key, inner) if inner else key)] = one
        return [(values, result)]
    if isinstance(value, list):
        return [(values, [one for item in value for _, one in naive(item, values)])]
    return [(values, fill(value, values) if isinstance(value, str) and values else value)]


@st.composite
def templates(draw, known=(), depth=0):
    """An entry with values, lists and perhaps a template, whose texts use the variables that it knows."""
    known = list(known)
    form = {}
    free = [name for name in NAMES if name not in known]
    if free and draw(st.integers(0, 2)) < 2:
        for name in free[: draw(st.integers(1, len(free)))]:
            form[name] = draw(st.lists(st.integers(0, 12), min_size=1, max_size=3, unique=True))
        known += form
    pieces = ["a", "-", "4 h", "{{", "}}"] + [
        one.replace("n", name) for name in known for one in ("{n}", "{n+1}", "{2*n-3}", "{n:02}", "{(n+1)//2}", "{n%3}")
    ]  # fmt: skip
    text = st.lists(st.sampled_from(pieces if known else pieces[:3]), max_size=4).map("".join)
    entry = {"type": draw(text), "number": draw(st.integers()), "list": draw(st.lists(text, max_size=3))}
    if depth < 2 and draw(st.booleans()):
        marks = "".join(f"{{{name}}}_" for name in known)
        inner = draw(templates(known, depth + 1))
        own = "".join(f"{{{name}}}_" for name in inner.get("repeat", {}))
        entry["below"] = {f"x_{marks}{own}": inner}
        entry["list"].append(draw(templates(known, depth + 1)))
        if free_here := [name for name in NAMES if name not in known]:
            entry["list"].append({"repeat": {free_here[0]: [1, 2]}, "each": f"y_{{{free_here[0]}}}"})
    return {"repeat": form} | entry if form else entry


@settings(max_examples=100, deadline=None)
@given(st.lists(templates(), min_size=1, max_size=3))
def test_templates_write_what_loops_write(entries) -> None:
    named = {
        f"e{number}_" + "".join(f"{{{name}}}_" for name in entry.get("repeat", {})): entry
        for number, entry in enumerate(entries)
    }
    document = {"format": 2, "components": named}
    before = copy.deepcopy(document)
    source = expanded(YamlSource("site.yaml", document, {}))
    assert document == before, "what was given stays as it is"
    [(_, expected)] = naive(named, {})
    assert source.data["components"] == expected
    assert list(source.data["components"]) == list(expected)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.booleans())
def test_random_fabrics_are_what_loops_give(leaves, spines, cables, globs) -> None:
    ends = ["leaf_*", "spine_*"] if globs else [
        [{"repeat": {"n": f"1..{leaves}"}, "each": "leaf_{n}"}], [f"spine_{s}" for s in range(1, spines + 1)],
    ]  # fmt: skip
    document = {
        "links": {"t_{a}_{j}_{c}": {"repeat": {"c": f"1..{cables}"}, "mesh": ends, "title": "{i}"}},
        "components": {
            "leaf_{n}": {"repeat": {"n": f"1..{leaves}"}, "type": "leaf"},
            "spine_{n}": {"repeat": {"n": f"1..{spines}"}, "type": "spine"},
        },
    }
    expected = {}
    for c in range(1, cables + 1):
        for n in range(1, leaves + 1):
            for s in range(1, spines + 1):
                expected[f"t_leaf_{n}_{s}_{c}"] = {"title": n, "between": [f"leaf_{n}", f"spine_{s}"]}
    assert expanded(YamlSource("site.yaml", document, {})).data["links"] == expected


@pytest.mark.parametrize("wrong", ["3.5", "7", "[{a: 1}]", "yes"])
def test_components_that_are_none_are_told_beside_links_by_template(wrong, tmp_path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"format: 2\nname: x\ncomponents: {wrong}\nlinks:\n  l_{{n}}: {{repeat: {{n: 1..2}}, type: cable}}")
    with pytest.raises(InputError, match="components"):
        k2rel.study(path)
