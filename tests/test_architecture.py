"""The house keeps its order: imports run one way, files hold one idea, heavy things load where they are used."""

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import k2rel
from tests.house import BEGIN, END, FILES, PACKAGE, PAPER, circles, imports, modules, picture, room, rooms

# A module may import only from those that stand before it.
ORDER = ["_version", "claims", "signs", "errors", "extras", "doing", "arguments", "memory", "parallel", "units", "bundled", "quantities", "columns", "tables", "distributions", "intervals", "numerals", "textio", "sheets", "loops", "basis", "terms", "uncertain", "inputs", "commoncause", "logic", "ctmc", "faulttrees", "site", "rates", "field", "cables", "policy", "drawn", "studies", "alarms", "organisation", "services", "exact", "markov", "simulation",
         "measures", "design", "plots", "answer", "report", "sweep", "explore", "cli"]  # fmt: skip
EACH_FILE = pytest.mark.parametrize("path", FILES.values(), ids=FILES)


def test_imports_run_one_way() -> None:
    against = [f"{here} imports {there}" for here, there in rooms().edges if ORDER.index(there) > ORDER.index(here)]
    assert not against


def test_every_room_stands_in_the_order() -> None:
    assert set(rooms()) == set(ORDER)


def test_no_module_leads_back_to_itself() -> None:
    """Inside the rooms as between them; imports inside functions and for type checkers count."""
    assert circles(modules()) == []


def test_one_arrow_points_up_and_says_so() -> None:
    """A study is asked for its answer, a site for its file, a graph for its site; whoever answers stands above."""
    by_name = {path.name: re.findall(r"import_module\((.*?)\)", path.read_text()) for path in FILES.values()}
    assert {name: found for name, found in by_name.items() if '"k2rel.answer"' in found} == {
        "studies.py": ['"k2rel.answer"']
    }
    assert {name for name, found in by_name.items() if '"k2rel.site.saved"' in found} == {"outward.py"}
    assert {name for name, found in by_name.items() if '"k2rel.drawn"' in found} == {"as_graph.py"}


def test_the_picture_of_the_house_is_the_one_of_its_code() -> None:
    drawn = PAPER.read_text().partition(BEGIN)[2].partition(END)[0]
    assert drawn == picture(), "write it anew: make picture"


@EACH_FILE
def test_every_file_says_what_it_is_and_stays_readable(path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= 500


def test_docstrings_are_at_most_a_quarter_of_the_lines() -> None:
    told = total = 0
    for path in FILES.values():
        text = path.read_text()
        total += text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0] if node.body else None
                if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
                    told += first.end_lineno - first.lineno + 1
    assert told <= total / 4, f"{told} of {total} lines"


def public() -> dict[str, object]:
    """What `k2rel` and the faces of its packages export."""
    faces = [k2rel, *(import_module(name) for name, path in FILES.items() if path.name == "__init__.py")]
    named = {f"{face.__name__}.{name}": getattr(face, name) for face in faces for name in getattr(face, "__all__", ())}
    return {name: thing for name, thing in named.items() if not isinstance(thing, ModuleType)}


def test_every_public_function_has_an_example_that_runs() -> None:
    functions = {name: thing for name, thing in public().items() if inspect.isfunction(thing)}
    assert len(functions) > 100
    assert not [name for name, function in functions.items() if ">>>" not in (function.__doc__ or "")]


def test_what_is_public_stands_in_one_list() -> None:
    assert {"availability", "Site", "plots", "__version__"} <= set(dir(k2rel))
    packages = {name for name in dir(k2rel) if isinstance(getattr(k2rel, name), ModuleType)}
    assert set(dir(k2rel)) - packages == set(vars(k2rel)["__all__"]), "a star import takes no `field` from its user"
    assert all(getattr(k2rel, name) is not None for name in dir(k2rel))
    packages = {here for here in rooms() if FILES[f"k2rel.{here}"].name == "__init__.py"}
    assert packages - set(dir(k2rel)) == {"cli", "loops", "sheets"}
    with pytest.raises(AttributeError, match=r"no public name 'availabilty'; did you mean 'availability'\?"):
        getattr(k2rel, "availabilty")  # noqa: B009


def test_nothing_behind_the_policy_reads_how_a_takeover_is_triggered() -> None:
    """Three attributes of roles, no more; that is all that a search of words can hold.

    That no engine has an overload or a full service of its own is shown by answers that agree: in
    test_every_level_against_enumeration.py, test_exact_against_enumeration.py, test_dynamic_engine.py,
    test_simulation.py and the page of test_validation.py.
    """
    for name, path in FILES.items():
        here = room(name)
        if here and ORDER.index(here) > ORDER.index("policy"):
            found = re.findall(r"\.(?:triggers|heartbeat|backup)\b", path.read_text())
            assert not found, f"{name} reads {found}"


def test_the_engine_and_the_site_do_not_know_the_word_k2() -> None:
    for folder in ("logic", "site", "policy", "services", "exact", "markov", "simulation", "ctmc", "rates"):
        for path in (PACKAGE / folder).rglob("*.py"):
            assert "k2" not in path.read_text().lower().replace("k2rel", ""), path


def test_the_simulation_shares_nothing_with_the_exact_engines() -> None:
    """Agreement of the three engines means something only while each has its own way from the rules to the figures."""
    for path in (PACKAGE / "simulation").rglob("*.py"):
        found = set(imports(path))
        assert not {room(module) for module in found} & {"exact", "markov", "ctmc", "measures"}, path
        assert {module for module in found if room(module) == "services"} <= {"k2rel.services.catalogue"}, path
    beside = {room(module) for module in imports(PACKAGE / "services" / "catalogue.py")}
    assert beside <= {"logic", "policy", "site"}, "the catalogue must bring nothing of the exact engines with it"
    for path in (PACKAGE / "markov").rglob("*.py"):
        assert "exact" not in {room(module) for module in imports(path)}, path


@EACH_FILE
def test_the_hours_of_a_year_stand_in_units_alone(path: Path) -> None:
    numbers = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    assert path.name == "units.py" or not {8760, 525_600} & {n for n in numbers if type(n) in (int, float)}
