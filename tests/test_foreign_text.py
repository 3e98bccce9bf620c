"""Signs that command a terminal, hide, or turn the direction of writing: shown as numbers, wherever they come from."""

import io
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import k2rel
from k2rel.bundled import site_path
from k2rel.cli import printing
from k2rel.errors import InputError, Problem
from k2rel.plots.drawing import draw_site
from k2rel.plots.inline import svg_of
from k2rel.plots.style import legend, name_rows, new_axes, tidy
from k2rel.report.notebook import show, show_text
from k2rel.report.page import Entry, index_page, report_page
from k2rel.signs import in_json, plain_signs
from k2rel.tables import for_people

# a control sequence, the same as one sign, an override, an isolate, a mark, no width, two ends of lines, delete
EVIL = "e\x1b[2J\x9b\u202e\u2066\u200f\u061c\u200b\u2028\u2029\x85\r\x7fv"
SHOWN = (
    "e<U+001B>[2J<U+009B><U+202E><U+2066><U+200F><U+061C><U+200B><U+2028><U+2029><U+0085><U+000D><U+007F>v"
)  # fmt: skip
HEBREW, ARABIC = "שרת ראשי", "خادم ١"


def hidden(text):
    return [sign for sign in text if not sign.isprintable() and sign not in "\n\t\u00a0\u2004\u2007\u2008"]


@pytest.fixture
def files(tmp_path):
    """Inputs of all kinds, called and filled so that no message or table about them is without such signs."""
    texts = {
        "site.yaml": site_path("L1").read_text(),
        "bad.yaml": "a: [\x07",
        "log.csv": "type,failed,time [h]\n" + f"psu{EVIL},1,1000\n".replace("\r", "") * 3,
        "tree.xml": '<opsa-mef><define-fault-tree name="f"><define-gate name="g\u202e\x9b"><or><basic-event name="b\u2066"/>'
        '</or></define-gate></define-fault-tree><model-data><define-basic-event name="b\u2066"><float value="0.1"/>'
        "</define-basic-event></model-data></opsa-mef>",
        "cables.csv": f"a,b\nx\x1b,y{HEBREW}\n",
        "labels.lab": f'0="{EVIL}"\n0: 0\n',
    }
    result = {}
    for name, text in texts.items():
        path = tmp_path / f"{EVIL}{name}"
        path.write_bytes(text.encode())
        result[name.partition(".")[0]] = str(path)
    (tmp_path / "c.tra").write_text("2 2\n0 1 0.001\n1 0 0.25\n")
    return {**result, "tra": str(tmp_path / "c.tra"), "evil": EVIL, "folder": str(tmp_path / f"{EVIL}out")}


SAID = [
    ("check {site}", 0), ("check {bad}", 2), ("availability {site}", 0), ("availability {evil}", 2), ("{evil}", 2),
    ("availability L1 --{evil}", 2), ("availability L1 {evil}", 2), ("availability L1 --set psu.mttr={evil}", 2),
    ("availability L1 --variant {evil}", 2), ("availability L1 --rates {log}", 2), ("fit {log} --samples 0", 0),
    ("fit {log} --samples 0 --column {evil}", 2), ("solve {tree}", 0), ("solve {tree} --format json", 0),
    ("ctmc {tra} --labels {labels} --steady", 2), ("failover L1 --fail {evil}", 2), ("compare {site} L2", 0),
    ("import {cables}", 2), ("sweep {bad}", 2), ("report {evil}", 2), ("explore {evil}", 2), ("levels --data {evil}", 2),
    ("new {site} --like L1", 2), ("report L1 --target {log} --output {folder}", 2), ("availability {tra}", 2),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code"), SAID, ids=[words for words, _ in SAID])
def test_what_people_read_has_no_hidden_sign(k2, files, words, code) -> None:
    run = k2(*(word.format(**files) for word in words.split()))
    assert run.code == code, run.err
    assert hidden(run.out + run.err) == []
    assert all(line.startswith(("k2rel", "(see")) for line in run.err.splitlines())
    assert code == 0 or "{tra}" in words or "<U+" in run.err


def test_programs_get_texts_as_they_are_and_a_terminal_does_not(k2, files, monkeypatch) -> None:
    run = k2("fit", files["log"], "--samples", "0", "--format", "json")
    assert json.loads(run.out)["file"] == files["log"]
    assert hidden(run.out) == []
    assert "g\u202e\x9b," in k2("solve", files["tree"], "--format", "csv").out
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    printing.put(f"{EVIL}\n", terminal)
    assert terminal.getvalue() == f"{SHOWN}\n"


def test_json_is_read_as_what_was_written() -> None:
    value = {EVIL: [HEBREW, "a\U000e0041b", "\udcff", 1.5, None]}
    text = in_json(value, indent=2)
    assert json.loads(text) == value
    assert hidden(text) == []
    assert HEBREW in text


def test_names_whose_bytes_are_no_text_are_said(k2, tmp_path) -> None:
    name = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff.yaml")
    Path(name).write_text(site_path("L1").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "k2rel.cli", "check", name], capture_output=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )  # fmt: skip
    assert b"<U+DCFF>" in done.stdout
    (tmp_path / "s.yaml").write_text("name: s\nlevels: [L1]\n")
    for words in (["report", name, "--no-pdf", "--output", tmp_path / "out"], ["report", "L1", "--output", f"{name}.d"],
                  ["sweep", tmp_path / "s.yaml", "--output", f"{name}.d"]):  # fmt: skip
        run = k2(*words)
        assert run.code in (1, 2)
        assert "<U+DCFF>.yaml" in run.err
        assert "this name is not valid text" in run.err


