"""Whoever gives a notebook its parameters, papermill or a person, is understood or told what would be right."""

import ast
import json
import linecache
import math
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import k2rel
from k2rel import InputError
from k2rel.bundled import notebook_dir
from k2rel.report import check_parameters

NOTEBOOKS = sorted(notebook_dir().glob("*.ipynb"))
DECLARED = "level: str = 'L2R'\nclients: int = 0\nbound: float = 1e-3\nlevels: list[str] = ['L1']\nshares: list[float] = []\nsampled: bool = False"  # fmt: skip


def run(*cells):
    """What a kernel does with cells, one after another, and the check in a cell of its own at the end."""
    history = [""]
    space = {"In": history, "check_parameters": check_parameters}
    for cell in (*cells, "check_parameters(globals())"):
        history.append(cell)
        exec(cell, space)
    return space


def given_by_papermill(**parameters):
    return "# Parameters\n" + "\n".join(f"{name} = {value!r}" for name, value in parameters.items())


def understood(name, value):
    return run(DECLARED, given_by_papermill(**{name: value}))[name]


def refusal(*cells):
    with pytest.raises(InputError) as caught:
        run(*cells)
    return str(caught.value)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_checks_its_parameters_before_it_uses_one(path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    place = next(i for i, cell in enumerate(cells) if "parameters" in cell["metadata"].get("tags", []))
    lines = ast.parse("".join(cells[place]["source"])).body
    kinds = {ast.unparse(line.annotation) for line in lines if isinstance(line, ast.AnnAssign)}
    assert all(isinstance(line, ast.AnnAssign) for line in lines)
    assert kinds <= {"str", "int", "float", "bool", "list[str]", "list[float]", "list[int]"}
    body = ast.parse("".join(cells[place + 1]["source"])).body
    first = next(line for line in body if not isinstance(line, ast.Import | ast.ImportFrom))
    assert ast.unparse(first) == "check_parameters(globals())"


WORDS = st.text("abcLR123_./:~= MB", min_size=1, max_size=12).map(str.strip).filter(bool)


@settings(max_examples=50)
@given(st.lists(WORDS, max_size=5))
def test_a_list_of_names_may_be_given_as_text_in_every_usual_way(names) -> None:
    assert understood("levels", names) == names
    assert understood("levels", json.dumps(names)) == names
    assert understood("levels", repr(names)) == names
    assert understood("levels", ", ".join(names)) == names
    assert understood("levels", ", ".join(f'"{name}"' for name in names)) == names
    assert understood("levels", f"[ {' , '.join(names)} ]") == names  # as YAML has it


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_list_of_numbers_may_be_given_as_text(numbers) -> None:
    for text in (json.dumps(numbers), ", ".join(map(repr, numbers)), ",".join(map(repr, numbers))):
        assert understood("shares", text) == numbers
    assert understood("shares", numbers[0]) == numbers[:1]


@given(st.integers(0, 10**30))
def test_a_whole_number_is_one_however_it_is_written(number) -> None:
    assert understood("clients", str(number)) == understood("clients", f" +{number}") == number
    if number < 2**53:
        for written in (float(number), f"{number}.0", f"{number}e0"):
            found = understood("clients", written)
            assert (found, type(found)) == (number, int)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives_as_text_and_a_text_as_a_number(number) -> None:
    found = understood("bound", repr(number))
    assert (found, math.copysign(1, found)) == (number, math.copysign(1, number))
    assert understood("level", number) == repr(number)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text("[](){}\"',0123456789e.- a\\"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=50)
@given(PLAIN)
def test_whatever_comes_has_the_declared_type_afterwards_or_is_refused_in_a_line_with_the_name(value) -> None:
    for name, declared, kind, inner in (
        ("level", "str", str, None), ("clients", "int", int, None), ("bound", "float", float, None),
        ("sampled", "bool", bool, None), ("levels", "list[str]", list, str), ("shares", "list[float]", list, float),
    ):  # fmt: skip
        space = {"__annotations__": {name: declared}, name: value}
        try:
            check_parameters(space)
        except InputError as error:
            assert str(error).startswith(f"{name}: ")
            assert len(str(error).splitlines()) == 1
        else:
            assert type(space[name]) is kind
            assert inner is None or {type(item) for item in space[name]} <= {inner}


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [("level", 99.99, "99.99"), ("bound", 3, 3.0), ("bound", "1e-4", 1e-4), ("clients", 1e4, 10000),
     ("sampled", "Yes", True), ("sampled", "false", False), ("sampled", 1, True), ("levels", "L1", ["L1"]),
     ("levels", "", []), ("levels", "[L1, L2R]", ["L1", "L2R"]), ("levels", [1, "L2"], ["1", "L2"]),
     ("levels", 'toe.mttr="4 h"', ['toe.mttr="4 h"']), ("levels", 'a.b="250,000 h"', ['a.b="250,000 h"']),
     ("levels", "psu.life=weibull(shape=1, scale=2), b", ["psu.life=weibull(shape=1, scale=2)", "b"])],
)  # fmt: skip
def test_what_can_only_be_meant_in_one_way_is_understood(name, value, meant) -> None:
    assert (found := understood(name, value)) == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("clients", "four", "clients: a whole number is needed, got 'four'"),
     ("clients", 2.5, "clients: a whole number of 0 or more is needed, got 2.5"),
     ("clients", True, "clients: a whole number of 0 or more is needed, got True"),
     ("clients", "250,000", "clients: a whole number is needed; '250,000' can be 250000 or 250; write it without a "
      "thousands separator, with a decimal point"),
     ("bound", [1], "bound: a number is needed, got [1]"),
     ("bound", "1e999", "bound: a finite number is needed, got '1e999'"),
     ("level", None, "level: a text is needed, got None"),
     ("sampled", "maybe", "sampled: true or false is needed, got 'maybe'"),
     ("levels", {"L1": 1}, "levels: a list is needed, such as first, second; got {'L1': 1}"),
     ("levels", "a.b=1,5 h", "levels: 'a.b=1,5 h' can be one item or two; write a space after a comma that separates, "
      'or a list such as ["first", "second"]'),
     ("shares", "0.9, much", "shares: a number is needed, got 'much'")],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_what_came_and_what_is_wanted(name, value, said) -> None:
    assert refusal(DECLARED, given_by_papermill(**{name: value})) == said


