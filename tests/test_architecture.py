"""The house keeps its order: imports run one way, files hold one idea, heavy things load where they are used."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "k2rel"
# A module may import only from those that stand before it.
ORDER = ["_version", "errors", "arguments", "parallel", "units", "distributions", "intervals", "numerals", "textio", "bundled", "basis", "uncertain", "commoncause", "logic", "ctmc", "faulttrees", "site", "rates", "field", "policy", "studies", "organisation", "services", "exact", "markov", "simulation", "tables",
         "measures", "design", "plots", "report", "sweep", "explore", "cli"]  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


def imports(path):
    """Names of k2rel modules that a file imports anywhere, type checking included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "k2rel":
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("k2rel."))


def room(module):
    return module.split(".")[1] if "." in module else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if here == "__init__":
        return
    for module in imports(path):
        there = room(module)
        if there is not None:
            assert there == here or ORDER.index(there) < ORDER.index(here), f"{here} imports {module}"


def test_every_room_stands_in_the_order():
    rooms = {
        path.name.removesuffix(".py")
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_says_what_it_is_and_stays_readable(path):
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= 500


def test_every_public_function_has_an_example_that_runs():
    missing = []
    for path in FILES:
        tree = ast.parse(path.read_text())
        names = next(
            (ast.literal_eval(node.value) for node in tree.body
             if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
             and isinstance(node.value, ast.List) and all(isinstance(e, ast.Constant) for e in node.value.elts)),
            [],
        )  # fmt: skip
        for node in tree.body:
            if (
                isinstance(node, ast.FunctionDef)
                and node.name in names
                and ">>>" not in (ast.get_docstring(node) or "")
            ):
                missing.append(f"{path.name}: {node.name}")
    assert not missing


def test_only_the_policy_knows_failover_words():
    """No file behind the policy reads triggers, heartbeats or holders: there is no second copy of a rule."""
    for path in FILES:
        here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if here in ORDER and ORDER.index(here) > ORDER.index("policy"):
            text = path.read_text()
            for word in (r"\.triggers\b", r"\.heartbeat\b", r"\.backup\b"):
                assert not re.search(word, text), f"{path.name} reads {word}"


def test_the_engine_and_the_site_do_not_know_the_word_k2():
    for folder in ("logic", "site", "policy", "services", "exact", "markov", "simulation", "ctmc", "rates"):
        for path in (PACKAGE / folder).rglob("*.py"):
            assert "k2" not in path.read_text().lower().replace("k2rel", ""), path


def test_the_simulation_shares_nothing_with_the_exact_engines():
    """Agreement of the three engines means something only while each has its own way from the rules to the figures."""
    for path in (PACKAGE / "simulation").rglob("*.py"):
        assert not {room(module) for module in imports(path)} & {"exact", "markov", "ctmc", "measures"}, path
