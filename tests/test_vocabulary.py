"""Texts are written in the field's words: what people read has no phrase that an engineer would have to translate.

Held are the string constants of the package, the docstrings of public names, the scripts of the pages, the notebooks,
the levels and examples, and the documents. The rule is the table of retired phrases; what is meant otherwise stands
below it, each with its reason.
"""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from k2rel.bundled import data_dir, notebook_dir
from tests.house import PACKAGE
from tests.test_architecture import public

ROOT = PACKAGE.parent

RETIRED = {
    r"(?<!failure )(?<!power )\blaws?\b": "distribution (law only in 'failure law')",
    r"\bways\b|\bway of (?:the|a|its|media)\b|\bon the way\b|\bon its way\b|\banother way\b": "path, route, in progress",
    r"\broles (?:that )?stick\b|\bstick(?:s|ing)?\b": "takeovers as modelled; non-revertive",
    r"\b(?:a|the|no) persons?\b|\bpersons\b": "operator; time to operator action",
    r"\b(?:nobody|somebody|anybody)\b": "name who: no holder, an operator",
    r"\bstands? by\b(?! (?:itself|themselves))": "standby ready",
    r"\bcalm\b|\bexcursions?\b": "all-up state, regenerative cycle",
    r"\bbecomes? good\b|\bgood again\b|\b(?:is|are) good\b": "is restored, is up; of a file: is valid",
    r"\bloss(?:es)? (?:a|per) year\b(?<!data losses a year)": "failures per year",
    r"\bis LOST\b|\bLost: |\bservice is lost\b|\bis there now\b": "is down, service failure",
    r"\bcounts as lost\b|\bhas lost it\b": "is down",
    r"\bquick look\b": "static sampling",
    r"\bP\(log so far out\)": "prior predictive p-value",
    r"\bno usable file name\b|(?<!there )\bis no time\b": "invalid file name, not a valid duration",
    r"\bsaid nearer\b": "the most specific setting takes precedence",
    r"\bharmless\b": "escaped",
    r"\btells\b": "states, reports",
    r"\bat once and certain\b": "instant and certain",
    r"\bwhat users are given\b": "performability",
    r"\bset by hand\b|\bchanged by hand\b": "set by the user",
    r"\bbreaks? off\b": "is interrupted",
    r"\bis no regular file\b|\bno other is read\b": "not a regular file; only regular files are read",
    r"(?<![Tt]here )\b(?:is|are) no (?:number|date|text|table|list|whole|valid|name|part|server|role|key|JSON|unit)\b":
        "is not a …",
    r"\b(?:is|are) too (?:many|much) to (?:follow|count)\b": "too many to be …",
    r"\bnobody (?:notices|knows)\b|\bunnoticed\b": "undetected",
    r"\bstrands (?:the|a|it)\b": "the takeover of the role has failed",
    r"\bis down less\b|\bdown alike\b": "has less downtime, equal downtime",
    r"\bwaits? for no\b": "never waits for a",
}  # fmt: skip
"""Phrase, and what to write."""

ALLOWED = {
    ("k2rel/field/events.py", "by hand"): "an outcome in logs that users have written",
    ("k2rel/rates/table.py", "in the column law"): "the name of a column of the table of rates",
    ("k2rel/field/fit.py", "laws: "): "the name of an argument",
}