def test_an_unknown_name_is_told_with_the_nearest_and_every_mistake_at_once() -> None:
    names = "level, clients, bound, levels, shares, sampled"
    assert refusal(DECLARED, given_by_papermill(clientss=4, zzz=1, bound="x")).splitlines() == [
        f"there is no parameter 'clientss'; did you mean 'clients'? Parameters: {names}",
        f"there is no parameter 'zzz'; parameters: {names}",
        "bound: a number is needed, got 'x'",
    ]


def test_a_person_who_edits_and_runs_cells_again_is_told_of_types_and_not_of_other_names() -> None:
    assert "got 'four'" in refusal(DECLARED.replace("= 0", "= 'four'"))
    later = "study = 1\nclientss = 3"
    assert run(DECLARED, later, DECLARED, later)["clientss"] == 3
    wrong = given_by_papermill(clientss=4)
    assert "'clientss'" in refusal(DECLARED, wrong, "%%not Python".replace("%", "#"), later)
    assert run(DECLARED, wrong, DECLARED, later)["clients"] == 0  # the wrong cell was deleted
    assert run(DECLARED, wrong, given_by_papermill(clients=5))["clients"] == 5  # or mended


def papermill(*words):
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def short(tmp_path, monkeypatch):
    """The notebook on sweeps up to its verdict, with a table of two rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.defpath)  # without the command
    whole = json.loads((notebook_dir() / "sweep_summary.ipynb").read_text())
    (tmp_path / "short.ipynb").write_text(json.dumps({**whole, "cells": whole["cells"][:6]}))
    (tmp_path / "sweep.csv").write_text("level,clients,downtime_min_per_year,error\nL1,4,30.5,\nL2R,4,4.25,\n")


@pytest.mark.notebook
def test_plain_papermill_ends_with_the_sentence(short) -> None:
    wrong = papermill("short.ipynb", "wrong.ipynb", "-p", "axis", "level", "-p", "sampled", "perhaps")
    said, _ = wrong.communicate(timeout=120)
    assert wrong.returncode == 1
    assert said.strip().splitlines()[-3:] == [
        "line 6: check_parameters(globals())",
        "InputError: there is no parameter 'axis'; did you mean 'axes'? Parameters: table, axes, sampled, results",
        "sampled: true or false is needed, got 'perhaps'",
    ]


@pytest.mark.slow  # the texts that papermill hands in are understood above
@pytest.mark.notebook
def test_plain_papermill_understands_a_list_given_as_text(short, tmp_path) -> None:
    right = papermill("short.ipynb", "right.ipynb", "-p", "table", "sweep.csv", "-p", "axes", "level, clients")
    said, _ = right.communicate(timeout=120)
    assert right.returncode == 0, said
    assert "Least: 4.25 min a year (level L2R, clients 4)." in (tmp_path / "right.ipynb").read_text()


def test_a_notebook_shows_an_error_of_k2rel_as_the_line_that_asked_and_the_sentence() -> None:
    source = "import k2rel\n\nstudy = k2rel.study('L9')\n"
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")  # as IPython does
    with pytest.raises(k2rel.K2relError) as caught:
        exec(compile(source, "<cell>", "exec"), {})
    assert caught.value._render_traceback_() == ["line 3: study = k2rel.study('L9')", f"InputError: {caught.value}"]
    assert InputError("never raised")._render_traceback_() == ["InputError: never raised"]


def test_types_are_read_from_the_cells_where_python_keeps_those_of_the_last_statement_alone() -> None:
    """As from Python 3.14 on, where a notebook's statements are compiled one by one."""
    cells = [
        "",
        "%matplotlib inline",
        "levels: list[str] = []  # which\nclients: int = 0",
        "# Parameters\nclients = '20'",
    ]
    space = {"In": cells, "levels": "L1, L2R", "clients": "20", "__annotate__": lambda form: {"clients": int}}
    check_parameters(space)
    assert (space["levels"], space["clients"]) == (["L1", "L2R"], 20)
    with pytest.raises(InputError, match="there is no parameter 'client'; did you mean 'clients'"):
        check_parameters({**space, "In": [*cells, "# Parameters\nclient = 3"], "client": 3})
