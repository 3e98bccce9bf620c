"""Parameters of a notebook: known names, values of the declared type; what is meant in only one way is understood.

papermill gives numbers and texts as they are typed, and only warns of a name that the notebook does not have.
"""

from __future__ import annotations

import ast
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

from k2rel.arguments import as_number, as_whole, shown
from k2rel.errors import InputError, Problem, closest
from k2rel.numerals import numeral, plain_number

__all__ = ["check_parameters", "checked"]

_INJECTED = "# Parameters"  # how the cell begins that papermill puts after the one tagged "parameters"
_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_GROUP = r"""\"(?:\\.|[^\"\\])*\"|'[^']*'|\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}"""
_ITEM = re.compile(rf"(?:{_GROUP}|[^,])+")


def check_parameters(namespace: MutableMapping[str, Any]) -> None:
    """Check the parameters of a notebook by name and type, and give each the type that it is declared with.

    Parameters
    ----------
    namespace : dict
        ``globals()`` of the notebook. Every annotated name in it is a parameter; what papermill gave is read from the
        cell that it put in, so that other names do not matter.

    Raises
    ------
    InputError
        If a name is unknown or a value does not fit its type.

    Examples
    --------
    >>> notebook = {"__annotations__": {"levels": list[str], "clients": int}, "levels": "L1, L2R", "clients": "20"}
    >>> check_parameters(notebook)
    >>> notebook["levels"], notebook["clients"]
    (['L1', 'L2R'], 20)
    """
    late = namespace.get("__annotate__")  # from Python 3.14 on annotations are evaluated when asked for (1: as values)
    declared = namespace.get("__annotations__") or _declared(namespace.get("In", ())) or (late(1) if late else {})
    given = dict.fromkeys(_injected(namespace.get("In", ())))
    values = {name: namespace[name] for name in declared if name in namespace}
    namespace.update(checked(given | values, declared))


def checked(given: Mapping[str, Any], declared: Mapping[str, Any], file: str | None = None) -> dict[str, Any]:
    """Convert what is given to the declared types (as types or as written); every mistake is told.

    Examples
    --------
    >>> checked({"target": 99.99, "coverages": "0.9, 1"}, {"target": "str", "coverages": "list[float]"})
    {'target': '99.99', 'coverages': [0.9, 1.0]}
    """
    problems: list[Problem] = []
    found = {}
    for name, value in given.items():
        if name not in declared:
            near = closest(name, declared)
            near = f"{near} Parameters" if near.endswith("?") else "; parameters"
            problems.append(Problem(f"there is no parameter {name!r}{near}: {', '.join(declared)}"))
            continue
        kind = declared[name]
        try:
            found[name] = _converted(name, value, kind.__name__ if isinstance(kind, type) else str(kind))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError([replace(problem, file=file) for problem in problems])
    return found


def _declared(history: Sequence[str]) -> dict[str, str]:
    """Types as cells declare them: from Python 3.14 on a notebook's names have none but those of its last statement."""
    bodies = (ast.parse(cell).body for cell in history if ": " in cell and _is_python(cell))
    lines = [line for body in bodies for line in body if isinstance(line, ast.AnnAssign)]
    return {line.target.id: ast.unparse(line.annotation) for line in lines if isinstance(line.target, ast.Name)}


def _is_python(cell: str) -> bool:
    try:
        ast.parse(cell)
    except SyntaxError:  # of magics
        return False
    return True


def _injected(history: Sequence[str]) -> Iterable[str]:
    """Names that papermill gave; none if the parameters' own cell was run after the cell that papermill put in."""
    for cell in reversed(history):
        try:
            body = ast.parse(cell).body
        except SyntaxError:
            continue
        if cell.startswith(_INJECTED):
            targets = [target for line in body if isinstance(line, ast.Assign) for target in line.targets]
            return [target.id for target in targets if isinstance(target, ast.Name)]
        if any(isinstance(line, ast.AnnAssign) for line in body):
            break
    return ()


def _converted(name: str, value: Any, kind: str) -> Any:
    """A value in the declared type; a type that is not known here is left to the notebook."""
    outer, _, inner = kind.replace(" ", "").partition("[")
    if outer == "list":
        convert = _SCALARS.get(inner.rstrip("]"))
        items = _items(name, value, numbers=convert in (_whole, _number))
        return [convert(name, item) for item in items] if convert else items
    convert = _SCALARS.get(kind)
    return convert(name, value) if convert else value


def _items(name: str, value: Any, *, numbers: bool) -> list[Any]:
    """The items of a list, which may be given as text: in brackets or not, quoted or not, with commas between them."""
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str):
        if isinstance(value, Real | os.PathLike):
            return [value]
        raise InputError(f"{name}: a list is needed, such as first, second; got {shown(value)}")
    text = value.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    elif not numbers and re.search(r"\d,\d", re.sub(_GROUP, "", text)):
        raise InputError(
            f"{name}: {shown(value)} can be one item or two; write a space after a comma that separates, "
            'or a list such as ["first", "second"]'
        )
    return [_unquoted(item) for item in map(str.strip, _ITEM.findall(text)) if item]


def _unquoted(item: str) -> str:
    """An item without the quotes around it; what stands in double quotes may have escapes, as in JSON."""
    if len(item) < 2 or item[0] != item[-1] or item[0] not in "\"'":
        return item
    try:
        return str(json.loads(item))
    except ValueError:
        return item[1:-1]


def _text(name: str, value: Any) -> str:
    """A text; a number is one, since papermill makes a number of 99.99."""
    if isinstance(value, str | os.PathLike):
        return str(value)
    if not isinstance(value, Real):
        raise InputError(f"{name}: a text is needed, got {shown(value)}")
    return str(value)


def _typed(name: str, value: Any, wanted: str) -> Any:
    """The number that a text writes; anything else as it is."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"[+-]?\d{1,4000}", value.strip(), re.ASCII):
        return int(value)  # all digits of it, which a float would not keep
    try:
        return plain_number(value)
    except ValueError as error:
        said = f"; {error}" if numeral(value) else f", got {shown(value)}"  # 250,000 can be meant in two ways
        raise InputError(f"{name}: {wanted} is needed{said}") from None


def _whole(name: str, value: Any) -> int:
    return as_whole(name, _typed(name, value, "a whole number"))


def _number(name: str, value: Any) -> float:
    found = as_number(name, _typed(name, value, "a number"))
    if math.isinf(found):
        raise InputError(f"{name}: a finite number is needed, got {shown(value)}")
    return found


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in _FLAGS:
        return _FLAGS[value.strip().lower()]
    if isinstance(value, Real) and value in (0, 1):
        return bool(value)
    raise InputError(f"{name}: true or false is needed, got {shown(value)}")


_SCALARS: dict[str, Callable[[str, Any], Any]] = {"str": _text, "int": _whole, "float": _number, "bool": _flag}