def test_errors_show_what_they_quote_in_python_too() -> None:
    error = InputError([Problem(f"unknown '{EVIL}'", f"a\n{EVIL}", 3, "x\ny"), Problem("second")])
    assert str(error) == f"a<U+000A>{SHOWN}:3: x<U+000A>y: unknown '{SHOWN}'\nsecond"
    assert error.problems[0].file == f"a\n{EVIL}"
    with pytest.raises(InputError) as found:
        k2rel.study(EVIL)
    assert SHOWN in str(found.value)
    assert hidden(str(found.value)) == []


def test_pages_show_them_as_numbers_and_other_scripts_as_they_are() -> None:
    import pandas as pd

    frame = pd.DataFrame({"type": [EVIL, HEBREW], f"{EVIL}h": [1.0, 2.0]}, index=pd.Index([EVIL, ARABIC], name="part"))
    pages = [
        report_page(EVIL, f"<p>{HEBREW}</p>", EVIL, {EVIL: EVIL}),
        index_page([Entry("x", "x.html", {"title": EVIL, "service": HEBREW})], [], EVIL, {"author": EVIL}),
        index_page([Entry(EVIL, None, {}, EVIL)], [Entry(EVIL, None, {}, EVIL)], HEBREW),
        show_text(f"{EVIL} {HEBREW}").data,
        show(frame).data,
    ]
    for page in pages:
        assert hidden(page) == []
        assert "&lt;U+202E&gt;" in page
        assert HEBREW in page
    assert for_people(frame).index.tolist()[1] == ARABIC


def test_pictures_are_well_formed_whatever_names_they_have() -> None:
    ax = new_axes(None, (4, 3))
    ax.plot([1, 2], label=f"legend {EVIL}")
    name_rows(ax, [EVIL, HEBREW])
    tidy(ax, f"title {EVIL}", EVIL, EVIL)
    legend(ax)
    svg = svg_of(ax)
    assert hidden(svg) == []
    assert HEBREW in "".join(ET.fromstring(svg).itertext())


def test_a_name_in_letters_from_right_to_left_stays_as_it_is(k2, tmp_path) -> None:
    path = tmp_path / f"{HEBREW}.yaml"
    path.write_text(site_path("L1").read_text().replace("switch_A", ARABIC).replace("name: L1", f"name: {HEBREW}"))
    assert f"{HEBREW}.yaml: valid" in k2("check", path).out
    assert f'"name": "{ARABIC}"' in (out := k2("components", path, "--format", "json").out) or ARABIC in out
    assert ARABIC in k2("failover", path, "--fail", ARABIC).out
    assert ARABIC in draw_site(k2rel.read_site(path)).svg


def test_what_turns_the_direction_is_refused_where_a_site_is_read(k2, tmp_path) -> None:
    (tmp_path / "x.yaml").write_text(site_path("L1").read_text().replace("switch_A", '"switch\\u202eA"'))
    run = k2("check", tmp_path / "x.yaml")
    assert run.code == 2
    assert "U+202E in it is not a printable character" in run.err
    assert hidden(run.err) == []


def test_one_place_makes_texts_plain() -> None:
    """Nobody else escapes for a page, and the command prints by the functions that make texts plain."""
    package = Path(k2rel.__file__).parent
    for path in package.rglob("*.py"):
        code = re.sub(r"^ *(>>>|\.\.\.) .*", "", path.read_text(), flags=re.MULTILINE)
        assert not re.search(r"\bhtml\.escape\(", code), path
        if path.parent.name == "cli" and path.name != "printing.py":
            assert not re.search(r"(?<![\w.])print\(|sys\.std(out|err)\.write\(", code), path


def test_plain_text_is_not_touched() -> None:
    text = f"10\u00a0µm ≥ – {HEBREW} {ARABIC} 漢字\n\tx"
    assert plain_signs(text) == text
    assert plain_signs("a\nb", "") == "a<U+000A>b"


def test_a_message_that_quotes_a_book_keeps_its_ends() -> None:
    """A person reads where it is and what would be right; the thousandth line of what was given helps nobody."""
    said = str(InputError(f"s.yaml:3: name: '{'x' * 70_000}' is no name; it has up to 60 letters"))
    assert len(said) < 1_000
    assert said.startswith("s.yaml:3: name: 'xxx")
    assert said.endswith("xxx' is no name; it has up to 60 letters")
    assert "characters ...]" in said


def test_of_hundreds_of_mistakes_the_first_are_told_and_how_many_more() -> None:
    error = InputError([Problem(f"'{n}' is not a number", "t.csv", n) for n in range(1, 313)])
    lines = str(error).split("\n")
    assert lines[0] == "t.csv:1: '1' is not a number"
    assert lines[-1] == "and 252 more"
    assert len(lines) == 61
    assert len(error.problems) == 312