def docstrings(tree: ast.AST) -> set[int]:
    """Strings that stand as statements."""
    return {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def constants(path: Path) -> Iterator[tuple[int, str]]:
    """Texts with blanks that are no docstrings; what is filled in stands in braces."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(value) for value in node.values}
            pieces = (v.value if isinstance(v, ast.Constant) else f"{{{ast.unparse(v)}}}" for v in node.values)
            if " " in (text := "".join(map(str, pieces))):
                yield node.lineno, text
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield from ((node.lineno, text) for text in (node.value,) if " " in text)


def scripts(path: Path) -> Iterator[tuple[int, str]]:
    for line, text in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        for found in re.finditer(r'"[^"]* [^"]*"|`[^`]* [^`]*`', text):
            yield line, found[0]


def cells(path: Path) -> Iterator[tuple[int, str]]:
    """Prose of a notebook, its strings and the help of its parameters."""
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield number, text
        else:
            yield from ((number, found[0]) for found in re.finditer(r'"[^"\n]* [^"\n]*"|#.*', text))


def prose(path: Path) -> Iterator[tuple[int, str]]:
    yield from enumerate(path.read_text(encoding="utf-8").split("\n"), 1)


@cache
def documents() -> list[tuple[int, str, str]]:
    """Line, text and file of all that people read."""
    return list(_documents())


def _documents() -> Iterator[tuple[int, str, str]]:
    data = data_dir()
    readers = [
        (PACKAGE.rglob("*.py"), constants),
        (PACKAGE.rglob("*.js"), scripts),
        (notebook_dir().glob("*.ipynb"), cells),
        ((data / "levels").glob("*.yaml"), prose),
        ((data / "examples").rglob("*.yaml"), prose),
        ([data / "glossary.csv"], prose),
        ((ROOT / "docs").rglob("*.md"), prose),
        ([path for path in [ROOT / "README.md"] if path.exists()], prose),
    ]
    for paths, read in readers:
        for path in paths:
            name = path.relative_to(ROOT).as_posix()
            for line, text in read(path):
                yield line, text, name


def public_docstrings() -> Iterator[tuple[str, str, str]]:
    """Of functions and classes that the package and its parts export, with their public methods."""
    for thing in public().values():
        if not (inspect.isfunction(thing) or inspect.isclass(thing)) or not thing.__module__.startswith("k2rel"):
            continue
        name = Path(inspect.getfile(inspect.unwrap(thing))).relative_to(ROOT).as_posix()
        members = [thing, *(v for k, v in vars(thing).items() if k[0] != "_")] if inspect.isclass(thing) else [thing]
        for each in members:
            text = inspect.getdoc(each) if isinstance(each, property | classmethod) or callable(each) else ""
            for line in (text or "").split("\n"):
                failure_laws = name.startswith("k2rel/rates/")  # where `Law` is one
                if failure_laws and re.search(r"\blaws?\b", line):
                    continue
                if ">>>" not in line and not re.match(
                    r" *\w+(?:, \w+)*(?: : |$)|\(|\[", line
                ):  # examples, and what a parameter is called
                    yield getattr(each, "__name__", ""), line, name


def allowed(name: str, text: str) -> bool:
    return any(name == file and phrase in text for file, phrase in ALLOWED)


def test_no_text_has_a_retired_phrase() -> None:
    whole = re.compile("|".join(RETIRED))
    wrong = []
    for line, text, name in (*documents(), *public_docstrings()):
        if not whole.search(text) or allowed(name, text):
            continue
        for phrase, better in RETIRED.items():
            if found := re.search(phrase, re.sub(r"\{[^{}]*\}|``[^`]*``|`[^`]*`|--[a-z-]+", "{}", text)):
                wrong.append(f"{name}:{line}: '{found[0]}' ({better}): {text.strip()[:100]}")
    assert not wrong, "\n".join(wrong)


def test_every_exception_is_still_needed() -> None:
    for file, phrase in ALLOWED:
        assert any(name == file and phrase in text for _, text, name in documents()), (file, phrase)


@pytest.mark.parametrize(
    "text",
    ["loss of a failure law", "the way out", "there is no number", "12 data losses a year", "the power law"],
)
def test_what_is_meant_otherwise_is_left_alone(text) -> None:
    assert not [phrase for phrase in RETIRED if re.search(phrase, text)]


@pytest.mark.parametrize(
    "text",
    [
        "a Weibull law",
        "2.6 losses a year",
        "until a person acts",
        "a backup stands by",
        "'x' is no number",
        "good again",
        "L1 is down less than L2",
        "strands the role",
    ],
)
def test_what_is_retired_is_found(text) -> None:
    assert [phrase for phrase in RETIRED if re.search(phrase, text)]
